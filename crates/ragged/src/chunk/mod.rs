//! A [`Document`] → [`Chunk`]s, cut along the document's own structure.
//!
//! A chunk is what is embedded, ranked and cited: a few paragraphs, one function, one message.
//! [`split`] packs whole blocks into chunks of about [`ChunkConfig::target_tokens`] and closes a
//! chunk where a section ends; only a block that is too long by itself is cut inside, at the end
//! of a sentence (prose) or at a blank line or the end of a line (code). Neighbouring sections
//! that are tiny share a chunk.
//!
//! Pure: values in, values out. Nothing here reads a file, knows an embedding model, or keeps
//! text; a chunk is a [`Span`] of its document. Token counts are estimates (see [`tokens`]), since
//! the true count depends on the model and chunks must not.

mod cut;
mod defaults;
mod outline;
mod sentence;
pub mod tokens;

#[cfg(test)]
mod tests;

use crate::document::{Document, Span};
use crate::error::{Error, ErrorKind, Result};

pub use sentence::sentences;

/// Version of everything that decides where chunks begin and end and what
/// [`index_text`] returns.
///
/// Embeddings are recomputed from text, so the same document must give the same strings for as
/// long as a library carries this number. Any change to them raises it.
pub const CHUNKER_VERSION: u32 = 1;

/// What separates the parts of [`Chunk::heading`].
pub const HEADING_SEPARATOR: &str = " › ";

/// A piece of a document that is ranked and cited as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Position among the document's chunks, from 0.
    pub ordinal: u32,
    /// Where it stands in the document's text; no white space at either end, never empty.
    pub span: Span,
    /// First and last line it touches in the document's text, from 1.
    pub lines: (u32, u32),
    /// First and last page on which one of its blocks begins, where the format has pages.
    pub pages: Option<(u32, u32)>,
    /// The headings it stands under, outermost first, joined by [`HEADING_SEPARATOR`]; without the
    /// document's title where the outermost heading repeats it. Empty outside any section.
    pub heading: String,
    /// Estimated number of tokens of its text; see [`tokens::estimate`].
    pub tokens: u32,
}

/// How long chunks are. All sizes are in estimated tokens, about 4.2 bytes of English prose each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkConfig {
    /// The length aimed at. Larger: fewer chunks, a smaller index, less precise citations.
    pub target_tokens: u32,
    /// The length no chunk exceeds; a block (a paragraph, a function) up to this long is never
    /// cut. At least `target_tokens`. It should not exceed what the embedding model reads.
    pub max_tokens: u32,
    /// A chunk shorter than this is joined with a neighbour of another section where both may
    /// be joined. At most `target_tokens`.
    pub min_tokens: u32,
    /// How much of the end of the piece before is repeated, in whole sentences or lines, at the
    /// start of a piece of a block that had to be cut. At most half of `target_tokens`.
    pub overlap_tokens: u32,
    /// How many rows of a table share a chunk at most.
    pub max_rows: u32,
}

impl Default for ChunkConfig {
    fn default() -> Self {
        Self {
            target_tokens: defaults::TARGET_TOKENS,
            max_tokens: defaults::MAX_TOKENS,
            min_tokens: defaults::MIN_TOKENS,
            overlap_tokens: defaults::OVERLAP_TOKENS,
            max_rows: defaults::MAX_ROWS,
        }
    }
}

impl ChunkConfig {
    /// The defaults' proportions around another target.
    pub fn with_target(target_tokens: u32) -> Self {
        Self {
            target_tokens,
            max_tokens: target_tokens.saturating_add(target_tokens / 2),
            min_tokens: target_tokens / 4,
            overlap_tokens: defaults::OVERLAP_TOKENS,
            max_rows: defaults::MAX_ROWS,
        }
    }

    /// Checks that the sizes fit each other.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`], naming the setting.
    pub fn validate(&self) -> Result<()> {
        let range = defaults::TARGET_TOKENS_MIN..=defaults::TARGET_TOKENS_MAX;
        let problem = if !range.contains(&self.target_tokens) {
            format!(
                "target_tokens is {}, outside {} to {}",
                self.target_tokens,
                range.start(),
                range.end()
            )
        } else if self.max_tokens < self.target_tokens || self.max_tokens > range.end() * 2 {
            format!(
                "max_tokens is {}, outside target_tokens ({}) to {}",
                self.max_tokens,
                self.target_tokens,
                range.end() * 2
            )
        } else if self.min_tokens > self.target_tokens {
            format!(
                "min_tokens is {}, above target_tokens ({})",
                self.min_tokens, self.target_tokens
            )
        } else if self.overlap_tokens > self.target_tokens / 2 {
            format!(
                "overlap_tokens is {}, above half of target_tokens ({})",
                self.overlap_tokens, self.target_tokens
            )
        } else if self.max_rows == 0 {
            "max_rows is 0".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Invalid, format!("chunk sizes do not fit: {problem}")))
    }
}

