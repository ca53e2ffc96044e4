//! One function for each command: settings in, output out, no argument parsing.

mod add;
mod backend;
mod batch;
mod benchmark;
mod cache;
mod chat;
mod check;
mod collection;
mod config;
mod doctor;
mod eval;
mod init;
mod list;
mod memory;
mod metrics;
mod model;
pub(crate) mod parse_worker;
mod persona;
mod profile;
mod query;
mod reference;
mod search;
mod show;
mod status;
mod time;
mod tune;
mod watch;

use anyhow::Result;
use jiff::tz::TimeZone;

use super::{Session, args::Command};
use crate::failure::Outcome;

/// Runs a command.
pub(crate) fn run(command: Command, session: &Session) -> Result<Outcome> {
    match command {
        Command::Init => init::run(session),
        Command::Add(args) => add::run(&args, session),
        Command::Remove(args) => add::remove(&args, session),
        Command::List(args) => list::run(&args, session),
        Command::Show(args) => show::run(&args, session),
        Command::Search(args) => search::run(&args, session),
        Command::Query(args) => query::run(&args, session),
        Command::Chat(args) => chat::run(&args, session),
        Command::Watch(args) => watch::run(&args, session),
        Command::Try(args) => query::run_try(&args, session),
        Command::Eval(args) => eval::run(&args, session),
        Command::Status => status::run(session),
        Command::Doctor => doctor::run(session),
        Command::Check(args) => check::run(&args, session),
        Command::Compact => check::compact(session),
        Command::Reindex => check::reindex(session),
        Command::Collection { command } => collection::run(command, session),
        Command::Model { command } => model::run(command, session),
        Command::Time(args) => time::run(&args, session),
        Command::Tune { command } => tune::run(command, session),
        Command::Benchmark { command } => benchmark::run(command, session),
        Command::Backend { command } => backend::run(command, session),
        Command::Profile { command } => profile::run(command, session),
        Command::Metrics => metrics::run(session),
        Command::Cache { command } => cache::run(&command, session),
        Command::Persona { command } => persona::run(command, session),
        Command::Memory(args) => memory::run(args, session),
        Command::Config { command } => config::run(command, session),
        Command::Completions { shell } => reference::completions(shell, session),
        Command::Man { dir } => reference::man(dir.as_deref(), session),
        Command::Reference { dir, check } => reference::run(&dir, check, session),
        Command::ParseWorker => Ok(Outcome::Done),
    }
}

/// Digits of an id of memory that are shown.
const ID_DIGITS: usize = 8;

/// The first digits of an id of memory: enough to name it by.
pub(crate) fn short_id(id: &str) -> &str {
    id.get(..ID_DIGITS).unwrap_or(id)
}

/// The words of a question as one string.
fn joined(words: &[String]) -> String {
    words.join(" ")
}

/// The words of a question, which must have one.
fn question(words: &[String]) -> Result<String, crate::Usage> {
    let text = joined(words);
    if text.chars().any(char::is_alphanumeric) {
        return Ok(text);
    }
    Err(crate::Usage::new(format!("{text:?} has no words to look for"))
        .with_hint("ask in words, such as `ragged query \"when does the lease end?\"`"))
}

/// Milliseconds of Unix time for people and programs: `2026-11-23T10:15:00Z`.
pub(crate) fn time_of_ms(ms: i64) -> String {
    let time = crate::wire::within_calendar(ms);
    time.round(whole_seconds()).unwrap_or(time).to_string()
}

/// A moment for people, in a zone: `2026-11-23T11:15:00+01:00`, with `Z` where that is UTC.
pub(crate) fn time_in(ms: i64, zone: &TimeZone) -> String {
    let zoned = crate::wire::within_calendar(ms).to_zoned(zone.clone());
    if zoned.offset().is_zero() {
        return time_of_ms(ms);
    }
    zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The day of a moment in a zone, or the moment where the day does not begin with it.
pub(crate) fn day_in(ms: i64, zone: &TimeZone) -> String {
    let zoned = crate::wire::within_calendar(ms).to_zoned(zone.clone());
    match zoned.start_of_day() {
        Ok(start) if start.timestamp() == zoned.timestamp() => zoned.date().to_string(),
        _ => time_in(ms, zone),
    }
}

/// The second that a moment lies in.
fn whole_seconds() -> jiff::TimestampRound {
    jiff::TimestampRound::new().smallest(jiff::Unit::Second).mode(jiff::RoundMode::Floor)
}

/// Nanoseconds of Unix time for people and programs.
fn time_of_ns(ns: i64) -> String {
    time_of_ms(ns.div_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_their_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let summer = at("2025-06-30T22:00:00Z");
        assert_eq!(time_in(summer + 1500, &berlin), "2025-07-01T00:00:01+02:00");
        assert_eq!(time_in(summer, &TimeZone::UTC), "2025-06-30T22:00:00Z");
        assert_eq!(day_in(summer, &berlin), "2025-07-01");
        assert_eq!(day_in(summer, &TimeZone::UTC), "2025-06-30T22:00:00Z");
        assert_eq!(day_in(at("2025-01-01T00:00:00Z"), &TimeZone::UTC), "2025-01-01");
        // A day that begins at one o'clock.
        let cairo = TimeZone::get("Africa/Cairo").unwrap();
        assert_eq!(day_in(at("2024-04-25T22:00:00Z"), &cairo), "2024-04-26");
    }
}
