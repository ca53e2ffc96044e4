//! Interactions: reading them, judging them, taking them out again.

use std::collections::BTreeSet;

use rusqlite::{Connection, Row, Transaction, params, params_from_iter};

use super::{
    Feedback, InteractionKind, PersonaMemory, TopicSource, erasure::fold, fact,
    record::RecordedTopic, views,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    sqlite::{integer, natural, sql},
};

/// The fewest digits by which an interaction may be named.
const MIN_ID_DIGITS: usize = 4;

/// A question that was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Interaction {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Whose it is.
    pub persona: String,
    /// The question.
    pub query: String,
    /// The answer.
    pub response: Option<String>,
    /// When, Unix milliseconds.
    pub timestamp_ms: i64,
    /// What worded the answer.
    pub model_used: Option<String>,
    /// How long the answer took.
    pub latency_ms: Option<f64>,
    /// What was thought of the answer.
    pub feedback: Option<Feedback>,
    /// The same in words.
    pub correction: Option<String>,
    /// Its session.
    pub session_id: String,
    /// What it was asked with.
    pub kind: InteractionKind,
    /// Whether it counts towards the interests.
    pub is_learned: bool,
    /// More about it, as JSON.
    pub metadata: Option<String>,
    /// What it found, in order of rank.
    pub documents: Vec<RetrievedDocument>,
    /// What it was about, of its words first, then by score.
    pub topics: Vec<RecordedTopic>,
}

/// A document that an interaction found.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrievedDocument {
    /// Hash of its contents.
    pub content_hash: [u8; 16],
    /// Its title when it was last found.
    pub title: Option<String>,
    /// Its path when it was last found.
    pub path: String,
    /// Its format.
    pub doc_type: String,
    /// Rank, from 1.
    pub rank: u32,
    /// Score.
    pub score: f32,
    /// Whether the answer cited it.
    pub is_cited: bool,
}

/// What can be taken out of an interaction that stays.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Topic,
    Document,
}

impl Part {
    /// The interactions that have it, in the order in which they were recorded.
    fn interactions(self, tx: &Transaction<'_>, id: i64) -> Result<Vec<i64>> {
        let statement = match self {
            Self::Topic => "SELECT seq FROM interaction_topics WHERE topic = ?1 ORDER BY seq",
            Self::Document => {
                "SELECT seq FROM interaction_documents WHERE document = ?1 ORDER BY seq"
            }
        };
        sql(tx
            .prepare_cached(statement)
            .and_then(|mut statement| statement.query_map([id], |row| row.get(0))?.collect()))
    }

    fn deletion(self) -> &'static str {
        match self {
            Self::Topic => "DELETE FROM interaction_topics WHERE topic = ?1 AND seq = ?2",
            Self::Document => "DELETE FROM interaction_documents WHERE document = ?1 AND seq = ?2",
        }
    }
}

/// Which interactions are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InteractionFilter {
    /// At or after; Unix milliseconds.
    pub since_ms: Option<i64>,
    /// Before; Unix milliseconds.
    pub until_ms: Option<i64>,
    /// Of one session.
    pub session_id: Option<String>,
    /// In whose question, answer or correction this text stands, whatever the case of its ASCII
    /// letters.
    pub text: Option<String>,
}

pub(super) const COLUMNS: &str = "seq, id, persona, query, response, timestamp, model_used, latency_ms, \
     feedback, correction, session_id, kind, is_learned, metadata";
const WHERE: &str = "persona = ?1 AND timestamp >= ?2 AND timestamp < ?3 \
     AND (?4 IS NULL OR session_id = ?4) \
     AND (?5 IS NULL OR query LIKE ?5 ESCAPE '\\' OR response LIKE ?5 ESCAPE '\\' \
     OR correction LIKE ?5 ESCAPE '\\')";
