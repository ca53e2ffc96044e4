//! Collections: named parts of a library, one for each file.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    AddReport, Cancel, LOCK_PATIENCE, Library, derived::DerivedWriter, ingest::below_folder,
    lock::WriteLock,
};
use crate::{
    collection::CollectionName,
    error::{Context, Error, ErrorKind, Result},
    id::Generation,
    store::{CollectionRow, CollectionShare, Reader, Transaction},
};

impl Library {
    /// The collections and what they hold, in order of name. O(files).
    pub fn collections(&self) -> Result<Vec<CollectionRow>> {
        self.store.reader()?.collections()
    }

    /// Gives a collection another name. All that is in it stays, and so do the folders that lead
    /// into it.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is none of the old name; `Conflict` if there is one of the new name,
    /// or the old one is `default`; `Busy` while another process changes the library.
    pub fn rename_collection(
        &self,
        old: &CollectionName,
        new: &CollectionName,
    ) -> Result<Generation> {
        let _lock = WriteLock::acquire(&self.dir, LOCK_PATIENCE)?;
        self.catch_up(&Cancel::new())?;
        let known = self.store.reader()?.collection_names()?;
        if !known.contains(old) {
            return Err(old.unknown(&known));
        }
        if old.is_default() {
            return Err(Error::new(ErrorKind::Conflict, "`default` cannot be renamed").with_hint(
                format!(
                    "`ragged add --collection {:?} FOLDER` moves a folder's files",
                    new.as_str()
                ),
            ));
        }
        if known.contains(new) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("there is a collection {:?} already", new.as_str()),
            )
            .with_hint(format!(
                "`ragged add --collection {:?} FOLDER` moves a folder's files into it",
                new.as_str()
            )));
        }
        let mut transaction = self.store.begin()?;
        transaction.rename_collection(old, new)?;
        self.commit(transaction).map(|(generation, _)| generation)
    }

    /// Forgets a collection with its files; the files themselves stay where they are. Of
    /// `default` only the files are forgotten. A document that another collection holds too stays
    /// there.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such collection; `Busy` while another process changes the
    /// library.
    pub fn remove_collection(
        &self,
        name: &CollectionName,
        dry_run: bool,
    ) -> Result<CollectionShare> {
        if dry_run {
            return self.store.reader()?.collection_share(name);
        }
        let _lock = WriteLock::acquire(&self.dir, LOCK_PATIENCE)?;
        self.catch_up(&Cancel::new())?;
        let (planned, unreadable) = {
            let reader = self.store.reader()?;
            let planned = reader.collection_share(name)?;
            // Those are in no collection, but a folder of this one leads to them.
            let roots = Roots::read(&reader)?;
            let mut unreadable = Vec::new();
            reader.unreadable_files(|path, _| {
                if roots.collection_of(path) == *name {
                    unreadable.push(path.to_owned());
                }
            })?;
            (planned, unreadable)
        };
        let what = || format!("removing the collection {:?}", name.as_str());
        let mut transaction = self.store.begin()?;
        for path in unreadable {
            transaction.remove_file(&path).context_with(what)?;
        }
        let files = transaction.remove_collection(name).context_with(what)?;
        let (_, chunks) = self.commit(transaction).context_with(what)?;
        Ok(CollectionShare { files, chunks, ..planned })
    }

    /// Has the files and folders at `paths` lead into a collection, made if there is none of that
    /// name: what is there moves, what comes later follows. Gives how many files moved.
    ///
    /// # Errors
    ///
    /// `Busy` while another process changes the library.
    pub fn lead_into(&self, paths: &[PathBuf], name: &CollectionName) -> Result<u64> {
        let _lock = WriteLock::acquire(&self.dir, LOCK_PATIENCE)?;
        let mut report = AddReport::default();
        self.place(paths, Some(name.clone()), false, &mut report)?;
        Ok(report.reassigned)
    }

    /// Commits a change that adds no chunks, and lets the derived indexes follow. Gives the chunks
    /// that are gone.
    pub(super) fn commit(&self, transaction: Transaction<'_>) -> Result<(Generation, u64)> {
        let mut derived = DerivedWriter::begin(self)?;
        let (generation, removed) = transaction.commit()?;
        let mut n_chunks = 0;
        for chunks in removed {
            n_chunks += u64::from(chunks.n_chunks);
            derived.remove(chunks)?;
        }
        derived.commit(generation)?;
        Ok((generation, n_chunks))
    }

    /// Says which collection the files of an `add` come into, moving those that are known and in
    /// another one where a collection is named.
    pub(super) fn place(
        &self,
        paths: &[PathBuf],
        collection: Option<CollectionName>,
        dry_run: bool,
        report: &mut AddReport,
    ) -> Result<Placement> {
        let reader = self.store.reader()?;
        let roots = Roots::read(&reader)?;
        let Some(name) = collection else { return Ok(Placement { roots, given: None }) };
        let is_new = !reader.collection_names()?.contains(&name);
        report.created_collection = is_new;
        let paths: Vec<(String, String)> = paths
            .iter()
            .filter_map(|path| std::fs::canonicalize(path).ok()?.to_str().map(str::to_owned))
            .map(|path| {
                let below = below_folder(&path);
                (path, below)
            })
            .collect();
        if dry_run {
            let moves = reader.files()?.into_iter().filter(|file| {
                let is_named = |(path, below): &(String, String)| {
                    file.path == *path || file.path.starts_with(below)
                };
                file.collection != name && paths.iter().any(is_named)
            });
            report.reassigned = moves.count() as u64;
        } else {
            drop(reader);
            let mut transaction = self.store.begin()?;
            let mut is_change = transaction.create_collection(&name)?;
            for (path, below) in &paths {
                is_change |= transaction.set_root(path, below, &name)?;
                report.reassigned += transaction.move_files(path, below, &name)?;
            }
            if is_change || report.reassigned > 0 {
                self.commit(transaction)
                    .context_with(|| format!("moving files into {:?}", name.as_str()))?;
            }
        }
        Ok(Placement { roots, given: Some(name) })
    }
}

