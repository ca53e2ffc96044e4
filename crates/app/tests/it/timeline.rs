use std::sync::Arc;

use ragged::{
    memory::{
        InteractionKind, Memory, MemoryConfig, NewInteraction, PersonaName, RecordedTopic,
        TopicSource,
    },
    temporal::FixedClock,
};

use crate::scene::Scene;

const BERLIN: &[&str] = &["-o", "memory.timezone=Europe/Berlin"];
const HOUR_MS: i64 = 3_600_000;

/// Midnight of Monday, 3 March 2025, in Berlin.
const MONDAY_MS: i64 = 1_740_956_400_000;

/// A persona that asked so often on each day from a Monday on, about these topics.
fn scene(monday_ms: i64, days: &[(usize, &[&str])]) -> Scene {
    let scene = Scene::new();
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let config = MemoryConfig { zone, ..MemoryConfig::default() };
    let clock = Arc::new(FixedClock(monday_ms));
    std::fs::create_dir_all(scene.data_dir()).unwrap();
    let memory = Memory::open(&scene.data_dir(), None, config, clock).unwrap();
    let remembered = memory.of(&PersonaName::default()).unwrap();
    let mut all = Vec::new();
    for (day, (count, topics)) in (0..).zip(days) {
        for n in 0..*count {
            let hour = i64::try_from(n % 24).unwrap();
            let at_ms = monday_ms + day * 24 * HOUR_MS + hour * HOUR_MS + HOUR_MS / 2;
            let query = format!("what of {}?", topics.join(" and "));
            let mut new = NewInteraction::new(query, at_ms, InteractionKind::Query).unwrap();
            new.id = format!("{:08x}{:024x}", 0xa000_0000 + all.len(), 0);
            // The first is asked about always, the next every other time, and so on.
            new.topics = (1..)
                .zip(*topics)
                .filter(|(every, _)| n % every == 0)
                .map(|(_, name)| RecordedTopic {
                    key: name.to_lowercase(),
                    name: (*name).to_owned(),
                    score: 0.5,
                    source: TopicSource::Query,
                })
                .collect();
            all.push(new);
        }
    }
    remembered.record_all(&all).unwrap();
    scene
}

/// The week of the sample in the requirements, made right: 10 before 12.
const WEEK: &[(usize, &[&str])] = &[
    (8, &["Rust", "Graph"]),
    (10, &["Rust", "Tide", "Moon", "Harbour"]),
    (0, &[]),
    (12, &["Tide", "Moon"]),
    (1, &["Bread"]),
    (0, &[]),
    (5, &["Tide"]),
];

fn week() -> Scene {
    scene(MONDAY_MS, WEEK)
}

fn shown(scene: &Scene, args: &[&str]) -> String {
    scene.run(&[&["memory"], args, BERLIN].concat()).shown()
}

