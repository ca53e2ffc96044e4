use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use proptest::prelude::*;

use super::*;

fn context(now: &str, zone: &TimeZone, reading: Reading) -> Context {
    let now = now.parse::<DateTime>().unwrap().to_zoned(zone.clone()).unwrap();
    Context { now_ms: now.timestamp().as_millisecond(), zone: zone.clone(), reading }
}

/// A period as the clocks of its zone show it, midnight left out.
fn shown(text: &str, context: &Context) -> String {
    let point = |ms: i64| {
        if ms == Period::EARLIEST_MS || ms == Period::LATEST_MS {
            return "…".to_owned();
        }
        let time = Timestamp::from_millisecond(ms).unwrap().to_zoned(context.zone.clone());
        time.strftime("%F %T").to_string().trim_end_matches(" 00:00:00").to_owned()
    };
    match parse(text, context) {
        Ok(period) => {
            format!(
                "{} .. {} {}",
                point(period.start_ms),
                point(period.end_ms),
                period.kind.as_str()
            )
        }
        Err(error) => format!("{error:#}"),
    }
}

/// Half past noon of a Monday.
const NOW: &str = "2016-11-07T12:30:00";

const WRITTEN: &[(&str, &str)] = &[
    ("last week", "2016-10-31 .. 2016-11-07 daterange"),
    ("this-week", "2016-11-07 .. 2016-11-14 daterange"),
    ("last-month", "2016-10-01 .. 2016-11-01 daterange"),
    ("Q4-2025", "2025-10-01 .. 2026-01-01 daterange"),
    ("Q4 2025", "2025-10-01 .. 2026-01-01 daterange"),
    ("2026-01", "2026-01-01 .. 2026-02-01 daterange"),
    ("-30d", "2016-10-08 12:30:00 .. 2016-10-08 12:30:01 datetime"),
    ("-1h", "2016-11-07 11:30:00 .. 2016-11-07 11:30:01 datetime"),
    ("7d", "2016-10-31 12:30:00 .. 2016-11-07 12:30:00 datetimerange"),
    ("5y", "2011-11-07 12:30:00 .. 2016-11-07 12:30:00 datetimerange"),
    ("2 weeks from now", "2016-11-21 .. 2016-11-22 date"),
    ("3 days ago", "2016-11-04 .. 2016-11-05 date"),
    ("3 hours ago", "2016-11-07 09:30:00 .. 2016-11-07 09:30:01 datetime"),
    ("this morning", "2016-11-07 .. 2016-11-07 12:00:00 datetimerange"),
    ("tomorrow morning", "2016-11-08 08:00:00 .. 2016-11-08 12:00:00 datetimerange"),
    ("January", "2017-01-01 .. 2017-02-01 daterange"),
    ("March 2025", "2025-03-01 .. 2025-04-01 daterange"),
    ("2025", "2025-01-01 .. 2026-01-01 daterange"),
    ("next year", "2017-01-01 .. 2018-01-01 daterange"),
    ("now", "2016-11-07 12:30:00 .. 2016-11-07 12:30:01 datetime"),
    ("monday", "2016-11-07 .. 2016-11-08 date"),
    ("on monday", "2016-11-07 .. 2016-11-08 date"),
    ("last monday", "2016-10-31 .. 2016-11-01 date"),
    ("this weekend", "2016-11-12 .. 2016-11-14 daterange"),
    ("last weekend", "2016-11-05 .. 2016-11-07 daterange"),
    ("next two weeks", "2016-11-08 .. 2016-11-22 daterange"),
    ("past 3 months", "2016-08-07 .. 2016-11-07 daterange"),
    ("last 24 hours", "2016-11-06 12:30:00 .. 2016-11-07 12:30:00 datetimerange"),
    ("the last couple of weeks", "2016-10-24 .. 2016-11-07 daterange"),
    ("since 2015", "2015-01-01 .. … daterange"),
    ("before last week", "… .. 2016-10-31 daterange"),
    ("until may", "… .. 2017-05-01 daterange"),
    ("from monday on", "2016-11-07 .. … daterange"),
    ("the 90s", "1990-01-01 .. 2000-01-01 daterange"),
    ("the nineteen nineties", "1990-01-01 .. 2000-01-01 daterange"),
    ("1990s", "1990-01-01 .. 2000-01-01 daterange"),
    ("early 1990s", "1990-01-01 .. 1995-01-01 daterange"),
    ("nineteenth century", "1800-01-01 .. 1900-01-01 daterange"),
    ("last decade", "2000-01-01 .. 2010-01-01 daterange"),
    ("summer 2018", "2018-06-01 .. 2018-09-01 daterange"),
    ("last summer", "2016-06-01 .. 2016-09-01 daterange"),
    ("this winter", "2016-12-01 .. 2017-03-01 daterange"),
    ("the first half of 2019", "2019-01-01 .. 2019-07-01 daterange"),
    ("second quarter of last year", "2015-04-01 .. 2015-07-01 daterange"),
    ("h1 2020", "2020-01-01 .. 2020-07-01 daterange"),
    ("third week of march", "2017-03-13 .. 2017-03-20 daterange"),
    ("the second sunday in may", "2017-05-14 .. 2017-05-15 date"),
    ("last friday of november 2021", "2021-11-26 .. 2021-11-27 date"),
    ("the day after tomorrow", "2016-11-09 .. 2016-11-10 date"),
    ("week before last", "2016-10-24 .. 2016-10-31 daterange"),
    ("half past seven", "2016-11-07 07:30:00 .. 2016-11-07 07:31:00 datetime"),
    ("quarter to five pm", "2016-11-07 16:45:00 .. 2016-11-07 16:46:00 datetime"),
    ("at 7 in the morning", "2016-11-07 07:00:00 .. 2016-11-07 07:01:00 datetime"),
    ("tomorrow at noon", "2016-11-08 12:00:00 .. 2016-11-08 12:01:00 datetime"),
    ("8 o'clock tonight", "2016-11-07 20:00:00 .. 2016-11-07 20:01:00 datetime"),
    ("noon", "2016-11-07 12:00:00 .. 2016-11-07 12:01:00 datetime"),
    ("from 9 to 5 tomorrow", "2016-11-08 09:00:00 .. 2016-11-08 17:00:00 datetimerange"),
    ("9am to 5pm on monday", "2016-11-07 09:00:00 .. 2016-11-07 17:00:00 datetimerange"),
    ("monday to friday", "2016-11-07 .. 2016-11-11 daterange"),
    ("from monday to friday next week", "2016-11-14 .. 2016-11-18 daterange"),
    ("may 3 to 5", "2017-05-03 .. 2017-05-05 daterange"),
    ("3rd to 5th of june", "2017-06-03 .. 2017-06-05 daterange"),
    ("june 3 - july 8, 2019", "2019-06-03 .. 2019-07-08 daterange"),
    ("year to date", "2016-01-01 .. 2016-11-07 daterange"),
    ("rest of the month", "2016-11-07 .. 2016-12-01 daterange"),
    ("the rest of this year", "2016-11-07 .. 2017-01-01 daterange"),
    ("end of last month", "2016-10-16 .. 2016-11-01 daterange"),
    ("beginning of 2019", "2019-01-01 .. 2019-05-01 daterange"),
    ("mid-may", "2017-05-10 .. 2017-05-21 daterange"),
    ("mid september 2018", "2018-09-10 .. 2018-09-21 daterange"),
    ("late august", "2017-08-16 .. 2017-09-01 daterange"),
    ("early next year", "2017-01-01 .. 2017-07-01 daterange"),
    ("the week of may 5th", "2017-05-01 .. 2017-05-08 daterange"),
    ("week of 2020-05-05", "2020-05-04 .. 2020-05-11 daterange"),
    ("twenty twenty one", "2021-01-01 .. 2022-01-01 daterange"),
    ("nineteen ninety nine", "1999-01-01 .. 2000-01-01 daterange"),
    ("december twenty fifth", "2016-12-25 .. 2016-12-26 date"),
    ("two and a half years ago", "2014-05-07 .. 2014-05-08 date"),
    ("an hour and a half ago", "2016-11-07 11:00:00 .. 2016-11-07 11:00:01 datetime"),
    ("6 weeks before christmas", "2016-11-13 .. 2016-11-14 date"),
    ("a week from friday", "2016-11-18 .. 2016-11-19 date"),
    ("a week ago monday", "2016-10-31 .. 2016-11-01 date"),
    ("two days ago at 5pm", "2016-11-05 17:00:00 .. 2016-11-05 17:01:00 datetime"),
    ("yesterday at 3:30 pm", "2016-11-06 15:30:00 .. 2016-11-06 15:31:00 datetime"),
    ("thanksgiving 2021", "2021-11-25 .. 2021-11-26 date"),
    ("black friday", "2016-11-25 .. 2016-11-26 date"),
    ("mother's day 2022", "2022-05-08 .. 2022-05-09 date"),
    ("good friday 2019", "2019-04-19 .. 2019-04-20 date"),
    ("new year's eve", "2016-12-31 .. 2017-01-01 date"),
    ("2016-11-07T10:00:00Z", "2016-11-07 10:00:00 .. 2016-11-07 10:01:00 datetime"),
    ("2016-11-07 10:00", "2016-11-07 10:00:00 .. 2016-11-07 10:01:00 datetime"),
    ("12/25/2020 5:30pm", "2020-12-25 17:30:00 .. 2020-12-25 17:31:00 datetime"),
    ("25 dec 2020 at 17:30:10", "2020-12-25 17:30:10 .. 2020-12-25 17:30:11 datetime"),
    ("2018-w05", "2018-01-29 .. 2018-02-05 daterange"),
    ("last 2 weeks", "2016-10-24 .. 2016-11-07 daterange"),
    ("the past year", "2015-01-01 .. 2016-01-01 daterange"),
    ("past week", "2016-10-31 .. 2016-11-07 daterange"),
    ("this past week", "2016-10-31 .. 2016-11-07 daterange"),
    ("within a week", "2016-11-08 .. 2016-11-15 daterange"),
    ("in the next 10 years", "2016-11-08 .. 2026-11-08 daterange"),
    ("in two weeks' time", "2016-11-21 .. 2016-11-22 date"),
    ("in 2 hours", "2016-11-07 14:30:00 .. 2016-11-07 14:30:01 datetime"),
    ("may the fourth", "2017-05-04 .. 2017-05-05 date"),
    ("the 15th", "2016-11-15 .. 2016-11-16 date"),
    ("the 15th of may", "2017-05-15 .. 2017-05-16 date"),
    ("2nd of may", "2017-05-02 .. 2017-05-03 date"),
    ("may 2nd, 2018 at 9", "2018-05-02 09:00:00 .. 2018-05-02 09:01:00 datetime"),
    ("fall 2019", "2019-09-01 .. 2019-12-01 daterange"),
    ("year 476", "0476-01-01 .. 0477-01-01 daterange"),
    ("between 3 and 5 pm", "2016-11-07 15:00:00 .. 2016-11-07 17:00:00 datetimerange"),
    ("5 to 8 pm", "2016-11-07 17:00:00 .. 2016-11-07 20:00:00 datetimerange"),
    ("monday morning", "2016-11-07 08:00:00 .. 2016-11-07 12:00:00 datetimerange"),
    ("early morning", "2016-11-07 08:00:00 .. 2016-11-07 10:00:00 datetimerange"),
    ("last night", "2016-11-06 20:00:00 .. 2016-11-07 datetimerange"),
    ("second of may", "2017-05-02 .. 2017-05-03 date"),
    ("sunday afternoon", "2016-11-13 12:00:00 .. 2016-11-13 16:00:00 datetimerange"),
    ("3 weeks after christmas", "2017-01-15 .. 2017-01-16 date"),
    ("this month so far", "2016-11-01 .. 2016-11-07 daterange"),
    ("month to date", "2016-11-01 .. 2016-11-07 daterange"),
    ("one hundred years ago", "1916-11-07 .. 1916-11-08 date"),
    ("a decade ago", "2006-11-07 .. 2006-11-08 date"),
    ("the eighties", "1980-01-01 .. 1990-01-01 daterange"),
    ("friday the 13th", "2017-01-13 .. 2017-01-14 date"),
    ("16. Nov. 2016", "2016-11-16 .. 2016-11-17 date"),
    ("nov 16th", "2016-11-16 .. 2016-11-17 date"),
    ("dec 1st-5th", "2016-12-01 .. 2016-12-05 daterange"),
    ("from the 3rd to the 5th of june", "2017-06-03 .. 2017-06-05 daterange"),
    ("10 seconds ago", "2016-11-07 12:29:50 .. 2016-11-07 12:29:51 datetime"),
    ("9999", "9999-01-01 .. … daterange"),
    ("0001-01-01", "… .. 0001-01-02 date"),
    ("30s", "1930-01-01 .. 1940-01-01 daterange"),
];

