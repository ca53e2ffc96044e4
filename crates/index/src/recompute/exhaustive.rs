//! Exact search by making every vector again.

use super::{Hit, Search, SearchCounts, by_score};
use crate::ids::IdSet;
use crate::scan::PreparedQuery;
use crate::snapshot::Snapshot;

/// Vectors made at once.
const BATCH: usize = 1_024;

/// Makes all vectors again, or all allowed ones, and keeps the best `k`, or `n_candidates` if
/// that is more: exact, and the plan of choice where a filter leaves few.
///
/// `recompute` is called as by [`search`](super::search), with up to 1,024 ids in ascending
/// order. All hits are exact, best first, equal ones by ascending id. O(allowed vectors).
///
/// # Errors
///
/// Those of `recompute`, unchanged.
pub fn exact_search<E>(
    snapshot: &Snapshot,
    query: &PreparedQuery,
    k: usize,
    n_candidates: usize,
    allow: Option<&IdSet>,
    mut recompute: impl FnMut(&[u64], &mut Vec<f32>) -> Result<(), E>,
) -> Result<Search, E> {
    let most = k.max(n_candidates);
    let (mut hits, mut counts): (Vec<Hit>, _) = (Vec::new(), SearchCounts::default());
    if most == 0 {
        return Ok(Search { hits, counts });
    }
    let live = snapshot.ids();
    let ids = allow.map_or_else(|| live.clone(), |allow| live.intersection(allow));
    let (mut ids, mut batch, mut vectors) = (ids.iter(), Vec::new(), Vec::new());
    loop {
        batch.clear();
        batch.extend(ids.by_ref().take(BATCH));
        if batch.is_empty() {
            break;
        }
        vectors.clear();
        recompute(&batch, &mut vectors)?;
        counts.batches += 1;
        counts.recomputed += batch.len() as u64;
        let scored = super::scored(query.vector(), &batch, &vectors);
        for (id, score) in scored {
            match score {
                Some(score) => hits.push(Hit { id, score, exact: true }),
                None => counts.missing += 1,
            }
        }
        if hits.len() > most {
            hits.select_nth_unstable_by(most, by_score);
            hits.truncate(most);
        }
    }
    hits.sort_unstable_by(by_score);
    Ok(Search { hits, counts })
}
