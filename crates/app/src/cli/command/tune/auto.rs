//! `tune auto`: what is better for a way of using the library, found by measuring it.
//!
//! Two stages: the profiles beside what is in force, then single settings beside what won. A change is
//! kept where the figure that the workload is about becomes better by more than chance explains, and what
//! the workload must not lose is not lost.

mod judgement;
mod proposal;

use std::{collections::BTreeSet, time::Instant};

use anyhow::Result;
use fastrand::Rng;
use ragged::{
    library::Library,
    memory::{InteractionFilter, Memory, Recording},
    vault::Protection,
};
use ragged_benchmark::machine::Machine;

use self::{
    judgement::{Judgement, judge},
    proposal::{Candidate, Measure, Situation},
};
use super::{
    compare,
    file::PerformanceFile,
    trial::{Figures, Trial},
    workload,
};
use crate::{
    cli::{
        Session,
        args::tune::{AutoArgs, Workload},
        interrupt::Watch,
        printer::{counted, table},
        progress,
    },
    config,
    failure::Outcome,
    wire::tune::{TuneAuto, TuneCandidate, TuneValue},
};

/// How often everything is measured: with five and five values a difference by chance of less than 1 in
/// 100 can be told.
const ROUNDS: usize = 5;
/// Questions that recall is measured with.
const RECALL: usize = 25;
/// Different questions that are made up where none are recorded.
const MADE_UP: usize = 4_000;
/// Questions that were recorded last and are asked again.
const RECORDED: usize = 500;
/// Fewer say too little of how somebody asks.
const LEAST_RECORDED: usize = 20;
/// Questions of a batch.
const BATCH: usize = 16;
/// Questions of one measurement, at least and at most; as many are asked before it.
const ASKED: (f64, f64) = (20.0, 1_500.0);
/// Questions of one measurement of memory, which are asked after all that fill it.
const ASKED_OF_MEMORY: usize = 40;
/// Many questions at once take about this share of the time that they take one by one.
const AT_ONCE: f64 = 0.5;

/// Things that are measured in turns, about: four profiles and what is in force, as many settings, and a
/// few that add files.
const GROUP: usize = 12;

type Values = Vec<(String, String)>;

pub(super) fn run(args: &AutoArgs, session: &Session) -> Result<Outcome> {
    let begun = Instant::now();
    let printer = &session.printer;
    let mut rng = Rng::with_seed(args.seed);
    let library = session.existing_library()?;
    let counts = library.status()?.counts;
    let recorded = recorded(session)?;
    let asked = Asked::of(&library, recorded, &mut rng)?;
    let files = workload::files_of(&library, &mut rng)?;
    let situation = Situation::of(&library, counts, &asked.questions, session)?;
    drop(library);
    let mut measuring = Measuring {
        args,
        session,
        asked: &asked,
        files,
        rng,
        watch: Watch::begin(),
        n_asked: 0,
        begun,
    };
    measuring.calibrate()?;
    let bar = progress::counting(printer, "measurements");
    let found = measuring.two_stages(&situation, &bar);
    bar.finish_and_clear();
    let Some((candidates, values)) = found? else {
        printer.note("Interrupted; nothing was changed.");
        return Ok(Outcome::Interrupted);
    };
    let is_written = !args.dry_run && !values.is_empty();
    if is_written {
        PerformanceFile::mended(session)?.change(&[], &values)?;
    }
    print(
        &TuneAuto {
            workload: args.workload.as_str(),
            machine: Machine::this().to_string(),
            documents: counts.documents,
            chunks: counts.chunks,
            questions_from: asked.from.clone(),
            questions: asked.questions.len(),
            rounds: ROUNDS,
            seconds: begun.elapsed().as_secs_f64(),
            candidates,
            written: is_written,
            changes: wire_values(&values),
        },
        args,
        session,
    )?;
    Ok(Outcome::Done)
}

/// What is asked, and where it is from.
struct Asked {
    questions: Vec<String>,
    /// Places of questions as often as they are asked.
    drawn: Vec<u32>,
    is_made_up: bool,
    from: String,
}

