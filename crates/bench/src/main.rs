//! `ragged-bench`: measurements and trials that are too long, or too rough, for a unit test.

mod crash;
mod idle;
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
    /// Measure what `watch` and `chat` cost while nothing happens
    Idle(idle::Args),
    /// Time adding and searching a folder of real files
    Speed(speed::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Crash(args) => crash::run(&args),
        Command::Idle(args) => idle::run(&args),
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
