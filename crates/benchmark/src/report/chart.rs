//! Charts as SVG, drawn for a page that is light or dark.
//!
//! Colours are classes (`s0`, `s1`, …, `grid`, `label`) that the page's style sheet gives a value for
//! either theme. The plotting crates that write SVG put colours in as numbers, or know neither
//! logarithmic axes nor intervals; what is needed here is small. Series differ in their marks as well,
//! for those who do not see the colours. Positions have one decimal, so that the same numbers give the
//! same bytes.

use super::escaped;

/// Width of every chart, in its own units; small, so that letters stay legible on a telephone.
const WIDTH: f64 = 480.0;
/// Height of a chart with two axes.
const HEIGHT: f64 = 300.0;
/// Room around the plot: left, right, above, below.
const ROOM: (f64, f64, f64, f64) = (58.0, 18.0, 14.0, 44.0);
/// Colours and marks before they begin again.
pub const N_STYLES: usize = 6;

/// How numbers lie on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As far apart as they differ, from 0.
    Linear,
    /// As far apart as they are multiples of each other.
    Logarithmic,
}

/// An axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What it says, with the unit.
    pub label: String,
    /// How numbers lie on it.
    pub scale: Scale,
    /// Where it has ticks; chosen from the numbers where there are none.
    pub ticks: Vec<f64>,
    /// The least and the most that it shows, where the numbers do not decide.
    pub range: Option<(f64, f64)>,
    /// How a tick is written.
    pub write: fn(f64) -> String,
}

/// A point, with the interval that its height lies in.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its place across.
    pub x: f64,
    /// Its height.
    pub y: f64,
    /// From where to where that may be.
    pub interval: Option<(f64, f64)>,
    /// What stands beside it.
    pub label: String,
    /// What a pointer that rests on it shows.
    pub told: String,
}

/// Points that belong together.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Which colour and mark, from 0.
    pub style: usize,
    /// Whether its line is broken: a second figure of the same column.
    pub is_dashed: bool,
    /// Whether a line joins its points.
    pub has_line: bool,
    /// Its points, in the order of the line.
    pub points: Vec<Point>,
}

/// A chart with two axes.
#[derive(Clone, Debug)]
pub struct Plot {
    /// What it shows.
    pub title: String,
    /// The same for those who do not see it: what lies where.
    pub description: String,
    /// Across.
    pub x: Axis,
    /// Up.
    pub y: Axis,
    /// What is drawn.
    pub series: Vec<Series>,
}

/// A chart of lying bars, in groups.
#[derive(Clone, Debug)]
pub struct Bars {
    /// What it shows.
    pub title: String,
    /// The same for those who do not see it.
    pub description: String,
    /// The groups.
    pub groups: Vec<Group>,
}

/// Bars of one figure.
#[derive(Clone, Debug)]
pub struct Group {
    /// The figure.
    pub name: String,
    /// A bar a column.
    pub bars: Vec<Bar>,
}

/// A bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Which colour, from 0.
    pub style: usize,
    /// Its length; less than 0 to the left.
    pub value: f64,
    /// From where to where that may be.
    pub interval: Option<(f64, f64)>,
    /// What stands at its end.
    pub label: String,
}

/// Numbers of an axis, and where they lie.
struct Placed {
    low: f64,
    high: f64,
    scale: Scale,
    from: f64,
    to: f64,
}

impl Placed {
    /// An axis for these values, drawn between two places; `None` where there is nothing to show.
    fn new(axis: &Axis, values: &[f64], (from, to): (f64, f64)) -> Option<Self> {
        let shown =
            |value: &&f64| value.is_finite() && (axis.scale == Scale::Linear || **value > 0.0);
        let low = values.iter().filter(shown).copied().reduce(f64::min)?;
        let high = values.iter().filter(shown).copied().reduce(f64::max)?;
        let (low, high) = match (axis.range, axis.scale) {
            (Some(range), _) => range,
            (None, Scale::Logarithmic) if high / low < 1.5 => (low / 1.5, high * 1.5),
            (None, Scale::Logarithmic) => (low / 1.12, high * 1.12),
            (None, Scale::Linear) => {
                let (low, high) = (low.min(0.0), high.max(0.0));
                let room = 0.06 * (high - low).max(f64::MIN_POSITIVE);
                (if low < 0.0 { low - room } else { 0.0 }, high + room)
            }
        };
        (high > low).then_some(Self { low, high, scale: axis.scale, from, to })
    }

