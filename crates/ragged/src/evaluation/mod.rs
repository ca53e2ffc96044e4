//! Retrieval quality on a judged set.
//!
//! Sets are in BEIR layout: `corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`,
//! `text`) and `qrels/test.tsv` (query, document, gain; a header line). A ranking of documents is
//! the ranking of their best chunks.
//!
//! [`experiment`] compares a persona's ranking with the neutral one; [`comparison`] says whether a
//! difference is more than chance, [`agreement`] how far two rankings are the same.

pub mod agreement;
pub mod comparison;
pub mod experiment;
mod measure;
mod set;

use std::{collections::BTreeSet, time::Instant};

pub use measure::{Scores, percentile, precision_at};
pub use set::{FileQuestion, JudgedSet, read_questions};

use crate::{
    collection::CollectionName,
    error::{Error, ErrorKind, Result},
    library::{Library, SearchRequest},
    retrieval::Filter,
    settings::SearchMode,
};

/// Documents ranked for each query; recall is measured up to here.
const DEPTH: usize = 100;
/// Queries run before the first is timed.
const WARM_UP_QUERIES: usize = 5;

/// How a set is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationOptions {
    /// Which sides are asked.
    pub mode: SearchMode,
    /// Only the first queries; `None` for all.
    pub max_queries: Option<usize>,
    /// The collection that is searched; `None` for all.
    pub collection: Option<CollectionName>,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Queries that count: those with judgements, or all where there are none at all.
    pub queries: usize,
    /// Means over the queries; `None` without judgements.
    pub scores: Option<Scores>,
    /// Median time of a search for ten hits, in milliseconds.
    pub latency_p50_ms: f64,
    /// 95th percentile (nearest rank) of the same.
    pub latency_p95_ms: f64,
    /// The vector index against exact search, if asked for.
    pub against_exact: Option<AgainstExact>,
}

/// The vector index against exact search with the same model, at k = 10.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AgainstExact {
    /// Share of the ten exact neighbours that the index finds, mean over the queries.
    pub recall_at_10: f64,
    /// Embeddings recomputed a query, mean.
    pub recomputed_per_query: f64,
}

/// Runs the queries of `set`, whose documents `library` holds. `progress` is told queries done
/// and queries in all, and says whether to go on.
pub fn evaluate(
    library: &Library,
    exact: Option<&Library>,
    set: &JudgedSet,
    options: &EvaluationOptions,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Evaluation> {
    let mut queries: Vec<(&str, &str)> = set.queries().collect();
    queries.truncate(options.max_queries.unwrap_or(usize::MAX));
    if queries.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "the set has no queries that count"));
    }
    let filter = Filter::new()
        .with_collections(options.collection.as_ref().map(CollectionName::as_str).as_slice())?;
    let request = |text: &str, k, mode| SearchRequest {
        k,
        mode,
        filter: filter.clone(),
        ..SearchRequest::new(text, &library.settings().search)
    };
    for (_, text) in queries.iter().take(WARM_UP_QUERIES) {
        library.search(&request(text, 10, options.mode))?;
    }

    let mut latencies = Vec::with_capacity(queries.len());
    let mut totals = Scores::default();
    let (mut recalled, mut recomputed) = (0.0, 0.0);
    for (done, (id, text)) in queries.iter().enumerate() {
        let begun = Instant::now();
        library.search(&request(text, 10, options.mode))?;
        latencies.push(begun.elapsed().as_secs_f64() * 1000.0);

        if let Some(judgements) = set.judgements(id) {
            // Several chunks of a document may be among the hits; ask for enough of them.
            let response = library.search(&request(text, DEPTH * 2, options.mode))?;
            let mut ranking: Vec<&str> = Vec::with_capacity(DEPTH);
            for hit in &response.hits {
                if !ranking.contains(&hit.path()) && ranking.len() < DEPTH {
                    ranking.push(hit.path());
                }
            }
            totals.add(&Scores::of(&ranking, judgements));
        }
        if let Some(exact) = exact {
            let found = library.search(&request(text, 10, SearchMode::Vector))?;
            let wanted = exact.search(&request(text, 10, SearchMode::Vector))?;
            let chunks = |response: &crate::library::SearchResponse| -> BTreeSet<u64> {
                response
                    .hits
                    .iter()
                    .flat_map(|hit| hit.merged.iter().map(|id| id.0).chain([hit.chunk.place.id.0]))
                    .collect()
            };
            let (found_chunks, wanted_chunks) = (chunks(&found), chunks(&wanted));
            let common = wanted_chunks.intersection(&found_chunks).count();
            recalled += common as f64 / wanted_chunks.len().max(1) as f64;
            recomputed += found.counts.recomputed_embeddings as f64;
        }
        if !progress(done as u64 + 1, queries.len() as u64) {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted while evaluating"));
        }
    }
    latencies.sort_by(f64::total_cmp);
    let n = queries.len() as f64;
    Ok(Evaluation {
        queries: queries.len(),
        scores: set.is_judged().then(|| totals.divided_by(n)),
        latency_p50_ms: percentile(&latencies, 50.0),
        latency_p95_ms: percentile(&latencies, 95.0),
        against_exact: exact.map(|_| AgainstExact {
            recall_at_10: recalled / n,
            recomputed_per_query: recomputed / n,
        }),
    })
}
