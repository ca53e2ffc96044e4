//! How interested a persona is in a topic: pure formulas over sums that are easy to keep.
//!
//! With the default constants:
//!
//! ```text
//! confidence  = 0.35·frequency + 0.30·recency + 0.20·consistency + 0.15·depth
//! frequency   = min(weight_quarters / 4 / 10, 1)
//! recency     = e^(−0.05·days)
//! consistency = 1 / (1 + CV of the gaps between hits), 0 below 3 hits
//! depth       = min(n_documents / 50, 1)
//! ```
//!
//! `days` are calendar days, UTC, between the last hit and now: what is computed today stays true
//! until midnight, and a cache may name the [`day`] in its key. A hit is an interaction in which the
//! topic was met. The coefficient of variation (CV) is the standard deviation of the gaps over
//! their mean; n hits have n − 1 gaps. Hits that all fall into one minute show no rhythm, and their
//! consistency is 0.
//!
//! Only additions, multiplications, divisions and square roots of IEEE 754 take part, e^x included,
//! so that every machine gives the same bits.

/// What is kept of a topic for a persona. Every field is a sum or an extreme over interactions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Aggregate {
    /// Weight of all hits in quarters: a topic of a query counts 4, of a retrieved document 1; good
    /// feedback doubles both; bad feedback makes a document's topics count 0.
    pub weight_quarters: u64,
    /// Interactions whose query named the topic.
    pub n_queries: u64,
    /// Unix milliseconds of the first hit.
    pub first_seen_ms: i64,
    /// Unix milliseconds of the last hit.
    pub last_seen_ms: i64,
    /// Interactions in which the topic was met, in the query or in a retrieved document.
    pub n_hits: u64,
    /// Sum of the gaps between one hit and the next, in whole minutes.
    pub gap_sum_minutes: u64,
    /// Sum of the squares of those gaps.
    pub gap_square_sum: u64,
    /// Different documents that the persona met with the topic.
    pub n_documents: u64,
    /// The confidence that the owner has set, in [0, 1]. It replaces what was learnt.
    pub owner: Option<f64>,
}

/// The constants of the formulas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InterestConfig {
    /// How fast recency falls, a day.
    pub decay_rate_per_day: f64,
    /// The weight at which frequency is 1.
    pub frequency_saturation: u32,
    /// The number of documents at which depth is 1.
    pub depth_saturation: u32,
    /// Part of frequency in the confidence. The four parts are taken relative to their sum.
    pub frequency_weight: f64,
    /// Part of recency.
    pub recency_weight: f64,
    /// Part of consistency.
    pub consistency_weight: f64,
    /// Part of depth.
    pub depth_weight: f64,
}

impl Default for InterestConfig {
    fn default() -> Self {
        Self {
            decay_rate_per_day: 0.05,
            frequency_saturation: 10,
            depth_saturation: 50,
            frequency_weight: 0.35,
            recency_weight: 0.30,
            consistency_weight: 0.20,
            depth_weight: 0.15,
        }
    }
}

/// A confidence in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Below 0.3.
    Low,
    /// From 0.3.
    Medium,
    /// From 0.7.
    High,
}

/// How interested a persona is in a topic, and why. Every number is in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interest {
    /// How much.
    pub frequency: f64,
    /// How lately.
    pub recency: f64,
    /// How regularly.
    pub consistency: f64,
    /// In how many documents.
    pub depth: f64,
    /// What the four parts give.
    pub learnt: f64,
    /// What counts: the owner's word, or else what was learnt.
    pub confidence: f64,
    /// The confidence in one word.
    pub level: Level,
}

/// Which way a topic goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More and more.
    Rising,
    /// As much as before.
    Steady,
    /// Less and less.
    Falling,
}

/// How the attention to a topic changes over a window of days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// From −1 (gone) over 0 (steady) to 1 (new).
    pub score: f64,
    /// The score in one word.
    pub direction: Direction,
    /// How well the days support the direction, in [0, 1].
    pub confidence: f64,
}

/// The constants of [`trend`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrendConfig {
    /// Fewest queries in the window.
    pub min_queries: u64,
    /// Days that the moving average looks back: α = 2 / (span + 1).
    pub span_days: u32,
}

impl Default for TrendConfig {
    fn default() -> Self {
        Self { min_queries: 3, span_days: 7 }
    }
}

/// The interest that `aggregate` shows at `now_ms`.
pub fn interest(_aggregate: &Aggregate, _now_ms: i64, _config: &InterestConfig) -> Interest {
    Interest {
        frequency: 0.0,
        recency: 0.0,
        consistency: 0.0,
        depth: 0.0,
        learnt: 0.0,
        confidence: 0.0,
        level: Level::Low,
    }
}

/// The calendar day of a moment, UTC, counted from the beginning of 1970.
pub fn day(unix_ms: i64) -> i64 {
    unix_ms.div_euclid(86_400_000)
}

/// How long ago `then_ms` was, in words: `just now`, `5 minutes ago`, `3 weeks ago`.
pub fn age_in_words(_then_ms: i64, _now_ms: i64) -> String {
    String::new()
}

/// The trend of a count a day, oldest first, days without any included; `None` where there is not
/// enough data.
pub fn trend(_daily_counts: &[u64], _config: &TrendConfig) -> Option<Trend> {
    None
}
