use super::{comparison::Comparison, *};
use crate::{
    regression::{Allowed, Noise, compare},
    result::{
        Missing,
        tests::{row, run as result},
    },
    threshold::Thresholds,
};

/// Two backends: the second is twice as fast, and finds less.
fn two() -> RunResult {
    let mut rows = vec![
        row("latency_p95", Better::Lower, Kind::Time, &[48.0, 52.0, 50.0]),
        row("latency_p50", Better::Lower, Kind::Time, &[20.0, 22.0, 24.0]),
        row("recall_at_3", Better::Higher, Kind::Count, &[0.995]),
    ];
    let mut others = vec![
        row("latency_p95", Better::Lower, Kind::Time, &[25.0, 26.0, 24.0]),
        row("latency_p50", Better::Lower, Kind::Time, &[21.0, 19.0, 23.0]),
        row("recall_at_3", Better::Higher, Kind::Count, &[0.9]),
    ];
    for row in &mut others {
        row.cell.backend = "exact".to_owned();
    }
    rows.append(&mut others);
    let mut run = result("v1", rows);
    run.missing.push(Missing { cell: run.rows[0].cell.clone(), why: "no server".to_owned() });
    run
}

#[test]
fn two_backends_stand_side_by_side_with_their_difference() {
    let run = two();
    let [block] = &blocks(&run, &BTreeSet::new())[..] else { panic!("one block") };
    assert_eq!(block.title, "Corpus: 1,000 documents");
    let lines: Vec<(&str, Vec<String>, Option<&str>)> = block
        .lines
        .iter()
        .map(|line| (line.name, line.values(), line.difference.as_deref()))
        .collect();
    let values = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
    assert_eq!(
        lines,
        [
            // Better, and their intervals overlap: no tick.
            ("Single (p50)", values("22.0 ms", "21.0 ms"), Some("-4.5%")),
            ("Single (p95)", values("50.0 ms", "25.0 ms"), Some("-50.0% ✓")),
            ("Recall@3 against exact vectors", values("0.995 ms", "0.900 ms"), Some("-9.5%")),
        ]
    );
    let text = markdown::run(&run, &[]);
    assert!(text.contains("| Query: Single (p95) | 50.0 ms | 25.0 ms | -50.0% ✓ |"), "{text}");
    assert!(text.contains("not available: no server"), "{text}");
    assert!(text.contains("**Overall winner: no clear winner**"), "{text}");
    assert!(blocks(&run, &BTreeSet::from(["ingest"]))[0].lines.is_empty());
}

#[test]
fn configurations_of_one_backend_stand_side_by_side() {
    let mut tuned = row("latency_p95", Better::Lower, Kind::Time, &[5.0, 5.1, 5.0]);
    tuned.cell.configuration = "low-memory".to_owned();
    let plain = row("latency_p95", Better::Lower, Kind::Time, &[9.0, 9.1, 9.0]);
    let run = result("v1", vec![plain, tuned.clone()]);
    let names: Vec<String> = columns(&run).into_iter().map(|column| column.name).collect();
    assert_eq!(names, ["default", "low-memory"]);
    let block = &blocks(&run, &BTreeSet::new())[0];
    assert_eq!(block.lines[0].difference.as_deref(), Some("-44.4% ✓"));
    let alone = result("v1", vec![tuned]);
    let block = &blocks(&alone, &BTreeSet::new())[0];
    assert_eq!(block.title, "Corpus: 1,000 documents, low-memory");
}

#[test]
fn more_is_plus_of_what_is_less_than_nothing_too() {
    let added = |value: f64| row("temporal", Better::Lower, Kind::Time, &[value; 3]);
    assert_eq!(difference(&added(-0.4), &added(-0.2)).as_deref(), Some("+50.0%"));
    assert_eq!(difference(&added(-0.4), &added(-0.5)).as_deref(), Some("-25.0% ✓"));
    assert_eq!(difference(&added(0.0), &added(1.0)), None);
}

