//! Timelines, trends and comparisons of what was asked.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use ragged::{
    memory::{
        interest,
        timeline::{self, PeriodSummary, TopicCount},
    },
    temporal::window::{self, Granularity},
};
use serde::Serialize;

/// A moment as the zone's clock shows it, with its offset from UTC.
pub(crate) fn local(unix_ms: i64, zone: &TimeZone) -> String {
    Timestamp::from_millisecond(unix_ms)
        .map(|time| time.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
        .unwrap_or_default()
}

/// Whose, and in which zone days begin.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Of {
    pub(crate) persona: String,
    pub(crate) zone: String,
}

/// A half-open stretch of time.
#[derive(Debug, Serialize)]
pub(crate) struct Window {
    pub(crate) start: String,
    pub(crate) end: String,
}

impl Window {
    pub(crate) fn new(window: window::Window, zone: &TimeZone) -> Self {
        Self { start: local(window.start_ms, zone), end: local(window.end_ms, zone) }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Topic {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) count: u64,
}

impl From<&TopicCount> for Topic {
    fn from(topic: &TopicCount) -> Self {
        Self { key: topic.key.clone(), name: topic.name.clone(), count: topic.n_queries }
    }
}

fn topics(topics: &[TopicCount]) -> Vec<Topic> {
    topics.iter().map(Topic::from).collect()
}

#[derive(Debug, Serialize)]
pub(crate) struct Count {
    #[serde(flatten)]
    pub(crate) window: Window,
    pub(crate) count: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Bucket {
    #[serde(flatten)]
    pub(crate) count: Count,
    pub(crate) topics: Vec<Topic>,
}

impl Bucket {
    fn new(bucket: &timeline::Bucket, zone: &TimeZone) -> Self {
        let window = Window::new(bucket.window, zone);
        Self {
            count: Count { window, count: bucket.n_interactions },
            topics: topics(&bucket.topics),
        }
    }
}

/// `memory timeline`.
#[derive(Debug, Serialize)]
pub(crate) struct Timeline {
    #[serde(flatten)]
    pub(crate) of: Of,
    #[serde(flatten)]
    pub(crate) window: Window,
    pub(crate) granularity: &'static str,
    pub(crate) total: u64,
    pub(crate) daily_mean: f64,
    pub(crate) peak: Option<Count>,
    pub(crate) buckets: Vec<Bucket>,
}

impl Timeline {
    pub(crate) fn new(of: Of, found: &timeline::Timeline, zone: &TimeZone) -> Self {
        Self {
            of,
            window: Window::new(found.window, zone),
            granularity: found.granularity.as_str(),
            total: found.n_interactions,
            daily_mean: found.daily_mean,
            peak: found.peak.and_then(|idx| found.buckets.get(idx)).map(|bucket| Count {
                window: Window::new(bucket.window, zone),
                count: bucket.n_interactions,
            }),
            buckets: found.buckets.iter().map(|bucket| Bucket::new(bucket, zone)).collect(),
        }
    }
}

/// What a period comes to.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    #[serde(flatten)]
    pub(crate) window: Window,
    pub(crate) total: u64,
    pub(crate) daily_mean: f64,
    pub(crate) peak: Option<Count>,
    pub(crate) days: f64,
    pub(crate) active_days: u64,
    pub(crate) sessions: u64,
    pub(crate) n_topics: u64,
}

impl Summary {
    fn new(summary: &PeriodSummary, zone: &TimeZone) -> Self {
        Self {
            window: Window::new(summary.window, zone),
            total: summary.n_interactions,
            daily_mean: summary.daily_mean,
            peak: summary
                .peak
                .map(|(window, count)| Count { window: Window::new(window, zone), count }),
            days: summary.n_days,
            active_days: summary.n_active_days,
            sessions: summary.n_sessions,
            n_topics: summary.n_topics,
        }
    }
}

/// `memory activity`.
#[derive(Debug, Serialize)]
pub(crate) struct Activity {
    #[serde(flatten)]
    pub(crate) of: Of,
    #[serde(flatten)]
    pub(crate) summary: Summary,
    pub(crate) previous: Count,
    pub(crate) topics: Vec<Topic>,
    pub(crate) new_topics: Vec<Topic>,
    pub(crate) kinds: BTreeMap<String, u64>,
    pub(crate) feedback: Feedback,
    pub(crate) hours: [u64; 24],
    pub(crate) weekdays: [u64; 7],
    pub(crate) by_day: Vec<Bucket>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Feedback {
    pub(crate) positive: u64,
    pub(crate) negative: u64,
}

impl Activity {
    pub(crate) fn new(of: Of, found: &timeline::Activity, zone: &TimeZone) -> Self {
        Self {
            of,
            summary: Summary::new(&found.summary, zone),
            previous: Count {
                window: Window::new(found.preceding, zone),
                count: found.n_preceding,
            },
            topics: topics(&found.topics),
            new_topics: topics(&found.new_topics),
            kinds: found.kinds.clone(),
            feedback: Feedback { positive: found.n_good, negative: found.n_bad },
            hours: found.hours,
            weekdays: found.weekdays,
            by_day: found.days.iter().map(|day| Bucket::new(day, zone)).collect(),
        }
    }
}

/// Which way a topic goes.
#[derive(Debug, Serialize)]
pub(crate) struct Trend {
    pub(crate) direction: &'static str,
    pub(crate) score: f64,
    pub(crate) confidence: f64,
}

/// The word for a direction.
pub(crate) fn direction(direction: interest::Direction) -> &'static str {
    match direction {
        interest::Direction::Rising => "rising",
        interest::Direction::Steady => "steady",
        interest::Direction::Falling => "falling",
    }
}

impl From<&interest::Trend> for Trend {
    fn from(trend: &interest::Trend) -> Self {
        Self {
            direction: direction(trend.direction),
            score: trend.score,
            confidence: trend.confidence,
        }
    }
}

/// `memory trending`.
#[derive(Debug, Serialize)]
pub(crate) struct Trending {
    #[serde(flatten)]
    pub(crate) of: Of,
    #[serde(flatten)]
    pub(crate) window: Window,
    pub(crate) min_queries: u64,
    pub(crate) topics: Vec<TrendingTopic>,
}

#[derive(Debug, Serialize)]
pub(crate) struct TrendingTopic {
    #[serde(flatten)]
    pub(crate) topic: Topic,
    #[serde(flatten)]
    pub(crate) trend: Trend,
}

impl From<&timeline::Trending> for TrendingTopic {
    fn from(found: &timeline::Trending) -> Self {
        Self { topic: Topic::from(&found.topic), trend: Trend::from(&found.trend) }
    }
}

/// `memory trending-compare`.
#[derive(Debug, Serialize)]
pub(crate) struct TrendingComparison {
    #[serde(flatten)]
    pub(crate) of: Of,
    pub(crate) period_a: Window,
    pub(crate) period_b: Window,
    pub(crate) min_queries: u64,
    pub(crate) topics: Vec<TrendChange>,
}

#[derive(Debug, Serialize)]
pub(crate) struct TrendChange {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) count_a: u64,
    pub(crate) count_b: u64,
    pub(crate) trend_a: Option<Trend>,
    pub(crate) trend_b: Option<Trend>,
    pub(crate) change: f64,
}

