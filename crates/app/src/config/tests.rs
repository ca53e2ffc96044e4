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
    let hinted = error.downcast_ref::<crate::Hinted>().unwrap();
    assert_eq!(hinted.hint, "did you mean search.vector_weight?");
}

#[test]
fn bad_values_are_refused_with_the_name() {
    let dir = tempfile::tempdir().unwrap();
    for option in ["search.k=0", "search.k=x", "search.vector_weight=2", "backend.type=faiss", "x"]
    {
        let error = resolve(Some(dir.path()), &[option.to_owned()], &BTreeMap::new()).unwrap_err();
        assert!(error.downcast_ref::<crate::Usage>().is_some(), "{option}: {error:#}");
    }
    std::fs::write(config_path(dir.path()), "search:\n  k: many\n").unwrap();
    let error = resolve(Some(dir.path()), &[], &BTreeMap::new()).unwrap_err();
    assert!(format!("{error:#}").contains("search.k"), "{error:#}");
    std::fs::write(config_path(dir.path()), "search: [1, 2]\n").unwrap();
    assert!(resolve(Some(dir.path()), &[], &BTreeMap::new()).is_err());
    std::fs::write(config_path(dir.path()), "search: {k: }\n: :\n- x").unwrap();
    assert!(resolve(Some(dir.path()), &[], &BTreeMap::new()).is_err());
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
        "# mine\nsearch:\n  mode: lexical\n  # hits\n  k: 9\n\nanswer:\n\
         embedding:\n  model: \"ollama:nomic-embed-text\"\n"
    );
    // What cannot be edited by lines is refused and left alone.
    std::fs::write(&path, "search: {k: 5}\n").unwrap();
    let mut file = ConfigFile::read(&path).unwrap().unwrap();
    assert!(file.set("search.k", "6").is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "search: {k: 5}\n");
}

#[test]
fn sizes_and_times() {
    for (text, bytes) in
        [("100MB", 100_000_000), ("64 MiB", 64 << 20), ("1.5k", 1500), ("42", 42), ("7b", 7)]
    {
        assert_eq!(parse_size(text), Ok(bytes), "{text}");
    }
    for text in ["", "-1MB", "x", "1e400"] {
        assert!(parse_size(text).is_err(), "{text}");
    }
    for (text, ms) in [("30s", 30_000), ("500ms", 500), ("2m", 120_000), ("3", 3000)] {
        assert_eq!(key::parse_duration(text).unwrap().as_millis(), ms, "{text}");
    }
    for text in ["", "-1s", "soon"] {
        assert!(key::parse_duration(text).is_err(), "{text}");
    }
}