#[test]
fn noise_is_what_intervals_share() {
    let time = |repeats: &[f64]| row("x", Better::Lower, Kind::Time, repeats);
    let count = |value: f64| row("x", Better::Lower, Kind::Count, &[value]);
    for (a, b, expected) in [
        (time(&[1.0, 1.1, 1.2]), time(&[1.15, 1.3, 1.4]), false),
        (time(&[1.0, 1.1, 1.2]), time(&[1.3, 1.4, 1.5]), true),
        (time(&[1.0]), time(&[9.0]), false),
        (count(1000.0), count(1000.4), false),
        (count(1000.0), count(1001.0), true),
        (count(0.0), count(1.0), true),
        (count(0.0), count(0.0), false),
    ] {
        assert_eq!(is_beyond_noise(&a, &b), expected, "{:?} {:?}", a.repeats, b.repeats);
        assert_eq!(is_beyond_noise(&b, &a), expected, "{:?} {:?}", b.repeats, a.repeats);
    }
    assert!(is_better(&count(3.0), &count(2.0)) && !is_better(&count(2.0), &count(3.0)));
}

/// A run whose every word tries to break out.
fn hostile() -> RunResult {
    let mut run = two();
    let evil = "</title><script>alert(1)</script>\u{0}\"'|`&";
    run.label = evil.to_owned();
    run.version = evil.to_owned();
    run.corpus = evil.to_owned();
    run.created = evil.to_owned();
    run.machine.processor = evil.to_owned();
    for row in &mut run.rows {
        row.unit = evil.to_owned();
        row.cell.backend.push_str(evil);
        row.cell.configuration = evil.to_owned();
    }
    let told = row(evil, Better::Lower, Kind::Time, &[1.0, 2.0]);
    run.rows.push(told);
    run.missing[0].why = evil.to_owned();
    run.missing[0].cell.backend = evil.to_owned();
    run
}

#[test]
fn words_of_a_result_are_never_markup() {
    let run = hostile();
    let held = Thresholds::parse("query_latency_p95_ms: 1").unwrap().hold(&run);
    let changes = compare(&run, &run, 0.05, &Noise::default(), Allowed::default()).unwrap();
    let comparison = Comparison::new(&run.label, &run.label, 0.05, changes);
    for format in [Format::Html, Format::Junit] {
        for text in [written(&run, &held, format).unwrap(), comparison.written(format).unwrap()] {
            assert!(!text.contains("<script") && !text.contains("</script"), "{text}");
            assert!(text.contains("&lt;script&gt;") && !text.contains('\0'), "{text}");
        }
    }
    for text in [markdown::run(&run, &held), markdown::comparison(&comparison)] {
        assert!(!text.contains("<script") || text.contains(r"\<script"), "{text}");
        let n_columns = |line: &str| line.replace(r"\|", "").matches('|').count();
        let tables = text.lines().filter(|line| line.starts_with('|'));
        for (rule, line) in tables.clone().zip(tables.skip(1)) {
            let is_header = line.starts_with("| ---");
            assert!(!is_header || n_columns(rule) == n_columns(line), "{text}");
        }
    }
}

#[test]
fn a_page_needs_nothing_beside_it() {
    let mut run = two();
    for (metric, value) in [("latency_p5", 5.0), ("latency_p75", 30.0), ("latency_p99", 90.0)] {
        run.rows.push(row(metric, Better::Lower, Kind::Time, &[value, value * 1.1]));
    }
    let mut larger = run.rows.clone();
    for row in &mut larger {
        row.cell.documents = 10_000;
    }
    run.rows.append(&mut larger);
    let html = html::run(&run, &[]);
    for outside in ["http:", "https:", "//", "<script", "<link", "<img", "@import", "url(", " on"] {
        // Words of a style sheet or of prose hold " on" as part of a longer one.
        let n = match outside {
            " on" => html
                .split(" on")
                .skip(1)
                .filter(|rest| rest.contains("=\"") && rest.find('=') < rest.find(' '))
                .count(),
            _ => html.matches(outside).count(),
        };
        assert_eq!(n, 0, "{outside}");
    }
    for chart in [
        "Latency distribution, 1,000 documents",
        "Latency distribution, 10,000 documents",
        "Latency by corpus size",
    ] {
        assert!(html.contains(&format!("<h3>{chart}</h3>")), "{chart}");
    }
    // Each chart says what it shows, under names of its own.
    let n_charts = html.matches("<svg class=\"chart\"").count();
    assert!(n_charts >= 3, "{n_charts}");
    for at in 0..n_charts {
        assert!(html.contains(&format!("aria-labelledby=\"c{at}-t c{at}-d\"")), "{at}");
        assert!(html.contains(&format!("<title id=\"c{at}-t\">")), "{at}");
        assert!(html.contains(&format!("<desc id=\"c{at}-d\">")), "{at}");
    }
    assert_eq!(html, html::run(&run, &[]), "the same again");
}

