use serde_json::Value;

use crate::scene::{Ran, Scene};

/// Adds a fact and returns its id.
fn add(scene: &Scene, kind: &str, content: &str, when: &[&str]) -> String {
    let args = [&["memory", "add-fact", "--type", kind, "--content", content, "--since"], when];
    let added = scene.json(&args.concat());
    added["fact"]["id"].as_str().unwrap().to_owned()
}

fn contents(found: &Value) -> Vec<&str> {
    found["facts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fact| fact["content"].as_str().unwrap())
        .collect()
}

fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, 0, "{ran:?}");
    ran
}

#[test]
fn facts_are_asked_by_both_times() {
    let scene = Scene::new();
    let acme = add(&scene, "employment", "works at Acme", &["2018", "--until", "2022-03"]);
    add(&scene, "employment", "works at Bolt", &["2022-03"]);
    add(&scene, "Location", "lives in Oslo", &["2019-06-01", "--source", "lease"]);

    let now = scene.json(&["memory", "facts"]);
    assert_eq!(contents(&now), ["works at Bolt", "lives in Oslo"]);
    assert_eq!(contents(&scene.json(&["memory", "facts", "--current"])), contents(&now));
    let then = scene.json(&["memory", "facts", "--at", "2020"]);
    assert_eq!(contents(&then), ["works at Acme", "lives in Oslo"]);
    let kind = scene.json(&["memory", "facts", "--at", "2022-02-28", "--type", "EMPLOYMENT"]);
    assert_eq!(contents(&kind), ["works at Acme"], "the end is not included");
    // Nothing was known before it was noted.
    assert!(contents(&scene.json(&["memory", "facts", "--known-at", "2020"])).is_empty());
    assert!(contents(&scene.json(&["memory", "facts", "--as-of", "2020"])).is_empty());

    // A moment between the first version and the second.
    let known = &scene.json(&["memory", "fact", &acme])["fact"];
    let known_from = known["known_from"].as_str().unwrap().to_owned();
    assert_eq!((known["confidence"].as_f64(), known["version"].as_u64()), (Some(0.7), Some(1)));
    done(scene.run(&["memory", "end-fact", &acme[..8], "--until", "2021"]));
    let at = |known: &[&str]| {
        let args = [&["memory", "facts", "--at", "2021-06", "--type", "employment"], known];
        contents(&scene.json(&args.concat())).join("; ")
    };
    assert_eq!(
        (at(&[]).as_str(), at(&["--known-at", &known_from]).as_str()),
        ("", "works at Acme")
    );
    let shown = done(scene.run(&["memory", "facts", "--at", "2020", "--type", "location"])).stdout;
    assert!(shown.contains("lives in Oslo") && shown.contains("2019-06-01"), "{shown}");

    let history = scene.json(&["memory", "fact-history", &acme[..6]]);
    let ends: Vec<_> = history["facts"].as_array().unwrap().iter().collect();
    assert_eq!(ends[0]["valid_to"], "2022-03-01T00:00:00Z");
    assert_eq!(
        (&ends[1]["valid_to"], &ends[1]["reason"]),
        (&"2021-01-01T00:00:00Z".into(), &"ended".into())
    );
    let back = scene.json(&["memory", "rollback-fact", &acme, "1"]);
    assert_eq!(
        (&back["fact"]["version"], &back["fact"]["valid_to"]),
        (&3.into(), &"2022-03-01T00:00:00Z".into())
    );

    let diff = scene.json(&["memory", "diff", "2020", "2023"]);
    let names = |part: &str| diff[part].as_array().unwrap().iter().map(|f| f["content"].clone());
    assert!(names("added").eq(["works at Bolt"]) && names("ended").eq(["works at Acme"]));
    let known = scene.json(&["memory", "diff", "2020", "tomorrow", "--known"]);
    assert_eq!(known["added"].as_array().unwrap().len(), 3);
    let shown = done(scene.run(&["memory", "diff", "2020", "2023"]));
    assert!(shown.stdout.contains("- works at Acme") && shown.stdout.contains("+ works at Bolt"));

    // What cannot be, and what is no time.
    for (args, code) in [
        (&["memory", "end-fact", &acme, "--until", "2017"][..], 1),
        (&["memory", "end-fact", &acme, "--until", "last tuseday"], 2),
        (&["memory", "fact", "00000000"], 1),
        (&["memory", "rollback-fact", &acme, "9"], 1),
        (&["memory", "update-fact", &acme], 2),
        (&["memory", "add-fact", "--type", "x", "--content", " ", "--since", "2020"], 1),
    ] {
        let ran = scene.run(args);
        assert!(ran.code == code && !ran.stderr.is_empty(), "{args:?} {ran:?}");
    }
}

