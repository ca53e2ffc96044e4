use crate::scene::Scene;

/// Notes in `default`, and two folders with a collection each.
fn scene() -> Scene {
    let scene = Scene::with_notes();
    scene.write("taxes/receipt.md", "The receipt for the desk: 240 euros, deductible.");
    scene.write("taxes/letter.md", "The tax office wants the form by the end of May.");
    scene.write("work/plan.md", "The plan for the desk in the office.");
    for (folder, name) in [("files/taxes", "taxes"), ("files/work", "work")] {
        let ran = scene.run(&["add", folder, "--collection", name]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    scene
}

fn names(scene: &Scene) -> Vec<(String, u64)> {
    let listed = scene.json(&["collection", "list"]);
    let of = |row: &serde_json::Value| {
        (row["name"].as_str().unwrap().to_owned(), row["files"].as_u64().unwrap())
    };
    listed.as_array().unwrap().iter().map(of).collect()
}

#[test]
fn folders_are_added_to_collections_and_listed() {
    let scene = scene();
    let ran = scene.run(&["collection", "list"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<Vec<&str>> =
        ran.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["name", "files", "documents", "chunks", "text"]);
    let counts: Vec<&[&str]> = lines[1..].iter().map(|line| &line[..4]).collect();
    assert_eq!(counts[1..], [["taxes", "2", "2", "2"], ["work", "1", "1", "1"]], "{ran:?}");
    assert_eq!(counts[0][..3], ["default", "3", "3"]);
    assert_eq!(ran.stderr, "3 collections\n");
    let row = &scene.json(&["collection", "list"])[1];
    assert_eq!(
        (row["documents"].as_u64(), row["chunks"].as_u64(), row["text_bytes"].as_u64()),
        (Some(2), Some(2), Some(96)),
        "{row}"
    );
    assert_eq!(scene.json(&["status"])["collections"], 3);

    let listed = scene.json(&["list", "--collection", "taxes", "--collection", "work"]);
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|file| file["collection"] != "default"));
    let shown = scene.json(&["show", "files/work/plan.md"]);
    assert_eq!(shown["collections"], serde_json::json!(["work"]));
}

#[test]
fn known_files_move_only_when_a_collection_is_named() {
    let scene = Scene::with_notes();
    let ran = scene.run(&["add", "files", "--collection", " Home  notes "]);
    assert!(ran.stdout.starts_with("3 moved to the collection, 3 unchanged ("), "{ran:?}");
    assert!(ran.stderr.starts_with("The collection \"Home notes\" is new.\n"), "{ran:?}");
    scene.write("new.md", "A new note.");
    assert_eq!(scene.json(&["add", "files"])["reassigned"], 0);
    let moved = scene.json(&["add", "files/new.md", "--collection", "other", "--dry-run"]);
    assert_eq!((&moved["reassigned"], &moved["created_collection"]), (&1.into(), &true.into()));
    assert_eq!(names(&scene), [("Home notes".into(), 4), ("default".into(), 0)]);
}

#[test]
fn a_search_reads_all_collections_or_the_named_ones() {
    let scene = scene();
    let found = |args: &[&str]| -> Vec<String> {
        let found = scene.json(&[&["search", "the desk in the office"], args].concat());
        let hits = found["hits"].as_array().unwrap();
        hits.iter().map(|hit| hit["document"]["collection"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found(&[]).len(), 6);
    assert_eq!(found(&["--collection", "work"]), ["work"]);
    assert_eq!(found(&["--collection", "taxes", "--type", "pdf"]), [""; 0]);
    let two = found(&["--collection", "taxes", "--collection", "work"]);
    assert!(two.len() == 3 && !two.contains(&"default".to_owned()), "{two:?}");

    let answer = scene.json(&["query", "what is deductible?", "--collection", "taxes"]);
    assert!(answer["answer"].as_str().unwrap().contains("240 euros"), "{answer}");
    let answer = scene.json(&["query", "what is deductible?", "--collection", "work"]);
    assert!(!answer["answer"].as_str().unwrap().contains("240 euros"), "{answer}");

    let ran = scene.run(&["search", "desk", "--collection", "work"]);
    assert!(ran.stdout.contains("plan.md") && ran.stdout.contains("[work]"), "{ran:?}");
}

#[test]
fn an_unknown_collection_is_an_error_that_helps() {
    let scene = scene();
    let ran = scene.run(&["search", "desk", "--collection", "wrok"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert_eq!(
        ran.stderr,
        "error: there is no collection \"wrok\"\n\
         hint: did you mean \"work\"? There are: default, taxes, work\n"
    );
    for args in [
        &["query", "desk", "--collection", "none"][..],
        &["list", "--collection", "none"],
        &["collection", "remove", "none", "--confirm"],
        &["collection", "remove", "none"],
        &["collection", "rename", "none", "some"],
    ] {
        let ran = scene.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{args:?} {ran:?}");
        assert!(ran.stderr.contains("default, taxes, work"), "{args:?} {ran:?}");
    }
    let ran = scene.run(&["search", "desk", "--collection", "none", "--format", "json"]);
    let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(error["error"]["kind"], "not-found");
}

#[test]
fn hostile_names_are_usage_errors_and_change_nothing() {
    let scene = scene();
    for name in ["", " ", "../x", "a/b", "-x", "a\u{1b}[31mb", "a\u{202e}b", "'; DROP TABLE files"]
    {
        let flag = format!("--collection={name}");
        for args in [
            &["add", "files", &flag][..],
            &["search", "desk", &flag],
            &["query", "desk", &flag],
            &["list", &flag],
            &["collection", "rename", "work", "--", name],
            &["collection", "remove", "--confirm", "--", name],
        ] {
            let ran = scene.run(args);
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?} {ran:?}");
            assert!(ran.stderr.contains("cannot name a collection"), "{args:?} {ran:?}");
            assert!(!ran.stderr.contains(['\u{1b}', '\u{202e}']), "{args:?} {ran:?}");
        }
    }
    let long = "x".repeat(65);
    assert_eq!(scene.run(&["add", "files", "--collection", &long]).code, 2);
    assert_eq!(names(&scene), [("default".into(), 3), ("taxes".into(), 2), ("work".into(), 1)]);
    assert_eq!(scene.run(&["check"]).code, 0);
}

#[test]
fn renaming_keeps_all() {
    let scene = scene();
    let ran = scene.run(&["collection", "rename", "taxes", "Steuer 2026 – nein"]);
    assert_eq!(ran.code, 2, "a dash that is no hyphen: {ran:?}");
    let ran = scene.run(&["collection", "rename", "taxes", "Steuer 2026"]);
    assert_eq!(ran.stdout, "\"taxes\" is now called \"Steuer 2026\".\n", "{ran:?}");
    scene.write("taxes/more.md", "One more letter from the tax office.");
    scene.run(&["add", "files"]);
    assert_eq!(
        names(&scene),
        [("Steuer 2026".into(), 3), ("default".into(), 3), ("work".into(), 1)]
    );
    let ran = scene.run(&["collection", "rename", "work", "Steuer 2026"]);
    assert!(ran.code == 1 && ran.stderr.contains("already"), "{ran:?}");
    let ran = scene.run(&["collection", "rename", "default", "main"]);
    assert!(ran.code == 1 && ran.stderr.contains("cannot be renamed"), "{ran:?}");
}

#[test]
fn removing_asks_first_and_leaves_the_files() {
    let scene = scene();
    for args in
        [&["collection", "remove", "taxes"][..], &["collection", "remove", "taxes", "--dry-run"]]
    {
        let ran = scene.run(args);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(
            ran.stdout,
            "Would remove \"taxes\" and forget 2 files and 2 documents that no other collection \
             holds.
"
        );
        assert!(ran.stderr.contains("--confirm"), "{ran:?}");
    }
    assert_eq!(scene.run(&["collection", "remove", "taxes", "--dry-run", "--confirm"]).code, 2);
    assert_eq!(names(&scene).len(), 3);
    let removed = scene.json(&["collection", "remove", "taxes", "--confirm"]);
    assert_eq!(removed["removed"], true);
    assert_eq!((&removed["files"], &removed["documents"]), (&2.into(), &2.into()));
    assert_eq!(names(&scene), [("default".into(), 3), ("work".into(), 1)]);
    assert!(scene.path("taxes/receipt.md").exists(), "the file itself stays");

    let ran = scene.run(&["collection", "remove", "default", "--confirm"]);
    assert_eq!(
        ran.stdout,
        "Emptied \"default\"; forgot 3 files and 3 documents that no other collection holds.\n"
    );
    assert_eq!(names(&scene), [("default".into(), 0), ("work".into(), 1)]);
    assert_eq!(scene.run(&["check"]).code, 0);
    // Where the folder belonged is forgotten with it.
    scene.run(&["add", "files"]);
    assert_eq!(names(&scene), [("default".into(), 5), ("work".into(), 1)]);
}

#[test]
fn eval_searches_the_collection_that_it_fills() {
    let scene = Scene::new();
    scene.write(
        "set/corpus.jsonl",
        "{\"_id\":\"a\",\"title\":\"\",\"text\":\"the moon pulls the sea\"}\n\
         {\"_id\":\"b\",\"title\":\"\",\"text\":\"bread is baked from flour\"}\n",
    );
    scene.write("set/queries.jsonl", "{\"_id\":\"q\",\"text\":\"what pulls the sea\"}\n");
    scene.write("set/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\ta\t1\n");
    let report = scene.json(&["eval", "files/set", "--collection", "judged"]);
    assert_eq!((&report["collection"], &report["ndcg_at_10"]), (&"judged".into(), &1.0.into()));
    let report = scene.json(&["eval", "files/set"]);
    assert_eq!((&report["collection"], &report["ndcg_at_10"]), (&().into(), &1.0.into()));
}
