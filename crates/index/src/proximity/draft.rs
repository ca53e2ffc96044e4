//! A graph being made: nodes are inserted, dead ones taken out, and links thinned at the end.
//!
//! Nothing depends on the number of threads: nodes are inserted in batches, each node of a batch
//! finds its links in the graph as it was before the batch, and what others then link back to it
//! is settled node by node.

use std::ops::ControlFlow;

use super::packed::MOST_LINKS;
use super::points::Points;
use super::prune::{Near, prune};
use super::walker::{Links, Reach, Touch, Walk};
use crate::parallel::map;

/// Links of a node while the graph is made, in parts of those it keeps: the more, the better the
/// ways that later nodes find, and the slower.
const DRAFT_FACTOR: usize = 2;
/// A batch is no more than one in this many of the nodes already there…
const BATCH_PART: usize = 50;
/// …and the first ones no less than this.
const SMALLEST_BATCH: usize = 16;
/// How often nodes that cannot be reached are offered to those that they were linked with.
const ROUNDS: usize = 4;

/// Nodes that a thread takes at a time.
const NODES_AT_A_TIME: usize = 64;

/// Links of all nodes, of those not inserted yet none.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) points: &'a Points,
    /// Links that most nodes keep at most.
    pub(super) degree: usize,
    /// How many nodes may keep twice as many.
    pub(super) n_hubs: usize,
    /// Nodes kept by the walk that finds the links of a new one.
    pub(super) width: usize,
    /// See [`prune`].
    pub(super) alpha: f32,
    pub(super) threads: usize,
    pub(super) links: Vec<Vec<u32>>,
    /// Where walks start: a sample of the nodes inserted.
    pub(super) entries: Vec<u32>,
}

impl Links for Draft<'_> {
    fn n_nodes(&self) -> usize {
        self.links.len()
    }

    fn append(&self, node: u32, links: &mut Vec<u32>) {
        links.extend_from_slice(&self.links[node as usize]);
    }
}

/// What one thread needs again and again.
#[derive(Debug, Default)]
struct Scratch {
    walk: Walk,
    near: Vec<Near>,
    kept: Vec<u32>,
}

