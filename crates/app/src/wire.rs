//! What is printed with `--format json`: a promise to programs.
//!
//! Fields are only ever added. `docs/reference/json.md` describes them.

pub(crate) mod profile;
pub(crate) mod ranking;
pub(crate) mod timeline;
pub(crate) mod transfer;
pub(crate) mod tune;

use std::collections::BTreeMap;

use ragged::{
    library::{self, AddReport, BatchResponse, Hit, HitTaste, SearchRequest, SearchResponse, Skip},
    memory,
    ranking::TimePart,
    retrieval::{Estimate, SearchTimings},
    store::CollectionRow,
};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) data_dir: String,
    pub(crate) documents: u64,
    pub(crate) files: u64,
    pub(crate) chunks: u64,
    pub(crate) unreadable_files: u64,
    pub(crate) collections: u64,
    pub(crate) text_bytes: u64,
    pub(crate) store_bytes: StoreBytes,
    pub(crate) model: String,
    pub(crate) dims: usize,
    pub(crate) backend: &'static str,
    pub(crate) vectors: Vectors,
    pub(crate) generation: u64,
    pub(crate) indexes_current: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct StoreBytes {
    pub(crate) total: u64,
    pub(crate) library: u64,
    pub(crate) lexical: u64,
    pub(crate) vectors: u64,
}

