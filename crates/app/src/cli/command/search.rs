//! `search`: the passages that match best.

use anyhow::Result;
use console::style;
use jiff::{Span, Zoned};
use ragged::{
    library::{Hit, Library, SearchRequest, SearchResponse},
    retrieval::Filter,
    settings::{SearchMode, Strategy},
    temporal::expression::{self, Context, Kind, Reading},
};

use super::{add::shortened, joined};
use crate::{
    cli::{
        Session,
        args::{Filters, Mode, SearchArgs, SearchManyArgs, Way},
        printer::{Printer, counted, milliseconds, thousands, visible},
    },
    failure::Outcome,
    wire,
};

/// Lines of a passage that are shown.
const SHOWN_LINES: usize = 4;

pub(crate) fn run(args: &SearchManyArgs, session: &Session) -> Result<Outcome> {
    if let Some(file) = &args.batch {
        return super::batch::run(file, &args.search, session);
    }
    let args = &args.search;
    let library = session.existing_library()?;
    let request = request(args, &library)?;
    let response = library.search(&request)?;
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&wire::Search::new(&request.query, &response))?;
        return Ok(Outcome::Done);
    }
    note_if_behind(&response, printer);
    if response.hits.is_empty() {
        printer.line("Nothing found.")?;
        suggest(args, &library, printer)?;
    }
    print_hits(&response, args.explain, printer)?;
    let found = counted(response.hits.len() as u64, "hit", "hits");
    let from = if response.from_cache { ", from memory" } else { "" };
    let note = format!("{found} in {}{from}", milliseconds(response.timings.total));
    printer.note(style(note).for_stderr().dim().to_string());
    Ok(Outcome::Done)
}

/// The hits, and with `explain` the parts of their scores and the plan.
pub(crate) fn print_hits(
    response: &SearchResponse,
    explain: bool,
    printer: &Printer,
) -> Result<()> {
    for hit in &response.hits {
        print_hit(hit, printer)?;
        if explain {
            print_parts(hit, printer)?;
        }
    }
    if explain {
        print_plan(response, printer)?;
    }
    Ok(())
}

/// A first `add` may be under way, or have been interrupted.
pub(crate) fn note_if_behind(response: &SearchResponse, printer: &Printer) {
    if !response.is_level {
        printer.note("The indexes are still being completed; some files may be missing.");
    }
}

/// Why there may be nothing, and what to do.
pub(crate) fn suggest(args: &SearchArgs, library: &Library, printer: &Printer) -> Result<()> {
    let filters = &args.filters;
    let has_filters = !filters.collections.is_empty()
        || !filters.paths.is_empty()
        || !filters.types.is_empty()
        || filters.since.is_some()
        || filters.until.is_some();
    if library.store().reader()?.counts()?.documents == 0 {
        printer.note("The library is empty; `ragged add FOLDER` fills it.");
    } else if has_filters {
        printer.note(
            "The filters may be too narrow; try without --collection, --path, --type, --since, \
             --until.",
        );
    }
    Ok(())
}

pub(crate) fn request(args: &SearchArgs, library: &Library) -> Result<SearchRequest> {
    let mut request = SearchRequest::new(joined(&args.query), &library.settings().search);
    if let Some(k) = args.k {
        request.k = usize::from(k);
    }
    if let Some(mode) = args.mode {
        request.mode = search_mode(mode);
    }
    if let Some(way) = args.strategy {
        request.strategy = strategy(way);
    }
    request.filter = filter(&args.filters)?;
    Ok(request)
}

pub(crate) fn strategy(way: Way) -> Strategy {
    match way {
        Way::Auto => Strategy::Auto,
        Way::Exact => Strategy::Exact,
        Way::Scan => Strategy::Scan,
        Way::Graph => Strategy::Graph,
        Way::Naive => Strategy::Naive,
    }
}

pub(crate) fn search_mode(mode: Mode) -> SearchMode {
    match mode {
        Mode::Hybrid => SearchMode::Hybrid,
        Mode::Vector => SearchMode::Vector,
        Mode::Lexical => SearchMode::Lexical,
    }
}

