//! From the tables of an older format to those of this program's.

use rusqlite::Connection;

use super::{FORMAT_VERSION, check_version, dated::date_files, sql};
use crate::error::{Context, Result};

/// The step to each format from the one before it; the first leads to format 2.
const STEPS: [&str; 2] = [include_str!("migrate_to_2.sql"), include_str!("migrate_to_3.sql")];

/// Brings a library of an older format to [`FORMAT_VERSION`], in one transaction: killed at any
/// moment, it has the old format or the new one.
pub(super) fn migrate(connection: &Connection) -> Result<()> {
    // A column that refers to another table can only be added while references are not checked;
    // within a transaction that setting cannot be changed.
    sql(connection.pragma_update(None, "foreign_keys", false))?;
    let migrated = sql(connection.execute_batch("BEGIN IMMEDIATE")).and_then(|()| {
        let steps = take_steps(connection);
        sql(connection.execute_batch(if steps.is_ok() { "COMMIT" } else { "ROLLBACK" }))?;
        steps
    });
    sql(connection.pragma_update(None, "foreign_keys", true))?;
    migrated.context_with(|| format!("bringing it to format {FORMAT_VERSION}"))
}

fn take_steps(connection: &Connection) -> Result<()> {
    // Another process may have done it while this one waited for the lock.
    let version: u32 = sql(connection.pragma_query_value(None, "user_version", |row| row.get(0)))?;
    check_version(version)?;
    for step in STEPS.iter().skip((version as usize).saturating_sub(1)) {
        sql(connection.execute_batch(step))?;
    }
    if version < 3 {
        date_files(connection)?;
    }
    sql(connection.pragma_update(None, "user_version", FORMAT_VERSION))
}

/// Takes a library back to format 2, as a program that knows no other would have left it.
#[cfg(test)]
pub(crate) fn back_to_2(path: &std::path::Path) -> Result<()> {
    let connection = sql(Connection::open(path))?;
    sql(connection.execute_batch(
        "DROP INDEX documents_with_times_unread;
         ALTER TABLE documents DROP COLUMN own_created_ms;
         ALTER TABLE documents DROP COLUMN own_created_precision;
         ALTER TABLE documents DROP COLUMN own_created_source;
         ALTER TABLE documents DROP COLUMN own_modified_ms;
         ALTER TABLE documents DROP COLUMN own_modified_precision;
         ALTER TABLE documents DROP COLUMN own_modified_source;
         ALTER TABLE documents DROP COLUMN own_times_unread;
         DROP INDEX files_by_collection;
         ALTER TABLE files DROP COLUMN dated_ns;
         CREATE INDEX files_by_collection ON files (collection_id, modified_ns, document_id);
         PRAGMA user_version = 2",
    ))
}
