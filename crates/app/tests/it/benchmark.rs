use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::scene::{Ran, Scene, skipped, variable};

/// A scene whose results are in a folder of its own.
struct Bench {
    scene: Scene,
    results: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let scene = Scene::new();
        let results = scene.data_dir().with_file_name("results");
        Self { scene, results }
    }

    fn run(&self, args: &[&str]) -> Ran {
        let results = self.results.to_str().unwrap();
        let args = [&["benchmark"], args, &["--results-dir", results]].concat();
        self.scene.run_with(&args, &[("RAGGED_CHROMA", ""), ("PATH", "")])
    }

    fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--format", "json"]].concat());
        assert!(ran.code == 0 || ran.code == 3, "{ran:?}");
        serde_json::from_str(&ran.stdout).unwrap()
    }
}

const TINY: [&str; 6] = ["--corpus-sizes", "30", "--repeats", "2", "--queries", "5"];

fn row<'a>(result: &'a Value, backend: &str, test: &str, metric: &str) -> &'a Value {
    let rows = result["rows"].as_array().unwrap();
    let is_it = |row: &&Value| {
        row["cell"]["backend"] == backend && row["test"] == test && row["metric"] == metric
    };
    rows.iter().find(is_it).unwrap_or_else(|| panic!("no {backend} {test} {metric}"))
}

