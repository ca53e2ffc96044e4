//! How long questions take.

use std::collections::BTreeMap;

use ragged::telemetry::{
    Sample, Span, Stage, Summary,
    advice::Recommendation,
    exposition::{Family, Meaning, Value},
    report::{ComponentTimes, Part, Report},
};
use serde::Serialize;

use super::moment;

/// How long one question took.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Question {
    pub(crate) total_ms: f64,
    /// Opening the library and the memory before.
    pub(crate) open_ms: f64,
    /// Their shares sum to 100.
    pub(crate) breakdown: Vec<Share>,
    /// Each stage as it happened, those within others too.
    pub(crate) spans: Vec<Timed>,
}

/// A part of the time of questions.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Share {
    /// A stage, or `other`.
    pub(crate) stage: &'static str,
    pub(crate) ms: f64,
    pub(crate) percent: f64,
}

impl From<&Part> for Share {
    fn from(part: &Part) -> Self {
        Self {
            stage: part.stage.map_or("other", Stage::as_str),
            ms: part.mean_ms,
            percent: f64::from(part.share) / 10.0,
        }
    }
}

/// A stage of one question, in milliseconds since the command began.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Timed {
    pub(crate) stage: &'static str,
    pub(crate) start_ms: f64,
    pub(crate) ms: f64,
}

impl From<&Span> for Timed {
    fn from(span: &Span) -> Self {
        Self {
            stage: span.stage.as_str(),
            start_ms: span.start_ns as f64 / 1e6,
            ms: span.ns() as f64 / 1e6,
        }
    }
}

/// `profile enable`, `disable`, `status` and `clear`.
#[derive(Debug, Serialize)]
pub(crate) struct State {
    pub(crate) enabled: bool,
    pub(crate) components: Vec<&'static str>,
    pub(crate) samples: u64,
    pub(crate) bytes: u64,
    pub(crate) max_bytes: u64,
    pub(crate) max_days: i64,
    pub(crate) first: Option<String>,
    pub(crate) last: Option<String>,
    /// Samples that could not be kept.
    pub(crate) dropped: u64,
    /// Only of `clear --confirm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deleted: Option<u64>,
}

/// `profile report`.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    pub(crate) start: String,
    pub(crate) end: String,
    pub(crate) queries: Times,
    pub(crate) breakdown: Vec<Share>,
    pub(crate) components: Vec<OfComponent>,
    pub(crate) slowest: Vec<Slow>,
    pub(crate) trend: Option<Trend>,
    pub(crate) recommendations: Vec<Advice>,
}

