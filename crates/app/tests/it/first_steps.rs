use std::{fs, path::Path};

use crate::scene::{Ran, Scene};

/// The id of what was asked.
fn asked(scene: &Scene, question: &str) -> String {
    let found = scene.json(&["search", question, "--mode", "lexical"]);
    found["memory"]["interaction"].as_str().unwrap().to_owned()
}

#[test]
fn times_are_told_in_the_zone_of_the_persona() {
    let scene = Scene::remembering();
    scene.run(&["persona", "create", "ada", "--yes"]).ok();
    scene
        .run(&["memory", "config", "set", "memory.timezone", "Asia/Tokyo", "--persona", "ada"])
        .ok();
    let add = ["memory", "add-fact", "--type", "job", "--content", "works at Acme"];
    let since = ["--since", "2022-03-01", "--until", "2023-01-01T09:30:00+09:00"];
    let of_ada = ["--persona", "ada"];
    let told = scene.run(&[&add[..], &since, &of_ada].concat()).ok().stdout;
    let span = "2022-03-01 until 2023-01-01T09:30:00+09:00";
    assert!(told.contains(&format!("since {span}")) || told.contains(span), "{told}");
    let id = scene.json(&["memory", "facts", "--all", "--persona", "ada"]);
    let fact = &id["facts"][0];
    // JSON is UTC, wherever its reader is.
    assert_eq!(fact["valid_from"], "2022-02-28T15:00:00Z");
    let id = fact["id"].as_str().unwrap();
    for args in [&["fact", id][..], &["facts", "--all"], &["fact-history", id]] {
        let shown = scene.run(&[&["memory"], args, &of_ada].concat()).ok().stdout;
        assert!(shown.contains("2022-03-01"), "{shown}");
        assert!(!shown.contains("2022-02-28") && !shown.contains('Z'), "{shown}");
    }
    scene.run(&["search", "lease", "--persona", "ada"]).ok();
    for args in [&["list"][..], &["stats"], &["graph"], &["audit-log"]] {
        let shown = scene.run(&[&["memory"], args, &of_ada].concat()).ok().stdout;
        let is_there = args == ["audit-log"] || shown.contains("+09:00");
        assert!(is_there, "{args:?} {shown}");
    }
    // A question below whose answer a fact is told.
    let asked = ["query", "when did I work at Acme in 2022?", "--persona", "ada"];
    assert!(scene.run(&asked).ok().stdout.contains(span));
}

#[test]
fn a_slip_is_no_correction_and_feedback_is_taken_back() {
    let scene = Scene::remembering();
    let id = asked(&scene, "lease of the flat");
    let feedback = |words: &[&str]| scene.run(&[&["memory", "feedback", &id], words].concat());
    let known = || {
        let shown = scene.json(&["memory", "show", &id]);
        (shown["feedback"].clone(), shown["correction"].clone())
    };
    let slip = feedback(&["godo"]);
    assert_eq!(slip.code, 2);
    assert!(slip.stderr.contains("did you mean good?"), "{}", slip.stderr);
    assert_eq!(known(), (serde_json::Value::Null, serde_json::Value::Null));
    feedback(&["Good"]).ok();
    feedback(&["the", "quokka", "file"]).ok();
    assert_eq!(known(), ("positive".into(), "the quokka file".into()));
    let count = || scene.json(&["memory", "stats"])["with_feedback"].clone();
    assert_eq!(count(), 1);
    assert!(feedback(&["none"]).ok().stdout.starts_with("Taken back"));
    assert_eq!(known(), (serde_json::Value::Null, serde_json::Value::Null));
    assert_eq!(count(), 0);
    // The words are in no page of the file either.
    scene.run(&["memory", "verify-erased", "quokka"]).ok();
}