const IN_QUESTIONS: &[(&str, &str)] = &[
    ("last march", "2016-03-01 .. 2016-04-01 daterange"),
    ("march", "2016-03-01 .. 2016-04-01 daterange"),
    ("in may", "2016-05-01 .. 2016-06-01 daterange"),
    ("november", "2016-11-01 .. 2016-12-01 daterange"),
    ("last november", "2015-11-01 .. 2015-12-01 daterange"),
    ("december", "2015-12-01 .. 2016-01-01 daterange"),
    ("on monday", "2016-11-07 .. 2016-11-08 date"),
    ("last monday", "2016-10-31 .. 2016-11-01 date"),
    ("friday", "2016-11-04 .. 2016-11-05 date"),
    ("between 2007 and 2009", "2007-01-01 .. 2010-01-01 daterange"),
    ("from march to may", "2016-03-01 .. 2016-06-01 daterange"),
    ("from november to february", "2016-11-01 .. 2017-03-01 daterange"),
    ("last 7 days", "2016-11-02 .. 2016-11-10 daterange"),
    ("the past year", "2015-11-09 .. 2016-11-10 daterange"),
    ("two weeks ago", "2016-10-24 .. 2016-10-31 daterange"),
    ("3 days ago", "2016-11-06 .. 2016-11-07 date"),
    ("2 years ago", "2014-01-01 .. 2015-01-01 daterange"),
    ("january 5", "2016-01-05 .. 2016-01-06 date"),
    ("christmas", "2015-12-25 .. 2015-12-26 date"),
    ("last christmas", "2015-12-25 .. 2015-12-26 date"),
    ("last summer", "2016-06-01 .. 2016-09-01 daterange"),
    ("this summer", "2016-06-01 .. 2016-09-01 daterange"),
    ("the weekend", "2016-11-05 .. 2016-11-07 daterange"),
    ("the 15th", "2016-10-15 .. 2016-10-16 date"),
    ("Q4", "2016-10-01 .. 2017-01-01 daterange"),
    ("earlier this week", "2016-11-07 .. 2016-11-10 daterange"),
    ("this year", "2016-01-01 .. 2017-01-01 daterange"),
    ("since monday", "2016-11-07 .. … daterange"),
    ("from monday to friday", "2016-11-07 .. 2016-11-12 daterange"),
    ("between jan and now", "2016-01-01 .. 2016-11-10 daterange"),
    ("before march", "… .. 2016-03-01 daterange"),
    ("the past month", "2016-10-09 .. 2016-11-10 daterange"),
    ("tuesday the 11th", "2016-10-11 .. 2016-10-12 date"),
];

