//! What can be typed: types only, checked against themselves and nothing else.

pub(crate) mod benchmark;
pub(crate) mod memory;
pub(crate) mod profile;
pub(crate) mod tune;

use std::{path::PathBuf, time::Duration};

use clap::{
    ArgAction, Args, Parser, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};

const EXAMPLES: &str = "Examples:\n  ragged add ~/notes\n  ragged query \"when does the lease end?\"\n  ragged try docs \"how is text stored?\"   (keeps nothing)";

const EXIT_CODES: &str = "Exit codes:\n  0    fine; files that a rule leaves out do not count against it\n  1    failed, in whole or in part\n  2    the command line or a setting is wrong\n  3    a check found something stale or worse than before\n  130  interrupted by Ctrl-C; what was done stays";

/// A private, fast memory over your own files.
///
/// Add folders, ask questions, get cited answers in milliseconds. Everything stays on this
/// machine.
#[derive(Debug, Parser)]
#[command(
    name = "ragged",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}")
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Folder that holds the library [default: ~/.ragged] [env: `RAGGED_DATA_DIR`]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub(crate) data_dir: Option<PathBuf>,
    /// How data is printed
    #[arg(
        long,
        global = true,
        value_parser = formats(&[OutputFormat::Table, OutputFormat::Json]),
        default_value = "table",
        help_heading = "Global options"
    )]
    pub(crate) format: OutputFormat,
    /// When colours and links are used
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = ColorChoice::Auto,
        help_heading = "Global options"
    )]
    pub(crate) color: ColorChoice,
    /// Print no progress and no notes
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// Set one setting for this command, such as `-o search.k=20`
    #[arg(
        short = 'o',
        long = "option",
        global = true,
        value_name = "KEY=VALUE",
        action = ArgAction::Append,
        help_heading = "Global options"
    )]
    pub(crate) options: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people
    Table,
    /// For programs: one JSON value on standard output
    Json,
    /// For Graphviz
    Dot,
    /// For programs that read graphs, such as Gephi and yEd
    Graphml,
    /// For Mermaid, as in Markdown
    Mermaid,
}

