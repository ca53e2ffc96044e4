//! Candidates → hits: the order that a profile and a favoured time give, then the text of the best.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Library,
    passages::Passages,
    personal,
    search::{Hit, HitFile, HitTaste, MatchedChunk, PersonalPlan, SearchRequest, Wording, traced},
};
use crate::{
    error::Result,
    id::ChunkId,
    lexical::Language,
    ranking::{
        Adjusted, Adjustment, FusedHit, PersonalPart, PersonalWeights, Profile, TimeFavour,
        TimePart, TimeWeights, adjust, personal_part,
    },
    retrieval::SearchTimings,
    store::{ChunkPlace, DocumentRow},
    telemetry::Stage,
};

/// What has been read for one question.
#[derive(Clone, Debug, Default)]
pub(super) struct Read {
    places: BTreeMap<ChunkId, Option<Arc<ChunkPlace>>>,
    /// Hashes of the contents of chunks' documents.
    contents: BTreeMap<ChunkId, [u8; 16]>,
    passages: BTreeMap<ChunkId, Option<Arc<Passage>>>,
}

/// What was read for a question before, and what is read now.
#[derive(Debug, Default)]
pub(super) struct Known {
    before: Arc<Read>,
    now: Read,
}

/// A passage that may be shown.
#[derive(Debug)]
struct Passage {
    document: Arc<DocumentRow>,
    files: Arc<[HitFile]>,
    text: Arc<str>,
    highlights: Arc<[std::ops::Range<usize>]>,
}

impl Read {
    fn len(&self) -> usize {
        self.places.len() + self.contents.len() + self.passages.len()
    }

    pub(super) fn footprint_bytes(&self) -> usize {
        let places: usize = self.places.values().flatten().map(|place| place_bytes(place)).sum();
        let passages: usize = self.passages.values().flatten().map(|kept| kept.bytes()).sum();
        places + passages + self.len() * size_of::<(ChunkId, [usize; 4])>()
    }
}

impl Known {
    pub(super) fn before(before: &Arc<Read>) -> Self {
        Self { before: Arc::clone(before), now: Read::default() }
    }

    /// Whether anything was read now.
    pub(super) fn has_grown(&self) -> bool {
        self.now.len() > 0
    }

    /// All of it, for the next time.
    pub(super) fn into_read(self) -> Arc<Read> {
        if self.before.len() == 0 {
            return Arc::new(self.now);
        }
        let mut all = self.before.as_ref().clone();
        all.places.extend(self.now.places);
        all.contents.extend(self.now.contents);
        all.passages.extend(self.now.passages);
        Arc::new(all)
    }

    fn content(&self, chunk: ChunkId) -> Option<[u8; 16]> {
        self.before.contents.get(&chunk).or_else(|| self.now.contents.get(&chunk)).copied()
    }
}

fn place_bytes(place: &ChunkPlace) -> usize {
    size_of::<ChunkPlace>() + place.heading.len()
}

impl Passage {
    fn bytes(&self) -> usize {
        let files: usize = self.files.iter().map(|file| size_of_val(file) + file.path.len()).sum();
        size_of::<Self>()
            + files
            + self.text.len()
            + self.document.title.as_ref().map_or(0, String::len)
            + size_of_val(&*self.highlights)
    }
}

/// Candidates in the order in which they become hits.
pub(super) struct Order<'a> {
    adjusted: Adjustment<'a>,
    names: Option<(&'a Profile, PersonalWeights)>,
    pub(super) plan: Option<PersonalPlan>,
}

/// What hydration gives.
pub(super) struct Hydrated {
    pub(super) hits: Vec<Hit>,
    /// Texts that were needed.
    pub(super) n_texts: u64,
    /// Candidates that were looked at.
    pub(super) n_walked: usize,
}

/// A passage on its way to become a hit, with those that say the same.
struct Group {
    chunk: ChunkId,
    place: Arc<ChunkPlace>,
    merged: Vec<ChunkId>,
}

