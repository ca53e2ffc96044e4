//! What the record says of answers: which questions found a document, which documents helped, and
//! what was asked last.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::params;

use super::{Feedback, PersonaMemory, erasure::fold, record::RELATED_RANKS};
use crate::{
    error::{Context, Result},
    sqlite::{integer, natural, sql},
};

/// A question of a persona that found a document.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundBy {
    /// The interaction's id.
    pub id: String,
    /// The question.
    pub query: String,
    /// When, Unix milliseconds.
    pub timestamp_ms: i64,
    /// The document's rank then, from 1.
    pub rank: u32,
    /// Whether the answer cited it.
    pub is_cited: bool,
    /// What was thought of the answer.
    pub feedback: Option<Feedback>,
}

/// What feedback says of the documents that a question found.
///
/// An answer that helped speaks for the documents that it cited, or, where it cited none, for the
/// first three; one that did not speaks against them. Of several verdicts on a document the
/// latest counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedQuestion {
    /// The question as it was asked last; questions that differ in case and blanks alone are one.
    pub query: String,
    /// By the hash of the content: 1 for a document that helped, 0 for one that did not.
    pub gains: BTreeMap<[u8; 16], i64>,
}

impl JudgedQuestion {
    /// Whether any document is known to help.
    pub fn has_relevant(&self) -> bool {
        self.gains.values().any(|gain| *gain > 0)
    }
}

/// How many questions there are, of some kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuestionTally {
    /// All of them.
    pub all: u64,
    /// Those since a moment.
    pub recent: u64,
    /// Those whose answers helped.
    pub good: u64,
    /// Those whose answers did not.
    pub bad: u64,
}

/// Judged questions, the latest first; by the index of those with feedback.
pub(super) const JUDGED: &str = "SELECT seq, query, feedback FROM interactions \
     WHERE feedback IS NOT NULL ORDER BY timestamp DESC, seq DESC LIMIT ?1";

/// So many questions are looked at for each one that is wanted: the same may be asked often.
const LOOKED_AT: usize = 20;

impl PersonaMemory {
    /// The questions that found a document, each as it was recorded last and the last first: at most
    /// `limit`, of the last twenty times as many.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn questions_that_found(
        &self,
        content_hash: [u8; 16],
        limit: usize,
    ) -> Result<Vec<FoundBy>> {
        self.database()
            .read(|connection| {
                let mut statement = sql(connection.prepare_cached(
                    "SELECT id, query, timestamp, rank, is_cited, feedback FROM documents \
                     JOIN interaction_documents USING (document) JOIN interactions USING (seq) \
                     WHERE content_hash = ?1 ORDER BY seq DESC LIMIT ?2",
                ))?;
                let most = integer(limit.saturating_mul(LOOKED_AT) as u64);
                let mut rows = sql(statement.query(params![content_hash, most]))?;
                let mut known = BTreeSet::new();
                let mut last = Vec::new();
                while last.len() < limit
                    && let Some(row) = sql(rows.next())?
                {
                    let found = sql(found_by(row))?;
                    if known.insert(fold(&found.query)) {
                        last.push(found);
                    }
                }
                Ok(last)
            })
            .context_with(|| format!("reading what {} found", self.name()))
    }

    /// The questions that feedback says something of, the latest first, from the latest `limit`
    /// verdicts.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn judged_questions(&self, limit: usize) -> Result<Vec<JudgedQuestion>> {
        self.database()
            .read(|connection| {
                let verdicts: Vec<(i64, String, String)> =
                    sql(connection.prepare_cached(JUDGED).and_then(|mut statement| {
                        statement
                            .query_map([integer(limit as u64)], |row| {
                                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                            })?
                            .collect()
                    }))?;
                let mut places: HashMap<String, usize> = HashMap::new();
                let mut judged: Vec<JudgedQuestion> = Vec::new();
                for (seq, query, feedback) in verdicts {
                    let Some(feedback) = Feedback::from_word(&feedback) else { continue };
                    let gain = i64::from(feedback == Feedback::Good);
                    let place = *places.entry(fold(&query)).or_insert(judged.len());
                    if place == judged.len() {
                        judged.push(JudgedQuestion { query, gains: BTreeMap::new() });
                    }
                    let Some(question) = judged.get_mut(place) else { continue };
                    for content in spoken_for(connection, seq)? {
                        question.gains.entry(content).or_insert(gain);
                    }
                }
                Ok(judged)
            })
            .context_with(|| format!("reading the feedback of {}", self.name()))
    }

    /// What feedback says of each of these questions, if it says anything.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn judgements_of(&self, queries: &[&str]) -> Result<Vec<Option<JudgedQuestion>>> {
        let judged: HashMap<String, JudgedQuestion> = self
            .judged_questions(usize::MAX)?
            .into_iter()
            .map(|question| (fold(&question.query), question))
            .collect();
        Ok(queries.iter().map(|query| judged.get(&fold(query)).cloned()).collect())
    }

    /// The questions that were asked last, each once, the latest first, at most `limit` of the
    /// latest twenty times as many.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn last_questions(&self, limit: usize) -> Result<Vec<String>> {
        self.database()
            .read(|connection| {
                let mut statement = sql(connection.prepare_cached(
                    "SELECT query FROM interactions WHERE persona = ?1 \
                     ORDER BY timestamp DESC, seq DESC LIMIT ?2",
                ))?;
                let most = integer(limit.saturating_mul(LOOKED_AT) as u64);
                let mut rows = sql(statement.query(params![self.name().as_str(), most]))?;
                let mut known = BTreeSet::new();
                let mut last = Vec::new();
                while last.len() < limit
                    && let Some(row) = sql(rows.next())?
                {
                    let query: String = sql(row.get(0))?;
                    if known.insert(fold(&query)) {
                        last.push(query);
                    }
                }
                Ok(last)
            })
            .context_with(|| format!("reading what {} asked", self.name()))
    }

    /// How many questions there are, and how many since a moment.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn question_tally(&self, since_ms: i64) -> Result<QuestionTally> {
        self.database()
            .read(|connection| {
                sql(connection
                    .prepare_cached(
                        "SELECT (SELECT sum(n_interactions) FROM daily_activity), \
                         (SELECT count(*) FROM interactions \
                         WHERE persona = ?1 AND timestamp >= ?2), \
                         count(*) FILTER (WHERE feedback = 'positive'), \
                         count(*) FILTER (WHERE feedback = 'negative') \
                         FROM interactions WHERE feedback IS NOT NULL",
                    )
                    .and_then(|mut statement| {
                        statement.query_row(params![self.name().as_str(), since_ms], |row| {
                            Ok(QuestionTally {
                                all: row.get::<_, Option<i64>>(0)?.map_or(0, natural),
                                recent: row.get(1).map(natural)?,
                                good: row.get(2).map(natural)?,
                                bad: row.get(3).map(natural)?,
                            })
                        })
                    }))
            })
            .context_with(|| format!("counting what {} asked", self.name()))
    }
}

