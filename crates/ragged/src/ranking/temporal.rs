//! The temporal part of a score: what a question about time adds to what matches it.
//!
//! ```text
//! score = (1 − w) · score before + w · closeness
//! ```
//!
//! Closeness is between 0 and 1: e^(−rate · days) of a document's age where recent ones are
//! favoured, 1 less that where old ones are, and e^(−rate · days to the period) where a period is.
//! Time alone can put a passage before another only if their scores before differ by less than
//! w/(1 − w) times what their closeness differs by; w is at most [`WEIGHT_MAX`], so never by more
//! than 1.

use super::personal::{decay, unit, whole_days};

/// The most that time may weigh.
pub const WEIGHT_MAX: f32 = 0.5;

/// Documents of which time a question prefers, without leaving out the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimeFavour {
    /// The newer the better.
    Recent,
    /// The older the better.
    Old,
    /// The nearer to a period the better, Unix milliseconds, half-open.
    Period {
        /// The first millisecond in it.
        start_ms: i64,
        /// The first millisecond after it.
        end_ms: i64,
    },
}

impl TimeFavour {
    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recent => "recent",
            Self::Old => "old",
            Self::Period { .. } => "period",
        }
    }
}

/// How much time may weigh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeWeights {
    /// w, the share of time in a score; no more than [`WEIGHT_MAX`] counts.
    pub weight: f32,
    /// How fast closeness falls, a day.
    pub decay_rate: f32,
}

/// The temporal part of one score.
#[derive(Clone, Debug, PartialEq)]
pub struct TimePart {
    /// What was favoured.
    pub favour: TimeFavour,
    /// w.
    pub weight: f32,
    /// How close the document's time is to what is favoured, from 0 to 1.
    pub closeness: f32,
    /// The document's time, Unix milliseconds, where one is known; without, closeness is 0.
    pub document_ms: Option<i64>,
}

impl TimePart {
    /// The part of a document of some time, as of `now_ms`. A time to come counts as now.
    pub fn of(
        favour: TimeFavour,
        document_ms: Option<i64>,
        now_ms: i64,
        weights: &TimeWeights,
    ) -> Self {
        let rate = weights.decay_rate;
        let closeness = document_ms.map_or(0.0, |time| match favour {
            TimeFavour::Recent => decay(rate, whole_days(time, now_ms)),
            TimeFavour::Old => 1.0 - decay(rate, whole_days(time, now_ms)),
            TimeFavour::Period { start_ms, .. } if time < start_ms => {
                decay(rate, whole_days(time, start_ms))
            }
            TimeFavour::Period { end_ms, .. } if time >= end_ms => {
                decay(rate, whole_days(end_ms, time))
            }
            TimeFavour::Period { .. } => 1.0,
        });
        let weight = unit(weights.weight).min(WEIGHT_MAX);
        Self { favour, weight, closeness, document_ms }
    }

    /// The part of a candidate that is not looked at.
    pub(super) fn nothing(&self) -> Self {
        Self { closeness: 0.0, document_ms: None, ..self.clone() }
    }
}
