-- memory/<file id>.db: what one persona remembers. Format 1.
--
-- Times are Unix milliseconds, UTC. The first part is the record; the second are views of it, kept
-- level with it by every transaction, and equal to what `views::rebuild` makes of the record.

CREATE TABLE state (
  key TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- ------------------------------------------------------------------------------------ the record

CREATE TABLE interactions (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  persona TEXT NOT NULL,
  query TEXT NOT NULL,
  response TEXT,
  timestamp INTEGER NOT NULL,
  model_used TEXT,
  latency_ms REAL,
  feedback TEXT,
  correction TEXT,
  session_id TEXT NOT NULL,
  -- What kind of question it was: query, search, chat.
  kind TEXT NOT NULL,
  -- Whether it counts towards what is learned; recorded while learning was on.
  is_learned INTEGER NOT NULL,
  metadata TEXT
) STRICT;

CREATE INDEX idx_interactions_persona_timestamp ON interactions (persona, timestamp DESC);
CREATE INDEX idx_interactions_session ON interactions (session_id);
-- Judged ones are few, and asked for by themselves.
CREATE INDEX idx_interactions_feedback ON interactions (timestamp DESC, seq DESC, feedback)
  WHERE feedback IS NOT NULL;

-- Documents by their contents, so that one that was added anew is still known.
CREATE TABLE documents (
  document INTEGER PRIMARY KEY,
  content_hash BLOB NOT NULL UNIQUE,
  title TEXT,
  path TEXT NOT NULL,
  doc_type TEXT NOT NULL,
  added_at INTEGER NOT NULL
) STRICT;

-- What an interaction found, and what its answer cited.
CREATE TABLE interaction_documents (
  seq INTEGER NOT NULL REFERENCES interactions (seq) ON DELETE CASCADE,
  document INTEGER NOT NULL REFERENCES documents (document),
  rank INTEGER NOT NULL,
  score REAL NOT NULL,
  is_cited INTEGER NOT NULL,
  PRIMARY KEY (seq, document)
) STRICT, WITHOUT ROWID;

CREATE INDEX idx_interaction_documents_document ON interaction_documents (document, seq);

-- A topic's identity: its key is what makes "database indexes" and "Database index" one.
CREATE TABLE topics (
  topic INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  category TEXT NOT NULL
) STRICT;

-- The topics of an interaction: of its words (source 0) or of what it found (source 1).
CREATE TABLE interaction_topics (
  topic INTEGER NOT NULL REFERENCES topics (topic),
  timestamp INTEGER NOT NULL,
  seq INTEGER NOT NULL REFERENCES interactions (seq) ON DELETE CASCADE,
  source INTEGER NOT NULL,
  score REAL NOT NULL,
  -- What it adds to the interest, in quarters; follows from the source and the feedback.
  weight INTEGER NOT NULL,
  PRIMARY KEY (topic, timestamp, seq)
) STRICT, WITHOUT ROWID;

-- The whole row: the topics of an interaction are all over the table.
CREATE INDEX idx_interaction_topics_seq ON interaction_topics (seq, source, score, weight);

-- Topics that were merged into another: what is learned under the key goes there.
CREATE TABLE topic_aliases (
  key TEXT PRIMARY KEY,
  topic INTEGER NOT NULL REFERENCES topics (topic) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Topics that must not be learned again, by a keyed hash: the name itself is gone.
CREATE TABLE forgotten_topics (
  digest BLOB PRIMARY KEY,
  forgotten_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the owner set by hand.
CREATE TABLE interest_overrides (
  topic INTEGER PRIMARY KEY REFERENCES topics (topic) ON DELETE CASCADE,
  level REAL NOT NULL,
  set_at INTEGER NOT NULL
) STRICT;

CREATE TABLE projects (
  name TEXT PRIMARY KEY COLLATE NOCASE,
  description TEXT NOT NULL,
  status TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER
) STRICT, WITHOUT ROWID;

-- What is believed at present of the world, by fact: valid time in valid_from and valid_to (open
-- where NULL), half-open. known_from and update_reason are those of the version, kept here too so
-- that reading what is believed needs no other table.
CREATE TABLE temporal_facts (
  id TEXT PRIMARY KEY,
  persona TEXT NOT NULL,
  fact_type TEXT NOT NULL,
  content TEXT NOT NULL,
  valid_from INTEGER NOT NULL,
  valid_to INTEGER,
  confidence REAL NOT NULL,
  source TEXT,
  metadata TEXT,
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  known_from INTEGER NOT NULL,
  update_reason TEXT NOT NULL
) STRICT;

CREATE INDEX idx_temporal_facts_lookup
  ON temporal_facts (persona, fact_type, valid_from, valid_to);

-- Every version of a fact, the present one included: transaction time in known_from and known_to
-- (open where NULL), half-open. That a fact was deleted is a version that was never known: its
-- known_to is its known_from.
CREATE TABLE fact_versions (
  fact_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  persona TEXT NOT NULL,
  fact_type TEXT NOT NULL,
  content TEXT NOT NULL,
  valid_from INTEGER NOT NULL,
  valid_to INTEGER,
  confidence REAL NOT NULL,
  source TEXT,
  known_from INTEGER NOT NULL,
  known_to INTEGER,
  update_reason TEXT NOT NULL,
  PRIMARY KEY (fact_id, version)
) STRICT, WITHOUT ROWID;

CREATE INDEX idx_fact_versions_known ON fact_versions (persona, known_from, known_to);

-- Contradictions that the owner looked at and keeps, a < b. A new version of either replaces its row
-- of temporal_facts, and the question is open again.
CREATE TABLE kept_contradictions (
  a TEXT NOT NULL REFERENCES temporal_facts (id) ON DELETE CASCADE,
  b TEXT NOT NULL REFERENCES temporal_facts (id) ON DELETE CASCADE,
  kept_at INTEGER NOT NULL,
  PRIMARY KEY (a, b)
) STRICT, WITHOUT ROWID;

CREATE INDEX idx_kept_contradictions_b ON kept_contradictions (b);

-- Tests of the persona's ranking against the neutral one.
CREATE TABLE ab_tests (
  id TEXT PRIMARY KEY,
  name TEXT,
  started_at INTEGER NOT NULL,
  k INTEGER NOT NULL,
  alpha REAL NOT NULL,
  n_interests INTEGER NOT NULL,
  n_rounds INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What each question of a test came to with the profile off and on; no measures where nobody judged.
CREATE TABLE ab_test_questions (
  test TEXT NOT NULL REFERENCES ab_tests (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  query TEXT NOT NULL,
  judged_by TEXT,
  ndcg_off REAL,
  precision_off REAL,
  mrr_off REAL,
  recall_off REAL,
  ndcg_on REAL,
  precision_on REAL,
  mrr_on REAL,
  recall_on REAL,
  ms_off REAL NOT NULL,
  ms_on REAL NOT NULL,
  is_moved INTEGER NOT NULL,
  PRIMARY KEY (test, ordinal)
) STRICT, WITHOUT ROWID;

-- ------------------------------------------------------------------------------------- the views

-- The words of each present fact and of its type, as `lexical` analyses them; state.fact_terms is the
-- version of that analysis.
CREATE TABLE fact_terms (
  term TEXT NOT NULL,
  fact_id TEXT NOT NULL REFERENCES temporal_facts (id) ON DELETE CASCADE,
  PRIMARY KEY (term, fact_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX idx_fact_terms_fact ON fact_terms (fact_id);

-- What each topic comes to over its hits: rows of interaction_topics whose weight is not 0.
CREATE TABLE topic_totals (
  topic INTEGER PRIMARY KEY REFERENCES topics (topic) ON DELETE CASCADE,
  weight_quarters INTEGER NOT NULL,
  n_queries INTEGER NOT NULL,
  n_hits INTEGER NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  gap_sum_minutes INTEGER NOT NULL,
  gap_square_sum INTEGER NOT NULL,
  n_documents INTEGER NOT NULL
) STRICT;

-- The whole row, so that a profile reads the few pages at the beginning of each.
CREATE INDEX idx_topic_totals_weight ON topic_totals (weight_quarters DESC, n_queries, n_hits,
  first_seen, last_seen, gap_sum_minutes, gap_square_sum, n_documents);
CREATE INDEX idx_topic_totals_last_seen ON topic_totals (last_seen DESC, weight_quarters, n_queries,
  n_hits, first_seen, gap_sum_minutes, gap_square_sum, n_documents);
CREATE INDEX idx_topic_totals_hits ON topic_totals (n_hits DESC);

CREATE TABLE topic_documents (
  topic INTEGER NOT NULL,
  document INTEGER NOT NULL,
  n_hits INTEGER NOT NULL,
  PRIMARY KEY (topic, document)
) STRICT, WITHOUT ROWID;

-- Topics met in one interaction, at least one of them in its words; both orders are kept. last_met is
-- the timestamp of the last such interaction.
CREATE TABLE topic_pairs (
  a INTEGER NOT NULL,
  b INTEGER NOT NULL,
  co_occurrence_count INTEGER NOT NULL,
  last_met INTEGER NOT NULL,
  PRIMARY KEY (a, b)
) STRICT, WITHOUT ROWID;

CREATE INDEX idx_topic_pairs_count ON topic_pairs (a, co_occurrence_count DESC);

CREATE TABLE document_accesses (
  document INTEGER PRIMARY KEY,
  access_count INTEGER NOT NULL,
  first_access INTEGER NOT NULL,
  last_access INTEGER NOT NULL
) STRICT;

CREATE INDEX idx_document_accesses_last ON document_accesses (last_access DESC);
CREATE INDEX idx_document_accesses_count
  ON document_accesses (access_count DESC, last_access DESC);

-- By calendar day of the zone that state.rollup_zone names, as days since the beginning of 1970.
CREATE TABLE daily_activity (
  day INTEGER PRIMARY KEY,
  n_interactions INTEGER NOT NULL
) STRICT;

-- Topics of the words of interactions, a day.
CREATE TABLE daily_topics (
  day INTEGER NOT NULL,
  topic INTEGER NOT NULL,
  n_interactions INTEGER NOT NULL,
  PRIMARY KEY (day, topic)
) STRICT, WITHOUT ROWID;

CREATE INDEX idx_daily_topics_topic ON daily_topics (topic, day);
