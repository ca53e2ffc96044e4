//! The default way to search vectors against what it replaces: a plain walk through the graph that
//! recomputes each embedding it meets, and brute force.

use std::{collections::BTreeSet, fs};

use ragged::{
    error::{Context as _, Error, ErrorKind, Result},
    library::{AddOptions, Cancel, Library, NoProgress, SearchRequest},
    settings::{BackendKind, GraphUse, SearchMode, Settings, Strategy},
};

use super::{Figure, K, Measuring, chunks, in_turn, latencies, timed};
use crate::{
    corpus::wordings,
    result::{Better, Kind},
    sample::median,
};

/// Questions that every way is asked.
const ASKED: usize = 30;
/// Questions that brute force is asked.
const ASKED_OF_FORCE: usize = 5;
/// Widths of the beam of the plain walk that are tried: the first whose recall is that of the
/// default counts.
const BEAMS: [usize; 6] = [25, 50, 75, 100, 150, 200];
/// Recall that may be missing from the plain walk's.
const LEVEL: f64 = 0.002;
/// Batches of questions that have to do with each other.
const BATCHES: usize = 20;

/// The times and the recall of one way.
#[derive(Default)]
struct Tried {
    times: Vec<f64>,
    found: usize,
    wanted: usize,
    recomputed: u64,
}

impl Tried {
    fn ask(
        &mut self,
        library: &Library,
        request: &SearchRequest,
        wanted: &BTreeSet<u64>,
    ) -> Result<()> {
        let (response, ms) = timed(|| library.search(request))?;
        self.times.push(ms);
        self.found += wanted.intersection(&chunks(&response)).count();
        self.wanted += wanted.len();
        self.recomputed += response.counts.recomputed_embeddings;
        Ok(())
    }

    fn recall(&self) -> f64 {
        self.found as f64 / self.wanted.max(1) as f64
    }

    fn figures(&self, name: &str) -> Vec<Figure> {
        let mut figures = latencies("strategies", name, &self.times, &[50, 95]);
        let n = self.times.len();
        let named = |what: &str| format!("{name}_{what}");
        let (metric, recall) = (named("recall_at_10"), self.recall());
        figures.push(
            Figure::new("strategies", &metric, "", Better::Higher, Kind::Count, recall).over(n),
        );
        let recomputed = self.recomputed as f64 / n.max(1) as f64;
        figures.push(Figure::work("strategies", &named("recomputed"), recomputed).over(n));
        figures
    }
}

impl Measuring<'_> {
    /// A library of the same documents that keeps a graph.
    fn with_graph(&self, settings: &Settings) -> Result<Library> {
        let dir = self.task.library.join("with-graph");
        let is_there = Library::exists(&dir);
        fs::create_dir_all(&dir).context_with(|| format!("making {}", dir.display()))?;
        let library = self.opening.open(&dir, settings.clone(), self.opening.clock())?;
        if !is_there {
            let readers = self.opening.readers(settings)?;
            let paths = [self.task.corpus.clone()];
            library.add(&paths, AddOptions::default(), &readers, &NoProgress, &Cancel::new())?;
            library.compact()?;
        }
        Ok(library)
    }

    pub(super) fn strategies(&self) -> Result<Vec<Figure>> {
        let mut settings = self.without_answers_kept();
        if settings.backend.kind != BackendKind::Leann {
            return Err(Error::new(ErrorKind::Invalid, "only leann has strategies to compare"));
        }
        settings.backend.graph = GraphUse::Always;
        let library = self.with_graph(&settings)?;
        let dir = library.dir().to_path_buf();
        let open =
            |settings: &Settings| self.opening.open(&dir, settings.clone(), self.opening.clock());
        let exact = {
            let mut settings = settings.clone();
            settings.backend.kind = BackendKind::Exact;
            open(&settings)?
        };
        let request = |question: &String, strategy: Strategy| SearchRequest {
            strategy,
            ..self.request(question, K, SearchMode::Vector)
        };
        let questions: Vec<&String> = self.task.questions.iter().take(ASKED).collect();
        let mut nearest = Vec::new();
        for question in &questions {
            nearest.push(chunks(&exact.search(&request(question, Strategy::Auto))?));
        }
        drop(exact);
        let asked = || questions.iter().zip(&nearest);

        let mut compared = None;
        for beam in BEAMS {
            let mut settings = settings.clone();
            settings.backend.beam_width = beam;
            let walking = open(&settings)?;
            let (mut default, mut naive) = (Tried::default(), Tried::default());
            for (at, (question, nearest)) in asked().enumerate() {
                let by_default = request(question, Strategy::Auto);
                let by_walk = request(question, Strategy::Naive);
                if at == 0 {
                    library.search(&by_default)?;
                }
                default.ask(&library, &by_default, nearest)?;
                naive.ask(&walking, &by_walk, nearest)?;
            }
            let is_level = naive.recall() >= default.recall() - LEVEL;
            compared = Some((default, naive));
            if is_level {
                break;
            }
        }
        let mut force = Tried::default();
        for (question, nearest) in asked().take(ASKED_OF_FORCE) {
            force.ask(&library, &request(question, Strategy::Exact), nearest)?;
        }
        let mut figures = Vec::new();
        if let Some((default, naive)) = &compared {
            let middle = |tried: &Tried| median(&tried.times).unwrap_or(f64::NAN);
            let stronger = middle(naive).min(middle(&force));
            let gain = 100.0 * (1.0 - middle(default) / stronger);
            figures.extend(default.figures("default"));
            figures.extend(naive.figures("naive"));
            figures.push(
                Figure::new("strategies", "gain", "%", Better::Higher, Kind::Time, gain)
                    .over(default.times.len()),
            );
        }
        figures.extend(force.figures("brute_force"));
        figures.extend(self.batches_of_a_session(&library)?);
        Ok(figures)
    }

    /// Batches of questions as a person asks them who is after one thing, against the same one after
    /// the other.
    fn batches_of_a_session(&self, library: &Library) -> Result<Vec<Figure>> {
        let (mut ratios, mut times) = (Vec::new(), Vec::new());
        for (at, question) in self.task.questions.iter().take(BATCHES).enumerate() {
            let requests: Vec<SearchRequest> = wordings(question)
                .iter()
                .map(|wording| self.request(wording, K, SearchMode::Vector))
                .collect();
            let singles = || {
                let each = || requests.iter().try_for_each(|one| library.search(one).map(drop));
                Ok(timed(each)?.1)
            };
            let together = || Ok(timed(|| library.search_batch(&requests))?.1);
            if at == 0 {
                singles()?;
                together()?;
            }
            let (one_by_one, at_once) = in_turn(at % 2 == 1, singles, together)?;
            ratios.push(one_by_one / at_once);
            times.push(at_once);
        }
        let mut figures = latencies("strategies", "session_of_10", &times, &[50, 95]);
        figures.extend(median(&ratios).map(|ratio| {
            Figure::new("strategies", "batch_gain", "×", Better::Higher, Kind::Time, ratio)
                .over(ratios.len())
        }));
        Ok(figures)
    }
}
