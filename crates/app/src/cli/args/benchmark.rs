//! What can be typed after `ragged benchmark`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum BenchmarkCommand {
    /// Measure one backend with few documents, in less than a minute
    #[command(
        after_help = "Examples:\n  ragged benchmark quick\n  ragged benchmark quick --backend exact --format json"
    )]
    Quick {
        /// The backend
        #[arg(long, default_value = "leann", value_name = "NAME")]
        backend: String,
        #[command(flatten)]
        kept: KeptArgs,
    },
    /// Measure everything, for several backends and numbers of documents
    #[command(
        after_help = "Examples:\n  ragged benchmark full --backends chromadb,leann --corpus-sizes 1000,10000 --output report.md\n  ragged benchmark full --corpus ~/notes --dry-run"
    )]
    Full(MeasureArgs),
    /// Measure reading files into an empty library
    #[command(after_help = "Example:\n  ragged benchmark ingest --corpus-sizes 1000,10000")]
    Ingest(MeasureArgs),
    /// Measure questions: one after another, in batches, repeated, cold
    #[command(
        after_help = "Examples:\n  ragged benchmark query --backend chromadb --queries 1000\n  ragged benchmark query --corpus ~/notes --queries questions.txt"
    )]
    Query(MeasureArgs),
    /// Measure the memory of the process, at rest and at work
    #[command(after_help = "Example:\n  ragged benchmark memory --corpus-sizes 1000,10000")]
    Memory(MeasureArgs),
    /// Measure bytes on disk
    #[command(after_help = "Example:\n  ragged benchmark storage --backends leann,exact")]
    Storage(MeasureArgs),
    /// Measure questions from many threads at once
    #[command(after_help = "Example:\n  ragged benchmark concurrent --corpus-sizes 10000")]
    Concurrent(MeasureArgs),
    /// Measure one size and hold it against limits; exit code 3 where one is broken
    #[command(
        after_help = "Example:\n  ragged benchmark ci --corpus-size 1000 --threshold-file benchmarks/thresholds.yaml"
    )]
    Ci {
        /// Documents
        #[arg(long, default_value_t = 1000, value_name = "N")]
        corpus_size: u64,
        /// Limits: a YAML file with lines such as `query_latency_p95_ms: 100`
        #[arg(long, default_value = "benchmarks/thresholds.yaml", value_name = "FILE")]
        threshold_file: PathBuf,
        /// The backend
        #[arg(long, default_value = "leann", value_name = "NAME")]
        backend: String,
        #[command(flatten)]
        kept: KeptArgs,
    },
    /// Compare two results; with --fail-on-regression, exit code 3 where something became worse
    #[command(
        after_help = "Examples:\n  ragged benchmark compare --baseline v0.4.11 --current v0.4.12 --fail-on-regression 5%\n  ragged benchmark compare --baseline base-1,base-2 --current head-1,head-2 --output changes.html\n\nExit codes: 3 where something became worse and --fail-on-regression is given, 4 where there is no such\nbaseline."
    )]
    Compare(CompareArgs),
    /// Measure the same several times, to learn by how much figures stray on this machine
    #[command(
        after_help = "Examples:\n  ragged benchmark noise --runs 3\n  ragged benchmark noise --runs 2 --tests query"
    )]
    Noise {
        /// How often
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=20), value_name = "N")]
        runs: u8,
        /// Only these tests, by name, such as `query`
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        tests: Vec<String>,
        #[command(flatten)]
        measure: MeasureArgs,
    },
    /// List the results that were kept
    #[command(after_help = "Example:\n  ragged benchmark list")]
    List {
        #[command(flatten)]
        results: ResultsArgs,
    },
    /// Show a result, or write it as a report
    #[command(
        after_help = "Examples:\n  ragged benchmark show v0.4.12\n  ragged benchmark show v0.4.12 --output report.html"
    )]
    Show {
        /// The label, or a file
        label: String,
        #[command(flatten)]
        results: ResultsArgs,
        #[command(flatten)]
        reports: ReportArgs,
    },
    /// Measure for another ragged process
    #[command(hide = true)]
    Task,
}

/// Where results are.
#[derive(Clone, Debug, Args)]
pub(crate) struct ResultsArgs {
    /// Folder of results
    #[arg(long, default_value = "benchmarks/results", value_name = "DIR")]
    pub(crate) results_dir: PathBuf,
}

/// What is written for others to read.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReportArgs {
    /// Also write a report: .html, .md, .json, or .xml for build servers
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Also write what github-action-benchmark draws: FILE.json gives FILE.smaller.json and
    /// FILE.bigger.json, by which way is better
    #[arg(long, value_name = "FILE")]
    pub(crate) github: Option<PathBuf>,
}

/// What becomes of a result.
#[derive(Clone, Debug, Args)]
pub(crate) struct KeptArgs {
    #[command(flatten)]
    pub(crate) results: ResultsArgs,
    /// What the result is called [default: version and commit]
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Option<String>,
    #[command(flatten)]
    pub(crate) reports: ReportArgs,
    /// Decides documents, questions and order
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// Say what would be measured and measure nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct MeasureArgs {
    /// Backends: leann, exact, chromadb
    #[arg(
        long,
        visible_alias = "backend",
        value_delimiter = ',',
        default_value = "leann",
        value_name = "NAMES"
    )]
    pub(crate) backends: Vec<String>,
    /// Numbers of documents
    #[arg(
        long,
        visible_alias = "corpus-size",
        value_delimiter = ',',
        default_value = "1000",
        value_name = "N,…"
    )]
    pub(crate) corpus_sizes: Vec<u64>,
    /// A folder of files, a folder in BEIR layout, or `synthetic`
    #[arg(long, default_value = "synthetic", value_name = "DIR")]
    pub(crate) corpus: String,
    /// How many questions, or a file with one a line
    #[arg(long, default_value = "100", value_name = "N|FILE")]
    pub(crate) queries: String,
    /// How often each is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    pub(crate) repeats: u16,
    #[command(flatten)]
    pub(crate) kept: KeptArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Label or file of what was before; several are taken as one
    #[arg(long, required = true, value_delimiter = ',', value_name = "LABEL,…")]
    pub(crate) baseline: Vec<String>,
    /// Label or file of what is now; several are taken as one
    #[arg(long, required = true, value_delimiter = ',', value_name = "LABEL,…")]
    pub(crate) current: Vec<String>,
    /// Fail where a figure became worse by more than this and more than chance: 5% or 5
    #[arg(long, value_name = "PERCENT")]
    pub(crate) fail_on_regression: Option<String>,
    /// Compare results of different machines
    #[arg(long)]
    pub(crate) allow_different_machine: bool,
    /// Also write a report: .html, .md, .json, or .xml for build servers
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) results: ResultsArgs,
}
