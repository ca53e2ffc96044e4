//! All of memory in one file. The way back is in [`restoration`](super::restoration).
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

use std::{collections::BTreeMap, fs, io::Read as _, path::Path, sync::Arc};

use sha2::{Digest as _, Sha256};

use super::{Memory, Operation, PersonaMemory, REGISTRY};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    permission::replace_private_file,
    vault::{Database, MasterKey, Protection},
};

const MANIFEST: &str = "MANIFEST";
const MAGIC: &str = "ragged memory backup 1";
pub(super) const KEY: &str = "keys/memory.key";
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
}

/// Runs `work` while a transaction that writes is open on all of these databases.
fn hold(databases: &[&Database], work: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    match databases.split_first() {
        None => work(),
        Some((first, others)) => first.write(|_| hold(others, work)),
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
pub(super) fn unpack(from: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
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
