//! Deleting, proving it, and the key.

use std::path::Path;

use anyhow::Result;
use console::style;
use ragged::{
    memory::{
        Erased, ErasureCheck, InteractionFilter, Memory, Mentions, Operation, Persona, Remains,
        RemainsPlace,
    },
    vault::{Passphrase, Protection},
};

use super::{
    super::{chat, joined, time_in},
    record,
};
use crate::{
    Hinted, Usage,
    cli::{
        Session,
        args::memory::{
            ListedArgs, OfPersona,
            privacy::{KeyCommand, PrivacyCommand},
        },
        printer::{Printer, counted, table, thousands, visible, word},
        profiling,
    },
    failure::Outcome,
    wire,
};

mod report;

const LOST_KEY: &str = "Without this key nobody can read what is remembered, you included: keep a \
     copy on another medium (`ragged memory key export FILE`).";

pub(crate) fn run(command: PrivacyCommand, of: &OfPersona, session: &Session) -> Result<Outcome> {
    let file = of.passphrase_file.as_deref();
    let memory = || session.memory_to_read(file);
    match command {
        PrivacyCommand::Key(args) => key(args.command, file, session),
        PrivacyCommand::PrivacyReport => report::run(file, session),
        PrivacyCommand::AuditLog { operations, verify } => {
            audit_log(&memory()?, &operations, verify, session)
        }
        PrivacyCommand::VerifyErased { text, all } => {
            let memory = memory()?;
            let check = if all {
                memory.verify_all_erased()?
            } else {
                memory.verify_erased(&session.resolved.data_dir, &joined(&text))?
            };
            print_check(&check, session)
        }
        PrivacyCommand::Delete { id, since, until, confirm } => {
            let memory = memory()?;
            let persona = Session::persona(&memory, of.persona.as_deref())?;
            let done = delete(&memory, &persona, id.as_deref(), (since, until), confirm, session)?;
            if confirm {
                profiling::forget_erased(&memory, session);
            }
            Ok(done)
        }
        PrivacyCommand::Clear { confirm } => {
            let memory = memory()?;
            let persona = Session::persona(&memory, of.persona.as_deref())?;
            let done = clear(&memory, &persona, confirm, session)?;
            if confirm {
                profiling::forget_erased(&memory, session);
            }
            Ok(done)
        }
        PrivacyCommand::Forget { text, dry_run: _, confirm } => {
            let memory = memory()?;
            let persona = Session::persona(&memory, of.persona.as_deref())?;
            let text = joined(&text);
            let found = memory.mentions(&persona.name, &text)?;
            let erased = if confirm && found.total() > 0 {
                Some(memory.forget(&persona.name, &text)?)
            } else {
                None
            };
            if erased.is_some() {
                profiling::forget_erased(&memory, session);
            }
            let chats = if confirm { chats_with(&[&text], session)? } else { Vec::new() };
            let done = print_erased(&persona, (found, erased.as_ref()), chats, confirm, session)?;
            if confirm && !session.printer.is_json() {
                session.printer.note(format!(
                    "`ragged memory verify-erased {}` looks for it in every file, chats and \
                     exports in the data folder included.",
                    word(&text)
                ));
            }
            Ok(done)
        }
    }
}

fn delete(
    memory: &Memory,
    persona: &Persona,
    id: Option<&str>,
    (since, until): (Option<String>, Option<String>),
    confirm: bool,
    session: &Session,
) -> Result<Outcome> {
    let of_interactions = |n| Mentions { interactions: n, ..Mentions::default() };
    if let Some(id) = id {
        let known = memory.of(&persona.name)?.interaction(id)?;
        let erased =
            if confirm { Some(memory.delete_interaction(&persona.name, &known.id)?) } else { None };
        let chats = if confirm { chats_with(&[&known.query], session)? } else { Vec::new() };
        let done = (of_interactions(1), erased.as_ref());
        return print_erased(persona, done, chats, confirm, session);
    }
    let listed = ListedArgs { limit: 0, since, until };
    let remembered = memory.of(&persona.name)?;
    let filter = record::filter(&listed, None, &remembered)?;
    let n = remembered.count_interactions(&filter)?;
    let questions: Vec<String> = if confirm && chat::has_files(&session.resolved.data_dir) {
        let found = remembered.interactions(&filter, usize::MAX)?;
        found.into_iter().map(|interaction| interaction.query).collect()
    } else {
        Vec::new()
    };
    let erased = if confirm && n > 0 {
        Some(memory.delete_interactions(&persona.name, &filter)?)
    } else {
        None
    };
    let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
    let chats = chats_with(&questions, session)?;
    print_erased(persona, (of_interactions(n), erased.as_ref()), chats, confirm, session)
}

