//! `add` and `remove`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use ragged::{
    document::{
        Limits, Readers,
        worker::{WorkerLimits, WorkerPool},
    },
    library::{AddOptions, AddReport, Library},
    settings::IngestSettings,
};

use super::collection;
use crate::{
    cli::{
        Session,
        args::{AddArgs, RemoveArgs},
        interrupt::Watch,
        printer::{Printer, bytes, counted, thousands, visible},
        profiling,
        progress::AddBar,
    },
    config,
    failure::Outcome,
    wire,
};

pub(crate) fn run(args: &AddArgs, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let mut session_settings = session.resolved.settings.clone();
    if let Some(size) = &args.max_file_size {
        let key = config::find("ingest.max_file_size")?;
        (key.set)(&mut session_settings, size).map_err(|problem| {
            crate::Usage::new(format!("--max-file-size: {problem}"))
                .with_hint(format!("it takes {}", key.kind))
        })?;
    }
    let collection = args.collection.as_deref().map(collection::named).transpose()?;
    require_existing(&args.paths, args.prune)?;
    let library = session.library_with(session_settings)?;
    let readers = readers(&library.settings().ingest)?;
    let bar = AddBar::new(printer, args.verbose);
    let options =
        AddOptions { collection, prune: args.prune, retry: args.retry, dry_run: args.dry_run };
    let watch = Watch::begin();
    let report = library.add(&args.paths, options, &readers, &bar, watch.cancel());
    drop(watch);
    bar.finish();
    let report = report?;

    profiling::record_ingest(&report, args.dry_run, session);

    if printer.is_json() {
        printer.json(&wire::Add::new(&report, args.dry_run))?;
    } else {
        print_report(session, &library, &report, args)?;
    }
    Ok(if report.interrupted {
        Outcome::Interrupted
    } else if report.failed.is_empty() {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}

/// A path that does not exist is a mistake of the caller's, found before anything is changed.
pub(crate) fn require_existing(paths: &[PathBuf], prune: bool) -> Result<()> {
    for path in paths {
        if let Err(error) = std::fs::symlink_metadata(path) {
            let message = format!("there is nothing to add at {}: {error}", path.display());
            if prune && error.kind() == std::io::ErrorKind::NotFound {
                let hint = format!("`ragged remove {}` forgets what was there", path.display());
                return Err(anyhow::Error::new(crate::Hinted::new(message, hint)));
            }
            bail!(message);
        }
    }
    Ok(())
}

/// Parser processes with the limits that the settings name.
pub(crate) fn readers(settings: &IngestSettings) -> Result<Readers> {
    let limits = Limits { max_file_bytes: settings.max_file_size_bytes, ..Limits::default() };
    let worker_limits = WorkerLimits {
        memory_bytes: settings.parser_memory_bytes,
        time: settings.parser_timeout,
        files: limits,
    };
    let n_workers = match settings.threads {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        threads => threads,
    };
    let pool = WorkerPool::new(Session::worker_command()?, worker_limits, n_workers)?;
    Ok(Readers::in_workers(pool))
}

/// Failures shown one by one; the rest are counted.
const SHOWN_FAILURES: usize = 10;
/// The reason of files that were not read again, because they did not change since they failed.
pub(crate) const KNOWN_FAILURE: &str = "unchanged-unreadable";

/// Names the files that could not be read.
pub(crate) fn print_failures(report: &AddReport, printer: &Printer) {
    for skip in report.failed.iter().take(SHOWN_FAILURES) {
        printer.warning(format!("{}: {}", visible(&shortened(&skip.path)), visible(&skip.reason)));
    }
    if report.failed.len() > SHOWN_FAILURES {
        let more = (report.failed.len() - SHOWN_FAILURES) as u64;
        printer.warning(format!(
            "{} could not be read; `ragged list --unreadable` shows them",
            counted(more, "more file", "more files"),
        ));
    }
}

fn print_report(
    session: &Session,
    library: &Library,
    report: &AddReport,
    args: &AddArgs,
) -> Result<()> {
    let printer = &session.printer;
    // With --verbose each was named as it happened.
    if !args.verbose {
        print_failures(report, printer);
    }
    let known = report.failed.iter().filter(|skip| skip.code == KNOWN_FAILURE).count() as u64;
    if known > 0 {
        printer.note(format!(
            "{} the last time and did not change since; `--retry` reads such files again.",
            counted(known, "file could not be read", "files could not be read"),
        ));
    }
    let mut parts = Vec::new();
    for (n, one, many) in [
        (report.added, "added", "added"),
        (report.changed, "changed", "changed"),
        (report.moved, "moved", "moved"),
        (report.duplicates, "duplicate", "duplicates"),
        (report.reassigned, "moved to the collection", "moved to the collection"),
        (report.pruned, "forgotten", "forgotten"),
        (report.unchanged, "unchanged", "unchanged"),
        (report.n_skipped(), "skipped", "skipped"),
        (report.failed.len() as u64, "failed", "failed"),
    ] {
        if n > 0 {
            let mut part = counted(n, one, many);
            if one == "skipped" {
                let reasons: Vec<String> = report
                    .skipped
                    .iter()
                    .map(|(reason, n)| format!("{} {reason}", thousands(*n)))
                    .collect();
                part.push_str(&format!(" ({})", reasons.join(", ")));
            }
            parts.push(part);
        }
    }
    let seconds = report.elapsed.as_secs_f64();
    let changes = report.added
        + report.changed
        + report.moved
        + report.duplicates
        + report.reassigned
        + report.pruned;
    let summary = match (parts.is_empty(), changes == 0) {
        (true, _) => "No files found.".to_owned(),
        (false, true) => format!("Nothing new: {}.", parts.join(", ")),
        (false, false) => {
            let prefix = if args.dry_run { "Would do: " } else { "" };
            format!("{prefix}{} ({seconds:.1} s).", parts.join(", "))
        }
    };
    printer.line(summary)?;
    if report.created_collection
        && let Some(name) = &args.collection
    {
        let verb = if args.dry_run { "would be" } else { "is" };
        let name = collection::named(name)?;
        printer.note(format!("The collection {:?} {verb} new.", name.as_str()));
    }
    if changes > 0 && !args.dry_run {
        let status = library.status()?;
        printer.note(format!(
            "The library holds {}, {}, {} of text in {}.",
            counted(status.counts.files, "file", "files"),
            counted(status.counts.chunks, "chunk", "chunks"),
            bytes(status.counts.text_bytes),
            bytes(status.bytes.total),
        ));
    }
    if report.interrupted {
        printer.note("Interrupted; what was added stays. The same command goes on from there.");
    }
    Ok(())
}

pub(crate) fn remove(args: &RemoveArgs, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let library = session.existing_library()?;
    let targets = args
        .targets
        .iter()
        .map(|target| resolve_target(&library, target))
        .collect::<Result<Vec<_>>>()?
        .concat();
    let report = library.remove(&targets, args.dry_run)?;
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "removed": report.files,
            "chunks": report.chunks,
            "dry_run": args.dry_run,
        }))?;
    } else {
        if args.dry_run {
            for path in &report.files {
                printer.line(format!("would forget {}", visible(path)))?;
            }
        }
        let verb = if args.dry_run { "Would forget" } else { "Forgot" };
        let files = counted(report.files.len() as u64, "file", "files");
        printer.line(format!("{verb} {files}."))?;
    }
    Ok(Outcome::Done)
}

