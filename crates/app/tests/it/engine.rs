use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::scene::Scene;

/// Some hundred files about different things.
fn with_many_files() -> Scene {
    let scene = Scene::new();
    let subjects = ["tides", "bread", "leases", "compilers", "gardens", "ferries", "winters"];
    for n in 0..140 {
        let subject = subjects[n % subjects.len()];
        let text = format!(
            "# Note {n} about {subject}\n\nWhat is known of {subject} in chapter {n}: part {} of \
             the {subject} has number {}.\n",
            n / 7,
            n * 37 % 101,
        );
        scene.write(&format!("{subject}/{n}.md"), text);
    }
    let added = scene.run(&["add", "files"]);
    assert_eq!(added.code, 0, "{}", added.stderr);
    scene
}

fn ids(search: &Value) -> Vec<u64> {
    let hits = search["hits"].as_array().unwrap();
    hits.iter().map(|hit| hit["chunk"]["id"].as_u64().unwrap()).collect()
}

#[test]
fn a_batch_answers_in_the_order_of_its_lines() {
    let scene = with_many_files();
    let queries = ["bread in chapter 8", "winters", "bread in chapter 8", "the number of ferries"];
    let lines = format!(
        "{}\n\n{{\"text\": \"{}\"}}\n{}\n{{\"query\": \"{}\"}}\n",
        queries[0], queries[1], queries[2], queries[3]
    );
    let ran = scene.run_reading(&["search", "--batch", "-", "-k", "4", "--format", "json"], &lines);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    let searches = found["searches"].as_array().unwrap();
    assert_eq!(searches.len(), queries.len());
    for (query, search) in queries.iter().zip(searches) {
        assert_eq!(search["query"], *query);
        assert_eq!(ids(search), ids(&scene.json(&["search", query, "-k", "4"])), "{query}");
    }
    assert_eq!(found["batch"]["repeated"], 1);

    scene.write("queries.txt", lines);
    let table = scene.run(&["search", "--batch", "files/queries.txt", "-k", "1"]);
    assert_eq!(table.code, 0, "{}", table.stderr);
    assert!(table.stdout.contains("[2] winters"), "{}", table.stdout);
    assert!(table.stderr.contains("4 queries in "), "{}", table.stderr);

    let both = scene.run(&["search", "tides", "--batch", "-"]);
    assert_eq!(both.code, 2);
    let neither = scene.run(&["search"]);
    assert_eq!(neither.code, 2);
    let missing = scene.run(&["search", "--batch", "files/none.txt"]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("reading the queries in files/none.txt"), "{}", missing.stderr);
}

#[test]
fn every_strategy_finds_the_same_here() {
    let scene = with_many_files();
    let search = |strategy: &str| {
        scene.json(&["search", "gardens in chapter 11", "--mode", "vector", "--strategy", strategy])
    };
    let without_graph =
        scene.run(&["search", "gardens", "--mode", "vector", "--strategy", "graph"]);
    assert_eq!(without_graph.code, 1);
    assert!(
        without_graph.stderr.contains("ragged compact -o backend.graph=always"),
        "{}",
        without_graph.stderr
    );
    let compacted = scene.run(&["compact", "-o", "backend.graph=always"]);
    assert_eq!(compacted.code, 0, "{}", compacted.stderr);
    let exact = search("exact");
    assert_eq!(exact["plan"]["counts"]["recomputed_embeddings"], 140);
    for strategy in ["auto", "scan", "graph", "naive"] {
        let found = search(strategy);
        assert_eq!(ids(&found), ids(&exact), "{strategy}");
        let estimates = found["plan"]["estimates"].as_array().unwrap();
        assert_eq!(estimates.len(), 4, "{strategy}");
        if strategy != "auto" {
            assert_eq!(found["plan"]["strategy"], strategy);
        }
    }
    assert_eq!(scene.run(&["check"]).code, 0);
}

