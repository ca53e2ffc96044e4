//! Makes a time of what was written, against the present.

use std::cell::RefCell;

use jiff::{
    Span, Timestamp, Zoned,
    civil::{Date, DateTime, Time},
};

use super::{
    Context, Kind, Period, Reading,
    calendar::{self, Days, Measure},
    draft::{Clock, Draft, Half},
    word::{Part, Portion, Unit, Which},
};

/// One end of a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Point {
    First,
    /// What calendar and clock show.
    Civil(DateTime),
    /// A moment that is counted in hours or less from another; clocks may change between.
    Exact(Timestamp),
    Last,
}

/// A time that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: Point,
    pub(super) end: Point,
    pub(super) kind: Kind,
}

/// Which of the years, months or weeks an open date is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bias {
    /// As the context reads.
    Reading,
    After(Date),
    Before(Date),
}

/// What a range makes of `the end of 2008`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Portions {
    Stretches,
    Points,
}

/// The present and the rules that an expression is read by.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) context: &'a Context,
    pub(super) now: Zoned,
    pub(super) today: Date,
    /// Why something that was understood cannot be.
    reason: RefCell<Option<String>>,
}

/// How far an open date is looked for, in years: 29 February is eight years apart around 1900.
const MAX_YEARS_AWAY: i64 = 9;

fn start_of(date: Date) -> Point {
    Point::Civil(date.to_datetime(Time::midnight()))
}

pub(super) fn end_of(date: Date) -> Point {
    date.tomorrow().map_or(Point::Last, start_of)
}

pub(super) fn days((first, last): Days) -> Found {
    let kind = if first == last { Kind::Date } else { Kind::DateRange };
    Found { start: start_of(first), end: end_of(last), kind }
}

/// Days of which also one alone is a range.
pub(super) fn range((first, last): Days) -> Found {
    Found { kind: Kind::DateRange, ..days((first, last)) }
}

impl<'a> Reader<'a> {
    pub(super) fn new(context: &'a Context) -> Option<Self> {
        let now = Timestamp::from_millisecond(context.now_ms).ok()?;
        let now = now.to_zoned(context.zone.clone());
        let today = now.date();
        (today.year() >= 1).then_some(Self { context, now, today, reason: RefCell::default() })
    }

    pub(super) fn is_question(&self) -> bool {
        self.context.reading == Reading::Question
    }

    /// Notes why something that was understood cannot be; the first such reason stays.
    pub(super) fn refuse<T>(&self, reason: impl FnOnce() -> String) -> Option<T> {
        self.reason.borrow_mut().get_or_insert_with(reason);
        None
    }

    pub(super) fn has_reason(&self) -> bool {
        self.reason.borrow().is_some()
    }

    pub(super) fn into_reason(self) -> Option<String> {
        self.reason.into_inner()
    }

    pub(super) fn year(&self) -> i64 {
        i64::from(self.today.year())
    }

    pub(super) fn ms(&self, point: &Point) -> Option<i64> {
        Some(match point {
            Point::First => Period::EARLIEST_MS,
            Point::Last => Period::LATEST_MS,
            Point::Exact(time) => time.as_millisecond(),
            Point::Civil(time) => {
                if let Ok(zoned) = time.to_zoned(self.context.zone.clone()) {
                    return Some(zoned.timestamp().as_millisecond());
                }
                // The last day that there is lies outside of what a timestamp holds.
                let epoch = Date::constant(1970, 1, 1);
                let time_ms = time.time().duration_since(Time::midnight()).as_millis();
                calendar::days_between(epoch, time.date()) * 86_400_000
                    + i64::try_from(time_ms).ok()?
            }
        })
    }

    /// The day of a point; of an end, the day that begins there.
    pub(super) fn date(&self, point: &Point) -> Option<Date> {
        Some(self.civil(point)?.date())
    }

    pub(super) fn civil(&self, point: &Point) -> Option<DateTime> {
        match point {
            Point::First | Point::Last => None,
            Point::Civil(time) => Some(*time),
            Point::Exact(time) => Some(time.to_zoned(self.context.zone.clone()).datetime()),
        }
    }

    pub(super) fn now_point(&self) -> Point {
        Point::Exact(self.now.timestamp())
    }

