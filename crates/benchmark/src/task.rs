//! What is measured in a child process: one test of one cell, once.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use ragged::{
    document::Readers,
    error::{Context as _, Error, ErrorKind, Result},
    library::{AddOptions, Cancel, Library, NoProgress, SearchRequest, SearchResponse},
    settings::{BackendKind, SearchMode, Settings},
};
use serde::{Deserialize, Serialize};

use crate::{
    process::{cpu_seconds, folder_bytes, forget_pages, memory},
    result::{Better, Cell, Kind},
    sample::{percentile, sorted},
    server::Server,
};

/// Questions asked before any is measured.
const WARM_UP: usize = 20;
/// Questions of a batch.
const BATCH: usize = 10;
/// Hits asked for.
const K: usize = 10;
/// Threads that ask at once, one run each.
const THREADS: [usize; 5] = [1, 2, 4, 8, 16];
const MIB: f64 = 1_048_576.0;

/// A test of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Test {
    /// Reading files into an empty library, and what that takes on disk and in memory.
    Ingest,
    /// Questions, one after another and in batches.
    Query,
    /// Questions from many threads.
    Concurrent,
}

impl Test {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ingest, Self::Query, Self::Concurrent];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Query => "query",
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

/// How libraries are opened and files are read: the program's knowledge.
pub trait Opening: Sync {
    /// Opens the library in a folder.
    fn open(&self, dir: &Path, settings: Settings) -> Result<Library>;
    /// The settings of a configuration, by its name.
    fn settings(&self, configuration: &str) -> Result<Settings>;
    /// What reads files.
    fn readers(&self, settings: &Settings) -> Result<Readers>;
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
    let measuring = Measuring { task, opening, settings, server };
    match task.test {
        Test::Ingest => measuring.ingest(),
        Test::Query => measuring.query(),
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

fn figure(test: &str, metric: &str, unit: &str, better: Better, kind: Kind, value: f64) -> Figure {
    Figure {
        test: test.to_owned(),
        metric: metric.to_owned(),
        unit: unit.to_owned(),
        better,
        kind,
        value,
        n: 1,
    }
}

/// Percentiles of times, in milliseconds.
fn latencies(metric: &str, times: &[f64], percents: &[u8]) -> Vec<Figure> {
    let sorted = sorted(times);
    let of = |percent: &u8| {
        let value = percentile(&sorted, f64::from(*percent))?;
        let name = format!("{metric}_p{percent}");
        let figure = figure("query", &name, "ms", Better::Lower, Kind::Time, value);
        Some(Figure { n: times.len(), ..figure })
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
        self.opening.open(&self.task.library, settings)
    }

    /// Settings with which every question does all its work.
    fn without_answers_kept(&self) -> Settings {
        let mut settings = self.settings.clone();
        settings.backend.cache_size = 0;
        settings.backend.vector_cache_bytes = 0;
        settings
    }

    fn request(&self, question: &str, k: usize, mode: SearchMode) -> SearchRequest {
        SearchRequest { k, mode, ..SearchRequest::new(question, &self.settings.search) }
    }

    /// This process and the server.
    fn peak(&self) -> Option<(f64, f64)> {
        let own = memory(std::process::id())?;
        let server = self.server.as_ref().and_then(Server::memory).unwrap_or_default();
        Some(((own.resident + server.resident) as f64, (own.peak + server.peak) as f64))
    }

    fn ingest(&self) -> Result<Vec<Figure>> {
        let readers = self.opening.readers(&self.settings)?;
        let library = self.open(self.settings.clone())?;
        let before = cpu_seconds();
        let paths = [self.task.corpus.clone()];
        let (report, ms) = timed(|| {
            library.add(&paths, AddOptions::default(), &readers, &NoProgress, &Cancel::new())
        })?;
        // What readers took is counted when they have ended.
        drop(readers);
        let cpu = cpu_seconds().zip(before).map(|(after, before)| after - before);
        let added = report.added as f64;
        let mut figures = vec![
            figure(
                "ingest",
                "documents_per_second",
                "1/s",
                Better::Higher,
                Kind::Time,
                1000.0 * added / ms,
            ),
            figure(
                "ingest",
                "chunks_per_second",
                "1/s",
                Better::Higher,
                Kind::Time,
                1000.0 * report.chunks as f64 / ms,
            ),
            figure("ingest", "documents", "", Better::Neither, Kind::Count, added),
            figure("ingest", "chunks", "", Better::Neither, Kind::Count, report.chunks as f64),
        ];
        if let Some(cpu) = cpu {
            let per_document = 1000.0 * cpu / added.max(1.0);
            figures.push(figure(
                "ingest",
                "cpu_per_document",
                "ms",
                Better::Lower,
                Kind::Time,
                per_document,
            ));
        }
        if let Some((_, peak)) = self.peak() {
            figures.push(figure(
                "ingest",
                "peak_memory",
                "MiB",
                Better::Lower,
                Kind::Memory,
                peak / MIB,
            ));
            figures.push(figure("memory", "peak", "MiB", Better::Lower, Kind::Memory, peak / MIB));
        }
        drop(library);
        let bytes = folder_bytes(&self.task.library) as f64;
        figures.push(figure("storage", "total", "MB", Better::Lower, Kind::Count, bytes / 1e6));
        let per_document = bytes / 1000.0 / added.max(1.0);
        figures.push(figure(
            "storage",
            "per_document",
            "KB",
            Better::Lower,
            Kind::Count,
            per_document,
        ));
        Ok(figures)
    }

    fn query(&self) -> Result<Vec<Figure>> {
        let Task { questions, library: dir, .. } = self.task;
        if questions.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "there are no questions"));
        }
        let is_forgotten = forget_pages(dir);
        let (library, opened) = timed(|| self.open(self.without_answers_kept()))?;
        let idle = self.peak();
        let ask = |library: &Library, question: &str| {
            timed(|| library.search(&self.request(question, K, SearchMode::Hybrid)))
        };
        let (_, first) = ask(&library, &questions[0])?;
        let cold = if is_forgotten { "cold_first" } else { "new_process_first" };
        let mut figures = vec![
            figure("query", "open", "ms", Better::Lower, Kind::Time, opened),
            figure("query", cold, "ms", Better::Lower, Kind::Time, first),
        ];
        for question in questions.iter().take(WARM_UP) {
            ask(&library, question)?;
        }
        let (mut times, mut recomputed, mut compared) = (Vec::new(), 0, 0);
        for question in questions {
            let (response, ms) = ask(&library, question)?;
            times.push(ms);
            recomputed += response.counts.recomputed_embeddings;
            compared += response.counts.scanned_codes + response.counts.visited_codes;
        }
        let percents: &[u8] =
            if times.len() >= crate::sample::P99_MIN { &[50, 95, 99] } else { &[50, 95] };
        figures.extend(latencies("latency", &times, percents));
        let per_question = |n: u64| n as f64 / questions.len() as f64;
        figures.push(figure(
            "query",
            "recomputed",
            "",
            Better::Lower,
            Kind::Count,
            per_question(recomputed),
        ));
        figures.push(figure(
            "query",
            "compared",
            "",
            Better::Lower,
            Kind::Count,
            per_question(compared),
        ));
        figures.extend(self.batches(&library)?);
        if let (Some((resident, peak)), Some((idle, _))) = (self.peak(), idle) {
            figures.push(figure("memory", "idle", "MiB", Better::Lower, Kind::Memory, idle / MIB));
            figures.push(figure(
                "memory",
                "active",
                "MiB",
                Better::Lower,
                Kind::Memory,
                resident / MIB,
            ));
            figures.push(figure(
                "memory",
                "active_peak",
                "MiB",
                Better::Lower,
                Kind::Memory,
                peak / MIB,
            ));
        }
        if self.task.counts {
            figures.extend(self.recall(&library)?);
        }
        drop(library);
        figures.extend(self.repeats()?);
        Ok(figures)
    }

    fn batches(&self, library: &Library) -> Result<Vec<Figure>> {
        let requests: Vec<SearchRequest> = self
            .task
            .questions
            .iter()
            .map(|question| self.request(question, K, SearchMode::Hybrid))
            .collect();
        let mut times = Vec::new();
        for batch in requests.chunks(BATCH).filter(|batch| batch.len() == BATCH) {
            times.push(timed(|| library.search_batch(batch))?.1);
        }
        let mut figures = latencies("batch_of_10", &times, &[50, 95]);
        let total: f64 = times.iter().sum();
        if total > 0.0 {
            let rate = 1000.0 * (BATCH * times.len()) as f64 / total;
            figures.push(figure(
                "query",
                "batch_throughput",
                "1/s",
                Better::Higher,
                Kind::Time,
                rate,
            ));
        }
        Ok(figures)
    }

    /// The same question a second time, with answers kept.
    fn repeats(&self) -> Result<Vec<Figure>> {
        let library = self.open(self.settings.clone())?;
        let mut times = Vec::new();
        for question in &self.task.questions {
            let request = self.request(question, K, SearchMode::Hybrid);
            library.search(&request)?;
            times.push(timed(|| library.search(&request))?.1);
        }
        Ok(latencies("repeat", &times, &[50, 95]))
    }

    /// The share of the nearest vectors that are found among as many.
    fn recall(&self, library: &Library) -> Result<Vec<Figure>> {
        let mut settings = self.without_answers_kept();
        settings.backend.kind = BackendKind::Exact;
        let exact = self.open(settings)?;
        let mut figures = Vec::new();
        for k in [3, 10] {
            let (mut found, mut wanted) = (0, 0);
            for question in &self.task.questions {
                let request = self.request(question, k, SearchMode::Vector);
                let nearest = chunks(&exact.search(&request)?);
                found += nearest.intersection(&chunks(&library.search(&request)?)).count();
                wanted += nearest.len();
            }
            let recall = found as f64 / wanted.max(1) as f64;
            let name = format!("recall_at_{k}");
            let figure = figure("query", &name, "", Better::Higher, Kind::Count, recall);
            figures.push(Figure { n: self.task.questions.len(), ..figure });
        }
        Ok(figures)
    }

    fn concurrent(&self) -> Result<Vec<Figure>> {
        let library = self.open(self.without_answers_kept())?;
        let questions = &self.task.questions;
        for question in questions.iter().take(WARM_UP) {
            library.search(&self.request(question, K, SearchMode::Hybrid))?;
        }
        let mut figures = Vec::new();
        for n_threads in THREADS {
            let begun = Instant::now();
            let asked = thread::scope(|scope| {
                let threads: Vec<_> = (0..n_threads)
                    .map(|at| {
                        let (library, first) = (&library, at * questions.len() / n_threads);
                        scope.spawn(move || -> Result<usize> {
                            let each = questions.len().div_ceil(n_threads).max(8);
                            for question in questions.iter().cycle().skip(first).take(each) {
                                library.search(&self.request(question, K, SearchMode::Hybrid))?;
                            }
                            Ok(each)
                        })
                    })
                    .collect();
                let panicked = || Error::new(ErrorKind::Internal, "a search panicked");
                threads
                    .into_iter()
                    .map(|thread| thread.join().map_err(|_| panicked())?)
                    .sum::<Result<usize>>()
            })?;
            let rate = asked as f64 / begun.elapsed().as_secs_f64();
            let name = format!("queries_per_second_{n_threads}");
            let figure = figure("concurrent", &name, "1/s", Better::Higher, Kind::Time, rate);
            figures.push(Figure { n: asked, ..figure });
        }
        Ok(figures)
    }
}
