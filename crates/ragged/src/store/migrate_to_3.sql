-- From format 2 to format 3: when documents are from, as they say themselves. Formats that can say
-- it are asked by the next `add`. The rows of `files` are dated in store/migration.rs, by their
-- names or their times of change.

ALTER TABLE documents ADD COLUMN own_created_ms INTEGER;
ALTER TABLE documents ADD COLUMN own_created_precision TEXT;
ALTER TABLE documents ADD COLUMN own_created_source TEXT;
ALTER TABLE documents ADD COLUMN own_modified_ms INTEGER;
ALTER TABLE documents ADD COLUMN own_modified_precision TEXT;
ALTER TABLE documents ADD COLUMN own_modified_source TEXT;
ALTER TABLE documents ADD COLUMN own_times_unread INTEGER NOT NULL DEFAULT 0;
UPDATE documents SET own_times_unread = 1 WHERE format IN
    ('md', 'rst', 'org', 'html', 'pdf', 'docx', 'epub', 'pptx', 'xlsx', 'odt', 'eml', 'mbox');
CREATE INDEX documents_with_times_unread ON documents (id) WHERE own_times_unread = 1;

DROP INDEX files_by_collection;
ALTER TABLE files ADD COLUMN dated_ns INTEGER NOT NULL DEFAULT 0;
CREATE INDEX files_by_collection ON files (collection_id, dated_ns, document_id);
