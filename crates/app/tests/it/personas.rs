use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    thread::JoinHandle,
};

use serde_json::{Value, json};

use crate::scene::Scene;

const LEASE: &str = "when does the lease of the flat end?";

fn setting(scene: &Scene, args: &[&str]) -> (String, String) {
    let found = scene.json(args);
    let text = |name: &str| found[name].as_str().unwrap().to_owned();
    (text("value"), text("origin"))
}

/// What a search gives, without times and without who asked.
fn found(scene: &Scene, args: &[&str]) -> Value {
    let mut found = scene.json(args);
    let fields = found.as_object_mut().unwrap();
    fields.remove("timings_ms");
    fields.remove("memory");
    found
}

#[test]
fn a_setting_of_a_persona_stands_between_the_file_and_a_flag() {
    let scene = Scene::remembering();
    scene.run(&["persona", "create", "ada", "--yes"]).ok();
    let get = ["memory", "config", "get", "personalisation.alpha"];
    let of_ada = [&get[..], &["--persona", "ada"]].concat();
    assert_eq!(setting(&scene, &get), ("0.3".into(), "default".into()));
    scene.run(&["config", "set", "personalisation.alpha", "0.4"]).ok();
    let (value, origin) = setting(&scene, &of_ada);
    assert!(value == "0.4" && origin.ends_with("config.yaml"), "{value} {origin}");
    scene.run(&["memory", "set", "personalisation.alpha", "0.6", "--persona", "ada"]).ok();
    assert_eq!(setting(&scene, &of_ada), ("0.6".into(), "persona ada".into()));
    assert_eq!(setting(&scene, &get).0, "0.4", "the other persona");
    let flag = [&of_ada[..], &["-o", "personalisation.alpha=0.1"]].concat();
    assert_eq!(setting(&scene, &flag), ("0.1".into(), "flag".into()));
    // A preset of the persona's own stands above a number of the file, and not above its own.
    let threshold = "personalisation.min_confidence_threshold";
    scene.run(&["config", "set", threshold, "0.9"]).ok();
    let preset = ["memory", "config", "set", "personalisation.preset"];
    scene.run(&[&preset[..], &["conservative", "--persona", "ada"]].concat()).ok();
    let shown = scene.json(&["memory", "config", "show", "personalisation", "--persona", "ada"]);
    let value = |key: &str| {
        let settings = shown["settings"].as_array().unwrap();
        settings.iter().find(|setting| setting["key"] == key).unwrap()["value"].clone()
    };
    assert_eq!(value(threshold), "0.5");
    assert_eq!(value("personalisation.alpha"), "0.6");
    scene.run(&["memory", "config", "reset", "personalisation.alpha", "--persona", "ada"]).ok();
    assert_eq!(setting(&scene, &of_ada).0, "0.2");
    // What is out of range, unknown, or not of one persona.
    for (key, value, says) in [
        ("personalisation.alpha", "0.95", "outside 0 to 0.9"),
        ("personalisation.alhpa", "0.5", "did you mean personalisation.alpha?"),
        ("backend.type", "exact", "setting of the whole library"),
    ] {
        let ran = scene.run(&["memory", "config", "set", key, value]);
        assert!(ran.code == 2 && ran.stderr.contains(says), "{ran:?}");
    }
    assert_eq!(scene.run(&["memory", "config", "show", "dance"]).code, 2);
}

/// Three notes that say the same of different things.
fn three_plans() -> Scene {
    let scene = Scene::new();
    for (name, subject) in [("a.md", "harbour"), ("b.md", "garden"), ("c.md", "orchard")] {
        scene.write(name, format!("# {subject}\n\nThe plan of the year for the {subject}.\n"));
    }
    scene.run(&["add", "files"]).ok();
    scene
}

/// Somebody who cares about one of them; recording is paused, so that asking changes nothing.
fn care(scene: &Scene) {
    scene.run(&["memory", "enable"]).ok();
    scene.run(&["memory", "set-interest", "orchard", "0.4"]).ok();
    scene.run(&["memory", "pause"]).ok();
}