#[test]
fn a_long_question_takes_one_line_of_a_list() {
    let scene = Scene::remembering();
    let long = format!("lease {} of the flat", "and its many clauses ".repeat(40));
    asked(&scene, &long);
    for args in [&["memory", "list"][..], &["memory", "search", "lease"]] {
        let shown = scene.run(args).ok().stdout;
        assert_eq!(shown.lines().count(), 2, "{shown}");
        assert!(shown.contains("lease and its many") && shown.contains('…'), "{shown}");
        assert_eq!(scene.json(args)["interactions"][0]["query"], long);
    }
    let all = scene.run(&["memory", "show-all"]).ok().stdout;
    assert!(!all.contains('…') && all.matches("clauses").count() == 40, "{all}");
}

#[test]
fn what_would_be_forgotten_is_listed() {
    let scene = Scene::remembering();
    for n in 0..12 {
        asked(&scene, &format!("lease number {n}"));
    }
    let forget = ["memory", "forget-topic", "lease", "--with-interactions", "--dry-run"];
    let shown = scene.run(&forget).ok().stdout;
    assert!(shown.contains("lease number 11") && shown.contains("lease number 2\n"), "{shown}");
    assert!(!shown.contains("lease number 1\n") && shown.contains("and 2 more"), "{shown}");
    let json = scene.json(&forget);
    assert_eq!(json["questions"].as_array().unwrap().len(), 10);
    assert_eq!(
        (&json["questions"][0]["query"], &json["forgotten"]),
        (&"lease number 11".into(), &false.into())
    );
    assert_eq!(scene.json(&["memory", "stats"])["interactions"], 12);
    // The questions stay without that option, and are not listed.
    let shown = scene.run(&["memory", "forget-topic", "lease"]).ok().stdout;
    assert!(!shown.contains("lease number"), "{shown}");
    assert_eq!(scene.run(&[&forget[..], &["--confirm"]].concat()).code, 2);
}

fn names_in(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .map(|entries| {
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
        })
        .unwrap_or_default();
    names.sort();
    names
}

#[test]
fn looking_leaves_no_memory_behind() {
    let scene = Scene::with_notes();
    let before = names_in(&scene.data_dir());
    for (args, code) in [
        (&["memory", "status"][..], 0),
        (&["memory", "list"], 0),
        (&["memory", "search", "lease"], 0),
        (&["memory", "show-all"], 0),
        (&["memory", "stats"], 0),
        (&["memory", "storage-usage"], 0),
        (&["memory", "profile"], 0),
        (&["memory", "topics", "--all"], 0),
        (&["memory", "facts"], 0),
        (&["memory", "contradictions"], 0),
        (&["memory", "timeline"], 0),
        (&["memory", "activity"], 0),
        (&["memory", "trending"], 0),
        (&["memory", "graph"], 0),
        (&["memory", "documents"], 0),
        (&["memory", "analytics"], 0),
        (&["memory", "compare-ranking", "--query", "lease"], 0),
        (&["memory", "ab-test", "list"], 0),
        (&["memory", "audit-log"], 0),
        (&["memory", "privacy-report"], 0),
        (&["memory", "verify-erased", "quokka"], 0),
        (&["memory", "forget", "quokka", "--confirm"], 0),
        (&["memory", "clear"], 0),
        (&["memory", "config", "show"], 0),
        (&["memory", "export", "-"], 0),
        (&["memory", "show", "3f9a"], 1),
        (&["memory", "feedback", "3f9a", "good"], 1),
        (&["memory", "backup", "copy.backup"], 1),
        (&["persona", "list"], 0),
        (&["persona", "show"], 0),
        (&["search", "lease"], 0),
    ] {
        let ran = scene.run(args);
        assert_eq!(ran.code, code, "{args:?} {ran:?}");
        assert_eq!(names_in(&scene.data_dir()), before, "{args:?}");
    }
    scene.run(&["memory", "enable"]).ok();
    let after = names_in(&scene.data_dir());
    assert!(
        after.contains(&"memory".to_owned()) && after.contains(&"keys".to_owned()),
        "{after:?}"
    );
}