#[test]
fn contradictions_wait_until_they_are_settled() {
    let scene = Scene::new();
    add(&scene, "employment", "works at Acme", &["2018"]);
    let args = ["memory", "add-fact", "--type", "employment", "--content", "works at Bolt"];
    let ran = done(scene.run(&[&args[..], &["--since", "2022-03"]].concat()));
    assert!(ran.stdout.contains("works at Acme") && ran.stderr.contains("contradicts"), "{ran:?}");

    let open = scene.json(&["memory", "contradictions"]);
    let ids = |which: &str| {
        open["contradictions"][0][which]["id"].as_str().unwrap_or_default().to_owned()
    };
    let (acme, bolt) = (ids("earlier"), ids("later"));
    let shown = done(scene.run(&["memory", "contradictions"])).stdout;
    let command = |holds: &str| -> Vec<String> {
        let line = shown.lines().find(|line| line.contains(holds)).unwrap_or_default();
        let words = line.split_whitespace().skip(1);
        // The command ends where four spaces begin.
        let n = line.trim_start().split("    ").next().unwrap_or_default().split(' ').count() - 1;
        words.take(n).map(str::to_owned).collect()
    };
    // Each command that is offered works as it stands.
    let run = |words: Vec<String>| {
        assert!(words.len() > 3, "{shown}");
        done(scene.run(&words.iter().map(String::as_str).collect::<Vec<_>>()))
    };
    let n_open =
        || scene.json(&["memory", "contradictions"])["contradictions"].as_array().unwrap().len();
    run(command("--keep"));
    assert_eq!(n_open(), 0);
    let of = scene.json(&["memory", "fact", &acme]);
    assert_eq!(of["contradictions"].as_array().unwrap().len(), 1, "settled, and still shown");
    done(scene.run(&["memory", "update-fact", &bolt, "--content", "works at Bolt, Inc."]));
    assert_eq!(n_open(), 1, "it is another fact now");
    run(command("end-fact"));
    assert_eq!(n_open(), 0);
    let ended = scene.json(&["memory", "fact", &acme]);
    assert_eq!(ended["fact"]["valid_to"], "2022-03-01T00:00:00Z");
    assert_eq!(scene.run(&["memory", "contradictions", "--keep", &acme, &bolt]).code, 1);
    done(scene.run(&["memory", "rollback-fact", &acme, "1"]));
    assert_eq!(n_open(), 1);
    run(command("the first was wrong"));
    assert_eq!(n_open(), 0);
    // Two that begin together: neither can end where the other begins.
    add(&scene, "employment", "is on leave", &["2022-03"]);
    let shown = done(scene.run(&["memory", "contradictions"])).stdout;
    assert!(shown.contains("delete-fact") && !shown.contains("end-fact"), "{shown}");
}

#[test]
fn a_fact_is_deleted_and_erased() {
    let scene = Scene::new();
    let id = add(&scene, "health", "allergic to quinoxaline", &["2018"]);
    let ran = done(scene.run(&["memory", "delete-fact", &id]));
    assert!(ran.stdout.contains("Would delete"), "{ran:?}");
    assert_eq!(contents(&scene.json(&["memory", "facts"])).len(), 1);
    done(scene.run(&["memory", "delete-fact", &id, "--confirm"]));
    assert!(contents(&scene.json(&["memory", "facts"])).is_empty());
    let history = scene.json(&["memory", "fact-history", &id]);
    let last = &history["facts"][1];
    assert_eq!(last["reason"], "deleted");
    assert_eq!(last["known_from"], last["known_to"]);
    for args in [
        &["memory", "fact", &id][..],
        &["memory", "end-fact", &id, "--until", "2019"],
        &["memory", "delete-fact", &id, "--confirm"],
        &["memory", "delete-fact", &id],
    ] {
        let ran = scene.run(args);
        assert!(ran.code == 1 && ran.stderr.contains("rollback-fact"), "{ran:?}");
    }
    done(scene.run(&["memory", "rollback-fact", &id, "1"]));
    assert_eq!(contents(&scene.json(&["memory", "facts"])), ["allergic to quinoxaline"]);
    let erased = scene.json(&["memory", "delete-fact", &id, "--erase", "--confirm"]);
    assert_eq!((&erased["erased"], &erased["versions"]), (&true.into(), &3.into()));
    assert_eq!(scene.run(&["memory", "fact-history", &id]).code, 1);
    // Nobody else's facts.
    done(scene.run(&["persona", "create", "tester", "--yes"]));
    add(&scene, "location", "lives in Oslo", &["2019"]);
    let other = scene.json(&["memory", "facts", "--persona", "tester"]);
    assert!(contents(&other).is_empty());
}

#[test]
fn facts_answer_as_people_ask() {
    let scene = Scene::with_notes();
    assert_eq!(scene.run(&["memory", "enable"]).code, 0);
    for (kind, content) in [("home", "lives in Oslo"), ("job", "works at Acme")] {
        let add = ["memory", "add-fact", "--type", kind, "--content", content, "--since", "2018"];
        assert_eq!(scene.run(&add).code, 0);
    }
    for (question, noted) in [
        ("where do I live?", "lives in Oslo"),
        ("where do I work?", "works at Acme"),
        ("who works at Acme in 2019?", "works at Acme"),
    ] {
        let ran = scene.run(&["query", question]);
        assert!(ran.stderr.contains(noted) || ran.stdout.contains(noted), "{question}: {ran:?}");
    }
}
