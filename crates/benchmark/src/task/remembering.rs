//! A persona that has asked for a year, and what its memory adds to a question.

use std::{collections::BTreeMap, sync::Arc, thread, time::Duration};

use fastrand::Rng;
use jiff::tz::TimeZone;
use ragged::{
    error::{Error, ErrorKind, Result},
    library::{SearchRequest, recording},
    memory::{Breadth, FactDraft, FactQuery, NewInteraction},
    temporal::{
        expression::{Context, Reading},
        question::{self, Effect},
        window::Granularity,
    },
};

use super::{Figure, Measuring, WARM_UP, latencies, timed};
use crate::{
    asker::{Asker, asked, memory_in},
    process::folder_bytes,
    result::{Better, Kind},
    sample::{median, percentile, sorted},
};

/// Questions that the persona has asked before.
const HISTORY: i64 = 1_000;
/// Facts that it noted: of each kind, one after another was true.
const FACT_KINDS: usize = 40;
const FACTS_OF_KIND: i64 = 10;
/// The time over which all that happened.
const YEAR_DAYS: i64 = 365;
const DAY_MS: i64 = 86_400_000;
/// The most questions that are asked every way.
const ASKED: usize = 50;
/// Between questions of somebody who reads the answers; what was asked is on disk by then.
const READING: Duration = Duration::from_millis(10);
/// Days of a timeline.
const TIMELINE_DAYS: u32 = 90;
/// Facts that an answer is given.
const SHOWN_FACTS: usize = 3;

/// The persona that has asked for a year.
const EXPERIENCED: &str = "experienced";

impl Asker {
    /// A year of questions, some asked much more often than others, and of facts.
    fn remember_a_year(&self, requests: &[SearchRequest], rng: &mut Rng) -> Result<()> {
        let now_ms = self.clock.now_ms();
        let begin_ms = now_ms - YEAR_DAYS * DAY_MS;
        let mut templates = Vec::new();
        for request in requests {
            let response = self.library.search(request)?;
            let asked = asked(&request.query, begin_ms)?;
            templates.extend(recording(&self.extractor, asked, &response, None)()?);
        }
        if templates.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "there is nothing to remember"));
        }
        let step = YEAR_DAYS * DAY_MS / HISTORY;
        let mut history = Vec::new();
        for number in 0..HISTORY {
            let which = (templates.len() as f64 * rng.f64().powi(2)) as usize;
            let mut new = templates[which].clone();
            new.id = NewInteraction::new_id()?;
            new.timestamp_ms = begin_ms + step * number;
            history.push(new);
        }
        self.remembered.record_all(&history)?;
        let step = YEAR_DAYS * DAY_MS / FACTS_OF_KIND;
        for kind in 0..FACT_KINDS {
            for turn in 0..FACTS_OF_KIND {
                let from = begin_ms + turn * step;
                self.remembered.add_fact(&FactDraft {
                    fact_type: format!("kind{kind}"),
                    content: format!("state {turn} of what kind {kind} tells"),
                    valid_from_ms: from,
                    // The last one still holds.
                    valid_to_ms: (turn + 1 < FACTS_OF_KIND).then_some(from + step),
                    confidence: 0.9,
                    source: None,
                })?;
            }
        }
        Ok(())
    }
}

/// How a question is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// With no memory at all.
    Baseline,
    /// Recorded, so that interests are learned, and ranked without them.
    Profiling,
    /// Ranked by the profile, and recorded.
    Personalisation,
    /// With a time in the question, and no memory.
    Temporal,
    /// The answer in words, ranked by the profile.
    Answer,
    /// The answer in words about a time, with the facts of that time, ranked by the profile.
    AnswerInTime,
}

const WAYS: [Way; 6] = [
    Way::Baseline,
    Way::Profiling,
    Way::Personalisation,
    Way::Temporal,
    Way::Answer,
    Way::AnswerInTime,
];

