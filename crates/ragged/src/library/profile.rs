//! What a persona cares about, as ranking takes it.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use super::Library;
use crate::{
    cache::{Footprint, LevelStats, Levels},
    error::Result,
    memory::{
        InterestOrigin, Persona, PersonaMemory, RankingProfile,
        interest::{self, InterestConfig},
        topic::{StopWords, TopicSettings},
    },
    ranking::{Profile, ProfileTopic},
    settings::{LearningSettings, MemoryCacheSettings, PersonalisationSettings},
};

/// Bits of a profile's revision that tell the day: recency is counted in whole days.
const DAY_BITS: u32 = 16;

/// Bytes that each level of profiles may take.
const LEVEL_BYTES: usize = 16 << 20;

/// What a profile depends on besides the day, which is part of its revision.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct TasteKey {
    persona: Box<str>,
    revision: u64,
    focus_areas: Vec<String>,
    /// What makes interests of what is remembered.
    config: [u64; 9],
}

/// Profiles of the personas that asked last: L1 and L2 of memory.
///
/// The key holds the revision of what is remembered, so that a change of it, in this process or
/// another, asks for another entry; the older ones of the persona are dropped then.
#[derive(Debug)]
pub(super) struct Tastes(Levels<TasteKey, Kept>);

#[derive(Clone, Debug)]
struct Kept(Arc<Profile>);

impl Footprint for Kept {
    fn footprint_bytes(&self) -> usize {
        let profile = &self.0;
        let topics: usize = profile
            .topics
            .iter()
            .map(|topic| size_of_val(topic) + topic.name.len() + topic.words.len())
            .sum();
        size_of::<Profile>()
            + profile.persona.len()
            + profile.name.len()
            + topics
            + size_of_val(profile.pairs.as_slice())
            + profile.documents.len() * size_of::<([u8; 16], i64, usize)>()
    }
}

impl Tastes {
    pub(super) fn new(settings: &MemoryCacheSettings) -> Self {
        Self(Levels::new(settings.l1_size, settings.l2_size, LEVEL_BYTES, settings.profile_ttl))
    }

    pub(super) fn forget(&self, persona: &str) {
        self.0.retain(|key| &*key.persona != persona);
    }

    pub(super) fn clear(&self) {
        self.0.clear();
    }

    pub(super) fn stats(&self) -> LevelStats {
        self.0.stats()
    }
}

impl Library {
    /// What a persona cares about, for [`search_for`](Self::search_for) and
    /// [`answer_for`](Self::answer_for); `None` where nothing may rank. Kept in memory for as long
    /// as what is remembered stays the same.
    ///
    /// # Errors
    ///
    /// Those of reading what is remembered.
    pub fn profile_of(
        &self,
        persona: &Persona,
        remembered: &PersonaMemory,
    ) -> Result<Option<Arc<Profile>>> {
        self.profile_with(persona, remembered, &self.settings.personalisation)
    }

    /// The same for a persona that has settings of its own.
    ///
    /// # Errors
    ///
    /// As [`profile_of`](Self::profile_of).
    pub fn profile_with(
        &self,
        persona: &Persona,
        remembered: &PersonaMemory,
        settings: &PersonalisationSettings,
    ) -> Result<Option<Arc<Profile>>> {
        if !settings.enabled || !persona.is_personalised {
            return Ok(None);
        }
        let now_ms = self.clock.now_ms();
        let config = &remembered.config().interest;
        let key = TasteKey {
            persona: persona.file_id.as_str().into(),
            revision: dated(remembered.revision()?, now_ms),
            focus_areas: persona.draft.focus_areas.clone(),
            config: config.bits(),
        };
        let make = || -> Result<Kept> {
            let profile = remembered.ranking_profile(&persona.draft.focus_areas, config)?;
            self.tastes.0.retain(|kept| kept.persona != key.persona || *kept == key);
            Ok(Kept(Arc::new(for_ranking(persona, &profile))))
        };
        self.tastes.0.get_or_make(&key, now_ms, make).map(|kept| Some(kept.0))
    }
}

/// What settings take for a topic.
impl From<&LearningSettings> for TopicSettings {
    fn from(settings: &LearningSettings) -> Self {
        Self {
            min_topic_length: settings.min_topic_length,
            max_topics_per_query: settings.max_topics_per_query,
            confidence_threshold: settings.confidence_threshold,
            stop_words: if settings.stop_words.is_empty() {
                StopWords::Default
            } else {
                StopWords::List(settings.stop_words.clone())
            },
        }
    }
}

/// What settings take for an interest.
impl From<&LearningSettings> for InterestConfig {
    fn from(settings: &LearningSettings) -> Self {
        Self {
            decay_rate_per_day: settings.time_decay_rate,
            min_frequency: settings.min_frequency_for_tracking,
            min_co_occurrence: settings.co_occurrence_threshold,
            ..Self::default()
        }
    }
}

/// Another number whenever the memory or the day is another.
fn dated(revision: u64, now_ms: i64) -> u64 {
    let day = interest::day(now_ms).rem_euclid(1 << DAY_BITS).unsigned_abs();
    (revision << DAY_BITS) | day
}

/// Another number whenever what is `dated` or one of the interests is another: settings and focus
/// areas change these while the memory stays as it is.
fn told_apart(dated: u64, topics: &[ProfileTopic], pairs: &[(usize, usize)]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (dated, pairs).hash(&mut hasher);
    for topic in topics {
        (&topic.name, &topic.words, topic.pinned).hash(&mut hasher);
        (topic.confidence.to_bits(), topic.recency.to_bits()).hash(&mut hasher);
    }
    hasher.finish()
}

/// The same profile, in the words of ranking.
pub fn for_ranking(persona: &Persona, profile: &RankingProfile) -> Profile {
    let topics: Vec<ProfileTopic> = profile
        .interests
        .iter()
        .map(|interest| ProfileTopic {
            name: interest.name.clone(),
            words: interest.key.clone(),
            confidence: interest.interest.confidence as f32,
            recency: interest.recency() as f32,
            pinned: interest.origin == InterestOrigin::Owner,
        })
        .collect();
    Profile {
        persona: persona.file_id.clone(),
        name: persona.name.as_str().to_owned(),
        revision: told_apart(dated(profile.revision, profile.now_ms), &topics, &profile.pairs),
        topics,
        pairs: profile.pairs.clone(),
        documents: profile.documents.iter().copied().collect(),
    }
}
