//! Facts with two times: when they are true in the world, and when we knew it.
//!
//! *Valid time* is `[valid_from, valid_to)`, open where `valid_to` is absent. *Transaction time* is
//! `[known_from, known_to)` of a version: from when it was written until another took its place.
//! `temporal_facts` holds what is believed now; `fact_versions` every version that ever was. Nothing
//! is overwritten: a change, an end, a deletion and a rollback each close the version that was and
//! write another, with a reason. The version that a deletion writes was never known: it says when
//! and why, and no question finds it. Only [`erase_fact`](PersonaMemory::erase_fact) takes versions
//! away.
//!
//! Facts are found by their words through `fact_terms`, a view of `temporal_facts`.
//!
//! The model is that of Snodgrass, *Developing Time-Oriented Database Applications in SQL*, 1999.

use std::collections::{BTreeSet, HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{
    PersonaMemory,
    interaction::{prefix_range, the_one},
    record::random_id,
    views,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    lexical::{ANALYSER_VERSION, Analyser, Language},
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

    /// Whether this version says that the fact was deleted. It repeats what was deleted, and was
    /// never known itself.
    pub fn is_deletion(&self) -> bool {
        self.known_to_ms == Some(self.known_from_ms)
    }

    /// Whether two versions differ in nothing but their number, when they were known, and why.
    fn says_same(&self, other: &Self) -> bool {
        let said = |fact: &Self| (fact.valid_from_ms, fact.valid_to_ms, fact.confidence);
        said(self) == said(other)
            && self.fact_type == other.fact_type
            && self.content == other.content
            && self.source == other.source
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

/// What came of adding or changing a fact.
#[derive(Clone, Debug, PartialEq)]
pub struct NotedFact {
    /// The fact as it is believed now.
    pub fact: Fact,
    /// What it contradicts; that stays as it is.
    pub contradictions: Vec<Contradiction>,
    /// Whether a version was written. None is where the same was believed already.
    pub is_new: bool,
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

pub(super) const VERSION_COLUMNS: &str = "fact_id, version, fact_type, content, valid_from, valid_to, \
     confidence, source, known_from, known_to, update_reason";

impl PersonaMemory {
    /// Adds a fact, unless one of the same kind, in the same words and true at the same time is
    /// believed already; then that one is returned.
    ///
    /// # Errors
    ///
    /// `Invalid` where it ends before it begins, says nothing, or is surer than 1.
    pub fn add_fact(&self, draft: &FactDraft) -> Result<NotedFact> {
        check(draft)?;
        let now_ms = self.now_ms();
        let id = random_id()?;
        let fact = Fact {
            id,
            version: 1,
            fact_type: kind_of(&draft.fact_type),
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
                if let Some(same) = self.same_as(tx, &fact)? {
                    return self.noted(tx, same, false);
                }
                self.write_version(tx, &fact)?;
                views::bump_revision(tx)?;
                self.noted(tx, fact, true)
            })
            .context_with(|| format!("adding a fact of {}", self.name()))
    }

    /// Changes a fact; the version that was stays readable. Where the fact is so already, nothing is
    /// written.
    ///
    /// # Errors
    ///
    /// `NotFound` for a fact that is not believed now; `Invalid` as for
    /// [`add_fact`](Self::add_fact).
    pub fn update_fact(&self, id: &str, change: &FactChange, reason: &str) -> Result<NotedFact> {
        self.rewrite(id, reason, |tx, id| {
            let before = current(tx, id)?;
            let fact = Fact {
                content: change
                    .content
                    .as_deref()
                    .map_or_else(|| before.content.clone(), |content| content.trim().to_owned()),
                valid_from_ms: change.valid_from_ms.unwrap_or(before.valid_from_ms),
                valid_to_ms: change.valid_to_ms.unwrap_or(before.valid_to_ms),
                confidence: change.confidence.unwrap_or(before.confidence),
                ..before
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
    pub fn end_fact(&self, id: &str, until_ms: i64) -> Result<NotedFact> {
        let change = FactChange { valid_to_ms: Some(Some(until_ms)), ..FactChange::default() };
        self.update_fact(id, &change, "ended")
    }

    /// Writes a new version that equals an earlier one, unless the fact is so already. It brings a
    /// deleted fact back.
    ///
    /// # Errors
    ///
    /// `NotFound` for a fact or a version that does not exist; `Invalid` for a version that says
    /// that the fact was deleted.
    pub fn rollback_fact(&self, id: &str, version: u32) -> Result<NotedFact> {
        self.rewrite(id, &format!("back to version {version}"), |tx, id| {
            let history = history_of(tx, id)?;
            let Some(wanted) = history.iter().find(|fact| fact.version == version) else {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    format!("the fact has no version {version}, but 1 to {}", history.len()),
                ));
            };
            if wanted.is_deletion() {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!("version {version} says that the fact was deleted"),
                )
                .with_hint(format!(
                    "go back to version {}, which was deleted, or delete it with `ragged memory \
                     delete-fact`",
                    version - 1
                )));
            }
            Ok(wanted.clone())
        })
        .context_with(|| format!("changing a fact of {}", self.name()))
    }

    /// Deletes a fact from what is believed; its versions stay readable by `--known-at` and in its
    /// history, where the version that is returned says when it was deleted.
    ///
    /// # Errors
    ///
    /// `NotFound` for a fact that is not believed now.
    pub fn delete_fact(&self, id: &str) -> Result<Fact> {
        let now_ms = self.now_ms();
        self.database()
            .write(|tx| {
                let before = current(tx, &full_id(tx, id)?)?;
                let at_ms = later_than(now_ms, before.known_from_ms);
                close(tx, &before.id, at_ms)?;
                let deletion = Fact {
                    version: before.version + 1,
                    known_from_ms: at_ms,
                    known_to_ms: Some(at_ms),
                    reason: "deleted".to_owned(),
                    ..before
                };
                self.write_history(tx, &deletion)?;
                sql(tx.execute("DELETE FROM temporal_facts WHERE id = ?1", [&deletion.id]))?;
                views::bump_revision(tx)?;
                Ok(deletion)
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
        let fact_type = query.fact_type.as_deref().map(kind_of);
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

    /// A fact as it is believed now.
    ///
    /// # Errors
    ///
    /// `NotFound` for a fact that is not believed now; `Invalid` where the digits are too few or
    /// fit several.
    pub fn fact(&self, id: &str) -> Result<Fact> {
        self.database()
            .read(|connection| current(connection, &full_id(connection, id)?))
            .context_with(|| format!("reading the facts of {}", self.name()))
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
                history_of(connection, &id)
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
        let query = |ms: i64| {
            if by_knowledge {
                FactQuery { known_at_ms: Some(ms), ..FactQuery::default() }
            } else {
                FactQuery { valid_at_ms: Some(ms), ..FactQuery::default() }
            }
        };
        let (before, after) = self
            .database()
            .read(|connection| {
                let at = |ms| self.facts_in(connection, &query(ms));
                Ok((at(a_ms)?, at(b_ms)?))
            })
            .context_with(|| format!("reading the facts of {}", self.name()))?;
        let known: HashMap<&str, &Fact> =
            before.iter().map(|fact| (fact.id.as_str(), fact)).collect();
        let still: HashSet<&str> = after.iter().map(|fact| fact.id.as_str()).collect();
        let mut diff = FactDiff {
            ended: before
                .iter()
                .filter(|fact| !still.contains(fact.id.as_str()))
                .cloned()
                .collect(),
            ..FactDiff::default()
        };
        for fact in &after {
            match known.get(fact.id.as_str()) {
                None => diff.added.push(fact.clone()),
                Some(known) if known.version != fact.version => {
                    diff.changed.push(((*known).clone(), fact.clone()));
                }
                Some(_) => {}
            }
        }
        Ok(diff)
    }

    /// Facts of one kind that are true at the same time and say different things, as it is known
    /// now, but for those of which [`keep_both`](Self::keep_both) settled that both stand.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn contradictions(&self) -> Result<Vec<Contradiction>> {
        self.database()
            .read(|connection| {
                let facts = self.facts_in(connection, &FactQuery::default())?;
                let kept: HashSet<(String, String)> = sql(connection
                    .prepare_cached("SELECT a, b FROM kept_contradictions")
                    .and_then(|mut statement| {
                        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
                    }))?;
                let mut found = Vec::new();
                // They come by kind and by when they became true: who overlaps stands behind, and
                // before all that begin after the end.
                for (idx, earlier) in facts.iter().enumerate() {
                    let behind = facts.iter().skip(idx + 1).take_while(|later| {
                        later.fact_type == earlier.fact_type
                            && earlier.valid_to_ms.is_none_or(|to| later.valid_from_ms < to)
                    });
                    for later in behind {
                        if contradict(earlier, later)
                            && (kept.is_empty() || !kept.contains(&pair(&earlier.id, &later.id)))
                        {
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

    /// What contradicts one fact as it is believed now, settled or not.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn contradictions_of(&self, fact: &Fact) -> Result<Vec<Contradiction>> {
        self.database()
            .read(|connection| self.contradicting(connection, fact))
            .context_with(|| format!("reading the facts of {}", self.name()))
    }

    /// Settles that two facts that contradict each other both stand, until either is changed.
    ///
    /// # Errors
    ///
    /// `NotFound` for a fact that is not believed now; `Invalid` for two that do not contradict
    /// each other.
    pub fn keep_both(&self, one: &str, other: &str) -> Result<Contradiction> {
        let now_ms = self.now_ms();
        self.database()
            .write(|tx| {
                let one = current(tx, &full_id(tx, one)?)?;
                let other = current(tx, &full_id(tx, other)?)?;
                if one.id == other.id || !contradict(&one, &other) {
                    return Err(Error::new(
                        ErrorKind::Invalid,
                        "the two facts do not contradict each other",
                    )
                    .with_hint("`ragged memory contradictions` lists those that do"));
                }
                let (a, b) = pair(&one.id, &other.id);
                sql(tx.execute(
                    "INSERT OR IGNORE INTO kept_contradictions (a, b, kept_at) \
                     VALUES (?1, ?2, ?3)",
                    params![a, b, now_ms],
                ))?;
                views::bump_revision(tx)?;
                Ok(Contradiction::of(one, other))
            })
            .context_with(|| format!("settling a contradiction of {}", self.name()))
    }

    /// The facts whose words or kind have all these words, whenever they are true, the one that
    /// became true last first. Words count by their stem, stop words not at all: `at Acme` finds
    /// what mentions Acme.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn facts_about(&self, words: &str) -> Result<Vec<Fact>> {
        let terms = terms_of(&mut analyser(), &[words]);
        self.find_by_terms(&terms, None, terms.len(), usize::MAX)
    }

    /// When what the words say held: the validity of the first of
    /// [`facts_about`](Self::facts_about), the end open where it still holds.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn validity_of(&self, words: &str) -> Result<Option<(i64, Option<i64>)>> {
        let terms = terms_of(&mut analyser(), &[words]);
        let latest = self.find_by_terms(&terms, None, terms.len(), 1)?.into_iter().next();
        Ok(latest.map(|fact| (fact.valid_from_ms, fact.valid_to_ms)))
    }

    /// The facts that are true at a moment and share a word with a question, at most `limit`: the
    /// one that shares most comes first, then the one that became true last. Words count by their
    /// stem, stop words not at all.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn facts_for(&self, words: &str, at_ms: i64, limit: usize) -> Result<Vec<Fact>> {
        self.find_by_terms(&terms_of(&mut analyser(), &[words]), Some(at_ms), 1, limit)
    }

    /// Facts that share `min` terms or more: by how many, then by when they became true, the last
    /// one first.
    fn find_by_terms(
        &self,
        terms: &BTreeSet<String>,
        at_ms: Option<i64>,
        min: usize,
        limit: usize,
    ) -> Result<Vec<Fact>> {
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        self.database()
            .read(|connection| {
                let mut shared: HashMap<String, (usize, i64)> = HashMap::new();
                let mut statement = sql(connection.prepare_cached(WITH_TERM))?;
                for term in terms {
                    let mut rows = sql(statement.query(params![term, at_ms]))?;
                    while let Some(row) = sql(rows.next())? {
                        let (id, valid_from_ms) = (sql(row.get(0))?, sql(row.get(1))?);
                        shared.entry(id).or_insert((0, valid_from_ms)).0 += 1;
                    }
                }
                let mut found: Vec<(usize, i64, String)> = shared
                    .into_iter()
                    .filter(|(_, (n, _))| *n >= min)
                    .map(|(id, (n, valid_from_ms))| (n, valid_from_ms, id))
                    .collect();
                found.sort_by(|a, b| (b.0, b.1, &a.2).cmp(&(a.0, a.1, &b.2)));
                found.truncate(limit);
                found.iter().map(|(_, _, id)| current(connection, id)).collect()
            })
            .context_with(|| format!("reading the facts of {}", self.name()))
    }

    /// Makes the terms of facts anew where another version of the analysis made them.
    pub(super) fn settle_fact_terms(&self) -> Result<()> {
        let known: Option<u32> =
            self.database().read(|connection| views::state(connection, views::KEY_FACT_TERMS))?;
        if known == Some(ANALYSER_VERSION) {
            return Ok(());
        }
        self.database().write(rebuild_terms)
    }

    /// Closes the version that is believed and writes another, if it says anything else.
    fn rewrite(
        &self,
        id: &str,
        reason: &str,
        change: impl FnOnce(&Transaction<'_>, &str) -> Result<Fact>,
    ) -> Result<NotedFact> {
        let now_ms = self.now_ms();
        self.database().write(|tx| {
            let id = full_id(tx, id)?;
            let last = last_version(tx, &id)?;
            let changed = change(tx, &id)?;
            let draft = FactDraft {
                fact_type: changed.fact_type.clone(),
                content: changed.content.clone(),
                valid_from_ms: changed.valid_from_ms,
                valid_to_ms: changed.valid_to_ms,
                confidence: changed.confidence,
                source: changed.source.clone(),
            };
            check(&draft)?;
            if last.known_to_ms.is_none() && last.says_same(&changed) {
                return self.noted(tx, last, false);
            }
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
            self.noted(tx, fact, true)
        })
    }

    fn noted(&self, connection: &Connection, fact: Fact, is_new: bool) -> Result<NotedFact> {
        let contradictions = self.contradicting(connection, &fact)?;
        Ok(NotedFact { fact, contradictions, is_new })
    }

    /// The fact that is believed now and says the same of the same time, but perhaps surer or from
    /// another source.
    fn same_as(&self, connection: &Connection, fact: &Fact) -> Result<Option<Fact>> {
        sql(connection.prepare_cached(SAME).and_then(|mut statement| {
            statement
                .query_row(
                    params![
                        self.name().as_str(),
                        fact.fact_type,
                        fact.valid_from_ms,
                        fact.valid_to_ms,
                        fact.content,
                    ],
                    fact_of,
                )
                .optional()
        }))
    }

    fn write_version(&self, tx: &Transaction<'_>, fact: &Fact) -> Result<()> {
        let persona = self.name().as_str();
        sql(tx.execute(
            "INSERT OR REPLACE INTO temporal_facts (id, persona, fact_type, content, valid_from, \
             valid_to, confidence, source, created_at, version, known_from, update_reason) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, \
             coalesce((SELECT known_from FROM fact_versions WHERE fact_id = ?1 AND version = 1), \
             ?9), ?10, ?9, ?11)",
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
                fact.reason,
            ],
        ))?;
        self.write_history(tx, fact)?;
        write_terms(tx, &fact.id, [&fact.fact_type, &fact.content])
    }

    /// Writes a version and leaves what is believed as it is.
    fn write_history(&self, tx: &Transaction<'_>, fact: &Fact) -> Result<()> {
        if keep_version(tx, self.name().as_str(), fact)? {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Internal,
            format!("the fact {:?} has a version {} already", fact.id, fact.version),
        ))
    }

    /// The facts that one contradicts, by when they became true.
    fn contradicting(&self, connection: &Connection, fact: &Fact) -> Result<Vec<Contradiction>> {
        let mut statement = sql(connection.prepare_cached(OVERLAPPING))?;
        let rows = sql(statement.query_map(
            params![
                self.name().as_str(),
                fact.fact_type,
                fact.valid_from_ms,
                fact.valid_to_ms,
                fact.id
            ],
            fact_of,
        ))?;
        let others: Vec<Fact> = sql(rows.collect())?;
        Ok(others
            .into_iter()
            .filter(|other| contradict(other, fact))
            .map(|other| Contradiction::of(other, fact.clone()))
            .collect())
    }
}

impl Contradiction {
    fn of(one: Fact, other: Fact) -> Self {
        if (one.valid_from_ms, &one.id) <= (other.valid_from_ms, &other.id) {
            Self { earlier: one, later: other }
        } else {
            Self { earlier: other, later: one }
        }
    }
}

/// What is believed, in the columns of [`VERSION_COLUMNS`].
macro_rules! believed {
    ($which:literal) => {
        concat!(
            "SELECT id, version, fact_type, content, valid_from, valid_to, confidence, source, \
             known_from, NULL, update_reason FROM temporal_facts WHERE persona = ?1 AND ",
            $which
        )
    };
}

const KNOWN_NOW: &str = believed!(
    "?2 IS NULL AND ?4 IS NULL \
     AND (?3 IS NULL OR (valid_from <= ?3 AND (valid_to IS NULL OR valid_to > ?3))) \
     ORDER BY fact_type, valid_from, id"
);
pub(super) const SAME: &str =
    believed!("fact_type = ?2 AND valid_from = ?3 AND valid_to IS ?4 AND content = ?5 LIMIT 1");
pub(super) const KNOWN_NOW_OF_TYPE: &str = believed!(
    "fact_type = ?2 AND ?4 IS NULL AND valid_from <= coalesce(?3, 9223372036854775807) \
     AND (?3 IS NULL OR valid_to IS NULL OR valid_to > ?3) ORDER BY valid_from, id"
);
const KNOWN_THEN: &str = "SELECT fact_id, version, fact_type, content, valid_from, valid_to, \
     confidence, source, known_from, known_to, update_reason FROM fact_versions \
     WHERE persona = ?1 AND (?2 IS NULL OR fact_type = ?2) \
     AND known_from <= ?4 AND (known_to IS NULL OR known_to > ?4) \
     AND (?3 IS NULL OR (valid_from <= ?3 AND (valid_to IS NULL OR valid_to > ?3))) \
     ORDER BY fact_type, valid_from, fact_id";
const OVERLAPPING: &str = believed!(
    "fact_type = ?2 AND valid_from < coalesce(?4, 9223372036854775807) \
     AND (valid_to IS NULL OR valid_to > ?3) AND id <> ?5 ORDER BY valid_from, id"
);
const WITH_TERM: &str = "SELECT f.id, f.valid_from FROM fact_terms t \
     JOIN temporal_facts f ON f.id = t.fact_id WHERE t.term = ?1 \
     AND (?2 IS NULL OR (f.valid_from <= ?2 AND (f.valid_to IS NULL OR f.valid_to > ?2)))";

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

/// Kinds are one whatever their case.
fn kind_of(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Two ids in the order in which a table has them.
fn pair(one: &str, other: &str) -> (String, String) {
    (one.min(other).to_owned(), one.max(other).to_owned())
}

/// Facts and questions are read as one language, so that the same word is the same term in both.
fn analyser() -> Analyser {
    Analyser::new(Language::English)
}

fn terms_of(analyser: &mut Analyser, texts: &[&str]) -> BTreeSet<String> {
    let mut terms = BTreeSet::new();
    for text in texts {
        terms.extend(analyser.analyse(None, text).content().map(str::to_owned));
    }
    terms
}

/// Writes the words of a fact whose row of `temporal_facts` is new.
pub(super) fn write_terms(tx: &Transaction<'_>, id: &str, texts: [&str; 2]) -> Result<()> {
    write_terms_by(tx, &mut analyser(), id, texts)
}

fn write_terms_by(
    tx: &Transaction<'_>,
    analyser: &mut Analyser,
    id: &str,
    texts: [&str; 2],
) -> Result<()> {
    let mut statement =
        sql(tx.prepare_cached("INSERT OR IGNORE INTO fact_terms (term, fact_id) VALUES (?1, ?2)"))?;
    for term in terms_of(analyser, &texts) {
        sql(statement.execute([term.as_str(), id]))?;
    }
    Ok(())
}

/// Makes the terms of all facts anew. O(facts).
pub(super) fn rebuild_terms(tx: &Transaction<'_>) -> Result<()> {
    sql(tx.execute("DELETE FROM fact_terms", []))?;
    let mut analyser = analyser();
    let mut present = sql(
        tx.prepare(&format!("SELECT {VERSION_COLUMNS} FROM fact_versions WHERE known_to IS NULL"))
    )?;
    let mut rows = sql(present.query([]))?;
    while let Some(row) = sql(rows.next())? {
        let fact = sql(fact_of(row))?;
        write_terms_by(tx, &mut analyser, &fact.id, [&fact.fact_type, &fact.content])?;
    }
    sql(tx.execute(
        "INSERT OR REPLACE INTO state (key, value) VALUES (?1, ?2)",
        params![views::KEY_FACT_TERMS, ANALYSER_VERSION],
    ))
    .map(|_| ())
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

/// Keeps a version unless there is one of its number; whether it was new.
pub(super) fn keep_version(tx: &Transaction<'_>, persona: &str, fact: &Fact) -> Result<bool> {
    let n = sql(tx
        .prepare_cached(
            "INSERT OR IGNORE INTO fact_versions (fact_id, version, persona, fact_type, content, \
             valid_from, valid_to, confidence, source, known_from, known_to, update_reason) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
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
                fact.known_to_ms,
                fact.reason,
            ])
        }))?;
    Ok(n > 0)
}

/// A version from a row of [`VERSION_COLUMNS`].
pub(super) fn fact_of(row: &Row<'_>) -> rusqlite::Result<Fact> {
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

fn history_of(connection: &Connection, id: &str) -> Result<Vec<Fact>> {
    sql(connection
        .prepare_cached(&format!(
            "SELECT {VERSION_COLUMNS} FROM fact_versions WHERE fact_id = ?1 ORDER BY version"
        ))
        .and_then(|mut statement| statement.query_map([id], fact_of)?.collect()))
}

/// The version of a fact that is believed now, by its whole id.
fn current(connection: &Connection, id: &str) -> Result<Fact> {
    let last = last_version(connection, id)?;
    if last.known_to_ms.is_some() {
        return Err(Error::new(ErrorKind::NotFound, format!("the fact {id:?} was deleted"))
            .with_hint(format!(
                "`ragged memory fact-history {id}` shows it, `ragged memory rollback-fact {id} {}` \
             brings it back",
                last.version.saturating_sub(1).max(1)
            )));
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

#[cfg(test)]
mod tests;
