//! Everything that ragged set out to do, measured and held against its bound.

use std::time::Duration;

use anyhow::Result;
use ragged_benchmark::{
    corpus,
    mission::{self, Aim, BACKEND, SIZES},
    report::{thousands, with_unit},
    result::RunResult,
    task::Test,
};
use serde::Deserialize;

use super::{measure, soak};
use crate::{
    cli::{
        Session,
        args::benchmark::{KeptArgs, MeasureArgs, SoakArgs},
        child,
        interrupt::TemporaryFolder,
        printer::{counted, table, visible},
    },
    failure::Outcome,
};

/// Repeats and questions of the small and the middle library, and seconds of the long run.
struct Extent {
    repeats: u16,
    questions: u32,
    soak: Duration,
    /// Different questions of the comparison of tuning profiles, and how many are asked again.
    compared: (u32, u32),
}

const WHOLE: Extent =
    Extent { repeats: 8, questions: 100, soak: Duration::from_mins(2), compared: (12_000, 6_000) };
const QUICK: Extent =
    Extent { repeats: 6, questions: 60, soak: Duration::from_secs(30), compared: (7_000, 1_500) };
/// Repeats and questions of the large library.
const LARGE: (u16, u32) = (1, 50);
const SOAK_DOCUMENTS: usize = 300;

pub(super) fn run(quick: bool, kept: &KeptArgs, session: &Session) -> Result<Outcome> {
    let extent = if quick { QUICK } else { WHOLE };
    let Some(result) = measure_all(&extent, kept, session)? else {
        return Ok(Outcome::Interrupted);
    };
    if kept.dry_run {
        return Ok(Outcome::Done);
    }
    session.printer.note("a long run");
    let soak = SoakArgs {
        duration: extent.soak,
        documents: SOAK_DOCUMENTS,
        seed: kept.seed,
        plant: 0,
        output: None,
    };
    let soaked = soak::work(&soak, session)?;
    session.printer.note("tuning profiles");
    let mut aims = mission::aims(&result, Some(&soaked));
    aims.push(profiles_in_order(&extent, kept.seed)?);
    aims.push(coverage());
    aims.push(documents());
    aims.sort_by_key(|aim| aim.criterion.unwrap_or(u8::MAX));
    let path = measure::keep(&result, &[], kept, session)?;
    let printer = &session.printer;
    let n_passed = aims.iter().filter(|aim| aim.pass).count();
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "label": result.label,
            "machine": result.machine,
            "passed": n_passed,
            "rows": aims,
        }))?;
    } else {
        show(&aims, session)?;
        printer.line(format!(
            "{n_passed} of {} are kept; {}, {}.",
            aims.len(),
            visible(&result.corpus),
            result.machine
        ))?;
        printer.note(format!("The figures behind them are kept in {}.", path.display()));
    }
    Ok(if n_passed == aims.len() { Outcome::Done } else { Outcome::Gate })
}

fn show(aims: &[Aim], session: &Session) -> Result<()> {
    let printer = &session.printer;
    let mut rows = table(printer, &["", "aim", "bound", "measured", ""]);
    for aim in aims {
        let bound = if aim.is_most { "≤" } else { "≥" };
        rows.add_row([
            aim.criterion.map(|number| number.to_string()).unwrap_or_default(),
            aim.name.clone(),
            format!("{bound} {}", with_unit(aim.target, &aim.unit)),
            aim.measured
                .map_or_else(|| "not measured".to_owned(), |value| with_unit(value, &aim.unit)),
            if aim.pass { "✓" } else { "✗" }.to_owned(),
        ]);
    }
    printer.line(rows.to_string())
}

