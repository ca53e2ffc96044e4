//! A long run of everything at once.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use ragged_benchmark::{
    report::with_unit,
    soak::{self, Plan, Report},
};

use super::task::AsConfigured;
use crate::{
    cli::{
        Session,
        args::benchmark::SoakArgs,
        interrupt::{TemporaryFolder, Watch},
        printer::{counted, table, visible},
        progress,
    },
    failure::Outcome,
};

pub(super) fn run(args: &SoakArgs, session: &Session) -> Result<Outcome> {
    let report = work(args, session)?;
    if let Some(path) = &args.output {
        let text = serde_json::to_string_pretty(&report)? + "\n";
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&report)?;
    } else {
        show(&report, args.output.as_ref(), session)?;
    }
    Ok(if !report.is_sound() {
        Outcome::Gate
    } else if report.interrupted {
        Outcome::Interrupted
    } else {
        Outcome::Done
    })
}

/// The long run, in a folder that is gone afterwards.
pub(super) fn work(args: &SoakArgs, session: &Session) -> Result<Report> {
    let scratch = TemporaryFolder::create()?;
    let watch = Watch::begin();
    let bar = progress::counting(&session.printer, "seconds");
    let plan = Plan {
        duration: args.duration,
        documents: args.documents,
        seed: args.seed,
        planted: args.plant,
    };
    let total = args.duration.as_secs();
    let mut on_progress = |passed: Duration, operations: u64| {
        progress::reached(&bar, passed.as_secs(), total);
        bar.set_message(format!("seconds, {}", counted(operations, "operation", "operations")));
    };
    let opening = AsConfigured(session);
    let report = soak::run(&plan, scratch.path(), &opening, watch.cancel(), &mut on_progress);
    bar.finish_and_clear();
    Ok(report?)
}

fn show(report: &Report, output: Option<&PathBuf>, session: &Session) -> Result<()> {
    let printer = &session.printer;
    let n: u64 = report.operations.iter().map(|(_, n)| n).sum();
    let of_each: Vec<String> =
        report.operations.iter().map(|(name, n)| format!("{n} {name}")).collect();
    printer.line(format!(
        "{} in {:.0} s: {}.",
        counted(n, "operation", "operations"),
        report.seconds,
        of_each.join(", ")
    ))?;
    let header = ["of a thousand operations", "change", "95 % interval", "limit", ""];
    let mut rows = table(printer, &header);
    for trend in &report.slopes {
        let (slope, unit) = (trend.slope, trend.unit);
        rows.add_row([
            trend.name.replace('_', " "),
            with_unit(slope.value, unit),
            format!("{} to {}", with_unit(slope.low, unit), with_unit(slope.high, unit)),
            with_unit(trend.limit, unit),
            if trend.is_kept { "✓" } else { "✗" }.to_owned(),
        ]);
    }
    printer.line(rows.to_string())?;
    for error in &report.errors {
        printer.warning(visible(error));
    }
    printer.note(if report.n_errors > 0 {
        format!("{} went wrong.", counted(report.n_errors, "operation", "operations"))
    } else if !report.is_long_enough() {
        "Too short to tell what grows: some minutes are needed.".to_owned()
    } else if report.is_sound() {
        "Nothing grew beyond its limit, as far as chance lets see.".to_owned()
    } else {
        let grown: Vec<String> = report
            .slopes
            .iter()
            .filter(|trend| !trend.is_kept)
            .map(|trend| trend.name.replace('_', " "))
            .collect();
        format!("Grew beyond chance and limit: {}.", grown.join(", "))
    });
    if let Some(path) = output {
        printer.note(format!("Samples are in {}.", path.display()));
    }
    Ok(())
}
