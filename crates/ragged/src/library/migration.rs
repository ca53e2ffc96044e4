//! Changing the backend without losing anything.
//!
//! The truth is `library.db`, and every backend follows from it. So nothing is carried from one
//! engine to another: the target is filled from the text, as any index that lags behind is, and
//! knows by itself how far it has come. The setting that names the backend is changed last, so a
//! process that is killed before leaves the source in use, and one that is killed afterwards the
//! target; both are whole.

mod backup;
mod checkpoint;
mod verification;

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

pub use backup::Backup;
pub use checkpoint::{MigrationStep, UnfinishedMigration};
pub use verification::{
    FULL_BELOW_DOCUMENTS, LEAST_OVERLAP, LEAST_SCORE, Verification, VerifyOptions,
};

use super::{
    Cancel, LOCK_PATIENCE, Library,
    allowed::RememberedFilters,
    derived::{self, vectors_dir, vectors_root},
    lock::WriteLock,
    personal::Profiles,
    profile::Tastes,
    results::Results,
};
use crate::{
    backend::{LeannBackend, Reflected, VectorBackend, VectorStats},
    error::{Context, Error, ErrorKind, Result},
    id::Generation,
    permission::folder_bytes,
    retrieval::AllowedChunks,
    settings::{BackendKind, Settings},
    store::{DocumentChunks, Store},
};

/// The last migration that was completed, as JSON.
const KEY_LAST_MIGRATION: &str = "last_migration";
/// Where a backup's files stand until they are known to be sound.
const RESTORING: &str = "restoring";
/// Documents after which the checkpoint is written again.
const CHECKPOINT_DOCUMENTS: u64 = 1000;
/// Backups that are kept.
pub const KEPT_BACKUPS: usize = 3;

/// What a migration does and leaves out.
#[derive(Clone, Copy, Debug)]
pub struct MigrateOptions<'a> {
    /// Whether what the source keeps on disk is packed first.
    pub backup: bool,
    /// How the two are compared before the setting is changed; `None` for not at all.
    pub verify: Option<VerifyOptions>,
    /// Whether to go on with a migration that was not finished.
    pub resume: bool,
    /// The configuration file, for the backup.
    pub config: Option<&'a Path>,
}

/// How far a migration has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MigrationProgress {
    /// What is being done.
    pub step: MigrationStep,
    /// Documents that the target holds, or chunks compared.
    pub done: u64,
    /// Of how many.
    pub total: u64,
    /// Which batch, and of how many; 0 of 0 outside filling.
    pub batch: (u64, u64),
}

/// What a migration would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationPlan {
    /// From.
    pub source: BackendKind,
    /// To.
    pub target: BackendKind,
    /// Where the target keeps what it holds.
    pub target_location: String,
    /// Documents in the library.
    pub documents: u64,
    /// Chunks in the library.
    pub chunks: u64,
    /// Chunks that the target lacks.
    pub chunks_to_fill: u64,
    /// Bytes that a backup would pack.
    pub source_bytes: u64,
    /// Whether the target keeps nothing, so that only the setting changes.
    pub is_only_switch: bool,
    /// A migration that was not finished.
    pub unfinished: Option<UnfinishedMigration>,
}

/// What a migration did.
#[derive(Clone, Debug, PartialEq)]
pub struct MigrationReport {
    /// From.
    pub source: BackendKind,
    /// To.
    pub target: BackendKind,
    /// Documents in the library.
    pub documents: u64,
    /// Chunks in the library.
    pub chunks: u64,
    /// Documents whose vectors were made; the others were there already.
    pub documents_filled: u64,
    /// Chunks whose vectors were made.
    pub chunks_filled: u64,
    /// Whether it went on with one that was not finished.
    pub was_resumed: bool,
    /// Whether the target keeps nothing, so that only the setting was changed.
    pub is_only_switch: bool,
    /// The comparison, if one was wanted.
    pub verification: Option<Verification>,
    /// The backup, if one was wanted.
    pub backup: Option<Backup>,
    /// How long all of it took.
    pub elapsed: Duration,
    /// How long filling took.
    pub filling: Duration,
}

