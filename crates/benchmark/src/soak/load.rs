//! What is done in a long run: as many deletions as additions, so that nothing need grow.

use std::{
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use fastrand::Rng;
use ragged::{
    error::{Context as _, Error, ErrorKind, Result},
    library::{Cancel, Library, NoProgress, SearchRequest, VirtualDocument},
    memory::{FactDraft, InteractionFilter},
    settings::Settings,
    temporal::{Clock, window::Granularity},
};

use super::{MovedClock, Plan};
use crate::{
    asker::{Asker, memory_in},
    corpus::{walk, write_synthetic},
    task::Opening,
};

/// Personas that ask in turn.
const PERSONAS: usize = 4;
/// Interactions of a persona that are kept.
const KEPT_INTERACTIONS: u64 = 60;
/// Different questions.
const QUESTIONS: usize = 400;
/// How far an operation moves the clock.
const STEP_MS: i64 = 60_000;
/// Operations after which everything is closed and opened again, and after which it is compacted.
const REOPEN_EVERY: u64 = 1_500;
const COMPACT_EVERY: u64 = 250;
/// Errors whose words are kept.
const ERRORS: usize = 5;
/// Days of a timeline.
const TIMELINE_DAYS: u32 = 14;

/// An operation, and how many in a thousand it is.
const MIX: [(&str, u32); 6] =
    [("search", 820), ("answer", 90), ("add", 30), ("remove", 30), ("forget", 20), ("look-up", 10)];

/// A library and personas at work.
pub(super) struct Load<'a> {
    opening: &'a dyn Opening,
    dir: &'a Path,
    settings: Settings,
    clock: Arc<MovedClock>,
    open: Option<Open>,
    rng: Rng,
    texts: Vec<String>,
    questions: Vec<String>,
    /// Documents in the library, the oldest first.
    held: VecDeque<String>,
    documents: usize,
    n_added: usize,
    n_operations: u64,
    counts: [u64; MIX.len()],
    latencies: Vec<f64>,
    errors: Vec<String>,
    n_errors: u64,
}

struct Open {
    library: Arc<Library>,
    askers: Vec<Asker>,
}

impl<'a> Load<'a> {
    pub(super) fn begin(plan: &Plan, dir: &'a Path, opening: &'a dyn Opening) -> Result<Self> {
        let corpus =
            write_synthetic(&dir.join("corpus"), 2 * plan.documents, QUESTIONS, plan.seed)?;
        let mut files = Vec::new();
        walk(&corpus.folder, &mut files)
            .context_with(|| format!("reading {}", corpus.folder.display()))?;
        files.sort();
        let read = |path: &PathBuf| {
            fs::read_to_string(path).context_with(|| format!("reading {}", path.display()))
        };
        let texts = files.iter().map(read).collect::<Result<_>>()?;
        let mut settings = opening.settings("default")?;
        // Small, so that they are full before anything is counted.
        settings.backend.cache_size = 64;
        settings.backend.vector_cache_bytes = 1 << 20;
        settings.memory.cache.l3_size = 32;
        let mut load = Self {
            opening,
            dir,
            settings,
            clock: MovedClock::at(opening.clock().now_ms()),
            open: None,
            rng: Rng::with_seed(plan.seed),
            texts,
            questions: corpus.questions,
            held: VecDeque::new(),
            documents: plan.documents,
            n_added: 0,
            n_operations: 0,
            counts: [0; MIX.len()],
            latencies: Vec::new(),
            errors: Vec::new(),
            n_errors: 0,
        };
        load.reopen()?;
        let documents = (0..plan.documents).map(|_| load.document()).collect();
        load.opened()?.library.add_virtual(documents, &NoProgress, &Cancel::new())?;
        Ok(load)
    }

    pub(super) fn n_operations(&self) -> u64 {
        self.n_operations
    }

    /// The times of the questions since the last call.
    pub(super) fn take_latencies(&mut self) -> Vec<f64> {
        std::mem::take(&mut self.latencies)
    }

