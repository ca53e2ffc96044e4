//! What a profile does to rankings.

use ragged::{
    evaluation::{
        agreement::Move,
        comparison::Verdict,
        experiment::{Finding, Metric, Missing, QUESTIONS_MIN, Replay, SEED, finding},
    },
    library::{BothRankings, ExplainedHit, Hit, InterestShare, Unmoved},
    memory::{self, Feedback, FoundBy, RankingTest, TestedQuestion},
    store::DocumentRow,
};
use serde::Serialize;

use super::{Parts, WireHit, moment};

/// Why a document stands where it does.
#[derive(Debug, Serialize)]
pub(crate) struct Explanation {
    pub(crate) persona: String,
    pub(crate) query: String,
    pub(crate) k: usize,
    pub(crate) document: Named,
    /// Whether the question finds it at all.
    pub(crate) found: bool,
    /// Why not: `filtered` or `no-match`.
    pub(crate) not_found: Option<&'static str>,
    /// Passages that the question finds, of any document.
    pub(crate) passages_found: usize,
    /// Why the profile changes nothing, where it does not.
    pub(crate) unmoved: Option<&'static str>,
    /// What the profile may weigh in this question; `None` where it changes nothing.
    pub(crate) share: Option<Share>,
    pub(crate) rank: Option<usize>,
    pub(crate) rank_without: Option<usize>,
    /// The document's passages, the best first.
    pub(crate) passages: Vec<Passage>,
    /// Questions of the persona that found it before, the last first.
    pub(crate) questions: Vec<Question>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<super::QuestionTime>,
}

/// A document.
#[derive(Debug, Serialize)]
pub(crate) struct Named {
    pub(crate) id: u64,
    pub(crate) path: String,
    pub(crate) title: Option<String>,
}

impl Named {
    pub(crate) fn new(document: &DocumentRow, path: String) -> Self {
        Self { id: document.id.0, path, title: document.title.clone() }
    }
}

impl From<&Hit> for Named {
    fn from(hit: &Hit) -> Self {
        Self::new(&hit.document, hit.path().to_owned())
    }
}

/// What a profile may weigh.
#[derive(Debug, Serialize)]
pub(crate) struct Share {
    /// α of this question.
    pub(crate) alpha: f32,
    /// α of short questions.
    pub(crate) full_alpha: f32,
    /// Words of the question, stop words apart, and how many of them α holds for in full.
    pub(crate) words: usize,
    pub(crate) full_alpha_words: usize,
    /// Candidates that may change places.
    pub(crate) candidates: usize,
    /// Interests that were looked at.
    pub(crate) interests: usize,
}

impl Share {
    pub(crate) fn new(
        both: &BothRankings,
        settings: &ragged::settings::PersonalisationSettings,
    ) -> Option<Self> {
        let plan = both.personal.as_ref()?;
        Some(Self {
            alpha: plan.alpha,
            full_alpha: settings.alpha(),
            words: both.n_words,
            full_alpha_words: settings.full_alpha_words,
            candidates: plan.candidates,
            interests: plan.interests,
        })
    }
}

/// A passage with what a profile knows of it.
#[derive(Debug, Serialize)]
pub(crate) struct Passage {
    pub(crate) rank: usize,
    pub(crate) rank_without: usize,
    pub(crate) score: f32,
    pub(crate) score_without: f32,
    pub(crate) heading: String,
    pub(crate) lines: Option<[u32; 2]>,
    pub(crate) pages: Option<[u32; 2]>,
    pub(crate) parts: Parts,
    /// Whether it was among the candidates that may change places.
    pub(crate) movable: bool,
    pub(crate) interests: Vec<Interest>,
    pub(crate) pairs: Vec<Pair>,
    pub(crate) last_had: Option<LastHad>,
}

