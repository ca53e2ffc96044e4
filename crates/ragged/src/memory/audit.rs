//! What was done to a memory, in a chain that shows when an entry was changed or taken out.
//!
//! Each entry's digest covers the digest before it, the time, the operation and the digest of the
//! entry's content; the registry also keeps how many entries there are and the last digest, so that
//! an end that was cut off is seen. Content is ids, names of personas and counts, never the text
//! of a question. It begins with random bytes, so that it can be dropped for good: what is left of
//! it is a digest from which nothing can be guessed.
//!
//! Whoever has the key can write another chain altogether; against them it is no protection.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{Memory, Persona, PersonaName, record::random_id};
use crate::{
    error::{Context, Result},
    sqlite::{integer, natural, sql},
};

const KEY_COUNT: &str = "audit_count";
const KEY_HEAD: &str = "audit_head";
/// What the first entry follows.
const BEGINNING: [u8; 32] = [0; 32];
/// Bound to the digests, so that they mean nothing elsewhere.
const CONTENT_PURPOSE: &str = "ragged 2026 memory audit content";
const ENTRY_PURPOSE: &str = "ragged 2026 memory audit entry";

macro_rules! operations {
    ($($(#[$doc:meta])* $variant:ident = $word:literal),* $(,)?) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Operation {
            $($(#[$doc])* $variant,)*
        }

        impl Operation {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word used in JSON and in the log.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

operations! {
    /// A persona was made.
    PersonaCreate = "persona-create",
    /// What is said of a persona was changed.
    PersonaEdit = "persona-edit",
    /// Another persona became the active one.
    PersonaSwitch = "persona-switch",
    /// A persona was destroyed.
    PersonaDelete = "persona-delete",
    /// Recording was turned on.
    Enable = "enable",
    /// Recording was turned off.
    Disable = "disable",
    /// Recording was paused.
    Pause = "pause",
    /// Learning was turned on or off.
    Learning = "learning",
    /// Ranking by interests was turned on or off.
    Personalisation = "personalisation",
    /// A setting of a persona was changed.
    Setting = "setting",
    /// Interactions were deleted.
    Delete = "delete",
    /// Everything that a persona remembered was deleted.
    Clear = "clear",
    /// Everything that mentioned a text was deleted.
    Forget = "forget",
    /// Interactions past their retention were deleted.
    Expire = "expire",
    /// What is remembered was written to a file.
    Export = "export",
    /// What was remembered elsewhere was taken in.
    Import = "import",
    /// All of memory was copied to a file.
    Backup = "backup",
    /// The key was copied to a file.
    KeyExport = "key-export",
    /// The key was brought back from a file.
    KeyImport = "key-import",
    /// The key's passphrase was set, changed or removed.
    KeyPassphrase = "key-passphrase",
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number, from 1.
    pub seq: u64,
    /// When, Unix milliseconds.
    pub timestamp_ms: i64,
    /// What was done; one of [`Operation`], unless a newer program wrote it.
    pub operation: String,
    /// Names and values, in the order in which they were noted; `None` where they were dropped.
    pub content: Option<Vec<(String, String)>>,
}

/// What came of checking the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditCheck {
    /// Entries that are there.
    pub n_entries: u64,
    /// Those whose content was dropped.
    pub n_dropped: u64,
    /// What does not fit, in order: the entry's number, and why.
    pub faults: Vec<(u64, &'static str)>,
}

impl AuditCheck {
    /// Whether everything fits.
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }
}

/// What is noted with an entry: names and values.
pub type AuditFields<'a> = &'a [(&'a str, String)];

impl Memory {
    /// The number of the last entry about a persona, 0 where there is none. It changes when
    /// something of the persona is deleted, turned on or off, or set, by whatever process.
    ///
    /// # Errors
    ///
    /// Those of reading the registry.
    pub fn last_noted(&self, persona: &Persona) -> Result<i64> {
        self.known.look(self.registry(), |known| {
            if let Some(last) = known.last_noted.get(&persona.file_id) {
                return Ok(*last);
            }
            let last = self.registry().read(|connection| {
                let mut statement = sql(connection.prepare_cached(
                    "SELECT coalesce(max(seq), 0) FROM audit_log WHERE file_id = ?1",
                ))?;
                sql(statement.query_row([persona.file_id.as_str()], |row| row.get(0)))
            })?;
            known.last_noted.insert(persona.file_id.clone(), last);
            Ok(last)
        })
    }

    /// Notes that something was done, to a persona's memory or to the whole. Ids and counts only.
    ///
    /// # Errors
    ///
    /// Those of writing.
    pub fn note(
        &self,
        operation: Operation,
        persona: Option<&PersonaName>,
        fields: AuditFields<'_>,
    ) -> Result<()> {
        let now = self.now_ms();
        self.registry()
            .write(|tx| {
                let file_id = match persona {
                    Some(name) => file_id_of(tx, name)?,
                    None => None,
                };
                append(tx, now, operation, persona.zip(file_id.as_deref()), fields)
            })
            .context_with(|| format!("noting {} in the audit log", operation.as_str()))
    }

    /// The entries of these operations, of all where none is named, the oldest first.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn audit_log(&self, operations: &[Operation]) -> Result<Vec<AuditEntry>> {
        self.registry()
            .read(|connection| {
                let mut statement = sql(connection.prepare_cached(
                    "SELECT seq, timestamp, operation, content FROM audit_log ORDER BY seq",
                ))?;
                let mut rows = sql(statement.query([]))?;
                let mut entries = Vec::new();
                while let Some(row) = sql(rows.next())? {
                    let operation: String = sql(row.get(2))?;
                    if !operations.is_empty()
                        && !operations.iter().any(|wanted| wanted.as_str() == operation)
                    {
                        continue;
                    }
                    let content: Option<String> = sql(row.get(3))?;
                    entries.push(AuditEntry {
                        seq: natural(sql(row.get(0))?),
                        timestamp_ms: sql(row.get(1))?,
                        operation,
                        content: content.map(|content| fields_of(&content)),
                    });
                }
                Ok(entries)
            })
            .context_with(|| "reading the audit log")
    }

    /// Checks every digest of the log, and that neither an entry nor the end is missing.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn check_audit_log(&self) -> Result<AuditCheck> {
        self.registry().read(check).context_with(|| "checking the audit log")
    }
}

pub(super) fn file_id_of(connection: &Connection, name: &PersonaName) -> Result<Option<String>> {
    sql(connection.prepare_cached("SELECT file_id FROM personas WHERE name = ?1").and_then(
        |mut statement| statement.query_row([name.as_str()], |row| row.get(0)).optional(),
    ))
}

/// Adds an entry. A persona is its name and the id of its file.
pub(super) fn append(
    tx: &Transaction<'_>,
    now_ms: i64,
    operation: Operation,
    persona: Option<(&PersonaName, &str)>,
    fields: AuditFields<'_>,
) -> Result<()> {
    let mut content = random_id()?;
    let name = persona.map(|(name, _)| ("persona", name.as_str()));
    let fields = fields.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in name.into_iter().chain(fields) {
        content.push('\n');
        content.push_str(name);
        content.push('\t');
        content.push_str(&value.replace(['\n', '\t'], " "));
    }
    let (n, head) = end(tx)?;
    let content_digest = digest_of_content(&content);
    let digest = digest_of_entry(&head, now_ms, operation.as_str(), &content_digest);
    sql(tx
        .prepare_cached(
            "INSERT INTO audit_log (seq, timestamp, operation, file_id, content, content_digest, \
             digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                integer(n + 1),
                now_ms,
                operation.as_str(),
                persona.map(|(_, file_id)| file_id),
                content,
                content_digest,
                digest,
            ])
        }))?;
    let mut set =
        sql(tx.prepare_cached("INSERT OR REPLACE INTO registry (key, value) VALUES (?1, ?2)"))?;
    sql(set.execute(params![KEY_COUNT, integer(n + 1)]))?;
    sql(set.execute(params![KEY_HEAD, digest])).map(|_| ())
}

/// Drops what the entries about a persona say; the chain stays whole.
pub(super) fn drop_content(tx: &Transaction<'_>, file_id: &str) -> Result<()> {
    sql(tx.execute(
        "UPDATE audit_log SET content = NULL, file_id = NULL WHERE file_id = ?1",
        [file_id],
    ))
    .map(|_| ())
}

/// How many entries there should be, and the digest of the last.
fn end(connection: &Connection) -> Result<(u64, [u8; 32])> {
    let mut get = sql(connection.prepare_cached("SELECT value FROM registry WHERE key = ?1"))?;
    let n: Option<i64> = sql(get.query_row([KEY_COUNT], |row| row.get(0)).optional())?;
    let head: Option<[u8; 32]> = sql(get.query_row([KEY_HEAD], |row| row.get(0)).optional())?;
    Ok((n.map_or(0, natural), head.unwrap_or(BEGINNING)))
}

pub(super) fn check(connection: &Connection) -> Result<AuditCheck> {
    let (n, head) = end(connection)?;
    let mut statement = sql(connection.prepare_cached(
        "SELECT seq, timestamp, operation, content, content_digest, digest FROM audit_log \
         ORDER BY seq",
    ))?;
    let mut rows = sql(statement.query([]))?;
    let mut found = AuditCheck::default();
    let mut before = BEGINNING;
    let mut expected = 1;
    while let Some(row) = sql(rows.next())? {
        let seq = natural(sql(row.get(0))?);
        let timestamp_ms: i64 = sql(row.get(1))?;
        let operation: String = sql(row.get(2))?;
        let content: Option<String> = sql(row.get(3))?;
        let content_digest: Vec<u8> = sql(row.get(4))?;
        let digest: Vec<u8> = sql(row.get(5))?;
        if seq != expected {
            found.faults.push((seq, "entries before it are missing"));
        }
        match &content {
            None => found.n_dropped += 1,
            Some(content) if digest_of_content(content).as_slice() != content_digest => {
                found.faults.push((seq, "its content was changed"));
            }
            Some(_) => {}
        }
        if digest_of_entry(&before, timestamp_ms, &operation, &content_digest).as_slice() != digest
            && seq == expected
        {
            found.faults.push((seq, "it, or the link to the one before it, was changed"));
        }
        before = digest.try_into().unwrap_or(BEGINNING);
        found.n_entries += 1;
        expected = seq + 1;
    }
    if expected != n + 1 || before != head {
        found.faults.push((n, "the last entry is missing, or is not the last"));
    }
    Ok(found)
}

fn digest_of_content(content: &str) -> [u8; 32] {
    blake3::derive_key(CONTENT_PURPOSE, content.as_bytes())
}

fn digest_of_entry(
    before: &[u8; 32],
    timestamp_ms: i64,
    operation: &str,
    content_digest: &[u8],
) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(ENTRY_PURPOSE);
    hasher.update(before);
    hasher.update(&timestamp_ms.to_le_bytes());
    hasher.update(&(operation.len() as u64).to_le_bytes());
    hasher.update(operation.as_bytes());
    hasher.update(content_digest);
    *hasher.finalize().as_bytes()
}

fn fields_of(content: &str) -> Vec<(String, String)> {
    content
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
