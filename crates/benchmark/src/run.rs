//! A run: which cells are measured how often, in which order, and what comes of it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use ragged::error::{Context as _, Result};

use crate::{
    corpus::Corpus,
    result::{Cell, Missing, Row},
    task::{Figure, Task, Test},
};

/// What is to be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Numbers of documents, in the order of the report.
    pub sizes: Vec<u64>,
    /// Backends, by name.
    pub backends: Vec<String>,
    /// Configurations, by name.
    pub configurations: Vec<String>,
    /// Tests. Those that ask need a library, which [`Test::Ingest`] makes whether it is asked for or
    /// not.
    pub tests: BTreeSet<Test>,
    /// How often each is measured.
    pub repeats: usize,
    /// The most questions of a test.
    pub n_questions: usize,
    /// The program `chroma`.
    pub chroma: Option<PathBuf>,
}

/// A task of a plan, and whether its figures are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is done.
    pub task: Task,
    /// The round, from 0.
    pub round: usize,
    /// Whether it only makes a library.
    pub is_preparation: bool,
}

impl Plan {
    /// The cells, in the order of the report.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for documents in &self.sizes {
            for configuration in &self.configurations {
                for backend in &self.backends {
                    cells.push(Cell {
                        documents: *documents,
                        backend: backend.clone(),
                        configuration: configuration.clone(),
                    });
                }
            }
        }
        cells
    }

    /// The steps over one corpus. Cells take turns within a round, and another one begins each time,
    /// so that what changes about the machine meets all of them.
    pub fn steps(&self, documents: u64, corpus: &Corpus, scratch: &Path) -> Vec<Step> {
        let cells: Vec<Cell> =
            self.cells().into_iter().filter(|cell| cell.documents == documents).collect();
        let questions: Vec<String> =
            corpus.questions.iter().take(self.n_questions).cloned().collect();
        let asks = self.tests.iter().any(|test| *test != Test::Ingest);
        let mut steps = Vec::new();
        for round in 0..self.repeats.max(1) {
            for turn in 0..cells.len() {
                let cell = &cells[(turn + round) % cells.len()];
                let name = format!("{}-{}-{}", cell.backend, cell.configuration, documents);
                let kept = scratch.join(name);
                let task = |test: Test, library: PathBuf| Task {
                    test,
                    cell: cell.clone(),
                    corpus: corpus.folder.clone(),
                    library,
                    questions: if test == Test::Ingest { Vec::new() } else { questions.clone() },
                    chroma: self.chroma.clone(),
                    counts: round == 0,
                };
                if self.tests.contains(&Test::Ingest) || (asks && round == 0) {
                    let library = if round == 0 { kept.clone() } else { scratch.join("again") };
                    steps.push(Step {
                        task: task(Test::Ingest, library),
                        round,
                        is_preparation: !self.tests.contains(&Test::Ingest),
                    });
                }
                for test in self.tests.iter().filter(|test| **test != Test::Ingest) {
                    steps.push(Step {
                        task: task(*test, kept.clone()),
                        round,
                        is_preparation: false,
                    });
                }
            }
        }
        steps
    }
}

/// What the steps of a plan gave so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gathered {
    rows: Vec<Row>,
    missing: Vec<Missing>,
}

impl Gathered {
    /// Nothing yet; these cells are left alone.
    pub fn without(missing: Vec<Missing>) -> Self {
        Self { rows: Vec::new(), missing }
    }

    /// Takes a step by `spawn`, which runs its task in a process of its own. A cell that fails is not
    /// measured any further.
    ///
    /// # Errors
    ///
    /// Those of making room for the step; what a task fails with is noted.
    pub fn take(
        &mut self,
        step: &Step,
        spawn: &mut dyn FnMut(&Task) -> Result<Vec<Figure>>,
    ) -> Result<()> {
        let Task { cell, library, .. } = &step.task;
        if self.missing.iter().any(|missing| missing.cell == *cell) {
            return Ok(());
        }
        if step.task.test == Test::Ingest && library.exists() {
            fs::remove_dir_all(library)
                .context_with(|| format!("emptying {}", library.display()))?;
        }
        match spawn(&step.task) {
            Ok(_) if step.is_preparation => {}
            Ok(figures) => self.add(cell, figures),
            Err(error) => {
                let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                self.missing.push(Missing { cell: cell.clone(), why: format!("{error:#}{hint}") });
            }
        }
        Ok(())
    }

