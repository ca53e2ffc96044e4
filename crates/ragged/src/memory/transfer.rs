//! Taking along what a persona remembers: everything out, one row after another, and in again.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{
    Fact, Interaction, InteractionFilter, NewInteraction, PersonaMemory, RankingTest, experiment,
    fact::{self, VERSION_COLUMNS},
    record, views,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    sqlite::{natural, sql},
};

/// Page cache of an export: topics and documents of interactions are all over the file, and a page
/// that is read again is decrypted again.
const EXPORT_CACHE_BYTES: u64 = 64 << 20;

fn set_cache(connection: &Connection, bytes: u64) -> Result<()> {
    let kib = i64::try_from(bytes / 1024).unwrap_or(i64::MAX);
    sql(connection.pragma_update(None, "cache_size", -kib))
}

/// How many rows of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferCounts {
    /// Questions.
    pub interactions: u64,
    /// Topics; on the way in, interests that were set by hand.
    pub topics: u64,
    /// Keys of topics that were merged into others.
    pub aliases: u64,
    /// Projects.
    pub projects: u64,
    /// Facts as they are believed now.
    pub facts: u64,
    /// All versions of facts.
    pub fact_versions: u64,
    /// Contradictions that the owner keeps.
    pub kept_contradictions: u64,
    /// Pairs of topics that were met together; they follow from the interactions.
    pub relationships: u64,
    /// Tests of rankings.
    pub tests: u64,
}

/// A topic as it is taken along.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferTopic {
    /// What makes it the same topic in other words.
    pub key: String,
    /// How it is shown.
    pub name: String,
    /// Where it comes from.
    pub category: String,
    /// In how many interactions it counted.
    pub frequency: u64,
    /// The first of them; Unix milliseconds.
    pub first_seen_ms: Option<i64>,
    /// The last of them.
    pub last_seen_ms: Option<i64>,
    /// What the owner set by hand.
    pub level: Option<InterestLevel>,
}

/// An interest that was set by hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InterestLevel {
    /// From 0 to 1.
    pub level: f64,
    /// When; Unix milliseconds.
    pub set_at_ms: i64,
}

/// A key that leads to a topic of another key, because the two were merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicAlias {
    /// The key that was.
    pub key: String,
    /// The key of the topic that it leads to.
    pub topic: String,
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferProject {
    /// Its name, compared without regard to ASCII case.
    pub name: String,
    /// In words.
    pub description: String,
    /// Where it stands.
    pub status: String,
    /// Unix milliseconds.
    pub started_at_ms: i64,
    /// Open where `None`.
    pub ended_at_ms: Option<i64>,
}

/// A fact as it is believed now. Times are Unix milliseconds, stretches half-open.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferFact {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub fact_type: String,
    /// What is so.
    pub content: String,
    /// From when on.
    pub valid_from_ms: i64,
    /// Until when; still where `None`.
    pub valid_to_ms: Option<i64>,
    /// From 0 to 1.
    pub confidence: f64,
    /// Who says so.
    pub source: Option<String>,
    /// More about it, as JSON.
    pub metadata: Option<String>,
    /// When it was first said.
    pub created_at_ms: i64,
    /// Which of its versions is believed.
    pub version: i64,
}

/// Two facts that contradict each other, of which the owner said that both stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptContradiction {
    /// The id of one; the smaller of the two.
    pub a: String,
    /// The id of the other.
    pub b: String,
    /// When; Unix milliseconds.
    pub kept_at_ms: i64,
}

/// Two topics that were met together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    /// The key of one; the smaller of the two.
    pub a: String,
    /// The key of the other.
    pub b: String,
    /// In how many interactions.
    pub co_occurrence_count: u64,
}

