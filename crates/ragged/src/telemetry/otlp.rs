//! Spans for a collector of OpenTelemetry: OTLP over HTTP, as JSON. Stages and numbers alone.

use serde_json::{Value, json};

use super::{sample::Kind, stage::Stage, trace::Span};
pub use crate::http::Patience;
use crate::{
    error::{Context, Error, ErrorKind, Result},
    http::{Answer, Http},
};

/// One question for a collector.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// 32 hexadecimal digits, drawn for this question alone.
    pub id: String,
    /// What was done.
    pub kind: Kind,
    /// When the trace began, Unix time in nanoseconds.
    pub begun_unix_ns: u64,
    /// How long all of it took.
    pub total_ns: u64,
    /// Its stages.
    pub spans: Vec<Span>,
    /// Numbers about it, by name.
    pub numbers: Vec<(&'static str, u64)>,
}

/// Sends questions to the collector at `endpoint`, such as `http://localhost:4318`.
///
/// # Errors
///
/// `Unavailable` where no collector answers; `Invalid` where it refuses.
pub fn export(endpoint: &str, questions: &[Exported], patience: Patience) -> Result<()> {
    if questions.is_empty() {
        return Ok(());
    }
    let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let http = Http::new(endpoint, None, patience, Answer::Whole)
        .with_hint_when_away("check telemetry.otlp_endpoint, and that the collector runs");
    let refused = |status: u16, message: &str| {
        Error::new(ErrorKind::Invalid, format!("the collector refused ({status}): {message}"))
            .with_hint("telemetry.otlp_endpoint must take OTLP over HTTP, as JSON")
    };
    http.post(&url, &body(questions))
        .and_then(|reply| reply.map_err(|refusal| refused(refusal.status, &refusal.message)))
        .map(|_| ())
        .context_with(|| "sending spans")
}

/// What is sent: an `ExportTraceServiceRequest`.
pub fn body(questions: &[Exported]) -> Value {
    let spans: Vec<Value> = questions.iter().flat_map(spans_of).collect();
    json!({
        "resourceSpans": [{
            "resource": { "attributes": [
                { "key": "service.name", "value": { "stringValue": "ragged" } },
                { "key": "service.version",
                  "value": { "stringValue": env!("CARGO_PKG_VERSION") } },
            ] },
            "scopeSpans": [{ "scope": { "name": "ragged" }, "spans": spans }],
        }],
    })
}

fn spans_of(question: &Exported) -> Vec<Value> {
    let span = |idx: usize, parent: Option<usize>, name: &str, (start, end): (u64, u64)| {
        let mut span = json!({
            "traceId": question.id,
            "spanId": span_id(&question.id, idx),
            "name": name,
            "kind": 1,
            "startTimeUnixNano": (question.begun_unix_ns + start).to_string(),
            "endTimeUnixNano": (question.begun_unix_ns + end).to_string(),
        });
        if let Some(parent) = parent {
            span["parentSpanId"] = json!(span_id(&question.id, parent));
        }
        span
    };
    let end = question.spans.iter().map(|span| span.end_ns).max().unwrap_or(0);
    let mut whole = span(0, None, question.kind.as_str(), (0, end.max(question.total_ns)));
    let numbers = question.numbers.iter();
    let numbers: Vec<Value> = numbers
        .map(|(key, n)| json!({ "key": format!("ragged.{key}"), "value": { "intValue": n.to_string() } }))
        .collect();
    whole["attributes"] = json!(numbers);
    let stages = question.spans.iter().enumerate().map(|(idx, of)| {
        let parent = parent_of(&question.spans, of).map_or(0, |parent| parent + 1);
        span(idx + 1, Some(parent), of.stage.as_str(), (of.start_ns, of.end_ns))
    });
    std::iter::once(whole).chain(stages).collect()
}

/// The shortest span that a span lies within, of the stage that may hold it.
fn parent_of(spans: &[Span], of: &Span) -> Option<usize> {
    let stage = match of.stage {
        Stage::Recompute => Stage::Vector,
        Stage::Filter | Stage::Embed | Stage::Vector | Stage::Lexical | Stage::Read => {
            Stage::Retrieve
        }
        _ => return None,
    };
    spans
        .iter()
        .enumerate()
        .filter(|(_, span)| {
            span.stage == stage && span.start_ns <= of.start_ns && of.end_ns <= span.end_ns
        })
        .min_by_key(|(_, span)| span.ns())
        .map(|(idx, _)| idx)
}

/// 16 hexadecimal digits, not all zero.
fn span_id(trace: &str, idx: usize) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(trace.as_bytes()).update(&(idx as u64).to_le_bytes());
    let mut id: String = hasher.finalize().to_hex().chars().take(15).collect();
    id.push('1');
    id
}