#[test]
fn what_is_written_is_read() {
    let context = context(NOW, &TimeZone::UTC, Reading::Written);
    for (text, expected) in WRITTEN {
        assert_eq!(shown(text, &context), *expected, "{text}");
    }
}

#[test]
fn questions_look_back_and_take_ranges_whole() {
    let context = context("2016-11-09T12:30:00", &TimeZone::UTC, Reading::Question);
    for (text, expected) in IN_QUESTIONS {
        assert_eq!(shown(text, &context), *expected, "{text}");
    }
}

#[test]
fn what_is_not_understood_says_what_would_be() {
    let context = context(NOW, &TimeZone::UTC, Reading::Written);
    for (text, message, hint) in [
        ("last tuseday", "\"tuseday\" is not a word of time", "did you mean \"last tuesday\"?"),
        ("foo bar", "\"foo\" is not a word of time", "yesterday, last week"),
        ("", "nothing is written", "yesterday, last week"),
        ("20", "is not a time that is understood", "2026-01-31"),
        ("from 2020 to 2010", "it ends before it begins", "between 2020 and 2024"),
        ("30th february 2019", "no day 30 of month 2", "write"),
        ("2021-02-29", "no day 29 of month 2", "write"),
        ("2026-13", "is not a time", "write"),
        ("2026-13-01", "no day 1 of month 13", "write"),
        ("week 53 of 2018", "2018 has no week 53", "last week"),
        ("Q5 2020", "a year has four quarters", "Q4 2025"),
        ("a few days ago", "is not a word of time", "3 days ago"),
        ("3.2.1", "is not a time", "yesterday"),
        ("last week of", "is not a time", "\"last week\" alone is understood"),
        ("monday tuesday", "is not a time", "alone is understood"),
    ] {
        let error = parse(text, &context).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let (said, hinted) = (format!("{error:#}"), error.hint().unwrap_or_default());
        assert!(said.contains(message), "{text}: {said}");
        assert!(hinted.contains(hint) || hint == "write", "{text}: {hinted}");
    }
}

