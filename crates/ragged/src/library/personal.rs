//! What of a profile bears on which chunks, worked out once for a state of the library.
//!
//! For each interest the set of chunks that hold its words is kept, so that a search asks only
//! whether a candidate is in it: nothing is read from the text of candidates that are not shown.
//! Sets are kept for a persona, its revision, the least confidence that counts and the generation;
//! a new revision takes over the sets of the interests that stayed and drops those of the others.

use std::{
    collections::HashMap,
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{Library, SearchRequest};
use crate::{
    cache::{Cache, CacheStats, Footprint},
    error::{Context, Result},
    id::{ChunkId, Generation},
    lexical::{LexicalQuery, Snapshot as LexicalSnapshot},
    memory::{Persona, Recording},
    ranking::{Bearing, PersonalWeights, Profile, ProfileTopic, share, specificity, whole_days},
    settings::PersonalisationSettings,
};

/// Interests that are looked at, the strongest first; a bit for each in a word.
pub(super) const INTERESTS_MAX: usize = u64::BITS as usize;
/// Personas whose interests are kept in memory.
const PERSONAS_MAX: usize = 16;
/// Bytes that all of them may take.
const BYTES_MAX: usize = 32 << 20;

/// Why a profile changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmoved {
    /// Memory is off for the persona.
    NoConsent,
    /// Ranking by interests is off for all.
    SwitchedOff,
    /// Ranking by interests is off for the persona.
    NotForThePersona,
    /// α is 0.
    NoShare,
    /// The profile is empty.
    NothingKnown,
    /// No interest is as sure as it must be, and no document was had.
    NothingSure,
}

impl Unmoved {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoConsent => "memory-off",
            Self::SwitchedOff => "switched-off",
            Self::NotForThePersona => "switched-off-for-persona",
            Self::NoShare => "no-share",
            Self::NothingKnown => "nothing-known",
            Self::NothingSure => "nothing-sure",
        }
    }
}

/// All that decides which interests count, but for the profile's revision.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct InterestsKey {
    persona: Box<str>,
    generation: Generation,
    /// The least confidence that counts, as bits.
    threshold: u32,
}

/// The interests of the personas that asked last.
#[derive(Debug)]
pub(super) struct Profiles {
    cache: Cache<InterestsKey, Arc<Interests>>,
    newest: AtomicU64,
}

impl Default for Profiles {
    fn default() -> Self {
        Self { cache: Cache::new(PERSONAS_MAX, BYTES_MAX), newest: AtomicU64::new(0) }
    }
}

impl Profiles {
    /// What belongs to earlier generations is dropped.
    pub(super) fn begin(&self, generation: Generation) {
        if self.newest.fetch_max(generation.0, Ordering::SeqCst) < generation.0 {
            self.cache.retain(|kept| kept.generation >= generation);
        }
    }

    pub(super) fn forget(&self, persona: &str) {
        self.cache.retain(|kept| &*kept.persona != persona);
    }

    pub(super) fn clear(&self) {
        self.cache.clear();
    }

    pub(super) fn stats(&self) -> CacheStats {
        self.cache.stats()
    }
}

/// The interests of a profile that count, in one state of the library.
#[derive(Debug)]
pub(super) struct Interests {
    revision: u64,
    /// The strongest first.
    counting: Vec<Interest>,
    /// Those of them that go together, as positions in `counting`.
    pairs: Vec<(usize, usize)>,
    /// For each of them, those that it goes together with.
    related: Vec<Vec<usize>>,
    /// Those that begin with a word, by the terms of that.
    beginning: HashMap<Vec<String>, Vec<usize>>,
    bytes: usize,
}

impl Interests {
    /// Those that a question names.
    fn named_in<'a>(&'a self, question: &'a LexicalQuery) -> impl Iterator<Item = usize> + 'a {
        // A question says a word once.
        let beginning = question.words.iter().filter_map(|word| self.beginning.get(&word.terms));
        beginning
            .flatten()
            .copied()
            .filter(|at| question.says_all_of(&self.counting[*at].about.query))
    }
}

