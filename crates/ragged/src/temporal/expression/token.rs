//! Cuts an expression into words, numbers and signs; spoken numbers become numbers.

use std::ops::Range;

use super::word;

/// A word, number or sign of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::temporal) struct Token {
    pub(in crate::temporal) what: What,
    /// Whether nothing stands between it and the one before.
    pub(in crate::temporal) glued: bool,
    /// Its bytes in the text.
    pub(in crate::temporal) span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::temporal) enum What {
    /// Letters in lower case, apostrophes left out.
    Word(String),
    Number(Number),
    Sign(char),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::temporal) struct Number {
    pub(in crate::temporal) value: i64,
    /// How many digits it was written with; 0 for a number in words.
    pub(in crate::temporal) n_digits: usize,
    /// `3rd`, `third`.
    pub(in crate::temporal) is_ordinal: bool,
}

impl Token {
    pub(in crate::temporal) fn word(&self) -> Option<&str> {
        match &self.what {
            What::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(in crate::temporal) fn number(&self) -> Option<Number> {
        match self.what {
            What::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(in crate::temporal) fn is_word(&self, words: &[&str]) -> bool {
        self.word().is_some_and(|word| words.contains(&word))
    }

    pub(in crate::temporal) fn is_sign(&self, signs: &[char]) -> bool {
        matches!(self.what, What::Sign(sign) if signs.contains(&sign))
    }
}

/// Numbers of more digits are no part of any time.
const MAX_DIGITS: usize = 9;

/// The tokens of a text.
pub(in crate::temporal) fn tokens(text: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let mut chars = text.char_indices().peekable();
    let mut end_of_last = None;
    while let Some((start, first)) = chars.next() {
        if first.is_whitespace() {
            continue;
        }
        let mut end = start + first.len_utf8();
        let what = if first.is_ascii_digit() {
            let mut digits = String::from(first);
            while let Some((at, digit)) = chars.next_if(|(_, c)| c.is_ascii_digit()) {
                digits.push(digit);
                end = at + 1;
            }
            match digits.parse() {
                Ok(value) if digits.len() <= MAX_DIGITS => {
                    What::Number(Number { value, n_digits: digits.len(), is_ordinal: false })
                }
                _ => What::Word(digits),
            }
        } else if first.is_alphabetic() {
            let mut letters: String = first.to_lowercase().collect();
            while let Some((at, letter)) =
                chars.next_if(|(_, c)| c.is_alphabetic() || matches!(c, '\'' | '’'))
            {
                end = at + letter.len_utf8();
                if letter.is_alphabetic() {
                    letters.extend(letter.to_lowercase());
                }
            }
            What::Word(letters)
        } else if matches!(first, '\'' | '’') {
            // `'90s`, `1990's`: it does not part what it stands between.
            if end_of_last == Some(start) {
                end_of_last = Some(end);
            }
            continue;
        } else {
            What::Sign(match first {
                '–' | '—' | '‐' | '−' => '-',
                '～' | '〜' => '~',
                other => other,
            })
        };
        let glued = end_of_last == Some(start);
        end_of_last = Some(end);
        found.push(Token { what, glued, span: start..end });
    }
    spoken(&joined(found))
}

/// Joins what belongs together: `3` `rd`, `p` `.` `m` `.`, and parts `this-week` and `mid-2018`.
fn joined(tokens: Vec<Token>) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.into_iter().peekable();
    while let Some(mut token) = rest.next() {
        if let (What::Number(number), Some(next)) = (&mut token.what, rest.peek())
            && next.glued
            && next.is_word(&["st", "nd", "rd", "th"])
        {
            number.is_ordinal = true;
            token.span.end = next.span.end;
            rest.next();
        } else if token.is_word(&["a", "p"])
            && rest.peek().is_some_and(|next| next.glued && next.is_sign(&['.']))
        {
            let dot = rest.next();
            if let Some(m) = rest.next_if(|next| next.is_word(&["m"])) {
                let half = if token.is_word(&["a"]) { "am" } else { "pm" };
                token.what = What::Word(half.to_owned());
                token.span.end = m.span.end;
                if let Some(dot) = rest.next_if(|next| next.glued && next.is_sign(&['.'])) {
                    token.span.end = dot.span.end;
                }
            } else {
                found.push(token);
                found.extend(dot);
                continue;
            }
        } else if token.is_sign(&['-'])
            && token.glued
            && rest.peek().is_some_and(|next| next.glued)
            && found.last().is_some_and(|last| last.word().is_some_and(word::leads))
        {
            continue;
        }
        found.push(token);
    }
    found
}

/// Replaces numbers in words by their values.
fn spoken(tokens: &[Token]) -> Vec<Token> {
    let mut found = Vec::with_capacity(tokens.len());
    let mut i = 0;
    while let Some(token) = tokens.get(i) {
        if let Some((number, next)) = number(tokens, i)
            && let Some(last) = next.checked_sub(1).and_then(|last| tokens.get(last))
        {
            found.push(Token {
                what: What::Number(number),
                glued: token.glued,
                span: token.span.start..last.span.end,
            });
            i = next;
        } else {
            found.push(token.clone());
            i += 1;
        }
    }
    found
}

/// The value of a number word, and whether it is an ordinal.
fn value(token: Option<&Token>) -> Option<(i64, bool)> {
    word::number(token?.word()?)
}

/// A number below a hundred.
fn small(tokens: &[Token], i: usize) -> Option<(i64, bool, usize)> {
    let (first, is_ordinal) = value(tokens.get(i))?;
    if is_ordinal || !(20..100).contains(&first) {
        return Some((first, is_ordinal, i + 1));
    }
    let hyphen = usize::from(tokens.get(i + 1).is_some_and(|token| token.is_sign(&['-'])));
    match value(tokens.get(i + 1 + hyphen)) {
        Some((unit, is_ordinal)) if (1..10).contains(&unit) => {
            Some((first + unit, is_ordinal, i + 2 + hyphen))
        }
        _ => Some((first, false, i + 1)),
    }
}

/// A number in words that begins at `i`, and where it ends.
fn number(tokens: &[Token], i: usize) -> Option<(Number, usize)> {
    let is_word = |i: usize, words: &[&str]| tokens.get(i).is_some_and(|t| t.is_word(words));
    if is_word(i, &["second"]) && is_unit_of_time(tokens, i) {
        return None;
    }
    let of = |value, is_ordinal, next| Some((Number { value, n_digits: 0, is_ordinal }, next));
    // `a hundred years`
    let (mut total, is_ordinal, mut next) = if is_word(i, &["a"]) {
        if !is_word(i + 1, &["hundred", "thousand"]) {
            return None;
        }
        (1, false, i + 1)
    } else {
        small(tokens, i)?
    };
    if is_ordinal {
        return of(total, true, next);
    }
    let mut is_scaled = false;
    for (word, scale) in [("hundred", 100), ("thousand", 1000)] {
        if !is_word(next, &[word]) {
            continue;
        }
        (total, next, is_scaled) = (total * scale, next + 1, true);
        let and = usize::from(is_word(next, &["and"]));
        if let Some((part, is_ordinal, end)) = small(tokens, next + and)
            && part < 100
            && part > 0
        {
            // `two thousand first of may` would be no number.
            if is_ordinal {
                break;
            }
            (total, next) = (total + part, end);
        }
        break;
    }
    // `nineteen seventy two`, `twenty oh five`
    if !is_scaled && (13..=20).contains(&total) {
        let oh = usize::from(is_word(next, &["oh", "o"]));
        if let Some((part, false, end)) = small(tokens, next + oh)
            && (if oh == 1 { (1..10).contains(&part) } else { (10..100).contains(&part) })
            && !is_word(end, &["hundred", "thousand"])
        {
            (total, next) = (total * 100 + part, end);
        }
    }
    of(total, false, next)
}

/// Whether `second` at `i` is a stretch of time and not the one after the first.
fn is_unit_of_time(tokens: &[Token], i: usize) -> bool {
    let before = i.checked_sub(1).and_then(|before| tokens.get(before));
    let counted = before.is_some_and(|token| {
        token.number().is_some()
            || token.is_word(&["a", "one", "this", "last", "next", "past", "per"])
    });
    let ends = tokens.get(i + 1).is_none_or(|token| {
        token.is_word(&["ago", "later", "from", "before", "after", "since", "earlier"])
    });
    counted && ends
}
