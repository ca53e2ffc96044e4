use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use proptest::prelude::*;
use rusqlite::{StatementStatus, ToSql};

use super::*;
use crate::{
    memory::{ImportMode, InteractionFilter, Memory, MemoryConfig, PersonaName},
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
    Reword(usize, u8),
    Delete(usize),
    Rollback(usize, u32),
    KeepBoth(usize, usize),
    Erase(usize),
}

/// Each with how far the clock moves before it: sometimes it stands still.
fn ops() -> impl Strategy<Value = Vec<(i64, Op)>> {
    let op = prop_oneof![
        4 => (0..4_u8, 0..40_i64, 0..20_i64).prop_map(|(n, from, long)| Op::Add(n, from, long)),
        2 => (0..6_usize, 0..60_i64).prop_map(|(n, at)| Op::End(n, at)),
        2 => (0..6_usize, 0..40_i64).prop_map(|(n, at)| Op::Move(n, at)),
        1 => (0..6_usize, 0..4_u8).prop_map(|(n, words)| Op::Reword(n, words)),
        2 => (0..6_usize).prop_map(Op::Delete),
        2 => (0..6_usize, 0..5_u32).prop_map(|(n, version)| Op::Rollback(n, version)),
        1 => (0..6_usize, 0..6_usize).prop_map(|(a, b)| Op::KeepBoth(a, b)),
        1 => (0..6_usize).prop_map(Op::Erase),
    ];
    prop::collection::vec((0..3_i64, op), 1..30)
}

/// A version as the model has it.
#[derive(Clone, Debug, PartialEq)]
struct Version {
    content: String,
    from: i64,
    to: Option<i64>,
    known_from: i64,
    known_to: Option<i64>,
}

/// Facts with all versions in a plain list, none of them ever taken away but by erasing.
#[derive(Debug, Default)]
struct Model {
    facts: Vec<(String, Vec<Version>)>,
    kept: Vec<(String, String)>,
}

impl Model {
    fn present(&self) -> impl Iterator<Item = (&String, &Version)> {
        self.facts.iter().filter_map(|(id, versions)| {
            let last = versions.last().unwrap();
            last.known_to.is_none().then_some((id, last))
        })
    }

    fn n_versions(&self) -> usize {
        self.facts.iter().map(|(_, versions)| versions.len()).sum()
    }

    fn id(&self, n: usize) -> Option<String> {
        self.facts.get(n).map(|(id, _)| id.clone())
    }

    fn versions(&mut self, id: &str) -> &mut Vec<Version> {
        &mut self.facts.iter_mut().find(|(known, _)| known == id).unwrap().1
    }

    /// Closes what is believed and writes another version, unless that is impossible.
    fn rewrite(
        &mut self,
        id: &str,
        now: i64,
        change: impl FnOnce(&[Version]) -> Result<Version, ErrorKind>,
    ) -> Result<(), ErrorKind> {
        let versions = self.versions(id);
        let mut version = change(versions)?;
        if version.to.is_some_and(|to| to <= version.from) {
            return Err(ErrorKind::Invalid);
        }
        let last = versions.last_mut().unwrap();
        let said = |version: &Version| (version.content.clone(), version.from, version.to);
        if last.known_to.is_none() && said(last) == said(&version) {
            return Ok(());
        }
        let since = now.max(last.known_from.max(last.known_to.unwrap_or(0)) + 1);
        if last.known_to.is_none() {
            last.known_to = Some(since);
        }
        version.known_from = since;
        version.known_to = None;
        versions.push(version);
        self.kept.retain(|(a, b)| a != id && b != id);
        Ok(())
    }

    fn change(
        &mut self,
        id: &str,
        now: i64,
        change: impl FnOnce(&mut Version),
    ) -> Result<(), ErrorKind> {
        self.rewrite(id, now, |versions| {
            let mut version = versions.last().unwrap().clone();
            if version.known_to.is_some() {
                return Err(ErrorKind::NotFound);
            }
            change(&mut version);
            Ok(version)
        })
    }

    fn delete(&mut self, id: &str, now: i64) -> Result<(), ErrorKind> {
        let versions = self.versions(id);
        let last = versions.last_mut().unwrap();
        if last.known_to.is_some() {
            return Err(ErrorKind::NotFound);
        }
        let at = now.max(last.known_from + 1);
        last.known_to = Some(at);
        let deletion = Version { known_from: at, known_to: Some(at), ..last.clone() };
        versions.push(deletion);
        self.kept.retain(|(a, b)| a != id && b != id);
        Ok(())
    }

