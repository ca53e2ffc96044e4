use crate::scene::Scene;

#[test]
fn an_answer_has_a_citation_with_path_and_lines() {
    let scene = Scene::with_notes();
    let ran = scene.run(&["query", "when does the lease of the flat end?"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("31 March 2027"), "{ran:?}");
    assert!(ran.stdout.contains("[1]"), "{ran:?}");
    assert!(ran.stdout.contains("files/lease.md:"), "{ran:?}");

    let answer = scene.json(&["query", "when does the lease of the flat end?"]);
    assert_eq!((&answer["found"], &answer["indexes_current"]), (&true.into(), &true.into()));
    let citation = &answer["citations"][0];
    assert_eq!(citation["n"], 1);
    let lines = citation["lines"].as_array().unwrap();
    let source = std::fs::read_to_string(scene.path("lease.md")).unwrap();
    let first = lines[0].as_u64().unwrap() as usize;
    assert!(source.lines().nth(first - 1).unwrap().contains("31 March"), "{citation}");
    assert!(answer["timings_ms"]["total"].as_f64().unwrap() > 0.0);
}

#[test]
fn what_has_no_lines_is_cited_by_its_heading() {
    let scene = Scene::new();
    scene.write(
        "house.html",
        "<html><body><h1>House</h1><h2>Lease</h2><p>The lease ends in May.</p></body></html>",
    );
    assert_eq!(scene.run(&["add", "files"]).code, 0);
    let ran = scene.run(&["query", "when does the lease end?"]);
    assert!(ran.stdout.contains("[1] files/house.html › House › Lease\n"), "{ran:?}");
    let text = "The lease ends in May.";
    assert_eq!(ran.stdout.matches(text).count(), 1, "printed once: {ran:?}");
}

#[test]
fn numbers_agree_with_their_nouns() {
    let scene = Scene::new();
    scene.write("a.md", "The same words about a lease.");
    scene.write("b.md", "The same words about a lease.");
    let added = scene.run(&["add", "files"]);
    assert!(added.stdout.starts_with("1 added, 1 duplicate ("), "{added:?}");
    let found = scene.run(&["search", "lease"]);
    assert!(found.stdout.contains("(+1 copy)"), "{found:?}");
    assert!(found.stderr.starts_with("1 hit in"), "{found:?}");
    let status = scene.run(&["status"]).stdout;
    assert!(status.contains("2 files, 1 document, 1 chunk\n"), "{status}");
    assert!(status.contains("(1 segment)"), "{status}");
}

#[test]
fn nothing_relevant_is_said_plainly() {
    let scene = Scene::with_notes();
    let ran = scene.run(&["query", "zygote photosynthesis chlorophyll"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("Nothing relevant found."), "{ran:?}");
    assert_eq!(scene.json(&["query", "zygote photosynthesis chlorophyll"])["found"], false);
}

#[test]
fn search_has_the_documented_fields() {
    let scene = Scene::with_notes();
    let found = scene.json(&["search", "sourdough starter", "-k", "2"]);
    let hit = &found["hits"][0];
    for (field, kind) in [("rank", "u"), ("score", "f"), ("text", "s")] {
        let value = &hit[field];
        let is_right = match kind {
            "u" => value.is_u64(),
            "f" => value.is_f64(),
            _ => value.is_string(),
        };
        assert!(is_right, "{field} in {hit}");
    }
    for field in ["id", "ordinal", "start", "end"] {
        assert!(hit["chunk"][field].is_u64(), "{field} in {hit}");
    }
    assert!(hit["document"]["id"].is_u64() && hit["document"]["path"].is_string());
    let parts = &hit["parts"];
    let sum = parts["vector"].as_f64().unwrap() + parts["lexical"].as_f64().unwrap();
    assert!((sum - hit["score"].as_f64().unwrap()).abs() < 1e-5, "{hit}");
    assert_eq!(found["indexes_current"], true);
    assert!(found["timings_ms"]["total"].is_f64() && found["plan"]["mode"] == "hybrid");
}

#[test]
fn filters_narrow_and_never_empty() {
    let scene = Scene::with_notes();
    let only = |args: &[&str]| {
        let found = scene.json(&[&["search", "the"], args].concat());
        let mut paths: Vec<String> = found["hits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| hit["document"]["path"].as_str().unwrap().rsplit('/').next().unwrap().into())
            .collect();
        paths.dedup();
        paths
    };
    assert_eq!(only(&["--type", "md"]), ["lease.md"]);
    assert_eq!(only(&["--type", "python", "--mode", "vector"]), ["greet.py"]);
    assert_eq!(only(&["--path", "*.txt"]), ["bread.txt"]);
    assert!(only(&["--until", "2001-01-01"]).is_empty());
    assert!(only(&["--until", "2001"]).is_empty());
    assert!(only(&["--until", "yesterday"]).is_empty());
    assert!(!only(&["--since", "yesterday"]).is_empty());
    assert!(!only(&["--since", "1h"]).is_empty());
}

#[test]
fn modes_and_explanation() {
    let scene = Scene::with_notes();
    for mode in ["hybrid", "vector", "lexical"] {
        let ran = scene.run(&["search", "lease", "--mode", mode, "--explain"]);
        assert_eq!(ran.code, 0);
        assert!(ran.stdout.contains(&format!("plan: {mode}")), "{ran:?}");
        assert!(ran.stdout.contains("score"), "{ran:?}");
    }
}

#[test]
fn trying_a_folder_keeps_nothing() {
    let scene = Scene::new();
    scene.write("hut.md", "# Hut\n\nThe warden lights the stove at six every evening.\n");
    let ran = scene.run(&["try", "files", "when is the stove lit?"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("[1]") && ran.stdout.contains("hut.md"), "{ran:?}");
    assert!(!scene.data_dir().exists());
}

#[test]
fn trying_a_folder_names_what_could_not_be_read() {
    let scene = Scene::new();
    scene.write("hut.md", "# Hut\n\nThe warden lights the stove at six every evening.\n");
    scene.write("broken.docx", b"PK\x03\x04 this is no archive");
    let ran = scene.run(&["try", "files", "when is the stove lit?"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("warning: files/broken.docx: "), "{ran:?}");
    assert!(ran.stderr.contains("Read 1 file into 1 chunk"), "{ran:?}");
    assert!(ran.stdout.contains("[1]"), "{ran:?}");
}

#[test]
fn a_generator_that_is_away_is_noted_and_quoted_around() {
    let scene = Scene::with_notes();
    let ran = scene.run(&[
        "query",
        "when does the lease of the flat end?",
        "-o",
        "answer.generator=ollama:llama3.2",
        "-o",
        "answer.url=http://127.0.0.1:9",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("answering from quotes"), "{ran:?}");
    assert!(ran.stdout.contains("31 March 2027"), "{ran:?}");
}

#[test]
fn a_judged_set_is_measured() {
    let scene = Scene::new();
    scene.write(
        "set/corpus.jsonl",
        "{\"_id\":\"a\",\"title\":\"Tides\",\"text\":\"The moon pulls the sea.\"}\n\
         {\"_id\":\"b\",\"title\":\"\",\"text\":\"Bread needs yeast.\"}\n",
    );
    scene.write("set/queries.jsonl", "{\"_id\":\"1\",\"text\":\"what pulls the sea?\"}\n");
    scene.write("set/qrels/test.tsv", "query-id\tcorpus-id\tscore\n1\ta\t1\n");
    let measured = scene.json(&["eval", "files/set", "--against", "exact"]);
    for field in ["ndcg_at_10", "recall_at_10", "recall_at_100", "mrr_at_10", "any_at_5"] {
        assert_eq!(measured[field], 1.0, "{field} of {measured}");
    }
    assert_eq!(measured["recall_vs_exact_at_10"], 1.0);
    assert!(measured["recomputed_per_query"].is_f64());
    assert!(measured["latency_ms"]["p95"].is_f64());
    assert_eq!((measured["documents"].as_u64(), measured["queries"].as_u64()), (Some(2), Some(1)));
    assert!(!scene.data_dir().exists(), "a temporary library is used");
}