pub(crate) fn filter(filters: &Filters) -> Result<Filter> {
    let now = Zoned::now();
    let moment =
        |flag: &str, text: &Option<String>, end: End| -> Result<Option<i64>, crate::Usage> {
            let Some(text) = text else { return Ok(None) };
            let time_ms = parse_moment(text, &now, end)
                .map_err(|error| crate::Usage::from(error).within(flag))?;
            Ok(Some(time_ms.saturating_mul(1_000_000)))
        };
    let since = moment("--since", &filters.since, End::Beginning)?;
    let until = moment("--until", &filters.until, End::End)?;
    let filter = named(&filters.collections, &filters.paths, &filters.types)?;
    Ok(filter.with_period(since, until))
}

/// The files that collections, patterns and types name; what cannot be read is a usage error.
pub(crate) fn named(
    collections: &[String],
    paths: &[String],
    types: &[String],
) -> Result<Filter, crate::Usage> {
    Ok(Filter::new().with_collections(collections)?.with_paths(paths)?.with_types(types)?)
}

/// Which end of a stretch of time its bare name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Beginning,
    End,
}

/// Milliseconds of Unix time: of a stretch the end that is asked for, of a moment the moment, and of
/// a length (`7d`) that long ago.
fn parse_moment(text: &str, now: &Zoned, end: End) -> ragged::error::Result<i64> {
    if let Some(ago) = text.trim().parse::<Span>().ok().filter(|span| !span.is_zero())
        && let Ok(time) = now.checked_sub(ago.abs())
    {
        return Ok(time.timestamp().as_millisecond());
    }
    let context = Context {
        now_ms: now.timestamp().as_millisecond(),
        zone: now.time_zone().clone(),
        reading: Reading::Question,
    };
    let period = expression::parse(text, &context)?;
    Ok(match end {
        End::End if period.kind != Kind::DateTime => period.end_ms,
        _ => period.start_ms,
    })
}

pub(crate) fn print_hit(hit: &Hit, printer: &Printer) -> Result<()> {
    let place = place(hit);
    let path = printer.path(hit.path(), &shortened(hit.path()));
    let score = style(format!("{:.2}", hit.fused.score)).dim();
    let mut header = format!("{}. {path}{}  {score}", style(hit.rank).bold(), style(place).dim());
    if let Some(collection) = hit.collection()
        && !collection.is_default()
    {
        let name = format!("  [{}]", visible(collection.as_str()));
        header.push_str(&style(name).dim().to_string());
    }
    if hit.files.len() > 1 {
        let copies = counted(hit.files.len() as u64 - 1, "copy", "copies");
        header.push_str(&style(format!("  (+{copies})")).dim().to_string());
    }
    printer.line(header)?;
    let heading = visible(&hit.chunk.place.heading);
    if !heading.is_empty() {
        let heading = console::truncate_str(&heading, printer.width().saturating_sub(3), "…");
        printer.line(format!("   {}", style(heading).italic()))?;
    }
    for line in excerpt(&hit.text, &hit.highlights, printer.width().saturating_sub(3)) {
        printer.line(format!("   {line}"))?;
    }
    printer.line("")
}

/// `:12-30` or `, page 3`, as far as the format has such a thing.
pub(crate) fn place(hit: &Hit) -> String {
    let place = &hit.chunk.place;
    match place.pages {
        Some((first, last)) if first == last => format!(", page {first}"),
        Some((first, last)) => format!(", pages {first}–{last}"),
        None if hit.document.format.keeps_source_lines() => {
            format!(":{}-{}", place.lines.0, place.lines.1)
        }
        None => String::new(),
    }
}