/// A reader of formats that takes these alone: a command that can draw takes more than the others.
pub(crate) fn formats(
    taken: &'static [OutputFormat],
) -> impl TypedValueParser<Value = OutputFormat> {
    PossibleValuesParser::new(taken.iter().filter_map(OutputFormat::to_possible_value))
        .try_map(|word| OutputFormat::from_str(&word, false))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create the library and its configuration file
    #[command(after_help = "Example:\n  ragged init")]
    Init,
    /// Add files and folders, or bring them up to date
    #[command(
        visible_alias = "ingest",
        after_help = "Examples:\n  ragged add ~/notes ~/papers\n  ragged add ~/notes --prune    (also forget files that are gone)\n  ragged add ~/taxes --collection taxes"
    )]
    Add(AddArgs),
    /// Forget files, folders or documents; the files themselves stay
    #[command(
        after_help = "Examples:\n  ragged remove ~/notes/old.md\n  ragged remove ~/notes --dry-run"
    )]
    Remove(RemoveArgs),
    /// List the files in the library
    #[command(
        after_help = "Examples:\n  ragged list\n  ragged list '**/*.pdf'\n  ragged list --collection taxes\n  ragged list --unreadable"
    )]
    List(ListArgs),
    /// Show a document: its facts, its text, or its chunks
    #[command(after_help = "Examples:\n  ragged show ~/notes/lease.md\n  ragged show 42 --text")]
    Show(ShowArgs),
    /// Find the passages that match best
    #[command(
        mut_arg("query", |arg| arg.required(false).required_unless_present("batch")),
        after_help = "Examples:\n  ragged search \"lease end date\"\n  ragged search tokio --type code --path '**/src/**' --explain\n  ragged search \"deductible\" --collection taxes --collection work\n  ragged search --batch questions.txt --format json"
    )]
    Search(SearchManyArgs),
    /// Answer a question, with citations
    #[command(
        visible_alias = "ask",
        mut_arg("k", |arg| arg.help("How many hits the answer may draw on [default: answer.k]")),
        after_help = "Examples:\n  ragged query \"when does the lease end?\"\n  ragged query \"who approved the budget?\" --since 2026-01-01"
    )]
    Query(QueryArgs),
    /// Ask one question after another, with the library kept open
    #[command(
        after_help = "Examples:\n  ragged chat\n  ragged chat --continue\n  printf 'when does the lease end?\\n' | ragged chat --format json"
    )]
    Chat(ChatArgs),
    /// Follow files and folders, and keep the library up to date as they change
    #[command(
        after_help = "Examples:\n  ragged watch ~/notes ~/papers\n  ragged watch ~/notes --once      (until nothing changes, then end)\n  ragged watch /mnt/share --poll 1m  (where the system reports no changes)"
    )]
    Watch(WatchArgs),
    /// Answer a question from a folder without keeping anything
    #[command(after_help = "Example:\n  ragged try docs \"how is text stored?\"")]
    Try(TryArgs),
    /// Measure retrieval quality on a judged set (BEIR layout)
    #[command(
        after_help = "Examples:\n  ragged eval data/scifact\n  ragged eval data/scifact --mode lexical --format json\n  ragged eval data/scifact --mode vector --against exact"
    )]
    Eval(EvalArgs),
    /// Show what the library holds and what it costs
    #[command(after_help = "Example:\n  ragged status --format json")]
    Status,
    /// Look for what could keep ragged from working well here
    #[command(after_help = "Example:\n  ragged doctor")]
    Doctor,
    /// Verify every checksum, count and cross-reference
    #[command(after_help = "Examples:\n  ragged check\n  ragged check --repair")]
    Check(CheckArgs),
    /// Merge index segments and give unused space back
    #[command(after_help = "Example:\n  ragged compact")]
    Compact,
    /// Build the derived indexes anew from the stored text; goes on where it was interrupted
    #[command(
        after_help = "Examples:\n  ragged reindex\n  ragged reindex -o embedding.model=minilm"
    )]
    Reindex,
    /// Manage collections: named parts of the library that can be searched by themselves
    #[command(
        after_help = "Examples:\n  ragged add ~/taxes --collection taxes    (makes one)\n  ragged collection list\n  ragged collection rename taxes \"taxes 2026\"\n  ragged collection remove work --confirm"
    )]
    Collection {
        #[command(subcommand)]
        command: CollectionCommand,
    },
    /// Manage embedding models
    #[command(
        after_help = "Examples:\n  ragged model list\n  ragged model add ~/models/all-MiniLM-L6-v2\n  ragged model use all-MiniLM-L6-v2"
    )]
    Model {
        #[command(subcommand)]
        command: ModelCommand,
    },
    /// Show what stretch of time an expression means
    ///
    /// Reads what --since, --until and questions read: days, weeks, months, quarters, ranges, what is
    /// counted from today. What is not understood entirely is an error that names what is near.
    #[command(
        after_help = "Examples:\n  ragged time \"last week\"\n  ragged time \"from May to July\" --reading question --format json\n  ragged time \"3 days after Easter\" --now 2026-01-01 --tz Europe/Berlin"
    )]
    Time(TimeArgs),
    /// Fit ragged to this machine, this library and how you use it
    #[command(
        after_help = "Examples:\n  ragged tune apply low-memory\n  ragged tune auto --workload interactive\n  ragged tune show"
    )]
    Tune {
        #[command(subcommand)]
        command: tune::TuneCommand,
    },
    /// See and change where vectors are searched
    #[command(
        after_help = "Examples:\n  ragged backend list\n  ragged backend compare leann chromadb\n  ragged backend migrate leann chromadb"
    )]
    Backend {
        #[command(subcommand)]
        command: BackendCommand,
    },
    /// Make, choose and delete personas: who asks
    #[command(
        after_help = "Examples:\n  ragged persona create researcher --focus \"tides, moon\"\n  ragged persona switch researcher\n  ragged persona list"
    )]
    Persona {
        #[command(subcommand)]
        command: memory::PersonaCommand,
    },
    /// See and govern what is remembered; nothing is until you turn it on
    #[command(
        after_help = "Examples:\n  ragged memory enable\n  ragged memory list\n  ragged memory status"
    )]
    Memory(memory::MemoryArgs),
    /// See and empty what is kept in memory because it may be asked for again
    #[command(after_help = "Examples:\n  ragged cache stats\n  ragged cache clear")]
    Cache {
        #[command(subcommand)]
        command: CacheCommand,
    },
    /// Read and change settings
    #[command(
        after_help = "Examples:\n  ragged config show --origin\n  ragged config set search.k 20\n  ragged config get search.k"
    )]
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  ragged completions bash > ~/.local/share/bash-completion/completions/ragged"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder, or print the main one
    #[command(
        after_help = "Examples:\n  ragged man | man -l -\n  ragged man ~/.local/share/man/man1"
    )]
    Man {
        /// The folder; created if needed
        dir: Option<PathBuf>,
    },
    /// Write the generated reference pages, or check that they are fresh
    #[command(hide = true)]
    Reference {
        /// The folder
        dir: PathBuf,
        /// Only compare; exit with 3 if a page is stale
        #[arg(long)]
        check: bool,
    },
    /// Measure ragged on this machine, and compare what was measured
    #[command(
        after_help = "Examples:\n  ragged benchmark quick\n  ragged benchmark query --corpus ~/notes"
    )]
    Benchmark {
        #[command(subcommand)]
        command: benchmark::BenchmarkCommand,
    },
    /// Record how long questions take, and tell where the time goes
    #[command(
        after_help = "Examples:\n  ragged profile enable\n  ragged profile report --since -1h\n  ragged query \"when does the lease end?\" --profile    (one question, without recording)"
    )]
    Profile {
        #[command(subcommand)]
        command: profile::ProfileCommand,
    },
    /// Print what the library holds and how long questions took, for Prometheus
    #[command(after_help = "Example:\n  ragged metrics > /var/lib/node_exporter/ragged.prom")]
    Metrics,
    /// Read files for another ragged process
    #[command(hide = true)]
    ParseWorker,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that can be typed")]
