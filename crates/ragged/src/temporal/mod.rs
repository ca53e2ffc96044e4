//! Time as the library sees it: a clock that is handed in, so that a test can hold it still.

/// Tells the time. The library never asks the operating system itself.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Milliseconds since the beginning of 1970, UTC.
    fn now_ms(&self) -> i64;
}

/// A clock that stands still, for tests and for runs that must repeat exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedClock(pub i64);

impl Clock for FixedClock {
    fn now_ms(&self) -> i64 {
        self.0
    }
}
