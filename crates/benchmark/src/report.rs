//! A run for people and for other programs.
//!
//! [`blocks`] puts its figures side by side, as the terminal shows them; [`markdown`], [`html`] and
//! [`junit`] write a run or a [`Comparison`](comparison::Comparison) of two, [`github`] what a known action plots
//! over time, and [`winner`] says which backend did best.

pub mod chart;
pub mod comparison;
mod figure;
pub mod github;
pub mod html;
pub mod junit;
pub mod markdown;
pub mod winner;

use std::{collections::BTreeSet, path::Path};

use ragged::error::{Error, ErrorKind, Result};

use crate::{
    result::{Better, Cell, Kind, Row, RunResult},
    threshold::Held,
};

/// The report's title.
pub const TITLE: &str = "Memory System Benchmark Report";

/// Rows that are shown, in their order: test, metric, heading, name. Deltas are means of pairs, not
/// differences of the percentiles above them.
const SHOWN: [(&str, &str, &str, &str); 56] = [
    ("ingest", "documents_per_second", "Ingest", "Documents a second"),
    ("ingest", "chunks_per_second", "Ingest", "Chunks a second"),
    ("ingest", "cpu_per_document", "Ingest", "Processor time a document"),
    ("ingest", "peak_memory", "Ingest", "Peak memory"),
    ("query", "latency_p50", "Query", "Single (p50)"),
    ("query", "latency_p95", "Query", "Single (p95)"),
    ("query", "latency_p99", "Query", "Single (p99)"),
    ("query", "batch_of_10_p95", "Query", "Batch of 10 (p95)"),
    ("personalisation", "latency_p95", "Query", "With personalisation (p95)"),
    ("query", "batch_throughput", "Query", "Questions a second, in batches"),
    ("query", "repeat_p50", "Query", "Asked again (p50)"),
    ("query", "open", "Query", "Opening the library"),
    ("query", "cold_first", "Query", "First question, cold"),
    ("query", "new_process_first", "Query", "First question, new process"),
    ("query", "recall_at_3", "Query", "Recall@3 against exact vectors"),
    ("query", "recall_at_10", "Query", "Recall@10 against exact vectors"),
    ("query", "recomputed", "Query", "Embeddings recomputed a question"),
    ("query", "compared", "Query", "Codes compared a question"),
    ("storage", "total", "Storage", "Total"),
    ("storage", "per_document", "Storage", "Per document"),
    ("memory", "idle", "Memory", "Open, idle"),
    ("memory", "active", "Memory", "After the questions"),
    ("memory", "active_heap", "Memory", "Of these no pages of files"),
    ("memory", "peak", "Memory", "Peak of reading files"),
    ("overhead", "baseline_p95", "Overhead", "Baseline, no memory (p95)"),
    ("overhead", "profiling", "Overhead", "+ profiling (paired mean)"),
    ("overhead", "personalisation", "Overhead", "+ personalisation (paired mean)"),
    ("overhead", "temporal", "Overhead", "+ temporal (paired mean)"),
    ("overhead", "resident", "Overhead", "Memory of the process, with memory"),
    ("personalisation", "profile_p95", "Overhead", "A profile read anew (p95)"),
    ("personalisation", "answer_p95", "Overhead", "A whole answer, personal (p95)"),
    ("temporal", "question_p95", "Time", "Question that names a time (p95)"),
    ("temporal", "as_of_p95", "Time", "Facts as of a day (p95)"),
    ("temporal", "timeline_p95", "Time", "Timeline (p95)"),
    ("concurrent", "queries_per_second_1", "Concurrency", "Questions a second, 1 thread"),
    ("concurrent", "queries_per_second_2", "Concurrency", "Questions a second, 2 threads"),
    ("concurrent", "queries_per_second_4", "Concurrency", "Questions a second, 4 threads"),
    ("concurrent", "queries_per_second_8", "Concurrency", "Questions a second, 8 threads"),
    ("concurrent", "queries_per_second_16", "Concurrency", "Questions a second, 16 threads"),
    ("concurrent", "personas_per_second_1", "Concurrency", "Questions a second, 1 persona"),
    ("concurrent", "personas_per_second_4", "Concurrency", "Questions a second, 4 personas"),
    ("concurrent", "personas_per_second_16", "Concurrency", "Questions a second, 16 personas"),
    ("concurrent", "read_beside_write_p95", "Concurrency", "Question beside a writer (p95)"),
    ("concurrent", "write_alone_p95", "Concurrency", "A write alone (p95)"),
    ("concurrent", "write_wait_p95", "Concurrency", "A write beside another writer (p95)"),
    ("strategies", "default_p50", "Ways to search vectors", "As it comes (p50)"),
    ("strategies", "naive_p50", "Ways to search vectors", "Plain walk (p50)"),
    ("strategies", "brute_force_p50", "Ways to search vectors", "Brute force (p50)"),
    ("strategies", "gain", "Ways to search vectors", "Faster than the better of these"),
    ("strategies", "default_recall_at_10", "Ways to search vectors", "Recall@10, as it comes"),
    ("strategies", "naive_recall_at_10", "Ways to search vectors", "Recall@10, plain walk"),
    ("strategies", "default_recomputed", "Ways to search vectors", "Recomputed, as it comes"),
    ("strategies", "naive_recomputed", "Ways to search vectors", "Recomputed, plain walk"),
    ("strategies", "batch_gain", "Ways to search vectors", "Ten of a session in a batch, faster"),
    ("profiling", "added", "Profiling", "Added to a question (paired median)"),
    ("profiling", "query_share", "Profiling", "Of the question's time"),
];

