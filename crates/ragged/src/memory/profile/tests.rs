use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::memory::{
    Feedback, InteractionFilter, Memory, PersonaName, TopicSource,
    interest::{Level, gap_minutes},
    tests::{NOW_MS, memory, question},
};

const MINUTE_MS: i64 = 60_000;

fn remembered(dir: &std::path::Path) -> (Memory, std::sync::Arc<PersonaMemory>) {
    let memory = memory(dir);
    let persona = memory.of(&PersonaName::default()).unwrap();
    (memory, persona)
}

fn profile(persona: &PersonaMemory, focus_areas: &[&str], breadth: Breadth) -> InterestProfile {
    let focus_areas: Vec<String> = focus_areas.iter().map(|&area| area.to_owned()).collect();
    persona.profile(&focus_areas, &InterestConfig::default(), breadth).unwrap()
}

fn interest<'a>(profile: &'a InterestProfile, key: &str) -> &'a TopicInterest {
    profile.interests.iter().find(|interest| interest.key == key).unwrap()
}

/// What one topic comes to, read plainly off the interactions.
#[derive(Clone, Debug, Default)]
struct Hits {
    /// When, what it weighs, and whether the question named it.
    hits: Vec<(i64, u64, bool)>,
    documents: BTreeSet<[u8; 16]>,
}

/// The profile as its definition says, from nothing but the interactions.
#[derive(Debug, Default)]
struct Naive {
    topics: BTreeMap<String, Hits>,
    pairs: BTreeMap<(String, String), u64>,
    documents: BTreeMap<[u8; 16], i64>,
}

impl Naive {
    fn of(persona: &PersonaMemory) -> Self {
        let mut naive = Self::default();
        let all = InteractionFilter::default();
        for found in persona.interactions(&all, usize::MAX).unwrap() {
            let (good, bad) =
                (found.feedback == Some(Feedback::Good), found.feedback == Some(Feedback::Bad));
            let at_ms = found.timestamp_ms;
            let mut hits: Vec<(String, bool)> = Vec::new();
            for topic in &found.topics {
                let is_named = topic.source == TopicSource::Query;
                let weight = match (is_named, good, bad) {
                    (true, true, _) => 8,
                    (true, ..) => 4,
                    (false, true, _) => 2,
                    (false, _, true) => continue,
                    (false, ..) => 1,
                };
                naive
                    .topics
                    .entry(topic.key.clone())
                    .or_default()
                    .hits
                    .push((at_ms, weight, is_named));
                hits.push((topic.key.clone(), is_named));
            }
            for (a, a_named) in &hits {
                for (b, b_named) in &hits {
                    if a < b && (*a_named || *b_named) {
                        *naive.pairs.entry((a.clone(), b.clone())).or_default() += 1;
                    }
                }
            }
            for document in found.documents.iter().filter(|_| !bad) {
                let in_front = document.rank <= 3 || document.is_cited;
                if in_front {
                    for (topic, _) in &hits {
                        naive
                            .topics
                            .entry(topic.clone())
                            .or_default()
                            .documents
                            .insert(document.content_hash);
                    }
                }
                if document.is_cited || (good && in_front) {
                    let last = naive.documents.entry(document.content_hash).or_insert(at_ms);
                    *last = at_ms.max(*last);
                }
            }
        }
        naive
    }

