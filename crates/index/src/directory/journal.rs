//! A journal of file operations, from which a crash at any moment can be acted out.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::error::{Error, Result};

/// One step that a crash can come before.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Write { name: String, bytes: Vec<u8> },
    SyncFile { name: String },
    Rename { from: String, to: String },
    SyncDirectory,
    Remove { name: String },
}

/// Shared by the clones of a directory. Refuses all operations once its fuse has burnt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    operations: Vec<Operation>,
    /// Operations still allowed.
    fuse: Option<usize>,
}

impl Journal {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while recording")
    }

    /// Lets `n` more operations pass and fails the rest.
    pub(crate) fn set_fuse(&self, n: usize) {
        self.state().fuse = Some(n);
    }

    pub(crate) fn operations(&self) -> Vec<Operation> {
        self.state().operations.clone()
    }

    fn record(&self, operation: Operation) -> io::Result<()> {
        let mut state = self.state();
        if let Some(fuse) = &mut state.fuse {
            if *fuse == 0 {
                return Err(io::Error::other("the fuse has burnt"));
            }
            *fuse -= 1;
        }
        state.operations.push(operation);
        Ok(())
    }

    pub(super) fn write(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        self.record(Operation::Write { name: name.to_owned(), bytes: parts.concat() })
    }

    pub(super) fn sync_file(&self, name: &str) -> io::Result<()> {
        self.record(Operation::SyncFile { name: name.to_owned() })
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.record(Operation::Rename { from: from.to_owned(), to: to.to_owned() })
            .map_err(|error| Error::io("renaming", Path::new(from), error))
    }

    pub(super) fn sync_directory(&self) -> Result<()> {
        self.record(Operation::SyncDirectory)
            .map_err(|error| Error::io("syncing", Path::new("."), error))
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        self.record(Operation::Remove { name: name.to_owned() })
    }
}

/// How unkind a crash is to what was not synced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Crash {
    /// The process is killed: the system has everything that was done.
    Kill,
    /// Power fails: of files not synced half the bytes are there, the rest is zero; renames and
    /// removals since the directory was last synced are undone.
    PowerLosesNames,
    /// Power fails: contents not synced are gone, but renames and removals have happened.
    PowerLosesContents,
}

/// The files there are after a crash that lets `operations` happen and nothing more.
pub(crate) fn after_crash(operations: &[Operation], crash: Crash) -> BTreeMap<String, Vec<u8>> {
    #[derive(Clone)]
    struct Content {
        bytes: Vec<u8>,
        synced: bool,
    }
    let mut files: BTreeMap<String, Content> = BTreeMap::new();
    let mut durable = files.clone();
    for operation in operations {
        match operation {
            Operation::Write { name, bytes } => {
                files.insert(name.clone(), Content { bytes: bytes.clone(), synced: false });
            }
            Operation::SyncFile { name } => {
                files.get_mut(name).expect("written before").synced = true;
            }
            Operation::Rename { from, to } => {
                let content = files.remove(from).expect("written before");
                files.insert(to.clone(), content);
            }
            Operation::SyncDirectory => durable = files.clone(),
            Operation::Remove { name } => {
                files.remove(name);
            }
        }
    }
    let survivors = match crash {
        Crash::Kill => {
            return files.into_iter().map(|(name, content)| (name, content.bytes)).collect();
        }
        Crash::PowerLosesNames => durable,
        Crash::PowerLosesContents => files,
    };
    survivors
        .into_iter()
        .map(|(name, mut content)| {
            if !content.synced {
                let half = content.bytes.len() / 2;
                match crash {
                    Crash::PowerLosesContents => content.bytes.clear(),
                    _ => content.bytes[half..].fill(0),
                }
            }
            (name, content.bytes)
        })
        .collect()
}
