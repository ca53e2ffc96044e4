//! A document's text as compressed blocks.
//!
//! The text is cut every [`BLOCK_BYTES`] bytes whatever stands there, so that the block of any
//! offset follows by division; pieces are joined before they are read as UTF-8.

use std::{cell::RefMut, collections::BTreeMap, fmt, sync::Arc};

use rusqlite::Connection;
use zstd::zstd_safe::DCtx;

use super::{Store, dictionary::Dictionary, sql};
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

/// Decompresses blocks one after another. A context is some hundred kilobytes: making one for
/// each block would take longer than the block.
#[derive(Default)]
pub(super) struct Decompressor {
    /// Made when it is first needed.
    context: Option<DCtx<'static>>,
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor").finish_non_exhaustive()
    }
}

impl Decompressor {
    /// Decompresses one block into `block`, whose content is replaced.
    pub(super) fn decompress(
        &mut self,
        id: i64,
        data: &[u8],
        dictionary: Option<&Dictionary>,
        block: &mut Vec<u8>,
    ) -> Result<()> {
        block.clear();
        block.reserve_exact(BLOCK_BYTES);
        let context = self.context.get_or_insert_with(DCtx::create);
        let decompressed = match dictionary {
            Some(dictionary) => {
                context.decompress_using_ddict(block, data, dictionary.decoder.as_ddict())
            }
            None => context.decompress(block, data),
        };
        let problem = match decompressed {
            Ok(n_bytes) if n_bytes <= BLOCK_BYTES => return Ok(()),
            Ok(_) => "Destination buffer is too small",
            Err(code) => zstd::zstd_safe::get_error_name(code),
        };
        block.clear();
        let (document, ordinal) = block_owner(id);
        Err(Error::new(
            ErrorKind::Corrupt,
            format!("text block {ordinal} of document {document}: {problem}"),
        )
        .with_hint("run `ragged check --repair`"))
    }
}

/// Decompressed blocks of one reading session, so that chunks of the same block cost one
/// decompression.
#[derive(Debug, Default)]
pub(super) struct BlockCache {
    pub(super) decompressor: Decompressor,
    blocks: BTreeMap<i64, Arc<Vec<u8>>>,
    /// Buffers of blocks that an earlier session read, to be filled again.
    spare: Vec<Vec<u8>>,
    /// The last text that stands in more than one block.
    joined: Vec<u8>,
}

/// A session that has read more than this starts its cache anew.
const MAX_CACHED_BLOCKS: usize = 1024;
/// Buffers that outlive a session: what a search needs, half a megabyte.
const MAX_SPARE_BLOCKS: usize = 32;

impl BlockCache {
    #[cfg(test)]
    pub(super) fn n_blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Forgets all text, and keeps what the next session can use.
    pub(super) fn end_session(&mut self) {
        let blocks = std::mem::take(&mut self.blocks).into_values();
        // What another session shares is left to that.
        self.spare.extend(blocks.filter_map(|block| Arc::try_unwrap(block).ok()));
        self.spare.truncate(MAX_SPARE_BLOCKS);
        self.joined = Vec::new();
    }

    /// Has each of several sessions know the blocks of all.
    pub(super) fn share(caches: &mut [RefMut<'_, Self>]) {
        let blocks = caches.iter().flat_map(|cache| &cache.blocks);
        let all: BTreeMap<i64, Arc<Vec<u8>>> =
            blocks.map(|(id, block)| (*id, Arc::clone(block))).take(MAX_CACHED_BLOCKS).collect();
        for cache in caches {
            cache.blocks.clone_from(&all);
        }
    }

    /// Calls `with` with the text inside `span` of a document.
    pub(super) fn read<T>(
        &mut self,
        store: &Store,
        connection: &Connection,
        document: DocumentId,
        span: Span,
        with: impl FnOnce(&str) -> T,
    ) -> Result<T> {
        let (start, end) = (span.start as usize, span.end as usize);
        let first = start / BLOCK_BYTES;
        let bytes = if end <= (first + 1) * BLOCK_BYTES {
            // As nearly every chunk: no byte is copied.
            if start < end { self.piece(store, connection, document, start, end)? } else { &[] }
        } else {
            let mut joined = std::mem::take(&mut self.joined);
            joined.clear();
            joined.reserve(end - start);
            let mut at = start;
            while at < end {
                let to = (at / BLOCK_BYTES + 1).saturating_mul(BLOCK_BYTES).min(end);
                joined.extend_from_slice(self.piece(store, connection, document, at, to)?);
                at = to;
            }
            self.joined = joined;
            &self.joined
        };
        let text = std::str::from_utf8(bytes).map_err(|_| {
            Error::new(
                ErrorKind::Corrupt,
                format!("bytes {start}..{end} of document {document} are not UTF-8"),
            )
            .with_hint("run `ragged check --repair`")
        })?;
        Ok(with(text))
    }

    /// Bytes of a document's text that lie in one block.
    fn piece(
        &mut self,
        store: &Store,
        connection: &Connection,
        document: DocumentId,
        start: usize,
        end: usize,
    ) -> Result<&[u8]> {
        let ordinal = start / BLOCK_BYTES;
        let block = self.block(store, connection, block_id(document, ordinal))?;
        let before = ordinal * BLOCK_BYTES;
        block.get(start - before..end - before).ok_or_else(|| {
            Error::new(
                ErrorKind::Corrupt,
                format!("text block {ordinal} of document {document} is too short"),
            )
            .with_hint("run `ragged check --repair`")
        })
    }

    fn block(&mut self, store: &Store, connection: &Connection, id: i64) -> Result<&[u8]> {
        if !self.blocks.contains_key(&id) {
            if self.blocks.len() >= MAX_CACHED_BLOCKS {
                self.blocks.clear();
            }
            let mut block = self.spare.pop().unwrap_or_default();
            self.load(store, connection, id, &mut block)?;
            self.blocks.insert(id, Arc::new(block));
        }
        Ok(self.blocks.get(&id).map_or(&[], |block| block.as_slice()))
    }

    /// Reads a block from where SQLite has it, into `block`.
    fn load(
        &mut self,
        store: &Store,
        connection: &Connection,
        id: i64,
        block: &mut Vec<u8>,
    ) -> Result<()> {
        let mut statement = sql(
            connection.prepare_cached("SELECT dictionary, data FROM text_blocks WHERE id = ?1")
        )?;
        let mut rows = sql(statement.query([id]))?;
        let Some(row) = sql(rows.next())? else {
            let (document, ordinal) = block_owner(id);
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("text block {ordinal} of document {document} is missing"),
            )
            .with_hint("run `ragged check --repair`"));
        };
        let dictionary = store.dictionary(connection, sql(row.get(0))?)?;
        let data = sql(row.get_ref(1).and_then(|data| Ok(data.as_blob()?)))?;
        self.decompressor.decompress(id, data, dictionary.as_deref(), block)
    }
}
