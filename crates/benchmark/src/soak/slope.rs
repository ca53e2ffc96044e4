//! How fast something rises, whatever a few strange values say.

use serde::Serialize;

use crate::sample::median;

/// The 97.5th percentile of the normal distribution.
const NORMAL_975: f64 = 1.959_964;

/// A change of y for one of x.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Slope {
    /// The median of the slopes between any two points.
    pub value: f64,
    /// Where it lies in 95 of 100 cases: from here
    pub low: f64,
    /// to here.
    pub high: f64,
}

/// The slope through points by Theil (1950), with the interval of Sen (1968); `None` for fewer than
/// three points of different x. O(n² log n).
pub fn slope(points: &[(f64, f64)]) -> Option<Slope> {
    let mut slopes = Vec::new();
    for (at, (x, y)) in points.iter().enumerate() {
        for (later_x, later_y) in &points[at + 1..] {
            if x != later_x {
                slopes.push((later_y - y) / (later_x - x));
            }
        }
    }
    let n = points.len() as f64;
    if slopes.len() < 3 {
        return None;
    }
    slopes.sort_by(f64::total_cmp);
    // The variance of Kendall's S where nothing is tied.
    let variance = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0;
    let reach = NORMAL_975 * variance.sqrt();
    let n_slopes = slopes.len() as f64;
    let rank = |rank: f64| slopes[(rank.round().max(0.0) as usize).min(slopes.len() - 1)];
    Some(Slope {
        value: median(&slopes)?,
        low: rank(f64::midpoint(n_slopes, -reach) - 1.0),
        high: rank(f64::midpoint(n_slopes, reach)),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_has_its_slope_and_a_strange_value_changes_little() {
        let mut points: Vec<(f64, f64)> =
            (0..20).map(|x| (f64::from(x), 3.0 * f64::from(x))).collect();
        assert_eq!(slope(&points), Some(Slope { value: 3.0, low: 3.0, high: 3.0 }));
        points[7].1 = 1e9;
        let with = slope(&points).unwrap();
        assert!((with.value - 3.0).abs() < 1e-9, "{with:?}");
        assert_eq!(slope(&points[..1]), None);
        assert_eq!(slope(&[(1.0, 1.0); 9]), None);
    }

    #[test]
    fn the_interval_holds_the_true_slope_in_about_95_of_100_cases() {
        let mut rng = fastrand::Rng::with_seed(7);
        let held = (0..400)
            .filter(|_| {
                // The sum of two has a triangle for its distribution.
                let points: Vec<(f64, f64)> = (0..30)
                    .map(|x| (f64::from(x), 0.5 * f64::from(x) + rng.f64() + rng.f64()))
                    .collect();
                let slope = slope(&points).unwrap();
                (slope.low..=slope.high).contains(&0.5)
            })
            .count();
        assert!((368..=394).contains(&held), "{held} of 400");
    }

    proptest! {
        #[test]
        fn the_slope_is_within_its_interval(
            points in prop::collection::vec((-1e3_f64..1e3, -1e6_f64..1e6), 3..40),
        ) {
            if let Some(slope) = slope(&points) {
                prop_assert!(slope.low <= slope.value && slope.value <= slope.high, "{slope:?}");
            }
        }
    }
}
