//! Time in questions: "what did I read about tides last March", "my recent work".

use std::ops::Range;

use super::expression::{
    Context, Kind, Period, parse_tokens,
    token::{Token, tokens},
    word,
};

/// The time that a question speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeReading {
    /// Where the question speaks of it, in bytes, in order; usually one place.
    pub spans: Vec<Range<usize>>,
    /// The stretch of time; absent for [`About::FactValidity`], whose period a fact knows. Two
    /// times in one question give the stretch from the first to the last.
    pub period: Option<Period>,
    /// What the time is a time of.
    pub about: About,
    /// Whether the rest is left out or only comes later.
    pub effect: Effect,
    /// The question without the words of time, for retrieval.
    pub remaining: String,
}

/// What a time in a question is a time of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The document's own time.
    DocumentTime,
    /// When the person read, asked or searched.
    InteractionTime,
    /// While a fact about the person held: "when I was at Acme".
    FactValidity {
        /// Whom or what the fact is about, as written: `Acme`.
        subject: String,
    },
    /// "my recent work": the last thirty days.
    Recent,
    /// "my old notes": the older the better; its period ends a year ago.
    Old,
}

/// What a time in a question does to the candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What lies outside is left out.
    Filters,
    /// What lies inside comes first.
    Favours,
}

/// The time in a question, if it speaks of one. Read it in a [`Context`] with
/// [`Reading::Question`](super::expression::Reading::Question).
///
/// Words that have other meanings (`may`, `march`, `fall`, a bare year) count behind a preposition
/// only, and what is not surely a time is left in the question.
///
/// # Examples
///
/// ```
/// use ragged::temporal::expression::{Context, Reading};
/// use ragged::temporal::question::{About, Effect, read};
///
/// let context = Context {
///     now_ms: 1_795_423_421_000, // 2026-11-23
///     zone: jiff::tz::TimeZone::UTC,
///     reading: Reading::Question,
/// };
/// let time = read("what did I read about tides last March?", &context).unwrap();
/// assert_eq!(time.about, About::InteractionTime);
/// assert_eq!(time.effect, Effect::Filters);
/// assert_eq!(time.remaining, "what did I read about tides?");
/// assert_eq!(time.period.unwrap().start_ms, 1_772_323_200_000); // 2026-03-01
/// assert!(read("may I march through the fall of Rome", &context).is_none());
/// ```
pub fn read(question: &str, context: &Context) -> Option<TimeReading> {
    let t = tokens(question);
    let voice = Voice::of(&t);
    let mut reading = TimeReading {
        spans: Vec::new(),
        period: None,
        about: if voice.is_interaction { About::InteractionTime } else { About::DocumentTime },
        effect: Effect::Filters,
        remaining: String::new(),
    };
    let fact = fact(&t, question);
    let mut i = 0;
    while i < t.len() {
        let at_fact = fact.as_ref().filter(|fact| (fact.from..fact.to).contains(&i));
        if let Some(fact) = at_fact {
            i = fact.to;
        } else if let Some(found) = longest(&t, i, context, voice) {
            reading.add(&t, i, found.to, found.period, found.effect);
            i = found.to;
        } else {
            i += 1;
        }
    }
    if let Some(fact) = fact {
        reading.about = About::FactValidity { subject: fact.subject };
        reading.spans.extend(span(&t, fact.from, fact.to));
        reading.spans.sort_by_key(|span| span.start);
    } else if reading.period.is_none() {
        let (at, about, period) = age(&t, context.now_ms)?;
        reading.add(&t, at, at + 1, period, Effect::Favours);
        if !(about == About::Recent && voice.is_interaction) {
            reading.about = about;
        }
    }
    reading.remaining = without(question, &reading.spans);
    Some(reading)
}

impl TimeReading {
    /// Adds a time that was found; two make the stretch from the first to the last.
    fn add(&mut self, t: &[Token], from: usize, to: usize, period: Period, effect: Effect) {
        self.spans.extend(span(t, from, to));
        if effect == Effect::Favours {
            self.effect = Effect::Favours;
        }
        self.period = Some(match self.period {
            None => period,
            Some(other) => Period {
                start_ms: other.start_ms.min(period.start_ms),
                end_ms: other.end_ms.max(period.end_ms),
                kind: if other.kind == period.kind { other.kind } else { Kind::DateTimeRange },
            },
        });
    }
}

