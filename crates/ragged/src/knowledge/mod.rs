//! What a persona is linked to: topics, documents and projects, as a graph.
//!
//! A [`Graph`] is nodes and edges with what is known of each. It is a picture of what is
//! remembered, made when somebody asks; it stores nothing and reads nothing. Edges carry counts;
//! the confidence of an interest comes from the formulas of the profile.
//!
//! Nodes and edges are kept in order of their identities, so that equal graphs are drawn alike.
//!
//! # Examples
//!
//! ```
//! use ragged::knowledge::{Edge, Graph, Node, NodeId, Relation};
//!
//! let topic = |name: &str| Node::Topic {
//!     key: name.to_owned(),
//!     name: name.to_owned(),
//!     category: "inferred".to_owned(),
//!     interest_level: 0.5,
//!     first_seen_ms: None,
//!     last_seen_ms: None,
//! };
//! let graph = Graph::new(
//!     [topic("moon"), topic("tide")],
//!     [Edge {
//!         from: NodeId::topic("tide"),
//!         to: NodeId::topic("moon"),
//!         relation: Relation::RelatedTo {
//!             co_occurrence_count: 3,
//!             strength: 0.5,
//!             last_seen_ms: None,
//!         },
//!     }],
//! );
//! assert_eq!(graph.walk(&NodeId::topic("tide"), 1).nodes().len(), 2);
//! ```

mod draw;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
};

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeKind {
    /// Who asks.
    Persona,
    /// What is asked about.
    Topic,
    /// What answers drew on.
    Document,
    /// What the persona works on.
    Project,
}

impl NodeKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Persona, Self::Topic, Self::Document, Self::Project];

    /// The word used in ids, in JSON and in drawings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Persona => "persona",
            Self::Topic => "topic",
            Self::Document => "document",
            Self::Project => "project",
        }
    }
}

/// The identity of a node: its kind, and what is unique within it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId {
    kind: NodeKind,
    key: String,
}

impl NodeId {
    /// A persona by its name.
    pub fn persona(name: impl Into<String>) -> Self {
        Self { kind: NodeKind::Persona, key: name.into() }
    }

    /// A topic by its key.
    pub fn topic(key: impl Into<String>) -> Self {
        Self { kind: NodeKind::Topic, key: key.into() }
    }

    /// A document by the hash of its contents, in hexadecimal digits.
    pub fn document(content_hash: impl Into<String>) -> Self {
        Self { kind: NodeKind::Document, key: content_hash.into() }
    }

    /// A project by its name.
    pub fn project(name: impl Into<String>) -> Self {
        Self { kind: NodeKind::Project, key: name.into() }
    }

    /// What it stands for.
    pub fn kind(&self) -> NodeKind {
        self.kind
    }

    /// What is unique within the kind.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.key)
    }
}

/// A node with what is known of it. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are named in the text of each variant")]
pub enum Node {
    /// Its name and when it was made.
    Persona { name: String, created_ms: Option<i64> },
    /// Its key and name, how it came to be known, the interest in it from 0 to 1, and when it was
    /// met.
    Topic {
        key: String,
        name: String,
        category: String,
        interest_level: f64,
        first_seen_ms: Option<i64>,
        last_seen_ms: Option<i64>,
    },
    /// The hash of its contents in hexadecimal digits, and what it was when it was last found.
    Document {
        content_hash: String,
        title: Option<String>,
        path: String,
        doc_type: String,
        added_ms: i64,
    },
    /// Its name, what is said of it, whether it is `active` or `ended`, and since when.
    Project { name: String, description: String, status: String, started_ms: i64 },
}

impl Node {
    /// Its identity.
    pub fn id(&self) -> NodeId {
        match self {
            Self::Persona { name, .. } => NodeId::persona(name.as_str()),
            Self::Topic { key, .. } => NodeId::topic(key.as_str()),
            Self::Document { content_hash, .. } => NodeId::document(content_hash.as_str()),
            Self::Project { name, .. } => NodeId::project(name.as_str()),
        }
    }

    /// What a person calls it: a document by its title, or else by the name of its file.
    pub fn name(&self) -> &str {
        match self {
            Self::Persona { name, .. } | Self::Topic { name, .. } | Self::Project { name, .. } => {
                name
            }
            Self::Document { title, path, .. } => match title.as_deref() {
                Some(title) if !title.trim().is_empty() => title,
                _ => path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(path),
            },
        }
    }

