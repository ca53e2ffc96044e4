//! Questions with memory and without, and what recording asks of whoever asked.

use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use fastrand::Rng;
use ragged::{
    library::{Answered, Library, SearchRequest, recording},
    memory::{AfterRecording, Persona, PersonaMemory, Recorder, Recording, if_agreed},
};
use ragged_benchmark::asker::{persona, ready_for_next};

use super::ground::{Ground, LOADED, asked};
use crate::{
    measure::{percentile, spread, timed},
    ratio::change,
};

/// Whoever asks with memory, as a chat of the program does.
struct Asker<'a> {
    ground: &'a Ground,
    persona: Persona,
    /// The registry's.
    version: i64,
    remembered: Arc<PersonaMemory>,
    recorder: Recorder,
}

/// How a question is put.
#[derive(Clone, Copy)]
enum Way {
    Search,
    Answer,
}

impl<'a> Asker<'a> {
    fn new(ground: &'a Ground) -> Result<Self> {
        let (persona, remembered) = persona(&ground.memory, LOADED)?;
        let after = ready_for_next(Arc::clone(&ground.library), persona.clone());
        let recorder = Recorder::with_after(1, Some(&after))?;
        anyhow::ensure!(persona.recording == Recording::On, "nothing is recorded");
        Ok(Self { ground, persona, version: ground.memory.version()?, remembered, recorder })
    }

    /// Asks, and has it recorded: everything that the program does before the next line is read.
    fn ask(&self, request: &SearchRequest, way: Way) -> Result<Duration> {
        let ground = self.ground;
        let begun = Instant::now();
        // Consent may have been withdrawn since, by another process.
        anyhow::ensure!(ground.memory.version()? == self.version, "the registry was changed");
        let profile = ground.library.profile_of(&self.persona, &self.remembered)?;
        let answered;
        let (response, answered): (_, Option<&Answered>) = match way {
            Way::Search => (&ground.library.search_for(request, profile.as_deref())?, None),
            Way::Answer => {
                answered = ground.library.answer_for(request, profile.as_deref(), &mut |_| ())?;
                (&answered.search, Some(&answered))
            }
        };
        let asked = asked(&request.query)?;
        let preparation = recording(&ground.extractor, asked, response, answered);
        let preparation = if_agreed(&ground.memory, &self.persona, preparation);
        self.recorder.record(&self.remembered, preparation)?;
        Ok(begun.elapsed())
    }
}

fn ask_without(library: &Library, request: &SearchRequest, way: Way) -> Result<Duration> {
    let begun = Instant::now();
    match way {
        Way::Search => drop(library.search(request)?),
        Way::Answer => drop(library.answer(request, &mut |_| ())?),
    }
    Ok(begun.elapsed())
}

/// Between questions of somebody who reads the answers; what was asked is on disk by then.
const READING: Duration = Duration::from_millis(10);
/// Longer than a thread of the recorder looks for work by itself.
const THINKING: Duration = Duration::from_millis(400);
/// Of so many questions one is asked after thinking.
const THOUGHT_OF_EVERY: usize = 10;

/// Every question is new to both ways, and they take turns; before each is the same pause, since
/// a processor that slept is slower at first.
#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(super) fn with_and_without(ground: &Ground, rounds: usize, seed: u64) -> Result<()> {
    let asker = Asker::new(ground)?;
    let settings = ground.library.settings().search.clone();
    let mut rng = Rng::with_seed(seed);
    let ways = [
        ("search, the answer read", Way::Search, Some(READING)),
        ("answer, and read", Way::Answer, Some(READING)),
        ("search, long after the last", Way::Search, Some(THINKING)),
        ("search, the next at once", Way::Search, None),
    ];
    for (name, way, pause) in ways {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        let every = if pause == Some(THINKING) { THOUGHT_OF_EVERY } else { 1 };
        // The first round is not counted: caches of pages fill, and the threads begin.
        for round in 0..=rounds {
            for question in ground.questions.iter().step_by(every) {
                let text = format!("{question} {}", rng.u32(..));
                let request = SearchRequest::new(text, &settings);
                let (mut on, mut off) = (Duration::ZERO, Duration::ZERO);
                // The one that goes second finds the processor's caches warm, and whichever follows
                // one that was recorded finds them full of that.
                let is_first = rng.bool();
                for is_on in [is_first, !is_first] {
                    if let Some(pause) = pause {
                        asker.recorder.flush()?;
                        std::thread::sleep(pause);
                    }
                    if is_on {
                        on = asker.ask(&request, way)?;
                    } else {
                        off = ask_without(&ground.library, &request, way)?;
                    }
                }
                if round > 0 {
                    with.push(on);
                    without.push(off);
                }
            }
        }
        asker.recorder.flush()?;
        println!("memory off, {name}: {}", spread(&mut without.clone()));
        println!("memory on,  {name}: {}", spread(&mut with.clone()));
        println!(
            "  {}; {}",
            change(&with, &without, 50, &mut rng),
            change(&with, &without, 95, &mut rng)
        );
    }
    parts(&asker)
}

