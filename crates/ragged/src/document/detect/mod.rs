//! Which format the bytes of a file are: by what they are first, by the file's name second.

use std::path::Path;

use super::encoding;
use super::model::Format;
use super::unreadable::Unreadable;

pub(super) mod language;
#[cfg(test)]
mod tests;

use language::Language;

/// How many bytes from the beginning of a file decide about it.
pub const HEAD_BYTES: usize = 8 << 10;

/// What a file was recognised as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detected {
    /// A gzip stream; what is inside has to be looked at again, under the name without `.gz`.
    Gzip,
    /// A ZIP archive; its members decide (an office document, a book, or nothing we read).
    Zip,
    /// A format that is not packed.
    Plain {
        /// The format.
        format: Format,
        /// The programming language, for [`Format::Code`].
        language: Option<&'static Language>,
    },
}

/// Recognises a file from its name and its first [`HEAD_BYTES`] (or all of its bytes).
///
/// Signatures of binary formats win over the name. The name wins over signatures of text formats
/// where it is specific (`page.php` that begins with `<!doctype html>` is PHP), and loses where it
/// says little (no extension, an unknown one, `.txt`).
///
/// # Errors
///
/// [`Unreadable::Empty`], [`Unreadable::Binary`], [`Unreadable::Unsupported`] for formats known
/// but not read, and [`Unreadable::Encrypted`] for office documents under a password.
pub fn detect(name: &Path, head: &[u8]) -> Result<Detected, Unreadable> {
    let head = &head[..head.len().min(HEAD_BYTES)];
    if head.is_empty() {
        return Err(Unreadable::Empty);
    }
    if let Some(detected) = by_signature(head)? {
        return Ok(detected);
    }
    if !encoding::is_utf16(head) && looks_binary(head) {
        return Err(match format_by_name(name) {
            // A whole office file always begins with its signature.
            Some(Named::Packed(what)) => Unreadable::broken(what, "its signature is missing"),
            _ => Unreadable::Binary,
        });
    }
    let plain = |format, language| Ok(Detected::Plain { format, language });
    match format_by_name(name) {
        Some(Named::Packed(what)) => Err(Unreadable::broken(what, "its signature is missing")),
        Some(Named::Format(Format::Text)) | None => {
            if let Some((format, language)) = by_text_shape(name, head) {
                return plain(format, language);
            }
            if format_by_name(name).is_none() && !encoding::is_utf16(head) && !is_utf8_prefix(head)
            {
                // Nothing promised that this would be text.
                return Err(Unreadable::Binary);
            }
            plain(Format::Text, None)
        }
        Some(Named::Format(Format::Json)) if looks_like_jsonl(head) => plain(Format::Jsonl, None),
        Some(Named::Format(format)) => plain(format, None),
        Some(Named::Code(language)) => plain(Format::Code, Some(language)),
    }
}

