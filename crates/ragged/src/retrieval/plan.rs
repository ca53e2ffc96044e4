//! What a search decided to do, what it counted and how long each step took.

use crate::settings::{BackendKind, SearchMode, Strategy};

/// What a search decided to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Which sides were asked.
    pub mode: SearchMode,
    /// The engine that searched vectors.
    pub backend: BackendKind,
    /// How it searched them.
    pub vector: VectorPlan,
    /// Hits asked for.
    pub k: usize,
    /// Candidates asked of each side.
    pub candidates: usize,
    /// Share of the vector side in the score.
    pub vector_weight: f32,
    /// Chunks that the filters admit; `None` without filters.
    pub allowed_chunks: Option<u64>,
}

/// How vectors were searched, and what each way of doing it was expected to cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VectorPlan {
    /// The way that was taken; never [`Strategy::Auto`] once a search is done.
    pub strategy: Strategy,
    /// The ways that could have been taken, cheapest first; empty where an engine has only one.
    pub estimates: Vec<Estimate>,
}

impl VectorPlan {
    /// The plan of an engine that has only one way.
    pub fn only(strategy: Strategy) -> Self {
        Self { strategy, estimates: Vec::new() }
    }
}

/// What one way of searching is expected to cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The way.
    pub strategy: Strategy,
    /// The work expected.
    pub counts: VectorCounts,
    /// The time expected, in microseconds.
    pub us: f64,
}

/// Work of a search among vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VectorCounts {
    /// Codes or vectors compared with the query in order.
    pub scanned: u64,
    /// Of those, codes whose further planes were read.
    pub refined: u64,
    /// Codes compared on a walk through the graph.
    pub visited: u64,
    /// Embeddings recomputed from text.
    pub recomputed: u64,
    /// Recomputed vectors that were still in memory and taken from there.
    pub cached: u64,
}

/// Work done by a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchCounts {
    /// Codes compared with the query.
    pub scanned_codes: u64,
    /// Of those, codes whose further planes were read.
    pub refined_codes: u64,
    /// Codes compared on a walk through the graph.
    pub visited_codes: u64,
    /// Embeddings recomputed from text.
    pub recomputed_embeddings: u64,
    /// Recomputed vectors that were still in memory and taken from there.
    pub cached_vectors: u64,
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
    /// What a profile and a favoured time add; 0 where there is neither.
    pub personal: f64,
    /// Reading the hits' text.
    pub hydrate: f64,
    /// Making the answer; 0 for a search.
    pub answer: f64,
    /// All of it.
    pub total: f64,
}

impl SearchCounts {
    /// Takes over what the vector side did.
    pub(crate) fn note_vectors(&mut self, counts: &VectorCounts) {
        self.scanned_codes = counts.scanned;
        self.refined_codes = counts.refined;
        self.visited_codes = counts.visited;
        self.recomputed_embeddings = counts.recomputed;
        self.cached_vectors = counts.cached;
    }
}
