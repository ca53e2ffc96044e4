//! The graph: made, brought level, and given up, each in one step like a commit.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::VectorIndex;
use crate::error::Result;
use crate::ids::IdSet;
use crate::manifest::{GraphEntry, graph_file_name};
use crate::proximity::{GraphConfig, GraphProgress, GraphReader, extend};

impl VectorIndex {
    /// Brings the graph level with the index, making one if there is none: links in the vectors
    /// appended since it was made, and takes out those deleted. Says whether it did anything.
    ///
    /// What was linked before is kept, so that the work is in what changed, besides reading codes
    /// and links of all vectors into memory (some 400 bytes a vector of 256 dimensions at the
    /// peak). The graph is written as one new file, and the manifest then names it: a crash
    /// leaves the old graph or the new one. The same index and settings make the same file on any
    /// number of `threads`, which end with the call. The stamp stays.
    ///
    /// `progress` is called from time to time; when it breaks, nothing is changed, and the
    /// answer is `false`.
    ///
    /// # Errors
    ///
    /// [`Error::Input`](crate::Error::Input) for settings that no graph can be made with;
    /// [`Error::Io`](crate::Error::Io), after which the handle is closed;
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn extend_graph(
        &mut self,
        config: &GraphConfig,
        threads: usize,
        progress: impl FnMut(GraphProgress) -> ControlFlow<()>,
    ) -> Result<bool> {
        self.check_open()?;
        config.validate()?;
        let Some(draft) = extend(&self.snapshot, config, threads, progress)? else {
            return Ok(false);
        };
        let mut next = self.manifest.clone();
        let number = next.next_segment;
        let name = graph_file_name(number);
        next.next_segment += 1;
        next.graph = Some(GraphEntry { number, n_nodes: draft.n_nodes(), dead: IdSet::new() });
        let written = draft
            .write(&self.directory, &name)
            .and_then(|()| GraphReader::open(&self.directory, &name));
        let graph = self.latch(written)?;
        self.switch(next, self.segments.clone(), Some(Arc::new(graph)))?;
        Ok(true)
    }

    /// Gives the graph up: its file is removed, and searches scan. Says whether there was one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), after which the handle is closed;
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn drop_graph(&mut self) -> Result<bool> {
        self.check_open()?;
        if self.graph.is_none() {
            return Ok(false);
        }
        let mut next = self.manifest.clone();
        next.graph = None;
        self.switch(next, self.segments.clone(), None)?;
        Ok(true)
    }
}
