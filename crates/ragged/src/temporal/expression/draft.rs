//! Reads the parts of one date or time in any order: `2017 april`, `Tuesday of last week`, `5pm on
//! the 3rd of May`. What each part says is kept apart; `resolve` makes a time of them.

use jiff::civil::{Date, Weekday};

use super::{
    token::{Number, Token},
    word::{self, Holiday, Part, Portion, Season, Unit, Which},
};

/// The parts of a date or time that were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) year: Option<i64>,
    pub(super) month: Option<i8>,
    pub(super) day: Option<i8>,
    pub(super) weekday: Option<Weekday>,
    /// Of a month, day, weekday, season, holiday or part of a day.
    pub(super) which: Option<Which>,
    /// Days from today: `yesterday` is −1.
    pub(super) day_offset: Option<i64>,
    pub(super) now: bool,
    /// `last week`: a unit and its place to the present one.
    pub(super) relative: Option<(Unit, i64)>,
    pub(super) week: Option<i64>,
    pub(super) quarter: Option<i64>,
    pub(super) half: Option<i64>,
    pub(super) season: Option<Season>,
    pub(super) holiday: Option<Holiday>,
    pub(super) is_weekend: bool,
    /// The first year of ten, or of a hundred, and how many.
    pub(super) years: Option<(i64, i64)>,
    pub(super) portion: Option<Portion>,
    pub(super) part: Option<Part>,
    pub(super) clock: Option<Clock>,
    pub(super) clocks: Option<(Clock, Clock)>,
}

/// A time of day as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) hour: i8,
    pub(super) minute: i8,
    pub(super) second: Option<i8>,
    pub(super) half: Option<Half>,
    /// Whether it can only be a time: it has minutes, `pm` or `o'clock`.
    pub(super) is_plain: bool,
}

/// Which half of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Morning,
    Afternoon,
}

/// Whether a bare number may be a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bare {
    Refused,
    IsDay,
}

/// Sets what is not set yet.
fn set<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    if slot.is_some() {
        return None;
    }
    *slot = Some(value);
    Some(())
}

pub(super) fn token_word(t: &[Token], i: usize) -> Option<&str> {
    t.get(i)?.word()
}

pub(super) fn is_word(t: &[Token], i: usize, words: &[&str]) -> bool {
    t.get(i).is_some_and(|token| token.is_word(words))
}

pub(super) fn number(t: &[Token], i: usize) -> Option<Number> {
    t.get(i)?.number()
}

fn is_glued(t: &[Token], i: usize) -> bool {
    t.get(i).is_some_and(|token| token.glued)
}

/// `this`, `next`, `this past`, `the last`.
pub(super) fn which(t: &[Token], i: usize) -> Option<(Which, usize)> {
    let first = word::which(token_word(t, i)?)?;
    match (first, token_word(t, i + 1)) {
        (Which::This, Some("past")) => Some((Which::Past, i + 2)),
        (Which::This, Some("coming")) => Some((Which::Coming, i + 2)),
        _ => Some((first, i + 1)),
    }
}

/// A two-digit year: the present century below 40.
fn full_year(value: i64) -> i64 {
    value + if value < 40 { 2000 } else { 1900 }
}

impl Draft {
    /// The parts that all tokens together are, if nothing is left over.
    pub(super) fn read(t: &[Token], bare: Bare) -> Option<Self> {
        let mut draft = Self::default();
        if bare == Bare::IsDay
            && let [only] = t
            && let Some(day) = only.number().and_then(day_number)
        {
            draft.day = Some(day);
            return Some(draft);
        }
        let has_part = t.iter().any(|token| token.word().is_some_and(|w| word::part(w).is_some()));
        let mut i = 0;
        let mut n_joints = 0;
        while i < t.len() {
            if let Some(next) = draft.take(t, i, has_part) {
                (i, n_joints) = (next, 0);
            } else if draft.is_joint(t, i) && i + 1 < t.len() && n_joints < 3 {
                (i, n_joints) = (i + 1, n_joints + 1);
            } else {
                return None;
            }
        }
        Some(draft)
    }

