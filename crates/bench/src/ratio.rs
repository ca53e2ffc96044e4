//! How much slower one way is than another, and how sure that is.

use std::time::Duration;

use fastrand::Rng;

use crate::measure::percentile;

const RESAMPLES: usize = 400;

/// What a percentile of the first times is of that of the second, with its 95 % interval: pairs are
/// drawn again and again from those that were measured (Efron's bootstrap).
pub(crate) fn ratio(
    first: &[Duration],
    second: &[Duration],
    percent: usize,
    rng: &mut Rng,
) -> (f64, f64, f64) {
    let n = first.len().min(second.len());
    let of = |first: &mut [Duration], second: &mut [Duration]| {
        percentile(first, percent) / percentile(second, percent)
    };
    let measured = of(&mut first.to_vec(), &mut second.to_vec());
    let mut drawn: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let pairs: Vec<usize> = (0..n).map(|_| rng.usize(..n)).collect();
            let pick = |times: &[Duration]| -> Vec<Duration> {
                pairs.iter().map(|idx| times[*idx]).collect()
            };
            of(&mut pick(first), &mut pick(second))
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| drawn[((RESAMPLES - 1) as f64 * share) as usize];
    (measured, at(0.025), at(0.975))
}

/// The same as a change in per cent, in words.
pub(crate) fn change(
    first: &[Duration],
    second: &[Duration],
    percent: usize,
    rng: &mut Rng,
) -> String {
    let (ratio, low, high) = ratio(first, second, percent, rng);
    let change = |ratio: f64| 100.0 * (ratio - 1.0);
    format!(
        "p{percent} {:+.1} % (95 % interval {:+.1} to {:+.1} %)",
        change(ratio),
        change(low),
        change(high)
    )
}
