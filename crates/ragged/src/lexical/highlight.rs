//! Where in a text the words of a question stand, and how much a word tells.

use std::ops::Range;

use super::analyser::term;
use super::failure::guard;
use super::index::Snapshot;
use super::language::Language;
use super::search::LexicalQuery;
use super::word::{WordKind, words};
use crate::error::Result;

impl Snapshot {
    /// The bytes of `text`, written in `language`, whose words are words of `query`: ascending,
    /// disjoint. A word is marked whole, whatever part of it matches.
    ///
    /// Analyses the text, so it is meant for what is shown.
    pub fn highlights(
        &self,
        query: &LexicalQuery,
        language: Option<Language>,
        text: &str,
    ) -> Vec<Range<usize>> {
        let spoken = language.unwrap_or(self.payload.main);
        let wanted: Vec<&str> =
            query.words.iter().flat_map(|word| &word.terms).map(String::as_str).collect();
        // The English stemmer leaves first letters alone, so most words need no stemming to be
        // told from those that are wanted.
        let mut initials = [spoken != Language::English; 256];
        for wanted in wanted.iter().filter_map(|term| term.bytes().next()) {
            initials[usize::from(wanted)] = true;
        }
        let may_match = |word: &str| {
            !word.is_ascii() || word.bytes().next().is_some_and(|byte| initials[usize::from(byte)])
        };
        let mut found: Vec<Range<usize>> = Vec::new();
        for (start, run) in runs(text) {
            let mut matches = false;
            words(run, |word, kind| {
                matches |= match kind {
                    WordKind::Exact => wanted.contains(&word),
                    WordKind::Plain => {
                        may_match(word) && wanted.contains(&term(spoken, word).1.as_str())
                    }
                };
            });
            if matches {
                found.push(start..start + run.trim_end_matches(['.', '-']).len());
            }
        }
        found
    }
}

/// What stands between white space and punctuation, with where it begins. Signs that may belong
/// to a word (`C++`, `3.14`, `don't`) stay with it.
fn runs(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let belongs = |c: char| c.is_alphanumeric() || matches!(c, '_' | '\'' | '’' | '+' | '#' | '.');
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + text.get(rest..)?.find(belongs)?;
        let tail = text.get(start..)?;
        let length = tail.find(|c| !belongs(c)).unwrap_or(tail.len());
        rest = start + length;
        Some((start, &tail[..length]))
    })
}

impl Snapshot {
    /// How much a term tells: the inverse document frequency of BM25, larger for rarer terms, and
    /// largest for one that no chunk holds.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::error::ErrorKind::Corrupt) if the index cannot be read.
    pub fn term_weight(&self, term: &str) -> Result<f32> {
        let term = tantivy::Term::from_field_text(self.fields.content, term);
        let holding = guard(&self.dir, "reading", || self.searcher.doc_freq(&term))? as f32;
        let chunks = self.chunk_count() as f32;
        Ok((1.0 + (chunks - holding + 0.5).max(0.0) / (holding + 0.5)).ln())
    }
}
