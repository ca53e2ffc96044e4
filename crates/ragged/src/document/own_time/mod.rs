//! When a document is from, as the document itself says: front matter, the date of an e-mail, the
//! properties of an office file.
//!
//! What people and programs write as a date is read leniently where it has one meaning and not at
//! all where it has two (`03/05/2024`). No clock is asked: a time that lies ahead of its import is
//! dropped by whoever knows the time, with [`OwnTimes::until`].

use std::{fmt, str::FromStr};

use jiff::{civil, tz::Offset};

use crate::error::{Error, ErrorKind};

#[cfg(test)]
mod tests;

/// No document that is read here was dated before; programs that know no date write 1601.
const EARLIEST_YEAR: i16 = 1800;
/// Longest text that is looked at as a date.
const MAX_DATE_BYTES: usize = 64;

/// How much of a time was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Precision {
    /// A year.
    Year,
    /// A month of a year.
    Month,
    /// A day.
    Day,
    /// A time of day too.
    Moment,
}

impl Precision {
    /// Every precision, the coarsest first.
    pub const ALL: [Self; 4] = [Self::Year, Self::Month, Self::Day, Self::Moment];

    /// Its name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Moment => "moment",
        }
    }

    /// A moment (Unix time in milliseconds), with as much of it as was given: `2024`, `2024-03`,
    /// `2024-03-05`, `2024-03-05T09:15:00Z`.
    pub fn shown(self, ms: i64) -> String {
        let Ok(time) = jiff::Timestamp::from_second(ms.div_euclid(1000)) else {
            return String::new();
        };
        let date = time.to_zoned(utc()).date();
        match self {
            Self::Year => format!("{:04}", date.year()),
            Self::Month => format!("{:04}-{:02}", date.year(), date.month()),
            Self::Day => date.to_string(),
            Self::Moment => time.to_string(),
        }
    }
}

/// Who said when a document is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TimeSource {
    /// The front matter of a note: YAML, TOML, Org keywords, a field list of reStructuredText.
    FrontMatter,
    /// The `Date` field of an e-mail; for a mailbox those of its messages.
    Email,
    /// The information dictionary or the XMP packet of a PDF.
    Pdf,
    /// The properties of an office file.
    Office,
    /// The package of a book.
    Book,
    /// The `meta` elements of a page, or a `time` element marked as the page's own.
    Page,
    /// The name of the file: `2024-03-05.md`. Never a document's: files that share a document
    /// may differ in it.
    FileName,
    /// The file system's time of change. Never a document's.
    File,
}

impl TimeSource {
    /// Every source.
    pub const ALL: [Self; 8] = [
        Self::FrontMatter,
        Self::Email,
        Self::Pdf,
        Self::Office,
        Self::Book,
        Self::Page,
        Self::FileName,
        Self::File,
    ];

    /// Its name in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FrontMatter => "front-matter",
            Self::Email => "email",
            Self::Pdf => "pdf",
            Self::Office => "office",
            Self::Book => "book",
            Self::Page => "page",
            Self::FileName => "file-name",
            Self::File => "file",
        }
    }
}

/// The value of `ALL` with this name.
fn named<T: Copy>(all: &[T], name_of: impl Fn(T) -> &'static str, name: &str) -> Result<T, Error> {
    let found = all.iter().copied().find(|value| name_of(*value) == name);
    found.ok_or_else(|| Error::new(ErrorKind::Invalid, format!("{name:?} says nothing of a time")))
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        named(&Self::ALL, Self::as_str, name)
    }
}

impl FromStr for TimeSource {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        named(&Self::ALL, Self::as_str, name)
    }
}

impl fmt::Display for TimeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A time as a document gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnTime {
    /// Unix time in milliseconds, UTC; of a day, a month or a year its beginning.
    pub ms: i64,
    /// How much of it was given.
    pub precision: Precision,
    /// Who gave it.
    pub source: TimeSource,
}

impl OwnTime {
    /// What a date says, as people and programs write it: ISO 8601 and what is close to it, the
    /// dates of e-mails, `5 March 2024`. A time without a zone is taken as UTC. `None` for what
    /// is no date, has two meanings, or lies before 1800.
    pub(super) fn read(text: &str, source: TimeSource) -> Option<Self> {
        Some(Self { source, ..parse(text)? })
    }

    /// What a date of a PDF says: `D:20240305101500+01'00'`, the parts from the right optional.
    pub(super) fn read_pdf(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches("D:");
        if text.len() > MAX_DATE_BYTES {
            return None;
        }
        let mut rest = Digits(text);
        let year = rest.exactly(4)?;
        let parts = [(); 5].map(|()| rest.exactly(2));
        let [month, day, hour, minute, second] = parts;
        let mut written = Written { year, month, day, ..Written::default() };
        if let Some(hour) = hour {
            let zone: String = rest.0.chars().filter(|c| *c != '\'').collect();
            written.time = Some((hour, minute.unwrap_or(0), second.unwrap_or(0), 0));
            // What stands there and is no zone leaves the time as it is.
            written.offset_seconds = zone_seconds(&zone).unwrap_or(0);
        }
        written.own_time(TimeSource::Pdf)
    }