    /// A moment that lasts for a second.
    pub(super) fn moment(start: Timestamp) -> Option<Found> {
        let end = start.checked_add(Span::new().seconds(1)).ok()?;
        Some(Found { start: Point::Exact(start), end: Point::Exact(end), kind: Kind::DateTime })
    }

    /// The time that the parts make together.
    pub(super) fn resolve(&self, draft: &Draft, bias: Bias, portions: Portions) -> Option<Found> {
        if draft.now {
            let is_alone = *draft == Draft { now: true, ..Draft::default() };
            return is_alone.then(|| Self::moment(self.now.timestamp())).flatten();
        }
        if let Some((unit @ (Unit::Second | Unit::Minute | Unit::Hour), offset)) = draft.relative {
            let expected = Draft { relative: Some((unit, offset)), ..Draft::default() };
            return (*draft == expected).then(|| self.clock_unit(unit, offset)).flatten();
        }
        let mut draft = draft.clone();
        let mut whole_days = self.resolve_days(&mut draft, bias)?;
        let has_time = draft.part.is_some() || draft.clock.is_some() || draft.clocks.is_some();
        if has_time {
            return self.resolve_time(&draft, whole_days.0);
        }
        let Some(portion) = draft.portion else {
            return Some(days(whole_days.0));
        };
        let (first, last) = whole_days.0;
        if portions == Portions::Points {
            let point = match portion {
                Portion::Start => start_of(first),
                Portion::Middle => {
                    let n_days = calendar::days_between(first, last) + 1;
                    start_of(calendar::plus_days(first, n_days / 2)?)
                }
                Portion::End => end_of(last),
                _ => return self.portion(portion, whole_days),
            };
            return Some(Found { start: point.clone(), end: point, kind: Kind::Date });
        }
        if draft.years.is_some() || draft.holiday.is_some() {
            whole_days.1 = Measure::Other;
        }
        self.portion(portion, whole_days)
    }

    fn portion(&self, portion: Portion, (days, measure): (Days, Measure)) -> Option<Found> {
        let (first, last) = days;
        if first == last {
            let midnight = first.to_datetime(Time::midnight());
            let at = |hour: i8| Point::Civil(midnight.date().at(hour, 0, 0, 0));
            let (start, end) = match portion {
                Portion::Early | Portion::Start | Portion::Earlier => (at(0), at(12)),
                Portion::Mid | Portion::Middle => (at(10), at(14)),
                Portion::Late | Portion::Later => (at(12), end_of(first)),
                Portion::End => {
                    let start = Point::Civil(first.at(23, 59, 59, 0));
                    return Some(Found { start, end: end_of(first), kind: Kind::DateTime });
                }
            };
            return Some(Found { start, end, kind: Kind::DateTimeRange });
        }
        if self.is_question() && (first..=last).contains(&self.today) {
            match portion {
                Portion::Earlier => return Some(range((first, self.today))),
                Portion::Later => return Some(range((self.today, last))),
                _ => {}
            }
        }
        calendar::portion(portion, measure, days).map(range)
    }

    /// An hour, minute or second beside the present moment.
    fn clock_unit(&self, unit: Unit, offset: i64) -> Option<Found> {
        let step = match unit {
            Unit::Second => Span::new().seconds(1),
            Unit::Minute => Span::new().minutes(1),
            _ => Span::new().hours(1),
        };
        let now = self.now.timestamp();
        let (start, end) = match offset {
            -1 => (now.checked_sub(step).ok()?, now),
            1 => (now, now.checked_add(step).ok()?),
            _ => {
                let unit = match unit {
                    Unit::Second => jiff::Unit::Second,
                    Unit::Minute => jiff::Unit::Minute,
                    _ => jiff::Unit::Hour,
                };
                let floor = jiff::ZonedRound::new().smallest(unit).mode(jiff::RoundMode::Floor);
                let start = self.now.round(floor).ok()?.timestamp();
                (start, start.checked_add(step).ok()?)
            }
        };
        let (start, end) = (Point::Exact(start), Point::Exact(end));
        Some(Found { start, end, kind: Kind::DateTimeRange })
    }

