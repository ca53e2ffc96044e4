//! One encrypted SQLite file: a connection that writes, and a bounded pool of those that read.

use std::{
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, config::DbConfig};
use zeroize::Zeroizing;

use super::key::{Key, hex};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    permission::ensure_private_file,
    sqlite::{data_version, sql},
};

/// How long a statement waits for another process's transaction to end.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// It reads one page.
const WATCH_CACHE_BYTES: u64 = 64 << 10;
/// How long a reader waits for a connection of this process to be given back.
const POOL_PATIENCE: Duration = Duration::from_secs(5);

/// Memory and connections of an encrypted database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// Page cache of one connection, in bytes. Encrypted pages cannot be mapped into memory, so
    /// this is all that is kept of them.
    pub page_cache_bytes: u64,
    /// Connections that read at once; a further reader waits up to five seconds for one.
    pub max_readers: usize,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self { page_cache_bytes: 8 << 20, max_readers: 4 }
    }
}

/// An open encrypted database. Shared between threads.
///
/// Reading never waits for writing: the file is in write-ahead mode. A committed transaction
/// survives the end of the process and loss of power.
pub struct Database {
    path: PathBuf,
    /// What tells the file from another one of that name.
    identity: Option<(u64, u64)>,
    /// The statement that unlocks a connection.
    unlock: Zeroizing<String>,
    config: DatabaseConfig,
    writer: Mutex<Connection>,
    /// It only tells whether anything was committed; opened when that is first asked.
    watch: Mutex<Option<Connection>>,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    lent: usize,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Database {
    pub(super) fn open(path: &Path, key: &Key, config: DatabaseConfig) -> Result<Self> {
        // SQLite gives its log and shared memory the mode of the file.
        drop(ensure_private_file(path)?);
        let hex = Zeroizing::new(hex(key.bytes()));
        let unlock = Zeroizing::new(format!("PRAGMA key = \"x'{}'\"", hex.as_str()));
        let writer = connect(path, &unlock, config)
            .context_with(|| format!("opening {}", path.display()))?;
        Ok(Self {
            path: path.to_path_buf(),
            identity: identity(path),
            unlock,
            config,
            writer: Mutex::new(writer),
            watch: Mutex::new(None),
            pool: Mutex::new(Pool::default()),
            returned: Condvar::new(),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A connection that reads; it goes back to the pool when dropped.
    ///
    /// # Errors
    ///
    /// `Busy` where all are in use for more than five seconds; those of opening one.
    pub fn reader(&self) -> Result<ReadGuard<'_>> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = pool.idle.pop() {
                pool.lent += 1;
                return Ok(ReadGuard { database: self, connection: Some(connection) });
            }
            if pool.lent < self.config.max_readers.max(1) {
                pool.lent += 1;
                drop(pool);
                return match connect(&self.path, &self.unlock, self.config) {
                    Ok(connection) => {
                        Ok(ReadGuard { database: self, connection: Some(connection) })
                    }
                    Err(error) => {
                        self.give_back(None);
                        Err(error.context(format!("opening {}", self.path.display())))
                    }
                };
            }
            let (guard, waited) = self
                .returned
                .wait_timeout(pool, POOL_PATIENCE)
                .unwrap_or_else(PoisonError::into_inner);
            pool = guard;
            if waited.timed_out() && pool.idle.is_empty() {
                return Err(Error::new(
                    ErrorKind::Busy,
                    format!("all connections to {} are in use", self.path.display()),
                )
                .with_hint("try again in a moment"));
            }
        }
    }

    /// Runs `work` in one transaction that writes: all of it is kept, or nothing. It waits for
    /// another one of this process, and up to ten seconds for one of another process.
    ///
    /// # Errors
    ///
    /// `Busy` after ten seconds; whatever `work` fails with, and then nothing has changed.
    pub fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut writer = self.writer();
        let what = || format!("writing to {}", self.path.display());
        let transaction = sql(writer.transaction_with_behavior(TransactionBehavior::Immediate))
            .context_with(what)?;
        let done = work(&transaction).map_err(|error| self.explain(error))?;
        sql(transaction.commit()).context_with(what)?;
        Ok(done)
    }

