//! What a persona remembers, out of one memory and into another, without loss.
//!
//! What is taken out is the record: interactions with their topics and documents, the owner's word
//! on topics, projects, every version of every fact. Views follow from it. Bringing it in is one
//! transaction, adds only what is not known, and keeps the times that things had.

use rusqlite::{Connection, Transaction, params};

use super::{Fact, Interaction, InteractionFilter, NewInteraction, PersonaMemory, fact, views};
use crate::{
    error::{Context, Result},
    sqlite::{natural, sql},
};

/// A topic as it is known, and the owner's word on it.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicRecord {
    /// What makes it the same topic in other words.
    pub key: String,
    /// How it is shown.
    pub name: String,
    /// Interactions in which it was met.
    pub frequency: u64,
    /// The first of them; Unix milliseconds.
    pub first_seen_ms: Option<i64>,
    /// The last.
    pub last_seen_ms: Option<i64>,
    /// The interest that the owner set, and when.
    pub set: Option<(f64, i64)>,
    /// Keys that were merged into it.
    pub aliases: Vec<String>,
}

/// Something that the persona works or worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectRecord {
    /// Its name.
    pub name: String,
    /// In a sentence.
    pub description: String,
    /// `active` or otherwise.
    pub status: String,
    /// Unix milliseconds.
    pub started_ms: i64,
    /// Absent while it goes on.
    pub ended_ms: Option<i64>,
}

/// Two topics met in one interaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    /// A key.
    pub a: String,
    /// Another.
    pub b: String,
    /// Interactions that the two share.
    pub co_occurrence_count: u64,
}

/// What goes from one memory to another besides interactions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryRecords {
    /// In order of key.
    pub topics: Vec<TopicRecord>,
    /// In order of name.
    pub projects: Vec<ProjectRecord>,
    /// Every version, in order of fact and version.
    pub facts: Vec<Fact>,
    /// In order of keys; it follows from the interactions and is not brought in.
    pub relationships: Vec<Relationship>,
}

/// What was new of what was brought in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Interactions.
    pub interactions: u64,
    /// Interests set by hand, and names of merged topics.
    pub topics: u64,
    /// Projects.
    pub projects: u64,
    /// Versions of facts.
    pub fact_versions: u64,
}

impl PersonaMemory {
    /// Takes everything out, in one state: `begin` is given all but the interactions, then `each`
    /// every interaction that passes, the oldest first.
    ///
    /// # Errors
    ///
    /// Those of reading, of `begin` and of `each`.
    pub fn export(
        &self,
        filter: &InteractionFilter,
        begin: impl FnOnce(&MemoryRecords, u64) -> Result<()>,
        each: impl FnMut(Interaction) -> Result<()>,
    ) -> Result<()> {
        let records = self
            .database()
            .read(records)
            .context_with(|| format!("exporting what {} remembers", self.name()))?;
        begin(&records, self.count_interactions(filter)?)?;
        self.for_each_interaction(filter, each)
    }

    /// Brings records in. What is known already stays as it is, so that a second time changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// Those of writing; then nothing was brought in.
    pub fn import(
        &self,
        interactions: &[NewInteraction],
        records: &MemoryRecords,
    ) -> Result<ImportReport> {
        self.database()
            .write(|tx| {
                let mut report = ImportReport::default();
                for interaction in interactions {
                    report.interactions += u64::from(self.record_in(tx, interaction)?);
                }
                for topic in &records.topics {
                    report.topics += import_topic(tx, topic)?;
                }
                for project in &records.projects {
                    report.projects += count(tx.execute(
                        "INSERT OR IGNORE INTO projects \
                         (name, description, status, started_at, ended_at) \
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                        params![
                            project.name,
                            project.description,
                            project.status,
                            project.started_ms,
                            project.ended_ms
                        ],
                    ))?;
                }
                for fact in &records.facts {
                    report.fact_versions += self.import_fact(tx, fact)?;
                }
                if report != ImportReport::default() {
                    views::bump_revision(tx)?;
                }
                Ok(report)
            })
            .context_with(|| format!("importing for the persona {}", self.name()))
    }

    fn import_fact(&self, tx: &Transaction<'_>, fact: &Fact) -> Result<u64> {
        let new = count(tx.execute(
            "INSERT OR IGNORE INTO fact_versions (fact_id, version, persona, fact_type, content, \
             valid_from, valid_to, confidence, source, known_from, known_to, update_reason) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                fact.id,
                fact.version,
                self.name().as_str(),
                fact.fact_type,
                fact.content,
                fact.valid_from_ms,
                fact.valid_to_ms,
                fact.confidence,
                fact.source,
                fact.known_from_ms,
                fact.known_to_ms,
                fact.reason,
            ],
        ))?;
        if new > 0 && fact.known_to_ms.is_none() {
            let is_believed = count(tx.execute(
                "INSERT OR IGNORE INTO temporal_facts (id, persona, fact_type, content, \
                 valid_from, valid_to, confidence, source, created_at, version) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, \
                 coalesce((SELECT known_from FROM fact_versions \
                 WHERE fact_id = ?1 AND version = 1), ?9), ?10)",
                params![
                    fact.id,
                    self.name().as_str(),
                    fact.fact_type,
                    fact.content,
                    fact.valid_from_ms,
                    fact.valid_to_ms,
                    fact.confidence,
                    fact.source,
                    fact.known_from_ms,
                    fact.version,
                ],
            ))? > 0;
            if is_believed {
                fact::write_terms(tx, fact)?;
            }
        }
        Ok(new)
    }
}

