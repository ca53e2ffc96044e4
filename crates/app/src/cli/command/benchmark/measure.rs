//! Runs: their plan, their processes, and what becomes of them.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};
use ragged::{
    error::{Error, ErrorKind},
    evaluation::JudgedSet,
    settings::BackendKind,
};
use ragged_benchmark::{
    corpus::{self, Corpus},
    journal::{Journal, Subject},
    machine::Machine,
    report,
    result::{Missing, RunResult, SCHEMA},
    run::{Gathered, Plan, Step},
    task::Test,
    threshold::{Held, Thresholds},
};

use super::show;
use crate::{
    cli::{
        Session,
        args::benchmark::{KeptArgs, MeasureArgs},
        child,
        command::tune,
        interrupt::{TemporaryFolder, Watch},
        printer::counted,
        progress,
    },
    config,
    failure::{Outcome, Usage},
};

/// The corpus that is made up.
pub(super) const SYNTHETIC: &str = "synthetic";
/// Documents and repeats where nothing else is said.
const DOCUMENTS: u64 = 1_000;
const REPEATS: u16 = 5;
/// The configuration of the settings as they are.
pub(super) const DEFAULT: &str = "default";

pub(super) fn run(
    args: &MeasureArgs,
    tests: &[Test],
    shown: &[&str],
    session: &Session,
) -> Result<Outcome> {
    let Some(result) = measure(args, tests, session)? else { return Ok(Outcome::Interrupted) };
    if args.kept.dry_run {
        return Ok(Outcome::Done);
    }
    let path = keep(&result, &[], &args.kept, session)?;
    show::run(&result, shown, Some(&path), session)
}

/// Measures, and holds what was measured against limits.
pub(super) fn ci(args: &MeasureArgs, limits: &Thresholds, session: &Session) -> Result<Outcome> {
    let Some(result) = measure(args, &Test::OF_BACKENDS, session)? else {
        return Ok(Outcome::Interrupted);
    };
    if args.kept.dry_run {
        return Ok(Outcome::Done);
    }
    let held = limits.hold(&result);
    let path = keep(&result, &held, &args.kept, session)?;
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "label": result.label,
            "file": path,
            "limits": held,
            "kept": held.iter().all(|held| held.is_kept),
        }))?;
    } else {
        for held in &held {
            printer.line(limit_line(held))?;
        }
    }
    printer.note(format!("Kept in {}.", path.display()));
    let broken: Vec<&str> =
        held.iter().filter(|held| !held.is_kept).map(|held| held.key.as_str()).collect();
    if broken.is_empty() {
        return Ok(Outcome::Done);
    }
    printer.note(format!("Broken: {}.", broken.join(", ")));
    Ok(Outcome::Gate)
}

fn limit_line(held: &Held) -> String {
    let bound = if held.is_most { "at most" } else { "at least" };
    let mark = if held.is_kept { "✓" } else { "✗" };
    match (held.measured, &held.cell) {
        (Some(measured), Some(cell)) => format!(
            "{mark} {} ({}, {} documents): {measured:.3}, {bound} {}",
            held.key,
            cell.backend,
            report::thousands(cell.documents),
            held.limit
        ),
        _ => format!("{mark} {}: not measured, {bound} {}", held.key, held.limit),
    }
}