/// Questions that the active persona asked, the oldest first; `None` where nothing can be said of them.
fn recorded(session: &Session) -> Result<Option<Vec<String>>> {
    let dir = &session.resolved.data_dir;
    if !Memory::exists(dir) {
        return Ok(None);
    }
    let is_locked = Memory::protection(dir)? == Some(Protection::Passphrase)
        && config::memory_passphrase().is_none();
    if is_locked {
        session.printer.note(format!(
            "What was asked is not looked at: its key wants a passphrase ({}).",
            config::ENV_PASSPHRASE
        ));
        return Ok(None);
    }
    let memory = session.memory(None)?;
    let persona = memory.active()?;
    if persona.recording == Recording::Off {
        return Ok(None);
    }
    let remembered = memory.of(&persona.name)?;
    let last = remembered.interactions(&InteractionFilter::default(), RECORDED)?;
    let questions = last.into_iter().rev().map(|interaction| interaction.query);
    Ok(Some(questions.filter(|query| query.chars().any(char::is_alphanumeric)).collect()))
}

impl Asked {
    fn of(library: &Library, recorded: Option<Vec<String>>, rng: &mut Rng) -> Result<Self> {
        if let Some(recorded) = recorded.filter(|recorded| recorded.len() >= LEAST_RECORDED) {
            let mut questions: Vec<String> = Vec::new();
            let mut drawn = Vec::new();
            for question in &recorded {
                let at = questions.iter().position(|known| known == question);
                let at = at.unwrap_or_else(|| {
                    questions.push(question.clone());
                    questions.len() - 1
                });
                drawn.push(at as u32);
            }
            let from = format!(
                "the {} that the persona asked last",
                counted(recorded.len() as u64, "question", "questions")
            );
            return Ok(Self { questions, drawn, is_made_up: false, from });
        }
        let questions = workload::made_of(library, MADE_UP, rng)?;
        if questions.is_empty() {
            return Err(compare::nothing_to_ask());
        }
        let drawn = workload::zipf(questions.len(), 2 * ASKED.1 as usize, rng);
        let from = "questions made of the library's own words".to_owned();
        Ok(Self { questions, drawn, is_made_up: true, from })
    }
}

struct Measuring<'a> {
    args: &'a AutoArgs,
    session: &'a Session,
    asked: &'a Asked,
    files: Vec<std::path::PathBuf>,
    rng: Rng,
    watch: Watch,
    /// Questions of one measurement.
    n_asked: usize,
    begun: Instant,
}

