//! The interest profile: what a persona cares about, how much, and by which evidence.

#[cfg(test)]
mod tests;

use std::{cmp::Ordering, collections::HashMap};

use rusqlite::{Connection, Row, params, params_from_iter};

use super::{
    Interaction, PersonaMemory,
    graph::{DEFAULT_DEPTH, RelatedTopic, related},
    interaction::{COLUMNS, interaction_of, known},
    interest::{self, Aggregate, Interest, InterestConfig},
    topic, views,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    sqlite::{integer, natural, sql},
};

/// Interests that are looked at when nobody asks for all: so many by weight, and as many by how
/// lately they were met. What is beyond either has little weight and is old.
const LOOKED_AT: i64 = 256;
/// Documents that a profile holds: those had last.
const DOCUMENTS: i64 = 512;
/// Interests that ranking is given: the strongest.
pub const RANKING_INTERESTS: usize = 128;
/// Of so many of these, and for each of so many topics, it is told which go together.
const PAIRED: u8 = 64;
/// The interest in a subject that its owner named as a focus, before anything is learned.
const FOCUS_CONFIDENCE: f64 = 0.5;
/// How like a name must be to be suggested for another, from 0 to 1.
const MIN_LIKENESS: f64 = 0.8;
/// Names that are suggested.
const SUGGESTED: usize = 3;

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
        recency(self.origin, &self.interest)
    }

    /// Confidence times recency: what ranking goes by.
    pub fn strength(&self) -> f64 {
        self.interest.confidence * self.recency()
    }
}

/// What a persona cares about.
#[derive(Clone, Debug, PartialEq)]
pub struct InterestProfile {
    /// The strongest first; ties in order of key.
    pub interests: Vec<TopicInterest>,
    /// Topics known in all.
    pub n_topics: u64,
    /// The first interaction; Unix milliseconds.
    pub since_ms: Option<i64>,
    /// The moment that it was taken at; Unix milliseconds.
    pub now_ms: i64,
}

/// What ranking is told of what a persona cares about.
#[derive(Clone, Debug, PartialEq)]
pub struct RankingProfile {
    /// At most [`RANKING_INTERESTS`]: those that the owner set, then by confidence times recency.
    pub interests: Vec<TopicInterest>,
    /// Positions in `interests` of those that go together, each pair once.
    pub pairs: Vec<(usize, usize)>,
    /// Documents had last: the hash of their contents, and when.
    pub documents: Vec<([u8; 16], i64)>,
    /// The state of the memory that this is of.
    pub revision: u64,
    /// The moment that it was taken at; Unix milliseconds.
    pub now_ms: i64,
}

/// A document that was found with a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDocument {
    /// Its path when it was last found.
    pub path: String,
    /// Its title, if it has one.
    pub title: Option<String>,
    /// Interactions with the topic that had it in front.
    pub n_hits: u64,
}

/// What an interest comes with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterestLinks {
    /// Topics met in the same questions, the most frequent first, and how many questions.
    pub topics: Vec<(String, u64)>,
    /// Documents found with it, the most frequent first.
    pub documents: Vec<TopicDocument>,
}

/// What is known of one topic, as of one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicInfo {
    /// Its place among all topics, from 1.
    pub rank: usize,
    /// The interest in it.
    pub interest: TopicInterest,
    /// The interactions that it rests on, the latest first.
    pub evidence: Vec<Interaction>,
    /// What it comes with.
    pub links: InterestLinks,
    /// Topics that go with it, within two steps.
    pub related: Vec<RelatedTopic>,
    /// The moment that it was taken at; Unix milliseconds.
    pub now_ms: i64,
}

/// Which topics are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breadth {
    /// Those that may rank: met often enough, set by hand, or a focus; of those the weightiest and
    /// the latest.
    Tracked,
    /// Every topic that was ever met.
    All,
}

