//! How long questions of this process take: told with one of them, or recorded for later.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use console::style;
use ragged::{
    error::ErrorKind,
    library::{AddReport, Caches, Library, SearchResponse, measured},
    memory::Memory,
    telemetry::{
        Bounds, Component, Components, Kind, Sample, SampleStore, Span, Stage, Telemetry, Trace,
        Writing, flame, report, switch,
    },
};

use super::{
    Session, SystemClock,
    args::profile::ProfilingArgs,
    asking::Asking,
    printer::{Printer, milliseconds, visible},
};
use crate::wire::profile as wire;

#[cfg(feature = "otlp")]
mod collector;

impl ProfilingArgs {
    /// Whether one question is to be told about.
    pub(crate) fn is_given(&self) -> bool {
        self.profile || self.flame.is_some() || self.trace.is_some()
    }
}

/// A question that was asked.
pub(crate) struct Asked<'a> {
    pub(crate) asking: &'a Asking,
    pub(crate) question: &'a str,
    /// The interaction that is recorded of it.
    pub(crate) recorded: Option<&'a str>,
}

/// How long questions take.
pub(crate) struct Profiling<'a> {
    session: &'a Session,
    args: ProfilingArgs,
    writing: Writing,
    /// What is recorded.
    recorded: Components,
    trace: Trace,
    /// Begun with the first question that is recorded.
    telemetry: Option<Telemetry>,
    /// When the library was opened.
    caches: Caches,
    last: Option<Measured>,
    #[cfg(feature = "otlp")]
    collector: collector::Collector,
}

/// How long one question took.
struct Measured {
    /// With all stages.
    sample: Sample,
    spans: Vec<Span>,
    /// From the beginning of the command, or of the question in a process that stays.
    total_ns: u64,
}

impl<'a> Profiling<'a> {
    /// Of a command that asks one question: it begins now, before the library is opened.
    pub(crate) fn begin(args: &ProfilingArgs, session: &'a Session) -> Self {
        let mut profiling = Self::of(args.clone(), Writing::AtEnd, session);
        profiling.next();
        profiling
    }

    /// Of a process that asks many; [`next`](Self::next) begins each.
    pub(crate) fn staying(library: &Library, session: &'a Session) -> Self {
        let mut profiling = Self::of(ProfilingArgs::default(), Writing::Beside, session);
        profiling.caches = library.caches();
        profiling
    }

    fn of(args: ProfilingArgs, writing: Writing, session: &'a Session) -> Self {
        Self {
            session,
            args,
            writing,
            recorded: Components::NONE,
            trace: Trace::default(),
            telemetry: None,
            caches: Caches::default(),
            last: None,
            #[cfg(feature = "otlp")]
            collector: collector::Collector::new(session),
        }
    }

    /// Begins a question, if it is to be told about or recorded.
    pub(crate) fn next(&mut self) {
        self.recorded = switch::enabled(&self.session.resolved.data_dir);
        let is_asked = [Component::Query, Component::Memory, Component::Backend]
            .into_iter()
            .any(|component| self.recorded.contains(component));
        self.trace =
            if is_asked || self.args.is_given() { Trace::begin() } else { Trace::default() };
    }

    /// The library and the memory are open.
    pub(crate) fn opened(&mut self, library: &Library) {
        self.caches = library.caches();
        self.trace.opened();
    }

    /// Takes down what a question's stages take.
    pub(crate) fn trace(&self) -> Trace {
        self.trace.clone()
    }

    /// A question was answered.
    pub(crate) fn answered(
        &mut self,
        kind: Kind,
        asked: &Asked<'_>,
        response: &SearchResponse,
        is_generated: bool,
    ) {
        if !self.trace.is_on() {
            return;
        }
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let sample = Sample {
            is_generated,
            interaction: asked.recorded.map(str::to_owned),
            ..measured(kind, now_ms, &self.trace, response)
        };
        let (spans, total_ns) = (self.trace.spans(), self.trace.elapsed_ns());
        if !self.recorded.is_empty() {
            self.record(asked, &sample);
            #[cfg(feature = "otlp")]
            self.collector.take(&sample, &spans, total_ns);
        }
        if self.writing == Writing::AtEnd {
            self.last = Some(Measured { sample, spans, total_ns });
        }
    }

    fn record(&mut self, asked: &Asked<'_>, sample: &Sample) {
        let telemetry = match &mut self.telemetry {
            Some(telemetry) => telemetry,
            empty => {
                let data_dir = &self.session.resolved.data_dir;
                let clock = Arc::new(SystemClock);
                match Telemetry::begin(data_dir, Bounds::default(), self.writing, clock) {
                    Ok(telemetry) => empty.insert(telemetry),
                    // Without a thread to write it is not recorded; the answer is given.
                    Err(_) => return,
                }
            }
        };
        let digest = match asked.recorded {
            Some(_) => asked.asking.digest(asked.question),
            None => None,
        };
        let digest = digest.unwrap_or_else(|| telemetry.digest(asked.question));
        telemetry.note(sample.of(self.recorded), Some(digest));
    }

    /// How long the last question took, for programs.
    pub(crate) fn wire(&self) -> Option<wire::Question> {
        let Measured { sample, spans, .. } = self.last.as_ref().filter(|_| self.args.profile)?;
        let parts = report::breakdown(std::slice::from_ref(sample));
        Some(wire::Question {
            total_ms: sample.total_us as f64 / 1000.0,
            open_ms: sample.stages.us(Stage::Open) as f64 / 1000.0,
            breakdown: parts.iter().map(wire::Share::from).collect(),
            spans: spans.iter().map(wire::Timed::from).collect(),
        })
    }

