//! Questions to a [`Snapshot`].

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::Postings as _;
use tantivy::query::{
    Bm25StatisticsProvider, Bm25Weight, BooleanQuery, BoostQuery, DisjunctionMaxQuery,
    EnableScoring, Occur, Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet as _, Score, Searcher, SegmentReader, TERMINATED, Term};

use crate::error::Result;

use super::analyser::{Standing, term};
use super::failure::guard;
use super::index::Snapshot;
use super::language::Language;
use super::word::{WordKind, words};

/// More words than this are not looked at; a question is not a book.
const WORDS_MAX: usize = 256;

/// One word of a question and the terms it may stand for.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryWord {
    /// The word in lower case.
    pub word: String,
    /// Its terms under each language of the index, distinct, never empty. A chunk is scored by
    /// the best of them, so that a word counts once.
    pub terms: Vec<String>,
    /// The word as a stop word, if it is one in some of the languages and not in others.
    pub common: Option<String>,
    /// How often it was said.
    pub weight: f32,
}

/// A question in terms of one snapshot's languages; see [`Snapshot::query`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LexicalQuery {
    /// The words that are looked for, in the order of the question.
    pub words: Vec<QueryWord>,
    /// Whether the question had nothing but stop words, and they are looked for.
    pub only_stop_words: bool,
}

impl LexicalQuery {
    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether this question says every word of another one, made of the same snapshot.
    pub fn says_all_of(&self, other: &Self) -> bool {
        let has = |word: &QueryWord| self.words.iter().any(|own| own.terms == word.terms);
        self.only_stop_words == other.only_stop_words
            && !other.is_empty()
            && other.words.iter().all(has)
    }

    /// The question `text` to an index whose texts are in `languages`.
    pub(super) fn new(text: &str, languages: &[Language]) -> Self {
        let mut content = Vec::new();
        let mut common = Vec::new();
        words(text, |word, kind| {
            if content.len() + common.len() >= WORDS_MAX {
                return;
            }
            if kind == WordKind::Exact {
                add(&mut content, word, vec![word.to_owned()], None);
                return;
            }
            let (mut content_terms, mut common_terms) = (Vec::new(), Vec::new());
            for &language in languages {
                let (standing, term) = term(language, word);
                let terms = match standing {
                    Standing::Content => &mut content_terms,
                    Standing::Common => &mut common_terms,
                };
                if !term.is_empty() && !terms.contains(&term) {
                    terms.push(term);
                }
            }
            if content_terms.is_empty() {
                add(&mut common, word, common_terms, None);
            } else {
                add(&mut content, word, content_terms, common_terms.pop());
            }
        });
        let only_stop_words = content.is_empty() && !common.is_empty();
        Self { words: if only_stop_words { common } else { content }, only_stop_words }
    }
}

fn add(words: &mut Vec<QueryWord>, word: &str, terms: Vec<String>, common: Option<String>) {
    if terms.is_empty() {
        return;
    }
    match words.iter_mut().find(|known| known.terms == terms) {
        Some(known) => known.weight += 1.0,
        None => words.push(QueryWord { word: word.to_owned(), terms, common, weight: 1.0 }),
    }
}

/// A chunk that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The chunk's id.
    pub chunk_id: u64,
    /// BM25, greater is better, always above 0.
    pub score: f32,
}

/// The outcome of a search.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The best chunks, best first; of equal scores the lower id first.
    pub hits: Vec<Hit>,
    /// How many chunks were, when they were met, good enough for the best so far: a measure of
    /// work, not of matches.
    pub scored: u64,
}

/// What one word of a question adds to the score of a chunk.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// The word of the question.
    pub word: String,
    /// The term of the word that the chunk holds.
    pub term: String,
    /// How often the chunk holds it.
    pub frequency: u32,
    /// How many chunks hold any term of the word, out of [`Contribution::chunks`]; chunks deleted
    /// since the last merge are counted in both.
    pub document_frequency: u64,
    /// Chunks in the index.
    pub chunks: u64,
    /// Its part of the score.
    pub score: f32,
}

