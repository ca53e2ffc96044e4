//! A question → hits.

use std::{cell::OnceCell, sync::Arc, time::Instant};

use super::{
    Library,
    hydrate::{Hydrated, Known, Order},
    passages::Passages,
    recompute::FromText,
    results::Entry,
};
use crate::{
    backend::{VectorHits, VectorRequest},
    collection::CollectionName,
    error::{Context, Error, ErrorKind, Result},
    id::{ChunkId, Generation},
    lexical::{LexicalQuery, Snapshot as LexicalSnapshot},
    ranking::{Candidate, FusedHit, Fusion, Profile, TimeFavour, TimePart, fuse},
    retrieval::{AllowedChunks, Filter, Plan, SearchCounts, SearchTimings},
    settings::{PersonalisationSettings, SearchMode, SearchSettings, Strategy},
    store::{ChunkPlace, Dated, DocumentRow, Reader},
    telemetry::{Stage, Trace},
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
    /// Documents of which time are preferred, the others not left out.
    pub favour: Option<TimeFavour>,
    /// How far the profile of who asks may move hits; `None` takes the library's settings.
    pub personalisation: Option<Arc<PersonalisationSettings>>,
    /// Takes down how long each stage took; off unless it is begun.
    pub trace: Trace,
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
            favour: None,
            personalisation: None,
            trace: Trace::default(),
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
    /// Whether the same request had been answered before in the same state of the library. Then
    /// the counts are those of the first time.
    pub from_cache: bool,
    /// The query's vector, where the vector side was asked.
    pub query_vector: Option<Vec<f32>>,
    /// What a profile was allowed to do, where one was asked and could change anything.
    pub personal: Option<PersonalPlan>,
}

/// What a profile was allowed to do in a search.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonalPlan {
    /// The name of the persona whose profile it was.
    pub persona: String,
    /// The share of the personal part in a score.
    pub alpha: f32,
    /// Candidates that were free to change places.
    pub candidates: usize,
    /// Interests that were looked at.
    pub interests: usize,
}

/// A passage that matches.
#[derive(Clone, Debug)]
pub struct Hit {
    /// Place in the ranking, from 1.
    pub rank: usize,
    /// The score that it is ranked by, from 0 to 1: the fused score, with the personal and the
    /// temporal part mixed in where there are any.
    pub score: f32,
    /// The rank that it has, or would have if more hits were asked for, by the fused score alone.
    pub base_rank: usize,
    /// How well it matches the question, and the parts of that.
    pub fused: FusedHit,
    /// What a profile adds; `None` where none was asked or it can change nothing.
    pub personal: Option<HitTaste>,
    /// What its document's time adds, where one was favoured.
    pub time: Option<TimePart>,
    /// Where the passage stands.
    pub chunk: MatchedChunk,
    /// Its document.
    pub document: Arc<DocumentRow>,
    /// The files that hold the document, in order of path; those that the filter admits first.
    pub files: Arc<[HitFile]>,
    /// The passage.
    pub text: Arc<str>,
    /// Bytes of the passage that match words of the query.
    pub highlights: Arc<[std::ops::Range<usize>]>,
    /// Chunks of the same document that overlap or repeat this one, and were found too.
    pub merged: Vec<ChunkId>,
}

/// What a profile adds to a hit's score. All that ends in `_part` is in points of that score.
#[derive(Clone, Debug, PartialEq)]
pub struct HitTaste {
    /// The fused score's share: (1 − α) times it, less what a favoured time takes of that.
    pub base_part: f32,
    /// How much the passage is about interests, from 0 to 1.
    pub topic: f32,
    /// What that gives.
    pub topic_part: f32,
    /// How lately the document was had, from 0 to 1.
    pub history: f32,
    /// What that gives.
    pub history_part: f32,
    /// How much its interests go with those of the question, from 0 to 1.
    pub co_occurrence: f32,
    /// What that gives.
    pub co_occurrence_part: f32,
    /// The interests that it is about, by name, and what each gives; they sum to `topic_part`.
    /// The most first.
    pub topics: Vec<(String, f32)>,
}

impl Hit {
    /// The path to show.
    pub fn path(&self) -> &str {
        self.files.first().map_or("", |file| &file.path)
    }

    /// When the document is from, as the file to show holds it.
    pub fn dated(&self) -> Dated {
        let (path, modified_ns) =
            self.files.first().map_or(("", 0), |file| (file.path.as_str(), file.modified_ns));
        self.document.dated(path, modified_ns)
    }

