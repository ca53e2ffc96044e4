use std::path::Path;

use super::*;
use crate::{
    knowledge::NodeKind,
    memory::{
        Feedback, FoundDocument, InteractionFilter, InteractionKind, Memory, NewInteraction,
        PersonaDraft, PersonaName, RecordedTopic, TopicSource, tests::memory,
    },
};

const NOW_MS: i64 = 1_795_000_000_000;
const DAY_MS: i64 = 86_400_000;

/// A question that named topics `days` ago, found others, and cited documents.
fn question(days: i64, words: &[&str], found: &[&str], documents: &[u8]) -> NewInteraction {
    let mut new =
        NewInteraction::new("a question", NOW_MS - days * DAY_MS, InteractionKind::Query).unwrap();
    let topics = |names: &[&str], source| {
        let named = |name: &&str| RecordedTopic {
            key: (*name).to_owned(),
            name: name.to_uppercase(),
            score: 0.5,
            source,
        };
        names.iter().map(named).collect::<Vec<_>>()
    };
    new.topics = topics(words, TopicSource::Query);
    new.topics.extend(topics(found, TopicSource::Document));
    new.documents = (1..)
        .zip(documents)
        .map(|(rank, document)| FoundDocument {
            content_hash: [*document; 16],
            title: (*document == 7).then(|| "Seven".to_owned()),
            path: format!("/notes/{document}.md"),
            doc_type: "md".to_owned(),
            rank,
            score: 0.5,
            is_cited: true,
        })
        .collect();
    new
}

fn asked(dir: &Path) -> Memory {
    let memory = memory(dir);
    let remembered = memory.of(&PersonaName::default()).unwrap();
    let all = [
        question(9, &["tide", "moon"], &["sea"], &[7]),
        question(5, &["tide", "moon"], &[], &[7, 8]),
        question(4, &["moon", "orbit"], &[], &[8]),
        question(3, &["orbit", "comet"], &[], &[]),
        question(2, &["tide"], &["sea", "shell"], &[7]),
        // Found together and never asked for: no link between sea and shell.
        question(1, &[], &["sea", "shell"], &[]),
    ];
    assert_eq!(remembered.record_all(&all).unwrap(), all.len());
    memory
}

fn default_of(memory: &Memory) -> std::sync::Arc<PersonaMemory> {
    memory.of(&PersonaName::default()).unwrap()
}

fn queries(memory: &PersonaMemory) -> PreparedQueries<'_> {
    memory.graph(InterestConfig::default()).unwrap()
}

#[test]
fn topics_come_by_frequency_and_then_by_confidence() {
    let dir = tempfile::tempdir().unwrap();
    let memory = asked(dir.path());
    let remembered = default_of(&memory);
    let queries = queries(&remembered);
    let top: Vec<(String, u64, u64)> = queries
        .top_topics()
        .unwrap()
        .into_iter()
        .map(|topic| (topic.key, topic.frequency, topic.n_queries))
        .collect();
    let as_expected = [
        // Named three times, tide and moon; tide the more lately. Sea was only found.
        ("tide", 3, 3),
        ("moon", 3, 3),
        ("sea", 3, 0),
        ("orbit", 2, 2),
        ("shell", 2, 0),
        ("comet", 1, 1),
    ];
    assert_eq!(top, as_expected.map(|(key, n, asked)| (key.to_owned(), n, asked)));
    for limit in 0..=7 {
        let first = queries.user_topics(limit).unwrap();
        let keys: Vec<&str> = first.iter().map(|topic| topic.key.as_str()).collect();
        let whole: Vec<&str> = as_expected.iter().map(|(key, ..)| *key).take(limit).collect();
        assert_eq!(keys, whole, "the first {limit}");
    }
    // What the owner says is known, met or not.
    remembered.set_interest("stone", "Stone", Some(0.9)).unwrap();
    let last = queries.top_topics().unwrap().pop().unwrap();
    assert_eq!((last.key.as_str(), last.frequency, last.last_seen_ms), ("stone", 0, None));
    assert!((last.interest.confidence - 0.9).abs() < 1e-9);
}