fn count(done: rusqlite::Result<usize>) -> Result<u64> {
    sql(done).map(|n| n as u64)
}

/// The owner's word on a topic, and the names that lead to it.
fn import_topic(tx: &Transaction<'_>, record: &TopicRecord) -> Result<u64> {
    if record.set.is_none() && record.aliases.is_empty() {
        return Ok(0);
    }
    let Some(topic) = views::topic_to_learn(tx, &record.key, &record.name)? else { return Ok(0) };
    let mut new = 0;
    if let Some((level, set_at)) = record.set {
        new += count(tx.execute(
            "INSERT OR IGNORE INTO interest_overrides (topic, level, set_at) VALUES (?1, ?2, ?3)",
            params![topic, level, set_at],
        ))?;
    }
    for alias in &record.aliases {
        // One that was learned here as a topic of its own stays one.
        if views::known_topic(tx, alias)?.is_none() {
            new += count(tx.execute(
                "INSERT OR IGNORE INTO topic_aliases (key, topic) VALUES (?1, ?2)",
                params![alias, topic],
            ))?;
        }
    }
    Ok(new)
}

fn records(connection: &Connection) -> Result<MemoryRecords> {
    let mut topics: Vec<TopicRecord> = sql(connection
        .prepare_cached(
            "SELECT key, name, n_hits, first_seen, last_seen, level, set_at FROM topics \
             LEFT JOIN topic_totals USING (topic) LEFT JOIN interest_overrides USING (topic) \
             ORDER BY key",
        )
        .and_then(|mut statement| {
            statement
                .query_map([], |row| {
                    let level: Option<f64> = row.get(5)?;
                    let set_at: Option<i64> = row.get(6)?;
                    Ok(TopicRecord {
                        key: row.get(0)?,
                        name: row.get(1)?,
                        frequency: row.get::<_, Option<i64>>(2)?.map_or(0, natural),
                        first_seen_ms: row.get(3)?,
                        last_seen_ms: row.get(4)?,
                        set: level.zip(set_at),
                        aliases: Vec::new(),
                    })
                })?
                .collect()
        }))?;
    let aliases: Vec<(String, String)> = sql(connection
        .prepare_cached(
            "SELECT a.key, t.key FROM topic_aliases a JOIN topics t USING (topic) ORDER BY 1",
        )
        .and_then(|mut statement| {
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        }))?;
    for (alias, key) in aliases {
        if let Ok(at) = topics.binary_search_by(|topic| topic.key.cmp(&key)) {
            topics[at].aliases.push(alias);
        }
    }
    let projects = sql(connection
        .prepare_cached(
            "SELECT name, description, status, started_at, ended_at FROM projects ORDER BY name",
        )
        .and_then(|mut statement| {
            statement
                .query_map([], |row| {
                    Ok(ProjectRecord {
                        name: row.get(0)?,
                        description: row.get(1)?,
                        status: row.get(2)?,
                        started_ms: row.get(3)?,
                        ended_ms: row.get(4)?,
                    })
                })?
                .collect()
        }))?;
    let relationships = sql(connection
        .prepare_cached(
            "SELECT x.key, y.key, co_occurrence_count FROM topic_pairs \
             JOIN topics x ON x.topic = a JOIN topics y ON y.topic = b \
             WHERE x.key < y.key ORDER BY 1, 2",
        )
        .and_then(|mut statement| {
            statement
                .query_map([], |row| {
                    Ok(Relationship {
                        a: row.get(0)?,
                        b: row.get(1)?,
                        co_occurrence_count: row.get(2).map(natural)?,
                    })
                })?
                .collect()
        }))?;
    Ok(MemoryRecords {
        topics,
        projects,
        facts: fact::all_versions(connection)?,
        relationships,
    })
}
