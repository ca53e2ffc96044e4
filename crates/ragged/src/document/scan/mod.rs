//! Which files there are: a walk over folders, in a fixed order.

use std::collections::{HashSet, VecDeque};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use ignore::{DirEntry, Walk, WalkBuilder};

use super::unreadable::Unreadable;
use crate::error::{Context, Error, ErrorKind, Result};

mod scope;
#[cfg(test)]
mod tests;

pub use scope::Scope;

/// What a scan takes and what it leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanRules {
    /// Files larger than this are skipped; `None` for no limit.
    pub max_file_bytes: Option<u64>,
    /// Folders never entered, ragged's own data folder among them.
    pub excluded: Vec<PathBuf>,
}

/// A file that may become a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its absolute path, without links in it.
    pub path: PathBuf,
    /// The file or folder given to the scan that it was found under.
    pub root: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// When it was last changed: nanoseconds since 1970.
    pub modified_ns: i64,
}

/// A file or folder that a scan left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedFile {
    /// Its absolute path.
    pub path: PathBuf,
    /// The file or folder given to the scan that it was found under.
    pub root: PathBuf,
    /// Why.
    pub reason: Unreadable,
}

/// Walks over `paths`, files and folders.
///
/// Order: by path, folder after folder, each file once, whatever the order and overlap of
/// `paths`. A file given by name is taken even if it is hidden or ignored, and a link given by
/// name is followed. Inside folders, hidden entries and links are skipped, and what `.gitignore`
/// (inside a git repository or not), `.ignore` and `.raggedignore` name is passed over without a
/// word, as it may be a hundred thousand files.
///
/// # Errors
///
/// [`ErrorKind::NotFound`] if one of `paths` does not exist; before anything is walked.
///
/// # Examples
///
/// ```
/// use ragged::document::{ScanRules, scan};
///
/// let folder = std::env::temp_dir().join("ragged-doc-scan");
/// std::fs::create_dir_all(&folder)?;
/// std::fs::write(folder.join("note.txt"), "milk")?;
/// let files: Vec<_> = scan(&[folder.as_path()], &ScanRules::default()).unwrap().flatten().collect();
/// assert!(files.iter().any(|file| file.path.ends_with("note.txt") && file.size_bytes == 4));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn scan(paths: &[impl AsRef<Path>], rules: &ScanRules) -> Result<Scan> {
    let mut roots = Vec::with_capacity(paths.len());
    for path in paths {
        let path = path.as_ref();
        let root = std::fs::canonicalize(path)
            .context_with(|| format!("reading {}", path.display()))
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound => Error::new(
                    ErrorKind::NotFound,
                    format!("no such file or folder: {}", path.display()),
                )
                .with_hint("check the path"),
                _ => error,
            })?;
        roots.push(root);
    }
    Ok(Scan::begin(roots, None, rules))
}

/// The part of [`scan`]'s walk over `roots` that lies in `scope`: the same files, left out for the
/// same reasons, in the same order.
///
/// Reads the folders in the scope and those that lead to it. `roots` have no links in them; one
/// that is not there has no files.
pub fn scan_within(roots: &[PathBuf], scope: &Scope, rules: &ScanRules) -> Scan {
    let roots = roots.iter().filter(|root| std::fs::symlink_metadata(root).is_ok()).cloned();
    Scan::begin(roots.collect(), Some(scope), rules)
}

/// The folders that [`scan_within`] looks into, and those that lead there; what it ignores is not
/// among them, nor a folder that cannot be read.
pub fn folders_within(roots: &[PathBuf], scope: &Scope, rules: &ScanRules) -> Vec<PathBuf> {
    let scan = scan_within(roots, scope, rules);
    let mut folders = Vec::new();
    for root in scan.roots.iter().rev() {
        let is_entered = is_wanted(root, Some(scope)) && !is_inside_any(root, &scan.excluded);
        if is_entered && root.is_dir() {
            let entries = scan.walk_of(root).flatten();
            folders.extend(
                entries
                    .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_dir()))
                    .map(DirEntry::into_path),
            );
        }
    }
    folders
}

/// A walk in progress; see [`scan`]. Yields each file, or why it was left out.
pub struct Scan {
    roots: Vec<PathBuf>,
    excluded: Arc<[PathBuf]>,
    max_file_bytes: u64,
    /// The part that is wanted; `None` for all.
    scope: Option<Arc<Scope>>,
    walk: Option<(PathBuf, Walk)>,
    /// Entries refused while walking, not yet yielded.
    passed: Arc<Mutex<VecDeque<(PathBuf, Unreadable)>>>,
    /// Files yielded, where roots may overlap.
    seen: Option<HashSet<PathBuf>>,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan").field("roots", &self.roots).finish_non_exhaustive()
    }
}