impl From<&ExplainedHit> for Passage {
    fn from(explained: &ExplainedHit) -> Self {
        let hit = &explained.hit;
        let wire = WireHit::from(hit);
        Self {
            rank: hit.rank,
            rank_without: explained.rank_without,
            score: hit.score,
            score_without: explained.score_without,
            heading: wire.chunk.heading,
            lines: wire.chunk.lines,
            pages: wire.chunk.pages,
            parts: wire.parts,
            movable: explained.is_movable,
            interests: explained.interests.iter().map(Interest::from).collect(),
            pairs: explained
                .pairs
                .iter()
                .map(|(asked, found)| Pair { asked: asked.clone(), found: found.clone() })
                .collect(),
            last_had: explained.last_had.map(|(at_ms, days)| LastHad {
                at: moment(at_ms),
                days,
                decay: hit.personal.as_ref().map_or(0.0, |taste| taste.history),
            }),
        }
    }
}

/// What one interest gives.
#[derive(Debug, Serialize)]
pub(crate) struct Interest {
    pub(crate) name: String,
    pub(crate) confidence: f32,
    pub(crate) recency: f32,
    pub(crate) specificity: f32,
    pub(crate) pinned: bool,
    pub(crate) part: f32,
}

impl From<&InterestShare> for Interest {
    fn from(share: &InterestShare) -> Self {
        Self {
            name: share.name.clone(),
            confidence: share.confidence,
            recency: share.recency,
            specificity: share.specificity,
            pinned: share.is_pinned,
            part: share.part,
        }
    }
}

/// Interests that go together.
#[derive(Debug, Serialize)]
pub(crate) struct Pair {
    pub(crate) asked: String,
    pub(crate) found: String,
}

/// When a document was had last.
#[derive(Debug, Serialize)]
pub(crate) struct LastHad {
    pub(crate) at: String,
    pub(crate) days: u32,
    pub(crate) decay: f32,
}

/// A question that found a document.
#[derive(Debug, Serialize)]
pub(crate) struct Question {
    pub(crate) interaction: String,
    pub(crate) query: String,
    pub(crate) timestamp: String,
    pub(crate) rank: u32,
    pub(crate) cited: bool,
    pub(crate) feedback: Option<&'static str>,
}

impl From<&FoundBy> for Question {
    fn from(found: &FoundBy) -> Self {
        Self {
            interaction: found.id.clone(),
            query: found.query.clone(),
            timestamp: moment(found.timestamp_ms),
            rank: found.rank,
            cited: found.is_cited,
            feedback: found.feedback.map(Feedback::as_str),
        }
    }
}

/// Two rankings side by side.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) persona: String,
    pub(crate) query: String,
    pub(crate) k: usize,
    pub(crate) passages_found: usize,
    pub(crate) unmoved: Option<&'static str>,
    pub(crate) share: Option<Share>,
    /// Share of the first k that both rankings show.
    pub(crate) overlap: f64,
    /// Kendall's τ of those; `None` for fewer than two.
    pub(crate) kendall: Option<f64>,
    pub(crate) with: Vec<Placed>,
    pub(crate) without: Vec<Placed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<super::QuestionTime>,
}

/// A hit and where it stands in both rankings.
#[derive(Debug, Serialize)]
pub(crate) struct Placed {
    pub(crate) rank: usize,
    /// In the other ranking.
    pub(crate) other_rank: usize,
    /// `up`, `down`, `same`, `new` or `gone`, with the profile against without.
    #[serde(rename = "move")]
    pub(crate) moved: &'static str,
    pub(crate) document: Named,
    pub(crate) heading: String,
    pub(crate) lines: Option<[u32; 2]>,
    pub(crate) pages: Option<[u32; 2]>,
    pub(crate) score: f32,
}

impl Placed {
    pub(crate) fn new(hit: &Hit, other_rank: usize, moved: Move) -> Self {
        let chunk = WireHit::from(hit).chunk;
        Self {
            rank: hit.rank,
            other_rank,
            moved: match moved {
                Move::By(0) => "same",
                Move::By(by) if by > 0 => "up",
                Move::By(_) => "down",
                Move::New => "new",
                Move::Gone => "gone",
            },
            document: Named::from(hit),
            heading: chunk.heading,
            lines: chunk.lines,
            pages: chunk.pages,
            score: hit.score,
        }
    }
}

