use super::*;

fn read(text: &str) -> Option<String> {
    OwnTime::read(text, TimeSource::FrontMatter).map(OwnTime::shown)
}

#[test]
fn dates_as_people_and_programs_write_them() {
    for (text, expected) in [
        ("2024-03-05", "2024-03-05"),
        (" \"2024-03-05\" # when", "2024-03-05"),
        ("'2024-3-5'", "2024-03-05"),
        ("2024/03/05", "2024-03-05"),
        ("2024.03.05", "2024-03-05"),
        ("20240305", "2024-03-05"),
        ("2024", "2024"),
        ("2024-03", "2024-03"),
        ("2024-03-05T10:15:00Z", "2024-03-05T10:15:00Z"),
        ("2024-03-05 10:15", "2024-03-05T10:15:00Z"),
        ("2024-03-05 10:15:00 +0100", "2024-03-05T09:15:00Z"),
        ("2024-03-05T10:15:00.123456789+01:00", "2024-03-05T09:15:00Z"),
        ("2024-03-05T10:15:00+01:00[Europe/Berlin]", "2024-03-05T09:15:00Z"),
        ("2024-03-05T00:30:00+02", "2024-03-04T22:30:00Z"),
        ("2024-03-05t23:59:60z", "2024-03-05T23:59:59Z"),
        ("20240305T101500Z", "2024-03-05T10:15:00Z"),
        ("2024-03-05 3:07 pm", "2024-03-05T15:07:00Z"),
        ("2024-03-05 12:00 AM", "2024-03-05T00:00:00Z"),
        ("<2024-03-05 Tue>", "2024-03-05"),
        ("[2024-03-05 Di. 10:15]", "2024-03-05T10:15:00Z"),
        ("5 March 2024", "2024-03-05"),
        ("March 5th, 2024", "2024-03-05"),
        ("Sept. 5, 2024", "2024-09-05"),
        ("Tue, 5 Mar 2024 10:15:00 +0100", "2024-03-05T09:15:00Z"),
        ("Tue, 05 Mar 2024 10:15:00 EST", "2024-03-05T15:15:00Z"),
        ("Tuesday, March 5, 2024 10:15 GMT+1", "2024-03-05T09:15:00Z"),
        ("1800-01-01", "1800-01-01"),
        ("2024-02-29", "2024-02-29"),
    ] {
        assert_eq!(read(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn what_is_no_date_or_has_two_meanings_is_left_out() {
    for text in [
        "",
        "soon",
        "03/05/2024",
        "5.3.2024",
        "2023-02-29",
        "2024-13-01",
        "2024-00-10",
        "2024-03-05T25:00",
        "2024-03-05T",
        "2024-03-05x",
        "2024-03-05T10:15 CET",
        "2024-03-05T10:15+99:00",
        "1601-01-01T00:00:00Z",
        "1799-12-31",
        "0000-00-00",
        "99999",
        "2024.03",
        "12 2024",
        "１２３４-05-06",
        "2024-03-05T10:15:00+01:0",
        "−2024-01-01",
        "Marchember 5 2024",
        "2024-03-05 13:00 pm",
        "ma 5 2024",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
    assert_eq!(read(&"2".repeat(100_000)), None);
}

#[test]
fn dates_of_a_pdf() {
    for (text, expected) in [
        ("D:20240305101500+01'00'", "2024-03-05T09:15:00Z"),
        ("D:20240305101500-05'00", "2024-03-05T15:15:00Z"),
        ("D:20240305101500Z00'00'", "2024-03-05T10:15:00Z"),
        ("D:20240305101500", "2024-03-05T10:15:00Z"),
        ("20240305101500", "2024-03-05T10:15:00Z"),
        ("D:2024030510", "2024-03-05T10:00:00Z"),
        ("D:20240305", "2024-03-05"),
        ("D:202403", "2024-03"),
        ("D:2024", "2024"),
    ] {
        assert_eq!(
            OwnTime::read_pdf(text).map(OwnTime::shown).as_deref(),
            Some(expected),
            "{text}"
        );
    }
    for text in ["", "D:", "D:16010101000000", "D:20241305", "D:20240305256000", "Tue Mar  5 2024"]
    {
        assert_eq!(OwnTime::read_pdf(text), None, "{text}");
    }
}

#[test]
fn dates_in_names() {
    for (path, expected) in [
        ("/notes/2024-03-05.md", Some("2024-03-05")),
        ("/posts/2024-03-05-tides.md", Some("2024-03-05")),
        ("/journals/2024_03_05.org", Some("2024-03-05")),
        ("2024-03-05", Some("2024-03-05")),
        ("C:\\scans\\20240305 invoice.pdf", Some("2024-03-05")),
        ("20240305T101500--tides.org", Some("2024-03-05")),
        ("2024.03.05.txt", Some("2024-03-05")),
        ("2024-03-05T10.md", Some("2024-03-05")),
        ("2024-03-055.md", None),
        ("2024-03-05Tides.md", None),
        ("20240305101500-tides.md", None),
        ("2024-03-05th.md", None),
        ("2024-02-30.md", None),
        ("1066-10-14.md", None),
        ("2024-03.md", None),
        ("2024-03_05.md", None),
        ("tides 2024-03-05.md", None),
        ("2024-03-05/tides.md", None),
        ("", None),
    ] {
        assert_eq!(date_in_name(path).map(OwnTime::shown).as_deref(), expected, "{path}");
    }
}

#[test]
fn the_most_telling_field_counts() {
    let mut fields = Fields::default();
    for line in [
        "Published: 2020-01-01",
        "date = 2021-01-01",
        "created_at: 'nonsense'",
        "date: 2022-01-01",
        "last-modified: 2023-01-01",
        "updated: 2024-01-01",
        "dated: 1999-01-01",
    ] {
        fields.note_line(line);
    }
    let times = fields.times();
    assert_eq!(times.created.map(OwnTime::shown).as_deref(), Some("2021-01-01"));
    assert_eq!(times.modified.map(OwnTime::shown).as_deref(), Some("2023-01-01"));
    fields.note_line("created: 2019-01-01T08:00:00Z");
    assert_eq!(fields.times().created.map(OwnTime::shown).as_deref(), Some("2019-01-01T08:00:00Z"));
    assert_eq!(times.best(), times.modified);
    let created = OwnTimes { modified: None, ..times };
    assert_eq!(created.best(), times.created);
    let last_ms = times.created.unwrap().ms;
    assert_eq!(times.until(last_ms), created);
    assert_eq!(times.until(last_ms - 1), OwnTimes::default());
}

#[test]
fn names_are_read_back() {
    for precision in Precision::ALL {
        assert_eq!(precision.as_str().parse::<Precision>().unwrap(), precision);
    }
    for source in TimeSource::ALL {
        assert_eq!(source.as_str().parse::<TimeSource>().unwrap(), source);
    }
    assert!("never".parse::<Precision>().is_err() && "".parse::<TimeSource>().is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(4000))]

    /// Whatever stands in a file, reading it ends, without a panic, with a time that can be shown.
    #[test]
    fn hostile_values_are_read_or_left_out(
        text in r#"[0-9]{0,20}[-/.: TZ+'"<>\[\]a-zé−,]{0,3}[0-9]{0,3}[-/.: T]{0,1}\PC{0,24}"#,
    ) {
        let found = [
            OwnTime::read(&text, TimeSource::Page),
            OwnTime::read_pdf(&text),
            date_in_name(&text),
        ];
        for time in found.into_iter().flatten() {
            proptest::prop_assert!(!time.shown().is_empty());
            proptest::prop_assert_eq!(time.if_sound(), Some(time));
        }
        let mut fields = Fields::default();
        fields.note_line(&text);
        fields.note("date", &text, TimeSource::Page);
        fields.times();
    }

    /// What is written out is read back.
    #[test]
    fn what_is_shown_is_read_back(
        ms in -5_364_662_400_000_i64..253_402_300_799_000,
        precision in proptest::sample::select(Precision::ALL.to_vec()),
    ) {
        let text = precision.shown(ms);
        let read = OwnTime::read(&text, TimeSource::Book).unwrap();
        proptest::prop_assert_eq!((read.precision, read.shown()), (precision, text));
    }
}
