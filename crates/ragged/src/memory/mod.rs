//! What is remembered for each persona: what they asked, what they care about, what was true when.
//!
//! A [`Memory`] is the `memory` folder of a library and the key that opens it. Each [`Persona`]
//! has an encrypted database of its own ([`PersonaMemory`]), so that isolation needs no filter and
//! erasing a persona is destroying a key and a file. Names of personas, their consent and the
//! audit log are in one more such database, the registry; names of files are random.
//!
//! Nothing is recorded until a persona's owner turns it on. Interactions are the record; topics,
//! interests, the graph and daily counts are [views] of it, kept level by every transaction.
//!
//! All SQL of the encrypted files is in this module.

mod analytics;
pub mod audit;
mod backup;
mod check;
mod counts;
mod custody;
mod erasure;
mod experiment;
mod fact;
pub mod graph;
mod interaction;
pub mod interest;
mod judgement;
mod persona;
mod profile;
mod record;
mod recorder;
mod redaction;
mod registry;
mod restoration;
#[cfg(test)]
mod tests;
pub mod timeline;
pub mod topic;
mod transfer;
mod verification;
pub mod views;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::tz::TimeZone;

pub use self::{
    analytics::{Analytics, RECENT_DAYS, SURE_CONFIDENCE, TopicShare},
    audit::{AuditCheck, AuditEntry, AuditFields, Operation},
    backup::Backup,
    check::{IndexPlan, ViewDifference},
    counts::{MemoryCounts, MemoryStorage},
    erasure::{Erased, Mentions},
    experiment::{JudgedBy, Measures, RankingTest, TestedQuestion},
    fact::{
        Contradiction, DEFAULT_CONFIDENCE, Fact, FactChange, FactDiff, FactDraft, FactQuery,
        NotedFact,
    },
    interaction::{Interaction, InteractionFilter, RetrievedDocument},
    judgement::{FoundBy, JudgedQuestion, QuestionTally},
    persona::{
        CitationStyle, DEFAULT_PERSONA, DetailLevel, Persona, PersonaDraft, PersonaName, Recording,
        ResponseStyle,
    },
    profile::{
        Breadth, InterestLinks, InterestOrigin, InterestProfile, RANKING_INTERESTS, RankingProfile,
        TopicDocument, TopicInfo, TopicInterest,
    },
    record::{
        Feedback, FoundDocument, InteractionKind, NewInteraction, RecordedTopic, TopicSource,
    },
    recorder::{AfterRecording, Preparation, Recorder, if_agreed},
    redaction::redact,
    restoration::Restored,
    transfer::{
        Import, ImportMode, ImportReport, InterestLevel, KeptContradiction, Relationship,
        TopicAlias, TransferCounts, TransferFact, TransferProject, TransferRow, TransferTopic,
    },
    verification::{ErasureCheck, Remains, RemainsPlace, files_with},
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    memory::{
        interest::InterestConfig,
        topic::{Extractor, TopicSettings},
    },
    sqlite::sql,
    temporal::Clock,
    vault::{Database, DatabaseConfig, MasterKey, Passphrase, Protection, Unchanged, Vault},
};

/// The registry's name in the vault.
const REGISTRY: &str = "registry";
const REGISTRY_FORMAT: u32 = 1;
const PERSONA_FORMAT: u32 = 1;

/// From the settings that one persona has of its own to how its memory works.
pub type ConfigOf = dyn Fn(&MemoryConfig, &[(String, String)]) -> MemoryConfig + Send + Sync;

/// How a memory works.
#[derive(Clone)]
pub struct MemoryConfig {
    /// The zone in which days begin and end.
    pub zone: TimeZone,
    /// Memory and connections of each database.
    pub database: DatabaseConfig,
    /// Minutes without a question after which the next one begins another session.
    pub session_gap_minutes: u32,
    /// Whether personal data in questions, answers and corrections is replaced by markers before
    /// it is stored; see [`redact`].
    pub is_redacting: bool,
    /// Days after which an interaction is deleted; `None` keeps them.
    pub retention_days: Option<u32>,
    /// What counts as a topic of a question and of what was found.
    pub topics: TopicSettings,
    /// What an interest comes to, and what it takes to be one.
    pub interest: InterestConfig,
    /// What these become for a persona with settings of its own, which are given to it as key and
    /// value; `None` takes no notice of such settings.
    pub of_persona: Option<Arc<ConfigOf>>,
}

