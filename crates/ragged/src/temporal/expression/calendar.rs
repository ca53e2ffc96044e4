//! Days of the calendar: weeks, months, seasons, feasts. Weeks are those of ISO 8601.

use jiff::{
    Span,
    civil::{Date, Weekday},
};

use super::word::{Holiday, Portion, Season, Unit};

/// A first and a last day.
pub(super) type Days = (Date, Date);

/// A day of the years 1 to 9999; none where the calendar has no such day.
pub(super) fn day(year: i64, month: i8, day: i8) -> Option<Date> {
    let year = i16::try_from(year).ok().filter(|year| *year >= 1)?;
    Date::new(year, month, day).ok()
}

pub(super) fn plus_days(date: Date, n: i64) -> Option<Date> {
    let moved = date.checked_add(Span::new().try_days(n).ok()?).ok()?;
    (moved.year() >= 1).then_some(moved)
}

/// Months later; the last day of a shorter month where the day is missing there.
pub(super) fn plus_months(date: Date, n: i64) -> Option<Date> {
    let moved = date.checked_add(Span::new().try_months(n).ok()?).ok()?;
    (moved.year() >= 1).then_some(moved)
}

/// How many days lie from one day to another.
pub(super) fn days_between(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

/// Days from Monday: 0 to 6.
pub(super) fn days_from_monday(date: Date) -> i64 {
    i64::from(date.weekday().to_monday_zero_offset())
}

pub(super) fn month(year: i64, month: i8) -> Option<Days> {
    let first = day(year, month, 1)?;
    Some((first, first.last_of_month()))
}

pub(super) fn quarter(year: i64, n: i64) -> Option<Days> {
    let last_month = i8::try_from(n).ok().filter(|n| (1..=4).contains(n))? * 3;
    Some((day(year, last_month - 2, 1)?, month(year, last_month)?.1))
}

pub(super) fn half(year: i64, n: i64) -> Option<Days> {
    Some((quarter(year, n * 2 - 1)?.0, quarter(year, n * 2)?.1))
}

/// From the first day of a year to the last of another.
pub(super) fn years(first: i64, last: i64) -> Option<Days> {
    Some((day(first.max(1), 1, 1)?, day(last, 12, 31)?))
}

/// Winter begins in the year that names it.
pub(super) fn season(year: i64, season: Season) -> Option<Days> {
    let first = day(year, season.first_month(), 1)?;
    Some((first, plus_months(first, 2)?.last_of_month()))
}

/// Week `n` of a year; the first is the one that holds its first Thursday.
pub(super) fn week(year: i64, n: i64) -> Option<Days> {
    let january_4 = day(year, 1, 4)?;
    let monday = plus_days(january_4, (n - 1) * 7 - days_from_monday(january_4))?;
    let days = week_of(monday)?;
    let thursday = plus_days(monday, 3)?;
    (n >= 1 && i64::from(thursday.year()) == year).then_some(days)
}

/// The week of a day, from Monday to Sunday.
pub(super) fn week_of(date: Date) -> Option<Days> {
    let monday = plus_days(date, -days_from_monday(date))?;
    Some((monday, plus_days(monday, 6)?))
}

/// The calendar's stretch of `unit` that holds a day, or one `offset` beside it.
pub(super) fn stretch(unit: Unit, offset: i64, date: Date) -> Option<Days> {
    let year = i64::from(date.year());
    Some(match unit {
        Unit::Day => {
            let day = plus_days(date, offset)?;
            (day, day)
        }
        Unit::Week => week_of(plus_days(date, offset.checked_mul(7)?)?)?,
        Unit::Weekend => {
            let sunday = week_of(plus_days(date, offset.checked_mul(7)?)?)?.1;
            (plus_days(sunday, -1)?, sunday)
        }
        Unit::Month => {
            let first = plus_months(date.first_of_month(), offset)?;
            (first, first.last_of_month())
        }
        Unit::Quarter => {
            let first = day(year, (date.month() - 1) / 3 * 3 + 1, 1)?;
            let first = plus_months(first, offset.checked_mul(3)?)?;
            (first, plus_months(first, 2)?.last_of_month())
        }
        Unit::Year => years_of(year.checked_add(offset)?, 1)?,
        Unit::Decade => years_of(year / 10 * 10 + offset.checked_mul(10)?, 10)?,
        Unit::Century => years_of(year / 100 * 100 + offset.checked_mul(100)?, 100)?,
        Unit::Second | Unit::Minute | Unit::Hour | Unit::Fortnight => return None,
    })
}

/// `n` years from a first one; the first years of all begin with year 1.
pub(super) fn years_of(first: i64, n: i64) -> Option<Days> {
    if first + n <= 1 {
        return None;
    }
    years(first, first + n - 1)
}

/// Easter Sunday of the Gregorian calendar, as the Anonymous Gregorian rule gives it.
pub(super) fn easter(year: i64) -> Option<Date> {
    let (golden, century, in_century) = (year % 19, year / 100, year % 100);
    let correction = (century + 8) / 25;
    let moon = (19 * golden + century - century / 4 - (century - correction + 1) / 3 + 15) % 30;
    let sunday = (32 + 2 * (century % 4) + 2 * (in_century / 4) - moon - in_century % 4) % 7;
    let late = (golden + 11 * moon + 22 * sunday) / 451;
    let days = moon + sunday - 7 * late + 114;
    day(year, i8::try_from(days / 31).ok()?, i8::try_from(days % 31 + 1).ok()?)
}

pub(super) fn holiday(year: i64, holiday: Holiday) -> Option<Date> {
    match holiday {
        Holiday::Fixed(month, number) => day(year, month, number),
        Holiday::Nth(month, weekday, n) => {
            day(year, month, 1)?.nth_weekday_of_month(n, weekday).ok()
        }
        Holiday::Easter(days) => plus_days(easter(year)?, days),
        Holiday::Thanksgiving(days) => {
            plus_days(day(year, 11, 1)?.nth_weekday_of_month(4, Weekday::Thursday).ok()?, days)
        }
    }
}

/// The weekend that a holiday makes long, or that is nearest to it.
pub(super) fn weekend_around(date: Date) -> Option<Days> {
    let (monday, sunday) = week_of(date)?;
    Some(match date.weekday() {
        Weekday::Monday => (plus_days(monday, -2)?, monday),
        Weekday::Tuesday => (plus_days(monday, -2)?, plus_days(monday, -1)?),
        Weekday::Friday => (date, sunday),
        _ => (plus_days(sunday, -1)?, sunday),
    })
}

/// What sort of stretch a portion is taken of: it decides where its parts lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    Week,
    Month,
    /// A year by its number: in thirds.
    Year,
    /// A year by its place to the present one: in halves.
    RelativeYear,
    Other,
}

