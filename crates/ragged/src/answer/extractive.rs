//! The sentences that answer, picked out of passages.

use super::defaults::{
    ANSWER_SHARE, COVERAGE_SHARE, EMBEDDED_UNITS_MAX, EVIDENCE_MIN, FURTHER_SHARE, HEADING_FACTOR,
    HEADING_SHARE, LEAD_IN_SHARE, LONG_WORDS, NEIGHBOUR_SHARE, NOVELTY_WEIGHT, NUMBER_BONUS,
    PASSAGE_BONUS, PASSAGE_SHARE, POSITION_BONUS, QUESTION_FACTOR, QUESTION_TERMS_MAX,
    REDUNDANCY_WEIGHT, SAME_OVERLAP, SHORT_FACTOR, SHORT_WORDS, SIMILARITY_ALONE_MIN, UNITS_MAX,
};
use super::unit::{Unit, UnitKind, units};
use super::{Passage, collapse};
use crate::error::{Context, Error, ErrorKind, Result};

/// A question, as text and as a vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question<'a> {
    /// What was asked.
    pub text: &'a str,
    /// Its unit vector, made the way questions are; empty when meaning is not to be compared.
    pub vector: &'a [f32],
}

/// What extraction has to know about words and their meaning.
pub trait Language {
    /// The words of `text` that carry meaning, stemmed, repetitions included.
    fn terms(&self, text: &str) -> Vec<String>;

    /// How much a term tells: larger is rarer, never negative. A term that occurs nowhere in the
    /// library is the rarest.
    fn term_weight(&self, term: &str) -> f32;

    /// One unit vector for each text, row after row, made the way passages are.
    fn embed(&self, texts: &[&str]) -> Result<Vec<f32>>;

    /// The cosines that two unrelated sentences, and a question and what answers it, typically have;
    /// similarity is measured between them. The default suits the built-in model: half of 20,000
    /// unrelated pairs are below 0.04, and nine of ten titles and their passages above 0.65, but a
    /// short question and the sentence that answers it lie between 0.35 and 0.7.
    fn similarity_range(&self) -> (f32, f32) {
        (0.05, 0.62)
    }
}

/// What was picked out.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Extraction {
    /// The quotes in reading order, those of the most telling passage first; empty when nothing in
    /// the passages answers.
    pub quotes: Vec<Quote>,
    /// How well the best quote answers, from 0 to 1; 0 when there is none. Good for comparing the
    /// answers to one question; it is no probability.
    pub confidence: f32,
}

/// Words of a passage, unaltered but for white space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Position of the passage among those given.
    pub passage: usize,
    /// First byte in the passage's text; a list or heading mark before the words is inside.
    pub start: usize,
    /// Past the last byte.
    pub end: usize,
    /// The words from the passage, runs of white space made one space, without the mark.
    pub text: String,
    /// How it reads.
    pub kind: QuoteKind,
}

/// How a [`Quote`] reads, and so how it is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuoteKind {
    /// Running text.
    Prose,
    /// An item of a list.
    Item,
    /// A heading, a row of a table or lines of program text.
    Line,
}

