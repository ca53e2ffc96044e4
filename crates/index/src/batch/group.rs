//! Which queries of a batch are alike.

use super::BatchQuery;
use crate::distance::Kernels;

/// The cosine from which two queries count as alike: those of one session ask for mostly the same
/// vectors, and lie above; two questions of different subjects lie below.
const ALIKE: f32 = 0.6;

/// A query is compared with so many groups, the newest: similar questions come together, and a
/// batch of thousands must not cost millions of comparisons.
const GROUPS_LOOKED_AT: usize = 256;

/// Groups of positions of similar queries, at most `most` each: a query joins the group whose
/// first query is most like it, if one is [`ALIKE`]; the earlier of equals.
///
/// O(queries).
pub(super) fn group(queries: &[BatchQuery<'_>], most: usize) -> Vec<Vec<usize>> {
    let kernels = Kernels::best();
    let lengths: Vec<f32> = queries
        .iter()
        .map(|query| kernels.dot(query.query.vector(), query.query.vector()).sqrt())
        .collect();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (idx, query) in queries.iter().enumerate() {
        let mut best: Option<(f32, usize)> = None;
        let oldest = groups.len().saturating_sub(GROUPS_LOOKED_AT);
        for (at, group) in groups.iter().enumerate().skip(oldest) {
            let Some(&first) = group.first().filter(|_| group.len() < most) else { continue };
            let dot = kernels.dot(query.query.vector(), queries[first].query.vector());
            let cosine = dot / (lengths[idx] * lengths[first]);
            if cosine >= ALIKE && best.is_none_or(|(best, _)| cosine > best) {
                best = Some((cosine, at));
            }
        }
        match best {
            Some((_, at)) => groups[at].push(idx),
            None => groups.push(vec![idx]),
        }
    }
    groups
}

/// Packs groups, none of them torn, into waves of at most so many queries.
#[derive(Debug)]
pub(super) struct Waves<'a> {
    groups: &'a [Vec<usize>],
    most: usize,
}

impl<'a> Waves<'a> {
    /// No group may have more than `most`.
    pub(super) fn new(groups: &'a [Vec<usize>], most: usize) -> Self {
        Self { groups, most }
    }
}

impl<'a> Iterator for Waves<'a> {
    type Item = &'a [Vec<usize>];

    fn next(&mut self) -> Option<&'a [Vec<usize>]> {
        let (mut n_groups, mut n_queries) = (0, 0);
        for group in self.groups {
            if n_groups > 0 && n_queries + group.len() > self.most {
                break;
            }
            n_groups += 1;
            n_queries += group.len();
        }
        let (wave, rest) = self.groups.split_at(n_groups);
        self.groups = rest;
        (!wave.is_empty()).then_some(wave)
    }
}
