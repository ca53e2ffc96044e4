//! Comparing one query with all codes: scan plane 1, refine what it leaves open, select.

mod query;
mod survivors;

#[cfg(test)]
mod tests;

pub use query::PreparedQuery;

use std::borrow::Cow;

use crate::codes::{Encoded, Frame, Shape};
use crate::distance::{BLOCK, BlockBounds, BlockFactors, BlockQuery};
use crate::ids::IdSet;
use crate::snapshot::Snapshot;
use survivors::{Survivor, Survivors};

/// How many errors above its estimate by plane 1 a vector may be and not be lost: it is refined
/// if that would bring it to the `n`-th best estimate. Of the vectors just there, one in forty is
/// lost; of the ten best of a hundred asked for, too few to measure.
pub(crate) const SCAN_EPSILON: f32 = 2.0;
/// How many errors wide the upper bound is by which candidates are ordered.
pub const RANK_EPSILON: f32 = 1.75;
/// No more than this many survivors are refined, for each candidate asked for…
const REFINED_PER_CANDIDATE: usize = 32;
/// …and in addition to them: queries unlike anything else in the index rule out little.
const REFINED_AT_LEAST: usize = 4_096;

/// A vector that may be among the best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Its id.
    pub id: u64,
    /// The estimate of its inner product with the query.
    pub estimate: f32,
    /// The deviation of the estimate, never negative: the inner product is within
    /// `ε · error` of the estimate with a probability of about 0.68 for ε = 1, 0.87 for
    /// 1.5, 0.95 for 2, as of a normal distribution.
    pub error: f32,
}

impl Candidate {
    /// The estimate and `epsilon` errors.
    pub fn upper(&self, epsilon: f32) -> f32 {
        self.estimate + epsilon * self.error
    }
}

/// What a scan found and what it cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scan {
    /// The candidates, by descending [`Candidate::upper`] of [`RANK_EPSILON`], then by
    /// ascending id.
    pub candidates: Vec<Candidate>,
    /// The work done.
    pub counts: ScanCounts,
}

/// The work of a scan, which does not depend on the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanCounts {
    /// Vectors compared by plane 1: all that are live and allowed.
    pub scanned: u64,
    /// Vectors compared by all planes.
    pub refined: u64,
}

pub(crate) fn scan(
    snapshot: &Snapshot,
    query: &PreparedQuery,
    n: usize,
    allow: Option<&IdSet>,
) -> Scan {
    let Some(frame) = snapshot.frame() else { return Scan::default() };
    let Some(query) = fitted(query, frame) else { return Scan::default() };
    if n == 0 {
        return Scan::default();
    }
    let (survivors, scanned) = survivors(snapshot, &query, n, allow, 1);
    let refined = survivors.len() as u64;
    let candidates = refined_best(snapshot, &query, &survivors, n);
    Scan { candidates, counts: ScanCounts { scanned, refined } }
}

/// A query of several that are compared with all codes in one pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task<'a> {
    pub(crate) query: &'a PreparedQuery,
    /// How many candidates to find; at least 1.
    pub(crate) n: usize,
    pub(crate) allow: Option<&'a IdSet>,
}

