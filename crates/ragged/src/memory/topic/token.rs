//! Text → tokens: words with their places, and what stands between them.

use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

/// Longest token, in bytes: beyond it is encoded data, not language.
const TOKEN_BYTES_MAX: usize = 96;

/// What a token is by its letters alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A word in lower case.
    Lower,
    /// A word with a capital in front.
    Capital,
    /// A word with a capital further in: `iPhone`, `PostgreSQL`.
    Mixed,
    /// All capitals, or capitals and a plural s: `RAG`, `APIs`.
    Acronym,
    /// Letters with digits or signs: `C++`, `.NET`, `k8s`, `TCP/IP`, `R&D`.
    Symbol,
    /// Digits, perhaps with a unit: `42`, `3.14`, `10kg`, `2nd`.
    Number,
    /// Something that is no language: an address, a path, a hash. Never part of a topic.
    Noise,
}

/// What stands between a token and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glue {
    /// White space, or a possessive s.
    Space,
    /// A hyphen and nothing else.
    Hyphen,
    /// A comma, a bracket, a quote.
    Mark,
    /// The end of a sentence or a paragraph, or the beginning of the text.
    Stop,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) span: Range<usize>,
    pub(super) shape: Shape,
    pub(super) glue: Glue,
}

/// Calls `found` with each token of `text`, in order. Linear in the length of the text.
pub(super) fn tokens(text: &str, mut found: impl FnMut(Token)) {
    let bytes = text.as_bytes();
    // What lies between this token and the last.
    let mut last_end: Option<usize> = None;
    // Until where the text has been judged to be no noise.
    let mut judged = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if at >= judged && !byte.is_ascii_whitespace() {
            let end = chunk_end(bytes, at);
            // Most chunks are a word, and perhaps a comma or a full stop.
            let word_like = |byte: &u8| byte.is_ascii_lowercase() || matches!(byte, b',' | b'-');
            let last = bytes[end - 1];
            let plain =
                (word_like(&last) || last == b'.') && bytes[at..end - 1].iter().all(word_like);
            if !(plain && end - at < 64) && is_noise(&text[at..end]) {
                let glue = last_end.map_or(Glue::Stop, |last| glue(&text[last..at]));
                found(Token { span: at..end, shape: Shape::Noise, glue });
                // What comes after an address is not held together with what came before it.
                last_end = Some(end);
                at = end;
                continue;
            }
            judged = end;
        }
        let dot_net = byte == b'.' && is_dot_net(bytes, at);
        if !dot_net && word_length(text, at) == 0 {
            at += char_length(byte);
            continue;
        }
        let end = if dot_net { at + 4 } else { token_end(text, at) };
        let word = &text[at..end];
        let glue = last_end.map_or(Glue::Stop, |last| glue(&text[last..at]));
        found(Token { span: at..end, shape: shape(word), glue });
        at = end;
        // The possessive s belongs to no token.
        if matches!(bytes.get(at), Some(b'\'' | 0xe2)) {
            let rest = &text[at..];
            let possessive = ["'s", "’s", "'S", "’S"].into_iter().find(|s| rest.starts_with(s));
            if let Some(s) = possessive
                && word_length(text, at + s.len()) == 0
            {
                at += s.len();
            }
        }
        last_end = Some(at);
    }
}

fn char_length(byte: u8) -> usize {
    match byte {
        0..=0x7f => 1,
        0x80..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    }
}

fn chunk_end(bytes: &[u8], start: usize) -> usize {
    bytes[start..]
        .iter()
        .position(u8::is_ascii_whitespace)
        .map_or(bytes.len(), |length| start + length)
}

/// Bytes of the character at `at` if it belongs to words, else 0.
fn word_length(text: &str, at: usize) -> usize {
    match text.as_bytes().get(at) {
        None => 0,
        Some(byte) if byte.is_ascii() => usize::from(byte.is_ascii_alphanumeric()),
        Some(_) => match text[at..].chars().next() {
            Some(c) if c.is_alphanumeric() || is_combining_mark(c) => c.len_utf8(),
            _ => 0,
        },
    }
}

fn run_end(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    loop {
        // Most text is this.
        while bytes.get(at).is_some_and(u8::is_ascii_alphanumeric) {
            at += 1;
        }
        match word_length(text, at) {
            0 => return at,
            length => at += length,
        }
    }
}

