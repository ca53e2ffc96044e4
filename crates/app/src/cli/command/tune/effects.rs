//! Every setting that can be tuned has an effect: each is set to two values, and what a library does with
//! it is counted. A setting without an entry here fails the test.

use std::{
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
};

use ragged::{
    document::{Limits, Readers},
    embedding::{self, Embedder, ModelIdentity},
    error::Result,
    library::{
        AddOptions, Cancel, Library, NoProgress, SearchRequest, SearchResponse, VirtualDocument,
    },
    memory::{Memory, MemoryConfig, PersonaDraft, PersonaName},
    ranking::{Profile, ProfileTopic},
    settings::{SearchMode, Settings, Strategy},
    temporal::{Clock, FixedClock},
};

use crate::config::{self, KEYS};

/// How what is counted with the first value stands to what is counted with the second.
#[derive(Clone, Copy, Debug)]
enum Is {
    Less,
    More,
}

/// A setting, two values of it, how the counts stand to each other, and what is counted.
type Effect = (&'static str, &'static str, &'static str, Is, fn(&Settings) -> f64);

const EFFECTS: &[Effect] = &[
    ("ingest.threads", "1", "3", Is::Less, embedding_at_once),
    ("ingest.in_flight", "1MiB", "64MiB", Is::Less, embedding_large_files_at_once),
    ("backend.type", "leann", "exact", Is::More, ways_to_choose_from),
    ("backend.epsilon", "0", "10", Is::Less, recomputed),
    ("backend.max_recomputes", "1", "200", Is::Less, recomputed),
    ("backend.beam_width", "5", "150", Is::Less, visited),
    ("backend.graph", "never", "always", Is::Less, ways_of_searching),
    ("backend.cache_size", "1", "100", Is::Less, answered_from_memory),
    ("backend.cache_memory", "0", "32MiB", Is::Less, answered_from_memory),
    ("backend.vector_cache", "0", "8MiB", Is::Less, vectors_kept),
    ("backend.batch_threads", "1", "3", Is::Less, threads_of_a_batch),
    ("backend.costs.scan", "1", "1000", Is::Less, scan_expected),
    ("backend.costs.refine", "1", "1000000", Is::Less, scan_expected),
    ("backend.costs.visit", "1", "1000000", Is::Less, walk_expected),
    ("backend.costs.recompute", "1", "1000000", Is::Less, scan_expected),
    ("memory.cache.l1_size", "1", "9", Is::Less, |settings| kept_of_profiles(settings).0),
    ("memory.cache.l2_size", "1", "9", Is::Less, |settings| kept_of_profiles(settings).1),
    ("memory.cache.l3_size", "1", "9", Is::Less, searches_kept),
    ("memory.cache.profile_ttl", "10", "3600", Is::More, profiles_made_in_a_minute),
    ("memory.cache.query_ttl", "10", "900", Is::More, searches_made_in_a_minute),
    ("personalisation.retrieve_multiplier", "1", "10", Is::Less, movable),
    ("personalisation.async_updates", "true", "false", Is::Less, recorded_when_told),
    ("database.sqlite_cache_mb", "32", "128", Is::Less, |settings| limits(settings).0),
    ("database.mmap_size_mb", "128", "512", Is::Less, |settings| limits(settings).1),
];

#[test]
fn every_setting_that_can_be_tuned_has_an_effect() {
    for key in KEYS.iter().filter(|key| key.is_tunable()) {
        let effect = EFFECTS.iter().find(|effect| effect.0 == key.name);
        let Some((_, first, second, is, count)) = effect else {
            panic!("nothing shows what {} does", key.name)
        };
        let with = |value: &str| {
            let mut settings = Settings::default();
            (key.set)(&mut settings, value).unwrap();
            count(&settings)
        };
        let (first, second) = (with(first), with(second));
        let holds = match is {
            Is::Less => first < second,
            Is::More => first > second,
        };
        assert!(holds, "{}: {first}, then {second}", key.name);
    }
    for (name, ..) in EFFECTS {
        assert!(
            config::find(name).is_ok_and(|key| key.name == *name && key.is_tunable()),
            "{name}"
        );
    }
}

/// The built-in model, watched.
struct Watched {
    model: Box<dyn Embedder>,
    n_inside: AtomicUsize,
    most_inside: AtomicUsize,
    n_questions: AtomicUsize,
    /// Whether it gives other threads the time to come in.
    lingers: AtomicBool,
}

impl Watched {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            model: Box::new(embedding::builtin().unwrap()),
            n_inside: AtomicUsize::new(0),
            most_inside: AtomicUsize::new(0),
            n_questions: AtomicUsize::new(0),
            lingers: AtomicBool::new(false),
        })
    }
}