fn span(t: &[Token], from: usize, to: usize) -> Option<Range<usize>> {
    Some(t.get(from)?.span.start..t.get(to.checked_sub(1)?)?.span.end)
}

/// Who speaks of what.
#[derive(Clone, Copy, Debug)]
struct Voice {
    /// `did I read`, `I asked`: about what the person did here.
    is_interaction: bool,
    /// `did I`, `have we`: about what the person did at all.
    is_act: bool,
    /// It speaks of the person, or of documents.
    is_personal: bool,
}

const PERSONS: &[&str] = &["i", "we", "ive", "weve", "id"];

/// What a person has in a library.
const DOCUMENTS: &[&str] = &[
    "article",
    "articles",
    "book",
    "books",
    "code",
    "diary",
    "document",
    "documents",
    "docs",
    "draft",
    "drafts",
    "email",
    "emails",
    "entries",
    "entry",
    "file",
    "files",
    "ideas",
    "journal",
    "letter",
    "letters",
    "mail",
    "mails",
    "messages",
    "minutes",
    "note",
    "notebook",
    "notebooks",
    "notes",
    "paper",
    "papers",
    "photos",
    "plans",
    "post",
    "posts",
    "presentation",
    "project",
    "projects",
    "report",
    "reports",
    "research",
    "slides",
    "stuff",
    "thoughts",
    "work",
    "writing",
    "writings",
];

impl Voice {
    fn of(t: &[Token]) -> Self {
        const ASKING: &[&str] = &[
            "ask", "asked", "search", "searched", "query", "queried", "read", "look", "looked",
            "view", "viewed", "open", "opened", "browse", "browsed",
        ];
        const DONE: &[&str] =
            &["asked", "searched", "queried", "read", "looked", "viewed", "opened", "browsed"];
        const BETWEEN: &[&str] = &["ever", "already", "last", "just", "recently", "also", "have"];
        let mut voice = Self { is_interaction: false, is_act: false, is_personal: false };
        for (i, token) in t.iter().enumerate() {
            voice.is_personal |= token.is_word(PERSONS)
                || token.is_word(&["my", "our", "me", "us", "mine"])
                || token.is_word(DOCUMENTS);
            if !token.is_word(PERSONS) {
                continue;
            }
            let is_asked = i
                .checked_sub(1)
                .and_then(|before| t.get(before))
                .is_some_and(|before| before.is_word(&["did", "have", "had", "has"]));
            voice.is_act |= is_asked;
            let verb = t.iter().skip(i + 1).find(|token| !token.is_word(BETWEEN));
            let is_done = verb.is_some_and(|verb| verb.is_word(DONE));
            voice.is_act |= is_done;
            voice.is_interaction |=
                is_done || (is_asked && verb.is_some_and(|v| v.is_word(ASKING)));
        }
        voice
    }
}

/// A time in a question, up to a token.
struct Found {
    to: usize,
    period: Period,
    effect: Effect,
}

/// The most tokens of one time in a question.
const MAX_TOKENS: usize = 12;

const PREPOSITIONS: &[&str] = &[
    "in",
    "on",
    "at",
    "during",
    "from",
    "since",
    "before",
    "after",
    "until",
    "till",
    "between",
    "over",
    "throughout",
    "within",
    "for",
];