/// Words that are joined by a slash, in lower case.
const SLASHED: [&str; 9] =
    ["tcp/ip", "ci/cd", "i/o", "a/b", "http/1", "http/2", "http/3", "os/2", "pl/sql"];

/// What stands before `.js` in the names of well-known software, and not in names of files.
const DOT_JS: [&str; 14] = [
    "node", "vue", "next", "nuxt", "react", "three", "d3", "express", "ember", "backbone", "chart",
    "moment", "p5", "nest",
];

/// What is written with a hyphen by some and in one word by others.
const JOINED: [(&str, &str); 3] = [("e", "mail"), ("wi", "fi"), ("e", "book")];

/// French and Italian words that lose their last letter before a vowel.
const ELIDED: [&str; 15] = [
    "l", "d", "j", "m", "t", "s", "n", "c", "qu", "lorsqu", "jusqu", "dell", "all", "nell", "sull",
];

fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.iter().any(|other| word.eq_ignore_ascii_case(other))
}

fn token_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = run_end(text, start);
    loop {
        let word = &text[start..at];
        let next_end = |gap: usize| run_end(text, at + gap);
        let gap = match bytes.get(at) {
            Some(0xe2) if text[at..].starts_with('’') => '’'.len_utf8(),
            Some(b'_' | b'\'' | b'.' | b',' | b'/' | b'&' | b'-' | b'+' | b'#') => 1,
            _ => return at,
        };
        let end = next_end(gap);
        let next = &text[at + gap..end];
        if next.is_empty() && !matches!(bytes[at], b'+' | b'#') {
            // The last full stop of U.S. belongs to it.
            let dotted = bytes[at] == b'.' && word.contains('.') && is_initials(word);
            return if dotted { at + 1 } else { at };
        }
        let digit_before = word.ends_with(|c: char| c.is_ascii_digit());
        let all_digits = |s: &str| s.bytes().all(|byte| byte.is_ascii_digit());
        let joins = match bytes[at] {
            b'_' => true,
            b'.' if digit_before && all_digits(next) => true,
            b'.' if next.eq_ignore_ascii_case("js") && is_one_of(word, &DOT_JS) => true,
            // U.S., e.g.
            b'.' => is_initials(word) && is_initial(next) && bytes.get(end) == Some(&b'.'),
            b',' => digit_before && next.len() == 3 && all_digits(next),
            b'/' => is_one_of(&text[start..end], &SLASHED),
            b'&' => {
                let short = |s: &str| s.len() <= 2 && s.bytes().all(|b| b.is_ascii_alphabetic());
                short(word) && short(next)
            }
            b'-' => JOINED.iter().any(|(first, second)| {
                word.eq_ignore_ascii_case(first)
                    && next.get(..second.len()).is_some_and(|s| s.eq_ignore_ascii_case(second))
            }),
            b'+' | b'#' => {
                let signs = signs(bytes, start, at);
                return at + signs;
            }
            // An apostrophe: elisions end here, a possessive is not part of the word.
            _ => {
                let letters = word.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '’'))
                    && next.starts_with(char::is_alphabetic);
                let possessive = next.eq_ignore_ascii_case("s") && !is_contraction(word);
                letters && !possessive && !is_one_of(word, &ELIDED)
            }
        };
        if !joins || end - start > TOKEN_BYTES_MAX {
            return at;
        }
        at = end;
    }
}

fn is_initial(word: &str) -> bool {
    word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_initials(word: &str) -> bool {
    word.len() <= 12 && word.trim_end_matches('.').split('.').all(is_initial)
}

/// Words whose `'s` is a verb and no possessive.
fn is_contraction(word: &str) -> bool {
    const WORDS: [&str; 12] =
        ["it", "that", "what", "who", "where", "when", "how", "why", "there", "here", "he", "she"];
    is_one_of(word, &WORDS) || word.eq_ignore_ascii_case("let")
}

/// How many bytes of signs after the letter belong to it: `C++`, `C#`, `F#`.
fn signs(bytes: &[u8], start: usize, end: usize) -> usize {
    let &[letter] = &bytes[start..end] else { return 0 };
    let rest = &bytes[end..];
    let ends = |byte: Option<&u8>| {
        byte.is_none_or(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'+' | b'#' | b'_'))
    };
    if matches!(letter, b'c' | b'C' | b'g' | b'G') && rest.starts_with(b"++") {
        let next = rest.get(2);
        // C++17 is C++ and 17.
        return if ends(next) || next.is_some_and(u8::is_ascii_digit) { 2 } else { 0 };
    }
    usize::from(letter.is_ascii_alphabetic() && rest.first() == Some(&b'#') && ends(rest.get(1)))
}