    fn rollback(&mut self, id: &str, version: u32, now: i64) -> Result<(), ErrorKind> {
        self.rewrite(id, now, |versions| {
            let idx = (version as usize).checked_sub(1).ok_or(ErrorKind::NotFound)?;
            let wanted = versions.get(idx).ok_or(ErrorKind::NotFound)?;
            if wanted.known_to == Some(wanted.known_from) {
                return Err(ErrorKind::Invalid);
            }
            Ok(wanted.clone())
        })
    }

    /// Pairs of ids, the lesser first.
    fn contradictions(&self) -> Vec<(String, String)> {
        let present: Vec<_> = self.present().collect();
        let mut found = Vec::new();
        for (a, one) in &present {
            for (b, other) in &present {
                let overlap = (0..200).any(|at| {
                    let holds = |v: &Version| v.from <= at && v.to.is_none_or(|to| at < to);
                    holds(one) && holds(other)
                });
                if a < b && overlap && one.content != other.content {
                    found.push(((*a).clone(), (*b).clone()));
                }
            }
        }
        found.sort();
        found
    }
}

fn pairs(found: &[Contradiction]) -> Vec<(String, String)> {
    let mut pairs: Vec<_> =
        found.iter().map(|found| pair(&found.earlier.id, &found.later.id)).collect();
    pairs.sort();
    pairs
}

