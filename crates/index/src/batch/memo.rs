//! The vectors that a batch has had recomputed.

use std::collections::BTreeMap;

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