/// The same for one session: `+` keeps SQLite from looking up by persona and time, since a session
/// is far less than a persona.
const WHERE_OF_SESSION: &str = "session_id = ?4 AND +persona = ?1 AND +timestamp >= ?2 \
     AND +timestamp < ?3 \
     AND (?5 IS NULL OR query LIKE ?5 ESCAPE '\\' OR response LIKE ?5 ESCAPE '\\' \
     OR correction LIKE ?5 ESCAPE '\\')";

fn condition(filter: &InteractionFilter) -> &'static str {
    if filter.session_id.is_some() { WHERE_OF_SESSION } else { WHERE }
}

pub(super) fn newest_first(filter: &InteractionFilter) -> String {
    format!(
        "SELECT {COLUMNS} FROM interactions WHERE {} ORDER BY timestamp DESC, seq DESC LIMIT ?6",
        condition(filter)
    )
}

pub(super) fn oldest_first(filter: &InteractionFilter) -> String {
    format!(
        "SELECT {COLUMNS} FROM interactions WHERE {} ORDER BY timestamp, seq",
        condition(filter)
    )
}

impl PersonaMemory {
    /// The interactions that pass, the newest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn interactions(
        &self,
        filter: &InteractionFilter,
        limit: usize,
    ) -> Result<Vec<Interaction>> {
        self.database()
            .read(|connection| {
                let mut statement = sql(connection.prepare_cached(&newest_first(filter)))?;
                let mut rows = sql(statement.query(params_from_iter(
                    self.bound(filter)
                        .into_iter()
                        .chain([rusqlite::types::Value::Integer(integer(limit as u64))]),
                )))?;
                let mut found = Vec::new();
                while let Some(row) = sql(rows.next())? {
                    found.push(interaction_of(connection, row)?);
                }
                Ok(found)
            })
            .context_with(|| format!("reading what {} asked", self.name()))
    }

    /// Visits the interactions that pass, the oldest first, without holding all of them in memory.
    ///
    /// # Errors
    ///
    /// Those of reading, and of `visit`.
    pub fn for_each_interaction(
        &self,
        filter: &InteractionFilter,
        visit: impl FnMut(Interaction) -> Result<()>,
    ) -> Result<()> {
        self.database()
            .read(|connection| self.visit_in(connection, filter, visit))
            .context_with(|| format!("reading what {} asked", self.name()))
    }

    pub(super) fn visit_in(
        &self,
        connection: &Connection,
        filter: &InteractionFilter,
        mut visit: impl FnMut(Interaction) -> Result<()>,
    ) -> Result<()> {
        let mut statement = sql(connection.prepare_cached(&oldest_first(filter)))?;
        let mut rows = sql(statement.query(params_from_iter(self.bound(filter))))?;
        while let Some(row) = sql(rows.next())? {
            visit(interaction_of(connection, row)?)?;
        }
        Ok(())
    }

    /// How many interactions pass.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn count_interactions(&self, filter: &InteractionFilter) -> Result<u64> {
        self.database()
            .read(|connection| self.count_in(connection, filter))
            .context_with(|| format!("counting what {} asked", self.name()))
    }

    pub(super) fn count_in(
        &self,
        connection: &Connection,
        filter: &InteractionFilter,
    ) -> Result<u64> {
        let mut statement = sql(connection.prepare_cached(&format!(
            "SELECT count(*) FROM interactions WHERE {}",
            condition(filter)
        )))?;
        let n = sql(statement.query_row(params_from_iter(self.bound(filter)), |row| row.get(0)))?;
        Ok(natural(n))
    }

    fn bound(&self, filter: &InteractionFilter) -> [rusqlite::types::Value; 5] {
        use rusqlite::types::Value;
        let text = |text: Option<String>| text.map_or(Value::Null, Value::Text);
        [
            Value::Text(self.name().as_str().to_owned()),
            Value::Integer(filter.since_ms.unwrap_or(i64::MIN)),
            Value::Integer(filter.until_ms.unwrap_or(i64::MAX)),
            text(filter.session_id.clone()),
            text(filter.text.as_deref().map(like_pattern)),
        ]
    }

    /// Paths of the documents that were found from `since_ms` on and before `until_ms`, in order.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn paths_found(&self, since_ms: i64, until_ms: i64) -> Result<Vec<String>> {
        self.database()
            .read(|connection| {
                sql(connection
                    .prepare_cached(
                        "SELECT DISTINCT path FROM interactions \
                         JOIN interaction_documents USING (seq) JOIN documents USING (document) \
                         WHERE persona = ?1 AND timestamp >= ?2 AND timestamp < ?3 ORDER BY path",
                    )
                    .and_then(|mut statement| {
                        statement
                            .query_map(params![self.name().as_str(), since_ms, until_ms], |row| {
                                row.get(0)
                            })?
                            .collect()
                    }))
            })
            .context_with(|| format!("reading what {} found", self.name()))
    }

    /// One interaction, by its id or the first digits of it.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is none; `Invalid` where the digits are too few or fit several.
    pub fn interaction(&self, id: &str) -> Result<Interaction> {
        self.database()
            .read(|connection| {
                let seq = seq_of(connection, id)?;
                let mut statement = sql(connection.prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM interactions WHERE seq = ?1"
                )))?;
                let mut rows = sql(statement.query([seq]))?;
                match sql(rows.next())? {
                    Some(row) => interaction_of(connection, row),
                    None => Err(not_found(id)),
                }
            })
            .context_with(|| format!("reading what {} asked", self.name()))
    }

    /// Sets what was thought of an answer; `correction` in words.
    ///
    /// # Errors
    ///
    /// Those of [`interaction`](Self::interaction), and of writing.
    pub fn set_feedback(
        &self,
        id: &str,
        feedback: Option<Feedback>,
        correction: Option<&str>,
    ) -> Result<()> {
        let correction = correction.map(|correction| self.redacted(correction));
        self.judge(id, feedback, |tx, seq| match &correction {
            None => Ok(()),
            Some(correction) => sql(tx.execute(
                "UPDATE interactions SET correction = ?2 WHERE seq = ?1",
                params![seq, correction],
            ))
            .map(|_| ()),
        })
    }

    /// Takes back what was thought of an answer, the words included. The file is not yet cleared of
    /// these: see [`erase_remains`](Self::erase_remains).
    ///
    /// # Errors
    ///
    /// Those of [`set_feedback`](Self::set_feedback).
    pub fn withdraw_feedback(&self, id: &str) -> Result<()> {
        self.judge(id, None, |tx, seq| {
            sql(tx.execute("UPDATE interactions SET correction = NULL WHERE seq = ?1", [seq]))
                .map(|_| ())
        })
    }

    fn judge(
        &self,
        id: &str,
        feedback: Option<Feedback>,
        correct: impl FnOnce(&Transaction<'_>, i64) -> Result<()>,
    ) -> Result<()> {
        self.database()
            .write(|tx| {
                let seq = seq_of(tx, id)?;
                views::retract(tx, seq, &self.config.zone)?;
                sql(tx.execute(
                    "UPDATE interactions SET feedback = ?2 WHERE seq = ?1",
                    params![seq, feedback.map(Feedback::as_str)],
                ))?;
                correct(tx, seq)?;
                for source in [TopicSource::Query, TopicSource::Document] {
                    sql(tx.execute(
                        "UPDATE interaction_topics SET weight = ?3 WHERE seq = ?1 AND source = ?2",
                        [seq, source.as_integer(), source.weight_quarters(feedback)],
                    ))?;
                }
                views::assert(tx, seq, &self.config.zone)?;
                views::bump_revision(tx)
            })
            .context_with(|| format!("keeping feedback for {}", self.name()))
    }

    /// Deletes one interaction and its share in everything that was learned. The file is not yet
    /// cleared of it: see [`erase_remains`](Self::erase_remains).
    ///
    /// # Errors
    ///
    /// Those of [`interaction`](Self::interaction), and of writing.
    pub fn delete_interaction(&self, id: &str) -> Result<()> {
        self.database()
            .write(|tx| {
                let seq = seq_of(tx, id)?;
                self.delete_these(tx, &[seq])?;
                views::bump_revision(tx)
            })
            .context_with(|| format!("deleting from what {} asked", self.name()))
    }

    /// Deletes the interactions that pass, and their share in everything that was learned; returns
    /// how many.
    ///
    /// # Errors
    ///
    /// Those of writing; then none is deleted.
    pub fn delete_interactions(&self, filter: &InteractionFilter) -> Result<u64> {
        self.database()
            .write(|tx| {
                let seqs: Vec<i64> = sql(tx
                    .prepare(&format!("SELECT seq FROM interactions WHERE {}", condition(filter)))
                    .and_then(|mut statement| {
                        statement
                            .query_map(params_from_iter(self.bound(filter)), |row| row.get(0))?
                            .collect()
                    }))?;
                self.delete_these(tx, &seqs)?;
                views::bump_revision(tx)?;
                Ok(seqs.len() as u64)
            })
            .context_with(|| format!("deleting from what {} asked", self.name()))
    }

    /// Takes interactions out of the views and the record.
    pub(super) fn delete_these(&self, tx: &Transaction<'_>, seqs: &[i64]) -> Result<()> {
        if !seqs.is_empty() {
            views::forget_digests(tx)?;
        }
        let (mut topics, mut documents) = (BTreeSet::new(), BTreeSet::new());
        for seq in seqs {
            let note = |statement: &str, into: &mut BTreeSet<i64>| -> Result<()> {
                let ids: Vec<i64> = sql(tx.prepare_cached(statement).and_then(|mut statement| {
                    statement.query_map([seq], |row| row.get(0))?.collect()
                }))?;
                into.extend(ids);
                Ok(())
            };
            note("SELECT topic FROM interaction_topics WHERE seq = ?1", &mut topics)?;
            note("SELECT document FROM interaction_documents WHERE seq = ?1", &mut documents)?;
            views::retract(tx, *seq, &self.config.zone)?;
            sql(tx
                .prepare_cached("DELETE FROM interactions WHERE seq = ?1")
                .and_then(|mut statement| statement.execute([seq])))?;
        }
        views::sweep_these(tx, &topics, &documents)
    }

    /// Takes a topic or a document out of every interaction, which stays, and out of the views.
    /// Returns out of how many.
    pub(super) fn take_out(&self, tx: &Transaction<'_>, part: Part, id: i64) -> Result<u64> {
        let seqs = part.interactions(tx, id)?;
        for seq in &seqs {
            views::retract(tx, *seq, &self.config.zone)?;
            sql(tx
                .prepare_cached(part.deletion())
                .and_then(|mut statement| statement.execute([id, *seq])))?;
            views::assert(tx, *seq, &self.config.zone)?;
        }
        Ok(seqs.len() as u64)
    }

    /// Deletes everything that is remembered and erases the remains: interactions and what follows
    /// from them, facts, interests, tests. The persona itself stays. Nothing of it is in the audit
    /// log; see [`Memory::clear`](super::Memory::clear).
    ///
    /// # Errors
    ///
    /// Those of writing; then nothing is deleted.
    pub fn clear(&self) -> Result<()> {
        self.clear_rows()?;
        self.erase_remains()
    }

    pub(super) fn clear_rows(&self) -> Result<()> {
        self.database()
            .write(|tx| {
                sql(tx.execute_batch(
                    "DELETE FROM topic_totals; DELETE FROM topic_documents; \
                     DELETE FROM topic_pairs; DELETE FROM document_accesses; \
                     DELETE FROM daily_activity; DELETE FROM daily_topics; \
                     DELETE FROM interaction_topics; DELETE FROM interaction_documents; \
                     DELETE FROM interactions; DELETE FROM documents; \
                     DELETE FROM topic_aliases; DELETE FROM interest_overrides; \
                     DELETE FROM topics; DELETE FROM forgotten_topics; DELETE FROM projects; \
                     DELETE FROM temporal_facts; DELETE FROM fact_versions; DELETE FROM ab_tests; \
                     DELETE FROM state WHERE key NOT IN ('revision', 'rollup_zone', 'fact_terms')",
                ))?;
                views::bump_revision(tx)
            })
            .context_with(|| format!("clearing what {} remembers", self.name()))
    }

    /// A keyed hash of a question, whatever the case of its letters and the width of its blanks, by
    /// which it is known again. The key is in the encrypted file and nowhere else, and another one
    /// after anything that was asked is deleted: what was hashed before then fits no text any more.
    ///
    /// # Errors
    ///
    /// Those of reading, and of writing the key where there is none yet.
    pub fn digest(&self, question: &str) -> Result<[u8; 16]> {
        let known = self.database().read(views::digest_key)?;
        let key = match known {
            Some(key) => Some(key),
            None => self.database().write(views::make_digest_key)?,
        };
        let key = key.ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, "the key by which questions are known again is damaged")
        })?;
        let hash = blake3::keyed_hash(&key, fold(question).as_bytes());
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.as_bytes()[..16]);
        Ok(digest)
    }

    /// Writes the file anew, without free pages, and empties its log: what was deleted is then
    /// nowhere in either.
    ///
    /// # Errors
    ///
    /// `Busy` where another process still reads an older state.
    pub fn erase_remains(&self) -> Result<()> {
        self.database()
            .settle(true)
            .context_with(|| format!("erasing the remains of what {} deleted", self.name()))
    }

    /// Forgets a topic: takes it out of every interaction and every view, and keeps it from being
    /// learned again. Its name is gone; a keyed hash of it stays. Interactions stay as they are:
    /// their words may still hold it. Returns in how many interactions it was met.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned under the key; those of writing.
    pub fn forget_topic(&self, key: &str) -> Result<u64> {
        self.forget(key, |tx, topic| self.take_out(tx, Part::Topic, topic))
    }

    /// The same, and deletes every interaction in which the topic was met, with its share in
    /// everything that was learned. Returns how many.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned under the key; those of writing; then nothing changes.
    pub fn forget_topic_with_interactions(&self, key: &str) -> Result<u64> {
        self.forget(key, |tx, topic| {
            let seqs = Part::Topic.interactions(tx, topic)?;
            self.delete_these(tx, &seqs)?;
            Ok(seqs.len() as u64)
        })
    }

    fn forget(
        &self,
        key: &str,
        take_out: impl FnOnce(&Transaction<'_>, i64) -> Result<u64>,
    ) -> Result<u64> {
        self.database()
            .write(|tx| {
                let topic = known(tx, key)?;
                let keys: Vec<String> = sql(tx
                    .prepare(
                        "SELECT key FROM topics WHERE topic = ?1 \
                         UNION SELECT key FROM topic_aliases WHERE topic = ?1",
                    )
                    .and_then(|mut statement| {
                        statement.query_map([topic], |row| row.get(0))?.collect()
                    }))?;
                let n_met = take_out(tx, topic)?;
                // It may have gone with its last interaction.
                sql(tx.execute("DELETE FROM topics WHERE topic = ?1", [topic]))?;
                for key in keys {
                    views::forget_key(tx, &key, self.now_ms())?;
                }
                views::bump_revision(tx)?;
                Ok(n_met)
            })
            .context_with(|| format!("forgetting a topic of {}", self.name()))
    }

    /// Keeps a topic from ever being learned, whether it is known or not.
    ///
    /// # Errors
    ///
    /// Those of writing.
    pub fn never_learn(&self, key: &str) -> Result<()> {
        self.database()
            .write(|tx| {
                views::forget_key(tx, key, self.now_ms())?;
                views::bump_revision(tx)
            })
            .context_with(|| format!("forgetting a topic of {}", self.name()))
    }

    /// Makes two topics one: what was learned of `from` counts for `into`, now and later.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned under one of the keys; `Invalid` where they are one
    /// already; those of writing.
    pub fn merge_topics(&self, from: &str, into: &str) -> Result<()> {
        self.database()
            .write(|tx| {
                let (from, into) = (known(tx, from)?, known(tx, into)?);
                if from == into {
                    return Err(Error::new(ErrorKind::Invalid, "the two topics are one already"));
                }
                for seq in Part::Topic.interactions(tx, from)? {
                    views::retract(tx, seq, &self.config.zone)?;
                    // Where both were met, the question's words decide.
                    sql(tx.execute(
                        "INSERT INTO interaction_topics \
                         (topic, timestamp, seq, source, score, weight) \
                         SELECT ?2, timestamp, seq, source, score, weight FROM interaction_topics \
                         WHERE topic = ?1 AND seq = ?3 ON CONFLICT DO UPDATE SET \
                         source = min(source, excluded.source), \
                         score = max(score, excluded.score), \
                         weight = max(weight, excluded.weight)",
                        [from, into, seq],
                    ))?;
                    sql(tx.execute(
                        "DELETE FROM interaction_topics WHERE topic = ?1 AND seq = ?2",
                        [from, seq],
                    ))?;
                    views::assert(tx, seq, &self.config.zone)?;
                }
                sql(tx.execute(
                    "UPDATE topic_aliases SET topic = ?2 WHERE topic = ?1",
                    [from, into],
                ))?;
                sql(tx.execute(
                    "INSERT OR REPLACE INTO topic_aliases (key, topic) \
                     SELECT key, ?2 FROM topics WHERE topic = ?1",
                    [from, into],
                ))?;
                sql(tx.execute(
                    "INSERT OR IGNORE INTO interest_overrides (topic, level, set_at) \
                     SELECT ?2, level, set_at FROM interest_overrides WHERE topic = ?1",
                    [from, into],
                ))?;
                sql(tx.execute("DELETE FROM topics WHERE topic = ?1", [from]))?;
                views::bump_revision(tx)
            })
            .context_with(|| format!("merging topics of {}", self.name()))
    }

    /// Sets how much the owner cares about a topic, from 0 (not at all) to 1, whatever was
    /// learned; `None` gives it back to what was learned. A topic that was forgotten or never met
    /// is known from then on.
    ///
    /// # Errors
    ///
    /// `Invalid` for a level outside 0 to 1; those of writing.
    pub fn set_interest(&self, key: &str, name: &str, level: Option<f64>) -> Result<()> {
        if level.is_some_and(|level| !(0.0..=1.0).contains(&level)) {
            return Err(Error::new(ErrorKind::Invalid, "an interest is from 0 to 1")
                .with_hint("0 for not at all, 1 for very much"));
        }
        self.database()
            .write(|tx| {
                if let Some(level) = level {
                    views::unforget_key(tx, key)?;
                    let Some(topic) = views::topic_to_learn(tx, key, name)? else {
                        return Err(not_known());
                    };
                    sql(tx.execute(
                        "INSERT OR REPLACE INTO interest_overrides (topic, level, set_at) \
                         VALUES (?1, ?2, ?3)",
                        params![topic, level, self.now_ms()],
                    ))?;
                } else {
                    let topic = known(tx, key)?;
                    sql(tx.execute("DELETE FROM interest_overrides WHERE topic = ?1", [topic]))?;
                    views::sweep_these(tx, &BTreeSet::from([topic]), &BTreeSet::new())?;
                }
                views::bump_revision(tx)
            })
            .context_with(|| format!("setting an interest of {}", self.name()))
    }

    /// Makes all views anew from the record.
    ///
    /// # Errors
    ///
    /// Those of writing.
    pub fn rebuild_views(&self) -> Result<()> {
        self.database()
            .write(|tx| {
                views::rebuild(tx, &self.config.zone)?;
                fact::rebuild_terms(tx)?;
                views::sweep(tx)?;
                views::bump_revision(tx)
            })
            .context_with(|| format!("rebuilding the views of {}", self.name()))
    }
}

