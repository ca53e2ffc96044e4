//! The figures of the vector engine: strategies, batches, caches, growth, the planner, peers.

pub(crate) mod batch;
pub(crate) mod cache;
pub(crate) mod growth;
pub(crate) mod peers;
pub(crate) mod planner;
pub(crate) mod strategies;

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::{Context as _, Result};
use ragged::{library::Library, settings::Strategy};
use tempfile::TempDir;

use crate::{
    measure::{chunks, open, read_questions, vector_request, without_caches},
    program::Program,
};

/// Which files are searched for what.
#[derive(Debug, clap::Args)]
pub(crate) struct Corpus {
    /// Folder of files; `scripts/corpus/debian.py` makes one
    folder: PathBuf,
    /// Questions, one JSON object with `text` a line; `scripts/corpus/questions.py` makes them
    #[arg(long)]
    questions: PathBuf,
    /// Keep the library here and use it again
    #[arg(long)]
    library: Option<PathBuf>,
    /// The program [default: the one built beside this one]
    #[arg(long)]
    ragged: Option<PathBuf>,
}

/// A library of the corpus, and its questions.
pub(crate) struct Prepared {
    pub(crate) dir: PathBuf,
    pub(crate) questions: Vec<String>,
    _scratch: Option<TempDir>,
}

impl Corpus {
    /// Adds the folder to a library of its own, unless that is there, with a graph.
    pub(crate) fn prepare(&self) -> Result<Prepared> {
        let questions = read_questions(&self.questions)?;
        let scratch = match self.library {
            Some(_) => None,
            None => Some(tempfile::tempdir().context("making a folder for the library")?),
        };
        let dir = match (&self.library, &scratch) {
            (Some(library), _) => library.clone(),
            (None, Some(scratch)) => scratch.path().join("library"),
            (None, None) => PathBuf::new(),
        };
        if !Library::exists(&dir) {
            let program = Program::new(self.ragged.as_deref(), &dir)?;
            program.json(&["add", &self.folder.display().to_string()])?;
            program.json(&["compact", "-o", "backend.graph=always"])?;
        }
        Ok(Prepared { dir, questions, _scratch: scratch })
    }
}

impl Prepared {
    /// The library, with nothing kept from one search to the next.
    pub(crate) fn uncached(&self) -> Result<Library> {
        open(&self.dir, without_caches())
    }
}

/// For each question the `k` nearest chunks, of a library that searches exactly.
pub(crate) fn nearest(
    exact: &Library,
    questions: &[String],
    k: usize,
) -> Result<Vec<BTreeSet<u64>>> {
    let search = |question: &String| exact.search(&vector_request(question, k, Strategy::Auto));
    questions.iter().map(|question| Ok(chunks(&search(question)?))).collect()
}