#[test]
fn charts_are_drawn_of_what_is_there() {
    let named = |test: &str, metric: &str, value: f64| {
        let mut row = row(metric, Better::Lower, Kind::Time, &[value; 3]);
        row.test = test.to_owned();
        row
    };
    let mut rows = vec![
        named("overhead", "baseline_p95", 5.0),
        named("overhead", "profiling", 0.05),
        named("overhead", "temporal", -0.01),
        named("memory", "peak", 50.0),
        named("storage", "total", 4.0),
        named("concurrent", "personas_per_second_1", 100.0),
        named("concurrent", "personas_per_second_16", 180.0),
    ];
    rows.extend(
        [1, 2, 4, 8, 16]
            .map(|n| named("concurrent", &format!("queries_per_second_{n}"), f64::from(n))),
    );
    let html = html::run(&result("v1", rows), &[]);
    for chart in [
        "What memory adds, 1,000 documents",
        "Memory at 1,000 documents",
        "Disk at 1,000 documents",
        "Threads at once, 1,000 documents",
        "Personas at once, 1,000 documents",
    ] {
        assert!(html.contains(&format!("<h3>{chart}</h3>")), "{chart}");
    }
    for absent in ["Latency distribution", "by corpus size", "Recall against latency"] {
        assert!(!html.contains(&format!("<h3>{absent}")), "{absent}");
    }
    assert!(html.contains("+ temporal") && !html.contains("+ personalisation"));
    // Nothing measured is a page too.
    let empty = html::run(&result("v1", Vec::new()), &[]);
    assert!(empty.contains(TITLE) && !empty.contains("<figure>"));
    assert!(!empty.contains("NaN"));
}

#[test]
fn build_servers_see_what_failed_and_what_was_skipped() {
    let run = two();
    let held = Thresholds::parse("query_latency_p95_ms: 30\nrecall_at_3: 0.9").unwrap().hold(&run);
    let xml = junit::run(&run, &held);
    // Four limits held, six figures, one cell that is missing.
    assert!(xml.contains("<testsuites tests=\"11\" failures=\"1\" skipped=\"1\">"), "{xml}");
    assert!(xml.contains("<failure message=\"50.000, at most 30\"/>"), "{xml}");
    assert!(xml.contains("<skipped message=\"no server\"/>"), "{xml}");

    let slow = |factor: f64| {
        let repeats = [10.0, 10.1, 9.9, 10.05, 9.95].map(|value| value * factor);
        result("x", vec![row("latency_p95", Better::Lower, Kind::Time, &repeats)])
    };
    let changes =
        compare(&slow(1.0), &slow(1.2), 0.05, &Noise::default(), Allowed::default()).unwrap();
    let comparison = Comparison::new("a", "b", 0.05, changes);
    let xml = comparison.written(Format::Junit).unwrap();
    assert!(xml.contains("failures=\"1\""), "{xml}");
    assert!(xml.contains("<failure message=\"10.0 ms before, 12.0 ms now: +20.0%\"/>"), "{xml}");
    let text = comparison.written(Format::Markdown).unwrap();
    assert!(text.contains("| ✗ **worse** |"), "{text}");
    let page = comparison.written(Format::Html).unwrap();
    assert!(page.contains("Something became worse"), "{page}");
}

#[test]
fn a_file_is_written_as_it_is_called() {
    for (name, expected) in [
        ("a.html", Some(Format::Html)),
        ("a.HTM", Some(Format::Html)),
        ("a.md", Some(Format::Markdown)),
        ("b.json", Some(Format::Json)),
        ("junit.xml", Some(Format::Junit)),
        ("a.pdf", None),
        ("md", None),
    ] {
        assert_eq!(Format::of(Path::new(name)).ok(), expected, "{name}");
    }
    let back: RunResult =
        serde_json::from_str(&written(&two(), &[], Format::Json).unwrap()).unwrap();
    assert_eq!(back, two());
}

#[test]
fn numbers_have_the_digits_that_say_something() {
    for (number, unit, expected) in [
        (1234.6, "1/s", "1,235/s"),
        (99.94, "ms", "99.9 ms"),
        (1.234, "ms", "1.23 ms"),
        (0.01234, "ms", "0.012 ms"),
        (0.0, "", "0.000"),
    ] {
        assert_eq!(with_unit(number, unit), expected);
    }
    assert_eq!(thousands(1_234_567), "1,234,567");
}
