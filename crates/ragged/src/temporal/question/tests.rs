use jiff::{Timestamp, tz::TimeZone};

use super::{About, Effect, read};
use crate::temporal::expression::{Context, Reading};

/// A Wednesday.
const NOW: &str = "2026-11-25T12:00:00Z";

fn context() -> Context {
    let now: Timestamp = NOW.parse().unwrap();
    Context { now_ms: now.as_millisecond(), zone: TimeZone::UTC, reading: Reading::Question }
}

fn day(ms: i64) -> String {
    Timestamp::from_millisecond(ms)
        .map_or_else(|_| "open".to_owned(), |t| t.strftime("%F").to_string())
}

/// What a question is read as, on one line.
fn shown(question: &str) -> String {
    let Some(time) = read(question, &context()) else { return "none".to_owned() };
    let period = time.period.map_or_else(
        || "?".to_owned(),
        |period| format!("{}..{}", day(period.start_ms), day(period.end_ms)),
    );
    let about = match &time.about {
        About::DocumentTime => "document".to_owned(),
        About::InteractionTime => "interaction".to_owned(),
        About::FactValidity { subject } => format!("fact {subject:?}"),
        About::Recent => "recent".to_owned(),
        About::Old => "old".to_owned(),
    };
    let effect = match time.effect {
        Effect::Filters => "filters",
        Effect::Favours => "favours",
    };
    format!("{about} {effect} {period} | {}", time.remaining)
}

const TIMES: &[(&str, &str)] = &[
    (
        "what did I read about tides last March?",
        "interaction filters 2026-03-01..2026-04-01 | what did I read about tides?",
    ),
    (
        "what did I read about tides last week",
        "interaction filters 2026-11-16..2026-11-23 | what did I read about tides",
    ),
    (
        "what did I ask about rust yesterday",
        "interaction filters 2026-11-24..2026-11-25 | what did I ask about rust",
    ),
    ("my recent work", "recent favours 2026-10-26..2026-11-25 | my work"),
    ("my recent work on caches", "recent favours 2026-10-26..2026-11-25 | my work on caches"),
    (
        "what have I been reading lately",
        "recent favours 2026-10-26..2026-11-25 | what have I been reading",
    ),
    (
        "show me the latest report on tides",
        "recent favours 2026-10-26..2026-11-25 | show me the report on tides",
    ),
    ("my old notes on Haskell", "old favours 0001-01-01..2025-11-25 | my notes on Haskell"),
    (
        "our oldest papers about tides",
        "old favours 0001-01-01..2025-11-25 | our papers about tides",
    ),
    (
        "when I was at Acme what did I think of Java",
        "fact \"Acme\" filters ? | what did I think of Java",
    ),
    (
        "What did I write about Java when I was at Acme?",
        "fact \"Acme\" filters ? | What did I write about Java?",
    ),
    (
        "notes on tides while I worked for Blue Sky Ltd, and storms",
        "fact \"Blue Sky Ltd\" filters ? | notes on tides, and storms",
    ),
    (
        "during my time at Acme-Corp which papers did I read",
        "fact \"Acme-Corp\" filters ? | which papers did I read",
    ),
    ("when we lived in Berlin what was the rent", "fact \"Berlin\" filters ? | what was the rent"),
    ("when I was a student, what did I read", "fact \"student\" filters ? | what did I read"),
    (
        "what did I write in 2021 about graphs",
        "document filters 2021-01-01..2022-01-01 | what did I write about graphs",
    ),
    (
        "In 2021, what was the budget?",
        "document filters 2021-01-01..2022-01-01 | what was the budget?",
    ),
    ("notes from march", "document filters 2026-03-01..2026-04-01 | notes"),
    ("what did I write in may", "document filters 2026-05-01..2026-06-01 | what did I write"),
    ("emails from May 2024", "document filters 2024-05-01..2024-06-01 | emails"),
    ("report of 2024-03-05 on tides", "document filters 2024-03-05..2024-03-06 | report on tides"),
    (
        "what did we decide on monday",
        "document filters 2026-11-23..2026-11-24 | what did we decide",
    ),
    (
        "what did I search for today",
        "interaction filters 2026-11-25..2026-11-26 | what did I search",
    ),
    ("notes from today", "document filters 2026-11-25..2026-11-26 | notes"),
    ("what happened 3 days ago", "document filters 2026-11-22..2026-11-23 | what happened"),
    ("documents from the last 30 days", "document filters 2026-10-26..2026-11-26 | documents"),
    ("files since 2023", "document filters 2023-01-01..open | files"),
    ("papers before 2020", "document filters 0001-01-01..2020-01-01 | papers"),
    ("notes from 2019 to 2021", "document filters 2019-01-01..2022-01-01 | notes"),
    ("notes between march and june", "document filters 2026-03-01..2026-07-01 | notes"),
    ("Q4 2025 report", "document filters 2025-10-01..2026-01-01 | report"),
    ("what did we ship in Q3", "document filters 2026-07-01..2026-10-01 | what did we ship"),
    (
        "what did I look up two weeks ago",
        "interaction filters 2026-11-09..2026-11-16 | what did I look up",
    ),
    ("slides of last summer", "document filters 2026-06-01..2026-09-01 | slides"),
    ("meeting notes this week", "document filters 2026-11-23..2026-11-30 | meeting notes"),
    (
        "last week's notes about tides",
        "document filters 2026-11-16..2026-11-23 | notes about tides",
    ),
    ("what did I write on May 3rd", "document filters 2026-05-03..2026-05-04 | what did I write"),
    (
        "what changed in the contract since January",
        "document favours 2026-01-01..open | what changed in the contract",
    ),
    ("what did I do over the weekend", "document filters 2026-11-21..2026-11-23 | what did I do"),
    (
        "what did I read at christmas",
        "interaction filters 2025-12-25..2025-12-26 | what did I read",
    ),
    ("plans for next year", "document favours 2027-01-01..2028-01-01 | plans"),
    (
        "what did I write in 2019 and what in 2021",
        "document filters 2019-01-01..2022-01-01 | what did I write and what",
    ),
    (
        "have I ever asked about sourdough in March",
        "interaction filters 2026-03-01..2026-04-01 | have I ever asked about sourdough",
    ),
    ("what blooms in may", "document favours 2026-05-01..2026-06-01 | what blooms"),
    ("my notes from yesterday morning", "document filters 2026-11-24..2026-11-24 | my notes"),
    ("budget for the first quarter of 2025", "document filters 2025-01-01..2025-04-01 | budget"),
    (
        "what did I read earlier this year",
        "interaction filters 2026-01-01..2026-11-26 | what did I read",
    ),
    ("tides in the last two years", "document filters 2024-11-25..2026-11-26 | tides"),
    (
        "journal entries from November 2025 to January 2026",
        "document filters 2025-11-01..2026-02-01 | journal entries",
    ),
];