#[test]
fn a_probe_keeps_what_it_measures_unless_it_is_dry() {
    let scene = with_many_files();
    let kept = scene.data_dir().join("config").join("performance.yaml");
    let dry = scene.json(&["tune", "probe", "--dry-run"]);
    assert_eq!(dry["kept"], false);
    assert!(!kept.exists());
    let probe = scene.json(&["tune", "probe"]);
    assert_eq!(probe["kept"], true);
    assert!(probe["costs_ns"]["recompute"].as_f64().unwrap() > 0.0);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&kept).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    }
    let shown = scene.json(&["config", "show", "--origin"]);
    let settings = shown.as_array().unwrap();
    let cost = settings.iter().find(|row| row["key"] == "backend.costs.recompute").unwrap();
    assert!(cost["origin"].as_str().unwrap().ends_with("performance.yaml"), "{cost}");

    // What the user says stands above what was measured.
    let set = scene.run(&["config", "set", "backend.costs.recompute", "5"]);
    assert_eq!(set.code, 0, "{}", set.stderr);
    let got = scene.run(&["config", "get", "backend.costs.recompute"]);
    assert_eq!(got.stdout.trim(), "5");

    // A file of tuning that cannot be used stops nothing, sets nothing else and is made anew.
    for (text, named, hint) in [
        (&b"backend:\n  costs:\n    scan: cheap\n"[..], "backend.costs.scan", "ragged tune probe"),
        (b"search:\n  k: 1\n", "search.k", "ragged tune reset search.k"),
        (b"backend: {costs: {scan: -4}}\n", "backend.costs.scan", "ragged tune probe"),
        (b"\xff\x00\xfe", "performance.yaml", "ragged tune reset"),
    ] {
        std::fs::write(&kept, text).unwrap();
        let found = scene.run(&["search", "tides", "--format", "json"]);
        assert_eq!(found.code, 0, "{named}: {}", found.stderr);
        let response: Value = serde_json::from_str(&found.stdout).unwrap();
        assert_eq!(response["hits"].as_array().unwrap().len(), 10, "{named}");
        assert!(found.stderr.contains(named), "{named}: {}", found.stderr);
        assert!(found.stderr.contains(hint), "{named}: {}", found.stderr);
        let probe = scene.run(&["tune", "probe"]);
        assert_eq!(probe.code, 0, "{named}: {}", probe.stderr);
        let found = scene.run(&["search", "tides"]);
        assert!(!found.stderr.contains("performance.yaml"), "{named}: {}", found.stderr);
    }
}

#[test]
fn settings_count_before_a_command_and_after_it() {
    let scene = with_many_files();
    let n_hits = |args: &[&str]| {
        let found = scene.json(args);
        (
            found["hits"].as_array().unwrap().len(),
            found["plan"]["mode"].as_str().unwrap().to_owned(),
        )
    };
    let (k, mode) = ("search.k=2", "--option=search.mode=lexical");
    let expected = (2, "lexical".to_owned());
    assert_eq!(n_hits(&["-o", k, "search", "tides", mode]), expected);
    assert_eq!(n_hits(&["-osearch.k=2", "search", mode, "tides"]), expected);
    assert_eq!(n_hits(&[mode, "search", "-o", k, "tides"]), expected);
    assert_eq!(n_hits(&["search", "tides", "-o", k, mode]), expected);
    assert_eq!(n_hits(&["-o", "search.k=3", "search", "tides", "-o", k, mode]), expected);
}

/// Four processes read while one writes, and a second that would write waits or says that it
/// cannot.
#[test]
fn processes_read_while_one_writes() {
    let scene = with_many_files();
    for n in 0..400 {
        scene
            .write(&format!("later/{n}.txt"), format!("The harbour gate number {n} opens at {n}."));
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for reader in 0..4 {
            let (scene, is_over) = (&scene, &is_over);
            scope.spawn(move || {
                let mode = ["hybrid", "vector", "lexical", "hybrid"][reader];
                let mut n_searches = 0;
                while !is_over.load(Ordering::Relaxed) || n_searches == 0 {
                    let found = scene.json(&["search", "what is known of tides", "--mode", mode]);
                    assert_eq!(found["hits"].as_array().unwrap().len(), 10, "{mode}: {found}");
                    n_searches += 1;
                }
            });
        }
        let second = scope.spawn(|| scene.run(&["add", "files/later"]));
        let first = scene.run(&["add", "files"]);
        assert_eq!(first.code, 0, "{}", first.stderr);
        let second = second.join().unwrap();
        assert!(
            second.code == 0 || second.stderr.contains("another ragged"),
            "{} {}",
            second.code,
            second.stderr
        );
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(scene.json(&["status"])["documents"], 540);
    assert_eq!(scene.run(&["check"]).code, 0);
}
