//! What follows from the record, kept level with it.
//!
//! Every view is a sum over interactions, so that an interaction can be added to all of them
//! (`assert`) and taken out again (`retract`). A change of the record is: retract, change,
//! assert, in one transaction. `rebuild` makes all views from nothing; a test compares the two,
//! and both with a plain reading of the definitions below.
//!
//! A *hit* of a topic is a row of `interaction_topics` whose weight is not 0, of an interaction.
//!
//! - `topic_totals`: over a topic's hits: the sum of weights, how many were of the question's
//!   words, how many there are, the first and last time, over successive hits the sum of gaps and
//!   of their squares in whole minutes of the clock, and the number of `topic_documents`.
//! - `topic_documents`: hits of a topic in interactions that found the document in front (rank at
//!   most 3, or cited), bad feedback apart.
//! - `topic_pairs`: interactions in which both were hits, at least one of them of the words, and
//!   when the last of them was.
//! - `document_accesses`: interactions whose answer cited the document, bad feedback apart, and
//!   those with good feedback that found it in front.
//! - `daily_activity`, `daily_topics`: interactions a calendar day, and those of which the topic
//!   was in the words.
//!
//! `fact_terms` is kept level by `fact`, which writes it with each version.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params, types::FromSql};

use super::{
    interest,
    record::{Feedback, RELATED_RANKS, TopicSource},
};
use crate::{
    error::Result,
    sqlite::{natural, sql},
    temporal::window::day_at,
};

pub(super) const KEY_ROLLUP_ZONE: &str = "rollup_zone";
/// The version of the analysis that made the terms of facts.
pub(super) const KEY_FACT_TERMS: &str = "fact_terms";
const KEY_REVISION: &str = "revision";
/// The key of hashes of questions; see [`super::PersonaMemory::digest`].
const KEY_DIGEST: &str = "digest_key";
/// The key of the hashes of forgotten topics.
const KEY_FORGETTING: &str = "forgetting_key";

pub(super) fn state<T: FromSql>(connection: &Connection, key: &str) -> Result<Option<T>> {
    sql(connection
        .prepare_cached("SELECT value FROM state WHERE key = ?1")
        .and_then(|mut statement| statement.query_row([key], |row| row.get(0)).optional()))
}

pub(super) fn revision(connection: &Connection) -> Result<u64> {
    Ok(state::<i64>(connection, KEY_REVISION)?.map_or(0, natural))
}

/// Every transaction that changes anything calls this once.
pub(super) fn bump_revision(tx: &Transaction<'_>) -> Result<()> {
    sql(tx
        .prepare_cached(
            "INSERT INTO state (key, value) VALUES (?1, 1) \
             ON CONFLICT (key) DO UPDATE SET value = value + 1",
        )
        .and_then(|mut statement| statement.execute([KEY_REVISION])))
    .map(|_| ())
}

/// The topic under which a key is learned, made if it is new; `None` where the owner had it
/// forgotten.
pub(super) fn topic_to_learn(tx: &Transaction<'_>, key: &str, name: &str) -> Result<Option<i64>> {
    if let Some(topic) = known_topic(tx, key)? {
        return Ok(Some(topic));
    }
    if is_forgotten(tx, key)? {
        return Ok(None);
    }
    sql(tx
        .prepare_cached("INSERT INTO topics (key, name, category) VALUES (?1, ?2, 'inferred')")
        .and_then(|mut statement| statement.insert([key, name])))
    .map(Some)
}

/// The topic of a key, or the one that it was merged into.
pub(super) fn known_topic(connection: &Connection, key: &str) -> Result<Option<i64>> {
    sql(connection
        .prepare_cached(
            "SELECT topic FROM topics WHERE key = ?1 \
             UNION ALL SELECT topic FROM topic_aliases WHERE key = ?1 LIMIT 1",
        )
        .and_then(|mut statement| statement.query_row([key], |row| row.get(0)).optional()))
}

pub(super) fn is_forgotten(connection: &Connection, key: &str) -> Result<bool> {
    let Some(secret) = state::<Vec<u8>>(connection, KEY_FORGETTING)? else { return Ok(false) };
    let Ok(secret) = <[u8; 32]>::try_from(secret) else { return Ok(false) };
    sql(connection
        .prepare_cached("SELECT count(*) FROM forgotten_topics WHERE digest = ?1")
        .and_then(|mut statement| {
            statement.query_row([digest_of(&secret, key)], |row| row.get::<_, i64>(0))
        }))
    .map(|n| n > 0)
}

