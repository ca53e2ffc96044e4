//! Another process of this program that measures: memory and warm-up are its own.

use std::{
    env,
    ffi::OsString,
    io::{Read as _, Write as _},
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
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting a process to measure in")?;
    let text = serde_json::to_vec(task)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A process that ended early says why on standard error.
        drop(stdin.write_all(&text));
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

/// The task that another process has for this one.
pub(super) fn task<T: DeserializeOwned>() -> Result<T> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("reading what is to be measured")?;
    serde_json::from_str(&text).context("reading what is to be measured")
}
