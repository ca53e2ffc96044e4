//! The command line: from what was typed to what is printed.

pub(crate) mod args;
mod command;
mod printer;
mod progress;

use std::{
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Result;
use clap::Parser as _;
use ragged::{
    document::worker::WorkerCommand,
    library::{self, Cancel, Library},
    settings::Settings,
    temporal::Clock,
};

use self::{args::Cli, printer::Printer};
use crate::{
    config::{self, Resolved},
    failure::{Outcome, Report},
};

pub(crate) use args::OutputFormat;

/// Asked for by Ctrl-C; long commands look at it between files.
pub(crate) static CANCEL: Cancel = Cancel::new();
/// Whether Ctrl-C was pressed before; the second one ends the process at once.
static INTERRUPTED_ONCE: AtomicBool = AtomicBool::new(false);

/// The machine's own time.
#[derive(Debug)]
struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        jiff::Timestamp::now().as_millisecond()
    }
}

pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output with code 0, the rest is a usage error.
            let code = if error.use_stderr() { 2 } else { 0 };
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    if matches!(cli.command, args::Command::ParseWorker) {
        return command::parse_worker::run();
    }
    let is_json = cli.global.format == OutputFormat::Json;
    watch_for_interrupt();
    match run(cli) {
        Ok(outcome) => outcome.into(),
        Err(error) if error.downcast_ref::<printer::PipeClosed>().is_some() => ExitCode::SUCCESS,
        Err(error) => {
            let report = Report::of(&error);
            printer::print_error(&report, is_json);
            ExitCode::from(report.code)
        }
    }
}

fn run(cli: Cli) -> Result<Outcome> {
    let printer = Printer::new(&cli.global);
    let resolved = config::resolve(
        cli.global.data_dir.as_deref(),
        &cli.global.options,
        &config::environment(),
    )?;
    let session = Session { printer, resolved };
    command::run(cli.command, &session)
}

fn watch_for_interrupt() {
    let installed = ctrlc::set_handler(|| {
        CANCEL.cancel();
        if INTERRUPTED_ONCE.swap(true, Ordering::Relaxed) {
            #[expect(
                clippy::exit,
                clippy::disallowed_methods,
                reason = "the second Ctrl-C means now; what is committed is safe at any moment"
            )]
            std::process::exit(130);
        }
    });
    // Without a handler Ctrl-C ends the process at once, which is safe as well.
    drop(installed);
}

/// What a command works with.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) printer: Printer,
    pub(crate) resolved: Resolved,
}

impl Session {
    /// Opens the library that the settings name, creating it if there is none.
    pub(crate) fn library(&self) -> Result<Library> {
        self.library_with(self.resolved.settings.clone())
    }

    /// Opens the library that the settings name, which must be there already.
    pub(crate) fn existing_library(&self) -> Result<Library> {
        self.require_library()?;
        self.library()
    }

    pub(crate) fn require_library(&self) -> Result<()> {
        if !Library::exists(&self.resolved.data_dir) {
            return Err(anyhow::Error::new(crate::Hinted::new(
                format!("there is no library in {} yet", self.resolved.data_dir.display()),
                "`ragged add FOLDER` makes one".to_owned(),
            )));
        }
        Ok(())
    }

    /// The same with other settings.
    pub(crate) fn library_with(&self, settings: Settings) -> Result<Library> {
        self.library_in(&self.resolved.data_dir, settings)
    }

    /// A library in another folder.
    pub(crate) fn library_in(&self, dir: &Path, settings: Settings) -> Result<Library> {
        // Models belong to the user's data folder, wherever the library is.
        let embedder = library::model_from_settings(&self.resolved.data_dir, &settings.embedding)?;
        Ok(Library::open(dir, settings, embedder, Arc::new(SystemClock))?)
    }

    /// How parser processes are started: this program itself, with the hidden command.
    pub(crate) fn worker_command() -> Result<WorkerCommand> {
        Ok(WorkerCommand {
            program: std::env::current_exe()?,
            args: vec!["parse-worker".into()],
            env: Vec::new(),
        })
    }
}