/// One row on its way out or in.
#[derive(Clone, Debug, PartialEq)]
pub enum TransferRow {
    /// See [`TransferTopic`].
    Topic(TransferTopic),
    /// See [`TopicAlias`].
    Alias(TopicAlias),
    /// See [`TransferProject`].
    Project(TransferProject),
    /// See [`TransferFact`].
    Fact(TransferFact),
    /// A version of a fact.
    FactVersion(Fact),
    /// See [`KeptContradiction`].
    Kept(KeptContradiction),
    /// See [`Relationship`].
    Relationship(Relationship),
    /// A test of rankings.
    Test(RankingTest),
    /// A question.
    Interaction(Interaction),
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Rows that were read.
    pub read: TransferCounts,
    /// Rows that were not known before. What follows from the interactions is not counted.
    pub added: TransferCounts,
    /// Topics of interactions and interests that were left out because the owner had them
    /// forgotten here.
    pub n_forgotten: u64,
}

/// Whether what was imported stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportMode {
    /// It does.
    Keep,
    /// It is taken back at the end: only the report is wanted.
    Rehearse,
}

impl PersonaMemory {
    /// Visits everything that is remembered, of one unchanging state and one row at a time: topics,
    /// aliases, projects, facts, their versions, contradictions that are kept, relationships, tests, and last the interactions
    /// that pass, the oldest first. `begin` is told how many rows of each kind will come.
    ///
    /// The filter restricts interactions alone; the rest is of the whole. Hashes of forgotten
    /// topics are left out: they would let the names be guessed.
    ///
    /// # Errors
    ///
    /// Those of reading, of `begin` and of `visit`.
    pub fn export(
        &self,
        filter: &InteractionFilter,
        begin: impl FnOnce(&TransferCounts) -> Result<()>,
        visit: impl FnMut(TransferRow) -> Result<()>,
    ) -> Result<()> {
        self.database()
            .read(|connection| {
                let usual = self.config.database.page_cache_bytes;
                set_cache(connection, usual.max(EXPORT_CACHE_BYTES))?;
                let done = self.export_in(connection, filter, begin, visit);
                set_cache(connection, usual)?;
                done
            })
            .context_with(|| format!("exporting what {} remembers", self.name()))
    }

    fn export_in(
        &self,
        connection: &Connection,
        filter: &InteractionFilter,
        begin: impl FnOnce(&TransferCounts) -> Result<()>,
        mut visit: impl FnMut(TransferRow) -> Result<()>,
    ) -> Result<()> {
        let mut counts: TransferCounts = sql(connection.query_row(
            "SELECT (SELECT count(*) FROM topics), (SELECT count(*) FROM topic_aliases), \
                     (SELECT count(*) FROM projects), (SELECT count(*) FROM temporal_facts), \
                     (SELECT count(*) FROM fact_versions), \
                     (SELECT count(*) / 2 FROM topic_pairs), (SELECT count(*) FROM ab_tests), \
                     (SELECT count(*) FROM kept_contradictions)",
            [],
            |row| {
                let count = |idx| row.get(idx).map(natural);
                Ok(TransferCounts {
                    interactions: 0,
                    topics: count(0)?,
                    aliases: count(1)?,
                    projects: count(2)?,
                    facts: count(3)?,
                    fact_versions: count(4)?,
                    relationships: count(5)?,
                    tests: count(6)?,
                    kept_contradictions: count(7)?,
                })
            },
        ))?;
        counts.interactions = self.count_in(connection, filter)?;
        begin(&counts)?;
        let mut all = |statement: &str, of: fn(&Row<'_>) -> rusqlite::Result<TransferRow>| {
            visit_all(connection, statement, of, &mut visit)
        };
        all(
            "SELECT key, name, category, coalesce(n_hits, 0), first_seen, last_seen, \
                     level, set_at FROM topics LEFT JOIN topic_totals USING (topic) \
                     LEFT JOIN interest_overrides USING (topic) ORDER BY key",
            topic_of,
        )?;
        all(
            "SELECT topic_aliases.key, topics.key FROM topic_aliases \
                     JOIN topics USING (topic) ORDER BY topic_aliases.key",
            |row| {
                let (key, topic) = (row.get(0)?, row.get(1)?);
                Ok(TransferRow::Alias(TopicAlias { key, topic }))
            },
        )?;
        all(
            "SELECT name, description, status, started_at, ended_at FROM projects \
                     ORDER BY name",
            project_of,
        )?;
        all(
            "SELECT id, fact_type, content, valid_from, valid_to, confidence, source, \
                     metadata, created_at, version FROM temporal_facts ORDER BY id",
            fact_of,
        )?;
        all(
            &format!("SELECT {VERSION_COLUMNS} FROM fact_versions ORDER BY fact_id, version"),
            |row| fact::fact_of(row).map(TransferRow::FactVersion),
        )?;
        all("SELECT a, b, kept_at FROM kept_contradictions ORDER BY a, b", |row| {
            Ok(TransferRow::Kept(KeptContradiction {
                a: row.get(0)?,
                b: row.get(1)?,
                kept_at_ms: row.get(2)?,
            }))
        })?;
        for_each_pair(connection, |pair| visit(TransferRow::Relationship(pair)))?;
        for test in experiment::tests_in(connection)? {
            visit(TransferRow::Test(test))?;
        }
        self.visit_in(connection, filter, |interaction| {
            visit(TransferRow::Interaction(interaction))
        })
    }