    /// The days that the parts name, today where they name none. Empties what it has used.
    fn resolve_days(&self, draft: &mut Draft, bias: Bias) -> Option<(Days, Measure)> {
        let mut rest = draft.clone();
        (rest.portion, rest.part, rest.clock, rest.clocks) = (None, None, None, None);
        let year_of_relative = match rest.relative {
            Some((Unit::Year, offset)) => Some(self.year().checked_add(offset)?),
            _ => None,
        };
        let year = match (rest.year, year_of_relative) {
            (Some(_), Some(_)) => return None,
            (year, relative) => year.or(relative),
        };
        let one = |day: Date| Some(((day, day), Measure::Other));
        let used = |used: Draft| (rest == used).then_some(());
        let empty = Draft::default;
        let dated =
            |rest: &Draft| (rest.year, rest.relative.filter(|(unit, _)| *unit == Unit::Year));

        if let Some(holiday) = rest.holiday {
            let (year_part, relative) = dated(&rest);
            used(Draft {
                holiday: rest.holiday,
                year: year_part,
                relative,
                which: rest.which,
                is_weekend: rest.is_weekend,
                ..empty()
            })?;
            let in_year = |year: i64| {
                let day = calendar::holiday(year, holiday)?;
                Some((day, day))
            };
            let (day, _) = self.pick_year(year, rest.which, bias, &in_year)?;
            if rest.is_weekend {
                return Some((calendar::weekend_around(day)?, Measure::Other));
            }
            return one(day);
        }
        if let (Some(month), Some(number)) = (rest.month, rest.day) {
            let (year_part, relative) = dated(&rest);
            // A weekday or `tomorrow` beside a whole date says nothing more.
            used(Draft {
                month: rest.month,
                day: rest.day,
                year: year_part,
                relative,
                which: rest.which,
                weekday: rest.weekday,
                day_offset: rest.day_offset,
                ..empty()
            })?;
            let in_year = |year: i64| {
                let day = calendar::day(year, month, number)?;
                Some((day, day))
            };
            // `this Friday 5/12` is of this year.
            let which = if rest.weekday.is_some() && rest.which.is_some() {
                Some(Which::This)
            } else {
                rest.which
            };
            return match self.pick_year(year, which, bias, &in_year) {
                Some((day, _)) => one(day),
                None => self.refuse(|| {
                    let of = year.map(|year| format!(" of {year}")).unwrap_or_default();
                    format!("the calendar{of} has no day {number} of month {month}")
                }),
            };
        }
        if let Some(month) = rest.month {
            let (year_part, relative) = dated(&rest);
            used(Draft {
                month: rest.month,
                year: year_part,
                relative,
                which: rest.which,
                ..empty()
            })?;
            let in_year = |year: i64| calendar::month(year, month);
            return Some((self.pick_year(year, rest.which, bias, &in_year)?, Measure::Month));
        }
        if let Some(number) = rest.day {
            return one(self.day_of_month(&rest, number, bias)?);
        }
        if let Some(weekday) = rest.weekday {
            if let Some((Unit::Week, offset)) = rest.relative {
                used(Draft { weekday: rest.weekday, relative: rest.relative, ..empty() })?;
                let (monday, _) = calendar::stretch(Unit::Week, offset, self.today)?;
                return one(calendar::plus_days(
                    monday,
                    i64::from(weekday.to_monday_zero_offset()),
                )?);
            }
            used(Draft { weekday: rest.weekday, which: rest.which, ..empty() })?;
            return one(self.weekday(
                i64::from(weekday.to_monday_zero_offset()),
                rest.which,
                bias,
            )?);
        }
        if let Some(n) = rest.week {
            let (year_part, relative) = dated(&rest);
            used(Draft { week: rest.week, year: year_part, relative, ..empty() })?;
            let year = year.unwrap_or_else(|| self.year());
            return match calendar::week(year, n) {
                Some(days) => Some((days, Measure::Week)),
                None => self.refuse(|| format!("{year} has no week {n}")),
            };
        }
        if let Some(n) = rest.quarter.or(rest.half) {
            let (year_part, relative) = dated(&rest);
            used(Draft {
                quarter: rest.quarter,
                half: rest.half.filter(|_| rest.quarter.is_none()),
                year: year_part,
                relative,
                ..empty()
            })?;
            let is_quarter = rest.quarter.is_some();
            let in_year = |year: i64| {
                if is_quarter { calendar::quarter(year, n) } else { calendar::half(year, n) }
            };
            return match self.pick_year(year, None, bias, &in_year) {
                Some(days) => Some((days, Measure::Other)),
                None => self.refuse(|| {
                    let parts = if is_quarter { "four quarters" } else { "two halves" };
                    format!("a year has {parts}")
                }),
            };
        }
        if let Some(season) = rest.season {
            let (year_part, relative) = dated(&rest);
            used(Draft {
                season: rest.season,
                year: year_part,
                relative,
                which: rest.which,
                ..empty()
            })?;
            let in_year = |year: i64| calendar::season(year, season);
            // A season has no place in a calendar: the last one is the latest that is over.
            let days = match (year, rest.which) {
                (None, Some(Which::Last | Which::Past)) => (0..=MAX_YEARS_AWAY)
                    .filter_map(|back| in_year(self.year() - back))
                    .find(|(_, last)| *last < self.today)?,
                (None, Some(Which::Next | Which::Coming)) => first_after(self.today, &in_year)?,
                (None, Some(Which::This)) if self.is_question() => {
                    last_begun_before(self.today.tomorrow().ok()?, &in_year)?
                }
                (None, Some(Which::This)) => (-1..=1)
                    .filter_map(|step| in_year(self.year() + step))
                    .find(|(_, last)| *last >= self.today)?,
                _ => self.pick_year(year, None, bias, &in_year)?,
            };
            return Some((days, Measure::Other));
        }
        if let Some((first, n)) = rest.years {
            used(Draft { years: rest.years, ..empty() })?;
            return Some((calendar::years_of(first, n)?, Measure::Other));
        }
        if let Some(offset) = rest.day_offset {
            used(Draft { day_offset: rest.day_offset, ..empty() })?;
            return one(calendar::plus_days(self.today, offset)?);
        }
        if let Some((unit, offset)) = rest.relative {
            used(Draft { relative: rest.relative, ..empty() })?;
            let measure = match unit {
                Unit::Week => Measure::Week,
                Unit::Month => Measure::Month,
                Unit::Year => Measure::RelativeYear,
                _ => Measure::Other,
            };
            draft.is_weekend = unit == Unit::Weekend;
            return Some((calendar::stretch(unit, offset, self.today)?, measure));
        }
        if rest.is_weekend {
            used(Draft { is_weekend: true, ..empty() })?;
            let days = calendar::stretch(Unit::Weekend, 0, self.today)?;
            if self.is_question() && days.0 > self.today {
                return Some((calendar::stretch(Unit::Weekend, -1, self.today)?, Measure::Other));
            }
            return Some((days, Measure::Other));
        }
        if let Some(year) = year {
            used(Draft { year: rest.year, ..empty() })?;
            return Some((calendar::years_of(year, 1)?, Measure::Year));
        }
        // A time of day only.
        let has_time = draft.part.is_some() || draft.clock.is_some() || draft.clocks.is_some();
        used(Draft { which: rest.which, ..empty() })?;
        let day = match rest.which {
            _ if !has_time => return None,
            None => match bias {
                Bias::After(date) | Bias::Before(date) => date,
                Bias::Reading => self.today,
            },
            Some(which) => calendar::plus_days(self.today, which.offset())?,
        };
        one(day)
    }

