//! Hits → an answer with citations.

use std::{cell::RefCell, time::Instant};

use super::{
    Library,
    search::{Hit, SearchRequest, SearchResponse, milliseconds},
};
use crate::{
    answer::{self, Generator, Length, Passage, Question, Sources, Style, Unnumbered, Wording},
    embedding::Embedder,
    error::Result,
    lexical::{Analyser, Snapshot},
    memory::{CitationStyle, DetailLevel, PersonaDraft, ResponseStyle},
    ranking::Profile,
    settings::SearchMode,
    telemetry::Stage,
};

/// An answer, what it rests on, and how it was made.
#[derive(Clone, Debug)]
pub struct Answered {
    /// What is shown, each statement followed by its number, as `[1]`; empty when nothing relevant
    /// was found.
    pub text: String,
    /// Where each numbered statement comes from, in the order of the numbers.
    pub citations: Vec<Citation>,
    /// The model that worded it; `None` for quotes.
    pub generator: Option<String>,
    /// Why the configured generator was not used, if so.
    pub note: Option<GenerationNote>,
    /// The search beneath.
    pub search: SearchResponse,
}

impl Answered {
    /// The text without the numbers. Of an answer made of quotes exactly those that were put behind
    /// them are taken out, whatever the quotes hold; of a generated one what [`Unnumbered`] does.
    pub fn unnumbered(&self) -> String {
        if self.generator.is_some() {
            return Unnumbered::text(&self.text);
        }
        let mut text = String::with_capacity(self.text.len());
        let mut rest = self.text.as_str();
        for citation in &self.citations {
            let number = format!(" [{}]", citation.n);
            let numbered = format!("{}{number}", citation.quote);
            if let Some((before, after)) = rest.split_once(&numbered) {
                text.push_str(before);
                text.push_str(&citation.quote);
                rest = after;
            }
        }
        text.push_str(rest);
        text
    }
}

/// Why the answer is extractive although a generator is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationNote {
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Where a numbered statement comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// The number shown.
    pub n: usize,
    /// Position among the hits.
    pub hit: usize,
    /// The path of the file.
    pub path: String,
    /// The page, where the format has pages.
    pub page: Option<u32>,
    /// First and last line, where the text's lines are the file's.
    pub lines: Option<(u32, u32)>,
    /// The words quoted; of a generated answer, the beginning of the passage.
    pub quote: String,
}

/// A generated answer's citation shows this much of its passage.
const QUOTED_PASSAGE_CHARS: usize = 240;