    fn at(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
        };
        self.from + share * (self.to - self.from)
    }

    fn shows(&self, value: f64) -> bool {
        let room = 1e-9 * (self.high - self.low);
        value.is_finite() && value >= self.low - room && value <= self.high + room
    }

    /// Round numbers, a handful of them.
    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let step = round_step((self.high - self.low) / 4.0);
                let first = (self.low / step).ceil() as i64;
                let last = (self.high / step).floor() as i64;
                (first..=last).map(|n| n as f64 * step).collect()
            }
            Scale::Logarithmic => {
                let decades = (self.high / self.low).log10();
                let factors: &[f64] = if decades < 0.9 {
                    &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]
                } else if decades < 2.5 {
                    &[1.0, 2.0, 5.0]
                } else {
                    &[1.0]
                };
                let exponents = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
                exponents
                    .flat_map(|e| factors.iter().map(move |factor| factor * 10_f64.powi(e)))
                    .filter(|tick| self.shows(*tick))
                    .collect()
            }
        }
    }
}

/// 1, 2 or 5 times a power of ten, at least so much.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powi(least.log10().floor() as i32);
    let of_power = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least * 0.999);
    of_power.unwrap_or(10.0) * power
}

impl Plot {
    /// The drawing; `None` where there is nothing to show. `id` is unique on the page.
    pub fn svg(&self, id: &str) -> Option<String> {
        let (left, right, above, below) = ROOM;
        let points = || self.series.iter().flat_map(|series| &series.points);
        let across: Vec<f64> = points().map(|point| point.x).collect();
        let up: Vec<f64> = points()
            .flat_map(|point| {
                let (low, high) = point.interval.unwrap_or((point.y, point.y));
                [low, point.y, high]
            })
            .collect();
        let x = Placed::new(&self.x, &across, (left, WIDTH - right))?;
        let y = Placed::new(&self.y, &up, (HEIGHT - below, above))?;
        let mut svg = open(id, HEIGHT, &self.title, &self.description);
        let of = |axis: &Axis, placed: &Placed| {
            if axis.ticks.is_empty() { placed.ticks() } else { axis.ticks.clone() }
        };
        for tick in of(&self.y, &y).into_iter().filter(|tick| y.shows(*tick)) {
            let (at, end) = (y.at(tick), WIDTH - right);
            line(&mut svg, "grid", (left, at), (end, at));
            text(&mut svg, "tick", "end", (left - 7.0, at + 4.0), &(self.y.write)(tick));
        }
        let mut last = f64::NEG_INFINITY;
        for tick in of(&self.x, &x).into_iter().filter(|tick| x.shows(*tick)) {
            let at = x.at(tick);
            line(&mut svg, "grid", (at, above), (at, HEIGHT - below));
            let label = (self.x.write)(tick);
            // About seven units a letter; labels that would touch are left out.
            let half = 3.5 * label.chars().count() as f64 + 3.0;
            if at - half > last {
                text(&mut svg, "tick", "middle", (at, HEIGHT - below + 17.0), &label);
                last = at + half;
            }
        }
        let floor = HEIGHT - below;
        line(&mut svg, "axis", (left, floor), (WIDTH - right, floor));
        let middle = f64::midpoint(left, WIDTH - right);
        text(&mut svg, "label", "middle", (middle, HEIGHT - 7.0), &self.x.label);
        let middle = f64::midpoint(above, floor);
        write(
            &mut svg,
            format_args!(
                "<text class=\"label\" text-anchor=\"middle\" transform=\"translate(13 {middle:.1}) rotate(-90)\">{}</text>",
                escaped(&self.y.label)
            ),
        );
        for series in &self.series {
            series.draw(&mut svg, &x, &y);
        }
        svg.push_str("</svg>");
        Some(svg)
    }
}

impl Series {
    fn draw(&self, svg: &mut String, x: &Placed, y: &Placed) {
        let style = self.style % N_STYLES;
        let shown: Vec<(&Point, f64, f64)> = self
            .points
            .iter()
            .filter(|point| x.shows(point.x) && y.shows(point.y))
            .map(|point| (point, x.at(point.x), y.at(point.y)))
            .collect();
        if self.has_line && shown.len() > 1 {
            let path: Vec<String> =
                shown.iter().map(|(_, across, up)| format!("{across:.1},{up:.1}")).collect();
            let dashes = if self.is_dashed { " dashed" } else { "" };
            write(
                svg,
                format_args!(
                    "<polyline class=\"line s{style}{dashes}\" points=\"{}\"/>",
                    path.join(" ")
                ),
            );
        }
        for (point, across, up) in shown {
            if let Some((low, high)) = point.interval
                && y.shows(low)
                && y.shows(high)
                && (y.at(low) - y.at(high)).abs() > 2.0
            {
                line(svg, &format!("whisker s{style}"), (across, y.at(low)), (across, y.at(high)));
            }
            write(
                svg,
                format_args!(
                    "<path class=\"mark s{style}{}\" transform=\"translate({across:.1} {up:.1})\" d=\"{}\"><title>{}</title></path>",
                    if self.is_dashed { " hollow" } else { "" },
                    mark(style),
                    escaped(&point.told)
                ),
            );
            if !point.label.is_empty() {
                let is_right = across > WIDTH - 90.0;
                let (anchor, beside) = if is_right { ("end", -8.0) } else { ("start", 8.0) };
                text(svg, "note", anchor, (across + beside, up - 6.0), &point.label);
            }
        }
    }
}

