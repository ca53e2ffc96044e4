//! What every SQLite file of this crate needs: its errors, turned into ours.

use rusqlite::{Connection, ErrorCode};

use crate::error::{Error, ErrorKind, Result};

/// Turns SQLite's error into ours; the caller adds what was being done, and what to do about a
/// damaged file.
pub(crate) fn sql<T>(result: rusqlite::Result<T>) -> Result<T> {
    result.map_err(sql_error)
}

#[cold]
pub(crate) fn sql_error(error: rusqlite::Error) -> Error {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::Busy,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ErrorKind::Corrupt,
        Some(ErrorCode::DiskFull | ErrorCode::OutOfMemory) => ErrorKind::Exhausted,
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure,
        ) => ErrorKind::Io,
        Some(ErrorCode::OperationInterrupted) => ErrorKind::Interrupted,
        _ => ErrorKind::Internal,
    };
    let error = Error::from_source(kind, error);
    match kind {
        ErrorKind::Busy => {
            error.with_hint("another ragged is writing; try again when it has finished")
        }
        ErrorKind::Exhausted => error.with_hint("free some disk space and try again"),
        _ => error,
    }
}

/// A number that is another one when another connection, of whatever process, has committed. It
/// means nothing to other connections.
pub(crate) fn data_version(connection: &Connection) -> Result<i64> {
    sql(connection
        .prepare_cached("PRAGMA data_version")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0))))
}

/// An unsigned number as SQLite stores it.
pub(crate) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A stored number that cannot be negative.
pub(crate) fn natural(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
