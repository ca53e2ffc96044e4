//! What is kept in memory is never stale: a library with caches, asked while others write, gives
//! what a library without caches gives.

use std::{path::Path, sync::Arc};

use proptest::prelude::*;
use ragged::{
    embedding,
    library::{Cancel, Library, NoProgress, SearchRequest, SearchResponse, VirtualDocument},
    ranking::{Profile, ProfileTopic, TimeFavour},
    retrieval::Filter,
    settings::{SearchMode, Settings},
    temporal::FixedClock,
};

const WORDS: [&str; 12] = [
    "tide", "moon", "harbour", "bread", "starter", "lease", "invoice", "garden", "compiler",
    "kernel", "winter", "ferry",
];

#[derive(Clone, Debug)]
enum Op {
    /// Write a document, in this process or through another handle.
    Add {
        path: u8,
        words: [u8; 4],
        through: Handle,
    },
    Remove {
        path: u8,
        through: Handle,
    },
    Search {
        words: [u8; 2],
        k: usize,
        mode: SearchMode,
        filtered: bool,
    },
    /// For a persona in one of the states that its profile has been in.
    SearchFor {
        words: [u8; 2],
        k: usize,
        persona: u8,
        revision: u8,
        favour: Option<TimeFavour>,
    },
    Batch {
        words: Vec<[u8; 2]>,
    },
    Compact,
}

#[derive(Clone, Copy, Debug)]
enum Handle {
    Caching,
    Other,
}

fn handle() -> impl Strategy<Value = Handle> {
    prop_oneof![Just(Handle::Caching), Just(Handle::Other)]
}

fn op() -> impl Strategy<Value = Op> {
    let word = || 0..WORDS.len() as u8;
    let mode =
        prop_oneof![Just(SearchMode::Hybrid), Just(SearchMode::Vector), Just(SearchMode::Lexical)];
    prop_oneof![
        3 => (0..6_u8, [word(), word(), word(), word()], handle())
            .prop_map(|(path, words, through)| Op::Add { path, words, through }),
        2 => (0..6_u8, handle()).prop_map(|(path, through)| Op::Remove { path, through }),
        8 => ([0..4_u8, 0..4_u8], 1..4_usize, mode, any::<bool>())
            .prop_map(|(words, k, mode, filtered)| Op::Search { words, k, mode, filtered }),
        6 => ([0..4_u8, 0..4_u8], 1..4_usize, 0..3_u8, 0..3_u8, favour()).prop_map(
            |(words, k, persona, revision, favour)| Op::SearchFor {
                words, k, persona, revision, favour,
            }
        ),
        2 => proptest::collection::vec([0..4_u8, 0..4_u8], 1..5)
            .prop_map(|words| Op::Batch { words }),
        1 => Just(Op::Compact),
    ]
}

fn favour() -> impl Strategy<Value = Option<TimeFavour>> {
    prop_oneof![
        2 => Just(None),
        1 => Just(Some(TimeFavour::Recent)),
        1 => Just(Some(TimeFavour::Old)),
    ]
}

/// Each persona and revision has interests of its own.
fn profile(persona: u8, revision: u8) -> Profile {
    let first = usize::from(persona) * 3 + usize::from(revision);
    let topics = (first..first + 3).map(|at| ProfileTopic {
        name: WORDS[at % WORDS.len()].to_owned(),
        words: WORDS[at % WORDS.len()].to_owned(),
        confidence: 0.4 + 0.1 * f32::from(revision),
        recency: 0.9,
        pinned: false,
    });
    Profile {
        persona: persona.to_string(),
        revision: revision.into(),
        topics: topics.collect(),
        pairs: vec![(0, 1), (1, 2)],
        ..Profile::default()
    }
}

fn open(dir: &Path, settings: Settings) -> Library {
    let model = Arc::new(embedding::builtin().unwrap());
    Library::open(dir, settings, model, Arc::new(FixedClock(0))).unwrap()
}

fn sentence(words: &[u8]) -> String {
    words.iter().map(|word| WORDS[usize::from(*word)]).collect::<Vec<_>>().join(" ")
}

