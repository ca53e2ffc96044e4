//! A run, or two side by side, as one page: no script, nothing loaded, light and dark as the reader has
//! it, and every chart's numbers beneath it.

use std::collections::BTreeSet;

use super::{
    Block, Column, TITLE, blocks,
    comparison::{self, Comparison},
    escaped, figure, thousands, value, winner, with_unit,
};
use crate::{
    regression::{Change, Verdict},
    result::{Cell, Row, RunResult},
    threshold::Held,
};

const STYLE: &str = include_str!("style.css");

/// What stands large at the top: test, metric, name.
const TILES: [(&str, &str, &str); 6] = [
    ("query", "latency_p95", "Question (p95)"),
    ("query", "recall_at_3", "Recall@3"),
    ("ingest", "documents_per_second", "Documents read"),
    ("memory", "peak", "Peak memory"),
    ("storage", "per_document", "Disk a document"),
    ("query", "batch_throughput", "In batches"),
];

/// A run.
pub fn run(run: &RunResult, held: &[Held]) -> String {
    let mut body = format!(
        "<h1>{TITLE}</h1><p class=\"about\">{} · ragged {} · {}</p>",
        escaped(&run.label),
        escaped(&run.version),
        escaped(&run.corpus)
    );
    if let Some(outcome) = winner::outcome(run) {
        let points: Vec<String> =
            outcome.points.iter().map(|(name, points)| format!("{name} {points:.1}")).collect();
        body.push_str(&format!(
            "<div class=\"winner{}\"><strong>Overall winner: {}</strong><span>Points for each figure that has a limit: {}</span></div>",
            if outcome.winner.is_some() { " good" } else { "" },
            escaped(&outcome.to_string()),
            escaped(&points.join(", "))
        ));
    }
    body.push_str(&limits(held));
    let all = blocks(run, &BTreeSet::new());
    if let Some(largest) = all.iter().max_by_key(|block| block.documents) {
        body.push_str(&tiles(run, largest));
    }
    body.push_str(&figure::of(run));
    for block in &all {
        body.push_str(&block_table(block));
    }
    if !run.missing.is_empty() {
        body.push_str("<h2>Not available</h2><ul class=\"missing\">");
        for missing in &run.missing {
            let Cell { documents, backend, .. } = &missing.cell;
            body.push_str(&format!(
                "<li><b>{}</b>, {} documents: {}</li>",
                escaped(backend),
                thousands(*documents),
                escaped(&missing.why)
            ));
        }
        body.push_str("</ul>");
    }
    body.push_str(&every_figure(run));
    body.push_str(&method(run));
    page(&format!("{} – {TITLE}", run.label), &body)
}

/// Two runs side by side.
pub fn comparison(comparison: &Comparison) -> String {
    let title = format!("{} against {}", comparison.current, comparison.baseline);
    let is_worse = comparison.regressions > 0;
    let mut body = format!(
        "<h1>{TITLE}</h1><p class=\"about\">{}</p><div class=\"verdict {}\"><strong>{}</strong><span>{}</span></div>",
        escaped(&title),
        if is_worse { "bad" } else { "good" },
        if is_worse { "Something became worse" } else { "Nothing became worse" },
        escaped(&comparison.summary())
    );
    body.push_str("<h2>Every figure, what changed first</h2><div class=\"card wide\"><table class=\"changes\"><thead><tr><th>Figure</th><th>Verdict</th><th>Change</th><th>Before</th><th>Now</th><th>Of</th><th>By chance</th><th>Sees from</th></tr></thead><tbody>");
    for change in comparison.in_order() {
        let [figure, of, before, now, by, chance, detectable] = comparison::words(change);
        let (class, verdict) = match change.verdict {
            Verdict::Worse => ("worse", "worse"),
            Verdict::Better => ("better", "better ✓"),
            other => ("", other.as_str()),
        };
        body.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td class=\"{class}\">{verdict}</td><td class=\"change {class}\">{}{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&figure),
            escaped(&by),
            deviation(change),
            escaped(&before),
            escaped(&now),
            escaped(&of),
            escaped(&chance),
            escaped(&detectable)
        ));
    }
    body.push_str("</tbody></table></div><footer>");
    for note in comparison.notes() {
        body.push_str(&format!("<p>{}</p>", escaped(&note)));
    }
    body.push_str("<p><em>By chance</em>: how likely such a difference is if nothing changed (permutation test of ranks). <em>Sees from</em>: the least change that so many repeats, which stray as these do, find in 95 of 100 cases; – where they can find none. The shaded band is what is tolerated.</p></footer>");
    page(&title, &body)
}

