//! Which charts a run gives, with their words and the numbers beneath them.

use super::{
    Column,
    chart::{Axis, Bar, Bars, Group, N_STYLES, Plot, Point, Scale, Series, mark},
    columns, escaped,
    html::{cell, with_interval},
    sizes, thousands, value,
};
use crate::result::{Row, RunResult};

/// The metrics that a distribution is drawn from, and the share of questions that each stands for.
const DISTRIBUTION: [(&str, f64); 8] = [
    ("latency_p5", 5.0),
    ("latency_p25", 25.0),
    ("latency_p50", 50.0),
    ("latency_p75", 75.0),
    ("latency_p90", 90.0),
    ("latency_p95", 95.0),
    ("latency_p99", 99.0),
    ("latency_max", 100.0),
];
/// Fewer points than this are no distribution.
const DISTRIBUTION_MIN: usize = 3;

/// All charts of a run, in groups that answer one question each.
pub(super) fn of(run: &RunResult) -> String {
    Charts { run, columns: columns(run), sizes: sizes(run) }.html()
}

struct Charts<'a> {
    run: &'a RunResult,
    columns: Vec<Column>,
    sizes: Vec<u64>,
}

/// A table beneath a chart: header, rows.
type Numbers = (Vec<String>, Vec<Vec<String>>);

