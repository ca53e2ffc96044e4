use std::fmt::Write as _;

use serde_json::Value;

use crate::scene::{Ran, Scene};

const MILL: &str = "A mill by the river turns under the pressure of the stream. The miller opens the gate, lifts \
     the sack, pours the grain, sets the stone, watches the flour run, sweeps the floor, oils the \
     shaft, mends the wheel, counts the bags, writes the bill, feeds the horse, loads the cart, \
     drives to market, sells the bags, buys salt, lamp oil, rope, nails, and returns at night.";

/// By words alone a question after pressure finds the bridge first. The nurse cares about cuffs.
fn ward() -> Scene {
    let scene = Scene::new();
    for (name, text) in [
        ("bridge.txt", "The pressure on a bridge in winter."),
        ("blood.txt", "Blood pressure is taken with a cuff, once in the morning."),
        ("mill.txt", MILL),
        ("kettle.txt", "A kettle and its lid."),
    ] {
        scene.write(name, text);
    }
    assert_eq!(scene.run(&["add", "files"]).code, 0);
    assert_eq!(scene.run(&["persona", "create", "nurse", "--yes"]).code, 0);
    nurse(&scene, &["set-interest", "cuff", "1"]);
    scene
}

fn nurse(scene: &Scene, args: &[&str]) -> Ran {
    let ran = scene.run(&[&["memory"], args, &["--persona", "nurse"]].concat());
    assert_eq!(ran.code, 0, "{args:?}\n{}{}", ran.stdout, ran.stderr);
    ran
}

fn nurse_json(scene: &Scene, args: &[&str]) -> Value {
    scene.json(&[&["memory"], args, &["--persona", "nurse"]].concat())
}

/// A question after pressure, by words alone.
const ASKED: &[&str] = &["--query", "pressure", "--mode", "lexical", "-k", "2"];