/// The early, middle or late part of a stretch.
pub(super) fn portion(portion: Portion, measure: Measure, days: Days) -> Option<Days> {
    let (first, last) = days;
    let year = i64::from(first.year());
    let n = days_between(first, last) + 1;
    Some(match portion {
        Portion::Early | Portion::Start | Portion::Earlier => match measure {
            Measure::Week => (first, plus_days(first, 2)?),
            Measure::Month => (first, plus_days(first, 14)?),
            Measure::Year => (first, day(year, 4, 30)?),
            Measure::RelativeYear => (first, day(year, 6, 30)?),
            Measure::Other => (first, plus_days(first, (n / 2 - 1).max(0))?),
        },
        Portion::Mid | Portion::Middle => match measure {
            Measure::Week => (plus_days(first, 2)?, plus_days(first, 4)?),
            Measure::Month => (plus_days(first, 9)?, plus_days(first, 19)?),
            Measure::Year => (day(year, 5, 1)?, day(year, 8, 31)?),
            Measure::RelativeYear => (day(year, 4, 1)?, day(year, 9, 30)?),
            Measure::Other => {
                (plus_days(first, n / 4)?, plus_days(first, (n * 3 / 4 - 1).max(n / 4))?)
            }
        },
        Portion::Late | Portion::End | Portion::Later => match measure {
            Measure::Week => (plus_days(first, 3)?, last),
            Measure::Month => (plus_days(first, 15)?, last),
            Measure::Year => (day(year, 9, 1)?, last),
            Measure::RelativeYear => (day(year, 7, 1)?, last),
            Measure::Other => (plus_days(first, n / 2)?, last),
        },
    })
}
