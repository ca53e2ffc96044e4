//! Prints what the graph costs and finds at a million vectors: time to make it, bytes a node, and
//! for the scan, the graph and the plain walk the time of a search, recall and work.
//!
//! ```text
//! cargo run --release -p ragged-index --example million
//! cargo run --release -p ragged-index --example million -- VECTORS QUERIES THREADS BYTES WIDTH…
//! ```
//!
//! Vectors are made from a seed: 256 dimensions, in clusters, each on a plane of its own of 30
//! dimensions with a little noise in all, so that the neighbourhood of a vector has an intrinsic
//! dimension of about 30, which is printed as estimated by the method of Levina and Bickel.
//! Queries come from the same clusters and are not in the index.

use std::convert::Infallible;
use std::error::Error;
use std::io::{Write as _, stdout};
use std::ops::ControlFlow;
use std::time::Instant;

use ragged_index::{
    Commit, Config, GraphConfig, Hit, IdSet, Kernels, Policy, Search, Snapshot, Source, Tier,
    VectorIndex, exact_top_k, naive_search, search,
};

const DIMS: usize = 256;
const INTRINSIC: usize = 30;
const K: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Vec::new();
    for argument in std::env::args().skip(1) {
        arguments.push(argument.parse::<usize>().map_err(|error| format!("{argument}: {error}"))?);
    }
    let argument = |at: usize, default| arguments.get(at).copied().unwrap_or(default);
    let (n_vectors, n_queries) = (argument(0, 1_000_000), argument(1, 500));
    let threads = argument(2, 2);
    let bytes_per_node = argument(3, GraphConfig::default().bytes_per_node);
    let widths = arguments.get(4..).filter(|widths| !widths.is_empty());
    let widths = widths.unwrap_or(&[50, 100, 150, 200, 300]);
    let data = Data::made(n_vectors, n_queries);
    writeln!(
        stdout(),
        "{n_vectors} vectors of {DIMS} dimensions, {n_queries} queries, {} kernels",
        Kernels::best().name()
    )?;
    let ids: Vec<u64> = (0..n_vectors as u64).collect();
    let truth = data.truth(&ids, threads);
    let dimension = truth.iter().map(|hits| dimension(&hits.1)).sum::<f64>() / truth.len() as f64;
    writeln!(stdout(), "intrinsic dimension at the 100 nearest: {dimension:.1}")?;
    let truth: Vec<Vec<Hit>> = truth.into_iter().map(|(hits, _)| hits).collect();

    let scratch = tempfile::tempdir()?;
    let config = Config { dims: DIMS, tier: Tier::Balanced, seed: 1, fingerprint: [0; 16] };
    let mut index = VectorIndex::create(scratch.path(), config, 0)?;
    let commit = Commit { delete: &IdSet::new(), ids: &ids, vectors: &data.vectors, stamp: 1 };
    index.commit(&commit)?;
    let codes = index.snapshot().bytes();
    writeln!(stdout(), "codes: {:.2} bytes a vector", codes as f64 / n_vectors as f64)?;
    let config = GraphConfig { bytes_per_node, ..GraphConfig::default() };
    let (started, cpu_before) = (Instant::now(), cpu_seconds());
    let mut tenth = 1;
    index.extend_graph(&config, threads, |at| {
        if at.done * 10 >= at.total * tenth {
            tenth = at.done * 10 / at.total + 1;
            let seconds = started.elapsed().as_secs_f64();
            drop(writeln!(
                stdout(),
                "  {} of {} linked in after {seconds:.0} s",
                at.done,
                at.total
            ));
        }
        ControlFlow::Continue(())
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu_seconds = cpu_seconds().zip(cpu_before).map(|(after, before)| after - before);
    let cpu_seconds = cpu_seconds.map_or("unknown".to_owned(), |cpu| format!("{cpu:.0}"));
    let snapshot = index.snapshot();
    let stats = snapshot.graph_stats().ok_or("no graph was made")?;
    writeln!(
        stdout(),
        "graph: {seconds:.1} s with {threads} threads ({cpu_seconds} CPU seconds), {:.2} bytes a node, {:.2} links a node",
        stats.bytes as f64 / stats.nodes as f64,
        stats.links as f64 / stats.nodes as f64,
    )?;

    let bench = Bench { snapshot, data, truth };
    bench.print("scan", |query| bench.search(query, Source::Scan))?;
    for width in widths {
        let source = Source::Graph { width: *width };
        bench.print(&format!("graph {width}"), |query| bench.search(query, source))?;
    }
    for width in [50, 100, 200] {
        bench.print(&format!("naive {width}"), |query| Ok(bench.naive(query, width)))?;
    }
    Ok(())
}

/// CPU seconds of this process so far, where the system tells: on a busy machine they say more
/// than the clock.
fn cpu_seconds() -> Option<f64> {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_A_SECOND)
}

struct Bench {
    snapshot: Snapshot,
    data: Data,
    truth: Vec<Vec<Hit>>,
}

impl Bench {
    fn search(&self, query: &[f32], source: Source) -> Result<Search, Box<dyn Error>> {
        let prepared = self.snapshot.prepare(query)?;
        let policy = Policy { source, ..Policy::default() };
        let Ok(found) = search(&self.snapshot, &prepared, K, None, &policy, |ids, out| {
            self.data.recompute(ids, out);
            Ok::<(), Infallible>(())
        });
        Ok(found)
    }