/// The longest time that begins at `i`, preposition included.
fn longest(t: &[Token], i: usize, context: &Context, voice: Voice) -> Option<Found> {
    let starts =
        |token: &Token| token.number().is_some() || token.word().is_some_and(is_word_of_time);
    if !t.get(i).is_some_and(starts) {
        return None;
    }
    let limit = t
        .iter()
        .skip(i)
        .take(MAX_TOKENS)
        .take_while(|token| starts(token) || token.is_sign(&['-', '/', '.', ':', ',', '~']))
        .count();
    (1..=limit).rev().find_map(|n| {
        let part = t.get(i..i + n)?;
        // A sentence may end in what looks like a part: `in 2021.`
        if part.last()?.is_sign(&['-', '/', '.', ':', ',', '~']) {
            return None;
        }
        let trust = trust(part, t.get(i + n), voice)?;
        let period = parse_tokens(part, context)?;
        let is_of_years = period.end_ms - period.start_ms > 4 * 366 * 86_400_000
            && period.start_ms != Period::EARLIEST_MS
            && period.end_ms != Period::LATEST_MS;
        // Before computers a year is what a question is about.
        if period.end_ms < 0 {
            return None;
        }
        let favours = trust == Effect::Favours || is_of_years || period.start_ms > context.now_ms;
        let effect = if favours { Effect::Favours } else { Effect::Filters };
        Some(Found { to: i + n, period, effect })
    })
}

fn is_word_of_time(name: &str) -> bool {
    // The single letters that stand for units in `7d` are words of their own here.
    (name.chars().count() > 2 && word::is_known(name))
        || matches!(
            name,
            "in" | "on" | "at" | "of" | "to" | "a" | "an" | "q" | "h" | "s" | "am" | "pm" | "so"
        )
        || word::is_part_of_holiday(name)
}

/// Words that can follow a time and do not make a name of it.
const FOLLOWERS: &[&str] = &[
    "about",
    "am",
    "and",
    "are",
    "as",
    "but",
    "by",
    "can",
    "concerning",
    "could",
    "did",
    "do",
    "does",
    "for",
    "from",
    "had",
    "has",
    "have",
    "how",
    "i",
    "in",
    "is",
    "it",
    "my",
    "of",
    "on",
    "or",
    "our",
    "regarding",
    "say",
    "said",
    "she",
    "he",
    "should",
    "that",
    "the",
    "they",
    "to",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "who",
    "why",
    "will",
    "with",
    "would",
    "you",
];

