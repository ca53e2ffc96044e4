//! Putting a memory back as a [`Backup`](super::Backup) has it: all of it or nothing, whenever the
//! process or the power ends.
//!
//! ```text
//! memory.restoring/   an archive that is being unpacked and tried; worth nothing
//! memory.restored/    one that is whole, with its key in memory.key: it is the memory from here on
//! memory.replaced/    what was there before; it goes when all is done
//! memory.lock         held by whoever does any of this
//! ```
//!
//! Renaming `memory.restoring` to `memory.restored` is what decides. All that follows is done again
//! from the beginning where it was interrupted, by whoever opens the memory next: what was there
//! steps aside, the key takes its place, `memory.restored` becomes `memory`, and what was there goes.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::Write as _,
    path::{Path, PathBuf},
};

use super::{
    Memory, REGISTRY,
    backup::{KEY, unpack},
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    permission::{ensure_private_file, private_dir, private_file, replace_private_file, sync_dir},
    sqlite::sql,
    vault::{DatabaseConfig, MasterKey, Passphrase, Protection, Vault},
};

const UNPACKED: &str = "memory.restoring";
const RESTORED: &str = "memory.restored";
const REPLACED: &str = "memory.replaced";
const LOCK: &str = "memory.lock";
/// The master key, in a folder that is not yet the memory.
const MASTER_KEY: &str = "memory.key";

/// What was put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Personas that have a file.
    pub n_personas: u64,
}

impl Memory {
    /// How the key is protected that opens an archive: the one in it, or else the library's.
    ///
    /// # Errors
    ///
    /// `Corrupt` for a file that is no whole archive; `NotFound` where there is no key at all;
    /// `Busy` while another process restores.
    pub fn backup_protection(data_dir: &Path, from: &Path) -> Result<Option<Protection>> {
        let entries = unpack(from)?;
        let staging = Staging::new(data_dir)?;
        staging.key(&entries, data_dir).and_then(|key| MasterKey::protection_of(&key)).map(Some)
    }

    /// Puts the memory of the library in `data_dir` back as an archive has it, in the place of what
    /// is there. Nothing changes unless the archive is whole and its key, or else the library's,
    /// opens every database of it. A process that has the memory open gets an error from then on.
    ///
    /// # Errors
    ///
    /// `Corrupt` for a file that is no whole archive; `Invalid` for a wrong key or passphrase;
    /// `NotFound` where there is no key; `Busy` while another process restores; `Io`.
    pub fn restore(
        data_dir: &Path,
        from: &Path,
        passphrase: Option<&Passphrase>,
    ) -> Result<Restored> {
        let what = || format!("restoring the memory from {}", from.display());
        let entries = unpack(from)?;
        let staging = Staging::new(data_dir)?;
        let key = staging.key(&entries, data_dir).context_with(what)?;
        let master = MasterKey::open(&key, passphrase).context_with(what)?;
        let n_personas = staging.fill(&entries, master).context_with(what)?;
        fs::rename(&staging.dir, data_dir.join(RESTORED)).context_with(what)?;
        sync_dir(data_dir).context_with(what)?;
        finish(data_dir).context_with(what)?;
        Ok(Restored { n_personas })
    }

    /// Whether a memory is ready to take its place.
    pub(super) fn is_restored(data_dir: &Path) -> bool {
        data_dir.join(RESTORED).exists()
    }

    /// Ends what a restoration that was interrupted left.
    ///
    /// # Errors
    ///
    /// `Io`; what is left then is ended by the next one.
    pub(super) fn settle_restoration(data_dir: &Path) -> Result<()> {
        if [UNPACKED, RESTORED, REPLACED].iter().all(|name| !data_dir.join(name).exists()) {
            return Ok(());
        }
        let what = || "finishing a restoration of the memory that was interrupted";
        // Whoever restores at this moment ends it.
        let _lock = lock(data_dir, true).context_with(what)?;
        remove(&data_dir.join(UNPACKED)).context_with(what)?;
        finish(data_dir).context_with(what)
    }
}

