use proptest::prelude::*;

use super::*;
use crate::memory::{
    Memory, PersonaDraft, PersonaName,
    tests::{Op, memory, name, ops, question, rows, unless_missing, views_of},
};

const NOW_MS: i64 = 1_795_000_000_000;
const MINUTE_MS: i64 = 60_123;

fn exported(memory: &PersonaMemory, filter: &InteractionFilter) -> Vec<TransferRow> {
    let (mut all, mut counts) = (Vec::new(), None);
    memory
        .export(
            filter,
            |told| {
                counts = Some(*told);
                Ok(())
            },
            |row| {
                all.push(row);
                Ok(())
            },
        )
        .unwrap();
    assert_eq!(counts.unwrap(), counted(&all), "what was told beforehand");
    all
}

fn counted(all: &[TransferRow]) -> TransferCounts {
    let mut counts = TransferCounts::default();
    for row in all {
        *match row {
            TransferRow::Topic(_) => &mut counts.topics,
            TransferRow::Alias(_) => &mut counts.aliases,
            TransferRow::Kept(_) => &mut counts.kept_contradictions,
            TransferRow::Project(_) => &mut counts.projects,
            TransferRow::Fact(_) => &mut counts.facts,
            TransferRow::FactVersion(_) => &mut counts.fact_versions,
            TransferRow::Relationship(_) => &mut counts.relationships,
            TransferRow::Test(_) => &mut counts.tests,
            TransferRow::Interaction(_) => &mut counts.interactions,
        } += 1;
    }
    counts
}

fn everything(memory: &PersonaMemory) -> Vec<TransferRow> {
    exported(memory, &InteractionFilter::default())
}

fn take(memory: &PersonaMemory, all: &[TransferRow], mode: ImportMode) -> Result<ImportReport> {
    memory.import(mode, |import| all.iter().try_for_each(|row| import.take(row.clone())))
}

/// The same rows as those of another persona.
fn named(all: &[TransferRow], name: &PersonaName) -> Vec<TransferRow> {
    all.iter()
        .cloned()
        .map(|row| match row {
            TransferRow::Interaction(interaction) => TransferRow::Interaction(Interaction {
                persona: name.as_str().to_owned(),
                ..interaction
            }),
            row => row,
        })
        .collect()
}

fn other(memory: &Memory, name: &PersonaName) -> std::sync::Arc<PersonaMemory> {
    memory.create_persona(name, &PersonaDraft::default()).unwrap();
    memory.of(name).unwrap()
}

fn fact(n: u8, version: i64, to_ms: Option<i64>, confidence: f64) -> [TransferRow; 2] {
    let (id, content) = (format!("fact {n}"), format!("worked at place {n}"));
    [
        TransferRow::Fact(TransferFact {
            id: id.clone(),
            fact_type: "work".to_owned(),
            content: content.clone(),
            valid_from_ms: 1_000,
            valid_to_ms: to_ms,
            confidence,
            source: None,
            metadata: Some("{\"a\": 1}".to_owned()),
            created_at_ms: NOW_MS,
            version,
        }),
        TransferRow::FactVersion(Fact {
            id,
            version: u32::try_from(version).unwrap(),
            fact_type: "work".to_owned(),
            content,
            valid_from_ms: 1_000,
            valid_to_ms: to_ms,
            confidence,
            source: Some("a letter".to_owned()),
            known_from_ms: NOW_MS,
            known_to_ms: None,
            reason: "said".to_owned(),
        }),
    ]
}