pub(crate) struct AddArgs {
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Put the files into this collection, made if there is none of that name; known files move
    /// [default: where the folder was added the last time, or `default`]
    #[arg(long, value_name = "NAME")]
    pub(crate) collection: Option<String>,
    /// Forget files under the given folders that no longer exist
    #[arg(long)]
    pub(crate) prune: bool,
    /// Read again the files that could not be read the last time
    #[arg(long)]
    pub(crate) retry: bool,
    /// Skip larger files, such as 20MB [default: `ingest.max_file_size`]
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_file_size: Option<String>,
    /// Print what would be done and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Name every file as it is added or skipped
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Files, folders, or document ids as `list` shows them
    #[arg(required = true, value_name = "PATH|ID")]
    pub(crate) targets: Vec<String>,
    /// Print what would be forgotten and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only paths that match, such as '**/*.pdf'
    #[arg(value_name = "GLOB")]
    pub(crate) glob: Option<String>,
    /// Only files of these types (txt, md, pdf, code, rust, …)
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    pub(crate) types: Vec<String>,
    /// Only files of this collection; may be repeated
    #[arg(long = "collection", value_name = "NAME")]
    pub(crate) collections: Vec<String>,
    /// Files that could not be read, with the reason
    #[arg(long, conflicts_with = "collections")]
    pub(crate) unreadable: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// A path, or a document id as `list` shows it
    #[arg(value_name = "DOC")]
    pub(crate) document: String,
    /// Print the extracted text
    #[arg(long, conflicts_with = "chunks")]
    pub(crate) text: bool,
    /// Print every chunk
    #[arg(long)]
    pub(crate) chunks: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Words and meaning, mixed
    Hybrid,
    /// Meaning only
    Vector,
    /// Words only
    Lexical,
}