/// The outline of a style's mark around 0, 0.
pub fn mark(style: usize) -> &'static str {
    match style % N_STYLES {
        0 => "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
        1 => "M-3.6-3.6h7.2v7.2h-7.2z",
        2 => "M0-4.8 4.6 3.4h-9.2z",
        3 => "M0-5 5 0 0 5-5 0z",
        4 => "M0 4.8-4.6-3.4h9.2z",
        _ => "M-1.5-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
    }
}

impl Bars {
    /// The drawing; `None` where there is nothing to show. `id` is unique on the page.
    pub fn svg(&self, id: &str) -> Option<String> {
        const BAR: f64 = 16.0;
        const GAP: f64 = 4.0;
        const HEADING: f64 = 20.0;
        const BETWEEN: f64 = 12.0;
        let values: Vec<f64> = self
            .groups
            .iter()
            .flat_map(|group| &group.bars)
            .flat_map(|bar| {
                let (low, high) = bar.interval.unwrap_or((bar.value, bar.value));
                [low, bar.value, high]
            })
            .collect();
        let axis = Axis {
            label: String::new(),
            scale: Scale::Linear,
            ticks: Vec::new(),
            range: None,
            write: |_| String::new(),
        };
        // Room for what stands at the ends: on the left only where a bar goes there.
        let is_signed = values.iter().any(|value| *value < 0.0);
        let left = if is_signed { 84.0 } else { 2.0 };
        let across = if values.iter().all(|value| *value == 0.0) {
            Placed { low: 0.0, high: 1.0, scale: Scale::Linear, from: left, to: WIDTH - 84.0 }
        } else {
            Placed::new(&axis, &values, (left, WIDTH - 84.0))?
        };
        if values.is_empty() {
            return None;
        }
        let height: f64 = self
            .groups
            .iter()
            .map(|group| HEADING + group.bars.len() as f64 * (BAR + GAP) + BETWEEN)
            .sum();
        let mut svg = open(id, height, &self.title, &self.description);
        let zero = across.at(0.0);
        let mut top = 0.0;
        for group in &self.groups {
            text(&mut svg, "name", "start", (2.0, top + 14.0), &group.name);
            top += HEADING;
            let begin = top;
            for bar in &group.bars {
                let (style, end) = (bar.style % N_STYLES, across.at(bar.value));
                let (from, width) = (zero.min(end), (end - zero).abs().max(1.0));
                write(
                    &mut svg,
                    format_args!(
                        "<rect class=\"bar s{style}\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\"/>"
                    ),
                );
                let middle = top + BAR / 2.0;
                let (mut low_end, mut high_end) = (from, from + width);
                if let Some((low, high)) = bar.interval
                    && (across.at(high) - across.at(low)).abs() > 2.0
                {
                    let (low, high) = (across.at(low), across.at(high));
                    line(&mut svg, "error", (low, middle), (high, middle));
                    line(&mut svg, "error", (low, middle - 4.0), (low, middle + 4.0));
                    line(&mut svg, "error", (high, middle - 4.0), (high, middle + 4.0));
                    (low_end, high_end) = (low_end.min(low), high_end.max(high));
                }
                let (anchor, at) = if bar.value < 0.0 {
                    ("end", low_end - 6.0)
                } else {
                    ("start", high_end + 6.0)
                };
                text(&mut svg, "end", anchor, (at, middle + 4.0), &bar.label);
                top += BAR + GAP;
            }
            line(&mut svg, "axis", (zero, begin - 2.0), (zero, top - GAP + 2.0));
            top += BETWEEN;
        }
        svg.push_str("</svg>");
        Some(svg)
    }
}

fn open(id: &str, height: f64, title: &str, description: &str) -> String {
    format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>",
        escaped(title),
        escaped(description)
    )
}

