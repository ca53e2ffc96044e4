//! Prints how long reading an interest profile takes with 100,000 interactions.
//!
//! ```text
//! cargo run --release --example memory_profile [INTERACTIONS]
//! ```
//!
//! Interactions are made over 5,000 topics and 2,000 documents, the popular ones more often, from a
//! fixed seed; five topics and three documents each.

#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use std::{sync::Arc, time::Instant};

use ragged::{
    memory::{
        Breadth, FoundDocument, InteractionKind, Memory, MemoryConfig, NewInteraction,
        PersonaMemory, PersonaName, RecordedTopic, TopicSource, interest::InterestConfig,
    },
    temporal::FixedClock,
};

const N_TOPICS: u64 = 5_000;
const N_DOCUMENTS: u64 = 2_000;
const BATCH: u64 = 1_000;
const ROUNDS: usize = 1_000;
const NOW_MS: i64 = 1_795_000_000_000;
const MINUTE_MS: i64 = 60_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let n_interactions: u64 = match std::env::args().nth(1) {
        Some(n) => n.parse()?,
        None => 100_000,
    };
    let dir = tempfile::tempdir()?;
    let clock = Arc::new(FixedClock(NOW_MS));
    let memory = Memory::open(dir.path(), None, MemoryConfig::default(), clock)?;
    let persona = memory.of(&PersonaName::default())?;

    let mut random = Random(7);
    let mut n_recorded = 0;
    while n_recorded < n_interactions {
        let end = (n_recorded + BATCH).min(n_interactions);
        let batch: Vec<NewInteraction> = (n_recorded..end)
            .map(|n| interaction(n, n_interactions, &mut random))
            .collect::<Result<_, _>>()?;
        persona.record_all(&batch)?;
        n_recorded = end;
    }
    for topic in 0..20 {
        let key = format!("topic {}", topic * 100);
        persona.set_interest(&key, &key, Some(0.8))?;
    }

    let config = InterestConfig::default();
    let focus = ["tide tables".to_owned(), "topic 7".to_owned()];
    println!("{n_interactions} interactions; milliseconds of {ROUNDS} rounds:");
    println!("{:<34} {:>8} {:>8} {:>8}", "", "p50", "p95", "max");
    report("profile", ROUNDS, &persona, &mut random, |persona, _| {
        Ok(persona.profile(&focus, &config, Breadth::Tracked)?.interests.len())
    })?;
    report("profile of all topics", ROUNDS / 20, &persona, &mut random, |persona, _| {
        Ok(persona.profile(&focus, &config, Breadth::All)?.interests.len())
    })?;
    report("links of 20 interests", ROUNDS, &persona, &mut random, |persona, key| {
        Ok(persona.interest_links(std::iter::repeat_n(key, 20), 5)?.len())
    })?;
    report("evidence, 10", ROUNDS, &persona, &mut random, |persona, key| {
        Ok(persona.evidence(key, 10)?.len())
    })?;
    report("all of one topic, 10", ROUNDS / 20, &persona, &mut random, |persona, key| {
        Ok(persona.topic_info(key, &focus, &config, 10)?.rank)
    })?;
    report("a misspelt name, suggestions", ROUNDS / 20, &persona, &mut random, |persona, key| {
        Ok(usize::from(persona.topic_named(&key.replace('o', "u")).is_ok()))
    })
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// One of the first `n` numbers, small ones more often.
    fn popular(&mut self, n: u64) -> u64 {
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        ((unit * unit * unit * n as f64) as u64).min(n - 1)
    }
}

fn interaction(n: u64, of: u64, random: &mut Random) -> Result<NewInteraction, Failure> {
    let ago = i64::try_from(of - n)? * 10 * MINUTE_MS;
    let mut new =
        NewInteraction::new(format!("question {n}"), NOW_MS - ago, InteractionKind::Query)?;
    for position in 0..5 {
        let key = format!("topic {}", random.popular(N_TOPICS));
        if new.topics.iter().any(|known| known.key == key) {
            continue;
        }
        let source = if position < 2 { TopicSource::Query } else { TopicSource::Document };
        new.topics.push(RecordedTopic { name: key.clone(), key, score: 0.5, source });
    }
    for rank in 1..=3 {
        let document = random.popular(N_DOCUMENTS);
        new.documents.push(FoundDocument {
            content_hash: u128::from(document).to_be_bytes(),
            title: None,
            path: format!("/notes/{document}.md"),
            doc_type: "md".to_owned(),
            rank,
            score: 0.5,
            is_cited: rank == 1,
        });
    }
    Ok(new)
}

fn report(
    name: &str,
    n_rounds: usize,
    persona: &PersonaMemory,
    random: &mut Random,
    mut ask: impl FnMut(&PersonaMemory, &str) -> Result<usize, Failure>,
) -> Result<(), Failure> {
    let mut times = Vec::with_capacity(n_rounds);
    let mut n_found = 0;
    for _ in 0..n_rounds {
        let key = format!("topic {}", random.popular(N_TOPICS));
        let begun = Instant::now();
        n_found += ask(persona, &key)?;
        times.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{name:<34} {:>8.3} {:>8.3} {:>8.3}   {:.1} rows a time",
        at(0.5),
        at(0.95),
        at(1.0),
        n_found as f64 / n_rounds as f64
    );
    Ok(())
}
