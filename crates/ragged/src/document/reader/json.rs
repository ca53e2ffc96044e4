//! JSON and JSON lines: the text stays as it is, its outermost elements are the blocks.
//!
//! Nothing is refused for its grammar: half a file is still text that can be searched, and so are
//! the dialects with comments. The scanner only follows strings and brackets.

use super::super::limits::Limits;
use super::super::model::{BlockKind, Document, Format};
use super::super::outline::{Piece, verbatim};
use super::super::unreadable::Unreadable;
use super::text::lines;

/// An element longer than this is taken apart in turn.
const MAX_ELEMENT_BYTES: usize = 2048;

/// How many times elements of elements are taken apart.
const MAX_DEPTH: u8 = 6;

/// Fields that say who speaks, in exports of conversations.
const SPEAKER_KEYS: [&str; 6] = ["role", "author", "speaker", "sender", "from", "user"];

/// Fields that hold what was said.
const SPEECH_KEYS: [&str; 5] = ["content", "text", "message", "body", "value"];

pub(super) fn json(text: String, limits: &Limits) -> Result<Document, Unreadable> {
    let mut pieces = Vec::new();
    // Containers still to be taken apart, in the order of the text.
    let mut stack = vec![(0, text.len(), 0)];
    while let Some((start, end, depth)) = stack.pop() {
        let Some(container) = Container::open(&text, start, end) else {
            pieces.push(Piece::new(BlockKind::Code, start, end));
            continue;
        };
        let is_list = container.is_list;
        let mut long = Vec::new();
        let mut found = Vec::new();
        for element in container {
            let piece = describe(&text, &element, is_list);
            let is_long = element.end - element.start > MAX_ELEMENT_BYTES && depth < MAX_DEPTH;
            if is_long && Container::open(&text, element.value_start, element.end).is_some() {
                long.push((element.value_start, element.end, depth + 1));
                if element.value_start > element.start {
                    // The key of what is taken apart stands over it.
                    let key = Piece::new(BlockKind::Code, element.start, element.value_start);
                    found.push(key);
                }
            } else {
                found.push(piece);
            }
        }
        pieces.append(&mut found);
        stack.append(&mut long);
    }
    verbatim(Format::Json, text, pieces, &BlockKind::Code, limits)
}

pub(super) fn jsonl(text: String, limits: &Limits) -> Result<Document, Unreadable> {
    let pieces = lines(&text)
        .filter(|line| !line.is_blank())
        .map(|line| {
            let whole =
                Element { start: line.start, value_start: line.start, end: line.end(), key: None };
            describe(&text, &whole, true)
        })
        .collect();
    verbatim(Format::Jsonl, text, pieces, &BlockKind::TableRow, limits)
}

/// One element of a list or one field of an object.
struct Element {
    start: usize,
    value_start: usize,
    end: usize,
    key: Option<(usize, usize)>,
}

/// The block for `element`: a message, a record, or a field.
fn describe(text: &str, element: &Element, is_list: bool) -> Piece {
    let Element { start, value_start, end, key } = *element;
    if is_list && let Some(fields) = Container::open(text, value_start, end) {
        let mut speaker = None;
        let mut speaks = false;
        for field in fields.take(64) {
            let Some((key_start, key_end)) = field.key else { break };
            let key = &text[key_start..key_end];
            let value = text[field.value_start..field.end].trim().trim_matches('"');
            if SPEAKER_KEYS.contains(&key) && value.len() < 100 && !value.starts_with(['{', '[']) {
                speaker = Some(value);
            }
            speaks |= SPEECH_KEYS.contains(&key);
        }
        return match speaker {
            Some(speaker) if speaks => Piece::new(BlockKind::Message, start, end).named(speaker),
            _ => Piece::new(BlockKind::TableRow, start, end),
        };
    }
    let piece = Piece::new(if is_list { BlockKind::TableRow } else { BlockKind::Code }, start, end);
    match key {
        Some((key_start, key_end)) => piece.named(&text[key_start..key_end]),
        None => piece,
    }
}

/// The elements of a list or an object, one after the other.
struct Container<'a> {
    text: &'a str,
    at: usize,
    end: usize,
    is_list: bool,
}

impl<'a> Container<'a> {
    /// The container that `text[start..end]` is, if it is one.
    fn open(text: &'a str, start: usize, end: usize) -> Option<Self> {
        let inside = &text[start..end];
        let lead = inside.len() - inside.trim_start().len();
        let is_list = match inside.as_bytes().get(lead)? {
            b'[' => true,
            b'{' => false,
            _ => return None,
        };
        Some(Self { text, at: start + lead + 1, end, is_list })
    }
}

impl Iterator for Container<'_> {
    type Item = Element;

    fn next(&mut self) -> Option<Element> {
        let bytes = self.text.as_bytes();
        while self.at < self.end && (bytes[self.at].is_ascii_whitespace() || bytes[self.at] == b',')
        {
            self.at += 1;
        }
        let start = self.at;
        let mut value_start = start;
        let mut key = None;
        let mut last_string = None;
        let mut depth = 0_usize;
        let mut at = start;
        while at < self.end {
            match bytes[at] {
                b'"' => {
                    let string_start = at + 1;
                    at += 1;
                    while at < self.end && bytes[at] != b'"' {
                        at += if bytes[at] == b'\\' { 2 } else { 1 };
                    }
                    at = at.min(self.end);
                    if depth == 0 {
                        last_string = Some((string_start, at));
                    }
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' | b',' if depth == 0 => break,
                b']' | b'}' => depth -= 1,
                b':' if depth == 0 && !self.is_list && value_start == start => {
                    value_start = (at + 1).min(self.end);
                    key = last_string;
                }
                _ => {}
            }
            at += 1;
        }
        // A backslash before a character of several bytes may have led into its middle.
        let end = self.text.ceil_char_boundary(at.min(self.end));
        let key = key.filter(|(start, end)| self.text.get(*start..*end).is_some());
        self.at = end;
        if start == end {
            return None;
        }
        Some(Element { start, value_start, end, key })
    }
}
