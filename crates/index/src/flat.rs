//! Exact search over vectors in memory: what every approximation is measured against.

use crate::distance::Kernels;
use crate::recompute::Hit;

/// The `k` vectors of the greatest inner product with `query`, best first, equal ones by
/// ascending id.
///
/// `vectors` holds one vector of the query's length for each of `ids`, one after the other.
/// O(vectors × dimensions), in the calling thread. Vectors with NaN are never found.
///
/// # Examples
///
/// ```
/// let hits = ragged_index::exact_top_k(&[0.0, 1.0], &[7, 8], &[1.0, 0.0, 0.6, 0.8], 1);
/// assert_eq!((hits[0].id, hits[0].score), (8, 0.8));
/// ```
pub fn exact_top_k(query: &[f32], ids: &[u64], vectors: &[f32], k: usize) -> Vec<Hit> {
    let kernels = Kernels::best();
    let mut hits: Vec<Hit> = ids
        .iter()
        .zip(vectors.chunks_exact(query.len().max(1)))
        .map(|(id, vector)| Hit { id: *id, score: kernels.dot(query, vector), exact: true })
        .filter(|hit| !hit.score.is_nan())
        .collect();
    let order = |a: &Hit, b: &Hit| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id));
    if hits.len() > k {
        hits.select_nth_unstable_by(k, order);
        hits.truncate(k);
        // A million hits were looked at: the few that are kept must not hold their memory.
        hits.shrink_to_fit();
    }
    hits.sort_unstable_by(order);
    hits
}
