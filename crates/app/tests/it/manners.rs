use crate::scene::Scene;

#[test]
fn without_a_library_commands_say_what_to_do() {
    let scene = Scene::new();
    let ran = scene.run(&["status"]);
    insta::assert_snapshot!(ran.shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: there is no library in [ROOT]/data yet
    hint: `ragged add FOLDER` makes one
    ");
}

#[test]
fn usage_errors_exit_with_2() {
    let scene = Scene::new();
    for args in [
        &["serch", "x"][..],
        &["search"],
        &["search", "x", "-o", "search.k=0"],
        &["search", "x", "-o", "nonsense"],
        &["config", "set", "search.k", "many"],
        &["config", "set", "chunk.max_tokens", "10"],
        &["config", "set", "answer.generator", "gpt"],
        &["config", "set", "search.kk", "3"],
        &["config", "get", "search.kk"],
        &["config", "unset", "search.kk"],
        &["search", "x", "-o", "search.kk=3"],
        &["search", "x", "-k", "0"],
        &["query", "x", "-k", "10001"],
    ] {
        let ran = scene.run(args);
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert!(ran.stdout.is_empty(), "{ran:?}");
    }
    assert!(scene.run(&["serch", "x"]).stderr.contains("search"), "a similar command is named");
}

#[test]
fn filters_that_mean_nothing_are_usage_errors() {
    let scene = Scene::with_notes();
    for args in [
        &["search", "x", "--type", "bogus"][..],
        &["list", "--type", "bogus"],
        &["search", "x", "--since", "soon"],
        &["search", "x", "--path", "[a"],
    ] {
        let ran = scene.run(args);
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains("hint: "), "{ran:?}");
    }
}

#[test]
fn usage_errors_are_json_for_programs() {
    let scene = Scene::new();
    for (args, expected) in [
        (&["serch", "x"][..], "search"),
        (&["config", "get", "search.kk"], "did you mean search.k?"),
    ] {
        let ran = scene.run(&[args, &["--format", "json"]].concat());
        assert_eq!(ran.code, 2, "{ran:?}");
        let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!(error["error"]["kind"], "usage", "{error}");
        assert!(error["error"]["hint"].as_str().unwrap().contains(expected), "{error}");
    }
}

#[test]
fn a_broken_configuration_can_be_mended() {
    let scene = Scene::with_notes();
    let path = scene.data_dir().join("config.yaml");
    std::fs::write(&path, "serch:\n  k: 3\nanswer:\n  k: 900\n").unwrap();
    let ran = scene.run(&["status"]);
    assert!(ran.code == 1 && ran.stderr.contains("config.yaml"), "{ran:?}");
    for args in [
        &["config", "path"][..],
        &["config", "show"],
        &["config", "get", "answer.k"],
        &["config", "set", "search.k", "7"],
    ] {
        let ran = scene.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains("warning: ") && ran.stderr.contains("serch.k"), "{ran:?}");
    }
    let findings = scene.json(&["doctor"]);
    assert_eq!(findings["healthy"], false, "{findings}");
    let settings = &findings["findings"][0];
    assert_eq!((&settings["what"], &settings["verdict"]), (&"settings".into(), &"failure".into()));
    assert!(settings["detail"].as_str().unwrap().contains("answer.k"), "{settings}");
    assert_eq!(scene.run(&["config", "unset", "serch.k"]).code, 0);
    assert_eq!(scene.run(&["config", "unset", "answer.k"]).code, 0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "search:\n  k: 7\n");
    assert_eq!(scene.run(&["status"]).code, 0);

    std::fs::write(&path, "search: {k: }\n: :\n- x").unwrap();
    assert_eq!(scene.run(&["config", "path"]).code, 0);
    assert_eq!(scene.run(&["config", "get", "search.k"]).stdout, "10\n");
    let ran = scene.run(&["config", "set", "search.k", "7"]);
    assert!(ran.code == 1 && ran.stderr.contains("by hand"), "{ran:?}");
    assert_eq!(scene.run(&["doctor"]).code, 1);
}

#[test]
fn exit_codes_are_in_the_help_and_the_manual() {
    let scene = Scene::new();
    for args in [&["--help"][..], &["man"]] {
        let ran = scene.run(args);
        assert!(ran.stdout.contains("Exit codes:") && ran.stdout.contains("130"), "{ran:?}");
    }
    let help = scene.run(&["query", "--help"]).stdout;
    assert!(help.contains("[default: answer.k]") && !help.contains("search.k]"), "{help}");
}

#[test]
fn errors_are_json_for_programs() {
    let scene = Scene::new();
    let ran = scene.run(&["status", "--format", "json"]);
    let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert!(error["error"]["message"].is_string() && error["error"]["hint"].is_string());
    assert!(ran.stdout.is_empty());
}

