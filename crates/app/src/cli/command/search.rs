//! `search`: the passages that match best.

use anyhow::Result;
use console::style;
use jiff::{Span, Zoned, tz::TimeZone};
use ragged::{
    library::{Hit, Library, SearchRequest, SearchResponse},
    memory::InteractionKind,
    retrieval::Filter,
    settings::{SearchMode, Strategy},
    telemetry::{self, Stage},
    temporal::expression::{self, Context, Kind, Reading},
};

use super::{add::shortened, joined};
use crate::{
    cli::{
        Session,
        args::{Filters, Mode, SearchArgs, SearchManyArgs, Way},
        asking::{self, Asking, ReadTime},
        printer::{Printer, counted, milliseconds, thousands, visible},
        profiling::{Asked, Profiling},
    },
    failure::Outcome,
    wire,
};

/// Lines of a passage that are shown.
const SHOWN_LINES: usize = 4;

pub(crate) fn run(args: &SearchManyArgs, session: &Session) -> Result<Outcome> {
    if let Some(file) = &args.batch {
        if args.search.profiling.is_given() {
            return Err(crate::Usage::new("--profile, --flame and --trace are of one search")
                .with_hint("search for one line, or `ragged profile enable` and report later")
                .into());
        }
        return super::batch::run(file, &args.search, session);
    }
    let args = &args.search;
    session.require_library()?;
    let mut profiling = Profiling::begin(&args.profiling, session);
    let library = session.library()?;
    let mut asking = Asking::begin(&args.asking, session)?;
    profiling.opened(&library);
    let mut request = request(args, &library, &asking.zone()?)?;
    let question = request.query.clone();
    let trace = profiling.trace();
    request.trace = trace.clone();
    let time = trace.time(Stage::Enhance, || asking.settle(&mut request))?;
    let profile = trace.time(Stage::Enhance, || asking.profile(&library))?;
    let response = library.search_for(&request, profile.as_deref())?;
    let recorded = trace.time(Stage::Record, || {
        asking.record(&question, InteractionKind::Search, &response, None)
    })?;
    let asked = Asked { asking: &asking, question: &question, recorded: recorded.as_deref() };
    profiling.answered(telemetry::Kind::Search, &asked, &response, false);
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&wire::Search {
            time: time.as_ref().map(wire::QuestionTime::from),
            memory: asking.wire(recorded.as_deref()),
            profile: profiling.wire(),
            ..wire::Search::new(&question, &response)
        })?;
        asking.finish(printer);
        profiling.show(&question, printer)?;
        profiling.finish(&library, printer);
        return Ok(Outcome::Done);
    }
    note_if_behind(&response, printer);
    if response.hits.is_empty() {
        printer.line("Nothing found.")?;
        suggest(args, &library, printer)?;
    }
    print_hits(&response, args.explain, printer)?;
    print_time(time.as_ref(), args.explain, printer)?;
    let found = counted(response.hits.len() as u64, "hit", "hits");
    let from = if response.from_cache { ", from memory" } else { "" };
    let took = milliseconds(response.timings.total);
    let memory = asking.footer(recorded.as_deref());
    asking::note(&format!("{found} in {took}{from} · {memory}"), printer);
    asking.finish(printer);
    profiling.show(&question, printer)?;
    profiling.finish(&library, printer);
    Ok(Outcome::Done)
}

