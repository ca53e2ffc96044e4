//! Personal data in text → markers, before the text is stored.
//!
//! [`redact`] replaces what has the form of an address of electronic mail (`[EMAIL]`), a telephone
//! number (`[PHONE]`), a payment card (`[CARD]`), a social security number of the United States
//! (`[SSN]`), an address of a machine (`[IP]`), and a date that is said to be a birth
//! (`[DATE-OF-BIRTH]`). It knows forms, not meanings: names of people have none and stay.
//!
//! What only looks alike stays: versions, dates, times, prices, hashes, identifiers. Where a form
//! is ambiguous, the number's surroundings decide; the rules are at each `fn`.

use std::{borrow::Cow, net::Ipv6Addr};

/// Text before a date that makes it a birth, within this many bytes.
const CUE_BYTES: usize = 40;
/// The longest stretch that is read as one number with separators.
const NUMBER_BYTES: usize = 40;

/// Replaces personal data by markers. The same text always gives the same, and what was redacted
/// is not changed by another pass. Linear in the length of the text.
///
/// # Examples
///
/// ```
/// use ragged::memory::redact;
///
/// assert_eq!(
///     redact("write to ada@example.org or call 555-1234"),
///     "write to [EMAIL] or call [PHONE]"
/// );
/// assert_eq!(redact("released 2026-11-25 as 1.2.3.4"), "released 2026-11-25 as [IP]");
/// ```
pub fn redact(text: &str) -> Cow<'_, str> {
    // What was cut may bring together what had been apart.
    let mut text = Cow::Borrowed(text);
    for _ in 0..4 {
        match pass(&text) {
            Some(redacted) => text = Cow::Owned(redacted),
            None => break,
        }
    }
    text
}

fn pass(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let mut kept = 0;
    let mut at = 0;
    while at < bytes.len() {
        let found = match bytes[at] {
            b'@' => email(text, at, kept),
            b'0'..=b'9' | b'+' | b'(' | b':' => number(text, at),
            b'a'..=b'f' | b'A'..=b'F' => ipv6(text, at),
            _ => None,
        };
        match found {
            Some((start, end, marker)) => {
                out.push_str(text.get(kept..start).unwrap_or_default());
                out.push_str(marker);
                kept = end;
                at = end;
            }
            None => at += 1,
        }
    }
    if kept == 0 && out.is_empty() {
        return None;
    }
    out.push_str(text.get(kept..).unwrap_or_default());
    Some(out)
}

type Found = (usize, usize, &'static str);

/// `local@domain.tld` around the `@` at `at`, not before `from`.
fn email(text: &str, at: usize, from: usize) -> Option<Found> {
    let is_local = |c: char| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    let before = text.get(from..at)?;
    let local = before.trim_end_matches(is_local).len();
    let start = from + local;
    // Quotes and the like around an address are not part of it.
    let local = text.get(start..at)?;
    let start =
        start + (local.len() - local.trim_start_matches(|c: char| !c.is_alphanumeric()).len());
    if start >= at {
        return None;
    }
    let rest = text.get(at + 1..)?;
    let len = rest.len()
        - rest.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '.' | '-')).len();
    let domain = rest.get(..len)?.trim_end_matches(['.', '-']);
    let (host, top) = domain.rsplit_once('.')?;
    let is_name = |label: &str| !label.is_empty() && !label.starts_with('-');
    let top_fits = top.chars().count() >= 2 && !top.chars().all(|c| c.is_ascii_digit());
    (host.split('.').all(is_name) && top_fits).then_some((start, at + 1 + domain.len(), "[EMAIL]"))
}

/// Whether the character before `at` allows something to begin there.
fn begins(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default().chars().next_back();
    !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '#' | '$' | '€' | '£' | '%'))
}

/// Whether what follows `at` allows something to end there.
fn ends(text: &str, at: usize) -> bool {
    let mut after = text.get(at..).unwrap_or_default().chars();
    match after.next() {
        Some(c) if c.is_alphanumeric() || matches!(c, '_' | '%') => false,
        // More of the same number or name.
        Some('-' | '.' | ',' | '/' | ':') => !after.next().is_some_and(char::is_alphanumeric),
        _ => true,
    }
}