/// What a part does to the candidates if it is a time; nothing where it may mean something else.
fn trust(part: &[Token], next: Option<&Token>, voice: Voice) -> Option<Effect> {
    let preposition = part.first()?.word().filter(|word| PREPOSITIONS.contains(word));
    let core = part.get(usize::from(preposition.is_some())..)?;
    let core = if core.first()?.is_word(&["the"]) { core.get(1..)? } else { core };
    let first = core.first()?;
    let any = |words: &[&str]| core.iter().any(|token| token.is_word(words));
    let has = |is: &dyn Fn(&str) -> bool| core.iter().any(|token| token.word().is_some_and(is));
    // What stands for the present, what is counted ahead, and parts of what is not named.
    if any(&["now", "currently", "present", "same", "that", "moment", "later", "hence", "more"])
        || (core.len() == 1
            && first.word().is_some_and(word::is_unit)
            && !first.is_word(&["weekend"]))
        || any(&["eod", "eom", "eow", "eoy"])
        || (any(&["day", "days"]) && core.len() == 2 && !any(&["ago"]))
    {
        return None;
    }
    let is_which = |word: &str| {
        matches!(
            word,
            "this" | "last" | "next" | "past" | "previous" | "coming" | "upcoming" | "current"
        )
    };
    let has_which = has(&is_which);
    let has_year = core.iter().any(|token| {
        token.number().is_some_and(|number| {
            !number.is_ordinal
                && (1000..=2199).contains(&number.value)
                && matches!(number.n_digits, 0 | 4)
        })
    });
    let has_month = has(&word::is_month);
    let has_number = core.iter().any(|token| token.number().is_some());
    let has_part_of_day =
        has(&|word| matches!(word, "morning" | "afternoon" | "evening" | "night"));
    let named_in_year = has_month
        || has(&word::is_season)
        || has(&|word| matches!(word, "q" | "quarter" | "h" | "half"))
        || word::starts_with_holiday(core);
    let is_whole_date = {
        let numbers = core.iter().filter(|token| token.number().is_some()).count();
        (has_year && numbers == 3 && !has_which)
            || core.iter().any(|token| token.number().is_some_and(|number| number.n_digits == 8))
    };
    // `last minute changes`, `a split second`
    let is_short = any(&["second", "minute", "hour"]) && !any(&["ago"]);
    if is_short {
        return None;
    }
    let counted_ahead = preposition == Some("in") && has_number && has(&word::is_unit);
    let is_sure = any(&["ago"])
        || any(&["yesterday"])
        || (has_which && !is_only_part(core))
        || (has_year && named_in_year)
        || is_whole_date
        || (any(&["so"]) && any(&["far"]))
        || (any(&["date"]) && any(&["year", "month"]));
    if is_sure {
        return Some(Effect::Filters);
    }
    if counted_ahead || has(&|word| matches!(word, "week" | "fortnight" | "century")) {
        return None;
    }
    let follows = next.is_none_or(|next| {
        next.word().is_some_and(|word| FOLLOWERS.contains(&word))
            || next.is_sign(&['?', '.', ',', '!', ';', ':', ')', '"'])
    });
    // `the fall of Rome`, `the winter of our discontent`
    let is_owned = next.is_some_and(|next| next.is_word(&["of"]));
    if !follows || is_owned {
        return None;
    }
    let ends = next.is_none_or(|next| next.word().is_none());
    let is_day = any(&["today", "tonight", "tomorrow"]);
    let weekday = has(&word::is_weekday);
    let is_feast = word::starts_with_holiday(core) || any(&["weekend"]);
    let allowed: &[&str] = if is_day {
        &["from", "since", "before", "until", "till", "between"]
    } else if is_feast {
        &["at", "over", "on", "during", "since", "before", "after", "from", "between"]
    } else if weekday
        || (has_month && has_number && !has_year)
        || (has_number && !has_year && !has_quarter(core))
    {
        &["on", "from", "since", "before", "after", "until", "till", "between"]
    } else {
        &[
            "in",
            "during",
            "from",
            "since",
            "before",
            "after",
            "until",
            "till",
            "between",
            "throughout",
        ]
    };
    let is_led = preposition.is_some_and(|word| allowed.contains(&word));
    let is_said = voice.is_act && (is_day || (weekday && ends));
    if has_part_of_day && !weekday && !is_day {
        return None;
    }
    // A number alone is a time of day or a count; `on 5` names no day.
    let is_named = has_month
        || has_year
        || weekday
        || is_day
        || is_feast
        || has(&word::is_season)
        || has(&word::is_decade)
        || has_quarter(core)
        || core.iter().any(|token| token.is_word(&["s"]));
    if !is_named || !(is_led || is_said) {
        return None;
    }
    let is_bare_year = has_year && core.len() <= 2;
    Some(if voice.is_personal || is_bare_year || is_day {
        Effect::Filters
    } else {
        Effect::Favours
    })
}

fn has_quarter(core: &[Token]) -> bool {
    core.iter().any(|token| token.is_word(&["q", "quarter"]))
}

/// `this last`: nothing but words that say which.
fn is_only_part(core: &[Token]) -> bool {
    core.iter().all(|token| token.is_word(&["this", "last", "next", "past", "previous"]))
}

/// A clause that says when by what was so.
struct Fact {
    from: usize,
    to: usize,
    subject: String,
}

