//! Ranges, counted stretches, offsets: what is made of times.

use jiff::Span;

use super::{
    Kind, calendar,
    draft::{self, Bare, Draft, is_word, number, token_word},
    resolve::{Bias, Found, Point, Portions, Reader, days, end_of, range},
    token::Token,
    word::{self, Unit, Which},
};

/// A length of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Length {
    months: i64,
    days: i64,
    seconds: i64,
    /// The unit, where there was one only.
    unit: Option<Unit>,
    n: i64,
}

/// Reads one part of a range, which may be a draft already.
type ReadPart<'a> = dyn Fn(&[Token], Option<&Draft>, Bias) -> Option<Found> + 'a;

/// How deep expressions may stand within one another.
const MAX_DEPTH: usize = 6;

impl Length {
    fn of(n: i64, unit: Unit) -> Option<Self> {
        let mut length = Self { unit: Some(unit), n, ..Self::default() };
        let months = |months: i64| n.checked_mul(months);
        match unit {
            Unit::Second => length.seconds = n,
            Unit::Minute => length.seconds = n.checked_mul(60)?,
            Unit::Hour => length.seconds = n.checked_mul(3600)?,
            Unit::Day => length.days = n,
            Unit::Week | Unit::Weekend => length.days = n.checked_mul(7)?,
            Unit::Fortnight => length.days = n.checked_mul(14)?,
            Unit::Month => length.months = n,
            Unit::Quarter => length.months = months(3)?,
            Unit::Year => length.months = months(12)?,
            Unit::Decade => length.months = months(120)?,
            Unit::Century => length.months = months(1200)?,
        }
        Some(length)
    }

    fn half_of(unit: Unit) -> Option<Self> {
        let mut length = match unit {
            Unit::Minute => Self::of(30, Unit::Second),
            Unit::Hour => Self::of(30, Unit::Minute),
            Unit::Day => Self::of(12, Unit::Hour),
            Unit::Year => Self::of(6, Unit::Month),
            Unit::Decade => Self::of(5, Unit::Year),
            Unit::Century => Self::of(50, Unit::Year),
            _ => None,
        }?;
        length.unit = None;
        Some(length)
    }

    fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            months: self.months.checked_add(other.months)?,
            days: self.days.checked_add(other.days)?,
            seconds: self.seconds.checked_add(other.seconds)?,
            unit: None,
            n: 0,
        })
    }

    fn reversed(self) -> Self {
        Self { months: -self.months, days: -self.days, seconds: -self.seconds, ..self }
    }
}

/// `3 days`, `an hour and a half`, `2 years 1 month`; and where it ends.
fn length(t: &[Token], i: usize) -> Option<(Length, usize)> {
    let (mut total, mut next) = one_length(t, i)?;
    loop {
        let mut at = next;
        at += usize::from(t.get(at).is_some_and(|token| token.is_sign(&[','])));
        at += usize::from(is_word(t, at, &["and"]));
        if at > next && is_word(t, at, &["a"]) && is_word(t, at + 1, &["half"]) {
            total = total.plus(Length::half_of(total.unit?)?)?;
            next = at + 2;
            continue;
        }
        match one_length(t, at) {
            Some((more, end)) if number(t, at).is_some() || at > next => {
                (total, next) = (total.plus(more)?, end);
            }
            _ => return Some((total, next)),
        }
    }
}

fn one_length(t: &[Token], i: usize) -> Option<(Length, usize)> {
    let unit_at = |i: usize| token_word(t, i).and_then(word::unit);
    // `half an hour`, `a quarter of an hour`
    let skip = usize::from(is_word(t, i, &["a", "an"]));
    if is_word(t, i + skip, &["half"]) {
        let article = usize::from(is_word(t, i + skip + 1, &["a", "an"]));
        if let Some(unit) = unit_at(i + skip + 1 + article) {
            return Some((Length::half_of(unit)?, i + skip + article + 2));
        }
    }
    if let Some(found) = number(t, i).filter(|number| !number.is_ordinal) {
        if let Some(unit) = unit_at(i + 1) {
            return Some((Length::of(found.value, unit)?, i + 2));
        }
        if t.get(i + 1)?.glued
            && let Some(unit) = token_word(t, i + 1).and_then(word::short_unit)
        {
            return Some((Length::of(found.value, unit)?, i + 2));
        }
        // `two and a half years`
        if is_word(t, i + 1, &["and"]) && is_word(t, i + 2, &["a"]) && is_word(t, i + 3, &["half"])
        {
            let unit = unit_at(i + 4)?;
            return Some((Length::of(found.value, unit)?.plus(Length::half_of(unit)?)?, i + 5));
        }
        return None;
    }
    let article = usize::from(is_word(t, i, &["a"]));
    if is_word(t, i + article, &["couple"]) {
        let next = i + article + 1;
        let of = usize::from(is_word(t, next, &["of"]));
        return Some((Length::of(2, unit_at(next + of)?)?, next + of + 1));
    }
    if is_word(t, i, &["a", "an"]) {
        return Some((Length::of(1, unit_at(i + 1)?)?, i + 2));
    }
    None
}