fn digest_of(secret: &[u8; 32], key: &str) -> [u8; 32] {
    *blake3::keyed_hash(secret, key.as_bytes()).as_bytes()
}

/// Keeps a topic from being learned again, without keeping its name.
pub(super) fn forget_key(tx: &Transaction<'_>, key: &str, now_ms: i64) -> Result<()> {
    sql(tx.execute(
        "INSERT OR IGNORE INTO state (key, value) VALUES (?1, randomblob(32))",
        [KEY_FORGETTING],
    ))?;
    let secret = state::<Vec<u8>>(tx, KEY_FORGETTING)?.unwrap_or_default();
    let Ok(secret) = <[u8; 32]>::try_from(secret) else { return Ok(()) };
    sql(tx.execute(
        "INSERT OR REPLACE INTO forgotten_topics (digest, forgotten_at) VALUES (?1, ?2)",
        params![digest_of(&secret, key), now_ms],
    ))
    .map(|_| ())
}

/// Lets a topic be learned again.
pub(super) fn unforget_key(tx: &Transaction<'_>, key: &str) -> Result<()> {
    let Some(secret) = state::<Vec<u8>>(tx, KEY_FORGETTING)? else { return Ok(()) };
    let Ok(secret) = <[u8; 32]>::try_from(secret) else { return Ok(()) };
    sql(tx.execute("DELETE FROM forgotten_topics WHERE digest = ?1", [digest_of(&secret, key)]))
        .map(|_| ())
}

/// The key under which questions are known again; `None` where none was needed since the last
/// deletion.
pub(super) fn digest_key(connection: &Connection) -> Result<Option<[u8; 32]>> {
    Ok(state::<Vec<u8>>(connection, KEY_DIGEST)?.and_then(|key| key.try_into().ok()))
}

pub(super) fn make_digest_key(tx: &Transaction<'_>) -> Result<Option<[u8; 32]>> {
    sql(tx.execute(
        "INSERT OR IGNORE INTO state (key, value) VALUES (?1, randomblob(32))",
        [KEY_DIGEST],
    ))?;
    digest_key(tx)
}

/// Has questions no longer known again by what was hashed so far.
pub(super) fn forget_digests(tx: &Transaction<'_>) -> Result<()> {
    sql(tx.execute("DELETE FROM state WHERE key = ?1", [KEY_DIGEST])).map(|_| ())
}

/// Adds an interaction to every view.
pub(super) fn assert(tx: &Transaction<'_>, seq: i64, zone: &TimeZone) -> Result<()> {
    apply(tx, seq, zone, Change::Assert)
}

/// Takes an interaction out of every view. Its rows are still there.
pub(super) fn retract(tx: &Transaction<'_>, seq: i64, zone: &TimeZone) -> Result<()> {
    apply(tx, seq, zone, Change::Retract)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Assert,
    Retract,
}

impl Change {
    fn sign(self) -> i64 {
        match self {
            Self::Assert => 1,
            Self::Retract => -1,
        }
    }
}

struct Hit {
    topic: i64,
    source: TopicSource,
    weight: i64,
}

