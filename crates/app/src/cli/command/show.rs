//! `show`: one document.

use std::collections::BTreeSet;

use anyhow::Result;
use ragged::{
    document::{OwnTime, TimeSource},
    error::{Error, ErrorKind},
    id::DocumentId,
    store::{DocumentRow, Reader},
};

use super::{add::absolute, time_of_ms};
use crate::{
    cli::{
        Session,
        args::ShowArgs,
        printer::{bytes, thousands, visible, visible_lines},
    },
    failure::Outcome,
    wire,
};

pub(crate) fn run(args: &ShowArgs, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let library = session.existing_library()?;
    let reader = library.store().reader()?;
    let document = find(&reader, &args.document)?;
    let files = reader.files_of(document.id)?;
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let collections: BTreeSet<&str> = files.iter().map(|file| file.collection.as_str()).collect();
    // As the first of its files holds it; a document without a file does not exist.
    let (path, modified_ns) =
        files.first().map_or(("", 0), |file| (file.path.as_str(), file.modified_ns));
    let dated = document.dated(path, modified_ns);
    let text =
        if args.text || args.chunks { reader.document_text(&document)? } else { String::new() };
    let mut chunks = Vec::new();
    if args.chunks {
        for (ordinal, place) in (0..).zip(reader.chunks(document.chunks)?) {
            chunks.push(wire::DocumentChunk {
                id: place.id.0,
                ordinal,
                start: place.span.start,
                end: place.span.end,
                lines: [place.lines.0, place.lines.1],
                pages: place.pages.map(|pages| [pages.0, pages.1]),
                heading: place.heading,
                text: place.span.of(&text).to_owned(),
            });
        }
    }
    if printer.is_json() {
        printer.json(&wire::Document {
            id: document.id.0,
            paths,
            collections: collections.into_iter().map(str::to_owned).collect(),
            format: document.format.as_str(),
            language: document.code_language.or(document.language),
            title: document.title,
            pages: document.pages,
            text_bytes: document.text_bytes,
            added: time_of_ms(document.added_ms),
            dated: dated.shown(),
            dated_by: dated.by.as_str(),
            own_created: document.own.created.map(OwnTime::shown),
            own_modified: document.own.modified.map(OwnTime::shown),
            content_hash: hexadecimal(&document.content_hash),
            n_chunks: document.chunks.n_chunks,
            text: args.text.then_some(text),
            chunks: args.chunks.then_some(chunks),
        })?;
        return Ok(Outcome::Done);
    }
    if args.text {
        // What goes to a program is the text, byte for byte.
        if printer.is_terminal() {
            printer.text(&visible_lines(&text))?;
        } else {
            printer.text(&text)?;
        }
        if !text.ends_with('\n') {
            printer.text("\n")?;
        }
        return Ok(Outcome::Done);
    }
    for path in &paths {
        printer.line(printer.path(path, path))?;
    }
    let mut facts = vec![
        ("id", document.id.to_string()),
        ("type", document.format.to_string()),
        ("chunks", document.chunks.n_chunks.to_string()),
        ("text", bytes(document.text_bytes)),
        ("dated", format!("{}, {}", dated.shown(), says(dated.by))),
        ("added", time_of_ms(document.added_ms)),
        ("in", collections.into_iter().collect::<Vec<_>>().join(", ")),
    ];
    let optional = [
        ("title", document.title.clone()),
        ("language", document.code_language.clone().or_else(|| document.language.clone())),
        ("pages", document.pages.map(|pages| thousands(u64::from(pages)))),
    ];
    facts.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    for (name, value) in facts {
        printer.line(format!("  {name:<9} {}", visible(&value)))?;
    }
    for chunk in &chunks {
        let place = match chunk.pages {
            Some([first, last]) if first == last => format!("page {first}"),
            Some([first, last]) => format!("pages {first}–{last}"),
            None => format!("lines {}–{}", chunk.lines[0], chunk.lines[1]),
        };
        let title = format!("── chunk {} · {place} · {} ", chunk.ordinal, visible(&chunk.heading));
        printer.line(format!("\n{}", console::style(title).dim()))?;
        printer.line(visible_lines(&chunk.text))?;
    }
    if !args.chunks {
        printer.note("`--text` prints its text, `--chunks` how it was cut.");
    }
    Ok(Outcome::Done)
}

fn find(reader: &Reader<'_>, name: &str) -> Result<DocumentRow> {
    let path = absolute(name)?;
    let id = match reader.file(&path)? {
        Some(file) => Some(file.document),
        None => name.parse().ok().map(DocumentId),
    };
    let document = id.map(|id| reader.document(id)).transpose()?.flatten();
    if let Some(document) = document {
        return Ok(document);
    }
    let nearest = reader
        .files()?
        .into_iter()
        .map(|file| (strsim::jaro_winkler(&file.path, &path), file.path))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(similarity, _)| *similarity > 0.9);
    let error = Error::new(ErrorKind::NotFound, format!("{name} is not in the library"));
    Err(anyhow::Error::new(match nearest {
        Some((_, nearest)) => error.with_hint(format!("did you mean {nearest}?")),
        None => error.with_hint("`ragged list` shows what is"),
    }))
}

/// Who gives a time, for people.
fn says(source: TimeSource) -> &'static str {
    match source {
        TimeSource::FrontMatter => "by its front matter",
        TimeSource::Email => "when it was sent",
        TimeSource::Pdf | TimeSource::Office => "by its properties",
        TimeSource::Book => "by the book's package",
        TimeSource::Page => "by the page's metadata",
        TimeSource::FileName => "by its file name",
        TimeSource::File => "when the file was changed",
        source => source.as_str(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |shown, byte| shown + &format!("{byte:02x}"))
}
