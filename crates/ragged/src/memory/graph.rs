//! The knowledge graph of a persona, read from the views of its file.
//!
//! There is no second store: topics are `topic_totals`, their links `topic_pairs`, documents
//! `document_accesses`, projects `projects`. Everything of a file is of one persona, so no query
//! needs a filter by persona, and none can forget it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    PersonaMemory,
    interaction::{self, Part},
    interest::{Aggregate, Interest, InterestConfig, interest},
    views,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    knowledge::{Edge, Graph, Node, NodeId, Relation},
    sqlite::{integer, natural, sql},
};

/// How many topics [`PreparedQueries::user_topics`] gives unless told otherwise.
pub const DEFAULT_TOPICS: usize = 10;
/// How many documents [`PreparedQueries::frequent_documents`] gives unless told otherwise.
pub const DEFAULT_DOCUMENTS: usize = 20;
/// How far [`PreparedQueries::related_topics`] looks unless told otherwise.
pub const DEFAULT_DEPTH: usize = 2;

/// How many topics and how many documents a [`GraphRequest`] takes in unless told otherwise.
pub const DEFAULT_LIMIT: usize = 50;

/// The state of a project that its owner works on.
const ACTIVE: &str = "active";
/// The state of one that its owner no longer names.
const ENDED: &str = "ended";

/// Topics that were met as often as the `?1`th most frequent one, or more often: which of those at
/// the end are given, their confidence decides.
const USER_TOPICS: &str = "SELECT t.key, t.name, t.category, o.level, s.weight_quarters, \
     s.n_queries, s.n_hits, s.first_seen, s.last_seen, s.gap_sum_minutes, s.gap_square_sum, \
     s.n_documents, s.topic \
     FROM topic_totals s JOIN topics t ON t.topic = s.topic \
     LEFT JOIN interest_overrides o ON o.topic = s.topic \
     WHERE s.n_hits >= coalesce((SELECT n_hits FROM topic_totals ORDER BY n_hits DESC \
     LIMIT 1 OFFSET ?1 - 1), 0) ORDER BY s.n_hits DESC";

/// Topics that the owner set by hand and that were never met.
const UNMET_TOPICS: &str = "SELECT t.key, t.name, t.category, o.level, 0, 0, 0, NULL, NULL, 0, 0, \
     0, o.topic FROM interest_overrides o JOIN topics t ON t.topic = o.topic \
     WHERE NOT EXISTS (SELECT 1 FROM topic_totals s WHERE s.topic = o.topic)";

const ONE_TOPIC: &str = "SELECT t.key, t.name, t.category, o.level, \
     coalesce(s.weight_quarters, 0), coalesce(s.n_queries, 0), coalesce(s.n_hits, 0), \
     s.first_seen, s.last_seen, coalesce(s.gap_sum_minutes, 0), coalesce(s.gap_square_sum, 0), \
     coalesce(s.n_documents, 0), t.topic FROM topics t \
     LEFT JOIN topic_totals s ON s.topic = t.topic \
     LEFT JOIN interest_overrides o ON o.topic = t.topic WHERE t.topic = ?1";

const CO_OCCURRENCE: &str = "SELECT p.b, t.key, t.name, p.co_occurrence_count \
     FROM topic_pairs p JOIN topics t ON t.topic = p.b WHERE p.a = ?1 \
     ORDER BY p.co_occurrence_count DESC, p.b LIMIT ?2";

/// The same without names, which are on other pages.
const LINKS: &str = "SELECT b, co_occurrence_count FROM topic_pairs WHERE a = ?1 \
     ORDER BY co_occurrence_count DESC, b LIMIT ?2";

/// How often two topics met and when they last did, if they did.
const PAIR: &str = "SELECT co_occurrence_count, last_met FROM topic_pairs WHERE a = ?1 AND b = ?2";

const DOCUMENTS: &str = "SELECT d.content_hash, d.title, d.path, d.doc_type, d.added_at, \
     a.access_count, a.first_access, a.last_access FROM document_accesses a \
     JOIN documents d ON d.document = a.document \
     ORDER BY a.access_count DESC, a.last_access DESC, a.document LIMIT ?1";