    /// The collection of the file to show.
    pub fn collection(&self) -> Option<&CollectionName> {
        self.files.first().map(|file| &file.collection)
    }
}

/// Where a matching chunk stands in its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedChunk {
    /// Position among the document's chunks, from 0.
    pub ordinal: u64,
    /// Its place.
    pub place: Arc<ChunkPlace>,
}

/// A file that holds a document that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HitFile {
    /// Absolute path.
    pub path: String,
    /// Time of last change, Unix time in nanoseconds.
    pub modified_ns: i64,
    /// The collection that it is in.
    pub collection: CollectionName,
}

impl Library {
    /// Finds the passages that match best.
    ///
    /// Reads one state of the library; never waits for a writer. An empty query, or a library
    /// without documents, finds nothing. Words and vectors are searched at once, on two threads.
    /// The same request in the same state is answered from memory, where that is allowed to be
    /// used ([`BackendSettings::cache_size`](crate::settings::BackendSettings::cache_size)).
    ///
    /// # Errors
    ///
    /// `Invalid` for `k` of 0; `NotFound` for a collection that does not exist; `Unavailable` where
    /// the embedding server is away and the mode needs it; `Incompatible` where the vectors are
    /// another model's.
    pub fn search(&self, request: &SearchRequest) -> Result<SearchResponse> {
        self.search_for(request, None)
    }

    /// [`search`](Self::search) as a persona would have it: among the best candidates, those that
    /// its profile speaks for come further up, within the bound that [`crate::ranking`] states.
    ///
    /// `None`, a profile that can change nothing, and personalisation that is not enabled give
    /// what `search` gives, to the byte. What both sides found is kept in memory without the
    /// personal part, so that asking again with another profile works out only that. What is
    /// worked out for a profile stays in memory until its revision or the library changes, or
    /// [`forget_profile`](Self::forget_profile).
    ///
    /// # Errors
    ///
    /// As [`search`](Self::search).
    pub fn search_for(
        &self,
        request: &SearchRequest,
        profile: Option<&Profile>,
    ) -> Result<SearchResponse> {
        let begun = Instant::now();
        let persona = profile.map(|profile| profile.persona.as_str());
        let profile = self.moving(request, profile);
        for _ in 1..TRIES {
            if let Some(response) =
                self.search_one_state(request, persona, profile, begun)?.settled()
            {
                return Ok(response);
            }
        }
        Ok(self.search_one_state(request, persona, profile, begun)?.response)
    }

    fn search_one_state(
        &self,
        request: &SearchRequest,
        persona: Option<&str>,
        profile: Option<&Profile>,
        begun: Instant,
    ) -> Result<Attempt> {
        let reader = self.store.reader()?;
        let generation = reader.generation()?;
        if request.mode != SearchMode::Lexical {
            self.look_at_vectors(&reader)?;
        }
        let key = self.results.key(request, persona, self.n_movable(request), generation);
        let now_ms = self.clock.now_ms();
        let mut kept = self.results.get(&key, now_ms);
        // Who asks the same at the same time waits for the first.
        let _turn = (kept.is_none() && persona.is_some()).then(|| self.results.making.turn(&key));
        if kept.is_none() && persona.is_some() {
            kept = self.results.get(&key, now_ms);
        }
        if let Some(entry) = kept {
            let words = Wording::default();
            let mut passages = Passages::of(&reader);
            let kept = self.repeat(&mut passages, request, profile, &entry, &words)?;
            if let Some((mut response, read)) = kept {
                response.timings.total = milliseconds(begun);
                let seen = words.of.get();
                let is_overtaken =
                    seen.is_some_and(|(words, _)| self.is_overtaken(generation, words));
                if let Some(read) = read.filter(|_| !is_overtaken) {
                    self.results.keep(&key, read);
                }
                return Ok(Attempt { response, is_overtaken });
            }
        }
        let mut timings = SearchTimings::default();
        let trace = &request.trace;
        let (words, wanted, query, (vector, lexical, reader)) =
            trace.time(Stage::Retrieve, || -> Result<_> {
                let words = self.lexical.snapshot()?;
                let wanted = traced((trace, Stage::Filter), &mut timings.filter, || {
                    self.wanted(&reader, &words, request)
                })?;
                let query = words.query(&request.query);
                let sides = (&words, &query);
                let found = self.both_sides(&wanted, sides, reader, generation, &mut timings)?;
                Ok((words, wanted, query, found))
            })?;
        let mut passages = Passages::of(&reader);
        let words = Wording::of(words, query);
        let (mut response, entry) =
            self.complete(&mut passages, &wanted, profile, vector, &lexical, &words, timings)?;
        response.timings.total = milliseconds(begun);
        let is_overtaken = self.is_overtaken(generation, &words.get(self, request)?.0);
        if !is_overtaken {
            self.results.keep(&key, entry);
        }
        Ok(Attempt { response, is_overtaken })
    }

