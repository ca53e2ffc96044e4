//! Whether something became worse between two runs, or only looks so.
//!
//! A figure has become worse if its median changed for the worse by more than the tolerance, and
//! chance gives such a difference of the repeats in less than one case of twenty (a two-sided
//! permutation test, [`difference_by_chance`], of their ranks: Wilcoxon, 1945; one repeat that went
//! astray, as happens on a busy machine, hides nothing and shows nothing). Either alone would cry wolf: a tolerance does not know
//! how much a figure strays by itself, and a test calls the smallest change certain if only it is
//! steady. Where this machine was measured against itself ([`Noise`]), a figure's tolerance is at
//! least what it strayed by there.
//!
//! Counts do not stray, so that any change of them beyond the tolerance is one.
//!
//! How much of a change would be found at all depends on how many repeats there are and how they
//! stray: [`Change::detectable`] says it, so that "the same" is not read as "nothing changed" where
//! nothing could be seen.

use std::collections::BTreeMap;

use ragged::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::{
    result::{Better, Cell, Kind, Row, RunResult},
    sample::{difference_by_chance, least_chance, median, sorted},
};

/// Below this a difference is not called chance.
const SIGNIFICANT: f64 = 0.05;

/// How a figure changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// In which conditions.
    pub cell: Cell,
    /// The test.
    pub test: String,
    /// The figure.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// Its median before.
    pub before: f64,
    /// Its median now.
    pub after: f64,
    /// The change as a share of what was before: 0.1 is ten per cent more. `None` where it was 0.
    pub change: Option<f64>,
    /// How likely so much of a difference is by chance; `None` of counts.
    pub p: Option<f64>,
    /// The change for the worse that is tolerated, as a share.
    pub tolerance: f64,
    /// The least change that is found in about 95 of 100 cases, as a share: what chance cannot explain
    /// and lies beyond the tolerance. `None` where so few repeats can prove nothing.
    pub detectable: Option<f64>,
    /// Repeats of each run with which a change of twice the tolerance would be found so often; `None`
    /// where it is, or where no number of them would do.
    pub repeats_needed: Option<usize>,
    /// What it comes to.
    pub verdict: Verdict,
}

impl Change {
    /// Whether a change of twice the tolerance that was asked for might be missed.
    pub fn is_coarse(&self, asked: f64) -> bool {
        self.verdict != Verdict::Told && self.detectable.is_none_or(|least| least > 2.0 * asked)
    }
}

/// What a change comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Worse beyond tolerance and chance.
    Worse,
    /// Better beyond tolerance and chance.
    Better,
    /// Beyond the tolerance, and chance may explain it.
    Unsure,
    /// Within the tolerance.
    Same,
    /// Neither way is better.
    Told,
}

impl Verdict {
    /// In a word; none for what is told only.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Unsure => "unsure",
            Self::Same => "same",
            Self::Told => "",
        }
    }
}

/// By how much each figure strays on a machine if nothing is changed, as a share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// By test and metric, as `test/metric`.
    pub by_figure: BTreeMap<String, f64>,
}

impl Noise {
    /// What runs of the same on one machine strayed by: for each figure the greatest change of its
    /// median between any two of them, over all cells.
    pub fn between(runs: &[RunResult]) -> Self {
        let mut by_figure: BTreeMap<String, f64> = BTreeMap::new();
        for (at, first) in runs.iter().enumerate() {
            for second in &runs[at + 1..] {
                for (before, after) in pairs(first, second) {
                    let stray = ratio(before.value(), after.value()).map_or(0.0, f64::abs);
                    let known = by_figure.entry(figure(before)).or_default();
                    *known = known.max(stray);
                }
            }
        }
        Self { by_figure }
    }

    fn of(&self, row: &Row) -> f64 {
        self.by_figure.get(&figure(row)).copied().unwrap_or(0.0)
    }
}

fn figure(row: &Row) -> String {
    format!("{}/{}", row.test, row.metric)
}

/// The figures that both runs have, in the order of the first.
fn pairs<'a>(
    before: &'a RunResult,
    after: &'a RunResult,
) -> impl Iterator<Item = (&'a Row, &'a Row)> {
    before.rows.iter().filter_map(|row| {
        let other = after.rows.iter().find(|other| other.is_same_figure(row))?;
        Some((row, other))
    })
}

fn ratio(before: f64, after: f64) -> Option<f64> {
    // Of what is less than nothing, too, more is +.
    let change = (after - before) / before.abs();
    change.is_finite().then_some(change)
}

