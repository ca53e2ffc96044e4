//! A ranking with a profile beside the one without, to the last candidate, and what made the
//! difference.

use std::collections::BTreeMap;

use super::{
    Library,
    hydrate::Known,
    passages::Passages,
    personal::{self, Taste},
    search::{Hit, PersonalPlan, SearchRequest, TRIES, Wording},
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    id::{ChunkId, DocumentId},
    lexical::LexicalQuery,
    ranking::{Fusion, PersonalWeights, Profile, fuse, personal_part},
    retrieval::SearchTimings,
    settings::SearchMode,
    store::{DocumentRow, FileRow},
};

/// A question's ranking with a profile and without, in one state of the library.
#[derive(Clone, Debug)]
pub struct BothRankings {
    /// With the profile, the best first, to the last passage that the question finds. The first
    /// are those that [`Library::search_for`] gives.
    pub with: Vec<ExplainedHit>,
    /// Without it; a time that is favoured is favoured here too. As many as in `with`.
    pub without: Vec<Hit>,
    /// What the profile was allowed to do; `None` where it can do nothing.
    pub personal: Option<PersonalPlan>,
    /// Words of the question, stop words apart: the more there are, the less is left to taste.
    pub n_words: usize,
    /// Whether the indexes reflect all that the library holds.
    pub is_level: bool,
}

/// A hit with all that a profile knows of it.
#[derive(Clone, Debug)]
pub struct ExplainedHit {
    /// As [`Library::search_for`] gives it.
    pub hit: Hit,
    /// Its rank without the profile.
    pub rank_without: usize,
    /// Its score without it.
    pub score_without: f32,
    /// Whether it was among the candidates that may change places.
    pub is_movable: bool,
    /// The interests that it is about, those that give the most first.
    pub interests: Vec<InterestShare>,
    /// What goes together: an interest that the question names, and one that the passage is about.
    pub pairs: Vec<(String, String)>,
    /// When the persona had the document last, Unix milliseconds, and whole days since then.
    pub last_had: Option<(i64, u32)>,
}

/// What one interest gives to a hit.
#[derive(Clone, Debug, PartialEq)]
pub struct InterestShare {
    /// What it is called.
    pub name: String,
    /// How sure it is, from 0 to 1.
    pub confidence: f32,
    /// How fresh, from 0 to 1.
    pub recency: f32,
    /// How much it tells passages of this library apart, from 0 to 1.
    pub specificity: f32,
    /// Whether the owner set it.
    pub is_pinned: bool,
    /// What it gives, in points of the score; 0 where the hit may not change places.
    pub part: f32,
}

impl Library {
    /// Ranks as [`search_for`](Self::search_for) does, with the profile and without, to the last
    /// candidate, and says what the profile knows of each. Nothing is kept in memory of it but
    /// what is kept of the profile.
    ///
    /// Reads the text of every candidate: some hundreds, where a search reads ten.
    ///
    /// # Errors
    ///
    /// As [`search`](Self::search).
    pub fn rank_both_ways(
        &self,
        request: &SearchRequest,
        profile: Option<&Profile>,
    ) -> Result<BothRankings> {
        for _ in 1..TRIES {
            let (both, is_overtaken) = self.both_in_one_state(request, profile)?;
            if !is_overtaken {
                return Ok(both);
            }
        }
        Ok(self.both_in_one_state(request, profile)?.0)
    }

