//! The spans of one question as a picture: an SVG file that needs nothing else. Pure.

use super::{stage::Stage, trace::Span};

const WIDTH: f64 = 1000.0;
const ROW: f64 = 24.0;
const MARGIN: f64 = 10.0;
const HEADER: f64 = 40.0;
/// What a letter of a label takes.
const LETTER: f64 = 6.5;

/// A box of the picture: what it shows, from when to when, and in which row from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The stage; `None` for the whole.
    pub stage: Option<Stage>,
    /// Its beginning, in nanoseconds.
    pub start_ns: u64,
    /// Its end.
    pub end_ns: u64,
    /// 0 for the whole, 1 for what lies in it.
    pub row: usize,
}

/// Spans as boxes: each below what it lies within, and what goes on beside it below both. `total_ns`
/// is where the whole ends; it is stretched to hold every span.
pub fn frames(spans: &[Span], total_ns: u64) -> Vec<Frame> {
    let end_ns = spans.iter().map(|span| span.end_ns).max().unwrap_or(0).max(total_ns);
    let mut frames = vec![Frame { stage: None, start_ns: 0, end_ns, row: 0 }];
    let mut sorted = spans.to_vec();
    sorted.sort_by_key(|span| (span.start_ns, std::cmp::Reverse(span.end_ns), span.stage));
    for span in sorted {
        let meets = |frame: &&Frame| frame.start_ns < span.end_ns && span.start_ns < frame.end_ns;
        // Below everything that goes on at the same time. Of no length, it is within its neighbours.
        let row = frames.iter().filter(meets).map(|frame| frame.row + 1).max().unwrap_or(1);
        frames.push(Frame {
            stage: Some(span.stage),
            start_ns: span.start_ns,
            end_ns: span.end_ns,
            row,
        });
    }
    frames
}

/// The picture. Hovering over a box tells its stage and its time.
pub fn svg(title: &str, spans: &[Span], total_ns: u64) -> String {
    let frames = frames(spans, total_ns);
    let whole_ns = frames.first().map_or(1, |frame| frame.end_ns).max(1);
    let n_rows = frames.iter().map(|frame| frame.row).max().unwrap_or(0) + 1;
    let height = HEADER + n_rows as f64 * ROW + MARGIN;
    let scale = (WIDTH - 2.0 * MARGIN) / whole_ns as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"14\" fill=\"#222222\">{}</text>\n",
        escaped(title)
    );
    for frame in &frames {
        let name = frame.stage.map_or("question", Stage::as_str);
        let ns = frame.end_ns - frame.start_ns;
        let (x, y) = (MARGIN + frame.start_ns as f64 * scale, HEADER + frame.row as f64 * ROW);
        let width = (ns as f64 * scale).max(0.5);
        let share = 100.0 * ns as f64 / whole_ns as f64;
        svg.push_str(&format!(
            "<g><title>{name}: {:.3} ms, {share:.1} %</title><rect x=\"{x:.2}\" y=\"{y}\" \
             width=\"{width:.2}\" height=\"{}\" rx=\"2\" fill=\"{}\"/>{}</g>\n",
            ns as f64 / 1e6,
            ROW - 2.0,
            colour(frame.stage),
            label(name, ns, x, y, width),
        ));
    }
    svg.push_str("</svg>\n");
    svg
}

fn label(name: &str, ns: u64, x: f64, y: f64, width: f64) -> String {
    let long = format!("{name} {:.2} ms", ns as f64 / 1e6);
    let fits = |text: &str| text.len() as f64 * LETTER + 8.0 <= width;
    let shown = if fits(&long) {
        long.as_str()
    } else if fits(name) {
        name
    } else {
        return String::new();
    };
    let (x, y) = (x + 4.0, y + 15.0);
    format!("<text x=\"{x:.2}\" y=\"{y}\" fill=\"#222222\">{shown}</text>")
}

fn colour(stage: Option<Stage>) -> &'static str {
    let Some(stage) = stage else { return "#d0d7de" };
    match stage {
        Stage::Open => "#c9d1d9",
        Stage::Enhance | Stage::Record => "#a5d6a7",
        Stage::Embed => "#ffe082",
        Stage::Retrieve => "#ffcc80",
        Stage::Filter | Stage::Read => "#ffe0b2",
        Stage::Vector => "#ffab91",
        Stage::Recompute => "#ff8a65",
        Stage::Lexical => "#90caf9",
        Stage::Rerank => "#ce93d8",
        Stage::Generate => "#b39ddb",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
