//! Whether something became worse between two runs, or only looks so.
//!
//! A figure has become worse if its median changed for the worse by more than the tolerance, and
//! chance gives such a difference of the repeats in less than one case of twenty (a two-sided
//! permutation test, [`difference_by_chance`]). Either alone would cry wolf: a tolerance does not know
//! how much a figure strays by itself, and a test calls the smallest change certain if only it is
//! steady. Where this machine was measured against itself ([`Noise`]), a figure's tolerance is at
//! least what it strayed by there.
//!
//! Counts do not stray, so that any change of them beyond the tolerance is one.

use std::collections::BTreeMap;

use ragged::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::{
    result::{Better, Cell, Kind, Row, RunResult},
    sample::difference_by_chance,
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
    /// What it comes to.
    pub verdict: Verdict,
}

/// What a change comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Worse beyond tolerance and chance.
    Worse,
    /// Better beyond tolerance and chance.
    Better,
    /// Neither.
    Same,
    /// Neither way is better.
    Told,
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
    let change = (after - before) / before;
    change.is_finite().then_some(change)
}

/// How each figure that both runs have changed. `tolerance` is a share: 0.05 is five per cent.
///
/// # Errors
///
/// `Conflict` where the machines differ, unless that is allowed; `Invalid` where the runs have no
/// figure in common.
pub fn compare(
    before: &RunResult,
    after: &RunResult,
    tolerance: f64,
    noise: &Noise,
    allows_another_machine: bool,
) -> Result<Vec<Change>> {
    if before.machine != after.machine && !allows_another_machine {
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
        .map(|(before, after)| change(before, after, tolerance.max(noise.of(before))))
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

fn change(before: &Row, after: &Row, tolerance: f64) -> Change {
    let (was, is) = (before.value(), after.value());
    let change = ratio(was, is);
    let p = (before.kind != Kind::Count)
        .then(|| difference_by_chance(&before.repeats, &after.repeats, 0));
    // From nothing to something is beyond any share.
    let is_beyond = change.map_or(was != is, |change| change.abs() > tolerance);
    let is_certain = p.is_none_or(|p| p < SIGNIFICANT);
    let verdict = match before.better {
        Better::Neither => Verdict::Told,
        _ if !(is_beyond && is_certain) => Verdict::Same,
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
        verdict,
    }
}

#[cfg(test)]
mod tests;
