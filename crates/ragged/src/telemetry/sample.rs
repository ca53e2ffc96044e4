//! What is kept of one question, and what many come to.

use hdrhistogram::Histogram;

use super::{
    stage::{Component, Components, Stage},
    trace::Span,
};
use crate::cache::CacheStats;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A question that was answered.
    Query,
    /// A search.
    Search,
    /// A question of a `chat`.
    Chat,
    /// Files that were added.
    Ingest,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Query, Self::Search, Self::Chat, Self::Ingest];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Search => "search",
            Self::Chat => "chat",
            Self::Ingest => "ingest",
        }
    }

    pub(super) fn from_number(number: i64) -> Self {
        usize::try_from(number)
            .ok()
            .and_then(|idx| Self::ALL.get(idx).copied())
            .unwrap_or(Self::Query)
    }
}

/// Microseconds of each stage; `None` for one that is not profiled or did not happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimes([Option<u64>; Stage::ALL.len()]);

impl StageTimes {
    /// Of a stage.
    pub fn get(&self, stage: Stage) -> Option<u64> {
        self.0[stage as usize]
    }

    /// Of a stage, 0 where there is none.
    pub fn us(&self, stage: Stage) -> u64 {
        self.get(stage).unwrap_or(0)
    }

    /// Sets a stage's.
    pub fn set(&mut self, stage: Stage, us: Option<u64>) {
        self.0[stage as usize] = us;
    }

    /// Sums spans up, of these components alone. Embedding lies within retrieving and is taken out
    /// of it.
    pub fn of(spans: &[Span], components: Components) -> Self {
        let mut ns: [Option<u64>; Stage::ALL.len()] = [None; Stage::ALL.len()];
        for span in spans {
            let sum = &mut ns[span.stage as usize];
            *sum = Some(sum.unwrap_or(0).saturating_add(span.ns()));
        }
        let embedding = ns[Stage::Embed as usize].unwrap_or(0);
        if let Some(retrieving) = &mut ns[Stage::Retrieve as usize] {
            *retrieving = retrieving.saturating_sub(embedding);
        }
        let mut times = Self::default();
        for stage in Stage::ALL {
            if components.contains(stage.component()) {
                times.set(stage, ns[stage as usize].map(|ns| ns / 1000));
            }
        }
        times
    }
}

/// A keyed hash of a question.
pub type Digested = [u8; 16];

/// What is kept of one question. Times are in microseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// When it was asked, Unix time in milliseconds.
    pub at_ms: i64,
    /// What was done.
    pub kind: Kind,
    /// All of it, but for opening the library.
    pub total_us: u64,
    /// Its parts.
    pub stages: StageTimes,
    /// Hits asked for; of an ingest, files.
    pub k: u64,
    /// Hits found; of an ingest, chunks.
    pub n_hits: u64,
    /// How vectors were searched; empty where they were not asked.
    pub strategy: String,
    /// Whether it was answered from memory.
    pub from_cache: bool,
    /// Whether a model worded the answer.
    pub is_generated: bool,
    /// Embeddings that were made again.
    pub recomputed: u64,
    /// Vectors that were still in memory.
    pub cached_vectors: u64,
    /// Codes compared on a walk through the graph.
    pub visited: u64,
    /// The question, keyed; `None` where it cannot be known again.
    pub digest: Option<Digested>,
    /// The interaction that was recorded of it.
    pub interaction: Option<String>,
}

impl Sample {
    /// Of a trace; the rest is zero.
    pub fn new(kind: Kind, at_ms: i64, total_ns: u64, spans: &[Span], of: Components) -> Self {
        Self {
            at_ms,
            kind,
            total_us: total_ns / 1000,
            stages: StageTimes::of(spans, of),
            k: 0,
            n_hits: 0,
            strategy: String::new(),
            from_cache: false,
            is_generated: false,
            recomputed: 0,
            cached_vectors: 0,
            visited: 0,
            digest: None,
            interaction: None,
        }
    }

    /// Of files that were added.
    pub fn ingest(at_ms: i64, total_us: u64, files: u64, chunks: u64) -> Self {
        let sample = Self::new(Kind::Ingest, at_ms, 0, &[], Components::NONE);
        Self { total_us, k: files, n_hits: chunks, ..sample }
    }

    /// The same with the stages of these components alone.
    #[must_use]
    pub fn of(&self, components: Components) -> Self {
        let mut sample = self.clone();
        for stage in Stage::ALL.into_iter().filter(|stage| !components.contains(stage.component()))
        {
            sample.stages.set(stage, None);
        }
        sample
    }

    /// What of it the stages of [`Stage::TOP`] do not tell.
    pub fn other_us(&self) -> u64 {
        let told: u64 = Stage::TOP.iter().map(|stage| self.stages.us(*stage)).sum();
        self.total_us.saturating_sub(told)
    }
}