#[test]
fn co_occurrence_is_of_shared_questions_of_this_persona_alone() {
    let dir = tempfile::tempdir().unwrap();
    let memory = asked(dir.path());
    let remembered = default_of(&memory);
    let with = |key: &str| -> Vec<(String, u64)> {
        let found = queries(&remembered).co_occurring(key, 10).unwrap();
        found.into_iter().map(|topic| (topic.key, topic.co_occurrence_count)).collect()
    };
    let tide = with("tide");
    assert_eq!(tide, [("moon", 2), ("sea", 2), ("shell", 1)].map(|(key, n)| (key.to_owned(), n)));
    assert!(!with("sea").iter().any(|(key, _)| key == "shell"));
    assert_eq!(queries(&remembered).last_met("moon", "tide").unwrap(), Some(NOW_MS - 5 * DAY_MS));
    assert_eq!(queries(&remembered).last_met("sea", "shell").unwrap(), None);
    assert_eq!(
        queries(&remembered).co_occurring("stone", 10).unwrap_err().kind(),
        ErrorKind::NotFound
    );

    let before = queries(&remembered).graph(&GraphRequest::default()).unwrap();
    let other: PersonaName = "other".parse().unwrap();
    memory.create_persona(&other, &PersonaDraft::default()).unwrap();
    let theirs = memory.of(&other).unwrap();
    for days in 0..20 {
        theirs.record_all(&[question(days, &["tide", "stone", "moon"], &[], &[7])]).unwrap();
    }
    assert_eq!(with("tide"), tide);
    assert_eq!(queries(&remembered).graph(&GraphRequest::default()).unwrap(), before);
    assert_eq!(queries(&theirs).co_occurring("tide", 1).unwrap()[0].co_occurrence_count, 20);
}

#[test]
fn related_topics_are_as_near_as_said() {
    let dir = tempfile::tempdir().unwrap();
    let memory = asked(dir.path());
    let remembered = default_of(&memory);
    let related = |depth, limit| -> Vec<(String, usize, u64, String)> {
        let found = queries(&remembered).related_topics("tide", depth, limit).unwrap();
        found
            .into_iter()
            .map(|topic| (topic.key, topic.distance, topic.co_occurrence_count, topic.via))
            .collect()
    };
    let all = [
        ("moon", 1, 2, "tide"),
        ("sea", 1, 2, "tide"),
        ("shell", 1, 1, "tide"),
        ("orbit", 2, 1, "moon"),
        ("comet", 3, 1, "orbit"),
    ]
    .map(|(key, distance, n, via)| (key.to_owned(), distance, n, via.to_owned()));
    assert_eq!(related(2, 10), all[..4]);
    assert_eq!(related(9, 10), all);
    for limit in 0..=5 {
        assert_eq!(related(3, limit), all[..limit], "the first {limit}");
    }
    let last = queries(&remembered).related_topics("tide", 2, 10).unwrap().pop().unwrap();
    assert_eq!(last.last_seen_ms, Some(NOW_MS - 4 * DAY_MS));
}

#[test]
fn documents_come_by_how_often_answers_drew_on_them() {
    let dir = tempfile::tempdir().unwrap();
    let memory = asked(dir.path());
    let remembered = default_of(&memory);
    let found = queries(&remembered).frequent_documents(DEFAULT_DOCUMENTS).unwrap();
    let seen: Vec<_> = found
        .iter()
        .map(|document| {
            let days = |ms: i64| (NOW_MS - ms) / DAY_MS;
            let (first, last) = (days(document.first_access_ms), days(document.last_access_ms));
            (document.path.as_str(), document.access_count, first, last)
        })
        .collect();
    assert_eq!(seen, [("/notes/7.md", 3, 9, 2), ("/notes/8.md", 2, 5, 4)]);
    assert_eq!(queries(&remembered).frequent_documents(1).unwrap(), found[..1]);
}

