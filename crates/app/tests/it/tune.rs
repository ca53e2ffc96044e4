use serde_json::Value;

use crate::scene::Scene;

fn file(scene: &Scene) -> Option<String> {
    std::fs::read_to_string(scene.data_dir().join("config").join("performance.yaml")).ok()
}

fn value_of<'a>(shown: &'a Value, key: &str) -> &'a Value {
    let rows = shown["settings"].as_array().unwrap();
    rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("{key} is not shown"))
}

#[test]
fn a_profile_is_shown_applied_and_taken_back() {
    let scene = Scene::with_notes();
    let listed = scene.json(&["tune", "list"]);
    let names: Vec<&str> =
        listed.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["high-performance", "balanced", "low-memory"]);
    assert!(listed.as_array().unwrap().iter().all(|row| row["in_force"] == false));

    // Showing and a dry run change nothing.
    let shown = scene.json(&["tune", "show", "low-memory"]);
    assert_eq!(value_of(&shown, "backend.cache_size")["in_profile"], "1000");
    assert_eq!(value_of(&shown, "backend.epsilon")["in_profile"], Value::Null);
    let dry = scene.json(&["tune", "apply", "low-memory", "--dry-run"]);
    assert_eq!(dry["written"], false);
    assert!(file(&scene).is_none());

    let applied = scene.json(&["tune", "apply", "low-memory"]);
    assert_eq!(applied["written"], true);
    assert_eq!(applied["changes"], dry["changes"]);
    let shown = scene.json(&["tune", "show"]);
    assert_eq!(shown["profile"], "low-memory");
    for (key, value) in [
        ("backend.beam_width", "50"),
        ("memory.cache.l3_size", "50"),
        ("memory.cache.query_ttl", "300s"),
        ("database.sqlite_cache_mb", "32"),
    ] {
        let row = value_of(&shown, key);
        assert_eq!(row["value"], value, "{key}");
        assert!(row["origin"].as_str().unwrap().ends_with("performance.yaml"), "{row}");
    }
    // What SQLite itself says, and what it does not do for encrypted files.
    assert_eq!(shown["library_db"]["mmap_bytes"], 128 << 20);
    assert_eq!(shown["library_db"]["page_cache_bytes"], 32 << 20);
    assert!(shown["memory_files"]["mmap"].as_str().unwrap().starts_with("not used"));
    assert_eq!(shown["memory_files"].get("mmap_bytes"), None);
    let low = file(&scene).unwrap();

    // Another profile leaves nothing of the first.
    scene.run(&["tune", "apply", "high-performance"]).ok();
    assert!(file(&scene).unwrap().contains("async_updates: true"));
    scene.run(&["tune", "apply", "balanced"]).ok();
    assert!(!file(&scene).unwrap().contains("async_updates"));
    assert_eq!(scene.json(&["tune", "show"])["profile"], "balanced");
    scene.run(&["tune", "apply", "low-memory"]).ok();
    scene.run(&["tune", "undo"]).ok();
    assert_eq!(scene.json(&["tune", "show"])["profile"], "balanced");
    scene.run(&["tune", "undo"]).ok();
    assert_eq!(file(&scene).unwrap().lines().count(), low.lines().count());
    assert_eq!(scene.json(&["tune", "show"])["profile"], "low-memory");

    let found = scene.json(&["search", "lease"]);
    assert_eq!(found["hits"].as_array().unwrap().len(), 3, "{found}");
    scene.run(&["tune", "reset"]).ok();
    assert_eq!(scene.json(&["tune", "show"])["profile"], Value::Null);
}

#[test]
fn undo_puts_the_file_back_byte_for_byte() {
    let scene = Scene::with_notes();
    assert!(scene.run(&["tune", "undo"]).ok().stdout.contains("nothing to undo"));
    scene.run(&["tune", "set", "backend.cache_size", "10000"]).ok();
    scene.run(&["tune", "undo"]).ok();
    assert!(file(&scene).is_none(), "there was none");
    let path = scene.data_dir().join("config").join("performance.yaml");
    let own = "# mine\nbackend:\n  search_complexity: 70   # by hand\n";
    std::fs::write(&path, own).unwrap();
    scene.run(&["tune", "apply", "high-performance"]).ok();
    assert_eq!(scene.json(&["tune", "get", "backend.beam_width"])["value"], "150");
    scene.run(&["tune", "undo"]).ok();
    assert_eq!(file(&scene).as_deref(), Some(own));
    assert_eq!(scene.json(&["tune", "get", "backend.beam_width"])["value"], "70");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for name in ["performance.yaml", "performance.previous.yaml"] {
            let metadata = std::fs::metadata(path.with_file_name(name)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
        }
    }
}

