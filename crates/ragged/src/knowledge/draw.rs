//! A graph as text for other programs. Names come from outside: whatever they hold, a drawing
//! stays one, and says what they say.

use std::collections::{BTreeMap, BTreeSet};

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};

use super::{Edge, Graph, Node, NodeId, NodeKind, Value};
use crate::error::{Error, Result};

const GRAPHML: &str = "http://graphml.graphdrawing.org/xmlns";

impl Graph {
    /// For Graphviz.
    pub fn to_dot(&self) -> String {
        let mut text = String::from("digraph knowledge {\n  rankdir=LR;\n");
        for (idx, node) in self.nodes().iter().enumerate() {
            let shape = match node.id().kind() {
                NodeKind::Persona => "doublecircle",
                NodeKind::Topic => "ellipse",
                NodeKind::Document => "note",
                NodeKind::Project => "box",
            };
            line(&mut text, format_args!("  n{idx} [label={}, shape={shape}];", dot(node.name())));
        }
        for (from, to, edge) in self.numbered() {
            let direction = if edge.relation.is_mutual() { ", dir=none" } else { "" };
            let label = dot(&label(edge));
            line(&mut text, format_args!("  n{from} -> n{to} [label={label}{direction}];"));
        }
        text.push_str("}\n");
        text
    }

    /// For Mermaid, as in Markdown.
    pub fn to_mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (idx, node) in self.nodes().iter().enumerate() {
            let (open, close) = match node.id().kind() {
                NodeKind::Persona => ("((", "))"),
                NodeKind::Topic => ("([", "])"),
                NodeKind::Document => ("[", "]"),
                NodeKind::Project => ("[[", "]]"),
            };
            let name = mermaid(node.name());
            line(&mut text, format_args!("  n{idx}{open}\"{name}\"{close}"));
        }
        for (from, to, edge) in self.numbered() {
            let arrow = if edge.relation.is_mutual() { "---" } else { "-->" };
            let label = mermaid(&label(edge));
            line(&mut text, format_args!("  n{from} {arrow}|\"{label}\"| n{to}"));
        }
        text
    }

    /// As `GraphML`, with every attribute: for Gephi, yEd and others.
    ///
    /// Each node has the data `id`, `kind` and `name`, each edge `kind`; the others follow.
    ///
    /// # Errors
    ///
    /// None in practice: writing to memory.
    pub fn to_graphml(&self) -> Result<String> {
        let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
        self.write_graphml(&mut xml).map_err(Error::io)?;
        let mut text = String::from_utf8_lossy(&xml.into_inner()).into_owned();
        text.push('\n');
        Ok(text)
    }

    fn write_graphml(&self, xml: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let root = BytesStart::new("graphml").with_attributes([("xmlns", GRAPHML)]);
        xml.write_event(Event::Start(root))?;
        for (id, (of, name, kind)) in self.keys() {
            let key = BytesStart::new("key").with_attributes([
                ("id", id.as_str()),
                ("for", of),
                ("attr.name", name),
                ("attr.type", kind),
            ]);
            xml.write_event(Event::Empty(key))?;
        }
        let graph = BytesStart::new("graph")
            .with_attributes([("id", "knowledge"), ("edgedefault", "directed")]);
        xml.write_event(Event::Start(graph))?;
        for (idx, node) in self.nodes().iter().enumerate() {
            let id = format!("n{idx}");
            let start = BytesStart::new("node").with_attributes([("id", id.as_str())]);
            xml.write_event(Event::Start(start))?;
            for (name, value) in node_data(node, &node.id().to_string()) {
                data(xml, &key_id("node", name), &value.to_string())?;
            }
            xml.write_event(Event::End(BytesEnd::new("node")))?;
        }
        for (from, to, edge) in self.numbered() {
            let (from, to) = (format!("n{from}"), format!("n{to}"));
            let mut start = BytesStart::new("edge")
                .with_attributes([("source", from.as_str()), ("target", to.as_str())]);
            if edge.relation.is_mutual() {
                start.push_attribute(("directed", "false"));
            }
            xml.write_event(Event::Start(start))?;
            for (name, value) in edge_data(edge) {
                data(xml, &key_id("edge", name), &value.to_string())?;
            }
            xml.write_event(Event::End(BytesEnd::new("edge")))?;
        }
        xml.write_event(Event::End(BytesEnd::new("graph")))?;
        xml.write_event(Event::End(BytesEnd::new("graphml")))
    }

    /// What the attributes in use are and of which type, by id.
    fn keys(&self) -> BTreeMap<String, (&'static str, &'static str, &'static str)> {
        let mut keys = BTreeMap::new();
        let mut note = |of: &'static str, name: &'static str, value: &Value<'_>| {
            let kind = match value {
                Value::Text(_) | Value::Time(_) => "string",
                Value::Count(_) => "long",
                Value::Number(_) => "double",
            };
            keys.insert(key_id(of, name), (of, name, kind));
        };
        for node in self.nodes() {
            for (name, value) in node_data(node, "") {
                note("node", name, &value);
            }
        }
        for edge in self.edges() {
            for (name, value) in edge_data(edge) {
                note("edge", name, &value);
            }
        }
        keys
    }

    /// Edges with the positions of their ends.
    fn numbered(&self) -> impl Iterator<Item = (usize, usize, &Edge)> {
        let positions: BTreeMap<NodeId, usize> =
            self.nodes().iter().enumerate().map(|(idx, node)| (node.id(), idx)).collect();
        self.edges().iter().filter_map(move |edge| {
            Some((*positions.get(&edge.from)?, *positions.get(&edge.to)?, edge))
        })
    }

    /// The kinds of nodes that it has, in order.
    pub fn kinds(&self) -> BTreeSet<NodeKind> {
        self.nodes().iter().map(|node| node.id().kind()).collect()
    }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.push_str(&line.to_string());
    text.push('\n');
}

