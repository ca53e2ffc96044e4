//! Consent, and the record of what was asked.

use anyhow::Result;
use console::style;
use ragged::memory::{
    Feedback, Interaction, InteractionFilter, Memory, Persona, PersonaMemory, Recording,
};

use super::{
    super::{joined, search, short_id, time_in},
    privacy::warn_of_remains,
};
use crate::{
    Usage,
    cli::{
        Session,
        args::memory::{ListedArgs, OfPersona, RecordCommand},
        printer::{bytes, counted, one_line, table, thousands, visible},
    },
    failure::Outcome,
    wire,
};

/// Columns of a list of interactions but for the question.
const BESIDE_QUESTION: usize = 60;
/// Columns of a question, however narrow the terminal.
const QUESTION_MIN: usize = 20;

pub(crate) fn run(command: &RecordCommand, of: &OfPersona, session: &Session) -> Result<Outcome> {
    let passphrase = of.passphrase_file.as_deref();
    let memory = match command {
        RecordCommand::Enable | RecordCommand::Disable | RecordCommand::Pause => {
            session.memory(passphrase)?
        }
        _ => session.memory_to_read(passphrase)?,
    };
    let (persona, remembered) = Session::remembered(&memory, of.persona.as_deref())?;
    match command {
        RecordCommand::Enable => set(&memory, &persona, Recording::On, session),
        RecordCommand::Disable => set(&memory, &persona, Recording::Off, session),
        RecordCommand::Pause => set(&memory, &persona, Recording::Paused, session),
        RecordCommand::Status | RecordCommand::Stats => stats(&persona, &remembered, session),
        RecordCommand::List(listed) => {
            let (filter, limit) = (filter(listed, None, &remembered)?, Some(listed.limit));
            list(&persona, &remembered, &filter, limit, session)
        }
        RecordCommand::Search { text, listed } => {
            let filter = filter(listed, Some(joined(text)), &remembered)?;
            list(&persona, &remembered, &filter, Some(listed.limit), session)
        }
        RecordCommand::Show { id } => show(&remembered.interaction(id)?, &remembered, session),
        RecordCommand::ShowAll => {
            let all = InteractionFilter::default();
            list(&persona, &remembered, &all, None, session)
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
    let since_ms = moment("--since", &listed.since, search::End::Beginning)?;
    let until_ms = moment("--until", &listed.until, search::End::End)?;
    if let (Some(since), Some(until)) = (since_ms, until_ms)
        && since >= until
    {
        return Err(Usage::new("--since is after --until").into());
    }
    Ok(InteractionFilter { since_ms, until_ms, session_id: None, text })
}

/// Lists interactions: so many, each in one line, or all of them as they are.
fn list(
    persona: &Persona,
    remembered: &PersonaMemory,
    filter: &InteractionFilter,
    limit: Option<usize>,
    session: &Session,
) -> Result<Outcome> {
    let printer = &session.printer;
    let found = remembered.interactions(filter, limit.unwrap_or(usize::MAX))?;
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
    let zone = &remembered.config().zone;
    let columns = printer.width().saturating_sub(BESIDE_QUESTION).max(QUESTION_MIN);
    for interaction in &found {
        let question = match limit {
            Some(_) => one_line(&interaction.query, columns),
            None => visible(&interaction.query).into_owned(),
        };
        rows.add_row([
            short_id(&interaction.id).to_owned(),
            time_in(interaction.timestamp_ms, zone),
            interaction.kind.as_str().to_owned(),
            question,
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

fn show(
    interaction: &Interaction,
    remembered: &PersonaMemory,
    session: &Session,
) -> Result<Outcome> {
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
        ("when", time_in(interaction.timestamp_ms, &remembered.config().zone)),
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
    let verdict = Verdict::read(verdict)?;
    match verdict {
        Verdict::Given(feedback) => {
            remembered.set_feedback(&known.id, Some(feedback), None)?;
        }
        Verdict::Withdrawn => remembered.withdraw_feedback(&known.id)?,
        Verdict::Words(words) => {
            remembered.set_feedback(&known.id, known.feedback, Some(words))?;
        }
    }
    let printer = &session.printer;
    if printer.is_json() {
        show(&remembered.interaction(&known.id)?, remembered, session)?;
    } else {
        let done = if verdict == Verdict::Withdrawn { "Taken back" } else { "Kept" };
        printer.line(format!("{done} for {}.", short_id(&known.id)))?;
    }
    // Words that were taken back are to be nowhere in the file.
    if verdict == Verdict::Withdrawn
        && known.correction.is_some()
        && let Err(error) = remembered.erase_remains()
    {
        warn_of_remains(Some(&error), printer);
        return Ok(Outcome::Partial);
    }
    Ok(Outcome::Done)
}

/// What is said of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict<'a> {
    Given(Feedback),
    /// Nothing any more.
    Withdrawn,
    /// What should have been answered.
    Words(&'a str),
}

impl<'a> Verdict<'a> {
    const WORDS: [(&'static str, Self); 5] = [
        ("good", Self::Given(Feedback::Good)),
        ("positive", Self::Given(Feedback::Good)),
        ("bad", Self::Given(Feedback::Bad)),
        ("negative", Self::Given(Feedback::Bad)),
        ("none", Self::Withdrawn),
    ];

    /// A single word that is nearly one of those that are known is a slip, and no correction.
    fn read(text: &'a str) -> Result<Self, Usage> {
        let word = text.trim().to_lowercase();
        if let Some((_, verdict)) = Self::WORDS.iter().find(|(known, _)| *known == word) {
            return Ok(*verdict);
        }
        let is_near = |known: &str| {
            let most = if known.len() > 4 { 2 } else { 1 };
            strsim::osa_distance(known, &word) <= most
        };
        match Self::WORDS.iter().find(|(known, _)| is_near(known)) {
            Some((known, _)) => Err(Usage::new(format!("{text:?} is no verdict"))
                .with_hint(format!("did you mean {known}? A correction has several words"))),
            None => Ok(Self::Words(text)),
        }
    }
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
        let zone = &remembered.config().zone;
        let (first, last) = (time_in(first, zone), time_in(last, zone));
        printer.line(format!("{:<14} {first} to {last}", "asked"))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_no_correction() {
        for (text, verdict) in [
            ("good", Verdict::Given(Feedback::Good)),
            ("Bad", Verdict::Given(Feedback::Bad)),
            ("negative", Verdict::Given(Feedback::Bad)),
            ("NONE", Verdict::Withdrawn),
            ("not good", Verdict::Words("not good")),
            ("it was goood", Verdict::Words("it was goood")),
            ("Bergen", Verdict::Words("Bergen")),
        ] {
            assert_eq!(Verdict::read(text).unwrap(), verdict, "{text}");
        }
        for (slip, meant) in [
            ("godo", "good"),
            ("goood", "good"),
            ("bda", "bad"),
            ("non", "none"),
            ("postive", "positive"),
        ] {
            let error = Verdict::read(slip).unwrap_err();
            assert!(error.hint().is_some_and(|hint| hint.contains(meant)), "{slip}: {error:?}");
        }
    }
}
