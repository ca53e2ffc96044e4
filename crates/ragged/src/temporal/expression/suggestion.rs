//! What to write instead of what was not understood.

use super::{
    token::{Token, What},
    word,
};

/// Forms that are always understood, by the words that call them to mind.
const FORMS: &[(&[&str], &str)] = &[
    (&["week", "weeks", "monday", "weekend"], "last week, last Monday, 2 weeks ago"),
    (&["month", "months"], "last month, March 2025, the last 3 months"),
    (&["year", "years", "decade", "century"], "last year, 2024, from 2020 to 2024"),
    (&["quarter", "quarters", "q"], "Q4 2025, last quarter"),
    (&["day", "days", "ago", "today"], "3 days ago, the last 7 days, yesterday"),
    (&["from", "to", "between", "since", "until"], "from May to July, between 2020 and 2024"),
];

/// What is printed where no form is near.
const COMMON: &str =
    "yesterday, last week, 3 days ago, March 2025, Q4 2025, 2026-01-31, from May to July";

/// The most words of a text that are tried with one of them replaced.
const MAX_TRIED: usize = 4;

/// Why a text is no time: the first word that has no place in one, or all of it.
pub(super) fn complaint(text: &str, tokens: &[Token]) -> String {
    let unknown = tokens.iter().find_map(|token| match &token.what {
        What::Word(word) if !is_known(word) => text.get(token.span.clone()),
        _ => None,
    });
    match unknown {
        Some(word) if tokens.len() > 1 => {
            format!("{text:?} is not a time: {word:?} is not a word of time")
        }
        _ if text.trim().is_empty() => "nothing is written where a time should be".to_owned(),
        _ => format!("{text:?} is not a time that is understood"),
    }
}

/// The nearest forms that are understood.
pub(super) fn hint(text: &str, tokens: &[Token], read: &dyn Fn(&[Token]) -> bool) -> String {
    let mut nearest = Vec::new();
    // One mistyped word put right.
    for (at, token) in tokens.iter().enumerate().take(MAX_TRIED) {
        let What::Word(word) = &token.what else { continue };
        if is_known(word) {
            continue;
        }
        if let Some(known) = word::nearest(word) {
            let mut corrected = tokens.to_vec();
            if let Some(token) = corrected.get_mut(at) {
                token.what = What::Word(known.to_owned());
            }
            let (before, after) = (text.get(..token.span.start), text.get(token.span.end..));
            let (Some(before), Some(after)) = (before, after) else { continue };
            if read(&super::token::tokens(&format!("{before}{known}{after}"))) {
                nearest.push(format!("{before}{known}{after}").trim().to_owned());
            }
        }
    }
    if !nearest.is_empty() {
        return format!("did you mean {:?}?", nearest.join(", "));
    }
    // One word too many at either end.
    for part in [tokens.get(1..), tokens.split_last().map(|(_, rest)| rest)].into_iter().flatten() {
        if let (Some(first), Some(last)) = (part.first(), part.last())
            && read(part)
            && let Some(shorter) = text.get(first.span.start..last.span.end)
        {
            return format!("{shorter:?} alone is understood");
        }
    }
    let forms = FORMS.iter().find(|(words, _)| tokens.iter().any(|token| token.is_word(words)));
    format!("write for example {}", forms.map_or(COMMON, |(_, forms)| forms))
}

/// Holidays have names of several words that mean nothing alone.
fn is_known(word: &str) -> bool {
    word::is_known(word) || word::holiday(word).is_some()
}
