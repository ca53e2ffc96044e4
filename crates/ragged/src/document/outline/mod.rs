//! Text and blocks put together so that the promises of [`Block`] hold.
//!
//! Readers describe what they found; this module is the only one that makes a [`Document`], and
//! whatever a reader hands over, its blocks leave here in order, without overlap, on character
//! boundaries, and covering all text that is not white space.

use super::limits::Limits;
use super::model::{Block, BlockKind, Document, Format, Span};
use super::own_time::OwnTimes;
use super::unreadable::{Size, Unreadable};

#[cfg(test)]
mod tests;

/// Longest block. Longer ones (one line of a megabyte, a log without an empty line) are cut at a
/// line end, white space, or a character boundary, so that nothing downstream meets a block it
/// has to hold several times over.
pub(super) const MAX_BLOCK_BYTES: usize = 64 << 10;

/// Longest [`Block::name`]: it is repeated in the heading path of every chunk below it.
const MAX_NAME_CHARS: usize = 200;

/// A block before it is placed: byte offsets instead of a checked span.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) kind: BlockKind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) level: u8,
    pub(super) name: Option<String>,
}

impl Piece {
    pub(super) fn new(kind: BlockKind, start: usize, end: usize) -> Self {
        Self { kind, start, end, level: 0, name: None }
    }

    pub(super) fn level(mut self, level: u8) -> Self {
        self.level = level;
        self
    }

    pub(super) fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// A document whose text is the file's own text, with the structure found in it.
///
/// What `pieces` leave uncovered becomes blocks of kind `filler`.
pub(super) fn verbatim(
    format: Format,
    text: String,
    pieces: Vec<Piece>,
    filler: &BlockKind,
    limits: &Limits,
) -> Result<Document, Unreadable> {
    if text.len() > limits.max_text_bytes {
        return Err(Unreadable::TooLarge {
            size_bytes: text.len() as u64,
            limit_bytes: limits.max_text_bytes as u64,
        });
    }
    let longest_line = text.split('\n').map(str::len).max().unwrap_or(0);
    if longest_line > limits.max_line_bytes {
        return Err(Unreadable::LineTooLong {
            length_bytes: longest_line as u64,
            limit_bytes: limits.max_line_bytes as u64,
        });
    }
    let blocks = settle(&text, pieces, filler);
    if blocks.is_empty() {
        return Err(Unreadable::Empty);
    }
    let times = OwnTimes::default();
    Ok(Document { format, code_language: None, title: None, text, blocks, pages: None, times })
}

/// A document whose text is written by its reader, block after block.
#[derive(Debug)]
pub(super) struct Draft {
    text: String,
    blocks: Vec<Block>,
    page: Option<u32>,
    max_text_bytes: usize,
}

impl Draft {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            text: String::new(),
            blocks: Vec::new(),
            page: None,
            max_text_bytes: limits.max_text_bytes,
        }
    }

    /// The page that blocks pushed from now on begin on.
    pub(super) fn set_page(&mut self, page: usize) {
        self.page = Some(page as u32);
    }

    /// Whether nothing was pushed yet.
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Appends `text` as a block of its own; white space around it is dropped, and white space
    /// alone is no block.
    pub(super) fn push(
        &mut self,
        kind: BlockKind,
        level: u8,
        name: Option<&str>,
        text: &str,
    ) -> Result<(), Unreadable> {
        let text =
            if keeps_indentation(&kind) { trim_blank_lines(text).trim_end() } else { text.trim() };
        if text.is_empty() {
            return Ok(());
        }
        if self.text.len() + text.len() + 2 > self.max_text_bytes {
            return Err(Unreadable::Bomb(format!(
                "holds more than {} of text",
                Size(self.max_text_bytes as u64)
            )));
        }
        if let Some(last) = self.blocks.last() {
            let row_after_row =
                last.kind == kind && matches!(kind, BlockKind::TableRow | BlockKind::ListItem);
            self.text.push_str(if row_after_row { "\n" } else { "\n\n" });
        }
        let start = self.text.len();
        self.text.push_str(text);
        let name = match (name, &kind) {
            (Some(name), _) => Some(short_name(name)),
            (None, BlockKind::Heading) => Some(short_name(text)),
            (None, _) => None,
        };
        let span = Span::new(start, self.text.len());
        let block = Block { kind, span, page: self.page, level, name };
        cut(&self.text, block, &mut self.blocks);
        Ok(())
    }

    /// Whether the first block is a heading.
    pub(super) fn begins_with_heading(&self) -> bool {
        self.blocks.first().is_some_and(|block| block.kind == BlockKind::Heading)
    }

    /// Appends all blocks of `other`.
    pub(super) fn append(&mut self, other: Self) -> Result<(), Unreadable> {
        for block in other.blocks {
            let text = block.span.of(&other.text);
            self.push(block.kind, block.level, block.name.as_deref(), text)?;
        }
        Ok(())
    }

    /// The document, or [`Unreadable::Empty`].
    pub(super) fn finish(
        self,
        format: Format,
        title: Option<String>,
        pages: Option<usize>,
    ) -> Result<Document, Unreadable> {
        if self.blocks.is_empty() {
            return Err(Unreadable::Empty);
        }
        let title = title.map(|title| short_name(&title)).filter(|title| !title.is_empty());
        let pages = pages.map(|pages| pages as u32);
        let (text, blocks) = (self.text, self.blocks);
        let times = OwnTimes::default();
        Ok(Document { format, code_language: None, title, text, blocks, pages, times })
    }
}