/// Picks at most `max_sentences` statements that answer `question` out of `passages`, which come
/// best first.
///
/// A statement is a sentence, an item of a list, a row of a table or a line of program text. It
/// counts by the words of the question it holds (rare ones more; those of its heading, its lead-in
/// and its neighbours in part), by its similarity to the question, and a little by the passage's
/// score. Further statements are quoted when they are nearly as good and add something. A
/// statement that begins with a pronoun brings the sentence before it, one that ends with a colon
/// what it introduces. Neighbouring sentences make one quote.
///
/// Nothing is quoted when no statement has enough evidence.
///
/// Cost: one pass over the passages, and at most 256 statements embedded in one call.
///
/// # Errors
///
/// Those of [`Language::embed`]; [`ErrorKind::Internal`] when it does not give one vector for each
/// text.
///
/// # Examples
///
/// ```
/// use ragged::answer::{Language, Passage, Question, extract};
/// use ragged::document::Format;
///
/// struct Words;
/// impl Language for Words {
///     fn terms(&self, text: &str) -> Vec<String> {
///         let words = text.split(|c: char| !c.is_alphanumeric()).filter(|w| w.len() > 3);
///         words.map(str::to_lowercase).collect()
///     }
///     fn term_weight(&self, _: &str) -> f32 {
///         1.0
///     }
///     fn embed(&self, _: &[&str]) -> ragged::error::Result<Vec<f32>> {
///         Ok(Vec::new())
///     }
/// }
///
/// let passages = [Passage {
///     text: "The hut has no kitchen. The warden lights the stove at six every evening.",
///     heading: "The hut",
///     format: Format::Text,
///     score: 0.9,
/// }];
/// let question = Question { text: "When does the warden light the stove?", vector: &[] };
/// let found = extract(&question, &passages, &Words, 2)?;
/// assert_eq!(found.quotes.len(), 1);
/// assert_eq!(found.quotes[0].text, "The warden lights the stove at six every evening.");
/// # Ok::<(), ragged::error::Error>(())
/// ```
pub fn extract(
    question: &Question<'_>,
    passages: &[Passage<'_>],
    language: &dyn Language,
    max_sentences: usize,
) -> Result<Extraction> {
    if max_sentences == 0 {
        return Ok(Extraction::default());
    }
    let asked = Asked::new(question, language);
    let mut statements = statements(&asked, passages, language);
    let vectors = compare(question, &mut statements, language)
        .context_with(|| "comparing sentences with the question")?;
    for statement in &mut statements {
        asked.judge(statement);
    }
    let chosen = choose(&asked, &statements, &vectors, max_sentences);
    let Some(&best) = chosen.first() else { return Ok(Extraction::default()) };
    let confidence = statements[best].relevance.clamp(0.0, 1.0);
    let chosen = with_neighbours(&asked, chosen, &statements, max_sentences);
    Ok(Extraction { quotes: quotes(&chosen, &statements, passages), confidence })
}

/// A unit with what speaks for it.
struct Statement<'a> {
    passage: usize,
    /// Position among the units of the passage.
    position: usize,
    unit: Unit,
    shown: &'a str,
    /// The passage's score, from 0 to 1.
    score: f32,
    /// All its terms, sorted, each once.
    terms: Vec<String>,
    /// The question's terms it holds itself, one bit each.
    held: u64,
    /// Share of the question's words it covers, its surroundings counted in part.
    coverage: f32,
    /// The question's terms held by the line that introduces it.
    introduced: u64,
    /// Whether it follows a question or a heading that it may answer.
    follows: Option<Introduction>,
    /// Cosine to the question; none when meaning is not compared.
    cosine: Option<f32>,
    /// Whether it was good enough to be quoted first.
    answers: bool,
    relevance: f32,
}

/// What is known of the question.
struct Asked {
    /// Its terms, each once, with their weights; bit `i` of a mask stands for the `i`-th.
    terms: Vec<(String, f32)>,
    /// Sum of the weights; 0 when the question has no term.
    weight: f32,
    /// Whether the answer is a number or a date.
    wants_number: bool,
    /// Whether the answer is a way or a reason, which takes more than one sentence.
    wants_explanation: bool,
    similarity_range: (f32, f32),
}

impl Asked {
    fn new(question: &Question<'_>, language: &dyn Language) -> Self {
        let mut terms: Vec<(String, f32)> = distinct(language.terms(question.text))
            .into_iter()
            .map(|term| {
                let weight = language.term_weight(&term);
                (term, if weight.is_finite() { weight.max(0.0) } else { 0.0 })
            })
            .collect();
        terms.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        terms.truncate(QUESTION_TERMS_MAX);
        let weight = terms.iter().map(|(_, weight)| weight).sum();
        Self {
            terms,
            weight,
            wants_number: wants_number(question.text),
            wants_explanation: wants_explanation(question.text),
            similarity_range: language.similarity_range(),
        }
    }

    /// The question's terms among `terms`.
    fn mask(&self, terms: &[String]) -> u64 {
        let mut mask = 0;
        for (bit, (term, _)) in self.terms.iter().enumerate() {
            if terms.binary_search(term).is_ok() {
                mask |= 1 << bit;
            }
        }
        mask
    }

