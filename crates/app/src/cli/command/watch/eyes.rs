//! How changes are heard of.
//!
//! On Linux each folder is watched by itself, so that folders which `add` passes over, such as
//! `node_modules`, cost nothing and wake nobody. Elsewhere the system watches whole trees.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use notify::{
    Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use ragged::document::Scope;

use super::pending::Pending;

const IS_FOLDER_BY_FOLDER: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Files that decide which others are read.
const IGNORE_FILES: [&str; 3] = [".gitignore", ".ignore", ".raggedignore"];

/// Which changes matter.
#[derive(Debug)]
pub(super) struct Interest {
    /// Files and folders that are followed, absolute and without links.
    pub(super) roots: Vec<PathBuf>,
    /// Never looked at, wherever it is.
    pub(super) data_dir: PathBuf,
}

impl Interest {
    /// The path to look at after something happened at `path`, if it matters.
    fn of<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        if path.starts_with(&self.data_dir) {
            return None;
        }
        let root = self.roots.iter().find(|root| path.starts_with(root))?;
        let below = path.strip_prefix(root).ok()?;
        let is_hidden =
            |name: &Component<'_>| name.as_os_str().as_encoded_bytes().starts_with(b".");
        let mut hidden = below.components().filter(is_hidden);
        let Some(first) = hidden.next() else { return Some(path) };
        let is_ignore_file = below.file_name() == Some(first.as_os_str())
            && hidden.next().is_none()
            && IGNORE_FILES.iter().any(|name| first.as_os_str() == *name);
        if is_ignore_file { path.parent() } else { None }
    }
}

/// Whether all that should be watched is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    Full,
    /// The system does not watch that many folders.
    Limited,
}

pub(super) struct Eyes {
    /// `None` where the system reports nothing: on request, or because it cannot.
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    max_folders: usize,
    sight: Sight,
}

impl std::fmt::Debug for Eyes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Eyes").field("sight", &self.sight).finish_non_exhaustive()
    }
}

impl Eyes {
    /// Hears of what is of interest, and notes it.
    pub(super) fn open(interest: Arc<Interest>, pending: Arc<Pending>) -> notify::Result<Self> {
        let hear = move |heard: notify::Result<Event>| match heard {
            Ok(event) => hear(&event, &interest, &pending),
            // What was not understood may have been a change.
            Err(_) => pending.note_missed(),
        };
        let config = Config::default().with_follow_symlinks(false);
        let watcher = RecommendedWatcher::new(hear, config)?;
        Ok(Self { watcher: Some(watcher), ..Self::closed() })
    }

    /// Hears of nothing.
    pub(super) fn closed() -> Self {
        Self {
            watcher: None,
            watched: BTreeSet::new(),
            max_folders: usize::MAX,
            sight: Sight::Full,
        }
    }

    pub(super) fn are_open(&self) -> bool {
        self.watcher.is_some()
    }

    pub(super) fn sight(&self) -> Sight {
        self.sight
    }

    /// How many folders are watched.
    pub(super) fn n_watched(&self) -> usize {
        self.watched.len()
    }

    /// Watches what is not watched yet; says how many that were. `roots` and `folders` are what
    /// [`ragged::library::Library::folders`] was asked with and gave.
    pub(super) fn look(&mut self, roots: &[PathBuf], folders: Vec<PathBuf>) -> usize {
        let Some(watcher) = &mut self.watcher else { return 0 };
        // A file is followed through its folder: many programs save by putting another in its
        // place.
        let homes = roots.iter().filter(|root| root.is_file()).filter_map(|root| root.parent());
        let (wanted, mode): (Vec<PathBuf>, _) = if IS_FOLDER_BY_FOLDER {
            let homes = homes.map(Path::to_path_buf);
            (folders.into_iter().chain(homes).collect(), RecursiveMode::NonRecursive)
        } else {
            let trees = roots.iter().filter(|root| root.is_dir()).map(PathBuf::as_path);
            (trees.chain(homes).map(Path::to_path_buf).collect(), RecursiveMode::Recursive)
        };
        let mut n_new = 0;
        for folder in wanted {
            if self.watched.contains(&folder) {
                continue;
            }
            if self.watched.len() >= self.max_folders {
                self.sight = Sight::Limited;
                break;
            }
            match watcher.watch(&folder, mode) {
                Ok(()) => {
                    self.watched.insert(folder);
                    n_new += 1;
                }
                Err(error) if matches!(error.kind, notify::ErrorKind::MaxFilesWatch) => {
                    self.sight = Sight::Limited;
                    break;
                }
                // It has gone meanwhile, which is itself a change that is heard of; or it may
                // not be read, and then nothing in it is.
                Err(_) => {}
            }
        }
        n_new
    }