/// What became of requests to a cache, since whatever was counted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheUse {
    /// The cache's name.
    pub cache: &'static str,
    /// Requests that found an entry.
    pub hits: u64,
    /// Requests that did not.
    pub misses: u64,
    /// Entries that made room for others.
    pub evictions: u64,
}

impl CacheUse {
    /// What happened between two looks at a cache.
    pub fn between(cache: &'static str, before: CacheStats, now: CacheStats) -> Self {
        Self {
            cache,
            hits: now.hits.saturating_sub(before.hits),
            misses: now.misses.saturating_sub(before.misses),
            evictions: now.evictions.saturating_sub(before.evictions),
        }
    }
}

/// How times are spread, in milliseconds; percentiles by nearest rank, to three digits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// How many.
    pub n: u64,
    /// Their mean.
    pub mean_ms: f64,
    /// Half of them are no longer.
    pub p50_ms: f64,
    /// 95 of 100 are no longer.
    pub p95_ms: f64,
    /// 99 of 100 are no longer; of fewer than 100, the longest.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// How long stages took, in bounded memory, to three digits: about 20 KB for each stage that takes
/// milliseconds, and never more than 100.
#[derive(Debug)]
pub struct Histograms {
    total: Spread,
    stages: [Option<Spread>; Stage::ALL.len()],
}

/// The longest that is told apart: an hour.
const LONGEST_US: u64 = 3_600_000_000;
const DIGITS: u8 = 3;

/// How times are spread.
#[derive(Debug)]
pub(super) struct Spread {
    /// `None` only if the number of digits were wrong, which a test rules out.
    histogram: Option<Histogram<u32>>,
    sum_us: u64,
}

impl Default for Spread {
    fn default() -> Self {
        Self { histogram: Histogram::new(DIGITS).ok(), sum_us: 0 }
    }
}

impl Spread {
    pub(super) fn add(&mut self, us: u64) {
        self.sum_us = self.sum_us.saturating_add(us);
        if let Some(histogram) = &mut self.histogram {
            // It grows with what it is given, which is bounded.
            histogram.record(us.min(LONGEST_US)).unwrap_or(());
        }
    }

    pub(super) fn of(times_us: impl IntoIterator<Item = u64>) -> Self {
        let mut spread = Self::default();
        times_us.into_iter().for_each(|us| spread.add(us));
        spread
    }

    pub(super) fn summary(&self) -> Summary {
        let Some(histogram) = self.histogram.as_ref().filter(|histogram| !histogram.is_empty())
        else {
            return Summary::default();
        };
        let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Summary {
            n: histogram.len(),
            mean_ms: self.sum_us as f64 / histogram.len() as f64 / 1000.0,
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            max_ms: histogram.max() as f64 / 1000.0,
        }
    }
}

impl Default for Histograms {
    fn default() -> Self {
        Self { total: Spread::default(), stages: std::array::from_fn(|_| None) }
    }
}

impl Histograms {
    /// Adds a question.
    pub fn add(&mut self, sample: &Sample) {
        if sample.kind == Kind::Ingest {
            return;
        }
        self.total.add(sample.total_us);
        for stage in Stage::ALL {
            if let Some(us) = sample.stages.get(stage) {
                self.stages[stage as usize].get_or_insert_default().add(us);
            }
        }
    }

    /// Of whole questions.
    pub fn total(&self) -> Summary {
        self.total.summary()
    }

    /// Of a stage; `None` where it never happened.
    pub fn stage(&self, stage: Stage) -> Option<Summary> {
        self.stages[stage as usize].as_ref().map(Spread::summary)
    }
}

/// The share of each part in their sum, in parts of `whole`, which they sum to: what rounding down
/// leaves over goes to the largest remainders, the earlier first. All zero where the sum is.
///
/// ```
/// use ragged::telemetry::shares;
///
/// assert_eq!(shares(&[1, 1, 1], 1000), [334, 333, 333]);
/// assert_eq!(shares(&[0, 0], 1000), [0, 0]);
/// ```
pub fn shares(parts: &[u64], whole: u32) -> Vec<u32> {
    let sum: u128 = parts.iter().map(|part| u128::from(*part)).sum();
    if sum == 0 {
        return vec![0; parts.len()];
    }
    let scaled = |part: u64| u128::from(part) * u128::from(whole);
    let mut shares: Vec<u32> =
        parts.iter().map(|part| u32::try_from(scaled(*part) / sum).unwrap_or(whole)).collect();
    let left = whole.saturating_sub(shares.iter().sum());
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|idx| (std::cmp::Reverse(scaled(parts[*idx]) % sum), *idx));
    for idx in order.into_iter().take(left as usize) {
        shares[idx] += 1;
    }
    shares
}

/// Whether a component tells anything of a sample.
pub(super) fn tells(sample: &Sample, component: Component) -> bool {
    match (sample.kind, component) {
        (Kind::Ingest, component) => component == Component::Ingest,
        (_, component) => Stage::ALL
            .iter()
            .any(|stage| stage.component() == component && sample.stages.get(*stage).is_some()),
    }
}