fn terms(remembered: &PersonaMemory) -> Vec<(String, String)> {
    remembered
        .database()
        .read(|connection| {
            sql(connection.prepare("SELECT term, fact_id FROM fact_terms ORDER BY 1, 2").and_then(
                |mut statement| {
                    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
                },
            ))
        })
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn both_times_are_kept(ops in ops()) {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(Ticking(AtomicI64::new(100)));
        let remembered = remembered(dir.path(), Arc::clone(&clock));
        let mut model = Model::default();
        for (step, op) in ops {
            let now = clock.0.fetch_add(step, Ordering::SeqCst) + step;
            let revision = remembered.revision().unwrap();
            let kind = |error: Error| error.kind();
            let n_before = model.contradictions().len();
            let n_versions = model.n_versions();
            let (done, expected) = match &op {
                Op::Add(n, from, long) => {
                    let to = (*long > 0).then_some(from + long);
                    let content = format!("fact {n}");
                    let noted = remembered.add_fact(&draft("kind", &content, *from, to)).unwrap();
                    let same = model.present().find(|(_, version)| {
                        (&version.content, version.from, version.to) == (&content, *from, to)
                    });
                    prop_assert_eq!(noted.is_new, same.is_none());
                    if !noted.is_new {
                        // It is one of those that say the same, and nothing was written.
                        let known = model.present().find(|(id, _)| **id == noted.fact.id).unwrap();
                        prop_assert_eq!(&known.1.content, &content);
                        prop_assert_eq!((known.1.from, known.1.to), (*from, to));
                        prop_assert_eq!(remembered.revision().unwrap(), revision);
                        continue;
                    }
                    let NotedFact { fact, contradictions: against, .. } = noted;
                    let version =
                        Version { content, from: *from, to, known_from: now, known_to: None };
                    model.facts.push((fact.id.clone(), vec![version]));
                    // What is returned is what became contradictory by it.
                    prop_assert_eq!(n_before + against.len(), model.contradictions().len());
                    (Ok(()), Ok(()))
                }
                Op::End(n, at) => {
                    let Some(id) = model.id(*n) else { continue };
                    (
                        remembered.end_fact(&id, *at).map(|_| ()).map_err(kind),
                        model.change(&id, now, |version| version.to = Some(*at)),
                    )
                }
                Op::Move(n, at) => {
                    let Some(id) = model.id(*n) else { continue };
                    let change = FactChange { valid_from_ms: Some(*at), ..FactChange::default() };
                    (
                        remembered.update_fact(&id, &change, "moved").map(|_| ()).map_err(kind),
                        model.change(&id, now, |version| version.from = *at),
                    )
                }
                Op::Reword(n, words) => {
                    let Some(id) = model.id(*n) else { continue };
                    let content = format!("fact {words}");
                    let change =
                        FactChange { content: Some(content.clone()), ..FactChange::default() };
                    (
                        remembered.update_fact(&id, &change, "reworded").map(|_| ()).map_err(kind),
                        model.change(&id, now, |version| version.content = content),
                    )
                }
                Op::Delete(n) => {
                    let Some(id) = model.id(*n) else { continue };
                    (
                        remembered.delete_fact(&id).map(|_| ()).map_err(kind),
                        model.delete(&id, now),
                    )
                }
                Op::Rollback(n, version) => {
                    let Some(id) = model.id(*n) else { continue };
                    (
                        remembered.rollback_fact(&id, *version).map(|_| ()).map_err(kind),
                        model.rollback(&id, *version, now),
                    )
                }
                Op::KeepBoth(a, b) => {
                    let Some((a, b)) = model.id(*a).zip(model.id(*b)) else { continue };
                    let both = pair(&a, &b);
                    let present = |id: &String| model.present().any(|(known, _)| known == id);
                    let expected = if !present(&a) || !present(&b) {
                        Err(ErrorKind::NotFound)
                    } else if model.contradictions().contains(&both) {
                        model.kept.push(both);
                        Ok(())
                    } else {
                        Err(ErrorKind::Invalid)
                    };
                    (remembered.keep_both(&a, &b).map(|_| ()).map_err(kind), expected)
                }
                Op::Erase(n) => {
                    let Some(id) = model.id(*n) else { continue };
                    model.facts.retain(|(known, _)| *known != id);
                    model.kept.retain(|(a, b)| *a != id && *b != id);
                    (remembered.erase_fact(&id).map_err(kind), Ok(()))
                }
            };
            prop_assert_eq!(done, expected, "{:?}", op);
            let is_unchanged = match op {
                // What is so already is not written again.
                Op::End(..) | Op::Move(..) | Op::Reword(..) | Op::Rollback(..) => {
                    model.n_versions() == n_versions
                }
                _ => false,
            };
            let grown = u64::from(done.is_ok() && !is_unchanged);
            prop_assert_eq!(remembered.revision().unwrap(), revision + grown, "{:?}", op);
        }

        // Every version, with both times and its number.
        for (id, versions) in &model.facts {
            let history = remembered.fact_history(id).unwrap();
            let shown: Vec<Version> = history
                .iter()
                .map(|fact| Version {
                    content: fact.content.clone(),
                    from: fact.valid_from_ms,
                    to: fact.valid_to_ms,
                    known_from: fact.known_from_ms,
                    known_to: fact.known_to_ms,
                })
                .collect();
            prop_assert_eq!(&shown, versions);
            prop_assert!(history.iter().zip(1..).all(|(fact, n)| fact.version == n));
            prop_assert_eq!(remembered.fact(id).is_ok(), versions.last().unwrap().known_to.is_none());
        }

        // What is found, at every moment at which something changes and on both sides of it.
        let mut moments = BTreeSet::from([0, 100, i64::MAX]);
        for version in model.facts.iter().flat_map(|(_, versions)| versions) {
            for at in [Some(version.known_from), version.known_to].into_iter().flatten() {
                moments.extend([at - 1, at, at + 1]);
            }
        }
        let found = |query: &FactQuery| {
            let mut found: Vec<(String, String)> = remembered
                .facts(query)
                .unwrap()
                .into_iter()
                .map(|fact| (fact.id, fact.content))
                .collect();
            found.sort();
            found
        };
        for known_at in moments {
            for valid_at in [None].into_iter().chain((0..62).step_by(5).map(Some)) {
                let mut expected: Vec<(String, String)> = Vec::new();
                for (id, versions) in &model.facts {
                    let holds = |version: &&Version| {
                        valid_at.is_none_or(|at| {
                            version.from <= at && version.to.is_none_or(|to| at < to)
                        }) && version.known_from <= known_at
                            && version.known_to.is_none_or(|to| known_at < to)
                    };
                    expected.extend(
                        versions.iter().filter(holds).map(|v| (id.clone(), v.content.clone())),
                    );
                }
                expected.sort();
                let query = FactQuery {
                    valid_at_ms: valid_at,
                    known_at_ms: Some(known_at),
                    fact_type: None,
                };
                prop_assert_eq!(found(&query), &*expected, "known {} {:?}", known_at, valid_at);
                if known_at == i64::MAX {
                    // What is known now, by the other index.
                    for fact_type in [None, Some("KIND".to_owned())] {
                        let query = FactQuery { known_at_ms: None, fact_type, ..query.clone() };
                        prop_assert_eq!(found(&query), &*expected);
                    }
                }
            }
        }

        // The inbox of contradictions, and the words of what is believed.
        let mut open = model.contradictions();
        open.retain(|both| !model.kept.contains(both));
        prop_assert_eq!(pairs(&remembered.contradictions().unwrap()), open);
        let mut words = BTreeSet::new();
        for (id, version) in model.present() {
            for word in ["fact", "kind", &version.content[5..]] {
                words.insert((word.to_owned(), id.clone()));
            }
        }
        let words: Vec<_> = words.into_iter().collect();
        prop_assert_eq!(terms(&remembered), &*words);
        remembered.rebuild_views().unwrap();
        prop_assert_eq!(terms(&remembered), words);
    }
}

