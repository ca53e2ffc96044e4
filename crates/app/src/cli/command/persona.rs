//! `persona`: who asks.

use anyhow::Result;
use ragged::{
    collection::CollectionName,
    library::Library,
    memory::{
        CitationStyle, DetailLevel, Persona, PersonaDraft, PersonaName, Recording, ResponseStyle,
    },
};

use super::{collection, time_in};
use crate::{
    cli::{
        Session,
        args::memory::{Citations, Detail, PersonaCommand, PersonaSaid, Style},
        printer::{counted, table, thousands, visible, word},
        profiling,
    },
    failure::Outcome,
    wire,
};

pub(crate) fn run(command: PersonaCommand, session: &Session) -> Result<Outcome> {
    match command {
        PersonaCommand::Create { name, said, yes } => create(&name, &said, yes, session),
        PersonaCommand::List => list(session),
        PersonaCommand::Show { name } => {
            let memory = session.memory_to_read(None)?;
            print(&Session::persona(&memory, name.as_deref())?, session)
        }
        PersonaCommand::Switch { name } => {
            let persona = session.memory(None)?.switch_to(&named(&name)?)?;
            if session.printer.is_json() {
                return print(&persona, session);
            }
            session.printer.line(format!("{} is active now.", visible(persona.name.as_str())))?;
            note_recording(&persona, session);
            Ok(Outcome::Done)
        }
        PersonaCommand::Edit { name, said } => {
            let memory = session.memory(None)?;
            let known = memory.persona(&named(&name)?)?;
            let persona = memory.edit_persona(&known.name, &draft(&said, known.draft)?)?;
            if said.projects.is_some() {
                memory.of(&persona.name)?.set_projects(&persona.draft.active_projects)?;
            }
            warn_of_missing_collections(&persona, session)?;
            print(&persona, session)
        }
        PersonaCommand::Delete { name, confirm } => delete(&name, confirm, session),
    }
}

/// A name as typed; what cannot be one is a usage error.
fn named(name: &str) -> Result<PersonaName, crate::Usage> {
    Ok(name.parse::<PersonaName>()?)
}

fn create(name: &str, said: &PersonaSaid, yes: bool, session: &Session) -> Result<Outcome> {
    let memory = session.memory(None)?;
    let name = named(name)?;
    let made = memory.create_persona(&name, &draft(said, PersonaDraft::default())?)?;
    if !made.draft.active_projects.is_empty() {
        memory.of(&name)?.set_projects(&made.draft.active_projects)?;
    }
    let agreed = yes || session.agrees(
        "Record what this persona asks, encrypted and on this machine only, to rank by it? [y/N] ",
    )?;
    if agreed {
        memory.set_recording(&name, Recording::On)?;
    }
    let persona = memory.persona(&name)?;
    warn_of_missing_collections(&persona, session)?;
    if session.printer.is_json() {
        return print(&persona, session);
    }
    session.printer.line(format!("Made {}.", visible(name.as_str())))?;
    note_recording(&persona, session);
    if !persona.is_active {
        let name = word(name.as_str());
        session.printer.note(format!("`ragged persona switch {name}` makes it the active one."));
    }
    Ok(Outcome::Done)
}

/// A persona may be made before the collections that it reads; until then it finds nothing.
fn warn_of_missing_collections(persona: &Persona, session: &Session) -> Result<()> {
    let wanted = &persona.draft.collections;
    if wanted.is_empty() {
        return Ok(());
    }
    let known = if Library::exists(&session.resolved.data_dir) {
        session.library()?.collections()?
    } else {
        Vec::new()
    };
    for missing in wanted.iter().filter(|name| known.iter().all(|row| row.name != **name)) {
        session.printer.warning(format!(
            "there is no collection {missing} yet; `ragged collection create {}` makes it",
            word(missing.as_str())
        ));
    }
    Ok(())
}

/// What a command about a persona ends in, if it is not the active one.
pub(crate) fn of_persona(persona: &Persona) -> String {
    if persona.is_active {
        return String::new();
    }
    format!(" --persona {}", word(persona.name.as_str()))
}

/// Says whether questions are recorded, and how to change that.
fn note_recording(persona: &Persona, session: &Session) {
    let of = of_persona(persona);
    session.printer.note(match persona.recording {
        Recording::On => format!("What it asks is recorded; `ragged memory pause{of}` stops that."),
        Recording::Paused => format!("Recording is paused; `ragged memory enable{of}` goes on."),
        Recording::Off => {
            format!("Nothing is recorded; `ragged memory enable{of}` turns it on.")
        }
    });
}