#[derive(Clone, Debug)]
struct Interest {
    /// Position in the profile.
    at: usize,
    about: Arc<About>,
    /// Confidence · recency · specificity.
    weight: f32,
}

/// What the library holds about an interest.
#[derive(Debug)]
struct About {
    /// Its words, as the profile has them.
    words: Box<str>,
    query: LexicalQuery,
    chunks: ChunkSet,
    specificity: f32,
}

impl Footprint for Arc<Interests> {
    fn footprint_bytes(&self) -> usize {
        self.bytes
    }
}

/// A set of chunks is kept as bits, which are quicker to ask, where those take less than so many
/// times what its ids would.
const DENSE: usize = 8;

/// A set of chunks: as ids, or as bits.
#[derive(Debug, PartialEq, Eq)]
enum ChunkSet {
    /// Ascending.
    Ids(Box<[u64]>),
    Bits {
        first: u64,
        bits: Box<[u64]>,
    },
}

impl ChunkSet {
    /// From ids in ascending order.
    fn new(ids: Vec<u64>) -> Self {
        if let (Some(first), Some(last)) = (ids.first().copied(), ids.last().copied()) {
            let n_words = usize::try_from((last - first) / 64 + 1).unwrap_or(usize::MAX);
            if n_words < DENSE * ids.len() {
                let mut bits = vec![0_u64; n_words].into_boxed_slice();
                for id in ids {
                    bits[((id - first) / 64) as usize] |= 1 << ((id - first) % 64);
                }
                return Self::Bits { first, bits };
            }
        }
        Self::Ids(ids.into_boxed_slice())
    }

    fn contains(&self, chunk: ChunkId) -> bool {
        match self {
            Self::Ids(ids) => ids.binary_search(&chunk.0).is_ok(),
            Self::Bits { first, bits } => chunk.0.checked_sub(*first).is_some_and(|at| {
                let word = usize::try_from(at / 64).ok().and_then(|word| bits.get(word));
                word.is_some_and(|word| word >> (at % 64) & 1 == 1)
            }),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Ids(words) | Self::Bits { bits: words, .. } => size_of_val(&**words),
        }
    }
}

/// The profile of one search, ready to be asked about candidates.
#[derive(Debug)]
pub(super) struct Taste<'a> {
    profile: &'a Profile,
    interests: Arc<Interests>,
    /// For each interest, with how many interests of the question it goes together.
    n_related: Vec<usize>,
    now_ms: i64,
}

