use serde_json::Value;

use crate::scene::Scene;

/// Notes, and a persona whose questions were recorded.
fn asked() -> Scene {
    let scene = Scene::with_notes();
    let made = scene.run(&["persona", "create", "ada", "--yes", "--projects", "Reef survey, Ark"]);
    assert_eq!(made.code, 0, "{made:?}");
    for question in [
        "when does the lease of the flat end?",
        "what does the lease say about the deposit?",
        "how long does sourdough bake?",
    ] {
        let ran = scene.run(&["query", question, "--persona", "ada"]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    scene
}

fn of_kind<'a>(graph: &'a Value, part: &str, kind: &str) -> Vec<&'a Value> {
    graph[part].as_array().unwrap().iter().filter(|item| item["kind"] == kind).collect()
}

fn names(graph: &Value, kind: &str) -> Vec<String> {
    of_kind(graph, "nodes", kind)
        .iter()
        .map(|node| node["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_graph_holds_what_was_asked_found_and_worked_on() {
    let scene = asked();
    let graph = scene.json(&["memory", "graph", "--persona", "ada"]);
    assert_eq!((&graph["persona"], names(&graph, "persona")), (&"ada".into(), vec!["ada".into()]));
    assert_eq!(names(&graph, "project"), ["Ark", "Reef survey"]);
    assert_eq!(of_kind(&graph, "edges", "WORKING_ON").len(), 2);
    let lease = of_kind(&graph, "edges", "INTERESTED_IN")
        .into_iter()
        .find(|edge| edge["to"] == "topic:lease")
        .unwrap();
    assert_eq!((&lease["n_queries"], &lease["from"]), (&2.into(), &"persona:ada".into()));
    let confidence = lease["confidence"].as_f64().unwrap();
    assert!(confidence > 0.0 && confidence < 1.0, "{lease}");
    let met = of_kind(&graph, "edges", "RELATED_TO")
        .into_iter()
        .find(|edge| edge["from"] == "topic:deposit" && edge["to"] == "topic:lease")
        .unwrap();
    assert!(met["co_occurrence_count"].as_u64().unwrap() >= 1, "{met}");
    assert!(met["last_seen"].is_string(), "{met}");
    assert!(!of_kind(&graph, "edges", "ACCESSED").is_empty(), "{graph}");

    // The other persona has a graph of its own, with nobody else in it.
    let other = scene.json(&["memory", "graph", "--persona", "default"]);
    assert_eq!(other["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(other["edges"], serde_json::json!([]));
}

#[test]
fn a_walk_begins_with_a_topic() {
    let scene = asked();
    let near = scene.json(&["memory", "graph", "Leases", "--depth", "1", "--persona", "ada"]);
    assert!(names(&near, "topic").iter().any(|name| name == "deposit"), "{near}");
    assert!(!names(&near, "topic").iter().any(|name| name == "sourdough"), "{near}");
    let ran = scene.run(&["memory", "graph", "lease", "--persona", "ada"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[1].trim_start().starts_with("lease"), "{ran:?}");
    assert!(lines.iter().any(|line| line.contains("\u{a0}\u{a0}deposit")), "{ran:?}");
    let unknown = scene.run(&["memory", "graph", "zebra", "--persona", "ada"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(unknown.stderr.contains("nothing was learned of that topic"), "{unknown:?}");
}

#[test]
fn the_graph_is_drawn_in_three_languages() {
    let scene = asked();
    let drawn = |format: &str| {
        let ran = scene.run(&["memory", "graph", "--format", format, "--persona", "ada"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout
    };
    let dot = drawn("dot");
    assert!(dot.starts_with("digraph knowledge {\n"), "{dot}");
    assert!(dot.contains("label=\"Reef survey\", shape=box"), "{dot}");
    let mermaid = drawn("mermaid");
    assert!(mermaid.starts_with("flowchart LR\n"), "{mermaid}");
    assert!(mermaid.contains("[[\"Reef survey\"]]"), "{mermaid}");
    let graphml = drawn("graphml");
    assert!(graphml.contains("<data key=\"node.id\">topic:lease</data>"), "{graphml}");
    assert!(graphml.ends_with("</graphml>\n"), "{graphml}");
    // Nothing else can be drawn.
    for args in [["status", "--format", "dot"], ["--format", "dot", "status"]] {
        let refused = scene.run(&args);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains("[possible values: table, json]"), "{refused:?}");
    }
    // An option that stands before the command counts too.
    let ran = scene.run(&["--format", "json", "memory", "graph", "--persona", "ada"]);
    assert!(ran.stdout.starts_with('{'), "{ran:?}");
}

#[test]
fn documents_are_listed_by_use() {
    let scene = asked();
    let listed = scene.json(&["memory", "documents", "--persona", "ada"]);
    let documents = listed["documents"].as_array().unwrap();
    let path = documents[0]["path"].as_str().unwrap();
    assert!(path.ends_with("lease.md"), "{listed}");
    assert_eq!(documents[0]["access_count"], 2, "{listed}");
    let ran = scene.run(&["memory", "documents", "--persona", "ada"]);
    assert!(ran.stdout.contains("lease.md"), "{ran:?}");
    let none = scene.run(&["memory", "documents", "--persona", "default"]);
    assert_eq!(none.stdout, "No answer drew on a document yet.\n", "{none:?}");
}

#[test]
fn a_node_is_forgotten_when_that_is_confirmed() {
    let scene = asked();
    let forget = |args: &[&str]| {
        let ran = scene.run(&[&["memory", "forget-node", "--persona", "ada"], args].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    };
    let graph = || scene.json(&["memory", "graph", "--persona", "ada"]);
    let before = graph();
    let would = forget(&["topic", "lease"]);
    assert!(would.stdout.starts_with("Would forget the topic lease, met in "), "{would:?}");
    forget(&["document", "lease.md"]);
    forget(&["project", "ark"]);
    assert_eq!(graph(), before);

    forget(&["topic", "lease", "--confirm"]);
    assert!(!names(&graph(), "topic").iter().any(|name| name == "lease"));
    let gone = forget(&["document", "lease.md", "--confirm"]);
    assert!(gone.stdout.starts_with("Forgot the document lease.md, met in "), "{gone:?}");
    let left = scene.json(&["memory", "documents", "--persona", "ada"]);
    assert!(!left.to_string().contains("lease.md"), "{left}");
    forget(&["project", "ark", "--confirm"]);
    assert_eq!(names(&graph(), "project"), ["Reef survey"]);
    let persona = scene.json(&["persona", "show", "ada"]);
    assert_eq!(persona["active_projects"], serde_json::json!(["Reef survey"]));
    let again = scene.run(&["memory", "forget-node", "project", "ark", "--persona", "ada"]);
    assert_eq!(again.code, 1, "{again:?}");
}

#[test]
fn projects_follow_what_is_said_of_the_persona() {
    let scene = asked();
    let edited = scene.run(&["persona", "edit", "ada", "--projects", "Ark, Loom"]);
    assert_eq!(edited.code, 0, "{edited:?}");
    let graph = scene.json(&["memory", "graph", "--persona", "ada"]);
    let status: Vec<(&str, &str)> = of_kind(&graph, "nodes", "project")
        .iter()
        .map(|node| (node["name"].as_str().unwrap(), node["status"].as_str().unwrap()))
        .collect();
    assert_eq!(status, [("Ark", "active"), ("Loom", "active"), ("Reef survey", "ended")]);
}
