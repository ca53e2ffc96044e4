//! `telemetry.db`: samples in a ring that is bounded in bytes and in days. All its SQL is here.

use std::{
    collections::HashSet,
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, Row, Transaction, TransactionBehavior, params};

use super::{
    sample::{CacheUse, Kind, Sample, StageTimes},
    stage::Stage,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    permission::ensure_private_file,
    sqlite::{integer, natural, sql},
};

/// `PRAGMA application_id`: "RGTM".
const APPLICATION_ID: i32 = 0x5247_544D;
const FORMAT_VERSION: u32 = 1;
/// How long a statement waits for another process. Nobody waits for this but a thread of its own.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// Frames of the log after which it is written back, of 4 KiB each.
const CHECKPOINT_FRAMES: u32 = 256;
/// What writing one batch may add to the log.
const BATCH_BYTES: u64 = 512 << 10;
/// Rows that go at once: in the order of writing they lie on few pages, which the log has to take.
const STEP_ROWS: i64 = 1000;
/// The same of rows that lie anywhere.
const STEP_SCATTERED_ROWS: usize = 100;

/// Upper bounds of the buckets in which durations are counted, in microseconds; a last one holds
/// what is longer.
pub const BUCKETS_US: [u64; 15] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

const INSERT: &str = "INSERT INTO samples (at_ms, kind, total_us, open_us, enhance_us, embed_us, \
     retrieve_us, filter_us, vector_us, recompute_us, lexical_us, read_us, rerank_us, generate_us, \
     record_us, k, n_hits, strategy, from_cache, is_generated, recomputed, cached_vectors, visited, \
     digest, interaction) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, \
     ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)";
const SELECT: &str = "SELECT at_ms, kind, total_us, open_us, enhance_us, embed_us, retrieve_us, \
     filter_us, vector_us, recompute_us, lexical_us, read_us, rerank_us, generate_us, record_us, k, \
     n_hits, strategy, from_cache, is_generated, recomputed, cached_vectors, visited, digest, \
     interaction FROM samples WHERE at_ms >= ?1 AND at_ms < ?2 ORDER BY at_ms, seq";
const COUNT_UP: &str = "INSERT INTO counters (name, label, value) VALUES (?1, ?2, ?3) \
     ON CONFLICT (name, label) DO UPDATE SET value = value + excluded.value";
const COUNT_TIME: &str = "INSERT INTO totals (stage, bucket, n, sum_us) VALUES (?1, ?2, 1, ?3) \
     ON CONFLICT (stage, bucket) DO UPDATE SET n = n + 1, sum_us = sum_us + excluded.sum_us";

/// How much may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of the database itself.
    pub data_bytes: u64,
    /// Bytes of its log.
    pub log_bytes: u64,
    /// How old a sample may become.
    pub age_ms: i64,
}

impl Bounds {
    /// Bytes that the files take together at most: the database, its log, and the index of that.
    pub fn total_bytes(&self) -> u64 {
        // 32 KiB of index for each 4096 frames that were begun.
        let frames = self.log_bytes / 4096;
        self.data_bytes + self.log_bytes + (frames / 4096 + 1) * (32 << 10)
    }
}

impl Default for Bounds {
    /// Less than 20 MB in all, and 90 days.
    fn default() -> Self {
        Self { data_bytes: 14_000_000, log_bytes: 5_000_000, age_ms: 90 * 86_400_000 }
    }
}

/// What is counted since the store was made or cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// What is counted: `queries`, `cache_hits`, `cache_misses`, `cache_evictions`, `dropped`.
    pub name: String,
    /// Of what kind, or of which cache; empty where there is but one.
    pub label: String,
    /// How often.
    pub value: u64,
}

/// Durations of a stage since the store was made or cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageTotal {
    /// The stage; `None` for whole questions.
    pub stage: Option<Stage>,
    /// How many fell into each of [`BUCKETS_US`], and last how many were longer.
    pub buckets: [u64; BUCKETS_US.len() + 1],
    /// Their sum.
    pub sum_us: u64,
}

/// All that is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// By name and label.
    pub counters: Vec<Counter>,
    /// Whole questions first, then stages in their order.
    pub stages: Vec<StageTotal>,
}

/// The store of samples of a library. Several processes may have it open.
#[derive(Debug)]
pub struct SampleStore {
    path: PathBuf,
    connection: Connection,
    bounds: Bounds,
}

impl SampleStore {
    /// Where the store of a library is.
    pub fn path_in(data_dir: &Path) -> PathBuf {
        data_dir.join("telemetry.db")
    }

