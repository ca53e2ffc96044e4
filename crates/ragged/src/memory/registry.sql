-- memory/registry.db: who there is, and what was done. Format 1.

CREATE TABLE registry (
  key TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- A persona, its consent, and the file of its own that holds what it remembers.
CREATE TABLE personas (
  name TEXT PRIMARY KEY COLLATE NOCASE,
  file_id TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL,
  response_style TEXT NOT NULL,
  detail_level TEXT NOT NULL,
  citation_style TEXT NOT NULL,
  recording TEXT NOT NULL,
  is_learning INTEGER NOT NULL,
  is_personalised INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_used INTEGER,
  usage_count INTEGER NOT NULL
) STRICT;

-- What a persona has several of, in the order in which it was said.
CREATE TABLE persona_items (
  persona TEXT NOT NULL COLLATE NOCASE REFERENCES personas (name) ON DELETE CASCADE ON UPDATE CASCADE,
  kind TEXT NOT NULL,
  position INTEGER NOT NULL,
  item TEXT NOT NULL,
  PRIMARY KEY (persona, kind, position)
) STRICT, WITHOUT ROWID;

-- Settings of one persona that differ from those of the library.
CREATE TABLE persona_settings (
  persona TEXT NOT NULL COLLATE NOCASE REFERENCES personas (name) ON DELETE CASCADE ON UPDATE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (persona, key)
) STRICT, WITHOUT ROWID;

-- A chain: `digest` covers the digest before it, the time, the operation and the digest of the
-- content. Content can be dropped without breaking the chain.
CREATE TABLE audit_log (
  seq INTEGER PRIMARY KEY,
  timestamp INTEGER NOT NULL,
  operation TEXT NOT NULL,
  file_id TEXT,
  content TEXT,
  content_digest BLOB NOT NULL,
  digest BLOB NOT NULL
) STRICT;
