use std::sync::atomic::{AtomicU64, Ordering};

use super::{
    planner::{RECALL_TARGET, plan},
    *,
};
use crate::{error::Result, id::ChunkRange};

const DIMS: usize = 64;

/// Vectors that lie in clusters, as those of real text do, from a seed.
struct Made {
    rows: Vec<f32>,
    n_recomputed: AtomicU64,
}

impl Made {
    fn new(n: usize, seed: u64) -> Self {
        let mut random = Random(seed);
        let centres: Vec<Vec<f32>> = (0..n / 40 + 8).map(|_| random.vector(1.0)).collect();
        let common = random.vector(1.0);
        let mut rows = Vec::with_capacity(n * DIMS);
        for _ in 0..n {
            let centre = &centres[random.below(centres.len())];
            let own = random.vector(1.2);
            let mut row: Vec<f32> =
                (0..DIMS).map(|d| centre[d] + own[d] + 0.5 * common[d]).collect();
            unit(&mut row);
            rows.extend(row);
        }
        Self { rows, n_recomputed: AtomicU64::new(0) }
    }

    fn row(&self, at: usize) -> &[f32] {
        &self.rows[at * DIMS..(at + 1) * DIMS]
    }

    fn len(&self) -> usize {
        self.rows.len() / DIMS
    }

    /// Vectors near some of the rows: what is asked is like what is there, and not the same.
    fn queries(&self, n: usize, seed: u64) -> Vec<Vec<f32>> {
        let mut random = Random(seed);
        (0..n)
            .map(|_| {
                let near = self.row(random.below(self.len()));
                let noise = random.vector(0.8);
                let mut query: Vec<f32> = near.iter().zip(noise).map(|(a, b)| a + b).collect();
                unit(&mut query);
                query
            })
            .collect()
    }
}

impl Recompute for Made {
    fn recompute(&self, chunks: &[ChunkId], rows: &mut Vec<f32>) -> Result<()> {
        self.n_recomputed.fetch_add(chunks.len() as u64, Ordering::Relaxed);
        for chunk in chunks {
            rows.extend_from_slice(self.row(chunk.0 as usize - 1));
        }
        Ok(())
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn vector(&mut self, length: f32) -> Vec<f32> {
        let mut vector: Vec<f32> = (0..DIMS)
            .map(|_| (0..4).map(|_| (self.next() >> 40) as f32 / 8_388_608.0 - 1.0).sum())
            .collect();
        unit(&mut vector);
        for value in &mut vector {
            *value *= length;
        }
        vector
    }
}

fn unit(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    for value in vector {
        *value /= length;
    }
}

fn backend(made: &Made, dir: &Path, settings: &BackendSettings) -> LeannBackend {
    let model = ModelIdentity {
        name: "made".to_owned(),
        fingerprint: "0123456789abcdef0123456789abcdef".to_owned(),
        dims: DIMS,
        kind: ModelKind::Static,
    };
    let backend = LeannBackend::open(dir, &model, settings).unwrap();
    let added: Vec<ChunkId> = (1..=made.len() as u64).map(ChunkId).collect();
    let change = VectorChange { added: &added, vectors: &made.rows, removed: &[] };
    let reflected = Reflected { generation: Generation(1), last_chunk: ChunkId(made.len() as u64) };
    backend.commit(change, reflected).unwrap();
    backend
}

fn without_memory() -> BackendSettings {
    BackendSettings { vector_cache_bytes: 0, ..BackendSettings::default() }
}

fn request(query: &[f32], k: usize, strategy: Strategy) -> VectorRequest<'_> {
    VectorRequest { query, k, n_candidates: k, allowed: None, strategy, generation: Generation(1) }
}

/// One run of sixteen chunks in every `share`.
fn allowed(n: usize, share: usize) -> AllowedChunks {
    let runs = (0..n as u64).step_by(16 * share);
    AllowedChunks::from_documents(
        runs.map(|first| ChunkRange { first: ChunkId(first + 1), n_chunks: 16 })
            .filter(|range| range.ids().end <= n as u64 + 1)
            .collect::<Vec<_>>(),
    )
}

