//! The writer's handle of an index.

mod graph;
mod merge;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use crate::codes::{Encoder, Frame};
use crate::directory::Directory;
use crate::error::{Error, InputError, Result};
use crate::ids::IdSet;
use crate::manifest::{Config, MANIFEST, Manifest, SegmentEntry, is_named_file};
use crate::proximity::GraphReader;
use crate::segment::{SegmentBuilder, SegmentReader};
use crate::snapshot::{Snapshot, open_graph, open_segments, read_manifest};

/// An index in a directory of its own, opened for writing.
///
/// **One writer at a time.** The handle takes no lock: that two processes or threads do not hold
/// one for the same directory is the caller's business, since the caller has a lock on the truth
/// that the index is derived from. Readers need none: they open a [`Snapshot`].
///
/// A commit happens whole or not at all, at the moment its manifest gets its name; when it
/// returns, it survives a loss of power. A handle whose write failed refuses all further
/// ones with [`Error::Closed`]: what is on disk is then the old state or the new one, and
/// opening the index anew tells which.
#[derive(Debug)]
pub struct VectorIndex {
    directory: Directory,
    manifest: Manifest,
    /// The segments the manifest names, in its order.
    segments: Vec<Arc<SegmentReader>>,
    /// The graph the manifest names.
    graph: Option<Arc<GraphReader>>,
    snapshot: Snapshot,
    state: WriterState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriterState {
    Open,
    Failed,
}

/// What a commit changes. Deletions come first, so that a vector is replaced by deleting and
/// appending its id.
#[derive(Clone, Copy, Debug)]
pub struct Commit<'a> {
    /// Ids to delete; those that are not in the index are passed over.
    pub delete: &'a IdSet,
    /// Ids of the vectors to append, strictly ascending.
    pub ids: &'a [u64],
    /// The vectors, one after the other, each of as many elements as the index has dimensions.
    /// None may be longer than 1; those of length 1 make inner products cosines, and zero is
    /// allowed.
    pub vectors: &'a [f32],
    /// What the index reflects from now on: a number of the caller's.
    pub stamp: u64,
}

impl VectorIndex {
    /// Makes an empty index in `directory`, which is made too where it does not exist, readable
    /// by its owner only.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] if it holds an index; [`Error::Input`] for impossible dimensions;
    /// [`Error::Io`].
    pub fn create(directory: &Path, config: Config, stamp: u64) -> Result<Self> {
        Self::create_in(Directory::new(directory), config, stamp)
    }

    fn create_in(directory: Directory, config: Config, stamp: u64) -> Result<Self> {
        config.validate()?;
        directory.create()?;
        if directory.read(MANIFEST)?.is_some() {
            return Err(Error::Exists { path: directory.path().to_owned() });
        }
        let manifest = Manifest::new(config, stamp);
        manifest.write(&directory)?;
        Self::with(directory, manifest)
    }

    /// Opens the index in `directory`, and removes files that a crash left behind.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::open`].
    pub fn open(directory: &Path) -> Result<Self> {
        Self::open_in(Directory::new(directory))
    }

    fn open_in(directory: Directory) -> Result<Self> {
        let manifest = read_manifest(&directory)?;
        Self::with(directory, manifest)
    }

    fn with(directory: Directory, manifest: Manifest) -> Result<Self> {
        let segments = open_segments(&directory, &manifest)?;
        let graph = open_graph(&directory, &manifest)?;
        let snapshot = Snapshot::new(&manifest, &segments, graph.clone());
        let state = WriterState::Open;
        let index = Self { directory, manifest, segments, graph, snapshot, state };
        index.remove_orphans()?;
        Ok(index)
    }

    /// Removes files that the manifest does not name, and those whose writing did not end.
    fn remove_orphans(&self) -> Result<()> {
        let named = self.manifest.file_names();
        for name in self.directory.list()? {
            let orphan = is_named_file(&name) && !named.contains(&name);
            if orphan || Directory::is_unfinished(&name) {
                self.directory.remove(&name);
            }
        }
        Ok(())
    }

