//! `memory`: what is remembered, and who may say so.

mod bar;
mod export;
pub(crate) mod fact;
mod graph;
mod interest;
mod privacy;
mod ranking;
mod record;
mod setting;
mod timeline;

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
        MemoryCommand::Export(command) => export::run(&command, &of, session),
        MemoryCommand::Privacy(command) => privacy::run(command, &of, session),
        MemoryCommand::Graph(command) => graph::run(command, &of, session),
        MemoryCommand::Ranking(command) => ranking::run(command, &of, session),
        MemoryCommand::Setting(command) => setting::run(&command, &of, session),
    }
}
