//! Whether one ranking is better than another on the same queries, or only looks so.
//!
//! A paired permutation test, two-sided: if neither ranking were better, each query's difference
//! could as well have the other sign. `p` is the share of all choices of signs whose mean
//! difference is at least as far from 0 as the one found (Fisher, 1935). With few queries every
//! choice is tried; with many, a number of them drawn with a seed.

use super::measure::percentile;

/// One query under two rankings, by any measure of which more is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Under the first ranking.
    pub a: f64,
    /// Under the second.
    pub b: f64,
}

/// What a comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Queries compared.
    pub n: usize,
    /// Queries on which the two differ.
    pub n_different: usize,
    /// Mean under the first ranking.
    pub mean_a: f64,
    /// Mean under the second.
    pub mean_b: f64,
    /// The second mean less the first.
    pub difference: f64,
    /// How likely a difference of this size or more is if neither is better.
    pub p: f64,
    /// What may be said.
    pub verdict: Verdict,
}

/// What may be said of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Fewer than [`DIFFERENT_MIN`] queries differ: no test can tell.
    NotEnoughData,
    /// Chance gives such a difference in one case of twenty, or more often.
    NoDifference,
    /// The first is better.
    FirstBetter,
    /// The second is better.
    SecondBetter,
}

impl Verdict {
    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotEnoughData => "not enough data",
            Self::NoDifference => "no difference",
            Self::FirstBetter => "first better",
            Self::SecondBetter => "second better",
        }
    }
}

/// Queries that must differ before anything is said.
pub const DIFFERENT_MIN: usize = 5;
/// Up to so many queries that differ, every choice of signs is tried.
pub const EXACT_MAX: usize = 12;
/// Choices of signs that are drawn where there are more.
pub const DRAWS: u32 = 10_000;
/// Below this `p` one of the two is called better.
const SIGNIFICANT: f64 = 0.05;

/// Compares two rankings over the same queries. Pairs with a value that is not finite are left
/// out. `seed` decides the draws; the same seed gives the same `p`.
pub fn compare(pairs: &[Pair], seed: u64) -> Comparison {
    let pairs: Vec<Pair> =
        pairs.iter().copied().filter(|pair| pair.a.is_finite() && pair.b.is_finite()).collect();
    let n = pairs.len();
    let mean = |of: fn(&Pair) -> f64| pairs.iter().map(of).sum::<f64>() / n.max(1) as f64;
    let (mean_a, mean_b) = (mean(|pair| pair.a), mean(|pair| pair.b));
    // A query on which both are equal adds 0 under either sign.
    let differences: Vec<f64> =
        pairs.iter().map(|pair| pair.b - pair.a).filter(|by| *by != 0.0).collect();
    let p = if differences.len() <= EXACT_MAX {
        exact(&differences)
    } else {
        drawn(&differences, seed)
    };
    let difference = mean_b - mean_a;
    let verdict = if differences.len() < DIFFERENT_MIN {
        Verdict::NotEnoughData
    } else if p >= SIGNIFICANT {
        Verdict::NoDifference
    } else if difference > 0.0 {
        Verdict::SecondBetter
    } else {
        Verdict::FirstBetter
    };
    Comparison { n, n_different: differences.len(), mean_a, mean_b, difference, p, verdict }
}

/// Where the mean difference, second less first, lies in 95 of 100 cases, by drawing as many pairs
/// again and again from those that there are (percentile bootstrap; Efron, 1979). `None` for fewer
/// than two pairs; with some ten pairs it is too narrow by about a tenth. `seed` decides the draws.
pub fn interval(pairs: &[Pair], seed: u64) -> Option<(f64, f64)> {
    let differences: Vec<f64> =
        pairs.iter().map(|pair| pair.b - pair.a).filter(|by| by.is_finite()).collect();
    let n = differences.len();
    if n < 2 {
        return None;
    }
    let mut state = seed;
    let mut means: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let drawn = (0..n).map(|_| {
                // The upper half of a product of 64 by n: every position, as often as another.
                let at = (u128::from(next(&mut state)) * n as u128) >> 64;
                differences.get(at as usize).copied().unwrap_or(0.0)
            });
            drawn.sum::<f64>() / n as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    Some((percentile(&means, 2.5), percentile(&means, 97.5)))
}

/// Sums are compared with a little room, so that the order of additions decides nothing.
fn is_as_far(sum: f64, found: f64, differences: &[f64]) -> bool {
    let room = 1e-12 * differences.iter().map(|by| by.abs()).sum::<f64>();
    sum.abs() >= found.abs() - room
}

fn exact(differences: &[f64]) -> f64 {
    let found: f64 = differences.iter().sum();
    let n_choices = 1_u32 << differences.len();
    let n_as_far = (0..n_choices)
        .filter(|signs| {
            let signed = differences.iter().enumerate();
            let sum: f64 =
                signed.map(|(at, by)| if signs >> at & 1 == 1 { -by } else { *by }).sum();
            is_as_far(sum, found, differences)
        })
        .count();
    n_as_far as f64 / f64::from(n_choices)
}

