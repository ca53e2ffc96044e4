//! Whether a change is one for the better.

use ragged_benchmark::sample::{difference_by_chance, median};

use super::{Workload, proposal::Measure};
use crate::cli::command::tune::trial::Figures;

/// A difference that comes by chance less often than this, over all that was tried at once, is one.
const CHANCE: f64 = 0.05;
/// A smaller gain is not worth a setting.
const LEAST_GAIN: f64 = 0.02;
/// With less memory questions may take so many times as long.
const MOST_SLOWER: f64 = 2.0;
/// Recall that is lost to the rounding of a division.
const ROUNDING: f64 = 1e-9;

/// What came of a change.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judgement {
    pub(super) before: f64,
    pub(super) after: f64,
    /// How much better, as a share of what it was.
    pub(super) gain: f64,
    /// How likely such a difference is by chance.
    pub(super) p: f64,
    pub(super) recall: Option<(f64, f64)>,
    pub(super) wins: bool,
    /// Why, in a few words.
    pub(super) verdict: String,
}

/// Holds the figures of a change against those before it, as one of `n_tried`.
pub(super) fn judge(
    measure: Measure,
    workload: Workload,
    before: &[Figures],
    after: &[Figures],
    n_tried: usize,
    seed: u64,
) -> Judgement {
    let of = |figures: &[Figures]| -> Vec<f64> {
        figures.iter().filter_map(|figures| measure.of(figures)).collect()
    };
    let (values_before, values_after) = (of(before), of(after));
    let medians = median(&values_before).zip(median(&values_after));
    let recall_of = |figures: &[Figures]| figures.iter().find_map(|figures| figures.recall);
    let recall = recall_of(before).zip(recall_of(after));
    let Some((was, is)) = medians else {
        return Judgement {
            before: 0.0,
            after: 0.0,
            gain: 0.0,
            p: 1.0,
            recall,
            wins: false,
            verdict: "this system does not tell".to_owned(),
        };
    };
    let p = difference_by_chance(&values_before, &values_after, seed);
    let change = if was > 0.0 { (is - was) / was } else { 0.0 };
    let gain = if measure.is_better_higher() { change } else { -change };
    let mean = |figures: &[Figures]| {
        let means: Vec<f64> = figures.iter().map(|figures| figures.mean_ms).collect();
        median(&means).unwrap_or_default()
    };
    let slower = if mean(before) > 0.0 { mean(after) / mean(before) } else { 1.0 };
    let percent = 100.0 * gain.abs();
    let refusal = if gain <= 0.0 {
        Some(format!("{percent:.0} % worse"))
    } else if p * n_tried as f64 >= CHANCE {
        Some(format!("{percent:.0} % better may be chance"))
    } else if gain < LEAST_GAIN {
        Some(format!("{percent:.1} % better is too little"))
    } else if let Some((was, is)) = recall.filter(|(was, is)| is + ROUNDING < *was) {
        Some(format!("{percent:.0} % better, but recall falls from {was:.3} to {is:.3}"))
    } else if workload == Workload::Memory && slower > MOST_SLOWER {
        Some(format!("{percent:.0} % less, but questions take {slower:.1} times as long"))
    } else {
        None
    };
    Judgement {
        before: was,
        after: is,
        gain,
        p,
        recall,
        wins: refusal.is_none(),
        verdict: refusal.unwrap_or_else(|| format!("{percent:.0} % better, beyond chance")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRAY: [f64; 5] = [0.99, 1.0, 1.01, 0.995, 1.005];

    fn runs(figures: Figures) -> Vec<Figures> {
        let run = |by: f64| Figures {
            p95_ms: figures.p95_ms * by,
            mean_ms: figures.mean_ms * by,
            questions_per_second: figures.questions_per_second * by,
            resident_mib: figures.resident_mib.map(|mib| mib * by),
            ..figures
        };
        STRAY.into_iter().map(run).collect()
    }

    fn figures(p95_ms: f64, resident: f64, recall: f64) -> Vec<Figures> {
        runs(Figures {
            p95_ms,
            mean_ms: p95_ms,
            questions_per_second: 1000.0 / p95_ms,
            resident_mib: Some(resident),
            recall: Some(recall),
            ..Figures::default()
        })
    }

    fn judged(
        measure: Measure,
        workload: Workload,
        before: &[Figures],
        after: &[Figures],
    ) -> Judgement {
        judge(measure, workload, before, after, 3, 1)
    }

    #[test]
    fn what_is_faster_and_finds_as_much_wins() {
        let before = figures(2.0, 50.0, 0.9);
        let won =
            judged(Measure::Slowest, Workload::Interactive, &before, &figures(1.0, 99.0, 0.9));
        assert!(won.wins, "{won:?}");
        assert_eq!((won.before, won.after, won.gain), (2.0, 1.0, 0.5));
        assert_eq!(won.verdict, "50 % better, beyond chance");
        let more = judged(Measure::Questions, Workload::Batch, &before, &figures(1.0, 99.0, 0.9));
        assert!(more.wins && (more.gain - 1.0).abs() < 0.02, "{more:?}");
    }

    #[test]
    fn what_is_not_a_gain_does_not() {
        let before = figures(2.0, 50.0, 0.9);
        for (after, why) in [
            (figures(1.0, 50.0, 0.89), "recall falls from 0.900 to 0.890"),
            (figures(3.0, 50.0, 0.9), "50 % worse"),
            (figures(1.999, 50.0, 0.9), "may be chance"),
            (figures(1.97, 50.0, 0.9), "too little"),
        ] {
            let found = judged(Measure::Slowest, Workload::Interactive, &before, &after);
            assert!(!found.wins && found.verdict.contains(why), "{found:?}");
        }
        // Of thirty things tried at once, one looks like this by chance.
        let after = figures(1.0, 50.0, 0.9);
        let one_of_many = judge(Measure::Slowest, Workload::Interactive, &before, &after, 30, 1);
        assert!(one_of_many.verdict.contains("may be chance"), "{one_of_many:?}");
        let untold = runs(Figures::default());
        assert!(!judged(Measure::Adding, Workload::Memory, &untold, &untold).wins);
    }

    #[test]
    fn less_memory_may_not_cost_more_than_twice_the_time() {
        let before = figures(1.0, 50.0, 0.9);
        let slower = judged(Measure::Resident, Workload::Memory, &before, &figures(2.5, 20.0, 0.9));
        assert!(slower.verdict.contains("2.5 times as long"), "{slower:?}");
        let less = judged(Measure::Resident, Workload::Memory, &before, &figures(1.5, 20.0, 0.9));
        assert!(less.wins, "{less:?}");
    }
}
