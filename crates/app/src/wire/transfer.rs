//! What `memory export` writes and `memory import` reads: format `ragged-memory`, version 1.
//!
//! The structures go both ways, and refuse fields that they do not know: what cannot be kept is
//! not silently dropped. A new field is a new version.

use std::fmt;

use ragged::memory::{
    self, Feedback, InteractionKind, InterestLevel, JudgedBy, RecordedTopic, TopicSource,
    TransferRow,
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

pub(crate) const FORMAT: &str = "ragged-memory";
pub(crate) const VERSION: u32 = 1;
/// The arrays of rows, in the order in which they are written.
pub(crate) const SECTIONS: [&str; 9] = [
    "topics",
    "aliases",
    "projects",
    "facts",
    "fact_versions",
    "kept_contradictions",
    "relationships",
    "tests",
    "interactions",
];

/// A moment: text as in RFC 3339; a number of milliseconds where the calendar does not reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) i64);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => serializer.collect_str(&time),
            Err(_) => serializer.serialize_i64(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Moment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time such as 2026-03-31T12:00:00Z")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Moment, E> {
                text.parse::<jiff::Timestamp>()
                    .map(|time| Moment(time.as_millisecond()))
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_i64<E: de::Error>(self, ms: i64) -> Result<Moment, E> {
                Ok(Moment(ms))
            }

            fn visit_u64<E: de::Error>(self, ms: u64) -> Result<Moment, E> {
                i64::try_from(ms)
                    .map(Moment)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(ms), &self))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// The hash of a document's contents, as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentHash(pub(crate) [u8; 16]);

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", u128::from_be_bytes(self.0)))
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u128::from_str_radix(&text, 16) {
            Ok(hash) if is_hex => Ok(Self(hash.to_be_bytes())),
            _ => Err(de::Error::invalid_value(
                de::Unexpected::Str(&text),
                &"32 hexadecimal digits of a content hash",
            )),
        }
    }
}

/// What the owner said of the persona, and agreed to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Persona {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) focus_areas: Vec<String>,
    pub(crate) active_projects: Vec<String>,
    pub(crate) collections: Vec<String>,
    pub(crate) response_style: String,
    pub(crate) detail_level: String,
    pub(crate) citation_style: String,
    pub(crate) created_at: Moment,
    pub(crate) consent: Consent,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Consent {
    pub(crate) recording: String,
    pub(crate) learning: bool,
    pub(crate) personalised: bool,
}

impl From<&memory::Persona> for Persona {
    fn from(persona: &memory::Persona) -> Self {
        let draft = &persona.draft;
        Self {
            name: persona.name.as_str().to_owned(),
            description: draft.description.clone(),
            focus_areas: draft.focus_areas.clone(),
            active_projects: draft.active_projects.clone(),
            collections: draft.collections.iter().map(|name| name.as_str().to_owned()).collect(),
            response_style: draft.response_style.as_str().to_owned(),
            detail_level: draft.detail_level.as_str().to_owned(),
            citation_style: draft.citation_style.as_str().to_owned(),
            created_at: Moment(persona.created_ms),
            consent: Consent {
                recording: persona.recording.as_str().to_owned(),
                learning: persona.is_learning,
                personalised: persona.is_personalised,
            },
        }
    }
}

impl Persona {
    /// What its owner said of it.
    pub(crate) fn draft(&self) -> ragged::error::Result<memory::PersonaDraft> {
        Ok(memory::PersonaDraft {
            description: self.description.clone(),
            focus_areas: self.focus_areas.clone(),
            active_projects: self.active_projects.clone(),
            collections: self
                .collections
                .iter()
                .map(|name| name.parse())
                .collect::<ragged::error::Result<_>>()?,
            response_style: self.response_style.parse()?,
            detail_level: self.detail_level.parse()?,
            citation_style: self.citation_style.parse()?,
        })
    }
}

