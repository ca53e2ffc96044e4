use std::path::Path;

use serde_json::Value;

use crate::scene::Scene;

const SECRET: &str = "zibbermoth lantern";

fn profiled() -> Scene {
    let scene = Scene::remembering();
    let state = scene.json(&["profile", "enable"]);
    assert_eq!(state["enabled"], true);
    scene
}

/// Asks; gives the id under which it was kept.
fn ask(scene: &Scene, question: &str) -> String {
    let answer = scene.json(&["query", question]);
    answer["memory"]["interaction"].as_str().unwrap().to_owned()
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn percent(breakdown: &Value) -> f64 {
    let shares = breakdown.as_array().unwrap().iter();
    // Tenths, so that no rounding of the sum hides a wrong share.
    shares.map(|share| (10.0 * number(share, "percent")).round()).sum::<f64>() / 10.0
}

fn files_hold(dir: &Path, prefix: &str, text: &str) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let entry = entry.unwrap();
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        entry.file_name().to_string_lossy().starts_with(prefix)
            && bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
    })
}

#[test]
fn nothing_is_recorded_unless_it_is_asked_for() {
    let scene = Scene::with_notes();
    scene.run(&["query", "when does the lease end"]).ok();
    let state = scene.json(&["profile", "status"]);
    assert_eq!((&state["enabled"], &state["samples"]), (&false.into(), &0.into()));
    let report = scene.run(&["profile", "report"]).ok();
    assert!(report.stdout.starts_with("Performance Report (last 24 hours)\n===="), "{report:?}");
    assert!(report.stdout.contains("Nothing was recorded."), "{}", report.stdout);
    assert!(report.stderr.contains("ragged profile enable"), "{}", report.stderr);
    let report = scene.json(&["profile", "report"]);
    assert_eq!((&report["queries"]["count"], &report["trend"]), (&0.into(), &Value::Null));
    assert!(!scene.data_dir().join("telemetry.db").exists());
    assert!(!scene.data_dir().join("telemetry.on").exists());
}

#[test]
fn turned_on_it_outlasts_the_process_and_off_it_keeps_what_there_is() {
    let scene = profiled();
    ask(&scene, "when does the lease end");
    scene.run(&["search", "sourdough"]).ok();
    let state = scene.json(&["profile", "status"]);
    assert_eq!(state["samples"], 2);
    assert_eq!(state["components"], serde_json::json!(["query", "memory", "backend", "ingest"]));
    assert!(number(&state, "bytes") > 0.0 && number(&state, "max_bytes") <= 20e6);

    let report = scene.json(&["profile", "report", "--since", "-1h"]);
    assert_eq!(report["queries"]["count"], 2);
    assert_eq!(percent(&report["breakdown"]), 100.0, "{report}");
    let stages: Vec<&str> = report["breakdown"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["stage"].as_str().unwrap())
        .collect();
    let expected = ["enhance", "embed", "retrieve", "rerank", "generate", "record", "other"];
    assert_eq!(stages, expected);
    let components = report["components"].as_array().unwrap();
    assert_eq!(components[0]["component"], "query");
    assert_eq!(components[0]["count"], 2);
    assert!(components.iter().any(|of| of["component"] == "backend"));

    scene.run(&["profile", "disable"]).ok();
    ask(&scene, "how many keys are there");
    let state = scene.json(&["profile", "status"]);
    assert_eq!((&state["enabled"], &state["samples"]), (&false.into(), &2.into()));

    scene.run(&["profile", "enable", "--components", "memory"]).ok();
    ask(&scene, "how many keys are there");
    let report = scene.json(&["profile", "report"]);
    let query = &report["components"][0];
    assert_eq!((&query["component"], &query["count"]), (&"query".into(), &2.into()));
    let memory = &report["components"][1];
    assert_eq!((&memory["component"], &memory["count"]), (&"memory".into(), &3.into()));
}

