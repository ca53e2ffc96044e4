//! A convex mix of two lists.
//!
//! Each side's scores are brought to [0, 1] by the smallest and largest of its own list, then
//! mixed with a fixed weight. Rank fusion (reciprocal ranks) was measured against it and lets a
//! weak side hurt a strong one; see `docs/adr/0003-fusion.md`. The method is "convex combination
//! with min-max normalisation" of Bruch, Gai and Ingber, *An Analysis of Fusion Functions for
//! Hybrid Retrieval*, 2023.

use std::collections::BTreeMap;

use super::Candidate;
use crate::id::ChunkId;

/// How two sides are mixed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fusion {
    /// Share of the vector side, from 0 to 1; the words' share is the rest.
    pub vector_weight: f32,
}

/// A chunk after fusion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FusedHit {
    /// The chunk.
    pub chunk: ChunkId,
    /// `vector_part + lexical_part`, from 0 to 1.
    pub score: f32,
    /// The vector side's share of the score.
    pub vector_part: f32,
    /// The words' share of the score.
    pub lexical_part: f32,
    /// The vector side's own score, if the chunk was on its list.
    pub vector: Option<Candidate>,
    /// The words' own score, if the chunk was on their list.
    pub lexical: Option<Candidate>,
}

/// Mixes the two lists; the best first, ties in order of chunk id. A chunk that is missing from
/// one list has part 0 there. A side with an empty list leaves its whole share to the other.
///
/// # Examples
///
/// ```
/// use ragged::{id::ChunkId, ranking::{fuse, Candidate, Fusion}};
///
/// let candidate = |id, score| Candidate { chunk: ChunkId(id), score, exact: true };
/// let vector = [candidate(1, 0.9), candidate(2, 0.1)];
/// let lexical = [candidate(2, 12.0), candidate(3, 2.0)];
/// let fused = fuse(&vector, &lexical, Fusion { vector_weight: 0.25 });
/// assert_eq!(fused.iter().map(|hit| hit.chunk.0).collect::<Vec<_>>(), [2, 1, 3]);
/// assert_eq!(fused[0].score, 0.75);
/// ```
pub fn fuse(vector: &[Candidate], lexical: &[Candidate], fusion: Fusion) -> Vec<FusedHit> {
    let vector_weight = match (vector.is_empty(), lexical.is_empty()) {
        (true, _) => 0.0,
        (false, true) => 1.0,
        (false, false) => fusion.vector_weight.clamp(0.0, 1.0),
    };
    let lexical_weight = 1.0 - vector_weight;

    let mut hits: BTreeMap<ChunkId, FusedHit> = BTreeMap::new();
    let absent = |chunk| FusedHit {
        chunk,
        score: 0.0,
        vector_part: 0.0,
        lexical_part: 0.0,
        vector: None,
        lexical: None,
    };
    let normalise = MinMax::of(vector);
    for candidate in vector {
        let hit = hits.entry(candidate.chunk).or_insert_with(|| absent(candidate.chunk));
        hit.vector = Some(*candidate);
        hit.vector_part = vector_weight * normalise.apply(candidate.score);
    }
    let normalise = MinMax::of(lexical);
    for candidate in lexical {
        let hit = hits.entry(candidate.chunk).or_insert_with(|| absent(candidate.chunk));
        hit.lexical = Some(*candidate);
        hit.lexical_part = lexical_weight * normalise.apply(candidate.score);
    }
    let mut fused: Vec<FusedHit> = hits
        .into_values()
        .map(|hit| FusedHit { score: hit.vector_part + hit.lexical_part, ..hit })
        .collect();
    fused.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
    fused
}

/// Brings the scores of one list to [0, 1].
#[derive(Clone, Copy, Debug)]
struct MinMax {
    min: f32,
    range: f32,
}

impl MinMax {
    fn of(candidates: &[Candidate]) -> Self {
        let scores = || candidates.iter().map(|candidate| candidate.score);
        let min = scores().fold(f32::INFINITY, f32::min);
        let max = scores().fold(f32::NEG_INFINITY, f32::max);
        Self { min, range: max - min }
    }

    /// A list whose scores are all equal has nothing but best hits.
    fn apply(self, score: f32) -> f32 {
        if self.range > 0.0 { (score - self.min) / self.range } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        proptest::collection::btree_map(0..50u64, -10.0..10.0f32, 0..20).prop_map(|scores| {
            scores
                .into_iter()
                .map(|(id, score)| Candidate { chunk: ChunkId(id), score, exact: true })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn keeps_every_candidate_once_with_parts_that_sum(
            vector in candidates(), lexical in candidates(), weight in 0.0..=1.0f32,
        ) {
            let fused = fuse(&vector, &lexical, Fusion { vector_weight: weight });
            let mut expected: Vec<u64> =
                vector.iter().chain(&lexical).map(|candidate| candidate.chunk.0).collect();
            expected.sort_unstable();
            expected.dedup();
            let mut found: Vec<u64> = fused.iter().map(|hit| hit.chunk.0).collect();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
            for hit in &fused {
                prop_assert!((0.0..=1.0 + 1e-6).contains(&hit.score));
                prop_assert_eq!(hit.score, hit.vector_part + hit.lexical_part);
            }
            prop_assert!(fused.is_sorted_by(|a, b| a.score >= b.score));
        }

        #[test]
        fn one_side_alone_keeps_its_own_order(vector in candidates(), weight in 0.0..=1.0f32) {
            let fused = fuse(&vector, &[], Fusion { vector_weight: weight });
            let mut expected = vector.clone();
            expected.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
            // Normalisation can make two close scores equal, never reverse them.
            for pair in fused.windows(2) {
                let own = |hit: &FusedHit| hit.vector.map_or(0.0, |candidate| candidate.score);
                prop_assert!(own(&pair[0]) >= own(&pair[1]) || pair[0].score == pair[1].score);
            }
            prop_assert_eq!(fused.len(), expected.len());
        }
    }
}