fn list(session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let memory = session.memory_to_read(None)?;
    let personas = memory.personas()?;
    if printer.is_json() {
        printer.json(&personas.iter().map(wire::Persona::from).collect::<Vec<_>>())?;
        return Ok(Outcome::Done);
    }
    let header = ["", "name", "memory", "collections", "questions", "last asked", "description"];
    let mut rows = table(printer, &header);
    for persona in &personas {
        // A persona that nothing was ever kept of has no file yet, and needs none.
        let (n_questions, last_asked) = if memory.vault().contains(&persona.file_id) {
            let remembered = memory.of(&persona.name)?;
            let counts = remembered.counts()?;
            let shown = |ms| time_in(ms, &remembered.config().zone);
            (counts.interactions, counts.last_ms.map(shown).unwrap_or_default())
        } else {
            (0, String::new())
        };
        let collections: Vec<&str> =
            persona.draft.collections.iter().map(CollectionName::as_str).collect();
        rows.add_row([
            if persona.is_active { "*" } else { "" }.to_owned(),
            visible(persona.name.as_str()).into_owned(),
            persona.recording.as_str().to_owned(),
            if collections.is_empty() {
                "all".to_owned()
            } else {
                visible(&collections.join(", ")).into_owned()
            },
            thousands(n_questions),
            last_asked,
            visible(&persona.draft.description).into_owned(),
        ]);
    }
    printer.line(rows.trim_fmt())?;
    printer.note(counted(personas.len() as u64, "persona", "personas"));
    Ok(Outcome::Done)
}

fn print(persona: &Persona, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&wire::Persona::from(persona))?;
        return Ok(Outcome::Done);
    }
    let draft = &persona.draft;
    let collections: Vec<&str> = draft.collections.iter().map(CollectionName::as_str).collect();
    let listed = |items: &[String]| visible(&items.join(", ")).into_owned();
    let zone = session.zone()?;
    let shown = |ms| time_in(ms, &zone);
    let switched_to = match (persona.usage_count, persona.last_used_ms.map(shown)) {
        (n, Some(last)) => format!("{}, last {last}", counted(n, "time", "times")),
        _ => "never".to_owned(),
    };
    for (label, value) in [
        ("name", visible(persona.name.as_str()).into_owned()),
        ("active", if persona.is_active { "yes" } else { "no" }.to_owned()),
        ("memory", persona.recording.as_str().to_owned()),
        ("learns", if persona.is_learning { "yes" } else { "no" }.to_owned()),
        ("ranks", if persona.is_personalised { "yes" } else { "no" }.to_owned()),
        ("description", visible(&draft.description).into_owned()),
        ("focus", listed(&draft.focus_areas)),
        ("projects", listed(&draft.active_projects)),
        (
            "collections",
            if collections.is_empty() {
                "all".to_owned()
            } else {
                visible(&collections.join(", ")).into_owned()
            },
        ),
        ("style", draft.response_style.as_str().to_owned()),
        ("detail", draft.detail_level.as_str().to_owned()),
        ("citations", draft.citation_style.as_str().to_owned()),
        ("made", shown(persona.created_ms)),
        ("switched to", switched_to),
    ] {
        if !value.is_empty() {
            printer.line(format!("{label:<12} {value}"))?;
        }
    }
    Ok(Outcome::Done)
}

fn delete(name: &str, confirm: bool, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let name = named(name)?;
    let memory = session.memory_to_read(None)?;
    let persona = memory.persona(&name)?;
    if confirm {
        memory.delete_persona(&persona.name)?;
        profiling::forget_erased(&memory, session);
    } else if name.is_default() {
        return Err(crate::Usage::new("the persona \"default\" cannot be deleted")
            .with_hint("`ragged memory clear --confirm` empties it")
            .into());
    }
    if printer.is_json() {
        printer
            .json(&serde_json::json!({ "persona": persona.name.as_str(), "deleted": confirm }))?;
    } else if confirm {
        printer.line(format!(
            "Destroyed {}: its key first, then its file.",
            visible(persona.name.as_str())
        ))?;
    } else {
        printer.line(format!(
            "Would destroy {} and everything that it remembers.",
            visible(persona.name.as_str())
        ))?;
        printer.note("Nothing was changed; --confirm does it, and nothing brings it back.");
    }
    Ok(Outcome::Done)
}

/// What was said, over what was known.
fn draft(said: &PersonaSaid, known: PersonaDraft) -> Result<PersonaDraft> {
    let listed = |text: &Option<String>, known: Vec<String>| match text {
        None => known,
        Some(text) => text
            .split(',')
            .map(|item| item.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|item| !item.is_empty())
            .collect(),
    };
    let collections = if said.collections.is_empty() {
        known.collections
    } else {
        let named = said.collections.iter().filter(|name| !name.trim().is_empty());
        named.map(|name| collection::named(name)).collect::<Result<_, _>>()?
    };
    Ok(PersonaDraft {
        description: said.description.clone().unwrap_or(known.description),
        focus_areas: listed(&said.focus, known.focus_areas),
        active_projects: listed(&said.projects, known.active_projects),
        collections,
        response_style: said.style.map_or(known.response_style, |style| match style {
            Style::Technical => ResponseStyle::Technical,
            Style::Balanced => ResponseStyle::Balanced,
            Style::Simple => ResponseStyle::Simple,
        }),
        detail_level: said.detail.map_or(known.detail_level, |detail| match detail {
            Detail::Brief => DetailLevel::Brief,
            Detail::Balanced => DetailLevel::Balanced,
            Detail::Detailed => DetailLevel::Detailed,
        }),
        citation_style: said.citations.map_or(known.citation_style, |citations| match citations {
            Citations::Inline => CitationStyle::Inline,
            Citations::Footnote => CitationStyle::Footnote,
            Citations::None => CitationStyle::None,
        }),
    })
}
