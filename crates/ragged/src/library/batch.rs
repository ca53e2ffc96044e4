//! Many questions at once.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use super::{
    Library, SearchRequest, SearchResponse,
    passages::Passages,
    recompute::FromText,
    results::{Entry, ResultKey},
    search::{TRIES, VectorSide, Wanted, Wording, milliseconds, timed},
};
use crate::{
    backend::VectorRequest,
    error::{Context, Error, ErrorKind, Result},
    id::Generation,
    lexical::Snapshot as LexicalSnapshot,
    retrieval::SearchTimings,
    settings::SearchMode,
    store::Reader,
};

/// What a batch found.
#[derive(Clone, Debug)]
pub struct BatchResponse {
    /// For each request, in their order, what [`Library::search`] finds for it. Its counts are
    /// what it would have cost alone; its times are its own, and its share of what was done for
    /// all at once.
    pub responses: Vec<SearchResponse>,
    /// What the batch cost.
    pub counts: BatchCounts,
    /// How long it took, in milliseconds.
    pub total_ms: f64,
}

/// The work of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// Answers that were in memory.
    pub from_cache: u64,
    /// Requests that another one of the batch repeats, and that were answered once.
    pub repeated: u64,
    /// Groups of similar requests that were searched together.
    pub groups: u64,
    /// Embeddings recomputed from text.
    pub recomputed_embeddings: u64,
    /// Embeddings that the requests would have recomputed one by one.
    pub recomputed_alone: u64,
    /// Threads at work.
    pub threads: u64,
}

/// One request of a batch that is not answered yet.
struct Open<'a> {
    key: ResultKey,
    wanted: Wanted<'a>,
    /// The places of the requests that this one stands for.
    places: Vec<usize>,
    timings: SearchTimings,
    vector: VectorSide,
}

/// One request of a batch with its answer.
struct Done {
    key: ResultKey,
    places: Vec<usize>,
    response: SearchResponse,
    entry: Entry,
}

impl Library {
    /// Finds for each request what [`search`](Self::search) finds for it, sharing what can be
    /// shared: one state of the library, one pass of the model over all questions, one pass over
    /// the codes for several of them, and each text embedded once. Spread over
    /// [`BackendSettings::batch_threads`](crate::settings::BackendSettings::batch_threads).
    ///
    /// # Errors
    ///
    /// As [`search`](Self::search); the first that fails fails the batch.
    pub fn search_batch(&self, requests: &[SearchRequest]) -> Result<BatchResponse> {
        let begun = Instant::now();
        for _ in 1..TRIES {
            let (response, is_overtaken) = self.batch_one_state(requests, begun)?;
            if !is_overtaken {
                return Ok(response);
            }
        }
        Ok(self.batch_one_state(requests, begun)?.0)
    }

    /// What a batch finds in one state, and whether an index was ahead of that state.
    fn batch_one_state(
        &self,
        requests: &[SearchRequest],
        begun: Instant,
    ) -> Result<(BatchResponse, bool)> {
        let threads = match self.settings.backend.batch_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let readers = self.readers_of_one_state(threads.min(requests.len().max(1)))?;
        let reader = readers.first().ok_or_else(no_reader)?;
        let generation = reader.generation()?;
        let mut counts = BatchCounts { threads: readers.len() as u64, ..BatchCounts::default() };
        let mut responses: Vec<Option<SearchResponse>> = vec![None; requests.len()];
        let mut open: Vec<Open<'_>> = Vec::new();
        let mut known: BTreeMap<ResultKey, usize> = BTreeMap::new();
        if requests.iter().any(|request| request.mode != SearchMode::Lexical) {
            self.look_at_vectors(reader)?;
        }
        let words = self.lexical.snapshot()?;
        for (place, request) in requests.iter().enumerate() {
            let key = self.results.key(request, None, self.n_movable(request), generation);
            if let Some(same) = known.get(&key).and_then(|at| open.get_mut(*at)) {
                same.places.push(place);
                counts.repeated += 1;
                continue;
            }
            let asked = Instant::now();
            if let Some(entry) = self.results.get(&key, self.clock.now_ms()) {
                let mut passages = Passages::of(reader);
                let wording = Wording::of(words.clone(), words.query(&request.query));
                let kept = self.repeat(&mut passages, request, None, &entry, &wording)?;
                if let Some((mut response, _)) = kept {
                    response.timings.total = milliseconds(asked);
                    responses[place] = Some(response);
                    counts.from_cache += 1;
                    continue;
                }
            }
            let mut timings = SearchTimings::default();
            let wanted = timed(&mut timings.filter, || self.wanted(reader, &words, request))?;
            let vector = VectorSide::unasked(self.vectors.generation());
            known.insert(key.clone(), open.len());
            open.push(Open { key, wanted, places: vec![place], timings, vector });
        }
        let readers = self.vector_sides(&mut open, readers, generation, &mut counts)?;
        let done = self.complete_all(open, readers, &words)?;
        let is_overtaken = self.is_overtaken(generation, &words);
        for Done { key, places, response, entry } in done {
            if !is_overtaken {
                self.results.keep(&key, entry);
            }
            let (last, others) = places.split_last().ok_or_else(no_answer)?;
            for place in others {
                responses[*place] = Some(response.clone());
            }
            responses[*last] = Some(response);
        }
        let responses = responses.into_iter().map(|response| response.ok_or_else(no_answer));
        let responses = responses.collect::<Result<_>>()?;
        Ok((BatchResponse { responses, counts, total_ms: milliseconds(begun) }, is_overtaken))
    }

