//! Recording off the path of an answer.
//!
//! A question is put into the bounded queue of its persona and the answer goes on; threads of the
//! recorder extract what needs extracting and write what is waiting in one transaction a persona.
//! Any thread takes the persona that has waited longest, and no two take the same one: the
//! interactions of a persona are written in their order. Little that waits is given a moment to
//! become more; beyond that no thread stands idle while anything waits. A full queue blocks: nothing
//! is dropped, and memory stays bounded.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::{Memory, NewInteraction, Persona, PersonaMemory, Recording};
use crate::error::{Error, ErrorKind, Result};

/// Interactions that may wait for one persona.
const QUEUE_LEN: usize = 1024;
/// Interactions written in one transaction.
const BATCH: usize = 100;
/// So many that wait are not made to wait for more.
const ENOUGH: usize = 20;
/// How long a thread lets work gather, unless much waits or somebody waits for it. Each transaction
/// costs what several interactions do, and the profile is made anew after it. And a system with few
/// cores likes to run a thread that was just woken before the one that woke it: without this the
/// answer would wait for its own recording.
const GATHERING: Duration = Duration::from_millis(8);
/// How often a thread that has nothing left to write looks for work by itself, once each
/// [`GATHERING`], before it waits to be woken. Waking a thread costs whoever does it more than all
/// the rest of handing over; who asks again soon does not pay that.
const LOOKS: u32 = 40;

/// Makes what is recorded out of what is known when a question was answered. Runs on a thread of
/// the recorder.
pub type Preparation = Box<dyn FnOnce() -> Result<Option<NewInteraction>> + Send>;

/// The same, if the persona still agrees to being recorded when it runs: what was asked is dropped
/// where consent was withdrawn meanwhile, or the persona deleted, by whatever process.
pub fn if_agreed(memory: &Arc<Memory>, persona: &Persona, preparation: Preparation) -> Preparation {
    let memory = Arc::clone(memory);
    let (name, file_id) = (persona.name.clone(), persona.file_id.clone());
    Box::new(move || match memory.persona(&name) {
        Ok(now) if now.file_id == file_id && now.recording == Recording::On => preparation(),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    })
}

/// What is done for a persona after something was recorded for it, on the recorder's thread.
pub type AfterRecording = Arc<dyn Fn(&Arc<PersonaMemory>) + Send + Sync>;

/// Threads that write down what was asked.
///
/// Dropping it writes what is waiting.
pub struct Recorder {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    lanes: Mutex<Lanes>,
    /// A persona waits for a thread, or all is over.
    work: Condvar,
    /// Somebody waits for what is being gathered.
    hurry: Condvar,
    /// Something was written.
    progress: Condvar,
    recorded: AtomicU64,
    failed: AtomicU64,
    /// The first that was not yet told.
    error: Mutex<Option<Error>>,
}

#[derive(Default)]
struct Lanes {
    /// Of the personas for which anything waits or is being written, by the id of their file.
    by_persona: HashMap<String, Lane>,
    /// Those that wait for a thread, the longest first.
    ready: VecDeque<String>,
    /// Handed over since the beginning.
    n_handed: u64,
    n_threads: usize,
    /// Threads that look for work by themselves and need not be woken.
    n_looking: usize,
    /// Callers that wait for something to be written.
    n_hurried: usize,
    is_closing: bool,
}

struct Lane {
    jobs: VecDeque<Job>,
    /// The number of the first job that is not done, of all that were ever handed over.
    first: u64,
}