impl Snapshot {
    /// What `text` asks for, under the languages of this snapshot and the main language.
    ///
    /// Stop words are left out, unless there is nothing else.
    pub fn query(&self, text: &str) -> LexicalQuery {
        let mut languages = vec![self.payload.main];
        languages.extend(self.languages().iter().filter(|&language| language != self.payload.main));
        LexicalQuery::new(text, &languages)
    }

    /// The `n` best chunks for `query`, among those `allow` says yes to.
    ///
    /// Ranked by BM25 (k1 = 1.2, b = 0.75, lengths kept in one byte each), summed over the
    /// words; a chunk need not hold all of them. A chunk with none is never found.
    ///
    /// Cost: the postings of the query's terms, less what cannot reach the best `n`. `allow` is
    /// asked once for each chunk that would otherwise be among them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) if the index cannot be read.
    pub fn search(
        &self,
        query: &LexicalQuery,
        n: usize,
        allow: Option<&dyn Fn(u64) -> bool>,
    ) -> Result<Found> {
        if query.is_empty() || n == 0 {
            return Ok(Found::default());
        }
        guard(&self.dir, "searching", || {
            let statistics = Statistics::new(self, query)?;
            let weight = self.tantivy_query(query, &statistics).weight(
                EnableScoring::enabled_from_statistics_provider(&statistics, &self.searcher),
            )?;
            let mut best = Best::new(n);
            let mut scored = 0;
            for segment in self.searcher.segment_readers() {
                let ids = segment.fast_fields().u64("chunk")?;
                let alive = segment.alive_bitset();
                weight.for_each_pruning(best.threshold(), segment, &mut |doc, score| {
                    scored += 1;
                    if alive.is_none_or(|alive| alive.is_alive(doc))
                        && let Some(chunk_id) = ids.first(doc)
                        && best.would_take(Hit { chunk_id, score })
                        && allow.is_none_or(|allow| allow(chunk_id))
                    {
                        best.take(Hit { chunk_id, score });
                    }
                    best.threshold()
                })?;
            }
            Ok(Found { hits: best.into_hits(), scored })
        })
    }

    /// What each word of `query` adds to the score of the chunk `chunk_id`, in the order of the
    /// question; words that add nothing are left out. `None` if there is no such chunk.
    ///
    /// Costs a pass over the column of ids: for what is shown, not for every candidate.
    ///
    /// # Errors
    ///
    /// As [`search`](Self::search).
    pub fn explain(
        &self,
        query: &LexicalQuery,
        chunk_id: u64,
    ) -> Result<Option<Vec<Contribution>>> {
        guard(&self.dir, "searching", || {
            for segment in self.searcher.segment_readers() {
                let ids = segment.fast_fields().u64("chunk")?;
                if !(ids.min_value()..=ids.max_value()).contains(&chunk_id) {
                    continue;
                }
                let doc = segment.doc_ids_alive().find(|&doc| ids.first(doc) == Some(chunk_id));
                if let Some(doc) = doc {
                    return self.contributions(query, segment, doc).map(Some);
                }
            }
            Ok(None)
        })
    }

