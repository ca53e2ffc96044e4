//! Files → documents, chunks, vectors → the store and its indexes.
//!
//! Several threads read, chunk and embed; one writes. What they prepare is written in the order
//! in which the files were found, so that the same folder gives the same library, and the bytes
//! being prepared at once are bounded, so that memory is too.

mod pipeline;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use super::{
    Library,
    collection::{Placement, Roots},
    derived::DerivedWriter,
    lock::WriteLock,
};
use crate::{
    collection::CollectionName,
    document::{READER_VERSION, Readers, Scan, ScanRules, SourceFile, Unreadable, scan},
    error::{Context, Error, ErrorKind, Result},
    id::Generation,
    store::Transaction,
};

/// What `add` should do beside adding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddOptions {
    /// The collection that the files come into, made if there is none of that name. Files at or
    /// below the given paths that are known and in another one move. `None` leaves known files
    /// where they are and puts new ones where the deepest folder above them was added to;
    /// `default` if none was.
    pub collection: Option<CollectionName>,
    /// Forget files below the given folders that no longer exist.
    pub prune: bool,
    /// Read again what could not be read the last time.
    pub retry: bool,
    /// Change nothing; report what would be done.
    pub dry_run: bool,
}

/// Asks a long operation to stop at the next safe place; what is committed stays.
#[derive(Debug, Default)]
pub struct Cancel(AtomicBool);

impl Cancel {
    /// A request that has not been made.
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Makes the request.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was made.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOutcome {
    /// New in the library.
    Added {
        /// Chunks that it was cut into.
        n_chunks: u32,
    },
    /// Was there with other content.
    Changed {
        /// Chunks that it was cut into.
        n_chunks: u32,
    },
    /// The same bytes as the last time.
    Unchanged,
    /// The same bytes as a file that is gone.
    Moved {
        /// Where it was.
        from: String,
    },
    /// The same bytes as another file that is still there.
    Duplicate,
    /// Left out by a rule.
    Skipped(Skip),
    /// Of a supported format, and could not be read.
    Failed(Skip),
}

/// A file that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// The file.
    pub path: String,
    /// A stable word for the reason.
    pub code: &'static str,
    /// The reason for people.
    pub reason: String,
}

/// Told what an `add` is doing. Called from several threads.
pub trait AddProgress: Sync {
    /// All files are known.
    fn found(&self, _n_files: u64, _bytes: u64) {}
    /// One file is done with.
    fn file(&self, _path: &str, _bytes: u64, _outcome: &FileOutcome) {}
    /// Files are done, indexes are being completed.
    fn finishing(&self) {}
}

/// Nobody is told.
#[derive(Clone, Copy, Debug)]
pub struct NoProgress;

impl AddProgress for NoProgress {}

/// What `add` did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddReport {
    /// Files that were new.
    pub added: u64,
    /// Files whose content was new.
    pub changed: u64,
    /// Files with the same bytes as the last time.
    pub unchanged: u64,
    /// Files found again at another path.
    pub moved: u64,
    /// Files with the same bytes as another file.
    pub duplicates: u64,
    /// Files that were known, and moved from another collection into the one named.
    pub reassigned: u64,
    /// Whether the collection named is new.
    pub created_collection: bool,
    /// Files forgotten because they are gone.
    pub pruned: u64,
    /// Files left out by a rule, by the reason's code.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Files of a supported format that could not be read.
    pub failed: Vec<Skip>,
    /// Chunks written.
    pub chunks: u64,
    /// Bytes of the files that were read.
    pub bytes: u64,
    /// The library's generation afterwards.
    pub generation: Generation,
    /// Whether it was cancelled before all files were done.
    pub interrupted: bool,
    /// How long it took.
    pub elapsed: Duration,
}

impl AddReport {
    /// Files left out by a rule.
    pub fn n_skipped(&self) -> u64 {
        self.skipped.values().sum()
    }

    fn note(&mut self, outcome: &FileOutcome) {
        match outcome {
            FileOutcome::Added { .. } => self.added += 1,
            FileOutcome::Changed { .. } => self.changed += 1,
            FileOutcome::Unchanged => self.unchanged += 1,
            FileOutcome::Moved { .. } => self.moved += 1,
            FileOutcome::Duplicate => self.duplicates += 1,
            FileOutcome::Skipped(skip) => *self.skipped.entry(skip.code).or_default() += 1,
            FileOutcome::Failed(skip) => self.failed.push(skip.clone()),
        }
    }
}

