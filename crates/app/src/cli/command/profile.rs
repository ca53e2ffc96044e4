//! `profile`: whether it is recorded how long questions take, and what that comes to.

use std::{ops::Range, path::Path};

use anyhow::{Context as _, Result};
use console::style;
use jiff::tz::TimeZone;
use ragged::{
    memory::PersonaMemory,
    settings::{Settings, Tier},
    telemetry::{
        Bounds, Components, Sample, SampleStore, Stage, Summary,
        advice::{Circumstances, LEAST_QUESTIONS, Recommendation, recommendations},
        report::{Report, report},
        switch,
    },
};

use super::{
    search::{End, moment_in},
    short_id, time_in,
};
use crate::{
    Usage,
    cli::{
        Session,
        args::profile::{ProfileCommand, StretchArgs},
        printer::{Printer, bytes, counted, milliseconds, one_line, table, thousands, visible},
    },
    failure::Outcome,
    wire::profile as wire,
};

const DAY_MS: i64 = 86_400_000;
/// Letters of a question that are shown.
const SHOWN_COLUMNS: usize = 60;

pub(crate) fn run(command: ProfileCommand, session: &Session) -> Result<Outcome> {
    let data_dir = &session.resolved.data_dir;
    match command {
        ProfileCommand::Enable { components } => {
            let components: Components = components.parse().map_err(Usage::from)?;
            switch::enable(data_dir, components)?;
            status(None, session)
        }
        ProfileCommand::Disable => {
            switch::disable(data_dir)?;
            status(None, session)
        }
        ProfileCommand::Status => status(None, session),
        ProfileCommand::Report { stretch, persona, passphrase_file } => {
            let who = (persona.as_deref(), passphrase_file.as_deref());
            tell(&stretch, who, session)
        }
        ProfileCommand::Clear { confirm } => clear(confirm, session),
        ProfileCommand::Export { output, stretch } => export(&output, &stretch, session),
    }
}

fn store(session: &Session) -> Result<Option<SampleStore>> {
    Ok(SampleStore::open_existing(&session.resolved.data_dir, Bounds::default())?)
}

fn status(deleted: Option<u64>, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let components = switch::enabled(&session.resolved.data_dir);
    let bounds = Bounds::default();
    let (mut samples, mut extent, mut size, mut dropped) = (0, None, 0, 0);
    if let Some(store) = store(session)? {
        (samples, extent) = store.extent()?;
        size = store.bytes();
        let counters = store.totals()?.counters;
        dropped = counters.iter().filter(|of| of.name == "dropped").map(|of| of.value).sum();
    }
    if printer.is_json() {
        printer.json(&wire::State {
            enabled: !components.is_empty(),
            components: components.iter().map(ragged::telemetry::Component::as_str).collect(),
            samples,
            bytes: size,
            max_bytes: bounds.total_bytes(),
            max_days: bounds.age_ms / DAY_MS,
            first: extent.as_ref().map(|extent| crate::wire::moment(extent.start)),
            last: extent.as_ref().map(|extent| crate::wire::moment(extent.end)),
            dropped,
            deleted,
        })?;
        return Ok(Outcome::Done);
    }
    let state = if components.is_empty() {
        "off; `ragged profile enable` records how long questions take".to_owned()
    } else {
        format!("on, for {components}")
    };
    printer.line(format!("profiling  {state}"))?;
    let zone = session.zone()?;
    let from = extent.map_or_else(String::new, |extent| {
        format!(", {} to {}", time_in(extent.start, &zone), time_in(extent.end, &zone))
    });
    printer.line(format!("recorded   {}{from}", counted(samples, "sample", "samples")))?;
    printer.line(format!(
        "on disk    {}, at most {} and {} days",
        bytes(size),
        bytes(bounds.total_bytes()),
        bounds.age_ms / DAY_MS
    ))?;
    if dropped > 0 {
        printer.note(format!("{} could not be kept.", counted(dropped, "sample", "samples")));
    }
    if !components.is_empty() {
        printer.note("Numbers alone are recorded: no question, no name, no path.");
    }
    Ok(Outcome::Done)
}

fn clear(confirm: bool, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let mut store = store(session)?;
    if !confirm {
        let n = store.as_ref().map(SampleStore::extent).transpose()?.map_or(0, |extent| extent.0);
        return Err(Usage::new(format!(
            "this deletes {} of how long questions took for good",
            counted(n, "sample", "samples")
        ))
        .with_hint("`ragged profile clear --confirm` does it")
        .into());
    }
    let n = store.as_mut().map(SampleStore::clear).transpose()?.unwrap_or(0);
    drop(store);
    if printer.is_json() {
        return status(Some(n), session);
    }
    printer.line(format!("Deleted {}.", counted(n, "sample", "samples")))?;
    Ok(Outcome::Done)
}

