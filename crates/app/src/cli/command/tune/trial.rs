//! One measurement, in a process of its own: questions asked of the library, or files added to an empty
//! one.

use std::{collections::BTreeSet, path::PathBuf, time::Instant};

use anyhow::{Context as _, Result};
use ragged::{
    library::{AddOptions, Cancel, Library, NoProgress, SearchRequest, SearchResponse},
    settings::{SearchMode, Strategy},
};
use ragged_benchmark::{
    process::{cpu_seconds, memory},
    sample::{percentile, sorted},
};
use serde::{Deserialize, Serialize};

use crate::{
    cli::{Session, child, command::add, interrupt::TemporaryFolder},
    failure::Outcome,
};

const MIB: f64 = 1_048_576.0;
/// Nearest vectors that recall is measured on.
const NEAREST: usize = 10;

/// Questions that are asked at once where nothing is measured.
const WARM_UP_BATCH: usize = 32;

/// What is measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Trial {
    pub(super) questions: Vec<String>,
    /// Places of questions that are asked first, many at once, and not measured.
    pub(super) warm_up: Vec<u32>,
    /// Places of questions that are measured.
    pub(super) asked: Vec<u32>,
    /// So many are asked at once.
    pub(super) batch: usize,
    /// How many of the questions recall is measured with; 0 for none.
    pub(super) n_recall: usize,
    /// Files to add.
    pub(super) files: Vec<PathBuf>,
}

/// What was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Figures {
    /// Of a question that was measured, or of a batch.
    pub(super) mean_ms: f64,
    pub(super) p50_ms: f64,
    pub(super) p95_ms: f64,
    pub(super) questions_per_second: f64,
    /// Processor time of a question, which other programs stretch less than the clock's; `None` where the
    /// system does not tell.
    pub(super) processor_ms: Option<f64>,
    /// After the last question; `None` where the system does not tell.
    pub(super) resident_mib: Option<f64>,
    /// Share of questions answered from memory.
    pub(super) from_memory: f64,
    /// Share of the nearest vectors that were found.
    pub(super) recall: Option<f64>,
    pub(super) files_per_second: Option<f64>,
    /// The most that adding took, its parsers included.
    pub(super) adding_mib: Option<f64>,
}

/// Measures for the process that started this one.
pub(super) fn serve(session: &Session) -> Result<Outcome> {
    let trial: Trial = child::task()?;
    let mut figures = Figures::default();
    if !trial.asked.is_empty() {
        ask(&trial, &mut figures, session)?;
    }
    if !trial.files.is_empty() {
        add_files(&trial, &mut figures, session)?;
    }
    session.printer.json(&figures)?;
    Ok(Outcome::Done)
}

impl Trial {
    /// Has it measured with other settings.
    pub(super) fn run(&self, options: &[(String, String)], session: &Session) -> Result<Figures> {
        child::measure(&["tune", "trial"], options, self, session)
    }
}

fn ask(trial: &Trial, figures: &mut Figures, session: &Session) -> Result<()> {
    let library = session.existing_library()?;
    let requests: Vec<SearchRequest> = trial
        .questions
        .iter()
        .map(|question| SearchRequest::new(question.as_str(), &library.settings().search))
        .collect();
    let of = |places: &[u32]| -> Result<Vec<SearchRequest>> {
        let of_place = |place: &u32| requests.get(*place as usize).cloned();
        places.iter().map(of_place).collect::<Option<_>>().context("a question is missing")
    };
    for requests in of(&trial.warm_up)?.chunks(WARM_UP_BATCH) {
        library.search_batch(requests)?;
    }
    let before = library.caches().results;
    let measured = of(&trial.asked)?;
    let mut times = Vec::with_capacity(measured.len());
    let cpu_before = cpu_seconds();
    for requests in measured.chunks(trial.batch.max(1)) {
        let begun = Instant::now();
        match requests {
            [request] => drop(library.search(request)?),
            requests => drop(library.search_batch(requests)?),
        }
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    figures.processor_ms = cpu_seconds()
        .zip(cpu_before)
        .map(|(after, before)| 1000.0 * (after - before) / measured.len() as f64);
    figures.resident_mib = memory(std::process::id()).map(|memory| memory.resident as f64 / MIB);
    let after = library.caches().results;
    let total: f64 = times.iter().sum();
    let sorted = sorted(&times);
    figures.mean_ms = total / times.len() as f64;
    figures.p50_ms = percentile(&sorted, 50.0).unwrap_or_default();
    figures.p95_ms = percentile(&sorted, 95.0).unwrap_or_default();
    figures.questions_per_second = 1000.0 * measured.len() as f64 / total.max(f64::MIN_POSITIVE);
    figures.from_memory = (after.hits - before.hits) as f64 / measured.len() as f64;
    if trial.n_recall > 0 {
        figures.recall = Some(recall(&library, requests.iter().take(trial.n_recall))?);
    }
    Ok(())
}

/// The chunks of a response, those joined into others included.
fn chunks(response: &SearchResponse) -> BTreeSet<u64> {
    let hits = response.hits.iter();
    hits.flat_map(|hit| hit.merged.iter().map(|id| id.0).chain([hit.chunk.place.id.0])).collect()
}

fn recall<'a>(library: &Library, requests: impl Iterator<Item = &'a SearchRequest>) -> Result<f64> {
    let (mut found, mut wanted) = (0, 0);
    for request in requests {
        let of = |strategy| {
            let mode = SearchMode::Vector;
            library.search(&SearchRequest { k: NEAREST, mode, strategy, ..request.clone() })
        };
        let nearest = chunks(&of(Strategy::Exact)?);
        found += nearest.intersection(&chunks(&of(request.strategy)?)).count();
        wanted += nearest.len();
    }
    Ok(found as f64 / wanted.max(1) as f64)
}

fn add_files(trial: &Trial, figures: &mut Figures, session: &Session) -> Result<()> {
    let scratch = TemporaryFolder::create()?;
    let settings = session.resolved.settings.clone();
    let readers = add::readers(&settings.ingest)?;
    let library = session.library_in(scratch.path(), settings)?;
    let begun = Instant::now();
    let options = AddOptions::default();
    let report = library.add(&trial.files, options, &readers, &NoProgress, &Cancel::new())?;
    let seconds = begun.elapsed().as_secs_f64();
    figures.files_per_second = Some(report.added as f64 / seconds.max(f64::MIN_POSITIVE));
    // While the parsers are there to be counted.
    figures.adding_mib = memory(std::process::id()).map(|memory| memory.peak as f64 / MIB);
    drop(readers);
    Ok(())
}
