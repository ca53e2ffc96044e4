//! The child's side.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::super::readers::read_file;
use super::wire::{Answer, Hello, Ready, Request, decode, receive, send};
use crate::error::{Context, Error, ErrorKind, Result};

/// How long a file may still be read after the parent is gone. Its answer has nowhere to go; the
/// delay only spares a process that is about to end by itself.
const ORPHAN_GRACE: Duration = Duration::from_millis(500);

/// Reads files for a [`WorkerPool`](super::WorkerPool) until `input` ends. To be called first
/// thing in a process of its own, with its standard input and output.
///
/// The process is changed for good: its memory is limited as the pool says, it leaves no core
/// file, and panics are answers instead of messages. If the parent ends while a file is being
/// read, the process aborts.
///
/// # Errors
///
/// If the pipes break or carry something other than a pool's frames.
pub fn serve(input: impl Read + Send + 'static, mut output: impl Write) -> Result<()> {
    let is_busy = Arc::new(AtomicBool::new(false));
    let (sender, frames) = mpsc::channel();
    let watched = Arc::clone(&is_busy);
    // The pipe is read on a thread of its own, which is how the end of the parent is noticed
    // while a parser is running.
    std::thread::Builder::new()
        .name("requests".to_owned())
        .spawn(move || receive_all(input, &sender, &watched))
        .context_with(|| "starting the thread that receives requests")?;
    let broken = |error: io::Error| {
        Error::from_source(ErrorKind::Io, error).context("talking to the process that reads files")
    };
    let Ok(first) = frames.recv() else { return Ok(()) };
    let hello: Hello = decode(&first.map_err(broken)?).map_err(broken)?;
    let limits = hello.limits();
    std::panic::set_hook(Box::new(|_| {}));
    let memory_is_limited = limit_memory(hello.memory_bytes);
    send(&mut output, &Ready { memory_is_limited }).map_err(broken)?;
    while let Ok(frame) = frames.recv() {
        let request: Request = decode(&frame.map_err(broken)?).map_err(broken)?;
        is_busy.store(true, Ordering::SeqCst);
        let answer: Answer = read_file(&request.path(), request.hints(), &limits)
            .map(Into::into)
            .map_err(Into::into);
        is_busy.store(false, Ordering::SeqCst);
        send(&mut output, &answer).map_err(broken)?;
    }
    Ok(())
}

fn receive_all(
    mut input: impl Read,
    sender: &mpsc::Sender<io::Result<Vec<u8>>>,
    is_busy: &AtomicBool,
) {
    loop {
        match receive(&mut input) {
            Ok(Some(frame)) => {
                if sender.send(Ok(frame)).is_err() {
                    return;
                }
            }
            Ok(None) => break,
            Err(error) => {
                // If nobody listens any more the process is ending anyway.
                drop(sender.send(Err(error)));
                break;
            }
        }
    }
    if is_busy.load(Ordering::SeqCst) {
        std::thread::sleep(ORPHAN_GRACE);
        if is_busy.load(Ordering::SeqCst) {
            std::process::abort();
        }
    }
}

/// Lets the process grow by `bytes` and no more; returns whether the system enforces it.
#[cfg(unix)]
fn limit_memory(bytes: u64) -> bool {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let no_core = Rlimit { current: Some(0), maximum: Some(0) };
    // Without this a crash only costs more disk.
    setrlimit(Resource::Core, no_core).ok();
    let present = getrlimit(Resource::As);
    let wanted = address_space_bytes().saturating_add(bytes);
    let current = present.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    setrlimit(Resource::As, Rlimit { current: Some(current), maximum: present.maximum }).is_ok()
}

#[cfg(not(unix))]
fn limit_memory(_bytes: u64) -> bool {
    false
}

/// The address space in use: program, libraries, the stacks and arenas of threads.
#[cfg(unix)]
fn address_space_bytes() -> u64 {
    /// Where the system does not tell: what a process of this kind takes at most.
    const GUESS: u64 = 512 << 20;
    let Ok(statm) = std::fs::read_to_string("/proc/self/statm") else { return GUESS };
    let n_pages = statm.split(' ').next().and_then(|pages| pages.parse::<u64>().ok());
    n_pages.map_or(GUESS, |n_pages| n_pages * rustix::param::page_size() as u64)
}
