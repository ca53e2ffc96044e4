//! `collection`: named parts of the library.

use anyhow::Result;
use ragged::{collection::CollectionName, library::Library};

use crate::{
    cli::{
        Session,
        args::CollectionCommand,
        printer::{bytes, counted, table, thousands, visible},
    },
    failure::Outcome,
    wire,
};

pub(crate) fn run(command: CollectionCommand, session: &Session) -> Result<Outcome> {
    match command {
        CollectionCommand::List => list(session),
        CollectionCommand::Rename { old, new } => rename(&old, &new, session),
        CollectionCommand::Remove { name, confirm, dry_run } => {
            remove(&name, confirm && !dry_run, session)
        }
    }
}

/// A name as typed; what cannot be one is a usage error.
pub(crate) fn named(name: &str) -> Result<CollectionName, crate::Usage> {
    Ok(name.parse::<CollectionName>()?)
}

fn list(session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let collections = session.existing_library()?.collections()?;
    if printer.is_json() {
        printer.json(&collections.iter().map(wire::Collection::from).collect::<Vec<_>>())?;
        return Ok(Outcome::Done);
    }
    let mut rows = table(printer, &["name", "files", "documents", "chunks", "text"]);
    for collection in &collections {
        rows.add_row([
            visible(collection.name.as_str()).into_owned(),
            thousands(collection.files),
            thousands(collection.documents),
            thousands(collection.chunks),
            bytes(collection.text_bytes),
        ]);
    }
    printer.line(rows.trim_fmt())?;
    printer.note(counted(collections.len() as u64, "collection", "collections"));
    Ok(Outcome::Done)
}

fn rename(old: &str, new: &str, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let (old, new) = (named(old)?, named(new)?);
    let generation = session.existing_library()?.rename_collection(&old, &new)?;
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "from": old.as_str(),
            "to": new.as_str(),
            "generation": generation.0,
        }))?;
    } else {
        printer.line(format!("{} is now called {}.", quoted(&old), quoted(&new)))?;
    }
    Ok(Outcome::Done)
}

fn remove(name: &str, for_good: bool, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let name = named(name)?;
    let library: Library = session.existing_library()?;
    let removal = library.remove_collection(&name, !for_good)?;
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "collection": name.as_str(),
            "files": removal.files,
            "documents": removal.documents,
            "chunks": removal.chunks,
            "removed": for_good,
        }))?;
        return Ok(Outcome::Done);
    }
    let files = counted(removal.files, "file", "files");
    let documents = counted(removal.documents, "document", "documents");
    if for_good {
        let what = if name.is_default() { "Emptied" } else { "Removed" };
        printer.line(format!(
            "{what} {}; forgot {files} and {documents} that no other collection holds.",
            quoted(&name)
        ))?;
    } else {
        let what = if name.is_default() { "empty" } else { "remove" };
        printer.line(format!(
            "Would {what} {} and forget {files} and {documents} that no other collection holds.",
            quoted(&name)
        ))?;
        printer.note("Nothing was changed; --confirm does it. The files themselves stay.");
    }
    Ok(Outcome::Done)
}

fn quoted(name: &CollectionName) -> String {
    format!("{:?}", visible(name.as_str()))
}