/// What `remove` did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoveReport {
    /// The files that are forgotten, in order of path.
    pub files: Vec<String>,
    /// Chunks that are gone with them.
    pub chunks: u64,
}

/// A document that is not a file: a row of a judged set, a test's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualDocument {
    /// Takes the place of a path; unique.
    pub path: String,
    /// Its title; empty for none.
    pub title: String,
    /// Its text.
    pub text: String,
}

impl Library {
    /// Adds files and folders, or brings them up to date.
    ///
    /// Files with the same size and time of change as the last time are not opened. Each batch
    /// is one transaction; killed at any moment, the library keeps all batches before. A file
    /// that cannot be read is reported and the rest goes on.
    ///
    /// # Errors
    ///
    /// `NotFound` for a path that does not exist, before anything is changed; `Busy` while
    /// another process changes the library; `Unavailable` where the embedding server is away;
    /// `Exhausted` on a full disk.
    pub fn add(
        &self,
        paths: &[PathBuf],
        options: AddOptions,
        readers: &Readers,
        progress: &dyn AddProgress,
        cancel: &Cancel,
    ) -> Result<AddReport> {
        let begun = Instant::now();
        let _lock = WriteLock::acquire(&self.dir, super::LOCK_PATIENCE)?;
        self.require_own_vectors()?;
        self.catch_up(cancel)?;
        let mut report = AddReport::default();
        let found = scan(paths, &self.scan_rules())?;
        let (files, no_longer_read) = self.sort(found, progress, cancel, &mut report)?;
        self.forget(no_longer_read, options.dry_run)?;
        let placement = if cancel.is_cancelled() {
            Placement::default()
        } else {
            self.place(paths, options.collection, options.dry_run, &mut report)?
        };
        let intake = Intake {
            placement,
            readers: Some(readers),
            retry: options.retry,
            dry_run: options.dry_run,
            progress,
            cancel,
        };
        self.read_all(files, &intake, &mut report)?;
        if options.prune && !report.interrupted {
            report.pruned = self.prune(paths, options.dry_run)?;
        }
        report.interrupted |= cancel.is_cancelled();
        report.generation = self.store.reader()?.generation()?;
        report.elapsed = begun.elapsed();
        Ok(report)
    }

    /// What is read of the files that a scan finds, and what is not.
    pub(super) fn scan_rules(&self) -> ScanRules {
        ScanRules {
            max_file_bytes: Some(self.settings.ingest.max_file_size_bytes),
            excluded: vec![self.dir.clone()],
        }
    }

    /// The files of a scan to read, and the paths that are left out though the library has them:
    /// emptied since, grown, made a link.
    pub(super) fn sort(
        &self,
        found: Scan,
        progress: &dyn AddProgress,
        cancel: &Cancel,
        report: &mut AddReport,
    ) -> Result<(Vec<SourceFile>, Vec<String>)> {
        let mut files: Vec<SourceFile> = Vec::new();
        let mut no_longer_read = Vec::new();
        for found in found {
            match found {
                Ok(file) => files.push(file),
                Err(left_out) => {
                    let path = left_out.path.display().to_string();
                    let skip = Skip {
                        path: path.clone(),
                        code: left_out.reason.code(),
                        reason: left_out.reason.to_string(),
                    };
                    let outcome = if left_out.reason.is_failure() {
                        FileOutcome::Failed(skip)
                    } else {
                        FileOutcome::Skipped(skip)
                    };
                    report.note(&outcome);
                    progress.file(&path, 0, &outcome);
                    if self.store.reader()?.file(&path)?.is_some() {
                        no_longer_read.push(path);
                    }
                }
            }
            if cancel.is_cancelled() {
                break;
            }
        }
        Ok((files, no_longer_read))
    }

    /// Adds documents that are not files: new ones to `default`; known ones stay where they are.
    pub fn add_virtual(
        &self,
        documents: Vec<VirtualDocument>,
        progress: &dyn AddProgress,
        cancel: &Cancel,
    ) -> Result<AddReport> {
        self.add_virtual_documents(documents, None, progress, cancel)
    }

    /// Adds documents that are not files to a collection, made if there is none of that name;
    /// known ones in another collection move.
    pub fn add_virtual_in(
        &self,
        collection: &CollectionName,
        documents: Vec<VirtualDocument>,
        progress: &dyn AddProgress,
        cancel: &Cancel,
    ) -> Result<AddReport> {
        self.add_virtual_documents(documents, Some(collection), progress, cancel)
    }