impl PersonaMemory {
    /// What the persona cares about now. `focus_areas` are subjects that it named itself.
    ///
    /// Reads a bounded number of rows for [`Breadth::Tracked`], and counts the topics.
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
        self.database()
            .read(|connection| {
                let now_ms = self.now_ms();
                let weighed = weigh(connection, focus_areas, config, breadth, now_ms)?;
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
                let interests = named_interests(connection, weighed)?;
                Ok(InterestProfile {
                    interests: interests.into_iter().map(|(_, interest)| interest).collect(),
                    n_topics,
                    since_ms,
                    now_ms,
                })
            })
            .context_with(|| format!("reading what {} cares about", self.name()))
    }

    /// What ranking is told of what the persona cares about now. `focus_areas` are subjects that it
    /// named itself.
    ///
    /// Reads a bounded number of rows, whatever was recorded.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn ranking_profile(
        &self,
        focus_areas: &[String],
        config: &InterestConfig,
    ) -> Result<RankingProfile> {
        self.database()
            .read(|connection| {
                let now_ms = self.now_ms();
                let mut weighed = weigh(connection, focus_areas, config, Breadth::Tracked, now_ms)?;
                weighed.sort_by(|a, b| {
                    let order = by_strength((a.origin, a.strength()), (b.origin, b.strength()));
                    order.then_with(|| a.topic.cmp(&b.topic))
                });
                weighed.truncate(RANKING_INTERESTS);
                let mut interests = named_interests(connection, weighed)?;
                interests.sort_by(|(_, a), (_, b)| {
                    let order = by_strength((a.origin, a.strength()), (b.origin, b.strength()));
                    order.then_with(|| a.key.cmp(&b.key))
                });
                Ok(RankingProfile {
                    pairs: pairs_among(connection, &interests, config)?,
                    interests: interests.into_iter().map(|(_, interest)| interest).collect(),
                    documents: documents_had(connection)?,
                    revision: views::revision(connection)?,
                    now_ms,
                })
            })
            .context_with(|| format!("reading what {} cares about", self.name()))
    }

    /// What is known of a topic that a person names, all of it read in one state of the memory;
    /// of evidence, documents and topics that go with it at most `limit` each.
    ///
    /// # Errors
    ///
    /// `NotFound` with suggestions; those of reading.
    pub fn topic_info(
        &self,
        name: &str,
        focus_areas: &[String],
        config: &InterestConfig,
        limit: usize,
    ) -> Result<TopicInfo> {
        let key = topic::key(name);
        let found = self
            .database()
            .read(|connection| {
                let id = views::known_topic(connection, &key)?;
                let now_ms = self.now_ms();
                let weighed = weigh(connection, focus_areas, config, Breadth::All, now_ms)?;
                let mut interests = named_interests(connection, weighed)?;
                let place = interests.iter().position(|(other, interest)| match id {
                    Some(id) => *other == Some(id),
                    // A focus of which nothing was learned.
                    None => interest.key == key,
                });
                let Some(place) = place else { return Ok(None) };
                let (_, interest) = interests.swap_remove(place);
                let (evidence, links, related) = match id {
                    Some(id) => (
                        evidence_of(connection, id, limit_of(limit))?,
                        links_of(connection, id, limit_of(limit))?,
                        related(connection, id, DEFAULT_DEPTH, limit)?,
                    ),
                    None => Default::default(),
                };
                Ok(Some(TopicInfo { rank: place + 1, interest, evidence, links, related, now_ms }))
            })
            .context_with(|| format!("reading what {} cares about", self.name()))?;
        match found {
            Some(info) => Ok(info),
            None => Err(self.unknown_topic(name, focus_areas)?),
        }
    }

    /// What each of these topics comes with, at most `limit` topics and documents each; nothing
    /// for those of which nothing was learned.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn interest_links<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a str>,
        limit: usize,
    ) -> Result<Vec<InterestLinks>> {
        self.database()
            .read(|connection| {
                keys.into_iter()
                    .map(|key| match views::known_topic(connection, key)? {
                        Some(id) => links_of(connection, id, limit_of(limit)),
                        None => Ok(InterestLinks::default()),
                    })
                    .collect()
            })
            .context_with(|| format!("reading what {} cares about", self.name()))
    }

    /// The key of a topic as a person types it: that of the topic that it counts as, where it was
    /// merged into another.
    ///
    /// # Errors
    ///
    /// `NotFound` with the nearest names that are known.
    pub fn topic_named(&self, text: &str) -> Result<String> {
        let key = topic::key(text);
        let found = self.database().read(|connection| {
            let Some(id) = views::known_topic(connection, &key)? else { return Ok(None) };
            sql(connection
                .prepare_cached("SELECT key FROM topics WHERE topic = ?1")
                .and_then(|mut statement| statement.query_row([id], |row| row.get(0))))
            .map(Some)
        })?;
        match found {
            Some(key) => Ok(key),
            None => Err(self.unknown_topic(text, &[])?),
        }
    }

    /// Why a topic is not found, with names that are like it.
    #[cold]
    fn unknown_topic(&self, text: &str, focus_areas: &[String]) -> Result<Error> {
        let mut names: Vec<String> = self.database().read(|connection| {
            sql(connection
                .prepare_cached("SELECT name FROM topics")
                .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect()))
        })?;
        names.extend_from_slice(focus_areas);
        let wanted = text.to_lowercase();
        let mut near: Vec<(f64, &String)> = names
            .iter()
            .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
            .filter(|(likeness, _)| *likeness > MIN_LIKENESS)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        near.dedup_by_key(|(_, name)| *name);
        let near: Vec<String> =
            near.into_iter().take(SUGGESTED).map(|(_, name)| format!("{name:?}")).collect();
        let hint = if near.is_empty() {
            "`ragged memory topics --all` lists what was".to_owned()
        } else {
            format!("did you mean {}?", near.join(" or "))
        };
        Ok(Error::new(ErrorKind::NotFound, format!("nothing was learned of {text:?}"))
            .with_hint(hint))
    }

    /// The interactions that an interest rests on, the latest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned under the key; those of reading.
    pub fn evidence(&self, key: &str, limit: usize) -> Result<Vec<Interaction>> {
        self.of_topic(key, |connection, id| evidence_of(connection, id, limit_of(limit)))
    }

    /// In how many interactions a topic was met, those included that add nothing to the interest.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned under the key; those of reading.
    pub fn n_interactions_with(&self, key: &str) -> Result<u64> {
        self.of_topic(key, |connection, id| {
            sql(connection
                .prepare_cached("SELECT count(*) FROM interaction_topics WHERE topic = ?1")
                .and_then(|mut statement| statement.query_row([id], |row| row.get(0))))
            .map(natural)
        })
    }

    /// The interactions in which a topic was met, those included that add nothing to the interest:
    /// the latest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing was learned under the key; those of reading.
    pub fn interactions_with(&self, key: &str, limit: usize) -> Result<Vec<Interaction>> {
        self.of_topic(key, |connection, id| met_in(connection, MET, id, limit_of(limit)))
    }

    fn of_topic<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Connection, i64) -> Result<T>,
    ) -> Result<T> {
        self.database()
            .read(|connection| read(connection, known(connection, key)?))
            .context_with(|| format!("reading what {} cares about", self.name()))
    }
}