    /// Operations by name, errors, and how many of these there were.
    pub(super) fn end(self) -> (Vec<(&'static str, u64)>, Vec<String>, u64) {
        let names = MIX.iter().map(|(name, _)| *name);
        (names.zip(self.counts).collect(), self.errors, self.n_errors)
    }

    /// Does one thing; what goes wrong is counted.
    pub(super) fn step(&mut self) {
        self.n_operations += 1;
        self.clock.forward(STEP_MS);
        let mut drawn = self.rng.u32(..MIX.iter().map(|(_, share)| *share).sum::<u32>());
        let mut which = 0;
        while drawn >= MIX[which].1 {
            drawn -= MIX[which].1;
            which += 1;
        }
        let done = self.operate(MIX[which].0).and_then(|()| self.keep_house());
        self.counts[which] += 1;
        if let Err(error) = done {
            self.n_errors += 1;
            if self.errors.len() < ERRORS {
                self.errors.push(format!("{}: {error:#}", MIX[which].0));
            }
        }
    }

    fn operate(&mut self, operation: &str) -> Result<()> {
        match operation {
            "add" => {
                let document = vec![self.document()];
                self.opened()?.library.add_virtual(document, &NoProgress, &Cancel::new())?;
            }
            "remove" => {
                while self.held.len() > self.documents {
                    let path: Vec<String> = self.held.pop_front().into_iter().collect();
                    self.opened()?.library.remove(&path, false)?;
                }
            }
            "forget" => {
                let number = self.rng.usize(..PERSONAS);
                self.opened()?.askers[number].forget_oldest(KEPT_INTERACTIONS)?;
            }
            "look-up" => self.look_up()?,
            _ => self.ask(operation == "answer")?,
        }
        Ok(())
    }

    fn ask(&mut self, in_words: bool) -> Result<()> {
        let (number, which) = (self.rng.usize(..PERSONAS), self.rng.usize(..self.questions.len()));
        let Open { library, askers } = self.opened()?;
        let asker = &askers[number];
        let request = SearchRequest::new(self.questions[which].as_str(), &self.settings.search);
        let begun = Instant::now();
        let profile = asker.profile()?;
        let response = if in_words {
            library.answer_for(&request, profile.as_deref(), &mut |_| ())?.search
        } else {
            library.search_for(&request, profile.as_deref())?
        };
        let took = begun.elapsed();
        asker.record(&request.query, &response)?;
        if !in_words {
            self.latencies.push(took.as_secs_f64() * 1000.0);
        }
        Ok(())
    }

    /// A timeline, trends, and a fact that comes and goes.
    fn look_up(&mut self) -> Result<()> {
        let number = self.rng.usize(..PERSONAS);
        let now_ms = self.clock.now_ms();
        let remembered = &self.opened()?.askers[number].remembered;
        let window = remembered.last_days(TIMELINE_DAYS);
        remembered.timeline(window, Granularity::Day)?;
        remembered.trending(window, 1)?;
        let noted = remembered.add_fact(&FactDraft {
            fact_type: "soak".to_owned(),
            content: format!("operation {}", self.n_operations),
            valid_from_ms: now_ms,
            valid_to_ms: None,
            confidence: 0.5,
            source: None,
        })?;
        remembered.facts_for("which operation was it?", now_ms, 3)?;
        remembered.erase_fact(&noted.fact.id)
    }

    fn keep_house(&mut self) -> Result<()> {
        if self.n_operations.is_multiple_of(COMPACT_EVERY) {
            self.opened()?.library.compact()?;
        }
        if self.n_operations.is_multiple_of(REOPEN_EVERY) {
            self.reopen()?;
        }
        Ok(())
    }

    /// Closes everything, and opens it again.
    fn reopen(&mut self) -> Result<()> {
        self.open = None;
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        let library = self.opening.open(self.dir, self.settings.clone(), Arc::clone(&clock))?;
        let library = Arc::new(library);
        let memory = memory_in(self.dir, &clock)?;
        let askers = (0..PERSONAS)
            .map(|number| Asker::new(&format!("soak-{number}"), &memory, &library, &clock))
            .collect::<Result<_>>()?;
        self.open = Some(Open { library, askers });
        Ok(())
    }

    fn opened(&self) -> Result<&Open> {
        let none = || Error::new(ErrorKind::Unavailable, "the library could not be opened again");
        self.open.as_ref().ok_or_else(none)
    }

    fn document(&mut self) -> VirtualDocument {
        let text = self.texts[self.n_added % self.texts.len()].clone();
        let path = format!("soak/{}", self.n_added);
        self.n_added += 1;
        self.held.push_back(path.clone());
        // Each is another one, or it would be a duplicate of the one before it of that text.
        let text = format!("{text}\n\nNumber {}.", self.n_added);
        VirtualDocument { path, title: String::new(), text }
    }
}

impl Asker {
    /// Deletes the oldest interactions, so that `kept` are left, in one transaction; and clears the
    /// file of them.
    fn forget_oldest(&self, kept: u64) -> Result<()> {
        self.flush()?;
        let n = self.n_remembered()?;
        let Some(surplus) = n.checked_sub(kept).filter(|surplus| *surplus > 0) else {
            return Ok(());
        };
        let newest = self.remembered.interactions(&InteractionFilter::default(), kept as usize)?;
        let until_ms = newest.last().map(|oldest_kept| oldest_kept.timestamp_ms);
        let filter = InteractionFilter { until_ms, ..InteractionFilter::default() };
        let deleted = self.remembered.delete_interactions(&filter)?;
        debug_assert!(deleted <= surplus);
        Ok(())
    }
}
