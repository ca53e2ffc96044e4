//! Many at once: threads that ask one library, personas that ask and are remembered, and writing
//! beside reading.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use ragged::{
    error::{Error, ErrorKind, Result},
    library::{Cancel, Library, NoProgress, VirtualDocument},
};

use super::{Figure, Measuring, WARM_UP, latencies, timed};
use crate::asker::{Asker, memory_in};

/// Threads that ask at once, one run each.
const THREADS: [usize; 5] = [1, 2, 4, 8, 16];
/// Personas that ask at once, one run each.
const PERSONAS: [usize; 3] = [1, 4, 16];
/// The least questions of a thread.
const LEAST_EACH: usize = 8;
/// The least questions of all personas of a run.
const LEAST_OF_PERSONAS: usize = 160;
/// Documents that each of the writers adds, one a transaction.
const WRITTEN: usize = 12;
const WRITERS: usize = 2;

impl Measuring<'_> {
    pub(super) fn concurrent(&self) -> Result<Vec<Figure>> {
        let library = Arc::new(self.open(self.without_answers_kept())?);
        for question in self.task.questions.iter().take(WARM_UP) {
            library.search(&self.asking(question))?;
        }
        let mut figures = self.threads(&library)?;
        figures.extend(self.personas(&library)?);
        figures.extend(self.writers(&library)?);
        Ok(figures)
    }

    /// Questions a second.
    fn threads(&self, library: &Library) -> Result<Vec<Figure>> {
        let questions = &self.task.questions;
        let mut figures = Vec::new();
        for n_threads in THREADS {
            let each = questions.len().div_ceil(n_threads).max(LEAST_EACH);
            let ask = |at: usize| -> Result<()> {
                let first = at * questions.len() / n_threads;
                let mut asked = questions.iter().cycle().skip(first).take(each);
                asked.try_for_each(|question| library.search(&self.asking(question)).map(drop))
            };
            let begun = Instant::now();
            at_once(n_threads, &ask)?;
            let n = each * n_threads;
            let rate = n as f64 / begun.elapsed().as_secs_f64();
            let name = format!("queries_per_second_{n_threads}");
            figures.push(Figure::rate("concurrent", &name, rate).over(n));
        }
        Ok(figures)
    }

    /// Questions a second, each ranked by its persona's profile and recorded; all is on disk before
    /// the clock stops.
    fn personas(&self, library: &Arc<Library>) -> Result<Vec<Figure>> {
        let questions = &self.task.questions;
        let clock = self.opening.clock();
        let mut figures = Vec::new();
        for n_personas in PERSONAS {
            let memory = memory_in(&self.task.library, &clock)?;
            let askers: Vec<Asker> = (0..n_personas)
                .map(|number| Asker::new(&format!("together-{number}"), &memory, library, &clock))
                .collect::<Result<_>>()?;
            let each = questions.len().max(LEAST_OF_PERSONAS).div_ceil(n_personas);
            let ask = |at: usize| -> Result<()> {
                let asker = &askers[at];
                let first = at * questions.len() / n_personas;
                for question in questions.iter().cycle().skip(first).take(each) {
                    let profile = asker.profile()?;
                    let request = self.asking(question);
                    let response = library.search_for(&request, profile.as_deref())?;
                    asker.record(question, &response)?;
                }
                asker.flush()
            };
            let begun = Instant::now();
            at_once(n_personas, &ask)?;
            let took = begun.elapsed().as_secs_f64();
            let n_failed: u64 = askers.iter().map(Asker::n_failed).sum();
            let n_recorded = askers.iter().map(Asker::n_remembered).sum::<Result<u64>>()?;
            askers.into_iter().try_for_each(Asker::end)?;
            let n = each * n_personas;
            if n_failed > 0 || n_recorded != n as u64 {
                let message = format!("of {n} questions {n_recorded} were recorded");
                return Err(Error::new(ErrorKind::Internal, message));
            }
            let name = format!("personas_per_second_{n_personas}");
            figures.push(Figure::rate("concurrent", &name, n as f64 / took).over(n));
        }
        Ok(figures)
    }

    /// What a reader waits beside writers, and a writer beside another one.
    fn writers(&self, library: &Library) -> Result<Vec<Figure>> {
        let documents: Vec<VirtualDocument> = self
            .task
            .questions
            .iter()
            .cycle()
            .take(WRITTEN * (WRITERS + 1))
            .enumerate()
            .map(|(at, question)| VirtualDocument {
                path: format!("benchmark/{at}"),
                title: question.clone(),
                text: format!("{question}, said {at} times over: {}", question.repeat(20)),
            })
            .collect();
        let write = |document: &VirtualDocument| -> Result<f64> {
            let document = vec![document.clone()];
            Ok(timed(|| library.add_virtual(document, &NoProgress, &Cancel::new()))?.1)
        };
        let (alone, beside) = documents.split_at(WRITTEN);
        let alone = alone.iter().map(write).collect::<Result<Vec<f64>>>()?;
        let is_done = AtomicBool::new(false);
        let (waited, read) = thread::scope(|scope| {
            let reader = scope.spawn(|| -> Result<Vec<f64>> {
                let mut times = Vec::new();
                for question in self.task.questions.iter().cycle() {
                    if is_done.load(Ordering::Relaxed) {
                        break;
                    }
                    times.push(timed(|| library.search(&self.asking(question)))?.1);
                }
                Ok(times)
            });
            let writers: Vec<_> = beside
                .chunks(WRITTEN)
                .map(|documents| {
                    let write = &write;
                    scope.spawn(move || documents.iter().map(write).collect::<Result<Vec<f64>>>())
                })
                .collect();
            let waited: Result<Vec<Vec<f64>>> =
                writers.into_iter().map(|writer| writer.join().map_err(panicked)?).collect();
            is_done.store(true, Ordering::Relaxed);
            (waited, reader.join().map_err(panicked).and_then(|read| read))
        });
        let waited = waited?.concat();
        let paths: Vec<String> = documents.iter().map(|document| document.path.clone()).collect();
        let (_, removing) = timed(|| library.remove(&paths, false))?;
        library.compact()?;
        let mut figures = latencies("concurrent", "write_alone", &alone, &[50, 95]);
        figures.extend(latencies("concurrent", "write_wait", &waited, &[50, 95]));
        figures.extend(latencies("concurrent", "read_beside_write", &read?, &[50, 95]));
        figures.push(Figure::ms("concurrent", "remove", removing).over(paths.len()));
        Ok(figures)
    }
}

/// Does something on so many threads, each told its number.
fn at_once(n_threads: usize, step: &(dyn Fn(usize) -> Result<()> + Sync)) -> Result<()> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..n_threads).map(|at| scope.spawn(move || step(at))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(panicked)?)
    })
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Error {
    Error::new(ErrorKind::Internal, "a thread that was measured panicked")
}