impl Draft<'_> {
    /// Links a node has while others are inserted.
    fn draft_links(&self) -> usize {
        (self.degree * DRAFT_FACTOR).min(MOST_LINKS)
    }

    /// Inserts nodes in the order given, and calls `progress` with how many after each batch.
    pub(super) fn insert(
        &mut self,
        order: &[u32],
        n_inserted: usize,
        n_entries: usize,
        progress: &mut impl FnMut(usize) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut done = 0;
        while done < order.len() {
            let there = n_inserted + done;
            let batch = (there / BATCH_PART).max(SMALLEST_BATCH.min(there)).max(1);
            let batch = &order[done..(done + batch).min(order.len())];
            self.insert_batch(batch);
            let wanted = n_entries.saturating_sub(self.entries.len());
            self.entries.extend(batch.iter().take(wanted));
            done += batch.len();
            progress(done)?;
        }
        ControlFlow::Continue(())
    }

    fn insert_batch(&mut self, batch: &[u32]) {
        let most = self.draft_links();
        let found = map(self.threads, NODES_AT_A_TIME, batch, Scratch::default, |scratch, node| {
            self.find_near(*node, scratch);
            let Scratch { near, kept, .. } = scratch;
            prune(self.points, *node, near, self.alpha, most, kept);
            kept.clone()
        });
        let mut back: Vec<(u32, u32)> = Vec::new();
        for (node, links) in batch.iter().zip(found) {
            back.extend(links.iter().map(|to| (*to, *node)));
            self.links[*node as usize] = links;
        }
        self.link_back(back);
    }

    /// The nodes near `node` that a walk to it meets.
    fn find_near(&self, node: u32, scratch: &mut Scratch) {
        let reach = Reach { width: self.width, most_touched: usize::MAX };
        let points = self.points;
        let touched = scratch.walk.run(self, &self.entries, reach, |_, nodes, touches| {
            touches.extend(nodes.iter().map(|other| Touch {
                score: -points.distance(node, *other),
                error: 0.0,
                findable: true,
            }));
            Ok::<(), std::convert::Infallible>(())
        });
        let Ok(_) = touched;
        scratch.near.clear();
        let all = scratch.walk.pool().chain(scratch.walk.visited());
        scratch.near.extend(all.map(|at| Near { distance: -at.score, node: at.node }));
    }

    /// Adds links given as (from, to), and prunes where there are too many then.
    fn link_back(&mut self, mut pairs: Vec<(u32, u32)>) {
        pairs.sort_unstable();
        let groups: Vec<&[(u32, u32)]> = pairs.chunk_by(|a, b| a.0 == b.0).collect();
        let most = self.draft_links();
        // Some more than are kept, so that not every new link means pruning.
        let room = most + most / 2;
        let settled =
            map(self.threads, NODES_AT_A_TIME, &groups, Scratch::default, |scratch, group| {
                let node = group[0].0;
                let mut links = self.links[node as usize].clone();
                for (_, to) in *group {
                    if !links.contains(to) {
                        links.push(*to);
                    }
                }
                if links.len() > room {
                    self.prune_links(node, &links, most, scratch);
                    links.clone_from(&scratch.kept);
                }
                links
            });
        for (group, links) in groups.iter().zip(settled) {
            self.links[group[0].0 as usize] = links;
        }
    }

    /// Prunes `links` of `node` to `most`, into `scratch.kept`.
    fn prune_links(&self, node: u32, links: &[u32], most: usize, scratch: &mut Scratch) {
        let points = self.points;
        scratch.near.clear();
        scratch.near.extend(
            links.iter().map(|to| Near { distance: points.distance(node, *to), node: *to }),
        );
        let Scratch { near, kept, .. } = scratch;
        prune(points, node, near, self.alpha, most, kept);
    }

    /// Prunes the links of nodes that may have too many, or the same twice.
    pub(super) fn settle(&mut self, nodes: &[u32]) {
        let most = self.draft_links();
        let settled =
            map(self.threads, NODES_AT_A_TIME, nodes, Scratch::default, |scratch, node| {
                self.prune_links(*node, &self.links[*node as usize], most, scratch);
                scratch.kept.clone()
            });
        for (node, links) in nodes.iter().zip(settled) {
            self.links[*node as usize] = links;
        }
    }

    /// Thins the links of every node to what the graph keeps: hubs, the nodes most linked to,
    /// keep more.
    pub(super) fn thin(&mut self) {
        let n_nodes = self.links.len();
        let mut linked_to = vec![0_u32; n_nodes];
        for to in self.links.iter().flatten() {
            linked_to[*to as usize] += 1;
        }
        let mut by_links: Vec<u32> = (0..n_nodes as u32).collect();
        by_links.sort_unstable_by_key(|node| (std::cmp::Reverse(linked_to[*node as usize]), *node));
        let mut is_hub = vec![false; n_nodes];
        for hub in &by_links[..self.n_hubs.min(n_nodes)] {
            is_hub[*hub as usize] = true;
        }
        let nodes: Vec<u32> = (0..n_nodes as u32).collect();
        let thinned =
            map(self.threads, NODES_AT_A_TIME, &nodes, Scratch::default, |scratch, node| {
                let links = &self.links[*node as usize];
                let most = if is_hub[*node as usize] { 2 * self.degree } else { self.degree };
                let most = most.min(MOST_LINKS);
                if links.len() <= most {
                    return links.clone();
                }
                self.prune_links(*node, links, most, scratch);
                scratch.kept.clone()
            });
        let before = std::mem::replace(&mut self.links, thinned);
        self.connect(&before);
        for links in &mut self.links {
            links.sort_unstable();
        }
    }

    /// Makes every node reachable from the entries, by links from nodes that it was linked with
    /// before thinning.
    fn connect(&mut self, before: &[Vec<u32>]) {
        let mut reached = vec![false; self.links.len()];
        let mut stack = Vec::new();
        for entry in self.entries.clone() {
            self.reach(entry, &mut reached, &mut stack);
        }
        let mut lost: Vec<u32> =
            (0..self.links.len() as u32).filter(|node| !reached[*node as usize]).collect();
        for _ in 0..ROUNDS {
            lost.retain(|node| {
                if reached[*node as usize] {
                    return false;
                }
                let host = before[*node as usize]
                    .iter()
                    .filter(|host| reached[**host as usize] && self.has_room(**host))
                    .min_by(|a, b| {
                        let distance = |to: u32| self.points.distance(*node, to);
                        distance(**a).total_cmp(&distance(**b)).then(a.cmp(b))
                    });
                let Some(host) = host else { return true };
                self.links[*host as usize].push(*node);
                self.reach(*node, &mut reached, &mut stack);
                false
            });
        }
        // What no neighbour has room for, or only others that are lost: a chain.
        let mut last = self.entries.first().copied();
        for node in lost {
            if reached[node as usize] {
                continue;
            }
            match last.filter(|last| self.has_room(*last)) {
                Some(last) => self.links[last as usize].push(node),
                None => self.entries.push(node),
            }
            last = Some(node);
            self.reach(node, &mut reached, &mut stack);
        }
    }

    fn has_room(&self, node: u32) -> bool {
        self.links[node as usize].len() < MOST_LINKS
    }

    fn reach(&self, from: u32, reached: &mut [bool], stack: &mut Vec<u32>) {
        stack.push(from);
        while let Some(node) = stack.pop() {
            if std::mem::replace(&mut reached[node as usize], true) {
                continue;
            }
            stack.extend(self.links[node as usize].iter().filter(|to| !reached[**to as usize]));
        }
    }
}
