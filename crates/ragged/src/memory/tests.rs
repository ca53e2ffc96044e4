use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::temporal::{FixedClock, window::day_at};

const DAY_MS: i64 = 86_400_000;
pub(super) const NOW_MS: i64 = 1_795_000_000_000;

pub(super) fn memory(dir: &Path) -> Memory {
    memory_in(dir, TimeZone::UTC)
}

pub(super) fn memory_in(dir: &Path, zone: TimeZone) -> Memory {
    let config = MemoryConfig { zone, ..MemoryConfig::default() };
    Memory::open(dir, None, config, Arc::new(FixedClock(NOW_MS))).unwrap()
}

pub(super) fn name(text: &str) -> PersonaName {
    text.parse().unwrap()
}

/// A question about topics, which found documents; names are made of the numbers.
pub(super) fn question(
    n: u64,
    at_ms: i64,
    words: &[u8],
    found: &[u8],
    documents: &[(u8, bool)],
) -> NewInteraction {
    let topic = |source| {
        move |n: &u8| RecordedTopic {
            key: format!("topic {n}"),
            name: format!("Topic {n}"),
            score: 0.5,
            source,
        }
    };
    let mut interaction =
        NewInteraction::new(format!("question {n}"), at_ms, InteractionKind::Query).unwrap();
    interaction.id = format!("{n:032x}");
    interaction.topics = words
        .iter()
        .map(topic(TopicSource::Query))
        .chain(found.iter().map(topic(TopicSource::Document)))
        .collect();
    interaction.documents = (1..)
        .zip(documents)
        .map(|(rank, (document, is_cited))| FoundDocument {
            content_hash: [*document; 16],
            title: None,
            path: format!("/notes/{document}.md"),
            doc_type: "md".to_owned(),
            rank,
            score: 0.5,
            is_cited: *is_cited,
        })
        .collect();
    interaction
}

pub(super) fn rows(memory: &PersonaMemory, statement: &str) -> Vec<String> {
    memory
        .database()
        .read(|connection| {
            let mut statement = connection.prepare(statement).unwrap();
            let n = statement.column_count();
            let rows = statement
                .query_map([], |row| {
                    let cells: Vec<String> =
                        (0..n).map(|idx| format!("{:?}", row.get_ref_unwrap(idx))).collect();
                    Ok(cells.join(" "))
                })
                .unwrap();
            Ok(rows.map(rusqlite::Result::unwrap).collect())
        })
        .unwrap()
}

const VIEWS: [&str; 6] = [
    "SELECT * FROM topic_totals ORDER BY 1",
    "SELECT * FROM topic_documents ORDER BY 1, 2",
    "SELECT * FROM topic_pairs ORDER BY 1, 2",
    "SELECT * FROM document_accesses ORDER BY 1",
    "SELECT * FROM daily_activity ORDER BY 1",
    "SELECT * FROM daily_topics ORDER BY 1, 2",
];

pub(super) fn views_of(memory: &PersonaMemory) -> Vec<Vec<String>> {
    VIEWS.iter().map(|statement| rows(memory, statement)).collect()
}

/// The definitions of `views`, read plainly.
#[derive(Default)]
struct Naive {
    hits: BTreeMap<i64, Vec<(i64, i64, i64, i64)>>,
    topic_documents: BTreeMap<(i64, i64), i64>,
    pairs: BTreeMap<(i64, i64), (i64, i64)>,
    accesses: BTreeMap<i64, Vec<i64>>,
    days: BTreeMap<i64, i64>,
    topic_days: BTreeMap<(i64, i64), i64>,
}

impl Naive {
    fn of(memory: &PersonaMemory) -> Self {
        let mut naive = Self::default();
        let zone = &memory.config.zone;
        memory
            .database()
            .read(|connection| {
                let ints = |statement: &str, seq: i64| -> Vec<Vec<i64>> {
                    let mut statement = connection.prepare(statement).unwrap();
                    let n = statement.column_count();
                    let rows = statement
                        .query_map([seq], |row| Ok((0..n).map(|idx| row.get_unwrap(idx)).collect()))
                        .unwrap();
                    rows.map(rusqlite::Result::unwrap).collect()
                };
                let all: Vec<(i64, i64, Option<String>)> = connection
                    .prepare("SELECT seq, timestamp, feedback FROM interactions")
                    .unwrap()
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .unwrap()
                    .map(rusqlite::Result::unwrap)
                    .collect();
                for (seq, at, feedback) in all {
                    let (good, bad) = (
                        feedback.as_deref() == Some("positive"),
                        feedback.as_deref() == Some("negative"),
                    );
                    let day = day_at(at, zone);
                    *naive.days.entry(day).or_default() += 1;
                    let mut hits = Vec::new();
                    for row in
                        ints("SELECT topic, source FROM interaction_topics WHERE seq = ?1", seq)
                    {
                        let (topic, of_words) = (row[0], row[1] == 0);
                        let weight = match (of_words, good, bad) {
                            (true, true, _) => 8,
                            (true, ..) => 4,
                            (false, true, _) => 2,
                            (false, _, true) => 0,
                            (false, ..) => 1,
                        };
                        if weight > 0 {
                            hits.push((topic, of_words));
                            naive.hits.entry(topic).or_default().push((
                                at,
                                seq,
                                weight,
                                i64::from(of_words),
                            ));
                            if of_words {
                                *naive.topic_days.entry((day, topic)).or_default() += 1;
                            }
                        }
                    }
                    for (a, a_words) in &hits {
                        for (b, b_words) in &hits {
                            if a != b && (*a_words || *b_words) {
                                let (n, last) = naive.pairs.entry((*a, *b)).or_insert((0, at));
                                *n += 1;
                                *last = at.max(*last);
                            }
                        }
                    }
                    for row in ints(
                        "SELECT document, rank, is_cited FROM interaction_documents WHERE seq = ?1",
                        seq,
                    ) {
                        let (document, in_front, cited) =
                            (row[0], row[1] <= 3 || row[2] == 1, row[2] == 1);
                        if (cited && !bad) || (in_front && good) {
                            naive.accesses.entry(document).or_default().push(at);
                        }
                        for (topic, _) in &hits {
                            if in_front && !bad {
                                *naive.topic_documents.entry((*topic, document)).or_default() += 1;
                            }
                        }
                    }
                }
                Ok(())
            })
            .unwrap();
        naive
    }