/// What is measured; `None` where it was interrupted. With `--dry-run` the plan is printed, and the
/// result has no rows.
pub(super) fn measure(
    args: &MeasureArgs,
    tests: &[Test],
    session: &Session,
) -> Result<Option<RunResult>> {
    let mut plan = plan(args, tests)?;
    let own = own_corpus(args)?;
    if let Source::Folder(corpus) = &own {
        if !args.corpus_sizes.is_empty() {
            return Err(Usage::new("a folder of files is measured as it is, in one size")
                .with_hint("leave --corpus-sizes out")
                .into());
        }
        plan.sizes = vec![corpus.n_documents as u64];
    }
    let label = match &args.kept.label {
        Some(label) => label.clone(),
        None => default_label(),
    };
    // A label that cannot be kept, and a report of no kind, are told before anything is measured.
    RunResult::path(&args.kept.results.results_dir, &label).map_err(Usage::from)?;
    show::check(args.kept.reports.output.as_deref())?;
    let mut result = RunResult {
        schema: SCHEMA,
        label,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        created: jiff::Timestamp::now().to_string(),
        machine: Machine::this(),
        seed: args.kept.seed,
        corpus: format!("{}; {}", own.origin(args.kept.seed), asked(args)?),
        rows: Vec::new(),
        missing: Vec::new(),
    };
    if args.kept.dry_run {
        print_plan(&plan, session)?;
        return Ok(Some(result));
    }
    let scratch = TemporaryFolder::create()?;
    let watch = Watch::begin();
    let bar = progress::counting(&session.printer, "measurements");
    let mut gathered = Gathered::without(unavailable(&plan));
    let mut journal = journal(&result, &plan, &args.kept)?;
    if args.kept.resume && journal.is_empty() {
        session.printer.note("There is no interrupted run of this label; this one begins.");
    }
    if !journal.is_empty() {
        let n = counted(journal.len() as u64, "measurement", "measurements");
        session.printer.note(format!("Going on after {n}."));
    }
    let total = all_steps(&plan).len() as u64;
    let mut done = 0;
    for (at, documents) in plan.sizes.iter().enumerate() {
        let corpus = own.write(*documents, &plan, &scratch.path().join(at.to_string()), args)?;
        for step in plan.steps(*documents, &corpus, scratch.path()) {
            if watch.cancel().is_cancelled() {
                bar.finish_and_clear();
                session.printer.note("Interrupted; the same command with --resume goes on.");
                return Ok(None);
            }
            take(&mut gathered, &step, &mut journal, session)?;
            done += 1;
            progress::reached(&bar, done, total);
        }
    }
    bar.finish_and_clear();
    journal.end()?;
    (result.rows, result.missing) = gathered.into_rows(&plan);
    if result.rows.is_empty() {
        let why = result.missing.first().map_or("", |missing| missing.why.as_str());
        anyhow::bail!("nothing could be measured: {why}");
    }
    Ok(Some(result))
}

/// What was measured so far: of the run that was interrupted, where that is to go on.
fn journal(result: &RunResult, plan: &Plan, args: &KeptArgs) -> Result<Journal> {
    let subject = Subject {
        version: result.version.clone(),
        machine: result.machine.clone(),
        plan: plan.clone(),
        corpus: result.corpus.clone(),
    };
    let path = Journal::path(&args.results.results_dir, &result.label);
    Ok(if args.resume {
        Journal::resume(&path, &subject)?
    } else {
        Journal::begin(&path, &subject)?
    })
}

fn empty() -> Corpus {
    Corpus { folder: PathBuf::new(), n_documents: 0, questions: Vec::new(), origin: String::new() }
}

/// All steps, with a corpus that is not written.
fn all_steps(plan: &Plan) -> Vec<Step> {
    let sizes = plan.sizes.iter();
    sizes.flat_map(|documents| plan.steps(*documents, &empty(), Path::new(""))).collect()
}

fn plan(args: &MeasureArgs, tests: &[Test]) -> Result<Plan> {
    for name in &args.backends {
        if BackendKind::ALL.iter().all(|kind| kind.as_str() != name) {
            let known: Vec<&str> = BackendKind::ALL.iter().map(|kind| kind.as_str()).collect();
            return Err(Usage::new(format!("there is no backend {name:?}"))
                .with_hint(format!("there are: {}", known.join(", ")))
                .into());
        }
    }
    if args.queries.trim() == "0" {
        return Err(Usage::new("without questions there is nothing to measure")
            .with_hint("--queries 100, or a file with one a line")
            .into());
    }
    if args.corpus_sizes.contains(&0) {
        return Err(Usage::new("a corpus of 0 documents gives nothing to measure")
            .with_hint("--corpus-sizes 1000,10000")
            .into());
    }
    Ok(Plan {
        sizes: if args.corpus_sizes.is_empty() {
            vec![DOCUMENTS]
        } else {
            each_once(&args.corpus_sizes)
        },
        backends: each_once(&args.backends),
        configurations: configurations(args)?,
        tests: tests.iter().copied().collect::<BTreeSet<Test>>(),
        repeats: usize::from(args.repeats.unwrap_or(REPEATS)),
        n_questions: args.queries.parse().unwrap_or(usize::MAX),
        chroma: config::chroma_program(),
        seed: args.kept.seed,
    })
}