    /// The time, unless nobody can mean it.
    pub(super) fn if_sound(self) -> Option<Self> {
        let year = jiff::Timestamp::from_millisecond(self.ms).ok()?.to_zoned(utc()).year();
        (year >= EARLIEST_YEAR).then_some(self)
    }

    /// As much of the time as was given, as [`Precision::shown`].
    pub fn shown(self) -> String {
        self.precision.shown(self.ms)
    }
}

/// When a document was made and last changed, as far as it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnTimes {
    /// When it was written, sent or published.
    pub created: Option<OwnTime>,
    /// When it was last changed.
    pub modified: Option<OwnTime>,
}

impl OwnTimes {
    /// The time that it is from: of its last change, else of its making.
    pub fn best(self) -> Option<OwnTime> {
        self.modified.or(self.created)
    }

    /// Without what lies after a moment.
    #[must_use]
    pub fn until(self, last_ms: i64) -> Self {
        let not_later = |time: &OwnTime| time.ms <= last_ms;
        Self { created: self.created.filter(not_later), modified: self.modified.filter(not_later) }
    }

    /// Completed by what another source says.
    #[must_use]
    pub(super) fn or(self, other: Self) -> Self {
        Self { created: self.created.or(other.created), modified: self.modified.or(other.modified) }
    }
}

/// The date that a file's name begins with: a daily note (`2024-03-05.md`, `2024_03_05.org`), a
/// post (`2024-03-05-title.md`), a scan (`20240305 invoice.pdf`).
pub fn date_in_name(path: &str) -> Option<OwnTime> {
    let name = path.rsplit(['/', '\\']).next()?;
    let mut rest = Digits(name);
    let year = rest.exactly(4)?;
    let separator = rest.0.chars().next().filter(|c| matches!(c, '-' | '_' | '.'));
    let mut part = || -> Option<u16> {
        if let Some(separator) = separator {
            rest.0 = rest.0.strip_prefix(separator)?;
        }
        rest.exactly(2)
    };
    let (month, day) = (part()?, part()?);
    // A longer number is a number and not a date; so is `1999-12-31` of `1999-12-312`.
    let ends = match rest.0.chars().next() {
        None => true,
        Some('T' | 't') => rest.0[1..].starts_with(|c: char| c.is_ascii_digit()),
        Some(c) => !c.is_alphanumeric(),
    };
    let written = Written { year, month: Some(month), day: Some(day), ..Written::default() };
    ends.then(|| written.own_time(TimeSource::FileName)).flatten()
}

/// Gathers the times of a note from its fields: of several that mean the same the most telling,
/// of equal ones the first.
#[derive(Debug, Default)]
pub(super) struct Fields {
    created: Option<(u8, OwnTime)>,
    modified: Option<(u8, OwnTime)>,
}

impl Fields {
    /// Takes note of a field, if its name is one for a time.
    pub(super) fn note(&mut self, name: &str, value: &str, source: TimeSource) {
        if name.len() > MAX_DATE_BYTES {
            return;
        }
        let name: String = name
            .chars()
            .filter(|c| !matches!(c, '-' | '_' | ' ' | '.' | ':'))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let (kept, rank) = match name.as_str() {
            "created" | "createdat" | "datecreated" | "creationdate" | "dctermscreated"
            | "dccreated" => (&mut self.created, 0),
            "date" | "dcdate" | "dctermsdate" | "datetime" => (&mut self.created, 1),
            "published"
            | "publishedat"
            | "publishdate"
            | "datepublished"
            | "pubdate"
            | "publicationdate"
            | "articlepublishedtime"
            | "articlepublished"
            | "dcdateissued"
            | "dcissued"
            | "dctermsissued"
            | "issued" => (&mut self.created, 2),
            "modified"
            | "modifiedat"
            | "datemodified"
            | "lastmod"
            | "lastmodified"
            | "lastmodifiedat"
            | "updated"
            | "updatedat"
            | "lastupdated"
            | "dateupdated"
            | "articlemodifiedtime"
            | "articlemodified"
            | "ogupdatedtime"
            | "dctermsmodified"
            | "dcmodified"
            | "dcdatemodified"
            | "revised" => (&mut self.modified, 0),
            _ => return,
        };
        if kept.is_none_or(|(known, _)| rank < known)
            && let Some(time) = OwnTime::read(value, source)
        {
            *kept = Some((rank, time));
        }
    }

