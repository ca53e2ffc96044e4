//! `persona` and `memory`.

pub(crate) mod export;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Which persona asks, and whether that is remembered.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AskingArgs {
    /// Ask as this persona [default: the one of `ragged persona switch`]
    #[arg(long, value_name = "NAME", help_heading = "Memory")]
    pub(crate) persona: Option<String>,
    /// Neither use nor record what is remembered, for this question
    #[arg(long, help_heading = "Memory")]
    pub(crate) no_memory: bool,
    /// Rank without the persona's interests; the question is still recorded
    #[arg(long, help_heading = "Memory")]
    pub(crate) neutral: bool,
}

/// Whose memory a command is about.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct OfPersona {
    /// Of this persona [default: the one of `ragged persona switch`]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Memory")]
    pub(crate) persona: Option<String>,
    /// Read the passphrase of the memory's key from the first line of this file
    #[arg(long, global = true, value_name = "FILE", help_heading = "Memory")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PersonaCommand {
    /// Make a persona
    #[command(
        after_help = "Examples:\n  ragged persona create researcher --description \"reads papers\" --focus \"tides, moon\"\n  ragged persona create adviser --collection taxes --yes    (and record what it asks)"
    )]
    Create {
        /// Its name
        name: String,
        #[command(flatten)]
        said: PersonaSaid,
        /// Record what it asks from now on, without asking first
        #[arg(long)]
        yes: bool,
    },
    /// List the personas
    #[command(after_help = "Example:\n  ragged persona list --format json")]
    List,
    /// Show a persona
    #[command(after_help = "Example:\n  ragged persona show researcher")]
    Show {
        /// Its name [default: the active one]
        name: Option<String>,
    },
    /// Use a persona from now on
    #[command(after_help = "Example:\n  ragged persona switch researcher")]
    Switch {
        /// Its name
        name: String,
    },
    /// Change what is said of a persona; what is not named stays
    #[command(
        after_help = "Examples:\n  ragged persona edit researcher --style simple\n  ragged persona edit researcher --focus \"\"    (none)"
    )]
    Edit {
        /// Its name
        name: String,
        #[command(flatten)]
        said: PersonaSaid,
    },
    /// Destroy a persona: its key, and everything that it remembers
    #[command(after_help = "Example:\n  ragged persona delete researcher --confirm")]
    Delete {
        /// Its name
        name: String,
        /// Really destroy
        #[arg(long)]
        confirm: bool,
    },
}

/// What an owner says of a persona.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PersonaSaid {
    /// What it is, in a sentence
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// Subjects it cares about, with commas between them
    #[arg(long, value_name = "SUBJECTS")]
    pub(crate) focus: Option<String>,
    /// What it works on, with commas between them
    #[arg(long, value_name = "PROJECTS")]
    pub(crate) projects: Option<String>,
    /// Its questions read only this collection; may be repeated; "" for all
    #[arg(long = "collection", value_name = "NAME")]
    pub(crate) collections: Vec<String>,
    /// How answers are worded by a language model
    #[arg(long, value_enum)]
    pub(crate) style: Option<Style>,
    /// How long answers are
    #[arg(long, value_enum)]
    pub(crate) detail: Option<Detail>,
    /// How sources are named
    #[arg(long, value_enum)]
    pub(crate) citations: Option<Citations>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Style {
    /// Terms of the trade
    Technical,
    /// Neither
    Balanced,
    /// Plain words
    Simple,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Detail {
    /// As short as may be
    Brief,
    /// Neither
    Balanced,
    /// With reasons
    Detailed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Citations {
    /// Numbers in the text and a list below it
    Inline,
    /// The list alone
    Footnote,
    /// Neither
    None,
}

#[derive(Debug, Args)]
pub(crate) struct MemoryArgs {
    #[command(flatten)]
    pub(crate) of: OfPersona,
    #[command(subcommand)]
    pub(crate) command: MemoryCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MemoryCommand {
    #[command(flatten)]
    Record(RecordCommand),
    #[command(flatten)]
    Export(export::ExportCommand),
}

/// Consent, and the record of what was asked.
#[derive(Debug, Subcommand)]
pub(crate) enum RecordCommand {
    /// Record what the persona asks from now on, and rank by what it cares about
    #[command(
        after_help = "Examples:\n  ragged memory enable\n  ragged memory enable --persona researcher"
    )]
    Enable,
    /// Record nothing more and rank by nothing; what is remembered stays until it is deleted
    #[command(after_help = "Example:\n  ragged memory disable")]
    Disable,
    /// Record nothing for the moment; what is remembered still ranks
    #[command(after_help = "Example:\n  ragged memory pause")]
    Pause,
    /// Show whether questions are recorded, and how much is remembered
    #[command(after_help = "Example:\n  ragged memory status")]
    Status,
    /// List what was asked, the newest first
    #[command(
        after_help = "Examples:\n  ragged memory list --limit 20\n  ragged memory list --since 7d --format json"
    )]
    List(ListedArgs),
    /// Show one interaction with all that is recorded of it
    #[command(after_help = "Example:\n  ragged memory show 3f9a")]
    Show {
        /// Its id, or the first four digits or more of it
        id: String,
    },
    /// Find interactions by a text that stands in them
    #[command(after_help = "Example:\n  ragged memory search \"tide tables\"")]
    Search {
        /// The text
        #[arg(required = true)]
        text: Vec<String>,
        #[command(flatten)]
        listed: ListedArgs,
    },
    /// Show everything that is remembered of the persona
    #[command(after_help = "Example:\n  ragged memory show-all --format json")]
    ShowAll,
    /// Say whether an answer helped: `good`, `bad`, or in words
    #[command(
        after_help = "Examples:\n  ragged memory feedback 3f9a good\n  ragged memory feedback 3f9a \"it was in the second file\""
    )]
    Feedback {
        /// The interaction's id, or the first four digits or more of it
        id: String,
        /// `good`, `bad`, `none`, or what should have been answered
        #[arg(required = true)]
        verdict: Vec<String>,
    },
    /// Count what is remembered
    #[command(after_help = "Example:\n  ragged memory stats")]
    Stats,
    /// Show how much disk space memory takes
    #[command(after_help = "Example:\n  ragged memory storage-usage")]
    StorageUsage,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ListedArgs {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) limit: usize,
    /// Only what was asked since then
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only what was asked until then
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}
