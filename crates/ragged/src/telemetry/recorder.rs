//! From whoever asks to the store, without making them wait.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use super::{
    sample::{CacheUse, Digested, Histograms, Sample},
    store::{Bounds, SampleStore},
};
use crate::{
    error::{Error, ErrorKind, Result},
    temporal::Clock,
};

/// Samples that may wait; of more, the new ones are dropped and counted.
const MAX_WAITING: usize = 4096;
/// Samples of one transaction.
const BATCH: usize = 256;
/// How long samples gather before they are written.
const GATHERING: Duration = Duration::from_millis(500);

/// Works out the keyed hash of a question, where it is written rather than where it is asked.
pub type Digest = Box<dyn FnOnce() -> Option<Digested> + Send>;

/// When samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// Half a second after the first, by a thread of its own: for a process that stays.
    Beside,
    /// When that is asked for, by whoever asks for it: for a process that ends.
    AtEnd,
}

/// Takes samples and writes them to the store of a library, in batches.
///
/// Never in the way: what cannot be written is dropped and counted. Dropping it writes what waits.
pub struct Telemetry {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    data_dir: PathBuf,
    bounds: Bounds,
    clock: Arc<dyn Clock>,
    queue: Mutex<Queue>,
    /// Samples wait, or all is over.
    work: Condvar,
    /// Opened with the first batch. Held while a batch is written.
    store: Mutex<Option<SampleStore>>,
    histograms: Mutex<Histograms>,
    /// `None` where the system gave no random bytes.
    key: Option<[u8; 32]>,
}

#[derive(Default)]
struct Queue {
    samples: Vec<(Sample, Option<Digest>)>,
    caches: Vec<CacheUse>,
    /// Not yet told to the store.
    n_dropped: u64,
    /// In all.
    n_lost: u64,
    is_closing: bool,
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").field("data_dir", &self.shared.data_dir).finish_non_exhaustive()
    }
}

impl Telemetry {
    /// Begins recording for the library in `data_dir`. Touches no file before something is
    /// written.
    ///
    /// # Errors
    ///
    /// `Exhausted` where the system gives no thread.
    pub fn begin(
        data_dir: &Path,
        bounds: Bounds,
        writing: Writing,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            data_dir: data_dir.to_path_buf(),
            bounds,
            clock,
            queue: Mutex::default(),
            work: Condvar::new(),
            store: Mutex::new(None),
            histograms: Mutex::default(),
            key: random_key(),
        });
        let thread = match writing {
            Writing::AtEnd => None,
            Writing::Beside => {
                let shared = Arc::clone(&shared);
                let thread = std::thread::Builder::new()
                    .name("telemetry".to_owned())
                    .spawn(move || shared.work());
                Some(thread.map_err(|error| Error::from_source(ErrorKind::Exhausted, error))?)
            }
        };
        Ok(Self { shared, thread })
    }

    /// Takes a sample. O(1), touches no file.
    pub fn note(&self, sample: Sample, digest: Option<Digest>) {
        let mut queue = self.shared.queue();
        if queue.samples.len() >= MAX_WAITING {
            queue.n_dropped += 1;
            queue.n_lost += 1;
            return;
        }
        let is_first = queue.samples.is_empty();
        queue.samples.push((sample, digest));
        drop(queue);
        if is_first && self.thread.is_some() {
            self.shared.work.notify_one();
        }
    }

    /// A keyed hash of a question by which it is known again as long as this lives, and no longer: the
    /// key is in no file. For questions of nobody, of whom nothing is remembered.
    pub fn digest(&self, question: &str) -> Digest {
        let question = question.to_lowercase();
        let key = self.shared.key;
        Box::new(move || {
            let words: Vec<&str> = question.split_whitespace().collect();
            let hash = blake3::keyed_hash(&key?, words.join(" ").as_bytes());
            hash.as_bytes().first_chunk().copied()
        })
    }

    /// Takes what became of requests to caches.
    pub fn note_caches(&self, caches: &[CacheUse]) {
        let used = caches.iter().filter(|cache| cache.hits + cache.misses + cache.evictions > 0);
        self.shared.queue().caches.extend(used);
    }

    /// Writes what waits.
    ///
    /// # Errors
    ///
    /// Those of [`SampleStore::open`] and [`SampleStore::append`]; what could not be written is
    /// dropped.
    pub fn flush(&self) -> Result<()> {
        self.shared.write_all()
    }

    /// Samples that could not be kept.
    pub fn n_lost(&self) -> u64 {
        self.shared.queue().n_lost
    }

    /// Looks at how long the stages of what was written so far took.
    pub fn with_histograms<T>(&self, look: impl FnOnce(&Histograms) -> T) -> T {
        look(&self.shared.histograms.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn random_key() -> Option<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).ok()?;
    Some(key)
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.shared.queue().is_closing = true;
        self.shared.work.notify_all();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        // What cannot be written is measurements, and whoever cared has called `flush`.
        drop(self.shared.write_all());
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        loop {
            let mut queue = self.queue();
            while queue.samples.is_empty() && !queue.is_closing {
                queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            // Whoever asks again soon finds nobody to wake.
            let (queue, _) = self
                .work
                .wait_timeout_while(queue, GATHERING, |queue| !queue.is_closing)
                .unwrap_or_else(PoisonError::into_inner);
            let is_closing = queue.is_closing;
            drop(queue);
            // A batch that could not be written is dropped and counted; there is nobody to tell.
            drop(self.write_all());
            if is_closing {
                return;
            }
        }
    }

    fn write_all(&self) -> Result<()> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut queue = self.queue();
            let n = queue.samples.len().min(BATCH);
            let batch: Vec<(Sample, Option<Digest>)> = queue.samples.drain(..n).collect();
            let caches = std::mem::take(&mut queue.caches);
            let n_dropped = std::mem::take(&mut queue.n_dropped);
            drop(queue);
            if batch.is_empty() && caches.is_empty() && n_dropped == 0 {
                return Ok(());
            }
            let mut samples = Vec::with_capacity(batch.len());
            for (mut sample, digest) in batch {
                sample.digest = digest.and_then(|digest| digest());
                samples.push(sample);
            }
            if let Err(error) = self.write(&mut store, &samples, &caches, n_dropped) {
                let mut queue = self.queue();
                queue.n_dropped += n_dropped + samples.len() as u64;
                queue.n_lost += samples.len() as u64;
                return Err(error);
            }
            let mut histograms = self.histograms.lock().unwrap_or_else(PoisonError::into_inner);
            for sample in &samples {
                histograms.add(sample);
            }
        }
    }

    fn write(
        &self,
        store: &mut Option<SampleStore>,
        samples: &[Sample],
        caches: &[CacheUse],
        n_dropped: u64,
    ) -> Result<()> {
        let store = match store {
            Some(store) => store,
            empty => empty.insert(SampleStore::open(&self.data_dir, self.bounds)?),
        };
        store.append(samples, caches, n_dropped, self.clock.now_ms())
    }
}