fn situation() -> Situation {
    Situation {
        n_allowed: 66_000,
        n_vectors: 66_000,
        n_nodes: 0,
        k: 10,
        n_candidates: 200,
        width: 100,
        batch: 4,
        max_recomputes: 200,
        n_cached: 0,
    }
}

#[test]
fn the_cheapest_way_that_finds_enough_is_taken() {
    let work = WorkModel::of_tier(Tier::Balanced);
    let found_all = WorkModel { graph_recall: RECALL_TARGET, ..work };
    let found_little = WorkModel { graph_recall: RECALL_TARGET - 0.01, ..work };
    let costs = UnitCosts { recompute_ns: STATIC_RECOMPUTE_NS, ..UnitCosts::default() };
    let million =
        Situation { n_allowed: 1_000_000, n_vectors: 1_000_000, n_nodes: 1_000_000, ..situation() };
    let small = Situation { n_allowed: 8, n_vectors: 8, ..situation() };
    let filtered = Situation { n_allowed: 12, ..situation() };
    for (situation, work, expected) in [
        (situation(), work, Strategy::Scan),
        (small, work, Strategy::Exact),
        (filtered, work, Strategy::Exact),
        (million, found_all, Strategy::Graph),
        // A walk that finds too little is not taken however cheap it is.
        (million, found_little, Strategy::Scan),
        // Walking past what a filter leaves out costs more than scanning what it lets through.
        (Situation { n_allowed: 10_000, ..million }, found_all, Strategy::Scan),
    ] {
        let plan = plan(Strategy::Auto, &situation, &work, &costs);
        assert_eq!(plan.strategy, expected, "{situation:?}");
        assert!(plan.estimates.is_sorted_by(|a, b| a.us <= b.us));
    }
    // What is asked for is done.
    assert_eq!(plan(Strategy::Naive, &million, &work, &costs).strategy, Strategy::Naive);
}

#[test]
fn what_is_in_memory_makes_recomputing_cheaper() {
    let work = WorkModel::of_tier(Tier::Balanced);
    let costs = UnitCosts { recompute_ns: TRANSFORMER_RECOMPUTE_NS, ..UnitCosts::default() };
    let us = |n_cached| {
        let situation = Situation { n_cached, ..situation() };
        plan(Strategy::Scan, &situation, &work, &costs).estimates[0].us
    };
    assert!(us(33_000) < 0.51 * us(0), "{} {}", us(33_000), us(0));
}

#[test]
fn laws_are_recovered_from_counts_that_follow_them() {
    let truth = WorkModel {
        refine: 1.4,
        recompute: 5.0,
        recompute_power: 0.8,
        crowding: 8.0,
        visit: 3.0,
        visit_power: 0.7,
        ..WorkModel::of_tier(Tier::Balanced)
    };
    let mut samples = Vec::new();
    for n_allowed in [100_u64, 1_000, 10_000, 100_000] {
        for k in [3, 10, 30] {
            samples.push(WorkSample {
                k,
                n_allowed,
                n_candidates: 200,
                refined: truth.refined(200.0, n_allowed as f64),
                recomputed: truth.recomputed(k as f64, n_allowed as f64, 4.0, 1e9),
            });
        }
    }
    let mut fitted = WorkModel::of_tier(Tier::Fast);
    fitted.fit_scans(&samples, 4, 1_000_000);
    for sample in &samples {
        let predicted = fitted.recomputed(sample.k as f64, sample.n_allowed as f64, 4.0, 1e9);
        assert!((predicted / sample.recomputed - 1.0).abs() < 0.05, "{sample:?} {predicted}");
    }
    assert!((fitted.refine - truth.refine).abs() < 1e-6);
    let walks = [32.0, 64.0, 128.0].map(|width| (width, truth.visited(width, 1e6)));
    fitted.fit_walks(&walks, 1e6);
    assert!((fitted.visit - 3.0).abs() < 1e-6 && (fitted.visit_power - 0.7).abs() < 1e-6);
    // Nothing counted, nothing learnt.
    let before = fitted;
    fitted.fit_scans(&[], 4, 200);
    fitted.fit_walks(&[(64.0, 900.0)], 1e6);
    assert_eq!(fitted, before);
}

