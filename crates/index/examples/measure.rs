//! Prints what an index costs and what it finds: bytes a vector, time to encode and to scan by
//! each set of kernels, coverage of the error bound, recall and recomputed vectors, and what
//! searching in batches shares.
//!
//! ```text
//! cargo run --release -p ragged-index --example measure
//! cargo run --release -p ragged-index --example measure -- DIMS VECTORS QUERIES
//! ```
//!
//! Without arguments on made vectors; with them on two files of little-endian floats, one vector
//! of length 1 after the other.

use std::convert::Infallible;
use std::error::Error;
use std::io::{Write as _, stdout};
use std::time::Instant;

use ragged_index::{
    BatchQuery, Commit, Config, Hit, IdSet, Kernels, Policy, PreparedQuery, Snapshot, Tier,
    VectorIndex, exact_top_k, search, search_batch,
};

const K: usize = 10;

struct Data {
    dims: usize,
    vectors: Vec<f32>,
    queries: Vec<f32>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let data = match arguments.as_slice() {
        [] => made(256, 80_000, 300),
        [dims, vectors, queries] => {
            Data { dims: dims.parse()?, vectors: read(vectors)?, queries: read(queries)? }
        }
        _ => return Err("expected no arguments, or: DIMS VECTORS QUERIES".into()),
    };
    let n = data.vectors.len() / data.dims;
    let ids: Vec<u64> = (1..=n as u64).collect();
    writeln!(stdout(), "{n} vectors of {} dimensions", data.dims)?;
    let truth: Vec<Vec<Hit>> = data
        .queries
        .chunks_exact(data.dims)
        .map(|query| exact_top_k(query, &ids, &data.vectors, K))
        .collect();
    for tier in [Tier::Small, Tier::Balanced, Tier::Fast] {
        measure(tier, &data, &ids, &truth)?;
    }
    Ok(())
}

fn measure(tier: Tier, data: &Data, ids: &[u64], truth: &[Vec<Hit>]) -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let config = Config { dims: data.dims, tier, seed: 1, fingerprint: [0; 16] };
    let mut index = VectorIndex::create(scratch.path(), config, 0)?;
    let started = Instant::now();
    let commit = Commit { delete: &IdSet::new(), ids, vectors: &data.vectors, stamp: 1 };
    index.commit(&commit)?;
    let rate = ids.len() as f64 / started.elapsed().as_secs_f64();
    let snapshot = index.snapshot();
    let bytes = snapshot.bytes() as f64 / ids.len() as f64;
    writeln!(
        stdout(),
        "\n{tier:?}: {bytes:.2} bytes a vector, {rate:.0} vectors/s encoded and committed"
    )?;
    scan_times(&snapshot, data)?;
    batches(&snapshot, data)?;
    coverage(&snapshot, data, ids)?;
    for batch in [1, 4, 8] {
        for epsilon in [1.0, 1.5, 2.0, 2.25, 2.5] {
            let policy = Policy { epsilon, batch, ..Policy::default() };
            recall(&snapshot, data, truth, &policy)?;
        }
    }
    Ok(())
}

fn scan_times(snapshot: &Snapshot, data: &Data) -> Result<(), Box<dyn Error>> {
    for n in [100, 256] {
        for kernels in Kernels::available() {
            let mut times = Vec::new();
            let mut refined = 0;
            for query in data.queries.chunks_exact(data.dims) {
                let query = snapshot.prepare(query)?.with_kernels(kernels);
                let started = Instant::now();
                let scan = snapshot.candidates(&query, n, None);
                times.push(started.elapsed().as_secs_f64() * 1e3);
                refined += scan.counts.refined;
            }
            times.sort_unstable_by(f64::total_cmp);
            writeln!(
                stdout(),
                "  {:7} best {n}: {:.3} ms p50, {:.3} ms p95, {} refined",
                kernels.name(),
                times[times.len() / 2],
                times[times.len() * 95 / 100],
                refined / times.len() as u64,
            )?;
        }
    }
    Ok(())
}

/// Ten queries at once against the same ten in turn, on one thread: similar ones (a query, and
/// it again with the noise of others) and those of the set. Here making a vector is a copy, so
/// the times are of scanning and bookkeeping.
fn batches(snapshot: &Snapshot, data: &Data) -> Result<(), Box<dyn Error>> {
    let policy = Policy::default();
    let copy = |ids: &[u64], out: &mut Vec<f32>| {
        for id in ids {
            let at = (*id - 1) as usize * data.dims;
            out.extend_from_slice(&data.vectors[at..at + data.dims]);
        }
        Ok::<(), Infallible>(())
    };
    for (name, share) in [("unlike", 0.0), ("similar", 0.75)] {
        let (mut alone, mut together) = (Vec::new(), Vec::new());
        let (mut recomputed, mut recomputed_alone) = (0, 0);
        for ten in data.queries.chunks_exact(10 * data.dims) {
            let prepared: Vec<PreparedQuery> = ten
                .chunks_exact(data.dims)
                .map(|query| {
                    let mixed = query.iter().zip(ten);
                    snapshot.prepare(&unit(
                        mixed.map(|(own, first)| share * first + (1.0 - share) * own).collect(),
                    ))
                })
                .collect::<Result<_, _>>()?;
            let queries: Vec<BatchQuery<'_>> =
                prepared.iter().map(|query| BatchQuery { query, allow: None }).collect();
            let started = Instant::now();
            let mut expected = Vec::new();
            for query in &prepared {
                expected.push(search(snapshot, query, K, None, &policy, copy)?);
            }
            alone.push(started.elapsed().as_secs_f64() * 1e3);
            let started = Instant::now();
            let found = search_batch(snapshot, &queries, K, &policy, 1, &copy)?;
            together.push(started.elapsed().as_secs_f64() * 1e3);
            if found.searches != expected {
                return Err("a batch found something else".into());
            }
            recomputed += found.counts.recomputed;
            recomputed_alone += found.counts.recomputed_alone;
        }
        alone.sort_unstable_by(f64::total_cmp);
        together.sort_unstable_by(f64::total_cmp);
        writeln!(
            stdout(),
            "  ten {name} queries: {:.3} ms p50 in turn, {:.3} at once; {recomputed} recomputed \
             for {recomputed_alone}",
            alone[alone.len() / 2],
            together[together.len() / 2],
        )?;
    }
    Ok(())
}

