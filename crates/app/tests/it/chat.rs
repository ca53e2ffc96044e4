use std::io::{BufRead as _, BufReader, Write as _};

use serde_json::Value;

use crate::scene::{Ran, Scene};

const LEASE: &str = "when does the lease of the flat end?";

fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn chat(scene: &Scene, args: &[&str], input: &str) -> Ran {
    scene.run_reading(&[&["chat"], args].concat(), input)
}

#[test]
fn lines_of_a_pipe_are_answered_as_query_answers_them() {
    let scene = Scene::with_notes();
    let bread = "how long is the loaf baked?";
    let ran = chat(&scene, &[], &format!("{LEASE}\n\n{bread}"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let expected = scene.run(&["query", LEASE]).stdout + &scene.run(&["query", bread]).stdout;
    assert_eq!(ran.stdout, expected);
    assert!(!ran.stdout.contains("> "), "no prompt: {ran:?}");
}

#[test]
fn programs_get_a_value_a_line() {
    let scene = Scene::with_notes();
    let input = format!("{LEASE}\n/k 1\n/search sourdough starter\n/open 1\nzygote chlorophyll\n");
    let ran = chat(&scene, &["--format", "json"], &input);
    assert_eq!(ran.code, 0, "{ran:?}");
    let [answer, found, opened, nothing] = &lines(&ran)[..] else { panic!("{ran:?}") };
    let mut asked = scene.json(&["query", LEASE]);
    let mut answer = answer.clone();
    for value in [&mut asked, &mut answer] {
        value.as_object_mut().unwrap().remove("timings_ms").unwrap();
    }
    assert_eq!(answer, asked);
    assert_eq!(found["hits"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(opened["passage"], found["hits"][0]["text"]);
    assert_eq!(opened["path"], found["hits"][0]["document"]["path"]);
    assert_eq!(nothing["found"], false);
}

#[test]
fn programs_are_told_of_memory_and_of_caches_in_a_line_each() {
    let scene = Scene::with_notes();
    let ran = scene.run(&["memory", "enable"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let fact = ["memory", "add-fact", "--type", "lease", "--content", "the lease is a lodger's"];
    let ran = scene.run(&[&fact[..], &["--since", "2020-01-01"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let input = format!("{LEASE}\n/search sourdough last year\n/more\n/cache\n/cache clear\n");
    let ran = chat(&scene, &["--format", "json"], &input);
    assert_eq!(ran.code, 0, "{ran:?}");
    let [answer, found, more, caches] = &lines(&ran)[..] else { panic!("{ran:?}") };
    for asked in [answer, found] {
        assert_eq!(asked["memory"]["state"], "on", "{asked}");
        let id = asked["memory"]["interaction"].as_str().unwrap();
        assert_eq!(scene.json(&["memory", "show", id])["id"], id);
    }
    assert_eq!(answer["facts"][0]["content"], "the lease is a lodger's", "{answer}");
    assert_eq!(found["time"]["words"], "last year", "{found}");
    assert!(more["memory"]["interaction"].is_null(), "{more}");
    assert_eq!(caches["caches"][0]["name"], "results", "{caches}");
}

#[test]
fn a_wrong_line_is_told_and_the_next_is_answered() {
    let scene = Scene::with_notes();
    let ran = chat(&scene, &[], &format!("/serch lease\n/open 1\n/more\n/persona ada\n{LEASE}\n"));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("31 March 2027"), "{ran:?}");
    insta::assert_snapshot!(ran.stderr.lines().filter(|line| !line.contains("quoted")).collect::<Vec<_>>().join("\n"), @r#"
    error: there is no command /serch
    hint: did you mean /search?
    error: there is no passage [1]
    hint: ask something first
    error: there is no question yet
    hint: ask one first
    error: there is no persona "ada"
    hint: there is: default; `ragged persona create` makes another
    "#);
}

#[test]
fn settings_hold_for_the_questions_that_follow() {
    let scene = Scene::with_notes();
    let input = format!(
        "/mode lexical\n/filter type=txt\n{LEASE}\n/filter off\n/mode hybrid\n/k 2\n/search the\n\
         /filter since=soon\n/filter\n"
    );
    let ran = chat(&scene, &["--format", "json"], &input);
    let values = lines(&ran);
    let answer = &values[0];
    assert_eq!((&answer["plan"]["mode"], &answer["found"]), (&"lexical".into(), &false.into()));
    assert!(answer["plan"]["allowed_chunks"].is_u64(), "{answer}");
    assert_eq!(
        (&values[1]["plan"]["mode"], &values[1]["plan"]["k"]),
        (&"hybrid".into(), &2.into())
    );
    assert!(values[1]["plan"]["allowed_chunks"].is_null());
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("is not a time") && ran.stderr.ends_with("filter: none\n"),
        "{ran:?}"
    );
}

#[test]
fn explain_shows_the_plan_and_the_parts_of_scores() {
    let scene = Scene::with_notes();
    let ran =
        chat(&scene, &[], &format!("/explain on\n{LEASE}\n/explain off\n{LEASE}\n/quit\nno\n"));
    assert_eq!(ran.code, 0, "{ran:?}");
    for expected in ["plan: hybrid", "work: ", "= vector "] {
        assert_eq!(ran.stdout.matches(expected).count(), 1, "{expected}: {ran:?}");
    }
}

#[test]
fn more_goes_on_where_the_answer_ended_and_any_number_can_be_opened() {
    let scene = Scene::with_notes();
    let input = format!("{LEASE}\n/more\n/open 1\n/open 2\n/open 99\n/more\n");
    let ran = chat(&scene, &["--format", "json"], &input);
    let values = lines(&ran);
    let n_cited = values[0]["citations"].as_array().unwrap().last().unwrap()["n"].as_u64().unwrap();
    assert_eq!(n_cited, 1, "{}", values[0]);
    let hits = values[1]["hits"].as_array().unwrap();
    assert!(!hits.is_empty());
    for (at, hit) in (n_cited + 1..).zip(hits) {
        assert_eq!(hit["rank"], at, "numbers go on: {hit}");
        assert_ne!(hit["text"], values[2]["passage"], "shown before");
    }
    assert!(values[2]["passage"].as_str().unwrap().contains("31 March 2027"), "{ran:?}");
    assert_eq!(values[3]["passage"], hits[0]["text"]);
    assert!(ran.stderr.contains("numbers up to"), "{ran:?}");
    assert!(values[4]["hits"].as_array().unwrap().is_empty(), "{}", values[4]);
}

#[test]
fn a_session_is_gone_on_with() {
    let scene = Scene::with_notes();
    chat(&scene, &[], &format!("/k 3\n/filter path=*.md\n{LEASE}\n"));
    let ran = chat(&scene, &["--continue"], "/open 1\n/filter\n/k\n");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("[1] files/lease.md:"), "{ran:?}");
    assert!(ran.stdout.contains("31 March 2027"), "{ran:?}");
    assert!(ran.stderr.starts_with(&format!("Going on after: {LEASE}\n  [1] files/lease.md:")));
    assert!(ran.stderr.contains("filter: path=*.md\n") && ran.stderr.contains("draw on 3 hits"));

    // A new session knows nothing of it, and is the last one from then on.
    let ran = chat(&scene, &[], "/open 1\n/k 7\n");
    assert_eq!(ran.code, 1, "{ran:?}");
    let ran = chat(&scene, &["--continue"], "/k\n/filter\n");
    assert!(
        ran.stderr.contains("draw on 7 hits") && ran.stderr.contains("filter: none"),
        "{ran:?}"
    );
}

#[test]
fn what_was_cited_and_has_changed_since_is_not_shown() {
    let scene = Scene::with_notes();
    chat(&scene, &[], LEASE);
    scene.write("lease.md", "# Flat\n\nThe lease was ended early.\n");
    scene.run(&["add", "files"]);
    let ran = chat(&scene, &["--continue"], "/open 1\n");
    assert!(ran.code == 1 && ran.stderr.contains("changed or forgotten"), "{ran:?}");
}

#[test]
fn nothing_is_kept_on_request_and_all_can_be_forgotten() {
    let scene = Scene::with_notes();
    let kept = scene.data_dir().join("chat");
    chat(&scene, &["--no-history"], &format!("{LEASE}\n/k 3\n"));
    assert!(!kept.exists());
    chat(&scene, &[], LEASE);
    let session = std::fs::read_dir(kept.join("sessions")).unwrap().next().unwrap().unwrap();
    let lines = std::fs::read_to_string(session.path()).unwrap();
    assert!(lines.contains(LEASE) && !lines.contains("31 March"), "{lines}");

    let ran = scene.run(&["chat", "--forget"]);
    assert!(ran.code == 2 && ran.stderr.contains("--confirm"), "{ran:?}");
    assert!(kept.exists());
    let ran = scene.run(&["chat", "--forget", "--confirm"]);
    assert_eq!(ran.stdout, "Forgot 1 session and the history.\n");
    assert!(!kept.exists());
    let ran = chat(&scene, &["--continue"], "/open 1\n");
    assert!(ran.stderr.starts_with("There is no session"), "{ran:?}");
}

#[test]
fn what_another_process_adds_is_found_by_the_next_question() {
    let scene = Scene::with_notes();
    let mut child = scene.start_reading(&["chat", "--format", "json"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut ask = |question: &str| -> Value {
        writeln!(stdin, "{question}").unwrap();
        serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap()
    };
    let question = "when does the warden light the stove?";
    let before = ask("/search warden stove");
    assert!(!before.to_string().contains("hut.md"), "{before}");
    scene.write("hut.md", "# Hut\n\nThe warden lights the stove at six every evening.\n");
    assert_eq!(scene.run(&["add", "files"]).code, 0);
    let answer = ask(question);
    assert!(answer["answer"].as_str().unwrap().contains("at six"), "{answer}");
    std::fs::remove_file(scene.path("hut.md")).unwrap();
    assert_eq!(scene.run(&["add", "files", "--prune"]).code, 0);
    assert!(!ask(question)["answer"].as_str().unwrap().contains("at six"));
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