fn explain(document: &str) -> Vec<&str> {
    [&["explain-ranking", document], ASKED].concat()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_planted_interest_moves_a_document_and_every_part_is_told() {
    let scene = ward();
    let told = nurse_json(&scene, &explain("blood.txt"));
    assert_eq!((&told["found"], &told["passages_found"]), (&true.into(), &3.into()));
    assert_eq!((&told["rank"], &told["rank_without"]), (&1.into(), &2.into()));
    assert_eq!((&told["unmoved"], &told["persona"]), (&Value::Null, &"nurse".into()));
    assert_eq!(told["share"]["words"], 1);
    let passage = &told["passages"][0];
    let parts = &passage["parts"]["personal"];
    let sum: f64 = ["base_part", "topic_part", "history_part", "co_occurrence_part"]
        .map(|part| number(&parts[part]))
        .iter()
        .sum();
    assert!((sum - number(&passage["score"])).abs() < 1e-6, "{passage}");
    assert!((number(&parts["base_part"]) - 0.7 * number(&passage["score_without"])).abs() < 1e-6);
    let interest = &passage["interests"][0];
    assert_eq!((&interest["name"], &interest["pinned"]), (&"cuff".into(), &true.into()));
    // In one of four passages: all that a topic can give, α times a half.
    assert_eq!(number(&interest["specificity"]), 1.0);
    assert!((number(&interest["part"]) - 0.15).abs() < 1e-6, "{interest}");

    insta::assert_snapshot!(nurse(&scene, &explain("files/blood.txt")).shown(), @r"
    exit 0
    --- stdout
    files/blood.txt
    asked     pressure by nurse
    rank      1 with the profile, 2 without, of 3 passages found
    base      0.8701 = vector 0.0000 + lexical 0.8701   BM25 0.479
    score     0.7591 = base 0.6091 + topics 0.1500 (of 1.00)
    share     α 0.30
     interest    gives    confidence  recency  specificity
     cuff (set)  +0.1500  1.00        1.00     1.00
    --- stderr
    ");
    // As a search for the persona has it, and one without.
    let search = |more: &[&str]| {
        let args = ["search", "pressure", "--mode", "lexical", "-k", "2", "--persona", "nurse"];
        scene.json(&[&args[..], more].concat())["hits"].clone()
    };
    let with = search(&[]);
    assert_eq!(with[0]["document"]["id"], told["document"]["id"]);
    assert_eq!((&with[0]["score"], &with[0]["parts"]), (&passage["score"], &passage["parts"]));
    let without = search(&["--neutral"]);
    assert_eq!(without[1]["document"]["id"], told["document"]["id"]);
    assert_eq!(without[1]["score"], passage["score_without"]);

    // Those two searches were recorded, and are one question; explaining was not.
    let told = nurse_json(&scene, &explain("blood.txt"));
    let questions = told["questions"].as_array().unwrap();
    let ranks: Vec<&Value> = questions.iter().map(|question| &question["rank"]).collect();
    assert_eq!(ranks, [2]);
    assert_eq!(nurse_json(&scene, &["list"])["total"], 2);
    assert!(questions.iter().all(|question| question["query"] == "pressure"));
    // Whose profile it was is told by name.
    let explained = ["search", "pressure", "--persona", "nurse", "--explain"];
    let plan = scene.run(&explained).stdout;
    assert!(plan.contains("personal: nurse · share"), "{plan}");
    assert_eq!(scene.json(&explained)["plan"]["personal"]["persona"], "nurse");
}

#[test]
fn both_rankings_stand_side_by_side() {
    let scene = ward();
    let asked = [&["compare-ranking"], ASKED].concat();
    let told = nurse_json(&scene, &asked);
    let moves = |list: &Value| -> Vec<(String, String, u64)> {
        let file = |placed: &Value| {
            let path = placed["document"]["path"].as_str().unwrap().to_owned();
            path.rsplit('/').next().unwrap().to_owned()
        };
        let placed = list.as_array().unwrap().iter();
        placed
            .map(|placed| {
                let moved = placed["move"].as_str().unwrap().to_owned();
                (file(placed), moved, placed["other_rank"].as_u64().unwrap())
            })
            .collect()
    };
    let expected = |rows: [(&str, &str, u64); 2]| {
        rows.map(|(file, moved, rank)| (file.to_owned(), moved.to_owned(), rank)).to_vec()
    };
    assert_eq!(moves(&told["with"]), expected([("blood.txt", "up", 2), ("bridge.txt", "down", 1)]));
    assert_eq!(
        moves(&told["without"]),
        expected([("bridge.txt", "down", 2), ("blood.txt", "up", 1)])
    );
    assert_eq!((number(&told["overlap"]), number(&told["kendall"])), (1.0, -1.0));
    insta::assert_snapshot!(nurse(&scene, &asked).shown(), @r"
    exit 0
    --- stdout
        with the profile      move  without it            goes to
     1  files/blood.txt:1-1   +1    files/bridge.txt:1-1  2
     2  files/bridge.txt:1-1  −1    files/blood.txt:1-1   1
    overlap@2 1.00, order τ -1.00
    --- stderr
    ");
    // Where one place is shown, the one comes for the other.
    let one = nurse_json(
        &scene,
        &["compare-ranking", "--query", "pressure", "--mode", "lexical", "-k", "1"],
    );
    assert_eq!(
        (&one["with"][0]["move"], &one["without"][0]["move"]),
        (&"new".into(), &"gone".into())
    );
    assert_eq!((number(&one["overlap"]), &one["kendall"]), (0.0, &Value::Null));
    // For whom nothing is known both are the same.
    assert_eq!(scene.run(&["memory", "enable"]).code, 0);
    let told = scene.json(&[&["memory"], &asked[..]].concat());
    assert_eq!(told["unmoved"], "nothing-known");
    assert_eq!(moves(&told["with"]), moves(&told["without"]));
    assert_eq!(number(&told["kendall"]), 1.0);
}

#[test]
fn what_is_not_found_or_not_moved_says_why() {
    let scene = ward();
    let told = nurse_json(&scene, &explain("kettle.txt"));
    assert_eq!((&told["found"], &told["not_found"]), (&false.into(), &"no-match".into()));
    assert_eq!((&told["rank"], &told["passages"]), (&Value::Null, &Value::Array(Vec::new())));
    let shown = nurse(&scene, &explain("kettle.txt")).stdout;
    assert!(shown.contains("does not find it, among 3 passages"), "{shown}");
    // Of what is not looked at, the profile says nothing.
    let told = nurse_json(
        &scene,
        &["explain-ranking", "mill.txt", "--query", "pressure", "--mode", "lexical", "-k", "1"],
    );
    assert_eq!((&told["rank"], &told["passages"][0]["movable"]), (&3.into(), &false.into()));

    let run = |args: &[&str]| scene.run(&[&["memory"], args].concat());
    let unmoved = |persona: &str, options: &[&str]| {
        let args = [&["memory"], &explain("blood.txt")[..], &["--persona", persona], options];
        scene.json(&args.concat())["unmoved"].clone()
    };
    assert_eq!(unmoved("default", &[]), "memory-off");
    let shown = run(&explain("blood.txt")).stdout;
    assert!(shown.contains("changes nothing: memory is off for default"), "{shown}");
    assert_eq!(unmoved("nurse", &["-o", "personalisation.alpha=0"]), "no-share");
    assert_eq!(unmoved("nurse", &["-o", "personalisation.enabled=false"]), "switched-off");
    nurse(&scene, &["personalisation", "disable"]);
    assert_eq!(unmoved("nurse", &[]), "switched-off-for-persona");
    nurse(&scene, &["personalisation", "enable"]);
    assert_eq!(unmoved("nurse", &[]), Value::Null);
    // A long question leaves less to taste.
    let long = nurse_json(
        &scene,
        &["explain-ranking", "blood.txt", "--query", "pressure cuff morning winter bridge stream"],
    );
    assert!((number(&long["share"]["alpha"]) - 0.15).abs() < 1e-6, "{long}");
    assert_eq!(long["share"]["words"], 6);

    // What the persona does not read.
    scene.write("taxes/form.txt", "The pressure of forms.");
    assert_eq!(scene.run(&["add", "files/taxes", "--collection", "taxes"]).code, 0);
    let edited = scene.run(&["persona", "edit", "nurse", "--collection", "taxes"]);
    assert_eq!(edited.code, 0, "{}", edited.stderr);
    let told = nurse_json(&scene, &explain("blood.txt"));
    assert_eq!((&told["found"], &told["not_found"]), (&false.into(), &"filtered".into()));

    // What is wrong.
    for (args, code) in [
        (&["explain-ranking", "nothing.txt", "--query", "pressure"][..], 1),
        (&["explain-ranking", "blood.txt"], 2),
        (&["compare-ranking"], 2),
        (&["compare-ranking", "--query", "pressure", "-k", "0"], 2),
        (&["explain-ranking", "blood.txt", "--query", "pressure", "--persona", "nobody"], 1),
        (&["ab-test", "start", "--queries", "nothing.jsonl", "--persona", "nurse"], 1),
        (&["ab-test", "start"], 1),
        (&["ab-test", "results"], 2),
        (&["ab-test", "results", "--test-id", "abcd"], 1),
        (&["ab-test", "compare", "--metric", "beauty"], 2),
    ] {
        assert_eq!(run(args).code, code, "{args:?}");
    }
}

const WORDS: [&str; 10] = [
    "ward", "pulse", "clinic", "needle", "fever", "splint", "gauze", "crutch", "ointment",
    "syringe",
];

/// Ten notes on what a nurse does, ten on what a sailor does and forty on shelves, and a question
/// after each of the first, which by its words alone finds one of the second before it.
fn port() -> (Scene, String) {
    let scene = Scene::new();
    let mut questions = String::new();
    for (at, word) in WORDS.iter().enumerate() {
        let care = format!(
            "The cuff is on the arm, the pressure is read by the {word}, and written down slowly on \
             day {at}."
        );
        let sea =
            format!("The pressure of the air falls, and the {word} boat stays in on day {at}.");
        scene.write(&format!("care/{word}.txt"), care);
        scene.write(&format!("sea/{word}.txt"), sea);
        for shelf in 0..4 {
            let text = format!("Shelf {shelf} of row {at} holds jars.");
            scene.write(&format!("other/{at}/{shelf}.txt"), text);
        }
        let relevant = format!("[\"care/{word}.txt\"]");
        writeln!(questions, "{{\"text\": \"pressure {word}\", \"relevant\": {relevant}}}").unwrap();
    }
    assert_eq!(scene.run(&["add", "files"]).code, 0);
    scene.write("questions.jsonl", &questions);
    assert_eq!(scene.run(&["persona", "create", "nurse", "--yes"]).code, 0);
    nurse(&scene, &["set-interest", "cuff", "1"]);
    (scene, questions)
}

const LEXICAL: &[&str] = &["-o", "search.mode=lexical"];

#[test]
fn a_test_says_what_the_profile_gains_and_stays_the_personas_own() {
    let (scene, questions) = port();
    let asked_before = nurse_json(&scene, &["list"])["total"].clone();
    let start = |more: &[&str]| {
        let args = [&["ab-test", "start", "--queries", "files/questions.jsonl"], more, LEXICAL];
        nurse_json(&scene, &args.concat())
    };
    let test = start(&["--name", "quokka"]);
    assert_eq!((&test["questions"], &test["judged"]), (&10.into(), &10.into()));
    assert_eq!(
        (&test["name"], &test["k"], &test["interests"]),
        (&"quokka".into(), &10.into(), &1.into())
    );
    let metric = |test: &Value, name: &str| -> Value {
        let metrics = test["metrics"].as_array().unwrap();
        metrics.iter().find(|found| found["metric"] == name).unwrap().clone()
    };
    let ndcg = metric(&test, "ndcg");
    assert_eq!((&ndcg["verdict"], &ndcg["missing"]), (&"better".into(), &Value::Null), "{ndcg}");
    assert_eq!(number(&ndcg["p"]), 2.0 / 1024.0);
    let (low, high) = (number(&ndcg["interval"][0]), number(&ndcg["interval"][1]));
    // Every one of them goes from the second place to the first.
    for value in [low, high, number(&ndcg["difference"])] {
        assert!((value - (1.0 - 1.0 / 3.0_f64.log2())).abs() < 1e-9, "{ndcg}");
    }
    // It is the first that the profile moves: all ten find the right one.
    assert_eq!(number(&metric(&test, "mrr")["with"]), 1.0);
    let recall = metric(&test, "recall");
    assert_eq!((number(&recall["without"]), number(&recall["with"])), (1.0, 1.0));
    assert_eq!(recall["verdict"], "not-enough-data");
    assert_eq!(recall["missing"], "5 more questions on which the two differ");
    for question in test["asked"].as_array().unwrap() {
        assert_eq!(question["judged_by"], "file");
        let ndcg = |side: &str| number(&question[side]["ndcg"]);
        assert!(ndcg("with") >= ndcg("without"));
    }
    // It says the same whenever it is asked, and nothing of it was recorded as asked.
    let id = test["id"].as_str().unwrap();
    assert_eq!(nurse_json(&scene, &["ab-test", "results", "--test-id", &id[..6]]), test);
    assert_eq!(nurse_json(&scene, &["list"])["total"], asked_before);
    let compared = nurse_json(&scene, &["ab-test", "compare", "--metric", "ndcg"]);
    assert_eq!(compared["tests"][0]["finding"], ndcg);
    let compared =
        nurse_json(&scene, &["ab-test", "compare", "--test-id", id, "--metric", "latency"]);
    assert_eq!(compared["tests"][0]["finding"]["n"], 10);
    let shown = nurse(&scene, &["ab-test", "results", "--test-id", id]).stdout;
    assert!(
        shown.lines().any(|line| line.starts_with(" nDCG@10") && line.ends_with(" helps")),
        "{shown}"
    );

    // One question less, and nothing is said.
    let (_, nine) = questions.split_once('\n').unwrap();
    scene.write("questions.jsonl", format!("{nine}a question that nobody judged\n"));
    let test = start(&[]);
    assert_eq!((&test["questions"], &test["judged"]), (&10.into(), &9.into()));
    let ndcg = metric(&test, "ndcg");
    assert_eq!((&ndcg["verdict"], &ndcg["interval"]), (&"not-enough-data".into(), &Value::Null));
    assert_eq!(ndcg["missing"], "1 more judged question");
    assert_eq!(nurse_json(&scene, &["ab-test", "list"])["tests"].as_array().unwrap().len(), 2);

    // Nobody else sees it.
    let other = scene.json(&["memory", "ab-test", "list"]);
    assert_eq!(other["tests"], Value::Array(Vec::new()));
    assert_eq!(scene.run(&["memory", "ab-test", "results", "--test-id", id]).code, 1);
    // It can be deleted, and goes with all the rest.
    let erased = |text: &str| scene.run(&["memory", "verify-erased", text]).code;
    assert_eq!(erased("quokka"), 3);
    let would = nurse(&scene, &["ab-test", "delete", "--test-id", id]).stdout;
    assert!(would.starts_with("Would delete test "), "{would}");
    nurse(&scene, &["ab-test", "delete", "--test-id", id, "--confirm"]);
    assert_eq!(erased("quokka"), 0);
    assert_eq!(erased("that nobody judged"), 3);
    let cleared = nurse_json(&scene, &["clear", "--confirm"]);
    assert_eq!(cleared["counts"]["tests"], 1);
    assert_eq!(erased("that nobody judged"), 0);
}

#[test]
fn feedback_judges_where_the_file_does_not() {
    let (scene, _) = port();
    // The nurse asks ten times, and each answer helped; the same twice is one question.
    for (at, word) in WORDS.iter().chain(&WORDS[..1]).enumerate() {
        let asked = scene.json(&[
            "search",
            &format!("cuff {word}"),
            "--persona",
            "nurse",
            "-o",
            "search.mode=lexical",
        ]);
        let id = asked["memory"]["interaction"].as_str().unwrap();
        nurse(&scene, &["feedback", id, if at == 3 { "bad" } else { "good" }]);
    }
    let told = nurse_json(&scene, &[&["analytics"], LEXICAL].concat());
    let questions = &told["questions"];
    assert_eq!((&questions["all"], &questions["last_7_days"]), (&11.into(), &11.into()));
    assert_eq!((&questions["good"], &questions["bad"]), (&10.into(), &1.into()));
    assert!(
        told["tracked"].as_u64().unwrap() >= 1 && told["sure"].as_u64().unwrap() >= 1,
        "{told}"
    );
    let shares: f64 =
        told["distribution"].as_array().unwrap().iter().map(|topic| number(&topic["share"])).sum();
    assert!(shares > 0.0 && shares <= 1.0 + 1e-9, "{told}");
    let replay = &told["replay"];
    assert_eq!((&replay["questions"], &replay["judged"]), (&10.into(), &9.into()), "{replay}");
    assert_eq!((&replay["needed"], &replay["share_helped"]), (&10.into(), &Value::Null));
    let shown = nurse(&scene, &["analytics"]).stdout;
    assert!(shown.contains("9 questions, not enough data: 10 are needed"), "{shown}");
    let silent = nurse_json(&scene, &["analytics", "--replay", "0"]);
    assert_eq!(silent["replay"], Value::Null);

    // The one that did not help is asked again, and does.
    let asked = scene.json(&["search", "cuff needle", "--persona", "nurse"]);
    nurse(&scene, &["feedback", asked["memory"]["interaction"].as_str().unwrap(), "good"]);
    let told = nurse_json(&scene, &[&["analytics"], LEXICAL].concat());
    let replay = &told["replay"];
    assert_eq!(replay["judged"], 10, "{replay}");
    let (off, on) = (number(&replay["ndcg_without"]), number(&replay["ndcg_with"]));
    assert!((on - off - number(&replay["mean_improvement"])).abs() < 1e-9);
    assert!((0.0..=1.0).contains(&number(&replay["share_helped"])));
    assert_eq!(nurse_json(&scene, &["list"])["total"], 12);

    // A test of these questions, and of a file that judges none.
    let test = nurse_json(&scene, &[&["ab-test", "start"], LEXICAL].concat());
    assert_eq!((&test["questions"], &test["judged"]), (&10.into(), &10.into()));
    assert_eq!(test["asked"][0]["judged_by"], "feedback");
    scene.write("plain.txt", "CUFF  ward\nsomething else\n");
    let args = ["ab-test", "start", "--queries", "files/plain.txt"];
    let test = nurse_json(&scene, &args);
    assert_eq!((&test["questions"], &test["judged"]), (&2.into(), &1.into()));
    assert_eq!(test["asked"][1]["judged_by"], Value::Null);
}