/// The stretch that arguments name, by the session's zone; `default_ms` long where they name none.
fn stretch(args: &StretchArgs, default_ms: i64, session: &Session) -> Result<Range<i64>> {
    let zone = session.zone()?;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let until = match &args.until {
        Some(text) => moment_in("--until", text, &zone, End::End)?,
        // What was asked in this very millisecond too.
        None => now_ms + 1,
    };
    let since = match &args.since {
        Some(text) => moment_in("--since", text, &zone, End::Beginning)?,
        None => until.saturating_sub(default_ms),
    };
    if since >= until {
        return Err(Usage::new("--since is not before --until").into());
    }
    Ok(since..until)
}

fn export(output: &Path, args: &StretchArgs, session: &Session) -> Result<Outcome> {
    let extension = output.extension().and_then(|extension| extension.to_str());
    let is_csv = match extension {
        Some("csv") => true,
        Some("json") => false,
        _ => {
            return Err(Usage::new("--output names no format")
                .with_hint("let the file's name end in .json or .csv")
                .into());
        }
    };
    let window = stretch(args, i64::MAX, session)?;
    let samples = match store(session)? {
        Some(store) => store.samples(window)?,
        None => Vec::new(),
    };
    let rows: Vec<wire::Row> = samples.iter().map(wire::Row::from).collect();
    let what = || format!("writing {}", output.display());
    let file = ragged::private_file(output)?;
    if is_csv {
        let mut writer = csv::Writer::from_writer(file);
        for row in &rows {
            writer.serialize(row).with_context(what)?;
        }
        writer.flush().with_context(what)?;
    } else {
        serde_json::to_writer_pretty(file, &rows).with_context(what)?;
    }
    let printer = &session.printer;
    let n = rows.len() as u64;
    if printer.is_json() {
        let file = output.display().to_string();
        printer.json(&serde_json::json!({ "file": file, "samples": n }))?;
    } else {
        let samples = counted(n, "sample", "samples");
        printer.line(format!("Wrote {samples} to {}.", output.display()))?;
    }
    Ok(Outcome::Done)
}

fn tell(
    args: &StretchArgs,
    (persona, passphrase_file): (Option<&str>, Option<&Path>),
    session: &Session,
) -> Result<Outcome> {
    let printer = &session.printer;
    let window = stretch(args, DAY_MS, session)?;
    let length = window.end.saturating_sub(window.start);
    let before = window.start.saturating_sub(length)..window.start;
    let (samples, before) = match store(session)? {
        Some(store) => (store.samples(window.clone())?, store.samples(before)?),
        None => (Vec::new(), Vec::new()),
    };
    let told = report(window, &samples, &before);
    let advice = recommendations(&samples, &circumstances(&session.resolved.settings));
    // Whoever has no question in it needs no key.
    let memory = if told.slowest.iter().any(|sample| sample.interaction.is_some()) {
        session.memory_if_any(passphrase_file)?
    } else {
        None
    };
    let remembered = memory
        .map(|memory| Session::remembered(&memory, persona))
        .transpose()?
        .map(|(_, remembered)| remembered);
    let slowest = |sample: &Sample| question(sample, remembered.as_deref());
    if printer.is_json() {
        let slow = told.slowest.iter().map(|sample| wire::Slow::new(sample, slowest(sample)));
        printer.json(&wire::Told::new(&told, slow.collect(), &advice))?;
        return Ok(Outcome::Done);
    }
    let questions: Vec<Option<String>> = told.slowest.iter().map(slowest).collect();
    print(&told, args, &questions, &advice, session)
}

/// The words of a question, from the memory of whoever asked it.
fn question(sample: &Sample, remembered: Option<&PersonaMemory>) -> Option<String> {
    let id = sample.interaction.as_deref()?;
    // Another persona's, or one that was deleted, is not found.
    remembered?.interaction(id).ok().map(|interaction| interaction.query)
}

fn circumstances(settings: &Settings) -> Circumstances {
    let cache = &settings.memory.cache;
    Circumstances {
        result_cache_size: settings.backend.cache_size,
        persona_cache_size: cache.l3_size,
        profile_cache_size: cache.l1_size,
        vector_cache_bytes: settings.backend.vector_cache_bytes,
        is_fastest_tier: settings.backend.tier == Tier::Fast,
        beam_width: settings.backend.beam_width,
        is_learning_later: settings.personalisation.async_updates,
        generator: settings.answer.generator.clone(),
    }
}

/// `last 1 hour`, or from when to when.
fn named(window: &Range<i64>, args: &StretchArgs, zone: &TimeZone) -> String {
    if args.until.is_some() {
        return format!("{} to {}", time_in(window.start, zone), time_in(window.end, zone));
    }
    // The clock went on between reading the one end and the other.
    let seconds = (window.end.saturating_sub(window.start).saturating_add(500)) / 1000;
    let units = [(7 * 86_400, "week"), (86_400, "day"), (3600, "hour"), (60, "minute")];
    // A day is 24 hours, as whoever asked for hours has it.
    let fitting = units.iter().find(|(unit, _)| seconds >= *unit && seconds % unit == 0);
    match fitting {
        Some((unit, name)) if seconds / unit != 1 || *name != "day" => {
            let n = u64::try_from(seconds / unit).unwrap_or(0);
            format!("last {}", counted(n, name, &format!("{name}s")))
        }
        Some(_) => "last 24 hours".to_owned(),
        None => format!("since {}", time_in(window.start, zone)),
    }
}

