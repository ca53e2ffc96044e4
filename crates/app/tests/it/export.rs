use std::fs;

use serde_json::{Value, json};

use crate::scene::Scene;

/// A library whose memory knows what a file says.
fn remembering() -> Scene {
    let scene = Scene::with_notes();
    let first = scene.run(&["memory", "enable"]);
    assert_eq!(first.code, 0, "{first:?}");
    for question in ["when does the lease of the flat end?", "=HYPERLINK(\"lease\") deposit"] {
        assert_eq!(scene.run(&["query", question]).code, 0);
    }
    scene
}

fn exported(scene: &Scene, args: &[&str]) -> Value {
    let ran = scene.run(&[&["memory", "export", "-"], args].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn an_export_holds_what_was_asked_and_comes_in_again_without_loss() {
    let scene = remembering();
    let listed = scene.json(&["memory", "list"]);
    let id = listed["interactions"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(scene.run(&["memory", "feedback", &id, "good"]).code, 0);
    let edited = scene.run(&["persona", "edit", "default", "--focus", "leases, bread"]);
    assert_eq!(edited.code, 0, "{edited:?}");

    let done = scene.json(&["memory", "export", "out.json"]);
    assert_eq!((&done["as"], &done["exported"]["interactions"]), (&json!("json"), &json!(2)));
    let file = scene.data_dir().with_file_name("out.json");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(done["bytes"], text.len() as u64);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let mut first: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&first["format"], &first["version"]), (&json!("ragged-memory"), &json!(1)));
    assert_eq!((&first["total"], &first["persona"]["name"]), (&json!(2), &json!("default")));
    let asked = &first["interactions"][0];
    assert_eq!(asked["query"], "when does the lease of the flat end?");
    assert_eq!(asked["persona"], "default");
    assert!(asked["response"].as_str().unwrap().contains("31 March 2027"), "{asked}");
    let hash = asked["documents"][0]["content_hash"].as_str().unwrap();
    assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
    assert!(first["topics"].as_array().unwrap().iter().any(|topic| topic["frequency"] != 0));

    assert_eq!(scene.run(&["persona", "create", "heir"]).code, 0);
    let rehearsed = scene.json(&["memory", "import", "out.json", "--persona", "heir", "--dry-run"]);
    assert_eq!(
        (&rehearsed["added"]["interactions"], &rehearsed["described"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(exported(&scene, &["--persona", "heir"])["total"], 0);
    let ran = scene.run(&["memory", "import", "out.json", "--persona", "heir"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("Added 2 of 2 interactions"), "{ran:?}");

    let written = scene.run(&["memory", "export", "out.json", "--persona", "heir"]);
    assert_eq!(written.code, 0, "{written:?}");
    let mut second: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(second["persona"]["consent"]["recording"], "off", "consent is not imported");
    for export in [&mut first, &mut second] {
        export["exported_at"] = Value::Null;
        for field in ["name", "consent", "created_at"] {
            export["persona"][field] = Value::Null;
        }
        for interaction in export["interactions"].as_array_mut().unwrap() {
            interaction["persona"] = Value::Null;
        }
    }
    assert_eq!(first, second);

    let again = scene
        .run_reading(&["memory", "import", "-", "--persona", "heir", "--format", "json"], &text);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(
        (&again["read"]["interactions"], &again["added"]["interactions"]),
        (&json!(2), &json!(0))
    );
}

#[test]
fn a_file_that_is_malformed_or_newer_is_refused_and_changes_nothing() {
    let scene = remembering();
    assert_eq!(scene.run(&["memory", "export", "out.json"]).code, 0);
    let text = fs::read_to_string(scene.data_dir().with_file_name("out.json")).unwrap();
    assert_eq!(scene.run(&["persona", "create", "heir"]).code, 0);
    let newer = text.replacen("\"version\": 1", "\"version\": 2", 1);
    let other = text.replacen("ragged-memory", "something", 1);
    let half = text[..text.rfind("\"learned\"").unwrap()].to_owned();
    let unknown = text.replacen("\"learned\":", "\"colour\":1,\"learned\":", 1);
    let missing = text.replacen("\"session_id\":", "\"sessions\":", 1);
    let untimely = text.replacen("\"timestamp\":\"2", "\"timestamp\":\"x2", 1);
    let id =
        text.replacen("\"interactions\": [\n{\"id\":\"", "\"interactions\": [\n{\"id\":\"zz", 1);
    let row = text.lines().position(|line| line.contains("\"interactions\": [")).unwrap() + 2;
    let at = format!("at line {row} ");
    for (bad, said) in [
        (newer, vec!["version 2", "newer ragged"]),
        (other, vec!["\"something\"", "line 2"]),
        (half, vec!["interactions[1]", "EOF"]),
        (unknown, vec!["interactions[0]", "`colour`", &at]),
        (missing, vec!["interactions[0]", "`sessions`", &at]),
        (untimely, vec!["interactions[0]", "a time such as", &at]),
        (id, vec!["interactions[0]", "32 hexadecimal digits"]),
        (String::new(), vec!["EOF"]),
        ("[1, 2]".to_owned(), vec!["an export of a memory"]),
        (format!("{text}{{}}"), vec!["trailing characters"]),
        ("{\"interactions\": []}".to_owned(), vec!["does not begin with"]),
    ] {
        let ran = scene.run_reading(&["memory", "import", "-", "--persona", "heir"], &bad);
        assert_eq!(ran.code, 1, "{said:?} {ran:?}");
        for word in said {
            assert!(ran.stderr.contains(word), "{word}: {ran:?}");
        }
        let after = exported(&scene, &["--persona", "heir"]);
        assert_eq!((&after["total"], &after["topics"]), (&json!(0), &json!([])));
    }
}

#[test]
fn tables_for_spreadsheets_hold_no_formula() {
    let scene = remembering();
    let ran = scene.run(&["memory", "export", "-", "--as", "csv"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut reader = csv::Reader::from_reader(ran.stdout.as_bytes());
    let at = reader.headers().unwrap().iter().position(|name| name == "query").unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(&rows[1][at], "'=HYPERLINK(\"lease\") deposit");
    for cell in rows.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
    }
}

#[test]
fn yaml_says_what_json_says() {
    let scene = remembering();
    let mut json = exported(&scene, &[]);
    let ran = scene.run(&["memory", "export", "-", "--as", "yaml"]);
    let mut yaml: Value = serde_saphyr::from_str(&ran.stdout).unwrap();
    json["exported_at"] = Value::Null;
    yaml["exported_at"] = Value::Null;
    assert_eq!(json, yaml, "{}", ran.stdout);
}

#[test]
fn a_person_can_read_it_and_a_stretch_of_time_is_enough() {
    let scene = remembering();
    let ran = scene.run(&["memory", "export", "-", "--as", "markdown"]);
    assert!(ran.stdout.starts_with("# What default remembers\n"), "{ran:?}");
    assert!(ran.stdout.contains("**when does the lease of the flat end?**"), "{ran:?}");
    assert!(ran.stdout.contains("> "), "{ran:?}");
    let none = exported(&scene, &["--until", "2020-01-01"]);
    assert_eq!((&none["total"], &none["interactions"]), (&json!(0), &json!([])));
    assert!(none["until"].as_str().unwrap().starts_with("2020-01-0"), "{}", none["until"]);
    assert!(!none["topics"].as_array().unwrap().is_empty(), "of the whole");
}