#[test]
fn clocks_that_change_do_not_confuse() {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let utc = |ms: i64| Timestamp::from_millisecond(ms).unwrap().to_string();
    let read = |now: &str, text: &str| {
        let period = parse(text, &context(now, &berlin, Reading::Written)).unwrap();
        (utc(period.start_ms), utc(period.end_ms))
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    // The day that clocks go forward has 23 hours, the one that they go back 25.
    let now = "2026-03-29T12:00:00";
    assert_eq!(read(now, "today"), pair("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"));
    assert_eq!(
        read("2026-10-25T12:00:00", "today"),
        pair("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")
    );
    // An hour that the clocks left out is the one after; one that they repeat is the first.
    assert_eq!(read(now, "today at 2:30 am"), pair("2026-03-29T01:30:00Z", "2026-03-29T01:31:00Z"));
    assert_eq!(
        read("2026-10-25T12:00:00", "2:30am today"),
        pair("2026-10-25T00:30:00Z", "2026-10-25T00:31:00Z")
    );
    // Hours are counted as they pass, days by the calendar.
    assert_eq!(read(now, "12 hours ago").0, "2026-03-28T22:00:00Z");
    assert_eq!(read(now, "-24h").0, "2026-03-28T10:00:00Z");
    assert_eq!(read(now, "-1d").0, "2026-03-28T11:00:00Z");
    // A zone that skipped a whole day when it moved across the date line.
    let apia = TimeZone::get("Pacific/Apia").unwrap();
    let context = context("2011-12-31T12:00:00", &apia, Reading::Written);
    assert!(parse("yesterday", &context).is_err(), "30 December 2011 did not happen there");
    assert_eq!(shown("2 days ago", &context), "2011-12-29 .. 2011-12-31 date");
}

/// The labelled set; `RAGGED_TEST_DATA` names the folder that holds it.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "where the labelled set lies is not in the repository"
)]
fn labelled_expressions() {
    let Some(folder) = std::env::var_os("RAGGED_TEST_DATA") else {
        println!("skipped: RAGGED_TEST_DATA is not set");
        return;
    };
    let path = std::path::Path::new(&folder).join("time-expressions/english.jsonl");
    let Ok(lines) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is absent", path.display());
        return;
    };
    let ms = |text: &str| {
        let time = text.parse::<DateTime>().unwrap().to_zoned(TimeZone::UTC).unwrap();
        time.timestamp().as_millisecond()
    };
    let (mut n, mut n_right) = (0, 0);
    for line in lines.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| case[name].as_str().unwrap_or_default();
        let (text, kind) = (field("text"), field("type"));
        let context = context(field("now"), &TimeZone::UTC, Reading::Written);
        let is_right = match (parse(text, &context), field("start").parse::<DateTime>()) {
            // A day that no calendar has.
            (found, Err(_)) => found.is_err(),
            (Err(_), Ok(_)) => false,
            // Of a date or a moment only the start is labelled, of ranges both ends, half-open.
            (Ok(period), Ok(_)) => {
                period.start_ms == ms(field("start"))
                    && (!kind.ends_with("range") || period.end_ms == ms(field("end")))
            }
        };
        n += 1;
        n_right += usize::from(is_right);
        if !is_right {
            println!("{}: {text} → {}", field("now"), shown(text, &context));
        }
    }
    println!("{n_right} of {n} expressions as labelled");
    assert!(n_right * 100 >= n * 85, "{n_right} of {n}");
}

