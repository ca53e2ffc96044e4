use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    error::ErrorKind,
    memory::{
        Feedback, Interaction, InteractionFilter, NewInteraction, PersonaName, TopicSource,
        tests::{NOW_MS, memory, memory_in, question},
    },
    temporal::window::{date_at, day_at},
};

const HOUR_MS: i64 = 3_600_000;
const ZONES: [&str; 5] = [
    "UTC0",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "IST-5:30",
    "<+1030>-10:30<+11>-11,M10.1.0,M11.1.0",
    // Back over midnight on 1 November 2026.
    "NST3:30NDT,M3.2.0/0:01,M11.1.0/0:01",
];

/// What the record says, read interaction by interaction.
struct Plain {
    all: Vec<Interaction>,
    zone: TimeZone,
}

impl Plain {
    fn of(memory: &PersonaMemory) -> Self {
        let mut all = Vec::new();
        let push = |interaction| {
            all.push(interaction);
            Ok(())
        };
        memory.for_each_interaction(&InteractionFilter::default(), push).unwrap();
        Self { all, zone: memory.config.zone.clone() }
    }

    fn within(&self, window: Window) -> Vec<&Interaction> {
        self.all.iter().filter(|interaction| window.contains(interaction.timestamp_ms)).collect()
    }

    /// By key: name and questions.
    fn topics(&self, window: Window) -> BTreeMap<String, (String, u64)> {
        let mut topics = BTreeMap::new();
        for interaction in self.within(window) {
            for topic in &interaction.topics {
                if topic.source == TopicSource::Query {
                    let entry = topics.entry(topic.key.clone());
                    entry.or_insert_with(|| (topic.name.clone(), 0)).1 += 1;
                }
            }
        }
        topics
    }

    fn highest(topics: BTreeMap<String, (String, u64)>, n: usize) -> Vec<TopicCount> {
        let mut topics: Vec<TopicCount> = topics
            .into_iter()
            .map(|(key, (name, n_queries))| TopicCount { key, name, n_queries })
            .collect();
        // Stable: keys are in order already.
        topics.sort_by_key(|topic| u64::MAX - topic.n_queries);
        topics.truncate(n);
        topics
    }

    fn buckets(&self, window: Window, granularity: Granularity) -> Vec<Bucket> {
        window
            .buckets(granularity, &self.zone)
            .into_iter()
            .map(|window| Bucket {
                window,
                n_interactions: self.within(window).len() as u64,
                topics: Self::highest(self.topics(window), 3),
            })
            .collect()
    }

    fn first_of_highest(counts: &[u64]) -> Option<usize> {
        let highest = *counts.iter().max()?;
        (highest > 0).then(|| counts.iter().position(|count| *count == highest)).flatten()
    }

    fn begun(&self, window: Window) -> Window {
        window.until(Window::last_days(NOW_MS, 1, &self.zone).end_ms)
    }

    fn mean(&self, n: u64, window: Window) -> f64 {
        n as f64 / self.begun(window).n_days(&self.zone).max(1.0)
    }

    fn summary(&self, window: Window) -> PeriodSummary {
        let within = self.within(window);
        let days = self.buckets(window, Granularity::Day);
        let counts: Vec<u64> = days.iter().map(|day| day.n_interactions).collect();
        let sessions: BTreeSet<&str> = within.iter().map(|found| &*found.session_id).collect();
        PeriodSummary {
            window,
            n_interactions: within.len() as u64,
            n_sessions: sessions.len() as u64,
            n_days: self.begun(window).n_days(&self.zone),
            n_active_days: counts.iter().filter(|count| **count > 0).count() as u64,
            n_topics: self.topics(window).len() as u64,
            daily_mean: self.mean(within.len() as u64, window),
            peak: Self::first_of_highest(&counts).map(|idx| (days[idx].window, counts[idx])),
        }
    }

    fn counts_of(&self, key: &str, window: Window, granularity: Granularity) -> Vec<u64> {
        window
            .buckets(granularity, &self.zone)
            .into_iter()
            .map(|bucket| self.topics(bucket).get(key).map_or(0, |(_, n)| *n))
            .collect()
    }

    fn trend(&self, key: &str, window: Window, min_queries: u64) -> Option<Trend> {
        let counts = self.counts_of(key, self.begun(window), Granularity::Day);
        trend(&counts, &TrendConfig { min_queries, ..TrendConfig::default() })
    }