/// What a number at `at` is, if it is anything.
fn number(text: &str, at: usize) -> Option<Found> {
    if !begins(text, at) {
        return None;
    }
    // In the middle of a chain of numbers or a name nothing begins.
    let mut before = text.get(..at)?.chars().rev();
    if let (Some('-' | '.' | '/' | ':' | ','), Some(c)) = (before.next(), before.next())
        && c.is_alphanumeric()
    {
        return None;
    }
    ipv6(text, at)
        .or_else(|| ipv4(text, at))
        .or_else(|| birth(text, at))
        .or_else(|| card(text, at))
        .or_else(|| social(text, at))
        .or_else(|| phone(text, at))
}

/// Four numbers up to 255 with dots, unless a version is spoken of.
fn ipv4(text: &str, at: usize) -> Option<Found> {
    let rest = text.get(at..)?;
    let len = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').take(16).count();
    let mut address = rest.get(..len)?;
    // The end of a sentence.
    address = address.strip_suffix('.').unwrap_or(address);
    let parts: Vec<&str> = address.split('.').collect();
    let fits = parts.len() == 4
        && parts.iter().all(|part| (1..=3).contains(&part.len()) && part.parse::<u8>().is_ok());
    let end = at + address.len();
    // A port or a mask may follow.
    let after = text.get(end..)?;
    let goes_on = after
        .strip_prefix([':', '/'])
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if !fits || !(goes_on || ends(text, end)) || is_version(text, at) {
        return None;
    }
    Some((at, end, "[IP]"))
}

/// Whether the word before `at` says that a version follows.
fn is_version(text: &str, at: usize) -> bool {
    const CUES: &[&str] =
        &["version", "versions", "v", "ver", "release", "section", "chapter", "rev"];
    is_after(text, at, CUES)
}

/// Whether the word before `at` is one of these.
fn is_after(text: &str, at: usize, cues: &[&str]) -> bool {
    let before =
        text.get(..at).unwrap_or_default().trim_end_matches([' ', ':', '.', '=', '(', '\u{a0}']);
    let word = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    cues.iter().any(|cue| word.eq_ignore_ascii_case(cue))
}

