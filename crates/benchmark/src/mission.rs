//! What ragged set out to do, held against what was measured: twelve criteria and the targets.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    result::{Row, RunResult},
    sample::median,
    soak,
};

/// Documents of the small, the middle and the large library.
pub const SIZES: [u64; 3] = [1_000, 10_000, 50_000];
const SMALL: u64 = SIZES[0];
const MIDDLE: u64 = SIZES[1];
const LARGE: u64 = SIZES[2];
/// The backend that all of this is about.
pub const BACKEND: &str = "leann";

/// One aim, and what was measured of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Aim {
    /// What it is.
    pub name: String,
    /// The number of the criterion, from 1 to 12; `None` for a target beside these.
    pub criterion: Option<u8>,
    /// The bound.
    pub target: f64,
    /// Whether the bound is the most that is allowed, and not the least.
    pub is_most: bool,
    /// What was measured; `None` where it was not.
    pub measured: Option<f64>,
    /// The unit of both.
    pub unit: String,
    /// Whether the bound is kept. What was not measured is not.
    pub pass: bool,
}

impl Aim {
    /// At most so much.
    pub fn most(name: impl Into<String>, target: f64, unit: &str, measured: Option<f64>) -> Self {
        Self::new(name.into(), target, true, unit, measured)
    }

    /// At least so much.
    pub fn least(name: impl Into<String>, target: f64, unit: &str, measured: Option<f64>) -> Self {
        Self::new(name.into(), target, false, unit, measured)
    }

    fn new(name: String, target: f64, is_most: bool, unit: &str, measured: Option<f64>) -> Self {
        let keeps = |value: f64| if is_most { value <= target } else { value >= target };
        Self {
            name,
            criterion: None,
            target,
            is_most,
            measured,
            unit: unit.to_owned(),
            pass: measured.is_some_and(keeps),
        }
    }

    /// The same as part of a criterion.
    #[must_use]
    pub fn of(self, criterion: u8) -> Self {
        Self { criterion: Some(criterion), ..self }
    }
}

/// Figures of a run, by number of documents, test and metric.
#[derive(Clone, Copy, Debug)]
struct Figures<'a>(&'a RunResult);

impl<'a> Figures<'a> {
    fn row(self, documents: u64, test: &str, metric: &str) -> Option<&'a Row> {
        self.0.rows.iter().find(|row| {
            let cell = &row.cell;
            (cell.documents, cell.backend.as_str(), cell.configuration.as_str())
                == (documents, BACKEND, "default")
                && row.test == test
                && row.metric == metric
        })
    }

    fn of(self, documents: u64, test: &str, metric: &str) -> Option<f64> {
        self.row(documents, test, metric).map(Row::value)
    }

    fn ratio(self, documents: u64, over: (&str, &str), under: (&str, &str)) -> Option<f64> {
        let under = self.of(documents, under.0, under.1)?;
        Some(self.of(documents, over.0, over.1)? / under)
    }
}

/// The aims that a run at [`SIZES`] and a long run speak of. What the program itself knows (tuning,
/// coverage, documents) is added by it.
pub fn aims(run: &RunResult, soaked: Option<&soak::Report>) -> Vec<Aim> {
    let figures = Figures(run);
    let mut aims = criteria(figures, soaked);
    aims.extend(targets(figures));
    aims
}

