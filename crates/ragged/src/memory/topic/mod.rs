//! Topics: what a question or a passage is about, by rules and without a model.
//!
//! A text becomes tokens: words, with acronyms (`RAG`), terms with signs (`C++`, `.NET`,
//! `TCP/IP`) and numbers told apart, and addresses, paths, hashes and keys set aside. Each word has
//! a role: most are content, some are verbs or words of no weight and end a phrase, some only
//! count as part of one (*effects*), some fall off at its end (*techniques*). Runs of content words
//! are phrases, of four words at most; the longest is the topic, and its parts are not
//! named again. An acronym before a phrase of two or more words is a topic of its own.
//!
//! # Keys
//!
//! Two names are one topic if their [`key`] is the same. A key is made of words in lower case,
//! without accents, in the singular, with one space between them: *Database indexes* →
//! `database index`, *GPT-4* → `gpt 4`, *U.S.* → `us`. It depends on the name alone, never on the
//! language of the text around it, and the key of a key is itself.
//!
//! # Scores
//!
//! Of a question, for a topic named n times:
//!
//! ```text
//! score = 1 − (1 − s) / n     s = 0.95  acronym or term with signs
//!                                 0.90  a name: a capital where the sentence does not ask for one
//!                                 0.85  phrase of two or more words
//!                                 0.70  word
//! ```
//!
//! Of a passage, where a topic stands `t` times in the text, `h` times in the headings, and `d`
//! times in the title:
//!
//! ```text
//! score = s · m / (m + 2.5)   m = t + 3·h + 6·d
//! ```
//!
//! so that with the default threshold of 0.3 a word of the text counts from the second mention,
//! and a word of a heading from the first. A phrase inside a longer one that is kept counts only
//! where it stands by itself.

mod fold;
mod matcher;
mod phrase;
mod role;
mod token;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use phrase::{Phrase, Sentences};
use token::Shape;

pub use matcher::{Matcher, Occurrence};

/// Something that a text is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    /// The canonical form: equal for two texts that name the same topic, see [`key`].
    pub key: String,
    /// As it is written in the text, for showing.
    pub name: String,
    /// How sure it is that the text is about this, in [0, 1].
    pub score: f64,
    /// Where it is first named, in bytes of the text.
    pub span: Range<usize>,
}

/// Which words are never part of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StopWords {
    /// Those of the text's language.
    #[default]
    Default,
    /// These too. An entry of several words stops the topic of that name and nothing else.
    List(Vec<String>),
}

/// What counts as a topic, and how many are given.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicSettings {
    /// Fewest characters of a key; acronyms and terms with signs (C#, k8s) are exempt.
    pub min_topic_length: usize,
    /// Most topics of a question or a passage.
    pub max_topics_per_query: usize,
    /// Least score, in [0, 1].
    pub confidence_threshold: f64,
    /// Which words are never part of a topic.
    pub stop_words: StopWords,
}

impl Default for TopicSettings {
    fn default() -> Self {
        Self {
            min_topic_length: 3,
            max_topics_per_query: 10,
            confidence_threshold: 0.3,
            stop_words: StopWords::Default,
        }
    }
}

/// A retrieved passage, as far as it tells topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passage<'a> {
    /// The title of the document.
    pub title: &'a str,
    /// The headings above the passage, outermost first.
    pub headings: &'a [&'a str],
    /// The text. Spans point into it; a topic that only the title or a heading names has an empty
    /// span at its beginning.
    pub text: &'a str,
}

const SYMBOLIC: f64 = 0.95;
const NAME: f64 = 0.90;
const PHRASE: f64 = 0.85;
const WORD: f64 = 0.70;

/// Mentions at which a topic of a passage has half of its score.
const HALF_MENTIONS: f64 = 2.5;
const HEADING_MENTIONS: usize = 3;
const TITLE_MENTIONS: usize = 6;

/// Finds topics. Make one, and keep it.
///
/// The same text gives the same topics, and the topic of a topic's name is itself. The work is
/// linear in the length of the text.
#[derive(Clone, Debug, Default)]
pub struct Extractor {
    settings: TopicSettings,
    /// Canonical words, and keys of several.
    stops: HashSet<String>,
}

/// A phrase that may become a topic, and how often it was met.
#[derive(Debug)]
struct Candidate {
    key: String,
    name: String,
    strength: f64,
    n_mentions: usize,
    n_words: usize,
    span: Option<Range<usize>>,
}