#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct Filters {
    /// Only files of this collection; may be repeated [default: all]
    #[arg(long = "collection", value_name = "NAME", help_heading = "Filters")]
    pub(crate) collections: Vec<String>,
    /// Only files whose path matches, such as '**/notes/**'; may be repeated
    #[arg(long = "path", value_name = "GLOB", help_heading = "Filters")]
    pub(crate) paths: Vec<String>,
    /// Only files of these types (txt, md, pdf, code, rust, …)
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', help_heading = "Filters")]
    pub(crate) types: Vec<String>,
    /// Only documents from then on, by their own date or else their file's: 2026-01-31,
    /// 2026-01-31T09:00, 2026-01, 2026, yesterday, 7d, "last week", "March 2025"; `ragged time`
    /// shows what is understood
    #[arg(long, value_name = "TIME", help_heading = "Filters")]
    pub(crate) since: Option<String>,
    /// Only documents until then: before a time, or before the end of a day, week, month or year
    #[arg(long, value_name = "TIME", help_heading = "Filters")]
    pub(crate) until: Option<String>,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SearchArgs {
    /// What to look for
    #[arg(value_name = "QUERY", required = true)]
    pub(crate) query: Vec<String>,
    /// How many hits [default: search.k]
    #[arg(short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) k: Option<u16>,
    /// Which sides of the index are asked [default: search.mode]
    #[arg(long, value_enum)]
    pub(crate) mode: Option<Mode>,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// How the leann backend searches vectors [default: search.strategy]
    #[arg(long, value_enum, value_name = "WAY")]
    pub(crate) strategy: Option<Way>,
    /// Show the parts of each score, the plan with its estimates, and the counts
    #[arg(long)]
    pub(crate) explain: bool,
    #[command(flatten)]
    pub(crate) asking: memory::AskingArgs,
    #[command(flatten)]
    pub(crate) profiling: profile::ProfilingArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SearchManyArgs {
    #[command(flatten)]
    pub(crate) search: SearchArgs,
    /// Search for each line of a file, `-` for standard input; a line is a query, or a JSON object
    /// with `text` or `query`
    #[arg(long, value_name = "FILE", conflicts_with = "query")]
    pub(crate) batch: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// What the planner expects to be cheapest
    Auto,
    /// Recompute and compare every vector
    Exact,
    /// Compare all codes, recompute what they leave undecided
    Scan,
    /// Walk the graph by codes, recompute what they leave undecided
    Graph,
    /// Walk the graph and recompute everything met: the unoptimised baseline
    Naive,
}

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    pub(crate) search: SearchArgs,
    /// Quote from the files even where a generator is configured
    #[arg(long)]
    pub(crate) extractive: bool,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that can be typed")]
pub(crate) struct ChatArgs {
    /// Go on with the last session: its settings, and its citations for /open
    #[arg(long = "continue")]
    pub(crate) resume: bool,
    /// Keep neither the lines that are typed nor the session
    #[arg(long)]
    pub(crate) no_history: bool,
    /// Delete all sessions and the history of lines, and end
    #[arg(long, conflicts_with_all = ["resume", "no_history"])]
    pub(crate) forget: bool,
    /// Really delete
    #[arg(long, requires = "forget")]
    pub(crate) confirm: bool,
    /// Quote from the files even where a generator is configured
    #[arg(long)]
    pub(crate) extractive: bool,
    #[command(flatten)]
    pub(crate) asking: memory::AskingArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The collection that the files come into; known ones move [default: where their folder was
    /// last added]
    #[arg(long, value_name = "NAME")]
    pub(crate) collection: Option<String>,
    /// Quiet that ends a batch of changes; under a burst none waits longer than 5 s
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = duration)]
    pub(crate) debounce: Duration,
    /// Look at everything this often instead of asking the system for changes
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) poll: Option<Duration>,
    /// End when nothing changes any more
    #[arg(long)]
    pub(crate) once: bool,
}

