//! `chat`: one question after another, with the library kept open.

mod input;
mod line;
mod record;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use anyhow::Result;
use clap::ValueEnum as _;
use console::style;
use ragged::{
    document::Span,
    error::{Error, ErrorKind},
    id::DocumentId,
    library::{Answered, Hit, Library, SearchRequest, SearchResponse},
    memory::{InteractionKind, NewInteraction},
    telemetry::{Kind, Stage, Trace},
};

use self::{
    input::{Input, Typed},
    line::{COMMANDS, CacheWish, Change, Line},
    record::{Asked, Entry, Passage, Record},
};
use super::{
    add::shortened,
    cache,
    query::{self, Speech, Told},
    search,
};
use crate::{
    cli::{
        Session,
        args::{ChatArgs, Filters, Mode, SearchArgs, memory::AskingArgs, profile::ProfilingArgs},
        asking::{Asking, ReadTime},
        interrupt,
        printer::{self, Printer, counted, visible, visible_lines},
        profiling::{self, Profiling},
    },
    failure::{Outcome, Report},
    wire,
};

pub(crate) fn run(args: &ChatArgs, session: &Session) -> Result<Outcome> {
    if args.forget {
        return forget(args.confirm, session);
    }
    let mut settings = session.resolved.settings.clone();
    if args.extractive {
        "extractive".clone_into(&mut settings.answer.generator);
    }
    session.require_library()?;
    let library = Arc::new(session.library_with(settings)?);
    let data_dir = library.dir().to_path_buf();
    let printer = &session.printer;

    let history = record::history_path(&data_dir);
    let is_for_person = printer.is_terminal() && !printer.is_json();
    let input = Input::open(is_for_person, (!args.no_history).then_some(history.as_path()))?;
    let chat_session = NewInteraction::new_id()?;
    let asking = Asking::begin_with(&args.asking, Some(chat_session), Some(&library), session)?;
    let mut chat = Chat {
        session,
        printer,
        asking,
        record: None,
        search: SearchArgs::default(),
        last: Asked::default(),
        interrupts: Interrupts::default(),
        profiling: Profiling::staying(&library, session),
        library,
    };
    let resumed = if args.resume { Record::resume(&data_dir)? } else { None };
    if let Some((record, kept)) = resumed {
        chat.search = from_kept(&kept.settings);
        chat.last = kept.asked.unwrap_or_default();
        chat.record = Some(record);
        chat.recall();
    } else {
        if args.resume {
            printer.note("There is no session to go on with; this is a new one.");
        }
        let name = format!("{}-{}", jiff::Timestamp::now().as_millisecond(), std::process::id());
        chat.record = Some(Record::begin(&data_dir, &name));
    }
    if args.no_history {
        chat.record = None;
    }
    let outcome = chat.converse(input);
    chat.asking.finish(printer);
    chat.profiling.finish(&chat.library, printer);
    outcome
}

/// Whether chats keep anything.
pub(super) fn has_files(data_dir: &Path) -> bool {
    record::folder(data_dir).exists()
}

/// The files of chats that hold any of some texts.
pub(super) fn files_with(data_dir: &Path, texts: &[&str]) -> Result<Vec<PathBuf>> {
    Ok(ragged::memory::files_with(&record::folder(data_dir), texts)?)
}

fn forget(is_confirmed: bool, session: &Session) -> Result<Outcome> {
    let data_dir = &session.resolved.data_dir;
    if !is_confirmed {
        return Err(anyhow::Error::new(
            crate::Usage::new(
                "this deletes all chat sessions and the history of typed lines for good",
            )
            .with_hint("`ragged chat --forget --confirm` does it"),
        ));
    }
    let n_sessions = record::forget(data_dir)?;
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&serde_json::json!({ "forgotten_sessions": n_sessions }))?;
    } else {
        let sessions = counted(n_sessions as u64, "session", "sessions");
        printer.line(format!("Forgot {sessions} and the history."))?;
    }
    Ok(Outcome::Done)
}

struct Chat<'a> {
    session: &'a Session,
    /// Who asks.
    asking: Asking,
    printer: &'a Printer,
    library: Arc<Library>,
    /// `None` where nothing is kept.
    record: Option<Record>,
    /// What the commands have set, as if it had been typed with each question.
    search: SearchArgs,
    /// The last question and the passages that have numbers.
    last: Asked,
    interrupts: Interrupts,
    profiling: Profiling<'a>,
}

/// Whether the conversation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    GoOn,
    End,
}

