//! `model`: which models there are, and which one is used.

use std::path::Path;

use anyhow::Result;
use ragged::{
    embedding::registry::Hub,
    library::{BUILTIN_MODEL, Knowledge, Library, model_from_settings, models},
};

use super::check;
use crate::{
    cli::{
        Session,
        args::ModelCommand,
        printer::{bytes, counted, table, visible},
        progress,
    },
    config::ConfigFile,
    failure::Outcome,
    wire,
};

pub(crate) fn run(command: ModelCommand, session: &Session) -> Result<Outcome> {
    match command {
        ModelCommand::List => list(session),
        ModelCommand::Add { source, name } => add(&source, name.as_deref(), session),
        ModelCommand::Use { name } => select(&name, session),
        ModelCommand::Remove { name, confirm } => remove(&name, confirm, session),
    }
}

fn list(session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let chosen = &session.resolved.settings.embedding.model;
    let builtin = ragged::embedding::builtin()?;
    let identity = ragged::embedding::Embedder::identity(&builtin);
    let mut rows = vec![wire::Model {
        name: BUILTIN_MODEL.to_owned(),
        kind: identity.kind.to_string(),
        dims: Some(identity.dims),
        in_use: chosen == BUILTIN_MODEL,
        bytes: None,
    }];
    for model in models(&session.resolved.data_dir).list()? {
        rows.push(wire::Model {
            in_use: *chosen == model.identity.name,
            kind: model.identity.kind.to_string(),
            dims: Some(model.identity.dims),
            bytes: Some(model.bytes()),
            name: model.identity.name,
        });
    }
    if !rows.iter().any(|model| model.in_use) {
        rows.push(wire::Model {
            name: chosen.clone(),
            kind: if chosen.contains(':') { "remote" } else { "missing" }.to_owned(),
            dims: None,
            in_use: true,
            bytes: None,
        });
    }
    if printer.is_json() {
        printer.json(&rows)?;
        return Ok(Outcome::Done);
    }
    let mut shown = table(printer, &["", "name", "kind", "dimensions", "size"]);
    for model in rows {
        shown.add_row([
            if model.in_use { "→" } else { "" }.to_owned(),
            visible(&model.name).into_owned(),
            model.kind,
            model.dims.map_or_else(String::new, |dims| dims.to_string()),
            match model.bytes {
                Some(size) => bytes(size),
                None if model.name == BUILTIN_MODEL => "compiled in".to_owned(),
                None => String::new(),
            },
        ]);
    }
    printer.line(shown.trim_fmt())?;
    Ok(Outcome::Done)
}

fn add(source: &str, name: Option<&str>, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let registry = models(&session.resolved.data_dir);
    crate::cli::keep_new_files_private();
    let default_name = source.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next();
    let default_name = default_name.map(|file| file.strip_suffix(".rgm").unwrap_or(file));
    let name = name.or(default_name).unwrap_or(source);
    let path = Path::new(source);
    let installed = if path.is_dir() || path.is_file() {
        registry.add_folder(path, Some(name), |_| {})?
    } else if is_hub_id(source) {
        printer
            .note(format!("Downloading {source} from the hub; nothing else leaves this machine."));
        let bar = progress::counting(printer, "bytes");
        let installed = registry.add_from_hub(&Hub::default(), source, Some(name), |progress| {
            bar.set_message(progress.file.to_owned());
            bar.set_length(progress.total_bytes.unwrap_or(progress.done_bytes));
            bar.set_position(progress.done_bytes);
        });
        bar.finish_and_clear();
        installed?
    } else {
        return Err(anyhow::Error::new(crate::Hinted::new(
            format!("there is no folder and no file {source}"),
            "a hub id has the form org/name, such as sentence-transformers/all-MiniLM-L6-v2"
                .to_owned(),
        )));
    };
    if printer.is_json() {
        printer.json(&wire::Model {
            name: installed.identity.name.clone(),
            kind: installed.identity.kind.to_string(),
            dims: Some(installed.identity.dims),
            in_use: false,
            bytes: Some(installed.bytes()),
        })?;
        return Ok(Outcome::Done);
    }
    printer.line(format!(
        "Added {} ({} dimensions, {}).",
        installed.identity.name,
        installed.identity.dims,
        bytes(installed.bytes())
    ))?;
    printer.note(format!("`ragged model use {name}` makes the library's vectors with it."));
    Ok(Outcome::Done)
}

/// `org/name`, which is not a path that exists.
fn is_hub_id(source: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    source.split_once('/').is_some_and(|(org, name)| is_part(org) && is_part(name))
}

fn select(name: &str, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let mut settings = session.resolved.settings.clone();
    name.clone_into(&mut settings.embedding.model);
    // Fails here, before anything is changed, where there is no such model.
    let model =
        model_from_settings(&session.resolved.data_dir, &settings.embedding, Knowledge::Asked)?;
    let dims = model.identity().dims;
    drop(model);
    let mut chunks = 0;
    if Library::exists(&session.resolved.data_dir) {
        let library = session.library_to_reindex(settings)?;
        check::rebuild(session, &library)?;
        chunks = library.status()?.counts.chunks;
    }
    ConfigFile::read_or_new(&session.resolved.config_path())?.set("embedding.model", name)?;
    if printer.is_json() {
        printer.json(&serde_json::json!({ "model": name, "dims": dims, "chunks": chunks }))?;
    } else {
        printer.line(format!(
            "{} is used from now on; {} embedded with it.",
            visible(name),
            counted(chunks, "chunk was", "chunks were")
        ))?;
    }
    Ok(Outcome::Done)
}

fn remove(name: &str, confirm: bool, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    if name == BUILTIN_MODEL {
        return Err(anyhow::Error::new(crate::Hinted::new(
            format!("{BUILTIN_MODEL} is compiled into the program and cannot be removed"),
            "`ragged model use NAME` uses another one".to_owned(),
        )));
    }
    let registry = models(&session.resolved.data_dir);
    let installed = registry.get(name)?;
    if session.resolved.settings.embedding.model == name {
        return Err(anyhow::Error::new(crate::Hinted::new(
            format!("{name} is in use"),
            format!("`ragged model use {BUILTIN_MODEL}` first"),
        )));
    }
    let size = installed.bytes();
    if confirm {
        registry.remove(name)?;
    }
    if printer.is_json() {
        printer.json(&serde_json::json!({ "model": name, "bytes": size, "removed": confirm }))?;
    } else if confirm {
        printer.line(format!("Deleted {name} ({}).", bytes(size)))?;
    } else {
        printer.line(format!("Would delete {name} ({}).", bytes(size)))?;
        printer.note("Nothing was deleted; add --confirm to do it.");
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hub_ids() {
        for (source, expected) in [
            ("sentence-transformers/all-MiniLM-L6-v2", true),
            ("BAAI/bge-small-en-v1.5", true),
            ("just-a-name", false),
            ("../x/y", false),
            ("/abs/path", false),
            ("a/b/c", false),
        ] {
            assert_eq!(is_hub_id(source), expected, "{source}");
        }
    }
}