/// An IPv6 address: two colons or more, as the standard library reads it, and either `::` with
/// a hexadecimal group or eight groups.
fn ipv6(text: &str, at: usize) -> Option<Found> {
    if !begins(text, at) || text.as_bytes().get(at.wrapping_sub(1)) == Some(&b':') {
        return None;
    }
    let rest = text.get(at..)?;
    let len = rest
        .bytes()
        .take_while(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'))
        .take(46)
        .count();
    let address = rest.get(..len)?.trim_end_matches('.');
    let address = if address.ends_with("::") { address } else { address.trim_end_matches(':') };
    if address.bytes().filter(|b| *b == b':').count() < 2 || address.parse::<Ipv6Addr>().is_err() {
        return None;
    }
    // `::` alone, or `a::b` of a program's names, is no address of a machine.
    let groups = address.split(':').filter(|group| !group.is_empty());
    let n_digits = groups.clone().map(str::len).sum::<usize>();
    let has_digit = address.bytes().any(|b| b.is_ascii_digit());
    if n_digits < 1 || !has_digit {
        return None;
    }
    let end = at + address.len();
    let after = text.get(end..)?.chars().next();
    let ends = !after.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
    ends.then_some((at, end, "[IP]"))
}

/// A date in numbers, or with the name of a month, where the words before it speak of a birth.
fn birth(text: &str, at: usize) -> Option<Found> {
    let end = date(text, at)?;
    let mut from = at.saturating_sub(CUE_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let before = text.get(from..at)?;
    // Of this sentence.
    let before = before.rsplit(['.', ';', '\n', '!', '?']).next().unwrap_or(before);
    // A marker's own words are none.
    let before = before.rsplit(']').next().unwrap_or(before).to_lowercase();
    let words: Vec<&str> =
        before.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_cue = |word: &&str| {
        matches!(
            *word,
            "born"
                | "birthday"
                | "birthdate"
                | "birth"
                | "dob"
                | "geboren"
                | "geburtstag"
                | "geburtsdatum"
                | "née"
                | "né"
        )
    };
    words.iter().any(is_cue).then_some((at, end, "[DATE-OF-BIRTH]"))
}

/// Where a date that begins at `at` ends.
fn date(text: &str, at: usize) -> Option<usize> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let rest = text.get(at..)?;
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let number = |text: &str| text.parse::<u32>().ok();
    let first_len = digits(rest);
    let first = number(rest.get(..first_len)?)?;
    let after = rest.get(first_len..)?;
    if let Some(separator) = after.chars().next().filter(|c| matches!(c, '-' | '/' | '.')) {
        let (middle, end) = after.get(1..)?.split_once(separator)?;
        let middle_value = number(middle)?;
        let end_len = digits(end);
        let end_value = number(end.get(..end_len)?)?;
        let is_day = |n: u32, len: usize| (1..=31).contains(&n) && len <= 2;
        let is_year = |n: u32, len: usize| len == 2 || (len == 4 && (1850..=2100).contains(&n));
        let fits = middle.len() <= 2
            && (1..=31).contains(&middle_value)
            && ((is_day(first, first_len) && is_year(end_value, end_len))
                || (first_len == 4 && is_year(first, 4) && is_day(end_value, end_len)));
        let end = at + first_len + 1 + middle.len() + 1 + end_len;
        return (fits && ends(text, end)).then_some(end);
    }
    // 4 March 1980, 4th of March, 1980
    if !(1..=31).contains(&first) {
        return None;
    }
    let mut words = Vec::new();
    let mut offset = first_len;
    for ordinal in ["st", "nd", "rd", "th", "."] {
        if after.starts_with(ordinal) {
            offset += ordinal.len();
            break;
        }
    }
    for word in rest.get(offset..)?.split_inclusive([' ', ',']).take(6) {
        offset += word.len();
        let bare = word.trim_matches([' ', ',']);
        if bare.is_empty() || bare == "of" {
            continue;
        }
        words.push((bare, offset - word.len() + word.find(bare).unwrap_or(0)));
        if words.len() == 2 {
            break;
        }
    }
    let [(month, _), (year, year_at)] = words.as_slice() else { return None };
    let month = month.to_lowercase();
    let year_len = digits(year);
    let year_value = number(year.get(..year_len)?)?;
    let fits = MONTHS.iter().any(|name| month.starts_with(name))
        && year_len == 4
        && (1850..=2100).contains(&year_value);
    let end = at + year_at + year_len;
    (fits && ends(text, end)).then_some(end)
}

/// Digits with single separators between groups.
struct Digits {
    values: Vec<u8>,
    /// Length of each group.
    groups: Vec<usize>,
    /// Separators between groups.
    separators: Vec<u8>,
    end: usize,
}

fn digits_at(text: &str, at: usize, allowed: &[u8]) -> Digits {
    let bytes = text.as_bytes();
    let mut found = Digits { values: Vec::new(), groups: vec![0], separators: Vec::new(), end: at };
    let mut idx = at;
    while let Some(byte) = bytes.get(idx).filter(|_| idx - at < NUMBER_BYTES) {
        if byte.is_ascii_digit() {
            found.values.push(byte - b'0');
            if let Some(group) = found.groups.last_mut() {
                *group += 1;
            }
            idx += 1;
            found.end = idx;
        } else if allowed.contains(byte)
            && bytes.get(idx + 1).is_some_and(u8::is_ascii_digit)
            && !found.values.is_empty()
        {
            found.separators.push(*byte);
            found.groups.push(0);
            idx += 1;
        } else {
            break;
        }
    }
    found
}

/// 13 to 19 digits whose check digit is right, together or in groups of four (or 4-6-5) with one
/// kind of separator.
fn card(text: &str, at: usize) -> Option<Found> {
    let found = digits_at(text, at, b" -");
    // A chain of numbers may hold more than the card: its first groups are tried too.
    for n_groups in (1..=found.groups.len().min(5)).rev() {
        let groups = found.groups.get(..n_groups)?;
        let n: usize = groups.iter().sum();
        let separators = found.separators.get(..n_groups - 1)?;
        let is_even = separators.windows(2).all(|pair| pair[0] == pair[1]);
        let is_grouped = match groups {
            [_] | [4, 6, 5] => true,
            [first @ .., last] => first.iter().all(|len| *len == 4) && (1..=4).contains(last),
            [] => false,
        };
        let digits = found.values.get(..n)?;
        let end = at + n + separators.len();
        if (13..=19).contains(&n)
            && is_even
            && is_grouped
            && is_checked(digits)
            && (ends(text, end) || n_groups < found.groups.len())
        {
            return Some((at, end, "[CARD]"));
        }
    }
    None
}

/// The check of Luhn, and the first digit of an issuer that exists.
fn is_checked(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(idx, digit)| {
            let digit = u32::from(*digit);
            match (idx % 2, digit * 2) {
                (0, _) => digit,
                (_, doubled) if doubled > 9 => doubled - 9,
                (_, doubled) => doubled,
            }
        })
        .sum();
    sum.is_multiple_of(10) && matches!(digits.first(), Some(2..=6))
}

