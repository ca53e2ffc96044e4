//! What a run has measured so far, so that one that was interrupted can go on.
//!
//! A file of JSON lines: first what the run is of, then each step that was taken and its figures. A
//! line that was not written to its end counts as not there.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use ragged::error::{Context as _, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::{
    machine::Machine,
    result::Cell,
    run::{Plan, Step},
    task::{Figure, Test},
};

/// What a run is of: a run of anything else cannot go on with its figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// Version of the program.
    pub version: String,
    /// Where.
    pub machine: Machine,
    /// What is measured, and how often.
    pub plan: Plan,
    /// Where the documents came from, in words.
    pub corpus: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Taken {
    cell: Cell,
    test: Test,
    round: usize,
    figures: Vec<Figure>,
}

/// The steps of a run that were taken.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    taken: Vec<Taken>,
}

impl Journal {
    /// The journal of a label below a folder of results.
    pub fn path(dir: &Path, label: &str) -> PathBuf {
        dir.join(format!("{label}.part.jsonl"))
    }

    /// A journal of a run that begins; one that was there is replaced.
    ///
    /// # Errors
    ///
    /// `Io`.
    pub fn begin(path: &Path, subject: &Subject) -> Result<Self> {
        let what = || format!("beginning {}", path.display());
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).context_with(what)?;
        }
        let file = File::create(path).context_with(what)?;
        let mut journal = Self { path: path.to_path_buf(), file, taken: Vec::new() };
        journal.write(subject)?;
        Ok(journal)
    }

    /// The journal of a run that was interrupted; a new one where there is none.
    ///
    /// # Errors
    ///
    /// `Conflict` where that run measured something else; `Corrupt` for what is no journal; `Io`.
    pub fn resume(path: &Path, subject: &Subject) -> Result<Self> {
        if !path.is_file() {
            return Self::begin(path, subject);
        }
        let what = || format!("going on with {}", path.display());
        let text = fs::read_to_string(path).context_with(what)?;
        let mut lines = text.lines();
        let before: Subject = serde_json::from_str(lines.next().unwrap_or_default())
            .map_err(|error| {
                Error::from_source(ErrorKind::Corrupt, error)
                    .with_hint("leave --resume out to begin again")
            })
            .context_with(what)?;
        if before != *subject {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the run that was interrupted measured something else, or with another version",
            )
            .with_hint("give the same options again, or leave --resume out to begin again")
            .context(what()));
        }
        let taken: Vec<Taken> = lines.map_while(|line| serde_json::from_str(line).ok()).collect();
        // What was half written is written over.
        let mut journal = Self::begin(path, subject)?;
        for taken in taken {
            journal.write(&taken)?;
            journal.taken.push(taken);
        }
        Ok(journal)
    }

    /// How many steps were taken.
    pub fn len(&self) -> usize {
        self.taken.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// The figures of a step, where it was taken.
    pub fn figures(&self, step: &Step) -> Option<Vec<Figure>> {
        let is_it = |taken: &&Taken| {
            (&taken.cell, taken.test, taken.round) == (&step.task.cell, step.task.test, step.round)
        };
        self.taken.iter().find(is_it).map(|taken| taken.figures.clone())
    }

    /// Notes that a step was taken.
    ///
    /// # Errors
    ///
    /// `Io`.
    pub fn note(&mut self, step: &Step, figures: &[Figure]) -> Result<()> {
        let taken = Taken {
            cell: step.task.cell.clone(),
            test: step.task.test,
            round: step.round,
            figures: figures.to_vec(),
        };
        self.write(&taken)?;
        self.taken.push(taken);
        Ok(())
    }

    /// Ends a run of which every step was taken.
    ///
    /// # Errors
    ///
    /// `Io`.
    pub fn end(self) -> Result<()> {
        drop(self.file);
        fs::remove_file(&self.path).context_with(|| format!("removing {}", self.path.display()))
    }

    fn write(&mut self, line: &impl Serialize) -> Result<()> {
        let what = || format!("writing {}", self.path.display());
        let mut text = serde_json::to_vec(line)
            .map_err(|error| Error::from_source(ErrorKind::Internal, error))
            .context_with(what)?;
        text.push(b'\n');
        self.file.write_all(&text).context_with(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::{corpus, figure, plan};

    fn subject(repeats: usize) -> Subject {
        let plan = Plan { repeats, ..plan(&[Test::Ingest, Test::Query]) };
        let machine = Machine::of_a_test();
        Subject { version: "1".to_owned(), machine, plan, corpus: "a test".to_owned() }
    }

    #[test]
    fn what_was_taken_is_known_and_what_was_half_written_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = Journal::path(dir.path(), "x");
        let subject = subject(2);
        let steps = subject.plan.steps(10, &corpus(), dir.path());
        let mut journal = Journal::begin(&path, &subject).unwrap();
        journal.note(&steps[0], &[figure("x", 1.0)]).unwrap();
        journal.note(&steps[1], &[figure("x", 2.0)]).unwrap();
        drop(journal);
        let mut text = fs::read_to_string(&path).unwrap();
        text.truncate(text.len() - 5);
        fs::write(&path, text).unwrap();

        let mut journal = Journal::resume(&path, &subject).unwrap();
        assert_eq!(journal.len(), 1);
        assert_eq!(journal.figures(&steps[0]), Some(vec![figure("x", 1.0)]));
        assert_eq!(journal.figures(&steps[1]), None);
        journal.note(&steps[1], &[figure("x", 3.0)]).unwrap();
        let journal = Journal::resume(&path, &subject).unwrap();
        assert_eq!(journal.figures(&steps[1]), Some(vec![figure("x", 3.0)]));
        journal.end().unwrap();
        assert!(Journal::resume(&path, &subject).unwrap().is_empty());
    }

    #[test]
    fn a_run_of_something_else_is_not_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let path = Journal::path(dir.path(), "x");
        drop(Journal::begin(&path, &subject(2)).unwrap());
        let error = Journal::resume(&path, &subject(3)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        fs::write(&path, "nothing").unwrap();
        assert_eq!(Journal::resume(&path, &subject(2)).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
