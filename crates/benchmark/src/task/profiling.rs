//! What it costs a question that the time of its stages is taken down.

use fastrand::Rng;
use ragged::{
    error::{Context as _, Result},
    telemetry::{Components, switch},
};

use super::{Figure, Measuring, in_turn, milliseconds};
use crate::{
    asker::Timed,
    result::{Better, Kind},
    sample::median,
};

/// Rounds over all questions; one before them is not counted.
const ROUNDS: usize = 8;

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
        let asker = |dir| Timed::begin(dir, self.opening.clock());
        let (with, without) = (asker(&on)?, asker(&off)?);
        let mut rng = Rng::with_seed(self.task.seed);
        let (mut times, mut added) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            for question in &self.task.questions {
                let request = self.asking(question);
                let ask = |asker: &Timed<'_>| {
                    Ok(milliseconds(asker.ask(&request, |request| library.search(request))?))
                };
                let (profiled, plain) = in_turn(rng.bool(), || ask(&with), || ask(&without))?;
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
