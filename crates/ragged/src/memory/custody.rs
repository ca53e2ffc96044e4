//! Keeping the master key: copying it, bringing it back, changing its passphrase.

use std::path::Path;

use super::{Memory, REGISTRY};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    permission::{private_dir, write_private},
    vault::{DatabaseConfig, MasterKey, Passphrase, Protection, Vault},
};

impl Memory {
    /// Copies the key of the library in `data_dir` to a file, protected as it is. Whoever has both
    /// that file (and its passphrase, if it has one) and a copy of the memory folder can read what
    /// is remembered.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is no key; `Conflict` where the file exists; `Corrupt`, `Io`.
    pub fn export_key(data_dir: &Path, to: &Path) -> Result<Protection> {
        let key_path = Self::key_path(data_dir);
        let protection = MasterKey::protection_of(&key_path)?;
        if to.exists() {
            return Err(Error::new(ErrorKind::Conflict, format!("{} exists", to.display()))
                .with_hint("name a file that does not exist yet"));
        }
        let bytes = read(&key_path)?;
        write_private(to, &bytes)?;
        Ok(protection)
    }

    /// Puts a key that was exported in the place of the library's in `data_dir`. Nothing changes
    /// unless it opens the memory that is there.
    ///
    /// # Errors
    ///
    /// `Invalid` where it wants a passphrase and none or a wrong one was given, or does not open
    /// the memory; `NotFound`, `Corrupt`, `Io`.
    pub fn import_key(
        data_dir: &Path,
        from: &Path,
        passphrase: Option<&Passphrase>,
    ) -> Result<Protection> {
        let master = MasterKey::open(from, passphrase)?;
        let protection = master.protection();
        if Self::exists(data_dir) {
            let vault = Vault::new(&Self::dir(data_dir), master, DatabaseConfig::default())?;
            vault.open(REGISTRY).context_with(|| format!("trying the key {}", from.display()))?;
        } else if Self::key_path(data_dir).exists()
            && !MasterKey::open(&Self::key_path(data_dir), passphrase)
                .is_ok_and(|known| known.is_same_as(&master))
        {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("{} exists and is another key", Self::key_path(data_dir).display()),
            )
            .with_hint("move it away if nothing needs it"));
        }
        let bytes = read(from)?;
        let key_path = Self::key_path(data_dir);
        if let Some(dir) = key_path.parent() {
            private_dir(dir)?;
        }
        write_private(&key_path, &bytes)?;
        Ok(protection)
    }

    /// Protects the key of the library in `data_dir` by another passphrase, or with `None` by none.
    /// Copies of the key that were exported before keep theirs.
    ///
    /// # Errors
    ///
    /// `Invalid` for a wrong old passphrase; `NotFound`, `Corrupt`, `Io`.
    pub fn change_passphrase(
        data_dir: &Path,
        old: Option<&Passphrase>,
        new: Option<&Passphrase>,
    ) -> Result<()> {
        let key_path = Self::key_path(data_dir);
        let mut master = MasterKey::open(&key_path, old)?;
        master.write(&key_path, new)
    }
}

fn read(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>> {
    std::fs::read(path)
        .map(zeroize::Zeroizing::new)
        .context_with(|| format!("reading {}", path.display()))
}
