//! Facts with two times: when they are true in the world, and when we knew it.
//!
//! *Valid time* is `[valid_from, valid_to)`, open where `valid_to` is absent. *Transaction time* is
//! `[known_from, known_to)` of a version: from when it was written until another took its place.
//! `temporal_facts` holds what is believed now; `fact_versions` every version that ever was. Nothing
//! is overwritten: a change, an end, a deletion and a rollback each close the version that was and
//! write another. Only [`erase_fact`](PersonaMemory::erase_fact) takes versions away.
//!
//! The model is that of Snodgrass, *Developing Time-Oriented Database Applications in SQL*, 1999.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{
    PersonaMemory,
    interaction::{prefix_range, the_one},
    record::random_id,
    views,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    sqlite::sql,
};

/// How sure a fact is unless its owner says.
pub const DEFAULT_CONFIDENCE: f64 = 0.7;

/// What is believed of the world, in one version.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// 32 hexadecimal digits; the same for all versions.
    pub id: String,
    /// From 1.
    pub version: u32,
    /// What kind of fact: employment, location, …; free text.
    pub fact_type: String,
    /// The fact in words.
    pub content: String,
    /// From when it is true; Unix milliseconds.
    pub valid_from_ms: i64,
    /// Until when; absent where it still is.
    pub valid_to_ms: Option<i64>,
    /// How sure, from 0 to 1.
    pub confidence: f64,
    /// Where it comes from.
    pub source: Option<String>,
    /// From when this version was known; Unix milliseconds.
    pub known_from_ms: i64,
    /// Until when; absent for the version that is believed now.
    pub known_to_ms: Option<i64>,
    /// Why this version was written.
    pub reason: String,
}

impl Fact {
    /// Whether it is true at a moment.
    pub fn is_valid_at(&self, at_ms: i64) -> bool {
        self.valid_from_ms <= at_ms && self.valid_to_ms.is_none_or(|to| at_ms < to)
    }
}

/// A fact as its owner says it.
#[derive(Clone, Debug, PartialEq)]
pub struct FactDraft {
    /// What kind of fact.
    pub fact_type: String,
    /// The fact in words.
    pub content: String,
    /// From when it is true; Unix milliseconds.
    pub valid_from_ms: i64,
    /// Until when; absent where it still is.
    pub valid_to_ms: Option<i64>,
    /// How sure, from 0 to 1.
    pub confidence: f64,
    /// Where it comes from.
    pub source: Option<String>,
}

/// What changes of a fact; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FactChange {
    /// The fact in words.
    pub content: Option<String>,
    /// From when it is true.
    pub valid_from_ms: Option<i64>,
    /// Until when; `Some(None)` opens the end.
    pub valid_to_ms: Option<Option<i64>>,
    /// How sure.
    pub confidence: Option<f64>,
}

/// Which facts are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactQuery {
    /// True at this moment; whenever where absent.
    pub valid_at_ms: Option<i64>,
    /// As it was known at this moment; as it is known now where absent.
    pub known_at_ms: Option<i64>,
    /// Of this kind only.
    pub fact_type: Option<String>,
}

/// Two facts of one kind that are true at the same time and say different things.
#[derive(Clone, Debug, PartialEq)]
pub struct Contradiction {
    /// The one that became true first.
    pub earlier: Fact,
    /// The other.
    pub later: Fact,
}

/// What is different between two moments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FactDiff {
    /// True at the second and not at the first.
    pub added: Vec<Fact>,
    /// True at the first and not at the second.
    pub ended: Vec<Fact>,
    /// True at both, in other words: before and after.
    pub changed: Vec<(Fact, Fact)>,
}

const VERSION_COLUMNS: &str = "fact_id, version, fact_type, content, valid_from, valid_to, \
     confidence, source, known_from, known_to, update_reason";

impl PersonaMemory {
    /// Adds a fact. Returns it with the facts that it contradicts; those stay as they are.
    ///
    /// # Errors
    ///
    /// `Invalid` where it ends before it begins, says nothing, or is surer than 1.
    pub fn add_fact(&self, draft: &FactDraft) -> Result<(Fact, Vec<Contradiction>)> {
        check(draft)?;
        let now_ms = self.now_ms();
        let id = random_id()?;
        let fact = Fact {
            id,
            version: 1,
            fact_type: draft.fact_type.trim().to_lowercase(),
            content: draft.content.trim().to_owned(),
            valid_from_ms: draft.valid_from_ms,
            valid_to_ms: draft.valid_to_ms,
            confidence: draft.confidence,
            source: draft.source.clone(),
            known_from_ms: now_ms,
            known_to_ms: None,
            reason: "added".to_owned(),
        };
        self.database()
            .write(|tx| {
                self.write_version(tx, &fact)?;
                views::bump_revision(tx)?;
                let against = self.contradicting(tx, &fact)?;
                Ok((fact, against))
            })
            .context_with(|| format!("adding a fact of {}", self.name()))
    }

