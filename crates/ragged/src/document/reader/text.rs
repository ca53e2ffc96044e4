//! Plain text and its light markups, line by line: the text stays as it is.

use super::super::limits::Limits;
use super::super::model::{BlockKind, Document, Format};
use super::super::outline::{Piece, verbatim};
use super::super::own_time::Fields;
use super::super::unreadable::Unreadable;

/// Lines of a reStructuredText file in which its fields are looked for.
const PREAMBLE_LINES: usize = 40;

/// A line with its place in the text, its line end left out.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) start: usize,
    pub(super) text: &'a str,
}

impl Line<'_> {
    pub(super) fn end(self) -> usize {
        self.start + self.text.len()
    }

    pub(super) fn is_blank(self) -> bool {
        self.text.trim().is_empty()
    }

    /// Bytes of white space at its beginning.
    pub(super) fn indent(self) -> usize {
        self.text.len() - self.text.trim_start().len()
    }
}

/// The lines of `text`.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    text.split('\n').map(move |text| {
        let line = Line { start, text };
        start += text.len() + 1;
        line
    })
}

pub(super) fn plain(text: String, limits: &Limits) -> Result<Document, Unreadable> {
    if is_manual_page(&text) {
        return manual_page(text, limits);
    }
    // Paragraphs between empty lines are what the filler makes of uncovered text.
    verbatim(Format::Text, text, Vec::new(), &BlockKind::Paragraph, limits)
}

/// Whether this is the source of a Unix manual page.
fn is_manual_page(text: &str) -> bool {
    lines(text)
        .take(200)
        .find(|line| {
            let is_comment = line.text.starts_with(".\\\"")
                || line.text.starts_with("'\\\"")
                || line.text == ".";
            !is_comment && !line.is_blank() && !line.text.starts_with('.')
                || line.text.starts_with(".TH ")
                || line.text.starts_with(".Dd ")
        })
        .is_some_and(|line| line.text.starts_with(".TH ") || line.text.starts_with(".Dd "))
}

/// A manual page, by its section and paragraph requests.
fn manual_page(text: String, limits: &Limits) -> Result<Document, Unreadable> {
    let mut pieces = Vec::new();
    let mut title = None;
    let mut begun: Option<usize> = None;
    let mut end = 0;
    let close = |begun: &mut Option<usize>, end: usize, pieces: &mut Vec<Piece>| {
        if let Some(start) = begun.take() {
            pieces.push(Piece::new(BlockKind::Paragraph, start, end));
        }
    };
    for line in lines(&text) {
        let request = line.text.split_whitespace().next().unwrap_or_default();
        let argument = line.text[request.len().min(line.text.len())..].trim().trim_matches('"');
        let level = match request {
            ".SH" | ".Sh" => 1,
            ".SS" | ".Ss" => 2,
            _ => 0,
        };
        if level > 0 {
            close(&mut begun, end, &mut pieces);
            let heading = Piece::new(BlockKind::Heading, line.start, line.end()).level(level);
            pieces.push(heading.named(argument));
        } else {
            if matches!(request, ".TP" | ".IP" | ".PP" | ".P" | ".LP" | ".HP" | ".Pp" | ".It")
                || line.is_blank()
            {
                close(&mut begun, end, &mut pieces);
            }
            if request == ".TH" {
                title = argument
                    .split_whitespace()
                    .next()
                    .map(|name| name.trim_matches('"').to_lowercase());
            }
            begun.get_or_insert(line.start);
        }
        end = line.end();
    }
    close(&mut begun, end, &mut pieces);
    let mut document = verbatim(Format::Text, text, pieces, &BlockKind::Paragraph, limits)?;
    document.title = title;
    Ok(document)
}

pub(super) fn org(text: String, limits: &Limits) -> Result<Document, Unreadable> {
    let mut pieces = Vec::new();
    let mut title = None;
    let mut open: Option<Piece> = None;
    let mut in_listing = false;
    let mut fields = Fields::default();
    let mut in_preamble = true;
    for line in lines(&text) {
        let trimmed = line.text.trim();
        let keyword = trimmed.get(..8).unwrap_or(trimmed).to_ascii_lowercase();
        if in_listing {
            if let Some(piece) = &mut open {
                piece.end = line.end();
            }
            if keyword.starts_with("#+end") {
                in_listing = false;
                pieces.extend(open.take());
            }
            continue;
        }
        let stars = line.text.len() - line.text.trim_start_matches('*').len();
        if stars > 0 && line.text[stars..].starts_with(' ') {
            in_preamble = false;
            pieces.extend(open.take());
            let heading = Piece::new(BlockKind::Heading, line.start, line.end());
            let name = line.text[stars..].trim();
            pieces.push(heading.level(stars.min(9) as u8).named(name));
        } else if keyword.starts_with("#+begin") {
            pieces.extend(open.take());
            let is_prose = ["quote", "verse", "center"]
                .iter()
                .any(|kind| trimmed[7..].to_ascii_lowercase().starts_with(&format!("_{kind}")));
            let kind = if is_prose { BlockKind::Paragraph } else { BlockKind::Code };
            open = Some(Piece::new(kind, line.start, line.end()));
            in_listing = true;
        } else if line.is_blank() {
            pieces.extend(open.take());
        } else if trimmed.starts_with('|') {
            pieces.extend(open.take());
            pieces.push(Piece::new(BlockKind::TableRow, line.start, line.end()));
        } else {
            if keyword == "#+title:" {
                title = Some(trimmed[8..].trim().to_owned());
            }
            // A keyword, or a property of the file.
            if in_preamble
                && let Some(field) = trimmed.strip_prefix("#+").or(trimmed.strip_prefix(':'))
            {
                fields.note_line(field);
            }
            extend_text(line, &mut open, &mut pieces);
        }
    }
    pieces.extend(open);
    let mut document = verbatim(Format::Org, text, pieces, &BlockKind::Paragraph, limits)?;
    document.title = title.filter(|title| !title.is_empty());
    document.times = fields.times();
    Ok(document)
}

