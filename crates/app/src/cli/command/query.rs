//! `query` and `try`: answers with citations.

use anyhow::Result;
use console::style;
use jiff::tz::TimeZone;
use ragged::{
    answer::{Sources, Style, Unnumbered},
    library::{AddOptions, Answered, Citation, Library, NoProgress, SearchRequest},
    memory::{Fact, InteractionKind},
    settings::Settings,
    telemetry::{Kind, Stage, Trace},
};

use super::{add, add::shortened, memory, question, search};
use crate::{
    cli::{
        Session,
        args::{QueryArgs, TryArgs},
        asking::{self, Asking, ReadTime},
        interrupt::{TemporaryFolder, Watch},
        printer::{Printer, counted, milliseconds, visible, visible_lines},
        profiling::{Asked, Profiling},
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
    let mut profiling = Profiling::begin(&args.search.profiling, session);
    let library = session.library_with(settings)?;
    let mut asking = Asking::begin(&args.search.asking, session)?;
    profiling.opened(&library);
    question(&args.search.query)?;
    let mut request = search::request(&args.search, &library, &asking.zone()?)?;
    request.k = args.search.k.map_or(library.settings().answer.k, usize::from);
    let question = request.query.clone();
    request.trace = profiling.trace();
    let time = request.trace.clone().time(Stage::Enhance, || asking.settle(&mut request))?;
    let asked = Asker {
        asking: &mut asking,
        question: question.as_str(),
        time: time.as_ref(),
        profiling: &mut profiling,
    };
    let answered = answer(session, &library, &request, Some(asked))?;
    asking.finish(&session.printer);
    if answered.text.is_empty() && !session.printer.is_json() {
        search::suggest(&args.search, &library, &session.printer)?;
    }
    if args.search.explain && !session.printer.is_json() {
        search::print_plan(&answered.search, &session.printer)?;
    }
    profiling.show(&question, &session.printer)?;
    profiling.finish(&library, &session.printer);
    Ok(Outcome::Done)
}

/// Whoever asks, and what is done about it.
struct Asker<'a, 's> {
    asking: &'a mut Asking,
    question: &'a str,
    time: Option<&'a ReadTime>,
    profiling: &'a mut Profiling<'s>,
}

/// Answers from a folder that is read into a temporary library.
pub(crate) fn run_try(args: &TryArgs, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let temporary = TemporaryFolder::create()?;
    let settings: Settings = session.resolved.settings.clone();
    let library = session.library_in(temporary.path(), settings)?;
    let readers = add::readers(&library.settings().ingest)?;
    let paths = [args.path.clone()];
    let watch = Watch::begin();
    let report =
        library.add(&paths, AddOptions::default(), &readers, &NoProgress, watch.cancel())?;
    drop(watch);
    add::print_failures(&report, printer);
    if report.interrupted {
        printer.note("Interrupted while reading; nothing was kept.");
        return Ok(Outcome::Interrupted);
    }
    printer.note(format!(
        "Read {} into {} in {}.",
        counted(report.added, "file", "files"),
        counted(report.chunks, "chunk", "chunks"),
        milliseconds(report.elapsed.as_secs_f64() * 1000.0)
    ));
    let settings = library.settings();
    let request = SearchRequest {
        k: settings.answer.k,
        ..SearchRequest::new(question(&args.query)?, &settings.search)
    };
    answer(session, &library, &request, None)?;
    Ok(if report.failed.is_empty() { Outcome::Done } else { Outcome::Partial })
}

fn answer(
    session: &Session,
    library: &Library,
    request: &SearchRequest,
    asker: Option<Asker<'_, '_>>,
) -> Result<Answered> {
    let printer = &session.printer;
    let profile = match &asker {
        Some(asker) => request.trace.time(Stage::Enhance, || asker.asking.profile(library))?,
        None => None,
    };
    let style = asker.as_ref().map(|asker| asker.asking.style()).unwrap_or_default();
    let mut speech = Speech::new(printer, style);
    let answered =
        library.answer_in(style, request, profile.as_deref(), &mut |text| speech.say(text));
    let answered = match answered {
        Ok(answered) => answered,
        Err(error) => {
            // The error begins on a line of its own.
            speech.break_off()?;
            return Err(error.into());
        }
    };
    let Some(Asker { asking, question, time, profiling }) = asker else {
        if printer.is_json() {
            warn_of_note(&answered, printer);
            printer.json(&wire(request, &answered))?;
        } else {
            show(&answered, speech, library, None, printer)?;
        }
        return Ok(answered);
    };
    let kind = InteractionKind::Query;
    let told = Told::new(asking, question, time, kind, &answered, &request.trace)?;
    profiling.answered(Kind::Query, &told.asked(asking), &answered.search, is_generated(&answered));
    if printer.is_json() {
        warn_of_note(&answered, printer);
        let profile = profiling.wire();
        printer.json(&wire::Query { profile, ..told.wire(request, &answered) })?;
    } else {
        search::print_time(time, false, printer)?;
        show(&answered, speech, library, Some(&told.footer), printer)?;
        told.show_facts(printer)?;
    }
    Ok(answered)
}

/// What stands beside an answer of a persona: who asked, how its time was read, what was noted.
pub(crate) struct Told<'a> {
    question: &'a str,
    /// The interaction that is recorded.
    recorded: Option<String>,
    time: Option<&'a ReadTime>,
    /// What is said of memory.
    pub(crate) footer: String,
    asked_with: Option<wire::AskedWith>,
    facts: Vec<Fact>,
    zone: TimeZone,
}