/// What became of a candidate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joined {
    /// It is not in this state of the library.
    Gone,
    /// It overlaps the passage of the group at this position.
    Overlaps(usize),
    /// It repeats it.
    Repeats(usize),
    /// It is the first of a new group.
    New,
}

impl Library {
    /// How many candidates may change places.
    pub(super) fn n_movable(&self, request: &SearchRequest) -> usize {
        request.k.saturating_mul(self.personalisation(request).retrieve_multiplier().max(1))
    }

    /// The order that a profile and a favoured time give; without either, that of the fused scores.
    #[expect(clippy::too_many_arguments, reason = "a step of a search, the same for two callers")]
    pub(super) fn order<'a>(
        &self,
        passages: &mut Passages<'_, '_>,
        request: &SearchRequest,
        profile: Option<&'a Profile>,
        fused: &'a [FusedHit],
        known: &mut Known,
        words: &Wording,
        timings: &mut SearchTimings,
    ) -> Result<Order<'a>> {
        if profile.is_none() && request.favour.is_none() {
            return Ok(Order { adjusted: adjust(fused, None, None), names: None, plan: None });
        }
        traced((&request.trace, Stage::Rerank), &mut timings.personal, || {
            let movable = fused.get(..self.n_movable(request)).unwrap_or(fused);
            let mut plan = None;
            let mut names = None;
            let mut taste_parts = None;
            if let Some(profile) = profile {
                let (snapshot, query) = words.get(self, request)?;
                let generation = passages.reader().generation()?;
                let settings = self.personalisation(request);
                let taste = self.taste(profile, settings, generation, (snapshot, query))?;
                let weights = personal::weights(settings, query);
                known.read_contents(passages, movable)?;
                // One that is gone becomes no hit.
                let chunks: Vec<_> = movable
                    .iter()
                    .map(|candidate| (candidate.chunk, known.content(candidate.chunk)))
                    .collect();
                let bearings = taste.bearings(&chunks).into_iter();
                let parts = bearings.map(|bearing| personal_part(bearing, &weights)).collect();
                plan = Some(PersonalPlan {
                    persona: profile.name.clone(),
                    alpha: weights.alpha,
                    candidates: movable.len(),
                    interests: taste.n_interests(),
                });
                names = Some((profile, weights));
                taste_parts = Some(parts);
            }
            let mut time_parts = None;
            if let Some(favour) = request.favour {
                time_parts = Some(self.time_parts(passages, request, favour, movable, known)?);
            }
            Ok(Order { adjusted: adjust(fused, taste_parts, time_parts), names, plan })
        })
    }

    fn time_parts(
        &self,
        passages: &mut Passages<'_, '_>,
        request: &SearchRequest,
        favour: TimeFavour,
        movable: &[FusedHit],
        known: &mut Known,
    ) -> Result<Vec<TimePart>> {
        let search = &self.settings.search;
        let weights =
            TimeWeights { weight: search.time_weight, decay_rate: search.time_decay_rate };
        let now_ms = self.clock.now_ms();
        let mut parts = Vec::with_capacity(movable.len());
        for candidate in movable {
            let time = match known.place(passages, candidate.chunk)? {
                Some(place) => document_time(passages, request, &place)?,
                None => None,
            };
            parts.push(TimePart::of(favour, time, now_ms, &weights));
        }
        Ok(parts)
    }

    /// Reads the text of the best `n_hits` hits, joining those that overlap or repeat each other
    /// within a document.
    pub(super) fn hydrate(
        &self,
        passages: &mut Passages<'_, '_>,
        request: &SearchRequest,
        n_hits: usize,
        order: &Order<'_>,
        known: &mut Known,
        words: &Wording,
    ) -> Result<Hydrated> {
        let base = order.adjusted.fused();
        let mut groups: Vec<Group> = Vec::with_capacity(n_hits.min(base.len()));
        let mut heads: Vec<Adjusted> = Vec::with_capacity(groups.capacity());
        let (mut n_texts, mut n_walked) = (0, 0);
        let mut read = Reading { library: self, passages, request, words, known };
        for candidate in order.adjusted.iter() {
            if groups.len() == n_hits {
                break;
            }
            n_walked += 1;
            match read.join(&mut groups, candidate.fused.chunk)? {
                Joined::Gone | Joined::Overlaps(_) => {}
                Joined::Repeats(_) => n_texts += 1,
                Joined::New => {
                    n_texts += 1;
                    heads.push(candidate.into_owned());
                }
            }
        }
        let base_ranks = if order.adjusted.is_changed() {
            read.base_ranks(base, &groups)?
        } else {
            (1..=groups.len()).collect()
        };
        let mut hits = Vec::with_capacity(groups.len());
        for ((group, head), base_rank) in groups.into_iter().zip(heads).zip(base_ranks) {
            let Some(passage) = read.passage(&group.place)? else { continue };
            let personal = order
                .names
                .as_ref()
                .zip(head.personal.as_ref())
                .map(|((profile, weights), part)| taste_of(profile, weights, part, &head));
            hits.push(Hit {
                rank: hits.len() + 1,
                score: head.score,
                base_rank,
                fused: head.fused,
                personal,
                time: head.time,
                chunk: MatchedChunk {
                    ordinal: group.chunk.0.saturating_sub(passage.document.chunks.first.0),
                    place: group.place,
                },
                document: Arc::clone(&passage.document),
                files: Arc::clone(&passage.files),
                text: Arc::clone(&passage.text),
                highlights: Arc::clone(&passage.highlights),
                merged: group.merged,
            });
        }
        Ok(Hydrated { hits, n_texts, n_walked })
    }
}

