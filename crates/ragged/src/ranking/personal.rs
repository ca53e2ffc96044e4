//! The personal part of a score: what a persona's interests add to what matches the question.
//!
//! ```text
//! score    = (1 − α) · base + α · personal
//! personal = (b₁ · topic + b₂ · history + b₃ · co-occurrence) / max(1, b₁ + b₂ + b₃)
//! ```
//!
//! `base` is the fused score, which is between 0 and 1 already; so is each of the three parts, the
//! sums among them capped at 1:
//!
//! - *topic*: over the interests that the passage is about, confidence · recency · specificity.
//! - *history*: e^(−rate · days) if the persona has had this document before, in whole days since.
//! - *co-occurrence*: 0.1 for each pair of an interest that the question names and an interest of
//!   the passage that go together in the profile.
//!
//! α is as set for questions of up to three words, and less for longer ones ([`share`]): the more
//! words a question has, the less there is to guess.
//!
//! **The bound.** Of two passages, taste alone can put the one that matches less in front only if
//! their base scores differ by less than α/(1 − α) times what their personal parts differ by, so
//! never by more than α/(1 − α): 0.43 as ragged comes, and 0.21 for a difference in topics alone.
//! And only the first so many candidates change places at all.

use std::{borrow::Cow, collections::BTreeMap};

use super::{FusedHit, temporal::TimePart};

/// What is known of a persona, as far as ranking needs it: a value, taken at one moment.
///
/// One without topics that count and without documents changes nothing, to the byte.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Whose it is. Two personas never have the same.
    pub persona: String,
    /// What it is called when it is shown.
    pub name: String,
    /// Another number whenever anything else here is another. What is worked out for a profile is
    /// kept under persona and revision.
    pub revision: u64,
    /// The interests, in any order.
    pub topics: Vec<ProfileTopic>,
    /// Interests that go together, as positions in `topics`, each pair once in either order.
    pub pairs: Vec<(usize, usize)>,
    /// The documents that the persona has had among its hits, by the hash of their content, which
    /// stays the same when a file moves: when each was had last, Unix time in milliseconds.
    pub documents: BTreeMap<[u8; 16], i64>,
}

/// One interest.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileTopic {
    /// What it is called when it is shown.
    pub name: String,
    /// The words that a passage must hold, all of them, to be about it. Found as words of a
    /// question are: by their stems.
    pub words: String,
    /// How sure the interest is, from 0 to 1.
    pub confidence: f32,
    /// How fresh it is, from 0 to 1, as of the moment the profile was taken.
    pub recency: f32,
    /// Whether the owner set it: then it counts however small its confidence.
    pub pinned: bool,
}

/// How much taste may weigh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PersonalWeights {
    /// α, the share of the personal part in a score.
    pub alpha: f32,
    /// b₁, the share of topics in the personal part.
    pub topic: f32,
    /// b₂, the share of documents had before.
    pub history: f32,
    /// b₃, the share of interests that go with those of the question.
    pub co_occurrence: f32,
    /// How fast it is forgotten that a document was had, a day.
    pub decay_rate: f32,
}

/// What of a profile bears on one candidate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bearing {
    /// The interests that the passage is about, as positions in the profile, and the weight of
    /// each: confidence · recency · specificity.
    pub topics: Vec<(usize, f32)>,
    /// Whole days since the document was had, if it was.
    pub days_since_access: Option<u32>,
    /// Pairs of an interest of the question and an interest of the passage that go together.
    pub n_pairs: usize,
}

/// The personal part of one score.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonalPart {
    /// α.
    pub alpha: f32,
    /// The topic part, from 0 to 1.
    pub topic: f32,
    /// The history part, from 0 to 1.
    pub history: f32,
    /// The co-occurrence part, from 0 to 1.
    pub co_occurrence: f32,
    /// The three together, from 0 to 1.
    pub personal: f32,
    /// What each interest gives to `topic`, as positions in the profile; these sum to it.
    pub topics: Vec<(usize, f32)>,
}

/// What one pair of interests gives to the co-occurrence part.
const PAIR: f32 = 0.1;

/// How much a topic says that `n_with` of `n_chunks` passages hold, from 0 to 1: what is
/// everywhere says nothing of any passage.
///
/// It is the logarithm that BM25 weighs words by, as a share of the greatest that it can be.
pub fn specificity(n_with: u64, n_chunks: u64) -> f32 {
    if n_with == 0 || n_with >= n_chunks {
        return 0.0;
    }
    let (with, all) = (n_with as f64, n_chunks as f64);
    unit(((all / with).ln() / all.ln()) as f32)
}

/// The α of a question of `n_words` words: all of it for up to `full_words`, and of longer ones
/// the share that `full_words` are of them. With `full_words` of 0 it is always all of it.
pub fn share(alpha: f32, n_words: usize, full_words: usize) -> f32 {
    let alpha = unit(alpha);
    if full_words == 0 || n_words <= full_words {
        return alpha;
    }
    alpha * (full_words as f32 / n_words as f32)
}

/// e^(−rate · days).
pub(super) fn decay(rate: f32, days: u32) -> f32 {
    unit((-f64::from(rate.max(0.0)) * f64::from(days)).exp() as f32)
}

/// Whole days from one moment to another, 0 if it lies behind. Moments are Unix milliseconds.
pub fn whole_days(from_ms: i64, to_ms: i64) -> u32 {
    const DAY_MS: i64 = 86_400_000;
    u32::try_from(to_ms.saturating_sub(from_ms).max(0) / DAY_MS).unwrap_or(u32::MAX)
}

