//! Reading one unchanging state of the library.

use std::{
    cell::{OnceCell, RefCell},
    collections::{HashMap, hash_map::Entry},
};

use rusqlite::{Connection, OptionalExtension, Row, params, types::Value};

use super::{
    DocumentChunks, IdleReader, KEY_GENERATION, KEY_NEXT_CHUNK, KEY_REMOVALS_FORGOTTEN,
    LibraryValues, Store,
    dated::{own_columns, own_times},
    integer, lacking, library_value, natural, path_hash, required_value, sql,
    text::BlockCache,
};
use crate::{
    collection::CollectionName,
    document::{Format, OwnTimes, Span},
    error::{Context, Error, ErrorKind, Result},
    id::{ChunkId, ChunkRange, DocumentId, Generation},
};

/// How much a library holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Documents, each counted once whatever the number of files that hold it.
    pub documents: u64,
    /// Files.
    pub files: u64,
    /// Chunks.
    pub chunks: u64,
    /// UTF-8 bytes of the documents' extracted text, before compression.
    pub text_bytes: u64,
    /// Files of a supported format that could not be read.
    pub unreadable_files: u64,
}

/// What is kept of a document apart from its text and chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRow {
    /// Its id.
    pub id: DocumentId,
    /// First 16 bytes of the BLAKE3 hash of the file's bytes.
    pub content_hash: [u8; 16],
    /// How the bytes were understood.
    pub format: Format,
    /// The programming language, of source code.
    pub code_language: Option<String>,
    /// The natural language (ISO 639-1), where it could be told.
    pub language: Option<String>,
    /// The title found inside.
    pub title: Option<String>,
    /// Number of pages, where the format has pages.
    pub pages: Option<u32>,
    /// UTF-8 bytes of its text.
    pub text_bytes: u64,
    /// Its chunks.
    pub chunks: ChunkRange,
    /// When it was added, Unix time in milliseconds.
    pub added_ms: i64,
    /// When it was made and changed, as it says itself.
    pub own: OwnTimes,
}

/// A file that holds a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// Absolute path.
    pub path: String,
    /// The document that it holds.
    pub document: DocumentId,
    /// Size in bytes when it was read.
    pub size_bytes: u64,
    /// Time of last change when it was read, Unix time in nanoseconds.
    pub modified_ns: i64,
    /// The collection that it is in.
    pub collection: CollectionName,
}

/// Where a chunk stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkPlace {
    /// The chunk.
    pub id: ChunkId,
    /// Its document.
    pub document: DocumentId,
    /// Bytes of the document's text.
    pub span: Span,
    /// First and last line in the document's text, from 1.
    pub lines: (u32, u32),
    /// First and last page, from 1, where the format has pages.
    pub pages: Option<(u32, u32)>,
    /// The headings it stands under, outermost first.
    pub heading: String,
}

/// Chunks that a transaction removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovedChunks {
    /// Which.
    pub chunks: ChunkRange,
    /// The transaction.
    pub generation: Generation,
}

/// One unchanging state of the library. Cheap to begin; holds no lock that a writer waits for.
#[derive(Debug)]
pub struct Reader<'a> {
    pub(super) store: &'a Store,
    /// Always `Some` until dropped.
    connection: Option<Connection>,
    values: OnceCell<LibraryValues>,
    /// Those of the last reader of this connection.
    values_before: RefCell<Option<LibraryValues>>,
    pub(super) blocks: RefCell<BlockCache>,
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && run(&connection, "COMMIT").is_ok()
        {
            let values = self.values.take().or_else(|| self.values_before.take());
            self.store.keep_reader(IdleReader { connection, blocks: self.blocks.take(), values });
        }
    }
}

/// Runs a statement that gives no rows.
fn run(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(|_| ())
}

const DOCUMENT_COLUMNS: &str = concat!(
    "id, content_hash, format, code_language, language, title, pages, text_bytes, first_chunk, \
     n_chunks, added_ms, ",
    own_columns!()
);

const CHUNK: &str = "SELECT id, document_id, start, length, first_line, n_lines, first_page, \
     last_page, heading FROM chunks WHERE id = ?1";