impl<'a> Told<'a> {
    /// Has the answer recorded, if the persona agreed to that, and looks for what it noted.
    pub(crate) fn new(
        asking: &mut Asking,
        question: &'a str,
        time: Option<&'a ReadTime>,
        kind: InteractionKind,
        answered: &Answered,
        trace: &Trace,
    ) -> Result<Self> {
        let recorded = trace.time(Stage::Record, || {
            asking.record(question, kind, &answered.search, Some(answered))
        })?;
        Ok(Self {
            question,
            time,
            footer: asking.footer(recorded.as_deref()),
            asked_with: asking.wire(recorded.as_deref()),
            facts: trace.time(Stage::Enhance, || asking.facts(question, time))?,
            zone: asking.zone()?,
            recorded,
        })
    }

    /// What was asked, for profiling.
    pub(crate) fn asked<'b>(&'b self, asking: &'b Asking) -> Asked<'b> {
        Asked { asking, question: self.question, recorded: self.recorded.as_deref() }
    }

    /// All of it, for programs.
    pub(crate) fn wire(self, request: &SearchRequest, answered: &Answered) -> wire::Query {
        wire::Query {
            query: self.question.to_owned(),
            time: self.time.map(wire::QuestionTime::from),
            memory: self.asked_with,
            facts: self.facts.iter().map(wire::Fact::from).collect(),
            ..wire(request, answered)
        }
    }

    /// What was noted, in a line each.
    pub(crate) fn show_facts(&self, printer: &Printer) -> Result<()> {
        self.facts.iter().try_for_each(|fact| {
            printer.line(format!("you noted: {}", memory::fact::line(fact, &self.zone)))
        })
    }
}

/// Whether a model worded an answer.
pub(crate) fn is_generated(answered: &Answered) -> bool {
    answered.generator.is_some()
}

/// The words of a generator, shown as they come.
#[derive(Debug)]
pub(crate) struct Speech<'a> {
    printer: &'a Printer,
    printed: Result<()>,
    has_spoken: bool,
    sources: Sources,
    unnumbered: Unnumbered,
}

impl<'a> Speech<'a> {
    pub(crate) fn new(printer: &'a Printer, style: Style) -> Self {
        let (sources, unnumbered) = (style.sources, Unnumbered::default());
        Self { printer, printed: Ok(()), has_spoken: false, sources, unnumbered }
    }

    pub(crate) fn say(&mut self, text: &str) {
        if self.printer.is_json() || text.is_empty() {
            return;
        }
        self.has_spoken = true;
        match self.sources {
            Sources::Inline => self.print(text),
            Sources::Footnote | Sources::Unnamed => {
                let text = self.unnumbered.push(text);
                self.print(&text);
            }
        }
    }

    fn print(&mut self, text: &str) {
        if self.printed.is_ok() && !text.is_empty() {
            self.printed = self.printer.text(&visible_lines(text));
        }
    }

    /// Says the whole of an answer that was not spoken, or what of a spoken one was held back.
    fn end(&mut self, answered: &Answered) {
        if self.has_spoken {
            let held = self.unnumbered.finish();
            self.print(&held);
        } else if !self.printer.is_json() {
            match self.sources {
                Sources::Inline => self.print(&answered.text),
                Sources::Footnote | Sources::Unnamed => self.print(&answered.unnumbered()),
            }
        }
    }

    /// Ends a line that will not be ended; what follows begins on its own.
    pub(crate) fn break_off(self) -> Result<()> {
        if self.has_spoken { self.printer.text("\n") } else { Ok(()) }
    }
}

