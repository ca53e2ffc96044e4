//! What profiling costs whoever asks, and what it writes.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use fastrand::Rng;
use ragged::{
    library::{Library, SearchRequest, measured},
    telemetry::{Bounds, Components, Kind, SampleStore, Stage, Telemetry, Trace, Writing, switch},
    temporal::FixedClock,
};
use ragged_benchmark::asker::Timed;
use tempfile::TempDir;

use crate::{
    measure::{open_at, read_questions, spread, without_caches},
    program::Program,
    ratio::change,
};

const NOW_MS: i64 = 1_795_000_000_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of files
    folder: PathBuf,
    /// Questions, one JSON object with `text` a line
    #[arg(long)]
    questions: PathBuf,
    /// Rounds over all questions, each asked with profiling and without in turn
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Keep the library here and use it again
    #[arg(long)]
    library: Option<PathBuf>,
    /// The program [default: the one built beside this one]
    #[arg(long)]
    ragged: Option<PathBuf>,
    /// Seed of the order, and of the resampling
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// How a question is put.
#[derive(Clone, Copy)]
enum Way {
    Search,
    Answer,
}

impl Way {
    fn ask(
        self,
        asker: &Timed<'_>,
        library: &Library,
        request: &SearchRequest,
    ) -> Result<Duration> {
        Ok(asker.ask(request, |request| match self {
            Self::Search => library.search(request),
            Self::Answer => Ok(library.answer(request, &mut |_| ())?.search),
        })?)
    }
}

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let questions = read_questions(&args.questions)?;
    let scratch = tempfile::tempdir().context("making a folder for the library")?;
    let dir = args.library.clone().unwrap_or_else(|| scratch.path().join("library"));
    if !Library::exists(&dir) {
        let program = Program::new(args.ragged.as_deref(), &dir)?;
        program.json(&["add", &args.folder.display().to_string()])?;
        program.json(&["compact"])?;
    }
    let library = open_at(&dir, without_caches(), NOW_MS)?;
    let folder = |name: &str| -> Result<TempDir> {
        tempfile::tempdir().with_context(|| format!("making a folder for {name}"))
    };
    let (on, off, same) = (folder("on")?, folder("off")?, folder("the same")?);
    switch::enable(on.path(), Components::ALL)?;
    let asker = |dir| Timed::begin(dir, Arc::new(FixedClock(NOW_MS)));
    let (with, without) = (asker(on.path())?, asker(off.path())?);
    let again = asker(same.path())?;
    let mut rng = Rng::with_seed(args.seed);
    for (name, way) in [("search", Way::Search), ("answer", Way::Answer)] {
        let pairs = Pairs { library: &library, questions: &questions, rounds: args.rounds, way };
        // What this machine calls a difference where there is none.
        let (first, second) = pairs.measure(&again, &without, &mut rng)?;
        println!("{name}, off and off: {}", change(&first, &second, 50, &mut rng));
        let (mut first, mut second) = pairs.measure(&with, &without, &mut rng)?;
        println!("{name}, profiling off: {}", spread(&mut second.clone()));
        println!("{name}, profiling on:  {}", spread(&mut first.clone()));
        println!(
            "  {}; {}",
            change(&first, &second, 50, &mut rng),
            change(&first, &second, 95, &mut rng)
        );
        println!("  {}", differences(&mut first, &mut second));
    }
    with.telemetry.flush()?;
    let lost = with.telemetry.n_lost();
    for stage in Stage::ALL {
        if let Some(times) = with.telemetry.with_histograms(|of| of.stage(stage)) {
            println!(
                "  {:<10} p50 {:.3} ms, p95 {:.3} ms",
                stage.as_str(),
                times.p50_ms,
                times.p95_ms
            );
        }
    }
    let store = SampleStore::open(on.path(), Bounds::default())?;
    let (n, _) = store.extent()?;
    println!(
        "{n} rows written, {lost} lost, {} bytes on disk, {} a row; at most {} bytes",
        store.bytes(),
        store.bytes() / n.max(1),
        Bounds::default().total_bytes()
    );
    anyhow::ensure!(!SampleStore::path_in(off.path()).exists(), "something was written while off");
    parts(&library, on.path())
}

struct Pairs<'a> {
    library: &'a Library,
    questions: &'a [String],
    rounds: usize,
    way: Way,
}

impl Pairs<'_> {
    /// Each question asked both ways, one right after the other, in an order that is drawn. The
    /// first round is not counted.
    fn measure(
        &self,
        first: &Timed<'_>,
        second: &Timed<'_>,
        rng: &mut Rng,
    ) -> Result<(Vec<Duration>, Vec<Duration>)> {
        let settings = self.library.settings().search.clone();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for round in 0..=self.rounds {
            for question in self.questions {
                let request = SearchRequest::new(question.clone(), &settings);
                let (mut one, mut other) = (Duration::ZERO, Duration::ZERO);
                let begins = rng.bool();
                for is_first in [begins, !begins] {
                    if is_first {
                        one = self.way.ask(first, self.library, &request)?;
                    } else {
                        other = self.way.ask(second, self.library, &request)?;
                    }
                }
                if round > 0 {
                    a.push(one);
                    b.push(other);
                }
            }
        }
        Ok((a, b))
    }
}

/// The median of what one way takes more than the other for the same question.
fn differences(first: &mut [Duration], second: &mut [Duration]) -> String {
    let mut more: Vec<f64> = first
        .iter()
        .zip(second.iter())
        .map(|(one, other)| (one.as_secs_f64() - other.as_secs_f64()) * 1e6)
        .collect();
    format!(
        "of a pair the one with it takes {:+.1} µs more (median)",
        crate::measure::median(&mut more)
    )
}

/// What each step of profiling costs by itself.
#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
fn parts(library: &Library, dir: &Path) -> Result<()> {
    const TIMES: u32 = 20_000;
    let each = |name: &str, step: &mut dyn FnMut()| {
        let begun = Instant::now();
        for _ in 0..TIMES {
            step();
        }
        let ns = begun.elapsed().as_secs_f64() * 1e9 / f64::from(TIMES);
        println!("  {name:<28} {ns:>8.0} ns");
    };
    let settings = library.settings().search.clone();
    let response = library.search(&SearchRequest::new("what is known", &settings))?;
    let clock = Arc::new(FixedClock(NOW_MS));
    let telemetry = Telemetry::begin(dir, Bounds::default(), Writing::AtEnd, clock)?;
    let off = Trace::default();
    let nowhere = tempfile::tempdir()?;
    println!("what a step costs:");
    each("the switch, off", &mut || drop(switch::enabled(nowhere.path()).to_string()));
    each("the switch, on", &mut || drop(switch::enabled(dir).to_string()));
    each("a span, off", &mut || off.time(Stage::Embed, || ()));
    each("a trace of twelve spans", &mut || {
        let trace = Trace::begin();
        for stage in Stage::ALL {
            trace.time(stage, || ());
        }
    });
    let trace = Trace::begin();
    for stage in Stage::ALL {
        trace.time(stage, || ());
    }
    each("a sample of them, noted", &mut || {
        let sample = measured(Kind::Search, NOW_MS, &trace, &response);
        telemetry.note(sample, Some(telemetry.digest("what is known of this question?")));
    });
    Ok(())
}
