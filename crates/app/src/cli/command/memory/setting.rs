//! Settings of one persona, and all of memory in one file.

use std::path::Path;

use anyhow::Result;
use ragged::{
    memory::{Backup, Memory, Persona, Restored},
    settings::Settings,
    vault::Protection,
};

use super::super::config::tell_reset;
use crate::{
    Usage,
    cli::{
        Session,
        args::memory::{
            OfPersona,
            setting::{PersonaConfigCommand, SettingCommand},
        },
        printer::{bytes, counted, table, visible},
    },
    config::{self, KEYS, Resolved},
    failure::Outcome,
    wire,
};

pub(crate) fn run(command: &SettingCommand, of: &OfPersona, session: &Session) -> Result<Outcome> {
    let passphrase = of.passphrase_file.as_deref();
    let open = |memory: Memory| -> Result<(Memory, Persona)> {
        let persona = Session::persona(&memory, of.persona.as_deref())?;
        Ok((memory, persona))
    };
    match command {
        SettingCommand::Config { command: PersonaConfigCommand::Show { section } } => {
            let (memory, persona) = open(session.memory_to_read(passphrase)?)?;
            show(section.as_deref(), &memory, &persona, session)
        }
        SettingCommand::Get { key }
        | SettingCommand::Config { command: PersonaConfigCommand::Get { key } } => {
            let (memory, persona) = open(session.memory_to_read(passphrase)?)?;
            get(key, &memory, &persona, session)
        }
        SettingCommand::Set { key, value }
        | SettingCommand::Config { command: PersonaConfigCommand::Set { key, value } } => {
            let (memory, persona) = open(session.memory(passphrase)?)?;
            set(key, value, &memory, &persona, session)
        }
        SettingCommand::Config {
            command: PersonaConfigCommand::Reset { key, confirm, all: _ },
        } => {
            let (memory, persona) = open(session.memory_to_read(passphrase)?)?;
            match key {
                Some(key) => reset(key, &memory, &persona, session),
                None => reset_all(*confirm, &memory, &persona, session),
            }
        }
        SettingCommand::Backup { file, without_key } => {
            if !Memory::exists(&session.resolved.data_dir) {
                return Err(crate::Hinted::new(
                    "there is no memory to copy".to_owned(),
                    "`ragged memory enable` makes one".to_owned(),
                )
                .into());
            }
            let memory = session.memory(passphrase)?;
            backup(file, !without_key, &memory, session)
        }
        SettingCommand::Restore { file, confirm } => restore(file, *confirm, passphrase, session),
    }
}

/// The settings in force for a persona.
fn resolved(memory: &Memory, persona: &Persona, session: &Session) -> Result<Resolved> {
    let own = memory.persona_settings(&persona.name)?;
    let resolved = config::of_persona(&session.resolved, persona.name.as_str(), &own);
    for problem in &resolved.problems {
        session.printer.warning(format!("{problem}; {}", problem.hint));
    }
    Ok(resolved)
}

fn wire_of(key: &config::Key, resolved: &Resolved) -> wire::Setting {
    wire::Setting {
        key: key.name,
        value: key.shown(&resolved.settings),
        origin: resolved.origin(key).to_string(),
    }
}

