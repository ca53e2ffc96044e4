//! `check`, `compact` and `reindex`.

use anyhow::Result;
use ragged::library::CheckReport;

use crate::{
    cli::{
        Session,
        args::CheckArgs,
        interrupt::Watch,
        printer::{bytes, counted, visible},
        progress,
    },
    failure::Outcome,
    wire,
};

pub(crate) fn run(args: &CheckArgs, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let library = session.existing_library()?;
    let report = if args.repair {
        let bar = progress::counting(printer, "chunks");
        let watch = Watch::begin();
        let report = library.repair(watch.cancel(), &mut |done, total| {
            progress::reached(&bar, done, total);
        });
        bar.finish_and_clear();
        report?
    } else {
        library.check()?
    };
    if printer.is_json() {
        printer.json(&wire(&report))?;
    } else {
        print(session, args, &report)?;
    }
    let is_sound = if args.repair { report.remaining.is_empty() } else { report.is_sound() };
    Ok(if is_sound { Outcome::Done } else { Outcome::Partial })
}

fn wire(report: &CheckReport) -> wire::Check {
    wire::Check {
        sound: report.is_sound(),
        documents: report.documents,
        chunks: report.chunks,
        damage: report
            .damage
            .iter()
            .map(|(damage, paths)| wire::Damage {
                what: damage.what.clone(),
                document: damage.document.map(|document| document.0),
                paths: paths.clone(),
            })
            .collect(),
        derived: report.derived.clone(),
        removed: report.removed.clone(),
        rebuilt: report.rebuilt,
        remaining: report.remaining.clone(),
    }
}

fn print(session: &Session, args: &CheckArgs, report: &CheckReport) -> Result<()> {
    let printer = &session.printer;
    for (damage, paths) in &report.damage {
        let which = match (paths.first(), damage.document) {
            (Some(path), _) => format!("{}: ", visible(path)),
            (None, Some(document)) => format!("document {document}: "),
            (None, None) => String::new(),
        };
        printer.line(format!(
            "{} {which}{}",
            console::style("damaged").red(),
            visible(&damage.what)
        ))?;
    }
    for what in &report.derived {
        printer.line(format!("{} {}", console::style("derived").yellow(), visible(what)))?;
    }
    let held = format!(
        "{}, {}",
        counted(report.documents, "document", "documents"),
        counted(report.chunks, "chunk", "chunks")
    );
    if report.is_sound() && report.remaining.is_empty() {
        printer.line(format!("Sound: {held}."))?;
        return Ok(());
    }
    printer.line(format!("Checked {held}."))?;
    if report.rebuilt {
        printer.line("The derived indexes were rebuilt.")?;
        if !report.removed.is_empty() {
            printer.line(format!(
                "Taken out, because their text is damaged: {}",
                visible(&report.removed.join(", "))
            ))?;
            printer.note("`ragged add` brings these files back.");
        }
    } else if !args.repair {
        printer.note("`ragged check --repair` rebuilds what is derived and drops what is damaged.");
    }
    for what in &report.remaining {
        printer.warning(format!("could not be repaired: {}", visible(what)));
    }
    Ok(())
}

pub(crate) fn compact(session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let library = session.existing_library()?;
    let report = library.compact()?;
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "before": wire::StoreBytes::from(report.before),
            "after": wire::StoreBytes::from(report.after),
        }))?;
    } else {
        printer.line(format!("{} → {}", bytes(report.before.total), bytes(report.after.total)))?;
    }
    Ok(Outcome::Done)
}

pub(crate) fn reindex(session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let library = session.library_to_reindex(session.resolved.settings.clone())?;
    rebuild(session, &library)?;
    let status = library.status()?;
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "chunks": status.counts.chunks,
            "model": status.model,
            "generation": status.generation.0,
        }))?;
    } else {
        printer.line(format!(
            "Indexed {} with the model {}.",
            counted(status.counts.chunks, "chunk", "chunks"),
            visible(&status.model)
        ))?;
    }
    Ok(Outcome::Done)
}

/// Rebuilds the derived indexes, with a progress bar.
pub(crate) fn rebuild(session: &Session, library: &ragged::library::Library) -> Result<()> {
    let bar = progress::counting(&session.printer, "chunks");
    let watch = Watch::begin();
    let result = library.reindex(watch.cancel(), &mut |done, total| {
        progress::reached(&bar, done, total);
    });
    bar.finish_and_clear();
    Ok(result?)
}