/// `500ms`, `30s`, `1m`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a time such as 500ms, 30s or 1m, up to a day".to_owned();
    let duration: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    let duration = Duration::try_from(duration).map_err(|_| wrong())?;
    let is_usable = duration >= Duration::from_millis(1) && duration <= Duration::from_hours(24);
    if is_usable { Ok(duration) } else { Err(wrong()) }
}

#[derive(Debug, Args)]
pub(crate) struct TryArgs {
    /// A folder or a file
    pub(crate) path: PathBuf,
    /// The question
    #[arg(required = true)]
    pub(crate) query: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// Folder with corpus.jsonl, queries.jsonl and qrels/test.tsv
    pub(crate) dir: PathBuf,
    /// Which sides of the index are asked [default: search.mode]
    #[arg(long, value_enum)]
    pub(crate) mode: Option<Mode>,
    /// Also compare the vector index with this backend
    #[arg(long, value_enum)]
    pub(crate) against: Option<Against>,
    /// Put the set's documents into this collection and search only there, to measure what a
    /// filter costs
    #[arg(long, value_name = "NAME")]
    pub(crate) collection: Option<String>,
    /// Evaluate this many queries only, the first ones
    #[arg(long, value_name = "N")]
    pub(crate) queries: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Against {
    /// Every vector recomputed and compared
    Exact,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Rebuild what is derived, drop what is damaged
    #[arg(long)]
    pub(crate) repair: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Show what each cache may hold and what it holds
    ///
    /// Caches live in the memory of one process: `/cache` shows those of a running `ragged chat`.
    #[command(after_help = "Example:\n  ragged cache stats --format json")]
    Stats,
    /// Empty the caches of this process; nothing of them is ever on disk
    #[command(after_help = "Example:\n  ragged cache clear")]
    Clear,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CollectionCommand {
    /// List the collections and what they hold
    #[command(after_help = "Example:\n  ragged collection list --format json")]
    List,
    /// Give a collection another name; all that is in it stays
    #[command(after_help = "Example:\n  ragged collection rename taxes \"taxes 2026\"")]
    Rename {
        /// Its name
        old: String,
        /// Its new name
        new: String,
    },
    /// Forget a collection with its files; the files themselves stay
    #[command(
        after_help = "Examples:\n  ragged collection remove work --dry-run\n  ragged collection remove work --confirm"
    )]
    Remove {
        /// The collection's name; `default` is emptied and stays
        name: String,
        /// Really forget
        #[arg(long, conflicts_with = "dry_run")]
        confirm: bool,
        /// Print what would be forgotten and change nothing, as without --confirm
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// List the models that can be used here
    #[command(after_help = "Example:\n  ragged model list")]
    List,
    /// Add a model from a folder, or download one by its hub id (org/name)
    #[command(
        after_help = "Examples:\n  ragged model add ~/models/all-MiniLM-L6-v2\n  ragged model add sentence-transformers/all-MiniLM-L6-v2"
    )]
    Add {
        /// Folder, static model's file (`.rgm`) or hub id
        source: String,
        /// Name to know it by [default: the last part of the source]
        #[arg(long)]
        name: Option<String>,
    },
    /// Use a model from now on, and build the vectors anew from the stored text
    #[command(after_help = "Example:\n  ragged model use all-MiniLM-L6-v2")]
    Use {
        /// `builtin`, an added model's name, `ollama:NAME` or `openai:NAME`
        name: String,
    },
    /// Delete an added model's files
    #[command(after_help = "Example:\n  ragged model remove all-MiniLM-L6-v2 --confirm")]
    Remove {
        /// The model's name
        name: String,
        /// Really delete
        #[arg(long)]
        confirm: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendName {
    /// Bit codes on this machine, the best recomputed from text
    Leann,
    /// Every vector in memory, compared one by one
    Exact,
    /// A Chroma server
    Chromadb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackendCommand {
    /// List the backends, whether they can be used, and what they hold
    #[command(after_help = "Example:\n  ragged backend list")]
    List,
    /// Show the backend in use and whether it is well
    #[command(visible_alias = "current", after_help = "Example:\n  ragged backend status")]
    Status,
    /// Use another backend that holds the library already
    #[command(
        visible_alias = "set",
        after_help = "Examples:\n  ragged backend use leann\n  ragged backend use exact    (keeps nothing, so there is nothing to migrate)"
    )]
    Use {
        /// The backend
        #[arg(value_enum)]
        name: BackendName,
        /// Even if it lacks vectors; they are made from the text when the library is next used
        #[arg(long)]
        force: bool,
    },
    /// Show how much a backend holds
    #[command(
        after_help = "Examples:\n  ragged backend stats\n  ragged backend stats --backend chromadb"
    )]
    Stats {
        /// The backend [default: the one in use]
        #[arg(long, value_enum)]
        backend: Option<BackendName>,
    },
    /// Compare what this library takes in two backends, as measured
    #[command(
        visible_aliases = ["compare-storage", "storage-info"],
        after_help = "Examples:\n  ragged backend compare leann chromadb\n  ragged backend compare    (all that hold something)"
    )]
    Compare {
        /// Two backends [default: all that hold something]
        #[arg(value_enum, num_args = 2, value_name = "BACKEND")]
        names: Vec<BackendName>,
    },
    /// Say which backend suits this library, and why
    #[command(
        after_help = "Examples:\n  ragged backend recommend\n  ragged backend recommend --max-storage 500"
    )]
    Recommend {
        /// The most that the library may take, in MB
        #[arg(long, value_name = "MB")]
        max_storage: Option<u64>,
    },
    /// Fill another backend from the library's text, compare, and use it from then on
    #[command(
        after_help = "Examples:\n  ragged backend migrate leann chromadb --dry-run\n  ragged backend migrate leann chromadb\n  ragged backend migrate leann chromadb --resume    (after an interruption)"
    )]
    Migrate(MigrateArgs),
    /// Compare two backends: chunks, vectors, answers; exit with 3 if they differ
    #[command(
        after_help = "Examples:\n  ragged backend verify leann chromadb\n  ragged backend verify leann exact --full"
    )]
    Verify {
        /// The one
        #[arg(value_enum)]
        a: BackendName,
        /// The other
        #[arg(value_enum)]
        b: BackendName,
        #[command(flatten)]
        sample: SampleArgs,
    },
    /// Go back to the backend that was used before a migration
    #[command(
        after_help = "Examples:\n  ragged backend rollback --confirm\n  ragged backend rollback --backup migration_backup_20261123_083341.tar.gz --confirm"
    )]
    Rollback {
        /// The backup to go back to, as `backups list` names it, or a path [default: the newest]
        #[arg(long, value_name = "FILE")]
        backup: Option<PathBuf>,
        /// Really go back
        #[arg(long)]
        confirm: bool,
    },
    /// List and delete backups of migrations
    #[command(
        after_help = "Examples:\n  ragged backend backups list\n  ragged backend backups clean --keep-latest 1"
    )]
    Backups {
        #[command(subcommand)]
        command: BackupsCommand,
    },
    /// Delete what a backend that is not in use holds
    #[command(after_help = "Example:\n  ragged backend cleanup leann --confirm")]
    Cleanup {
        /// The backend
        #[arg(value_enum)]
        name: BackendName,
        /// Really delete
        #[arg(long)]
        confirm: bool,
    },
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that can be typed")]
pub(crate) struct MigrateArgs {
    /// The backend in use
    #[arg(value_enum, value_name = "FROM")]
    pub(crate) source: BackendName,
    /// The backend to use from then on
    #[arg(value_enum, value_name = "TO")]
    pub(crate) target: BackendName,
    /// Compare the two before the setting is changed (on unless --no-verify)
    #[arg(long, overrides_with = "no_verify")]
    pub(crate) verify: bool,
    /// Do not compare
    #[arg(long, overrides_with = "verify")]
    pub(crate) no_verify: bool,
    #[command(flatten)]
    pub(crate) sample: SampleArgs,
    /// Pack what FROM keeps on disk first (on unless --no-backup)
    #[arg(long, overrides_with = "no_backup")]
    pub(crate) backup: bool,
    /// Make no backup
    #[arg(long, overrides_with = "backup")]
    pub(crate) no_backup: bool,
    /// Go on with a migration that was interrupted
    #[arg(long)]
    pub(crate) resume: bool,
    /// Print what would be done and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// Share of the chunks whose vectors are made anew and compared; all of them below 1,000
    /// documents
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
    pub(crate) sample_rate: f64,
    /// Compare every chunk
    #[arg(long, conflicts_with = "sample_rate")]
    pub(crate) full: bool,
    /// Which chunks and queries are drawn
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}