impl From<&timeline::TrendChange> for TrendChange {
    fn from(found: &timeline::TrendChange) -> Self {
        Self {
            key: found.key.clone(),
            name: found.name.clone(),
            count_a: found.n_a,
            count_b: found.n_b,
            trend_a: found.a.as_ref().map(Trend::from),
            trend_b: found.b.as_ref().map(Trend::from),
            change: found.change(),
        }
    }
}

/// `memory first-seen`.
#[derive(Debug, Serialize)]
pub(crate) struct FirstSeen {
    #[serde(flatten)]
    pub(crate) of: Of,
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) met: Occurrence,
    pub(crate) asked: Option<Occurrence>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Occurrence {
    pub(crate) time: String,
    pub(crate) id: String,
    pub(crate) query: String,
}

impl Occurrence {
    fn new(found: &timeline::Occurrence, zone: &TimeZone) -> Self {
        Self {
            time: local(found.timestamp_ms, zone),
            id: found.interaction_id.clone(),
            query: found.query.clone(),
        }
    }
}

impl FirstSeen {
    pub(crate) fn new(of: Of, found: &timeline::FirstSeen, zone: &TimeZone) -> Self {
        Self {
            of,
            key: found.key.clone(),
            name: found.name.clone(),
            met: Occurrence::new(&found.met, zone),
            asked: found.asked.as_ref().map(|asked| Occurrence::new(asked, zone)),
        }
    }
}