    /// Opens the store of the library in `data_dir`, making it if there is none.
    ///
    /// # Errors
    ///
    /// `Incompatible` for a file of another program or a newer format; `Corrupt`, `Io`, `Busy`,
    /// `Exhausted`.
    pub fn open(data_dir: &Path, bounds: Bounds) -> Result<Self> {
        let path = Self::path_in(data_dir);
        // SQLite gives its log and shared memory the mode of the file.
        drop(ensure_private_file(&path)?);
        let connection = connect(&path, bounds)
            .map_err(explain)
            .context_with(|| format!("opening {}", path.display()))?;
        Ok(Self { path, connection, bounds })
    }

    /// Opens the store if there is one.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_existing(data_dir: &Path, bounds: Bounds) -> Result<Option<Self>> {
        if !Self::path_in(data_dir).exists() {
            return Ok(None);
        }
        Self::open(data_dir, bounds).map(Some)
    }

    /// Bytes of its files: the database, its log, and the index of that.
    pub fn bytes(&self) -> u64 {
        bytes_of(&self.path) + bytes_of(&self.log()) + bytes_of(&self.beside("-shm"))
    }

    fn log(&self) -> PathBuf {
        self.beside("-wal")
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut path = self.path.as_os_str().to_owned();
        path.push(suffix);
        path.into()
    }

    /// Adds samples in one transaction; what is too old or too much goes first, the oldest before
    /// all. What is counted since the beginning is counted on.
    ///
    /// # Errors
    ///
    /// `Busy` where another process writes for two seconds, or reads for so long that the log could
    /// not be written back and would become too large; `Exhausted` for a full disk. Nothing was
    /// added then.
    pub fn append(
        &mut self,
        samples: &[Sample],
        caches: &[CacheUse],
        n_dropped: u64,
        now_ms: i64,
    ) -> Result<()> {
        let what = || "recording how long questions took";
        self.expire(now_ms).context_with(what)?;
        self.make_room_in_log().context_with(what)?;
        let (bounds, log) = (self.bounds, self.log());
        let transaction =
            sql(self.connection.transaction_with_behavior(TransactionBehavior::Immediate))
                .context_with(what)?;
        // Another process may have filled the log before this one had its turn.
        if is_full(&log, bounds) {
            return Err(log_is_full()).context_with(what);
        }
        let written = trim(&transaction, bounds)
            .and_then(|()| samples.iter().try_for_each(|sample| insert(&transaction, sample)))
            .and_then(|()| count_caches(&transaction, caches))
            .and_then(|()| count_up(&transaction, "dropped", "", n_dropped));
        written.map_err(explain).context_with(what)?;
        sql(transaction.commit()).context_with(what)
    }

    /// Drops what is too old, in steps of which each leaves the log small.
    fn expire(&self, now_ms: i64) -> Result<()> {
        let oldest = now_ms.saturating_sub(self.bounds.age_ms);
        loop {
            self.make_room_in_log()?;
            let n = sql(self
                .connection
                .prepare_cached(
                    "DELETE FROM samples WHERE seq IN \
                     (SELECT seq FROM samples WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)",
                )
                .and_then(|mut statement| statement.execute([oldest, STEP_ROWS])))?;
            if n == 0 {
                return Ok(());
            }
        }
    }

    fn make_room_in_log(&self) -> Result<()> {
        if is_full(&self.log(), self.bounds) {
            self.write_back()?;
        }
        if is_full(&self.log(), self.bounds) { Err(log_is_full()) } else { Ok(()) }
    }

    fn write_back(&self) -> Result<()> {
        sql(self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())))
    }

    /// The samples of a stretch of time in Unix milliseconds, the oldest first.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn samples(&self, window: Range<i64>) -> Result<Vec<Sample>> {
        let read = || -> Result<Vec<Sample>> {
            let mut statement = sql(self.connection.prepare_cached(SELECT))?;
            let rows = sql(statement.query_map(params![window.start, window.end], sample_of))?;
            sql(rows.collect())
        };
        read().map_err(explain).context_with(|| format!("reading {}", self.path.display()))
    }

    /// How many samples there are, and when the first and the last were taken.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn extent(&self) -> Result<(u64, Option<Range<i64>>)> {
        let statement = "SELECT count(*), min(at_ms), max(at_ms) FROM samples";
        let row = sql(self.connection.query_row(statement, [], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, Option<i64>>(1)?,
                row.get::<_, Option<i64>>(2)?,
            ))
        }));
        let (n, first, last) =
            row.map_err(explain).context_with(|| format!("reading {}", self.path.display()))?;
        Ok((natural(n), first.zip(last).map(|(first, last)| first..last)))
    }

    /// All that was counted since the store was made or cleared.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn totals(&self) -> Result<Totals> {
        let read = || -> Result<Totals> {
            let mut statement = sql(self
                .connection
                .prepare_cached("SELECT name, label, value FROM counters ORDER BY name, label"))?;
            let counters = sql(statement.query_map([], |row| {
                Ok(Counter { name: row.get(0)?, label: row.get(1)?, value: natural(row.get(2)?) })
            }))?;
            let counters = sql(counters.collect::<rusqlite::Result<Vec<Counter>>>())?;
            let mut statement = sql(self
                .connection
                .prepare_cached("SELECT stage, bucket, n, sum_us FROM totals ORDER BY stage"))?;
            let mut rows = sql(statement.query([]))?;
            let mut stages: Vec<StageTotal> = Vec::new();
            while let Some(row) = sql(rows.next())? {
                let (stage, bucket, n, sum_us) = sql(<(i64, i64, i64, i64)>::try_from(row))?;
                let stage = match usize::try_from(stage) {
                    Err(_) => None,
                    Ok(idx) => match Stage::ALL.get(idx) {
                        Some(stage) => Some(*stage),
                        // Of a program that knows more.
                        None => continue,
                    },
                };
                if stages.last().is_none_or(|last| last.stage != stage) {
                    let buckets = [0; BUCKETS_US.len() + 1];
                    stages.push(StageTotal { stage, buckets, sum_us: 0 });
                }
                if let Some(total) = stages.last_mut() {
                    total.sum_us += natural(sum_us);
                    let bucket = usize::try_from(bucket).ok();
                    if let Some(of) = bucket.and_then(|idx| total.buckets.get_mut(idx)) {
                        *of += natural(n);
                    }
                }
            }
            Ok(Totals { counters, stages })
        };
        read().map_err(explain).context_with(|| format!("reading {}", self.path.display()))
    }

    /// The interactions that samples are of.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn interactions(&self) -> Result<Vec<String>> {
        let read = || -> Result<Vec<String>> {
            let mut statement = sql(self.connection.prepare_cached(
                "SELECT DISTINCT interaction FROM samples WHERE interaction IS NOT NULL",
            ))?;
            let rows = sql(statement.query_map([], |row| row.get(0)))?;
            sql(rows.collect())
        };
        read().map_err(explain).context_with(|| format!("reading {}", self.path.display()))
    }

    /// Forgets the samples of interactions, and leaves nothing of these in the files. A reader in
    /// another process may keep that from happening; it happens with the next.
    ///
    /// # Errors
    ///
    /// `Busy`; then some of them may be left.
    pub fn forget(&mut self, interactions: &[String]) -> Result<u64> {
        let what = || format!("forgetting in {}", self.path.display());
        let secure = |how: &str| {
            sql(self.connection.pragma_update_and_check(None, "secure_delete", how, |_| Ok(())))
        };
        // No index finds them: one over random ids would make each batch write as many pages as rows.
        let gone: HashSet<&str> = interactions.iter().map(String::as_str).collect();
        let rows = self.rows_of(&gone).map_err(explain).context_with(what)?;
        // What is freed is overwritten.
        secure("ON")?;
        let forget = || -> Result<u64> {
            for some in rows.chunks(STEP_SCATTERED_ROWS) {
                self.make_room_in_log()?;
                let transaction = sql(self.connection.unchecked_transaction())?;
                for row in some {
                    sql(transaction
                        .prepare_cached("DELETE FROM samples WHERE seq = ?1")
                        .and_then(|mut statement| statement.execute([row])))?;
                }
                sql(transaction.commit())?;
                self.write_back()?;
            }
            Ok(rows.len() as u64)
        };
        let forgotten = forget();
        secure("FAST")?;
        forgotten.map_err(explain).context_with(what)
    }

    fn rows_of(&self, interactions: &HashSet<&str>) -> Result<Vec<i64>> {
        let mut statement = sql(self.connection.prepare_cached(
            "SELECT seq, interaction FROM samples WHERE interaction IS NOT NULL ORDER BY seq",
        ))?;
        let mut rows = sql(statement.query([]))?;
        let mut found = Vec::new();
        while let Some(row) = sql(rows.next())? {
            let (seq, interaction): (i64, String) = sql(row.try_into())?;
            if interactions.contains(interaction.as_str()) {
                found.push(seq);
            }
        }
        Ok(found)
    }

    /// Forgets everything, and leaves nothing of it in the files.
    ///
    /// # Errors
    ///
    /// `Busy` where another process reads or writes.
    pub fn clear(&mut self) -> Result<u64> {
        let what = || format!("clearing {}", self.path.display());
        let n = self.extent()?.0;
        sql(self.connection.execute_batch(
            "BEGIN IMMEDIATE; DELETE FROM samples; DELETE FROM totals; DELETE FROM counters; COMMIT; \
             VACUUM",
        ))
        .map_err(explain)
        .context_with(what)?;
        self.write_back().context_with(what)?;
        Ok(n)
    }
}

