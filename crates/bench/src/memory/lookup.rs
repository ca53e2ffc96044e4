//! What is looked up of a persona that has asked for years, and what its indexes are for.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use ragged::{
    error::{Error, ErrorKind},
    memory::{
        Breadth, FactQuery, InteractionFilter, PersonaMemory, graph::DEFAULT_DEPTH,
        interest::InterestConfig,
    },
};
use ragged_benchmark::asker::persona;

use super::{
    asking::micros,
    ground::{
        FACT_TYPES, Ground, LOADED, NOW_MS, SESSION_LEN, SPAN_DAYS, fact_type, open_memory, session,
    },
};
use crate::{
    measure::{percentile, spread, timed},
    program::Program,
};

const LOOKUPS: usize = 200;
/// Judged questions that `memory analytics` asks again.
const REPLAYED: usize = 25;
/// Questions of a document that `memory explain-ranking` shows.
const SHOWN: usize = 5;
/// Times that a statement without its index is run: each reads the whole table.
const SCANS: usize = 10;
/// Times that the persona is exported and imported.
const EXPORTS: usize = 3;
/// Copies of which the persona is deleted.
const DELETIONS: usize = 3;
/// Facts that an answer is given.
const SHOWN_FACTS: usize = 5;
const DAY_MS: i64 = 86_400_000;

/// Each after something was recorded, so that nothing of the file is left in the reader's cache.
#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(super) fn look_up(ground: &Ground, seed: u64) -> Result<()> {
    let (_, remembered) = persona(&ground.memory, LOADED)?;
    let mut rng = Rng::with_seed(seed);
    let config = InterestConfig::default();
    let profile = remembered.profile(&[], &config, Breadth::Tracked)?;
    let documents = remembered.ranking_profile(&[], &config)?.documents;
    let content = documents.first().map(|(content, _)| *content).unwrap_or_default();
    let queries = remembered.graph(config)?;
    let mut related = Vec::new();
    for interest in profile.interests {
        if !queries.related_topics(&interest.key, DEFAULT_DEPTH, 1)?.is_empty() {
            related.push(interest);
        }
    }
    ensure!(!related.is_empty(), "the persona has no interests that go together");
    let mut times: [Vec<Duration>; 9] = Default::default();
    let names = [
        "profile, for ranking",
        "profile, to be shown",
        "related topics",
        "facts of a kind, at a time",
        "facts for a question",
        "all facts, at a time",
        "analytics",
        "judged questions",
        "questions of a document",
    ];
    for at in 0..LOOKUPS {
        let interest = &related[rng.usize(..related.len())];
        let then = NOW_MS - rng.i64(1..SPAN_DAYS) * DAY_MS;
        let query = FactQuery {
            valid_at_ms: Some(then),
            fact_type: Some(fact_type(rng.usize(..FACT_TYPES))),
            ..FactQuery::default()
        };
        let words = fact_type(rng.usize(..FACT_TYPES));
        let lookups: [&dyn Fn() -> ragged::error::Result<usize>; 9] = [
            &|| Ok(remembered.ranking_profile(&[], &config)?.interests.len()),
            &|| Ok(remembered.profile(&[], &config, Breadth::Tracked)?.interests.len()),
            &|| Ok(queries.related_topics(&interest.key, DEFAULT_DEPTH, 20)?.len()),
            &|| Ok(remembered.facts(&query)?.len()),
            &|| Ok(remembered.facts_for(&words, then, SHOWN_FACTS)?.len()),
            &|| Ok(remembered.facts(&FactQuery { fact_type: None, ..query.clone() })?.len()),
            &|| Ok(remembered.analytics(&[], 10)?.distribution.len()),
            &|| Ok(remembered.judged_questions(REPLAYED)?.len()),
            &|| Ok(remembered.questions_that_found(content, SHOWN)?.len()),
        ];
        for ((lookup, name), times) in lookups.iter().zip(names).zip(&mut times) {
            if let Some(new) = ground.preparation(at % ground.questions.len(), None)?()? {
                remembered.record_all(&[new])?;
            }
            let (n, took) = timed(lookup)?;
            let may_be_none = ground.n_facts == 0 || documents.is_empty();
            ensure!(n > 0 || may_be_none, "{name}, of {:?}: nothing was found", interest.key);
            times.push(took);
        }
    }
    for (name, times) in names.iter().zip(&mut times) {
        println!("{name:<27} {}", micros(times));
    }
    Ok(())
}