/// After a probe with some queries, the planner predicts the work of others, at numbers of hits and
/// under filters that were not probed.
#[test]
fn predicted_counts_come_true() {
    for n in [2_000, 12_000] {
        let made = Made::new(n, 7);
        let scratch = tempfile::tempdir().unwrap();
        let backend = backend(&made, scratch.path(), &without_memory());
        let probe = backend.probe(&made.queries(64, 1), &made).unwrap().unwrap();
        backend.reckon_with(probe.work).unwrap();
        let queries = made.queries(120, 2);
        let mut worst = (0.0, String::new());
        for share in [1, 4, 24] {
            let allowed = allowed(n, share);
            for k in [2, 5, 20] {
                for strategy in [Strategy::Scan, Strategy::Exact] {
                    let (mut refined, mut recomputed, mut expected) = (0.0, 0.0, None);
                    for query in &queries {
                        let request = VectorRequest {
                            allowed: (share > 1).then_some(&allowed),
                            ..request(query, k, strategy)
                        };
                        let hits = backend.search(request, &made).unwrap();
                        refined += hits.counts.refined as f64 / queries.len() as f64;
                        recomputed += hits.counts.recomputed as f64 / queries.len() as f64;
                        expected = hits
                            .plan
                            .estimates
                            .iter()
                            .find(|estimate| estimate.strategy == strategy)
                            .map(|estimate| estimate.counts);
                    }
                    let expected = expected.unwrap();
                    for (what, expected, counted) in [
                        ("refined", expected.refined as f64, refined),
                        ("recomputed", expected.recomputed as f64, recomputed),
                    ] {
                        let off =
                            if counted == 0.0 { 0.0 } else { (expected / counted - 1.0).abs() };
                        if off > worst.0 {
                            let of = format!("{n} vectors, one in {share}, k {k}, {strategy:?}");
                            worst = (off, format!("{what} {counted} not {expected}: {of}"));
                        }
                    }
                }
            }
        }
        assert!(worst.0 <= 0.25, "off by {:.0} %: {}", 100.0 * worst.0, worst.1);
    }
}

#[test]
fn every_way_finds_the_nearest() {
    let made = Made::new(4_000, 3);
    let scratch = tempfile::tempdir().unwrap();
    let settings = BackendSettings { graph: GraphUse::Always, ..without_memory() };
    let backend = backend(&made, scratch.path(), &settings);
    backend.settle(&|| true).unwrap();
    let allowed = allowed(4_000, 10);
    let queries = made.queries(60, 5);
    for admitted in [None, Some(&allowed)] {
        for strategy in [Strategy::Scan, Strategy::Graph, Strategy::Naive, Strategy::Auto] {
            let (mut found, mut wanted) = (0, 0);
            for query in &queries {
                let ask = |strategy| {
                    let request =
                        VectorRequest { allowed: admitted, ..request(query, 10, strategy) };
                    let hits = backend.search(request, &made).unwrap();
                    hits.candidates.iter().map(|hit| hit.chunk).collect::<Vec<_>>()
                };
                let truth = ask(Strategy::Exact);
                let chunks = ask(strategy);
                assert_eq!((truth.len(), chunks.len()), (10, 10), "{strategy:?}");
                assert!(chunks.iter().all(|c| admitted.is_none_or(|a| a.contains(c.0))));
                wanted += truth.len();
                found += truth.iter().filter(|chunk| chunks.contains(chunk)).count();
            }
            let recall = found as f64 / wanted as f64;
            assert!(recall >= 0.95, "{strategy:?}: {recall}");
        }
    }
}

#[test]
fn a_walk_without_a_graph_says_how_to_get_one() {
    let made = Made::new(200, 3);
    let scratch = tempfile::tempdir().unwrap();
    let backend = backend(&made, scratch.path(), &without_memory());
    for strategy in [Strategy::Graph, Strategy::Naive] {
        let error = backend.search(request(made.row(0), 3, strategy), &made).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.hint().is_some_and(|hint| hint.contains("backend.graph=always")));
    }
}