/// `name` on one line and not endless.
pub(super) fn short_name(name: &str) -> String {
    let mut short = String::with_capacity(name.len().min(4 * MAX_NAME_CHARS));
    let mut n_chars = 0;
    for word in name.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !short.is_empty() {
            short.push(' ');
            n_chars += 1;
        }
        for c in word.chars() {
            if n_chars >= MAX_NAME_CHARS {
                short.truncate(short.trim_end().len());
                short.push('…');
                return short;
            }
            short.push(c);
            n_chars += 1;
        }
    }
    short
}

/// Blocks from `pieces`: in order, apart, trimmed, complete.
pub(super) fn settle(text: &str, mut pieces: Vec<Piece>, filler: &BlockKind) -> Vec<Block> {
    pieces.sort_by_key(|piece| piece.start);
    let mut blocks: Vec<Block> = Vec::with_capacity(pieces.len());
    let mut covered = 0;
    for piece in pieces {
        let start = text.ceil_char_boundary(piece.start.clamp(covered, text.len()));
        let end = text.ceil_char_boundary(piece.end.clamp(start, text.len()));
        let (mut start, end) = trim(text, start, end, &piece.kind);
        if start == end {
            continue;
        }
        if keeps_indentation(&piece.kind) {
            let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1).max(covered);
            if text[line_start..start].trim().is_empty() {
                start = line_start;
            }
        }
        start = fill(text, covered, start, filler, &mut blocks);
        covered = end;
        let name = match (piece.name, &piece.kind) {
            (Some(name), _) => Some(short_name(&name)),
            (None, BlockKind::Heading) => Some(short_name(&text[start..end])),
            (None, _) => None,
        };
        let span = Span::new(start, end);
        cut(
            text,
            Block { kind: piece.kind, span, page: None, level: piece.level, name },
            &mut blocks,
        );
    }
    fill(text, covered, text.len(), filler, &mut blocks);
    blocks
}

/// Gives the text from `start` up to the next block at `next` an owner, and returns where that
/// next block has to begin.
///
/// Words become blocks of their own. Mere punctuation (a quote mark, a closing brace, a rule) is
/// no block: it belongs to the next block where it stands on the same line, else to the last one.
fn fill(
    text: &str,
    start: usize,
    next: usize,
    filler: &BlockKind,
    blocks: &mut Vec<Block>,
) -> usize {
    let mut start = start;
    // What touches the last block (a comma, a bracket) is its end.
    if let Some(last) = blocks.last_mut()
        && last.span.end as usize == start
    {
        let touching = text[start..next].find(|c: char| c.is_whitespace() || c.is_alphanumeric());
        let end = touching.map_or(next, |at| start + at);
        if last.span.len() + (end - start) < MAX_BLOCK_BYTES {
            last.span = Span::new(last.span.start as usize, end);
            start = end;
        }
    }
    let gap = &text[start..next];
    if gap.trim().is_empty() {
        return next;
    }
    let same_line =
        if next == text.len() { next } else { gap.rfind('\n').map_or(start, |at| start + at + 1) };
    let mut before = start..same_line;
    let mut owned_from = same_line;
    if text[same_line..next].chars().any(char::is_alphanumeric) {
        (before, owned_from) = (start..next, next);
    } else if text[same_line..next].trim().is_empty() {
        owned_from = next;
    }
    let (from, to) = trim(text, before.start, before.end, filler);
    if from == to {
        return owned_from;
    }
    if !text[from..to].chars().any(char::is_alphanumeric) {
        match blocks.last_mut() {
            Some(last) if to - (last.span.start as usize) < MAX_BLOCK_BYTES => {
                last.span = Span::new(last.span.start as usize, to);
                return owned_from;
            }
            None if next < text.len() && next - from < MAX_BLOCK_BYTES => return from,
            _ => {}
        }
    }
    let mut at = from;
    for paragraph in text[from..to].split("\n\n") {
        let (start, end) = trim(text, at, at + paragraph.len(), filler);
        at += paragraph.len() + 2;
        if start < end {
            let span = Span::new(start, end);
            cut(
                text,
                Block { kind: filler.clone(), span, page: None, level: 0, name: None },
                blocks,
            );
        }
    }
    owned_from
}

