//! Fills the memory of a library with questions that a seed decides, and times taking them out:
//! `cargo run --release -p ragged --example fill_memory -- DATA_DIR 100000`.
#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

use std::{path::Path, sync::Arc, time::Instant};

use ragged::{
    error::Result,
    memory::{
        FoundDocument, InteractionFilter, InteractionKind, Memory, MemoryConfig, NewInteraction,
        PersonaName, RecordedTopic, TopicSource,
    },
    temporal::FixedClock,
};

const NOW_MS: i64 = 1_795_000_000_000;
const N_TOPICS: u64 = 2_000;
const N_DOCUMENTS: u64 = 5_000;
const BATCH: u64 = 5_000;
const N_RUNS: usize = 5;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(dir), Some(n)) = (args.next(), args.next().and_then(|n| n.parse::<u64>().ok()))
    else {
        println!("usage: fill_memory DATA_DIR NUMBER_OF_INTERACTIONS");
        return Ok(());
    };
    let clock = Arc::new(FixedClock(NOW_MS));
    let memory = Memory::open(Path::new(&dir), None, MemoryConfig::default(), clock)?;
    let remembered = memory.of(&PersonaName::default())?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    // xorshift64*
    let mut draw = |below: u64| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) % below
    };
    let known = remembered.count_interactions(&InteractionFilter::default())?;
    for start in (known..n).step_by(BATCH as usize) {
        let batch: Vec<NewInteraction> =
            (start..n.min(start + BATCH)).map(|i| question(i, n, &mut draw)).collect();
        remembered.record_all(&batch)?;
    }
    let mut times = Vec::new();
    for _ in 0..N_RUNS {
        let started = Instant::now();
        let mut n_rows = 0_u64;
        remembered.export(
            &InteractionFilter::default(),
            |_| Ok(()),
            |_| {
                n_rows += 1;
                Ok(())
            },
        )?;
        times.push(started.elapsed().as_secs_f64());
        println!("{n_rows} rows read in {:.2} s", started.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    println!("median {:.2} s, {:.2} to {:.2}", times[N_RUNS / 2], times[0], times[N_RUNS - 1]);
    Ok(())
}

fn question(i: u64, n: u64, draw: &mut impl FnMut(u64) -> u64) -> NewInteraction {
    let topic = |t: u64, source| RecordedTopic {
        key: format!("topic {t}"),
        name: format!("Topic {t}"),
        score: (t % 97) as f32 / 97.0,
        source,
    };
    // Small numbers are drawn more often, as topics of a person are.
    let mut skewed = || draw(N_TOPICS).min(draw(N_TOPICS));
    let words = [skewed(), skewed()];
    let found = [skewed(), skewed(), skewed()];
    let documents: std::collections::BTreeSet<u64> = (0..5).map(|_| draw(N_DOCUMENTS)).collect();
    NewInteraction {
        id: format!("{:032x}", u128::from(i) << 64 | u128::from(draw(u64::MAX))),
        query: format!("what do my notes say about topic {} and topic {}?", words[0], words[1]),
        response: Some("They say a sentence or two about it, with a source. ".repeat(8)),
        timestamp_ms: NOW_MS - ((n - i) as i64) * 300_000,
        model_used: Some("extractive".to_owned()),
        latency_ms: Some(draw(1_000_000) as f64 / 1_000.0),
        session_id: Some(format!("{:032x}", i / 7)),
        kind: InteractionKind::Query,
        documents: (1..)
            .zip(documents)
            .map(|(rank, document)| FoundDocument {
                content_hash: (u128::from(document) << 64 | 1).to_be_bytes(),
                title: Some(format!("Note {document}")),
                path: format!("/home/somebody/notes/folder/note-{document}.md"),
                doc_type: "md".to_owned(),
                rank,
                score: 1.0 / (rank as f32 + 1.0),
                is_cited: rank == 1,
            })
            .collect(),
        topics: words
            .iter()
            .map(|t| topic(*t, TopicSource::Query))
            .chain(found.iter().map(|t| topic(*t, TopicSource::Document)))
            .collect(),
        is_learned: true,
        metadata: None,
        feedback: None,
        correction: None,
    }
}
