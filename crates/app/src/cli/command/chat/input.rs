//! Where lines come from: a person at a terminal, or a program.

use std::{
    io::{self, BufRead as _, IsTerminal as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use rustyline::{Config, Editor, error::ReadlineError, history::FileHistory};

const PROMPT: &str = "> ";

/// Lines that are remembered.
const MAX_HISTORY_LINES: usize = 1000;

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Line(String),
    /// Ctrl-C: the line is given up.
    Cancelled,
    /// Ctrl-D, or the end of the input.
    End,
}

pub(super) enum Input {
    /// With line editing; the file keeps the history.
    Terminal(Box<Editor<(), FileHistory>>, Option<PathBuf>),
    Lines,
}

impl Input {
    /// Edits lines where a person sits on both ends, and reads them otherwise. Without `history`
    /// no line is kept.
    pub(super) fn open(is_for_person: bool, history: Option<&Path>) -> Result<Self> {
        if !is_for_person || !io::stdin().is_terminal() {
            return Ok(Self::Lines);
        }
        let config = Config::builder()
            .max_history_size(MAX_HISTORY_LINES)
            .and_then(|config| config.history_ignore_dups(true))
            .context("setting up line editing")?
            .history_ignore_space(true)
            .build();
        let mut editor = Editor::with_config(config).context("setting up line editing")?;
        if let Some(path) = history
            && path.exists()
        {
            editor
                .load_history(path)
                .with_context(|| format!("reading the history {}", path.display()))?;
        }
        Ok(Self::Terminal(Box::new(editor), history.map(Path::to_path_buf)))
    }

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(..))
    }

    pub(super) fn read(&mut self) -> Result<Typed> {
        match self {
            Self::Terminal(editor, history) => match editor.readline(PROMPT) {
                Ok(line) => {
                    editor.add_history_entry(&line).context("keeping the line")?;
                    if let Some(path) = history {
                        super::record::private_folder_of(path)?;
                        editor
                            .append_history(path)
                            .with_context(|| format!("writing the history {}", path.display()))?;
                    }
                    Ok(Typed::Line(line))
                }
                Err(ReadlineError::Interrupted) => Ok(Typed::Cancelled),
                Err(ReadlineError::Eof) => Ok(Typed::End),
                Err(error) => Err(error).context("reading a line"),
            },
            Self::Lines => {
                let mut line = Vec::new();
                let n = io::stdin()
                    .lock()
                    .read_until(b'\n', &mut line)
                    .context("reading standard input")?;
                if n == 0 {
                    return Ok(Typed::End);
                }
                while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
                    line.pop();
                }
                Ok(Typed::Line(String::from_utf8_lossy(&line).into_owned()))
            }
        }
    }
}
