//! Facts: what was true when, and when it was known.

use anyhow::Result;
use jiff::tz::TimeZone;
use ragged::memory::{
    Contradiction, Fact, FactChange, FactDraft, FactQuery, NotedFact, PersonaMemory,
};

use super::super::{day_in, persona::of_persona, search, short_id};
use crate::{
    cli::{
        Session,
        args::memory::{FactCommand, OfPersona},
        printer::{Printer, counted, table, visible},
    },
    failure::Outcome,
    wire,
};

/// How facts of a persona are told: in its zone, with commands that are about it.
struct Manner {
    zone: TimeZone,
    of: String,
}

pub(crate) fn run(command: &FactCommand, of: &OfPersona, session: &Session) -> Result<Outcome> {
    let passphrase = of.passphrase_file.as_deref();
    let memory = match command {
        FactCommand::AddFact { .. } => session.memory(passphrase)?,
        _ => session.memory_to_read(passphrase)?,
    };
    let (persona, remembered) = Session::remembered(&memory, of.persona.as_deref())?;
    let printer = &session.printer;
    let zone = remembered.config().zone.clone();
    let manner = Manner { zone: zone.clone(), of: of_persona(&persona) };
    let moment = |flag: &str, text: &str, end| search::moment_in(flag, text, &zone, end);
    let begin = |flag: &str, text: &str| moment(flag, text, search::End::Beginning);
    match command {
        FactCommand::AddFact { fact_type, content, since, until, confidence, source } => {
            let draft = FactDraft {
                fact_type: fact_type.clone(),
                content: content.clone(),
                valid_from_ms: begin("--since", since)?,
                valid_to_ms: until.as_deref().map(|text| begin("--until", text)).transpose()?,
                confidence: *confidence,
                source: source.clone(),
            };
            let noted = remembered.add_fact(&draft)?;
            let what = if noted.is_new { "Noted" } else { "Known already" };
            let (id, is_new) = (short_id(&noted.fact.id).to_owned(), noted.is_new);
            let outcome = written(what, &noted, &manner, printer)?;
            if !is_new {
                printer.note(format!(
                    "Nothing was added; `ragged memory update-fact {id}{}` changes it.",
                    manner.of
                ));
            }
            Ok(outcome)
        }
        FactCommand::UpdateFact { id, content, since, until, confidence, reason } => {
            let change = FactChange {
                content: content.clone(),
                valid_from_ms: since.as_deref().map(|text| begin("--since", text)).transpose()?,
                valid_to_ms: until
                    .as_deref()
                    .map(|text| begin("--until", text))
                    .transpose()?
                    .map(Some),
                confidence: *confidence,
            };
            if change == FactChange::default() {
                return Err(crate::Usage::new("nothing of the fact is to change")
                    .with_hint("--content, --since, --until or --confidence says what")
                    .into());
            }
            changed("Changed", &remembered.update_fact(id, &change, reason)?, &manner, printer)
        }
        FactCommand::EndFact { id, until } => {
            let noted = remembered.end_fact(id, begin("--until", until)?)?;
            changed("Ended", &noted, &manner, printer)
        }
        FactCommand::DeleteFact { id, erase, confirm } => {
            delete(&remembered, id, *erase, *confirm, printer)
        }
        FactCommand::Facts { at, known_at, as_of, all, fact_type, .. } => {
            let now_ms = jiff::Timestamp::now().as_millisecond();
            let as_of = as_of.as_deref().map(|text| begin("--as-of", text)).transpose()?;
            let at = at.as_deref().map(|text| begin("--at", text)).transpose()?;
            let known = known_at.as_deref().map(|text| begin("--known-at", text)).transpose()?;
            let query = FactQuery {
                valid_at_ms: if *all { None } else { as_of.or(at).or(Some(now_ms)) },
                known_at_ms: as_of.or(known),
                fact_type: fact_type.clone(),
            };
            let facts = remembered.facts(&query)?;
            list(&facts, ("fact", "facts"), &zone, printer)
        }
        FactCommand::Fact { id } => show(&remembered, id, &manner, printer),
        FactCommand::FactHistory { id } => {
            let versions = remembered.fact_history(id)?;
            list(&versions, ("version", "versions"), &zone, printer)
        }
        FactCommand::RollbackFact { id, version } => {
            let noted = remembered.rollback_fact(id, *version)?;
            changed("Rolled back", &noted, &manner, printer)
        }
        FactCommand::Diff { a, b, known } => {
            let (a, b) = (begin("A", a)?, begin("B", b)?);
            let diff = remembered.diff_facts(a, b, *known)?;
            if printer.is_json() {
                printer.json(&wire::FactDiff {
                    added: diff.added.iter().map(wire::Fact::from).collect(),
                    ended: diff.ended.iter().map(wire::Fact::from).collect(),
                    changed: diff
                        .changed
                        .iter()
                        .map(|(before, after)| wire::FactChange {
                            before: before.into(),
                            after: after.into(),
                        })
                        .collect(),
                })?;
                return Ok(Outcome::Done);
            }
            for fact in &diff.ended {
                printer.line(format!("- {}", line(fact, &zone)))?;
            }
            for fact in &diff.added {
                printer.line(format!("+ {}", line(fact, &zone)))?;
            }
            for (before, after) in &diff.changed {
                printer.line(format!("- {}", line(before, &zone)))?;
                printer.line(format!("+ {}", line(after, &zone)))?;
            }
            printer.note(format!(
                "{} ended, {} added, {} changed between {} and {}",
                diff.ended.len(),
                diff.added.len(),
                diff.changed.len(),
                day_in(a, &zone),
                day_in(b, &zone)
            ));
            Ok(Outcome::Done)
        }
        FactCommand::Contradictions { keep } => {
            if let [one, other] = keep.as_slice() {
                let kept = remembered.keep_both(one, other)?;
                if printer.is_json() {
                    printer
                        .json(&serde_json::json!({ "kept": wire::Contradiction::from(&kept) }))?;
                    return Ok(Outcome::Done);
                }
                printer.line("Both stand:")?;
                printer.line(format!("  {}", line(&kept.earlier, &zone)))?;
                printer.line(format!("  {}", line(&kept.later, &zone)))?;
                return Ok(Outcome::Done);
            }
            let found = remembered.contradictions()?;
            if printer.is_json() {
                printer.json(&serde_json::json!({
                    "contradictions":
                        found.iter().map(wire::Contradiction::from).collect::<Vec<_>>(),
                }))?;
                return Ok(Outcome::Done);
            }
            if found.is_empty() {
                printer.line("No facts contradict each other.")?;
            }
            for (n, contradiction) in (1..).zip(&found) {
                printer.line(format!("{n}."))?;
                show_contradiction(contradiction, &manner, printer)?;
            }
            let n = counted(found.len() as u64, "contradiction", "contradictions");
            printer.note(n);
            Ok(Outcome::Done)
        }
    }
}

