//! `export` and `import`: what is remembered, out of one memory and into another.

use std::{
    io::{self, BufWriter, Read as _, Write},
    path::Path,
};

use super::super::search;
use crate::{
    cli::{
        Session,
        args::memory::{
            OfPersona,
            transfer::{Form, TransferCommand},
        },
        printer::{Printer, counted},
    },
    failure::Outcome,
    wire::{self, transfer},
};
use anyhow::{Context as _, Result};
use ragged::{
    error::{Error, ErrorKind},
    memory::{
        Feedback, InteractionFilter, MemoryRecords, Persona, PersonaMemory, audit::Operation,
    },
};

pub(crate) fn run(command: &TransferCommand, of: &OfPersona, session: &Session) -> Result<Outcome> {
    let memory = session.memory(of.passphrase_file.as_deref())?;
    let (persona, remembered) = Session::remembered(&memory, of.persona.as_deref())?;
    match command {
        TransferCommand::Export { file, form, since, until } => {
            let zone = remembered.config().zone.clone();
            let moment = |flag, text: &Option<String>, end| {
                text.as_deref().map(|text| search::moment_in(flag, text, &zone, end)).transpose()
            };
            let filter = InteractionFilter {
                since_ms: moment("--since", since, search::End::Beginning)?,
                until_ms: moment("--until", until, search::End::End)?,
                ..InteractionFilter::default()
            };
            let n = export(file, *form, &persona, &remembered, &filter)?;
            memory.note(
                Operation::Export,
                Some(&persona.name),
                &[("interactions", n.to_string())],
            )?;
            told(file, n, &persona, &session.printer)
        }
        TransferCommand::Import { file, dry_run } => {
            let report = import(file, *dry_run, &remembered, &session.printer)?;
            if let Some(n) = report {
                let n = n.to_string();
                memory.note(Operation::Import, Some(&persona.name), &[("interactions", n)])?;
            }
            Ok(Outcome::Done)
        }
    }
}

fn told(file: &Path, n: u64, persona: &Persona, printer: &Printer) -> Result<Outcome> {
    if is_stream(file) {
        return Ok(Outcome::Done);
    }
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "file": file.display().to_string(),
            "persona": persona.name.as_str(),
            "interactions": n,
        }))?;
    } else {
        let n = counted(n, "interaction", "interactions");
        printer.line(format!("Wrote {n} to {}.", file.display()))?;
        printer.note("The file is not encrypted: whoever can read it can read your questions.");
    }
    Ok(Outcome::Done)
}

fn is_stream(file: &Path) -> bool {
    file == Path::new("-")
}

fn export(
    file: &Path,
    form: Form,
    persona: &Persona,
    remembered: &PersonaMemory,
    filter: &InteractionFilter,
) -> Result<u64> {
    let mut out: Box<dyn Write> = if is_stream(file) {
        Box::new(BufWriter::new(io::stdout().lock()))
    } else {
        Box::new(BufWriter::new(ragged::private_file(file)?))
    };
    let mut n = 0;
    match form {
        Form::Json => json(&mut out, persona, remembered, filter, &mut n)?,
        Form::Csv => csv(&mut out, remembered, filter, &mut n)?,
        Form::Yaml => yaml(&mut out, persona, remembered, filter, &mut n)?,
        Form::Markdown => markdown(&mut out, persona, remembered, filter, &mut n)?,
    }
    out.flush().with_context(|| format!("writing {}", file.display()))?;
    Ok(n)
}

/// What writing fails with, as an error of the library.
fn failed(error: impl Into<io::Error>) -> Error {
    Error::io(error.into()).context("writing the export")
}

/// What stands before the interactions, by name.
fn head(
    persona: &Persona,
    records: &MemoryRecords,
    total: u64,
) -> Vec<(&'static str, serde_json::Value)> {
    let value = |value: &dyn erased::Erased| value.value();
    vec![
        ("format", value(&transfer::FORMAT)),
        ("version", value(&transfer::VERSION)),
        ("persona", value(&wire::Persona::from(persona))),
        ("exported_at", value(&wire::moment(jiff::Timestamp::now().as_millisecond()))),
        ("total", value(&total)),
        ("topics", value(&list(&records.topics, transfer::Topic::from))),
        ("projects", value(&list(&records.projects, transfer::Project::from))),
        ("facts", value(&list(&records.facts, transfer::Fact::from))),
        (
            "relationships",
            value(&list(&records.relationships, |pair| transfer::Relationship {
                a: pair.a.clone(),
                b: pair.b.clone(),
                co_occurrence_count: pair.co_occurrence_count,
            })),
        ),
    ]
}