    /// The share of the question's weight that the terms in `mask` have, from 0 to 1.
    fn share(&self, mask: u64) -> f32 {
        if self.weight <= 0.0 {
            return 0.0;
        }
        let held = self.terms.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1);
        held.map(|(_, (_, weight))| weight).sum::<f32>() / self.weight
    }

    /// Sets what speaks for `statement`, its coverage and cosine being known.
    fn judge(&self, statement: &mut Statement<'_>) {
        let (unrelated, same) = self.similarity_range;
        let similarity = statement.cosine.map(|cosine| {
            ((cosine - unrelated) / (same - unrelated).max(f32::EPSILON)).clamp(0.0, 1.0)
        });
        let (evidence, alike) = match similarity {
            Some(similarity) if self.weight > 0.0 => (
                COVERAGE_SHARE * statement.coverage + (1.0 - COVERAGE_SHARE) * similarity,
                similarity >= SIMILARITY_ALONE_MIN,
            ),
            Some(similarity) => (similarity, similarity >= SIMILARITY_ALONE_MIN),
            None => (statement.coverage, false),
        };
        let touched = statement.held | statement.introduced != 0;
        statement.answers = alike || (touched && evidence >= EVIDENCE_MIN);

        let early = 1.0 / (1.0 + statement.position as f32);
        let mut relevance = evidence + PASSAGE_BONUS * statement.score + POSITION_BONUS * early;
        if self.wants_number && has_number(statement.shown) {
            relevance += NUMBER_BONUS;
        }
        relevance *= match statement.unit.kind {
            UnitKind::Heading => HEADING_FACTOR,
            _ if is_question(statement.shown) => QUESTION_FACTOR,
            UnitKind::Sentence
                if statement.unit.words < SHORT_WORDS
                    && statement.follows != Some(Introduction::Question) =>
            {
                SHORT_FACTOR
            }
            _ if statement.unit.words > LONG_WORDS => {
                (LONG_WORDS as f32 / statement.unit.words as f32).max(0.5)
            }
            _ => 1.0,
        };
        statement.relevance = relevance;
    }
}

/// The statements of all passages with their words compared with the question's.
fn statements<'a>(
    asked: &Asked,
    passages: &[Passage<'a>],
    language: &dyn Language,
) -> Vec<Statement<'a>> {
    let mut all: Vec<Statement<'a>> = Vec::new();
    for (passage_idx, passage) in passages.iter().enumerate() {
        let first = all.len();
        let score = if passage.score.is_finite() { passage.score.clamp(0.0, 1.0) } else { 0.0 };
        let limit = UNITS_MAX.saturating_sub(first);
        for (position, unit) in units(passage.text, passage.format, limit).into_iter().enumerate() {
            let shown = unit.shown_in(passage.text);
            let terms = distinct(language.terms(shown));
            let held = asked.mask(&terms);
            all.push(Statement {
                passage: passage_idx,
                position,
                unit,
                shown,
                score,
                terms,
                held,
                coverage: 0.0,
                introduced: 0,
                follows: None,
                cosine: None,
                answers: false,
                relevance: 0.0,
            });
        }
        let above = asked.mask(&distinct(language.terms(passage.heading)));
        cover(asked, &mut all[first..], above);
    }
    all
}

