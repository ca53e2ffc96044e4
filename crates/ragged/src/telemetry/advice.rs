//! From what was measured to what may help: rules, each with its evidence and a command. Pure.

use std::collections::HashSet;

use super::{
    sample::{Digested, Kind, Sample, Spread},
    stage::Stage,
};

/// Of fewer questions no rule speaks.
pub const LEAST_QUESTIONS: usize = 10;

/// The settings that rules speak of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// `backend.cache_size`.
    pub result_cache_size: usize,
    /// `memory.cache.l3_size`.
    pub persona_cache_size: usize,
    /// `memory.cache.l1_size`.
    pub profile_cache_size: usize,
    /// `backend.vector_cache`, in bytes.
    pub vector_cache_bytes: u64,
    /// Whether `backend.tier` is the one that recomputes least.
    pub is_fastest_tier: bool,
    /// `backend.beam_width`.
    pub beam_width: usize,
    /// Whether `personalisation.async_updates` is on.
    pub is_learning_later: bool,
    /// `answer.generator`.
    pub generator: String,
}

/// What was found to be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Questions come again and are worked out again.
    RepeatedQueries,
    /// Making vectors again from text takes much of the time.
    RecomputeBound,
    /// Walks through the graph find less than was asked for.
    WalkTooNarrow,
    /// Walks through the graph take much of the time, and are wider than what is asked for needs.
    WalkTooWide,
    /// Many hits are asked for, and such questions are slow.
    LargeResults,
    /// Opening the library takes longer than asking it.
    ColdOpens,
    /// Memory takes much of the time.
    MemoryHeavy,
    /// A model that words answers takes most of the time.
    GenerationDominates,
}

impl Rule {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RepeatedQueries => "repeated-queries",
            Self::RecomputeBound => "recompute-bound",
            Self::WalkTooNarrow => "walk-too-narrow",
            Self::WalkTooWide => "walk-too-wide",
            Self::LargeResults => "large-results",
            Self::ColdOpens => "cold-opens",
            Self::MemoryHeavy => "memory-heavy",
            Self::GenerationDominates => "generation-dominates",
        }
    }
}

/// What may help.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// Which rule says so.
    pub rule: Rule,
    /// What was found, in a sentence with its numbers.
    pub finding: String,
    /// The numbers, by name.
    pub evidence: Vec<(&'static str, f64)>,
    /// What applies it.
    pub command: String,
}

type Says = fn(&[&Sample], &Circumstances) -> Option<Recommendation>;

/// What may help, in the order of the rules. O(n).
pub fn recommendations(samples: &[Sample], circumstances: &Circumstances) -> Vec<Recommendation> {
    let asked: Vec<&Sample> = samples.iter().filter(|sample| sample.kind != Kind::Ingest).collect();
    if asked.len() < LEAST_QUESTIONS {
        return Vec::new();
    }
    let rules: [Says; 8] = [
        repeated_queries,
        recompute_bound,
        walk_too_narrow,
        walk_too_wide,
        large_results,
        cold_opens,
        memory_heavy,
        generation_dominates,
    ];
    rules.iter().filter_map(|rule| rule(&asked, circumstances)).collect()
}

fn total(asked: &[&Sample]) -> u64 {
    asked.iter().map(|sample| sample.total_us).sum::<u64>().max(1)
}