    /// What is known of it besides its identity and name, in a fixed order; unknown values are
    /// left out.
    pub fn attributes(&self) -> Vec<(&'static str, Value<'_>)> {
        match self {
            Self::Persona { created_ms, .. } => {
                known([("created_at", created_ms.map(Value::Time))])
            }
            Self::Topic { category, interest_level, first_seen_ms, last_seen_ms, .. } => known([
                ("category", Some(Value::Text(category))),
                ("interest_level", Some(Value::Number(*interest_level))),
                ("first_seen", first_seen_ms.map(Value::Time)),
                ("last_seen", last_seen_ms.map(Value::Time)),
            ]),
            Self::Document { title, path, doc_type, added_ms, .. } => known([
                ("title", title.as_deref().map(Value::Text)),
                ("path", Some(Value::Text(path))),
                ("doc_type", Some(Value::Text(doc_type))),
                ("added_at", Some(Value::Time(*added_ms))),
            ]),
            Self::Project { description, status, started_ms, .. } => known([
                ("description", Some(Value::Text(description))),
                ("status", Some(Value::Text(status))),
                ("started_at", Some(Value::Time(*started_ms))),
            ]),
        }
    }
}

/// How two nodes are linked. Times are Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are named in the text of each variant")]
pub enum Relation {
    /// From a persona to a topic: in how many interactions it was met, in how many of them the
    /// question named it, when, and how sure the interest is, with the part that falls with time;
    /// both from 0 to 1.
    InterestedIn {
        frequency: u64,
        n_queries: u64,
        first_seen_ms: Option<i64>,
        last_query_ms: Option<i64>,
        confidence: f64,
        recency: f64,
    },
    /// From a persona to a document: in how many interactions, and when.
    Accessed { access_count: u64, first_access_ms: i64, last_access_ms: i64 },
    /// Between two topics, in either direction: in how many interactions they met, that number
    /// relative to all in which either was, and when they last did, if that was asked for.
    RelatedTo { co_occurrence_count: u64, strength: f64, last_seen_ms: Option<i64> },
    /// From a persona to a project: since when, and until when where it ended.
    WorkingOn { start_ms: i64, end_ms: Option<i64> },
}

impl Relation {
    /// The word used in JSON and in drawings.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::InterestedIn { .. } => "INTERESTED_IN",
            Self::Accessed { .. } => "ACCESSED",
            Self::RelatedTo { .. } => "RELATED_TO",
            Self::WorkingOn { .. } => "WORKING_ON",
        }
    }

    /// Whether it says the same of both ends.
    pub fn is_mutual(&self) -> bool {
        matches!(self, Self::RelatedTo { .. })
    }

    /// How often it was seen; 1 for what is not counted.
    pub fn count(&self) -> u64 {
        match self {
            Self::InterestedIn { frequency, .. } => *frequency,
            Self::Accessed { access_count, .. } => *access_count,
            Self::RelatedTo { co_occurrence_count, .. } => *co_occurrence_count,
            Self::WorkingOn { .. } => 1,
        }
    }

    /// When it was last seen, as far as that is known.
    pub fn last_ms(&self) -> Option<i64> {
        match self {
            Self::InterestedIn { last_query_ms, .. } => *last_query_ms,
            Self::Accessed { last_access_ms, .. } => Some(*last_access_ms),
            Self::RelatedTo { last_seen_ms, .. } => *last_seen_ms,
            Self::WorkingOn { end_ms, .. } => *end_ms,
        }
    }

    /// What is known of it, in a fixed order; unknown values are left out.
    pub fn attributes(&self) -> Vec<(&'static str, Value<'static>)> {
        match *self {
            Self::InterestedIn {
                frequency,
                n_queries,
                first_seen_ms,
                last_query_ms,
                confidence,
                recency,
            } => known([
                ("frequency", Some(Value::Count(frequency))),
                ("n_queries", Some(Value::Count(n_queries))),
                ("first_seen", first_seen_ms.map(Value::Time)),
                ("last_query", last_query_ms.map(Value::Time)),
                ("confidence", Some(Value::Number(confidence))),
                ("recency", Some(Value::Number(recency))),
            ]),
            Self::Accessed { access_count, first_access_ms, last_access_ms } => known([
                ("access_count", Some(Value::Count(access_count))),
                ("first_access", Some(Value::Time(first_access_ms))),
                ("last_access", Some(Value::Time(last_access_ms))),
            ]),
            Self::RelatedTo { co_occurrence_count, strength, last_seen_ms } => known([
                ("co_occurrence_count", Some(Value::Count(co_occurrence_count))),
                ("strength", Some(Value::Number(strength))),
                ("last_seen", last_seen_ms.map(Value::Time)),
            ]),
            Self::WorkingOn { start_ms, end_ms } => {
                known([("start", Some(Value::Time(start_ms))), ("end", end_ms.map(Value::Time))])
            }
        }
    }
}

fn known<'a, const N: usize>(
    attributes: [(&'static str, Option<Value<'a>>); N],
) -> Vec<(&'static str, Value<'a>)> {
    attributes.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// A value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Words.
    Text(&'a str),
    /// How many.
    Count(u64),
    /// A number.
    Number(f64),
    /// A moment, Unix milliseconds; written as RFC 3339 in UTC.
    Time(i64),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Count(count) => count.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Time(ms) => match jiff::Timestamp::from_millisecond(*ms) {
                Ok(moment) => moment.fmt(f),
                Err(_) => ms.fmt(f),
            },
        }
    }
}

