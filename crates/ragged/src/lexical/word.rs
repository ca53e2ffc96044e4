//! Finds the words of a text, as a person would type them into a search.
//!
//! - A word is a run of letters, digits and combining marks of any script; `_` and, between
//!   letters, the apostrophe belong to it. `3.14`, `2.0.1` and `10.0.0.1` are one word, `1,000` is
//!   `1000`.
//! - Names in source code are found whole and in parts: `read_file` gives `read_file`, `read`,
//!   `file`; `readFile` gives `readfile`, `read`, `file`.
//! - `C++`, `C#` and `.NET` keep their signs.
//! - Scripts written without spaces (Chinese, Japanese, Thai…) and Korean give overlapping pairs
//!   of characters: `東京都` gives `東京`, `京都`; a character by itself gives itself.
//!
//! Words come out in lower case and Unicode normal form C with compatibility characters
//! replaced (full-width letters, ligatures); accents are still there, since stemmers want them.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Words longer than this many characters are left out: encoded data, not language.
pub const LONGEST_WORD: usize = 64;

/// How a word may be changed before it is a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordKind {
    /// A word of a language: may be a stop word, may be stemmed.
    Plain,
    /// To be matched as it is: a number, a pair of ideographs, `c++`.
    Exact,
}

/// Calls `found` with each word of `text`, in order.
///
/// # Examples
///
/// ```
/// use ragged::lexical::word::words;
///
/// let mut found = Vec::new();
/// words("parseHTTPHeader in C++ 17", |word, _| found.push(word.to_owned()));
/// assert_eq!(found, ["parsehttpheader", "parse", "http", "header", "in", "c++", "17"]);
/// ```
pub fn words(text: &str, mut found: impl FnMut(&str, WordKind)) {
    let bytes = text.as_bytes();
    let mut buffer = String::new();
    let mut at = 0;
    while at < bytes.len() {
        match class(text, at) {
            Class::Other(length) => at += length,
            Class::Pairs(_) => {
                let end = run_end(text, at, |class| matches!(class, Class::Pairs(_)));
                pairs(&text[at..end], &mut found);
                at = end;
            }
            Class::Word(_) => {
                let end = word_end(text, at);
                let word = &text[at..end];
                let signs = signs(bytes, at, end);
                if signs > 0 {
                    buffer.clear();
                    buffer.extend(word.chars().map(|c| c.to_ascii_lowercase()));
                    buffer.push_str(&text[end..end + signs]);
                    found(&buffer, WordKind::Exact);
                } else {
                    if is_dot_net(bytes, at, end) {
                        found(".net", WordKind::Exact);
                    }
                    whole_and_parts(word, &mut buffer, &mut found);
                }
                at = end + signs;
            }
        }
    }
}

/// What a character is, and its length in bytes.
#[derive(Clone, Copy)]
enum Class {
    /// Part of a word.
    Word(usize),
    /// Of a script that is indexed by pairs of characters.
    Pairs(usize),
    Other(usize),
}

fn class(text: &str, at: usize) -> Class {
    let byte = text.as_bytes()[at];
    if byte.is_ascii() {
        return if byte.is_ascii_alphanumeric() || byte == b'_' {
            Class::Word(1)
        } else {
            Class::Other(1)
        };
    }
    let Some(c) = text[at..].chars().next() else { return Class::Other(1) };
    let length = c.len_utf8();
    if has_no_spaces(c) {
        Class::Pairs(length)
    } else if c.is_alphanumeric() || is_combining_mark(c) || is_joiner(c) {
        Class::Word(length)
    } else {
        Class::Other(length)
    }
}

/// Letters of scripts whose words are not set apart by spaces, and of Korean, whose words carry
/// their endings.
fn has_no_spaces(c: char) -> bool {
    matches!(c,
        '\u{0e01}'..='\u{0e4e}' | '\u{0e81}'..='\u{0ece}'         // Thai, Lao
        | '\u{1000}'..='\u{103f}' | '\u{1780}'..='\u{17d3}'       // Burmese, Khmer
        | '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}'       // Hangul letters
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{309f}'       // 々〆〇, Hiragana
        | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}'       // Katakana without the middle dot
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7ff}'       // ideographs, Hangul
        | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}'       // compatibility, half-width kana
        | '\u{20000}'..='\u{3ffff}')
}

/// Characters without a shape of their own inside a word: joiners and the soft hyphen.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{2060}')
}

fn run_end(text: &str, mut at: usize, belongs: impl Fn(Class) -> bool) -> usize {
    while at < text.len() {
        let class = class(text, at);
        if !belongs(class) {
            break;
        }
        let (Class::Word(length) | Class::Pairs(length) | Class::Other(length)) = class;
        at += length;
    }
    at
}

