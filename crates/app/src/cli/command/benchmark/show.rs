//! Results in words, and as reports.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result};
use ragged_benchmark::{
    report::{self, Format, github, winner},
    result::RunResult,
    threshold::Held,
};

use crate::{
    cli::{
        Session,
        args::benchmark::ReportArgs,
        printer::{table, visible},
    },
    failure::{Outcome, Usage},
};

/// What a report is written as, by how its file is called.
pub(super) fn check(output: Option<&Path>) -> Result<Option<Format>> {
    let Some(path) = output else { return Ok(None) };
    let format = Format::of(path).map_err(Usage::from)?;
    // A place that cannot be written to is told before hours of measuring.
    let is_new = !path.exists();
    fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .with_context(|| format!("writing {}", path.display()))?;
    if is_new {
        fs::remove_file(path).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(Some(format))
}

/// Writes what was asked for.
pub(super) fn write(result: &RunResult, held: &[Held], args: &ReportArgs) -> Result<()> {
    if let (Some(path), Some(format)) = (&args.output, check(args.output.as_deref())?) {
        put(path, &report::written(result, held, format)?)?;
    }
    for (path, better) in args.github.iter().flat_map(|named| github::files(named)) {
        put(&path, &github::written(result, better)?)?;
    }
    Ok(())
}

pub(super) fn put(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// Shows a result: of the named tests only, where any are named.
pub(super) fn run(
    result: &RunResult,
    tests: &[&str],
    kept: Option<&Path>,
    session: &Session,
) -> Result<Outcome> {
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(result)?;
        return Ok(Outcome::Done);
    }
    printer.line(report::TITLE)?;
    printer.line("=".repeat(report::TITLE.len()))?;
    printer.line(format!(
        "{} · ragged {} · {}",
        visible(&result.label),
        visible(&result.version),
        visible(&result.corpus)
    ))?;
    let tests: BTreeSet<&str> = tests.iter().copied().collect();
    for block in report::blocks(result, &tests) {
        printer.line("")?;
        let title = visible(&block.title);
        printer.line(&title)?;
        printer.line("-".repeat(title.chars().count()))?;
        let has_difference = block.lines.iter().any(|line| line.difference.is_some());
        let mut header = vec!["metric"];
        let names: Vec<_> = block.columns.iter().map(|column| visible(&column.name)).collect();
        header.extend(names.iter().map(AsRef::as_ref));
        if has_difference {
            header.push("difference");
        }
        let mut rows = table(printer, &header);
        let mut heading = "";
        for line in &block.lines {
            if line.heading != heading {
                heading = line.heading;
                rows.add_row([heading.to_owned()]);
            }
            let mut cells = vec![format!("  {}", line.name)];
            cells.extend(line.values());
            if has_difference {
                cells.push(line.difference.clone().unwrap_or_default());
            }
            rows.add_row(cells);
        }
        printer.line(rows.to_string())?;
    }
    if let Some(outcome) = winner::outcome(result) {
        printer.line("")?;
        printer.line(format!("Overall winner: {}", visible(&outcome.to_string())))?;
    }
    for missing in &result.missing {
        let backend = visible(&missing.cell.backend).into_owned();
        printer.line(format!("{backend}: not available: {}", visible(&missing.why)))?;
    }
    let n = result.rows.iter().map(|row| row.repeats.len()).max().unwrap_or(0);
    let of = if n == 1 { "Of one run".to_owned() } else { format!("Medians of {n} runs") };
    printer.note(format!("{of}, nearest rank within each; {}.", result.machine));
    if let Some(path) = kept {
        printer.note(format!("Kept in {}.", path.display()));
    }
    Ok(Outcome::Done)
}

/// Lists the results of a folder.
pub(super) fn list(dir: &Path, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let mut results = Vec::new();
    let mut outcome = Outcome::Done;
    for path in super::result_files(dir) {
        match RunResult::read(&path) {
            Ok(result) => results.push(result),
            Err(error) => {
                printer.warning(format!("{error:#}"));
                outcome = Outcome::Partial;
            }
        }
    }
    if printer.is_json() {
        let results: Vec<serde_json::Value> = results
            .iter()
            .map(|result| {
                serde_json::json!({
                    "label": result.label,
                    "version": result.version,
                    "created": result.created,
                    "corpus": result.corpus,
                    "figures": result.rows.len(),
                })
            })
            .collect();
        printer.json(&serde_json::json!({ "results": results }))?;
        return Ok(outcome);
    }
    if results.is_empty() {
        printer.line(format!("No results in {}.", dir.display()))?;
        return Ok(outcome);
    }
    let mut rows = table(printer, &["label", "made", "of", "figures"]);
    for result in &results {
        rows.add_row([
            visible(&result.label).into_owned(),
            visible(&result.created).into_owned(),
            visible(&result.corpus).into_owned(),
            result.rows.len().to_string(),
        ]);
    }
    printer.line(rows.to_string())?;
    Ok(outcome)
}
