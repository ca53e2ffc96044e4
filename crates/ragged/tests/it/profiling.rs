//! How long questions take, through the library.

use std::{path::Path, sync::Arc};

use ragged::{
    embedding,
    library::{Cancel, Library, NoProgress, SearchRequest, VirtualDocument, measured},
    memory::{InteractionKind, Memory, MemoryConfig, NewInteraction, PersonaMemory, Recording},
    settings::{SearchMode, Settings},
    telemetry::{Components, Kind, Stage, Trace},
    temporal::FixedClock,
};

const NOW_MS: i64 = 1_795_000_000_000;

fn library(dir: &Path) -> Library {
    let model = Arc::new(embedding::builtin().unwrap());
    let clock = Arc::new(FixedClock(NOW_MS));
    let library = Library::open(dir, Settings::default(), model, clock).unwrap();
    let documents = (0..30).map(|n| VirtualDocument {
        path: format!("tide {n}"),
        title: String::new(),
        text: format!("The moon pulls the sea towards it, and the sea rises {n} times."),
    });
    library.add_virtual(documents.collect(), &NoProgress, &Cancel::new()).unwrap();
    library
}

fn traced(library: &Library, mode: SearchMode) -> (SearchRequest, Trace) {
    let trace = Trace::begin();
    let mut request = SearchRequest::new("why does the sea rise?", &library.settings().search);
    request.mode = mode;
    request.trace = trace.clone();
    (request, trace)
}

fn stages(trace: &Trace) -> Vec<Stage> {
    let mut stages: Vec<Stage> = trace.spans().iter().map(|span| span.stage).collect();
    stages.sort();
    stages.dedup();
    stages
}

#[test]
fn a_question_is_taken_apart_without_changing_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let library = library(folder.path());
    let (mut request, trace) = traced(&library, SearchMode::Hybrid);
    let answered = library.answer(&request, &mut |_| ()).unwrap();
    let taken = stages(&trace);
    let expected = [
        Stage::Embed,
        Stage::Retrieve,
        Stage::Filter,
        Stage::Vector,
        Stage::Recompute,
        Stage::Lexical,
        Stage::Read,
        Stage::Rerank,
        Stage::Generate,
    ];
    assert_eq!(taken, expected);
    let spans = trace.spans();
    let whole = |stage: Stage| spans.iter().find(|span| span.stage == stage).unwrap();
    let lies_in = |inner: Stage, outer: Stage| {
        let (inner, outer) = (whole(inner), whole(outer));
        outer.start_ns <= inner.start_ns && inner.end_ns <= outer.end_ns
    };
    assert!(lies_in(Stage::Embed, Stage::Retrieve) && lies_in(Stage::Vector, Stage::Retrieve));
    assert!(lies_in(Stage::Recompute, Stage::Vector) && lies_in(Stage::Lexical, Stage::Retrieve));

    let sample = measured(Kind::Query, NOW_MS, &trace, &answered.search);
    assert_eq!((sample.k, sample.n_hits), (10, answered.search.hits.len() as u64));
    assert_eq!(sample.recomputed, answered.search.counts.recomputed_embeddings);
    assert!(sample.recomputed > 0 && !sample.from_cache && !sample.strategy.is_empty());
    let told: u64 = Stage::TOP.iter().map(|stage| sample.stages.us(*stage)).sum();
    assert!(told <= sample.total_us, "{told} {}", sample.total_us);
    let some = sample.of("memory".parse().unwrap());
    assert!(Stage::ALL.iter().all(|stage| some.stages.get(*stage).is_none()));

    // From memory: what was worked out before is not counted again.
    let again = Trace::begin();
    request.trace = again.clone();
    let response = library.search(&request).unwrap();
    assert_eq!(stages(&again), [Stage::Retrieve, Stage::Read]);
    let sample = measured(Kind::Search, NOW_MS, &again, &response);
    assert!(sample.from_cache && sample.recomputed == 0);

    library.clear_caches();
    request.trace = Trace::default();
    let plain = library.answer(&request, &mut |_| ()).unwrap();
    assert_eq!(plain.text, answered.text);
    let ids = |answered: &ragged::library::Answered| -> Vec<u64> {
        answered.search.hits.iter().map(|hit| hit.chunk.place.id.0).collect()
    };
    assert_eq!(ids(&plain), ids(&answered));
}

#[test]
fn words_alone_need_no_vector() {
    let folder = tempfile::tempdir().unwrap();
    let library = library(folder.path());
    let (request, trace) = traced(&library, SearchMode::Lexical);
    let response = library.search(&request).unwrap();
    let taken = stages(&trace);
    assert!(taken.contains(&Stage::Lexical) && !taken.contains(&Stage::Embed), "{taken:?}");
    let sample = measured(Kind::Search, NOW_MS, &trace, &response);
    assert_eq!((sample.strategy.as_str(), &sample.interaction), ("", &None));
    assert_eq!(sample.of(Components::ALL).stages, sample.stages);
}

fn ask(remembered: &PersonaMemory, question: &str) -> String {
    let new = NewInteraction::new(question.to_owned(), NOW_MS, InteractionKind::Query).unwrap();
    let id = new.id.clone();
    remembered.record_all(&[new]).unwrap();
    id
}

#[test]
fn a_question_is_known_again_until_something_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock(NOW_MS));
    let memory = Memory::open(folder.path(), None, MemoryConfig::default(), clock).unwrap();
    let persona = memory.active().unwrap();
    memory.set_recording(&persona.name, Recording::On).unwrap();
    let remembered = memory.of(&persona.name).unwrap();
    let first = ask(&remembered, "when does it end?");
    let digest = |text: &str| remembered.digest(text).unwrap();
    let before = digest("when does it end?");
    assert_eq!(digest(" When  does it END?"), before);
    assert_ne!(digest("when did it end?"), before);
    // What is asked leaves the key alone; what is deleted does not.
    ask(&remembered, "something else");
    assert_eq!(digest("when does it end?"), before);
    memory.delete_interaction(&persona.name, &first).unwrap();
    let after = digest("when does it end?");
    assert_ne!(after, before);
    memory.clear(&persona.name).unwrap();
    assert_ne!(digest("when does it end?"), after);
}
