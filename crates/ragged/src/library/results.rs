//! Answers that are still in memory.
//!
//! The key of an answer holds all that decides it: the words of the question, what is asked of
//! the search, the filter, and the generation of the library; model and settings belong to the
//! [`Library`](super::Library) that owns the cache. A generation that is gone cannot be asked for
//! again, so its answers are dropped when a newer one is seen. What a persona adds to a ranking is
//! computed anew on top of these answers and never kept here.

use std::{
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use super::{
    SearchRequest, SearchResponse,
    search::{Hit, milliseconds},
};
use crate::{
    cache::{Cache, CacheStats, Footprint},
    id::Generation,
    retrieval::SearchTimings,
    settings::{BackendSettings, SearchMode, Strategy},
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
}

#[derive(Clone, Debug)]
struct Kept(Arc<Entry>);

#[derive(Debug)]
struct Entry {
    response: SearchResponse,
    bytes: usize,
}

impl Footprint for Kept {
    fn footprint_bytes(&self) -> usize {
        self.0.bytes
    }
}

/// The answers used last.
#[derive(Debug)]
pub(super) struct Results {
    cache: Cache<ResultKey, Kept>,
    newest: AtomicU64,
}

impl Results {
    pub(super) fn new(settings: &BackendSettings) -> Self {
        let max_bytes = usize::try_from(settings.cache_bytes).unwrap_or(usize::MAX);
        Self { cache: Cache::new(settings.cache_size, max_bytes), newest: AtomicU64::new(0) }
    }

    /// Answers of earlier generations are dropped, and not taken in any more.
    pub(super) fn begin(&self, generation: Generation) {
        if self.newest.fetch_max(generation.0, Ordering::SeqCst) < generation.0 {
            self.cache.retain(|key| key.generation >= generation);
        }
    }

    pub(super) fn key(&self, request: &SearchRequest, generation: Generation) -> ResultKey {
        self.begin(generation);
        ResultKey {
            generation,
            query: request.query.as_str().into(),
            k: request.k,
            mode: request.mode,
            strategy: request.strategy,
            filter: request.filter.key().into(),
        }
    }

    /// The answer to a request that was answered before.
    pub(super) fn get(&self, key: &ResultKey, begun: Instant) -> Option<SearchResponse> {
        let kept = self.cache.get(key)?;
        let mut response = kept.0.response.clone();
        response.from_cache = true;
        response.timings = SearchTimings { total: milliseconds(begun), ..SearchTimings::default() };
        Some(response)
    }

    /// Keeps an answer, unless it was given from indexes that were behind: it may be another one
    /// in a moment, in the same generation.
    pub(super) fn keep(&self, key: &ResultKey, response: &SearchResponse) {
        let is_over = |key: &ResultKey| key.generation.0 < self.newest.load(Ordering::SeqCst);
        if !response.is_level || !self.cache.is_enabled() || is_over(key) {
            return;
        }
        let hits: usize = response.hits.iter().map(hit_bytes).sum();
        let vector = response.query_vector.as_ref().map_or(0, Vec::len) * size_of::<f32>();
        let bytes =
            size_of::<(ResultKey, Entry)>() + key.query.len() + key.filter.len() + hits + vector;
        let kept = Kept(Arc::new(Entry { response: response.clone(), bytes }));
        self.cache.insert(key.clone(), kept);
        // It may have ended meanwhile.
        if is_over(key) {
            self.cache.retain(|kept| kept != key);
        }
    }

    pub(super) fn stats(&self) -> CacheStats {
        self.cache.stats()
    }
}

fn hit_bytes(hit: &Hit) -> usize {
    let files: usize = hit.files.iter().map(|file| size_of_val(file) + file.path.len()).sum();
    size_of::<Hit>()
        + files
        + hit.text.len()
        + hit.chunk.place.heading.len()
        + hit.document.title.as_ref().map_or(0, String::len)
        + size_of_val(hit.highlights.as_slice())
        + size_of_val(hit.merged.as_slice())
}
