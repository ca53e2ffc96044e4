//! Two runs side by side, in words.

use super::{Format, html, json, junit, markdown, thousands, with_unit};
use crate::regression::{Change, Verdict};

/// How a run differs from another.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Comparison {
    /// Label of what was before.
    pub baseline: String,
    /// Label of what is now.
    pub current: String,
    /// The change that is tolerated, as a share.
    pub tolerance: f64,
    /// Figures that became worse beyond tolerance and chance.
    pub regressions: usize,
    /// All figures that both have.
    pub changes: Vec<Change>,
}

impl Comparison {
    /// Of two labels and what changed between them.
    pub fn new(baseline: &str, current: &str, tolerance: f64, changes: Vec<Change>) -> Self {
        let regressions = changes.iter().filter(|change| change.verdict == Verdict::Worse).count();
        Self {
            baseline: baseline.to_owned(),
            current: current.to_owned(),
            tolerance,
            regressions,
            changes,
        }
    }

    /// In a format.
    ///
    /// # Errors
    ///
    /// `Internal` where it cannot be written as JSON.
    pub fn written(&self, format: Format) -> ragged::error::Result<String> {
        Ok(match format {
            Format::Html => html::comparison(self),
            Format::Markdown => markdown::comparison(self),
            Format::Json => json(self)?,
            Format::Junit => junit::comparison(self),
        })
    }

    /// How many became worse and better.
    pub fn summary(&self) -> String {
        let better = self.changes.iter().filter(|change| change.verdict == Verdict::Better).count();
        let n = |of: &dyn Fn(&&Change) -> bool| self.changes.iter().filter(of).count();
        let unsure = n(&|change| change.verdict == Verdict::Unsure);
        let wider = n(&|change| change.tolerance > self.tolerance);
        let mut summary = format!(
            "{} of {} figures worse and {better} better, beyond {:.1} % and chance",
            self.regressions,
            self.changes.len(),
            100.0 * self.tolerance
        );
        if unsure > 0 {
            summary.push_str(&format!("; {unsure} unsure, where chance may explain the change"));
        }
        if wider > 0 {
            summary.push_str(&format!(
                "; {wider} are let stray further, as this machine's noise does"
            ));
        }
        summary + "."
    }

    /// What a reader should know before trusting it.
    pub fn notes(&self) -> Vec<String> {
        let coarse: Vec<&Change> =
            self.changes.iter().filter(|change| change.is_coarse(self.tolerance)).collect();
        if coarse.is_empty() {
            return Vec::new();
        }
        let names: Vec<String> =
            coarse.iter().map(|change| format!("{} {}", change.test, change.metric)).collect();
        let mut note = format!(
            "{} of {} figures have too few repeats, or stray too much, to find a change of {:.0} %: {}.",
            coarse.len(),
            self.changes.len(),
            200.0 * self.tolerance,
            names.join(", ")
        );
        let needed: Vec<usize> = coarse.iter().filter_map(|change| change.repeats_needed).collect();
        if let Some(most) = needed.iter().max() {
            let of = if needed.len() == coarse.len() {
                "all".to_owned()
            } else {
                needed.len().to_string()
            };
            note.push_str(&format!(" About {most} repeats of each run would do for {of} of them."));
        }
        vec![note]
    }

    /// Changes as they are shown: what became worse first, then what became better.
    pub fn in_order(&self) -> Vec<&Change> {
        let mut changes: Vec<&Change> = self.changes.iter().collect();
        changes.sort_by_key(|change| match change.verdict {
            Verdict::Worse => 0,
            Verdict::Better => 1,
            Verdict::Unsure => 2,
            Verdict::Same | Verdict::Told => 3,
        });
        changes
    }
}

/// A change: figure, of what, before, now, change, by chance, what is seen.
pub fn words(change: &Change) -> [String; 7] {
    let cell = &change.cell;
    let mut of = format!("{}, {}", cell.backend, thousands(cell.documents));
    if cell.configuration != "default" {
        of.push_str(&format!(", {}", cell.configuration));
    }
    let share = |share: Option<f64>| share.map(|share| format!("{:.0}%", 100.0 * share));
    [
        format!("{} {}", change.test, change.metric),
        of,
        with_unit(change.before, &change.unit),
        with_unit(change.after, &change.unit),
        change.change.map(|change| format!("{:+.1}%", 100.0 * change)).unwrap_or_default(),
        change.p.map(|p| format!("{p:.3}")).unwrap_or_default(),
        share(change.detectable).unwrap_or_else(|| "–".to_owned()),
    ]
}