/// Words that expressions are made of, and some that they are not.
const WORDS: &[&str] = &[
    "last",
    "next",
    "this",
    "past",
    "week",
    "weeks",
    "month",
    "year",
    "quarter",
    "decade",
    "day",
    "days",
    "monday",
    "friday",
    "may",
    "march",
    "december",
    "2020",
    "29",
    "31",
    "3rd",
    "first",
    "twenty",
    "two",
    "thousand",
    "hundred",
    "and",
    "of",
    "the",
    "in",
    "on",
    "at",
    "from",
    "to",
    "between",
    "until",
    "since",
    "before",
    "after",
    "ago",
    "later",
    "end",
    "middle",
    "early",
    "mid",
    "half",
    "past",
    "pm",
    "am",
    "7",
    "7:30",
    "30d",
    "-",
    "/",
    ".",
    ",",
    ":",
    "~",
    "@",
    "+",
    "q4",
    "h1",
    "w53",
    "9999",
    "0001",
    "12/31/9999",
    "easter",
    "christmas",
    "weekend",
    "night",
    "tonight",
    "today",
    "tomorrow",
    "now",
    "date",
    "rest",
    "couple",
    "century",
    "90s",
    "999999999",
    "within",
    "summer",
    "for",
    "starting",
    "a",
    "an",
    "hour",
    "seconds",
    "less",
    "than",
    "cheese",
];