/// A change as a little bar from the middle, which is no change; its ends are 25 per cent.
fn deviation(change: &Change) -> String {
    let Some(by) = change.change else { return String::new() };
    let at = |share: f64| 50.0 + 200.0 * share.clamp(-0.25, 0.25);
    let (from, to) = (at(by).min(50.0), at(by).max(50.0));
    let (low, high) = (at(-change.tolerance), at(change.tolerance));
    format!(
        "<svg viewBox=\"0 0 100 12\" aria-hidden=\"true\"><rect class=\"band\" x=\"{low:.1}\" y=\"0\" width=\"{:.1}\" height=\"12\"/><rect x=\"{from:.1}\" y=\"3\" width=\"{:.1}\" height=\"6\"/><line x1=\"50\" y1=\"0\" x2=\"50\" y2=\"12\"/></svg>",
        high - low,
        to - from
    )
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>{}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n",
        escaped(title)
    )
}

fn limits(held: &[Held]) -> String {
    if held.is_empty() {
        return String::new();
    }
    let n_broken = held.iter().filter(|held| !held.is_kept).count();
    let verdict = match n_broken {
        0 => "All limits are kept".to_owned(),
        n => format!("{n} of {} limits broken", held.len()),
    };
    let mut html = format!(
        "<div class=\"verdict {}\"><strong>{verdict}</strong></div><div class=\"card wide\" style=\"margin-top:.9rem\"><table><thead><tr><th>Limit</th><th></th><th>Measured</th><th>Allowed</th><th>Of</th></tr></thead><tbody>",
        if n_broken == 0 { "good" } else { "bad" }
    );
    for held in held {
        let of = held.cell.as_ref().map_or(String::new(), |cell| {
            format!("{}, {}", cell.backend, thousands(cell.documents))
        });
        let measured =
            held.measured.map_or("not measured".to_owned(), |value| format!("{value:.3}"));
        let (class, mark) = if held.is_kept { ("better", "✓") } else { ("worse", "✗ broken") };
        html.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td class=\"{class}\">{mark}</td><td>{measured}</td><td>{}</td><td>{}</td></tr>",
            escaped(&held.key),
            held.bound(),
            escaped(&of)
        ));
    }
    html.push_str("</tbody></table></div>");
    html
}

fn tiles(run: &RunResult, block: &Block<'_>) -> String {
    let mut html = String::new();
    for (test, metric, name) in TILES {
        let found: Vec<(&Column, &Row)> = block
            .columns
            .iter()
            .filter_map(|column| Some((column, column.row(run, block.documents, test, metric)?)))
            .collect();
        if found.is_empty() {
            continue;
        }
        html.push_str(&format!("<div><dt>{name}</dt>"));
        for (column, row) in &found {
            if found.len() == 1 && block.columns.len() == 1 {
                html.push_str(&format!("<dd><b>{}</b></dd>", escaped(&value(row))));
            } else {
                html.push_str(&format!(
                    "<dd class=\"many\"><span>{}</span><b>{}</b></dd>",
                    escaped(&column.name),
                    escaped(&value(row))
                ));
            }
        }
        html.push_str("</div>");
    }
    if html.is_empty() {
        return html;
    }
    format!("<h2>At {} documents</h2><dl class=\"tiles\">{html}</dl>", thousands(block.documents))
}

