//! From the lists of each side to one ranking: pure functions on ids and scores.
//!
//! Ranking never reads the store, the clock or the indexes.
//!
//! [`fuse`] gives each candidate a base score from 0 to 1. A [`Profile`] and a [`TimeFavour`] may add
//! to it ([`adjust`]), each as a share of the score:
//!
//! ```text
//! score = (1 − w) · ((1 − α) · base + α · personal) + w · closeness
//! ```
//!
//! So there is a bound to what they can do. Of two candidates, taste alone can put the one that
//! matches less in front only if their base scores differ by less than α/(1 − α) times what their
//! personal parts differ by; time alone likewise with w. And only the first so many candidates of
//! the fused list change places at all.

mod fusion;
mod personal;
mod temporal;

#[cfg(test)]
mod tests;

pub use fusion::{FusedHit, Fusion, fuse};
pub use personal::{
    Adjusted, Adjustment, Bearing, PersonalPart, PersonalWeights, Profile, ProfileTopic, adjust,
    personal_part, share, specificity, whole_days,
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