fn interested() -> Scene {
    let scene = three_plans();
    care(&scene);
    scene
}

#[test]
fn settings_of_ranking_change_the_ranking() {
    let scene = interested();
    let search = ["search", "the plan of the year"];
    let neutral = found(&scene, &[&search[..], &["--neutral"]].concat());
    let personal = found(&scene, &search);
    assert_ne!(personal, neutral);
    for (key, value) in [
        ("personalisation.alpha", "0.7"),
        ("personalisation.retrieve_multiplier", "1"),
        ("personalisation.boost.topic_relevance", "0.1"),
        ("personalisation.full_alpha_words", "1"),
        ("personalisation.preset", "aggressive"),
    ] {
        scene.run(&["memory", "config", "set", key, value]).ok();
        let limited = [&search[..], &["-k", "2"]].concat();
        let is_changed = match key {
            // Two of three may change places: the third, which it cares about, stays behind.
            "personalisation.retrieve_multiplier" => {
                found(&scene, &limited)
                    != found(
                        &scene,
                        &[&limited[..], &["-o", "personalisation.retrieve_multiplier=2"]].concat(),
                    )
            }
            _ => found(&scene, &search) != personal,
        };
        assert!(is_changed, "{key}");
        scene.run(&["memory", "config", "reset", key]).ok();
        assert_eq!(found(&scene, &search), personal, "{key}");
    }
    scene.run(&["memory", "config", "set", "personalisation.enabled", "false"]).ok();
    assert_eq!(found(&scene, &search), neutral);
}

/// What the profile of a persona that asked about the lease gives to the first hit for it.
fn lease_parts(scene: &Scene, persona: &str) -> Value {
    let args = ["search", "lease deposit", "-k", "1", "--mode", "lexical", "--persona", persona];
    scene.json(&args)["hits"][0]["parts"]["personal"].clone()
}

#[test]
fn each_part_of_personal_ranking_follows_its_setting() {
    let scene = Scene::with_notes();
    scene.run(&["persona", "create", "ada", "--yes", "--focus", "deposit"]).ok();
    for question in ["when does the lease end?", "which deposit does the lease name?"] {
        scene.run(&["query", question, "--persona", "ada"]).ok();
    }
    scene.run(&["memory", "pause", "--persona", "ada"]).ok();
    let usual = lease_parts(&scene, "ada");
    let part = |parts: &Value, name: &str| parts[name].as_f64().unwrap_or_default();
    assert!(part(&usual, "topic_part") > 0.0 && part(&usual, "history_part") > 0.0, "{usual}");
    let with = |key: &str, value: &str| {
        scene.run(&["memory", "config", "set", key, value, "--persona", "ada"]).ok();
        let parts = lease_parts(&scene, "ada");
        scene.run(&["memory", "config", "reset", key, "--persona", "ada"]).ok();
        assert_eq!(lease_parts(&scene, "ada"), usual, "{key}");
        parts
    };
    assert_eq!(part(&with("min_confidence_threshold", "0.99"), "topic_part"), 0.0);
    assert_eq!(part(&with("topic_relevance", "0"), "topic_part"), 0.0);
    assert_eq!(part(&with("historical_access", "0"), "history_part"), 0.0);
    // Weights are shares of their sum.
    assert!(part(&with("co_occurrence", "1"), "topic_part") < part(&usual, "topic_part"));

    // How fast a document that was had fades, of one that was had long ago.
    scene.remember_of_long_ago("ada", "old");
    scene.run(&["memory", "pause", "--persona", "old"]).ok();
    let history = |rate: &str| {
        let key = "personalisation.time_decay_rate";
        scene.run(&["memory", "config", "set", key, rate, "--persona", "old"]).ok();
        part(&lease_parts(&scene, "old"), "history_part")
    };
    let (never, slowly, at_once) = (history("0"), history("0.001"), history("1"));
    assert!(never > slowly && slowly > at_once && at_once < 1e-6, "{never} {slowly} {at_once}");
}

