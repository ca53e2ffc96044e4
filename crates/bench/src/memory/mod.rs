//! What memory costs: a question with it and without, recording, and what is looked up of a persona
//! that has asked for years.

mod asking;
mod ground;
mod lookup;
mod together;

use std::path::PathBuf;

use anyhow::Result;

use self::ground::Ground;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of files [default: the documentation of this repository]
    folder: Option<PathBuf>,
    /// Questions, one JSON object with `text` a line [default: the headings of the Markdown files]
    #[arg(long)]
    questions: Option<PathBuf>,
    /// Interactions that the persona has had
    #[arg(long, default_value_t = 100_000)]
    interactions: usize,
    /// Facts that the persona noted
    #[arg(long, default_value_t = 10_000)]
    facts: usize,
    /// Rounds over all questions, with and without memory in turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Keep the library and the memory here and use them again
    #[arg(long)]
    library: Option<PathBuf>,
    /// The program [default: the one built beside this one]
    #[arg(long)]
    ragged: Option<PathBuf>,
    /// Seed of what was asked, and of the resampling
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Questions with memory and without
    Query,
    /// Questions asked again
    Repeat,
    /// How long recording takes, for whoever asked and until it lasts
    Record,
    /// Profile, related topics, facts
    Lookup,
    /// The named indexes, there and not
    Index,
    /// Sixteen personas at once
    Together,
    /// Exporting all of it with the program, and importing it into an empty memory
    Export,
    /// Deleting the persona
    Delete,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let wanted = |part: Part| args.only.is_empty() || args.only.contains(&part);
    let ground = Ground::prepare(args)?;
    if wanted(Part::Query) {
        asking::with_and_without(&ground, args.rounds, args.seed)?;
    }
    if wanted(Part::Repeat) {
        asking::again(&ground)?;
    }
    if wanted(Part::Record) {
        asking::recording_alone(&ground)?;
    }
    if wanted(Part::Lookup) {
        lookup::look_up(&ground, args.seed)?;
    }
    if wanted(Part::Index) {
        lookup::indexes(&ground, args.seed)?;
    }
    if wanted(Part::Together) {
        together::run(&ground)?;
    }
    if wanted(Part::Export) {
        lookup::export(&ground, args.ragged.as_deref())?;
    }
    if wanted(Part::Delete) {
        lookup::delete(&ground)?;
    }
    Ok(())
}
