use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::scene::Scene;

const SECRET: &str = "zibbermoth lantern";

/// Asks as a persona; gives the id under which it was kept.
fn ask(scene: &Scene, persona: &str, question: &str) -> String {
    let answer = scene.json(&["query", question, "--persona", persona]);
    find_key(&answer, "interaction").unwrap_or_else(|| panic!("{answer}"))
}

fn find_key(value: &Value, key: &str) -> Option<String> {
    match value {
        Value::Object(fields) => match fields.get(key) {
            Some(Value::String(found)) => Some(found.clone()),
            _ => fields.values().find_map(|value| find_key(value, key)),
        },
        Value::Array(values) => values.iter().find_map(|value| find_key(value, key)),
        _ => None,
    }
}

fn below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![dir.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path.clone());
            }
            found.push(path);
        }
    }
    found
}

fn assert_private(paths: &[PathBuf]) {
    for path in paths {
        let metadata = fs::metadata(path).unwrap();
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.permissions().mode() & 0o777, expected, "{}", path.display());
    }
}

fn holds(path: &Path, text: &str) -> bool {
    let bytes = fs::read(path).unwrap();
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

#[test]
fn files_are_for_their_owner_and_hold_nothing_readable() {
    let scene = Scene::remembering();
    scene.run(&["persona", "create", "Quillfeather", "--focus", "glimmerstone", "--yes"]);
    ask(&scene, "Quillfeather", SECRET);
    ask(&scene, "default", SECRET);
    let memory = scene.data_dir().join("memory");
    // While a chat holds the files open, their logs are there too.
    let mut chat = scene.start_reading(&["chat", "--no-history"]);
    let mut stdin = chat.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, format!("{SECRET}\n").as_bytes()).unwrap();
    let mut stdout = std::io::BufReader::new(chat.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    let files: Vec<PathBuf> =
        below(&memory).into_iter().chain([memory.clone(), scene.data_dir().join("keys")]).collect();
    assert!(files.iter().any(|path| path.to_string_lossy().ends_with(".db-wal")), "{files:?}");
    assert!(files.iter().any(|path| path.to_string_lossy().ends_with(".db-shm")), "{files:?}");
    assert_private(&files);
    drop(stdin);
    drop(stdout);
    chat.wait().unwrap();
    assert_private(&below(&scene.data_dir().join("keys")));

    for path in below(&memory).iter().filter(|path| path.is_file()) {
        for text in [SECRET, "Quillfeather", "glimmerstone", "SQLite format 3", "CREATE TABLE"] {
            assert!(!holds(path, text), "{text} in {}", path.display());
        }
    }
    // Names of files tell nothing either.
    assert!(below(&memory).iter().all(|path| !path.to_string_lossy().contains("Quill")));
}

#[test]
fn a_deleted_question_is_found_nowhere() {
    let scene = Scene::remembering();
    let id = ask(&scene, "default", SECRET);
    ask(&scene, "default", "when does the lease end");
    let verify = |text: &str| scene.run(&["memory", "verify-erased", text]);
    assert_eq!(verify(SECRET).code, 3);
    assert_eq!(verify("LEASE end").code, 3);

    let short = &id[..8];
    let shown = scene.run(&["memory", "delete", short]);
    assert_eq!(shown.code, 0);
    assert!(
        shown.stdout.starts_with("Would delete of default: 1 interaction."),
        "{}",
        shown.stdout
    );
    assert_eq!(scene.json(&["memory", "list"])["total"], 2);
    let deleted = scene.run(&["memory", "delete", short, "--confirm"]);
    assert_eq!(
        (deleted.code, deleted.stdout.as_str()),
        (0, "Deleted of default: 1 interaction.\n")
    );
    let check = verify(SECRET);
    assert_eq!(check.code, 0, "{}{}", check.stdout, check.stderr);
    assert_eq!(scene.run(&["memory", "delete", short, "--confirm"]).code, 1);
    assert_eq!(scene.json(&["memory", "list"])["total"], 1);

    let cleared = scene.json(&["memory", "clear", "--confirm"]);
    assert_eq!(cleared["counts"]["interactions"], 1);
    assert_eq!(scene.run(&["memory", "verify-erased", "--all"]).code, 0);
    assert_eq!(verify("when does the lease").code, 0);
    // What the library itself knows is told apart, and does not count.
    let file = scene.json(&["memory", "verify-erased", "bread.txt"]);
    assert_eq!((&file["erased"], &file["found"][0]["place"]), (&true.into(), &"documents".into()));
    // Wrong usage.
    assert_eq!(scene.run(&["memory", "delete"]).code, 2);
    assert_eq!(scene.run(&["memory", "verify-erased"]).code, 2);
    assert_eq!(
        scene.run(&["memory", "delete", "--since", "2026-05-01", "--until", "2026-04-01"]).code,
        2
    );
}

#[test]
fn a_stretch_of_time_and_a_text_are_forgotten() {
    let scene = Scene::remembering();
    ask(&scene, "default", SECRET);
    ask(&scene, "default", "how long does the loaf bake");
    let forget =
        |confirm: &str| scene.json(&["memory", "forget", "ZIBBERMOTH", "lantern", confirm]);
    let would = forget("--dry-run");
    assert_eq!(
        (&would["deleted"], &would["counts"]["interactions"]),
        (&Value::Bool(false), &Value::from(1))
    );
    let done = forget("--confirm");
    assert_eq!(done["counts"], would["counts"]);
    assert_eq!(scene.run(&["memory", "verify-erased", SECRET]).code, 0);
    assert_eq!(scene.json(&["memory", "list"])["total"], 1);
    let nothing = scene.run(&["memory", "forget", "nobody said this", "--confirm"]);
    assert_eq!(nothing.stdout, "Nothing that default remembers fits.\n");

    let of_old = scene.json(&["memory", "delete", "--until", "2020-01-01", "--confirm"]);
    assert_eq!(of_old["counts"]["interactions"], 0);
    let since = scene.json(&["memory", "delete", "--since", "2020-01-01", "--confirm"]);
    assert_eq!(since["counts"]["interactions"], 1);
    assert_eq!(scene.run(&["memory", "verify-erased", "loaf bake"]).code, 0);
}

#[test]
fn a_text_in_another_file_of_the_folder_is_found() {
    let scene = Scene::remembering();
    fs::create_dir_all(scene.data_dir().join("backups")).unwrap();
    // Over the border of what is read at once, and as JSON writes it.
    let mut bytes = vec![b'.'; (1 << 20) - 5];
    bytes.extend_from_slice(SECRET.to_uppercase().as_bytes());
    fs::write(scene.data_dir().join("backups/copy"), bytes).unwrap();
    fs::write(scene.data_dir().join("backups/copy.json"), r#"{"q": "say \"moth\""}"#).unwrap();
    for (text, file) in [(SECRET, "backups/copy"), ("say \"moth\"", "backups/copy.json")] {
        let ran = scene.run(&["memory", "verify-erased", text, "--format", "json"]);
        assert_eq!(ran.code, 3);
        let check: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(check["found"][0]["file"], file);
        assert_eq!(check["found"][0]["place"], "file");
    }
}

#[test]
fn what_was_done_is_in_the_audit_log() {
    let scene = Scene::remembering();
    scene.run(&["persona", "create", "Quillfeather", "--yes"]);
    ask(&scene, "Quillfeather", SECRET);
    scene.run(&["memory", "clear", "--persona", "Quillfeather", "--confirm"]);
    let log = scene.json(&["memory", "audit-log", "--operations", "clear,persona", "--verify"]);
    let operations: Vec<&str> = log["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["operation"].as_str().unwrap())
        .collect();
    assert_eq!(operations, ["persona-create", "clear"]);
    assert_eq!(log["whole"], true);
    assert!(!log.to_string().contains("zibbermoth"));
    scene.run(&["persona", "delete", "Quillfeather", "--confirm"]);
    assert_eq!(scene.run(&["memory", "verify-erased", "Quillfeather"]).code, 0);
    assert_eq!(scene.run(&["memory", "audit-log", "--verify"]).code, 0);
    assert_eq!(scene.run(&["memory", "audit-log", "--operations", "dance"]).code, 2);
}

#[test]
fn twelve_personas_know_nothing_of_each_other() {
    let scene = Scene::with_notes();
    let canary = |n: usize| {
        format!(
            "canary{}bird",
            ["ab", "cd", "ef", "gh", "ij", "kl", "mn", "op", "qr", "st", "uv", "wx"][n]
        )
    };
    let personas: Vec<String> = (0..12).map(|n| format!("persona{n}")).collect();
    let mut ids = Vec::new();
    for (n, persona) in personas.iter().enumerate() {
        assert_eq!(scene.run(&["persona", "create", persona, "--yes"]).code, 0);
        ids.push(ask(&scene, persona, &format!("what does {} sing", canary(n))));
        scene.run(&[
            "memory",
            "feedback",
            &ids[n],
            &format!("ask {} instead", canary(n)),
            "--persona",
            persona,
        ]);
        // Whose ranking is tested, with a question of its own.
        scene.run(&["memory", "set-interest", &canary(n), "1", "--persona", persona]);
        scene.write("question.txt", format!("where is the nest of {}", canary(n)));
        let test = ["ab-test", "start", "--queries", "files/question.txt", "--persona", persona];
        assert_eq!(scene.run(&[&["memory"], &test[..]].concat()).code, 0);
        let fact = format!("keeps a {}", canary(n));
        let add = ["memory", "add-fact", "--type", "pet", "--since", "2020", "--content"];
        let ran = scene.run(&[&add[..], &[&fact, "--persona", persona]].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        let topic = ["memory", "set-interest", &canary(n), "0.8", "--persona", persona];
        assert_eq!(scene.run(&topic).code, 0);
    }
    for (n, persona) in personas.iter().enumerate() {
        let export = scene.path(&format!("export{n}"));
        let form = ["json", "csv", "yaml", "markdown"][n % 4];
        let args =
            ["memory", "export", export.to_str().unwrap(), "--as", form, "--persona", persona];
        assert_eq!(scene.run(&args).code, 0);
        let of = |args: &[&str]| {
            scene.json(&[args, &["--persona", persona.as_str()]].concat()).to_string()
        };
        let own = [
            of(&["memory", "list", "--limit", "100"]),
            of(&["memory", "show-all"]),
            of(&["memory", "show", &ids[n]]),
            of(&["memory", "search", "canary"]),
            of(&["memory", "facts", "--all"]),
            of(&["memory", "topics"]),
            of(&["memory", "graph"]),
            of(&["memory", "timeline"]),
            fs::read_to_string(&export).unwrap(),
        ];
        for said in &own {
            assert!(said.contains(&canary(n)), "{persona}: {said}");
        }
        let others = [
            of(&["memory", "status"]),
            of(&["memory", "stats"]),
            of(&["memory", "storage-usage"]),
            of(&["memory", "privacy-report"]),
            of(&["memory", "audit-log"]),
            of(&["memory", "forget", "canary", "--dry-run"]),
            of(&["memory", "clear"]),
            of(&["memory", "ab-test", "list"]),
            of(&["memory", "ab-test", "compare"]),
            of(&["memory", "analytics"]),
            of(&["memory", "explain-ranking", "lease.md", "--query", "the lease of the bird"]),
            of(&["memory", "compare-ranking", "--query", "which canary sings"]),
            of(&["memory", "profile"]),
            of(&["memory", "activity", "--detailed"]),
            of(&["memory", "trending", "--min-queries", "1"]),
            of(&["memory", "contradictions"]),
            of(&["memory", "documents"]),
            of(&["memory", "config", "show"]),
            scene.json(&["cache", "stats"]).to_string(),
            scene.json(&["persona", "show", persona]).to_string(),
            scene.json(&["persona", "list"]).to_string(),
            of(&["search", "canary"]),
            of(&["query", "which canary sings"]),
        ];
        for said in own.iter().chain(&others) {
            for other in (0..12).filter(|other| *other != n) {
                assert!(!said.contains(&canary(other)), "{persona} sees {}: {said}", canary(other));
            }
        }
        // Nor does it change or find what is another's.
        let other = &ids[(n + 1) % 12];
        for args in [
            vec!["memory", "show", other],
            vec!["memory", "delete", other, "--confirm"],
            vec!["memory", "feedback", other, "bad"],
        ] {
            let ran = scene.run(&[args.as_slice(), &["--persona", persona]].concat());
            assert_eq!(ran.code, 1, "{args:?} {}", ran.stdout);
        }
        assert_eq!(
            scene.json(&["memory", "search", &canary((n + 1) % 12), "--persona", persona])["total"],
            0
        );
    }
    let backup = scene.path("backup");
    assert_eq!(scene.run(&["memory", "backup", backup.to_str().unwrap()]).code, 0);
    for (n, persona) in personas.iter().enumerate() {
        assert!(!holds(&backup, &canary(n)) && !holds(&backup, persona));
    }
    // Clearing one leaves the others as they are.
    scene.run(&["memory", "clear", "--persona", &personas[0], "--confirm"]);
    assert_eq!(scene.run(&["memory", "verify-erased", &canary(0)]).code, 0);
    for (n, persona) in personas.iter().enumerate().skip(1) {
        let listed = scene.json(&["memory", "list", "--persona", persona]).to_string();
        assert!(listed.contains(&canary(n)));
    }
}

#[test]
fn nothing_is_written_outside_the_data_folder() {
    let scene = Scene::with_notes();
    let (home, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let before: Vec<PathBuf> = below(&scene.path("."));
    for args in memory_commands() {
        let ran = scene.run_with(
            args,
            &[
                ("HOME", home.path().to_str().unwrap()),
                ("TMPDIR", temporary.path().to_str().unwrap()),
                ("SQLITE_TMPDIR", temporary.path().to_str().unwrap()),
            ],
        );
        assert_eq!(ran.code, 0, "{args:?} {}", ran.stderr);
    }
    assert_eq!(below(home.path()), Vec::<PathBuf>::new());
    assert_eq!(below(temporary.path()), Vec::<PathBuf>::new());
    assert_eq!(below(&scene.path(".")), before);
    let ours = below(&scene.data_dir());
    assert!(
        ours.iter().all(|path| path.extension().is_none_or(|ending| ending != "tmp")),
        "{ours:?}"
    );
}

/// Every kind of thing that memory does.
fn memory_commands() -> Vec<&'static [&'static str]> {
    vec![
        &["persona", "create", "work", "--yes"],
        &["persona", "switch", "work"],
        &["query", "zibbermoth lantern"],
        &["search", "lease"],
        &["memory", "pause"],
        &["memory", "enable"],
        &["memory", "list"],
        &["memory", "show-all"],
        &["memory", "stats"],
        &["memory", "storage-usage"],
        &["memory", "audit-log", "--verify"],
        &["memory", "privacy-report"],
        &["memory", "key", "status"],
        &["memory", "config", "set", "personalisation.alpha", "0.5"],
        &["memory", "config", "show"],
        &["memory", "backup", "data/memory.backup"],
        &["memory", "forget", "lease", "--confirm"],
        &["memory", "delete", "--since", "1d", "--confirm"],
        &["memory", "clear", "--confirm"],
        &["memory", "verify-erased", "--all"],
        &["memory", "disable"],
        &["persona", "delete", "work", "--confirm"],
    ]
}

#[test]
fn memory_uses_no_network() {
    let scene = Scene::with_notes();
    let works = |program: &str, args: &[&str]| {
        Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
    };
    let trace = scene.path("trace");
    let strace = ["strace", "-f", "-qq", "-e", "trace=network", "-o", trace.to_str().unwrap()];
    let unshare = ["unshare", "-rn"];
    let can_trace = works("strace", &["-f", "-qq", "-o", trace.to_str().unwrap(), "true"]);
    let can_unshare = works("unshare", &["-rn", "true"]);
    if !can_trace && !can_unshare {
        println!("skipped: neither strace nor a namespace without network may be used here");
        return;
    }
    for args in memory_commands() {
        let watcher: &[&str] = if can_trace { &strace } else { &unshare };
        let ran = scene.run_under(watcher, args);
        assert_eq!(ran.code, 0, "{args:?} {}", ran.stderr);
        if can_trace {
            let calls = fs::read_to_string(&trace).unwrap();
            // Pairs of sockets within the process are no network.
            let outward: Vec<&str> = calls
                .lines()
                .filter(|line| {
                    ["AF_INET", "AF_NETLINK", "connect(", "sendto("]
                        .iter()
                        .any(|call| line.contains(call))
                })
                .collect();
            assert!(outward.is_empty(), "{args:?} {outward:?}");
        }
    }
    if can_unshare {
        let ran = scene.run_under(&unshare, &["memory", "status"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
}

#[test]
fn a_memory_moves_to_another_machine_with_its_key() {
    let old = Scene::remembering();
    ask(&old, "default", SECRET);
    let key = old.path("ragged.key");
    let exported = old.run(&["memory", "key", "export", "files/ragged.key"]);
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    assert!(exported.stderr.contains("whoever reads that file"), "{}", exported.stderr);
    assert_private(std::slice::from_ref(&key));
    // It overwrites nothing.
    assert_eq!(old.run(&["memory", "key", "export", "files/ragged.key"]).code, 1);

    let new = Scene::new();
    let copy = |to: &Scene| {
        fs::create_dir_all(to.data_dir().join("memory")).unwrap();
        for path in below(&old.data_dir().join("memory")) {
            fs::copy(&path, to.data_dir().join("memory").join(path.file_name().unwrap())).unwrap();
        }
    };
    copy(&new);
    let without = new.run(&["memory", "list"]);
    assert_eq!(without.code, 1);
    assert!(without.stderr.contains("memory.key is missing"), "{}", without.stderr);
    assert!(without.stderr.contains("ragged memory key import FILE"), "{}", without.stderr);
    // Another key is refused, and nothing changes.
    let stranger = Scene::new();
    stranger.run(&["memory", "enable"]);
    stranger.run(&["memory", "key", "export", "files/other.key"]);
    let other = stranger.path("other.key");
    let refused = new.run(&["memory", "key", "import", other.to_str().unwrap()]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("does not open"), "{}", refused.stderr);
    assert!(!new.data_dir().join("keys/memory.key").exists());
    assert_eq!(new.run(&["memory", "key", "import", "files/none"]).code, 1);

    let imported = new.run(&["memory", "key", "import", key.to_str().unwrap()]);
    assert_eq!(imported.code, 0, "{}", imported.stderr);
    assert_eq!(new.json(&["memory", "list"])["interactions"][0]["query"], SECRET);
    let log = new.json(&["memory", "audit-log", "--operations", "key", "--verify"]);
    assert_eq!(log["entries"][0]["operation"], "key-export");
    assert_eq!(log["entries"][1]["operation"], "key-import");
}

#[test]
fn a_passphrase_is_set_changed_and_removed() {
    let scene = Scene::remembering();
    ask(&scene, "default", SECRET);
    scene.write("first", "correct horse\n");
    scene.write("second", "battery staple\nnot this\n");
    let change =
        |args: &[&str]| scene.run(&[&["memory", "key", "change-passphrase"], args].concat());
    let status = || scene.json(&["memory", "key", "status"])["protection"].clone();
    assert_eq!(status(), "file");
    assert_eq!(change(&[]).code, 2);
    let set = change(&["--new-passphrase-file", "files/first"]);
    assert_eq!(set.code, 0, "{}", set.stderr);
    assert!(set.stderr.contains("nobody can read"), "{}", set.stderr);
    assert_eq!(status(), "passphrase");

    let list = |variables: &[(&str, &str)], args: &[&str]| {
        scene.run_with(&[&["memory", "list"], args].concat(), variables)
    };
    let without = list(&[], &[]);
    assert_eq!(without.code, 1);
    assert!(without.stderr.contains("RAGGED_MEMORY_PASSPHRASE"), "{}", without.stderr);
    assert_eq!(list(&[("RAGGED_MEMORY_PASSPHRASE", "correct horse")], &[]).code, 0);
    assert_eq!(list(&[], &["--passphrase-file", "files/first"]).code, 0);
    let wrong = list(&[("RAGGED_MEMORY_PASSPHRASE", "wrong")], &[]);
    assert!(wrong.code == 1 && wrong.stderr.contains("not the right one"), "{}", wrong.stderr);

    let wrong =
        change(&["--passphrase-file", "files/second", "--new-passphrase-file", "files/second"]);
    assert_eq!(wrong.code, 1);
    let changed =
        change(&["--passphrase-file", "files/first", "--new-passphrase-file", "files/second"]);
    assert_eq!(changed.code, 0, "{}", changed.stderr);
    assert_eq!(list(&[], &["--passphrase-file", "files/first"]).code, 1);
    assert_eq!(list(&[], &["--passphrase-file", "files/second"]).code, 0);
    assert_eq!(change(&["--passphrase-file", "files/second", "--remove"]).code, 0);
    assert_eq!(status(), "file");
    assert_eq!(list(&[], &[]).code, 0);
    assert_private(&below(&scene.data_dir().join("keys")));
}

#[test]
fn the_report_says_what_is_kept_and_who_agreed() {
    let scene = Scene::with_notes();
    let none = scene.json(&["memory", "privacy-report"]);
    assert_eq!((&none["key_protection"], &none["personas"]), (&Value::Null, &Value::Array(vec![])));
    assert!(!scene.data_dir().join("memory").exists(), "a report makes nothing");
    scene.run(&["memory", "enable"]);
    ask(&scene, "default", SECRET);
    let report = scene.json(&["memory", "privacy-report"]);
    assert_eq!(report["personas"][0]["recording"], "on");
    assert_eq!(report["personas"][0]["interactions"], 1);
    assert_eq!(report["network"], "none");
    assert_eq!(report["retention_days"], 0);
    let kept = report["kept"].as_array().unwrap();
    let paths: Vec<&str> = kept.iter().map(|part| part["path"].as_str().unwrap()).collect();
    assert!(["keys/memory.key", "memory", "library.db", "index"].iter().all(|p| paths.contains(p)));
    for part in kept {
        assert_eq!(part["open_to_others"], 0, "{part}");
    }
    // What can be opened by others is said.
    let key = scene.data_dir().join("keys/memory.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = scene.run(&["memory", "privacy-report"]);
    assert!(ran.stderr.contains("below keys/memory.key can be opened by others"), "{}", ran.stderr);
}

#[test]
fn personal_data_and_age_follow_the_settings() {
    let scene = Scene::remembering();
    scene.run(&["config", "set", "memory.pii_redaction", "true"]);
    let id = ask(&scene, "default", "who is ada@example.org of 555-1234");
    let kept = scene.json(&["memory", "show", &id]);
    assert_eq!(kept["query"], "who is [EMAIL] of [PHONE]");
    assert!(!kept.to_string().contains("example.org"), "{kept}");
    for text in ["ada@example.org", "555-1234"] {
        assert_eq!(scene.run(&["memory", "verify-erased", text]).code, 0, "{text}");
    }
}
