//! Killing the program at random moments.
//!
//! One library lives through all rounds, so that damage done by one kill can show in a later one.
//! After each kill the library must open, pass `ragged check`, and still hold every file that the
//! killed command had no business to touch.

mod memory;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use fastrand::Rng;

use crate::program::Program;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many kills
    #[arg(long, default_value_t = 20)]
    rounds: u32,
    /// Only this operation
    #[arg(long, value_enum)]
    only: Option<Operation>,
    /// Seed of the files, the commands and the moments
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The program [default: the one built beside this one]
    #[arg(long)]
    ragged: Option<PathBuf>,
    /// Files in the folder
    #[arg(long, default_value_t = 2500)]
    files: usize,
    /// Kill a process that records, judges, deletes and forgets instead
    #[arg(long, conflicts_with = "only")]
    memory: bool,
    /// Be the process that is killed, in this library
    #[arg(long, hide = true, requires = "memory")]
    victim: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Operation {
    Add,
    Remove,
    Reindex,
    Compact,
    Migrate,
}

impl Operation {
    const ALL: [Self; 5] = [Self::Add, Self::Remove, Self::Reindex, Self::Compact, Self::Migrate];
}

/// From the engine that keeps nothing to the one that is in use by default.
const MIGRATE: [&str; 4] = ["backend", "migrate", "exact", "leann"];

struct Trial {
    program: Program,
    folder: PathBuf,
    rng: Rng,
    n_files: usize,
    /// How long each operation takes when it is left alone.
    durations: [Duration; 5],
    /// The killed rounds, by whether the process was still running.
    n_killed: u32,
    n_too_late: u32,
}

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    if let Some(dir) = &args.victim {
        return memory::be_killed(dir, args.seed);
    }
    if args.memory {
        return memory::run(args);
    }
    let scratch = tempfile::tempdir().context("making a folder for the trial")?;
    let folder = scratch.path().join("files");
    std::fs::create_dir_all(&folder)?;
    // The program knows files by their paths without links.
    let folder = std::fs::canonicalize(folder)?;
    let mut trial = Trial {
        program: Program::new(args.ragged.as_deref(), &scratch.path().join("library"))?,
        folder,
        rng: Rng::with_seed(args.seed),
        n_files: args.files,
        durations: [Duration::ZERO; 5],
        n_killed: 0,
        n_too_late: 0,
    };
    for number in 0..trial.n_files {
        trial.write_file(number)?;
    }
    trial.measure()?;
    for round in 1..=args.rounds {
        trial.round(args.only).with_context(|| format!("round {round} with seed {}", args.seed))?;
    }
    println!(
        "{} rounds, seed {}: {} killed while running, {} ended before the kill; every reopen \
         passed the check, no committed file was lost",
        args.rounds, args.seed, trial.n_killed, trial.n_too_late
    );
    Ok(())
}

impl Trial {
    fn path(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{number:05}.txt"))
    }

    /// A file of a few kilobytes of made-up words, new each time it is written.
    fn write_file(&mut self, number: usize) -> Result<()> {
        let n_words = self.rng.usize(100..700);
        let mut text = format!("file {number} version {}\n\n", self.rng.u32(..));
        for position in 0..n_words {
            let length = self.rng.usize(2..9);
            text.extend((0..length).map(|_| self.rng.lowercase()));
            text.push_str(if position % 60 == 59 { ".\n\n" } else { " " });
        }
        std::fs::write(self.path(number), text)?;
        Ok(())
    }

    /// Runs each operation once, undisturbed.
    fn measure(&mut self) -> Result<()> {
        for (at, operation) in Operation::ALL.into_iter().enumerate() {
            self.prepare(operation)?;
            let (args, _) = self.arguments(operation);
            let begun = Instant::now();
            self.start(&args)?.wait()?;
            self.durations[at] = begun.elapsed();
        }
        self.verify(&BTreeSet::new())
    }

    /// The command line of an operation, and the files that it may take away.
    fn arguments(&mut self, operation: Operation) -> (Vec<String>, BTreeSet<String>) {
        let folder = self.folder.display().to_string();
        match operation {
            Operation::Add => (vec!["add".to_owned(), folder], BTreeSet::new()),
            Operation::Remove => {
                let mut targets = BTreeSet::new();
                for _ in 0..self.n_files / 10 {
                    let number = self.rng.usize(..self.n_files);
                    targets.insert(self.path(number).display().to_string());
                }
                let present = self.present().unwrap_or_default();
                targets.retain(|target| present.contains(target));
                let mut args = vec!["remove".to_owned()];
                args.extend(targets.iter().cloned());
                (args, targets)
            }
            Operation::Reindex => (vec!["reindex".to_owned()], BTreeSet::new()),
            Operation::Compact => (vec!["compact".to_owned()], BTreeSet::new()),
            Operation::Migrate => (MIGRATE.map(str::to_owned).to_vec(), BTreeSet::new()),
        }
    }