    /// Changes a fact; the version that was stays readable.
    ///
    /// # Errors
    ///
    /// `NotFound`, `Invalid` as for [`add_fact`](Self::add_fact).
    pub fn update_fact(
        &self,
        id: &str,
        change: &FactChange,
        reason: &str,
    ) -> Result<(Fact, Vec<Contradiction>)> {
        self.rewrite(id, reason, |before| {
            let fact = Fact {
                content: change.content.clone().unwrap_or_else(|| before.content.clone()),
                valid_from_ms: change.valid_from_ms.unwrap_or(before.valid_from_ms),
                valid_to_ms: change.valid_to_ms.unwrap_or(before.valid_to_ms),
                confidence: change.confidence.unwrap_or(before.confidence),
                ..before.clone()
            };
            Ok(fact)
        })
        .context_with(|| format!("changing a fact of {}", self.name()))
    }

    /// Says until when a fact was true.
    ///
    /// # Errors
    ///
    /// Those of [`update_fact`](Self::update_fact).
    pub fn end_fact(&self, id: &str, until_ms: i64) -> Result<(Fact, Vec<Contradiction>)> {
        let change = FactChange { valid_to_ms: Some(Some(until_ms)), ..FactChange::default() };
        self.update_fact(id, &change, "ended")
    }

