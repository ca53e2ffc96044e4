//! What every engine promises, asked of each of them.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use ragged::{
    backend::{
        ChromaBackend, ExactBackend, LeannBackend, Recompute, Reflected, VectorBackend,
        VectorChange, VectorRequest,
    },
    embedding::{ModelIdentity, ModelKind},
    error::Result,
    id::{ChunkId, ChunkRange, Generation},
    ranking::Candidate,
    retrieval::AllowedChunks,
    settings::{BackendSettings, ChromaSettings, Strategy, Tier},
};

use crate::chroma_server::chroma;

const DIMS: usize = 64;

/// The vectors that a library would make again, and the slow, obvious answer from them.
#[derive(Clone, Debug, Default)]
struct Truth(BTreeMap<u64, Vec<f32>>);

impl Recompute for Truth {
    fn recompute(&self, chunks: &[ChunkId], rows: &mut Vec<f32>) -> Result<()> {
        for chunk in chunks {
            match self.0.get(&chunk.0) {
                Some(vector) => rows.extend_from_slice(vector),
                None => rows.extend([f32::NAN; DIMS]),
            }
        }
        Ok(())
    }
}

impl Truth {
    fn best(&self, query: &[f32], k: usize, allowed: Option<&AllowedChunks>) -> Vec<(u64, f32)> {
        let mut all: Vec<(u64, f32)> = self
            .0
            .iter()
            .filter(|(id, _)| allowed.is_none_or(|allowed| allowed.contains(**id)))
            .map(|(id, vector)| (*id, query.iter().zip(vector).map(|(a, b)| a * b).sum()))
            .collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(k);
        all
    }

    fn chunks(&self) -> AllowedChunks {
        AllowedChunks::from_documents(
            self.0.keys().map(|id| ChunkRange { first: ChunkId(*id), n_chunks: 1 }),
        )
    }
}

/// A place where an engine keeps what it holds.
enum Place {
    Leann(tempfile::TempDir, Tier),
    Memory,
    Server(ChromaSettings, String),
}

impl Place {
    fn open(&self) -> Box<dyn VectorBackend> {
        let identity = ModelIdentity {
            name: "contract".to_owned(),
            fingerprint: "0123456789abcdef0123456789abcdef".to_owned(),
            dims: DIMS,
            kind: ModelKind::Static,
        };
        match self {
            Self::Leann(dir, tier) => {
                // Enough of everything that the answer is exact.
                let settings = BackendSettings {
                    tier: *tier,
                    epsilon: 10.0,
                    max_recomputes: 1_000_000,
                    ..BackendSettings::default()
                };
                Box::new(LeannBackend::open(dir.path(), &identity, &settings).unwrap())
            }
            Self::Memory => Box::new(ExactBackend::new(DIMS)),
            Self::Server(settings, library) => {
                Box::new(ChromaBackend::open(library, "1", &identity, settings).unwrap())
            }
        }
    }

    fn is_lasting(&self) -> bool {
        !matches!(self, Self::Memory)
    }
}

/// An empty place of every engine that is here, with a name for messages.
fn places() -> Vec<(String, Place)> {
    static LIBRARIES: AtomicU64 = AtomicU64::new(0);
    let mut places = vec![("exact".to_owned(), Place::Memory)];
    for tier in [Tier::Small, Tier::Balanced, Tier::Fast] {
        let dir = tempfile::tempdir().unwrap();
        places.push((format!("leann {}", tier.as_str()), Place::Leann(dir, tier)));
    }
    if let Some(settings) = chroma() {
        let library = format!("{:024x}", LIBRARIES.fetch_add(1, Ordering::Relaxed));
        // Several batches in a change.
        let settings = ChromaSettings { batch: 70, ..settings };
        places.push(("chromadb".to_owned(), Place::Server(settings, library)));
    }
    places
}