impl Measuring<'_> {
    /// As many questions are measured as are asked before; of memory, all that there is time for fill it
    /// first, and those that are measured are none of them.
    fn trial(&self, n_asked: usize, n_recall: usize) -> Trial {
        let workload = self.args.workload;
        let Asked { questions, drawn, is_made_up, .. } = self.asked;
        let all = 0..questions.len() as u32;
        let (warm_up, asked) = if workload == Workload::Memory && *is_made_up {
            let n_filling = (2 * n_asked).min(questions.len().saturating_sub(ASKED_OF_MEMORY));
            (
                all.clone().take(n_filling).collect(),
                all.skip(n_filling).take(ASKED_OF_MEMORY).collect(),
            )
        } else {
            let places = || drawn.iter().cycle().copied();
            (places().take(n_asked).collect(), places().skip(n_asked).take(n_asked).collect())
        };
        let batch = if workload == Workload::Batch { BATCH } else { 1 };
        Trial { questions: questions.clone(), warm_up, asked, batch, n_recall, files: Vec::new() }
    }

    /// Learns how long a process and a question take, so that all fits the time that there is.
    fn calibrate(&mut self) -> Result<()> {
        let n = ASKED.0 as usize;
        let begun = Instant::now();
        let figures = self.trial(n, 0).run(&[], self.session)?;
        let question_seconds = 1.0 / figures.questions_per_second.max(1e-3);
        let n_asked = (1.0 + AT_ONCE) * n as f64;
        let child_seconds = (begun.elapsed().as_secs_f64() - n_asked * question_seconds).max(0.02);
        let each = f64::from(self.args.seconds) / (ROUNDS * GROUP) as f64 - child_seconds;
        let question = question_seconds * (1.0 + AT_ONCE);
        self.n_asked = (each / question).clamp(ASKED.0, ASKED.1) as usize;
        Ok(())
    }

    fn has_time(&self) -> bool {
        self.begun.elapsed().as_secs_f64() < f64::from(self.args.seconds)
    }

    /// Figures of what is in force and of each candidate, measured in turns; `None` where it was
    /// interrupted.
    fn measure(
        &mut self,
        base: &[(String, String)],
        candidates: &[Candidate],
        is_adding: bool,
        bar: &indicatif::ProgressBar,
    ) -> Result<Option<Vec<Vec<Figures>>>> {
        let mut figures: Vec<Vec<Figures>> = vec![Vec::new(); candidates.len() + 1];
        for round in 0..ROUNDS {
            let mut turns: Vec<usize> = (0..=candidates.len()).collect();
            self.rng.shuffle(&mut turns);
            for at in turns {
                if self.watch.cancel().is_cancelled() {
                    return Ok(None);
                }
                let mut options = base.to_vec();
                if let Some(candidate) = at.checked_sub(1).and_then(|at| candidates.get(at)) {
                    options.extend(candidate.values.iter().cloned());
                }
                let trial = if is_adding {
                    Trial { files: self.files.clone(), ..Trial::default() }
                } else {
                    // It is the same each time.
                    self.trial(self.n_asked, if round == 0 { RECALL } else { 0 })
                };
                figures[at].push(trial.run(&options, self.session)?);
                bar.inc(1);
            }
        }
        Ok(Some(figures))
    }

    /// Measures candidates beside what is in force, and says of each what came of it.
    fn stage(
        &mut self,
        base: &[(String, String)],
        candidates: Vec<Candidate>,
        bar: &indicatif::ProgressBar,
    ) -> Result<Option<Vec<(Candidate, Judgement)>>> {
        let (adding, asking): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|candidate| candidate.measure.is_of_adding());
        let mut judged = Vec::new();
        for (group, is_adding) in [(asking, false), (adding, true)] {
            if group.is_empty() || (is_adding && self.files.is_empty()) {
                continue;
            }
            if !self.has_time() {
                self.session.printer.note(format!(
                    "No time was left to measure {}: --seconds gives more.",
                    group
                        .iter()
                        .map(|candidate| candidate.name.as_str())
                        .collect::<Vec<_>>()
                        .join(", ")
                ));
                continue;
            }
            let total = bar.length().unwrap_or(0) + (ROUNDS * (group.len() + 1)) as u64;
            bar.set_length(total);
            let Some(figures) = self.measure(base, &group, is_adding, bar)? else {
                return Ok(None);
            };
            let n = group.len();
            for (candidate, after) in group.into_iter().zip(&figures[1..]) {
                let judgement = judge(
                    candidate.measure,
                    self.args.workload,
                    &figures[0],
                    after,
                    n,
                    self.args.seed,
                );
                judged.push((candidate, judgement));
            }
        }
        Ok(Some(judged))
    }

    /// What was tried, and the values that won.
    fn two_stages(
        &mut self,
        situation: &Situation,
        bar: &indicatif::ProgressBar,
    ) -> Result<Option<(Vec<TuneCandidate>, Values)>> {
        let workload = self.args.workload;
        let mut told = Vec::new();
        let mut values: Values = Vec::new();
        let Some(judged) =
            self.stage(&[], proposal::profiles(workload, situation, self.session), bar)?
        else {
            return Ok(None);
        };
        let best = judged
            .iter()
            .enumerate()
            .filter(|(_, (_, judgement))| judgement.wins)
            .max_by(|(_, (_, a)), (_, (_, b))| a.gain.total_cmp(&b.gain))
            .map(|(at, _)| at);
        for (at, (candidate, judgement)) in judged.into_iter().enumerate() {
            let is_best = best == Some(at);
            if is_best {
                values.clone_from(&candidate.values);
            }
            let other = (judgement.wins && !is_best).then_some("another profile gains more");
            told.push(wire_candidate(&candidate, &judgement, is_best, other));
        }
        let moves = proposal::moves(workload, &situation.with(&values), self.session);
        let Some(mut judged) = self.stage(&values.clone(), moves, bar)? else { return Ok(None) };
        // Each was measured alone; of two values of one setting the better is taken.
        judged.sort_by(|(_, a), (_, b)| b.gain.total_cmp(&a.gain));
        let mut taken: BTreeSet<String> = BTreeSet::new();
        for (candidate, judgement) in judged {
            let is_taken = candidate.values.iter().any(|(key, _)| taken.contains(key));
            let is_kept = judgement.wins && !is_taken;
            if is_kept {
                for (key, value) in &candidate.values {
                    taken.insert(key.clone());
                    values.retain(|(known, _)| known != key);
                    values.push((key.clone(), value.clone()));
                }
            }
            let other = (judgement.wins && is_taken).then_some("another value gains more");
            told.push(wire_candidate(&candidate, &judgement, is_kept, other));
        }
        Ok(Some((told, values)))
    }
}

