//! Spreadsheets: a sheet is a page, a row is a block.

use std::io::Cursor;

use calamine::{Data, DataRef, Reader, Xlsb, Xlsx};

use super::super::limits::Limits;
use super::super::model::{BlockKind, Document, Format};
use super::super::outline::Draft;
use super::super::own_time::OwnTimes;
use super::super::unreadable::Unreadable;
use super::archive::Archive;
use super::office::{
    CORE_PROPERTIES, Member, OPENDOCUMENT_PROPERTIES, Properties, refuse_encrypted_opendocument,
};

pub(super) fn xlsx(bytes: &[u8], limits: &Limits) -> Result<Document, Unreadable> {
    let broken = |error| Unreadable::broken("spreadsheet", error);
    Archive::open(bytes, limits)?.try_unpacking_all()?;
    let times = times(bytes, CORE_PROPERTIES, limits);
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|error| match error {
        calamine::XlsxError::Password => Unreadable::Encrypted,
        error => broken(error),
    })?;
    let names = sheet_names(book.sheet_names(), limits)?;
    let mut draft = Draft::new(limits);
    for (idx, name) in names.iter().enumerate() {
        let mut sheet = Sheet::begin(&mut draft, idx + 1, name);
        // Cell after cell: a sheet with one cell in its last corner must not become a rectangle
        // of seventeen thousand million.
        let Ok(mut cells) = book.worksheet_cells_reader(name) else { continue };
        while let Some(cell) = cells.next_cell().map_err(broken)? {
            let text = match cell.get_value() {
                DataRef::SharedString(text) => (*text).to_owned(),
                other => cell_text(&Data::from(other.clone())),
            };
            let (row, column) = cell.get_position();
            sheet.cell(row, column, text)?;
        }
        sheet.end()?;
    }
    let mut document = draft.finish(Format::Xlsx, None, Some(names.len()))?;
    document.times = times;
    Ok(document)
}

pub(super) fn xlsb(bytes: &[u8], limits: &Limits) -> Result<Document, Unreadable> {
    let broken = |error| Unreadable::broken("spreadsheet", error);
    Archive::open(bytes, limits)?.try_unpacking_all()?;
    let times = times(bytes, CORE_PROPERTIES, limits);
    let mut book: Xlsb<_> = Xlsb::new(Cursor::new(bytes)).map_err(broken)?;
    let names = sheet_names(book.sheet_names(), limits)?;
    let mut draft = Draft::new(limits);
    for (idx, name) in names.iter().enumerate() {
        let mut sheet = Sheet::begin(&mut draft, idx + 1, name);
        let mut cells = book.worksheet_cells_reader(name).map_err(broken)?;
        while let Some(cell) = cells.next_cell().map_err(broken)? {
            let (row, column) = cell.get_position();
            sheet.cell(row, column, cell_text(&Data::from(cell.get_value().clone())))?;
        }
        sheet.end()?;
    }
    let mut document = draft.finish(Format::Xlsx, None, Some(names.len()))?;
    document.times = times;
    Ok(document)
}

pub(super) fn ods(bytes: &[u8], limits: &Limits) -> Result<Document, Unreadable> {
    let mut archive = Archive::open(bytes, limits)?;
    refuse_encrypted_opendocument(&mut archive)?;
    let xml = archive.text("content.xml")?;
    let mut draft = Draft::new(limits);
    let n_sheets = super::opendocument_sheet::read(&xml, &mut draft, limits)?;
    let mut document = draft.finish(Format::Xlsx, None, Some(n_sheets))?;
    document.times = times(bytes, OPENDOCUMENT_PROPERTIES, limits);
    Ok(document)
}

/// What a workbook says of when it is from. Its properties count against limits of their own,
/// not against those of the sheets, and are no reason to lose them.
fn times(bytes: &[u8], member: Member, limits: &Limits) -> OwnTimes {
    Archive::open(bytes, limits)
        .and_then(|mut archive| Properties::read(&mut archive, member))
        .unwrap_or_default()
        .times
}

fn sheet_names(names: Vec<String>, limits: &Limits) -> Result<Vec<String>, Unreadable> {
    if names.len() > limits.max_pages {
        return Err(Unreadable::Bomb(format!("a workbook of {} sheets", names.len())));
    }
    Ok(names)
}

/// A cell as a person would write it.
fn cell_text(value: &Data) -> String {
    match value {
        Data::Empty | Data::Error(_) => String::new(),
        Data::DateTime(date) if date.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
            if (hour, minute, second) == (0, 0, 0) {
                format!("{year:04}-{month:02}-{day:02}")
            } else {
                format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
            }
        }
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            format!("{number:.0}")
        }
        other => other.to_string(),
    }
}

/// The rows of one sheet, as they come.
pub(super) struct Sheet<'a> {
    draft: &'a mut Draft,
    /// Column → its title, where the first row looks like titles.
    titles: Option<Vec<(u32, String)>>,
    row: Option<u32>,
    cells: Vec<(u32, String)>,
    name: &'a str,
    begun: bool,
}

impl<'a> Sheet<'a> {
    pub(super) fn begin(draft: &'a mut Draft, page: usize, name: &'a str) -> Self {
        draft.set_page(page);
        Self { draft, titles: None, row: None, cells: Vec::new(), name, begun: false }
    }

    pub(super) fn cell(&mut self, row: u32, column: u32, text: String) -> Result<(), Unreadable> {
        if self.row != Some(row) {
            self.end_row()?;
            self.row = Some(row);
        }
        if !text.trim().is_empty() {
            self.cells.push((column, text));
        }
        Ok(())
    }

    pub(super) fn end(mut self) -> Result<(), Unreadable> {
        self.end_row()
    }

    fn end_row(&mut self) -> Result<(), Unreadable> {
        let cells = std::mem::take(&mut self.cells);
        if cells.is_empty() {
            return Ok(());
        }
        if !self.begun {
            self.draft.push(BlockKind::Heading, 1, None, self.name)?;
            self.begun = true;
        }
        let Some(titles) = &self.titles else {
            let text = cells.iter().map(|(_, text)| one_line(text)).collect::<Vec<_>>().join(" | ");
            // Titles are several, and words.
            let are_titles = cells.len() > 1
                && cells.iter().all(|(_, text)| text.chars().any(char::is_alphabetic));
            self.titles = Some(if are_titles { cells } else { Vec::new() });
            return self.draft.push(BlockKind::TableRow, 0, None, &text);
        };
        let mut text = String::new();
        for (column, value) in &cells {
            if !text.is_empty() {
                text.push_str(if titles.is_empty() { " | " } else { "; " });
            }
            if let Ok(at) = titles.binary_search_by_key(column, |(column, _)| *column) {
                text.push_str(&one_line(&titles[at].1));
                text.push_str(": ");
            }
            text.push_str(&one_line(value));
        }
        self.draft.push(BlockKind::TableRow, 0, None, &text)
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