#[test]
fn settings_are_kept_and_explained() {
    let scene = Scene::new();
    assert_eq!(scene.run(&["init"]).code, 0);
    assert_eq!(scene.run(&["config", "set", "search.k", "3"]).code, 0);
    assert_eq!(scene.run(&["config", "get", "search.k"]).stdout, "3\n");
    let shown = scene.run_with(
        &["config", "show", "--origin"],
        &[("RAGGED_ANSWER_K", "4"), ("RAGGED_ANSWER_API_KEY", "sesame")],
    );
    assert!(shown.stdout.contains("config.yaml"), "{shown:?}");
    assert!(shown.stdout.contains("environment RAGGED_ANSWER_K"), "{shown:?}");
    assert!(!shown.stdout.contains("sesame"), "{shown:?}");
    assert_eq!(scene.run(&["config", "unset", "search.k"]).stdout, "search.k = 10\n");
    let ran = scene.run(&["config", "get", "search.kk"]);
    assert!(ran.stderr.contains("did you mean search.k?"), "{ran:?}");
}

#[test]
fn every_command_has_help_with_an_example() {
    let scene = Scene::new();
    let help = scene.run(&["--help"]).stdout;
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.len() >= 18, "{commands:?}");
    for command in commands {
        let help = scene.run(&[command, "--help"]);
        assert_eq!(help.code, 0);
        assert!(help.stdout.contains("Example"), "{command}: {}", help.stdout);
        assert!(help.stdout.contains("--format"), "{command}: {}", help.stdout);
    }
}

#[test]
fn completions_and_manual_pages() {
    let scene = Scene::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(scene.run(&["completions", shell]).stdout.contains("ragged"), "{shell}");
    }
    assert!(scene.run(&["man"]).stdout.contains(".TH"));
    assert_eq!(scene.run(&["man", "pages"]).code, 0);
}

#[test]
fn the_doctor_finds_a_healthy_machine() {
    let scene = Scene::with_notes();
    let findings = scene.json(&["doctor"]);
    assert_eq!(findings["healthy"], true, "{findings}");
}

#[test]
fn status_has_the_documented_fields() {
    let scene = Scene::with_notes();
    let status = scene.json(&["status"]);
    for field in ["documents", "chunks", "text_bytes", "generation"] {
        assert!(status[field].is_u64(), "{field} of {status}");
    }
    for field in ["total", "library", "lexical", "vectors"] {
        assert!(status["store_bytes"][field].is_u64(), "{field} of {status}");
    }
    assert_eq!((&status["model"], &status["backend"]), (&"builtin".into(), &"leann".into()));
}

#[test]
fn models_are_listed_and_unknown_ones_refused() {
    let scene = Scene::with_notes();
    let models = scene.json(&["model", "list"]);
    assert_eq!((&models[0]["name"], &models[0]["in_use"]), (&"builtin".into(), &true.into()));
    let ran = scene.run(&["model", "use", "no-such-model"]);
    assert!(ran.code == 1 && ran.stderr.contains("model list"), "{ran:?}");
    assert_eq!(scene.run(&["search", "lease"]).code, 0, "nothing was changed");
}

#[test]
fn the_model_that_is_compiled_in_stays() {
    let scene = Scene::with_notes();
    let ran = scene.run(&["model", "remove", "builtin", "--confirm"]);
    assert!(ran.code == 1 && ran.stderr.contains("cannot be removed"), "{ran:?}");
    let ran = scene.run(&["model", "list", "-o", "embedding.model=ollama:x"]);
    assert_eq!(ran.stdout.matches("compiled in").count(), 1, "{ran:?}");
}

#[test]
fn reindex_and_compact_keep_everything() {
    let scene = Scene::with_notes();
    let before = scene.json(&["search", "lease"])["hits"].clone();
    assert_eq!(scene.run(&["reindex"]).code, 0);
    assert_eq!(scene.run(&["reindex", "-o", "backend.tier=fast"]).code, 0);
    assert_eq!(scene.run(&["reindex"]).code, 0);
    assert_eq!(scene.run(&["compact"]).code, 0);
    assert_eq!(scene.run(&["check"]).code, 0);
    assert_eq!(scene.json(&["search", "lease"])["hits"][0]["text"], before[0]["text"]);
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let scene = Scene::with_notes();
    // `--help` of a large table through a reader that stops at once would do as well; here the
    // output is closed before anything is written.
    let ran = scene.run(&["list", "--color", "never"]);
    assert_eq!(ran.code, 0);
    assert!(!ran.stdout.contains('\u{1b}'), "no colours in a pipe: {ran:?}");
}
