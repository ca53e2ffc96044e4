//! Is a persona's ranking better than the neutral one: the same questions under both, the library
//! in the same state.
//!
//! Each question is asked once under either ranking, untimed, and that gives its measures; then
//! so many rounds are timed, the two rankings in turn and in the other order every second time, so
//! that what the machine does besides meets both alike. Where nobody says which documents answer
//! a question, only its time is known.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use super::{
    FileQuestion, Scores,
    comparison::{Comparison, Pair, Verdict, compare, interval},
    precision_at,
};
use crate::{
    error::{Error, ErrorKind, Result},
    library::{Hit, Library},
    memory::{JudgedBy, JudgedQuestion, Measures, PersonaMemory, TestedQuestion},
};

/// Documents of a ranking that are measured.
pub const K: usize = 10;
/// Questions that are needed before anything is said.
pub const QUESTIONS_MIN: usize = 10;
/// Rounds that are timed.
pub const ROUNDS: usize = 5;
/// A difference of times that is smaller than both of these matters to nobody: milliseconds, and a
/// share of the time without the profile.
const LATENCY_MATTERS_MS: f64 = 1.0;
const LATENCY_MATTERS_SHARE: f64 = 0.05;
/// What decides the draws of the tests, so that the same results say the same again.
pub const SEED: u64 = 4;

/// One of the two rankings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The neutral one.
    Off,
    /// The persona's.
    On,
}

/// A question, and who says which documents answer it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The question.
    pub query: String,
    /// Who judged, and the gains of documents by their ids. Where no gain is above 0, nothing is
    /// measured.
    pub judgement: Option<(JudgedBy, BTreeMap<String, i64>)>,
}

impl Trial {
    /// A question of which only the time will be known.
    pub fn unjudged(query: impl Into<String>) -> Self {
        Self { query: query.into(), judgement: None }
    }

    /// A question that feedback judged.
    pub fn by_feedback(judged: JudgedQuestion) -> Self {
        let gains = judged.gains.iter().map(|(content, gain)| (id_of(content), *gain)).collect();
        Self { query: judged.query, judgement: Some((JudgedBy::Feedback, gains)) }
    }
}

/// Questions of a file, each judged by the file or else by the persona's feedback; and how many
/// names in the file are of no document in the library, or of several, and count for nothing.
///
/// # Errors
///
/// Those of reading.
pub fn trials(
    library: &Library,
    remembered: &PersonaMemory,
    questions: &[FileQuestion],
) -> Result<(Vec<Trial>, usize)> {
    let names = questions.iter().flat_map(|question| question.judgements.keys());
    let names: BTreeSet<&str> = names.map(String::as_str).collect();
    let contents = library.contents_named(names.iter().copied())?;
    let queries: Vec<&str> = questions.iter().map(|question| question.text.as_str()).collect();
    let by_feedback = remembered.judgements_of(&queries)?;
    let trials = questions.iter().zip(by_feedback).map(|(question, judged)| {
        let gains: BTreeMap<String, i64> = question
            .judgements
            .iter()
            .filter_map(|(name, gain)| Some((id_of(contents.get(name.as_str())?), *gain)))
            .collect();
        match judged {
            _ if !gains.is_empty() => {
                let judgement = Some((JudgedBy::File, gains));
                Trial { query: question.text.clone(), judgement }
            }
            Some(judged) => Trial { query: question.text.clone(), ..Trial::by_feedback(judged) },
            None => Trial::unjudged(&question.text),
        }
    });
    Ok((trials.collect(), names.len() - contents.len()))
}

/// The ids of the documents of hits, in their order, as a [`Trial`] names them.
pub fn documents_of(hits: &[Hit]) -> Vec<String> {
    hits.iter().map(|hit| id_of(&hit.document.content_hash)).collect()
}

/// By content, so that a document that was added anew is still the one that was judged.
fn id_of(content_hash: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*content_hash))
}

