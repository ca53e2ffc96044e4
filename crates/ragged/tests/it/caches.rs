//! What is kept in memory is never stale: a library with caches, asked while others write, gives
//! what a library without caches gives.

use std::{path::Path, sync::Arc};

use proptest::prelude::*;
use ragged::{
    embedding,
    library::{Cancel, Library, NoProgress, SearchRequest, SearchResponse, VirtualDocument},
    memory::{
        Feedback, InteractionFilter, InteractionKind, Memory, MemoryConfig, NewInteraction,
        PersonaDraft, PersonaMemory, PersonaName, RecordedTopic, TopicSource,
        interest::InterestConfig, topic,
    },
    ranking::{Profile, ProfileTopic, TimeFavour},
    retrieval::Filter,
    settings::{PersonalisationPreset, SearchMode, Settings},
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

/// What happens to the memory of a persona, through the handle of another process.
#[derive(Clone, Debug)]
enum Deed {
    Record { words: [u8; 2] },
    Feedback { good: bool },
    Delete,
    ForgetTopic { word: u8 },
    SetInterest { word: u8, level: Option<u8> },
    Clear,
}

#[derive(Clone, Debug)]
enum MemoryOp {
    Deed { persona: usize, deed: Deed },
    Ask { persona: usize, words: [u8; 2], k: usize, bold: bool },
    Disable { persona: usize },
}

fn memory_op() -> impl Strategy<Value = MemoryOp> {
    let word = || 0..4_u8;
    let deed = prop_oneof![
        4 => [word(), word()].prop_map(|words| Deed::Record { words }),
        1 => any::<bool>().prop_map(|good| Deed::Feedback { good }),
        1 => Just(Deed::Delete),
        1 => word().prop_map(|word| Deed::ForgetTopic { word }),
        2 => (word(), proptest::option::of(1..10_u8))
            .prop_map(|(word, level)| Deed::SetInterest { word, level }),
        1 => Just(Deed::Clear),
    ];
    prop_oneof![
        5 => (0..2_usize, deed).prop_map(|(persona, deed)| MemoryOp::Deed { persona, deed }),
        6 => (0..2_usize, [word(), word()], 1..4_usize, any::<bool>())
            .prop_map(|(persona, words, k, bold)| MemoryOp::Ask { persona, words, k, bold }),
        1 => (0..2_usize).prop_map(|persona| MemoryOp::Disable { persona }),
    ]
}

fn do_deed(remembered: &PersonaMemory, deed: &Deed, n: i64) {
    let newest = || {
        let all = InteractionFilter::default();
        remembered.interactions(&all, 1).unwrap().pop().map(|interaction| interaction.id)
    };
    let word = |word: u8| WORDS[usize::from(word)];
    match deed {
        Deed::Record { words } => {
            let mut asked =
                NewInteraction::new(sentence(words), n, InteractionKind::Query).unwrap();
            asked.is_learned = true;
            asked.topics = words[..=usize::from(words[0] != words[1])]
                .iter()
                .map(|at| RecordedTopic {
                    key: topic::key(word(*at)),
                    name: word(*at).to_owned(),
                    score: 0.9,
                    source: TopicSource::Query,
                })
                .collect();
            remembered.record_all(&[asked]).unwrap();
        }
        Deed::Feedback { good } => {
            if let Some(id) = newest() {
                let feedback = if *good { Feedback::Good } else { Feedback::Bad };
                remembered.set_feedback(&id, Some(feedback), None).unwrap();
            }
        }
        Deed::Delete => {
            if let Some(id) = newest() {
                remembered.delete_interaction(&id).unwrap();
            }
        }
        Deed::ForgetTopic { word: at } => {
            // One that is not there is an error and changes nothing.
            drop(remembered.forget_topic(&topic::key(word(*at))));
        }
        Deed::SetInterest { word: at, level } => {
            let level = level.map(|level| f64::from(level) / 10.0);
            drop(remembered.set_interest(&topic::key(word(*at)), word(*at), level));
        }
        Deed::Clear => remembered.clear().unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    /// L1, L2 and L3 of memory: what another process records, judges, deletes, forgets and sets
    /// counts with the next question, for two personas with settings of their own.
    #[test]
    fn what_is_remembered_counts_at_once(
        ops in proptest::collection::vec(memory_op(), 6..40),
    ) {
        let scratch = tempfile::tempdir().unwrap();
        let mut small = Settings::default();
        small.memory.cache.l1_size = 1;
        small.memory.cache.l2_size = 2;
        small.memory.cache.l3_size = 4;
        let caching = open(scratch.path(), small);
        let mut none = Settings::default();
        none.memory.cache.l1_size = 0;
        none.memory.cache.l2_size = 0;
        none.memory.cache.l3_size = 0;
        none.backend.cache_size = 0;
        let forgetful = open(scratch.path(), none);
        let documents = (0..24_usize).map(|n| VirtualDocument {
            path: format!("d{n}"),
            title: String::new(),
            text: format!("the plan of {} and {}, {n}", WORDS[n % 5], WORDS[(n * 7 + 1) % 12]),
        });
        caching.add_virtual(documents.collect(), &NoProgress, &Cancel::new()).unwrap();

        let memory = || {
            let clock = Arc::new(FixedClock(0));
            Memory::open(scratch.path(), None, MemoryConfig::default(), clock).unwrap()
        };
        let (asking, writing) = (memory(), memory());
        let names: Vec<PersonaName> = ["default", "ada"].map(|name| name.parse().unwrap()).into();
        writing.create_persona(&names[1], &PersonaDraft::default()).unwrap();
        for (n, op) in (1..).zip(ops) {
            match op {
                MemoryOp::Deed { persona, deed } => {
                    do_deed(&writing.of(&names[persona]).unwrap(), &deed, n);
                }
                MemoryOp::Disable { persona } => {
                    let file_id = asking.persona(&names[persona]).unwrap().file_id;
                    caching.forget_profile(&file_id);
                }
                MemoryOp::Ask { persona, words, k, bold } => {
                    let mut settings = caching.settings().personalisation.clone();
                    if bold {
                        settings.preset = PersonalisationPreset::Aggressive;
                    }
                    let request = SearchRequest {
                        k,
                        personalisation: Some(Arc::new(settings.clone())),
                        ..SearchRequest::new(sentence(&words), &caching.settings().search)
                    };
                    let persona = asking.persona(&names[persona]).unwrap();
                    let remembered = asking.of(&persona.name).unwrap();
                    let of = |library: &Library| {
                        let profile = library.profile_with(&persona, &remembered, &settings).unwrap();
                        library.search_for(&request, profile.as_deref()).unwrap()
                    };
                    prop_assert_eq!(shown(&of(&caching)), shown(&of(&forgetful)));
                }
            }
        }
        let caches = caching.caches();
        prop_assert!(caches.l1.entries <= 1 && caches.l2.entries <= 2 && caches.l3.entries <= 4);
    }
}

/// One persona, asked for by settings of learning that take turns, is ranked each time as by a
/// process that knows only these.
#[test]
fn ways_of_learning_never_share_a_profile() {
    let scratch = tempfile::tempdir().unwrap();
    let library = open(scratch.path(), Settings::default());
    let documents = (0..24_usize).map(|n| VirtualDocument {
        path: format!("d{n}"),
        title: String::new(),
        text: format!("the plan of {} and {}, {n}", WORDS[n % 5], WORDS[(n * 7 + 1) % 12]),
    });
    library.add_virtual(documents.collect(), &NoProgress, &Cancel::new()).unwrap();
    let usual = InterestConfig::default();
    let ways = [
        usual,
        InterestConfig { min_frequency: 1, ..usual },
        InterestConfig { min_frequency: 4, ..usual },
        InterestConfig { min_co_occurrence: 4, ..usual },
        InterestConfig { decay_rate_per_day: 0.2, ..usual },
    ];
    let memories = ways.map(|interest| {
        let config = MemoryConfig { interest, ..MemoryConfig::default() };
        let clock = Arc::new(FixedClock(5 * 86_400_000));
        Memory::open(scratch.path(), None, config, clock).unwrap()
    });
    let persona = memories[0].persona(&PersonaName::default()).unwrap();
    let writing = memories[0].of(&persona.name).unwrap();
    for (n, words) in (1..).zip([[0, 1], [0, 1], [0, 1], [2, 2]]) {
        do_deed(&writing, &Deed::Record { words }, n);
    }
    let mut settings = library.settings().personalisation.clone();
    settings.min_confidence_threshold = Some(0.0);
    settings.full_alpha_words = 0;
    let request = SearchRequest {
        personalisation: Some(Arc::new(settings.clone())),
        ..SearchRequest::new("plan of the tide", &library.settings().search)
    };
    let ask = |library: &Library, way: usize| {
        let remembered = memories[way].of(&persona.name).unwrap();
        let profile = library.profile_with(&persona, &remembered, &settings).unwrap();
        shown(&library.search_for(&request, profile.as_deref()).unwrap())
    };
    let alone: Vec<Vec<String>> =
        (0..ways.len()).map(|way| ask(&open(scratch.path(), Settings::default()), way)).collect();
    for (way, found) in alone.iter().enumerate() {
        assert!(!alone[..way].contains(found), "{way} changes nothing");
    }
    for way in [0, 1, 2, 3, 4, 0, 0, 2, 4, 1, 3, 0] {
        assert_eq!(ask(&library, way), alone[way], "{way}");
    }
}