/// The last migration that was completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastMigration {
    /// From.
    pub source: BackendKind,
    /// To.
    pub target: BackendKind,
    /// When it ended, Unix time in milliseconds.
    pub ended_ms: i64,
    /// Chunks in the library then.
    pub chunks: u64,
}

/// What a rollback did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollbackReport {
    /// The backup it went back to.
    pub backup: Backup,
    /// The backend that is used again.
    pub restored: BackendKind,
    /// The backend that was in use.
    pub left: BackendKind,
    /// Whether files were put back; otherwise the vectors were made from the text.
    pub files_restored: bool,
    /// Why no files were put back although the backup has some.
    pub note: Option<String>,
    /// Vectors that the backend holds now.
    pub vectors: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// Backups that were deleted, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CleanedBackups {
    /// Those that go.
    pub removed: Vec<Backup>,
    /// Those that stay.
    pub kept: Vec<Backup>,
}

/// Told how far a migration has come.
pub type MigrateProgress<'a> = dyn Fn(MigrationProgress) + Sync + 'a;

impl Library {
    /// The same library over another backend: the same truth, words and model. Its vectors are
    /// not brought level.
    ///
    /// # Errors
    ///
    /// `Unavailable` where the backend cannot be used here; otherwise as [`open`](Self::open).
    pub fn with_backend(&self, kind: BackendKind) -> Result<Self> {
        let mut settings = self.settings.clone();
        settings.backend.kind = kind;
        let what = || format!("opening the backend {}", kind.as_str());
        let vectors =
            derived::open_vectors(&self.dir, &settings, self.embedder.as_ref(), &self.store)
                .context_with(what)?;
        // Asks an engine that is elsewhere whether it is there, and what it holds.
        vectors.refresh().context_with(what)?;
        self.over(settings, vectors)
    }

    fn over(&self, settings: Settings, vectors: Box<dyn VectorBackend>) -> Result<Self> {
        Ok(Self {
            dir: self.dir.clone(),
            clock: Arc::clone(&self.clock),
            store: Store::open(self.store.path(), settings.database)?,
            embedder: Arc::clone(&self.embedder),
            lexical: derived::open_lexical(&self.dir)?,
            results: Results::new(&settings.backend, &settings.memory.cache),
            tastes: Tastes::new(&settings.memory.cache),
            filters: RememberedFilters::default(),
            profiles: Profiles::default(),
            settings,
            vectors,
        })
    }

    /// Brings the indexes level with the truth, waiting for another process that writes.
    pub fn bring_level(&self, cancel: &Cancel, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
        let _lock = WriteLock::acquire(&self.dir, LOCK_PATIENCE)?;
        self.require_own_vectors()?;
        self.catch_up_with(true, cancel, progress)
    }

    /// A migration that was begun and not finished. One whose target is in use already has
    /// nothing left to do, and is not told of.
    pub fn unfinished_migration(&self) -> Result<Option<UnfinishedMigration>> {
        let Some(found) = UnfinishedMigration::find(&self.dir)? else { return Ok(None) };
        if found.target == self.vectors.kind() {
            if let Some(_lock) = WriteLock::try_acquire(&self.dir)? {
                found.remove()?;
            }
            return Ok(None);
        }
        Ok(Some(found))
    }

    /// The last migration that was completed.
    pub fn last_migration(&self) -> Result<Option<LastMigration>> {
        let Some(text) = self.store.reader()?.value(KEY_LAST_MIGRATION)? else { return Ok(None) };
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let kind = |name: &str| value[name].as_str().and_then(checkpoint::kind);
        Ok(kind("source").zip(kind("target")).map(|(source, target)| LastMigration {
            source,
            target,
            ended_ms: value["ended_ms"].as_i64().unwrap_or(0),
            chunks: value["chunks"].as_u64().unwrap_or(0),
        }))
    }