/// Does what is drawn to a memory; what it cannot do there, it leaves.
fn apply(remembered: &PersonaMemory, ops: Vec<Op>) {
    let mut n = 0;
    for op in ops {
        match op {
            Op::Record { at_minutes, words, found, documents } => {
                let at_ms = NOW_MS + at_minutes * MINUTE_MS;
                let mut new = question(n, at_ms, &words, &found, &documents);
                new.latency_ms = Some(at_minutes as f64 / 3.0);
                new.response = (n % 2 == 0).then(|| format!("answer \u{2028} \"{n}\"\n"));
                if n % 5 == 4 {
                    new.is_learned = false;
                    new.topics.clear();
                }
                remembered.record_all(&[new]).unwrap();
                n += 1;
            }
            Op::Feedback(n, feedback) => unless_missing(remembered.set_feedback(
                &format!("{n:032x}"),
                feedback,
                Some("in other words"),
            )),
            Op::Delete(n) => {
                unless_missing(remembered.delete_interaction(&format!("{n:032x}")));
            }
            Op::DeleteDays(..) => {}
            Op::Forget(topic) => {
                unless_missing(remembered.forget_topic(&format!("topic {topic}")).map(|_| ()));
            }
            Op::Merge(a, b) => {
                let (a, b) = (format!("topic {a}"), format!("topic {b}"));
                unless_missing(remembered.merge_topics(&a, &b));
            }
            Op::Interest(topic, level) => {
                let key = format!("topic {topic}");
                unless_missing(remembered.set_interest(&key, &key, level));
            }
        }
    }
}

fn facts() -> impl Strategy<Value = Vec<TransferRow>> {
    let one = (0..9_u8, 1..4_i64, prop::option::of(1_000..9_000_i64), 0.0..=1.0_f64)
        .prop_map(|(n, version, to_ms, confidence)| fact(n, version, to_ms, confidence));
    prop::collection::vec(one, 0..6).prop_map(|facts| facts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_goes_out_comes_in_without_loss(ops in ops(), facts in facts(), seed in any::<u64>()) {
        let dir = tempfile::tempdir().unwrap();
        let memory = memory(dir.path());
        let source = memory.of(&PersonaName::default()).unwrap();
        apply(&source, ops);
        take(&source, &facts, ImportMode::Keep).unwrap();
        let out = everything(&source);

        let name = name("other");
        let target = other(&memory, &name);
        // A rehearsal says the same and changes nothing.
        let rehearsed = take(&target, &out, ImportMode::Rehearse).unwrap();
        prop_assert_eq!(everything(&target), Vec::new());
        // The order of kinds does not matter; that of interactions is theirs.
        let mut shuffled = out.clone();
        let at = (seed % (out.len() as u64 + 1)) as usize;
        shuffled.rotate_left(at);
        let report = take(&target, &shuffled, ImportMode::Keep).unwrap();
        prop_assert_eq!(report.read, counted(&out));
        prop_assert_eq!(report.added, rehearsed.added);
        prop_assert_eq!(report.n_forgotten, 0);
        let named = named(&out, &name);
        let by_content = |mut rows: Vec<TransferRow>| {
            rows.sort_by_key(|row| format!("{row:?}"));
            rows
        };
        prop_assert_eq!(by_content(everything(&target)), by_content(named.clone()));

        // As if it had been learned here.
        let views = views_of(&target);
        target.rebuild_views().unwrap();
        prop_assert_eq!(&views, &views_of(&target));

        // A second time adds nothing.
        let revision = target.revision().unwrap();
        let again = take(&target, &out, ImportMode::Keep).unwrap();
        prop_assert_eq!(again.added, TransferCounts::default());
        prop_assert_eq!(target.revision().unwrap(), revision);
        prop_assert_eq!(by_content(everything(&target)), by_content(named));
    }
}

#[test]
fn what_fails_halfway_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let source = memory.of(&PersonaName::default()).unwrap();
    let new: Vec<_> = (0..20).map(|n| question(n, NOW_MS, &[1, 2], &[3], &[(1, true)])).collect();
    source.record_all(&new).unwrap();
    source.set_interest("topic 9", "Topic 9", Some(0.3)).unwrap();
    let out = everything(&source);
    let target = other(&memory, &name("other"));
    let before = views_of(&target);
    for bad in [
        TransferRow::Interaction(Interaction {
            id: "NOT HEXADECIMAL".to_owned(),
            ..source.interaction(&format!("{:032x}", 1)).unwrap()
        }),
        TransferRow::Topic(TransferTopic {
            key: "k".to_owned(),
            name: "K".to_owned(),
            category: "inferred".to_owned(),
            frequency: 0,
            first_seen_ms: None,
            last_seen_ms: None,
            level: Some(InterestLevel { level: 1.5, set_at_ms: 0 }),
        }),
        fact(1, 1, Some(0), 0.5)[0].clone(),
        fact(1, 1, None, f64::NAN)[1].clone(),
    ] {
        let half = [&out[..out.len() / 2 + 5], &[bad]].concat();
        let error = take(&target, &half, ImportMode::Keep).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
        assert_eq!((everything(&target), views_of(&target)), (Vec::new(), before.clone()));
        assert_eq!(rows(&target, "SELECT * FROM topics"), Vec::<String>::new());
    }
    assert_eq!(take(&target, &out, ImportMode::Keep).unwrap().added.interactions, 20);
}