    fn views(mut self) -> Vec<Vec<String>> {
        let line = |numbers: &[i64]| -> String {
            let cells: Vec<String> =
                numbers.iter().map(|number| format!("Integer({number})")).collect();
            cells.join(" ")
        };
        let mut totals = Vec::new();
        for (topic, hits) in &mut self.hits {
            hits.sort_unstable();
            let minutes: Vec<i64> = hits.iter().map(|hit| hit.0.div_euclid(60_000)).collect();
            let gaps: Vec<i64> = minutes.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let documents = self.topic_documents.keys().filter(|(other, _)| other == topic).count();
            totals.push(line(&[
                *topic,
                hits.iter().map(|hit| hit.2).sum(),
                hits.iter().map(|hit| hit.3).sum(),
                i64::try_from(hits.len()).unwrap(),
                hits[0].0,
                hits[hits.len() - 1].0,
                gaps.iter().sum(),
                gaps.iter().map(|gap| gap * gap).sum(),
                i64::try_from(documents).unwrap(),
            ]));
        }
        vec![
            totals,
            self.topic_documents.iter().map(|((a, b), n)| line(&[*a, *b, *n])).collect(),
            self.pairs.iter().map(|((a, b), (n, last))| line(&[*a, *b, *n, *last])).collect(),
            self.accesses
                .iter()
                .map(|(document, times)| {
                    let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
                    line(&[*document, i64::try_from(times.len()).unwrap(), *first, *last])
                })
                .collect(),
            self.days.iter().map(|(day, n)| line(&[*day, *n])).collect(),
            self.topic_days.iter().map(|((day, topic), n)| line(&[*day, *topic, *n])).collect(),
        ]
    }
}

#[derive(Clone, Debug)]
pub(super) enum Op {
    Record { at_minutes: i64, words: Vec<u8>, found: Vec<u8>, documents: Vec<(u8, bool)> },
    Feedback(u64, Option<Feedback>),
    Delete(u64),
    DeleteDays(i64, i64),
    Forget(u8),
    Merge(u8, u8),
    Interest(u8, Option<f64>),
}

pub(super) fn ops() -> impl Strategy<Value = Vec<Op>> {
    let topics = || prop::collection::vec(0..6_u8, 0..4);
    let feedback = prop_oneof![Just(None), Just(Some(Feedback::Good)), Just(Some(Feedback::Bad)),];
    let op = prop_oneof![
        6 => (0..20_000_i64, topics(), topics(), prop::collection::vec((0..5_u8, any::<bool>()), 0..5))
            .prop_map(|(at_minutes, words, found, documents)| Op::Record {
                at_minutes, words, found, documents
            }),
        2 => (0..30_u64, feedback).prop_map(|(n, feedback)| Op::Feedback(n, feedback)),
        2 => (0..30_u64).prop_map(Op::Delete),
        1 => (0..14_i64, 0..3_i64).prop_map(|(from, days)| Op::DeleteDays(from, from + days)),
        1 => (0..6_u8).prop_map(Op::Forget),
        1 => (0..6_u8, 0..6_u8).prop_map(|(a, b)| Op::Merge(a, b)),
        1 => (0..6_u8, prop::option::of(0.0..1.0_f64)).prop_map(|(n, level)| Op::Interest(n, level)),
    ];
    prop::collection::vec(op, 1..40)
}

