use jiff::{civil::date, tz::TimeZone};
use proptest::prelude::*;

use super::*;

const HOUR_MS: i64 = 3_600_000;

/// Zones by their rules, so that no test depends on the machine's tables.
pub(crate) const ZONES: [&str; 7] = [
    "UTC0",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    // Half an hour beside the full one.
    "IST-5:30",
    // The clock changes by half an hour.
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
    // No midnight on the day on which summer begins.
    "EET-2EEST,M3.5.0/0,M10.5.0/0",
    // The clock goes back over midnight on the day on which summer ends.
    "NST3:30NDT,M3.2.0/0:01,M11.1.0/0:01",
    "<-12>12",
];

fn zone(rule: &str) -> TimeZone {
    TimeZone::posix(rule).unwrap()
}

fn at(text: &str, zone: &TimeZone) -> i64 {
    let local: jiff::civil::DateTime = text.parse().unwrap();
    local.to_zoned(zone.clone()).unwrap().timestamp().as_millisecond()
}

fn window(from: &str, to: &str, zone: &TimeZone) -> Window {
    Window::new(at(from, zone), at(to, zone)).unwrap()
}

fn shown(window: Window, granularity: Granularity, zone: &TimeZone) -> Vec<String> {
    window
        .buckets(granularity, zone)
        .into_iter()
        .map(|bucket| {
            let start = Timestamp::from_millisecond(bucket.start_ms).unwrap();
            let minutes = bucket.len_ms() / 60_000;
            format!("{} {minutes}", start.to_zoned(zone.clone()).strftime("%d %H:%M%z"))
        })
        .collect()
}

#[test]
fn hours_repeat_and_are_left_out_with_the_clock() {
    let berlin = zone(ZONES[1]);
    let spring = window("2026-03-29T01:00", "2026-03-29T04:00", &berlin);
    assert_eq!(shown(spring, Granularity::Hour, &berlin), ["29 01:00+0100 60", "29 03:00+0200 60"]);
    let autumn = window("2026-10-25T01:30", "2026-10-25T03:15", &berlin);
    assert_eq!(
        shown(autumn, Granularity::Hour, &berlin),
        ["25 01:30+0200 30", "25 02:00+0200 60", "25 02:00+0100 60", "25 03:00+0100 15"]
    );
    let howe = zone(ZONES[3]);
    let spring = window("2026-10-04T01:00", "2026-10-04T04:00", &howe);
    assert_eq!(
        shown(spring, Granularity::Hour, &howe),
        ["04 01:00+1030 60", "04 02:30+1100 30", "04 03:00+1100 60"]
    );
    let autumn = window("2026-04-05T01:00", "2026-04-05T03:00", &howe);
    assert_eq!(
        shown(autumn, Granularity::Hour, &howe),
        ["05 01:00+1100 60", "05 01:30+1030 30", "05 02:00+1030 60"]
    );
    let india = zone(ZONES[2]);
    let morning = window("2026-03-08T09:00", "2026-03-08T11:00", &india);
    assert_eq!(shown(morning, Granularity::Hour, &india), ["08 09:00+0530 60", "08 10:00+0530 60"]);
}

#[test]
fn days_are_as_long_as_the_clock_makes_them() {
    let berlin = zone(ZONES[1]);
    let lengths = |window: Window, zone: &TimeZone| -> Vec<i64> {
        let days = window.buckets(Granularity::Day, zone);
        days.into_iter().map(|day| day.len_ms() / HOUR_MS).collect()
    };
    let spring = window("2026-03-28T00:00", "2026-03-31T00:00", &berlin);
    assert_eq!(lengths(spring, &berlin), [24, 23, 24]);
    assert_eq!(spring.n_days(&berlin), 3.0);
    let autumn = window("2026-10-24T12:00", "2026-10-26T06:00", &berlin);
    assert_eq!(lengths(autumn, &berlin), [12, 25, 6]);
    assert_eq!(autumn.n_days(&berlin), 1.75);
    // Without a midnight, the day begins with its first moment.
    let cairo = zone(ZONES[4]);
    let spring = window("2026-03-28T00:00", "2026-03-30T00:00", &cairo);
    assert_eq!(
        shown(spring, Granularity::Day, &cairo),
        ["28 00:00+0200 1440", "29 01:00+0300 1380"]
    );
    assert!(spring.days(&cairo).iter().all(|day| day.is_plain));
}