/// An interest whose name is not read yet.
struct Weighed {
    /// Its topic, where there is one.
    topic: Option<i64>,
    /// The focus area that it is, where there is no topic.
    focus: Option<Focus>,
    origin: InterestOrigin,
    aggregate: Aggregate,
    interest: Interest,
}

impl Weighed {
    fn strength(&self) -> f64 {
        self.interest.confidence * recency(self.origin, &self.interest)
    }
}

/// The owner's own word comes first.
fn by_strength(a: (InterestOrigin, f64), b: (InterestOrigin, f64)) -> Ordering {
    let is_own = |origin| origin == InterestOrigin::Owner;
    is_own(b.0).cmp(&is_own(a.0)).then_with(|| b.1.total_cmp(&a.1))
}

/// The owner's own word does not age.
fn recency(origin: InterestOrigin, interest: &Interest) -> f64 {
    match origin {
        InterestOrigin::Learned => interest.recency,
        InterestOrigin::Owner | InterestOrigin::Focus => 1.0,
    }
}

/// What the persona cares about, in no order.
fn weigh(
    connection: &Connection,
    focus_areas: &[String],
    config: &InterestConfig,
    breadth: Breadth,
    now_ms: i64,
) -> Result<Vec<Weighed>> {
    let focuses = focuses_of(connection, focus_areas)?;
    let mut known: HashMap<i64, Aggregate> = HashMap::new();
    let statements: &[(&str, Option<i64>)] = match breadth {
        Breadth::All => &[(ALL, None)],
        Breadth::Tracked => {
            &[(BY_WEIGHT, Some(LOOKED_AT)), (BY_RECENCY, Some(LOOKED_AT)), (BY_HAND, None)]
        }
    };
    for (statement, limit) in statements {
        let mut statement = sql(connection.prepare_cached(statement))?;
        let mut rows = sql(statement.query(params_from_iter(limit)))?;
        while let Some(row) = sql(rows.next())? {
            let (id, aggregate) = sql(aggregate_of(row))?;
            known.insert(id, aggregate);
        }
    }
    let mut by_id = sql(connection.prepare_cached(BY_ID))?;
    for id in focuses.iter().filter_map(|focus| focus.topic) {
        if !known.contains_key(&id) {
            let (id, aggregate) = sql(by_id.query_row([id], aggregate_of))?;
            known.insert(id, aggregate);
        }
    }
    let is_focus = |id: i64| focuses.iter().any(|focus| focus.topic == Some(id));
    let mut weighed: Vec<Weighed> = known
        .into_iter()
        .filter(|(id, aggregate)| {
            breadth == Breadth::All
                || aggregate.owner.is_some()
                || aggregate.n_hits >= config.min_frequency
                || is_focus(*id)
        })
        .map(|(id, aggregate)| Weighed {
            topic: Some(id),
            focus: None,
            origin: match aggregate.owner {
                Some(_) => InterestOrigin::Owner,
                None => InterestOrigin::Learned,
            },
            interest: interest::interest(&aggregate, now_ms, config),
            aggregate,
        })
        .collect();
    add_focuses(&mut weighed, focuses, now_ms, config);
    Ok(weighed)
}