/// Adds a line of running text: to the block that is open, or to a new list item or paragraph.
fn extend_text(line: Line<'_>, open: &mut Option<Piece>, pieces: &mut Vec<Piece>) {
    match open {
        Some(piece) if !begins_item(line.text) => piece.end = line.end(),
        _ => {
            pieces.extend(open.take());
            let kind =
                if begins_item(line.text) { BlockKind::ListItem } else { BlockKind::Paragraph };
            *open = Some(Piece::new(kind, line.start, line.end()));
        }
    }
}

/// Whether a line begins with a bullet or a number.
fn begins_item(line: &str) -> bool {
    let line = line.trim_start();
    if ["- ", "* ", "+ ", "• ", "#. "].iter().any(|bullet| line.starts_with(bullet)) {
        return true;
    }
    let number = line.trim_start_matches('(');
    let digits = number.len() - number.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    (1..=3).contains(&digits) && [". ", ") "].iter().any(|end| number[digits..].starts_with(end))
}

pub(super) fn rst(text: String, limits: &Limits) -> Result<Document, Unreadable> {
    let all: Vec<Line<'_>> = lines(&text).collect();
    let mut pieces = Vec::new();
    // Section levels by order of first use of an (underline, overlined) style.
    let mut styles: Vec<(char, bool)> = Vec::new();
    let mut open: Option<Piece> = None;
    let mut literal_after_indent: Option<usize> = None;
    let mut title = None;
    let mut idx = 0;
    while idx < all.len() {
        let line = all[idx];
        let at = |n: usize| all.get(idx + n).copied();
        if line.is_blank() {
            pieces.extend(open.take());
            idx += 1;
            continue;
        }
        if let Some(indent) = literal_after_indent.take()
            && line.indent() > indent
            && open.is_none()
        {
            let (end, next) = indented_until(&all, idx, indent);
            pieces.push(Piece::new(BlockKind::Code, line.start, end));
            idx = next;
            continue;
        }
        let overlined = adornment(line.text).is_some_and(|mark| {
            at(1).is_some_and(|text| {
                !text.is_blank()
                    && text.text.trim().chars().count() <= line.text.trim_end().chars().count()
            }) && at(2).is_some_and(|under| adornment(under.text) == Some(mark))
        });
        let underlined = !overlined
            && open.is_none()
            && line.indent() == 0
            && at(1).is_some_and(|under| {
                adornment(under.text).is_some()
                    && under.text.trim_end().chars().count()
                        >= line.text.trim_end().chars().count().min(4)
            });
        if overlined || underlined {
            pieces.extend(open.take());
            let (heading, under) = if overlined { (at(1), at(2)) } else { (Some(line), at(1)) };
            if let (Some(heading), Some(under)) = (heading, under) {
                let style = (adornment(under.text).unwrap_or('='), overlined);
                let known = styles.iter().position(|known| *known == style);
                let level = known.unwrap_or_else(|| {
                    styles.push(style);
                    styles.len() - 1
                });
                let name = heading.text.trim();
                title.get_or_insert_with(|| name.to_owned());
                let piece = Piece::new(BlockKind::Heading, line.start, under.end());
                pieces.push(piece.level((level + 1).min(9) as u8).named(name));
            }
            idx += if overlined { 3 } else { 2 };
            continue;
        }
        let trimmed = line.text.trim();
        let is_listing = [".. code", ".. sourcecode", ".. parsed-literal", ".. literalinclude"]
            .iter()
            .any(|directive| trimmed.starts_with(directive));
        if is_listing && trimmed.contains("::") {
            pieces.extend(open.take());
            let (end, next) = indented_until(&all, idx + 1, line.indent());
            pieces.push(Piece::new(BlockKind::Code, line.start, end.max(line.end())));
            idx = next;
            continue;
        }
        extend_text(line, &mut open, &mut pieces);
        if trimmed.ends_with("::") && !trimmed.starts_with("..") {
            literal_after_indent = Some(line.indent());
        }
        idx += 1;
    }
    pieces.extend(open);
    let mut fields = Fields::default();
    // A field list (`:Date: 2024-03-05`) or the comments of a blog's generator (`.. date: …`).
    let preamble = all.iter().take(PREAMBLE_LINES).map(|line| line.text);
    preamble
        .filter_map(|line| line.strip_prefix(':').or(line.strip_prefix(".. ")))
        .for_each(|field| fields.note_line(field));
    let mut document = verbatim(Format::Rst, text, pieces, &BlockKind::Paragraph, limits)?;
    document.title = title;
    document.times = fields.times();
    Ok(document)
}

/// The character a section is underlined with, if the line is nothing else.
fn adornment(line: &str) -> Option<char> {
    let line = line.trim_end();
    let first = line.chars().next().filter(char::is_ascii_punctuation)?;
    (line.len() >= 3 && line.chars().all(|c| c == first)).then_some(first)
}

/// Where the lines from `idx` that are indented by more than `indent` end, as a text offset and
/// as the index of the line after them.
fn indented_until(all: &[Line<'_>], mut idx: usize, indent: usize) -> (usize, usize) {
    let mut end = 0;
    while let Some(line) = all.get(idx) {
        if !line.is_blank() {
            if line.indent() <= indent {
                break;
            }
            end = line.end();
        }
        idx += 1;
    }
    (end, idx)
}