const PROJECTS: &str =
    "SELECT name, description, status, started_at, ended_at FROM projects ORDER BY name";

/// A topic of a persona.
#[derive(Clone, Debug, PartialEq)]
pub struct UserTopic {
    /// What makes it the same topic in other words.
    pub key: String,
    /// How it is shown.
    pub name: String,
    /// How it came to be known.
    pub category: String,
    /// In how many interactions it was met.
    pub frequency: u64,
    /// In how many of them the question named it.
    pub n_queries: u64,
    /// When it was first met; Unix milliseconds.
    pub first_seen_ms: Option<i64>,
    /// When it was last met.
    pub last_seen_ms: Option<i64>,
    /// The interest in it now.
    pub interest: Interest,
    row: i64,
}

/// A topic met together with another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoOccurrence {
    /// Its key.
    pub key: String,
    /// How it is shown.
    pub name: String,
    /// In how many interactions both were met, at least one of them in the question.
    pub co_occurrence_count: u64,
    row: i64,
}

/// A topic within some steps of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelatedTopic {
    /// Its key.
    pub key: String,
    /// How it is shown.
    pub name: String,
    /// Steps from the topic asked about, from 1.
    pub distance: usize,
    /// How often it met the topic before it on the way; the greatest, where ways are equally long.
    pub co_occurrence_count: u64,
    /// The key of that topic.
    pub via: String,
    /// When the two last met; Unix milliseconds.
    pub last_seen_ms: Option<i64>,
    row: i64,
}

/// A document that answers drew on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrequentDocument {
    /// Hash of its contents.
    pub content_hash: [u8; 16],
    /// Its title when it was last found.
    pub title: Option<String>,
    /// Its path when it was last found.
    pub path: String,
    /// Its format.
    pub doc_type: String,
    /// When it was first found; Unix milliseconds.
    pub added_ms: i64,
    /// In how many interactions it was cited, or found in front of an answer that helped.
    pub access_count: u64,
    /// The first of them.
    pub first_access_ms: i64,
    /// The last of them.
    pub last_access_ms: i64,
}

/// A project of a persona.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// What is said of it.
    pub description: String,
    /// Whether its owner still names it.
    pub is_active: bool,
    /// Since when; Unix milliseconds.
    pub started_ms: i64,
    /// Until when.
    pub ended_ms: Option<i64>,
}

/// Which part of the graph is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphRequest {
    /// The key of the topic to begin with; the persona with all that is linked to it where `None`.
    pub topic: Option<String>,
    /// Steps from there.
    pub depth: usize,
    /// At most so many topics, and so many documents.
    pub limit: usize,
    /// When the persona was made, which the registry knows; Unix milliseconds.
    pub created_ms: Option<i64>,
}

impl Default for GraphRequest {
    fn default() -> Self {
        Self { topic: None, depth: DEFAULT_DEPTH, limit: DEFAULT_LIMIT, created_ms: None }
    }
}

/// The queries of the graph of one persona, prepared when it is made.
///
/// Making it has every statement compiled, so that a file that lacks a table or an index is found
/// then and not in the middle of an answer. A compiled statement belongs to its connection: each
/// connection of the pool compiles it once, at its first use, and keeps it among its 128 most
/// recently used ones for as long as it lives. Values are bound, never put into the text.
#[derive(Clone, Copy, Debug)]
pub struct PreparedQueries<'a> {
    memory: &'a PersonaMemory,
    config: InterestConfig,
}

impl PersonaMemory {
    /// The queries of this persona's graph, prepared; `config` says how confident an interest is.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn graph(&self, config: InterestConfig) -> Result<PreparedQueries<'_>> {
        PreparedQueries::new(self, config)
    }
}

