//! When things were asked: timelines, trends, comparisons.
//!
//! Whole days come from the daily views, hours and parts of days from the record itself; the two
//! are the same counts, and a test compares them. Topics are those of the words of questions.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    PersonaMemory,
    interaction::not_known,
    interest::{Trend, TrendConfig, trend},
    topic, views, zone_name,
};
use crate::{
    error::{Context, Result},
    sqlite::{natural, sql},
    temporal::window::{Day, Granularity, Window, hour_at},
};

/// Topics that are named of a bucket.
const TOPICS_OF_BUCKET: usize = 3;
/// Topics that are named of a period.
const TOPICS_OF_PERIOD: usize = 10;
/// Weeks of an evolution that nothing is said about.
const EVOLUTION_WEEKS: u32 = 13;
/// Days up to which topics are compared day by day; longer windows go by weeks.
const MAX_DAYS_BY_DAY: i64 = 31;
const DAY_MS: i64 = 86_400_000;

/// A topic, and in how many questions it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicCount {
    /// What makes it the same topic in other words.
    pub key: String,
    /// How it is shown.
    pub name: String,
    /// Questions whose words named it.
    pub n_queries: u64,
}

/// A part of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// From when to when.
    pub window: Window,
    /// Questions within.
    pub n_interactions: u64,
    /// The topics asked about most, at most three; ties by their keys.
    pub topics: Vec<TopicCount>,
}

/// What was asked, bucket by bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// From when to when.
    pub window: Window,
    /// What a bucket is.
    pub granularity: Granularity,
    /// All buckets in order, those without questions included.
    pub buckets: Vec<Bucket>,
    /// Questions in all of them.
    pub n_interactions: u64,
    /// Questions a day, over the days that have begun.
    pub daily_mean: f64,
    /// The bucket with most questions, the first of equals; `None` where there are none.
    pub peak: Option<usize>,
}

/// What a period comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct PeriodSummary {
    /// From when to when.
    pub window: Window,
    /// Questions.
    pub n_interactions: u64,
    /// Sessions that they belong to.
    pub n_sessions: u64,
    /// Days of the window that have begun; a part of a day is a fraction.
    pub n_days: f64,
    /// Days with a question.
    pub n_active_days: u64,
    /// Different topics.
    pub n_topics: u64,
    /// Questions a day, over the days that have begun.
    pub daily_mean: f64,
    /// The day with most questions, the first of equals, and how many it has.
    pub peak: Option<(Window, u64)>,
}

/// What was done in a period.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// The figures.
    pub summary: PeriodSummary,
    /// The period before it, of the same length.
    pub preceding: Window,
    /// Questions in that.
    pub n_preceding: u64,
    /// Questions by the hour that the clock showed.
    pub hours: [u64; 24],
    /// Questions by weekday, Monday first.
    pub weekdays: [u64; 7],
    /// Questions by what they were asked with.
    pub kinds: BTreeMap<String, u64>,
    /// Answers that were found good.
    pub n_good: u64,
    /// Answers that were found bad.
    pub n_bad: u64,
    /// The topics asked about most, at most ten; ties by their keys.
    pub topics: Vec<TopicCount>,
    /// Topics met for the first time ever, those asked about most first, at most ten.
    pub new_topics: Vec<TopicCount>,
    /// Day by day.
    pub days: Vec<Bucket>,
}

/// A topic that goes some way.
#[derive(Clone, Debug, PartialEq)]
pub struct Trending {
    /// The topic, with its questions in the window.
    pub topic: TopicCount,
    /// Which way; see [`trend`](super::interest::trend).
    pub trend: Trend,
}

/// How a topic goes in two windows.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendChange {
    /// What makes it the same topic in other words.
    pub key: String,
    /// How it is shown.
    pub name: String,
    /// Questions about it in the first window.
    pub n_a: u64,
    /// In the second.
    pub n_b: u64,
    /// Which way it went in the first; `None` where there were too few questions.
    pub a: Option<Trend>,
    /// In the second.
    pub b: Option<Trend>,
}

impl TrendChange {
    /// The second score less the first; a trend that there is none of counts 0.
    pub fn change(&self) -> f64 {
        let score = |trend: &Option<Trend>| trend.map_or(0.0, |trend| trend.score);
        score(&self.b) - score(&self.a)
    }
}

