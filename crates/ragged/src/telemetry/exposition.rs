//! Numbers in the text format that Prometheus reads. Pure.

use super::store::BUCKETS_US;

/// What a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Only grows, but for being set back.
    Counter,
    /// How it is now.
    Gauge,
    /// How durations are spread.
    Histogram,
}

impl Meaning {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Numbers of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Its name, in letters, digits and underscores.
    pub name: &'static str,
    /// What it tells, in a line.
    pub help: &'static str,
    /// What its numbers mean.
    pub meaning: Meaning,
    /// The numbers.
    pub points: Vec<Point>,
}

/// A number, and what it is a number of.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Names and values.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: Value,
}

/// A number or a spread.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a counter or a gauge.
    Number(f64),
    /// Of a histogram.
    Spread {
        /// How many fell into each of [`BUCKETS_US`], and last how many were longer.
        buckets: [u64; BUCKETS_US.len() + 1],
        /// Their sum.
        sum_us: u64,
    },
}

impl Family {
    /// A family without numbers.
    pub fn new(name: &'static str, meaning: Meaning, help: &'static str) -> Self {
        Self { name, help, meaning, points: Vec::new() }
    }

    /// The same with one number.
    #[must_use]
    pub fn with(mut self, labels: &[(&'static str, &str)], value: f64) -> Self {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.points.push(Point { labels, value: Value::Number(value) });
        self
    }
}

/// Families in the text exposition format, version 0.0.4; those without numbers are left out.
pub fn text(families: &[Family]) -> String {
    let mut text = String::new();
    for family in families.iter().filter(|family| !family.points.is_empty()) {
        let name = family.name;
        text.push_str(&format!("# HELP {name} {}\n", escaped(family.help, false)));
        text.push_str(&format!("# TYPE {name} {}\n", family.meaning.as_str()));
        for Point { labels, value } in &family.points {
            match value {
                Value::Number(number) => {
                    text.push_str(&format!("{name}{} {number}\n", labelled(labels, None)));
                }
                Value::Spread { buckets, sum_us } => {
                    let mut n = 0;
                    for (idx, of) in buckets.iter().enumerate() {
                        n += of;
                        let bound = BUCKETS_US.get(idx).map(|us| seconds(*us).to_string());
                        let bound = bound.as_deref().unwrap_or("+Inf");
                        text.push_str(&format!(
                            "{name}_bucket{} {n}\n",
                            labelled(labels, Some(bound))
                        ));
                    }
                    let sum = seconds(*sum_us);
                    text.push_str(&format!("{name}_sum{} {sum}\n", labelled(labels, None)));
                    text.push_str(&format!("{name}_count{} {n}\n", labelled(labels, None)));
                }
            }
        }
    }
    text
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

fn labelled(labels: &[(&'static str, String)], bound: Option<&str>) -> String {
    let mut pairs: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value, true))).collect();
    pairs.extend(bound.map(|bound| format!("le=\"{bound}\"")));
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

fn escaped(text: &str, is_label: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if is_label { text.replace('"', "\\\"") } else { text }
}
