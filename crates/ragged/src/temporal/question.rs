//! Time in questions: "what did I read about tides last March", "my recent work".

use std::ops::Range;

use super::expression::{Context, Period};

/// The time that a question speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeReading {
    /// Where the question speaks of it, in bytes, in order; usually one place.
    pub spans: Vec<Range<usize>>,
    /// The stretch of time; absent for [`About::FactValidity`], whose period a fact knows. Two
    /// times in one question give the stretch from the first to the last.
    pub period: Option<Period>,
    /// What the time is a time of.
    pub about: About,
    /// Whether the rest is left out or only comes later.
    pub effect: Effect,
    /// The question without the words of time, for retrieval.
    pub remaining: String,
}

/// What a time in a question is a time of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The document's own time.
    DocumentTime,
    /// When the person read, asked or searched.
    InteractionTime,
    /// While a fact about the person held: "when I was at Acme".
    FactValidity {
        /// Whom or what the fact is about, as written: `Acme`.
        subject: String,
    },
    /// "my recent work": the last thirty days.
    Recent,
    /// "my old notes": the older the better; its period ends a year ago.
    Old,
}

/// What a time in a question does to the candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What lies outside is left out.
    Filters,
    /// What lies inside comes first.
    Favours,
}

/// The time in a question, if it speaks of one. Read it in a [`Context`] with
/// [`Reading::Question`](super::expression::Reading::Question).
pub fn read(question: &str, context: &Context) -> Option<TimeReading> {
    let _ = (question, context);
    None
}