fn apply(tx: &Transaction<'_>, seq: i64, zone: &TimeZone, change: Change) -> Result<()> {
    let (timestamp, feedback) = sql(tx
        .prepare_cached("SELECT timestamp, feedback FROM interactions WHERE seq = ?1")
        .and_then(|mut statement| {
            statement.query_row([seq], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?))
            })
        }))?;
    let feedback = feedback.as_deref().and_then(Feedback::from_word);
    let day = day_at(timestamp, zone);
    count_day(tx, day, change)?;

    let hits: Vec<Hit> = sql(tx
        .prepare_cached(
            "SELECT topic, source, weight FROM interaction_topics WHERE seq = ?1 AND weight > 0 \
             ORDER BY topic",
        )
        .and_then(|mut statement| {
            statement
                .query_map([seq], |row| {
                    Ok(Hit {
                        topic: row.get(0)?,
                        source: TopicSource::from_integer(row.get(1)?),
                        weight: row.get(2)?,
                    })
                })?
                .collect()
        }))?;
    let documents: Vec<(i64, bool, bool)> = sql(tx
        .prepare_cached(
            "SELECT document, rank <= ?2 OR is_cited, is_cited FROM interaction_documents \
             WHERE seq = ?1 ORDER BY document",
        )
        .and_then(|mut statement| {
            statement
                .query_map([seq, RELATED_RANKS], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect()
        }))?;
    let is_bad = feedback == Some(Feedback::Bad);
    for (document, is_in_front, is_cited) in &documents {
        let is_good = feedback == Some(Feedback::Good);
        if (*is_cited && !is_bad) || (*is_in_front && is_good) {
            access(tx, *document, seq, timestamp, change)?;
        }
    }
    for hit in &hits {
        total(tx, hit, timestamp, seq, change)?;
        if hit.source == TopicSource::Query {
            count_topic_day(tx, day, hit.topic, change)?;
        }
        for (document, is_in_front, _) in &documents {
            if *is_in_front && !is_bad {
                relate(tx, hit.topic, *document, change)?;
            }
        }
        // Hits are in order of topic, each topic once.
        for other in hits.iter().filter(|other| other.topic > hit.topic) {
            if [hit, other].iter().any(|hit| hit.source == TopicSource::Query) {
                pair(tx, [hit.topic, other.topic], timestamp, seq, change)?;
            }
        }
    }
    if change == Change::Retract {
        // A topic without hits has no totals.
        for hit in &hits {
            sql(tx
                .prepare_cached("DELETE FROM topic_totals WHERE topic = ?1 AND n_hits = 0")
                .and_then(|mut statement| statement.execute([hit.topic])))?;
        }
    }
    Ok(())
}

fn count_day(tx: &Transaction<'_>, day: i64, change: Change) -> Result<()> {
    sql(tx
        .prepare_cached(
            "INSERT INTO daily_activity (day, n_interactions) VALUES (?1, ?2) \
             ON CONFLICT (day) DO UPDATE SET n_interactions = n_interactions + ?2",
        )
        .and_then(|mut statement| statement.execute([day, change.sign()])))?;
    if change == Change::Retract {
        sql(tx
            .prepare_cached("DELETE FROM daily_activity WHERE day = ?1 AND n_interactions = 0")
            .and_then(|mut statement| statement.execute([day])))?;
    }
    Ok(())
}

fn count_topic_day(tx: &Transaction<'_>, day: i64, topic: i64, change: Change) -> Result<()> {
    sql(tx
        .prepare_cached(
            "INSERT INTO daily_topics (day, topic, n_interactions) VALUES (?1, ?2, ?3) \
             ON CONFLICT (day, topic) DO UPDATE SET n_interactions = n_interactions + ?3",
        )
        .and_then(|mut statement| statement.execute([day, topic, change.sign()])))?;
    if change == Change::Retract {
        sql(tx
            .prepare_cached(
                "DELETE FROM daily_topics WHERE day = ?1 AND topic = ?2 AND n_interactions = 0",
            )
            .and_then(|mut statement| statement.execute([day, topic])))?;
    }
    Ok(())
}

