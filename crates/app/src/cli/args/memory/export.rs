//! `memory export` and `memory import`.

use clap::{Subcommand, ValueEnum};

/// Taking along what is remembered.
#[derive(Debug, Subcommand)]
pub(crate) enum ExportCommand {
    /// Write everything that is remembered of the persona to a file that only you may read
    #[command(
        after_help = "Examples:\n  ragged memory export memory.json\n  ragged memory export asked.csv --as csv --since 2026-01-01\n  ragged memory export - --as markdown | less"
    )]
    Export {
        /// The file, replaced if it is there; `-` for standard output
        file: String,
        /// Only what was asked since then; topics, facts and the rest are of the whole
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Only what was asked until then
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// In which form; JSON alone can be imported
        #[arg(long = "as", value_enum, value_name = "FORM", default_value = "json")]
        form: ExportForm,
    },
    /// Add what `memory export` wrote as JSON to what is remembered; what is known already stays
    #[command(
        after_help = "Examples:\n  ragged memory import memory.json --dry-run\n  ragged memory import memory.json --persona researcher"
    )]
    Import {
        /// The file; `-` for standard input
        file: String,
        /// Change nothing; say what would be added
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportForm {
    /// Everything, to be imported again
    Json,
    /// What was asked, a row each, for spreadsheets
    Csv,
    /// Everything, as in JSON
    Yaml,
    /// To be read by a person
    Markdown,
}

impl ExportForm {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Yaml => "yaml",
            Self::Markdown => "markdown",
        }
    }
}
