//! What a persona is linked to: topics, documents and projects.

use anyhow::Result;
use ragged::{
    error::ErrorKind,
    knowledge::{Graph, NodeId, NodeKind, Relation, Step},
    memory::{Memory, Persona, PersonaMemory, graph::GraphRequest, topic},
};

use super::super::{joined, time_in};
use crate::{
    cli::{
        OutputFormat, Session,
        args::memory::{
            OfPersona,
            graph::{ForgetKind, GraphArgs, GraphCommand},
        },
        printer::{counted, table, thousands, visible},
    },
    failure::Outcome,
    wire,
};

pub(crate) fn run(command: GraphCommand, of: &OfPersona, session: &Session) -> Result<Outcome> {
    let memory = session.memory_to_read(of.passphrase_file.as_deref())?;
    let (persona, remembered) = Session::remembered(&memory, of.persona.as_deref())?;
    match command {
        GraphCommand::Graph(args) => show(&args, &persona, &remembered, session),
        GraphCommand::Documents { limit } => documents(limit, &persona, &remembered, session),
        GraphCommand::ForgetNode { kind, name, confirm } => {
            let node = Named { kind, name: joined(&name) };
            forget(&node, confirm, &memory, &persona, &remembered, session)
        }
    }
}

fn show(
    args: &GraphArgs,
    persona: &Persona,
    remembered: &PersonaMemory,
    session: &Session,
) -> Result<Outcome> {
    let queries = remembered.graph(remembered.config().interest)?;
    let topic = if args.topic.is_empty() {
        None
    } else {
        // The topic that has the place of one that was merged into it.
        Some(queries.topic(&topic::key(&joined(&args.topic)))?.key)
    };
    let limit = if args.all { usize::MAX } else { args.limit };
    let request =
        GraphRequest { topic, depth: args.depth, limit, created_ms: Some(persona.created_ms) };
    let graph = queries.graph(&request)?;
    let printer = &session.printer;
    match args.format {
        OutputFormat::Json => {
            printer.json(&wire::KnowledgeGraph::new(persona, &graph))?;
            return Ok(Outcome::Done);
        }
        OutputFormat::Dot => printer.text(&graph.to_dot())?,
        OutputFormat::Mermaid => printer.text(&graph.to_mermaid())?,
        OutputFormat::Graphml => printer.text(&graph.to_graphml()?)?,
        OutputFormat::Table => outline(&graph, &request, (persona, remembered), session)?,
    }
    printer.note(format!(
        "{}, {} of {}",
        counted(graph.nodes().len() as u64, "node", "nodes"),
        counted(graph.edges().len() as u64, "edge", "edges"),
        visible(persona.name.as_str()),
    ));
    let of_kind = |kind| graph.nodes().iter().filter(|node| node.id().kind() == kind).count();
    if of_kind(NodeKind::Topic) >= limit || of_kind(NodeKind::Document) >= limit {
        printer.note("There may be more; --all shows everything.");
    }
    Ok(Outcome::Done)
}

/// The graph as an indented table.
fn outline(
    graph: &Graph,
    request: &GraphRequest,
    (persona, remembered): (&Persona, &PersonaMemory),
    session: &Session,
) -> Result<()> {
    let shown = |ms| time_in(ms, &remembered.config().zone);
    let start = match &request.topic {
        None => NodeId::persona(persona.name.as_str()),
        Some(key) => NodeId::topic(key.as_str()),
    };
    let mut rows = table(&session.printer, &["node", "kind", "by", "count", "confidence", "last"]);
    for Step { depth, node, edge } in graph.outline(&start, request.depth) {
        let relation = edge.map(|edge| &edge.relation);
        let confidence = match relation {
            Some(Relation::InterestedIn { confidence, .. }) => format!("{confidence:.2}"),
            _ => String::new(),
        };
        rows.add_row([
            // The table trims spaces at the beginning of a cell; these are none.
            format!("{}{}", "\u{a0}\u{a0}".repeat(depth), visible(node.name())),
            node.id().kind().as_str().to_owned(),
            relation.map(Relation::as_str).unwrap_or_default().to_owned(),
            relation.map(|relation| thousands(relation.count())).unwrap_or_default(),
            confidence,
            relation.and_then(Relation::last_ms).map(shown).unwrap_or_default(),
        ]);
    }
    session.printer.line(rows.trim_fmt())
}