    /// Writes a new version that equals an earlier one.
    ///
    /// # Errors
    ///
    /// `NotFound` for a fact or a version that does not exist.
    pub fn rollback_fact(&self, id: &str, version: u32) -> Result<(Fact, Vec<Contradiction>)> {
        let history = self.fact_history(id)?;
        let Some(wanted) = history.iter().find(|fact| fact.version == version) else {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("the fact has no version {version}, but 1 to {}", history.len()),
            ));
        };
        let full = wanted.id.clone();
        let reason = format!("back to version {version}");
        self.rewrite(&full, &reason, |_| Ok(wanted.clone()))
            .context_with(|| format!("changing a fact of {}", self.name()))
    }

    /// Deletes a fact from what is believed; its versions stay readable by `--known-at` and in its
    /// history.
    ///
    /// # Errors
    ///
    /// `NotFound` for a fact that is not believed now.
    pub fn delete_fact(&self, id: &str) -> Result<Fact> {
        let now_ms = self.now_ms();
        self.database()
            .write(|tx| {
                let before = current(tx, id)?;
                close(tx, &before.id, later_than(now_ms, before.known_from_ms))?;
                sql(tx.execute("DELETE FROM temporal_facts WHERE id = ?1", [&before.id]))?;
                views::bump_revision(tx)?;
                Ok(before)
            })
            .context_with(|| format!("deleting a fact of {}", self.name()))
    }

    /// Takes a fact away with all its versions. The file is not yet cleared of it: see
    /// [`erase_remains`](Self::erase_remains).
    ///
    /// # Errors
    ///
    /// `NotFound` for a fact that never was.
    pub fn erase_fact(&self, id: &str) -> Result<()> {
        self.database()
            .write(|tx| {
                let id = full_id(tx, id)?;
                sql(tx.execute("DELETE FROM temporal_facts WHERE id = ?1", [&id]))?;
                sql(tx.execute("DELETE FROM fact_versions WHERE fact_id = ?1", [&id]))?;
                views::bump_revision(tx)
            })
            .context_with(|| format!("erasing a fact of {}", self.name()))
    }

    /// The facts that a query means, by kind, then by when they became true.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn facts(&self, query: &FactQuery) -> Result<Vec<Fact>> {
        self.database()
            .read(|connection| self.facts_in(connection, query))
            .context_with(|| format!("reading the facts of {}", self.name()))
    }

    fn facts_in(&self, connection: &Connection, query: &FactQuery) -> Result<Vec<Fact>> {
        let fact_type = query.fact_type.as_deref().map(|kind| kind.trim().to_lowercase());
        // What is known now is looked up by the index of valid time; what was, by versions.
        let statement = match (query.known_at_ms, &fact_type) {
            (Some(_), _) => KNOWN_THEN,
            (None, Some(_)) => KNOWN_NOW_OF_TYPE,
            (None, None) => KNOWN_NOW,
        };
        let mut statement = sql(connection.prepare_cached(statement))?;
        let rows = sql(statement.query_map(
            params![self.name().as_str(), fact_type, query.valid_at_ms, query.known_at_ms],
            fact_of,
        ))?;
        sql(rows.collect())
    }

    /// Every version of a fact, the first one first.
    ///
    /// # Errors
    ///
    /// `NotFound` for a fact that never was.
    pub fn fact_history(&self, id: &str) -> Result<Vec<Fact>> {
        self.database()
            .read(|connection| {
                let id = full_id(connection, id)?;
                let mut statement = sql(connection.prepare_cached(&format!(
                    "SELECT {VERSION_COLUMNS} FROM fact_versions WHERE fact_id = ?1 \
                     ORDER BY version"
                )))?;
                let rows = sql(statement.query_map([id], fact_of))?;
                sql(rows.collect())
            })
            .context_with(|| format!("reading the facts of {}", self.name()))
    }

    /// What is different between what was true at two moments, as it is known now; or, with
    /// `by_knowledge`, between what was believed at two moments.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn diff_facts(&self, a_ms: i64, b_ms: i64, by_knowledge: bool) -> Result<FactDiff> {
        let at = |ms: i64| {
            let query = if by_knowledge {
                FactQuery { known_at_ms: Some(ms), ..FactQuery::default() }
            } else {
                FactQuery { valid_at_ms: Some(ms), ..FactQuery::default() }
            };
            self.facts(&query)
        };
        let (before, after) = (at(a_ms)?, at(b_ms)?);
        let mut diff = FactDiff::default();
        for fact in &after {
            match before.iter().find(|known| known.id == fact.id) {
                None => diff.added.push(fact.clone()),
                Some(known) if known.version != fact.version => {
                    diff.changed.push((known.clone(), fact.clone()));
                }
                Some(_) => {}
            }
        }
        diff.ended = before
            .into_iter()
            .filter(|fact| after.iter().all(|other| other.id != fact.id))
            .collect();
        Ok(diff)
    }

    /// Facts of one kind that are true at the same time and say different things, as it is known
    /// now.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn contradictions(&self) -> Result<Vec<Contradiction>> {
        self.database()
            .read(|connection| {
                let facts = self.facts_in(connection, &FactQuery::default())?;
                let mut found = Vec::new();
                // They come by kind and by when they became true: who overlaps stands behind.
                for (idx, earlier) in facts.iter().enumerate() {
                    let behind = facts.iter().skip(idx + 1);
                    for later in behind.take_while(|later| later.fact_type == earlier.fact_type) {
                        if contradict(earlier, later) {
                            found.push(Contradiction {
                                earlier: earlier.clone(),
                                later: later.clone(),
                            });
                        }
                    }
                }
                Ok(found)
            })
            .context_with(|| format!("reading the facts of {}", self.name()))
    }

    /// When what the words say held: the validity of the latest fact whose content has all of
    /// them, the end open where it still holds.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn validity_of(&self, words: &str) -> Result<Option<(i64, Option<i64>)>> {
        let wanted: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        if wanted.is_empty() {
            return Ok(None);
        }
        let facts = self.facts(&FactQuery::default())?;
        let has_all = |fact: &&Fact| {
            let content = fact.content.to_lowercase();
            wanted.iter().all(|word| content.contains(word.as_str()))
        };
        let latest = facts.iter().filter(has_all).max_by_key(|fact| fact.valid_from_ms);
        Ok(latest.map(|fact| (fact.valid_from_ms, fact.valid_to_ms)))
    }

    /// The facts that are true at a moment and share a word of weight with a question: `terms` are
    /// such words in lower case. The one that shares most comes first.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn facts_for(&self, terms: &[String], at_ms: i64) -> Result<Vec<Fact>> {
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        let query = FactQuery { valid_at_ms: Some(at_ms), ..FactQuery::default() };
        let mut found: Vec<(usize, Fact)> = self
            .facts(&query)?
            .into_iter()
            .map(|fact| {
                let content = format!("{} {}", fact.fact_type, fact.content).to_lowercase();
                let words: Vec<&str> =
                    content.split(|letter: char| !letter.is_alphanumeric()).collect();
                let shared = terms.iter().filter(|term| words.contains(&term.as_str())).count();
                (shared, fact)
            })
            .filter(|(shared, _)| *shared > 0)
            .collect();
        found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.id.cmp(&b.1.id)));
        Ok(found.into_iter().map(|(_, fact)| fact).collect())
    }

    /// Closes the version that is believed and writes another.
    fn rewrite(
        &self,
        id: &str,
        reason: &str,
        change: impl FnOnce(&Fact) -> Result<Fact>,
    ) -> Result<(Fact, Vec<Contradiction>)> {
        let now_ms = self.now_ms();
        self.database().write(|tx| {
            let id = full_id(tx, id)?;
            // A fact that was deleted can be brought back by a rollback.
            let last = last_version(tx, &id)?;
            let changed = change(&last)?;
            let draft = FactDraft {
                fact_type: changed.fact_type.clone(),
                content: changed.content.clone(),
                valid_from_ms: changed.valid_from_ms,
                valid_to_ms: changed.valid_to_ms,
                confidence: changed.confidence,
                source: changed.source.clone(),
            };
            check(&draft)?;
            let since_ms =
                later_than(now_ms, last.known_from_ms.max(last.known_to_ms.unwrap_or(i64::MIN)));
            close(tx, &id, since_ms)?;
            let fact = Fact {
                id,
                version: last.version + 1,
                known_from_ms: since_ms,
                known_to_ms: None,
                reason: reason.to_owned(),
                ..changed
            };
            self.write_version(tx, &fact)?;
            views::bump_revision(tx)?;
            let against = self.contradicting(tx, &fact)?;
            Ok((fact, against))
        })
    }

    fn write_version(&self, tx: &Transaction<'_>, fact: &Fact) -> Result<()> {
        let persona = self.name().as_str();
        sql(tx.execute(
            "INSERT OR REPLACE INTO temporal_facts (id, persona, fact_type, content, valid_from, \
             valid_to, confidence, source, created_at, version) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, \
             coalesce((SELECT known_from FROM fact_versions WHERE fact_id = ?1 AND version = 1), \
             ?9), ?10)",
            params![
                fact.id,
                persona,
                fact.fact_type,
                fact.content,
                fact.valid_from_ms,
                fact.valid_to_ms,
                fact.confidence,
                fact.source,
                fact.known_from_ms,
                fact.version,
            ],
        ))?;
        sql(tx.execute(
            "INSERT INTO fact_versions (fact_id, version, persona, fact_type, content, valid_from, \
             valid_to, confidence, source, known_from, update_reason) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                fact.id,
                fact.version,
                persona,
                fact.fact_type,
                fact.content,
                fact.valid_from_ms,
                fact.valid_to_ms,
                fact.confidence,
                fact.source,
                fact.known_from_ms,
                fact.reason,
            ],
        ))
        .map(|_| ())
    }

    fn contradicting(&self, connection: &Connection, fact: &Fact) -> Result<Vec<Contradiction>> {
        let query = FactQuery { fact_type: Some(fact.fact_type.clone()), ..FactQuery::default() };
        Ok(self
            .facts_in(connection, &query)?
            .into_iter()
            .filter(|other| other.id != fact.id && contradict(other, fact))
            .map(|other| {
                if other.valid_from_ms <= fact.valid_from_ms {
                    Contradiction { earlier: other, later: fact.clone() }
                } else {
                    Contradiction { earlier: fact.clone(), later: other }
                }
            })
            .collect())
    }
}

