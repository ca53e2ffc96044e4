//! `watch`: follows files as they change.

mod eyes;
mod pending;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use ragged::{
    collection::CollectionName,
    document::Scope,
    error::ErrorKind,
    library::{AddReport, Cancel, Library, NoProgress},
};

use self::{
    eyes::{Eyes, Interest, Sight},
    pending::{Next, Patience, Pending},
};
use super::add;
use crate::{
    cli::{
        Session,
        args::WatchArgs,
        interrupt,
        printer::{Printer, counted, milliseconds, visible},
    },
    failure::{Outcome, Report},
    wire,
};

/// The longest that a change waits while others keep coming.
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// How often is looked whether a followed path has gone or come back, which nothing reports.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How often everything is looked at where the system does not report all changes.
const POLL: Duration = Duration::from_secs(30);
/// How long is waited for another process, at first and at last.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

pub(crate) fn run(args: &WatchArgs, session: &Session) -> Result<Outcome> {
    add::require_existing(&args.paths, false)?;
    let library = session.library()?;
    let data_dir = std::fs::canonicalize(library.dir())
        .with_context(|| format!("finding {}", library.dir().display()))?;
    let roots = roots(&args.paths, &data_dir)?;
    if let Some(name) = &args.collection {
        let name: CollectionName = name.parse().map_err(crate::Usage::from)?;
        library.lead_into(&roots, &name)?;
    }
    let pending = Arc::new(Pending::default());
    let cancel = Arc::new(Cancel::new());
    let _listener = interrupt::Listener::begin({
        let (pending, cancel) = (Arc::clone(&pending), Arc::clone(&cancel));
        move || {
            if cancel.is_cancelled() {
                return interrupt::Heard::Unheard;
            }
            cancel.cancel();
            pending.stop();
            interrupt::Heard::Heard
        }
    });
    let _termination = interrupt::Termination::begin()?;
    let interest = Arc::new(Interest { roots: roots.clone(), data_dir });
    let printer = &session.printer;
    let eyes = if args.poll.is_some() {
        Eyes::closed()
    } else {
        Eyes::open(interest, Arc::clone(&pending)).unwrap_or_else(|error| {
            printer.warning(format!(
                "the system reports no changes ({error}); everything is looked at every {} s",
                POLL.as_secs()
            ));
            Eyes::closed()
        })
    };
    let mut watch = Watch {
        roots: roots.into_iter().map(Root::new).collect(),
        poll: args.poll.unwrap_or(POLL),
        patience: Patience { quiet: args.debounce, longest: LONGEST_DELAY.max(args.debounce) },
        said_limited: false,
        session,
        library,
        pending,
        cancel,
        eyes,
    };
    watch.run(args.once)?;
    Ok(Outcome::Done)
}

/// The paths to follow: without links, each once, none below another.
fn roots(paths: &[PathBuf], data_dir: &Path) -> Result<Vec<PathBuf>> {
    let mut scope = Scope::new();
    for path in paths {
        let root =
            std::fs::canonicalize(path).with_context(|| format!("reading {}", path.display()))?;
        if root.starts_with(data_dir) {
            return Err(anyhow::Error::new(crate::Usage::new(format!(
                "{} is in ragged's own data folder, which is never read",
                path.display()
            ))));
        }
        scope.insert(root);
    }
    Ok(scope.paths().map(Path::to_path_buf).collect())
}

/// A path that is followed, and what stood there when it was last looked at.
#[derive(Debug)]
struct Root {
    path: PathBuf,
    stands: Option<Standing>,
}

/// Tells a folder from another that took its place.
type Standing = (u64, u64);

impl Root {
    fn new(path: PathBuf) -> Self {
        Self { stands: Self::standing(&path), path }
    }

    fn standing(path: &Path) -> Option<Standing> {
        let metadata = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        let standing = {
            use std::os::unix::fs::MetadataExt as _;
            // A file's place is taken whenever it is saved.
            if metadata.is_dir() { (metadata.dev(), metadata.ino()) } else { (0, 0) }
        };
        #[cfg(not(unix))]
        let standing = (u64::from(metadata.is_dir()), 0);
        Some(standing)
    }
}

/// Why a batch is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// What happened while nobody watched.
    Start,
    /// Changes that were reported.
    Changes,
    /// Changes were missed.
    Missed,
    /// A followed path came back, or another took its place.
    Return,
    /// It was time to look at everything.
    Poll,
}

impl Cause {
    fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Changes => "changes",
            Self::Missed => "missed",
            Self::Return => "return",
            Self::Poll => "poll",
        }
    }
}

struct Watch<'a> {
    session: &'a Session,
    library: Library,
    roots: Vec<Root>,
    patience: Patience,
    poll: Duration,
    eyes: Eyes,
    pending: Arc<Pending>,
    cancel: Arc<Cancel>,
    said_limited: bool,
}