fn block_table(block: &Block<'_>) -> String {
    if block.lines.is_empty() {
        return String::new();
    }
    let has_difference = block.lines.iter().any(|line| line.difference.is_some());
    let mut html = format!(
        "<h2>{}</h2><div class=\"card wide\"><table><thead><tr><th>Metric</th>",
        escaped(&block.title)
    );
    for column in &block.columns {
        html.push_str(&format!("<th>{}</th>", escaped(&column.name)));
    }
    if has_difference {
        html.push_str("<th>Difference</th>");
    }
    html.push_str("</tr></thead><tbody>");
    let n_columns = 1 + block.columns.len() + usize::from(has_difference);
    let mut heading = "";
    for line in &block.lines {
        if line.heading != heading {
            heading = line.heading;
            html.push_str(&format!(
                "<tr><th class=\"group\" scope=\"rowgroup\" colspan=\"{n_columns}\">{heading}</th></tr>"
            ));
        }
        html.push_str(&format!("<tr><th scope=\"row\">{}</th>", escaped(line.name)));
        for row in &line.rows {
            html.push_str(&format!(
                "<td>{}</td>",
                row.map(|row| cell(&with_interval(row))).unwrap_or_default()
            ));
        }
        if has_difference {
            let words = line.difference.as_deref().unwrap_or_default();
            let class = if words.ends_with('✓') { " class=\"better\"" } else { "" };
            html.push_str(&format!("<td{class}>{}</td>", escaped(words)));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    html
}

fn every_figure(run: &RunResult) -> String {
    let mut html = String::from(
        "<details><summary>Every figure that was measured</summary><div class=\"card wide\"><table><thead><tr><th>Figure</th><th>Of</th><th>Median</th><th>95 % interval</th><th>Strays by</th><th>Repeats</th><th>Each of</th></tr></thead><tbody>",
    );
    for row in &run.rows {
        let Cell { documents, backend, configuration } = &row.cell;
        let interval = row
            .interval()
            .map(|(low, high)| format!("{} – {}", with_unit(low, ""), with_unit(high, "")));
        html.push_str(&format!(
            "<tr><th scope=\"row\">{} {}</th><td>{}, {}, {}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&row.test),
            escaped(&row.metric),
            escaped(backend),
            escaped(configuration),
            thousands(*documents),
            escaped(&value(row)),
            escaped(&interval.unwrap_or_default()),
            row.variation().map(|share| format!("{:.1} %", 100.0 * share)).unwrap_or_default(),
            row.repeats.len(),
            row.n
        ));
    }
    html.push_str("</tbody></table></div></details>");
    html
}

fn method(run: &RunResult) -> String {
    let n = run.rows.iter().map(|row| row.repeats.len()).max().unwrap_or(0);
    let mut html = String::from("<footer><h2>How it was measured</h2><dl>");
    for (name, words) in [
        ("Machine", run.machine.to_string()),
        ("Documents", run.corpus.clone()),
        ("Made", run.created.clone()),
        ("Program", format!("ragged {}", run.version)),
        ("Label, seed", format!("{}, {}", run.label, run.seed)),
        ("Repeats", format!("up to {n}")),
    ] {
        html.push_str(&format!("<dt>{name}</dt><dd>{}</dd>", escaped(&words)));
    }
    html.push_str("</dl><p>Each figure is the median of repeats, each in a process of its own, taken by turns; percentiles within a repeat are by nearest rank. Beneath a value stands the interval in which its median lies in 95 of 100 cases (bootstrap). ✓: better than the first column by more than noise, that is, intervals that do not overlap. Rows called <em>paired mean</em> are means of differences between pairs of the same question, and are not differences of the percentiles above them.</p></footer>");
    html
}

/// The words of a cell; what follows a line end stands small beneath.
pub(super) fn cell(words: &str) -> String {
    match words.split_once('\n') {
        Some((first, second)) => format!("{}<small>{}</small>", escaped(first), escaped(second)),
        None => escaped(words),
    }
}

/// A value, and on a line below it where it may lie.
pub(super) fn with_interval(row: &Row) -> String {
    match row.interval() {
        Some((low, high)) if high > low => {
            format!("{}\n{} – {}", value(row), with_unit(low, ""), with_unit(high, ""))
        }
        _ => value(row),
    }
}
