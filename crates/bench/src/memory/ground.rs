//! What is measured: a library of real files, and the memory of a persona that has asked for years.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use ragged::{
    library::{Answered, Asked, Library, SearchRequest, SearchResponse, recording},
    memory::{
        FactDraft, FactQuery, Feedback, InteractionFilter, Memory, MemoryConfig, NewInteraction,
        Preparation, RecordedTopic, TopicSource, topic::Extractor,
    },
    settings::Settings,
    temporal::FixedClock,
};
use ragged_benchmark::{asker, process::folder_bytes};
use tempfile::TempDir;

use super::Args;
use crate::{
    measure::{open_at, read_questions},
    program::Program,
};

/// The persona that has asked for years.
pub(super) const LOADED: &str = "loaded";
/// When all of this happens.
pub(super) const NOW_MS: i64 = 1_795_000_000_000;
const DAY_MS: i64 = 86_400_000;
/// The time over which the interactions are spread.
pub(super) const SPAN_DAYS: i64 = 3 * 365;
/// Topics besides those of the questions.
const TAIL_TOPICS: usize = 5_000;
/// Kinds of facts: one is true of each at a time.
pub(super) const FACT_TYPES: usize = 200;
/// Of so many questions one was judged.
const JUDGED_EVERY: usize = 50;
/// Interactions written in one transaction while filling.
const FILL_BATCH: usize = 500;
pub(super) const SESSION_LEN: usize = 5;

pub(super) struct Ground {
    pub(super) dir: PathBuf,
    pub(super) library: Arc<Library>,
    pub(super) memory: Arc<Memory>,
    pub(super) questions: Vec<String>,
    /// What the questions find.
    pub(super) responses: Vec<SearchResponse>,
    pub(super) extractor: Arc<Extractor>,
    pub(super) n_interactions: usize,
    pub(super) n_facts: usize,
    _scratch: Option<TempDir>,
}

pub(super) fn open_memory(dir: &Path) -> Result<Memory> {
    Memory::open(dir, None, MemoryConfig::default(), Arc::new(FixedClock(NOW_MS)))
        .with_context(|| format!("opening the memory in {}", dir.display()))
}

impl Ground {
    #[expect(clippy::print_stdout, reason = "a report is what the command is for")]
    pub(super) fn prepare(args: &Args) -> Result<Self> {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let folder = args.folder.clone().unwrap_or(docs);
        let questions = match &args.questions {
            Some(path) => read_questions(path)?,
            None => headings(&folder)?,
        };
        ensure!(!questions.is_empty(), "{} gives no questions", folder.display());
        let (dir, scratch) = if let Some(library) = &args.library {
            (library.clone(), None)
        } else {
            let scratch = tempfile::tempdir().context("making a folder for the library")?;
            (scratch.path().join("library"), Some(scratch))
        };
        if !Library::exists(&dir) {
            let program = Program::new(args.ragged.as_deref(), &dir)?;
            program.json(&["add", &folder.display().to_string()])?;
            program.json(&["compact"])?;
        }
        let library = Arc::new(open_at(&dir, Settings::default(), NOW_MS)?);
        let settings = library.settings().search.clone();
        let search = |question: &String| {
            library.search(&SearchRequest::new(format!("{question} at first"), &settings))
        };
        let responses = questions.iter().map(search).collect::<ragged::error::Result<_>>()?;
        let ground = Self {
            memory: Arc::new(open_memory(&dir)?),
            dir,
            library,
            questions,
            responses,
            extractor: Arc::new(Extractor::default()),
            n_interactions: args.interactions,
            n_facts: args.facts,
            _scratch: scratch,
        };
        ground.fill(&mut Rng::with_seed(args.seed))?;
        println!(
            "{} questions; the persona has {} interactions and {} facts, {} MB on disk",
            ground.questions.len(),
            args.interactions,
            args.facts,
            folder_bytes(&ground.dir.join("memory")) / 1_000_000,
        );
        Ok(ground)
    }

