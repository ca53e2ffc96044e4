//! What a persona cares about, as ranking takes it.

use super::Library;
use crate::{
    error::Result,
    memory::{
        Breadth, InterestOrigin, InterestProfile, Persona, PersonaMemory,
        interest::{self, InterestConfig},
    },
    ranking::{Profile, ProfileTopic},
};

/// Bits of a profile's revision that tell the day: recency is counted in whole days.
const DAY_BITS: u32 = 16;

impl Library {
    /// What a persona cares about, for [`search_for`](Self::search_for) and
    /// [`answer_for`](Self::answer_for); `None` where nothing may rank.
    ///
    /// # Errors
    ///
    /// Those of reading what is remembered.
    pub fn profile_of(
        &self,
        persona: &Persona,
        remembered: &PersonaMemory,
    ) -> Result<Option<Profile>> {
        if !self.settings.personalisation.enabled || !persona.is_personalised {
            return Ok(None);
        }
        let config = InterestConfig::default();
        let profile = remembered.profile(&persona.draft.focus_areas, &config, Breadth::Tracked)?;
        Ok(Some(for_ranking(&persona.file_id, &profile)))
    }
}

/// The same profile, in the words of ranking.
pub fn for_ranking(persona: &str, profile: &InterestProfile) -> Profile {
    let topics = profile
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
    let day = interest::day(profile.now_ms).rem_euclid(1 << DAY_BITS).unsigned_abs();
    Profile {
        persona: persona.to_owned(),
        revision: (profile.revision << DAY_BITS) | day,
        topics,
        pairs: profile.pairs.clone(),
        documents: profile.documents.iter().copied().collect(),
    }
}