fn found_by(row: &rusqlite::Row<'_>) -> rusqlite::Result<FoundBy> {
    let feedback: Option<String> = row.get(5)?;
    Ok(FoundBy {
        id: row.get(0)?,
        query: row.get(1)?,
        timestamp_ms: row.get(2)?,
        rank: row.get(3)?,
        is_cited: row.get(4)?,
        feedback: feedback.as_deref().and_then(Feedback::from_word),
    })
}

/// The documents that a verdict on an interaction is about.
fn spoken_for(connection: &rusqlite::Connection, seq: i64) -> Result<Vec<[u8; 16]>> {
    let found: Vec<([u8; 16], bool)> = sql(connection
        .prepare_cached(
            "SELECT content_hash, is_cited FROM interaction_documents \
             JOIN documents USING (document) WHERE seq = ?1 AND (is_cited OR rank <= ?2) \
             ORDER BY rank, document",
        )
        .and_then(|mut statement| {
            statement
                .query_map([seq, RELATED_RANKS], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        }))?;
    let is_any_cited = found.iter().any(|(_, is_cited)| *is_cited);
    let about = found.into_iter().filter(|(_, is_cited)| *is_cited || !is_any_cited);
    Ok(about.map(|(content, _)| content).collect())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            NewInteraction, PersonaName,
            tests::{NOW_MS, memory, question},
        },
        *,
    };

    /// Asked at a second, having found these documents, some cited.
    fn asked(
        n: u64,
        query: &str,
        found: &[(u8, bool)],
        feedback: Option<Feedback>,
    ) -> NewInteraction {
        let at_ms = NOW_MS + n.cast_signed() * 1000;
        NewInteraction { query: query.to_owned(), feedback, ..question(n, at_ms, &[1], &[], found) }
    }

    #[test]
    fn feedback_speaks_for_what_was_cited_or_stood_in_front() {
        let dir = tempfile::tempdir().unwrap();
        let remembered = memory(dir.path()).of(&PersonaName::default()).unwrap();
        let (good, bad) = (Some(Feedback::Good), Some(Feedback::Bad));
        let four = [(1, false), (2, false), (3, false), (4, false)];
        remembered
            .record_all(&[
                asked(1, "tides", &four, good),
                asked(2, "moon", &[(1, false), (5, true)], good),
                // Later, in other letters: it speaks against the first, and says nothing of others.
                asked(3, "The  Moon", &[(1, true)], good),
                asked(4, "the moon", &[(1, false)], bad),
                asked(5, "sea", &[(6, true)], bad),
                asked(6, "not judged", &[(6, true)], None),
            ])
            .unwrap();
        let judged = remembered.judged_questions(100).unwrap();
        let told: Vec<String> = judged
            .iter()
            .map(|question| {
                let gains = question.gains.iter().map(|(content, gain)| (content[0], *gain));
                let gains: Vec<(u8, i64)> = gains.collect();
                format!("{} {gains:?} {}", question.query, question.has_relevant())
            })
            .collect();
        assert_eq!(
            told,
            [
                "sea [(6, 0)] false",
                "the moon [(1, 0)] false",
                "moon [(5, 1)] true",
                "tides [(1, 1), (2, 1), (3, 1)] true",
            ]
        );
        assert_eq!(remembered.judged_questions(2).unwrap().len(), 2);
        let of = remembered.judgements_of(&["TIDES ", "not judged", "moon"]).unwrap();
        let known: Vec<bool> = of.iter().map(Option::is_some).collect();
        assert_eq!(known, [true, false, true]);
    }

    #[test]
    fn questions_are_counted_and_given_once() {
        let dir = tempfile::tempdir().unwrap();
        let remembered = memory(dir.path()).of(&PersonaName::default()).unwrap();
        let (good, bad) = (Some(Feedback::Good), Some(Feedback::Bad));
        remembered
            .record_all(&[
                asked(1, "tides", &[(1, false), (2, true)], good),
                asked(2, "moon", &[(2, false)], bad),
                asked(3, "sea", &[(1, true)], None),
                asked(4, "Tides", &[(3, false), (2, false)], good),
            ])
            .unwrap();
        assert_eq!(remembered.last_questions(2).unwrap(), ["Tides", "sea"]);
        assert_eq!(remembered.last_questions(9).unwrap(), ["Tides", "sea", "moon"]);
        assert_eq!(
            remembered.question_tally(NOW_MS + 3000).unwrap(),
            QuestionTally { all: 4, recent: 2, good: 2, bad: 1 }
        );
        // The same question asked again is one.
        let found = remembered.questions_that_found([2; 16], 9).unwrap();
        let told: Vec<(&str, u32, bool, Option<Feedback>)> =
            found.iter().map(|by| (by.query.as_str(), by.rank, by.is_cited, by.feedback)).collect();
        assert_eq!(told, [("Tides", 2, false, good), ("moon", 1, false, bad)]);
        assert_eq!(remembered.questions_that_found([9; 16], 2).unwrap(), []);
    }

    #[test]
    fn a_profile_in_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let remembered = memory(dir.path()).of(&PersonaName::default()).unwrap();
        let days = 86_400_000;
        let asked: Vec<NewInteraction> = [(1, 40, &[1_u8][..]), (2, 6, &[1, 2]), (3, 1, &[1, 3])]
            .into_iter()
            .map(|(n, ago, words)| question(n, NOW_MS - ago * days, words, &[], &[]))
            .collect();
        remembered.record_all(&asked).unwrap();
        let known = remembered.analytics(&[], 10).unwrap();
        // Of three topics one was met twice or more.
        assert_eq!((known.n_topics, known.n_tracked, known.n_sure), (3, 1, 0));
        assert_eq!((known.questions.all, known.questions.recent), (3, 2));
        assert_eq!(known.since_ms, Some(NOW_MS - 40 * days));
        let shares: Vec<(&str, f64)> =
            known.distribution.iter().map(|topic| (topic.name.as_str(), topic.share)).collect();
        assert_eq!(shares, [("Topic 1", 0.6)]);
        // Named by its owner, and set by hand.
        remembered.set_interest("topic 2", "Topic 2", Some(0.9)).unwrap();
        let known = remembered.analytics(&["Reefs".to_owned()], 1).unwrap();
        assert_eq!((known.n_tracked, known.n_sure), (3, 1));
        assert_eq!(known.distribution.len(), 1);
        // An empty memory has nothing to tell.
        remembered.clear().unwrap();
        let known = remembered.analytics(&[], 10).unwrap();
        assert_eq!((known.n_topics, known.n_tracked, known.since_ms), (0, 0, None));
        assert_eq!(known.questions, QuestionTally::default());
        assert_eq!(known.distribution, []);
    }
}
