//! Which of several backends or configurations did best in a run.
//!
//! Each figure that has a limit ([`threshold`](crate::threshold)) gives a point to whoever is best in
//! it, for each number of documents. Those that the best does not beat by more than noise share the
//! point. Most points win, but nobody whose recall@3 is below [`LEAST_RECALL`]: being fast by missing
//! what is near is no merit.

use std::fmt;

use super::{Column, columns, is_better, sizes};
use crate::result::{Better, Row, RunResult};

/// The least recall@3 of a winner, in each size.
pub const LEAST_RECALL: f64 = 0.9;

/// What gives points, and what it is called.
const CATEGORIES: [(&str, &str, &str); 7] = [
    ("query", "latency_p95", "query speed"),
    ("ingest", "documents_per_second", "ingest speed"),
    ("memory", "peak", "memory use"),
    ("storage", "per_document", "storage efficiency"),
    ("personalisation", "overhead", "personalisation"),
    ("query", "recall_at_3", "recall@3"),
    ("query", "recall_at_10", "recall@10"),
];

/// How a run ended for those that took part.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Who won, and in what more often than anybody else; `None` where several have as many points.
    pub winner: Option<(String, Vec<&'static str>)>,
    /// Points, most first.
    pub points: Vec<(String, f64)>,
}

/// The outcome; `None` where there were not two to compare.
pub fn outcome(run: &RunResult) -> Option<Outcome> {
    let columns = columns(run);
    let mut points = vec![0.0; columns.len()];
    let mut won: Vec<Vec<(&'static str, usize)>> = vec![Vec::new(); columns.len()];
    let mut n_counted = 0;
    for documents in sizes(run) {
        for (test, metric, category) in CATEGORIES {
            let taking_part: Vec<(usize, &Row)> = columns
                .iter()
                .enumerate()
                .filter_map(|(at, column)| Some((at, column.row(run, documents, test, metric)?)))
                .collect();
            if taking_part.len() < 2 {
                continue;
            }
            n_counted += 1;
            let best = best(&taking_part);
            for at in &best {
                points[*at] += 1.0 / best.len() as f64;
            }
            if let [only] = best[..] {
                match won[only].iter_mut().find(|(known, _)| *known == category) {
                    Some((_, times)) => *times += 1,
                    None => won[only].push((category, 1)),
                }
            }
        }
    }
    if n_counted == 0 {
        return None;
    }
    let may_win = |column: &Column| {
        sizes(run).into_iter().all(|documents| {
            let recall = column.row(run, documents, "query", "recall_at_3");
            recall.is_none_or(|recall| recall.value() >= LEAST_RECALL)
        })
    };
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by(|a, b| points[*b].total_cmp(&points[*a]));
    let first = order.iter().copied().find(|at| may_win(&columns[*at]));
    let winner = first.and_then(|first| {
        let is_alone = (0..columns.len())
            .filter(|other| *other != first && may_win(&columns[*other]))
            .all(|other| points[first] > points[other] + 1e-9);
        // In what it won outright more often than anybody else.
        let times = |at: usize, category: &str| {
            won[at].iter().find(|(known, _)| *known == category).map_or(0, |(_, times)| *times)
        };
        let reasons: Vec<&'static str> = CATEGORIES
            .iter()
            .map(|(_, _, category)| *category)
            .filter(|category| {
                let own = times(first, category);
                (0..columns.len()).all(|other| other == first || times(other, category) < own)
            })
            .collect();
        (is_alone && !reasons.is_empty()).then(|| (columns[first].name.clone(), reasons))
    });
    let points = order.into_iter().map(|at| (columns[at].name.clone(), points[at])).collect();
    Some(Outcome { winner, points })
}

/// Those with the best median, and all whom it does not beat by more than noise.
fn best(taking_part: &[(usize, &Row)]) -> Vec<usize> {
    let ahead = |a: &Row, b: &Row| match a.better {
        Better::Higher => b.value().total_cmp(&a.value()),
        Better::Lower | Better::Neither => a.value().total_cmp(&b.value()),
    };
    let Some((_, best)) = taking_part.iter().min_by(|a, b| ahead(a.1, b.1)) else {
        return Vec::new();
    };
    taking_part.iter().filter(|(_, row)| !is_better(row, best)).map(|(at, _)| *at).collect()
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.winner {
            Some((name, reasons)) => write!(f, "{name} ({})", reasons.join(" + ")),
            None => f.write_str("no clear winner"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        result::{
            Kind,
            tests::{row, run},
        },
        threshold,
    };

    /// A figure of a backend with a hundred documents.
    fn of(backend: &str, (test, metric): (&str, &str), better: Better, repeats: &[f64]) -> Row {
        let kind = if metric.starts_with("recall") { Kind::Count } else { Kind::Time };
        let mut row = row(metric, better, kind, repeats);
        row.cell.backend = backend.to_owned();
        row.test = test.to_owned();
        row
    }

    const LATENCY: (&str, &str) = ("query", "latency_p95");
    const RECALL: (&str, &str) = ("query", "recall_at_3");
    const INGEST: (&str, &str) = ("ingest", "documents_per_second");

    #[test]
    fn what_has_a_limit_gives_points() {
        for (test, metric, _) in CATEGORIES {
            assert!(threshold::is_limited(test, metric), "{test} {metric}");
        }
    }

    #[test]
    fn points_are_won_and_shared_and_their_categories_named() {
        let rows = |exact_rate: [f64; 3]| {
            vec![
                of("exact", LATENCY, Better::Lower, &[20.0, 21.0, 20.5]),
                of("exact", INGEST, Better::Higher, &exact_rate),
                of("exact", RECALL, Better::Higher, &[1.0]),
                of("leann", LATENCY, Better::Lower, &[5.0, 5.1, 5.2]),
                of("leann", INGEST, Better::Higher, &[400.0, 410.0, 420.0]),
                of("leann", RECALL, Better::Higher, &[0.99]),
            ]
        };
        // One each, and a tie: nobody.
        let found = outcome(&run("x", rows([405.0, 411.0, 400.0]))).unwrap();
        assert_eq!(found.to_string(), "no clear winner");
        assert_eq!(found.points, [("exact".to_owned(), 1.5), ("leann".to_owned(), 1.5)]);
        let found = outcome(&run("x", rows([100.0, 110.0, 105.0]))).unwrap();
        assert_eq!(found.to_string(), "leann (query speed + ingest speed)");
        assert_eq!(found.points, [("leann".to_owned(), 2.0), ("exact".to_owned(), 1.0)]);
    }

    #[test]
    fn who_misses_what_is_near_does_not_win() {
        let rows = vec![
            of("exact", LATENCY, Better::Lower, &[20.0, 21.0, 20.5]),
            of("exact", INGEST, Better::Higher, &[10.0, 11.0]),
            of("exact", RECALL, Better::Higher, &[1.0]),
            of("leann", LATENCY, Better::Lower, &[5.0, 5.1, 5.2]),
            of("leann", INGEST, Better::Higher, &[400.0, 410.0]),
            of("leann", RECALL, Better::Higher, &[0.85]),
        ];
        assert_eq!(outcome(&run("x", rows)).unwrap().to_string(), "exact (recall@3)");
    }

    #[test]
    fn one_alone_wins_nothing() {
        let rows = vec![of("leann", LATENCY, Better::Lower, &[5.0, 5.1])];
        assert_eq!(outcome(&run("x", rows)), None);
        assert_eq!(outcome(&run("x", Vec::new())), None);
    }
}
