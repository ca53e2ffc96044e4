//! How far two rankings of the same question are the same.

use std::collections::{BTreeMap, BTreeSet};

/// The share of the first `k` places of two rankings that hold the same items, in whatever order;
/// where both are shorter, of as many as the longer one has. 1 for two that are empty.
pub fn overlap_at<T: Ord>(k: usize, a: &[T], b: &[T]) -> f64 {
    let first = |ranking| -> BTreeSet<&T> { <[T]>::iter(ranking).take(k).collect() };
    let (a, b) = (first(a), first(b));
    let n = a.len().max(b.len());
    if n == 0 { 1.0 } else { a.intersection(&b).count() as f64 / n as f64 }
}

/// Kendall's τ of the items that both rankings have: the share of pairs in the same order less the
/// share in the other, from -1 to 1 (Kendall, 1938). `None` for fewer than two items. Each item
/// counts at its first place. O(n²).
pub fn kendall<T: Ord>(a: &[T], b: &[T]) -> Option<f64> {
    let mut places: BTreeMap<&T, usize> = BTreeMap::new();
    for (place, item) in b.iter().enumerate() {
        places.entry(item).or_insert(place);
    }
    let mut known = BTreeSet::new();
    let common: Vec<usize> = a
        .iter()
        .filter(|item| known.insert(*item))
        .filter_map(|item| places.get(item).copied())
        .collect();
    let n_pairs = common.len() * common.len().saturating_sub(1) / 2;
    if n_pairs == 0 {
        return None;
    }
    let n_same: usize = common
        .iter()
        .enumerate()
        .map(|(at, place)| common.iter().skip(at + 1).filter(|other| *other > place).count())
        .sum();
    Some((2.0 * n_same as f64 - n_pairs as f64) / n_pairs as f64)
}

/// How an item came to its place in a ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// By so many places up, or down where it is negative; 0 stayed.
    By(i64),
    /// It was not among those that were shown.
    New,
    /// It is not any more.
    Gone,
}

impl Move {
    /// From one rank to another, both from 1, of which `k` are shown.
    pub fn between(before: usize, after: usize, k: usize) -> Self {
        if after > k {
            return Self::Gone;
        }
        if before > k {
            return Self::New;
        }
        let place = |rank| i64::try_from(rank).unwrap_or(i64::MAX);
        Self::By(place(before) - place(after))
    }
}

impl std::fmt::Display for Move {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::By(0) => f.write_str("="),
            Self::By(up) if *up > 0 => write!(f, "+{up}"),
            Self::By(down) => write!(f, "−{}", down.unsigned_abs()),
            Self::New => f.write_str("new"),
            Self::Gone => f.write_str("gone"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_counts_items_and_not_places() {
        assert_eq!(overlap_at(3, &[1, 2, 3, 4], &[3, 1, 5, 2]), 2.0 / 3.0);
        assert_eq!(overlap_at(4, &[1, 2, 3, 4], &[4, 3, 2, 1]), 1.0);
        assert_eq!(overlap_at(10, &[1, 2], &[2]), 0.5);
        assert_eq!(overlap_at(10, &[1], &[2]), 0.0);
        assert_eq!(overlap_at::<u8>(10, &[], &[]), 1.0);
    }

    #[test]
    fn kendall_by_hand() {
        assert_eq!(kendall(&[1, 2, 3, 4], &[1, 2, 3, 4]), Some(1.0));
        assert_eq!(kendall(&[1, 2, 3, 4], &[4, 3, 2, 1]), Some(-1.0));
        // Of six pairs one is turned round.
        assert_eq!(kendall(&[1, 2, 3, 4], &[2, 1, 3, 4]), Some(4.0 / 6.0));
        // What one of them does not have counts for nothing; nor do repeats.
        assert_eq!(kendall(&[9, 1, 2, 1], &[2, 8, 1, 2]), Some(-1.0));
        assert_eq!(kendall(&[1, 2], &[2, 3]), None);
    }

    #[test]
    fn moves() {
        let told = |before, after| Move::between(before, after, 10).to_string();
        assert_eq!([told(4, 1), told(1, 2), told(3, 3)], ["+3", "−1", "="]);
        assert_eq!([told(11, 10), told(10, 11), told(1, 90)], ["new", "gone", "gone"]);
    }
}