pub(super) fn unless_missing(result: Result<()>) {
    if let Err(error) = result {
        assert!(matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Invalid), "{error:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn views_follow_from_the_record(ops in ops()) {
        let dir = tempfile::tempdir().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(5));
        let memory = memory_in(dir.path(), zone);
        let remembered = memory.of(&PersonaName::default()).unwrap();
        let mut n = 0;
        let mut forgotten = BTreeSet::new();
        for op in ops {
            let before = remembered.revision().unwrap();
            match op {
                Op::Record { at_minutes, words, found, documents } => {
                    let at_ms = NOW_MS - 14 * DAY_MS + at_minutes * 60_123;
                    let new = question(n, at_ms, &words, &found, &documents);
                    prop_assert_eq!(remembered.record_all(std::slice::from_ref(&new)).unwrap(), 1);
                    // A second time is no second interaction.
                    prop_assert_eq!(remembered.record_all(&[new]).unwrap(), 0);
                    n += 1;
                    prop_assert!(remembered.revision().unwrap() > before);
                }
                Op::Feedback(n, feedback) => {
                    let id = format!("{n:032x}");
                    unless_missing(match feedback {
                        None => remembered.withdraw_feedback(&id),
                        given => remembered.set_feedback(&id, given, None),
                    });
                }
                Op::Delete(n) => {
                    unless_missing(remembered.delete_interaction(&format!("{n:032x}")));
                }
                Op::DeleteDays(from, to) => {
                    let day = |day: i64| Some(NOW_MS - (14 - day) * DAY_MS);
                    let filter = InteractionFilter {
                        since_ms: day(from), until_ms: day(to), ..InteractionFilter::default()
                    };
                    let counted = remembered.count_interactions(&filter).unwrap();
                    prop_assert_eq!(remembered.delete_interactions(&filter).unwrap(), counted);
                }
                Op::Forget(topic) => {
                    let key = format!("topic {topic}");
                    let known = remembered.forget_topic(&key);
                    if known.is_ok() {
                        forgotten.insert(key);
                    }
                    unless_missing(known.map(|_| ()));
                }
                Op::Merge(a, b) => {
                    let (a, b) = (format!("topic {a}"), format!("topic {b}"));
                    unless_missing(remembered.merge_topics(&a, &b));
                }
                Op::Interest(topic, level) => {
                    let key = format!("topic {topic}");
                    unless_missing(remembered.set_interest(&key, &key, level));
                    if level.is_some() {
                        forgotten.remove(&key);
                    }
                }
            }
            let kept = views_of(&remembered);
            prop_assert_eq!(&kept, &Naive::of(&remembered).views());
            remembered.rebuild_views().unwrap();
            prop_assert_eq!(&kept, &views_of(&remembered));
            // No name outlives what it was learned from, and none comes back that was forgotten.
            prop_assert_eq!(
                rows(&remembered, "SELECT key FROM topics \
                    WHERE topic NOT IN (SELECT topic FROM interaction_topics) \
                    AND topic NOT IN (SELECT topic FROM interest_overrides)"),
                Vec::<String>::new()
            );
            let learned = rows(&remembered, "SELECT key FROM topics");
            for key in &forgotten {
                let cell = format!("Text({:?})", key.as_bytes());
                prop_assert!(!learned.contains(&cell), "{key} came back");
            }
        }
    }
}

#[test]
fn personas_are_kept_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    assert!(Memory::exists(dir.path()));
    let researcher = name("Researcher");
    let draft = PersonaDraft {
        description: "reads papers".to_owned(),
        focus_areas: vec!["tides".to_owned(), "moon".to_owned()],
        active_projects: vec!["thesis".to_owned()],
        collections: vec!["papers".parse().unwrap()],
        response_style: ResponseStyle::Technical,
        ..PersonaDraft::default()
    };
    let made = memory.create_persona(&researcher, &draft).unwrap();
    assert_eq!((made.draft.clone(), made.recording), (draft.clone(), Recording::Off));
    assert_eq!(
        memory.create_persona(&name("RESEARCHER"), &draft).unwrap_err().kind(),
        ErrorKind::Conflict
    );
    let error = memory.persona(&name("nobody")).unwrap_err();
    assert!(error.hint().unwrap().contains("default, Researcher"), "{error:?}");

    memory.switch_to(&researcher).unwrap();
    memory.set_recording(&researcher, Recording::On).unwrap();
    memory.set_persona_setting(&researcher, "personalisation.alpha", Some("0.5")).unwrap();
    let remembered = memory.of(&researcher).unwrap();
    remembered.record_all(&[question(1, NOW_MS, &[1], &[], &[])]).unwrap();
    let (file_id, names) = (made.file_id.clone(), memory.personas().unwrap().len());
    assert_eq!((names, file_id.len()), (2, 32));

    // Another process sees the same.
    drop((remembered, memory));
    let memory = self::memory(dir.path());
    let active = memory.active().unwrap();
    assert_eq!((&active.name, active.usage_count), (&researcher, 1));
    assert_eq!((active.recording, active.last_used_ms), (Recording::On, Some(NOW_MS)));
    assert_eq!(
        memory.persona_settings(&researcher).unwrap(),
        [("personalisation.alpha".to_owned(), "0.5".to_owned())]
    );
    assert_eq!(
        memory.of(&researcher).unwrap().count_interactions(&InteractionFilter::default()).unwrap(),
        1
    );
    memory.set_persona_setting(&PersonaName::default(), "memory.timezone", Some("UTC")).unwrap();
    memory.set_persona_setting(&researcher, "memory.retention_days", Some("9")).unwrap();
    let noted = memory.last_noted(&active).unwrap();
    assert_eq!(
        memory.reset_persona_settings(&researcher).unwrap(),
        ["memory.retention_days", "personalisation.alpha"]
    );
    assert_eq!(memory.persona_settings(&researcher).unwrap(), []);
    assert_eq!(memory.persona_settings(&PersonaName::default()).unwrap().len(), 1);
    assert_eq!(memory.last_noted(&active).unwrap(), noted + 2, "one entry for each");
    assert_eq!(memory.reset_persona_settings(&researcher).unwrap(), [""; 0]);

    memory.delete_persona(&researcher).unwrap();
    assert!(!memory.vault().contains(&file_id));
    assert!(memory.active().unwrap().name.is_default());
    assert_eq!(memory.of(&researcher).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        memory.delete_persona(&PersonaName::default()).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    // Made anew, it knows nothing of the one before.
    memory.create_persona(&researcher, &PersonaDraft::default()).unwrap();
    let anew = memory.of(&researcher).unwrap();
    assert_eq!(anew.count_interactions(&InteractionFilter::default()).unwrap(), 0);
    assert_ne!(anew.file_id(), file_id);
}