fn criteria(figures: Figures<'_>, soaked: Option<&soak::Report>) -> Vec<Aim> {
    let mut aims = Vec::new();
    for size in [SMALL, MIDDLE] {
        let at = |what: &str| format!("{what}, {size} documents");
        let strategies = |metric: &str| figures.of(size, "strategies", metric);
        let gain = strategies("gain");
        aims.push(
            Aim::least(at("vector search faster than the plain walk"), 20.0, "%", gain).of(1),
        );
        let lost = strategies("naive_recall_at_10")
            .zip(strategies("default_recall_at_10"))
            .map(|(naive, default)| naive - default);
        aims.push(Aim::most(at("recall@10 below the plain walk's"), 0.002, "", lost).of(1));
    }
    for size in [SMALL, MIDDLE] {
        let at = |what: &str| format!("{what}, {size} documents");
        let overhead = |metric: &str| figures.of(size, "overhead", metric);
        let latency = overhead("query_share");
        aims.push(Aim::most(at("memory adds to a question"), 20.0, "%", latency).of(2));
        let resident = overhead("resident_share");
        aims.push(Aim::most(at("memory adds to resident bytes"), 20.0, "%", resident).of(2));
    }
    let disk = figures
        .of(MIDDLE, "overhead", "disk_per_question")
        .zip(figures.of(MIDDLE, "storage", "total"))
        .map(|(of_question, total)| 100.0 * of_question * 1000.0 / (total * 1000.0));
    let name = "1,000 questions remembered beside 10,000 documents, on disk";
    aims.push(Aim::most(name, 20.0, "%", disk).of(2));
    for size in [SMALL, MIDDLE] {
        let repeat = figures.ratio(size, ("query", "repeat_p50"), ("query", "latency_p50"));
        let name = format!("a question asked again, of the first time, {size} documents");
        aims.push(Aim::most(name, 50.0, "%", repeat.map(|share| 100.0 * share)).of(3));
    }
    for size in [SMALL, MIDDLE] {
        let gain = figures.of(size, "strategies", "batch_gain");
        let name = format!("ten questions of a session in a batch, faster, {size} documents");
        aims.push(Aim::least(name, 3.0, "×", gain).of(4));
    }
    let threads = figures.0.machine.threads.clamp(1, 16) as f64;
    let asking = |n: &str| {
        let (many, one) = (("concurrent", n), ("concurrent", "queries_per_second_1"));
        figures.ratio(SMALL, many, one).map(|ratio| 100.0 * ratio / threads)
    };
    let name = "16 threads that ask, of linear up to the processors";
    aims.push(Aim::least(name, 70.0, "%", asking("queries_per_second_16")).of(5));
    let personas = figures.ratio(
        SMALL,
        ("concurrent", "personas_per_second_16"),
        ("concurrent", "personas_per_second_1"),
    );
    let name = "16 personas that ask and are remembered, of one";
    aims.push(Aim::least(name, 70.0, "%", personas.map(|ratio| 100.0 * ratio)).of(5));
    aims.push(growth("a long run: resident bytes an operation", "resident", soaked));
    aims.push(growth("a long run: open files a thousand operations", "handles", soaked));
    let failed = soaked.map(|report| report.n_errors as f64);
    aims.push(Aim::most("a long run: operations that failed", 0.0, "", failed).of(6));
    let tests: BTreeSet<&str> = figures.0.rows.iter().map(|row| row.test.as_str()).collect();
    let seven =
        ["ingest", "query", "memory", "storage", "concurrent", "personalisation", "temporal"];
    let measured = seven.iter().filter(|test| tests.contains(*test)).count();
    aims.push(
        Aim::least("tests of the suite that give figures", 7.0, "", Some(measured as f64)).of(7),
    );
    let apart = figures.row(SMALL, "query", "latency_p50").and_then(halves_apart);
    let name = "medians of odd and of even runs of the same questions, apart";
    aims.push(Aim::most(name, 5.0, "%", apart).of(7));
    let profiled = figures.of(SMALL, "profiling", "query_share");
    aims.push(Aim::most("timing the stages of a question adds", 2.0, "%", profiled).of(8));
    let slower = figures.row(SMALL, "strategies", "default_p50").map(|_| {
        let worse = |(default, naive): (&str, &str)| {
            figures
                .ratio(MIDDLE, ("strategies", default), ("strategies", naive))
                .is_none_or(|ratio| ratio > 1.05)
        };
        let pairs = [
            ("default_p50", "naive_p50"),
            ("default_p95", "naive_p95"),
            ("default_recomputed", "naive_recomputed"),
            ("naive_recall_at_10", "default_recall_at_10"),
        ];
        pairs.into_iter().filter(|pair| worse(*pair)).count() as f64
    });
    aims.push(Aim::most("figures worse than the plain walk's by over 5 %", 0.0, "", slower).of(12));
    aims
}

/// The greatest slope that a long run leaves possible is not held against the bound: the least is,
/// since what chance explains is no leak.
fn growth(name: &str, watched: &str, soaked: Option<&soak::Report>) -> Aim {
    let trend = soaked.and_then(|report| report.slopes.iter().find(|trend| trend.name == watched));
    // KB in a thousand operations are bytes in one.
    let unit = if watched == "resident" { "B" } else { "" };
    let limit = trend.map_or(0.0, |trend| trend.limit);
    Aim::most(name, limit, unit, trend.map(|trend| trend.slope.low.max(0.0))).of(6)
}

/// By how much the medians of every second repeat are apart, in per cent.
fn halves_apart(row: &Row) -> Option<f64> {
    let every_second = |first: usize| {
        let half: Vec<f64> = row.repeats.iter().skip(first).step_by(2).copied().collect();
        median(&half)
    };
    let (odd, even) = (every_second(0)?, every_second(1)?);
    Some(100.0 * (odd / even - 1.0).abs())
}

