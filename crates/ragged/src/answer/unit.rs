//! A passage as the statements that can be quoted from it.

use std::ops::Range;

use super::defaults::{HEADING_WORDS, LONG_WORDS};
use crate::chunk::sentences;
use crate::document::Format;

/// What a [`Unit`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnitKind {
    /// A title: it names what follows and states nothing.
    Heading,
    /// A sentence of running text or of a comment.
    Sentence,
    /// An item of a list.
    Item,
    /// A row of a table or a record.
    Row,
    /// A line of program text.
    Line,
}

/// One statement of a passage; offsets are bytes of the passage's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) kind: UnitKind,
    /// First byte, a list or heading mark included.
    pub(super) start: usize,
    /// First byte that is shown.
    pub(super) shown: usize,
    /// Past the last byte; no white space before it.
    pub(super) end: usize,
    /// Number of words.
    pub(super) words: usize,
    /// Whether it stands in the same paragraph as the unit before.
    pub(super) continues: bool,
}

impl Unit {
    /// The text shown for it, from the passage's `text`.
    pub(super) fn shown_in<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.shown..self.end).unwrap_or_default()
    }
}

/// The statements of `text`, in order, without overlap, at most `limit`. What has neither letter
/// nor digit (rules, empty rows) is in none.
pub(super) fn units(text: &str, format: Format, limit: usize) -> Vec<Unit> {
    let mut reader = Reader { text, format, limit, units: Vec::new(), open: None, fenced: false };
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if reader.units.len() >= limit {
            break;
        }
        reader.line(start..start + line.len());
        start += line.len();
    }
    reader.close();
    reader.units
}

/// The number of words in `text`: runs with a letter or digit between white space; two characters
/// of a script written without spaces count as one.
pub(super) fn words(text: &str) -> usize {
    let mut words = 0;
    let mut unspaced = 0_usize;
    for token in text.split_whitespace() {
        let dense = token.chars().filter(|&c| is_unspaced(c)).count();
        unspaced += dense;
        words += usize::from(dense == 0 && token.contains(char::is_alphanumeric));
    }
    words + unspaced.div_ceil(2)
}

/// Whether `c` is of a script without spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0eff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

/// A block whose last line is not known yet.
struct Open {
    kind: UnitKind,
    start: usize,
    shown: usize,
    end: usize,
    lines: usize,
}

struct Reader<'a> {
    text: &'a str,
    format: Format,
    limit: usize,
    units: Vec<Unit>,
    open: Option<Open>,
    fenced: bool,
}

impl Reader<'_> {
    /// Takes one line, its line end included.
    fn line(&mut self, range: Range<usize>) {
        let line = &self.text[range.clone()];
        let content = line.trim();
        let start = range.start + (line.len() - line.trim_start().len());
        let end = start + content.len();
        match self.format {
            Format::Code => self.code_line(content, start, end),
            Format::Csv | Format::Jsonl | Format::Json | Format::Xlsx => {
                self.whole(UnitKind::Row, start, start, end);
            }
            _ => self.prose_line(content, start, end),
        }
    }

    fn code_line(&mut self, content: &str, start: usize, end: usize) {
        let mark = comment_mark(content);
        if mark == 0 {
            self.close();
            self.whole(UnitKind::Line, start, start, end);
        } else if content.len() == mark {
            // An empty comment line parts paragraphs.
            self.close();
        } else {
            self.extend_or_open(UnitKind::Sentence, start, start + mark, end);
        }
    }

    fn prose_line(&mut self, content: &str, start: usize, end: usize) {
        let fences = self.format == Format::Markdown
            && (content.starts_with("```") || content.starts_with("~~~"));
        if fences {
            self.close();
            self.fenced = !self.fenced;
        } else if self.fenced {
            self.whole(UnitKind::Line, start, start, end);
        } else if content.is_empty() {
            self.close();
        } else if let Some(mark) = heading_mark(content, self.format) {
            self.close();
            self.whole(UnitKind::Heading, start, start + mark, end);
        } else if !content.contains(char::is_alphanumeric) {
            // A rule, or the line under a title.
            if let Some(open) = &mut self.open
                && open.lines == 1
                && open.kind == UnitKind::Sentence
                && is_underline(content)
            {
                open.kind = UnitKind::Heading;
            }
            self.close();
        } else if is_row(content) {
            self.close();
            let mark = content.len() - content.trim_start_matches(['|', ' ', '\t']).len();
            self.whole(UnitKind::Row, start, start + mark, end);
        } else if let Some(mark) = item_mark(content) {
            self.close();
            self.extend_or_open(UnitKind::Item, start, start + mark, end);
        } else {
            let mark = content.len() - content.trim_start_matches(['>', ' ']).len();
            self.extend_or_open(UnitKind::Sentence, start, start + mark, end);
        }
    }

    fn extend_or_open(&mut self, kind: UnitKind, start: usize, shown: usize, end: usize) {
        if let Some(open) = &mut self.open {
            open.end = end;
            open.lines += 1;
        } else {
            self.open = Some(Open { kind, start, shown, end, lines: 1 });
        }
    }

    /// Ends the open block and makes statements of it.
    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        match open.kind {
            UnitKind::Sentence if open.lines == 1 && self.is_loose_heading(&open) => {
                self.whole(UnitKind::Heading, open.start, open.shown, open.end);
            }
            UnitKind::Sentence => self.sentences(&open),
            _ if words(&self.text[open.shown..open.end]) > LONG_WORDS => self.sentences(&open),
            kind => self.whole(kind, open.start, open.shown, open.end),
        }
    }

    /// Whether a line by itself is a title rather than a sentence.
    fn is_loose_heading(&self, open: &Open) -> bool {
        let shown = &self.text[open.shown..open.end];
        self.format != Format::Code
            && words(shown) <= HEADING_WORDS
            && !shown.ends_with(['.', '!', '?', '…', ':', ';', ',', '。', '！', '？'])
            && !shown.contains(|c: char| c.is_ascii_digit())
    }

    fn sentences(&mut self, open: &Open) {
        let first = self.units.len();
        let mut starts = open.start;
        let mut shown = open.shown;
        for range in sentences(&self.text[open.shown..open.end]) {
            let sentence = &self.text[open.shown + range.start..open.shown + range.end];
            let end = open.shown + range.start + sentence.trim_end().len();
            if words(sentence) > LONG_WORDS {
                // Verse, addresses and logs have no full stops; some old files no capitals.
                let mut at = open.shown + range.start;
                for piece in pieces(sentence) {
                    let from = at + leading_white_space(piece);
                    self.whole(UnitKind::Sentence, from, from, at + piece.trim_end().len());
                    at += piece.len();
                }
            } else {
                if self.format == Format::Code && starts != open.start {
                    let rest = &self.text[shown..end];
                    shown += rest.len() - rest.trim_start_matches(COMMENT_MARKS).len();
                }
                self.whole(UnitKind::Sentence, starts, shown, end);
            }
            starts = open.shown + range.end;
            shown = starts;
        }
        for unit in self.units.iter_mut().skip(first + 1) {
            unit.continues = true;
        }
    }

    /// Adds one statement, unless it says nothing.
    fn whole(&mut self, kind: UnitKind, start: usize, shown: usize, end: usize) {
        let Some(content) = self.text.get(shown..end) else { return };
        let shown = shown + (content.len() - content.trim_start().len());
        if self.units.len() < self.limit && content.contains(char::is_alphanumeric) {
            let start = start + leading_white_space(&self.text[start..end]);
            let words = words(content);
            self.units.push(Unit { kind, start, shown, end, words, continues: false });
        }
    }
}