    /// Whether the word only joins two parts.
    fn is_joint(&self, t: &[Token], i: usize) -> bool {
        let Some(token) = t.get(i) else { return false };
        if token.is_word(&["the", "of", "in", "on", "at", "during"]) {
            return true;
        }
        if i == 0 {
            return false;
        }
        let is_tight = token.glued && is_glued(t, i + 1);
        token.is_sign(&[','])
            || token.is_sign(&['@'])
            || (token.is_sign(&['/']) && is_tight)
            || (token.is_sign(&['.']) && token.glued)
            || (token.is_sign(&['-'])
                && (is_tight
                    || self.weekday.is_some()
                    || t.get(i + 1).and_then(Token::word).and_then(word::weekday).is_some()))
    }

    /// Takes the part that begins at `i`, and says where the next one begins.
    fn take(&mut self, t: &[Token], i: usize, has_part: bool) -> Option<usize> {
        let before = i.checked_sub(1).and_then(|before| t.get(before));
        let is_at = before.is_some_and(|t| t.is_word(&["at"]) || t.is_sign(&['@']));
        if let Some((first, last, next)) = clock_range(t, i, has_part) {
            set(&mut self.clocks, (first, last))?;
            return Some(next);
        }
        if !self.has_partial_date_at(t, i)
            && let Some((clock, next)) = clock(t, i, is_at || has_part)
            && (clock.is_plain || is_at || has_part)
        {
            set(&mut self.clock, clock)?;
            return Some(next);
        }
        if number(t, i).is_some() {
            return self.take_number(t, i);
        }
        self.take_word(t, i)
    }

    /// Whether the number at `i` is a day or a year of a date rather than an hour.
    fn has_partial_date_at(&self, t: &[Token], i: usize) -> bool {
        let Some(number) = number(t, i) else { return false };
        let next_is_month = token_word(t, i + 1).and_then(word::month).is_some()
            || (is_word(t, i + 1, &["of"]) && token_word(t, i + 2).and_then(word::month).is_some());
        let is_numeric_date = t
            .get(i + 1)
            .is_some_and(|sign| sign.glued && sign.is_sign(&['/', '-']) && is_glued(t, i + 2))
            && self.numeric(t, i).is_some();
        let after_month = self.month.is_some() && self.day.is_none();
        number.is_ordinal
            || number.n_digits > 2
            || next_is_month
            || is_numeric_date
            || self.dotted_date(t, i).is_some()
            || (after_month && clock(t, i, false).is_none_or(|(clock, _)| !clock.is_plain))
    }

    /// `23.04.2022`
    fn dotted_date(&self, t: &[Token], i: usize) -> Option<()> {
        let dot = |i: usize| t.get(i).is_some_and(|token| token.glued && token.is_sign(&['.']));
        (dot(i + 1) && dot(i + 3) && is_glued(t, i + 4)).then_some(())?;
        self.numeric(t, i).map(|_| ())
    }

