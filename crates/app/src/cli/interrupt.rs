//! Ctrl-C.
//!
//! It ends the process at once, which is safe at any moment: what is committed stays. A command
//! that can stop at a better place says so with [`Watch`]; then the first Ctrl-C only asks it to,
//! and the second ends the process.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context as _, Result};
use ragged::library::Cancel;

use crate::failure;

static CANCEL: Cancel = Cancel::new();
/// Whether somebody looks at [`CANCEL`].
static WATCHED: AtomicBool = AtomicBool::new(false);
/// The temporary library, deleted before the process is ended.
static TEMPORARY: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Installs the handler.
pub(super) fn install() {
    let installed = ctrlc::set_handler(|| {
        if WATCHED.load(Ordering::SeqCst) && !CANCEL.is_cancelled() {
            CANCEL.cancel();
            return;
        }
        let temporary = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = temporary.as_ref() {
            // Nobody is left to complain to.
            drop(std::fs::remove_dir_all(dir));
        }
        #[expect(
            clippy::exit,
            clippy::disallowed_methods,
            reason = "Ctrl-C means now; what is committed is safe at any moment"
        )]
        std::process::exit(i32::from(failure::INTERRUPTED));
    });
    // Without a handler Ctrl-C ends the process at once as well.
    drop(installed);
}

/// As long as it lives, the first Ctrl-C asks instead of ending the process.
#[derive(Debug)]
pub(crate) struct Watch(());

impl Watch {
    /// Begins to watch. Whoever does must look at [`cancel`](Self::cancel) often.
    pub(crate) fn begin() -> Self {
        WATCHED.store(true, Ordering::SeqCst);
        Self(())
    }

    /// What Ctrl-C asks.
    #[expect(clippy::unused_self, reason = "only who watches may wait to be asked")]
    pub(crate) fn cancel(&self) -> &'static Cancel {
        &CANCEL
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        WATCHED.store(false, Ordering::SeqCst);
    }
}

/// A folder that is deleted at the end, however the process ends.
#[derive(Debug)]
pub(crate) struct TemporaryFolder(tempfile::TempDir);

impl TemporaryFolder {
    pub(crate) fn create() -> Result<Self> {
        let dir = tempfile::tempdir().context("making a temporary library")?;
        let path = dir.path().to_path_buf();
        *TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
        Ok(Self(dir))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}