impl Extractor {
    /// An extractor for these settings.
    pub fn new(settings: TopicSettings) -> Self {
        let stops = match &settings.stop_words {
            StopWords::Default => HashSet::new(),
            StopWords::List(words) => words.iter().map(|word| key(word)).collect(),
        };
        Self { settings, stops }
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &TopicSettings {
        &self.settings
    }

    /// The topics of a question, best first; equal scores in the order of the text. Nothing for a
    /// question about nothing in particular.
    ///
    /// # Examples
    ///
    /// ```
    /// use ragged::memory::topic::{Extractor, TopicSettings};
    ///
    /// let extractor = Extractor::new(TopicSettings::default());
    /// let topics = extractor.question("How do I improve RAG retrieval accuracy techniques?");
    /// let names: Vec<_> = topics.iter().map(|topic| (topic.name.as_str(), topic.score)).collect();
    /// assert_eq!(names, [("RAG", 0.95), ("retrieval accuracy", 0.85)]);
    /// ```
    pub fn question(&self, question: &str) -> Vec<Topic> {
        let words = Sentences::new(question, &self.stops);
        let mut candidates = Vec::new();
        let mut known = HashMap::new();
        for phrase in words.phrases() {
            add(&words, phrase, 1, &mut candidates, &mut known);
        }
        let score = |candidate: &Candidate| {
            1.0 - (1.0 - candidate.strength) / candidate.n_mentions.max(1) as f64
        };
        self.best(candidates, score)
    }

    /// The topics of a passage, best first; equal scores in the order of the text.
    pub fn passage(&self, passage: Passage<'_>) -> Vec<Topic> {
        let mut candidates = Vec::new();
        let mut known = HashMap::new();
        self.add_all(passage.text, 1, &mut candidates, &mut known);
        let n_in_text = candidates.len();
        self.add_all(passage.title, TITLE_MENTIONS, &mut candidates, &mut known);
        for heading in passage.headings {
            self.add_all(heading, HEADING_MENTIONS, &mut candidates, &mut known);
        }
        // The others have their places in other texts.
        for candidate in &mut candidates[n_in_text..] {
            candidate.span = None;
        }
        keep_longest(&mut candidates, &known);
        let score = |candidate: &Candidate| {
            let mentions = candidate.n_mentions as f64;
            candidate.strength * mentions / (mentions + HALF_MENTIONS)
        };
        self.best(candidates, score)
    }

    /// Counts the phrases of a text, and their parts: what is named in many phrases may be what the
    /// passage is about.
    fn add_all(
        &self,
        text: &str,
        n_mentions: usize,
        candidates: &mut Vec<Candidate>,
        known: &mut HashMap<String, usize>,
    ) {
        let words = Sentences::new(text, &self.stops);
        for phrase in words.phrases() {
            for first in phrase.first..phrase.end {
                for end in first + 1..=phrase.end {
                    let part = Phrase { first, end };
                    if part == phrase || words.stands_alone(part) {
                        add(&words, part, n_mentions, candidates, known);
                    }
                }
            }
        }
    }

    /// The candidates that are topics by the settings.
    fn best(&self, candidates: Vec<Candidate>, score: impl Fn(&Candidate) -> f64) -> Vec<Topic> {
        let mut scored: Vec<(f64, Candidate)> = candidates
            .into_iter()
            .map(|candidate| (score(&candidate), candidate))
            .filter(|(score, candidate)| {
                let long_enough = candidate.strength == SYMBOLIC
                    || candidate.key.chars().count() >= self.settings.min_topic_length;
                *score >= self.settings.confidence_threshold
                    && candidate.n_mentions > 0
                    && long_enough
                    && !self.stops.contains(&candidate.key)
            })
            .collect();
        // The sort is stable: candidates are in the order of the text.
        scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        scored
            .into_iter()
            .filter(|(_, candidate)| self.names_itself(candidate))
            .take(self.settings.max_topics_per_query)
            .map(|(score, candidate)| Topic {
                key: candidate.key,
                name: candidate.name,
                score: score.clamp(0.0, 1.0),
                span: candidate.span.unwrap_or(0..0),
            })
            .collect()
    }

    /// Whether the name is one phrase out of its sentence too: a topic that an owner could not
    /// ask for by its name is none.
    fn names_itself(&self, candidate: &Candidate) -> bool {
        let words = Sentences::new(&candidate.name, &self.stops);
        let mut own = String::new();
        match *words.phrases() {
            [phrase] => {
                words.key(phrase, &mut own);
                own == candidate.key
            }
            _ => false,
        }
    }
}

/// Counts a phrase.
fn add(
    words: &Sentences<'_>,
    phrase: Phrase,
    n_mentions: usize,
    candidates: &mut Vec<Candidate>,
    known: &mut HashMap<String, usize>,
) {
    let mut key = String::new();
    words.key(phrase, &mut key);
    let strength = words.strength(phrase);
    if let Some(&idx) = known.get(&key) {
        let candidate: &mut Candidate = &mut candidates[idx];
        candidate.n_mentions += n_mentions;
        // Written as a name anywhere, it is one.
        candidate.strength = candidate.strength.max(strength);
        return;
    }
    let span = words.span(phrase);
    known.insert(key.clone(), candidates.len());
    candidates.push(Candidate {
        name: display(&words.text[span.clone()]),
        n_words: key.split(' ').count(),
        key,
        strength,
        n_mentions,
        span: Some(span),
    });
}

/// Of the phrases of a passage keeps those met twice or announced, the longest first; what is part
/// of one that is kept counts only where it stands by itself.
fn keep_longest(candidates: &mut [Candidate], known: &HashMap<String, usize>) {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|&idx| std::cmp::Reverse(candidates[idx].n_words));
    let mut seen = HashSet::new();
    for idx in order {
        let candidate = &candidates[idx];
        if candidate.n_words < 2 {
            break;
        }
        let n_mentions = candidate.n_mentions;
        if n_mentions < 2 {
            candidates[idx].n_mentions = 0;
            continue;
        }
        let key = candidate.key.clone();
        let parts: Vec<&str> = key.split(' ').collect();
        seen.clear();
        for first in 0..parts.len() {
            for end in first + 1..=parts.len() {
                if end - first == parts.len() {
                    continue;
                }
                let part = parts[first..end].join(" ");
                if let Some(&part_idx) = known.get(&part)
                    && seen.insert(part_idx)
                {
                    let part = &mut candidates[part_idx];
                    part.n_mentions = part.n_mentions.saturating_sub(n_mentions);
                }
            }
        }
    }
}

