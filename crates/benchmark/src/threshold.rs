//! Limits that a run must keep, from a YAML file.
//!
//! ```yaml
//! query_latency_p95_ms: 100     # at most
//! ingest_docs_per_sec: 150      # at least
//! memory_usage_mb: 600          # at most
//! storage_per_doc_kb: 25        # at most
//! personalisation_overhead_ms: 50 # at most
//! ```
//!
//! A key stands for one figure of every cell that was measured; an unknown key is an error.

use std::{collections::BTreeMap, fs, path::Path};

use ragged::error::{Context as _, Error, ErrorKind, Result};

use crate::result::{Cell, Row, RunResult};

/// A figure that can be limited.
#[derive(Clone, Copy, Debug)]
struct Limited {
    key: &'static str,
    test: &'static str,
    metric: &'static str,
    is_most: bool,
}

const fn most(key: &'static str, test: &'static str, metric: &'static str) -> Limited {
    Limited { key, test, metric, is_most: true }
}

const fn least(key: &'static str, test: &'static str, metric: &'static str) -> Limited {
    Limited { key, test, metric, is_most: false }
}

const LIMITED: [Limited; 8] = [
    most("query_latency_p95_ms", "query", "latency_p95"),
    least("ingest_docs_per_sec", "ingest", "documents_per_second"),
    most("memory_usage_mb", "memory", "peak"),
    most("storage_per_doc_kb", "storage", "per_document"),
    most("personalisation_overhead_ms", "personalisation", "overhead"),
    least("recall_at_3", "query", "recall_at_3"),
    least("recall_at_10", "query", "recall_at_10"),
    most("recomputed_per_query", "query", "recomputed"),
];

/// Whether a figure can be limited.
#[cfg(test)]
pub(crate) fn is_limited(test: &str, metric: &str) -> bool {
    LIMITED.iter().any(|limited| limited.test == test && limited.metric == metric)
}

/// Limits, by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thresholds {
    limits: BTreeMap<String, f64>,
}

/// One limit, held against one cell.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Held {
    /// The key.
    pub key: String,
    /// Whether the limit is the most, and not the least.
    pub is_most: bool,
    /// The limit.
    pub limit: f64,
    /// In which conditions; `None` where no cell has the figure.
    pub cell: Option<Cell>,
    /// What was measured.
    pub measured: Option<f64>,
    /// Whether the limit is kept. One that nothing was measured for is not.
    pub is_kept: bool,
}

impl Held {
    /// The limit in words.
    pub fn bound(&self) -> String {
        format!("{} {}", if self.is_most { "at most" } else { "at least" }, self.limit)
    }
}

impl Thresholds {
    /// Reads limits.
    ///
    /// # Errors
    ///
    /// `Io`; `Invalid` for what is no mapping from known keys to numbers.
    pub fn read(path: &Path) -> Result<Self> {
        let what = || format!("reading the limits {}", path.display());
        Self::parse(&fs::read_to_string(path).context_with(what)?).context_with(what)
    }

    /// Limits from YAML.
    ///
    /// # Errors
    ///
    /// `Invalid` for what is no mapping from known keys to numbers.
    pub fn parse(yaml: &str) -> Result<Self> {
        let limits: BTreeMap<String, f64> = serde_saphyr::from_str(yaml).map_err(|error| {
            Error::from_source(ErrorKind::Invalid, error)
                .with_hint("a line a limit, such as `query_latency_p95_ms: 100`")
        })?;
        if limits.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "there are no limits in it")
                .with_hint("a line a limit, such as `query_latency_p95_ms: 100`"));
        }
        for (key, limit) in &limits {
            if !LIMITED.iter().any(|known| known.key == key) {
                let known: Vec<&str> = LIMITED.iter().map(|known| known.key).collect();
                return Err(Error::new(ErrorKind::Invalid, format!("there is no limit {key:?}"))
                    .with_hint(format!("there are: {}", known.join(", "))));
            }
            if !limit.is_finite() {
                let message = format!("the limit {key} is no number: {limit}");
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        }
        Ok(Self { limits })
    }

    /// Holds all limits against a run, in the order of their keys.
    pub fn hold(&self, run: &RunResult) -> Vec<Held> {
        let mut held = Vec::new();
        for (key, limit) in &self.limits {
            let Some(known) = LIMITED.iter().find(|known| known.key == key) else { continue };
            let is_it = |row: &&Row| row.test == known.test && row.metric == known.metric;
            let n_before = held.len();
            held.extend(run.rows.iter().filter(is_it).map(|row| {
                let measured = row.value();
                let is_kept = if known.is_most { measured <= *limit } else { measured >= *limit };
                Held {
                    key: key.clone(),
                    is_most: known.is_most,
                    limit: *limit,
                    cell: Some(row.cell.clone()),
                    measured: Some(measured),
                    is_kept,
                }
            }));
            if held.len() == n_before {
                held.push(Held {
                    key: key.clone(),
                    is_most: known.is_most,
                    limit: *limit,
                    cell: None,
                    measured: None,
                    is_kept: false,
                });
            }
        }
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{
        Better, Kind,
        tests::{row, run},
    };

    #[test]
    fn each_limit_is_held_against_each_cell() {
        let limits = "query_latency_p95_ms: 100\nrecall_at_3: 0.9\nmemory_usage_mb: 600\n";
        let limits = Thresholds::parse(limits).unwrap();
        let mut slow = row("latency_p95", Better::Lower, Kind::Time, &[90.0, 120.0, 130.0]);
        slow.cell.backend = "exact".to_owned();
        let fast = row("latency_p95", Better::Lower, Kind::Time, &[90.0, 100.0, 110.0]);
        let recall = row("recall_at_3", Better::Higher, Kind::Count, &[0.95]);
        let held = limits.hold(&run("x", vec![fast, slow, recall]));
        let kept: Vec<(&str, Option<f64>, bool)> =
            held.iter().map(|held| (held.key.as_str(), held.measured, held.is_kept)).collect();
        assert_eq!(
            kept,
            [
                ("memory_usage_mb", None, false),
                ("query_latency_p95_ms", Some(100.0), true),
                ("query_latency_p95_ms", Some(120.0), false),
                ("recall_at_3", Some(0.95), true),
            ]
        );
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for (yaml, said) in [
            ("latency: 3", "latency"),
            ("query_latency_p95_ms: fast", "query_latency_p95_ms"),
            ("query_latency_p95_ms: .nan", "no number"),
            ("- 1", ""),
            ("{}", "no limits"),
        ] {
            let error = Thresholds::parse(yaml).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{yaml}");
            assert!(format!("{error:#}").contains(said), "{yaml}: {error:#}");
        }
    }
}
