//! Recording off the path of an answer.
//!
//! A question is put into a bounded queue and the answer goes on; threads of the recorder extract
//! what needs extracting and write what is waiting in one transaction a persona. Interactions of
//! one persona are written by one thread, in their order; personas are spread over the threads.
//! The queue blocks when it is full: nothing is dropped, and memory stays bounded.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread::JoinHandle,
};

use super::{NewInteraction, PersonaMemory};
use crate::error::{Error, ErrorKind, Result};

/// Interactions that may wait for one thread.
const QUEUE_LEN: usize = 1024;
/// Interactions written in one transaction.
const BATCH: usize = 100;

/// Makes what is recorded out of what is known when a question was answered. Runs on a thread of
/// the recorder.
pub type Preparation = Box<dyn FnOnce() -> Result<Option<NewInteraction>> + Send>;

/// What is done for a persona after something was recorded for it, on the recorder's thread.
pub type AfterRecording = Arc<dyn Fn(&Arc<PersonaMemory>) + Send + Sync>;

enum Job {
    Record(Arc<PersonaMemory>, Preparation),
    Flush(SyncSender<()>),
}

/// Threads that write down what was asked.
///
/// Dropping it writes what is waiting.
pub struct Recorder {
    queues: Vec<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
    outcome: Arc<Outcome>,
}

#[derive(Default)]
struct Outcome {
    recorded: AtomicU64,
    failed: AtomicU64,
    /// The first that was not yet told.
    error: Mutex<Option<Error>>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl Recorder {
    /// A recorder with `n_threads` threads, at least one.
    ///
    /// # Errors
    ///
    /// `Exhausted` where the system gives no thread.
    pub fn new(n_threads: usize) -> Result<Self> {
        Self::with_after(n_threads, None)
    }

    /// The same; `after` is called each time something was recorded, so that what the next question
    /// needs can be made ready off its path.
    ///
    /// # Errors
    ///
    /// `Exhausted` where the system gives no thread.
    pub fn with_after(n_threads: usize, after: Option<&AfterRecording>) -> Result<Self> {
        let outcome = Arc::new(Outcome::default());
        let (mut queues, mut threads) = (Vec::new(), Vec::new());
        for idx in 0..n_threads.max(1) {
            let (queue, jobs) = mpsc::sync_channel(QUEUE_LEN);
            let (outcome, after) = (Arc::clone(&outcome), after.map(Arc::clone));
            let thread = std::thread::Builder::new()
                .name(format!("recorder-{idx}"))
                .spawn(move || work(&jobs, &outcome, after.as_ref()))
                .map_err(|error| Error::from_source(ErrorKind::Exhausted, error))?;
            queues.push(queue);
            threads.push(thread);
        }
        Ok(Self { queues, threads, outcome })
    }

    /// Has an interaction recorded; waits only where very many are waiting already. Whether the
    /// persona agreed to it is for the caller to know.
    ///
    /// # Errors
    ///
    /// `Internal` where the recorder's threads have ended.
    pub fn record(&self, persona: &Arc<PersonaMemory>, preparation: Preparation) -> Result<()> {
        let queue = self.queue_of(persona.file_id());
        queue
            .send(Job::Record(Arc::clone(persona), preparation))
            .map_err(|_| Error::new(ErrorKind::Internal, "the threads that record have ended"))
    }

    fn queue_of(&self, file_id: &str) -> &SyncSender<Job> {
        // Ids are random hexadecimal digits.
        let sum: usize = file_id.bytes().map(usize::from).sum();
        &self.queues[sum % self.queues.len()]
    }

    /// Waits until everything that was handed over is written.
    ///
    /// # Errors
    ///
    /// The first error of recording since the last call.
    pub fn flush(&self) -> Result<()> {
        let (done, acknowledged) = mpsc::sync_channel(self.queues.len());
        let asked =
            self.queues.iter().filter(|queue| queue.send(Job::Flush(done.clone())).is_ok()).count();
        drop(done);
        for _ in 0..asked {
            // A thread that ended acknowledges nothing.
            if acknowledged.recv().is_err() {
                break;
            }
        }
        let mut error = self.outcome.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.take().map_or(Ok(()), Err)
    }

    /// How many interactions were recorded, and how many could not be.
    pub fn counts(&self) -> (u64, u64) {
        (self.outcome.recorded.load(Ordering::Relaxed), self.outcome.failed.load(Ordering::Relaxed))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.queues.clear();
        for thread in self.threads.drain(..) {
            // What it failed at is in the counts.
            drop(thread.join());
        }
    }
}

fn work(jobs: &Receiver<Job>, outcome: &Outcome, after: Option<&AfterRecording>) {
    while let Ok(job) = jobs.recv() {
        let mut waiting: Vec<(Arc<PersonaMemory>, Vec<NewInteraction>)> = Vec::new();
        let mut flushes = Vec::new();
        let mut take = |job: Job| match job {
            Job::Flush(done) => {
                flushes.push(done);
                false
            }
            Job::Record(persona, preparation) => {
                match preparation() {
                    Ok(Some(interaction)) => {
                        let known =
                            waiting.iter_mut().find(|(other, _)| Arc::ptr_eq(other, &persona));
                        match known {
                            Some((_, list)) => list.push(interaction),
                            None => waiting.push((persona, vec![interaction])),
                        }
                    }
                    Ok(None) => {}
                    Err(error) => outcome.note(1, error),
                }
                true
            }
        };
        let mut goes_on = take(job);
        for _ in 1..BATCH {
            if !goes_on {
                break;
            }
            match jobs.try_recv() {
                Ok(job) => goes_on = take(job),
                Err(_) => break,
            }
        }
        for (persona, interactions) in waiting {
            match persona.record_all(&interactions) {
                Ok(n) => {
                    outcome.recorded.fetch_add(n as u64, Ordering::Relaxed);
                    if let Some(after) = after {
                        after(&persona);
                    }
                }
                Err(error) => outcome.note(interactions.len() as u64, error),
            }
        }
        for done in flushes {
            // Whoever asked may have gone.
            done.send(()).unwrap_or(());
        }
    }
}

impl Outcome {
    fn note(&self, n: u64, error: Error) {
        self.failed.fetch_add(n, Ordering::Relaxed);
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
    }
}
