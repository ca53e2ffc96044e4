//! `ragged-bench`: measurements and trials that are too long, or too rough, for a unit test.

mod crash;
mod engine;
mod facts;
mod filter;
mod idle;
mod measure;
mod memory;
mod personalisation;
mod profiling;
mod program;
mod ratio;
mod speed;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures ragged, and tries to break it.
#[derive(Debug, Parser)]
#[command(name = "ragged-bench", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Kill the program at random moments and look at what is left
    Crash(crash::Args),
    /// Time adding facts and asking about them, with many
    Facts(facts::Args),
    /// Time what a filter costs before a search begins
    Filter(filter::Args),
    /// Measure what `watch` and `chat` cost while nothing happens
    Idle(idle::Args),
    /// Measure what memory costs: questions, recording, looking up, many personas at once
    Memory(memory::Args),
    /// Measure what personal ranking gains and costs, with personas made from judged sets
    Personalisation(personalisation::Args),
    /// Measure what profiling costs: questions with it and without, in turn
    Profiling(profiling::Args),
    /// Time adding and searching a folder of real files
    Speed(speed::Args),
    /// Compare the ways of searching vectors with each other and with exact search
    Strategies(engine::strategies::Args),
    /// Compare batches with the same questions one by one
    Batch(engine::batch::Args),
    /// Time questions asked again, and what remembering costs
    Cache(engine::cache::Args),
    /// Time searches in ever larger libraries
    Growth(engine::growth::Args),
    /// Compare the planner's choices and predictions with what happens
    Planner(engine::planner::Args),
    /// Compare with a Chroma server that holds the same vectors
    Peers(engine::peers::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Crash(args) => crash::run(&args),
        Command::Facts(args) => facts::run(&args),
        Command::Filter(args) => filter::run(&args),
        Command::Idle(args) => idle::run(&args),
        Command::Memory(args) => memory::run(&args),
        Command::Personalisation(args) => personalisation::run(&args),
        Command::Profiling(args) => profiling::run(&args),
        Command::Speed(args) => speed::run(&args),
        Command::Strategies(args) => engine::strategies::run(&args),
        Command::Batch(args) => engine::batch::run(&args),
        Command::Cache(args) => engine::cache::run(&args),
        Command::Growth(args) => engine::growth::run(&args),
        Command::Planner(args) => engine::planner::run(&args),
        Command::Peers(args) => engine::peers::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the one place that prints an error")]
            {
                eprintln!("error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