    /// Up to `n` readers that see one state, at least one.
    fn readers_of_one_state(&self, n: usize) -> Result<Vec<Reader<'_>>> {
        let mut readers = vec![self.store.reader()?];
        for _ in 0..TRIES {
            let generation = readers.first().ok_or_else(no_reader)?.generation()?;
            while readers.len() < n {
                let reader = self.store.reader()?;
                if reader.generation()? != generation {
                    // Another process has written: begin with what it left.
                    readers = vec![reader];
                    break;
                }
                readers.push(reader);
            }
            if readers.len() >= n {
                break;
            }
        }
        Ok(readers)
    }

    /// Embeds all questions and asks the vectors for all of them at once.
    fn vector_sides<'a>(
        &'a self,
        open: &mut [Open<'_>],
        readers: Vec<Reader<'a>>,
        generation: Generation,
        counts: &mut BatchCounts,
    ) -> Result<Vec<Reader<'a>>> {
        let asking: Vec<usize> =
            (0..open.len()).filter(|at| open[*at].wanted.asks_vectors).collect();
        if asking.is_empty() {
            return Ok(readers);
        }
        let share = 1.0 / asking.len() as f64;
        let texts: Vec<&str> =
            asking.iter().map(|at| open[*at].wanted.request.query.as_str()).collect();
        let mut embed_ms = 0.0;
        let embedded = timed(&mut embed_ms, || {
            self.embedder.embed_queries(&texts).context_with(|| "embedding the queries")
        })?;
        let asked: Vec<VectorRequest<'_>> = asking
            .iter()
            .zip(&embedded)
            .map(|(at, query)| open[*at].wanted.of_vectors(query, generation))
            .collect();
        let threads = readers.len();
        let from_text = FromText::lending(self, readers);
        let before = self.vectors.generation();
        let mut vector_ms = 0.0;
        let batch = timed(&mut vector_ms, || {
            self.vectors
                .search_batch(&asked, threads, &from_text)
                .context_with(|| "searching the vectors")
        })?;
        drop(asked);
        let at_least = before.min(self.vectors.generation());
        counts.groups = batch.n_groups as u64;
        counts.recomputed_embeddings = batch.recomputed;
        for ((at, found), embedded) in asking.into_iter().zip(batch.hits).zip(embedded) {
            counts.recomputed_alone += found.counts.recomputed + found.counts.cached;
            open[at].timings.embed = embed_ms * share;
            open[at].timings.vector = vector_ms * share;
            open[at].vector = VectorSide { found, query_vector: Some(embedded), at: at_least };
        }
        let readers = from_text.into_readers();
        // Hits are read from the blocks that were decompressed to compare them.
        Reader::share_text(&readers);
        Ok(readers)
    }

    /// Asks the words, mixes the sides and reads the texts, a request at a time on each thread.
    fn complete_all<'a>(
        &'a self,
        open: Vec<Open<'a>>,
        readers: Vec<Reader<'a>>,
        words: &LexicalSnapshot,
    ) -> Result<Vec<Done>> {
        let open: Vec<Mutex<Option<Open<'a>>>> =
            open.into_iter().map(|open| Mutex::new(Some(open))).collect();
        let next = AtomicUsize::new(0);
        let work = |reader: Reader<'a>| -> Result<Vec<Done>> {
            let (mut done, mut passages) = (Vec::new(), Passages::of(&reader));
            while let Some(slot) = open.get(next.fetch_add(1, Ordering::Relaxed)) {
                let taken = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some(Open { key, wanted, places, mut timings, vector }) = taken else {
                    continue;
                };
                let begun = Instant::now();
                let query = words.query(&wanted.request.query);
                let lexical = timed(&mut timings.lexical, || wanted.matching(words, &query))?;
                let before = timings.filter + timings.embed + timings.vector;
                let words = Wording::of(words.clone(), query);
                let (mut response, entry) =
                    self.complete(&mut passages, &wanted, None, vector, &lexical, &words, timings)?;
                response.timings.total = before + milliseconds(begun);
                done.push(Done { key, places, response, entry });
            }
            Ok(done)
        };
        let mut readers = readers.into_iter();
        let own = readers.next().ok_or_else(no_reader)?;
        std::thread::scope(|scope| {
            let work = &work;
            let others: Vec<_> = readers.map(|reader| scope.spawn(move || work(reader))).collect();
            let mut done = work(own)?;
            for other in others {
                let panicked =
                    |_| Err(Error::new(ErrorKind::Internal, "a thread of the batch panicked"));
                done.append(&mut other.join().unwrap_or_else(panicked)?);
            }
            Ok(done)
        })
    }
}

#[cold]
fn no_answer() -> Error {
    Error::new(ErrorKind::Internal, "a request got no answer")
}

#[cold]
fn no_reader() -> Error {
    Error::new(ErrorKind::Internal, "a batch has lost its readers")
}
