//! What a persona remembers, as JSON that another ragged can read.

use ragged::memory::{
    self, Feedback, FoundDocument, InteractionKind, NewInteraction, RecordedTopic, TopicSource,
};
use serde::{Deserialize, Serialize};

/// Names the format.
pub(crate) const FORMAT: &str = "ragged-memory";
/// The version that is written, and the newest that is read.
pub(crate) const VERSION: u32 = 1;

/// A whole export, as it is read.
#[derive(Debug, Deserialize)]
pub(crate) struct Import {
    pub(crate) format: String,
    pub(crate) version: u32,
    #[serde(default)]
    pub(crate) topics: Vec<Topic>,
    #[serde(default)]
    pub(crate) projects: Vec<Project>,
    #[serde(default)]
    pub(crate) facts: Vec<Fact>,
    #[serde(default)]
    pub(crate) interactions: Vec<Interaction>,
}

/// A question with everything that is known of it. Times are Unix milliseconds beside their text,
/// so that nothing is lost.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Interaction {
    pub(crate) id: String,
    pub(crate) persona: String,
    pub(crate) query: String,
    pub(crate) response: Option<String>,
    pub(crate) timestamp: String,
    pub(crate) timestamp_ms: i64,
    pub(crate) session_id: String,
    pub(crate) kind: String,
    pub(crate) model_used: Option<String>,
    pub(crate) latency_ms: Option<f64>,
    pub(crate) feedback: Option<String>,
    pub(crate) correction: Option<String>,
    pub(crate) learned: bool,
    pub(crate) metadata: Option<String>,
    pub(crate) topics: Vec<MetTopic>,
    pub(crate) documents: Vec<Document>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MetTopic {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) score: f32,
    pub(crate) source: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Document {
    /// 32 hexadecimal digits.
    pub(crate) content_hash: String,
    pub(crate) title: Option<String>,
    pub(crate) path: String,
    #[serde(rename = "type")]
    pub(crate) doc_type: String,
    pub(crate) rank: u32,
    pub(crate) score: f32,
    pub(crate) cited: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Topic {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) frequency: u64,
    pub(crate) first_seen_ms: Option<i64>,
    pub(crate) last_seen_ms: Option<i64>,
    /// What the owner set.
    pub(crate) level: Option<f64>,
    pub(crate) set_at_ms: Option<i64>,
    pub(crate) aliases: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) status: String,
    pub(crate) started_ms: i64,
    pub(crate) ended_ms: Option<i64>,
}

/// One version of a fact.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Fact {
    pub(crate) id: String,
    pub(crate) version: u32,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) content: String,
    pub(crate) valid_from_ms: i64,
    pub(crate) valid_to_ms: Option<i64>,
    pub(crate) confidence: f64,
    pub(crate) source: Option<String>,
    pub(crate) known_from_ms: i64,
    pub(crate) known_to_ms: Option<i64>,
    pub(crate) reason: String,
}

/// Two topics met in one interaction.
#[derive(Debug, Serialize)]
pub(crate) struct Relationship {
    pub(crate) a: String,
    pub(crate) b: String,
    pub(crate) co_occurrence_count: u64,
}

impl From<memory::Interaction> for Interaction {
    fn from(known: memory::Interaction) -> Self {
        Self {
            id: known.id,
            persona: known.persona,
            query: known.query,
            response: known.response,
            timestamp: super::moment(known.timestamp_ms),
            timestamp_ms: known.timestamp_ms,
            session_id: known.session_id,
            kind: known.kind.as_str().to_owned(),
            model_used: known.model_used,
            latency_ms: known.latency_ms,
            feedback: known.feedback.map(|feedback| feedback.as_str().to_owned()),
            correction: known.correction,
            learned: known.is_learned,
            metadata: known.metadata,
            topics: known
                .topics
                .into_iter()
                .map(|topic| MetTopic {
                    key: topic.key,
                    name: topic.name,
                    score: topic.score,
                    source: super::topic_source(topic.source).to_owned(),
                })
                .collect(),
            documents: known
                .documents
                .into_iter()
                .map(|document| Document {
                    content_hash: format!("{:032x}", u128::from_be_bytes(document.content_hash)),
                    title: document.title,
                    path: document.path,
                    doc_type: document.doc_type,
                    rank: document.rank,
                    score: document.score,
                    cited: document.is_cited,
                })
                .collect(),
        }
    }
}

