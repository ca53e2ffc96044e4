//! A Chroma server of the benchmark's own.

use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use ragged::error::{Context as _, Error, ErrorKind, Result};

use crate::process::{Memory, memory};

/// How long it may take to answer.
const START_UP: Duration = Duration::from_mins(2);

/// A running server; it ends with this.
#[derive(Debug)]
pub struct Server {
    process: Child,
    /// Where it answers.
    pub url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Server {
    /// Starts `chroma run` over a folder, on a free port of this machine.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is no such program; `Unavailable` where it does not answer in two minutes.
    pub fn start(program: &Path, dir: &Path) -> Result<Self> {
        let what = || format!("starting {}", program.display());
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .context_with(what)?
            .port();
        let process = Command::new(program)
            .args(["run", "--path"])
            .arg(dir)
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .env("ANONYMIZED_TELEMETRY", "False")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context_with(what)?;
        let mut server = Self { process, url: format!("http://127.0.0.1:{port}") };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let has_ended = server.process.try_wait().is_ok_and(|status| status.is_some());
            if has_ended || begun.elapsed() > START_UP {
                let why = if has_ended { "it ended at once" } else { "it does not answer" };
                return Err(Error::new(ErrorKind::Unavailable, why)
                    .with_hint("try `chroma run` by hand")
                    .context(what()));
            }
            sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// What it takes.
    pub fn memory(&self) -> Option<Memory> {
        memory(self.process.id())
    }
}