/// The columns of a [`FileRow`].
macro_rules! files {
    () => {
        "SELECT f.path, f.document_id, f.size_bytes, f.modified_ns, \
         coalesce(c.name, 'default') \
         FROM files f LEFT JOIN collections c ON c.id = f.collection_id"
    };
}

impl<'a> Reader<'a> {
    pub(super) fn begin(store: &'a Store, idle: IdleReader) -> Result<Self> {
        let IdleReader { connection, blocks, values } = idle;
        sql(run(&connection, "BEGIN"))
            .context_with(|| format!("reading {}", store.path().display()))?;
        Ok(Self {
            store,
            connection: Some(connection),
            values: OnceCell::new(),
            values_before: RefCell::new(values),
            blocks: RefCell::new(blocks),
        })
    }

    fn value_of(&self, key: &str) -> Result<Option<&Value>> {
        if self.values.get().is_none() {
            let before = self.values_before.take();
            drop(self.values.set(LibraryValues::read(self.connection()?, before)?));
        }
        Ok(self.values.get().and_then(|values| values.by_key.get(key)))
    }

    pub(super) fn connection(&self) -> Result<&Connection> {
        self.connection
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "a reader was used after its end"))
    }

    /// Lets readers of one state use the text that any of them has decompressed, until they end.
    pub(crate) fn share_text(readers: &[Self]) {
        let mut caches: Vec<_> = readers.iter().map(|reader| reader.blocks.borrow_mut()).collect();
        BlockCache::share(&mut caches);
    }

    /// The generation that this reader sees.
    pub fn generation(&self) -> Result<Generation> {
        match self.value_of(KEY_GENERATION)? {
            Some(Value::Integer(generation)) if *generation >= 0 => {
                Ok(Generation(natural(*generation)))
            }
            _ => Err(lacking(KEY_GENERATION)),
        }
    }

    /// A value that belongs to the library as a whole.
    pub fn value(&self, key: &str) -> Result<Option<String>> {
        Ok(match self.value_of(key)? {
            Some(Value::Text(text)) => Some(text.clone()),
            Some(Value::Integer(number)) => Some(number.to_string()),
            _ => None,
        })
    }

    /// How much there is. O(documents).
    pub fn counts(&self) -> Result<Counts> {
        let connection = self.connection()?;
        let (documents, chunks, text_bytes): (i64, i64, i64) = sql(connection.query_row(
            "SELECT count(*), coalesce(sum(n_chunks), 0), coalesce(sum(text_bytes), 0) \
             FROM documents",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        ))?;
        let count = |query: &str| -> Result<u64> {
            sql(connection.query_row(query, [], |row| row.get::<_, i64>(0))).map(natural)
        };
        Ok(Counts {
            documents: natural(documents),
            files: count("SELECT count(*) FROM files")?,
            chunks: natural(chunks),
            text_bytes: natural(text_bytes),
            unreadable_files: count("SELECT count(*) FROM unreadable_files")?,
        })
    }

    /// The file at `path`, if it is in the library.
    pub fn file(&self, path: &str) -> Result<Option<FileRow>> {
        sql(self
            .connection()?
            .prepare_cached(concat!(files!(), " WHERE f.path_hash = ?1 AND f.path = ?2"))
            .and_then(|mut statement| {
                statement.query_row(params![path_hash(path), path], file_row).optional()
            }))
    }

    /// Why the file at `path`, unchanged since, could not be read the last time by the same
    /// readers.
    pub fn unreadable(
        &self,
        path: &str,
        size_bytes: u64,
        modified_ns: i64,
        reader_version: u32,
    ) -> Result<Option<String>> {
        sql(self
            .connection()?
            .prepare_cached(
                "SELECT reason FROM unreadable_files WHERE path = ?1 AND size_bytes = ?2 \
                 AND modified_ns = ?3 AND reader_version = ?4",
            )
            .and_then(|mut statement| {
                statement
                    .query_row(
                        params![path, integer(size_bytes), modified_ns, reader_version],
                        |row| row.get(0),
                    )
                    .optional()
            }))
    }

    /// Whether anything is kept of a path: the file, or that it could not be read.
    pub fn knows(&self, path: &str) -> Result<bool> {
        sql(self
            .connection()?
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM files WHERE path_hash = ?1 AND path = ?2) \
                 OR EXISTS (SELECT 1 FROM unreadable_files WHERE path = ?2)",
            )
            .and_then(|mut statement| {
                statement.query_row(params![path_hash(path), path], |row| row.get(0))
            }))
    }

    /// Calls `each` with every file that could not be read and the reason, in order of path.
    pub fn unreadable_files(&self, mut each: impl FnMut(&str, &str)) -> Result<()> {
        let mut statement = sql(self
            .connection()?
            .prepare_cached("SELECT path, reason FROM unreadable_files ORDER BY path"))?;
        let mut rows = sql(statement.query([]))?;
        while let Some(row) = sql(rows.next())? {
            let path: String = sql(row.get(0))?;
            let reason: String = sql(row.get(1))?;
            each(&path, &reason);
        }
        Ok(())
    }

    /// All files, in order of path.
    pub fn files(&self) -> Result<Vec<FileRow>> {
        self.query_files(concat!(files!(), " ORDER BY f.path"), [])
    }

    /// The files that hold a document, in order of path.
    pub fn files_of(&self, document: DocumentId) -> Result<Vec<FileRow>> {
        self.query_files(
            concat!(files!(), " WHERE f.document_id = ?1 ORDER BY f.path"),
            [integer(document.0)],
        )
    }

    fn query_files(&self, query: &str, parameters: impl rusqlite::Params) -> Result<Vec<FileRow>> {
        let mut statement = sql(self.connection()?.prepare_cached(query))?;
        let rows = sql(statement.query_map(parameters, file_row))?;
        sql(rows.collect())
    }

    /// A document.
    pub fn document(&self, id: DocumentId) -> Result<Option<DocumentRow>> {
        let query = format!("SELECT {DOCUMENT_COLUMNS} FROM documents WHERE id = ?1");
        sql(self.connection()?.prepare_cached(&query).and_then(|mut statement| {
            statement.query_row([integer(id.0)], document_row).optional()
        }))
    }

    /// The document with this content in this format.
    pub fn document_by_content(
        &self,
        content_hash: [u8; 16],
        format: Format,
    ) -> Result<Option<DocumentRow>> {
        let query = format!(
            "SELECT {DOCUMENT_COLUMNS} FROM documents WHERE content_hash = ?1 AND format = ?2"
        );
        sql(self.connection()?.prepare_cached(&query).and_then(|mut statement| {
            statement.query_row(params![content_hash, format.as_str()], document_row).optional()
        }))
    }

    /// The documents with this content, one for each format that it was read as.
    pub fn documents_with_content(&self, content_hash: [u8; 16]) -> Result<Vec<DocumentRow>> {
        let query =
            format!("SELECT {DOCUMENT_COLUMNS} FROM documents WHERE content_hash = ?1 ORDER BY id");
        let mut statement = sql(self.connection()?.prepare_cached(&query))?;
        let rows = sql(statement.query_map(params![content_hash], document_row))?;
        sql(rows.collect())
    }

    /// All documents, in order of id.
    pub fn documents(&self) -> Result<Vec<DocumentRow>> {
        let query = format!("SELECT {DOCUMENT_COLUMNS} FROM documents ORDER BY id");
        let mut statement = sql(self.connection()?.prepare_cached(&query))?;
        let rows = sql(statement.query_map([], document_row))?;
        sql(rows.collect())
    }

    /// The documents added after `generation`, in order of id.
    pub fn documents_since(&self, generation: Generation) -> Result<Vec<DocumentChunks>> {
        let mut statement = sql(self.connection()?.prepare_cached(
            "SELECT id, first_chunk, n_chunks, generation FROM documents \
             WHERE generation > ?1 ORDER BY id",
        ))?;
        let rows = sql(statement.query_map([integer(generation.0)], |row| {
            Ok(DocumentChunks {
                id: DocumentId(natural(row.get(0)?)),
                chunks: ChunkRange { first: ChunkId(natural(row.get(1)?)), n_chunks: row.get(2)? },
                generation: Generation(natural(row.get(3)?)),
            })
        }))?;
        sql(rows.collect())
    }

    /// The chunks removed after `generation`, in order of id.
    pub fn removed_since(&self, generation: Generation) -> Result<Vec<RemovedChunks>> {
        let mut statement = sql(self.connection()?.prepare_cached(
            "SELECT first_chunk, n_chunks, generation FROM removed_chunks \
             WHERE generation > ?1 ORDER BY first_chunk",
        ))?;
        let rows = sql(statement.query_map([integer(generation.0)], |row| {
            Ok(RemovedChunks {
                chunks: ChunkRange { first: ChunkId(natural(row.get(0)?)), n_chunks: row.get(1)? },
                generation: Generation(natural(row.get(2)?)),
            })
        }))?;
        sql(rows.collect())
    }

    /// The last generation one of whose removals is no longer among
    /// [`removed_since`](Self::removed_since): an index that reflects less finds out by
    /// [`gone_until`](Self::gone_until).
    pub fn removals_forgotten_until(&self) -> Result<Generation> {
        let generation: Option<i64> = library_value(self.connection()?, KEY_REMOVALS_FORGOTTEN)?;
        Ok(Generation(generation.map_or(0, natural)))
    }

    /// The chunks up to and including `last` that are gone, in order of id, whether their removal
    /// is remembered or not. O(documents).
    pub fn gone_until(&self, last: ChunkId) -> Result<Vec<ChunkRange>> {
        let next = required_value(self.connection()?, KEY_NEXT_CHUNK)?;
        let end = last.0.saturating_add(1).min(next);
        let mut gone = Vec::new();
        let mut from = 1;
        let mut gap = |from: &mut u64, to: u64| {
            while *from < to {
                let n_chunks = u32::try_from(to - *from).unwrap_or(u32::MAX);
                gone.push(ChunkRange { first: ChunkId(*from), n_chunks });
                *from += u64::from(n_chunks);
            }
        };
        // Chunk ids grow with document ids, so the order of one is the order of the other.
        for document in self.documents_since(Generation(0))? {
            let chunks = document.chunks.ids();
            gap(&mut from, chunks.start.min(end));
            from = from.max(chunks.end);
        }
        gap(&mut from, end);
        Ok(gone)
    }

    /// Where a chunk stands; `None` if it is gone.
    pub fn chunk(&self, id: ChunkId) -> Result<Option<ChunkPlace>> {
        sql(self
            .connection()?
            .prepare_cached(CHUNK)
            .and_then(|mut statement| statement.query_row([integer(id.0)], chunk_row).optional()))
    }

    /// Where chunks stand, and the hashes of their documents' contents, in any order. Those that
    /// are gone are left out.
    pub fn chunks_with_content(&self, ids: &[ChunkId]) -> Result<Vec<(ChunkPlace, [u8; 16])>> {
        let connection = self.connection()?;
        let mut chunk = sql(connection.prepare_cached(CHUNK))?;
        let mut content =
            sql(connection.prepare_cached("SELECT content_hash FROM documents WHERE id = ?1"))?;
        let mut contents: HashMap<DocumentId, Option<[u8; 16]>> = HashMap::new();
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let place = sql(chunk.query_row([integer(id.0)], chunk_row).optional())?;
            let Some(place) = place else { continue };
            let of_document = match contents.entry(place.document) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(unknown) => {
                    let read = content.query_row([integer(place.document.0)], |row| row.get(0));
                    *unknown.insert(sql(read.optional())?)
                }
            };
            found.extend(of_document.map(|content| (place, content)));
        }
        Ok(found)
    }

    /// The chunks of a range, in order.
    pub fn chunks(&self, range: ChunkRange) -> Result<Vec<ChunkPlace>> {
        let ids = range.ids();
        let mut statement = sql(self.connection()?.prepare_cached(
            "SELECT id, document_id, start, length, first_line, n_lines, first_page, last_page, \
             heading FROM chunks WHERE id >= ?1 AND id < ?2 ORDER BY id",
        ))?;
        let rows = sql(statement.query_map([integer(ids.start), integer(ids.end)], chunk_row))?;
        sql(rows.collect())
    }

    /// The text inside a span of a document.
    pub fn text(&self, document: DocumentId, span: Span) -> Result<String> {
        let connection = self.connection()?;
        self.blocks.borrow_mut().read(self.store, connection, document, span, str::to_owned)
    }

    /// Calls `with` with what the string that is indexed for a chunk is made of: the title of its
    /// document, the headings it stands under, and its text. `None` if the chunk is gone.
    ///
    /// It reads no more than that: a query has it done for every vector that it recomputes. From
    /// within `with` this reader gives no other text.
    pub fn indexed_text<T>(
        &self,
        id: ChunkId,
        with: impl FnOnce(&str, &str, &str) -> T,
    ) -> Result<Option<T>> {
        let connection = self.connection()?;
        let mut statement = sql(connection.prepare_cached(
            "SELECT c.document_id, c.start, c.length, c.heading, d.title \
             FROM chunks c JOIN documents d ON d.id = c.document_id WHERE c.id = ?1",
        ))?;
        let mut rows = sql(statement.query([integer(id.0)]))?;
        let Some(row) = sql(rows.next())? else { return Ok(None) };
        let document = DocumentId(natural(sql(row.get(0))?));
        let (start, length): (u32, u32) = (sql(row.get(1))?, sql(row.get(2))?);
        let span = Span { start, end: start.saturating_add(length) };
        let text_of = |column: usize| -> rusqlite::Result<&str> {
            Ok(row.get_ref(column)?.as_str_or_null()?.unwrap_or_default())
        };
        let (heading, title) = (sql(text_of(3))?, sql(text_of(4))?);
        self.blocks
            .borrow_mut()
            .read(self.store, connection, document, span, |text| with(title, heading, text))
            .map(Some)
    }

    /// The whole text of a document.
    pub fn document_text(&self, document: &DocumentRow) -> Result<String> {
        self.text(document.id, Span::new(0, document.text_bytes as usize))
    }
}

