//! `metrics`: what the library holds and how long questions took, for Prometheus.

use anyhow::Result;
use ragged::{
    library::{CACHES, Library},
    telemetry::{
        Bounds, Component, SampleStore, Stage, Totals,
        exposition::{Family, Meaning, Point, Value, text},
        switch,
    },
};

use crate::{cli::Session, failure::Outcome, wire::profile as wire};

pub(crate) fn run(session: &Session) -> Result<Outcome> {
    let library = session.existing_library()?;
    let mut families = of_library(&library)?;
    families.extend(of_telemetry(session)?);
    let printer = &session.printer;
    if printer.is_json() {
        let metrics: Vec<wire::Metric> = families
            .iter()
            .filter(|family| !family.points.is_empty())
            .map(wire::Metric::from)
            .collect();
        printer.json(&metrics)?;
    } else {
        printer.text(&text(&families))?;
    }
    Ok(Outcome::Done)
}

fn of_library(library: &Library) -> Result<Vec<Family>> {
    use Meaning::Gauge;
    let status = library.status()?;
    let (counts, size) = (status.counts, status.bytes);
    let caches = library.caches();
    let mut held = Family::new("ragged_cache_bytes", Gauge, "Bytes in the caches of this process.");
    for (name, of) in CACHES {
        held = held.with(&[("cache", name)], of(&caches).bytes as f64);
    }
    let version = env!("CARGO_PKG_VERSION");
    let backend = status.backend.as_str();
    Ok(vec![
        Family::new("ragged_build_info", Gauge, "The program, its version and its engine.")
            .with(&[("version", version), ("backend", backend)], 1.0),
        Family::new("ragged_documents", Gauge, "Documents in the library.")
            .with(&[], counts.documents as f64),
        Family::new("ragged_files", Gauge, "Files in the library.").with(&[], counts.files as f64),
        Family::new("ragged_chunks", Gauge, "Chunks in the library.")
            .with(&[], counts.chunks as f64),
        Family::new("ragged_index_bytes", Gauge, "Bytes on disk, by part.")
            .with(&[("part", "text")], size.library as f64)
            .with(&[("part", "words")], size.lexical as f64)
            .with(&[("part", "vectors")], size.vectors as f64),
        Family::new("ragged_data_bytes", Gauge, "Bytes of every file of the data folder.")
            .with(&[], size.total as f64),
        Family::new("ragged_generation", Gauge, "Transactions of the library so far.")
            .with(&[], status.generation.0 as f64),
        held,
    ])
}

/// What was recorded since profiling began or was cleared, and whether it is on.
fn of_telemetry(session: &Session) -> Result<Vec<Family>> {
    use Meaning::{Counter, Gauge, Histogram};
    let data_dir = &session.resolved.data_dir;
    let enabled = switch::enabled(data_dir);
    let mut on = Family::new("ragged_profiling_enabled", Gauge, "Whether a component is profiled.");
    for component in Component::ALL {
        let is_on = f64::from(u8::from(enabled.contains(component)));
        on = on.with(&[("component", component.as_str())], is_on);
    }
    let (mut totals, mut rows, mut size) = (Totals::default(), 0, 0);
    if let Some(store) = SampleStore::open_existing(data_dir, Bounds::default())? {
        (totals, rows, size) = (store.totals()?, store.extent()?.0, store.bytes());
    }
    let counted = |name, counter: &str, label, help| {
        let mut family = Family::new(name, Counter, help);
        for of in totals.counters.iter().filter(|of| of.name == counter) {
            let label = [(label, of.label.as_str())];
            let labels: &[(&'static str, &str)] = if of.label.is_empty() { &[] } else { &label };
            family = family.with(labels, of.value as f64);
        }
        family
    };
    let mut whole =
        Family::new("ragged_query_duration_seconds", Histogram, "How long questions took.");
    let mut stages =
        Family::new("ragged_stage_duration_seconds", Histogram, "How long stages took.");
    for total in &totals.stages {
        let value = Value::Spread { buckets: total.buckets, sum_us: total.sum_us };
        let labels: Vec<(&'static str, String)> = total
            .stage
            .map(|stage| ("stage", Stage::as_str(stage).to_owned()))
            .into_iter()
            .collect();
        let family = if total.stage.is_some() { &mut stages } else { &mut whole };
        family.points.push(Point { labels, value });
    }
    Ok(vec![
        on,
        counted("ragged_queries_total", "queries", "kind", "Questions and ingests recorded."),
        counted("ragged_cache_hits_total", "cache_hits", "cache", "Requests that found an entry."),
        counted("ragged_cache_misses_total", "cache_misses", "cache", "Requests that did not."),
        counted(
            "ragged_cache_evictions_total",
            "cache_evictions",
            "cache",
            "Entries that made room for others.",
        ),
        counted("ragged_telemetry_dropped_total", "dropped", "", "Samples that were not kept."),
        whole,
        stages,
        Family::new("ragged_telemetry_rows", Gauge, "Samples kept.").with(&[], rows as f64),
        Family::new("ragged_telemetry_bytes", Gauge, "Bytes of their files.")
            .with(&[], size as f64),
    ])
}
