//! Two results side by side, and by how much the same strays.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use ragged_benchmark::{
    machine::Machine,
    regression::{self, Allowed, Noise},
    report::{
        self,
        comparison::{self, Comparison},
    },
    result::RunResult,
    task::Test,
};
use serde::{Deserialize, Serialize};

use super::{find, find_if_any, measure, missing, show};
use crate::{
    cli::{
        Session,
        args::benchmark::{CompareArgs, MeasureArgs},
        printer::{counted, table, visible},
    },
    failure::{NoBaseline, Outcome, Usage},
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
    let format = show::check(args.output.as_deref())?;
    let before: Vec<RunResult> = args
        .baseline
        .iter()
        .map(|label| {
            find_if_any(label, &args.results)?.ok_or_else(|| {
                let (message, hint) = missing(label, &args.results);
                NoBaseline::new(format!("nothing to compare with: {message}"), hint).into()
            })
        })
        .collect::<Result<_>>()?;
    let after: Vec<RunResult> =
        args.current.iter().map(|label| find(label, &args.results)).collect::<Result<_>>()?;
    let (before, after) = (regression::pooled(&before)?, regression::pooled(&after)?);
    let noise = noise_of(&args.results.results_dir, &after.machine)?;
    let allowed = Allowed {
        another_machine: args.allow_different_machine,
        another_corpus: args.allow_different_corpus,
    };
    let changes = regression::compare(&before, &after, tolerance, &noise, allowed)?;
    let compared = Comparison::new(&before.label, &after.label, tolerance, changes);
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&compared)?;
    } else {
        let header =
            ["figure", "of", "before", "now", "change", "by chance", "sees from", "verdict"];
        let mut rows = table(printer, &header);
        for change in &compared.changes {
            let words = comparison::words(change).map(|words| visible(&words).into_owned());
            rows.add_row(words.into_iter().chain([change.verdict.as_str().to_owned()]));
        }
        printer.line(rows.to_string())?;
        printer.note(format!(
            "{} against {}: {}",
            visible(&after.label),
            visible(&before.label),
            compared.summary()
        ));
        for note in compared.notes() {
            printer.note(visible(&note));
        }
    }
    let vanished = regression::vanished(&before, &after);
    for (cell, test) in &vanished {
        printer.warning(format!(
            "{test} of {}, {} documents, {}, was measured before and not now",
            visible(&cell.backend),
            report::thousands(cell.documents),
            visible(&cell.configuration)
        ));
    }
    if let (Some(path), Some(format)) = (&args.output, format) {
        show::put(path, &compared.written(format)?)?;
    }
    let fails =
        args.fail_on_regression.is_some() && (compared.regressions > 0 || !vanished.is_empty());
    Ok(if fails { Outcome::Gate } else { Outcome::Done })
}

/// Two medians of the same that differ by no more than this are as near as they should be.
const STEADY: f64 = 0.05;

/// The tests of these names; all, where none is named.
fn tests(names: &[String]) -> Result<Vec<Test>, Usage> {
    if names.is_empty() {
        return Ok(Test::OF_BACKENDS.to_vec());
    }
    let known = |name: &String| {
        Test::OF_BACKENDS.into_iter().find(|test| test.as_str() == name).ok_or_else(|| {
            let known: Vec<&str> = Test::OF_BACKENDS.iter().map(|test| test.as_str()).collect();
            Usage::new(format!("there is no test {name:?}"))
                .with_hint(format!("there are: {}", known.join(", ")))
        })
    };
    names.iter().map(known).collect()
}

/// Measures the same several times.
pub(super) fn noise(
    runs: u8,
    names: &[String],
    args: &MeasureArgs,
    session: &Session,
) -> Result<Outcome> {
    let tests = tests(names)?;
    let printer = &session.printer;
    let mut results = Vec::new();
    for run in 1..=runs {
        printer.note(format!("run {run} of {runs}"));
        match measure::measure(args, &tests, session)? {
            Some(result) if args.kept.dry_run => {
                drop(result);
                return Ok(Outcome::Done);
            }
            Some(result) => results.push(result),
            None => return Ok(Outcome::Interrupted),
        }
    }
    let measured = Noise::between(&results);
    let mut noise = noise_of(&args.kept.results.results_dir, &Machine::this())?;
    // What other tests strayed by stays known.
    noise.by_figure.extend(measured.by_figure.clone());
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
    for (figure, by) in &measured.by_figure {
        rows.add_row([figure.replace('/', " "), format!("{:.1} %", 100.0 * by)]);
    }
    printer.line(rows.to_string())?;
    let n_steady = measured.by_figure.values().filter(|by| **by <= STEADY).count();
    printer.line(format!(
        "{n_steady} of {} within {:.0} %.",
        counted(measured.by_figure.len() as u64, "median", "medians"),
        100.0 * STEADY
    ))?;
    printer.note(format!(
        "Kept in {}: `benchmark compare` tolerates as much on this machine.",
        path.display()
    ));
    Ok(Outcome::Done)
}