/// The topic of a key.
pub(super) fn known(connection: &Connection, key: &str) -> Result<i64> {
    views::known_topic(connection, key)?.ok_or_else(not_known)
}

#[cold]
pub(super) fn not_known() -> Error {
    Error::new(ErrorKind::NotFound, "nothing was learned of that topic")
        .with_hint("`ragged memory topics --all` lists what was")
}

/// A pattern for LIKE that finds `text` anywhere.
fn like_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cold]
fn not_found(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no interaction {id:?}"))
        .with_hint("`ragged memory list` shows their ids")
}

/// The ids that begin with some digits: from the first up to the second, which no id reaches.
pub(super) fn prefix_range(id: &str, what: &str, hint: &str) -> Result<(String, String)> {
    let id = id.trim().to_ascii_lowercase();
    if id.len() < MIN_ID_DIGITS || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Error::new(ErrorKind::Invalid, format!("{id:?} is not the id of {what}"))
            .with_hint(format!("give at least the first {MIN_ID_DIGITS} digits; {hint}")));
    }
    // Past every id that begins so.
    let end = format!("{id}g");
    Ok((id, end))
}

fn seq_of(connection: &Connection, id: &str) -> Result<i64> {
    let (id, end) = prefix_range(id, "an interaction", "`ragged memory list` shows them")?;
    let seqs: Vec<i64> = sql(connection
        .prepare_cached("SELECT seq FROM interactions WHERE id >= ?1 AND id < ?2 LIMIT 2")
        .and_then(|mut statement| statement.query_map([&id, &end], |row| row.get(0))?.collect()))?;
    the_one(seqs, || not_found(&id), || format!("more than one interaction begins with {id:?}"))
}

