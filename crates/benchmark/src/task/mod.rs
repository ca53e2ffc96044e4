//! What is measured in a child process: one test of one cell, once.

mod files;
mod profiling;
mod questions;
mod remembering;
mod strategies;
mod together;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use ragged::{
    document::Readers,
    error::{Context as _, Error, ErrorKind, Result},
    library::{Library, SearchRequest, SearchResponse},
    settings::{BackendKind, SearchMode, Settings},
    temporal::Clock,
};
use serde::{Deserialize, Serialize};

use crate::{
    process::{Memory, memory},
    result::{Better, Cell, Kind},
    sample::{percentile, sorted},
    server::Server,
};

/// Questions asked before any is measured.
const WARM_UP: usize = 20;
/// Hits asked for.
const K: usize = 10;
const MIB: f64 = 1_048_576.0;

/// A test of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Test {
    /// Reading files into an empty library, and what that takes on disk and in memory.
    Ingest,
    /// A persona that has asked for a year: no figures, for those that need one.
    Remember,
    /// Questions, one after another and in batches.
    Query,
    /// Questions of a persona, and what each part of memory adds to one.
    Personalisation,
    /// Questions about a time, facts at a time, timelines.
    Temporal,
    /// The default way to search vectors against a plain walk through the graph and brute force.
    Strategies,
    /// Questions whose stages are timed, against the same that are not.
    Profiling,
    /// Questions from many threads, from many personas, and beside writing.
    Concurrent,
}

impl Test {
    /// Those that a backend is measured by; [`Test::Strategies`] compares with what nobody would use,
    /// and [`Test::Profiling`] is of no backend.
    pub const OF_BACKENDS: [Self; 5] =
        [Self::Ingest, Self::Query, Self::Personalisation, Self::Temporal, Self::Concurrent];

    /// So many repeats of it are enough, since each has many pairs or threads within.
    pub fn most_repeats(self) -> usize {
        match self {
            Self::Ingest | Self::Remember | Self::Query => usize::MAX,
            Self::Personalisation
            | Self::Temporal
            | Self::Strategies
            | Self::Profiling
            | Self::Concurrent => 5,
        }
    }

    /// Whether it asks as the persona that has asked for a year.
    pub fn remembers(self) -> bool {
        matches!(self, Self::Personalisation | Self::Temporal)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Remember => "remember",
            Self::Query => "query",
            Self::Personalisation => "personalisation",
            Self::Temporal => "temporal",
            Self::Strategies => "strategies",
            Self::Profiling => "profiling",
            Self::Concurrent => "concurrent",
        }
    }
}

/// What a child process is to measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The test.
    pub test: Test,
    /// The cell.
    pub cell: Cell,
    /// The folder of documents.
    pub corpus: PathBuf,
    /// The library's folder; made where it is missing.
    pub library: PathBuf,
    /// What is asked.
    pub questions: Vec<String>,
    /// The program `chroma`, for its backend.
    pub chroma: Option<PathBuf>,
    /// Whether what is the same each time is measured too.
    pub counts: bool,
    /// Decides what is made up, and orders.
    pub seed: u64,
}

/// One number that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The test that it is reported under.
    pub test: String,
    /// Its name.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// Which way is better.
    pub better: Better,
    /// What kind of number it is.
    pub kind: Kind,
    /// The number.
    pub value: f64,
    /// Measurements behind it.
    pub n: usize,
}

impl Figure {
    fn new(test: &str, metric: &str, unit: &str, better: Better, kind: Kind, value: f64) -> Self {
        Self {
            test: test.to_owned(),
            metric: metric.to_owned(),
            unit: unit.to_owned(),
            better,
            kind,
            value,
            n: 1,
        }
    }

    /// Milliseconds, of which fewer are better.
    fn ms(test: &str, metric: &str, value: f64) -> Self {
        Self::new(test, metric, "ms", Better::Lower, Kind::Time, value)
    }

    /// Milliseconds more than without something. Around none a share of it says nothing, so that it
    /// is told and not compared.
    fn added(test: &str, metric: &str, value: f64) -> Self {
        Self::new(test, metric, "ms", Better::Neither, Kind::Time, value)
    }

    /// So many a second.
    fn rate(test: &str, metric: &str, value: f64) -> Self {
        Self::new(test, metric, "1/s", Better::Higher, Kind::Time, value)
    }

    /// Bytes of memory, told in MiB.
    fn memory(test: &str, metric: &str, bytes: u64) -> Self {
        Self::new(test, metric, "MiB", Better::Lower, Kind::Memory, bytes as f64 / MIB)
    }

    /// Work, of which less is better.
    fn work(test: &str, metric: &str, value: f64) -> Self {
        Self::new(test, metric, "", Better::Lower, Kind::Count, value)
    }

