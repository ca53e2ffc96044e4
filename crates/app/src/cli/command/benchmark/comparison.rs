//! Two results side by side, and by how much the same strays.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use ragged_benchmark::{
    machine::Machine,
    regression::{self, Change, Noise, Verdict},
    report,
    task::Test,
};
use serde::{Deserialize, Serialize};

use super::{find, measure};
use crate::{
    cli::{
        Session,
        args::benchmark::{CompareArgs, MeasureArgs},
        printer::{table, visible},
    },
    failure::{Outcome, Usage},
};

/// The file of what a machine strays by, among the results.
pub(super) const NOISE: &str = "noise.json";
/// The tolerance where none is named, in per cent.
const TOLERANCE: f64 = 5.0;

#[derive(Serialize, Deserialize)]
struct NoiseFile {
    machine: Machine,
    noise: Noise,
}

/// The noise of a machine, where it was measured.
fn noise_of(dir: &Path, machine: &Machine) -> Result<Noise> {
    let path = dir.join(NOISE);
    if !path.is_file() {
        return Ok(Noise::default());
    }
    let what = || format!("reading {}", path.display());
    let file: NoiseFile =
        serde_json::from_str(&fs::read_to_string(&path).with_context(what)?).with_context(what)?;
    Ok(if file.machine == *machine { file.noise } else { Noise::default() })
}

/// A share, of per cents with or without their sign.
fn share(percent: &str) -> Result<f64, Usage> {
    let number = percent.trim().trim_end_matches('%').trim().parse::<f64>();
    match number {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number / 100.0),
        _ => Err(Usage::new(format!("{percent:?} are no per cent")).with_hint("5% or 5")),
    }
}

pub(super) fn compare(args: &CompareArgs, session: &Session) -> Result<Outcome> {
    let tolerance = match &args.fail_on_regression {
        Some(percent) => share(percent)?,
        None => TOLERANCE / 100.0,
    };
    let before = find(&args.baseline, &args.results)?;
    let after = find(&args.current, &args.results)?;
    let noise = noise_of(&args.results.results_dir, &after.machine)?;
    let changes =
        regression::compare(&before, &after, tolerance, &noise, args.allow_different_machine)?;
    let worse: Vec<&Change> =
        changes.iter().filter(|change| change.verdict == Verdict::Worse).collect();
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "baseline": before.label,
            "current": after.label,
            "tolerance": tolerance,
            "regressions": worse.len(),
            "changes": changes,
        }))?;
    } else {
        let header = ["figure", "of", "before", "now", "change", "by chance", "verdict"];
        let mut rows = table(printer, &header);
        for change in &changes {
            rows.add_row(row(change));
        }
        printer.line(rows.to_string())?;
        printer.note(format!(
            "{} against {}: {} worse beyond {:.1} % and chance.",
            visible(&after.label),
            visible(&before.label),
            worse.len(),
            100.0 * tolerance
        ));
    }
    let fails = args.fail_on_regression.is_some() && !worse.is_empty();
    Ok(if fails { Outcome::Gate } else { Outcome::Done })
}

fn row(change: &Change) -> [String; 7] {
    let verdict = match change.verdict {
        Verdict::Worse => "worse",
        Verdict::Better => "better",
        Verdict::Same => "same",
        Verdict::Told => "",
    };
    [
        format!("{} {}", change.test, change.metric),
        format!("{}, {}", change.cell.backend, report::thousands(change.cell.documents)),
        report::with_unit(change.before, &change.unit),
        report::with_unit(change.after, &change.unit),
        change.change.map(|change| format!("{:+.1}%", 100.0 * change)).unwrap_or_default(),
        change.p.map(|p| format!("{p:.3}")).unwrap_or_default(),
        verdict.to_owned(),
    ]
}

/// Measures the same several times.
pub(super) fn noise(runs: u8, args: &MeasureArgs, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let mut results = Vec::new();
    for run in 1..=runs {
        printer.note(format!("run {run} of {runs}"));
        match measure::measure(args, &Test::OF_BACKENDS, session)? {
            Some(result) if args.kept.dry_run => {
                drop(result);
                return Ok(Outcome::Done);
            }
            Some(result) => results.push(result),
            None => return Ok(Outcome::Interrupted),
        }
    }
    let noise = Noise::between(&results);
    let dir = &args.kept.results.results_dir;
    fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    let path = dir.join(NOISE);
    let file = NoiseFile { machine: Machine::this(), noise };
    fs::write(&path, serde_json::to_string_pretty(&file)? + "\n")
        .with_context(|| format!("writing {}", path.display()))?;
    if printer.is_json() {
        printer.json(&file)?;
        return Ok(Outcome::Done);
    }
    let mut rows = table(printer, &["figure", "strays by"]);
    for (figure, by) in &file.noise.by_figure {
        rows.add_row([figure.replace('/', " "), format!("{:.1} %", 100.0 * by)]);
    }
    printer.line(rows.to_string())?;
    printer.note(format!(
        "Kept in {}: `benchmark compare` tolerates as much on this machine.",
        path.display()
    ));
    Ok(Outcome::Done)
}
