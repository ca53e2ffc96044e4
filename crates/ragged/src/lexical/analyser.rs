//! Words become terms: stop words set apart, stems taken, accents folded.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;

use super::language::Language;
use super::word::{WordKind, words};

/// Version of everything that decides which terms a text gives: words, stop words, stemmers. An
/// index made with another version is rebuilt.
pub const ANALYSER_VERSION: u32 = 1;

/// The terms of one chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    pub(super) language: Option<Language>,
    /// Terms that are ranked by, in order, each followed by a space. No term has a space in it.
    pub(super) content: String,
    /// Stop words, likewise.
    pub(super) common: String,
}

impl Terms {
    /// The terms that are ranked by, in the order of the text.
    pub fn content(&self) -> impl Iterator<Item = &str> {
        self.content.split_terminator(' ')
    }

    /// The stop words, in the order of the text. They are searched for only by a query that has
    /// nothing else.
    pub fn common(&self) -> impl Iterator<Item = &str> {
        self.common.split_terminator(' ')
    }

    /// Bytes held.
    pub fn footprint_bytes(&self) -> usize {
        self.content.capacity() + self.common.capacity()
    }
}

/// What a word is to a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Content,
    Common,
}

/// Turns text into [`Terms`].
///
/// Holds the outcomes for words met lately (about 2 MB), so one is made for a thread and kept. The
/// terms of a text depend on nothing but the text, its language and the main language.
#[derive(Debug)]
pub struct Analyser {
    main: Language,
    known: Vec<Option<Known>>,
    hasher: std::hash::BuildHasherDefault<std::hash::DefaultHasher>,
}

#[derive(Debug)]
struct Known {
    language: Language,
    word: Box<str>,
    term: Box<str>,
    standing: Standing,
}

/// How many outcomes an [`Analyser`] keeps; a power of two.
const KNOWN: usize = 1 << 14;

impl Analyser {
    /// An analyser for a library whose texts of unknown language are treated as `main`.
    pub fn new(main: Language) -> Self {
        let mut known = Vec::new();
        known.resize_with(KNOWN, || None);
        Self { main, known, hasher: std::hash::BuildHasherDefault::default() }
    }

    /// The language of texts whose language is unknown.
    pub fn main_language(&self) -> Language {
        self.main
    }

    /// The terms of `text`, written in `language`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ragged::lexical::{Analyser, Language};
    ///
    /// let mut analyser = Analyser::new(Language::English);
    /// let terms = analyser.analyse(None, "The Tides of Zürich");
    /// assert_eq!(terms.content().collect::<Vec<_>>(), ["tide", "zurich"]);
    /// assert_eq!(terms.common().collect::<Vec<_>>(), ["the", "of"]);
    /// ```
    pub fn analyse(&mut self, language: Option<Language>, text: &str) -> Terms {
        let spoken = language.unwrap_or(self.main);
        let mut terms =
            Terms { language, content: String::with_capacity(text.len()), common: String::new() };
        words(text, |word, kind| {
            if kind == WordKind::Exact {
                push(&mut terms.content, word);
                return;
            }
            let known = self.look_up(spoken, word);
            match known.standing {
                Standing::Content => push(&mut terms.content, &known.term),
                Standing::Common => push(&mut terms.common, &known.term),
            }
        });
        terms
    }

    fn look_up(&mut self, language: Language, word: &str) -> &Known {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(word.as_bytes());
        hasher.write_u8(language as u8);
        let place = &mut self.known[hasher.finish() as usize & (KNOWN - 1)];
        let held = place.take().filter(|known| known.language == language && &*known.word == word);
        place.insert(held.unwrap_or_else(|| {
            let (standing, term) = term(language, word);
            Known { language, word: word.into(), term: term.into(), standing }
        }))
    }
}

fn push(terms: &mut String, term: &str) {
    if !term.is_empty() {
        terms.push_str(term);
        terms.push(' ');
    }
}

static STOP_WORDS: LazyLock<[HashSet<&'static str>; Language::ALL.len()]> =
    LazyLock::new(|| Language::ALL.map(|language| language.stop_words().split(' ').collect()));

/// The term of a word in lower case, and whether it is a stop word, in `language`.
pub(super) fn term(language: Language, word: &str) -> (Standing, String) {
    if STOP_WORDS[language as usize].contains(word) {
        return (Standing::Common, fold(word));
    }
    let stem = if language == Language::English {
        // Accents of English words are optional, so they go before the stemmer looks: "résumé" and
        // "resume" are one word. Other languages' endings have accents of their own.
        language.stemmer().stem(&fold(word)).into_owned()
    } else {
        fold(&language.stemmer().stem(word))
    };
    // A stemmer may leave nothing of a word that is an ending by itself.
    if stem.is_empty() { (Standing::Content, fold(word)) } else { (Standing::Content, stem) }
}

/// `word` without accents: é → e, ß → ss, ø → o. Letters that are not accented letters stay
/// (й, ñ of no other alphabet than Latin folds).
pub(crate) fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word.to_owned();
    }
    let mut folded = String::with_capacity(word.len());
    for c in word.nfkd() {
        match c {
            // й is a letter of its own, not an accented и.
            '\u{306}' if folded.ends_with('и') => {
                folded.pop();
                folded.push('й');
            }
            // Accents, Hebrew points, Arabic vowel signs.
            '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{64b}'..='\u{65f}' | '\u{670}' => {}
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            _ => folded.push(c),
        }
    }
    folded
}
