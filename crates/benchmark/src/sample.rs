//! What repeated measurements come to: percentiles, spread, and how sure they are.

use fastrand::Rng;

/// Samples drawn to find an interval.
const RESAMPLES: usize = 2_000;
/// Below so many values the 99th percentile is the greatest of them, and is not told.
pub const P99_MIN: usize = 100;

/// The percentile of sorted values by nearest rank, so that it is one of them. `None` of nothing.
pub fn percentile(sorted: &[f64], percent: f64) -> Option<f64> {
    (!sorted.is_empty()).then(|| ragged::evaluation::percentile(sorted, percent))
}

/// The value in the middle; of an even number the mean of the two there. `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let upper = sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(*upper);
    }
    Some(f64::midpoint(*upper, sorted[sorted.len() / 2 - 1]))
}

/// Values in ascending order.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Standard deviation as a share of the mean; `None` for fewer than two values or a mean of 0.
pub fn coefficient_of_variation(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() < 2 || mean == 0.0 {
        return None;
    }
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Some(variance.sqrt() / mean.abs())
}

/// Where the median lies in 95 of 100 cases, by drawing as many values again and again from those
/// that there are (percentile bootstrap; Efron, 1979). `None` for fewer than two. With five values it
/// is hardly more than their range. The seed decides the draws.
pub fn median_interval(values: &[f64], seed: u64) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let mut rng = Rng::with_seed(seed);
    let drawn: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            let values: Vec<f64> =
                values.iter().map(|_| values[rng.usize(..values.len())]).collect();
            median(&values)
        })
        .collect();
    let drawn = sorted(&drawn);
    percentile(&drawn, 2.5).zip(percentile(&drawn, 97.5))
}

/// Up to so many ways to part the values, all are tried.
const EXACT_MAX: u64 = 200_000;
/// Ways that are drawn where there are more.
const DRAWS: u32 = 20_000;

/// How likely two groups of values differ so much in their means or more if it did not matter which
/// value is in which group: a two-sided permutation test (Fisher, 1935; Pitman, 1937). Every way to
/// part the values is tried, or many are drawn with a seed. 1 where a group is empty.
///
/// With five values on each side it is never below 2/252 = .008; with four never below .029.
pub fn difference_by_chance(a: &[f64], b: &[f64], seed: u64) -> f64 {
    if a.is_empty() || b.is_empty() {
        return 1.0;
    }
    let all: Vec<f64> = a.iter().chain(b).copied().collect();
    let total: f64 = all.iter().sum();
    let (n, n_a) = (all.len(), a.len());
    let distance = |sum_a: f64| (sum_a / n_a as f64 - (total - sum_a) / (n - n_a) as f64).abs();
    // A little room, so that the order of additions decides nothing.
    let room = 1e-12 * all.iter().map(|value| value.abs()).sum::<f64>();
    let found = distance(a.iter().sum()) - room;
    if n < 64 && choices(n as u64, n_a as u64) <= EXACT_MAX {
        let (mut n_as_far, mut n_ways) = (0_u64, 0_u64);
        // Each number with so many bits set, in ascending order (Gosper, HAKMEM 175).
        let mut chosen: u64 = (1 << n_a) - 1;
        while chosen < 1 << n {
            let sum: f64 = (0..n).filter(|at| chosen >> at & 1 == 1).map(|at| all[at]).sum();
            n_as_far += u64::from(distance(sum) >= found);
            n_ways += 1;
            let lowest = chosen & chosen.wrapping_neg();
            let carried = chosen + lowest;
            chosen = (((chosen ^ carried) >> 2) / lowest) | carried;
        }
        return n_as_far as f64 / n_ways as f64;
    }
    let mut rng = Rng::with_seed(seed);
    let mut shuffled = all;
    let n_as_far = (0..DRAWS)
        .filter(|_| {
            // The first so many are as good as drawn; what follows them need not be in disorder.
            for at in 0..n_a {
                let other = rng.usize(at..n);
                shuffled.swap(at, other);
            }
            distance(shuffled.iter().take(n_a).sum()) >= found
        })
        .count();
    // The way that was found is one of those that are possible.
    (n_as_far + 1) as f64 / f64::from(DRAWS + 1)
}

/// The least that [`difference_by_chance`] can come to with so many values on each side, all different.
/// Where both sides have as many, the mirror image of a division lies as far apart.
pub fn least_chance(n_a: usize, n_b: usize) -> f64 {
    if n_a == 0 || n_b == 0 {
        return 1.0;
    }
    let as_far = if n_a == n_b { 2.0 } else { 1.0 };
    as_far / choices((n_a + n_b) as u64, n_a as u64) as f64
}