/// Words of the JSON and what they stand for.
macro_rules! words {
    ($name:ident, $of:ty { $($word:literal = $value:expr),* $(,)? }) => {
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub(crate) struct $name(pub(crate) $of);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $(if self.0 == $value { return serializer.serialize_str($word); })*
                Err(serde::ser::Error::custom("a value without a word"))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                match text.as_str() {
                    $($word => Ok(Self($value)),)*
                    _ => Err(de::Error::unknown_variant(&text, &[$($word),*])),
                }
            }
        }
    };
}

words!(Judgement, Feedback { "positive" = Feedback::Good, "negative" = Feedback::Bad });
words!(Kind, InteractionKind {
    "query" = InteractionKind::Query,
    "search" = InteractionKind::Search,
    "chat" = InteractionKind::Chat,
});
words!(Judge, JudgedBy { "file" = JudgedBy::File, "feedback" = JudgedBy::Feedback });
words!(Source, TopicSource { "query" = TopicSource::Query, "document" = TopicSource::Document });

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Interaction {
    pub(crate) id: String,
    pub(crate) persona: String,
    pub(crate) timestamp: Moment,
    pub(crate) kind: Kind,
    pub(crate) query: String,
    pub(crate) response: Option<String>,
    pub(crate) session_id: String,
    pub(crate) feedback: Option<Judgement>,
    pub(crate) correction: Option<String>,
    pub(crate) model_used: Option<String>,
    pub(crate) latency_ms: Option<f64>,
    pub(crate) learned: bool,
    pub(crate) topics: Vec<InteractionTopic>,
    pub(crate) documents: Vec<InteractionDocument>,
    pub(crate) metadata: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InteractionTopic {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) score: f32,
    pub(crate) source: Source,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InteractionDocument {
    pub(crate) rank: u32,
    pub(crate) content_hash: ContentHash,
    pub(crate) path: String,
    pub(crate) title: Option<String>,
    pub(crate) doc_type: String,
    pub(crate) score: f32,
    pub(crate) cited: bool,
}

impl From<memory::Interaction> for Interaction {
    fn from(known: memory::Interaction) -> Self {
        Self {
            id: known.id,
            persona: known.persona,
            timestamp: Moment(known.timestamp_ms),
            kind: Kind(known.kind),
            query: known.query,
            response: known.response,
            session_id: known.session_id,
            feedback: known.feedback.map(Judgement),
            correction: known.correction,
            model_used: known.model_used,
            latency_ms: known.latency_ms,
            learned: known.is_learned,
            topics: known
                .topics
                .into_iter()
                .map(|topic| InteractionTopic {
                    key: topic.key,
                    name: topic.name,
                    score: topic.score,
                    source: Source(topic.source),
                })
                .collect(),
            documents: known
                .documents
                .into_iter()
                .map(|document| InteractionDocument {
                    rank: document.rank,
                    content_hash: ContentHash(document.content_hash),
                    path: document.path,
                    title: document.title,
                    doc_type: document.doc_type,
                    score: document.score,
                    cited: document.is_cited,
                })
                .collect(),
            metadata: known.metadata,
        }
    }
}

impl From<Interaction> for memory::Interaction {
    fn from(read: Interaction) -> Self {
        Self {
            id: read.id,
            persona: read.persona,
            query: read.query,
            response: read.response,
            timestamp_ms: read.timestamp.0,
            model_used: read.model_used,
            latency_ms: read.latency_ms,
            feedback: read.feedback.map(|judgement| judgement.0),
            correction: read.correction,
            session_id: read.session_id,
            kind: read.kind.0,
            is_learned: read.learned,
            metadata: read.metadata,
            documents: read
                .documents
                .into_iter()
                .map(|document| memory::RetrievedDocument {
                    content_hash: document.content_hash.0,
                    title: document.title,
                    path: document.path,
                    doc_type: document.doc_type,
                    rank: document.rank,
                    score: document.score,
                    is_cited: document.cited,
                })
                .collect(),
            topics: read
                .topics
                .into_iter()
                .map(|topic| RecordedTopic {
                    key: topic.key,
                    name: topic.name,
                    score: topic.score,
                    source: topic.source.0,
                })
                .collect(),
        }
    }
}

/// Structures whose fields map one to one.
macro_rules! rows {
    ($($name:ident { $($field:ident : $kind:ty = $of:ident),* $(,)? })*) => {
        $(
            #[derive(Debug, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            #[allow(clippy::struct_field_names, reason = "fields are named as in the file")]
            pub(crate) struct $name { $(pub(crate) $field: $kind),* }

            impl From<memory::$name> for $name {
                fn from(row: memory::$name) -> Self {
                    Self { $($field: Field::out(row.$of)),* }
                }
            }

            impl From<$name> for memory::$name {
                fn from(row: $name) -> Self {
                    Self { $($of: Field::back(row.$field)),* }
                }
            }
        )*
    };
}

/// A field on the inside, and what stands for it outside.
trait Field<Inside> {
    fn out(inside: Inside) -> Self;
    fn back(self) -> Inside;
}

macro_rules! as_it_is {
    ($($kind:ty),*) => { $(
        impl Field<$kind> for $kind {
            fn out(inside: $kind) -> Self { inside }
            fn back(self) -> $kind { self }
        }
    )* };
}

as_it_is!(String, Option<String>, i64, u32, u64, f32, f64, bool);

impl Field<i64> for Moment {
    fn out(inside: i64) -> Self {
        Self(inside)
    }

    fn back(self) -> i64 {
        self.0
    }
}

impl Field<Option<i64>> for Option<Moment> {
    fn out(inside: Option<i64>) -> Self {
        inside.map(Moment)
    }

    fn back(self) -> Option<i64> {
        self.map(|moment| moment.0)
    }
}

/// An interest that was set by hand.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Level {
    level: f64,
    set_at: Moment,
}

