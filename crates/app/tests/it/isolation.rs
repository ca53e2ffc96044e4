use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStdin, ChildStdout},
};

use serde_json::Value;

use crate::scene::{Ran, Scene};

/// Short enough that no table breaks them.
const ADAS: &str = "wirrelbank";
const BOBS: &str = "quonderbay";

/// Runs a command of memory for a persona.
fn of(scene: &Scene, persona: &str, args: &[&str]) -> Ran {
    scene.run(&[&["memory"], args, &["--persona", persona]].concat())
}

/// Two personas that each asked about, noted and care about a word that the other never heard of;
/// no document holds either word.
fn two_strangers() -> Scene {
    let scene = Scene::with_notes();
    for (persona, word) in [("ada", ADAS), ("bob", BOBS)] {
        let projects = format!("the {word} survey");
        scene.run(&["persona", "create", persona, "--yes", "--projects", &projects]).ok();
        for question in [
            format!("what of {word} and the lease of the flat"),
            format!("what of {word} and the deposit of the flat"),
            format!("what of {word} and the three keys"),
        ] {
            scene.run(&["query", &question, "--persona", persona]).ok();
        }
        let note = ["add-fact", "--type", "pet", "--since", "2020", "--content"];
        for content in [format!("keeps a {word} cat"), format!("keeps a {word} dog")] {
            of(&scene, persona, &[&note[..], &[&content]].concat()).ok();
        }
        of(&scene, persona, &["set-interest", word, "0.8"]).ok();
    }
    scene
}

/// All that is remembered of a persona, but for the audit of having looked.
fn everything(scene: &Scene, persona: &str) -> Vec<String> {
    [
        &["show-all", "--format", "json"][..],
        &["facts", "--all", "--format", "json"],
        &["topics", "--all", "--format", "json"],
        &["graph", "--all", "--format", "json"],
        &["documents", "--format", "json"],
    ]
    .into_iter()
    .map(|args| of(scene, persona, args).ok().stdout)
    .collect()
}

