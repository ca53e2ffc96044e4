//! When a document is from.
//!
//! What a document says of itself counts, of its last change before that of its making; else the
//! date that the file's name begins with; else the file system's time of change. The rule is
//! [`dated`] and nothing else; `files.dated_ns` holds what it gives, so that a filter by time is
//! answered from an index, whoever said it. Why so is in `docs/adr/0017-own-times.md`.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{DocumentRow, Reader, Transaction, integer, natural, sql};
use crate::{
    document::{OwnTime, OwnTimes, Precision, TimeSource, date_in_name},
    error::Result,
    id::DocumentId,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The time of day (UTC) at which a date without one stands, so that it lies within that day for
/// as many people as possible: in every zone from 10 hours west of Greenwich to 13:59 east.
const TIME_OF_A_DATE_MS: i64 = 10 * 60 * 60 * 1000;

/// When a document in a file is from, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dated {
    /// Unix time in nanoseconds, as filters compare it: of a date without a time of day 10:00 UTC.
    pub ns: i64,
    /// How much of it was given.
    pub precision: Precision,
    /// Who gave it.
    pub by: TimeSource,
}

impl Dated {
    /// As much as was given: `2024`, `2024-03`, `2024-03-05`, `2024-03-05T09:15:00Z`.
    pub fn shown(self) -> String {
        self.precision.shown(self.ms())
    }

    /// Unix time in milliseconds.
    pub fn ms(self) -> i64 {
        self.ns.div_euclid(1_000_000)
    }
}

impl From<OwnTime> for Dated {
    fn from(OwnTime { ms, precision, source }: OwnTime) -> Self {
        let at = if precision == Precision::Moment { 0 } else { TIME_OF_A_DATE_MS };
        Self { ns: nanoseconds(ms.saturating_add(at)), precision, by: source }
    }
}

impl DocumentRow {
    /// When the document is from, as the file at `path` holds it.
    pub fn dated(&self, path: &str, modified_ns: i64) -> Dated {
        dated(self.own, self.added_ms, path, modified_ns)
    }

    /// [`dated`](Self::dated), in milliseconds of Unix time.
    pub fn time_ms(&self, path: &str, modified_ns: i64) -> i64 {
        self.dated(path, modified_ns).ms()
    }
}

/// The rule. `own` is already [believable](believable).
fn dated(own: OwnTimes, added_ms: i64, path: &str, modified_ns: i64) -> Dated {
    let in_name = || {
        // Notes from one template share a document that is as old as the first of them.
        let known_ms = added_ms.max(modified_ns.div_euclid(1_000_000));
        date_in_name(path).filter(|date| date.ms <= known_ms.saturating_add(DAY_MS))
    };
    own.best().or_else(in_name).map_or(
        Dated { ns: modified_ns, precision: Precision::Moment, by: TimeSource::File },
        Into::into,
    )
}

/// What a document says, without what lies more than a day after it was added: no document is
/// from the future, and clocks and zones differ by less.
pub(super) fn believable(own: OwnTimes, added_ms: i64) -> OwnTimes {
    own.until(added_ms.saturating_add(DAY_MS))
}

fn nanoseconds(ms: i64) -> i64 {
    ms.saturating_mul(1_000_000)
}

/// The columns of [`OwnTimes`], as [`own_times`] reads and [`columns`] writes them.
macro_rules! own_columns {
    () => {
        "own_created_ms, own_created_precision, own_created_source, \
         own_modified_ms, own_modified_precision, own_modified_source"
    };
}
pub(super) use own_columns;

/// The times in the six columns from `first`. What no program of this format writes is no time.
pub(super) fn own_times(row: &Row<'_>, first: usize) -> rusqlite::Result<OwnTimes> {
    let time = |first: usize| -> rusqlite::Result<Option<OwnTime>> {
        let Some(ms) = row.get(first)? else { return Ok(None) };
        let name = |column| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str_or_null()?);
        let (precision, source) = (name(first + 1)?, name(first + 2)?);
        let parts = (precision.map(str::parse), source.map(str::parse));
        let (Some(Ok(precision)), Some(Ok(source))) = parts else { return Ok(None) };
        Ok(Some(OwnTime { ms, precision, source }))
    };
    Ok(OwnTimes { created: time(first)?, modified: time(first + 3)? })
}

/// A time as three columns.
pub(super) fn columns(
    time: Option<OwnTime>,
) -> (Option<i64>, Option<&'static str>, Option<&'static str>) {
    (
        time.map(|time| time.ms),
        time.map(|time| time.precision.as_str()),
        time.map(|time| time.source.as_str()),
    )
}

