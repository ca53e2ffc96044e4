//! `tune probe`: what steps of a search cost here.

use std::collections::BTreeMap;

use anyhow::Result;
use ragged::{library::Keep, settings::UnitCosts};

use super::file::PerformanceFile;
use crate::{
    cli::{Session, progress},
    config::{KEYS, performance_path},
    failure::Outcome,
    wire,
};

/// Measures what steps of a search cost, and keeps that in the settings.
pub(super) fn run(dry_run: bool, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let library = session.existing_library()?;
    let spinner = progress::waiting(printer, "measuring searches");
    let probe = library.probe(if dry_run { Keep::No } else { Keep::Yes });
    spinner.finish_and_clear();
    let Some(probe) = probe? else {
        return Err(anyhow::Error::new(crate::Hinted::new(
            "there is too little in the library to measure, or its backend has one way of \
             searching only"
                .to_owned(),
            "add files first; `ragged config get backend.type` names the backend".to_owned(),
        )));
    };
    if !dry_run {
        keep(&probe.costs, session)?;
    }
    let costs = BTreeMap::from([
        ("scan", probe.costs.scan_ns),
        ("refine", probe.costs.refine_ns),
        ("visit", probe.costs.visit_ns),
        ("recompute", probe.costs.recompute_ns),
    ]);
    let work = BTreeMap::from([
        ("refine", probe.work.refine),
        ("recompute", probe.work.recompute),
        ("recompute_power", probe.work.recompute_power),
        ("crowding", probe.work.crowding),
        ("visit", probe.work.visit),
        ("visit_power", probe.work.visit_power),
        ("graph_recall", probe.work.graph_recall),
    ]);
    if printer.is_json() {
        let queries = probe.n_queries;
        printer.json(&wire::Probe { queries, kept: !dry_run, costs_ns: costs, work })?;
        return Ok(Outcome::Done);
    }
    printer
        .line(format!("What a step of a search costs here, over {} queries:", probe.n_queries))?;
    for (name, ns) in &costs {
        printer.line(format!("  {name:<10} {ns:>12.1} ns"))?;
    }
    if !dry_run {
        printer
            .note(format!("Kept in {}.", performance_path(&session.resolved.data_dir).display()));
    }
    Ok(Outcome::Done)
}

/// Writes costs to the file of tuning, and leaves out of it what cannot be used.
fn keep(costs: &UnitCosts, session: &Session) -> Result<()> {
    let mut settings = session.resolved.settings.clone();
    settings.backend.costs = *costs;
    let measured = KEYS.iter().filter(|key| key.is_measured());
    let values: Vec<_> = measured.map(|key| (key.name.to_owned(), (key.get)(&settings))).collect();
    PerformanceFile::mended(session)?.change(&[], &values)?;
    Ok(())
}
