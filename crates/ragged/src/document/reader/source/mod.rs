//! Program source: functions, classes and methods where a grammar is at hand, else the blocks
//! that empty lines and indentation make. The text stays as it is.

use super::super::detect::language::Language;
use super::super::limits::Limits;
use super::super::model::{BlockKind, Document, Format};
use super::super::outline::{Piece, verbatim};
use super::super::unreadable::Unreadable;
use super::text::lines;

mod grammar;

pub(super) use grammar::has_grammar;

/// Source beyond this size is generated; it is cut by indentation, which costs nothing.
const MAX_PARSED_BYTES: usize = 4 << 20;

pub(super) fn code(
    text: String,
    language: &'static Language,
    limits: &Limits,
) -> Result<Document, Unreadable> {
    let mut pieces = Vec::new();
    let parsed = if text.len() <= MAX_PARSED_BYTES {
        grammar::definitions(&text, language.name, &mut pieces)
    } else {
        false
    };
    if !parsed {
        indented_blocks(&text, 0, text.len(), 0, &mut pieces);
    }
    let mut document = verbatim(Format::Code, text, pieces, &BlockKind::Code, limits)?;
    document.code_language = Some(language.name.to_owned());
    Ok(document)
}

/// Cuts `text[start..end]` where an empty line is followed by a line indented no deeper than the
/// first, and adds the blocks, which close sections of depth `level` and deeper.
fn indented_blocks(text: &str, start: usize, end: usize, level: u8, pieces: &mut Vec<Piece>) {
    let mut outermost = usize::MAX;
    for line in lines(&text[start..end]).filter(|line| !line.is_blank()) {
        outermost = outermost.min(line.indent());
    }
    let mut open: Option<Piece> = None;
    let mut after_blank = false;
    for line in lines(&text[start..end]) {
        if line.is_blank() {
            after_blank = true;
            continue;
        }
        let begins = after_blank && line.indent() <= outermost && !closes_block(line.text);
        after_blank = false;
        match &mut open {
            Some(piece) if !begins => piece.end = start + line.end(),
            _ => {
                pieces.extend(open.take());
                let piece = Piece::new(BlockKind::Code, start + line.start, start + line.end());
                open = Some(piece.level(level));
            }
        }
    }
    pieces.extend(open);
}

/// Whether a line belongs to what stands above it, whatever its indentation.
fn closes_block(line: &str) -> bool {
    line.trim_start().starts_with(['}', ')', ']']) || line.trim() == "end"
}
