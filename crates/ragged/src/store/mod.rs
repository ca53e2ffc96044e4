//! `library.db`: the truth of a library, in one SQLite file.
//!
//! Everything under `index/` is derived from it and may be thrown away. This module is the only
//! one with the library's SQL in it. It stores what other modules computed and gives it back; it
//! does not read files, embed, or search.
//!
//! **Invariants.** A change is one transaction, and each transaction takes the next
//! [`Generation`]. Chunk and document ids only grow. A document's chunks have consecutive ids.
//! Text is kept once, in compressed blocks that carry a checksum.

mod admitted;
mod check;
mod collection;
mod dated;
mod dictionary;
mod migration;
mod read;
mod text;
mod write;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, config::DbConfig, types::Value};

use self::{dictionary::Dictionary, text::BlockCache};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    id::{ChunkRange, DocumentId, Generation},
    sqlite::{self, data_version, integer, natural},
};

pub use admitted::AdmittedDocument;
pub use check::Damage;
pub use collection::{CollectionRow, CollectionShare};
pub use dated::Dated;
#[cfg(test)]
pub(crate) use migration::back_to_2;
pub use read::{ChunkPlace, Counts, DocumentRow, FileRow, Reader, RemovedChunks};
pub use write::{NewDocument, Transaction};

/// The format of `library.db` that this program writes.
pub const FORMAT_VERSION: u32 = 3;
/// The oldest format that this program can open, migrating it where needed.
pub const OLDEST_SUPPORTED_FORMAT_VERSION: u32 = 1;

/// `PRAGMA application_id`: "RGLB".
const APPLICATION_ID: i32 = 0x5247_4C42;
/// Pages of 16 KiB: compressed text blocks average 3 KB, and on the usual 4 KiB pages each would
/// leave a third of a page unused.
const PAGE_BYTES: u32 = 16 * 1024;
/// How long a statement waits for another process's transaction to end.
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
/// Idle connections kept for the next reader.
const MAX_IDLE_READERS: usize = 8;

const KEY_GENERATION: &str = "generation";
const KEY_NEXT_CHUNK: &str = "next_chunk";
const KEY_LIBRARY_ID: &str = "library_id";
/// The last generation one of whose removals is forgotten.
const KEY_REMOVALS_FORGOTTEN: &str = "removals_forgotten";

/// Memory that SQLite may use for one library, over all connections of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// Page cache of one connection, in bytes. Default 8 MiB: a query touches a few pages, and the
    /// operating system's cache serves the rest.
    pub page_cache_bytes: u64,
    /// Bytes of the file that may be mapped into memory, shared by all connections. Default
    /// 256 MiB.
    pub mmap_bytes: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { page_cache_bytes: 8 << 20, mmap_bytes: 256 << 20 }
    }
}

/// An open `library.db`. Shared between threads; every [`Reader`] sees one unchanging state.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    config: StoreConfig,
    idle_readers: Mutex<Vec<IdleReader>>,
    dictionaries: Mutex<Vec<Arc<Dictionary>>>,
    writer: Mutex<Connection>,
}

/// What the next reader can use of the last one.
#[derive(Debug)]
struct IdleReader {
    connection: Connection,
    blocks: BlockCache,
    values: Option<LibraryValues>,
}

/// What belongs to the library as a whole, in one state.
#[derive(Debug)]
struct LibraryValues {
    /// See [`data_version`].
    version: i64,
    by_key: HashMap<String, Value>,
}

impl LibraryValues {
    /// Those of the state that a connection sees; `before`, if that is of the same state.
    fn read(connection: &Connection, before: Option<Self>) -> Result<Self> {
        let version = data_version(connection)?;
        if let Some(same) = before.filter(|before| before.version == version) {
            return Ok(same);
        }
        let mut statement = sql(connection.prepare_cached("SELECT key, value FROM library"))?;
        let rows = sql(statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))))?;
        Ok(Self { version, by_key: sql(rows.collect())? })
    }
}

impl Store {
    /// Opens the library at `path`, creating it if there is none and migrating it if its format
    /// is older.
    ///
    /// # Errors
    ///
    /// `Incompatible` for a file of a newer format or of another program, `Corrupt` for one that
    /// SQLite cannot read, `Io` and `Exhausted` from the operating system.
    pub fn open(path: &Path, config: StoreConfig) -> Result<Self> {
        let what = || format!("opening the library {}", path.display());
        let writer = connect(path, config).context_with(what)?;
        prepare(&writer).context_with(what)?;
        Ok(Self {
            path: path.to_path_buf(),
            config,
            idle_readers: Mutex::new(Vec::new()),
            dictionaries: Mutex::new(Vec::new()),
            writer: Mutex::new(writer),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The memory that SQLite itself says a connection may use: less than was asked for where it
    /// cannot give as much, as for maps of more than 2 GiB.
    pub fn limits(&self) -> Result<StoreConfig> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // A SQLite that cannot map files has no row to give.
        let ask = |pragma| -> Result<i64> {
            let found = writer.pragma_query_value(None, pragma, |row| row.get(0)).optional();
            sql(found).map(Option::unwrap_or_default)
        };
        let limits = || -> Result<StoreConfig> {
            // Negative numbers are KiB.
            let page_cache_bytes = natural(-ask("cache_size")?) * 1024;
            Ok(StoreConfig { page_cache_bytes, mmap_bytes: natural(ask("mmap_size")?) })
        };
        limits().context_with(|| format!("asking for the limits of {}", self.path.display()))
    }

    /// Begins reading one unchanging state of the library.
    pub fn reader(&self) -> Result<Reader<'_>> {
        let idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let idle = match idle {
            Some(idle) => idle,
            None => IdleReader {
                connection: connect(&self.path, self.config)
                    .context_with(|| format!("opening the library {}", self.path.display()))?,
                blocks: BlockCache::default(),
                values: None,
            },
        };
        Reader::begin(self, idle)
    }

    /// Begins a transaction that writes; it waits for another one of this process to end.
    ///
    /// # Errors
    ///
    /// `Busy` if another process keeps writing for more than ten seconds.
    pub fn begin(&self) -> Result<Transaction<'_>> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        Transaction::begin(writer)
    }