/// The same with their names, by confidence, then by key; beside each its topic.
fn named_interests(
    connection: &Connection,
    weighed: Vec<Weighed>,
) -> Result<Vec<(Option<i64>, TopicInterest)>> {
    let mut names =
        sql(connection.prepare_cached("SELECT key, name FROM topics WHERE topic = ?1"))?;
    let mut interests = Vec::with_capacity(weighed.len());
    for Weighed { topic, focus, origin, aggregate, interest } in weighed {
        let (key, name) = match (topic, focus) {
            (Some(id), _) => sql(names.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))))?,
            (None, Some(focus)) => (focus.key, focus.name),
            (None, None) => continue,
        };
        interests.push((topic, TopicInterest { key, name, origin, aggregate, interest }));
    }
    interests.sort_by(|(_, a), (_, b)| {
        b.interest.confidence.total_cmp(&a.interest.confidence).then_with(|| a.key.cmp(&b.key))
    });
    Ok(interests)
}

fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Interactions in which a topic was met.
const MET: &str = "SELECT seq FROM interaction_topics WHERE topic = ?1 \
     ORDER BY timestamp DESC, seq DESC LIMIT ?2";
/// Those of them that add to the interest.
const COUNTING: &str = "SELECT seq FROM interaction_topics WHERE topic = ?1 AND weight > 0 \
     ORDER BY timestamp DESC, seq DESC LIMIT ?2";

fn evidence_of(connection: &Connection, topic: i64, limit: i64) -> Result<Vec<Interaction>> {
    met_in(connection, COUNTING, topic, limit)
}

fn met_in(
    connection: &Connection,
    which: &'static str,
    topic: i64,
    limit: i64,
) -> Result<Vec<Interaction>> {
    let mut statement = sql(connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM interactions WHERE seq IN ({which}) \
         ORDER BY timestamp DESC, seq DESC"
    )))?;
    let mut rows = sql(statement.query([topic, limit]))?;
    let mut found = Vec::new();
    while let Some(row) = sql(rows.next())? {
        found.push(interaction_of(connection, row)?);
    }
    Ok(found)
}

fn links_of(connection: &Connection, topic: i64, limit: i64) -> Result<InterestLinks> {
    let topics = sql(connection
        .prepare_cached(
            "SELECT name, co_occurrence_count FROM topic_pairs JOIN topics ON topic = b \
             WHERE a = ?1 ORDER BY co_occurrence_count DESC, b LIMIT ?2",
        )
        .and_then(|mut statement| {
            statement
                .query_map([topic, limit], |row| Ok((row.get(0)?, row.get(1).map(natural)?)))?
                .collect()
        }))?;
    let documents = sql(connection
        .prepare_cached(
            "SELECT path, title, n_hits FROM topic_documents JOIN documents USING (document) \
             WHERE topic = ?1 ORDER BY n_hits DESC, path LIMIT ?2",
        )
        .and_then(|mut statement| {
            statement
                .query_map([topic, limit], |row| {
                    Ok(TopicDocument {
                        path: row.get(0)?,
                        title: row.get(1)?,
                        n_hits: row.get(2).map(natural)?,
                    })
                })?
                .collect()
        }))?;
    Ok(InterestLinks { topics, documents })
}

/// What is read of a topic, from the tables that `$from` joins as s and o.
macro_rules! select_topics {
    ($topic:literal, $from:literal) => {
        concat!(
            "SELECT ",
            $topic,
            ", s.weight_quarters, s.n_queries, s.first_seen, s.last_seen, s.n_hits, \
             s.gap_sum_minutes, s.gap_square_sum, s.n_documents, o.level, o.set_at FROM ",
            $from
        )
    };
}

