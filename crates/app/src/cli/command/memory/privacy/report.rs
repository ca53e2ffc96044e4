//! What is kept where, under which protection, and who agreed to it.

use std::path::Path;

use anyhow::Result;
use ragged::{memory::Memory, vault::Protection};

use crate::{
    cli::{
        Session,
        printer::{bytes, counted, table, visible},
    },
    failure::Outcome,
    wire,
};

/// What a data folder may hold: name, what it is, how it is protected.
const KEPT: [(&str, &str, &str); 10] = [
    ("keys/memory.key", "the key of the memory", ""),
    ("memory", "what is remembered: one file a persona, and the registry", "AES-256, a key a file"),
    ("library.db", "text of your documents", "permissions"),
    ("index", "indexes over that text", "permissions"),
    ("models", "models", "permissions"),
    ("chat", "lines typed into chats, and how to resume them", "permissions"),
    ("config.yaml", "settings", "permissions"),
    ("config", "measured settings", "permissions"),
    ("telemetry.db", "how long questions took, in numbers alone", "permissions"),
    ("backups", "copies that you had made", "permissions"),
];

pub(super) fn run(file: Option<&Path>, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let data_dir = &session.resolved.data_dir;
    let settings = &session.resolved.settings;
    let memory = session.memory_if_any(file)?;
    let protection = Memory::protection(data_dir)?;
    let mut kept = Vec::new();
    for (name, what, protected) in KEPT {
        let path = data_dir.join(name);
        let Ok(metadata) = std::fs::metadata(&path) else { continue };
        let mut usage = Usage::default();
        usage.take(&path, &metadata);
        kept.push(wire::KeptPart {
            path: name,
            what,
            protection: match (name, protection) {
                ("keys/memory.key", Some(Protection::Passphrase)) => "a passphrase (Argon2id)",
                ("keys/memory.key", _) => "permissions",
                _ => protected,
            },
            files: usage.files,
            bytes: usage.bytes,
            open_to_others: usage.open_to_others,
        });
    }
    let personas = match &memory {
        None => Vec::new(),
        Some(memory) => memory.personas()?,
    };
    let mut consents = Vec::new();
    for persona in &personas {
        let n = match &memory {
            Some(memory) if memory.vault().contains(&persona.file_id) => {
                memory.of(&persona.name)?.counts()?.interactions
            }
            _ => 0,
        };
        consents.push(wire::Consent {
            persona: persona.name.as_str().to_owned(),
            recording: persona.recording.as_str(),
            learning: persona.is_learning,
            personalised: persona.is_personalised,
            interactions: n,
        });
    }
    let report = wire::PrivacyReport {
        data_dir: data_dir.display().to_string(),
        key_protection: protection.map(Protection::as_str),
        kept,
        personas: consents,
        pii_redaction: settings.memory.pii_redaction,
        retention_days: settings.memory.retention_days,
        network: "none",
    };
    if printer.is_json() {
        printer.json(&report)?;
        return Ok(Outcome::Done);
    }
    printer.line(format!("data folder  {}", visible(&report.data_dir)))?;
    let mut rows = table(printer, &["kept in", "what", "protected by", "files", "bytes"]);
    for part in &report.kept {
        rows.add_row([
            part.path.to_owned(),
            part.what.to_owned(),
            part.protection.to_owned(),
            part.files.to_string(),
            bytes(part.bytes),
        ]);
    }
    printer.line(rows.trim_fmt())?;
    let mut rows = table(printer, &["persona", "recording", "learns", "ranks", "interactions"]);
    let yes_no = |is_so: bool| if is_so { "yes" } else { "no" }.to_owned();
    for consent in &report.personas {
        rows.add_row([
            visible(&consent.persona).into_owned(),
            consent.recording.to_owned(),
            yes_no(consent.learning),
            yes_no(consent.personalised),
            consent.interactions.to_string(),
        ]);
    }
    if report.personas.is_empty() {
        printer.line("Nothing is remembered: there is no memory.")?;
    } else {
        printer.line(rows.trim_fmt())?;
    }
    printer.line(format!(
        "personal data  {}",
        if report.pii_redaction {
            "replaced by markers before it is stored"
        } else {
            "stored as it is typed (memory.pii_redaction)"
        }
    ))?;
    printer.line(match report.retention_days {
        0 => "retention      until you delete it (memory.retention_days)".to_owned(),
        days => format!("retention      {}", counted(u64::from(days), "day", "days")),
    })?;
    printer.line("network        none: memory never uses it")?;
    for part in report.kept.iter().filter(|part| part.open_to_others > 0) {
        printer.warning(format!(
            "{} below {} can be opened by others",
            counted(part.open_to_others, "file or folder", "files or folders"),
            part.path
        ));
    }
    Ok(Outcome::Done)
}

/// What a part of the data folder comes to.
#[derive(Debug, Default)]
struct Usage {
    files: u64,
    bytes: u64,
    /// Files and folders that others than their owner may open.
    open_to_others: u64,
}

impl Usage {
    fn take(&mut self, path: &Path, metadata: &std::fs::Metadata) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            self.open_to_others += u64::from(metadata.permissions().mode() & 0o077 != 0);
        }
        if !metadata.is_dir() {
            self.files += 1;
            self.bytes += metadata.len();
            return;
        }
        let Ok(entries) = std::fs::read_dir(path) else { return };
        for entry in entries.flatten() {
            // Links lead elsewhere.
            if let Ok(metadata) = entry.metadata()
                && !metadata.is_symlink()
            {
                self.take(&entry.path(), &metadata);
            }
        }
    }
}
