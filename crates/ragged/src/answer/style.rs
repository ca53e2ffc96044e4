//! How an answer is worded, how long it is, and how it names its sources.

/// Which words an answer is given in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Wording {
    /// Terms of the trade.
    Technical,
    /// Neither.
    #[default]
    Balanced,
    /// Plain words.
    Simple,
}

/// How long an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Length {
    /// As short as may be.
    Brief,
    /// Neither.
    #[default]
    Balanced,
    /// With reasons.
    Detailed,
}

/// How sources are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sources {
    /// Numbers in the text and a list below it.
    #[default]
    Inline,
    /// The list alone.
    Footnote,
    /// Neither.
    Unnamed,
}

/// What somebody wants of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Style {
    /// The words.
    pub wording: Wording,
    /// The length.
    pub length: Length,
    /// The sources. Numbers stand in the text of an [`Answer`](super::Answer) whatever this says,
    /// so that each statement can be traced; who shows it leaves them out with [`Unnumbered`].
    pub sources: Sources,
}

impl Style {
    /// How many sentences an extractive answer quotes, where `n` are quoted unless told otherwise:
    /// half as many for a brief one, and one at least; twice as many for a detailed one.
    pub fn sentences(self, n: usize) -> usize {
        match self.length {
            Length::Brief => n.div_ceil(2),
            Length::Balanced => n,
            Length::Detailed => n.saturating_mul(2),
        }
    }