    /// Brings the persona's memory to the wanted size.
    #[expect(clippy::print_stdout, reason = "a report is what the command is for")]
    fn fill(&self, rng: &mut Rng) -> Result<()> {
        let (_, remembered) = asker::persona(&self.memory, LOADED)?;
        let n_known = remembered.count_interactions(&InteractionFilter::default())? as usize;
        let templates = self.templates()?;
        let begun = Instant::now();
        let mut batch = Vec::new();
        let n_missing = self.n_interactions.saturating_sub(n_known);
        for number in self.n_interactions - n_missing..self.n_interactions {
            // Some questions are asked much more often than others.
            let which = (templates.len() as f64 * rng.f64().powi(2)) as usize;
            let mut new = templates[which].clone();
            new.id = NewInteraction::new_id()?;
            new.query = format!("{} {number}", new.query);
            let share = number as f64 / self.n_interactions as f64;
            new.timestamp_ms =
                NOW_MS - DAY_MS - ((1.0 - share) * (SPAN_DAYS * DAY_MS) as f64) as i64;
            new.session_id = Some(session(number));
            new.feedback = (number % JUDGED_EVERY == 0).then_some(Feedback::Good);
            let tail = (TAIL_TOPICS as f64 * rng.f64().powi(3)) as usize;
            new.topics.push(RecordedTopic {
                key: format!("tail topic {tail}"),
                name: format!("Tail topic {tail}"),
                score: 0.5,
                source: TopicSource::Query,
            });
            batch.push(new);
            if batch.len() == FILL_BATCH || number + 1 == self.n_interactions {
                remembered.record_all(&batch)?;
                batch.clear();
            }
        }
        if n_missing > 0 {
            println!(
                "{n_missing} interactions written in {:.1} s, {FILL_BATCH} a transaction",
                begun.elapsed().as_secs_f64()
            );
        }
        let n_known = remembered.facts(&FactQuery::default())?.len();
        for number in n_known..self.n_facts {
            let kind = number % FACT_TYPES;
            let turn = i64::try_from(number / FACT_TYPES)?;
            let n_turns = i64::try_from((self.n_facts / FACT_TYPES).max(1))?;
            let step = SPAN_DAYS * DAY_MS / n_turns;
            let from = NOW_MS - SPAN_DAYS * DAY_MS + turn * step;
            remembered.add_fact(&FactDraft {
                fact_type: fact_type(kind),
                content: format!("state {turn} of what kind {kind} tells"),
                valid_from_ms: from,
                // The last one still holds.
                valid_to_ms: (turn + 1 < n_turns).then_some(from + step),
                confidence: 0.9,
                source: None,
            })?;
        }
        Ok(())
    }

    /// What the program records of each question.
    fn templates(&self) -> Result<Vec<NewInteraction>> {
        let mut templates = Vec::new();
        for at in 0..self.questions.len() {
            if let Some(mut new) = self.preparation(at, None)?()? {
                let text = self.responses[at].hits.first().map(|hit| &*hit.text);
                new.response = text.map(|text| text.chars().take(400).collect());
                templates.push(new);
            }
        }
        Ok(templates)
    }

    /// What the program has recorded of a question.
    pub(super) fn preparation(
        &self,
        at: usize,
        answered: Option<&Answered>,
    ) -> Result<Preparation> {
        let response = answered.map_or(&self.responses[at], |answered| &answered.search);
        Ok(recording(&self.extractor, asked(&self.questions[at])?, response, answered))
    }

    /// A copy of the memory in a folder of its own.
    pub(super) fn copy(&self) -> Result<TempDir> {
        let (persona, _) = asker::persona(&self.memory, LOADED)?;
        for name in [persona.file_id.as_str(), "registry"] {
            self.memory.vault().open(name)?.settle(false)?;
        }
        let copy = tempfile::tempdir_in(self.dir.parent().unwrap_or(&self.dir))?;
        for part in ["memory", "keys"] {
            let to = copy.path().join(part);
            std::fs::create_dir_all(&to)?;
            for entry in std::fs::read_dir(self.dir.join(part))? {
                let entry = entry?;
                let is_file_of_it = !entry.file_name().to_string_lossy().ends_with("-shm");
                if entry.file_type()?.is_file() && is_file_of_it {
                    std::fs::copy(entry.path(), to.join(entry.file_name()))?;
                }
            }
        }
        Ok(copy)
    }
}

/// A question as the program hands it over, each a little later than the one before: nobody asks a
/// thousand in one millisecond.
pub(super) fn asked(question: &str) -> Result<Asked> {
    static LATER_MS: AtomicI64 = AtomicI64::new(0);
    Ok(asker::asked(question, NOW_MS + LATER_MS.fetch_add(1, Ordering::Relaxed))?)
}

pub(super) fn session(number: usize) -> String {
    format!("{:032x}", number / SESSION_LEN)
}

pub(super) fn fact_type(kind: usize) -> String {
    format!("kind{kind}")
}

/// The headings of the Markdown files below a folder, in order of path, as questions.
fn headings(folder: &Path) -> Result<Vec<String>> {
    let mut questions = Vec::new();
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .collect::<std::io::Result<_>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            questions.extend(headings(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let text = std::fs::read_to_string(&path)?;
            questions.extend(
                text.lines()
                    .filter_map(|line| line.strip_prefix("## ").or_else(|| line.strip_prefix("# ")))
                    .map(|heading| format!("What is known of {}?", heading.to_lowercase())),
            );
        }
    }
    Ok(questions)
}
