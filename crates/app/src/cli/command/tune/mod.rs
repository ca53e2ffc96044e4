//! `tune`: settings that fit this machine, this library and how it is used.

mod auto;
mod compare;
mod file;
mod probe;
mod trial;
mod values;
mod workload;

#[cfg(test)]
mod effects;

use anyhow::Result;
use ragged::settings::tuning::Profile;

use crate::{
    cli::{Session, args::tune::TuneCommand},
    failure::{Outcome, Usage, did_you_mean},
};

pub(crate) fn run(command: TuneCommand, session: &Session) -> Result<Outcome> {
    match command {
        TuneCommand::List => values::list(session),
        TuneCommand::Show { profile } => values::show(profile.as_deref(), session),
        TuneCommand::Apply { profile, dry_run } => values::apply(&profile, dry_run, session),
        TuneCommand::Set { key, value } => values::set(&key, &value, session),
        TuneCommand::Get { key } => values::get(&key, session),
        TuneCommand::Reset { key } => values::reset(key.as_deref(), session),
        TuneCommand::Auto(args) => auto::run(&args, session),
        TuneCommand::Undo => values::undo(session),
        TuneCommand::Probe { dry_run } => probe::run(dry_run, session),
        TuneCommand::Compare(args) => compare::run(&args, session),
        TuneCommand::Trial => trial::serve(session),
    }
}

/// The profile of a name.
pub(super) fn profile(name: &str) -> Result<Profile, Usage> {
    Profile::named(name).ok_or_else(|| {
        let names = Profile::ALL.map(Profile::as_str);
        let hint = did_you_mean(name, names.into_iter(), 0.7)
            .unwrap_or_else(|| format!("there are: {}", names.join(", ")));
        Usage::new(format!("there is no profile {name:?}")).with_hint(hint)
    })
}
