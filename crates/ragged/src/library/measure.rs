//! An answered question → what is kept of how long it took.

use super::{Caches, SearchResponse};
use crate::{
    cache::CacheStats,
    settings::SearchMode,
    telemetry::{CacheUse, Components, Kind, Sample, Stage, Trace},
};

/// A cache's name, and where it is told of.
pub type NamedCache = (&'static str, fn(&Caches) -> CacheStats);

/// The caches of a library by name, and where each is told of.
pub const CACHES: [NamedCache; 6] = [
    ("results", |caches| caches.results),
    ("l1", |caches| caches.l1),
    ("l2", |caches| caches.l2),
    ("l3", |caches| caches.l3),
    ("interests", |caches| caches.profiles),
    ("vectors", |caches| caches.vectors),
];

impl Caches {
    /// What became of requests since an earlier look.
    pub fn since(&self, before: &Self) -> [CacheUse; CACHES.len()] {
        CACHES.map(|(name, of)| CacheUse::between(name, of(before), of(self)))
    }
}

/// What is kept of a question that was answered now, whose trace ends now. The time before it was
/// asked, which is that of [`Stage::Open`], is not part of its total.
pub fn measured(kind: Kind, at_ms: i64, trace: &Trace, response: &SearchResponse) -> Sample {
    let spans = trace.spans();
    let opening = spans.iter().filter(|span| span.stage == Stage::Open);
    let asked_ns = opening.map(|span| span.end_ns).max().unwrap_or(0);
    let total_ns = trace.elapsed_ns().saturating_sub(asked_ns);
    let counts = response.counts;
    let asks_vectors = response.plan.mode != SearchMode::Lexical;
    let work = |n: u64| if response.from_cache { 0 } else { n };
    Sample {
        k: response.plan.k as u64,
        n_hits: response.hits.len() as u64,
        strategy: if asks_vectors { response.plan.vector.strategy.as_str() } else { "" }.to_owned(),
        from_cache: response.from_cache,
        is_generated: false,
        recomputed: work(counts.recomputed_embeddings),
        cached_vectors: work(counts.cached_vectors),
        visited: work(counts.visited_codes),
        ..Sample::new(kind, at_ms, total_ns, &spans, Components::ALL)
    }
}