impl Embedder for Watched {
    fn identity(&self) -> &ModelIdentity {
        self.model.identity()
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>> {
        self.n_questions.fetch_add(1, Ordering::SeqCst);
        self.model.embed_query(text)
    }

    fn embed_passages(&self, texts: &[&str], out: &mut Vec<f32>) -> Result<()> {
        let inside = self.n_inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_inside.fetch_max(inside, Ordering::SeqCst);
        if self.lingers.load(Ordering::SeqCst) {
            for _ in 0..50_000 {
                if self.most_inside.load(Ordering::SeqCst) > 1 {
                    break;
                }
                std::thread::yield_now();
            }
        }
        let done = self.model.embed_passages(texts, out);
        self.n_inside.fetch_sub(1, Ordering::SeqCst);
        done
    }
}

/// A clock that is moved by hand.
#[derive(Debug, Default)]
struct ByHand(AtomicI64);

impl Clock for ByHand {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

const WORDS: [&str; 16] = [
    "tide", "moon", "harbour", "bread", "starter", "lease", "invoice", "garden", "compiler",
    "kernel", "winter", "ferry", "granite", "violin", "meadow", "lantern",
];

/// So many documents of words in no order.
fn documents(n: usize) -> Vec<VirtualDocument> {
    let mut rng = fastrand::Rng::with_seed(11);
    let document = |at: usize| VirtualDocument {
        path: format!("d{at}"),
        title: String::new(),
        text: (0..24).map(|_| WORDS[rng.usize(..WORDS.len())]).collect::<Vec<_>>().join(" ")
            + &format!(" {at}"),
    };
    (0..n).map(document).collect()
}

fn open_with(
    dir: &Path,
    settings: &Settings,
    model: Arc<Watched>,
    clock: Arc<dyn Clock>,
) -> Library {
    Library::open(dir, settings.clone(), model, clock).unwrap()
}

fn open(dir: &Path, settings: &Settings) -> Library {
    open_with(dir, settings, Watched::new(), Arc::new(FixedClock(0)))
}

/// A folder with documents and a graph, made once and never changed.
fn shared() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let made = || {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        settings.backend.graph = ragged::settings::GraphUse::Always;
        let library = open(dir.path(), &settings);
        library.add_virtual(documents(1_500), &NoProgress, &Cancel::new()).unwrap();
        library.compact().unwrap();
        dir
    };
    FOLDER.get_or_init(made).path()
}

fn request(settings: &Settings, question: &str, strategy: Strategy) -> SearchRequest {
    SearchRequest {
        mode: SearchMode::Vector,
        strategy,
        ..SearchRequest::new(question, &settings.search)
    }
}

fn ask(settings: &Settings, strategy: Strategy) -> SearchResponse {
    let library = open(shared(), settings);
    library.search(&request(settings, "the harbour in winter", strategy)).unwrap()
}

fn add_files(settings: &Settings, n: usize, bytes: usize) -> f64 {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for at in 0..n {
        let text = format!("number {at} of the tides and the moon\n").repeat(bytes / 38 + 1);
        std::fs::write(files.path().join(format!("{at}.txt")), text).unwrap();
    }
    let model = Watched::new();
    model.lingers.store(true, Ordering::SeqCst);
    let library = open_with(data.path(), settings, Arc::clone(&model), Arc::new(FixedClock(0)));
    let readers = Readers::in_process(Limits::default());
    let paths = [files.path().to_path_buf()];
    let report =
        library.add(&paths, AddOptions::default(), &readers, &NoProgress, &Cancel::new()).unwrap();
    assert_eq!(report.added, n as u64);
    model.most_inside.load(Ordering::SeqCst) as f64
}

fn embedding_at_once(settings: &Settings) -> f64 {
    add_files(settings, 12, 100).min(2.0)
}

fn embedding_large_files_at_once(settings: &Settings) -> f64 {
    let mut settings = settings.clone();
    settings.ingest.threads = 3;
    add_files(&settings, 4, 700_000).min(2.0)
}

fn ways_to_choose_from(settings: &Settings) -> f64 {
    ask(settings, Strategy::Auto).plan.vector.estimates.len() as f64
}

fn recomputed(settings: &Settings) -> f64 {
    ask(settings, Strategy::Scan).counts.recomputed_embeddings as f64
}

fn visited(settings: &Settings) -> f64 {
    ask(settings, Strategy::Graph).counts.visited_codes as f64
}

fn ways_of_searching(settings: &Settings) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path(), settings);
    library.add_virtual(documents(50), &NoProgress, &Cancel::new()).unwrap();
    library.compact().unwrap();
    let walk = library.search(&request(settings, "the moon", Strategy::Graph));
    f64::from(u8::from(walk.is_ok()))
}