fn sum(asked: &[&Sample], stage: Stage) -> u64 {
    asked.iter().map(|sample| sample.stages.us(stage)).sum()
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

fn count(asked: &[&Sample], is_so: impl Fn(&Sample) -> bool) -> u64 {
    asked.iter().filter(|sample| is_so(sample)).count() as u64
}

/// Whether most of these questions had a process of their own.
fn are_cold(asked: &[&Sample]) -> bool {
    2 * count(asked, is_cold) > asked.len() as u64
}

fn is_cold(sample: &Sample) -> bool {
    sample.stages.us(Stage::Open) > 0
}

fn recommend(
    rule: Rule,
    finding: String,
    evidence: Vec<(&'static str, f64)>,
    command: impl Into<String>,
) -> Recommendation {
    Recommendation { rule, finding, evidence, command: command.into() }
}

fn repeated_queries(asked: &[&Sample], now: &Circumstances) -> Option<Recommendation> {
    const LEAST_PERCENT: f64 = 10.0;
    let mut seen: HashSet<Digested> = HashSet::new();
    let mut again: Vec<&Sample> = Vec::new();
    let mut n_known = 0;
    for sample in asked {
        let Some(digest) = sample.digest else { continue };
        n_known += 1;
        if !seen.insert(digest) {
            again.push(sample);
        }
    }
    let missed: Vec<&Sample> = again.iter().copied().filter(|sample| !sample.from_cache).collect();
    let repeated = percent(again.len() as u64, n_known);
    let n_missed = missed.len() as u64;
    if n_known < LEAST_QUESTIONS as u64
        || repeated < LEAST_PERCENT
        || 2 * n_missed < again.len() as u64
    {
        return None;
    }
    // The cache of those that ask as a persona is another one.
    let is_personal = 2 * count(&missed, |sample| sample.interaction.is_some()) > n_missed;
    let (key, size) = if is_personal {
        ("memory.cache.l3_size", now.persona_cache_size)
    } else {
        ("backend.cache_size", now.result_cache_size)
    };
    let (why, command) = if size == 0 {
        let size = if is_personal { 200 } else { 5000 };
        (format!("{key} is 0, so no answer is kept"), format!("ragged tune set {key} {size}"))
    } else if are_cold(&missed) {
        (
            "answers are kept by a process that stays, and each had its own".to_owned(),
            "ragged chat".to_owned(),
        )
    } else {
        (format!("{key} of {size} keeps too few"), format!("ragged tune set {key} {}", 2 * size))
    };
    let n_again = again.len();
    Some(recommend(
        Rule::RepeatedQueries,
        format!(
            "{repeated:.0} % of questions ({n_again} of {n_known}) were asked before, and {n_missed} \
             of those were worked out again: {why}"
        ),
        vec![
            ("repeated_percent", repeated),
            ("repeated", n_again as f64),
            ("worked_out_again", n_missed as f64),
            ("cache_size", size as f64),
        ],
        command,
    ))
}

fn recompute_bound(asked: &[&Sample], now: &Circumstances) -> Option<Recommendation> {
    const LEAST_PERCENT: f64 = 30.0;
    let share = percent(sum(asked, Stage::Recompute), total(asked));
    if share < LEAST_PERCENT {
        return None;
    }
    let recomputed: u64 = asked.iter().map(|sample| sample.recomputed).sum();
    let cached: u64 = asked.iter().map(|sample| sample.cached_vectors).sum();
    let a_question = recomputed as f64 / asked.len() as f64;
    let kept = percent(cached, cached + recomputed);
    // A cache helps where a process stays and the same texts come again.
    let command = if !are_cold(asked) && kept > 5.0 {
        let mib = ((4 * now.vector_cache_bytes) >> 20).max(8);
        format!("ragged tune set backend.vector_cache {mib}MiB")
    } else if now.is_fastest_tier {
        return None;
    } else {
        "ragged config set backend.tier fast && ragged reindex".to_owned()
    };
    Some(recommend(
        Rule::RecomputeBound,
        format!(
            "{share:.0} % of the time goes into making vectors again, {a_question:.0} a question; \
             {kept:.0} % of those wanted were still in memory"
        ),
        vec![
            ("recompute_percent", share),
            ("recomputed_per_query", a_question),
            ("in_memory_percent", kept),
            ("vector_cache_bytes", now.vector_cache_bytes as f64),
        ],
        command,
    ))
}

fn walks<'a>(asked: &[&'a Sample]) -> Vec<&'a Sample> {
    asked
        .iter()
        .copied()
        .filter(|sample| sample.strategy == "graph" && !sample.from_cache)
        .collect()
}

fn walk_too_narrow(asked: &[&Sample], now: &Circumstances) -> Option<Recommendation> {
    const LEAST_PERCENT: f64 = 20.0;
    let walks = walks(asked);
    let n_short = count(&walks, |sample| sample.n_hits < sample.k);
    let share = percent(n_short, walks.len() as u64);
    if walks.len() < LEAST_QUESTIONS || share < LEAST_PERCENT {
        return None;
    }
    let n_walks = walks.len();
    Some(recommend(
        Rule::WalkTooNarrow,
        format!(
            "{share:.0} % of walks through the graph ({n_short} of {n_walks}) found fewer hits than \
             were asked for, with a beam of {}",
            now.beam_width
        ),
        vec![
            ("short_percent", share),
            ("walks", n_walks as f64),
            ("beam_width", now.beam_width as f64),
        ],
        format!("ragged tune set backend.beam_width {}", now.beam_width * 2),
    ))
}

fn walk_too_wide(asked: &[&Sample], now: &Circumstances) -> Option<Recommendation> {
    const LEAST_PERCENT: f64 = 40.0;
    let walks = walks(asked);
    if walks.len() < LEAST_QUESTIONS || walk_too_narrow(asked, now).is_some() {
        return None;
    }
    let share = percent(sum(&walks, Stage::Vector), total(&walks));
    let k = walks.iter().map(|sample| sample.k).max().unwrap_or(0);
    // The beam is never narrower than three times the hits that are wanted.
    let enough = usize::try_from(3 * k).unwrap_or(usize::MAX).max(50);
    if share < LEAST_PERCENT || now.beam_width <= enough {
        return None;
    }
    let visited = walks.iter().map(|sample| sample.visited).sum::<u64>() / walks.len() as u64;
    Some(recommend(
        Rule::WalkTooWide,
        format!(
            "{share:.0} % of the time of questions that walk the graph goes into the walk, over \
             {visited} codes each with a beam of {}, where {k} hits are asked for at most",
            now.beam_width
        ),
        vec![
            ("vector_percent", share),
            ("visited_per_query", visited as f64),
            ("beam_width", now.beam_width as f64),
        ],
        format!("ragged tune set backend.beam_width {enough}"),
    ))
}