fn row(name: String, times: &Summary) -> [String; 6] {
    [
        name,
        thousands(times.n),
        milliseconds(times.mean_ms),
        milliseconds(times.p50_ms),
        milliseconds(times.p95_ms),
        milliseconds(times.p99_ms),
    ]
}

fn print(
    told: &Report,
    args: &StretchArgs,
    questions: &[Option<String>],
    advice: &[Recommendation],
    session: &Session,
) -> Result<Outcome> {
    let printer = &session.printer;
    let zone = session.zone()?;
    let heading = format!("Performance Report ({})", named(&told.window, args, &zone));
    printer.line(style(&heading).bold().to_string())?;
    printer.line("=".repeat(heading.chars().count()))?;
    printer.line("")?;
    let total = &told.total;
    if total.n == 0 && told.components.is_empty() {
        printer.line("Nothing was recorded.")?;
        if switch::enabled(&session.resolved.data_dir).is_empty() {
            printer.note("Profiling is off; `ragged profile enable` records from then on.");
        }
        return Ok(Outcome::Done);
    }
    printer.line(format!("Query Performance ({}):", counted(total.n, "query", "queries")))?;
    if total.n > 0 {
        printer.line(format!(
            "  Mean: {} | p50: {} | p95: {} | p99: {}",
            milliseconds(total.mean_ms),
            milliseconds(total.p50_ms),
            milliseconds(total.p95_ms),
            milliseconds(total.p99_ms)
        ))?;
        if total.n < 100 {
            printer.note("p99 of fewer than 100 queries is the longest of them.");
        }
        print_breakdown(told, printer)?;
    }
    printer.line("\nBy component:")?;
    let mut rows = table(printer, &["", "count", "mean", "p50", "p95", "p99"]);
    for of in &told.components {
        rows.add_row(row(of.component.as_str().to_owned(), &of.times));
        for (stage, times) in &of.stages {
            rows.add_row(row(format!("  {}", stage.as_str()), times));
        }
    }
    printer.line(rows.trim_fmt())?;
    if !told.slowest.is_empty() {
        printer.line("\nSlowest queries:")?;
    }
    for (idx, (sample, question)) in told.slowest.iter().zip(questions).enumerate() {
        let shown = match question {
            Some(question) => format!("{:?}", one_line(&visible(question), SHOWN_COLUMNS)),
            None => "(not kept)".to_owned(),
        };
        let id = sample.interaction.as_deref().filter(|_| question.is_some());
        let id = id.map_or_else(String::new, |id| format!(", {}", short_id(id)));
        let about = format!("  {}{id}", time_in(sample.at_ms, &zone));
        let took = milliseconds(sample.total_us as f64 / 1000.0);
        printer.line(format!("  {}. {shown} - {took}{}", idx + 1, style(about).dim()))?;
    }
    if let Some(trend) = &told.trend {
        let before = counted(trend.before.n, "query", "queries");
        printer.line(format!(
            "\nTrend, against as long just before ({before}):\n  p50 {:+.1} %, from {} | p95 {:+.1} %, \
             from {}",
            trend.p50_change,
            milliseconds(trend.before.p50_ms),
            trend.p95_change,
            milliseconds(trend.before.p95_ms),
        ))?;
    }
    print_advice(total.n, advice, printer)?;
    Ok(Outcome::Done)
}

fn print_breakdown(told: &Report, printer: &Printer) -> Result<()> {
    printer.line("\nBreakdown (mean of a query):")?;
    told.breakdown.iter().try_for_each(|part| {
        let name = part.stage.map_or("other", Stage::as_str);
        let percent = f64::from(part.share) / 10.0;
        printer.line(format!(
            "  {:<12} {:>10} ({percent:.1}%)",
            format!("{name}:"),
            milliseconds(part.mean_ms)
        ))
    })
}

fn print_advice(n: u64, advice: &[Recommendation], printer: &Printer) -> Result<()> {
    if advice.is_empty() {
        if n < LEAST_QUESTIONS as u64 {
            printer
                .note(format!("Of fewer than {LEAST_QUESTIONS} queries nothing is recommended."));
        } else if n > 0 {
            printer.line("\nRecommendations: none.")?;
        }
        return Ok(());
    }
    printer.line("\nRecommendations:")?;
    advice.iter().try_for_each(|advice| {
        printer.line(format!(
            "  - {}: {}\n      {}",
            advice.rule.as_str(),
            visible(&advice.finding),
            style(&advice.command).bold()
        ))
    })
}
