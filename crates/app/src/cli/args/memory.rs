//! `persona` and `memory`.

pub(crate) mod export;
pub(crate) mod graph;
pub(crate) mod privacy;
pub(crate) mod ranking;
pub(crate) mod setting;

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
    /// Read the passphrase of the memory's key from the first line of this file
    #[arg(long, value_name = "FILE", help_heading = "Memory")]
    pub(crate) passphrase_file: Option<PathBuf>,
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
    Interest(InterestCommand),
    #[command(flatten)]
    Fact(FactCommand),
    #[command(flatten)]
    Time(TimelineCommand),
    #[command(flatten)]
    Privacy(privacy::PrivacyCommand),
    #[command(flatten)]
    Export(export::ExportCommand),
    #[command(flatten)]
    Graph(graph::GraphCommand),
    #[command(flatten)]
    Ranking(ranking::RankingCommand),
    #[command(flatten)]
    Setting(setting::SettingCommand),
}

/// What was true when, and when it was known.
#[derive(Debug, Subcommand)]
pub(crate) enum FactCommand {
    /// Note a fact, and from when it is true
    #[command(
        after_help = "Examples:\n  ragged memory add-fact --type employment --content \"works at Acme\" --since 2022-03\n  ragged memory add-fact --type location --content \"lives in Bergen\" --since 2019 --until 2023-06-01"
    )]
    AddFact {
        /// What kind of fact: employment, location, learning, …
        #[arg(long = "type", value_name = "KIND")]
        fact_type: String,
        /// The fact in words
        #[arg(long, value_name = "TEXT")]
        content: String,
        /// From when it is true
        #[arg(long, value_name = "TIME")]
        since: String,
        /// Up to when, the moment itself not included
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// How sure, from 0 to 1
        #[arg(long, value_name = "C", default_value_t = ragged::memory::DEFAULT_CONFIDENCE)]
        confidence: f64,
        /// Where it comes from
        #[arg(long, value_name = "TEXT")]
        source: Option<String>,
    },
    /// Change a fact; what it was stays readable
    #[command(
        after_help = "Example:\n  ragged memory update-fact 3f9a --until 2025-06-30 --reason \"left\""
    )]
    UpdateFact {
        /// Its id, or the first four digits or more of it
        id: String,
        /// The fact in words
        #[arg(long, value_name = "TEXT")]
        content: Option<String>,
        /// From when it is true
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Up to when
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// How sure, from 0 to 1
        #[arg(long, value_name = "C")]
        confidence: Option<f64>,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "changed")]
        reason: String,
    },
    /// Say until when a fact was true
    #[command(after_help = "Example:\n  ragged memory end-fact 3f9a --until yesterday")]
    EndFact {
        /// Its id, or the first four digits or more of it
        id: String,
        /// Up to when, the moment itself not included
        #[arg(long, value_name = "TIME")]
        until: String,
    },
    /// Delete a fact; its history stays unless it is erased
    #[command(
        after_help = "Examples:\n  ragged memory delete-fact 3f9a --confirm\n  ragged memory delete-fact 3f9a --erase --confirm"
    )]
    DeleteFact {
        /// Its id, or the first four digits or more of it
        id: String,
        /// With its whole history
        #[arg(long)]
        erase: bool,
        /// Really delete
        #[arg(long)]
        confirm: bool,
    },
    /// List facts: those that are true now, or at another time, as known now or then
    #[command(
        after_help = "Examples:\n  ragged memory facts\n  ragged memory facts --at 2023-05\n  ragged memory facts --known-at \"last month\" --all"
    )]
    Facts {
        /// True now, which is what is listed unless told otherwise
        #[arg(long)]
        current: bool,
        /// True at that time
        #[arg(long, value_name = "TIME", conflicts_with_all = ["current", "as_of"])]
        at: Option<String>,
        /// As it was known at that time
        #[arg(long, value_name = "TIME", conflicts_with = "as_of")]
        known_at: Option<String>,
        /// True at that time, as it was known then
        #[arg(long, value_name = "TIME", conflicts_with = "current")]
        as_of: Option<String>,
        /// Whenever they are true
        #[arg(long, conflicts_with_all = ["current", "at", "as_of"])]
        all: bool,
        /// Of this kind only
        #[arg(long = "type", value_name = "KIND")]
        fact_type: Option<String>,
    },
    /// Show one fact, how often it changed, and what contradicts it
    #[command(
        after_help = "Examples:\n  ragged memory fact 3f9a\n  ragged memory fact 3f9a --format json"
    )]
    Fact {
        /// Its id, or the first four digits or more of it
        id: String,
    },
    /// Show every version of a fact
    #[command(after_help = "Example:\n  ragged memory fact-history 3f9a")]
    FactHistory {
        /// Its id, or the first four digits or more of it
        id: String,
    },
    /// Make a fact what it was in an earlier version
    #[command(after_help = "Example:\n  ragged memory rollback-fact 3f9a 1")]
    RollbackFact {
        /// Its id, or the first four digits or more of it
        id: String,
        /// The version
        version: u32,
    },
    /// Show what is different between two times
    #[command(
        after_help = "Examples:\n  ragged memory diff 2024-01 2024-06\n  ragged memory diff 2024-01 2024-06 --known    (between what was known)"
    )]
    Diff {
        /// The first time
        a: String,
        /// The second
        b: String,
        /// Between what was known at the two times
        #[arg(long)]
        known: bool,
    },
    /// List facts of one kind that are true at once and say different things, with the commands that
    /// settle each
    #[command(
        after_help = "Examples:\n  ragged memory contradictions\n  ragged memory contradictions --keep 3f9a 81c2    (both stand)"
    )]
    Contradictions {
        /// Settle that two of them both stand, until either is changed
        #[arg(long, num_args = 2, value_names = ["ID", "ID"])]
        keep: Vec<String>,
    },
}

