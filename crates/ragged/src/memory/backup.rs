//! All of memory in one file, and back.
//!
//! ```text
//! <archive>.tar
//!   MANIFEST             format, and length and SHA-256 of each file that follows
//!   keys/memory.key      the master key as it is kept, unless it is left out
//!   memory/<name>.key    the sealed keys
//!   memory/<name>.db     the encrypted databases, and <name>.db-wal where there is a log
//! ```
//!
//! Databases stay encrypted as they are. Their files are copied while a transaction that writes is
//! open on every one of them, so that nobody changes any: all are of one moment. A checkpoint may
//! still move pages from a log into its database meanwhile; it takes nothing out of the log, which
//! is copied after the database and holds these pages too.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};

use super::{Memory, Operation, PersonaMemory, REGISTRY};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    permission::{private_dir, private_file, replace_private_file},
    sqlite::sql,
    vault::{Database, DatabaseConfig, MasterKey, Passphrase, Protection, Vault},
};

const MANIFEST: &str = "MANIFEST";
const MAGIC: &str = "ragged memory backup 1";
const KEY: &str = "keys/memory.key";
/// What is being unpacked, and what is being replaced, beside the memory itself.
const UNPACKED: &str = "memory.restoring";
const REPLACED: &str = "memory.replaced";
/// How often it begins anew because a persona was made or destroyed meanwhile.
const TRIES: usize = 5;

/// What was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Personas that have a file.
    pub n_personas: u64,
    /// Length of the archive.
    pub n_bytes: u64,
    /// How the key in it is protected; `None` where it was left out.
    pub protection: Option<Protection>,
}

/// What was put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Personas that have a file.
    pub n_personas: u64,
}

impl Memory {
    /// Copies all of the memory of the library in `data_dir` to a file (mode 0600) that must not
    /// be there yet: every layer as of one moment. Recording waits meanwhile.
    ///
    /// # Errors
    ///
    /// `Conflict` where the file exists; `Busy` where others write for more than ten seconds; `Io`.
    pub fn backup(&self, data_dir: &Path, to: &Path, with_key: bool) -> Result<Backup> {
        let what = || format!("copying the memory to {}", to.display());
        if to.exists() {
            return Err(Error::new(ErrorKind::Conflict, format!("{} exists", to.display()))
                .with_hint("name a file that does not exist yet")
                .context(what()));
        }
        self.note(Operation::Backup, None, &[("with_key", with_key.to_string())])?;
        for _ in 0..TRIES {
            let remembered = self.remembered_by_all()?;
            let mut entries = None;
            let databases: Vec<&Database> = remembered
                .iter()
                .map(|memory| memory.database())
                .chain([self.registry()])
                .collect();
            hold(&databases, &mut || {
                // Personas may have come or gone before the registry was held.
                let names: Vec<&str> = remembered.iter().map(|memory| memory.file_id()).collect();
                if self.file_ids()? == names {
                    entries = Some(self.entries(data_dir, &names, with_key)?);
                }
                Ok(())
            })
            .context_with(what)?;
            let Some(entries) = entries else { continue };
            let archive = pack(&entries).context_with(what)?;
            replace_private_file(to, &archive).context_with(what)?;
            let protection = if with_key {
                Some(MasterKey::protection_of(&Self::key_path(data_dir))?)
            } else {
                None
            };
            return Ok(Backup {
                n_personas: remembered.len() as u64,
                n_bytes: archive.len() as u64,
                protection,
            });
        }
        Err(Error::new(ErrorKind::Busy, "personas are being made or destroyed")
            .with_hint("repeat the command in a moment")
            .context(what()))
    }

    /// The ids of the files of all personas that have one, in order.
    fn file_ids(&self) -> Result<Vec<String>> {
        let mut ids: Vec<String> = self
            .personas()?
            .into_iter()
            .map(|persona| persona.file_id)
            .filter(|file_id| self.vault().contains(file_id))
            .collect();
        ids.sort();
        Ok(ids)
    }

    fn remembered_by_all(&self) -> Result<Vec<Arc<PersonaMemory>>> {
        let mut all = Vec::new();
        for persona in self.personas()? {
            if self.vault().contains(&persona.file_id) {
                all.push(self.of(&persona.name)?);
            }
        }
        all.sort_by(|a, b| a.file_id().cmp(b.file_id()));
        Ok(all)
    }