    /// The year that is meant of those in which something is.
    fn pick_year(
        &self,
        year: Option<i64>,
        which: Option<Which>,
        bias: Bias,
        in_year: &dyn Fn(i64) -> Option<Days>,
    ) -> Option<Days> {
        if let Some(year) = year {
            return if which.is_some() { None } else { in_year(year) };
        }
        match which {
            Some(Which::This) => in_year(self.year()),
            Some(Which::Next) => {
                let days = first_after(self.today, in_year)?;
                // `next March` in January is that of the next year, `next Easter` is the coming one.
                if days.0 == days.1 || self.is_question() {
                    Some(days)
                } else {
                    in_year(self.year() + 1)
                }
            }
            Some(Which::Coming) => first_after(self.today, in_year),
            Some(Which::Last) => {
                let days = last_before(self.today, in_year)?;
                if days.0 == days.1 || self.is_question() {
                    Some(days)
                } else {
                    in_year(self.year() - 1)
                }
            }
            Some(Which::Past) => last_before(self.today, in_year),
            None => match bias {
                Bias::After(date) => first_after(date, in_year),
                Bias::Before(date) => last_begun_before(date, in_year),
                Bias::Reading if self.is_question() => {
                    last_begun_before(self.today.tomorrow().ok()?, in_year)
                }
                Bias::Reading => {
                    around(self.today, in_year, 1).find(|(_, last)| *last >= self.today)
                }
            },
        }
    }

