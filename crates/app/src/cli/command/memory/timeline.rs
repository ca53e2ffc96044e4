//! When things were asked: timelines, trends, comparisons.

use std::{fs::File, io::Write as _, path::Path};

use anyhow::{Context as _, Result};
use console::style;
use jiff::{Timestamp, Zoned, tz::TimeZone};
use ragged::{
    memory::{
        PersonaMemory,
        interest::Trend,
        timeline::{
            Activity, Bucket, FirstSeen, Occurrence, PeriodComparison, Timeline, TopicCount,
            TopicEvolution, TrendChange, Trending,
        },
    },
    temporal::{
        expression::{self, Period, Reading},
        window::{Granularity, MAX_WINDOW_DAYS, Window},
    },
};

use super::{super::search, bar::Signs};
use crate::{
    Usage,
    cli::{
        Session,
        args::memory::{self as args, OfPersona, SpanArgs, TimelineCommand},
        command::joined,
        printer::{Printer, counted, table, thousands, visible, word},
    },
    config,
    failure::Outcome,
    wire,
};

/// Days of a period that nothing is said about.
const DEFAULT_DAYS: u32 = 30;
/// Topics that a comparison shows; JSON has all.
const SHOWN_TOPICS: usize = 20;
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

pub(crate) fn run(command: &TimelineCommand, of: &OfPersona, session: &Session) -> Result<Outcome> {
    let memory = session.memory_to_read(of.passphrase_file.as_deref())?;
    let (persona, remembered) = Session::remembered(&memory, of.persona.as_deref())?;
    let zone = remembered.config().zone.clone();
    let view = View {
        of: wire::timeline::Of {
            persona: persona.name.as_str().to_owned(),
            zone: zone.iana_name().unwrap_or("unknown").to_owned(),
        },
        remembered: &remembered,
        signs: if config::is_ascii_terminal() { Signs::Ascii } else { Signs::Unicode },
        printer: &session.printer,
        zone,
    };
    match command {
        TimelineCommand::Timeline { span, granularity, visual } => {
            let found = remembered.timeline(view.span(span)?, granularity_of(*granularity))?;
            view.timeline(&found, *visual)
        }
        TimelineCommand::Activity { period, detailed, export } => {
            let found = remembered.activity(view.period("--period", period)?)?;
            view.activity(&found, *detailed, export.as_deref())
        }
        TimelineCommand::Trending { window, least } => {
            let window = view.window(window)?;
            let found = remembered.trending(window, least.min_queries)?;
            view.trending(window, &found, least.min_queries)
        }
        TimelineCommand::TrendingCompare { periods, least } => {
            let (a, b) = view.two(periods)?;
            let found = remembered.trending_compare(a, b, least.min_queries)?;
            view.trending_compare((a, b), &found, least.min_queries)
        }
        TimelineCommand::FirstSeen { topic } => {
            let key = remembered.topic_named(topic)?;
            view.first_seen(topic, remembered.first_seen(&key)?.as_ref())
        }
        TimelineCommand::TopicEvolution { topic, since, visual } => {
            let since = since
                .as_deref()
                .map(|text| search::moment_in("--since", text, &view.zone, search::End::Beginning));
            let key = remembered.topic_named(&joined(topic))?;
            let found = remembered.topic_evolution(&key, since.transpose()?)?;
            view.evolution(&found, *visual)
        }
        TimelineCommand::ComparePeriods { periods } => {
            let (a, b) = view.two(periods)?;
            view.compare_periods(&remembered.compare_periods(a, b)?)
        }
        TimelineCommand::CompareTopics { topics, window } => {
            let window = view.window(window)?;
            let named = topics.iter().map(|topic| topic.trim()).filter(|topic| !topic.is_empty());
            let keys: Vec<String> =
                named.map(|topic| remembered.topic_named(topic)).collect::<Result<_, _>>()?;
            if keys.is_empty() {
                return Err(Usage::new("--topics names no topic")
                    .with_hint("write names with commas between them: --topics tides,moon")
                    .into());
            }
            view.compare_topics(window, &remembered.compare_topics(&keys, window)?)
        }
    }
}

fn granularity_of(granularity: args::Granularity) -> Granularity {
    match granularity {
        args::Granularity::Hour => Granularity::Hour,
        args::Granularity::Day => Granularity::Day,
        args::Granularity::Week => Granularity::Week,
        args::Granularity::Month => Granularity::Month,
    }
}

