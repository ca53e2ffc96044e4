//! One task, for the process that measures: it comes on standard input, its figures go to standard
//! output.

use std::{path::Path, sync::Arc};

use anyhow::Result;
use ragged::{
    document::Readers,
    error::{Error, ErrorKind},
    library::Library,
    settings::{Settings, tuning::Profile},
    temporal::Clock,
};
use ragged_benchmark::task::{self, Opening, Task};

use crate::{
    cli::{Session, SystemClock, child, command::add},
    failure::Outcome,
};

/// Libraries as the settings of this process have them.
pub(super) struct AsConfigured<'a>(pub(super) &'a Session);

fn library_error(error: &anyhow::Error) -> Error {
    // What the library failed with keeps its kind.
    let kind = error.downcast_ref::<Error>().map_or(ErrorKind::Internal, Error::kind);
    Error::new(kind, format!("{error:#}"))
}

impl Opening for AsConfigured<'_> {
    fn open(
        &self,
        dir: &Path,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> ragged::error::Result<Library> {
        self.0.library_at(dir, settings, clock).map_err(|error| library_error(&error))
    }

    fn settings(&self, configuration: &str) -> ragged::error::Result<Settings> {
        if configuration == super::measure::DEFAULT {
            return Ok(self.0.resolved.settings.clone());
        }
        let profile = Profile::named(configuration).ok_or_else(|| {
            let message = format!("there is no configuration {configuration:?}");
            Error::new(ErrorKind::Invalid, message)
        })?;
        Ok(profile.apply(&self.0.resolved.settings))
    }

    fn readers(&self, settings: &Settings) -> ragged::error::Result<Readers> {
        add::readers(&settings.ingest).map_err(|error| library_error(&error))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }
}

pub(super) fn run(session: &Session) -> Result<Outcome> {
    let task: Task = child::task()?;
    let figures = task::run(&task, &AsConfigured(session))?;
    session.printer.json(&figures)?;
    Ok(Outcome::Done)
}
