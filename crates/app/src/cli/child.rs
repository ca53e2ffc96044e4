//! Another process of this program that measures: memory and warm-up are its own.

use std::{
    env,
    ffi::OsString,
    io::{Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use serde::{Serialize, de::DeserializeOwned};

use super::Session;

/// Has a command measure in a process of its own, with the settings of this one and some others.
///
/// The task goes to its standard input, so that no question is seen among a system's processes.
pub(super) fn measure<T: Serialize, R: DeserializeOwned>(
    command: &[&str],
    options: &[(String, String)],
    task: &T,
    session: &Session,
) -> Result<R> {
    let program = env::current_exe().context("finding this program")?;
    let mut arguments: Vec<OsString> = vec!["--data-dir".into()];
    arguments.push(session.resolved.data_dir.clone().into());
    let own = super::options(env::args_os().skip(1));
    let others = options.iter().map(|(key, value)| format!("{key}={value}"));
    for option in own.into_iter().chain(others) {
        arguments.extend(["-o".into(), option.into()]);
    }
    arguments.extend(["--format", "json"].map(OsString::from));
    arguments.extend(command.iter().map(OsString::from));
    let mut command = Command::new(program);
    command.args(arguments);
    let said = output(&mut command, &serde_json::to_vec(task)?)?;
    serde_json::from_value(said).context("reading what was measured")
}

/// Has a command done with the library of another folder, and nothing of this process's settings.
pub(super) fn run(data_dir: &Path, command: &[&str]) -> Result<serde_json::Value> {
    let mut child = Command::new(env::current_exe().context("finding this program")?);
    child.arg("--data-dir").arg(data_dir).args(["--format", "json"]).args(command);
    output(&mut child, b"")
}

/// What a process prints, given its input. Where it fails, what it says on standard error.
fn output(command: &mut Command, input: &[u8]) -> Result<serde_json::Value> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting a process to measure in")?;
    if let Some(mut stdin) = child.stdin.take() {
        // A process that ended early says why on standard error.
        drop(stdin.write_all(input));
    }
    let ended = child.wait_with_output().context("waiting for a measurement")?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        let parsed: Option<serde_json::Value> = serde_json::from_str(&said).ok();
        let message = parsed.as_ref().and_then(|value| value["error"]["message"].as_str());
        anyhow::bail!("measuring failed: {}", message.unwrap_or(said.trim()));
    }
    serde_json::from_slice(&ended.stdout).context("reading what was measured")
}

/// The task that another process has for this one, which ends with that one.
pub(super) fn task<T: DeserializeOwned>() -> Result<T> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let kill = Some(rustix::process::Signal::KILL);
        // Where the system refuses, the process ends when its measurement does.
        rustix::process::set_parent_process_death_signal(kill).unwrap_or(());
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("reading what is to be measured")?;
    serde_json::from_str(&text).context("reading what is to be measured")
}