/// Whether the white space before the first word of a block of this kind means something.
fn keeps_indentation(kind: &BlockKind) -> bool {
    matches!(
        kind,
        BlockKind::Code | BlockKind::Definition | BlockKind::TableRow | BlockKind::ListItem
    )
}

/// `text` without the empty lines it begins with.
fn trim_blank_lines(text: &str) -> &str {
    let n_leading = text.len() - text.trim_start().len();
    let line_start = text[..n_leading].rfind('\n').map_or(0, |at| at + 1);
    &text[line_start..]
}

fn trim(text: &str, start: usize, end: usize, kind: &BlockKind) -> (usize, usize) {
    let inside = &text[start..end];
    let end = start + inside.trim_end().len();
    let inside = &text[start..end];
    let kept = if keeps_indentation(kind) { trim_blank_lines(inside) } else { inside.trim_start() };
    (end - kept.len(), end)
}

/// Adds `block`, in several parts if it is too long for one.
fn cut(text: &str, block: Block, blocks: &mut Vec<Block>) {
    if block.span.len() <= MAX_BLOCK_BYTES {
        blocks.push(block);
        return;
    }
    let (mut start, end) = (block.span.start as usize, block.span.end as usize);
    // A later part continues the section that the first one opened.
    let later_kind = match block.kind {
        BlockKind::Heading | BlockKind::Message => BlockKind::Paragraph,
        BlockKind::Definition => BlockKind::Code,
        ref kind => kind.clone(),
    };
    let mut first = Some(block);
    // Indentation is what stands at the beginning of a line, not where a line was cut.
    let mut at_line_start = true;
    while start < end {
        let mut stop = end;
        if end - start > MAX_BLOCK_BYTES {
            let window = start..text.floor_char_boundary(start + MAX_BLOCK_BYTES);
            let least = MAX_BLOCK_BYTES / 2;
            let at = text[window.clone()].rfind('\n').filter(|at| *at > least).or_else(|| {
                text[window.clone()].rfind(char::is_whitespace).filter(|at| *at > least)
            });
            stop = at.map_or(window.end, |at| window.start + at);
        }
        let as_kind = if at_line_start { &later_kind } else { &BlockKind::Paragraph };
        let (from, to) = trim(text, start, stop, as_kind);
        at_line_start = text[stop..].starts_with('\n');
        start = stop;
        if from == to {
            continue;
        }
        let span = Span::new(from, to);
        match first.take() {
            Some(block) => blocks.push(Block { span, ..block }),
            None => blocks.push(Block {
                kind: later_kind.clone(),
                span,
                page: blocks.last().and_then(|last| last.page),
                level: 0,
                name: None,
            }),
        }
    }
}

/// Whether the blocks of `document` keep the promises of [`Block`].
pub(super) fn is_sound(document: &Document) -> bool {
    let text = &document.text;
    let mut end = 0;
    for block in &document.blocks {
        let (from, to) = (block.span.start as usize, block.span.end as usize);
        let is_apart = from >= end && from < to;
        if !is_apart || text.get(from..to).is_none() || !is_space(&text[end..from]) {
            return false;
        }
        end = to;
    }
    is_space(&text[end..]) && !document.blocks.is_empty()
}

fn is_space(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}