/// 3-2-4 digits with hyphens or blanks, of the numbers that are given out.
fn social(text: &str, at: usize) -> Option<Found> {
    let found = digits_at(text, at, b"- ");
    let number = |range: std::ops::Range<usize>| {
        found
            .values
            .get(range)
            .map(|digits| digits.iter().fold(0_u32, |n, d| n * 10 + u32::from(*d)))
    };
    if found.groups != [3, 2, 4] || found.separators.first() != found.separators.last() {
        return None;
    }
    let area = number(0..3)?;
    let fits = !matches!(area, 0 | 666 | 900..) && number(3..5)? != 0 && number(5..9)? != 0;
    (fits && ends(text, found.end)).then_some((at, found.end, "[SSN]"))
}

/// A telephone number: `+` and 8 to 15 digits; ten digits as 3-3-4, the first three perhaps in
/// parentheses, with 1 before them or not; seven as 3-4 with a hyphen or dot; or any 7 to 15 digits
/// after a word such as *call*.
fn phone(text: &str, at: usize) -> Option<Found> {
    let rest = text.get(at..)?;
    let is_international = rest.starts_with('+') || (rest.starts_with("00") && is_called(text, at));
    let mut from = at + usize::from(rest.starts_with('+'));
    let mut groups = Vec::new();
    let mut separators: Vec<u8> = Vec::new();
    let mut n_digits = 0;
    let mut end = at;
    // Parentheses, and blanks beside them, are separators too.
    let bytes = text.as_bytes();
    let mut has_parentheses = false;
    let mut group = 0;
    let mut gap: Vec<u8> = Vec::new();
    while let Some(byte) = bytes.get(from).filter(|_| from - at < NUMBER_BYTES) {
        match byte {
            b'0'..=b'9' => {
                if !gap.is_empty() || (group == 0 && !groups.is_empty()) {
                    separators.extend(gap.last().copied());
                    gap.clear();
                }
                group += 1;
                n_digits += 1;
                end = from + 1;
            }
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' if gap.len() < 2 => {
                has_parentheses |= *byte == b'(';
                if group > 0 {
                    groups.push(group);
                    group = 0;
                }
                gap.push(*byte);
            }
            _ => break,
        }
        from += 1;
        if n_digits > 15 {
            return None;
        }
    }
    if group > 0 {
        groups.push(group);
    }
    if has_parentheses && !text.get(at..end)?.contains(')') {
        return None;
    }
    if rest.starts_with('(') && !has_parentheses {
        return None;
    }
    let is_hyphened = |bytes: &[u8]| bytes.iter().all(|byte| matches!(byte, b'-' | b'.'));
    let fits = if is_international {
        (8..=15).contains(&n_digits)
    } else if is_called(text, at) {
        (7..=15).contains(&n_digits) && !is_date_like(&groups)
    } else {
        match groups.as_slice() {
            [3, 3, 4] | [1, 3, 3, 4] => groups.len() == 3 || bytes.get(at) == Some(&b'1'),
            [3, 4] => {
                // No exchange begins with 0 or 1.
                is_hyphened(&separators)
                    && bytes.get(at).is_some_and(|byte| (b'2'..=b'9').contains(byte))
                    && !is_after(text, at, &["page", "pages", "pp", "p", "line", "lines", "years"])
            }
            // As written in much of Europe: a zero first, and parentheses or a stroke.
            [first, ..] if has_parentheses || separators.contains(&b'/') => {
                rest.trim_start_matches('(').starts_with('0')
                    && *first >= 3
                    && (9..=12).contains(&n_digits)
            }
            _ => false,
        }
    };
    (fits && ends(text, end)).then_some((at, end, "[PHONE]"))
}

fn is_date_like(groups: &[usize]) -> bool {
    matches!(groups, [4, 2, 2] | [2, 2, 4] | [1 | 2, 1 | 2, 4])
}

/// Whether the word before `at` says that a telephone number follows.
fn is_called(text: &str, at: usize) -> bool {
    const CUES: &[&str] = &[
        "phone",
        "telephone",
        "tel",
        "call",
        "mobile",
        "cell",
        "fax",
        "telefon",
        "handy",
        "dial",
        "ring",
    ];
    is_after(text, at, CUES)
}

#[cfg(test)]
mod tests;
