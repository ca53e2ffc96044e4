//! The interest profile: what a persona cares about, how much, and by which evidence.

use std::collections::HashMap;

use rusqlite::{Connection, Row, params};

use super::{
    Interaction, PersonaMemory,
    interaction::{COLUMNS, interaction_of, known},
    interest::{self, Aggregate, Interest, InterestConfig},
    topic, views,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    sqlite::{natural, sql},
};

/// Interests that are looked at when nobody asks for all: so many by weight, and as many by how
/// lately they were met. What is beyond either has little weight and is old.
const LOOKED_AT: i64 = 256;
/// Documents that a profile holds: those had last.
const DOCUMENTS: i64 = 512;
/// Topics that go with another are given for each, the most frequent first.
const RELATED: i64 = 64;
/// Hits that a topic must have to be an interest.
pub(super) const MIN_FREQUENCY: u64 = 2;
/// Questions that two topics must share to go together.
const MIN_CO_OCCURRENCE: i64 = 3;
/// The interest in a subject that its owner named as a focus, before anything is learned.
const FOCUS_CONFIDENCE: f64 = 0.5;

/// Where an interest comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterestOrigin {
    /// What was asked and found.
    Learned,
    /// The owner's own word.
    Owner,
    /// A focus area of the persona.
    Focus,
}

impl InterestOrigin {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Learned => "learned",
            Self::Owner => "owner",
            Self::Focus => "focus",
        }
    }
}

/// One interest of a persona.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicInterest {
    /// What makes it the same topic in other words.
    pub key: String,
    /// How it is shown.
    pub name: String,
    /// Where it comes from.
    pub origin: InterestOrigin,
    /// What it rests on.
    pub aggregate: Aggregate,
    /// What that comes to now.
    pub interest: Interest,
}

impl TopicInterest {
    /// How fresh it counts, from 0 to 1: the owner's own word does not age.
    pub fn recency(&self) -> f64 {
        match self.origin {
            InterestOrigin::Learned => self.interest.recency,
            InterestOrigin::Owner | InterestOrigin::Focus => 1.0,
        }
    }
}

/// What a persona cares about.
#[derive(Clone, Debug, PartialEq)]
pub struct InterestProfile {
    /// The strongest first; ties in order of key.
    pub interests: Vec<TopicInterest>,
    /// Positions in `interests` of those that go together, each pair once.
    pub pairs: Vec<(usize, usize)>,
    /// Documents had last: the hash of their contents, and when.
    pub documents: Vec<([u8; 16], i64)>,
    /// Topics known in all.
    pub n_topics: u64,
    /// The first interaction; Unix milliseconds.
    pub since_ms: Option<i64>,
    /// The state of the memory that this is of.
    pub revision: u64,
    /// The moment that it was taken at; Unix milliseconds.
    pub now_ms: i64,
}

/// Topics that go with another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelatedTopic {
    /// Its key.
    pub key: String,
    /// How it is shown.
    pub name: String,
    /// Questions that the two share.
    pub co_occurrence_count: u64,
    /// 1 for those that share a question, 2 for those that share one with such a topic.
    pub distance: u32,
}

/// Which topics are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breadth {
    /// Those that may rank: two hits at least, set by hand, or a focus; of those the weightiest and
    /// the latest.
    Tracked,
    /// Every topic that was ever met.
    All,
}

