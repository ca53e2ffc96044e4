//! A question → hits.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use super::Library;
use crate::{
    backend::{Recompute, VectorRequest},
    chunk::index_text,
    error::{Context, Error, ErrorKind, Result},
    id::{ChunkId, DocumentId},
    lexical::{Language, LexicalQuery, Snapshot as LexicalSnapshot},
    ranking::{Candidate, FusedHit, Fusion, fuse},
    retrieval::{AllowedChunks, Filter, Plan, SearchCounts, SearchTimings, VectorPlan},
    settings::{SearchMode, SearchSettings, Strategy},
    store::{ChunkPlace, DocumentRow, Reader},
};

/// What is looked for.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    /// The question, in words.
    pub query: String,
    /// Hits wanted.
    pub k: usize,
    /// Which sides are asked.
    pub mode: SearchMode,
    /// Which documents may be found.
    pub filter: Filter,
    /// How vectors are searched.
    pub strategy: Strategy,
}

impl SearchRequest {
    /// A request with a library's own settings.
    pub fn new(query: impl Into<String>, settings: &SearchSettings) -> Self {
        Self {
            query: query.into(),
            k: settings.k,
            mode: settings.mode,
            filter: Filter::new(),
            strategy: settings.strategy,
        }
    }
}

/// What was found, and how.
#[derive(Clone, Debug)]
pub struct SearchResponse {
    /// The best first.
    pub hits: Vec<Hit>,
    /// What the search decided to do.
    pub plan: Plan,
    /// What it cost.
    pub counts: SearchCounts,
    /// How long it took.
    pub timings: SearchTimings,
    /// Whether the indexes reflect all that the library holds; they do not while a first `add` is
    /// under way.
    pub is_level: bool,
    /// The query's vector, where the vector side was asked.
    pub query_vector: Option<Vec<f32>>,
}

/// A passage that matches.
#[derive(Clone, Debug)]
pub struct Hit {
    /// Place in the ranking, from 1.
    pub rank: usize,
    /// The score and its parts.
    pub fused: FusedHit,
    /// Where the passage stands.
    pub chunk: MatchedChunk,
    /// Its document.
    pub document: DocumentRow,
    /// The files that hold the document, in order of path; those that the filter admits first.
    pub files: Vec<HitFile>,
    /// The passage.
    pub text: String,
    /// Bytes of the passage that match words of the query.
    pub highlights: Vec<std::ops::Range<usize>>,
    /// Chunks of the same document that overlap or repeat this one, and were found too.
    pub merged: Vec<ChunkId>,
}

impl Hit {
    /// The path to show.
    pub fn path(&self) -> &str {
        self.files.first().map_or("", |file| &file.path)
    }
}

/// Where a matching chunk stands in its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedChunk {
    /// Position among the document's chunks, from 0.
    pub ordinal: u64,
    /// Its place.
    pub place: ChunkPlace,
}

/// A file that holds a document that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HitFile {
    /// Absolute path.
    pub path: String,
    /// Time of last change, Unix time in nanoseconds.
    pub modified_ns: i64,
}