/// When a topic was met first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstSeen {
    /// What makes it the same topic in other words.
    pub key: String,
    /// How it is shown.
    pub name: String,
    /// The first question that named it, or found a document about it.
    pub met: Occurrence,
    /// The first question that named it.
    pub asked: Option<Occurrence>,
}

/// A question in which a topic was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Unix milliseconds.
    pub timestamp_ms: i64,
    /// The interaction's id.
    pub interaction_id: String,
    /// Its question.
    pub query: String,
}

/// How a topic went over time.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicEvolution {
    /// The topic, with its questions in the window.
    pub topic: TopicCount,
    /// From when to when.
    pub window: Window,
    /// What a bucket is.
    pub granularity: Granularity,
    /// Questions about it in each bucket, those without any included.
    pub buckets: Vec<(Window, u64)>,
    /// The bucket with most, the first of equals; `None` where there are none.
    pub peak: Option<usize>,
    /// Questions a day, over the days that have begun.
    pub daily_mean: f64,
    /// Which way it goes; `None` where there are too few questions.
    pub trend: Option<Trend>,
    /// The first question ever that named it, Unix milliseconds.
    pub first_asked_ms: Option<i64>,
}

/// Two periods side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct PeriodComparison {
    /// The first.
    pub a: PeriodSummary,
    /// The second.
    pub b: PeriodSummary,
    /// All topics of either; those first whose questions a day differ most.
    pub topics: Vec<TopicChange>,
}

/// A topic in two periods.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicChange {
    /// What makes it the same topic in other words.
    pub key: String,
    /// How it is shown.
    pub name: String,
    /// Questions about it in the first period.
    pub n_a: u64,
    /// In the second.
    pub n_b: u64,
    /// By how much the questions a day rise from the first to the second.
    pub change_a_day: f64,
}

/// What a bucket counts.
#[derive(Debug, Default)]
struct Tally {
    n_interactions: u64,
    /// By topic; each once and in order after [`Tally::settle`].
    topics: Vec<(i64, u64)>,
}

impl Tally {
    fn settle(&mut self) {
        self.topics.sort_unstable();
        self.topics.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                kept.1 += next.1;
            }
            is_same
        });
    }
}

/// Keys and names of topics that were asked for once.
struct Names<'a> {
    connection: &'a Connection,
    known: HashMap<i64, (String, String)>,
}

impl<'a> Names<'a> {
    fn new(connection: &'a Connection) -> Self {
        Self { connection, known: HashMap::new() }
    }

    fn of(&mut self, topic: i64) -> Result<&(String, String)> {
        if !self.known.contains_key(&topic) {
            let found = sql(self
                .connection
                .prepare_cached("SELECT key, name FROM topics WHERE topic = ?1")
                .and_then(|mut statement| {
                    statement.query_row([topic], |row| Ok((row.get(0)?, row.get(1)?)))
                }))?;
            self.known.insert(topic, found);
        }
        Ok(&self.known[&topic])
    }

    fn counted(&mut self, topic: i64, n_queries: u64) -> Result<TopicCount> {
        let (key, name) = self.of(topic)?.clone();
        Ok(TopicCount { key, name, n_queries })
    }

    /// Those with the highest counts, at most `n`; ties by their keys.
    fn highest(&mut self, topics: &[(i64, u64)], n: usize) -> Result<Vec<TopicCount>> {
        let mut counts: Vec<u64> = topics.iter().map(|(_, count)| *count).collect();
        // Names are looked up of those alone that may be shown.
        let least = match n.checked_sub(1) {
            Some(last) if last < counts.len() => {
                *counts.select_nth_unstable_by(last, |a, b| b.cmp(a)).1
            }
            _ => 0,
        };
        let mut found = Vec::new();
        for (topic, count) in topics.iter().filter(|(_, count)| *count >= least) {
            found.push(self.counted(*topic, *count)?);
        }
        found.sort_by(|a, b| b.n_queries.cmp(&a.n_queries).then_with(|| a.key.cmp(&b.key)));
        found.truncate(n);
        Ok(found)
    }
}

impl PersonaMemory {
    /// The last `n_days` calendar days, today included, in the zone of the daily views.
    pub fn last_days(&self, n_days: u32) -> Window {
        Window::last_days(self.now_ms(), n_days, self.zone())
    }