impl Field<Option<InterestLevel>> for Option<Level> {
    fn out(inside: Option<InterestLevel>) -> Self {
        inside.map(|set| Level { level: set.level, set_at: Moment(set.set_at_ms) })
    }

    fn back(self) -> Option<InterestLevel> {
        self.map(|set| InterestLevel { level: set.level, set_at_ms: set.set_at.0 })
    }
}

impl Field<Vec<memory::TestedQuestion>> for Vec<TestedQuestion> {
    fn out(inside: Vec<memory::TestedQuestion>) -> Self {
        inside.into_iter().map(TestedQuestion::from).collect()
    }

    fn back(self) -> Vec<memory::TestedQuestion> {
        self.into_iter().map(memory::TestedQuestion::from).collect()
    }
}

impl Field<Option<memory::Measures>> for Option<Measures> {
    fn out(inside: Option<memory::Measures>) -> Self {
        inside.map(Measures::from)
    }

    fn back(self) -> Option<memory::Measures> {
        self.map(memory::Measures::from)
    }
}

impl Field<Option<JudgedBy>> for Option<Judge> {
    fn out(inside: Option<JudgedBy>) -> Self {
        inside.map(Judge)
    }

    fn back(self) -> Option<JudgedBy> {
        self.map(|judge| judge.0)
    }
}