/// A fact in one line.
pub(crate) fn line(fact: &Fact, zone: &TimeZone) -> String {
    let since = day_in(fact.valid_from_ms, zone);
    let valid = match fact.valid_to_ms {
        Some(until) => format!("{since} until {}", day_in(until, zone)),
        None => format!("since {since}"),
    };
    format!(
        "{} ({}, {valid}) {}",
        visible(&fact.content),
        visible(&fact.fact_type),
        short_id(&fact.id)
    )
}

fn show_contradiction(
    contradiction: &Contradiction,
    manner: &Manner,
    printer: &Printer,
) -> Result<()> {
    let (earlier, later) = (&contradiction.earlier, &contradiction.later);
    printer.line(format!("  {}", line(earlier, &manner.zone)))?;
    printer.line(format!("  {}", line(later, &manner.zone)))?;
    for (command, effect) in settlements(contradiction, manner) {
        printer.line(format!("  {command}    {effect}"))?;
    }
    Ok(())
}

/// The commands that settle a contradiction, and what each does.
fn settlements(contradiction: &Contradiction, manner: &Manner) -> Vec<(String, &'static str)> {
    let Contradiction { earlier, later } = contradiction;
    let Manner { zone, of } = manner;
    let (first, second) = (short_id(&earlier.id), short_id(&later.id));
    let mut found =
        vec![(format!("ragged memory contradictions --keep {first} {second}{of}"), "both stand")];
    if earlier.valid_from_ms < later.valid_from_ms {
        found.push((
            format!(
                "ragged memory end-fact {first} --until {}{of}",
                day_in(later.valid_from_ms, zone)
            ),
            "the first ends where the second begins",
        ));
    }
    for (id, effect) in [(first, "the first was wrong"), (second, "the second is wrong")] {
        found.push((format!("ragged memory delete-fact {id} --confirm{of}"), effect));
    }
    found
}

