//! A profile in numbers.

use super::{Breadth, InterestOrigin, PersonaMemory, judgement::QuestionTally};
use crate::{
    error::{Context, Result},
    sqlite::{integer, natural, sql},
};

/// An interest that is at least so sure is told apart.
pub const SURE_CONFIDENCE: f64 = 0.7;
/// Days that count as lately.
pub const RECENT_DAYS: i64 = 7;
const DAY_MS: i64 = 86_400_000;

/// What a profile comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Analytics {
    /// Topics that were ever met.
    pub n_topics: u64,
    /// Those that may rank: met often enough, set by hand, or a focus.
    pub n_tracked: u64,
    /// Those of them that are more sure than [`SURE_CONFIDENCE`].
    pub n_sure: u64,
    /// The first question; Unix milliseconds.
    pub since_ms: Option<i64>,
    /// Questions; the recent ones are those of the last [`RECENT_DAYS`].
    pub questions: QuestionTally,
    /// The strongest interests, by their share of what was asked and found.
    pub distribution: Vec<TopicShare>,
    /// The moment that it was taken at; Unix milliseconds.
    pub now_ms: i64,
}

/// How much of what was asked and found is about a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicShare {
    /// What makes it the same topic in other words.
    pub key: String,
    /// How it is shown.
    pub name: String,
    /// How sure the interest is, from 0 to 1.
    pub confidence: f64,
    /// Of the weights of all topics, from 0 to 1.
    pub share: f64,
}

impl PersonaMemory {
    /// What the profile comes to, with at most `limit` topics in the distribution. Reads a bounded
    /// number of interactions.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn analytics(&self, focus_areas: &[String], limit: usize) -> Result<Analytics> {
        let config = &self.config().interest;
        let profile = self.profile(focus_areas, config, Breadth::Tracked)?;
        let (n_learned, weight_quarters) = self
            .database()
            .read(|connection| {
                sql(connection
                    .prepare_cached(
                        "SELECT (SELECT count(*) FROM topic_totals WHERE n_hits >= ?1) + \
                         (SELECT count(*) FROM interest_overrides WHERE topic NOT IN \
                         (SELECT topic FROM topic_totals WHERE n_hits >= ?1)), \
                         (SELECT sum(weight_quarters) FROM topic_totals)",
                    )
                    .and_then(|mut statement| {
                        statement.query_row([integer(config.min_frequency)], |row| {
                            let weight: Option<i64> = row.get(1)?;
                            Ok((row.get(0).map(natural)?, weight.map_or(0, natural)))
                        })
                    }))
            })
            .context_with(|| format!("counting what {} cares about", self.name()))?;
        let is_named_only = |interest: &&super::TopicInterest| {
            interest.origin == InterestOrigin::Focus
                && interest.aggregate.n_hits < config.min_frequency
        };
        let interests = &profile.interests;
        let n_named = interests.iter().filter(is_named_only).count() as u64;
        let mut strongest: Vec<TopicShare> = interests
            .iter()
            .filter(|interest| interest.aggregate.weight_quarters > 0)
            .map(|interest| TopicShare {
                key: interest.key.clone(),
                name: interest.name.clone(),
                confidence: interest.interest.confidence,
                share: interest.aggregate.weight_quarters as f64 / weight_quarters.max(1) as f64,
            })
            .collect();
        strongest.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.key.cmp(&b.key)));
        strongest.truncate(limit);
        let is_sure =
            |interest: &&super::TopicInterest| interest.interest.confidence > SURE_CONFIDENCE;
        Ok(Analytics {
            n_topics: profile.n_topics,
            n_tracked: n_learned + n_named,
            n_sure: interests.iter().filter(is_sure).count() as u64,
            since_ms: profile.since_ms,
            questions: self.question_tally(profile.now_ms - RECENT_DAYS * DAY_MS)?,
            distribution: strongest,
            now_ms: profile.now_ms,
        })
    }
}
