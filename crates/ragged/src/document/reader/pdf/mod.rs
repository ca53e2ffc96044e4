//! PDF: the words of each page, put back into lines, paragraphs and headings.
//!
//! A PDF says where each glyph stands and nothing else. Lines, spaces and paragraphs are found
//! from the positions; a heading is a short line in larger type than most of the text; a line
//! that stands at the top or bottom of many pages, digits apart, is a running title.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::limits::Limits;
use super::super::model::{BlockKind, Document, Format};
use super::super::outline::Draft;
use super::super::own_time::{OwnTime, OwnTimes, TimeSource};
use super::super::unreadable::{Size, Unreadable};
use super::xml::{Markup, Xml};

mod content;
mod font;

use content::{Interpreter, Placed};

/// Largest XMP packet that is looked at; they are some kilobytes.
const MAX_PACKET_BYTES: usize = 1 << 20;

pub(super) fn pdf(bytes: &[u8], limits: &Limits) -> Result<Document, Unreadable> {
    let mut file = lopdf::Document::load_mem(bytes).map_err(|error| match error {
        lopdf::Error::Decryption(_) | lopdf::Error::InvalidPassword => Unreadable::Encrypted,
        error => Unreadable::broken("PDF", error),
    })?;
    if file.is_encrypted() && file.decrypt("").is_err() {
        return Err(Unreadable::Encrypted);
    }
    let page_ids: Vec<_> = file.page_iter().take(limits.max_pages + 1).collect();
    let n_pages = page_ids.len();
    if n_pages == 0 {
        return Err(Unreadable::broken("PDF", "no pages"));
    }
    if n_pages > limits.max_pages {
        return Err(Unreadable::Bomb(format!("a PDF of more than {} pages", limits.max_pages)));
    }
    let mut pages = Vec::with_capacity(n_pages);
    let mut n_bytes = 0;
    let mut failure = None;
    let mut interpreter = Interpreter::new(&file);
    for (idx, id) in page_ids.into_iter().enumerate() {
        let mut page = Page::new(limits.max_text_bytes.saturating_sub(n_bytes));
        // One page that the library cannot take is no reason to lose the others.
        let outcome =
            catch_unwind(AssertUnwindSafe(|| interpreter.page(id, &mut |glyph| page.add(glyph))));
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failure = Some(error.to_string()),
            Err(_) => failure = Some(format!("page {} cannot be interpreted", idx + 1)),
        }
        page.end_line_if_any();
        n_bytes += page.n_bytes;
        if page.is_over_limit {
            let limit = Size(limits.max_text_bytes as u64);
            return Err(Unreadable::Bomb(format!("holds more than {limit} of text")));
        }
        pages.push(page.lines);
    }
    if let Some(failure) = failure
        && pages.iter().all(Vec::is_empty)
    {
        return Err(Unreadable::broken("PDF", failure));
    }
    drop_running_titles(&mut pages);
    let body_size = usual_size(&pages);
    let mut draft = Draft::new(limits);
    let heading_sizes = heading_sizes(&pages, body_size);
    for (idx, lines) in pages.iter().enumerate() {
        draft.set_page(idx + 1);
        write_page(&mut draft, lines, &heading_sizes)?;
    }
    let mut document = draft.finish(Format::Pdf, title(&file), Some(n_pages))?;
    document.times = information_times(&file).or(packet_times(&file));
    Ok(document)
}

/// The information dictionary.
fn information(file: &lopdf::Document) -> Option<&lopdf::Dictionary> {
    match file.trailer.get(b"Info").ok()? {
        lopdf::Object::Reference(id) => file.get_dictionary(*id).ok(),
        other => other.as_dict().ok(),
    }
}

fn information_times(file: &lopdf::Document) -> OwnTimes {
    let time = |key: &[u8]| {
        let value = information(file)?.get_deref(key, file).ok()?;
        OwnTime::read_pdf(&lopdf::decode_text_string(value).ok()?)
    };
    OwnTimes { created: time(b"CreationDate"), modified: time(b"ModDate") }
}

/// What the XMP packet says, where it is written out: a compressed one is not worth the risk of
/// what it unpacks to, and writers leave it readable on purpose.
fn packet_times(file: &lopdf::Document) -> OwnTimes {
    let packet = || {
        let metadata = file.catalog().ok()?.get_deref(b"Metadata", file).ok()?;
        let stream = metadata.as_stream().ok()?;
        let is_plain = !stream.dict.has(b"Filter") && stream.content.len() <= MAX_PACKET_BYTES;
        is_plain.then(|| std::str::from_utf8(&stream.content).ok()).flatten()
    };
    packet().map(xmp_times).unwrap_or_default()
}

