//! zstd dictionaries of a library's own text.
//!
//! Most files of a person are small, and small blocks compress badly: what they have in common
//! stands in each of them again. A dictionary made from a sample of the library's blocks holds it
//! once. It is made when the library is first large enough, and all blocks are then compressed
//! anew; blocks written later use it from the start.

use std::sync::{Arc, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use super::{
    Store, sql,
    text::{self, Decompressor, LEVEL},
};
use crate::error::{Context, Error, ErrorKind, Result};

/// A dictionary is made once a library has this many blocks: enough for a fair sample.
const MIN_BLOCKS: i64 = 1000;
/// Size of a dictionary; zstd's own recommendation, beyond which little is gained.
const DICTIONARY_BYTES: usize = 112 * 1024;
/// Text that a dictionary is made from.
const SAMPLE_BYTES: usize = 12 << 20;
/// Blocks compressed anew in one transaction.
const BLOCKS_PER_TRANSACTION: i64 = 4096;

/// A dictionary ready for use.
pub(super) struct Dictionary {
    pub(super) id: i64,
    pub(super) encoder: EncoderDictionary<'static>,
    pub(super) decoder: DecoderDictionary<'static>,
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dictionary").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Dictionary {
    fn new(id: i64, data: &[u8]) -> Arc<Self> {
        Arc::new(Self {
            id,
            encoder: EncoderDictionary::copy(data, LEVEL),
            decoder: DecoderDictionary::copy(data),
        })
    }
}

impl Store {
    /// The dictionary with this id; `None` for 0.
    pub(super) fn dictionary(
        &self,
        connection: &Connection,
        id: i64,
    ) -> Result<Option<Arc<Dictionary>>> {
        if id == 0 {
            return Ok(None);
        }
        let mut known = self.dictionaries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dictionary) = known.iter().find(|dictionary| dictionary.id == id) {
            return Ok(Some(Arc::clone(dictionary)));
        }
        let data: Option<Vec<u8>> = sql(connection
            .prepare_cached("SELECT data FROM dictionaries WHERE id = ?1")
            .and_then(|mut statement| statement.query_row([id], |row| row.get(0)).optional()))?;
        let data = data.ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, format!("the text dictionary {id} is missing"))
                .with_hint("run `ragged check --repair`")
        })?;
        let dictionary = Dictionary::new(id, &data);
        known.push(Arc::clone(&dictionary));
        Ok(Some(dictionary))
    }

    /// The dictionary that new blocks are compressed with, if there is one.
    pub(super) fn newest_dictionary(
        &self,
        connection: &Connection,
    ) -> Result<Option<Arc<Dictionary>>> {
        let newest: Option<i64> =
            sql(connection.query_row("SELECT max(id) FROM dictionaries", [], |row| row.get(0)))?;
        self.dictionary(connection, newest.unwrap_or(0))
    }

    /// Compresses the blocks that were written without a dictionary anew with one, making one if
    /// there is none and the library is large enough. Gives how many blocks it was.
    ///
    /// Killed in between, it leaves some blocks done and the others as they were, all readable.
    pub fn compress_with_dictionary(&self) -> Result<u64> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.compress_blocks(&writer)
            .context_with(|| format!("compressing the text of {}", self.path().display()))
    }

    fn compress_blocks(&self, connection: &Connection) -> Result<u64> {
        let dictionary = match self.newest_dictionary(connection)? {
            Some(dictionary) => dictionary,
            None => match self.make_dictionary(connection)? {
                Some(dictionary) => dictionary,
                None => return Ok(0),
            },
        };
        let mut compressor = zstd::bulk::Compressor::with_prepared_dictionary(&dictionary.encoder)
            .and_then(|mut compressor| {
                compressor.include_checksum(true)?;
                Ok(compressor)
            })
            .map_err(Error::io)?;
        let (mut decompressor, mut bytes) = (Decompressor::default(), Vec::new());
        let mut n_blocks = 0;
        loop {
            let transaction = sql(connection.unchecked_transaction())?;
            let blocks: Vec<(i64, Vec<u8>)> = {
                let mut statement = sql(transaction.prepare_cached(
                    "SELECT id, data FROM text_blocks WHERE dictionary = 0 ORDER BY id LIMIT ?1",
                ))?;
                let rows = sql(statement
                    .query_map([BLOCKS_PER_TRANSACTION], |row| Ok((row.get(0)?, row.get(1)?))))?;
                sql(rows.collect())?
            };
            if blocks.is_empty() {
                return Ok(n_blocks);
            }
            let mut update = sql(transaction.prepare_cached(
                "UPDATE text_blocks SET dictionary = ?2, data = ?3 WHERE id = ?1",
            ))?;
            for (id, data) in blocks {
                decompressor.decompress(id, &data, None, &mut bytes)?;
                let smaller = compressor.compress(&bytes).map_err(Error::io)?;
                sql(update.execute(params![id, dictionary.id, smaller]))?;
                n_blocks += 1;
            }
            drop(update);
            sql(transaction.commit())?;
        }
    }

    /// Makes a dictionary from a sample of all blocks, if there are enough of them.
    fn make_dictionary(&self, connection: &Connection) -> Result<Option<Arc<Dictionary>>> {
        let n_blocks: i64 =
            sql(connection.query_row("SELECT count(*) FROM text_blocks", [], |row| row.get(0)))?;
        if n_blocks < MIN_BLOCKS {
            return Ok(None);
        }
        let mut sample = Vec::new();
        let mut sizes = Vec::new();
        let (mut decompressor, mut bytes) = (Decompressor::default(), Vec::new());
        {
            // Every nth block, so that the sample is spread over the library and always the same.
            let wanted = super::integer((SAMPLE_BYTES / text::BLOCK_BYTES * 2) as u64);
            let step = (n_blocks / wanted).max(1);
            let mut statement = sql(connection.prepare(
                "SELECT id, data FROM (SELECT id, data, row_number() OVER (ORDER BY id) AS place \
                 FROM text_blocks WHERE dictionary = 0) WHERE place % ?1 = 0",
            ))?;
            let mut rows = sql(statement.query([step]))?;
            while let Some(row) = sql(rows.next())? {
                let id = sql(row.get(0))?;
                let data: Vec<u8> = sql(row.get(1))?;
                decompressor.decompress(id, &data, None, &mut bytes)?;
                if sample.len() + bytes.len() > SAMPLE_BYTES {
                    break;
                }
                sizes.push(bytes.len());
                sample.extend_from_slice(&bytes);
            }
        }
        // Text that has nothing in common makes no dictionary; it does without.
        let Ok(data) = zstd::dict::from_continuous(&sample, &sizes, DICTIONARY_BYTES) else {
            return Ok(None);
        };
        sql(connection.execute("INSERT INTO dictionaries (data) VALUES (?1)", [&data]))?;
        let id = connection.last_insert_rowid();
        let dictionary = Dictionary::new(id, &data);
        self.dictionaries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&dictionary));
        Ok(Some(dictionary))
    }
}
