use crate::scene::Scene;

const NOW: &str = "2026-11-25T12:00:00";

#[test]
fn an_expression_is_shown_as_a_stretch_of_time() {
    let scene = Scene::new();
    let ran = scene.run(&["time", "last week", "--now", NOW, "--tz", "Europe/Berlin"]);
    insta::assert_snapshot!(ran.shown(), @r#"
    exit 0
    --- stdout
    from    2026-11-16T00:00:00+01:00
    before  2026-11-23T00:00:00+01:00
    kind    daterange
    --- stderr
    "#);
    let ran = scene.run(&[
        "time", "from", "May", "to", "July", "--now", NOW, "--tz", "UTC", "--format", "json",
    ]);
    insta::assert_snapshot!(ran.shown(), @r#"
    exit 0
    --- stdout
    {
      "expression": "from May to July",
      "kind": "daterange",
      "start": "2027-05-01T00:00:00+00:00",
      "end": "2027-07-01T00:00:00+00:00",
      "start_ms": 1809129600000,
      "end_ms": 1814400000000,
      "now": "2026-11-25T12:00:00+00:00",
      "zone": "UTC",
      "reading": "written"
    }
    --- stderr
    "#);
    let ran = scene.run(&[
        "time",
        "from May to July",
        "--now",
        NOW,
        "--tz",
        "UTC",
        "--reading",
        "question",
        "--format",
        "json",
    ]);
    insta::assert_snapshot!(ran.shown(), @r#"
    exit 0
    --- stdout
    {
      "expression": "from May to July",
      "kind": "daterange",
      "start": "2026-05-01T00:00:00+00:00",
      "end": "2026-08-01T00:00:00+00:00",
      "start_ms": 1777593600000,
      "end_ms": 1785542400000,
      "now": "2026-11-25T12:00:00+00:00",
      "zone": "UTC",
      "reading": "question"
    }
    --- stderr
    "#);
    let ran = scene.run(&["time", "since 2024", "--now", NOW, "--tz", "UTC"]);
    insta::assert_snapshot!(ran.shown(), @r#"
    exit 0
    --- stdout
    from    2024-01-01T00:00:00+00:00
    before  open
    kind    daterange
    --- stderr
    "#);
    let ran = scene.run(&["time", "--now", NOW, "--tz", "UTC", "--", "-30d"]);
    insta::assert_snapshot!(ran.shown(), @r#"
    exit 0
    --- stdout
    from    2026-10-26T12:00:00+00:00
    before  2026-10-26T12:00:01+00:00
    kind    datetime
    --- stderr
    "#);
}

#[test]
fn what_is_not_understood_is_a_usage_error_that_names_what_is_near() {
    let scene = Scene::new();
    insta::assert_snapshot!(scene.run(&["time", "last tuseday", "--now", NOW]).shown(), @r#"
    exit 2
    --- stdout
    --- stderr
    error: "last tuseday" is not a time: "tuseday" is not a word of time
    hint: did you mean "last tuesday"?
    "#);
    insta::assert_snapshot!(scene.run(&["time", "30th february 2019"]).shown(), @r#"
    exit 2
    --- stdout
    --- stderr
    error: "30th february 2019" is no time: the calendar of 2019 has no day 30 of month 2
    hint: "february 2019" alone is understood
    "#);
    insta::assert_snapshot!(scene.run(&["time", "today", "--tz", "Mars/Base"]).shown(), @r#"
    exit 2
    --- stdout
    --- stderr
    error: --tz "Mars/Base" is not a time zone that is known here
    hint: write a name such as Europe/Berlin, America/New_York or UTC
    "#);
    insta::assert_snapshot!(scene.run(&["time", "today", "--now", "soon"]).shown(), @r#"
    exit 2
    --- stdout
    --- stderr
    error: --now "soon" is not a moment
    hint: write 2026-01-31, 2026-01-31T09:00 or 2026-01-31T09:00:00Z
    "#);
    insta::assert_snapshot!(scene.run(&["time", "soon", "--format", "json"]).shown(), @r#"
    exit 2
    --- stdout
    --- stderr
    {"error":{"hint":"did you mean \"noon\"?","kind":"usage","message":"\"soon\" is not a time that is understood"}}
    "#);
    let ran = Scene::with_notes().run(&["search", "x", "--since", "last weeek"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("did you mean \"last week\"?"), "{ran:?}");
}

#[test]
fn searches_take_stretches_of_time() {
    let scene = Scene::with_notes();
    let ran = scene.run(&["search", "lease", "--since", "last week", "--format", "json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("\"path\""), "{ran:?}");
    let ran = scene.run(&["search", "lease", "--until", "last year", "--format", "json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stdout.contains("\"path\""), "{ran:?}");
}