/// Whether a batch could make the log larger than it may be.
fn is_full(log: &Path, bounds: Bounds) -> bool {
    bytes_of(log) + BATCH_BYTES > bounds.log_bytes
}

#[cold]
fn log_is_full() -> Error {
    Error::new(
        ErrorKind::Busy,
        "the log is full and cannot be written back while another process reads",
    )
}

fn bytes_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn connect(path: &Path, bounds: Bounds) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = sql(Connection::open_with_flags(path, flags))?;
    sql(connection.busy_timeout(BUSY_TIMEOUT))?;
    sql(connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())))?;
    // A crash may cost the last samples and nothing else.
    sql(connection.pragma_update(None, "synchronous", "NORMAL"))?;
    sql(connection.pragma_update(None, "temp_store", "MEMORY"))?;
    sql(connection.pragma_update_and_check(None, "secure_delete", "FAST", |_| Ok(())))?;
    sql(connection
        .pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_FRAMES, |_| Ok(())))?;
    let cache_kib = -512;
    sql(connection.pragma_update(None, "cache_size", cache_kib))?;
    prepare(&connection)?;
    // Whatever else goes wrong, no file grows beyond this.
    let page_bytes: u64 = page_bytes(&connection)?;
    sql(connection.pragma_update_and_check(
        None,
        "max_page_count",
        integer(bounds.data_bytes / page_bytes.max(1)),
        |_| Ok(()),
    ))?;
    Ok(connection)
}