fn show(
    remembered: &PersonaMemory,
    id: &str,
    manner: &Manner,
    printer: &Printer,
) -> Result<Outcome> {
    let day = |ms| day_in(ms, &manner.zone);
    let fact = remembered.fact(id)?;
    let against = remembered.contradictions_of(&fact)?;
    if printer.is_json() {
        printer.json(&wire::WrittenFact {
            fact: (&fact).into(),
            contradictions: against.iter().map(wire::Contradiction::from).collect(),
        })?;
        return Ok(Outcome::Done);
    }
    let first = remembered.fact_history(&fact.id)?.first().map_or(0, |first| first.known_from_ms);
    let mut lines = vec![
        ("id", fact.id.clone()),
        ("kind", visible(&fact.fact_type).into_owned()),
        ("fact", visible(&fact.content).into_owned()),
        ("true from", day(fact.valid_from_ms)),
        ("until", fact.valid_to_ms.map_or_else(|| "still".to_owned(), day)),
        ("confidence", fact.confidence.to_string()),
        ("noted", day(first)),
        (
            "version",
            format!("{}, {}: {}", fact.version, day(fact.known_from_ms), visible(&fact.reason)),
        ),
    ];
    if let Some(source) = &fact.source {
        lines.push(("source", visible(source).into_owned()));
    }
    for (name, value) in lines {
        printer.line(format!("{name:<10}  {value}"))?;
    }
    if !against.is_empty() {
        printer.warning("it contradicts another fact:");
    }
    for contradiction in &against {
        show_contradiction(contradiction, manner, printer)?;
    }
    Ok(Outcome::Done)
}

/// Says what a change came to, or that it changes nothing.
fn changed(what: &str, noted: &NotedFact, manner: &Manner, printer: &Printer) -> Result<Outcome> {
    let outcome = written(if noted.is_new { what } else { "As it was" }, noted, manner, printer)?;
    if !noted.is_new {
        printer.note("That changes nothing, and no version was added.");
    }
    Ok(outcome)
}

fn written(what: &str, noted: &NotedFact, manner: &Manner, printer: &Printer) -> Result<Outcome> {
    let NotedFact { fact, contradictions, is_new } = noted;
    if printer.is_json() {
        printer.json(&wire::NotedFact {
            written: wire::WrittenFact {
                fact: fact.into(),
                contradictions: contradictions.iter().map(wire::Contradiction::from).collect(),
            },
            changed: *is_new,
        })?;
        return Ok(Outcome::Done);
    }
    printer.line(format!("{what}: {}", line(fact, &manner.zone)))?;
    if !contradictions.is_empty() {
        printer.warning("it contradicts what was noted before:");
    }
    for contradiction in contradictions {
        show_contradiction(contradiction, manner, printer)?;
    }
    Ok(Outcome::Done)
}

fn list(
    facts: &[Fact],
    (one, many): (&str, &str),
    zone: &TimeZone,
    printer: &Printer,
) -> Result<Outcome> {
    let day = |ms| day_in(ms, zone);
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "facts": facts.iter().map(wire::Fact::from).collect::<Vec<_>>(),
        }))?;
        return Ok(Outcome::Done);
    }
    let header =
        ["id", "version", "kind", "fact", "true from", "until", "known from", "until", "why"];
    let mut rows = table(printer, &header);
    for fact in facts {
        rows.add_row([
            short_id(&fact.id).to_owned(),
            fact.version.to_string(),
            visible(&fact.fact_type).into_owned(),
            visible(&fact.content).into_owned(),
            day(fact.valid_from_ms),
            fact.valid_to_ms.map(day).unwrap_or_default(),
            day(fact.known_from_ms),
            fact.known_to_ms.map(day).unwrap_or_default(),
            visible(&fact.reason).into_owned(),
        ]);
    }
    if facts.is_empty() {
        printer.line("No facts that fit.")?;
    } else {
        printer.line(rows.trim_fmt())?;
    }
    printer.note(counted(facts.len() as u64, one, many));
    Ok(Outcome::Done)
}

fn delete(
    remembered: &PersonaMemory,
    id: &str,
    erase: bool,
    confirm: bool,
    printer: &Printer,
) -> Result<Outcome> {
    let history = remembered.fact_history(id)?;
    let Some(last) = history.last() else { return Ok(Outcome::Done) };
    if !erase {
        // Says so where it was deleted already, confirmed or not.
        remembered.fact(&last.id)?;
    }
    if confirm && erase {
        remembered.erase_fact(&last.id)?;
        remembered.erase_remains()?;
    } else if confirm {
        remembered.delete_fact(&last.id)?;
    }
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "id": last.id,
            "versions": history.len(),
            "deleted": confirm,
            "erased": confirm && erase,
        }))?;
        return Ok(Outcome::Done);
    }
    let what = match (confirm, erase) {
        (true, true) => "Erased with its history",
        (true, false) => "Deleted; `fact-history` still shows it",
        (false, true) => "Would erase with its history",
        (false, false) => "Would delete",
    };
    printer.line(format!("{what}: {}", line(last, &remembered.config().zone)))?;
    if !confirm {
        printer.note("Nothing was changed; --confirm does it.");
    }
    Ok(Outcome::Done)
}
