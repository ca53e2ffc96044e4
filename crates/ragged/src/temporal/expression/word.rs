//! The vocabulary: what each word of time means.

use jiff::civil::Weekday;

/// A stretch that people count in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Fortnight,
    Weekend,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
}

/// Which of several: the present one, or one beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    This,
    Next,
    /// The nearest one ahead, where `Next` is that of the next week.
    Coming,
    Last,
    /// The nearest one behind, where `Last` is that of the last week.
    Past,
}

impl Which {
    pub(super) fn offset(self) -> i64 {
        match self {
            Self::This => 0,
            Self::Next | Self::Coming => 1,
            Self::Last | Self::Past => -1,
        }
    }
}

/// A part of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Morning,
    Afternoon,
    Evening,
    Night,
}

impl Part {
    /// Its first hour, and the hour after its last.
    pub(super) fn hours(self) -> (i8, i8) {
        match self {
            Self::Morning => (8, 12),
            Self::Afternoon => (12, 16),
            Self::Evening => (16, 20),
            Self::Night => (20, 24),
        }
    }
}

/// A part of a longer stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Portion {
    Early,
    Mid,
    Late,
    /// `start of`: where a range begins or ends, the first day of it; elsewhere as `Early`.
    Start,
    /// `middle of`, likewise.
    Middle,
    /// `end of`, likewise.
    End,
    /// `earlier in`, and in questions what has passed of it.
    Earlier,
    /// `later in`, and in questions what is still to come of it.
    Later,
}

/// Seasons of the northern half, in whole months.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Season {
    Spring,
    Summer,
    Autumn,
    Winter,
}

impl Season {
    pub(super) fn first_month(self) -> i8 {
        match self {
            Self::Spring => 3,
            Self::Summer => 6,
            Self::Autumn => 9,
            Self::Winter => 12,
        }
    }
}

/// How the day of a holiday follows from its year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holiday {
    Fixed(i8, i8),
    /// The n-th such weekday of a month, or the last for −1.
    Nth(i8, Weekday, i8),
    /// Days after Easter Sunday of the western churches.
    Easter(i64),
    /// Days after Thanksgiving.
    Thanksgiving(i64),
}

/// The most words that the name of a holiday has.
pub(super) const MAX_HOLIDAY_WORDS: usize = 4;

pub(super) fn holiday(name: &str) -> Option<Holiday> {
    use Holiday::{Easter, Fixed, Nth, Thanksgiving};
    use Weekday::{Monday, Sunday, Thursday};
    Some(match name {
        "new year" | "new years" | "new year day" | "new years day" => Fixed(1, 1),
        "new years eve" | "new year eve" => Fixed(12, 31),
        "epiphany" => Fixed(1, 6),
        "martin luther king day" | "mlk day" => Nth(1, Monday, 3),
        "inauguration day" => Fixed(1, 20),
        "groundhog day" => Fixed(2, 2),
        "valentine" | "valentines" | "valentine day" | "valentines day" => Fixed(2, 14),
        "presidents day" | "washingtons birthday" => Nth(2, Monday, 3),
        "saint patrick" | "st patrick" | "saint patricks" | "st patricks" | "saint patrick day"
        | "saint patricks day" | "st patrick day" | "st patricks day" => Fixed(3, 17),
        "april fools" | "april fools day" | "april fool day" => Fixed(4, 1),
        "earth day" => Fixed(4, 22),
        "may day" => Fixed(5, 1),
        "mothers day" => Nth(5, Sunday, 2),
        "memorial day" => Nth(5, Monday, -1),
        "juneteenth" => Fixed(6, 19),
        "fathers day" => Nth(6, Sunday, 3),
        "independence day" => Fixed(7, 4),
        "bastille day" => Fixed(7, 14),
        "labor day" => Nth(9, Monday, 1),
        "columbus day" => Nth(10, Monday, 2),
        "halloween" | "halloween day" => Fixed(10, 31),
        "all saints day" | "all hallows day" => Fixed(11, 1),
        "all souls day" => Fixed(11, 2),
        "guy fawkes day" | "guy fawkes night" | "bonfire night" => Fixed(11, 5),
        "veterans day" | "armistice day" => Fixed(11, 11),
        "thanksgiving" | "thanksgiving day" => Nth(11, Thursday, 4),
        "black friday" => Thanksgiving(1),
        "cyber monday" => Thanksgiving(4),
        "christmas eve" | "xmas eve" => Fixed(12, 24),
        "christmas" | "xmas" | "christmas day" | "xmas day" => Fixed(12, 25),
        "boxing day" | "saint stephens day" | "st stephens day" => Fixed(12, 26),
        "mardi gras" | "shrove tuesday" => Easter(-47),
        "ash wednesday" => Easter(-46),
        "palm sunday" => Easter(-7),
        "maundy thursday" => Easter(-3),
        "good friday" => Easter(-2),
        "easter saturday" | "holy saturday" => Easter(-1),
        "easter" | "easter sunday" | "easter day" => Easter(0),
        "easter monday" => Easter(1),
        "ascension day" => Easter(39),
        "pentecost" | "whit sunday" => Easter(49),
        "whit monday" => Easter(50),
        "corpus christi" => Easter(60),
        _ => return None,
    })
}