/// The times of an XMP packet; each is an element or an attribute.
fn xmp_times(packet: &str) -> OwnTimes {
    let mut events = Xml::new("XMP packet", packet.trim_start_matches('\u{feff}'));
    let mut times = OwnTimes::default();
    let mut open: Option<bool> = None;
    let mut note = |is_change: bool, text: &str| {
        let time = OwnTime::read(text, TimeSource::Pdf);
        let kept = if is_change { &mut times.modified } else { &mut times.created };
        *kept = kept.or(time);
    };
    while let Ok(Some(event)) = events.next() {
        match event {
            Markup::Open(tag) => {
                open = match tag.name() {
                    "CreateDate" => Some(false),
                    "ModifyDate" => Some(true),
                    _ => None,
                };
                for (is_change, name) in [(false, "CreateDate"), (true, "ModifyDate")] {
                    if let Some(text) = tag.attribute(name) {
                        note(is_change, &text);
                    }
                }
            }
            Markup::Text(text) => {
                if let Some(is_change) = open {
                    note(is_change, &text);
                }
            }
            Markup::Close(_) => open = None,
        }
    }
    times
}

/// The title among the document's properties, unless it is a file name left by a program.
fn title(file: &lopdf::Document) -> Option<String> {
    let title = lopdf::decode_text_string(information(file)?.get(b"Title").ok()?).ok()?;
    let title = title.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    let is_file_name = [".dvi", ".doc", ".docx", ".tex", ".indd", ".qxd", ".pdf"]
        .iter()
        .any(|extension| title.to_lowercase().ends_with(extension));
    (!title.is_empty() && !is_file_name && title != "untitled").then(|| title.to_owned())
}

/// A line of glyphs.
#[derive(Debug, Clone)]
struct Line {
    text: String,
    /// Size of its type, in points.
    size: f64,
    /// Its baseline, from the top.
    y: f64,
}

/// Collects the lines of one page.
struct Page {
    lines: Vec<Line>,
    line: Option<Line>,
    turns: u8,
    /// Where the last glyph began and ended.
    last_x: f64,
    end_x: f64,
    n_bytes: usize,
    most_bytes: usize,
    is_over_limit: bool,
}

impl Page {
    fn new(most_bytes: usize) -> Self {
        Self {
            lines: Vec::new(),
            line: None,
            turns: 0,
            last_x: 0.0,
            end_x: 0.0,
            n_bytes: 0,
            most_bytes,
            is_over_limit: false,
        }
    }

    fn end_line_if_any(&mut self) {
        if let Some(mut line) = self.line.take()
            && !line.text.trim().is_empty()
        {
            line.text.truncate(line.text.trim_end().len());
            self.lines.push(line);
        }
    }

    /// Adds a glyph; returns whether there is room for more.
    fn add(&mut self, glyph: &Placed<'_>) -> bool {
        let Placed { x, y, size, .. } = *glyph;
        self.n_bytes += glyph.text.len();
        if self.n_bytes > self.most_bytes {
            self.is_over_limit = true;
            return false;
        }
        let is_blank = glyph.text.trim().is_empty();
        let goes_on = self.turns == glyph.turns
            && self.line.as_ref().is_some_and(|line| {
                let larger = size.max(line.size);
                // Superscripts stay on their line; what jumps far is another line or column.
                (y - line.y).abs() < larger * 0.5
                    && x > self.end_x - larger * 1.5
                    && x < self.end_x + larger * 12.0
            });
        if !goes_on {
            self.end_line_if_any();
            if is_blank {
                return true;
            }
        }
        let (end_x, last_x) = (self.end_x, self.last_x);
        let line = self.line.get_or_insert_with(|| Line { text: String::new(), size, y });
        // Bold is sometimes made by showing the same glyph twice, hardly apart.
        let is_shadow = goes_on
            && !is_blank
            && (x - last_x).abs() < size * 0.06
            && line.text.ends_with(glyph.text);
        (self.turns, self.last_x, self.end_x) = (glyph.turns, x, glyph.end_x);
        if is_shadow {
            return true;
        }
        let is_apart = goes_on && x > end_x + size.max(line.size) * 0.17;
        if (is_apart || is_blank) && !line.text.is_empty() && !line.text.ends_with(' ') {
            line.text.push(' ');
        }
        if is_blank {
            return true;
        }
        if size > line.size {
            // A large initial or a superscript before it: the larger type is the line's.
            (line.size, line.y) = (size, y);
        }
        for c in glyph.text.chars() {
            match c {
                '\u{fb00}' => line.text.push_str("ff"),
                '\u{fb01}' => line.text.push_str("fi"),
                '\u{fb02}' => line.text.push_str("fl"),
                '\u{fb03}' => line.text.push_str("ffi"),
                '\u{fb04}' => line.text.push_str("ffl"),
                '\u{a0}' => line.text.push(' '),
                '\u{ad}' => line.text.push('-'),
                // Private characters are pictures in one font and nothing elsewhere.
                '\u{e000}'..='\u{f8ff}' => {}
                c if c.is_control() => {}
                c => line.text.push(c),
            }
        }
        true
    }
}