    /// A date in numbers that begins at `i`: year, month, day, and where it ends.
    fn numeric(&self, t: &[Token], i: usize) -> Option<(Option<i64>, i8, Option<i8>, usize)> {
        let first = number(t, i).filter(|number| !number.is_ordinal && number.n_digits > 0)?;
        let narrow = |value: i64| i8::try_from(value).ok();
        let is_month = |value: i64| (1..=12).contains(&value);
        if first.n_digits == 8 {
            let (month, day) = (first.value / 100 % 100, first.value % 100);
            return Some((Some(first.value / 10_000), narrow(month)?, Some(narrow(day)?), i + 1));
        }
        // `2016 10 16`
        if first.n_digits == 4
            && let (Some(month), Some(day)) = (number(t, i + 1), number(t, i + 2))
            && (1..=2).contains(&month.n_digits)
            && (1..=2).contains(&day.n_digits)
            && !is_glued(t, i + 3)
        {
            return Some((
                Some(first.value),
                narrow(month.value)?,
                Some(narrow(day.value)?),
                i + 3,
            ));
        }
        let sign = t.get(i + 1).filter(|sign| sign.glued && sign.is_sign(&['/', '-', '.']))?;
        let again = |i: usize| {
            t.get(i).is_some_and(|other| other.glued && other.what == sign.what)
                && is_glued(t, i + 1)
        };
        let plain = |i: usize| {
            number(t, i)
                .filter(|number| !number.is_ordinal && number.n_digits > 0 && is_glued(t, i))
        };
        let second = plain(i + 2)?;
        if again(i + 3) {
            let third = plain(i + 4)?;
            if [first, second, third].iter().filter(|number| number.n_digits > 2).count() > 1 {
                return None;
            }
            // `3.2.1` is the number of a version.
            let parts = [first, second, third];
            if sign.is_sign(&['.'])
                && parts.iter().all(|number| number.n_digits <= 2)
                && parts.iter().any(|number| number.n_digits != 2)
            {
                return None;
            }
            let (year, month, day) = if first.n_digits > 2 {
                (first.value, second.value, third.value)
            } else {
                let year = if third.n_digits <= 2 { full_year(third.value) } else { third.value };
                if is_month(first.value) || !is_month(second.value) {
                    (year, first.value, second.value)
                } else {
                    (year, second.value, first.value)
                }
            };
            return Some((Some(year), narrow(month)?, Some(narrow(day)?), i + 5));
        }
        if first.n_digits == 4 && second.n_digits <= 2 && is_month(second.value) {
            return Some((Some(first.value), narrow(second.value)?, None, i + 3));
        }
        if first.n_digits <= 2 && second.n_digits == 4 && is_month(first.value) {
            return Some((Some(second.value), narrow(first.value)?, None, i + 3));
        }
        if first.n_digits > 2 || second.n_digits > 2 {
            return None;
        }
        // `7.6` is a number unless a weekday says otherwise.
        let is_dated = !sign.is_sign(&['.']) || self.weekday.is_some() || self.which.is_some();
        let (month, day) = if is_month(first.value) {
            (first.value, second.value)
        } else {
            (second.value, first.value)
        };
        if !is_dated || !is_month(month) || !(1..=31).contains(&day) {
            return None;
        }
        Some((None, narrow(month)?, Some(narrow(day)?), i + 3))
    }

    fn take_number(&mut self, t: &[Token], i: usize) -> Option<usize> {
        let found = number(t, i)?;
        if let Some((year, month, day, next)) = self.numeric(t, i) {
            if let Some(year) = year {
                set(&mut self.year, year)?;
            }
            set(&mut self.month, month)?;
            if let Some(day) = day {
                set(&mut self.day, day)?;
            }
            // `2016-10-16T10:00`
            let t_joins = is_word(t, next, &["t"]) && is_glued(t, next) && is_glued(t, next + 1);
            return Some(next + usize::from(t_joins));
        }
        let after = token_word(t, i + 1);
        if found.is_ordinal {
            match after {
                Some("quarter") => {
                    set(&mut self.quarter, found.value)?;
                    return Some(i + 2);
                }
                Some("half") => {
                    set(&mut self.half, found.value)?;
                    return Some(i + 2);
                }
                Some("century") => {
                    set(&mut self.years, ((found.value - 1) * 100, 100))?;
                    return Some(i + 2);
                }
                Some("day") if is_word(t, i + 2, &["of", "in"]) => {
                    set(&mut self.day, day_number(found)?)?;
                    return Some(i + 2);
                }
                // `second Sunday in May` is counted, `2nd Sunday` is no date.
                Some(word) if word::unit(word).is_some() || word::weekday(word).is_some() => {
                    return None;
                }
                _ => {}
            }
        }
        // `nineteen nineties`
        if let Some(decade) = after.and_then(word::decade)
            && (10..=20).contains(&found.value)
        {
            set(&mut self.years, (found.value * 100 + decade, 10))?;
            return Some(i + 2);
        }
        // `1990s`, `90s`
        if after == Some("s") && is_glued(t, i + 1) && found.value % 10 == 0 {
            match found.n_digits {
                2 => set(&mut self.years, (word::first_of_decade(found.value), 10))?,
                4 => set(&mut self.years, (found.value, 10))?,
                _ => return None,
            }
            return Some(i + 2);
        }
        if is_glued(t, i + 1)
            && after
                .is_some_and(|word| word::month(word).is_none() && word::short_unit(word).is_some())
        {
            return None;
        }
        let is_year = !found.is_ordinal
            && (found.n_digits == 4 || (found.n_digits == 0 && found.value >= 1000))
            && (1..=9999).contains(&found.value);
        if is_year {
            set(&mut self.year, found.value)?;
            return Some(i + 1);
        }
        let near_month = self.month.is_some()
            || (1..=2).any(|ahead| token_word(t, i + ahead).and_then(word::month).is_some())
            || (is_word(t, i + 1, &["of", "in"])
                && is_word(t, i + 2, &["the", "this", "next", "last"]))
            || (is_glued(t, i + 1) && is_glued(t, i + 2) && t.get(i + 1)?.is_sign(&['/', '-']));
        if self.day.is_none()
            && (found.is_ordinal || near_month)
            && let Some(day) = day_number(found)
        {
            self.day = Some(day);
            return Some(i + 1);
        }
        if found.n_digits == 2 && self.month.is_some() && !found.is_ordinal {
            set(&mut self.year, full_year(found.value))?;
            return Some(i + 1);
        }
        None
    }