    /// `the 15th`, `the 15th of next month`, `Tuesday the 11th`.
    fn day_of_month(&self, rest: &Draft, number: i8, bias: Bias) -> Option<Date> {
        let used = |used: Draft| (*rest == used).then_some(());
        if let Some((Unit::Month, offset)) = rest.relative {
            used(Draft { day: rest.day, relative: rest.relative, ..Draft::default() })?;
            let (first, _) = calendar::stretch(Unit::Month, offset, self.today)?;
            let day = calendar::day(i64::from(first.year()), first.month(), number);
            return match day {
                Some(day) => Some(day),
                None => self.refuse(|| format!("that month has no day {number}")),
            };
        }
        used(Draft {
            day: rest.day,
            weekday: rest.weekday,
            which: rest.which,
            ..Draft::default()
        })?;
        if rest.which.is_some() && rest.weekday.is_none() {
            return None;
        }
        let (from, is_forward, include) = match bias {
            Bias::Reading => (self.today, !self.is_question(), true),
            Bias::After(date) => (date, true, false),
            Bias::Before(date) => (date, false, false),
        };
        // A weekday and a number meet within a few months, 31s within a few years.
        (0..=48).find_map(|away| {
            let month = calendar::plus_months(
                from.first_of_month(),
                if is_forward { away } else { -away },
            )?;
            let day = calendar::day(i64::from(month.year()), month.month(), number)?;
            let is_there = match (is_forward, include) {
                (true, true) => day >= from,
                (true, false) => day > from,
                (false, true) => day <= from,
                (false, false) => day < from,
            };
            let fits = rest.weekday.is_none_or(|weekday| day.weekday() == weekday);
            (is_there && fits).then_some(day)
        })
    }

    /// A weekday, counted from Monday.
    fn weekday(&self, offset: i64, which: Option<Which>, bias: Bias) -> Option<Date> {
        let in_week = |weeks: i64| {
            let (monday, _) = calendar::stretch(Unit::Week, weeks, self.today)?;
            calendar::plus_days(monday, offset)
        };
        // Days until it comes, counted from a day: 0 to 6.
        let ahead = |from: Date| (offset - calendar::days_from_monday(from)).rem_euclid(7);
        match which {
            Some(Which::This) => in_week(0),
            Some(Which::Next) => in_week(1),
            Some(Which::Last) => in_week(-1),
            Some(Which::Coming) => {
                let tomorrow = calendar::plus_days(self.today, 1)?;
                calendar::plus_days(tomorrow, ahead(tomorrow))
            }
            Some(Which::Past) => calendar::plus_days(
                self.today,
                match ahead(self.today) {
                    0 => -7,
                    ahead => ahead - 7,
                },
            ),
            None => {
                let (from, is_forward) = match bias {
                    Bias::Reading => (self.today, !self.is_question()),
                    Bias::After(date) => (calendar::plus_days(date, 1)?, true),
                    Bias::Before(date) => (calendar::plus_days(date, -1)?, false),
                };
                let ahead = ahead(from);
                calendar::plus_days(from, if is_forward || ahead == 0 { ahead } else { ahead - 7 })
            }
        }
    }

