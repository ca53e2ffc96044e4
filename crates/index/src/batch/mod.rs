//! Many queries at once: one pass over the codes for several, and each vector recomputed once.
//!
//! Every query advances exactly as [`search`](crate::search) would take it. What is shared is the
//! work: queries that are alike are put side by side ([`group`]), the ids that all queries of a
//! wave want next are recomputed together, ascending and each once, and what was recomputed is
//! remembered for the rest of the batch ([`memo`]).

mod group;
mod memo;
mod spread;

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;

use self::group::{Waves, group};
use self::memo::Memo;
use self::spread::{pieces, spread};
use crate::ids::IdSet;
use crate::recompute::{Policy, Progress, Search};
use crate::scan::{PreparedQuery, Scan, Task, scan_each};
use crate::snapshot::Snapshot;

/// Queries compared with the codes in one pass: at 256 dimensions their tables take half of the
/// first cache.
const QUERIES_PER_PASS: usize = 8;
/// …and at least, where there are threads for more passes.
const QUERIES_AT_LEAST: usize = 2;
/// Queries that advance together, at most: beyond that little more is shared.
const QUERIES_PER_WAVE: usize = 64;
/// Ids handed to the caller at once, at least: fewer would not pay for a thread.
const IDS_PER_PIECE: usize = 4;
/// Pieces of a round for each thread, so that threads end together although pieces differ.
const PIECES_PER_THREAD: usize = 3;
/// Bytes of recomputed vectors that are remembered: 16,384 vectors of 256 dimensions, what some
/// five hundred unlike queries ask for.
const MEMO_BYTES: usize = 16 << 20;

/// A query of a batch.
#[derive(Clone, Copy, Debug)]
pub struct BatchQuery<'a> {
    /// The query.
    pub query: &'a PreparedQuery,
    /// Which ids it may find; `None` for all.
    pub allow: Option<&'a IdSet>,
}

/// What a batch found and what it cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchSearch {
    /// For each query, in the order given, what [`search`](crate::search) would have found for it
    /// alone, and what that would have cost.
    pub searches: Vec<Search>,
    /// What the batch cost.
    pub counts: BatchCounts,
}

/// The work of a batch. It depends neither on the machine nor on the number of threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// Groups of similar queries.
    pub groups: u64,
    /// How many times all queries under way were asked which vectors they want next.
    pub rounds: u64,
    /// Vectors asked of the caller.
    pub recomputed: u64,
    /// Vectors that the queries, each alone, would have asked for.
    pub recomputed_alone: u64,
}

/// Finds for each query what [`search`](crate::search) finds for it, to the last bit.
///
/// `recompute` is called as by `search`, from up to `threads` threads at once, with ascending
/// ids. No id is asked for twice, unless more vectors are recomputed than fit 16 MiB. The vector
/// of an id must be the same whatever it is asked for with.
///
/// Threads end before this returns; 1 (or 0) starts none. The same input gives the same hits and
/// counts with any number of threads.
///
/// # Errors
///
/// One of those of `recompute`, unchanged; which, where several fail at once, is not promised.
///
/// # Examples
///
/// ```
/// use ragged_index::{
///     BatchQuery, Commit, Config, IdSet, Policy, Tier, VectorIndex, search_batch,
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let scratch = tempfile::tempdir()?;
/// # let directory = scratch.path().join("vectors");
/// let config = Config { dims: 2, tier: Tier::Balanced, seed: 1, fingerprint: *b"a model of 2-d  " };
/// let mut index = VectorIndex::create(&directory, config, 0)?;
/// let vectors = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]];
/// index.commit(&Commit {
///     delete: &IdSet::new(),
///     ids: &[10, 11, 12],
///     vectors: vectors.as_flattened(),
///     stamp: 1,
/// })?;
///
/// let snapshot = index.snapshot();
/// let queries = [snapshot.prepare(&[0.8, 0.6])?, snapshot.prepare(&[0.0, 1.0])?];
/// let queries = queries.each_ref().map(|query| BatchQuery { query, allow: None });
/// let found = search_batch(&snapshot, &queries, 1, &Policy::default(), 2, &|ids, out| {
///     out.extend(ids.iter().flat_map(|id| vectors[*id as usize - 10]));
///     Ok::<(), std::convert::Infallible>(())
/// })?;
/// let best = found.searches.iter().map(|search| search.hits[0].id);
/// assert!(best.eq([11, 12]));
/// assert!(found.counts.recomputed <= 3);
/// # Ok(())
/// # }
/// ```
pub fn search_batch<E: Send>(
    snapshot: &Snapshot,
    queries: &[BatchQuery<'_>],
    k: usize,
    policy: &Policy,
    threads: usize,
    recompute: &(impl Fn(&[u64], &mut Vec<f32>) -> Result<(), E> + Sync),
) -> Result<BatchSearch, E> {
    let batch = Batch {
        snapshot,
        queries,
        k,
        policy,
        threads: NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN),
        recompute,
    };
    batch.run(MEMO_BYTES)
}

#[derive(Debug)]
struct Batch<'a, F> {
    snapshot: &'a Snapshot,
    queries: &'a [BatchQuery<'a>],
    k: usize,
    policy: &'a Policy,
    threads: NonZeroUsize,
    recompute: &'a F,
}

