//! The command line: from what was typed to what is printed.

pub(crate) mod args;
mod asking;
mod child;
mod command;
mod interrupt;
mod printer;
mod profiling;
mod progress;

use std::{
    path::Path,
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use anyhow::{Context as _, Result};
use clap::Parser as _;
use ragged::{
    document::worker::WorkerCommand,
    library::{self, Knowledge, Library},
    memory::{Memory, MemoryConfig, Persona, PersonaMemory, PersonaName},
    settings::{MemorySettings, Settings},
    temporal::Clock,
    vault::{DatabaseConfig, Passphrase, Protection},
};

use self::{args::Cli, printer::Printer};
use crate::{
    config::{self, Problem, Resolved},
    failure::{Outcome, Report},
};

pub(crate) use args::OutputFormat;
pub(crate) use printer::word;

/// The machine's own time.
#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        jiff::Timestamp::now().as_millisecond()
    }
}

pub(crate) fn main() -> ExitCode {
    let mut cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version go to standard output with code 0, the rest is a usage error.
        Err(error) if !error.use_stderr() => {
            drop(error.print());
            return ExitCode::SUCCESS;
        }
        Err(error) if asks_for_json(std::env::args_os()) => {
            let report = Report::of_arguments(&error);
            printer::print_error(&report, true);
            return ExitCode::from(report.code);
        }
        Err(error) => {
            drop(error.print());
            return ExitCode::from(2);
        }
    };
    if matches!(cli.command, args::Command::ParseWorker) {
        return command::parse_worker::run();
    }
    // Of an option that stands before a command and after it, the parser keeps the latter alone.
    let options = options(std::env::args_os().skip(1));
    if options.len() > cli.global.options.len() {
        cli.global.options = options;
    }
    let is_json = cli.global.format == OutputFormat::Json;
    interrupt::install();
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

/// Whether arguments that could not be understood ask for JSON nevertheless.
fn asks_for_json(args: impl Iterator<Item = std::ffi::OsString>) -> bool {
    let args: Vec<_> = args.take_while(|arg| arg != "--").collect();
    args.iter().any(|arg| arg == "--format=json")
        || args.windows(2).any(|pair| pair[0] == "--format" && pair[1] == "json")
}

/// The values of `-o` in the order in which they were given.
fn options(args: impl Iterator<Item = std::ffi::OsString>) -> Vec<String> {
    let mut args = args.take_while(|arg| arg != "--").map(|arg| arg.to_string_lossy().into_owned());
    let mut values = Vec::new();
    while let Some(arg) = args.next() {
        if arg == "-o" || arg == "--option" {
            values.extend(args.next());
        } else if let Some(value) = arg.strip_prefix("--option=") {
            values.push(value.to_owned());
        } else if let Some(value) = arg.strip_prefix("-o") {
            values.push(value.strip_prefix('=').unwrap_or(value).to_owned());
        }
    }
    values
}

fn run(cli: Cli) -> Result<Outcome> {
    let printer = Printer::new(&cli.global);
    let resolved = config::resolve(
        cli.global.data_dir.as_deref(),
        &cli.global.options,
        &config::environment(),
    )?;
    // What mends the configuration must work where it is broken; `doctor` reports it itself.
    match &cli.command {
        args::Command::Doctor => {}
        args::Command::Config { command } => {
            // What is being mended is known to be broken.
            let mended = command.changed_key();
            for problem in resolved.problems.iter().filter(|p| Some(p.key.as_str()) != mended) {
                printer.warning(problem.to_string());
            }
        }
        _ => {
            if let Some(problem) = resolved.problems.iter().find(|p| !p.is_of_tuning) {
                return Err(anyhow::Error::new(Problem::to_error(problem)));
            }
            for problem in &resolved.problems {
                printer.warning(format!("{problem}; {}", problem.hint));
            }
        }
    }
    let session = Session { printer, resolved, empty: OnceLock::new() };
    command::run(cli.command, &session)
}

