//! Deleting, proving it, and the key.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum PrivacyCommand {
    /// Delete interactions for good, with all that was learned from them
    #[command(
        after_help = "Examples:\n  ragged memory delete 3f9a --confirm\n  ragged memory delete --since 2026-01-01 --until 2026-03-31 --confirm"
    )]
    Delete {
        /// The interaction's id, or the first four digits or more of it
        #[arg(conflicts_with_all = ["since", "until"], required_unless_present_any = ["since", "until"])]
        id: Option<String>,
        /// Those that were asked since then
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Those that were asked until then
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Really delete
        #[arg(long)]
        confirm: bool,
    },
    /// Delete everything that is remembered of the persona; the persona itself stays
    #[command(after_help = "Example:\n  ragged memory clear --persona researcher --confirm")]
    Clear {
        /// Really delete
        #[arg(long)]
        confirm: bool,
    },
    /// Delete everything that mentions a text: questions and answers, topics, facts, projects
    #[command(
        after_help = "Examples:\n  ragged memory forget \"the Miller case\" --dry-run\n  ragged memory forget \"the Miller case\" --confirm"
    )]
    Forget {
        /// The text, whatever the case of its letters
        #[arg(required = true)]
        text: Vec<String>,
        /// Show what would be deleted; so it is without --confirm
        #[arg(long, conflicts_with = "confirm")]
        dry_run: bool,
        /// Really delete
        #[arg(long)]
        confirm: bool,
    },
    /// Look for a text in all files as they are, decrypted: free pages, logs, and everything else
    #[command(
        after_help = "Examples:\n  ragged memory verify-erased \"the Miller case\"\n  ragged memory verify-erased --all    (any text that no record holds)\n\nExit code 3 where something is found, or something could not be read."
    )]
    VerifyErased {
        /// The text
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        text: Vec<String>,
        /// Any text that no record holds
        #[arg(long)]
        all: bool,
    },
    /// Show what was done to the memory: who was made, what was deleted, exported, turned on
    #[command(
        after_help = "Examples:\n  ragged memory audit-log --operations delete,export\n  ragged memory audit-log --verify    (exit code 3 where it was changed)"
    )]
    AuditLog {
        /// Only these, with commas between them
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        operations: Vec<String>,
        /// Check that nothing in it was changed or taken out
        #[arg(long)]
        verify: bool,
    },
    /// Keep the key of the memory: copy it, bring it back, protect it
    Key(KeyArgs),
    /// Show what is kept where, who can read it, and what was agreed to
    #[command(after_help = "Example:\n  ragged memory privacy-report --format json")]
    PrivacyReport,
}

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Show where the key is and how it is protected
    #[command(after_help = "Example:\n  ragged memory key status")]
    Status,
    /// Copy the key to a file, protected as it is, to be kept somewhere safe
    #[command(after_help = "Example:\n  ragged memory key export /media/stick/ragged.key")]
    Export {
        /// A file that does not exist yet
        file: PathBuf,
    },
    /// Bring a key back, if it opens the memory that is here
    #[command(after_help = "Example:\n  ragged memory key import /media/stick/ragged.key")]
    Import {
        /// A file that `ragged memory key export` wrote
        file: PathBuf,
    },
    /// Protect the key by a passphrase, by another one, or by none
    #[command(
        after_help = "Examples:\n  ragged memory key change-passphrase\n  ragged memory key change-passphrase --passphrase-file old --new-passphrase-file new\n  ragged memory key change-passphrase --remove"
    )]
    ChangePassphrase {
        /// Read the new passphrase from the first line of this file
        #[arg(long, value_name = "FILE", conflicts_with = "remove")]
        new_passphrase_file: Option<PathBuf>,
        /// Protect it by file permissions alone
        #[arg(long)]
        remove: bool,
    },
}
