//! Consent, and the record of what was asked.

use anyhow::Result;
use console::style;
use ragged::memory::{
    Feedback, Interaction, InteractionFilter, Memory, Persona, PersonaMemory, Recording,
};

use super::super::{joined, search, short_id, time_of_ms};
use crate::{
    cli::{
        Session,
        args::memory::{ListedArgs, OfPersona, RecordCommand},
        printer::{bytes, counted, table, thousands, visible},
    },
    failure::Outcome,
    wire,
};

pub(crate) fn run(command: &RecordCommand, of: &OfPersona, session: &Session) -> Result<Outcome> {
    let memory = session.memory(of.passphrase_file.as_deref())?;
    let (persona, remembered) = Session::remembered(&memory, of.persona.as_deref())?;
    match command {
        RecordCommand::Enable => set(&memory, &persona, Recording::On, session),
        RecordCommand::Disable => set(&memory, &persona, Recording::Off, session),
        RecordCommand::Pause => set(&memory, &persona, Recording::Paused, session),
        RecordCommand::Status | RecordCommand::Stats => stats(&persona, &remembered, session),
        RecordCommand::List(listed) => {
            list(&persona, &remembered, &filter(listed, None, &remembered)?, listed.limit, session)
        }
        RecordCommand::Search { text, listed } => {
            let filter = filter(listed, Some(joined(text)), &remembered)?;
            list(&persona, &remembered, &filter, listed.limit, session)
        }
        RecordCommand::Show { id } => show(&remembered.interaction(id)?, session),
        RecordCommand::ShowAll => {
            let all = InteractionFilter::default();
            list(&persona, &remembered, &all, usize::MAX, session)
        }
        RecordCommand::Feedback { id, verdict } => {
            feedback(&remembered, id, &joined(verdict), session)
        }
        RecordCommand::StorageUsage => storage(&memory, session),
    }
}

fn set(
    memory: &Memory,
    persona: &Persona,
    recording: Recording,
    session: &Session,
) -> Result<Outcome> {
    memory.set_recording(&persona.name, recording)?;
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&wire::Persona::from(&memory.persona(&persona.name)?))?;
        return Ok(Outcome::Done);
    }
    let name = visible(persona.name.as_str());
    printer.line(match recording {
        Recording::On => {
            format!("What {name} asks is recorded from now on, encrypted, on this machine only.")
        }
        Recording::Paused => {
            format!("Recording for {name} is paused; what is remembered still ranks.")
        }
        Recording::Off => {
            format!("Nothing more is recorded for {name}, and nothing ranks by what was.")
        }
    })?;
    if recording == Recording::Off {
        printer.note("What is remembered stays; `ragged memory clear --confirm` deletes it.");
    }
    Ok(Outcome::Done)
}

/// The interactions that options name.
pub(crate) fn filter(
    listed: &ListedArgs,
    text: Option<String>,
    remembered: &PersonaMemory,
) -> Result<InteractionFilter> {
    let zone = &remembered.config().zone;
    let moment = |flag, text: &Option<String>, end| -> Result<Option<i64>> {
        let Some(text) = text else { return Ok(None) };
        Ok(Some(search::moment_in(flag, text, zone, end)?))
    };
    Ok(InteractionFilter {
        since_ms: moment("--since", &listed.since, search::End::Beginning)?,
        until_ms: moment("--until", &listed.until, search::End::End)?,
        session_id: None,
        text,
    })
}

fn list(
    persona: &Persona,
    remembered: &PersonaMemory,
    filter: &InteractionFilter,
    limit: usize,
    session: &Session,
) -> Result<Outcome> {
    let printer = &session.printer;
    let found = remembered.interactions(filter, limit)?;
    let total = remembered.count_interactions(filter)?;
    if printer.is_json() {
        printer.json(&wire::Interactions {
            persona: persona.name.as_str().to_owned(),
            recording: persona.recording.as_str(),
            total,
            interactions: found.iter().map(wire::Interaction::from).collect(),
        })?;
        return Ok(Outcome::Done);
    }
    let mut rows = table(printer, &["id", "when", "with", "question", "feedback"]);
    for interaction in &found {
        rows.add_row([
            short_id(&interaction.id).to_owned(),
            time_of_ms(interaction.timestamp_ms),
            interaction.kind.as_str().to_owned(),
            visible(&interaction.query).into_owned(),
            interaction.feedback.map(Feedback::as_str).unwrap_or_default().to_owned(),
        ]);
    }
    if found.is_empty() {
        printer.line("Nothing is remembered that fits.")?;
    } else {
        printer.line(rows.trim_fmt())?;
    }
    printer.note(format!(
        "{} of {}; memory is {} for {}",
        thousands(found.len() as u64),
        counted(total, "interaction", "interactions"),
        persona.recording.as_str(),
        visible(persona.name.as_str()),
    ));
    Ok(Outcome::Done)
}

