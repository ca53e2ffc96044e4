//! Many queries at once: one pass over the codes for several, and each vector recomputed once.
//!
//! Every query advances exactly as [`search`](crate::search) would take it. What is shared is the
//! work: queries that are alike are put side by side ([`group`]), the ids that all queries of a
//! group want next are recomputed together, ascending and each once, and what was recomputed is
//! remembered for the rest of the batch ([`memo`]). Groups go their own ways, each by one thread
//! at a time; where one group is most of the batch, all threads serve it round by round.

mod group;
mod memo;
mod spread;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use self::group::{Waves, group};
use self::memo::{Memo, SharedMemo};
use self::spread::{pieces, spread};
use crate::ids::IdSet;
use crate::recompute::{Policy, Progress, Search, Source, n_reachable};
use crate::scan::{PreparedQuery, Scan, Task, scan_each};
use crate::snapshot::Snapshot;

/// Queries compared with the codes in one pass: at 256 dimensions their tables take half of the
/// first cache.
const QUERIES_PER_PASS: usize = 8;
/// …and at least, where there are threads for more passes.
const QUERIES_AT_LEAST: usize = 2;
/// Queries that advance together, at most: beyond that little more is shared.
const QUERIES_PER_WAVE: usize = 64;
/// Groups of a wave of at most so many queries go their own ways, without waiting for each other
/// after every round. In larger waves rounds are large enough to keep all threads at work, and
/// ids of one round that lie near each other are made together.
const QUERIES_APART: usize = 16;
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
            let mut under_way: Vec<UnderWay<'_>> =
                wave.iter().flatten().map(|idx| self.begin(*idx)).collect();
            self.open(&mut under_way);
            // Groups go their own ways where none is most of a small wave and the memo holds all
            // that they may want; which way is taken must not depend on the threads.
            let largest = wave.iter().map(Vec::len).max().unwrap_or(0);
            let wanted_bytes = under_way
                .len()
                .saturating_mul(self.k.max(self.policy.max_recomputes))
                .saturating_mul(row_bytes);
            let is_small = under_way.len() <= QUERIES_APART;
            if is_small && largest * 2 <= under_way.len() && wanted_bytes <= memo_bytes {
                self.advance_apart(wave, under_way.as_mut_slice(), &mut memo, &mut counts)?;
            } else {
                self.advance_together(&mut under_way, &mut memo, &mut counts)?;
            }
            for (idx, search) in wave.iter().flatten().zip(under_way) {
                let search = search.progress.finish();
                counts.recomputed_alone += search.counts.recomputed;
                searches[*idx] = search;
            }
        }
        Ok(BatchSearch { searches, counts })
    }

    fn begin(&self, idx: usize) -> UnderWay<'_> {
        let query = self.queries[idx];
        let progress = Progress::new(query.query, self.k, self.policy, self.snapshot.len());
        UnderWay { query, progress, ids: Vec::new() }
    }

    /// Gives searches their first candidates.
    fn open(&self, under_way: &mut [UnderWay<'_>])
    where
        F: Sync,
    {
        let walks = match self.policy.source {
            Source::Scan => vec![None; under_way.len()],
            Source::Graph { .. } => spread(self.threads, under_way, |search| {
                search.progress.walk(self.snapshot, search.query.allow)
            }),
        };
        let mut unopened: Vec<&mut UnderWay<'_>> = Vec::new();
        for (search, walked) in under_way.iter_mut().zip(walks) {
            let is_open = walked.is_some_and(|walked| {
                let n_reachable = n_reachable(self.snapshot, self.k, search.query.allow);
                search.progress.open_walk(walked, n_reachable)
            });
            if !is_open {
                unopened.push(search);
            }
        }
        let scans = self.scans(&unopened);
        for (search, scan) in unopened.into_iter().zip(scans) {
            search.progress.open(scan);
        }
    }

    /// Takes the groups of a wave to their ends, each by a thread of its own. A vector that two of
    /// them want is made by the first and waited for by the other.
    fn advance_apart<E: Send>(
        &self,
        groups: &[Vec<usize>],
        mut under_way: &mut [UnderWay<'_>],
        memo: &mut Memo,
        counts: &mut BatchCounts,
    ) -> Result<(), E>
    where
        F: Fn(&[u64], &mut Vec<f32>) -> Result<(), E> + Sync,
    {
        memo.make_room();
        let mut members = Vec::with_capacity(groups.len());
        for group in groups {
            let (own, rest) = under_way.split_at_mut(group.len());
            let outlook: usize = own.iter().map(|search| search.progress.outlook()).sum();
            members.push((Mutex::new(own), outlook));
            under_way = rest;
        }
        // The longest way first, so that threads end together.
        members.sort_by_key(|(_, outlook)| Reverse(*outlook));
        let shared = SharedMemo::new(memo);
        let rounds = spread(self.threads, &members, |(own, _)| {
            let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
            let mut rounds = 0;
            while next_round(&mut own, self.snapshot) {
                rounds += 1;
                let wanted = own.iter().flat_map(|search| search.ids.iter().copied());
                shared.fetch(wanted.collect(), self.recompute)?;
                shared.read(|memo| record_round(&mut own, memo));
            }
            Ok(rounds)
        });
        let mut longest = 0;
        for rounds in rounds {
            longest = longest.max(rounds?);
        }
        counts.rounds += longest;
        counts.recomputed += shared.n_made();
        Ok(())
    }

    /// Takes searches to their ends, round by round, each round's vectors made by all threads.
    fn advance_together<E: Send>(
        &self,
        under_way: &mut [UnderWay<'_>],
        memo: &mut Memo,
        counts: &mut BatchCounts,
    ) -> Result<(), E>
    where
        F: Fn(&[u64], &mut Vec<f32>) -> Result<(), E> + Sync,
    {
        while next_round(under_way, self.snapshot) {
            counts.rounds += 1;
            memo.make_room();
            let wanted = under_way.iter().flat_map(|search| search.ids.iter().copied());
            let missing = memo.missing(wanted);
            counts.recomputed += missing.len() as u64;
            self.recompute(&missing, memo)?;
            record_round(under_way, memo);
        }
        Ok(())
    }

    /// The first candidates of searches, from as few passes over the codes as keep all threads at
    /// work.
    fn scans(&self, searches: &[&mut UnderWay<'_>]) -> Vec<Scan> {
        let tasks: Vec<Task<'_>> = searches
            .iter()
            .map(|search| Task {
                query: search.query.query,
                n: search.progress.n_wanted(),
                allow: search.query.allow,
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

/// Sees what searches want next; `false` if all have come to their ends.
fn next_round(under_way: &mut [UnderWay<'_>], snapshot: &Snapshot) -> bool {
    let mut is_over = true;
    for search in under_way {
        is_over &= !search.next(snapshot);
    }
    !is_over
}

/// Gives searches the vectors that they wanted.
fn record_round(under_way: &mut [UnderWay<'_>], memo: &Memo) {
    for UnderWay { progress, ids, .. } in under_way {
        if !ids.is_empty() {
            progress.record(ids, |at| memo.get(*ids.get(at)?));
        }
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
