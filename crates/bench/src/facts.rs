//! What facts cost: adding them, and each question about them, with many.
//!
//! Kinds, contents and times follow from a fact's number, so that every run asks the same. A fact
//! of each kind begins every day of that kind and lasts for three, so that a few are true at once.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use ragged::{
    memory::{DEFAULT_CONFIDENCE, FactDraft, FactQuery, Memory, MemoryConfig, PersonaName},
    temporal::FixedClock,
};

use crate::measure::{spread, timed};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many facts
    #[arg(long, default_value_t = 10_000)]
    facts: usize,
    /// How many questions of each sort
    #[arg(long, default_value_t = 1_000)]
    questions: usize,
}

const N_KINDS: usize = 20;
const DAY_MS: i64 = 86_400_000;

fn day(number: usize) -> i64 {
    i64::try_from(number / N_KINDS).unwrap_or(i64::MAX / DAY_MS) * DAY_MS
}

fn draft(number: usize) -> FactDraft {
    let (kind, place) = (number % N_KINDS, number % 997);
    FactDraft {
        fact_type: format!("kind{kind}"),
        content: format!("fact {number} worked at place{place} on the tides of the harbour"),
        valid_from_ms: day(number),
        valid_to_ms: Some(day(number) + 3 * DAY_MS),
        confidence: DEFAULT_CONFIDENCE,
        source: None,
    }
}

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let scratch = tempfile::tempdir().context("making a folder for the memory")?;
    let memory =
        Memory::open(scratch.path(), None, MemoryConfig::default(), Arc::new(FixedClock(0)))?;
    let remembered = memory.of(&PersonaName::default())?;
    let report = |name: &str, times: &mut [Duration]| println!("{name:<34}{}", spread(times));

    let mut times = Vec::new();
    let mut ids = Vec::new();
    for number in 0..args.facts {
        let (noted, time) = timed(|| remembered.add_fact(&draft(number)))?;
        ids.push(noted.fact.id);
        times.push(time);
    }
    println!("{} facts of {N_KINDS} kinds, {} questions of each sort", args.facts, args.questions);
    report("add, durable", &mut times);

    let number = |n: usize| n * 7919 % args.facts.max(1);
    let ask = |name: &str, question: &dyn Fn(usize) -> Result<usize>| -> Result<()> {
        let mut times = Vec::new();
        let mut n_found = 0;
        for n in 0..args.questions {
            let (found, time) = timed(|| question(number(n)))?;
            n_found += found;
            times.push(time);
        }
        report(&format!("{name}, {:.1} found", n_found as f64 / args.questions as f64), &mut times);
        Ok(())
    };
    let facts = |valid_at_ms, known_at_ms, fact_type| -> Result<usize> {
        Ok(remembered.facts(&FactQuery { valid_at_ms, known_at_ms, fact_type })?.len())
    };
    let kind = |n: usize| Some(format!("kind{}", n % N_KINDS));
    ask("of a kind, true then", &|n| facts(Some(day(n)), None, kind(n)))?;
    ask("of all kinds, true then", &|n| facts(Some(day(n)), None, None))?;
    ask("by an id", &|n| Ok(ids.get(n).map_or(Ok(0), |id| remembered.fact(id).map(|_| 1))?))?;
    ask("the history of one", &|n| {
        Ok(ids.get(n).map_or(Ok(0), |id| remembered.fact_history(id).map(|found| found.len()))?)
    })?;
    ask("when a phrase was true", &|n| {
        let found = remembered.validity_of(&format!("at place{}", n % 997))?;
        Ok(usize::from(found.is_some()))
    })?;
    ask("for a question, a rare word", &|n| {
        Ok(remembered.facts_for(&format!("was place{} nice", n % 997), day(n), 3)?.len())
    })?;
    ask("for a question, words of all facts", &|n| {
        Ok(remembered.facts_for("what tides has the harbour", day(n), 3)?.len())
    })?;
    ask("as known at the end, true then", &|n| facts(Some(day(n)), Some(i64::MAX), None))?;
    let (found, time) = timed(|| remembered.contradictions())?;
    println!("{} contradictions in {:.1} ms", found.len(), time.as_secs_f64() * 1_000.0);
    Ok(())
}