/// How the time in a question was read: asked for, or where nothing came of it.
pub(crate) fn print_time(time: Option<&ReadTime>, explain: bool, printer: &Printer) -> Result<()> {
    match time {
        Some(time) if explain => {
            printer.line(format!("time in the question: {}", visible(&time.line())))
        }
        Some(time) => {
            printer.note(visible(&time.line()));
            Ok(())
        }
        None => Ok(()),
    }
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

pub(crate) fn request(
    args: &SearchArgs,
    library: &Library,
    zone: &TimeZone,
) -> Result<SearchRequest> {
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
    request.filter = filter(&args.filters, zone)?;
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

/// What filters admit; times without a zone are of `zone`.
pub(crate) fn filter(filters: &Filters, zone: &TimeZone) -> Result<Filter> {
    let moment = |flag: &str, text: &Option<String>, end: End| -> Result<Option<i64>> {
        let Some(text) = text else { return Ok(None) };
        Ok(Some(moment_in(flag, text, zone, end)?.saturating_mul(1_000_000)))
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

/// A moment as typed, Unix milliseconds; what is none is a usage error.
pub(crate) fn moment_in(
    flag: &str,
    text: &str,
    zone: &TimeZone,
    end: End,
) -> Result<i64, crate::Usage> {
    let now = Zoned::now().with_time_zone(zone.clone());
    parse_moment(text, &now, end).map_err(|error| crate::Usage::from(error).within(flag))
}

/// Which end of a stretch of time its bare name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
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
    let score = style(format!("{:.2}", hit.score)).dim();
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
    for line in lines_of_parts(hit) {
        printer.line(style(format!("   {line}")).dim().to_string())?;
    }
    printer.line("")
}

/// The parts of a score to which a profile or a favoured time adds; none where neither does.
pub(crate) fn parts_of(hit: &Hit) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(taste) = &hit.personal {
        parts.push(format!("base {:.4}", taste.base_part));
        for (name, part, value) in [
            ("topics", taste.topic_part, taste.topic),
            ("had before", taste.history_part, taste.history),
            ("goes with the question", taste.co_occurrence_part, taste.co_occurrence),
        ] {
            if part > 0.0 {
                parts.push(format!("{name} {part:.4} (of {value:.2})"));
            }
        }
    }
    if let Some(time) = &hit.time {
        if parts.is_empty() {
            parts.push(format!("base {:.4}", (1.0 - time.weight) * hit.fused.score.min(1.0)));
        }
        let part = time.weight * time.closeness;
        parts.push(format!("time {part:.4} ({} {:.2})", time.favour.as_str(), time.closeness));
    }
    parts
}

/// What a profile and a favoured time add, and where the hit would stand without them.
fn lines_of_parts(hit: &Hit) -> Vec<String> {
    let mut lines = Vec::new();
    let parts = parts_of(hit);
    if parts.is_empty() {
        return lines;
    }
    lines.push(format!("ranked by {:.4} = {}", hit.score, parts.join(" + ")));
    let topics = hit.personal.iter().flat_map(|taste| &taste.topics);
    let topics: Vec<String> =
        topics.map(|(name, part)| format!("{} {part:.4}", visible(name))).collect();
    if !topics.is_empty() {
        lines.push(format!("topics: {}", topics.join(", ")));
    }
    if hit.base_rank != hit.rank {
        let without = match (hit.personal.is_some(), hit.time.is_some()) {
            (true, true) => "without your profile and the time you asked for",
            (true, false) => "without your profile",
            (false, _) => "without the time you asked for",
        };
        lines.push(format!("{without}: rank {}", hit.base_rank));
    }
    lines
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
    if let Some(personal) = &response.personal {
        printer.line(format!(
            "personal: {} · share {:.2} · {} free to change places · {} looked at",
            visible(&personal.persona),
            personal.alpha,
            counted(personal.candidates as u64, "candidate", "candidates"),
            counted(personal.interests as u64, "interest", "interests"),
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
    let personal = if timings.personal > 0.0 {
        format!(" · personal {}", milliseconds(timings.personal))
    } else {
        String::new()
    };
    printer.line(format!(
        "time: filter {} · embed {} · vector {} · lexical {} · fuse {}{personal} · hydrate {} · \
         total {}",
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
    use ragged::{
        library::{Cancel, NoProgress, VirtualDocument},
        ranking::{Profile, ProfileTopic, TimeFavour},
    };

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

    const MILL: &str = "A mill by the river turns under the pressure of the stream. The miller opens the gate, lifts \
     the sack, pours the grain, sets the stone, watches the flour run, sweeps the floor, oils the \
     shaft, mends the wheel, counts the bags, writes the bill, feeds the horse, loads the cart, \
     drives to market, sells the bags, buys salt, lamp oil, rope, nails, and returns at night.";

    /// Hits of a real search for a persona.
    fn personal_hits(favour: Option<TimeFavour>) -> Vec<Hit> {
        let scratch = tempfile::tempdir().unwrap();
        let model = std::sync::Arc::new(ragged::embedding::builtin().unwrap());
        let clock = std::sync::Arc::new(ragged::temporal::FixedClock(0));
        let settings = ragged::settings::Settings::default();
        let library = Library::open(scratch.path(), settings, model, clock).unwrap();
        let documents = [
            ("bridge", "The pressure on a bridge in winter."),
            ("blood", "Blood pressure is taken with a cuff, once in the morning."),
            ("mill", MILL),
            ("kettle", "A kettle and its lid."),
        ];
        let documents = documents.map(|(path, text)| VirtualDocument {
            path: path.into(),
            title: String::new(),
            text: text.into(),
        });
        library.add_virtual(documents.to_vec(), &NoProgress, &Cancel::new()).unwrap();
        let nurse = Profile {
            persona: "nurse".into(),
            topics: vec![ProfileTopic {
                name: "Cuffs".into(),
                words: "cuff".into(),
                confidence: 1.0,
                recency: 1.0,
                pinned: false,
            }],
            ..Profile::default()
        };
        let request = SearchRequest {
            mode: SearchMode::Lexical,
            k: 2,
            favour,
            ..SearchRequest::new("pressure", &library.settings().search)
        };
        library.search_for(&request, Some(&nurse)).unwrap().hits
    }

    #[test]
    fn parts_are_told_with_the_rank_without_a_profile() {
        let hits = personal_hits(None);
        let blood = &hits[0];
        assert_eq!((blood.path(), blood.rank, blood.base_rank), ("blood", 1, 2));
        let lines = lines_of_parts(blood);
        let taste = blood.personal.as_ref().unwrap();
        let expected = format!(
            "ranked by {:.4} = base {:.4} + topics 0.1500 (of 1.00)",
            blood.score, taste.base_part
        );
        assert_eq!(lines[..2], [expected, "topics: Cuffs 0.1500".to_owned()]);
        for hit in &hits {
            let told = lines_of_parts(hit).into_iter().find(|line| line.contains("rank "));
            let told = told.filter(|line| line.starts_with("without"));
            let expected = (hit.rank != hit.base_rank)
                .then(|| format!("without your profile: rank {}", hit.base_rank));
            assert_eq!(told, expected);
        }
        let json = serde_json::to_value(wire::WireHit::from(blood)).unwrap();
        assert_eq!(json["base_rank"], blood.base_rank);
        assert_eq!(json["parts"]["personal"]["topics"][0]["name"], "Cuffs");
        assert_eq!(json["parts"]["time"], serde_json::Value::Null);

        let hits = personal_hits(Some(TimeFavour::Old));
        let lines = lines_of_parts(&hits[0]);
        assert!(lines[0].contains("base ") && lines[0].contains(" + time "), "{lines:?}");
        let json = serde_json::to_value(wire::WireHit::from(&hits[0])).unwrap();
        assert_eq!(json["parts"]["time"]["favour"], "old");
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
