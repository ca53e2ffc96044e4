//! Ranked passages → an answer with numbered citations.
//!
//! Two ways, one result. An *extractive* answer quotes the sentences that answer, word for word
//! ([`extract`], then [`cite`]); it needs nothing but the passages and always works. A *generated*
//! answer is worded by a language model on a server the user named ([`Generator`]), which sees the
//! same numbered passages and cites them the same way.
//!
//! Extraction is pure: values in, values out. Generation talks to one server and to nothing else;
//! when that server fails the error says so, and the caller answers extractively with a note.
//! Nothing here searches, reads the store or knows where a passage came from: passages arrive
//! ranked, and citations speak of them by their position.

mod citation;
mod defaults;
mod extractive;
mod generation;
mod style;
mod unit;

#[cfg(test)]
mod tests;

use crate::document::Format;

pub use citation::{Answer, Citation, cite};
pub use extractive::{Extraction, Language, Question, Quote, QuoteKind, extract};
pub use generation::{Generated, Generator};
pub use style::{Length, Sources, Style, Unnumbered, Wording};

/// A ranked piece of a document that an answer may draw on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passage<'a> {
    /// Its text, as stored.
    pub text: &'a str,
    /// The title and headings it stands under, empty where it has none.
    pub heading: &'a str,
    /// How the text was understood; decides what counts as one statement.
    pub format: Format,
    /// How well it matches the question, from 0 to 1; larger is better.
    pub score: f32,
}

/// `text` with every run of white space made one space, none at the ends.
fn collapse(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(word);
    }
    collapsed
}
