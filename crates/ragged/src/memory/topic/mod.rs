//! Topics: what a question or a passage is about.

use std::ops::Range;

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
    /// These, and those of the text's language.
    List(Vec<String>),
}

/// What counts as a topic, and how many are given.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicSettings {
    /// Fewest characters; acronyms and terms with symbols (C#, k8s) are exempt.
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
    /// span.
    pub text: &'a str,
}

/// Finds topics. Make one, and keep it.
#[derive(Clone, Debug, Default)]
pub struct Extractor {
    settings: TopicSettings,
}

impl Extractor {
    /// An extractor for these settings.
    pub fn new(settings: TopicSettings) -> Self {
        Self { settings }
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &TopicSettings {
        &self.settings
    }

    /// The topics of a question, best first; equal scores in the order of the text.
    pub fn question(&self, _question: &str) -> Vec<Topic> {
        Vec::new()
    }

    /// The topics of a passage, best first; equal scores in the order of the text.
    pub fn passage(&self, _passage: Passage<'_>) -> Vec<Topic> {
        Vec::new()
    }
}

/// The canonical form of a topic's name: a fixed point, `key(key(name)) == key(name)`. Empty for a
/// text without words.
pub fn key(_name: &str) -> String {
    String::new()
}

/// A known topic that occurs in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Which of the keys the [`Matcher`] was made from.
    pub topic_idx: usize,
    /// How often.
    pub n_occurrences: usize,
    /// Where first, in bytes of the text.
    pub span: Range<usize>,
}

/// Finds which of many known topics a text names.
#[derive(Clone, Debug, Default)]
pub struct Matcher {}

impl Matcher {
    /// A matcher for these keys or names.
    pub fn new<K: AsRef<str>>(_keys: impl IntoIterator<Item = K>) -> Self {
        Self {}
    }

    /// The topics that occur in `text`, by `topic_idx`.
    pub fn find(&self, _text: &str) -> Vec<Occurrence> {
        Vec::new()
    }
}