fn fact_ids(scene: &Scene, persona: &str) -> Vec<String> {
    let facts = scene.json(&["memory", "facts", "--all", "--persona", persona]);
    let facts = facts["facts"].as_array().unwrap();
    facts.iter().map(|fact| fact["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_shows_one_persona_names_nothing_of_another() {
    let scene = two_strangers();
    let shown = |persona: &str, args: &[&str]| {
        let ran = of(&scene, persona, args).ok();
        (ran.stdout, ran.stderr)
    };
    let facts = [fact_ids(&scene, "ada"), fact_ids(&scene, "bob")];
    for (n, (persona, own, other)) in
        [("ada", ADAS, BOBS), ("bob", BOBS, ADAS)].into_iter().enumerate()
    {
        let fact = facts[n][0].as_str();
        // Each of these shows the persona's own word, so that it would show another's too.
        let views: [&[&str]; 20] = [
            &["profile", "--explain"],
            &["topics", "--all"],
            &["topic-info", own],
            &["related-topics", "lease"],
            &["facts", "--all"],
            &["fact", fact],
            &["fact-history", fact],
            &["diff", "2019", "2021"],
            &["contradictions"],
            &["timeline"],
            &["activity", "--detailed"],
            &["trending", "--min-queries", "1"],
            &["first-seen", "--topic", own],
            &["topic-evolution", own],
            &["compare-topics", "--topics", own],
            &["graph", "--all"],
            &["export", "-", "--as", "json"],
            &["export", "-", "--as", "csv"],
            &["export", "-", "--as", "yaml"],
            &["export", "-", "--as", "markdown"],
        ];
        let is_drawn = ["dot", "graphml", "mermaid"];
        let drawings = is_drawn.iter().map(|format| vec!["graph", "--all", "--format", *format]);
        let programs = views
            .iter()
            .filter(|args| args[0] != "export")
            .map(|args| [*args, &["--format", "json"]].concat());
        for args in views.iter().map(|args| args.to_vec()).chain(programs).chain(drawings) {
            let (stdout, stderr) = shown(persona, &args);
            assert!(stdout.contains(own), "{persona} {args:?}: {stdout}");
            assert!(!stdout.contains(other) && !stderr.contains(other), "{persona} {args:?}");
        }
        // These name documents, numbers or nothing.
        for args in [
            &["documents"][..],
            &["trending-compare", "--period-a", "2020", "--period-b", "this year"],
            &["compare-periods", "--period-a", "2020", "--period-b", "this year"],
            &["timeline", "--visual"],
            &["stats"],
            &["status"],
        ] {
            for format in ["table", "json"] {
                let (stdout, stderr) = shown(persona, &[args, &["--format", format]].concat());
                assert!(!stdout.contains(other) && !stderr.contains(other), "{persona} {args:?}");
            }
        }
        let file = scene.path(&format!("{persona}.activity"));
        of(&scene, persona, &["activity", "--detailed", "--export", file.to_str().unwrap()]).ok();
        let exported = fs::read_to_string(&file).unwrap();
        assert!(exported.contains(own) && !exported.contains(other), "{exported}");
        for args in [&["cache", "stats"][..], &["persona", "show", persona]] {
            let said = scene.json(args).to_string();
            assert!(!said.contains(other), "{args:?}: {said}");
        }
    }
}

#[test]
fn no_persona_reads_or_changes_by_name_what_is_another_s() {
    let scene = two_strangers();
    let facts = fact_ids(&scene, "ada");
    let (first, second) = (facts[0].as_str(), facts[1].as_str());
    let before = everything(&scene, "ada");
    assert!(before.iter().filter(|said| said.contains(ADAS)).count() >= 4, "{before:?}");
    let attempts: [&[&str]; 17] = [
        &["fact", first],
        &["fact", &first[..8]],
        &["fact-history", first],
        &["update-fact", first, "--content", "keeps nothing"],
        &["end-fact", first, "--until", "2021"],
        &["rollback-fact", first, "1"],
        &["delete-fact", first, "--confirm"],
        &["delete-fact", first, "--erase", "--confirm"],
        &["contradictions", "--keep", first, second],
        &["topic-info", ADAS],
        &["related-topics", ADAS],
        &["forget-topic", ADAS, "--confirm"],
        &["merge-topics", ADAS, BOBS],
        &["graph", ADAS],
        &["forget-node", "topic", ADAS, "--confirm"],
        &["forget-node", "project", &format!("the {ADAS} survey"), "--confirm"],
        &["topic-evolution", ADAS],
    ];
    for args in attempts {
        let ran = of(&scene, "bob", args);
        assert_eq!(ran.code, 1, "{args:?} {ran:?}");
        assert!(ran.stdout.is_empty(), "{args:?} {ran:?}");
    }
    // What would delete finds nothing to delete, and deletes nothing.
    of(&scene, "bob", &["forget", ADAS, "--confirm"]).ok();
    of(&scene, "bob", &["clear", "--confirm"]).ok();
    assert_eq!(everything(&scene, "ada"), before);
    assert!(everything(&scene, "bob").iter().all(|said| !said.contains(ADAS)));
    // The persona itself may.
    of(&scene, "ada", &["delete-fact", first, "--erase", "--confirm"]).ok();
    assert_ne!(everything(&scene, "ada"), before);
}

/// A chat for programs that is asked line by line while other processes write.
struct Chat {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Chat {
    fn start(scene: &Scene, args: &[&str]) -> Self {
        let mut child =
            scene.start_reading(&[&["chat", "--no-history", "--format", "json"], args].concat());
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin, stdout }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    fn ask(&mut self, line: &str) -> Value {
        self.tell(line);
        let mut answer = String::new();
        assert!(self.stdout.read_line(&mut answer).unwrap() > 0, "{line}");
        serde_json::from_str(&answer).unwrap()
    }

    /// Ends it with one more line; gives what that printed.
    fn end_with(mut self, line: &str) -> Value {
        self.tell(line);
        drop(self.stdin);
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let output = self.child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(&rest).unwrap()
    }
}

/// Which passages were found, in their order, and their scores.
fn ranking(found: &Value) -> Vec<(String, f64)> {
    let hits = found["hits"].as_array().unwrap();
    hits.iter()
        .map(|hit| {
            let path = hit["document"]["path"].as_str().unwrap();
            let name = path.rsplit('/').next().unwrap().to_owned();
            (name, hit["score"].as_f64().unwrap())
        })
        .collect()
}

#[test]
fn a_chat_with_caches_answers_as_a_process_without_any() {
    let scene = Scene::new();
    for subject in ["harbour", "garden", "orchard", "kitchen", "library"] {
        let text = format!("# {subject}\n\nThe plan of the year for the {subject}.\n");
        scene.write(&format!("{subject}.md"), text);
    }
    scene.run(&["add", "files"]).ok();
    for persona in ["ada", "bob"] {
        scene.run(&["persona", "create", persona, "--yes"]).ok();
        // Asking changes nothing; what is remembered ranks.
        of(&scene, persona, &["pause"]).ok();
    }
    let question = "the plan of the year";
    let without = |persona: &str| {
        scene.json(&[
            "search",
            question,
            "--persona",
            persona,
            "-o",
            "backend.cache_size=0",
            "-o",
            "backend.vector_cache=0",
            "-o",
            "memory.cache.l1_size=0",
            "-o",
            "memory.cache.l2_size=0",
            "-o",
            "memory.cache.l3_size=0",
        ])
    };
    let record = |persona: &str, question: &str| {
        of(&scene, persona, &["enable"]).ok();
        scene.run(&["query", question, "--persona", persona]).ok();
        of(&scene, persona, &["pause"]).ok();
        let listed = scene.json(&["memory", "list", "--persona", persona]);
        listed["interactions"][0]["id"].as_str().unwrap().to_owned()
    };
    let mut chat = Chat::start(&scene, &[]);
    let mut seen: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut compare = |after: &str| {
        for persona in ["ada", "bob", "ada"] {
            chat.tell(&format!("/persona {persona}"));
            for _ in 0..2 {
                let found = chat.ask(&format!("/search {question}"));
                let what = format!("{persona} after {after}");
                assert_eq!(ranking(&found), ranking(&without(persona)), "{what}");
                seen.insert(ranking(&found).into_iter().map(|(path, _)| path).collect());
            }
        }
    };
    let do_and_compare = |persona: &str, args: &[&str], compare: &mut dyn FnMut(&str)| {
        of(&scene, persona, args).ok();
        compare(&format!("{args:?} of {persona}"));
    };
    compare("nothing");
    do_and_compare("ada", &["set-interest", "orchard", "0.4"], &mut compare);
    do_and_compare("bob", &["set-interest", "garden", "0.9"], &mut compare);
    do_and_compare("ada", &["set-interest", "orchard", "0.9"], &mut compare);
    let id = record("ada", "where is the harbour of the harbour plan");
    compare("a question of ada");
    do_and_compare("ada", &["feedback", &id, "good"], &mut compare);
    do_and_compare("ada", &["feedback", &id, "bad"], &mut compare);
    do_and_compare("ada", &["set-interest", "orchard", "--reset"], &mut compare);
    do_and_compare("ada", &["delete", &id, "--confirm"], &mut compare);
    record("bob", "what is planned for the kitchen");
    compare("a question of bob");
    do_and_compare("bob", &["forget-topic", "garden", "--confirm"], &mut compare);
    do_and_compare("bob", &["forget", "kitchen", "--confirm"], &mut compare);
    do_and_compare("ada", &["set-interest", "library", "0.9"], &mut compare);
    do_and_compare("ada", &["clear", "--confirm"], &mut compare);

    // What was compared is not nothing: rankings differed, and caches answered.
    assert!(seen.len() >= 4, "{seen:?}");
    let caches = chat.end_with("/cache");
    let hits = |name: &str| {
        let levels = caches["caches"].as_array().unwrap();
        levels.iter().find(|level| level["name"] == name).unwrap()["hits"].as_u64().unwrap()
    };
    for name in ["l1", "l3"] {
        assert!(hits(name) > 0, "{name}: {caches}");
    }
}