/// The only one of those that begin with some digits.
pub(super) fn the_one<T>(
    mut found: Vec<T>,
    none: impl FnOnce() -> Error,
    several: impl FnOnce() -> String,
) -> Result<T> {
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(none()),
        (Some(one), true) => Ok(one),
        (Some(_), false) => {
            Err(Error::new(ErrorKind::Invalid, several()).with_hint("give more digits"))
        }
    }
}

pub(super) fn interaction_of(connection: &Connection, row: &Row<'_>) -> Result<Interaction> {
    let seq: i64 = sql(row.get(0))?;
    let documents = sql(connection
        .prepare_cached(
            "SELECT content_hash, title, path, doc_type, rank, score, is_cited \
             FROM interaction_documents JOIN documents USING (document) WHERE seq = ?1 \
             ORDER BY rank, document",
        )
        .and_then(|mut statement| {
            statement
                .query_map([seq], |row| {
                    Ok(RetrievedDocument {
                        content_hash: row.get(0)?,
                        title: row.get(1)?,
                        path: row.get(2)?,
                        doc_type: row.get(3)?,
                        rank: row.get(4)?,
                        score: row.get::<_, f64>(5)? as f32,
                        is_cited: row.get(6)?,
                    })
                })?
                .collect()
        }))?;
    let topics = sql(connection
        .prepare_cached(
            "SELECT key, name, score, source FROM interaction_topics JOIN topics USING (topic) \
             WHERE seq = ?1 ORDER BY source, score DESC, key",
        )
        .and_then(|mut statement| {
            statement
                .query_map([seq], |row| {
                    Ok(RecordedTopic {
                        key: row.get(0)?,
                        name: row.get(1)?,
                        score: row.get::<_, f64>(2)? as f32,
                        source: TopicSource::from_integer(row.get(3)?),
                    })
                })?
                .collect()
        }))?;
    let read = || -> rusqlite::Result<Interaction> {
        Ok(Interaction {
            id: row.get(1)?,
            persona: row.get(2)?,
            query: row.get(3)?,
            response: row.get(4)?,
            timestamp_ms: row.get(5)?,
            model_used: row.get(6)?,
            latency_ms: row.get(7)?,
            feedback: row.get::<_, Option<String>>(8)?.as_deref().and_then(Feedback::from_word),
            correction: row.get(9)?,
            session_id: row.get(10)?,
            kind: InteractionKind::from_word(&row.get::<_, String>(11)?),
            is_learned: row.get(12)?,
            metadata: row.get(13)?,
            documents,
            topics,
        })
    };
    sql(read())
}