impl From<library::StoreBytes> for StoreBytes {
    fn from(bytes: library::StoreBytes) -> Self {
        let library::StoreBytes { total, library, lexical, vectors } = bytes;
        Self { total, library, lexical, vectors }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Vectors {
    pub(crate) count: u64,
    pub(crate) tombstones: u64,
    pub(crate) segments: u64,
    pub(crate) disk_bytes: u64,
    /// Bytes on disk for each vector that can be found, headers included.
    pub(crate) bytes_per_vector: Option<f64>,
}

impl From<library::Status> for Status {
    fn from(status: library::Status) -> Self {
        let vectors = status.vectors;
        Self {
            data_dir: String::new(),
            documents: status.counts.documents,
            files: status.counts.files,
            chunks: status.counts.chunks,
            unreadable_files: status.counts.unreadable_files,
            collections: status.collections,
            text_bytes: status.counts.text_bytes,
            store_bytes: status.bytes.into(),
            model: status.model,
            dims: status.dims,
            backend: status.backend.as_str(),
            vectors: Vectors {
                count: vectors.vectors,
                tombstones: vectors.tombstones,
                segments: vectors.segments,
                disk_bytes: vectors.disk_bytes,
                bytes_per_vector: (vectors.vectors > 0)
                    .then(|| vectors.disk_bytes as f64 / vectors.vectors as f64),
            },
            generation: status.generation.0,
            indexes_current: status.is_level,
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Add {
    pub(crate) added: u64,
    pub(crate) changed: u64,
    pub(crate) unchanged: u64,
    pub(crate) moved: u64,
    pub(crate) duplicates: u64,
    pub(crate) reassigned: u64,
    pub(crate) created_collection: bool,
    pub(crate) pruned: u64,
    pub(crate) skipped: BTreeMap<&'static str, u64>,
    pub(crate) failed: Vec<Failure>,
    pub(crate) chunks: u64,
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    pub(crate) files_per_second: f64,
    pub(crate) generation: u64,
    pub(crate) interrupted: bool,
    pub(crate) dry_run: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    pub(crate) path: String,
    pub(crate) code: &'static str,
    pub(crate) reason: String,
}

impl From<&Skip> for Failure {
    fn from(skip: &Skip) -> Self {
        Self { path: skip.path.clone(), code: skip.code, reason: skip.reason.clone() }
    }
}

impl Add {
    pub(crate) fn new(report: &AddReport, dry_run: bool) -> Self {
        let seconds = report.elapsed.as_secs_f64();
        let read = report.added + report.changed + report.moved + report.duplicates;
        Self {
            added: report.added,
            changed: report.changed,
            unchanged: report.unchanged,
            moved: report.moved,
            duplicates: report.duplicates,
            reassigned: report.reassigned,
            created_collection: report.created_collection,
            pruned: report.pruned,
            skipped: report.skipped.clone(),
            failed: report.failed.iter().map(Failure::from).collect(),
            chunks: report.chunks,
            bytes: report.bytes,
            seconds,
            files_per_second: if seconds > 0.0 { read as f64 / seconds } else { 0.0 },
            generation: report.generation.0,
            interrupted: report.interrupted,
            dry_run,
        }
    }
}

/// What `watch` did at one time.
#[derive(Debug, Serialize)]
pub(crate) struct Batch {
    pub(crate) cause: &'static str,
    pub(crate) added: u64,
    pub(crate) changed: u64,
    pub(crate) unchanged: u64,
    pub(crate) moved: u64,
    pub(crate) duplicates: u64,
    pub(crate) removed: u64,
    pub(crate) failed: Vec<Failure>,
    pub(crate) chunks: u64,
    pub(crate) seconds: f64,
    pub(crate) generation: u64,
    pub(crate) watched_folders: usize,
}

impl Batch {
    pub(crate) fn new(report: &AddReport, cause: &'static str, watched_folders: usize) -> Self {
        Self {
            cause,
            added: report.added,
            changed: report.changed,
            unchanged: report.unchanged,
            moved: report.moved,
            duplicates: report.duplicates,
            removed: report.pruned,
            failed: report.failed.iter().map(Failure::from).collect(),
            chunks: report.chunks,
            seconds: report.elapsed.as_secs_f64(),
            generation: report.generation.0,
            watched_folders,
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Search {
    pub(crate) query: String,
    /// Whether the indexes reflect all that the library holds.
    pub(crate) indexes_current: bool,
    pub(crate) hits: Vec<WireHit>,
    pub(crate) timings_ms: Timings,
    pub(crate) plan: WirePlan,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<QuestionTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory: Option<AskedWith>,
    /// With `--profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<profile::Question>,
}

/// How the time in a question was read.
#[derive(Debug, Serialize)]
pub(crate) struct QuestionTime {
    pub(crate) words: String,
    /// The question as it was searched for.
    pub(crate) searched: String,
    /// `document`, `interaction`, `fact`, `recent` or `old`.
    pub(crate) about: &'static str,
    /// `filter`, `favour` or `none`.
    pub(crate) effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// Who asked, and whether that was recorded.
#[derive(Debug, Serialize)]
pub(crate) struct AskedWith {
    pub(crate) persona: String,
    /// `on`, `off`, `paused`, or `not-used`.
    pub(crate) state: &'static str,
    /// The interaction that was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interaction: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct WireHit {
    pub(crate) rank: usize,
    pub(crate) score: f32,
    /// By how well it matches alone, without a profile and without a favoured time.
    pub(crate) base_rank: usize,
    pub(crate) document: WireDocument,
    pub(crate) chunk: WireChunk,
    pub(crate) text: String,
    pub(crate) highlights: Vec<[usize; 2]>,
    pub(crate) parts: Parts,
}

#[derive(Debug, Serialize)]
pub(crate) struct WireDocument {
    pub(crate) id: u64,
    pub(crate) path: String,
    pub(crate) also_at: Vec<String>,
    #[serde(rename = "type")]
    pub(crate) format: &'static str,
    pub(crate) title: Option<String>,
    /// Of the file at `path`.
    pub(crate) collection: String,
    /// When the document is from, as the file at `path` holds it, as precisely as was said.
    pub(crate) dated: String,
    /// Who says so.
    pub(crate) dated_by: &'static str,
}

#[derive(Debug, Serialize)]
pub(crate) struct WireChunk {
    pub(crate) id: u64,
    pub(crate) ordinal: u64,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) lines: Option<[u32; 2]>,
    pub(crate) pages: Option<[u32; 2]>,
    pub(crate) heading: String,
    pub(crate) merged: Vec<u64>,
}

/// `vector + lexical` is the score, where neither `personal` nor `time` is there.
#[derive(Debug, Serialize)]
pub(crate) struct Parts {
    pub(crate) vector: f32,
    pub(crate) lexical: f32,
    /// The cosine, where the vector side found the chunk.
    pub(crate) cosine: Option<f32>,
    /// Whether that cosine is exact rather than estimated from the codes.
    pub(crate) cosine_exact: Option<bool>,
    /// The BM25 score, where the lexical side found the chunk.
    pub(crate) bm25: Option<f32>,
    /// What a profile adds.
    pub(crate) personal: Option<WireTaste>,
    /// What the document's time adds, where one was favoured.
    pub(crate) time: Option<WireTime>,
}

/// What ends in `_part` is in points of the score.
#[derive(Debug, Serialize)]
pub(crate) struct WireTaste {
    pub(crate) base_part: f32,
    pub(crate) topic: f32,
    pub(crate) topic_part: f32,
    pub(crate) history: f32,
    pub(crate) history_part: f32,
    pub(crate) co_occurrence: f32,
    pub(crate) co_occurrence_part: f32,
    pub(crate) topics: Vec<WireTopicPart>,
}

#[derive(Debug, Serialize)]
pub(crate) struct WireTopicPart {
    pub(crate) name: String,
    pub(crate) part: f32,
}

#[derive(Debug, Serialize)]
pub(crate) struct WireTime {
    pub(crate) favour: &'static str,
    pub(crate) weight: f32,
    pub(crate) closeness: f32,
    pub(crate) part: f32,
    /// Unix time in milliseconds.
    pub(crate) document_ms: Option<i64>,
}

impl From<&HitTaste> for WireTaste {
    fn from(taste: &HitTaste) -> Self {
        Self {
            base_part: taste.base_part,
            topic: taste.topic,
            topic_part: taste.topic_part,
            history: taste.history,
            history_part: taste.history_part,
            co_occurrence: taste.co_occurrence,
            co_occurrence_part: taste.co_occurrence_part,
            topics: taste
                .topics
                .iter()
                .map(|(name, part)| WireTopicPart { name: name.clone(), part: *part })
                .collect(),
        }
    }
}

impl From<&TimePart> for WireTime {
    fn from(time: &TimePart) -> Self {
        Self {
            favour: time.favour.as_str(),
            weight: time.weight,
            closeness: time.closeness,
            part: time.weight * time.closeness,
            document_ms: time.document_ms,
        }
    }
}

impl From<&Hit> for WireHit {
    fn from(hit: &Hit) -> Self {
        let place = &hit.chunk.place;
        let dated = hit.dated();
        Self {
            rank: hit.rank,
            score: hit.score,
            base_rank: hit.base_rank,
            document: WireDocument {
                id: hit.document.id.0,
                path: hit.path().to_owned(),
                also_at: hit.files.iter().skip(1).map(|file| file.path.clone()).collect(),
                format: hit.document.format.as_str(),
                title: hit.document.title.clone(),
                collection: hit.collection().map_or_else(String::new, ToString::to_string),
                dated: dated.shown(),
                dated_by: dated.by.as_str(),
            },
            chunk: WireChunk {
                id: place.id.0,
                ordinal: hit.chunk.ordinal,
                start: place.span.start,
                end: place.span.end,
                lines: hit
                    .document
                    .format
                    .keeps_source_lines()
                    .then_some([place.lines.0, place.lines.1]),
                pages: place.pages.map(|pages| [pages.0, pages.1]),
                heading: place.heading.clone(),
                merged: hit.merged.iter().map(|chunk| chunk.0).collect(),
            },
            text: hit.text.to_string(),
            highlights: hit.highlights.iter().map(|range| [range.start, range.end]).collect(),
            parts: Parts {
                vector: hit.fused.vector_part,
                lexical: hit.fused.lexical_part,
                cosine: hit.fused.vector.map(|candidate| candidate.score),
                cosine_exact: hit.fused.vector.map(|candidate| candidate.exact),
                bm25: hit.fused.lexical.map(|candidate| candidate.score),
                personal: hit.personal.as_ref().map(WireTaste::from),
                time: hit.time.as_ref().map(WireTime::from),
            },
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Timings {
    pub(crate) filter: f64,
    pub(crate) embed: f64,
    pub(crate) vector: f64,
    pub(crate) lexical: f64,
    pub(crate) fuse: f64,
    pub(crate) personal: f64,
    pub(crate) hydrate: f64,
    pub(crate) answer: f64,
    pub(crate) total: f64,
}

impl From<SearchTimings> for Timings {
    fn from(timings: SearchTimings) -> Self {
        let SearchTimings {
            filter,
            embed,
            vector,
            lexical,
            fuse,
            personal,
            hydrate,
            answer,
            total,
        } = timings;
        Self { filter, embed, vector, lexical, fuse, personal, hydrate, answer, total }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct WirePlan {
    pub(crate) mode: &'static str,
    pub(crate) backend: &'static str,
    pub(crate) strategy: &'static str,
    pub(crate) k: usize,
    pub(crate) candidates: usize,
    pub(crate) vector_weight: f32,
    pub(crate) allowed_chunks: Option<u64>,
    /// What a profile was allowed to do, where one was asked and could change anything.
    pub(crate) personal: Option<WirePersonalPlan>,
    /// Whether the answer was in memory; the counts are then those of the first time.
    pub(crate) from_cache: bool,
    /// What each way of searching vectors was expected to cost, cheapest first.
    pub(crate) estimates: Vec<WireEstimate>,
    pub(crate) counts: Counts,
}

#[derive(Debug, Serialize)]
pub(crate) struct WirePersonalPlan {
    pub(crate) persona: String,
    /// The share of the personal part in a score.
    pub(crate) alpha: f32,
    /// Candidates that were free to change places.
    pub(crate) candidates: usize,
    /// Interests that were looked at.
    pub(crate) interests: usize,
}

#[derive(Debug, Serialize)]
pub(crate) struct WireEstimate {
    pub(crate) strategy: &'static str,
    pub(crate) microseconds: f64,
    pub(crate) scanned_codes: u64,
    pub(crate) refined_codes: u64,
    pub(crate) visited_codes: u64,
    pub(crate) recomputed_embeddings: u64,
    pub(crate) cached_vectors: u64,
}

impl From<&Estimate> for WireEstimate {
    fn from(estimate: &Estimate) -> Self {
        let counts = estimate.counts;
        Self {
            strategy: estimate.strategy.as_str(),
            microseconds: estimate.us,
            scanned_codes: counts.scanned,
            refined_codes: counts.refined,
            visited_codes: counts.visited,
            recomputed_embeddings: counts.recomputed,
            cached_vectors: counts.cached,
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Counts {
    pub(crate) scanned_codes: u64,
    pub(crate) refined_codes: u64,
    pub(crate) visited_codes: u64,
    pub(crate) recomputed_embeddings: u64,
    pub(crate) cached_vectors: u64,
    pub(crate) vector_candidates: u64,
    pub(crate) lexical_candidates: u64,
    pub(crate) hydrated_chunks: u64,
}

impl WirePlan {
    pub(crate) fn new(response: &SearchResponse) -> Self {
        let (plan, counts) = (&response.plan, response.counts);
        Self {
            mode: plan.mode.as_str(),
            backend: plan.backend.as_str(),
            strategy: plan.vector.strategy.as_str(),
            k: plan.k,
            candidates: plan.candidates,
            vector_weight: plan.vector_weight,
            allowed_chunks: plan.allowed_chunks,
            personal: response.personal.as_ref().map(|personal| WirePersonalPlan {
                persona: personal.persona.clone(),
                alpha: personal.alpha,
                candidates: personal.candidates,
                interests: personal.interests,
            }),
            from_cache: response.from_cache,
            estimates: plan.vector.estimates.iter().map(WireEstimate::from).collect(),
            counts: Counts {
                scanned_codes: counts.scanned_codes,
                refined_codes: counts.refined_codes,
                visited_codes: counts.visited_codes,
                recomputed_embeddings: counts.recomputed_embeddings,
                cached_vectors: counts.cached_vectors,
                vector_candidates: counts.vector_candidates,
                lexical_candidates: counts.lexical_candidates,
                hydrated_chunks: counts.hydrated_chunks,
            },
        }
    }
}

impl Search {
    pub(crate) fn new(query: &str, response: &SearchResponse) -> Self {
        Self {
            query: query.to_owned(),
            indexes_current: response.is_level,
            hits: response.hits.iter().map(WireHit::from).collect(),
            timings_ms: response.timings.into(),
            plan: WirePlan::new(response),
            time: None,
            memory: None,
            profile: None,
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct SearchBatch {
    /// In the order of the queries.
    pub(crate) searches: Vec<Search>,
    pub(crate) batch: BatchWork,
}

#[derive(Debug, Serialize)]
pub(crate) struct BatchWork {
    pub(crate) total_ms: f64,
    pub(crate) threads: u64,
    pub(crate) groups: u64,
    pub(crate) from_cache: u64,
    pub(crate) repeated: u64,
    pub(crate) recomputed_embeddings: u64,
    /// What the queries would have recomputed one by one.
    pub(crate) recomputed_alone: u64,
}

impl SearchBatch {
    pub(crate) fn new(requests: &[SearchRequest], batch: &BatchResponse) -> Self {
        let counts = batch.counts;
        let searches = requests.iter().zip(&batch.responses);
        Self {
            searches: searches
                .map(|(request, response)| Search::new(&request.query, response))
                .collect(),
            batch: BatchWork {
                total_ms: batch.total_ms,
                threads: counts.threads,
                groups: counts.groups,
                from_cache: counts.from_cache,
                repeated: counts.repeated,
                recomputed_embeddings: counts.recomputed_embeddings,
                recomputed_alone: counts.recomputed_alone,
            },
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Time {
    pub(crate) expression: String,
    /// `date`, `daterange`, `datetime` or `datetimerange`.
    pub(crate) kind: &'static str,
    /// RFC 3339 in the time zone; absent where it has no beginning.
    pub(crate) start: Option<String>,
    /// The first moment after it, likewise.
    pub(crate) end: Option<String>,
    pub(crate) start_ms: Option<i64>,
    pub(crate) end_ms: Option<i64>,
    pub(crate) now: String,
    pub(crate) zone: String,
    pub(crate) reading: &'static str,
}

#[derive(Debug, Serialize)]
pub(crate) struct Probe {
    pub(crate) queries: usize,
    pub(crate) kept: bool,
    /// What steps cost on this machine, in nanoseconds.
    pub(crate) costs_ns: BTreeMap<&'static str, f64>,
    /// How much work searches of this library make.
    pub(crate) work: BTreeMap<&'static str, f64>,
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the field is what the program was asked")]
pub(crate) struct Query {
    pub(crate) query: String,
    /// Empty when nothing relevant was found.
    pub(crate) answer: String,
    pub(crate) found: bool,
    /// `extractive`, or the generating model.
    pub(crate) generator: String,
    /// Whether the indexes reflect all that the library holds.
    pub(crate) indexes_current: bool,
    /// Why the configured generator was not used, if so.
    pub(crate) note: Option<String>,
    pub(crate) citations: Vec<Citation>,
    pub(crate) hits: Vec<WireHit>,
    pub(crate) timings_ms: Timings,
    pub(crate) plan: WirePlan,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<QuestionTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory: Option<AskedWith>,
    /// What the persona noted that is true at the time asked about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) facts: Vec<Fact>,
    /// With `--profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<profile::Question>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Citation {
    pub(crate) n: usize,
    pub(crate) path: String,
    pub(crate) page: Option<u32>,
    pub(crate) lines: Option<[u32; 2]>,
    pub(crate) heading: String,
    pub(crate) quote: String,
}

/// A passage that `chat` opened.
#[derive(Debug, Serialize)]
pub(crate) struct Opened {
    pub(crate) n: usize,
    pub(crate) path: String,
    pub(crate) document: u64,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) passage: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct ListedFile {
    pub(crate) path: String,
    pub(crate) document: u64,
    #[serde(rename = "type")]
    pub(crate) format: &'static str,
    pub(crate) language: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) chunks: u32,
    pub(crate) size_bytes: u64,
    pub(crate) modified: String,
    pub(crate) collection: String,
    pub(crate) dated: String,
    pub(crate) dated_by: &'static str,
}

#[derive(Debug, Serialize)]
pub(crate) struct Unreadable {
    pub(crate) path: String,
    pub(crate) reason: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Document {
    pub(crate) id: u64,
    pub(crate) paths: Vec<String>,
    pub(crate) collections: Vec<String>,
    #[serde(rename = "type")]
    pub(crate) format: &'static str,
    pub(crate) language: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) pages: Option<u32>,
    pub(crate) text_bytes: u64,
    pub(crate) added: String,
    pub(crate) dated: String,
    pub(crate) dated_by: &'static str,
    /// When it was made and changed, as it says itself.
    pub(crate) own_created: Option<String>,
    pub(crate) own_modified: Option<String>,
    pub(crate) content_hash: String,
    pub(crate) n_chunks: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chunks: Option<Vec<DocumentChunk>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct DocumentChunk {
    pub(crate) id: u64,
    pub(crate) ordinal: u64,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) lines: [u32; 2],
    pub(crate) pages: Option<[u32; 2]>,
    pub(crate) heading: String,
    pub(crate) text: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Eval {
    pub(crate) dataset: String,
    pub(crate) collection: Option<String>,
    pub(crate) mode: &'static str,
    pub(crate) model: String,
    pub(crate) documents: usize,
    pub(crate) chunks: u64,
    pub(crate) queries: usize,
    pub(crate) judged: bool,
    pub(crate) ndcg_at_10: Option<f64>,
    pub(crate) recall_at_10: Option<f64>,
    pub(crate) recall_at_100: Option<f64>,
    pub(crate) mrr_at_10: Option<f64>,
    pub(crate) any_at_5: Option<f64>,
    pub(crate) latency_ms: Latency,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recall_vs_exact_at_10: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recomputed_per_query: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) sound: bool,
    pub(crate) documents: u64,
    pub(crate) chunks: u64,
    pub(crate) damage: Vec<Damage>,
    pub(crate) derived: Vec<String>,
    pub(crate) removed: Vec<String>,
    pub(crate) rebuilt: bool,
    /// What `--repair` could not mend.
    pub(crate) remaining: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Damage {
    pub(crate) what: String,
    pub(crate) document: Option<u64>,
    pub(crate) paths: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Collection {
    pub(crate) name: String,
    pub(crate) files: u64,
    pub(crate) documents: u64,
    pub(crate) chunks: u64,
    pub(crate) text_bytes: u64,
}

impl From<&CollectionRow> for Collection {
    fn from(row: &CollectionRow) -> Self {
        let CollectionRow { name, files, documents, chunks, text_bytes } = row;
        Self {
            name: name.to_string(),
            files: *files,
            documents: *documents,
            chunks: *chunks,
            text_bytes: *text_bytes,
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) dims: Option<usize>,
    pub(crate) in_use: bool,
    pub(crate) bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Backend {
    pub(crate) name: &'static str,
    pub(crate) active: bool,
    /// `null` where finding out would have used the network.
    pub(crate) available: Option<bool>,
    /// Why it is not available, or was not asked.
    pub(crate) reason: Option<String>,
    pub(crate) location: String,
    pub(crate) holds: Option<Holding>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Holding {
    pub(crate) vectors: u64,
    pub(crate) tombstones: u64,
    pub(crate) segments: u64,
    pub(crate) disk_bytes: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) generation: u64,
    pub(crate) current: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct BackendStatus {
    #[serde(flatten)]
    pub(crate) backend: Backend,
    pub(crate) origin: String,
    pub(crate) healthy: bool,
    pub(crate) problems: Vec<String>,
    pub(crate) library_generation: u64,
    pub(crate) platform: String,
    pub(crate) last_migration: Option<LastMigration>,
    pub(crate) unfinished_migration: Option<UnfinishedMigration>,
}

#[derive(Debug, Serialize)]
pub(crate) struct LastMigration {
    pub(crate) source: &'static str,
    pub(crate) target: &'static str,
    pub(crate) ended: String,
    pub(crate) chunks: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct UnfinishedMigration {
    pub(crate) source: &'static str,
    pub(crate) target: &'static str,
    pub(crate) started: String,
    pub(crate) step: &'static str,
    pub(crate) documents_done: u64,
    pub(crate) documents: u64,
    pub(crate) checkpoint: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct BackendComparison {
    pub(crate) documents: u64,
    pub(crate) chunks: u64,
    pub(crate) backends: Vec<BackendSizes>,
}

/// Bytes; `null` where they cannot be measured from here.
#[derive(Debug, Serialize)]
pub(crate) struct BackendSizes {
    pub(crate) name: &'static str,
    pub(crate) vectors: u64,
    pub(crate) text_bytes: u64,
    pub(crate) words_bytes: u64,
    pub(crate) vector_bytes: Option<u64>,
    /// The vectors themselves at full precision: an engine that keeps them cannot take less.
    pub(crate) vector_bytes_at_least: u64,
    /// `disk`, `memory` or `server`.
    pub(crate) vectors_in: &'static str,
    /// On this machine's disk and, of vectors, wherever they are.
    pub(crate) total_bytes: Option<u64>,
    pub(crate) bytes_per_document: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Recommendation {
    pub(crate) backend: &'static str,
    pub(crate) active: &'static str,
    pub(crate) reasons: Vec<String>,
    /// When another backend is the better choice.
    pub(crate) otherwise: Vec<String>,
    /// Whether it stays within `--max-storage`.
    pub(crate) fits: Option<bool>,
}

#[derive(Debug, Serialize)]
pub(crate) struct MigrationPlan {
    pub(crate) source: &'static str,
    pub(crate) target: &'static str,
    pub(crate) target_location: String,
    pub(crate) documents: u64,
    pub(crate) chunks: u64,
    pub(crate) chunks_to_fill: u64,
    pub(crate) backup_bytes: u64,
    pub(crate) only_switch: bool,
    pub(crate) unfinished: bool,
    pub(crate) dry_run: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Migration {
    pub(crate) source: &'static str,
    pub(crate) target: &'static str,
    /// False where the target was in use already.
    pub(crate) switched: bool,
    pub(crate) resumed: bool,
    pub(crate) only_switch: bool,
    pub(crate) documents: u64,
    pub(crate) chunks: u64,
    pub(crate) documents_filled: u64,
    pub(crate) chunks_filled: u64,
    pub(crate) documents_per_second: Option<f64>,
    pub(crate) seconds: f64,
    pub(crate) verification: Option<Verification>,
    pub(crate) backup: Option<Backup>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Verification {
    pub(crate) agree: bool,
    pub(crate) problems: Vec<String>,
    pub(crate) chunks: u64,
    pub(crate) vectors: [u64; 2],
    pub(crate) sampled: u64,
    pub(crate) mismatched: u64,
    pub(crate) lowest_score: Option<f32>,
    pub(crate) queries: u64,
    pub(crate) overlap_at_10: Option<f64>,
    pub(crate) seconds: f64,
}

impl From<&library::Verification> for Verification {
    fn from(found: &library::Verification) -> Self {
        Self {
            agree: found.agrees(),
            problems: found.problems.clone(),
            chunks: found.chunks,
            vectors: found.vectors,
            sampled: found.sampled,
            mismatched: found.n_mismatched,
            lowest_score: found.lowest_score,
            queries: found.queries,
            overlap_at_10: found.overlap,
            seconds: found.elapsed.as_secs_f64(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Backup {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) created: String,
    pub(crate) source: &'static str,
    pub(crate) target: &'static str,
    pub(crate) generation: u64,
    pub(crate) has_vectors: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct CleanedBackups {
    pub(crate) removed: Vec<Backup>,
    pub(crate) kept: Vec<Backup>,
    pub(crate) dry_run: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Rollback {
    pub(crate) backup: Backup,
    pub(crate) restored: &'static str,
    pub(crate) left: &'static str,
    pub(crate) files_restored: bool,
    pub(crate) note: Option<String>,
    pub(crate) vectors: u64,
    pub(crate) seconds: f64,
    /// False without `--confirm`: nothing was changed.
    pub(crate) done: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    pub(crate) value: String,
    pub(crate) origin: String,
}

/// The settings in force for a persona.
#[derive(Debug, Serialize)]
pub(crate) struct PersonaSettings {
    pub(crate) persona: String,
    pub(crate) settings: Vec<Setting>,
}

/// What `memory backup` wrote.
#[derive(Debug, Serialize)]
pub(crate) struct MemoryBackup {
    pub(crate) file: String,
    pub(crate) personas: u64,
    pub(crate) bytes: u64,
    /// How the key in it is protected, or `not-included`.
    pub(crate) key: &'static str,
}

/// A persona.
#[derive(Debug, Serialize)]
pub(crate) struct Persona {
    pub(crate) name: String,
    pub(crate) active: bool,
    pub(crate) recording: &'static str,
    pub(crate) learning: bool,
    pub(crate) personalised: bool,
    pub(crate) description: String,
    pub(crate) focus_areas: Vec<String>,
    pub(crate) active_projects: Vec<String>,
    pub(crate) collections: Vec<String>,
    pub(crate) response_style: &'static str,
    pub(crate) detail_level: &'static str,
    pub(crate) citation_style: &'static str,
    pub(crate) created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_used: Option<String>,
    pub(crate) usage_count: u64,
}

impl From<&memory::Persona> for Persona {
    fn from(persona: &memory::Persona) -> Self {
        let draft = &persona.draft;
        Self {
            name: persona.name.as_str().to_owned(),
            active: persona.is_active,
            recording: persona.recording.as_str(),
            learning: persona.is_learning,
            personalised: persona.is_personalised,
            description: draft.description.clone(),
            focus_areas: draft.focus_areas.clone(),
            active_projects: draft.active_projects.clone(),
            collections: draft.collections.iter().map(|name| name.as_str().to_owned()).collect(),
            response_style: draft.response_style.as_str(),
            detail_level: draft.detail_level.as_str(),
            citation_style: draft.citation_style.as_str(),
            created_at: moment(persona.created_ms),
            last_used: persona.last_used_ms.map(moment),
            usage_count: persona.usage_count,
        }
    }
}

/// What a persona asked.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON")]
pub(crate) struct Interactions {
    pub(crate) persona: String,
    pub(crate) recording: &'static str,
    /// Those that fit, shown or not.
    pub(crate) total: u64,
    pub(crate) interactions: Vec<Interaction>,
}

/// A question that was recorded.
#[derive(Debug, Serialize)]
pub(crate) struct Interaction {
    pub(crate) id: String,
    pub(crate) persona: String,
    pub(crate) query: String,
    pub(crate) response: Option<String>,
    pub(crate) timestamp: String,
    pub(crate) session_id: String,
    pub(crate) feedback: Option<&'static str>,
    pub(crate) correction: Option<String>,
    pub(crate) kind: &'static str,
    pub(crate) model_used: Option<String>,
    pub(crate) latency_ms: Option<f64>,
    pub(crate) learned: bool,
    pub(crate) topics: Vec<InteractionTopic>,
    pub(crate) documents: Vec<InteractionDocument>,
    pub(crate) metadata: Option<serde_json::Value>,
}

#[derive(Debug, Serialize)]
pub(crate) struct InteractionTopic {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) score: f32,
    pub(crate) source: &'static str,
}

#[derive(Debug, Serialize)]
pub(crate) struct InteractionDocument {
    pub(crate) rank: u32,
    pub(crate) path: String,
    pub(crate) title: Option<String>,
    pub(crate) score: f32,
    pub(crate) cited: bool,
}

/// The word for where a topic was met.
pub(crate) fn topic_source(source: memory::TopicSource) -> &'static str {
    match source {
        memory::TopicSource::Query => "query",
        memory::TopicSource::Document => "document",
    }
}

impl From<&memory::Interaction> for Interaction {
    fn from(known: &memory::Interaction) -> Self {
        Self {
            id: known.id.clone(),
            persona: known.persona.clone(),
            query: known.query.clone(),
            response: known.response.clone(),
            timestamp: moment(known.timestamp_ms),
            session_id: known.session_id.clone(),
            feedback: known.feedback.map(memory::Feedback::as_str),
            correction: known.correction.clone(),
            kind: known.kind.as_str(),
            model_used: known.model_used.clone(),
            latency_ms: known.latency_ms,
            learned: known.is_learned,
            topics: known
                .topics
                .iter()
                .map(|topic| InteractionTopic {
                    key: topic.key.clone(),
                    name: topic.name.clone(),
                    score: topic.score,
                    source: topic_source(topic.source),
                })
                .collect(),
            documents: known
                .documents
                .iter()
                .map(|document| InteractionDocument {
                    rank: document.rank,
                    path: document.path.clone(),
                    title: document.title.clone(),
                    score: document.score,
                    cited: document.is_cited,
                })
                .collect(),
            metadata: known.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok()),
        }
    }
}

/// How much a persona remembers.
#[derive(Debug, Serialize)]
pub(crate) struct MemoryStats {
    pub(crate) persona: String,
    pub(crate) recording: &'static str,
    pub(crate) learning: bool,
    pub(crate) interactions: u64,
    pub(crate) sessions: u64,
    pub(crate) with_feedback: u64,
    pub(crate) topics: u64,
    pub(crate) documents: u64,
    pub(crate) facts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<String>,
}

impl MemoryStats {
    pub(crate) fn new(persona: &memory::Persona, counts: &memory::MemoryCounts) -> Self {
        Self {
            persona: persona.name.as_str().to_owned(),
            recording: persona.recording.as_str(),
            learning: persona.is_learning,
            interactions: counts.interactions,
            sessions: counts.sessions,
            with_feedback: counts.with_feedback,
            topics: counts.topics,
            documents: counts.documents,
            facts: counts.facts,
            first: counts.first_ms.map(moment),
            last: counts.last_ms.map(moment),
        }
    }
}

/// Unix milliseconds to the millisecond, UTC; outside of the calendar its first or last moment.
pub(crate) fn moment(ms: i64) -> String {
    within_calendar(ms).to_string()
}

/// A moment, or the end of the calendar that is nearer to it.
pub(crate) fn within_calendar(ms: i64) -> jiff::Timestamp {
    let end = if ms < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_millisecond(ms).unwrap_or(end)
}

/// What a persona cares about.
#[derive(Debug, Serialize)]
pub(crate) struct Profile {
    pub(crate) persona: String,
    pub(crate) personalised: bool,
    pub(crate) learning: bool,
    /// Topics known in all.
    pub(crate) topics: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<String>,
    pub(crate) interests: Vec<Interest>,
}

/// One interest, and what it rests on.
#[derive(Debug, Serialize)]
pub(crate) struct Interest {
    pub(crate) rank: usize,
    pub(crate) topic: String,
    pub(crate) key: String,
    /// `learned`, `owner` or `focus`.
    pub(crate) origin: &'static str,
    /// `high`, `medium` or `low`.
    pub(crate) level: &'static str,
    pub(crate) confidence: f64,
    pub(crate) learnt: f64,
    pub(crate) frequency: f64,
    pub(crate) recency: f64,
    pub(crate) consistency: f64,
    pub(crate) depth: f64,
    pub(crate) hits: u64,
    pub(crate) queries: u64,
    pub(crate) documents: u64,
    /// Left out where it was never met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_seen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_seen: Option<String>,
    /// Questions that it shares with each, by name.
    pub(crate) co_occurring_topics: Vec<CoOccurringTopic>,
    pub(crate) related_documents: Vec<TopicDocument>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CoOccurringTopic {
    pub(crate) topic: String,
    pub(crate) count: u64,
}

impl Interest {
    pub(crate) fn new(
        rank: usize,
        known: &memory::TopicInterest,
        links: &memory::InterestLinks,
    ) -> Self {
        let (interest, aggregate) = (&known.interest, &known.aggregate);
        let seen = |at_ms: i64| (aggregate.n_hits > 0).then(|| moment(at_ms));
        let topics = links.topics.iter();
        Self {
            rank,
            topic: known.name.clone(),
            key: known.key.clone(),
            origin: known.origin.as_str(),
            level: interest.level.as_str(),
            confidence: interest.confidence,
            learnt: interest.learnt,
            frequency: interest.frequency,
            recency: interest.recency,
            consistency: interest.consistency,
            depth: interest.depth,
            hits: aggregate.n_hits,
            queries: aggregate.n_queries,
            documents: aggregate.n_documents,
            first_seen: seen(aggregate.first_seen_ms),
            last_seen: seen(aggregate.last_seen_ms),
            co_occurring_topics: topics
                .map(|(topic, count)| CoOccurringTopic { topic: topic.clone(), count: *count })
                .collect(),
            related_documents: links.documents.iter().map(TopicDocument::from).collect(),
        }
    }
}

/// A topic that goes with another.
#[derive(Debug, Serialize)]
pub(crate) struct RelatedTopic {
    pub(crate) topic: String,
    pub(crate) key: String,
    pub(crate) co_occurrence_count: u64,
    pub(crate) distance: usize,
    /// The key of the topic before it on the way.
    pub(crate) via: String,
}

impl From<&memory::graph::RelatedTopic> for RelatedTopic {
    fn from(known: &memory::graph::RelatedTopic) -> Self {
        Self {
            topic: known.name.clone(),
            key: known.key.clone(),
            co_occurrence_count: known.co_occurrence_count,
            distance: known.distance,
            via: known.via.clone(),
        }
    }
}

/// A topic with what it rests on.
#[derive(Debug, Serialize)]
pub(crate) struct TopicInfo {
    #[serde(flatten)]
    pub(crate) interest: Interest,
    pub(crate) related_topics: Vec<RelatedTopic>,
    pub(crate) evidence: Vec<Evidence>,
}

#[derive(Debug, Serialize)]
pub(crate) struct TopicDocument {
    pub(crate) path: String,
    pub(crate) title: Option<String>,
    pub(crate) hits: u64,
}

impl From<&memory::TopicDocument> for TopicDocument {
    fn from(known: &memory::TopicDocument) -> Self {
        Self { path: known.path.clone(), title: known.title.clone(), hits: known.n_hits }
    }
}

/// A topic that was forgotten, or would be.
#[derive(Debug, Serialize)]
pub(crate) struct ForgottenTopic {
    pub(crate) topic: String,
    /// In which it was met.
    pub(crate) interactions: u64,
    pub(crate) interactions_deleted: u64,
    pub(crate) forgotten: bool,
    /// Those that would be deleted with it, the latest of them.
    pub(crate) questions: Vec<ForgottenQuestion>,
    /// Why files may still hold it.
    pub(crate) remains: Option<String>,
}

/// An interaction that would be deleted.
#[derive(Debug, Serialize)]
pub(crate) struct ForgottenQuestion {
    pub(crate) interaction: String,
    pub(crate) timestamp: String,
    pub(crate) query: String,
}

impl From<&memory::Interaction> for ForgottenQuestion {
    fn from(found: &memory::Interaction) -> Self {
        Self {
            interaction: found.id.clone(),
            timestamp: moment(found.timestamp_ms),
            query: found.query.clone(),
        }
    }
}

/// An interaction that an interest rests on.
#[derive(Debug, Serialize)]
pub(crate) struct Evidence {
    pub(crate) interaction: String,
    pub(crate) timestamp: String,
    pub(crate) query: String,
    pub(crate) source: &'static str,
}

/// A cache of a process.
#[derive(Debug, Serialize)]
pub(crate) struct CacheLevel {
    pub(crate) name: &'static str,
    /// 0 where only bytes bound it.
    pub(crate) max_entries: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ttl_seconds: Option<u64>,
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) evictions: u64,
}

impl CacheLevel {
    pub(crate) fn new(
        name: &'static str,
        max_entries: usize,
        ttl_seconds: Option<u64>,
        stats: ragged::cache::CacheStats,
    ) -> Self {
        Self {
            name,
            max_entries,
            ttl_seconds,
            entries: stats.entries,
            bytes: stats.bytes,
            hits: stats.hits,
            misses: stats.misses,
            evictions: stats.evictions,
        }
    }
}

/// A fact in one version.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON")]
pub(crate) struct Fact {
    pub(crate) id: String,
    pub(crate) version: u32,
    #[serde(rename = "type")]
    pub(crate) fact_type: String,
    pub(crate) content: String,
    pub(crate) valid_from: String,
    pub(crate) valid_to: Option<String>,
    pub(crate) confidence: f64,
    pub(crate) source: Option<String>,
    pub(crate) known_from: String,
    pub(crate) known_to: Option<String>,
    pub(crate) reason: String,
}

impl From<&memory::Fact> for Fact {
    fn from(fact: &memory::Fact) -> Self {
        Self {
            id: fact.id.clone(),
            version: fact.version,
            fact_type: fact.fact_type.clone(),
            content: fact.content.clone(),
            valid_from: moment(fact.valid_from_ms),
            valid_to: fact.valid_to_ms.map(moment),
            confidence: fact.confidence,
            source: fact.source.clone(),
            known_from: moment(fact.known_from_ms),
            known_to: fact.known_to_ms.map(moment),
            reason: fact.reason.clone(),
        }
    }
}

/// Two facts that say different things of one time.
#[derive(Debug, Serialize)]
pub(crate) struct Contradiction {
    pub(crate) earlier: Fact,
    pub(crate) later: Fact,
}

impl From<&memory::Contradiction> for Contradiction {
    fn from(known: &memory::Contradiction) -> Self {
        Self { earlier: (&known.earlier).into(), later: (&known.later).into() }
    }
}

/// What came of adding or changing a fact.
#[derive(Debug, Serialize)]
pub(crate) struct NotedFact {
    #[serde(flatten)]
    pub(crate) written: WrittenFact,
    /// Whether a version was written.
    pub(crate) changed: bool,
}

/// A fact, and what it contradicts.
#[derive(Debug, Serialize)]
pub(crate) struct WrittenFact {
    pub(crate) fact: Fact,
    pub(crate) contradictions: Vec<Contradiction>,
}

/// What is different between two times.
#[derive(Debug, Serialize)]
pub(crate) struct FactDiff {
    pub(crate) added: Vec<Fact>,
    pub(crate) ended: Vec<Fact>,
    pub(crate) changed: Vec<FactChange>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FactChange {
    pub(crate) before: Fact,
    pub(crate) after: Fact,
}

/// What was deleted, or would be.
#[derive(Debug, Serialize)]
pub(crate) struct Erasure {
    pub(crate) persona: String,
    pub(crate) deleted: bool,
    pub(crate) counts: BTreeMap<&'static str, u64>,
    /// Why files may still hold what was deleted.
    pub(crate) remains: Option<String>,
    /// Files of chats that hold the text, or the question.
    pub(crate) chats: Vec<String>,
}

/// What `verify-erased` found.
#[derive(Debug, Serialize)]
pub(crate) struct ErasureCheck {
    pub(crate) erased: bool,
    pub(crate) forms: Vec<String>,
    pub(crate) found: Vec<Remains>,
    pub(crate) unreadable: Vec<Remains>,
    pub(crate) pages: u64,
    pub(crate) files: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Remains {
    pub(crate) place: &'static str,
    pub(crate) file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) persona: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<u32>,
    pub(crate) in_log: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<&'static str>,
}

/// What was done to a memory.
#[derive(Debug, Serialize)]
pub(crate) struct AuditLog {
    pub(crate) entries: Vec<AuditEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) whole: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) faults: Option<Vec<AuditFault>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct AuditEntry {
    pub(crate) seq: u64,
    pub(crate) timestamp: String,
    pub(crate) operation: String,
    /// `null` where it was dropped with its persona.
    pub(crate) content: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct AuditFault {
    pub(crate) seq: u64,
    pub(crate) why: &'static str,
}

/// The key of a memory, and what was done to it.
#[derive(Debug, Serialize)]
pub(crate) struct MemoryKey {
    pub(crate) action: &'static str,
    pub(crate) key: String,
    pub(crate) protection: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
}

/// What is kept where.
#[derive(Debug, Serialize)]
pub(crate) struct PrivacyReport {
    pub(crate) data_dir: String,
    pub(crate) key_protection: Option<&'static str>,
    pub(crate) kept: Vec<KeptPart>,
    pub(crate) personas: Vec<Consent>,
    pub(crate) pii_redaction: bool,
    pub(crate) retention_days: u32,
    pub(crate) network: &'static str,
}

#[derive(Debug, Serialize)]
pub(crate) struct KeptPart {
    pub(crate) path: &'static str,
    pub(crate) what: &'static str,
    pub(crate) protection: &'static str,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// Files and folders that others than their owner may open.
    pub(crate) open_to_others: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Consent {
    pub(crate) persona: String,
    pub(crate) recording: &'static str,
    pub(crate) learning: bool,
    pub(crate) personalised: bool,
    pub(crate) interactions: u64,
}

/// What a persona is linked to.
#[derive(Debug, Serialize)]
pub(crate) struct KnowledgeGraph {
    pub(crate) persona: String,
    pub(crate) nodes: Vec<KnowledgeNode>,
    pub(crate) edges: Vec<KnowledgeEdge>,
}

#[derive(Debug, Serialize)]
pub(crate) struct KnowledgeNode {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) attributes: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Serialize)]
pub(crate) struct KnowledgeEdge {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) kind: &'static str,
    #[serde(flatten)]
    pub(crate) attributes: serde_json::Map<String, serde_json::Value>,
}

impl KnowledgeGraph {
    pub(crate) fn new(persona: &memory::Persona, graph: &ragged::knowledge::Graph) -> Self {
        Self {
            persona: persona.name.as_str().to_owned(),
            nodes: graph
                .nodes()
                .iter()
                .map(|node| KnowledgeNode {
                    id: node.id().to_string(),
                    kind: node.id().kind().as_str(),
                    name: node.name().to_owned(),
                    attributes: attributes(node.attributes()),
                })
                .collect(),
            edges: graph
                .edges()
                .iter()
                .map(|edge| KnowledgeEdge {
                    from: edge.from.to_string(),
                    to: edge.to.to_string(),
                    kind: edge.relation.as_str(),
                    attributes: attributes(edge.relation.attributes()),
                })
                .collect(),
        }
    }
}

fn attributes(
    known: Vec<(&'static str, ragged::knowledge::Value<'_>)>,
) -> serde_json::Map<String, serde_json::Value> {
    use ragged::knowledge::Value;
    known
        .into_iter()
        .map(|(name, value)| {
            let value = match value {
                Value::Text(text) => text.into(),
                Value::Count(count) => count.into(),
                Value::Number(number) => number.into(),
                Value::Time(ms) => moment(ms).into(),
            };
            (name.to_owned(), value)
        })
        .collect()
}

/// Documents that answers drew on.
#[derive(Debug, Serialize)]
pub(crate) struct FrequentDocuments {
    pub(crate) persona: String,
    pub(crate) documents: Vec<FrequentDocument>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FrequentDocument {
    pub(crate) content_hash: String,
    pub(crate) path: String,
    pub(crate) title: Option<String>,
    pub(crate) doc_type: String,
    pub(crate) access_count: u64,
    pub(crate) first_access: String,
    pub(crate) last_access: String,
}

impl FrequentDocuments {
    pub(crate) fn new(
        persona: &memory::Persona,
        found: &[memory::graph::FrequentDocument],
    ) -> Self {
        Self {
            persona: persona.name.as_str().to_owned(),
            documents: found
                .iter()
                .map(|document| FrequentDocument {
                    content_hash: document.hex(),
                    path: document.path.clone(),
                    title: document.title.clone(),
                    doc_type: document.doc_type.clone(),
                    access_count: document.access_count,
                    first_access: moment(document.first_access_ms),
                    last_access: moment(document.last_access_ms),
                })
                .collect(),
        }
    }
}

/// A node that was forgotten, or would be.
#[derive(Debug, Serialize)]
pub(crate) struct ForgottenNode {
    pub(crate) persona: String,
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) interactions: Option<u64>,
    pub(crate) forgotten: bool,
}
