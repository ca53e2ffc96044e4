//! Times in questions: what they ask for, and what that comes to in a search.

use anyhow::Result;
use jiff::tz::TimeZone;
use ragged::{
    library::SearchRequest,
    memory::PersonaMemory,
    ranking::TimeFavour,
    settings::Settings,
    temporal::{
        expression::{Context, Kind, Period, Reading},
        question::{self, About, Effect},
    },
};

use super::super::command::time_in;
use crate::{cli::zone_of, wire};

/// How the time in a question was read.
#[derive(Clone, Debug)]
pub(crate) struct ReadTime {
    /// The words of the question that speak of time.
    pub(crate) words: String,
    /// The question without them.
    pub(crate) remaining: String,
    /// What the time is a time of: `document`, `interaction`, `fact`, `recent` or `old`.
    pub(crate) about: &'static str,
    /// `filter`, `favour`, or `none` where nothing is known of that time.
    pub(crate) effect: &'static str,
    pub(crate) period: Option<Period>,
    /// In which it is shown.
    zone: TimeZone,
    /// More about it, for people.
    pub(crate) note: Option<String>,
}

/// Reads the time in a question and narrows or orders the search by it. A period that was given
/// as a filter stands above it.
pub(super) fn read(
    request: &mut SearchRequest,
    remembered: Option<&PersonaMemory>,
    settings: &Settings,
) -> Result<Option<ReadTime>> {
    if !settings.search.reads_time || request.filter.period().is_some() {
        return Ok(None);
    }
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let context = Context { now_ms, zone: zone_of(&settings.memory)?, reading: Reading::Question };
    let Some(time) = question::read(&request.query, &context) else { return Ok(None) };
    let words: Vec<&str> =
        time.spans.iter().filter_map(|span| request.query.get(span.clone())).collect();
    let mut read = ReadTime {
        words: words.join(" … "),
        remaining: time.remaining.clone(),
        about: "document",
        effect: match time.effect {
            Effect::Filters => "filter",
            Effect::Favours => "favour",
        },
        period: time.period,
        zone: context.zone,
        note: None,
    };
    match time.about {
        About::DocumentTime => narrow(request, time.period, time.effect),
        About::Recent => {
            read.about = "recent";
            request.favour = Some(TimeFavour::Recent);
        }
        About::Old => {
            read.about = "old";
            request.favour = Some(TimeFavour::Old);
        }
        About::InteractionTime => {
            read.about = "interaction";
            let Some((remembered, period)) = remembered.zip(time.period) else {
                read.effect = "none";
                read.note = Some("memory is off, so what was asked then is not known".to_owned());
                return Ok(Some(read));
            };
            let paths = remembered.paths_found(period.start_ms, period.end_ms)?;
            if paths.is_empty() {
                read.effect = "none";
                read.note = Some("nothing that was found then is remembered".to_owned());
            } else {
                request.filter = request.filter.clone().with_exact_paths(&paths)?;
            }
        }
        About::FactValidity { subject } => {
            read.about = "fact";
            let known = match remembered {
                Some(remembered) => remembered.validity_of(&subject)?,
                None => None,
            };
            let Some((start_ms, end_ms)) = known else {
                read.effect = "none";
                read.note = Some(format!("no fact says when that was: {subject:?}"));
                return Ok(Some(read));
            };
            let kind = Kind::DateTimeRange;
            let period = Period { start_ms, end_ms: end_ms.unwrap_or(now_ms), kind };
            read.period = Some(period);
            narrow(request, Some(period), time.effect);
        }
    }
    if !time.remaining.trim().is_empty() {
        request.query = time.remaining;
    }
    Ok(Some(read))
}

fn narrow(request: &mut SearchRequest, period: Option<Period>, effect: Effect) {
    let Some(period) = period else { return };
    match effect {
        Effect::Filters => {
            let ns = |ms: i64| Some(ms.saturating_mul(1_000_000));
            request.filter =
                request.filter.clone().with_period(ns(period.start_ms), ns(period.end_ms));
        }
        Effect::Favours => {
            request.favour =
                Some(TimeFavour::Period { start_ms: period.start_ms, end_ms: period.end_ms });
        }
    }
}

impl ReadTime {
    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let period = self.period.map_or_else(String::new, |period| {
            let shown = |ms| time_in(ms, &self.zone);
            format!(", {} to {}", shown(period.start_ms), shown(period.end_ms))
        });
        let note = self.note.as_deref().map(|note| format!("; {note}")).unwrap_or_default();
        format!("{:?} read as {} time, {}{period}{note}", self.words, self.about, self.effect)
    }
}

impl From<&ReadTime> for wire::QuestionTime {
    fn from(read: &ReadTime) -> Self {
        Self {
            words: read.words.clone(),
            searched: read.remaining.clone(),
            about: read.about,
            effect: read.effect,
            start: read.period.map(|period| wire::moment(period.start_ms)),
            end: read.period.map(|period| wire::moment(period.end_ms)),
            note: read.note.clone(),
        }
    }
}