/// What the persona cares about.
#[derive(Debug, Subcommand)]
pub(crate) enum InterestCommand {
    /// Show what the persona cares about, the strongest first
    #[command(
        after_help = "Examples:\n  ragged memory profile\n  ragged memory profile --explain --format json"
    )]
    Profile {
        /// How many interests
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        /// Show the parts of each confidence
        #[arg(long)]
        explain: bool,
    },
    /// List topics that were met
    #[command(
        after_help = "Examples:\n  ragged memory topics --min-confidence 0.5\n  ragged memory topics --all"
    )]
    Topics {
        /// Only those at least this sure, from 0 to 1
        #[arg(long, value_name = "C", default_value_t = 0.3)]
        min_confidence: f64,
        /// Every topic that was ever met
        #[arg(long)]
        all: bool,
    },
    /// Show what is known of a topic, and what it rests on
    #[command(after_help = "Example:\n  ragged memory topic-info \"tide tables\"")]
    TopicInfo {
        /// The topic
        #[arg(required = true)]
        topic: Vec<String>,
    },
    /// List the topics that go with one
    #[command(after_help = "Example:\n  ragged memory related-topics tides")]
    RelatedTopics {
        /// The topic
        #[arg(required = true)]
        topic: Vec<String>,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },
    /// Forget a topic: it is taken out of everything learned, and never learned again
    #[command(
        after_help = "Examples:\n  ragged memory forget-topic tides --confirm\n  ragged memory forget-topic tides --with-interactions --dry-run\n  ragged memory forget-topic tides --with-interactions --confirm"
    )]
    ForgetTopic {
        /// The topic
        #[arg(required = true)]
        topic: Vec<String>,
        /// Also delete the interactions in which it was met
        #[arg(long)]
        with_interactions: bool,
        /// Show what would be forgotten; so it is without --confirm
        #[arg(long, conflicts_with = "confirm")]
        dry_run: bool,
        /// Really forget
        #[arg(long)]
        confirm: bool,
    },
    /// Make two topics one: what was learned of the first counts for the second
    #[command(after_help = "Example:\n  ragged memory merge-topics \"tide table\" tides")]
    MergeTopics {
        /// The topic that goes
        from: String,
        /// The topic that stays
        into: String,
    },
    /// Set how much the persona cares about a topic, from 0 to 1, whatever was learned
    #[command(
        after_help = "Examples:\n  ragged memory set-interest tides 0.9\n  ragged memory set-interest tides --reset"
    )]
    SetInterest {
        /// The topic
        topic: String,
        /// From 0 (not at all) to 1
        #[arg(required_unless_present = "reset")]
        level: Option<f64>,
        /// Go by what was learned again
        #[arg(long, conflicts_with = "level")]
        reset: bool,
    },
    /// Record what is asked, and learn nothing from it
    #[command(after_help = "Example:\n  ragged memory disable-learning")]
    DisableLearning,
    /// Learn from what is asked again
    #[command(after_help = "Example:\n  ragged memory enable-learning")]
    EnableLearning,
    /// Switch ranking by interests on or off for the persona
    #[command(after_help = "Example:\n  ragged memory personalisation disable")]
    Personalisation {
        /// On or off
        #[arg(value_enum)]
        state: Switch,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// Rank by interests
    Enable,
    /// Do not
    Disable,
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
    /// Say whether an answer helped: `good`, `bad`, or in words; `none` takes that back
    #[command(
        after_help = "Examples:\n  ragged memory feedback 3f9a good\n  ragged memory feedback 3f9a none\n  ragged memory feedback 3f9a \"it was in the second file\""
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

/// When things were asked.
#[derive(Debug, Subcommand)]
pub(crate) enum TimelineCommand {
    /// Show how much was asked when, and about what
    #[command(
        after_help = "Examples:\n  ragged memory timeline --visual\n  ragged memory timeline --period \"last month\" --granularity week\n  ragged memory timeline --since 2026-01-01 --until 2026-03-31 --format json"
    )]
    Timeline {
        #[command(flatten)]
        span: SpanArgs,
        /// What it is cut into [default: day]
        #[arg(long, value_enum, default_value_t = Granularity::Day, hide_default_value = true)]
        granularity: Granularity,
        /// Draw bars, each in proportion to the longest
        #[arg(long)]
        visual: bool,
    },
    /// Sum up a period: how much, when, about what, beside the period before it
    #[command(
        after_help = "Examples:\n  ragged memory activity --period \"this week\"\n  ragged memory activity --period 2026-02 --detailed\n  ragged memory activity --period \"last month\" --export february.json"
    )]
    Activity {
        /// The period, as `last week`, `2026-02`, `30d` [default: 30d]
        #[arg(
            long,
            value_name = "TIME",
            allow_hyphen_values = true,
            default_value = "30d",
            hide_default_value = true
        )]
        period: String,
        /// Also by hour, weekday and day
        #[arg(long)]
        detailed: bool,
        /// Write it as JSON to this file, which must not be there yet
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
    },
    /// List the topics by how they rise and fall
    #[command(after_help = "Example:\n  ragged memory trending --window 90d --min-queries 5")]
    Trending {
        /// The window, as `30d`, `this month` [default: 30d]
        #[arg(
            long,
            value_name = "TIME",
            allow_hyphen_values = true,
            default_value = "30d",
            hide_default_value = true
        )]
        window: String,
        #[command(flatten)]
        least: MinQueries,
    },
    /// Compare how topics rise and fall in two periods
    #[command(
        after_help = "Example:\n  ragged memory trending-compare --period-a \"last month\" --period-b \"this month\""
    )]
    TrendingCompare {
        #[command(flatten)]
        periods: TwoPeriods,
        #[command(flatten)]
        least: MinQueries,
    },
    /// Show when a topic came up first
    #[command(after_help = "Example:\n  ragged memory first-seen --topic \"tide tables\"")]
    FirstSeen {
        /// The topic
        #[arg(long)]
        topic: String,
    },
    /// Show how a topic went week by week
    #[command(
        after_help = "Examples:\n  ragged memory topic-evolution tides --visual\n  ragged memory topic-evolution tides --since 2026-01-01"
    )]
    TopicEvolution {
        /// The topic
        #[arg(required = true)]
        topic: Vec<String>,
        /// From then on [default: the last thirteen weeks]
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Draw bars, each in proportion to the longest
        #[arg(long)]
        visual: bool,
    },
    /// Compare what was asked in two periods
    #[command(
        after_help = "Example:\n  ragged memory compare-periods --period-a 2026-01 --period-b 2026-02"
    )]
    ComparePeriods {
        #[command(flatten)]
        periods: TwoPeriods,
    },
    /// Compare topics over a window
    #[command(
        after_help = "Example:\n  ragged memory compare-topics --topics tides,moon,harbour --window 90d"
    )]
    CompareTopics {
        /// The topics, with commas between them
        #[arg(long, value_name = "TOPICS", value_delimiter = ',', required = true)]
        topics: Vec<String>,
        /// The window, as `90d`, `2026` [default: 90d]
        #[arg(
            long,
            value_name = "TIME",
            allow_hyphen_values = true,
            default_value = "90d",
            hide_default_value = true
        )]
        window: String,
    },
}

/// From when to when; the last thirty days where nothing is said.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SpanArgs {
    /// From then on
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Until then, a day included [default: today]
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// The period, as `last month`, `2026-02`, `90d` [default: 30d]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, conflicts_with_all = ["since", "until"])]
    pub(crate) period: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TwoPeriods {
    /// The first period, as `last month`
    #[arg(long, value_name = "TIME")]
    pub(crate) period_a: String,
    /// The second period, as `this month`
    #[arg(long, value_name = "TIME")]
    pub(crate) period_b: String,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct MinQueries {
    /// Leave out topics with fewer questions
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) min_queries: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Granularity {
    /// Hours of the clock
    Hour,
    /// Days
    Day,
    /// Weeks from Monday to Sunday
    Week,
    /// Months
    Month,
}
