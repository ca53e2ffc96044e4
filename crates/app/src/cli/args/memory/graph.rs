//! What a persona is linked to.

use clap::{Args, Subcommand, ValueEnum};

use super::super::{OutputFormat, formats};

/// Topics, documents and projects, and how they are linked.
#[derive(Debug, Subcommand)]
pub(crate) enum GraphCommand {
    /// Show what the persona is linked to, or what is near a topic; also as a drawing
    #[command(
        after_help = "Examples:\n  ragged memory graph\n  ragged memory graph tides --depth 2\n  ragged memory graph --format dot | dot -Tsvg > graph.svg\n  ragged memory graph --format graphml --all > graph.graphml"
    )]
    Graph(GraphArgs),
    /// List the documents that answers drew on most often
    #[command(after_help = "Example:\n  ragged memory documents --limit 5")]
    Documents {
        /// How many
        #[arg(long, value_name = "N", default_value_t = ragged::memory::graph::DEFAULT_DOCUMENTS)]
        limit: usize,
    },
    /// Delete a topic, a document or a project from the graph and from what it was learned from
    #[command(
        after_help = "Examples:\n  ragged memory forget-node topic tides --confirm\n  ragged memory forget-node document ~/notes/lease.md --confirm"
    )]
    ForgetNode {
        /// What it is
        #[arg(value_enum)]
        kind: ForgetKind,
        /// Its name; a document's path, title, or digits of its hash
        #[arg(required = true)]
        name: Vec<String>,
        /// Really delete
        #[arg(long)]
        confirm: bool,
    },
}

#[derive(Clone, Debug, Args)]
pub(crate) struct GraphArgs {
    /// Begin with this topic rather than with the persona
    pub(crate) topic: Vec<String>,
    /// Steps from there
    #[arg(long, value_name = "N", default_value_t = ragged::memory::graph::DEFAULT_DEPTH)]
    pub(crate) depth: usize,
    /// At most so many topics, and so many documents
    #[arg(long, value_name = "N", default_value_t = ragged::memory::graph::DEFAULT_LIMIT)]
    pub(crate) limit: usize,
    /// Without a limit
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
    /// How the graph is printed
    #[arg(
        long,
        value_parser = formats(OutputFormat::value_variants()),
        default_value = "table",
        help_heading = "Global options"
    )]
    pub(crate) format: OutputFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ForgetKind {
    /// As `ragged memory forget-topic`: it is not learned again
    Topic,
    /// Out of every interaction; a question that finds it again makes it known again
    Document,
    /// Out of the persona's projects
    Project,
}