struct Job {
    number: u64,
    persona: Arc<PersonaMemory>,
    preparation: Preparation,
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
        let mut recorder = Self { shared: Arc::default(), threads: Vec::new() };
        for idx in 0..n_threads.max(1) {
            let (shared, after) = (Arc::clone(&recorder.shared), after.map(Arc::clone));
            // Counted before it starts, so that whoever records at once finds it.
            shared.lanes().n_threads += 1;
            let thread = std::thread::Builder::new()
                .name(format!("recorder-{idx}"))
                .spawn(move || shared.work(after.as_ref()));
            match thread {
                Ok(thread) => recorder.threads.push(thread),
                Err(error) => {
                    recorder.shared.lanes().n_threads -= 1;
                    return Err(Error::from_source(ErrorKind::Exhausted, error));
                }
            }
        }
        Ok(recorder)
    }

    /// Has an interaction recorded; waits only where very many are waiting already. Whether the
    /// persona agreed to it is for the caller to know, or for [`if_agreed`].
    ///
    /// # Errors
    ///
    /// `Internal` where the recorder's threads have ended.
    pub fn record(&self, persona: &Arc<PersonaMemory>, preparation: Preparation) -> Result<()> {
        let mut lanes = self.shared.lanes();
        let is_full = |lanes: &Lanes| {
            lanes.by_persona.get(persona.file_id()).is_some_and(|lane| lane.jobs.len() >= QUEUE_LEN)
        };
        if is_full(&lanes) {
            lanes = self.shared.wait_while(lanes, is_full);
        }
        if lanes.n_threads == 0 {
            return Err(Error::new(ErrorKind::Internal, "the threads that record have ended"));
        }
        let is_new = lanes.hand_over(persona, preparation);
        let (is_seen, is_hurried) = (lanes.n_looking > 0, lanes.n_hurried > 0);
        drop(lanes);
        match (is_new, is_seen) {
            (true, false) => self.shared.work.notify_one(),
            (true, true) if is_hurried => self.shared.hurry.notify_one(),
            _ => {}
        }
        Ok(())
    }

    /// Waits until everything that was handed over is written.
    ///
    /// # Errors
    ///
    /// The first error of recording since the last call.
    pub fn flush(&self) -> Result<()> {
        let lanes = self.shared.lanes();
        let last = lanes.n_handed;
        drop(self.shared.wait_while(lanes, |lanes| lanes.has_before(last)));
        let mut error = self.shared.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.take().map_or(Ok(()), Err)
    }

    /// How many interactions were recorded, and how many could not be.
    pub fn counts(&self) -> (u64, u64) {
        (self.shared.recorded.load(Ordering::Relaxed), self.shared.failed.load(Ordering::Relaxed))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.lanes().is_closing = true;
        self.shared.work.notify_all();
        self.shared.hurry.notify_all();
        for thread in self.threads.drain(..) {
            // What it failed at is in the counts.
            drop(thread.join());
        }
    }
}

impl Lanes {
    /// Whether the persona now waits for a thread and did not before.
    fn hand_over(&mut self, persona: &Arc<PersonaMemory>, preparation: Preparation) -> bool {
        self.n_handed += 1;
        let number = self.n_handed;
        let id = persona.file_id();
        let job = Job { number, persona: Arc::clone(persona), preparation };
        if let Some(lane) = self.by_persona.get_mut(id) {
            // It is being served, or waits already.
            lane.jobs.push_back(job);
            return false;
        }
        let lane = Lane { jobs: VecDeque::from([job]), first: number };
        self.by_persona.insert(id.to_owned(), lane);
        self.ready.push_back(id.to_owned());
        true
    }

    /// Whether a job up to this number is not done.
    fn has_before(&self, last: u64) -> bool {
        self.by_persona.values().any(|lane| lane.first <= last)
    }

    /// Whether so much waits that nothing need be gathered.
    fn has_enough(&self) -> bool {
        self.ready.len() > 1
            || self.by_persona.values().map(|lane| lane.jobs.len()).sum::<usize>() >= ENOUGH
    }

    fn take(&mut self) -> Option<(String, Vec<Job>)> {
        let id = self.ready.pop_front()?;
        let lane = self.by_persona.get_mut(&id)?;
        let n = lane.jobs.len().min(BATCH);
        Some((id, lane.jobs.drain(..n).collect()))
    }

    /// Gives a persona back; whether more of it waits.
    fn give_back(&mut self, id: String) -> bool {
        let Some(lane) = self.by_persona.get_mut(&id) else { return false };
        let Some(first) = lane.jobs.front() else {
            self.by_persona.remove(&id);
            return false;
        };
        lane.first = first.number;
        self.ready.push_back(id);
        true
    }
}