impl<'a> PreparedQueries<'a> {
    /// Prepares them.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn new(memory: &'a PersonaMemory, config: InterestConfig) -> Result<Self> {
        let queries = Self { memory, config };
        queries.read(|connection| {
            for statement in [
                USER_TOPICS,
                UNMET_TOPICS,
                ONE_TOPIC,
                CO_OCCURRENCE,
                PAIR,
                LINKS,
                DOCUMENTS,
                PROJECTS,
            ] {
                drop(sql(connection.prepare_cached(statement))?);
            }
            Ok(())
        })?;
        Ok(queries)
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.memory
            .database()
            .read(work)
            .context_with(|| format!("reading the graph of {}", self.memory.name()))
    }

    /// The topics of the persona, the most frequent first, then the most confident, then by key;
    /// at most `limit`. Topics that the owner set by hand and that were never met come last.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn user_topics(&self, limit: usize) -> Result<Vec<UserTopic>> {
        self.read(|connection| self.topics_in(connection, limit))
    }

    /// The ten topics that [`user_topics`](Self::user_topics) begins with.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn top_topics(&self) -> Result<Vec<UserTopic>> {
        self.user_topics(DEFAULT_TOPICS)
    }

    fn topics_in(&self, connection: &Connection, limit: usize) -> Result<Vec<UserTopic>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let now_ms = self.memory.now_ms();
        let mut topics: Vec<UserTopic> =
            sql(connection.prepare_cached(USER_TOPICS).and_then(|mut statement| {
                statement
                    .query_map([integer(limit as u64)], |row| {
                        user_topic(row, now_ms, &self.config)
                    })?
                    .collect()
            }))?;
        if topics.len() < limit {
            let unmet: Vec<UserTopic> =
                sql(connection.prepare_cached(UNMET_TOPICS).and_then(|mut statement| {
                    statement.query_map([], |row| user_topic(row, now_ms, &self.config))?.collect()
                }))?;
            topics.extend(unmet);
        }
        topics.sort_by(|a, b| {
            b.frequency
                .cmp(&a.frequency)
                .then_with(|| b.interest.confidence.total_cmp(&a.interest.confidence))
                .then_with(|| a.key.cmp(&b.key))
        });
        topics.truncate(limit);
        Ok(topics)
    }

    /// One topic.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned under the key; those of reading.
    pub fn topic(&self, key: &str) -> Result<UserTopic> {
        self.read(|connection| {
            self.topic_of(connection, interaction::known(connection, key)?, self.memory.now_ms())
        })
    }

    fn topic_of(&self, connection: &Connection, row: i64, now_ms: i64) -> Result<UserTopic> {
        sql(connection.prepare_cached(ONE_TOPIC).and_then(|mut statement| {
            statement.query_row([row], |row| user_topic(row, now_ms, &self.config))
        }))
    }

    /// The topics that were met together with the one of `key`, by count, then the one known for
    /// longer first; at most `limit`.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned under the key; those of reading.
    pub fn co_occurring(&self, key: &str, limit: usize) -> Result<Vec<CoOccurrence>> {
        self.read(|connection| {
            co_occurring(connection, interaction::known(connection, key)?, limit)
        })
    }

    /// The topics within `depth` steps of the one of `key`, the nearest first, then by count, then
    /// the one known for longer; at most `limit`.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned under the key; those of reading.
    pub fn related_topics(
        &self,
        key: &str,
        depth: usize,
        limit: usize,
    ) -> Result<Vec<RelatedTopic>> {
        self.read(|connection| {
            let start = interaction::known(connection, key)?;
            related(connection, start, depth, limit)
        })
    }

    /// When two topics last met, at least one of them in the words of a question; Unix
    /// milliseconds.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned under one of the keys; those of reading.
    pub fn last_met(&self, a: &str, b: &str) -> Result<Option<i64>> {
        self.read(|connection| {
            let (a, b) = (interaction::known(connection, a)?, interaction::known(connection, b)?);
            Ok(pair(connection, a, b)?.map(|(_, last_met_ms)| last_met_ms))
        })
    }

    /// The documents that answers drew on most often, then most lately; at most `limit`.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn frequent_documents(&self, limit: usize) -> Result<Vec<FrequentDocument>> {
        self.read(|connection| documents(connection, limit))
    }

    /// The projects of the persona, by name, those that ended included.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn projects(&self) -> Result<Vec<Project>> {
        self.read(projects)
    }

    /// A part of the graph, or with the greatest limit all of it: the persona, topics, documents
    /// and projects, and every edge between these. Around a topic there are topics and the
    /// persona only: the graph has no edges from topics to documents.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned under the key; those of reading.
    pub fn graph(&self, request: &GraphRequest) -> Result<Graph> {
        self.read(|connection| {
            let name = self.memory.name().as_str();
            let persona = NodeId::persona(name);
            let created_ms = request.created_ms;
            let mut nodes = vec![Node::Persona { name: name.to_owned(), created_ms }];
            let mut edges = Vec::new();
            let topics = match &request.topic {
                None => self.topics_in(connection, request.limit)?,
                Some(key) => self.around(connection, key, request)?,
            };
            for topic in &topics {
                edges.push(topic.edge(&persona));
                nodes.push(topic.node());
            }
            edges.extend(pairs(connection, &topics)?);
            if request.topic.is_none() {
                for document in documents(connection, request.limit)? {
                    edges.push(document.edge(&persona));
                    nodes.push(document.node());
                }
                for project in projects(connection)? {
                    edges.push(project.edge(&persona));
                    nodes.push(project.node());
                }
            }
            let graph = Graph::new(nodes, edges);
            Ok(match &request.topic {
                None => graph.walk(&persona, request.depth),
                Some(_) => match topics.first() {
                    Some(start) => graph.walk(&NodeId::topic(start.key.as_str()), request.depth),
                    None => Graph::default(),
                },
            })
        })
    }

    /// A topic and those related to it.
    fn around(
        &self,
        connection: &Connection,
        key: &str,
        request: &GraphRequest,
    ) -> Result<Vec<UserTopic>> {
        let start = interaction::known(connection, key)?;
        let others = request.limit.saturating_sub(1);
        let mut rows = vec![start];
        rows.extend(
            related(connection, start, request.depth, others)?.into_iter().map(|topic| topic.row),
        );
        let now_ms = self.memory.now_ms();
        rows.into_iter().map(|row| self.topic_of(connection, row, now_ms)).collect()
    }
}