#[test]
fn a_preset_is_named_as_the_source_of_what_it_decides() {
    let scene = Scene::remembering();
    let alpha = "personalisation.alpha";
    let origin = || scene.json(&["memory", "config", "get", alpha])["origin"].clone();
    assert_eq!(origin(), "default");
    let set = ["memory", "config", "set", "personalisation.preset", "aggressive"];
    scene.run(&set).ok();
    assert_eq!(origin(), "preset aggressive of persona default");
    let shown = scene.json(&["memory", "config", "show", "personalisation"]);
    let settings = shown["settings"].as_array().unwrap();
    let by_preset = settings
        .iter()
        .filter(|setting| setting["origin"].as_str().unwrap().starts_with("preset aggressive"));
    assert_eq!(by_preset.count(), 3, "{shown}");
    scene.run(&["memory", "config", "set", alpha, "0.2"]).ok();
    assert_eq!(origin(), "persona default");
    // Of the library's own configuration too.
    scene.run(&["config", "set", "personalisation.preset", "conservative"]).ok();
    let of_file = scene.json(&["config", "get", alpha])["origin"].clone();
    let of_file = of_file.as_str().unwrap();
    assert!(of_file.starts_with("preset conservative of ") && of_file.ends_with("config.yaml"));
}

#[test]
fn stretches_of_time_that_cannot_be_are_refused() {
    let scene = Scene::remembering();
    asked(&scene, "lease");
    let next = scene.run(&["memory", "activity", "--period", "next year"]).ok().stdout;
    assert!(next.contains("0 with questions, of 0") && !next.contains(" -0"), "{next}");
    let backwards = ["--since", "2025-03-09", "--until", "2025-03-08"];
    for command in ["timeline", "list"] {
        let ran = scene.run(&[&["memory", command], &backwards[..]].concat());
        assert!(ran.code == 2 && ran.stderr.contains("--since is after --until"), "{ran:?}");
    }
    // One day is no mistake.
    let day = ["memory", "timeline", "--since", "2025-03-09", "--until", "2025-03-09"];
    scene.run(&day).ok();
    for args in [
        &["trending", "--window", "-5d"][..],
        &["compare-topics", "--topics", "lease", "--window", "-5d"],
    ] {
        let ran = scene.run(&[&["memory"], args].concat());
        assert!(ran.code == 2 && ran.stderr.contains("--window 5d"), "{ran:?}");
    }
}

#[test]
fn personas_are_listed_by_what_they_asked() {
    let scene = Scene::remembering();
    scene.run(&["persona", "create", "tide reader", "--yes"]).ok();
    scene.run(&["search", "lease", "--persona", "tide reader"]).ok();
    scene.run(&["search", "loaf", "--persona", "tide reader"]).ok();
    let shown = scene.run(&["persona", "list"]).ok().stdout;
    let of = |name: &str| shown.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(shown.contains("questions") && shown.contains("last asked"), "{shown}");
    assert!(of("tide reader").contains(" 2 ") && of("tide reader").contains('Z'), "{shown}");
    assert_eq!(of("default").split_whitespace().last(), Some("0"), "{shown}");
    let shown = scene.run(&["persona", "show", "tide reader"]).ok().stdout;
    assert!(shown.lines().any(|line| line == "switched to  never"), "{shown}");
    scene.run(&["persona", "switch", "tide reader"]).ok();
    let shown = scene.run(&["persona", "show"]).ok().stdout;
    assert!(shown.contains("switched to  1 time, last "), "{shown}");
}