fn list<'a, T, W>(items: &'a [T], convert: impl Fn(&'a T) -> W) -> Vec<W> {
    items.iter().map(convert).collect()
}

/// Values of several types as JSON.
mod erased {
    pub(super) trait Erased {
        fn value(&self) -> serde_json::Value;
    }

    impl<T: serde::Serialize> Erased for T {
        fn value(&self) -> serde_json::Value {
            // Numbers, texts and lists of them: nothing here can fail to be JSON.
            serde_json::to_value(self).unwrap_or_default()
        }
    }
}

fn json(
    out: &mut dyn Write,
    persona: &Persona,
    remembered: &PersonaMemory,
    filter: &InteractionFilter,
    n: &mut u64,
) -> Result<()> {
    let out = std::cell::RefCell::new(out);
    remembered.export(
        filter,
        |records, total| {
            let mut out = out.borrow_mut();
            out.write_all(b"{\n").map_err(failed)?;
            for (name, value) in head(persona, records, total) {
                writeln!(out, "{name:?}: {value},").map_err(failed)?;
            }
            out.write_all(b"\"interactions\": [").map_err(failed)
        },
        |interaction| {
            let mut out = out.borrow_mut();
            out.write_all(if *n == 0 { b"\n" } else { b",\n" }).map_err(failed)?;
            serde_json::to_writer(&mut **out, &transfer::Interaction::from(interaction))
                .map_err(failed)?;
            *n += 1;
            Ok(())
        },
    )?;
    out.into_inner().write_all(b"\n]\n}\n").map_err(failed)?;
    Ok(())
}

fn yaml(
    out: &mut dyn Write,
    persona: &Persona,
    remembered: &PersonaMemory,
    filter: &InteractionFilter,
    n: &mut u64,
) -> Result<()> {
    let unwritable = |error: serde_saphyr::ser_error::Error| {
        Error::new(ErrorKind::Internal, format!("writing YAML: {error}"))
    };
    let out = std::cell::RefCell::new(out);
    let indented = |text: &str, first: &str| -> String {
        let mut lines = String::new();
        for (at, line) in text.lines().enumerate() {
            lines.push_str(if at == 0 { first } else { "  " });
            lines.push_str(line);
            lines.push('\n');
        }
        lines
    };
    remembered.export(
        filter,
        |records, total| {
            let mut out = out.borrow_mut();
            for (name, value) in head(persona, records, total) {
                let one = std::collections::BTreeMap::from([(name, value)]);
                let text = serde_saphyr::to_string(&one).map_err(unwritable)?;
                writeln!(out, "{}", text.trim_end()).map_err(failed)?;
            }
            writeln!(out, "interactions:{}", if total == 0 { " []" } else { "" }).map_err(failed)
        },
        |interaction| {
            let text = serde_saphyr::to_string(&transfer::Interaction::from(interaction))
                .map_err(unwritable)?;
            out.borrow_mut().write_all(indented(&text, "- ").as_bytes()).map_err(failed)?;
            *n += 1;
            Ok(())
        },
    )?;
    Ok(())
}

fn csv(
    out: &mut dyn Write,
    remembered: &PersonaMemory,
    filter: &InteractionFilter,
    n: &mut u64,
) -> Result<()> {
    let mut rows = ::csv::Writer::from_writer(out);
    let header = [
        "id",
        "persona",
        "timestamp",
        "session_id",
        "kind",
        "query",
        "response",
        "feedback",
        "correction",
        "topics",
        "documents",
    ];
    let unwritable = |error: ::csv::Error| failed(io::Error::other(error));
    rows.write_record(header).map_err(unwritable)?;
    remembered.for_each_interaction(filter, |known| {
        let topics: Vec<&str> = known.topics.iter().map(|topic| topic.name.as_str()).collect();
        let documents: Vec<&str> =
            known.documents.iter().map(|document| document.path.as_str()).collect();
        let row: [String; 11] = [
            known.id,
            cell(&known.persona),
            wire::moment(known.timestamp_ms),
            known.session_id,
            known.kind.as_str().to_owned(),
            cell(&known.query),
            cell(known.response.as_deref().unwrap_or_default()),
            known.feedback.map(Feedback::as_str).unwrap_or_default().to_owned(),
            cell(known.correction.as_deref().unwrap_or_default()),
            cell(&topics.join("; ")),
            cell(&documents.join("; ")),
        ];
        rows.write_record(row).map_err(unwritable)?;
        *n += 1;
        Ok(())
    })?;
    rows.flush().map_err(failed)?;
    Ok(())
}

