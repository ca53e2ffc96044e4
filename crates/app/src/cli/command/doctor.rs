//! `doctor`: what could keep ragged from working well here.

use anyhow::Result;
use console::style;
use ragged::{
    document::{Hints, Readers},
    library::Library,
};
use serde::Serialize;

use super::add;
use crate::{
    cli::{
        Session,
        printer::{bytes, counted, visible},
    },
    failure::Outcome,
};

/// Less free space than this is a warning.
const LOW_DISK_BYTES: u64 = 1 << 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Failure,
}

#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    verdict: Verdict,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(crate) fn run(session: &Session) -> Result<Outcome> {
    let findings = [
        settings(session),
        data_folder(session),
        disk(session),
        library(session),
        model(session),
        parsers(session),
        processor(),
    ];
    let has_failed = findings.iter().any(|finding| finding.verdict == Verdict::Failure);
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&serde_json::json!({ "healthy": !has_failed, "findings": findings }))?;
    } else {
        for finding in &findings {
            let mark = match finding.verdict {
                Verdict::Ok => style("ok     ").green(),
                Verdict::Warning => style("warning").yellow(),
                Verdict::Failure => style("failure").red(),
            };
            printer.line(format!("{mark} {:<12} {}", finding.what, visible(&finding.detail)))?;
            if let Some(next) = &finding.next {
                printer.line(format!("        {:<12} → {}", "", visible(next)))?;
            }
        }
    }
    Ok(if has_failed { Outcome::Partial } else { Outcome::Done })
}

fn finding(what: &'static str, verdict: Verdict, detail: impl Into<String>) -> Finding {
    Finding { what, verdict, detail: detail.into(), next: None }
}

fn failure(what: &'static str, error: &anyhow::Error) -> Finding {
    let report = crate::failure::Report::of(error);
    Finding { what, verdict: Verdict::Failure, detail: report.message, next: report.hint }
}

fn settings(session: &Session) -> Finding {
    let problems = &session.resolved.problems;
    let details: Vec<String> = problems.iter().map(ToString::to_string).collect();
    match problems.first() {
        None => finding(
            "settings",
            Verdict::Ok,
            match session.resolved.origins.len() as u64 {
                0 => "all as they come".to_owned(),
                n => format!("{} from the default", counted(n, "differs", "differ")),
            },
        ),
        Some(first) => Finding {
            next: Some(first.hint.clone()),
            ..finding(
                "settings",
                if problems.iter().all(|p| p.is_of_tuning) {
                    Verdict::Warning
                } else {
                    Verdict::Failure
                },
                details.join("; "),
            )
        },
    }
}

fn data_folder(session: &Session) -> Finding {
    let dir = &session.resolved.data_dir;
    let attempt = || -> Result<()> {
        ragged::private_dir(dir)?;
        let probe = dir.join(".doctor");
        drop(ragged::private_file(&probe)?);
        std::fs::remove_file(&probe)?;
        Ok(())
    };
    match attempt() {
        Ok(()) if is_open_to_others(dir) => Finding {
            next: Some(format!("chmod 700 {}", dir.display())),
            ..finding(
                "data folder",
                Verdict::Warning,
                format!("{} can be read by other users", dir.display()),
            )
        },
        Ok(()) => finding("data folder", Verdict::Ok, dir.display().to_string()),
        Err(error) => failure("data folder", &error),
    }
}

#[cfg(unix)]
fn is_open_to_others(dir: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(dir).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &std::path::Path) -> bool {
    false
}

fn disk(session: &Session) -> Finding {
    match fs4::available_space(&session.resolved.data_dir) {
        Ok(free) if free < LOW_DISK_BYTES => Finding {
            next: Some("free some space; a library needs about 0.8 × the text it holds".to_owned()),
            ..finding("disk", Verdict::Warning, format!("{} free", bytes(free)))
        },
        Ok(free) => finding("disk", Verdict::Ok, format!("{} free", bytes(free))),
        Err(error) => finding("disk", Verdict::Warning, format!("free space unknown: {error}")),
    }
}

fn library(session: &Session) -> Finding {
    if !Library::exists(&session.resolved.data_dir) {
        return Finding {
            next: Some("`ragged add FOLDER` makes one".to_owned()),
            ..finding("library", Verdict::Ok, "none yet")
        };
    }
    let attempt = || -> Result<ragged::library::Status> { Ok(session.library()?.status()?) };
    match attempt() {
        Ok(status) if status.is_level => finding(
            "library",
            Verdict::Ok,
            format!(
                "{}, {}",
                counted(status.counts.documents, "document", "documents"),
                counted(status.counts.chunks, "chunk", "chunks")
            ),
        ),
        Ok(_) => finding("library", Verdict::Warning, "its indexes are being completed"),
        Err(error) => failure("library", &error),
    }
}

fn model(session: &Session) -> Finding {
    let settings = &session.resolved.settings.embedding;
    let attempt = || -> Result<usize> {
        let embedder = ragged::library::model_from_settings(
            &session.resolved.data_dir,
            settings,
            ragged::library::Knowledge::Recorded,
        )?;
        Ok(embedder.embed_query("Is anybody there?")?.len())
    };
    match attempt() {
        Ok(dims) => {
            finding("model", Verdict::Ok, format!("{} ({dims} dimensions)", settings.model))
        }
        Err(error) => failure("model", &error),
    }
}

fn parsers(session: &Session) -> Finding {
    let attempt = || -> Result<()> {
        let readers: Readers = add::readers(&session.resolved.settings.ingest)?;
        let folder = tempfile::tempdir()?;
        let page = folder.path().join("page.html");
        std::fs::write(&page, "<p>Is anybody there?</p>")?;
        readers
            .read(&page, Hints::default())
            .map_err(|reason| anyhow::anyhow!("a parser process: {reason}"))?;
        Ok(())
    };
    match attempt() {
        Ok(()) => finding("parsers", Verdict::Ok, "a parser process starts and answers"),
        Err(error) => failure("parsers", &error),
    }
}

fn processor() -> Finding {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    finding(
        "processor",
        Verdict::Ok,
        format!(
            "{}, {} kernels",
            counted(threads as u64, "thread", "threads"),
            ragged::backend::kernels()
        ),
    )
}