impl Charts<'_> {
    fn html(&self) -> String {
        let each = |of: &dyn Fn(u64) -> Vec<Option<Figure>>| -> Vec<Option<Figure>> {
            self.sizes.iter().flat_map(|documents| of(*documents)).collect()
        };
        let mut speed = each(&|documents| vec![self.distribution(documents)]);
        speed.extend([self.degradation(), self.recall()]);
        let room = vec![
            self.growth(
                "Memory by corpus size",
                "Of the process and those it started: while it reads files, and open but idle.",
                &[("memory", "peak", "peak"), ("memory", "idle", "idle")],
                "MiB",
            ),
            self.growth(
                "Disk by corpus size",
                "The whole folder of the library.",
                &[("storage", "total", "total")],
                "MB",
            ),
        ];
        let at_once = each(&|documents| {
            vec![
                self.concurrency(documents, "queries_per_second_", "threads"),
                self.concurrency(documents, "personas_per_second_", "personas"),
            ]
        });
        let groups = [
            ("How fast are answers?", speed),
            ("How much room does it take?", room),
            ("What does memory cost?", each(&|documents| vec![self.overhead(documents)])),
            ("What if many ask at once?", at_once),
        ];
        let (mut html, mut n) = (String::new(), 0);
        for (heading, figures) in groups {
            let mut drawn = String::new();
            for figure in figures.into_iter().flatten() {
                drawn.push_str(&figure.html(n));
                n += 1;
            }
            if !drawn.is_empty() {
                html.push_str(&format!("<h2>{heading}</h2><div class=\"charts\">{drawn}</div>"));
            }
        }
        html
    }

    fn row(&self, column: &Column, documents: u64, test: &str, metric: &str) -> Option<&Row> {
        column.row(self.run, documents, test, metric)
    }

    fn distribution(&self, documents: u64) -> Option<Figure> {
        let mut series = Vec::new();
        let mut header = vec!["Share of questions".to_owned()];
        let mut rows: Vec<Vec<String>> = DISTRIBUTION
            .iter()
            .map(|(_, share)| match share {
                100.0 => vec!["all".to_owned()],
                share => vec![format!("{share} %")],
            })
            .collect();
        for column in &self.columns {
            let mut points = Vec::new();
            let mut cells = Vec::new();
            for (metric, share) in DISTRIBUTION {
                let row = self.row(column, documents, "query", metric);
                cells.push(row.map(value).unwrap_or_default());
                if let Some(row) = row {
                    points.push(Point {
                        x: row.value(),
                        y: share,
                        interval: None,
                        label: String::new(),
                        told: format!("{}: {share} % within {}", column.name, value(row)),
                    });
                }
            }
            if points.len() < DISTRIBUTION_MIN {
                continue;
            }
            header.push(column.name.clone());
            for (row, cell) in rows.iter_mut().zip(cells) {
                row.push(cell);
            }
            series.push(line(&column.name, column.place, points));
        }
        rows.retain(|row| row.iter().skip(1).any(|cell| !cell.is_empty()));
        Some(Figure {
            said: "How many of all questions are answered within a time; the further left, the faster.".to_owned(),
            legend: legend(&series),
            drawn: Drawn::Plot(Plot {
                title: format!("Latency distribution, {} documents", thousands(documents)),
                description: "Across, milliseconds on a logarithmic axis; up, the share of questions answered within so many.".to_owned(),
                x: axis("milliseconds", Scale::Logarithmic, number),
                y: Axis {
                    ticks: vec![0.0, 25.0, 50.0, 75.0, 90.0, 100.0],
                    range: Some((0.0, 102.0)),
                    ..axis("share of questions, %", Scale::Linear, number)
                },
                series: (!series.is_empty()).then_some(series)?,
            }),
            numbers: (header, rows),
        })
    }

    fn degradation(&self) -> Option<Figure> {
        let metrics = [("query", "latency_p95", "p95"), ("query", "latency_p50", "p50")];
        let (series, numbers) = self.by_size(&metrics, &self.columns)?;
        Some(Figure {
            said: "How the time of a question grows with the number of documents.".to_owned(),
            legend: legend(&series),
            drawn: Drawn::Plot(Plot {
                title: "Latency by corpus size".to_owned(),
                description: "Across, documents on a logarithmic axis; up, milliseconds of a question, the 95th percentile and, broken, the median.".to_owned(),
                x: self.size_axis(),
                y: axis("milliseconds", Scale::Linear, number),
                series,
            }),
            numbers,
        })
    }

    /// Lines over the sizes; `None` where there is one size only.
    fn by_size(
        &self,
        metrics: &[(&str, &str, &str)],
        of: &[Column],
    ) -> Option<(Vec<Series>, Numbers)> {
        if self.sizes.len() < 2 {
            return None;
        }
        let mut series = Vec::new();
        let mut header = vec!["Documents".to_owned()];
        header.extend(self.sizes.iter().map(|documents| thousands(*documents)));
        let mut rows = Vec::new();
        for column in of {
            for (at, (test, metric, name)) in metrics.iter().enumerate() {
                let found: Vec<Option<&Row>> = self
                    .sizes
                    .iter()
                    .map(|documents| self.row(column, *documents, test, metric))
                    .collect();
                if found.iter().all(Option::is_none) {
                    continue;
                }
                let name = match metrics.len() {
                    1 => column.name.clone(),
                    _ => format!("{} {name}", column.name),
                };
                let points = self
                    .sizes
                    .iter()
                    .zip(&found)
                    .filter_map(|(documents, row)| {
                        let of = format!("{name}, {} documents", thousands(*documents));
                        Some(point(*documents as f64, (*row)?, &of))
                    })
                    .collect();
                let mut cells = vec![name.clone()];
                cells.extend(found.iter().map(|row| row.map(value).unwrap_or_default()));
                rows.push(cells);
                series.push(Series { is_dashed: at > 0, ..line(&name, column.place, points) });
            }
        }
        (!series.is_empty()).then_some((series, (header, rows)))
    }

    fn size_axis(&self) -> Axis {
        Axis {
            ticks: self.sizes.iter().map(|documents| *documents as f64).collect(),
            ..axis("documents", Scale::Logarithmic, |tick| thousands(tick.round() as u64))
        }
    }

    fn recall(&self) -> Option<Figure> {
        let mut series = Vec::new();
        let mut rows = Vec::new();
        for column in &self.columns {
            let mut points = Vec::new();
            for documents in &self.sizes {
                let of = |metric: &str| self.row(column, *documents, "query", metric);
                let (Some(latency), Some(recall)) = (of("latency_p95"), of("recall_at_10")) else {
                    continue;
                };
                points.push(Point {
                    x: latency.value(),
                    y: recall.value(),
                    interval: None,
                    label: if self.sizes.len() > 1 { short(*documents) } else { String::new() },
                    told: format!(
                        "{}, {} documents: recall@10 {} at {}",
                        column.name,
                        thousands(*documents),
                        value(recall),
                        value(latency)
                    ),
                });
                rows.push(vec![
                    column.name.clone(),
                    thousands(*documents),
                    value(latency),
                    of("recall_at_3").map(value).unwrap_or_default(),
                    value(recall),
                ]);
            }
            if !points.is_empty() {
                series.push(line(&column.name, column.place, points));
            }
        }
        // One point alone says nothing that the table does not.
        if rows.len() < 2 {
            return None;
        }
        let least = series
            .iter()
            .flat_map(|series: &Series| &series.points)
            .map(|point| point.y)
            .fold(1.0, f64::min);
        let low = if least >= 0.9 { 0.89 } else { (10.0 * least).floor() / 10.0 - 0.02 };
        let ticks: Vec<f64> = if least >= 0.9 {
            vec![0.9, 0.92, 0.94, 0.96, 0.98, 1.0]
        } else {
            (0..=10).map(|tenth| f64::from(tenth) / 10.0).collect()
        };
        Some(Figure {
            said: "The further up and left, the better: what is near is found, and fast.".to_owned(),
            legend: legend(&series),
            drawn: Drawn::Plot(Plot {
                title: "Recall against latency".to_owned(),
                description: "Across, milliseconds of a question (95th percentile) on a logarithmic axis; up, recall@10 against exact vectors. A point a corpus size.".to_owned(),
                x: axis("milliseconds (p95)", Scale::Logarithmic, number),
                y: Axis {
                    ticks,
                    range: Some((low, 1.0 + 0.08 * (1.0 - low))),
                    ..axis("recall@10", Scale::Linear, |tick| format!("{tick:.2}"))
                },
                series,
            }),
            numbers: (
                ["Of", "Documents", "p95", "Recall@3", "Recall@10"].map(str::to_owned).to_vec(),
                rows,
            ),
        })
    }

    /// Lines over the sizes; bars where there is one size only.
    fn growth(
        &self,
        title: &str,
        said: &str,
        metrics: &[(&str, &str, &str)],
        unit: &str,
    ) -> Option<Figure> {
        if let Some((series, numbers)) = self.by_size(metrics, &self.columns) {
            return Some(Figure {
                said: said.to_owned(),
                legend: legend(&series),
                drawn: Drawn::Plot(Plot {
                    title: title.to_owned(),
                    description: format!("Across, documents on a logarithmic axis; up, {unit}."),
                    x: self.size_axis(),
                    y: axis(unit, Scale::Linear, number),
                    series,
                }),
                numbers,
            });
        }
        let documents = *self.sizes.first()?;
        let title =
            title.replace("by corpus size", &format!("at {} documents", thousands(documents)));
        self.bars(documents, &title, said, metrics)
    }

    fn bars(
        &self,
        documents: u64,
        title: &str,
        said: &str,
        metrics: &[(&str, &str, &str)],
    ) -> Option<Figure> {
        let mut groups = Vec::new();
        let mut header = vec![String::new()];
        header.extend(self.columns.iter().map(|column| column.name.clone()));
        let mut rows = Vec::new();
        for (test, metric, name) in metrics {
            let mut cells = vec![(*name).to_owned()];
            let mut bars = Vec::new();
            for column in &self.columns {
                let row = self.row(column, documents, test, metric);
                cells.push(row.map(with_interval).unwrap_or_default());
                bars.extend(row.filter(|row| row.value().is_finite()).map(|row| Bar {
                    style: column.place,
                    value: row.value(),
                    interval: row.interval(),
                    label: value(row),
                }));
            }
            if !bars.is_empty() {
                groups.push(Group { name: (*name).to_owned(), bars });
                rows.push(cells);
            }
        }
        let named: Vec<Series> = self
            .columns
            .iter()
            .map(|column| line(&column.name, column.place, Vec::new()))
            .collect();
        (!groups.is_empty()).then(|| Figure {
            said: said.to_owned(),
            legend: if named.len() > 1 { squares(&named) } else { String::new() },
            drawn: Drawn::Bars(Bars {
                title: title.to_owned(),
                description:
                    "A bar a figure; a thin line across its end is the interval of 95 of 100 cases."
                        .to_owned(),
                groups,
            }),
            numbers: (header, rows),
        })
    }

    fn overhead(&self, documents: u64) -> Option<Figure> {
        let baselines: Vec<String> = self
            .columns
            .iter()
            .filter_map(|column| {
                let row = self.row(column, documents, "overhead", "baseline_p95")?;
                Some(format!("{} {}", column.name, value(row)))
            })
            .collect();
        let mut said = "What a question takes more, as a mean of pairs.".to_owned();
        if !baselines.is_empty() {
            said.push_str(&format!(" Without any of it (p95): {}.", baselines.join(", ")));
        }
        self.bars(
            documents,
            &format!("What memory adds, {} documents", thousands(documents)),
            &said,
            &[
                ("overhead", "profiling", "+ profiling"),
                ("overhead", "personalisation", "+ personalisation"),
                ("overhead", "temporal", "+ temporal"),
            ],
        )
    }

    fn concurrency(&self, documents: u64, metric: &str, at_once: &str) -> Option<Figure> {
        let mut counts: Vec<u32> = self
            .run
            .rows
            .iter()
            .filter(|row| row.cell.documents == documents && row.test == "concurrent")
            .filter_map(|row| row.metric.strip_prefix(metric)?.parse().ok())
            .filter(|count| *count > 0)
            .collect();
        counts.sort_unstable();
        counts.dedup();
        if counts.len() < 2 {
            return None;
        }
        let mut series = Vec::new();
        let mut header = vec![capitalised(at_once)];
        let mut rows: Vec<Vec<String>> =
            counts.iter().map(|count| vec![count.to_string()]).collect();
        for column in &self.columns {
            let found: Vec<Option<&Row>> = counts
                .iter()
                .map(|count| self.row(column, documents, "concurrent", &format!("{metric}{count}")))
                .collect();
            if found.iter().all(Option::is_none) {
                continue;
            }
            header.push(column.name.clone());
            let mut points = Vec::new();
            for ((count, row), cells) in counts.iter().zip(&found).zip(&mut rows) {
                cells.push(row.map(value).unwrap_or_default());
                let of = format!("{}, {count} {at_once}", column.name);
                points.extend(row.map(|row| point(f64::from(*count), row, &of)));
            }
            series.push(line(&column.name, column.place, points));
        }
        Some(Figure {
            said: format!("Questions answered a second, by how many {at_once} ask at once."),
            legend: legend(&series),
            drawn: Drawn::Plot(Plot {
                title: format!(
                    "{} at once, {} documents",
                    capitalised(at_once),
                    thousands(documents)
                ),
                description: format!(
                    "Across, {at_once} that ask at once, on a logarithmic axis; up, questions a second."
                ),
                x: Axis {
                    ticks: counts.iter().map(|count| f64::from(*count)).collect(),
                    ..axis(at_once, Scale::Logarithmic, number)
                },
                y: axis("questions a second", Scale::Linear, number),
                series,
            }),
            numbers: (header, rows),
        })
    }
}

