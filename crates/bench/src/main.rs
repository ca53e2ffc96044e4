//! `ragged-bench`: measurements and trials that are too long, or too rough, for a unit test.

mod crash;
mod filter;
mod program;
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
    /// Time what a filter costs before a search begins
    Filter(filter::Args),
    /// Time adding and searching a folder of real files
    Speed(speed::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Crash(args) => crash::run(&args),
        Command::Filter(args) => filter::run(&args),
        Command::Speed(args) => speed::run(&args),
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