const KNOWN_NOW: &str = "SELECT f.id, f.version, f.fact_type, f.content, f.valid_from, f.valid_to, \
     f.confidence, f.source, v.known_from, v.known_to, v.update_reason \
     FROM temporal_facts f JOIN fact_versions v ON v.fact_id = f.id AND v.version = f.version \
     WHERE f.persona = ?1 AND ?2 IS NULL AND ?4 IS NULL \
     AND (?3 IS NULL OR (f.valid_from <= ?3 AND (f.valid_to IS NULL OR f.valid_to > ?3))) \
     ORDER BY f.fact_type, f.valid_from, f.id";
pub(super) const KNOWN_NOW_OF_TYPE: &str = "SELECT f.id, f.version, f.fact_type, f.content, f.valid_from, \
     f.valid_to, f.confidence, f.source, v.known_from, v.known_to, v.update_reason \
     FROM temporal_facts f JOIN fact_versions v ON v.fact_id = f.id AND v.version = f.version \
     WHERE f.persona = ?1 AND f.fact_type = ?2 AND ?4 IS NULL \
     AND f.valid_from <= coalesce(?3, 9223372036854775807) \
     AND (?3 IS NULL OR f.valid_to IS NULL OR f.valid_to > ?3) \
     ORDER BY f.valid_from, f.id";