/// Asks every question under both rankings.
///
/// `search` is given a position in `trials` and a ranking, and gives the ids of documents, the best
/// first; repeats count at their first place. `progress` is told questions done and questions in
/// all, and says whether to go on.
///
/// # Errors
///
/// Those of `search`; `Interrupted`.
pub fn run(
    trials: &[Trial],
    rounds: usize,
    search: &mut dyn FnMut(usize, Variant) -> Result<Vec<String>>,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Vec<TestedQuestion>> {
    let mut tested = Vec::with_capacity(trials.len());
    for (at, trial) in trials.iter().enumerate() {
        let off = distinct(search(at, Variant::Off)?);
        let on = distinct(search(at, Variant::On)?);
        let mut times = [Vec::with_capacity(rounds), Vec::with_capacity(rounds)];
        for round in 0..rounds {
            let order = if (at + round) % 2 == 0 {
                [Variant::Off, Variant::On]
            } else {
                [Variant::On, Variant::Off]
            };
            for variant in order {
                let begun = Instant::now();
                search(at, variant)?;
                let took = begun.elapsed().as_secs_f64() * 1000.0;
                times[usize::from(variant == Variant::On)].push(took);
            }
        }
        let judged = trial.judgement.as_ref().filter(|(_, gains)| gains.values().any(|g| *g > 0));
        let measured = |ranking: &[String]| judged.map(|(_, gains)| measures(ranking, gains));
        let [off_times, on_times] = times;
        tested.push(TestedQuestion {
            query: trial.query.clone(),
            judged_by: judged.map(|(by, _)| *by),
            off: measured(&off),
            on: measured(&on),
            off_ms: median(off_times),
            on_ms: median(on_times),
            is_moved: off != on,
        });
        if !progress(at as u64 + 1, trials.len() as u64) {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted while testing"));
        }
    }
    Ok(tested)
}

/// The measures of a ranking of documents.
pub fn measures(ranking: &[String], gains: &BTreeMap<String, i64>) -> Measures {
    let ranking: Vec<&str> = ranking.iter().map(String::as_str).collect();
    let scores = Scores::of(&ranking, gains);
    Measures {
        ndcg: scores.ndcg_at_10,
        precision: precision_at(K, &ranking, gains),
        mrr: scores.mrr_at_10,
        recall: scores.recall_at_10,
    }
}

/// The same without repeats.
pub fn distinct(ranking: Vec<String>) -> Vec<String> {
    let mut known = std::collections::HashSet::new();
    ranking.into_iter().filter(|document| known.insert(document.clone())).collect()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    super::measure::percentile(&times, 50.0)
}

/// What two rankings are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// nDCG of the first ten documents.
    Ndcg,
    /// Share of the first ten places with relevant documents.
    Precision,
    /// One over the rank of the first relevant document.
    Mrr,
    /// Share of the relevant documents among the first ten.
    Recall,
    /// Milliseconds of a search; less is better.
    Latency,
}

impl Metric {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] =
        [Self::Ndcg, Self::Precision, Self::Mrr, Self::Recall, Self::Latency];

    /// The word used on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ndcg => "ndcg",
            Self::Precision => "precision",
            Self::Mrr => "mrr",
            Self::Recall => "recall",
            Self::Latency => "latency",
        }
    }

    fn pair(self, question: &TestedQuestion) -> Option<Pair> {
        let of = |measures: Measures| match self {
            Self::Ndcg => measures.ndcg,
            Self::Precision => measures.precision,
            Self::Mrr => measures.mrr,
            Self::Recall | Self::Latency => measures.recall,
        };
        match (self, question.off, question.on) {
            (Self::Latency, ..) => Some(Pair { a: question.off_ms, b: question.on_ms }),
            (_, Some(off), Some(on)) => Some(Pair { a: of(off), b: of(on) }),
            _ => None,
        }
    }
}

/// What a test says by one metric. First is the neutral ranking, second the persona's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// The metric.
    pub metric: Metric,
    /// Means, their difference, and how likely that is by chance; the verdict is that of
    /// [`QUESTIONS_MIN`] as well, and says which ranking is better, not which value is larger.
    pub compared: Comparison,
    /// Where the mean difference lies in 95 of 100 cases; `None` where there is not enough data.
    pub interval: Option<(f64, f64)>,
    /// What is missing, where there is not enough data.
    pub missing: Option<Missing>,
}

/// What a test needs before it says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// So many more questions of which somebody says which documents answer them.
    JudgedQuestions(usize),
    /// So many more questions.
    Questions(usize),
    /// So many more questions that the profile ranks in another way.
    Differences(usize),
}