enum Drawn {
    Plot(Plot),
    Bars(Bars),
}

/// A chart with its words and numbers.
struct Figure {
    said: String,
    legend: String,
    drawn: Drawn,
    numbers: Numbers,
}

impl Figure {
    fn html(&self, at: usize) -> String {
        let id = format!("c{at}");
        let (title, svg) = match &self.drawn {
            Drawn::Plot(plot) => (&plot.title, plot.svg(&id)),
            Drawn::Bars(bars) => (&bars.title, bars.svg(&id)),
        };
        let Some(svg) = svg else { return String::new() };
        let (header, rows) = &self.numbers;
        let cells = |tag: &str, cells: &[String]| {
            let cells = cells.iter().map(|words| format!("<{tag}>{}</{tag}>", cell(words)));
            cells.collect::<Vec<String>>().concat()
        };
        let rows: Vec<String> =
            rows.iter().map(|row| format!("<tr>{}</tr>", cells("td", row))).collect();
        format!(
            "<figure><figcaption><h3>{}</h3><p>{}</p></figcaption>{}{svg}<div class=\"wide\"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div></figure>",
            escaped(title),
            escaped(&self.said),
            self.legend,
            cells("th", header),
            rows.concat()
        )
    }
}

fn point(x: f64, row: &Row, of: &str) -> Point {
    Point {
        x,
        y: row.value(),
        interval: row.interval(),
        label: String::new(),
        told: format!("{of}: {}", value(row)),
    }
}

