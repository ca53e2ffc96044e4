//! Taking memory out and bringing it in.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum TransferCommand {
    /// Write what the persona remembers to a file, readable by you alone
    #[command(
        after_help = "Examples:\n  ragged memory export mine.json\n  ragged memory export mine.md --as markdown --since 2026-01\n  ragged memory export - --as csv | less"
    )]
    Export {
        /// The file; `-` for standard output
        file: PathBuf,
        /// In which form
        #[arg(long = "as", value_enum, default_value_t = Form::Json)]
        form: Form,
        /// Only what was asked since then
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Only what was asked until then
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// Bring in what `export` wrote as JSON; what is known already stays as it is
    #[command(
        after_help = "Examples:\n  ragged memory import mine.json --dry-run\n  ragged memory import mine.json --persona researcher"
    )]
    Import {
        /// The file; `-` for standard input
        file: PathBuf,
        /// Say what is in the file and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Everything; another ragged can read it
    Json,
    /// Interactions, one a row
    Csv,
    /// The same as JSON, easier to read
    Yaml,
    /// For people
    Markdown,
}