/// The figures of one number of documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Block<'a> {
    /// How many documents.
    pub documents: u64,
    /// `Corpus: 1,000 documents`, and the configuration where all columns have the same that is not
    /// the default.
    pub title: String,
    /// What stands side by side: backends, configurations, or both.
    pub columns: Vec<Column>,
    /// The rows under their headings.
    pub lines: Vec<Line<'a>>,
}

/// What a column of a block is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The backend.
    pub backend: String,
    /// The configuration.
    pub configuration: String,
    /// What tells it from the other columns of the run.
    pub name: String,
    /// Its place among all columns of the run, from 0.
    pub place: usize,
}

/// One figure of all columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Line<'a> {
    /// What kind of figure: ingest, query, …
    pub heading: &'static str,
    /// The figure.
    pub name: &'static str,
    /// For each column what was measured, if it was.
    pub rows: Vec<Option<&'a Row>>,
    /// With two columns or more, the change from the first to the second: signed, one decimal, and
    /// a tick where that is better by more than noise.
    pub difference: Option<String>,
}

impl Line<'_> {
    /// For each column the value with its unit; empty where it was not measured.
    pub fn values(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.map(value).unwrap_or_default()).collect()
    }
}

/// All columns of a run, in its order.
pub fn columns(run: &RunResult) -> Vec<Column> {
    let mut kinds: Vec<(&str, &str)> = Vec::new();
    for Row { cell, .. } in &run.rows {
        let kind = (cell.backend.as_str(), cell.configuration.as_str());
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let n_backends = kinds.iter().map(|kind| kind.0).collect::<BTreeSet<&str>>().len();
    let n_configurations = kinds.iter().map(|kind| kind.1).collect::<BTreeSet<&str>>().len();
    let name = |backend: &str, configuration: &str| match (n_backends, n_configurations) {
        (_, 1) => backend.to_owned(),
        (1, _) => configuration.to_owned(),
        _ => format!("{backend}, {configuration}"),
    };
    kinds
        .iter()
        .enumerate()
        .map(|(place, (backend, configuration))| Column {
            backend: (*backend).to_owned(),
            configuration: (*configuration).to_owned(),
            name: name(backend, configuration),
            place,
        })
        .collect()
}

impl Column {
    fn is_of(&self, cell: &Cell) -> bool {
        cell.backend == self.backend && cell.configuration == self.configuration
    }

    /// What it says of a figure with so many documents.
    fn row<'a>(
        &self,
        run: &'a RunResult,
        documents: u64,
        test: &str,
        metric: &str,
    ) -> Option<&'a Row> {
        run.rows.iter().find(|row| {
            row.cell.documents == documents
                && self.is_of(&row.cell)
                && row.test == test
                && row.metric == metric
        })
    }
}

/// The numbers of documents of a run, in its order.
pub fn sizes(run: &RunResult) -> Vec<u64> {
    let mut sizes = Vec::new();
    for row in &run.rows {
        if !sizes.contains(&row.cell.documents) {
            sizes.push(row.cell.documents);
        }
    }
    sizes
}

/// The blocks of a run; of the named tests only, where any are named.
pub fn blocks<'a>(run: &'a RunResult, tests: &BTreeSet<&str>) -> Vec<Block<'a>> {
    let all = columns(run);
    sizes(run).into_iter().map(|documents| block(run, &all, documents, tests)).collect()
}