/// What is looked at, and how it is shown.
struct View<'a> {
    of: wire::timeline::Of,
    remembered: &'a PersonaMemory,
    signs: Signs,
    printer: &'a Printer,
    zone: TimeZone,
}

impl View<'_> {
    fn span(&self, span: &SpanArgs) -> Result<Window> {
        if let Some(period) = &span.period {
            return self.period("--period", period);
        }
        let moment = |flag, text: &Option<String>, end| {
            text.as_deref().map(|text| search::moment_in(flag, text, &self.zone, end)).transpose()
        };
        let since_ms = moment("--since", &span.since, search::End::Beginning)?;
        let until_ms = moment("--until", &span.until, search::End::End)?;
        if let (Some(since), Some(until)) = (since_ms, until_ms)
            && since >= until
        {
            return Err(Usage::new("--since is after --until: the period ends before it begins")
                .with_hint("exchange the beginning and the end")
                .into());
        }
        Ok(match (since_ms, until_ms) {
            (None, None) => self.remembered.last_days(DEFAULT_DAYS),
            (Some(since_ms), until_ms) => {
                let end_ms = until_ms.unwrap_or(self.remembered.last_days(1).end_ms);
                Window::new(since_ms, end_ms).map_err(Usage::from)?
            }
            (None, Some(until_ms)) => {
                // The thirty days that end then.
                let days = Window::last_days(until_ms.saturating_sub(1), DEFAULT_DAYS, &self.zone);
                Window::new(days.start_ms, until_ms).map_err(Usage::from)?
            }
        })
    }

    /// The same for how far to look back, of which none is less than nothing.
    fn window(&self, text: &str) -> Result<Window> {
        let trimmed = text.trim();
        if let Some(length) = trimmed.strip_prefix('-') {
            return Err(Usage::new(format!("--window: {trimmed:?} is less than nothing"))
                .with_hint(format!("--window {} looks that far back", word(length.trim())))
                .into());
        }
        self.period("--window", text)
    }

    /// A period in words. One without a beginning begins with the first question, one without an
    /// end ends with today; `7d` are seven days, today the last of them.
    fn period(&self, flag: &str, text: &str) -> Result<Window> {
        if let Some(n_days) = n_days(text) {
            return Ok(self.remembered.last_days(n_days));
        }
        let context = expression::Context {
            now_ms: Zoned::now().timestamp().as_millisecond(),
            zone: self.zone.clone(),
            reading: Reading::Question,
        };
        let usage = |error| Usage::from(error).within(flag);
        let period = expression::parse(text, &context).map_err(usage)?;
        let today = self.remembered.last_days(1);
        let end_ms = if period.end_ms == Period::LATEST_MS {
            today.end_ms.max(period.start_ms)
        } else {
            period.end_ms
        };
        let start_ms = if period.start_ms == Period::EARLIEST_MS {
            self.remembered.counts()?.first_ms.unwrap_or(today.start_ms).min(end_ms)
        } else {
            period.start_ms
        };
        Ok(Window::new(start_ms, end_ms).map_err(usage)?)
    }

    fn two(&self, periods: &args::TwoPeriods) -> Result<(Window, Window)> {
        let a = self.period("--period-a", &periods.period_a)?;
        Ok((a, self.period("--period-b", &periods.period_b)?))
    }

    fn shown(&self, unix_ms: i64, format: &str) -> String {
        Timestamp::from_millisecond(unix_ms)
            .map(|time| time.to_zoned(self.zone.clone()).strftime(format).to_string())
            .unwrap_or_default()
    }

    fn date(&self, unix_ms: i64) -> String {
        self.shown(unix_ms, "%a %Y-%m-%d")
    }

    fn label(&self, window: Window, granularity: Granularity) -> String {
        match granularity {
            Granularity::Hour => self.shown(window.start_ms, "%a %Y-%m-%d %H:%M %:z"),
            Granularity::Day => self.date(window.start_ms),
            Granularity::Week => self.shown(window.start_ms, "%G-W%V %a %Y-%m-%d"),
            Granularity::Month => self.shown(window.start_ms, "%Y-%m"),
        }
    }

    /// `Mon 2026-03-02 to Sun 2026-03-08`: both days included.
    fn range(&self, window: Window) -> String {
        if window.is_empty() {
            return format!("{}, no time at all", self.date(window.start_ms));
        }
        let (first, last) = (self.date(window.start_ms), self.date(window.end_ms - 1));
        if first == last { first } else { format!("{first} to {last}") }
    }

    fn heading(&self, window: Window) -> Result<()> {
        let heading = format!("{}, {}", visible(&self.of.persona), self.range(window));
        self.printer.line(style(heading).bold().to_string())
    }

    /// Wide lines are cut for a person, never for a program.
    fn line(&self, line: &str) -> Result<()> {
        let line = line.trim_end();
        if self.printer.is_terminal() {
            self.printer.line(console::truncate_str(line, self.printer.width(), "…"))
        } else {
            self.printer.line(line)
        }
    }

    fn buckets(&self, buckets: &[Bucket], granularity: Granularity, visual: bool) -> Result<()> {
        let peak = buckets.iter().map(|bucket| bucket.n_interactions).max().unwrap_or(0);
        if !visual {
            let mut rows = table(self.printer, &["when", "questions", "topics"]);
            for bucket in buckets {
                rows.add_row([
                    self.label(bucket.window, granularity),
                    thousands(bucket.n_interactions),
                    names(&bucket.topics),
                ]);
            }
            return self.printer.line(rows.trim_fmt());
        }
        let width = thousands(peak).len();
        for bucket in buckets {
            let bar = style(self.signs.bar(bucket.n_interactions, peak)).cyan();
            self.line(&format!(
                "{}  {bar}  {:>width$}  {}",
                self.label(bucket.window, granularity),
                thousands(bucket.n_interactions),
                names(&bucket.topics),
            ))?;
        }
        Ok(())
    }

    fn timeline(&self, found: &Timeline, visual: bool) -> Result<Outcome> {
        if self.printer.is_json() {
            let value = wire::timeline::Timeline::new(self.of.clone(), found, &self.zone);
            self.printer.json(&value)?;
            return Ok(Outcome::Done);
        }
        self.heading(found.window)?;
        self.buckets(&found.buckets, found.granularity, visual)?;
        let peak = found.peak.and_then(|idx| found.buckets.get(idx));
        let peak =
            peak.map(|bucket| self.at(bucket.window, found.granularity, bucket.n_interactions));
        self.figures(found.n_interactions, found.daily_mean, peak.as_deref())?;
        Ok(Outcome::Done)
    }

    /// `12 on Mon 2026-03-02`, `12 in 2026-03`.
    fn at(&self, window: Window, granularity: Granularity, count: u64) -> String {
        let preposition = match granularity {
            Granularity::Hour => "at",
            Granularity::Day => "on",
            Granularity::Week | Granularity::Month => "in",
        };
        format!("{} {preposition} {}", thousands(count), self.label(window, granularity))
    }

    fn figures(&self, total: u64, daily_mean: f64, peak: Option<&str>) -> Result<()> {
        self.printer.line(format!("total  {}", thousands(total)))?;
        // A few in a year are not none.
        let decimals = if daily_mean > 0.0 && daily_mean < 1.0 { 2 } else { 1 };
        self.printer.line(format!("mean   {daily_mean:.decimals$} a day"))?;
        self.printer.line(format!("peak   {}", peak.unwrap_or("none")))
    }

    fn activity(&self, found: &Activity, detailed: bool, export: Option<&Path>) -> Result<Outcome> {
        let value = wire::timeline::Activity::new(self.of.clone(), found, &self.zone);
        if let Some(path) = export {
            write_new(path, &serde_json::to_string_pretty(&value)?)?;
            self.printer.note(format!("written to {}", visible(&path.display().to_string())));
        }
        if self.printer.is_json() {
            self.printer.json(&value)?;
            return Ok(Outcome::Done);
        }
        let summary = &found.summary;
        self.heading(summary.window)?;
        let peak = summary.peak.map(|(window, count)| self.at(window, Granularity::Day, count));
        self.figures(summary.n_interactions, summary.daily_mean, peak.as_deref())?;
        let kinds: Vec<String> =
            found.kinds.iter().map(|(kind, n)| format!("{} {kind}", thousands(*n))).collect();
        for (label, value) in [
            (
                "before",
                format!("{}, {}", thousands(found.n_preceding), self.range(found.preceding)),
            ),
            (
                "days",
                format!(
                    "{} with questions, of {:.0}",
                    thousands(summary.n_active_days),
                    summary.n_days.ceil()
                ),
            ),
            ("in", counted(summary.n_sessions, "session", "sessions")),
            ("with", kinds.join(", ")),
            ("found", format!("{} good, {} bad", found.n_good, found.n_bad)),
            ("topics", numbered(&found.topics)),
            ("new", numbered(&found.new_topics)),
        ] {
            if !value.is_empty() {
                self.printer.line(format!("{label:<6} {value}"))?;
            }
        }
        if detailed {
            let longest = found.hours.iter().max().copied().unwrap_or(0);
            for (hour, count) in found.hours.iter().enumerate() {
                let bar = style(self.signs.bar(*count, longest)).cyan();
                self.line(&format!("{hour:02}:00  {bar}  {}", thousands(*count)))?;
            }
            let longest = found.weekdays.iter().max().copied().unwrap_or(0);
            for (weekday, count) in WEEKDAYS.iter().zip(found.weekdays) {
                let bar = style(self.signs.bar(count, longest)).cyan();
                self.line(&format!("{weekday}    {bar}  {}", thousands(count)))?;
            }
            self.buckets(&found.days, Granularity::Day, true)?;
        }
        Ok(Outcome::Done)
    }

    fn trend(&self, trend: Option<&Trend>) -> String {
        trend.map_or_else(
            || "too few questions".to_owned(),
            |trend| {
                format!(
                    "{} {} {:+.2}, confidence {:.2}",
                    self.signs.arrow(trend.direction),
                    wire::timeline::direction(trend.direction),
                    trend.score,
                    trend.confidence
                )
            },
        )
    }

    /// The same for a narrow column, with the confidence in brackets.
    fn short_trend(&self, trend: Option<&Trend>) -> String {
        trend.map_or_else(
            || "too few questions".to_owned(),
            |trend| {
                format!(
                    "{} {} {:+.2} ({:.2})",
                    self.signs.arrow(trend.direction),
                    wire::timeline::direction(trend.direction),
                    trend.score,
                    trend.confidence
                )
            },
        )
    }

    fn trending(&self, window: Window, found: &[Trending], min_queries: u64) -> Result<Outcome> {
        if self.printer.is_json() {
            self.printer.json(&wire::timeline::Trending {
                of: self.of.clone(),
                window: wire::timeline::Window::new(window, &self.zone),
                min_queries,
                topics: found.iter().map(wire::timeline::TrendingTopic::from).collect(),
            })?;
            return Ok(Outcome::Done);
        }
        self.heading(window)?;
        if found.is_empty() {
            self.printer.line(format!("No topic has {min_queries} questions there."))?;
            return Ok(Outcome::Done);
        }
        let mut rows = table(self.printer, &["topic", "questions", "trend (confidence)"]);
        for Trending { topic, trend } in found {
            rows.add_row([
                visible(&topic.name).into_owned(),
                thousands(topic.n_queries),
                self.short_trend(Some(trend)),
            ]);
        }
        self.printer.line(rows.trim_fmt())?;
        Ok(Outcome::Done)
    }

    fn trending_compare(
        &self,
        (a, b): (Window, Window),
        found: &[TrendChange],
        min_queries: u64,
    ) -> Result<Outcome> {
        if self.printer.is_json() {
            self.printer.json(&wire::timeline::TrendingComparison {
                of: self.of.clone(),
                period_a: wire::timeline::Window::new(a, &self.zone),
                period_b: wire::timeline::Window::new(b, &self.zone),
                min_queries,
                topics: found.iter().map(wire::timeline::TrendChange::from).collect(),
            })?;
            return Ok(Outcome::Done);
        }
        self.printer.line(format!("a  {}", self.range(a)))?;
        self.printer.line(format!("b  {}", self.range(b)))?;
        if found.is_empty() {
            self.printer.line(format!("No topic has {min_queries} questions in either."))?;
            return Ok(Outcome::Done);
        }
        let mut rows = table(self.printer, &["topic", "a", "trend in a", "b", "trend in b"]);
        for topic in found.iter().take(SHOWN_TOPICS) {
            rows.add_row([
                visible(&topic.name).into_owned(),
                thousands(topic.n_a),
                self.short_trend(topic.a.as_ref()),
                thousands(topic.n_b),
                self.short_trend(topic.b.as_ref()),
            ]);
        }
        self.printer.line(rows.trim_fmt())?;
        self.note_rest(found.len());
        Ok(Outcome::Done)
    }

    fn note_rest(&self, n_topics: usize) {
        if n_topics > SHOWN_TOPICS {
            self.printer
                .note(format!("{SHOWN_TOPICS} of {n_topics} topics; `--format json` has all"));
        }
    }

    fn first_seen(&self, topic: &str, found: Option<&FirstSeen>) -> Result<Outcome> {
        let Some(found) = found else {
            let error = crate::Hinted::new(
                format!("{:?} never came up", visible(topic)),
                "`ragged memory topics --all` lists what did".to_owned(),
            );
            return Err(anyhow::Error::new(error));
        };
        if self.printer.is_json() {
            let value = wire::timeline::FirstSeen::new(self.of.clone(), found, &self.zone);
            self.printer.json(&value)?;
            return Ok(Outcome::Done);
        }
        self.printer.line(style(visible(&found.name)).bold().to_string())?;
        let line = |label: &str, occurrence: &Occurrence| {
            self.line(&format!(
                "{label}  {}  {}  {}",
                self.shown(occurrence.timestamp_ms, "%a %Y-%m-%d %H:%M"),
                super::super::short_id(&occurrence.interaction_id),
                visible(&occurrence.query)
            ))
        };
        line("met  ", &found.met)?;
        match &found.asked {
            Some(asked) => line("asked", asked)?,
            None => self.printer.line("asked  never")?,
        }
        Ok(Outcome::Done)
    }

    fn evolution(&self, found: &TopicEvolution, visual: bool) -> Result<Outcome> {
        if self.printer.is_json() {
            self.printer.json(&wire::timeline::TopicEvolution {
                of: self.of.clone(),
                window: wire::timeline::Window::new(found.window, &self.zone),
                granularity: found.granularity.as_str(),
                topic: wire::timeline::TopicSeries::new(found, &self.zone),
            })?;
            return Ok(Outcome::Done);
        }
        let heading = format!("{}, {}", visible(&found.topic.name), self.range(found.window));
        self.printer.line(style(heading).bold().to_string())?;
        self.series(found, visual)?;
        let peak = found.peak.and_then(|idx| found.buckets.get(idx));
        let peak = peak.map(|(window, count)| self.at(*window, found.granularity, *count));
        self.figures(found.topic.n_queries, found.daily_mean, peak.as_deref())?;
        self.printer.line(format!("trend  {}", self.trend(found.trend.as_ref())))?;
        let first = found.first_asked_ms.map_or_else(|| "never".to_owned(), |ms| self.date(ms));
        self.printer.line(format!("first  {first}"))?;
        Ok(Outcome::Done)
    }

    fn series(&self, found: &TopicEvolution, visual: bool) -> Result<()> {
        if !visual {
            let mut rows = table(self.printer, &["when", "questions"]);
            for (window, count) in &found.buckets {
                rows.add_row([self.label(*window, found.granularity), thousands(*count)]);
            }
            return self.printer.line(rows.trim_fmt());
        }
        let longest = found.buckets.iter().map(|(_, count)| *count).max().unwrap_or(0);
        let width = thousands(longest).len();
        let mut before = None;
        for (idx, (window, count)) in found.buckets.iter().enumerate() {
            let bar = style(self.signs.bar(*count, longest)).cyan();
            let step = self.signs.step(before.unwrap_or(*count), *count);
            let peak = if found.peak == Some(idx) { self.signs.peak() } else { "" };
            let label = self.label(*window, found.granularity);
            self.line(&format!("{label}  {bar}  {:>width$}  {step} {peak}", thousands(*count)))?;
            before = Some(*count);
        }
        Ok(())
    }

    fn compare_periods(&self, found: &PeriodComparison) -> Result<Outcome> {
        if self.printer.is_json() {
            let value = wire::timeline::PeriodComparison::new(self.of.clone(), found, &self.zone);
            self.printer.json(&value)?;
            return Ok(Outcome::Done);
        }
        let mut rows = table(self.printer, &["", "a", "b"]);
        let (a, b) = (&found.a, &found.b);
        let peak = |peak: Option<(Window, u64)>| {
            peak.map_or_else(
                || "none".to_owned(),
                |(window, count)| self.at(window, Granularity::Day, count),
            )
        };
        for (label, of_a, of_b) in [
            ("period", self.range(a.window), self.range(b.window)),
            ("questions", thousands(a.n_interactions), thousands(b.n_interactions)),
            ("a day", format!("{:.1}", a.daily_mean), format!("{:.1}", b.daily_mean)),
            ("peak", peak(a.peak), peak(b.peak)),
            ("days with questions", thousands(a.n_active_days), thousands(b.n_active_days)),
            ("sessions", thousands(a.n_sessions), thousands(b.n_sessions)),
            ("topics", thousands(a.n_topics), thousands(b.n_topics)),
        ] {
            rows.add_row([label.to_owned(), of_a, of_b]);
        }
        self.printer.line(rows.trim_fmt())?;
        if found.topics.is_empty() {
            return Ok(Outcome::Done);
        }
        let mut rows = table(self.printer, &["topic", "a", "b", "change a day"]);
        for topic in found.topics.iter().take(SHOWN_TOPICS) {
            rows.add_row([
                visible(&topic.name).into_owned(),
                thousands(topic.n_a),
                thousands(topic.n_b),
                format!("{:+.2}", topic.change_a_day),
            ]);
        }
        self.printer.line(rows.trim_fmt())?;
        self.note_rest(found.topics.len());
        Ok(Outcome::Done)
    }

    fn compare_topics(&self, window: Window, found: &[TopicEvolution]) -> Result<Outcome> {
        if self.printer.is_json() {
            let of = self.of.clone();
            let value = wire::timeline::TopicComparison::new(of, window, found, &self.zone);
            self.printer.json(&value)?;
            return Ok(Outcome::Done);
        }
        self.heading(window)?;
        let longest = found.iter().map(|topic| topic.topic.n_queries).max().unwrap_or(0);
        let mut rows = table(
            self.printer,
            &["topic", "", "questions", "peak", "trend (confidence)", "first asked"],
        );
        for topic in found {
            let peak = topic.peak.and_then(|idx| topic.buckets.get(idx));
            rows.add_row([
                visible(&topic.topic.name).into_owned(),
                self.signs.bar(topic.topic.n_queries, longest),
                thousands(topic.topic.n_queries),
                peak.map_or_else(String::new, |(window, count)| {
                    self.at(*window, topic.granularity, *count)
                }),
                self.short_trend(topic.trend.as_ref()),
                topic.first_asked_ms.map_or_else(|| "never".to_owned(), |ms| self.date(ms)),
            ]);
        }
        self.printer.line(rows.trim_fmt())?;
        Ok(Outcome::Done)
    }
}