    /// What [`migrate`](Self::migrate) to `target` would do. Changes nothing.
    pub fn plan_migration(&self, target: &Self) -> Result<MigrationPlan> {
        require_two(self, target)?;
        self.require_own_vectors()?;
        target.require_own_vectors()?;
        let is_only_switch = keeps_nothing(target.vectors.kind());
        let counts = self.store.reader()?.counts()?;
        let missing = target.missing_documents()?;
        Ok(MigrationPlan {
            source: self.vectors.kind(),
            target: target.vectors.kind(),
            target_location: target.vectors.location(),
            documents: counts.documents,
            chunks: counts.chunks,
            chunks_to_fill: if is_only_switch { 0 } else { n_chunks(&missing) },
            source_bytes: self.index_folder().map_or(0, |folder| folder_bytes(&folder)),
            is_only_switch,
            unfinished: self.unfinished_migration()?,
        })
    }

    /// Makes `target`, the same library [over another backend](Self::with_backend), hold all that
    /// this one does, compares the two, and calls `switch`, which changes the setting.
    ///
    /// Holds the write lock: others read meanwhile, and wait to write. Interrupted or killed, it
    /// leaves this backend in use and the target as far filled as it is; with
    /// [`resume`](MigrateOptions::resume) it goes on there.
    ///
    /// # Errors
    ///
    /// `Conflict` where a migration was not finished and is not to be resumed, and the other way
    /// round; `Corrupt` where the two differ, after emptying the target; `Busy`; `Interrupted`;
    /// whatever the target, the model or `switch` fail with.
    pub fn migrate(
        &self,
        target: &Self,
        options: MigrateOptions<'_>,
        switch: &mut dyn FnMut() -> Result<()>,
        cancel: &Cancel,
        progress: &MigrateProgress<'_>,
    ) -> Result<MigrationReport> {
        let begun = Instant::now();
        require_two(self, target)?;
        let (from, to) = (self.vectors.kind(), target.vectors.kind());
        let _lock = WriteLock::acquire(&self.dir, LOCK_PATIENCE)?;
        let found = UnfinishedMigration::find(&self.dir)?;
        let found = resumable(found, (from, to), options.resume)?;
        let step = |step| MigrationProgress { step, done: 0, total: 0, batch: (0, 0) };
        progress(step(MigrationStep::Validate));
        self.require_own_vectors()?;
        target.require_own_vectors()?;
        self.embedder.embed_query("Is anybody there?").context_with(|| "asking the model")?;
        // A source that is away for good need not be asked where nothing is compared with it.
        let is_only_switch = keeps_nothing(to);
        let is_compared = options.verify.is_some() && !is_only_switch;
        self.catch_up_with(is_compared, cancel, &mut |_, _| {})
            .context_with(|| format!("completing {}", from.as_str()))
            .map_err(|error| match error.kind() {
                ErrorKind::Unavailable => error.with_hint("--no-verify does without the source"),
                _ => error,
            })?;

        let counts = self.store.reader()?.counts()?;
        let was_resumed = found.is_some();
        let mut checkpoint = match found {
            Some(found) => found,
            None => UnfinishedMigration::begin(
                &self.dir,
                from,
                to,
                self.clock.now_ms(),
                counts.documents,
            )?,
        };
        let mut kept = None;
        if options.backup {
            progress(step(MigrationStep::Backup));
            checkpoint.note(MigrationStep::Backup)?;
            let backup = self.backup(&checkpoint, options.config)?;
            checkpoint.backup = Some(backup.path.clone());
            kept = Some(backup);
        }

        let (mut documents_filled, mut chunks_filled) = (0, 0);
        let filling = Instant::now();
        if !is_only_switch {
            checkpoint.note(MigrationStep::Fill)?;
            (documents_filled, chunks_filled) =
                Self::fill(target, &mut checkpoint, counts.documents, cancel, progress)?;
        }
        let filling = filling.elapsed();

        let mut verification = None;
        if let Some(options) = options.verify.filter(|_| !is_only_switch) {
            checkpoint.note(MigrationStep::Verify)?;
            let found = self.verify_against(target, options, cancel, &|done, total| {
                progress(MigrationProgress { done, total, ..step(MigrationStep::Verify) });
            })?;
            if !found.agrees() {
                return Err(abandon(target, &checkpoint, &found));
            }
            verification = Some(found);
        }

        progress(step(MigrationStep::Switch));
        checkpoint.note(MigrationStep::Switch)?;
        switch().context_with(|| format!("making {} the backend in use", to.as_str()))?;
        // From here on the target is in use, and what fails is only tidying up.
        let record = json!({
            "source": from.as_str(),
            "target": to.as_str(),
            "ended_ms": self.clock.now_ms(),
            "chunks": counts.chunks,
        });
        self.store.set_value(KEY_LAST_MIGRATION, &record.to_string())?;
        checkpoint.remove()?;
        Ok(MigrationReport {
            source: from,
            target: to,
            documents: counts.documents,
            chunks: counts.chunks,
            documents_filled,
            chunks_filled,
            was_resumed,
            is_only_switch,
            verification,
            backup: kept,
            elapsed: begun.elapsed(),
            filling,
        })
    }