/// Gives a persona back when it was served, even by a thread that ended in a panic.
struct Serving<'a> {
    shared: &'a Shared,
    id: String,
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        let is_more = self.shared.lanes().give_back(std::mem::take(&mut self.id));
        if is_more {
            self.shared.work.notify_one();
        }
        self.shared.progress.notify_all();
    }
}

/// A thread that has begun.
struct Working<'a>(&'a Shared);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.lanes().n_threads -= 1;
        self.0.progress.notify_all();
    }
}

impl Shared {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is no longer so, or no thread is left to change it. Nothing is gathered
    /// meanwhile.
    fn wait_while<'a>(
        &self,
        mut lanes: MutexGuard<'a, Lanes>,
        is_so: impl Fn(&Lanes) -> bool,
    ) -> MutexGuard<'a, Lanes> {
        lanes.n_hurried += 1;
        self.hurry.notify_all();
        while lanes.n_threads > 0 && is_so(&lanes) {
            lanes = self.progress.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
        lanes.n_hurried -= 1;
        lanes
    }

    fn work(&self, after: Option<&AfterRecording>) {
        let _working = Working(self);
        let mut looks_left = 0_u32;
        loop {
            let mut lanes = self.lanes();
            // Whoever asks one question after another asks the next while the last is written.
            if looks_left > 0 && !lanes.ready.is_empty() && !lanes.has_enough() {
                lanes = self.gather(lanes);
            }
            let (id, jobs) = loop {
                if let Some(taken) = lanes.take() {
                    break taken;
                }
                if lanes.is_closing {
                    return;
                }
                if looks_left == 0 {
                    lanes = self.work.wait(lanes).unwrap_or_else(PoisonError::into_inner);
                }
                looks_left = looks_left.saturating_sub(1);
                lanes = self.gather(lanes);
            };
            // What is left may have been handed over while only this thread was looking.
            let is_more = !lanes.ready.is_empty();
            drop(lanes);
            if is_more {
                self.work.notify_one();
            }
            let _serving = Serving { shared: self, id };
            // Writers that wait for room may go on.
            self.progress.notify_all();
            self.serve(jobs, after);
            looks_left = LOOKS;
        }
    }

    /// Waits while work gathers, for as long as nobody is in a hurry for any.
    fn gather<'a>(&self, mut lanes: MutexGuard<'a, Lanes>) -> MutexGuard<'a, Lanes> {
        let has_time = |lanes: &mut Lanes| {
            !(lanes.is_closing || lanes.n_hurried > 0 && !lanes.ready.is_empty())
        };
        lanes.n_looking += 1;
        let (mut lanes, _) = self
            .hurry
            .wait_timeout_while(lanes, GATHERING, has_time)
            .unwrap_or_else(PoisonError::into_inner);
        lanes.n_looking -= 1;
        lanes
    }

    fn serve(&self, jobs: Vec<Job>, after: Option<&AfterRecording>) {
        let mut waiting: Vec<(Arc<PersonaMemory>, Vec<NewInteraction>)> = Vec::new();
        for Job { persona, preparation, .. } in jobs {
            match preparation() {
                // The same file may have been opened twice.
                Ok(Some(interaction)) => match waiting.last_mut() {
                    Some((other, list)) if Arc::ptr_eq(other, &persona) => list.push(interaction),
                    _ => waiting.push((persona, vec![interaction])),
                },
                Ok(None) => {}
                Err(error) => self.note(1, error),
            }
        }
        for (persona, interactions) in waiting {
            match persona.record_all(&interactions) {
                Ok(n) => {
                    self.recorded.fetch_add(n as u64, Ordering::Relaxed);
                    if let Some(after) = after {
                        after(&persona);
                    }
                }
                Err(error) => self.note(interactions.len() as u64, error),
            }
        }
    }

    fn note(&self, n: u64, error: Error) {
        self.failed.fetch_add(n, Ordering::Relaxed);
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
    }
}
