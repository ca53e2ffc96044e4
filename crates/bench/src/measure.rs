//! What measurements have in common: questions, libraries, percentiles.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use ragged::{
    embedding,
    library::{Library, SearchRequest, SearchResponse},
    settings::{BackendKind, SearchMode, Settings, Strategy},
    temporal::FixedClock,
};
use ragged_benchmark::process::memory;

/// Settings with which every search does all its work: nothing is kept from one to the next.
pub(crate) fn without_caches() -> Settings {
    let mut settings = Settings::default();
    settings.backend.cache_size = 0;
    settings.backend.vector_cache_bytes = 0;
    settings
}

/// Opens the library in `dir`, with the built-in model.
pub(crate) fn open(dir: &Path, settings: Settings) -> Result<Library> {
    open_at(dir, settings, 0)
}

/// The same, at a moment in Unix milliseconds.
pub(crate) fn open_at(dir: &Path, settings: Settings, now_ms: i64) -> Result<Library> {
    let model = Arc::new(embedding::builtin()?);
    Library::open(dir, settings, model, Arc::new(FixedClock(now_ms)))
        .with_context(|| format!("opening the library in {}", dir.display()))
}

/// The same library over the exact backend: the truth that recall is measured against.
pub(crate) fn open_exact(dir: &Path) -> Result<Library> {
    let mut settings = without_caches();
    settings.backend.kind = BackendKind::Exact;
    open(dir, settings)
}

/// A search among the vectors alone.
pub(crate) fn vector_request(question: &str, k: usize, strategy: Strategy) -> SearchRequest {
    let settings = Settings::default().search;
    SearchRequest {
        k,
        mode: SearchMode::Vector,
        strategy,
        ..SearchRequest::new(question, &settings)
    }
}

/// The chunks of a response, those joined into others included.
pub(crate) fn chunks(response: &SearchResponse) -> BTreeSet<u64> {
    let hits = response.hits.iter();
    hits.flat_map(|hit| hit.merged.iter().map(|id| id.0).chain([hit.chunk.place.id.0])).collect()
}

/// Share of the wanted chunks that were found.
pub(crate) fn recall(found: &BTreeSet<u64>, wanted: &BTreeSet<u64>) -> f64 {
    wanted.intersection(found).count() as f64 / wanted.len().max(1) as f64
}

/// The questions of a file, one JSON object with `text` a line.
pub(crate) fn read_questions(path: &Path) -> Result<Vec<String>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let mut questions = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let row: serde_json::Value = serde_json::from_str(line)
            .with_context(|| format!("{}, line {}", path.display(), number + 1))?;
        questions.push(row["text"].as_str().context("a question without text")?.to_owned());
    }
    if questions.is_empty() {
        bail!("{} holds no questions", path.display());
    }
    Ok(questions)
}

/// Runs a step and says how long it took.
pub(crate) fn timed<T, E>(step: impl FnOnce() -> Result<T, E>) -> Result<(T, Duration), E> {
    let begun = Instant::now();
    let done = step()?;
    Ok((done, begun.elapsed()))
}

/// The percentile of times by nearest rank, in milliseconds. Sorts them.
pub(crate) fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100);
    times.get(rank.saturating_sub(1)).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

/// Median and tail of times, in words.
pub(crate) fn spread(times: &mut [Duration]) -> String {
    format!(
        "p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms, max {:.2} ms (n = {})",
        percentile(times, 50),
        percentile(times, 95),
        percentile(times, 99),
        percentile(times, 100),
        times.len()
    )
}

/// The median of numbers. Sorts them.
pub(crate) fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match (numbers.get(middle), numbers.len() % 2) {
        (Some(upper), 1) => *upper,
        (Some(upper), _) => (upper + numbers[middle - 1]) / 2.0,
        (None, _) => 0.0,
    }
}

/// Mean and its standard error.
pub(crate) fn mean(numbers: &[f64]) -> (f64, f64) {
    let n = numbers.len().max(1) as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let variance =
        numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}

/// Resident memory of this process in bytes, as the kernel counts it; 0 where it does not say.
pub(crate) fn resident_bytes() -> u64 {
    memory(std::process::id()).unwrap_or_default().resident
}