fn clear(memory: &Memory, persona: &Persona, confirm: bool, session: &Session) -> Result<Outcome> {
    let remembered = memory.of(&persona.name)?;
    let counts = remembered.counts()?;
    let found = Mentions {
        interactions: remembered.count_interactions(&InteractionFilter::default())?,
        topics: counts.topics,
        documents: counts.documents,
        facts: counts.facts,
        ..Mentions::default()
    };
    // Also where nothing is counted: what is left of earlier deletions goes with it.
    let erased = if confirm { Some(memory.clear(&persona.name)?) } else { None };
    print_erased(persona, (found, erased.as_ref()), Vec::new(), confirm, session)
}

/// The files of chats that hold any of some texts, as they are called in the data folder.
fn chats_with(texts: &[&str], session: &Session) -> Result<Vec<String>> {
    let data_dir = &session.resolved.data_dir;
    let texts: Vec<&str> = texts.iter().copied().filter(|text| !text.trim().is_empty()).collect();
    let found = chat::files_with(data_dir, &texts)?;
    Ok(found
        .iter()
        .map(|path| path.strip_prefix(data_dir).unwrap_or(path).display().to_string())
        .collect())
}

/// Says what was deleted, or what would be.
fn print_erased(
    persona: &Persona,
    (found, erased): (Mentions, Option<&Erased>),
    chats: Vec<String>,
    confirm: bool,
    session: &Session,
) -> Result<Outcome> {
    let printer = &session.printer;
    let counts = erased.map_or(found, |erased| erased.deleted);
    let remains = erased.and_then(|erased| erased.remains.as_ref());
    let outcome = if remains.is_some() { Outcome::Partial } else { Outcome::Done };
    if printer.is_json() {
        printer.json(&wire::Erasure {
            persona: persona.name.as_str().to_owned(),
            deleted: confirm,
            counts: counts.fields().into_iter().collect(),
            remains: remains.map(|error| format!("{error:#}")),
            chats,
        })?;
        return Ok(outcome);
    }
    let listed: Vec<String> = counts
        .fields()
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(what, n)| match *what {
            "persona" => counted(*n, "place in its description", "places in its description"),
            what => {
                let one = what.strip_suffix('s').unwrap_or(what);
                counted(*n, one, what)
            }
        })
        .collect();
    let name = visible(persona.name.as_str());
    if listed.is_empty() {
        printer.line(format!("Nothing that {name} remembers fits."))?;
    } else {
        let verb = if confirm { "Deleted" } else { "Would delete" };
        printer.line(format!("{verb} of {name}: {}.", listed.join(", ")))?;
    }
    if !confirm && !listed.is_empty() {
        printer.note("Nothing was changed; --confirm does it, and nothing brings it back.");
    }
    warn_of_remains(remains, printer);
    if !chats.is_empty() {
        printer.warning(format!("it still stands in what chats keep: {}", chats.join(", ")));
        printer.note(
            "hint: `ragged chat --forget --confirm` deletes all chat sessions and typed lines",
        );
    }
    Ok(outcome)
}

pub(super) fn warn_of_remains(remains: Option<&ragged::error::Error>, printer: &Printer) {
    if let Some(error) = remains {
        printer.warning(format!("the rows are gone, but the files may still hold them: {error:#}"));
        printer.note("hint: end the other process, then `ragged memory clear` or any deletion erases the remains");
    }
}