/// The figures of all sizes in one result.
fn measure_all(extent: &Extent, kept: &KeptArgs, session: &Session) -> Result<Option<RunResult>> {
    let [small, middle, large] = SIZES;
    let args = |sizes: &[u64], repeats: u16, questions: u32| MeasureArgs {
        backends: vec![BACKEND.to_owned()],
        corpus_sizes: sizes.to_vec(),
        corpus: measure::SYNTHETIC.to_owned(),
        profiles: Vec::new(),
        queries: questions.to_string(),
        repeats: Some(repeats),
        kept: kept.clone(),
    };
    let printer = &session.printer;
    let mut tests = Test::OF_BACKENDS.to_vec();
    tests.extend([Test::Strategies, Test::Profiling]);
    let n = |n: u64| format!("{} documents", thousands(n));
    printer.note(format!("{} and {}", n(small), n(middle)));
    let first = args(&[small, middle], extent.repeats, extent.questions);
    let Some(mut result) = measure::measure(&first, &tests, session)? else { return Ok(None) };
    printer.note(counted(large, "document", "documents"));
    let mut second = args(&[large], LARGE.0, LARGE.1);
    // What it has measured so far is not what the first has.
    second.kept.label = Some(format!("{}-large", result.label));
    let tests = [Test::Ingest, Test::Query];
    let Some(of_large) = measure::measure(&second, &tests, session)? else { return Ok(None) };
    result.rows.extend(of_large.rows);
    result.missing.extend(of_large.missing);
    result.corpus = format!("made-up documents, seed {}", kept.seed);
    Ok(Some(result))
}

/// Documents of the library that tuning profiles are compared on.
const COMPARED_DOCUMENTS: usize = 1_000;

/// Of the statements that `tune compare` holds, each profile against the next, the share that is so
/// beyond chance.
fn profiles_in_order(extent: &Extent, seed: u64) -> Result<Aim> {
    let scratch = TemporaryFolder::create()?;
    let corpus =
        corpus::write_synthetic(&scratch.path().join("corpus"), COMPARED_DOCUMENTS, 0, seed)?;
    let library = scratch.path().join("library");
    let (questions, asked) = extent.compared;
    let (questions, asked, seed) = (questions.to_string(), asked.to_string(), seed.to_string());
    child::run(&library, &["add", &corpus.folder.display().to_string()])?;
    let compared: Compared = child::run(
        &library,
        &["tune", "compare", "--questions", &questions, "--asked", &asked, "--seed", &seed],
    )
    .and_then(|value| Ok(serde_json::from_value(value)?))?;
    let holding = compared.order.iter().filter(|order| order.holds).count() as f64;
    let share = 100.0 * holding / compared.order.len().max(1) as f64;
    let name = "tuning profiles in their order of speed and memory, beyond chance";
    Ok(Aim::least(name, 100.0, "%", Some(share)).of(9))
}

/// What is read of `tune compare --format json`.
#[derive(Deserialize)]
struct Compared {
    order: Vec<Order>,
}

#[derive(Deserialize)]
struct Order {
    holds: bool,
}

/// The least coverage of a core module, as it was when this program was built.
fn coverage() -> Aim {
    const PAGE: &str = include_str!("../../../../../../docs/reference/coverage.md");
    let percent = |line: &str| line.trim_end_matches(" |").rsplit(' ').next()?.parse().ok();
    let least = PAGE.lines().filter_map(percent).reduce(f64::min);
    Aim::least("lines that the tests run, of the core module with fewest", 80.0, "%", least).of(10)
}

/// What the mission wants its three pages to be about, and where that stands.
const TOPICS: [(&str, &str); 10] = [
    (TUNING, "## What a question costs"),
    (TUNING, "## For a way of using it"),
    (TUNING, "## Profiles"),
    (TUNING, "## In production"),
    (BENCHMARKS, "## Scenarios"),
    (BENCHMARKS, "## Reading a report"),
    (BENCHMARKS, "## Regression testing"),
    (BENCHMARKS, "## In CI"),
    (OPTIMISING, "## Where the time of one question goes"),
    (OPTIMISING, "## Measure, change, measure again"),
];
const TUNING: &str = include_str!("../../../../../../docs/guides/tuning.md");
const BENCHMARKS: &str = include_str!("../../../../../../docs/reference/benchmarks.md");
const OPTIMISING: &str = include_str!("../../../../../../docs/tutorials/optimising.md");

fn documents() -> Aim {
    let n = TOPICS.iter().filter(|(page, heading)| page.lines().any(|line| line == *heading));
    let (found, wanted) = (n.count() as f64, TOPICS.len() as f64);
    Aim::least("topics of the guide, the reference and the tutorial", wanted, "", Some(found))
        .of(11)
}
