//! The walk without codes, kept as what the others are measured against.

use super::{Hit, Search, SearchCounts, by_score};
use crate::ids::IdSet;
use crate::proximity::plain_walk;
use crate::snapshot::Snapshot;

/// Vectors of the tail made at once.
const BATCH: usize = 1_024;

/// Walks the graph best node first and makes the vector of every node it touches again: no
/// codes, no bounds, no sample of entry points.
///
/// This is how a graph is searched where nothing but the graph is kept, and the baseline of
/// [`search`](super::search), not a plan to choose. Keeps the `width` best allowed vectors, of
/// which the best `k` are the hits, all exact; vectors that the graph does not cover are all made
/// again too. `recompute` is called as by [`search`](super::search), once for each node whose links
/// are followed, with those neighbours that were not seen before. A query of another length than
/// the dimensions finds nothing.
///
/// # Errors
///
/// Those of `recompute`, unchanged.
pub fn naive_search<E>(
    snapshot: &Snapshot,
    query_vector: &[f32],
    k: usize,
    allow: Option<&IdSet>,
    width: usize,
    mut recompute: impl FnMut(&[u64], &mut Vec<f32>) -> Result<(), E>,
) -> Result<Search, E> {
    let mut counts = SearchCounts::default();
    let mut hits: Vec<Hit> = Vec::new();
    if k == 0 || query_vector.len() != snapshot.config().dims {
        return Ok(Search { hits, counts });
    }
    let mut vectors = Vec::new();
    let mut score = |ids: &[u64], scores: &mut Vec<f32>, counts: &mut SearchCounts| {
        vectors.clear();
        recompute(ids, &mut vectors)?;
        counts.batches += 1;
        counts.recomputed += ids.len() as u64;
        for (_, score) in super::scored(query_vector, ids, &vectors) {
            counts.missing += u64::from(score.is_none());
            scores.push(score.unwrap_or(f32::NAN));
        }
        Ok(())
    };
    let (found, walk) =
        plain_walk(snapshot, allow, width.max(k), |ids, scores| score(ids, scores, &mut counts))?;
    hits.extend(found.into_iter().map(|(id, score)| Hit { id, score, exact: true }));
    let tail = snapshot.graph().map_or_else(|| snapshot.ids(), |graph| graph.tail().clone());
    let tail = allow.map_or_else(|| tail.clone(), |allow| tail.intersection(allow));
    let mut ids = tail.iter();
    let (mut batch, mut scores) = (Vec::new(), Vec::new());
    loop {
        batch.clear();
        batch.extend(ids.by_ref().take(BATCH));
        if batch.is_empty() {
            break;
        }
        scores.clear();
        score(&batch, &mut scores, &mut counts)?;
        let exact = batch.iter().zip(&scores).filter(|(_, score)| !score.is_nan());
        hits.extend(exact.map(|(id, score)| Hit { id: *id, score: *score, exact: true }));
    }
    hits.sort_unstable_by(by_score);
    hits.truncate(k);
    counts.walk = walk;
    Ok(Search { hits, counts })
}
