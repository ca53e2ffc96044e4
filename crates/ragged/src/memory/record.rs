//! What is recorded of a question, and how it is written.

use std::borrow::Cow;

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{PersonaMemory, redaction::redact, views};
use crate::{
    error::{Context, Result},
    sqlite::{integer, sql},
    vault,
};

/// Hits up to this rank count as related to the topics of a question; those below were hardly
/// seen.
pub(super) const RELATED_RANKS: i64 = 3;

/// What a question was asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InteractionKind {
    /// `ragged query`.
    Query,
    /// `ragged search`.
    Search,
    /// `ragged chat`.
    Chat,
}

impl InteractionKind {
    /// The word used in JSON and in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Search => "search",
            Self::Chat => "chat",
        }
    }

    pub(super) fn from_word(word: &str) -> Self {
        match word {
            "search" => Self::Search,
            "chat" => Self::Chat,
            _ => Self::Query,
        }
    }
}

/// What a person thought of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// It helped: what it found counts twice.
    Good,
    /// It did not: what it found counts for nothing.
    Bad,
}

impl Feedback {
    /// The word used in JSON and in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "positive",
            Self::Bad => "negative",
        }
    }

    /// The judgement of that word, if it is one.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "positive" => Some(Self::Good),
            "negative" => Some(Self::Bad),
            _ => None,
        }
    }
}

/// Where a topic of an interaction was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicSource {
    /// In the words of the question.
    Query,
    /// In what was found.
    Document,
}

impl TopicSource {
    pub(super) fn as_integer(self) -> i64 {
        match self {
            Self::Query => 0,
            Self::Document => 1,
        }
    }

    pub(super) fn from_integer(value: i64) -> Self {
        if value == 0 { Self::Query } else { Self::Document }
    }

    /// What one hit adds to an interest, in quarters: a topic of the question 4, one of what was
    /// found 1; twice that after good feedback. After bad feedback what was found adds nothing;
    /// that the question was asked stays true.
    pub(super) fn weight_quarters(self, feedback: Option<Feedback>) -> i64 {
        match (self, feedback) {
            (Self::Query, Some(Feedback::Good)) => 8,
            (Self::Query, _) => 4,
            (Self::Document, None) => 1,
            (Self::Document, Some(Feedback::Good)) => 2,
            (Self::Document, Some(Feedback::Bad)) => 0,
        }
    }
}

/// A document that a question found.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundDocument {
    /// Hash of its contents: what it is known by.
    pub content_hash: [u8; 16],
    /// Its title.
    pub title: Option<String>,
    /// A file that holds it.
    pub path: String,
    /// Its format.
    pub doc_type: String,
    /// Its rank, from 1.
    pub rank: u32,
    /// Its score.
    pub score: f32,
    /// Whether the answer cited it.
    pub is_cited: bool,
}

/// A topic met in an interaction.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedTopic {
    /// What makes it the same topic in other words.
    pub key: String,
    /// How it is shown.
    pub name: String,
    /// How much the text is about it, from 0 to 1.
    pub score: f32,
    /// Where it was met.
    pub source: TopicSource,
}

/// A question as it is to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct NewInteraction {
    /// 32 hexadecimal digits; see [`NewInteraction::new_id`].
    pub id: String,
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
    /// The session; `None` joins the last one, if that is not long ago.
    pub session_id: Option<String>,
    /// What it was asked with.
    pub kind: InteractionKind,
    /// What was found, each document once.
    pub documents: Vec<FoundDocument>,
    /// What it was about, each topic once.
    pub topics: Vec<RecordedTopic>,
    /// Whether it counts towards the interests.
    pub is_learned: bool,
    /// More about it, as JSON.
    pub metadata: Option<String>,
    /// What was thought of the answer, where it is brought in from elsewhere.
    pub feedback: Option<Feedback>,
    /// The same in words.
    pub correction: Option<String>,
}

impl NewInteraction {
    /// An id that no other interaction has.
    ///
    /// # Errors
    ///
    /// `Unavailable` where the system has no random numbers.
    pub fn new_id() -> Result<String> {
        random_id()
    }

    /// A question at a time, with nothing else known of it.
    ///
    /// # Errors
    ///
    /// Those of [`new_id`](Self::new_id).
    pub fn new(query: impl Into<String>, timestamp_ms: i64, kind: InteractionKind) -> Result<Self> {
        Ok(Self {
            id: random_id()?,
            query: query.into(),
            response: None,
            timestamp_ms,
            model_used: None,
            latency_ms: None,
            session_id: None,
            kind,
            documents: Vec::new(),
            topics: Vec::new(),
            is_learned: true,
            metadata: None,
            feedback: None,
            correction: None,
        })
    }
}