impl PersonaMemory {
    /// What the persona cares about now. `focus_areas` are subjects that it named itself.
    ///
    /// Reads a bounded number of rows for [`Breadth::Tracked`], whatever was recorded.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn profile(
        &self,
        focus_areas: &[String],
        config: &InterestConfig,
        breadth: Breadth,
    ) -> Result<InterestProfile> {
        let now_ms = self.now_ms();
        self.database()
            .read(|connection| {
                let mut known: HashMap<i64, (String, String, Aggregate)> = HashMap::new();
                let statements: &[&str] = match breadth {
                    Breadth::All => &[ALL],
                    Breadth::Tracked => &[BY_WEIGHT, BY_RECENCY, BY_HAND],
                };
                for statement in statements {
                    let mut statement = sql(connection.prepare_cached(statement))?;
                    let mut rows = if statement.parameter_count() == 1 {
                        sql(statement.query([LOOKED_AT]))?
                    } else {
                        sql(statement.query([]))?
                    };
                    while let Some(row) = sql(rows.next())? {
                        let (id, topic) = sql(aggregate_of(row))?;
                        known.insert(id, topic);
                    }
                }
                let mut interests: Vec<(Option<i64>, TopicInterest)> = known
                    .into_iter()
                    .filter(|(_, (.., aggregate))| {
                        breadth == Breadth::All
                            || aggregate.owner.is_some()
                            || aggregate.n_hits >= MIN_FREQUENCY
                    })
                    .map(|(id, (key, name, aggregate))| {
                        let origin = match aggregate.owner {
                            Some(_) => InterestOrigin::Owner,
                            None => InterestOrigin::Learned,
                        };
                        let interest = interest::interest(&aggregate, now_ms, config);
                        (Some(id), TopicInterest { key, name, origin, aggregate, interest })
                    })
                    .collect();
                add_focus(connection, &mut interests, focus_areas, now_ms, config)?;
                interests.sort_by(|(_, a), (_, b)| {
                    b.interest
                        .confidence
                        .total_cmp(&a.interest.confidence)
                        .then_with(|| a.key.cmp(&b.key))
                });
                let pairs = pairs_among(connection, &interests)?;
                let (n_topics, since_ms) = sql(connection
                    .prepare_cached(
                        "SELECT (SELECT count(*) FROM topics), \
                         (SELECT min(timestamp) FROM interactions WHERE persona = ?1)",
                    )
                    .and_then(|mut statement| {
                        statement.query_row([self.name().as_str()], |row| {
                            Ok((row.get(0).map(natural)?, row.get(1)?))
                        })
                    }))?;
                Ok(InterestProfile {
                    interests: interests.into_iter().map(|(_, interest)| interest).collect(),
                    pairs,
                    documents: documents_had(connection)?,
                    n_topics,
                    since_ms,
                    revision: views::revision(connection)?,
                    now_ms,
                })
            })
            .context_with(|| format!("reading what {} cares about", self.name()))
    }

    /// The key of a topic as a person types it; the nearest known names where there is none.
    ///
    /// # Errors
    ///
    /// `NotFound` with suggestions.
    pub fn topic_named(&self, text: &str) -> Result<String> {
        let key = topic::key(text);
        let found = self.database().read(|connection| views::known_topic(connection, &key))?;
        if found.is_some() {
            return Ok(key);
        }
        let names: Vec<String> = self.database().read(|connection| {
            sql(connection
                .prepare_cached("SELECT name FROM topics")
                .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect()))
        })?;
        let wanted = text.to_lowercase();
        let mut near: Vec<(f64, &String)> = names
            .iter()
            .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
            .filter(|(likeness, _)| *likeness > 0.8)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        let near: Vec<String> =
            near.into_iter().take(3).map(|(_, name)| format!("{name:?}")).collect();
        let hint = if near.is_empty() {
            "`ragged memory topics --all` lists what was".to_owned()
        } else {
            format!("did you mean {}?", near.join(" or "))
        };
        Err(Error::new(ErrorKind::NotFound, format!("nothing was learned of {text:?}"))
            .with_hint(hint))
    }

    /// The interactions that an interest rests on, the latest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned under the key; those of reading.
    pub fn evidence(&self, key: &str, limit: usize) -> Result<Vec<Interaction>> {
        self.database()
            .read(|connection| {
                let topic = known(connection, key)?;
                let mut statement = sql(connection.prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM interactions WHERE seq IN \
                     (SELECT seq FROM interaction_topics WHERE topic = ?1 AND weight > 0 \
                     ORDER BY timestamp DESC, seq DESC LIMIT ?2) \
                     ORDER BY timestamp DESC, seq DESC"
                )))?;
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                let mut rows = sql(statement.query([topic, limit]))?;
                let mut found = Vec::new();
                while let Some(row) = sql(rows.next())? {
                    found.push(interaction_of(connection, row)?);
                }
                Ok(found)
            })
            .context_with(|| format!("reading what {} cares about", self.name()))
    }

    /// The documents that were found with a topic, the most frequent first: path, title, hits.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned under the key; those of reading.
    pub fn topic_documents(
        &self,
        key: &str,
        limit: usize,
    ) -> Result<Vec<(String, Option<String>, u64)>> {
        self.database()
            .read(|connection| {
                let topic = known(connection, key)?;
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                sql(connection
                    .prepare_cached(
                        "SELECT path, title, n_hits FROM topic_documents \
                         JOIN documents USING (document) WHERE topic = ?1 \
                         ORDER BY n_hits DESC, path LIMIT ?2",
                    )
                    .and_then(|mut statement| {
                        statement
                            .query_map([topic, limit], |row| {
                                Ok((row.get(0)?, row.get(1)?, row.get(2).map(natural)?))
                            })?
                            .collect()
                    }))
            })
            .context_with(|| format!("reading what {} cares about", self.name()))
    }

    /// The topics that go with one, within two steps: the nearest first, then by shared questions.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned under the key; those of reading.
    pub fn related_topics(&self, key: &str, limit: usize) -> Result<Vec<RelatedTopic>> {
        self.database()
            .read(|connection| {
                let topic = known(connection, key)?;
                let mut statement = sql(connection.prepare_cached(
                    "WITH near (topic, n) AS (SELECT b, co_occurrence_count FROM topic_pairs \
                     WHERE a = ?1 ORDER BY co_occurrence_count DESC, b LIMIT ?2), \
                     far (topic, n) AS (SELECT p.b, max(min(p.co_occurrence_count, near.n)) \
                     FROM near JOIN topic_pairs p ON p.a = near.topic \
                     WHERE p.b <> ?1 AND p.b NOT IN (SELECT topic FROM near) GROUP BY p.b) \
                     SELECT key, name, n, 1 AS distance FROM near JOIN topics USING (topic) \
                     UNION ALL SELECT key, name, n, 2 FROM far JOIN topics USING (topic) \
                     ORDER BY distance, 3 DESC, 1 LIMIT ?3",
                ))?;
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                let rows = sql(statement.query_map([topic, RELATED, limit], |row| {
                    Ok(RelatedTopic {
                        key: row.get(0)?,
                        name: row.get(1)?,
                        co_occurrence_count: row.get(2).map(natural)?,
                        distance: row.get(3)?,
                    })
                }))?;
                sql(rows.collect())
            })
            .context_with(|| format!("reading what {} cares about", self.name()))
    }
}

