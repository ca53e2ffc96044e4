//! What can be typed after `ragged benchmark`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use crate::config::parse_duration;

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
    /// Measure questions of a persona, and what each part of memory adds to one
    #[command(after_help = "Example:\n  ragged benchmark personalisation --corpus ~/notes")]
    Personalisation(MeasureArgs),
    /// Measure questions about a time, facts at a time, timelines
    #[command(after_help = "Example:\n  ragged benchmark temporal --corpus-sizes 1000,10000")]
    Temporal(MeasureArgs),
    /// Measure how everything grows with the number of documents
    #[command(
        after_help = "Examples:\n  ragged benchmark scale\n  ragged benchmark scale --corpus-sizes 1000,10000 --repeats 3 --output growth.html"
    )]
    Scale(MeasureArgs),
    /// Measure what it costs a question that `ragged profile` times its stages
    #[command(after_help = "Example:\n  ragged benchmark profiling --repeats 10")]
    Profiling(MeasureArgs),
    /// Measure the default way to search vectors against what it replaces
    #[command(after_help = "Example:\n  ragged benchmark strategies --corpus-sizes 10000")]
    Strategies(MeasureArgs),
    /// Measure questions from many threads and many personas at once, and beside writing
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
        /// How many questions
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
        queries: u32,
        /// How often each is measured: ten times, twice, find a change of a tenth in nearly all
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
        repeats: u16,
        #[command(flatten)]
        kept: KeptArgs,
    },
    /// Do everything at once for long, and see whether anything grows; exit code 3 where it does
    #[command(
        long_about = "Search, answer, add, remove, record and forget, with several personas, for \
                      as long as is asked, and see whether memory, open files, disk or latency \
                      grow with the number of operations. As much is deleted as is added, and \
                      each operation takes a minute of the clock that caches and interests go \
                      by. Exit code 3 where something grows or fails.",
        after_help = "Examples:\n  ragged benchmark soak --duration 1m\n  ragged benchmark soak --duration 24h --output soak.json\n  ragged benchmark soak --duration 2m --plant 1024"
    )]
    Soak(SoakArgs),
    /// Measure everything that ragged set out to do; exit code 3 where a bound is not kept
    #[command(
        after_help = "Examples:\n  ragged benchmark mission --quick\n  ragged benchmark mission --format json"
    )]
    Mission {
        /// With fewer repeats and questions, and a shorter long run
        #[arg(long)]
        quick: bool,
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
    /// Go on with a run of the same label that was interrupted
    #[arg(long)]
    pub(crate) resume: bool,
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
    /// Numbers of documents [default: 1000; of `scale` 1000,10000,50000,100000]
    #[arg(long, visible_alias = "corpus-size", value_delimiter = ',', value_name = "N,…")]
    pub(crate) corpus_sizes: Vec<u64>,
    /// A folder of files, a folder in BEIR layout, or `synthetic`
    #[arg(long, default_value = "synthetic", value_name = "DIR")]
    pub(crate) corpus: String,
    /// Tuning profiles to measure beside each other: high-performance, balanced, low-memory, default
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) profiles: Vec<String>,
    /// How many questions, or a file with one a line
    #[arg(long, default_value = "100", value_name = "N|FILE")]
    pub(crate) queries: String,
    /// How often each is measured [default: 5; of `scale` 3]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    pub(crate) repeats: Option<u16>,
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
    /// Compare results of different documents or questions
    #[arg(long)]
    pub(crate) allow_different_corpus: bool,
    /// Also write a report: .html, .md, .json, or .xml for build servers
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) results: ResultsArgs,
}

/// A long run.
#[derive(Clone, Debug, Args)]
pub(crate) struct SoakArgs {
    /// How long: 90s, 10m, 24h
    #[arg(long, default_value = "10m", value_parser = parse_duration, value_name = "TIME")]
    pub(crate) duration: Duration,
    /// Documents that the library holds
    #[arg(long, default_value_t = 300, value_parser = documents, value_name = "N")]
    pub(crate) documents: usize,
    /// Decides what is done
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// Lose so many bytes with each operation, to see that a leak is found
    #[arg(long, default_value_t = 0, value_name = "BYTES")]
    pub(crate) plant: usize,
    /// Also write the samples: a JSON file
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

fn documents(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=1_000_000) => Ok(n),
        _ => Err("a number from 1 to 1000000".to_owned()),
    }
}