/// Runs of the same, taken as one: the repeats of each figure that all of them have, in their order.
/// It is called what the runs are called, joined by commas. Two programs that are measured by turns
/// give several runs each.
///
/// # Errors
///
/// `Conflict` for runs of different machines, corpora, seeds or versions; `Invalid` for none.
pub fn pooled(runs: &[RunResult]) -> Result<RunResult> {
    let (first, others) = runs
        .split_first()
        .ok_or_else(|| Error::new(ErrorKind::Invalid, "there is no run to compare"))?;
    let mut all = first.clone();
    for run in others {
        let differs = [
            ("machine", run.machine != first.machine),
            ("corpus", run.corpus != first.corpus),
            ("seed", run.seed != first.seed),
            ("version", run.version != first.version),
        ];
        if let Some((what, _)) = differs.into_iter().find(|(_, differs)| *differs) {
            let message = format!("{} and {} are not of the same {what}", first.label, run.label);
            return Err(Error::new(ErrorKind::Conflict, message)
                .with_hint("name runs of one program on one machine, or compare each by itself"));
        }
        all.rows.retain_mut(|row| {
            let Some(more) = run.rows.iter().find(|other| other.is_same_figure(row)) else {
                return false;
            };
            row.repeats.extend(&more.repeats);
            true
        });
        all.label = format!("{},{}", all.label, run.label);
    }
    Ok(all)
}

/// What two runs may differ in and be compared all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Where they were measured.
    pub another_machine: bool,
    /// Documents and questions.
    pub another_corpus: bool,
}

/// The tests of cells that the first run measured and the second did not, in order.
pub fn vanished<'a>(before: &'a RunResult, after: &RunResult) -> Vec<(&'a Cell, &'a str)> {
    let mut vanished: Vec<(&Cell, &str)> = Vec::new();
    for row in &before.rows {
        let of = (&row.cell, row.test.as_str());
        let is_there = after.rows.iter().any(|other| (&other.cell, other.test.as_str()) == of);
        if !is_there && !vanished.contains(&of) {
            vanished.push(of);
        }
    }
    vanished
}

/// How each figure that both runs have changed. `tolerance` is a share: 0.05 is five per cent.
///
/// # Errors
///
/// `Conflict` where the machines, or documents and questions, differ, unless that is allowed;
/// `Invalid` where the runs have no figure in common.
pub fn compare(
    before: &RunResult,
    after: &RunResult,
    tolerance: f64,
    noise: &Noise,
    allowed: Allowed,
) -> Result<Vec<Change>> {
    if (&before.corpus, before.seed) != (&after.corpus, after.seed) && !allowed.another_corpus {
        let of = |run: &RunResult| format!("{}: {}, seed {}", run.label, run.corpus, run.seed);
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("documents or questions are not the same; {}; {}", of(before), of(after)),
        )
        .with_hint(
            "measure the same in both; --allow-different-corpus compares them all the same",
        ));
    }
    if before.machine != after.machine && !allowed.another_machine {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "{} was measured on {}, {} on {}",
                before.label, before.machine, after.label, after.machine
            ),
        )
        .with_hint(
            "times of different machines say little; --allow-different-machine compares them",
        ));
    }
    let changes: Vec<Change> = pairs(before, after)
        .map(|(before, after)| change(before, after, tolerance, noise.of(before)))
        .collect();
    if changes.is_empty() {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("{} and {} have no figure in common", before.label, after.label),
        )
        .with_hint("measure the same backends and corpus sizes in both"));
    }
    Ok(changes)
}

fn change(before: &Row, after: &Row, asked: f64, noise: f64) -> Change {
    let (was, is, tolerance) = (before.value(), after.value(), asked.max(noise));
    let power = Power::of(before, after, tolerance);
    let change = ratio(was, is);
    let p = (before.kind != Kind::Count).then(|| {
        let (before, after) = ranks(&before.repeats, &after.repeats);
        difference_by_chance(&before, &after, 0)
    });
    // From nothing to something is beyond any share.
    let is_beyond = change.map_or(was != is, |change| change.abs() > tolerance);
    let is_certain = p.is_none_or(|p| p < SIGNIFICANT);
    let verdict = match before.better {
        Better::Neither => Verdict::Told,
        _ if !is_beyond => Verdict::Same,
        _ if !is_certain => Verdict::Unsure,
        Better::Lower if is > was => Verdict::Worse,
        Better::Higher if is < was => Verdict::Worse,
        Better::Lower | Better::Higher => Verdict::Better,
    };
    Change {
        cell: before.cell.clone(),
        test: before.test.clone(),
        metric: before.metric.clone(),
        unit: before.unit.clone(),
        before: was,
        after: is,
        change,
        p,
        tolerance,
        detectable: power.detectable(before.repeats.len(), after.repeats.len()),
        repeats_needed: power.repeats_needed(
            before.repeats.len(),
            after.repeats.len(),
            2.0 * asked,
        ),
        verdict,
    }
}