    /// What was asked in a window, bucket by bucket. Whole days cost O(days · topics of a day),
    /// hours and parts of days O(questions).
    ///
    /// # Errors
    ///
    /// `Invalid` for a window that ends before it begins or spans more than five years; those of
    /// reading.
    pub fn timeline(&self, window: Window, granularity: Granularity) -> Result<Timeline> {
        let window = window.checked()?;
        self.read("drawing the timeline", |connection| {
            let (buckets, tallies) = self.tallies(connection, window, granularity)?;
            let mut names = Names::new(connection);
            let buckets = named(&buckets, &tallies, &mut names)?;
            let n_interactions = buckets.iter().map(|bucket| bucket.n_interactions).sum();
            Ok(Timeline {
                window,
                granularity,
                peak: peak(buckets.iter().map(|bucket| bucket.n_interactions)),
                n_interactions,
                daily_mean: mean(n_interactions, self.begun(window).n_days(self.zone())),
                buckets,
            })
        })
    }

    /// What was done in a period: figures, hours, weekdays, topics, and the period before it.
    ///
    /// # Errors
    ///
    /// Those of [`timeline`](Self::timeline).
    pub fn activity(&self, period: Window) -> Result<Activity> {
        let window = period.checked()?;
        let zone = self.zone();
        self.read("summing up", |connection| {
            let (buckets, tallies) = self.tallies(connection, window, Granularity::Day)?;
            let mut names = Names::new(connection);
            let topics = together(&tallies);
            let days = named(&buckets, &tallies, &mut names)?;
            let mut activity = Activity {
                summary: self.summary(connection, window, &buckets, &tallies)?,
                preceding: window.preceding(zone),
                n_preceding: 0,
                hours: [0; 24],
                weekdays: [0; 7],
                kinds: BTreeMap::new(),
                n_good: 0,
                n_bad: 0,
                topics: names.highest(&topics, TOPICS_OF_PERIOD)?,
                new_topics: names
                    .highest(&first_met(connection, window, &topics)?, TOPICS_OF_PERIOD)?,
                days,
            };
            let (_, preceding) = self.tallies(connection, activity.preceding, Granularity::Day)?;
            activity.n_preceding = preceding.iter().map(|tally| tally.n_interactions).sum();
            let mut statement = sql(connection.prepare_cached(
                "SELECT timestamp, kind, feedback FROM interactions \
                 WHERE persona = ?1 AND timestamp >= ?2 AND timestamp < ?3",
            ))?;
            let mut rows = sql(statement.query(self.within(window)))?;
            while let Some(row) = sql(rows.next())? {
                let timestamp_ms: i64 = sql(row.get(0))?;
                let day = crate::temporal::window::day_at(timestamp_ms, zone);
                activity.hours[hour_at(timestamp_ms, zone)] += 1;
                // The beginning of 1970 was a Thursday.
                activity.weekdays[(day + 3).rem_euclid(7) as usize] += 1;
                *activity.kinds.entry(sql(row.get(1))?).or_default() += 1;
                match sql(row.get::<_, Option<String>>(2))?.as_deref() {
                    Some("positive") => activity.n_good += 1,
                    Some("negative") => activity.n_bad += 1,
                    _ => {}
                }
            }
            Ok(activity)
        })
    }

    /// The topics with at least `min_queries` questions in a window, by the score of their trend
    /// over its days until today, rising ones first; ties by questions, then by key.
    ///
    /// # Errors
    ///
    /// Those of [`timeline`](Self::timeline).
    pub fn trending(&self, window: Window, min_queries: u64) -> Result<Vec<Trending>> {
        let window = window.checked()?;
        self.read("finding trends", |connection| {
            let mut names = Names::new(connection);
            let mut found = Vec::new();
            for (topic, n_queries, trend) in self.trends(connection, window, min_queries)? {
                let Some(trend) = trend else { continue };
                found.push(Trending { topic: names.counted(topic, n_queries)?, trend });
            }
            found.sort_by(|a, b| {
                b.trend
                    .score
                    .total_cmp(&a.trend.score)
                    .then_with(|| b.topic.n_queries.cmp(&a.topic.n_queries))
                    .then_with(|| a.topic.key.cmp(&b.topic.key))
            });
            Ok(found)
        })
    }