fn file_row(row: &Row<'_>) -> rusqlite::Result<FileRow> {
    Ok(FileRow {
        path: row.get(0)?,
        document: DocumentId(natural(row.get(1)?)),
        size_bytes: natural(row.get(2)?),
        modified_ns: row.get(3)?,
        collection: CollectionName::stored(row.get(4)?),
    })
}

fn document_row(row: &Row<'_>) -> rusqlite::Result<DocumentRow> {
    let format: String = row.get(2)?;
    Ok(DocumentRow {
        id: DocumentId(natural(row.get(0)?)),
        content_hash: row.get(1)?,
        // A name that this program does not know can only come from a newer one; its text is
        // still text.
        format: format.parse().unwrap_or(Format::Text),
        code_language: row.get(3)?,
        language: row.get(4)?,
        title: row.get(5)?,
        pages: row.get(6)?,
        text_bytes: natural(row.get(7)?),
        chunks: ChunkRange { first: ChunkId(natural(row.get(8)?)), n_chunks: row.get(9)? },
        added_ms: row.get(10)?,
        own: own_times(row, 11)?,
    })
}

fn chunk_row(row: &Row<'_>) -> rusqlite::Result<ChunkPlace> {
    let start: u32 = row.get(2)?;
    let length: u32 = row.get(3)?;
    let first_line: u32 = row.get(4)?;
    let n_lines: u32 = row.get(5)?;
    let first_page: Option<u32> = row.get(6)?;
    let last_page: Option<u32> = row.get(7)?;
    let heading: Option<String> = row.get(8)?;
    Ok(ChunkPlace {
        id: ChunkId(natural(row.get(0)?)),
        document: DocumentId(natural(row.get(1)?)),
        span: Span { start, end: start.saturating_add(length) },
        lines: (first_line, first_line.saturating_add(n_lines.saturating_sub(1))),
        pages: first_page.zip(last_page),
        heading: heading.unwrap_or_default(),
    })
}