/// What decides how small a change is found.
struct Power {
    kind: Kind,
    /// Standard deviation of the repeats, as a share of what was before.
    spread: f64,
    /// What the error of a median comes to for one repeat, as such a share: from its interval, which
    /// knows of gaps between the repeats.
    median_spread: f64,
    /// The steps that values come in, as such a share: processor time is counted in ticks, and a median
    /// moves from tick to tick.
    step: f64,
    tolerance: f64,
}

/// Quantiles of the normal distribution: 1 − `SIGNIFICANT` / 2, and .95.
const Z_CERTAIN: f64 = 1.959_964;
/// See [`Z_CERTAIN`].
const Z_FOUND: f64 = 1.644_854;
/// How much more the median of a few values strays than their mean: √(π/2), what it comes to for many.
const MEDIAN: f64 = 1.2533;
/// More repeats than this nobody is told to measure.
const MOST_REPEATS: usize = 1000;

impl Power {
    fn of(before: &Row, after: &Row, tolerance: f64) -> Self {
        let deviation = f64::midpoint(deviation(before).powi(2), deviation(after).powi(2)).sqrt();
        let was = before.value().abs();
        let spread = if was > 0.0 { deviation / was } else { 0.0 };
        let variance = |row: &Row| {
            let (low, high) = row.interval().unwrap_or_default();
            ((high - low) / (2.0 * Z_CERTAIN * was)).powi(2) * row.repeats.len() as f64
        };
        let by_interval = f64::midpoint(variance(before), variance(after)).sqrt();
        let median_spread = if by_interval.is_finite() { by_interval } else { 0.0 };
        Self {
            kind: before.kind,
            spread,
            median_spread: median_spread.max(MEDIAN * spread),
            step: [before, after].into_iter().filter_map(step).fold(0.0, f64::max)
                / was.max(f64::MIN_POSITIVE),
            tolerance,
        }
    }

    /// By the usual formula for two groups: the standard error, so often as certainty and finding it
    /// ask for. Ranks lose very little to it where repeats stray evenly.
    fn detectable(&self, n_before: usize, n_after: usize) -> Option<f64> {
        if self.kind == Kind::Count {
            return Some(self.tolerance);
        }
        if least_chance(n_before, n_after) >= SIGNIFICANT {
            return None;
        }
        let scale = (1.0 / n_before as f64 + 1.0 / n_after as f64).sqrt();
        let degrees = (n_before + n_after - 2) as f64;
        let certain =
            (student(Z_CERTAIN, degrees) + student(Z_FOUND, degrees)) * self.spread * scale;
        let beyond = self.tolerance
            + student(Z_FOUND, degrees) * self.median_spread * scale
            + self.step / 2.0;
        Some(certain.max(beyond)).filter(|least| least.is_finite())
    }

    fn repeats_needed(&self, n_before: usize, n_after: usize, least: f64) -> Option<usize> {
        let finds = |found: Option<f64>| found.is_some_and(|found| found <= least);
        if finds(self.detectable(n_before, n_after)) {
            return None;
        }
        (1..=MOST_REPEATS).find(|n| finds(self.detectable(*n, *n)))
    }
}

/// The standard deviation of repeats, from their median distance to the median, so that a single one
/// that went astray does not decide it, with what few of them make it too small by (Croux and Rousseeuw,
/// 1992).
fn deviation(row: &Row) -> f64 {
    let (n, middle) = (row.repeats.len() as f64, row.value());
    let distances: Vec<f64> = row.repeats.iter().map(|value| (value - middle).abs()).collect();
    median(&distances).unwrap_or(0.0) * 1.4826 * n / (n - 0.8)
}

/// Which place each value has among all of both sides, from 0; equal ones share theirs.
fn ranks(a: &[f64], b: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let all = sorted(&[a, b].concat());
    let rank = |value: &f64| {
        let n_less = all.partition_point(|other| other < value);
        let n_not_more = all.partition_point(|other| other <= value);
        f64::midpoint(n_less as f64, n_not_more as f64 - 1.0)
    };
    (a.iter().map(rank).collect(), b.iter().map(rank).collect())
}

/// The least difference between two repeats that are not the same, where some are the same.
fn step(row: &Row) -> Option<f64> {
    let sorted = sorted(&row.repeats);
    let gaps = || sorted.windows(2).map(|pair| pair[1] - pair[0]);
    let none = 1e-9 * row.value().abs();
    gaps().any(|gap| gap <= none).then(|| gaps().filter(|gap| *gap > none).reduce(f64::min))?
}

/// A quantile of Student's distribution from that of the normal one (Cornish and Fisher, 1938).
fn student(z: f64, degrees: f64) -> f64 {
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    z + first / degrees + second / degrees.powi(2)
}

#[cfg(test)]
mod tests;
