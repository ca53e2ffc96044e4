//! What the samples of a stretch of time come to. Pure.

use std::ops::Range;

use super::{
    sample::{Kind, Sample, Spread, Summary, shares, tells},
    stage::{Component, Stage},
};

/// The slowest questions that are told.
const SLOWEST: usize = 3;
/// Shares are told in tenths of a per cent, which sum to this.
pub const WHOLE: u32 = 1000;

/// What the samples of a stretch of time come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The stretch, in Unix milliseconds, half-open.
    pub window: Range<i64>,
    /// Whole questions.
    pub total: Summary,
    /// Where their time went; empty where there was no question.
    pub breakdown: Vec<Part>,
    /// The same by component, and by stage of each.
    pub components: Vec<ComponentTimes>,
    /// The questions that took longest, the longest first.
    pub slowest: Vec<Sample>,
    /// How it was in as long a stretch just before; `None` where nothing was asked then.
    pub trend: Option<Trend>,
}

/// A part of the time of questions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// The stage; `None` for what lies between stages or is not profiled.
    pub stage: Option<Stage>,
    /// What a question spends there, on average.
    pub mean_ms: f64,
    /// Its share of the whole, in tenths of a per cent. Those of a breakdown sum to [`WHOLE`], or
    /// are all 0.
    pub share: u32,
}

/// A component's times.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentTimes {
    /// Which.
    pub component: Component,
    /// Of whole questions, of what memory adds to them, of the parts of searching, which overlap; or
    /// of whole ingests.
    pub times: Summary,
    /// Its stages, as far as they happened.
    pub stages: Vec<(Stage, Summary)>,
}

/// How a stretch of time compares with the one before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Whole questions before.
    pub before: Summary,
    /// By how many per cent the median is longer now.
    pub p50_change: f64,
    /// The same of the tail.
    pub p95_change: f64,
}

/// What samples come to, beside those of the stretch before. Samples outside of a stretch are for the
/// caller to leave out. O(n log n).
pub fn report(window: Range<i64>, samples: &[Sample], before: &[Sample]) -> Report {
    let asked: Vec<&Sample> = questions(samples).collect();
    let mut slowest = asked.clone();
    slowest.sort_by_key(|sample| std::cmp::Reverse((sample.total_us, sample.at_ms)));
    let total = summary(asked.iter().map(|sample| sample.total_us));
    let before = summary(questions(before).map(|sample| sample.total_us));
    let change = |now: f64, before: f64| 100.0 * (now / before.max(f64::MIN_POSITIVE) - 1.0);
    let trend = (before.n > 0 && total.n > 0).then(|| Trend {
        before,
        p50_change: change(total.p50_ms, before.p50_ms),
        p95_change: change(total.p95_ms, before.p95_ms),
    });
    Report {
        window,
        total,
        breakdown: breakdown(samples),
        components: Component::ALL.into_iter().filter_map(|of| component(of, samples)).collect(),
        slowest: slowest.into_iter().take(SLOWEST).cloned().collect(),
        trend,
    }
}

/// Where the time of questions went: [`Stage::TOP`], and what they do not tell.
pub fn breakdown(samples: &[Sample]) -> Vec<Part> {
    let n = questions(samples).count();
    if n == 0 {
        return Vec::new();
    }
    let sum = |of: &dyn Fn(&Sample) -> u64| questions(samples).map(of).sum::<u64>();
    let mut parts: Vec<(Option<Stage>, u64)> = Stage::TOP
        .into_iter()
        .map(|stage| (Some(stage), sum(&|sample| sample.stages.us(stage))))
        .collect();
    parts.push((None, sum(&Sample::other_us)));
    let sums: Vec<u64> = parts.iter().map(|(_, us)| *us).collect();
    parts
        .into_iter()
        .zip(shares(&sums, WHOLE))
        .map(|((stage, us), share)| Part { stage, mean_ms: us as f64 / n as f64 / 1000.0, share })
        .collect()
}

fn questions(samples: &[Sample]) -> impl Iterator<Item = &Sample> {
    samples.iter().filter(|sample| sample.kind != Kind::Ingest)
}

fn summary(times_us: impl IntoIterator<Item = u64>) -> Summary {
    Spread::of(times_us).summary()
}

fn component(of: Component, samples: &[Sample]) -> Option<ComponentTimes> {
    let told: Vec<&Sample> = samples.iter().filter(|sample| tells(sample, of)).collect();
    if told.is_empty() {
        return None;
    }
    let time = |sample: &Sample| match of {
        Component::Query | Component::Ingest => sample.total_us,
        Component::Memory => sample.stages.us(Stage::Enhance) + sample.stages.us(Stage::Record),
        // Recomputing is part of the vectors'.
        Component::Backend => [Stage::Filter, Stage::Vector, Stage::Lexical, Stage::Read]
            .iter()
            .map(|stage| sample.stages.us(*stage))
            .sum(),
    };
    let stages = Stage::ALL
        .into_iter()
        .filter(|stage| stage.component() == of)
        .filter_map(|stage| {
            let times = summary(told.iter().filter_map(|sample| sample.stages.get(stage)));
            (times.n > 0).then_some((stage, times))
        })
        .collect();
    Some(ComponentTimes {
        component: of,
        times: summary(told.iter().map(|sample| time(sample))),
        stages,
    })
}
