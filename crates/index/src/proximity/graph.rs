//! The graph of a snapshot: its file, and what happened to the index since it was made.

use std::sync::Arc;

use super::stored::GraphReader;
use super::walker::Links as _;
use crate::ids::{IdSet, Positions};
use crate::snapshot::Part;

/// A graph, where the codes of its nodes are, and the ids that it does not cover.
#[derive(Debug)]
pub(crate) struct Graph {
    reader: Arc<GraphReader>,
    /// Ids of nodes whose vectors were deleted.
    dead: IdSet,
    /// Ids of live vectors that are not nodes, or are other vectors than those of the nodes.
    tail: IdSet,
    /// Where the codes of runs of nodes are, by node. A node without a run has no code any more.
    runs: Vec<Run>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    first_node: u32,
    n_nodes: u32,
    place: Place,
}

/// Where a code is: which part of the snapshot, and where in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) part: u32,
    pub(super) position: u32,
}

impl Graph {
    pub(crate) fn new(reader: Arc<GraphReader>, dead: IdSet, parts: &[Part]) -> Self {
        let nodes = reader.nodes();
        let alive = nodes.ids().difference(&dead);
        let mut runs = Vec::new();
        let mut live_ids = Vec::new();
        for (at, part) in (0..).zip(parts) {
            let live = part.live_ids();
            add_runs(&mut runs, &live.intersection(&alive), nodes, at, part);
            // The code of a dead node is there until a merge drops it.
            add_runs(&mut runs, &part.deleted().intersection(&dead), nodes, at, part);
            live_ids.extend(live.runs());
        }
        runs.sort_unstable_by_key(|run| (run.first_node, run.place.part));
        let tail = IdSet::from_ranges(live_ids).difference(&alive);
        Self { reader, dead, tail, runs }
    }

    pub(crate) fn reader(&self) -> &Arc<GraphReader> {
        &self.reader
    }

    /// Whether the vector of a node was deleted.
    pub(super) fn is_dead(&self, id: u64) -> bool {
        self.dead.contains(id)
    }

    pub(crate) fn n_dead(&self) -> u64 {
        self.dead.len()
    }

    /// Ids of live vectors that the graph does not lead to.
    pub(crate) fn tail(&self) -> &IdSet {
        &self.tail
    }

    /// Whether every node is live and every live vector a node.
    pub(super) fn is_complete(&self) -> bool {
        self.dead.is_empty() && self.tail.is_empty()
    }

    /// Where the code of a node is; `None` if a merge dropped it.
    pub(super) fn place(&self, node: u32) -> Option<Place> {
        let at = self.runs.partition_point(|run| run.first_node <= node).checked_sub(1)?;
        let run = self.runs.get(at)?;
        let offset = node - run.first_node;
        (offset < run.n_nodes).then(|| Place {
            part: run.place.part,
            position: run.place.position.saturating_add(offset),
        })
    }

    pub(crate) fn n_nodes(&self) -> u64 {
        self.reader.n_nodes() as u64
    }
}

/// Adds the runs of `ids`, which are nodes and in `part`.
fn add_runs(runs: &mut Vec<Run>, ids: &IdSet, nodes: &Positions, at: u32, part: &Part) {
    runs.extend(ids.runs().filter_map(|run| {
        let first_node = u32::try_from(nodes.position(*run.start())?).ok()?;
        let position = part.segment.positions().position(*run.start())?;
        let position = u32::try_from(position).ok()?;
        let n_nodes = u32::try_from(run.end() - run.start() + 1).ok()?;
        Some(Run { first_node, n_nodes, place: Place { part: at, position } })
    }));
}
