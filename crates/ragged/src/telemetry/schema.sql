-- telemetry.db: how long questions took. Format 1.
--
-- Numbers alone: no question, no name, no path. Times are Unix milliseconds, UTC; durations are
-- microseconds, NULL where a stage was not profiled or did not happen.

CREATE TABLE samples (
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  -- query, search, chat, ingest, from 0.
  kind INTEGER NOT NULL,
  total_us INTEGER NOT NULL,
  open_us INTEGER,
  enhance_us INTEGER,
  embed_us INTEGER,
  retrieve_us INTEGER,
  filter_us INTEGER,
  vector_us INTEGER,
  recompute_us INTEGER,
  lexical_us INTEGER,
  read_us INTEGER,
  rerank_us INTEGER,
  generate_us INTEGER,
  record_us INTEGER,
  k INTEGER NOT NULL,
  n_hits INTEGER NOT NULL,
  strategy TEXT NOT NULL,
  from_cache INTEGER NOT NULL,
  is_generated INTEGER NOT NULL,
  recomputed INTEGER NOT NULL,
  cached_vectors INTEGER NOT NULL,
  visited INTEGER NOT NULL,
  -- The question under a key that lies in the persona's encrypted file, or in no file at all.
  digest BLOB,
  -- The interaction that was recorded of it, in the persona's encrypted file.
  interaction TEXT
) STRICT;

CREATE INDEX idx_samples_at ON samples (at_ms);

-- Since the file was made or cleared, whatever the ring has dropped since. Stage -1 is the whole
-- question; a bucket is a position among those of the program.
CREATE TABLE totals (
  stage INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  n INTEGER NOT NULL,
  sum_us INTEGER NOT NULL,
  PRIMARY KEY (stage, bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE counters (
  name TEXT NOT NULL,
  label TEXT NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (name, label)
) STRICT, WITHOUT ROWID;