/// How times are spread; percentiles by nearest rank.
#[derive(Debug, Serialize)]
pub(crate) struct Times {
    pub(crate) count: u64,
    pub(crate) mean_ms: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl From<&Summary> for Times {
    fn from(times: &Summary) -> Self {
        Self {
            count: times.n,
            mean_ms: times.mean_ms,
            p50_ms: times.p50_ms,
            p95_ms: times.p95_ms,
            p99_ms: times.p99_ms,
            max_ms: times.max_ms,
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct OfComponent {
    pub(crate) component: &'static str,
    #[serde(flatten)]
    pub(crate) times: Times,
    pub(crate) stages: Vec<StageTimes>,
}

#[derive(Debug, Serialize)]
pub(crate) struct StageTimes {
    pub(crate) stage: &'static str,
    #[serde(flatten)]
    pub(crate) times: Times,
}

impl From<&ComponentTimes> for OfComponent {
    fn from(of: &ComponentTimes) -> Self {
        let stages = of.stages.iter();
        Self {
            component: of.component.as_str(),
            times: (&of.times).into(),
            stages: stages
                .map(|(stage, times)| StageTimes { stage: stage.as_str(), times: times.into() })
                .collect(),
        }
    }
}

/// One of the slowest questions.
#[derive(Debug, Serialize)]
pub(crate) struct Slow {
    pub(crate) at: String,
    pub(crate) ms: f64,
    pub(crate) kind: &'static str,
    pub(crate) interaction: Option<String>,
    /// From the persona's own memory; `null` where it does not keep the question.
    pub(crate) question: Option<String>,
}

impl Slow {
    pub(crate) fn new(sample: &Sample, question: Option<String>) -> Self {
        Self {
            at: moment(sample.at_ms),
            ms: sample.total_us as f64 / 1000.0,
            kind: sample.kind.as_str(),
            interaction: sample.interaction.clone().filter(|_| question.is_some()),
            question,
        }
    }
}

/// Against as long a stretch just before.
#[derive(Debug, Serialize)]
pub(crate) struct Trend {
    pub(crate) before: Times,
    pub(crate) p50_change_percent: f64,
    pub(crate) p95_change_percent: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Advice {
    pub(crate) rule: &'static str,
    pub(crate) finding: String,
    pub(crate) evidence: BTreeMap<&'static str, f64>,
    pub(crate) command: String,
}

impl From<&Recommendation> for Advice {
    fn from(of: &Recommendation) -> Self {
        Self {
            rule: of.rule.as_str(),
            finding: of.finding.clone(),
            evidence: of.evidence.iter().copied().collect(),
            command: of.command.clone(),
        }
    }
}

impl Told {
    pub(crate) fn new(
        report: &Report,
        slowest: Vec<Slow>,
        recommendations: &[Recommendation],
    ) -> Self {
        Self {
            start: moment(report.window.start),
            end: moment(report.window.end),
            queries: (&report.total).into(),
            breakdown: report.breakdown.iter().map(Share::from).collect(),
            components: report.components.iter().map(OfComponent::from).collect(),
            slowest,
            trend: report.trend.as_ref().map(|trend| Trend {
                before: (&trend.before).into(),
                p50_change_percent: trend.p50_change,
                p95_change_percent: trend.p95_change,
            }),
            recommendations: recommendations.iter().map(Advice::from).collect(),
        }
    }
}

/// One question of `profile export`: numbers, and `null` where a stage was not profiled or did not
/// happen.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) at: String,
    pub(crate) kind: &'static str,
    pub(crate) total_us: u64,
    pub(crate) open_us: Option<u64>,
    pub(crate) enhance_us: Option<u64>,
    pub(crate) embed_us: Option<u64>,
    pub(crate) retrieve_us: Option<u64>,
    pub(crate) filter_us: Option<u64>,
    pub(crate) vector_us: Option<u64>,
    pub(crate) recompute_us: Option<u64>,
    pub(crate) lexical_us: Option<u64>,
    pub(crate) read_us: Option<u64>,
    pub(crate) rerank_us: Option<u64>,
    pub(crate) generate_us: Option<u64>,
    pub(crate) record_us: Option<u64>,
    pub(crate) k: u64,
    pub(crate) hits: u64,
    pub(crate) strategy: String,
    pub(crate) from_cache: bool,
    pub(crate) generated: bool,
    pub(crate) recomputed: u64,
    pub(crate) cached_vectors: u64,
    pub(crate) visited: u64,
}

impl From<&Sample> for Row {
    fn from(sample: &Sample) -> Self {
        let us = |stage: Stage| sample.stages.get(stage);
        Self {
            at: moment(sample.at_ms),
            kind: sample.kind.as_str(),
            total_us: sample.total_us,
            open_us: us(Stage::Open),
            enhance_us: us(Stage::Enhance),
            embed_us: us(Stage::Embed),
            retrieve_us: us(Stage::Retrieve),
            filter_us: us(Stage::Filter),
            vector_us: us(Stage::Vector),
            recompute_us: us(Stage::Recompute),
            lexical_us: us(Stage::Lexical),
            read_us: us(Stage::Read),
            rerank_us: us(Stage::Rerank),
            generate_us: us(Stage::Generate),
            record_us: us(Stage::Record),
            k: sample.k,
            hits: sample.n_hits,
            strategy: sample.strategy.clone(),
            from_cache: sample.from_cache,
            generated: sample.is_generated,
            recomputed: sample.recomputed,
            cached_vectors: sample.cached_vectors,
            visited: sample.visited,
        }
    }
}

/// A file of trace events, as Perfetto and Chrome read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TraceFile {
    pub(crate) trace_events: Vec<TraceEvent>,
    pub(crate) display_time_unit: &'static str,
}

#[derive(Debug, Serialize)]
pub(crate) struct TraceEvent {
    pub(crate) name: &'static str,
    pub(crate) cat: &'static str,
    /// Complete.
    pub(crate) ph: &'static str,
    /// Microseconds.
    pub(crate) ts: f64,
    pub(crate) dur: f64,
    pub(crate) pid: u32,
    pub(crate) tid: u32,
}

impl TraceFile {
    /// Spans of a question that took so long.
    pub(crate) fn new(spans: &[Span], total_ns: u64) -> Self {
        let event = |name, cat, start_ns: u64, ns: u64, tid| TraceEvent {
            name,
            cat,
            ph: "X",
            ts: start_ns as f64 / 1000.0,
            dur: ns as f64 / 1000.0,
            pid: 1,
            tid,
        };
        let stages = spans.iter().map(|span| {
            // Words are searched beside the vectors.
            let tid = if span.stage == Stage::Lexical { 2 } else { 1 };
            let category = span.stage.component().as_str();
            event(span.stage.as_str(), category, span.start_ns, span.ns(), tid)
        });
        let whole = event("question", "query", 0, total_ns, 1);
        Self {
            trace_events: std::iter::once(whole).chain(stages).collect(),
            display_time_unit: "ms",
        }
    }
}

/// `metrics` for programs that read JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    #[serde(rename = "type")]
    pub(crate) meaning: &'static str,
    pub(crate) help: &'static str,
    pub(crate) points: Vec<MetricPoint>,
}

#[derive(Debug, Serialize)]
pub(crate) struct MetricPoint {
    pub(crate) labels: BTreeMap<&'static str, String>,
    /// Of a histogram the number of observations.
    pub(crate) value: f64,
    /// Of a histogram.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sum_seconds: Option<f64>,
}

impl From<&Family> for Metric {
    fn from(family: &Family) -> Self {
        let points = family.points.iter().map(|point| {
            let (value, sum_seconds) = match &point.value {
                Value::Number(number) => (*number, None),
                Value::Spread { buckets, sum_us } => {
                    (buckets.iter().sum::<u64>() as f64, Some(*sum_us as f64 / 1e6))
                }
            };
            MetricPoint { labels: point.labels.iter().cloned().collect(), value, sum_seconds }
        });
        Self {
            name: family.name,
            meaning: Meaning::as_str(family.meaning),
            help: family.help,
            points: points.collect(),
        }
    }
}
