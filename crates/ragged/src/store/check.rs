//! Verifying every row of the library against every other.

use rusqlite::params;

use super::{
    Reader, natural,
    read::DocumentRow,
    sql,
    text::{BLOCK_BYTES, block_id, block_owner},
};
use crate::{document::Span, error::Result, id::DocumentId};

/// Something in `library.db` that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is wrong, in words.
    pub what: String,
    /// The document that is affected, if the damage is confined to one: adding its files again
    /// mends it.
    pub document: Option<DocumentId>,
}

impl Reader<'_> {
    /// Verifies SQLite's own structure, every text block's checksum, and that documents, files,
    /// chunks and blocks refer to each other and to nothing else. Reads everything once.
    pub fn check(&self) -> Result<Vec<Damage>> {
        let connection = self.connection()?;
        let mut damage = Vec::new();
        let mut note = |what: String, document| damage.push(Damage { what, document });

        let mut statement = sql(connection.prepare("PRAGMA integrity_check"))?;
        let mut rows = sql(statement.query([]))?;
        while let Some(row) = sql(rows.next())? {
            let message: String = sql(row.get(0))?;
            if message != "ok" {
                note(format!("library.db: {message}"), None);
            }
        }

        let mut previous_end = 0;
        for document in self.documents()? {
            if document.chunks.first.0 < previous_end {
                note("its chunk ids belong to another document too".to_owned(), Some(document.id));
            }
            previous_end = document.chunks.ids().end;
            self.check_document(&document, &mut note)?;
        }

        for (query, what) in [
            (
                "SELECT b.id >> 20, count(*) FROM text_blocks b LEFT JOIN documents d \
                 ON d.id = b.id >> 20 WHERE d.id IS NULL GROUP BY 1",
                "text blocks of a document that does not exist",
            ),
            (
                "SELECT document_id, count(*) FROM files GROUP BY path HAVING count(*) > 1",
                "files with one path",
            ),
            (
                "SELECT c.document_id, count(*) FROM chunks c LEFT JOIN documents d \
                 ON d.id = c.document_id WHERE d.id IS NULL GROUP BY 1",
                "chunks of a document that does not exist",
            ),
            (
                "SELECT f.document_id, count(*) FROM files f LEFT JOIN documents d \
                 ON d.id = f.document_id WHERE d.id IS NULL GROUP BY 1",
                "files that hold a document that does not exist",
            ),
            (
                "SELECT d.id, 1 FROM documents d LEFT JOIN files f ON f.document_id = d.id \
                 WHERE f.path IS NULL",
                "document that no file holds",
            ),
        ] {
            let mut statement = sql(connection.prepare(query))?;
            let mut rows = sql(statement.query([]))?;
            while let Some(row) = sql(rows.next())? {
                let document: i64 = sql(row.get(0))?;
                let n: i64 = sql(row.get(1))?;
                note(format!("{n} {what}"), Some(DocumentId(natural(document))));
            }
        }
        for (query, what) in [
            (
                "SELECT count(*) FROM files WHERE collection_id NOT IN (SELECT id FROM collections)",
                "files in a collection that does not exist",
            ),
            (
                "SELECT count(*) FROM roots WHERE collection_id NOT IN (SELECT id FROM collections)",
                "folders of a collection that does not exist",
            ),
            (
                "SELECT NOT EXISTS (SELECT 1 FROM collections WHERE id = 1 AND name = 'default')",
                "collection `default` missing",
            ),
        ] {
            let n: i64 = sql(connection.query_row(query, [], |row| row.get(0)))?;
            if n > 0 {
                note(format!("{n} {what}"), None);
            }
        }
        let n = self.n_misdated_files()?;
        if n > 0 {
            note(format!("{n} files dated otherwise than their documents and names say"), None);
        }
        Ok(damage)
    }

    fn check_document(
        &self,
        document: &DocumentRow,
        note: &mut impl FnMut(String, Option<DocumentId>),
    ) -> Result<()> {
        let connection = self.connection()?;
        let n_blocks = (document.text_bytes as usize).div_ceil(BLOCK_BYTES);
        let mut statement = sql(connection.prepare_cached(
            "SELECT id, data, dictionary FROM text_blocks WHERE id >= ?1 AND id < ?2 ORDER BY id",
        ))?;
        let mut rows = sql(statement
            .query(params![block_id(document.id, 0), block_id(DocumentId(document.id.0 + 1), 0)]))?;
        let mut text = Vec::with_capacity(document.text_bytes as usize);
        let mut bytes = Vec::new();
        let mut n_found = 0;
        while let Some(row) = sql(rows.next())? {
            let id: i64 = sql(row.get(0))?;
            if block_owner(id).1 != n_found {
                note(format!("text block {n_found} is missing"), Some(document.id));
                return Ok(());
            }
            n_found += 1;
            let data: Vec<u8> = sql(row.get(1))?;
            let block =
                self.store.dictionary(connection, sql(row.get(2))?).and_then(|dictionary| {
                    let decompressor = &mut self.blocks.borrow_mut().decompressor;
                    decompressor.decompress(id, &data, dictionary.as_deref(), &mut bytes)
                });
            match block {
                Ok(()) => text.extend_from_slice(&bytes),
                Err(error) => note(error.to_string(), Some(document.id)),
            }
        }
        if n_found != n_blocks as u64 || text.len() as u64 != document.text_bytes {
            note(
                format!(
                    "{n_found} text blocks with {} bytes, {n_blocks} with {} expected",
                    text.len(),
                    document.text_bytes
                ),
                Some(document.id),
            );
            return Ok(());
        }
        let Ok(text) = String::from_utf8(text) else {
            note("its text is not UTF-8".to_owned(), Some(document.id));
            return Ok(());
        };
        let chunks = self.chunks(document.chunks)?;
        if chunks.len() != document.chunks.n_chunks as usize {
            note(
                format!("{} chunks, {} expected", chunks.len(), document.chunks.n_chunks),
                Some(document.id),
            );
        }
        for chunk in chunks {
            let Span { start, end } = chunk.span;
            if chunk.document != document.id {
                note(format!("chunk {} says it belongs elsewhere", chunk.id), Some(document.id));
            }
            if start >= end || text.get(start as usize..end as usize).is_none() {
                note(
                    format!("chunk {} stands at {start}..{end} of {} bytes", chunk.id, text.len()),
                    Some(document.id),
                );
            }
        }
        Ok(())
    }
}
