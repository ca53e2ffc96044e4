use super::*;

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn key(name: &str) -> &'static Key {
    find(name).unwrap()
}

#[test]
fn flag_beats_environment_beats_file_beats_default() {
    let dir = tempfile::tempdir().unwrap();
    let mut file = ConfigFile::read_or_new(&config_path(dir.path())).unwrap();
    file.set("search.k", "3").unwrap();
    file.set("search.candidates", "30").unwrap();
    file.set("answer.k", "4").unwrap();
    let environment = environment(&[("RAGGED_SEARCH_K", "5"), ("RAGGED_SEARCH_CANDIDATES", "50")]);
    let resolved = resolve(Some(dir.path()), &["search.k=7".to_owned()], &environment).unwrap();
    assert_eq!(resolved.settings.search.k, 7);
    assert_eq!(resolved.settings.search.candidates, 50);
    assert_eq!(resolved.settings.answer.k, 4);
    assert_eq!(resolved.origin(key("search.k")), Origin::Flag);
    assert_eq!(
        resolved.origin(key("search.candidates")),
        Origin::Environment("RAGGED_SEARCH_CANDIDATES".to_owned())
    );
    assert_eq!(resolved.origin(key("answer.k")), Origin::File(config_path(dir.path())));
    assert_eq!(resolved.origin(key("search.mode")), Origin::Default);
}

#[test]
fn every_key_reads_what_it_prints() {
    for key in KEYS {
        let settings = Settings::default();
        let shown = (key.get)(&settings);
        let mut again = Settings::default();
        if !shown.is_empty() {
            (key.set)(&mut again, &shown).unwrap();
        }
        assert_eq!((key.get)(&again), shown, "{}", key.name);
        assert_eq!(again, settings, "{}", key.name);
        assert!(key.doc.ends_with('.'), "{}", key.name);
    }
}

#[test]
fn an_unknown_key_names_the_nearest() {
    let error = find("search.vectorweight").unwrap_err();
    assert_eq!(error.hint(), Some("did you mean search.vector_weight?"));
}

#[test]
fn bad_values_are_refused_with_the_name() {
    let dir = tempfile::tempdir().unwrap();
    for option in ["search.k=0", "search.k=x", "search.vector_weight=2", "backend.type=faiss", "x"]
    {
        let error = resolve(Some(dir.path()), &[option.to_owned()], &BTreeMap::new()).unwrap_err();
        assert!(error.downcast_ref::<crate::Usage>().is_some(), "{option}: {error:#}");
    }
}

#[test]
fn what_a_file_says_wrongly_is_named_and_the_rest_holds() {
    let dir = tempfile::tempdir().unwrap();
    for (text, key) in [
        ("search:\n  k: many\nanswer:\n  k: 3\n", "search.k"),
        ("search: [1, 2]\nanswer:\n  k: 3\n", "search"),
        ("search:\n  kk: 5\nanswer:\n  k: 3\n", "search.kk"),
        ("chunk:\n  target_tokens: 9999999\nanswer:\n  k: 3\n", "chunk"),
        ("ingest:\n  parser_timeout: 5ms\nanswer:\n  k: 3\n", "ingest.parser_timeout"),
    ] {
        std::fs::write(config_path(dir.path()), text).unwrap();
        let resolved = resolve(Some(dir.path()), &[], &BTreeMap::new()).unwrap();
        let [problem] = &resolved.problems[..] else { panic!("{text}: {resolved:?}") };
        assert_eq!(problem.key, key, "{text}");
        assert!(problem.to_string().contains("config.yaml"), "{problem}");
        let expected = Settings { answer: resolved.settings.answer.clone(), ..Settings::default() };
        assert_eq!(resolved.settings, expected, "{text}");
        assert_eq!(resolved.settings.answer.k, 3, "{text}");
    }
    std::fs::write(config_path(dir.path()), "search: {k: }\n: :\n- x").unwrap();
    let resolved = resolve(Some(dir.path()), &[], &BTreeMap::new()).unwrap();
    assert_eq!(resolved.problems.len(), 1);
    assert_eq!(resolved.settings, Settings::default());

    std::fs::remove_file(config_path(dir.path())).unwrap();
    let environment = environment(&[("RAGGED_SEARCH_K", "many")]);
    let resolved = resolve(Some(dir.path()), &[], &environment).unwrap();
    assert!(resolved.problems[0].to_string().contains("RAGGED_SEARCH_K"), "{resolved:?}");
}