    /// Takes note of `name: value` or `name = value`, if a line is one.
    pub(super) fn note_line(&mut self, line: &str) {
        // The value of a time has colons; a name has neither.
        if let Some((name, value)) = line.split_once([':', '=']) {
            self.note(name.trim(), value, TimeSource::FrontMatter);
        }
    }

    /// What was found.
    pub(super) fn times(&self) -> OwnTimes {
        let time = |kept: Option<(u8, OwnTime)>| kept.map(|(_, time)| time);
        OwnTimes { created: time(self.created), modified: time(self.modified) }
    }
}

/// The parts of a date as they were written.
#[derive(Clone, Copy, Debug, Default)]
struct Written {
    year: u16,
    month: Option<u16>,
    day: Option<u16>,
    /// Hour, minute, second, millisecond.
    time: Option<(u16, u16, u16, u16)>,
    offset_seconds: i32,
}

impl Written {
    /// What was meant, if the calendar has it.
    fn own_time(self, source: TimeSource) -> Option<OwnTime> {
        let small = |part: u16| i8::try_from(part).ok();
        let (year, month) = (i16::try_from(self.year).ok()?, small(self.month.unwrap_or(1))?);
        let date = civil::Date::new(year, month, small(self.day.unwrap_or(1))?).ok()?;
        let precision = match (self.month, self.day, self.time) {
            (None, ..) => Precision::Year,
            (_, None, _) => Precision::Month,
            (.., None) => Precision::Day,
            _ => Precision::Moment,
        };
        let (hour, minute, second, ms) = self.time.unwrap_or_default();
        // A leap second is the second before it, as everywhere in Unix time.
        let second = if second == 60 { 59 } else { second };
        let time = civil::Time::new(
            small(hour)?,
            small(minute)?,
            small(second)?,
            i32::from(ms) * 1_000_000,
        );
        let offset = Offset::from_seconds(self.offset_seconds).ok()?;
        let moment = offset.to_timestamp(date.to_datetime(time.ok()?)).ok()?;
        OwnTime { ms: moment.as_millisecond(), precision, source }.if_sound()
    }
}

/// Reads what begins a text.
struct Digits<'a>(&'a str);

impl Digits<'_> {
    /// The number in the first `n` digits; nothing, and no step forward, where there are fewer.
    fn exactly(&mut self, n: usize) -> Option<u16> {
        let digits = self.0.get(..n).filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
        self.0 = &self.0[n..];
        digits.parse().ok()
    }

    /// The number in the first one or two digits.
    fn one_or_two(&mut self) -> Option<u16> {
        self.exactly(2).or_else(|| self.exactly(1))
    }

    fn skip(&mut self, c: char) -> Option<()> {
        self.0 = self.0.strip_prefix(c)?;
        Some(())
    }
}

fn parse(text: &str) -> Option<OwnTime> {
    let text = text.trim();
    // What a comment of YAML or TOML says is not the value's.
    let text = text.split(" #").next().unwrap_or_default().trim_end_matches(',').trim();
    // Quotes of YAML and TOML; the brackets of a time in Org.
    let text = text.trim_matches(['"', '\'']).trim_matches(['<', '>', '[', ']']).trim();
    if text.is_empty() || text.len() > MAX_DATE_BYTES {
        return None;
    }
    let source = TimeSource::File;
    numeric(text).or_else(|| in_words(text))?.own_time(source)
}

/// `2024`, `2024-03`, `2024-03-05`, `2024/3/5`, `20240305`, with a time after `T` or a space.
fn numeric(text: &str) -> Option<Written> {
    let mut rest = Digits(text);
    let year = rest.exactly(4)?;
    let mut written = Written { year, ..Written::default() };
    if rest.0.is_empty() {
        return Some(written);
    }
    if let separator @ ('-' | '/' | '.') = rest.0.chars().next()? {
        rest.skip(separator)?;
        written.month = Some(rest.one_or_two()?);
        if rest.0.is_empty() {
            // `2024.03` is a number.
            return (separator != '.').then_some(written);
        }
        rest.skip(separator)?;
        written.day = Some(rest.one_or_two()?);
    } else {
        written.month = Some(rest.exactly(2)?);
        written.day = Some(rest.exactly(2)?);
    }
    // Org names the day of the week.
    let mut after = rest.0.trim_start();
    if rest.0.starts_with(' ') && after.starts_with(char::is_alphabetic) {
        after = after.trim_start_matches(|c: char| c.is_alphabetic() || c == '.').trim_start();
    }
    let is_joined = rest.0.starts_with(['T', 't']);
    if is_joined {
        after = &rest.0[1..];
    } else if !after.is_empty() && !rest.0.starts_with(' ') {
        return None;
    }
    if after.is_empty() {
        return (!is_joined).then_some(written);
    }
    let mut rest = Digits(after);
    time_of_day(&mut rest, &mut written)?;
    written.offset_seconds = zone_seconds(rest.0)?;
    Some(written)
}