fn is_dot_net(bytes: &[u8], at: usize) -> bool {
    let free = |byte: Option<&u8>| {
        byte.is_none_or(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | 0x80..))
    };
    bytes.get(at + 1..at + 4).is_some_and(|word| word.eq_ignore_ascii_case(b"net"))
        && free(bytes.get(at + 4))
        && (at == 0 || (free(bytes.get(at - 1)) && bytes[at - 1] != b'.'))
}

fn glue(between: &str) -> Glue {
    match between {
        " " | "" => return Glue::Space,
        "-" | "‐" | "‑" => return Glue::Hyphen,
        _ => {}
    }
    let mut n_lines = 0;
    let mut glue = Glue::Space;
    // A gap between tokens may be long; what it is shows early.
    for c in between.chars().take(64) {
        match c {
            '\n' => n_lines += 1,
            '.' | '!' | '?' | '…' | ':' | ';' | '¿' | '¡' | '|' => return Glue::Stop,
            c if c.is_whitespace() => {}
            _ => glue = Glue::Mark,
        }
        if n_lines > 1 || (n_lines == 1 && glue == Glue::Mark) {
            return Glue::Stop;
        }
    }
    glue
}

fn shape(word: &str) -> Shape {
    if word.len() < 32 && word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Shape::Lower;
    }
    if is_noise_token(word) {
        return Shape::Noise;
    }
    let (mut n_upper, mut n_lower, mut n_digits, mut n_signs) = (0, 0, 0, 0);
    let mut last_upper = false;
    let mut inner_upper = false;
    for (idx, c) in word.char_indices() {
        last_upper = false;
        if c.is_uppercase() {
            n_upper += 1;
            inner_upper |= idx > 0;
            last_upper = true;
        } else if c.is_alphabetic() || is_combining_mark(c) {
            n_lower += 1;
        } else if c.is_numeric() {
            n_digits += 1;
        } else if !matches!(c, '\'' | '’' | '-' | '_' | ',') {
            n_signs += 1;
        }
    }
    let n_letters = n_upper + n_lower;
    if n_letters == 0 || (n_digits > 0 && is_quantity(word)) {
        return Shape::Number;
    }
    if is_initials(word) && word.contains('.') {
        return if n_lower > 0 { Shape::Lower } else { Shape::Acronym };
    }
    if n_digits > 0 || n_signs > 0 {
        return Shape::Symbol;
    }
    if n_upper >= 2 && (n_lower == 0 || (n_lower == 1 && !last_upper && word.ends_with('s'))) {
        return Shape::Acronym;
    }
    match (n_upper, inner_upper) {
        (0, _) => Shape::Lower,
        (_, false) => Shape::Capital,
        (_, true) => Shape::Mixed,
    }
}

/// `2nd`, `10kg`, `5pm`: a number with what it counts.
fn is_quantity(word: &str) -> bool {
    const UNITS: [&str; 45] = [
        "", "st", "nd", "rd", "th", "am", "pm", "h", "hr", "hrs", "min", "mins", "s", "sec", "ms",
        "kg", "g", "mg", "lb", "lbs", "oz", "l", "ml", "cl", "m", "cm", "mm", "km", "mi", "ft",
        "in", "k", "x", "px", "gb", "mb", "kb", "tb", "w", "kw", "v", "c", "f", "er", "ers",
    ];
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ','));
    let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    let is_hex = hex.is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    is_hex || unit.len() < word.len() && is_one_of(unit, &UNITS)
}