#[test]
fn times_in_questions_follow_the_persona() {
    let scene = Scene::with_notes();
    for persona in ["ada", "bea"] {
        scene.run(&["persona", "create", persona, "--yes"]).ok();
    }
    let time = |persona: &str| {
        scene.json(&["search", "the lease on 2026-03-31", "--persona", persona])["time"].clone()
    };
    assert!(!time("ada").is_null());
    scene.run(&["memory", "config", "set", "reads_time", "false", "--persona", "ada"]).ok();
    assert!(time("ada").is_null() && !time("bea").is_null());
}

#[test]
fn settings_of_recording_hold_for_one_persona() {
    let scene = Scene::remembering();
    scene.run(&["persona", "create", "careful", "--yes"]).ok();
    scene
        .run(&["memory", "config", "set", "memory.pii_redaction", "true", "--persona", "careful"])
        .ok();
    let question = "who is ada@example.org";
    let queries = |persona: &str| scene.json(&["memory", "list", "--persona", persona]).to_string();
    for persona in ["careful", "default"] {
        scene.run(&["query", question, "--persona", persona]).ok();
    }
    assert!(queries("careful").contains("[EMAIL]") && !queries("careful").contains("example.org"));
    assert!(queries("default").contains("example.org"));
    // A day begins and ends in the persona's zone.
    scene
        .run(&[
            "memory",
            "config",
            "set",
            "memory.timezone",
            "Pacific/Kiritimati",
            "--persona",
            "careful",
        ])
        .ok();
    let zone = |persona: &str| {
        scene.json(&["memory", "timeline", "--persona", persona])["zone"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!([zone("careful"), zone("default")], ["Pacific/Kiritimati", "UTC"]);
    let since = |persona: &str, time: &str| {
        scene.json(&["memory", "list", "--since", time, "--persona", persona])["total"].clone()
    };
    // The clock of UTC+14 shows this later: what was asked now was asked before it in UTC only.
    let now = jiff::Timestamp::now();
    let ahead = (now + jiff::SignedDuration::from_hours(7)).to_zoned(jiff::tz::TimeZone::UTC);
    let local = ahead.strftime("%Y-%m-%dT%H:%M").to_string();
    assert_eq!([since("careful", &local), since("default", &local)], [json!(1), json!(0)]);
    // What is old goes where its persona says so, and stays with the other.
    let export = scene.path("old.json");
    let file = export.to_str().unwrap();
    scene.run(&["memory", "export", file, "--persona", "default"]).ok();
    let mut exported: Value = serde_json::from_slice(&fs::read(&export).unwrap()).unwrap();
    for interaction in exported["interactions"].as_array_mut().unwrap() {
        interaction["id"] = json!("0123456789abcdef0123456789abcdef");
        interaction["timestamp"] = json!("2020-01-01T00:00:00Z");
    }
    // These two come first.
    let (format, version) = (exported["format"].take(), exported["version"].take());
    exported.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let rest = exported.to_string();
    let text = format!("{{\"format\":{format},\"version\":{version},{}", &rest[1..]);
    fs::write(&export, text).unwrap();
    let total =
        |persona: &str| scene.json(&["memory", "list", "--persona", persona])["total"].clone();
    for persona in ["careful", "default"] {
        scene.run(&["memory", "import", file, "--persona", persona]).ok();
    }
    assert_eq!([total("careful"), total("default")], [json!(2), json!(2)]);
    let retention = ["memory", "config", "set", "memory.retention_days", "30"];
    scene.run(&[&retention[..], &["--persona", "careful"]].concat()).ok();
    assert_eq!([total("careful"), total("default")], [json!(1), json!(2)]);
    assert_eq!(setting(&scene, &["memory", "get", "memory.retention_days"]).0, "0");
}

/// Answers every question of a chat model with `text`, and gives the requests that it got.
fn model(text: &str, n: usize) -> (String, JoinHandle<Vec<Value>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let line = json!({ "message": { "content": text }, "done": true }).to_string() + "\n";
    let served = std::thread::spawn(move || {
        let mut requests = Vec::new();
        for stream in listener.incoming().take(n) {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut header = String::new();
                reader.read_line(&mut header).unwrap();
                if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if header.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            requests.push(serde_json::from_slice(&body).unwrap());
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{line}",
                line.len()
            )
            .unwrap();
        }
        requests
    });
    (url, served)
}

#[test]
fn the_style_of_a_persona_reaches_the_model_and_the_page() {
    let scene = Scene::remembering();
    scene
        .run(&[
            "persona",
            "create",
            "plain",
            "--style",
            "simple",
            "--detail",
            "brief",
            "--citations",
            "none",
        ])
        .ok();
    scene
        .run(&[
            "persona",
            "create",
            "expert",
            "--style",
            "technical",
            "--detail",
            "detailed",
            "--citations",
            "footnote",
        ])
        .ok();
    let (url, served) = model("It ends on 31 March 2027 [1].", 4);
    let url = format!("answer.url={url}");
    let ask = |persona: &str, more: &[&str]| {
        let args =
            ["query", LEASE, "-o", "answer.generator=ollama:m", "-o", &url, "--persona", persona];
        scene.run(&[&args[..], more].concat()).ok().stdout
    };
    let (plain, expert, default) = (ask("plain", &[]), ask("expert", &[]), ask("default", &[]));
    let json: Value = serde_json::from_str(&ask("plain", &["--format", "json"])).unwrap();
    assert_eq!(plain, "It ends on 31 March 2027.\n");
    assert!(expert.starts_with("It ends on 31 March 2027.\n\n[1] "), "{expert}");
    assert!(default.starts_with("It ends on 31 March 2027 [1].\n\n[1] "), "{default}");
    assert_eq!(json["answer"], "It ends on 31 March 2027 [1].");
    assert_eq!(json["citations"][0]["n"], 1);
    let requests = served.join().unwrap();
    let system = |at: usize| requests[at]["messages"][0]["content"].as_str().unwrap();
    assert!(system(0).contains("plain words") && system(0).contains("one or two sentences"));
    assert!(system(1).contains("technical terms") && system(1).contains("in detail"));
    assert!(!system(2).contains("plain words") && system(2).contains("Be brief."));
}

#[test]
fn brackets_of_program_text_are_no_numbers_of_sources() {
    let scene = Scene::remembering();
    scene.run(&["persona", "create", "note", "--citations", "footnote"]).ok();
    let text = "Read `row[1]` first [1]:\n\n```\nx = row[1]\ny = row [2]\n```\n";
    let (url, served) = model(&format!("{text}Then stop [1, 2]."), 1);
    let url = format!("answer.url={url}");
    let model = ["-o", "answer.generator=ollama:m", "-o", &url];
    let args = [&["query", LEASE, "--persona", "note"][..], &model].concat();
    let said = scene.run(&args).ok().stdout;
    served.join().unwrap();
    let shown = text.replace(" first [1]", " first") + "Then stop.\n\n[1] ";
    assert!(said.starts_with(&shown), "{said}");

    // What stands in a file is quoted as it is.
    scene.write(
        "sheet.md",
        "# Sheet\n\nThe quonderly column of the sheet is row[1] of table [2].\n",
    );
    scene.run(&["add", "files"]).ok();
    let ask = |persona: &str| {
        let question = "which is the quonderly column of the sheet?";
        scene.run(&["query", question, "--persona", persona]).ok().stdout
    };
    let quote = "The quonderly column of the sheet is row[1] of table [2].";
    let numbered = ask("default");
    assert!(numbered.starts_with(&format!("{quote} [1]")), "{numbered}");
    let (said, _) = numbered.split_once("\n\n").unwrap();
    let said = format!("{}\n\n[1] ", said.replace(". [1]", "."));
    assert!(ask("note").starts_with(&said), "{} {said}", ask("note"));
}

#[test]
fn quotes_follow_the_style_too() {
    let scene = Scene::remembering();
    scene.write(
        "tides.md",
        "# Tides\n\nThe tide lifts the boats in the harbour. Nobody knows how old the bridge of \
         stone is. The miller grinds corn at night.\n",
    );
    scene.run(&["add", "files"]).ok();
    scene.run(&["persona", "create", "brief", "--detail", "brief", "--citations", "none"]).ok();
    scene.run(&["persona", "create", "note", "--citations", "footnote"]).ok();
    let two = "answer.max_sentences=2";
    let of = |persona: &str| {
        let question = "what do the tide and the miller do?";
        scene.json(&["query", question, "-o", two, "--persona", persona])
    };
    let n = |answer: &Value| answer["citations"].as_array().unwrap().len();
    let (brief, long) = (of("brief"), of("default"));
    assert_eq!((n(&brief), n(&long)), (1, 2), "{brief} {long}");
    let shown = |persona: &str| scene.run(&["query", LEASE, "--persona", persona]).ok().stdout;
    assert!(!shown("brief").contains('['), "{}", shown("brief"));
    let note = shown("note");
    let (text, list) = note.split_once("\n\n").unwrap();
    assert!(!text.contains('[') && list.starts_with("[1] "), "{note}");
}

#[test]
fn each_state_of_memory_is_told_below_the_answer_and_not_in_it() {
    /// What is done before, what a question is asked with, what is said, what programs are told.
    type State<'a> = (&'a [&'a str], &'a [&'a str], &'a str, Option<&'a str>);
    let scene = Scene::with_notes();
    let states: [State<'_>; 5] = [
        (&[], &[], "memory off", None),
        (&["memory", "enable"], &[], "memory on, kept as ", Some("on")),
        (&["memory", "pause"], &[], "memory paused", Some("paused")),
        (&["memory", "disable"], &[], "memory off", Some("off")),
        (&["memory", "enable"], &["--no-memory"], "memory not used", None),
    ];
    for (before, with, says, state) in states {
        if !before.is_empty() {
            scene.run(before).ok();
        }
        for command in [["query", LEASE], ["search", "lease"]] {
            let args = [&command[..], with].concat();
            let ran = scene.run(&args).ok();
            assert!(ran.stderr.contains(says), "{says}: {ran:?}");
            assert!(!ran.stdout.contains("memory "), "{ran:?}");
            let json = scene.run(&[&args[..], &["--format", "json"]].concat()).ok();
            assert!(!json.stdout.contains(says), "{json:?}");
            if let Some(state) = state {
                let value: Value = serde_json::from_str(&json.stdout).unwrap();
                assert_eq!(value["memory"]["state"], state);
            }
        }
    }
}

#[test]
fn a_persona_reads_only_its_collections() {
    let scene = Scene::new();
    scene.write("work/plan.md", "The plan of the wirrelbank office.\n");
    scene.write("home/plan.md", "The plan of the quonderly kitchen.\n");
    scene.run(&["add", "files/work", "--collection", "work"]).ok();
    scene.run(&["add", "files/home", "--collection", "home"]).ok();
    scene.run(&["persona", "create", "worker", "--collection", "work"]).ok();
    scene.run(&["persona", "create", "cook", "--collection", "home"]).ok();
    let input = "/persona worker\nwhat is the plan\n/search plan\n/persona cook\nwhat is the plan\n/search plan\n";
    let chat = scene.run_reading(&["chat", "--no-history"], input).ok().stdout;
    let (worker, cook) = chat.split_at(chat.find("quonderly").unwrap());
    assert!(worker.contains("wirrelbank") && !cook.contains("wirrelbank"), "{chat}");
    for (persona, own, other) in
        [("worker", "wirrelbank", "quonderly"), ("cook", "quonderly", "wirrelbank")]
    {
        for command in ["query", "search"] {
            let said = scene.run(&[command, "what is the plan", "--persona", persona]).ok().stdout;
            assert!(said.contains(own) && !said.contains(other), "{persona} {command}: {said}");
        }
        let not_its = if persona == "worker" { "home" } else { "work" };
        let ran = scene.run(&["search", "plan", "--persona", persona, "--collection", not_its]);
        assert_eq!(ran.code, 2, "{ran:?}");
    }
}

#[test]
fn personas_of_one_chat_know_nothing_of_each_other() {
    let scene = interested();
    scene.run(&["persona", "create", "ada", "--yes"]).ok();
    scene.run(&["persona", "create", "bob", "--yes"]).ok();
    scene.run(&["memory", "set-interest", "plumzibber", "0.9", "--persona", "ada"]).ok();
    let input = "/persona ada\nthe plumzibber plan of the year\n/persona bob\nthe plan of the year\n\
                 the plan of the year\n/persona ada\nthe plan of the year\n";
    let ran = scene.run_reading(&["chat", "--format", "json", "--no-history"], input).ok();
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 4);
    for line in [lines[1], lines[2]] {
        assert!(!line.contains("plumzibber"), "{line}");
    }
    // What was kept for one gives the other what a process of its own gives.
    let hits = |text: &str| serde_json::from_str::<Value>(text).unwrap()["hits"].clone();
    assert_eq!(hits(lines[1]), hits(lines[2]));
    let bob = scene.json(&["memory", "show-all", "--persona", "bob"]).to_string();
    let ada = scene.json(&["memory", "show-all", "--persona", "ada"]).to_string();
    assert!(ada.contains("plumzibber") && !bob.contains("plumzibber"));
}

#[test]
fn what_may_not_rank_changes_no_byte() {
    let scene = three_plans();
    let asked = |with: &[&str]| {
        let search = found(&scene, &[&["search", "the plan of the year"], with].concat());
        let query = found(&scene, &[&["query", "what is the plan of the year"], with].concat());
        format!("{search}\n{query}")
    };
    let base = asked(&[]);
    care(&scene);
    assert_ne!(asked(&[]), base, "interests rank");
    assert_eq!(asked(&["--neutral"]), base);
    assert_eq!(asked(&["--no-memory"]), base);
    scene.run(&["persona", "create", "empty"]).ok();
    assert_eq!(asked(&["--persona", "empty"]), base);
    scene.run(&["persona", "create", "new", "--yes"]).ok();
    scene.run(&["memory", "pause", "--persona", "new"]).ok();
    assert_eq!(asked(&["--persona", "new"]), base);
    scene.run(&["memory", "personalisation", "disable"]).ok();
    assert_eq!(asked(&[]), base);
    scene.run(&["memory", "personalisation", "enable"]).ok();
    scene.run(&["memory", "disable"]).ok();
    assert_eq!(asked(&[]), base);
}

#[test]
fn a_running_chat_drops_what_another_process_erased() {
    let scene = interested();
    let mut chat = scene.start_reading(&["chat", "--no-history"]);
    let mut stdin = chat.stdin.take().unwrap();
    let mut stdout = BufReader::new(chat.stdout.take().unwrap());
    let mut line = |text: &str| {
        writeln!(stdin, "{text}").unwrap();
    };
    let mut read_to = |end: &str| {
        let mut all = String::new();
        while !all.contains(end) {
            assert!(stdout.read_line(&mut all).unwrap() > 0, "{all}");
        }
        all
    };
    let entries = |shown: &str, cache: &str| {
        let row =
            shown.lines().find(|row| row.contains(cache)).unwrap_or_else(|| panic!("{shown}"));
        row.split_whitespace().find_map(|word| word.parse::<u64>().ok()).unwrap()
    };
    line("/search the plan of the year");
    line("/cache");
    let before = read_to("recomputed vectors");
    scene.run(&["memory", "clear", "--confirm"]).ok();
    scene.run(&["memory", "disable"]).ok();
    line("/search garden");
    line("/cache");
    let after = read_to("recomputed vectors");
    for level in ["l1 ", "l2 ", "l3 "] {
        assert!(entries(&before, level) >= 1, "{level}: {before}");
        assert_eq!(entries(&after, level), 0, "{level}: {after}");
    }
    drop(stdin);
    chat.wait().unwrap();
}

#[test]
fn memory_is_copied_to_one_file_and_put_back() {
    let scene = Scene::remembering();
    scene.run(&["persona", "create", "ada", "--focus", "tides", "--yes"]).ok();
    scene.run(&["query", "what does the zibbermoth eat", "--persona", "ada"]).ok();
    scene.run(&["query", LEASE]).ok();
    scene.run(&["memory", "set", "personalisation.alpha", "0.6", "--persona", "ada"]).ok();
    let file = scene.path("memory.backup");
    let file = file.to_str().unwrap();
    let ran = scene.run(&["memory", "backup", file]).ok();
    assert!(ran.stderr.contains("whoever has this file can read everything"), "{ran:?}");
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(file).unwrap();
    for text in ["zibbermoth", "personalisation", "SQLite format 3"] {
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
    assert_eq!(scene.run(&["memory", "backup", file]).code, 1, "it exists");
    let bare = scene.path("without-key");
    let bare = bare.to_str().unwrap();
    scene.run(&["memory", "backup", bare, "--without-key"]).ok();

    let other = Scene::with_notes();
    let root = scene.path("").parent().unwrap().display().to_string();
    let of = |scene: &Scene| {
        let list = |persona: &str| {
            let all = scene.json(&["memory", "show-all", "--persona", persona]).to_string();
            all.replace(&root, "[ROOT]")
        };
        let alpha = setting(scene, &["memory", "get", "personalisation.alpha", "--persona", "ada"]);
        (list("ada"), list("default"), alpha)
    };
    let ran = other.run(&["memory", "restore", bare]);
    assert!(ran.code == 1 && ran.stderr.contains("key import"), "{ran:?}");
    assert!(!other.data_dir().join("memory").exists());
    other.run(&["memory", "restore", file]).ok();
    assert_eq!(of(&other), of(&scene));
    other.run(&["query", LEASE, "--persona", "ada"]).ok();
    assert_eq!(other.json(&["memory", "list", "--persona", "ada"])["total"], 2);
    // In the place of what is there only where that is confirmed.
    assert_eq!(other.run(&["memory", "restore", file]).code, 2);
    other.run(&["memory", "restore", bare, "--confirm"]).ok();
    assert_eq!(of(&other), of(&scene));
    assert_eq!(other.run(&["memory", "audit-log", "--verify"]).code, 0);

    // What is no whole copy changes nothing.
    let damaged = scene.path("damaged");
    let mut changed = bytes.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let cases: [&[u8]; 4] = [&changed, &bytes[..bytes.len() / 3], b"no archive", b""];
    for case in cases {
        fs::write(&damaged, case).unwrap();
        let ran = other.run(&["memory", "restore", damaged.to_str().unwrap(), "--confirm"]);
        assert!(ran.code == 1 && ran.stderr.contains("nothing was changed"), "{ran:?}");
        assert_eq!(of(&other), of(&scene));
    }
    // Nor does one of another key.
    let third = Scene::remembering();
    let ran = third.run(&["memory", "restore", bare, "--confirm"]);
    assert!(ran.code == 1 && ran.stderr.contains("does not open"), "{ran:?}");
    third.run(&["memory", "list"]).ok();
    assert!(!third.data_dir().join("memory.restoring").exists());
}

#[test]
fn what_cannot_work_yet_is_told_at_once() {
    let scene = Scene::with_notes();
    let made = scene.run(&["persona", "create", "adviser", "--collection", "taxes", "--yes"]).ok();
    assert!(made.stderr.contains("there is no collection taxes yet"), "{made:?}");
    for args in [["query", ""], ["query", " ?"]] {
        let ran = scene.run(&args);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("has no words"), "{ran:?}");
    }
}