fn total(tx: &Transaction<'_>, hit: &Hit, timestamp: i64, seq: i64, change: Change) -> Result<()> {
    let neighbour = |statement: &str| -> Result<Option<i64>> {
        sql(tx.prepare_cached(statement).and_then(|mut statement| {
            statement.query_row([hit.topic, timestamp, seq], |row| row.get(0)).optional()
        }))
    };
    let before = neighbour(
        "SELECT timestamp FROM interaction_topics WHERE topic = ?1 \
         AND (timestamp, seq) < (?2, ?3) AND weight > 0 ORDER BY timestamp DESC, seq DESC LIMIT 1",
    )?;
    let after = neighbour(
        "SELECT timestamp FROM interaction_topics WHERE topic = ?1 \
         AND (timestamp, seq) > (?2, ?3) AND weight > 0 ORDER BY timestamp, seq LIMIT 1",
    )?;
    let (mut gaps, mut squares) = (0, 0);
    let mut add = |from: i64, to: i64, sign: i64| {
        let gap = gap_minutes(from, to);
        gaps += sign * gap;
        squares += sign * gap.saturating_mul(gap);
    };
    if let Some(before) = before {
        add(before, timestamp, 1);
    }
    if let Some(after) = after {
        add(timestamp, after, 1);
    }
    if let (Some(before), Some(after)) = (before, after) {
        add(before, after, -1);
    }
    let sign = change.sign();
    sql(tx
        .prepare_cached(
            "INSERT INTO topic_totals (topic, weight_quarters, n_queries, n_hits, first_seen, \
             last_seen, gap_sum_minutes, gap_square_sum, n_documents) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, 0) ON CONFLICT (topic) DO UPDATE SET \
             weight_quarters = weight_quarters + excluded.weight_quarters, \
             n_queries = n_queries + excluded.n_queries, n_hits = n_hits + excluded.n_hits, \
             gap_sum_minutes = gap_sum_minutes + excluded.gap_sum_minutes, \
             gap_square_sum = gap_square_sum + excluded.gap_square_sum",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                hit.topic,
                sign * hit.weight,
                sign * i64::from(hit.source == TopicSource::Query),
                sign,
                timestamp,
                sign * gaps,
                sign * squares,
            ])
        }))?;
    // The ends, from the neighbours: a hit with none before it is the first.
    if before.is_none() {
        let first = match change {
            Change::Assert => Some(timestamp),
            Change::Retract => after,
        };
        set_end(tx, "UPDATE topic_totals SET first_seen = ?2 WHERE topic = ?1", hit.topic, first)?;
    }
    if after.is_none() {
        let last = match change {
            Change::Assert => Some(timestamp),
            Change::Retract => before,
        };
        set_end(tx, "UPDATE topic_totals SET last_seen = ?2 WHERE topic = ?1", hit.topic, last)?;
    }
    Ok(())
}

fn set_end(tx: &Transaction<'_>, statement: &str, topic: i64, end: Option<i64>) -> Result<()> {
    let Some(end) = end else { return Ok(()) };
    sql(tx.prepare_cached(statement).and_then(|mut statement| statement.execute([topic, end])))
        .map(|_| ())
}

fn gap_minutes(from_ms: i64, to_ms: i64) -> i64 {
    interest::gap_minutes(from_ms, to_ms).cast_signed()
}

fn relate(tx: &Transaction<'_>, topic: i64, document: i64, change: Change) -> Result<()> {
    let n: i64 = sql(tx
        .prepare_cached(
            "INSERT INTO topic_documents (topic, document, n_hits) VALUES (?1, ?2, ?3) \
             ON CONFLICT (topic, document) DO UPDATE SET n_hits = n_hits + ?3 RETURNING n_hits",
        )
        .and_then(|mut statement| {
            statement.query_row([topic, document, change.sign()], |row| row.get(0))
        }))?;
    let grown = match (change, n) {
        (Change::Assert, 1) => 1,
        (Change::Retract, 0) => {
            sql(tx
                .prepare_cached("DELETE FROM topic_documents WHERE topic = ?1 AND document = ?2")
                .and_then(|mut statement| statement.execute([topic, document])))?;
            -1
        }
        _ => return Ok(()),
    };
    sql(tx
        .prepare_cached("UPDATE topic_totals SET n_documents = n_documents + ?2 WHERE topic = ?1")
        .and_then(|mut statement| statement.execute([topic, grown])))
    .map(|_| ())
}

fn pair(
    tx: &Transaction<'_>,
    [a, b]: [i64; 2],
    timestamp: i64,
    seq: i64,
    change: Change,
) -> Result<()> {
    for (one, other) in [(a, b), (b, a)] {
        sql(tx
            .prepare_cached(
                "INSERT INTO topic_pairs (a, b, co_occurrence_count, last_met) \
                 VALUES (?1, ?2, ?3, ?4) ON CONFLICT (a, b) DO UPDATE SET \
                 co_occurrence_count = co_occurrence_count + ?3, \
                 last_met = max(last_met, excluded.last_met)",
            )
            .and_then(|mut statement| {
                statement.execute(params![one, other, change.sign(), timestamp])
            }))?;
    }
    if change == Change::Assert {
        return Ok(());
    }
    let (n, last_met): (i64, i64) = sql(tx
        .prepare_cached(
            "SELECT co_occurrence_count, last_met FROM topic_pairs WHERE a = ?1 AND b = ?2",
        )
        .and_then(|mut statement| {
            statement.query_row([a, b], |row| Ok((row.get(0)?, row.get(1)?)))
        }))?;
    if n == 0 {
        return sql(tx
            .prepare_cached("DELETE FROM topic_pairs WHERE (a, b) IN (VALUES (?1, ?2), (?2, ?1))")
            .and_then(|mut statement| statement.execute([a, b])))
        .map(|_| ());
    }
    if last_met > timestamp {
        return Ok(());
    }
    let last_met = met_before(tx, [a, b], seq)?;
    sql(tx
        .prepare_cached(
            "UPDATE topic_pairs SET last_met = ?3 WHERE (a, b) IN (VALUES (?1, ?2), (?2, ?1))",
        )
        .and_then(|mut statement| statement.execute([a, b, last_met])))
    .map(|_| ())
}