pub(super) fn month(word: &str) -> Option<i8> {
    Some(match word {
        "january" | "jan" => 1,
        "february" | "feb" | "febr" => 2,
        "march" | "mar" => 3,
        "april" | "apr" => 4,
        "may" => 5,
        "june" | "jun" => 6,
        "july" | "jul" => 7,
        "august" | "aug" => 8,
        "september" | "sept" | "sep" => 9,
        "october" | "oct" => 10,
        "november" | "nov" => 11,
        "december" | "dec" => 12,
        _ => return None,
    })
}

pub(super) fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "monday" | "mon" => Weekday::Monday,
        "tuesday" | "tue" | "tues" => Weekday::Tuesday,
        "wednesday" | "wed" | "weds" => Weekday::Wednesday,
        "thursday" | "thu" | "thur" | "thurs" => Weekday::Thursday,
        "friday" | "fri" => Weekday::Friday,
        "saturday" | "sat" => Weekday::Saturday,
        "sunday" | "sun" => Weekday::Sunday,
        _ => return None,
    })
}

pub(super) fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "second" | "seconds" | "sec" | "secs" => Unit::Second,
        "minute" | "minutes" | "min" | "mins" => Unit::Minute,
        "hour" | "hours" | "hr" | "hrs" => Unit::Hour,
        "day" | "days" => Unit::Day,
        "week" | "weeks" | "wk" | "wks" => Unit::Week,
        "fortnight" | "fortnights" => Unit::Fortnight,
        "weekend" | "weekends" => Unit::Weekend,
        "month" | "months" => Unit::Month,
        "quarter" | "quarters" => Unit::Quarter,
        "year" | "years" | "yr" | "yrs" => Unit::Year,
        "decade" | "decades" => Unit::Decade,
        "century" | "centuries" => Unit::Century,
        _ => return None,
    })
}

/// Units of one letter or two, which stand right after their number: `30d`.
pub(super) fn short_unit(word: &str) -> Option<Unit> {
    Some(match word {
        "s" => Unit::Second,
        "m" => Unit::Minute,
        "h" => Unit::Hour,
        "d" => Unit::Day,
        "w" => Unit::Week,
        "mo" => Unit::Month,
        "q" => Unit::Quarter,
        "y" => Unit::Year,
        _ => return None,
    })
}

pub(super) fn which(word: &str) -> Option<Which> {
    Some(match word {
        "this" | "current" | "present" | "same" | "that" => Which::This,
        "next" | "following" => Which::Next,
        "coming" | "upcoming" => Which::Coming,
        "last" | "previous" | "prior" => Which::Last,
        "past" => Which::Past,
        _ => return None,
    })
}

pub(super) fn part(word: &str) -> Option<Part> {
    Some(match word {
        "morning" | "mornings" => Part::Morning,
        "afternoon" => Part::Afternoon,
        "evening" => Part::Evening,
        "night" | "tonight" | "overnight" => Part::Night,
        _ => return None,
    })
}

pub(super) fn season(word: &str) -> Option<Season> {
    Some(match word {
        "spring" => Season::Spring,
        "summer" | "summertime" => Season::Summer,
        "autumn" | "fall" => Season::Autumn,
        "winter" | "wintertime" => Season::Winter,
        _ => return None,
    })
}

pub(super) fn portion(word: &str) -> Option<Portion> {
    Some(match word {
        "early" => Portion::Early,
        "earlier" => Portion::Earlier,
        "mid" => Portion::Mid,
        "late" => Portion::Late,
        "later" => Portion::Later,
        "start" | "beginning" => Portion::Start,
        "middle" => Portion::Middle,
        "end" => Portion::End,
        _ => return None,
    })
}

/// The first year of a decade in words, without its century: `nineties`.
pub(super) fn decade(word: &str) -> Option<i64> {
    Some(match word {
        "twenties" => 20,
        "thirties" => 30,
        "forties" => 40,
        "fifties" => 50,
        "sixties" => 60,
        "seventies" => 70,
        "eighties" => 80,
        "nineties" => 90,
        _ => return None,
    })
}

/// The first year of `the 90s` and `the twenties`: of this century up to the twenties.
pub(super) fn first_of_decade(decade: i64) -> i64 {
    decade + if decade < 30 { 2000 } else { 1900 }
}

/// The value of one number word, and whether it is an ordinal.
pub(super) fn number(word: &str) -> Option<(i64, bool)> {
    const CARDINALS: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] =
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    const ORDINALS: [&str; 20] = [
        "zeroth",
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
    ];
    const ORDINAL_TENS: [&str; 2] = ["twentieth", "thirtieth"];
    let at = |words: &[&str]| {
        words.iter().position(|known| *known == word).and_then(|at| i64::try_from(at).ok())
    };
    at(&CARDINALS)
        .map(|value| (value, false))
        .or_else(|| at(&TENS).map(|tens| (tens * 10 + 20, false)))
        .or_else(|| at(&ORDINALS).map(|value| (value, true)))
        .or_else(|| at(&ORDINAL_TENS).map(|tens| (tens * 10 + 20, true)))
}