#[test]
fn the_graph_is_whole_or_as_far_as_said() {
    let dir = tempfile::tempdir().unwrap();
    let memory = asked(dir.path());
    let remembered = default_of(&memory);
    remembered.set_projects(&["Reef".to_owned()]).unwrap();
    let whole = queries(&remembered).graph(&GraphRequest::default()).unwrap();
    let count =
        |graph: &Graph, kind| graph.nodes().iter().filter(|node| node.id().kind() == kind).count();
    assert_eq!(NodeKind::ALL.map(|kind| count(&whole, kind)), [1, 6, 2, 1]);
    // Six interests, two documents, one project, and the pairs of the record: tide–moon, –sea and
    // –shell, moon–sea, moon–orbit, orbit–comet.
    assert_eq!(whole.edges().len(), 6 + 2 + 1 + 6);
    let pair = whole
        .edges()
        .iter()
        .find(|edge| edge.from == NodeId::topic("moon") && edge.to == NodeId::topic("tide"))
        .unwrap();
    // Two of the four interactions in which either was met.
    assert_eq!(
        pair.relation,
        Relation::RelatedTo {
            co_occurrence_count: 2,
            strength: 0.5,
            last_seen_ms: Some(NOW_MS - 5 * DAY_MS),
        }
    );
    let small = GraphRequest { limit: 2, ..GraphRequest::default() };
    let small = queries(&remembered).graph(&small).unwrap();
    assert_eq!(NodeKind::ALL.map(|kind| count(&small, kind)), [1, 2, 2, 1]);
    let near = |depth| {
        let topic = Some("orbit".to_owned());
        let request = GraphRequest { topic, depth, ..GraphRequest::default() };
        let graph = queries(&remembered).graph(&request).unwrap();
        graph.nodes().iter().map(|node| node.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(near(0), ["ORBIT"]);
    assert_eq!(near(1), ["default", "COMET", "MOON", "ORBIT"]);
    assert_eq!(near(2), ["default", "COMET", "MOON", "ORBIT", "SEA", "TIDE"]);
}

#[test]
fn a_document_goes_out_of_everything() {
    let dir = tempfile::tempdir().unwrap();
    let memory = asked(dir.path());
    let remembered = default_of(&memory);
    let id = &remembered.interactions(&InteractionFilter::default(), 1).unwrap()[0].id;
    remembered.set_feedback(id, Some(Feedback::Good), None).unwrap();
    for name in ["/notes/7.md", "7.md", "Seven", "07070707"] {
        assert_eq!(remembered.document_named(name).unwrap(), [7; 16], "{name}");
    }
    for name in [".md", "notes/%.md", "0707070", "", "70707070"] {
        assert_eq!(
            remembered.document_named(name).unwrap_err().kind(),
            ErrorKind::NotFound,
            "{name}"
        );
    }
    assert_eq!(remembered.forget_document(&[7; 16]).unwrap(), 3);
    let left = queries(&remembered).frequent_documents(9).unwrap();
    assert_eq!(left.iter().map(|document| document.content_hash[0]).collect::<Vec<_>>(), [8]);
    // The views are what the record gives.
    let kept = queries(&remembered).graph(&GraphRequest::default()).unwrap();
    let totals = |memory: &PersonaMemory| {
        let topics = queries(memory).user_topics(99).unwrap();
        topics.into_iter().map(|topic| (topic.key, topic.interest.depth)).collect::<Vec<_>>()
    };
    let kept_totals = totals(&remembered);
    remembered.rebuild_views().unwrap();
    assert_eq!(queries(&remembered).graph(&GraphRequest::default()).unwrap(), kept);
    assert_eq!(totals(&remembered), kept_totals);
    assert_eq!(remembered.count_interactions(&InteractionFilter::default()).unwrap(), 6);
    assert_eq!(remembered.forget_document(&[7; 16]).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn projects_begin_end_and_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let remembered = default_of(&memory);
    let set = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        remembered.set_projects(&names).unwrap();
        let known = queries(&remembered).projects().unwrap();
        known
            .into_iter()
            .map(|project| (project.name, project.is_active, project.ended_ms.is_some()))
            .collect::<Vec<_>>()
    };
    let is = |name: &str, active: bool| (name.to_owned(), active, !active);
    assert_eq!(set(&["Reef", "Ark"]), [is("Ark", true), is("Reef", true)]);
    let revision = remembered.revision().unwrap();
    assert_eq!(set(&["reef", "Ark"]), [is("Ark", true), is("Reef", true)]);
    assert_eq!(remembered.revision().unwrap(), revision, "nothing has changed");
    assert_eq!(set(&["Ark"]), [is("Ark", true), is("Reef", false)]);
    assert_eq!(set(&["REEF"]), [is("Ark", false), is("Reef", true)]);
    remembered.remove_project("ark").unwrap();
    assert_eq!(set(&["Reef"]), [is("Reef", true)]);
    assert_eq!(remembered.remove_project("ark").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn prepared_queries_search_by_index() {
    let dir = tempfile::tempdir().unwrap();
    let memory = asked(dir.path());
    let plan = |statement: &str| -> Vec<String> {
        default_of(&memory)
            .database()
            .read(|connection| {
                let mut statement =
                    connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
                // What is bound plays no part in the plan.
                let n = statement.parameter_count();
                let rows = statement
                    .query_map(rusqlite::params_from_iter(vec![1; n]), |row| row.get(3))
                    .unwrap();
                Ok(rows.map(rusqlite::Result::unwrap).collect())
            })
            .unwrap()
    };
    for (statement, index) in [
        (USER_TOPICS, "SEARCH s USING INDEX idx_topic_totals_hits (n_hits>?)"),
        (CO_OCCURRENCE, "SEARCH p USING COVERING INDEX idx_topic_pairs_count (a=?)"),
        (LINKS, "SEARCH topic_pairs USING COVERING INDEX idx_topic_pairs_count (a=?)"),
        (DOCUMENTS, "SCAN a USING INDEX idx_document_accesses_count"),
    ] {
        let plan = plan(statement);
        assert!(plan.iter().any(|step| step.contains(index)), "{index} in {plan:#?}");
        // In the order of the index: nothing is sorted, and a limit ends the reading.
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
    }
    let plan = plan(USER_TOPICS);
    assert!(
        plan.iter().any(|step| {
            step.contains("SCAN topic_totals USING COVERING INDEX idx_topic_totals_hits")
        }),
        "{plan:#?}"
    );
}