/// When two topics last met but for one interaction: the hits of the rarer, the newest first, until
/// one is the other's too.
fn met_before(tx: &Transaction<'_>, [a, b]: [i64; 2], seq: i64) -> Result<i64> {
    let n_hits = |topic: i64| -> Result<i64> {
        sql(tx
            .prepare_cached("SELECT n_hits FROM topic_totals WHERE topic = ?1")
            .and_then(|mut statement| statement.query_row([topic], |row| row.get(0))))
    };
    let (rare, common) = if n_hits(a)? <= n_hits(b)? { (a, b) } else { (b, a) };
    sql(tx
        .prepare_cached(
            "SELECT x.timestamp FROM interaction_topics x WHERE x.topic = ?1 AND x.weight > 0 \
             AND x.seq <> ?3 AND EXISTS (SELECT 1 FROM interaction_topics y WHERE y.topic = ?2 \
             AND y.timestamp = x.timestamp AND y.seq = x.seq AND y.weight > 0 \
             AND (x.source = 0 OR y.source = 0)) ORDER BY x.timestamp DESC, x.seq DESC LIMIT 1",
        )
        .and_then(|mut statement| statement.query_row([rare, common, seq], |row| row.get(0))))
}

fn access(
    tx: &Transaction<'_>,
    document: i64,
    seq: i64,
    timestamp: i64,
    change: Change,
) -> Result<()> {
    if change == Change::Assert {
        return sql(tx
            .prepare_cached(
                "INSERT INTO document_accesses (document, access_count, first_access, last_access) \
                 VALUES (?1, 1, ?2, ?2) ON CONFLICT (document) DO UPDATE SET \
                 access_count = access_count + 1, first_access = min(first_access, ?2), \
                 last_access = max(last_access, ?2)",
            )
            .and_then(|mut statement| statement.execute([document, timestamp])))
        .map(|_| ());
    }
    // What is left of the others.
    let (first, last): (Option<i64>, Option<i64>) = sql(tx
        .prepare_cached(
            "SELECT min(i.timestamp), max(i.timestamp) FROM interaction_documents d \
             JOIN interactions i ON i.seq = d.seq WHERE d.document = ?1 AND d.seq <> ?2 \
             AND ((d.is_cited AND i.feedback IS NOT 'negative') \
             OR ((d.rank <= ?3 OR d.is_cited) AND i.feedback = 'positive'))",
        )
        .and_then(|mut statement| {
            statement
                .query_row([document, seq, RELATED_RANKS], |row| Ok((row.get(0)?, row.get(1)?)))
        }))?;
    match (first, last) {
        (Some(first), Some(last)) => sql(tx
            .prepare_cached(
                "UPDATE document_accesses SET access_count = access_count - 1, \
                 first_access = ?2, last_access = ?3 WHERE document = ?1",
            )
            .and_then(|mut statement| statement.execute([document, first, last]))),
        _ => sql(tx
            .prepare_cached("DELETE FROM document_accesses WHERE document = ?1")
            .and_then(|mut statement| statement.execute([document]))),
    }
    .map(|_| ())
}

/// Removes topics and documents that nothing refers to any more, so that no name outlives what it
/// was learned from.
pub(super) fn sweep(tx: &Transaction<'_>) -> Result<()> {
    sql(tx.execute_batch(
        "DELETE FROM topics WHERE topic NOT IN (SELECT topic FROM interaction_topics) \
         AND topic NOT IN (SELECT topic FROM interest_overrides); \
         DELETE FROM documents WHERE document NOT IN (SELECT document FROM interaction_documents)",
    ))
}