/// The lines of a passage around its densest matches, with the matches marked.
fn excerpt(text: &str, highlights: &[std::ops::Range<usize>], width: usize) -> Vec<String> {
    // Words, each with whether it is marked, wrapped to the width.
    let mut lines: Vec<(Vec<String>, usize, usize)> = vec![(Vec::new(), 0, 0)];
    let mut at = 0;
    for word in text.split_whitespace() {
        let start = at + text.get(at..).and_then(|rest| rest.find(word)).unwrap_or(0);
        at = start + word.len();
        let columns = console::measure_text_width(&visible(word));
        let is_full =
            lines.last().is_some_and(|(_, used, _)| *used > 0 && used + 1 + columns > width);
        if is_full {
            lines.push((Vec::new(), 0, 0));
        }
        let Some((words, used, n_marked)) = lines.last_mut() else { continue };
        let marked = marked_word(word, start, highlights);
        *n_marked += usize::from(marked.1);
        *used += columns + usize::from(!words.is_empty());
        words.push(marked.0);
    }
    let n_lines = lines.len();
    let best = (0..n_lines.saturating_sub(SHOWN_LINES - 1).max(1))
        .max_by_key(|start| {
            let n: usize =
                lines.iter().skip(*start).take(SHOWN_LINES).map(|(_, _, marked)| marked).sum();
            (n, std::cmp::Reverse(*start))
        })
        .unwrap_or(0);
    let mut shown: Vec<String> = lines
        .into_iter()
        .skip(best)
        .take(SHOWN_LINES)
        .map(|(words, _, _)| words.join(" "))
        .collect();
    if best > 0
        && let Some(first) = shown.first_mut()
    {
        *first = format!("… {first}");
    }
    if best + SHOWN_LINES < n_lines
        && let Some(last) = shown.last_mut()
    {
        last.push_str(" …");
    }
    shown
}

fn marked_word(word: &str, start: usize, highlights: &[std::ops::Range<usize>]) -> (String, bool) {
    let end = start + word.len();
    let mut shown = String::new();
    let mut at = start;
    let mut any = false;
    for range in highlights.iter().filter(|range| range.start < end && range.end > start) {
        let (from, to) = (range.start.clamp(at, end), range.end.clamp(at, end));
        let (Some(before), Some(inside)) =
            (word.get(at - start..from - start), word.get(from - start..to - start))
        else {
            continue;
        };
        shown.push_str(&visible(before));
        shown.push_str(&style(visible(inside)).yellow().bold().to_string());
        at = to;
        any = true;
    }
    shown.push_str(&visible(word.get(at - start..).unwrap_or_default()));
    (shown, any)
}

pub(crate) fn print_parts(hit: &Hit, printer: &Printer) -> Result<()> {
    let fused = &hit.fused;
    let mut line = format!(
        "   score {:.4} = vector {:.4} + lexical {:.4}",
        fused.score, fused.vector_part, fused.lexical_part
    );
    if let Some(vector) = fused.vector {
        let exactness = if vector.exact { "exact" } else { "estimated" };
        line.push_str(&format!("   cosine {:.4} ({exactness})", vector.score));
    }
    if let Some(lexical) = fused.lexical {
        line.push_str(&format!("   BM25 {:.3}", lexical.score));
    }
    if !hit.merged.is_empty() {
        let chunks = counted(hit.merged.len() as u64, "chunk", "chunks");
        line.push_str(&format!("   joined with {chunks} of the same document"));
    }
    printer.line(style(line).dim().to_string())?;
    printer.line("")
}