#[test]
fn interactions_are_found_by_the_first_digits_of_their_ids() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let remembered = memory.of(&PersonaName::default()).unwrap();
    let mut a = question(1, NOW_MS, &[], &[], &[(1, true)]);
    let mut b = question(2, NOW_MS + 1, &[], &[], &[]);
    a.id = format!("abcd{:028x}", 1);
    b.id = format!("abce{:028x}", 1);
    remembered.record_all(&[a.clone(), b.clone()]).unwrap();
    assert_eq!(remembered.interaction("ABCD").unwrap().query, "question 1");
    assert_eq!(remembered.interaction(&a.id).unwrap().documents.len(), 1);
    for (id, kind) in [
        ("abc", ErrorKind::Invalid),
        ("abcf", ErrorKind::NotFound),
        ("", ErrorKind::Invalid),
        ("wxyz", ErrorKind::Invalid),
    ] {
        assert_eq!(remembered.interaction(id).unwrap_err().kind(), kind, "{id}");
    }
    // Both in one session, the newest first; an hour later another begins.
    let c = question(3, NOW_MS + 3_600_000, &[], &[], &[]);
    remembered.record_all(&[c]).unwrap();
    let all = remembered.interactions(&InteractionFilter::default(), 10).unwrap();
    let queries: Vec<&str> = all.iter().map(|found| found.query.as_str()).collect();
    assert_eq!(queries, ["question 3", "question 2", "question 1"]);
    assert_eq!(all[1].session_id, all[2].session_id);
    assert_ne!(all[0].session_id, all[1].session_id);
    let filter = InteractionFilter { text: Some("N 2".to_owned()), ..Default::default() };
    assert_eq!(remembered.interactions(&filter, 10).unwrap().len(), 1);
    let filter = InteractionFilter { text: Some("%".to_owned()), ..Default::default() };
    assert_eq!(remembered.count_interactions(&filter).unwrap(), 0);
}

#[test]
fn the_recorder_writes_what_it_was_given() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let personas: Vec<Arc<PersonaMemory>> = (0..5)
        .map(|n| {
            let name = name(&format!("p{n}"));
            memory.create_persona(&name, &PersonaDraft::default()).unwrap();
            memory.of(&name).unwrap()
        })
        .collect();
    let recorder = Recorder::new(2).unwrap();
    for n in 0..200_u64 {
        let new = question(n, NOW_MS + n.cast_signed(), &[1, 2], &[3], &[(1, true)]);
        recorder.record(&personas[n as usize % 5], Box::new(move || Ok(Some(new)))).unwrap();
    }
    recorder.record(&personas[0], Box::new(|| Ok(None))).unwrap();
    recorder.flush().unwrap();
    assert_eq!(recorder.counts(), (200, 0));
    for persona in &personas {
        assert_eq!(persona.count_interactions(&InteractionFilter::default()).unwrap(), 40);
        assert_eq!(views_of(persona), Naive::of(persona).views());
    }
    recorder
        .record(&personas[0], Box::new(|| Err(Error::new(ErrorKind::Internal, "planted"))))
        .unwrap();
    assert!(recorder.flush().is_err());
    recorder.flush().unwrap();
    assert_eq!(recorder.counts(), (200, 1));
    // What waits is written when the recorder is dropped.
    let new = question(999, NOW_MS, &[], &[], &[]);
    recorder.record(&personas[0], Box::new(move || Ok(Some(new)))).unwrap();
    drop(recorder);
    assert_eq!(personas[0].count_interactions(&InteractionFilter::default()).unwrap(), 41);
}