/// Says why the configured generator was not used.
pub(crate) fn warn_of_note(answered: &Answered, printer: &Printer) {
    if let Some(note) = &answered.note {
        printer.warning(format!("{}; answering from quotes", note.message));
        if let Some(hint) = &note.hint {
            printer.note(format!("hint: {}", visible(hint)));
        }
    }
}

/// Prints an answer, as far as it was not spoken, its citations, and what is said of memory.
pub(crate) fn show(
    answered: &Answered,
    mut speech: Speech<'_>,
    library: &Library,
    footer: Option<&str>,
    printer: &Printer,
) -> Result<()> {
    if speech.has_spoken {
        speech.end(answered);
    }
    warn_of_note(answered, printer);
    search::note_if_behind(&answered.search, printer);
    if answered.text.is_empty() {
        printer.line("Nothing relevant found.")?;
    } else {
        if !speech.has_spoken {
            speech.end(answered);
        }
        speech.printed?;
        let is_named = speech.sources != Sources::Unnamed;
        printer.text(if is_named { "\n\n" } else { "\n" })?;
        for cited in cited(answered).into_iter().filter(|_| is_named) {
            let path = printer.path(&cited.citation.path, &shortened(&cited.citation.path));
            let number = style(format!("[{}]", cited.citation.n)).bold();
            printer.line(format!("{number} {path}{}", style(cited.place).dim()))?;
        }
    }
    let how = match &answered.generator {
        Some(model) => format!("by {}", visible(model)),
        None => "quoted".to_owned(),
    };
    let counts = library.store().reader()?.counts()?;
    let mut note = format!(
        "{how}, from {}, in {}",
        counted(counts.chunks, "chunk", "chunks"),
        milliseconds(answered.search.timings.total)
    );
    if let Some(footer) = footer {
        note.push_str(" · ");
        note.push_str(footer);
    }
    asking::note(&note, printer);
    Ok(())
}

/// A numbered passage of an answer.
#[derive(Debug)]
pub(crate) struct Cited<'a> {
    /// The first of its quotes.
    pub(crate) citation: &'a Citation,
    /// Where its quotes stand in the file, for people.
    pub(crate) place: String,
}

/// The passages that an answer cites, in the order of their numbers. Quotes of one passage share
/// its number.
pub(crate) fn cited(answered: &Answered) -> Vec<Cited<'_>> {
    let mut shown = 0;
    let mut passages = Vec::new();
    for citation in &answered.citations {
        if citation.n > shown {
            shown = citation.n;
            let same = answered.citations.iter().filter(|other| other.n == citation.n);
            let place = place(citation, heading(answered, citation), same);
            passages.push(Cited { citation, place });
        }
    }
    passages
}

/// The headings above what is cited.
fn heading<'a>(answered: &'a Answered, citation: &Citation) -> &'a str {
    let hit = answered.search.hits.get(citation.hit);
    hit.map_or("", |hit| hit.chunk.place.heading.as_str())
}

/// `:12-30` over all quotes of a passage, or `, page 3`, or the heading of what has neither.
fn place<'a>(
    citation: &Citation,
    heading: &str,
    same: impl Iterator<Item = &'a Citation>,
) -> String {
    if let Some(page) = citation.page {
        return format!(", page {page}");
    }
    let lines =
        same.filter_map(|citation| citation.lines).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    match lines {
        Some((first, last)) if first == last => format!(":{first}"),
        Some((first, last)) => format!(":{first}-{last}"),
        None if heading.is_empty() => String::new(),
        None => format!(" › {}", visible(heading)),
    }
}

pub(crate) fn wire(request: &SearchRequest, answered: &Answered) -> wire::Query {
    let search = &answered.search;
    wire::Query {
        query: request.query.clone(),
        answer: answered.text.clone(),
        found: !answered.text.is_empty(),
        generator: answered.generator.clone().unwrap_or_else(|| "extractive".to_owned()),
        indexes_current: search.is_level,
        note: answered.note.as_ref().map(|note| note.message.clone()),
        citations: answered
            .citations
            .iter()
            .map(|citation| wire::Citation {
                n: citation.n,
                path: citation.path.clone(),
                page: citation.page,
                lines: citation.lines.map(|lines| [lines.0, lines.1]),
                heading: heading(answered, citation).to_owned(),
                quote: citation.quote.clone(),
            })
            .collect(),
        hits: search.hits.iter().map(wire::WireHit::from).collect(),
        timings_ms: search.timings.into(),
        plan: wire::WirePlan::new(search),
        time: None,
        memory: None,
        facts: Vec::new(),
        profile: None,
    }
}