impl Taste<'_> {
    /// What of the profile bears on each of these chunks, which are given with the contents of
    /// their documents. O(interests · chunks).
    pub(super) fn bearings(&self, chunks: &[(ChunkId, Option<[u8; 16]>)]) -> Vec<Bearing> {
        // For each chunk the interests that it is about, as bits. A set is asked of all chunks in
        // turn, so that it is in the processor's cache.
        let mut about = vec![0_u64; chunks.len()];
        for (at, interest) in self.interests.counting.iter().enumerate() {
            let set = &interest.about.chunks;
            for ((chunk, _), about) in chunks.iter().zip(&mut about) {
                *about |= u64::from(set.contains(*chunk)) << at;
            }
        }
        let each = chunks.iter().zip(about);
        each.map(|((_, content), about)| self.bearing(about, *content)).collect()
    }

    fn bearing(&self, mut about: u64, content_hash: Option<[u8; 16]>) -> Bearing {
        let last_access_ms = content_hash.and_then(|hash| self.profile.documents.get(&hash));
        let mut bearing = Bearing {
            topics: Vec::with_capacity(about.count_ones() as usize),
            n_pairs: 0,
            days_since_access: last_access_ms.map(|last| whole_days(*last, self.now_ms)),
        };
        while about != 0 {
            let at = about.trailing_zeros() as usize;
            about &= about - 1;
            let interest = &self.interests.counting[at];
            if interest.weight > 0.0 {
                bearing.topics.push((interest.at, interest.weight));
            }
            bearing.n_pairs += self.n_related[at];
        }
        bearing
    }

    /// The interests that a chunk is about, as positions in the profile, with their specificity.
    pub(super) fn interests_of(&self, chunk: ChunkId) -> Vec<(usize, f32)> {
        let counting = self.interests.counting.iter();
        counting
            .filter(|interest| interest.about.chunks.contains(chunk))
            .map(|interest| (interest.at, interest.about.specificity))
            .collect()
    }

    /// The pairs of an interest that a question names and one that a chunk is about which go
    /// together, as positions in the profile. So many as a [`Bearing`] counts.
    pub(super) fn pairs_of(&self, chunk: ChunkId, query: &LexicalQuery) -> Vec<(usize, usize)> {
        let counting = &self.interests.counting;
        let pair = |asked: usize, found: usize| {
            let (asked, found) = (&counting[asked], &counting[found]);
            (query.says_all_of(&asked.about.query) && found.about.chunks.contains(chunk))
                .then_some((asked.at, found.at))
        };
        let pairs = self.interests.pairs.iter();
        pairs.flat_map(|&(a, b)| [pair(a, b), pair(b, a)]).flatten().collect()
    }

    /// Interests that are looked at.
    pub(super) fn n_interests(&self) -> usize {
        self.interests.counting.len()
    }
}

/// The weights that settings ask for, for a question.
pub(super) fn weights(
    settings: &PersonalisationSettings,
    question: &LexicalQuery,
) -> PersonalWeights {
    PersonalWeights {
        alpha: share(settings.alpha(), question.words.len(), settings.full_alpha_words),
        topic: settings.topic_relevance,
        history: settings.historical_access,
        co_occurrence: settings.co_occurrence,
        decay_rate: settings.time_decay_rate,
    }
}

fn strength(topic: &ProfileTopic) -> f32 {
    topic.confidence * topic.recency
}

fn counts(topic: &ProfileTopic, threshold: f32) -> bool {
    let strength = strength(topic);
    (topic.pinned || topic.confidence >= threshold) && strength.is_finite() && strength > 0.0
}

/// The topics of a profile that count, the strongest first, as positions in it.
fn counting(profile: &Profile, threshold: f32) -> Vec<usize> {
    let mut counting: Vec<(bool, f32, usize)> = profile
        .topics
        .iter()
        .enumerate()
        .filter(|(_, topic)| counts(topic, threshold))
        .map(|(at, topic)| (topic.pinned, strength(topic), at))
        .collect();
    counting.sort_unstable_by(|a, b| {
        let words = |at: usize| profile.topics.get(at).map(|topic| &topic.words);
        b.0.cmp(&a.0)
            .then(b.1.total_cmp(&a.1))
            .then_with(|| words(a.2).cmp(&words(b.2)))
            .then(a.2.cmp(&b.2))
    });
    counting.truncate(INTERESTS_MAX);
    counting.into_iter().map(|(_, _, at)| at).collect()
}

/// The profile, if it can change anything under these settings.
fn moving<'p>(
    settings: &PersonalisationSettings,
    profile: Option<&'p Profile>,
) -> Option<&'p Profile> {
    profile.filter(|profile| holds_back(settings, profile).is_none())
}

/// Why a profile can change nothing, if so.
fn holds_back(settings: &PersonalisationSettings, profile: &Profile) -> Option<Unmoved> {
    let threshold = settings.min_confidence_threshold();
    if !settings.enabled {
        Some(Unmoved::SwitchedOff)
    } else if settings.alpha() <= 0.0 {
        Some(Unmoved::NoShare)
    } else if !profile.documents.is_empty()
        || profile.topics.iter().any(|topic| counts(topic, threshold))
    {
        None
    } else if profile.topics.is_empty() {
        Some(Unmoved::NothingKnown)
    } else {
        Some(Unmoved::NothingSure)
    }
}

