//! Prints how long timelines and trends take over a large memory.
//!
//! ```text
//! cargo run --release --example timeline_speed [INTERACTIONS]
//! ```
//!
//! 100,000 interactions over two years by default, each about two of 300 topics; seeded.

#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use std::{sync::Arc, time::Instant};

use ragged::{
    error::Result,
    memory::{
        InteractionKind, Memory, MemoryConfig, NewInteraction, PersonaName, RecordedTopic,
        TopicSource,
    },
    temporal::{
        FixedClock,
        window::{Granularity, Window},
    },
};

const NOW_MS: i64 = 1_795_000_000_000;
const DAY_MS: i64 = 86_400_000;
const DAYS: u64 = 730;
const TOPICS: u64 = 300;
const BATCH: usize = 2000;
const ROUNDS: usize = 100;

/// A random number from a seed: the mixing of `SplitMix64`.
fn random(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn interaction(n: u64, count: u64) -> Result<NewInteraction> {
    let spread_ms = DAYS * DAY_MS.unsigned_abs();
    let at_ms = NOW_MS - spread_ms.cast_signed() + (spread_ms / count * n).cast_signed();
    let mut new = NewInteraction::new(format!("question {n}"), at_ms, InteractionKind::Query)?;
    let mut topics: Vec<u64> = (0..2 + n % 2)
        // The square makes some topics much more frequent than others.
        .map(|part| {
            let unit = random(n * 8 + part) as f64 / u64::MAX as f64;
            (unit * unit * TOPICS as f64) as u64
        })
        .collect();
    topics.sort_unstable();
    topics.dedup();
    new.topics = topics
        .into_iter()
        .enumerate()
        .map(|(idx, topic)| RecordedTopic {
            key: format!("topic {topic}"),
            name: format!("Topic {topic}"),
            score: 0.5,
            source: if idx < 2 { TopicSource::Query } else { TopicSource::Document },
        })
        .collect();
    Ok(new)
}

fn measure<T>(what: &str, mut work: impl FnMut(usize) -> Result<T>) -> Result<()> {
    work(0)?;
    let mut times_ms = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let started = Instant::now();
        work(round)?;
        times_ms.push(started.elapsed().as_secs_f64() * 1e3);
    }
    times_ms.sort_unstable_by(f64::total_cmp);
    let (p50, p95) = (times_ms[ROUNDS / 2], times_ms[ROUNDS * 95 / 100]);
    println!("{what:<34} p50 {p50:8.2} ms  p95 {p95:8.2} ms");
    Ok(())
}

fn main() -> Result<()> {
    let count: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let dir = tempfile::tempdir()
        .map_err(|error| ragged::error::Error::from_source(ragged::error::ErrorKind::Io, error))?;
    let clock = Arc::new(FixedClock(NOW_MS));
    let memory = Memory::open(dir.path(), None, MemoryConfig::default(), clock)?;
    let remembered = memory.of(&PersonaName::default())?;
    let started = Instant::now();
    let all: Vec<NewInteraction> =
        (0..count).map(|n| interaction(n, count)).collect::<Result<_>>()?;
    for batch in all.chunks(BATCH) {
        remembered.record_all(batch)?;
    }
    println!("{count} interactions recorded in {:.1} s", started.elapsed().as_secs_f64());

    let days = |n| remembered.last_days(n);
    measure("timeline, 30 days by day", |_| remembered.timeline(days(30), Granularity::Day))?;
    measure("timeline, 30 days by hour", |_| remembered.timeline(days(30), Granularity::Hour))?;
    measure("timeline, one year by day", |_| remembered.timeline(days(365), Granularity::Day))?;
    measure("timeline, one year by week", |_| remembered.timeline(days(365), Granularity::Week))?;
    measure("timeline, two years by month", |_| {
        remembered.timeline(days(730), Granularity::Month)
    })?;
    measure("trending, 90 days", |_| remembered.trending(days(90), 3))?;
    measure("activity, 30 days", |_| remembered.activity(days(30)))?;
    measure("compare two months", |_| {
        let month = days(30);
        let before = Window { start_ms: month.start_ms - 30 * DAY_MS, end_ms: month.start_ms };
        remembered.compare_periods(before, month)
    })?;
    measure("compare three topics, 90 days", |_| {
        remembered.compare_topics(&["topic 1", "topic 50", "topic 200"], days(90))
    })?;
    measure("evolution of a topic", |round| {
        remembered.topic_evolution(&format!("topic {}", round % 300), None)
    })?;
    measure("first occurrence of a topic", |round| {
        remembered.first_seen(&format!("topic {}", round % 300))
    })
}