    /// Sets a value that belongs to the library as a whole. It is no change of what the library
    /// holds, so the generation stays.
    pub fn set_value(&self, key: &str, value: &str) -> Result<()> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        sql(writer
            .execute("INSERT OR REPLACE INTO library (key, value) VALUES (?1, ?2)", [key, value]))
        .map(|_| ())
        .context_with(|| format!("setting {key} in {}", self.path.display()))
    }

    /// What tells this library from all others: 128 bits in hexadecimal digits, drawn once and then
    /// always the same. It says nothing of where the library is or of what it holds.
    pub fn library_id(&self) -> Result<String> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let drawn = || -> Result<Option<String>> {
            // SQLite seeds its generator from the operating system.
            sql(writer.execute(
                "INSERT OR IGNORE INTO library (key, value) VALUES (?1, lower(hex(randomblob(16))))",
                [KEY_LIBRARY_ID],
            ))?;
            library_value(&writer, KEY_LIBRARY_ID)
        };
        // A library that is known already needs no write.
        match library_value(&writer, KEY_LIBRARY_ID)
            .and_then(|id| id.map_or_else(drawn, |id| Ok(Some(id))))
        {
            Ok(id) => id.ok_or_else(|| Error::new(ErrorKind::Corrupt, "library.db lacks its id")),
            Err(error) => Err(error),
        }
        .context_with(|| format!("reading the id of {}", self.path.display()))
    }

    /// Forgets removals up to a generation. An index that reflects less can no longer be told of
    /// them; it learns from [`Reader::removals_forgotten_until`] that it has to compare.
    pub fn forget_removals_until(&self, generation: Generation) -> Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut forget = || {
            let transaction = writer.transaction()?;
            transaction.execute(
                "INSERT INTO library (key, value) \
                 SELECT ?1, max(generation) FROM removed_chunks WHERE generation <= ?2 \
                 HAVING max(generation) IS NOT NULL \
                 ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)",
                rusqlite::params![KEY_REMOVALS_FORGOTTEN, integer(generation.0)],
            )?;
            transaction.execute(
                "DELETE FROM removed_chunks WHERE generation <= ?1",
                [integer(generation.0)],
            )?;
            transaction.commit()
        };
        sql(forget()).context_with(|| format!("tidying {}", self.path.display()))
    }

    /// Makes SQLite's own indexes anew from the rows.
    pub fn rebuild_indexes(&self) -> Result<()> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        sql(writer.execute_batch("REINDEX"))
            .context_with(|| format!("rebuilding the indexes of {}", self.path.display()))
    }

    /// Moves the write-ahead log into the file and gives free pages back to the file system.
    pub fn compact(&self) -> Result<()> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let what = || format!("compacting {}", self.path.display());
        // In memory its copy of the file would take as much of it as the file.
        sql(writer.execute_batch("PRAGMA temp_store = FILE; VACUUM; PRAGMA temp_store = MEMORY"))
            .context_with(what)?;
        checkpoint(&writer).context_with(what)
    }

    /// Moves the write-ahead log into the file. A reader in another process may keep part of it
    /// back; that is not an error.
    pub fn checkpoint(&self) -> Result<()> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        checkpoint(&writer)
            .context_with(|| format!("writing back the log of {}", self.path.display()))
    }

    fn keep_reader(&self, mut reader: IdleReader) {
        reader.blocks.end_session();
        let mut idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE_READERS {
            idle.push(reader);
        }
    }
}

fn checkpoint(connection: &Connection) -> Result<()> {
    sql(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())))
}

