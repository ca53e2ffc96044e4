//! Quotes → the text of an answer, with the numbers that say where each came from.

use std::fmt::Write as _;

use super::Passage;
use super::extractive::{Extraction, QuoteKind};

/// An answer and where each part of it stands.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Answer {
    /// What is shown: every quote followed by its number, as `[1]`.
    pub text: String,
    /// One for each quote, in the order of [`Answer::text`].
    pub citations: Vec<Citation>,
}

/// Where one quote stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// The number shown, from 1. Quotes of one passage share it.
    pub n: usize,
    /// Position of the passage among those given.
    pub passage: usize,
    /// First and past-the-last byte of the quote in the passage's text, a list mark included.
    pub span: (usize, usize),
    /// The words quoted.
    pub quote: String,
}

/// Numbers the passages quoted by `extraction` in order of first use and writes the answer.
///
/// Running text goes on in one paragraph; items, rows and lines of program text each take a line
/// of their own. A quote of a passage that is not among `passages` is left out.
///
/// # Examples
///
/// ```
/// use ragged::answer::{Extraction, Passage, Quote, QuoteKind, cite};
/// use ragged::document::Format;
///
/// let text = "Tea was late. The kettle boils at 96 °C up there.";
/// let passages = [Passage { text, heading: "", format: Format::Text, score: 1.0 }];
/// let quote = Quote {
///     passage: 0,
///     start: 14,
///     end: text.len(),
///     text: text[14..].to_owned(),
///     kind: QuoteKind::Prose,
/// };
/// let answer = cite(&Extraction { quotes: vec![quote], confidence: 0.8 }, &passages);
/// assert_eq!(answer.text, "The kettle boils at 96 °C up there. [1]");
/// assert_eq!(answer.citations[0].n, 1);
/// ```
pub fn cite(extraction: &Extraction, passages: &[Passage<'_>]) -> Answer {
    let mut answer = Answer::default();
    let mut numbered: Vec<usize> = Vec::new();
    let mut before = None;
    for quote in extraction.quotes.iter().filter(|quote| quote.passage < passages.len()) {
        let known = numbered.iter().position(|&passage| passage == quote.passage);
        let n = 1 + known.unwrap_or_else(|| {
            numbered.push(quote.passage);
            numbered.len() - 1
        });
        let separator = match (before, quote.kind) {
            (None, _) => "",
            (Some(QuoteKind::Prose), QuoteKind::Prose) => " ",
            _ => "\n",
        };
        let mark = if quote.kind == QuoteKind::Item { "- " } else { "" };
        // Writing to a string cannot fail.
        _ = write!(answer.text, "{separator}{mark}{} [{n}]", quote.text);
        answer.citations.push(Citation {
            n,
            passage: quote.passage,
            span: (quote.start, quote.end),
            quote: quote.text.clone(),
        });
        before = Some(quote.kind);
    }
    answer
}