fn line(name: &str, style: usize, points: Vec<Point>) -> Series {
    Series { name: name.to_owned(), style, is_dashed: false, has_line: true, points }
}

fn axis(label: &str, scale: Scale, write: fn(f64) -> String) -> Axis {
    Axis { label: label.to_owned(), scale, ticks: Vec::new(), range: None, write }
}

/// A tick, in no more digits than it has.
fn number(tick: f64) -> String {
    if tick >= 1000.0 {
        return thousands(tick.round() as u64);
    }
    let text = format!("{tick:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// 10,000 as `10K`.
fn short(number: u64) -> String {
    if number >= 1000 && number.is_multiple_of(1000) {
        format!("{}K", number / 1000)
    } else {
        thousands(number)
    }
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map_or(String::new(), |first| first.to_uppercase().collect::<String>() + chars.as_str())
}

/// Names beside their lines; none where there is only one.
fn legend(series: &[Series]) -> String {
    if series.len() < 2 {
        return String::new();
    }
    let items: Vec<String> = series
        .iter()
        .map(|series| {
            let style = series.style % N_STYLES;
            let (dashed, hollow) = if series.is_dashed { (" dashed", " hollow") } else { ("", "") };
            format!(
                "<li><svg viewBox=\"0 0 28 12\" aria-hidden=\"true\"><line class=\"line s{style}{dashed}\" x1=\"1\" y1=\"6\" x2=\"27\" y2=\"6\"/><path class=\"mark s{style}{hollow}\" transform=\"translate(14 6)\" d=\"{}\"/></svg>{}</li>",
                mark(style),
                escaped(&series.name)
            )
        })
        .collect();
    format!("<ul class=\"legend\">{}</ul>", items.concat())
}

/// Names beside the colours of bars.
fn squares(series: &[Series]) -> String {
    let items: Vec<String> = series
        .iter()
        .map(|series| {
            let style = series.style % N_STYLES;
            format!(
                "<li><svg viewBox=\"0 0 28 12\" aria-hidden=\"true\"><rect class=\"bar s{style}\" x=\"8\" y=\"0\" width=\"12\" height=\"12\" rx=\"2\"/></svg>{}</li>",
                escaped(&series.name)
            )
        })
        .collect();
    format!("<ul class=\"legend\">{}</ul>", items.concat())
}
