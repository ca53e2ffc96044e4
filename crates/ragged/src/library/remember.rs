//! An answered question → what is recorded of it.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use super::{Answered, HitFile, SearchResponse};
use crate::{
    chunk::HEADING_SEPARATOR,
    memory::{
        FoundDocument, InteractionKind, NewInteraction, Preparation, RecordedTopic, TopicSource,
        redact,
        topic::{Extractor, Passage},
    },
    store::{ChunkPlace, DocumentRow},
};

/// Hits whose topics are looked at: those that a person sees first.
const READ_HITS: usize = 3;
/// Topics of what was found that are recorded; more would be noise about one passage.
const FOUND_TOPICS: usize = 5;

/// A question that was asked, apart from what was found.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The interaction's id; see [`NewInteraction::new_id`].
    pub id: String,
    /// The question as it was typed.
    pub question: String,
    /// What it was asked with.
    pub kind: InteractionKind,
    /// When, Unix milliseconds.
    pub timestamp_ms: i64,
    /// Its session; `None` joins the last one, if that is not long ago.
    pub session_id: Option<String>,
    /// Whether it counts towards the interests.
    pub is_learned: bool,
    /// Whether personal data is replaced by markers before anything is made of the texts.
    pub is_redacted: bool,
}

/// What is to be recorded of a question: takes what it needs of the answer now, cheaply, and works
/// out the topics when it is called, on whatever thread.
pub fn recording(
    extractor: &Arc<Extractor>,
    asked: Asked,
    search: &SearchResponse,
    answered: Option<&Answered>,
) -> Preparation {
    let cited: Vec<usize> = answered
        .map(|answered| answered.citations.iter().map(|citation| citation.hit).collect())
        .unwrap_or_default();
    // Hits of which none was relevant were not shown, and say nothing of who asked.
    let is_shown = answered.is_none_or(|answered| !answered.text.is_empty());
    let hits = search.hits.iter().enumerate().filter(|_| is_shown);
    let shown: Vec<Shown> = hits
        .map(|(idx, hit)| {
            let is_cited = cited.contains(&idx);
            Shown {
                document: Arc::clone(&hit.document),
                files: Arc::clone(&hit.files),
                place: Arc::clone(&hit.chunk.place),
                text: Arc::clone(&hit.text),
                rank: hit.rank,
                score: hit.score,
                is_cited,
                is_read: is_cited || (cited.is_empty() && idx < READ_HITS),
            }
        })
        .collect();
    let response = answered.map(|answered| answered.text.clone()).filter(|text| !text.is_empty());
    let model_used = answered
        .map(|answered| answered.generator.clone().unwrap_or_else(|| "extractive".to_owned()));
    let latency_ms = Some(search.timings.total);
    let extractor = Arc::clone(extractor);
    Box::new(move || {
        let mut asked = asked;
        let mut response = response;
        if asked.is_redacted {
            asked.question = redact(&asked.question).into_owned();
            response = response.map(|response| redact(&response).into_owned());
        }
        let topics = if asked.is_learned {
            let read = shown.iter().filter(|hit| hit.is_read).take(READ_HITS);
            topics(&extractor, &asked, read)
        } else {
            Vec::new()
        };
        Ok(Some(NewInteraction {
            id: asked.id,
            query: asked.question,
            response,
            timestamp_ms: asked.timestamp_ms,
            model_used,
            latency_ms,
            session_id: asked.session_id,
            kind: asked.kind,
            documents: documents(&shown),
            topics,
            is_learned: asked.is_learned,
            metadata: None,
            feedback: None,
            correction: None,
        }))
    })
}

/// A hit that was shown, as far as it is recorded.
struct Shown {
    document: Arc<DocumentRow>,
    files: Arc<[HitFile]>,
    place: Arc<ChunkPlace>,
    text: Arc<str>,
    rank: usize,
    score: f32,
    is_cited: bool,
    /// Whether its topics are looked at.
    is_read: bool,
}

/// The documents of hits, each once, with the rank and the score of its first.
fn documents(shown: &[Shown]) -> Vec<FoundDocument> {
    let mut documents: Vec<FoundDocument> = Vec::new();
    for hit in shown {
        let known = documents
            .iter_mut()
            .find(|document| document.content_hash == hit.document.content_hash);
        match known {
            Some(document) => document.is_cited |= hit.is_cited,
            None => documents.push(FoundDocument {
                content_hash: hit.document.content_hash,
                title: hit.document.title.clone(),
                path: hit.files.first().map(|file| file.path.clone()).unwrap_or_default(),
                doc_type: hit.document.format.as_str().to_owned(),
                rank: u32::try_from(hit.rank).unwrap_or(u32::MAX),
                score: hit.score,
                is_cited: hit.is_cited,
            }),
        }
    }
    documents
}

fn topics<'a>(
    extractor: &Extractor,
    asked: &Asked,
    read: impl Iterator<Item = &'a Shown>,
) -> Vec<RecordedTopic> {
    let mut topics: Vec<RecordedTopic> = extractor
        .question(&asked.question)
        .into_iter()
        .map(|topic| RecordedTopic {
            key: topic.key,
            name: topic.name,
            score: topic.score as f32,
            source: TopicSource::Query,
        })
        .collect();
    // A topic of several passages counts by its best score.
    let mut found: BTreeMap<String, RecordedTopic> = BTreeMap::new();
    for hit in read {
        let headings: Vec<&str> =
            hit.place.heading.split(HEADING_SEPARATOR).filter(|part| !part.is_empty()).collect();
        let title = hit.document.title.as_deref().unwrap_or_default();
        let text: Cow<'_, str> =
            if asked.is_redacted { redact(&hit.text) } else { Cow::Borrowed(&hit.text) };
        for topic in extractor.passage(Passage { title, headings: &headings, text: &text }) {
            let score = topic.score as f32;
            let known = found.entry(topic.key.clone()).or_insert_with(|| RecordedTopic {
                key: topic.key,
                name: topic.name,
                score,
                source: TopicSource::Document,
            });
            known.score = known.score.max(score);
        }
    }
    let mut found: Vec<RecordedTopic> = found
        .into_values()
        .filter(|topic| topics.iter().all(|known| known.key != topic.key))
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.key.cmp(&b.key)));
    found.truncate(FOUND_TOPICS);
    topics.append(&mut found);
    topics
}