    fn take_word(&mut self, t: &[Token], i: usize) -> Option<usize> {
        let first = token_word(t, i)?;
        if let Some((holiday, next)) = holiday(t, i) {
            set(&mut self.holiday, holiday)?;
            return Some(next);
        }
        if let Some(next) = self.take_fixed(t, i) {
            return Some(next);
        }
        if let Some(next) = self.take_portion(t, i) {
            return Some(next);
        }
        if let Some((which, next)) = which(t, i) {
            return self.take_which(t, which, next);
        }
        if let Some(month) = word::month(first) {
            set(&mut self.month, month)?;
            return Some(i + 1);
        }
        if let Some(weekday) = word::weekday(first) {
            set(&mut self.weekday, weekday)?;
            return Some(i + 1);
        }
        if let Some(part) = word::part(first) {
            set(&mut self.part, part)?;
            if first == "tonight" {
                set(&mut self.day_offset, 0)?;
            }
            return Some(i + 1);
        }
        if let Some(season) = word::season(first) {
            set(&mut self.season, season)?;
            return Some(i + 1);
        }
        if let Some(decade) = word::decade(first) {
            set(&mut self.years, (word::first_of_decade(decade), 10))?;
            return Some(i + 1);
        }
        let glued_number = |i: usize| number(t, i).filter(|n| n.n_digits > 0 && is_glued(t, i));
        match first {
            "weekend" => {
                if self.is_weekend {
                    return None;
                }
                self.is_weekend = true;
                Some(i + 1)
            }
            "year" | "cy" => {
                let found = number(t, i + 1).filter(|number| !number.is_ordinal)?;
                let year = match found.n_digits {
                    2 => full_year(found.value),
                    _ => Some(found.value).filter(|year| (100..=9999).contains(year))?,
                };
                set(&mut self.year, year)?;
                Some(i + 2)
            }
            "calendar" if is_word(t, i + 1, &["year"]) => self.take_word(t, i + 1),
            "week" => {
                let next = i + 1 + usize::from(is_word(t, i + 1, &["number"]));
                set(&mut self.week, number(t, next).filter(|n| !n.is_ordinal)?.value)?;
                Some(next + 1)
            }
            "w" | "wk" => {
                set(&mut self.week, glued_number(i + 1)?.value)?;
                Some(i + 2)
            }
            "q" => {
                set(&mut self.quarter, glued_number(i + 1)?.value)?;
                Some(i + 2)
            }
            "h" => {
                set(&mut self.half, glued_number(i + 1)?.value)?;
                Some(i + 2)
            }
            "quarter" => {
                let found = number(t, i + 1).filter(|n| !n.is_ordinal && n.value <= 4)?;
                set(&mut self.quarter, found.value)?;
                Some(i + 2)
            }
            "month" if is_word(t, i + 1, &["of"]) => {
                token_word(t, i + 2).and_then(word::month)?;
                self.take_word(t, i + 2)
            }
            _ => None,
        }
    }