/// Compares the two rankings of a test by a metric.
pub fn finding(questions: &[TestedQuestion], metric: Metric, seed: u64) -> Finding {
    let pairs: Vec<Pair> = questions.iter().filter_map(|question| metric.pair(question)).collect();
    let mut compared = compare(&pairs, seed);
    let n_missing = QUESTIONS_MIN.saturating_sub(compared.n);
    let missing = if n_missing > 0 {
        compared.verdict = Verdict::NotEnoughData;
        Some(match metric {
            Metric::Latency => Missing::Questions(n_missing),
            _ => Missing::JudgedQuestions(n_missing),
        })
    } else if compared.verdict == Verdict::NotEnoughData {
        let n = super::comparison::DIFFERENT_MIN.saturating_sub(compared.n_different);
        Some(Missing::Differences(n))
    } else {
        None
    };
    if metric == Metric::Latency {
        let matters = LATENCY_MATTERS_MS.max(LATENCY_MATTERS_SHARE * compared.mean_a);
        // The quicker one is better, if anybody can tell.
        compared.verdict = match compared.verdict {
            Verdict::FirstBetter | Verdict::SecondBetter if compared.difference.abs() < matters => {
                Verdict::NoDifference
            }
            Verdict::FirstBetter => Verdict::SecondBetter,
            Verdict::SecondBetter => Verdict::FirstBetter,
            other => other,
        };
    }
    let interval = if missing.is_none() { interval(&pairs, seed) } else { None };
    Finding { metric, compared, interval, missing }
}

/// What a profile did to questions that were asked again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Replay {
    /// Questions.
    pub n: usize,
    /// Those that it ranked in another way.
    pub n_moved: usize,
    /// Those that somebody judged.
    pub n_judged: usize,
    /// Those of them whose nDCG it raised.
    pub n_helped: usize,
    /// Those whose nDCG it lowered.
    pub n_hurt: usize,
    /// Mean nDCG of the judged ones without it.
    pub mean_off: f64,
    /// The same with it.
    pub mean_on: f64,
}