rows! {
    TransferTopic {
        key: String = key,
        name: String = name,
        category: String = category,
        frequency: u64 = frequency,
        first_seen: Option<Moment> = first_seen_ms,
        last_seen: Option<Moment> = last_seen_ms,
        set_by_hand: Option<Level> = level,
    }
    TopicAlias { key: String = key, topic: String = topic }
    TransferProject {
        name: String = name,
        description: String = description,
        status: String = status,
        started_at: Moment = started_at_ms,
        ended_at: Option<Moment> = ended_at_ms,
    }
    TransferFact {
        id: String = id,
        fact_type: String = fact_type,
        content: String = content,
        valid_from: Moment = valid_from_ms,
        valid_to: Option<Moment> = valid_to_ms,
        confidence: f64 = confidence,
        source: Option<String> = source,
        metadata: Option<String> = metadata,
        created_at: Moment = created_at_ms,
        version: i64 = version,
    }
    Fact {
        fact_id: String = id,
        version: u32 = version,
        fact_type: String = fact_type,
        content: String = content,
        valid_from: Moment = valid_from_ms,
        valid_to: Option<Moment> = valid_to_ms,
        confidence: f64 = confidence,
        source: Option<String> = source,
        known_from: Moment = known_from_ms,
        known_to: Option<Moment> = known_to_ms,
        update_reason: String = reason,
    }
    KeptContradiction { a: String = a, b: String = b, kept_at: Moment = kept_at_ms }
    Relationship {
        a: String = a,
        b: String = b,
        co_occurrence_count: u64 = co_occurrence_count,
    }
    RankingTest {
        id: String = id,
        name: Option<String> = name,
        started_at: Moment = started_ms,
        k: u64 = k,
        alpha: f32 = alpha,
        interests: u64 = n_interests,
        rounds: u64 = n_rounds,
        questions: Vec<TestedQuestion> = questions,
    }
    TestedQuestion {
        query: String = query,
        judged_by: Option<Judge> = judged_by,
        without: Option<Measures> = off,
        with: Option<Measures> = on,
        without_ms: f64 = off_ms,
        with_ms: f64 = on_ms,
        moved: bool = is_moved,
    }
    Measures { ndcg: f64 = ndcg, precision: f64 = precision, mrr: f64 = mrr, recall: f64 = recall }
}

/// A row as it is written.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Line {
    Topic(TransferTopic),
    Alias(TopicAlias),
    Project(TransferProject),
    Fact(TransferFact),
    FactVersion(Fact),
    Kept(KeptContradiction),
    Relationship(Relationship),
    Test(RankingTest),
    Interaction(Interaction),
}

impl From<TransferRow> for Line {
    fn from(row: TransferRow) -> Self {
        match row {
            TransferRow::Topic(row) => Self::Topic(row.into()),
            TransferRow::Alias(row) => Self::Alias(row.into()),
            TransferRow::Project(row) => Self::Project(row.into()),
            TransferRow::Fact(row) => Self::Fact(row.into()),
            TransferRow::FactVersion(row) => Self::FactVersion(row.into()),
            TransferRow::Kept(row) => Self::Kept(row.into()),
            TransferRow::Relationship(row) => Self::Relationship(row.into()),
            TransferRow::Test(row) => Self::Test(row.into()),
            TransferRow::Interaction(row) => Self::Interaction(row.into()),
        }
    }
}

impl Line {
    /// Which of [`SECTIONS`] it belongs to.
    pub(crate) fn section(&self) -> usize {
        match self {
            Self::Topic(_) => 0,
            Self::Alias(_) => 1,
            Self::Project(_) => 2,
            Self::Fact(_) => 3,
            Self::FactVersion(_) => 4,
            Self::Kept(_) => 5,
            Self::Relationship(_) => 6,
            Self::Test(_) => 7,
            Self::Interaction(_) => 8,
        }
    }
}

/// How many rows of each kind.
#[derive(Debug, Serialize)]
pub(crate) struct Counts {
    pub(crate) interactions: u64,
    pub(crate) topics: u64,
    pub(crate) aliases: u64,
    pub(crate) projects: u64,
    pub(crate) facts: u64,
    pub(crate) fact_versions: u64,
    pub(crate) kept_contradictions: u64,
    pub(crate) relationships: u64,
    pub(crate) tests: u64,
}

impl From<&memory::TransferCounts> for Counts {
    fn from(counts: &memory::TransferCounts) -> Self {
        let memory::TransferCounts {
            interactions,
            topics,
            aliases,
            projects,
            facts,
            fact_versions,
            kept_contradictions,
            relationships,
            tests,
        } = *counts;
        Self {
            interactions,
            topics,
            aliases,
            projects,
            facts,
            fact_versions,
            kept_contradictions,
            relationships,
            tests,
        }
    }
}
