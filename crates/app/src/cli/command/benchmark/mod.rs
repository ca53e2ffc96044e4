//! `benchmark`: what ragged does on this machine and these files, measured.

mod comparison;
mod measure;
mod mission;
mod show;
mod soak;
mod task;

use std::path::{Path, PathBuf};

use anyhow::Result;
use ragged_benchmark::{result::RunResult, task::Test, threshold::Thresholds};

use crate::{
    cli::{
        Session,
        args::benchmark::{BenchmarkCommand, KeptArgs, MeasureArgs, ResultsArgs},
    },
    failure::Outcome,
};

/// Documents, repeats and questions of `quick`.
const QUICK: (u64, u16, &str) = (300, 3, "100");
/// Numbers of documents and repeats of `scale`.
const SCALE_SIZES: [u64; 4] = [1_000, 10_000, 50_000, 100_000];
const SCALE_REPEATS: u16 = 3;

pub(crate) fn run(command: BenchmarkCommand, session: &Session) -> Result<Outcome> {
    let all: &[Test] = &Test::OF_BACKENDS;
    match command {
        BenchmarkCommand::Quick { backend, kept } => {
            let (documents, repeats, queries) = QUICK;
            let args = synthetic(backend, documents, repeats, queries, kept);
            measure::run(&args, all, &[], session)
        }
        BenchmarkCommand::Full(args) => measure::run(&args, all, &[], session),
        BenchmarkCommand::Ingest(args) => {
            measure::run(&args, &[Test::Ingest], &["ingest"], session)
        }
        BenchmarkCommand::Query(args) => measure::run(&args, &[Test::Query], &["query"], session),
        BenchmarkCommand::Memory(args) => {
            measure::run(&args, &[Test::Ingest, Test::Query], &["memory"], session)
        }
        BenchmarkCommand::Storage(args) => {
            measure::run(&args, &[Test::Ingest], &["storage"], session)
        }
        BenchmarkCommand::Personalisation(args) => {
            measure::run(&args, &[Test::Personalisation], &["personalisation", "overhead"], session)
        }
        BenchmarkCommand::Temporal(args) => {
            measure::run(&args, &[Test::Temporal], &["temporal"], session)
        }
        BenchmarkCommand::Scale(mut args) => {
            if args.corpus_sizes.is_empty() {
                args.corpus_sizes = SCALE_SIZES.to_vec();
            }
            args.repeats = args.repeats.or(Some(SCALE_REPEATS));
            let shown = ["ingest", "query", "memory", "storage"];
            measure::run(&args, &[Test::Ingest, Test::Query], &shown, session)
        }
        BenchmarkCommand::Profiling(args) => {
            measure::run(&args, &[Test::Profiling], &["profiling"], session)
        }
        BenchmarkCommand::Strategies(args) => {
            measure::run(&args, &[Test::Strategies], &["strategies"], session)
        }
        BenchmarkCommand::Concurrent(args) => {
            measure::run(&args, &[Test::Concurrent], &["concurrent"], session)
        }
        BenchmarkCommand::Ci { corpus_size, threshold_file, backend, queries, repeats, kept } => {
            // A wrong file is told before anything is measured.
            let limits = Thresholds::read(&threshold_file)?;
            let args = synthetic(backend, corpus_size, repeats, &queries.to_string(), kept);
            measure::ci(&args, &limits, session)
        }
        BenchmarkCommand::Soak(args) => soak::run(&args, session),
        BenchmarkCommand::Mission { quick, kept } => mission::run(quick, &kept, session),
        BenchmarkCommand::Compare(args) => comparison::compare(&args, session),
        BenchmarkCommand::Noise { runs, tests, measure } => {
            comparison::noise(runs, &tests, &measure, session)
        }
        BenchmarkCommand::List { results } => show::list(&results.results_dir, session),
        BenchmarkCommand::Show { label, results, reports } => {
            show::check(reports.output.as_deref())?;
            let result = find(&label, &results)?;
            show::write(&result, &[], &reports)?;
            show::run(&result, &[], None, session)
        }
        BenchmarkCommand::Task => task::run(session),
    }
}

fn synthetic(
    backend: String,
    documents: u64,
    repeats: u16,
    queries: &str,
    kept: KeptArgs,
) -> MeasureArgs {
    MeasureArgs {
        backends: vec![backend],
        corpus_sizes: vec![documents],
        corpus: measure::SYNTHETIC.to_owned(),
        profiles: Vec::new(),
        queries: queries.to_owned(),
        repeats: Some(repeats),
        kept,
    }
}

/// Results in a folder, by name; the file of noise is none.
fn result_files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .filter(|path| path.file_name().is_some_and(|name| name != comparison::NOISE))
        .collect();
    files.sort();
    files
}

/// The result of a file, of a label, or of the commit that a label ends with.
fn find(label: &str, results: &ResultsArgs) -> Result<RunResult> {
    find_if_any(label, results)?.ok_or_else(|| {
        let (message, hint) = missing(label, results);
        anyhow::Error::new(crate::Hinted::new(message, hint))
    })
}

/// That there is no such result, and which there are.
fn missing(label: &str, results: &ResultsArgs) -> (String, String) {
    let dir = &results.results_dir;
    let names: Vec<String> = result_files(dir)
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    let hint = if names.is_empty() {
        "`ragged benchmark quick --label NAME` makes one".to_owned()
    } else {
        format!("there are: {}", names.join(", "))
    };
    (format!("there is no result {label:?} in {}", dir.display()), hint)
}

/// The same, or nothing where there is none.
fn find_if_any(label: &str, results: &ResultsArgs) -> Result<Option<RunResult>> {
    let as_file = Path::new(label);
    if as_file.is_file() {
        return Ok(Some(RunResult::read(as_file)?));
    }
    let dir = &results.results_dir;
    if let Ok(path) = RunResult::path(dir, label)
        && path.is_file()
    {
        return Ok(Some(RunResult::read(&path)?));
    }
    let files = result_files(dir);
    let names: Vec<String> = files
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    // A whole commit id begins with the short one of a label.
    let of_commit = |name: &String| {
        let commit = name.rsplit_once('+').map(|(_, commit)| commit);
        commit.is_some_and(|commit| commit.len() >= 7 && label.starts_with(commit))
    };
    Ok(match names.iter().position(of_commit) {
        Some(at) => Some(RunResult::read(&files[at])?),
        None => None,
    })
}