fn share(value: &str) -> Result<f64, String> {
    match value.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("is not a number from 0 to 1".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackupsCommand {
    /// List the backups, the newest first
    #[command(after_help = "Example:\n  ragged backend backups list")]
    List,
    /// Delete all but the newest backups
    #[command(
        after_help = "Examples:\n  ragged backend backups clean --dry-run\n  ragged backend backups clean --keep-latest 1"
    )]
    Clean {
        /// How many stay
        #[arg(long, value_name = "N", default_value_t = ragged::library::KEPT_BACKUPS)]
        keep_latest: usize,
        /// Print what would be deleted and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print one setting
    #[command(after_help = "Example:\n  ragged config get search.k")]
    Get {
        /// Dotted name
        key: String,
    },
    /// Change one setting in the configuration file
    #[command(after_help = "Example:\n  ragged config set search.k 20")]
    Set {
        /// Dotted name
        key: String,
        /// New value
        value: String,
    },
    /// Give one setting its default again
    #[command(after_help = "Example:\n  ragged config unset search.k")]
    Unset {
        /// Dotted name
        key: String,
    },
    /// Give one setting its default again, or all that the configuration file sets
    #[command(
        after_help = "Examples:\n  ragged config reset search.k\n  ragged config reset --all              (says what it would reset)\n  ragged config reset --all --confirm"
    )]
    Reset {
        /// Dotted name
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        key: Option<String>,
        /// All of them; comments stay, and so does what `ragged tune` measured. Without --confirm
        /// only says which
        #[arg(long)]
        all: bool,
        /// Really reset all of them
        #[arg(long, requires = "all")]
        confirm: bool,
    },
    /// Print all settings
    #[command(after_help = "Example:\n  ragged config show --origin")]
    Show {
        /// Also print where each value comes from
        #[arg(long)]
        origin: bool,
    },
    /// Print the path of the configuration file
    #[command(after_help = "Example:\n  ragged config path")]
    Path,
}

impl ConfigCommand {
    /// The setting that the command changes in the file.
    pub(crate) fn changed_key(&self) -> Option<&str> {
        match self {
            Self::Set { key, .. } | Self::Unset { key } | Self::Reset { key: Some(key), .. } => {
                Some(key)
            }
            Self::Get { .. } | Self::Reset { .. } | Self::Show { .. } | Self::Path => None,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct TimeArgs {
    /// The expression; several words are joined, and one like -30d comes after --
    #[arg(required = true, value_name = "EXPRESSION")]
    pub(crate) expression: Vec<String>,
    /// The moment that counts as now: 2026-01-31T09:00 (in the time zone), 2026-01-31T09:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) now: Option<String>,
    /// Time zone, by its IANA name [default: that of this machine]
    #[arg(long, value_name = "ZONE")]
    pub(crate) tz: Option<String>,
    /// How to fill in what is left unsaid
    #[arg(long, value_enum, default_value_t = TimeReading::Written)]
    pub(crate) reading: TimeReading,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimeReading {
    /// A month, day or weekday without a year is the coming one; a range ends where its second
    /// part begins
    Written,
    /// As in questions: the latest one that has begun; a range holds its second part, and the last
    /// days hold today
    Question,
}