impl Chat<'_> {
    fn converse(&mut self, mut input: Input) -> Result<Outcome> {
        let is_terminal = input.is_terminal();
        // A program that sends lines ends the process with a signal; a person ends an answer.
        let _listener = is_terminal.then(|| self.interrupts.listen());
        if is_terminal {
            let counts = self.library.store().reader()?.counts()?;
            self.printer.note(format!(
                "{}. Ask, or /help; Ctrl-D ends.",
                counted(counts.files, "file", "files")
            ));
        }
        let mut outcome = Outcome::Done;
        loop {
            let line = match input.read()? {
                Typed::Line(line) => line,
                Typed::Cancelled => continue,
                Typed::End => break,
            };
            let done =
                Line::parse(&line).map_err(anyhow::Error::new).and_then(|line| self.obey(line));
            match done {
                Ok(Then::GoOn) => {}
                Ok(Then::End) => break,
                Err(error) if error.is::<printer::PipeClosed>() => return Err(error),
                Err(error) => {
                    printer::print_error(&Report::of(&error), self.printer.is_json());
                    // A person has seen it.
                    if !is_terminal {
                        outcome = Outcome::Partial;
                    }
                }
            }
            if is_terminal {
                self.printer.line("")?;
            }
        }
        Ok(outcome)
    }

    fn obey(&mut self, line: Line) -> Result<Then> {
        match line {
            Line::Nothing => {}
            Line::Question(question) => {
                self.profiling.next();
                self.asking.refresh(self.session)?;
                self.answer(question)?;
            }
            Line::Search(query) => {
                self.profiling.next();
                self.asking.refresh(self.session)?;
                self.search(query)?;
            }
            Line::More => {
                self.asking.refresh(self.session)?;
                self.more()?;
            }
            Line::Open(n) => self.open(n)?,
            Line::Help => self.help(),
            Line::Quit => return Ok(Then::End),
            Line::K(k) => {
                if k.is_some() {
                    self.search.k = k;
                    self.keep_settings()?;
                }
                let of = |k: Option<u16>, default: usize| k.map_or(default, usize::from);
                let settings = self.library.settings();
                self.printer.note(format!(
                    "k: answers draw on {}, searches show {}.",
                    counted(of(self.search.k, settings.answer.k) as u64, "hit", "hits"),
                    of(self.search.k, settings.search.k)
                ));
            }
            Line::Mode(mode) => {
                if mode.is_some() {
                    self.search.mode = mode;
                    self.keep_settings()?;
                }
                let request = search::request(&self.search, &self.library, &self.asking.zone()?)?;
                self.printer.note(format!("mode: {}", request.mode.as_str()));
            }
            Line::Explain(wanted) => {
                self.search.explain = wanted.unwrap_or(!self.search.explain);
                self.keep_settings()?;
                let state = if self.search.explain { "on" } else { "off" };
                self.printer.note(format!("explain: {state}"));
            }
            Line::Filter(change) => self.filter(change)?,
            Line::Collection(names) => self.collection(names)?,
            Line::Persona(name) => self.persona(name.as_deref())?,
            Line::Cache(CacheWish::Show) if self.printer.is_json() => {
                self.printer.json_line(&cache::wire(&self.library))?;
            }
            Line::Cache(CacheWish::Show) => cache::show(&self.library, self.printer)?,
            Line::Cache(CacheWish::Clear) => {
                self.library.clear_caches();
                self.printer.note("Emptied the caches.");
            }
        }
        Ok(Then::GoOn)
    }

    fn request(&self, question: &str, trace: &Trace) -> Result<(SearchRequest, Option<ReadTime>)> {
        let mut request = search::request(&self.search, &self.library, &self.asking.zone()?)?;
        question.clone_into(&mut request.query);
        let time = trace.time(Stage::Enhance, || self.asking.settle(&mut request))?;
        request.trace = trace.clone();
        if let Some(time) = &time {
            self.printer.note(visible(&time.line()));
        }
        Ok((request, time))
    }

    fn answer(&mut self, question: String) -> Result<()> {
        let printer = self.printer;
        let trace = self.profiling.trace();
        let (mut request, time) = self.request(&question, &trace)?;
        request.k = self.search.k.map_or(self.library.settings().answer.k, usize::from);
        let style = self.asking.style();
        let mut speech = Speech::new(printer, style);
        let answered = {
            let (library, request) = (Arc::clone(&self.library), request.clone());
            let profile = trace.time(Stage::Enhance, || self.asking.profile(&library))?;
            self.interrupts.work(
                move |say| library.answer_in(style, &request, profile.as_deref(), say),
                |text| speech.say(text),
            )
        };
        let answered = match answered {
            Ok(Some(answered)) => answered,
            Ok(None) => {
                speech.break_off()?;
                printer.note("Cancelled.");
                return Ok(());
            }
            Err(error) => {
                speech.break_off()?;
                return Err(error.into());
            }
        };
        let (time, kind) = (time.as_ref(), InteractionKind::Chat);
        let told = Told::new(&mut self.asking, &question, time, kind, &answered, &trace)?;
        let (asked, is_generated) = (told.asked(&self.asking), query::is_generated(&answered));
        self.profiling.answered(Kind::Chat, &asked, &answered.search, is_generated);
        if printer.is_json() {
            query::warn_of_note(&answered, printer);
            printer.json_line(&told.wire(&request, &answered))?;
        } else {
            query::show(&answered, speech, &self.library, Some(&told.footer), printer)?;
            told.show_facts(printer)?;
            if answered.text.is_empty() {
                search::suggest(&self.search, &self.library, printer)?;
            }
            if self.search.explain {
                self.explain(&answered)?;
            }
        }
        let passages = query::cited(&answered)
            .into_iter()
            .filter_map(|cited| {
                let hit = answered.search.hits.get(cited.citation.hit)?;
                Some(passage(cited.citation.n, hit, cited.place))
            })
            .collect();
        self.asked(question, passages)
    }

    fn explain(&self, answered: &Answered) -> Result<()> {
        for cited in query::cited(answered) {
            if let Some(hit) = answered.search.hits.get(cited.citation.hit) {
                self.printer.line(style(format!("[{}]", cited.citation.n)).dim().to_string())?;
                search::print_parts(hit, self.printer)?;
            }
        }
        search::print_plan(&answered.search, self.printer)
    }

    fn search(&mut self, query: String) -> Result<()> {
        let trace = self.profiling.trace();
        let (request, time) = self.request(&query, &trace)?;
        let Some(found) = self.find(&request)? else { return Ok(()) };
        let recorded = trace.time(Stage::Record, || {
            self.asking.record(&query, InteractionKind::Search, &found, None)
        })?;
        let (asking, recorded_as) = (&self.asking, recorded.as_deref());
        let asked = profiling::Asked { asking, question: &query, recorded: recorded_as };
        self.profiling.answered(Kind::Search, &asked, &found, false);
        self.show_hits(&query, &found, time.as_ref(), recorded.as_deref())?;
        if found.hits.is_empty() && !self.printer.is_json() {
            self.printer.line("Nothing found.")?;
            search::suggest(&self.search, &self.library, self.printer)?;
        }
        let passages = found.hits.iter().map(|hit| passage(hit.rank, hit, search::place(hit)));
        self.asked(query, passages.collect())
    }

    /// The next passages for the last question: the best that were not shown yet. Their numbers
    /// go on where those that were shown end.
    fn more(&mut self) -> Result<()> {
        if self.last.question.is_empty() {
            return Err(anyhow::Error::new(
                crate::Usage::new("there is no question yet").with_hint("ask one first"),
            ));
        }
        let mut asked = self.last.clone();
        let (mut request, time) = self.request(&asked.question, &Trace::default())?;
        let n_wanted = request.k;
        request.k += asked.passages.len();
        let Some(mut found) = self.find(&request)? else { return Ok(()) };
        let is_new = |hit: &Hit| {
            !asked.passages.iter().any(|passage| {
                let span = hit.chunk.place.span;
                (passage.document, passage.start, passage.end)
                    == (hit.document.id.0, span.start, span.end)
            })
        };
        found.hits.retain(is_new);
        found.hits.truncate(n_wanted);
        let n_shown = asked.passages.last().map_or(0, |passage| passage.n);
        for (at, hit) in found.hits.iter_mut().enumerate() {
            hit.rank = n_shown + at + 1;
        }
        self.show_hits(&asked.question, &found, time.as_ref(), None)?;
        if found.hits.is_empty() && !self.printer.is_json() {
            self.printer.line("Nothing more.")?;
        }
        let passages = found.hits.iter().map(|hit| passage(hit.rank, hit, search::place(hit)));
        asked.passages.extend(passages);
        self.asked(asked.question, asked.passages)
    }

    /// `None` if it was cancelled.
    fn find(&self, request: &SearchRequest) -> Result<Option<SearchResponse>> {
        let (library, request) = (Arc::clone(&self.library), request.clone());
        let profile = request.trace.time(Stage::Enhance, || self.asking.profile(&library))?;
        let found = self
            .interrupts
            .work(move |_| library.search_for(&request, profile.as_deref()), |_| {})?;
        if found.is_none() {
            self.printer.note("Cancelled.");
        }
        Ok(found)
    }

    fn show_hits(
        &self,
        query: &str,
        found: &SearchResponse,
        time: Option<&ReadTime>,
        recorded: Option<&str>,
    ) -> Result<()> {
        if self.printer.is_json() {
            return self.printer.json_line(&wire::Search {
                time: time.map(wire::QuestionTime::from),
                memory: self.asking.wire(recorded),
                ..wire::Search::new(query, found)
            });
        }
        search::note_if_behind(found, self.printer);
        search::print_hits(found, self.search.explain, self.printer)
    }

    fn open(&self, n: usize) -> Result<()> {
        let passages = &self.last.passages;
        let Some(passage) = passages.iter().find(|passage| passage.n == n) else {
            let hint = match passages.last() {
                None => "ask something first".to_owned(),
                Some(last) => format!("the last answer has numbers up to {}", last.n),
            };
            return Err(anyhow::Error::new(
                crate::Usage::new(format!("there is no passage [{n}]")).with_hint(hint),
            ));
        };
        let reader = self.library.store().reader()?;
        let Some(document) = reader.document(DocumentId(passage.document))? else {
            let message =
                format!("[{n}] {} was changed or forgotten meanwhile", visible(&passage.path));
            return Err(Error::new(ErrorKind::NotFound, message)
                .with_hint("ask again, to see what is there now")
                .into());
        };
        let span = Span { start: passage.start, end: passage.end };
        let text = reader.text(document.id, span)?;
        if self.printer.is_json() {
            return self.printer.json_line(&wire::Opened {
                n,
                path: passage.path.clone(),
                document: passage.document,
                start: passage.start,
                end: passage.end,
                passage: text,
            });
        }
        self.print_reference(passage)?;
        self.printer.line(visible_lines(text.trim_end()))
    }

    /// `[1] notes/lease.md:12-30`
    fn print_reference(&self, passage: &Passage) -> Result<()> {
        self.printer.line(self.reference(passage))
    }

    fn reference(&self, passage: &Passage) -> String {
        let path = self.printer.path(&passage.path, &shortened(&passage.path));
        let number = style(format!("[{}]", passage.n)).bold();
        format!("{number} {path}{}", style(visible(&passage.place)).dim())
    }

    fn filter(&mut self, change: Change) -> Result<()> {
        let is_changed = change != Change::Show;
        match change {
            Change::Show => {}
            Change::Lift => {
                let collections = std::mem::take(&mut self.search.filters.collections);
                self.search.filters = Filters { collections, ..Filters::default() };
            }
            Change::Set(mut filters) => {
                filters.collections.clone_from(&self.search.filters.collections);
                // What cannot be understood is refused now, not with the next question.
                search::filter(&filters, &self.asking.zone()?)?;
                self.search.filters = filters;
            }
        }
        if is_changed {
            self.keep_settings()?;
        }
        let Filters { paths, types, since, until, collections: _ } = &self.search.filters;
        let mut conditions: Vec<String> = Vec::new();
        conditions.extend(paths.iter().map(|path| format!("path={path}")));
        if !types.is_empty() {
            conditions.push(format!("type={}", types.join(",")));
        }
        conditions.extend(since.iter().map(|time| format!("since={time}")));
        conditions.extend(until.iter().map(|time| format!("until={time}")));
        let shown = if conditions.is_empty() { "none".to_owned() } else { conditions.join(" ") };
        self.printer.note(format!("filter: {}", visible(&shown)));
        Ok(())
    }

    /// Shows which collections are asked, or asks those named from now on; none named, all.
    fn collection(&mut self, names: Option<Vec<String>>) -> Result<()> {
        if let Some(collections) = names {
            let filters = Filters { collections, ..self.search.filters.clone() };
            // What does not exist is refused now, not with the next question.
            self.library.require_collections(&search::filter(&filters, &self.asking.zone()?)?)?;
            self.search.filters = filters;
            self.keep_settings()?;
        }
        let asked = &self.search.filters.collections;
        let asked = if asked.is_empty() { "all".to_owned() } else { asked.join(", ") };
        self.printer.note(format!("collections: {}", visible(&asked)));
        Ok(())
    }

    fn persona(&mut self, name: Option<&str>) -> Result<()> {
        if let Some(name) = name {
            self.asking.switch(name, self.session)?;
        }
        let footer = self.asking.footer(None);
        self.printer.note(format!("persona: {}; {footer}", visible(self.asking.name())));
        Ok(())
    }

    fn help(&self) {
        for (name, arguments, what) in COMMANDS {
            let typed = format!("{name} {arguments}");
            self.printer.note(format!("  {typed:<30} {what}"));
        }
        self.printer.note("Anything else is a question. Ctrl-C gives up a line or an answer.");
    }

    /// Shows shortly where the last session ended.
    fn recall(&self) {
        let Asked { question, passages } = &self.last;
        if question.is_empty() {
            return;
        }
        self.printer.note(format!("Going on after: {}", visible(question)));
        for passage in passages {
            self.printer.note(format!("  {}", self.reference(passage)));
        }
    }

    fn asked(&mut self, question: String, passages: Vec<Passage>) -> Result<()> {
        self.last = Asked { question, passages };
        let entry = Entry::Asked(self.last.clone());
        self.keep(&entry)
    }

    fn keep_settings(&mut self) -> Result<()> {
        let entry = Entry::Settings(to_keep(&self.search));
        self.keep(&entry)
    }

    fn keep(&mut self, entry: &Entry) -> Result<()> {
        self.record.as_mut().map_or(Ok(()), |record| record.keep(entry))
    }
}