fn connect(path: &Path, config: StoreConfig) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = sql(Connection::open_with_flags(path, flags))?;
    sql(connection.busy_timeout(BUSY_TIMEOUT))?;
    // Only effective while the file is still empty.
    sql(connection.pragma_update(None, "page_size", PAGE_BYTES))?;
    sql(connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())))?;
    // A committed batch survives loss of power, not only of the process.
    sql(connection.pragma_update(None, "synchronous", "FULL"))?;
    sql(connection.pragma_update(None, "foreign_keys", true))?;
    sql(connection.pragma_update(None, "temp_store", "MEMORY"))?;
    let cache_kib = i64::try_from(config.page_cache_bytes / 1024).unwrap_or(i64::MAX);
    sql(connection.pragma_update(None, "cache_size", -cache_kib))?;
    let mmap_bytes = i64::try_from(config.mmap_bytes).unwrap_or(i64::MAX);
    sql(connection.pragma_update_and_check(None, "mmap_size", mmap_bytes, |_| Ok(())))?;
    connection.set_prepared_statement_cache_capacity(64);
    // Every look-up here has one plan. Without this, SQLite (as it is bundled) plans a statement
    // anew whenever another value is bound to it, which costs more than the look-up.
    sql(connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true))?;
    Ok(connection)
}

/// Creates the schema in an empty file, brings an older one up to date, and refuses a file that is not ours or is newer.
fn prepare(connection: &Connection) -> Result<()> {
    let application: i32 =
        sql(connection.pragma_query_value(None, "application_id", |row| row.get(0)))?;
    let version: u32 = sql(connection.pragma_query_value(None, "user_version", |row| row.get(0)))?;
    if application == APPLICATION_ID {
        check_version(version)?;
        return if version < FORMAT_VERSION { migration::migrate(connection) } else { Ok(()) };
    }
    let n_tables: u32 =
        sql(connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)))?;
    if n_tables > 0 {
        return Err(Error::new(
            ErrorKind::Incompatible,
            "the file is an SQLite database of another program",
        )
        .with_hint("choose another folder with --data-dir"));
    }
    sql(connection.execute_batch("BEGIN IMMEDIATE"))?;
    let created = create_schema(connection);
    sql(connection.execute_batch(if created.is_ok() { "COMMIT" } else { "ROLLBACK" }))?;
    created
}

fn create_schema(connection: &Connection) -> Result<()> {
    // Another process may have created it while this one waited for the lock.
    let application: i32 =
        sql(connection.pragma_query_value(None, "application_id", |row| row.get(0)))?;
    if application == APPLICATION_ID {
        return Ok(());
    }
    sql(connection.execute_batch(include_str!("schema.sql")))?;
    sql(connection
        .execute(
            "INSERT INTO library (key, value) VALUES (?1, 0), (?2, 1)",
            [KEY_GENERATION, KEY_NEXT_CHUNK],
        )
        .map(|_| ()))?;
    sql(connection.pragma_update(None, "user_version", FORMAT_VERSION))?;
    sql(connection.pragma_update(None, "application_id", APPLICATION_ID))
}

fn check_version(version: u32) -> Result<()> {
    if version > FORMAT_VERSION {
        return Err(Error::new(
            ErrorKind::Incompatible,
            format!("the library has format {version}, this program knows up to {FORMAT_VERSION}"),
        )
        .with_hint("install a newer ragged"));
    }
    if version < OLDEST_SUPPORTED_FORMAT_VERSION {
        return Err(Error::new(
            ErrorKind::Incompatible,
            format!(
                "the library has format {version}, this program knows \
                 {OLDEST_SUPPORTED_FORMAT_VERSION} to {FORMAT_VERSION}"
            ),
        )
        .with_hint("move the folder away and add your files again"));
    }
    Ok(())
}

/// Turns SQLite's error into ours; the caller adds what was being done.
fn sql<T>(result: rusqlite::Result<T>) -> Result<T> {
    result.map_err(sql_error)
}

#[cold]
fn sql_error(error: rusqlite::Error) -> Error {
    let error = sqlite::sql_error(error);
    if error.kind() != ErrorKind::Corrupt {
        return error;
    }
    error.with_hint(
        "`ragged check --repair` mends what it can; if the file does not open at all, put back a \
         copy, or move it away and add your files again",
    )
}

fn library_value<T: rusqlite::types::FromSql>(
    connection: &Connection,
    key: &str,
) -> Result<Option<T>> {
    sql(connection
        .prepare_cached("SELECT value FROM library WHERE key = ?1")
        .and_then(|mut statement| statement.query_row([key], |row| row.get(0)).optional()))
}

fn required_value(connection: &Connection, key: &str) -> Result<u64> {
    let value: Option<i64> = library_value(connection, key)?;
    value.and_then(|value| u64::try_from(value).ok()).ok_or_else(|| lacking(key))
}

#[cold]
fn lacking(key: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("library.db lacks its value {key:?}"))
        .with_hint("run `ragged check`")
}

/// The number by which a path is found.
fn path_hash(path: &str) -> i64 {
    let mut first = [0; 8];
    first.copy_from_slice(&blake3::hash(path.as_bytes()).as_bytes()[..8]);
    i64::from_le_bytes(first)
}

#[cfg(test)]
mod tests;

/// A document's identity and place, as the indexes need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentChunks {
    /// The document.
    pub id: DocumentId,
    /// Its chunks.
    pub chunks: ChunkRange,
    /// The transaction that added it.
    pub generation: Generation,
}