impl Library {
    /// How far a profile may move what a request finds.
    pub(super) fn personalisation<'s>(
        &'s self,
        request: &'s SearchRequest,
    ) -> &'s PersonalisationSettings {
        request.personalisation.as_deref().unwrap_or(&self.settings.personalisation)
    }

    /// The profile, if it can change anything.
    pub(super) fn moving<'p>(
        &self,
        request: &SearchRequest,
        profile: Option<&'p Profile>,
    ) -> Option<&'p Profile> {
        moving(self.personalisation(request), profile)
    }

    /// Why a persona's profile, as [`profile_with`](Self::profile_with) gives it for these settings,
    /// changes no ranking; `None` where it may.
    pub fn why_unmoved(
        persona: &Persona,
        settings: &PersonalisationSettings,
        profile: Option<&Profile>,
    ) -> Option<Unmoved> {
        if persona.recording == Recording::Off {
            Some(Unmoved::NoConsent)
        } else if !settings.enabled {
            Some(Unmoved::SwitchedOff)
        } else if !persona.is_personalised {
            Some(Unmoved::NotForThePersona)
        } else {
            profile.map_or(Some(Unmoved::NothingKnown), |profile| holds_back(settings, profile))
        }
    }

    /// Makes a profile ready for one search in one state of the library.
    pub(super) fn taste<'p>(
        &self,
        profile: &'p Profile,
        settings: &PersonalisationSettings,
        generation: Generation,
        (words, query): (&LexicalSnapshot, &LexicalQuery),
    ) -> Result<Taste<'p>> {
        let interests = self.interests(profile, settings, generation, words)?;
        let mut n_related = vec![0; interests.counting.len()];
        for asked in interests.named_in(query) {
            for &other in &interests.related[asked] {
                n_related[other] += 1;
            }
        }
        Ok(Taste { profile, interests, n_related, now_ms: self.clock.now_ms() })
    }

    fn interests(
        &self,
        profile: &Profile,
        settings: &PersonalisationSettings,
        generation: Generation,
        words: &LexicalSnapshot,
    ) -> Result<Arc<Interests>> {
        self.profiles.begin(generation);
        let threshold = settings.min_confidence_threshold();
        let key = InterestsKey {
            persona: Box::from(profile.persona.as_str()),
            generation,
            threshold: threshold.to_bits(),
        };
        // Of another state of the words nothing is taken and nothing is kept.
        let is_level = words.stamp() == generation.0;
        let before = if is_level { self.profiles.cache.get(&key) } else { None };
        if let Some(kept) = before.as_ref().filter(|kept| kept.revision == profile.revision) {
            return Ok(Arc::clone(kept));
        }
        let known: HashMap<&str, &Arc<About>> = before
            .iter()
            .flat_map(|before| &before.counting)
            .map(|interest| (&*interest.about.words, &interest.about))
            .collect();
        let mut strongest = Vec::new();
        let mut bytes = size_of::<Interests>() + profile.persona.len();
        for at in counting(profile, threshold) {
            let topic = &profile.topics[at];
            let about = match known.get(topic.words.as_str()) {
                Some(about) => Arc::clone(about),
                None => Arc::new(about(&topic.words, words)?),
            };
            bytes += size_of::<(Interest, About)>() + 4 * topic.words.len() + about.chunks.bytes();
            let weight = topic.confidence * topic.recency * about.specificity;
            strongest.push(Interest { at, about, weight });
        }
        let mut places: Vec<Option<usize>> = vec![None; profile.topics.len()];
        for (place, interest) in strongest.iter().enumerate() {
            places[interest.at] = Some(place);
        }
        let place = |at: usize| places.get(at).copied().flatten();
        let pairs: Vec<(usize, usize)> = profile
            .pairs
            .iter()
            .filter(|(a, b)| a != b)
            .filter_map(|(a, b)| place(*a).zip(place(*b)))
            .collect();
        let mut related = vec![Vec::new(); strongest.len()];
        for &(a, b) in &pairs {
            related[a].push(b);
            related[b].push(a);
        }
        let mut beginning: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, interest) in strongest.iter().enumerate() {
            if let Some(first) = interest.about.query.words.first() {
                bytes += size_of_val(&*first.terms);
                beginning.entry(first.terms.clone()).or_default().push(at);
            }
        }
        bytes += 2 * size_of_val(&*pairs);
        let resolved = Arc::new(Interests {
            revision: profile.revision,
            counting: strongest,
            pairs,
            related,
            beginning,
            bytes,
        });
        if is_level {
            self.profiles.cache.insert(key, Arc::clone(&resolved));
        }
        Ok(resolved)
    }

    /// Drops what is kept in memory of a persona: interests, profiles, what it asked. For when
    /// that is erased or memory is disabled.
    pub fn forget_profile(&self, persona: &str) {
        self.profiles.forget(persona);
        self.tastes.forget(persona);
        self.results.forget(persona);
    }

    /// Works out what the next search for a persona needs, so that it finds it ready.
    ///
    /// # Errors
    ///
    /// Those of reading the words.
    pub fn warm(&self, profile: &Profile) -> Result<()> {
        self.warm_with(profile, &self.settings.personalisation)
    }

    /// The same for a persona that has settings of its own.
    ///
    /// # Errors
    ///
    /// As [`warm`](Self::warm).
    pub fn warm_with(&self, profile: &Profile, settings: &PersonalisationSettings) -> Result<()> {
        if let Some(profile) = moving(settings, Some(profile)) {
            let generation = self.store.reader()?.generation()?;
            self.interests(profile, settings, generation, &self.lexical.snapshot()?)?;
        }
        Ok(())
    }
}

