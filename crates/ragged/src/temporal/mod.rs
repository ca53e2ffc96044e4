//! Time as the library sees it: a clock that is handed in, so that a test can hold it still, and
//! times as people write them.

pub mod expression;
pub mod question;
pub mod window;

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

/// A moment as part of a file's name, UTC: `20261123_083341`. Names sort as the moments do.
///
/// ```
/// assert_eq!(ragged::temporal::file_stamp(1_795_423_421_000), "20261123_084341");
/// ```
pub fn file_stamp(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms)
        .unwrap_or_default()
        .strftime("%Y%m%d_%H%M%S")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_follow_the_calendar() {
        for (ms, expected) in [
            (0, "19700101_000000"),
            (-1, "19691231_235959"),
            (951_782_400_000, "20000229_000000"),
            (951_868_800_000, "20000301_000000"),
            (4_107_542_399_999, "21000228_235959"),
            (4_107_542_400_000, "21000301_000000"),
        ] {
            assert_eq!(file_stamp(ms), expected, "{ms}");
        }
    }
}