#[test]
fn a_graph_comes_and_goes_with_the_settings() {
    let made = Made::new(600, 9);
    let scratch = tempfile::tempdir().unwrap();
    let graph_after = |graph| {
        let settings = BackendSettings { graph, ..without_memory() };
        let model = backend(&Made::new(0, 1), &scratch.path().join("unused"), &settings);
        drop(model);
        let backend = LeannBackend::open(
            &scratch.path().join("index"),
            &ModelIdentity {
                name: "made".to_owned(),
                fingerprint: "0123456789abcdef0123456789abcdef".to_owned(),
                dims: DIMS,
                kind: ModelKind::Static,
            },
            &settings,
        )
        .unwrap();
        backend.settle(&|| true).unwrap();
        backend.snapshot().and_then(|snapshot| snapshot.graph_stats()).is_some()
    };
    drop(backend(&made, &scratch.path().join("index"), &without_memory()));
    assert!(!graph_after(GraphUse::Auto), "too small to pay");
    assert!(graph_after(GraphUse::Always));
    assert!(graph_after(GraphUse::Auto), "what is there is kept");
    assert!(!graph_after(GraphUse::Never));
}

/// A vector in memory is the one that would be made again; where the index lags behind what the
/// caller reads, memory is not asked.
#[test]
fn memory_gives_what_recomputing_would() {
    let made = Made::new(1_500, 11);
    let scratch = tempfile::tempdir().unwrap();
    let backend = backend(&made, scratch.path(), &BackendSettings::default());
    let query = made.queries(1, 1).remove(0);
    let first = backend.search(request(&query, 10, Strategy::Scan), &made).unwrap();
    let again = backend.search(request(&query, 10, Strategy::Scan), &made).unwrap();
    assert_eq!(first.candidates, again.candidates);
    assert_eq!((first.counts.cached, again.counts.recomputed), (0, 0));
    assert_eq!(again.counts.cached, first.counts.recomputed);
    let elsewhere =
        VectorRequest { generation: Generation(2), ..request(&query, 10, Strategy::Scan) };
    let other = backend.search(elsewhere, &made).unwrap();
    assert_eq!(other.counts, first.counts);

    // What is removed leaves memory at once.
    let held = backend.cache_stats().entries;
    let gone = first.candidates[0].chunk;
    let removed = [ChunkRange { first: gone, n_chunks: 1 }];
    let change = VectorChange { added: &[], vectors: &[], removed: &removed };
    let last_chunk = ChunkId(1_500);
    backend.commit(change, Reflected { generation: Generation(2), last_chunk }).unwrap();
    assert_eq!(backend.cache_stats().entries, held - 1);
}

#[test]
fn a_batch_finds_what_its_requests_find() {
    let made = Made::new(3_000, 13);
    let scratch = tempfile::tempdir().unwrap();
    let settings = BackendSettings { graph: GraphUse::Always, ..without_memory() };
    let backend = backend(&made, scratch.path(), &settings);
    backend.settle(&|| true).unwrap();
    let queries = made.queries(12, 17);
    let allowed = allowed(3_000, 5);
    let ways = [Strategy::Scan, Strategy::Graph, Strategy::Exact, Strategy::Auto];
    let requests: Vec<VectorRequest<'_>> = queries
        .iter()
        .enumerate()
        .map(|(at, query)| VectorRequest {
            allowed: (at % 3 == 0).then_some(&allowed),
            ..request(query, 1 + at % 4 * 5, ways[at % ways.len()])
        })
        .collect();
    let singles: Vec<VectorHits> =
        requests.iter().map(|request| backend.search(*request, &made).unwrap()).collect();
    for threads in [1, 3] {
        let batch = backend.search_batch(&requests, threads, &made).unwrap();
        for (single, hits) in singles.iter().zip(&batch.hits) {
            assert_eq!(single.candidates, hits.candidates);
        }
    }
}