    fn both_in_one_state(
        &self,
        request: &SearchRequest,
        profile: Option<&Profile>,
    ) -> Result<(BothRankings, bool)> {
        let profile = self.moving(request, profile);
        let reader = self.store.reader()?;
        let generation = reader.generation()?;
        if request.mode != SearchMode::Lexical {
            self.look_at_vectors(&reader)?;
        }
        let words = self.lexical.snapshot()?;
        let wanted = self.wanted(&reader, &words, request)?;
        let query = words.query(&request.query);
        let mut timings = SearchTimings::default();
        let (vector, lexical, reader) =
            self.both_sides(&wanted, (&words, &query), reader, generation, &mut timings)?;
        let fusion = Fusion { vector_weight: self.vector_weight(request.mode) };
        let fused = fuse(&vector.found.candidates, &lexical, fusion);

        let mut passages = Passages::of(&reader);
        let mut known = Known::default();
        let n_words = query.words.len();
        let words = Wording::of(words, query);
        let mut ranked = |profile| -> Result<(Vec<Hit>, Option<PersonalPlan>)> {
            let order = self.order(
                &mut passages,
                request,
                profile,
                &fused,
                &mut known,
                &words,
                &mut timings,
            )?;
            let n_all = fused.len();
            let found = self.hydrate(&mut passages, request, n_all, &order, &mut known, &words)?;
            Ok((found.hits, order.plan))
        };
        let (with, personal) = ranked(profile)?;
        let (without, _) = ranked(None)?;

        let places: BTreeMap<ChunkId, usize> =
            (0..).zip(&fused).map(|(position, candidate)| (candidate.chunk, position)).collect();
        // A passage may stand for another one of those that it was joined with.
        let before: BTreeMap<ChunkId, &Hit> = without
            .iter()
            .rev()
            .flat_map(|hit| chunks_of(hit).map(move |chunk| (chunk, hit)))
            .collect();
        let (snapshot, query) = words.get(self, request)?;
        let is_level = snapshot.stamp() >= generation.0
            && (vector.at >= generation || self.require_own_vectors_in(&reader).is_err());
        let taste = profile
            .map(|profile| {
                let settings = self.personalisation(request);
                self.taste(profile, settings, generation, (snapshot, query))
            })
            .transpose()?;
        let weights = personal::weights(self.personalisation(request), query);
        let n_movable = self.n_movable(request);
        let explained = with.into_iter().map(|hit| {
            let chunk = hit.chunk.place.id;
            let is_movable = places.get(&chunk).is_some_and(|position| *position < n_movable);
            let base = before.get(&chunk);
            let mut explained = ExplainedHit {
                rank_without: base.map_or(hit.base_rank, |hit| hit.rank),
                score_without: base.map_or(hit.fused.score, |hit| hit.score),
                is_movable,
                interests: Vec::new(),
                pairs: Vec::new(),
                last_had: None,
                hit,
            };
            if let (Some(taste), Some(profile)) = (&taste, profile) {
                explained.note(taste, profile, &weights, query);
            }
            explained
        });
        let both = BothRankings { with: explained.collect(), without, personal, n_words, is_level };
        Ok((both, self.is_overtaken(generation, snapshot)))
    }

    /// The document that a name means: the path of a file, the end of one in whole parts
    /// (`notes/tides.md`), or the id of a document.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is none; `Invalid` where the end of a path fits several documents.
    pub fn document_named(&self, name: &str) -> Result<DocumentRow> {
        let reader = self.store.reader()?;
        let mut meant = reader.file(name)?.map(|file| file.document);
        if meant.is_none() {
            let fitting: Vec<FileRow> =
                reader.files()?.into_iter().filter(|file| ends_in(&file.path, name)).collect();
            meant = fitting.first().map(|file| file.document);
            if fitting.iter().any(|file| Some(file.document) != meant) {
                let some: Vec<&str> =
                    fitting.iter().take(3).map(|file| file.path.as_str()).collect();
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!("{name:?} fits {} files", fitting.len()),
                )
                .with_hint(format!("give more of the path: {}", some.join(", "))));
            }
        }
        let id = meant.or_else(|| name.parse().ok().map(DocumentId));
        let document = id.map(|id| reader.document(id)).transpose()?.flatten();
        document.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("{name} is not in the library"))
                .with_hint("`ragged list` shows what is")
        })
    }

    /// The contents of the documents that names mean: paths of files, their ends in whole parts,
    /// both with and without the ending of the file's name. Names that fit none, or several, are
    /// left out.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn contents_named<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<BTreeMap<&'n str, [u8; 16]>> {
        // Of each name the document, `None` once there are two: of whole names, and of those
        // without ending, which count where there is no whole one.
        let mut meant: BTreeMap<&str, [Option<Option<DocumentId>>; 2]> =
            names.into_iter().map(|name| (name, [None; 2])).collect();
        let reader = self.store.reader()?;
        let mut note = |name: &str, way: usize, document: DocumentId| {
            if let Some(known) = meant.get_mut(name) {
                known[way] = match known[way] {
                    None => Some(Some(document)),
                    Some(before) => Some(before.filter(|before| *before == document)),
                };
            }
        };
        for file in reader.files().context_with(|| "looking for judged documents")? {
            for end in ends_of(&file.path) {
                note(end, 0, file.document);
                if let Some((stem, _)) = end.rsplit_once('.')
                    && !stem.is_empty()
                    && !stem.ends_with(is_separator)
                {
                    note(stem, 1, file.document);
                }
            }
        }
        let mut contents = BTreeMap::new();
        for (name, [whole, stem]) in meant {
            if let Some(id) = whole.or(stem).flatten()
                && let Some(document) = reader.document(id)?
            {
                contents.insert(name, document.content_hash);
            }
        }
        Ok(contents)
    }

    /// Whether a request may find a document at all.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn admits(&self, request: &SearchRequest, document: &DocumentRow) -> Result<bool> {
        let files = self.store.reader()?.files_of(document.id)?;
        Ok(files.iter().any(|file| request.filter.admits(document, file)))
    }
}

