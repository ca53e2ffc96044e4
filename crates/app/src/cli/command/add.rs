//! `add` and `remove`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use ragged::{
    document::{
        Limits, Readers,
        worker::{WorkerLimits, WorkerPool},
    },
    library::{AddOptions, AddReport, Library},
    settings::IngestSettings,
};

use crate::{
    cli::{
        CANCEL, Session,
        args::{AddArgs, RemoveArgs},
        printer::{bytes, thousands},
        progress::AddBar,
    },
    config::parse_size,
    failure::Outcome,
    wire,
};

pub(crate) fn run(args: &AddArgs, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let mut session_settings = session.resolved.settings.clone();
    if let Some(size) = &args.max_file_size {
        session_settings.ingest.max_file_size_bytes = parse_size(size)
            .map_err(|problem| crate::Usage(format!("--max-file-size: {problem}")))?;
    }
    require_existing(&args.paths)?;
    let library = session.library_with(session_settings)?;
    let readers = readers(&library.settings().ingest)?;
    let bar = AddBar::new(printer, args.verbose);
    let options = AddOptions { prune: args.prune, retry: args.retry, dry_run: args.dry_run };
    let report = library.add(&args.paths, options, &readers, &bar, &CANCEL);
    bar.finish();
    let report = report?;

    if printer.is_json() {
        printer.json(&wire::Add::new(&report, args.dry_run))?;
    } else {
        print_report(session, &library, &report, args)?;
    }
    Ok(if report.failed.is_empty() && !report.interrupted {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}

/// A path that does not exist is a mistake of the caller's, found before anything is changed.
fn require_existing(paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        std::fs::symlink_metadata(path)
            .with_context(|| format!("there is nothing to add at {}", path.display()))?;
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

fn print_report(
    session: &Session,
    library: &Library,
    report: &AddReport,
    args: &AddArgs,
) -> Result<()> {
    let printer = &session.printer;
    for skip in report.failed.iter().take(SHOWN_FAILURES) {
        printer.warning(format!("{}: {}", shortened(&skip.path), skip.reason));
    }
    if report.failed.len() > SHOWN_FAILURES {
        printer.warning(format!(
            "{} more files could not be read; `ragged list --unreadable` shows them",
            report.failed.len() - SHOWN_FAILURES
        ));
    }
    let mut parts = Vec::new();
    for (n, what) in [
        (report.added, "added"),
        (report.changed, "changed"),
        (report.moved, "moved"),
        (report.duplicates, "duplicate"),
        (report.pruned, "forgotten"),
        (report.unchanged, "unchanged"),
        (report.n_skipped(), "skipped"),
        (report.failed.len() as u64, "failed"),
    ] {
        if n > 0 {
            parts.push(format!("{} {what}", thousands(n)));
        }
    }
    let seconds = report.elapsed.as_secs_f64();
    let changes = report.added + report.changed + report.moved + report.duplicates + report.pruned;
    let summary = match (parts.is_empty(), changes == 0) {
        (true, _) => "No files found.".to_owned(),
        (false, true) => format!("Nothing new: {}.", parts.join(", ")),
        (false, false) => {
            let prefix = if args.dry_run { "Would do: " } else { "" };
            format!("{prefix}{} ({seconds:.1} s).", parts.join(", "))
        }
    };
    printer.line(summary)?;
    if !report.skipped.is_empty() && args.verbose {
        let reasons: Vec<String> = report
            .skipped
            .iter()
            .map(|(reason, n)| format!("{} {reason}", thousands(*n)))
            .collect();
        printer.note(format!("Skipped by rule: {}.", reasons.join(", ")));
    }
    if changes > 0 && !args.dry_run {
        let status = library.status()?;
        printer.note(format!(
            "The library holds {} files, {} chunks, {} of text in {}.",
            thousands(status.counts.files),
            thousands(status.counts.chunks),
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
                printer.line(format!("would forget {path}"))?;
            }
        }
        let verb = if args.dry_run { "Would forget" } else { "Forgot" };
        printer.line(format!("{verb} {} files.", thousands(report.files.len() as u64)))?;
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
