//! Selective recompute: exact scores for as few vectors as the bounds allow.
//!
//! Vectors are not stored; the caller can make them again at a price. Candidates are recomputed
//! in the order of their upper bounds until none that is left can be among the best `k`.

mod exhaustive;
mod naive;

#[cfg(test)]
mod tests;

pub use exhaustive::exact_search;
pub use naive::naive_search;

use std::collections::BTreeSet;

use crate::distance::Kernels;
use crate::ids::IdSet;
use crate::proximity::WalkCounts;
use crate::scan::{Candidate, PreparedQuery, ScanCounts, keep_best};
use crate::snapshot::Snapshot;

/// Where a search takes its candidates from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// A scan of all codes: [`Snapshot::candidates`].
    #[default]
    Scan,
    /// A walk over the graph: [`Snapshot::graph_candidates`]. Without a graph it is a scan.
    Graph {
        /// How many candidates the walk keeps; never fewer than the `k` asked for.
        width: usize,
    },
}

/// How far a search goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// Width of the bounds in errors. 0 or more. More finds more of the truly best and
    /// recomputes more.
    pub epsilon: f32,
    /// Vectors recomputed at once, after the first `k`. At least 1. Fewer recompute fewer in
    /// all; more let the caller share the cost of fetching them.
    pub batch: usize,
    /// No more than this many vectors are recomputed; 0 gives estimates only.
    pub max_recomputes: usize,
    /// How many hits are wanted in all: beyond the `k` best they are ordered by estimates.
    pub n_candidates: usize,
    /// Where candidates come from. A walk gives no more of them than its width.
    pub source: Source,
}

impl Default for Policy {
    /// Recall at 10 of 0.99 and more with static embeddings of real text at 256 dimensions and
    /// two bits: 18 to 27 recomputations for the questions of four collections of 2,000 to
    /// 13,000 chunks, 33 for excerpts and 56 for questions over 78,000. With 1.5 it is 0.985 to
    /// 0.993 and a sixth to a third fewer. `examples/measure.rs` prints such figures.
    fn default() -> Self {
        Self {
            epsilon: 2.0,
            batch: 4,
            max_recomputes: 256,
            n_candidates: 100,
            source: Source::Scan,
        }
    }
}

/// A vector found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Its id.
    pub id: u64,
    /// Its inner product with the query.
    pub score: f32,
    /// Whether the score was computed from the vector, or estimated from its code.
    pub exact: bool,
}

/// What a search found and what it cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// Best score first, equal ones by ascending id. If the search was not stopped by
    /// [`Policy::max_recomputes`], the first `k` are exact.
    pub hits: Vec<Hit>,
    /// The work done.
    pub counts: SearchCounts,
}

/// The work of a search, which does not depend on the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchCounts {
    /// The scan of the codes; zero where a walk was enough.
    pub scan: ScanCounts,
    /// The walk over the graph; zero where none was asked for.
    pub walk: WalkCounts,
    /// Whether a walk was asked for and a scan had to follow, because the walk had become as long
    /// as one or had found fewer than `k` allowed vectors where there are more.
    pub fell_back: bool,
    /// Vectors asked of the caller.
    pub recomputed: u64,
    /// Calls to the caller.
    pub batches: u64,
    /// Vectors the caller could not make.
    pub missing: u64,
    /// Whether [`Policy::max_recomputes`] ended the search before the bounds did.
    pub cut_short: bool,
}

/// Finds the `k` vectors of the greatest inner product with the query, and more, estimated.
///
/// `recompute` is called with ids, and appends to the empty vector it is given the vector of each,
/// in their order. For an id it has no vector of (deleted meanwhile) it appends one with NaN in
/// its first element; that id is left out of the hits. With `allow`, only ids in it are found.
/// There are at least `k` hits wherever the index has `k` allowed vectors the caller can make.
///
/// The same input gives the same hits and counts on every machine.
///
/// # Errors
///
/// Those of `recompute`, unchanged.
///
/// # Examples
///
/// See the front page of this crate.
pub fn search<E>(
    snapshot: &Snapshot,
    query: &PreparedQuery,
    k: usize,
    allow: Option<&IdSet>,
    policy: &Policy,
    mut recompute: impl FnMut(&[u64], &mut Vec<f32>) -> Result<(), E>,
) -> Result<Search, E> {
    let mut progress = Progress::new(query, k, policy);
    let most = usize::try_from(snapshot.len()).unwrap_or(usize::MAX);
    let mut n = k.max(policy.n_candidates).max(policy.max_recomputes.min(most));
    if let Source::Graph { width } = policy.source {
        let walked = snapshot.graph_candidates(query, n, allow, width.max(k));
        progress.counts.walk = walked.counts;
        if !walked.counts.cut_short && walked.candidates.len() >= wanted(snapshot, k, allow) {
            progress.examine(walked.candidates, &mut recompute)?;
            if progress.n_found() >= k || progress.counts.missing == 0 {
                return Ok(progress.finish());
            }
        }
        progress.counts.fell_back = true;
    }
    loop {
        let scan = snapshot.candidates(query, n, allow);
        let complete = scan.candidates.len() < n;
        progress.counts.scan.scanned += scan.counts.scanned;
        progress.counts.scan.refined += scan.counts.refined;
        progress.examine(scan.candidates, &mut recompute)?;
        // Only where vectors turned out to be missing can there be too few hits.
        if complete || progress.n_found() >= k || progress.counts.missing == 0 {
            return Ok(progress.finish());
        }
        n = n.saturating_mul(4);
    }
}

