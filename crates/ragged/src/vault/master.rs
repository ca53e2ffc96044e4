//! The master key: where it is kept, how it is protected, how it is moved to another machine.

use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::{Zeroize as _, Zeroizing};

use super::key::{KEY_BYTES, Key, SealError, fill_random, hex, unhex};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    permission::{private_dir, replace_private_file},
};

const HEADER: &str = "ragged memory key 1";
const SALT_BYTES: usize = 16;
/// What a sealed master key is bound to.
const PURPOSE: &str = "master";

/// Argon2id with the second recommendation of RFC 9106: 64 MiB, three passes. About a quarter of
/// a second on a laptop, once a process.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;
/// Bounds on what a key file may ask for, so that a damaged one cannot use up the machine.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 64;

/// What a person types to open a master key. Leaves memory with its owner.
pub struct Passphrase(String);

impl Passphrase {
    /// From what was typed.
    ///
    /// # Errors
    ///
    /// `Invalid` for an empty one.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        if text.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "the passphrase is empty"));
        }
        Ok(Self(text))
    }
}

impl Drop for Passphrase {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// How a master key is kept in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// As it is: whoever can read the file can read the memory.
    File,
    /// Sealed by a passphrase.
    Passphrase,
}

impl Protection {
    /// The name used in JSON and in the key file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Passphrase => "passphrase",
        }
    }
}

/// The key that seals the keys of a vault's databases.
#[derive(Debug)]
pub struct MasterKey {
    key: Key,
    protection: Protection,
}

impl MasterKey {
    /// Makes a new master key and writes it to `path`, protected by a passphrase if there is one.
    ///
    /// # Errors
    ///
    /// `Conflict` where the file exists; `Io`, `Exhausted`.
    pub fn create(path: &Path, passphrase: Option<&Passphrase>) -> Result<Self> {
        if path.exists() {
            return Err(Error::new(ErrorKind::Conflict, format!("{} exists", path.display())));
        }
        if let Some(dir) = path.parent() {
            private_dir(dir)?;
        }
        let mut master = Self { key: Key::random()?, protection: Protection::File };
        master.write(path, passphrase)?;
        Ok(master)
    }

    /// How the key file at `path` is protected, without opening it.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is none; `Corrupt` for one that is not a key file.
    pub fn protection_of(path: &Path) -> Result<Protection> {
        Ok(match KeyFile::read(path)?.sealing {
            None => Protection::File,
            Some(_) => Protection::Passphrase,
        })
    }

    /// Reads the master key from `path`.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is no such file; `Invalid` where it wants a passphrase and none or a
    /// wrong one was given; `Corrupt` for a damaged file.
    pub fn open(path: &Path, passphrase: Option<&Passphrase>) -> Result<Self> {
        let file = KeyFile::read(path)?;
        file.open(passphrase).context_with(|| format!("opening the key {}", path.display()))
    }

    /// Writes the key to `path`, in place of what is there, under another passphrase or none.
    ///
    /// # Errors
    ///
    /// `Io`, `Exhausted`.
    pub fn write(&mut self, path: &Path, passphrase: Option<&Passphrase>) -> Result<()> {
        let text = Zeroizing::new(self.to_text(passphrase)?);
        let before = std::fs::hard_link(path, old_path(path)).is_ok();
        replace_private_file(path, text.as_bytes())?;
        if before {
            // What stood there may have been the key as it is: its blocks are not left to chance.
            let old = old_path(path);
            let length = std::fs::metadata(&old).map_or(0, |metadata| metadata.len());
            super::overwrite(&old, &vec![0_u8; usize::try_from(length).unwrap_or(0)])?;
            super::remove(&old)?;
        }
        self.protection =
            if passphrase.is_some() { Protection::Passphrase } else { Protection::File };
        Ok(())
    }

    /// How it is kept.
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// Whether two keys are the same.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.key.bytes() == other.key.bytes()
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    fn to_text(&self, passphrase: Option<&Passphrase>) -> Result<String> {
        let Some(passphrase) = passphrase else {
            let key = Zeroizing::new(hex(self.key.bytes()));
            return Ok(format!("{HEADER}\nprotection file\nkey {}\n", key.as_str()));
        };
        let mut salt = [0; SALT_BYTES];
        fill_random(&mut salt)?;
        let sealing = Sealing { salt, memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES };
        let sealed = sealing.key(passphrase)?.seal(PURPOSE, self.key.bytes())?;
        Ok(format!(
            "{HEADER}\nprotection passphrase\nargon2id {MEMORY_KIB} {PASSES} {LANES}\nsalt {}\nkey {}\n",
            hex(&salt),
            hex(&sealed)
        ))
    }
}