fn readings() -> impl Strategy<Value = Reading> {
    prop_oneof![Just(Reading::Written), Just(Reading::Question)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_in_any_order_never_panic(
        words in prop::collection::vec(prop::sample::select(WORDS), 0..12),
        glue in prop::sample::select(&["", " ", "-"][..]),
        now_s in -62_135_596_800_i64..253_402_300_000,
        reading in readings(),
    ) {
        let zone = TimeZone::get("America/St_Johns").unwrap_or(TimeZone::UTC);
        let context = Context { now_ms: now_s * 1000, zone, reading };
        for text in [words.join(glue), words.join(" ")] {
            if let Ok(period) = parse(&text, &context) {
                prop_assert!(period.start_ms < period.end_ms, "{}", text);
                prop_assert!(period.start_ms >= Period::EARLIEST_MS - 86_400_000, "{}", text);
                prop_assert!(period.end_ms <= Period::LATEST_MS + 86_400_000, "{}", text);
            }
            crate::temporal::question::read(&text, &context);
        }
    }

    #[test]
    fn any_text_never_panics(text in any::<String>(), reading in readings()) {
        let context = Context { now_ms: 0, zone: TimeZone::UTC, reading };
        prop_assert!(parse(&text, &context).map_or(true, |period| period.start_ms < period.end_ms));
        crate::temporal::question::read(&text, &context);
    }

    #[test]
    fn every_day_is_read_in_every_form(
        year in 1_i16..=9999,
        of_year in 1_i16..=366,
        now_s in -62_000_000_000_i64..253_000_000_000,
    ) {
        let Ok(first) = jiff::civil::Date::new(year, 1, 1) else { return Ok(()) };
        let Ok(day) = first.checked_add(Span::new().days(of_year - 1)) else { return Ok(()) };
        let context = Context { now_ms: now_s * 1000, zone: TimeZone::UTC, reading: Reading::Written };
        let expected = (calendar::days_between(jiff::civil::Date::constant(1970, 1, 1), day) * 86_400_000, Kind::Date);
        for form in ["%Y-%m-%d", "%Y/%m/%d", "%B %d, %Y", "%d %b %Y", "%m/%d/%Y", "%Y%m%d", "the %d of %B %Y"] {
            let text = day.strftime(form).to_string();
            let period = parse(&text, &context).map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
            prop_assert_eq!((period.start_ms, period.kind), expected, "{}", text);
            prop_assert_eq!(period.end_ms - period.start_ms, 86_400_000);
        }
    }
}