/// How many of the `k` hits asked for there can be.
fn wanted(snapshot: &Snapshot, k: usize, allow: Option<&IdSet>) -> usize {
    let there = allow.map_or_else(|| snapshot.len(), |allow| snapshot.n_allowed(allow));
    usize::try_from(there).map_or(k, |there| there.min(k))
}

#[derive(Debug)]
struct Progress<'a> {
    query: &'a PreparedQuery,
    k: usize,
    policy: &'a Policy,
    /// Exact scores so far, best first.
    exact: Vec<Hit>,
    /// Ids asked for, whether or not they could be had.
    asked: BTreeSet<u64>,
    /// Candidates left as estimates.
    estimated: Vec<Candidate>,
    counts: SearchCounts,
}

impl<'a> Progress<'a> {
    fn new(query: &'a PreparedQuery, k: usize, policy: &'a Policy) -> Self {
        Self {
            query,
            k,
            policy,
            exact: Vec::new(),
            asked: BTreeSet::new(),
            estimated: Vec::new(),
            counts: SearchCounts::default(),
        }
    }

    fn n_found(&self) -> usize {
        self.exact.len() + self.estimated.len()
    }

    /// Recomputes candidates until the bounds or the policy say stop.
    fn examine<E>(
        &mut self,
        mut candidates: Vec<Candidate>,
        recompute: &mut impl FnMut(&[u64], &mut Vec<f32>) -> Result<(), E>,
    ) -> Result<(), E> {
        let epsilon = self.policy.epsilon.max(0.0);
        candidates.retain(|candidate| !self.asked.contains(&candidate.id));
        let n = candidates.len();
        keep_best(&mut candidates, n, epsilon);
        let mut rest = candidates.as_slice();
        let mut ids = Vec::new();
        let mut vectors = Vec::new();
        while self.k > 0 {
            let bar = self.bar();
            let open = rest.partition_point(|candidate| candidate.upper(epsilon) > bar);
            if open == 0 {
                break;
            }
            let asked = usize::try_from(self.counts.recomputed).unwrap_or(usize::MAX);
            let left = self.policy.max_recomputes.saturating_sub(asked);
            if left == 0 {
                self.counts.cut_short = true;
                break;
            }
            let short_of_k = self.k.saturating_sub(self.exact.len());
            let (batch, after) =
                rest.split_at(short_of_k.max(self.policy.batch.max(1)).min(open).min(left));
            rest = after;
            ids.clear();
            ids.extend(batch.iter().map(|candidate| candidate.id));
            vectors.clear();
            recompute(&ids, &mut vectors)?;
            self.record(&ids, &vectors);
        }
        self.estimated = rest.to_vec();
        Ok(())
    }

    /// The score to beat: that of the `k`-th best so far.
    fn bar(&self) -> f32 {
        self.k
            .checked_sub(1)
            .and_then(|last| self.exact.get(last))
            .map_or(f32::NEG_INFINITY, |hit| hit.score)
    }

    fn record(&mut self, ids: &[u64], vectors: &[f32]) {
        for (id, score) in scored(self.query.vector(), ids, vectors) {
            self.asked.insert(id);
            match score {
                Some(score) => self.exact.push(Hit { id, score, exact: true }),
                None => self.counts.missing += 1,
            }
        }
        self.counts.recomputed += ids.len() as u64;
        self.counts.batches += 1;
        self.exact.sort_unstable_by(by_score);
    }

    fn finish(mut self) -> Search {
        let estimates = self.estimated.iter().map(|candidate| Hit {
            id: candidate.id,
            score: candidate.estimate,
            exact: false,
        });
        self.exact.extend(estimates);
        self.exact.sort_unstable_by(by_score);
        self.exact.truncate(self.k.max(self.policy.n_candidates));
        Search { hits: self.exact, counts: self.counts }
    }
}

/// The exact score of each id whose vector the caller could make.
fn scored<'a>(
    query: &'a [f32],
    ids: &'a [u64],
    vectors: &'a [f32],
) -> impl Iterator<Item = (u64, Option<f32>)> + 'a {
    let (kernels, dims) = (Kernels::best(), query.len());
    ids.iter().enumerate().map(move |(at, id)| {
        let vector = vectors.get(at * dims..(at + 1) * dims);
        let score = vector.map(|vector| kernels.dot(query, vector));
        (*id, score.filter(|score| !score.is_nan()))
    })
}

/// By descending score, then by ascending id.
fn by_score(a: &Hit, b: &Hit) -> std::cmp::Ordering {
    b.score.total_cmp(&a.score).then(a.id.cmp(&b.id))
}