/// The personal part of a candidate. Weights that are no numbers count as 0.
pub fn personal_part(bearing: Bearing, weights: &PersonalWeights) -> PersonalPart {
    let mut topics = bearing.topics;
    for (_, weight) in &mut topics {
        *weight = unit(*weight);
    }
    let sum: f32 = topics.iter().map(|(_, weight)| weight).sum();
    if sum > 1.0 {
        for (_, weight) in &mut topics {
            *weight /= sum;
        }
    }
    let topic = sum.min(1.0);
    let history = bearing.days_since_access.map_or(0.0, |days| decay(weights.decay_rate, days));
    let co_occurrence = (PAIR * bearing.n_pairs as f32).min(1.0);
    let [b_topic, b_history, b_pairs] = weights.shares();
    PersonalPart {
        alpha: unit(weights.alpha),
        topic,
        history,
        co_occurrence,
        personal: unit(b_topic * topic + b_history * history + b_pairs * co_occurrence),
        topics,
    }
}

impl PersonalWeights {
    /// The shares of topic, history and co-occurrence in the personal part; they sum to at most 1.
    pub fn shares(&self) -> [f32; 3] {
        let shares = [self.topic, self.history, self.co_occurrence].map(unit);
        let sum: f32 = shares.iter().sum();
        if sum > 1.0 { shares.map(|share| share / sum) } else { shares }
    }
}

/// A candidate with all that its score is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Adjusted {
    /// What matches the question.
    pub fused: FusedHit,
    /// Its place in the fused list, from 0.
    pub base_position: usize,
    /// What taste gave, where a profile was asked.
    pub personal: Option<PersonalPart>,
    /// What its time gave, where a time was favoured.
    pub time: Option<TimePart>,
    /// The score that it is ranked by.
    pub score: f32,
}

/// A fused list of which the first candidates changed places.
#[derive(Clone, Debug)]
pub struct Adjustment<'a> {
    fused: &'a [FusedHit],
    /// The first candidates, in their new order.
    head: Vec<Adjusted>,
    /// What is added to those behind, where anything is added to any: parts of nothing.
    behind: (Option<PersonalPart>, Option<TimePart>),
}

/// Mixes personal and temporal parts into a fused list, of which the first candidates change
/// places.
///
/// `personal` and `time` hold what is added to the first candidates, in their order; the shorter
/// of the list and of these ends the part that changes places. Ties keep the order of the fused
/// list. What follows keeps its place behind and gets nothing added, so that scores never rise
/// along the list.
///
/// ```text
/// score = (1 − w) · ((1 − α) · base + α · personal) + w · time
/// ```
pub fn adjust(
    fused: &[FusedHit],
    personal: Option<Vec<PersonalPart>>,
    time: Option<Vec<TimePart>>,
) -> Adjustment<'_> {
    let n = [personal.as_ref().map(Vec::len), time.as_ref().map(Vec::len)]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(0)
        .min(fused.len());
    let behind = (
        personal.as_ref().and_then(|parts| parts.first()).map(PersonalPart::nothing),
        time.as_ref().and_then(|parts| parts.first()).map(TimePart::nothing),
    );
    let mut personal = personal.into_iter().flatten();
    let mut time = time.into_iter().flatten();
    let mut head: Vec<Adjusted> = fused
        .iter()
        .take(n)
        .enumerate()
        .map(|(at, fused)| Adjusted::new(*fused, at, personal.next(), time.next()))
        .collect();
    // Stable, so that ties stay as they were.
    head.sort_by(|a, b| b.score.total_cmp(&a.score));
    Adjustment { fused, head, behind }
}

impl<'a> Adjustment<'a> {
    /// The candidates in their former order.
    pub fn fused(&self) -> &'a [FusedHit] {
        self.fused
    }

    /// Whether anything was added to any of them.
    pub fn is_changed(&self) -> bool {
        !self.head.is_empty()
    }

    /// The candidate at a place of the new order, from 0.
    pub fn get(&self, at: usize) -> Option<Cow<'_, Adjusted>> {
        if let Some(adjusted) = self.head.get(at) {
            return Some(Cow::Borrowed(adjusted));
        }
        let (personal, time) = &self.behind;
        let fused = self.fused.get(at)?;
        Some(Cow::Owned(Adjusted::new(*fused, at, personal.clone(), time.clone())))
    }

    /// All of them, in the new order.
    pub fn iter(&self) -> impl Iterator<Item = Cow<'_, Adjusted>> {
        (0..self.fused.len()).filter_map(|at| self.get(at))
    }
}

impl Adjusted {
    fn new(
        fused: FusedHit,
        base_position: usize,
        personal: Option<PersonalPart>,
        time: Option<TimePart>,
    ) -> Self {
        // Without a part it stays what it was, to the bit.
        let mut score = fused.score;
        if personal.is_some() || time.is_some() {
            score = unit(score);
        }
        if let Some(part) = &personal {
            score = (1.0 - part.alpha) * score + part.alpha * part.personal;
        }
        if let Some(part) = &time {
            score = (1.0 - part.weight) * score + part.weight * part.closeness;
        }
        Self { fused, base_position, personal, time, score }
    }
}

impl PersonalPart {
    /// The part of a candidate that is not looked at.
    fn nothing(&self) -> Self {
        Self {
            alpha: self.alpha,
            topic: 0.0,
            history: 0.0,
            co_occurrence: 0.0,
            personal: 0.0,
            topics: Vec::new(),
        }
    }
}

/// A share or weight between 0 and 1.
pub(super) fn unit(value: f32) -> f32 {
    if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 }
}