    /// The chunks that hold every word of `query`, each by any of its terms, ascending; none for
    /// a query without words.
    ///
    /// Cost: the postings of all its terms, and the ids of the chunks that are found.
    ///
    /// # Errors
    ///
    /// As [`search`](Self::search).
    pub fn chunks_with_all(&self, query: &LexicalQuery) -> Result<Vec<u64>> {
        let mut chunks = Vec::new();
        if query.is_empty() {
            return Ok(chunks);
        }
        guard(&self.dir, "searching", || {
            let field = self.field(query);
            for segment in self.searcher.segment_readers() {
                let index = segment.inverted_index(field)?;
                let mut common: Option<Vec<u32>> = None;
                for word in &query.words {
                    let mut docs: Vec<u32> = Vec::new();
                    for text in &word.terms {
                        let term = Term::from_field_text(field, text);
                        let postings = index.read_postings(&term, IndexRecordOption::Basic)?;
                        let Some(mut postings) = postings else { continue };
                        while postings.doc() != TERMINATED {
                            docs.push(postings.doc());
                            postings.advance();
                        }
                    }
                    // Of one term they are in order, of several they are not.
                    docs.sort_unstable();
                    docs.dedup();
                    common = Some(match common {
                        None => docs,
                        Some(before) => intersection(&before, &docs),
                    });
                    if common.as_ref().is_some_and(Vec::is_empty) {
                        break;
                    }
                }
                let ids = segment.fast_fields().u64("chunk")?;
                let alive = segment.alive_bitset();
                let docs = common.into_iter().flatten();
                let docs = docs.filter(|doc| alive.is_none_or(|alive| alive.is_alive(*doc)));
                chunks.extend(docs.filter_map(|doc| ids.first(doc)));
            }
            chunks.sort_unstable();
            Ok(())
        })?;
        Ok(chunks)
    }

    fn contributions(
        &self,
        query: &LexicalQuery,
        segment: &SegmentReader,
        doc: u32,
    ) -> tantivy::Result<Vec<Contribution>> {
        let field = self.field(query);
        let statistics = Statistics::new(self, query)?;
        let chunks = statistics.total_num_docs()?;
        let average = statistics.total_num_tokens(field)? as Score / chunks as Score;
        let index = segment.inverted_index(field)?;
        let lengths = if query.only_stop_words {
            FieldNormReader::constant(segment.max_doc(), 1)
        } else {
            segment.get_fieldnorms_reader(field)?
        };
        let option = record_option(query);
        let mut contributions = Vec::new();
        for word in &query.words {
            let mut best: Option<Contribution> = None;
            for text in &word.terms {
                let term = Term::from_field_text(field, text);
                let Some(document_frequency) = statistics.of(&term) else { continue };
                let Some(mut postings) = index.read_postings(&term, option)? else { continue };
                if postings.doc() > doc || postings.seek(doc) != doc || doc == TERMINATED {
                    continue;
                }
                let frequency = postings.term_freq();
                let weight = Bm25Weight::for_one_term(document_frequency, chunks, average);
                let score = weight.score(lengths.fieldnorm_id(doc), frequency) * word.weight;
                if best.as_ref().is_none_or(|best| score > best.score) {
                    best = Some(Contribution {
                        word: word.word.clone(),
                        term: text.clone(),
                        frequency,
                        document_frequency,
                        chunks,
                        score,
                    });
                }
            }
            contributions.extend(best);
        }
        Ok(contributions)
    }

    fn field(&self, query: &LexicalQuery) -> Field {
        if query.only_stop_words { self.fields.common } else { self.fields.content }
    }

    /// The query over the terms that occur; a word of one such term stays a plain term query, since
    /// tantivy skips postings only in unions of those.
    fn tantivy_query(&self, query: &LexicalQuery, statistics: &Statistics<'_>) -> BooleanQuery {
        let field = self.field(query);
        let option = record_option(query);
        let mut clauses = Vec::with_capacity(query.words.len());
        for word in &query.words {
            let mut terms: Vec<Box<dyn Query>> = Vec::with_capacity(word.terms.len());
            for text in &word.terms {
                let term = Term::from_field_text(field, text);
                if statistics.of(&term).is_some() {
                    terms.push(Box::new(TermQuery::new(term, option)));
                }
            }
            let several = terms.len() > 1;
            let Some(mut clause) = terms.pop() else { continue };
            if several {
                terms.push(clause);
                clause = Box::new(DisjunctionMaxQuery::new(terms));
            }
            if word.weight.total_cmp(&1.0) != Ordering::Equal {
                clause = Box::new(BoostQuery::new(clause, word.weight));
            }
            clauses.push((Occur::Should, clause));
        }
        BooleanQuery::new(clauses)
    }
}