/// What stands at an edge.
fn label(edge: &Edge) -> String {
    let relation = &edge.relation;
    match relation.count() {
        1 => relation.as_str().to_owned(),
        n => format!("{} {n}", relation.as_str()),
    }
}

fn key_id(of: &str, name: &str) -> String {
    format!("{of}.{name}")
}

fn node_data<'a>(node: &'a Node, id: &'a str) -> Vec<(&'static str, Value<'a>)> {
    let mut data = vec![
        ("id", Value::Text(id)),
        ("kind", Value::Text(node.id().kind().as_str())),
        ("name", Value::Text(node.name())),
    ];
    data.extend(node.attributes());
    data
}

fn edge_data(edge: &Edge) -> Vec<(&'static str, Value<'static>)> {
    let mut data = vec![("kind", Value::Text(edge.relation.as_str()))];
    data.extend(edge.relation.attributes());
    data
}

fn data(xml: &mut Writer<Vec<u8>>, key: &str, value: &str) -> std::io::Result<()> {
    let start = BytesStart::new("data").with_attributes([("key", key)]);
    xml.write_event(Event::Start(start))?;
    xml.write_event(Event::Text(BytesText::new(&printable(value))))?;
    xml.write_event(Event::End(BytesEnd::new("data")))
}

/// Without characters that XML has no way to write, and that no drawing shows.
fn printable(text: &str) -> String {
    let is_drawn = |c: &char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if is_drawn(&c) => c,
            _ => char::REPLACEMENT_CHARACTER,
        })
        .collect()
}

/// A quoted string of Graphviz's language. Its labels know escapes and entities besides.
fn dot(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in printable(text).chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '&' => quoted.push_str("&amp;"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The inside of a quoted text of Mermaid: what could mean something is written by number.
fn mermaid(text: &str) -> String {
    let mut safe = String::new();
    for c in printable(text).chars() {
        if !c.is_ascii() || c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | ',' | '-' | '_') {
            safe.push(c);
        } else {
            safe.push_str(&format!("#{};", u32::from(c)));
        }
    }
    safe
}