fn show(interaction: &Interaction, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&wire::Interaction::from(interaction))?;
        return Ok(Outcome::Done);
    }
    printer.line(style(visible(&interaction.query)).bold().to_string())?;
    if let Some(response) = &interaction.response {
        printer.line(visible(response))?;
    }
    let latency = interaction.latency_ms.map(|ms| format!("{ms:.1} ms")).unwrap_or_default();
    for (label, value) in [
        ("id", interaction.id.clone()),
        ("persona", visible(&interaction.persona).into_owned()),
        ("when", time_of_ms(interaction.timestamp_ms)),
        ("with", interaction.kind.as_str().to_owned()),
        ("session", interaction.session_id.clone()),
        ("by", visible(interaction.model_used.as_deref().unwrap_or_default()).into_owned()),
        ("took", latency),
        ("feedback", interaction.feedback.map(Feedback::as_str).unwrap_or_default().to_owned()),
        ("correction", visible(interaction.correction.as_deref().unwrap_or_default()).into_owned()),
    ] {
        if !value.is_empty() {
            printer.line(format!("{label:<10} {value}"))?;
        }
    }
    for topic in &interaction.topics {
        let source = wire::topic_source(topic.source);
        printer.line(format!(
            "topic      {} {:.2} ({source})",
            visible(&topic.name),
            topic.score
        ))?;
    }
    for document in &interaction.documents {
        let cited = if document.is_cited { ", cited" } else { "" };
        let path = printer.path(&document.path, &super::super::add::shortened(&document.path));
        printer.line(format!("found      {}. {path}{cited}", document.rank))?;
    }
    Ok(Outcome::Done)
}

fn feedback(
    remembered: &PersonaMemory,
    id: &str,
    verdict: &str,
    session: &Session,
) -> Result<Outcome> {
    let known = remembered.interaction(id)?;
    match verdict {
        "good" | "positive" => remembered.set_feedback(&known.id, Some(Feedback::Good), None)?,
        "bad" | "negative" => remembered.set_feedback(&known.id, Some(Feedback::Bad), None)?,
        "none" => remembered.set_feedback(&known.id, None, None)?,
        words => remembered.set_feedback(&known.id, known.feedback, Some(words))?,
    }
    let printer = &session.printer;
    if printer.is_json() {
        return show(&remembered.interaction(&known.id)?, session);
    }
    printer.line(format!("Kept for {}.", short_id(&known.id)))?;
    Ok(Outcome::Done)
}

fn stats(persona: &Persona, remembered: &PersonaMemory, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let counts = remembered.counts()?;
    if printer.is_json() {
        printer.json(&wire::MemoryStats::new(persona, &counts))?;
        return Ok(Outcome::Done);
    }
    printer.line(format!(
        "memory is {} for {}{}",
        persona.recording.as_str(),
        visible(persona.name.as_str()),
        if persona.is_learning { "" } else { ", and nothing is learned" },
    ))?;
    for (label, n) in [
        ("interactions", counts.interactions),
        ("sessions", counts.sessions),
        ("with feedback", counts.with_feedback),
        ("topics", counts.topics),
        ("documents", counts.documents),
        ("facts", counts.facts),
    ] {
        printer.line(format!("{label:<14} {}", thousands(n)))?;
    }
    if let (Some(first), Some(last)) = (counts.first_ms, counts.last_ms) {
        printer.line(format!("{:<14} {} to {}", "asked", time_of_ms(first), time_of_ms(last)))?;
    }
    Ok(Outcome::Done)
}

fn storage(memory: &Memory, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let usage = memory.storage()?;
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "personas": usage.personas.iter().map(|(name, bytes)| serde_json::json!({
                "persona": name.as_str(), "bytes": bytes,
            })).collect::<Vec<_>>(),
            "registry_bytes": usage.registry_bytes,
            "total_bytes": usage.total_bytes(),
        }))?;
        return Ok(Outcome::Done);
    }
    let mut rows = table(printer, &["of", "bytes"]);
    for (name, n) in &usage.personas {
        rows.add_row([visible(name.as_str()).into_owned(), bytes(*n)]);
    }
    rows.add_row(["registry".to_owned(), bytes(usage.registry_bytes)]);
    rows.add_row(["together".to_owned(), bytes(usage.total_bytes())]);
    printer.line(rows.trim_fmt())?;
    Ok(Outcome::Done)
}