/// 128 random bits in hexadecimal digits.
pub(super) fn random_id() -> Result<String> {
    let mut bytes = [0; 16];
    vault::fill_random(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

impl PersonaMemory {
    /// Records interactions, all in one transaction. One whose id is known already is left as it
    /// is. Returns how many were new.
    ///
    /// This is the record itself: whether anything may be recorded is for
    /// [`Recorder`](super::Recorder) and whoever else calls it to ask first.
    ///
    /// # Errors
    ///
    /// `Busy` where another process writes for long; `Exhausted` for a full disk; then none is
    /// recorded.
    pub fn record_all(&self, interactions: &[NewInteraction]) -> Result<usize> {
        self.database()
            .write(|tx| {
                let mut n_new = 0;
                for interaction in interactions {
                    n_new += usize::from(self.record_in(tx, interaction)?);
                }
                if n_new > 0 {
                    views::bump_revision(tx)?;
                }
                Ok(n_new)
            })
            .context_with(|| format!("recording for the persona {}", self.name()))
    }

    pub(super) fn record_in(&self, tx: &Transaction<'_>, new: &NewInteraction) -> Result<bool> {
        let session = match &new.session_id {
            Some(session) => session.clone(),
            None => self.session_at(tx, new.timestamp_ms)?,
        };
        let inserted = sql(tx
            .prepare_cached(
                "INSERT OR IGNORE INTO interactions (id, persona, query, response, timestamp, \
                 model_used, latency_ms, feedback, correction, session_id, kind, is_learned, \
                 metadata) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    new.id,
                    self.name().as_str(),
                    self.redacted(&new.query),
                    new.response.as_deref().map(|response| self.redacted(response)),
                    new.timestamp_ms,
                    new.model_used,
                    new.latency_ms,
                    new.feedback.map(Feedback::as_str),
                    new.correction.as_deref().map(|correction| self.redacted(correction)),
                    session,
                    new.kind.as_str(),
                    new.is_learned,
                    new.metadata,
                ])
            }))?;
        if inserted == 0 {
            return Ok(false);
        }
        let seq = tx.last_insert_rowid();
        for document in &new.documents {
            insert_document(tx, seq, document, new.timestamp_ms)?;
        }
        if new.is_learned {
            for topic in &new.topics {
                // A name with personal data in it is no subject.
                if self.redacted(&topic.name) != topic.name {
                    continue;
                }
                insert_topic(tx, seq, new.timestamp_ms, topic, new.feedback)?;
            }
        }
        views::assert(tx, seq, &self.config.zone)?;
        Ok(true)
    }

    /// A text as it may be stored.
    pub(super) fn redacted<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.config.is_redacting { redact(text) } else { Cow::Borrowed(text) }
    }

    /// The session of a question: that of the last one before it, unless too long ago.
    fn session_at(&self, tx: &Transaction<'_>, timestamp_ms: i64) -> Result<String> {
        let gap_ms = i64::from(self.config.session_gap_minutes) * 60_000;
        let last: Option<String> = sql(tx
            .prepare_cached(
                "SELECT session_id FROM interactions WHERE persona = ?1 \
                 AND timestamp BETWEEN ?2 AND ?3 ORDER BY timestamp DESC, seq DESC LIMIT 1",
            )
            .and_then(|mut statement| {
                statement
                    .query_row(
                        params![self.name().as_str(), timestamp_ms - gap_ms, timestamp_ms],
                        |row| row.get(0),
                    )
                    .optional()
            }))?;
        last.map_or_else(random_id, Ok)
    }
}

fn insert_document(
    tx: &Transaction<'_>,
    seq: i64,
    found: &FoundDocument,
    timestamp_ms: i64,
) -> Result<()> {
    sql(tx
        .prepare_cached(
            "INSERT INTO documents (content_hash, title, path, doc_type, added_at) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (content_hash) DO UPDATE SET \
             title = excluded.title, path = excluded.path \
             WHERE title IS NOT excluded.title OR path IS NOT excluded.path",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                found.content_hash,
                found.title,
                found.path,
                found.doc_type,
                timestamp_ms
            ])
        }))?;
    sql(tx
        .prepare_cached(
            "INSERT OR IGNORE INTO interaction_documents (seq, document, rank, score, is_cited) \
             SELECT ?1, document, ?3, ?4, ?5 FROM documents WHERE content_hash = ?2",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                seq,
                found.content_hash,
                integer(u64::from(found.rank)),
                f64::from(found.score),
                found.is_cited
            ])
        }))
    .map(|_| ())
}

fn insert_topic(
    tx: &Transaction<'_>,
    seq: i64,
    timestamp_ms: i64,
    topic: &RecordedTopic,
    feedback: Option<Feedback>,
) -> Result<()> {
    let Some(id) = views::topic_to_learn(tx, &topic.key, &topic.name)? else { return Ok(()) };
    // A topic of the question that was also found counts as one of the question.
    sql(tx
        .prepare_cached(
            "INSERT INTO interaction_topics (topic, timestamp, seq, source, score, weight) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET \
             source = excluded.source, score = max(score, excluded.score), \
             weight = excluded.weight WHERE excluded.source < source",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                id,
                timestamp_ms,
                seq,
                topic.source.as_integer(),
                f64::from(topic.score),
                topic.source.weight_quarters(feedback),
            ])
        }))
    .map(|_| ())
}