/// What two ascending lists have in common.
fn intersection(a: &[u32], b: &[u32]) -> Vec<u32> {
    let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    few.iter().copied().filter(|doc| many.binary_search(doc).is_ok()).collect()
}

fn record_option(query: &LexicalQuery) -> IndexRecordOption {
    if query.only_stop_words { IndexRecordOption::Basic } else { IndexRecordOption::WithFreqs }
}

/// BM25's view of the index, in which the terms of one word are as rare as all of them together,
/// the chunks in whose language it is a stop word included.
///
/// Without that, the form a word takes in a language of which the index has two texts would be
/// very rare, and those two texts would come first for every question; likewise `the` in a French
/// text.
struct Statistics<'a> {
    searcher: &'a Searcher,
    /// The field of stop words, which has no lengths.
    common: Field,
    /// The terms that occur at all.
    frequencies: Vec<(Term, u64)>,
}

impl<'a> Statistics<'a> {
    fn new(snapshot: &'a Snapshot, query: &LexicalQuery) -> tantivy::Result<Self> {
        let searcher = &snapshot.searcher;
        let field = snapshot.field(query);
        let chunks = searcher.total_num_docs()?;
        let mut frequencies = Vec::new();
        for word in &query.words {
            let first = frequencies.len();
            let mut together = 0;
            if let Some(term) = &word.common {
                let term = Term::from_field_text(snapshot.fields.common, term);
                together += searcher.doc_freq(&term)?;
            }
            for term in &word.terms {
                let term = Term::from_field_text(field, term);
                let frequency = searcher.doc_freq(&term)?;
                together += frequency;
                if frequency > 0 {
                    frequencies.push((term, 0));
                }
            }
            for (_, frequency) in &mut frequencies[first..] {
                *frequency = together.min(chunks);
            }
        }
        Ok(Self { searcher, common: snapshot.fields.common, frequencies })
    }

    /// The frequency of the word that `term` belongs to; `None` if no chunk holds the term.
    fn of(&self, term: &Term) -> Option<u64> {
        self.frequencies.iter().find(|(known, _)| known == term).map(|&(_, frequency)| frequency)
    }
}

impl Bm25StatisticsProvider for Statistics<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        if field == self.common {
            // Every chunk counts as one word long; what tantivy keeps of a field without lengths
            // changes with deletions.
            return self.searcher.total_num_docs();
        }
        self.searcher.total_num_tokens(field)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        self.searcher.total_num_docs()
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        Ok(self.of(term).unwrap_or(0))
    }
}

/// Keeps the `n` best hits.
struct Best {
    n: usize,
    /// The worst of the kept on top.
    heap: BinaryHeap<Reverse<Ranked>>,
}

/// A hit ordered by rank: greater is better.
#[derive(Clone, Copy, PartialEq)]
struct Ranked(Hit);

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.score.total_cmp(&other.0.score).then(other.0.chunk_id.cmp(&self.0.chunk_id))
    }
}

impl Best {
    fn new(n: usize) -> Self {
        Self { n, heap: BinaryHeap::new() }
    }

    /// Scores must be above this to be of interest. Equal scores are, for a lower id wins, so this
    /// is just below the worst kept score.
    fn threshold(&self) -> Score {
        match self.heap.peek() {
            Some(Reverse(worst)) if self.heap.len() >= self.n => worst.0.score.next_down(),
            _ => Score::MIN,
        }
    }

    fn would_take(&self, hit: Hit) -> bool {
        self.heap.len() < self.n
            || self.heap.peek().is_some_and(|Reverse(worst)| Ranked(hit) > *worst)
    }

    fn take(&mut self, hit: Hit) {
        self.heap.push(Reverse(Ranked(hit)));
        if self.heap.len() > self.n {
            self.heap.pop();
        }
    }

    fn into_hits(self) -> Vec<Hit> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse(ranked)| ranked.0).collect()
    }
}
