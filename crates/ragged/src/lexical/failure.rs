//! What tantivy says, in this library's words.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tantivy::TantivyError;
use tantivy::directory::error::{LockError, OpenDirectoryError, OpenReadError, OpenWriteError};

use crate::error::{Error, ErrorKind, Result};

const REBUILD: &str = "the lexical index holds nothing of its own: rebuild it from the library";

/// Runs `work` on the index in `dir`; `doing` names it for the error message.
///
/// tantivy panics on some damaged files; here that is [`ErrorKind::Corrupt`] like any other damage.
pub(super) fn guard<T>(
    dir: &Path,
    doing: &str,
    work: impl FnOnce() -> Result<T, TantivyError>,
) -> Result<T> {
    let outcome = catch_unwind(AssertUnwindSafe(work));
    let error = match outcome {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => from_tantivy(error),
        Err(panic) => Error::new(ErrorKind::Corrupt, message(panic.as_ref())).with_hint(REBUILD),
    };
    Err(error.context(format!("{doing} the lexical index {}", dir.display())))
}

/// An error of kind [`ErrorKind::Corrupt`] that says what does not fit.
pub(super) fn corrupt(dir: &Path, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Corrupt, message)
        .with_hint(REBUILD)
        .context(format!("the lexical index {} is damaged", dir.display()))
}

/// An error of kind [`ErrorKind::Incompatible`].
pub(super) fn incompatible(dir: &Path, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Incompatible, message)
        .with_hint(REBUILD)
        .context(format!("opening the lexical index {}", dir.display()))
}

fn from_tantivy(error: TantivyError) -> Error {
    let kind = match &error {
        TantivyError::LockFailure(LockError::LockBusy, _) => {
            return Error::from_source(ErrorKind::Busy, error)
                .with_hint("another process is writing; try again when it has finished");
        }
        TantivyError::LockFailure(LockError::IoError(io), _)
        | TantivyError::IoError(io)
        | TantivyError::OpenDirectoryError(OpenDirectoryError::IoError { io_error: io, .. })
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error: io, .. })
        | TantivyError::OpenReadError(OpenReadError::IoError { io_error: io, .. }) => {
            return from_io(io, error.to_string());
        }
        TantivyError::IncompatibleIndex(_)
        | TantivyError::OpenReadError(OpenReadError::IncompatibleIndex(_))
        | TantivyError::SchemaError(_) => ErrorKind::Incompatible,
        TantivyError::DataCorruption(_)
        | TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(_))
        | TantivyError::DeserializeError(_)
        | TantivyError::FieldNotFound(_) => ErrorKind::Corrupt,
        TantivyError::OpenDirectoryError(_) => ErrorKind::NotFound,
        TantivyError::InvalidArgument(_) => ErrorKind::Invalid,
        TantivyError::SystemError(_) => ErrorKind::Exhausted,
        _ => ErrorKind::Internal,
    };
    let error = Error::from_source(kind, error);
    if matches!(kind, ErrorKind::Corrupt | ErrorKind::Incompatible) {
        error.with_hint(REBUILD)
    } else {
        error
    }
}

fn from_io(io: &std::io::Error, message: String) -> Error {
    let kind = match io.kind() {
        // Contents that cannot be read are damage; tantivy reports them as errors of the system.
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => ErrorKind::Corrupt,
        std::io::ErrorKind::StorageFull
        | std::io::ErrorKind::QuotaExceeded
        | std::io::ErrorKind::OutOfMemory => ErrorKind::Exhausted,
        _ => ErrorKind::Io,
    };
    let error = Error::new(kind, message);
    if kind == ErrorKind::Corrupt { error.with_hint(REBUILD) } else { error }
}

fn message(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "the index cannot be read".to_owned()
    }
}
