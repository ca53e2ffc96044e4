//! `query` and `try`: answers with citations.

use anyhow::{Context as _, Result};
use console::style;
use ragged::{
    library::{AddOptions, Answered, Citation, Library, NoProgress, SearchRequest},
    settings::Settings,
};

use super::{add, add::shortened, joined, search};
use crate::{
    cli::{
        CANCEL, Session,
        args::{QueryArgs, TryArgs},
        printer::{milliseconds, thousands},
    },
    failure::Outcome,
    wire,
};

pub(crate) fn run(args: &QueryArgs, session: &Session) -> Result<Outcome> {
    let mut settings = session.resolved.settings.clone();
    if args.extractive {
        "extractive".clone_into(&mut settings.answer.generator);
    }
    session.require_library()?;
    let library = session.library_with(settings)?;
    let mut request = search::request(&args.search, &library)?;
    request.k = args.search.k.unwrap_or(library.settings().answer.k);
    let answered = answer(session, &library, &request)?;
    if answered.text.is_empty() && !session.printer.is_json() {
        search::suggest(&args.search, &library, &session.printer)?;
    }
    if args.search.explain && !session.printer.is_json() {
        search::print_plan(&answered.search, &session.printer)?;
    }
    Ok(Outcome::Done)
}

/// Answers from a folder that is read into a temporary library.
pub(crate) fn run_try(args: &TryArgs, session: &Session) -> Result<Outcome> {
    let temporary = tempfile::tempdir().context("making a temporary library")?;
    let settings: Settings = session.resolved.settings.clone();
    let library = session.library_in(temporary.path(), settings)?;
    let readers = add::readers(&library.settings().ingest)?;
    let paths = [args.path.clone()];
    let report = library.add(&paths, AddOptions::default(), &readers, &NoProgress, &CANCEL)?;
    session.printer.note(format!(
        "Read {} files into {} chunks in {}.",
        thousands(report.added),
        thousands(report.chunks),
        milliseconds(report.elapsed.as_secs_f64() * 1000.0)
    ));
    let settings = library.settings();
    let request = SearchRequest {
        k: settings.answer.k,
        ..SearchRequest::new(joined(&args.query), &settings.search)
    };
    answer(session, &library, &request)?;
    Ok(Outcome::Done)
}

fn answer(session: &Session, library: &Library, request: &SearchRequest) -> Result<Answered> {
    let printer = &session.printer;
    let is_json = printer.is_json();
    // The words of a generator are shown as they come.
    let mut printed = Ok(());
    let answered = library.answer(request, &mut |text| {
        if !is_json && printed.is_ok() && !text.is_empty() {
            printed = printer.text(text);
        }
    })?;
    printed?;
    if let Some(note) = &answered.note {
        printer.warning(format!("{}; answering from quotes", note.message));
        if let Some(hint) = &note.hint {
            printer.note(format!("hint: {hint}"));
        }
    }
    if is_json {
        printer.json(&wire(request, &answered))?;
        return Ok(answered);
    }
    if answered.text.is_empty() {
        printer.line("Nothing relevant found.")?;
    } else {
        printer.text("\n\n")?;
        let mut shown = 0;
        for citation in &answered.citations {
            // Quotes of one passage share its number.
            if citation.n > shown {
                shown = citation.n;
                let same = answered.citations.iter().filter(|other| other.n == citation.n);
                let place = place(citation, same);
                let path = printer.path(&citation.path, &shortened(&citation.path));
                let number = style(format!("[{}]", citation.n)).bold();
                printer.line(format!("{number} {path}{}", style(place).dim()))?;
            }
        }
    }
    let how = match &answered.generator {
        Some(model) => format!("by {model}"),
        None => "quoted".to_owned(),
    };
    let status = library.store().reader()?.counts()?;
    printer.note(
        style(format!(
            "{how}, from {} chunks, in {}",
            thousands(status.chunks),
            milliseconds(answered.search.timings.total)
        ))
        .for_stderr()
        .dim()
        .to_string(),
    );
    Ok(answered)
}

/// `:12-30` over all quotes of a passage, or `, page 3`.
fn place<'a>(citation: &Citation, same: impl Iterator<Item = &'a Citation>) -> String {
    if let Some(page) = citation.page {
        return format!(", page {page}");
    }
    let lines =
        same.filter_map(|citation| citation.lines).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    match lines {
        Some((first, last)) if first == last => format!(":{first}"),
        Some((first, last)) => format!(":{first}-{last}"),
        None => String::new(),
    }
}

fn wire(request: &SearchRequest, answered: &Answered) -> wire::Query {
    let search = &answered.search;
    wire::Query {
        query: request.query.clone(),
        answer: answered.text.clone(),
        found: !answered.text.is_empty(),
        generator: answered.generator.clone().unwrap_or_else(|| "extractive".to_owned()),
        note: answered.note.as_ref().map(|note| note.message.clone()),
        citations: answered
            .citations
            .iter()
            .map(|citation| wire::Citation {
                n: citation.n,
                path: citation.path.clone(),
                page: citation.page,
                lines: citation.lines.map(|lines| [lines.0, lines.1]),
                heading: search
                    .hits
                    .get(citation.hit)
                    .map_or_else(String::new, |hit| hit.chunk.place.heading.clone()),
                quote: citation.quote.clone(),
            })
            .collect(),
        hits: search.hits.iter().map(wire::WireHit::from).collect(),
        timings_ms: search.timings.into(),
        plan: wire::WirePlan::new(&search.plan, search.counts),
    }
}