/// The paths that a target names: a path as typed, or the files of a document id.
fn resolve_target(library: &Library, target: &str) -> Result<Vec<String>> {
    let path = absolute(target)?;
    let reader = library.store().reader()?;
    if reader.file(&path)?.is_none()
        && !Path::new(target).exists()
        && let Ok(id) = target.parse()
    {
        let files = reader.files_of(ragged::id::DocumentId(id))?;
        if !files.is_empty() {
            return Ok(files.into_iter().map(|file| file.path).collect());
        }
    }
    Ok(vec![path])
}

/// A path as the library keeps it: absolute, without links. What no longer exists keeps its own
/// name below the nearest folder that does.
pub(crate) fn absolute(path: &str) -> Result<String> {
    let absolute = std::path::absolute(path).with_context(|| format!("finding {path}"))?;
    let found = absolute
        .ancestors()
        .find_map(|ancestor| Some((ancestor, std::fs::canonicalize(ancestor).ok()?)));
    let resolved = match found {
        Some((ancestor, canonical)) => match absolute.strip_prefix(ancestor) {
            Ok(rest) if !rest.as_os_str().is_empty() => canonical.join(rest),
            _ => canonical,
        },
        None => absolute,
    };
    Ok(resolved.to_string_lossy().into_owned())
}

/// A path relative to the current folder, if it is below it.
pub(crate) fn shortened(path: &str) -> String {
    let Ok(current) = std::env::current_dir() else { return path.to_owned() };
    match Path::new(path).strip_prefix(&current) {
        Ok(relative) if !relative.as_os_str().is_empty() => relative.display().to_string(),
        _ => path.to_owned(),
    }
}
