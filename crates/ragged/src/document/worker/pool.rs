//! The parent's side.

use std::fmt;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::model::Document;
use super::super::readers::{Hints, Opened};
use super::super::unreadable::Unreadable;
use super::wire::{Answer, Hello, Ready, Request, decode, receive, send};
use super::{WorkerCommand, WorkerLimits};
use crate::error::{Error, ErrorKind, Result};

/// How long a worker may take to start.
const START_TIME: Duration = Duration::from_secs(20);

/// How much of what a worker writes to its standard error is kept.
const STDERR_BYTES: usize = 4096;

/// Worker processes that read files, at most `n` at a time.
///
/// Made once for an ingest, shared by its threads, dropped at its end; dropping it ends the
/// processes. Workers are started when first needed, and kept.
pub struct WorkerPool {
    command: WorkerCommand,
    limits: WorkerLimits,
    n_workers: usize,
    memory_is_limited: bool,
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    idle: Vec<Worker>,
    /// Workers that are idle, at work, or being started.
    n_taken: usize,
}

impl WorkerPool {
    /// A pool of up to `n_workers` (at least one) processes, the first of which is started now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if the program cannot be started or does not answer as a
    /// worker.
    pub fn new(command: WorkerCommand, limits: WorkerLimits, n_workers: usize) -> Result<Self> {
        let first = Worker::start(&command, &limits).map_err(|error| {
            Error::from_source(ErrorKind::Unavailable, error)
                .context(format!("starting the reader process {}", command.program.display()))
                .with_hint("check that the program can be executed and that memory is not short")
        })?;
        Ok(Self {
            memory_is_limited: first.memory_is_limited,
            command,
            limits,
            n_workers: n_workers.max(1),
            state: Mutex::new(State { idle: vec![first], n_taken: 0 }),
            freed: Condvar::new(),
        })
    }

    /// Whether the operating system enforces [`WorkerLimits::memory_bytes`].
    pub fn memory_is_limited(&self) -> bool {
        self.memory_is_limited
    }

    /// Reads the file at `path`; blocks until it is done or has used up its time. With all workers
    /// busy it first waits for one.
    ///
    /// # Errors
    ///
    /// Every way a file can fail to become a document, a crash of its parser included; the pool
    /// stays usable.
    pub fn read(&self, path: &Path, hints: Hints) -> Result<Document, Unreadable> {
        let opened = Opened::open(path, &self.limits.files)?;
        if let Some(outcome) = opened.read_if_trusted(path, hints, &self.limits.files) {
            return outcome;
        }
        let request = Request::new(path, hints)?;
        let mut place = self.take();
        loop {
            if place.worker.is_none() {
                let worker = Worker::start(&self.command, &self.limits).map_err(|error| {
                    Unreadable::Crashed(format!("no reader process could be started: {error}"))
                })?;
                place.worker = Some(worker);
            }
            let Some(worker) = &mut place.worker else { continue };
            let was_fresh = !worker.has_read;
            match worker.read(&request, &self.limits) {
                Ok(answer) => return answer,
                Err(died) => {
                    place.worker = None;
                    // What a worker still holds from earlier files must not decide about this
                    // one, nor may its death between two files: those get a second, fresh one.
                    let deserves_another = matches!(
                        died,
                        Died::BeforeRequest | Died::Because(Unreadable::OutOfMemory { .. })
                    );
                    match died {
                        _ if deserves_another && !was_fresh => {}
                        Died::Because(reason) => return Err(reason),
                        Died::BeforeRequest => {
                            return Err(Unreadable::Crashed("it ended by itself".to_owned()));
                        }
                    }
                }
            }
        }
    }

    /// Waits for one of the places of the pool.
    fn take(&self) -> TakenPlace<'_> {
        let mut state = self.state();
        while state.n_taken >= self.n_workers {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.n_taken += 1;
        TakenPlace { worker: state.idle.pop(), pool: self }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is a list and a number, changed in one step: whole even after a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for WorkerPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerPool")
            .field("command", &self.command)
            .field("limits", &self.limits)
            .field("n_workers", &self.n_workers)
            .finish_non_exhaustive()
    }
}

/// The right to use one worker; given back when dropped.
struct TakenPlace<'a> {
    pool: &'a WorkerPool,
    worker: Option<Worker>,
}

impl Drop for TakenPlace<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.n_taken -= 1;
        state.idle.extend(self.worker.take());
        drop(state);
        self.pool.freed.notify_one();
    }
}

/// How a worker ended.
enum Died {
    /// Before it was given the file.
    BeforeRequest,
    /// While reading it.
    Because(Unreadable),
}

/// A running child.
struct Worker {
    child: Child,
    stdin: Option<ChildStdin>,
    answers: Receiver<Vec<u8>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    stderr_thread: Option<std::thread::JoinHandle<()>>,
    memory_is_limited: bool,
    has_read: bool,
}

