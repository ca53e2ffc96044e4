//! A run in words: blocks of rows, one column a backend, for the terminal and for Markdown.

use std::collections::BTreeSet;

use crate::result::{Better, Cell, Row, RunResult};

/// The report's title.
pub const TITLE: &str = "Memory System Benchmark Report";

/// Rows that are shown, in their order: test, metric, heading, name.
const SHOWN: [(&str, &str, &str, &str); 24] = [
    ("ingest", "documents_per_second", "Ingest", "Documents a second"),
    ("ingest", "chunks_per_second", "Ingest", "Chunks a second"),
    ("ingest", "cpu_per_document", "Ingest", "Processor time a document"),
    ("ingest", "peak_memory", "Ingest", "Peak memory"),
    ("query", "latency_p50", "Query", "Single (p50)"),
    ("query", "latency_p95", "Query", "Single (p95)"),
    ("query", "latency_p99", "Query", "Single (p99)"),
    ("query", "batch_of_10_p95", "Query", "Batch of 10 (p95)"),
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
    ("memory", "peak", "Memory", "Peak of reading files"),
    ("concurrent", "queries_per_second_1", "Concurrency", "Questions a second, 1 thread"),
    ("concurrent", "queries_per_second_16", "Concurrency", "Questions a second, 16 threads"),
];

/// The figures of one number of documents and one configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// `Corpus: 1,000 documents`, and the configuration where it is not the default.
    pub title: String,
    /// The backends, a column each.
    pub backends: Vec<String>,
    /// The rows under their headings.
    pub lines: Vec<Line>,
}

/// One figure of all backends.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What kind of figure: ingest, query, …
    pub heading: &'static str,
    /// The figure.
    pub name: &'static str,
    /// For each backend the value with its unit; empty where it was not measured.
    pub values: Vec<String>,
    /// With two backends or more, the change from the first to the second: signed, one decimal, and
    /// a tick where that is better.
    pub difference: Option<String>,
}

/// The blocks of a run; of the named tests only, where any are named.
pub fn blocks(run: &RunResult, tests: &BTreeSet<&str>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut kinds: Vec<(u64, &str)> = Vec::new();
    for row in &run.rows {
        let kind = (row.cell.documents, row.cell.configuration.as_str());
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    for (documents, configuration) in kinds {
        let of_block =
            |cell: &Cell| cell.documents == documents && cell.configuration == configuration;
        let mut backends: Vec<String> = Vec::new();
        for row in run.rows.iter().filter(|row| of_block(&row.cell)) {
            if !backends.contains(&row.cell.backend) {
                backends.push(row.cell.backend.clone());
            }
        }
        let mut lines = Vec::new();
        for (test, metric, heading, name) in SHOWN {
            if !tests.is_empty() && !tests.contains(test) {
                continue;
            }
            let row_of = |backend: &String| {
                run.rows.iter().find(|row| {
                    of_block(&row.cell)
                        && row.cell.backend == *backend
                        && row.test == test
                        && row.metric == metric
                })
            };
            let rows: Vec<Option<&Row>> = backends.iter().map(row_of).collect();
            if rows.iter().all(Option::is_none) {
                continue;
            }
            let values = rows.iter().map(|row| row.map(value).unwrap_or_default()).collect();
            let difference = match rows.as_slice() {
                [Some(first), Some(second), ..] => difference(first, second),
                _ => None,
            };
            lines.push(Line { heading, name, values, difference });
        }
        let mut title = format!("Corpus: {} documents", thousands(documents));
        if configuration != "default" {
            title.push_str(&format!(", {configuration}"));
        }
        blocks.push(Block { title, backends, lines });
    }
    blocks
}

fn difference(first: &Row, second: &Row) -> Option<String> {
    let (was, is) = (first.value(), second.value());
    let change = 100.0 * (is - was) / was;
    if !change.is_finite() {
        return None;
    }
    let is_better = match first.better {
        Better::Lower => is < was,
        Better::Higher => is > was,
        Better::Neither => false,
    };
    Some(format!("{change:+.1}%{}", if is_better { " ✓" } else { "" }))
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

/// A run as Markdown.
pub fn markdown(run: &RunResult) -> String {
    let mut text = format!(
        "# {TITLE}\n\n{} · ragged {} · {} · {}\n",
        run.label, run.version, run.corpus, run.machine
    );
    for block in blocks(run, &BTreeSet::new()) {
        text.push_str(&format!("\n## {}\n\n", block.title));
        let has_difference = block.lines.iter().any(|line| line.difference.is_some());
        let mut header = vec!["Metric".to_owned()];
        header.extend(block.backends.iter().cloned());
        if has_difference {
            header.push("Difference".to_owned());
        }
        let rule = vec!["---"; header.len()].join(" | ");
        text.push_str(&format!("| {} |\n| {rule} |\n", header.join(" | ")));
        for line in &block.lines {
            let mut cells = vec![format!("{}: {}", line.heading, line.name)];
            cells.extend(line.values.iter().cloned());
            if has_difference {
                cells.push(line.difference.clone().unwrap_or_default());
            }
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
    }
    for missing in &run.missing {
        let Cell { documents, backend, .. } = &missing.cell;
        text.push_str(&format!(
            "\n{backend}, {} documents: not available: {}\n",
            thousands(*documents),
            missing.why
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{
        Kind, Missing,
        tests::{row, run},
    };

    #[test]
    fn two_backends_stand_side_by_side_with_their_difference() {
        let mut rows = vec![
            row("latency_p95", Better::Lower, Kind::Time, &[40.0, 60.0, 50.0]),
            row("recall_at_3", Better::Higher, Kind::Count, &[0.995]),
        ];
        let mut others = vec![
            row("latency_p95", Better::Lower, Kind::Time, &[25.0]),
            row("recall_at_3", Better::Higher, Kind::Count, &[0.9]),
        ];
        for row in &mut others {
            row.cell.backend = "exact".to_owned();
        }
        rows.append(&mut others);
        let mut run = run("v1", rows);
        run.missing.push(Missing { cell: run.rows[0].cell.clone(), why: "no server".to_owned() });
        let [block] = &blocks(&run, &BTreeSet::new())[..] else { panic!("one block") };
        assert_eq!(block.title, "Corpus: 1,000 documents");
        assert_eq!(block.lines[0].values, ["50.0 ms", "25.0 ms"]);
        assert_eq!(block.lines[0].difference.as_deref(), Some("-50.0% ✓"));
        assert_eq!(block.lines[1].difference.as_deref(), Some("-9.5%"));
        let text = markdown(&run);
        assert!(text.contains("| Query: Single (p95) | 50.0 ms | 25.0 ms | -50.0% ✓ |"), "{text}");
        assert!(text.contains("not available: no server"), "{text}");
        assert!(blocks(&run, &BTreeSet::from(["ingest"]))[0].lines.is_empty());
    }

    #[test]
    fn numbers_have_the_digits_that_say_something() {
        for (number, unit, expected) in [
            (1234.6, "1/s", "1,235/s"),
            (99.94, "ms", "99.9 ms"),
            (1.234, "ms", "1.23 ms"),
            (0.01234, "ms", "0.012 ms"),
            (0.0, "", "0.000"),
        ] {
            assert_eq!(with_unit(number, unit), expected);
        }
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