#[test]
fn no_persona_waits_for_another_ones_thread() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let personas: Vec<Arc<PersonaMemory>> = (0..6)
        .map(|n| {
            let name = name(&format!("p{n}"));
            memory.create_persona(&name, &PersonaDraft::default()).unwrap();
            memory.of(&name).unwrap()
        })
        .collect();
    let recorder = Recorder::new(2).unwrap();
    let (others, first_waits) = std::sync::mpsc::channel();
    // The first one is held up until all others were served, whatever their files are called.
    recorder
        .record(
            &personas[0],
            Box::new(move || {
                for _ in 1..6 {
                    first_waits.recv().unwrap();
                }
                Ok(Some(question(0, NOW_MS, &[1], &[], &[])))
            }),
        )
        .unwrap();
    for (n, persona) in (1..).zip(&personas[1..]) {
        let others = others.clone();
        let preparation: Preparation = Box::new(move || {
            others.send(()).unwrap();
            Ok(Some(question(n, NOW_MS, &[1], &[], &[])))
        });
        recorder.record(persona, preparation).unwrap();
    }
    // What one persona asked stays in its order meanwhile.
    for n in 10..300_u64 {
        let new = question(n, NOW_MS, &[1], &[], &[]);
        recorder.record(&personas[0], Box::new(move || Ok(Some(new)))).unwrap();
    }
    recorder.flush().unwrap();
    assert_eq!(recorder.counts(), (296, 0));
    let mut order = Vec::new();
    let filter = InteractionFilter::default();
    personas[0]
        .for_each_interaction(&filter, |interaction| {
            order.push(u64::from_str_radix(&interaction.id, 16).unwrap());
            Ok(())
        })
        .unwrap();
    assert_eq!(order, std::iter::once(0).chain(10..300).collect::<Vec<u64>>());
}

#[test]
fn a_view_that_is_not_what_the_record_says_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let remembered = memory.of(&PersonaName::default()).unwrap();
    for n in 0..20 {
        let new = question(n, NOW_MS, &[1, 2], &[3], &[(1, true)]);
        remembered.record_all(&[new]).unwrap();
    }
    let before = views_of(&remembered);
    assert_eq!(remembered.check_views().unwrap(), []);
    assert_eq!(views_of(&remembered), before);
    remembered
        .database()
        .write(|tx| {
            tx.execute("UPDATE topic_totals SET n_hits = 19 WHERE topic = 1", []).unwrap();
            tx.execute("DELETE FROM daily_activity", []).unwrap();
            Ok(())
        })
        .unwrap();
    let told: Vec<_> = remembered
        .check_views()
        .unwrap()
        .into_iter()
        .map(|difference| (difference.view, difference.missing, difference.surplus))
        .collect();
    assert_eq!(told, [("topic_totals", 1, 1), ("daily_activity", 1, 0)]);
    remembered.rebuild_views().unwrap();
    assert_eq!(remembered.check_views().unwrap(), []);
}

#[test]
fn the_named_indexes_are_used_and_change_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let remembered = memory.of(&PersonaName::default()).unwrap();
    for n in 0..60 {
        let mut new = question(n, NOW_MS + n.cast_signed() * 1000, &[1], &[], &[]);
        new.session_id = Some(format!("{:032x}", n % 7));
        remembered.record_all(&[new]).unwrap();
    }
    for plan in remembered.index_plans().unwrap() {
        assert!(plan.is_used(), "{}:\n{}", plan.index, plan.plan);
    }
    let of_session = |n: u64| InteractionFilter {
        since_ms: Some(NOW_MS + 5000),
        until_ms: Some(NOW_MS + 50_000),
        session_id: Some(format!("{n:032x}")),
        ..InteractionFilter::default()
    };
    for n in 0..8 {
        let found = remembered.interactions(&of_session(n), 100).unwrap();
        let expected: Vec<String> = (5..50_u64)
            .rev()
            .filter(|number| number % 7 == n)
            .map(|number| format!("{number:032x}"))
            .collect();
        let ids: Vec<&String> = found.iter().map(|interaction| &interaction.id).collect();
        assert_eq!(ids, expected.iter().collect::<Vec<_>>());
        assert_eq!(remembered.count_interactions(&of_session(n)).unwrap(), found.len() as u64);
    }
    assert_eq!(remembered.delete_interactions(&of_session(3)).unwrap(), 6);
    assert_eq!(remembered.check_views().unwrap(), []);
}

#[test]
fn daily_counts_follow_the_zone() {
    let dir = tempfile::tempdir().unwrap();
    // 23:30 on one day in UTC, the next day in a zone an hour ahead.
    let at_ms = 1_795_000_000_000_i64.div_euclid(DAY_MS) * DAY_MS + 23 * 3_600_000 + 1_800_000;
    {
        let memory = memory(dir.path());
        let remembered = memory.of(&PersonaName::default()).unwrap();
        remembered.record_all(&[question(1, at_ms, &[1], &[], &[])]).unwrap();
    }
    let day = at_ms.div_euclid(DAY_MS);
    for (zone, expected) in [
        (TimeZone::UTC, day),
        (TimeZone::fixed(jiff::tz::offset(1)), day + 1),
        (TimeZone::UTC, day),
    ] {
        let memory = memory_in(dir.path(), zone);
        let remembered = memory.of(&PersonaName::default()).unwrap();
        assert_eq!(
            rows(&remembered, "SELECT day FROM daily_topics"),
            [format!("Integer({expected})")]
        );
        assert_eq!(views_of(&remembered), Naive::of(&remembered).views());
    }
}

#[test]
fn clearing_leaves_nothing_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let remembered = memory.of(&PersonaName::default()).unwrap();
    let mut new = question(1, NOW_MS, &[1], &[2], &[(1, true)]);
    new.query = "where is the canary".to_owned();
    remembered.record_all(&[new]).unwrap();
    let found = || {
        let pages = memory.vault().decrypted_pages(remembered.file_id()).unwrap();
        assert!(pages.broken.is_empty());
        pages.containing(&[b"canary", b"topic 1", b"Topic 2", b"/notes/1.md"]).len()
    };
    assert!(found() > 0);
    remembered.clear().unwrap();
    assert_eq!(found(), 0);
    assert_eq!(views_of(&remembered), Naive::of(&remembered).views());
}

