//! A fresh folder for files, a fresh data folder, and the binary.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// A variable of the environment that tests run in.
pub(crate) fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::vars_os().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// Says that a test does nothing here, and why.
#[expect(clippy::print_stderr, reason = "who runs the tests should see what was not tested")]
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

pub(crate) struct Scene {
    root: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let scene = Self { root: tempfile::tempdir().unwrap() };
        std::fs::create_dir(scene.root.path().join("files")).unwrap();
        scene
    }

    /// With a few notes in it, added.
    pub(crate) fn with_notes() -> Self {
        let scene = Self::new();
        scene.write(
            "lease.md",
            "# Flat\n\n## Lease\n\nThe lease of the flat ends on 31 March 2027. The deposit is \
             two months' rent.\n\n## Keys\n\nThere are three keys; one is with Ada.\n",
        );
        scene.write(
            "bread.txt",
            "Bake the loaf for forty minutes until the crust is brown.\n\nSourdough needs a \
             starter that was fed the evening before.\n",
        );
        scene.write(
            "greet.py",
            "def greet(name):\n    \"\"\"Say hello to somebody.\"\"\"\n    return f\"hello {name}\"\n",
        );
        let added = scene.run(&["add", "files"]);
        assert_eq!(added.code, 0, "{}", added.stderr);
        scene
    }

    /// The same, with the memory of the persona `default` turned on.
    pub(crate) fn remembering() -> Self {
        let scene = Self::with_notes();
        scene.run(&["memory", "enable"]).ok();
        scene
    }

    /// Copies what a persona remembers to another, as if all of it had happened long ago.
    pub(crate) fn remember_of_long_ago(&self, from: &str, to: &str) {
        let export = self.run(&["memory", "export", "-", "--persona", from]).stdout;
        let mut pieces = export.split("\"timestamp\":\"");
        let mut dated = pieces.next().unwrap().to_owned();
        for piece in pieces {
            let (_, rest) = piece.split_once('"').unwrap();
            dated.push_str(&format!("\"timestamp\":\"2026-01-01T10:00:00Z\"{rest}"));
        }
        self.write("old.json", dated);
        self.run(&["persona", "create", to, "--yes"]).ok();
        let file = self.path("old.json");
        self.run(&["memory", "import", file.to_str().unwrap(), "--persona", to]).ok();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        std::fs::canonicalize(self.root.path()).unwrap().join("files").join(name)
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.root.path().join("files").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ragged"));
        command
            .current_dir(self.root.path())
            .env_clear()
            .env("RAGGED_DATA_DIR", self.data_dir())
            .env("TZ", "UTC")
            .args(args)
            .stdin(Stdio::null());
        for name in ["PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::vars_os().find(|(known, _)| known == name) {
                command.env(name, value.1);
            }
        }
        command
    }

    /// Runs a command that reads standard input to its end.
    pub(crate) fn run_reading(&self, args: &[&str], input: &str) -> Ran {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        let writer = std::thread::spawn(move || {
            // It may end before it has read everything.
            drop(std::io::Write::write_all(&mut stdin, input.as_bytes()));
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ran::new(&output, self.root.path())
    }

    /// Starts a command that is told what to do while it runs.
    pub(crate) fn start_reading(&self, args: &[&str]) -> std::process::Child {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Starts a command on a terminal.
    #[cfg(target_os = "linux")]
    pub(crate) fn start_in_terminal(
        &self,
        args: &[&str],
        terminal: &std::os::fd::OwnedFd,
    ) -> std::process::Child {
        let mut command = self.command(args);
        command.env("TERM", "xterm");
        command.stdin(terminal.try_clone().unwrap());
        command.stdout(terminal.try_clone().unwrap());
        command.stderr(terminal.try_clone().unwrap());
        command.spawn().unwrap()
    }

    /// Starts a command whose streams are read while it runs.
    #[cfg(unix)]
    pub(crate) fn start(&self, args: &[&str]) -> std::process::Child {
        self.start_with(args, &[])
    }

    #[cfg(unix)]
    pub(crate) fn start_with(
        &self,
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> std::process::Child {
        let mut command = self.command(args);
        command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::new(&self.command(args).output().unwrap(), self.root.path())
    }

    pub(crate) fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Ran {
        let output = self.command(args).envs(variables.iter().copied()).output().unwrap();
        Ran::new(&output, self.root.path())
    }

    /// Runs a command under another program, such as one that watches it.
    #[cfg(unix)]
    pub(crate) fn run_under(&self, watcher: &[&str], args: &[&str]) -> Ran {
        let ragged = self.command(args);
        let mut command = Command::new(watcher[0]);
        command
            .args(&watcher[1..])
            .arg(ragged.get_program())
            .args(ragged.get_args())
            .current_dir(self.root.path())
            .env_clear()
            .stdin(Stdio::null());
        for (name, value) in ragged.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        Ran::new(&command.output().unwrap(), self.root.path())
    }

    /// Runs with `--format json` and reads standard output.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--format", "json"]].concat());
        serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("{error}\n{}\n{}", ran.stdout, ran.stderr))
    }
}

/// What a command did, with folders and times replaced.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    fn new(output: &Output, root: &Path) -> Self {
        let clean = |bytes: &[u8]| {
            let canonical = std::fs::canonicalize(root).unwrap();
            String::from_utf8(bytes.to_vec())
                .unwrap()
                .replace(&canonical.display().to_string(), "[ROOT]")
                .replace(&root.display().to_string(), "[ROOT]")
        };
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: clean(&output.stdout),
            stderr: clean(&output.stderr),
        }
    }

    /// The same, if it did all that it was told to.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// Exit code and both streams, times and sizes replaced, for a snapshot.
    pub(crate) fn shown(&self) -> String {
        format!(
            "exit {}\n--- stdout\n{}--- stderr\n{}",
            self.code,
            without_measures(&self.stdout),
            without_measures(&self.stderr)
        )
    }
}

/// Replaces what differs from run to run: `1.2 ms`, `3.4 s`, `5.6 KiB`.
fn without_measures(text: &str) -> String {
    let mut shown = String::new();
    for line in text.split_inclusive('\n') {
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        for at in 1..words.len() {
            let unit = words[at].trim_end_matches(['\n', '.', ',', ')', ';']);
            let number = words[at - 1].trim_start_matches('(');
            let is_number =
                !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
            if is_number && matches!(unit, "ms" | "s" | "B" | "KiB" | "MiB") {
                let prefix = if words[at - 1].starts_with('(') { "(" } else { "" };
                words[at] = words[at].replacen(
                    unit,
                    if unit.len() > 2 || unit == "B" { "[SIZE]" } else { "[TIME]" },
                    1,
                );
                words[at - 1] = format!("{prefix}#");
            }
        }
        shown.push_str(&words.join(" "));
    }
    shown
}