/// `when I was at Acme`, `while I worked for Acme`, `during my time at Acme`.
fn fact(t: &[Token], question: &str) -> Option<Fact> {
    const LINKS: &[&str] = &["at", "in", "for", "with", "on", "as", "a", "an", "under"];
    const STATES: &[&str] = &[
        "was",
        "were",
        "worked",
        "lived",
        "studied",
        "taught",
        "interned",
        "served",
        "stayed",
        "working",
        "living",
        "studying",
        "teaching",
        "interning",
        "employed",
    ];
    const TIMES: &[&str] =
        &["time", "years", "days", "stint", "internship", "job", "tenure", "stay"];
    const ENDS: &[&str] = &[
        "what", "which", "who", "how", "where", "why", "did", "do", "does", "is", "are", "i", "we",
        "about", "when", "while", "last", "this", "that",
    ];
    let is = |i: usize, words: &[&str]| t.get(i).is_some_and(|token| token.is_word(words));
    (0..t.len()).find_map(|from| {
        let mut next = from + 1;
        if is(from, &["when", "while"]) && is(next, &["i", "we"]) {
            next += 1;
            let states = t.iter().skip(next).take_while(|token| token.is_word(STATES)).count();
            if states == 0 {
                return None;
            }
            next += states;
        } else if is(from, &["during", "in", "from"])
            && is(next, &["my", "our"])
            && is(next + 1, TIMES)
        {
            next += 2;
        } else {
            return None;
        }
        if !is(next, LINKS) {
            return None;
        }
        next += t.iter().skip(next).take_while(|token| token.is_word(LINKS)).count();
        next += usize::from(is(next, &["the", "a", "an"]));
        let n = t
            .iter()
            .skip(next)
            .take_while(|token| {
                !token.is_word(ENDS)
                    && (token.glued && token.is_sign(&['-', '&', '.', '/', '+', '#'])
                        || token.word().is_some()
                        || token
                            .number()
                            .is_some_and(|number| !(1900..2100).contains(&number.value)))
            })
            .count();
        let mut to = next + n;
        // A full stop ends the sentence, not the name.
        while to > next && t.get(to - 1).is_some_and(|token| token.is_sign(&['.', '-', '/'])) {
            to -= 1;
        }
        while to > next && is(to - 1, PREPOSITIONS) {
            to -= 1;
        }
        let subject = question.get(span(t, next, to)?)?.to_owned();
        (to > next).then_some(Fact { from, to, subject })
    })
}

const DAY_MS: i64 = 86_400_000;

/// `my recent work`, `lately`; `my old notes`.
fn age(t: &[Token], now_ms: i64) -> Option<(usize, About, Period)> {
    let before = |i: usize, n: usize| i.checked_sub(n).and_then(|at| t.get(at));
    t.iter().enumerate().find_map(|(i, token)| {
        let at_the = before(i, 1).is_some_and(|token| token.is_word(&["the"]))
            && before(i, 2).is_some_and(|token| token.is_word(&["at"]));
        if token.is_word(&["recent", "recently", "lately", "latest", "newest"]) && !at_the {
            let period = Period {
                start_ms: now_ms.saturating_sub(30 * DAY_MS),
                end_ms: now_ms.saturating_add(1),
                kind: Kind::DateTimeRange,
            };
            return Some((i, About::Recent, period));
        }
        let is_mine =
            (1..=2).any(|n| before(i, n).is_some_and(|token| token.is_word(&["my", "our"])));
        let is_document =
            (1..=3).any(|n| t.get(i + n).is_some_and(|token| token.is_word(DOCUMENTS)));
        if token.is_word(&["old", "older", "oldest", "earliest"]) && is_mine && is_document {
            let period = Period {
                start_ms: Period::EARLIEST_MS,
                end_ms: now_ms.saturating_sub(365 * DAY_MS),
                kind: Kind::DateTimeRange,
            };
            return Some((i, About::Old, period));
        }
        None
    })
}

/// A question without some of its parts, and without the gaps that they leave.
fn without(question: &str, spans: &[Range<usize>]) -> String {
    let mut kept = String::with_capacity(question.len());
    let mut at = 0;
    for span in spans {
        kept.push_str(question.get(at..span.start).unwrap_or_default());
        kept.push(' ');
        at = span.end.max(at);
    }
    kept.push_str(question.get(at..).unwrap_or_default());
    let mut tidy = String::with_capacity(kept.len());
    for word in kept.split_whitespace() {
        let is_sign = word.chars().all(|c| matches!(c, '?' | '.' | ',' | '!' | ';' | ':'));
        if is_sign && (tidy.is_empty() || tidy.ends_with([',', ';', ':'])) {
            continue;
        }
        if !tidy.is_empty() && !is_sign {
            tidy.push(' ');
        }
        tidy.push_str(word);
    }
    tidy.trim_matches([' ', ',', ';', ':']).to_owned()
}

#[cfg(test)]
mod tests;