/// How often the inner product is within ε errors of the estimate, over the candidates.
fn coverage(snapshot: &Snapshot, data: &Data, ids: &[u64]) -> Result<(), Box<dyn Error>> {
    let mut within = [0_u64; 4];
    let (mut total, mut errors, mut found) = (0_u64, 0.0_f64, 0_usize);
    for query in data.queries.chunks_exact(data.dims) {
        let query = snapshot.prepare(query)?;
        for candidate in snapshot.candidates(&query, ids.len(), None).candidates {
            let at = (candidate.id - 1) as usize * data.dims;
            let score = query.score(&data.vectors[at..at + data.dims]);
            let miss = (score - candidate.estimate).abs();
            for (count, epsilon) in within.iter_mut().zip([1.0, 1.5, 2.0, 3.0]) {
                *count += u64::from(miss <= epsilon * candidate.error);
            }
            total += 1;
            errors += f64::from(candidate.error);
        }
        found += 1;
    }
    let share = within.map(|count| count as f64 / total as f64);
    writeln!(
        stdout(),
        "  within 1, 1.5, 2, 3 errors: {:.4} {:.4} {:.4} {:.4} (error {:.4}, {} a query)",
        share[0],
        share[1],
        share[2],
        share[3],
        errors / total as f64,
        total / found as u64,
    )?;
    Ok(())
}

fn recall(
    snapshot: &Snapshot,
    data: &Data,
    truth: &[Vec<Hit>],
    policy: &Policy,
) -> Result<(), Box<dyn Error>> {
    let (mut right, mut recomputed) = (0, Vec::new());
    for (query, truth) in data.queries.chunks_exact(data.dims).zip(truth) {
        let query = snapshot.prepare(query)?;
        let found = search(snapshot, &query, K, None, policy, |ids, out| {
            for id in ids {
                let at = (*id - 1) as usize * data.dims;
                out.extend_from_slice(&data.vectors[at..at + data.dims]);
            }
            Ok::<(), Infallible>(())
        })?;
        // A hit as good as the k-th best is right, whichever of equals it is.
        let bar = truth.last().map_or(f32::NEG_INFINITY, |hit| hit.score);
        right += found.hits.iter().take(K).filter(|hit| hit.score >= bar).count();
        recomputed.push(found.counts.recomputed);
    }
    recomputed.sort_unstable();
    let n = recomputed.len();
    writeln!(
        stdout(),
        "  batch {} ε {:.2}: recall@{K} {:.4}, {:.1} recomputed (p95 {})",
        policy.batch,
        policy.epsilon,
        right as f64 / (n * K) as f64,
        recomputed.iter().sum::<u64>() as f64 / n as f64,
        recomputed[n * 95 / 100],
    )?;
    Ok(())
}

fn read(path: &str) -> Result<Vec<f32>, Box<dyn Error>> {
    let bytes = std::fs::read(path).map_err(|error| format!("reading {path}: {error}"))?;
    Ok(bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect())
}

/// Vectors like those of text: a common direction, a spectrum that decays, and clusters; queries
/// are vectors of the set with noise.
fn made(dims: usize, n_vectors: usize, n_queries: usize) -> Data {
    let mut random = Random(42);
    let spectrum: Vec<f32> = (0..dims).map(|i| (1.0 + i as f32 / 8.0).powf(-0.5)).collect();
    let drawn = |random: &mut Random| -> Vec<f32> {
        spectrum.iter().map(|deviation| deviation * random.normal()).collect()
    };
    let mean = drawn(&mut random);
    let centres: Vec<Vec<f32>> = (0..n_vectors / 50).map(|_| drawn(&mut random)).collect();
    let mut vectors = Vec::with_capacity(n_vectors * dims);
    for _ in 0..n_vectors {
        let centre = &centres[(random.next() % centres.len() as u64) as usize];
        let own = drawn(&mut random);
        let sum = (0..dims).map(|i| mean[i] + centre[i] + 0.8 * own[i]).collect();
        vectors.extend(unit(sum));
    }
    let mut queries = Vec::with_capacity(n_queries * dims);
    for _ in 0..n_queries {
        let at = (random.next() % n_vectors as u64) as usize * dims;
        let noise = drawn(&mut random);
        let length = noise.iter().map(|value| value * value).sum::<f32>().sqrt();
        let sum = (0..dims).map(|i| vectors[at + i] + 0.7 * noise[i] / length).collect();
        queries.extend(unit(sum));
    }
    Data { dims, vectors, queries }
}

fn unit(vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.into_iter().map(|value| value / length).collect()
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

    /// Nearly normal: the sum of twelve uniform numbers.
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| (self.next() >> 40) as f32 / (1 << 24) as f32).sum::<f32>() - 6.0
    }
}
