//! What is under way, for whoever comes after a process that was killed.
//!
//! The target itself knows how far it is filled, so a checkpoint never decides what is copied: it
//! tells people, and keeps the backup that was made.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{
    error::{Context, Error, ErrorKind, Result},
    permission::replace_private_file,
    settings::BackendKind,
    temporal::file_stamp,
};

const FORMAT: u64 = 1;

/// What a migration does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MigrationStep {
    /// Making sure that both backends can be used and that the source is level.
    Validate,
    /// Packing what the source keeps.
    Backup,
    /// Making the target's vectors from the text.
    Fill,
    /// Comparing the two.
    Verify,
    /// Changing the setting.
    Switch,
}

impl MigrationStep {
    const ALL: [Self; 5] = [Self::Validate, Self::Backup, Self::Fill, Self::Verify, Self::Switch];

    /// The name used in files and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Backup => "backup",
            Self::Fill => "fill",
            Self::Verify => "verify",
            Self::Switch => "switch",
        }
    }
}

/// A migration that has begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedMigration {
    /// Where it is written down.
    pub path: PathBuf,
    /// The backend it goes from.
    pub source: BackendKind,
    /// The backend it goes to.
    pub target: BackendKind,
    /// When it began, Unix time in milliseconds.
    pub started_ms: i64,
    /// What it was doing.
    pub step: MigrationStep,
    /// Documents that the target held when this was written.
    pub documents_done: u64,
    /// Documents in all.
    pub documents: u64,
    /// The backup that it made.
    pub backup: Option<PathBuf>,
}

impl UnfinishedMigration {
    pub(super) fn begin(
        dir: &Path,
        source: BackendKind,
        target: BackendKind,
        started_ms: i64,
        documents: u64,
    ) -> Result<Self> {
        let begun = Self {
            path: dir.join(format!("migration_{}.ckpt", file_stamp(started_ms))),
            source,
            target,
            started_ms,
            step: MigrationStep::Validate,
            documents_done: 0,
            documents,
            backup: None,
        };
        begun.write()?;
        Ok(begun)
    }

    /// Notes a step. Files appear whole or not at all.
    pub(super) fn note(&mut self, step: MigrationStep) -> Result<()> {
        self.step = step;
        self.write()
    }

    pub(super) fn write(&self) -> Result<()> {
        let text = json!({
            "format": FORMAT,
            "source": self.source.as_str(),
            "target": self.target.as_str(),
            "started_ms": self.started_ms,
            "step": self.step.as_str(),
            "documents_done": self.documents_done,
            "documents": self.documents,
            "backup": self.backup.as_ref().map(|path| path.display().to_string()),
        });
        replace_private_file(&self.path, format!("{text:#}\n").as_bytes())
    }

    pub(super) fn remove(&self) -> Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
        .context_with(|| format!("deleting {}", self.path.display()))
    }

    /// The latest one in a data folder.
    pub(super) fn find(dir: &Path) -> Result<Option<Self>> {
        let entries = std::fs::read_dir(dir)
            .context_with(|| format!("looking for checkpoints in {}", dir.display()))?;
        let latest = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                name.starts_with("migration_") && path.extension().is_some_and(|end| end == "ckpt")
            })
            .max();
        latest.map(|path| Self::read(&path)).transpose()
    }

    fn read(path: &Path) -> Result<Self> {
        let what = || format!("reading the checkpoint {}", path.display());
        let text = std::fs::read_to_string(path).context_with(what)?;
        parse(path, &text).ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, "it is no checkpoint of a migration")
                .context(what())
                .with_hint("delete it; a migration that is begun anew keeps what is there already")
        })
    }
}

fn parse(path: &Path, text: &str) -> Option<UnfinishedMigration> {
    let value: Value = serde_json::from_str(text).ok()?;
    if value["format"].as_u64()? != FORMAT {
        return None;
    }
    let step = value["step"].as_str()?;
    Some(UnfinishedMigration {
        path: path.to_path_buf(),
        source: kind(value["source"].as_str()?)?,
        target: kind(value["target"].as_str()?)?,
        started_ms: value["started_ms"].as_i64()?,
        step: MigrationStep::ALL.into_iter().find(|known| known.as_str() == step)?,
        documents_done: value["documents_done"].as_u64()?,
        documents: value["documents"].as_u64()?,
        backup: value["backup"].as_str().map(PathBuf::from),
    })
}

/// The backend of this name.
pub(super) fn kind(name: &str) -> Option<BackendKind> {
    BackendKind::ALL.into_iter().find(|kind| kind.as_str() == name)
}