/// The name that a key file keeps while another takes its place.
fn old_path(path: &Path) -> std::path::PathBuf {
    path.with_extension("old")
}

/// How a passphrase becomes a key.
#[derive(Debug)]
struct Sealing {
    salt: [u8; SALT_BYTES],
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Sealing {
    fn key(&self, passphrase: &Passphrase) -> Result<Key> {
        let failed = |error: argon2::Error| {
            Error::new(ErrorKind::Exhausted, format!("deriving a key from the passphrase: {error}"))
        };
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_BYTES))
            .map_err(failed)?;
        let mut bytes = [0; KEY_BYTES];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.0.as_bytes(), &self.salt, &mut bytes)
            .map_err(failed)?;
        let key = Key::from_bytes(bytes);
        bytes.zeroize();
        Ok(key)
    }
}

#[derive(Debug)]
struct KeyFile {
    sealing: Option<Sealing>,
    key: Zeroizing<Vec<u8>>,
}

impl KeyFile {
    fn read(path: &Path) -> Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    format!("the key file {} is missing", path.display()),
                )
                .with_hint(
                    "bring it back with `ragged memory key import FILE`; without it, what was \
                     remembered cannot be read by anybody",
                ));
            }
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(Self::damaged(path));
            }
            Err(error) => {
                return Err(Error::io(error).context(format!("reading {}", path.display())));
            }
        };
        Self::parse(&text).ok_or_else(|| Self::damaged(path))
    }

    #[cold]
    fn damaged(path: &Path) -> Error {
        Error::new(
            ErrorKind::Corrupt,
            format!("{} is not a key file of ragged, or is damaged", path.display()),
        )
        .with_hint("bring back a copy with `ragged memory key import FILE`")
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != HEADER {
            return None;
        }
        let sealing = match lines.next()?.strip_prefix("protection ")? {
            "file" => None,
            "passphrase" => {
                let mut numbers = lines.next()?.strip_prefix("argon2id ")?.split(' ');
                let mut number = |max: u32| {
                    let number: u32 = numbers.next()?.parse().ok()?;
                    (1..=max).contains(&number).then_some(number)
                };
                let (memory_kib, passes, lanes) =
                    (number(MAX_MEMORY_KIB)?, number(MAX_PASSES)?, number(64)?);
                let salt = unhex(lines.next()?.strip_prefix("salt ")?)?.try_into().ok()?;
                Some(Sealing { salt, memory_kib, passes, lanes })
            }
            _ => return None,
        };
        let key = Zeroizing::new(unhex(lines.next()?.strip_prefix("key ")?)?);
        Some(Self { sealing, key })
    }

    fn open(&self, passphrase: Option<&Passphrase>) -> Result<MasterKey> {
        let damaged = || {
            Error::new(ErrorKind::Corrupt, "the key file is damaged")
                .with_hint("bring back a copy with `ragged memory key import FILE`")
        };
        let Some(sealing) = &self.sealing else {
            let bytes = self.key.as_slice().try_into().map_err(|_| damaged())?;
            return Ok(MasterKey { key: Key::from_bytes(bytes), protection: Protection::File });
        };
        let Some(passphrase) = passphrase else {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the key is protected by a passphrase, and none was given",
            )
            .with_hint("type it where it is asked for, or set RAGGED_MEMORY_PASSPHRASE"));
        };
        match sealing.key(passphrase)?.open(PURPOSE, &self.key) {
            Ok(bytes) => {
                Ok(MasterKey { key: Key::from_bytes(bytes), protection: Protection::Passphrase })
            }
            Err(SealError::WrongKey) => {
                Err(Error::new(ErrorKind::Invalid, "the passphrase is not the right one")
                    .with_hint("try again; a forgotten passphrase cannot be recovered"))
            }
            Err(SealError::Malformed) => Err(damaged()),
        }
    }
}