    /// Tells how long the question took, as far as that was asked for.
    pub(crate) fn show(&self, question: &str, printer: &Printer) -> Result<()> {
        let Some(Measured { sample, spans, total_ns }) = &self.last else { return Ok(()) };
        if self.args.profile && !printer.is_json() {
            print(sample, printer)?;
        }
        if let Some(path) = &self.args.flame {
            let title = format!("{question} ({})", milliseconds(*total_ns as f64 / 1e6));
            write(path, flame::svg(&visible(&title), spans, *total_ns).as_bytes())?;
            printer.note(format!("Drew the stages in {}.", path.display()));
        }
        if let Some(path) = &self.args.trace {
            let trace = serde_json::to_vec_pretty(&wire::TraceFile::new(spans, *total_ns))?;
            write(path, &trace)?;
            printer.note(format!(
                "Wrote the stages to {}; ui.perfetto.dev shows them.",
                path.display()
            ));
        }
        Ok(())
    }

    /// Writes what waits. What could not be written is a warning: the answers were given.
    pub(crate) fn finish(self, library: &Library, printer: &Printer) {
        if let Some(telemetry) = &self.telemetry {
            telemetry.note_caches(&library.caches().since(&self.caches));
            if let Err(error) = telemetry.flush() {
                printer.warning(format!("how long this took was not recorded: {error:#}"));
                if let Some(hint) = error.hint() {
                    printer.note(format!("hint: {}", visible(hint)));
                }
            }
        }
        #[cfg(feature = "otlp")]
        self.collector.finish(printer);
        #[cfg(not(feature = "otlp"))]
        if self.telemetry.is_some()
            && !self.session.resolved.settings.telemetry.otlp_endpoint.is_empty()
        {
            printer.warning(
                "telemetry.otlp_endpoint is set, but this ragged was built without the feature `otlp`",
            );
        }
    }
}

/// Records how long it took to add files, where that is profiled. What cannot be written is a
/// warning: the files were added.
pub(crate) fn record_ingest(report: &AddReport, is_dry_run: bool, session: &Session) {
    let data_dir = &session.resolved.data_dir;
    if is_dry_run || !switch::enabled(data_dir).contains(Component::Ingest) {
        return;
    }
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let us = u64::try_from(report.elapsed.as_micros()).unwrap_or(u64::MAX);
    let files = report.added + report.changed;
    let sample = Sample::ingest(now_ms, us, files, report.chunks);
    let clock = Arc::new(SystemClock);
    let recorded = Telemetry::begin(data_dir, Bounds::default(), Writing::AtEnd, clock).and_then(
        |telemetry| {
            telemetry.note(sample, None);
            telemetry.flush()
        },
    );
    if let Err(error) = recorded {
        session.printer.warning(format!("how long this took was not recorded: {error:#}"));
    }
}

/// Forgets how long questions took that no persona remembers any more: for after an erasure. What
/// cannot be forgotten now is a warning; without the persona's key it tells nothing.
pub(crate) fn forget_erased(memory: &Memory, session: &Session) {
    if let Err(error) = try_to_forget(memory, session) {
        session.printer.warning(format!(
            "how long the deleted questions took is still recorded, though nothing tells which they \
             were: {error:#}"
        ));
        session.printer.note("hint: `ragged profile clear --confirm` deletes all of that");
    }
}

fn try_to_forget(memory: &Memory, session: &Session) -> Result<()> {
    let data_dir = &session.resolved.data_dir;
    let Some(mut store) = SampleStore::open_existing(data_dir, Bounds::default())? else {
        return Ok(());
    };
    let mut unknown = store.interactions()?;
    for persona in memory.personas()? {
        // Who never recorded has no file, and needs none for this.
        if unknown.is_empty() || !memory.vault().contains(&persona.file_id) {
            continue;
        }
        let remembered = memory.of(&persona.name)?;
        let mut left = Vec::with_capacity(unknown.len());
        for id in unknown {
            match remembered.interaction(&id) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => left.push(id),
                Err(error) => return Err(error.into()),
            }
        }
        unknown = left;
    }
    store.forget(&unknown)?;
    Ok(())
}

/// A file that its owner alone can read: its times tell what was asked when.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    let mut file = ragged::private_file(path)?;
    file.write_all(bytes).with_context(|| format!("writing {}", path.display()))
}

/// Where the time of one question went.
fn print(sample: &Sample, printer: &Printer) -> Result<()> {
    let parts = report::breakdown(std::slice::from_ref(sample));
    let inner = |of: Stage| -> Vec<String> {
        let within: &[Stage] = match of {
            Stage::Retrieve => {
                &[Stage::Filter, Stage::Vector, Stage::Recompute, Stage::Lexical, Stage::Read]
            }
            _ => &[],
        };
        within
            .iter()
            .filter_map(|stage| {
                let ms = sample.stages.get(*stage)? as f64 / 1000.0;
                Some(format!("{} {}", stage.as_str(), milliseconds(ms)))
            })
            .collect()
    };
    printer.line(format!(
        "{} {}",
        style("profile").bold(),
        milliseconds(sample.total_us as f64 / 1000.0)
    ))?;
    for part in &parts {
        let name = part.stage.map_or("other", Stage::as_str);
        let within = part.stage.map(inner).unwrap_or_default().join(" · ");
        let percent = f64::from(part.share) / 10.0;
        let line = format!("  {name:<10} {:>9}  {percent:>5.1} %", milliseconds(part.mean_ms));
        let within = if within.is_empty() { within } else { format!("  ({within})") };
        printer.line(format!("{line}{}", style(within).dim()))?;
    }
    if let Some(us) = sample.stages.get(Stage::Open) {
        printer.note(format!(
            "Opening the library took {} before that; `ragged chat` does it once.",
            milliseconds(us as f64 / 1000.0)
        ));
    }
    Ok(())
}
