//! A part of what a scan may see.

use std::{
    collections::BTreeSet,
    ops::Bound,
    path::{Path, PathBuf},
};

/// Paths, each standing for itself and all below it. Of two where one is above the other only the
/// upper is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(BTreeSet<PathBuf>);

impl Scope {
    /// Nothing.
    pub const fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// Adds a path, which must be absolute.
    pub fn insert(&mut self, path: PathBuf) {
        if self.contains(&path) {
            return;
        }
        // Paths are ordered name by name, so that what is below a path follows it at once.
        while let Some(below) = self.first_below(&path).map(Path::to_path_buf) {
            self.0.remove(&below);
        }
        self.0.insert(path);
    }

    /// Whether `path` is one of the paths or below one.
    pub fn contains(&self, path: &Path) -> bool {
        self.0
            .range::<Path, _>((Bound::Unbounded, Bound::Included(path)))
            .next_back()
            .is_some_and(|nearest| path.starts_with(nearest))
    }

    /// Whether `path` is above one of the paths.
    pub fn leads_to(&self, path: &Path) -> bool {
        self.first_below(path).is_some()
    }

    fn first_below(&self, path: &Path) -> Option<&Path> {
        let after = (Bound::Excluded(path), Bound::Unbounded);
        self.0
            .range::<Path, _>(after)
            .next()
            .map(PathBuf::as_path)
            .filter(|next| next.starts_with(path))
    }

    /// How many paths it is written with.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(PathBuf::as_path)
    }

    /// The same and more, written with fewer paths: each stands for the folder it is in.
    #[must_use]
    pub fn coarsened(&self) -> Self {
        self.0.iter().map(|path| path.parent().unwrap_or(path).to_path_buf()).collect()
    }
}

impl FromIterator<PathBuf> for Scope {
    fn from_iter<I: IntoIterator<Item = PathBuf>>(paths: I) -> Self {
        let mut scope = Self::new();
        scope.extend(paths);
        scope
    }
}

impl Extend<PathBuf> for Scope {
    fn extend<I: IntoIterator<Item = PathBuf>>(&mut self, paths: I) {
        for path in paths {
            self.insert(path);
        }
    }
}