fn documents(
    limit: usize,
    persona: &Persona,
    remembered: &PersonaMemory,
    session: &Session,
) -> Result<Outcome> {
    let printer = &session.printer;
    let found = remembered.graph(remembered.config().interest)?.frequent_documents(limit)?;
    if printer.is_json() {
        printer.json(&wire::FrequentDocuments::new(persona, &found))?;
        return Ok(Outcome::Done);
    }
    if found.is_empty() {
        printer.line("No answer drew on a document yet.")?;
    } else {
        let mut rows = table(printer, &["times", "first", "last", "document"]);
        let zone = &remembered.config().zone;
        for document in &found {
            let shown = super::super::add::shortened(&document.path);
            rows.add_row([
                thousands(document.access_count),
                time_in(document.first_access_ms, zone),
                time_in(document.last_access_ms, zone),
                visible(&shown).into_owned(),
            ]);
        }
        printer.line(rows.trim_fmt())?;
    }
    printer.note(format!(
        "{} of {}",
        counted(found.len() as u64, "document", "documents"),
        visible(persona.name.as_str())
    ));
    Ok(Outcome::Done)
}

/// A node as it was typed.
struct Named {
    kind: ForgetKind,
    name: String,
}

fn forget(
    node: &Named,
    confirm: bool,
    memory: &Memory,
    persona: &Persona,
    remembered: &PersonaMemory,
    session: &Session,
) -> Result<Outcome> {
    let queries = remembered.graph(remembered.config().interest)?;
    // Named rightly or not is told before anything is changed, and without --confirm too.
    let (kind, n_interactions) = match node.kind {
        ForgetKind::Topic => {
            let key = topic::key(&node.name);
            let n = queries.topic(&key)?.frequency;
            if confirm {
                remembered.forget_topic(&key)?;
            }
            (NodeKind::Topic, Some(n))
        }
        ForgetKind::Document => {
            let path = std::path::absolute(&node.name)
                .map(|path| path.to_string_lossy().into_owned())
                .unwrap_or_default();
            let hash = match remembered.document_named(&node.name) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    remembered.document_named(&path).map_err(|_| error)?
                }
                found => found?,
            };
            let n = if confirm { Some(remembered.forget_document(&hash)?) } else { None };
            (NodeKind::Document, n)
        }
        ForgetKind::Project => {
            let is_it = |name: &str| name.eq_ignore_ascii_case(&node.name);
            let mut draft = persona.draft.clone();
            let is_said = draft.active_projects.iter().any(|name| is_it(name));
            let is_known = queries.projects()?.iter().any(|project| is_it(&project.name));
            if confirm && is_said {
                draft.active_projects.retain(|name| !is_it(name));
                memory.edit_persona(&persona.name, &draft)?;
            }
            // One that is only said, and one that is nowhere: the latter is an error.
            if is_known && confirm || !is_known && !is_said {
                remembered.remove_project(&node.name)?;
            }
            (NodeKind::Project, None)
        }
    };
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&wire::ForgottenNode {
            persona: persona.name.as_str().to_owned(),
            kind: kind.as_str(),
            name: node.name.clone(),
            interactions: n_interactions,
            forgotten: confirm,
        })?;
    } else {
        let did = if confirm { "Forgot" } else { "Would forget" };
        let met = n_interactions
            .map(|n| format!(", met in {}", counted(n, "interaction", "interactions")))
            .unwrap_or_default();
        printer.line(format!("{did} the {} {}{met}.", kind.as_str(), visible(&node.name)))?;
        if !confirm {
            printer.note("Nothing was changed; --confirm does it, and nothing brings it back.");
        }
    }
    if confirm && let Err(error) = remembered.erase_remains() {
        printer.warning(format!("it may still be found in free pages of the file: {error:#}"));
        printer.note("`ragged memory forget-node` or any other deletion clears them next time.");
        return Ok(Outcome::Partial);
    }
    Ok(Outcome::Done)
}