    fn aggregate(&self, key: &str, owner: Option<f64>) -> Aggregate {
        let known = self.topics.get(key).cloned().unwrap_or_default();
        let mut times: Vec<i64> = known.hits.iter().map(|(at_ms, ..)| *at_ms).collect();
        times.sort_unstable();
        let gaps: Vec<u64> = times.windows(2).map(|pair| gap_minutes(pair[0], pair[1])).collect();
        Aggregate {
            weight_quarters: known.hits.iter().map(|(_, weight, _)| weight).sum(),
            n_queries: known.hits.iter().filter(|(.., is_named)| *is_named).count() as u64,
            // What was set by hand and never met is as old as the owner's word.
            first_seen_ms: times.first().copied().unwrap_or(NOW_MS),
            last_seen_ms: times.last().copied().unwrap_or(NOW_MS),
            n_hits: times.len() as u64,
            gap_sum_minutes: gaps.iter().sum(),
            gap_square_sum: gaps.iter().map(|gap| gap * gap).sum(),
            n_documents: known.documents.len() as u64,
            owner,
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Ask { at_minutes: i64, words: Vec<u8>, found: Vec<u8>, documents: Vec<(u8, bool)> },
    Feedback(u64, Option<Feedback>),
    Delete(u64),
    Forget(u8, bool),
    Merge(u8, u8),
    Set(u8, Option<f64>),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let topics = || prop::collection::vec(0..5_u8, 0..4);
    let feedback = prop_oneof![Just(None), Just(Some(Feedback::Good)), Just(Some(Feedback::Bad))];
    let documents = prop::collection::vec((0..5_u8, any::<bool>()), 0..5);
    let op = prop_oneof![
        8 => (0..20_000_i64, topics(), topics(), documents).prop_map(
            |(at_minutes, words, found, documents)| Op::Ask { at_minutes, words, found, documents }
        ),
        2 => (0..30_u64, feedback).prop_map(|(n, feedback)| Op::Feedback(n, feedback)),
        1 => (0..30_u64).prop_map(Op::Delete),
        1 => (0..5_u8, any::<bool>()).prop_map(|(n, with)| Op::Forget(n, with)),
        1 => (0..5_u8, 0..5_u8).prop_map(|(a, b)| Op::Merge(a, b)),
        2 => (0..5_u8, prop::option::of(0.0..1.0_f64)).prop_map(|(n, level)| Op::Set(n, level)),
    ];
    prop::collection::vec(op, 1..40)
}

fn unless_missing<T>(result: Result<T>) -> Option<T> {
    match result {
        Ok(done) => Some(done),
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Invalid), "{error:?}");
            None
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever was asked, judged, deleted, forgotten, merged and set: the profile is what its
    /// definition makes of the interactions that are left.
    #[test]
    fn a_profile_is_what_the_interactions_make_it(ops in ops()) {
        let dir = tempfile::tempdir().unwrap();
        let (_memory, persona) = remembered(dir.path());
        let mut set: BTreeMap<String, f64> = BTreeMap::new();
        let key = |n: u8| format!("topic {n}");
        let mut n_asked = 0;
        for op in ops {
            match op {
                Op::Ask { at_minutes, words, found, documents } => {
                    let at_ms = NOW_MS - at_minutes * MINUTE_MS;
                    let asked = question(n_asked, at_ms, &words, &found, &documents);
                    persona.record_all(&[asked]).unwrap();
                    n_asked += 1;
                }
                Op::Feedback(n, feedback) => {
                    let id = format!("{n:032x}");
                    unless_missing(match feedback {
                        None => persona.withdraw_feedback(&id),
                        given => persona.set_feedback(&id, given, None),
                    });
                }
                Op::Delete(n) => {
                    unless_missing(persona.delete_interaction(&format!("{n:032x}")));
                }
                Op::Forget(n, false) => {
                    if let Ok(key) = persona.topic_named(&key(n)) {
                        persona.forget_topic(&key).unwrap();
                        set.remove(&key);
                    }
                }
                Op::Forget(n, true) => {
                    if let Ok(key) = persona.topic_named(&key(n)) {
                        let met = persona.n_interactions_with(&key).unwrap();
                        let listed = persona.interactions_with(&key, usize::MAX).unwrap();
                        prop_assert_eq!(listed.len() as u64, met);
                        prop_assert!(listed.is_sorted_by_key(|found| -found.timestamp_ms));
                        prop_assert_eq!(persona.forget_topic_with_interactions(&key).unwrap(), met);
                        set.remove(&key);
                    }
                }
                Op::Merge(a, b) => {
                    let keys = (persona.topic_named(&key(a)), persona.topic_named(&key(b)));
                    if let (Ok(from), Ok(into)) = keys
                        && unless_missing(persona.merge_topics(&from, &into)).is_some()
                        && let Some(level) = set.remove(&from)
                    {
                        set.entry(into).or_insert(level);
                    }
                }
                Op::Set(n, level) => {
                    let named = persona.topic_named(&key(n)).unwrap_or_else(|_| key(n));
                    if unless_missing(persona.set_interest(&named, &named, level)).is_some() {
                        match level {
                            Some(level) => set.insert(named, level),
                            None => set.remove(&named),
                        };
                    }
                }
            }
        }

        let naive = Naive::of(&persona);
        let config = InterestConfig::default();
        let tracked = profile(&persona, &[], Breadth::Tracked);
        let mut expected: Vec<TopicInterest> = naive
            .topics
            .keys()
            .chain(set.keys())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .filter(|key| set.contains_key(*key) || naive.topics[*key].hits.len() >= 2)
            .map(|key| {
                let aggregate = naive.aggregate(key, set.get(key).copied());
                TopicInterest {
                    key: key.clone(),
                    // Each is called by its key here, but for one capital.
                    name: interest_name(&tracked, key),
                    origin: if set.contains_key(key) {
                        InterestOrigin::Owner
                    } else {
                        InterestOrigin::Learned
                    },
                    aggregate,
                    interest: interest::interest(&aggregate, NOW_MS, &config),
                }
            })
            .collect();
        expected.sort_by(|a, b| {
            b.interest.confidence.total_cmp(&a.interest.confidence).then(a.key.cmp(&b.key))
        });
        prop_assert_eq!(&tracked.interests, &expected);

        let ranking = persona.ranking_profile(&[], &config).unwrap();
        let pairs: BTreeSet<(String, String)> = ranking
            .pairs
            .iter()
            .map(|&(a, b)| {
                let mut keys = [a, b].map(|place| ranking.interests[place].key.clone());
                keys.sort();
                keys.into()
            })
            .collect();
        prop_assert_eq!(pairs.len(), ranking.pairs.len());
        let expected: BTreeSet<(String, String)> = naive
            .pairs
            .iter()
            .filter(|((a, b), n)| {
                let is_tracked = |key: &String| tracked.interests.iter().any(|i| i.key == *key);
                **n >= 3 && is_tracked(a) && is_tracked(b)
            })
            .map(|(keys, _)| keys.clone())
            .collect();
        prop_assert_eq!(pairs, expected);
        let mut strongest = tracked.interests.clone();
        strongest.sort_by(|a, b| {
            let is_own = |known: &TopicInterest| known.origin == InterestOrigin::Owner;
            is_own(b)
                .cmp(&is_own(a))
                .then(b.strength().total_cmp(&a.strength()))
                .then(a.key.cmp(&b.key))
        });
        prop_assert_eq!(&ranking.interests, &strongest);

        let documents: BTreeMap<[u8; 16], i64> = ranking.documents.iter().copied().collect();
        prop_assert_eq!(documents, naive.documents);

        // Everything else that is told of a topic.
        let all = profile(&persona, &[], Breadth::All);
        for (place, known) in all.interests.iter().enumerate() {
            let info = persona.topic_info(&known.name, &[], &config, usize::MAX).unwrap();
            prop_assert_eq!((info.rank, &info.interest), (place + 1, known));
            prop_assert_eq!(info.evidence.len() as u64, known.aggregate.n_hits);
            prop_assert_eq!(info.links.documents.len() as u64, known.aggregate.n_documents);
            for (name, n) in &info.links.topics {
                let other = topic::key(name);
                let pair = if known.key < other {
                    (known.key.clone(), other)
                } else {
                    (other, known.key.clone())
                };
                prop_assert_eq!(naive.pairs.get(&pair), Some(n));
            }
            let partners =
                naive.pairs.keys().filter(|(a, b)| *a == known.key || *b == known.key).count();
            prop_assert_eq!(info.links.topics.len(), partners);
        }
    }
}

fn interest_name(profile: &InterestProfile, key: &str) -> String {
    let known = profile.interests.iter().find(|interest| interest.key == key);
    known.map_or_else(String::new, |interest| {
        assert_eq!(topic::key(&interest.name), key);
        interest.name.clone()
    })
}

#[test]
fn of_many_topics_the_weightiest_and_the_latest_are_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let (_memory, persona) = remembered(dir.path());
    // 200 topics a year ago, asked for ten times; 250 lately, asked for twice; 200 in between,
    // asked for three times.
    let mut asked = Vec::new();
    let mut ask = |topics: std::ops::Range<u64>, times: i64, minutes_ago: i64| {
        for topic in topics {
            for time in 0..times {
                let at_ms = NOW_MS - (minutes_ago + time) * MINUTE_MS - topic.cast_signed();
                let mut new = question(asked.len() as u64, at_ms, &[0], &[], &[]);
                new.topics[0].key = format!("subject {topic}");
                new.topics[0].name = new.topics[0].key.clone();
                asked.push(new);
            }
        }
    };
    ask(0..200, 10, 400 * 1440);
    ask(200..400, 3, 200 * 1440);
    ask(400..650, 2, 60);
    persona.record_all(&asked).unwrap();