impl Known {
    /// Reads what a profile is asked about, for all chunks at once.
    fn read_contents(
        &mut self,
        passages: &mut Passages<'_, '_>,
        candidates: &[FusedHit],
    ) -> Result<()> {
        let chunks = candidates.iter().map(|candidate| candidate.chunk);
        let unknown: Vec<ChunkId> = chunks.filter(|chunk| self.content(*chunk).is_none()).collect();
        if !unknown.is_empty() {
            self.now.contents.extend(passages.places(&unknown)?);
        }
        Ok(())
    }

    /// The place of a chunk; `None` if the state does not have it.
    fn place(
        &mut self,
        passages: &mut Passages<'_, '_>,
        chunk: ChunkId,
    ) -> Result<Option<Arc<ChunkPlace>>> {
        // A derived index may know chunks that this reader's state does not, and the other way
        // round.
        let known = self.before.places.get(&chunk).or_else(|| self.now.places.get(&chunk));
        if let Some(place) = known {
            return Ok(place.clone());
        }
        let place = passages.place(chunk)?.map(Arc::new);
        self.now.places.insert(chunk, place.clone());
        Ok(place)
    }
}

/// What is needed to read passages for one question.
struct Reading<'a, 'p, 'r, 's> {
    library: &'a Library,
    passages: &'p mut Passages<'r, 's>,
    request: &'a SearchRequest,
    words: &'a Wording,
    known: &'a mut Known,
}

impl Reading<'_, '_, '_, '_> {
    fn passage(&mut self, place: &ChunkPlace) -> Result<Option<Arc<Passage>>> {
        let Known { before, now } = &*self.known;
        if let Some(passage) =
            before.passages.get(&place.id).or_else(|| now.passages.get(&place.id))
        {
            return Ok(passage.clone());
        }
        let passage = match self.passages.document(place.document)? {
            None => None,
            Some(document) => {
                let text = self.passages.text(place)?;
                let files = files_of(self.passages, self.request, &document)?;
                let language: Option<Language> =
                    document.language.as_deref().and_then(|language| language.parse().ok());
                let (words, query) = self.words.get(self.library, self.request)?;
                let highlights = words.highlights(query, language, &text);
                Some(Arc::new(Passage {
                    document: Arc::new(document),
                    files: files.into(),
                    text: text.into(),
                    highlights: highlights.into(),
                }))
            }
        };
        self.known.now.passages.insert(place.id, passage.clone());
        Ok(passage)
    }

