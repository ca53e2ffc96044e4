//! How much is remembered, and how much room it takes.

use super::{Memory, PersonaMemory, PersonaName, REGISTRY};
use crate::{
    error::{Context, Result},
    sqlite::{natural, sql},
};

/// How much a persona remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryCounts {
    /// Questions.
    pub interactions: u64,
    /// Sessions that they belong to.
    pub sessions: u64,
    /// Those that somebody judged.
    pub with_feedback: u64,
    /// Topics with a hit or an interest set by hand.
    pub topics: u64,
    /// Documents that were found.
    pub documents: u64,
    /// Facts as they are believed now.
    pub facts: u64,
    /// The first question; Unix milliseconds.
    pub first_ms: Option<i64>,
    /// The last.
    pub last_ms: Option<i64>,
}

/// Bytes of the files of a memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryStorage {
    /// A persona's database with its log and its key.
    pub personas: Vec<(PersonaName, u64)>,
    /// The registry's.
    pub registry_bytes: u64,
}

impl MemoryStorage {
    /// All of them together.
    pub fn total_bytes(&self) -> u64 {
        self.registry_bytes + self.personas.iter().map(|(_, bytes)| bytes).sum::<u64>()
    }
}

impl PersonaMemory {
    /// How much is remembered.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn counts(&self) -> Result<MemoryCounts> {
        self.database()
            .read(|connection| {
                sql(connection.query_row(
                    "SELECT (SELECT count(*) FROM interactions), \
                     (SELECT count(DISTINCT session_id) FROM interactions), \
                     (SELECT count(*) FROM interactions WHERE feedback IS NOT NULL), \
                     (SELECT count(*) FROM topics), (SELECT count(*) FROM documents), \
                     (SELECT count(*) FROM temporal_facts), \
                     (SELECT min(timestamp) FROM interactions), \
                     (SELECT max(timestamp) FROM interactions)",
                    [],
                    |row| {
                        let count = |idx| row.get(idx).map(natural);
                        Ok(MemoryCounts {
                            interactions: count(0)?,
                            sessions: count(1)?,
                            with_feedback: count(2)?,
                            topics: count(3)?,
                            documents: count(4)?,
                            facts: count(5)?,
                            first_ms: row.get(6)?,
                            last_ms: row.get(7)?,
                        })
                    },
                ))
            })
            .context_with(|| format!("counting what {} remembers", self.name()))
    }
}

impl Memory {
    /// Bytes of the files.
    ///
    /// # Errors
    ///
    /// Those of reading the registry.
    pub fn storage(&self) -> Result<MemoryStorage> {
        let size = |name: &str| -> u64 {
            let database = self.vault().database_path(name);
            ["db", "db-wal", "db-shm", "key"]
                .iter()
                .filter_map(|ending| std::fs::metadata(database.with_extension(ending)).ok())
                .map(|metadata| metadata.len())
                .sum()
        };
        let personas = self.personas()?;
        Ok(MemoryStorage {
            personas: personas
                .into_iter()
                .map(|persona| {
                    let bytes = size(&persona.file_id);
                    (persona.name, bytes)
                })
                .collect(),
            registry_bytes: size(REGISTRY),
        })
    }
}
