//! `ragged`: a private, fast memory over your own files.
//!
//! The binary: what can be typed, where settings come from, what is printed. The work is done by
//! the library crate `ragged`, which knows nothing of arguments, environment or terminals.

mod allocator;
mod cli;
mod config;
mod failure;
mod wire;

use std::process::ExitCode;

pub(crate) use failure::{Hinted, Usage};

fn main() -> ExitCode {
    allocator::give_back_what_is_large();
    cli::main()
}
