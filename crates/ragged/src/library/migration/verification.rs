//! Whether two backends say the same.
//!
//! No two engines give the same approximate results, and one of them keeps no vectors that could
//! be compared. What must hold is: both hold the vectors of exactly the library's chunks, a chunk's
//! vector made anew from its text finds that chunk, and questions are answered nearly alike.

use std::{
    collections::HashSet,
    sync::Mutex,
    time::{Duration, Instant},
};

use super::keeps_nothing;
use crate::{
    backend::{Recompute as _, VectorRequest},
    error::{Context, Error, ErrorKind, Result},
    id::{ChunkId, Generation},
    library::{
        Cancel, Library,
        recompute::{FromText, index_text_of},
    },
    ranking::Candidate,
    retrieval::AllowedChunks,
    settings::{BackendKind, Strategy},
};

/// A chunk's vector must find it with at least this score.
pub const LEAST_SCORE: f32 = 0.999;
/// The ten nearest of two backends must have at least this share in common, on average.
pub const LEAST_OVERLAP: f64 = 0.9;
/// Libraries with fewer documents are verified in full.
pub const FULL_BELOW_DOCUMENTS: u64 = 1000;
/// How many of the nearest are compared.
const OVERLAP_K: usize = 10;
/// How far two engines' scores of the same pair may be apart.
const SCORE_TOLERANCE: f32 = 1e-4;
/// How far down a chunk is looked for among others with the same text.
const AMONG_EQUALS: usize = 100;
/// Vectors made anew at a time by a thread.
const BATCH: usize = 64;
/// Words of a chunk that are asked for as a query.
const QUERY_WORDS: usize = 12;
/// Chunks that are named in a report.
const MAX_NAMED: usize = 10;