    /// The first question with the topic, if `pass` says so.
    fn first(&self, key: &str, asked_alone: bool) -> Option<Occurrence> {
        let is_hit = |interaction: &&Interaction| {
            interaction.topics.iter().any(|topic| {
                let is_asked = topic.source == TopicSource::Query;
                let counts = interaction.feedback != Some(Feedback::Bad) && !asked_alone;
                topic.key == key && (is_asked || counts)
            })
        };
        let found = self.all.iter().find(is_hit)?;
        Some(Occurrence {
            timestamp_ms: found.timestamp_ms,
            interaction_id: found.id.clone(),
            query: found.query.clone(),
        })
    }

    fn evolution(
        &self,
        (key, name): (&str, &str),
        window: Window,
        granularity: Granularity,
    ) -> TopicEvolution {
        let counts = self.counts_of(key, window, granularity);
        let n_queries = counts.iter().sum();
        TopicEvolution {
            topic: TopicCount { key: key.to_owned(), name: name.to_owned(), n_queries },
            window,
            granularity,
            peak: Self::first_of_highest(&counts),
            daily_mean: self.mean(n_queries, window),
            trend: self.trend(key, window, 3),
            first_asked_ms: self.first(key, true).map(|found| found.timestamp_ms),
            buckets: window.buckets(granularity, &self.zone).into_iter().zip(counts).collect(),
        }
    }

    fn activity(&self, window: Window) -> Activity {
        let within = self.within(window);
        let (mut hours, mut weekdays) = ([0; 24], [0; 7]);
        let mut kinds = BTreeMap::new();
        for found in &within {
            let local = jiff::Timestamp::from_millisecond(found.timestamp_ms)
                .unwrap()
                .to_zoned(self.zone.clone());
            hours[usize::try_from(local.hour()).unwrap()] += 1;
            let weekday = local.weekday().to_monday_zero_offset();
            weekdays[usize::try_from(weekday).unwrap()] += 1;
            *kinds.entry(found.kind.as_str().to_owned()).or_default() += 1;
        }
        let judged = |feedback| {
            within.iter().filter(|found| found.feedback == Some(feedback)).count() as u64
        };
        let mut new = self.topics(window);
        new.retain(|key, _| window.contains(self.first(key, false).unwrap().timestamp_ms));
        Activity {
            summary: self.summary(window),
            preceding: window.preceding(&self.zone),
            n_preceding: self.within(window.preceding(&self.zone)).len() as u64,
            hours,
            weekdays,
            kinds,
            n_good: judged(Feedback::Good),
            n_bad: judged(Feedback::Bad),
            topics: Self::highest(self.topics(window), 10),
            new_topics: Self::highest(new, 10),
            days: self.buckets(window, Granularity::Day),
        }
    }
}

fn windows() -> impl Strategy<Value = Window> {
    // Minutes before and after the present, and whole hours of UTC, of which some are midnights.
    let minutes = (-70_000_i64..10_000, 0_i64..50_000)
        .prop_map(|(from, len)| (from * 60_000, (from + len) * 60_000));
    let hours = (-1000_i64..100, 0_i64..900)
        .prop_map(|(from, len)| (from * HOUR_MS, (from + len) * HOUR_MS));
    prop_oneof![minutes, hours].prop_map(|(from, to)| {
        let hour = NOW_MS.div_euclid(HOUR_MS) * HOUR_MS;
        Window { start_ms: hour + from, end_ms: hour + to }
    })
}