    /// How the topics go in two windows that have at least `min_queries` questions in one of them;
    /// those first whose score changed most, ties by key.
    ///
    /// # Errors
    ///
    /// Those of [`timeline`](Self::timeline).
    pub fn trending_compare(
        &self,
        a: Window,
        b: Window,
        min_queries: u64,
    ) -> Result<Vec<TrendChange>> {
        let (a, b) = (a.checked()?, b.checked()?);
        self.read("comparing trends", |connection| {
            let mut sides: BTreeMap<i64, [(u64, Option<Trend>); 2]> = BTreeMap::new();
            for (side, window) in [a, b].into_iter().enumerate() {
                for (topic, n, trend) in self.trends(connection, window, min_queries)? {
                    sides.entry(topic).or_default()[side] = (n, trend);
                }
            }
            let mut names = Names::new(connection);
            let mut found = Vec::new();
            for (topic, [(n_a, a), (n_b, b)]) in sides {
                if a.is_none() && b.is_none() {
                    continue;
                }
                let (key, name) = names.of(topic)?.clone();
                found.push(TrendChange { key, name, n_a, n_b, a, b });
            }
            found.sort_by(|x, y| {
                y.change().abs().total_cmp(&x.change().abs()).then_with(|| x.key.cmp(&y.key))
            });
            Ok(found)
        })
    }

