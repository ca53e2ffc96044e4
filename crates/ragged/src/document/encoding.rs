//! Bytes → text.

use super::unreadable::Unreadable;

/// The text of `bytes`: UTF-8, or UTF-16 where a byte-order mark says so; line ends as `\n`, the
/// mark itself left out.
pub(super) fn decode(bytes: Vec<u8>) -> Result<String, Unreadable> {
    let text = match *bytes.as_slice() {
        [0xEF, 0xBB, 0xBF, ..] => utf8(bytes[3..].to_vec(), 3)?,
        [0xFF, 0xFE, ..] => utf16(&bytes[2..], u16::from_le_bytes)?,
        [0xFE, 0xFF, ..] => utf16(&bytes[2..], u16::from_be_bytes)?,
        _ => utf8(bytes, 0)?,
    };
    Ok(normalise_line_ends(text))
}

/// Whether `bytes` begin with the byte-order mark of UTF-16.
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..])
}

fn utf8(bytes: Vec<u8>, skipped: usize) -> Result<String, Unreadable> {
    String::from_utf8(bytes).map_err(|error| Unreadable::NotUtf8 {
        offset_bytes: (error.utf8_error().valid_up_to() + skipped) as u64,
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Unreadable> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(Unreadable::broken("UTF-16 text", "ends in half a character"));
    }
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .collect::<Result<String, _>>()
        .map_err(|error| Unreadable::broken("UTF-16 text", error))
}

/// `text` with `\r\n` and lone `\r` as `\n`.
pub(super) fn normalise_line_ends(text: String) -> String {
    if !text.as_bytes().contains(&b'\r') {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('\r') {
        out.push_str(&rest[..at]);
        out.push('\n');
        rest = &rest[at + 1..];
        rest = rest.strip_prefix('\n').unwrap_or(rest);
    }
    out.push_str(rest);
    out
}