/// Removes first and last lines that a third of the pages, and at least four, have in common.
fn drop_running_titles(pages: &mut [Vec<Line>]) {
    let shape = |line: &Line| -> String {
        line.text
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| if c.is_ascii_digit() { '#' } else { c })
            .collect()
    };
    let mut seen: HashMap<String, usize> = HashMap::new();
    for page in pages.iter() {
        let mut edges: Vec<String> = edges(page.len()).map(|idx| shape(&page[idx])).collect();
        edges.sort_unstable();
        edges.dedup();
        for edge in edges {
            *seen.entry(edge).or_default() += 1;
        }
    }
    let least = (pages.len() / 3).max(4);
    for page in pages.iter_mut() {
        let drop: Vec<usize> = edges(page.len())
            .filter(|idx| {
                let shape = shape(&page[*idx]);
                // A bare page number differs from page to page in its length only.
                let is_number = shape.len() < 6 && shape.chars().all(|c| c == '#');
                is_number || seen.get(&shape).is_some_and(|n| *n >= least)
            })
            .collect();
        let mut idx = 0;
        page.retain(|_| {
            idx += 1;
            !drop.contains(&(idx - 1))
        });
    }
}

/// The indices of the first two and the last two of `n` lines.
fn edges(n: usize) -> impl Iterator<Item = usize> {
    (0..n).filter(move |idx| *idx < 2 || *idx + 2 >= n)
}

/// The size of type that most of the text has, in tenths of a point.
fn usual_size(pages: &[Vec<Line>]) -> i64 {
    let mut bytes_by_size: HashMap<i64, usize> = HashMap::new();
    for line in pages.iter().flatten() {
        *bytes_by_size.entry(tenths(line.size)).or_default() += line.text.len();
    }
    bytes_by_size.into_iter().max_by_key(|(size, n)| (*n, *size)).map_or(0, |(size, _)| size)
}

fn tenths(size: f64) -> i64 {
    (size * 10.0).round() as i64
}

/// The sizes of headings, largest first.
fn heading_sizes(pages: &[Vec<Line>], body_size: i64) -> Vec<i64> {
    let mut sizes: Vec<i64> = pages
        .iter()
        .flatten()
        .filter(|line| is_heading_text(&line.text))
        .map(|line| tenths(line.size))
        .filter(|size| *size * 100 > body_size * 112)
        .collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup();
    // Sizes that differ by less than a tenth are one level.
    sizes.dedup_by(|smaller, larger| *smaller * 10 > *larger * 9);
    sizes
}

fn is_heading_text(text: &str) -> bool {
    let text = text.trim();
    text.len() < 160 && text.chars().filter(|c| c.is_alphabetic()).count() >= 3
}

/// The level of a line that is a heading.
fn heading_level(line: &Line, heading_sizes: &[i64]) -> Option<u8> {
    let size = tenths(line.size);
    let smallest = *heading_sizes.last()?;
    if size * 10 <= smallest * 9 || !is_heading_text(&line.text) {
        return None;
    }
    let level = heading_sizes.iter().position(|known| size * 10 > known * 9)?;
    (size >= smallest).then_some((level + 1).min(6) as u8)
}

fn write_page(draft: &mut Draft, lines: &[Line], heading_sizes: &[i64]) -> Result<(), Unreadable> {
    let pitch = line_pitch(lines);
    let mut text = String::new();
    let mut open: Option<(&Line, Option<u8>)> = None;
    for line in lines {
        let level = heading_level(line, heading_sizes);
        let goes_on = open.is_some_and(|(last, last_level)| {
            let down = line.y - last.y;
            level == last_level
                && (tenths(line.size) - tenths(last.size)).abs() * 4 < tenths(last.size).max(1)
                && down > -last.size * 0.5
                && down < pitch.clamp(last.size, last.size * 2.0) * 1.35
        });
        if !goes_on {
            write_paragraph(draft, open, &text)?;
            text.clear();
        } else if text.ends_with('-')
            && text.chars().rev().nth(1).is_some_and(char::is_lowercase)
            && line.text.trim_start().starts_with(char::is_lowercase)
            && line.y > open.map_or(0.0, |(last, _)| last.y) + line.size * 0.5
        {
            text.pop();
        } else {
            let is_same_line = open.is_some_and(|(last, _)| (line.y - last.y).abs() < 1.0);
            text.push(if is_same_line || level.is_some() { ' ' } else { '\n' });
        }
        text.push_str(line.text.trim());
        open = Some((line, level));
    }
    write_paragraph(draft, open, &text)
}

fn write_paragraph(
    draft: &mut Draft,
    open: Option<(&Line, Option<u8>)>,
    text: &str,
) -> Result<(), Unreadable> {
    match open {
        Some((_, Some(level))) => draft.push(BlockKind::Heading, level, None, text),
        Some((_, None)) => draft.push(BlockKind::Paragraph, 0, None, text),
        None => Ok(()),
    }
}

/// The usual distance from one baseline to the next.
fn line_pitch(lines: &[Line]) -> f64 {
    let mut steps: Vec<i64> = lines
        .windows(2)
        .map(|pair| tenths(pair[1].y - pair[0].y))
        .filter(|step| *step > 20 && *step < 600)
        .collect();
    steps.sort_unstable();
    steps.get(steps.len() / 3).map_or(0.0, |step| *step as f64 / 10.0)
}