pub(crate) fn print_plan(response: &SearchResponse, printer: &Printer) -> Result<()> {
    let (plan, counts, timings) = (&response.plan, response.counts, response.timings);
    let allowed = match plan.allowed_chunks {
        Some(chunks) => format!(", filters admit {}", counted(chunks, "chunk", "chunks")),
        None => String::new(),
    };
    printer.line(format!(
        "plan: {} · {} {} · k {} · {} candidates a side · vector weight {:.2}{allowed}",
        plan.mode.as_str(),
        plan.backend.as_str(),
        plan.vector.strategy.as_str(),
        plan.k,
        plan.candidates,
        plan.vector_weight,
    ))?;
    for estimate in &plan.vector.estimates {
        let (taken, work) = (estimate.strategy == plan.vector.strategy, &estimate.counts);
        printer.line(format!(
            "{} {:<6} expected {:>9}: {} scanned, {} refined, {} walked, {} recomputed, {} in memory",
            if taken { "  →" } else { "   " },
            estimate.strategy.as_str(),
            milliseconds(estimate.us / 1000.0),
            thousands(work.scanned),
            thousands(work.refined),
            thousands(work.visited),
            thousands(work.recomputed),
            thousands(work.cached),
        ))?;
    }
    if response.from_cache {
        printer.line("answered from memory; the work is that of the first time")?;
    }
    printer.line(format!(
        "work: {} scanned, {} refined, {} walked, {} recomputed, {} in memory; {} + {}; {} read",
        counted(counts.scanned_codes, "code", "codes"),
        thousands(counts.refined_codes),
        thousands(counts.visited_codes),
        counted(counts.recomputed_embeddings, "embedding", "embeddings"),
        thousands(counts.cached_vectors),
        counts.vector_candidates,
        counted(counts.lexical_candidates, "candidate", "candidates"),
        counted(counts.hydrated_chunks, "text", "texts"),
    ))?;
    printer.line(format!(
        "time: filter {} · embed {} · vector {} · lexical {} · fuse {} · hydrate {} · total {}",
        milliseconds(timings.filter),
        milliseconds(timings.embed),
        milliseconds(timings.vector),
        milliseconds(timings.lexical),
        milliseconds(timings.fuse),
        milliseconds(timings.hydrate),
        milliseconds(timings.total),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let now: Zoned = "2026-11-23T10:00:00+01:00[Europe/Berlin]".parse().unwrap();
        for (text, end, expected) in [
            ("2026-01-31", End::Beginning, "2026-01-30T23:00:00Z"),
            ("2026-01-31", End::End, "2026-01-31T23:00:00Z"),
            ("7d", End::Beginning, "2026-11-16T09:00:00Z"),
            ("12h", End::End, "2026-11-22T21:00:00Z"),
            ("2026-01-31T09:00:00Z", End::End, "2026-01-31T09:00:00Z"),
            ("2026-01-31T09:00", End::End, "2026-01-31T08:00:00Z"),
            ("today", End::Beginning, "2026-11-22T23:00:00Z"),
            ("yesterday", End::Beginning, "2026-11-21T23:00:00Z"),
            ("yesterday", End::End, "2026-11-22T23:00:00Z"),
            ("2026-02", End::Beginning, "2026-01-31T23:00:00Z"),
            ("2026-02", End::End, "2026-02-28T23:00:00Z"),
            ("2025", End::Beginning, "2024-12-31T23:00:00Z"),
            ("2025", End::End, "2025-12-31T23:00:00Z"),
            ("last week", End::Beginning, "2026-11-15T23:00:00Z"),
            ("last week", End::End, "2026-11-22T23:00:00Z"),
            ("March", End::Beginning, "2026-02-28T23:00:00Z"),
            ("3 hours ago", End::End, "2026-11-23T06:00:00Z"),
            ("P7D", End::End, "2026-11-16T09:00:00Z"),
        ] {
            let moment = parse_moment(text, &now, end).unwrap();
            let expected: jiff::Timestamp = expected.parse().unwrap();
            assert_eq!(moment, expected.as_millisecond(), "{text}");
        }
        for text in ["", "yesterday-ish", "2026-13-01", "2026-13", "20", "last weeek"] {
            assert!(parse_moment(text, &now, End::End).is_err(), "{text}");
        }
    }

    #[test]
    fn an_excerpt_shows_the_matches() {
        let text = "filler ".repeat(60) + "the needle is here " + &"filler ".repeat(60);
        let start = text.find("needle").unwrap();
        let lines = excerpt(&text, std::slice::from_ref(&(start..start + 6)), 40);
        assert_eq!(lines.len(), SHOWN_LINES);
        assert!(lines.iter().any(|line| line.contains("needle")));
        assert!(lines[0].starts_with("… ") && lines[3].ends_with(" …"));
        assert_eq!(excerpt("", &[], 40), [""]);
    }
}