/// The files whose `dated_ns` is not what follows from the rest, with what does. O(files).
fn misdated(connection: &Connection) -> Result<Vec<(i64, i64)>> {
    let mut statement = sql(connection.prepare(concat!(
        "SELECT f.id, f.dated_ns, f.path, f.modified_ns, d.added_ms, ",
        own_columns!(),
        " FROM files f JOIN documents d ON d.id = f.document_id",
    )))?;
    let mut rows = sql(statement.query([]))?;
    let mut misdated = Vec::new();
    while let Some(row) = sql(rows.next())? {
        let follows = || -> rusqlite::Result<i64> {
            let path = row.get_ref(2)?.as_str()?;
            Ok(dated(own_times(row, 5)?, row.get(4)?, path, row.get(3)?).ns)
        };
        let (id, is, follows) = (sql(row.get(0))?, sql(row.get::<_, i64>(1))?, sql(follows())?);
        if is != follows {
            misdated.push((id, follows));
        }
    }
    Ok(misdated)
}

/// Writes when each file is from, where something else is written.
pub(super) fn date_files(connection: &Connection) -> Result<()> {
    // All are known before the first is written: an index that is read must not change.
    let misdated = misdated(connection)?;
    let mut update = sql(connection.prepare(UPDATE_FILE))?;
    for (file, dated_ns) in misdated {
        sql(update.execute([file, dated_ns]))?;
    }
    Ok(())
}

const UPDATE_FILE: &str = "UPDATE files SET dated_ns = ?2 WHERE id = ?1";

impl Reader<'_> {
    /// The documents of formats that carry times which were added by a program that did not ask
    /// for them. O(those).
    pub fn documents_with_times_unread(&self) -> Result<BTreeSet<DocumentId>> {
        let mut statement = sql(self
            .connection()?
            .prepare_cached("SELECT id FROM documents WHERE own_times_unread = 1"))?;
        let rows = sql(statement.query_map([], |row| Ok(DocumentId(natural(row.get(0)?)))))?;
        sql(rows.collect())
    }

    /// How many files are dated otherwise than follows from the rest.
    pub(super) fn n_misdated_files(&self) -> Result<usize> {
        misdated(self.connection()?).map(|files| files.len())
    }
}

impl Transaction<'_> {
    /// Notes what a document says of when it is from, and dates its files by it. Gives whether
    /// the document is there.
    pub fn set_own_times(&mut self, document: DocumentId, times: OwnTimes) -> Result<bool> {
        let id = integer(document.0);
        let Some(added_ms) = self.added_ms(document)? else { return Ok(false) };
        let own = believable(times, added_ms);
        let (created, modified) = (columns(own.created), columns(own.modified));
        sql(self
            .connection
            .prepare_cached(
                "UPDATE documents SET own_created_ms = ?2, own_created_precision = ?3, \
                 own_created_source = ?4, own_modified_ms = ?5, own_modified_precision = ?6, \
                 own_modified_source = ?7, own_times_unread = 0 WHERE id = ?1",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    id, created.0, created.1, created.2, modified.0, modified.1, modified.2
                ])
            }))?;
        let files: Vec<(i64, i64)> = {
            let mut statement = sql(self
                .connection
                .prepare_cached("SELECT id, path, modified_ns FROM files WHERE document_id = ?1"))?;
            let rows = sql(statement.query_map([id], |row| {
                let dated = dated(own, added_ms, row.get_ref(1)?.as_str()?, row.get(2)?);
                Ok((row.get(0)?, dated.ns))
            }))?;
            sql(rows.collect())?
        };
        let mut update = sql(self.connection.prepare_cached(UPDATE_FILE))?;
        for (file, dated_ns) in files {
            sql(update.execute([file, dated_ns]))?;
        }
        Ok(true)
    }

    /// Dates the files anew that are dated otherwise than follows from the rest.
    pub fn mend_dates(&mut self) -> Result<()> {
        date_files(&self.connection)
    }

    /// When a document is from, as a file at `path` holds it.
    pub(super) fn dated_ns(
        &self,
        document: DocumentId,
        path: &str,
        modified_ns: i64,
    ) -> Result<i64> {
        let dated = sql(self
            .connection
            .prepare_cached(concat!(
                "SELECT added_ms, ",
                own_columns!(),
                " FROM documents WHERE id = ?1"
            ))
            .and_then(|mut statement| {
                statement
                    .query_row([integer(document.0)], |row| {
                        Ok(dated(own_times(row, 1)?, row.get(0)?, path, modified_ns))
                    })
                    .optional()
            }))?;
        Ok(dated.map_or(modified_ns, |dated| dated.ns))
    }

    fn added_ms(&self, document: DocumentId) -> Result<Option<i64>> {
        sql(self
            .connection
            .prepare_cached("SELECT added_ms FROM documents WHERE id = ?1")
            .and_then(|mut statement| {
                statement.query_row([integer(document.0)], |row| row.get(0)).optional()
            }))
    }
}

#[cfg(test)]
mod tests;
