//! From an error to what is printed and the exit code.

use std::{fmt, process::ExitCode};

use ragged::error::{Error, ErrorKind};

/// How a command ended, when it did not fail outright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All was done; files skipped by rule included.
    Done,
    /// Part of it failed, and was reported.
    Partial,
    /// A gate was tripped: a stale page, a regression.
    Gate,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Partial => Self::from(1),
            Outcome::Gate => Self::from(3),
        }
    }
}

/// The command line itself is wrong; exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// An error of the binary that knows what to do next.
#[derive(Debug)]
pub(crate) struct Hinted {
    message: String,
    pub(crate) hint: String,
}

impl Hinted {
    pub(crate) fn new(message: String, hint: String) -> Self {
        Self { message, hint }
    }
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Hinted {}

/// What is printed of an error: the chain on one line, the hint, a stable kind, the exit code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) kind: &'static str,
    pub(crate) code: u8,
}

impl Report {
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let mut parts: Vec<String> = Vec::new();
        let mut hint = None;
        let mut kind = "failed";
        let mut code = 1;
        for cause in error.chain() {
            if let Some(ours) = cause.downcast_ref::<Error>() {
                parts.push(format!("{ours:#}"));
                hint = hint.or(ours.hint().map(str::to_owned));
                kind = ours.kind().as_str();
                if ours.kind() == ErrorKind::Interrupted {
                    code = 130;
                }
            } else {
                parts.push(cause.to_string());
                if let Some(hinted) = cause.downcast_ref::<Hinted>() {
                    hint = hint.or(Some(hinted.hint.clone()));
                }
                if cause.downcast_ref::<Usage>().is_some() {
                    kind = "usage";
                    code = 2;
                }
            }
        }
        // A context often ends in the text of its own cause.
        parts.dedup();
        Self { message: parts.join(": "), hint, kind, code }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn the_chain_is_printed_once_with_its_hint() {
        let error = Error::new(ErrorKind::Busy, "the library is locked")
            .context("adding notes")
            .with_hint("wait");
        let error = Err::<(), _>(anyhow::Error::new(error)).context("running").unwrap_err();
        let report = Report::of(&error);
        assert_eq!(report.message, "running: adding notes: the library is locked");
        assert_eq!(report.hint.as_deref(), Some("wait"));
        assert_eq!((report.kind, report.code), ("busy", 1));
    }

    #[test]
    fn usage_errors_exit_with_2() {
        let report = Report::of(&anyhow::Error::new(Usage("no".to_owned())));
        assert_eq!((report.kind, report.code), ("usage", 2));
    }
}
