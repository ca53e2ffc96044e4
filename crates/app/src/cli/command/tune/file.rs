//! `config/performance.yaml`, and the file as it was before.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{
    cli::Session,
    config::{self, ConfigFile, performance_path, write_atomically},
};

const COMMENT: &str = "# Written by `ragged tune`; what config.yaml says stands above it.\n";

/// The file that `tune` writes. Each change of it keeps what it was before.
pub(super) struct PerformanceFile {
    file: ConfigFile,
    /// What the next change keeps of it.
    before: Option<Vec<u8>>,
}

/// Where the file is kept as it was before the last change.
fn previous_path(path: &Path) -> PathBuf {
    path.with_file_name("performance.previous.yaml")
}

/// The bytes of a file; `None` where there is none.
fn bytes(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// Puts bytes where a file is, or takes it away.
fn put(path: &Path, bytes: Option<&[u8]>) -> Result<()> {
    match bytes {
        Some(bytes) => write_atomically(path, bytes),
        None => match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", path.display()))
            }
            _ => Ok(()),
        },
    }
}

impl PerformanceFile {
    /// Opens the file, which may be missing.
    pub(super) fn open(session: &Session) -> Result<Self> {
        let path = performance_path(&session.resolved.data_dir);
        let file = ConfigFile::read(&path).map_err(|error| {
            anyhow::Error::new(crate::Hinted::new(
                format!("{}: {error:#}", path.display()),
                "`ragged tune reset` empties it".to_owned(),
            ))
        })?;
        let before = bytes(&path)?;
        Ok(Self { file: file.unwrap_or_else(|| ConfigFile::begun(&path, COMMENT)), before })
    }

    /// A file with all of it that can be used; what is wrong with it goes with the next change.
    pub(super) fn mended(session: &Session) -> Result<Self> {
        let path = performance_path(&session.resolved.data_dir);
        let is_sound = session.resolved.problems.iter().all(|problem| !problem.is_of_tuning);
        if is_sound {
            return Self::open(session);
        }
        let usable = match ConfigFile::read(&path) {
            Ok(Some(file)) => file.values().filter_map(usable).collect(),
            _ => Vec::new(),
        };
        let before = bytes(&path)?;
        let mut file = ConfigFile::begun(&path, COMMENT);
        file.edit(&[], &usable)?;
        Ok(Self { file, before })
    }

    /// Dotted names and values.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.file.values()
    }

    /// Takes names out and sets others, and keeps the file as it was; false if nothing changed.
    pub(super) fn change(&mut self, out: &[String], set: &[(String, String)]) -> Result<bool> {
        // A setting may stand there by another name, which would count after this one.
        let is_other_name = |name: &str| {
            config::find(name).is_ok_and(|key| {
                key.name != name && set.iter().any(|(changed, _)| changed == key.name)
            })
        };
        let others = self.file.values().map(|(name, _)| name).filter(|name| is_other_name(name));
        let out: Vec<String> = others.map(str::to_owned).chain(out.iter().cloned()).collect();
        let is_changed = self.file.edit(&out, set)?;
        if is_changed {
            let path = self.file.path();
            let now = bytes(path)?;
            let before = std::mem::replace(&mut self.before, now).unwrap_or_default();
            put(&previous_path(path), Some(&before))?;
        }
        Ok(is_changed)
    }
}

/// A value that can stand in the file.
fn usable((name, value): (&str, &str)) -> Option<(String, String)> {
    let key = config::find(name).ok().filter(|key| key.is_tunable())?;
    (key.set)(&mut ragged::settings::Settings::default(), value).ok()?;
    Some((key.name.to_owned(), value.to_owned()))
}

fn keep_previous(path: &Path) -> Result<()> {
    put(&previous_path(path), Some(&bytes(path)?.unwrap_or_default()))
}

/// Empties the file, whatever stands in it.
pub(super) fn clear(session: &Session) -> Result<()> {
    let path = performance_path(&session.resolved.data_dir);
    keep_previous(&path)?;
    put(&path, None)
}

/// Puts the file back as it was before the last change, and keeps what it was until now in its place;
/// false where nothing was changed yet. A file that was not there is kept as an empty one.
pub(super) fn undo(session: &Session) -> Result<bool> {
    let path = performance_path(&session.resolved.data_dir);
    let previous = previous_path(&path);
    let Some(before) = bytes(&previous)? else { return Ok(false) };
    let now = bytes(&path)?.unwrap_or_default();
    put(&path, Some(before.as_slice()).filter(|bytes| !bytes.is_empty()))?;
    put(&previous, Some(&now))?;
    Ok(true)
}
