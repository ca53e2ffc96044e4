//! What steps cost on this machine and how much work this library's vectors make: measured when
//! asked, kept for the planner.

use std::{path::Path, time::Instant};

use ragged_index::{IdSet, Policy, Snapshot, Source, search};

use super::{LeannBackend, RECOMPUTE_BATCH, WorkModel, prepare};
use crate::{
    backend::{Probe, Recompute},
    error::{Context, Error, ErrorKind, Result},
    id::ChunkId,
    permission::replace_private_file,
    settings::UnitCosts,
};

/// The file beside the index that keeps what was fitted. Losing it loses nothing but time.
const FILE: &str = "work.json";
/// Hits asked for while counting work.
const KS: [usize; 4] = [1, 3, 10, 30];
/// One chunk in so many is allowed while counting work.
const SHARES: [u64; 4] = [1, 8, 64, 512];
/// Chunks that are allowed together: a filter admits documents.
const RUN: u64 = 16;
/// Widths of walks.
const WIDTHS: [usize; 3] = [32, 64, 128];
/// Embedding is timed on so many chunks.
const EMBEDDED: usize = 256;
/// More costly models are not asked to count work: minutes would pass.
const COSTLY_NS: f64 = 1e6;
/// Questions that such a model is asked to see whether walks find enough.
const FEW_QUERIES: usize = 6;

/// Counts and times searches for `queries`; `None` for an index that is too small to say anything.
pub(super) fn measure(
    backend: &LeannBackend,
    snapshot: &Snapshot,
    queries: &[Vec<f32>],
    recompute: &dyn Recompute,
) -> Result<Option<Probe>> {
    let n_vectors = snapshot.len();
    if n_vectors < 100 || queries.is_empty() {
        return Ok(None);
    }
    let mut costs = backend.costs;
    let mut work = WorkModel::of_tier(backend.tier);
    costs.recompute_ns = embedding_cost(snapshot, recompute)?;
    (costs.scan_ns, costs.refine_ns) = scan_costs(snapshot, queries, &costs)?;
    let mut samples = Vec::new();
    if costs.recompute_ns < COSTLY_NS {
        samples = count_scans(backend, snapshot, queries, recompute)?;
        work.fit_scans(&samples, RECOMPUTE_BATCH, backend.max_recomputes);
    }
    if let Some(graph) = snapshot.graph_stats() {
        let walks = count_walks(snapshot, queries, &costs)?;
        let (ns, evaluated) =
            walks.iter().fold((0.0, 0.0), |sum, walk| (sum.0 + walk.ns, sum.1 + walk.evaluated));
        if evaluated > 0.0 {
            costs.visit_ns = ns / evaluated;
        }
        let counted: Vec<(f64, f64)> =
            walks.iter().map(|walk| (walk.width as f64, walk.evaluated)).collect();
        work.fit_walks(&counted, graph.nodes as f64);
        let n_asked = if costs.recompute_ns < COSTLY_NS { queries.len() } else { FEW_QUERIES };
        let asked = queries.get(..n_asked).unwrap_or(queries);
        work.graph_recall = graph_recall(backend, snapshot, asked, recompute)?;
    }
    Ok(Some(Probe { costs, work, n_queries: queries.len(), samples }))
}

/// Work counted in one cell of the grid, means over the queries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkSample {
    /// Hits asked for.
    pub k: usize,
    /// Vectors that could be found.
    pub n_allowed: u64,
    /// Candidates collected.
    pub n_candidates: usize,
    /// Codes refined.
    pub refined: f64,
    /// Embeddings recomputed.
    pub recomputed: f64,
}

struct WalkSample {
    width: usize,
    evaluated: f64,
    ns: f64,
}