fn large_results(asked: &[&Sample], _: &Circumstances) -> Option<Recommendation> {
    const LARGE: u64 = 50;
    const SLOWER: f64 = 1.5;
    let (large, small): (Vec<&Sample>, Vec<&Sample>) =
        asked.iter().copied().filter(|sample| !sample.from_cache).partition(|s| s.k >= LARGE);
    if large.len() < 5 || small.len() < 5 {
        return None;
    }
    let median =
        |of: &[&Sample]| Spread::of(of.iter().map(|sample| sample.total_us)).summary().p50_ms;
    let (slow, quick) = (median(&large), median(&small));
    if slow < SLOWER * quick {
        return None;
    }
    let n_large = large.len();
    // One who asks for answers sets another key than one who searches.
    let is_search = 2 * count(&large, |sample| sample.kind == Kind::Search) > n_large as u64;
    let key = if is_search { "search.k" } else { "answer.k" };
    Some(recommend(
        Rule::LargeResults,
        format!(
            "{n_large} questions asked for {LARGE} hits or more and took {slow:.1} ms at the median, \
             the others {quick:.1} ms"
        ),
        vec![("large", n_large as f64), ("large_p50_ms", slow), ("other_p50_ms", quick)],
        format!("ragged config set {key} 10"),
    ))
}

fn cold_opens(asked: &[&Sample], _: &Circumstances) -> Option<Recommendation> {
    let cold: Vec<&Sample> = asked.iter().copied().filter(|sample| is_cold(sample)).collect();
    let (opening, asking) = (sum(&cold, Stage::Open), total(&cold));
    if !are_cold(asked) || opening < asking {
        return None;
    }
    let n_cold = cold.len() as u64;
    let (open_ms, ask_ms) =
        (opening as f64 / n_cold as f64 / 1e3, asking as f64 / n_cold as f64 / 1e3);
    let share = percent(opening, opening + asking);
    Some(recommend(
        Rule::ColdOpens,
        format!(
            "{n_cold} of {} questions opened the library for themselves: {open_ms:.1} ms each, beside \
             {ask_ms:.1} ms for the question; a process that stays opens it once",
            asked.len()
        ),
        vec![("cold", n_cold as f64), ("open_ms", open_ms), ("open_percent", share)],
        "ragged chat",
    ))
}

fn memory_heavy(asked: &[&Sample], now: &Circumstances) -> Option<Recommendation> {
    const LEAST_PERCENT: f64 = 20.0;
    let (enhance, record) = (sum(asked, Stage::Enhance), sum(asked, Stage::Record));
    let share = percent(enhance + record, total(asked));
    if share < LEAST_PERCENT {
        return None;
    }
    let command = if record > enhance && !now.is_learning_later {
        "ragged tune set personalisation.async_updates true".to_owned()
    } else if are_cold(asked) {
        // Caches live in a process.
        "ragged chat".to_owned()
    } else if record > enhance {
        return None;
    } else {
        let size = (2 * now.profile_cache_size).max(500);
        format!("ragged tune set memory.cache.l1_size {size}")
    };
    let ms = |us: u64| us as f64 / asked.len() as f64 / 1000.0;
    Some(recommend(
        Rule::MemoryHeavy,
        format!(
            "memory takes {share:.0} % of the time: {:.1} ms a question for the persona's profile and \
             times, {:.1} ms for recording",
            ms(enhance),
            ms(record)
        ),
        vec![("memory_percent", share), ("enhance_ms", ms(enhance)), ("record_ms", ms(record))],
        command,
    ))
}

fn generation_dominates(asked: &[&Sample], now: &Circumstances) -> Option<Recommendation> {
    const LEAST_PERCENT: f64 = 50.0;
    let generated: Vec<&Sample> =
        asked.iter().copied().filter(|sample| sample.is_generated).collect();
    let share = percent(sum(&generated, Stage::Generate), total(&generated));
    if generated.len() < 5 || share < LEAST_PERCENT || now.generator == "extractive" {
        return None;
    }
    let ms = sum(&generated, Stage::Generate) as f64 / generated.len() as f64 / 1000.0;
    Some(recommend(
        Rule::GenerationDominates,
        format!(
            "{} words answers in {ms:.0} ms, {share:.0} % of the time; a smaller model is quicker, and \
             quoting from the files takes milliseconds",
            now.generator
        ),
        vec![
            ("generate_percent", share),
            ("generate_ms", ms),
            ("generated", generated.len() as f64),
        ],
        "ragged config set answer.generator extractive",
    ))
}