/// The words without `the` and prepositions in front.
fn without_front<'t>(t: &'t [Token], words: &[&str]) -> &'t [Token] {
    let n = t.iter().take_while(|token| token.is_word(words)).count().min(2);
    t.get(n..).unwrap_or_default()
}

impl Reader<'_> {
    /// The time that all tokens together are.
    pub(super) fn expression(&self, t: &[Token], bias: Bias, depth: usize) -> Option<Found> {
        if t.is_empty() || depth > MAX_DEPTH {
            return None;
        }
        self.offset_sign(t).or_else(|| self.draft(t, bias)).or_else(|| {
            if depth == 0 && self.has_reason() { None } else { self.composed(t, bias, depth) }
        })
    }

    /// What is made of other times.
    fn composed(&self, t: &[Token], bias: Bias, depth: usize) -> Option<Found> {
        self.nth_of(t, bias, depth)
            .or_else(|| self.stretch(t, depth))
            .or_else(|| self.offset(t, depth))
            .or_else(|| self.range(t, depth))
            .or_else(|| self.open(t, depth))
            .or_else(|| {
                let rest = without_front(
                    t,
                    &[
                        "in",
                        "on",
                        "at",
                        "for",
                        "during",
                        "the",
                        "over",
                        "throughout",
                        "of",
                        "from",
                        "by",
                    ],
                );
                (rest.len() < t.len()).then(|| self.expression(rest, bias, depth + 1)).flatten()
            })
    }

    fn draft(&self, t: &[Token], bias: Bias) -> Option<Found> {
        let t = without_front(t, &["for", "during", "over", "throughout"]);
        if self.is_question() {
            // `in the past week`: the seven days up to now.
            let rest = without_front(t, &["in", "the", "this"]);
            if rest.len() == 2 && is_word(rest, 0, &["past"]) {
                let (by, unit) = (1, token_word(rest, 1).and_then(word::unit)?);
                if let Some(length) = Length::of(by, unit).filter(|length| length.seconds == 0) {
                    return self.days_beside(length, Which::Past);
                }
            }
        }
        if let Some(days) = self.whole_unit(t) {
            return Some(days);
        }
        let draft = Draft::read(t, Bare::Refused)
            .or_else(|| Draft::read_with_which(without_front(t, &["the", "on"])))?;
        self.resolve(&draft, bias, Portions::Stretches)
    }

    /// `the week`, `the month`: the present one; `year to date`, `rest of the week`.
    fn whole_unit(&self, t: &[Token]) -> Option<Found> {
        let units = [Unit::Day, Unit::Week, Unit::Month, Unit::Quarter, Unit::Year, Unit::Decade];
        let unit_at =
            |i: usize| token_word(t, i).and_then(word::unit).filter(|unit| units.contains(unit));
        let up_to_now = |unit: Unit| {
            let (first, _) = calendar::stretch(unit, 0, self.today)?;
            let last =
                if self.is_question() { self.today } else { calendar::plus_days(self.today, -1)? };
            (last >= first).then(|| range((first, last)))
        };
        match t.first()?.word()? {
            "the" if t.len() == 2 => {
                return Some(days(calendar::stretch(unit_at(1)?, 0, self.today)?));
            }
            "ytd" if t.len() == 1 => return up_to_now(Unit::Year),
            "qtd" if t.len() == 1 => return up_to_now(Unit::Quarter),
            "mtd" if t.len() == 1 => return up_to_now(Unit::Month),
            _ => {}
        }
        let skip = usize::from(is_word(t, 0, &["the", "this"]));
        if t.len() == skip + 3
            && ((is_word(t, skip + 1, &["to"]) && is_word(t, skip + 2, &["date"]))
                || (is_word(t, skip + 1, &["so"]) && is_word(t, skip + 2, &["far"])))
        {
            return up_to_now(unit_at(skip)?);
        }
        // `rest of the week`
        let skip = usize::from(is_word(t, 0, &["the"]));
        if is_word(t, skip, &["rest", "remainder", "remaining"]) {
            let next = skip + 1 + usize::from(is_word(t, skip + 1, &["of"]));
            let next = next + usize::from(is_word(t, next, &["the", "this"]));
            if next + 1 != t.len() {
                return None;
            }
            let unit =
                unit_at(next).or_else(|| is_word(t, next, &["today"]).then_some(Unit::Day))?;
            let (_, last) = calendar::stretch(unit, 0, self.today)?;
            if unit == Unit::Day {
                let (start, end) = (self.now_point(), end_of(last));
                return Some(Found { start, end, kind: Kind::DateTimeRange });
            }
            return Some(range((self.today, last)));
        }
        None
    }

    /// `-30d`, `+2h`: a moment; `7d`: the stretch up to now.
    fn offset_sign(&self, t: &[Token]) -> Option<Found> {
        let sign = t.first()?.is_sign(&['-', '+']);
        let (found, next) = length(t, usize::from(sign))?;
        let is_short = t.get(usize::from(sign) + 1)?.glued;
        // `30s` may be years as well.
        if !sign && is_word(t, 1, &["s"]) {
            return None;
        }
        if next != t.len() || !is_short || (sign && !t.get(1)?.glued) {
            return None;
        }
        let now = Point::Exact(self.now.timestamp());
        let is_ahead = t.first()?.is_sign(&['+']);
        let there = self.moved(&now, if is_ahead { found } else { found.reversed() })?;
        if sign {
            let Point::Exact(at) = self.exact(&there)? else { return None };
            return Self::moment(at);
        }
        Some(Found { start: there, end: now, kind: Kind::DateTimeRange })
    }

    fn exact(&self, point: &Point) -> Option<Point> {
        match point {
            Point::Civil(time) => {
                Some(Point::Exact(time.to_zoned(self.context.zone.clone()).ok()?.timestamp()))
            }
            other => Some(other.clone()),
        }
    }

    /// A point some length away: days and months by the calendar, the rest by the clock.
    fn moved(&self, point: &Point, by: Length) -> Option<Point> {
        let civil = self.civil(point)?;
        let days = calendar::plus_days(calendar::plus_months(civil.date(), by.months)?, by.days)?;
        if by.seconds == 0 {
            let moved = Point::Civil(days.to_datetime(civil.time()));
            return if matches!(point, Point::Exact(_)) && (by.months, by.days) == (0, 0) {
                Some(point.clone())
            } else {
                Some(moved)
            };
        }
        let start = if (by.months, by.days) == (0, 0) {
            self.exact(point)?
        } else {
            self.exact(&Point::Civil(days.to_datetime(civil.time())))?
        };
        let Point::Exact(start) = start else { return None };
        Some(Point::Exact(start.checked_add(Span::new().try_seconds(by.seconds).ok()?).ok()?))
    }

    /// `first week of May`, `the last 3 weeks of this year`, `first Monday evening of next month`.
    fn nth_of(&self, t: &[Token], bias: Bias, depth: usize) -> Option<Found> {
        let t = without_front(t, &["the", "in", "on", "during", "for"]);
        // `the week of the 5th of May`
        if is_word(t, 0, &["week", "weekend", "month", "year", "day"]) && is_word(t, 1, &["of"]) {
            let unit = token_word(t, 0).and_then(word::unit)?;
            let found = self.expression(t.get(2..)?, bias, depth + 1)?;
            let date = self.date(&found.start)?;
            let is_within = self.ms(&found.end)? - self.ms(&found.start)? <= 25 * 3_600_000;
            return is_within.then(|| calendar::stretch(unit, 0, date).map(days)).flatten();
        }
        let (from_end, mut nth, mut i) = match number(t, 0) {
            Some(ordinal) if ordinal.is_ordinal => (false, ordinal.value, 1),
            _ if is_word(t, 0, &["last"]) => (true, 1, 1),
            _ => return None,
        };
        // `second to last`, `the first 2 weeks`
        let count = match number(t, i).filter(|number| !number.is_ordinal) {
            Some(count) if nth == 1 => {
                i += 1;
                count.value
            }
            Some(_) => return None,
            None => 1,
        };
        if count < 1 || nth < 1 {
            return None;
        }
        let name = token_word(t, i)?;
        let mut next = i + 1;
        let part = token_word(t, next).and_then(word::part);
        next += usize::from(part.is_some());
        let has_of = is_word(t, next, &["of", "in"]);
        next += usize::from(has_of);
        let rest = t.get(next..)?;
        if rest.is_empty() {
            return None;
        }
        let container = Draft::read(rest, Bare::Refused)
            .and_then(|draft| self.resolve(&draft, bias, Portions::Stretches))
            .or_else(|| self.whole_unit(rest))
            .or_else(|| has_of.then(|| self.nth_of(rest, bias, depth + 1)).flatten())?;
        if depth > MAX_DEPTH || container.kind != Kind::DateRange {
            return None;
        }
        let first = self.date(&container.start)?;
        let last = match &container.end {
            Point::Last => jiff::civil::Date::MAX,
            end => self.date(end)?.yesterday().ok()?,
        };
        if let Some(weekday) = word::weekday(name) {
            let offset = i64::from(weekday.to_monday_zero_offset());
            let day = if from_end {
                let back = (calendar::days_from_monday(last) - offset).rem_euclid(7);
                calendar::plus_days(last, -back)?
            } else {
                let ahead = (offset - calendar::days_from_monday(first)).rem_euclid(7);
                calendar::plus_days(first, ahead + (nth - 1).checked_mul(7)?)?
            };
            if count != 1 || day < first || day > last {
                return self.refuse(|| "there are fewer such days".to_owned());
            }
            let Some(part) = part else { return Some(days((day, day))) };
            let dated = Draft { part: Some(part), ..Draft::on(day) };
            return self.resolve(&dated, Bias::Reading, Portions::Stretches);
        }
        if part.is_some() {
            return None;
        }
        let unit = word::unit(name)?;
        // Weeks belong to what holds their Thursday.
        let outermost = |from_end: bool| -> Option<calendar::Days> {
            let edge = if from_end { last } else { first };
            let found = match unit {
                Unit::Weekend => {
                    let found = calendar::stretch(unit, 0, edge)?;
                    let is_out = if from_end { found.0 > last } else { found.0 < first };
                    let step = if from_end { -1 } else { 1 };
                    if is_out { calendar::stretch(unit, step, edge)? } else { found }
                }
                Unit::Week => {
                    let found = calendar::week_of(edge)?;
                    let thursday = calendar::plus_days(found.0, 3)?;
                    let is_out = if from_end { thursday > last } else { thursday < first };
                    let step = if from_end { -1 } else { 1 };
                    if is_out { calendar::stretch(Unit::Week, step, edge)? } else { found }
                }
                _ => calendar::stretch(unit, 0, edge)?,
            };
            Some(found)
        };
        let (from, to) = if from_end {
            let end = outermost(true)?;
            (calendar::stretch(unit, 1 - count, end.0)?, end)
        } else {
            let start = outermost(false)?;
            nth -= 1;
            let from = calendar::stretch(unit, nth, start.0)?;
            (from, calendar::stretch(unit, nth.checked_add(count - 1)?, start.0)?)
        };
        let slack = if unit == Unit::Week { 3 } else { 0 };
        let is_within = calendar::plus_days(from.0, slack)? >= first
            && calendar::plus_days(to.1, -slack)? <= last;
        if !is_within {
            return self.refuse(|| format!("it has fewer {name}"));
        }
        Some(days((from.0, to.1)))
    }

    /// `last 3 days`, `2 next weeks`, `within 5 minutes`, `3 days from next Monday`.
    fn stretch(&self, t: &[Token], depth: usize) -> Option<Found> {
        self.window(t)
            .or_else(|| {
                // `for 3 days, from today`, `3 days starting next Monday`
                let rest = without_front(t, &["for"]);
                let has_for = rest.len() < t.len();
                let (found, mut next) = length(rest, 0)?;
                let comma = rest.get(next).is_some_and(|token| token.is_sign(&[',']));
                next += usize::from(comma);
                let starts = is_word(rest, next, &["starting", "beginning"]);
                next += usize::from(starts);
                let from = is_word(rest, next, &["from", "on", "at"]);
                next += usize::from(from);
                if !starts && !(from && (has_for || comma)) {
                    return None;
                }
                let start = self.expression(rest.get(next..)?, Bias::Reading, depth + 1)?;
                self.lasting(&start, found)
            })
            .or_else(|| {
                // `next Monday for 3 days`
                let at =
                    t.iter().rposition(|token| token.is_word(&["for"])).filter(|at| *at > 0)?;
                let (found, next) = length(t, at + 1)?;
                if next != t.len() {
                    return None;
                }
                let start = self.expression(t.get(..at)?, Bias::Reading, depth + 1)?;
                self.lasting(&start, found)
            })
            .or_else(|| {
                // `less than 3 days after tomorrow`, `less than a week ago`
                let is_less = is_word(t, 0, &["less"]) && is_word(t, 1, &["than"]);
                let is_more = is_word(t, 0, &["more"]) && is_word(t, 1, &["than"]);
                if !is_less && !is_more && !is_word(t, 0, &["within"]) {
                    return None;
                }
                let skip = if is_less || is_more { 2 } else { 1 };
                let (found, next) = length(t, skip)?;
                let (anchor, is_back) = self.anchor(t, next, depth)?;
                let there = self.moved(&anchor, if is_back { found.reversed() } else { found })?;
                let kind = if found.seconds == 0 { Kind::DateRange } else { Kind::DateTimeRange };
                let (start, end) = match (is_more, is_back) {
                    (false, true) => (there, anchor),
                    (false, false) => (anchor, there),
                    (true, true) => (Point::First, there),
                    (true, false) => (there, Point::Last),
                };
                Some(Found { start, end, kind })
            })
    }

    fn lasting(&self, start: &Found, by: Length) -> Option<Found> {
        let end = self.moved(&start.start, by)?;
        let has_time =
            by.seconds != 0 || matches!(start.kind, Kind::DateTime | Kind::DateTimeRange);
        let kind = if has_time { Kind::DateTimeRange } else { Kind::DateRange };
        Some(Found { start: start.start.clone(), end, kind })
    }

    /// A counted stretch that ends or begins at the present.
    fn window(&self, t: &[Token]) -> Option<Found> {
        let t = without_front(t, &["in", "for", "during", "over", "the"]);
        let is_within = is_word(t, 0, &["within"]);
        let mut i = usize::from(is_within);
        i += usize::from(is_word(t, i, &["the"]));
        let (which, found, next) = if let Some((which, next)) = draft::which(t, i) {
            if which == Which::This {
                return None;
            }
            if let Some((found, end)) = length(t, next) {
                (which, found, end)
            } else {
                // `the next day and 5 hours`
                let unit = token_word(t, next).and_then(word::unit)?;
                let mut found = Length::of(1, unit)?;
                let mut end = next + 1;
                if is_word(t, end, &["and"]) {
                    let (more, after) = length(t, end + 1)?;
                    (found, end) = (found.plus(more)?, after);
                } else if !is_within {
                    return None;
                }
                (which, found, end)
            }
        } else if let (Some(count), Some((which, next))) =
            (number(t, i).filter(|number| !number.is_ordinal), draft::which(t, i + 1))
        {
            let unit = token_word(t, next).and_then(word::unit)?;
            (which, Length::of(count.value, unit)?, next + 1)
        } else if is_within {
            let (found, next) = length(t, i)?;
            (Which::Next, found, next)
        } else {
            return None;
        };
        if next != t.len() || which == Which::This || found == Length::default() {
            return None;
        }
        let is_back = which.offset() < 0;
        if found.seconds != 0 {
            let now = self.now_point();
            let there = self.moved(&now, if is_back { found.reversed() } else { found })?;
            let (start, end) = if is_back { (there, now) } else { (now, there) };
            return Some(Found { start, end, kind: Kind::DateTimeRange });
        }
        // Quarters and longer are the calendar's.
        if let Some(unit @ (Unit::Quarter | Unit::Decade | Unit::Century | Unit::Weekend)) =
            found.unit
        {
            if found.n < 1 || (unit == Unit::Weekend && found.n > 1) {
                return None;
            }
            let (from, to) = if is_back { (-found.n, -1) } else { (1, found.n) };
            let first = calendar::stretch(unit, from, self.today)?.0;
            return Some(range((first, calendar::stretch(unit, to, self.today)?.1)));
        }
        self.days_beside(found, which)
    }

    /// Whole days before today or after it; in questions those before hold today.
    fn days_beside(&self, by: Length, which: Which) -> Option<Found> {
        let (first, last) = if which.offset() < 0 {
            let by = by.reversed();
            let first = calendar::plus_months(self.today, by.months)?;
            let first = calendar::plus_days(first, by.days)?;
            let last =
                if self.is_question() { self.today } else { calendar::plus_days(self.today, -1)? };
            (first, last)
        } else {
            let last = calendar::plus_months(self.today, by.months)?;
            (calendar::plus_days(self.today, 1)?, calendar::plus_days(last, by.days)?)
        };
        (first <= last).then(|| range((first, last)))
    }

    /// `ago`, `from now`, `before yesterday`: from where something is counted, and whether back.
    fn anchor(&self, t: &[Token], i: usize, depth: usize) -> Option<(Point, bool)> {
        let rest = t.get(i..)?;
        let is = |words: &[&str]| {
            rest.len() == words.len()
                && words.iter().enumerate().all(|(n, word)| is_word(rest, n, &[word]))
        };
        let here = || Some(self.now_point());
        if is(&["ago"]) || is(&["earlier"]) || is(&["back"]) || is(&["before", "now"]) {
            return Some((here()?, true));
        }
        if is(&["later"]) || is(&["hence"]) || is(&["from", "now"]) || is(&["after", "now"]) {
            return Some((here()?, false));
        }
        let (is_back, next) = match token_word(rest, 0)? {
            "before" => (true, 1),
            "prior" if is_word(rest, 1, &["to"]) => (true, 2),
            "after" | "from" | "since" | "following" => (false, 1),
            _ => return None,
        };
        let found = self.expression(rest.get(next..)?, Bias::Reading, depth + 1)?;
        Some((found.start, is_back))
    }

    /// `3 days ago`, `in two weeks`, `a month after Easter`, `two months from today on Tuesday`.
    fn offset(&self, t: &[Token], depth: usize) -> Option<Found> {
        // A weekday before or after it moves it within its week.
        if let Some(weekday) = t.last()?.word().and_then(word::weekday)
            && let Some(rest) = t.get(..t.len() - 1)
        {
            let rest = match rest.split_last() {
                Some((on, rest)) if on.is_word(&["on"]) => rest,
                _ => rest,
            };
            if let Some((found, by)) = self.plain_offset(rest, depth + 1) {
                return self.on_weekday(&found, by, weekday);
            }
        }
        if let Some(weekday) = token_word(t, 0).and_then(word::weekday)
            && let Some((found, by)) = self.plain_offset(t.get(1..)?, depth + 1)
        {
            return self.on_weekday(&found, by, weekday);
        }
        if let Some((found, _)) = self.plain_offset(t, depth) {
            return Some(found);
        }
        // `two days ago at 5pm`
        let (rest, clock) = (1..t.len()).find_map(|at| {
            let (clock, end) = draft::clock(t, at, is_word(t, at - 1, &["at"]))?;
            let rest = t.get(..at)?;
            let rest = rest.strip_suffix_words(&["at"]).unwrap_or(rest);
            (end == t.len()).then_some((rest, clock))
        })?;
        let (found, _) = self.plain_offset(rest, depth + 1)?;
        let day = self.date(&found.start)?;
        if found.kind != Kind::Date {
            return None;
        }
        self.resolve(
            &Draft { clock: Some(clock), ..Draft::on(day) },
            Bias::Reading,
            Portions::Stretches,
        )
    }

    fn plain_offset(&self, t: &[Token], depth: usize) -> Option<(Found, Length)> {
        let is_in = is_word(t, 0, &["in"]);
        let start = usize::from(is_in);
        let (by, mut next) = length(t, start)?;
        if is_in && is_word(t, next, &["time"]) {
            next += 1;
        }
        let (anchor, is_back, is_ago) = if is_in && next == t.len() {
            (self.now_point(), false, false)
        } else {
            let (anchor, is_back) = self.anchor(t, next, depth)?;
            (anchor, is_back, is_word(t, next, &["ago"]))
        };
        let there = self.moved(&anchor, if is_back { by.reversed() } else { by })?;
        let is_clock = match &anchor {
            Point::Civil(time) => time.time() != jiff::civil::Time::midnight(),
            _ => false,
        };
        if by.seconds != 0 || is_clock {
            let Point::Exact(at) = self.exact(&there)? else { return None };
            return Some((Self::moment(at)?, by));
        }
        let day = self.date(&there)?;
        // A question about two years ago is not about one day.
        let unit =
            match by.unit {
                Some(
                    unit @ (Unit::Week | Unit::Month | Unit::Quarter | Unit::Year | Unit::Decade),
                ) if self.is_question() && is_ago => unit,
                _ => Unit::Day,
            };
        Some((days(calendar::stretch(unit, 0, day)?), by))
    }

    /// The weekday of the week that something lies in, weeks here beginning on Sunday; a month or
    /// more away, the first such day from there.
    fn on_weekday(
        &self,
        found: &Found,
        by: Length,
        weekday: jiff::civil::Weekday,
    ) -> Option<Found> {
        let date = self.date(&found.start)?;
        let from = i64::from(date.weekday().to_sunday_zero_offset());
        let to = i64::from(weekday.to_sunday_zero_offset());
        let step = if by.months == 0 { to - from } else { (to - from).rem_euclid(7) };
        let day = calendar::plus_days(date, step)?;
        (by.seconds == 0).then(|| days((day, day)))
    }

    /// `from May to July`, `between 2007 and 2009`, `2014-2018`.
    fn range(&self, t: &[Token], depth: usize) -> Option<Found> {
        let t = without_front(t, &["the", "in", "during", "for"]);
        let opening = token_word(t, 0).filter(|word| matches!(*word, "from" | "between"));
        let body = t.get(usize::from(opening.is_some())..)?;
        // Words part ranges before signs do, loose signs before those within dates, and of these
        // the one in the middle: `10-1-2018-10-7-2018`.
        let mut joints: Vec<(usize, usize, usize)> = body
            .iter()
            .enumerate()
            .skip(1)
            .filter_map(|(at, token)| {
                let is_word = token.is_word(&["to", "till", "until", "through", "thru", "til"])
                    || (opening == Some("between") && token.is_word(&["and"]));
                let is_sign = token.is_sign(&['-', '~']);
                let is_tight = token.glued && body.get(at + 1).is_some_and(|next| next.glued);
                let order = usize::from(is_sign) + usize::from(is_sign && is_tight);
                let off_centre = if order == 2 { (2 * at + 1).abs_diff(body.len()) } else { 0 };
                (is_word || is_sign).then_some((order, off_centre, at))
            })
            .collect();
        joints.sort_unstable();
        joints
            .into_iter()
            .find_map(|(_, _, at)| self.between(body.get(..at)?, body.get(at + 1..)?, depth))
    }

    /// From one time to another, each lending the other what it leaves out.
    fn between(&self, first: &[Token], last: &[Token], depth: usize) -> Option<Found> {
        let is_date = matches!(last, [only] if only.is_word(&["date"]));
        let mut a = Draft::read(first, Bare::IsDay);
        let mut b = if is_date {
            Some(Draft { now: true, ..Draft::default() })
        } else {
            Draft::read(last, Bare::IsDay)
        };
        if let (Some(a), Some(b)) = (&mut a, &mut b) {
            lend(a, b);
            lend(b, a);
            // A number alone is no day.
            let is_bare = |t: &[Token], draft: &Draft| {
                matches!(t, [only] if only.number().is_some_and(|n| !n.is_ordinal && n.value < 32))
                    && draft.month.is_none()
                    && draft.relative.is_none()
            };
            if is_bare(first, a) || is_bare(last, b) {
                return None;
            }
        }
        let is_open = |draft: &Option<Draft>| draft.as_ref().is_some_and(Draft::is_open);
        let read = |t: &[Token], draft: Option<&Draft>, bias: Bias| match draft {
            Some(draft) => self
                .resolve(draft, bias, Portions::Points)
                .or_else(|| self.expression(t, bias, depth + 1)),
            None => self.expression(t, bias, depth + 1),
        };
        let (start, end) = if is_open(&a) && !is_open(&b) && b.as_ref().is_none_or(Draft::has_days)
        {
            let end = read(last, b.as_ref(), Bias::Reading)?;
            (read(first, a.as_ref(), Bias::Before(self.date(&end.start)?))?, end)
        } else if is_open(&a) && is_open(&b) {
            self.open_pair(&read, first, last, a.as_ref(), b.as_ref())?
        } else {
            let start = read(first, a.as_ref(), Bias::Reading)?;
            let from = self.date(&start.start)?;
            let is_time_only = b.as_ref().is_some_and(|b| !b.has_days());
            let end = if is_time_only || is_open(&b) || b.is_none() {
                read(last, b.as_ref(), Bias::After(from))?
            } else {
                read(last, b.as_ref(), Bias::Reading)?
            };
            (start, end)
        };
        let is_now = |draft: &Option<Draft>| draft.as_ref().is_some_and(|draft| draft.now);
        let has_time = |found: &Found, draft: &Option<Draft>| {
            !is_now(draft) && matches!(found.kind, Kind::DateTime | Kind::DateTimeRange)
        };
        let is_timed = has_time(&start, &a) || has_time(&end, &b);
        let now_as_day = |point: Point, draft: &Option<Draft>| {
            if is_now(draft) && !is_timed {
                Some(days((self.today, self.today)).start)
            } else {
                Some(point)
            }
        };
        let first_point = now_as_day(start.start, &a)?;
        let last_point = if has_time(&end, &b) && end.kind == Kind::DateTime {
            end.start
        } else if self.is_question() {
            if is_now(&b) && !is_timed { end_of(self.today) } else { end.end }
        } else {
            now_as_day(end.start, &b)?
        };
        let kind = if is_timed { Kind::DateTimeRange } else { Kind::DateRange };
        Some(Found { start: first_point, end: last_point, kind })
    }

    /// Two open dates: the pair that is under way or next, in questions the latest that has begun.
    fn open_pair(
        &self,
        read: &ReadPart<'_>,
        first: &[Token],
        last: &[Token],
        a: Option<&Draft>,
        b: Option<&Draft>,
    ) -> Option<(Found, Found)> {
        let mut found = None;
        let from_year_before = Bias::After(calendar::day(self.year() - 1, 12, 31)?);
        let is_of_year = a
            .as_ref()
            .is_some_and(|a| a.month.is_some() || a.holiday.is_some() || a.season.is_some());
        let biases: &[Bias] = if self.is_question() || !is_of_year {
            &[Bias::Reading]
        } else {
            &[from_year_before, Bias::Reading]
        };
        for bias in biases {
            let start = read(first, a, *bias)?;
            let end = read(last, b, Bias::After(self.date(&start.start)?))?;
            let is_ahead = self.date(&end.end).is_none_or(|after| after > self.today);
            found = Some((start, end));
            if is_ahead {
                break;
            }
        }
        found
    }

    /// `since 2015`, `before last week`, `until May`.
    fn open(&self, t: &[Token], depth: usize) -> Option<Found> {
        let read = |t: &[Token]| self.expression(t, Bias::Reading, depth + 1);
        let kind = |found: &Found| match found.kind {
            Kind::Date | Kind::DateRange => Kind::DateRange,
            _ => Kind::DateTimeRange,
        };
        if depth > 1 {
            return None;
        }
        // `from Monday on`, `2015 or later`
        if let Some(rest) = t.strip_suffix_words(&["or", "later"]).or_else(|| {
            let rest = t
                .strip_suffix_words(&["onwards"])
                .or_else(|| t.strip_suffix_words(&["onward"]))
                .or_else(|| t.strip_suffix_words(&["on"]))?;
            let rest = rest.strip_suffix_words(&["and"]).unwrap_or(rest);
            rest.first()?.is_word(&["from"]).then(|| rest.get(1..)).flatten()
        }) {
            let found = read(rest)?;
            return Some(Found { kind: kind(&found), end: Point::Last, start: found.start });
        }
        let word = token_word(t, 0)?;
        let skip = if matches!(word, "prior" | "up") {
            is_word(t, 1, &["to", "until", "till"]).then_some(2)?
        } else {
            1
        };
        let found = || read(t.get(skip..)?);
        match word {
            "since" => {
                let found = found()?;
                Some(Found { kind: kind(&found), end: Point::Last, start: found.start })
            }
            "after" => {
                let found = found()?;
                let kind = kind(&found);
                Some(Found { start: found.end, end: Point::Last, kind })
            }
            "before" | "prior" => {
                let found = found()?;
                Some(Found { kind: kind(&found), start: Point::First, end: found.start })
            }
            "until" | "till" | "up" => {
                let found = found()?;
                let end = if self.is_question() && found.kind != Kind::DateTime {
                    found.end.clone()
                } else {
                    found.start.clone()
                };
                Some(Found { start: Point::First, end, kind: kind(&found) })
            }
            _ => None,
        }
    }
}

/// Gives `to` what it leaves out and `from` has.
fn lend(from: &Draft, to: &mut Draft) {
    let is_day_only = to.day.is_some() && to.month.is_none() && to.relative.is_none();
    if is_day_only && from.month.is_some() && from.day.is_some() {
        to.month = from.month;
        to.year = to.year.or(from.year);
        return;
    }
    let is_weekday = to.weekday.is_some() && to.which.is_none() && to.relative.is_none();
    if (is_day_only && from.day.is_some()) || (is_weekday && from.weekday.is_some()) {
        to.relative = from.relative;
    }
}

trait StripSuffix {
    fn strip_suffix_words(&self, words: &[&str]) -> Option<&[Token]>;
}

impl StripSuffix for [Token] {
    /// The tokens before these words, where they end in them and begin with something else.
    fn strip_suffix_words(&self, words: &[&str]) -> Option<&[Token]> {
        let n = self.len().checked_sub(words.len()).filter(|n| *n > 0)?;
        let (rest, tail) = self.split_at_checked(n)?;
        tail.iter().zip(words).all(|(token, word)| token.is_word(&[word])).then_some(rest)
    }
}
