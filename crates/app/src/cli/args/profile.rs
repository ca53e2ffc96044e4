//! `profile`: how long questions take.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// How long one question takes, told with its answer.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ProfilingArgs {
    /// Tell how long each stage took
    #[arg(long, help_heading = "Profiling")]
    pub(crate) profile: bool,
    /// Draw the stages as a flame graph into this SVG file
    #[arg(long, value_name = "FILE.svg", help_heading = "Profiling")]
    pub(crate) flame: Option<PathBuf>,
    /// Write the stages into this file, for Perfetto and the tracing page of Chrome
    #[arg(long, value_name = "FILE.json", help_heading = "Profiling")]
    pub(crate) trace: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// Record how long questions take from now on
    #[command(
        after_help = "Examples:\n  ragged profile enable\n  ragged profile enable --components query,memory"
    )]
    Enable {
        /// What is recorded: query, memory, backend, ingest, all
        #[arg(long, value_name = "LIST", default_value = "all")]
        components: String,
    },
    /// Record nothing from now on; what was recorded stays
    #[command(after_help = "Example:\n  ragged profile disable")]
    Disable,
    /// Show what is recorded, and how much there is
    #[command(after_help = "Example:\n  ragged profile status")]
    Status,
    /// Tell where the time went, and what may help
    #[command(
        after_help = "Examples:\n  ragged profile report --since -1h\n  ragged profile report --since \"last week\" --format json\n  ragged profile report --since 2026-01-01 --until 2026-01-31"
    )]
    Report {
        #[command(flatten)]
        stretch: StretchArgs,
        /// Show the questions of this persona by their words [default: the one of `ragged persona
        /// switch`]
        #[arg(long, value_name = "NAME", help_heading = "Memory")]
        persona: Option<String>,
        /// Read the passphrase of the memory's key from the first line of this file
        #[arg(long, value_name = "FILE", help_heading = "Memory")]
        passphrase_file: Option<PathBuf>,
    },
    /// Delete all that was recorded
    #[command(after_help = "Example:\n  ragged profile clear --confirm")]
    Clear {
        /// Really delete
        #[arg(long)]
        confirm: bool,
    },
    /// Write what was recorded into a file: numbers alone, a row a question
    #[command(
        after_help = "Examples:\n  ragged profile export --output times.csv\n  ragged profile export --output times.json --since -7d"
    )]
    Export {
        /// Ends in .json or .csv
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        stretch: StretchArgs,
    },
}

/// A stretch of time.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct StretchArgs {
    /// From then on: -1h, 7d, yesterday, 2026-01-31, "last week"; `ragged time` shows what is
    /// understood [default: of a report the last 24 hours, of an export all]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,
    /// Until then: before a time, or before the end of a day, week, month or year
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<String>,
}