    /// The backup that an earlier attempt made, or a new one.
    fn backup(&self, checkpoint: &UnfinishedMigration, config: Option<&Path>) -> Result<Backup> {
        if let Some(path) = &checkpoint.backup
            && let Ok(made) = backup::read(path)
            && made.generation == self.vectors.generation()
        {
            return Ok(made);
        }
        let index = self.index_folder();
        let library_id = self.store.library_id()?;
        let contents = backup::Contents {
            library: &library_id,
            source: checkpoint.source,
            target: checkpoint.target,
            generation: self.vectors.generation(),
            index: index.as_deref(),
            config,
        };
        let made = backup::write(&self.dir, &contents, self.clock.now_ms())?;
        self.clean_backups(KEPT_BACKUPS, false)?;
        Ok(made)
    }

    /// Fills the target from the text; how many documents and chunks it lacked.
    fn fill(
        target: &Self,
        checkpoint: &mut UnfinishedMigration,
        documents: u64,
        cancel: &Cancel,
        progress: &MigrateProgress<'_>,
    ) -> Result<(u64, u64)> {
        target.vectors.refresh()?;
        let missing = target.missing_documents()?;
        let there = documents.saturating_sub(missing.len() as u64);
        // Chunks up to and including each document, to tell documents from chunks.
        let mut until = Vec::with_capacity(missing.len());
        let mut sum = 0;
        for document in &missing {
            sum += u64::from(document.chunks.n_chunks);
            until.push(sum);
        }
        let batches = n_batches(&missing, target.embedding_batch());
        let mut batch = 0;
        let mut noted = 0;
        let mut failed = None;
        checkpoint.documents = documents;
        let fill = |done, batch| MigrationProgress {
            step: MigrationStep::Fill,
            done,
            total: documents,
            batch: (batch, batches.max(batch)),
        };
        progress(fill(there, 0));
        target
            .catch_up_with(true, cancel, &mut |done, _| {
                batch += 1;
                let filled = until.partition_point(|until| *until <= done) as u64;
                checkpoint.documents_done = there + filled;
                if filled >= noted + CHECKPOINT_DOCUMENTS {
                    noted = filled;
                    failed = failed.take().or(checkpoint.write().err());
                }
                progress(fill(there + filled, batch));
            })
            .context_with(|| format!("filling {}", target.vectors.kind().as_str()))?;
        match failed {
            Some(error) => Err(error),
            None => Ok((missing.len() as u64, sum)),
        }
    }

