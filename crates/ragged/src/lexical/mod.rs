//! Term search: BM25 over chunks, in an index derived from the library.
//!
//! What stands here and what does not: the index keeps, for every term, the chunks that hold it
//! and how often, and nothing else. No text, no paths, no dates. Everything in it follows from the
//! chunks' text, so it may be deleted at any time and rebuilt; the [`stamp`](Snapshot::stamp) of
//! its last commit says which state of the library it reflects.
//!
//! Text becomes terms in an [`Analyser`] ([`word`] finds words, [`Language`] decides stop words and
//! stemming). A [`LexicalWriter`] adds and deletes chunks; a [`Snapshot`] answers queries.
//!
//! Postings are kept by tantivy, whose types do not appear in this module's interface.

mod analyser;
mod failure;
mod highlight;
mod index;
mod language;
mod search;
mod stop_words;
pub mod word;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use analyser::fold;
pub use analyser::{ANALYSER_VERSION, Analyser, Terms};
pub use index::{Checked, LexicalIndex, Snapshot};
pub use language::{Language, Languages, detect_language};
pub use search::{Contribution, Found, Hit, LexicalQuery, QueryWord};
pub use writer::LexicalWriter;
