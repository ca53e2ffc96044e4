//! One writing process at a time.

use std::{
    fs::{File, TryLockError},
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    error::{Context, Error, ErrorKind, Result},
    permission::ensure_private_file,
};

/// How often a waiting process looks again.
const POLL: Duration = Duration::from_millis(20);

/// Held by the process that changes the library or its derived indexes; the operating system
/// takes it back when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct WriteLock {
    _file: File,
}

impl WriteLock {
    /// Takes the lock, waiting up to `patience` for another process to let go.
    pub(super) fn acquire(dir: &Path, patience: Duration) -> Result<Self> {
        let begun = Instant::now();
        loop {
            if let Some(lock) = Self::try_acquire(dir)? {
                return Ok(lock);
            }
            if begun.elapsed() >= patience {
                return Err(Error::new(
                    ErrorKind::Busy,
                    format!("another ragged is changing the library {}", dir.display()),
                )
                .with_hint("wait for it to finish, or stop it, and try again"));
            }
            std::thread::sleep(POLL);
        }
    }

    /// Takes the lock if no other process holds it.
    pub(super) fn try_acquire(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join("library.lock");
        let file = ensure_private_file(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(error).context_with(|| format!("locking {}", path.display()))
            }
        }
    }
}