/// The days of `7d`, `-7d` and `2w`.
fn n_days(text: &str) -> Option<u32> {
    let text = text.trim();
    let text = text.strip_prefix('-').unwrap_or(text);
    let (digits, days) = match (text.strip_suffix('d'), text.strip_suffix('w')) {
        (Some(digits), _) => (digits, 1),
        (_, Some(digits)) => (digits, 7),
        _ => return None,
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let n_days = digits.parse::<u32>().ok()?.checked_mul(days)?;
    (1..=MAX_WINDOW_DAYS).contains(&n_days).then_some(n_days)
}

fn names(topics: &[TopicCount]) -> String {
    let names: Vec<_> = topics.iter().map(|topic| visible(&topic.name)).collect();
    names.join(", ")
}

fn numbered(topics: &[TopicCount]) -> String {
    let names: Vec<String> = topics
        .iter()
        .map(|topic| format!("{} ({})", visible(&topic.name), thousands(topic.n_queries)))
        .collect();
    names.join(", ")
}

/// Writes a file that was not there; what is private, so that its owner alone can read it.
fn write_new(path: &Path, text: &str) -> Result<()> {
    let what = || format!("writing {}", path.display());
    let mut file = File::create_new(path).with_context(what)?;
    let written = writeln!(file, "{text}").and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file helps nobody; that it cannot be removed is the smaller trouble.
        drop(std::fs::remove_file(path));
    }
    written.with_context(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_in_days_are_that_many_days() {
        for (text, expected) in [
            ("7d", Some(7)),
            ("-30d", Some(30)),
            (" 2w", Some(14)),
            ("1830d", Some(1830)),
            // The parser of times says what is wrong with these, or knows them.
            ("0d", None),
            ("9999d", None),
            ("4294967295w", None),
            ("--7d", None),
            ("+7d", None),
            ("5y", None),
            ("last week", None),
            ("d", None),
        ] {
            assert_eq!(n_days(text), expected, "{text}");
        }
    }
}