impl Interaction {
    /// As it is recorded; what is wrong with it otherwise.
    pub(crate) fn into_new(self) -> Result<NewInteraction, String> {
        let is_id = |id: &str| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_id(&self.id) {
            return Err(format!("{:?} is no id of an interaction", self.id));
        }
        let within = |what: String| format!("interaction {}: {what}", self.id);
        let kind = match self.kind.as_str() {
            "query" => InteractionKind::Query,
            "search" => InteractionKind::Search,
            "chat" => InteractionKind::Chat,
            other => return Err(within(format!("there is no kind {other:?}"))),
        };
        let feedback = match self.feedback.as_deref() {
            None => None,
            Some("positive") => Some(Feedback::Good),
            Some("negative") => Some(Feedback::Bad),
            Some(other) => return Err(within(format!("there is no feedback {other:?}"))),
        };
        let mut documents = Vec::new();
        for document in self.documents {
            let hash = u128::from_str_radix(&document.content_hash, 16)
                .map_err(|_| within(format!("{:?} is no hash", document.content_hash)))?;
            documents.push(FoundDocument {
                content_hash: hash.to_be_bytes(),
                title: document.title,
                path: document.path,
                doc_type: document.doc_type,
                rank: document.rank,
                score: document.score,
                is_cited: document.cited,
            });
        }
        let mut topics = Vec::new();
        for topic in self.topics {
            let source = match topic.source.as_str() {
                "query" => TopicSource::Query,
                "document" => TopicSource::Document,
                other => return Err(within(format!("there is no source {other:?}"))),
            };
            let (key, name, score) = (topic.key, topic.name, topic.score);
            topics.push(RecordedTopic { key, name, score, source });
        }
        Ok(NewInteraction {
            id: self.id,
            query: self.query,
            response: self.response,
            timestamp_ms: self.timestamp_ms,
            model_used: self.model_used,
            latency_ms: self.latency_ms,
            session_id: Some(self.session_id),
            kind,
            documents,
            topics,
            is_learned: self.learned,
            metadata: self.metadata,
            feedback,
            correction: self.correction,
        })
    }
}

impl From<&memory::TopicRecord> for Topic {
    fn from(known: &memory::TopicRecord) -> Self {
        Self {
            key: known.key.clone(),
            name: known.name.clone(),
            frequency: known.frequency,
            first_seen_ms: known.first_seen_ms,
            last_seen_ms: known.last_seen_ms,
            level: known.set.map(|set| set.0),
            set_at_ms: known.set.map(|set| set.1),
            aliases: known.aliases.clone(),
        }
    }
}

impl From<Topic> for memory::TopicRecord {
    fn from(read: Topic) -> Self {
        Self {
            key: read.key,
            name: read.name,
            frequency: read.frequency,
            first_seen_ms: read.first_seen_ms,
            last_seen_ms: read.last_seen_ms,
            set: read.level.zip(read.set_at_ms),
            aliases: read.aliases,
        }
    }
}

impl From<&memory::ProjectRecord> for Project {
    fn from(known: &memory::ProjectRecord) -> Self {
        Self {
            name: known.name.clone(),
            description: known.description.clone(),
            status: known.status.clone(),
            started_ms: known.started_ms,
            ended_ms: known.ended_ms,
        }
    }
}

impl From<Project> for memory::ProjectRecord {
    fn from(read: Project) -> Self {
        Self {
            name: read.name,
            description: read.description,
            status: read.status,
            started_ms: read.started_ms,
            ended_ms: read.ended_ms,
        }
    }
}

impl From<&memory::Fact> for Fact {
    fn from(known: &memory::Fact) -> Self {
        Self {
            id: known.id.clone(),
            version: known.version,
            kind: known.fact_type.clone(),
            content: known.content.clone(),
            valid_from_ms: known.valid_from_ms,
            valid_to_ms: known.valid_to_ms,
            confidence: known.confidence,
            source: known.source.clone(),
            known_from_ms: known.known_from_ms,
            known_to_ms: known.known_to_ms,
            reason: known.reason.clone(),
        }
    }
}

impl From<Fact> for memory::Fact {
    fn from(read: Fact) -> Self {
        Self {
            id: read.id,
            version: read.version,
            fact_type: read.kind,
            content: read.content,
            valid_from_ms: read.valid_from_ms,
            valid_to_ms: read.valid_to_ms,
            confidence: read.confidence,
            source: read.source,
            known_from_ms: read.known_from_ms,
            known_to_ms: read.known_to_ms,
            reason: read.reason,
        }
    }
}