    let all = profile(&persona, &[], Breadth::All);
    let tracked = profile(&persona, &[], Breadth::Tracked);
    assert_eq!((all.interests.len(), all.n_topics, tracked.n_topics), (650, 650, 650));
    assert!(tracked.interests.len() <= 512, "{}", tracked.interests.len());
    let tracked: BTreeMap<&str, &TopicInterest> =
        tracked.interests.iter().map(|interest| (interest.key.as_str(), interest)).collect();
    for topic in (0..200).chain(400..650) {
        let key = format!("subject {topic}");
        assert_eq!(tracked.get(key.as_str()), Some(&interest(&all, &key)), "{key}");
    }
}

#[test]
fn a_focus_area_counts_before_and_while_it_is_learned_until_its_owner_says_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let (_memory, persona) = remembered(dir.path());
    let focus = ["Tide Tables", "Topic 1", "…"];
    let config = InterestConfig::default();
    let areas: Vec<String> = focus.iter().map(|&area| area.to_owned()).collect();

    // Nothing was asked yet; one of the three has no word to be a topic by.
    let empty = profile(&persona, &focus, Breadth::Tracked);
    assert_eq!(empty.interests.len(), 2);
    let tides = interest(&empty, "tide table");
    assert_eq!((tides.name.as_str(), tides.origin), ("Tide Tables", InterestOrigin::Focus));
    assert_eq!((tides.interest.confidence, tides.interest.level), (0.5, Level::Medium));
    assert_eq!((tides.aggregate.n_hits, tides.recency()), (0, 1.0));
    let info = persona.topic_info("tide tables", &areas, &config, 10).unwrap();
    assert_eq!((info.interest.origin, info.evidence.len()), (InterestOrigin::Focus, 0));
    assert!(persona.topic_info("tide tables", &[], &config, 10).is_err());

    // One that was met once would not be an interest by itself; what was met is not lost.
    persona.record_all(&[question(0, NOW_MS, &[1], &[], &[])]).unwrap();
    let once = profile(&persona, &focus, Breadth::Tracked);
    let known = interest(&once, "topic 1");
    assert_eq!((known.origin, known.aggregate.n_hits), (InterestOrigin::Focus, 1));
    assert!(known.interest.confidence == 0.5 && known.interest.learnt < 0.5, "{known:?}");
    assert_eq!(interest(&profile(&persona, &[], Breadth::All), "topic 1").aggregate.n_hits, 1);
    assert_eq!(profile(&persona, &[], Breadth::Tracked).interests, []);

    // What is learned beyond it counts as learned.
    let more: Vec<_> =
        (1..20).map(|n| question(n, NOW_MS - n.cast_signed() * 60_000, &[1], &[], &[])).collect();
    persona.record_all(&more).unwrap();
    let learned = profile(&persona, &focus, Breadth::Tracked);
    assert_eq!(interest(&learned, "topic 1").origin, InterestOrigin::Learned);
    assert!(interest(&learned, "topic 1").interest.confidence > 0.5);

    // The owner's word is the last one.
    persona.set_interest("topic 1", "Topic 1", Some(0.1)).unwrap();
    let set = profile(&persona, &focus, Breadth::Tracked);
    assert_eq!(interest(&set, "topic 1").interest.confidence, 0.1);
    persona.forget_topic("topic 1").unwrap();
    let forgotten = profile(&persona, &focus, Breadth::Tracked);
    assert_eq!(forgotten.interests.len(), 1, "{forgotten:?}");
}

