//! Changing the library: one transaction at a time.

use std::{collections::BTreeSet, sync::MutexGuard};

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    KEY_GENERATION, KEY_NEXT_CHUNK, Reader,
    dated::{believable, columns},
    integer, natural, path_hash, required_value, sql,
    text::{block_id, compress},
};
use crate::{
    chunk::Chunk,
    collection::CollectionName,
    document::{Document, OwnTimes},
    error::{Context, Result},
    id::{ChunkId, ChunkRange, DocumentId, Generation},
};

/// A document ready to be written: everything that takes time is already done.
#[derive(Debug)]
pub struct NewDocument {
    content_hash: [u8; 16],
    format: &'static str,
    code_language: Option<String>,
    language: Option<String>,
    title: Option<String>,
    pages: Option<u32>,
    times: OwnTimes,
    text_bytes: u64,
    /// The dictionary that the blocks are compressed with; 0 for none.
    dictionary: i64,
    blocks: Vec<Vec<u8>>,
    chunks: Vec<Chunk>,
}

impl NewDocument {
    /// Compresses the document's text; about 50 MB of text a second.
    pub fn prepare(
        reader: &Reader<'_>,
        document: &Document,
        content_hash: [u8; 16],
        language: Option<String>,
        chunks: Vec<Chunk>,
    ) -> Result<Self> {
        let dictionary = reader.store.newest_dictionary(reader.connection()?)?;
        Ok(Self {
            content_hash,
            format: document.format.as_str(),
            code_language: document.code_language.clone(),
            language,
            title: document.title.clone(),
            pages: document.pages,
            times: document.times,
            text_bytes: document.text.len() as u64,
            dictionary: dictionary.as_ref().map_or(0, |dictionary| dictionary.id),
            blocks: compress(&document.text, dictionary.as_deref())?,
            chunks,
        })
    }

    /// Bytes that the document occupies until it is written.
    pub fn footprint_bytes(&self) -> usize {
        self.blocks.iter().map(Vec::len).sum::<usize>()
            + self
                .chunks
                .iter()
                .map(|chunk| size_of::<Chunk>() + chunk.heading.len())
                .sum::<usize>()
    }
}

/// A change of the library. Dropped without [`commit`](Self::commit), it leaves no trace.
#[derive(Debug)]
pub struct Transaction<'a> {
    pub(super) connection: MutexGuard<'a, Connection>,
    generation: Generation,
    next_chunk: u64,
    /// Documents that lost a file; those that no file holds in the end are removed.
    pub(super) maybe_unheld: BTreeSet<DocumentId>,
    /// Whether `COMMIT` or `ROLLBACK` has been issued.
    ended: bool,
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // Fails only where SQLite has already rolled back by itself.
            drop(self.connection.execute_batch("ROLLBACK"));
        }
    }
}

impl<'a> Transaction<'a> {
    pub(super) fn begin(connection: MutexGuard<'a, Connection>) -> Result<Self> {
        sql(connection.execute_batch("BEGIN IMMEDIATE"))
            .context_with(|| "beginning a transaction on the library")?;
        let mut transaction = Self {
            connection,
            generation: Generation(0),
            next_chunk: 0,
            maybe_unheld: BTreeSet::new(),
            ended: false,
        };
        let generation = required_value(&transaction.connection, KEY_GENERATION)?;
        transaction.generation = Generation(generation + 1);
        transaction.next_chunk = required_value(&transaction.connection, KEY_NEXT_CHUNK)?;
        Ok(transaction)
    }

