//! Files that changed → the library, without looking at the others.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    AddProgress, AddReport, Cancel, Library,
    ingest::{Intake, is_gone},
    lock::WriteLock,
};
use crate::{
    document::{Readers, Scope, folders_within, scan_within},
    error::Result,
};

impl Library {
    /// Brings what lies in `scope` up to date: afterwards the library is as if `roots` had been
    /// added with [`prune`](super::AddOptions::prune), had nothing outside the scope changed.
    ///
    /// `roots` are absolute and without links, as [`std::fs::canonicalize`] gives them. What is
    /// below a root that is not there is left as it is: a disk that is not mounted looks the same
    /// as a folder that was deleted. [`AddReport::pruned`] counts all files that are forgotten,
    /// those included that are no longer read.
    ///
    /// # Errors
    ///
    /// `Busy`, at once, while another process changes the library; otherwise as
    /// [`add`](Self::add).
    pub fn sync(
        &self,
        roots: &[PathBuf],
        scope: &Scope,
        readers: &Readers,
        progress: &dyn AddProgress,
        cancel: &Cancel,
    ) -> Result<AddReport> {
        let begun = Instant::now();
        let _lock = WriteLock::acquire(&self.dir, Duration::ZERO)?;
        self.require_own_vectors()?;
        self.catch_up(cancel)?;
        let mut report = AddReport::default();
        let found = scan_within(roots, scope, &self.scan_rules());
        let (files, no_longer_read) = self.sort(found, progress, cancel, &mut report)?;
        report.pruned = self.forget(no_longer_read, false)?.files.len() as u64;
        if !files.is_empty() {
            let placement = self.place(roots, None, false, &mut report)?;
            let readers = Some(readers);
            let intake =
                Intake { placement, readers, retry: false, dry_run: false, progress, cancel };
            self.read_all(files, &intake, &mut report)?;
        }
        if !cancel.is_cancelled() {
            let gone = self.gone(roots, scope)?;
            report.pruned += self.forget(gone, false)?.files.len() as u64;
        }
        report.interrupted = cancel.is_cancelled();
        report.generation = self.store.reader()?.generation()?;
        report.elapsed = begun.elapsed();
        Ok(report)
    }

    /// The folders below `roots` in `scope` whose files [`sync`](Self::sync) reads, and those that
    /// lead there: the ones to watch for changes.
    pub fn folders(&self, roots: &[PathBuf], scope: &Scope) -> Vec<PathBuf> {
        folders_within(roots, scope, &self.scan_rules())
    }

    /// The library's files in a scope, below roots that are there, that no longer exist.
    fn gone(&self, roots: &[PathBuf], scope: &Scope) -> Result<Vec<String>> {
        let roots: Vec<&PathBuf> = roots.iter().filter(|root| !is_gone(root)).collect();
        let is_ours = |path: &str| {
            let path = Path::new(path);
            roots.iter().any(|root| path.starts_with(root)) && is_gone(path)
        };
        let reader = self.store.reader()?;
        let mut gone = BTreeSet::new();
        let mut all_are_known = true;
        for path in scope.paths().filter_map(Path::to_str) {
            // The common case: one file, known by its name.
            if reader.file(path)?.is_some() {
                gone.extend(is_ours(path).then(|| path.to_owned()));
            } else {
                all_are_known &= Path::new(path).is_file();
            }
        }
        if !all_are_known {
            let files = reader.files()?.into_iter().map(|file| file.path);
            gone.extend(files.filter(|path| scope.contains(Path::new(path)) && is_ours(path)));
        }
        reader.unreadable_files(|path, _| {
            if scope.contains(Path::new(path)) && is_ours(path) {
                gone.insert(path.to_owned());
            }
        })?;
        Ok(gone.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
