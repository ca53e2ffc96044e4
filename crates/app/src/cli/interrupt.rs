//! Ctrl-C.
//!
//! It ends the process at once, which is safe at any moment: what is committed stays. A command
//! that can stop at a better place says so with [`Watch`]; then the first Ctrl-C only asks it to,
//! and the second ends the process. A command that waits for several things at once is told with
//! a [`Listener`].

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
/// Who is told first.
static LISTENER: Mutex<Option<Hear>> = Mutex::new(None);
/// The temporary library, deleted before the process is ended.
static TEMPORARY: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Installs the handler.
pub(super) fn install() {
    // Without a handler Ctrl-C ends the process at once as well.
    drop(ctrlc::set_handler(interrupted));
}

fn interrupted() {
    if let Some(hear) = LISTENER.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
        && hear() == Heard::Heard
    {
        return;
    }
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
}

type Hear = Box<dyn Fn() -> Heard + Send>;

/// What a listener made of a Ctrl-C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It sees to it.
    Heard,
    /// The process should end.
    Unheard,
}

/// As long as it lives, a Ctrl-C is told to a function instead of ending the process.
#[derive(Debug)]
pub(crate) struct Listener(());

impl Listener {
    /// `hear` is called on a thread of its own. There is one listener at a time.
    pub(crate) fn begin(hear: impl Fn() -> Heard + Send + 'static) -> Self {
        *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(hear));
        Self(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// As long as it lives, the system's request to end (SIGTERM) is heard as a Ctrl-C.
#[derive(Debug)]
pub(crate) struct Termination {
    #[cfg(unix)]
    handle: signal_hook::iterator::Handle,
}

impl Termination {
    #[cfg(unix)]
    pub(crate) fn begin() -> Result<Self> {
        Self::of(&[signal_hook::consts::SIGTERM])
    }

    /// The same, and what is sent when the terminal is closed (SIGHUP), unless whoever started the
    /// process wants it to outlive that, as nohup does.
    #[cfg(unix)]
    fn or_closing() -> Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGTERM};
        let all = [SIGTERM, SIGHUP];
        Self::of(if outlives_its_terminal() { &all[..1] } else { &all })
    }

    #[cfg(unix)]
    fn of(signals: &[i32]) -> Result<Self> {
        let mut signals = signal_hook::iterator::Signals::new(signals)
            .context("listening for the system's request to end")?;
        let handle = signals.handle();
        std::thread::spawn(move || signals.forever().for_each(|_| interrupted()));
        Ok(Self { handle })
    }

    /// Nothing to do where there is no such request.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    pub(crate) fn begin() -> Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    fn or_closing() -> Result<Self> {
        Self::begin()
    }
}

/// Whether SIGHUP was ignored when this process began; where the system does not tell, it is taken to
/// be, since that hurts less.
#[cfg(unix)]
fn outlives_its_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_none_or(|mask| mask & 1 == 1)
}

#[cfg(unix)]
impl Drop for Termination {
    fn drop(&mut self) {
        self.handle.close();
    }
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

/// A folder that is deleted at the end, however the process ends but by being killed. Nobody else may
/// look into it.
#[derive(Debug)]
pub(crate) struct TemporaryFolder {
    dir: tempfile::TempDir,
    _ends: Termination,
}

impl TemporaryFolder {
    pub(crate) fn create() -> Result<Self> {
        let ends = Termination::or_closing()?;
        let dir = tempfile::tempdir().context("making a temporary library")?;
        let path = dir.path().to_path_buf();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))
                .context("keeping the temporary library private")?;
        }
        *TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
        Ok(Self { dir, _ends: ends })
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}