/// What the reference says that a setting takes is what it takes.
#[test]
fn limits_that_are_told_are_those_that_hold() {
    let mut n_checked = 0;
    for key in KEYS {
        let Some((_, limits)) = key.kind.split_once(" from ") else { continue };
        let (least, most) = limits.split_once(" to ").unwrap();
        let most = most.split([',', ' ']).next().unwrap();
        let takes = |value: &str| (key.set)(&mut Settings::default(), value).is_ok();
        assert!(takes(least) && takes(most), "{}: {least} to {most}", key.name);
        let number = |text: &str| text.parse::<f64>().ok();
        if let (Some(low), Some(high)) = (number(least), number(most)) {
            let step = if high > 10.0 { 1.0 } else { 0.01 };
            for value in [low - step, high + step] {
                assert!(!takes(&value.to_string()), "{} takes {value}", key.name);
            }
        } else if key.kind.starts_with("a size") {
            assert!(!takes("1025GiB"), "{}", key.name);
            assert!(least == "0" || !takes("0.5KB"), "{}", key.name);
        } else {
            assert!(!takes("99ms") && !takes("25h"), "{}", key.name);
        }
        n_checked += 1;
    }
    assert!(n_checked > 40, "{n_checked}");
}

#[test]
fn what_tunes_may_say_only_what_trades_speed_and_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = performance_path(dir.path());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = "backend:\n  type: leann\n  cache_size: 10000\n  beam_width: 150\n\nmemory:\n  cache:\n    \
                l1_size: 1000\n    l2_size: 500\n    profile_ttl: 3600\n    query_ttl: 1800\n\n\
                personalisation:\n  retrieve_multiplier: 2\n  async_updates: true\n\ndatabase:\n  \
                sqlite_cache_mb: 128\n  mmap_size_mb: 512\n";
    std::fs::write(&path, text).unwrap();
    let resolved = resolve(Some(dir.path()), &[], &BTreeMap::new()).unwrap();
    assert!(resolved.problems.is_empty(), "{:?}", resolved.problems);
    let settings = &resolved.settings;
    assert_eq!(settings.backend.cache_size, 10_000);
    assert_eq!(settings.memory.cache.query_ttl.as_secs(), 1800);
    assert_eq!(settings.database.page_cache_bytes, 128 << 20);
    assert_eq!(settings.database.mmap_bytes, 512 << 20);
    assert_eq!(resolved.above_tuning(key("backend.cache_size")), None);

    // What the user says stands above it.
    let environment = environment(&[("RAGGED_BACKEND_CACHE_SIZE", "7")]);
    let mut own = ConfigFile::read_or_new(&config_path(dir.path())).unwrap();
    own.set("database.mmap", "8MiB").unwrap();
    let resolved = resolve(Some(dir.path()), &[], &environment).unwrap();
    assert_eq!(resolved.settings.backend.cache_size, 7);
    assert!(resolved.above_tuning(key("backend.cache_size")).is_some());
    assert_eq!(
        resolved.above_tuning(key("database.mmap_size_mb")),
        Some(Origin::File(config_path(dir.path())))
    );

    std::fs::write(&path, "search:\n  k: 3\nbackend:\n  cache_size: 9\n  cach_size: 8\n").unwrap();
    let resolved = resolve(Some(dir.path()), &[], &BTreeMap::new()).unwrap();
    let named: Vec<&str> = resolved.problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(named, ["backend.cach_size", "search.k"]);
    assert!(resolved.problems.iter().all(|problem| problem.is_of_tuning));
    assert!(resolved.problems[0].hint.contains("did you mean backend.cache_size?"));
    assert_eq!((resolved.settings.search.k, resolved.settings.backend.cache_size), (10, 9));
}

#[test]
fn several_values_are_written_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = config_path(dir.path());
    let mut file = ConfigFile::begun(&path, "# by a program\n");
    let value = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let set = [value("backend.cache_size", "5"), value("search.k", "3")];
    assert!(file.edit(&[], &set).unwrap());
    let text = "# by a program\nbackend:\n  cache_size: 5\nsearch:\n  k: 3\n";
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert!(!file.edit(&["answer.k".to_owned()], &set).unwrap(), "nothing changed");
    let out = ["search.k".to_owned(), "backend.cache_size".to_owned()];
    assert!(file.edit(&out, &[value("search.k", "4")]).unwrap());
    let text = "# by a program\nsearch:\n  k: 4\n";
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert_eq!(file.values().collect::<Vec<_>>(), [("search.k", "4")]);
}