#[test]
fn single_settings_are_checked_set_and_reset() {
    let scene = Scene::with_notes();
    for (key, value) in [("backend.cache_size", "10000"), ("memory.cache.l1_size", "1000")] {
        let set = scene.run(&["tune", "set", key, value]).ok();
        assert_eq!(set.stdout, format!("{key} = {value}\n"));
        let got = scene.run(&["tune", "get", key]).ok();
        assert_eq!(got.stdout, format!("{value}\n"));
        assert!(got.stderr.contains("performance.yaml"), "{}", got.stderr);
    }
    // Other names of a setting are the setting.
    scene.run(&["tune", "set", "backend.search_complexity", "120"]).ok();
    assert!(file(&scene).unwrap().contains("beam_width: 120"));
    for (key, value, said) in [
        ("backend.cache_size", "-1", "a whole number from 0 to 10000000"),
        ("backend.beam_width", "0", "0 is outside 1 to 10000"),
        ("backend.cache_sise", "5", "did you mean backend.cache_size?"),
        ("search.k", "5", "`ragged config set search.k"),
        ("database.mmap_size_mb", "99999999", "outside 0 to 65536 MiB"),
    ] {
        let refused = scene.run(&["tune", "set", key, value]);
        assert_eq!(refused.code, 2, "{key}");
        assert!(refused.stderr.contains(said), "{key}: {}", refused.stderr);
    }
    // A stronger source hides what was set, and says so.
    scene.run(&["config", "set", "backend.cache_size", "3"]).ok();
    let hidden = scene.run(&["tune", "set", "backend.cache_size", "77"]).ok();
    assert!(hidden.stderr.contains("stays 3"), "{}", hidden.stderr);
    assert!(hidden.stderr.contains("`ragged config unset backend.cache_size`"));
    let hidden = scene.run_with(
        &["tune", "apply", "balanced", "--format", "json"],
        &[("RAGGED_BACKEND_BEAM_WIDTH", "9")],
    );
    let hidden: Value = serde_json::from_str(&hidden.ok().stdout).unwrap();
    let beam = hidden["changes"].as_array().unwrap();
    let beam = beam.iter().find(|change| change["key"] == "backend.beam_width").unwrap();
    assert_eq!(beam["hidden_by"], "environment RAGGED_BACKEND_BEAM_WIDTH");

    let reset = scene.json(&["tune", "reset", "memory.cache.l1_size"]);
    assert_eq!(reset["keys"], serde_json::json!(["memory.cache.l1_size"]));
    assert_eq!(scene.json(&["tune", "get", "memory.cache.l1_size"])["value"], "500");
    // A file that cannot be read is emptied, and can be had back.
    let path = scene.data_dir().join("config").join("performance.yaml");
    std::fs::write(&path, b"\xff\x00").unwrap();
    assert!(scene.run(&["search", "lease"]).ok().stderr.contains("`ragged tune reset`"));
    scene.run(&["tune", "reset"]).ok();
    assert!(file(&scene).is_none());
    scene.run(&["tune", "undo"]).ok();
    assert_eq!(std::fs::read(&path).unwrap(), b"\xff\x00");
}