/// `5 March 2024`, `March 5, 2024`, `Tue, 5 Mar 2024 10:15:00 +0100`.
fn in_words(text: &str) -> Option<Written> {
    let mut words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty())
        .collect();
    if words.len() > 3 && is_weekday(words.first()?) {
        words.remove(0);
    }
    let [a, b, year, after @ ..] = words.as_slice() else { return None };
    let (day, month) = match month(b) {
        Some(month) => (a, month),
        None => (b, month(a)?),
    };
    let day = day.trim_end_matches(|c: char| c.is_alphabetic() || c == '.');
    let mut written = Written {
        year: Digits(year).exactly(4).filter(|_| year.len() == 4)?,
        month: Some(month),
        day: Some(day.parse().ok()?),
        ..Written::default()
    };
    if let Some((time, zone)) = after.split_first() {
        let mut rest = Digits(time);
        time_of_day(&mut rest, &mut written)?;
        let zone = format!("{} {}", rest.0, zone.first().unwrap_or(&""));
        written.offset_seconds = zone_seconds(&zone)?;
    }
    Some(written)
}

fn month(word: &str) -> Option<u16> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let word = word.trim_end_matches('.').to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| {
        *month == word || (word.len() >= 3 && word.len() <= 4 && month.starts_with(&word))
    })?;
    Some(at as u16 + 1)
}

fn is_weekday(word: &str) -> bool {
    let word = word.trim_end_matches('.').to_ascii_lowercase();
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        .iter()
        .any(|day| word.len() >= 3 && day.starts_with(&word))
}

/// `10`, `10:15`, `10:15:00`, `10:15:00.123`, `101500`, each perhaps with `am` or `pm`.
fn time_of_day(rest: &mut Digits<'_>, written: &mut Written) -> Option<()> {
    let mut hour = rest.one_or_two()?;
    let (mut minute, mut second, mut ms) = (0, 0, 0);
    let is_divided = rest.skip(':').is_some();
    if is_divided || rest.0.starts_with(|c: char| c.is_ascii_digit()) {
        minute = rest.exactly(2)?;
        let has_seconds = if is_divided {
            rest.skip(':').is_some()
        } else {
            rest.0.starts_with(|c: char| c.is_ascii_digit())
        };
        if has_seconds {
            second = rest.exactly(2)?;
            if rest.skip('.').or_else(|| rest.skip(',')).is_some() {
                let n_digits = rest.0.bytes().take_while(u8::is_ascii_digit).count();
                let thousandths = format!("{:0<3}", &rest.0[..n_digits]);
                ms = thousandths.get(..3)?.parse().ok()?;
                rest.0 = &rest.0[n_digits..];
            }
        }
    }
    let after = rest.0.trim_start();
    let half = after.get(..2).map(str::to_ascii_lowercase);
    if let Some(half @ ("am" | "pm")) = half.as_deref() {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if half == "pm" { 12 } else { 0 };
        rest.0 = &after[2..];
    }
    written.time = Some((hour, minute, second, ms));
    Some(())
}

/// Seconds east of Greenwich; 0 where no zone is given. `None` for a zone that is not known.
fn zone_seconds(zone: &str) -> Option<i32> {
    let zone = zone.trim();
    // `[Europe/Berlin]` says again what the offset before it has said.
    let zone = zone.split('[').next().unwrap_or_default().trim_end();
    if zone.is_empty()
        || ["z", "utc", "gmt", "ut"].iter().any(|name| zone.eq_ignore_ascii_case(name))
    {
        return Some(0);
    }
    let zone =
        zone.get(..3).filter(|name| matches!(*name, "UTC" | "GMT")).map_or(zone, |_| &zone[3..]);
    // The minus sign of typesetters as well.
    let (sign, digits) = match zone.chars().next()? {
        '+' => (1, &zone[1..]),
        '-' => (-1, &zone[1..]),
        '\u{2212}' => (-1, &zone['\u{2212}'.len_utf8()..]),
        _ => return american_zone(zone),
    };
    let mut rest = Digits(digits);
    let hours = rest.one_or_two()?;
    rest.skip(':');
    let minutes = if rest.0.is_empty() { 0 } else { rest.exactly(2)? };
    let is_known = rest.0.is_empty() || rest.0.trim_start().starts_with('(');
    (is_known && hours <= 15 && minutes < 60)
        .then(|| sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60))
}

/// The zones that RFC 2822 names; names that people use elsewhere have several meanings.
fn american_zone(zone: &str) -> Option<i32> {
    let hours = match zone {
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        _ => return None,
    };
    Some(hours * 3600)
}

fn utc() -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::UTC
}
