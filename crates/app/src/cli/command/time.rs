//! `time`: what stretch of time an expression means.

use anyhow::Result;
use jiff::{Timestamp, Zoned, civil::DateTime, tz::TimeZone};
use ragged::temporal::expression::{Context, Period, Reading, parse};

use super::joined;
use crate::{
    Usage,
    cli::{
        Session,
        args::{TimeArgs, TimeReading},
    },
    failure::Outcome,
    wire,
};

pub(crate) fn run(args: &TimeArgs, session: &Session) -> Result<Outcome> {
    let zone = zone(args.tz.as_deref())?;
    let now = now(args.now.as_deref(), &zone)?;
    let (reading, name) = match args.reading {
        TimeReading::Written => (Reading::Written, "written"),
        TimeReading::Question => (Reading::Question, "question"),
    };
    let context = Context { now_ms: now.as_millisecond(), zone: zone.clone(), reading };
    let expression = joined(&args.expression);
    let period = parse(&expression, &context).map_err(Usage::from)?;
    let local = |ms: i64| {
        let is_open = ms == Period::EARLIEST_MS || ms == Period::LATEST_MS;
        let time = Timestamp::from_millisecond(ms).ok().filter(|_| !is_open)?;
        Some(time.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
    };
    let (start, end) = (local(period.start_ms), local(period.end_ms));
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&wire::Time {
            kind: period.kind.as_str(),
            start_ms: start.is_some().then_some(period.start_ms),
            end_ms: end.is_some().then_some(period.end_ms),
            start,
            end,
            now: local(context.now_ms).unwrap_or_default(),
            zone: zone.iana_name().unwrap_or("unknown").to_owned(),
            reading: name,
            expression,
        })?;
        return Ok(Outcome::Done);
    }
    let open = || "open".to_owned();
    printer.line(format!("from    {}", start.unwrap_or_else(open)))?;
    printer.line(format!("before  {}", end.unwrap_or_else(open)))?;
    printer.line(format!("kind    {}", period.kind.as_str()))?;
    let asked = Context { reading: Reading::Question, ..context };
    if let Ok(other) = parse(&expression, &asked)
        && (other.start_ms, other.end_ms) != (period.start_ms, period.end_ms)
    {
        printer.note(format!(
            "In questions, facts, --since and --until it is from {} before {}: --reading question.",
            local(other.start_ms).unwrap_or_else(open),
            local(other.end_ms).unwrap_or_else(open),
        ));
    }
    Ok(Outcome::Done)
}

fn zone(name: Option<&str>) -> Result<TimeZone, Usage> {
    let Some(name) = name else { return Ok(TimeZone::system()) };
    TimeZone::get(name).map_err(|_| {
        Usage::new(format!("--tz {name:?} is not a time zone that is known here"))
            .with_hint("write a name such as Europe/Berlin, America/New_York or UTC")
    })
}

fn now(text: Option<&str>, zone: &TimeZone) -> Result<Timestamp, Usage> {
    let Some(text) = text else { return Ok(Zoned::now().timestamp()) };
    let local = || Some(text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok()?.timestamp());
    text.parse::<Timestamp>().ok().or_else(local).ok_or_else(|| {
        Usage::new(format!("--now {text:?} is not a moment"))
            .with_hint("write 2026-01-31, 2026-01-31T09:00 or 2026-01-31T09:00:00Z")
    })
}