    /// The documents whose vectors this backend lacks.
    fn missing_documents(&self) -> Result<Vec<DocumentChunks>> {
        let at = self.vectors.reflected();
        let reader = self.store.reader()?;
        // One from the future is thrown away before it is filled.
        let at = if at.generation > reader.generation()? { Reflected::default() } else { at };
        let mut missing = reader.documents_since(at.generation)?;
        missing.retain(|document| derived::needs_vectors(document, at));
        Ok(missing)
    }

    /// The folder in which this backend keeps what it holds, if it keeps it on this machine.
    pub(super) fn index_folder(&self) -> Option<PathBuf> {
        (self.vectors.kind() == BackendKind::Leann)
            .then(|| vectors_dir(&self.dir, &self.settings, self.embedder.as_ref()))
    }

    /// The backups of migrations, the newest first.
    pub fn backups(&self) -> Vec<Backup> {
        backup::list(&self.dir)
    }

    /// Deletes all but the newest backups.
    pub fn clean_backups(&self, keep_latest: usize, dry_run: bool) -> Result<CleanedBackups> {
        let mut kept = self.backups();
        let removed = kept.split_off(keep_latest.min(kept.len()));
        if !dry_run {
            for backup in &removed {
                std::fs::remove_file(&backup.path)
                    .context_with(|| format!("deleting {}", backup.path.display()))?;
            }
        }
        Ok(CleanedBackups { removed, kept })
    }