    /// Asks vectors and words at once, on two threads; lends the reader to the vectors.
    pub(super) fn both_sides<'a>(
        &'a self,
        wanted: &Wanted<'_>,
        (words, query): (&LexicalSnapshot, &LexicalQuery),
        reader: Reader<'a>,
        generation: Generation,
        timings: &mut SearchTimings,
    ) -> Result<(VectorSide, Vec<Candidate>, Reader<'a>)> {
        let (vector, (lexical, lexical_ms), reader) = std::thread::scope(|scope| {
            let lexical_side = || {
                let mut ms = 0.0;
                let step = (&wanted.request.trace, Stage::Lexical);
                let found = traced(step, &mut ms, || wanted.matching(words, query));
                found.map(|found| (found, ms))
            };
            // Either alone needs no second thread.
            if !wanted.asks_vectors {
                let unasked = VectorSide::unasked(self.vectors.generation());
                return Ok((unasked, lexical_side()?, reader));
            }
            let beside = wanted.asks_words.then(|| scope.spawn(lexical_side));
            let (vector, reader) = self.vector_side(wanted, reader, generation, timings)?;
            let lexical = match beside.map(std::thread::ScopedJoinHandle::join) {
                None => (Vec::new(), 0.0),
                Some(Ok(found)) => found?,
                Some(Err(_)) => {
                    return Err(Error::new(ErrorKind::Internal, "the search for words panicked"));
                }
            };
            Ok((vector, lexical, reader))
        })?;
        timings.lexical = lexical_ms;
        Ok((vector, lexical, reader))
    }

    /// Whether an index is ahead of the state that was read: what it no longer holds may have been
    /// missed.
    pub(super) fn is_overtaken(&self, generation: Generation, words: &LexicalSnapshot) -> bool {
        words.stamp() > generation.0 || self.vectors.generation() > generation
    }

    /// Makes sure that the vectors are those that a state of the library speaks of, and takes note
    /// of what another process may have written since.
    pub(super) fn look_at_vectors(&self, reader: &Reader<'_>) -> Result<()> {
        self.require_own_vectors_in(reader)?;
        if self.vectors.generation() != reader.generation()? {
            self.vectors.refresh()?;
        }
        Ok(())
    }

    /// What a request comes down to in one state of the library.
    pub(super) fn wanted<'a>(
        &self,
        reader: &Reader<'_>,
        words: &LexicalSnapshot,
        request: &'a SearchRequest,
    ) -> Result<Wanted<'a>> {
        if request.k == 0 {
            return Err(Error::new(ErrorKind::Invalid, "a search for 0 hits finds nothing")
                .with_hint("ask for at least 1 with -k"));
        }
        let allowed = self.allowed(reader, &request.filter)?;
        // No more than there are: memory follows this number.
        let n_chunks = usize::try_from(self.vectors.stats().vectors).unwrap_or(usize::MAX);
        let n_chunks = n_chunks.max(usize::try_from(words.chunk_count()).unwrap_or(0));
        let n_candidates = self.settings.search.candidates.max(request.k).min(n_chunks.max(1));
        let is_empty = request.query.trim().is_empty()
            || allowed.as_ref().is_some_and(|allowed| allowed.count() == 0);
        let asks_vectors = request.mode != SearchMode::Lexical && !is_empty;
        Ok(Wanted {
            request,
            allowed,
            k: request.k.min(n_candidates),
            n_candidates,
            asks_vectors,
            asks_words: request.mode != SearchMode::Vector && !is_empty,
        })
    }

    /// Embeds the query and asks the vectors; lends them the reader for texts to embed anew.
    fn vector_side<'a>(
        &'a self,
        wanted: &Wanted<'_>,
        reader: Reader<'a>,
        generation: Generation,
        timings: &mut SearchTimings,
    ) -> Result<(VectorSide, Reader<'a>)> {
        let trace = &wanted.request.trace;
        let embedded = traced((trace, Stage::Embed), &mut timings.embed, || {
            self.embedder.embed_query(&wanted.request.query).context_with(|| "embedding the query")
        })?;
        let from_text = FromText::lending(self, vec![reader]).traced(trace);
        let before = self.vectors.generation();
        let found = traced((trace, Stage::Vector), &mut timings.vector, || {
            self.vectors
                .search(wanted.of_vectors(&embedded, generation), &from_text)
                .context_with(|| "searching the vectors")
        })?;
        let reader = match from_text.into_readers().pop() {
            Some(reader) => reader,
            None => self.store.reader()?,
        };
        // What was searched lies between what the vectors reflected before and what they do now.
        let at = before.min(self.vectors.generation());
        Ok((VectorSide { found, query_vector: Some(embedded), at }, reader))
    }

    /// The share of the vectors in a fused score.
    pub(super) fn vector_weight(&self, mode: SearchMode) -> f32 {
        match mode {
            SearchMode::Hybrid => self.settings.search.vector_weight,
            SearchMode::Vector => 1.0,
            SearchMode::Lexical => 0.0,
        }
    }

    /// Makes hits of what was ranked.
    fn read(
        &self,
        passages: &mut Passages<'_, '_>,
        request: &SearchRequest,
        order: &Order<'_>,
        known: &mut Known,
        words: &Wording,
        timings: &mut SearchTimings,
    ) -> Result<Hydrated> {
        let trace = &request.trace;
        trace.time(Stage::Retrieve, || {
            traced((trace, Stage::Read), &mut timings.hydrate, || {
                self.hydrate(passages, request, request.k, order, known, words)
            })
        })
    }

    /// From what both sides found to hits, and what may be kept in memory of it.
    #[expect(clippy::too_many_arguments, reason = "a step of a search, cut out for batches")]
    pub(super) fn complete(
        &self,
        passages: &mut Passages<'_, '_>,
        wanted: &Wanted<'_>,
        profile: Option<&Profile>,
        vector: VectorSide,
        lexical: &[Candidate],
        words: &Wording,
        mut timings: SearchTimings,
    ) -> Result<(SearchResponse, Entry)> {
        let request = wanted.request;
        let mut counts = SearchCounts::default();
        counts.note_vectors(&vector.found.counts);
        counts.vector_candidates = vector.found.candidates.len() as u64;
        counts.lexical_candidates = lexical.len() as u64;
        let vector_weight = self.vector_weight(request.mode);
        let rerank = (&request.trace, Stage::Rerank);
        let fused = traced(rerank, &mut timings.fuse, || {
            Ok(fuse(&vector.found.candidates, lexical, Fusion { vector_weight }))
        })?;
        // By what was searched, not by what the indexes have come to meanwhile.
        let reader = passages.reader();
        let generation = reader.generation()?;
        let stamp = words.get(self, request)?.0.stamp();
        let is_level = stamp >= generation.0
            && (vector.at >= generation || self.require_own_vectors_in(reader).is_err());
        let mut known = Known::default();
        let order =
            self.order(passages, request, profile, &fused, &mut known, words, &mut timings)?;
        let found = self.read(passages, request, &order, &mut known, words, &mut timings)?;
        counts.hydrated_chunks = found.n_texts;
        let response = SearchResponse {
            is_level,
            from_cache: false,
            hits: found.hits,
            plan: Plan {
                mode: request.mode,
                backend: self.vectors.kind(),
                vector: vector.found.plan,
                k: request.k,
                candidates: wanted.n_candidates,
                vector_weight,
                allowed_chunks: wanted.allowed.as_deref().map(AllowedChunks::count),
            },
            counts,
            timings,
            query_vector: vector.query_vector,
            personal: order.plan,
        };
        let known = known.into_read();
        let n_kept = found.n_walked.max(self.n_movable(request)).saturating_add(request.k);
        let entry = Entry::new(&response, fused, n_kept, known, self.clock.now_ms());
        Ok((response, entry))
    }

    /// The answer to a request whose candidates are in memory, and those candidates again with what
    /// had to be read besides, if anything; `None` if too few of them were kept.
    pub(super) fn repeat(
        &self,
        passages: &mut Passages<'_, '_>,
        request: &SearchRequest,
        profile: Option<&Profile>,
        entry: &Entry,
        words: &Wording,
    ) -> Result<Option<(SearchResponse, Option<Entry>)>> {
        let mut timings = SearchTimings::default();
        let mut known = Known::before(&entry.known);
        let fused = &entry.fused;
        let order =
            self.order(passages, request, profile, fused, &mut known, words, &mut timings)?;
        let found = self.read(passages, request, &order, &mut known, words, &mut timings)?;
        if found.hits.len() < request.k && !entry.is_whole {
            return Ok(None);
        }
        let mut counts = entry.counts;
        counts.hydrated_chunks = found.n_texts;
        let response = SearchResponse {
            is_level: true,
            from_cache: true,
            hits: found.hits,
            plan: entry.plan.clone(),
            counts,
            timings,
            query_vector: entry.query_vector.clone(),
            personal: order.plan,
        };
        let read = known.has_grown().then(|| entry.with(known.into_read()));
        Ok(Some((response, read)))
    }
}