    /// The state after the last commit or merge. Costs nothing; take one for each search.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.clone()
    }

    /// Deletes and appends, and sets the stamp, in one step.
    ///
    /// Encodes in the calling thread, about 10 µs a vector of 256 dimensions, holding the codes
    /// in memory; writes one segment and the manifest, with two syncs each. The first vectors
    /// ever committed decide the frame of the index: let them be many, and typical (a thousand
    /// are enough). A commit without vectors or deletions only moves the stamp.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for ids that are not ascending or are in the index, and for vectors of a
    /// wrong length, longer than 1 or with elements that are not finite: nothing is changed then.
    /// [`Error::Io`], after which the handle is closed; [`Error::Closed`].
    pub fn commit(&mut self, commit: &Commit<'_>) -> Result<()> {
        self.check_open()?;
        let appended = self.check_input(commit)?;
        let mut next = self.manifest.clone();
        next.stamp = commit.stamp;
        let mut segments = self.segments.clone();
        for (entry, segment) in next.segments.iter_mut().zip(&self.segments) {
            let deleted = segment.positions().ids().intersection(commit.delete);
            if !deleted.is_empty() {
                entry.deleted = entry.deleted.union(&deleted);
            }
        }
        if let (Some(entry), Some(graph)) = (&mut next.graph, &self.graph) {
            let dead = graph.nodes().ids().intersection(commit.delete);
            entry.dead = entry.dead.union(&dead);
        }
        let Some(builder) = Self::encode(commit, &mut next)? else {
            return self.switch(next, segments, self.graph.clone());
        };
        segments.push(self.write_segment(&mut next, builder, &appended)?);
        self.switch(next, segments, self.graph.clone())
    }

    /// Removes all vectors, and the frame and the graph with them: the next commit decides a new one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], after which the handle is closed; [`Error::Closed`].
    pub fn clear(&mut self, stamp: u64) -> Result<()> {
        self.check_open()?;
        let mut next = Manifest::new(self.manifest.config, stamp);
        next.next_segment = self.manifest.next_segment;
        self.switch(next, Vec::new(), None)
    }

    fn check_open(&self) -> Result<()> {
        match self.state {
            WriterState::Open => Ok(()),
            WriterState::Failed => Err(Error::Closed),
        }
    }

    /// The appended ids, if the index can take them.
    fn check_input(&self, commit: &Commit<'_>) -> Result<IdSet, InputError> {
        let (ids, dims) = (commit.ids, self.manifest.config.dims);
        if u32::try_from(ids.len()).is_err() {
            return Err(InputError::TooMany);
        }
        let expected = ids.len().saturating_mul(dims);
        if commit.vectors.len() != expected {
            return Err(InputError::Length { expected, found: commit.vectors.len() });
        }
        if let Some(at) = ids.windows(2).position(|pair| pair[0] >= pair[1]) {
            return Err(InputError::NotAscending { position: at + 1 });
        }
        let appended: IdSet = ids.iter().copied().collect();
        for (entry, segment) in self.manifest.segments.iter().zip(&self.segments) {
            let occupied = segment
                .positions()
                .ids()
                .intersection(&appended)
                .difference(&entry.deleted)
                .difference(commit.delete);
            if let Some(id) = occupied.iter().next() {
                return Err(InputError::Occupied { id });
            }
        }
        Ok(appended)
    }

    /// The codes of the appended vectors, `None` if there are none. Decides the frame if need be.
    fn encode(commit: &Commit<'_>, next: &mut Manifest) -> Result<Option<SegmentBuilder>> {
        if commit.ids.is_empty() {
            return Ok(None);
        }
        let config = next.config;
        crate::codes::check_vectors(commit.vectors, config.dims)?;
        let frame =
            next.frame.get_or_insert_with(|| Frame::of(commit.vectors, config.dims, config.seed));
        let mut builder = SegmentBuilder::new(config.shape(), frame.id(), commit.ids.len());
        let mut encoder = Encoder::new(frame, config.shape());
        for vector in commit.vectors.chunks_exact(config.dims) {
            builder.push(encoder.encode(vector));
        }
        Ok(Some(builder))
    }

    /// Writes a segment, names it in `next`, and maps it.
    fn write_segment(
        &mut self,
        next: &mut Manifest,
        builder: SegmentBuilder,
        ids: &IdSet,
    ) -> Result<Arc<SegmentReader>> {
        let entry =
            SegmentEntry { number: next.next_segment, n_vectors: ids.len(), deleted: IdSet::new() };
        let name = entry.file_name();
        let written = builder
            .write(&self.directory, &name, ids)
            .and_then(|()| SegmentReader::open(&self.directory, &name));
        let segment = self.latch(written)?;
        next.next_segment += 1;
        next.segments.push(entry);
        Ok(Arc::new(segment))
    }

    /// Makes `next`, with its segments and its graph, the state of the index: the moment of every
    /// commit.
    fn switch(
        &mut self,
        mut next: Manifest,
        mut segments: Vec<Arc<SegmentReader>>,
        graph: Option<Arc<GraphReader>>,
    ) -> Result<()> {
        let keep: Vec<bool> = next.segments.iter().map(|entry| entry.n_live() > 0).collect();
        let mut keeps = keep.iter().copied();
        next.segments.retain(|_| keeps.next().unwrap_or(true));
        let mut keeps = keep.iter().copied();
        segments.retain(|_| keeps.next().unwrap_or(true));
        let written = next.write(&self.directory);
        self.latch(written)?;
        let (named, before) = (next.file_names(), self.manifest.file_names());
        self.snapshot = Snapshot::new(&next, &segments, graph.clone());
        self.manifest = next;
        self.segments = segments;
        self.graph = graph;
        for name in before.iter().filter(|name| !named.contains(name)) {
            self.directory.remove(name);
        }
        Ok(())
    }

    /// Closes the handle if a write failed.
    fn latch<T>(&mut self, written: Result<T>) -> Result<T> {
        if written.is_err() {
            self.state = WriterState::Failed;
        }
        written
    }
}
