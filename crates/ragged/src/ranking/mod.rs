//! From the lists of each side to one ranking: pure functions on ids and scores.
//!
//! Ranking never reads the store, the clock or the indexes.

mod fusion;
mod personal;
mod temporal;

#[cfg(test)]
mod tests;

pub use fusion::{FusedHit, Fusion, fuse};
pub use personal::{
    Adjusted, Bearing, PersonalPart, PersonalWeights, Profile, ProfileTopic, adjust, personal_part,
    share, specificity, whole_days,
};
pub use temporal::{TimeFavour, TimePart, TimeWeights, WEIGHT_MAX};

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
