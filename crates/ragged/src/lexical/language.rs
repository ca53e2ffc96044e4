//! The languages with stemming and stop words, and which of them a text is written in.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use crate::error::{Error, ErrorKind, Result};

use super::stop_words;

/// A language whose words are stemmed and whose stop words are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it")]
pub enum Language {
    Danish,
    Dutch,
    English,
    Finnish,
    French,
    German,
    Hungarian,
    Italian,
    Norwegian,
    Portuguese,
    Russian,
    Spanish,
    Swedish,
}

impl Language {
    /// Every language, in the order of their names.
    pub const ALL: [Self; 13] = [
        Self::Danish,
        Self::Dutch,
        Self::English,
        Self::Finnish,
        Self::French,
        Self::German,
        Self::Hungarian,
        Self::Italian,
        Self::Norwegian,
        Self::Portuguese,
        Self::Russian,
        Self::Spanish,
        Self::Swedish,
    ];

    /// The ISO 639-1 code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Danish => "da",
            Self::Dutch => "nl",
            Self::English => "en",
            Self::Finnish => "fi",
            Self::French => "fr",
            Self::German => "de",
            Self::Hungarian => "hu",
            Self::Italian => "it",
            Self::Norwegian => "no",
            Self::Portuguese => "pt",
            Self::Russian => "ru",
            Self::Spanish => "es",
            Self::Swedish => "sv",
        }
    }

    /// Its stop words, in lower case, with a space between them.
    pub(crate) fn stop_words(self) -> &'static str {
        match self {
            Self::Danish => stop_words::DANISH,
            Self::Dutch => stop_words::DUTCH,
            Self::English => stop_words::ENGLISH,
            Self::Finnish => stop_words::FINNISH,
            Self::French => stop_words::FRENCH,
            Self::German => stop_words::GERMAN,
            Self::Hungarian => stop_words::HUNGARIAN,
            Self::Italian => stop_words::ITALIAN,
            Self::Norwegian => stop_words::NORWEGIAN,
            Self::Portuguese => stop_words::PORTUGUESE,
            Self::Russian => stop_words::RUSSIAN,
            Self::Spanish => stop_words::SPANISH,
            Self::Swedish => stop_words::SWEDISH,
        }
    }

    pub(super) fn stemmer(self) -> frostem::Stemmer {
        use frostem::Algorithm;
        frostem::Stemmer::new(match self {
            Self::Danish => Algorithm::Danish,
            Self::Dutch => Algorithm::Dutch,
            Self::English => Algorithm::English,
            Self::Finnish => Algorithm::Finnish,
            Self::French => Algorithm::French,
            Self::German => Algorithm::German,
            Self::Hungarian => Algorithm::Hungarian,
            Self::Italian => Algorithm::Italian,
            Self::Norwegian => Algorithm::Norwegian,
            Self::Portuguese => Algorithm::Portuguese,
            Self::Russian => Algorithm::Russian,
            Self::Spanish => Algorithm::Spanish,
            Self::Swedish => Algorithm::Swedish,
        })
    }

    /// Least share of stop words among the words of a text in this language. Running text has 0.25
    /// to 0.5, lists of names, tables and source code below 0.15; languages that carry their grammar
    /// in endings have fewer, and share none of them with others.
    fn share_min(self) -> f32 {
        match self {
            Self::Finnish | Self::Hungarian | Self::Russian => 0.1,
            _ => 0.2,
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Language {
    type Err = Error;

    fn from_str(code: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|language| language.as_str() == code).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, format!("unknown language {code:?}"))
                .with_hint(format!("one of {}", Self::ALL.map(Self::as_str).join(", ")))
        })
    }
}

/// A set of languages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Languages(u16);

impl Languages {
    /// Adds `language`.
    pub fn insert(&mut self, language: Language) {
        self.0 |= language.bit();
    }

    /// Whether `language` is in the set.
    pub fn contains(self, language: Language) -> bool {
        self.0 & language.bit() != 0
    }

    /// The languages of either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The languages in the set, in the order of [`Language::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Language> {
        Language::ALL.into_iter().filter(move |&language| self.contains(language))
    }
}

impl FromIterator<Language> for Languages {
    fn from_iter<I: IntoIterator<Item = Language>>(languages: I) -> Self {
        let mut set = Self::default();
        for language in languages {
            set.insert(language);
        }
        set
    }
}

/// How much of a text is looked at, from its beginning and from its middle, in bytes each.
const SAMPLE: usize = 2048;

/// Below this many words nothing is concluded.
const WORDS_MIN: u32 = 16;

/// Below this many different stop words of three bytes or more nothing is concluded: initials,
/// variables and units are no evidence.
const DISTINCT_MIN: usize = 4;

/// Which languages have a word as a stop word, as bits.
static STOP_WORD_LANGUAGES: LazyLock<HashMap<&'static str, u16>> = LazyLock::new(|| {
    let mut languages = HashMap::new();
    for language in Language::ALL {
        for word in language.stop_words().split(' ') {
            *languages.entry(word).or_insert(0) |= language.bit();
        }
    }
    languages
});

/// The language `text` is written in, or `None` if it is short, not prose, or in a language that
/// is not in [`Language::ALL`].
///
/// Judged by stop words over at most 4 KiB, so the cost does not grow with the text. Meant to be
/// called once for a document; source code should not be asked about.
///
/// # Examples
///
/// ```
/// use ragged::lexical::{Language, detect_language};
///
/// let text = "Der Mond zieht das Meer an, und wenn die Sonne auf der anderen Seite steht, ist es nicht so hoch.";
/// assert_eq!(detect_language(text), Some(Language::German));
/// assert_eq!(detect_language("4711 0815"), None);
/// ```
pub fn detect_language(text: &str) -> Option<Language> {
    let mut words = 0_u32;
    let mut hits = [0_u32; Language::ALL.len()];
    // A stop word of one language says more than one of many.
    let mut votes = [0_f32; Language::ALL.len()];
    let mut distinct: Vec<(&str, u16)> = Vec::new();
    let head = &text[..floor_char(text, SAMPLE)];
    let middle_start = floor_char(text, (text.len() / 2).max(head.len()));
    let middle = &text[middle_start..floor_char(text, middle_start + SAMPLE)];
    let mut lower = String::new();
    for sample in [head, middle] {
        for word in sample.split(|c: char| !c.is_alphabetic() && c != '\'') {
            let word = word.trim_matches('\'');
            if word.is_empty() {
                continue;
            }
            words += 1;
            lower.clear();
            lower.extend(word.chars().flat_map(char::to_lowercase));
            if let Some((&word, &languages)) = STOP_WORD_LANGUAGES.get_key_value(lower.as_str()) {
                for (idx, hits) in hits.iter_mut().enumerate() {
                    if languages & (1 << idx) != 0 {
                        *hits += 1;
                        votes[idx] += 1.0 / languages.count_ones() as f32;
                    }
                }
                if word.len() > 2 && !distinct.contains(&(word, languages)) {
                    distinct.push((word, languages));
                }
            }
        }
    }
    if words < WORDS_MIN {
        return None;
    }
    let is_likely = |language: &Language| {
        let own = distinct.iter().filter(|(_, languages)| languages & language.bit() != 0).count();
        let share = hits[*language as usize] as f32 / words as f32;
        own >= DISTINCT_MIN && share >= language.share_min()
    };
    let likely = Language::ALL.into_iter().filter(is_likely);
    likely.reduce(
        |best, other| if votes[other as usize] > votes[best as usize] { other } else { best },
    )
}

fn floor_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
