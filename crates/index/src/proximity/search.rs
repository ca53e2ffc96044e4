//! Walks over the graph of a snapshot.

use std::convert::Infallible;

use super::graph::Graph;
use super::walker::{Links as _, Reach, Touch, Walk};
use crate::codes::Encoded;
use crate::ids::IdSet;
use crate::scan::{
    Candidate, PreparedQuery, RANK_EPSILON, ScanCounts, best_of_sample, fitted, keep_best, scan,
};
use crate::snapshot::Snapshot;

/// A walk costs as much as a scan when it has touched about this part of the nodes: a code that
/// is fetched by itself takes as long as twenty that are scanned in order.
const SCAN_PART: usize = 16;
/// Whatever that part is, a walk may touch this many nodes for each one that it keeps.
const TOUCHED_PER_KEPT: usize = 32;

/// One block of codes in so many is looked at for entry points…
const SAMPLED_PART: usize = 2;
/// …and no more codes than this.
const MOST_SAMPLED: usize = 1 << 16;

/// What a walk over the graph found and what it cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Walked {
    /// The candidates, by descending [`Candidate::upper`] of [`RANK_EPSILON`], then by
    /// ascending id.
    pub candidates: Vec<Candidate>,
    /// The work done.
    pub counts: WalkCounts,
}

/// The work of a walk, which does not depend on the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkCounts {
    /// Codes compared by plane 1, in order, to find entry points for this query.
    pub sampled: u64,
    /// Entry points, those and the graph's own.
    pub entries: u64,
    /// Nodes whose links were followed.
    pub visited: u64,
    /// Nodes compared with the query, entry points included.
    pub evaluated: u64,
    /// The scan of the vectors that are not in the graph yet.
    pub tail: ScanCounts,
    /// Whether the walk ended because it had cost as much as a scan, as under a filter that few
    /// of the near vectors pass.
    pub cut_short: bool,
}

/// The best `n` vectors that a walk with a pool of `width` nodes and a scan of the tail find.
pub(crate) fn walk(
    snapshot: &Snapshot,
    query: &PreparedQuery,
    n: usize,
    allow: Option<&IdSet>,
    width: usize,
) -> Walked {
    let Some(frame) = snapshot.frame() else { return Walked::default() };
    let Some(query) = fitted(query, frame) else { return Walked::default() };
    let Some(graph) = snapshot.graph() else {
        let scan = scan(snapshot, &query, n, allow);
        let counts = WalkCounts { tail: scan.counts, ..WalkCounts::default() };
        return Walked { candidates: scan.candidates, counts };
    };
    if n == 0 {
        return Walked::default();
    }
    let (mut candidates, mut counts) = walk_nodes(snapshot, graph, &query, allow, width.max(1));
    if !graph.tail().is_empty() {
        let narrowed = allow.map(|allow| allow.intersection(graph.tail()));
        let tail = scan(snapshot, &query, n, Some(narrowed.as_ref().unwrap_or(graph.tail())));
        counts.tail = tail.counts;
        candidates.extend(tail.candidates);
    }
    keep_best(&mut candidates, n, RANK_EPSILON);
    Walked { candidates, counts }
}

fn walk_nodes(
    snapshot: &Snapshot,
    graph: &Graph,
    query: &PreparedQuery,
    allow: Option<&IdSet>,
    width: usize,
) -> (Vec<Candidate>, WalkCounts) {
    let reader = graph.reader();
    let shape = snapshot.config().shape();
    let allowed: Option<Vec<_>> =
        allow.map(|allow| snapshot.parts().iter().map(|part| part.mask(Some(allow))).collect());
    let reach = Reach {
        width,
        most_touched: reader.n_nodes() / SCAN_PART + width.saturating_mul(TOUCHED_PER_KEPT),
    };
    // What is near a question need not be near each other, and a walk that begins in one place may
    // not come to the other. Looking at a part of all codes in order costs less than a few steps.
    let stride = reader.n_nodes().div_ceil(MOST_SAMPLED).max(SAMPLED_PART);
    let (seeds, sampled) = best_of_sample(snapshot, query, width, allow, stride);
    let seeds = seeds.iter().filter_map(|id| reader.nodes().position(*id));
    let mut starts = reader.entries().to_vec();
    starts.extend(seeds.filter_map(|node| u32::try_from(node).ok()));
    let mut code = Encoded::default();
    let mut walk = Walk::default();
    let walked = walk.run(&**reader, &starts, reach, |from, nodes, touches| {
        for node in nodes {
            let Some(place) = graph.place(*node) else {
                // Its code is gone, but not its links.
                touches.push(Touch { score: from, error: 0.0, findable: false });
                continue;
            };
            let part = &snapshot.parts()[place.part as usize];
            part.segment.load(place.position, &mut code);
            let (score, error) = query.estimate(&code, shape);
            let findable = match allowed.as_ref().map(|masks| &masks[place.part as usize]) {
                Some(Some(mask)) => mask.contains(place.position),
                _ => part.is_live(place.position),
            };
            touches.push(Touch { score, error, findable });
        }
        Ok::<(), Infallible>(())
    });
    let Ok(steps) = walked;
    let candidates = walk
        .pool()
        .map(|found| Candidate {
            id: reader.nodes().id(found.node),
            estimate: found.score,
            error: found.error,
        })
        .collect();
    let counts = WalkCounts {
        entries: starts.len() as u64,
        sampled,
        visited: steps.visited,
        evaluated: steps.touched,
        tail: ScanCounts::default(),
        cut_short: steps.cut_short,
    };
    (candidates, counts)
}

/// The walk with exact scores: `score` is asked for the ids of all nodes touched and appends the
/// score of each, in their order, NaN for one that it cannot score.
/// Returns ids and scores of the best `width` live nodes that are allowed, in no order.
pub(crate) fn plain_walk<E>(
    snapshot: &Snapshot,
    allow: Option<&IdSet>,
    width: usize,
    mut score: impl FnMut(&[u64], &mut Vec<f32>) -> Result<(), E>,
) -> Result<(Vec<(u64, f32)>, WalkCounts), E> {
    let Some(graph) = snapshot.graph() else { return Ok((Vec::new(), WalkCounts::default())) };
    let reader = graph.reader();
    let starts = reader.entries();
    let reach = Reach { width: width.max(1), most_touched: usize::MAX };
    let (mut ids, mut live, mut scores) = (Vec::new(), Vec::new(), Vec::new());
    let mut walk = Walk::default();
    let steps = walk.run(&**reader, starts, reach, |from, nodes, touches| {
        ids.clear();
        ids.extend(nodes.iter().map(|node| reader.nodes().id(*node)));
        live.clear();
        live.extend(ids.iter().copied().filter(|id| !graph.is_dead(*id)));
        scores.clear();
        if !live.is_empty() {
            score(&live, &mut scores)?;
        }
        let mut scored = live.iter().zip(&scores).peekable();
        for id in &ids {
            let found = scored.next_if(|(live, _)| *live == id).map(|(_, score)| *score);
            let score = found.filter(|score| !score.is_nan());
            touches.push(Touch {
                // What cannot be scored leads on as well as what led to it.
                score: score.unwrap_or(from),
                error: 0.0,
                findable: score.is_some() && allow.is_none_or(|allow| allow.contains(*id)),
            });
        }
        Ok(())
    })?;
    let found = walk.pool().map(|found| (reader.nodes().id(found.node), found.score)).collect();
    let counts = WalkCounts {
        entries: starts.len() as u64,
        visited: steps.visited,
        evaluated: steps.touched,
        ..WalkCounts::default()
    };
    Ok((found, counts))
}