#[test]
fn contradictions_are_shown_and_nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(Ticking(AtomicI64::new(100)));
    let remembered = remembered(dir.path(), Arc::clone(&clock));
    let add = |kind, content, from| {
        let noted = remembered.add_fact(&draft(kind, content, from, None)).unwrap();
        (noted.fact, noted.contradictions)
    };
    let (acme, none) = add("Employment", "works at Acme", 10);
    assert!(none.is_empty());
    assert_eq!(acme.fact_type, "employment");
    let (bolt, against) = add("employment", "works at Bolt", 50);
    assert_eq!((against.len(), &against[0].earlier.id), (1, &acme.id));
    assert_eq!(remembered.contradictions().unwrap(), against);
    // The same words again, another kind, and another time are no contradiction.
    let (_, against) = add("location", "in Oslo", 50);
    assert!(against.is_empty());
    let NotedFact { fact: ended, contradictions: against, .. } =
        remembered.end_fact(&acme.id[..6], 50).unwrap();
    assert!(against.is_empty() && remembered.contradictions().unwrap().is_empty());
    assert_eq!((ended.version, ended.valid_to_ms), (2, Some(50)));
    let history = remembered.fact_history(&acme.id).unwrap();
    assert_eq!(history.iter().map(|fact| fact.valid_to_ms).collect::<Vec<_>>(), [None, Some(50)]);
    // The clock stood still, and yet one version was known before the other.
    assert_eq!(history[0].known_to_ms, Some(history[1].known_from_ms));
    assert!(history[0].known_from_ms < history[1].known_from_ms);

    assert_eq!(remembered.validity_of("ACME").unwrap(), Some((10, Some(50))));
    assert_eq!(remembered.validity_of("at nowhere").unwrap(), None);
    let contents = |at| -> Vec<String> {
        let facts = remembered.facts_for("did I work at Acme", at, 9).unwrap();
        facts.into_iter().map(|fact| fact.content).collect()
    };
    assert_eq!(contents(20), ["works at Acme"]);
    assert_eq!(contents(60), ["works at Bolt"], "what is over may not answer");

    let diff = remembered.diff_facts(20, 60, false).unwrap();
    assert_eq!((diff.added.len(), diff.ended.len(), diff.changed.len()), (2, 1, 0));
    remembered.delete_fact(&bolt.id).unwrap();
    assert_eq!(remembered.delete_fact(&bolt.id).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(remembered.facts_for("bolt", 60, 9).unwrap().is_empty(), "it was deleted");
    let error = remembered.end_fact(&bolt.id, 90).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "what was deleted is not brought back so");
    let history = remembered.fact_history(&bolt.id).unwrap();
    assert_eq!((history.len(), history[1].reason.as_str()), (2, "deleted"));
    assert!(!history[0].is_deletion() && history[1].is_deletion());
    assert_eq!(remembered.rollback_fact(&bolt.id, 2).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(remembered.rollback_fact(&bolt.id, 1).unwrap().fact.version, 3);
    assert_eq!(remembered.rollback_fact(&bolt.id, 9).unwrap_err().kind(), ErrorKind::NotFound);
    remembered.erase_fact(&bolt.id).unwrap();
    assert_eq!(remembered.fact_history(&bolt.id).unwrap_err().kind(), ErrorKind::NotFound);
    for wrong in [draft("", "x", 0, None), draft("x", " ", 0, None), draft("x", "x", 5, Some(5))] {
        assert_eq!(remembered.add_fact(&wrong).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn what_is_believed_already_is_not_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let remembered = remembered(dir.path(), Arc::default());
    let acme = remembered.add_fact(&draft("job", "works at Acme", 10, Some(20))).unwrap();
    assert!(acme.is_new);
    let surer = FactDraft { confidence: 0.9, ..draft("Job", " works at Acme ", 10, Some(20)) };
    let again = remembered.add_fact(&surer).unwrap();
    assert_eq!((again.is_new, &again.fact), (false, &acme.fact));
    // Another time, another end, and other words are another fact.
    for other in [
        draft("job", "works at Acme", 11, Some(20)),
        draft("job", "works at Acme", 10, None),
        draft("job", "works at Bolt", 10, Some(20)),
    ] {
        assert!(remembered.add_fact(&other).unwrap().is_new, "{other:?}");
    }
    let id = &acme.fact.id;
    let change = FactChange { confidence: Some(DEFAULT_CONFIDENCE), ..FactChange::default() };
    for unchanged in [
        remembered.update_fact(id, &change, "surer").unwrap(),
        remembered.end_fact(id, 20).unwrap(),
        remembered.rollback_fact(id, 1).unwrap(),
    ] {
        assert_eq!((unchanged.is_new, &unchanged.fact), (false, &acme.fact));
    }
    assert_eq!(remembered.fact_history(id).unwrap().len(), 1);
    // What was deleted is not believed: it is added anew.
    remembered.delete_fact(id).unwrap();
    let anew = remembered.add_fact(&draft("job", "works at Acme", 10, Some(20))).unwrap();
    assert!(anew.is_new && anew.fact.id != *id);
}

#[test]
fn facts_are_found_by_their_words() {
    let dir = tempfile::tempdir().unwrap();
    let remembered = remembered(dir.path(), Arc::default());
    let add = |kind, content, from, to| {
        remembered.add_fact(&draft(kind, content, from, to)).unwrap().fact.id
    };
    let first = add("employment", "Worked at Acme", 10, Some(20));
    let again = add("employment", "Works at ACME Robotics", 40, Some(50));
    add("education", "Read biology in Bergen", 0, Some(10));
    let about = |words| -> Vec<String> {
        remembered.facts_about(words).unwrap().into_iter().map(|fact| fact.id).collect()
    };
    assert_eq!(about("at Acme"), [again.as_str(), first.as_str()], "the last one first");
    assert_eq!(about("working for acme robotics"), [again.as_str()], "all of the words");
    assert_eq!(about("employment"), [again.as_str(), first.as_str()], "kinds count");
    assert!(about("robo").is_empty() && about("cat").is_empty(), "whole words");
    assert!(about("at the").is_empty() && about(" ").is_empty());
    assert_eq!(remembered.validity_of("Acme").unwrap(), Some((40, Some(50))));
    let answering = |at_ms, limit| -> Vec<String> {
        let facts = remembered.facts_for("acme in Bergen", at_ms, limit).unwrap();
        facts.into_iter().map(|fact| fact.id).collect()
    };
    assert_eq!(answering(15, 9), [first.as_str()]);
    assert!(answering(30, 9).is_empty(), "nothing of it was true then");
    assert!(answering(15, 0).is_empty());
    // Ids by their first digits; too few, none, and what is none.
    assert_eq!(remembered.fact(&first[..8]).unwrap().id, first);
    for (id, kind) in [("abc", ErrorKind::Invalid), ("xyzw", ErrorKind::Invalid)] {
        assert_eq!(remembered.fact(id).unwrap_err().kind(), kind);
    }
    let mut taken = Vec::new();
    remembered
        .export(
            &InteractionFilter::default(),
            |_| Ok(()),
            |row| {
                taken.push(row);
                Ok(())
            },
        )
        .unwrap();
    remembered.clear().unwrap();
    assert!(terms(&remembered).is_empty() && about("employment").is_empty());
    // What is brought in is found as well.
    let report = remembered
        .import(ImportMode::Keep, |import| taken.into_iter().try_for_each(|row| import.take(row)))
        .unwrap();
    assert_eq!((report.added.facts, report.added.fact_versions), (3, 3));
    assert_eq!(about("at Acme"), [again.as_str(), first.as_str()]);
    remembered.clear().unwrap();
    let id = add("location", "Lives in Oslo", 0, None);
    assert_eq!(about("living oslo"), [id]);
}

#[test]
fn what_is_erased_is_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let remembered = remembered(dir.path(), Arc::default());
    let secret =
        remembered.add_fact(&draft("health", "allergic to quinoxaline", 0, None)).unwrap().fact;
    let change = FactChange { content: Some("is well".to_owned()), ..FactChange::default() };
    remembered.update_fact(&secret.id, &change, "quinoxaline was wrong").unwrap();
    remembered.erase_fact(&secret.id).unwrap();
    remembered.erase_remains().unwrap();
    for table in ["temporal_facts", "fact_versions", "fact_terms", "kept_contradictions"] {
        let n: i64 = remembered
            .database()
            .read(|connection| {
                let count = format!("SELECT count(*) FROM {table}");
                sql(connection.query_row(&count, [], |row| row.get(0)))
            })
            .unwrap();
        assert_eq!(n, 0, "{table}");
    }
}

/// Facts in 20 kinds, each true for 200 days, from a day after the one before.
fn fill(remembered: &PersonaMemory, n_facts: i64) {
    remembered
        .database()
        .write(|tx| {
            for n in 0..n_facts {
                let fact = Fact {
                    id: format!("{n:032x}"),
                    version: 1,
                    fact_type: format!("kind {}", n % 20),
                    content: format!("fact number {n}"),
                    valid_from_ms: n * 86_400_000,
                    valid_to_ms: Some((n + 200) * 86_400_000),
                    confidence: DEFAULT_CONFIDENCE,
                    source: None,
                    known_from_ms: n,
                    known_to_ms: None,
                    reason: "added".to_owned(),
                };
                remembered.write_version(tx, &fact)?;
            }
            Ok(())
        })
        .unwrap();
}

/// Steps of the virtual machine that a statement takes, and how many rows it finds.
fn steps(remembered: &PersonaMemory, statement: &str, bound: &[&dyn ToSql]) -> (i32, usize) {
    remembered
        .database()
        .read(|connection| {
            let mut statement = connection.prepare(statement).unwrap();
            let n = {
                let mut rows = statement.query(bound).unwrap();
                let mut n = 0;
                while rows.next().unwrap().is_some() {
                    n += 1;
                }
                n
            };
            Ok((statement.get_status(StatementStatus::VmStep), n))
        })
        .unwrap()
}

#[test]
fn the_indexes_of_facts_save_work() {
    let dir = tempfile::tempdir().unwrap();
    let remembered = remembered(dir.path(), Arc::default());
    fill(&remembered, 10_000);
    let none: Option<i64> = None;
    let at = 300 * 86_400_000_i64;
    let cases: [(&str, Vec<&dyn ToSql>, &str); 3] = [
        (KNOWN_NOW_OF_TYPE, vec![&"default", &"kind 7", &at, &none], "idx_temporal_facts_lookup"),
        (OVERLAPPING, vec![&"default", &"kind 7", &at, &at, &"f"], "idx_temporal_facts_lookup"),
        (KNOWN_THEN, vec![&"default", &none, &at, &300_i64], "idx_fact_versions_known"),
    ];
    for (statement, bound, index) in cases {
        let (with, n) = steps(&remembered, statement, &bound);
        assert!(n > 0);
        let gone = remembered.database().write(|tx| {
            sql(tx.execute_batch(&format!("SAVEPOINT before; DROP INDEX {index}")))?;
            let mut statement = sql(tx.prepare(statement))?;
            let rows = sql(statement.query_map(&*bound, |_| Ok(())))?.count();
            let without = statement.get_status(StatementStatus::VmStep);
            drop(statement);
            sql(tx.execute_batch("ROLLBACK TO before; RELEASE before"))?;
            Ok((without, rows))
        });
        let (without, n_without) = gone.unwrap();
        assert_eq!(n, n_without);
        assert!(with * 5 < without, "{index}: {with} steps with it, {without} without");
    }
    // A fact by its words: its terms and itself, and not one row of another.
    let (few, n) = steps(&remembered, WITH_TERM, &[&"4321", &none]);
    assert!(n == 1 && few < 60, "{few} steps");
    let found = remembered.facts_for("what was number 4321?", 4321 * 86_400_000, 1).unwrap();
    assert_eq!(found[0].content, "fact number 4321");
}

#[test]
fn the_named_indexes_are_used() {
    let dir = tempfile::tempdir().unwrap();
    let remembered = remembered(dir.path(), Arc::default());
    let plan = |statement: &str| -> String {
        remembered
            .database()
            // By the connection that drops the indexes: another plans by the tables as it saw them.
            .write(|connection| {
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
    let by_lookup = || plan(SAME).contains("USING INDEX idx_temporal_facts_lookup");
    assert!(by_lookup());
    for (statement, index) in [
        (KNOWN_NOW_OF_TYPE, "SEARCH temporal_facts USING INDEX idx_temporal_facts_lookup"),
        (KNOWN_THEN, "SEARCH fact_versions USING INDEX idx_fact_versions_known"),
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
    assert!(!by_lookup());
}
