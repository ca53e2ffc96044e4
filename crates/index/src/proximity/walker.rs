//! The walk: best node first, over any links, by any score.
//!
//! Building, searching and the plain walk that gains are measured against all go through it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Links of nodes.
pub(super) trait Links {
    fn n_nodes(&self) -> usize;

    /// Appends the nodes that `node` links to, all below [`Links::n_nodes`].
    fn append(&self, node: u32, links: &mut Vec<u32>);
}

/// What a walk learns of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touch {
    /// Greater is nearer.
    pub(super) score: f32,
    /// Carried along for the caller.
    pub(super) error: f32,
    /// Whether the node may be found, or only leads on.
    pub(super) findable: bool,
}

/// How far a walk goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// Nodes kept: the walk ends when no node is open that scores as much as the least of them.
    pub(super) width: usize,
    /// Nodes touched at most, after which the walk ends whatever is open.
    pub(super) most_touched: usize,
}

/// The work of a walk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Steps {
    /// Nodes whose links were followed.
    pub(super) visited: u64,
    /// Nodes scored.
    pub(super) touched: u64,
    /// Whether [`Reach::most_touched`] ended the walk.
    pub(super) cut_short: bool,
}

/// A node with its score, ordered by score; of equals the lower node is greater.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scored {
    pub(super) score: f32,
    pub(super) node: u32,
    pub(super) error: f32,
}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.score.total_cmp(&other.score).then(other.node.cmp(&self.node))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scored {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scored {}

/// The state of a walk; kept from one to the next, it costs no memory anew.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// A bit a node: touched before. One set for all entry points.
    marks: Vec<u64>,
    /// The nodes marked, in the order they were touched.
    marked: Vec<u32>,
    /// Nodes whose links were not followed yet.
    open: BinaryHeap<Scored>,
    /// The best findable nodes so far, the least on top.
    pool: BinaryHeap<Reverse<Scored>>,
    /// Nodes whose links were followed, in order.
    visited: Vec<Scored>,
    fresh: Vec<u32>,
    touches: Vec<Touch>,
}

impl Walk {
    /// Walks from `starts`. `touch` is called with nodes seen for the first time and the score
    /// of the node that led to them (negative infinity for starts), and appends what it learns
    /// of each, in their order.
    pub(super) fn run<E>(
        &mut self,
        links: &impl Links,
        starts: &[u32],
        reach: Reach,
        mut touch: impl FnMut(f32, &[u32], &mut Vec<Touch>) -> Result<(), E>,
    ) -> Result<Steps, E> {
        self.clear(links.n_nodes());
        let mut steps = Steps::default();
        self.fresh.extend_from_slice(starts);
        self.touch_fresh(f32::NEG_INFINITY, reach.width, &mut touch)?;
        while let Some(node) = self.open.pop() {
            if self.bar(reach.width) > node.score {
                break;
            }
            if self.marked.len() >= reach.most_touched {
                steps.cut_short = true;
                break;
            }
            self.visited.push(node);
            links.append(node.node, &mut self.fresh);
            self.touch_fresh(node.score, reach.width, &mut touch)?;
        }
        steps.visited = self.visited.len() as u64;
        steps.touched = self.marked.len() as u64;
        Ok(steps)
    }

    fn clear(&mut self, n_nodes: usize) {
        for node in &self.marked {
            self.marks[*node as usize / 64] = 0;
        }
        self.marks.resize(n_nodes.div_ceil(64), 0);
        self.marked.clear();
        self.open.clear();
        self.pool.clear();
        self.visited.clear();
        self.fresh.clear();
    }

    /// Touches the nodes of `fresh` that were not touched before, and empties it.
    fn touch_fresh<E>(
        &mut self,
        from: f32,
        width: usize,
        touch: &mut impl FnMut(f32, &[u32], &mut Vec<Touch>) -> Result<(), E>,
    ) -> Result<(), E> {
        let marks = &mut self.marks;
        self.fresh.retain(|node| {
            let Some(word) = marks.get_mut(*node as usize / 64) else { return false };
            let bit = 1 << (node % 64);
            let is_new = *word & bit == 0;
            *word |= bit;
            is_new
        });
        if self.fresh.is_empty() {
            return Ok(());
        }
        self.marked.extend_from_slice(&self.fresh);
        self.touches.clear();
        touch(from, &self.fresh, &mut self.touches)?;
        for at in 0..self.fresh.len().min(self.touches.len()) {
            let Touch { score, error, findable } = self.touches[at];
            let scored = Scored { score, node: self.fresh[at], error };
            if score < self.bar(width) {
                continue;
            }
            self.open.push(scored);
            if findable && width > 0 {
                self.pool.push(Reverse(scored));
                if self.pool.len() > width {
                    self.pool.pop();
                }
            }
        }
        self.fresh.clear();
        Ok(())
    }

    /// The least score in a full pool.
    fn bar(&self, width: usize) -> f32 {
        match self.pool.peek() {
            Some(Reverse(least)) if self.pool.len() >= width => least.score,
            _ => f32::NEG_INFINITY,
        }
    }

    /// The nodes kept, in no order.
    pub(super) fn pool(&self) -> impl Iterator<Item = &Scored> {
        self.pool.iter().map(|Reverse(scored)| scored)
    }

    /// The nodes whose links were followed, in order.
    pub(super) fn visited(&self) -> &[Scored] {
        &self.visited
    }
}