/// A hash or a key: nothing that a person would say.
fn is_noise_token(word: &str) -> bool {
    if word.len() > TOKEN_BYTES_MAX {
        return true;
    }
    if word.len() < 12 || !word.is_ascii() {
        return false;
    }
    let bytes = word.as_bytes();
    let n_digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    if n_digits == 0 || n_digits == bytes.len() {
        return n_digits > 0;
    }
    let hex = bytes.len() >= 16 && bytes.iter().all(u8::is_ascii_hexdigit);
    let cases =
        bytes.iter().any(u8::is_ascii_uppercase) && bytes.iter().any(u8::is_ascii_lowercase);
    // Digits here and there among letters of both cases, or many in a long word.
    hex || (cases && n_digits >= 2) || (bytes.len() >= 20 && n_digits >= 4)
}

/// Extensions that make `name.extension` the name of a file.
const EXTENSIONS: &str = " pdf txt md doc docx xls xlsx csv ppt pptx odt ods odp rtf tex log json \
    yaml yml toml xml html htm css ts tsx js jsx py rs c h cpp hpp java go rb sh bat ps1 sql db png \
    jpg jpeg gif svg webp mp3 mp4 wav mov avi zip tar gz bz2 7z rar exe dll so iso eml msg epub \
    ipynb ini cfg conf bak tmp lock ";

/// Domains at whose end a word with dots is an address.
const DOMAINS: &str = " com org net io dev co de fr es it uk eu edu gov info biz app ch at nl ";

/// Whether a run of characters without white space is an address, a path, a file or a secret.
fn is_noise(chunk: &str) -> bool {
    // Whatever is longer than any address that people write is data.
    if chunk.len() > 4096 {
        return chunk.is_ascii();
    }
    let chunk = chunk.trim_matches(|c: char| {
        matches!(
            c,
            '"' | '\'' | '(' | ')' | '[' | ']' | '<' | '>' | ',' | ';' | ':' | '!' | '?' | '*'
        )
    });
    let chunk = chunk.trim_end_matches('.');
    let bytes = chunk.as_bytes();
    if bytes.len() < 3 {
        return false;
    }
    let mut n_slashes = 0;
    let mut has_dot = false;
    for &byte in bytes {
        match byte {
            b'@' | b'\\' => return true,
            b'/' => n_slashes += 1,
            b'.' => has_dot = true,
            _ => {}
        }
    }
    if n_slashes > 0 {
        let rooted = matches!(bytes[0], b'/' | b'~') || chunk.starts_with("./");
        if rooted || chunk.contains("://") || (n_slashes > 1 && has_dot) || n_slashes > 3 {
            return true;
        }
    }
    if has_dot {
        let (before, last) = chunk.rsplit_once('.').unwrap_or((chunk, ""));
        let (before, last) = (before, last.split('/').next().unwrap_or_default());
        if before.is_empty() || last.is_empty() || last.len() > 5 {
            return chunk.len() > 4 && chunk.as_bytes()[..4].eq_ignore_ascii_case(b"www.");
        }
        let listed = |list: &str| {
            let last = last.to_ascii_lowercase();
            list.split(' ').any(|other| other == last)
        };
        let known = last.eq_ignore_ascii_case("js") && is_one_of(before, &DOT_JS);
        let dotted_name = before.len() > 1 || !before.chars().all(char::is_alphabetic);
        // A missing space after a full stop looks like an address: "done.In"
        let lower = last.bytes().all(|byte| !byte.is_ascii_uppercase())
            || before.bytes().all(|byte| byte.is_ascii_uppercase() || !byte.is_ascii_alphabetic());
        if !known && dotted_name && lower && (listed(EXTENSIONS) || listed(DOMAINS)) {
            return true;
        }
    }
    is_secret(chunk)
}

/// A key or password: letters of both cases with digits and, in a row, signs that no word has.
fn is_secret(chunk: &str) -> bool {
    const PREFIXES: [&str; 6] = ["sk-", "ghp_", "gho_", "xoxb-", "AKIA", "eyJ"];
    if chunk.len() >= 16 && PREFIXES.iter().any(|prefix| chunk.starts_with(prefix)) {
        return true;
    }
    let groups = chunk.split('-');
    let is_uuid = chunk.len() == 36
        && groups.clone().count() == 5
        && groups.clone().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let bytes = chunk.as_bytes();
    let has = |of: fn(&u8) -> bool| bytes.iter().any(of);
    let odd =
        bytes.iter().filter(|byte| matches!(byte, b'$' | b'%' | b'^' | b'=' | b'!' | b'~' | b'*'));
    is_uuid
        || (bytes.len() >= 8
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_digit)
            && odd.count() > 0)
}