/// Sums up questions that were asked under both rankings.
pub fn replay(questions: &[TestedQuestion]) -> Replay {
    let judged: Vec<Pair> =
        questions.iter().filter_map(|question| Metric::Ndcg.pair(question)).collect();
    let n = judged.len().max(1) as f64;
    Replay {
        n: questions.len(),
        n_moved: questions.iter().filter(|question| question.is_moved).count(),
        n_judged: judged.len(),
        n_helped: judged.iter().filter(|pair| pair.b > pair.a).count(),
        n_hurt: judged.iter().filter(|pair| pair.b < pair.a).count(),
        mean_off: judged.iter().map(|pair| pair.a).sum::<f64>() / n,
        mean_on: judged.iter().map(|pair| pair.b).sum::<f64>() / n,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Variant::{Off, On},
        *,
    };

    fn question(off: f64, on: f64, off_ms: f64, on_ms: f64) -> TestedQuestion {
        let measures =
            |value| Measures { ndcg: value, precision: value, mrr: value, recall: value };
        TestedQuestion {
            query: "q".into(),
            judged_by: Some(JudgedBy::File),
            off: Some(measures(off)),
            on: Some(measures(on)),
            off_ms,
            on_ms,
            is_moved: off != on,
        }
    }

    #[test]
    fn both_rankings_are_asked_in_turn_and_measured() {
        let gains = BTreeMap::from([("b".to_owned(), 1), ("z".to_owned(), 1)]);
        let trials = [
            Trial { query: "one".into(), judgement: Some((JudgedBy::File, gains)) },
            Trial { query: "two".into(), judgement: None },
            Trial {
                query: "three".into(),
                judgement: Some((JudgedBy::Feedback, BTreeMap::from([("a".to_owned(), 0)]))),
            },
        ];
        let mut asked = Vec::new();
        let mut search = |at: usize, variant| {
            asked.push((at, variant));
            let ranking: &[&str] = match (at, variant) {
                (0, On) => &["b", "a", "b"],
                _ => &["a", "a", "b"],
            };
            Ok(ranking.iter().map(|id| (*id).to_owned()).collect())
        };
        let tested = run(&trials, 2, &mut search, &mut |_, _| true).unwrap();
        let of_first = [Off, On, Off, On, On, Off].map(|variant| (0, variant));
        let of_second = [Off, On, On, Off, Off, On].map(|variant| (1, variant));
        assert_eq!(asked[..12], [of_first, of_second].concat());

        // "b" is second, and first; one of the two relevant documents is not found.
        let (off, on) = (tested[0].off.unwrap(), tested[0].on.unwrap());
        assert_eq!((off.mrr, on.mrr), (0.5, 1.0));
        assert_eq!((off.recall, on.recall), (0.5, 0.5));
        assert_eq!((off.precision, on.precision), (0.1, 0.1));
        let ideal = 1.0 + 1.0 / 3.0_f64.log2();
        assert!((on.ndcg - 1.0 / ideal).abs() < 1e-12);
        assert!((off.ndcg - 1.0 / 3.0_f64.log2() / ideal).abs() < 1e-12);
        assert!(tested[0].is_moved && !tested[1].is_moved);
        // Nobody judged the second; what was judged of the third answers nothing.
        assert_eq!((tested[1].off, tested[1].judged_by), (None, None));
        assert_eq!((tested[2].on, tested[2].judged_by), (None, None));
        assert!(tested.iter().all(|question| question.off_ms > 0.0 && question.on_ms > 0.0));

        let stopped = run(&trials, 1, &mut |_, _| Ok(Vec::new()), &mut |done, _| done < 2);
        assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Interrupted);
    }

    #[test]
    fn too_little_is_said_to_be_too_little_and_what_is_missing() {
        let finding = |questions: &[TestedQuestion], metric| finding(questions, metric, SEED);
        let better = question(0.2, 0.9, 1.0, 2.0);
        let nine = vec![better.clone(); 9];
        let found = finding(&nine, Metric::Ndcg);
        assert_eq!(found.compared.verdict, Verdict::NotEnoughData);
        assert_eq!((found.missing, found.interval), (Some(Missing::JudgedQuestions(1)), None));
        let found = finding(&nine, Metric::Latency);
        assert_eq!(found.missing, Some(Missing::Questions(1)));
        // Those that nobody judged do not count, but for their time.
        let mut ten = nine.clone();
        ten.push(TestedQuestion { judged_by: None, off: None, on: None, ..better.clone() });
        assert_eq!(finding(&ten, Metric::Mrr).missing, Some(Missing::JudgedQuestions(1)));
        let slower = finding(&ten, Metric::Latency);
        assert_eq!(slower.compared.verdict, Verdict::FirstBetter);
        assert_eq!(slower.compared.difference, 1.0);

        let mut equal = vec![question(0.5, 0.5, 1.0, 1.0); 20];
        equal[..3].clone_from_slice(&nine[..3]);
        let found = finding(&equal, Metric::Recall);
        assert_eq!(found.compared.verdict, Verdict::NotEnoughData);
        assert_eq!(found.missing, Some(Missing::Differences(2)));

        let found = finding(&vec![better; 10], Metric::Ndcg);
        assert_eq!((found.compared.verdict, found.missing), (Verdict::SecondBetter, None));
        let (low, high) = found.interval.unwrap();
        assert!((low - 0.7).abs() < 1e-9 && (high - 0.7).abs() < 1e-9, "{low} {high}");
        assert_eq!(finding(&[], Metric::Ndcg).missing, Some(Missing::JudgedQuestions(10)));
    }

    #[test]
    fn a_difference_of_times_must_matter() {
        let verdict = |off_ms, on_ms| {
            let questions = vec![question(0.5, 0.5, off_ms, on_ms); 20];
            let found = finding(&questions, Metric::Latency, SEED);
            assert!(found.missing.is_none() && found.interval.is_some());
            found.compared.verdict
        };
        // Sure, but small: below a millisecond, or below 5 % of what takes long.
        assert_eq!(verdict(0.4, 0.44), Verdict::NoDifference);
        assert_eq!(verdict(0.44, 0.4), Verdict::NoDifference);
        assert_eq!(verdict(100.0, 104.0), Verdict::NoDifference);
        assert_eq!(verdict(2.0, 3.5), Verdict::FirstBetter);
        assert_eq!(verdict(3.5, 2.0), Verdict::SecondBetter);
        assert_eq!(verdict(100.0, 106.0), Verdict::FirstBetter);
    }

    #[test]
    fn a_replay_counts_what_was_helped() {
        let unjudged =
            TestedQuestion { judged_by: None, off: None, on: None, ..question(0.0, 1.0, 1.0, 1.0) };
        let questions = [
            question(0.2, 0.8, 1.0, 1.0),
            question(0.6, 0.4, 1.0, 1.0),
            question(0.1, 0.1, 1.0, 1.0),
            unjudged,
        ];
        let summed = replay(&questions);
        assert_eq!((summed.n, summed.n_moved, summed.n_judged), (4, 3, 3));
        assert_eq!((summed.n_helped, summed.n_hurt), (1, 1));
        assert!((summed.mean_off - 0.3).abs() < 1e-12);
        assert!((summed.mean_on - 1.3 / 3.0).abs() < 1e-12);
        assert_eq!(replay(&[]), Replay::default());
    }
}
