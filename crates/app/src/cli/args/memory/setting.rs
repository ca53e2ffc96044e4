//! Settings of one persona, and all of memory in one file.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum SettingCommand {
    /// Settings of one persona, which stand above those of the configuration file
    Config {
        #[command(subcommand)]
        command: PersonaConfigCommand,
    },
    /// Change one setting of the persona; the same as `memory config set`
    #[command(after_help = "Example:\n  ragged memory set personalisation.alpha 0.5")]
    Set {
        /// Dotted name
        key: String,
        /// New value
        value: String,
    },
    /// Print one setting of the persona; the same as `memory config get`
    #[command(after_help = "Example:\n  ragged memory get personalisation.alpha")]
    Get {
        /// Dotted name
        key: String,
    },
    /// Copy all of memory, of all personas, to a file that you alone can read
    #[command(
        after_help = "Examples:\n  ragged memory backup /media/stick/memory.backup\n  ragged memory backup memory.backup --without-key    (nobody can read it without the key, kept elsewhere)"
    )]
    Backup {
        /// A file that does not exist yet
        file: PathBuf,
        /// Leave the master key out
        #[arg(long)]
        without_key: bool,
    },
    /// Put memory back as it was copied; it replaces what is there
    #[command(
        after_help = "Examples:\n  ragged memory restore /media/stick/memory.backup\n  ragged memory restore memory.backup --confirm    (where there is a memory already)"
    )]
    Restore {
        /// A file that `ragged memory backup` wrote
        file: PathBuf,
        /// Really replace the memory that is there
        #[arg(long)]
        confirm: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PersonaConfigCommand {
    /// Print the settings in force for the persona, and where each is from
    #[command(
        after_help = "Examples:\n  ragged memory config show\n  ragged memory config show personalisation --persona researcher"
    )]
    Show {
        /// Only these: `personalisation`, `learning`, `memory` or `search` [default: all]
        section: Option<String>,
    },
    /// Print one setting
    #[command(after_help = "Example:\n  ragged memory config get personalisation.alpha")]
    Get {
        /// Dotted name
        key: String,
    },
    /// Change one setting of the persona
    #[command(
        after_help = "Examples:\n  ragged memory config set personalisation.alpha 0.5\n  ragged memory config set retrieve_multiplier 3    (what is left of a name is enough)\n  ragged memory config set personalisation.preset conservative --persona researcher"
    )]
    Set {
        /// Dotted name, as in `ragged config show`
        key: String,
        /// New value
        value: String,
    },
    /// Give one setting of the persona, or all, back to the configuration file
    #[command(
        after_help = "Examples:\n  ragged memory config reset personalisation.alpha\n  ragged memory config reset --all --confirm --persona researcher"
    )]
    Reset {
        /// Dotted name
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        key: Option<String>,
        /// All that the persona has of its own; without --confirm only says which
        #[arg(long)]
        all: bool,
        /// Really reset all of them
        #[arg(long, requires = "all")]
        confirm: bool,
    },
}
