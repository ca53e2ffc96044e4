//! The vectors that a batch has had recomputed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Vectors by id, up to a number of bytes. Once it holds more, it starts anew: in a batch that
/// large, most are of queries that have come to their ends.
#[derive(Debug)]
pub(super) struct Memo {
    dims: usize,
    most_bytes: usize,
    /// Where the row of an id begins.
    starts: BTreeMap<u64, usize>,
    rows: Vec<f32>,
}

impl Memo {
    pub(super) fn new(dims: usize, most_bytes: usize) -> Self {
        Self { dims, most_bytes, starts: BTreeMap::new(), rows: Vec::new() }
    }

    /// Forgets everything if there is too much.
    pub(super) fn make_room(&mut self) {
        if self.rows.len() * size_of::<f32>() > self.most_bytes {
            self.starts.clear();
            self.rows.clear();
        }
    }

    /// Those of `ids` that it does not have, ascending, each once.
    pub(super) fn missing(&self, ids: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut missing: Vec<u64> = ids.filter(|id| !self.starts.contains_key(id)).collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Takes the vectors of `ids`, one row after another; an id without a row has no vector.
    pub(super) fn insert(&mut self, ids: &[u64], rows: &[f32]) {
        for (at, id) in ids.iter().enumerate() {
            self.starts.insert(*id, self.rows.len());
            match rows.get(at * self.dims..(at + 1) * self.dims) {
                Some(row) => self.rows.extend_from_slice(row),
                None => self.rows.extend(std::iter::repeat_n(f32::NAN, self.dims)),
            }
        }
    }

    /// The vector of an id.
    pub(super) fn get(&self, id: u64) -> Option<&[f32]> {
        let start = *self.starts.get(&id)?;
        self.rows.get(start..start + self.dims)
    }
}

/// A memo that several threads fill: what one is making, the others wait for.
#[derive(Debug)]
pub(super) struct SharedMemo<'a> {
    state: Mutex<SharedState<'a>>,
    /// Something was made, or is not being made any more.
    changed: Condvar,
}

#[derive(Debug)]
struct SharedState<'a> {
    memo: &'a mut Memo,
    in_the_making: BTreeSet<u64>,
    n_made: u64,
}

impl<'a> SharedMemo<'a> {
    pub(super) fn new(memo: &'a mut Memo) -> Self {
        let state = SharedState { memo, in_the_making: BTreeSet::new(), n_made: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Makes those of the vectors that nobody has made or is making, and waits for the rest.
    pub(super) fn fetch<E>(
        &self,
        mut ids: Vec<u64>,
        make: impl Fn(&[u64], &mut Vec<f32>) -> Result<(), E>,
    ) -> Result<(), E> {
        ids.sort_unstable();
        ids.dedup();
        loop {
            let mut state = self.lock();
            ids.retain(|id| state.memo.get(*id).is_none());
            if ids.is_empty() {
                return Ok(());
            }
            let own: Vec<u64> =
                ids.iter().copied().filter(|id| state.in_the_making.insert(*id)).collect();
            if own.is_empty() {
                // Whoever is making them tells when they are there, and also when they are not.
                drop(self.changed.wait(state).unwrap_or_else(PoisonError::into_inner));
                continue;
            }
            drop(state);
            let claim = Claim { memo: self, ids: &own };
            let mut rows = Vec::new();
            make(&own, &mut rows)?;
            let mut state = self.lock();
            state.memo.insert(&own, &rows);
            state.n_made += own.len() as u64;
            drop(state);
            drop(claim);
        }
    }

    /// What is there.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Memo) -> T) -> T {
        read(self.lock().memo)
    }

    /// Vectors made so far.
    pub(super) fn n_made(&self) -> u64 {
        self.lock().n_made
    }

    fn lock(&self) -> MutexGuard<'_, SharedState<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ids that a thread is making; given up when that ends, however it ends, so that nobody waits
/// for what will not come.
struct Claim<'m, 'a> {
    memo: &'m SharedMemo<'a>,
    ids: &'m [u64],
}

impl Drop for Claim<'_, '_> {
    fn drop(&mut self) {
        let mut state = self.memo.lock();
        for id in self.ids {
            state.in_the_making.remove(id);
        }
        drop(state);
        self.memo.changed.notify_all();
    }
}