#[test]
fn values_that_could_not_work_are_refused() {
    for (name, value) in [
        ("ingest.max_file_size", "999"),
        ("ingest.parser_memory", "63MiB"),
        ("ingest.parser_timeout", "99ms"),
        ("ingest.in_flight", "1MB"),
        ("embedding.timeout", "0"),
        ("answer.timeout", "99h"),
        ("answer.generator", "gpt"),
        ("answer.generator", "ollama:"),
        ("database.mmap_size_mb", "65537"),
        ("database.sqlite_cache_mb", "-1"),
        ("database.mmap", "9e18"),
    ] {
        assert!((key(name).set)(&mut Settings::default(), value).is_err(), "{name} = {value}");
    }
    for (name, value) in [
        ("ingest.max_file_size", "1KB"),
        ("database.sqlite_cache_mb", "128"),
        ("database.page_cache", "1MB"),
        ("ingest.parser_memory", "64MiB"),
        ("answer.timeout", "100ms"),
        ("answer.generator", "openai:gpt-oss"),
    ] {
        assert_eq!((key(name).set)(&mut Settings::default(), value), Ok(()), "{name} = {value}");
    }
}

#[test]
fn edits_keep_comments_and_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = config_path(dir.path());
    std::fs::write(&path, "# mine\nsearch:\n  # hits\n  k: 5\n\nanswer:\n  k: 2\n").unwrap();
    let mut file = ConfigFile::read(&path).unwrap().unwrap();
    file.set("search.k", "9").unwrap();
    file.set("search.mode", "lexical").unwrap();
    file.set("embedding.model", "ollama:nomic-embed-text").unwrap();
    assert!(file.unset("answer.k").unwrap());
    assert!(!file.unset("answer.k").unwrap());
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "# mine\nsearch:\n  mode: lexical\n  # hits\n  k: 9\n\n\
         embedding:\n  model: \"ollama:nomic-embed-text\"\n"
    );
    file.unset_all().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "# mine\n  # hits\n\n");
    // What cannot be edited by lines is refused and left alone.
    std::fs::write(&path, "search: {k: 5}\n").unwrap();
    let mut file = ConfigFile::read(&path).unwrap().unwrap();
    assert!(file.set("search.k", "6").is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "search: {k: 5}\n");
    // Nor is anything left that cannot be read.
    let text = "search:\n  k: 5\nlists:\n  - a\n  odd: 1\n";
    std::fs::write(&path, text).unwrap();
    assert!(ConfigFile::read(&path).is_err());
    let text = "search:\n  k: >\n    5\n";
    std::fs::write(&path, text).unwrap();
    let mut file = ConfigFile::read(&path).unwrap().unwrap();
    assert!(file.unset_all().is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn sections_are_used_where_they_stand() {
    let dir = tempfile::tempdir().unwrap();
    let path = config_path(dir.path());
    let template = "# Settings\n\n# search:\n#   # Hits.\n#   k: 10\n\n# answer:\n#   k: 6\n";
    std::fs::write(&path, template).unwrap();
    let mut file = ConfigFile::read(&path).unwrap().unwrap();
    file.set("search.k", "9").unwrap();
    file.set("search.mode", "lexical").unwrap();
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "# Settings\n\nsearch:\n  mode: lexical\n  k: 9\n#   # Hits.\n#   k: 10\n\n\
         # answer:\n#   k: 6\n"
    );
    assert!(file.unset("search.k").unwrap());
    assert!(file.unset("search.mode").unwrap());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), template);
    std::fs::remove_file(&path).unwrap();
    let mut file = ConfigFile::read_or_new(&path).unwrap();
    file.set("answer.k", "2").unwrap();
    assert!(file.unset("answer.k").unwrap());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
}

#[test]
fn sizes_and_times() {
    for (text, bytes) in
        [("100MB", 100_000_000), ("64 MiB", 64 << 20), ("1.5k", 1500), ("42", 42), ("7b", 7)]
    {
        assert_eq!(key::parse_size(text), Ok(bytes), "{text}");
    }
    for text in ["", "-1MB", "x", "1e400"] {
        assert!(key::parse_size(text).is_err(), "{text}");
    }
    for (text, ms) in [("30s", 30_000), ("500ms", 500), ("2m", 120_000), ("3", 3000)] {
        assert_eq!(parse_duration(text).unwrap().as_millis(), ms, "{text}");
    }
    for text in ["", "-1s", "soon"] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
}
