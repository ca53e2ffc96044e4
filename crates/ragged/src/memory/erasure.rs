//! Deleting for good: what goes, what follows it, and what is left of it in the files.
//!
//! A deletion is a transaction that takes rows out of the record and of every view, an entry in the
//! audit log, and a rewriting of the file ([`PersonaMemory::erase_remains`]). The last may be kept
//! from happening by another process that still reads; then the rows are gone, the remains are not,
//! and [`Erased::remains`] says so.

use std::collections::BTreeSet;

use rusqlite::{Connection, types::ValueRef};

use super::{
    InteractionFilter, Memory, PersonaMemory, PersonaName,
    audit::{self, Operation},
    interaction::Part,
    topic, views,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    sqlite::sql,
};

/// Where a text stands in what a persona remembers: how many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Interactions: question, answer, correction, metadata.
    pub interactions: u64,
    /// Topics: name, key, names that were merged into it.
    pub topics: u64,
    /// Documents that were found: title, path.
    pub documents: u64,
    /// Facts, in any of their versions.
    pub facts: u64,
    /// Projects: name, description.
    pub projects: u64,
    /// Tests of ranking.
    pub tests: u64,
    /// What the owner says of the persona: description, focus areas, active projects.
    pub persona: u64,
}

impl Mentions {
    /// All of them together.
    pub fn total(&self) -> u64 {
        self.fields().iter().map(|(_, n)| n).sum()
    }

    /// Each with its name, in a fixed order.
    pub fn fields(&self) -> [(&'static str, u64); 7] {
        [
            ("interactions", self.interactions),
            ("topics", self.topics),
            ("documents", self.documents),
            ("facts", self.facts),
            ("projects", self.projects),
            ("tests", self.tests),
            ("persona", self.persona),
        ]
    }
}

/// What came of a deletion.
#[derive(Debug)]
pub struct Erased {
    /// What was deleted.
    pub deleted: Mentions,
    /// Why the files may still hold remains of it; `None` where they hold none.
    pub remains: Option<Error>,
}

/// A text that is looked for, whatever the case of its letters and the width of its blanks.
#[derive(Debug)]
struct Needle {
    text: String,
    /// As a topic it has this key.
    key: String,
}

impl Needle {
    fn new(text: &str) -> Result<Self> {
        let folded = fold(text);
        if folded.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "there is no text to forget")
                .with_hint("name a word or a sentence"));
        }
        Ok(Self { key: topic::key(text), text: folded })
    }

    fn is_in(&self, text: &str) -> bool {
        fold(text).contains(&self.text)
    }

    fn is_in_cell(&self, cell: ValueRef<'_>) -> bool {
        matches!(cell, ValueRef::Text(bytes) if self.is_in(&String::from_utf8_lossy(bytes)))
    }

    fn is_topic(&self, key: &str) -> bool {
        !self.key.is_empty() && (key == self.key || self.is_in(key))
    }
}

