//! When each stage of one question began and ended.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use super::stage::Stage;

/// A stage of one question, in nanoseconds since the trace began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The stage.
    pub stage: Stage,
    /// Its beginning.
    pub start_ns: u64,
    /// Its end, not before its beginning.
    pub end_ns: u64,
}

impl Span {
    /// How long it took.
    pub fn ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }
}

/// Takes down the stages of one question, where it is on. Cheap to clone: clones are the same
/// trace. The default is off, and costs a comparison.
#[derive(Clone, Debug, Default)]
pub struct Trace(Option<Arc<Taken>>);

#[derive(Debug)]
struct Taken {
    begun: Instant,
    spans: Mutex<Vec<Span>>,
}

/// Spans of an ordinary question.
const USUAL_SPANS: usize = 16;

/// Spans that are kept of one question; what has more, such as a search that recomputes in thousands
/// of steps, keeps its first.
const MAX_SPANS: usize = 4096;

impl Trace {
    /// A trace that begins now.
    pub fn begin() -> Self {
        let spans = Mutex::new(Vec::with_capacity(USUAL_SPANS));
        Self(Some(Arc::new(Taken { begun: Instant::now(), spans })))
    }

    /// Whether anything is taken down.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Does a step, and takes down how long it took.
    pub fn time<T>(&self, stage: Stage, step: impl FnOnce() -> T) -> T {
        if self.0.is_none() {
            return step();
        }
        let begun = Instant::now();
        let done = step();
        self.add(stage, begun, Instant::now());
        done
    }

    /// Takes down a stage that was timed elsewhere. What began before the trace counts from there.
    pub fn add(&self, stage: Stage, begun: Instant, ended: Instant) {
        let Some(taken) = &self.0 else { return };
        let start_ns = nanoseconds(taken.begun, begun);
        let end_ns = nanoseconds(taken.begun, ended).max(start_ns);
        let mut spans = taken.spans.lock().unwrap_or_else(PoisonError::into_inner);
        if spans.len() < MAX_SPANS {
            spans.push(Span { stage, start_ns, end_ns });
        }
    }

    /// All that was needed for the first question has been opened since the trace began.
    pub fn opened(&self) {
        if let Some(taken) = &self.0 {
            self.add(Stage::Open, taken.begun, Instant::now());
        }
    }

    /// Nanoseconds since it began; 0 where it is off.
    pub fn elapsed_ns(&self) -> u64 {
        self.0.as_ref().map_or(0, |taken| nanoseconds(taken.begun, Instant::now()))
    }

    /// What was taken down, in the order of beginning, what lies within another after it.
    pub fn spans(&self) -> Vec<Span> {
        let Some(taken) = &self.0 else { return Vec::new() };
        let mut spans = taken.spans.lock().unwrap_or_else(PoisonError::into_inner).clone();
        spans.sort_by_key(|span| (span.start_ns, std::cmp::Reverse(span.end_ns), span.stage));
        spans
    }
}

fn nanoseconds(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX)
}