fn print_check(check: &ErasureCheck, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let outcome = if check.is_erased() { Outcome::Done } else { Outcome::Gate };
    let data_dir = &session.resolved.data_dir;
    let shown = |remains: &Remains| {
        let file = remains.file.strip_prefix(data_dir).unwrap_or(&remains.file);
        file.display().to_string()
    };
    if printer.is_json() {
        let listed = |remains: &[Remains]| -> Vec<wire::Remains> {
            remains
                .iter()
                .map(|remains| wire::Remains {
                    place: remains.place.as_str(),
                    file: shown(remains),
                    persona: remains.persona.as_ref().map(|name| name.as_str().to_owned()),
                    page: remains.page,
                    in_log: remains.in_log,
                    note: remains.note,
                })
                .collect()
        };
        printer.json(&wire::ErasureCheck {
            erased: check.is_erased(),
            forms: check.forms.clone(),
            found: listed(&check.found),
            unreadable: listed(&check.unreadable),
            pages: check.n_pages,
            files: check.n_files,
        })?;
        return Ok(outcome);
    }
    if !check.forms.is_empty() {
        let forms: Vec<String> =
            check.forms.iter().map(|form| format!("{:?}", visible(form))).collect();
        printer
            .note(format!("looked for {} in UTF-8, whatever the case of A to Z", forms.join(", ")));
    }
    let print = |remains: &Remains| -> Result<()> {
        let page = remains.page.map(|page| format!(", page {page}")).unwrap_or_default();
        let log = if remains.in_log { ", in its log" } else { "" };
        let whose = remains
            .persona
            .as_ref()
            .map(|name| format!(", of {}", visible(name.as_str())))
            .unwrap_or_default();
        let note = remains.note.map(|note| format!(": {note}")).unwrap_or_default();
        printer.line(format!(
            "{:<10} {}{page}{log}{whose}{note}",
            remains.place.as_str(),
            visible(&shown(remains)),
        ))
    };
    for remains in check.found.iter().chain(&check.unreadable) {
        print(remains)?;
    }
    printer.line(if check.is_erased() {
        style("Nothing of it is in memory.").green().to_string()
    } else {
        style("It is not erased.").red().to_string()
    })?;
    if check.found.iter().any(|remains| remains.place == RemainsPlace::Documents) {
        printer.note(
            "It stands in the text of your documents, or in the indexes over it, which is not \
             memory; `ragged remove` takes a document out.",
        );
    }
    printer.note(format!(
        "{} decrypted, {} read",
        counted(check.n_pages, "page", "pages"),
        counted(check.n_files, "file", "files")
    ));
    Ok(outcome)
}

fn audit_log(
    memory: &Memory,
    operations: &[String],
    verify: bool,
    session: &Session,
) -> Result<Outcome> {
    let printer = &session.printer;
    let mut wanted = Vec::new();
    for word in operations.iter().map(|word| word.trim()).filter(|word| !word.is_empty()) {
        // `persona` means all that begin with it.
        let named = Operation::ALL.iter().filter(|operation| {
            let name = operation.as_str();
            name == word || name.strip_prefix(word).is_some_and(|rest| rest.starts_with('-'))
        });
        let before = wanted.len();
        wanted.extend(named);
        if wanted.len() == before {
            let known: Vec<&str> = Operation::ALL.iter().map(|known| known.as_str()).collect();
            return Err(Usage::new(format!("there is no operation {word:?}"))
                .with_hint(format!("there are: {}", known.join(", ")))
                .into());
        }
    }
    let check = if verify { Some(memory.check_audit_log()?) } else { None };
    let is_whole = check.as_ref().is_none_or(ragged::memory::AuditCheck::is_whole);
    let outcome = if is_whole { Outcome::Done } else { Outcome::Gate };
    let log = memory.audit_log(&wanted)?;
    if printer.is_json() {
        printer.json(&wire::AuditLog {
            entries: log
                .iter()
                .map(|entry| wire::AuditEntry {
                    seq: entry.seq,
                    timestamp: wire::moment(entry.timestamp_ms),
                    operation: entry.operation.clone(),
                    content: entry.content.clone().map(|content| content.into_iter().collect()),
                })
                .collect(),
            whole: check.as_ref().map(ragged::memory::AuditCheck::is_whole),
            faults: check.as_ref().map(|check| {
                let faults = check.faults.iter();
                faults.map(|(seq, why)| wire::AuditFault { seq: *seq, why }).collect()
            }),
        })?;
        return Ok(outcome);
    }
    let mut rows = table(printer, &["", "when", "what", "of"]);
    let zone = &memory.config().zone;
    for entry in &log {
        let content = match &entry.content {
            None => "(dropped with the persona)".to_owned(),
            Some(content) => {
                let fields = content.iter().filter(|(_, value)| !value.is_empty());
                fields.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
            }
        };
        rows.add_row([
            thousands(entry.seq),
            time_in(entry.timestamp_ms, zone),
            visible(&entry.operation).into_owned(),
            visible(&content).into_owned(),
        ]);
    }
    if log.is_empty() {
        printer.line("Nothing is noted that fits.")?;
    } else {
        printer.line(rows.trim_fmt())?;
    }
    match check {
        Some(check) if check.is_whole() => printer.note(format!(
            "{}; nothing was changed or taken out",
            counted(check.n_entries, "entry", "entries")
        )),
        Some(check) => {
            for (seq, why) in &check.faults {
                printer.warning(format!("entry {seq}: {why}"));
            }
        }
        None => {}
    }
    Ok(outcome)
}

