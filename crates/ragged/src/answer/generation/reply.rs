//! The answer as it arrives.

use crate::answer::defaults::GENERATED_BYTES_MAX;
use crate::error::{Error, ErrorKind, Result};

/// Tags between which some models put what they think to themselves, at the start of an answer.
const THOUGHT: (&str, &str) = ("<think>", "</think>");

/// An answer being put together and shown.
pub(super) struct Reply<'a> {
    shown: String,
    /// What arrived but may yet turn out not to be shown: white space and the start of a tag.
    held: String,
    state: State,
    received_bytes: usize,
    on_text: &'a mut dyn FnMut(&str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing but white space so far, or the start of a thought's tag.
    Start,
    Thought,
    Answer,
}

impl<'a> Reply<'a> {
    pub(super) fn new(on_text: &'a mut dyn FnMut(&str)) -> Self {
        Self {
            shown: String::new(),
            held: String::new(),
            state: State::Start,
            received_bytes: 0,
            on_text,
        }
    }

    /// Takes the next piece and shows what can be shown of it.
    pub(super) fn push(&mut self, text: &str) -> Result<()> {
        self.received_bytes += text.len();
        if self.received_bytes > GENERATED_BYTES_MAX {
            return Err(Error::new(
                ErrorKind::Exhausted,
                format!("the answer did not end within {GENERATED_BYTES_MAX} bytes"),
            )
            .with_hint("try another model"));
        }
        if self.state == State::Answer {
            self.show(text);
            return Ok(());
        }
        self.held.push_str(text);
        if self.state == State::Start {
            let begun = self.held.trim_start();
            if begun.starts_with(THOUGHT.0) {
                self.state = State::Thought;
            } else if !THOUGHT.0.starts_with(begun) {
                self.state = State::Answer;
                let held = std::mem::take(&mut self.held);
                self.show(held.trim_start());
            }
        }
        if self.state == State::Thought {
            if let Some(end) = self.held.find(THOUGHT.1) {
                // The answer begins as if nothing had been said.
                self.state = State::Start;
                let rest = self.held.split_off(end + THOUGHT.1.len());
                self.held.clear();
                self.received_bytes -= rest.len();
                return self.push(&rest);
            }
            // Of a thought only what may be the beginning of its end is kept.
            let kept = self.held.len().saturating_sub(THOUGHT.1.len() - 1);
            let kept = self.held.floor_char_boundary(kept);
            self.held.drain(..kept);
        }
        Ok(())
    }

    fn show(&mut self, text: &str) {
        // Escape sequences could repaint a terminal.
        let clean: String =
            text.chars().filter(|&c| !c.is_control() || c == '\n' || c == '\t').collect();
        if !clean.is_empty() {
            self.shown.push_str(&clean);
            (self.on_text)(&clean);
        }
    }

    /// The whole answer, white space at its ends removed.
    pub(super) fn finish(mut self) -> Result<String> {
        if self.state == State::Start {
            let held = std::mem::take(&mut self.held);
            self.show(held.trim_start());
        }
        let text = self.shown.trim();
        if text.is_empty() {
            return Err(Error::new(ErrorKind::Unavailable, "the model answered with nothing")
                .with_hint("try another model"));
        }
        Ok(text.to_owned())
    }
}

/// The numbers from 1 to `passages` that stand in brackets in `text` (`[2]`, `[1, 3]`, `[1-3]`,
/// `【2】`), each once, in order of first use.
pub(super) fn cited(text: &str, passages: usize) -> Vec<usize> {
    let mut numbers = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['[', '【']) {
        rest = rest[open..].trim_start_matches(['[', '【']);
        let Some(close) = rest.find([']', '】', '[', '【']) else { break };
        let inside = &rest[..close];
        rest = &rest[close..];
        for part in inside.split([',', ';']) {
            let ends = part.split_once(['-', '–']).unwrap_or((part, part));
            let (Ok(first), Ok(last)) =
                (ends.0.trim().parse::<usize>(), ends.1.trim().parse::<usize>())
            else {
                continue;
            };
            for number in first.max(1)..=last.min(passages) {
                if !numbers.contains(&number) {
                    numbers.push(number);
                }
            }
        }
    }
    numbers
}