/// Nanoseconds to read and embed one chunk, chunks far apart.
fn embedding_cost(snapshot: &Snapshot, recompute: &dyn Recompute) -> Result<f64> {
    let ids = snapshot.ids();
    let stride = usize::try_from(ids.len()).unwrap_or(usize::MAX) / EMBEDDED;
    let chosen: Vec<ChunkId> =
        ids.iter().step_by(stride.max(1)).take(EMBEDDED).map(ChunkId).collect();
    let mut rows = Vec::new();
    let (mut ns, mut n_embedded) = (0.0, 0.0);
    for batch in chosen.chunks(RECOMPUTE_BATCH) {
        rows.clear();
        let begun = Instant::now();
        recompute.recompute(batch, &mut rows)?;
        ns += begun.elapsed().as_secs_f64() * 1e9;
        n_embedded += batch.len() as f64;
        // A transformer has told enough after a few.
        if ns > 3e9 {
            break;
        }
    }
    Ok(ns / f64::max(n_embedded, 1.0))
}

/// Nanoseconds to scan a code and to refine one: two kinds of scans, two unknowns.
fn scan_costs(snapshot: &Snapshot, queries: &[Vec<f32>], before: &UnitCosts) -> Result<(f64, f64)> {
    let timed = |n: usize| -> Result<[f64; 3]> {
        let mut sum = [0.0; 3];
        for query in queries {
            let query = prepare(snapshot, query)?;
            let begun = Instant::now();
            let scan = snapshot.candidates(&query, n, None);
            sum[2] += begun.elapsed().as_secs_f64() * 1e9;
            sum[0] += scan.counts.scanned as f64;
            sum[1] += scan.counts.refined as f64;
        }
        Ok(sum)
    };
    timed(1)?;
    let (few, many) = (timed(1)?, timed(200)?);
    let determinant = few[0] * many[1] - many[0] * few[1];
    if determinant.abs() < 1.0 {
        return Ok((before.scan_ns, before.refine_ns));
    }
    let scan_ns = (few[2] * many[1] - many[2] * few[1]) / determinant;
    let refine_ns = (few[0] * many[2] - many[0] * few[2]) / determinant;
    // In an index so small that noise decides, what was believed before is as good.
    let is_sane = |ns: f64| ns.is_finite() && ns > 0.0;
    Ok((
        if is_sane(scan_ns) { scan_ns } else { before.scan_ns },
        if is_sane(refine_ns) { refine_ns } else { before.refine_ns },
    ))
}

/// One run of [`RUN`] chunks in every `share`.
fn allowed(snapshot: &Snapshot, share: u64) -> IdSet {
    let ids: Vec<u64> = snapshot.ids().iter().collect();
    ids.chunks(RUN as usize).step_by(share as usize).flatten().copied().collect()
}

fn count_scans(
    backend: &LeannBackend,
    snapshot: &Snapshot,
    queries: &[Vec<f32>],
    recompute: &dyn Recompute,
) -> Result<Vec<WorkSample>> {
    let mut samples = Vec::new();
    let remembered =
        backend.remembered(snapshot, crate::id::Generation(snapshot.stamp()), recompute);
    for share in SHARES {
        let allow = allowed(snapshot, share);
        let n_allowed = allow.len();
        if n_allowed < 2 * RUN && share > 1 {
            break;
        }
        for k in KS {
            let most = usize::try_from(snapshot.len()).unwrap_or(usize::MAX);
            let n_candidates = k.max(backend.max_recomputes.min(most));
            let policy = Policy {
                epsilon: backend.epsilon,
                batch: RECOMPUTE_BATCH,
                max_recomputes: backend.max_recomputes,
                n_candidates: k,
                source: Source::Scan,
            };
            let (mut refined, mut recomputed) = (0.0, 0.0);
            for query in queries {
                let query = prepare(snapshot, query)?;
                let found = search(snapshot, &query, k, Some(&allow), &policy, |ids, rows| {
                    remembered.recompute(ids, rows)
                })?;
                refined += found.counts.scan.refined as f64;
                recomputed += found.counts.recomputed as f64;
            }
            let n = queries.len() as f64;
            let (refined, recomputed) = (refined / n, recomputed / n);
            samples.push(WorkSample { k, n_allowed, n_candidates, refined, recomputed });
        }
    }
    Ok(samples)
}