/// Numbers that follow from a seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// A vector of unit length near one of a few directions, as texts about a few topics are.
    fn vector(&mut self) -> Vec<f32> {
        let mut topic = Numbers(self.below(12));
        let mut vector: Vec<f32> = (0..DIMS).map(|_| topic.part() + self.part() * 1.2).collect();
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        for x in &mut vector {
            *x /= length;
        }
        vector
    }

    fn part(&mut self) -> f32 {
        (self.below(20_001) as f32 - 10_000.0) / 10_000.0
    }
}

/// Adds vectors and says what the backend then reflects.
fn add(backend: &dyn VectorBackend, truth: &mut Truth, first: u64, vectors: &[Vec<f32>]) {
    commit(backend, truth, first, vectors, &[]);
}

fn commit(
    backend: &dyn VectorBackend,
    truth: &mut Truth,
    first: u64,
    vectors: &[Vec<f32>],
    removed: &[ChunkRange],
) {
    for id in removed.iter().flat_map(|range| range.ids()) {
        truth.0.remove(&id);
    }
    let added: Vec<ChunkId> = (first..first + vectors.len() as u64).map(ChunkId).collect();
    for (id, vector) in added.iter().zip(vectors) {
        truth.0.insert(id.0, vector.clone());
    }
    let last = added.last().copied().unwrap_or(backend.reflected().last_chunk);
    let reflected =
        Reflected { generation: Generation(backend.generation().0 + 1), last_chunk: last };
    let rows = vectors.concat();
    backend.commit(VectorChange { added: &added, vectors: &rows, removed }, reflected).unwrap();
    assert_eq!(backend.reflected(), reflected);
}

fn request<'a>(
    query: &'a [f32],
    k: usize,
    allowed: Option<&'a AllowedChunks>,
) -> VectorRequest<'a> {
    VectorRequest {
        query,
        k,
        n_candidates: k,
        allowed,
        strategy: Strategy::Auto,
        generation: Generation(0),
    }
}

/// Asks for `k` and compares with the slow answer: the same chunks with the same scores.
#[track_caller]
fn ask(
    name: &str,
    backend: &dyn VectorBackend,
    truth: &Truth,
    query: &[f32],
    k: usize,
    allowed: Option<&AllowedChunks>,
) {
    let hits = backend.search(request(query, k, allowed), truth).unwrap();
    let says_how = hits.plan.strategy != Strategy::Auto;
    assert!(says_how || hits.candidates.is_empty(), "{name}: the plan says how it was done");
    same(name, &hits.candidates, &truth.best(query, k, allowed));
}

#[track_caller]
fn same(name: &str, candidates: &[Candidate], expected: &[(u64, f32)]) {
    assert_eq!(candidates.len(), expected.len(), "{name}: as many as there are");
    for (found, (id, score)) in candidates.iter().zip(expected) {
        assert!(found.exact, "{name}");
        assert!((found.score - score).abs() < 1e-4, "{name}: {found:?} is {id} {score}");
        // Rounding may exchange neighbours that differ in the last bits.
        let is_close = expected
            .iter()
            .any(|(other, near)| *other == found.chunk.0 && (near - score).abs() < 1e-6);
        assert!(found.chunk.0 == *id || is_close, "{name}: {found:?} in place of {id} {score}");
    }
}

fn ranges(ranges: impl IntoIterator<Item = (u64, u32)>) -> AllowedChunks {
    AllowedChunks::from_documents(
        ranges.into_iter().map(|(first, n_chunks)| ChunkRange { first: ChunkId(first), n_chunks }),
    )
}

fn filled(seed: u64, n: usize) -> Vec<Vec<f32>> {
    let mut numbers = Numbers(seed);
    (0..n).map(|_| numbers.vector()).collect()
}

