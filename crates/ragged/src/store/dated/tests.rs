use proptest::prelude::*;

use super::*;

const HOUR_MS: i64 = 3_600_000;
/// 2024-03-05T00:00:00Z.
const FIFTH_OF_MARCH_MS: i64 = 1_709_596_800_000;

fn own(ms: i64, precision: Precision) -> OwnTime {
    OwnTime { ms, precision, source: TimeSource::FrontMatter }
}

#[test]
fn the_document_then_the_name_then_the_file() {
    let created = Some(own(FIFTH_OF_MARCH_MS - 40 * DAY_MS, Precision::Day));
    let modified = Some(own(FIFTH_OF_MARCH_MS + 1, Precision::Moment));
    let changed_ns = nanoseconds(FIFTH_OF_MARCH_MS + 3 * DAY_MS) + 7;
    let name = "/notes/2024-03-05-tides.md";
    for (times, path, ns, by, shown) in [
        (
            OwnTimes { created, modified },
            name,
            nanoseconds(FIFTH_OF_MARCH_MS + 1),
            TimeSource::FrontMatter,
            "2024-03-05T00:00:00Z",
        ),
        (
            OwnTimes { created, modified: None },
            name,
            nanoseconds(FIFTH_OF_MARCH_MS - 40 * DAY_MS + 10 * HOUR_MS),
            TimeSource::FrontMatter,
            "2024-01-25",
        ),
        (
            OwnTimes::default(),
            name,
            nanoseconds(FIFTH_OF_MARCH_MS + 10 * HOUR_MS),
            TimeSource::FileName,
            "2024-03-05",
        ),
        (
            OwnTimes::default(),
            "/notes/tides.md",
            changed_ns,
            TimeSource::File,
            "2024-03-08T00:00:00Z",
        ),
        // Planned for a year in which nobody can have written it.
        (
            OwnTimes::default(),
            "/notes/2044-03-05.md",
            changed_ns,
            TimeSource::File,
            "2024-03-08T00:00:00Z",
        ),
    ] {
        let dated = dated(times, FIFTH_OF_MARCH_MS, path, changed_ns);
        assert_eq!((dated.ns, dated.by, dated.shown().as_str()), (ns, by, shown), "{path}");
    }
}

#[test]
fn notes_from_one_template_are_each_of_their_own_day() {
    // They share a document, which was added with the first of them.
    for (name, changed_ms, by) in [
        ("2024-03-05.md", FIFTH_OF_MARCH_MS, TimeSource::FileName),
        ("2024-04-04.md", FIFTH_OF_MARCH_MS + 30 * DAY_MS, TimeSource::FileName),
        ("2024-05-04.md", FIFTH_OF_MARCH_MS + 30 * DAY_MS, TimeSource::File),
    ] {
        let own = OwnTimes::default();
        assert_eq!(dated(own, FIFTH_OF_MARCH_MS, name, nanoseconds(changed_ms)).by, by, "{name}");
    }
}

#[test]
fn a_date_lies_in_its_day_for_nearly_everybody() {
    let dated = Dated::from(own(FIFTH_OF_MARCH_MS, Precision::Day));
    for hours_east in -10..=13 {
        let begins_ms = FIFTH_OF_MARCH_MS - hours_east * HOUR_MS;
        assert!((begins_ms..begins_ms + DAY_MS).contains(&dated.ms()), "{hours_east}");
    }
}

#[test]
fn the_future_is_not_believed() {
    let at = |days| Some(own(FIFTH_OF_MARCH_MS + days * DAY_MS, Precision::Day));
    let believed = believable(OwnTimes { created: at(1), modified: at(2) }, FIFTH_OF_MARCH_MS);
    assert_eq!(believed, OwnTimes { created: at(1), modified: None });
}

proptest! {
    /// No time makes the rule overflow.
    #[test]
    fn any_times_have_an_order(
        ms in any::<i64>(),
        added_ms in any::<i64>(),
        modified_ns in any::<i64>(),
        precision in proptest::sample::select(Precision::ALL.to_vec()),
        path in "[0-9]{4}-?[0-9]{2}-?[0-9]{2}.{0,4}",
    ) {
        let times = OwnTimes { created: Some(own(ms, precision)), modified: None };
        let _shown = dated(believable(times, added_ms), added_ms, &path, modified_ns).shown();
    }
}