/// The words of a question in one state of the index, looked up where they are not known yet.
#[derive(Debug, Default)]
pub(super) struct Wording {
    pub(super) of: OnceCell<(LexicalSnapshot, LexicalQuery)>,
}

impl Wording {
    pub(super) fn of(words: LexicalSnapshot, query: LexicalQuery) -> Self {
        Self { of: OnceCell::from((words, query)) }
    }

    pub(super) fn get(
        &self,
        library: &Library,
        request: &SearchRequest,
    ) -> Result<&(LexicalSnapshot, LexicalQuery)> {
        if self.of.get().is_none() {
            let words = library.lexical.snapshot()?;
            let query = words.query(&request.query);
            drop(self.of.set((words, query)));
        }
        self.of.get().ok_or_else(|| Error::new(ErrorKind::Internal, "a question has no words"))
    }
}

/// A request in one state of the library: what is asked of each side.
pub(super) struct Wanted<'a> {
    pub(super) request: &'a SearchRequest,
    /// The chunks that may be found; `None` for all.
    allowed: Option<Arc<AllowedChunks>>,
    /// Hits, and no more than there are chunks.
    k: usize,
    n_candidates: usize,
    pub(super) asks_vectors: bool,
    asks_words: bool,
}

impl Wanted<'_> {
    /// What is asked of the vectors.
    pub(super) fn of_vectors<'a>(
        &'a self,
        query: &'a [f32],
        generation: Generation,
    ) -> VectorRequest<'a> {
        VectorRequest {
            query,
            k: self.k,
            n_candidates: self.n_candidates,
            allowed: self.allowed.as_deref(),
            strategy: self.request.strategy,
            generation,
        }
    }

    /// The chunks whose words match best; none where the words are not asked.
    pub(super) fn matching(
        &self,
        words: &LexicalSnapshot,
        query: &LexicalQuery,
    ) -> Result<Vec<Candidate>> {
        if !self.asks_words {
            return Ok(Vec::new());
        }
        let allowed = self.allowed.as_deref();
        let contains = |chunk: u64| allowed.is_none_or(|allowed| allowed.contains(chunk));
        let filter: Option<&dyn Fn(u64) -> bool> =
            if allowed.is_some() { Some(&contains) } else { None };
        let found = words
            .search(query, self.n_candidates, filter)
            .context_with(|| "searching the words")?;
        let hits = found.hits.into_iter();
        Ok(hits
            .map(|hit| Candidate { chunk: ChunkId(hit.chunk_id), score: hit.score, exact: true })
            .collect())
    }
}

