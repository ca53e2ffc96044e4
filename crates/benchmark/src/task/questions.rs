//! Questions, one after another and in batches, cold, warm and repeated.

use ragged::{
    error::Result,
    library::{Library, SearchRequest},
    settings::{BackendKind, SearchMode},
};

use super::{Figure, K, Measuring, Task, WARM_UP, chunks, in_turn, latencies, timed};
use crate::{
    process::forget_pages,
    result::{Better, Kind},
    sample::{P99_MIN, median},
};

/// Questions of a batch.
const BATCH: usize = 10;
/// Percentiles from which a distribution can be drawn.
const PERCENTS: [u8; 8] = [5, 10, 25, 50, 75, 90, 95, 100];

impl Measuring<'_> {
    pub(super) fn query(&self) -> Result<Vec<Figure>> {
        let Task { questions, library: dir, .. } = self.task;
        let is_forgotten = forget_pages(dir);
        let (library, opened) = timed(|| self.open(self.without_answers_kept()))?;
        let idle = self.memory();
        let ask =
            |library: &Library, question: &str| timed(|| library.search(&self.asking(question)));
        let (_, first) = ask(&library, &questions[0])?;
        let cold = if is_forgotten { "cold_first" } else { "new_process_first" };
        let mut figures =
            vec![Figure::ms("query", "open", opened), Figure::ms("query", cold, first)];
        for question in questions.iter().take(WARM_UP) {
            ask(&library, question)?;
        }
        let (mut times, mut recomputed, mut compared) = (Vec::new(), 0, 0);
        for question in questions {
            let (response, ms) = ask(&library, question)?;
            times.push(ms);
            recomputed += response.counts.recomputed_embeddings;
            compared += response.counts.scanned_codes + response.counts.visited_codes;
        }
        figures.extend(latencies("query", "latency", &times, &PERCENTS));
        if times.len() >= P99_MIN {
            figures.extend(latencies("query", "latency", &times, &[99]));
        }
        let per_question = |n: u64| n as f64 / questions.len() as f64;
        figures.push(Figure::work("query", "recomputed", per_question(recomputed)));
        figures.push(Figure::work("query", "compared", per_question(compared)));
        figures.extend(self.batches(&library)?);
        if let Some((active, idle)) = self.memory().zip(idle) {
            figures.push(Figure::memory("memory", "idle", idle.resident));
            figures.push(Figure::memory("memory", "active", active.resident));
            figures.push(Figure::memory("memory", "active_heap", active.anonymous));
            figures.push(Figure::memory("memory", "active_peak", active.peak));
        }
        if self.task.counts {
            figures.extend(self.recall(&library)?);
        }
        figures.extend(self.repeats(&library)?);
        Ok(figures)
    }

    fn batches(&self, library: &Library) -> Result<Vec<Figure>> {
        let requests: Vec<SearchRequest> =
            self.task.questions.iter().map(|question| self.asking(question)).collect();
        let mut times = Vec::new();
        for batch in requests.chunks(BATCH).filter(|batch| batch.len() == BATCH) {
            times.push(timed(|| library.search_batch(batch))?.1);
        }
        let mut figures = latencies("query", "batch_of_10", &times, &[50, 95]);
        let total: f64 = times.iter().sum();
        if total > 0.0 {
            let rate = 1000.0 * (BATCH * times.len()) as f64 / total;
            figures.push(Figure::rate("query", "batch_throughput", rate));
        }
        Ok(figures)
    }

    /// The same question a second time, with answers kept; and what it costs the first time that one
    /// will be kept.
    fn repeats(&self, without: &Library) -> Result<Vec<Figure>> {
        let library = self.open(self.settings.clone())?;
        let (mut times, mut penalties) = (Vec::new(), Vec::new());
        for (at, question) in self.task.questions.iter().enumerate() {
            let request = self.asking(question);
            let with = || Ok(timed(|| library.search(&request))?.1);
            let without = || Ok(timed(|| without.search(&request))?.1);
            let (first, plain) = in_turn(at % 2 == 1, with, without)?;
            penalties.push(first - plain);
            times.push(with()?);
        }
        let mut figures = latencies("query", "repeat", &times, &[50, 95]);
        if let Some(penalty) = median(&penalties) {
            figures.push(Figure::added("query", "miss_penalty", penalty).over(penalties.len()));
        }
        Ok(figures)
    }

    /// The share of the nearest vectors that are found among as many.
    fn recall(&self, library: &Library) -> Result<Vec<Figure>> {
        let mut settings = self.without_answers_kept();
        settings.backend.kind = BackendKind::Exact;
        let exact = self.open(settings)?;
        let mut figures = Vec::new();
        for k in [3, K] {
            let (mut found, mut wanted) = (0, 0);
            for question in &self.task.questions {
                let request = self.request(question, k, SearchMode::Vector);
                let nearest = chunks(&exact.search(&request)?);
                found += nearest.intersection(&chunks(&library.search(&request)?)).count();
                wanted += nearest.len();
            }
            let recall = found as f64 / wanted.max(1) as f64;
            let name = format!("recall_at_{k}");
            figures.push(
                Figure::new("query", &name, "", Better::Higher, Kind::Count, recall)
                    .over(self.task.questions.len()),
            );
        }
        Ok(figures)
    }
}