/// One that begins and ends with days of the zone.
fn whole(window: Window, zone: &TimeZone) -> Window {
    let start = |ms: i64| {
        let date = date_at(ms, zone).to_zoned(zone.clone()).unwrap();
        date.timestamp().as_millisecond()
    };
    Window { start_ms: start(window.start_ms), end_ms: start(window.end_ms) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn views_and_record_tell_the_same(
        rule in prop::sample::select(&ZONES[..]),
        asked in prop::collection::vec(
            (-70_000_i64..3_000, prop::collection::vec(0..6_u8, 0..4),
             prop::collection::vec(0..6_u8, 0..3), 0..4_u8),
            0..120,
        ),
        (a, b) in (windows(), windows()),
        is_whole: bool,
        granularity in prop::sample::select(&[
            Granularity::Hour, Granularity::Day, Granularity::Week, Granularity::Month
        ][..]),
        min_queries in 1..5_u64,
        keeps_other_zone: bool,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let zone = TimeZone::posix(rule).unwrap();
        let memory = memory_in(dir.path(), zone.clone());
        let remembered = memory.of(&PersonaName::default()).unwrap();
        let all: Vec<NewInteraction> = (0_u64..)
            .zip(&asked)
            .map(|(n, (minutes, words, found, feedback))| {
                let mut new = question(n, NOW_MS + minutes * 60_123, words, found, &[]);
                // Each topic once: of the words where it was in both.
                let mut seen = BTreeSet::new();
                new.topics.retain(|topic| seen.insert(topic.key.clone()));
                new.feedback = match feedback {
                    0 => Some(Feedback::Good),
                    1 => Some(Feedback::Bad),
                    _ => None,
                };
                new
            })
            .collect();
        remembered.record_all(&all).unwrap();
        if keeps_other_zone {
            // As another process would that lives elsewhere.
            let elsewhere = TimeZone::fixed(jiff::tz::offset(-9));
            remembered
                .database()
                .write(|tx| views::rebuild_days(tx, &elsewhere, &zone_name(&elsewhere)))
                .unwrap();
        }
        let plain = Plain::of(&remembered);
        prop_assert_eq!(plain.all.len(), asked.len());
        let (a, b) = if is_whole { (whole(a, &zone), whole(b, &zone)) } else { (a, b) };

        let timeline = remembered.timeline(a, granularity).unwrap();
        let buckets = plain.buckets(a, granularity);
        let counts: Vec<u64> = buckets.iter().map(|bucket| bucket.n_interactions).collect();
        let total = plain.within(a).len() as u64;
        prop_assert_eq!(&timeline, &Timeline {
            window: a,
            granularity,
            buckets,
            n_interactions: total,
            daily_mean: plain.mean(total, a),
            peak: Plain::first_of_highest(&counts),
        });

        prop_assert_eq!(remembered.activity(a).unwrap(), plain.activity(a));

        let trending = remembered.trending(a, min_queries).unwrap();
        let of_begun = plain.topics(plain.begun(a));
        let expected = of_begun
            .iter()
            .filter(|(key, _)| plain.trend(key, a, min_queries).is_some())
            .count();
        prop_assert_eq!(trending.len(), expected);
        for found in &trending {
            prop_assert_eq!(Some(found.trend), plain.trend(&found.topic.key, a, min_queries));
            prop_assert_eq!(found.topic.n_queries, of_begun[&found.topic.key].1);
        }
        prop_assert!(trending.is_sorted_by(|x, y| x.trend.score >= y.trend.score));

        let changes = remembered.trending_compare(a, b, min_queries).unwrap();
        for change in &changes {
            prop_assert_eq!(change.a, plain.trend(&change.key, a, min_queries));
            prop_assert_eq!(change.b, plain.trend(&change.key, b, min_queries));
            let n = |window| plain.topics(plain.begun(window)).get(&change.key).map_or(0, |t| t.1);
            prop_assert_eq!((change.n_a, change.n_b), (n(a), n(b)));
        }
        prop_assert!(changes.is_sorted_by(|x, y| x.change().abs() >= y.change().abs()));

        let compared = remembered.compare_periods(a, b).unwrap();
        prop_assert_eq!(&compared.a, &plain.summary(a));
        prop_assert_eq!(&compared.b, &plain.summary(b));
        let (of_a, of_b) = (plain.topics(a), plain.topics(b));
        let keys: BTreeSet<&String> = of_a.keys().chain(of_b.keys()).collect();
        prop_assert_eq!(compared.topics.len(), keys.len());
        for topic in &compared.topics {
            let n = |of: &BTreeMap<String, (String, u64)>| of.get(&topic.key).map_or(0, |t| t.1);
            prop_assert_eq!((topic.n_a, topic.n_b), (n(&of_a), n(&of_b)));
            let change = plain.mean(topic.n_b, b) - plain.mean(topic.n_a, a);
            prop_assert_eq!(topic.change_a_day, change);
        }

        for n in 0..7_u8 {
            let (key, name) = (format!("topic {n}"), format!("Topic {n}"));
            let found = remembered.first_seen(&key).unwrap();
            let met = plain.first(&key, false);
            prop_assert_eq!(found.as_ref().map(|found| &found.met), met.as_ref());
            prop_assert_eq!(found.and_then(|found| found.asked), plain.first(&key, true));
            let is_known = plain.all.iter().any(|found| {
                found.topics.iter().any(|topic| topic.key == key)
            });
            if !is_known {
                let error = remembered.topic_evolution(&key, None).unwrap_err();
                prop_assert_eq!(error.kind(), ErrorKind::NotFound);
                continue;
            }
            let weeks = Window::last_weeks(NOW_MS, 13, &zone);
            prop_assert_eq!(
                remembered.topic_evolution(&name, None).unwrap(),
                plain.evolution((&key, &name), weeks, Granularity::Week)
            );
            let granularity =
                if a.len_ms() <= 32 * DAY_MS { Granularity::Day } else { Granularity::Week };
            prop_assert_eq!(
                remembered.compare_topics(&[&key, &name], a).unwrap(),
                [plain.evolution((&key, &name), a, granularity)]
            );
        }
    }
}

#[test]
fn the_peak_is_the_highest_and_the_first_of_equals() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let remembered = memory.of(&PersonaName::default()).unwrap();
    // As the sample in the requirements: a 10 before a 12.
    let today = NOW_MS.div_euclid(DAY_MS);
    let counts = [3_u64, 10, 0, 12, 5, 12, 0];
    let mut all = Vec::new();
    for (day, count) in (today - 6..).zip(counts) {
        for n in 0..count {
            let at_ms = day * DAY_MS + n.cast_signed() * HOUR_MS;
            all.push(question(all.len() as u64, at_ms, &[(n % 5) as u8], &[], &[]));
        }
    }
    remembered.record_all(&all).unwrap();
    let timeline = remembered.timeline(remembered.last_days(7), Granularity::Day).unwrap();
    let found: Vec<u64> = timeline.buckets.iter().map(|bucket| bucket.n_interactions).collect();
    assert_eq!(found, counts);
    assert_eq!((timeline.n_interactions, timeline.peak), (42, Some(3)));
    assert_eq!(timeline.daily_mean, 6.0);
    let topics: Vec<(&str, u64)> =
        timeline.buckets[3].topics.iter().map(|topic| (&*topic.name, topic.n_queries)).collect();
    assert_eq!(topics, [("Topic 0", 3), ("Topic 1", 3), ("Topic 2", 2)]);

    // Days to come take no part in the mean, and are there with nothing in them.
    let ahead = Window::new((today - 6) * DAY_MS, (today + 8) * DAY_MS).unwrap();
    let timeline = remembered.timeline(ahead, Granularity::Day).unwrap();
    assert_eq!((timeline.buckets.len(), timeline.daily_mean), (14, 6.0));
    // Nothing is empty, future, or long ago.
    for (from, to) in [(today, today), (today + 1, today + 3), (-40_000, -39_990)] {
        let window = Window::new(from * DAY_MS, to * DAY_MS).unwrap();
        let timeline = remembered.timeline(window, Granularity::Week).unwrap();
        assert_eq!((timeline.n_interactions, timeline.peak), (0, None));
        assert_eq!(timeline.daily_mean, 0.0);
        assert_eq!(remembered.trending(window, 1).unwrap(), []);
        assert_eq!(remembered.activity(window).unwrap().summary.n_sessions, 0);
    }
    // A window that was not checked is.
    let inverted = Window { start_ms: 1, end_ms: 0 };
    let error = remembered.timeline(inverted, Granularity::Day).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let century = Window { start_ms: 0, end_ms: 37_000 * DAY_MS };
    assert_eq!(remembered.activity(century).unwrap_err().kind(), ErrorKind::Invalid);
    let error = remembered.topic_evolution("topic 1", Some(NOW_MS + 9 * DAY_MS)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn what_rises_comes_first_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let memory = memory(dir.path());
    let remembered = memory.of(&PersonaName::default()).unwrap();
    let mut all = Vec::new();
    for day in 0..30_i64 {
        for (topic, n) in [(1, day / 6), (2, (29 - day) / 6), (3, 2)] {
            for _ in 0..n {
                let at_ms = NOW_MS - (29 - day) * DAY_MS;
                all.push(question(all.len() as u64, at_ms, &[topic], &[], &[]));
            }
        }
    }
    remembered.record_all(&all).unwrap();
    let found = remembered.trending(remembered.last_days(30), 3).unwrap();
    let order: Vec<&str> = found.iter().map(|trending| &*trending.topic.name).collect();
    assert_eq!(order, ["Topic 1", "Topic 3", "Topic 2"]);
    assert!(found[0].trend.score > 0.5 && found[2].trend.score < -0.5, "{found:?}");
    assert!(found[0].trend.confidence > 0.8, "{found:?}");
    // Days to come do not make everything fall.
    let ahead = Window { end_ms: NOW_MS + 60 * DAY_MS, ..remembered.last_days(30) };
    assert_eq!(remembered.trending(ahead, 3).unwrap(), found);
    assert_eq!(day_at(remembered.last_days(1).start_ms, &TimeZone::UTC), NOW_MS / DAY_MS);
}