fn key(command: KeyCommand, file: Option<&Path>, session: &Session) -> Result<Outcome> {
    crate::cli::keep_new_files_private();
    let data_dir = &session.resolved.data_dir;
    let passphrase = |protection| -> Result<Option<Passphrase>> {
        Ok(match protection {
            Protection::Passphrase => Some(Session::passphrase(file)?),
            Protection::File => None,
        })
    };
    match command {
        KeyCommand::Status => {
            let protection = Memory::protection(data_dir)?;
            print_key("status", protection, None, session)
        }
        KeyCommand::Export { file: to } => {
            // Opened first: a key that opens nothing is not worth keeping, and the log has to say.
            let memory = session.memory(file)?;
            let protection = Memory::export_key(data_dir, &to)?;
            memory.note(Operation::KeyExport, None, &[])?;
            print_key("export", Some(protection), Some(&to), session)
        }
        KeyCommand::Import { file: from } => {
            let known = ragged::vault::MasterKey::protection_of(&from);
            let protection = known.map_err(|error| {
                // The hint of a missing key is this very command.
                anyhow::Error::new(Hinted::new(
                    format!("{error:#}"),
                    "name a file that `ragged memory key export` wrote".to_owned(),
                ))
            })?;
            let protection = Memory::import_key(data_dir, &from, passphrase(protection)?.as_ref())?;
            // Where the key alone is there, so that a copy can be put back, there is no log yet.
            if let Some(memory) = session.memory_if_any(file)? {
                memory.note(Operation::KeyImport, None, &[])?;
            }
            print_key("import", Some(protection), Some(&from), session)
        }
        KeyCommand::ChangePassphrase { new_passphrase_file, remove } => {
            let Some(protection) = Memory::protection(data_dir)? else {
                return Err(anyhow::Error::new(Hinted::new(
                    "there is no memory and no key yet".to_owned(),
                    "`ragged memory enable` makes them".to_owned(),
                )));
            };
            // It must be the key of this memory before anything is changed.
            let memory = session.memory(file)?;
            let old = passphrase(protection)?;
            let new = match (remove, new_passphrase_file) {
                (true, _) => None,
                (false, Some(path)) => Some(Session::passphrase(Some(&path))?),
                (false, None) => Some(new_passphrase()?),
            };
            Memory::change_passphrase(data_dir, old.as_ref(), new.as_ref())?;
            memory.note(
                Operation::KeyPassphrase,
                None,
                &[("protection", if remove { "file" } else { "passphrase" }.to_owned())],
            )?;
            print_key("change-passphrase", Memory::protection(data_dir)?, None, session)
        }
    }
}

/// Typed twice, where nobody else sees it.
fn new_passphrase() -> Result<Passphrase> {
    let terminal = console::Term::stderr();
    if !terminal.is_term() {
        return Err(Usage::new("there is no terminal to type the new passphrase on")
            .with_hint("give --new-passphrase-file FILE, or --remove")
            .into());
    }
    let ask = |question: &str| -> Result<String> {
        terminal.write_str(question)?;
        Ok(terminal.read_secure_line()?)
    };
    let first = ask("New passphrase of the memory: ")?;
    if ask("The same again: ")? != first {
        return Err(Usage::new("the two are not the same").into());
    }
    Ok(Passphrase::new(first)?)
}

fn print_key(
    action: &'static str,
    protection: Option<Protection>,
    file: Option<&Path>,
    session: &Session,
) -> Result<Outcome> {
    let printer = &session.printer;
    let path = Memory::key_path(&session.resolved.data_dir);
    if printer.is_json() {
        printer.json(&wire::MemoryKey {
            action,
            key: path.display().to_string(),
            protection: protection.map(Protection::as_str),
            file: file.map(|file| file.display().to_string()),
        })?;
        return Ok(Outcome::Done);
    }
    let Some(protection) = protection else {
        printer.line("There is no memory, and no key.")?;
        return Ok(Outcome::Done);
    };
    let how = match protection {
        Protection::File => "by its file's permissions alone (0600)",
        Protection::Passphrase => "by a passphrase",
    };
    printer.line(match (action, file) {
        ("export", Some(file)) => format!("Copied the key to {}.", file.display()),
        ("import", Some(file)) => format!("Brought the key back from {}.", file.display()),
        ("change-passphrase", _) => format!("The key is protected {how} now."),
        _ => format!("key        {}\nprotected  {how}", path.display()),
    })?;
    if action == "export" && protection == Protection::File {
        printer.warning(
            "whoever reads that file and a copy of the memory folder reads what is remembered; \
             `ragged memory key change-passphrase` protects the key first",
        );
    }
    if action == "change-passphrase" {
        printer.note("Copies of the key that were exported before keep the passphrase they had.");
        if protection == Protection::Passphrase {
            printer.note("A forgotten passphrase cannot be recovered.");
        }
    }
    if matches!(action, "status" | "change-passphrase") {
        printer.note(LOST_KEY);
    }
    Ok(Outcome::Done)
}
