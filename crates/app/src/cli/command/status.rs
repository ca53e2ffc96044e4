//! `status`: what the library holds and what it costs.

use anyhow::Result;

use crate::{
    cli::{
        Session,
        printer::{bytes, counted, thousands, visible},
    },
    failure::Outcome,
    wire,
};

pub(crate) fn run(session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let library = session.existing_library()?;
    let status = library.status()?;
    if printer.is_json() {
        let mut wire = wire::Status::from(status);
        wire.data_dir = library.dir().display().to_string();
        printer.json(&wire)?;
        return Ok(Outcome::Done);
    }
    let counts = status.counts;
    let share = |part: u64| {
        if counts.text_bytes == 0 {
            String::new()
        } else {
            format!(" ({:.2} × the text)", part as f64 / counts.text_bytes as f64)
        }
    };
    let mut rows = vec![
        ("library", library.dir().display().to_string()),
        (
            "holds",
            format!(
                "{}, {}, {}",
                counted(counts.files, "file", "files"),
                counted(counts.documents, "document", "documents"),
                counted(counts.chunks, "chunk", "chunks")
            ),
        ),
        ("collections", thousands(status.collections)),
        ("text", bytes(counts.text_bytes)),
        ("on disk", format!("{}{}", bytes(status.bytes.total), share(status.bytes.total))),
        ("  text", format!("{}{}", bytes(status.bytes.library), share(status.bytes.library))),
        ("  words", format!("{}{}", bytes(status.bytes.lexical), share(status.bytes.lexical))),
        ("  vectors", format!("{}{}", bytes(status.bytes.vectors), share(status.bytes.vectors))),
        ("model", format!("{} ({} dimensions)", status.model, status.dims)),
        (
            "backend",
            format!(
                "{} ({})",
                status.backend.as_str(),
                counted(status.vectors.segments, "segment", "segments")
            ),
        ),
        ("generation", status.generation.to_string()),
    ];
    if counts.unreadable_files > 0 {
        rows.push((
            "unreadable",
            format!(
                "{} (`ragged list --unreadable`)",
                counted(counts.unreadable_files, "file", "files")
            ),
        ));
    }
    if !status.is_level {
        rows.push(("indexes", "behind; the next command that may write completes them".to_owned()));
    }
    for (name, value) in rows {
        let value = visible(&value);
        printer.line(format!("{} {value}", console::style(format!("{name:<11}")).dim()))?;
    }
    Ok(Outcome::Done)
}