    /// The backup in a file, named by its path or by its name among the backups; or the newest one.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is none, `Corrupt` for a file that is none.
    pub fn find_backup(&self, path: Option<&Path>) -> Result<Backup> {
        let newest = || {
            self.backups().into_iter().next().ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "there is no backup to go back to")
                    .with_hint("`ragged backend migrate` makes one; `ragged backend use` changes the backend without")
            })
        };
        let Some(path) = path else { return newest() };
        let among = backup::backups_dir(&self.dir).join(path);
        let is_name = path.components().count() == 1 && !path.exists() && among.exists();
        backup::read(if is_name { &among } else { path })
    }

    /// Goes back to the backend that a backup was made of: puts its files back, brings it level
    /// with the truth, makes sure that it holds exactly the library's chunks and finds them, and
    /// calls `switch`, which changes the setting. `library.db` is not touched.
    ///
    /// # Errors
    ///
    /// `Corrupt` for a damaged backup; `Incompatible` for one of another library; `Busy`;
    /// `Interrupted`. The backend in use stays in use then.
    pub fn rollback(
        &self,
        backup: &Backup,
        switch: &mut dyn FnMut(BackendKind) -> Result<()>,
        cancel: &Cancel,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<RollbackReport> {
        let begun = Instant::now();
        let mut settings = self.settings.clone();
        settings.backend.kind = backup.source;
        let (note, files_restored) = {
            let _lock = WriteLock::acquire(&self.dir, LOCK_PATIENCE)?;
            self.restore_files(backup, &settings)?
        };
        let source = self.with_backend(backup.source)?;
        let lock = WriteLock::acquire(&self.dir, LOCK_PATIENCE)?;
        source.require_own_vectors()?;
        source.catch_up_with(true, cancel, progress)?;
        if !source.is_sound()? {
            // The backup was of another state than it says; the text knows better.
            source.vectors.clear()?;
            source.catch_up_with(true, cancel, progress)?;
        }
        switch(backup.source)
            .context_with(|| format!("making {} the backend in use", backup.source.as_str()))?;
        if let Some(found) = UnfinishedMigration::find(&self.dir)? {
            found.remove()?;
        }
        drop(lock);
        Ok(RollbackReport {
            backup: backup.clone(),
            restored: backup.source,
            left: self.vectors.kind(),
            files_restored,
            note,
            vectors: source.vectors.stats().vectors,
            elapsed: begun.elapsed(),
        })
    }

    /// Whether this backend holds exactly the library's chunks and finds them by their vectors.
    fn is_sound(&self) -> Result<bool> {
        let chunks = AllowedChunks::from_documents(
            self.store.reader()?.documents()?.into_iter().map(|document| document.chunks),
        );
        Ok(self.vectors.check()?.is_empty()
            && self.vectors.holds_exactly(&chunks)?
            && self
                .verify_against(
                    self,
                    VerifyOptions { queries: 0, ..VerifyOptions::default() },
                    &Cancel::new(),
                    &|_, _| {},
                )?
                .agrees())
    }

    /// Puts a backup's files in place of what is there. Says why not, where it has some and they
    /// cannot be used.
    fn restore_files(
        &self,
        backup: &Backup,
        settings: &Settings,
    ) -> Result<(Option<String>, bool)> {
        if self.store.library_id()? != backup.library {
            return Err(Error::new(ErrorKind::Incompatible, "it is a backup of another library")
                .context(format!("using the backup {}", backup.path.display()))
                .with_hint("`ragged backend backups list` shows those of this one"));
        }
        let staging = vectors_root(&self.dir).join(RESTORING);
        remove_folder(&staging)?;
        // Even what has no files is read to its end: a damaged backup is none.
        backup::unpack(backup, &staging)?;
        let Some(folder) = &backup.folder else {
            remove_folder(&staging)?;
            return Ok((None, false));
        };
        let own = vectors_dir(&self.dir, settings, self.embedder.as_ref());
        if own.file_name().is_none_or(|name| name.to_string_lossy() != *folder) {
            remove_folder(&staging)?;
            let note = "its vectors are of another model or tier than is used now".to_owned();
            return Ok((Some(note), false));
        }
        let restored = LeannBackend::open(&staging, self.embedder.identity(), &settings.backend)?;
        let problems = restored.check()?;
        let (at, now) = (restored.generation(), self.store.reader()?.generation()?);
        drop(restored);
        if let Some(problem) = problems.first() {
            remove_folder(&staging)?;
            return Err(Error::new(ErrorKind::Corrupt, problem.clone())
                .context(format!("checking the backup {}", backup.path.display()))
                .with_hint("choose another one: `ragged backend backups list`"));
        }
        if at > now {
            remove_folder(&staging)?;
            return Err(Error::new(
                ErrorKind::Incompatible,
                format!("it reflects generation {at}, the library is at {now}"),
            )
            .context(format!("using the backup {}", backup.path.display()))
            .with_hint(
                "`library.db` was put back to an older state; `ragged backend use` needs no backup",
            ));
        }
        // Between the two steps there is no index, and whoever opens the library makes one from
        // the text.
        remove_folder(&own)?;
        std::fs::rename(&staging, &own)
            .context_with(|| format!("putting {} in its place", own.display()))?;
        Ok((None, true))
    }

    /// Throws away what a backend that is not in use holds; bytes on this machine that are free
    /// afterwards. A migration to it that was not finished is forgotten.
    ///
    /// # Errors
    ///
    /// `Conflict` for the backend in use.
    pub fn clean_up_backend(&self, kind: BackendKind) -> Result<u64> {
        if kind == self.vectors.kind() {
            return Err(Error::new(ErrorKind::Conflict, format!("{} is in use", kind.as_str()))
                .with_hint("`ragged backend migrate` to another one first"));
        }
        let other = (kind != BackendKind::Leann).then(|| self.with_backend(kind)).transpose()?;
        let _lock = WriteLock::acquire(&self.dir, LOCK_PATIENCE)?;
        let mut freed = 0;
        if let Some(other) = other {
            other.vectors.clear()?;
        } else {
            let root = vectors_root(&self.dir);
            freed = folder_bytes(&root);
            remove_folder(&root)?;
        }
        if let Some(found) = UnfinishedMigration::find(&self.dir)?.filter(|it| it.target == kind) {
            found.remove()?;
        }
        Ok(freed)
    }
}