    fn add_virtual_documents(
        &self,
        documents: Vec<VirtualDocument>,
        collection: Option<&CollectionName>,
        progress: &dyn AddProgress,
        cancel: &Cancel,
    ) -> Result<AddReport> {
        let begun = Instant::now();
        let _lock = WriteLock::acquire(&self.dir, super::LOCK_PATIENCE)?;
        self.require_own_vectors()?;
        self.catch_up(cancel)?;
        let bytes = documents.iter().map(|document| document.text.len() as u64).sum();
        progress.found(documents.len() as u64, bytes);
        let mut report = AddReport::default();
        let placement = match collection {
            Some(name) => {
                let mut transaction = self.store.begin()?;
                if transaction.create_collection(name)? {
                    report.created_collection = true;
                    self.commit(transaction)?;
                }
                Placement::into_one(name.clone())
            }
            None => Placement::default(),
        };
        let jobs = documents.into_iter().map(pipeline::Job::Virtual).collect();
        let intake =
            Intake { placement, readers: None, retry: false, dry_run: false, progress, cancel };
        self.run(jobs, &intake, &mut report)?;
        report.interrupted = cancel.is_cancelled();
        report.generation = self.store.reader()?.generation()?;
        report.elapsed = begun.elapsed();
        Ok(report)
    }

    /// Forgets files: those at the given paths, and all below those that are folders; and which
    /// collection those folders were added to. The files themselves stay where they are.
    ///
    /// # Errors
    ///
    /// `NotFound` if a path names nothing in the library; then nothing is changed.
    pub fn remove(&self, targets: &[String], dry_run: bool) -> Result<RemoveReport> {
        let _lock = WriteLock::acquire(&self.dir, super::LOCK_PATIENCE)?;
        self.catch_up(&Cancel::new())?;
        let mut files: BTreeSet<String> = BTreeSet::new();
        let mut roots: BTreeSet<String> = BTreeSet::new();
        {
            let reader = self.store.reader()?;
            let all = reader.files()?;
            let all_roots = Roots::read(&reader)?;
            for target in targets {
                let below = below_folder(target);
                let mut is_known = false;
                reader.unreadable_files(|path, _| {
                    if path == target || path.starts_with(&below) {
                        files.insert(path.to_owned());
                        is_known = true;
                    }
                })?;
                for file in &all {
                    if file.path == *target || file.path.starts_with(&below) {
                        files.insert(file.path.clone());
                        is_known = true;
                    }
                }
                for root in all_roots.within(target, &below) {
                    roots.insert(root.clone());
                    is_known = true;
                }
                if !is_known {
                    return Err(Error::new(
                        ErrorKind::NotFound,
                        format!("{target} is not in the library"),
                    )
                    .with_hint("`ragged list` shows what is"));
                }
            }
        }
        self.forget_with_roots(files.into_iter().collect(), &roots, dry_run)
    }

    /// Forgets files below the given folders that no longer exist.
    fn prune(&self, roots: &[PathBuf], dry_run: bool) -> Result<u64> {
        let mut gone = Vec::new();
        {
            let reader = self.store.reader()?;
            let roots: Vec<(String, String)> = roots
                .iter()
                .filter_map(|root| std::fs::canonicalize(root).ok())
                .filter_map(|root| root.to_str().map(|root| (root.to_owned(), below_folder(root))))
                .collect();
            for file in reader.files()? {
                let is_below = roots
                    .iter()
                    .any(|(root, below)| file.path == *root || file.path.starts_with(below));
                if is_below && is_gone(Path::new(&file.path)) {
                    gone.push(file.path);
                }
            }
            reader.unreadable_files(|path, _| {
                let is_below =
                    roots.iter().any(|(root, below)| path == root || path.starts_with(below));
                if is_below && is_gone(Path::new(path)) {
                    gone.push(path.to_owned());
                }
            })?;
        }
        Ok(self.forget(gone, dry_run)?.files.len() as u64)
    }

    pub(super) fn forget(&self, files: Vec<String>, dry_run: bool) -> Result<RemoveReport> {
        self.forget_with_roots(files, &BTreeSet::new(), dry_run)
    }

    fn forget_with_roots(
        &self,
        files: Vec<String>,
        roots: &BTreeSet<String>,
        dry_run: bool,
    ) -> Result<RemoveReport> {
        let mut report = RemoveReport { files, chunks: 0 };
        if dry_run || (report.files.is_empty() && roots.is_empty()) {
            return Ok(report);
        }
        let mut transaction = self.store.begin()?;
        for path in &report.files {
            transaction.remove_file(path).context_with(|| format!("forgetting {path}"))?;
        }
        for path in roots {
            transaction.remove_root(path).context_with(|| format!("forgetting {path}"))?;
        }
        report.chunks = self.commit(transaction)?.1;
        Ok(report)
    }

