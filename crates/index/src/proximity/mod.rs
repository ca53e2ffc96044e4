//! The proximity graph: which vectors are near which, so that a search need not look at all.
//!
//! Beside the segments, one immutable file holds for some of the vectors, its *nodes*, a few links
//! to near ones. A search walks it best node first, with the codes as distances. Vectors appended
//! since the graph was made are its *tail* and are scanned; vectors deleted since are *dead*: they
//! lead on, and are not found. [`extend`] links the tail in and takes the dead out.

mod draft;
mod graph;
mod packed;
mod points;
mod prune;
mod search;
mod stored;
mod walker;

#[cfg(test)]
mod tests;

pub(crate) use graph::Graph;
pub use search::{WalkCounts, Walked};
pub(crate) use search::{plain_walk, walk};
use stored::links_within;
pub(crate) use stored::{GraphImage, GraphReader};

use std::ops::ControlFlow;

use crate::codes::{Encoded, SplitMix};
use crate::error::{Error, InputError, Result};
use crate::ids::Positions;
use crate::snapshot::Snapshot;
use draft::Draft;
use points::Points;
use walker::Links as _;

/// How a graph is made.
///
/// Settings hold for what a call of
/// [`VectorIndex::extend_graph`](crate::VectorIndex::extend_graph) links in or thins; what an
/// earlier call made keeps its links where these are no more than now allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GraphConfig {
    /// Bytes that the graph may take for each node, all counted: 8 to 1,024. Links are as many as
    /// that allows: with 40 about 17 among a million nodes, 22 among 64 thousand.
    pub bytes_per_node: usize,
    /// How many nodes in a hundred may keep twice as many links as the others: those that most
    /// others link to. 0 to 50.
    pub hub_percent: usize,
    /// Nodes kept by the walk that finds the links of a new node, 16 or more. More find better
    /// ones, slower.
    pub width: usize,
    /// How much nearer to a kept neighbour than to the node itself another must be for the first
    /// to stand for it. 1 or more; more keeps more links that go the same way.
    pub alpha: f32,
}

impl Default for GraphConfig {
    fn default() -> Self {
        Self { bytes_per_node: 40, hub_percent: 2, width: 96, alpha: 1.2 }
    }
}

impl GraphConfig {
    pub(crate) fn validate(&self) -> Result<(), InputError> {
        if (8..=1_024).contains(&self.bytes_per_node)
            && self.hub_percent <= 50
            && self.width >= 16
            && self.alpha.is_finite()
            && self.alpha >= 1.0
        {
            return Ok(());
        }
        Err(InputError::Graph)
    }
}

/// How far the making of a graph is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphProgress {
    /// Vectors linked in so far.
    pub done: usize,
    /// Vectors to link in.
    pub total: usize,
}

/// Entry points of a graph of so many nodes.
fn n_entries(n_nodes: usize) -> usize {
    n_nodes.isqrt().clamp(8, 2_048)
}

