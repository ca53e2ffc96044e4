//! What it costs a question that the time of its stages is taken down.

use std::{path::Path, sync::Arc};

use fastrand::Rng;
use ragged::{
    error::{Context as _, Result},
    library::{Library, measured},
    telemetry::{Bounds, Components, Kind as Asked, Telemetry, Trace, Writing, switch},
    temporal::Clock,
};

use super::{Figure, Measuring, timed};
use crate::{
    result::{Better, Kind},
    sample::median,
};

/// Rounds over all questions; one before them is not counted.
const ROUNDS: usize = 8;

/// A process that stays: it looks at the switch before each question.
struct Asker<'a> {
    library: &'a Library,
    dir: &'a Path,
    telemetry: Telemetry,
    clock: Arc<dyn Clock>,
}

impl Asker<'_> {
    fn ask(&self, measuring: &Measuring<'_>, question: &str) -> Result<f64> {
        let mut request = measuring.asking(question);
        let asking = || {
            let components = switch::enabled(self.dir);
            let trace = if components.is_empty() { Trace::default() } else { Trace::begin() };
            request.trace = trace.clone();
            let response = self.library.search(&request)?;
            if trace.is_on() {
                let now_ms = self.clock.now_ms();
                let sample = measured(Asked::Search, now_ms, &trace, &response).of(components);
                self.telemetry.note(sample, Some(self.telemetry.digest(question)));
            }
            Ok(())
        };
        Ok(timed(asking)?.1)
    }
}

impl Measuring<'_> {
    pub(super) fn profiling(&self) -> Result<Vec<Figure>> {
        let library = self.open(self.without_answers_kept())?;
        let folder = |name: &str| {
            let dir = self.task.library.join(name);
            std::fs::create_dir_all(&dir).context_with(|| format!("making {}", dir.display()))?;
            Ok(dir)
        };
        let (on, off) = (folder("profiled")?, folder("not-profiled")?);
        switch::enable(&on, Components::ALL)?;
        let asker = |dir| {
            let clock = self.opening.clock();
            let telemetry =
                Telemetry::begin(dir, Bounds::default(), Writing::Beside, Arc::clone(&clock))?;
            Ok(Asker { library: &library, dir, telemetry, clock })
        };
        let (with, without) = (asker(&on)?, asker(&off)?);
        let mut rng = Rng::with_seed(self.task.seed);
        let (mut times, mut added) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            for question in &self.task.questions {
                let (profiled, plain) = if rng.bool() {
                    let profiled = with.ask(self, question)?;
                    (profiled, without.ask(self, question)?)
                } else {
                    let plain = without.ask(self, question)?;
                    (with.ask(self, question)?, plain)
                };
                if round > 0 {
                    times.push(plain);
                    added.push(profiled - plain);
                }
            }
        }
        with.telemetry.flush()?;
        let mut figures = Vec::new();
        if let Some((added, plain)) = median(&added).zip(median(&times)) {
            figures.push(Figure::added("profiling", "added", added).over(times.len()));
            let share = 100.0 * added / plain;
            figures.push(
                Figure::new("profiling", "query_share", "%", Better::Neither, Kind::Time, share)
                    .over(times.len()),
            );
        }
        Ok(figures)
    }
}
