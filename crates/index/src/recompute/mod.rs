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
use crate::proximity::{WalkCounts, Walked};
use crate::scan::{Candidate, PreparedQuery, Scan, ScanCounts, keep_best};
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
    let mut progress = Progress::new(query, k, policy, snapshot.len());
    let (mut ids, mut vectors) = (Vec::new(), Vec::new());
    let walked = progress.walk(snapshot, allow);
    let mut is_open =
        walked.is_some_and(|walked| progress.open_walk(walked, n_reachable(snapshot, k, allow)));
    loop {
        if !is_open {
            progress.open(snapshot.candidates(query, progress.n_wanted(), allow));
        }
        is_open = false;
        while progress.next_ids(&mut ids) {
            vectors.clear();
            recompute(&ids, &mut vectors)?;
            let dims = query.vector().len();
            progress.record(&ids, |at| vectors.get(at * dims..(at + 1) * dims));
        }
        if progress.is_complete() {
            return Ok(progress.finish());
        }
    }
}

/// How many of the `k` hits asked for there can be.
pub(crate) fn n_reachable(snapshot: &Snapshot, k: usize, allow: Option<&IdSet>) -> usize {
    let there = allow.map_or_else(|| snapshot.len(), |allow| snapshot.n_allowed(allow));
    usize::try_from(there).map_or(k, |there| there.min(k))
}

/// A search under way: which vectors it wants next, and what it knows of those it got.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    query: &'a PreparedQuery,
    k: usize,
    policy: &'a Policy,
    /// How many candidates to look for.
    n: usize,
    /// Whether the last candidates were all there are.
    is_exhausted: bool,
    /// Exact scores so far, best first.
    exact: Vec<Hit>,
    /// Ids asked for, whether or not they could be had.
    asked: BTreeSet<u64>,
    /// Candidates not asked for, best upper bound first, after `n_taken` that were.
    candidates: Vec<Candidate>,
    n_taken: usize,
    counts: SearchCounts,
}

impl<'a> Progress<'a> {
    /// A search of `n_vectors` that has not begun.
    pub(crate) fn new(
        query: &'a PreparedQuery,
        k: usize,
        policy: &'a Policy,
        n_vectors: u64,
    ) -> Self {
        let most = usize::try_from(n_vectors).unwrap_or(usize::MAX);
        Self {
            query,
            k,
            policy,
            n: k.max(policy.n_candidates).max(policy.max_recomputes.min(most)),
            is_exhausted: false,
            exact: Vec::new(),
            asked: BTreeSet::new(),
            candidates: Vec::new(),
            n_taken: 0,
            counts: SearchCounts::default(),
        }
    }

    /// About how many vectors it will still want: candidates whose upper bounds reach the `k`-th
    /// best estimate.
    pub(crate) fn outlook(&self) -> usize {
        let mut estimates: Vec<f32> =
            self.candidates.iter().map(|candidate| candidate.estimate).collect();
        let Some(last) = self.k.checked_sub(1).filter(|last| *last < estimates.len()) else {
            return estimates.len();
        };
        let (_, bar, _) = estimates.select_nth_unstable_by(last, |a, b| b.total_cmp(a));
        let (bar, epsilon) = (*bar, self.epsilon());
        self.candidates.partition_point(|candidate| candidate.upper(epsilon) > bar)
    }

    /// How many candidates to give to [`Progress::open`].
    pub(crate) fn n_wanted(&self) -> usize {
        self.n
    }

    /// The walk to begin with, if one is asked for.
    pub(crate) fn walk(&self, snapshot: &Snapshot, allow: Option<&IdSet>) -> Option<Walked> {
        match self.policy.source {
            Source::Scan => None,
            Source::Graph { width } => {
                Some(snapshot.graph_candidates(self.query, self.n, allow, width.max(self.k)))
            }
        }
    }