fn page_bytes(connection: &Connection) -> Result<u64> {
    let bytes: i64 = sql(connection.pragma_query_value(None, "page_size", |row| row.get(0)))?;
    Ok(natural(bytes))
}

/// Makes the tables in an empty file, and refuses one that is not ours or is newer.
fn prepare(connection: &Connection) -> Result<()> {
    let known = |connection: &Connection| -> Result<(i32, u32)> {
        let application =
            sql(connection.pragma_query_value(None, "application_id", |row| row.get(0)))?;
        let version = sql(connection.pragma_query_value(None, "user_version", |row| row.get(0)))?;
        Ok((application, version))
    };
    let (application, version) = known(connection)?;
    if application == APPLICATION_ID {
        return if version > FORMAT_VERSION {
            Err(Error::new(
                ErrorKind::Incompatible,
                format!("it has format {version}, this program knows up to {FORMAT_VERSION}"),
            )
            .with_hint("install a newer ragged, or delete telemetry.db"))
        } else {
            Ok(())
        };
    }
    sql(connection.execute_batch("BEGIN IMMEDIATE"))?;
    let made = (|| {
        // Another process may have made it while this one waited.
        if known(connection)?.0 == APPLICATION_ID {
            return Ok(());
        }
        let n_tables: i64 =
            sql(connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)))?;
        if n_tables > 0 {
            return Err(Error::new(
                ErrorKind::Incompatible,
                "the file is an SQLite database of another program",
            )
            .with_hint("move it away"));
        }
        sql(connection.execute_batch(include_str!("schema.sql")))?;
        sql(connection.pragma_update(None, "user_version", FORMAT_VERSION))?;
        sql(connection.pragma_update(None, "application_id", APPLICATION_ID))
    })();
    sql(connection.execute_batch(if made.is_ok() { "COMMIT" } else { "ROLLBACK" }))?;
    made
}

