//! `cache`: what is kept in memory because it may be asked for again.

use anyhow::Result;
use ragged::{cache::CacheStats, library::Library};

use crate::{
    cli::{
        Session,
        args::CacheCommand,
        printer::{Printer, bytes, table, thousands},
    },
    failure::Outcome,
    wire,
};

pub(crate) fn run(command: &CacheCommand, session: &Session) -> Result<Outcome> {
    let library = session.existing_library()?;
    let printer = &session.printer;
    match command {
        CacheCommand::Stats => {
            show(&library, printer)?;
            printer.note("Of this process, which has asked nothing yet; `/cache` in `ragged chat` shows a running one.");
        }
        CacheCommand::Clear => {
            library.clear_caches();
            if printer.is_json() {
                printer.json(&serde_json::json!({ "cleared": true, "on_disk": false }))?;
            } else {
                printer.line("Emptied the caches of this process.")?;
                printer.note(
                    "Nothing of them is on disk; those of a running `ragged chat` end with it, or \
                     with `/cache clear`.",
                );
            }
        }
    }
    Ok(Outcome::Done)
}

/// A cache: its name, what it holds, how many entries at most (0: as bytes allow), for how many
/// seconds each, and what became of requests.
type Level = (&'static str, &'static str, usize, Option<u64>, CacheStats);

fn levels(library: &Library) -> [Level; 6] {
    let (settings, caches) = (library.settings(), library.caches());
    let memory = &settings.memory.cache;
    let (profiles, questions) = (memory.profile_ttl.as_secs(), memory.query_ttl.as_secs());
    [
        ("results", "searches without memory", settings.backend.cache_size, None, caches.results),
        ("l1", "profiles at hand", memory.l1_size, Some(profiles), caches.l1),
        ("l2", "profiles behind them", memory.l2_size, Some(profiles), caches.l2),
        ("l3", "searches of personas", memory.l3_size, Some(questions), caches.l3),
        ("interests", "chunks that interests are about", 16, None, caches.profiles),
        ("vectors", "recomputed vectors", 0, None, caches.vectors),
    ]
}

/// The caches of a library, for programs.
pub(crate) fn wire(library: &Library) -> serde_json::Value {
    let caches = levels(library).map(|(name, _, max_entries, ttl_seconds, stats)| {
        wire::CacheLevel::new(name, max_entries, ttl_seconds, stats)
    });
    serde_json::json!({ "caches": caches })
}

/// The caches of a library: what each may hold and holds, and what became of requests.
pub(crate) fn show(library: &Library, printer: &Printer) -> Result<()> {
    if printer.is_json() {
        return printer.json(&wire(library));
    }
    let mut rows = table(
        printer,
        &["cache", "of", "entries", "at most", "bytes", "hits", "misses", "evicted", "lives"],
    );
    for (name, of, max_entries, ttl_seconds, stats) in levels(library) {
        rows.add_row([
            name.to_owned(),
            of.to_owned(),
            thousands(stats.entries),
            if max_entries == 0 { String::new() } else { thousands(max_entries as u64) },
            bytes(stats.bytes),
            thousands(stats.hits),
            thousands(stats.misses),
            thousands(stats.evictions),
            ttl_seconds.map(|seconds| format!("{seconds} s")).unwrap_or_default(),
        ]);
    }
    printer.line(rows.trim_fmt())
}