    fn entries(
        &self,
        data_dir: &Path,
        names: &[&str],
        with_key: bool,
    ) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut entries = BTreeMap::new();
        if with_key {
            entries.insert(KEY.to_owned(), read(&Self::key_path(data_dir))?);
        }
        for name in names.iter().copied().chain([REGISTRY]) {
            // The log after the database: see above.
            for ending in ["key", "db", "db-wal"] {
                let path = self.vault().dir().join(format!("{name}.{ending}"));
                if ending != "db-wal" || path.exists() {
                    entries.insert(format!("memory/{name}.{ending}"), read(&path)?);
                }
            }
        }
        Ok(entries)
    }

    /// How the key is protected that opens an archive: the one in it, or else the library's.
    ///
    /// # Errors
    ///
    /// `Corrupt` for a file that is no whole archive; `NotFound` where there is no key at all.
    pub fn backup_protection(data_dir: &Path, from: &Path) -> Result<Option<Protection>> {
        let entries = unpack(from)?;
        let staging = Staging::new(data_dir)?;
        staging.key(&entries, data_dir).and_then(|key| MasterKey::protection_of(&key)).map(Some)
    }

    /// Puts the memory of the library in `data_dir` back as an archive has it, in the place of what
    /// is there. Nothing changes unless the archive is whole and its key, or else the library's,
    /// opens every database of it. No other process may have the memory open.
    ///
    /// # Errors
    ///
    /// `Corrupt` for a file that is no whole archive; `Invalid` for a wrong key or passphrase;
    /// `NotFound` where there is no key; `Io`.
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
        let new_key = entries.get(KEY);
        let memory = Self::dir(data_dir);
        let replaced = data_dir.join(REPLACED);
        let is_there = memory.exists();
        let io = |result: std::io::Result<()>| result.context_with(what);
        if is_there {
            io(fs::rename(&memory, &replaced))?;
        }
        let put = fs::rename(&staging.dir, &memory).context_with(what).and_then(|()| {
            let Some(bytes) = new_key else { return Ok(()) };
            let path = Self::key_path(data_dir);
            if let Some(dir) = path.parent() {
                private_dir(dir)?;
            }
            replace_private_file(&path, bytes)
        });
        if let Err(error) = put {
            // As it was: the key was not replaced, or this would not be an error.
            drop(fs::rename(&memory, &staging.dir));
            if is_there {
                io(fs::rename(&replaced, &memory))?;
            }
            return Err(error);
        }
        if is_there {
            io(fs::remove_dir_all(&replaced))?;
        }
        Ok(Restored { n_personas })
    }
}

/// Runs `work` while a transaction that writes is open on all of these databases.
fn hold(databases: &[&Database], work: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    match databases.split_first() {
        None => work(),
        Some((first, others)) => first.write(|_| hold(others, work)),
    }
}

/// A folder in which an archive is unpacked and tried; it goes when this does.
struct Staging {
    dir: PathBuf,
}

impl Staging {
    fn new(data_dir: &Path) -> Result<Self> {
        let dir = data_dir.join(UNPACKED);
        if dir.exists() {
            // Of a restoration that was interrupted.
            fs::remove_dir_all(&dir).context_with(|| format!("removing {}", dir.display()))?;
        }
        private_dir(&dir)?;
        Ok(Self { dir })
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
        let path = self.dir.join("memory.key");
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
        drop(vault);
        // It was the archive's; the library's is elsewhere.
        let key = self.dir.join("memory.key");
        if key.exists() {
            fs::remove_file(&key).context_with(|| format!("removing {}", key.display()))?;
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

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).context_with(|| format!("reading {}", path.display()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        _ = write!(text, "{byte:02x}");
    }
    text
}

fn manifest(entries: &BTreeMap<String, Vec<u8>>) -> String {
    let mut text = format!("{MAGIC}\n");
    for (name, bytes) in entries {
        text.push_str(&format!("{} {} {name}\n", hex(&Sha256::digest(bytes)), bytes.len()));
    }
    text
}

fn pack(entries: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>> {
    let manifest = manifest(entries);
    let mut archive = tar::Builder::new(Vec::new());
    let first = [(MANIFEST, manifest.as_bytes())];
    let others = entries.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    for (name, bytes) in first.into_iter().chain(others) {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o600);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, bytes).context_with(|| format!("packing {name}"))?;
    }
    archive.into_inner().context_with(|| "packing the memory")
}

/// The files of an archive that is whole.
fn unpack(from: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let bytes = read(from)?;
    let corrupt = |why: &str| {
        Error::new(ErrorKind::Corrupt, format!("{} {why}", from.display()))
            .with_hint("name a file that `ragged memory backup` wrote; nothing was changed")
    };
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut entries = BTreeMap::new();
    let mut listed = None;
    for entry in archive.entries().map_err(|_| corrupt("is no copy of a memory"))? {
        let mut entry = entry.map_err(|_| corrupt("is no copy of a memory, or damaged"))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|_| corrupt("is cut off"))?;
        if name == MANIFEST && listed.is_none() {
            listed = Some(bytes);
        } else if is_ours(&name) {
            entries.insert(name, bytes);
        } else {
            return Err(corrupt("holds a file that is not of a memory"));
        }
    }
    let listed = listed.ok_or_else(|| corrupt("is no copy of a memory"))?;
    if !listed.starts_with(MAGIC.as_bytes()) {
        return Err(corrupt("is of another format"));
    }
    if listed != manifest(&entries).as_bytes() {
        return Err(corrupt("is damaged: a file in it is not what was written"));
    }
    if !entries.contains_key(&format!("memory/{REGISTRY}.db")) {
        return Err(corrupt("holds no registry"));
    }
    Ok(entries)
}

/// Names that an archive may hold: nothing that leads out of the folder.
fn is_ours(name: &str) -> bool {
    if name == KEY {
        return true;
    }
    let Some((stem, ending)) = name.strip_prefix("memory/").and_then(|file| file.split_once('.'))
    else {
        return false;
    };
    !stem.is_empty()
        && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && matches!(ending, "key" | "db" | "db-wal")
}
