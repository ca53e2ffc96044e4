//! Times as people write them: `last week`, `Q4 2025`, `from May to July`, `three days after Easter`.
//!
//! [`parse`] is a function of its text and its [`Context`]; it asks neither clock nor environment.
//! What it does not understand to the last word is an error with suggestions, never a guess.

use jiff::tz::TimeZone;

use crate::error::{Error, ErrorKind, Result};

/// What an expression is read against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The present, milliseconds since the beginning of 1970, UTC.
    pub now_ms: i64,
    /// Where days begin and end.
    pub zone: TimeZone,
    /// How to fill in what is left unsaid.
    pub reading: Reading,
}

/// How to fill in what an expression leaves unsaid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// As plans are written: a month, day or weekday without a year is the coming one, and a range
    /// ends where its second part begins (`2014-2018` ends with 2017).
    #[default]
    Written,
    /// As questions about what one has are asked: a month, day or weekday without a year is the
    /// latest one that has begun, a range holds its second part, and a window of the last days
    /// holds today.
    Question,
}

/// What sort of time an expression named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One day.
    Date,
    /// Whole days, or an open end.
    DateRange,
    /// A moment; its period is the minute or second that it was written to.
    DateTime,
    /// From a moment to a moment.
    DateTimeRange,
}

/// A half-open stretch of time, `start_ms ≤ t < end_ms`, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first millisecond; [`Period::EARLIEST_MS`] where it has no beginning.
    pub start_ms: i64,
    /// The first millisecond after it; [`Period::LATEST_MS`] where it has no end.
    pub end_ms: i64,
    /// What sort of time was named.
    pub kind: Kind,
}

impl Period {
    /// The beginning of what has none (`before 2015`): the beginning of year 1.
    pub const EARLIEST_MS: i64 = -62_135_596_800_000;
    /// The end of what has none (`since 2015`): the end of year 9999.
    pub const LATEST_MS: i64 = 253_402_300_800_000;

    /// Whether a moment lies within.
    pub fn contains(&self, unix_ms: i64) -> bool {
        (self.start_ms..self.end_ms).contains(&unix_ms)
    }
}

/// Reads a whole expression.
///
/// # Errors
/// [`ErrorKind::Invalid`] for what is not understood entirely, a day that no calendar has, and a
/// range that ends before it begins; the hint names forms that are understood.
pub fn parse(text: &str, context: &Context) -> Result<Period> {
    let _ = context;
    Err(Error::new(ErrorKind::Invalid, format!("{text:?} is not a time")))
}
