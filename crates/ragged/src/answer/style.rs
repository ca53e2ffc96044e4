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

/// Takes the numbers of passages, as `[1]`, and the blank before them out of a text that comes in
/// pieces.
#[derive(Debug, Default)]
pub struct Unnumbered {
    /// What may be the beginning of a number: blanks, a bracket, digits.
    held: String,
}

impl Unnumbered {
    /// The next piece, without numbers; what may yet become one is held back.
    pub fn push(&mut self, piece: &str) -> String {
        let mut out = String::with_capacity(piece.len());
        for letter in piece.chars() {
            let is_open = self.held.contains('[');
            match letter {
                ']' if self.held.ends_with(|last: char| last.is_ascii_digit()) => self.held.clear(),
                '0'..='9' if is_open => self.held.push(letter),
                '[' | ' ' if !is_open => self.held.push(letter),
                _ => {
                    out.push_str(&self.held);
                    self.held.clear();
                    // It may begin another.
                    if matches!(letter, '[' | ' ') {
                        self.held.push(letter);
                    } else {
                        out.push(letter);
                    }
                }
            }
        }
        out
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
        ] {
            assert_eq!(Unnumbered::text(text), expected);
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
            text in "[\\[\\]0-9a b.é]{0,40}",
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
