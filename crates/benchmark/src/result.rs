//! What a run measured, kept as JSON: one file a label.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ragged::error::{Context as _, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::{
    machine::Machine,
    sample::{coefficient_of_variation, median, median_interval},
};

/// The version of the files that this program writes; it reads no newer ones.
pub const SCHEMA: u32 = 1;

/// What a machine strays by is kept under this name, which is no label.
pub const NOISE: &str = "noise";

/// Everything that one run measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunResult {
    /// [`SCHEMA`] of the program that wrote it.
    pub schema: u32,
    /// What it is called: version and commit unless its maker says.
    pub label: String,
    /// Version of the program.
    pub version: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// Where.
    pub machine: Machine,
    /// What decided corpus, questions and order.
    pub seed: u64,
    /// Where the documents came from, in words.
    pub corpus: String,
    /// What was measured, in the order of the report.
    pub rows: Vec<Row>,
    /// What could not be measured, and why.
    #[serde(default)]
    pub missing: Vec<Missing>,
}

/// One figure of one cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// In which conditions.
    pub cell: Cell,
    /// Which test it belongs to: `ingest`, `query`, …
    pub test: String,
    /// What it is called: `latency_p95`, …
    pub metric: String,
    /// Its unit: `ms`, `MB`, `1/s`, …; empty for shares and counts.
    pub unit: String,
    /// Which way is better.
    pub better: Better,
    /// What kind of number it is.
    pub kind: Kind,
    /// One value a repeat, in order.
    pub repeats: Vec<f64>,
    /// Measurements behind each of these.
    pub n: usize,
}

/// The conditions of a figure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Documents in the library.
    pub documents: u64,
    /// The backend of the vectors.
    pub backend: String,
    /// The tuning profile, or `default`.
    pub configuration: String,
}

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Less.
    Lower,
    /// More.
    Higher,
    /// Neither: it is told only.
    Neither,
}

/// What kind of number a figure is: how far it may stray by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A time, or a rate: depends on what else the machine does.
    Time,
    /// Memory: depends a little on that.
    Memory,
    /// Work, bytes on disk, recall: the same each time.
    Count,
}

/// A cell that was not measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// Which.
    pub cell: Cell,
    /// Why, and what to do about it.
    pub why: String,
}

impl Row {
    /// The median of its repeats.
    pub fn value(&self) -> f64 {
        median(&self.repeats).unwrap_or(f64::NAN)
    }

    /// Where that lies in 95 of 100 cases; see [`median_interval`].
    pub fn interval(&self) -> Option<(f64, f64)> {
        median_interval(&self.repeats, 0)
    }

    /// See [`coefficient_of_variation`].
    pub fn variation(&self) -> Option<f64> {
        coefficient_of_variation(&self.repeats)
    }

    /// Whether it is the same figure as another, of another run.
    pub fn is_same_figure(&self, other: &Self) -> bool {
        (&self.cell, &self.test, &self.metric) == (&other.cell, &other.test, &other.metric)
    }
}

impl RunResult {
    /// The file of a label below a folder of results.
    ///
    /// # Errors
    ///
    /// `Invalid` for a label that is no file name.
    pub fn path(dir: &Path, label: &str) -> Result<PathBuf> {
        let is_fine = !label.is_empty()
            && label != NOISE
            && !label.starts_with('.')
            && label.chars().all(|c| c.is_alphanumeric() || "._-+@".contains(c));
        if !is_fine {
            return Err(Error::new(ErrorKind::Invalid, format!("{label:?} cannot be a label"))
                .with_hint(
                    "letters, digits, and . _ - + @; not a dot at the beginning, not \"noise\"",
                ));
        }
        Ok(dir.join(format!("{label}.json")))
    }

    /// Reads a result.
    ///
    /// # Errors
    ///
    /// `Io`; `Corrupt` for what is no result; `Incompatible` for one of a newer schema.
    pub fn read(path: &Path) -> Result<Self> {
        let what = || format!("reading the result {}", path.display());
        let text = fs::read_to_string(path).context_with(what)?;
        let schema: Schema = serde_json::from_str(&text).map_err(no_result).context_with(what)?;
        if schema.schema > SCHEMA {
            return Err(Error::new(
                ErrorKind::Incompatible,
                format!("it has schema {}, this program knows up to {SCHEMA}", schema.schema),
            )
            .with_hint("compare with a newer ragged")
            .context(what()));
        }
        serde_json::from_str(&text).map_err(no_result).context_with(what)
    }

    /// Writes a result into a folder, in the place of one of the same label; returns where.
    ///
    /// # Errors
    ///
    /// `Invalid` for a label that is no file name; `Io`.
    pub fn write(&self, dir: &Path) -> Result<PathBuf> {
        let path = Self::path(dir, &self.label)?;
        let what = || format!("writing the result {}", path.display());
        fs::create_dir_all(dir).context_with(what)?;
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::from_source(ErrorKind::Internal, error))
            .context_with(what)?;
        text.push('\n');
        fs::write(&path, text).context_with(what)?;
        Ok(path)
    }

    /// The rows of a test.
    pub fn of<'a>(&'a self, test: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.test == test)
    }
}

#[derive(Deserialize)]
struct Schema {
    schema: u32,
}

fn no_result(error: serde_json::Error) -> Error {
    Error::from_source(ErrorKind::Corrupt, error)
        .with_hint("name a file that `ragged benchmark` wrote")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn row(metric: &str, better: Better, kind: Kind, repeats: &[f64]) -> Row {
        Row {
            cell: Cell {
                documents: 1000,
                backend: "leann".to_owned(),
                configuration: "default".to_owned(),
            },
            test: "query".to_owned(),
            metric: metric.to_owned(),
            unit: "ms".to_owned(),
            better,
            kind,
            repeats: repeats.to_vec(),
            n: 100,
        }
    }

    pub(crate) fn run(label: &str, rows: Vec<Row>) -> RunResult {
        RunResult {
            schema: SCHEMA,
            label: label.to_owned(),
            version: "0.1.0".to_owned(),
            created: "2026-01-01T00:00:00Z".to_owned(),
            machine: Machine::of_a_test(),
            seed: 1,
            corpus: "synthetic".to_owned(),
            rows,
            missing: Vec::new(),
        }
    }

    #[test]
    fn a_result_comes_back_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let rows = vec![row("latency_p95", Better::Lower, Kind::Time, &[1.5, 0.1 + 0.2, 1e-9])];
        let result = run("v0.1.0+abc", rows);
        let path = result.write(&dir.path().join("results")).unwrap();
        assert_eq!(RunResult::read(&path).unwrap(), result);
        for label in ["", ".", "../x", "a b", "a/b", "noise"] {
            assert_eq!(RunResult::path(dir.path(), label).unwrap_err().kind(), ErrorKind::Invalid);
        }
    }

    #[test]
    fn what_is_no_result_and_a_newer_one_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        for (text, kind) in [
            ("{\"schema\": 99, \"future\": true}", ErrorKind::Incompatible),
            ("{\"schema\": 1}", ErrorKind::Corrupt),
            ("[]", ErrorKind::Corrupt),
            ("nothing", ErrorKind::Corrupt),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(RunResult::read(&path).unwrap_err().kind(), kind, "{text}");
        }
    }
}