/// A profile in numbers.
#[derive(Debug, Serialize)]
pub(crate) struct Analytics {
    pub(crate) persona: String,
    /// Topics that were ever met, those that may rank, and those above 0.7.
    pub(crate) topics: u64,
    pub(crate) tracked: u64,
    pub(crate) sure: u64,
    pub(crate) since: Option<String>,
    pub(crate) questions: Questions,
    pub(crate) distribution: Vec<TopicShare>,
    pub(crate) unmoved: Option<&'static str>,
    /// `None` where nothing was asked again.
    pub(crate) replay: Option<WireReplay>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Questions {
    pub(crate) all: u64,
    pub(crate) last_7_days: u64,
    pub(crate) good: u64,
    pub(crate) bad: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct TopicShare {
    pub(crate) topic: String,
    pub(crate) key: String,
    pub(crate) share: f64,
    pub(crate) confidence: f64,
}

impl Analytics {
    pub(crate) fn new(
        persona: &memory::Persona,
        known: &memory::Analytics,
        unmoved: Option<Unmoved>,
        replay: Option<WireReplay>,
    ) -> Self {
        let questions = &known.questions;
        Self {
            persona: persona.name.as_str().to_owned(),
            topics: known.n_topics,
            tracked: known.n_tracked,
            sure: known.n_sure,
            since: known.since_ms.map(moment),
            questions: Questions {
                all: questions.all,
                last_7_days: questions.recent,
                good: questions.good,
                bad: questions.bad,
            },
            distribution: known
                .distribution
                .iter()
                .map(|topic| TopicShare {
                    topic: topic.name.clone(),
                    key: topic.key.clone(),
                    share: topic.share,
                    confidence: topic.confidence,
                })
                .collect(),
            unmoved: unmoved.map(Unmoved::as_str),
            replay,
        }
    }
}

/// Questions that were asked again.
#[derive(Debug, Serialize)]
pub(crate) struct WireReplay {
    /// The last ones, and how many of them are ranked in another way.
    pub(crate) questions: usize,
    pub(crate) moved: usize,
    /// Those that feedback judged, and how many are needed before anything is said of them.
    pub(crate) judged: usize,
    pub(crate) needed: usize,
    pub(crate) helped: usize,
    pub(crate) hurt: usize,
    /// What follows is `None` where there is not enough data.
    pub(crate) share_helped: Option<f64>,
    pub(crate) ndcg_without: Option<f64>,
    pub(crate) ndcg_with: Option<f64>,
    pub(crate) mean_improvement: Option<f64>,
}

impl WireReplay {
    pub(crate) fn new(last: &Replay, judged: &Replay) -> Self {
        let is_enough = judged.n_judged >= QUESTIONS_MIN;
        let enough = |value: f64| is_enough.then_some(value);
        Self {
            questions: last.n,
            moved: last.n_moved,
            judged: judged.n_judged,
            needed: QUESTIONS_MIN,
            helped: judged.n_helped,
            hurt: judged.n_hurt,
            share_helped: enough(judged.n_helped as f64 / judged.n_judged.max(1) as f64),
            ndcg_without: enough(judged.mean_off),
            ndcg_with: enough(judged.mean_on),
            mean_improvement: enough(judged.mean_on - judged.mean_off),
        }
    }
}

/// A test of ranking.
#[derive(Debug, Serialize)]
pub(crate) struct Test {
    #[serde(flatten)]
    pub(crate) about: TestLine,
    pub(crate) metrics: Vec<WireFinding>,
    pub(crate) asked: Vec<Tested>,
}

impl From<&RankingTest> for Test {
    fn from(test: &RankingTest) -> Self {
        let found = |metric| WireFinding::from(&finding(&test.questions, metric, SEED));
        Self {
            about: TestLine::from(test),
            metrics: Metric::ALL.map(found).into(),
            asked: test.questions.iter().map(Tested::from).collect(),
        }
    }
}

/// A test in one line.
#[derive(Debug, Serialize)]
pub(crate) struct TestLine {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) started: String,
    pub(crate) k: u64,
    pub(crate) alpha: f32,
    pub(crate) interests: u64,
    pub(crate) rounds: u64,
    pub(crate) questions: usize,
    pub(crate) judged: usize,
    pub(crate) moved: usize,
}

impl From<&RankingTest> for TestLine {
    fn from(test: &RankingTest) -> Self {
        let count =
            |passes: fn(&&TestedQuestion) -> bool| test.questions.iter().filter(passes).count();
        Self {
            id: test.id.clone(),
            name: test.name.clone(),
            started: moment(test.started_ms),
            k: test.k,
            alpha: test.alpha,
            interests: test.n_interests,
            rounds: test.n_rounds,
            questions: test.questions.len(),
            judged: count(|question| question.off.is_some()),
            moved: count(|question| question.is_moved),
        }
    }
}

/// What a test says by one metric.
#[derive(Debug, Serialize)]
pub(crate) struct WireFinding {
    pub(crate) metric: &'static str,
    pub(crate) n: usize,
    pub(crate) different: usize,
    pub(crate) without: f64,
    pub(crate) with: f64,
    pub(crate) difference: f64,
    /// 95 of 100.
    pub(crate) interval: Option<[f64; 2]>,
    pub(crate) p: f64,
    pub(crate) verdict: &'static str,
    pub(crate) missing: Option<String>,
}

impl From<&Finding> for WireFinding {
    fn from(found: &Finding) -> Self {
        let compared = &found.compared;
        Self {
            metric: found.metric.as_str(),
            n: compared.n,
            different: compared.n_different,
            without: compared.mean_a,
            with: compared.mean_b,
            difference: compared.difference,
            interval: found.interval.map(|(low, high)| [low, high]),
            p: compared.p,
            verdict: match compared.verdict {
                Verdict::NotEnoughData => "not-enough-data",
                Verdict::NoDifference => "no-difference",
                Verdict::FirstBetter => "worse",
                Verdict::SecondBetter => "better",
            },
            missing: found.missing.map(missing),
        }
    }
}

/// What is missing, in words.
pub(crate) fn missing(missing: Missing) -> String {
    let more = |n: usize, what: &str| {
        let s = if n == 1 { "" } else { "s" };
        format!("{n} more {what}question{s}")
    };
    match missing {
        Missing::JudgedQuestions(n) => more(n, "judged "),
        Missing::Questions(n) => more(n, ""),
        Missing::Differences(n) => format!("{} on which the two differ", more(n, "")),
    }
}

/// What a test says by a metric, and of which test it is.
#[derive(Debug, Serialize)]
pub(crate) struct Compared {
    pub(crate) test: TestLine,
    pub(crate) finding: WireFinding,
}

/// A question of a test.
#[derive(Debug, Serialize)]
pub(crate) struct Tested {
    pub(crate) query: String,
    /// `file`, `feedback` or `null`.
    pub(crate) judged_by: Option<&'static str>,
    pub(crate) moved: bool,
    pub(crate) without: Measured,
    pub(crate) with: Measured,
}

#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) ndcg: Option<f64>,
    pub(crate) precision: Option<f64>,
    pub(crate) mrr: Option<f64>,
    pub(crate) recall: Option<f64>,
    pub(crate) latency_ms: f64,
}

impl Measured {
    fn new(measures: Option<memory::Measures>, latency_ms: f64) -> Self {
        Self {
            ndcg: measures.map(|measures| measures.ndcg),
            precision: measures.map(|measures| measures.precision),
            mrr: measures.map(|measures| measures.mrr),
            recall: measures.map(|measures| measures.recall),
            latency_ms,
        }
    }
}

impl From<&TestedQuestion> for Tested {
    fn from(question: &TestedQuestion) -> Self {
        Self {
            query: question.query.clone(),
            judged_by: question.judged_by.map(memory::JudgedBy::as_str),
            moved: question.is_moved,
            without: Measured::new(question.off, question.off_ms),
            with: Measured::new(question.on, question.on_ms),
        }
    }
}
