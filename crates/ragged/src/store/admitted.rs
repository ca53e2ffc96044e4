//! What a filter asks of files and documents, answered from the indexes made for it.

use rusqlite::{OptionalExtension, Row, params};

use super::{Reader, integer, natural, sql};
use crate::{
    collection::CollectionName,
    document::Format,
    error::Result,
    id::{ChunkId, ChunkRange, DocumentId},
};

/// As much of a document as decides whether it may be found, and through which chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmittedDocument {
    /// Its chunks.
    pub chunks: ChunkRange,
    /// How its bytes were understood.
    pub format: Format,
    /// The programming language, of source code.
    pub code_language: Option<String>,
}

impl Reader<'_> {
    /// Calls `each` with the documents that files of a collection, dated at the earliest at
    /// `first_ns` and at the latest at `last_ns`, hold; with a document once for each such file.
    pub fn documents_in(
        &self,
        collection: &CollectionName,
        (first_ns, last_ns): (i64, i64),
        mut each: impl FnMut(AdmittedDocument),
    ) -> Result<()> {
        let id = self.collection_id(collection)?;
        // CROSS JOIN keeps the order in which they are named: the files that match, then the
        // document of each.
        let mut statement = sql(self.connection()?.prepare_cached(
            "SELECT d.first_chunk, d.n_chunks, d.format, d.code_language \
             FROM files f INDEXED BY files_by_collection CROSS JOIN documents d \
             WHERE f.collection_id = ?1 AND f.dated_ns BETWEEN ?2 AND ?3 \
             AND d.id = f.document_id",
        ))?;
        let mut rows = sql(statement.query(params![id, first_ns, last_ns]))?;
        while let Some(row) = sql(rows.next())? {
            each(sql(admitted(row))?);
        }
        Ok(())
    }

    /// Calls `each` with the path and document of every file of a collection, dated at the
    /// earliest at `first_ns` and at the latest at `last_ns`.
    pub fn paths_in(
        &self,
        collection: &CollectionName,
        (first_ns, last_ns): (i64, i64),
        mut each: impl FnMut(&str, DocumentId) -> Result<()>,
    ) -> Result<()> {
        let id = self.collection_id(collection)?;
        let mut statement = sql(self.connection()?.prepare_cached(
            "SELECT path, document_id FROM files INDEXED BY files_by_collection \
             WHERE collection_id = ?1 AND dated_ns BETWEEN ?2 AND ?3",
        ))?;
        let mut rows = sql(statement.query(params![id, first_ns, last_ns]))?;
        each_path(&mut rows, &mut each)
    }

    /// Calls `each` with the path and document of every file.
    pub fn paths(&self, mut each: impl FnMut(&str, DocumentId) -> Result<()>) -> Result<()> {
        let mut statement =
            sql(self.connection()?.prepare_cached("SELECT path, document_id FROM files"))?;
        let mut rows = sql(statement.query([]))?;
        each_path(&mut rows, &mut each)
    }

    /// As much of a document as a filter asks for; `None` if it is gone.
    pub fn admitted_document(&self, document: DocumentId) -> Result<Option<AdmittedDocument>> {
        sql(self
            .connection()?
            .prepare_cached(
                "SELECT first_chunk, n_chunks, format, code_language FROM documents WHERE id = ?1",
            )
            .and_then(|mut statement| {
                statement.query_row([integer(document.0)], admitted).optional()
            }))
    }

    /// Calls `each` with the chunks of every document of a format.
    pub fn chunks_of_format(&self, format: Format, each: impl FnMut(ChunkRange)) -> Result<()> {
        self.ranges(
            "SELECT first_chunk, n_chunks FROM documents WHERE format = ?1",
            [format.as_str()],
            each,
        )
    }

    /// Calls `each` with the chunks of every document in a programming language.
    pub fn chunks_of_code(&self, language: &str, each: impl FnMut(ChunkRange)) -> Result<()> {
        self.ranges(
            "SELECT first_chunk, n_chunks FROM documents WHERE format = ?1 AND code_language = ?2",
            [Format::Code.as_str(), language],
            each,
        )
    }

    fn ranges(
        &self,
        query: &'static str,
        parameters: impl rusqlite::Params,
        mut each: impl FnMut(ChunkRange),
    ) -> Result<()> {
        let mut statement = sql(self.connection()?.prepare_cached(query))?;
        let mut rows = sql(statement.query(parameters))?;
        while let Some(row) = sql(rows.next())? {
            each(sql(range(row))?);
        }
        Ok(())
    }
}

fn range(row: &Row<'_>) -> rusqlite::Result<ChunkRange> {
    Ok(ChunkRange { first: ChunkId(natural(row.get(0)?)), n_chunks: row.get(1)? })
}

fn admitted(row: &Row<'_>) -> rusqlite::Result<AdmittedDocument> {
    let format = row.get_ref(2)?.as_str()?;
    Ok(AdmittedDocument {
        chunks: range(row)?,
        format: format.parse().unwrap_or(Format::Text),
        code_language: row.get(3)?,
    })
}

fn each_path(
    rows: &mut rusqlite::Rows<'_>,
    each: &mut impl FnMut(&str, DocumentId) -> Result<()>,
) -> Result<()> {
    while let Some(row) = sql(rows.next())? {
        let path = sql(row.get_ref(0).and_then(|path| Ok(path.as_str()?)))?;
        each(path, DocumentId(natural(sql(row.get(1))?)))?;
    }
    Ok(())
}