/// Cuts `document` into chunks, in the order of the text.
///
/// Together the chunks hold every character of the text that is not white space. They overlap
/// only where one block had to be cut and [`ChunkConfig::overlap_tokens`] asks for it. A document
/// of white space has no chunks. Blocks that overlap, leave gaps or end inside a character are
/// tolerated: what no block covers is treated as a paragraph.
///
/// Cost: one pass over the text, memory O(blocks + sentences of blocks that are cut).
///
/// # Examples
///
/// ```
/// use ragged::chunk::{self, ChunkConfig};
/// use ragged::document::{Block, BlockKind, Document, Format, OwnTimes, Span};
///
/// let text = "# Tides\n\nThe moon pulls the sea.";
/// let block = |kind, start, end, level, name: Option<&str>| Block {
///     kind,
///     span: Span::new(start, end),
///     page: None,
///     level,
///     name: name.map(str::to_owned),
/// };
/// let document = Document {
///     format: Format::Markdown,
///     code_language: None,
///     title: None,
///     text: text.to_owned(),
///     blocks: vec![
///         block(BlockKind::Heading, 0, 7, 1, Some("Tides")),
///         block(BlockKind::Paragraph, 9, 32, 0, None),
///     ],
///     pages: None,
///     times: OwnTimes::default(),
/// };
/// let chunks = chunk::split(&document, &ChunkConfig::default());
/// assert_eq!(chunks.len(), 1);
/// assert_eq!(chunks[0].heading, "Tides");
/// assert_eq!(chunks[0].lines, (1, 3));
/// assert_eq!(chunks[0].span.of(text), text);
/// ```
pub fn split(document: &Document, config: &ChunkConfig) -> Vec<Chunk> {
    let outline = outline::Outline::of(document);
    let text = document.text.as_str();
    let drafts = cut::drafts(document, &outline, config);

    let mut chunks = Vec::with_capacity(drafts.len());
    // Chunks begin in ascending order, so each line break is counted once for the beginnings and
    // once for the ends.
    let (mut counted_to, mut line) = (0, 1);
    for draft in drafts {
        let span = trim(text, draft.span);
        if span.is_empty() {
            continue;
        }
        line += line_breaks(text, counted_to, span.start);
        counted_to = span.start;
        chunks.push(Chunk {
            ordinal: chunks.len() as u32,
            span,
            lines: (line, line + line_breaks(text, span.start, span.end)),
            pages: draft.pages,
            heading: outline.path(draft.section, document.title.as_deref()),
            tokens: draft.weight.tokens(),
        });
    }
    chunks
}

/// The string that is embedded and indexed for a chunk: the document's `title`, the `heading`
/// path, then the chunk's `text`, each on lines of its own.
///
/// A chunk from the middle of a document rarely repeats what the document is about; the title and
/// headings say it. Parts that are empty are left out, and so is a heading path equal to the title.
/// The result depends on the arguments and [`CHUNKER_VERSION`] alone.
///
/// # Examples
///
/// ```
/// use ragged::chunk::index_text;
///
/// assert_eq!(index_text("Tides", "Causes › Moon", "It pulls."), "Tides\nCauses › Moon\nIt pulls.");
/// assert_eq!(index_text("", "", "It pulls."), "It pulls.");
/// ```
pub fn index_text(title: &str, heading: &str, text: &str) -> String {
    let title = title.trim();
    let heading = heading.trim();
    let mut whole = String::with_capacity(title.len() + heading.len() + text.len() + 2);
    for part in [title, if heading == title { "" } else { heading }] {
        if !part.is_empty() {
            whole.push_str(part);
            whole.push('\n');
        }
    }
    whole.push_str(text);
    whole
}

fn trim(text: &str, span: Span) -> Span {
    let piece = span.of(text);
    let start = span.start as usize + (piece.len() - piece.trim_start().len());
    Span::new(start, start + piece.trim().len())
}

fn line_breaks(text: &str, start: u32, end: u32) -> u32 {
    let bytes = text.as_bytes().get(start as usize..end as usize).unwrap_or_default();
    // Counting in u8 lanes of short runs lets the compiler use vector registers.
    bytes
        .chunks(192)
        .map(|run| u32::from(run.iter().map(|&byte| u8::from(byte == b'\n')).sum::<u8>()))
        .sum()
}
