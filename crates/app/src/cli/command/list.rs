//! `list`: the files in the library.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{add::shortened, search, time_of_ns};
use crate::{
    cli::{
        Session,
        args::ListArgs,
        printer::{bytes, counted, table, visible},
    },
    failure::Outcome,
    wire,
};

pub(crate) fn run(args: &ListArgs, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let library = session.existing_library()?;
    let reader = library.store().reader()?;
    if args.unreadable {
        let mut files = Vec::new();
        reader.unreadable_files(|path, reason| {
            files.push(wire::Unreadable { path: path.to_owned(), reason: reason.to_owned() });
        })?;
        if printer.is_json() {
            printer.json(&files)?;
        } else if files.is_empty() {
            printer.line("Every file could be read.")?;
        } else {
            for file in &files {
                let shown = printer.path(&file.path, &shortened(&file.path));
                printer.line(format!("{shown}: {}", visible(&file.reason)))?;
            }
        }
        return Ok(Outcome::Done);
    }

    let filter = search::named(&args.collections, args.glob.as_slice(), &args.types)?;
    library.require_collections(&filter)?;
    let documents: BTreeMap<_, _> =
        reader.documents()?.into_iter().map(|document| (document.id, document)).collect();
    let mut files = Vec::new();
    for file in reader.files()? {
        let Some(document) = documents.get(&file.document) else { continue };
        if !filter.admits(document, &file) {
            continue;
        }
        let dated = document.dated(&file.path, file.modified_ns);
        files.push(wire::ListedFile {
            path: file.path,
            document: document.id.0,
            format: document.format.as_str(),
            language: document.code_language.clone().or_else(|| document.language.clone()),
            title: document.title.clone(),
            chunks: document.chunks.n_chunks,
            size_bytes: file.size_bytes,
            modified: time_of_ns(file.modified_ns),
            collection: file.collection.as_str().to_owned(),
            dated: dated.shown(),
            dated_by: dated.by.as_str(),
        });
    }
    if printer.is_json() {
        printer.json(&files)?;
        return Ok(Outcome::Done);
    }
    if files.is_empty() {
        let is_narrowed = !filter.is_empty();
        if is_narrowed && !documents.is_empty() {
            printer.line(format!(
                "No file matches; the library holds {}.",
                counted(reader.counts()?.files, "file", "files")
            ))?;
        } else {
            printer.line("No files. `ragged add FOLDER` adds some.")?;
        }
        return Ok(Outcome::Done);
    }
    let mut rows = table(printer, &["id", "type", "chunks", "size", "path"]);
    for file in &files {
        rows.add_row([
            file.document.to_string(),
            file.format.to_owned(),
            file.chunks.to_string(),
            bytes(file.size_bytes),
            visible(&shortened(&file.path)).into_owned(),
        ]);
    }
    printer.line(rows.trim_fmt())?;
    printer.note(counted(files.len() as u64, "file", "files"));
    Ok(Outcome::Done)
}
