use serde_json::{Value, json};

use crate::scene::{Ran, Scene};

/// Notes, and a persona that asked about two of them.
fn asked() -> Scene {
    let scene = Scene::with_notes();
    let made = scene.run(&["persona", "create", "ada", "--yes", "--focus", "tide tables"]);
    assert_eq!(made.code, 0, "{made:?}");
    for question in [
        "when does the lease of the flat end?",
        "what does the lease say about the deposit?",
        "is the deposit in the lease?",
        "who has keys by the lease and the deposit?",
        "how long does sourdough bake?",
    ] {
        let ran = scene.run(&["query", question, "--persona", "ada"]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    scene
}

fn of_ada(scene: &Scene, args: &[&str]) -> Ran {
    let args: Vec<&str> = ["memory"].iter().chain(args).copied().collect();
    scene.run(&[args.as_slice(), &["--persona", "ada"]].concat())
}

fn json_of_ada(scene: &Scene, args: &[&str]) -> Value {
    let args: Vec<&str> = ["memory"].iter().chain(args).copied().collect();
    scene.json(&[args.as_slice(), &["--persona", "ada"]].concat())
}

fn interest(profile: &Value, key: &str) -> Option<Value> {
    profile["interests"].as_array().unwrap().iter().find(|known| known["key"] == key).cloned()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn a_profile_shows_what_was_asked_and_by_which_evidence() {
    let scene = asked();
    let profile = json_of_ada(&scene, &["profile"]);
    assert_eq!((&profile["persona"], &profile["learning"]), (&json!("ada"), &json!(true)));
    assert!(profile["since"].is_string() && profile["topics"].as_u64().unwrap() >= 4, "{profile}");
    let lease = interest(&profile, "lease").unwrap();
    // The focus of half a confidence stands before it.
    assert_eq!((&lease["rank"], &lease["origin"]), (&json!(2), &json!("learned")));
    assert_eq!((&lease["hits"], &lease["queries"]), (&json!(4), &json!(4)));
    // 4.7's formula, of what is shown beside it.
    let confidence = 0.35 * number(&lease["frequency"])
        + 0.30 * number(&lease["recency"])
        + 0.20 * number(&lease["consistency"])
        + 0.15 * number(&lease["depth"]);
    assert!((confidence - number(&lease["confidence"])).abs() < 1e-9, "{lease}");
    let with = lease["co_occurring_topics"].as_array().unwrap();
    assert!(with.contains(&json!({ "topic": "deposit", "count": 3 })), "{lease}");
    let documents = lease["related_documents"].as_array().unwrap();
    let named = |known: &&Value| known["path"].as_str().unwrap().ends_with("lease.md");
    assert_eq!(documents.iter().find(named).unwrap()["hits"], 4, "{lease}");
    // A focus that nobody asked about has no time of asking.
    let focus = interest(&profile, "tide table").unwrap();
    assert_eq!((&focus["origin"], &focus["confidence"]), (&json!("focus"), &json!(0.5)));
    assert_eq!((&focus["level"], focus.get("last_seen")), (&json!("medium"), None));
    // Another persona has another profile.
    let other = scene.json(&["memory", "profile", "--persona", "default"]);
    assert_eq!((&other["interests"], &other["topics"]), (&json!([]), &json!(0)));

    let shown = of_ada(&scene, &["profile", "--explain"]);
    assert!(shown.stdout.contains("consistency") && shown.stdout.contains("lease"), "{shown:?}");
    assert!(
        shown.stderr.contains("interests of") && shown.stderr.contains("just now"),
        "{shown:?}"
    );

    let info = json_of_ada(&scene, &["topic-info", "Leases"]);
    assert_eq!((&info["key"], &info["rank"]), (&json!("lease"), &json!(2)));
    let evidence = info["evidence"].as_array().unwrap();
    assert_eq!(evidence.len(), 4);
    assert_eq!(evidence[0]["query"], "who has keys by the lease and the deposit?");
    assert_eq!(evidence[0]["source"], "query");
    let info = of_ada(&scene, &["topic-info", "tide tables"]);
    assert!(info.stdout.contains("a focus area of the persona"), "{info:?}");

    let related = json_of_ada(&scene, &["related-topics", "lease"]);
    let related = related["related"].as_array().unwrap();
    let deposit = related.iter().find(|topic| topic["key"] == "deposit").unwrap();
    assert_eq!((&deposit["distance"], &deposit["via"]), (&json!(1), &json!("lease")));
    let unknown = of_ada(&scene, &["topic-info", "leese"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(unknown.stderr.contains("did you mean \"lease\""), "{unknown:?}");
}

#[test]
fn its_owner_sets_merges_and_resets_interests() {
    let scene = asked();
    let set = of_ada(&scene, &["set-interest", "tides", "0.9"]);
    assert_eq!(set.code, 0, "{set:?}");
    let profile = json_of_ada(&scene, &["profile"]);
    let tides = interest(&profile, "tide").unwrap();
    assert_eq!(
        (&tides["rank"], &tides["origin"], &tides["level"], &tides["confidence"]),
        (&json!(1), &json!("owner"), &json!("high"), &json!(0.9))
    );
    assert_eq!(of_ada(&scene, &["set-interest", "tides", "1.5"]).code, 2);
    assert_eq!(of_ada(&scene, &["set-interest", "tides", "--reset"]).code, 0);
    assert_eq!(interest(&json_of_ada(&scene, &["profile"]), "tide"), None);

    let merged = of_ada(&scene, &["merge-topics", "deposit", "lease"]);
    assert_eq!(merged.code, 0, "{merged:?}");
    // The old name leads to where its questions count now.
    let info = json_of_ada(&scene, &["topic-info", "deposit"]);
    assert_eq!((&info["key"], &info["hits"]), (&json!("lease"), &json!(4)));
    let high = json_of_ada(&scene, &["topics", "--min-confidence", "0.99"]);
    assert_eq!(high["interests"], json!([]));
    let all = json_of_ada(&scene, &["topics", "--all"]);
    assert!(interest(&all, "deposit").is_none() && interest(&all, "lease").is_some(), "{all}");
}

#[test]
fn a_forgotten_topic_is_gone_with_its_questions_and_not_learned_again() {
    let scene = asked();
    let would = json_of_ada(&scene, &["forget-topic", "lease", "--with-interactions"]);
    assert_eq!((&would["forgotten"], &would["interactions_deleted"]), (&json!(false), &json!(0)));
    assert!(interest(&json_of_ada(&scene, &["topics", "--all"]), "lease").is_some());
    let done = json_of_ada(&scene, &["forget-topic", "lease", "--with-interactions", "--confirm"]);
    assert_eq!(done["interactions"], would["interactions"]);
    assert_eq!(done["interactions_deleted"], would["interactions"]);
    let left = json_of_ada(&scene, &["list"]);
    assert_eq!(left["interactions"].as_array().unwrap().len(), 1, "{left}");

    let again = scene.run(&["query", "when does the lease end?", "--persona", "ada"]);
    assert_eq!(again.code, 0, "{again:?}");
    let all = json_of_ada(&scene, &["topics", "--all"]);
    assert_eq!(interest(&all, "lease"), None, "{all}");
    let erased = scene.run(&["memory", "verify-erased", "say about the deposit"]);
    assert_eq!(erased.code, 0, "{erased:?}");
}

#[test]
fn nothing_is_learned_while_learning_is_off() {
    let scene = asked();
    let before = json_of_ada(&scene, &["topics", "--all"]);
    assert_eq!(of_ada(&scene, &["disable-learning"]).code, 0);
    let ran = scene.run(&["query", "which crust does the loaf have?", "--persona", "ada"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let after = json_of_ada(&scene, &["topics", "--all"]);
    assert_eq!((&after["learning"], &after["interests"]), (&json!(false), &before["interests"]));
    assert_eq!(json_of_ada(&scene, &["list"])["interactions"].as_array().unwrap().len(), 6);
    assert_eq!(of_ada(&scene, &["enable-learning"]).code, 0);
    assert_eq!(json_of_ada(&scene, &["profile"])["learning"], json!(true));
}

#[test]
fn a_question_that_nothing_answers_teaches_nothing_of_what_was_found() {
    let scene = Scene::with_notes();
    assert_eq!(scene.run(&["memory", "enable"]).code, 0);
    let ran = scene.run(&["query", "zebra unicorn xylophone"]);
    assert!(ran.stdout.is_empty() || ran.stdout.contains("Nothing relevant"), "{ran:?}");
    let listed = scene.json(&["memory", "list"]);
    let asked = &listed["interactions"][0];
    assert_eq!(asked["documents"], json!([]), "{asked}");
    let topics = asked["topics"].as_array().unwrap();
    assert!(topics.iter().all(|topic| topic["source"] == "query"), "{asked}");
}

#[test]
fn headings_of_tables_hold_no_escapes_that_count_as_width() {
    let scene = asked();
    for args in [&["persona", "list"][..], &["memory", "profile"], &["list"]] {
        let shown = scene.run(&[&["--color", "always"], args].concat());
        let heading = shown.stdout.lines().next().unwrap();
        assert!(!heading.contains('\u{1b}'), "{heading:?}");
    }
}