    fn over(self, n: usize) -> Self {
        Self { n, ..self }
    }
}

/// How libraries are opened and files are read: the program's knowledge.
pub trait Opening: Sync {
    /// Opens the library in a folder.
    fn open(&self, dir: &Path, settings: Settings, clock: Arc<dyn Clock>) -> Result<Library>;
    /// The settings of a configuration, by its name.
    fn settings(&self, configuration: &str) -> Result<Settings>;
    /// What reads files.
    fn readers(&self, settings: &Settings) -> Result<Readers>;
    /// The clock of this machine.
    fn clock(&self) -> Arc<dyn Clock>;
}

/// Measures.
///
/// # Errors
///
/// Those of the library; `NotFound` where the cell needs a program that is not there.
pub fn run(task: &Task, opening: &dyn Opening) -> Result<Vec<Figure>> {
    let mut settings = opening.settings(&task.cell.configuration)?;
    let name = task.cell.backend.as_str();
    let kind = BackendKind::ALL.into_iter().find(|kind| kind.as_str() == name);
    settings.backend.kind = kind
        .ok_or_else(|| Error::new(ErrorKind::Invalid, format!("there is no backend {name:?}")))?;
    let mut server = None;
    if settings.backend.kind == BackendKind::Chromadb {
        let none = || Error::new(ErrorKind::NotFound, "there is no program `chroma`");
        let program = task.chroma.as_deref().ok_or_else(none)?;
        let data = task.library.join("chroma");
        std::fs::create_dir_all(&data).context_with(|| format!("making {}", data.display()))?;
        let started = Server::start(program, &data)?;
        settings.backend.chroma.url.clone_from(&started.url);
        server = Some(started);
    }
    if task.test != Test::Ingest && task.questions.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "there are no questions"));
    }
    let measuring = Measuring { task, opening, settings, server };
    match task.test {
        Test::Ingest => measuring.ingest(),
        Test::Remember => measuring.remember(),
        Test::Query => measuring.query(),
        Test::Personalisation => measuring.personalisation(),
        Test::Temporal => measuring.temporal(),
        Test::Strategies => measuring.strategies(),
        Test::Profiling => measuring.profiling(),
        Test::Concurrent => measuring.concurrent(),
    }
}

struct Measuring<'a> {
    task: &'a Task,
    opening: &'a dyn Opening,
    settings: Settings,
    server: Option<Server>,
}

fn timed<T>(step: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let begun = Instant::now();
    let done = step()?;
    Ok((done, milliseconds(begun.elapsed())))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Does two things one right after the other and gives what came of the first and of the second,
/// whichever began: the one that goes second finds the processor's caches warm.
fn in_turn<T>(
    second_begins: bool,
    first: impl FnOnce() -> Result<T>,
    second: impl FnOnce() -> Result<T>,
) -> Result<(T, T)> {
    if second_begins {
        let of_second = second()?;
        Ok((first()?, of_second))
    } else {
        Ok((first()?, second()?))
    }
}

/// Percentiles of times, in milliseconds.
fn latencies(test: &str, metric: &str, times: &[f64], percents: &[u8]) -> Vec<Figure> {
    let sorted = sorted(times);
    let of = |percent: &u8| {
        let value = percentile(&sorted, f64::from(*percent))?;
        Some(Figure::ms(test, &format!("{metric}_p{percent}"), value).over(times.len()))
    };
    percents.iter().filter_map(of).collect()
}

/// The chunks of a response, those joined into others included.
fn chunks(response: &SearchResponse) -> BTreeSet<u64> {
    let hits = response.hits.iter();
    hits.flat_map(|hit| hit.merged.iter().map(|id| id.0).chain([hit.chunk.place.id.0])).collect()
}

impl Measuring<'_> {
    fn open(&self, settings: Settings) -> Result<Library> {
        self.opening.open(&self.task.library, settings, self.opening.clock())
    }

    /// Settings with which every question does all its work.
    fn without_answers_kept(&self) -> Settings {
        let mut settings = self.settings.clone();
        settings.backend.cache_size = 0;
        settings.backend.vector_cache_bytes = 0;
        settings.memory.cache.l3_size = 0;
        settings
    }

    fn request(&self, question: &str, k: usize, mode: SearchMode) -> SearchRequest {
        SearchRequest { k, mode, ..SearchRequest::new(question, &self.settings.search) }
    }

    /// A question as people ask it.
    fn asking(&self, question: &str) -> SearchRequest {
        self.request(question, K, SearchMode::Hybrid)
    }

    /// What this process and the server take, in bytes.
    fn memory(&self) -> Option<Memory> {
        let mut all = memory(std::process::id())?;
        all += self.server.as_ref().and_then(Server::memory).unwrap_or_default();
        Some(all)
    }
}