    /// Runs `work` on one unchanging state.
    ///
    /// # Errors
    ///
    /// Whatever `work` fails with, and those of [`reader`](Self::reader).
    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let reader = self.reader()?;
        let connection: &Connection = &reader;
        let state = sql(connection.unchecked_transaction())
            .context_with(|| format!("reading {}", self.path.display()))?;
        work(&state).map_err(|error| self.explain(error))
    }

    /// A number that is another one after each commit, by whatever process. It means nothing to
    /// another `Database`, nor after this one was opened anew.
    ///
    /// What is read after asking for it is at least as new: kept together with the number, it may
    /// be used for as long as the number stays.
    ///
    /// # Errors
    ///
    /// `Conflict` where the file was removed or replaced by another one since it was opened: what is
    /// written would be lost. Those of reading.
    pub fn version(&self) -> Result<i64> {
        if self.identity != identity(&self.path) {
            return Err(moved(&self.path));
        }
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let what = || format!("looking for changes of {}", self.path.display());
        if watch.is_none() {
            let config = DatabaseConfig { page_cache_bytes: WATCH_CACHE_BYTES, max_readers: 1 };
            *watch = Some(connect(&self.path, &self.unlock, config).context_with(what)?);
        }
        let connection = watch.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Internal, "a connection that was just made is gone")
        })?;
        data_version(connection).map_err(|error| self.explain(error)).context_with(what)
    }

    /// Moves the log into the file and empties it; with `vacuum`, also writes the file anew
    /// without free pages.
    ///
    /// # Errors
    ///
    /// `Busy` where another process reads an older state, so that the log could not be emptied.
    pub fn settle(&self, vacuum: bool) -> Result<()> {
        // A reader of an older state would keep the log as it is; idle ones hold none, but their
        // page caches may hold what was erased.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).idle.clear();
        let writer = self.writer();
        let what = || format!("settling {}", self.path.display());
        if vacuum {
            sql(writer.execute_batch("VACUUM")).context_with(what)?;
        }
        let busy: i64 =
            sql(writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)))
                .context_with(what)?;
        if busy != 0 {
            return Err(Error::new(
                ErrorKind::Busy,
                "another process is reading, so the log could not be emptied",
            )
            .with_hint("repeat the command when it has finished")
            .context(what()));
        }
        Ok(())
    }

    /// How many connections read at this moment, and how many are kept for the next reader.
    pub fn connections(&self) -> (usize, usize) {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        (pool.lent, pool.idle.len())
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, connection: Option<Connection>) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.lent = pool.lent.saturating_sub(1);
        pool.idle.extend(connection);
        drop(pool);
        self.returned.notify_one();
    }

    /// A page whose seal is broken comes out of SQLite as one of several codes.
    fn explain(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::Corrupt { damaged(&self.path, error) } else { error }
    }
}

/// Device and number of a file, where the system has them and lets open files be renamed.
fn identity(path: &Path) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

#[cold]
fn moved(path: &Path) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!("{} was removed or replaced while it was open", path.display()),
    )
    .with_hint("begin anew: what is there now is opened then")
}

#[cold]
fn damaged(path: &Path, error: Error) -> Error {
    error.context(format!("a page of {} is not what was written", path.display())).with_hint(
        "put the memory folder back from a copy; `ragged memory export` may still save what is \
         readable",
    )
}

/// What was read of a database, for as long as nothing is committed to it.
#[derive(Debug, Default)]
pub(crate) struct Unchanged<T> {
    /// With the version of the database from before it was read.
    kept: Mutex<(Option<i64>, T)>,
}

impl<T: Default> Unchanged<T> {
    /// Looks at what is kept, which is empty after a commit, by whatever process; what is read now
    /// may be put there.
    ///
    /// # Errors
    ///
    /// Those of `look` and of [`Database::version`].
    pub(crate) fn look<R>(
        &self,
        database: &Database,
        look: impl FnOnce(&mut T) -> Result<R>,
    ) -> Result<R> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let version = database.version()?;
        if kept.0 != Some(version) {
            *kept = (Some(version), T::default());
        }
        look(&mut kept.1)
    }
}

/// A connection for reading.
#[derive(Debug)]
pub struct ReadGuard<'a> {
    database: &'a Database,
    connection: Option<Connection>,
}

impl std::ops::Deref for ReadGuard<'_> {
    type Target = Connection;

    #[expect(clippy::expect_used, reason = "it is taken in drop only")]
    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a guard holds its connection until it is dropped")
    }
}

impl Drop for ReadGuard<'_> {
    fn drop(&mut self) {
        let connection = self.connection.take();
        // One that was left within a transaction would show an old state for ever.
        self.database.give_back(connection.filter(Connection::is_autocommit));
    }
}

fn connect(path: &Path, unlock: &str, config: DatabaseConfig) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = sql(Connection::open_with_flags(path, flags))?;
    // It would print what goes wrong; errors are ours to word.
    sql(connection.execute_batch("PRAGMA cipher_log_level = NONE"))?;
    sql(connection.execute_batch(unlock))?;
    // Every page that is read is authenticated, and processors have instructions for SHA-256.
    sql(connection.execute_batch("PRAGMA cipher_hmac_algorithm = HMAC_SHA256"))?;
    sql(connection.busy_timeout(BUSY_TIMEOUT))?;
    // The first statement that reads shows whether the key is right.
    sql(connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))).map_err(
        |error| {
            if error.kind() == ErrorKind::Corrupt { damaged(path, error) } else { error }
        },
    )?;
    sql(connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())))?;
    // A committed batch survives loss of power, not only of the process.
    sql(connection.pragma_update(None, "synchronous", "FULL"))?;
    // What is deleted is overwritten at once.
    sql(connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(())))?;
    sql(connection.pragma_update(None, "temp_store", "MEMORY"))?;
    sql(connection.pragma_update(None, "foreign_keys", true))?;
    let cache_kib = i64::try_from(config.page_cache_bytes / 1024).unwrap_or(i64::MAX);
    sql(connection.pragma_update(None, "cache_size", -cache_kib))?;
    connection.set_prepared_statement_cache_capacity(128);
    // One plan a statement, whatever is bound to it.
    sql(connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true))?;
    Ok(connection)
}