/// What a name alone promises.
enum Named {
    Format(Format),
    Code(&'static Language),
    /// A binary format that its signature would have revealed.
    Packed(&'static str),
}

fn format_by_name(name: &Path) -> Option<Named> {
    let file_name = name.file_name()?.to_str()?;
    if let Some(language) = language::by_file_name(file_name) {
        return Some(Named::Code(language));
    }
    let extension = name.extension()?.to_str()?.to_ascii_lowercase();
    let named = match extension.as_str() {
        "txt" | "text" | "log" | "adoc" | "asciidoc" | "textile" | "wiki" => {
            Named::Format(Format::Text)
        }
        "md" | "markdown" | "mdx" | "mkd" | "mdown" | "qmd" | "rmd" => {
            Named::Format(Format::Markdown)
        }
        "rst" | "rest" => Named::Format(Format::Rst),
        "org" => Named::Format(Format::Org),
        "html" | "htm" | "xhtml" | "xht" => Named::Format(Format::Html),
        "csv" | "tsv" | "tab" => Named::Format(Format::Csv),
        "json" | "geojson" | "ipynb" | "webmanifest" | "json5" | "jsonc" => {
            Named::Format(Format::Json)
        }
        "jsonl" | "ndjson" => Named::Format(Format::Jsonl),
        "eml" => Named::Format(Format::Eml),
        "mbox" | "mbx" => Named::Format(Format::Mbox),
        "pdf" => Named::Packed("PDF"),
        "docx" | "docm" | "pptx" | "pptm" | "xlsx" | "xlsm" | "xlsb" => {
            Named::Packed("Office document")
        }
        "odt" | "ods" => Named::Packed("OpenDocument file"),
        "epub" => Named::Packed("EPUB"),
        "gz" => Named::Packed("gzip stream"),
        other => Named::Code(language::by_extension(other)?),
    };
    Some(named)
}

/// Binary formats by their first bytes.
fn by_signature(head: &[u8]) -> Result<Option<Detected>, Unreadable> {
    let unsupported = |what: &str| Err(Unreadable::Unsupported(what.to_owned()));
    let plain = |format| Ok(Some(Detected::Plain { format, language: None }));
    if head.starts_with(b"\x1f\x8b") {
        return Ok(Some(Detected::Gzip));
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(Some(Detected::Zip));
    }
    // Readers accept a PDF whose header is preceded by up to a kilobyte of other bytes.
    if find(&head[..head.len().min(1024)], b"%PDF-").is_some_and(|at| {
        at == 0 || head[..at].iter().all(u8::is_ascii_whitespace) || looks_binary(head)
    }) {
        return plain(Format::Pdf);
    }
    if head.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") {
        // Office wraps a document under a password in the container of its old formats.
        let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
        return match find(head, &name) {
            Some(_) => Err(Unreadable::Encrypted),
            None => unsupported("an Office document in the format of before 2007"),
        };
    }
    let known: [(&[u8], &str); 12] = [
        (b"\x89PNG", "a PNG image"),
        (b"\xFF\xD8\xFF", "a JPEG image"),
        (b"GIF8", "a GIF image"),
        (b"\x7fELF", "a program"),
        (b"BZh", "a bzip2 archive"),
        (b"\xFD7zXZ\0", "an xz archive"),
        (b"\x28\xB5\x2F\xFD", "a zstd archive"),
        (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
        (b"Rar!\x1A", "a RAR archive"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"{\\rtf", "an RTF document"),
        (b"%!PS", "a PostScript document"),
    ];
    match known.iter().find(|(signature, _)| head.starts_with(signature)) {
        Some((_, what)) => unsupported(what),
        None => Ok(None),
    }
}

/// Text formats by their shape, for names that promise nothing.
fn by_text_shape(name: &Path, head: &[u8]) -> Option<(Format, Option<&'static Language>)> {
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let text = text.trim_ascii_start();
    if text.starts_with(b"#!") {
        let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if let Some(language) = language::by_shebang(&String::from_utf8_lossy(line)) {
            return Some((Format::Code, Some(language)));
        }
    }
    if looks_like_html(text) {
        return Some((Format::Html, None));
    }
    if text.starts_with(b"From ") && looks_like_mail(skip_line(text)) {
        return Some((Format::Mbox, None));
    }
    if looks_like_mail(text) {
        return Some((Format::Eml, None));
    }
    let promises_text = name.extension().is_some_and(|extension| extension == "txt");
    if !promises_text && matches!(text.first(), Some(b'{' | b'[')) {
        if looks_like_jsonl(text) {
            return Some((Format::Jsonl, None));
        }
        if looks_like_json(text) {
            return Some((Format::Json, None));
        }
    }
    None
}

fn looks_like_html(text: &[u8]) -> bool {
    let mut rest = text;
    // Comments and an XML declaration may stand before the first tag.
    loop {
        rest = rest.trim_ascii_start();
        let end: &[u8] = if rest.starts_with(b"<!--") {
            b"-->"
        } else if rest.starts_with(b"<?xml") {
            b"?>"
        } else {
            break;
        };
        match find(rest, end) {
            Some(at) => rest = &rest[at + end.len()..],
            None => return false,
        }
    }
    let start: Vec<u8> = rest.iter().take(14).map(u8::to_ascii_lowercase).collect();
    [b"<!doctype html".as_slice(), b"<html", b"<head>", b"<body"]
        .iter()
        .any(|tag| start.starts_with(tag))
}

/// Whether `text` begins with at least two header fields of a message, one of them proper to mail.
fn looks_like_mail(text: &[u8]) -> bool {
    let (mut n_fields, mut n_proper) = (0, 0);
    for line in text.split(|byte| *byte == b'\n').take(60) {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            break;
        }
        if matches!(line.first(), Some(b' ' | b'\t')) && n_fields > 0 {
            continue;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return false };
        let name = line[..colon].to_ascii_lowercase();
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            return false;
        }
        n_fields += 1;
        n_proper += usize::from(matches!(
            name.as_slice(),
            b"received"
                | b"return-path"
                | b"message-id"
                | b"mime-version"
                | b"delivered-to"
                | b"from"
                | b"to"
                | b"subject"
                | b"date"
        ));
    }
    n_fields >= 3 && n_proper >= 3
}

fn looks_like_json(text: &[u8]) -> bool {
    match text {
        [b'{', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'"' | b'}')),
        [b'[', rest @ ..] => {
            matches!(rest.trim_ascii_start().first(), Some(b'{' | b'"' | b'[' | b']'))
        }
        _ => false,
    }
}

/// Whether the first two lines are a whole JSON object or array each.
fn looks_like_jsonl(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let whole = |line: &[u8]| {
        looks_like_json(line) && matches!(line.last(), Some(b'}' | b']')) && line.len() > 2
    };
    let mut lines = lines.by_ref().filter(|line| !line.is_empty());
    match (lines.next(), lines.next()) {
        (Some(first), Some(second)) => whole(first) && second.first() == first.first(),
        _ => false,
    }
}

/// Whether the bytes are not text: a zero byte, or many other control characters.
pub(super) fn looks_binary(head: &[u8]) -> bool {
    let mut n_control = 0;
    for byte in head {
        match byte {
            0 => return true,
            b'\t' | b'\n' | b'\r' | 0x0c | 0x1b | 0x08 => {}
            0x01..0x20 | 0x7f => n_control += 1,
            _ => {}
        }
    }
    n_control * 20 > head.len()
}

/// Whether `head` is valid UTF-8, but for a character cut in two at its end.
fn is_utf8_prefix(head: &[u8]) -> bool {
    match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && head.len() == HEAD_BYTES,
    }
}

fn skip_line(text: &[u8]) -> &[u8] {
    text.iter().position(|byte| *byte == b'\n').map_or(&[], |at| &text[at + 1..])
}

/// Offset of the first `needle` in `haystack`.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