/// Sets the coverage of the statements of one passage whose headings hold the terms in `above`.
fn cover(asked: &Asked, statements: &mut [Statement<'_>], above: u64) {
    let anywhere = statements.iter().fold(0, |mask, statement| mask | statement.held);
    let mut section = 0;
    let mut list_lead_in = 0;
    let mut columns = 0;
    for at in 0..statements.len() {
        let (before, rest) = statements.split_at_mut(at);
        let statement = &mut rest[0];
        // What introduces the statement: the line that asks, names or announces it. A list's
        // introduction holds for each of its items.
        let kind = statement.unit.kind;
        let mut lead_in = 0;
        let mut neighbour = 0;
        match before.last() {
            Some(previous) if introduction(previous).is_some() => {
                lead_in = previous.held;
                statement.follows = introduction(previous);
            }
            Some(previous) if kind == UnitKind::Item && previous.unit.kind == kind => {
                lead_in = list_lead_in;
            }
            Some(previous) if begins_with_reference(statement.shown) => lead_in = previous.held,
            Some(previous) => neighbour = previous.held,
            None => {}
        }
        list_lead_in = if kind == UnitKind::Item { lead_in } else { 0 };
        // The first row of a table names the columns.
        match before.last() {
            _ if kind != UnitKind::Row => columns = 0,
            Some(previous) if previous.unit.kind == UnitKind::Row => {}
            _ => columns = statement.held,
        }
        let lead_in_share = match statement.follows {
            Some(Introduction::Question) => ANSWER_SHARE,
            _ => LEAD_IN_SHARE,
        };
        statement.introduced = lead_in | columns;
        let mut counted = statement.held;
        let mut coverage = asked.share(counted);
        for (mask, share) in [
            (lead_in, lead_in_share),
            (columns, LEAD_IN_SHARE),
            (section | above, HEADING_SHARE),
            (neighbour, NEIGHBOUR_SHARE),
            (anywhere, PASSAGE_SHARE),
        ] {
            coverage += share * asked.share(mask & !counted);
            counted |= mask;
        }
        statement.coverage = coverage;
        if statement.unit.kind == UnitKind::Heading {
            section = statement.held;
        }
    }
}

/// Vectors of the statements that were embedded.
struct Vectors {
    dims: usize,
    rows: Vec<f32>,
    /// The row of each statement.
    row_of: Vec<Option<usize>>,
}

impl Vectors {
    fn of(&self, statement: usize) -> Option<&[f32]> {
        let row = (*self.row_of.get(statement)?)?;
        self.rows.get(row * self.dims..(row + 1) * self.dims)
    }
}

/// Embeds the statements and sets their cosine to the question.
fn compare(
    question: &Question<'_>,
    statements: &mut [Statement<'_>],
    language: &dyn Language,
) -> Result<Vectors> {
    let dims = question.vector.len();
    let mut vectors = Vectors { dims, rows: Vec::new(), row_of: vec![None; statements.len()] };
    if dims == 0 || statements.is_empty() {
        return Ok(vectors);
    }
    for statement in statements.iter_mut() {
        // What is not embedded below is taken to be unlike the question.
        statement.cosine = Some(0.0);
    }
    let mut compared: Vec<usize> = (0..statements.len()).collect();
    if compared.len() > EMBEDDED_UNITS_MAX {
        compared.sort_by(|&a, &b| {
            statements[b].coverage.total_cmp(&statements[a].coverage).then(a.cmp(&b))
        });
        compared.truncate(EMBEDDED_UNITS_MAX);
        compared.sort_unstable();
    }
    let texts: Vec<&str> = compared.iter().map(|&at| statements[at].shown).collect();
    vectors.rows = language.embed(&texts)?;
    if vectors.rows.len() != texts.len() * dims {
        return Err(Error::new(
            ErrorKind::Internal,
            format!(
                "{} sentences of {dims} dimensions were embedded as {} numbers",
                texts.len(),
                vectors.rows.len()
            ),
        ));
    }
    for (row, &at) in compared.iter().enumerate() {
        vectors.row_of[at] = Some(row);
        let cosine = vectors.of(at).map_or(0.0, |vector| dot(vector, question.vector));
        statements[at].cosine = Some(if cosine.is_finite() { cosine } else { 0.0 });
    }
    // An answer seldom resembles its question, but the question it stands under may.
    for at in 1..statements.len() {
        let share = match statements[at].follows {
            Some(Introduction::Question) => ANSWER_SHARE,
            Some(Introduction::Title) => HEADING_SHARE,
            None => continue,
        };
        if let (Some(asked), Some(own)) = (statements[at - 1].cosine, statements[at].cosine) {
            statements[at].cosine = Some(own.max(share * asked));
        }
    }
    Ok(vectors)
}

/// The statements to quote, best first.
fn choose(
    asked: &Asked,
    statements: &[Statement<'_>],
    vectors: &Vectors,
    max_sentences: usize,
) -> Vec<usize> {
    let mut open: Vec<usize> = (0..statements.len()).filter(|&at| statements[at].answers).collect();
    // Ties go to the better passage, then to the earlier statement.
    open.sort_by(|&a, &b| {
        statements[b].relevance.total_cmp(&statements[a].relevance).then(a.cmp(&b))
    });
    let Some(&best) = open.first() else { return Vec::new() };
    let enough = FURTHER_SHARE * statements[best].relevance;
    let mut chosen = vec![best];
    let mut covered = statements[best].held;
    open.remove(0);
    while chosen.len() < max_sentences {
        let mut next: Option<(f32, usize)> = None;
        open.retain(|&at| {
            let statement = &statements[at];
            let repeats = chosen
                .iter()
                .map(|&other| overlap(statement, &statements[other], at, other, vectors))
                .fold(0.0, f32::max);
            if repeats >= SAME_OVERLAP {
                return false;
            }
            let value = statement.relevance * (1.0 - REDUNDANCY_WEIGHT * repeats)
                + NOVELTY_WEIGHT * asked.share(statement.held & !covered);
            if value >= enough && next.is_none_or(|(best, _)| value > best) {
                next = Some((value, at));
            }
            true
        });
        let Some((_, at)) = next else { break };
        open.retain(|&other| other != at);
        covered |= statements[at].held;
        chosen.push(at);
    }
    chosen
}

/// How much of what `a` says `b` says too, from 0 to 1.
fn overlap(
    a: &Statement<'_>,
    b: &Statement<'_>,
    a_idx: usize,
    b_idx: usize,
    vectors: &Vectors,
) -> f32 {
    let shared = a.terms.iter().filter(|term| b.terms.binary_search(term).is_ok()).count();
    let by_words = if a.terms.is_empty() {
        f32::from(u8::from(a.shown == b.shown))
    } else {
        shared as f32 / a.terms.len() as f32
    };
    // Other words for the same thing: a high cosine counts, though never as a repetition.
    let by_meaning = match (vectors.of(a_idx), vectors.of(b_idx)) {
        (Some(a), Some(b)) => dot(a, b).clamp(0.0, SAME_OVERLAP * 0.99),
        _ => 0.0,
    };
    by_words.max(by_meaning)
}

/// `chosen` with what its first member cannot be understood without, within `max_sentences`.
fn with_neighbours(
    asked: &Asked,
    chosen: Vec<usize>,
    statements: &[Statement<'_>],
    max_sentences: usize,
) -> Vec<usize> {
    let best = chosen[0];
    let statement = &statements[best];
    let next_to = |a: usize, b: usize| {
        statements.get(b).is_some_and(|other| other.passage == statements[a].passage)
    };
    let mut needed = vec![best];
    if begins_with_reference(statement.shown)
        && let Some(previous) = best.checked_sub(1)
        && next_to(best, previous)
        && statements[previous].unit.kind == UnitKind::Sentence
    {
        needed.push(previous);
    }
    let continues = |at: usize| statements.get(at).is_some_and(|other| other.unit.continues);
    let mut last = best;
    if introduction(statement).is_some() && next_to(best, best + 1) {
        // What it asks or announces: a whole list, or one statement.
        last += 1;
        needed.push(last);
        if statements[last].unit.kind == UnitKind::Item {
            while next_to(best, last + 1) && statements[last + 1].unit.kind == UnitKind::Item {
                last += 1;
                needed.push(last);
            }
        }
    }
    // "No." is an answer that wants its reason.
    let curt = statements[last].unit.words < SHORT_WORDS;
    if (asked.wants_explanation || curt) && continues(last + 1) {
        needed.push(last + 1);
    }
    for at in chosen {
        if !needed.contains(&at) {
            needed.push(at);
        }
    }
    needed.truncate(max_sentences);
    needed
}

/// The quotes of `chosen`, best first, in reading order.
fn quotes(chosen: &[usize], statements: &[Statement<'_>], passages: &[Passage<'_>]) -> Vec<Quote> {
    let mut order: Vec<usize> = Vec::new();
    for &at in chosen {
        if !order.contains(&statements[at].passage) {
            order.push(statements[at].passage);
        }
    }
    let mut quotes = Vec::new();
    for passage in order {
        let mut of_passage: Vec<usize> =
            chosen.iter().copied().filter(|&at| statements[at].passage == passage).collect();
        of_passage.sort_unstable();
        let text = passages[passage].text;
        let mut run: Option<(usize, usize)> = None;
        for at in of_passage {
            run = match run {
                Some((first, last))
                    if last + 1 == at && joins(&statements[last], &statements[at]) =>
                {
                    Some((first, at))
                }
                Some((first, last)) => {
                    quotes.push(quote(text, &statements[first], &statements[last]));
                    Some((at, at))
                }
                None => Some((at, at)),
            };
        }
        if let Some((first, last)) = run {
            quotes.push(quote(text, &statements[first], &statements[last]));
        }
    }
    quotes
}

/// Whether `next`, which follows at once, reads on from `last`.
fn joins(last: &Statement<'_>, next: &Statement<'_>) -> bool {
    // A mark between them would have to be dropped from the middle of a quote.
    let flows = |kind| matches!(kind, UnitKind::Sentence | UnitKind::Line);
    next.unit.shown == next.unit.start && last.unit.kind == next.unit.kind && flows(next.unit.kind)
}

fn quote(text: &str, first: &Statement<'_>, last: &Statement<'_>) -> Quote {
    Quote {
        passage: first.passage,
        start: first.unit.start,
        end: last.unit.end,
        text: collapse(text.get(first.unit.shown..last.unit.end).unwrap_or_default()),
        kind: match first.unit.kind {
            UnitKind::Sentence => QuoteKind::Prose,
            UnitKind::Item => QuoteKind::Item,
            UnitKind::Heading | UnitKind::Row | UnitKind::Line => QuoteKind::Line,
        },
    }
}

/// How a line says what the next one is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Introduction {
    /// It asks, and the next one answers.
    Question,
    /// It names a subject or ends with a colon.
    Title,
}

fn introduction(statement: &Statement<'_>) -> Option<Introduction> {
    if is_question(statement.shown) {
        Some(Introduction::Question)
    } else if statement.unit.kind == UnitKind::Heading || statement.shown.ends_with([':', '：']) {
        Some(Introduction::Title)
    } else {
        None
    }
}

fn is_question(text: &str) -> bool {
    text.trim_end_matches(['"', '\'', '”', '’', ')', '*', '_', ' ']).ends_with(['?', '？'])
}

/// First words that point back to the sentence before.
const REFERENCES: [&str; 24] = [
    "he", "her", "his", "it", "its", "she", "such", "that", "their", "them", "these", "they",
    "this", "those", "both", "neither", "er", "sie", "es", "dies", "diese", "dieser", "il", "elle",
];

fn begins_with_reference(text: &str) -> bool {
    if text.starts_with(['…', ',', ';']) || text.starts_with("...") {
        return true;
    }
    let word = text.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty());
    word.is_some_and(|word| REFERENCES.iter().any(|reference| word.eq_ignore_ascii_case(reference)))
}

/// Whether `question` asks how or why.
fn wants_explanation(question: &str) -> bool {
    const WORDS: [&str; 8] =
        ["how", "why", "explain", "wie", "warum", "comment", "pourquoi", "cómo"];
    let mut words = question.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    !wants_number(question)
        && words.next().is_some_and(|first| {
            let first = first.to_lowercase();
            WORDS.contains(&first.as_str())
        })
}

/// Whether `question` asks for a number or a date, as English and some neighbours ask.
fn wants_number(question: &str) -> bool {
    const FIRST: [&str; 6] = ["when", "wann", "quand", "combien", "cuándo", "cuánto"];
    const AFTER_HOW: [&str; 16] = [
        "big", "deep", "far", "fast", "heavy", "high", "hot", "large", "long", "many", "much",
        "often", "old", "soon", "tall", "wide",
    ];
    const AFTER_WHAT: [&str; 10] = [
        "age",
        "date",
        "number",
        "percentage",
        "port",
        "price",
        "share",
        "temperature",
        "time",
        "year",
    ];
    let words: Vec<String> = question
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.first().is_some_and(|word| FIRST.contains(&word.as_str()))
        || words.windows(2).any(|pair| match pair[0].as_str() {
            "how" => AFTER_HOW.contains(&pair[1].as_str()),
            "what" | "which" => AFTER_WHAT.contains(&pair[1].as_str()),
            "wie" => ["viel", "viele", "lange", "oft", "hoch"].contains(&pair[1].as_str()),
            _ => false,
        })
}

/// Whether `text` holds a number, in digits or as a small English number word.
fn has_number(text: &str) -> bool {
    const NUMBERS: [&str; 17] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve", "once", "twice", "hundred", "thousand", "million",
    ];
    text.contains(|c: char| c.is_numeric())
        || text
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| NUMBERS.iter().any(|number| word.eq_ignore_ascii_case(number)))
}

fn distinct(mut terms: Vec<String>) -> Vec<String> {
    terms.sort_unstable();
    terms.dedup();
    terms
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