    /// Words that mean one thing as they stand.
    fn take_fixed(&mut self, t: &[Token], i: usize) -> Option<usize> {
        const DAYS: &[(&[&str], i64)] = &[
            (&["day", "after", "tomorrow"], 2),
            (&["day", "before", "yesterday"], -2),
            (&["current", "date"], 0),
            (&["current", "day"], 0),
            (&["today"], 0),
            (&["tomorrow"], 1),
            (&["yesterday"], -1),
            (&["following", "day"], 1),
            (&["next", "day"], 1),
            (&["previous", "day"], -1),
            (&["last", "day"], -1),
            (&["past", "day"], -1),
        ];
        const NOW: &[&[&str]] = &[
            &["right", "now"],
            &["now"],
            &["at", "present"],
            &["at", "the", "present", "time"],
            &["at", "the", "present", "moment"],
            &["at", "the", "current", "time"],
            &["at", "the", "moment"],
            &["at", "this", "time"],
            &["at", "this", "moment"],
            &["currently"],
        ];
        const SECOND_NEXT: &[(&str, Unit)] = &[
            ("week", Unit::Week),
            ("weekend", Unit::Weekend),
            ("month", Unit::Month),
            ("quarter", Unit::Quarter),
            ("year", Unit::Year),
        ];
        let is =
            |words: &[&str]| words.iter().enumerate().all(|(n, word)| is_word(t, i + n, &[word]));
        for (words, offset) in DAYS {
            if is(words) {
                set(&mut self.day_offset, *offset)?;
                return Some(i + words.len());
            }
        }
        for (words, offset) in [(["day", "after"], 1), (["day", "before"], -1)] {
            // `the day after`, and nothing after that.
            if is(&words) && i + 2 == t.len() {
                set(&mut self.day_offset, offset)?;
                return Some(i + 2);
            }
        }
        for words in NOW {
            if is(words) {
                if self.now {
                    return None;
                }
                self.now = true;
                return Some(i + words.len());
            }
        }
        for (name, unit) in SECOND_NEXT {
            for (tail, offset) in [(["after", "next"], 2), (["before", "last"], -2)] {
                if is(&[name, tail[0], tail[1]]) {
                    set(&mut self.relative, (*unit, offset))?;
                    return Some(i + 3);
                }
            }
        }
        let end_of = match token_word(t, i)? {
            "eod" => Unit::Day,
            "eow" => Unit::Week,
            "eom" => Unit::Month,
            "eoy" => Unit::Year,
            _ => return None,
        };
        set(&mut self.portion, Portion::End)?;
        if end_of == Unit::Day {
            set(&mut self.day_offset, 0)?;
        } else {
            set(&mut self.relative, (end_of, 0))?;
        }
        Some(i + 1)
    }

    /// `early`, `the middle of`, `end of the week`.
    fn take_portion(&mut self, t: &[Token], i: usize) -> Option<usize> {
        let portion = word::portion(token_word(t, i)?)?;
        let mut next = i + 1;
        match portion {
            Portion::Start | Portion::Middle | Portion::End => {
                if !is_word(t, next, &["of"]) {
                    return None;
                }
                next += 1;
            }
            _ => next += usize::from(is_word(t, next, &["in", "on", "of"])),
        }
        let has_the = is_word(t, next, &["the"]);
        next += usize::from(has_the);
        set(&mut self.portion, portion)?;
        // `end of year`, `early in the day`: the present one.
        if let Some(unit) = token_word(t, next).and_then(word::unit)
            && matches!(unit, Unit::Day | Unit::Week | Unit::Month | Unit::Quarter | Unit::Year)
            && number(t, next + 1).is_none()
            && !is_word(t, next + 1, &["of", "after", "before"])
        {
            if unit == Unit::Day {
                if next + 1 == t.len() {
                    set(&mut self.day_offset, 0)?;
                }
            } else {
                set(&mut self.relative, (unit, 0))?;
            }
            next += 1;
        }
        (next < t.len() || next > i + 1).then_some(next)
    }

    /// What follows `this`, `next`, `last`.
    fn take_which(&mut self, t: &[Token], which: Which, i: usize) -> Option<usize> {
        if let Some(unit) = token_word(t, i).and_then(word::unit) {
            if number(t, i + 1).is_some_and(|number| number.n_digits > 2) || unit == Unit::Fortnight
            {
                return None;
            }
            if unit == Unit::Day {
                set(&mut self.day_offset, which.offset())?;
            } else {
                set(&mut self.relative, (unit, which.offset()))?;
            }
            return Some(i + 1);
        }
        let skip = usize::from(token_word(t, i).is_some_and(|word| {
            matches!(word::portion(word), Some(Portion::Early | Portion::Late | Portion::Mid))
        }));
        let next = token_word(t, i + skip)?;
        let is_named = word::month(next).is_some()
            || word::weekday(next).is_some()
            || word::season(next).is_some()
            || word::part(next).is_some()
            || holiday(t, i + skip).is_some();
        if is_named {
            set(&mut self.which, which)?;
            return Some(i);
        }
        None
    }