    /// Something to do for an operation.
    fn prepare(&mut self, operation: Operation) -> Result<()> {
        match operation {
            Operation::Add => {
                // New versions of some files.
                for _ in 0..self.n_files / 2 {
                    let number = self.rng.usize(..self.n_files);
                    self.write_file(number)?;
                }
            }
            Operation::Migrate => {
                // From what keeps nothing to an empty index, so that all of it is filled.
                self.program.json(&["backend", "migrate", "leann", "exact"])?;
                self.program.json(&["backend", "cleanup", "leann", "--confirm"])?;
            }
            Operation::Remove | Operation::Reindex | Operation::Compact => {}
        }
        Ok(())
    }

    /// Ends a migration that was killed: whichever backend is in use is whole, and the other one
    /// is brought to be.
    fn complete_migration(&mut self) -> Result<()> {
        let status = self.program.json(&["backend", "status"])?;
        if status["healthy"] != true {
            bail!("the backend in use is not sound: {status}");
        }
        let mut args = MIGRATE.to_vec();
        if !status["unfinished_migration"].is_null() {
            args.push("--resume");
        }
        self.program.json(&args).context("completing the migration")?;
        let status = self.program.json(&["backend", "status"])?;
        if status["name"] != "leann" || !status["unfinished_migration"].is_null() {
            bail!("the migration was not completed: {status}");
        }
        self.verify(&BTreeSet::new())
    }

    fn start(&self, args: &[String]) -> Result<std::process::Child> {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.program.start(&args)
    }

    fn round(&mut self, only: Option<Operation>) -> Result<()> {
        let at = match only {
            Some(only) => Operation::ALL.iter().position(|it| *it == only).unwrap_or(0),
            None => self.rng.usize(..Operation::ALL.len()),
        };
        let operation = Operation::ALL[at];
        self.prepare(operation)?;
        let before = self.present()?;
        let (args, may_go) = self.arguments(operation);
        let moment = self.durations[at].mul_f64(self.rng.f64() * 1.05);
        let mut child = self.start(&args)?;
        std::thread::sleep(moment);
        if child.try_wait()?.is_some() {
            self.n_too_late += 1;
        } else {
            child.kill().context("killing the program")?;
            self.n_killed += 1;
        }
        child.wait()?;
        let must_stay: BTreeSet<String> = before.difference(&may_go).cloned().collect();
        let what = || format!("after {operation:?} was killed at {:.3} s", moment.as_secs_f64());
        self.verify(&must_stay).with_context(what)?;
        if operation == Operation::Migrate {
            self.complete_migration().with_context(what)?;
        }
        Ok(())
    }

    /// The library opens, is sound, holds the files it must, and finds one of them.
    fn verify(&mut self, must_stay: &BTreeSet<String>) -> Result<()> {
        let check = self.program.json(&["check"])?;
        if check["sound"] != true {
            bail!("the check found: {check}");
        }
        let present = self.present()?;
        if let Some(lost) = must_stay.difference(&present).next() {
            bail!("{lost} is gone, and {} more", must_stay.difference(&present).count() - 1);
        }
        let status = self.program.json(&["status"])?;
        if status["indexes_current"] != true {
            bail!("the indexes were not completed: {status}");
        }
        let Some(path) = self.rng.choice(present.iter().collect::<Vec<_>>()) else { return Ok(()) };
        let shown = self.program.json(&["show", path, "--text"])?;
        let text = shown["text"].as_str().context("no text is shown")?;
        let words: Vec<&str> = text.split_whitespace().skip(6).take(8).collect();
        let found = self.program.json(&["search", &words.join(" "), "-k", "3"])?;
        let is_found = found["hits"]
            .as_array()
            .is_some_and(|hits| hits.iter().any(|hit| hit["document"]["path"] == path.as_str()));
        if !is_found {
            bail!("a search for words of {path} does not find it: {found}");
        }
        Ok(())
    }

    /// The paths in the library.
    fn present(&self) -> Result<BTreeSet<String>> {
        let listed = self.program.json(&["list"])?;
        let files = listed.as_array().context("no list of files")?;
        Ok(files
            .iter()
            .filter_map(|file| file["path"].as_str())
            .filter(|path| Path::new(path).starts_with(&self.folder))
            .map(str::to_owned)
            .collect())
    }
}