/// Whether an engine keeps nothing between two processes.
pub(super) fn keeps_nothing(kind: BackendKind) -> bool {
    match kind {
        BackendKind::Exact => true,
        BackendKind::Leann | BackendKind::Chromadb => false,
    }
}

fn require_two(source: &Library, target: &Library) -> Result<()> {
    if source.vectors.kind() == target.vectors.kind() {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("{} is both where from and where to", source.vectors.kind().as_str()),
        )
        .with_hint("`ragged backend list` shows the backends"));
    }
    Ok(())
}

/// The checkpoint to go on from, if it fits what is asked.
fn resumable(
    found: Option<UnfinishedMigration>,
    (from, to): (BackendKind, BackendKind),
    resume: bool,
) -> Result<Option<UnfinishedMigration>> {
    let Some(found) = found else {
        if resume {
            return Err(Error::new(ErrorKind::NotFound, "there is no unfinished migration")
                .with_hint("leave out --resume to begin one"));
        }
        return Ok(None);
    };
    // One that was killed after its last step has nothing left to do.
    if found.target == from {
        found.remove()?;
        return resumable(None, (from, to), resume);
    }
    let (source, target) = (found.source.as_str(), found.target.as_str());
    if resume && (found.source, found.target) == (from, to) {
        return Ok(Some(found));
    }
    Err(Error::new(
        ErrorKind::Conflict,
        format!(
            "a migration from {source} to {target} is not finished ({} of {} documents)",
            found.documents_done, found.documents
        ),
    )
    .with_hint(format!(
        "`ragged backend migrate {source} {target} --resume` goes on with it; `ragged backend \
         cleanup {target} --confirm` gives it up"
    )))
}

/// Empties a target that differs from the source, so that nobody uses it or builds on it.
fn abandon(target: &Library, checkpoint: &UnfinishedMigration, found: &Verification) -> Error {
    let (source, name) = (checkpoint.source.as_str(), target.vectors.kind().as_str());
    let mut message = format!("{name} differs from {source}: {}", found.problems.join("; "));
    let emptied = target.vectors.clear().and_then(|()| checkpoint.remove());
    let hint = match emptied {
        Ok(()) => format!(
            "{source} is still in use and untouched; {name} was emptied, so that the same command \
             fills it anew"
        ),
        Err(error) => {
            message.push_str(&format!("; emptying {name} failed: {error:#}"));
            format!(
                "{source} is still in use and untouched; `ragged backend cleanup {name} --confirm`"
            )
        }
    };
    Error::new(ErrorKind::Corrupt, message).with_hint(hint)
}

fn n_chunks(documents: &[DocumentChunks]) -> u64 {
    documents.iter().map(|document| u64::from(document.chunks.n_chunks)).sum()
}

/// Into how many batches documents are put, each of at least `target` chunks but the last.
fn n_batches(documents: &[DocumentChunks], target: usize) -> u64 {
    let mut batches = 0;
    let mut chunks = 0;
    for document in documents {
        chunks += document.chunks.n_chunks as usize;
        if chunks >= target {
            batches += 1;
            chunks = 0;
        }
    }
    batches + u64::from(chunks > 0)
}

fn remove_folder(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context_with(|| format!("deleting {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// What a backend is and holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendState {
    /// Which.
    pub kind: BackendKind,
    /// Whether the settings name it.
    pub is_active: bool,
    /// Where it keeps what it holds.
    pub location: String,
    /// What was found out about it.
    pub condition: BackendCondition,
}

/// Whether a backend can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendCondition {
    /// It can.
    Ready(BackendHolding),
    /// It was not asked, since asking uses the network.
    NotAsked,
    /// It cannot, and why.
    Unavailable(String),
}

/// What a backend holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackendHolding {
    /// How much.
    pub stats: VectorStats,
    /// Bytes of this machine's disk that it takes.
    pub disk_bytes: u64,
    /// Bytes of memory that it takes while in use, where that grows with the library.
    pub memory_bytes: u64,
    /// The generation that it reflects.
    pub generation: Generation,
    /// Whether it reflects all that the library holds; one that keeps nothing is made level
    /// whenever it is opened.
    pub is_level: bool,
}

