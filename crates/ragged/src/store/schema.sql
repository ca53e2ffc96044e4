-- Format 3 of library.db. A change of this file takes a new format number and a migration in
-- store/migration.rs, which must lead to the same tables and indexes.

-- Facts about the library as a whole; the keys are constants in store/mod.rs.
CREATE TABLE library (
    key   TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- One content in one format. Two files with the same bytes share a document.
CREATE TABLE documents (
    id            INTEGER PRIMARY KEY,
    content_hash  BLOB NOT NULL,     -- first 16 bytes of the BLAKE3 hash of the file's bytes
    format        TEXT NOT NULL,
    code_language TEXT,              -- of source code
    language      TEXT,              -- natural language, ISO 639-1, where it could be told
    title         TEXT,
    pages         INTEGER,
    text_bytes    INTEGER NOT NULL,
    first_chunk   INTEGER NOT NULL,  -- chunk ids are first_chunk .. first_chunk + n_chunks
    n_chunks      INTEGER NOT NULL,
    added_ms      INTEGER NOT NULL,  -- Unix time in milliseconds
    generation    INTEGER NOT NULL,  -- of the transaction that added it
    -- When it was made and changed as it says itself: Unix time in milliseconds; year, month, day
    -- or moment, as much as was given; who said it.
    own_created_ms         INTEGER,
    own_created_precision  TEXT,
    own_created_source     TEXT,
    own_modified_ms        INTEGER,
    own_modified_precision TEXT,
    own_modified_source    TEXT,
    -- Whether it was added by a program that did not ask it; the next `add` does.
    own_times_unread       INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX documents_by_content ON documents (content_hash, format);
CREATE INDEX documents_by_generation ON documents (generation);
-- Answers a filter by type without reading documents.
CREATE INDEX documents_by_type ON documents (format, code_language, first_chunk, n_chunks);
CREATE INDEX documents_with_times_unread ON documents (id) WHERE own_times_unread = 1;

-- Named parts of the library; every file is in one. Number 1 is `default` and is always there.
CREATE TABLE collections (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO collections (id, name) VALUES (1, 'default');

-- Files and folders that were added to a collection by name: the deepest one at or above a new
-- file says which collection it comes into; `default` where there is none.
CREATE TABLE roots (
    path          TEXT PRIMARY KEY,
    collection_id INTEGER NOT NULL REFERENCES collections (id)
) STRICT, WITHOUT ROWID;

-- Where a document's bytes were found. The path is found by a hash of itself, so that it is kept
-- once and not in an index too.
CREATE TABLE files (
    id            INTEGER PRIMARY KEY,
    path          TEXT NOT NULL,
    path_hash     INTEGER NOT NULL,  -- first 8 bytes of the path's BLAKE3 hash
    document_id   INTEGER NOT NULL REFERENCES documents (id),
    size_bytes    INTEGER NOT NULL,
    modified_ns   INTEGER NOT NULL,  -- Unix time in nanoseconds
    collection_id INTEGER NOT NULL DEFAULT 1 REFERENCES collections (id),
    -- The time that a filter asks: the document's own, else that in the path, else modified_ns;
    -- Unix time in nanoseconds. Follows from the rest (store/dated).
    dated_ns      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX files_by_path_hash ON files (path_hash);
CREATE INDEX files_by_document ON files (document_id);
-- Answers a filter by collection and time without reading paths.
CREATE INDEX files_by_collection ON files (collection_id, dated_ns, document_id);

-- Files of a supported format that could not be read, so that an unchanged one is reported again
-- without being read again.
CREATE TABLE unreadable_files (
    path           TEXT PRIMARY KEY,
    size_bytes     INTEGER NOT NULL,
    modified_ns    INTEGER NOT NULL,
    reader_version INTEGER NOT NULL,
    reason         TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Where each chunk stands in its document's text. document_id is found by the id alone, since
-- chunk ids of a document are consecutive, but it is kept to make every row verifiable.
CREATE TABLE chunks (
    id          INTEGER PRIMARY KEY,
    document_id INTEGER NOT NULL,
    start       INTEGER NOT NULL,    -- bytes of the text
    length      INTEGER NOT NULL,    -- bytes
    first_line  INTEGER NOT NULL,
    n_lines     INTEGER NOT NULL,
    first_page  INTEGER,
    last_page   INTEGER,
    heading     TEXT                 -- heading path, outermost first
) STRICT;

-- A document's text once, cut every 16,384 bytes, each piece a zstd frame with checksum.
-- id = document_id * 2^20 + ordinal.
CREATE TABLE text_blocks (
    id         INTEGER PRIMARY KEY,
    dictionary INTEGER NOT NULL,     -- 0 for none
    data       BLOB NOT NULL
) STRICT;

CREATE INDEX text_blocks_without_dictionary ON text_blocks (id) WHERE dictionary = 0;

-- zstd dictionaries made from the library's own text: small documents share what they have in
-- common. A dictionary never changes.
CREATE TABLE dictionaries (
    id   INTEGER PRIMARY KEY,
    data BLOB NOT NULL
) STRICT;

-- Chunks that are gone, until the derived indexes in use have taken note. Up to which generation
-- they are forgotten is the value 'removals_forgotten' of the table library.
CREATE TABLE removed_chunks (
    first_chunk INTEGER PRIMARY KEY,
    n_chunks    INTEGER NOT NULL,
    generation  INTEGER NOT NULL     -- of the transaction that removed them
) STRICT;
CREATE INDEX removed_chunks_by_generation ON removed_chunks (generation);