/// The settings as they are, or the profiles that are named.
fn configurations(args: &MeasureArgs) -> Result<Vec<String>, Usage> {
    if args.profiles.is_empty() {
        return Ok(vec![DEFAULT.to_owned()]);
    }
    for name in args.profiles.iter().filter(|name| *name != DEFAULT) {
        tune::profile(name)?;
    }
    Ok(each_once(&args.profiles))
}

/// What is asked, in words: results of other questions are not compared.
fn asked(args: &MeasureArgs) -> Result<String> {
    Ok(match questions(args)? {
        None => counted(args.queries.parse().unwrap_or_default(), "question", "questions"),
        Some(questions) => {
            let bytes: usize = questions.iter().map(String::len).sum();
            let n = counted(questions.len() as u64, "question", "questions");
            format!("{n} of {bytes} bytes from {}", args.queries)
        }
    })
}

/// Each once, in the order in which they were named.
fn each_once<T: Clone + PartialEq>(named: &[T]) -> Vec<T> {
    let mut once: Vec<T> = Vec::new();
    for one in named {
        if !once.contains(one) {
            once.push(one.clone());
        }
    }
    once
}

/// Where documents come from.
enum Source {
    Synthetic,
    Judged(Box<JudgedSet>),
    Folder(Corpus),
}

fn own_corpus(args: &MeasureArgs) -> Result<Source> {
    if args.corpus == SYNTHETIC {
        return Ok(Source::Synthetic);
    }
    let dir = Path::new(&args.corpus);
    if dir.join("corpus.jsonl").is_file() {
        return Ok(Source::Judged(Box::new(JudgedSet::read(dir)?)));
    }
    Ok(Source::Folder(corpus::of_folder(dir, questions(args)?)?))
}

/// The questions of a file, where one is named.
fn questions(args: &MeasureArgs) -> Result<Option<Vec<String>>> {
    if args.queries.parse::<usize>().is_ok() {
        return Ok(None);
    }
    let path = Path::new(&args.queries);
    let questions: Vec<String> = ragged::evaluation::read_questions(path)
        .map(|questions| questions.into_iter().map(|question| question.text).collect())?;
    if questions.is_empty() {
        anyhow::bail!("{} holds no questions", path.display());
    }
    Ok(Some(questions))
}

impl Source {
    fn origin(&self, seed: u64) -> String {
        match self {
            Self::Synthetic => format!("made-up documents, seed {seed}"),
            Self::Judged(set) => format!("a judged set of {} documents", set.n_documents()),
            Self::Folder(corpus) => corpus.origin.clone(),
        }
    }

    fn write(
        &self,
        documents: u64,
        plan: &Plan,
        folder: &Path,
        args: &MeasureArgs,
    ) -> Result<Corpus> {
        let documents = usize::try_from(documents).unwrap_or(usize::MAX);
        let mut corpus = match self {
            Self::Synthetic => corpus::write_synthetic(
                folder,
                documents,
                plan.n_questions.min(documents),
                args.kept.seed,
            )?,
            Self::Judged(set) => corpus::write_judged(set, folder, documents)?,
            Self::Folder(corpus) => return Ok(corpus.clone()),
        };
        if let Some(questions) = questions(args)? {
            corpus.questions = questions;
        }
        Ok(corpus)
    }
}

/// Cells whose backend is not here.
fn unavailable(plan: &Plan) -> Vec<Missing> {
    let chromadb = BackendKind::Chromadb.as_str();
    if plan.chroma.is_some() {
        return Vec::new();
    }
    let why =
        format!("`pip install chromadb`, or name the program `chroma` in {}", config::ENV_CHROMA);
    let cells = plan.cells().into_iter().filter(|cell| cell.backend == chromadb);
    cells.map(|cell| Missing { cell, why: why.clone() }).collect()
}