impl Library {
    /// Finds the passages that match best.
    ///
    /// Reads one state of the library; never waits for a writer. An empty query, or a library
    /// without documents, finds nothing.
    ///
    /// # Errors
    ///
    /// `Invalid` for `k` of 0; `Unavailable` where the embedding server is away and the mode
    /// needs it; `Incompatible` where the vectors are another model's.
    pub fn search(&self, request: &SearchRequest) -> Result<SearchResponse> {
        let begun = Instant::now();
        if request.k == 0 {
            return Err(Error::new(ErrorKind::Invalid, "a search for 0 hits finds nothing")
                .with_hint("ask for at least 1 with -k"));
        }
        let reader = self.store.reader()?;
        let mut timings = SearchTimings::default();
        let mut counts = SearchCounts::default();

        let allowed = timed(&mut timings.filter, || Self::allowed(&reader, &request.filter))?;
        // No more than there are: memory follows this number.
        let n_chunks = usize::try_from(self.vectors.stats().vectors).unwrap_or(usize::MAX);
        let n_chunks =
            n_chunks.max(usize::try_from(self.lexical.snapshot()?.chunk_count()).unwrap_or(0));
        let n_candidates = self.settings.search.candidates.max(request.k).min(n_chunks.max(1));
        let k = request.k.min(n_candidates);
        let is_blank = request.query.trim().is_empty();
        let is_empty = is_blank || allowed.as_ref().is_some_and(|allowed| allowed.count() == 0);

        let mut query_vector = None;
        let mut vector_plan = VectorPlan::only(request.strategy);
        let mut vector = Vec::new();
        if request.mode != SearchMode::Lexical && !is_empty {
            self.require_own_vectors()?;
            if self.vectors.generation() != reader.generation()? {
                // Another process may have written since.
                self.vectors.refresh()?;
            }
            let embedded = timed(&mut timings.embed, || {
                self.embedder.embed_query(&request.query).context_with(|| "embedding the query")
            })?;
            let hits = timed(&mut timings.vector, || {
                let from_text = FromText::new(self);
                let wanted = VectorRequest {
                    query: &embedded,
                    k,
                    n_candidates,
                    allowed: allowed.as_ref(),
                    strategy: request.strategy,
                };
                self.vectors.search(wanted, &from_text).context_with(|| "searching the vectors")
            })?;
            counts.note_vectors(&hits.counts);
            counts.vector_candidates = hits.candidates.len() as u64;
            vector_plan = hits.plan;
            vector = hits.candidates;
            query_vector = Some(embedded);
        }
        let words = self.lexical.snapshot()?;
        let query = words.query(&request.query);
        let mut lexical = Vec::new();
        if request.mode != SearchMode::Vector && !is_empty {
            lexical = timed(&mut timings.lexical, || {
                matching(&words, &query, n_candidates, allowed.as_ref())
            })?;
            counts.lexical_candidates = lexical.len() as u64;
        }
        let vector_weight = match request.mode {
            SearchMode::Hybrid => self.settings.search.vector_weight,
            SearchMode::Vector => 1.0,
            SearchMode::Lexical => 0.0,
        };
        let fused =
            timed(&mut timings.fuse, || Ok(fuse(&vector, &lexical, Fusion { vector_weight })))?;
        let hits = timed(&mut timings.hydrate, || {
            Self::hydrate(&reader, request, &fused, (&words, &query), &mut counts)
        })?;
        timings.total = milliseconds(begun);
        Ok(SearchResponse {
            is_level: self.is_level(reader.generation()?)?,
            hits,
            plan: Plan {
                mode: request.mode,
                backend: self.vectors.kind(),
                vector: vector_plan,
                k: request.k,
                candidates: n_candidates,
                vector_weight,
                allowed_chunks: allowed.map(|allowed| allowed.count()),
            },
            counts,
            timings,
            query_vector,
        })
    }

    /// The chunks that a filter admits; `None` if it admits all. O(documents).
    fn allowed(reader: &Reader<'_>, filter: &Filter) -> Result<Option<AllowedChunks>> {
        if filter.is_empty() {
            return Ok(None);
        }
        let documents: BTreeMap<DocumentId, DocumentRow> =
            reader.documents()?.into_iter().map(|document| (document.id, document)).collect();
        let admitted = reader.files()?.into_iter().filter_map(|file| {
            let document = documents.get(&file.document)?;
            filter.admits(document, &file).then_some(document.chunks)
        });
        Ok(Some(AllowedChunks::from_documents(admitted.collect::<Vec<_>>())))
    }

