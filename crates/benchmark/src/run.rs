//! A run: which cells are measured how often, in which order, and what comes of it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use ragged::{
    error::{Context as _, Result},
    library::Library,
    memory::Memory,
};
use serde::{Deserialize, Serialize};

use crate::{
    corpus::Corpus,
    journal::Journal,
    result::{Cell, Missing, Row},
    task::{Figure, Task, Test},
};

/// What is to be measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Decides what is made up, and orders.
    pub seed: u64,
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
                    seed: self.seed,
                };
                if self.tests.contains(&Test::Ingest) || (asks && round == 0) {
                    let library = if round == 0 { kept.clone() } else { scratch.join("again") };
                    steps.push(Step {
                        task: task(Test::Ingest, library),
                        round,
                        is_preparation: !self.tests.contains(&Test::Ingest),
                    });
                }
                let asked = self.tests.iter().filter(|test| **test != Test::Ingest);
                for test in asked.filter(|test| round < test.most_repeats()) {
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

    /// Takes a step by `spawn`, which runs its task in a process of its own, unless the journal has
    /// its figures. A cell that fails is not measured any further.
    ///
    /// # Errors
    ///
    /// Those of making room for the step, and of the journal; what a task fails with is noted.
    pub fn take(
        &mut self,
        step: &Step,
        journal: &mut Journal,
        spawn: &mut dyn FnMut(&Task) -> Result<Vec<Figure>>,
    ) -> Result<()> {
        let Task { cell, library, test, .. } = &step.task;
        if self.missing.iter().any(|missing| missing.cell == *cell) {
            return Ok(());
        }
        if let Some(figures) = journal.figures(step) {
            if !step.is_preparation {
                self.add(cell, figures);
            }
            return Ok(());
        }
        if *test == Test::Ingest && library.exists() {
            fs::remove_dir_all(library)
                .context_with(|| format!("emptying {}", library.display()))?;
        }
        match prepare(&step.task, spawn).and_then(|()| spawn(&step.task)) {
            Ok(figures) => {
                journal.note(step, &figures)?;
                if !step.is_preparation {
                    self.add(cell, figures);
                }
            }
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

/// Makes what a task needs and is not there. A run that goes on has the figures of what made a
/// library, and not the library.
fn prepare(task: &Task, spawn: &mut dyn FnMut(&Task) -> Result<Vec<Figure>>) -> Result<()> {
    if task.test != Test::Ingest && !Library::exists(&task.library) {
        spawn(&Task { test: Test::Ingest, ..task.clone() })?;
    }
    if task.test.remembers() && !Memory::exists(&task.library) {
        spawn(&Task { test: Test::Remember, ..task.clone() })?;
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use ragged::error::{Error, ErrorKind};

    use super::*;
    use crate::{
        journal::Subject,
        machine::Machine,
        result::{Better, Kind},
    };

    pub(crate) fn plan(tests: &[Test]) -> Plan {
        Plan {
            sizes: vec![10],
            backends: vec!["leann".to_owned(), "exact".to_owned()],
            configurations: vec!["default".to_owned()],
            tests: tests.iter().copied().collect(),
            repeats: 3,
            n_questions: 5,
            chroma: None,
            seed: 1,
        }
    }

    pub(crate) fn corpus() -> Corpus {
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

    pub(crate) fn figure(test: &str, value: f64) -> Figure {
        Figure {
            test: test.to_owned(),
            metric: "x".to_owned(),
            unit: String::new(),
            better: Better::Lower,
            kind: Kind::Time,
            value,
            n: 1,
        }
    }

    #[test]
    fn repeats_are_gathered_and_a_cell_that_fails_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(&[Test::Ingest, Test::Query]);
        let subject = Subject {
            version: "1".to_owned(),
            machine: Machine::of_a_test(),
            plan: plan.clone(),
            corpus: "a test".to_owned(),
        };
        let path = Journal::path(dir.path(), "x");
        let mut journal = Journal::begin(&path, &subject).unwrap();
        let mut gathered = Gathered::default();
        let mut n = 0;
        let mut spawn = |task: &Task| {
            n += 1;
            if task.cell.backend == "exact" && task.test == Test::Query {
                return Err(Error::new(ErrorKind::Unavailable, "it is away"));
            }
            fs::create_dir_all(&task.library).unwrap();
            fs::write(task.library.join("library.db"), "").unwrap();
            Ok(vec![figure(task.test.as_str(), f64::from(n))])
        };
        let steps = plan.steps(10, &corpus(), dir.path());
        for step in &steps {
            gathered.take(step, &mut journal, &mut spawn).unwrap();
        }
        let (rows, missing) = gathered.into_rows(&plan);
        assert_eq!(missing.len(), 1);
        assert!(missing[0].why.contains("it is away"));
        let shape: Vec<(&str, &str, usize)> = rows
            .iter()
            .map(|row| (row.cell.backend.as_str(), row.test.as_str(), row.repeats.len()))
            .collect();
        assert_eq!(shape, [("leann", "ingest", 3), ("leann", "query", 3), ("exact", "ingest", 1)]);

        // Going on elsewhere takes no step of these again, and makes the library that is gone.
        let elsewhere = dir.path().join("elsewhere");
        let mut journal = Journal::resume(&path, &subject).unwrap();
        let mut gathered = Gathered::default();
        let mut asked = Vec::new();
        for step in plan.steps(10, &corpus(), &elsewhere) {
            let mut spawn = |task: &Task| {
                asked.push((task.cell.backend.clone(), task.test));
                Ok(vec![figure(task.test.as_str(), 0.0)])
            };
            gathered.take(&step, &mut journal, &mut spawn).unwrap();
        }
        let (again, _) = gathered.into_rows(&plan);
        assert_eq!(again[..2], rows[..2]);
        let exact = |test: Test| ("exact".to_owned(), test);
        assert_eq!(asked[..2], [exact(Test::Ingest), exact(Test::Query)]);
        assert!(asked.iter().all(|(backend, _)| backend == "exact"), "{asked:?}");
        assert_eq!(n, 3 + 3 + 2, "nothing is asked of a cell that failed");
    }
}
