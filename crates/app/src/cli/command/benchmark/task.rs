//! One task, for the process that measures: it comes on standard input, its figures go to standard
//! output.

use std::{io::Read as _, path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use ragged::{
    document::Readers,
    error::{Error, ErrorKind},
    library::Library,
    settings::Settings,
    temporal::Clock,
};
use ragged_benchmark::task::{self, Opening, Task};

use crate::{
    cli::{Session, SystemClock, command::add},
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
        let message = format!("there is no configuration {configuration:?}");
        Err(Error::new(ErrorKind::Invalid, message))
    }

    fn readers(&self, settings: &Settings) -> ragged::error::Result<Readers> {
        add::readers(&settings.ingest).map_err(|error| library_error(&error))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }
}

pub(super) fn run(session: &Session) -> Result<Outcome> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("reading the task")?;
    let task: Task = serde_json::from_str(&text).context("reading the task")?;
    let figures = task::run(&task, &AsConfigured(session))?;
    session.printer.json(&figures)?;
    Ok(Outcome::Done)
}