/// Makes a graph of all vectors of a snapshot, from the one that it has if any. `None` if there
/// is nothing to do or `progress` said stop.
pub(crate) fn extend(
    snapshot: &Snapshot,
    config: &GraphConfig,
    threads: usize,
    mut progress: impl FnMut(GraphProgress) -> ControlFlow<()>,
) -> Result<Option<GraphImage>> {
    let Some(frame) = snapshot.frame() else { return Ok(None) };
    let old = snapshot.graph();
    if old.is_some_and(Graph::is_complete) || (old.is_none() && snapshot.is_empty()) {
        return Ok(None);
    }
    let nodes = Positions::new(snapshot.ids());
    let n_nodes = nodes.ids().len();
    let n_nodes = u32::try_from(n_nodes).map_err(|_| Error::Input(InputError::TooMany))? as usize;
    let points = points_of(snapshot, &nodes);
    let n_hubs = n_nodes * config.hub_percent / 100;
    let mut draft = Draft {
        points: &points,
        degree: links_within(config.bytes_per_node, nodes.ids(), n_hubs as u64),
        n_hubs,
        width: config.width,
        alpha: config.alpha,
        threads,
        links: vec![Vec::new(); n_nodes],
        entries: Vec::new(),
    };
    if let Some(old) = old {
        take_over(old, &nodes, &mut draft);
    }
    let is_linked: Vec<bool> = draft.links.iter().map(|links| !links.is_empty()).collect();
    draft.entries.retain(|entry| is_linked[*entry as usize]);
    let linked: Vec<u32> = (0..n_nodes as u32).filter(|node| is_linked[*node as usize]).collect();
    let n_linked = linked.len();
    top_up(&mut draft.entries, linked);
    let mut order: Vec<u32> =
        (0..n_nodes as u32).filter(|node| !is_linked[*node as usize]).collect();
    shuffle(&mut order, snapshot.config().seed);
    let total = order.len();
    let stopped = draft
        .insert(&order, n_linked, n_entries(n_nodes), &mut |done| {
            progress(GraphProgress { done, total })
        })
        .is_break();
    if stopped {
        return Ok(None);
    }
    draft.thin();
    let Draft { links, entries, .. } = draft;
    Ok(Some(GraphImage { frame: frame.id(), nodes, links, entries }))
}

/// The codes of all live vectors, in the order of their ids.
fn points_of(snapshot: &Snapshot, nodes: &Positions) -> Points {
    let mut points = Points::new(snapshot.config().shape(), nodes.ids().len() as usize);
    let mut code = Encoded::default();
    for part in snapshot.parts() {
        part.visit_live(|id, position| {
            if let Some(node) = nodes.position(id) {
                part.segment.load(position, &mut code);
                points.set(node as u32, &code);
            }
        });
    }
    points
}

/// Copies the links of live nodes from a graph, in the numbers of the new one. A link to a dead
/// node is replaced by what that one links to, and then there may be too many.
fn take_over(old: &Graph, nodes: &Positions, draft: &mut Draft<'_>) {
    let reader = old.reader();
    // The new number of each old node that is live.
    let mut numbers: Vec<Option<u32>> = vec![None; reader.n_nodes()];
    for (number, id) in numbers.iter_mut().zip(reader.nodes().ids().iter()) {
        *number = nodes.position(id).filter(|_| !old.is_dead(id)).map(|node| node as u32);
    }
    let (mut links, mut beyond) = (Vec::new(), Vec::new());
    let mut crowded = Vec::new();
    for (node, number) in (0..).zip(&numbers) {
        let Some(number) = *number else { continue };
        links.clear();
        reader.append(node, &mut links);
        let target = &mut draft.links[number as usize];
        let mut bridged = false;
        for to in &links {
            if let Some(to) = numbers[*to as usize] {
                target.push(to);
                continue;
            }
            bridged = true;
            beyond.clear();
            reader.append(*to, &mut beyond);
            target.extend(beyond.iter().filter_map(|to| numbers[*to as usize]));
        }
        target.retain(|to| *to != number);
        if bridged {
            crowded.push(number);
        }
    }
    draft.settle(&crowded);
    draft.entries = reader.entries().iter().filter_map(|entry| numbers[*entry as usize]).collect();
}

/// Adds nodes from everywhere among `linked` to the entries, of which some may have died, so that
/// what is inserted next finds its way.
fn top_up(entries: &mut Vec<u32>, mut linked: Vec<u32>) {
    let missing = n_entries(linked.len()).saturating_sub(entries.len());
    if missing == 0 {
        return;
    }
    entries.sort_unstable();
    linked.retain(|node| entries.binary_search(node).is_err());
    let step = (linked.len() / missing).max(1);
    entries.extend(linked.into_iter().step_by(step).take(missing));
}

/// Puts nodes into a random order that depends on nothing but the seed and their number.
fn shuffle(nodes: &mut [u32], seed: u64) {
    let mut random = SplitMix(seed);
    for at in (1..nodes.len()).rev() {
        // The bias of the remainder is of no account here.
        nodes.swap(at, (random.next() % (at as u64 + 1)) as usize);
    }
}