impl std::fmt::Debug for MemoryConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryConfig")
            .field("zone", &self.zone)
            .field("database", &self.database)
            .field("session_gap_minutes", &self.session_gap_minutes)
            .field("is_redacting", &self.is_redacting)
            .field("retention_days", &self.retention_days)
            .field("topics", &self.topics)
            .field("interest", &self.interest)
            .finish_non_exhaustive()
    }
}

impl MemoryConfig {
    /// Whether a persona's memory works the same with another one.
    fn works_as(&self, other: &Self) -> bool {
        self.zone == other.zone
            && self.session_gap_minutes == other.session_gap_minutes
            && self.is_redacting == other.is_redacting
            && self.retention_days == other.retention_days
            && self.topics == other.topics
            && self.interest == other.interest
    }
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            database: DatabaseConfig::default(),
            session_gap_minutes: 30,
            is_redacting: false,
            retention_days: None,
            topics: TopicSettings::default(),
            interest: InterestConfig::default(),
            of_persona: None,
        }
    }
}

/// The memory of a library: its personas, and what each remembers.
#[derive(Debug)]
pub struct Memory {
    vault: Vault,
    registry: Database,
    known: Unchanged<registry::Known>,
    config: Arc<MemoryConfig>,
    clock: Arc<dyn Clock>,
    /// Open databases of personas, by the id of their file.
    open: Mutex<HashMap<String, Arc<PersonaMemory>>>,
    /// Interactions that were deleted for their age when this was opened.
    n_expired: u64,
}

/// What one persona remembers.
#[derive(Debug)]
pub struct PersonaMemory {
    name: PersonaName,
    file_id: String,
    database: Arc<Database>,
    revision: Unchanged<Option<u64>>,
    config: Arc<MemoryConfig>,
    extractor: Arc<Extractor>,
    clock: Arc<dyn Clock>,
}

impl Memory {
    fn dir(data_dir: &Path) -> PathBuf {
        data_dir.join("memory")
    }

    /// Where the master key of a library is.
    pub fn key_path(data_dir: &Path) -> PathBuf {
        data_dir.join("keys").join("memory.key")
    }

    /// Whether a library has a memory. One that never had a persona or consent has none, and no
    /// file of it.
    pub fn exists(data_dir: &Path) -> bool {
        Self::dir(data_dir).join(format!("{REGISTRY}.db")).exists() || Self::is_restored(data_dir)
    }

    /// How the master key is protected; `None` where there is no memory yet.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is a memory and its key file is missing.
    pub fn protection(data_dir: &Path) -> Result<Option<Protection>> {
        Self::settle_restoration(data_dir)?;
        if !Self::exists(data_dir) && !Self::key_path(data_dir).exists() {
            return Ok(None);
        }
        MasterKey::protection_of(&Self::key_path(data_dir)).map(Some)
    }

    /// Opens the memory of the library in `data_dir`, or makes it: a key, a registry, and the
    /// persona `default`, for whom nothing is recorded yet.
    ///
    /// # Errors
    ///
    /// `NotFound` for a missing key; `Invalid` for a wrong key or passphrase; `Corrupt` for damage;
    /// `Incompatible` for a newer format; `Io`, `Exhausted`.
    pub fn open(
        data_dir: &Path,
        passphrase: Option<&Passphrase>,
        config: MemoryConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        Self::settle_restoration(data_dir)?;
        let key_path = Self::key_path(data_dir);
        let master = if key_path.exists() || Self::exists(data_dir) {
            MasterKey::open(&key_path, passphrase)?
        } else {
            MasterKey::create(&key_path, passphrase)?
        };
        let vault = Vault::new(&Self::dir(data_dir), master, config.database)?;
        let registry = vault.open_or_create(REGISTRY)?;
        prepare(&registry, REGISTRY_FORMAT, include_str!("registry.sql"))
            .context_with(|| "opening the registry of personas")?;
        let mut memory = Self {
            vault,
            registry,
            known: Unchanged::default(),
            config: Arc::new(config),
            clock,
            open: Mutex::new(HashMap::new()),
            n_expired: 0,
        };
        memory.ensure_default()?;
        memory.n_expired =
            memory.expire().context_with(|| "deleting what is past its retention")?;
        Ok(memory)
    }

    /// How many interactions were deleted for their age when this was opened. That is done at most
    /// once a day.
    pub fn n_expired(&self) -> u64 {
        self.n_expired
    }

    /// How this memory works.
    pub fn config(&self) -> &MemoryConfig {
        &self.config
    }

