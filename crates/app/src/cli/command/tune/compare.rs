//! `tune compare`: what the profiles take and give, beside each other.

use anyhow::Result;
use fastrand::Rng;
use ragged::settings::tuning::Profile;
use ragged_benchmark::{
    machine::Machine,
    sample::{difference_by_chance, median, median_interval},
};

use super::{
    profile,
    trial::{Figures, Trial},
    values::{BACKEND, values_of},
    workload,
};
use crate::{
    cli::{
        Session,
        args::tune::CompareArgs,
        interrupt::Watch,
        printer::{counted, table, thousands},
        progress,
    },
    failure::{Outcome, Usage},
    wire::tune::{TuneCompared, TuneComparison, TuneFigure, TuneOrder},
};

/// A difference that comes by chance less often than this is one.
const CHANCE: f64 = 0.05;
/// With fewer repeats the least p is above [`CHANCE`].
const LEAST_TO_GATE: u8 = 4;

pub(super) fn run(args: &CompareArgs, session: &Session) -> Result<Outcome> {
    let mut profiles: Vec<Profile> =
        args.profiles.iter().map(|name| profile(name)).collect::<Result<_, _>>()?;
    profiles.sort_unstable();
    profiles.dedup();
    if profiles.len() < 2 {
        return Err(Usage::new("there is nothing to compare one profile with")
            .with_hint("--profiles balanced,low-memory")
            .into());
    }
    if args.gate && args.repeats < LEAST_TO_GATE {
        return Err(Usage::new("so few repeats can never be beyond chance")
            .with_hint(format!("--repeats {LEAST_TO_GATE} or more"))
            .into());
    }
    let library = session.existing_library()?;
    let counts = library.status()?.counts;
    let mut rng = Rng::with_seed(args.seed);
    let questions = workload::made_of(&library, args.questions as usize, &mut rng)?;
    drop(library);
    if questions.is_empty() {
        return Err(nothing_to_ask());
    }
    if questions.len() < args.questions as usize {
        session.printer.warning(format!(
            "the library has words for {} only",
            counted(questions.len() as u64, "different question", "different questions")
        ));
    }
    let n = questions.len();
    let trial = Trial {
        // From the rarest to the most frequent, so that a cache of any size begins with those that it
        // would hold after long use.
        warm_up: (0..n as u32).rev().collect(),
        asked: workload::zipf(n, args.asked as usize, &mut rng),
        questions,
        batch: 1,
        ..Trial::default()
    };
    let repeats = usize::from(args.repeats);
    let Some(figures) = measure(&trial, &profiles, repeats, &mut rng, session)? else {
        session.printer.note("Interrupted; nothing was kept.");
        return Ok(Outcome::Interrupted);
    };
    let compared: Vec<TuneCompared> = profiles
        .iter()
        .zip(&figures)
        .map(|(profile, runs)| compared(*profile, runs, args.seed))
        .collect();
    let order = order(&profiles, &figures, args.seed);
    let holds = order.iter().all(|order| order.holds);
    let comparison = TuneComparison {
        documents: counts.documents,
        chunks: counts.chunks,
        questions: n,
        asked: args.asked as usize,
        repeats,
        seed: args.seed,
        machine: Machine::this().to_string(),
        profiles: compared,
        order,
    };
    print(&comparison, session)?;
    Ok(if args.gate && !holds { Outcome::Gate } else { Outcome::Done })
}

pub(super) fn nothing_to_ask() -> anyhow::Error {
    anyhow::Error::new(crate::Hinted::new(
        "the library holds no text to make questions of".to_owned(),
        "`ragged add FOLDER` adds some".to_owned(),
    ))
}

/// For each profile its figures, measured in turns; `None` where it was interrupted.
fn measure(
    trial: &Trial,
    profiles: &[Profile],
    repeats: usize,
    rng: &mut Rng,
    session: &Session,
) -> Result<Option<Vec<Vec<Figures>>>> {
    let watch = Watch::begin();
    let bar = progress::counting(&session.printer, "measurements");
    let mut figures = vec![Vec::new(); profiles.len()];
    let total = (repeats * profiles.len()) as u64;
    let mut done = 0;
    for _ in 0..repeats {
        let mut turns: Vec<usize> = (0..profiles.len()).collect();
        rng.shuffle(&mut turns);
        for at in turns {
            if watch.cancel().is_cancelled() {
                bar.finish_and_clear();
                return Ok(None);
            }
            // No measurement moves vectors.
            let options: Vec<(String, String)> = values_of(profiles[at])
                .into_iter()
                .filter(|(key, _)| key.name != BACKEND)
                .map(|(key, value)| (key.name.to_owned(), value))
                .collect();
            figures[at].push(trial.run(&options, session)?);
            done += 1;
            progress::reached(&bar, done, total);
        }
    }
    bar.finish_and_clear();
    Ok(Some(figures))
}

fn figure(runs: Vec<f64>, seed: u64) -> TuneFigure {
    TuneFigure {
        median: median(&runs).unwrap_or_default(),
        interval: median_interval(&runs, seed),
        runs,
    }
}

fn resident(runs: &[Figures]) -> Option<Vec<f64>> {
    runs.iter().map(|run| run.resident_mib).collect()
}

fn processor(runs: &[Figures]) -> Option<Vec<f64>> {
    runs.iter().map(|run| run.processor_ms).collect()
}

fn means(runs: &[Figures]) -> Vec<f64> {
    runs.iter().map(|run| run.mean_ms).collect()
}