/// What [`scan`] finds for each of several queries, from one pass over the codes.
pub(crate) fn scan_each(snapshot: &Snapshot, tasks: &[Task<'_>]) -> Vec<Scan> {
    let mut scans = vec![Scan::default(); tasks.len()];
    let Some(frame) = snapshot.frame() else { return scans };
    let (places, fitted): (Vec<&mut Scan>, Vec<(Task<'_>, Cow<'_, PreparedQuery>)>) = scans
        .iter_mut()
        .zip(tasks)
        .filter(|(_, task)| task.n > 0)
        .filter_map(|(scan, task)| Some((scan, (*task, fitted(task.query, frame)?))))
        .unzip();
    let passed = pass_over(snapshot, &fitted);
    for ((scan, (task, query)), passed) in places.into_iter().zip(&fitted).zip(passed) {
        let survivors = passed.survivors.finish(most_refined(task.n));
        let refined = survivors.len() as u64;
        *scan = Scan {
            candidates: refined_best(snapshot, query, &survivors, task.n),
            counts: ScanCounts { scanned: passed.scanned, refined },
        };
    }
    scans
}

/// What plane 1 left of all vectors for one query.
struct Passed {
    survivors: Survivors,
    scanned: u64,
}

/// Compares all codes with all queries, block by block: what [`survivors`] does for one.
fn pass_over(snapshot: &Snapshot, tasks: &[(Task<'_>, Cow<'_, PreparedQuery>)]) -> Vec<Passed> {
    let mut passed: Vec<Passed> = tasks
        .iter()
        .map(|(task, _)| Passed { survivors: Survivors::new(task.n), scanned: 0 })
        .collect();
    let Some(kernels) = tasks.first().map(|(_, query)| query.kernels()) else { return passed };
    let queries: Vec<BlockQuery<'_>> = tasks
        .iter()
        .map(|(_, query)| BlockQuery { tables: query.tables(), terms: query.terms() })
        .collect();
    let mut bounds = vec![BlockBounds::EMPTY; tasks.len()];
    // The queries that may find something in a block: which, in which lanes, and themselves.
    let mut open: Vec<(usize, u32)> = Vec::with_capacity(tasks.len());
    let mut open_queries = Vec::with_capacity(tasks.len());
    for (part, segment) in snapshot.parts().iter().enumerate() {
        let masks: Vec<_> = tasks.iter().map(|(task, _)| segment.mask(task.allow)).collect();
        let segment = &segment.segment;
        let n_vectors = segment.n_vectors() as usize;
        for (at, block) in segment.blocks().enumerate() {
            let present = u32::MAX >> (BLOCK - (n_vectors - at * BLOCK).min(BLOCK));
            open.clear();
            open.extend(masks.iter().enumerate().filter_map(|(idx, mask)| {
                let lanes = mask.as_ref().map_or(present, |mask| mask.block(at));
                (lanes != 0).then_some((idx, lanes))
            }));
            let Some((codes, factors)) = BlockFactors::split(block) else { continue };
            if open.len() == queries.len() {
                kernels.bound_block_each(codes, &factors, &queries, &mut bounds);
            } else {
                open_queries.clear();
                open_queries.extend(open.iter().map(|(idx, _)| queries[*idx]));
                let bounds = &mut bounds[..open.len()];
                kernels.bound_block_each(codes, &factors, &open_queries, bounds);
            }
            for ((idx, lanes), bounds) in open.iter().zip(&bounds) {
                let Passed { survivors, scanned } = &mut passed[*idx];
                *scanned += u64::from(lanes.count_ones());
                let at_least = kernels.at_least(&bounds.upper, survivors.threshold());
                keep(at_least & lanes, bounds, survivors, part, at);
            }
        }
    }
    passed
}

/// Keeps the vectors of a block that are in the lanes `open`.
#[inline]
fn keep(mut open: u32, bounds: &BlockBounds, survivors: &mut Survivors, part: usize, block: usize) {
    while open != 0 {
        let lane = open.trailing_zeros() as usize;
        open &= open - 1;
        survivors.push(Survivor {
            upper: bounds.upper[lane],
            estimate: bounds.estimates[lane],
            part: part as u32,
            position: (block * BLOCK + lane) as u32,
        });
    }
}

/// The query in the frame of an index; `None` if its dimensions are other.
pub(crate) fn fitted<'a>(
    query: &'a PreparedQuery,
    frame: &Frame,
) -> Option<Cow<'a, PreparedQuery>> {
    if query.vector().len() != frame.dims() {
        return None;
    }
    if query.frame() == frame.id() {
        return Some(Cow::Borrowed(query));
    }
    let fitted = PreparedQuery::new(query.vector(), Some(frame)).ok()?;
    Some(Cow::Owned(fitted.with_kernels(query.kernels())))
}