const SECRET: &str = "the heron nests in the old willow";

fn told(memory: &Memory, who: &PersonaName, n: u64, text: &str) {
    let mut interaction = question(n, NOW_MS, &[1], &[2], &[(1, true)]);
    interaction.query = text.to_owned();
    memory.of(who).unwrap().record_all(&[interaction]).unwrap();
}

/// Where a check found something, as words.
fn places(check: &ErasureCheck) -> Vec<(RemainsPlace, bool)> {
    check.found.iter().map(|remains| (remains.place, remains.in_log)).collect()
}

#[test]
fn erasing_is_seen_in_the_pages_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let who = name("default");
    let find = |text: &str| memory.verify_erased(dir.path(), text).unwrap();
    told(&memory, &who, 1, SECRET);
    told(&memory, &who, 2, "nothing of the kind");
    // In the log, then in the file, in other letters.
    assert!(places(&find(SECRET)).iter().all(|place| *place == (RemainsPlace::Memory, true)));
    assert!(!find(SECRET).is_erased());
    memory.of(&who).unwrap().database().settle(false).unwrap();
    assert_eq!(places(&find("The HERON nests")), [(RemainsPlace::Memory, false)]);

    let erased = memory.delete_interaction(&who, &format!("{:032x}", 1)).unwrap();
    assert_eq!(erased.deleted.interactions, 1);
    assert!(erased.remains.is_none());
    let check = find(SECRET);
    assert!(check.is_erased() && check.n_pages > 5, "{check:?}");
    assert!(!find("nothing of the kind").is_erased());
    assert!(memory.verify_all_erased().unwrap().is_erased());
}

#[test]
fn what_a_careless_program_leaves_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let who = name("default");
    // Long enough for a chain of pages of its own.
    let long = (0..400).map(|n| format!("{SECRET} {n}")).collect::<Vec<_>>().join(", ");
    told(&memory, &who, 1, &long);
    for n in 2..40 {
        told(&memory, &who, n, &format!("question {n} about reeds and rushes at the pond"));
    }
    let remembered = memory.of(&who).unwrap();
    assert!(memory.verify_all_erased().unwrap().is_erased());
    remembered
        .database()
        .write(|tx| {
            sql(tx.pragma_update_and_check(None, "secure_delete", false, |_| Ok(())))?;
            remembered.delete_these(tx, &[1, 7])
        })
        .unwrap();
    remembered.database().settle(false).unwrap();
    // In free pages, and in the freed part of one in use.
    for text in [SECRET, "question 7 about reeds"] {
        let check = memory.verify_erased(dir.path(), text).unwrap();
        assert!(check.found.iter().any(|remains| !remains.in_log), "{text}");
    }
    let check = memory.verify_all_erased().unwrap();
    assert!(check.found.len() >= 3, "{:?}", check.found);
    assert!(check.found.iter().all(|remains| remains.persona == Some(who.clone())));

    remembered.erase_remains().unwrap();
    let check = memory.verify_all_erased().unwrap();
    assert!(check.is_erased(), "{:?}", check.found);
    assert!(memory.verify_erased(dir.path(), SECRET).unwrap().is_erased());
}

#[test]
fn a_text_over_two_pages_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let who = name("default");
    // Somewhere in each chain of pages a page ends.
    let digits = |range: std::ops::Range<u32>| -> String {
        range.flat_map(|n| format!("{n:04}").chars().collect::<Vec<_>>()).collect()
    };
    told(&memory, &who, 1, &digits(0..9000));
    memory.of(&who).unwrap().database().settle(false).unwrap();
    for n in 0..8990 {
        // Every stretch, so that some go over each border.
        if n % 89 == 0 || (900..1100).contains(&n) {
            let text = digits(n..n + 3);
            let check = memory.verify_erased(dir.path(), &text).unwrap();
            assert_eq!(check.found.len(), 1, "{text}");
        }
    }
    assert!(memory.verify_erased(dir.path(), "00010003").unwrap().is_erased());
}

