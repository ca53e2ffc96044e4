//! What a profile does to rankings, and whether that helps.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use ragged::evaluation::experiment::Metric;

use super::super::Mode;

/// Rankings by interests: why, how far, and how well.
#[derive(Debug, Subcommand)]
pub(crate) enum RankingCommand {
    /// Say why a document stands where it does for a question of the persona
    #[command(
        after_help = "Examples:\n  ragged memory explain-ranking ~/notes/tides.md --query \"spring tides\"\n  ragged memory explain-ranking tides.md --query \"spring tides\" --persona researcher --format json\n\nThe question is not recorded."
    )]
    ExplainRanking {
        /// A file, the end of its path, or the id of a document
        document: String,
        #[command(flatten)]
        asked: AskedArgs,
    },
    /// Show a question's ranking with the profile beside the one without
    #[command(
        after_help = "Example:\n  ragged memory compare-ranking --query \"spring tides\" --persona researcher -k 5\n\nThe question is not recorded."
    )]
    CompareRanking {
        #[command(flatten)]
        asked: AskedArgs,
    },
    /// Show what the profile comes to, and what it does to the questions asked last
    #[command(
        after_help = "Examples:\n  ragged memory analytics\n  ragged memory analytics --replay 100 --format json"
    )]
    Analytics {
        /// How many topics
        #[arg(long, value_name = "N", default_value_t = 10)]
        limit: usize,
        /// Ask so many of the last questions again, and of those that feedback judged, with the
        /// profile and without; 0 asks none
        #[arg(long, value_name = "N", default_value_t = 25)]
        replay: usize,
    },
    /// Test whether the profile makes rankings better
    AbTest {
        #[command(subcommand)]
        command: AbTestCommand,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AbTestCommand {
    /// Ask questions with the profile and without, and keep what came of it
    #[command(
        after_help = "Examples:\n  ragged memory ab-test start --queries questions.jsonl --name \"before holidays\"\n  ragged memory ab-test start    (what feedback judged)\n\nA line of the file is a question, or {\"text\": …, \"relevant\": [\"tides.md\"]}, or a query of a judged set.\nNone of them is recorded as asked."
    )]
    Start {
        /// File of questions [default: those that the persona's feedback judged]
        #[arg(long, value_name = "FILE")]
        queries: Option<PathBuf>,
        /// What to call the test
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// List the tests, the latest first
    #[command(after_help = "Example:\n  ragged memory ab-test list")]
    List,
    /// Show what a test says by every metric
    #[command(after_help = "Example:\n  ragged memory ab-test results --test-id 3f9a")]
    Results {
        /// The test's id, or the first four digits or more of it
        #[arg(long, value_name = "ID")]
        test_id: String,
    },
    /// Show what tests say by one metric
    #[command(after_help = "Example:\n  ragged memory ab-test compare --metric ndcg")]
    Compare {
        /// Only this test
        #[arg(long, value_name = "ID")]
        test_id: Option<String>,
        /// The metric
        #[arg(long, value_enum, default_value_t = MetricName::Ndcg)]
        metric: MetricName,
    },
    /// Delete a test, with the questions that it asked
    #[command(after_help = "Example:\n  ragged memory ab-test delete --test-id 3f9a --confirm")]
    Delete {
        /// The test's id, or the first four digits or more of it
        #[arg(long, value_name = "ID")]
        test_id: String,
        /// Really delete
        #[arg(long)]
        confirm: bool,
    },
}

/// A question that is asked to look at its ranking.
#[derive(Clone, Debug, Args)]
pub(crate) struct AskedArgs {
    /// The question
    #[arg(long, value_name = "TEXT")]
    pub(crate) query: String,
    /// How many hits a search would show [default: search.k]
    #[arg(short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) k: Option<u16>,
    /// Which sides of the index are asked [default: search.mode]
    #[arg(long, value_enum)]
    pub(crate) mode: Option<Mode>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetricName {
    /// nDCG of the first ten documents
    Ndcg,
    /// Share of the first ten places with relevant documents
    Precision,
    /// One over the rank of the first relevant document
    Mrr,
    /// Share of the relevant documents among the first ten
    Recall,
    /// Milliseconds of a search
    Latency,
}

impl From<MetricName> for Metric {
    fn from(name: MetricName) -> Self {
        match name {
            MetricName::Ndcg => Self::Ndcg,
            MetricName::Precision => Self::Precision,
            MetricName::Mrr => Self::Mrr,
            MetricName::Recall => Self::Recall,
            MetricName::Latency => Self::Latency,
        }
    }
}