/// Removes these topics and documents where nothing refers to them any more; what [`sweep`] does,
/// for the few that a change touched.
pub(super) fn sweep_these(
    tx: &Transaction<'_>,
    topics: &BTreeSet<i64>,
    documents: &BTreeSet<i64>,
) -> Result<()> {
    for topic in topics {
        sql(tx
            .prepare_cached(
                "DELETE FROM topics WHERE topic = ?1 \
                 AND NOT EXISTS (SELECT 1 FROM interaction_topics WHERE topic = ?1) \
                 AND NOT EXISTS (SELECT 1 FROM interest_overrides WHERE topic = ?1)",
            )
            .and_then(|mut statement| statement.execute([topic])))?;
    }
    for document in documents {
        sql(tx
            .prepare_cached(
                "DELETE FROM documents WHERE document = ?1 \
                 AND NOT EXISTS (SELECT 1 FROM interaction_documents WHERE document = ?1)",
            )
            .and_then(|mut statement| statement.execute([document])))?;
    }
    Ok(())
}

/// Makes all views anew from the record. O(interactions).
pub(super) fn rebuild(tx: &Transaction<'_>, zone: &TimeZone) -> Result<()> {
    sql(tx.execute_batch(
        "DELETE FROM topic_totals; DELETE FROM topic_documents; DELETE FROM topic_pairs; \
         DELETE FROM document_accesses; DELETE FROM daily_activity; DELETE FROM daily_topics",
    ))?;
    let seqs: Vec<i64> = sql(tx
        .prepare("SELECT seq FROM interactions ORDER BY seq")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect()))?;
    // Neighbours are looked up among all rows, so gaps would be counted twice: the totals are made
    // by one pass over each topic's hits instead.
    for seq in seqs {
        assert(tx, seq, zone)?;
    }
    rebuild_totals(tx)
}

fn rebuild_totals(tx: &Transaction<'_>) -> Result<()> {
    let mut hits = sql(tx.prepare(
        "SELECT topic, timestamp FROM interaction_topics WHERE weight > 0 \
         ORDER BY topic, timestamp, seq",
    ))?;
    let mut rows = sql(hits.query([]))?;
    let mut current: Option<(i64, i64, i64, i64, i64)> = None;
    let write = |totals: Option<(i64, i64, i64, i64, i64)>| -> Result<()> {
        let Some((topic, first, last, gaps, squares)) = totals else { return Ok(()) };
        sql(tx
            .prepare_cached(
                "UPDATE topic_totals SET first_seen = ?2, last_seen = ?3, gap_sum_minutes = ?4, \
                 gap_square_sum = ?5 WHERE topic = ?1",
            )
            .and_then(|mut statement| statement.execute([topic, first, last, gaps, squares])))
        .map(|_| ())
    };
    while let Some(row) = sql(rows.next())? {
        let (topic, timestamp): (i64, i64) = (sql(row.get(0))?, sql(row.get(1))?);
        match &mut current {
            Some((known, _, last, gaps, squares)) if *known == topic => {
                let gap = gap_minutes(*last, timestamp);
                *gaps += gap;
                *squares += gap.saturating_mul(gap);
                *last = timestamp;
            }
            _ => write(current.replace((topic, timestamp, timestamp, 0, 0)))?,
        }
    }
    write(current)
}

/// Makes the daily counts anew for another zone. O(interactions).
pub(super) fn rebuild_days(tx: &Transaction<'_>, zone: &TimeZone, name: &str) -> Result<()> {
    sql(tx.execute_batch("DELETE FROM daily_activity; DELETE FROM daily_topics"))?;
    let mut interactions = sql(tx.prepare("SELECT seq, timestamp FROM interactions"))?;
    let mut rows = sql(interactions.query([]))?;
    while let Some(row) = sql(rows.next())? {
        let (seq, timestamp): (i64, i64) = (sql(row.get(0))?, sql(row.get(1))?);
        let day = day_at(timestamp, zone);
        count_day(tx, day, Change::Assert)?;
        let topics: Vec<i64> = sql(tx
            .prepare_cached(
                "SELECT topic FROM interaction_topics WHERE seq = ?1 AND source = 0 AND weight > 0",
            )
            .and_then(|mut statement| statement.query_map([seq], |row| row.get(0))?.collect()))?;
        for topic in topics {
            count_topic_day(tx, day, topic, Change::Assert)?;
        }
    }
    sql(tx.execute(
        "INSERT OR REPLACE INTO state (key, value) VALUES (?1, ?2)",
        [KEY_ROLLUP_ZONE, name],
    ))
    .map(|_| ())
}