#[test]
fn files_that_are_added_are_timed_too() {
    let scene = profiled();
    scene.write("more.md", "# More\n\nAnother file to add.\n");
    scene.run(&["add", "files", "--dry-run"]).ok();
    scene.run(&["add", "files"]).ok();
    let report = scene.json(&["profile", "report"]);
    assert_eq!(report["queries"]["count"], 0);
    let ingest = &report["components"][0];
    assert_eq!((&ingest["component"], &ingest["count"]), (&"ingest".into(), &1.into()));
}

#[test]
fn a_report_reads_as_it_is_promised() {
    let scene = profiled();
    for _ in 0..2 {
        ask(&scene, "when does the lease end");
    }
    let report = scene.run(&["profile", "report", "--since", "-1h"]).ok();
    let shown = &report.stdout;
    assert!(shown.starts_with("Performance Report (last 1 hour)\n===="), "{shown}");
    for part in [
        "\nQuery Performance (2 queries):\n  Mean: ",
        " | p50: ",
        " | p99: ",
        "\nBreakdown (mean of a query):\n  enhance: ",
        "\n  record: ",
        "\nBy component:\n",
        "\nSlowest queries:\n  1. \"when does the lease end\" - ",
    ] {
        assert!(shown.contains(part), "{part:?} in {shown}");
    }
    assert!(!shown.contains("Recommendations"), "{shown}");
    assert!(report.stderr.contains("fewer than 10 queries"), "{}", report.stderr);
    let until = scene.run(&["profile", "report", "--since", "2020", "--until", "2021"]).ok();
    assert!(until.stdout.contains("2020-01-01T00:00:00Z to 2022-01-01T00:00:00Z"), "{until:?}");
    assert!(until.stdout.contains("Nothing was recorded."));
    assert_eq!(scene.run(&["profile", "report", "--since", "yesterdai"]).code, 2);
    let wrong = scene.run(&["profile", "report", "--since", "2021", "--until", "2020"]);
    assert_eq!(wrong.code, 2);
    let wrong = scene.run(&["profile", "enable", "--components", "query,all-of-it"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("backend"), "{}", wrong.stderr);
}

#[test]
fn what_is_measured_becomes_advice_with_its_numbers() {
    let scene = profiled();
    for _ in 0..10 {
        ask(&scene, "When does the  lease end");
    }
    let report = scene.json(&["profile", "report"]);
    let advice = report["recommendations"].as_array().unwrap();
    let found = advice.iter().find(|advice| advice["rule"] == "repeated-queries");
    let repeated = found.unwrap_or_else(|| panic!("{report}"));
    assert_eq!(repeated["evidence"]["repeated"], 9.0);
    assert_eq!(repeated["evidence"]["worked_out_again"], 9.0);
    // Each had a process of its own.
    assert_eq!(repeated["command"], "ragged chat");
    assert!(repeated["finding"].as_str().unwrap().starts_with("90 % of questions (9 of 10)"));
    let shown = scene.run(&["profile", "report"]).ok().stdout;
    assert!(shown.contains("\nRecommendations:\n  - repeated-queries: 90 %"), "{shown}");
    assert!(shown.contains("\n      ragged chat\n"), "{shown}");
}

#[test]
fn a_chat_answers_again_from_memory_and_says_so() {
    let scene = profiled();
    let questions = "when does the lease end?\n".repeat(3);
    scene.run_reading(&["chat", "--no-history"], &questions).ok();
    let file = scene.path("rows.json");
    let exported = scene.json(&["profile", "export", "--output", file.to_str().unwrap()]);
    assert_eq!(exported["samples"], 3);
    let rows: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let rows = rows.as_array().unwrap();
    assert!(rows.iter().all(|row| row["kind"] == "chat" && row["open_us"].is_null()), "{rows:?}");
    assert_eq!(rows[2]["from_cache"], true, "{rows:?}");
    let metrics = scene.run(&["metrics"]).ok().stdout;
    let hits =
        metrics.lines().find(|line| line.starts_with("ragged_cache_hits_total{cache=\"l3\"}"));
    assert!(hits.is_some(), "{metrics}");
}

#[test]
fn one_question_is_told_about_without_recording() {
    let scene = Scene::remembering();
    let answer = scene.json(&["query", "when does the lease end", "--profile"]);
    let profile = &answer["profile"];
    assert_eq!(percent(&profile["breakdown"]), 100.0, "{profile}");
    let sum: f64 = profile["breakdown"].as_array().unwrap().iter().map(|of| number(of, "ms")).sum();
    assert!((sum - number(profile, "total_ms")).abs() < 0.01, "{profile}");
    assert!(number(profile, "open_ms") > 0.0);
    let spans = profile["spans"].as_array().unwrap();
    for stage in ["open", "enhance", "embed", "vector", "lexical", "read", "generate", "record"] {
        assert!(spans.iter().any(|span| span["stage"] == stage), "{stage} in {profile}");
    }
    let plain = scene.json(&["query", "when does the lease end"]);
    assert_eq!(plain["profile"], Value::Null);
    let shown = scene.run(&["search", "sourdough", "--profile"]).ok().stdout;
    assert!(shown.contains("\nprofile ") && shown.contains("\n  retrieve "), "{shown}");
    assert!(!scene.data_dir().join("telemetry.db").exists());
    let batch = scene.run(&["search", "--batch", "-", "--profile"]);
    assert_eq!(batch.code, 2);
}

#[test]
fn one_question_is_drawn_and_written_for_other_programs() {
    let scene = Scene::with_notes();
    let (flame, trace) = (scene.path("flame.svg"), scene.path("trace.json"));
    let paths = [flame.to_str().unwrap(), trace.to_str().unwrap()];
    let args = ["query", "where is <Ada>?", "--flame", paths[0], "--trace", paths[1]];
    let ran = scene.run(&args).ok();
    assert!(!ran.stdout.contains("profile "), "{}", ran.stdout);
    let svg = std::fs::read_to_string(&flame).unwrap();
    assert!(svg.starts_with("<svg xmlns=") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.contains("where is &lt;Ada&gt;?") && svg.contains("<title>retrieve: "), "{svg}");
    assert_eq!(svg.matches("http").count(), 1, "it loads nothing");
    let trace: Value = serde_json::from_slice(&std::fs::read(&trace).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    assert_eq!(events[0]["name"], "question");
    for event in events {
        assert_eq!(event["ph"], "X");
        let end = number(event, "ts") + number(event, "dur");
        assert!(end <= number(&events[0], "dur") + 0.001, "{event}");
    }
    assert!(events.iter().any(|event| event["name"] == "lexical" && event["tid"] == 2));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for path in paths {
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}

#[test]
fn rows_are_exported_and_cleared() {
    let scene = profiled();
    ask(&scene, SECRET);
    let file = scene.path("rows.csv");
    scene.run(&["profile", "export", "--output", file.to_str().unwrap()]).ok();
    let csv = std::fs::read_to_string(&file).unwrap();
    let mut lines = csv.lines();
    assert!(lines.next().unwrap().starts_with("at,kind,total_us,open_us,enhance_us,"), "{csv}");
    assert_eq!((lines.next().unwrap().split(',').nth(1), lines.next()), (Some("query"), None));
    assert_eq!(scene.run(&["profile", "export", "--output", "rows.txt"]).code, 2);

    let refused = scene.run(&["profile", "clear"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("1 sample"), "{}", refused.stderr);
    assert_eq!(scene.json(&["profile", "clear", "--confirm"])["deleted"], 1);
    assert_eq!(scene.json(&["profile", "status"])["samples"], 0);
}

// ---------------------------------------------------------------------------------------- privacy

#[test]
fn no_word_of_a_question_is_in_what_is_recorded() {
    let scene = profiled();
    let id = ask(&scene, SECRET);
    scene.run(&["search", SECRET, "--no-memory"]).ok();
    for text in [SECRET, "zibbermoth", "lease"] {
        assert!(!files_hold(&scene.data_dir(), "telemetry", text), "{text}");
    }
    assert!(files_hold(&scene.data_dir(), "telemetry", &id));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for name in ["telemetry.db", "telemetry.on"] {
            let metadata = std::fs::metadata(scene.data_dir().join(name)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
        }
    }
    // Whoever asked without memory is nobody.
    let shown = scene.run(&["profile", "report"]).ok().stdout;
    assert!(
        shown.contains(&format!("{SECRET:?} - ")) && shown.contains("(not kept) - "),
        "{shown}"
    );
}

#[test]
fn a_persona_reads_no_question_of_another() {
    let scene = profiled();
    ask(&scene, SECRET);
    scene.run(&["persona", "create", "other", "--yes"]).ok();
    let slowest = |args: &[&str]| scene.json(args)["slowest"][0].clone();
    let own = slowest(&["profile", "report"]);
    assert_eq!(own["question"], SECRET);
    let others = slowest(&["profile", "report", "--persona", "other"]);
    assert_eq!((&others["question"], &others["interaction"]), (&Value::Null, &Value::Null));
}

#[test]
fn what_is_left_of_a_deleted_question_tells_nothing() {
    let scene = profiled();
    let first = ask(&scene, SECRET);
    let kept = ask(&scene, "when does the lease end");
    let last = ask(&scene, SECRET);
    scene.run(&["memory", "forget", SECRET, "--confirm"]).ok();
    // The text is nowhere, and neither are the rows' interactions.
    scene.run(&["memory", "verify-erased", SECRET]).ok();
    for id in [&first, &last] {
        assert!(!files_hold(&scene.data_dir(), "telemetry", id), "{id}");
    }
    assert!(files_hold(&scene.data_dir(), "telemetry", &kept));
    let slowest = scene.json(&["profile", "report"])["slowest"].clone();
    assert_eq!(slowest.as_array().unwrap().len(), 1, "{slowest}");

    let deleted = ask(&scene, SECRET);
    scene.run(&["memory", "delete", &deleted[..8], "--confirm"]).ok();
    assert!(!files_hold(&scene.data_dir(), "telemetry", &deleted));
    scene.run(&["memory", "clear", "--confirm"]).ok();
    assert!(!files_hold(&scene.data_dir(), "telemetry", &kept));
    assert_eq!(scene.json(&["profile", "status"])["samples"], 0);
}

#[test]
fn a_deleted_persona_leaves_no_interaction_behind() {
    let scene = profiled();
    scene.run(&["persona", "create", "gone", "--yes"]).ok();
    let answer = scene.json(&["query", SECRET, "--persona", "gone"]);
    let id = answer["memory"]["interaction"].as_str().unwrap().to_owned();
    let kept = ask(&scene, "when does the lease end");
    assert!(files_hold(&scene.data_dir(), "telemetry", &id));
    scene.run(&["persona", "delete", "gone", "--confirm"]).ok();
    assert!(!files_hold(&scene.data_dir(), "telemetry", &id));
    assert!(files_hold(&scene.data_dir(), "telemetry", &kept));
}

// ---------------------------------------------------------------------------------------- metrics

/// A strict reader of the text exposition format: what `promtool check metrics` would refuse is a
/// panic. Gives names with labels and values.
fn exposition(text: &str) -> Vec<(String, f64)> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    assert!(text.ends_with('\n'));
    let mut points: Vec<(String, f64)> = Vec::new();
    let mut family = (String::new(), String::new());
    let mut seen = Vec::new();
    let mut helped = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(
                is_name(name) && !help.is_empty() && !seen.contains(&name.to_owned()),
                "{line}"
            );
            seen.push(name.to_owned());
            helped = name.to_owned();
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, helped, "{line}");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            family = (name.to_owned(), kind.to_owned());
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap();
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
            None => (series, ""),
        };
        let base = if family.1 == "histogram" {
            let suffix =
                ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            suffix.unwrap_or_else(|| panic!("{line}"))
        } else {
            name
        };
        assert_eq!(base, family.0, "{line}");
        for label in labels.split("\",").filter(|label| !label.is_empty()) {
            let (name, value) = label.split_once("=\"").unwrap();
            assert!(is_name(name) && !value.trim_end_matches('"').contains('\n'), "{line}");
        }
        assert!(!points.iter().any(|(known, _)| known == series), "twice: {line}");
        assert!(value >= 0.0 || family.1 == "gauge", "{line}");
        points.push((series.to_owned(), value));
    }
    for (series, count) in points.iter().filter(|(series, _)| series.contains("_count")) {
        let infinite = match series.split_once("_count{") {
            Some((name, labels)) => {
                format!("{name}_bucket{{{},le=\"+Inf\"}}", labels.trim_end_matches('}'))
            }
            None => format!("{}_bucket{{le=\"+Inf\"}}", series.trim_end_matches("_count")),
        };
        let buckets: Vec<f64> = points
            .iter()
            .filter(|(name, _)| {
                let same = infinite.trim_end_matches("le=\"+Inf\"}");
                name.starts_with(same) && name[same.len()..].starts_with("le=")
            })
            .map(|(_, value)| *value)
            .collect();
        assert!(
            buckets.len() > 10 && buckets.windows(2).all(|pair| pair[0] <= pair[1]),
            "{series}"
        );
        let whole = points.iter().find(|(name, _)| *name == infinite);
        assert_eq!(whole.map(|(_, value)| value), Some(count), "{series}");
    }
    points
}

