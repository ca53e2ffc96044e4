//! Answers that are still in memory.
//!
//! The key of an answer holds all that decides it: the words of the question, what is asked of
//! the search, the filter, and the generation of the library; model and settings belong to the
//! [`Library`](super::Library) that owns the cache. A generation that is gone cannot be asked for
//! again, so its answers are dropped when a newer one is seen. What is kept are the candidates as
//! both sides found them, and the passages that were read of them; what a profile or a favoured
//! time adds to a ranking is worked out anew on top of these and never kept here.

use std::{
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{SearchRequest, SearchResponse, hydrate::Read};
use crate::{
    cache::{Cache, CacheStats, Expiring, Footprint, Making},
    id::Generation,
    ranking::{FusedHit, TimeFavour},
    retrieval::{Plan, SearchCounts},
    settings::{BackendSettings, MemoryCacheSettings, SearchMode, Strategy},
};

/// All that decides an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ResultKey {
    generation: Generation,
    query: Box<str>,
    k: usize,
    mode: SearchMode,
    strategy: Strategy,
    filter: Box<str>,
    /// Who asked, where memory was used: nothing is shared between personas, and what one asked can
    /// be dropped. `None` for questions without memory.
    persona: Option<Box<str>>,
    /// It decides nothing of what is kept, but batches tell requests apart by their keys.
    favour: Option<TimeFavour>,
    /// How many candidates may change places, where a persona asked or a time is favoured:
    /// so many must be kept.
    n_movable: usize,
}

/// What both sides found for a request, and what was read of it.
#[derive(Debug)]
pub(super) struct Entry {
    /// The first candidates, without anything personal.
    pub(super) fused: Arc<[FusedHit]>,
    /// Whether those are all.
    pub(super) is_whole: bool,
    pub(super) plan: Plan,
    pub(super) counts: SearchCounts,
    pub(super) query_vector: Option<Vec<f32>>,
    pub(super) known: Arc<Read>,
    is_level: bool,
    /// When it was found, Unix milliseconds; a copy with more passages keeps it.
    found_ms: i64,
}

impl Entry {
    /// The first `n_kept` candidates of a response.
    pub(super) fn new(
        response: &SearchResponse,
        mut fused: Vec<FusedHit>,
        n_kept: usize,
        known: Arc<Read>,
        found_ms: i64,
    ) -> Self {
        let is_whole = fused.len() <= n_kept;
        fused.truncate(n_kept);
        Self {
            fused: fused.into(),
            is_whole,
            plan: response.plan.clone(),
            counts: response.counts,
            query_vector: response.query_vector.clone(),
            known,
            is_level: response.is_level,
            found_ms,
        }
    }

    /// The same with more passages.
    pub(super) fn with(&self, known: Arc<Read>) -> Self {
        Self {
            fused: Arc::clone(&self.fused),
            is_whole: self.is_whole,
            plan: self.plan.clone(),
            counts: self.counts,
            query_vector: self.query_vector.clone(),
            known,
            is_level: self.is_level,
            found_ms: self.found_ms,
        }
    }
}

#[derive(Clone, Debug)]
struct Kept {
    entry: Expiring<Arc<Entry>>,
    bytes: usize,
}

impl Footprint for Kept {
    fn footprint_bytes(&self) -> usize {
        self.bytes
    }
}

/// The answers used last.
#[derive(Debug)]
pub(super) struct Results {
    /// Of questions without memory.
    cache: Cache<ResultKey, Kept>,
    /// Of questions of personas: L3 of memory.
    asked: Cache<ResultKey, Kept>,
    /// How long an entry of L3 lives; those of questions without memory live for as long as their
    /// generation.
    time_to_live: Duration,
    /// Who works out which entry of L3.
    pub(super) making: Making<ResultKey>,
    newest: AtomicU64,
}

impl Results {
    pub(super) fn new(settings: &BackendSettings, memory: &MemoryCacheSettings) -> Self {
        let max_bytes = usize::try_from(settings.cache_bytes).unwrap_or(usize::MAX);
        Self {
            cache: Cache::new(settings.cache_size, max_bytes),
            asked: Cache::new(memory.l3_size, max_bytes),
            time_to_live: memory.query_ttl,
            making: Making::default(),
            newest: AtomicU64::new(0),
        }
    }

    fn cache_of(&self, key: &ResultKey) -> &Cache<ResultKey, Kept> {
        if key.persona.is_some() { &self.asked } else { &self.cache }
    }

    /// Answers of earlier generations are dropped, and not taken in any more.
    pub(super) fn begin(&self, generation: Generation) {
        if self.newest.fetch_max(generation.0, Ordering::SeqCst) < generation.0 {
            self.cache.retain(|key| key.generation >= generation);
            self.asked.retain(|key| key.generation >= generation);
        }
    }

    /// Drops what a persona asked.
    pub(super) fn forget(&self, persona: &str) {
        self.asked.retain(|key| key.persona.as_deref() != Some(persona));
    }

    /// Drops everything.
    pub(super) fn clear(&self) {
        self.cache.clear();
        self.asked.clear();
    }

    pub(super) fn key(
        &self,
        request: &SearchRequest,
        persona: Option<&str>,
        n_movable: usize,
        generation: Generation,
    ) -> ResultKey {
        self.begin(generation);
        ResultKey {
            generation,
            query: request.query.as_str().into(),
            k: request.k,
            mode: request.mode,
            strategy: request.strategy,
            filter: request.filter.key().into(),
            persona: persona.map(Box::from),
            favour: request.favour,
            n_movable: if persona.is_some() || request.favour.is_some() { n_movable } else { 0 },
        }
    }

    /// What is kept of a request that was answered before.
    pub(super) fn get(&self, key: &ResultKey, now_ms: i64) -> Option<Arc<Entry>> {
        self.cache_of(key).get(key)?.entry.live(now_ms)
    }

    /// Keeps what was found, unless the indexes were behind: it may be something else in
    /// a moment, in the same generation.
    pub(super) fn keep(&self, key: &ResultKey, entry: Entry) {
        let is_over = |key: &ResultKey| key.generation.0 < self.newest.load(Ordering::SeqCst);
        if !entry.is_level || !self.cache_of(key).is_enabled() || is_over(key) {
            return;
        }
        let found_ms = entry.found_ms;
        let vector = entry.query_vector.as_ref().map_or(0, Vec::len) * size_of::<f32>();
        let bytes = size_of::<(ResultKey, Entry)>()
            + key.query.len()
            + key.filter.len()
            + size_of_val(&*entry.fused)
            + entry.known.footprint_bytes()
            + vector;
        let time_to_live = if key.persona.is_some() { self.time_to_live } else { Duration::MAX };
        let entry = Expiring::after(Arc::new(entry), found_ms, time_to_live);
        self.cache_of(key).insert(key.clone(), Kept { entry, bytes });
        // It may have ended meanwhile.
        if is_over(key) {
            self.cache_of(key).retain(|kept| kept != key);
        }
    }

    /// Of questions without memory, and of those of personas.
    pub(super) fn stats(&self) -> (CacheStats, CacheStats) {
        (self.cache.stats(), self.asked.stats())
    }
}