/// Where the time of memory goes.
#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
fn parts(asker: &Asker<'_>) -> Result<()> {
    let ground = asker.ground;
    let settings = ground.library.settings().search.clone();
    let mut times: [Vec<Duration>; 9] = Default::default();
    let names = [
        "revision",
        "profile_of",
        "consent",
        "search without",
        "search with",
        "hand over",
        "personal part",
        "texts without",
        "texts with",
    ];
    for (at, question) in ground.questions.iter().enumerate() {
        times[0].push(timed(|| asker.remembered.revision())?.1);
        let (profile, took) =
            timed(|| ground.library.profile_of(&asker.persona, &asker.remembered))?;
        times[1].push(took);
        times[2].push(timed(|| ground.memory.version())?.1);
        let request = SearchRequest::new(format!("{question} in parts {at}"), &settings);
        let ms = |ms: f64| Duration::from_secs_f64(ms / 1000.0);
        let (response, took) = timed(|| ground.library.search(&request))?;
        times[3].push(took);
        times[7].push(ms(response.timings.hydrate));
        let (response, took) = timed(|| ground.library.search_for(&request, profile.as_deref()))?;
        times[4].push(took);
        times[6].push(ms(response.timings.personal));
        times[8].push(ms(response.timings.hydrate));
        let asked = asked(question)?;
        let hand_over = || {
            let preparation = recording(&ground.extractor, asked, &response, None);
            let preparation = if_agreed(&ground.memory, &asker.persona, preparation);
            asker.recorder.record(&asker.remembered, preparation)
        };
        times[5].push(timed(hand_over)?.1);
        asker.recorder.flush()?;
    }
    println!("parts of a question with memory, each after something was recorded:");
    for (name, times) in names.iter().zip(&mut times) {
        println!("  {name:<15} {}", micros(times));
    }
    Ok(())
}

pub(super) fn micros(times: &mut [Duration]) -> String {
    format!(
        "p50 {:.0} µs, p95 {:.0} µs, max {:.0} µs (n = {})",
        1000.0 * percentile(times, 50),
        1000.0 * percentile(times, 95),
        1000.0 * percentile(times, 100),
        times.len()
    )
}

/// The same question a second time in one process.
#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(super) fn again(ground: &Ground) -> Result<()> {
    let asker = Asker::new(ground)?;
    let settings = ground.library.settings().search.clone();
    for is_on in [false, true] {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for (at, question) in ground.questions.iter().enumerate() {
            let request = SearchRequest::new(format!("{question} again {at}"), &settings);
            for times in [&mut first, &mut second] {
                times.push(if is_on {
                    asker.ask(&request, Way::Search)?
                } else {
                    ask_without(&ground.library, &request, Way::Search)?
                });
                asker.recorder.flush()?;
            }
        }
        let name = if is_on { "on" } else { "off" };
        println!("memory {name}, first time: {}", micros(&mut first));
        println!("memory {name}, once more:  {}", micros(&mut second));
        println!(
            "  {:.2} % of the first (medians)",
            100.0 * percentile(&mut second, 50) / percentile(&mut first, 50)
        );
    }
    Ok(())
}

/// Recording with nothing else going on: what the caller waits, and when it is on disk. Nobody asks
/// the recorder to hurry.
#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(super) fn recording_alone(ground: &Ground) -> Result<()> {
    let (_, remembered) = persona(&ground.memory, LOADED)?;
    let (written, told) = mpsc::channel();
    let after: AfterRecording = Arc::new(move |_| {
        // Whoever measures may have gone.
        written.send(Instant::now()).unwrap_or(());
    });
    let recorder = Recorder::with_after(1, Some(&after))?;
    let (mut waits, mut lasting) = (Vec::new(), Vec::new());
    for round in 0..3 {
        for at in 0..ground.questions.len() {
            let begun = Instant::now();
            recorder.record(&remembered, ground.preparation(at, None)?)?;
            let waited = begun.elapsed();
            let lasts = told.recv().context("the recorder ended")?.duration_since(begun);
            if round > 0 {
                waits.push(waited);
                lasting.push(lasts);
            }
        }
    }
    println!("recording, the caller's wait: {}", micros(&mut waits));
    println!("recording, until it lasts:    {}", spread(&mut lasting));
    Ok(())
}