    /// What a model is told besides the rules, a sentence a line; empty where nothing is asked.
    pub(super) fn instructions(self) -> String {
        let wording = match self.wording {
            Wording::Technical => {
                "- Use the technical terms of the subject; the reader knows them."
            }
            Wording::Balanced => "",
            Wording::Simple => "- Use plain words that somebody new to the subject understands.",
        };
        let length = match self.length {
            Length::Brief => "- Answer in one or two sentences.",
            Length::Balanced => "- Be brief.",
            Length::Detailed => "- Answer in detail, with reasons, conditions and examples.",
        };
        let sources = match self.sources {
            Sources::Inline => "",
            Sources::Footnote => "- Put the numbers at the end of each sentence only.",
            Sources::Unnamed => "- Do not name or describe the passages in words.",
        };
        [length, wording, sources]
            .into_iter()
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Takes the numbers of passages, as `[1]`, `[2, 3]` or `【4】`, and the blank before them out of a
/// text that comes in pieces. Between backquotes brackets are program text, and stay.
#[derive(Debug, Default)]
pub struct Unnumbered {
    /// What may be the beginning of a number: blanks, a bracket, digits.
    held: String,
    /// Backquotes in a row that the text ends in so far.
    n_backquotes: usize,
    /// How many backquotes began the program text that the text is in.
    code: Option<usize>,
}

/// The longest that is taken for the numbers of passages, in bytes.
const NUMBERS_BYTES_MAX: usize = 32;
/// So many backquotes begin program text of several lines; of fewer, it ends with its line.
const FENCE: usize = 3;

impl Unnumbered {
    /// The next piece, without numbers; what may yet become one is held back.
    pub fn push(&mut self, piece: &str) -> String {
        let mut out = String::with_capacity(piece.len());
        for letter in piece.chars() {
            if letter == '`' {
                out.push_str(&self.held);
                self.held.clear();
                out.push(letter);
                self.n_backquotes += 1;
                continue;
            }
            self.end_backquotes();
            if self.code.is_some_and(|n| n < FENCE) && letter == '\n' {
                self.code = None;
            }
            if self.code.is_some() {
                out.push(letter);
            } else {
                self.push_prose(letter, &mut out);
            }
        }
        out
    }

    /// Program text begins with so many backquotes as it ends with; a longer fence ends it too.
    fn end_backquotes(&mut self) {
        let n = std::mem::take(&mut self.n_backquotes);
        self.code = match self.code {
            _ if n == 0 => return,
            None => Some(n),
            Some(begun) if n == begun || (begun >= FENCE && n > begun) => None,
            within => within,
        };
    }

    fn push_prose(&mut self, letter: char, out: &mut String) {
        let open = self.held.find(['[', '【']);
        let inside = open.map(|at| &self.held[at..]);
        match letter {
            ']' | '】' if inside.is_some_and(are_numbers) => self.held.clear(),
            '0'..='9' | ',' | ';' | '-' | '–' | ' '
                if inside.is_some_and(|inside| inside.len() < NUMBERS_BYTES_MAX) =>
            {
                self.held.push(letter);
            }
            '[' | '【' | ' ' if open.is_none() => self.held.push(letter),
            _ => {
                out.push_str(&self.held);
                self.held.clear();
                // It may begin another.
                if matches!(letter, '[' | '【' | ' ') {
                    self.held.push(letter);
                } else {
                    out.push(letter);
                }
            }
        }
    }

    /// What was held back to the end.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// A whole text without its numbers.
    pub fn text(text: &str) -> String {
        let mut unnumbered = Self::default();
        let mut out = unnumbered.push(text);
        out.push_str(&unnumbered.finish());
        out
    }
}

/// Whether what follows a bracket are numbers that passages have: of three digits at most.
fn are_numbers(bracketed: &str) -> bool {
    let numbers = bracketed.trim_start_matches(['[', '【']);
    let is_number = |part: &str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    numbers.starts_with(|first: char| first.is_ascii_digit())
        && numbers.split([',', ';', '-', '–']).all(|part| is_number(part.trim()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_taken_out_and_nothing_else() {
        for (text, expected) in [
            ("It ends in May [1]. It began [2][13].", "It ends in May. It began."),
            ("a[1] b", "a b"),
            ("x[i] = y[ 1 ] and [] and [a1]", "x[i] = y[ 1 ] and [] and [a1]"),
            ("[3", "[3"),
            ("[[4] [5", "[ [5"),
            ("two  blanks ", "two  blanks "),
            ("It closes [3, 4; 6] at ten 【5】, or [1-3].", "It closes at ten, or."),
            ("in [2019] [1,] [,1] [1 2]", "in [2019] [1,] [,1] [1 2]"),
        ] {
            assert_eq!(Unnumbered::text(text), expected, "{text}");
        }
    }

    #[test]
    fn program_text_is_left_alone() {
        for (text, expected) in [
            ("Take `row[1]` first [1].", "Take `row[1]` first."),
            ("Take ``a`[1]`` and b [1].", "Take ``a`[1]`` and b."),
            (
                "So: [1]\n```py\nx = row[1] # `[2]\n\ny = row [2]\n```\nThat is all [2].",
                "So:\n```py\nx = row[1] # `[2]\n\ny = row [2]\n```\nThat is all.",
            ),
            // One that is never ended is none beyond its line.
            ("A ` alone [1].\nAnd more [2].", "A ` alone [1].\nAnd more."),
            ("``` [1]\n[2]", "``` [1]\n[2]"),
        ] {
            assert_eq!(Unnumbered::text(text), expected, "{text}");
        }
    }

    #[test]
    fn a_brief_answer_has_fewer_sentences_and_one_at_least() {
        let of = |length, n| Style { length, ..Style::default() }.sentences(n);
        assert_eq!([of(Length::Brief, 4), of(Length::Brief, 1)], [2, 1]);
        assert_eq!([of(Length::Balanced, 4), of(Length::Detailed, 4)], [4, 8]);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            text in "[\\[\\]【】0-9,;`\n a-b.é–-]{0,40}",
            cuts in proptest::collection::vec(0..40_usize, 0..6),
        ) {
            let letters: Vec<char> = text.chars().collect();
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut unnumbered = Unnumbered::default();
            let (mut out, mut from) = (String::new(), 0);
            for to in cuts.into_iter().map(|at| at.min(letters.len())).chain([letters.len()]) {
                out.push_str(&unnumbered.push(&letters[from..to].iter().collect::<String>()));
                from = to;
            }
            out.push_str(&unnumbered.finish());
            prop_assert_eq!(out, Unnumbered::text(&text));
        }
    }
}