fn take(
    gathered: &mut Gathered,
    step: &Step,
    journal: &mut Journal,
    session: &Session,
) -> Result<()> {
    Ok(gathered.take(step, journal, &mut |task| {
        child::measure(&["benchmark", "task"], &[], task, session).map_err(|error| {
            match error.downcast::<Error>() {
                Ok(error) => error,
                Err(error) => Error::new(ErrorKind::Internal, format!("{error:#}")),
            }
        })
    })?)
}

/// Version, and commit where this is a working copy of one.
fn default_label() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let commit = Command::new("git")
        .args(["rev-parse", "--short=7", "HEAD"])
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|ended| ended.status.success())
        .and_then(|ended| String::from_utf8(ended.stdout).ok())
        .map(|commit| commit.trim().to_owned())
        .filter(|commit| !commit.is_empty());
    match commit {
        Some(commit) => format!("v{version}+{commit}"),
        None => format!("v{version}"),
    }
}

/// Keeps a result, and writes the reports that were asked for, with the limits it was held against.
pub(super) fn keep(
    result: &RunResult,
    held: &[Held],
    args: &KeptArgs,
    session: &Session,
) -> Result<PathBuf> {
    let path = RunResult::path(&args.results.results_dir, &result.label)?;
    let is_replaced = path.exists();
    result.write(&args.results.results_dir)?;
    if is_replaced {
        session.printer.note(format!("The result {} was replaced.", path.display()));
    }
    show::write(result, held, &args.reports).with_context(|| {
        format!("the result is kept, and `ragged benchmark show {}` reports it", result.label)
    })?;
    if let Some(written) = &args.reports.output {
        session.printer.note(format!("The report is in {}.", written.display()));
    }
    Ok(path)
}

/// Milliseconds that a document takes to be read, and a question with all that is done with it, about.
const ABOUT_MS: (f64, f64) = (2.5, 12.0);

fn print_plan(plan: &Plan, session: &Session) -> Result<()> {
    let printer = &session.printer;
    let steps = all_steps(plan);
    let n_questions = plan.n_questions.min(1000) as f64;
    let ms: f64 = steps
        .iter()
        .map(|step| match step.task.test {
            Test::Ingest | Test::Remember => 300.0 + ABOUT_MS.0 * step.task.cell.documents as f64,
            Test::Query | Test::Concurrent => 300.0 + ABOUT_MS.1 * n_questions,
            Test::Personalisation => 3000.0 + 6.0 * ABOUT_MS.1 * n_questions.min(60.0),
            Test::Profiling => 300.0 + 5.0 * ABOUT_MS.1 * n_questions,
            Test::Temporal => 1500.0 + ABOUT_MS.1 * n_questions.min(60.0),
            Test::Strategies => 2000.0 + 20.0 * ABOUT_MS.1 * n_questions.min(60.0),
        })
        .sum();
    let about = Duration::from_millis(ms as u64);
    if printer.is_json() {
        return printer.json(&serde_json::json!({
            "measurements": steps.len(),
            "repeats": plan.repeats,
            "about_seconds": about.as_secs(),
            "cells": plan.cells(),
            "missing": unavailable(plan),
        }));
    }
    for cell in plan.cells() {
        printer.line(format!(
            "{}, {}, {}",
            cell.backend,
            counted(cell.documents, "document", "documents"),
            cell.configuration
        ))?;
    }
    for missing in unavailable(plan) {
        let documents = counted(missing.cell.documents, "document", "documents");
        let Missing { cell, why } = missing;
        printer.line(format!("{}, {documents}: not available: {why}", cell.backend))?;
    }
    printer.line(format!(
        "{} in processes of their own, {} each; about {} s. Nothing was measured.",
        counted(steps.len() as u64, "measurement", "measurements"),
        counted(plan.repeats as u64, "time", "times"),
        about.as_secs().max(1)
    ))
}