    /// Takes in what `feed` hands to the [`Import`], in one transaction: where anything fails,
    /// nothing has changed. What is known already stays as it is, so that a second time adds
    /// nothing, and what the owner had forgotten here stays forgotten. Ids, sessions and times
    /// are kept; the persona is this one.
    ///
    /// Other writers of this persona wait until it has ended.
    ///
    /// # Errors
    ///
    /// `Invalid` for a row that cannot be; those of `feed` and of writing.
    pub fn import(
        &self,
        mode: ImportMode,
        feed: impl FnOnce(&mut Import<'_, '_>) -> Result<()>,
    ) -> Result<ImportReport> {
        let mut report = ImportReport::default();
        let done = self.database().write(|tx| {
            let mut import = Import {
                memory: self,
                tx,
                report: ImportReport::default(),
                later: Later::default(),
                own_facts: BTreeSet::new(),
            };
            feed(&mut import)?;
            import.finish()?;
            report = import.report;
            if report.added != TransferCounts::default() {
                views::bump_revision(tx)?;
            }
            match mode {
                ImportMode::Keep => Ok(()),
                // What fails is taken back.
                ImportMode::Rehearse => Err(Error::new(ErrorKind::Interrupted, "a rehearsal")),
            }
        });
        match (mode, done) {
            (ImportMode::Rehearse, Err(error)) if error.kind() == ErrorKind::Interrupted => {}
            (_, done) => {
                done.context_with(|| format!("importing for the persona {}", self.name()))?;
            }
        }
        Ok(report)
    }
}

