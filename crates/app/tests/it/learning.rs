use std::fs;

use serde_json::{Value, json};

use crate::scene::Scene;

fn create(scene: &Scene, persona: &str) {
    scene.run(&["persona", "create", persona, "--yes"]).ok();
}

fn set(scene: &Scene, persona: &str, key: &str, value: &str) {
    scene.run(&["memory", "config", "set", key, value, "--persona", persona]).ok();
}

/// Asks by words alone, so that nothing is found which has none of them.
fn ask(scene: &Scene, persona: &str, question: &str) {
    scene.run(&["search", question, "--mode", "lexical", "--persona", persona]).ok();
}

fn of(scene: &Scene, persona: &str, args: &[&str]) -> Value {
    scene.json(&[&["memory"], args, &["--persona", persona]].concat())
}

/// The topics of a list, in order of key.
fn keys(list: &Value) -> Vec<String> {
    let interests = list["interests"].as_array().unwrap().iter();
    let mut keys: Vec<String> =
        interests.map(|known| known["key"].as_str().unwrap().to_owned()).collect();
    keys.sort();
    keys
}

#[test]
fn each_setting_of_topics_decides_what_is_learned() {
    let scene = Scene::with_notes();
    let question = "plumzibber, tea and Wirrelbank";
    let learned = |persona: &str| {
        ask(&scene, persona, question);
        keys(&of(&scene, persona, &["topics", "--all"]))
    };
    create(&scene, "usual");
    let all = ["plumzibber", "tea", "wirrelbank"];
    assert_eq!(learned("usual"), all);
    for (persona, key, value, expected) in [
        ("long", "learning.min_topic_length", "4", &["plumzibber", "wirrelbank"][..]),
        ("one", "learning.max_topics_per_query", "1", &["wirrelbank"]),
        // A name scores 0.9, a word 0.7.
        ("sure", "learning.confidence_threshold", "0.8", &["wirrelbank"]),
        ("stop", "learning.stop_words", "tea, plumzibber", &["wirrelbank"]),
        ("same", "learning.stop_words", "default", &all),
    ] {
        create(&scene, persona);
        set(&scene, persona, key, value);
        assert_eq!(learned(persona), expected, "{key}");
    }
    // For everybody who has none of their own.
    scene.run(&["config", "set", "learning.stop_words", "wirrelbank"]).ok();
    create(&scene, "later");
    assert_eq!(learned("later"), ["plumzibber", "tea"]);
    create(&scene, "own");
    set(&scene, "own", "learning.stop_words", "tea");
    assert_eq!(learned("own"), ["plumzibber", "wirrelbank"]);
}

#[test]
fn each_setting_of_interests_decides_what_ranks() {
    let scene = Scene::with_notes();
    scene.write("quay.md", "# Quay\n\nThe wirrelbank stands by the quay.\n");
    scene.run(&["add", "files"]).ok();
    create(&scene, "ada");
    for _ in 0..3 {
        ask(&scene, "ada", "wirrelbank or plumzibber?");
    }
    ask(&scene, "ada", "mumblefitz");
    scene.run(&["memory", "pause", "--persona", "ada"]).ok();
    let profile = || of(&scene, "ada", &["profile"]);
    let tracked = || of(&scene, "ada", &["analytics"])["tracked"].as_u64().unwrap();
    let usual = (keys(&profile()), tracked());
    let is_known = |key: &str| keys(&profile()).iter().any(|known| known == key);
    assert!(is_known("plumzibber") && !is_known("mumblefitz"), "{usual:?}");
    assert_eq!(usual.1, usual.0.len() as u64);

    let min_frequency = "learning.min_frequency_for_tracking";
    set(&scene, "ada", min_frequency, "4");
    assert_eq!((keys(&profile()).len(), tracked()), (0, 0));
    set(&scene, "ada", min_frequency, "1");
    assert!(is_known("mumblefitz") && tracked() > usual.1);
    scene.run(&["memory", "config", "reset", min_frequency, "--persona", "ada"]).ok();
    assert_eq!((keys(&profile()), tracked()), usual);

    let together = || {
        let args = ["search", "plumzibber quay", "--mode", "lexical", "--persona", "ada"];
        let part = &scene.json(&args)["hits"][0]["parts"]["personal"]["co_occurrence_part"];
        part.as_f64().unwrap()
    };
    let usual = together();
    assert!(usual > 0.0);
    set(&scene, "ada", "learning.co_occurrence_threshold", "4");
    assert!(together().abs() < f64::EPSILON);
    set(&scene, "ada", "learning.co_occurrence_threshold", "3");
    assert!((together() - usual).abs() < f64::EPSILON);

    // How fast interests fade, of what was asked long ago.
    scene.remember_of_long_ago("ada", "old");
    let recency = |rate: &str| {
        set(&scene, "old", "learning.time_decay_rate", rate);
        let profile = of(&scene, "old", &["profile"]);
        let mut interests = profile["interests"].as_array().unwrap().iter();
        let known = interests.find(|known| known["key"] == "plumzibber").unwrap();
        let graph = of(&scene, "old", &["topic-info", "plumzibber"]);
        assert_eq!(graph["recency"], known["recency"]);
        known["recency"].as_f64().unwrap()
    };
    let (never, slowly, at_once) = (recency("0"), recency("0.001"), recency("1"));
    assert!(never >= 1.0 && slowly < never && slowly > at_once, "{never} {slowly} {at_once}");
}