fn drawn(differences: &[f64], seed: u64) -> f64 {
    let found: f64 = differences.iter().sum();
    let mut state = seed;
    let mut n_as_far = 0_u32;
    for _ in 0..DRAWS {
        let (mut sum, mut bits) = (0.0, 0);
        for (at, by) in differences.iter().enumerate() {
            if at % 64 == 0 {
                bits = next(&mut state);
            }
            sum += if bits >> (at % 64) & 1 == 1 { -by } else { *by };
        }
        n_as_far += u32::from(is_as_far(sum, found, differences));
    }
    // The choice that was found is one of them, so that p is never 0.
    f64::from(n_as_far + 1) / f64::from(DRAWS + 1)
}

/// `SplitMix64` (Steele, Lea and Flood, 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(differences: &[f64]) -> Vec<Pair> {
        differences.iter().map(|by| Pair { a: 0.5, b: 0.5 + by }).collect()
    }

    #[test]
    fn exact_by_hand() {
        // All five in one direction: 2 of 32 choices are as far.
        let five = compare(&pairs(&[0.1, 0.2, 0.1, 0.3, 0.1]), 0);
        assert_eq!(five.p, 2.0 / 32.0);
        assert_eq!(five.verdict, Verdict::NoDifference);
        let six = compare(&pairs(&[0.1, 0.2, 0.1, 0.3, 0.1, 0.05]), 0);
        assert_eq!(six.p, 2.0 / 64.0);
        assert_eq!(six.verdict, Verdict::SecondBetter);
        assert!((six.difference - 0.85 / 6.0).abs() < 1e-12);
        let worse = compare(&pairs(&[-0.1, -0.2, -0.1, -0.3, -0.1, -0.05, 0.0]), 0);
        assert_eq!((worse.verdict, worse.n, worse.n_different), (Verdict::FirstBetter, 7, 6));
        // +4, +1, −2: sums at least 3 from 0 are ±7, ±5, ±3 of ±7, ±5, ±3, ±1.
        let mixed = compare(&pairs(&[0.4, 0.1, -0.2]), 0);
        assert_eq!((mixed.p, mixed.verdict), (6.0 / 8.0, Verdict::NotEnoughData));
    }

    #[test]
    fn too_little_is_said_so() {
        assert_eq!(compare(&[], 0).verdict, Verdict::NotEnoughData);
        assert_eq!(compare(&[], 0).p, 1.0);
        let equal = compare(&pairs(&[0.0; 100]), 0);
        assert_eq!((equal.verdict, equal.p, equal.n), (Verdict::NotEnoughData, 1.0, 100));
        let odd = [Pair { a: f64::NAN, b: 0.0 }, Pair { a: 0.0, b: f64::INFINITY }];
        assert_eq!(compare(&odd, 0).n, 0);
    }

    #[test]
    fn draws_agree_with_every_choice_and_with_themselves() {
        let twelve = [0.3, -0.1, 0.2, 0.1, -0.2, 0.4, 0.1, 0.1, -0.3, 0.2, 0.1, 0.05];
        let (every, some) = (exact(&twelve), drawn(&twelve, 7));
        assert!((every - some).abs() < 0.02, "{every} {some}");
        assert_eq!(some, drawn(&twelve, 7));
        assert_ne!(some, drawn(&twelve, 8));
    }

    #[test]
    fn an_interval_holds_the_mean_and_narrows_with_more_pairs() {
        let few = [0.307, -0.111, 0.203, 0.117, -0.195, 0.401, 0.109, 0.097, -0.293, 0.199];
        let mean = few.iter().sum::<f64>() / 10.0;
        let (low, high) = interval(&pairs(&few), 7).unwrap();
        assert!(low < mean && mean < high, "{low} {high}");
        // The standard error is 0.066, so that the interval is about 0.26 wide.
        assert!((0.2..0.3).contains(&(high - low)), "{low} {high}");
        assert_eq!(interval(&pairs(&few), 7), Some((low, high)));
        assert_ne!(interval(&pairs(&few), 8), Some((low, high)));
        let (narrow_low, narrow_high) = interval(&pairs(&few.repeat(16)), 7).unwrap();
        assert!(((narrow_high - narrow_low) / (high - low) - 0.25).abs() < 0.05);
        let (low, high) = interval(&pairs(&[0.25; 10]), 7).unwrap();
        assert!((low - 0.25).abs() < 1e-12 && (high - 0.25).abs() < 1e-12);
        assert_eq!(interval(&pairs(&[0.1]), 7), None);
    }

    #[test]
    fn many_small_gains_are_found_and_noise_is_not() {
        let mut state = 1;
        let mut noise = || (next(&mut state) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
        let gains: Vec<f64> = (0..200).map(|_| noise() + 0.2).collect();
        assert_eq!(compare(&pairs(&gains), 3).verdict, Verdict::SecondBetter);
        // Each twice with either sign: nothing can be further from a difference.
        let none: Vec<f64> = (0..100).map(|_| noise()).flat_map(|by| [by, -by]).collect();
        assert_eq!(compare(&pairs(&none), 3).verdict, Verdict::NoDifference);
    }
}