/// Drops the oldest where little room is left.
fn trim(tx: &Transaction<'_>, bounds: Bounds) -> Result<()> {
    let pragma = |name: &str| -> Result<u64> {
        let n: i64 = sql(tx.pragma_query_value(None, name, |row| row.get(0)))?;
        Ok(natural(n))
    };
    let page_bytes = page_bytes(tx)?;
    let room = |tx_used: u64| bounds.data_bytes.saturating_sub(tx_used * page_bytes);
    loop {
        let n_used = pragma("page_count")?.saturating_sub(pragma("freelist_count")?);
        if room(n_used) >= BATCH_BYTES.min(bounds.data_bytes / 2) {
            return Ok(());
        }
        let n_dropped = sql(tx
            .prepare_cached(
                "DELETE FROM samples WHERE seq IN (SELECT seq FROM samples ORDER BY seq LIMIT \
                 min(?1, (SELECT (max(seq) - min(seq)) / 16 + 1 FROM samples)))",
            )
            .and_then(|mut statement| statement.execute([STEP_ROWS])))?;
        if n_dropped == 0 {
            return Ok(());
        }
    }
}

fn insert(tx: &Transaction<'_>, sample: &Sample) -> Result<()> {
    let stage = |stage: Stage| sample.stages.get(stage).map(integer);
    sql(tx.prepare_cached(INSERT).and_then(|mut statement| {
        statement.execute(params![
            sample.at_ms,
            sample.kind as i64,
            integer(sample.total_us),
            stage(Stage::Open),
            stage(Stage::Enhance),
            stage(Stage::Embed),
            stage(Stage::Retrieve),
            stage(Stage::Filter),
            stage(Stage::Vector),
            stage(Stage::Recompute),
            stage(Stage::Lexical),
            stage(Stage::Read),
            stage(Stage::Rerank),
            stage(Stage::Generate),
            stage(Stage::Record),
            integer(sample.k),
            integer(sample.n_hits),
            sample.strategy,
            sample.from_cache,
            sample.is_generated,
            integer(sample.recomputed),
            integer(sample.cached_vectors),
            integer(sample.visited),
            sample.digest.as_ref().map(<[u8; 16]>::as_slice),
            sample.interaction,
        ])
    }))?;
    count_up(tx, "queries", sample.kind.as_str(), 1)?;
    if sample.kind == Kind::Ingest {
        return Ok(());
    }
    count_time(tx, -1, sample.total_us)?;
    for stage in Stage::ALL {
        if let Some(us) = sample.stages.get(stage) {
            count_time(tx, stage as i64, us)?;
        }
    }
    Ok(())
}

fn count_time(tx: &Transaction<'_>, stage: i64, us: u64) -> Result<()> {
    let bucket = integer(BUCKETS_US.partition_point(|bound| *bound < us) as u64);
    sql(tx
        .prepare_cached(COUNT_TIME)
        .and_then(|mut statement| statement.execute(params![stage, bucket, integer(us)])))
    .map(|_| ())
}

fn count_up(tx: &Transaction<'_>, name: &str, label: &str, by: u64) -> Result<()> {
    if by == 0 {
        return Ok(());
    }
    sql(tx
        .prepare_cached(COUNT_UP)
        .and_then(|mut statement| statement.execute(params![name, label, integer(by)])))
    .map(|_| ())
}

fn count_caches(tx: &Transaction<'_>, caches: &[CacheUse]) -> Result<()> {
    caches.iter().try_for_each(|cache| {
        count_up(tx, "cache_hits", cache.cache, cache.hits)?;
        count_up(tx, "cache_misses", cache.cache, cache.misses)?;
        count_up(tx, "cache_evictions", cache.cache, cache.evictions)
    })
}

fn sample_of(row: &Row<'_>) -> rusqlite::Result<Sample> {
    let mut stages = StageTimes::default();
    for (idx, stage) in Stage::ALL.into_iter().enumerate() {
        stages.set(stage, row.get::<_, Option<i64>>(3 + idx)?.map(natural));
    }
    let natural = |idx: usize| row.get::<_, i64>(idx).map(natural);
    Ok(Sample {
        at_ms: row.get(0)?,
        kind: Kind::from_number(row.get(1)?),
        total_us: natural(2)?,
        stages,
        k: natural(15)?,
        n_hits: natural(16)?,
        strategy: row.get(17)?,
        from_cache: row.get(18)?,
        is_generated: row.get(19)?,
        recomputed: natural(20)?,
        cached_vectors: natural(21)?,
        visited: natural(22)?,
        digest: row.get::<_, Option<Vec<u8>>>(23)?.and_then(|digest| digest.try_into().ok()),
        interaction: row.get(24)?,
    })
}

#[cold]
fn explain(error: Error) -> Error {
    if error.kind() == ErrorKind::Corrupt {
        return error.with_hint(
            "it holds measurements alone: delete telemetry.db, and -wal and -shm beside it",
        );
    }
    error
}