#[test]
fn what_was_forgotten_or_decided_here_stays_so() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let source = memory.of(&PersonaName::default()).unwrap();
    source
        .record_all(&[
            question(1, NOW_MS, &[1, 2], &[], &[]),
            question(2, NOW_MS + 1, &[1, 3], &[], &[]),
        ])
        .unwrap();
    source.set_interest("topic 2", "Topic 2", Some(0.25)).unwrap();
    take(&source, &fact(1, 1, None, 0.5), ImportMode::Keep).unwrap();

    let target = other(&memory, &name("other"));
    target.record_all(&[question(3, NOW_MS, &[1, 2], &[], &[])]).unwrap();
    target.forget_topic("topic 1").unwrap();
    target.set_interest("topic 2", "Topic 2", Some(0.75)).unwrap();
    take(&target, &fact(1, 2, Some(5_000), 1.0), ImportMode::Keep).unwrap();

    let report = take(&target, &everything(&source), ImportMode::Keep).unwrap();
    assert_eq!((report.added.interactions, report.n_forgotten), (2, 2));
    assert_eq!((report.added.topics, report.added.facts, report.added.fact_versions), (0, 0, 0));
    let out = everything(&target);
    for row in &out {
        match row {
            TransferRow::Topic(topic) => {
                assert_ne!(topic.key, "topic 1");
                let level = (topic.key == "topic 2").then_some(0.75);
                assert_eq!(topic.level.map(|set| set.level), level, "{topic:?}");
            }
            TransferRow::Fact(fact) => assert_eq!(fact.version, 2),
            TransferRow::FactVersion(version) => assert_eq!(version.version, 2),
            TransferRow::Interaction(interaction) => {
                assert!(interaction.topics.iter().all(|topic| topic.key != "topic 1"));
            }
            _ => {}
        }
    }
    let counts = counted(&out);
    assert_eq!((counts.interactions, counts.facts, counts.fact_versions), (3, 1, 1));
}

#[test]
fn a_stretch_of_time_leaves_the_rest_whole() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let source = memory.of(&PersonaName::default()).unwrap();
    let new: Vec<_> =
        (0..6_u8).map(|n| question(n.into(), 1_000 * i64::from(n), &[n], &[], &[])).collect();
    source.record_all(&new).unwrap();
    let filter =
        InteractionFilter { since_ms: Some(2_000), until_ms: Some(4_000), ..Default::default() };
    let part = exported(&source, &filter);
    let counts = counted(&part);
    assert_eq!((counts.interactions, counts.topics), (2, 6));
    // Brought in elsewhere, no topic comes without what it was learned from.
    let target = other(&memory, &name("other"));
    take(&target, &part, ImportMode::Keep).unwrap();
    let keys = rows(&target, "SELECT count(*) FROM topics");
    assert_eq!(keys, ["Integer(2)"]);
}
