//! A document's text as compressed blocks.
//!
//! The text is cut every [`BLOCK_BYTES`] bytes whatever stands there, so that the block of any
//! offset follows by division; pieces are joined before they are read as UTF-8.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{Store, dictionary::Dictionary, sql, sql_error};
use crate::{
    document::Span,
    error::{Error, ErrorKind, Result},
    id::DocumentId,
};

/// Bytes of text in one block: about sixteen chunks, past which zstd gains little and a query
/// would decompress text it does not need.
pub(super) const BLOCK_BYTES: usize = 16 * 1024;
/// Blocks of one document have ids `document * BLOCKS_PER_DOCUMENT + ordinal`.
const BLOCKS_PER_DOCUMENT: u64 = 1 << 20;
/// zstd level: beyond it a percent of size costs a multiple of the time.
pub(super) const LEVEL: i32 = 9;

pub(super) fn block_id(document: DocumentId, ordinal: usize) -> i64 {
    super::integer(document.0 * BLOCKS_PER_DOCUMENT + ordinal as u64)
}

/// The document and the ordinal of a block id.
pub(super) fn block_owner(id: i64) -> (DocumentId, u64) {
    let id = super::natural(id);
    (DocumentId(id / BLOCKS_PER_DOCUMENT), id % BLOCKS_PER_DOCUMENT)
}

/// Compresses a text into its blocks. Done by the threads that prepare documents, not by the one
/// that writes.
pub(super) fn compress(text: &str, dictionary: Option<&Dictionary>) -> Result<Vec<Vec<u8>>> {
    let failed = |error| Error::io(error).context("compressing a document's text");
    let mut compressor = match dictionary {
        Some(dictionary) => zstd::bulk::Compressor::with_prepared_dictionary(&dictionary.encoder),
        None => zstd::bulk::Compressor::new(LEVEL),
    }
    .map_err(failed)?;
    compressor.include_checksum(true).map_err(failed)?;
    text.as_bytes()
        .chunks(BLOCK_BYTES)
        .map(|piece| compressor.compress(piece).map_err(failed))
        .collect()
}

/// Decompresses one block.
pub(super) fn decompress(id: i64, data: &[u8], dictionary: Option<&Dictionary>) -> Result<Vec<u8>> {
    let decompressed = match dictionary {
        Some(dictionary) => zstd::bulk::Decompressor::with_prepared_dictionary(&dictionary.decoder)
            .and_then(|mut decompressor| decompressor.decompress(data, BLOCK_BYTES)),
        None => zstd::bulk::decompress(data, BLOCK_BYTES),
    };
    decompressed.map_err(|error| {
        let (document, ordinal) = block_owner(id);
        Error::new(
            ErrorKind::Corrupt,
            format!("text block {ordinal} of document {document}: {error}"),
        )
        .with_hint("run `ragged check --repair`")
    })
}

/// Decompressed blocks of one reading session, so that chunks of the same block cost one
/// decompression.
#[derive(Debug, Default)]
pub(super) struct BlockCache {
    blocks: BTreeMap<i64, Vec<u8>>,
    bytes: usize,
}

/// A session that has read more than this starts its cache anew.
const MAX_CACHED_BYTES: usize = 16 << 20;

impl BlockCache {
    /// The text inside `span` of a document.
    pub(super) fn read(
        &mut self,
        store: &Store,
        connection: &Connection,
        document: DocumentId,
        span: Span,
    ) -> Result<String> {
        let mut bytes = Vec::with_capacity(span.len());
        let (start, end) = (span.start as usize, span.end as usize);
        let mut at = start;
        while at < end {
            let ordinal = at / BLOCK_BYTES;
            let block = self.block(store, connection, block_id(document, ordinal))?;
            let from = at - ordinal * BLOCK_BYTES;
            let to = (end - ordinal * BLOCK_BYTES).min(BLOCK_BYTES);
            let piece = block.get(from..to).ok_or_else(|| {
                Error::new(
                    ErrorKind::Corrupt,
                    format!("text block {ordinal} of document {document} is too short"),
                )
                .with_hint("run `ragged check --repair`")
            })?;
            bytes.extend_from_slice(piece);
            at = ordinal * BLOCK_BYTES + to;
        }
        String::from_utf8(bytes).map_err(|_| {
            Error::new(
                ErrorKind::Corrupt,
                format!("bytes {start}..{end} of document {document} are not UTF-8"),
            )
            .with_hint("run `ragged check --repair`")
        })
    }

    fn block(&mut self, store: &Store, connection: &Connection, id: i64) -> Result<&[u8]> {
        if !self.blocks.contains_key(&id) {
            if self.bytes > MAX_CACHED_BYTES {
                self.blocks.clear();
                self.bytes = 0;
            }
            let mut statement =
                sql(connection
                    .prepare_cached("SELECT dictionary, data FROM text_blocks WHERE id = ?1"))?;
            let (dictionary, data): (i64, Vec<u8>) = statement
                .query_row([id], |row| Ok((row.get(0)?, row.get_ref(1)?.as_blob()?.to_vec())))
                .map_err(|error| match error {
                    rusqlite::Error::QueryReturnedNoRows => {
                        let (document, ordinal) = block_owner(id);
                        Error::new(
                            ErrorKind::Corrupt,
                            format!("text block {ordinal} of document {document} is missing"),
                        )
                        .with_hint("run `ragged check --repair`")
                    }
                    other => sql_error(other),
                })?;
            let dictionary = store.dictionary(connection, dictionary)?;
            let block = decompress(id, &data, dictionary.as_deref())?;
            self.bytes += block.len();
            self.blocks.insert(id, block);
        }
        Ok(self.blocks.get(&id).map_or(&[], Vec::as_slice))
    }
}
