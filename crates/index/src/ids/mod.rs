//! Sets of ids, kept as runs of consecutive ones.

use std::ops::RangeInclusive;

use crate::layout::{Reader, push_varint};

#[cfg(test)]
mod tests;

/// A set of ids, stored as runs of consecutive ids: what a segment holds, what is deleted, what
/// a search is allowed to find.
///
/// Memory is 16 bytes a run, so a set of a million consecutive ids costs as much as a set of
/// one. Made once and then read; building from unsorted input sorts it.
///
/// # Examples
///
/// ```
/// use ragged_index::IdSet;
///
/// let set: IdSet = [9, 1, 2, 3].into_iter().collect();
/// assert!(set.contains(2) && !set.contains(4));
/// assert_eq!(set.len(), 4);
/// assert_eq!(set.runs().collect::<Vec<_>>(), [1..=3, 9..=9]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdSet {
    /// First and last id of each run: ascending, apart by at least one id.
    runs: Vec<Run>,
    /// Number of ids.
    len: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first: u64,
    last: u64,
}

impl Run {
    /// Number of ids; saturates for the run of all 2^64.
    fn len(self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }
}

impl IdSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { runs: Vec::new(), len: 0 }
    }

    /// The union of ranges, in any order; they may overlap, and empty ones add nothing.
    pub fn from_ranges(ranges: impl IntoIterator<Item = RangeInclusive<u64>>) -> Self {
        let mut runs: Vec<Run> = ranges
            .into_iter()
            .filter(|range| !range.is_empty())
            .map(|range| Run { first: *range.start(), last: *range.end() })
            .collect();
        if !runs.is_sorted_by_key(|run| run.first) {
            runs.sort_unstable_by_key(|run| run.first);
        }
        let mut set = Self::new();
        for run in runs {
            set.push(run);
        }
        set
    }

    /// Adds a run that does not start before the last one.
    fn push(&mut self, run: Run) {
        match self.runs.last_mut() {
            Some(last) if run.first <= last.last.saturating_add(1) => {
                let before = last.len();
                last.last = last.last.max(run.last);
                self.len = self.len.saturating_add(last.len() - before);
            }
            _ => {
                self.len = self.len.saturating_add(run.len());
                self.runs.push(run);
            }
        }
    }

    /// Number of ids.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no id.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether `id` is in the set. O(log runs).
    pub fn contains(&self, id: u64) -> bool {
        let at = self.runs.partition_point(|run| run.last < id);
        self.runs.get(at).is_some_and(|run| run.first <= id)
    }

    /// The runs of consecutive ids, ascending.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = RangeInclusive<u64>> {
        self.runs.iter().map(|run| run.first..=run.last)
    }

    /// All ids, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.runs().flatten()
    }

    /// The ids that are in this set, in the other, or in both. O(runs).
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_ranges(self.runs().chain(other.runs()))
    }

    /// The ids that are in both sets. O(runs).
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.runs.iter().peekable(), other.runs.iter().peekable());
        let mut both = Self::new();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let run = Run { first: a.first.max(b.first), last: a.last.min(b.last) };
            if run.first <= run.last {
                both.push(run);
            }
            if a.last <= b.last {
                left.next();
            } else {
                right.next();
            }
        }
        both
    }

    /// The ids that are in this set and not in the other. O(runs).
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut holes = other.runs.iter().peekable();
        let mut rest = Self::new();
        for run in &self.runs {
            while holes.next_if(|hole| hole.last < run.first).is_some() {}
            let mut first = Some(run.first);
            let mut inside = holes.clone();
            while let (Some(from), Some(hole)) =
                (first, inside.next_if(|hole| hole.first <= run.last))
            {
                if hole.first > from {
                    rest.push(Run { first: from, last: hole.first - 1 });
                }
                first = hole.last.checked_add(1).filter(|next| *next <= run.last);
            }
            if let Some(from) = first {
                rest.push(Run { first: from, last: run.last });
            }
        }
        rest
    }

    /// Appends the set to `bytes`: for each run, the gap since the last one and the length.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        push_varint(bytes, self.runs.len() as u64);
        let mut next = 0;
        for run in &self.runs {
            push_varint(bytes, run.first - next);
            push_varint(bytes, run.last - run.first);
            next = run.last.wrapping_add(1);
        }
    }

    /// Reads what [`IdSet::encode`] wrote; `None` where the bytes are anything else.
    pub(crate) fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let n_runs = reader.varint()?;
        let mut set = Self::new();
        let mut next = Some(0_u64);
        for _ in 0..n_runs {
            let first = next?.checked_add(reader.varint()?)?;
            let last = first.checked_add(reader.varint()?)?;
            set.push(Run { first, last });
            next = last.checked_add(1);
        }
        (set.runs.len() as u64 == n_runs).then_some(set)
    }
}

impl FromIterator<u64> for IdSet {
    fn from_iter<I: IntoIterator<Item = u64>>(ids: I) -> Self {
        let mut ids = ids.into_iter().peekable();
        let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
        while let Some(first) = ids.next() {
            let mut last = first;
            while let Some(next) = ids.next_if(|id| Some(*id) == last.checked_add(1)) {
                last = next;
            }
            ranges.push(first..=last);
        }
        Self::from_ranges(ranges)
    }
}

/// The ids of a segment by position, and the positions of ids.
#[derive(Debug)]
pub(crate) struct Positions {
    set: IdSet,
    /// Position of the first id of each run.
    starts: Vec<u64>,
}

impl Positions {
    pub(crate) fn new(set: IdSet) -> Self {
        let mut next = 0_u64;
        let starts = set
            .runs
            .iter()
            .map(|run| {
                let start = next;
                next = next.saturating_add(run.len());
                start
            })
            .collect();
        Self { set, starts }
    }

    pub(crate) fn ids(&self) -> &IdSet {
        &self.set
    }

    /// The id at a position; positions beyond the end continue the last run.
    pub(crate) fn id(&self, position: u32) -> u64 {
        let position = u64::from(position);
        let at = self.starts.partition_point(|start| *start <= position).saturating_sub(1);
        match (self.set.runs.get(at), self.starts.get(at)) {
            (Some(run), Some(start)) => run.first.wrapping_add(position - start),
            _ => position,
        }
    }

    /// The position of an id; `None` if it is not there. O(log runs).
    pub(crate) fn position(&self, id: u64) -> Option<u64> {
        let at = self.set.runs.partition_point(|run| run.last < id);
        let run = self.set.runs.get(at).filter(|run| run.first <= id)?;
        Some(self.starts.get(at)?.wrapping_add(id - run.first))
    }

    /// Calls `visit` with each range of positions, end excluded, whose ids are in `chosen`.
    pub(crate) fn visit_chosen(&self, chosen: &IdSet, mut visit: impl FnMut(u64, u64)) {
        let mut others = chosen.runs.iter().peekable();
        for (run, start) in self.set.runs.iter().zip(&self.starts) {
            while others.next_if(|other| other.last < run.first).is_some() {}
            let mut rest = others.clone();
            while let Some(other) = rest.next_if(|other| other.first <= run.last) {
                let first = other.first.max(run.first) - run.first;
                let last = other.last.min(run.last) - run.first;
                visit(start + first, start + last + 1);
            }
        }
    }
}