impl UserTopic {
    fn node(&self) -> Node {
        Node::Topic {
            key: self.key.clone(),
            name: self.name.clone(),
            category: self.category.clone(),
            interest_level: self.interest.confidence,
            first_seen_ms: self.first_seen_ms,
            last_seen_ms: self.last_seen_ms,
        }
    }

    fn edge(&self, persona: &NodeId) -> Edge {
        Edge {
            from: persona.clone(),
            to: NodeId::topic(self.key.as_str()),
            relation: Relation::InterestedIn {
                frequency: self.frequency,
                n_queries: self.n_queries,
                first_seen_ms: self.first_seen_ms,
                last_query_ms: self.last_seen_ms,
                confidence: self.interest.confidence,
                recency: self.interest.recency,
            },
        }
    }
}

impl FrequentDocument {
    /// The hash of its contents in hexadecimal digits.
    pub fn hex(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.content_hash))
    }

    fn node(&self) -> Node {
        Node::Document {
            content_hash: self.hex(),
            title: self.title.clone(),
            path: self.path.clone(),
            doc_type: self.doc_type.clone(),
            added_ms: self.added_ms,
        }
    }

    fn edge(&self, persona: &NodeId) -> Edge {
        Edge {
            from: persona.clone(),
            to: NodeId::document(self.hex()),
            relation: Relation::Accessed {
                access_count: self.access_count,
                first_access_ms: self.first_access_ms,
                last_access_ms: self.last_access_ms,
            },
        }
    }
}

impl Project {
    fn node(&self) -> Node {
        Node::Project {
            name: self.name.clone(),
            description: self.description.clone(),
            status: if self.is_active { ACTIVE } else { ENDED }.to_owned(),
            started_ms: self.started_ms,
        }
    }

    fn edge(&self, persona: &NodeId) -> Edge {
        Edge {
            from: persona.clone(),
            to: NodeId::project(self.name.as_str()),
            relation: Relation::WorkingOn { start_ms: self.started_ms, end_ms: self.ended_ms },
        }
    }
}