/// What [`aggregate_of`] reads, of topics that come from somewhere, in some order.
macro_rules! topics {
    ($from:literal) => {
        concat!(
            "SELECT t.topic, t.key, t.name, s.weight_quarters, s.n_queries, s.first_seen, \
             s.last_seen, s.n_hits, s.gap_sum_minutes, s.gap_square_sum, s.n_documents, o.level, \
             o.set_at FROM ",
            $from
        )
    };
}

const ALL: &str = topics!(
    "topics t LEFT JOIN topic_totals s USING (topic) LEFT JOIN interest_overrides o USING (topic)"
);
const BY_WEIGHT: &str = topics!(
    "topic_totals s JOIN topics t USING (topic) LEFT JOIN interest_overrides o USING (topic) \
     ORDER BY s.weight_quarters DESC LIMIT ?1"
);
const BY_RECENCY: &str = topics!(
    "topic_totals s JOIN topics t USING (topic) LEFT JOIN interest_overrides o USING (topic) \
     ORDER BY s.last_seen DESC LIMIT ?1"
);
const BY_HAND: &str = topics!(
    "interest_overrides o JOIN topics t USING (topic) LEFT JOIN topic_totals s USING (topic)"
);

fn aggregate_of(row: &Row<'_>) -> rusqlite::Result<(i64, (String, String, Aggregate))> {
    let count = |idx: usize| row.get::<_, Option<i64>>(idx).map(|n| n.map_or(0, natural));
    let set_at: Option<i64> = row.get(12)?;
    let moment = |idx: usize| -> rusqlite::Result<i64> {
        // One that was set by hand and never met is as old as the owner's word.
        Ok(row.get::<_, Option<i64>>(idx)?.or(set_at).unwrap_or(0))
    };
    let aggregate = Aggregate {
        weight_quarters: count(3)?,
        n_queries: count(4)?,
        first_seen_ms: moment(5)?,
        last_seen_ms: moment(6)?,
        n_hits: count(7)?,
        gap_sum_minutes: count(8)?,
        gap_square_sum: count(9)?,
        n_documents: count(10)?,
        owner: row.get(11)?,
    };
    Ok((row.get(0)?, (row.get(1)?, row.get(2)?, aggregate)))
}