    /// A part of a day or a time of day.
    fn resolve_time(&self, draft: &Draft, (day, last): Days) -> Option<Found> {
        if day != last {
            return None;
        }
        if let Some((first, last)) = draft.clocks {
            if draft.clock.is_some() || draft.portion.is_some() {
                return None;
            }
            return clocks(first, last, draft.part, day);
        }
        if let Some(clock) = draft.clock {
            if draft.portion.is_some() {
                return None;
            }
            let start = time_on(day, clock, draft.part)?;
            let lasts = if clock.second.is_some() {
                Span::new().seconds(1)
            } else {
                Span::new().minutes(1)
            };
            let zoned = start.to_zoned(self.context.zone.clone()).ok()?;
            let end = Point::Exact(zoned.timestamp().checked_add(lasts).ok()?);
            return Some(Found { start: Point::Civil(start), end, kind: Kind::DateTime });
        }
        let part = draft.part?;
        let (mut first, mut last) = part.hours();
        // `this morning` is what there was of today before noon, in questions every morning.
        let is_present = draft.which == Some(Which::This) && draft.portion.is_none();
        if part == Part::Morning && (is_present || self.is_question()) {
            first = 0;
        }
        match draft.portion {
            None => {}
            Some(Portion::Early | Portion::Start | Portion::Earlier) => {
                last = first + (last - first) / 2;
            }
            Some(Portion::Late | Portion::End | Portion::Later) => first += (last - first) / 2,
            Some(Portion::Mid | Portion::Middle) => (first, last) = (first + 1, last - 1),
        }
        let at = |hour: i8| {
            if hour == 24 { end_of(day) } else { Point::Civil(day.at(hour, 0, 0, 0)) }
        };
        Some(Found { start: at(first), end: at(last), kind: Kind::DateTimeRange })
    }
}

/// A time of day on a day; a part of the day decides what no `pm` does.
fn time_on(day: Date, clock: Clock, part: Option<Part>) -> Option<DateTime> {
    let mut hour = clock.hour;
    let mut day = day;
    match (clock.half, part) {
        (Some(Half::Morning), _) if hour == 12 => hour = 0,
        (Some(Half::Afternoon), _) | (None, Some(Part::Afternoon | Part::Evening)) if hour < 12 => {
            hour += 12;
        }
        // `last night at 2` is after midnight.
        (None, Some(Part::Night)) => match hour {
            12 => {
                (hour, day) = (0, day.tomorrow().ok()?);
            }
            1..=4 => day = day.tomorrow().ok()?,
            5..=11 => hour += 12,
            _ => {}
        },
        _ => {}
    }
    let time = Time::new(hour, clock.minute, clock.second.unwrap_or(0), 0).ok()?;
    Some(day.to_datetime(time))
}

/// What a year holds of something, for the years around a day, in the order of `step`.
fn around(
    date: Date,
    in_year: &dyn Fn(i64) -> Option<Days>,
    step: i64,
) -> impl Iterator<Item = Days> {
    let year = i64::from(date.year());
    (-1..=MAX_YEARS_AWAY).filter_map(move |away| in_year(year + away * step))
}

fn first_after(date: Date, in_year: &dyn Fn(i64) -> Option<Days>) -> Option<Days> {
    around(date, in_year, 1).find(|(first, _)| *first > date)
}

/// The latest that is over before a day.
fn last_before(date: Date, in_year: &dyn Fn(i64) -> Option<Days>) -> Option<Days> {
    around(date, in_year, -1).find(|(_, last)| *last < date)
}

fn last_begun_before(date: Date, in_year: &dyn Fn(i64) -> Option<Days>) -> Option<Days> {
    around(date, in_year, -1).find(|(first, _)| *first < date)
}

/// From a time to a time; half of the day may be written once only.
fn clocks(first: Clock, last: Clock, part: Option<Part>, day: Date) -> Option<Found> {
    let (mut first, mut last) = (first, last);
    let key = |clock: Clock| (clock.hour % 12, clock.minute);
    match (first.half, last.half) {
        (None, Some(half)) if part.is_none() && first.hour <= 12 => {
            let other = if half == Half::Afternoon { Half::Morning } else { Half::Afternoon };
            first.half = Some(if key(first) < key(last) { half } else { other });
        }
        (Some(half), None) if last.hour <= 12 => {
            let other = if half == Half::Afternoon { Half::Morning } else { Half::Afternoon };
            last.half = Some(if key(first) < key(last) { half } else { other });
        }
        // `9 to 5`
        (None, None) if part.is_none() && last.hour < first.hour && last.hour < 12 => {
            last.half = Some(Half::Afternoon);
        }
        _ => {}
    }
    let start = time_on(day, first, part)?;
    let mut end = time_on(day, last, part)?;
    // `10pm to 2am`
    if end <= start && last.half == Some(Half::Morning) {
        end = end.date().tomorrow().ok()?.to_datetime(end.time());
    }
    Some(Found { start: Point::Civil(start), end: Point::Civil(end), kind: Kind::DateTimeRange })
}