#[test]
fn a_clock_that_goes_back_over_midnight_makes_no_plain_days() {
    // At 00:01 on 1 November 2026 it is 23:01 on 31 October again.
    let zone = zone(ZONES[5]);
    let autumn = window("2026-10-30T00:00", "2026-11-03T00:00", &zone);
    let plain: Vec<bool> = autumn.days(&zone).iter().map(|day| day.is_plain).collect();
    assert_eq!(plain, [true, false, false, true]);
    // A window that begins in the hour that is shown again begins within 1 November.
    let midnight = at("2026-11-01T00:00", &zone);
    let late = Window::new(midnight + HOUR_MS / 2, midnight + 26 * HOUR_MS).unwrap();
    let numbers: Vec<i64> = late.days(&zone).iter().map(|day| day.number).collect();
    let first = day_number(date(2026, 11, 1));
    assert_eq!(numbers, [first, first + 1]);
    assert_eq!(day_at(midnight + HOUR_MS / 2, &zone), first - 1);
}

#[test]
fn a_day_that_a_zone_left_out_has_no_bucket() {
    // Where the machine knows no zones there is nothing to test.
    let Ok(apia) = TimeZone::get("Pacific/Apia") else { return };
    let window = window("2011-12-29T00:00", "2012-01-01T00:00", &apia);
    assert_eq!(
        shown(window, Granularity::Day, &apia),
        ["29 00:00-1000 1440", "31 00:00+1400 1440"]
    );
    assert!(window.days(&apia).iter().all(|day| day.is_plain));
}

#[test]
fn weeks_begin_on_monday_and_months_with_the_first() {
    let utc = TimeZone::UTC;
    // 2026-03-08 is a Sunday.
    let march = window("2026-03-08T00:00", "2026-03-17T00:00", &utc);
    assert_eq!(
        shown(march, Granularity::Week, &utc),
        ["08 00:00+0000 1440", "09 00:00+0000 10080", "16 00:00+0000 1440"]
    );
    let winter = window("2023-12-31T00:00", "2024-03-02T00:00", &utc);
    let days: Vec<i64> = winter
        .buckets(Granularity::Month, &utc)
        .into_iter()
        .map(|month| month.len_ms() / DAY_MS)
        .collect();
    assert_eq!(days, [1, 31, 29, 1]);
    // Nothing between, and far from the present.
    assert!(
        window("2026-03-08T00:00", "2026-03-08T00:00", &utc)
            .buckets(Granularity::Day, &utc)
            .is_empty()
    );
    let old = window("1890-02-01T00:00", "1890-03-01T00:00", &utc);
    assert_eq!(old.buckets(Granularity::Day, &utc).len(), 28);
}

#[test]
fn windows_end_after_they_begin_and_within_five_years() {
    let error = Window::new(3_600_000 * 3, 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("3 hours"), "{error}");
    let day = |n: i64| n * DAY_MS;
    assert!(Window::new(0, day(5 * 366)).is_ok());
    let error = Window::new(0, day(110 * 365)).unwrap_err();
    assert!(error.hint().unwrap().contains("five years"), "{error:?}");
    for (start, end) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN)] {
        assert_eq!(Window::new(start, end).unwrap_err().kind(), ErrorKind::Invalid);
    }
    // Beyond the calendar there is one bucket.
    for start_ms in [i64::MIN, i64::MAX - day(3)] {
        let window = Window::new(start_ms, start_ms + day(2)).unwrap();
        let buckets = window.buckets(Granularity::Day, &TimeZone::UTC);
        assert_eq!(buckets, [window]);
        assert!(window.n_days(&TimeZone::UTC) >= 0.0);
        assert!(window.preceding(&TimeZone::UTC).len_ms() >= 0);
    }
}

