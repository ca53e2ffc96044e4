//! Time as the library sees it: a clock that is handed in, so that a test can hold it still.

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
    let seconds = unix_ms.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}_{hour:02}{minute:02}{second:02}")
}

/// Year, month and day of the Gregorian calendar, from days since the beginning of 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    // Counted from 1 March of year 0, so that a leap day is the last day of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_since_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months_since_march + 2) / 5 + 1;
    let month = (months_since_march + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
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
        // Every day follows the one before.
        let mut before = civil(-800_000);
        for day in -799_999..800_000 {
            let today = civil(day);
            assert!(today > before, "{before:?} {today:?}");
            before = today;
        }
    }
}