fn passage(n: usize, hit: &Hit, place: String) -> Passage {
    let span = hit.chunk.place.span;
    Passage {
        n,
        path: hit.path().to_owned(),
        place,
        document: hit.document.id.0,
        start: span.start,
        end: span.end,
    }
}

fn to_keep(search: &SearchArgs) -> record::Settings {
    let Filters { collections, paths, types, since, until } = search.filters.clone();
    let mode = search.mode.and_then(|mode| Some(mode.to_possible_value()?.get_name().to_owned()));
    let (k, explain) = (search.k, search.explain);
    record::Settings { k, mode, explain, collections, paths, types, since, until }
}

fn from_kept(kept: &record::Settings) -> SearchArgs {
    let record::Settings { k, mode, explain, collections, paths, types, since, until } =
        kept.clone();
    SearchArgs {
        query: Vec::new(),
        k,
        // One that a newer version has counts as not set.
        mode: mode.and_then(|mode| Mode::from_str(&mode, false).ok()),
        filters: Filters { collections, paths, types, since, until },
        strategy: None,
        explain,
        asking: AskingArgs::default(),
        profiling: ProfilingArgs::default(),
    }
}

/// Ctrl-C, while something is worked on.
#[derive(Debug, Default)]
struct Interrupts(Arc<Mutex<Option<mpsc::Sender<Message>>>>);

