//! Parsers kept in processes of their own.
//!
//! Office formats, PDF, HTML, mail, Markdown and everything with a tree-sitter grammar (C code)
//! are read by child processes that live as long as the pool and read one file after another: a
//! hang costs its time limit, a crash or a flood of memory costs the child, and the next file
//! gets a new one. Plain text, reStructuredText, Org, CSV, JSON and source without a grammar are
//! read by this crate's own line scanners and stay in the calling process.
//!
//! A child is any program that calls [`serve`] on its standard input and output. It reads the
//! files itself, ends when its input ends (so it never outlives its parent), and is in a process
//! group of its own, so that an interrupt from the terminal reaches the parent only.
//!
//! Frames are a length (`u32`, little-endian) and that many bytes of postcard. Both ends are the
//! same build of the same program; the format is private and has no version.

mod pool;
mod serve;
mod wire;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub use pool::WorkerPool;
pub use serve::serve;

use super::limits::Limits;

/// How to start a worker: a program that calls [`serve`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerCommand {
    /// The program; usually the running one.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables added to its environment.
    pub env: Vec<(OsString, OsString)>,
}

/// What a worker may use for one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerLimits {
    /// Memory beyond what the process has when it starts, in bytes. Enforced by the operating
    /// system on Linux and most Unixes (`RLIMIT_AS`); elsewhere only time is limited.
    /// Default 512 MiB.
    pub memory_bytes: u64,
    /// Wall-clock time for one file. Default 30 s.
    pub time: Duration,
    /// What is read at all.
    pub files: Limits,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        Self { memory_bytes: 512 << 20, time: Duration::from_secs(30), files: Limits::default() }
    }
}