/// The ids of the `n` vectors that plane 1 takes for the best of a sample, best first, equal ones
/// by ascending id, and how many it looked at. The sample is one block in `stride`, of the vectors
/// in `allow`. The query is in the frame of the snapshot.
pub(crate) fn best_of_sample(
    snapshot: &Snapshot,
    query: &PreparedQuery,
    n: usize,
    allow: Option<&IdSet>,
    stride: usize,
) -> (Vec<u64>, u64) {
    let (survivors, scanned) = survivors(snapshot, query, n, allow, stride.max(1));
    let mut best: Vec<(f32, u64)> = survivors
        .iter()
        .map(|survivor| {
            let segment = &snapshot.parts()[survivor.part as usize].segment;
            (survivor.estimate, segment.positions().id(survivor.position))
        })
        .collect();
    best.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    best.truncate(n);
    (best.into_iter().map(|(_, id)| id).collect(), scanned)
}

/// The vectors that plane 1 does not rule out of the best `n`, and how many it looked at: all that
/// are allowed in one block of every `stride`.
fn survivors(
    snapshot: &Snapshot,
    query: &PreparedQuery,
    n: usize,
    allow: Option<&IdSet>,
    stride: usize,
) -> (Vec<Survivor>, u64) {
    let kernels = query.kernels();
    let mut survivors = Survivors::new(n);
    let mut bounds = BlockBounds::EMPTY;
    let mut scanned = 0;
    for (part, segment) in snapshot.parts().iter().enumerate() {
        let mask = segment.mask(allow);
        let segment = &segment.segment;
        let n_vectors = segment.n_vectors() as usize;
        for (at, block) in segment.blocks().enumerate().step_by(stride) {
            let present = u32::MAX >> (BLOCK - (n_vectors - at * BLOCK).min(BLOCK));
            let lanes = mask.as_ref().map_or(present, |mask| mask.block(at));
            if lanes == 0 {
                continue;
            }
            scanned += u64::from(lanes.count_ones());
            let Some((codes, factors)) = BlockFactors::split(block) else { continue };
            kernels.bound_block(codes, &factors, query.tables(), query.terms(), &mut bounds);
            let open = kernels.at_least(&bounds.upper, survivors.threshold()) & lanes;
            keep(open, &bounds, &mut survivors, part, at);
        }
    }
    (survivors.finish(most_refined(n)), scanned)
}

/// How many survivors are refined at most.
fn most_refined(n: usize) -> usize {
    n.saturating_mul(REFINED_PER_CANDIDATE).saturating_add(REFINED_AT_LEAST)
}

/// Estimates the survivors with all planes and keeps the best `n`.
fn refined_best(
    snapshot: &Snapshot,
    query: &PreparedQuery,
    survivors: &[Survivor],
    n: usize,
) -> Vec<Candidate> {
    let shape: Shape = snapshot.config().shape();
    let mut code = Encoded::default();
    let mut candidates: Vec<Candidate> = survivors
        .iter()
        .map(|survivor| {
            let segment = &snapshot.parts()[survivor.part as usize].segment;
            segment.load(survivor.position, &mut code);
            let (estimate, error) = query.estimate(&code, shape);
            Candidate { id: segment.positions().id(survivor.position), estimate, error }
        })
        .collect();
    keep_best(&mut candidates, n, RANK_EPSILON);
    candidates
}

/// Keeps the `n` candidates of the greatest upper bounds, in order.
pub(crate) fn keep_best(candidates: &mut Vec<Candidate>, n: usize, epsilon: f32) {
    let order = |a: &Candidate, b: &Candidate| {
        b.upper(epsilon).total_cmp(&a.upper(epsilon)).then(a.id.cmp(&b.id))
    };
    if candidates.len() > n {
        candidates.select_nth_unstable_by(n, order);
        candidates.truncate(n);
    }
    candidates.sort_unstable_by(order);
}