    /// When a topic was met first; `None` where it never was. A few rows are read.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn first_seen(&self, topic: &str) -> Result<Option<FirstSeen>> {
        self.read("finding a first time", |connection| {
            let Some(topic) = known(connection, topic)? else { return Ok(None) };
            let met: Option<(i64, i64)> = sql(connection
                .prepare_cached(
                    "SELECT timestamp, seq FROM interaction_topics \
                     WHERE topic = ?1 AND weight > 0 ORDER BY timestamp, seq LIMIT 1",
                )
                .and_then(|mut statement| {
                    statement.query_row([topic], |row| Ok((row.get(0)?, row.get(1)?))).optional()
                }))?;
            let Some((_, seq)) = met else { return Ok(None) };
            let met = occurrence(connection, seq)?;
            let asked = match first_asked(connection, topic)? {
                Some((_, seq)) => Some(occurrence(connection, seq)?),
                None => None,
            };
            let mut names = Names::new(connection);
            let (key, name) = names.of(topic)?.clone();
            Ok(Some(FirstSeen { key, name, met, asked }))
        })
    }

    /// How a topic went week by week, from `since_ms` or over the last thirteen weeks, to the
    /// Sunday of this week.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned of the topic; those of [`timeline`](Self::timeline).
    pub fn topic_evolution(&self, topic: &str, since_ms: Option<i64>) -> Result<TopicEvolution> {
        let weeks = Window::last_weeks(self.now_ms(), EVOLUTION_WEEKS, self.zone());
        let window = match since_ms {
            Some(since_ms) => Window::new(since_ms, weeks.end_ms)?,
            None => weeks,
        };
        self.read("following a topic", |connection| {
            let topic = known(connection, topic)?.ok_or_else(not_known)?;
            self.evolution(connection, topic, window, Granularity::Week)
        })
    }

    /// Topics side by side over a window, in the order given and each once; by days up to a
    /// month, else by weeks.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned of one of them; those of [`timeline`](Self::timeline).
    pub fn compare_topics<T: AsRef<str>>(
        &self,
        topics: &[T],
        window: Window,
    ) -> Result<Vec<TopicEvolution>> {
        let window = window.checked()?;
        let granularity = if window.len_ms() <= (MAX_DAYS_BY_DAY + 1) * DAY_MS {
            Granularity::Day
        } else {
            Granularity::Week
        };
        self.read("comparing topics", |connection| {
            let (mut seen, mut found) = (HashSet::new(), Vec::new());
            for text in topics.iter().map(AsRef::as_ref) {
                let topic = known(connection, text)?
                    .ok_or_else(not_known)
                    .context_with(|| format!("looking for {text:?}"))?;
                if seen.insert(topic) {
                    found.push(self.evolution(connection, topic, window, granularity)?);
                }
            }
            Ok(found)
        })
    }

    /// Two periods side by side, and how much each topic's questions a day differ.
    ///
    /// # Errors
    ///
    /// Those of [`timeline`](Self::timeline).
    pub fn compare_periods(&self, a: Window, b: Window) -> Result<PeriodComparison> {
        let (a, b) = (a.checked()?, b.checked()?);
        self.read("comparing periods", |connection| {
            let side = |window| -> Result<(PeriodSummary, Vec<(i64, u64)>)> {
                let (buckets, tallies) = self.tallies(connection, window, Granularity::Day)?;
                let summary = self.summary(connection, window, &buckets, &tallies)?;
                Ok((summary, together(&tallies)))
            };
            let ((a, of_a), (b, of_b)) = (side(a)?, side(b)?);
            let mut counts: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
            for (topic, n) in of_a {
                counts.entry(topic).or_default().0 = n;
            }
            for (topic, n) in of_b {
                counts.entry(topic).or_default().1 = n;
            }
            let mut names = Names::new(connection);
            let mut topics = Vec::new();
            for (topic, (n_a, n_b)) in counts {
                let (key, name) = names.of(topic)?.clone();
                let change_a_day = mean(n_b, b.n_days) - mean(n_a, a.n_days);
                topics.push(TopicChange { key, name, n_a, n_b, change_a_day });
            }
            topics.sort_by(|x, y| {
                y.change_a_day
                    .abs()
                    .total_cmp(&x.change_a_day.abs())
                    .then_with(|| x.key.cmp(&y.key))
            });
            Ok(PeriodComparison { a, b, topics })
        })
    }

    fn zone(&self) -> &TimeZone {
        &self.config.zone
    }

    fn read<T>(&self, what: &str, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.database().read(work).context_with(|| format!("{what} of what {} asked", self.name()))
    }

    fn within(&self, window: Window) -> (&str, i64, i64) {
        (self.name().as_str(), window.start_ms, window.end_ms)
    }

    /// What of a window has begun: until the end of today.
    fn begun(&self, window: Window) -> Window {
        window.until(Window::last_days(self.now_ms(), 1, self.zone()).end_ms)
    }

    /// The buckets of a window and what each counts.
    fn tallies(
        &self,
        connection: &Connection,
        window: Window,
        granularity: Granularity,
    ) -> Result<(Vec<Window>, Vec<Tally>)> {
        let zone = self.zone();
        let buckets = window.buckets(granularity, zone);
        let mut tallies: Vec<Tally> = buckets.iter().map(|_| Tally::default()).collect();
        // Another process may keep the days of another zone.
        let kept: Option<String> = views::state(connection, views::KEY_ROLLUP_ZONE)?;
        let is_kept = kept.as_deref() == Some(zone_name(zone).as_str());
        if granularity == Granularity::Hour || !is_kept {
            self.tally_record(connection, window, &buckets, &mut tallies)?;
        } else {
            let days = window.days(zone);
            tally_days(connection, &days, &buckets, &mut tallies)?;
            for day in days.iter().filter(|day| !day.is_plain) {
                self.tally_record(connection, day.window, &buckets, &mut tallies)?;
            }
        }
        for tally in &mut tallies {
            tally.settle();
        }
        Ok((buckets, tallies))
    }

    /// Counts the questions of a window one by one.
    fn tally_record(
        &self,
        connection: &Connection,
        window: Window,
        buckets: &[Window],
        tallies: &mut [Tally],
    ) -> Result<()> {
        let mut statement = sql(connection.prepare_cached(
            "SELECT timestamp FROM interactions \
             WHERE persona = ?1 AND timestamp >= ?2 AND timestamp < ?3",
        ))?;
        let mut rows = sql(statement.query(self.within(window)))?;
        while let Some(row) = sql(rows.next())? {
            if let Some(idx) = bucket_of(buckets, sql(row.get(0))?) {
                tallies[idx].n_interactions += 1;
            }
        }
        let mut statement = sql(connection.prepare_cached(
            "SELECT i.timestamp, t.topic FROM interactions i \
             CROSS JOIN interaction_topics t ON t.seq = i.seq \
             WHERE i.persona = ?1 AND i.timestamp >= ?2 AND i.timestamp < ?3 \
             AND t.source = 0 AND t.weight > 0",
        ))?;
        let mut rows = sql(statement.query(self.within(window)))?;
        while let Some(row) = sql(rows.next())? {
            if let Some(idx) = bucket_of(buckets, sql(row.get(0))?) {
                tallies[idx].topics.push((sql(row.get(1))?, 1));
            }
        }
        Ok(())
    }

    fn summary(
        &self,
        connection: &Connection,
        window: Window,
        days: &[Window],
        tallies: &[Tally],
    ) -> Result<PeriodSummary> {
        let n_interactions = tallies.iter().map(|tally| tally.n_interactions).sum();
        let n_days = self.begun(window).n_days(self.zone());
        let n_sessions: i64 = sql(connection
            .prepare_cached(
                "SELECT count(DISTINCT session_id) FROM interactions \
                 WHERE persona = ?1 AND timestamp >= ?2 AND timestamp < ?3",
            )
            .and_then(|mut statement| statement.query_row(self.within(window), |row| row.get(0))))?;
        Ok(PeriodSummary {
            window,
            n_interactions,
            n_sessions: natural(n_sessions),
            n_days,
            n_active_days: tallies.iter().filter(|tally| tally.n_interactions > 0).count() as u64,
            n_topics: together(tallies).len() as u64,
            daily_mean: mean(n_interactions, n_days),
            peak: peak(tallies.iter().map(|tally| tally.n_interactions))
                .map(|idx| (days[idx], tallies[idx].n_interactions)),
        })
    }

    /// For each topic of a window its questions there, and its trend until today.
    fn trends(
        &self,
        connection: &Connection,
        window: Window,
        min_queries: u64,
    ) -> Result<Vec<(i64, u64, Option<Trend>)>> {
        let (_, tallies) = self.tallies(connection, self.begun(window), Granularity::Day)?;
        let mut counts: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
        for (idx, tally) in tallies.iter().enumerate() {
            for (topic, n) in &tally.topics {
                counts.entry(*topic).or_insert_with(|| vec![0; tallies.len()])[idx] = *n;
            }
        }
        let config = TrendConfig { min_queries, ..TrendConfig::default() };
        Ok(counts
            .into_iter()
            .map(|(topic, days)| (topic, days.iter().sum(), trend(&days, &config)))
            .collect())
    }

    fn evolution(
        &self,
        connection: &Connection,
        topic: i64,
        window: Window,
        granularity: Granularity,
    ) -> Result<TopicEvolution> {
        let zone = self.zone();
        let begun = self.begun(window);
        let windows = window.buckets(granularity, zone);
        let days = begun.buckets(Granularity::Day, zone);
        let mut counts = vec![0_u64; windows.len()];
        let mut daily = vec![0_u64; days.len()];
        let mut statement = sql(connection.prepare_cached(
            "SELECT timestamp FROM interaction_topics WHERE topic = ?1 \
             AND timestamp >= ?2 AND timestamp < ?3 AND source = 0 AND weight > 0",
        ))?;
        let mut rows = sql(statement.query([topic, window.start_ms, window.end_ms]))?;
        while let Some(row) = sql(rows.next())? {
            let timestamp_ms = sql(row.get(0))?;
            for (buckets, counts) in [(&windows, &mut counts), (&days, &mut daily)] {
                if let Some(idx) = bucket_of(buckets, timestamp_ms) {
                    counts[idx] += 1;
                }
            }
        }
        let n_queries = counts.iter().sum();
        Ok(TopicEvolution {
            topic: Names::new(connection).counted(topic, n_queries)?,
            window,
            granularity,
            peak: peak(counts.iter().copied()),
            daily_mean: mean(n_queries, begun.n_days(zone)),
            trend: trend(&daily, &TrendConfig::default()),
            first_asked_ms: first_asked(connection, topic)?.map(|(timestamp_ms, _)| timestamp_ms),
            buckets: windows.into_iter().zip(counts).collect(),
        })
    }
}

