//! Values separated by commas, semicolons, tabs or bars: a record is a block.

use super::super::limits::Limits;
use super::super::model::{BlockKind, Document, Format};
use super::super::outline::{Piece, short_name, verbatim};
use super::super::unreadable::Unreadable;

/// How many records decide about the separator.
const SAMPLE_RECORDS: usize = 32;

/// How far into the text the sample may reach.
const SAMPLE_BYTES: usize = 64 << 10;

pub(super) fn csv(text: String, limits: &Limits) -> Result<Document, Unreadable> {
    let separator = sniff_separator(&text);
    let mut pieces = Vec::new();
    let mut records = Records { text: &text, at: 0 };
    let first = records.next();
    let second = records.next();
    if let Some((start, end)) = first {
        let head = &text[start..end];
        let piece = match second {
            // The titles open a section, so that every record below is found with them.
            Some(_) if are_titles(head, separator) => {
                Piece::new(BlockKind::Heading, start, end).level(1).named(titles(head, separator))
            }
            _ => Piece::new(BlockKind::TableRow, start, end),
        };
        pieces.push(piece);
    }
    for (start, end) in second.into_iter().chain(records) {
        pieces.push(Piece::new(BlockKind::TableRow, start, end));
    }
    verbatim(Format::Csv, text, pieces, &BlockKind::TableRow, limits)
}

/// The spans of records. A line end between quotes does not end one.
struct Records<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Records<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        if start >= bytes.len() {
            return None;
        }
        let mut quoted = false;
        let mut first_line_end = None;
        let mut n_lines = 0;
        for (idx, byte) in bytes.iter().enumerate().skip(start) {
            match byte {
                b'"' => quoted = !quoted,
                b'\n' => {
                    first_line_end.get_or_insert(idx);
                    n_lines += 1;
                    if !quoted {
                        self.at = idx + 1;
                        return Some((start, idx));
                    }
                    // A quote that nothing closes is a stray one: then a record is a line.
                    if n_lines > 1000 {
                        break;
                    }
                }
                _ => {}
            }
        }
        let end = if quoted { first_line_end.unwrap_or(bytes.len()) } else { bytes.len() };
        self.at = end + 1;
        Some((start, end))
    }
}

/// The separator that cuts the first records into the most even number of cells.
fn sniff_separator(text: &str) -> char {
    let sample = &text[..text.floor_char_boundary(SAMPLE_BYTES)];
    let records: Vec<&str> = Records { text: sample, at: 0 }
        .map(|(start, end)| &sample[start..end])
        .filter(|record| !record.trim().is_empty())
        .take(SAMPLE_RECORDS)
        .collect();
    let mut best = (0, ',');
    for separator in ['\t', ',', ';', '|'] {
        let counts: Vec<usize> =
            records.iter().map(|record| cells(record, separator).count()).collect();
        let usual = counts.first().copied().unwrap_or(1);
        if usual < 2 {
            continue;
        }
        let n_even = counts.iter().filter(|count| **count == usual).count();
        if n_even > best.0 {
            best = (n_even, separator);
        }
    }
    best.1
}

/// The cells of `record`, quotes included.
fn cells(record: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    record.split(move |c: char| {
        if c == '"' {
            quoted = !quoted;
        }
        c == separator && !quoted
    })
}

/// Whether the first record names the columns: words only, more than one, none empty.
fn are_titles(record: &str, separator: char) -> bool {
    let mut n_cells = 0;
    cells(record, separator).all(|cell| {
        n_cells += 1;
        cell.chars().any(char::is_alphabetic) && cell.len() < 100
    }) && n_cells > 1
}

fn titles(record: &str, separator: char) -> String {
    let mut name = String::new();
    for cell in cells(record, separator) {
        if !name.is_empty() {
            name.push_str(", ");
        }
        name.push_str(cell.trim().trim_matches('"'));
        if name.len() > 1000 {
            break;
        }
    }
    short_name(&name)
}
