//! Stretches of time, and how the calendar of a zone cuts them.
//!
//! Everything is half-open. Days begin at the first moment of a date in the zone, weeks on Monday
//! (ISO 8601), hours when the zone's clock shows a full one, or is set to another hour. An hour
//! that the clock shows twice is two hours, and one that it leaves out is none.

#[cfg(test)]
mod tests;

use jiff::{
    Timestamp,
    civil::Date,
    tz::{AmbiguousOffset, TimeZone},
};

use crate::error::{Error, ErrorKind, Result};

/// Most days that one look back may span: five years.
pub const MAX_WINDOW_DAYS: u32 = 5 * 366;

const SECOND_MS: i64 = 1000;
const DAY_MS: i64 = 86_400_000;

/// A half-open stretch of time, `start_ms ≤ t < end_ms`, Unix milliseconds, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Window {
    /// The first millisecond.
    pub start_ms: i64,
    /// The first millisecond after it.
    pub end_ms: i64,
}

/// What a stretch of time is cut into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Granularity {
    /// Hours of the zone's clock.
    Hour,
    /// Days of the zone's calendar.
    #[default]
    Day,
    /// Weeks from Monday to Sunday.
    Week,
    /// Calendar months.
    Month,
}

impl Granularity {
    /// The word in JSON: `hour`, `day`, `week`, `month`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

impl Window {
    /// From a moment until another. One that ends where it begins is empty.
    ///
    /// # Errors
    ///
    /// `Invalid` where it ends before it begins, or spans more than [`MAX_WINDOW_DAYS`].
    pub fn new(start_ms: i64, end_ms: i64) -> Result<Self> {
        Self { start_ms, end_ms }.checked()
    }

