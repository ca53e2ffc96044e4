//! `memory`: what is remembered, and who may say so.

mod bar;
pub(crate) mod fact;
mod graph;
mod interest;
mod privacy;
mod record;
mod setting;
mod timeline;
mod transfer;

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
        MemoryCommand::Fact(command) => fact::run(&command, &of, session),
        MemoryCommand::Interest(command) => interest::run(&command, &of, session),
        MemoryCommand::Time(command) => timeline::run(&command, &of, session),
        MemoryCommand::Transfer(command) => transfer::run(&command, &of, session),
        MemoryCommand::Privacy(command) => privacy::run(command, &of, session),
        MemoryCommand::Graph(command) => graph::run(command, &of, session),
        MemoryCommand::Setting(command) => setting::run(&command, &of, session),
    }
}
