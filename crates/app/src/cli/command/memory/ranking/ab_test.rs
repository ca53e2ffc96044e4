//! Tests of whether the profile makes rankings better.

use std::path::Path;

use anyhow::Result;
use ragged::{
    error::ErrorKind,
    evaluation::{
        self,
        experiment::{self, Finding, Metric, ROUNDS, SEED, Trial, finding},
    },
    library::Library,
    memory::{JudgedQuestion, Memory, Persona, PersonaMemory, RankingTest},
};

use super::{Asked, reason};
use crate::{
    cli::{
        Session,
        args::memory::ranking::AbTestCommand,
        asking::Asking,
        command::{short_id, time_in},
        interrupt::Watch,
        printer::{Printer, counted, milliseconds, table, thousands, visible},
        progress,
    },
    failure::Outcome,
    wire::ranking as told,
};

pub(super) fn run(
    command: AbTestCommand,
    memory: Memory,
    persona: &Persona,
    session: &Session,
) -> Result<Outcome> {
    let remembered = memory.of(&persona.name)?;
    match command {
        AbTestCommand::Start { queries, name } => {
            start(queries.as_deref(), name, &remembered, (memory, persona), session)
        }
        AbTestCommand::List => list(&remembered, &session.printer),
        AbTestCommand::Results { test_id } => {
            results(&remembered.test(&test_id)?, &session.printer)
        }
        AbTestCommand::Compare { test_id, metric } => {
            compare(test_id.as_deref(), metric.into(), &remembered, &session.printer)
        }
        AbTestCommand::Delete { test_id, confirm } => {
            delete(&test_id, confirm, &remembered, &session.printer)
        }
    }
}

fn start(
    queries: Option<&Path>,
    name: Option<String>,
    remembered: &PersonaMemory,
    (memory, persona): (Memory, &Persona),
    session: &Session,
) -> Result<Outcome> {
    session.require_library()?;
    let mut settings = session.resolved.settings.clone();
    // What is timed is searching, not finding an answer in memory.
    settings.backend.cache_size = 0;
    settings.memory.cache.l3_size = 0;
    let library = session.library_with(settings)?;
    let printer = &session.printer;
    let asking = Asking::aside(memory, persona.clone(), session)?;
    let profile = asking.profile(&library)?;
    if let Some(unmoved) =
        Library::why_unmoved(persona, asking.personalisation(), profile.as_deref())
    {
        return Err(crate::Hinted::new(
            format!("both rankings are the same: {}", reason(unmoved, persona)),
            "a test needs a profile that may rank".to_owned(),
        )
        .into());
    }
    let trials = trials(queries, &library, remembered, printer)?;
    let asked = Asked::new(&trials, &asking, (&library, profile.as_deref()))?;
    let bar = progress::counting(printer, "questions");
    let watch = Watch::begin();
    let tested = experiment::run(
        &trials,
        ROUNDS,
        &mut |at, variant| asked.ask(at, variant),
        &mut |done, total| {
            progress::reached(&bar, done, total);
            !watch.cancel().is_cancelled()
        },
    );
    bar.finish_and_clear();
    let questions = match tested {
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            printer.note("Interrupted; nothing was kept.");
            return Ok(Outcome::Interrupted);
        }
        tested => tested?,
    };
    let test = RankingTest {
        id: RankingTest::new_id()?,
        name,
        started_ms: jiff::Timestamp::now().as_millisecond(),
        k: experiment::K as u64,
        alpha: asking.personalisation().alpha(),
        n_interests: profile.map_or(0, |profile| profile.topics.len() as u64),
        n_rounds: ROUNDS as u64,
        questions,
    };
    remembered.keep_test(&test)?;
    // As it was kept.
    results(&remembered.test(&test.id)?, printer)
}