#[test]
fn a_profile_moves_no_vectors() {
    let scene = Scene::with_notes();
    scene.run(&["backend", "migrate", "leann", "exact", "--yes"]);
    scene.run(&["config", "set", "backend.type", "exact"]).ok();
    let applied = scene.run(&["tune", "apply", "balanced"]).ok();
    assert!(applied.stderr.contains("`ragged backend migrate exact leann`"), "{}", applied.stderr);
    assert!(!file(&scene).unwrap().contains("type:"), "{:?}", file(&scene));
    assert_eq!(scene.json(&["config", "get", "backend.type"])["value"], "exact");
    let refused = scene.run(&["tune", "set", "backend.type", "leann"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("`ragged backend migrate exact leann`"), "{}", refused.stderr);
    // An empty library has nothing to be moved.
    let empty = Scene::new();
    let applied = empty.json(&["tune", "apply", "balanced", "-o", "backend.type=exact"]);
    assert_eq!(applied["skipped"], serde_json::json!([]));
}

#[test]
fn names_of_profiles_are_suggested() {
    let scene = Scene::new();
    let refused = scene.run(&["tune", "apply", "low-memroy"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("did you mean low-memory?"), "{}", refused.stderr);
    let refused = scene.run(&["tune", "show", "xyz"]);
    assert!(refused.stderr.contains("there are: high-performance"), "{}", refused.stderr);
    let refused = scene.run(&["tune", "compare", "--profiles", "balanced"]);
    assert_eq!(refused.code, 2);
}

/// Little, and yet all of it: what it tried, what it measured, and what became of that.
#[test]
fn auto_measures_and_keeps_only_what_wins() {
    let scene = Scene::with_notes();
    let empty = Scene::new();
    let refused = empty.run(&["tune", "auto", "--workload", "batch"]);
    assert_eq!(refused.code, 1);
    for workload in ["interactive", "batch", "memory"] {
        let args = ["tune", "auto", "--workload", workload, "--seconds", "2"];
        let dry = scene.json(&[&args[..], &["--dry-run"]].concat());
        assert_eq!((&dry["workload"], &dry["written"]), (&Value::from(workload), &false.into()));
        assert!(file(&scene).is_none());
        let candidates = dry["candidates"].as_array().unwrap();
        let names: Vec<&str> =
            candidates.iter().map(|tried| tried["name"].as_str().unwrap()).collect();
        assert_eq!(names[..3], ["high-performance", "balanced", "low-memory"], "{workload}");
        for tried in candidates {
            let p = tried["p"].as_f64().unwrap();
            assert!(p > 0.0 && p <= 1.0, "{tried}");
            assert!(!tried["verdict"].as_str().unwrap().is_empty());
            if tried["kept"] == true {
                assert!(p < 0.05, "{tried}");
            }
        }
        let n_kept = candidates.iter().filter(|tried| tried["kept"] == true).count();
        assert_eq!(dry["changes"].as_array().unwrap().is_empty(), n_kept == 0, "{dry}");
    }
    let kept = scene.json(&["tune", "auto", "--workload", "memory", "--seconds", "2"]);
    assert_eq!(kept["written"], file(&scene).is_some());
    if kept["written"] == true {
        scene.run(&["tune", "undo"]).ok();
        assert!(file(&scene).is_none());
    }
}

/// What was asked before is asked again, from an encrypted record, and stays among these processes.
#[test]
fn auto_asks_what_was_asked_before() {
    let scene = Scene::remembering();
    let asked: Vec<String> = (0..24).map(|n| format!("lease of flat {}\n", n % 8)).collect();
    scene.run_reading(&["chat"], &asked.concat()).ok();
    let found =
        scene.json(&["tune", "auto", "--workload", "interactive", "--seconds", "2", "--dry-run"]);
    assert_eq!(found["questions_from"], "the 24 questions that the persona asked last");
    assert_eq!(found["questions"], 8);
    // Measuring records nothing.
    let listed = scene.json(&["memory", "stats"]);
    assert_eq!(listed["interactions"], 24, "{listed}");
    let locked = scene.run(&["tune", "auto", "--workload", "interactive", "--seconds", "2"]).ok();
    assert!(locked.stdout.contains("the 24 questions"), "{}", locked.stdout);
}

#[test]
fn profiles_are_compared_in_processes_of_their_own() {
    let scene = Scene::with_notes();
    let args = ["tune", "compare", "--questions", "20", "--asked", "40", "--repeats", "2"];
    let compared = scene.json(&args);
    assert_eq!(compared["documents"], 3);
    let profiles = compared["profiles"].as_array().unwrap();
    assert_eq!(profiles.len(), 3);
    for profile in profiles {
        assert_eq!(profile["mean_ms"]["runs"].as_array().unwrap().len(), 2, "{profile}");
        // Each was asked before it was measured, and twenty fit any cache.
        assert_eq!(profile["from_memory"], 1.0, "{profile}");
        #[cfg(target_os = "linux")]
        assert!(profile["resident_mib"]["median"].as_f64().unwrap() > 1.0, "{profile}");
    }
    // Two runs are never beyond chance; of four notes nothing is.
    let gated = scene.run(&[&args[..], &["--gate"]].concat());
    assert!(gated.code == 2 && gated.stderr.contains("--repeats 4"), "{}", gated.stderr);
    let gated = scene.run(&[&args[..6], &["--repeats", "4", "--gate"]].concat());
    assert_eq!(gated.code, 3, "{}", gated.stderr);
    assert!(gated.stdout.contains("not shown: "), "{}", gated.stdout);
}