#[test]
fn a_cleared_persona_holds_nothing_but_tables() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let (who, other) = (name("default"), name("other"));
    memory.create_persona(&other, &PersonaDraft::default()).unwrap();
    for n in 0..200 {
        told(&memory, &who, n, &format!("{SECRET} {n}"));
        told(&memory, &other, n, &format!("the otter sleeps by the weir {n}"));
    }
    let erased = memory.clear(&who).unwrap();
    assert_eq!(erased.deleted.interactions, 200);
    let check = memory.verify_all_erased().unwrap();
    assert!(check.is_erased(), "{:?}", check.found);
    for text in [SECRET, "Topic 1", "/notes/1.md"] {
        let check = memory.verify_erased(dir.path(), text).unwrap();
        assert!(check.found.iter().all(|remains| remains.persona != Some(who.clone())), "{text}");
    }
    // The pages themselves hold what those of a persona that never asked anything hold.
    let unused = name("unused");
    memory.create_persona(&unused, &PersonaDraft::default()).unwrap();
    memory.clear(&unused).unwrap();
    let bytes_of = |who: &PersonaName| -> Vec<u8> {
        let file_id = memory.persona(who).unwrap().file_id;
        let pages = memory.vault().decrypted_pages(&file_id).unwrap().pages;
        pages.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect()
    };
    let (cleared, fresh) = (bytes_of(&who), bytes_of(&unused));
    assert!(cleared.len() <= fresh.len(), "{} bytes, not {}", cleared.len(), fresh.len());
    for word in cleared.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_') {
        // A number beside a word may look like a letter.
        let Some(inner) = word.get(1..word.len().saturating_sub(1)) else { continue };
        assert!(
            inner.len() < 5 || fresh.windows(inner.len()).any(|window| window == inner),
            "{}",
            String::from_utf8_lossy(word)
        );
    }
}

#[test]
fn forgetting_takes_everything_that_mentions_a_text() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let who = name("default");
    let draft = PersonaDraft {
        description: "watches herons".to_owned(),
        focus_areas: vec!["Heron nests".to_owned(), "moon".to_owned()],
        ..PersonaDraft::default()
    };
    memory.edit_persona(&who, &draft).unwrap();
    let remembered = memory.of(&who).unwrap();
    let mut answers = question(1, NOW_MS, &[1, 2], &[], &[(1, true), (2, false)]);
    answers.response = Some("A HERON stood there".to_owned());
    let mut about = question(2, NOW_MS + 1000, &[1], &[3], &[(1, true)]);
    about.topics[0].key = "grey heron".to_owned();
    about.topics[0].name = "grey heron".to_owned();
    let mut found = question(3, NOW_MS + 2000, &[1], &[3], &[(1, true), (3, true)]);
    found.documents[1].path = "/notes/heron.md".to_owned();
    let plain = question(4, NOW_MS + 3000, &[1], &[3], &[(1, true)]);
    remembered.record_all(&[answers, about, found, plain]).unwrap();
    remembered
        .database()
        .write(|tx| {
            sql(tx.execute_batch(
                "INSERT INTO temporal_facts VALUES ('f', 'default', 'sighting', 'an egret', 0, \
                 NULL, 1, NULL, NULL, 0, 2, 5, 'second'); \
                 INSERT INTO fact_versions VALUES ('f', 1, 'default', 'sighting', 'a heron', 0, \
                 NULL, 1, NULL, 0, 5, 'first'); \
                 INSERT INTO projects VALUES ('count the herons', '', 'active', 0, NULL)",
            ))
        })
        .unwrap();
    let expected = Mentions {
        interactions: 1,
        topics: 1,
        documents: 1,
        facts: 1,
        projects: 1,
        tests: 0,
        persona: 2,
    };
    assert_eq!(memory.mentions(&who, "heron").unwrap(), expected);
    let erased = memory.forget(&who, "heron").unwrap();
    assert_eq!(erased.deleted, expected);
    assert_eq!(memory.mentions(&who, "heron").unwrap().total(), 0);
    let check = memory.verify_erased(dir.path(), "heron").unwrap();
    assert!(check.is_erased(), "{:?}", check.found);
    // The rest stays, and the views are level with it.
    assert_eq!(remembered.count_interactions(&InteractionFilter::default()).unwrap(), 3);
    assert_eq!(memory.persona(&who).unwrap().draft.focus_areas, ["moon"]);
    let kept = views_of(&remembered);
    remembered.rebuild_views().unwrap();
    assert_eq!(views_of(&remembered), kept);
    assert_eq!(memory.forget(&who, " \n").unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_deletion_while_somebody_reads_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let who = name("default");
    told(&memory, &who, 1, SECRET);
    let other = memory_in(dir.path(), TimeZone::UTC);
    let theirs = other.of(&who).unwrap();
    let reader = theirs.database().reader().unwrap();
    let state = reader.unchecked_transaction().unwrap();
    let n: i64 = state.query_row("SELECT count(*) FROM interactions", [], |r| r.get(0)).unwrap();
    assert_eq!(n, 1);
    let erased = memory.delete_interactions(&who, &InteractionFilter::default()).unwrap();
    assert_eq!(erased.deleted.interactions, 1);
    assert_eq!(erased.remains.unwrap().kind(), ErrorKind::Busy);
    assert!(!memory.verify_erased(dir.path(), SECRET).unwrap().is_erased());
    drop(state);
    drop(reader);
    memory.of(&who).unwrap().erase_remains().unwrap();
    assert!(memory.verify_erased(dir.path(), SECRET).unwrap().is_erased());
}