/// A text that a spreadsheet does not take for a formula.
fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn markdown(
    out: &mut dyn Write,
    persona: &Persona,
    remembered: &PersonaMemory,
    filter: &InteractionFilter,
    n: &mut u64,
) -> Result<()> {
    let out = std::cell::RefCell::new(out);
    let quoted = |text: &str| -> String {
        let lines: Vec<String> = text.lines().map(|line| format!("> {line}")).collect();
        lines.join("\n") + "\n"
    };
    remembered.export(
        filter,
        |records, total| {
            let mut out = out.borrow_mut();
            let mut text = format!("# What {} remembers\n\n", persona.name);
            text.push_str(&format!("{}\n\n", counted(total, "interaction", "interactions")));
            let facts: Vec<&ragged::memory::Fact> =
                records.facts.iter().filter(|fact| fact.known_to_ms.is_none()).collect();
            if !facts.is_empty() {
                text.push_str("## Facts\n\n");
            }
            for fact in facts {
                text.push_str(&format!("- {}\n", super::fact::line(fact)));
            }
            let set = records.topics.iter().filter(|topic| topic.frequency > 1);
            let names: Vec<String> =
                set.map(|topic| format!("{} ({})", topic.name, topic.frequency)).collect();
            if !names.is_empty() {
                text.push_str(&format!("\n## Topics\n\n{}\n", names.join(", ")));
            }
            text.push_str("\n## Questions\n");
            out.write_all(text.as_bytes()).map_err(failed)
        },
        |known| {
            let mut text =
                format!("\n### {}\n\n{}\n\n", wire::moment(known.timestamp_ms), known.query);
            if let Some(response) = &known.response {
                text.push_str(&quoted(response));
                text.push('\n');
            }
            for document in known.documents.iter().filter(|document| document.is_cited) {
                text.push_str(&format!("- {}\n", document.path));
            }
            if let Some(correction) = &known.correction {
                text.push_str(&format!("\nCorrected: {correction}\n"));
            }
            *n += 1;
            out.borrow_mut().write_all(text.as_bytes()).map_err(failed)
        },
    )?;
    Ok(())
}

/// Brings a file in; how many interactions were new, unless nothing was to change.
fn import(
    file: &Path,
    dry_run: bool,
    remembered: &PersonaMemory,
    printer: &Printer,
) -> Result<Option<u64>> {
    let what = || format!("reading {}", file.display());
    let mut text = String::new();
    if is_stream(file) {
        io::stdin().lock().read_to_string(&mut text).with_context(what)?;
    } else {
        text = std::fs::read_to_string(file).with_context(what)?;
    }
    let hint = "it must be a file that `ragged memory export FILE` wrote";
    let read: transfer::Import = serde_json::from_str(&text).map_err(|error| {
        crate::Hinted::new(format!("{}: {error}", file.display()), hint.to_owned())
    })?;
    drop(text);
    if read.format != transfer::FORMAT {
        let message = format!("{} is of the format {:?}", file.display(), read.format);
        return Err(crate::Hinted::new(message, hint.to_owned()).into());
    }
    if read.version > transfer::VERSION {
        let message = format!(
            "{} has version {}, this program knows up to {}",
            file.display(),
            read.version,
            transfer::VERSION
        );
        return Err(crate::Hinted::new(message, "install a newer ragged".to_owned()).into());
    }
    let interactions = read
        .interactions
        .into_iter()
        .map(transfer::Interaction::into_new)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|message| crate::Hinted::new(message, hint.to_owned()))?;
    let records = MemoryRecords {
        topics: read.topics.into_iter().map(Into::into).collect(),
        projects: read.projects.into_iter().map(Into::into).collect(),
        facts: read.facts.into_iter().map(Into::into).collect(),
        relationships: Vec::new(),
    };
    if dry_run {
        let n = interactions.len() as u64;
        if printer.is_json() {
            printer.json(&serde_json::json!({ "interactions": n, "imported": false }))?;
        } else {
            let n = counted(n, "interaction", "interactions");
            let facts = counted(records.facts.len() as u64, "version", "versions");
            printer.line(format!("The file holds {n} and {facts} of facts."))?;
            printer.note("Nothing was changed.");
        }
        return Ok(None);
    }
    let report = remembered.import(&interactions, &records)?;
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "interactions": report.interactions,
            "topics": report.topics,
            "projects": report.projects,
            "fact_versions": report.fact_versions,
            "imported": true,
        }))?;
    } else {
        let known = interactions.len() as u64 - report.interactions;
        printer.line(format!(
            "Brought in {}, {} of facts; {} known already.",
            counted(report.interactions, "interaction", "interactions"),
            counted(report.fact_versions, "version", "versions"),
            counted(known, "was", "were"),
        ))?;
    }
    Ok(Some(report.interactions))
}