/// A statement with its index, and in a copy of the memory without.
#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(super) fn indexes(ground: &Ground, seed: u64) -> Result<()> {
    let copy = ground.copy()?;
    let without = open_memory(copy.path())?;
    let (persona_without, remembered_without) = persona(&without, LOADED)?;
    let (_, remembered) = persona(&ground.memory, LOADED)?;
    let mut rng = Rng::with_seed(seed);
    for plan in remembered.index_plans()? {
        ensure!(plan.is_used(), "{} is not used:\n{}", plan.index, plan.plan);
        let dropping = format!("DROP INDEX {}", plan.index);
        without.vault().open(&persona_without.file_id)?.write(|tx| {
            tx.execute_batch(&dropping).map_err(|e| Error::from_source(ErrorKind::Internal, e))
        })?;
        let mut with_times = Vec::new();
        let mut without_times = Vec::new();
        for at in 0..LOOKUPS {
            let lookup = Lookup::draw(plan.index, ground, &mut rng)
                .with_context(|| format!("no statement is known for {}", plan.index))?;
            let (n, took) = timed(|| lookup.run(&remembered))?;
            with_times.push(took);
            if at < SCANS {
                let (same, took) = timed(|| lookup.run(&remembered_without))?;
                ensure!(n == same, "without {} other rows are found", plan.index);
                without_times.push(took);
            }
        }
        println!("{}: {}", plan.index, plan.plan.lines().next().unwrap_or_default());
        println!("  with:    {}", micros(&mut with_times));
        println!("  without: {}", micros(&mut without_times));
        println!(
            "  {:.0} times as fast (medians)",
            percentile(&mut without_times, 50) / percentile(&mut with_times, 50)
        );
    }
    Ok(())
}

/// What an index is for.
enum Lookup {
    Interactions(InteractionFilter),
    Facts(FactQuery),
    Judged,
}

impl Lookup {
    fn draw(index: &str, ground: &Ground, rng: &mut Rng) -> Option<Self> {
        let then = NOW_MS - rng.i64(2..SPAN_DAYS) * DAY_MS;
        match index {
            "idx_interactions_persona_timestamp" => Some(Self::Interactions(InteractionFilter {
                since_ms: Some(then),
                until_ms: Some(then + DAY_MS / 8),
                ..InteractionFilter::default()
            })),
            "idx_interactions_session" => {
                let n_sessions = (ground.n_interactions / SESSION_LEN).max(1);
                let number = rng.usize(..n_sessions) * SESSION_LEN;
                let session_id = Some(session(number));
                Some(Self::Interactions(InteractionFilter {
                    session_id,
                    ..InteractionFilter::default()
                }))
            }
            "idx_interactions_feedback" => Some(Self::Judged),
            "idx_temporal_facts_lookup" => Some(Self::Facts(FactQuery {
                valid_at_ms: Some(then),
                fact_type: Some(fact_type(rng.usize(..FACT_TYPES))),
                ..FactQuery::default()
            })),
            _ => None,
        }
    }

    fn run(&self, remembered: &PersonaMemory) -> ragged::error::Result<usize> {
        match self {
            Self::Interactions(filter) => Ok(remembered.interactions(filter, 20)?.len()),
            Self::Facts(query) => Ok(remembered.facts(query)?.len()),
            Self::Judged => Ok(remembered.judged_questions(REPLAYED)?.len()),
        }
    }
}

/// Exports the persona with the program, and imports that into a memory that is empty.
#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(super) fn export(ground: &Ground, ragged: Option<&Path>) -> Result<()> {
    let program = Program::new(ragged, &ground.dir)?;
    let scratch = tempfile::tempdir().context("making a folder for the export")?;
    let file = scratch.path().join("memory.json").display().to_string();
    let (mut out, mut back) = (Vec::new(), Vec::new());
    for round in 0..EXPORTS {
        let args = ["memory", "export", file.as_str(), "--persona", LOADED];
        let (said, took) = timed(|| program.json(&args))?;
        let n = said["exported"]["interactions"].as_u64().unwrap_or_default();
        ensure!(n >= ground.n_interactions as u64, "{said}");
        out.push(took);
        let other = Program::new(ragged, &scratch.path().join(format!("library {round}")))?;
        let (said, took) = timed(|| other.json(&["memory", "import", file.as_str()]))?;
        ensure!(said["added"]["interactions"] == n, "{said}");
        back.push(took);
    }
    let n_bytes = std::fs::metadata(&file).context("reading the export")?.len();
    println!("export, {} MB of JSON: {}", n_bytes / 1_000_000, spread(&mut out));
    println!("import of it: {}", spread(&mut back));
    Ok(())
}

/// Deletes the persona, in copies.
#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(super) fn delete(ground: &Ground) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..DELETIONS {
        let copy = ground.copy()?;
        let memory = open_memory(copy.path())?;
        let name = LOADED.parse()?;
        let path = memory.vault().database_path(&memory.persona(&name)?.file_id);
        ensure!(path.exists(), "the copy is incomplete");
        times.push(timed(|| memory.delete_persona(&name))?.1);
        ensure!(!path.exists(), "the file is still there");
    }
    println!("deleting the persona: {}", spread(&mut times));
    Ok(())
}