    /// Reads the text of the best hits, joining those that overlap or repeat each other within
    /// a document.
    fn hydrate(
        reader: &Reader<'_>,
        request: &SearchRequest,
        fused: &[FusedHit],
        (words, query): (&LexicalSnapshot, &LexicalQuery),
        counts: &mut SearchCounts,
    ) -> Result<Vec<Hit>> {
        let mut documents: BTreeMap<DocumentId, DocumentRow> = BTreeMap::new();
        let mut hits: Vec<Hit> = Vec::with_capacity(request.k.min(fused.len()));
        for candidate in fused {
            if hits.len() == request.k {
                break;
            }
            // A derived index may know chunks that this reader's state does not, and the other
            // way round.
            let Some(place) = reader.chunk(candidate.chunk)? else { continue };
            let document = if let Some(document) = documents.get(&place.document) {
                document.clone()
            } else {
                let Some(document) = reader.document(place.document)? else { continue };
                documents.insert(place.document, document.clone());
                document
            };
            let same_document = |hit: &&mut Hit| hit.document.id == document.id;
            if let Some(hit) =
                hits.iter_mut().filter(same_document).find(|hit| overlap(&hit.chunk.place, &place))
            {
                hit.merged.push(place.id);
                continue;
            }
            let text = reader.text(document.id, place.span)?;
            counts.hydrated_chunks += 1;
            if let Some(hit) = hits.iter_mut().filter(same_document).find(|hit| hit.text == text) {
                hit.merged.push(place.id);
                continue;
            }
            let mut files = reader.files_of(document.id)?;
            files.sort_by_key(|file| !request.filter.admits(&document, file));
            let language: Option<Language> =
                document.language.as_deref().and_then(|language| language.parse().ok());
            let highlights = words.highlights(query, language, &text);
            hits.push(Hit {
                rank: hits.len() + 1,
                fused: *candidate,
                chunk: MatchedChunk {
                    ordinal: place.id.0.saturating_sub(document.chunks.first.0),
                    place,
                },
                document,
                files: files
                    .into_iter()
                    .map(|file| HitFile { path: file.path, modified_ns: file.modified_ns })
                    .collect(),
                text,
                highlights,
                merged: Vec::new(),
            });
        }
        Ok(hits)
    }
}

fn matching(
    words: &LexicalSnapshot,
    query: &LexicalQuery,
    n_candidates: usize,
    allowed: Option<&AllowedChunks>,
) -> Result<Vec<Candidate>> {
    let contains = |chunk: u64| allowed.is_none_or(|allowed| allowed.contains(chunk));
    let filter: Option<&dyn Fn(u64) -> bool> =
        if allowed.is_some() { Some(&contains) } else { None };
    let found = words.search(query, n_candidates, filter).context_with(|| "searching the words")?;
    Ok(found
        .hits
        .into_iter()
        .map(|hit| Candidate { chunk: ChunkId(hit.chunk_id), score: hit.score, exact: true })
        .collect())
}

fn overlap(a: &ChunkPlace, b: &ChunkPlace) -> bool {
    a.span.start < b.span.end && b.span.start < a.span.end
}

/// Embeds chunks from their text, which never changes: a chunk is there or gone.
pub(super) struct FromText<'a> {
    library: &'a Library,
    /// Readers that no thread is using.
    idle: Mutex<Vec<Reader<'a>>>,
}

impl<'a> FromText<'a> {
    pub(super) fn new(library: &'a Library) -> Self {
        Self { library, idle: Mutex::default() }
    }
}

impl Recompute for FromText<'_> {
    fn recompute(&self, chunks: &[ChunkId], rows: &mut Vec<f32>) -> Result<()> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let reader = match taken {
            Some(reader) => reader,
            None => self.library.store.reader()?,
        };
        let dims = self.library.embedder.identity().dims;
        let mut texts = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            texts.push(index_text_of(&reader, *chunk)?);
        }
        idle().push(reader);
        let present: Vec<&str> = texts.iter().flatten().map(String::as_str).collect();
        let mut vectors = Vec::with_capacity(present.len() * dims);
        self.library.embedder.embed_passages(&present, &mut vectors)?;
        let mut vectors = vectors.chunks_exact(dims);
        for text in &texts {
            match text.as_ref().and_then(|_| vectors.next()) {
                Some(vector) => rows.extend_from_slice(vector),
                None => rows.extend(std::iter::repeat_n(f32::NAN, dims)),
            }
        }
        Ok(())
    }
}

/// The string that was embedded and indexed for a chunk; `None` if the chunk is gone.
pub(super) fn index_text_of(reader: &Reader<'_>, chunk: ChunkId) -> Result<Option<String>> {
    let Some(place) = reader.chunk(chunk)? else { return Ok(None) };
    let Some(document) = reader.document(place.document)? else { return Ok(None) };
    let text = reader.text(place.document, place.span)?;
    Ok(Some(index_text(document.title.as_deref().unwrap_or_default(), &place.heading, &text)))
}

pub(super) fn timed<T>(ms: &mut f64, step: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    let result = step();
    *ms += milliseconds(begun);
    result
}

pub(super) fn milliseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1000.0
}
