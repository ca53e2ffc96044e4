//! What the action `github-action-benchmark` draws over time: an array of `name`, `unit`, `value`,
//! `range`, `extra`. It takes one direction a file (its tools `customSmallerIsBetter` and
//! `customBiggerIsBetter`), so that there are two.

use std::path::{Path, PathBuf};

use ragged::error::Result;
use serde::Serialize;

use crate::result::{Better, Row, RunResult};

/// A figure, as that action reads it.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Entry {
    name: String,
    unit: String,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    extra: String,
}

/// The figures of a run that are better one way, as JSON.
///
/// # Errors
///
/// `Internal` where they cannot be written as JSON.
pub fn written(run: &RunResult, better: Better) -> Result<String> {
    let entries: Vec<Entry> =
        run.rows.iter().filter(|row| row.better == better).map(|row| entry(run, row)).collect();
    super::json(&entries)
}

fn entry(run: &RunResult, row: &Row) -> Entry {
    let cell = &row.cell;
    let unit = match row.unit.as_str() {
        "" if row.metric.starts_with("recall") => "share",
        "" => "count",
        unit => unit,
    };
    let range = row.interval().filter(|(low, high)| high > low);
    Entry {
        name: format!(
            "{} {}: {}, {}, {} documents",
            row.test, row.metric, cell.backend, cell.configuration, cell.documents
        ),
        unit: unit.to_owned(),
        value: row.value(),
        range: range.map(|(low, high)| format!("± {}", (high - low) / 2.0)),
        extra: format!(
            "median of {} repeats\nragged {}, {}\n{}\n{}",
            row.repeats.len(),
            run.version,
            run.label,
            run.corpus,
            run.machine
        ),
    }
}

/// The two files that a name stands for: `bench.json` is `bench.smaller.json` and
/// `bench.bigger.json`, each with what is better that way.
pub fn files(named: &Path) -> [(PathBuf, Better); 2] {
    let of = |word: &str| named.with_extension(format!("{word}.json"));
    [(of("smaller"), Better::Lower), (of("bigger"), Better::Higher)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{
        Kind,
        tests::{row, run},
    };

    #[test]
    fn each_direction_has_its_file() {
        let mut rate = row("rate", Better::Higher, Kind::Time, &[10.0, 12.0, 11.0]);
        rate.unit = "1/s".to_owned();
        let mut recall = row("recall_at_3", Better::Higher, Kind::Count, &[0.98]);
        recall.unit = String::new();
        let time = row("latency_p95", Better::Lower, Kind::Time, &[5.0, 5.0]);
        let told = row("chunks", Better::Neither, Kind::Count, &[5.0]);
        let run = run("v1", vec![rate, recall, time, told]);
        let of = |better: Better| -> serde_json::Value {
            serde_json::from_str(&written(&run, better).unwrap()).unwrap()
        };
        let (smaller, bigger) = (of(Better::Lower), of(Better::Higher));
        assert_eq!(smaller.as_array().unwrap().len(), 1);
        assert_eq!(smaller[0]["name"], "query latency_p95: leann, default, 1000 documents");
        assert_eq!((&smaller[0]["value"], &smaller[0]["range"]), (&5.0.into(), &().into()));
        assert_eq!(bigger[0]["value"], 11.0);
        assert_eq!(bigger[0]["range"], "± 1");
        assert_eq!((&bigger[1]["unit"], &bigger[1]["value"]), (&"share".into(), &0.98.into()));
        let names = files(Path::new("out/bench.json")).map(|(file, _)| file);
        assert_eq!(names, ["out/bench.smaller.json", "out/bench.bigger.json"].map(PathBuf::from));
    }
}