/// Words of time that mean something else.
const TRAPS: &[&str] = &[
    "may I use this library in my project",
    "may we quote from the report",
    "how did the army march through Georgia",
    "the women's march on Versailles",
    "what does the second law of thermodynamics say",
    "what caused the fall of Rome",
    "in the fall of the house of Usher who dies",
    "sunday roast recipe",
    "what is new in version 2020 of the compiler",
    "how do I configure spring boot",
    "dependency injection in spring boot",
    "what did Friday say to Robinson Crusoe",
    "black friday deals",
    "christmas cake recipe",
    "how to learn Rust in 30 days",
    "write an essay in 2000 words",
    "what is the word of the year",
    "employee of the month award",
    "what matters at the end of the day",
    "last minute changes to the contract",
    "the last supper by Leonardo",
    "a split second decision",
    "what is a quarter of a pound in grams",
    "is 3.2.1 the newer version of the parser",
    "add 1/2 cup of sugar",
    "how many people need 10-12 chairs",
    "what happens now",
    "how does a day trader work",
    "winter is coming quote",
    "what did August Strindberg write",
    "June Carter biography",
    "how old is the universe",
    "the old man and the sea summary",
    "next to the window",
    "past participle of to see",
    "when I was young",
    "first day of school checklist",
    "is the sun a star",
    "the battle of 1066",
    "what happened in 1066",
    "port 2021 in the firewall",
    "midnight in Paris cast",
    "what is the current of a river",
    "the day after tomorrow film",
    "this function returns a second value",
    "to date a fossil",
];

#[test]
fn times_in_questions() {
    for (question, expected) in TIMES {
        assert_eq!(shown(question), *expected, "{question}");
    }
    assert!(TIMES.len() + TRAPS.len() >= 60);
}

#[test]
fn what_only_looks_like_a_time_is_left_alone() {
    for question in TRAPS {
        assert_eq!(shown(question), "none", "{question}");
    }
}