/// `memory topic-evolution`.
#[derive(Debug, Serialize)]
pub(crate) struct TopicEvolution {
    #[serde(flatten)]
    pub(crate) of: Of,
    #[serde(flatten)]
    pub(crate) window: Window,
    pub(crate) granularity: &'static str,
    #[serde(flatten)]
    pub(crate) topic: TopicSeries,
}

/// A topic's counts, one after the other.
#[derive(Debug, Serialize)]
pub(crate) struct TopicSeries {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) total: u64,
    pub(crate) daily_mean: f64,
    pub(crate) peak: Option<Count>,
    pub(crate) trend: Option<Trend>,
    pub(crate) first_asked: Option<String>,
    pub(crate) buckets: Vec<Count>,
}

impl TopicSeries {
    pub(crate) fn new(found: &timeline::TopicEvolution, zone: &TimeZone) -> Self {
        let count = |(window, count): &(window::Window, u64)| Count {
            window: Window::new(*window, zone),
            count: *count,
        };
        Self {
            key: found.topic.key.clone(),
            name: found.topic.name.clone(),
            total: found.topic.n_queries,
            daily_mean: found.daily_mean,
            peak: found.peak.and_then(|idx| found.buckets.get(idx)).map(count),
            trend: found.trend.as_ref().map(Trend::from),
            first_asked: found.first_asked_ms.map(|ms| local(ms, zone)),
            buckets: found.buckets.iter().map(count).collect(),
        }
    }
}

/// `memory compare-topics`.
#[derive(Debug, Serialize)]
pub(crate) struct TopicComparison {
    #[serde(flatten)]
    pub(crate) of: Of,
    #[serde(flatten)]
    pub(crate) window: Window,
    pub(crate) granularity: &'static str,
    pub(crate) topics: Vec<TopicSeries>,
}

impl TopicComparison {
    pub(crate) fn new(
        of: Of,
        window: window::Window,
        found: &[timeline::TopicEvolution],
        zone: &TimeZone,
    ) -> Self {
        Self {
            of,
            window: Window::new(window, zone),
            granularity: found.first().map_or(Granularity::Day, |topic| topic.granularity).as_str(),
            topics: found.iter().map(|topic| TopicSeries::new(topic, zone)).collect(),
        }
    }
}

/// `memory compare-periods`.
#[derive(Debug, Serialize)]
pub(crate) struct PeriodComparison {
    #[serde(flatten)]
    pub(crate) of: Of,
    pub(crate) period_a: Summary,
    pub(crate) period_b: Summary,
    pub(crate) topics: Vec<TopicChange>,
}

#[derive(Debug, Serialize)]
pub(crate) struct TopicChange {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) count_a: u64,
    pub(crate) count_b: u64,
    pub(crate) change_a_day: f64,
}

impl PeriodComparison {
    pub(crate) fn new(of: Of, found: &timeline::PeriodComparison, zone: &TimeZone) -> Self {
        Self {
            of,
            period_a: Summary::new(&found.a, zone),
            period_b: Summary::new(&found.b, zone),
            topics: found
                .topics
                .iter()
                .map(|topic| TopicChange {
                    key: topic.key.clone(),
                    name: topic.name.clone(),
                    count_a: topic.n_a,
                    count_b: topic.n_b,
                    change_a_day: topic.change_a_day,
                })
                .collect(),
        }
    }
}
