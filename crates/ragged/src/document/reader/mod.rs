//! Bytes → [`Document`], one module a family of formats. Pure: no file is opened here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::detect::language::Language;
use super::detect::{Detected, detect};
use super::encoding;
use super::limits::Limits;
use super::model::{Document, Format};
use super::readers::Hints;
use super::unreadable::Unreadable;

mod archive;
mod epub;
mod html;
mod json;
mod mail;
mod markdown;
mod office;
mod opendocument_sheet;
mod pdf;
mod sheet;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod xml;

use archive::Archive;

/// Reads a file from its bytes, in this process.
///
/// `name` is the file's name or path: it decides where the bytes leave a choice, and is not
/// opened. A panic of a parser comes back as [`Unreadable::Crashed`]. Memory, time and stack are
/// bounded only by `limits`; for files of unknown origin use a
/// [`WorkerPool`](super::worker::WorkerPool).
///
/// # Examples
///
/// ```
/// use std::path::Path;
/// use ragged::document::{Format, Limits, read_bytes};
///
/// let bytes = b"# Bread\n\nFlour, water, salt.\n".to_vec();
/// let document = read_bytes(Path::new("bread.md"), bytes, &Limits::default()).unwrap();
/// assert_eq!(document.format, Format::Markdown);
/// assert_eq!(document.title.as_deref(), Some("Bread"));
/// assert_eq!(document.blocks.len(), 2);
/// ```
pub fn read_bytes(name: &Path, bytes: Vec<u8>, limits: &Limits) -> Result<Document, Unreadable> {
    read_hinted(name, bytes, Hints::default(), limits)
}

/// [`read_bytes`], with what the caller knows about the file.
pub(super) fn read_hinted(
    name: &Path,
    bytes: Vec<u8>,
    hints: Hints,
    limits: &Limits,
) -> Result<Document, Unreadable> {
    let outcome = catch_unwind(AssertUnwindSafe(|| dispatch(name, bytes, hints, limits)));
    outcome.unwrap_or_else(|panic| Err(Unreadable::Crashed(panic_text(&*panic))))
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("panic");
    let mut text = text.split('\n').next().unwrap_or_default().to_owned();
    text.truncate(text.floor_char_boundary(200));
    text
}

fn dispatch(
    name: &Path,
    bytes: Vec<u8>,
    hints: Hints,
    limits: &Limits,
) -> Result<Document, Unreadable> {
    let read_plain = |format, language, bytes| match hints.format {
        Some(format) => read_as(format, None, bytes, limits),
        None => read_as(format, language, bytes, limits),
    };
    match detect(name, &bytes)? {
        Detected::Plain { format, language } => read_plain(format, language, bytes),
        Detected::Zip => packed(&bytes, limits),
        Detected::Gzip => {
            let inside = archive::gunzip(&bytes, limits)?;
            drop(bytes);
            let is_gz =
                name.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
            let name = if is_gz { name.with_extension("") } else { name.to_owned() };
            match detect(&name, &inside)? {
                Detected::Plain { format, language } => read_plain(format, language, inside),
                Detected::Zip => packed(&inside, limits),
                Detected::Gzip => {
                    Err(Unreadable::Unsupported("a gzip stream in a gzip stream".to_owned()))
                }
            }
        }
    }
}

/// Whether reading a file of this format runs nothing but this crate's own line scanners, which
/// are safe to run next to the user's data: linear, without recursion and without C.
pub(super) fn is_trusted(format: Format, language: Option<&Language>) -> bool {
    match format {
        Format::Text | Format::Rst | Format::Org | Format::Csv | Format::Json | Format::Jsonl => {
            true
        }
        Format::Code => !language.is_some_and(|language| source::has_grammar(language.name)),
        _ => false,
    }
}

/// Reads `bytes` as a format that is not packed.
pub(super) fn read_as(
    format: Format,
    language: Option<&'static Language>,
    bytes: Vec<u8>,
    limits: &Limits,
) -> Result<Document, Unreadable> {
    match format {
        Format::Pdf => return pdf::pdf(&bytes, limits),
        Format::Html => return html::html(bytes, limits),
        Format::Eml => return mail::eml(&bytes, limits),
        Format::Mbox => return mail::mbox(&bytes, limits),
        Format::Docx => return office::docx(&bytes, limits),
        Format::Pptx => return office::pptx(&bytes, limits),
        Format::Odt => return office::odt(&bytes, limits),
        Format::Xlsx => return sheet::xlsx(&bytes, limits),
        Format::Epub => return epub::epub(&bytes, limits),
        _ => {}
    }
    // The head was text; a zero byte further on still makes it something else.
    if !encoding::is_utf16(&bytes) && bytes.contains(&0) {
        return Err(Unreadable::Binary);
    }
    let text = encoding::decode(bytes)?;
    match (format, language) {
        (Format::Markdown, _) => markdown::markdown(text, limits),
        (Format::Rst, _) => text::rst(text, limits),
        (Format::Org, _) => text::org(text, limits),
        (Format::Csv, _) => table::csv(text, limits),
        (Format::Json, _) => json::json(text, limits),
        (Format::Jsonl, _) => json::jsonl(text, limits),
        (Format::Code, Some(language)) => source::code(text, language, limits),
        _ => text::plain(text, limits),
    }
}

/// Reads a ZIP archive as the format its members make it.
fn packed(bytes: &[u8], limits: &Limits) -> Result<Document, Unreadable> {
    let mut archive = Archive::open(bytes, limits)?;
    if archive.contains("word/document.xml") {
        return office::docx(bytes, limits);
    }
    if archive.contains("ppt/presentation.xml") {
        return office::pptx(bytes, limits);
    }
    if archive.contains("xl/workbook.xml") {
        return sheet::xlsx(bytes, limits);
    }
    if archive.contains("xl/workbook.bin") {
        return sheet::xlsb(bytes, limits);
    }
    let mimetype = archive.text_if_any("mimetype")?.unwrap_or_default();
    match mimetype.trim() {
        "application/epub+zip" => epub::epub(bytes, limits),
        "application/vnd.oasis.opendocument.text"
        | "application/vnd.oasis.opendocument.text-template" => office::odt(bytes, limits),
        "application/vnd.oasis.opendocument.spreadsheet"
        | "application/vnd.oasis.opendocument.spreadsheet-template" => sheet::ods(bytes, limits),
        _ if archive.contains("META-INF/container.xml") => epub::epub(bytes, limits),
        _ => Err(Unreadable::Unsupported("a ZIP archive".to_owned())),
    }
}