fn block<'a>(
    run: &'a RunResult,
    all: &[Column],
    documents: u64,
    tests: &BTreeSet<&str>,
) -> Block<'a> {
    let of_size = |row: &&Row| row.cell.documents == documents;
    let columns: Vec<Column> = all
        .iter()
        .filter(|column| run.rows.iter().filter(of_size).any(|row| column.is_of(&row.cell)))
        .cloned()
        .collect();
    let mut lines = Vec::new();
    for (test, metric, heading, name) in SHOWN {
        if !tests.is_empty() && !tests.contains(test) {
            continue;
        }
        let rows: Vec<Option<&Row>> =
            columns.iter().map(|column| column.row(run, documents, test, metric)).collect();
        if rows.iter().all(Option::is_none) {
            continue;
        }
        let difference = match rows.as_slice() {
            [Some(first), Some(second), ..] => difference(first, second),
            _ => None,
        };
        lines.push(Line { heading, name, rows, difference });
    }
    let mut title = format!("Corpus: {} documents", thousands(documents));
    let mut configurations = columns.iter().map(|column| column.configuration.as_str());
    let first = configurations.next();
    if let Some(configuration) = first
        && configuration != "default"
        && configurations.all(|other| other == configuration)
    {
        title.push_str(&format!(", {configuration}"));
    }
    Block { documents, title, columns, lines }
}

/// Whether a figure differs from another by more than it strays by itself: medians whose intervals
/// ([`Row::interval`]) do not overlap; of counts, which do not stray, any difference that a tenth of a
/// per cent shows.
pub fn is_beyond_noise(a: &Row, b: &Row) -> bool {
    let (was, is) = (a.value(), b.value());
    if was == is || ((is - was) / was).abs() < 0.0005 {
        return false;
    }
    // The interval of two is no more than these two.
    let few = a.repeats.len().min(b.repeats.len()) < 3;
    match (a.kind, a.interval().zip(b.interval())) {
        (Kind::Count, _) => true,
        _ if few => false,
        (_, Some(((a_low, a_high), (b_low, b_high)))) => b_low > a_high || b_high < a_low,
        // One measurement of a time says nothing of how it strays.
        (_, None) => false,
    }
}

/// Whether the second is better than the first by more than noise.
pub fn is_better(first: &Row, second: &Row) -> bool {
    let is_right_way = match first.better {
        Better::Lower => second.value() < first.value(),
        Better::Higher => second.value() > first.value(),
        Better::Neither => false,
    };
    is_right_way && is_beyond_noise(first, second)
}

fn difference(first: &Row, second: &Row) -> Option<String> {
    let (was, is) = (first.value(), second.value());
    // What is added may be less than nothing; more is + even then.
    let change = 100.0 * (is - was) / was.abs();
    if !change.is_finite() {
        return None;
    }
    Some(format!("{change:+.1}%{}", if is_better(first, second) { " ✓" } else { "" }))
}

/// A figure's value with its unit.
pub fn value(row: &Row) -> String {
    with_unit(row.value(), &row.unit)
}

/// A number with its unit, in as many digits as say something.
pub fn with_unit(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    let number = if digits == 0 && value >= 0.0 {
        thousands(value.round() as u64)
    } else {
        format!("{value:.digits$}")
    };
    match unit {
        "" => number,
        "1/s" => format!("{number}/s"),
        _ => format!("{number} {unit}"),
    }
}

/// A number with commas.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One page that needs nothing beside it.
    Html,
    /// Markdown.
    Markdown,
    /// As it is kept.
    Json,
    /// Test cases, as build servers read them.
    Junit,
}

impl Format {
    /// The format of a file, by how its name ends.
    ///
    /// # Errors
    ///
    /// `Invalid` for another ending.
    pub fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
        match ending.as_deref() {
            Some("html" | "htm") => Ok(Self::Html),
            Some("md") => Ok(Self::Markdown),
            Some("json") => Ok(Self::Json),
            Some("xml") => Ok(Self::Junit),
            _ => {
                let message = format!("{} is of no kind of report", path.display());
                Err(Error::new(ErrorKind::Invalid, message)
                    .with_hint("name a file that ends in .html, .md, .json or .xml"))
            }
        }
    }
}

/// A run, with the limits that it was held against if it was, in a format.
///
/// # Errors
///
/// `Internal` where it cannot be written as JSON.
pub fn written(run: &RunResult, held: &[Held], format: Format) -> Result<String> {
    Ok(match format {
        Format::Html => html::run(run, held),
        Format::Markdown => markdown::run(run, held),
        Format::Json => json(run)?,
        Format::Junit => junit::run(run, held),
    })
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::from_source(ErrorKind::Internal, error))?;
    Ok(text + "\n")
}

/// Text for HTML and XML: what has a meaning there stands for itself, and characters that XML does
/// not allow are left out.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
