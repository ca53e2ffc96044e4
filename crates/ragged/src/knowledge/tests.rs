use proptest::prelude::*;
use quick_xml::{Reader, events::Event};

use super::*;

fn topic(name: &str) -> Node {
    Node::Topic {
        key: name.to_owned(),
        name: name.to_owned(),
        category: "inferred".to_owned(),
        interest_level: 0.25,
        first_seen_ms: Some(0),
        last_seen_ms: None,
    }
}

fn document(hash: &str, title: Option<&str>, path: &str) -> Node {
    Node::Document {
        content_hash: hash.to_owned(),
        title: title.map(str::to_owned),
        path: path.to_owned(),
        doc_type: "md".to_owned(),
        added_ms: 0,
    }
}

fn persona() -> Node {
    Node::Persona { name: "ada".to_owned(), created_ms: Some(0) }
}

fn related(a: &str, b: &str, n: u64) -> Edge {
    Edge {
        from: NodeId::topic(a),
        to: NodeId::topic(b),
        relation: Relation::RelatedTo {
            co_occurrence_count: n,
            strength: 0.5,
            last_seen_ms: Some(1_000),
        },
    }
}

fn interested(name: &str, frequency: u64) -> Edge {
    Edge {
        from: NodeId::persona("ada"),
        to: NodeId::topic(name),
        relation: Relation::InterestedIn {
            frequency,
            n_queries: 1,
            first_seen_ms: None,
            last_query_ms: Some(0),
            confidence: 0.25,
            recency: 1.0,
        },
    }
}

/// tide – moon – orbit – comet, and ada, who is interested in tide and comet.
fn chain() -> Graph {
    Graph::new(
        [topic("tide"), topic("moon"), topic("orbit"), topic("comet"), persona()],
        [
            related("tide", "moon", 3),
            related("moon", "orbit", 2),
            related("orbit", "comet", 1),
            interested("tide", 4),
            interested("comet", 9),
        ],
    )
}

fn names(graph: &Graph) -> Vec<&str> {
    graph.nodes().iter().map(Node::name).collect()
}

#[test]
fn a_walk_goes_as_far_as_it_is_told_and_not_through_a_persona() {
    let graph = chain();
    let walk = |depth| graph.walk(&NodeId::topic("tide"), depth);
    assert_eq!(names(&walk(0)), ["tide"]);
    assert_eq!(names(&walk(1)), ["ada", "moon", "tide"]);
    // Comet is two steps from tide through ada, and three without her.
    assert_eq!(names(&walk(2)), ["ada", "moon", "orbit", "tide"]);
    assert_eq!(names(&walk(3)), ["ada", "comet", "moon", "orbit", "tide"]);
    assert_eq!(walk(3), graph);
    assert_eq!(walk(2).edges().len(), 3);
    assert_eq!(names(&graph.walk(&NodeId::persona("ada"), 1)), ["ada", "comet", "tide"]);
    assert_eq!(graph.walk(&NodeId::topic("stone"), 9), Graph::default());
}

#[test]
fn an_outline_has_each_node_once_the_strongest_first() {
    let graph = chain();
    let lines: Vec<String> = graph
        .outline(&NodeId::persona("ada"), 2)
        .iter()
        .map(|step| {
            let n = step.edge.map_or(0, |edge| edge.relation.count());
            format!("{}{} {n}", " ".repeat(step.depth), step.node.name())
        })
        .collect();
    assert_eq!(lines, ["ada 0", " comet 9", "  orbit 1", " tide 4", "  moon 3"]);
}

#[test]
fn the_order_in_which_it_is_put_together_does_not_show() {
    let graph = chain();
    let other = Graph::new(
        graph.nodes().iter().rev().cloned(),
        // A mutual edge is the same from either end.
        graph.edges().iter().rev().cloned().map(|mut edge| {
            if edge.relation.is_mutual() {
                std::mem::swap(&mut edge.from, &mut edge.to);
            }
            edge
        }),
    );
    assert_eq!(graph, other);
    assert_eq!(graph.to_dot(), other.to_dot());
    let dangling = Graph::new([topic("tide")], [related("tide", "moon", 1)]);
    assert!(dangling.edges().is_empty());
}

#[test]
fn drawings_are_what_they_are() {
    let graph = Graph::new(
        [topic("tide"), topic("moon"), persona(), document("00", None, "/notes/a.md")],
        [related("tide", "moon", 3), interested("tide", 1)],
    );
    assert_eq!(
        graph.to_dot(),
        "digraph knowledge {\n  rankdir=LR;\n  n0 [label=\"ada\", shape=doublecircle];\n  \
         n1 [label=\"moon\", shape=ellipse];\n  n2 [label=\"tide\", shape=ellipse];\n  \
         n3 [label=\"a.md\", shape=note];\n  n0 -> n2 [label=\"INTERESTED_IN\"];\n  \
         n1 -> n2 [label=\"RELATED_TO 3\", dir=none];\n}\n"
    );
    assert_eq!(
        graph.to_mermaid(),
        "flowchart LR\n  n0((\"ada\"))\n  n1([\"moon\"])\n  n2([\"tide\"])\n  n3[\"a.md\"]\n  \
         n0 -->|\"INTERESTED_IN\"| n2\n  n1 ---|\"RELATED_TO 3\"| n2\n"
    );
}