fn user_topic(row: &Row<'_>, now_ms: i64, config: &InterestConfig) -> rusqlite::Result<UserTopic> {
    let count = |idx| row.get(idx).map(natural);
    let (first_seen_ms, last_seen_ms): (Option<i64>, Option<i64>) = (row.get(7)?, row.get(8)?);
    let aggregate = Aggregate {
        weight_quarters: count(4)?,
        n_queries: count(5)?,
        first_seen_ms: first_seen_ms.unwrap_or_default(),
        last_seen_ms: last_seen_ms.unwrap_or_default(),
        n_hits: count(6)?,
        gap_sum_minutes: count(9)?,
        gap_square_sum: count(10)?,
        n_documents: count(11)?,
        owner: row.get(3)?,
    };
    Ok(UserTopic {
        key: row.get(0)?,
        name: row.get(1)?,
        category: row.get(2)?,
        frequency: aggregate.n_hits,
        n_queries: aggregate.n_queries,
        first_seen_ms,
        last_seen_ms,
        interest: interest(&aggregate, now_ms, config),
        row: row.get(12)?,
    })
}

fn co_occurring(connection: &Connection, topic: i64, limit: usize) -> Result<Vec<CoOccurrence>> {
    sql(connection.prepare_cached(CO_OCCURRENCE).and_then(|mut statement| {
        statement
            .query_map([topic, integer(limit as u64)], |row| {
                Ok(CoOccurrence {
                    row: row.get(0)?,
                    key: row.get(1)?,
                    name: row.get(2)?,
                    co_occurrence_count: natural(row.get(3)?),
                })
            })?
            .collect()
    }))
}

/// A topic on the way, before its name is read.
struct Step {
    topic: i64,
    distance: usize,
    co_occurrence_count: u64,
    via: i64,
}

/// The nearest topics, level by level. Of each topic on the way as many links are read as there are
/// places left and topics known already: whatever could take a place is among these.
pub(super) fn related(
    connection: &Connection,
    start: i64,
    depth: usize,
    limit: usize,
) -> Result<Vec<RelatedTopic>> {
    let mut found: Vec<Step> = Vec::new();
    let mut seen = BTreeSet::from([start]);
    let mut level = vec![start];
    for distance in 1..=depth {
        let n_left = limit.saturating_sub(found.len());
        if n_left == 0 || level.is_empty() {
            break;
        }
        let mut best: BTreeMap<i64, Step> = BTreeMap::new();
        for via in level {
            for (topic, co_occurrence_count) in
                links(connection, via, n_left.saturating_add(seen.len()))?
            {
                let is_better = best
                    .get(&topic)
                    .is_none_or(|known| known.co_occurrence_count < co_occurrence_count);
                if is_better && !seen.contains(&topic) {
                    best.insert(topic, Step { topic, distance, co_occurrence_count, via });
                }
            }
        }
        let mut next: Vec<Step> = best.into_values().collect();
        next.sort_by_key(|step| (std::cmp::Reverse(step.co_occurrence_count), step.topic));
        next.truncate(n_left);
        seen.extend(next.iter().map(|step| step.topic));
        level = next.iter().map(|step| step.topic).collect();
        found.extend(next);
    }
    let mut keys = HashMap::from([(start, named(connection, start)?.0)]);
    let mut related = Vec::with_capacity(found.len());
    for Step { topic, distance, co_occurrence_count, via } in found {
        let (key, name) = named(connection, topic)?;
        keys.insert(topic, key.clone());
        // A step is found after the one before it.
        let via_key = keys.get(&via).cloned().unwrap_or_default();
        let last_seen_ms = pair(connection, topic, via)?.map(|(_, last_met_ms)| last_met_ms);
        related.push(RelatedTopic {
            key,
            name,
            distance,
            co_occurrence_count,
            via: via_key,
            last_seen_ms,
            row: topic,
        });
    }
    Ok(related)
}