    fn naive(&self, query: &[f32], width: usize) -> Search {
        let Ok(found) = naive_search(&self.snapshot, query, K, None, width, |ids, out| {
            self.data.recompute(ids, out);
            Ok::<(), Infallible>(())
        });
        found
    }

    fn print(
        &self,
        name: &str,
        find: impl Fn(&[f32]) -> Result<Search, Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        // The least of three passes over all queries, so that what else the machine does counts
        // less; a pass is long enough to leave nothing of a query in the caches for the next.
        let mut times = vec![f64::INFINITY; self.truth.len()];
        for _ in 0..3 {
            for (query, time) in self.data.queries.chunks_exact(DIMS).zip(&mut times) {
                let started = Instant::now();
                find(query)?;
                *time = time.min(started.elapsed().as_secs_f64() * 1e3);
            }
        }
        let (mut right, mut recomputed, mut evaluated, mut visited) = (0, 0, 0, 0);
        for (query, truth) in self.data.queries.chunks_exact(DIMS).zip(&self.truth) {
            let found = find(query)?;
            let bar = truth.last().map_or(f32::NEG_INFINITY, |hit| hit.score);
            right += found.hits.iter().take(K).filter(|hit| hit.score >= bar).count();
            recomputed += found.counts.recomputed;
            evaluated += found.counts.walk.evaluated + found.counts.scan.scanned;
            visited += found.counts.walk.visited;
        }
        times.sort_unstable_by(f64::total_cmp);
        let n = times.len();
        writeln!(
            stdout(),
            "{name:>10}: {:.3} ms p50, {:.3} ms p95, recall@{K} {:.4}, {:.1} recomputed, \
             {} codes or nodes compared, {} nodes visited",
            times[n / 2],
            times[n * 95 / 100],
            right as f64 / (n * K) as f64,
            recomputed as f64 / n as f64,
            evaluated / n as u64,
            visited / n as u64,
        )?;
        Ok(())
    }
}

struct Data {
    vectors: Vec<f32>,
    queries: Vec<f32>,
}

impl Data {
    /// Clusters of some thousand vectors around centres that have a common direction.
    fn made(n_vectors: usize, n_queries: usize) -> Self {
        let mut random = Random(42);
        let n_clusters = (n_vectors / 2_000).max(4);
        let mean = random.normals(DIMS);
        let clusters: Vec<(Vec<f32>, Vec<f32>)> = (0..n_clusters)
            .map(|_| {
                let own = random.normals(DIMS);
                let centre = mean.iter().zip(own).map(|(mean, own)| mean + own).collect();
                (centre, random.normals(INTRINSIC * DIMS))
            })
            .collect();
        let mut drawn = |n: usize| {
            let mut vectors = Vec::with_capacity(n * DIMS);
            for _ in 0..n {
                let at = (random.next() % n_clusters as u64) as usize;
                let (centre, plane) = &clusters[at];
                let mut vector = centre.clone();
                for axis in plane.chunks_exact(DIMS) {
                    let along = random.normal() * 0.2;
                    for (value, axis) in vector.iter_mut().zip(axis) {
                        *value += along * axis;
                    }
                }
                for value in &mut vector {
                    *value += 0.05 * random.normal();
                }
                let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
                vectors.extend(vector.iter().map(|value| value / length));
            }
            vectors
        };
        Self { vectors: drawn(n_vectors), queries: drawn(n_queries) }
    }

    fn recompute(&self, ids: &[u64], out: &mut Vec<f32>) {
        for id in ids {
            out.extend_from_slice(&self.vectors[*id as usize * DIMS..][..DIMS]);
        }
    }

    /// The exact best of each query, and the distances of its hundred nearest.
    fn truth(&self, ids: &[u64], threads: usize) -> Vec<(Vec<Hit>, Vec<f64>)> {
        let queries: Vec<&[f32]> = self.queries.chunks_exact(DIMS).collect();
        let part = queries.len().div_ceil(threads.max(1)).max(1);
        std::thread::scope(|scope| {
            let parts: Vec<_> = queries
                .chunks(part)
                .map(|queries| {
                    scope.spawn(move || {
                        queries
                            .iter()
                            .map(|query| {
                                let mut hits = exact_top_k(query, ids, &self.vectors, 100);
                                let distances = hits
                                    .iter()
                                    .map(|hit| f64::from(2.0 - 2.0 * hit.score).max(0.0).sqrt())
                                    .collect();
                                hits.truncate(K);
                                (hits, distances)
                            })
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
        })
    }
}

/// The intrinsic dimension at a point, from the distances of its nearest neighbours: Levina and
/// Bickel's estimate of the greatest likelihood.
fn dimension(distances: &[f64]) -> f64 {
    let Some((farthest, nearer)) = distances.split_last() else { return 0.0 };
    let sum: f64 = nearer.iter().map(|near| (farthest / near.max(1e-9)).ln()).sum();
    (nearer.len() as f64 - 1.0) / sum
}

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Nearly normal: the sum of four uniform numbers, scaled to a deviation of 1.
    fn normal(&mut self) -> f32 {
        let word = self.next();
        let sum: u64 = (0..4).map(|at| word >> (16 * at) & 0xffff).sum();
        (sum as f32 / 65_536.0 - 2.0) * 1.732_050_8
    }

    fn normals(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.normal()).collect()
    }
}