#[test]
fn the_audit_log_shows_what_was_changed() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let who = name("Zebulon");
    memory.create_persona(&who, &PersonaDraft::default()).unwrap();
    memory.set_recording(&who, Recording::On).unwrap();
    memory.set_learning(&who, false).unwrap();
    memory.set_personalised(&who, false).unwrap();
    memory.switch_to(&who).unwrap();
    told(&memory, &who, 1, SECRET);
    memory.delete_interaction(&who, &format!("{:032x}", 1)).unwrap();
    memory.note(Operation::Export, Some(&who), &[("interactions", "0".to_owned())]).unwrap();
    let log = memory.audit_log(&[]).unwrap();
    let operations: Vec<&str> = log.iter().map(|entry| entry.operation.as_str()).collect();
    assert_eq!(
        operations,
        [
            "persona-create",
            "enable",
            "learning",
            "personalisation",
            "persona-switch",
            "delete",
            "export"
        ]
    );
    let said = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        log[5].content,
        Some(vec![
            said("persona", "Zebulon"),
            said("ids", &format!("{:032x}", 1)),
            said("interactions", "1")
        ])
    );
    assert_eq!(memory.audit_log(&[Operation::Delete]).unwrap().len(), 1);
    assert!(memory.check_audit_log().unwrap().is_whole());

    // Each way of changing it is seen.
    let is_seen = |statement: &str| {
        let undone = memory.registry().write(|tx| {
            tx.execute_batch(statement).unwrap();
            assert!(!audit::check(tx).unwrap().is_whole(), "{statement}");
            Err::<(), _>(Error::new(ErrorKind::Interrupted, "undone"))
        });
        assert_eq!(undone.unwrap_err().kind(), ErrorKind::Interrupted);
    };
    for statement in [
        "UPDATE audit_log SET timestamp = timestamp + 1 WHERE seq = 3",
        "UPDATE audit_log SET operation = 'enable' WHERE seq = 3",
        "UPDATE audit_log SET content = content || 'x' WHERE seq = 3",
        "UPDATE audit_log SET digest = zeroblob(32) WHERE seq = 3",
        "DELETE FROM audit_log WHERE seq = 1",
        "DELETE FROM audit_log WHERE seq = 3",
        "DELETE FROM audit_log WHERE seq = 7",
        "DELETE FROM audit_log",
    ] {
        is_seen(statement);
    }

    // Of a persona that was destroyed not even the name stays.
    memory.delete_persona(&who).unwrap();
    let check = memory.check_audit_log().unwrap();
    assert!(check.is_whole(), "{check:?}");
    assert_eq!((check.n_entries, check.n_dropped), (8, 7));
    let check = memory.verify_erased(dir.path(), "Zebulon").unwrap();
    assert!(check.is_erased(), "{:?}", check.found);
    assert!(memory.verify_all_erased().unwrap().is_erased());
}

#[test]
fn personal_data_is_replaced_before_it_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let config = MemoryConfig { is_redacting: true, ..MemoryConfig::default() };
    let memory = Memory::open(dir.path(), None, config, Arc::new(FixedClock(NOW_MS))).unwrap();
    let who = name("default");
    let remembered = memory.of(&who).unwrap();
    let mut asked = question(1, NOW_MS, &[1], &[], &[]);
    asked.query = "who is ada@example.org".to_owned();
    asked.response = Some("call 555-1234".to_owned());
    asked.topics[0].name = "ada@example.org".to_owned();
    remembered.record_all(&[asked]).unwrap();
    remembered.set_feedback(&format!("{:032x}", 1), None, Some("no, 10.1.2.3")).unwrap();
    let kept = remembered.interaction(&format!("{:032x}", 1)).unwrap();
    assert_eq!(kept.query, "who is [EMAIL]");
    assert_eq!(kept.response.as_deref(), Some("call [PHONE]"));
    assert_eq!(kept.correction.as_deref(), Some("no, [IP]"));
    assert!(kept.topics.is_empty());
    for text in ["ada@", "555-1234", "10.1.2.3"] {
        assert!(memory.verify_erased(dir.path(), text).unwrap().is_erased(), "{text}");
    }
}

#[test]
fn what_is_past_its_retention_goes_once_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let open = |now_ms: i64, retention_days| {
        let config = MemoryConfig { retention_days, ..MemoryConfig::default() };
        Memory::open(dir.path(), None, config, Arc::new(FixedClock(now_ms))).unwrap()
    };
    let who = name("default");
    {
        let memory = open(NOW_MS, None);
        let remembered = memory.of(&who).unwrap();
        let asked: Vec<_> = [NOW_MS - 40 * DAY_MS, NOW_MS - 30 * DAY_MS, NOW_MS]
            .into_iter()
            .zip(1..)
            .map(|(at, n)| question(n, at, &[1], &[], &[]))
            .collect();
        remembered.record_all(&asked).unwrap();
        assert_eq!(memory.n_expired(), 0);
    }
    let count = |memory: &Memory| {
        memory.of(&who).unwrap().count_interactions(&InteractionFilter::default()).unwrap()
    };
    let memory = open(NOW_MS, Some(30));
    assert_eq!((memory.n_expired(), count(&memory)), (1, 2));
    assert_eq!(memory.audit_log(&[Operation::Expire]).unwrap().len(), 1);
    assert!(memory.verify_erased(dir.path(), "question 1").unwrap().is_erased());
    // The next is due, but not on this day.
    assert_eq!(open(NOW_MS + DAY_MS - 1, Some(30)).n_expired(), 0);
    assert_eq!(open(NOW_MS + DAY_MS, Some(30)).n_expired(), 1);
    assert_eq!(open(NOW_MS + 9 * DAY_MS, None).n_expired(), 0);
}