impl Measuring<'_> {
    /// The persona that has asked for a year.
    fn experienced(&self) -> Result<Asker> {
        let clock = self.opening.clock();
        let library = Arc::new(self.open(self.without_answers_kept())?);
        let memory = memory_in(&self.task.library, &clock)?;
        let asker = Asker::new(EXPERIENCED, &memory, &library, &clock)?;
        if asker.n_remembered()? == 0 {
            asker.remember_a_year(&self.requests(), &mut Rng::with_seed(self.task.seed))?;
        }
        Ok(asker)
    }

    /// A process of its own remembers, so that its memory is not counted as that of asking.
    pub(crate) fn remember(&self) -> Result<Vec<Figure>> {
        drop(self.experienced()?);
        Ok(Vec::new())
    }

    fn requests(&self) -> Vec<SearchRequest> {
        self.task.questions.iter().map(|question| self.asking(question)).collect()
    }

    fn ask(&self, asker: &Asker, question: &str, way: Way) -> Result<f64> {
        let library = &asker.library;
        let plain = self.asking(question);
        let ((), ms) = match way {
            Way::Baseline => timed(|| library.search(&plain).map(drop))?,
            Way::Profiling => timed(|| asker.record(question, &library.search(&plain)?))?,
            Way::Personalisation => timed(|| {
                let profile = asker.profile()?;
                asker.record(question, &library.search_for(&plain, profile.as_deref())?)
            })?,
            Way::Temporal => timed(|| {
                let request = self.in_time(asker, &format!("{question} last year"));
                library.search(&request).map(drop)
            })?,
            Way::Answer => timed(|| {
                let profile = asker.profile()?;
                let answered = library.answer_for(&plain, profile.as_deref(), &mut |_| ())?;
                asker.record(question, &answered.search)
            })?,
            Way::AnswerInTime => timed(|| {
                let profile = asker.profile()?;
                let request = self.in_time(asker, &format!("{question} last year"));
                let answered = library.answer_for(&request, profile.as_deref(), &mut |_| ())?;
                let now_ms = asker.clock.now_ms();
                asker.remembered.facts_for(question, now_ms - DAY_MS, SHOWN_FACTS)?;
                asker.record(question, &answered.search)
            })?,
        };
        Ok(ms)
    }

    /// A question with a time, read as the program does. What is found is of any time: a corpus that
    /// was just written has no old files.
    fn in_time(&self, asker: &Asker, question: &str) -> SearchRequest {
        let now_ms = asker.clock.now_ms();
        let context = Context { now_ms, zone: TimeZone::UTC, reading: Reading::Question };
        let mut request = self.asking(question);
        let Some(time) = question::read(question, &context) else { return request };
        if let (Some(period), Effect::Filters) = (time.period, time.effect) {
            let ns = |ms: i64| Some(ms.saturating_mul(1_000_000));
            request.filter = request.filter.with_period(ns(period.start_ms), ns(now_ms + DAY_MS));
        }
        request.query = time.remaining;
        request
    }

    pub(crate) fn personalisation(&self) -> Result<Vec<Figure>> {
        let mut rng = Rng::with_seed(self.task.seed);
        let library = self.open(self.without_answers_kept())?;
        for request in self.requests() {
            library.search(&request)?;
        }
        let without_memory = self.memory();
        drop(library);
        let asker = self.experienced()?;
        for question in self.task.questions.iter().take(WARM_UP) {
            self.ask(&asker, question, Way::Personalisation)?;
        }
        asker.flush()?;
        let mut figures = self.ways(&asker, &mut rng)?;
        if let Some((before, after)) = without_memory.zip(self.memory()) {
            let added = after.resident.saturating_sub(before.resident);
            let share = 100.0 * added as f64 / before.resident as f64;
            figures.push(Figure::memory("overhead", "resident", added));
            figures.push(percent("resident_share", Kind::Memory, share));
        }
        figures.extend(self.lookups(&asker)?);
        let n_remembered = asker.n_remembered()? as f64;
        drop(asker);
        let bytes = folder_bytes(&self.task.library.join("memory")) as f64;
        let per_question = bytes / 1000.0 / n_remembered;
        figures.push(Figure::new(
            "overhead",
            "disk_per_question",
            "KB",
            Better::Lower,
            Kind::Count,
            per_question,
        ));
        Ok(figures)
    }

    /// Every question every way, one right after the other in changing order, so that what a way
    /// adds is a difference of pairs.
    fn ways(&self, asker: &Asker, rng: &mut Rng) -> Result<Vec<Figure>> {
        let mut times: BTreeMap<Way, Vec<f64>> = BTreeMap::new();
        let mut order = WAYS;
        for question in self.task.questions.iter().take(ASKED) {
            rng.shuffle(&mut order);
            for way in order {
                asker.flush()?;
                thread::sleep(READING);
                times.entry(way).or_default().push(self.ask(asker, question, way)?);
            }
        }
        asker.flush()?;
        let of = |way: Way| times.get(&way).map(Vec::as_slice).unwrap_or_default();
        let n = of(Way::Baseline).len();
        let added = |way: Way| {
            let pairs = of(way).iter().zip(of(Way::Baseline));
            pairs.map(|(with, without)| with - without).sum::<f64>() / n.max(1) as f64
        };
        let mut figures = latencies("overhead", "baseline", of(Way::Baseline), &[50, 95]);
        for (metric, way) in [
            ("profiling", Way::Profiling),
            ("personalisation", Way::Personalisation),
            ("temporal", Way::Temporal),
        ] {
            figures.push(Figure::added("overhead", metric, added(way)).over(n));
        }
        let middle = |way: Way| median(of(way)).unwrap_or(f64::NAN);
        let share = 100.0 * (middle(Way::Personalisation) / middle(Way::Baseline) - 1.0);
        figures.push(percent("query_share", Kind::Time, share).over(n));
        let name = "personalisation";
        figures.extend(latencies(name, "latency", of(Way::Personalisation), &[50, 95]));
        figures.push(Figure::added(name, "overhead", added(Way::Personalisation)).over(n));
        figures.extend(latencies(name, "answer", of(Way::Answer), &[50, 95]));
        figures.extend(latencies("temporal", "answer", of(Way::AnswerInTime), &[50, 95]));
        Ok(figures)
    }

    /// Parts of a question with memory, each after something was recorded.
    fn lookups(&self, asker: &Asker) -> Result<Vec<Figure>> {
        let config = &asker.remembered.config().interest;
        let (mut profiles, mut interests, mut ranking, mut kept) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for question in self.task.questions.iter().take(ASKED) {
            let response = asker.library.search(&self.asking(question))?;
            asker.record(question, &response)?;
            asker.flush()?;
            profiles.push(timed(|| asker.remembered.ranking_profile(&[], config))?.1);
            interests.push(timed(|| asker.remembered.profile(&[], config, Breadth::Tracked))?.1);
            let profile = asker.profile()?;
            kept.push(timed(|| asker.profile())?.1);
            let request = self.asking(question);
            let response = asker.library.search_for(&request, profile.as_deref())?;
            ranking.push(response.timings.personal);
        }
        let name = "personalisation";
        let mut figures = latencies(name, "profile", &profiles, &[50, 95]);
        figures.extend(latencies(name, "interests", &interests, &[50, 95]));
        figures.extend(latencies(name, "ranking", &ranking, &[50, 95]));
        figures.extend(latencies(name, "profile_kept", &kept, &[50, 95]));
        Ok(figures)
    }

    pub(crate) fn temporal(&self) -> Result<Vec<Figure>> {
        let asker = self.experienced()?;
        let mut rng = Rng::with_seed(self.task.seed);
        let remembered = &asker.remembered;
        let now_ms = asker.clock.now_ms();
        let mut times: [Vec<f64>; 5] = Default::default();
        for question in self.task.questions.iter().take(ASKED) {
            times[0].push(self.ask(&asker, question, Way::Temporal)?);
            let then = now_ms - rng.i64(1..YEAR_DAYS) * DAY_MS;
            let facts = FactQuery {
                valid_at_ms: Some(then),
                known_at_ms: Some(now_ms),
                fact_type: Some(format!("kind{}", rng.usize(..FACT_KINDS))),
            };
            let (found, ms) = timed(|| remembered.facts(&facts))?;
            if found.len() != 1 {
                let message = format!("{} facts of a kind are true at a moment", found.len());
                return Err(Error::new(ErrorKind::Internal, message));
            }
            times[1].push(ms);
            let all = FactQuery { fact_type: None, ..facts };
            times[2].push(timed(|| remembered.facts(&all))?.1);
            let window = remembered.last_days(TIMELINE_DAYS);
            times[3].push(timed(|| remembered.timeline(window, Granularity::Day))?.1);
            times[4].push(timed(|| remembered.trending(window, 1))?.1);
        }
        let names = ["question", "as_of", "all_facts", "timeline", "trending"];
        let of = |(name, times): (&str, &Vec<f64>)| latencies("temporal", name, times, &[50, 95]);
        let mut figures: Vec<Figure> = names.into_iter().zip(&times).flat_map(of).collect();
        let slowest: Vec<f64> =
            times.iter().filter_map(|times| percentile(&sorted(times), 95.0)).collect();
        figures.extend(
            slowest
                .into_iter()
                .reduce(f64::max)
                .map(|slowest| Figure::ms("temporal", "slowest_p95", slowest)),
        );
        Ok(figures)
    }
}

fn percent(metric: &str, kind: Kind, value: f64) -> Figure {
    Figure::new("overhead", metric, "%", Better::Neither, kind, value)
}
