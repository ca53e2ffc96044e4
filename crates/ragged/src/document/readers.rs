//! One face for reading a file, in this process or in workers.

use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::detect::{Detected, HEAD_BYTES, detect};
use super::limits::Limits;
use super::model::{Document, Format};
use super::reader;
use super::unreadable::Unreadable;
use super::worker::WorkerPool;

/// What the caller knows about a file beyond its name and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Read it as this format, whatever it looks like. Packed files (gzip, ZIP) are unpacked
    /// first, and binary ones stay refused.
    pub format: Option<Format>,
}

/// Turns files into documents. Shared between threads; each call blocks until its file is done.
#[derive(Debug)]
pub struct Readers(Place);

#[derive(Debug)]
enum Place {
    Here(Limits),
    Workers(WorkerPool),
}

impl Readers {
    /// Readers that run in this process: no limit on memory or time, and a parser that overflows
    /// its stack takes the process along. For tests and for files of known origin.
    pub fn in_process(limits: Limits) -> Self {
        Self(Place::Here(limits))
    }

    /// Readers that run in the processes of `pool`.
    pub fn in_workers(pool: WorkerPool) -> Self {
        Self(Place::Workers(pool))
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// Every way a file can fail to become a document is an [`Unreadable`]; the readers
    /// themselves stay usable.
    pub fn read(&self, path: &Path, hints: Hints) -> Result<Document, Unreadable> {
        match &self.0 {
            Place::Here(limits) => read_file(path, hints, limits),
            Place::Workers(pool) => pool.read(path, hints),
        }
    }
}

/// Reads the file at `path` in this process.
pub(super) fn read_file(
    path: &Path,
    hints: Hints,
    limits: &Limits,
) -> Result<Document, Unreadable> {
    let bytes = Opened::open(path, limits)?.rest()?;
    reader::read_hinted(path, bytes, hints, limits)
}

/// A file of which the head is known.
pub(super) struct Opened {
    file: File,
    head: Vec<u8>,
    size_bytes: u64,
    limit_bytes: u64,
}

impl Opened {
    pub(super) fn open(path: &Path, limits: &Limits) -> Result<Self, Unreadable> {
        // Before opening: to open a pipe is to wait for its other end.
        let metadata = std::fs::metadata(path).map_err(|error| Unreadable::io(&error))?;
        if !metadata.is_file() {
            return Err(Unreadable::Special);
        }
        let (size_bytes, limit_bytes) = (metadata.len(), limits.max_file_bytes);
        if size_bytes > limit_bytes {
            return Err(Unreadable::TooLarge { size_bytes, limit_bytes });
        }
        let mut file = File::open(path).map_err(|error| Unreadable::io(&error))?;
        let mut head = Vec::with_capacity((size_bytes as usize).min(HEAD_BYTES));
        file.by_ref()
            .take(HEAD_BYTES as u64)
            .read_to_end(&mut head)
            .map_err(|error| Unreadable::io(&error))?;
        Ok(Self { file, head, size_bytes, limit_bytes })
    }

    /// The document, if it can be read without a worker; `None` if it needs one.
    pub(super) fn read_if_trusted(
        self,
        path: &Path,
        hints: Hints,
        limits: &Limits,
    ) -> Option<Result<Document, Unreadable>> {
        let (format, language) = match detect(path, &self.head) {
            Ok(Detected::Plain { format, language }) => match hints.format {
                Some(format) => (format, None),
                None => (format, language),
            },
            Ok(Detected::Gzip | Detected::Zip) => return None,
            Err(reason) => return Some(Err(reason)),
        };
        if !reader::is_trusted(format, language) {
            return None;
        }
        Some(self.rest().and_then(|bytes| {
            catch_unwind(AssertUnwindSafe(|| reader::read_as(format, language, bytes, limits)))
                .unwrap_or_else(|panic| Err(Unreadable::Crashed(reader::panic_text(&*panic))))
        }))
    }

    /// All bytes of the file.
    fn rest(mut self) -> Result<Vec<u8>, Unreadable> {
        self.head.reserve((self.size_bytes as usize).saturating_sub(self.head.len()));
        let room = self.limit_bytes.saturating_sub(self.head.len() as u64);
        // A file may grow while it is read.
        let n_read = self
            .file
            .by_ref()
            .take(room + 1)
            .read_to_end(&mut self.head)
            .map_err(|error| Unreadable::io(&error))?;
        if n_read as u64 > room {
            let (size_bytes, limit_bytes) = (self.head.len() as u64, self.limit_bytes);
            return Err(Unreadable::TooLarge { size_bytes, limit_bytes });
        }
        Ok(self.head)
    }
}