const KNOWN_THEN: &str = "SELECT fact_id, version, fact_type, content, valid_from, valid_to, \
     confidence, source, known_from, known_to, update_reason FROM fact_versions \
     WHERE persona = ?1 AND (?2 IS NULL OR fact_type = ?2) \
     AND known_from <= ?4 AND (known_to IS NULL OR known_to > ?4) \
     AND (?3 IS NULL OR (valid_from <= ?3 AND (valid_to IS NULL OR valid_to > ?3))) \
     ORDER BY fact_type, valid_from, fact_id";

fn check(draft: &FactDraft) -> Result<()> {
    let invalid = |why: &str, hint: &str| Err(Error::new(ErrorKind::Invalid, why).with_hint(hint));
    if draft.content.trim().is_empty() || draft.fact_type.trim().is_empty() {
        return invalid(
            "a fact needs a kind and words",
            "--type employment --content \"works at …\"",
        );
    }
    if draft.valid_to_ms.is_some_and(|to| to <= draft.valid_from_ms) {
        return invalid(
            "the fact ends before it begins",
            "it is true from --since up to, and not including, --until",
        );
    }
    if !(0.0..=1.0).contains(&draft.confidence) {
        return invalid("a confidence is from 0 to 1", "0.7 is usual");
    }
    Ok(())
}

fn contradict(a: &Fact, b: &Fact) -> bool {
    let begins_before_end =
        |x: &Fact, y: &Fact| y.valid_to_ms.is_none_or(|to| x.valid_from_ms < to);
    a.fact_type == b.fact_type
        && !a.content.eq_ignore_ascii_case(&b.content)
        && begins_before_end(a, b)
        && begins_before_end(b, a)
}

/// Two versions of a fact are never known from the same moment, whatever the clock says.
fn later_than(now_ms: i64, known_from_ms: i64) -> i64 {
    now_ms.max(known_from_ms.saturating_add(1))
}

fn close(tx: &Transaction<'_>, id: &str, at_ms: i64) -> Result<()> {
    sql(tx.execute(
        "UPDATE fact_versions SET known_to = ?2 WHERE fact_id = ?1 AND known_to IS NULL",
        params![id, at_ms],
    ))
    .map(|_| ())
}

fn fact_of(row: &Row<'_>) -> rusqlite::Result<Fact> {
    Ok(Fact {
        id: row.get(0)?,
        version: row.get(1)?,
        fact_type: row.get(2)?,
        content: row.get(3)?,
        valid_from_ms: row.get(4)?,
        valid_to_ms: row.get(5)?,
        confidence: row.get(6)?,
        source: row.get(7)?,
        known_from_ms: row.get(8)?,
        known_to_ms: row.get(9)?,
        reason: row.get(10)?,
    })
}

fn last_version(connection: &Connection, id: &str) -> Result<Fact> {
    sql(connection
        .prepare_cached(&format!(
            "SELECT {VERSION_COLUMNS} FROM fact_versions WHERE fact_id = ?1 \
             ORDER BY version DESC LIMIT 1"
        ))
        .and_then(|mut statement| statement.query_row([id], fact_of).optional()))?
    .ok_or_else(|| not_found(id))
}

fn current(connection: &Connection, id: &str) -> Result<Fact> {
    let last = last_version(connection, &full_id(connection, id)?)?;
    if last.known_to_ms.is_some() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("the fact {id:?} was deleted already"),
        )
        .with_hint("`ragged memory fact-history ID` shows it, `rollback-fact` brings it back"));
    }
    Ok(last)
}

fn full_id(connection: &Connection, id: &str) -> Result<String> {
    let (first, end) = prefix_range(id, "a fact", "`ragged memory facts` shows their ids")?;
    let ids: Vec<String> = sql(connection
        .prepare_cached(
            "SELECT DISTINCT fact_id FROM fact_versions WHERE fact_id >= ?1 AND fact_id < ?2 \
             LIMIT 2",
        )
        .and_then(|mut statement| {
            statement.query_map([&first, &end], |row| row.get(0))?.collect()
        }))?;
    the_one(ids, || not_found(id), || format!("more than one fact begins with {id:?}"))
}

#[cold]
fn not_found(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no fact {id:?}"))
        .with_hint("`ragged memory facts` shows their ids")
}

/// Every version of every fact, in order of fact and version.
pub(super) fn all_versions(connection: &Connection) -> Result<Vec<Fact>> {
    let mut statement = sql(connection.prepare_cached(&format!(
        "SELECT {VERSION_COLUMNS} FROM fact_versions ORDER BY fact_id, version"
    )))?;
    let rows = sql(statement.query_map([], fact_of))?;
    sql(rows.collect())
}

#[cfg(test)]
mod tests;