    /// Reads files and takes them in.
    pub(super) fn read_all(
        &self,
        files: Vec<SourceFile>,
        intake: &Intake<'_>,
        report: &mut AddReport,
    ) -> Result<()> {
        let bytes = files.iter().map(|file| file.size_bytes).sum();
        intake.progress.found(files.len() as u64, bytes);
        let jobs = files.into_iter().map(pipeline::Job::File).collect();
        self.run(jobs, intake, report)
    }

    /// Prepares the jobs on several threads and writes what they give, in order.
    fn run(
        &self,
        jobs: Vec<pipeline::Job>,
        intake: &Intake<'_>,
        report: &mut AddReport,
    ) -> Result<()> {
        let &Intake { ref placement, readers, retry, dry_run, progress, cancel } = intake;
        let threads = match self.settings.ingest.threads {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            threads => threads,
        };
        let in_flight = pipeline::InFlight::new(jobs, self.settings.ingest.in_flight_bytes);
        let context = pipeline::Preparation {
            library: self,
            readers,
            retry,
            reads_only: dry_run,
            times_unread: self.store.reader()?.documents_with_times_unread()?,
            cancel,
        };
        let mut writer = (!dry_run).then(|| BatchWriter::begin(&context, placement)).transpose()?;
        pipeline::run(&in_flight, &context, threads, |prepared| {
            let outcome = match &mut writer {
                Some(writer) => writer.write(&prepared, report)?,
                None => prepared.would_be(),
            };
            report.bytes += if outcome == FileOutcome::Unchanged { 0 } else { prepared.size_bytes };
            report.note(&outcome);
            progress.file(&prepared.path, prepared.size_bytes, &outcome);
            Ok(())
        })?;
        progress.finishing();
        match writer {
            Some(writer) => writer.finish(),
            None => Ok(()),
        }
    }
}

/// What goes with the jobs of an `add`.
pub(super) struct Intake<'a> {
    pub(super) placement: Placement,
    pub(super) readers: Option<&'a Readers>,
    pub(super) retry: bool,
    pub(super) dry_run: bool,
    pub(super) progress: &'a dyn AddProgress,
    pub(super) cancel: &'a Cancel,
}

/// Writes prepared documents in batches: one transaction a batch, the derived indexes behind it.
struct BatchWriter<'a> {
    library: &'a Library,
    preparation: &'a pipeline::Preparation<'a>,
    placement: &'a Placement,
    derived: DerivedWriter<'a>,
    transaction: Option<Transaction<'a>>,
    batch_bytes: u64,
    batch_files: u64,
    /// Whether anything was written at all.
    wrote: bool,
    /// The last generation that was committed to the store but not to the derived indexes.
    behind: Option<Generation>,
}

/// A batch ends when it holds this much text: a second's work, so that little is lost with a
/// killed process, and the cost of a durable commit is spread over many files.
const BATCH_BYTES: u64 = 8 << 20;
/// Or this many files.
const BATCH_FILES: u64 = 1000;

impl<'a> BatchWriter<'a> {
    fn begin(preparation: &'a pipeline::Preparation<'a>, placement: &'a Placement) -> Result<Self> {
        let library = preparation.library;
        Ok(Self {
            library,
            preparation,
            placement,
            derived: DerivedWriter::begin(library)?,
            transaction: None,
            batch_bytes: 0,
            batch_files: 0,
            wrote: false,
            behind: None,
        })
    }