#[test]
fn what_precedes_is_as_long() {
    let berlin = zone(ZONES[1]);
    for (from, to, before) in [
        // A day of 23 hours after one of 24.
        ("2026-03-29T00:00", "2026-03-30T00:00", "2026-03-28T00:00"),
        ("2026-03-01T00:00", "2026-04-01T00:00", "2026-02-01T00:00"),
        ("2026-01-01T00:00", "2027-01-01T00:00", "2025-01-01T00:00"),
        ("2026-03-02T00:00", "2026-03-09T00:00", "2026-02-23T00:00"),
        ("2026-03-02T06:00", "2026-03-02T09:00", "2026-03-02T03:00"),
    ] {
        let found = window(from, to, &berlin).preceding(&berlin);
        assert_eq!(found, window(before, from, &berlin), "{from} {to}");
    }
}

#[test]
fn last_days_and_weeks_hold_today() {
    let berlin = zone(ZONES[1]);
    // A Wednesday, half past midnight in Berlin and Tuesday in UTC.
    let now_ms = at("2026-11-25T00:30", &berlin);
    assert_eq!(
        Window::last_days(now_ms, 30, &berlin),
        window("2026-10-27T00:00", "2026-11-26T00:00", &berlin)
    );
    assert_eq!(
        Window::last_weeks(now_ms, 13, &berlin),
        window("2026-08-31T00:00", "2026-11-30T00:00", &berlin)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn buckets_are_what_the_calendar_says(
        rule in prop::sample::select(&ZONES[..]),
        // From 2026 to 2027, minute by minute.
        start in 29_452_320_i64..30_504_000,
        minutes in 0_i64..100_000,
        granularity in prop::sample::select(&[
            Granularity::Hour, Granularity::Day, Granularity::Week, Granularity::Month
        ][..]),
    ) {
        let zone = zone(rule);
        let window = Window::new(start * 60_000, (start + minutes) * 60_000).unwrap();
        let buckets = window.buckets(granularity, &zone);
        // They cover the window, each with something in it.
        let mut end_ms = window.start_ms;
        for bucket in &buckets {
            prop_assert_eq!(bucket.start_ms, end_ms);
            prop_assert!(!bucket.is_empty());
            end_ms = bucket.end_ms;
        }
        prop_assert_eq!(end_ms, window.end_ms);
        // What the calendar shows changes from one to the next and not within.
        let shown = |ms: i64| {
            let local = zone.to_datetime(Timestamp::from_millisecond(ms).unwrap());
            let date = local.date();
            match granularity {
                Granularity::Hour => (date, local.hour()),
                Granularity::Day => (date, 0),
                // The ISO week, by its Monday.
                Granularity::Week => {
                    let monday = date.iso_week_date().first_of_week().unwrap();
                    (monday.date(), 0)
                }
                Granularity::Month => (date.first_of_month(), 0),
            }
        };
        let goes_back_over_midnight = rule.starts_with("NST");
        for bucket in &buckets {
            let step = (bucket.len_ms() / 50).max(60_000);
            let mut ms = bucket.start_ms;
            while ms < bucket.end_ms && !goes_back_over_midnight {
                prop_assert_eq!(shown(ms), shown(bucket.start_ms));
                ms += step;
            }
        }
    }

    #[test]
    fn plain_days_are_those_of_their_numbers(
        rule in prop::sample::select(&ZONES[..]),
        start in 29_452_320_i64..30_504_000,
        minutes in 0_i64..100_000,
    ) {
        let zone = zone(rule);
        let window = Window::new(start * 60_000, (start + minutes) * 60_000).unwrap();
        for day in window.days(&zone).iter().filter(|day| day.is_plain) {
            let mut ms = day.window.start_ms - 3 * HOUR_MS;
            while ms < day.window.end_ms + 3 * HOUR_MS {
                let is_of_day = day_at(ms, &zone) == day.number;
                prop_assert_eq!(is_of_day, day.window.contains(ms));
                ms += 15 * 60_000;
            }
        }
    }
}