#[test]
fn an_empty_backend_finds_nothing_and_reflects_nothing() {
    for (name, place) in places() {
        let backend = place.open();
        assert_eq!(backend.reflected(), Reflected::default(), "{name}");
        let truth = Truth::default();
        ask(&name, &*backend, &truth, &filled(1, 1)[0], 10, None);
        ask(&name, &*backend, &truth, &filled(1, 1)[0], 10, Some(&ranges([(1, 5)])));
        assert_eq!(backend.stats().vectors, 0, "{name}");
        assert!(backend.holds_exactly(&ranges([])).unwrap(), "{name}");
        assert!(!backend.holds_exactly(&ranges([(1, 1)])).unwrap(), "{name}");
        assert!(backend.check().unwrap().is_empty(), "{name}");
        backend.clear().unwrap();
        backend.merge().unwrap();
        assert!(!backend.location().is_empty());
    }
}

#[test]
fn as_many_are_found_as_there_are_whatever_the_filter() {
    for (name, place) in places() {
        let backend = place.open();
        let mut truth = Truth::default();
        add(&*backend, &mut truth, 1, &filled(2, 1000));
        for query in filled(3, 3) {
            for k in [1, 10, 100] {
                ask(&name, &*backend, &truth, &query, k, None);
            }
            for allowed in [
                ranges([]),
                ranges([(500, 1)]),                                   // 0.1 %
                ranges([(200, 10)]),                                  // 1 %
                ranges([(100, 100)]),                                 // 10 %
                ranges([(300, 600)]),                                 // more than half
                ranges((1..1000).step_by(3).map(|first| (first, 1))), // many ranges
                ranges((1..1000).step_by(90).map(|first| (first, 4))),
                ranges([(990, 500)]),  // mostly of chunks that are not there
                ranges([(5000, 100)]), // of those only
            ] {
                for k in [1, 10, 40] {
                    ask(&name, &*backend, &truth, &query, k, Some(&allowed));
                }
            }
        }
        // More than there are.
        ask(&name, &*backend, &truth, &filled(3, 1)[0], 1500, None);
    }
}

#[test]
fn fewer_candidates_than_k_are_no_fewer_than_k() {
    for (name, place) in places() {
        let backend = place.open();
        let mut truth = Truth::default();
        add(&*backend, &mut truth, 1, &filled(4, 50));
        let query = &filled(5, 1)[0];
        let wanted = VectorRequest { n_candidates: 3, ..request(query, 10, None) };
        let hits = backend.search(wanted, &truth).unwrap();
        same(&name, &hits.candidates[..10], &truth.best(query, 10, None));
        let wanted = VectorRequest { n_candidates: 30, ..request(query, 5, None) };
        let hits = backend.search(wanted, &truth).unwrap();
        assert!(hits.candidates.len() >= 5, "{name}");
        same(&name, &hits.candidates[..5], &truth.best(query, 5, None));
        assert!(hits.candidates.is_sorted_by(|a, b| {
            a.score > b.score || (a.score == b.score && a.chunk < b.chunk)
        }));
    }
}

#[test]
fn equals_come_in_order_of_id() {
    for (name, place) in places() {
        let backend = place.open();
        let mut truth = Truth::default();
        let mut vectors = filled(6, 200);
        let repeated = vectors[0].clone();
        for at in (5..200).step_by(5) {
            vectors[at].clone_from(&repeated);
        }
        add(&*backend, &mut truth, 1, &vectors);
        for k in [1, 7, 20, 40, 60] {
            ask(&name, &*backend, &truth, &repeated, k, None);
            ask(&name, &*backend, &truth, &repeated, k, Some(&ranges([(50, 130)])));
        }
    }
}

#[test]
fn texts_without_a_known_word_are_held_and_found_last() {
    for (name, place) in places() {
        let backend = place.open();
        let mut truth = Truth::default();
        let mut vectors = filled(7, 60);
        vectors[3] = vec![0.0; DIMS];
        vectors[30] = vec![0.0; DIMS];
        add(&*backend, &mut truth, 1, &vectors);
        assert!(backend.holds_exactly(&truth.chunks()).unwrap(), "{name}");
        ask(&name, &*backend, &truth, &vectors[8], 60, None);
        // A question of that kind is equally near to all.
        ask(&name, &*backend, &truth, &[0.0; DIMS], 10, None);
        ask(&name, &*backend, &truth, &[0.0; DIMS], 10, Some(&ranges([(20, 30)])));
    }
}

