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
//! Only additions, multiplications, divisions and square roots of IEEE 754 take part, in e^x too, so
//! that every machine gives the same bits.

#[cfg(test)]
mod tests;

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

/// The constants of the formulas, and what it takes to be an interest.
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
    /// Hits that a topic must have to be an interest.
    pub min_frequency: u64,
    /// Interactions that two interests must share to go together.
    pub min_co_occurrence: u64,
}

impl InterestConfig {
    /// The same as bits, for the keys of what depends on it.
    pub fn bits(&self) -> [u64; 9] {
        let Self {
            decay_rate_per_day,
            frequency_saturation,
            depth_saturation,
            frequency_weight,
            recency_weight,
            consistency_weight,
            depth_weight,
            min_frequency,
            min_co_occurrence,
        } = *self;
        [
            decay_rate_per_day.to_bits(),
            frequency_saturation.into(),
            depth_saturation.into(),
            frequency_weight.to_bits(),
            recency_weight.to_bits(),
            consistency_weight.to_bits(),
            depth_weight.to_bits(),
            min_frequency,
            min_co_occurrence,
        ]
    }
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
            min_frequency: 2,
            min_co_occurrence: 3,
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

impl Level {
    /// The word used in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
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

/// The interest that `aggregate` shows at `now_ms`. A topic never met has no interest.
///
/// # Examples
///
/// ```
/// use ragged::memory::interest::{Aggregate, InterestConfig, Level, interest};
///
/// const DAY_MS: i64 = 86_400_000;
/// // Asked for on days 0, 7, 14 and 21, and met in ten documents; today is day 28.
/// let aggregate = Aggregate {
///     weight_quarters: 16,
///     n_queries: 4,
///     first_seen_ms: 0,
///     last_seen_ms: 21 * DAY_MS,
///     n_hits: 4,
///     gap_sum_minutes: 3 * 7 * 1440,
///     gap_square_sum: 3 * (7 * 1440) * (7 * 1440),
///     n_documents: 10,
///     owner: None,
/// };
/// let found = interest(&aggregate, 28 * DAY_MS, &InterestConfig::default());
/// assert_eq!((found.frequency, found.consistency, found.depth), (0.4, 1.0, 0.2));
/// assert!((found.recency - 0.704_688).abs() < 1e-6);
/// assert!((found.confidence - 0.581_406).abs() < 1e-6);
/// assert_eq!(found.level, Level::Medium);
/// ```
pub fn interest(aggregate: &Aggregate, now_ms: i64, config: &InterestConfig) -> Interest {
    let frequency = saturated(
        aggregate.weight_quarters as f64 / QUARTERS_PER_QUERY,
        f64::from(config.frequency_saturation),
    );
    let depth = saturated(aggregate.n_documents as f64, f64::from(config.depth_saturation));
    let recency = if aggregate.n_hits == 0 {
        0.0
    } else {
        recency(aggregate.last_seen_ms, now_ms, config.decay_rate_per_day)
    };
    let consistency = consistency(aggregate);
    let parts = [
        (config.frequency_weight, frequency),
        (config.recency_weight, recency),
        (config.consistency_weight, consistency),
        (config.depth_weight, depth),
    ];
    let weight: f64 = parts.iter().map(|(weight, _)| weight).sum();
    let sum: f64 = parts.iter().map(|(weight, part)| weight * part).sum();
    let learnt = if weight > 0.0 { unit(sum / weight) } else { 0.0 };
    let confidence = aggregate.owner.map_or(learnt, unit);
    Interest {
        frequency,
        recency,
        consistency,
        depth,
        learnt,
        confidence,
        level: level(confidence),
    }
}

/// What a topic of a query counts, in the unit of [`Aggregate::weight_quarters`].
const QUARTERS_PER_QUERY: f64 = 4.0;

/// Fewest hits that show a rhythm.
const HITS_MIN: u64 = 3;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

/// `value` within [0, 1]; what is no number is 0.
fn unit(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

fn saturated(value: f64, saturation: f64) -> f64 {
    if saturation > 0.0 { unit(value / saturation) } else { f64::from(value > 0.0) }
}

/// A confidence in one word.
pub fn level(confidence: f64) -> Level {
    match confidence {
        confidence if confidence >= 0.7 => Level::High,
        confidence if confidence >= 0.3 => Level::Medium,
        _ => Level::Low,
    }
}

/// e^(−`rate_per_day`·days): 1 on the day itself and on days to come, 0.70 after a week at the
/// default rate. The same for every moment of a [`day`].
pub fn recency(last_seen_ms: i64, now_ms: i64, rate_per_day: f64) -> f64 {
    let days = day(now_ms).saturating_sub(day(last_seen_ms)).max(0);
    unit(exp_of_negative(rate_per_day.max(0.0) * days as f64))
}

/// 1 / (1 + CV), where CV² = (n·Σg² − (Σg)²) / (Σg)² over the n gaps g.
fn consistency(aggregate: &Aggregate) -> f64 {
    if aggregate.n_hits < HITS_MIN || aggregate.gap_sum_minutes == 0 {
        return 0.0;
    }
    let n_gaps = u128::from(aggregate.n_hits - 1);
    let sum = u128::from(aggregate.gap_sum_minutes);
    // Whole numbers, so that equal gaps have no spread at all.
    let squares = n_gaps.saturating_mul(u128::from(aggregate.gap_square_sum));
    let spread = squares.saturating_sub(sum * sum);
    let variation = (spread as f64).sqrt() / sum as f64;
    1.0 / (1.0 + variation)
}

/// The gap between two hits as it is summed: minutes of the clock that begin between them, so that
/// gaps add up exactly; never negative.
pub fn gap_minutes(earlier_ms: i64, later_ms: i64) -> u64 {
    let minute = |ms: i64| ms.div_euclid(MINUTE_MS);
    (minute(later_ms) - minute(earlier_ms)).max(0).unsigned_abs()
}

/// e^(−x) for x ≥ 0, by the same operations on every machine: libraries of mathematics differ in
/// the last bit.
fn exp_of_negative(x: f64) -> f64 {
    // Beyond it, e^(−x) is below the smallest double.
    if x.is_nan() || x > 745.0 {
        return 0.0;
    }
    // e^(−x) = (e^(−x/2^n))^(2^n), with x/2^n small enough for a short series.
    let mut n_halvings = 0;
    let mut small = x;
    while small > 0.125 {
        small /= 2.0;
        n_halvings += 1;
    }
    // e^(−y) − 1, so that squaring keeps the digits: (1 + d)² − 1 = d·(2 + d).
    let mut term = 1.0;
    let mut less_one = 0.0;
    for k in 1..=13_u32 {
        term *= -small / f64::from(k);
        less_one += term;
    }
    for _ in 0..n_halvings {
        less_one *= 2.0 + less_one;
    }
    // Every step above may lose half a unit: what is left is no less than nothing.
    (1.0 + less_one).max(0.0)
}

/// The calendar day of a moment, UTC, counted from the beginning of 1970.
pub fn day(unix_ms: i64) -> i64 {
    unix_ms.div_euclid(DAY_MS)
}

/// How long ago `then_ms` was, in words: `just now`, `5 minutes ago`, `3 weeks ago`. Rounded down;
/// a month is 30 days, a year 365. What lies ahead is `just now`: clocks differ.
///
/// # Examples
///
/// ```
/// use ragged::memory::interest::age_in_words;
///
/// assert_eq!(age_in_words(0, 59_999), "just now");
/// assert_eq!(age_in_words(0, 3_600_000), "1 hour ago");
/// assert_eq!(age_in_words(0, 15 * 86_400_000), "2 weeks ago");
/// ```
pub fn age_in_words(then_ms: i64, now_ms: i64) -> String {
    const UNITS: [(i64, &str); 6] = [
        (365 * DAY_MS, "year"),
        (30 * DAY_MS, "month"),
        (7 * DAY_MS, "week"),
        (DAY_MS, "day"),
        (60 * MINUTE_MS, "hour"),
        (MINUTE_MS, "minute"),
    ];
    let age_ms = now_ms.saturating_sub(then_ms);
    let Some((unit_ms, unit)) = UNITS.into_iter().find(|(unit_ms, _)| age_ms >= *unit_ms) else {
        return "just now".to_owned();
    };
    let n_units = age_ms / unit_ms;
    let plural = if n_units == 1 { "" } else { "s" };
    format!("{n_units} {unit}{plural} ago")
}

/// Least score, up or down, that is a direction.
const DIRECTION_MIN: f64 = 0.15;

/// The trend of a count a day, oldest first, days without any included; `None` where there is not
/// enough data: fewer than two days, or fewer queries than [`TrendConfig::min_queries`].
///
/// ```text
/// e₀ = c₀,  eₜ = α·cₜ + (1 − α)·eₜ₋₁,  α = 2 / (span + 1)        moving average of the counts c
/// b  = Σ (t − t̄)·(eₜ − ē) / Σ (t − t̄)²                          slope of the line through it
/// r  = b·(n − 1) / ē                                           change over the window, in averages
/// score = r / (1 + |r|)
/// direction: rising from 0.15, falling from −0.15, else steady
/// R² = share of the variation of e that the line explains
/// confidence = n_queries / (n_queries + min_queries) · (R², or 1 − R² if steady)
/// ```
///
/// # Examples
///
/// ```
/// use ragged::memory::interest::{Direction, TrendConfig, trend};
///
/// let config = TrendConfig::default();
/// let found = trend(&[0, 0, 1, 1, 2, 3, 4], &config);
/// assert_eq!(found.map(|trend| trend.direction), Some(Direction::Rising));
/// assert_eq!(trend(&[0, 1, 0, 1], &config), None);
/// ```
pub fn trend(daily_counts: &[u64], config: &TrendConfig) -> Option<Trend> {
    let n_queries = daily_counts.iter().fold(0_u64, |sum, &count| sum.saturating_add(count));
    if daily_counts.len() < 2 || n_queries == 0 || n_queries < config.min_queries {
        return None;
    }
    let alpha = 2.0 / (f64::from(config.span_days.max(1)) + 1.0);
    let mut average = daily_counts[0] as f64;
    let smooth: Vec<f64> = daily_counts
        .iter()
        .map(|&count| {
            average += alpha * (count as f64 - average);
            average
        })
        .collect();
    let n_days = smooth.len() as f64;
    let mean = smooth.iter().sum::<f64>() / n_days;
    let middle = (n_days - 1.0) / 2.0;
    let (mut days, mut both, mut values) = (0.0, 0.0, 0.0);
    for (day, value) in smooth.iter().enumerate() {
        let (day, value) = (day as f64 - middle, value - mean);
        days += day * day;
        both += day * value;
        values += value * value;
    }
    let change = both / days * (n_days - 1.0) / mean;
    let score = change / (1.0 + change.abs());
    let explained = if values > 0.0 { unit(both * both / (days * values)) } else { 0.0 };
    let (direction, fit) = if score >= DIRECTION_MIN {
        (Direction::Rising, explained)
    } else if score <= -DIRECTION_MIN {
        (Direction::Falling, explained)
    } else {
        (Direction::Steady, 1.0 - explained)
    };
    let n_queries = n_queries as f64;
    let evidence = n_queries / (n_queries + config.min_queries as f64);
    Some(Trend { score, direction, confidence: unit(evidence * fit) })
}