/// Everything after the moment that decides; any part of it may have been done before.
fn finish(data_dir: &Path) -> Result<()> {
    let (memory, restored, replaced) =
        (Memory::dir(data_dir), data_dir.join(RESTORED), data_dir.join(REPLACED));
    let io = |done: std::io::Result<()>, what: &Path| {
        done.context_with(|| format!("renaming {}", what.display()))
    };
    if restored.exists() {
        if memory.exists() {
            remove(&replaced)?;
            io(fs::rename(&memory, &replaced), &memory)?;
        }
        let key = restored.join(MASTER_KEY);
        if key.exists() {
            let bytes = fs::read(&key).context_with(|| format!("reading {}", key.display()))?;
            let path = Memory::key_path(data_dir);
            if let Some(dir) = path.parent() {
                private_dir(dir)?;
            }
            replace_private_file(&path, &bytes)?;
            fs::remove_file(&key).context_with(|| format!("removing {}", key.display()))?;
        }
        io(fs::rename(&restored, &memory), &restored)?;
    } else if !memory.exists() && replaced.exists() {
        io(fs::rename(&replaced, &memory), &replaced)?;
    }
    sync_dir(data_dir)?;
    remove(&replaced)
}

/// Removes a folder, if it is there.
fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context_with(|| format!("removing {}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// Held by the process that restores; the operating system takes it back, however that ends.
fn lock(data_dir: &Path, is_patient: bool) -> Result<File> {
    let path = data_dir.join(LOCK);
    let file = ensure_private_file(&path)?;
    let locked =
        if is_patient { file.lock().map_err(TryLockError::Error) } else { file.try_lock() };
    match locked {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(ErrorKind::Busy, "another ragged is restoring the memory")
                .with_hint("wait for it to finish"))
        }
        Err(TryLockError::Error(error)) => {
            Err(error).context_with(|| format!("locking {}", path.display()))
        }
    }
}

/// A folder in which an archive is unpacked and tried; it goes when this does.
struct Staging {
    dir: PathBuf,
    _lock: File,
}

impl Staging {
    fn new(data_dir: &Path) -> Result<Self> {
        private_dir(data_dir)?;
        let lock = lock(data_dir, false)?;
        let dir = data_dir.join(UNPACKED);
        remove(&dir)?;
        // Of a restoration that was interrupted.
        finish(data_dir)?;
        private_dir(&dir)?;
        Ok(Self { dir, _lock: lock })
    }

    /// The key that opens an archive.
    fn key(&self, entries: &BTreeMap<String, Vec<u8>>, data_dir: &Path) -> Result<PathBuf> {
        let Some(bytes) = entries.get(KEY) else {
            let path = Memory::key_path(data_dir);
            if path.exists() {
                return Ok(path);
            }
            return Err(Error::new(ErrorKind::NotFound, "the key is not in the archive")
                .with_hint("bring it back first: `ragged memory key import FILE`"));
        };
        let path = self.dir.join(MASTER_KEY);
        replace_private_file(&path, bytes)?;
        Ok(path)
    }