impl Library {
    /// What each backend is and holds. Those that a network is needed for are asked only if they
    /// are in use or among `ask`.
    pub fn backend_states(&self, ask: &[BackendKind]) -> Result<Vec<BackendState>> {
        BackendKind::ALL.into_iter().map(|kind| self.backend_state(kind, ask)).collect()
    }

    /// What one backend is and holds.
    pub fn backend_state(&self, kind: BackendKind, ask: &[BackendKind]) -> Result<BackendState> {
        let is_active = kind == self.vectors.kind();
        let state =
            |location: String, condition| BackendState { kind, is_active, location, condition };
        if is_active {
            let condition = match self.vectors.refresh() {
                Ok(()) => BackendCondition::Ready(self.holding()?),
                Err(error) => BackendCondition::Unavailable(format!("{error:#}")),
            };
            return Ok(state(self.vectors.location(), condition));
        }
        match kind {
            BackendKind::Chromadb if !ask.contains(&kind) => {
                let url = self.settings.backend.chroma.url.clone();
                return Ok(state(url, BackendCondition::NotAsked));
            }
            BackendKind::Leann => {
                // Looking must not make a folder.
                let folder = vectors_dir(&self.dir, &self.settings, self.embedder.as_ref());
                if !folder.is_dir() {
                    let nothing = BackendHolding::default();
                    let location = folder.display().to_string();
                    return Ok(state(location, BackendCondition::Ready(nothing)));
                }
            }
            BackendKind::Exact | BackendKind::Chromadb => {}
        }
        Ok(match self.with_backend(kind) {
            Ok(other) => state(other.vectors.location(), BackendCondition::Ready(other.holding()?)),
            Err(error) => {
                let location = match kind {
                    BackendKind::Chromadb => self.settings.backend.chroma.url.clone(),
                    _ => String::new(),
                };
                state(location, BackendCondition::Unavailable(format!("{error:#}")))
            }
        })
    }

    /// What is wrong with this backend's vectors, in words: checksums, counts, whether they are
    /// exactly the library's. O(chunks).
    pub fn vector_problems(&self) -> Result<Vec<String>> {
        if let Err(error) = self.vectors.refresh() {
            return Ok(vec![format!("{error:#}")]);
        }
        let mut problems = self.vectors.check()?;
        if let Err(error) = self.require_own_vectors() {
            problems.push(format!("{error:#}"));
            return Ok(problems);
        }
        let reader = self.store.reader()?;
        let chunks = AllowedChunks::from_documents(
            reader.documents()?.into_iter().map(|document| document.chunks),
        );
        let (at, generation) = (self.vectors.generation(), reader.generation()?);
        if at == generation && !self.vectors.holds_exactly(&chunks)? {
            problems.push("it does not hold exactly the library's chunks".to_owned());
        } else if at != generation {
            problems.push(format!("it reflects generation {at}, the library is at {generation}"));
        }
        Ok(problems)
    }

    fn holding(&self) -> Result<BackendHolding> {
        let stats = self.vectors.stats();
        let reader = self.store.reader()?;
        let dims = self.recorded_dims()?.unwrap_or(self.embedder.identity().dims);
        let kind = self.vectors.kind();
        let is_level = keeps_nothing(kind) || self.vectors.generation() == reader.generation()?;
        let vectors = if keeps_nothing(kind) { reader.counts()?.chunks } else { 0 };
        Ok(BackendHolding {
            stats,
            disk_bytes: self.index_folder().map_or(0, |folder| folder_bytes(&folder)),
            memory_bytes: vectors * (dims * size_of::<f32>()) as u64,
            generation: self.vectors.generation(),
            is_level,
        })
    }
}