#[test]
fn what_is_out_of_range_or_unclear_is_refused() {
    let scene = Scene::with_notes();
    scene.run(&["memory", "enable"]).ok();
    for (key, value, says) in [
        ("min_topic_length", "0", "0 is outside 1 to 64"),
        ("max_topics_per_query", "101", "101 is outside 1 to 100"),
        ("learning.confidence_threshold", "1.1", "1.1 is outside 0 to 1"),
        ("stop_words", "tea,,moon", "\"\" is no word"),
        ("learning.time_decay_rate", "-0.1", "-0.1 is outside 0 to 1"),
        ("min_frequency_for_tracking", "0", "0 is outside 1 to 1000"),
        ("co_occurrence_threshold", "x", "\"x\" is not a number"),
        ("time_decay_rate", "0.1", "short for more than one setting"),
    ] {
        let ran = scene.run(&["memory", "config", "set", "--", key, value]);
        assert!(ran.code == 2 && ran.stderr.contains(says), "{key}: {ran:?}");
    }
}

#[test]
fn personas_of_one_process_rank_each_by_its_own_settings() {
    let scene = Scene::new();
    for subject in ["harbour", "garden", "orchard"] {
        let text = format!("# {subject}\n\nThe plan of the year for the {subject}.\n");
        scene.write(&format!("{subject}.md"), text);
    }
    scene.run(&["add", "files"]).ok();
    for persona in ["keen", "slow", "none"] {
        create(&scene, persona);
        for question in ["orchard", "orchard", "garden"] {
            ask(&scene, persona, question);
        }
        scene.run(&["memory", "pause", "--persona", persona]).ok();
    }
    set(&scene, "keen", "learning.min_frequency_for_tracking", "1");
    set(&scene, "none", "learning.min_frequency_for_tracking", "9");
    let asked = |personas: &[&str]| -> Vec<Value> {
        let mut input = String::new();
        for name in personas {
            input.push_str(&format!("/persona {name}\nthe plan of the year\n"));
        }
        let chat = ["chat", "--format", "json", "--no-history"];
        let ran = scene.run_reading(&chat, &input).ok();
        let lines = ran.stdout.lines();
        lines.map(|line| serde_json::from_str::<Value>(line).unwrap()["hits"].clone()).collect()
    };
    let alone = ["keen", "slow", "none"].map(|name| asked(&[name]).remove(0));
    assert!(alone[0] != alone[1] && alone[1] != alone[2] && alone[0] != alone[2], "{alone:?}");
    let turns = [0, 1, 2, 0, 2, 1, 1, 0];
    let together = asked(&turns.map(|at| ["keen", "slow", "none"][at]));
    let expected: Vec<Value> = turns.iter().map(|&at| alone[at].clone()).collect();
    assert_eq!(together, expected);
}

#[test]
fn all_settings_are_reset_at_once_and_when_confirmed() {
    let scene = Scene::with_notes();
    for persona in ["ada", "bea"] {
        create(&scene, persona);
        set(&scene, persona, "learning.min_topic_length", "5");
        set(&scene, persona, "personalisation.alpha", "0.5");
    }
    let alpha = |persona: &str| {
        of(&scene, persona, &["config", "get", "personalisation.alpha"])["value"].clone()
    };
    let all = ["config", "reset", "--all"];
    let confirmed = ["config", "reset", "--all", "--confirm"];
    let told = of(&scene, "ada", &all);
    let both = json!(["learning.min_topic_length", "personalisation.alpha"]);
    assert_eq!(told, json!({ "persona": "ada", "keys": both, "reset": false }));
    assert_eq!(alpha("ada"), "0.5");
    let told = of(&scene, "ada", &confirmed);
    assert_eq!(told, json!({ "persona": "ada", "keys": both, "reset": true }));
    assert_eq!((alpha("ada"), alpha("bea")), (json!("0.3"), json!("0.5")));
    assert_eq!(of(&scene, "ada", &confirmed)["keys"], json!([]));
    scene.run(&["memory", "audit-log", "--verify"]).ok();

    // Of the file.
    scene.run(&["init"]).ok();
    let file = scene.data_dir().join("config.yaml");
    let before = fs::read_to_string(&file).unwrap_or_default();
    for (key, value) in [("search.k", "3"), ("learning.stop_words", "tea, moon")] {
        scene.run(&["config", "set", key, value]).ok();
    }
    let set = fs::read_to_string(&file).unwrap();
    let told = scene.run(&all).ok().stdout;
    assert!(told.contains("search.k") && told.contains("learning.stop_words"), "{told}");
    assert_eq!(fs::read_to_string(&file).unwrap(), set);
    assert_eq!(scene.json(&confirmed)["keys"].as_array().unwrap().len(), 2);
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    assert_eq!(scene.json(&["config", "get", "search.k"])["value"], "10");
    // One by one it is `unset`.
    scene.run(&["config", "set", "search.k", "3"]).ok();
    assert_eq!(scene.run(&["config", "reset", "search.k"]).ok().stdout, "search.k = 10\n");
    for wrong in [&["config", "reset"][..], &["config", "reset", "search.k", "--all"]] {
        assert_eq!(scene.run(wrong).code, 2, "{wrong:?}");
    }
}