#[test]
fn what_is_removed_is_gone_and_what_is_written_again_is_there_once() {
    for (name, place) in places() {
        let backend = place.open();
        let mut truth = Truth::default();
        let vectors = filled(8, 300);
        add(&*backend, &mut truth, 1, &vectors[..200]);
        let removed = [
            ChunkRange { first: ChunkId(10), n_chunks: 50 },
            ChunkRange { first: ChunkId(150), n_chunks: 1 },
            ChunkRange { first: ChunkId(199), n_chunks: 2 },
        ];
        commit(&*backend, &mut truth, 201, &vectors[200..], &removed);
        for query in filled(9, 3) {
            ask(&name, &*backend, &truth, &query, 20, None);
            ask(&name, &*backend, &truth, &query, 20, Some(&ranges([(1, 70)])));
        }
        assert!(backend.holds_exactly(&truth.chunks()).unwrap(), "{name}");
        assert!(!backend.holds_exactly(&ranges([(1, 300)])).unwrap(), "{name}");
        assert_eq!(backend.stats().vectors, truth.0.len() as u64, "{name}");
        // What is gone already may be removed again.
        commit(&*backend, &mut truth, 301, &[], &removed[..1]);
        assert!(backend.holds_exactly(&truth.chunks()).unwrap(), "{name}");
        assert!(backend.check().unwrap().is_empty(), "{name}");
        backend.merge().unwrap();
        ask(&name, &*backend, &truth, &vectors[250], 20, None);
    }
}

#[test]
fn what_was_committed_is_there_when_opened_again() {
    for (name, place) in places().into_iter().filter(|(_, place)| place.is_lasting()) {
        let mut truth = Truth::default();
        let first = place.open();
        let other = place.open();
        assert_eq!(other.generation(), Generation(0), "{name}");
        add(&*first, &mut truth, 1, &filled(10, 120));
        let reflected = first.reflected();
        assert_eq!(reflected, Reflected { generation: Generation(1), last_chunk: ChunkId(120) });
        other.refresh().unwrap();
        assert_eq!(other.reflected(), reflected, "{name}");
        ask(&name, &*other, &truth, &filled(11, 1)[0], 15, None);
        drop(first);
        let again = place.open();
        assert_eq!(again.reflected(), reflected, "{name}");
        assert_eq!(again.stats().vectors, 120, "{name}");
        ask(&name, &*again, &truth, &filled(11, 1)[0], 15, None);
        // A change without chunks is a change of the generation.
        commit(&*again, &mut truth, 121, &[], &[]);
        assert_eq!(place.open().generation(), Generation(2), "{name}");
    }
}

#[test]
fn what_is_cleared_is_as_new() {
    for (name, place) in places() {
        let backend = place.open();
        let mut truth = Truth::default();
        add(&*backend, &mut truth, 1, &filled(12, 80));
        backend.clear().unwrap();
        assert_eq!(backend.reflected(), Reflected::default(), "{name}");
        ask(&name, &*backend, &Truth::default(), &filled(13, 1)[0], 5, None);
        assert!(backend.holds_exactly(&ranges([])).unwrap(), "{name}");
        let mut truth = Truth::default();
        add(&*backend, &mut truth, 41, &filled(14, 80));
        ask(&name, &*backend, &truth, &filled(13, 1)[0], 5, None);
        if place.is_lasting() {
            let again = place.open();
            assert_eq!(again.generation(), Generation(1), "{name}");
            assert!(again.holds_exactly(&truth.chunks()).unwrap(), "{name}");
        }
    }
}