    /// Itself, if it is one that can be looked at.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn checked(self) -> Result<Self> {
        let Self { start_ms, end_ms } = self;
        if end_ms < start_ms {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("the period ends {} before it begins", in_words(end_ms, start_ms)),
            )
            .with_hint("exchange the beginning and the end"));
        }
        // A zone's days differ from UTC's by less than a day at both ends.
        let max_ms = (i64::from(MAX_WINDOW_DAYS) + 2) * DAY_MS;
        if end_ms.saturating_sub(start_ms) > max_ms {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("a period of {} is too long", in_words(start_ms, end_ms)),
            )
            .with_hint("look at no more than five years at once"));
        }
        Ok(self)
    }

    /// The last `n_days` calendar days, today included as a whole.
    ///
    /// # Examples
    ///
    /// ```
    /// use jiff::tz::TimeZone;
    /// use ragged::temporal::window::Window;
    ///
    /// // It is 02:00 on 2 January 1970.
    /// let window = Window::last_days(93_600_000, 2, &TimeZone::UTC);
    /// assert_eq!((window.start_ms, window.end_ms), (0, 2 * 86_400_000));
    /// ```
    pub fn last_days(now_ms: i64, n_days: u32, zone: &TimeZone) -> Self {
        let today = date_at(now_ms, zone);
        let n_days = i64::from(n_days.clamp(1, MAX_WINDOW_DAYS));
        Self {
            start_ms: start_of(plus_days(today, 1 - n_days), zone),
            end_ms: start_of(plus_days(today, 1), zone),
        }
    }

    /// The last `n_weeks` ISO weeks, the present one included until its Sunday.
    pub fn last_weeks(now_ms: i64, n_weeks: u32, zone: &TimeZone) -> Self {
        let monday = period_of(date_at(now_ms, zone), Granularity::Week);
        let n_weeks = i64::from(n_weeks.clamp(1, MAX_WINDOW_DAYS / 7));
        Self {
            start_ms: start_of(plus_days(monday, 7 * (1 - n_weeks)), zone),
            end_ms: start_of(plus_days(monday, 7), zone),
        }
    }

    /// Whether nothing lies within.
    pub fn is_empty(&self) -> bool {
        self.start_ms >= self.end_ms
    }

    /// Whether a moment lies within.
    pub fn contains(&self, unix_ms: i64) -> bool {
        (self.start_ms..self.end_ms).contains(&unix_ms)
    }

    /// How long it is.
    pub fn len_ms(&self) -> i64 {
        self.end_ms.saturating_sub(self.start_ms).max(0)
    }

    /// What of it is before a moment.
    #[must_use]
    pub fn until(&self, unix_ms: i64) -> Self {
        Self { start_ms: self.start_ms, end_ms: self.end_ms.min(unix_ms).max(self.start_ms) }
    }

    /// The stretch just before it, to compare it with: as many months where it is whole months,
    /// as many days where it is whole days, else as long.
    ///
    /// # Examples
    ///
    /// ```
    /// use jiff::{civil::date, tz::TimeZone};
    /// use ragged::temporal::window::Window;
    ///
    /// let at = |year, month, day| {
    ///     let start = date(year, month, day).to_zoned(TimeZone::UTC).unwrap();
    ///     start.timestamp().as_millisecond()
    /// };
    /// let march = Window::new(at(2026, 3, 1), at(2026, 4, 1)).unwrap();
    /// let february = Window::new(at(2026, 2, 1), at(2026, 3, 1)).unwrap();
    /// assert_eq!(march.preceding(&TimeZone::UTC), february);
    /// ```
    #[must_use]
    pub fn preceding(&self, zone: &TimeZone) -> Self {
        let (first, end) = (date_at(self.start_ms, zone), date_at(self.end_ms, zone));
        let is_whole = start_of(first, zone) == self.start_ms && start_of(end, zone) == self.end_ms;
        let start_ms = if !is_whole || self.is_empty() {
            self.start_ms.saturating_sub(self.len_ms())
        } else if first.day() == 1 && end.day() == 1 {
            let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
            start_of(first_of_month(2 * months(first) - months(end)), zone)
        } else {
            start_of(plus_days(first, day_number(first) - day_number(end)), zone)
        };
        Self { start_ms, end_ms: self.start_ms }
    }

    /// The parts that the calendar cuts it into, one after the other without a gap. The first and
    /// the last are as much of theirs as lies within; a date that the zone has left out has none.
    pub fn buckets(&self, granularity: Granularity, zone: &TimeZone) -> Vec<Self> {
        let mut buckets = Vec::new();
        let mut start_ms = self.start_ms;
        let mut cut = |at_ms: i64| {
            if at_ms > start_ms && start_ms < self.end_ms {
                let end_ms = at_ms.min(self.end_ms);
                buckets.push(Self { start_ms, end_ms });
                start_ms = end_ms;
            }
        };
        if granularity == Granularity::Hour {
            let mut at_ms = self.start_ms;
            while at_ms < self.end_ms {
                at_ms = end_of_hour(at_ms, zone);
                cut(at_ms);
            }
            return buckets;
        }
        // Where the clock goes back over midnight, the date of the first moment is past already.
        let mut date = period_of(plus_days(date_at(self.start_ms, zone), -1), granularity);
        loop {
            let next = following(date, granularity);
            if next <= date {
                // The calendar ends.
                cut(self.end_ms);
                return buckets;
            }
            let at_ms = start_of(next, zone);
            cut(at_ms);
            if at_ms >= self.end_ms {
                return buckets;
            }
            date = next;
        }
    }

    /// Its days by the number that a moment's date has in [`day_at`], each with what of it lies
    /// within; in order.
    pub fn days(&self, zone: &TimeZone) -> Vec<Day> {
        self.buckets(Granularity::Day, zone)
            .into_iter()
            .map(|window| {
                let date = date_of_start(window.start_ms, zone);
                let (start_ms, end_ms) = (start_of(date, zone), start_of(plus_days(date, 1), zone));
                let is_plain = window == Self { start_ms, end_ms }
                    && !starts_twice(date, zone)
                    && !starts_twice(plus_days(date, 1), zone);
                Day { number: day_number(date), window, is_plain }
            })
            .collect()
    }

    /// How many days it is: 1 for each whole one, a fraction for part of one.
    pub fn n_days(&self, zone: &TimeZone) -> f64 {
        self.days(zone)
            .iter()
            .map(|day| {
                let date = date_of_start(day.window.start_ms, zone);
                let day_ms = start_of(plus_days(date, 1), zone) - start_of(date, zone);
                if day_ms > 0 { day.window.len_ms() as f64 / day_ms as f64 } else { 0.0 }
            })
            // The sum of no numbers is −0.
            .fold(0.0, |sum, part| sum + part)
    }
}

/// A day of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Days since the beginning of 1970.
    pub number: i64,
    /// What of it lies within the window.
    pub window: Window,
    /// Whether the moments of `window` are exactly those of which [`day_at`] gives `number`: it is
    /// whole, and the clock does not go back over its midnights.
    pub is_plain: bool,
}

/// The calendar day of a moment, as days since the beginning of 1970.
pub fn day_at(unix_ms: i64, zone: &TimeZone) -> i64 {
    local_seconds(timestamp(unix_ms), zone).div_euclid(86_400)
}