/// Words that a hyphen joins to what they lead: `this-week`, `mid-2018`, `year-to-date`.
pub(super) fn leads(word: &str) -> bool {
    which(word).is_some()
        || portion(word).is_some()
        || matches!(word, "year" | "month" | "week" | "quarter" | "to")
}

/// Words that join others and mean no time themselves.
const JOINTS: &[&str] = &[
    "a",
    "after",
    "ago",
    "am",
    "an",
    "and",
    "at",
    "back",
    "before",
    "beginning",
    "between",
    "by",
    "calendar",
    "couple",
    "current",
    "currently",
    "cy",
    "date",
    "during",
    "earlier",
    "eod",
    "eom",
    "eow",
    "eoy",
    "first",
    "following",
    "for",
    "from",
    "half",
    "hence",
    "hundred",
    "in",
    "later",
    "less",
    "midday",
    "midnight",
    "moment",
    "month",
    "more",
    "mtd",
    "noon",
    "now",
    "number",
    "oclock",
    "of",
    "on",
    "onward",
    "onwards",
    "over",
    "past",
    "pm",
    "present",
    "prior",
    "qtd",
    "remainder",
    "remaining",
    "rest",
    "right",
    "same",
    "since",
    "so",
    "far",
    "starting",
    "than",
    "that",
    "the",
    "thousand",
    "through",
    "throughout",
    "thru",
    "till",
    "time",
    "to",
    "today",
    "tomorrow",
    "until",
    "up",
    "week",
    "within",
    "yesterday",
    "ytd",
];

/// Words of time, for suggestions: a mistyped word is compared with each.
const NAMES: &[&str] = &[
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
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "second",
    "seconds",
    "minute",
    "minutes",
    "hour",
    "hours",
    "day",
    "days",
    "week",
    "weeks",
    "fortnight",
    "weekend",
    "month",
    "months",
    "quarter",
    "quarters",
    "year",
    "years",
    "decade",
    "decades",
    "century",
    "centuries",
    "this",
    "next",
    "coming",
    "upcoming",
    "last",
    "previous",
    "past",
    "morning",
    "afternoon",
    "evening",
    "night",
    "tonight",
    "spring",
    "summer",
    "autumn",
    "fall",
    "winter",
    "early",
    "mid",
    "late",
    "start",
    "middle",
    "end",
    "nineties",
    "eighties",
    "seventies",
    "sixties",
    "fifties",
    "forties",
    "thirties",
    "twenties",
    "christmas",
    "easter",
    "halloween",
    "thanksgiving",
];

/// Whether a word can be part of an expression at all.
pub(in crate::temporal) fn is_known(word: &str) -> bool {
    JOINTS.contains(&word)
        || NAMES.contains(&word)
        || month(word).is_some()
        || weekday(word).is_some()
        || unit(word).is_some()
        || short_unit(word).is_some()
        || number(word).is_some()
        || which(word).is_some()
        || part(word).is_some()
        || season(word).is_some()
        || portion(word).is_some()
        || decade(word).is_some()
}

pub(in crate::temporal) fn is_month(name: &str) -> bool {
    month(name).is_some()
}

pub(in crate::temporal) fn is_weekday(name: &str) -> bool {
    weekday(name).is_some()
}

pub(in crate::temporal) fn is_season(name: &str) -> bool {
    season(name).is_some()
}

pub(in crate::temporal) fn is_decade(name: &str) -> bool {
    decade(name).is_some()
}

pub(in crate::temporal) fn is_unit(name: &str) -> bool {
    unit(name).is_some()
}

/// Whether a name of a holiday has this word, or is it.
pub(in crate::temporal) fn is_part_of_holiday(name: &str) -> bool {
    const PARTS: &[&str] = &[
        "new",
        "years",
        "eve",
        "martin",
        "luther",
        "king",
        "mlk",
        "valentine",
        "valentines",
        "presidents",
        "saint",
        "st",
        "patrick",
        "patricks",
        "fools",
        "earth",
        "mothers",
        "memorial",
        "fathers",
        "independence",
        "bastille",
        "labor",
        "columbus",
        "saints",
        "souls",
        "veterans",
        "armistice",
        "black",
        "cyber",
        "boxing",
        "good",
        "palm",
        "ash",
    ];
    PARTS.contains(&name) || holiday(name).is_some()
}

/// Whether the words begin with the name of a holiday.
pub(in crate::temporal) fn starts_with_holiday(t: &[super::token::Token]) -> bool {
    (0..t.len().min(2)).any(|i| super::draft::holiday(t, i).is_some())
}

/// The known word that a mistyped one is most like, if any is like it.
pub(super) fn nearest(typed: &str) -> Option<&'static str> {
    NAMES
        .iter()
        .chain(JOINTS)
        .map(|known| (strsim::damerau_levenshtein(typed, known), *known))
        .filter(|(distance, known)| *distance <= 2 && *distance * 3 <= known.chars().count().max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}