impl Worker {
    fn start(command: &WorkerCommand, limits: &WorkerLimits) -> io::Result<Self> {
        let mut process = Command::new(&command.program);
        process
            .args(&command.args)
            .envs(command.env.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // An interrupt typed at the terminal goes to the parent's group; the parent decides.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut process, 0);
        #[cfg(windows)]
        std::os::windows::process::CommandExt::creation_flags(&mut process, 0x0000_0200);
        let mut child = process.spawn()?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("a pipe is missing"));
        };
        let (sender, answers) = mpsc::channel();
        let tail = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&tail);
        let mut worker = Self {
            child,
            stdin: Some(stdin),
            answers,
            stderr: tail,
            stderr_thread: None,
            memory_is_limited: false,
            has_read: false,
        };
        std::thread::Builder::new().name("worker-answers".to_owned()).spawn(move || {
            let mut pipe = BufReader::with_capacity(64 << 10, stdout);
            while let Ok(Some(frame)) = receive(&mut pipe) {
                if sender.send(frame).is_err() {
                    break;
                }
            }
        })?;
        worker.stderr_thread = Some(
            std::thread::Builder::new()
                .name("worker-errors".to_owned())
                .spawn(move || keep_tail(stderr, &kept))?,
        );
        worker.greet(limits)?;
        Ok(worker)
    }

    fn greet(&mut self, limits: &WorkerLimits) -> io::Result<()> {
        let stdin = self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        send(stdin, &Hello::new(limits.memory_bytes, &limits.files))?;
        let frame = self.answers.recv_timeout(START_TIME).map_err(|error| match error {
            RecvTimeoutError::Timeout => io::Error::other("it does not answer"),
            RecvTimeoutError::Disconnected => {
                io::Error::other(format!("it ended at once: {}", self.last_words()))
            }
        })?;
        let ready: Ready = decode(&frame)?;
        self.memory_is_limited = ready.memory_is_limited;
        Ok(())
    }

    fn read(
        &mut self,
        request: &Request,
        limits: &WorkerLimits,
    ) -> std::result::Result<Result<Document, Unreadable>, Died> {
        let Some(stdin) = &mut self.stdin else { return Err(Died::BeforeRequest) };
        if send(stdin, request).is_err() {
            return Err(Died::BeforeRequest);
        }
        self.has_read = true;
        let garbled = || Died::Because(Unreadable::Crashed("its answer makes no sense".to_owned()));
        match self.answers.recv_timeout(limits.time) {
            Ok(frame) => match decode::<Answer>(&frame).map_err(|_| garbled())? {
                Ok(document) => document.into_document().map(Ok).ok_or_else(garbled),
                Err(reason) => Ok(Err(reason.into())),
            },
            Err(RecvTimeoutError::Timeout) => {
                let limit_ms = limits.time.as_millis() as u64;
                Err(Died::Because(Unreadable::TimedOut { limit_ms }))
            }
            Err(RecvTimeoutError::Disconnected) => Err(Died::Because(self.cause(limits))),
        }
    }

    /// Why the process has ended.
    fn cause(&mut self, limits: &WorkerLimits) -> Unreadable {
        // Its output has ended, so it has, or is about to; killing it makes sure.
        let status = self.child.try_wait().ok().flatten().or_else(|| {
            std::thread::sleep(Duration::from_millis(20));
            drop(self.child.kill());
            self.child.wait().ok()
        });
        let last_words = self.last_words();
        if last_words.contains("memory allocation of") || last_words.contains("failed to allocate")
        {
            return Unreadable::OutOfMemory { limit_bytes: limits.memory_bytes };
        }
        if last_words.contains("overflowed its stack") {
            return Unreadable::Crashed("stack overflow".to_owned());
        }
        Unreadable::Crashed(status.map_or_else(|| "unknown cause".to_owned(), status_text))
    }

    /// The end of what it wrote to its standard error. Waits for that to end: call it only when
    /// the process has ended.
    fn last_words(&mut self) -> String {
        drop(self.child.kill());
        if let Some(thread) = self.stderr_thread.take() {
            // It only copies bytes; there is nothing to learn from how it ended.
            drop(thread.join());
        }
        let tail = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&tail).trim().to_owned()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It holds nothing worth a farewell; both calls fail only if it is gone already.
        self.stdin = None;
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn keep_tail(mut pipe: impl Read, tail: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 1024];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => {
                let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
                tail.extend_from_slice(&buffer[..n]);
                let excess = tail.len().saturating_sub(STDERR_BYTES);
                tail.drain(..excess);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn status_text(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("signal {signal}");
    }
    match status.code() {
        Some(code) => format!("exit status {code}"),
        None => "unknown cause".to_owned(),
    }
}