    /// The vault, for looking at its files as they are.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(crate) fn registry(&self) -> &Database {
        &self.registry
    }

    /// A number that is another one whenever personas, their consent or their settings are others,
    /// or something was noted in the audit log, by whatever process; see [`Database::version`].
    ///
    /// # Errors
    ///
    /// `Conflict` where the memory was replaced by another one since it was opened; those of reading
    /// the registry.
    pub fn version(&self) -> Result<i64> {
        self.registry.version()
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// What a persona remembers, recorded or not.
    ///
    /// # Errors
    ///
    /// `NotFound` for a persona that does not exist; those of opening its database.
    pub fn of(&self, name: &PersonaName) -> Result<Arc<PersonaMemory>> {
        let persona = self.persona(name)?;
        let config = self.config_of(&persona.name)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open.get(&persona.file_id);
        if let Some(memory) = known.filter(|memory| memory.config.works_as(&config)) {
            return Ok(Arc::clone(memory));
        }
        let what = || format!("opening what {name} remembers");
        let database = if let Some(memory) = known {
            // Its settings were changed since.
            Arc::clone(&memory.database)
        } else {
            let database = self.vault.open_or_create(&persona.file_id).context_with(what)?;
            prepare(&database, PERSONA_FORMAT, include_str!("persona.sql")).context_with(what)?;
            Arc::new(database)
        };
        let memory = Arc::new(PersonaMemory {
            name: persona.name,
            file_id: persona.file_id.clone(),
            database,
            revision: Unchanged::default(),
            extractor: Arc::new(Extractor::new(config.topics.clone())),
            config,
            clock: Arc::clone(&self.clock),
        });
        memory.settle_zone()?;
        memory.settle_fact_terms()?;
        open.insert(persona.file_id, Arc::clone(&memory));
        Ok(memory)
    }

    /// How the memory of one persona works.
    fn config_of(&self, name: &PersonaName) -> Result<Arc<MemoryConfig>> {
        let Some(of_persona) = &self.config.of_persona else {
            return Ok(Arc::clone(&self.config));
        };
        let settings = self.persona_settings(name)?;
        if settings.is_empty() {
            return Ok(Arc::clone(&self.config));
        }
        Ok(Arc::new(of_persona(&self.config, &settings)))
    }

    fn close(&self, file_id: &str) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(file_id);
    }
}

impl PersonaMemory {
    /// Whose it is.
    pub fn name(&self) -> &PersonaName {
        &self.name
    }

    /// How its memory works, with the settings of its own.
    pub fn config(&self) -> &MemoryConfig {
        &self.config
    }

    /// What finds the topics of what is recorded, by those settings.
    pub fn extractor(&self) -> &Arc<Extractor> {
        &self.extractor
    }

    /// The name of its file, without ending.
    pub fn file_id(&self) -> &str {
        &self.file_id
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Changes with every change of what is remembered, by whatever process.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn revision(&self) -> Result<u64> {
        self.revision.look(&self.database, |known| match *known {
            Some(revision) => Ok(revision),
            None => Ok(*known.insert(self.database.read(views::revision)?)),
        })
    }

    /// Whether the daily counts are of the zone in use; if not, they are made anew.
    fn settle_zone(&self) -> Result<()> {
        let zone = zone_name(&self.config.zone);
        let known: Option<String> =
            self.database.read(|connection| views::state(connection, views::KEY_ROLLUP_ZONE))?;
        if known.as_deref() == Some(zone.as_str()) {
            return Ok(());
        }
        self.database.write(|tx| views::rebuild_days(tx, &self.config.zone, &zone))
    }
}

fn zone_name(zone: &TimeZone) -> String {
    zone.iana_name().map_or_else(|| format!("{zone:?}"), str::to_owned)
}

/// Makes the tables of an empty file; refuses one of a newer format.
fn prepare(database: &Database, format: u32, schema: &str) -> Result<()> {
    let version = |connection: &rusqlite::Connection| -> Result<u32> {
        sql(connection.pragma_query_value(None, "user_version", |row| row.get(0)))
    };
    let check = |version: u32| {
        if version <= format {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Incompatible,
            format!("the file has format {version}, this program knows up to {format}"),
        )
        .with_hint("install a newer ragged"))
    };
    let found = database.read(version)?;
    check(found)?;
    if found > 0 {
        return Ok(());
    }
    database.write(|tx| {
        // Another process may have made them while this one waited.
        if version(tx)? > 0 {
            return Ok(());
        }
        sql(tx.execute_batch(schema))?;
        sql(tx.pragma_update(None, "user_version", format))
    })
}