/// Adds the daily counts of the plain ones among `days`.
fn tally_days(
    connection: &Connection,
    days: &[Day],
    buckets: &[Window],
    tallies: &mut [Tally],
) -> Result<()> {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(()) };
    // By how many days a day is after the first.
    let n_days = usize::try_from(last.number - first.number).unwrap_or(0) + 1;
    let mut bucket_of_day = vec![None; n_days];
    for day in days.iter().filter(|day| day.is_plain) {
        let idx = usize::try_from(day.number - first.number).unwrap_or(usize::MAX);
        if let Some(bucket) = bucket_of_day.get_mut(idx) {
            *bucket = bucket_of(buckets, day.window.start_ms);
        }
    }
    let find = |day: i64| -> Option<usize> {
        bucket_of_day.get(usize::try_from(day - first.number).ok()?).copied().flatten()
    };
    let bounds = [first.number, last.number];
    let mut statement = sql(connection.prepare_cached(
        "SELECT day, n_interactions FROM daily_activity WHERE day BETWEEN ?1 AND ?2",
    ))?;
    let mut rows = sql(statement.query(bounds))?;
    while let Some(row) = sql(rows.next())? {
        if let Some(idx) = find(sql(row.get(0))?) {
            tallies[idx].n_interactions += natural(sql(row.get(1))?);
        }
    }
    let mut statement = sql(connection.prepare_cached(
        "SELECT day, topic, n_interactions FROM daily_topics WHERE day BETWEEN ?1 AND ?2",
    ))?;
    let mut rows = sql(statement.query(bounds))?;
    while let Some(row) = sql(rows.next())? {
        if let Some(idx) = find(sql(row.get(0))?) {
            tallies[idx].topics.push((sql(row.get(1))?, natural(sql(row.get(2))?)));
        }
    }
    Ok(())
}