impl Library {
    /// Answers a question from the best hits, with citations.
    ///
    /// With a generator configured, `on_text` is given its words as they come; where it fails
    /// before its first word the answer is extractive, with a note. An extractive answer comes
    /// whole, in what is returned.
    ///
    /// # Errors
    ///
    /// Those of [`search`](Self::search), and of a generator that fails after its first word.
    pub fn answer(
        &self,
        request: &SearchRequest,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Answered> {
        self.answer_for(request, None, on_text)
    }

    /// [`answer`](Self::answer) from the hits that [`search_for`](Self::search_for) finds. How much
    /// a passage counts for the answer is how well it matches the question, without the profile.
    ///
    /// # Errors
    ///
    /// As [`answer`](Self::answer).
    pub fn answer_for(
        &self,
        request: &SearchRequest,
        profile: Option<&Profile>,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Answered> {
        self.answer_in(Style::default(), request, profile, on_text)
    }

    /// [`answer_for`](Self::answer_for) in a style.
    ///
    /// # Errors
    ///
    /// As [`answer`](Self::answer).
    pub fn answer_in(
        &self,
        style: Style,
        request: &SearchRequest,
        profile: Option<&Profile>,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Answered> {
        let begun = Instant::now();
        let mut search = self.search_for(request, profile)?;
        let answering = Instant::now();
        let hits = std::mem::take(&mut search.hits);
        let headings: Vec<String> = hits.iter().map(full_heading).collect();
        let passages: Vec<Passage<'_>> = hits
            .iter()
            .zip(&headings)
            .map(|(hit, heading)| Passage {
                text: &hit.text,
                heading,
                format: hit.document.format,
                score: hit.fused.score.clamp(0.0, 1.0),
            })
            .collect();

        let mut answered = None;
        let mut note = None;
        if let Some(generator) = Generator::from_settings(&self.settings.answer)?
            && !passages.is_empty()
        {
            let mut has_spoken = false;
            let generated = generator.generate(&request.query, &passages, style, &mut |text| {
                has_spoken = true;
                on_text(text);
            });
            match generated {
                Ok(generated) => {
                    let citations =
                        generated.citations.iter().filter_map(|n| cited_passage(*n, &hits));
                    answered = Some((generated.text, citations.collect(), Some(generated.model)));
                }
                Err(error) if !has_spoken => {
                    note = Some(GenerationNote {
                        message: format!("{error:#}"),
                        hint: error.hint().map(str::to_owned),
                    });
                }
                Err(error) => return Err(error),
            }
        }
        let (text, citations, generator) = if let Some(answered) = answered {
            answered
        } else {
            let (text, citations) =
                self.extract(style, request, &hits, &passages, search.query_vector.as_deref())?;
            (text, citations, None)
        };
        drop(passages);
        search.hits = hits;
        request.trace.add(Stage::Generate, answering, Instant::now());
        search.timings.answer = milliseconds(answering);
        search.timings.total = milliseconds(begun);
        Ok(Answered { text, citations, generator, note, search })
    }

    fn extract(
        &self,
        style: Style,
        request: &SearchRequest,
        hits: &[Hit],
        passages: &[Passage<'_>],
        query_vector: Option<&[f32]>,
    ) -> Result<(String, Vec<Citation>)> {
        let words = self.lexical.snapshot()?;
        let tongue = Tongue {
            analyser: RefCell::new(Analyser::new(self.lexical.main_language())),
            words,
            // A search by words alone needs no model, and gets none.
            embedder: (request.mode != SearchMode::Lexical).then_some(self.embedder.as_ref()),
        };
        let question = Question { text: &request.query, vector: query_vector.unwrap_or_default() };
        let n_sentences = style.sentences(self.settings.answer.max_sentences);
        let extraction = answer::extract(&question, passages, &tongue, n_sentences)?;
        let answer = answer::cite(&extraction, passages);
        let citations = answer
            .citations
            .into_iter()
            .filter_map(|citation| {
                let hit = hits.get(citation.passage)?;
                Some(Citation {
                    n: citation.n,
                    hit: citation.passage,
                    path: hit.path().to_owned(),
                    page: hit.chunk.place.pages.map(|pages| pages.0),
                    lines: cited_lines(hit, citation.span),
                    quote: citation.quote,
                })
            })
            .collect();
        Ok((answer.text, citations))
    }
}

/// What the owner of a persona wants of its answers.
pub fn style_of(draft: &PersonaDraft) -> Style {
    Style {
        wording: match draft.response_style {
            ResponseStyle::Technical => Wording::Technical,
            ResponseStyle::Balanced => Wording::Balanced,
            ResponseStyle::Simple => Wording::Simple,
        },
        length: match draft.detail_level {
            DetailLevel::Brief => Length::Brief,
            DetailLevel::Balanced => Length::Balanced,
            DetailLevel::Detailed => Length::Detailed,
        },
        sources: match draft.citation_style {
            CitationStyle::Inline => Sources::Inline,
            CitationStyle::Footnote => Sources::Footnote,
            CitationStyle::None => Sources::Unnamed,
        },
    }
}

/// What sentences are compared by.
struct Tongue<'a> {
    analyser: RefCell<Analyser>,
    words: Snapshot,
    embedder: Option<&'a dyn Embedder>,
}

impl answer::Language for Tongue<'_> {
    fn terms(&self, text: &str) -> Vec<String> {
        let terms = self.analyser.borrow_mut().analyse(None, text);
        terms.content().map(str::to_owned).collect()
    }

    fn term_weight(&self, term: &str) -> f32 {
        // An index that cannot be read has already failed the search.
        self.words.term_weight(term).unwrap_or(1.0)
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<f32>> {
        let mut vectors = Vec::new();
        if let Some(embedder) = self.embedder {
            embedder.embed_passages(texts, &mut vectors)?;
        }
        Ok(vectors)
    }
}

fn full_heading(hit: &Hit) -> String {
    let title = hit.document.title.as_deref().unwrap_or_default();
    let heading = &hit.chunk.place.heading;
    match (title.is_empty(), heading.is_empty()) {
        (true, _) => heading.clone(),
        (false, true) => title.to_owned(),
        (false, false) => format!("{title}{}{heading}", crate::chunk::HEADING_SEPARATOR),
    }
}

/// The lines of the file on which a piece of a hit stands.
fn cited_lines(hit: &Hit, span: (usize, usize)) -> Option<(u32, u32)> {
    if !hit.document.format.keeps_source_lines() {
        return None;
    }
    let breaks = |upto: usize| {
        let before = hit.text.as_bytes().get(..upto).unwrap_or_default();
        before.split(|byte| *byte == b'\n').count() as u32 - 1
    };
    let first = hit.chunk.place.lines.0;
    Some((first + breaks(span.0), first + breaks(span.1)))
}

fn cited_passage(n: usize, hits: &[Hit]) -> Option<Citation> {
    let hit = hits.get(n.checked_sub(1)?)?;
    let words: Vec<&str> = hit.text.split_whitespace().collect();
    let quote: String = words.join(" ").chars().take(QUOTED_PASSAGE_CHARS).collect();
    Some(Citation {
        n,
        hit: n - 1,
        path: hit.path().to_owned(),
        page: hit.chunk.place.pages.map(|pages| pages.0),
        lines: cited_lines(hit, (0, hit.text.len())),
        quote,
    })
}