#[test]
fn bars_are_in_proportion_and_days_are_right() {
    let scene = week();
    let span = ["--since", "2025-03-03", "--until", "2025-03-09"];
    let timeline = [&["timeline"], &span[..]].concat();
    let text = shown(&scene, &[&timeline[..], &["--visual"]].concat());
    insta::assert_snapshot!(text, @r"
    exit 0
    --- stdout
    default, Mon 2025-03-03 to Sun 2025-03-09
    Mon 2025-03-03  ██████▋      8  Rust, Graph
    Tue 2025-03-04  ████████▍   10  Rust, Tide, Moon
    Wed 2025-03-05               0
    Thu 2025-03-06  ██████████  12  Tide, Moon
    Fri 2025-03-07  ▉            1  Bread
    Sat 2025-03-08               0
    Sun 2025-03-09  ████▏        5  Tide
    total  36
    mean   5.1 a day
    peak   12 on Thu 2025-03-06
    --- stderr
    ");
    let text = shown(&scene, &timeline);
    insta::assert_snapshot!(text, @r"
    exit 0
    --- stdout
    default, Mon 2025-03-03 to Sun 2025-03-09
     when            questions  topics
     Mon 2025-03-03  8          Rust, Graph
     Tue 2025-03-04  10         Rust, Tide, Moon
     Wed 2025-03-05  0
     Thu 2025-03-06  12         Tide, Moon
     Fri 2025-03-07  1          Bread
     Sat 2025-03-08  0
     Sun 2025-03-09  5          Tide
    total  36
    mean   5.1 a day
    peak   12 on Thu 2025-03-06
    --- stderr
    ");
    let text =
        shown(&scene, &["timeline", "--period", "2025-03", "--granularity", "week", "--visual"]);
    insta::assert_snapshot!(text, @r"
    exit 0
    --- stdout
    default, Sat 2025-03-01 to Mon 2025-03-31
    2025-W09 Sat 2025-03-01               0
    2025-W10 Mon 2025-03-03  ██████████  36  Tide, Rust, Moon
    2025-W11 Mon 2025-03-10               0
    2025-W12 Mon 2025-03-17               0
    2025-W13 Mon 2025-03-24               0
    2025-W14 Mon 2025-03-31               0
    total  36
    mean   1.2 a day
    peak   36 in 2025-W10 Mon 2025-03-03
    --- stderr
    ");
    // Where only ASCII can be shown.
    let args = [&["memory"], &timeline[..], &["--visual"], BERLIN].concat();
    let plain = scene.run_with(&args, &[("LC_ALL", "C"), ("NO_COLOR", "1")]);
    assert!(plain.stdout.is_ascii(), "{}", plain.stdout);
    assert!(plain.stdout.contains("Tue 2025-03-04  ########-   10"), "{}", plain.stdout);

    let json = scene.json(&[&["memory"], &timeline[..], BERLIN].concat());
    assert_eq!(json["zone"], "Europe/Berlin");
    assert_eq!(json["start"], "2025-03-03T00:00:00+01:00");
    assert_eq!(json["end"], "2025-03-10T00:00:00+01:00");
    assert_eq!((&json["total"], &json["peak"]["count"]), (&36.into(), &12.into()));
    assert_eq!(json["peak"]["start"], "2025-03-06T00:00:00+01:00");
    let counts: Vec<u64> = json["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bucket| bucket["count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts, [8, 10, 0, 12, 1, 0, 5]);
    assert_eq!(json["buckets"][1]["topics"][2]["key"], "moon");
    assert_eq!(json["buckets"][1]["topics"].as_array().unwrap().len(), 3);
}

#[test]
fn hours_follow_the_clock() {
    // The clock goes forward on the last Sunday of March, 27 days after that Monday.
    let mut days: Vec<(usize, &[&str])> = vec![(0, &[]); 27];
    days[26] = (4, &["Tide"]);
    let scene = scene(MONDAY_MS, &days);
    let json = scene.json(
        &[
            &["memory", "timeline", "--granularity", "hour", "--since", "2025-03-29T22:00"][..],
            &["--until", "2025-03-30T06:00"],
            BERLIN,
        ]
        .concat(),
    );
    let starts: Vec<&str> = json["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bucket| bucket["start"].as_str().unwrap())
        .collect();
    assert_eq!(starts.len(), 7);
    assert_eq!(starts[3..5], ["2025-03-30T01:00:00+01:00", "2025-03-30T03:00:00+02:00"]);
}

#[test]
fn topics_are_followed_and_compared() {
    let scene = week();
    let text = shown(&scene, &["activity", "--period", "from 2025-03-03 to 2025-03-09"]);
    insta::assert_snapshot!(text, @r"
    exit 0
    --- stdout
    default, Mon 2025-03-03 to Sun 2025-03-09
    total  36
    mean   5.1 a day
    peak   12 on Thu 2025-03-06
    before 0, Mon 2025-02-24 to Sun 2025-03-02
    days   5 with questions, of 7
    in     36 sessions
    with   36 query
    found  0 good, 0 bad
    topics Tide (22), Rust (18), Moon (10), Graph (4), Harbour (3), Bread (1)
    new    Tide (22), Rust (18), Moon (10), Graph (4), Harbour (3), Bread (1)
    --- stderr
    ");
    let text = shown(&scene, &["first-seen", "--topic", "tides"]);
    insta::assert_snapshot!(text, @r"
    exit 0
    --- stdout
    Tide
    met    Tue 2025-03-04 00:30  a0000008  what of Rust and Tide and Moon and Harbour?
    asked  Tue 2025-03-04 00:30  a0000008  what of Rust and Tide and Moon and Harbour?
    --- stderr
    ");
    let text = shown(&scene, &["first-seen", "--topic", "cheese"]);
    insta::assert_snapshot!(text, @r#"
    exit 1
    --- stdout
    --- stderr
    error: nothing was learned of "cheese"
    hint: `ragged memory topics --all` lists what was
    "#);
    let text = shown(&scene, &["trending", "--window", "from 2025-03-03 to 2025-03-09"]);
    insta::assert_snapshot!(text, @r"
    exit 0
    --- stdout
    default, Mon 2025-03-03 to Sun 2025-03-09
     topic    questions  trend (confidence)
     Tide     22         ↗ rising +0.57 (0.46)
     Moon     10         ↗ rising +0.43 (0.15)
     Harbour  3          ↘ falling -0.31 (0.03)
     Rust     18         ↘ falling -0.57 (0.82)
     Graph    4          ↘ falling -0.62 (0.54)
    --- stderr
    ");
    let text =
        shown(&scene, &["compare-periods", "--period-a", "2025-03-04", "--period-b", "2025-03-06"]);
    insta::assert_snapshot!(text, @r"
    exit 0
    --- stdout
                          a                     b
     period               Tue 2025-03-04        Thu 2025-03-06
     questions            10                    12
     a day                10.0                  12.0
     peak                 10 on Tue 2025-03-04  12 on Thu 2025-03-06
     days with questions  1                     1
     sessions             10                    12
     topics               4                     2
     topic    a   b   change a day
     Rust     10  0   -10.00
     Tide     5   12  +7.00
     Harbour  3   0   -3.00
     Moon     4   6   +2.00
    --- stderr
    ");
    let text =
        shown(&scene, &["trending-compare", "--period-a", "2025-02", "--period-b", "2025-03"]);
    insta::assert_snapshot!(text, @r"
    exit 0
    --- stdout
    a  Sat 2025-02-01 to Fri 2025-02-28
    b  Sat 2025-03-01 to Mon 2025-03-31
     topic    a  trend in a         b   trend in b
     Graph    0  too few questions  4   ↘ falling -0.79 (0.21)
     Rust     0  too few questions  18  ↘ falling -0.78 (0.33)
     Harbour  0  too few questions  3   ↘ falling -0.77 (0.15)
     Moon     0  too few questions  10  ↘ falling -0.75 (0.23)
     Tide     0  too few questions  22  ↘ falling -0.72 (0.26)
    --- stderr
    ");
    let text =
        shown(&scene, &["compare-topics", "--topics", "tide, moon,bread", "--window", "2025-03"]);
    insta::assert_snapshot!(text, @r"
    exit 0
    --- stdout
    default, Sat 2025-03-01 to Mon 2025-03-31
     topic              questions  peak                  trend (confidence)      first asked
     Tide   ██████████  22         12 on Thu 2025-03-06  ↘ falling -0.72 (0.26)  Tue 2025-03-04
     Moon   ████▌       10         6 on Thu 2025-03-06   ↘ falling -0.75 (0.23)  Tue 2025-03-04
     Bread  ▌           1          1 on Fri 2025-03-07   too few questions       Fri 2025-03-07
    --- stderr
    ");
}

#[test]
fn a_topic_is_followed_to_the_present() {
    // The Monday before the last: the command looks at the clock.
    let now = jiff::Zoned::now().in_tz("Europe/Berlin").unwrap();
    let n_days = i64::from(now.weekday().to_monday_zero_offset()) + 7;
    let monday = now.date().checked_sub(jiff::Span::new().days(n_days)).unwrap();
    let monday_ms = monday.in_tz("Europe/Berlin").unwrap().timestamp().as_millisecond();
    let scene = scene(monday_ms, WEEK);
    let args = ["memory", "topic-evolution", "Tides"];
    let json = scene.json(&[&args[..], BERLIN].concat());
    assert_eq!((&json["name"], &json["total"]), (&"Tide".into(), &22.into()));
    assert_eq!((&json["peak"]["count"], &json["granularity"]), (&22.into(), &"week".into()));
    assert!(json["peak"]["start"].as_str().unwrap().starts_with(&monday.to_string()), "{json}");
    assert!(json["trend"]["confidence"].as_f64().unwrap() > 0.0, "{json}");
    let visual = scene.run(&[&args[..], &["--visual"], BERLIN].concat());
    let peak = visual.stdout.lines().find(|line| line.contains("peak")).unwrap();
    assert!(peak.contains(&format!("Mon {monday}  ██████████  22  ▲ ◆ peak")), "{peak}");
    assert!(visual.stdout.contains("\ntotal  22\n"), "{}", visual.stdout);
    assert!(visual.stdout.contains(", confidence 0."), "{}", visual.stdout);
}

#[test]
fn every_command_prints_json() {
    let scene = week();
    for (args, field) in [
        (&["activity", "--period", "2025-03"][..], "by_day"),
        (&["trending", "--window", "2025-03"], "topics"),
        (&["trending-compare", "--period-a", "2025-02", "--period-b", "2025-03"], "topics"),
        (&["first-seen", "--topic", "moon"], "met"),
        (&["topic-evolution", "moon"], "buckets"),
        (&["compare-periods", "--period-a", "2025-02", "--period-b", "2025-03"], "period_b"),
        (&["compare-topics", "--topics", "moon"], "topics"),
        (&["timeline"], "buckets"),
    ] {
        let json = scene.json(&[&["memory"], args, BERLIN].concat());
        assert_eq!(json["persona"], "default", "{args:?}");
        assert!(!json[field].is_null(), "{args:?}: {json}");
    }
    // A file that is there already stays as it is.
    let path = scene.path("march.json");
    let file = path.to_str().unwrap();
    let export = ["memory", "activity", "--period", "2025-03", "--export", file];
    assert_eq!(scene.run(&[&export[..], BERLIN].concat()).code, 0);
    let text = std::fs::read_to_string(&path).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["total"], 36);
    assert_eq!(value["weekdays"], serde_json::json!([8, 10, 0, 12, 1, 0, 5]));
    let again = scene.run(&[&export[..], BERLIN].concat());
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("march.json"), "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn periods_that_make_no_sense_are_refused() {
    let scene = week();
    for (args, told) in [
        (&["timeline", "--since", "2025-03-09", "--until", "2025-03-03"][..], "before it begins"),
        (&["timeline", "--since", "1890-01-01"], "too long"),
        (&["timeline", "--period", "last tuseday"], "last tuesday"),
        (&["timeline", "--period", "2025", "--since", "2025-01-01"], "cannot be used with"),
        (&["topic-evolution", "tide", "--since", "2999-01-01"], "before it begins"),
    ] {
        let ran = scene.run(&[&["memory"], args, BERLIN].concat());
        assert_ne!(ran.code, 0, "{args:?}");
        assert!(ran.stderr.contains(told), "{args:?}: {}", ran.stderr);
    }
    let ran = scene.run(&["memory", "topic-evolution", "cheese"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("memory topics"), "{}", ran.stderr);
    let ran = scene.run(&["memory", "compare-topics", "--topics", "tide,breat"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("did you mean \"Bread\"?"), "{}", ran.stderr);
    assert_eq!(scene.run(&["memory", "compare-topics", "--topics", ","]).code, 2);
    // Seven days are seven.
    for window in ["7d", "-7d", "1w"] {
        let json = scene.json(&["memory", "timeline", "--period", window]);
        assert_eq!(json["buckets"].as_array().unwrap().len(), 7, "{window}");
    }
    // Nothing was asked there.
    for period in ["1890-02", "2999", "before 2020"] {
        let ran = scene.run(&["memory", "activity", "--period", period]);
        assert_eq!(ran.code, 0, "{period}: {}", ran.stderr);
        assert!(ran.stdout.contains("total  0"), "{period}: {}", ran.stdout);
    }
}