/// In which of successive buckets a moment lies.
fn bucket_of(buckets: &[Window], unix_ms: i64) -> Option<usize> {
    let idx = buckets.partition_point(|bucket| bucket.end_ms <= unix_ms);
    buckets.get(idx).filter(|bucket| bucket.contains(unix_ms)).map(|_| idx)
}

fn named(windows: &[Window], tallies: &[Tally], names: &mut Names<'_>) -> Result<Vec<Bucket>> {
    windows
        .iter()
        .zip(tallies)
        .map(|(window, tally)| {
            Ok(Bucket {
                window: *window,
                n_interactions: tally.n_interactions,
                topics: names.highest(&tally.topics, TOPICS_OF_BUCKET)?,
            })
        })
        .collect()
}

/// The topics of all buckets, each once.
fn together(tallies: &[Tally]) -> Vec<(i64, u64)> {
    let topics = tallies.iter().flat_map(|tally| &tally.topics).copied().collect();
    let mut all = Tally { n_interactions: 0, topics };
    all.settle();
    all.topics
}

/// Those of `topics` that were met within the window for the first time.
fn first_met(
    connection: &Connection,
    window: Window,
    topics: &[(i64, u64)],
) -> Result<Vec<(i64, u64)>> {
    let mut statement =
        sql(connection.prepare_cached("SELECT first_seen FROM topic_totals WHERE topic = ?1"))?;
    let mut found = Vec::new();
    for (topic, n) in topics {
        let first: Option<i64> = sql(statement.query_row([topic], |row| row.get(0)).optional())?;
        if first.is_some_and(|first| window.contains(first)) {
            found.push((*topic, *n));
        }
    }
    Ok(found)
}

/// The topic that a text names, as a key or in any words that have it.
fn known(connection: &Connection, text: &str) -> Result<Option<i64>> {
    match views::known_topic(connection, text)? {
        Some(topic) => Ok(Some(topic)),
        None => views::known_topic(connection, &topic::key(text)),
    }
}

/// When a topic was first in the words of a question, and of which.
fn first_asked(connection: &Connection, topic: i64) -> Result<Option<(i64, i64)>> {
    let day: Option<i64> = sql(connection
        .prepare_cached("SELECT min(day) FROM daily_topics WHERE topic = ?1")
        .and_then(|mut statement| statement.query_row([topic], |row| row.get(0))))?;
    let Some(day) = day else { return Ok(None) };
    // No zone's day begins as much before that of UTC.
    let since_ms = (day - 3).saturating_mul(DAY_MS);
    sql(connection
        .prepare_cached(
            "SELECT timestamp, seq FROM interaction_topics WHERE topic = ?1 \
             AND timestamp >= ?2 AND source = 0 AND weight > 0 \
             ORDER BY timestamp, seq LIMIT 1",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![topic, since_ms], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        }))
}

fn occurrence(connection: &Connection, seq: i64) -> Result<Occurrence> {
    sql(connection
        .prepare_cached("SELECT timestamp, id, query FROM interactions WHERE seq = ?1")
        .and_then(|mut statement| {
            statement.query_row([seq], |row| {
                Ok(Occurrence {
                    timestamp_ms: row.get(0)?,
                    interaction_id: row.get(1)?,
                    query: row.get(2)?,
                })
            })
        }))
}

/// The first of the highest counts above 0.
fn peak(counts: impl Iterator<Item = u64>) -> Option<usize> {
    let mut highest: Option<(usize, u64)> = None;
    for (idx, count) in counts.enumerate() {
        if count > highest.map_or(0, |(_, highest)| highest) {
            highest = Some((idx, count));
        }
    }
    highest.map(|(idx, _)| idx)
}

/// A count a day; over less than a day, the count itself.
fn mean(count: u64, n_days: f64) -> f64 {
    count as f64 / n_days.max(1.0)
}
