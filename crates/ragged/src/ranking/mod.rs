//! From the lists of each side to one ranking: pure functions on ids and scores.
//!
//! Ranking never reads the store, the clock or the indexes.

mod fusion;

pub use fusion::{FusedHit, Fusion, fuse};

use crate::id::ChunkId;

/// A chunk and how well it matches; a larger score is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The chunk.
    pub chunk: ChunkId,
    /// The side's own score: a cosine for vectors, BM25 for words.
    pub score: f32,
    /// Whether the score is exact; an estimate of the vector side is not.
    pub exact: bool,
}
