//! From an error to what is printed and the exit code.

use std::{fmt, process::ExitCode};

use ragged::error::{Error, ErrorKind};

/// The exit code of what Ctrl-C ended.
pub(crate) const INTERRUPTED: u8 = 130;

/// How a command ended, when it did not fail outright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All was done; files skipped by rule included.
    Done,
    /// Part of it failed, and was reported.
    Partial,
    /// A gate was tripped: a stale page, a regression.
    Gate,
    /// Ctrl-C ended it early; what was done stays.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Partial => Self::from(1),
            Outcome::Gate => Self::from(3),
            Outcome::Interrupted => Self::from(INTERRUPTED),
        }
    }
}

/// The command line itself is wrong; exit code 2.
#[derive(Debug)]
pub(crate) struct Usage {
    message: String,
    hint: Option<String>,
}

impl Usage {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same with what was being read before it.
    pub(crate) fn within(self, what: &str) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<Error> for Usage {
    /// What the library refused because it was typed wrongly.
    fn from(error: Error) -> Self {
        Self { message: format!("{error:#}"), hint: error.hint().map(str::to_owned) }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Usage {}

/// A hint at the known word that is nearest to the one that was typed, where one is so like it: by
/// Jaro and Winkler, from 0 to 1.
pub(crate) fn did_you_mean<'a>(
    typed: &str,
    known: impl Iterator<Item = &'a str>,
    so_like: f64,
) -> Option<String> {
    let nearest = known
        .map(|known| (strsim::jaro_winkler(typed, known), known))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(similarity, _)| *similarity > so_like);
    nearest.map(|(_, nearest)| format!("did you mean {nearest}?"))
}

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

/// There is nothing to compare with; exit code 4, so that a first run can be told from a failed one.
#[derive(Debug)]
pub(crate) struct NoBaseline {
    message: String,
    pub(crate) hint: String,
}

impl NoBaseline {
    pub(crate) fn new(message: String, hint: String) -> Self {
        Self { message, hint }
    }
}

impl fmt::Display for NoBaseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for NoBaseline {}

/// What is printed of an error: the chain on one line, the hint, a stable kind, the exit code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) kind: &'static str,
    pub(crate) code: u8,
}

impl Report {
    /// What the command line parser refused: its first line, and its tip if it has one.
    pub(crate) fn of_arguments(error: &clap::Error) -> Self {
        use clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
        let text = error.to_string();
        let mut message: Vec<&str> = Vec::new();
        let mut hint = Some("`ragged --help` shows what can be typed".to_owned());
        if error.kind() == DisplayHelpOnMissingArgumentOrSubcommand {
            message.push("a command is missing");
        } else {
            message.extend(text.lines().map(str::trim).take_while(|line| !line.is_empty()));
            let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
            hint = tip.map(str::to_owned).or(hint);
        }
        let message = message.join(" ");
        let message = message.strip_prefix("error: ").unwrap_or(&message).to_owned();
        Self { message, hint, kind: "usage", code: 2 }
    }

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
                    code = INTERRUPTED;
                }
            } else {
                parts.push(cause.to_string());
                if let Some(hinted) = cause.downcast_ref::<Hinted>() {
                    hint = hint.or(Some(hinted.hint.clone()));
                }
                if let Some(missing) = cause.downcast_ref::<NoBaseline>() {
                    hint = hint.or(Some(missing.hint.clone()));
                    kind = "no-baseline";
                    code = 4;
                }
                if let Some(usage) = cause.downcast_ref::<Usage>() {
                    hint = hint.or(usage.hint.clone());
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
        let usage = Usage::new("no").with_hint("yes").within("asking");
        let report = Report::of(&anyhow::Error::new(usage));
        assert_eq!((report.kind, report.code), ("usage", 2));
        assert_eq!((report.message.as_str(), report.hint.as_deref()), ("asking: no", Some("yes")));
    }
}