fn links(connection: &Connection, topic: i64, limit: usize) -> Result<Vec<(i64, u64)>> {
    sql(connection.prepare_cached(LINKS).and_then(|mut statement| {
        statement
            .query_map([topic, integer(limit as u64)], |row| {
                Ok((row.get(0)?, natural(row.get(1)?)))
            })?
            .collect()
    }))
}

fn named(connection: &Connection, topic: i64) -> Result<(String, String)> {
    sql(connection.prepare_cached("SELECT key, name FROM topics WHERE topic = ?1").and_then(
        |mut statement| statement.query_row([topic], |row| Ok((row.get(0)?, row.get(1)?))),
    ))
}

/// In how many interactions two topics met, and when they last did.
fn pair(connection: &Connection, a: i64, b: i64) -> Result<Option<(u64, i64)>> {
    sql(connection.prepare_cached(PAIR).and_then(|mut statement| {
        statement.query_row([a, b], |row| Ok((natural(row.get(0)?), row.get(1)?))).optional()
    }))
}

/// The links among these topics.
fn pairs(connection: &Connection, topics: &[UserTopic]) -> Result<Vec<Edge>> {
    let by_row: HashMap<i64, &UserTopic> = topics.iter().map(|topic| (topic.row, topic)).collect();
    let mut edges = Vec::new();
    let mut statement = sql(connection.prepare_cached(
        "SELECT b, co_occurrence_count, last_met FROM topic_pairs WHERE a = ?1 AND b > ?1",
    ))?;
    for topic in topics {
        let mut rows = sql(statement.query([topic.row]))?;
        while let Some(row) = sql(rows.next())? {
            let other: i64 = sql(row.get(0))?;
            let Some(other) = by_row.get(&other) else { continue };
            let n = natural(sql(row.get(1))?);
            let either = (topic.frequency + other.frequency).saturating_sub(n);
            edges.push(Edge {
                from: NodeId::topic(topic.key.as_str()),
                to: NodeId::topic(other.key.as_str()),
                relation: Relation::RelatedTo {
                    co_occurrence_count: n,
                    strength: if either == 0 { 0.0 } else { n as f64 / either as f64 },
                    last_seen_ms: Some(sql(row.get(2))?),
                },
            });
        }
    }
    Ok(edges)
}

fn documents(connection: &Connection, limit: usize) -> Result<Vec<FrequentDocument>> {
    sql(connection.prepare_cached(DOCUMENTS).and_then(|mut statement| {
        statement
            .query_map([integer(limit as u64)], |row| {
                Ok(FrequentDocument {
                    content_hash: row.get(0)?,
                    title: row.get(1)?,
                    path: row.get(2)?,
                    doc_type: row.get(3)?,
                    added_ms: row.get(4)?,
                    access_count: natural(row.get(5)?),
                    first_access_ms: row.get(6)?,
                    last_access_ms: row.get(7)?,
                })
            })?
            .collect()
    }))
}

fn projects(connection: &Connection) -> Result<Vec<Project>> {
    sql(connection.prepare_cached(PROJECTS).and_then(|mut statement| {
        statement
            .query_map([], |row| {
                Ok(Project {
                    name: row.get(0)?,
                    description: row.get(1)?,
                    is_active: row.get::<_, String>(2)? == ACTIVE,
                    started_ms: row.get(3)?,
                    ended_ms: row.get(4)?,
                })
            })?
            .collect()
    }))
}

impl PersonaMemory {
    /// Keeps the projects level with what the owner says: new ones begin now, those no longer
    /// named end now, those named again go on. Names are compared without regard to ASCII case.
    ///
    /// # Errors
    ///
    /// Those of writing.
    pub fn set_projects(&self, names: &[String]) -> Result<()> {
        self.database()
            .write(|tx| {
                let now_ms = self.now_ms();
                let known = projects(tx)?;
                let is_named =
                    |project: &Project| names.iter().any(|n| n.eq_ignore_ascii_case(&project.name));
                let mut n_changed = 0;
                for name in names {
                    n_changed += sql(tx.execute(
                        "INSERT INTO projects (name, description, status, started_at) \
                         VALUES (?1, '', ?2, ?3) ON CONFLICT (name) DO UPDATE SET \
                         status = excluded.status, ended_at = NULL \
                         WHERE status <> excluded.status",
                        params![name, ACTIVE, now_ms],
                    ))?;
                }
                for project in known.iter().filter(|project| project.is_active) {
                    if !is_named(project) {
                        n_changed += sql(tx.execute(
                            "UPDATE projects SET status = ?2, ended_at = ?3 WHERE name = ?1",
                            params![project.name, ENDED, now_ms],
                        ))?;
                    }
                }
                if n_changed > 0 {
                    views::bump_revision(tx)?;
                }
                Ok(())
            })
            .context_with(|| format!("keeping the projects of {}", self.name()))
    }

