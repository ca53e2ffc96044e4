//! Where sentences end.

/// Words whose full stop does not end a sentence, lower case, without the stop.
const ABBREVIATIONS: [&str; 30] = [
    "al", "approx", "art", "bzw", "ca", "cf", "dr", "e.g", "eq", "eqs", "esp", "etc", "fig",
    "figs", "i.e", "mr", "mrs", "ms", "nos", "nr", "op", "p", "pp", "prof", "sec", "st", "usw",
    "viz", "vol", "vs",
];

/// How the names of months begin in languages that write a full stop after the day.
const MONTHS: [&str; 16] = [
    "jan", "jän", "feb", "mär", "mar", "apr", "mai", "maj", "jun", "jul", "aug", "sep", "okt",
    "nov", "dez", "dec",
];

/// The longest of [`ABBREVIATIONS`], in bytes.
const LONGEST_ABBREVIATION: usize = 6;

/// Bytes at which a sentence may end: the first of its last character, or a line end.
const MAY_END: [bool; 256] = {
    let mut may_end = [false; 256];
    let ends = [b'\n', b'.', b'!', b'?', 0xe2, 0xe3, 0xef];
    let mut idx = 0;
    while idx < ends.len() {
        may_end[ends[idx] as usize] = true;
        idx += 1;
    }
    may_end
};

/// The sentences of `text` as byte ranges that follow each other without a gap; the white space
/// after a sentence belongs to it.
///
/// A sentence ends after `.`, `!`, `?` or `…` (and the quotes and brackets that close there) when
/// white space follows and the next letter is not a small one, after an ideographic full stop, and at
/// a blank line. Initials, common abbreviations and the day of a date (`31. März`) do not end one.
///
/// # Examples
///
/// ```
/// use ragged::chunk::sentences;
///
/// let text = "It rained, e.g. on Monday. Dr. Low stayed (in bed!) at home.";
/// let found: Vec<&str> = sentences(text).map(|range| &text[range]).collect();
/// assert_eq!(found, ["It rained, e.g. on Monday. ", "Dr. Low stayed (in bed!) at home."]);
/// ```
pub fn sentences(text: &str) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= text.len() {
            return None;
        }
        let end = end_of_sentence(text, start);
        let range = start..end;
        start = end;
        Some(range)
    })
}

/// The offset just past the sentence that begins at `start`, white space after it included.
fn end_of_sentence(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    while let Some(skip) = bytes[at..].iter().position(|&byte| MAY_END[byte as usize]) {
        at += skip;
        let byte = bytes[at];
        if byte == b'\n' {
            let after = blanks_end(bytes, at + 1);
            if bytes.get(after) == Some(&b'\n') && after > start {
                // A blank line before the sentence's first word ends nothing.
                let end = white_space_end(text, at);
                if !text[start..at].trim().is_empty() {
                    return end;
                }
                at = end;
                continue;
            }
            at += 1;
        } else if matches!(byte, b'.' | b'!' | b'?') {
            let stop = at;
            at = closers_end(text, at + 1);
            let next = white_space_end(text, at);
            if next > at && !continues(text, next) && !(byte == b'.' && is_abbreviation(text, stop))
            {
                return next;
            }
        } else {
            // 。 ！ ？ end a sentence by themselves; … does as a full stop would.
            match bytes.get(at..at + 3) {
                Some([0xe3, 0x80, 0x82] | [0xef, 0xbc, 0x81 | 0x9f]) => {
                    return white_space_end(text, closers_end(text, at + 3));
                }
                Some([0xe2, 0x80, 0xa6]) => {
                    at = closers_end(text, at + 3);
                    let next = white_space_end(text, at);
                    if next > at && !continues(text, next) {
                        return next;
                    }
                }
                _ => at += 3,
            }
        }
    }
    text.len()
}

/// Past the quotes, brackets and further stops that close a sentence.
fn closers_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let closers = ['.', '!', '?', '"', '\'', ')', ']', '}', '”', '’', '»', '」', '』', '）'];
    at + (rest.len() - rest.trim_start_matches(closers).len())
}

fn white_space_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + (rest.len() - rest.trim_start().len())
}

/// Past spaces and tabs, not line ends.
fn blanks_end(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\r')) {
        at += 1;
    }
    at
}

/// Whether what stands at `at` goes on with the sentence before it.
fn continues(text: &str, at: usize) -> bool {
    text[at..].chars().next().is_some_and(char::is_lowercase)
}

/// Whether a number with a full stop is the day of a date: `31. März`, `3. juni`.
fn is_day_of_month(number: &str, after_stop: &str) -> bool {
    if !number.parse::<u8>().is_ok_and(|day| (1..=31).contains(&day)) {
        return false;
    }
    let month: String =
        after_stop.trim_start().chars().take(3).flat_map(char::to_lowercase).collect();
    MONTHS.contains(&month.as_str())
}

/// Whether the word that ends at the full stop at `stop` is an initial or an abbreviation.
fn is_abbreviation(text: &str, stop: usize) -> bool {
    let mut from = stop.saturating_sub(LONGEST_ABBREVIATION + 4);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let before = &text[from..stop];
    let word = before
        .rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '[' | '"' | '“'))
        .next()
        .unwrap_or_default();
    if is_day_of_month(word, &text[stop + 1..]) {
        return true;
    }
    let mut letters = word.chars();
    if let (Some(only), None) = (letters.next(), letters.next()) {
        return only.is_uppercase();
    }
    word.len() <= LONGEST_ABBREVIATION
        && ABBREVIATIONS.binary_search(&word.to_ascii_lowercase().as_str()).is_ok()
}