fn about(text: &str, words: &LexicalSnapshot) -> Result<About> {
    let query = words.query(text);
    let ids = words.chunks_with_all(&query).context_with(|| "searching the words of interests")?;
    let specificity = specificity(ids.len() as u64, words.chunk_count());
    Ok(About { words: text.into(), query, chunks: ChunkSet::new(ids), specificity })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_holds_what_it_was_made_of(
            ids in proptest::collection::btree_set(1..400_u64, 0..200),
            far in proptest::option::of(1_000_000..u64::MAX),
        ) {
            let ids: Vec<u64> = ids.into_iter().chain(far).collect();
            let set = ChunkSet::new(ids.clone());
            for id in (0..500).chain(far) {
                prop_assert_eq!(set.contains(ChunkId(id)), ids.contains(&id), "{}", id);
            }
            prop_assert!(set.bytes() <= DENSE * 8 * ids.len());
        }
    }

    fn topic(words: &str, confidence: f32, pinned: bool) -> ProfileTopic {
        ProfileTopic { name: words.into(), words: words.into(), confidence, recency: 0.5, pinned }
    }

    #[test]
    fn the_strongest_interests_count_and_pinned_ones_always() {
        let mut topics: Vec<ProfileTopic> =
            (0..80).map(|n| topic(&format!("word{n:02}"), 0.3 + n as f32 / 200.0, false)).collect();
        topics.push(topic("unsure", 0.2, false));
        topics.push(topic("pinned", 0.1, true));
        topics.push(topic("odd", f32::NAN, true));
        let profile = Profile { topics, ..Profile::default() };
        let counting = counting(&profile, 0.3);
        assert_eq!(counting.len(), INTERESTS_MAX);
        assert_eq!(counting[..3], [81, 79, 78]);
        assert!(!counting.contains(&80) && !counting.contains(&82));
    }
}
