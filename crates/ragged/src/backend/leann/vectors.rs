//! Vectors that were made again, kept for the next query that wants them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ragged_index::{IdSet, Snapshot};

use super::LeannBackend;
use crate::{
    backend::Recompute,
    cache::{Cache, CacheStats, Footprint},
    error::Result,
    id::{ChunkId, Generation},
};

/// Bookkeeping of an entry beside its numbers: key, links, hash slot, counts of the `Arc`.
const ENTRY_BYTES: usize = 96;

#[derive(Clone, Debug)]
struct Row(Arc<[f32]>);

impl Footprint for Row {
    fn footprint_bytes(&self) -> usize {
        size_of_val(&*self.0) + ENTRY_BYTES
    }
}

/// Recomputed vectors by chunk. A chunk's text never changes and its id is never used again, so
/// that an entry can be superfluous but not wrong; see [`LeannBackend::remembered`] for when it
/// may stand for a chunk that is gone.
#[derive(Debug)]
pub(super) struct VectorCache(Cache<u64, Row>);

impl VectorCache {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self(Cache::new(usize::MAX, usize::try_from(max_bytes).unwrap_or(usize::MAX)))
    }

    /// Drops the vectors of all other chunks.
    pub(super) fn keep_only(&self, chunks: &IdSet) {
        self.0.retain(|chunk| chunks.contains(*chunk));
    }

    pub(super) fn clear(&self) {
        self.0.clear();
    }

    pub(super) fn stats(&self) -> CacheStats {
        self.0.stats()
    }
}

/// A [`Recompute`] that is asked only for what is not in memory.
pub(super) struct Remembered<'a> {
    /// `None` where what is in memory may be of chunks that are gone.
    backend: Option<&'a LeannBackend>,
    /// The state that is searched.
    stamp: u64,
    recompute: &'a dyn Recompute,
    n_cached: AtomicU64,
}

impl LeannBackend {
    /// What is in memory stands in for `recompute` while the index reflects just the generation
    /// that the caller reads: every chunk of the index is then in the library, and
    /// `recompute` would find its text.
    pub(super) fn remembered<'a>(
        &'a self,
        snapshot: &Snapshot,
        generation: Generation,
        recompute: &'a dyn Recompute,
    ) -> Remembered<'a> {
        let is_same = snapshot.stamp() == generation.0 && self.vectors.0.is_enabled();
        let backend = is_same.then_some(self);
        Remembered { backend, stamp: snapshot.stamp(), recompute, n_cached: AtomicU64::new(0) }
    }

    /// Vectors in memory that a search of a state may use.
    pub(super) fn n_usable(&self, snapshot: &Snapshot, generation: Generation) -> u64 {
        if snapshot.stamp() == generation.0 { self.vectors.stats().entries } else { 0 }
    }
}

impl Remembered<'_> {
    /// Vectors that were in memory so far.
    pub(super) fn n_cached(&self) -> u64 {
        self.n_cached.load(Ordering::Relaxed)
    }

    /// Appends the vectors of `ids`, as [`Recompute::recompute`] does.
    pub(super) fn recompute(&self, ids: &[u64], rows: &mut Vec<f32>) -> Result<()> {
        let Some(backend) = self.backend else {
            let chunks: Vec<ChunkId> = ids.iter().copied().map(ChunkId).collect();
            return self.recompute.recompute(&chunks, rows);
        };
        let cache = &backend.vectors;
        let known: Vec<Option<Row>> = ids.iter().map(|id| cache.0.get(id)).collect();
        let missing: Vec<ChunkId> = ids
            .iter()
            .zip(&known)
            .filter(|(_, known)| known.is_none())
            .map(|(id, _)| ChunkId(*id))
            .collect();
        self.n_cached.fetch_add((ids.len() - missing.len()) as u64, Ordering::Relaxed);
        let mut made = Vec::new();
        if !missing.is_empty() {
            self.recompute.recompute(&missing, &mut made)?;
        }
        let dims = made.len() / missing.len().max(1);
        // A newer state may lack some of these chunks.
        let is_newest = backend.snapshot().is_some_and(|newest| newest.stamp() == self.stamp);
        let mut fresh = made.chunks_exact(dims.max(1)).zip(&missing);
        for known in known {
            if let Some(row) = known {
                rows.extend_from_slice(&row.0);
                continue;
            }
            let Some((row, chunk)) = fresh.next() else { continue };
            rows.extend_from_slice(row);
            // A chunk that is gone has no vector to keep.
            if is_newest && !row.first().is_none_or(|first| first.is_nan()) {
                cache.0.insert(chunk.0, Row(row.into()));
            }
        }
        Ok(())
    }
}