fn targets(figures: Figures<'_>) -> Vec<Aim> {
    let at = |size: u64, what: &str| format!("{what}, {size} documents");
    let most = |size: u64, what: &str, test: &str, metric: &str, unit: &str, target: f64| {
        Aim::most(at(size, what), target, unit, figures.of(size, test, metric))
    };
    let p95 = |size: u64, what: &str, test: &str, metric: &str, target: f64| {
        most(size, &format!("{what}, p95"), test, metric, "ms", target)
    };
    let mut aims = vec![
        p95(SMALL, "one question", "query", "latency_p95", 40.0),
        p95(MIDDLE, "one question", "query", "latency_p95", 100.0),
        p95(SMALL, "a batch of ten", "query", "batch_of_10_p95", 150.0),
        p95(MIDDLE, "a batch of ten", "query", "batch_of_10_p95", 150.0),
    ];
    for size in [SMALL, MIDDLE] {
        let recall = figures.of(size, "query", "recall_at_3");
        aims.push(Aim::least(at(size, "recall@3"), 0.9, "", recall));
        let recall = figures.of(size, "query", "recall_at_10");
        aims.push(Aim::least(at(size, "recall@10"), 0.95, "", recall));
    }
    aims.extend([
        p95(MIDDLE, "a profile read anew", "personalisation", "profile_p95", 50.0),
        p95(MIDDLE, "interests worked out", "personalisation", "interests_p95", 100.0),
        p95(MIDDLE, "20 candidates ranked by a profile", "personalisation", "ranking_p95", 100.0),
        p95(MIDDLE, "the slowest question about time", "temporal", "slowest_p95", 500.0),
        p95(SMALL, "an answer with personalisation", "personalisation", "answer_p95", 1500.0),
        p95(MIDDLE, "an answer with personalisation", "personalisation", "answer_p95", 2500.0),
        p95(MIDDLE, "an answer with time and facts", "temporal", "answer_p95", 2000.0),
        p95(MIDDLE, "an answer that is kept", "query", "repeat_p95", 10.0),
        most(MIDDLE, "added to one that is not", "query", "miss_penalty", "ms", 5.0),
        most(SMALL, "memory at rest", "memory", "idle", "MiB", 30.0),
        most(MIDDLE, "memory at work", "memory", "active", "MiB", 120.0),
    ]);
    let peak = figures
        .of(LARGE, "memory", "peak")
        .zip(figures.of(LARGE, "memory", "active_peak"))
        .map(|(reading, asking)| reading.max(asking));
    aims.push(Aim::most(at(LARGE, "most memory, reading files or asking"), 400.0, "MiB", peak));
    aims.push(Aim::least(
        at(SMALL, "documents read a second"),
        150.0,
        "1/s",
        figures.of(SMALL, "ingest", "documents_per_second"),
    ));
    aims.push(most(SMALL, "disk a document", "storage", "per_document", "KB", 25.0));
    aims.push(most(SMALL, "personalisation adds", "personalisation", "overhead", "ms", 50.0));
    aims
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{
        Better, Kind,
        tests::{row, run},
    };

    fn figure(documents: u64, test: &str, metric: &str, repeats: &[f64]) -> Row {
        let mut row = row(metric, Better::Lower, Kind::Time, repeats);
        row.cell.documents = documents;
        row.test = test.to_owned();
        row
    }

    fn aim<'a>(aims: &'a [Aim], name: &str) -> &'a Aim {
        aims.iter().find(|aim| aim.name.contains(name)).unwrap()
    }

    #[test]
    fn what_was_not_measured_does_not_pass() {
        let aims = aims(&run("x", Vec::new()), None);
        let passed: Vec<&str> =
            aims.iter().filter(|aim| aim.pass).map(|aim| aim.name.as_str()).collect();
        assert_eq!(passed, [""; 0]);
        let criteria: BTreeSet<u8> = aims.iter().filter_map(|aim| aim.criterion).collect();
        assert_eq!(criteria, BTreeSet::from([1, 2, 3, 4, 5, 6, 7, 8, 12]));
    }

    #[test]
    fn bounds_are_held_on_the_right_side() {
        let rows = vec![
            figure(1_000, "query", "latency_p95", &[39.0]),
            figure(1_000, "query", "recall_at_3", &[0.89]),
            figure(1_000, "query", "latency_p50", &[2.0, 2.2, 2.0, 2.2]),
            figure(1_000, "query", "repeat_p50", &[0.5]),
            figure(1_000, "strategies", "gain", &[90.0]),
        ];
        let aims = aims(&run("x", rows), None);
        assert!(aim(&aims, "one question, p95, 1000").pass);
        assert!(!aim(&aims, "recall@3, 1000").pass);
        assert!(aim(&aims, "faster than the plain walk, 1000").pass);
        let again = aim(&aims, "asked again, of the first time, 1000");
        assert!(again.pass && (again.measured.unwrap() - 100.0 * 0.5 / 2.1).abs() < 1e-9);
        let apart = aim(&aims, "medians of odd");
        assert!(!apart.pass && (apart.measured.unwrap() - 100.0 * 0.2 / 2.2).abs() < 1e-9);
    }
}