fn line(svg: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    write(
        svg,
        format_args!(
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            from.0, from.1, to.0, to.1
        ),
    );
}

fn text(svg: &mut String, class: &str, anchor: &str, at: (f64, f64), words: &str) {
    write(
        svg,
        format_args!(
            "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            at.0,
            at.1,
            escaped(words)
        ),
    );
}

fn write(svg: &mut String, words: std::fmt::Arguments<'_>) {
    svg.push_str(&std::fmt::format(words));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(scale: Scale) -> Axis {
        Axis {
            label: "<ms>".to_owned(),
            scale,
            ticks: Vec::new(),
            range: None,
            write: |tick| tick.to_string(),
        }
    }

    fn point(x: f64, y: f64) -> Point {
        Point { x, y, interval: None, label: String::new(), told: String::new() }
    }

    #[test]
    fn ticks_are_round_and_few() {
        let of = |scale: Scale, values: &[f64]| {
            Placed::new(&axis(scale), values, (0.0, 100.0)).unwrap().ticks()
        };
        assert_eq!(of(Scale::Linear, &[3.0, 9.4]), [0.0, 5.0]);
        assert_eq!(of(Scale::Linear, &[0.0, 380.0]), [0.0, 200.0, 400.0]);
        assert_eq!(of(Scale::Linear, &[-1.0, 1.0]), [-1.0, 0.0, 1.0]);
        assert_eq!(of(Scale::Logarithmic, &[1.0, 40.0]), [1.0, 2.0, 5.0, 10.0, 20.0]);
        assert_eq!(of(Scale::Logarithmic, &[1.0, 1e5]), [1.0, 10.0, 100.0, 1e3, 1e4, 1e5]);
        for exponent in -9..12 {
            let value = 10_f64.powi(exponent) * 1.7;
            for scale in [Scale::Linear, Scale::Logarithmic] {
                let ticks = of(scale, &[value, value * 1.3]);
                assert!((2..=9).contains(&ticks.len()), "{scale:?} {value}: {ticks:?}");
            }
        }
    }

    #[test]
    fn places_follow_the_scale() {
        let axis = axis(Scale::Logarithmic);
        let placed = Placed { low: 1.0, high: 100.0, scale: axis.scale, from: 0.0, to: 10.0 };
        assert!((placed.at(10.0) - 5.0).abs() < 1e-9);
        // Nothing of it is left of nothing.
        assert!(Placed::new(&axis, &[0.0, -1.0, f64::NAN], (0.0, 1.0)).is_none());
        assert!(Placed::new(&axis, &[], (0.0, 1.0)).is_none());
    }

    #[test]
    fn what_is_drawn_is_what_was_given_and_safe() {
        let series = |points: Vec<Point>| Series {
            name: "a".to_owned(),
            style: 7,
            is_dashed: false,
            has_line: true,
            points,
        };
        let mut plot = Plot {
            title: "a & b".to_owned(),
            description: "\"c\"".to_owned(),
            x: axis(Scale::Linear),
            y: axis(Scale::Linear),
            series: vec![series(vec![point(1.0, 1.0), point(2.0, f64::NAN), point(3.0, 4.0)])],
        };
        let svg = plot.svg("one").unwrap();
        assert_eq!(svg.matches("<path class=\"mark s1\"").count(), 2, "{svg}");
        assert!(svg.contains("<title id=\"one-t\">a &amp; b</title>"), "{svg}");
        assert!(svg.contains("&lt;ms&gt;") && !svg.contains("NaN"), "{svg}");
        plot.series = vec![series(Vec::new())];
        assert_eq!(plot.svg("one"), None);
    }

    #[test]
    fn bars_go_either_way_from_zero() {
        let bar = |value: f64| Bar { style: 0, value, interval: None, label: format!("{value}") };
        let bars = |values: &[f64]| Bars {
            title: String::new(),
            description: String::new(),
            groups: vec![Group {
                name: "x".to_owned(),
                bars: values.iter().map(|value| bar(*value)).collect(),
            }],
        };
        let svg = bars(&[-1.0, 2.0]).svg("b").unwrap();
        let starts: Vec<f64> = svg
            .split("<rect class=\"bar s0\" x=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next()?.parse().ok())
            .collect();
        assert!(starts[0] < starts[1], "{starts:?}");
        assert!(svg.contains("text-anchor=\"end\""), "{svg}");
        assert!(bars(&[0.0]).svg("b").is_some());
        assert!(bars(&[]).svg("b").is_none());
    }
}