impl Watch<'_> {
    fn run(&mut self, once: bool) -> Result<()> {
        let mut looked_at_all = Instant::now();
        let mut batch = Some((self.everything(), Cause::Start));
        loop {
            if let Some((scope, cause)) = batch.take() {
                if matches!(cause, Cause::Start | Cause::Missed | Cause::Poll) {
                    looked_at_all = Instant::now();
                }
                let Some(report) = self.follow(scope, cause)? else { return Ok(()) };
                self.tell(&report, cause)?;
                if cause == Cause::Start && !once {
                    self.session.printer.note(format!(
                        "Watching {}; Ctrl-C ends it.",
                        counted(self.eyes.n_watched() as u64, "folder", "folders")
                    ));
                }
            }
            let polls = !self.eyes.are_open() || self.eyes.sight() == Sight::Limited;
            let mut idle = HEARTBEAT;
            if polls {
                idle = idle.min(self.poll.saturating_sub(looked_at_all.elapsed()));
            }
            batch = match self
                .pending
                .next(self.patience, if once { self.patience.quiet } else { idle })
            {
                Next::Stop => return Ok(()),
                Next::Changed(mut scope) => {
                    scope.extend(self.returned().paths().map(Path::to_path_buf));
                    Some((scope, Cause::Changes))
                }
                Next::Missed => Some((self.everything(), Cause::Missed)),
                Next::Idle if once => return Ok(()),
                Next::Idle => {
                    let returned = self.returned();
                    if !returned.is_empty() {
                        Some((returned, Cause::Return))
                    } else if polls && looked_at_all.elapsed() >= self.poll {
                        Some((self.everything(), Cause::Poll))
                    } else {
                        None
                    }
                }
            };
        }
    }

    fn everything(&self) -> Scope {
        self.roots.iter().map(|root| root.path.clone()).collect()
    }

    fn paths(&self) -> Vec<PathBuf> {
        self.roots.iter().map(|root| root.path.clone()).collect()
    }

    /// The followed paths at which something else stands than the last time.
    fn returned(&mut self) -> Scope {
        let mut returned = Scope::new();
        let mut gone = Scope::new();
        for root in &mut self.roots {
            let stands = Root::standing(&root.path);
            if stands == root.stands {
                continue;
            }
            root.stands = stands;
            if stands.is_some() {
                returned.insert(root.path.clone());
            } else {
                let path = root.path.display().to_string();
                self.session.printer.warning(format!(
                    "{} is gone; what the library holds of it stays, and it is followed again \
                     when it is back (`ragged remove` forgets it)",
                    visible(&path)
                ));
                gone.insert(root.path.clone());
            }
        }
        self.eyes.forget(&gone);
        returned
    }

    /// Brings a scope up to date, waiting for whatever stands in the way. `None` if the end was
    /// asked for meanwhile.
    fn follow(&mut self, mut scope: Scope, cause: Cause) -> Result<Option<AddReport>> {
        let printer = &self.session.printer;
        let roots = self.paths();
        let (mut wait, longest_wait) = BACK_OFF;
        let mut has_waited = false;
        loop {
            if cause != Cause::Poll {
                self.eyes.forget(&scope);
            }
            // A folder made after its parent was read and before it was watched is found by
            // reading once more.
            while self.eyes.look(&roots, self.library.folders(&roots, &scope)) > 0 {}
            if self.eyes.sight() == Sight::Limited && !self.said_limited {
                self.said_limited = true;
                printer.warning(format!(
                    "the system watches no more than {} for you; everything is looked at every \
                     {} s as well (raise fs.inotify.max_user_watches to be told of all changes)",
                    counted(self.eyes.n_watched() as u64, "folder", "folders"),
                    self.poll.as_secs()
                ));
            }
            // Reader processes live no longer than they are needed.
            let readers = add::readers(&self.library.settings().ingest)?;
            let error = match self.library.sync(&roots, &scope, &readers, &NoProgress, &self.cancel)
            {
                Ok(report) if report.interrupted => return Ok(None),
                Ok(report) => {
                    if has_waited {
                        printer.note("Going on.");
                    }
                    return Ok(Some(report));
                }
                Err(error) if self.cancel.is_cancelled() => {
                    drop(error);
                    return Ok(None);
                }
                Err(error) => error,
            };
            drop(readers);
            if !matches!(error.kind(), ErrorKind::Busy | ErrorKind::Unavailable) {
                return Err(anyhow::Error::new(error));
            }
            if !has_waited {
                has_waited = true;
                let report = Report::of(&anyhow::Error::new(error));
                printer.warning(format!("{}; waiting", report.message));
            }
            self.pending.pause(wait);
            wait = (wait * 2).min(longest_wait);
            match self.pending.take_now() {
                Next::Stop => return Ok(None),
                Next::Changed(more) => scope.extend(more.paths().map(Path::to_path_buf)),
                Next::Missed => scope = roots.iter().cloned().collect(),
                Next::Idle => {}
            }
        }
    }

    fn tell(&self, report: &AddReport, cause: Cause) -> Result<()> {
        let printer = &self.session.printer;
        let n_changed = report.added
            + report.changed
            + report.moved
            + report.duplicates
            + report.pruned
            + n_newly_failed(report);
        if n_changed == 0 && cause != Cause::Start {
            return Ok(());
        }
        if printer.is_json() {
            return printer.json_line(&wire::Batch::new(
                report,
                cause.as_str(),
                self.eyes.n_watched(),
            ));
        }
        add::print_failures(report, printer);
        tell_changes(report, printer);
        Ok(())
    }
}

/// Files that could not be read, without those known to be so.
fn n_newly_failed(report: &AddReport) -> u64 {
    report.failed.iter().filter(|skip| skip.code != add::KNOWN_FAILURE).count() as u64
}

/// `+2 ~1 -1  4 files in 40 ms`.
fn tell_changes(report: &AddReport, printer: &Printer) {
    let mut parts = Vec::new();
    let mut n_files = 0;
    for (sign, n) in [
        ('+', report.added + report.duplicates),
        ('~', report.changed),
        ('>', report.moved),
        ('-', report.pruned),
        ('!', n_newly_failed(report)),
    ] {
        if n > 0 {
            parts.push(format!("{sign}{n}"));
            n_files += n;
        }
    }
    let time = milliseconds(report.elapsed.as_secs_f64() * 1000.0);
    if parts.is_empty() {
        let files = counted(report.unchanged, "file", "files");
        printer.note(format!("Nothing new in {files}, {time}."));
    } else {
        let files = counted(n_files, "file", "files");
        printer.note(format!("{}  {files} in {time}", parts.join(" ")));
    }
}