/// A link between two nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Where it begins; of a mutual relation, the lesser of the two ids.
    pub from: NodeId,
    /// Where it ends.
    pub to: NodeId,
    /// What it says.
    pub relation: Relation,
}

/// One line of an outline.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// How many steps from the beginning.
    pub depth: usize,
    /// The node.
    pub node: &'a Node,
    /// The edge that led to it; `None` for the beginning.
    pub edge: Option<&'a Edge>,
}

/// Nodes and edges.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

impl Graph {
    /// A graph of these nodes and edges. Of nodes with one id, and of edges with one relation and
    /// the same ends, the first is kept; an edge whose end is not among the nodes is left out.
    pub fn new(
        nodes: impl IntoIterator<Item = Node>,
        edges: impl IntoIterator<Item = Edge>,
    ) -> Self {
        let mut by_id = BTreeMap::new();
        for node in nodes {
            by_id.entry(node.id()).or_insert(node);
        }
        let mut by_ends = BTreeMap::new();
        for mut edge in edges {
            if !by_id.contains_key(&edge.from) || !by_id.contains_key(&edge.to) {
                continue;
            }
            if edge.relation.is_mutual() && edge.to < edge.from {
                std::mem::swap(&mut edge.from, &mut edge.to);
            }
            let ends = (edge.from.clone(), edge.to.clone(), edge.relation.as_str());
            by_ends.entry(ends).or_insert(edge);
        }
        Self { nodes: by_id.into_values().collect(), edges: by_ends.into_values().collect() }
    }

    /// The nodes, in order of their ids.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The edges, in order of their ends.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The node of an id.
    pub fn node(&self, id: &NodeId) -> Option<&Node> {
        self.position(id).map(|idx| &self.nodes[idx])
    }

    fn position(&self, id: &NodeId) -> Option<usize> {
        self.nodes.binary_search_by(|node| node.id().cmp(id)).ok()
    }

    /// What is within `depth` steps of a node, with all edges between what is found; empty where
    /// the graph does not have it.
    ///
    /// Steps go along edges in either direction. A walk ends at a persona and does not pass
    /// through it, unless it begins there: everything is one step from a persona.
    #[must_use]
    pub fn walk(&self, from: &NodeId, depth: usize) -> Self {
        let reached: BTreeSet<NodeId> =
            self.outline(from, depth).into_iter().map(|step| step.node.id()).collect();
        let has = |id: &NodeId| reached.contains(id);
        Self {
            nodes: self.nodes.iter().filter(|node| has(&node.id())).cloned().collect(),
            edges: self
                .edges
                .iter()
                .filter(|edge| has(&edge.from) && has(&edge.to))
                .cloned()
                .collect(),
        }
    }

    /// The nodes of a [`walk`](Self::walk) as an indented list: each once, below the node from
    /// which it is reached in the fewest steps, the links seen most often first.
    pub fn outline(&self, from: &NodeId, depth: usize) -> Vec<Step<'_>> {
        let Some(start) = self.position(from) else { return Vec::new() };
        let mut links: Vec<Vec<(usize, &Edge)>> = vec![Vec::new(); self.nodes.len()];
        for edge in &self.edges {
            if let (Some(a), Some(b)) = (self.position(&edge.from), self.position(&edge.to)) {
                links[a].push((b, edge));
                links[b].push((a, edge));
            }
        }
        for links in &mut links {
            // Ids break ties: nodes are in their order.
            links.sort_by_key(|(to, edge)| {
                (self.nodes[*to].id().kind, std::cmp::Reverse(edge.relation.count()), *to)
            });
        }
        let mut children: Vec<Vec<(usize, &Edge)>> = vec![Vec::new(); self.nodes.len()];
        let mut depths: Vec<Option<usize>> = vec![None; self.nodes.len()];
        depths[start] = Some(0);
        let mut queue = VecDeque::from([(start, 0)]);
        while let Some((at, steps)) = queue.pop_front() {
            let is_end = at != start && matches!(self.nodes[at], Node::Persona { .. });
            if steps == depth || is_end {
                continue;
            }
            for (to, edge) in &links[at] {
                if depths[*to].is_none() {
                    depths[*to] = Some(steps + 1);
                    children[at].push((*to, *edge));
                    queue.push_back((*to, steps + 1));
                }
            }
        }
        let mut lines = Vec::new();
        let mut open = vec![(start, None, 0)];
        while let Some((at, edge, depth)) = open.pop() {
            lines.push(Step { depth, node: &self.nodes[at], edge });
            open.extend(children[at].iter().rev().map(|(to, edge)| (*to, Some(*edge), depth + 1)));
        }
        lines
    }
}