    /// As [`take_which`](Self::take_which), for a date in numbers.
    pub(super) fn read_with_which(t: &[Token]) -> Option<Self> {
        let (which, next) = which(t, 0)?;
        number(t, next)?;
        let mut draft = Self::read(t.get(next..)?, Bare::Refused)?;
        if draft.day.is_none() || draft.month.is_none() {
            return None;
        }
        set(&mut draft.which, which)?;
        Some(draft)
    }

    /// One day.
    pub(super) fn on(day: Date) -> Self {
        Self {
            year: Some(i64::from(day.year())),
            month: Some(day.month()),
            day: Some(day.day()),
            ..Self::default()
        }
    }

    /// Whether it names days, and not only a time of day.
    pub(super) fn has_days(&self) -> bool {
        let times =
            Self { clock: self.clock, clocks: self.clocks, part: self.part, ..Self::default() };
        *self != times
    }

    /// Whether which year, month or week is meant is left open.
    pub(super) fn is_open(&self) -> bool {
        let named = self.month.is_some()
            || self.day.is_some()
            || self.weekday.is_some()
            || self.holiday.is_some()
            || self.season.is_some();
        named && self.year.is_none() && self.relative.is_none() && self.which.is_none()
    }
}

fn day_number(number: Number) -> Option<i8> {
    i8::try_from(number.value).ok().filter(|day| (1..=31).contains(day))
}

/// The longest name of a holiday that begins at `i`.
pub(super) fn holiday(t: &[Token], i: usize) -> Option<(Holiday, usize)> {
    let mut name = String::new();
    let mut found = None;
    let mut next = i;
    for _ in 0..word::MAX_HOLIDAY_WORDS {
        let Some(word) = token_word(t, next) else { break };
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(word);
        next += 1;
        // `St. Patrick's`
        next += usize::from(word == "st" && t.get(next).is_some_and(|dot| dot.is_sign(&['.'])));
        if let Some(holiday) = word::holiday(&name) {
            found = Some((holiday, next));
        }
    }
    found
}