    fn add(&mut self, cell: &Cell, figures: Vec<Figure>) {
        for figure in figures {
            let known = self.rows.iter_mut().find(|row| {
                row.cell == *cell && row.test == figure.test && row.metric == figure.metric
            });
            match known {
                Some(row) => row.repeats.push(figure.value),
                None => self.rows.push(Row {
                    cell: cell.clone(),
                    test: figure.test,
                    metric: figure.metric,
                    unit: figure.unit,
                    better: figure.better,
                    kind: figure.kind,
                    repeats: vec![figure.value],
                    n: figure.n,
                }),
            }
        }
    }

    /// The rows, in the order of the report: by cell as the plan has them, and as they were measured.
    pub fn into_rows(self, plan: &Plan) -> (Vec<Row>, Vec<Missing>) {
        let cells = plan.cells();
        let place = |cell: &Cell| cells.iter().position(|known| known == cell);
        let mut rows = self.rows;
        rows.sort_by_key(|row| place(&row.cell));
        (rows, self.missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{Better, Kind};

    fn plan(tests: &[Test]) -> Plan {
        Plan {
            sizes: vec![10],
            backends: vec!["leann".to_owned(), "exact".to_owned()],
            configurations: vec!["default".to_owned()],
            tests: tests.iter().copied().collect(),
            repeats: 3,
            n_questions: 5,
            chroma: None,
        }
    }

    fn corpus() -> Corpus {
        Corpus {
            folder: "corpus".into(),
            n_documents: 10,
            questions: (0..9).map(|n| format!("question {n}")).collect(),
            origin: "a test".to_owned(),
        }
    }

    #[test]
    fn cells_take_turns_and_another_begins_each_round() {
        let plan = plan(&[Test::Query]);
        let steps = plan.steps(10, &corpus(), Path::new("scratch"));
        let order: Vec<(usize, &str, Test, bool)> = steps
            .iter()
            .map(|step| {
                let Task { cell, test, .. } = &step.task;
                (step.round, cell.backend.as_str(), *test, step.is_preparation)
            })
            .collect();
        assert_eq!(
            order,
            [
                (0, "leann", Test::Ingest, true),
                (0, "leann", Test::Query, false),
                (0, "exact", Test::Ingest, true),
                (0, "exact", Test::Query, false),
                (1, "exact", Test::Query, false),
                (1, "leann", Test::Query, false),
                (2, "leann", Test::Query, false),
                (2, "exact", Test::Query, false),
            ]
        );
        assert!(
            steps
                .iter()
                .all(|step| step.task.questions.len() == 5 || step.task.test == Test::Ingest)
        );
    }

    #[test]
    fn repeats_are_gathered_and_a_cell_that_fails_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(&[Test::Ingest, Test::Query]);
        let mut gathered = Gathered::default();
        let mut n = 0;
        for step in plan.steps(10, &corpus(), dir.path()) {
            gathered
                .take(&step, &mut |task| {
                    n += 1;
                    if task.cell.backend == "exact" && task.test == Test::Query {
                        return Err(ragged::error::Error::new(
                            ragged::error::ErrorKind::Unavailable,
                            "it is away",
                        ));
                    }
                    Ok(vec![Figure {
                        test: task.test.as_str().to_owned(),
                        metric: "x".to_owned(),
                        unit: String::new(),
                        better: Better::Lower,
                        kind: Kind::Time,
                        value: f64::from(n),
                        n: 1,
                    }])
                })
                .unwrap();
        }
        let (rows, missing) = gathered.into_rows(&plan);
        assert_eq!(missing.len(), 1);
        assert!(missing[0].why.contains("it is away"));
        let shape: Vec<(&str, &str, usize)> = rows
            .iter()
            .map(|row| (row.cell.backend.as_str(), row.test.as_str(), row.repeats.len()))
            .collect();
        assert_eq!(shape, [("leann", "ingest", 3), ("leann", "query", 3), ("exact", "ingest", 1)]);
        assert_eq!(n, 3 + 3 + 2, "nothing is asked of a cell that failed");
    }
}