#[test]
fn everything_is_measured_and_kept() {
    let bench = Bench::new();
    let report = bench.scene.path("report.md");
    let full = ["full", "--backends", "leann,exact,chromadb", "--label", "one", "--output"];
    let ran = bench.run(&[&full[..], &[report.to_str().unwrap()], &TINY].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    for said in [
        "Memory System Benchmark Report",
        "Corpus: 30 documents",
        "Single (p95)",
        "chromadb: not available: `pip install chromadb`",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {ran:?}");
    }
    assert!(fs::read_to_string(report).unwrap().contains("| Query: Single (p95) |"));
    // Nothing of it touches what is the user's.
    assert!(!bench.scene.data_dir().join("library.db").exists());

    let result = bench.json(&["show", "one"]);
    for (test, metric) in [
        ("ingest", "documents_per_second"),
        ("ingest", "cpu_per_document"),
        ("storage", "per_document"),
        ("memory", "peak"),
        ("query", "latency_p95"),
        ("query", "batch_of_10_p95"),
        ("query", "repeat_p50"),
        ("query", "recall_at_3"),
        ("query", "recall_at_10"),
        ("query", "recomputed"),
        ("concurrent", "queries_per_second_16"),
        ("concurrent", "personas_per_second_16"),
        ("concurrent", "write_wait_p95"),
        ("personalisation", "latency_p95"),
        ("personalisation", "profile_p95"),
        ("overhead", "profiling"),
        ("overhead", "personalisation"),
        ("overhead", "temporal"),
        ("temporal", "as_of_p95"),
        ("temporal", "timeline_p95"),
    ] {
        // Five questions are no batch of ten.
        if metric == "batch_of_10_p95" {
            continue;
        }
        for backend in ["leann", "exact"] {
            let repeats = row(&result, backend, test, metric)["repeats"].as_array().unwrap();
            let is_count = metric.starts_with("recall");
            assert_eq!(repeats.len(), if is_count { 1 } else { 2 }, "{test} {metric}");
            // What a way adds may be less than what pairs stray by.
            let is_fine = |value: &Value| {
                value.as_f64().is_some_and(|value| value >= 0.0 || test == "overhead")
            };
            assert!(repeats.iter().all(is_fine), "{test} {metric}: {repeats:?}");
        }
    }
    assert_eq!(row(&result, "exact", "query", "recall_at_10")["repeats"][0], 1.0);
    assert_eq!(row(&result, "leann", "ingest", "documents")["repeats"][0], 30.0);
    assert_eq!(bench.json(&["list"])["results"][0]["label"], "one");
}

#[test]
fn a_planted_slowdown_trips_the_gate_and_noise_does_not() {
    let bench = Bench::new();
    let measured = bench.json(&[&["query", "--label", "before"], &TINY[..]].concat());
    let write = |label: &str, factor: f64| {
        let mut result = measured.clone();
        result["label"] = label.into();
        for row in result["rows"].as_array_mut().unwrap() {
            if row["metric"] == "latency_p95" {
                let repeats = [1.0, 1.01, 0.99, 1.02, 0.98].map(|repeat| repeat * factor);
                row["repeats"] = repeats.to_vec().into();
            }
        }
        fs::write(bench.results.join(format!("{label}.json")), result.to_string()).unwrap();
    };
    write("v1", 1.0);
    write("v2", 1.1);
    write("v3+abcdef1", 1.02);
    let compare = |current: &str, gate: &[&str]| {
        bench.run(&[&["compare", "--baseline", "v1", "--current", current], gate].concat())
    };
    for gate in [["--fail-on-regression", "5%"], ["--fail-on-regression", "5"]] {
        let ran = compare("v2", &gate);
        assert!(ran.code == 3 && ran.stdout.contains("worse"), "{ran:?}");
        // A label may be named by its commit, at length.
        assert_eq!(compare("abcdef1234567890", &gate).code, 0);
    }
    assert_eq!(compare("v2", &[]).code, 0, "told, and no gate");
    assert_eq!(compare("v2", &["--fail-on-regression", "20%"]).code, 0);
    assert_eq!(compare("v2", &["--fail-on-regression", "much"]).code, 2);
    let ran = compare("v9", &[]);
    assert!(ran.code == 1 && ran.stderr.contains("there are: before, v1, v2"), "{ran:?}");
    let changes = bench.json(&["compare", "--baseline", "v1", "--current", "v2"]);
    assert_eq!(changes["regressions"], 1, "{changes}");

    // Another machine is another matter.
    let mut other = measured.clone();
    other["machine"]["threads"] = 99.into();
    fs::write(bench.results.join("other.json"), other.to_string()).unwrap();
    let ran = compare("other", &[]);
    assert!(ran.code == 1 && ran.stderr.contains("--allow-different-machine"), "{ran:?}");
    assert_eq!(compare("other", &["--allow-different-machine"]).code, 0);
}

#[test]
fn limits_are_held_and_a_broken_one_is_named() {
    let bench = Bench::new();
    let limits = bench.scene.path("limits.yaml");
    let ci = ["ci", "--corpus-size", "30", "--queries", "5", "--repeats", "1"];
    let ci = [&ci[..], &["--threshold-file", limits.to_str().unwrap()]].concat();
    fs::write(&limits, "query_latency_p95_ms: 60000\nrecall_at_3: 0.5\n").unwrap();
    let ran = bench.run(&ci);
    assert_eq!(ran.code, 0, "{ran:?}");
    fs::write(&limits, "query_latency_p95_ms: 0.000001\nstorage_per_doc_kb: 100\n").unwrap();
    let ran = bench.run(&ci);
    assert!(ran.code == 3 && ran.stderr.contains("Broken: query_latency_p95_ms."), "{ran:?}");
    fs::write(&limits, "query_latency: 3\n").unwrap();
    let ran = bench.run(&ci);
    assert!(ran.code == 1 && ran.stderr.contains("query_latency_p95_ms"), "{ran:?}");
}

#[test]
fn a_plan_is_told_and_wrong_words_are_usage() {
    let bench = Bench::new();
    let plan = bench.json(&[
        "full",
        "--backends",
        "leann,exact",
        "--corpus-sizes",
        "1000,50000",
        "--dry-run",
    ]);
    assert_eq!(plan["cells"].as_array().unwrap().len(), 4, "{plan}");
    assert!(plan["about_seconds"].as_u64().unwrap() > 60, "{plan}");
    assert!(!bench.results.exists());
    for args in [
        &["query", "--backends", "faiss"][..],
        &["query", "--corpus-sizes", "0"],
        &["query", "--corpus-sizes", "many"],
        &["query", "--repeats", "0"],
        &["query", "--profiles", "medium"],
    ] {
        assert_eq!(bench.run(args).code, 2, "{args:?}");
    }
    let ran = bench.run(&["quick", "--label", "../x"]);
    assert!(ran.code != 0 && ran.stderr.contains("cannot be a label"), "{ran:?}");
}

#[test]
fn ones_own_files_are_measured() {
    let scene = Scene::with_notes();
    let bench = Bench { results: scene.data_dir().with_file_name("results"), scene };
    let notes = bench.scene.path("").display().to_string();
    let questions = bench.scene.data_dir().with_file_name("questions.txt");
    fs::write(&questions, "when does the lease end?\nhow is bread baked?\n").unwrap();
    let query =
        ["query", "--corpus", &notes, "--queries", questions.to_str().unwrap(), "--repeats", "2"];
    let result = bench.json(&query);
    let row = row(&result, "leann", "query", "latency_p50");
    assert_eq!(row["n"], 2, "{row}");
    assert_eq!(row["cell"]["documents"], 3);
    let missing = bench.scene.path("nowhere");
    let ran = bench.run(&["query", "--corpus", missing.to_str().unwrap()]);
    assert!(ran.code == 1 && ran.stderr.contains("nowhere"), "{ran:?}");
}

#[test]
fn profiles_stand_beside_each_other() {
    let bench = Bench::new();
    let profiles = ["query", "--profiles", "low-memory,high-performance", "--label", "x"];
    let ran = bench.run(&[&profiles[..], &TINY[..]].concat());
    assert!(ran.code == 0 && ran.stdout.contains("low-memory"), "{ran:?}");
    let result = bench.json(&["show", "x"]);
    for profile in ["low-memory", "high-performance"] {
        let rows = result["rows"].as_array().unwrap();
        let is_it = |row: &&Value| row["cell"]["configuration"] == profile;
        assert!(rows.iter().filter(is_it).count() > 10, "{profile}: {result}");
    }
}

#[test]
fn an_interrupted_run_goes_on() {
    let bench = Bench::new();
    let results = bench.results.to_str().unwrap();
    let args = [&["benchmark", "query", "--label", "x", "--results-dir", results], &TINY[..]];
    let mut child = bench.scene.start(&args.concat());
    let journal = bench.results.join("x.part.jsonl");
    let n_lines = || fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
    let begun = std::time::Instant::now();
    while n_lines() < 2 && begun.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // A line that was not written to its end is none.
    let mut text = fs::read_to_string(&journal).unwrap();
    text.push_str("{\"cell\":");
    fs::write(&journal, text).unwrap();

    let wrong =
        bench.run(&[&["query", "--label", "x", "--resume", "--seed", "2"], &TINY[..]].concat());
    assert!(wrong.code == 1 && wrong.stderr.contains("something else"), "{wrong:?}");
    let ran = bench.run(&[&["query", "--label", "x", "--resume"], &TINY[..]].concat());
    assert!(ran.code == 0 && ran.stderr.contains("Going on after"), "{ran:?}");
    assert!(!journal.exists());
    let result = bench.json(&["show", "x"]);
    let repeats = &row(&result, "leann", "query", "latency_p50")["repeats"];
    assert_eq!(repeats.as_array().unwrap().len(), 2);
}

#[test]
fn a_long_run_is_sound_and_a_planted_leak_is_found() {
    let bench = Bench::new();
    let soak = |args: &[&str]| {
        let soak = ["benchmark", "soak", "--documents", "40", "--format", "json"];
        let ran = bench.scene.run(&[&soak, args].concat());
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        (ran.code, report)
    };
    // In so short a time only what is lost on a large scale stands out.
    let (code, report) = soak(&["--duration", "25s", "--plant", "20000"]);
    if report["slopes"].as_array().unwrap().is_empty() {
        println!("skipped: this machine is too busy for 25 seconds to tell anything");
        return;
    }
    assert_eq!(code, 3, "{report}");
    let resident = &report["slopes"][0];
    assert!(resident["name"] == "resident" && resident["is_kept"] == false, "{resident}");
    assert_eq!(report["n_errors"], 0, "{report}");
    let searches = report["operations"][0][1].as_u64().unwrap();
    assert!(searches > 20, "{report}");
}

#[test]
fn ways_to_search_and_what_profiling_costs_are_measured() {
    let bench = Bench::new();
    for (test, metric) in [("strategies", "naive_recall_at_10"), ("profiling", "query_share")] {
        let ran = bench.run(&[&[test, "--label", test], &TINY[..]].concat());
        assert!(ran.code == 0 && ran.stdout.lines().count() > 8, "{ran:?}");
        let result = bench.json(&["show", test]);
        assert!(row(&result, "leann", test, metric)["n"].as_u64().unwrap() >= 5, "{result}");
    }
    let strategies = bench.json(&["show", "strategies"]);
    let of = |metric: &str| row(&strategies, "leann", "strategies", metric)["repeats"][0].as_f64();
    assert_eq!(of("brute_force_recall_at_10"), Some(1.0));
    assert!(of("default_recall_at_10") >= Some(0.9), "{strategies}");
}

#[test]
fn a_server_of_chroma_is_measured_and_ended() {
    let Some(program) = variable("RAGGED_CHROMA").filter(|program| !program.is_empty()) else {
        skipped("no program `chroma` in RAGGED_CHROMA");
        return;
    };
    let bench = Bench::new();
    let results = bench.results.to_str().unwrap();
    let args = ["benchmark", "query", "--backends", "chromadb", "--results-dir", results];
    let args = [&args[..], &["--label", "x", "--format", "json"], &TINY[..]].concat();
    let ran = bench.scene.run_with(&args, &[("RAGGED_CHROMA", program.to_str().unwrap())]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    let recall = &row(&result, "chromadb", "query", "recall_at_10")["repeats"][0];
    assert!(recall.as_f64().unwrap() > 0.8, "{result}");
    assert_eq!(result["missing"], serde_json::json!([]));
}