fn visit_all(
    connection: &Connection,
    statement: &str,
    of: fn(&Row<'_>) -> rusqlite::Result<TransferRow>,
    visit: &mut impl FnMut(TransferRow) -> Result<()>,
) -> Result<()> {
    let mut statement = sql(connection.prepare(statement))?;
    let mut rows = sql(statement.query([]))?;
    while let Some(row) = sql(rows.next())? {
        visit(sql(of(row))?)?;
    }
    Ok(())
}

/// Visits the pairs of topics in order of their keys. Sorting all pairs by two texts would take as
/// long as reading the interactions; those of one topic are together, and few.
fn for_each_pair(
    connection: &Connection,
    mut visit: impl FnMut(Relationship) -> Result<()>,
) -> Result<()> {
    let topics: Vec<(i64, String)> = sql(connection
        .prepare("SELECT topic, key FROM topics ORDER BY key")
        .and_then(|mut statement| {
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        }))?;
    let places: HashMap<i64, usize> =
        topics.iter().enumerate().map(|(place, (topic, _))| (*topic, place)).collect();
    let mut statement =
        sql(connection.prepare("SELECT b, co_occurrence_count FROM topic_pairs WHERE a = ?1"))?;
    for (place, (topic, key)) in topics.iter().enumerate() {
        let mut others: Vec<(usize, u64)> = Vec::new();
        let mut rows = sql(statement.query([topic]))?;
        while let Some(row) = sql(rows.next())? {
            let other: i64 = sql(row.get(0))?;
            if let Some(other) = places.get(&other).filter(|other| **other > place) {
                others.push((*other, natural(sql(row.get(1))?)));
            }
        }
        others.sort_unstable();
        for (other, co_occurrence_count) in others {
            let (a, b) = (key.clone(), topics[other].1.clone());
            visit(Relationship { a, b, co_occurrence_count })?;
        }
    }
    Ok(())
}

fn topic_of(row: &Row<'_>) -> rusqlite::Result<TransferRow> {
    let level: Option<f64> = row.get(6)?;
    Ok(TransferRow::Topic(TransferTopic {
        key: row.get(0)?,
        name: row.get(1)?,
        category: row.get(2)?,
        frequency: natural(row.get(3)?),
        first_seen_ms: row.get(4)?,
        last_seen_ms: row.get(5)?,
        level: match level {
            Some(level) => Some(InterestLevel { level, set_at_ms: row.get(7)? }),
            None => None,
        },
    }))
}

fn project_of(row: &Row<'_>) -> rusqlite::Result<TransferRow> {
    Ok(TransferRow::Project(TransferProject {
        name: row.get(0)?,
        description: row.get(1)?,
        status: row.get(2)?,
        started_at_ms: row.get(3)?,
        ended_at_ms: row.get(4)?,
    }))
}

fn fact_of(row: &Row<'_>) -> rusqlite::Result<TransferRow> {
    Ok(TransferRow::Fact(TransferFact {
        id: row.get(0)?,
        fact_type: row.get(1)?,
        content: row.get(2)?,
        valid_from_ms: row.get(3)?,
        valid_to_ms: row.get(4)?,
        confidence: row.get(5)?,
        source: row.get(6)?,
        metadata: row.get(7)?,
        created_at_ms: row.get(8)?,
        version: row.get(9)?,
    }))
}

/// An import on its way: rows are handed to it in any order.
#[derive(Debug)]
pub struct Import<'a, 'tx> {
    memory: &'a PersonaMemory,
    tx: &'a Transaction<'tx>,
    report: ImportReport,
    later: Later,
    /// Facts that this import brought; of others, it brings no versions.
    own_facts: BTreeSet<String>,
}

/// What can be decided only when the interactions are there.
#[derive(Debug, Default)]
struct Later {
    topics: Vec<TransferTopic>,
    aliases: BTreeMap<String, String>,
    kept: Vec<KeptContradiction>,
}

impl Import<'_, '_> {
    /// What was done so far.
    pub fn report(&self) -> &ImportReport {
        &self.report
    }

    /// Takes in one row.
    ///
    /// # Errors
    ///
    /// `Invalid` for a row that cannot be; those of writing.
    pub fn take(&mut self, row: TransferRow) -> Result<()> {
        let read = &mut self.report.read;
        match row {
            TransferRow::Interaction(interaction) => {
                read.interactions += 1;
                self.interaction(interaction)
            }
            TransferRow::Topic(topic) => {
                read.topics += 1;
                if let Some(InterestLevel { level, .. }) = topic.level
                    && !(0.0..=1.0).contains(&level)
                {
                    return invalid(format!("the level of the topic {:?} is {level}", topic.name));
                }
                self.later.topics.push(topic);
                Ok(())
            }
            TransferRow::Alias(alias) => {
                read.aliases += 1;
                self.later.aliases.insert(alias.key, alias.topic);
                Ok(())
            }
            TransferRow::Project(project) => {
                read.projects += 1;
                self.project(&project)
            }
            TransferRow::Fact(fact) => {
                read.facts += 1;
                self.fact(&fact)
            }
            TransferRow::FactVersion(version) => {
                read.fact_versions += 1;
                self.fact_version(&version)
            }
            TransferRow::Kept(kept) => {
                read.kept_contradictions += 1;
                self.later.kept.push(kept);
                Ok(())
            }
            // They follow from the interactions.
            TransferRow::Relationship(_) => {
                read.relationships += 1;
                Ok(())
            }
            TransferRow::Test(test) => {
                read.tests += 1;
                let is_new = self.memory.keep_test_in(self.tx, &test)?;
                self.report.added.tests += u64::from(is_new);
                Ok(())
            }
        }
    }

    fn execute(&self, statement: &str, values: &[&dyn rusqlite::ToSql]) -> Result<u64> {
        sql(self.tx.prepare_cached(statement).and_then(|mut statement| statement.execute(values)))
            .map(|n| n as u64)
    }

    fn interaction(&mut self, known: Interaction) -> Result<()> {
        let is_id = known.id.len() == 32
            && known.id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_id {
            return invalid(format!("the id {:?} is not 32 hexadecimal digits", known.id));
        }
        if !known.is_learned && !known.topics.is_empty() {
            return invalid(format!("the interaction {} has topics and is not learned", known.id));
        }
        let mut n_forgotten = 0;
        for topic in &known.topics {
            let is_known = views::known_topic(self.tx, &topic.key)?.is_some();
            n_forgotten += u64::from(!is_known && views::is_forgotten(self.tx, &topic.key)?);
        }
        let new = NewInteraction {
            id: known.id,
            query: known.query,
            response: known.response,
            timestamp_ms: known.timestamp_ms,
            model_used: known.model_used,
            latency_ms: known.latency_ms,
            session_id: Some(known.session_id),
            kind: known.kind,
            documents: known
                .documents
                .into_iter()
                .map(|document| record::FoundDocument {
                    content_hash: document.content_hash,
                    title: document.title,
                    path: document.path,
                    doc_type: document.doc_type,
                    rank: document.rank,
                    score: document.score,
                    is_cited: document.is_cited,
                })
                .collect(),
            topics: known.topics,
            is_learned: known.is_learned,
            metadata: known.metadata,
            feedback: known.feedback,
            correction: known.correction,
        };
        if self.memory.record_in(self.tx, &new)? {
            self.report.added.interactions += 1;
            self.report.n_forgotten += n_forgotten;
        }
        Ok(())
    }

    fn project(&mut self, project: &TransferProject) -> Result<()> {
        let n = self.execute(
            "INSERT OR IGNORE INTO projects (name, description, status, started_at, ended_at) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                project.name,
                project.description,
                project.status,
                project.started_at_ms,
                project.ended_at_ms,
            ],
        )?;
        self.report.added.projects += n;
        Ok(())
    }

    /// Whether a fact may come in: its history here, if there is one, is not mixed with another.
    fn is_own_fact(&mut self, id: &str) -> Result<bool> {
        if self.own_facts.contains(id) {
            return Ok(true);
        }
        let is_known: bool = sql(self
            .tx
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM temporal_facts WHERE id = ?1) \
                 OR EXISTS (SELECT 1 FROM fact_versions WHERE fact_id = ?1)",
            )
            .and_then(|mut statement| statement.query_row([id], |row| row.get(0))))?;
        if !is_known {
            self.own_facts.insert(id.to_owned());
        }
        Ok(!is_known)
    }

    fn fact(&mut self, fact: &TransferFact) -> Result<()> {
        check_fact(&fact.id, fact.confidence, fact.valid_from_ms, fact.valid_to_ms)?;
        if !self.is_own_fact(&fact.id)? {
            return Ok(());
        }
        let n = self.execute(
            "INSERT OR IGNORE INTO temporal_facts (id, persona, fact_type, content, valid_from, \
             valid_to, confidence, source, metadata, created_at, version, known_from, \
             update_reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?10, '')",
            params![
                fact.id,
                self.memory.name().as_str(),
                fact.fact_type,
                fact.content,
                fact.valid_from_ms,
                fact.valid_to_ms,
                fact.confidence,
                fact.source,
                fact.metadata,
                fact.created_at_ms,
                fact.version,
            ],
        )?;
        self.report.added.facts += n;
        if n > 0 {
            fact::write_terms(self.tx, &fact.id, [&fact.fact_type, &fact.content])?;
        }
        Ok(())
    }

    fn fact_version(&mut self, version: &Fact) -> Result<()> {
        check_fact(&version.id, version.confidence, version.valid_from_ms, version.valid_to_ms)?;
        if !self.is_own_fact(&version.id)? {
            return Ok(());
        }
        let is_new = fact::keep_version(self.tx, self.memory.name().as_str(), version)?;
        self.report.added.fact_versions += u64::from(is_new);
        // What is believed came before its versions.
        self.execute(
            "UPDATE temporal_facts SET known_from = ?3, update_reason = ?4 \
             WHERE id = ?1 AND version = ?2",
            params![version.id, version.version, version.known_from_ms, version.reason],
        )
        .map(|_| ())
    }

    fn finish(&mut self) -> Result<()> {
        let Later { topics, aliases, kept } = std::mem::take(&mut self.later);
        for topic in &topics {
            self.topic(topic)?;
        }
        for (key, into) in &aliases {
            self.alias(key, into)?;
        }
        for kept in &kept {
            self.kept(kept)?;
        }
        Ok(())
    }

    /// A topic comes with its interactions, or with the interest that was set by hand.
    fn topic(&mut self, topic: &TransferTopic) -> Result<()> {
        let id = if topic.level.is_some() {
            let id = views::topic_to_learn(self.tx, &topic.key, &topic.name)?;
            self.report.n_forgotten += u64::from(id.is_none());
            id
        } else {
            views::known_topic(self.tx, &topic.key)?
        };
        let Some(id) = id else { return Ok(()) };
        if let Some(InterestLevel { level, set_at_ms }) = topic.level {
            let n = self.execute(
                "INSERT OR IGNORE INTO interest_overrides (topic, level, set_at) \
                 VALUES (?1, ?2, ?3)",
                params![id, level, set_at_ms],
            )?;
            self.report.added.topics += n;
        }
        // What the topic learner does not say, and what nobody here has said otherwise.
        self.execute(
            "UPDATE topics SET category = ?2 WHERE topic = ?1 AND key = ?3 \
             AND category = 'inferred'",
            params![id, topic.category, topic.key],
        )
        .map(|_| ())
    }

    /// Facts that were known here before are the owner's to settle anew.
    fn kept(&mut self, kept: &KeptContradiction) -> Result<()> {
        if self.own_facts.contains(&kept.a) && self.own_facts.contains(&kept.b) {
            let n = self.execute(
                "INSERT OR IGNORE INTO kept_contradictions (a, b, kept_at) \
                 SELECT ?1, ?2, ?3 WHERE ?1 < ?2 \
                 AND EXISTS (SELECT 1 FROM temporal_facts WHERE id = ?1) \
                 AND EXISTS (SELECT 1 FROM temporal_facts WHERE id = ?2)",
                params![kept.a, kept.b, kept.kept_at_ms],
            )?;
            self.report.added.kept_contradictions += n;
        }
        Ok(())
    }

    fn alias(&mut self, key: &str, into: &str) -> Result<()> {
        // A key that means something here already goes on meaning that.
        if views::known_topic(self.tx, key)?.is_some() || views::is_forgotten(self.tx, key)? {
            return Ok(());
        }
        let into: Option<i64> = sql(self
            .tx
            .prepare_cached("SELECT topic FROM topics WHERE key = ?1")
            .and_then(|mut statement| statement.query_row([into], |row| row.get(0)).optional()))?;
        let Some(into) = into else { return Ok(()) };
        let n = self.execute(
            "INSERT OR IGNORE INTO topic_aliases (key, topic) VALUES (?1, ?2)",
            params![key, into],
        )?;
        self.report.added.aliases += n;
        Ok(())
    }
}

fn check_fact(id: &str, confidence: f64, from_ms: i64, to_ms: Option<i64>) -> Result<()> {
    if !(0.0..=1.0).contains(&confidence) {
        return invalid(format!("the confidence of the fact {id:?} is {confidence}"));
    }
    if to_ms.is_some_and(|to_ms| to_ms < from_ms) {
        return invalid(format!("the fact {id:?} ends before it begins"));
    }
    Ok(())
}

#[cold]
fn invalid<T>(message: String) -> Result<T> {
    Err(Error::new(ErrorKind::Invalid, message).with_hint("export it anew from where it came"))
}
