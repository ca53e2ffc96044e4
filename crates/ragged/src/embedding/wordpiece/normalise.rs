//! Text → words as BERT sees them: cleaned, folded, split at white space and around punctuation.

use std::sync::OnceLock;

use unicode_normalization::char::{canonical_combining_class, decompose_canonical};

use super::unicode_table::RANGES;

/// What happens to a character beyond ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    /// Part of a word.
    Ordinary,
    /// Removed before anything else.
    Control,
    /// Ends a word.
    Space,
    /// A word of its own, decomposed if it can be.
    Chinese,
    /// A word of its own.
    Punctuation,
    /// Replaced by its canonical decomposition when accents are stripped.
    Decomposed,
    /// As [`Class::Decomposed`]; punctuation when accents are kept.
    DecomposedPunctuation,
    /// Removed when accents are stripped.
    Mark,
    /// Removed when accents are stripped, but marks are not put in order across it.
    StarterMark,
    /// Stays, in canonical order with its neighbours when accents are stripped.
    OrderedMark,
}

/// Code points below this have their class in a flat table.
const FLAT: u32 = 0x2_0000;

fn class_of(c: char) -> Class {
    static TABLE: OnceLock<Box<[Class]>> = OnceLock::new();
    let code = c as u32;
    if code < FLAT {
        let table = TABLE.get_or_init(|| {
            let mut table = vec![Class::Ordinary; FLAT as usize];
            for &(start, end, class) in RANGES.iter().take_while(|range| range.0 < FLAT) {
                for entry in table.iter_mut().take(end as usize + 1).skip(start as usize) {
                    *entry = class;
                }
            }
            table.into_boxed_slice()
        });
        return table[code as usize];
    }
    let after = RANGES.partition_point(|range| range.0 <= code);
    match after.checked_sub(1).map(|idx| RANGES[idx]) {
        Some((_, end, class)) if code <= end => class,
        _ => Class::Ordinary,
    }
}

/// What happens to a byte of ASCII.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ascii {
    Word,
    Upper,
    Space,
    Punctuation,
    Control,
    /// The byte belongs to a character beyond ASCII.
    Beyond,
}

static ASCII: [Ascii; 256] = {
    let mut table = [Ascii::Beyond; 256];
    let mut byte = 0;
    while byte < 128 {
        let b = byte as u8;
        table[byte] = if b.is_ascii_uppercase() {
            Ascii::Upper
        } else if b.is_ascii_lowercase() || b.is_ascii_digit() {
            Ascii::Word
        } else if b.is_ascii_punctuation() {
            Ascii::Punctuation
        } else if matches!(b, b' ' | b'\t' | b'\n' | b'\r') {
            Ascii::Space
        } else {
            Ascii::Control
        };
        byte += 1;
    }
    table
};

/// How text is folded before it is cut into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Folding {
    /// Whether capital letters become small.
    pub lower_case: bool,
    /// Whether letters lose their accents.
    pub strip_accents: bool,
}

/// A word being put together, and where it goes when it is complete.
pub(super) struct Words<'a, F: FnMut(&Word)> {
    folding: Folding,
    word: &'a mut Word,
    /// Marks waiting to be put in canonical order, with their combining class.
    marks: Vec<(u8, char)>,
    emit: F,
}

/// The folded bytes of a word.
#[derive(Debug, Default)]
pub(super) struct Word {
    pub(super) bytes: Vec<u8>,
    pub(super) n_chars: usize,
}

impl<'a, F: FnMut(&Word)> Words<'a, F> {
    /// Splits texts into words, which are handed to `emit` one after another.
    pub(super) fn new(folding: Folding, word: &'a mut Word, emit: F) -> Self {
        word.bytes.clear();
        word.n_chars = 0;
        Self { folding, word, marks: Vec::new(), emit }
    }

    /// Splits one text; the end of the text ends its last word.
    pub(super) fn split(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match ASCII[usize::from(byte)] {
                Ascii::Upper if self.folding.lower_case => self.push_ascii(byte | 0x20),
                Ascii::Word | Ascii::Upper => self.push_ascii(byte),
                Ascii::Space => self.end_word(),
                Ascii::Punctuation => self.isolate(char::from(byte)),
                Ascii::Control => {}
                Ascii::Beyond => {
                    let Some(c) = text[at..].chars().next() else { break };
                    self.push_cleaned(c);
                    at += c.len_utf8();
                    continue;
                }
            }
            at += 1;
        }
        self.end_word();
    }

    #[inline]
    fn push_ascii(&mut self, byte: u8) {
        self.flush_marks();
        self.word.bytes.push(byte);
        self.word.n_chars += 1;
    }

    /// A character beyond ASCII of the original text.
    fn push_cleaned(&mut self, c: char) {
        match class_of(c) {
            Class::Control => {}
            Class::Space => self.end_word(),
            Class::Chinese => {
                self.end_word();
                self.push_decomposed(c, Class::Chinese);
                self.end_word();
            }
            class => self.push_decomposed(c, class),
        }
    }

    fn push_decomposed(&mut self, c: char, class: Class) {
        if self.folding.strip_accents
            && matches!(class, Class::Decomposed | Class::DecomposedPunctuation | Class::Chinese)
        {
            decompose_canonical(c, |piece| self.push_folded(piece, class_of(piece)));
        } else {
            self.push_folded(c, class);
        }
    }

    /// A character after decomposition.
    fn push_folded(&mut self, c: char, class: Class) {
        if self.folding.strip_accents {
            match class {
                Class::Mark => return,
                Class::StarterMark => return self.flush_marks(),
                Class::OrderedMark => return self.marks.push((canonical_combining_class(c), c)),
                _ => {}
            }
        }
        if matches!(class, Class::Punctuation | Class::DecomposedPunctuation)
            || c.is_ascii_punctuation()
        {
            self.isolate(c);
        } else {
            self.flush_marks();
            self.push_lower(c);
        }
    }

    fn push_lower(&mut self, c: char) {
        if self.folding.lower_case {
            for lower in c.to_lowercase() {
                self.push_char(lower);
            }
        } else {
            self.push_char(c);
        }
    }

    fn push_char(&mut self, c: char) {
        let mut buffer = [0; 4];
        self.word.bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
        self.word.n_chars += 1;
    }

    #[inline]
    fn flush_marks(&mut self) {
        if !self.marks.is_empty() {
            self.flush_waiting_marks();
        }
    }

    #[cold]
    fn flush_waiting_marks(&mut self) {
        let mut marks = std::mem::take(&mut self.marks);
        marks.sort_by_key(|mark| mark.0);
        for (_, mark) in marks.drain(..) {
            self.push_lower(mark);
        }
        self.marks = marks;
    }

    fn isolate(&mut self, c: char) {
        self.end_word();
        self.push_char(c);
        self.end_word();
    }

    #[inline]
    fn end_word(&mut self) {
        self.flush_marks();
        if self.word.n_chars > 0 {
            (self.emit)(self.word);
            self.word.bytes.clear();
            self.word.n_chars = 0;
        }
    }
}