/// A name for showing: white space within it is one space.
fn display(written: &str) -> String {
    written.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Sentences<'_> {
    fn span(&self, phrase: Phrase) -> Range<usize> {
        let part = &self.words[phrase.first..phrase.end];
        match (part.first(), part.last()) {
            (Some(first), Some(last)) => first.token.span.start..last.token.span.end,
            _ => 0..0,
        }
    }

    fn strength(&self, phrase: Phrase) -> f64 {
        let part = &self.words[phrase.first..phrase.end];
        let symbolic = part.iter().any(phrase::Word::is_symbolic) && part.len() == 1
            || part.first().is_some_and(phrase::Word::is_symbolic)
                && part[1..].iter().all(|word| word.token.shape == Shape::Number)
            || part.len() == 1 && role::is_known_acronym(&self.lower_of(phrase));
        if symbolic {
            SYMBOLIC
        } else if part.iter().any(phrase::Word::is_name) {
            NAME
        } else if part.len() > 1 {
            PHRASE
        } else {
            WORD
        }
    }

    fn lower_of(&self, phrase: Phrase) -> String {
        self.text[self.span(phrase)].to_lowercase()
    }
}

/// The canonical form of a topic's name: a fixed point, `key(key(name)) == key(name)`. Empty for a
/// text without words.
///
/// # Examples
///
/// ```
/// use ragged::memory::topic::key;
///
/// assert_eq!(key("Database Indexes"), "database index");
/// assert_eq!(key("GPT-4"), "gpt 4");
/// assert_eq!(key("Crème brûlée"), "creme brulee");
/// ```
pub fn key(name: &str) -> String {
    let (mut key, mut word) = (String::new(), String::new());
    token::tokens(name, |token| {
        if token.shape == Shape::Noise {
            return;
        }
        fold::fold(&name[token.span], &mut word);
        if !word.is_empty() {
            if !key.is_empty() {
                key.push(' ');
            }
            key.push_str(&word);
        }
    });
    key
}
