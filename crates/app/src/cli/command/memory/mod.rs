//! `memory`: what is remembered, and who may say so.

mod export;
mod record;

use anyhow::Result;

use crate::{
    cli::{
        Session,
        args::memory::{MemoryArgs, MemoryCommand},
    },
    failure::Outcome,
};

pub(crate) fn run(args: MemoryArgs, session: &Session) -> Result<Outcome> {
    let MemoryArgs { of, command } = args;
    match command {
        MemoryCommand::Record(command) => record::run(&command, &of, session),
        MemoryCommand::Export(command) => export::run(&command, &of, session),
    }
}
