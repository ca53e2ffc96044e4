//! The tokenizer of BERT's family: text → ids of word pieces.
//!
//! It gives exactly the ids of Hugging Face's `tokenizers` for the same vocabulary (the tests compare
//! the two on every character and on random text), in a fraction of the time: folding, splitting,
//! hashing and look-up happen in one pass over the bytes, and offsets, which nobody here needs, are
//! not kept.

mod normalise;
#[rustfmt::skip]
mod unicode_table;
mod vocabulary;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

pub use normalise::Folding;
pub use vocabulary::Vocabulary;

use self::normalise::{Word, Words};
use self::vocabulary::Hash;
use crate::error::{Error, ErrorKind, Result};

/// Turns text into ids of word pieces.
///
/// Made once per model; shared between threads.
///
/// # Examples
///
/// ```
/// use ragged::embedding::wordpiece::{Folding, Tokenizer, Vocabulary};
///
/// let vocabulary = Vocabulary::new(["[UNK]", "index", "##es", "the"])?;
/// let folding = Folding { lower_case: true, strip_accents: true };
/// let tokenizer = Tokenizer::new(vocabulary, folding, "[UNK]", 100, &["[UNK]"])?;
/// let mut ids = Vec::new();
/// tokenizer.encode("The indexes?", &mut ids);
/// assert_eq!(ids, [3, 1, 2, 0]);
/// # Ok::<(), ragged::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tokenizer {
    vocabulary: Vocabulary,
    folding: Folding,
    unknown: u32,
    max_word_chars: usize,
    /// Tokens recognised in the raw text, longest first.
    special: Vec<(String, u32)>,
}

impl Tokenizer {
    /// A tokenizer over `vocabulary`.
    ///
    /// A word of more than `max_word_chars` characters, or one that the vocabulary cannot spell, is
    /// the token `unknown`. The tokens `special` are recognised as they stand in the raw text, as the
    /// reference does with `[MASK]`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when `unknown` or a special token is not in the vocabulary.
    pub fn new(
        vocabulary: Vocabulary,
        folding: Folding,
        unknown: &str,
        max_word_chars: usize,
        special: &[&str],
    ) -> Result<Self> {
        let id_of = |token: &str| {
            vocabulary.id(token).ok_or_else(|| {
                Error::new(ErrorKind::Invalid, format!("the vocabulary has no token {token:?}"))
            })
        };
        let unknown = id_of(unknown)?;
        let mut special: Vec<(String, u32)> = special
            .iter()
            .filter(|token| !token.is_empty())
            .map(|&token| Ok((token.to_owned(), id_of(token)?)))
            .collect::<Result<_>>()?;
        special.sort_by_key(|(token, _)| std::cmp::Reverse(token.len()));
        Ok(Self { vocabulary, folding, unknown, max_word_chars, special })
    }

    /// The tokens this tokenizer knows.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The id that stands for a word the vocabulary cannot spell.
    pub fn unknown(&self) -> u32 {
        self.unknown
    }

    /// Appends the ids of all of `text`; no special token is added around them.
    ///
    /// Cost: O(bytes) for words that are tokens themselves; a word of n bytes that must be cut into
    /// pieces costs O(n · longest token).
    pub fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        let mut word = Word::default();
        let mut rest = text;
        while let Some((start, end, id)) = self.next_special(rest) {
            self.encode_plain(&rest[..start], &mut word, ids);
            ids.push(id);
            rest = &rest[end..];
        }
        self.encode_plain(rest, &mut word, ids);
    }

    /// The first special token in `text`: its start, its end, its id.
    fn next_special(&self, text: &str) -> Option<(usize, usize, u32)> {
        // The first bytes are all `[` in practice; a scan for them costs a fraction of the rest.
        let first = self.special.first()?.0.as_bytes().first().copied()?;
        let same_first =
            self.special.iter().all(|(token, _)| token.as_bytes().first() == Some(&first));
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if same_first {
                at += bytes[at..].iter().position(|&byte| byte == first)?;
            }
            let found =
                self.special.iter().find(|(token, _)| bytes[at..].starts_with(token.as_bytes()));
            if let Some((token, id)) = found {
                return Some((at, at + token.len(), *id));
            }
            at += 1;
        }
        None
    }

    fn encode_plain(&self, text: &str, word: &mut Word, ids: &mut Vec<u32>) {
        if !text.is_empty() {
            Words::new(self.folding, word, |word| self.encode_word(word, ids)).split(text);
        }
    }

    fn encode_word(&self, word: &Word, ids: &mut Vec<u32>) {
        if word.n_chars > self.max_word_chars {
            ids.push(self.unknown);
            return;
        }
        let hash = word.bytes.iter().fold(Hash::WORD, |hash, &byte| hash.with(byte));
        match self.vocabulary.find(hash, b"", &word.bytes) {
            Some(id) => ids.push(id),
            None => self.encode_pieces(&word.bytes, ids),
        }
    }

    /// The longest token first, then the longest continuation, and so on to the end of the word.
    fn encode_pieces(&self, word: &[u8], ids: &mut Vec<u32>) {
        let n_ids = ids.len();
        let mut prefix: &[u8] = b"";
        let mut seed = Hash::WORD;
        let mut rest = word;
        let mut hashes = Vec::with_capacity(word.len());
        while !rest.is_empty() {
            hashes.clear();
            hashes.extend(rest.iter().take(self.vocabulary.longest()).scan(seed, |hash, &byte| {
                *hash = hash.with(byte);
                Some(*hash)
            }));
            let found = hashes.iter().enumerate().rev().find_map(|(last, &hash)| {
                let piece = &rest[..=last];
                self.vocabulary.find(hash, prefix, piece).map(|id| (id, piece.len()))
            });
            let Some((id, len)) = found else {
                ids.truncate(n_ids);
                ids.push(self.unknown);
                return;
            };
            ids.push(id);
            rest = &rest[len..];
            prefix = b"##";
            seed = Hash::CONTINUATION;
        }
    }
}