/// All of a response that a user sees.
fn shown(response: &SearchResponse) -> Vec<String> {
    let hits = response.hits.iter();
    hits.map(|hit| format!("{hit:?}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn answers_are_those_of_a_library_without_memory(
        ops in proptest::collection::vec(op(), 4..28),
    ) {
        let scratch = tempfile::tempdir().unwrap();
        let mut small = Settings::default();
        // So small that entries come and go.
        small.backend.cache_size = 5;
        small.backend.vector_cache_bytes = 8 << 10;
        let caching = open(scratch.path(), small);
        let mut forgetful = Settings::default();
        forgetful.backend.cache_size = 0;
        forgetful.backend.vector_cache_bytes = 0;
        let other = open(scratch.path(), forgetful);
        for op in ops {
            match op {
                Op::Add { path, words, through } => {
                    let library = match through { Handle::Caching => &caching, Handle::Other => &other };
                    let document = VirtualDocument {
                        path: format!("notes/{path}"),
                        title: String::new(),
                        text: format!("{}. {}.", sentence(&words), sentence(&words[..2])),
                    };
                    library.add_virtual(vec![document], &NoProgress, &Cancel::new()).unwrap();
                }
                Op::Remove { path, through } => {
                    let library = match through { Handle::Caching => &caching, Handle::Other => &other };
                    // Removing what is not there is an error and changes nothing.
                    drop(library.remove(&[format!("notes/{path}")], false));
                }
                Op::Search { words, k, mode, filtered } => {
                    let filter = if filtered {
                        Filter::new().with_paths(&["notes/[0-2]"]).unwrap()
                    } else {
                        Filter::new()
                    };
                    let settings = caching.settings().search.clone();
                    let request = SearchRequest {
                        k, mode, filter, ..SearchRequest::new(sentence(&words), &settings)
                    };
                    let found = caching.search(&request).unwrap();
                    prop_assert_eq!(shown(&found), shown(&other.search(&request).unwrap()));
                }
                Op::SearchFor { words, k, persona, revision, favour } => {
                    let settings = caching.settings().search.clone();
                    let request = SearchRequest {
                        k, favour, ..SearchRequest::new(sentence(&words), &settings)
                    };
                    let profile = profile(persona, revision);
                    let found = caching.search_for(&request, Some(&profile)).unwrap();
                    let expected = other.search_for(&request, Some(&profile)).unwrap();
                    prop_assert_eq!(shown(&found), shown(&expected));
                }
                Op::Batch { words } => {
                    let settings = caching.settings().search.clone();
                    let requests: Vec<SearchRequest> = words
                        .iter()
                        .map(|words| SearchRequest::new(sentence(words), &settings))
                        .collect();
                    let batch = caching.search_batch(&requests).unwrap();
                    prop_assert_eq!(batch.responses.len(), requests.len());
                    for (request, found) in requests.iter().zip(&batch.responses) {
                        prop_assert_eq!(shown(found), shown(&other.search(request).unwrap()));
                    }
                }
                Op::Compact => drop(other.compact().unwrap()),
            }
        }
        let caches = caching.caches();
        prop_assert!(caches.results.entries <= 5);
        prop_assert!(caches.vectors.bytes <= 8 << 10);
    }
}

#[test]
fn the_same_question_is_answered_from_memory_until_something_changes() {
    let scratch = tempfile::tempdir().unwrap();
    let library = open(scratch.path(), Settings::default());
    let document = |path: &str, text: &str| VirtualDocument {
        path: path.into(),
        title: String::new(),
        text: text.into(),
    };
    let add = |library: &Library, document| {
        library.add_virtual(vec![document], &NoProgress, &Cancel::new()).unwrap();
    };
    add(&library, document("a", "The moon pulls the sea."));
    let request = SearchRequest::new("what pulls the sea?", &library.settings().search);
    assert!(!library.search(&request).unwrap().from_cache);
    let again = library.search(&request).unwrap();
    assert!(again.from_cache);
    assert_eq!(again.hits.len(), 1);

    // Another process writes.
    let other = open(scratch.path(), Settings::default());
    add(&other, document("b", "The sun pulls the sea too."));
    let found = library.search(&request).unwrap();
    assert!(!found.from_cache);
    assert_eq!(found.hits.len(), 2);
    // The generation before it cannot be asked for again.
    assert_eq!(library.caches().results.entries, 1);

    // What is removed leaves memory at once.
    library.remove(&["a".to_owned()], false).unwrap();
    assert_eq!(library.caches().results.entries, 0);
}

#[test]
fn a_question_repeated_in_a_batch_is_answered_once() {
    let scratch = tempfile::tempdir().unwrap();
    let library = open(scratch.path(), Settings::default());
    let documents = (0..40).map(|n| VirtualDocument {
        path: format!("d{n}"),
        title: String::new(),
        text: format!("{} {} number {n}", WORDS[n % 12], WORDS[(n * 5 + 1) % 12]),
    });
    library.add_virtual(documents.collect(), &NoProgress, &Cancel::new()).unwrap();
    let ask = |text: &str| SearchRequest::new(text, &library.settings().search);
    let batch = library
        .search_batch(&[ask("tide and moon"), ask("bread"), ask("tide and moon"), ask(" ")])
        .unwrap();
    assert_eq!((batch.counts.repeated, batch.counts.from_cache), (1, 0));
    assert_eq!(shown(&batch.responses[0]), shown(&batch.responses[2]));
    assert!(batch.responses[3].hits.is_empty());
    assert!(!batch.responses[1].hits.is_empty());
    let batch = library.search_batch(&[ask("bread")]).unwrap();
    assert_eq!(batch.counts.from_cache, 1);
    assert!(library.search_batch(&[]).unwrap().responses.is_empty());
}