#[test]
fn a_topic_is_found_by_other_words_for_it_and_by_what_it_was_merged_from() {
    let dir = tempfile::tempdir().unwrap();
    let (_memory, persona) = remembered(dir.path());
    let asked =
        [question(0, NOW_MS, &[1, 2], &[], &[]), question(1, NOW_MS, &[2], &[3], &[(1, true)])];
    persona.record_all(&asked).unwrap();
    assert_eq!(persona.topic_named(" TOPIC  1").unwrap(), "topic 1");
    persona.merge_topics("topic 1", "topic 2").unwrap();
    assert_eq!(persona.topic_named("Topic 1").unwrap(), "topic 2");
    let config = InterestConfig::default();
    let info = persona.topic_info("Topic 1", &[], &config, 10).unwrap();
    assert_eq!((info.interest.key.as_str(), info.evidence.len()), ("topic 2", 2));
    assert_eq!(info.links.documents[0].path, "/notes/1.md");

    let error = persona.topic_named("tpic 2").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.hint().unwrap().contains("\"Topic 2\""), "{error:?}");
    let focus = ["tide tables".to_owned()];
    let error = persona.topic_info("tide tabels", &focus, &config, 10).unwrap_err();
    assert!(error.hint().unwrap().contains("\"tide tables\""), "{error:?}");
    let error = persona.topic_named("quasar").unwrap_err();
    assert!(error.hint().unwrap().contains("memory topics --all"), "{error:?}");
}