/// A long sentence at its line ends, or at its full stops where it stands on one line.
fn pieces(sentence: &str) -> Vec<&str> {
    if sentence.trim().contains('\n') {
        return sentence.split_inclusive('\n').collect();
    }
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, stop) in sentence.match_indices(['.', '!', '?', ';']) {
        let end = at + stop.len();
        if sentence[end..].starts_with(' ') {
            pieces.push(&sentence[start..end]);
            start = end;
        }
    }
    pieces.push(&sentence[start..]);
    pieces
}

fn leading_white_space(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// Characters that begin a line of a comment.
const COMMENT_MARKS: [char; 9] = ['/', '*', '#', '!', '-', ';', '%', ' ', '\t'];

/// Length of the mark that makes `content` a comment, 0 if it is none.
fn comment_mark(content: &str) -> usize {
    let comment =
        ["//", "/*", "* ", "# ", "-- ", ";;", "% "].iter().any(|mark| content.starts_with(mark))
            || content.bytes().all(|byte| matches!(byte, b'#' | b'*' | b'/' | b'-'));
    if comment { content.len() - content.trim_start_matches(COMMENT_MARKS).len() } else { 0 }
}

/// Length of the mark that makes `content` a heading in `format`.
fn heading_mark(content: &str, format: Format) -> Option<usize> {
    let sign = if format == Format::Org { '*' } else { '#' };
    let rest = content.trim_start_matches(sign);
    let level = content.len() - rest.len();
    ((1..=6).contains(&level) && rest.starts_with(' ')).then(|| level + leading_white_space(rest))
}

/// Whether `content` is the line drawn under a title.
fn is_underline(content: &str) -> bool {
    let mut characters = content.chars();
    let first = characters.next();
    content.len() >= 3
        && first.is_some_and(|c| "=-~^\"'`*+#:._".contains(c))
        && characters.all(|c| Some(c) == first)
}

fn is_row(content: &str) -> bool {
    content.starts_with('|') || content.contains('\t') || content.contains(" | ")
}

/// Length of the mark that makes `content` an item of a list, the white space after it included.
fn item_mark(content: &str) -> Option<usize> {
    let first = content.chars().next()?;
    let mark = if "-*+•‣◦–·".contains(first) {
        first.len_utf8()
    } else {
        // `12.`, `3)`, `(a)`, `b)`: a number of at most three digits or one letter.
        let inner = content.strip_prefix('(').unwrap_or(content);
        let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
        let letter =
            usize::from(digits == 0 && inner.starts_with(|c: char| c.is_ascii_lowercase()));
        let label = digits + letter;
        let closes = match inner.as_bytes().get(label) {
            Some(b')') => true,
            Some(b'.') => digits > 0,
            _ => false,
        };
        if !closes || label == 0 || digits > 3 {
            return None;
        }
        content.len() - inner.len() + label + 1
    };
    let rest = &content[mark..];
    let blank = leading_white_space(rest);
    (blank > 0 && blank < rest.len()).then_some(mark + blank)
}