/// The questions of a file, or those that feedback speaks for.
fn trials(
    queries: Option<&Path>,
    library: &Library,
    remembered: &PersonaMemory,
    printer: &Printer,
) -> Result<Vec<Trial>> {
    let Some(path) = queries else {
        let judged = remembered.judged_questions(usize::MAX)?.into_iter();
        let judged = judged.filter(JudgedQuestion::has_relevant);
        let trials: Vec<Trial> = judged.map(Trial::by_feedback).collect();
        if trials.is_empty() {
            return Err(crate::Hinted::new(
                format!("feedback of {} speaks for no document yet", remembered.name()),
                "`ragged memory feedback ID good` does, or give questions with --queries"
                    .to_owned(),
            )
            .into());
        }
        return Ok(trials);
    };
    let questions = evaluation::read_questions(path)?;
    if questions.is_empty() {
        return Err(crate::Hinted::new(
            format!("{} holds no questions", path.display()),
            "write one a line".to_owned(),
        )
        .into());
    }
    let (trials, n_unknown) = experiment::trials(library, remembered, &questions)?;
    if n_unknown > 0 {
        printer.note(format!(
            "{} in the file {} of no document in the library, or of several, and count for nothing",
            counted(n_unknown as u64, "name", "names"),
            if n_unknown == 1 { "is" } else { "are" },
        ));
    }
    Ok(trials)
}

fn list(remembered: &PersonaMemory, printer: &Printer) -> Result<Outcome> {
    let tests = remembered.tests()?;
    let lines: Vec<told::TestLine> = tests.iter().map(told::TestLine::from).collect();
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "persona": remembered.name().as_str(),
            "tests": lines,
        }))?;
        return Ok(Outcome::Done);
    }
    if lines.is_empty() {
        printer.line("No tests yet.")?;
        printer.note("`ragged memory ab-test start --queries FILE` makes one.");
        return Ok(Outcome::Done);
    }
    let mut rows = table(printer, &["id", "when", "name", "questions", "judged", "moved"]);
    for (test, line) in tests.iter().zip(&lines) {
        rows.add_row([
            short_id(&line.id).to_owned(),
            time_in(test.started_ms, &remembered.config().zone),
            visible(line.name.as_deref().unwrap_or_default()).into_owned(),
            thousands(line.questions as u64),
            thousands(line.judged as u64),
            thousands(line.moved as u64),
        ]);
    }
    printer.line(rows.trim_fmt())?;
    Ok(Outcome::Done)
}

fn results(test: &RankingTest, printer: &Printer) -> Result<Outcome> {
    let told = told::Test::from(test);
    if printer.is_json() {
        printer.json(&told)?;
        return Ok(Outcome::Done);
    }
    let name = told.about.name.as_deref().map_or_else(String::new, |name| format!(" {name}"));
    printer.line(format!(
        "test {}{}: {}, {} judged, {} ranked in another way; α {:.2}, k {}",
        short_id(&test.id),
        visible(&name),
        counted(told.about.questions as u64, "question", "questions"),
        thousands(told.about.judged as u64),
        thousands(told.about.moved as u64),
        test.alpha,
        test.k,
    ))?;
    let found = Metric::ALL.map(|metric| finding(&test.questions, metric, SEED));
    let mut rows = table(printer, &HEADER);
    for found in &found {
        let mut row = vec![title(found.metric).to_owned()];
        row.extend(cells(found));
        rows.add_row(row);
    }
    printer.line(rows.trim_fmt())?;
    print_missing(&found, printer)?;
    printer.note(format!(
        "`ragged memory ab-test results --test-id {}` shows it again.",
        short_id(&test.id)
    ));
    Ok(Outcome::Done)
}

const HEADER: [&str; 8] =
    ["", "n", "without", "with", "difference", "in 95 of 100", "p", "the profile"];

fn title(metric: Metric) -> &'static str {
    match metric {
        Metric::Ndcg => "nDCG@10",
        Metric::Precision => "precision@10",
        Metric::Mrr => "MRR@10",
        Metric::Recall => "recall@10",
        Metric::Latency => "latency",
    }
}