#[test]
fn a_batch_gives_what_its_requests_give_alone() {
    for (name, place) in places() {
        let backend = place.open();
        let mut truth = Truth::default();
        add(&*backend, &mut truth, 1, &filled(15, 400));
        let queries = filled(16, 90);
        let filters = [None, Some(ranges([(1, 300)])), Some(ranges([(50, 20), (100, 30)]))];
        let requests: Vec<VectorRequest<'_>> = queries
            .iter()
            .enumerate()
            .map(|(at, query)| request(query, 5 + at % 2 * 10, filters[at % 3].as_ref()))
            .collect();
        let batch = backend.search_batch(&requests, 2, &truth).unwrap();
        assert_eq!(batch.hits.len(), requests.len(), "{name}");
        for (request, hits) in requests.iter().zip(&batch.hits) {
            same(&name, &hits.candidates, &truth.best(request.query, request.k, request.allowed));
            let alone = backend.search(*request, &truth).unwrap();
            assert_eq!(alone.candidates, hits.candidates, "{name}");
        }
        assert!(backend.search_batch(&[], 2, &truth).unwrap().hits.is_empty(), "{name}");
    }
}

#[test]
fn threads_search_while_one_writes() {
    for (name, place) in places() {
        let backend = place.open();
        let mut truth = Truth::default();
        add(&*backend, &mut truth, 1, &filled(17, 300));
        // Nearest to these queries are the chunks that stay.
        let queries: Vec<Vec<f32>> = truth.0.values().take(8).cloned().collect();
        // Everything that is ever there, for those who recompute.
        let more = filled(18, 200);
        let mut all = truth.clone();
        all.0.extend((301..501).zip(more.iter().cloned()));
        std::thread::scope(|scope| {
            for query in &queries {
                let (backend, all, name) = (&*backend, &all, &name);
                scope.spawn(move || {
                    for _ in 0..5 {
                        let hits = backend.search(request(query, 10, None), all).unwrap();
                        assert_eq!(hits.candidates.len(), 10, "{name}");
                        assert!((hits.candidates[0].score - 1.0).abs() < 1e-4, "{name}");
                    }
                });
            }
            for part in 0..4 {
                let first = 301 + part * 50;
                let at = part as usize * 50;
                add(&*backend, &mut truth, first, &more[at..at + 50]);
            }
        });
        ask(&name, &*backend, &truth, &queries[0], 20, None);
    }
}

#[test]
fn any_sequence_of_changes_leaves_what_the_oracle_holds() {
    for (name, place) in places() {
        let mut backend = place.open();
        let mut truth = Truth::default();
        let mut numbers = Numbers(19);
        let mut next = 1;
        for _ in 0..40 {
            match numbers.below(10) {
                0..=3 => {
                    let n = 1 + numbers.below(40);
                    let vectors: Vec<Vec<f32>> = (0..n).map(|_| numbers.vector()).collect();
                    add(&*backend, &mut truth, next, &vectors);
                    next += n;
                }
                4 | 5 => {
                    let first = 1 + numbers.below(next);
                    let n_chunks = 1 + numbers.below(30) as u32;
                    let removed = ChunkRange { first: ChunkId(first), n_chunks };
                    let vector = numbers.vector();
                    next = next.max(removed.ids().end);
                    commit(&*backend, &mut truth, next, &[vector], &[removed]);
                    next += 1;
                }
                6 if place.is_lasting() => backend = place.open(),
                7 if numbers.below(6) == 0 => {
                    backend.clear().unwrap();
                    truth = Truth::default();
                }
                7 => backend.merge().unwrap(),
                _ => {
                    let query = numbers.vector();
                    let k = 1 + numbers.below(30) as usize;
                    ask(&name, &*backend, &truth, &query, k, None);
                    let (first, n) = (numbers.below(next), 1 + numbers.below(200) as u32);
                    let allowed = ranges([(first, n), (first + 300, n / 2)]);
                    ask(&name, &*backend, &truth, &query, k, Some(&allowed));
                }
            }
        }
        assert!(backend.holds_exactly(&truth.chunks()).unwrap(), "{name}");
        assert!(backend.check().unwrap().is_empty(), "{name}");
    }
}
