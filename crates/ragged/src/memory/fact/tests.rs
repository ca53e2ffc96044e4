use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use proptest::prelude::*;

use super::*;
use crate::{
    memory::{Memory, MemoryConfig, PersonaName},
    temporal::Clock,
};

/// A clock that a test moves on.
#[derive(Debug, Default)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

fn remembered(dir: &std::path::Path, clock: Arc<Ticking>) -> Arc<PersonaMemory> {
    let memory = Memory::open(dir, None, MemoryConfig::default(), clock).unwrap();
    memory.of(&PersonaName::default()).unwrap()
}

fn draft(kind: &str, content: &str, from: i64, to: Option<i64>) -> FactDraft {
    FactDraft {
        fact_type: kind.to_owned(),
        content: content.to_owned(),
        valid_from_ms: from,
        valid_to_ms: to,
        confidence: DEFAULT_CONFIDENCE,
        source: None,
    }
}

#[derive(Clone, Debug)]
enum Op {
    Add(u8, i64, i64),
    End(usize, i64),
    Move(usize, i64),
    Delete(usize),
    Rollback(usize, u32),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        3 => (0..4_u8, 0..40_i64, 0..20_i64).prop_map(|(n, from, long)| Op::Add(n, from, long)),
        2 => (0..6_usize, 0..60_i64).prop_map(|(n, at)| Op::End(n, at)),
        2 => (0..6_usize, 0..40_i64).prop_map(|(n, at)| Op::Move(n, at)),
        1 => (0..6_usize).prop_map(Op::Delete),
        1 => (0..6_usize, 1..4_u32).prop_map(|(n, version)| Op::Rollback(n, version)),
    ];
    prop::collection::vec(op, 1..25)
}

/// Every version that was ever written, with both of its times.
type Versions = Vec<(String, String, i64, Option<i64>, i64, Option<i64>)>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn both_times_are_kept(ops in ops()) {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(Ticking::default());
        let remembered = remembered(dir.path(), Arc::clone(&clock));
        let mut ids: Vec<String> = Vec::new();
        let mut model: Versions = Vec::new();
        for op in ops {
            let now = clock.0.fetch_add(10, Ordering::SeqCst) + 10;
            let close = |model: &mut Versions, id: &str| {
                for version in model.iter_mut().filter(|version| version.0 == id) {
                    if version.5.is_none() {
                        version.5 = Some(now);
                    }
                }
            };
            let written = match &op {
                Op::Add(n, from, long) => {
                    let to = (*long > 0).then_some(from + long);
                    Some(remembered.add_fact(&draft("kind", &format!("fact {n}"), *from, to)))
                }
                Op::End(n, at) => ids.get(*n).map(|id| remembered.end_fact(id, *at)),
                Op::Move(n, at) => ids.get(*n).map(|id| {
                    let change = FactChange { valid_from_ms: Some(*at), ..FactChange::default() };
                    remembered.update_fact(id, &change, "moved")
                }),
                Op::Rollback(n, version) => {
                    ids.get(*n).map(|id| remembered.rollback_fact(id, *version))
                }
                Op::Delete(n) => {
                    if let Some(id) = ids.get(*n)
                        && remembered.delete_fact(id).is_ok()
                    {
                        close(&mut model, id);
                    }
                    None
                }
            };
            if let Some(Ok((fact, against))) = written {
                if !ids.contains(&fact.id) {
                    ids.push(fact.id.clone());
                }
                close(&mut model, &fact.id);
                model.push((
                    fact.id.clone(), fact.content.clone(), fact.valid_from_ms, fact.valid_to_ms,
                    now, None,
                ));
                for other in &against {
                    prop_assert!(other.earlier.id == fact.id || other.later.id == fact.id);
                }
            }
        }
        let end = clock.now_ms();
        for known_at in (0..=end).step_by(10) {
            for valid_at in (0..60).step_by(7) {
                let query = FactQuery {
                    valid_at_ms: Some(valid_at),
                    known_at_ms: Some(known_at),
                    fact_type: None,
                };
                let mut found: Vec<(String, String)> = remembered
                    .facts(&query)
                    .unwrap()
                    .into_iter()
                    .map(|fact| (fact.id, fact.content))
                    .collect();
                let mut expected: Vec<(String, String)> = model
                    .iter()
                    .filter(|(_, _, from, to, known_from, known_to)| {
                        *from <= valid_at
                            && to.is_none_or(|to| valid_at < to)
                            && *known_from <= known_at
                            && known_to.is_none_or(|to| known_at < to)
                    })
                    .map(|(id, content, ..)| (id.clone(), content.clone()))
                    .collect();
                found.sort();
                expected.sort();
                prop_assert_eq!(&found, &expected, "known {} valid {}", known_at, valid_at);
                if known_at == end {
                    // What is known now, by the other index.
                    for fact_type in [None, Some("KIND".to_owned())] {
                        let query =
                            FactQuery { known_at_ms: None, fact_type, ..query.clone() };
                        let mut now: Vec<(String, String)> = remembered
                            .facts(&query)
                            .unwrap()
                            .into_iter()
                            .map(|fact| (fact.id, fact.content))
                            .collect();
                        now.sort();
                        prop_assert_eq!(&now, &expected);
                    }
                }
            }
        }
    }
}

