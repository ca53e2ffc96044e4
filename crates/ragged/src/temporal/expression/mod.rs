//! Times as people write them: `last week`, `Q4 2025`, `from May to July`, `three days after Easter`.
//!
//! [`parse`] is a function of its text and its [`Context`]; it asks neither clock nor environment.
//! What it does not understand to the last word is an error with suggestions, never a guess.

mod calendar;
mod draft;
mod grammar;
mod resolve;
mod suggestion;
#[cfg(test)]
mod tests;
pub(in crate::temporal) mod token;
pub(in crate::temporal) mod word;

use jiff::{Span, Timestamp, civil::DateTime, tz::TimeZone};

use self::{
    resolve::{Bias, Found, Point, Reader},
    token::Token,
};
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

impl Kind {
    /// A stable word for machine-readable output: `date`, `daterange`, `datetime`, `datetimerange`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::DateRange => "daterange",
            Self::DateTime => "datetime",
            Self::DateTimeRange => "datetimerange",
        }
    }
}

/// The longest expression that is read; no time takes as many words.
const MAX_TOKENS: usize = 32;

/// Reads a whole expression. Takes tens of microseconds.
///
/// # Errors
/// [`ErrorKind::Invalid`] for what is not understood entirely, a day that no calendar has, and a
/// range that ends before it begins; the hint names forms that are understood.
///
/// # Examples
///
/// ```
/// use ragged::temporal::expression::{Context, Kind, Reading, parse};
///
/// let context = Context {
///     now_ms: 1_795_423_421_000, // 2026-11-23, a Monday
///     zone: jiff::tz::TimeZone::UTC,
///     reading: Reading::Written,
/// };
/// let week = parse("last week", &context)?;
/// assert_eq!((week.start_ms, week.end_ms), (1_794_787_200_000, 1_795_392_000_000));
/// assert_eq!(week.kind, Kind::DateRange);
/// assert!(parse("last tuseday", &context).unwrap_err().hint().unwrap().contains("last tuesday"));
/// # Ok::<(), ragged::error::Error>(())
/// ```
pub fn parse(text: &str, context: &Context) -> Result<Period> {
    let tokens = token::tokens(text);
    let reason = match understand(text, &tokens, context) {
        Ok(period) => return Ok(period),
        Err(reason) => reason,
    };
    let message = match reason {
        Some(reason) => format!("{text:?} is no time: {reason}"),
        None => suggestion::complaint(text, &tokens),
    };
    let read = |candidate: &[Token]| understand("", candidate, context).is_ok();
    Err(Error::new(ErrorKind::Invalid, message).with_hint(suggestion::hint(text, &tokens, &read)))
}

/// As [`parse`], for words that are cut already and without a word of why not.
pub(in crate::temporal) fn parse_tokens(tokens: &[Token], context: &Context) -> Option<Period> {
    understand("", tokens, context).ok()
}

fn understand(
    text: &str,
    tokens: &[Token],
    context: &Context,
) -> std::result::Result<Period, Option<String>> {
    let Some(reader) = Reader::new(context) else {
        return Err(Some("the present lies outside the years 1 to 9999".to_owned()));
    };
    let found = if tokens.len() > MAX_TOKENS {
        None
    } else {
        machine_form(text, &reader).or_else(|| reader.expression(tokens, Bias::Reading, 0))
    };
    let period = found.and_then(|found| {
        let (start_ms, end_ms) = (reader.ms(&found.start)?, reader.ms(&found.end)?);
        if start_ms >= end_ms {
            return reader.refuse(|| "it ends before it begins".to_owned());
        }
        Some(Period { start_ms, end_ms, kind: found.kind })
    });
    period.ok_or_else(|| reader.into_reason())
}

/// What programs write: `2026-01-31T09:00:00Z`, `2026-01-31T09:00`.
fn machine_form(text: &str, reader: &Reader<'_>) -> Option<Found> {
    let text = text.trim();
    if !text.contains(':') || !text.contains(['T', 't', ' ']) {
        return None;
    }
    let (start, has_seconds) = if let Ok(time) = text.parse::<Timestamp>() {
        (Point::Exact(time), time.as_second() % 60 != 0)
    } else {
        let time = text.parse::<DateTime>().ok().filter(|time| time.year() >= 1)?;
        (Point::Civil(time), time.second() != 0)
    };
    let lasts = if has_seconds { Span::new().seconds(1) } else { Span::new().minutes(1) };
    let from = Timestamp::from_millisecond(reader.ms(&start)?).ok()?;
    let end = Point::Exact(from.checked_add(lasts).ok()?);
    Some(Found { start, end, kind: Kind::DateTime })
}