/// A text as it is compared: without regard to the case of its letters and the width of its blanks.
pub(super) fn fold(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows that mention a text.
#[derive(Debug, Default)]
struct Found {
    interactions: Vec<i64>,
    topics: BTreeSet<i64>,
    documents: BTreeSet<i64>,
    facts: BTreeSet<String>,
    projects: Vec<String>,
    tests: BTreeSet<String>,
}

const INTERACTIONS: &str =
    "SELECT seq, query, response, correction, metadata, model_used FROM interactions";
const TOPICS: &str = "SELECT topic, name, key, category FROM topics \
     UNION ALL SELECT topic, key, key, key FROM topic_aliases";
const DOCUMENTS: &str = "SELECT document, title, path FROM documents";
const FACTS: &str = "SELECT id, fact_type, content, source, metadata, update_reason FROM temporal_facts \
     UNION ALL SELECT fact_id, fact_type, content, source, NULL, update_reason FROM fact_versions";
const PROJECTS: &str = "SELECT name, name, description FROM projects";
const TESTS: &str = "SELECT id, name FROM ab_tests \
     UNION ALL SELECT test, query FROM ab_test_questions";

/// The first column of the rows of which another one passes.
fn matching<T: rusqlite::types::FromSql>(
    connection: &Connection,
    statement: &str,
    passes: impl Fn(ValueRef<'_>) -> bool,
) -> Result<Vec<T>> {
    let mut statement = sql(connection.prepare_cached(statement))?;
    let n_columns = statement.column_count();
    let mut rows = sql(statement.query([]))?;
    let mut found = Vec::new();
    while let Some(row) = sql(rows.next())? {
        for idx in 1..n_columns {
            if passes(sql(row.get_ref(idx))?) {
                found.push(sql(row.get(0))?);
                break;
            }
        }
    }
    Ok(found)
}

fn find(connection: &Connection, needle: &Needle) -> Result<Found> {
    let holds = |cell: ValueRef<'_>| needle.is_in_cell(cell);
    let is_topic = |cell: ValueRef<'_>| {
        holds(cell)
            || matches!(cell, ValueRef::Text(key)
                if needle.is_topic(&String::from_utf8_lossy(key)))
    };
    Ok(Found {
        interactions: matching(connection, INTERACTIONS, holds)?,
        topics: matching(connection, TOPICS, is_topic)?.into_iter().collect(),
        documents: matching(connection, DOCUMENTS, holds)?.into_iter().collect(),
        facts: matching(connection, FACTS, holds)?.into_iter().collect(),
        projects: matching(connection, PROJECTS, holds)?,
        tests: matching(connection, TESTS, holds)?.into_iter().collect(),
    })
}

impl Found {
    fn counts(&self) -> Mentions {
        Mentions {
            interactions: self.interactions.len() as u64,
            topics: self.topics.len() as u64,
            documents: self.documents.len() as u64,
            facts: self.facts.len() as u64,
            projects: self.projects.len() as u64,
            tests: self.tests.len() as u64,
            persona: 0,
        }
    }
}

impl PersonaMemory {
    /// Where a text stands in what is remembered. O(what is remembered).
    ///
    /// # Errors
    ///
    /// `Invalid` for a text without a letter; those of reading.
    pub fn mentions(&self, text: &str) -> Result<Mentions> {
        let needle = Needle::new(text)?;
        self.database()
            .read(|connection| Ok(find(connection, &needle)?.counts()))
            .context_with(|| format!("looking through what {} remembers", self.name()))
    }

    /// Deletes every row that mentions a text. See [`Memory::forget`].
    fn forget_rows(&self, needle: &Needle) -> Result<Mentions> {
        self.database()
            .write(|tx| {
                let found = find(tx, needle)?;
                self.delete_these(tx, &found.interactions)?;
                for topic in &found.topics {
                    self.take_out(tx, Part::Topic, *topic)?;
                }
                for document in &found.documents {
                    self.take_out(tx, Part::Document, *document)?;
                }
                let delete = |statement: &str, key: &dyn rusqlite::ToSql| {
                    sql(tx.prepare_cached(statement).and_then(|mut s| s.execute([key]))).map(|_| ())
                };
                for topic in &found.topics {
                    delete("DELETE FROM topics WHERE topic = ?1", topic)?;
                }
                for document in &found.documents {
                    delete("DELETE FROM documents WHERE document = ?1", document)?;
                }
                for fact in &found.facts {
                    delete("DELETE FROM temporal_facts WHERE id = ?1", fact)?;
                    delete("DELETE FROM fact_versions WHERE fact_id = ?1", fact)?;
                }
                for project in &found.projects {
                    delete("DELETE FROM projects WHERE name = ?1", project)?;
                }
                for test in &found.tests {
                    delete("DELETE FROM ab_tests WHERE id = ?1", test)?;
                }
                views::sweep(tx)?;
                views::bump_revision(tx)?;
                Ok(found.counts())
            })
            .context_with(|| format!("forgetting a text of {}", self.name()))
    }
}

impl Memory {
    /// Deletes one interaction of a persona, by its id or the first digits of it.
    ///
    /// # Errors
    ///
    /// `NotFound`, `Invalid` for an id that fits none or several; those of writing.
    pub fn delete_interaction(&self, name: &PersonaName, id: &str) -> Result<Erased> {
        let remembered = self.of(name)?;
        let id = remembered.interaction(id)?.id;
        remembered.delete_interaction(&id)?;
        let deleted = Mentions { interactions: 1, ..Mentions::default() };
        self.erased(&remembered, Operation::Delete, deleted, &[("ids", id)])
    }

    /// Deletes the interactions of a persona that pass.
    ///
    /// # Errors
    ///
    /// Those of writing; then none is deleted.
    pub fn delete_interactions(
        &self,
        name: &PersonaName,
        filter: &InteractionFilter,
    ) -> Result<Erased> {
        let remembered = self.of(name)?;
        let n = remembered.delete_interactions(filter)?;
        let deleted = Mentions { interactions: n, ..Mentions::default() };
        let moment = |ms: Option<i64>| ms.map_or_else(String::new, |ms| ms.to_string());
        let fields = [("since_ms", moment(filter.since_ms)), ("until_ms", moment(filter.until_ms))];
        self.erased(&remembered, Operation::Delete, deleted, &fields)
    }

    /// Deletes everything that a persona remembers. The persona itself stays.
    ///
    /// # Errors
    ///
    /// Those of writing; then nothing is deleted.
    pub fn clear(&self, name: &PersonaName) -> Result<Erased> {
        let remembered = self.of(name)?;
        let counts = remembered.counts()?;
        let deleted = Mentions {
            interactions: counts.interactions,
            topics: counts.topics,
            documents: counts.documents,
            facts: counts.facts,
            tests: remembered.count_tests()?,
            ..Mentions::default()
        };
        remembered.clear_rows()?;
        self.erased(&remembered, Operation::Clear, deleted, &[])
    }

    /// Where a text stands in what a persona remembers and in what is said of the persona.
    ///
    /// # Errors
    ///
    /// `Invalid` for a text without a letter; those of reading.
    pub fn mentions(&self, name: &PersonaName, text: &str) -> Result<Mentions> {
        let needle = Needle::new(text)?;
        let mut mentions = self.of(name)?.mentions(text)?;
        let persona = self.persona(name)?;
        mentions.persona = without(&persona.draft, &needle).1;
        Ok(mentions)
    }

    /// Deletes everything that mentions a text, whatever the case of its letters: interactions in
    /// whose question, answer, correction or metadata it stands, topics that are it or hold it,
    /// documents in whose title or path it stands, facts with all their versions, projects, tests;
    /// and takes it out of what is said of the persona. It may be learned again later.
    ///
    /// # Errors
    ///
    /// `Invalid` for a text without a letter; those of writing.
    pub fn forget(&self, name: &PersonaName, text: &str) -> Result<Erased> {
        let needle = Needle::new(text)?;
        let remembered = self.of(name)?;
        let mut deleted = remembered.forget_rows(&needle)?;
        let persona = self.persona(name)?;
        let (draft, n) = without(&persona.draft, &needle);
        deleted.persona = n;
        if n > 0 {
            self.edit_persona(name, &draft)?;
        }
        self.erased(&remembered, Operation::Forget, deleted, &[])
    }

    /// Forgets a topic of a persona, so that it is not learned again; see
    /// [`PersonaMemory::forget_topic`] and, with its interactions,
    /// [`PersonaMemory::forget_topic_with_interactions`].
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned under the key; those of writing; then nothing changes.
    pub fn forget_topic(
        &self,
        name: &PersonaName,
        key: &str,
        with_interactions: bool,
    ) -> Result<Erased> {
        let remembered = self.of(name)?;
        let interactions = if with_interactions {
            remembered.forget_topic_with_interactions(key)?
        } else {
            remembered.forget_topic(key)?;
            0
        };
        let deleted = Mentions { interactions, topics: 1, ..Mentions::default() };
        self.erased(&remembered, Operation::Forget, deleted, &[])
    }

    /// Notes a deletion, and clears the files of what is left of it.
    fn erased(
        &self,
        remembered: &PersonaMemory,
        operation: Operation,
        deleted: Mentions,
        fields: audit::AuditFields<'_>,
    ) -> Result<Erased> {
        let mut noted: Vec<(&str, String)> = fields.to_vec();
        let counts = deleted.fields();
        noted.extend(counts.iter().filter(|(_, n)| *n > 0).map(|(what, n)| (*what, n.to_string())));
        self.note(operation, Some(remembered.name()), &noted)?;
        let mut remains = remembered.erase_remains().err();
        if deleted.persona > 0 {
            remains = remains.or(self.registry().settle(true).err());
        }
        match remains {
            Some(error) if error.kind() != ErrorKind::Busy => Err(error),
            remains => Ok(Erased { deleted, remains }),
        }
    }

    /// Deletes the interactions that are older than the retention allows, of every persona, at
    /// most once a day. Returns how many.
    pub(super) fn expire(&self) -> Result<u64> {
        const DAY_MS: i64 = 86_400_000;
        let may_differ = self.config.of_persona.is_some() && self.has_persona_settings()?;
        if self.config.retention_days.is_none() && !may_differ {
            return Ok(0);
        }
        let now = self.now_ms();
        if !self.begin_expiry(now, now - DAY_MS)? {
            return Ok(0);
        }
        let mut n_expired = 0;
        for persona in self.personas()? {
            let Some(days) = self.config_of(&persona.name)?.retention_days else { continue };
            let before = now.saturating_sub(i64::from(days).saturating_mul(DAY_MS));
            let filter =
                InteractionFilter { until_ms: Some(before), ..InteractionFilter::default() };
            // Who never recorded has no file, and needs none for this.
            if !self.vault.contains(&persona.file_id) {
                continue;
            }
            let remembered = self.of(&persona.name)?;
            if remembered.count_interactions(&filter)? == 0 {
                continue;
            }
            let n = remembered.delete_interactions(&filter)?;
            let deleted = Mentions { interactions: n, ..Mentions::default() };
            // Where somebody reads at this moment, the next deletion erases the remains.
            self.erased(
                &remembered,
                Operation::Expire,
                deleted,
                &[("until_ms", before.to_string())],
            )?;
            n_expired += n;
        }
        Ok(n_expired)
    }
}

/// What is said of a persona without what mentions a text, and how many places did.
fn without(draft: &super::PersonaDraft, needle: &Needle) -> (super::PersonaDraft, u64) {
    let mut left = draft.clone();
    let mut n = 0;
    if needle.is_in(&left.description) {
        left.description.clear();
        n += 1;
    }
    for items in [&mut left.focus_areas, &mut left.active_projects] {
        let before = items.len();
        items.retain(|item| !needle.is_in(item));
        n += (before - items.len()) as u64;
    }
    (left, n)
}
