//! Facts: what was true when, and when it was known.

use anyhow::Result;
use ragged::memory::{Contradiction, Fact, FactChange, FactDraft, FactQuery, PersonaMemory};

use super::super::{search, short_id, time_of_ms};
use crate::{
    cli::{
        Session,
        args::memory::{FactCommand, OfPersona},
        printer::{Printer, counted, table, visible},
    },
    failure::Outcome,
    wire,
};

pub(crate) fn run(command: &FactCommand, of: &OfPersona, session: &Session) -> Result<Outcome> {
    let memory = session.memory(of.passphrase_file.as_deref())?;
    let (_, remembered) = Session::remembered(&memory, of.persona.as_deref())?;
    let printer = &session.printer;
    let zone = remembered.config().zone.clone();
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
            written("Noted", remembered.add_fact(&draft)?, printer)
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
            written("Changed", remembered.update_fact(id, &change, reason)?, printer)
        }
        FactCommand::EndFact { id, until } => {
            written("Ended", remembered.end_fact(id, begin("--until", until)?)?, printer)
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
            list(&facts, "fact", "facts", printer)
        }
        FactCommand::FactHistory { id } => {
            list(&remembered.fact_history(id)?, "version", "versions", printer)
        }
        FactCommand::RollbackFact { id, version } => {
            written("Rolled back", remembered.rollback_fact(id, *version)?, printer)
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
                printer.line(format!("- {}", line(fact)))?;
            }
            for fact in &diff.added {
                printer.line(format!("+ {}", line(fact)))?;
            }
            for (before, after) in &diff.changed {
                printer.line(format!("- {}", line(before)))?;
                printer.line(format!("+ {}", line(after)))?;
            }
            printer.note(format!(
                "{} ended, {} added, {} changed between {} and {}",
                diff.ended.len(),
                diff.added.len(),
                diff.changed.len(),
                time_of_ms(a),
                time_of_ms(b)
            ));
            Ok(Outcome::Done)
        }
        FactCommand::Contradictions => {
            let found = remembered.contradictions()?;
            if printer.is_json() {
                printer.json(&serde_json::json!({
                    "contradictions":
                        found.iter().map(wire::Contradiction::from).collect::<Vec<_>>(),
                }))?;
                return Ok(Outcome::Done);
            }
            for contradiction in &found {
                show_contradiction(contradiction, printer)?;
            }
            let n = counted(found.len() as u64, "contradiction", "contradictions");
            printer.note(n);
            Ok(Outcome::Done)
        }
    }
}

/// A fact in one line.
pub(crate) fn line(fact: &Fact) -> String {
    let since = day(fact.valid_from_ms);
    let valid = match fact.valid_to_ms {
        Some(until) => format!("{since} until {}", day(until)),
        None => format!("since {since}"),
    };
    format!(
        "{} ({}, {valid}) {}",
        visible(&fact.content),
        visible(&fact.fact_type),
        short_id(&fact.id)
    )
}

/// The day of a moment, or the moment where it is not midnight in UTC.
fn day(ms: i64) -> String {
    let shown = time_of_ms(ms);
    shown.strip_suffix("T00:00:00Z").map_or_else(|| shown.clone(), str::to_owned)
}

fn show_contradiction(contradiction: &Contradiction, printer: &Printer) -> Result<()> {
    let (earlier, later) = (&contradiction.earlier, &contradiction.later);
    printer.line(format!("  {}", line(earlier)))?;
    printer.line(format!("  {}", line(later)))?;
    printer.note(format!(
        "both are kept; to settle it: `ragged memory end-fact {} --until {}` ends the first where \
         the second begins, `ragged memory delete-fact {} --confirm` takes the second back",
        short_id(&earlier.id),
        time_of_ms(later.valid_from_ms),
        short_id(&later.id)
    ));
    Ok(())
}

fn written(
    what: &str,
    (fact, contradictions): (Fact, Vec<Contradiction>),
    printer: &Printer,
) -> Result<Outcome> {
    if printer.is_json() {
        printer.json(&wire::WrittenFact {
            fact: (&fact).into(),
            contradictions: contradictions.iter().map(wire::Contradiction::from).collect(),
        })?;
        return Ok(Outcome::Done);
    }
    printer.line(format!("{what}: {}", line(&fact)))?;
    if !contradictions.is_empty() {
        printer.warning("it contradicts what was noted before:");
    }
    for contradiction in &contradictions {
        show_contradiction(contradiction, printer)?;
    }
    Ok(Outcome::Done)
}

fn list(facts: &[Fact], one: &str, many: &str, printer: &Printer) -> Result<Outcome> {
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
    printer.line(format!("{what}: {}", line(last)))?;
    if !confirm {
        printer.note("Nothing was changed; --confirm does it.");
    }
    Ok(Outcome::Done)
}
