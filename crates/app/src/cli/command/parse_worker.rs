//! The hidden command that reads files for another ragged process.

use std::process::ExitCode;

/// Serves requests on standard input until it ends.
pub(crate) fn run() -> ExitCode {
    match ragged::document::worker::serve(std::io::stdin(), std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
