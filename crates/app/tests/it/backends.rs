use std::path::PathBuf;

use crate::scene::Scene;

fn backups(scene: &Scene) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(scene.data_dir().join("backups")) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// Names that hold a time, and folders that hold a model's fingerprint.
fn stable(shown: &str) -> String {
    let mut stable = String::new();
    for line in shown.split_inclusive('\n') {
        let mut line = line.to_owned();
        if let Some(at) = line.find("migration_backup_") {
            let end = line[at..].find(".tar.gz").unwrap() + at;
            line.replace_range(at + "migration_backup_".len()..end, "[TIME]");
        }
        if let Some(at) = line.find("-balanced") {
            line.replace_range(at - 16..at, "[MODEL]");
        }
        stable.push_str(&line);
    }
    stable
}

#[test]
fn backends_are_listed_without_asking_the_network() {
    let scene = Scene::with_notes();
    insta::assert_snapshot!(stable(&scene.run(&["backend", "list"]).shown()), @r"
    exit 0
    --- stdout
        name      available  vectors  current
     →  leann     yes        3        yes
        exact     yes        0        yes
        chromadb  not asked
    --- stderr
    chromadb: asking it would use the network; it is asked once a setting or a command names it
    ");
    let listed = scene.json(&["backend", "list"]);
    assert_eq!(listed[0]["name"], "leann");
    assert_eq!((&listed[0]["active"], &listed[0]["available"]), (&true.into(), &true.into()));
    assert_eq!(listed[0]["holds"]["vectors"], 3);
    assert!(listed[2]["available"].is_null() && listed[2]["reason"].is_string(), "{listed}");
    assert_eq!(scene.json(&["status"])["backend"], "leann");
}

#[test]
fn a_migration_fills_compares_and_switches() {
    let scene = Scene::with_notes();
    // To what keeps nothing and back is a whole migration: the second fills from the text.
    let ran = scene.run(&["backend", "migrate", "leann", "exact"]);
    insta::assert_snapshot!(stable(&ran.shown()), @r"
    exit 0
    --- stdout
    exact is used from now on. It keeps nothing, so nothing was filled.
    Backup: [ROOT]/data/backups/migration_backup_[TIME].tar.gz (# [SIZE])
    --- stderr
    `ragged backend rollback --confirm` goes back.
    ");
    assert_eq!(scene.run(&["config", "get", "backend.type"]).stdout, "exact\n");
    let found = scene.json(&["search", "when does the lease end?"]);
    assert_eq!(found["plan"]["backend"], "exact");

    let freed = scene.json(&["backend", "cleanup", "leann", "--confirm"]);
    assert!(freed["bytes"].as_u64().unwrap() > 0 && freed["removed"] == true, "{freed}");
    let ran = scene.run(&["backend", "migrate", "exact", "leann", "--dry-run"]);
    insta::assert_snapshot!(stable(&ran.shown()), @r"
    exit 0
    --- stdout
    1. exact keeps nothing on this disk; the configuration file is packed
    2. make the vectors of 3 of 3 chunks from the text, in [ROOT]/data/index/vectors/[MODEL]-balanced
    3. compare leann with exact
    4. set backend.type to leann
    --- stderr
    Nothing was changed.
    ");
    assert_eq!(scene.run(&["config", "get", "backend.type"]).stdout, "exact\n");
    let report = scene.json(&["backend", "migrate", "exact", "leann"]);
    assert_eq!((&report["documents_filled"], &report["switched"]), (&3.into(), &true.into()));
    assert_eq!(report["verification"]["agree"], true, "{report}");
    assert_eq!(report["verification"]["sampled"], 3);
    assert!(report["backup"]["path"].is_string(), "{report}");
    assert_eq!(scene.json(&["search", "lease"])["plan"]["backend"], "leann");
    assert_eq!(scene.run(&["check"]).code, 0);

    let status = scene.json(&["backend", "status"]);
    assert_eq!((&status["name"], &status["healthy"]), (&"leann".into(), &true.into()));
    assert_eq!(status["last_migration"]["source"], "exact", "{status}");
    // Said twice, as by a script that was killed after the last step.
    let ran = scene.run(&["backend", "migrate", "exact", "leann", "--resume"]);
    insta::assert_snapshot!(ran.shown(), @r"
    exit 0
    --- stdout
    leann is in use already; nothing is left to do.
    --- stderr
    ");
}

#[test]
fn a_migration_that_cannot_be_is_refused() {
    let scene = Scene::with_notes();
    insta::assert_snapshot!(scene.run(&["backend", "migrate", "exact", "chromadb"]).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: leann is in use, not exact
    hint: `ragged backend migrate leann chromadb`
    ");
    insta::assert_snapshot!(scene.run(&["backend", "migrate", "leann", "exact", "--resume"]).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: there is no unfinished migration
    hint: leave out --resume to begin one
    ");
    let ran = scene.run(&["backend", "migrate", "leann", "exact", "-o", "backend.type=leann"]);
    insta::assert_snapshot!(ran.shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: backend.type comes from the flag, not from the file
    hint: leave out `-o backend.type=…`
    ");
    let ran = scene.run_with(&["backend", "use", "exact"], &[("RAGGED_BACKEND_TYPE", "leann")]);
    assert!(ran.code == 2 && ran.stderr.contains("`unset RAGGED_BACKEND_TYPE`"), "{ran:?}");
    assert_eq!(scene.run(&["backend", "migrate", "leann", "leann"]).code, 1);
    assert_eq!(scene.run(&["backend", "verify", "leann", "leann"]).code, 2);
    assert_eq!(scene.run(&["backend", "cleanup", "leann", "--confirm"]).code, 1);
    assert_eq!(scene.run(&["backend", "compare", "leann"]).code, 2);
    assert!(backups(&scene).is_empty());
}

#[test]
fn an_unfinished_migration_is_told_of() {
    let scene = Scene::with_notes();
    assert_eq!(scene.run(&["backend", "use", "exact"]).code, 0);
    let checkpoint = scene.data_dir().join("migration_20261123_083341.ckpt");
    let text = r#"{"format": 1, "source": "exact", "target": "leann", "started_ms": 0,
        "step": "fill", "documents_done": 1, "documents": 3, "backup": null}"#;
    std::fs::write(&checkpoint, text).unwrap();
    let ran = scene.run(&["backend", "migrate", "exact", "leann"]);
    insta::assert_snapshot!(ran.shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: a migration from exact to leann is not finished (1 of 3 documents)
    hint: `ragged backend migrate exact leann --resume` goes on with it; `ragged backend cleanup leann --confirm` gives it up
    ");
    let status = scene.json(&["backend", "status"]);
    assert_eq!(status["unfinished_migration"]["documents_done"], 1, "{status}");
    let report = scene.json(&["backend", "migrate", "exact", "leann", "--resume"]);
    assert_eq!((&report["resumed"], &report["switched"]), (&true.into(), &true.into()));
    assert!(!checkpoint.exists());
}

#[test]
fn an_empty_backend_is_not_switched_to() {
    let scene = Scene::with_notes();
    assert_eq!(scene.run(&["backend", "use", "exact"]).code, 0);
    assert_eq!(scene.run(&["backend", "cleanup", "leann", "--confirm"]).code, 0);
    insta::assert_snapshot!(scene.run(&["backend", "use", "leann"]).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: leann holds 0 vectors of the library's 3 chunks, and not all changes
    hint: `ragged backend migrate exact leann` fills it and then uses it; --force uses it now and fills it when the library is next used
    ");
    assert_eq!(scene.run(&["config", "get", "backend.type"]).stdout, "exact\n");
    assert_eq!(scene.run(&["backend", "use", "leann", "--force"]).code, 0);
    assert_eq!(scene.json(&["backend", "stats"])["holds"]["vectors"], 3);
    // One that holds the library is.
    assert_eq!(scene.run(&["backend", "set", "exact"]).code, 0);
    let changed = scene.json(&["backend", "use", "leann"]);
    assert_eq!((&changed["backend"], &changed["former"]), (&"leann".into(), &"exact".into()));
    // Not after changes that it slept through.
    assert_eq!(scene.run(&["backend", "use", "exact"]).code, 0);
    scene.write("new.md", "# New\n\nSomething that leann has not seen.\n");
    assert_eq!(scene.run(&["add", "files"]).code, 0);
    let ran = scene.run(&["backend", "use", "leann"]);
    assert!(ran.code == 1 && ran.stderr.contains("migrate exact leann"), "{ran:?}");
}

#[test]
fn two_backends_are_compared() {
    let scene = Scene::with_notes();
    let ran = scene.run(&["backend", "verify", "leann", "exact"]);
    insta::assert_snapshot!(ran.shown(), @r"
    exit 0
    --- stdout
    leann and exact agree.
    Compared: 3 chunks, 3 of them anew from their text, each found by its own vector with at least 1.0000; the ten nearest of 3 queries overlap by 1.000.
    --- stderr
    ");
    // One that sleeps through a change differs.
    assert_eq!(scene.run(&["backend", "use", "exact"]).code, 0);
    assert_eq!(scene.run(&["remove", "files/bread.txt"]).code, 0);
    let ran = scene.run(&["backend", "verify", "leann", "exact"]);
    insta::assert_snapshot!(ran.shown(), @r"
    exit 3
    --- stdout
    leann and exact differ:
      • leann reflects generation 1, the library is at 2
    --- stderr
    ");
    let found = scene.json(&["backend", "verify", "exact", "leann"]);
    assert_eq!(found["agree"], false, "{found}");
}

#[test]
fn a_rollback_keeps_what_was_added_since() {
    let scene = Scene::with_notes();
    let nothing = scene.run(&["backend", "rollback", "--confirm"]);
    assert!(nothing.code == 1 && nothing.stderr.contains("no backup"), "{nothing:?}");
    assert_eq!(scene.run(&["backend", "migrate", "leann", "exact"]).code, 0);
    scene.write("new.md", "# New\n\nThe ferry leaves at noon.\n");
    assert_eq!(scene.run(&["add", "files"]).code, 0);
    let asked = scene.run(&["backend", "rollback"]);
    assert!(asked.code == 0 && asked.stderr.contains("--confirm"), "{asked:?}");
    assert_eq!(scene.run(&["config", "get", "backend.type"]).stdout, "exact\n");
    insta::assert_snapshot!(scene.run(&["backend", "rollback", "--confirm"]).shown(), @r"
    exit 0
    --- stdout
    leann is used again, with 4 vectors.
    --- stderr
    ");
    assert_eq!(scene.run(&["config", "get", "backend.type"]).stdout, "leann\n");
    let found = scene.json(&["search", "when does the ferry leave?"]);
    assert_eq!(found["plan"]["backend"], "leann");
    assert!(found["hits"][0]["document"]["path"].as_str().unwrap().ends_with("new.md"));
    assert_eq!(scene.run(&["check"]).code, 0);
    let ran = scene.run(&["backend", "rollback", "--backup", "files/new.md", "--confirm"]);
    assert!(ran.code == 1 && ran.stderr.contains("no backup of a migration"), "{ran:?}");
}

#[test]
fn backups_are_listed_and_cleaned() {
    let scene = Scene::with_notes();
    for _ in 0..3 {
        assert_eq!(scene.run(&["backend", "migrate", "leann", "exact"]).code, 0);
        assert_eq!(scene.run(&["backend", "migrate", "exact", "leann"]).code, 0);
    }
    assert_eq!(backups(&scene).len(), 3, "the last three are kept");
    let listed = scene.json(&["backend", "backups", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert_eq!((&listed[0]["source"], &listed[0]["has_vectors"]), (&"exact".into(), &false.into()));
    assert_eq!(listed[1]["has_vectors"], true, "{listed}");
    let clean = ["backend", "backups", "clean", "--keep-latest", "1"];
    let planned = scene.json(&[&clean[..], &["--dry-run"]].concat());
    assert_eq!((planned["removed"].as_array().unwrap().len(), backups(&scene).len()), (2, 3));
    assert_eq!(scene.run(&clean).code, 0);
    assert_eq!(backups(&scene).len(), 1);
}

#[test]
fn sizes_are_measured_and_a_backend_is_recommended() {
    let scene = Scene::with_notes();
    let compared = scene.json(&["backend", "compare", "leann", "exact"]);
    let (leann, exact) = (&compared["backends"][0], &compared["backends"][1]);
    assert_eq!((&leann["vectors_in"], &exact["vectors_in"]), (&"disk".into(), &"memory".into()));
    // Three chunks of 256 numbers of four bytes.
    assert_eq!(exact["vector_bytes"], 3 * 256 * 4);
    let on_disk = scene.json(&["status"])["store_bytes"]["vectors"].clone();
    assert_eq!(leann["vector_bytes"], on_disk, "{compared}");
    let ran = scene.run(&["backend", "compare", "leann", "exact"]);
    assert!(ran.code == 0 && ran.stdout.contains("per document"), "{ran:?}");

    insta::assert_snapshot!(scene.run(&["backend", "recommend"]).shown(), @r"
    exit 0
    --- stdout
    leann, which is in use
      • leann is part of ragged: nothing to install, nothing leaves this machine
      • its codes of this library's 3 chunks take # [SIZE]; the vectors themselves, which the others keep, are # [SIZE] (1.2 × as much)
      • text, words and codes together take # [SIZE]
    Another one:
      • chromadb, where a team shares one server, or many programs write at once: one ragged writes to a library at a time
      • chromadb, where other programs are to read the vectors
      • exact, to measure what the others miss: `ragged eval DIR --mode vector --against exact`
    --- stderr
    ");
    let fits = scene.json(&["backend", "recommend", "--max-storage", "500"]);
    assert_eq!((&fits["backend"], &fits["fits"]), (&"leann".into(), &true.into()));
    let ran = scene.run(&["backend", "recommend", "--max-storage", "0"]);
    assert!(ran.code == 3 && ran.stdout.contains("exceeds"), "{ran:?}");
}

#[test]
fn every_command_about_backends_has_help_with_an_example() {
    let scene = Scene::new();
    for command in [
        "list",
        "status",
        "use",
        "stats",
        "compare",
        "recommend",
        "migrate",
        "verify",
        "rollback",
        "backups",
        "cleanup",
        "current",
        "set",
        "compare-storage",
        "storage-info",
    ] {
        let help = scene.run(&["backend", command, "--help"]);
        assert_eq!(help.code, 0, "{help:?}");
        assert!(help.stdout.contains("Example"), "{command}: {}", help.stdout);
    }
}
