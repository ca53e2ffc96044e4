//! Everything that ragged set out to do, measured and held against its bound.

use std::time::Duration;

use anyhow::Result;
use ragged_benchmark::{
    mission::{self, Aim, BACKEND, SIZES},
    report::{thousands, with_unit},
    result::RunResult,
    task::Test,
};

use super::{measure, soak};
use crate::{
    cli::{
        Session,
        args::benchmark::{KeptArgs, MeasureArgs, SoakArgs},
        printer::{counted, table, visible},
    },
    failure::Outcome,
};

/// Repeats and questions of the small and the middle library, and seconds of the long run.
struct Extent {
    repeats: u16,
    questions: u32,
    soak: Duration,
}

const WHOLE: Extent = Extent { repeats: 7, questions: 100, soak: Duration::from_mins(2) };
const QUICK: Extent = Extent { repeats: 4, questions: 60, soak: Duration::from_secs(30) };
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
    let aims = mission::aims(&result, Some(&soaked));
    let path = measure::keep(&result, &[], kept)?;
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
    tests.push(Test::Strategies);
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