const ALL: &str = select_topics!(
    "t.topic",
    "topics t LEFT JOIN topic_totals s USING (topic) LEFT JOIN interest_overrides o USING (topic)"
);
const BY_ID: &str = select_topics!(
    "t.topic",
    "topics t LEFT JOIN topic_totals s USING (topic) LEFT JOIN interest_overrides o USING (topic) \
     WHERE t.topic = ?1"
);
const BY_WEIGHT: &str = select_topics!(
    "s.topic",
    "topic_totals s LEFT JOIN interest_overrides o USING (topic) \
     ORDER BY s.weight_quarters DESC LIMIT ?1"
);
const BY_RECENCY: &str = select_topics!(
    "s.topic",
    "topic_totals s LEFT JOIN interest_overrides o USING (topic) \
     ORDER BY s.last_seen DESC LIMIT ?1"
);
const BY_HAND: &str =
    select_topics!("o.topic", "interest_overrides o LEFT JOIN topic_totals s USING (topic)");

fn aggregate_of(row: &Row<'_>) -> rusqlite::Result<(i64, Aggregate)> {
    let count = |idx: usize| row.get::<_, Option<i64>>(idx).map(|n| n.map_or(0, natural));
    let set_at: Option<i64> = row.get(10)?;
    let moment = |idx: usize| -> rusqlite::Result<i64> {
        // One that was set by hand and never met is as old as the owner's word.
        Ok(row.get::<_, Option<i64>>(idx)?.or(set_at).unwrap_or(0))
    };
    let aggregate = Aggregate {
        weight_quarters: count(1)?,
        n_queries: count(2)?,
        first_seen_ms: moment(3)?,
        last_seen_ms: moment(4)?,
        n_hits: count(5)?,
        gap_sum_minutes: count(6)?,
        gap_square_sum: count(7)?,
        n_documents: count(8)?,
        owner: row.get(9)?,
    };
    Ok((row.get(0)?, aggregate))
}

/// A focus area that was not forgotten.
struct Focus {
    key: String,
    name: String,
    /// The topic that it is, where there is one.
    topic: Option<i64>,
}

fn focuses_of(connection: &Connection, focus_areas: &[String]) -> Result<Vec<Focus>> {
    let mut focuses = Vec::new();
    for name in focus_areas {
        let key = topic::key(name);
        let topic = views::known_topic(connection, &key)?;
        if !key.is_empty() && (topic.is_some() || !views::is_forgotten(connection, &key)?) {
            focuses.push(Focus { key, name: name.clone(), topic });
        }
    }
    Ok(focuses)
}

/// A focus is an interest of at least [`FOCUS_CONFIDENCE`], unless the owner said otherwise.
fn add_focuses(
    weighed: &mut Vec<Weighed>,
    focuses: Vec<Focus>,
    now_ms: i64,
    config: &InterestConfig,
) {
    for focus in focuses {
        let known = weighed.iter_mut().find(|other| match (focus.topic, &other.focus) {
            (Some(topic), _) => other.topic == Some(topic),
            (None, Some(other)) => other.key == focus.key,
            (None, None) => false,
        });
        if let Some(known) = known {
            if known.origin == InterestOrigin::Learned
                && known.interest.confidence < FOCUS_CONFIDENCE
            {
                known.origin = InterestOrigin::Focus;
                known.interest.confidence = FOCUS_CONFIDENCE;
                known.interest.level = interest::level(FOCUS_CONFIDENCE);
            }
            continue;
        }
        // As if the owner had set it.
        let aggregate =
            Aggregate { first_seen_ms: now_ms, last_seen_ms: now_ms, ..Aggregate::default() };
        let set = Aggregate { owner: Some(FOCUS_CONFIDENCE), ..aggregate };
        let interest = interest::interest(&set, now_ms, config);
        let (topic, origin) = (focus.topic, InterestOrigin::Focus);
        weighed.push(Weighed { topic, focus: Some(focus), origin, aggregate, interest });
    }
}

fn pairs_among(
    connection: &Connection,
    interests: &[(Option<i64>, TopicInterest)],
    config: &InterestConfig,
) -> Result<Vec<(usize, usize)>> {
    let least = integer(config.min_co_occurrence);
    let places: HashMap<i64, usize> =
        interests.iter().enumerate().filter_map(|(at, (id, _))| Some(((*id)?, at))).collect();
    let mut statement = sql(connection.prepare_cached(
        "SELECT b FROM topic_pairs WHERE a = ?1 AND co_occurrence_count >= ?2 \
         ORDER BY co_occurrence_count DESC, b LIMIT ?3",
    ))?;
    let mut pairs = Vec::new();
    for (at, (id, _)) in interests.iter().enumerate().take(usize::from(PAIRED)) {
        let Some(id) = id else { continue };
        let rows = sql(statement.query_map(params![id, least, PAIRED], |row| row.get(0)))?;
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