    /// Puts a candidate into the group whose passage it overlaps or repeats, or into a new one.
    fn join(&mut self, groups: &mut Vec<Group>, chunk: ChunkId) -> Result<Joined> {
        let Some(place) = self.known.place(self.passages, chunk)? else {
            return Ok(Joined::Gone);
        };
        let of_document = |group: &Group| group.place.document == place.document;
        let overlapping =
            groups.iter().position(|group| of_document(group) && overlap(&group.place, &place));
        if let Some(at) = overlapping {
            groups[at].merged.push(chunk);
            return Ok(Joined::Overlaps(at));
        }
        for (at, group) in groups.iter_mut().enumerate() {
            // Texts of different lengths need not be read to know that they differ.
            if of_document(group)
                && group.place.span.len() == place.span.len()
                && let Some(first) = self.passage(&group.place)?
                && let Some(second) = self.passage(&place)?
                && first.text == second.text
            {
                group.merged.push(chunk);
                return Ok(Joined::Repeats(at));
            }
        }
        groups.push(Group { chunk, place, merged: Vec::new() });
        Ok(Joined::New)
    }

    /// The ranks that hits have in the order of the fused scores.
    fn base_ranks(&mut self, base: &[FusedHit], hits: &[Group]) -> Result<Vec<usize>> {
        let mut groups = Vec::with_capacity(hits.len());
        let mut ranks = vec![0; hits.len()];
        let mut n_open = hits.len();
        for candidate in base {
            if n_open == 0 {
                break;
            }
            let rank = match self.join(&mut groups, candidate.chunk)? {
                Joined::Gone => continue,
                Joined::Overlaps(at) | Joined::Repeats(at) => at + 1,
                Joined::New => groups.len(),
            };
            let hit = hits.iter().position(|hit| hit.chunk == candidate.chunk);
            if let Some(hit) = hit {
                ranks[hit] = rank;
                n_open -= 1;
            }
        }
        Ok(ranks)
    }
}

fn files_of(
    passages: &mut Passages<'_, '_>,
    request: &SearchRequest,
    document: &DocumentRow,
) -> Result<Vec<HitFile>> {
    let mut files = passages.files(document.id)?;
    files.sort_by_key(|file| !request.filter.admits(document, file));
    let files = files.into_iter().map(|file| HitFile {
        path: file.path,
        modified_ns: file.modified_ns,
        collection: file.collection,
    });
    Ok(files.collect())
}

/// A document's time: when the file to show was last changed. Unix milliseconds.
fn document_time(
    passages: &mut Passages<'_, '_>,
    request: &SearchRequest,
    place: &ChunkPlace,
) -> Result<Option<i64>> {
    let Some(document) = passages.document(place.document)? else { return Ok(None) };
    let files = files_of(passages, request, &document)?;
    Ok(files.first().map(|file| document.time_ms(&file.path, file.modified_ns)))
}

/// The personal part of a hit in points of its score, by name.
fn taste_of(
    profile: &Profile,
    weights: &PersonalWeights,
    part: &PersonalPart,
    head: &Adjusted,
) -> HitTaste {
    // What time takes, it takes of all that was there before.
    let left = head.time.as_ref().map_or(1.0, |time| 1.0 - time.weight);
    let points = left * part.alpha;
    let [b_topic, b_history, b_pairs] = weights.shares();
    let mut topics: Vec<(String, f32)> = part
        .topics
        .iter()
        .filter_map(|(at, weight)| {
            let topic = profile.topics.get(*at)?;
            Some((topic.name.clone(), points * b_topic * weight))
        })
        .collect();
    topics.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    HitTaste {
        base_part: left * (1.0 - part.alpha) * head.fused.score.clamp(0.0, 1.0),
        topic: part.topic,
        topic_part: points * b_topic * part.topic,
        history: part.history,
        history_part: points * b_history * part.history,
        co_occurrence: part.co_occurrence,
        co_occurrence_part: points * b_pairs * part.co_occurrence,
        topics,
    }
}

fn overlap(a: &ChunkPlace, b: &ChunkPlace) -> bool {
    a.span.start < b.span.end && b.span.start < a.span.end
}