#[test]
fn forgetting_with_interactions_takes_all_of_them_and_every_name_of_the_topic() {
    let dir = tempfile::tempdir().unwrap();
    let (_memory, persona) = remembered(dir.path());
    let asked = [
        question(0, NOW_MS, &[1], &[], &[]),
        question(1, NOW_MS, &[2], &[], &[]),
        question(2, NOW_MS, &[3], &[2], &[]),
        question(3, NOW_MS, &[3], &[], &[]),
    ];
    persona.record_all(&asked).unwrap();
    persona.merge_topics("topic 1", "topic 2").unwrap();
    // It found the topic and did not help: no evidence any more, and met all the same.
    persona.set_feedback(&asked[2].id, Some(Feedback::Bad), None).unwrap();
    assert_eq!(persona.evidence("topic 2", 10).unwrap().len(), 2);
    assert_eq!(persona.n_interactions_with("topic 2").unwrap(), 3);

    assert_eq!(persona.forget_topic_with_interactions("topic 1").unwrap(), 3);
    let left = persona.interactions(&InteractionFilter::default(), 10).unwrap();
    assert_eq!(left.iter().map(|found| &found.id).collect::<Vec<_>>(), [&asked[3].id]);
    // Under neither name is it learned again.
    persona.record_all(&[question(4, NOW_MS, &[1, 2, 3], &[], &[])]).unwrap();
    let all = profile(&persona, &[], Breadth::All);
    assert_eq!(all.interests.iter().map(|known| &known.key).collect::<Vec<_>>(), ["topic 3"]);
}

#[test]
fn a_profile_is_read_by_index_whatever_was_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let (_memory, persona) = remembered(dir.path());
    let plan = |statement: &str| -> String {
        persona
            .database()
            .read(|connection| {
                let mut statement =
                    sql(connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")))?;
                let steps: Vec<String> = sql(statement
                    .query_map([1], |row| row.get::<_, String>(3))
                    .and_then(Iterator::collect))?;
                Ok(steps.join("\n"))
            })
            .unwrap()
    };
    for (statement, index) in
        [(BY_WEIGHT, "idx_topic_totals_weight"), (BY_RECENCY, "idx_topic_totals_last_seen")]
    {
        let plan = plan(statement);
        let covering = format!("COVERING INDEX {index}");
        assert!(plan.contains(&covering) && !plan.contains("TEMP B-TREE"), "{plan}");
    }
    assert!(!plan(BY_ID).contains("SCAN"), "{}", plan(BY_ID));
}