/// A time of day that begins at `i`; a bare hour only where one is expected.
pub(super) fn clock(t: &[Token], i: usize, bare: bool) -> Option<(Clock, usize)> {
    let plain = |hour, half| Clock { hour, minute: 0, second: None, half, is_plain: true };
    match token_word(t, i) {
        Some("noon" | "midday") => return Some((plain(12, Some(Half::Afternoon)), i + 1)),
        Some("midnight") => return Some((plain(0, Some(Half::Morning)), i + 1)),
        Some("half" | "quarter") | None => {}
        Some(_) => return None,
    }
    // `half past 3`, `ten to four`
    let minutes = match token_word(t, i) {
        Some("half") => Some(30),
        Some("quarter") => Some(15),
        _ => number(t, i).filter(|n| !n.is_ordinal && (1..60).contains(&n.value)).map(|n| n.value),
    };
    if let Some(minutes) = minutes {
        let next = i + 1 + usize::from(is_word(t, i + 1, &["minutes"]));
        let is_past = is_word(t, next, &["past"]);
        let is_to =
            is_word(t, next, &["to"]) && (token_word(t, i) == Some("quarter") || next > i + 1);
        if (is_past || is_to)
            && let Some((hour, next)) = clock(t, next + 1, true)
            && hour.minute == 0
        {
            let minutes = i8::try_from(minutes).ok()?;
            let (hour_of, minute) =
                if is_past { (hour.hour, minutes) } else { ((hour.hour + 23) % 24, 60 - minutes) };
            let clock =
                Clock { hour: hour_of, minute, second: None, half: hour.half, is_plain: true };
            return Some((clock, next));
        }
    }
    let first = number(t, i).filter(|n| !n.is_ordinal && n.n_digits <= 2 && n.value <= 24)?;
    let hour = i8::try_from(first.value).ok()?;
    let two_digits = |i: usize| {
        number(t, i)
            .filter(|n| n.n_digits == 2 && n.value < 60 && is_glued(t, i))
            .and_then(|n| i8::try_from(n.value).ok())
    };
    let sign = |i: usize, sign: char| t.get(i).is_some_and(|s| s.glued && s.is_sign(&[sign]));
    let mut next = i + 1;
    let (mut minute, mut second, mut is_plain) = (0, None, false);
    if sign(next, ':') {
        minute = two_digits(next + 1)?;
        (next, is_plain) = (next + 2, true);
        if sign(next, ':') {
            second = Some(two_digits(next + 1)?);
            next += 2;
        }
    } else if sign(next, '.')
        && let Some(minutes) = two_digits(next + 1)
        && (bare || half_of_day(t, next + 2).is_some())
        && !sign(next + 2, '.')
    {
        (minute, next, is_plain) = (minutes, next + 2, true);
    } else if first.n_digits == 0
        && let Some(spoken) = number(t, next).filter(|n| n.n_digits == 0 && !n.is_ordinal)
        && (10..60).contains(&spoken.value)
        && (bare || half_of_day(t, next + 1).is_some())
    {
        (minute, next, is_plain) = (i8::try_from(spoken.value).ok()?, next + 1, true);
    }
    let mut half = None;
    if is_word(t, next, &["oclock"]) {
        (next, is_plain) = (next + 1, true);
    }
    if let Some((found, end)) = half_of_day(t, next) {
        (half, next, is_plain) = (Some(found), end, true);
        if hour == 0 || hour > 12 {
            // `13 pm` is 13:00; `13 am` is nothing.
            if found == Half::Morning && hour > 12 {
                return None;
            }
        }
    }
    if hour == 24 && (minute > 0 || !is_plain) {
        return None;
    }
    if !is_plain {
        let follows_unit = token_word(t, next).is_some_and(|word| {
            word::unit(word).is_some()
                || word::month(word).is_some()
                || word::which(word)
                    .is_some_and(|which| which != Which::This && which != Which::Last)
                || matches!(word, "s" | "d" | "h" | "m" | "w" | "y" | "mo" | "q")
        });
        let follows_sign = t.get(next).is_some_and(|s| s.glued && s.is_sign(&['/', '.', ':', '~']))
            && is_glued(t, next + 1);
        if !bare || follows_unit || follows_sign {
            return None;
        }
    }
    Some((Clock { hour: hour % 24, minute, second, half, is_plain }, next))
}

fn half_of_day(t: &[Token], i: usize) -> Option<(Half, usize)> {
    match token_word(t, i)? {
        "am" => Some((Half::Morning, i + 1)),
        "pm" => Some((Half::Afternoon, i + 1)),
        "a" if is_glued(t, i) => Some((Half::Morning, i + 1)),
        "p" if is_glued(t, i) => Some((Half::Afternoon, i + 1)),
        _ => None,
    }
}

/// `from 7:00 to 8:00pm`, `3-8pm`, `between 7 and 9` beside a part of a day.
fn clock_range(t: &[Token], i: usize, has_part: bool) -> Option<(Clock, Clock, usize)> {
    let opening = token_word(t, i).filter(|word| matches!(*word, "from" | "between"));
    let start = i + usize::from(opening.is_some());
    // A day beside it makes an hour of a bare number.
    let has_day = opening.is_some()
        && t.iter().any(|token| {
            token.is_word(&["today", "tomorrow", "yesterday"])
                || token.word().is_some_and(|word| word::weekday(word).is_some())
        });
    let (first, next) = clock(t, start, true)?;
    let joint = t.get(next)?;
    let joins = joint.is_sign(&['-', '~'])
        || joint.is_word(&["to", "till", "until", "through", "thru"])
        || (opening == Some("between") && joint.is_word(&["and"]));
    if !joins {
        return None;
    }
    let (last, next) = clock(t, next + 1, true)?;
    // `3-8-2016` and `10-1 of May` are dates.
    if t.get(next).is_some_and(|s| s.glued && s.is_sign(&['-', '/'])) {
        return None;
    }
    (first.is_plain || last.is_plain || has_part || has_day).then_some((first, last, next))
}