    fn write(
        &mut self,
        prepared: &pipeline::Prepared,
        report: &mut AddReport,
    ) -> Result<FileOutcome> {
        use pipeline::Content;
        let path = &prepared.path;
        let what = || format!("writing {path}");
        if matches!(prepared.content, Content::Unchanged | Content::KnownUnreadable(_)) {
            return Ok(prepared.would_be());
        }
        if self.transaction.is_none() {
            // What a rule leaves out, and was left out before, is no change.
            if matches!(&prepared.content, Content::Unreadable(reason) if !reason.is_failure())
                && !self.library.store.reader()?.knows(path)?
            {
                return Ok(prepared.would_be());
            }
            self.transaction = Some(self.library.store.begin()?);
        }
        let Some(transaction) = self.transaction.as_mut() else {
            return Err(Error::new(ErrorKind::Internal, "a transaction vanished"));
        };
        let mut anew = None;
        if let Content::Held { document, .. } = &prepared.content
            && !transaction.has_document(*document)?
        {
            // It was removed after this file was compared with it.
            anew = Some(self.preparation.prepare_anew(prepared)?);
        }
        let prepared = anew.as_ref().unwrap_or(prepared);
        let mut outcome = prepared.would_be();
        let collection = self.placement.collection_of(path);
        let (size_bytes, modified_ns) = (prepared.size_bytes, prepared.modified_ns);
        match &prepared.content {
            Content::Unchanged | Content::KnownUnreadable(_) => {}
            Content::Asked { document, times } => {
                // It may be gone with another file of this run; then there is nothing to note.
                transaction.set_own_times(*document, *times).context_with(what)?;
            }
            Content::Held { document, moved_from } => {
                transaction
                    .set_file(path, *document, &collection, size_bytes, modified_ns)
                    .context_with(what)?;
                for old in moved_from {
                    transaction.remove_file(old).context_with(what)?;
                }
            }
            Content::New(ready) => {
                let (id, chunks, is_new) = transaction
                    .add_document(&ready.document, self.library.clock.now_ms())
                    .context_with(what)?;
                transaction
                    .set_file(path, id, &collection, size_bytes, modified_ns)
                    .context_with(what)?;
                // A file that was known has been moved by its path; what is no file has none.
                if let Some(given) = self.placement.given()
                    && transaction.move_file(path, given).context_with(what)?
                {
                    report.reassigned += 1;
                }
                if is_new {
                    self.derived.add(chunks, &ready.terms, &ready.vectors)?;
                    report.chunks += u64::from(chunks.n_chunks);
                } else if matches!(outcome, FileOutcome::Added { .. }) {
                    // Its twin came earlier in this very run.
                    outcome = FileOutcome::Duplicate;
                }
                self.batch_bytes += ready.text_bytes;
            }
            Content::Unreadable(reason) => {
                transaction.remove_file(path).context_with(what)?;
                if reason.is_failure() {
                    // What may not happen again is tried again.
                    let version = if is_lasting(reason) { READER_VERSION } else { 0 };
                    transaction
                        .set_unreadable(
                            path,
                            prepared.size_bytes,
                            prepared.modified_ns,
                            version,
                            &reason.to_string(),
                        )
                        .context_with(what)?;
                }
            }
        }
        self.batch_files += 1;
        if self.batch_bytes >= BATCH_BYTES || self.batch_files >= BATCH_FILES {
            self.commit_batch()?;
        }
        Ok(outcome)
    }

    fn commit_batch(&mut self) -> Result<()> {
        if let Some(transaction) = self.transaction.take() {
            let (generation, removed) = transaction.commit()?;
            for chunks in removed {
                self.derived.remove(chunks)?;
            }
            self.wrote = true;
            self.behind = Some(generation);
            if self.derived.is_full() {
                self.derived.commit(generation)?;
                self.behind = None;
            }
        }
        self.batch_bytes = 0;
        self.batch_files = 0;
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.commit_batch()?;
        if let Some(generation) = self.behind {
            self.derived.commit(generation)?;
        }
        if self.wrote {
            self.derived.settle(self.preparation.cancel)?;
        } else {
            self.derived.close()?;
        }
        let store = &self.library.store;
        if self.wrote && store.compress_with_dictionary()? > 0 {
            // The blocks have shrunk; the file follows.
            return store.compact();
        }
        store.checkpoint()
    }
}

/// Whether a file that could not be read for this reason cannot be read the next time either.
fn is_lasting(reason: &Unreadable) -> bool {
    matches!(
        reason,
        Unreadable::Encrypted
            | Unreadable::NotUtf8 { .. }
            | Unreadable::Broken(_)
            | Unreadable::LineTooLong { .. }
            | Unreadable::Bomb(_)
    )
}

pub(super) fn below_folder(path: &str) -> String {
    let separator = std::path::MAIN_SEPARATOR;
    if path.ends_with(separator) { path.to_owned() } else { format!("{path}{separator}") }
}

/// Whether nothing is at the path; a folder that may not be entered is not proof of that.
pub(super) fn is_gone(path: &Path) -> bool {
    matches!(
        std::fs::symlink_metadata(path),
        Err(error) if matches!(
            error.kind(),
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
        )
    )
}