/// How often a search begins anew because a writer was faster.
pub(super) const TRIES: usize = 4;

/// What a search in one state of the library found.
struct Attempt {
    response: SearchResponse,
    is_overtaken: bool,
}

impl Attempt {
    fn settled(self) -> Option<SearchResponse> {
        (!self.is_overtaken).then_some(self.response)
    }
}

/// What the vectors gave.
#[derive(Debug, Default)]
pub(super) struct VectorSide {
    pub(super) found: VectorHits,
    pub(super) query_vector: Option<Vec<f32>>,
    /// The least that they reflected while they were searched.
    pub(super) at: Generation,
}

impl VectorSide {
    /// Of a search that does not ask them.
    pub(super) fn unasked(at: Generation) -> Self {
        Self { at, ..Self::default() }
    }
}

/// Does a step and adds up how long it took.
pub(super) fn timed<T>(ms: &mut f64, step: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    let result = step();
    *ms += milliseconds(begun);
    result
}

/// The same, and takes it down as a stage.
pub(super) fn traced<T>(
    (trace, stage): (&Trace, Stage),
    ms: &mut f64,
    step: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let begun = Instant::now();
    let result = step();
    let ended = Instant::now();
    *ms += ended.duration_since(begun).as_secs_f64() * 1000.0;
    trace.add(stage, begun, ended);
    result
}

pub(super) fn milliseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1000.0
}
