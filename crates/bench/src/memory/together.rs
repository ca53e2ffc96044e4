//! Sixteen personas at once.

use std::{
    sync::{Arc, Barrier},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use ragged::{
    library::SearchRequest,
    memory::{InteractionFilter, Persona, PersonaMemory, Preparation, Recorder},
};
use ragged_benchmark::asker::persona;

use super::{
    asking::micros,
    ground::{Ground, open_memory},
};
use crate::measure::median;

const PERSONAS: usize = 16;
const THREADS: [usize; 5] = [1, 2, 4, 8, 16];
const ROUNDS: usize = 5;
/// Interactions recorded in one run, and questions asked in one, over all threads.
const RECORDS: usize = 1600;
const QUERIES: usize = 800;
const LONG: Duration = Duration::from_millis(50);

type Someone = (Persona, Arc<PersonaMemory>);

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(super) fn run(ground: &Ground) -> Result<()> {
    let scratch = tempfile::tempdir_in(ground.dir.parent().unwrap_or(&ground.dir))?;
    let memory = open_memory(scratch.path())?;
    let personas = (0..PERSONAS)
        .map(|number| persona(&memory, &format!("p{number:02}")))
        .collect::<ragged::error::Result<Vec<Someone>>>()?;
    let n_cores = std::thread::available_parallelism()?.get();

    println!("recording alone, {n_cores} threads of the recorder; {RECORDS} a run, {ROUNDS} runs:");
    let mut rates: [Vec<f64>; THREADS.len()] = Default::default();
    // A first round fills the caches of all.
    for round in 0..=ROUNDS {
        for (at, n_threads) in THREADS.into_iter().enumerate() {
            let rate = record(ground, &personas[..n_threads], n_cores)?;
            if round > 0 {
                rates[at].push(rate);
            }
        }
    }
    let speedups: Vec<Vec<f64>> = rates
        .iter()
        .map(|rates_of| rates_of.iter().zip(&rates[0]).map(|(rate, one)| rate / one).collect())
        .collect();
    for ((n_threads, rates), mut speedups) in THREADS.iter().zip(&mut rates).zip(speedups) {
        println!(
            "  {n_threads:>2} personas: {:.0} a second; {:.2} times one ({:.2} to {:.2})",
            median(rates),
            median(&mut speedups),
            speedups[0],
            speedups[speedups.len() - 1],
        );
    }

    println!("asking and recording; {QUERIES} questions a run, {ROUNDS} runs:");
    for n_threads in THREADS {
        let (mut rates, mut waits) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let (rate, waited) = ask(ground, &personas[..n_threads], n_cores, round)?;
            rates.push(rate);
            waits.extend(waited);
        }
        let n_long = waits.iter().filter(|wait| **wait > LONG).count();
        println!(
            "  {n_threads:>2} personas: {:.0} questions a second; waits for memory {}, {n_long} \
             above {} ms",
            median(&mut rates),
            micros(&mut waits),
            LONG.as_millis()
        );
    }
    for (persona, remembered) in &personas {
        let wrong = remembered.check_views()?;
        ensure!(wrong.is_empty(), "the views of {} are wrong: {wrong:?}", persona.name);
    }
    Ok(())
}

fn count(personas: &[Someone]) -> Result<u64> {
    let filter = InteractionFilter::default();
    let counts = personas.iter().map(|(_, remembered)| remembered.count_interactions(&filter));
    Ok(counts.sum::<ragged::error::Result<u64>>()?)
}

/// Interactions a second that are made lasting when as many threads as personas hand them over.
fn record(ground: &Ground, personas: &[Someone], n_cores: usize) -> Result<f64> {
    let before = count(personas)?;
    let n_each = RECORDS / personas.len();
    let mut work: Vec<Vec<Preparation>> = Vec::new();
    for _ in personas {
        let of_one = (0..n_each).map(|at| ground.preparation(at % ground.questions.len(), None));
        work.push(of_one.collect::<Result<_>>()?);
    }
    let recorder = Recorder::new(n_cores)?;
    let begun = Instant::now();
    std::thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = personas
            .iter()
            .zip(work)
            .map(|((_, remembered), work)| {
                let recorder = &recorder;
                scope.spawn(move || {
                    work.into_iter().try_for_each(|work| recorder.record(remembered, work))
                })
            })
            .collect();
        for thread in threads {
            thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
        }
        Ok(())
    })?;
    recorder.flush()?;
    let took = begun.elapsed();
    ensure!(
        count(personas)? - before == (n_each * personas.len()) as u64,
        "not everything was recorded"
    );
    Ok((n_each * personas.len()) as f64 / took.as_secs_f64())
}

/// Questions a second of as many threads as personas, and what each waited for memory: for the
/// profile, for the consent, for handing over.
fn ask(
    ground: &Ground,
    personas: &[Someone],
    n_cores: usize,
    round: usize,
) -> Result<(f64, Vec<Duration>)> {
    let n_each = QUERIES / personas.len();
    let recorder = Recorder::new(n_cores)?;
    let settings = ground.library.settings().search.clone();
    let start = Barrier::new(personas.len());
    let ask_all = |number: usize, (persona, remembered): &Someone| -> Result<Vec<Duration>> {
        let mut waits = Vec::new();
        start.wait();
        for at in 0..n_each {
            let which = (number * n_each + at) % ground.questions.len();
            let text = format!("{} {round} {number} {at}", ground.questions[which]);
            let request = SearchRequest::new(text, &settings);
            let begun = Instant::now();
            let profile = ground.library.profile_of(persona, remembered)?;
            let mut waited = begun.elapsed();
            drop(ground.library.search_for(&request, profile.as_deref())?);
            let begun = Instant::now();
            recorder.record(remembered, ground.preparation(which, None)?)?;
            waited += begun.elapsed();
            waits.push(waited);
        }
        Ok(waits)
    };
    let begun = Instant::now();
    let waits = std::thread::scope(|scope| -> Result<Vec<Duration>> {
        let threads: Vec<_> = personas
            .iter()
            .enumerate()
            .map(|(number, someone)| {
                let ask_all = &ask_all;
                scope.spawn(move || ask_all(number, someone))
            })
            .collect();
        let mut waits = Vec::new();
        for thread in threads {
            waits.extend(thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??);
        }
        Ok(waits)
    })?;
    let took = begun.elapsed();
    recorder.flush()?;
    ensure!(recorder.counts().1 == 0, "something was not recorded");
    Ok(((n_each * personas.len()) as f64 / took.as_secs_f64(), waits))
}