/// What is told of a finding, after its name.
fn cells(found: &Finding) -> Vec<String> {
    let compared = &found.compared;
    let is_time = found.metric == Metric::Latency;
    let value = |value: f64| if is_time { milliseconds(value) } else { format!("{value:.4}") };
    let change = |by: f64| if is_time { format!("{by:+.2} ms") } else { format!("{by:+.4}") };
    let told = told::WireFinding::from(found);
    let says = match (found.missing, told.verdict) {
        (Some(_), _) => "not enough data",
        (None, "better") => "helps",
        (None, "worse") => "hurts",
        (None, _) if is_time => "no difference that matters",
        (None, _) => "no clear difference",
    };
    if compared.n == 0 {
        let none = || String::new();
        return vec!["0".to_owned(), none(), none(), none(), none(), none(), says.to_owned()];
    }
    let between = found
        .interval
        .map_or_else(String::new, |(low, high)| format!("{} and {}", change(low), change(high)));
    vec![
        thousands(compared.n as u64),
        value(compared.mean_a),
        value(compared.mean_b),
        change(compared.difference),
        between,
        format!("{:.4}", compared.p),
        says.to_owned(),
    ]
}

/// What findings lack before anything can be said, each said once.
fn print_missing(found: &[Finding], printer: &Printer) -> Result<()> {
    let mut missing: Vec<String> =
        found.iter().filter_map(|found| found.missing.map(told::missing)).collect();
    missing.dedup();
    for missing in missing {
        printer.line(format!("not enough data: needs {missing}"))?;
    }
    Ok(())
}

fn compare(
    id: Option<&str>,
    metric: Metric,
    remembered: &PersonaMemory,
    printer: &Printer,
) -> Result<Outcome> {
    let tests = match id {
        Some(id) => vec![remembered.test(id)?],
        None => remembered.tests()?,
    };
    let found: Vec<Finding> =
        tests.iter().map(|test| finding(&test.questions, metric, SEED)).collect();
    if printer.is_json() {
        let compared: Vec<told::Compared> = tests
            .iter()
            .zip(&found)
            .map(|(test, found)| told::Compared {
                test: told::TestLine::from(test),
                finding: told::WireFinding::from(found),
            })
            .collect();
        printer.json(&serde_json::json!({
            "persona": remembered.name().as_str(),
            "metric": metric.as_str(),
            "tests": compared,
        }))?;
        return Ok(Outcome::Done);
    }
    if tests.is_empty() {
        printer.line("No tests yet.")?;
        return Ok(Outcome::Done);
    }
    printer.line(title(metric))?;
    let mut header = vec!["id", "name"];
    header.extend(&HEADER[1..]);
    let mut rows = table(printer, &header);
    for (test, found) in tests.iter().zip(&found) {
        let mut row = vec![
            short_id(&test.id).to_owned(),
            visible(test.name.as_deref().unwrap_or_default()).into_owned(),
        ];
        row.extend(cells(found));
        rows.add_row(row);
    }
    printer.line(rows.trim_fmt())?;
    for (test, found) in tests.iter().zip(&found) {
        if let Some(missing) = found.missing.map(told::missing) {
            printer.line(format!("{} needs {missing}", short_id(&test.id)))?;
        }
    }
    Ok(Outcome::Done)
}

fn delete(
    id: &str,
    confirm: bool,
    remembered: &PersonaMemory,
    printer: &Printer,
) -> Result<Outcome> {
    let test = remembered.test(id)?;
    if confirm {
        remembered.delete_test(&test.id)?;
    }
    if printer.is_json() {
        printer.json(&serde_json::json!({ "id": test.id, "deleted": confirm }))?;
        return Ok(Outcome::Done);
    }
    let what = counted(test.questions.len() as u64, "question", "questions");
    let done = if confirm { "Deleted" } else { "Would delete" };
    printer.line(format!("{done} test {} of {what}.", short_id(&test.id)))?;
    if !confirm {
        printer.note("Nothing was changed; --confirm does it.");
    }
    Ok(Outcome::Done)
}
