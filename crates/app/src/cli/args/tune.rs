//! What can be typed after `ragged tune`.

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum TuneCommand {
    /// List the profiles, and say which one is in force
    #[command(after_help = "Example:\n  ragged tune list")]
    List,
    /// Show the settings that trade speed and memory, or what a profile makes of them
    #[command(after_help = "Examples:\n  ragged tune show\n  ragged tune show low-memory")]
    Show {
        /// high-performance, balanced or low-memory
        profile: Option<String>,
    },
    /// Set all that a profile decides
    #[command(
        after_help = "Examples:\n  ragged tune apply high-performance\n  ragged tune apply low-memory --dry-run"
    )]
    Apply {
        /// high-performance, balanced or low-memory
        profile: String,
        /// Say what would change and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Set one of them
    #[command(after_help = "Example:\n  ragged tune set backend.cache_size 10000")]
    Set {
        /// Dotted name
        key: String,
        /// New value
        #[arg(allow_negative_numbers = true)]
        value: String,
    },
    /// Print one of them, and where it comes from
    #[command(after_help = "Example:\n  ragged tune get memory.cache.l1_size")]
    Get {
        /// Dotted name
        key: String,
    },
    /// Take one of them, or all but the measured costs, out of the file again
    #[command(
        after_help = "Examples:\n  ragged tune reset backend.cache_size\n  ragged tune reset"
    )]
    Reset {
        /// Dotted name
        key: Option<String>,
    },
    /// Measure on this library what is better for how you use it, and keep that
    #[command(
        after_help = "Examples:\n  ragged tune auto --workload interactive\n  ragged tune auto --workload memory --dry-run"
    )]
    Auto(AutoArgs),
    /// Put the file back as it was before `tune` last changed it
    #[command(after_help = "Example:\n  ragged tune undo")]
    Undo,
    /// Measure what steps of a search cost here, for the planner to reckon with
    #[command(
        after_help = "Examples:\n  ragged tune probe\n  ragged tune probe --dry-run --format json"
    )]
    Probe {
        /// Print what was measured and keep nothing in the settings
        #[arg(long)]
        dry_run: bool,
    },
    /// Measure the profiles beside each other, with questions of which some come again and again
    #[command(
        after_help = "Examples:\n  ragged tune compare\n  ragged tune compare --profiles balanced,low-memory --questions 3000 --gate"
    )]
    Compare(CompareArgs),
    /// Measure for another ragged process
    #[command(hide = true)]
    Trial,
}

/// How a library is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// One question after another: the slowest 5 of 100 decide
    Interactive,
    /// Many questions at once, and many files: how many a second decides
    Batch,
    /// Little memory: what the process takes decides
    Memory,
}

impl Workload {
    /// Its name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Batch => "batch",
            Self::Memory => "memory",
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct AutoArgs {
    /// How the library is used
    #[arg(long, value_enum)]
    pub(crate) workload: Workload,
    /// Measure and explain, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How long measuring may take, about
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(2..=3600), value_name = "SECONDS")]
    pub(crate) seconds: u16,
    /// Decides questions and order
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct CompareArgs {
    /// Profiles
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "high-performance,balanced,low-memory",
        value_name = "NAMES"
    )]
    pub(crate) profiles: Vec<String>,
    /// Different questions, which are made of the library's own words; the nth is asked 1/n as often
    /// as the first
    #[arg(long, default_value_t = 12_000, value_parser = clap::value_parser!(u32).range(10..=1_000_000), value_name = "N")]
    pub(crate) questions: u32,
    /// Questions that are measured, after each was asked once
    #[arg(long, default_value_t = 6_000, value_parser = clap::value_parser!(u32).range(10..=1_000_000), value_name = "N")]
    pub(crate) asked: u32,
    /// How often each profile is measured, in a process of its own each time
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(2..=50), value_name = "N")]
    pub(crate) repeats: u8,
    /// Decides questions and order
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// Exit code 3 unless each profile is faster, works less and takes more memory than the next, beyond
    /// chance
    #[arg(long)]
    pub(crate) gate: bool,
}