#[test]
fn contradictions_are_shown_and_nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(Ticking(AtomicI64::new(100)));
    let remembered = remembered(dir.path(), Arc::clone(&clock));
    let (acme, none) =
        remembered.add_fact(&draft("Employment", "works at Acme", 10, None)).unwrap();
    assert!(none.is_empty());
    assert_eq!(acme.fact_type, "employment");
    let (bolt, against) =
        remembered.add_fact(&draft("employment", "works at Bolt", 50, None)).unwrap();
    assert_eq!((against.len(), &against[0].earlier.id), (1, &acme.id));
    assert_eq!(remembered.contradictions().unwrap(), against);
    // The same words again, another kind, and another time are no contradiction.
    let (_, against) = remembered.add_fact(&draft("location", "in Oslo", 50, None)).unwrap();
    assert!(against.is_empty());
    let (ended, against) = remembered.end_fact(&acme.id[..6], 50).unwrap();
    assert!(against.is_empty() && remembered.contradictions().unwrap().is_empty());
    assert_eq!((ended.version, ended.valid_to_ms), (2, Some(50)));
    let history = remembered.fact_history(&acme.id).unwrap();
    assert_eq!(history.iter().map(|fact| fact.valid_to_ms).collect::<Vec<_>>(), [None, Some(50)]);
    // The clock stood still, and yet one version was known before the other.
    assert_eq!(history[0].known_to_ms, Some(history[1].known_from_ms));
    assert!(history[0].known_from_ms < history[1].known_from_ms);

    assert_eq!(remembered.validity_of("ACME").unwrap(), Some((10, Some(50))));
    assert_eq!(remembered.validity_of("at nowhere").unwrap(), None);
    let terms = ["acme".to_owned(), "works".to_owned()];
    let contents = |at| -> Vec<String> {
        let facts = remembered.facts_for(&terms, at).unwrap();
        facts.into_iter().map(|fact| fact.content).collect()
    };
    assert_eq!(contents(20), ["works at Acme"]);
    assert_eq!(contents(60), ["works at Bolt"], "what is over may not answer");

    let diff = remembered.diff_facts(20, 60, false).unwrap();
    assert_eq!((diff.added.len(), diff.ended.len(), diff.changed.len()), (2, 1, 0));
    remembered.delete_fact(&bolt.id).unwrap();
    assert_eq!(remembered.delete_fact(&bolt.id).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(remembered.rollback_fact(&bolt.id, 1).unwrap().0.version, 2);
    assert_eq!(remembered.rollback_fact(&bolt.id, 9).unwrap_err().kind(), ErrorKind::NotFound);
    remembered.erase_fact(&bolt.id).unwrap();
    assert_eq!(remembered.fact_history(&bolt.id).unwrap_err().kind(), ErrorKind::NotFound);
    for wrong in [draft("", "x", 0, None), draft("x", " ", 0, None), draft("x", "x", 5, Some(5))] {
        assert_eq!(remembered.add_fact(&wrong).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn the_named_indexes_are_used() {
    let dir = tempfile::tempdir().unwrap();
    let remembered = remembered(dir.path(), Arc::default());
    let plan = |statement: &str| -> String {
        remembered
            .database()
            .read(|connection| {
                let mut statement =
                    connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
                let n = statement.parameter_count();
                let rows = statement
                    .query_map(rusqlite::params_from_iter(vec!["x"; n]), |row| {
                        row.get::<_, String>(3)
                    })
                    .unwrap();
                Ok(rows.map(rusqlite::Result::unwrap).collect::<Vec<_>>().join("; "))
            })
            .unwrap()
    };
    for (statement, index) in [
        (KNOWN_NOW_OF_TYPE, "SEARCH f USING INDEX idx_temporal_facts_lookup"),
        (
            "SELECT query FROM interactions WHERE persona = ?1 ORDER BY timestamp DESC LIMIT 10",
            "SEARCH interactions USING INDEX idx_interactions_persona_timestamp",
        ),
        (
            "SELECT query FROM interactions WHERE session_id = ?1",
            "SEARCH interactions USING INDEX idx_interactions_session",
        ),
    ] {
        let with = plan(statement);
        assert!(with.contains(index), "{with}");
        let name = index.rsplit(' ').next().unwrap();
        remembered
            .database()
            .write(|tx| sql(tx.execute_batch(&format!("DROP INDEX {name}"))))
            .unwrap();
        let without = plan(statement);
        assert!(!without.contains(index), "{without}");
    }
}