    /// Watches nothing at or below these paths any more: what was watched there may have become
    /// another folder.
    pub(super) fn forget(&mut self, scope: &Scope) {
        let Some(watcher) = &mut self.watcher else { return };
        let forgotten: Vec<PathBuf> =
            self.watched.iter().filter(|folder| scope.contains(folder)).cloned().collect();
        for folder in forgotten {
            // The system may have ended the watch with the folder.
            drop(watcher.unwatch(&folder));
            self.watched.remove(&folder);
        }
    }
}

fn hear(event: &Event, interest: &Interest, pending: &Pending) {
    if event.need_rescan() {
        pending.note_missed();
        return;
    }
    let is_change = match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    };
    if is_change {
        for path in event.paths.iter().filter_map(|path| interest.of(path)) {
            pending.note(path.to_path_buf());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_read_is_of_interest() {
        let interest = Interest {
            roots: vec!["/home/.notes".into(), "/home/one.md".into()],
            data_dir: "/home/.notes/ragged".into(),
        };
        for (path, expected) in [
            ("/home/.notes/a/b.md", Some("/home/.notes/a/b.md")),
            ("/home/.notes", Some("/home/.notes")),
            ("/home/one.md", Some("/home/one.md")),
            ("/home/two.md", None),
            ("/home/.notes/.git/index", None),
            ("/home/.notes/a/.b.md.swp", None),
            ("/home/.notes/a/.gitignore", Some("/home/.notes/a")),
            ("/home/.notes/.git/.gitignore", None),
            ("/home/.notes/ragged/library.db-wal", None),
        ] {
            assert_eq!(interest.of(Path::new(path)), expected.map(Path::new), "{path}");
        }
    }

    #[test]
    fn reading_is_no_change_and_an_overflow_is_any() {
        use super::super::pending::{Next, Patience};
        let interest = Interest { roots: vec!["/n".into()], data_dir: "/d".into() };
        let pending = Pending::default();
        let read = EventKind::Access(AccessKind::Open(AccessMode::Any));
        hear(&Event::new(read).add_path("/n/a".into()), &interest, &pending);
        assert_eq!(pending.take_now(), Next::Idle);
        let overflow = Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        hear(&overflow, &interest, &pending);
        let now = std::time::Duration::ZERO;
        assert_eq!(pending.next(Patience { quiet: now, longest: now }, now), Next::Missed);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_limit_is_noticed_and_what_fits_is_watched() {
        let root = tempfile::tempdir().unwrap();
        let folders: Vec<PathBuf> =
            (0..5).map(|number| root.path().join(number.to_string())).collect();
        for folder in &folders {
            std::fs::create_dir(folder).unwrap();
        }
        let roots = vec![root.path().to_path_buf()];
        let interest = Interest { roots: roots.clone(), data_dir: "/none".into() };
        let mut eyes = Eyes::open(Arc::new(interest), Arc::default()).unwrap();
        eyes.max_folders = 3;
        assert_eq!(eyes.look(&roots, folders.clone()), 3);
        assert_eq!((eyes.sight(), eyes.n_watched()), (Sight::Limited, 3));
        eyes.forget(&folders[..2].iter().cloned().collect());
        assert_eq!(eyes.n_watched(), 1);
    }
}