#[test]
fn commands_in_hints_can_be_pasted() {
    let scene = Scene::with_notes();
    let made = scene.run(&["persona", "create", "tide reader"]).ok();
    for hint in [
        "`ragged memory enable --persona \"tide reader\"`",
        "`ragged persona switch \"tide reader\"`",
    ] {
        assert!(made.stderr.contains(hint), "{}", made.stderr);
    }
    let made = scene.run(&["persona", "create", "nurse", "--collection", "tide tables"]).ok();
    assert!(made.stderr.contains("`ragged persona switch nurse`"), "{}", made.stderr);
    assert!(made.stderr.contains("`ragged collection create \"tide tables\"`"), "{}", made.stderr);
    let of = ["--persona", "tide reader"];
    let add = ["memory", "add-fact", "--type", "job", "--since", "2020", "--content"];
    scene.run(&[&add[..], &["works at Acme"], &of].concat()).ok();
    let told = scene.run(&[&add[..], &["works at Bolt"], &of].concat()).ok().stdout;
    assert_eq!(told.matches("--persona \"tide reader\"    ").count(), 3, "{told}");
    let ran = scene.run(&["memory", "analytics", "--persona", "tide reader"]).ok();
    assert!(ran.stdout.contains("`ragged memory enable --persona \"tide reader\"`"), "{ran:?}");
    let ran = scene.run(&["memory", "forget", "a \"quoted\" text", "--confirm"]).ok();
    assert!(ran.stderr.contains("verify-erased 'a \"quoted\" text'`"), "{}", ran.stderr);
}

#[test]
fn what_is_known_already_is_not_noted_again() {
    let scene = Scene::new();
    let add =
        ["memory", "add-fact", "--type", "job", "--content", "works at Acme", "--since", "2020"];
    let first = scene.json(&add);
    let again = scene.json(&add);
    assert_eq!((&first["changed"], &again["changed"]), (&true.into(), &false.into()));
    assert_eq!(first["fact"], again["fact"]);
    let id = &first["fact"]["id"].as_str().unwrap()[..8];
    let told = scene.run(&add).ok();
    assert!(told.stdout.starts_with("Known already: works at Acme"), "{told:?}");
    assert!(told.stderr.contains(&format!("update-fact {id}")), "{told:?}");
    let same = ["memory", "update-fact", id, "--content", "works at Acme"];
    let told = scene.run(&same).ok();
    assert!(told.stdout.starts_with("As it was") && told.stderr.contains("no version"), "{told:?}");
    assert_eq!(scene.json(&["memory", "fact-history", id])["facts"].as_array().unwrap().len(), 1);
    let other = ["memory", "update-fact", id, "--confidence", "0.9"];
    assert!(scene.run(&other).ok().stdout.starts_with("Changed"));
    assert_eq!(scene.json(&["memory", "fact-history", id])["facts"].as_array().unwrap().len(), 2);
}

#[test]
fn chats_that_still_hold_a_deleted_text_are_told() {
    let scene = Scene::remembering();
    let chat = |line: &str| scene.run_reading(&["chat"], line).ok();
    chat("when does the lease of the quokka end?\n");
    let list = || scene.json(&["memory", "list"])["interactions"].clone();
    let id = list()[0]["id"].as_str().unwrap().to_owned();
    // A question that is in no chat.
    let other = asked(&scene, "three keys");
    let ran = scene.run(&["memory", "delete", &other, "--confirm"]).ok();
    assert!(!ran.stderr.contains("chat"), "{ran:?}");
    let held = |ran: &Ran| {
        ran.stderr.contains("chat/sessions/")
            && ran.stderr.contains("`ragged chat --forget --confirm`")
    };
    let ran = scene.run(&["memory", "delete", &id, "--confirm"]).ok();
    assert!(held(&ran), "{ran:?}");
    let ran = scene.run(&["memory", "forget", "Quokka", "--confirm"]).ok();
    assert!(held(&ran), "{ran:?}");
    chat("when does the lease of the quokka end?\n");
    let erased = scene.json(&["memory", "delete", "--since", "2020", "--confirm"]);
    assert_eq!(erased["counts"]["interactions"], 1, "{erased}");
    assert!(erased["chats"][0].as_str().unwrap().starts_with("chat/sessions/"), "{erased}");
    scene.run(&["chat", "--forget", "--confirm"]).ok();
    let ran = scene.run(&["memory", "forget", "Quokka", "--confirm"]).ok();
    assert!(!held(&ran), "{ran:?}");
    scene.run(&["memory", "verify-erased", "quokka"]).ok();
}
