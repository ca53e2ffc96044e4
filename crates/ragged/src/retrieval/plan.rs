//! What a search decided to do, what it counted and how long each step took.

use crate::settings::{BackendKind, SearchMode};

/// What a search decided to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Which sides were asked.
    pub mode: SearchMode,
    /// The engine that searched vectors.
    pub backend: BackendKind,
    /// How it searched them: `scan` (all codes, then selective recomputation) or `exact`.
    pub strategy: &'static str,
    /// Hits asked for.
    pub k: usize,
    /// Candidates asked of each side.
    pub candidates: usize,
    /// Share of the vector side in the score.
    pub vector_weight: f32,
    /// Chunks that the filters admit; `None` without filters.
    pub allowed_chunks: Option<u64>,
}

/// Work done by a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchCounts {
    /// Codes compared with the query.
    pub scanned_codes: u64,
    /// Of those, codes whose further planes were read.
    pub refined_codes: u64,
    /// Embeddings recomputed from text.
    pub recomputed_embeddings: u64,
    /// Candidates of the vector side.
    pub vector_candidates: u64,
    /// Candidates of the lexical side.
    pub lexical_candidates: u64,
    /// Chunks whose text was read for the hits.
    pub hydrated_chunks: u64,
}

/// How long each step of a search took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SearchTimings {
    /// Deciding which chunks the filters admit.
    pub filter: f64,
    /// Embedding the query.
    pub embed: f64,
    /// The vector side, recomputation included.
    pub vector: f64,
    /// The lexical side.
    pub lexical: f64,
    /// Mixing the sides.
    pub fuse: f64,
    /// Reading the hits' text.
    pub hydrate: f64,
    /// Making the answer; 0 for a search.
    pub answer: f64,
    /// All of it.
    pub total: f64,
}
