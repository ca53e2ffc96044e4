//! `config`: reading and changing settings.

use anyhow::Result;
use ragged::settings::Settings;

use crate::{
    cli::{
        Session,
        args::ConfigCommand,
        printer::{Printer, counted, table, visible},
    },
    config::{self, ConfigFile, KEYS},
    failure::Outcome,
    wire,
};

pub(crate) fn run(command: ConfigCommand, session: &Session) -> Result<Outcome> {
    match command {
        ConfigCommand::Get { key } => get(&key, session),
        ConfigCommand::Set { key, value } => set(&key, &value, session),
        ConfigCommand::Unset { key } | ConfigCommand::Reset { key: Some(key), .. } => {
            unset(&key, session)
        }
        ConfigCommand::Reset { confirm, .. } => reset_all(confirm, session),
        ConfigCommand::Show { origin } => show(origin, session),
        ConfigCommand::Path => path(session),
    }
}

fn get(name: &str, session: &Session) -> Result<Outcome> {
    let key = config::find(name)?;
    let value = key.shown(&session.resolved.settings);
    if session.printer.is_json() {
        let origin = session.resolved.origin(key).to_string();
        session.printer.json(&wire::Setting { key: key.name, value, origin })?;
    } else {
        session.printer.line(visible(&value))?;
    }
    Ok(Outcome::Done)
}

fn set(name: &str, value: &str, session: &Session) -> Result<Outcome> {
    let key = config::find(name)?;
    // Checked before it is written, with all that the file says: a file with a bad value would
    // stop every later command. What is bad already does not keep other settings from being set.
    let mut settings = Settings::default();
    (key.set)(&mut settings, value)
        .map_err(|problem| crate::Usage::new(format!("{name}: {problem} ({})", key.kind)))?;
    let mut file = open(session)?;
    let before = config::problems_of(&file);
    let after = config::problems_of(&file.with(name, value));
    let made = after.iter().find(|new| before.iter().all(|old| old.key != new.key));
    if let Some(made) = made {
        return Err(anyhow::Error::new(
            crate::Usage::new(format!("{name} = {value} would break {made}"))
                .with_hint(made.hint.clone()),
        ));
    }
    file.set(name, value)?;
    let shown = key.shown(&settings);
    if session.printer.is_json() {
        let origin = file.path().display().to_string();
        session.printer.json(&wire::Setting { key: key.name, value: shown, origin })?;
    } else {
        session.printer.line(format!("{name} = {}", visible(&shown)))?;
        if matches!(name, "embedding.model" | "backend.tier") {
            session.printer.note("`ragged reindex` makes the vectors anew.");
        }
    }
    Ok(Outcome::Done)
}

fn unset(name: &str, session: &Session) -> Result<Outcome> {
    let key = config::find(name);
    let mut file = open(session)?;
    // What is no setting, and is in the file, can be taken out of it.
    let (name, value) = match key {
        Ok(key) => (key.name, key.shown(&Settings::default())),
        Err(error) => {
            if !file.unset(name)? {
                return Err(anyhow::Error::new(error));
            }
            if session.printer.is_json() {
                session.printer.json(&serde_json::json!({ "key": name, "value": null }))?;
            } else {
                session.printer.line(format!("{} is out of the file", visible(name)))?;
            }
            return Ok(Outcome::Done);
        }
    };
    let was_set = file.unset(name)?;
    if session.printer.is_json() {
        let origin = "default".to_owned();
        session.printer.json(&wire::Setting { key: name, value, origin })?;
    } else {
        let what = if was_set { "" } else { " (it was not set)" };
        session.printer.line(format!("{name} = {value}{what}"))?;
    }
    Ok(Outcome::Done)
}

fn reset_all(is_confirmed: bool, session: &Session) -> Result<Outcome> {
    let mut file = open(session)?;
    let keys: Vec<String> = file.values().map(|(name, _)| name.to_owned()).collect();
    if is_confirmed {
        file.unset_all()?;
    }
    if session.printer.is_json() {
        session.printer.json(&serde_json::json!({ "keys": keys, "reset": is_confirmed }))?;
    } else {
        tell_reset(&keys, is_confirmed, &session.printer)?;
    }
    Ok(Outcome::Done)
}

/// Says what setting all back does, or would do.
pub(super) fn tell_reset(keys: &[String], is_confirmed: bool, printer: &Printer) -> Result<()> {
    let n = counted(keys.len() as u64, "setting", "settings");
    if keys.is_empty() {
        return printer.line("Nothing was set.");
    }
    for key in keys {
        printer.line(visible(key))?;
    }
    if is_confirmed {
        printer.note(format!("Reset {n}."));
    } else {
        printer.note(format!("Would reset {n}. Nothing was changed; --confirm does it."));
    }
    Ok(())
}

/// The file, to be changed.
fn open(session: &Session) -> Result<ConfigFile> {
    let path = session.resolved.config_path();
    ConfigFile::read_or_new(&path).map_err(|error| {
        anyhow::Error::new(crate::Hinted::new(
            format!("{}: {error:#}", path.display()),
            "mend the file by hand, or move it away".to_owned(),
        ))
    })
}

fn show(with_origin: bool, session: &Session) -> Result<Outcome> {
    let settings: Vec<wire::Setting> = KEYS
        .iter()
        .map(|key| wire::Setting {
            key: key.name,
            value: key.shown(&session.resolved.settings),
            origin: session.resolved.origin(key).to_string(),
        })
        .collect();
    if session.printer.is_json() {
        session.printer.json(&settings)?;
        return Ok(Outcome::Done);
    }
    let header: &[&str] =
        if with_origin { &["setting", "value", "origin"] } else { &["setting", "value"] };
    let mut rows = table(&session.printer, header);
    for setting in settings {
        let mut row = vec![setting.key.to_owned(), visible(&setting.value).into_owned()];
        if with_origin {
            row.push(setting.origin);
        }
        rows.add_row(row);
    }
    session.printer.line(rows.trim_fmt())?;
    Ok(Outcome::Done)
}

fn path(session: &Session) -> Result<Outcome> {
    let path = session.resolved.config_path().display().to_string();
    if session.printer.is_json() {
        session.printer.json(&serde_json::json!({ "path": path }))?;
    } else {
        session.printer.line(path)?;
    }
    Ok(Outcome::Done)
}