impl ExplainedHit {
    /// Notes what a profile knows of the hit.
    fn note(
        &mut self,
        taste: &Taste<'_>,
        profile: &Profile,
        weights: &PersonalWeights,
        query: &LexicalQuery,
    ) {
        let chunk = self.hit.chunk.place.id;
        let content = self.hit.document.content_hash;
        let bearing = taste.bearings(&[(chunk, Some(content))]).pop().unwrap_or_default();
        let last_had_ms = profile.documents.get(&content).copied();
        self.last_had = last_had_ms.zip(bearing.days_since_access);
        let part = personal_part(bearing, weights);
        // What time takes, it takes of all that was there before.
        let left = self.hit.time.as_ref().map_or(1.0, |time| 1.0 - time.weight);
        let [b_topic, ..] = weights.shares();
        let points = if self.is_movable { left * part.alpha * b_topic } else { 0.0 };
        let shares: BTreeMap<usize, f32> = part.topics.into_iter().collect();
        let share = |(at, specificity): (usize, f32)| {
            let topic = profile.topics.get(at)?;
            Some(InterestShare {
                name: topic.name.clone(),
                confidence: topic.confidence,
                recency: topic.recency,
                specificity,
                is_pinned: topic.pinned,
                part: points * shares.get(&at).copied().unwrap_or(0.0),
            })
        };
        self.interests = taste.interests_of(chunk).into_iter().filter_map(share).collect();
        self.interests.sort_by(|a, b| b.part.total_cmp(&a.part).then_with(|| a.name.cmp(&b.name)));
        let name = |at: usize| profile.topics.get(at).map(|topic| topic.name.clone());
        let pairs = taste.pairs_of(chunk, query).into_iter();
        self.pairs = pairs.filter_map(|(asked, found)| name(asked).zip(name(found))).collect();
    }
}

/// The chunks that a hit stands for.
fn chunks_of(hit: &Hit) -> impl Iterator<Item = ChunkId> {
    hit.merged.iter().copied().chain([hit.chunk.place.id])
}

fn is_separator(letter: char) -> bool {
    matches!(letter, '/' | '\\')
}

/// Whether a path is, or ends in, these whole parts.
fn ends_in(path: &str, end: &str) -> bool {
    path.strip_suffix(end).is_some_and(|before| {
        !end.is_empty() && (before.is_empty() || before.ends_with(is_separator))
    })
}

/// A path and its ends in whole parts.
fn ends_of(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices(is_separator).filter_map(|(at, _)| path.get(at + 1..));
    std::iter::once(path).chain(ends).filter(|end| !end.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_whole_parts() {
        assert!(ends_in("/notes/sea/tides.md", "sea/tides.md"));
        assert!(ends_in("/notes/sea/tides.md", "/notes/sea/tides.md"));
        assert!(ends_in(r"C:\notes\tides.md", "tides.md"));
        assert!(!ends_in("/notes/sea/tides.md", "a/tides.md"));
        assert!(!ends_in("/notes/sea/tides.md", "ides.md"));
        assert!(!ends_in("/notes/sea/tides.md", ""));
        let ends: Vec<&str> = ends_of("/notes/sea/tides.md").collect();
        assert_eq!(ends, ["/notes/sea/tides.md", "notes/sea/tides.md", "sea/tides.md", "tides.md"]);
    }
}