/// What the one who waits for work is told.
enum Message {
    Text(String),
    Done,
    Interrupted,
}

/// Says that work is over, however it ended.
struct Finished(mpsc::Sender<Message>);

impl Drop for Finished {
    fn drop(&mut self) {
        // Who gave it up does not listen.
        drop(self.0.send(Message::Done));
    }
}

impl Interrupts {
    /// Hears every Ctrl-C from now on; one at which nothing is worked on is passed over.
    fn listen(&self) -> interrupt::Listener {
        let worked_on = Arc::clone(&self.0);
        interrupt::Listener::begin(move || {
            let worked_on = worked_on.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(sender) = worked_on.as_ref() {
                drop(sender.send(Message::Interrupted));
            }
            interrupt::Heard::Heard
        })
    }

    /// Works on a thread of its own, handing on the text that comes meanwhile. `None` if Ctrl-C
    /// came first: then the thread is left to itself, since a server may let it wait, and what it
    /// still has to say is dropped.
    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn FnMut(&str)) -> ragged::error::Result<T> + Send + 'static,
        mut say: impl FnMut(&str),
    ) -> ragged::error::Result<Option<T>> {
        let (sender, messages) = mpsc::channel();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender.clone());
        let is_given_up = Arc::new(AtomicBool::new(false));
        let worker = std::thread::spawn({
            let is_given_up = Arc::clone(&is_given_up);
            let finished = Finished(sender);
            move || {
                let mut tell = |text: &str| {
                    if !is_given_up.load(Ordering::Relaxed) {
                        drop(finished.0.send(Message::Text(text.to_owned())));
                    }
                };
                catch_unwind(AssertUnwindSafe(|| work(&mut tell))).unwrap_or_else(|_| {
                    Err(Error::new(ErrorKind::Internal, "the thread that answers panicked"))
                })
            }
        });
        let mut is_interrupted = false;
        for message in messages {
            match message {
                Message::Text(text) => say(&text),
                Message::Done => break,
                Message::Interrupted => {
                    is_interrupted = true;
                    break;
                }
            }
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if is_interrupted {
            is_given_up.store(true, Ordering::Relaxed);
            return Ok(None);
        }
        worker
            .join()
            .unwrap_or_else(|_| {
                Err(Error::new(ErrorKind::Internal, "the thread that answers panicked"))
            })
            .map(Some)
    }
}