/// Files and folders that were added to a collection by name.
#[derive(Debug, Default)]
pub(super) struct Roots(BTreeMap<String, CollectionName>);

impl Roots {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self> {
        Ok(Self(reader.roots()?.into_iter().collect()))
    }

    /// The collection of the deepest root at or above a path.
    fn collection_of(&self, path: &str) -> CollectionName {
        if self.0.is_empty() {
            return CollectionName::default();
        }
        let mut above = Path::new(path).ancestors().filter_map(Path::to_str);
        above.find_map(|path| self.0.get(path)).cloned().unwrap_or_default()
    }

    /// The roots at a path and below it.
    pub(super) fn within<'a>(
        &'a self,
        path: &'a str,
        below: &'a str,
    ) -> impl Iterator<Item = &'a String> {
        self.0.keys().filter(move |root| *root == path || root.starts_with(below))
    }
}

/// Which collection new files come into.
#[derive(Debug, Default)]
pub(super) struct Placement {
    roots: Roots,
    /// Named for all of them.
    given: Option<CollectionName>,
}

impl Placement {
    /// All into one collection.
    pub(super) fn into_one(name: CollectionName) -> Self {
        Self { roots: Roots::default(), given: Some(name) }
    }

    /// The collection that a new file comes into.
    pub(super) fn collection_of(&self, path: &str) -> CollectionName {
        self.given.clone().unwrap_or_else(|| self.roots.collection_of(path))
    }

    /// The collection that was named for all.
    pub(super) fn given(&self) -> Option<&CollectionName> {
        self.given.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_folder_decides() {
        let name = |name: &str| -> CollectionName { name.parse().unwrap() };
        let roots = [("/a", "one"), ("/a/b", "two"), ("/a/b/c.md", "three"), ("/d é", "four")];
        let roots = Roots(roots.map(|(path, of)| (path.to_owned(), name(of))).into());
        for (path, expected) in [
            ("/a", "one"),
            ("/a/x.md", "one"),
            ("/ab/x.md", "default"),
            ("/a/b/x.md", "two"),
            ("/a/bc/x.md", "one"),
            ("/a/b/c.md", "three"),
            ("/a/b/c.md.bak", "two"),
            ("/d é/x/y/z", "four"),
            ("/", "default"),
            ("", "default"),
            ("a/x.md", "default"),
        ] {
            assert_eq!(roots.collection_of(path), name(expected), "{path}");
        }
        assert_eq!(roots.within("/a/b", "/a/b/").collect::<Vec<_>>(), ["/a/b", "/a/b/c.md"]);
    }
}