/// What a command works with.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) printer: Printer,
    pub(crate) resolved: Resolved,
    /// The folder of a memory that holds nothing, where one had to be read and there is none.
    empty: OnceLock<tempfile::TempDir>,
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
        self.library_at(dir, settings, Arc::new(SystemClock))
    }

    /// The same by another clock.
    pub(crate) fn library_at(
        &self,
        dir: &Path,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Library> {
        self.open_library(dir, settings, Knowledge::Recorded, clock)
    }

    /// The library that the settings name, with the model as its server has it now: for making
    /// the vectors anew.
    pub(crate) fn library_to_reindex(&self, settings: Settings) -> Result<Library> {
        self.require_library()?;
        let clock = Arc::new(SystemClock);
        self.open_library(&self.resolved.data_dir, settings, Knowledge::Asked, clock)
    }

    fn open_library(
        &self,
        dir: &Path,
        settings: Settings,
        knowledge: Knowledge,
        clock: Arc<dyn Clock>,
    ) -> Result<Library> {
        keep_new_files_private();
        // Models belong to the user's data folder, wherever the library is.
        let models = &self.resolved.data_dir;
        let embedder = library::model_from_settings(models, &settings.embedding, knowledge)?;
        Ok(Library::open(dir, settings, embedder, clock)?)
    }

    /// Opens the memory, making it if there is none.
    ///
    /// A passphrase comes from a file, from the environment, or is asked for on the terminal.
    pub(crate) fn memory(&self, passphrase_file: Option<&Path>) -> Result<Memory> {
        self.memory_in(&self.resolved.data_dir, passphrase_file)
    }

    /// Opens the memory for a command that changes nothing, or only what is there already: where
    /// there is no memory, one that holds nothing and is gone when this program ends, so that
    /// looking leaves neither a key nor a folder behind.
    pub(crate) fn memory_to_read(&self, passphrase_file: Option<&Path>) -> Result<Memory> {
        if Memory::exists(&self.resolved.data_dir) {
            return self.memory(passphrase_file);
        }
        let dir = if let Some(dir) = self.empty.get() {
            dir
        } else {
            let made = tempfile::tempdir().context("making a folder for an empty memory")?;
            self.empty.get_or_init(|| made)
        };
        self.memory_in(dir.path(), None)
    }

    fn memory_in(&self, data_dir: &Path, passphrase_file: Option<&Path>) -> Result<Memory> {
        keep_new_files_private();
        let passphrase = match Memory::protection(data_dir)? {
            Some(Protection::Passphrase) => Some(Self::passphrase(passphrase_file)?),
            _ => None,
        };
        let settings = &self.resolved.settings;
        let general = self.resolved.clone();
        let of_persona = move |config: &MemoryConfig, own: &[(String, String)]| {
            let settings = config::of_persona(&general, "", own).settings;
            MemoryConfig {
                zone: zone_of(&settings.memory).unwrap_or_else(|_| config.zone.clone()),
                ..memory_config(&settings, config.clone())
            }
        };
        let config = MemoryConfig {
            zone: self.zone()?,
            of_persona: Some(Arc::new(of_persona)),
            ..memory_config(settings, MemoryConfig::default())
        };
        let memory = Memory::open(data_dir, passphrase.as_ref(), config, Arc::new(SystemClock))?;
        if memory.n_expired() > 0 {
            self.printer.note(format!(
                "{} past memory.retention_days deleted",
                printer::counted(memory.n_expired(), "interaction", "interactions"),
            ));
        }
        Ok(memory)
    }

    /// Opens the memory if there is one.
    pub(crate) fn memory_if_any(&self, passphrase_file: Option<&Path>) -> Result<Option<Memory>> {
        if !Memory::exists(&self.resolved.data_dir) {
            return Ok(None);
        }
        self.memory(passphrase_file).map(Some)
    }

    /// The passphrase of the memory's key.
    pub(crate) fn passphrase(file: Option<&Path>) -> Result<Passphrase> {
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("reading the passphrase from {}", path.display()))?;
            return Ok(Passphrase::new(text.lines().next().unwrap_or_default())?);
        }
        if let Some(text) = config::memory_passphrase() {
            return Ok(Passphrase::new(text)?);
        }
        let terminal = console::Term::stderr();
        if !terminal.is_term() {
            return Err(anyhow::Error::new(crate::Hinted::new(
                "the memory's key is protected by a passphrase, and none was given".to_owned(),
                format!("set {} or use --passphrase-file", config::ENV_PASSPHRASE),
            )));
        }
        terminal.write_str("Passphrase of the memory: ")?;
        Ok(Passphrase::new(terminal.read_secure_line()?)?)
    }

    /// Asks a question on the terminal; no where there is none, or nothing is answered.
    pub(crate) fn agrees(&self, question: &str) -> Result<bool> {
        let terminal = console::Term::stderr();
        if self.printer.is_json() || !terminal.is_term() || !console::user_attended() {
            return Ok(false);
        }
        terminal.write_str(question)?;
        let answer = terminal.read_line()?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// The zone in which the user's days begin.
    pub(crate) fn zone(&self) -> Result<jiff::tz::TimeZone> {
        zone_of(&self.resolved.settings.memory)
    }

    /// The persona that a command is about, and what it remembers.
    pub(crate) fn remembered(
        memory: &Memory,
        name: Option<&str>,
    ) -> Result<(Persona, Arc<PersonaMemory>)> {
        let persona = Self::persona(memory, name)?;
        let remembered = memory.of(&persona.name)?;
        Ok((persona, remembered))
    }

    /// The persona of that name, or the active one.
    pub(crate) fn persona(memory: &Memory, name: Option<&str>) -> Result<Persona> {
        Ok(match name {
            Some(name) => {
                memory.persona(&name.parse::<PersonaName>().map_err(crate::Usage::from)?)?
            }
            None => memory.active()?,
        })
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

/// The zone that settings name.
fn zone_of(settings: &MemorySettings) -> Result<jiff::tz::TimeZone> {
    let name = &settings.timezone;
    if name == "auto" {
        return Ok(jiff::tz::TimeZone::system());
    }
    jiff::tz::TimeZone::get(name).map_err(|error| {
        crate::Usage::new(format!("the time zone {name:?}: {error}"))
            .with_hint("a name such as Europe/Berlin, UTC, or auto")
            .into()
    })
}

/// How memory works by these settings, but for its zone.
fn memory_config(settings: &Settings, config: MemoryConfig) -> MemoryConfig {
    let memory = &settings.memory;
    MemoryConfig {
        session_gap_minutes: memory.session_gap_minutes,
        is_redacting: memory.pii_redaction,
        retention_days: (memory.retention_days > 0).then_some(memory.retention_days),
        database: DatabaseConfig {
            page_cache_bytes: settings.database.page_cache_bytes,
            ..config.database
        },
        topics: (&settings.learning).into(),
        interest: (&settings.learning).into(),
        ..config
    }
}

/// From here on, what this process creates can be read by its owner alone: some of the files of
/// an index are made by code that asks for no mode of its own.
pub(crate) fn keep_new_files_private() {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_recognised_in_arguments_that_are_wrong() {
        let asks = |line: &str| asks_for_json(line.split(' ').map(Into::into));
        assert!(asks("ragged serch x --format json"));
        assert!(asks("ragged --format=json serch"));
        assert!(!asks("ragged serch --format table"));
        assert!(!asks("ragged serch -- --format json"));
        assert!(!asks("ragged json --format"));
    }
}