fn wire_values(values: &[(String, String)]) -> Vec<TuneValue> {
    let of = |(key, value): &(String, String)| TuneValue { key: key.clone(), value: value.clone() };
    values.iter().map(of).collect()
}

fn wire_candidate(
    candidate: &Candidate,
    judgement: &Judgement,
    kept: bool,
    other: Option<&str>,
) -> TuneCandidate {
    TuneCandidate {
        name: candidate.name.clone(),
        why: candidate.why.clone(),
        values: wire_values(&candidate.values),
        metric: candidate.measure.as_str(),
        before: judgement.before,
        after: judgement.after,
        p: judgement.p,
        recall: judgement.recall,
        kept,
        verdict: other.map_or_else(|| judgement.verdict.clone(), str::to_owned),
    }
}

fn print(auto: &TuneAuto, args: &AutoArgs, session: &Session) -> Result<()> {
    let printer = &session.printer;
    if printer.is_json() {
        return printer.json(auto);
    }
    printer.line(format!(
        "For {} use, of {} in {}, on {}; {}, in {} rounds.",
        auto.workload,
        counted(auto.chunks, "chunk", "chunks"),
        counted(auto.documents, "document", "documents"),
        auto.machine,
        auto.questions_from,
        auto.rounds,
    ))?;
    let mut rows = table(printer, &["tried", "measured", "before", "after", "p", ""]);
    for candidate in &auto.candidates {
        rows.add_row([
            candidate.name.clone(),
            candidate.metric.to_owned(),
            format!("{:.2}", candidate.before),
            format!("{:.2}", candidate.after),
            format!("{:.3}", candidate.p),
            format!("{} {}", if candidate.kept { "kept:" } else { "no:" }, candidate.verdict),
        ]);
    }
    printer.line(rows.trim_fmt())?;
    for candidate in &auto.candidates {
        printer.line(format!("{}: {}", candidate.name, candidate.why))?;
    }
    if auto.changes.is_empty() {
        printer.line("Nothing is better than what is in force, so nothing was changed.")?;
        return Ok(());
    }
    for change in &auto.changes {
        printer.line(format!("{} = {}", change.key, change.value))?;
    }
    if args.dry_run {
        printer.note("Nothing was changed; leave out --dry-run to keep this.");
    } else {
        printer.note("Kept; `ragged tune undo` takes it back.");
    }
    Ok(())
}

/// What the measures are called.
impl Measure {
    fn as_str(self) -> &'static str {
        match self {
            Self::Slowest => "p95 ms",
            Self::Questions => "questions/s",
            Self::Files => "files/s",
            Self::Resident => "MiB asking",
            Self::Adding => "MiB adding",
        }
    }
}