fn count_walks(
    snapshot: &Snapshot,
    queries: &[Vec<f32>],
    costs: &UnitCosts,
) -> Result<Vec<WalkSample>> {
    let mut samples = Vec::new();
    for width in WIDTHS {
        let (mut evaluated, mut ns) = (0.0, 0.0);
        for query in queries {
            let query = prepare(snapshot, query)?;
            let begun = Instant::now();
            let walked = snapshot.graph_candidates(&query, width, None, width);
            // What was looked at in order is priced by itself.
            let in_order = walked.counts.sampled + walked.counts.tail.scanned;
            let apart = in_order as f64 * costs.scan_ns
                + walked.counts.tail.refined as f64 * costs.refine_ns;
            ns += (begun.elapsed().as_secs_f64() * 1e9 - apart).max(0.0);
            evaluated += walked.counts.evaluated as f64;
        }
        let n = queries.len() as f64;
        samples.push(WalkSample { width, evaluated: evaluated / n, ns: ns / n });
    }
    Ok(samples)
}

/// Share of the ten best of a scan that walks of the usual width find, in what a scan misses
/// itself not counted.
fn graph_recall(
    backend: &LeannBackend,
    snapshot: &Snapshot,
    queries: &[Vec<f32>],
    recompute: &dyn Recompute,
) -> Result<f64> {
    const K: usize = 10;
    let remembered =
        backend.remembered(snapshot, crate::id::Generation(snapshot.stamp()), recompute);
    let (mut found_of_scan, mut wanted) = (0_usize, 0_usize);
    for query in queries {
        let query = prepare(snapshot, query)?;
        let best = |source| -> Result<Vec<u64>> {
            let policy = Policy {
                epsilon: backend.epsilon,
                batch: RECOMPUTE_BATCH,
                max_recomputes: backend.max_recomputes,
                n_candidates: K,
                source,
            };
            let found = search(snapshot, &query, K, None, &policy, |ids, rows| {
                remembered.recompute(ids, rows)
            })?;
            Ok(found.hits.iter().map(|hit| hit.id).collect())
        };
        let scanned = best(Source::Scan)?;
        let walked = best(Source::Graph { width: backend.width(K) })?;
        wanted += scanned.len();
        found_of_scan += scanned.iter().filter(|id| walked.contains(id)).count();
    }
    Ok(found_of_scan as f64 / wanted.max(1) as f64)
}

const FIELDS: [&str; 7] =
    ["refine", "recompute", "recompute_power", "crowding", "visit", "visit_power", "graph_recall"];

/// What a probe left in `dir`; `None` where there is nothing that can be used.
pub(super) fn read(dir: &Path) -> Option<WorkModel> {
    let text = std::fs::read_to_string(dir.join(FILE)).ok()?;
    let value: serde_json::Value = serde_json::from_str(&text).ok()?;
    let mut numbers = [0.0; FIELDS.len()];
    for (number, field) in numbers.iter_mut().zip(FIELDS) {
        *number = value.get(field)?.as_f64().filter(|number| (0.0..1e6).contains(number))?;
    }
    let [refine, recompute, recompute_power, crowding, visit, visit_power, graph_recall] = numbers;
    Some(WorkModel {
        refine,
        recompute,
        recompute_power,
        crowding,
        visit,
        visit_power,
        graph_recall,
    })
}

pub(super) fn write(dir: &Path, work: &WorkModel) -> Result<()> {
    let numbers = [
        work.refine,
        work.recompute,
        work.recompute_power,
        work.crowding,
        work.visit,
        work.visit_power,
        work.graph_recall,
    ];
    let fields = FIELDS.iter().map(|field| (*field).to_owned());
    let object: serde_json::Map<_, _> = fields.zip(numbers.map(serde_json::Value::from)).collect();
    let text = serde_json::to_vec_pretty(&object)
        .map_err(|error| Error::from_source(ErrorKind::Internal, error))?;
    replace_private_file(&dir.join(FILE), &text).context_with(|| "keeping what the probe found")
}