    /// The generation that the library will have once this transaction is committed.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Adds a document, unless one of the same content and format is there. Gives its id, its
    /// chunks, and whether it is new.
    pub fn add_document(
        &mut self,
        document: &NewDocument,
        now_ms: i64,
    ) -> Result<(DocumentId, ChunkRange, bool)> {
        let present = sql(self
            .connection
            .prepare_cached(
                "SELECT id, first_chunk, n_chunks FROM documents \
                 WHERE content_hash = ?1 AND format = ?2",
            )
            .and_then(|mut statement| {
                statement
                    .query_row(params![document.content_hash, document.format], |row| {
                        Ok((
                            DocumentId(natural(row.get(0)?)),
                            ChunkRange {
                                first: ChunkId(natural(row.get(1)?)),
                                n_chunks: row.get(2)?,
                            },
                        ))
                    })
                    .optional()
            }))?;
        if let Some((id, chunks)) = present {
            return Ok((id, chunks, false));
        }
        let range =
            ChunkRange { first: ChunkId(self.next_chunk), n_chunks: document.chunks.len() as u32 };
        // Ids are never used again: the first chunk id grows with every document, and a document
        // without chunks still takes one, so it can name the document as well.
        let id = DocumentId(self.next_chunk);
        self.next_chunk += u64::from(range.n_chunks).max(1);
        let own = believable(document.times, now_ms);
        let (created, modified) = (columns(own.created), columns(own.modified));
        sql(self
            .connection
            .prepare_cached(
                "INSERT INTO documents (id, content_hash, format, code_language, language, \
                 title, pages, text_bytes, first_chunk, n_chunks, added_ms, generation, \
                 own_created_ms, own_created_precision, own_created_source, own_modified_ms, \
                 own_modified_precision, own_modified_source) VALUES (?1, ?2, ?3, ?4, ?5, ?6, \
                 ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    integer(id.0),
                    document.content_hash,
                    document.format,
                    document.code_language,
                    document.language,
                    document.title,
                    document.pages,
                    integer(document.text_bytes),
                    integer(range.first.0),
                    range.n_chunks,
                    now_ms,
                    integer(self.generation.0),
                    created.0,
                    created.1,
                    created.2,
                    modified.0,
                    modified.1,
                    modified.2,
                ])
            }))?;
        {
            let mut statement = sql(self.connection.prepare_cached(
                "INSERT INTO text_blocks (id, dictionary, data) VALUES (?1, ?2, ?3)",
            ))?;
            for (ordinal, block) in document.blocks.iter().enumerate() {
                sql(statement.execute(params![block_id(id, ordinal), document.dictionary, block]))?;
            }
        }
        let mut statement = sql(self.connection.prepare_cached(
            "INSERT INTO chunks (id, document_id, start, length, first_line, n_lines, \
             first_page, last_page, heading) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        ))?;
        for (chunk_id, chunk) in range.ids().zip(&document.chunks) {
            sql(statement.execute(params![
                integer(chunk_id),
                integer(id.0),
                chunk.span.start,
                chunk.span.end - chunk.span.start,
                chunk.lines.0,
                chunk.lines.1 - chunk.lines.0 + 1,
                chunk.pages.map(|pages| pages.0),
                chunk.pages.map(|pages| pages.1),
                (!chunk.heading.is_empty()).then_some(&chunk.heading),
            ]))?;
        }
        drop(statement);
        Ok((id, range, true))
    }

    /// Whether a document is in the library.
    pub fn has_document(&self, document: DocumentId) -> Result<bool> {
        sql(self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM documents WHERE id = ?1)")
            .and_then(|mut statement| statement.query_row([integer(document.0)], |row| row.get(0))))
    }

    /// Says that the file at `path` holds a document. A file that is new comes into `collection`;
    /// one that is known stays in its own. A document that the path held before is removed at the
    /// commit, unless a file holds it then: a later file of the same change may.
    ///
    /// # Errors
    ///
    /// `NotFound` if a new file's collection does not exist.
    pub fn set_file(
        &mut self,
        path: &str,
        document: DocumentId,
        collection: &CollectionName,
        size_bytes: u64,
        modified_ns: i64,
    ) -> Result<()> {
        let before = self.file_document(path)?;
        let dated_ns = self.dated_ns(document, path, modified_ns)?;
        let (size_bytes, id) = (integer(size_bytes), integer(document.0));
        if before.is_some() {
            sql(self
                .connection
                .prepare_cached(
                    "UPDATE files SET document_id = ?3, size_bytes = ?4, modified_ns = ?5, \
                     dated_ns = ?6 WHERE path_hash = ?2 AND path = ?1",
                )
                .and_then(|mut statement| {
                    statement.execute(params![
                        path,
                        path_hash(path),
                        id,
                        size_bytes,
                        modified_ns,
                        dated_ns
                    ])
                }))?;
        } else {
            let collection = self.collection_id(collection)?;
            sql(self
                .connection
                .prepare_cached(
                    "INSERT INTO files (path, path_hash, document_id, size_bytes, modified_ns, \
                     collection_id, dated_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )
                .and_then(|mut statement| {
                    statement.execute(params![
                        path,
                        path_hash(path),
                        id,
                        size_bytes,
                        modified_ns,
                        collection,
                        dated_ns
                    ])
                }))?;
        }
        self.forget_unreadable(path)?;
        self.maybe_unheld.extend(before.filter(|before| *before != document));
        Ok(())
    }

    /// Takes a file out of the library, and with it, at the commit, the document that no other file
    /// holds then. Gives whether the file was there.
    pub fn remove_file(&mut self, path: &str) -> Result<bool> {
        self.forget_unreadable(path)?;
        let Some(document) = self.file_document(path)? else { return Ok(false) };
        sql(self
            .connection
            .prepare_cached("DELETE FROM files WHERE path_hash = ?1 AND path = ?2")
            .and_then(|mut statement| statement.execute(params![path_hash(path), path])))?;
        self.maybe_unheld.insert(document);
        Ok(true)
    }

    /// Notes that a file could not be read. What the library held of it before stays out: the
    /// caller removes it.
    pub fn set_unreadable(
        &mut self,
        path: &str,
        size_bytes: u64,
        modified_ns: i64,
        reader_version: u32,
        reason: &str,
    ) -> Result<()> {
        sql(self
            .connection
            .prepare_cached(
                "INSERT OR REPLACE INTO unreadable_files (path, size_bytes, modified_ns, \
                 reader_version, reason) VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    path,
                    integer(size_bytes),
                    modified_ns,
                    reader_version,
                    reason
                ])
            }))?;
        Ok(())
    }

    /// Takes a document out, with its files, whatever state its rows are in.
    pub fn remove_document(&mut self, document: DocumentId) -> Result<()> {
        let id = integer(document.0);
        let range = (block_id(document, 0), block_id(DocumentId(document.0 + 1), 0));
        sql(self.connection.execute("DELETE FROM files WHERE document_id = ?1", [id]))?;
        self.remove_if_unheld(document)?;
        sql(self.connection.execute("DELETE FROM chunks WHERE document_id = ?1", [id]))?;
        sql(self
            .connection
            .execute("DELETE FROM text_blocks WHERE id >= ?1 AND id < ?2", [range.0, range.1]))?;
        Ok(())
    }

    /// Makes the change durable and visible to readers that begin from now on. Gives the new
    /// generation and the chunks that are gone.
    pub fn commit(mut self) -> Result<(Generation, Vec<ChunkRange>)> {
        let what = || "committing a change of the library";
        let mut removed = Vec::new();
        for document in std::mem::take(&mut self.maybe_unheld) {
            removed.extend(self.remove_if_unheld(document).context_with(what)?);
        }
        for (key, value) in [(KEY_GENERATION, self.generation.0), (KEY_NEXT_CHUNK, self.next_chunk)]
        {
            sql(self
                .connection
                .prepare_cached("UPDATE library SET value = ?2 WHERE key = ?1")
                .and_then(|mut statement| statement.execute(params![key, integer(value)])))
            .context_with(what)?;
        }
        sql(self.connection.execute_batch("COMMIT")).context_with(what)?;
        self.ended = true;
        Ok((self.generation, removed))
    }

    fn file_document(&self, path: &str) -> Result<Option<DocumentId>> {
        sql(self
            .connection
            .prepare_cached("SELECT document_id FROM files WHERE path_hash = ?1 AND path = ?2")
            .and_then(|mut statement| {
                statement
                    .query_row(params![path_hash(path), path], |row| {
                        Ok(DocumentId(natural(row.get(0)?)))
                    })
                    .optional()
            }))
    }

    fn forget_unreadable(&self, path: &str) -> Result<()> {
        sql(self
            .connection
            .prepare_cached("DELETE FROM unreadable_files WHERE path = ?1")
            .and_then(|mut statement| statement.execute([path])))?;
        Ok(())
    }

    fn remove_if_unheld(&self, document: DocumentId) -> Result<Option<ChunkRange>> {
        let id = integer(document.0);
        let held: bool = sql(self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM files WHERE document_id = ?1)")
            .and_then(|mut statement| statement.query_row([id], |row| row.get(0))))?;
        if held {
            return Ok(None);
        }
        let found: Option<(i64, u32, i64)> = sql(self
            .connection
            .prepare_cached("SELECT first_chunk, n_chunks, text_bytes FROM documents WHERE id = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .optional()
            }))?;
        let Some((first_chunk, n_chunks, text_bytes)) = found else { return Ok(None) };
        let n_blocks = (natural(text_bytes) as usize).div_ceil(super::text::BLOCK_BYTES);
        for (statement, from, to) in [
            (
                "DELETE FROM text_blocks WHERE id >= ?1 AND id < ?2",
                block_id(document, 0),
                block_id(document, n_blocks),
            ),
            (
                "DELETE FROM chunks WHERE id >= ?1 AND id < ?2",
                first_chunk,
                first_chunk + i64::from(n_chunks),
            ),
            ("DELETE FROM documents WHERE id >= ?1 AND id < ?2", id, id + 1),
        ] {
            sql(self
                .connection
                .prepare_cached(statement)
                .and_then(|mut statement| statement.execute([from, to])))?;
        }
        if n_chunks > 0 {
            sql(self
                .connection
                .prepare_cached(
                    "INSERT INTO removed_chunks (first_chunk, n_chunks, generation) \
                     VALUES (?1, ?2, ?3)",
                )
                .and_then(|mut statement| {
                    statement.execute(params![first_chunk, n_chunks, integer(self.generation.0)])
                }))?;
        }
        Ok(Some(ChunkRange { first: ChunkId(natural(first_chunk)), n_chunks }))
    }
}