/// The hour that the zone's clock shows, from 0 to 23.
pub fn hour_at(unix_ms: i64, zone: &TimeZone) -> usize {
    (local_seconds(timestamp(unix_ms), zone).rem_euclid(86_400) / 3600) as usize
}

fn local_seconds(moment: Timestamp, zone: &TimeZone) -> i64 {
    // Whole seconds, rounded down also before 1970.
    let seconds = moment.as_millisecond().div_euclid(SECOND_MS);
    seconds + i64::from(zone.to_offset(moment).seconds())
}

fn timestamp(unix_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(unix_ms).unwrap_or(if unix_ms < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// The date that the zone's calendar shows.
pub fn date_at(unix_ms: i64, zone: &TimeZone) -> Date {
    zone.to_datetime(timestamp(unix_ms)).date()
}

/// The date of the day in whose stretch, from [`start_of`] it to that of the next, a moment lies.
/// Another than [`date_at`] only where the clock goes back over midnight.
fn date_of_start(unix_ms: i64, zone: &TimeZone) -> Date {
    let date = date_at(unix_ms, zone);
    let next = plus_days(date, 1);
    if start_of(next, zone) <= unix_ms { next } else { date }
}

/// The first moment of a date.
fn start_of(date: Date, zone: &TimeZone) -> i64 {
    date.to_zoned(zone.clone()).map_or(
        // Near the ends of the calendar only.
        day_number(date).saturating_mul(DAY_MS),
        |start| start.timestamp().as_millisecond(),
    )
}

/// Whether the clock shows the midnight that begins a date twice.
fn starts_twice(date: Date, zone: &TimeZone) -> bool {
    let midnight = date.to_datetime(jiff::civil::Time::midnight());
    matches!(zone.to_ambiguous_timestamp(midnight).offset(), AmbiguousOffset::Fold { .. })
}

/// When the hour ends in which a moment lies.
fn end_of_hour(unix_ms: i64, zone: &TimeZone) -> i64 {
    let moment = timestamp(unix_ms);
    let seconds = unix_ms.div_euclid(SECOND_MS);
    let past = local_seconds(moment, zone).rem_euclid(3600);
    let full_ms = (seconds + 3600 - past).saturating_mul(SECOND_MS);
    match zone.following(moment).next() {
        Some(change) if change.timestamp().as_millisecond() < full_ms => {
            change.timestamp().as_millisecond()
        }
        _ => full_ms,
    }
}

fn day_number(date: Date) -> i64 {
    let midnight = date.to_datetime(jiff::civil::Time::midnight());
    // UTC has no gaps: this cannot fail within the calendar.
    TimeZone::UTC.to_timestamp(midnight).map_or(0, |start| start.as_second().div_euclid(86_400))
}

/// The date so many days on; the last or first of the calendar beyond its ends.
fn plus_days(date: Date, n_days: i64) -> Date {
    date.saturating_add(jiff::Span::new().days(n_days.clamp(-100_000, 100_000)))
}

/// The first of a month, by months since the year 0.
fn first_of_month(months: i64) -> Date {
    i16::try_from(months.div_euclid(12))
        .ok()
        .and_then(|year| Date::new(year, months.rem_euclid(12) as i8 + 1, 1).ok())
        .unwrap_or(Date::MIN)
}

/// The first date of the day, week or month of a date.
fn period_of(date: Date, granularity: Granularity) -> Date {
    match granularity {
        Granularity::Hour | Granularity::Day => date,
        Granularity::Week => plus_days(date, -i64::from(date.weekday().to_monday_zero_offset())),
        Granularity::Month => date.first_of_month(),
    }
}

/// The first date of the next day, week or month.
fn following(date: Date, granularity: Granularity) -> Date {
    match granularity {
        Granularity::Hour | Granularity::Day => plus_days(date, 1),
        Granularity::Week => plus_days(date, 7),
        Granularity::Month => plus_days(date.last_of_month(), 1),
    }
}

fn in_words(from_ms: i64, to_ms: i64) -> String {
    let minutes = to_ms.saturating_sub(from_ms) / 60_000;
    let (n, unit) = match minutes {
        minutes if minutes >= 2 * 525_600 => (minutes / 525_600, "years"),
        minutes if minutes >= 2 * 1440 => (minutes / 1440, "days"),
        minutes if minutes >= 120 => (minutes / 60, "hours"),
        minutes => (minutes, "minutes"),
    };
    format!("{n} {unit}")
}