fn answered_from_memory(settings: &Settings) -> f64 {
    let library = open(shared(), settings);
    for question in ["the moon", "a ferry", "bread", "the moon", "a ferry", "bread"] {
        library.search(&request(settings, question, Strategy::Scan)).unwrap();
    }
    library.caches().results.hits as f64
}

fn vectors_kept(settings: &Settings) -> f64 {
    let library = open(shared(), settings);
    let asked = request(settings, "the moon", Strategy::Scan);
    library.search(&asked).unwrap();
    let again = library.search(&SearchRequest { k: 9, ..asked }).unwrap();
    again.counts.cached_vectors as f64
}

fn threads_of_a_batch(settings: &Settings) -> f64 {
    let library = open(shared(), settings);
    let asked: Vec<SearchRequest> =
        WORDS.iter().map(|word| request(settings, word, Strategy::Scan)).collect();
    library.search_batch(&asked).unwrap().counts.threads as f64
}

fn expected(settings: &Settings, strategy: Strategy) -> f64 {
    let estimates = ask(settings, Strategy::Scan).plan.vector.estimates;
    estimates.iter().find(|estimate| estimate.strategy == strategy).unwrap().us
}

fn scan_expected(settings: &Settings) -> f64 {
    expected(settings, Strategy::Scan)
}

fn walk_expected(settings: &Settings) -> f64 {
    expected(settings, Strategy::Graph)
}

/// How often a profile was made for two personas, and what both levels kept of them.
fn profiles(settings: &Settings, clock: &Arc<ByHand>) -> (f64, f64, f64) {
    let dir = tempfile::tempdir().unwrap();
    let library = open_with(dir.path(), settings, Watched::new(), Arc::clone(clock) as _);
    let memory =
        Memory::open(dir.path(), None, MemoryConfig::default(), Arc::clone(clock) as _).unwrap();
    let name: PersonaName = "ada".parse().unwrap();
    memory.create_persona(&name, &PersonaDraft::default()).unwrap();
    let mut made = Vec::new();
    for at_ms in [0, 60_000] {
        clock.0.store(at_ms, Ordering::SeqCst);
        for name in [&PersonaName::default(), &name] {
            let persona = memory.persona(name).unwrap();
            let remembered = memory.of(name).unwrap();
            let profile = library.profile_of(&persona, &remembered).unwrap().unwrap();
            if made.iter().all(|known| !Arc::ptr_eq(known, &profile)) {
                made.push(profile);
            }
        }
    }
    let caches = library.caches();
    (made.len() as f64, caches.l1.entries as f64, caches.l2.entries as f64)
}

fn kept_of_profiles(settings: &Settings) -> (f64, f64) {
    let (_, l1, l2) = profiles(settings, &Arc::default());
    (l1, l2)
}

fn profiles_made_in_a_minute(settings: &Settings) -> f64 {
    profiles(settings, &Arc::default()).0
}

fn profile() -> Profile {
    let topic = ProfileTopic {
        name: "tide".to_owned(),
        words: "tide".to_owned(),
        confidence: 0.9,
        recency: 0.9,
        pinned: false,
    };
    Profile { persona: "0".to_owned(), revision: 1, topics: vec![topic], ..Profile::default() }
}

fn searches_kept(settings: &Settings) -> f64 {
    let library = open(shared(), settings);
    for question in ["the moon", "a ferry", "bread"] {
        let asked = request(settings, question, Strategy::Scan);
        library.search_for(&asked, Some(&profile())).unwrap();
    }
    library.caches().l3.entries as f64
}

fn searches_made_in_a_minute(settings: &Settings) -> f64 {
    let (clock, model) = (Arc::<ByHand>::default(), Watched::new());
    let library = open_with(shared(), settings, Arc::clone(&model), Arc::clone(&clock) as _);
    for at_ms in [0, 60_000] {
        clock.0.store(at_ms, Ordering::SeqCst);
        let asked = request(settings, "the moon", Strategy::Scan);
        library.search_for(&asked, Some(&profile())).unwrap();
    }
    model.n_questions.load(Ordering::SeqCst) as f64
}

fn movable(settings: &Settings) -> f64 {
    let library = open(shared(), settings);
    let asked = SearchRequest { k: 5, ..request(settings, "the moon", Strategy::Scan) };
    let response = library.search_for(&asked, Some(&profile())).unwrap();
    response.personal.unwrap().candidates as f64
}

fn recorded_when_told(settings: &Settings) -> f64 {
    let library = open(shared(), settings);
    let response = library.search(&request(settings, "the moon", Strategy::Scan)).unwrap();
    crate::cli::asking::recorded_when_told(settings, &response) as f64
}

fn limits(settings: &Settings) -> (f64, f64) {
    let limits = open(shared(), settings).store().limits().unwrap();
    (limits.page_cache_bytes as f64, limits.mmap_bytes as f64)
}