/// A focus is an interest of at least [`FOCUS_CONFIDENCE`], unless the owner said otherwise or had
/// it forgotten.
fn add_focus(
    connection: &Connection,
    interests: &mut Vec<(Option<i64>, TopicInterest)>,
    focus_areas: &[String],
    now_ms: i64,
    config: &InterestConfig,
) -> Result<()> {
    for focus in focus_areas {
        let key = topic::key(focus);
        if key.is_empty() || views::is_forgotten(connection, &key)? {
            continue;
        }
        let id = views::known_topic(connection, &key)?;
        let known = interests
            .iter_mut()
            .find(|(other, interest)| interest.key == key || (id.is_some() && *other == id));
        if let Some((_, interest)) = known {
            if interest.origin == InterestOrigin::Learned
                && interest.interest.confidence < FOCUS_CONFIDENCE
            {
                interest.origin = InterestOrigin::Focus;
                interest.interest.confidence = FOCUS_CONFIDENCE;
                interest.interest.level = interest::level(FOCUS_CONFIDENCE);
            }
            continue;
        }
        // As if the owner had set it.
        let set = Aggregate {
            weight_quarters: 0,
            n_queries: 0,
            first_seen_ms: now_ms,
            last_seen_ms: now_ms,
            n_hits: 0,
            gap_sum_minutes: 0,
            gap_square_sum: 0,
            n_documents: 0,
            owner: Some(FOCUS_CONFIDENCE),
        };
        let interest = interest::interest(&set, now_ms, config);
        let aggregate = Aggregate { owner: None, ..set };
        let (name, origin) = (focus.clone(), InterestOrigin::Focus);
        interests.push((id, TopicInterest { key, name, origin, aggregate, interest }));
    }
    Ok(())
}

fn pairs_among(
    connection: &Connection,
    interests: &[(Option<i64>, TopicInterest)],
) -> Result<Vec<(usize, usize)>> {
    let places: HashMap<i64, usize> =
        interests.iter().enumerate().filter_map(|(at, (id, _))| Some(((*id)?, at))).collect();
    let mut statement = sql(connection.prepare_cached(
        "SELECT b FROM topic_pairs WHERE a = ?1 AND co_occurrence_count >= ?2 \
         ORDER BY co_occurrence_count DESC, b LIMIT ?3",
    ))?;
    let mut pairs = Vec::new();
    // Beyond so many, an interest does not rank.
    for (at, (id, _)) in interests.iter().enumerate().take(RELATED as usize) {
        let Some(id) = id else { continue };
        let rows =
            sql(statement.query_map(params![id, MIN_CO_OCCURRENCE, RELATED], |row| row.get(0)))?;
        for other in rows {
            let other: i64 = sql(other)?;
            if let Some(place) = places.get(&other)
                && at < *place
            {
                pairs.push((at, *place));
            }
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    Ok(pairs)
}

fn documents_had(connection: &Connection) -> Result<Vec<([u8; 16], i64)>> {
    sql(connection
        .prepare_cached(
            "SELECT content_hash, last_access FROM document_accesses JOIN documents \
             USING (document) ORDER BY last_access DESC, document LIMIT ?1",
        )
        .and_then(|mut statement| {
            statement.query_map([DOCUMENTS], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        }))
}