    /// Takes the candidates of a walk, unless they are too few for the `n_reachable` hits that
    /// there can be, or the walk was as long as a scan: then a scan must follow.
    pub(crate) fn open_walk(&mut self, walked: Walked, n_reachable: usize) -> bool {
        self.counts.walk = walked.counts;
        let is_enough = !walked.counts.cut_short && walked.candidates.len() >= n_reachable;
        if is_enough {
            self.arrange(walked.candidates);
        }
        is_enough
    }

    /// Takes the best candidates of a scan; those asked for before are passed over.
    pub(crate) fn open(&mut self, scan: Scan) {
        self.counts.fell_back = self.policy.source != Source::Scan;
        self.counts.scan.scanned += scan.counts.scanned;
        self.counts.scan.refined += scan.counts.refined;
        self.is_exhausted = scan.candidates.len() < self.n;
        self.n = self.n.saturating_mul(4);
        self.arrange(scan.candidates);
    }

    fn arrange(&mut self, candidates: Vec<Candidate>) {
        self.candidates = candidates;
        self.candidates.retain(|candidate| !self.asked.contains(&candidate.id));
        let (n, epsilon) = (self.candidates.len(), self.epsilon());
        keep_best(&mut self.candidates, n, epsilon);
        self.n_taken = 0;
    }

    /// Puts the ids to recompute next into `ids`; `false` where the bounds or the policy say stop.
    pub(crate) fn next_ids(&mut self, ids: &mut Vec<u64>) -> bool {
        ids.clear();
        if self.k == 0 {
            return false;
        }
        let (bar, epsilon) = (self.bar(), self.epsilon());
        let rest = self.candidates.get(self.n_taken..).unwrap_or_default();
        let open = rest.partition_point(|candidate| candidate.upper(epsilon) > bar);
        if open == 0 {
            return false;
        }
        let asked = usize::try_from(self.counts.recomputed).unwrap_or(usize::MAX);
        let left = self.policy.max_recomputes.saturating_sub(asked);
        if left == 0 {
            self.counts.cut_short = true;
            return false;
        }
        let short_of_k = self.k.saturating_sub(self.exact.len());
        let n = short_of_k.max(self.policy.batch.max(1)).min(open).min(left);
        ids.extend(rest.iter().take(n).map(|candidate| candidate.id));
        self.n_taken += n;
        true
    }

    /// Takes note of the vectors of the ids asked for; `vector_of` gives the one at a position of
    /// `ids`, `None` or NaN for one that cannot be made.
    pub(crate) fn record<'v>(
        &mut self,
        ids: &[u64],
        vector_of: impl Fn(usize) -> Option<&'v [f32]>,
    ) {
        for (at, id) in ids.iter().enumerate() {
            self.asked.insert(*id);
            let score = vector_of(at).map_or(f32::NAN, |vector| self.query.score(vector));
            if score.is_nan() {
                self.counts.missing += 1;
            } else {
                self.exact.push(Hit { id: *id, score, exact: true });
            }
        }
        self.counts.recomputed += ids.len() as u64;
        self.counts.batches += 1;
        self.exact.sort_unstable_by(by_score);
    }

    /// Whether nothing is to be gained from more candidates: only where vectors turned out to be
    /// missing can there be too few hits.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_exhausted || self.n_found() >= self.k || self.counts.missing == 0
    }

    fn n_found(&self) -> usize {
        self.exact.len() + self.candidates.len().saturating_sub(self.n_taken)
    }

    fn epsilon(&self) -> f32 {
        self.policy.epsilon.max(0.0)
    }

    /// The score to beat: that of the `k`-th best so far.
    fn bar(&self) -> f32 {
        self.k
            .checked_sub(1)
            .and_then(|last| self.exact.get(last))
            .map_or(f32::NEG_INFINITY, |hit| hit.score)
    }

    /// What was found.
    pub(crate) fn finish(mut self) -> Search {
        let estimates = self.candidates.iter().skip(self.n_taken).map(|candidate| Hit {
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