#[test]
fn hostile_names_stay_names() {
    let hostile = "a\"]; } \\N & <b> \u{1b}[31m\n%% `x` #quot; 日本";
    let graph = Graph::new([topic(hostile)], []);
    let dot = graph.to_dot();
    assert!(
        dot.contains(
            "n0 [label=\"a\\\"]; } \\\\N &amp; <b> \u{fffd}[31m %% `x` #quot; 日本\", shape"
        ),
        "{dot}"
    );
    let mermaid = graph.to_mermaid();
    assert!(
        mermaid.contains(
            "n0([\"a#34;#93;#59; #125; #92;N #38; #60;b#62; \u{fffd}#91;31m #37;#37; #96;x#96; \
             #35;quot#59; 日本\"])"
        ),
        "{mermaid}"
    );
    assert_eq!((dot.lines().count(), mermaid.lines().count()), (4, 2));
}

/// Data of nodes and edges, and how many there were of each.
fn parse(text: &str) -> (usize, usize, Vec<(String, String)>) {
    let mut reader = Reader::from_str(text);
    let (mut nodes, mut edges, mut data) = (0, 0, Vec::new());
    let mut current: Option<(String, String)> = None;
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => match start.name().as_ref() {
                "node" => nodes += 1,
                "edge" => edges += 1,
                "data" => {
                    let key = start.try_get_attribute("key").unwrap().unwrap();
                    let key = key.value.into_owned();
                    current = Some((key, String::new()));
                }
                _ => {}
            },
            Event::Text(part) => {
                if let Some((_, value)) = &mut current {
                    value.push_str(&part);
                }
            }
            Event::GeneralRef(name) => {
                if let Some((_, value)) = &mut current {
                    value.push_str(quick_xml::escape::resolve_xml_entity(&name).unwrap());
                }
            }
            Event::End(end) if end.name().as_ref() == "data" => data.extend(current.take()),
            Event::Eof => return (nodes, edges, data),
            _ => {}
        }
    }
}

#[test]
fn graphml_is_read_back() {
    let graph = Graph::new(
        [
            topic("a<b & \"c\""),
            persona(),
            document("ff", Some("Ends ]]> here"), "/x/y.md"),
            Node::Project {
                name: "Reef".to_owned(),
                description: String::new(),
                status: "active".to_owned(),
                started_ms: 86_400_000,
            },
        ],
        [interested("a<b & \"c\"", 7)],
    );
    let text = graph.to_graphml().unwrap();
    let (nodes, edges, data) = parse(&text);
    assert_eq!((nodes, edges), (4, 1));
    let has = |key: &str, value: &str| {
        assert!(data.contains(&(key.to_owned(), value.to_owned())), "{key} {value} in {data:?}");
    };
    has("node.id", "topic:a<b & \"c\"");
    has("node.title", "Ends ]]> here");
    has("node.started_at", "1970-01-02T00:00:00Z");
    has("edge.frequency", "7");
    has("edge.kind", "INTERESTED_IN");
    assert!(
        text.contains(
            "<key id=\"edge.frequency\" for=\"edge\" attr.name=\"frequency\" attr.type=\"long\"/>"
        ),
        "{text}"
    );
    assert!(text.contains("<edge source=\"n0\" target=\"n1\">"), "{text}");
}

proptest! {
    #[test]
    fn whatever_a_name_holds_a_drawing_stays_one(name in any::<String>()) {
        let graph = Graph::new([topic(&name), topic("moon")], []);
        let text = graph.to_graphml().unwrap();
        let (nodes, _, data) = parse(&text);
        let ids = data.iter().filter(|(key, _)| key == "node.id").count();
        prop_assert_eq!((nodes, ids), (graph.nodes().len(), graph.nodes().len()));
        prop_assert_eq!(graph.to_mermaid().lines().count(), graph.nodes().len() + 1);
        prop_assert_eq!(graph.to_dot().lines().count(), graph.nodes().len() + 3);
        prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        for line in graph.to_dot().lines().filter(|line| line.contains("label=")) {
            // Quotes that are not escaped: the two of the label.
            let mut bare = 0;
            let mut is_escaped = false;
            for c in line.chars() {
                bare += usize::from(c == '"' && !is_escaped);
                is_escaped = c == '\\' && !is_escaped;
            }
            prop_assert_eq!(bare, 2, "{}", line);
        }
    }
}
