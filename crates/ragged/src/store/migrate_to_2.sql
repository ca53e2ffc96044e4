-- From format 1 to format 2: collections. Every file is in `default`. No row of `files` is
-- rewritten: the new column's value is its default.

CREATE TABLE collections (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO collections (id, name) VALUES (1, 'default');

CREATE TABLE roots (
    path          TEXT PRIMARY KEY,
    collection_id INTEGER NOT NULL REFERENCES collections (id)
) STRICT, WITHOUT ROWID;

ALTER TABLE files ADD COLUMN collection_id INTEGER NOT NULL DEFAULT 1 REFERENCES collections (id);

CREATE INDEX files_by_collection ON files (collection_id, modified_ns, document_id);
CREATE INDEX documents_by_type ON documents (format, code_language, first_chunk, n_chunks);