fn word_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    loop {
        // Most text is this: ASCII letters and digits.
        while bytes.get(at).is_some_and(|&byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            at += 1;
        }
        at = run_end(text, at, |class| matches!(class, Class::Word(_)));
        let digit = |idx: usize| bytes.get(idx).is_some_and(u8::is_ascii_digit);
        let after_digit = at > start && digit(at - 1);
        let mark = match bytes.get(at) {
            Some(b'.') if after_digit && digit(at + 1) => 1,
            Some(b',')
                if after_digit
                    && (1..=3).all(|ahead| digit(at + ahead))
                    && !digit(at + 4)
                    && bytes[start..at]
                        .iter()
                        .all(|byte| byte.is_ascii_digit() || *byte == b',') =>
            {
                1
            }
            Some(b'\'') => 1,
            Some(0xe2) if text[at..].starts_with('’') => '’'.len_utf8(),
            _ => return at,
        };
        let is_apostrophe = matches!(bytes[at], b'\'' | 0xe2);
        let letter_before = text[start..at].chars().next_back().is_some_and(char::is_alphabetic);
        let letter_after = text[at + mark..]
            .chars()
            .next()
            .is_some_and(|c| c.is_alphabetic() && !has_no_spaces(c));
        if is_apostrophe && !(letter_before && letter_after) {
            return at;
        }
        at += mark;
    }
}

/// How many bytes of signs after the word belong to it: `C++`, `C#`, `F#`.
fn signs(bytes: &[u8], start: usize, end: usize) -> usize {
    let &[letter] = &bytes[start..end] else { return 0 };
    let rest = &bytes[end..];
    let is_end = |byte: Option<&u8>| {
        byte.is_none_or(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'+' | b'#' | b'_'))
    };
    if matches!(letter, b'c' | b'C' | b'g') && rest.starts_with(b"++") {
        // C++17 is C++ and 17.
        let next = rest.get(2);
        if is_end(next) || next.is_some_and(u8::is_ascii_digit) {
            return 2;
        }
    }
    usize::from(letter.is_ascii_alphabetic() && rest.first() == Some(&b'#') && is_end(rest.get(1)))
}

fn is_dot_net(bytes: &[u8], start: usize, end: usize) -> bool {
    bytes[start..end].eq_ignore_ascii_case(b"net")
        && start > 0
        && bytes[start - 1] == b'.'
        && (start < 2 || !(bytes[start - 2].is_ascii_alphanumeric() || bytes[start - 2] >= 0x80))
}

fn whole_and_parts(word: &str, buffer: &mut String, found: &mut impl FnMut(&str, WordKind)) {
    let word = word.trim_matches('_');
    if word.is_empty() || (word.len() > LONGEST_WORD && word.chars().count() > LONGEST_WORD) {
        return;
    }
    emit(word, buffer, found);
    // Parts are sought where there is a mark of them: an underscore, or a capital after the first.
    let bytes = word.as_bytes();
    if !bytes[1..].iter().any(|byte| byte.is_ascii_uppercase() || *byte == b'_') {
        return;
    }
    for piece in word.split('_') {
        let mut from = 0;
        for cut in camel_cuts(piece) {
            emit(&piece[from..cut], buffer, found);
            from = cut;
        }
        // A word in capitals, or with one only in front, has no parts besides itself.
        if piece.len() < word.len() || from > 0 {
            emit(&piece[from..], buffer, found);
        }
    }
}

/// Where a new word begins inside a name written `likeThis` or `HTTPLike`. No part is shorter than
/// two letters, so that `iPhone` and `PhD` stay whole.
fn camel_cuts(piece: &str) -> impl Iterator<Item = usize> + '_ {
    let bytes = piece.as_bytes();
    let mut from = 0;
    (2..bytes.len()).filter(move |&at| {
        let lower_ahead = |n: usize| {
            (1..=n).all(|ahead| bytes.get(at + ahead).is_some_and(u8::is_ascii_lowercase))
        };
        let begins = bytes[at].is_ascii_uppercase()
            && (bytes[at - 1].is_ascii_lowercase()
                && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic)
                || bytes[at - 1].is_ascii_uppercase() && lower_ahead(2));
        let cut = begins && at >= from + 2;
        if cut {
            from = at;
        }
        cut
    })
}

/// Reports `word` in lower case and normal form.
fn emit(word: &str, buffer: &mut String, found: &mut impl FnMut(&str, WordKind)) {
    buffer.clear();
    let mut has_letter = false;
    if word.is_ascii() {
        for byte in word.bytes() {
            has_letter |= byte.is_ascii_alphabetic();
            if byte != b',' {
                buffer.push(char::from(byte.to_ascii_lowercase()));
            }
        }
    } else {
        has_letter = true;
        let shown =
            word.chars().filter(|&c| !is_joiner(c)).map(|c| if c == '’' { '\'' } else { c });
        buffer.extend(shown.nfkc().flat_map(char::to_lowercase));
        // Compatibility forms may bring spaces and fractions with them; a term has neither.
        buffer.retain(|c| !c.is_whitespace() && !c.is_control());
    }
    if !buffer.is_empty() {
        found(buffer, if has_letter { WordKind::Plain } else { WordKind::Exact });
    }
}

fn pairs(run: &str, found: &mut impl FnMut(&str, WordKind)) {
    let run: String = run.nfkc().filter(|c| !c.is_whitespace()).collect();
    let mut starts = run.char_indices().map(|(at, _)| at);
    let Some(mut from) = starts.next() else { return };
    let Some(mut next) = starts.next() else {
        found(&run, WordKind::Exact);
        return;
    };
    for end in starts.chain([run.len()]) {
        found(&run[from..end], WordKind::Exact);
        (from, next) = (next, end);
    }
}