    /// Removes a project from the graph.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is none of that name; those of writing.
    pub fn remove_project(&self, name: &str) -> Result<()> {
        self.database()
            .write(|tx| {
                if sql(tx.execute("DELETE FROM projects WHERE name = ?1", [name]))? == 0 {
                    return Err(Error::new(
                        ErrorKind::NotFound,
                        format!("there is no project {name:?}"),
                    )
                    .with_hint("`ragged memory graph` shows the projects"));
                }
                views::bump_revision(tx)
            })
            .context_with(|| format!("removing a project of {}", self.name()))
    }

    /// The document that is named by its path, by the name of its file, by its title, or by the
    /// first eight digits or more of the hash of its contents, among all that was ever found.
    ///
    /// # Errors
    ///
    /// `NotFound` where none is; `Invalid` where several are; those of reading.
    pub fn document_named(&self, name: &str) -> Result<[u8; 16]> {
        let digits = name.to_ascii_lowercase();
        let is_hash = digits.len() >= MIN_HASH_DIGITS
            && digits.len() <= 32
            && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.database()
            .read(|connection| {
                let named: Vec<[u8; 16]> = sql(connection
                    .prepare_cached(
                        "SELECT content_hash FROM documents WHERE path = ?1 OR title = ?1 \
                         OR substr(path, -length(?1) - 1) IN ('/' || ?1, '\\' || ?1) \
                         OR (?2 AND substr(lower(hex(content_hash)), 1, length(?3)) = ?3) LIMIT 2",
                    )
                    .and_then(|mut statement| {
                        statement
                            .query_map(params![name, is_hash, digits], |row| row.get(0))?
                            .collect()
                    }))?;
                match named.as_slice() {
                    [hash] => Ok(*hash),
                    [] => Err(Error::new(
                        ErrorKind::NotFound,
                        format!("no document {name:?} was found by a question"),
                    )
                    .with_hint("`ragged memory documents` lists those that answers drew on")),
                    _ => Err(Error::new(
                        ErrorKind::Invalid,
                        format!("more than one document is called {name:?}"),
                    )
                    .with_hint("give its path, or digits of its hash: `--format json` has both")),
                }
            })
            .context_with(|| format!("looking for a document of {}", self.name()))
    }

    /// Takes a document out of every interaction and every view; interactions stay, and so do
    /// topics that were met in it, which are an interaction's and not a document's. Returns in how
    /// many interactions it was found. A question that finds it again makes it known again.
    ///
    /// # Errors
    ///
    /// `NotFound` where it is not known; those of writing.
    pub fn forget_document(&self, content_hash: &[u8; 16]) -> Result<u64> {
        self.database()
            .write(|tx| {
                let document: Option<i64> = sql(tx
                    .query_row(
                        "SELECT document FROM documents WHERE content_hash = ?1",
                        [content_hash],
                        |row| row.get(0),
                    )
                    .optional())?;
                let Some(document) = document else {
                    return Err(Error::new(ErrorKind::NotFound, "no question found that document"));
                };
                let n_found = self.take_out(tx, Part::Document, document)?;
                sql(tx.execute("DELETE FROM documents WHERE document = ?1", [document]))?;
                views::bump_revision(tx)?;
                Ok(n_found)
            })
            .context_with(|| format!("forgetting a document of {}", self.name()))
    }
}

/// The fewest digits by which a document may be named.
const MIN_HASH_DIGITS: usize = 8;
