//! Where vectors are searched: one contract, and the engines behind it.
//!
//! A backend is derived from the truth: it holds codes or vectors by chunk id, says which
//! generation of the library it reflects, and can be thrown away. It never reads text itself;
//! what it needs recomputed it asks of a [`Recompute`].

mod chroma;
mod exact;
mod leann;

use std::fmt;

pub use chroma::ChromaBackend;
pub use exact::ExactBackend;
pub use leann::{LeannBackend, WorkModel, WorkSample};

use crate::{
    cache::CacheStats,
    error::Result,
    id::{ChunkId, ChunkRange, Generation},
    ranking::Candidate,
    retrieval::{AllowedChunks, VectorCounts, VectorPlan},
    settings::{BackendKind, Strategy, UnitCosts},
};

/// What part of the truth a derived index holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reflected {
    /// Every change up to this generation is in.
    pub generation: Generation,
    /// Chunks up to and including this id are in, or were and are gone. An index that is being
    /// built has more chunks than its generation says.
    pub last_chunk: ChunkId,
}

/// A change of a backend, applied as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct VectorChange<'a> {
    /// Ids of new chunks, ascending, all larger than any before.
    pub added: &'a [ChunkId],
    /// Their vectors, one row of `dims` numbers after another, of unit length or zero.
    pub vectors: &'a [f32],
    /// Chunks that are gone.
    pub removed: &'a [ChunkRange],
}

/// What is asked of a backend.
#[derive(Clone, Copy, Debug)]
pub struct VectorRequest<'a> {
    /// The query, of unit length.
    pub query: &'a [f32],
    /// How many of the best must have exact scores.
    pub k: usize,
    /// How many candidates are wanted in all; beyond `k` scores may be estimates.
    pub n_candidates: usize,
    /// Which chunks may be found; `None` for all.
    pub allowed: Option<&'a AllowedChunks>,
    /// How to search, where the engine has more than one way.
    pub strategy: Strategy,
    /// The generation of the library that the caller reads. Vectors that were made again before
    /// may be used once more if the backend reflects just this one.
    pub generation: Generation,
}

/// What a backend found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VectorHits {
    /// The best first; ties in order of chunk id. At least `k` wherever `k` allowed chunks have a
    /// vector.
    pub candidates: Vec<Candidate>,
    /// The work done.
    pub counts: VectorCounts,
    /// How it was done.
    pub plan: VectorPlan,
}

/// What a backend found for several requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VectorBatch {
    /// For each request, in their order, what [`VectorBackend::search`] gives for it alone, and
    /// what it would have cost alone with nothing in memory.
    pub hits: Vec<VectorHits>,
    /// Groups of similar requests that were searched together.
    pub n_groups: usize,
    /// Embeddings recomputed from text by the batch.
    pub recomputed: u64,
    /// Recomputed vectors that were still in memory from before the batch.
    pub cached: u64,
}

/// What `ragged tune probe` measures.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// What steps cost on this machine.
    pub costs: UnitCosts,
    /// How much work searches make among the vectors there are.
    pub work: WorkModel,
    /// Queries that were asked.
    pub n_queries: usize,
    /// The counts that the model of work was fitted to; empty where embedding is too costly to
    /// count by.
    pub samples: Vec<WorkSample>,
}

/// How much a backend holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VectorStats {
    /// Vectors that can be found.
    pub vectors: u64,
    /// Vectors that are gone but still take space.
    pub tombstones: u64,
    /// Segments.
    pub segments: u64,
    /// Bytes on disk, headers and manifest included.
    pub disk_bytes: u64,
}

/// The instructions that the vector kernels use on this machine, for people.
pub fn kernels() -> &'static str {
    ragged_index::Kernels::best().name()
}

/// Makes vectors anew from text. Asked from several threads at once by a batch.
pub trait Recompute: Sync {
    /// Appends one row of `dims` numbers for each chunk; a row of NaN for a chunk that is gone.
    fn recompute(&self, chunks: &[ChunkId], rows: &mut Vec<f32>) -> Result<()>;
}

/// An engine that finds the vectors nearest to a query, by inner product of unit vectors.
///
/// Shared between threads. Searching works on one state and never waits for a change; changes are
/// made by one thread of the process that holds the library's write lock.
pub trait VectorBackend: fmt::Debug + Send + Sync {
    /// Which engine it is.
    fn kind(&self) -> BackendKind;
    /// Where it keeps what it holds, for people: a folder, an address.
    fn location(&self) -> String;
    /// The generation that it reflects.
    fn generation(&self) -> Generation;
    /// What part of the truth it holds. O(ranges of chunks).
    fn reflected(&self) -> Reflected;
    /// Takes note of what another process has written since.
    fn refresh(&self) -> Result<()>;
    /// How much it holds, as far as this process knows: see [`refresh`](Self::refresh).
    fn stats(&self) -> VectorStats;
    /// Applies a change and from then on reflects `reflected`.
    fn commit(&self, change: VectorChange<'_>, reflected: Reflected) -> Result<()>;
    /// The nearest vectors.
    fn search(&self, request: VectorRequest<'_>, recompute: &dyn Recompute) -> Result<VectorHits>;
    /// The nearest vectors of several queries; `threads` of 0 takes one for each processor.
    fn search_batch(
        &self,
        requests: &[VectorRequest<'_>],
        _threads: usize,
        recompute: &dyn Recompute,
    ) -> Result<VectorBatch> {
        let hits = requests.iter().map(|request| self.search(*request, recompute));
        let hits = hits.collect::<Result<Vec<VectorHits>>>()?;
        Ok(VectorBatch {
            n_groups: requests.len(),
            recomputed: hits.iter().map(|hits| hits.counts.recomputed).sum(),
            cached: hits.iter().map(|hits| hits.counts.cached).sum(),
            hits,
        })
    }
    /// Brings the segments into as few as possible and drops what is gone.
    fn merge(&self) -> Result<()>;
    /// Ends a long change: brings level what is only worth it now and then, unless `go_on` says
    /// no before it is done; then it stays as it was.
    fn settle(&self, _go_on: &dyn Fn() -> bool) -> Result<()> {
        Ok(())
    }
    /// What it keeps in memory of vectors that were made again.
    fn cache_stats(&self) -> CacheStats {
        CacheStats::default()
    }
    /// Measures what searches for `queries` cost; `None` where there is only one way of searching,
    /// or too little to measure on. Changes nothing.
    fn probe(&self, _queries: &[Vec<f32>], _recompute: &dyn Recompute) -> Result<Option<Probe>> {
        Ok(None)
    }
    /// Plans by what a probe has counted, from now on. The caller holds the library's write lock.
    fn reckon_with(&self, _work: WorkModel) -> Result<()> {
        Ok(())
    }
    /// Whether the codes were fitted to so few vectors that fitting them to `sample` vectors, or
    /// to all if there are fewer, would pay.
    fn wants_rebuild(&self, sample: u64) -> bool;
    /// Whether it holds the vectors of these chunks and no others. O(chunks).
    fn holds_exactly(&self, chunks: &AllowedChunks) -> Result<bool>;
    /// Throws away everything it holds; it then reflects generation 0.
    fn clear(&self) -> Result<()>;
    /// Throws away what it keeps of the same library for other models, where that is not in the
    /// library's own folder.
    fn drop_others(&self) -> Result<()> {
        Ok(())
    }
    /// Verifies every checksum and count; what is wrong, in words.
    fn check(&self) -> Result<Vec<String>>;
}