impl Iterator for Scan {
    type Item = Result<SourceFile, SkippedFile>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((root, walk)) = &mut self.walk else {
                let root = self.roots.pop()?;
                if !is_wanted(&root, self.scope.as_deref()) {
                    continue;
                }
                if root.is_dir() && !is_inside_any(&root, &self.excluded) {
                    let walk = self.walk_of(&root);
                    self.walk = Some((root, walk));
                    continue;
                }
                let outcome = if is_inside_any(&root, &self.excluded) {
                    Err(Unreadable::Ignored)
                } else {
                    std::fs::metadata(&root)
                        .map_err(|error| Unreadable::io(&error))
                        .and_then(|metadata| self.judge(&metadata))
                };
                match self.result(root.clone(), root, outcome) {
                    Some(item) => return Some(item),
                    None => continue,
                }
            };
            let root = root.clone();
            let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            if let Some((path, reason)) = passed {
                match self.result(root, path, Err(reason)) {
                    Some(item) => return Some(item),
                    None => continue,
                }
            }
            let (path, outcome) = match walk.next() {
                None => {
                    let is_done =
                        self.passed.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
                    if is_done {
                        self.walk = None;
                    }
                    continue;
                }
                Some(Err(error)) => (failed_path(&error, &root), Err(io_reason(&error))),
                Some(Ok(entry)) => match entry.file_type() {
                    Some(kind) if kind.is_dir() => continue,
                    Some(kind) if kind.is_symlink() => (entry.into_path(), Err(Unreadable::Link)),
                    _ => {
                        let outcome = entry
                            .metadata()
                            .map_err(|error| io_reason(&error))
                            .and_then(|metadata| self.judge(&metadata));
                        (entry.into_path(), outcome)
                    }
                },
            };
            if let Some(item) = self.result(root, path, outcome) {
                return Some(item);
            }
        }
    }
}

impl Scan {
    fn begin(mut roots: Vec<PathBuf>, scope: Option<&Scope>, rules: &ScanRules) -> Self {
        roots.sort_unstable();
        roots.dedup();
        // Backwards, because they are taken from the end.
        roots.reverse();
        let excluded = rules
            .excluded
            .iter()
            .filter_map(|folder| std::fs::canonicalize(folder).ok())
            .collect::<Vec<_>>();
        Self {
            seen: (roots.len() > 1).then(HashSet::new),
            roots,
            excluded: excluded.into(),
            max_file_bytes: rules.max_file_bytes.unwrap_or(u64::MAX),
            scope: scope.map(|scope| Arc::new(scope.clone())),
            walk: None,
            passed: Arc::default(),
        }
    }

    fn walk_of(&self, root: &Path) -> Walk {
        let excluded = Arc::clone(&self.excluded);
        let scope = self.scope.clone();
        let passed = Arc::clone(&self.passed);
        WalkBuilder::new(root)
            .hidden(false)
            .parents(true)
            .ignore(true)
            .git_ignore(true)
            .git_exclude(true)
            .git_global(false)
            .require_git(false)
            .add_custom_ignore_filename(".raggedignore")
            .follow_links(false)
            .sort_by_file_name(Ord::cmp)
            .filter_entry(move |entry| match refusal(entry, &excluded) {
                _ if !is_wanted(entry.path(), scope.as_deref()) => false,
                None => true,
                Some(reason) => {
                    passed
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push_back((entry.path().to_owned(), reason));
                    false
                }
            })
            .build()
    }

    /// Size and time of a file that is taken, or why it is not.
    fn judge(&self, metadata: &Metadata) -> Result<(u64, i64), Unreadable> {
        let size_bytes = metadata.len();
        if !metadata.is_file() {
            return Err(Unreadable::Special);
        }
        if size_bytes > self.max_file_bytes {
            return Err(Unreadable::TooLarge { size_bytes, limit_bytes: self.max_file_bytes });
        }
        if size_bytes == 0 {
            return Err(Unreadable::Empty);
        }
        Ok((size_bytes, modified_ns(metadata)))
    }

    /// The item for `path`, unless it was yielded before.
    fn result(
        &mut self,
        root: PathBuf,
        path: PathBuf,
        outcome: Result<(u64, i64), Unreadable>,
    ) -> Option<Result<SourceFile, SkippedFile>> {
        if let Some(seen) = &mut self.seen
            && !seen.insert(path.clone())
        {
            return None;
        }
        Some(match outcome {
            Ok((size_bytes, modified_ns)) => Ok(SourceFile { path, root, size_bytes, modified_ns }),
            Err(reason) => Err(SkippedFile { path, root, reason }),
        })
    }
}

/// Why an entry met while walking is not even looked into.
fn refusal(entry: &DirEntry, excluded: &[PathBuf]) -> Option<Unreadable> {
    if entry.depth() == 0 {
        return None;
    }
    if entry.file_name().as_encoded_bytes().starts_with(b".") {
        return Some(Unreadable::Hidden);
    }
    excluded.iter().any(|folder| folder == entry.path()).then_some(Unreadable::Ignored)
}

fn is_wanted(path: &Path, scope: Option<&Scope>) -> bool {
    scope.is_none_or(|scope| scope.contains(path) || scope.leads_to(path))
}

fn is_inside_any(path: &Path, folders: &[PathBuf]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

/// Nanoseconds since 1970; 0 where the system keeps no such time.
fn modified_ns(metadata: &Metadata) -> i64 {
    let Ok(modified) = metadata.modified() else { return 0 };
    match modified.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, std::ops::Neg::neg)
        }
    }
}

fn io_reason(error: &ignore::Error) -> Unreadable {
    match error.io_error() {
        Some(error) => Unreadable::io(error),
        None => Unreadable::Io(error.to_string()),
    }
}

/// The path that a failure of the walk is about.
fn failed_path(error: &ignore::Error, root: &Path) -> PathBuf {
    match error {
        ignore::Error::WithPath { path, .. } => path.clone(),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            failed_path(err, root)
        }
        _ => root.to_owned(),
    }
}