/// How thoroughly two backends are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VerifyOptions {
    /// Share of the chunks whose vectors are made anew; all of them in a small library.
    pub sample_rate: f64,
    /// How many queries are asked of both.
    pub queries: usize,
    /// Which chunks and queries are taken.
    pub seed: u64,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self { sample_rate: 0.1, queries: 50, seed: 1 }
    }
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verification {
    /// Chunks in the library.
    pub chunks: u64,
    /// Vectors of the two backends.
    pub vectors: [u64; 2],
    /// Chunks whose vector was made anew and looked for, in each that keeps vectors.
    pub sampled: u64,
    /// Chunks that did not find themselves, with the backend; the first few.
    pub mismatched: Vec<(BackendKind, ChunkId)>,
    /// How many did not.
    pub n_mismatched: u64,
    /// The lowest score with which a chunk was found.
    pub lowest_score: Option<f32>,
    /// Queries asked of both.
    pub queries: u64,
    /// Share of the ten nearest that they have in common, on average.
    pub overlap: Option<f64>,
    /// What is wrong, in words.
    pub problems: Vec<String>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn agrees(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Library {
    /// Compares this library's vectors with those of the same library over another backend. Told
    /// work done and work to do.
    ///
    /// # Errors
    ///
    /// `Interrupted` when cancelled; `Unavailable` where a backend or the model cannot be asked.
    /// A difference is no error but in the result.
    pub fn verify_against(
        &self,
        other: &Self,
        options: VerifyOptions,
        cancel: &Cancel,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Verification> {
        let begun = Instant::now();
        let sides = [self, other];
        for side in sides {
            side.require_own_vectors()?;
            side.vectors.refresh()?;
        }
        let reader = self.store.reader()?;
        let counts = reader.counts()?;
        let chunks = AllowedChunks::from_documents(
            reader.documents()?.into_iter().map(|document| document.chunks),
        );
        let generation = reader.generation()?;
        let mut found = Verification {
            chunks: chunks.count(),
            vectors: sides.map(|side| side.vectors.stats().vectors),
            ..Verification::default()
        };
        for side in sides {
            let name = side.vectors.kind().as_str();
            let at = side.vectors.reflected().generation;
            if at != generation {
                found.problems.push(format!(
                    "{name} reflects generation {at}, the library is at {generation}"
                ));
                continue;
            }
            for problem in side.vectors.check()? {
                found.problems.push(format!("{name}: {problem}"));
            }
            let held = side.vectors.stats().vectors;
            if held != chunks.count() {
                found.problems.push(format!(
                    "{name} holds {held} vectors, the library has {} chunks",
                    chunks.count()
                ));
            } else if !side.vectors.holds_exactly(&chunks)? {
                found.problems.push(format!("{name} holds vectors of other chunks"));
            }
        }
        // What is behind or incomplete need not be searched to be known as different.
        if found.agrees() {
            let rate =
                if counts.documents < FULL_BELOW_DOCUMENTS { 1.0 } else { options.sample_rate };
            let sample = sample(&chunks, rate, options.seed);
            let total = sample.len() as u64;
            found.sampled = total;
            // What was made from the text by this process is what the others are measured by.
            let kept: Vec<&Self> =
                sides.into_iter().filter(|side| !keeps_nothing(side.vectors.kind())).collect();
            self.look_for(&sample, &kept, cancel, progress, &mut found)?;
            let queries = sample_queries(&chunks, options);
            self.ask_both(&queries, sides, cancel, &mut found)?;
            progress(total, total);
        }
        found.elapsed = begun.elapsed();
        Ok(found)
    }

    /// Makes vectors anew and looks whether each side finds their chunks by them.
    fn look_for(
        &self,
        sample: &[ChunkId],
        sides: &[&Self],
        cancel: &Cancel,
        progress: &(dyn Fn(u64, u64) + Sync),
        found: &mut Verification,
    ) -> Result<()> {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let work = Mutex::new((sample.chunks(BATCH), 0));
        let total = sample.len() as u64;
        let look = || -> Result<Vec<(BackendKind, ChunkId, Option<f32>)>> {
            let from_text = FromText::lending(self, Vec::new());
            let dims = self.embedder.identity().dims;
            let mut seen = Vec::new();
            loop {
                if cancel.is_cancelled() {
                    return Err(interrupted());
                }
                let batch = {
                    let mut work = work.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    let Some(batch) = work.0.next() else { return Ok(seen) };
                    work.1 += batch.len() as u64;
                    progress(work.1, total);
                    batch
                };
                let mut rows = Vec::with_capacity(batch.len() * dims);
                from_text.recompute(batch, &mut rows)?;
                for (chunk, row) in batch.iter().zip(rows.chunks_exact(dims)) {
                    // A text without a word that the model knows is near nothing.
                    if row.iter().all(|number| *number == 0.0) {
                        continue;
                    }
                    for side in sides {
                        let score = own_score(side, row, *chunk, &from_text)?;
                        seen.push((side.vectors.kind(), *chunk, score));
                    }
                }
            }
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(look)).collect();
            let panicked = || Err(Error::new(ErrorKind::Internal, "a comparing thread panicked"));
            handles.into_iter().map(|handle| handle.join().unwrap_or_else(|_| panicked())).collect()
        });
        let mut seen = Vec::new();
        for result in results {
            seen.append(&mut result?);
        }
        // In one order, however many threads there were.
        seen.sort_by_key(|(kind, chunk, _)| (*chunk, *kind));
        for (kind, chunk, score) in seen {
            if let Some(score) = score {
                let lowest = found.lowest_score.unwrap_or(score).min(score);
                found.lowest_score = Some(lowest);
            }
            if score.is_none_or(|score| score < LEAST_SCORE) {
                found.n_mismatched += 1;
                if found.mismatched.len() < MAX_NAMED {
                    found.mismatched.push((kind, chunk));
                }
            }
        }
        if found.n_mismatched > 0 {
            let named: Vec<String> = found
                .mismatched
                .iter()
                .map(|(kind, chunk)| format!("{chunk} in {}", kind.as_str()))
                .collect();
            found.problems.push(format!(
                "{} of {} sampled chunks are not found by their own vectors: {}",
                found.n_mismatched,
                found.sampled,
                named.join(", ")
            ));
        }
        Ok(())
    }

    /// Asks both sides the same questions.
    fn ask_both(
        &self,
        queries: &[ChunkId],
        sides: [&Self; 2],
        cancel: &Cancel,
        found: &mut Verification,
    ) -> Result<()> {
        let reader = self.store.reader()?;
        let from_text = FromText::lending(self, Vec::new());
        let mut sum = 0.0;
        for chunk in queries {
            if cancel.is_cancelled() {
                return Err(interrupted());
            }
            let Some(text) = index_text_of(&reader, *chunk)? else { continue };
            let words: Vec<&str> = text.split_whitespace().take(QUERY_WORDS).collect();
            let query = self
                .embedder
                .embed_query(&words.join(" "))
                .context_with(|| "embedding a sample query")?;
            if query.iter().all(|number| *number == 0.0) {
                continue;
            }
            let mut lists = Vec::with_capacity(sides.len());
            for side in sides {
                lists.push(nearest(side, &query, OVERLAP_K, &from_text)?);
            }
            if let [a, b] = &lists[..]
                && let Some(share) = overlap(a, b)
            {
                sum += share;
                found.queries += 1;
            }
        }
        if found.queries > 0 {
            let mean = sum / found.queries as f64;
            found.overlap = Some(mean);
            if mean < LEAST_OVERLAP {
                found.problems.push(format!(
                    "the ten nearest of {} sample queries overlap by {mean:.3}, not {LEAST_OVERLAP}",
                    found.queries
                ));
            }
        }
        Ok(())
    }
}

/// The score with which a side finds a chunk by its own vector. Where so many chunks have the same
/// text that it is not among those looked at, the score of the last one of them.
fn own_score(
    side: &Library,
    vector: &[f32],
    chunk: ChunkId,
    from_text: &FromText<'_>,
) -> Result<Option<f32>> {
    let best = nearest(side, vector, 1, from_text)?;
    match best.first() {
        Some(hit) if hit.chunk == chunk => return Ok(Some(hit.score)),
        Some(hit) if hit.score >= LEAST_SCORE => {}
        _ => return Ok(None),
    }
    let equals = nearest(side, vector, AMONG_EQUALS, from_text)?;
    let own = equals.iter().find(|hit| hit.chunk == chunk);
    let last = equals.last().filter(|hit| hit.score >= LEAST_SCORE && equals.len() == AMONG_EQUALS);
    Ok(own.or(last).map(|hit| hit.score))
}

fn nearest(
    side: &Library,
    query: &[f32],
    k: usize,
    from_text: &FromText<'_>,
) -> Result<Vec<Candidate>> {
    let request = VectorRequest {
        query,
        k,
        n_candidates: k,
        allowed: None,
        strategy: Strategy::default(),
        // No generation has this number, so that vectors are made again rather than remembered.
        generation: Generation(u64::MAX),
    };
    let hits = side.vectors.search(request, from_text);
    let hits = hits.context_with(|| format!("searching {}", side.vectors.kind().as_str()))?;
    Ok(hits.candidates.into_iter().take(k).collect())
}

/// Share of `b` that is in `a` or is as near as the last of `a`: among equals any may be named.
fn overlap(a: &[Candidate], b: &[Candidate]) -> Option<f64> {
    let last = a.last()?.score;
    let ids: HashSet<ChunkId> = a.iter().map(|hit| hit.chunk).collect();
    let common = b
        .iter()
        .filter(|hit| ids.contains(&hit.chunk) || hit.score >= last - SCORE_TOLERANCE)
        .count();
    Some(common as f64 / a.len().max(b.len()) as f64)
}

/// About `rate` of the chunks, in order of id; which ones follows from the seed.
fn sample(chunks: &AllowedChunks, rate: f64, seed: u64) -> Vec<ChunkId> {
    let ids = chunks.ranges().iter().cloned().flatten();
    if rate >= 1.0 {
        return ids.map(ChunkId).collect();
    }
    let limit = (rate.max(0.0) * u64::MAX as f64) as u64;
    ids.filter(|id| mixed(seed, *id) < limit).map(ChunkId).collect()
}

fn sample_queries(chunks: &AllowedChunks, options: VerifyOptions) -> Vec<ChunkId> {
    // Other ones than those whose vectors are looked for.
    let seed = options.seed.wrapping_add(1);
    let mut ids: Vec<u64> = chunks.ranges().iter().cloned().flatten().collect();
    ids.sort_by_cached_key(|id| mixed(seed, *id));
    ids.truncate(options.queries);
    ids.into_iter().map(ChunkId).collect()
}

/// A number that looks drawn: the finaliser of `SplitMix64`.
fn mixed(seed: u64, id: u64) -> u64 {
    let mut z = id.wrapping_add(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cold]
fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted while comparing the backends")
        .with_hint("the same command begins the comparison anew")
}
