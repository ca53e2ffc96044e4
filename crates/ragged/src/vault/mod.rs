//! Encrypted files: keys, what they seal, SQLite files that they lock, and their pages without
//! SQLite.
//!
//! A [`Vault`] is a folder of [databases](Database), each encrypted as a whole by SQLCipher
//! (AES-256 in CBC mode with an HMAC-SHA-256 a page; the write-ahead log is encrypted by the page
//! too) under a random key of its own. That key lies beside the database in a `.key` file, sealed
//! (AES-256-GCM) by the [master key](MasterKey), which lives in a file elsewhere, as it is or
//! sealed by a passphrase (Argon2id, RFC 9106). Destroying a database destroys its key first, so
//! that copies of its bytes that the file system keeps are unreadable.
//!
//! ```text
//! keys/memory.key       the master key
//! memory/<name>.key     the key of a database, sealed by the master key
//! memory/<name>.db      the database; -wal and -shm beside it while it is open
//! ```

mod database;
mod key;
mod master;
mod pages;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub(crate) use self::{database::Unchanged, key::fill_random};
pub use self::{
    database::{Database, DatabaseConfig, ReadGuard},
    key::Key,
    master::{MasterKey, Passphrase, Protection},
    pages::{DecryptedPages, PageOrigin},
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    permission::{private_dir, replace_private_file},
};

/// A folder of encrypted databases.
#[derive(Debug)]
pub struct Vault {
    dir: PathBuf,
    master: MasterKey,
    config: DatabaseConfig,
}

impl Vault {
    /// The vault in `dir`, made if there is none.
    ///
    /// # Errors
    ///
    /// Those of making a folder.
    pub fn new(dir: &Path, master: MasterKey, config: DatabaseConfig) -> Result<Self> {
        private_dir(dir)?;
        Ok(Self { dir: dir.to_path_buf(), master, config })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The master key.
    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    /// The file of a database.
    pub fn database_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.db"))
    }

    fn key_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.key"))
    }

    /// Whether there is a database of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.database_path(name).exists()
            || self.key_path(name).exists()
            || self.unnamed_key_path(name).exists()
    }

    /// Makes an empty database under a new random key.
    ///
    /// # Errors
    ///
    /// `Conflict` where there is one of that name; `Io`, `Exhausted`.
    pub fn create(&self, name: &str) -> Result<Database> {
        if self.contains(name) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("{} exists already", self.database_path(name).display()),
            ));
        }
        self.make(name)
    }

    /// The key gets its name when the database is there: one without the other is then damage, and
    /// not a making that was interrupted.
    fn make(&self, name: &str) -> Result<Database> {
        let key = Key::random()?;
        let unnamed = self.unnamed_key_path(name);
        replace_private_file(&unnamed, &self.master.key().seal(name, key.bytes())?)?;
        let database = Database::open(&self.database_path(name), &key, self.config)?;
        std::fs::rename(&unnamed, self.key_path(name))
            .context_with(|| format!("naming the key of {}", self.database_path(name).display()))?;
        sync_dir(&self.dir);
        Ok(database)
    }

    fn unnamed_key_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.newkey"))
    }

    /// Opens a database.
    ///
    /// # Errors
    ///
    /// `NotFound` where its key file or the database is missing (one whose making was interrupted
    /// is made anew); `Invalid` where the master key is
    /// not the one that sealed its key; `Corrupt` where pages are not what was written.
    pub fn open(&self, name: &str) -> Result<Database> {
        let path = self.database_path(name);
        if !self.key_path(name).exists() && self.unnamed_key_path(name).exists() {
            // It was being made, and nothing was in it yet.
            self.destroy(name)?;
            return self.make(name);
        }
        let key = self.database_key(name)?;
        if !path.exists() {
            return Err(Error::new(ErrorKind::NotFound, format!("{} is missing", path.display()))
                .with_hint(
                    "put the memory folder back from a copy; `ragged persona delete` gives it up",
                ));
        }
        Database::open(&path, &key, self.config)
    }

    /// Opens a database, or makes it where neither it nor its key exists.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn open_or_create(&self, name: &str) -> Result<Database> {
        if self.contains(name) { self.open(name) } else { self.create(name) }
    }

    /// The pages of a database and of its log as they are in the files, decrypted, used or not.
    ///
    /// # Errors
    ///
    /// Those of reading the files; a page that does not open is reported in the result.
    pub fn decrypted_pages(&self, name: &str) -> Result<DecryptedPages> {
        let key = self.database_key(name)?;
        pages::read(&self.database_path(name), &key)
    }

    /// Destroys a database for good: overwrites and removes its key, then its files.
    ///
    /// What is missing already is no error, so that a destruction that was interrupted can be
    /// repeated.
    ///
    /// # Errors
    ///
    /// `Io` where a file cannot be overwritten or removed.
    pub fn destroy(&self, name: &str) -> Result<()> {
        for key_path in [self.key_path(name), self.unnamed_key_path(name)] {
            if let Ok(metadata) = std::fs::metadata(&key_path) {
                let zeros = vec![0_u8; usize::try_from(metadata.len()).unwrap_or(0)];
                overwrite(&key_path, &zeros)?;
                remove(&key_path)?;
            }
        }
        let database = self.database_path(name);
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let mut path = database.clone().into_os_string();
            path.push(suffix);
            remove(Path::new(&path))?;
        }
        sync_dir(&self.dir);
        Ok(())
    }

    fn database_key(&self, name: &str) -> Result<Key> {
        let path = self.key_path(name);
        let what = || format!("opening {}", self.database_path(name).display());
        let sealed = match std::fs::read(&path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    format!("its key file {} is missing", path.display()),
                )
                .with_hint(
                    "put the file back from a copy of the memory folder; without it, what the \
                     database holds cannot be read by anybody",
                )
                .context(what()));
            }
            Err(error) => return Err(Error::io(error)).context_with(what),
        };
        self.master.key().open(name, &sealed).map(Key::from_bytes).map_err(|kind| {
            match kind {
                key::SealError::WrongKey => Error::new(
                    ErrorKind::Invalid,
                    format!("the key in use does not open {}", path.display()),
                )
                .with_hint(
                    "it was sealed by another master key: bring that one back with `ragged memory \
                     key import FILE`",
                ),
                key::SealError::Malformed => Error::new(
                    ErrorKind::Corrupt,
                    format!("the key file {} is damaged", path.display()),
                )
                .with_hint("put the file back from a copy of the memory folder"),
            }
            .context(what())
        })
    }
}

fn overwrite(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    let written = std::fs::OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.context_with(|| format!("overwriting {}", path.display()))
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(error).context(format!("removing {}", path.display())))
        }
        _ => Ok(()),
    }
}

/// Makes removals last through a loss of power, where the system can.
fn sync_dir(dir: &Path) {
    // A system that cannot sync a folder has made them last already, or never will.
    drop(std::fs::File::open(dir).and_then(|dir| dir.sync_all()));
}