impl<F> Batch<'_, F> {
    fn run<E: Send>(&self, memo_bytes: usize) -> Result<BatchSearch, E>
    where
        F: Fn(&[u64], &mut Vec<f32>) -> Result<(), E> + Sync,
    {
        let dims = self.snapshot.config().dims;
        // No round of a wave may want more vectors than the memo holds.
        let row_bytes = dims.max(1) * size_of::<f32>();
        let round_bytes = self.k.max(self.policy.batch).max(1).saturating_mul(row_bytes);
        let wave = (memo_bytes / round_bytes).clamp(1, QUERIES_PER_WAVE);
        let groups = group(self.queries, wave);
        let mut counts = BatchCounts { groups: groups.len() as u64, ..BatchCounts::default() };
        let mut memo = Memo::new(dims, memo_bytes);
        let mut searches = vec![Search::default(); self.queries.len()];
        for wave in Waves::new(&groups, wave) {
            for (idx, search) in wave.iter().zip(self.advance(&wave, &mut memo, &mut counts)?) {
                counts.recomputed_alone += search.counts.recomputed;
                searches[*idx] = search;
            }
        }
        Ok(BatchSearch { searches, counts })
    }

    /// Takes the queries of a wave to their ends, round by round.
    fn advance<E: Send>(
        &self,
        wave: &[usize],
        memo: &mut Memo,
        counts: &mut BatchCounts,
    ) -> Result<Vec<Search>, E>
    where
        F: Fn(&[u64], &mut Vec<f32>) -> Result<(), E> + Sync,
    {
        let n_vectors = self.snapshot.len();
        let mut under_way: Vec<UnderWay<'_>> = wave
            .iter()
            .map(|idx| {
                let query = self.queries[*idx];
                let progress = Progress::new(query.query, self.k, self.policy, n_vectors);
                UnderWay { query, progress, ids: Vec::new() }
            })
            .collect();
        let scans = self.scans(&under_way);
        for (search, scan) in under_way.iter_mut().zip(scans) {
            search.progress.open(scan);
        }
        loop {
            let mut is_over = true;
            for search in &mut under_way {
                is_over &= !search.next(self.snapshot);
            }
            if is_over {
                break;
            }
            counts.rounds += 1;
            memo.make_room();
            let wanted = under_way.iter().flat_map(|search| search.ids.iter().copied());
            let missing = memo.missing(wanted);
            counts.recomputed += missing.len() as u64;
            self.recompute(&missing, memo)?;
            for UnderWay { progress, ids, .. } in &mut under_way {
                if !ids.is_empty() {
                    progress.record(ids, |at| memo.get(*ids.get(at)?));
                }
            }
        }
        Ok(under_way.into_iter().map(|search| search.progress.finish()).collect())
    }

    /// The first candidates of searches, from as few passes over the codes as keep all threads at
    /// work.
    fn scans(&self, searches: &[UnderWay<'_>]) -> Vec<Scan> {
        let tasks: Vec<Task<'_>> = searches
            .iter()
            .map(|UnderWay { query, progress, .. }| Task {
                query: query.query,
                n: progress.n_wanted(),
                allow: query.allow,
            })
            .collect();
        let n_passes = tasks
            .len()
            .div_ceil(QUERIES_PER_PASS)
            .max(self.threads.get().min(tasks.len().div_ceil(QUERIES_AT_LEAST)));
        let passes: Vec<&[Task<'_>]> =
            pieces(tasks.len(), n_passes).map(|range| &tasks[range]).collect();
        let scans = spread(self.threads, &passes, |pass| scan_each(self.snapshot, pass));
        scans.into_iter().flatten().collect()
    }

    /// Has vectors recomputed, by all threads, and remembers them. `ids` ascend.
    fn recompute<E: Send>(&self, ids: &[u64], memo: &mut Memo) -> Result<(), E>
    where
        F: Fn(&[u64], &mut Vec<f32>) -> Result<(), E> + Sync,
    {
        let most = if self.threads.get() == 1 { 1 } else { self.threads.get() * PIECES_PER_THREAD };
        let n_pieces = (ids.len() / IDS_PER_PIECE).clamp(1, most);
        let pieces: Vec<&[u64]> = pieces(ids.len(), n_pieces).map(|range| &ids[range]).collect();
        let rows = spread(self.threads, &pieces, |ids| {
            let mut rows = Vec::new();
            if !ids.is_empty() {
                (self.recompute)(ids, &mut rows)?;
            }
            Ok(rows)
        });
        for (ids, rows) in pieces.iter().zip(rows) {
            memo.insert(ids, &rows?);
        }
        Ok(())
    }
}

/// A query that has not come to its end.
#[derive(Debug)]
struct UnderWay<'a> {
    query: BatchQuery<'a>,
    progress: Progress<'a>,
    /// What it wants next; nothing at its end.
    ids: Vec<u64>,
}

impl UnderWay<'_> {
    /// Sees what the query wants next; `false` at its end.
    fn next(&mut self, snapshot: &Snapshot) -> bool {
        while !self.progress.next_ids(&mut self.ids) {
            if self.progress.is_complete() {
                return false;
            }
            // Vectors of deleted texts stood at the top of the list: it takes a longer one.
            let n = self.progress.n_wanted();
            self.progress.open(snapshot.candidates(self.query.query, n, self.query.allow));
        }
        true
    }
}