#[test]
fn metrics_are_what_prometheus_reads() {
    let scene = Scene::with_notes();
    let value = |points: &[(String, f64)], name: &str| {
        points.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    };
    let points = exposition(&scene.run(&["metrics"]).ok().stdout);
    assert_eq!(value(&points, "ragged_files"), Some(3.0));
    assert_eq!(value(&points, "ragged_telemetry_rows"), Some(0.0));
    assert_eq!(value(&points, "ragged_profiling_enabled{component=\"query\"}"), Some(0.0));
    assert_eq!(value(&points, "ragged_query_duration_seconds_count"), None);

    scene.run(&["profile", "enable"]).ok();
    scene.run(&["query", "when does the lease end"]).ok();
    scene.run(&["search", "sourdough"]).ok();
    let points = exposition(&scene.run(&["metrics"]).ok().stdout);
    assert_eq!(value(&points, "ragged_queries_total{kind=\"query\"}"), Some(1.0));
    assert_eq!(value(&points, "ragged_queries_total{kind=\"search\"}"), Some(1.0));
    assert_eq!(value(&points, "ragged_query_duration_seconds_count"), Some(2.0));
    assert_eq!(value(&points, "ragged_stage_duration_seconds_count{stage=\"embed\"}"), Some(2.0));
    assert_eq!(value(&points, "ragged_profiling_enabled{component=\"query\"}"), Some(1.0));
    assert!(value(&points, "ragged_telemetry_bytes").unwrap() > 0.0);
    let json = scene.json(&["metrics"]);
    let names: Vec<&str> =
        json.as_array().unwrap().iter().map(|of| of["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"ragged_stage_duration_seconds"), "{names:?}");
}

// -------------------------------------------------------------------------------------- collector

#[test]
fn a_build_without_the_exporter_says_so() {
    if cfg!(feature = "otlp") {
        return;
    }
    let scene = Scene::with_notes();
    scene.run(&["profile", "enable"]).ok();
    scene.run(&["config", "set", "telemetry.otlp_endpoint", "http://127.0.0.1:9"]).ok();
    let ran = scene.run(&["query", "when does the lease end"]).ok();
    assert!(ran.stderr.contains("built without the feature `otlp`"), "{}", ran.stderr);
}

#[cfg(feature = "otlp")]
#[test]
fn a_collector_that_is_named_is_sent_stages_and_no_words() {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(&stream);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let reply =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        (&stream).write_all(reply.as_bytes()).unwrap();
        (head, String::from_utf8(body).unwrap())
    });
    let scene = profiled();
    scene.run(&["config", "set", "telemetry.otlp_endpoint", &endpoint]).ok();
    let id = ask(&scene, SECRET);
    let (head, body) = server.join().unwrap();
    assert!(head.starts_with("POST /v1/traces "), "{head}");
    let sent: Value = serde_json::from_str(&body).unwrap();
    let spans = sent["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    let names: Vec<&str> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert!(names[0] == "query" && names.contains(&"embed") && names.contains(&"record"));
    assert!(!body.contains("zibbermoth") && !body.contains(&id), "{body}");

    // One that is away costs a warning, not the answer.
    let ran = scene.run(&["query", "when does the lease end"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("was not sent"), "{}", ran.stderr);
}