    /// Writes the databases of an archive, opens each, and counts those of personas.
    fn fill(&self, entries: &BTreeMap<String, Vec<u8>>, master: MasterKey) -> Result<u64> {
        let mut names = Vec::new();
        for (entry, bytes) in entries {
            let Some(file) = entry.strip_prefix("memory/") else { continue };
            let mut written = private_file(&self.dir.join(file))?;
            written
                .write_all(bytes)
                .and_then(|()| written.sync_all())
                .context_with(|| format!("writing {}", self.dir.join(file).display()))?;
            names.extend(file.strip_suffix(".db").map(str::to_owned));
        }
        let vault = Vault::new(&self.dir, master, DatabaseConfig::default())?;
        for name in &names {
            let database = vault.open(name)?;
            let found: String = database.read(|connection| {
                sql(connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)))
            })?;
            if found != "ok" {
                return Err(Error::new(ErrorKind::Corrupt, format!("{name} is damaged: {found}")));
            }
            database.settle(false)?;
        }
        Ok(names.iter().filter(|name| *name != REGISTRY).count() as u64)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What is left of it is removed by the next one.
        drop(fs::remove_dir_all(&self.dir));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        memory::{MemoryConfig, PersonaDraft},
        temporal::FixedClock,
    };

    /// What was done of a restoration before it was cut off.
    type Interrupt = fn(&Path);

    fn open(data_dir: &Path) -> Memory {
        Memory::open(data_dir, None, MemoryConfig::default(), Arc::new(FixedClock(0))).unwrap()
    }

    fn with_persona(data_dir: &Path, name: &str) -> Memory {
        let memory = open(data_dir);
        memory.create_persona(&name.parse().unwrap(), &PersonaDraft::default()).unwrap();
        memory.of(&name.parse().unwrap()).unwrap();
        memory
    }

    fn names(memory: &Memory) -> Vec<String> {
        let personas = memory.personas().unwrap();
        personas.iter().map(|persona| persona.name.as_str().to_owned()).collect()
    }

    #[test]
    fn a_restoration_that_was_interrupted_anywhere_is_finished_by_whoever_opens_the_memory() {
        let scratch = tempfile::tempdir().unwrap();
        let archive = scratch.path().join("archive");
        let other = scratch.path().join("other");
        with_persona(&other, "new").backup(&other, &archive, true).unwrap();
        let decided: Interrupt = |dir| {
            let staging = Staging::new(dir).unwrap();
            let entries = unpack(&dir.parent().unwrap().join("archive")).unwrap();
            let key = staging.key(&entries, dir).unwrap();
            staging.fill(&entries, MasterKey::open(&key, None).unwrap()).unwrap();
            fs::rename(&staging.dir, dir.join(RESTORED)).unwrap();
        };
        let put_aside: Interrupt =
            |dir| fs::rename(dir.join("memory"), dir.join(REPLACED)).unwrap();
        let key_in_place: Interrupt = |dir| {
            let key = dir.join(RESTORED).join(MASTER_KEY);
            replace_private_file(&Memory::key_path(dir), &fs::read(key).unwrap()).unwrap();
        };
        let key_gone: Interrupt =
            |dir| fs::remove_file(dir.join(RESTORED).join(MASTER_KEY)).unwrap();
        let in_place: Interrupt = |dir| fs::rename(dir.join(RESTORED), dir.join("memory")).unwrap();
        let steps = [decided, put_aside, key_in_place, key_gone, in_place];
        for n in 0..=steps.len() {
            let dir = scratch.path().join(n.to_string());
            drop(with_persona(&dir, "old"));
            // One that was begun before and never came to anything.
            private_dir(&dir.join(UNPACKED)).unwrap();
            for step in &steps[..n] {
                step(&dir);
            }
            assert!(Memory::exists(&dir), "{n}");
            Memory::protection(&dir).unwrap();
            let expected = if n == 0 { "old" } else { "new" };
            assert_eq!(names(&open(&dir)), ["default", expected], "after {n} steps");
            for left in [UNPACKED, RESTORED, REPLACED] {
                assert!(!dir.join(left).exists(), "{left} after {n} steps");
            }
        }
    }

    #[test]
    #[cfg(unix)]
    fn who_has_the_memory_open_is_told_that_it_was_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let (dir, archive) = (scratch.path().join("data"), scratch.path().join("archive"));
        let memory = with_persona(&dir, "old");
        let name = "old".parse().unwrap();
        let remembered = memory.of(&name).unwrap();
        memory.backup(&dir, &archive, true).unwrap();
        assert!(memory.version().is_ok() && remembered.revision().is_ok());
        Memory::restore(&dir, &archive, None).unwrap();
        for error in [
            memory.version().unwrap_err(),
            memory.persona(&name).unwrap_err(),
            remembered.revision().unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error:#}");
        }
        assert_eq!(names(&open(&dir)), ["default", "old"]);
    }

    #[test]
    fn two_do_not_restore_at_once() {
        let scratch = tempfile::tempdir().unwrap();
        let (dir, archive) = (scratch.path().join("data"), scratch.path().join("archive"));
        with_persona(&dir, "old").backup(&dir, &archive, true).unwrap();
        let held = lock(&dir, false).unwrap();
        assert_eq!(Memory::restore(&dir, &archive, None).unwrap_err().kind(), ErrorKind::Busy);
        drop(held);
        Memory::restore(&dir, &archive, None).unwrap();
    }
}