/// n over k, or the greatest number where that is too much.
fn choices(n: u64, k: u64) -> u64 {
    let mut product: u64 = 1;
    for step in 0..k.min(n - k) {
        let Some(next) = product.checked_mul(n - step) else { return u64::MAX };
        product = next / (step + 1);
    }
    product
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let sorted: Vec<f64> = (1..=20).map(f64::from).collect();
        for (percent, expected) in
            [(0.0, 1.0), (5.0, 1.0), (50.0, 10.0), (95.0, 19.0), (96.0, 20.0)]
        {
            assert_eq!(percentile(&sorted, percent), Some(expected), "{percent}");
        }
        assert_eq!(percentile(&[], 50.0), None);
        assert_eq!(median(&[3.0, 1.0, 2.0, 10.0]), Some(2.5));
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn variation_is_a_share_of_the_mean() {
        let cv = coefficient_of_variation(&[9.0, 11.0]).unwrap();
        assert!((cv - 2.0_f64.sqrt() / 10.0).abs() < 1e-12);
        assert_eq!(coefficient_of_variation(&[1.0]), None);
        assert_eq!(coefficient_of_variation(&[0.0, 0.0]), None);
    }

    #[test]
    fn the_interval_holds_the_median_and_is_the_same_again() {
        let values = [5.0, 5.1, 4.9, 5.2, 4.8, 5.0, 5.05];
        let (low, high) = median_interval(&values, 7).unwrap();
        assert!((4.8..=5.0).contains(&low) && (5.0..=5.2).contains(&high), "{low} {high}");
        assert_eq!(median_interval(&values, 7), Some((low, high)));
        assert_eq!(median_interval(&[1.0], 7), None);
    }

    #[test]
    fn chance_by_hand() {
        // Of the 252 ways to part ten different values only two lie so far apart.
        let p = difference_by_chance(&[1.0, 2.0, 3.0, 4.0, 5.0], &[6.0, 7.0, 8.0, 9.0, 10.0], 1);
        assert!((p - 2.0 / 252.0).abs() < 1e-12, "{p}");
        assert!((least_chance(5, 5) - p).abs() < 1e-12);
        assert_eq!((least_chance(3, 3), least_chance(1, 4), least_chance(0, 4)), (0.1, 0.2, 1.0));
        assert_eq!(difference_by_chance(&[1.0, 1.0], &[1.0, 1.0, 1.0], 1), 1.0);
        assert_eq!(difference_by_chance(&[], &[1.0], 1), 1.0);
        // Many values are drawn: far apart is far apart.
        let (a, b): (Vec<f64>, Vec<f64>) =
            ((0..40).map(f64::from).collect(), (100..140).map(f64::from).collect());
        assert!(difference_by_chance(&a, &b, 1) < 0.001);
    }

    /// The slow twin: how many ways to part the values lie as far apart, and how many there are, by
    /// recursion.
    fn splits(rest: &[f64], n_a: usize, sums: (f64, f64), found: f64) -> (u64, u64) {
        let Some((first, others)) = rest.split_first() else {
            return (u64::from((sums.0 / 8.0 - sums.1 / 8.0).abs() >= found - 1e-9), 1);
        };
        let mut counts = (0, 0);
        if n_a > 0 {
            let with = splits(others, n_a - 1, (sums.0 + first, sums.1), found);
            counts = (counts.0 + with.0, counts.1 + with.1);
        }
        if others.len() >= n_a {
            let without = splits(others, n_a, (sums.0, sums.1 + first), found);
            counts = (counts.0 + without.0, counts.1 + without.1);
        }
        counts
    }

    proptest! {
        #[test]
        fn drawing_comes_to_what_trying_all_does(
            a in proptest::collection::vec(0.0..10.0_f64, 8),
            b in proptest::collection::vec(0.0..10.0_f64, 8),
            shift in 0.0..6.0_f64,
        ) {
            let b: Vec<f64> = b.iter().map(|value| value + shift).collect();
            let exact = difference_by_chance(&a, &b, 1);
            let all: Vec<f64> = a.iter().chain(&b).copied().collect();
            let found = (a.iter().sum::<f64>() / 8.0 - b.iter().sum::<f64>() / 8.0).abs();
            let (n_as_far, n) = splits(&all, 8, (0.0, 0.0), found);
            prop_assert_eq!(n, 12_870);
            prop_assert!((exact - n_as_far as f64 / n as f64).abs() < 1e-9);
        }
    }
}