fn show(
    section: Option<&str>,
    memory: &Memory,
    persona: &Persona,
    session: &Session,
) -> Result<Outcome> {
    let resolved = resolved(memory, persona, session)?;
    let is_shown = |key: &&config::Key| {
        key.is_personal()
            && section.is_none_or(|section| {
                let rest = key.name.strip_prefix(section);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
    };
    let settings: Vec<wire::Setting> =
        KEYS.iter().filter(is_shown).map(|key| wire_of(key, &resolved)).collect();
    if let Some(section) = section
        && settings.is_empty()
    {
        return Err(Usage::new(format!("no setting of a persona begins with {section:?}"))
            .with_hint("there are: personalisation, learning, memory, search")
            .into());
    }
    if session.printer.is_json() {
        session
            .printer
            .json(&wire::PersonaSettings { persona: persona.name.as_str().to_owned(), settings })?;
        return Ok(Outcome::Done);
    }
    let mut rows = table(&session.printer, &["setting", "value", "from"]);
    for setting in settings {
        rows.add_row([setting.key, &visible(&setting.value), &visible(&setting.origin)]);
    }
    session.printer.line(rows.trim_fmt())?;
    session.printer.note(format!("for {}", visible(persona.name.as_str())));
    Ok(Outcome::Done)
}

fn get(name: &str, memory: &Memory, persona: &Persona, session: &Session) -> Result<Outcome> {
    let key = config::find_personal(name)?;
    let setting = wire_of(key, &resolved(memory, persona, session)?);
    if session.printer.is_json() {
        session.printer.json(&setting)?;
    } else {
        session.printer.line(visible(&setting.value))?;
    }
    Ok(Outcome::Done)
}

fn set(
    name: &str,
    value: &str,
    memory: &Memory,
    persona: &Persona,
    session: &Session,
) -> Result<Outcome> {
    let key = config::find_personal(name)?;
    let mut settings = Settings::default();
    (key.set)(&mut settings, value)
        .map_err(|problem| Usage::new(format!("{}: {problem} ({})", key.name, key.kind)))?;
    memory.set_persona_setting(&persona.name, key.name, Some(value))?;
    told(key, memory, persona, session)
}

fn reset(name: &str, memory: &Memory, persona: &Persona, session: &Session) -> Result<Outcome> {
    let known = memory.persona_settings(&persona.name)?;
    // What is no setting, and was kept nevertheless, can be taken out.
    if config::find_personal(name).is_err() && known.iter().any(|(key, _)| key == name) {
        memory.set_persona_setting(&persona.name, name, None)?;
        if session.printer.is_json() {
            session.printer.json(&serde_json::json!({ "key": name, "value": null }))?;
        } else {
            session.printer.line(format!("{} is set no more", visible(name)))?;
        }
        return Ok(Outcome::Done);
    }
    let key = config::find_personal(name)?;
    memory.set_persona_setting(&persona.name, key.name, None)?;
    told(key, memory, persona, session)
}

fn reset_all(
    is_confirmed: bool,
    memory: &Memory,
    persona: &Persona,
    session: &Session,
) -> Result<Outcome> {
    let keys: Vec<String> = if is_confirmed {
        memory.reset_persona_settings(&persona.name)?
    } else {
        memory.persona_settings(&persona.name)?.into_iter().map(|(key, _)| key).collect()
    };
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "persona": persona.name.as_str(),
            "keys": keys,
            "reset": is_confirmed,
        }))?;
        return Ok(Outcome::Done);
    }
    tell_reset(&keys, is_confirmed, printer)?;
    printer.note(format!("for {}", visible(persona.name.as_str())));
    Ok(Outcome::Done)
}

/// Says what is in force now, and what stands above what was set, if anything does.
fn told(
    key: &'static config::Key,
    memory: &Memory,
    persona: &Persona,
    session: &Session,
) -> Result<Outcome> {
    let setting = wire_of(key, &resolved(memory, persona, session)?);
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&setting)?;
        return Ok(Outcome::Done);
    }
    printer.line(format!("{} = {}", setting.key, visible(&setting.value)))?;
    printer.note(format!("for {}; from: {}", visible(persona.name.as_str()), setting.origin));
    Ok(Outcome::Done)
}

fn backup(file: &Path, with_key: bool, memory: &Memory, session: &Session) -> Result<Outcome> {
    let Backup { n_personas, n_bytes, protection } =
        memory.backup(&session.resolved.data_dir, file, with_key)?;
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&wire::MemoryBackup {
            file: file.display().to_string(),
            personas: n_personas,
            bytes: n_bytes,
            key: protection.map_or("not-included", Protection::as_str),
        })?;
    } else {
        printer.line(format!(
            "Copied the memory of {} to {} ({}).",
            counted(n_personas, "persona", "personas"),
            visible(&file.display().to_string()),
            bytes(n_bytes)
        ))?;
    }
    match protection {
        Some(Protection::Passphrase) => printer
            .note("The key is in it, sealed by your passphrase: who has both can read all of it."),
        Some(_) => printer.warning(
            "the key is in it and has no passphrase: whoever has this file can read everything \
             that is remembered; `ragged memory key change-passphrase` seals the key, \
             --without-key leaves it out",
        ),
        None => printer.note(
            "The key is not in it: without a copy of that (`ragged memory key export FILE`) \
             nobody can read it, you included.",
        ),
    }
    Ok(Outcome::Done)
}

fn restore(
    file: &Path,
    is_confirmed: bool,
    passphrase_file: Option<&Path>,
    session: &Session,
) -> Result<Outcome> {
    let data_dir = &session.resolved.data_dir;
    if Memory::exists(data_dir) && !is_confirmed {
        return Err(Usage::new("there is a memory already, and restoring replaces all of it")
            .with_hint("`ragged memory restore FILE --confirm` does it; `ragged memory backup` first keeps what is there")
            .into());
    }
    crate::cli::keep_new_files_private();
    let passphrase = match Memory::backup_protection(data_dir, file)? {
        Some(Protection::Passphrase) => Some(Session::passphrase(passphrase_file)?),
        _ => None,
    };
    let Restored { n_personas } = Memory::restore(data_dir, file, passphrase.as_ref())?;
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&serde_json::json!({ "restored": true, "personas": n_personas }))?;
    } else {
        printer.line(format!("Restored {}.", counted(n_personas, "persona", "personas")))?;
    }
    Ok(Outcome::Done)
}
