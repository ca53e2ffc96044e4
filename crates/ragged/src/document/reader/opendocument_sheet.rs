//! The sheets of an OpenDocument spreadsheet, cell after cell.
//!
//! Read here rather than by the spreadsheet library, which unrolls repeated rows and columns into
//! a rectangle: a sheet formatted to its last row is a few hundred bytes and would be gigabytes.

use super::super::limits::Limits;
use super::super::outline::Draft;
use super::super::unreadable::Unreadable;
use super::sheet::Sheet;
use super::xml::{Markup, Xml};

/// Most times a cell with text that says it is repeated is written out.
const MAX_REPEATED_CELLS: u32 = 16;

/// Reads `content.xml` and returns the number of sheets.
pub(super) fn read(xml: &str, draft: &mut Draft, limits: &Limits) -> Result<usize, Unreadable> {
    let mut events = Xml::new("OpenDocument spreadsheet", xml);
    let mut n_sheets = 0;
    while let Some(event) = events.next()? {
        let Markup::Open(tag) = event else { continue };
        if tag.name() != "table" {
            continue;
        }
        n_sheets += 1;
        if n_sheets > limits.max_pages {
            return Err(Unreadable::Bomb(format!("a workbook of more than {n_sheets} sheets")));
        }
        let name = tag.attribute("name").unwrap_or_default();
        read_sheet(&mut events, Sheet::begin(draft, n_sheets, &name))?;
    }
    Ok(n_sheets)
}

fn read_sheet(events: &mut Xml<'_>, mut sheet: Sheet<'_>) -> Result<(), Unreadable> {
    let (mut row, mut column) = (0_u32, 0_u32);
    let (mut repeated_rows, mut repeated_cells) = (1_u32, 1_u32);
    let mut text = String::new();
    let (mut in_paragraph, mut n_notes) = (false, 0_usize);
    while let Some(event) = events.next()? {
        match event {
            Markup::Open(tag) => {
                let repeated =
                    |name: &str| tag.attribute(name).and_then(|n| n.parse().ok()).unwrap_or(1_u32);
                match tag.name() {
                    "annotation" => n_notes += 1,
                    "table-row" => {
                        column = 0;
                        repeated_rows = repeated("number-rows-repeated");
                    }
                    "table-cell" | "covered-table-cell" => {
                        text.clear();
                        repeated_cells = repeated("number-columns-repeated");
                    }
                    "p" if n_notes == 0 => {
                        if !text.is_empty() {
                            text.push(' ');
                        }
                        in_paragraph = true;
                    }
                    "s" | "tab" | "line-break" if in_paragraph => text.push(' '),
                    _ => {}
                }
            }
            Markup::Close(name) => match name.as_str() {
                "annotation" => n_notes = n_notes.saturating_sub(1),
                "p" => in_paragraph = false,
                "table-cell" | "covered-table-cell" => {
                    if !text.trim().is_empty() {
                        for n in 0..repeated_cells.min(MAX_REPEATED_CELLS) {
                            sheet.cell(row, column.saturating_add(n), text.clone())?;
                        }
                    }
                    column = column.saturating_add(repeated_cells);
                    text.clear();
                }
                // A row that stands for many equal ones is text once.
                "table-row" => row = row.saturating_add(repeated_rows),
                "table" => break,
                _ => {}
            },
            Markup::Text(piece) if in_paragraph && n_notes == 0 => text.push_str(&piece),
            Markup::Text(_) => {}
        }
    }
    sheet.end()
}
