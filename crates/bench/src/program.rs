//! The program under test, run as a user runs it.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// The binary `ragged` and the data folder it works in.
#[derive(Debug)]
pub(crate) struct Program {
    binary: PathBuf,
    data_dir: PathBuf,
}

impl Program {
    /// The binary at `path`, or the one built beside this program.
    pub(crate) fn new(path: Option<&Path>, data_dir: &Path) -> Result<Self> {
        let binary = if let Some(path) = path {
            path.to_path_buf()
        } else {
            let own = std::env::current_exe().context("finding this program")?;
            own.with_file_name(format!("ragged{}", std::env::consts::EXE_SUFFIX))
        };
        if !binary.is_file() {
            bail!(
                "there is no program {}; build it with `cargo build --release -p ragged-app`, or \
                 name it with --ragged",
                binary.display()
            );
        }
        Ok(Self { binary, data_dir: data_dir.to_path_buf() })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--data-dir").arg(&self.data_dir).args(args);
        command.stdin(Stdio::null());
        command
    }

    /// Starts a command without waiting for it.
    pub(crate) fn start(&self, args: &[&str]) -> Result<Child> {
        self.command(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", self.binary.display()))
    }

    /// Starts a command that is spoken to while it runs.
    pub(crate) fn start_talking(&self, args: &[&str]) -> Result<Child> {
        self.command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", self.binary.display()))
    }

    /// Runs a command to its end and gives its JSON, whatever the exit code.
    pub(crate) fn json(&self, args: &[&str]) -> Result<Value> {
        let output = self
            .command(&[args, &["--format", "json"]].concat())
            .output()
            .with_context(|| format!("starting {}", self.binary.display()))?;
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!("`ragged {}` said: {}", args.join(" "), String::from_utf8_lossy(&output.stderr))
        })
    }
}