fn compared(profile: Profile, runs: &[Figures], seed: u64) -> TuneCompared {
    let of = |get: fn(&Figures) -> f64| figure(runs.iter().map(get).collect(), seed);
    TuneCompared {
        profile: profile.as_str(),
        mean_ms: figure(means(runs), seed),
        p50_ms: of(|run| run.p50_ms),
        p95_ms: of(|run| run.p95_ms),
        processor_ms: processor(runs).map(|runs| figure(runs, seed)),
        resident_mib: resident(runs).map(|runs| figure(runs, seed)),
        // The same each time.
        from_memory: runs.first().map_or(0.0, |run| run.from_memory),
    }
}

/// Each profile beside the next one, which is to be slower and to take less memory.
fn order(profiles: &[Profile], figures: &[Vec<Figures>], seed: u64) -> Vec<TuneOrder> {
    let mut order = Vec::new();
    let mut judge = |metric, better: (Profile, &[f64]), worse: (Profile, &[f64])| {
        let p = difference_by_chance(better.1, worse.1, seed);
        let (least, most) =
            (median(better.1).unwrap_or_default(), median(worse.1).unwrap_or_default());
        order.push(TuneOrder {
            metric,
            better: better.0.as_str(),
            worse: worse.0.as_str(),
            ratio: if least > 0.0 { most / least } else { 1.0 },
            p,
            holds: least < most && p < CHANCE,
        });
    };
    for (pair, runs) in profiles.windows(2).zip(figures.windows(2)) {
        let ([more, less], [of_more, of_less]) = (pair, runs) else { continue };
        judge("latency", (*more, &means(of_more)), (*less, &means(of_less)));
        if let (Some(of_more), Some(of_less)) = (processor(of_more), processor(of_less)) {
            judge("processor", (*more, &of_more), (*less, &of_less));
        }
        if let (Some(of_more), Some(of_less)) = (resident(of_more), resident(of_less)) {
            judge("memory", (*less, &of_less), (*more, &of_more));
        }
    }
    order
}

fn shown(figure: &TuneFigure, digits: usize) -> String {
    match figure.interval {
        Some((least, most)) => {
            format!("{:.digits$} ({least:.digits$}–{most:.digits$})", figure.median)
        }
        None => format!("{:.digits$}", figure.median),
    }
}

fn told(figure: Option<&TuneFigure>, digits: usize) -> String {
    figure.map_or("not told".to_owned(), |figure| shown(figure, digits))
}

fn print(comparison: &TuneComparison, session: &Session) -> Result<()> {
    let printer = &session.printer;
    if printer.is_json() {
        return printer.json(comparison);
    }
    printer.line(format!(
        "{}, {}; {} of {} different questions asked, the nth 1/n as often as the first; {} times",
        counted(comparison.documents, "document", "documents"),
        counted(comparison.chunks, "chunk", "chunks"),
        thousands(comparison.asked as u64),
        thousands(comparison.questions as u64),
        comparison.repeats,
    ))?;
    let header =
        ["profile", "ms a question", "p50", "p95", "processor ms", "memory, MiB", "from memory"];
    let mut rows = table(printer, &header);
    for profile in &comparison.profiles {
        rows.add_row([
            profile.profile.to_owned(),
            shown(&profile.mean_ms, 3),
            format!("{:.3}", profile.p50_ms.median),
            format!("{:.3}", profile.p95_ms.median),
            told(profile.processor_ms.as_ref(), 3),
            told(profile.resident_mib.as_ref(), 1),
            format!("{:.0} %", 100.0 * profile.from_memory),
        ]);
    }
    printer.line(rows.trim_fmt())?;
    for order in &comparison.order {
        let what = match order.metric {
            "latency" => "is faster than",
            "processor" => "works less than",
            _ => "takes less memory than",
        };
        let verdict = if order.holds { "" } else { "not shown: " };
        printer.line(format!(
            "{verdict}{} {what} {} (1 : {:.2}, p = {:.3})",
            order.better, order.worse, order.ratio, order.p
        ))?;
    }
    printer.note(format!(
        "Medians with 95 % intervals, on {}; p: how likely such a difference is by chance.",
        comparison.machine
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(mean_ms: f64, resident_mib: f64) -> Vec<Figures> {
        let stray = [0.99, 1.0, 1.01, 0.995, 1.005];
        let run = |by: f64| Figures {
            mean_ms: by * mean_ms,
            processor_ms: Some(by * mean_ms),
            resident_mib: Some(by * resident_mib),
            ..Figures::default()
        };
        stray.into_iter().map(run).collect()
    }

    #[test]
    fn the_order_is_judged_beyond_chance() {
        let figures = [runs(1.0, 90.0), runs(2.0, 60.0), runs(2.001, 30.0)];
        let order = order(&Profile::ALL, &figures, 1);
        let holds: Vec<(&str, bool)> =
            order.iter().map(|order| (order.metric, order.holds)).collect();
        assert_eq!(
            holds,
            [
                ("latency", true),
                ("processor", true),
                ("memory", true),
                ("latency", false),
                ("processor", false),
                ("memory", true)
            ]
        );
        assert_eq!((order[0].better, order[0].worse), ("high-performance", "balanced"));
        assert_eq!((order[2].better, order[2].worse), ("balanced", "high-performance"));
        assert!((order[0].ratio - 2.0).abs() < 1e-9);
    }

    #[test]
    fn the_wrong_way_round_does_not_hold() {
        let order = order(&Profile::ALL[..2], &[runs(2.0, 30.0), runs(1.0, 90.0)], 1);
        assert!(order.iter().all(|order| !order.holds));
    }
}
