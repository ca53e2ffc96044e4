//! What a typed line asks for.

use clap::ValueEnum as _;

use crate::{
    cli::args::{Filters, Mode},
    failure::{Usage, did_you_mean},
};

/// A line, understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    Nothing,
    Question(String),
    Help,
    /// `None` turns it over.
    Explain(Option<bool>),
    Search(String),
    More,
    /// `None` shows it.
    K(Option<u16>),
    Mode(Option<Mode>),
    Filter(Change),
    /// `None` shows them; no names are all.
    Collection(Option<Vec<String>>),
    Open(usize),
    Persona(Option<String>),
    Cache(CacheWish),
    Quit,
}

/// What to do about the caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CacheWish {
    Show,
    Clear,
}

/// What to do about the filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    Show,
    Lift,
    Set(Filters),
}

/// Every command: name, what follows it, what it does.
pub(super) const COMMANDS: [(&str, &str, &str); 12] = [
    ("/more", "", "the next passages for the last question"),
    ("/open", "N", "the whole passage that [N] cites"),
    ("/search", "QUERY", "passages instead of an answer"),
    ("/k", "N", "how many hits a question draws on"),
    ("/mode", "hybrid|vector|lexical", "which sides of the index are asked"),
    (
        "/filter",
        "path=GLOB type=TYPE since=TIME until=TIME",
        "only such files; `/filter off` lifts it, `/filter` shows it",
    ),
    ("/collection", "NAME… | all", "which collections are asked; alone it shows them"),
    ("/explain", "[on|off]", "plan, counts and parts of scores with every answer"),
    ("/persona", "[NAME]", "who is asking"),
    ("/cache", "[clear]", "what is kept in memory because it may be asked for again"),
    ("/help", "", "this list"),
    ("/quit", "", "end; Ctrl-D does too"),
];

impl Line {
    /// Understands a line. One that begins with a space is a question, whatever it says.
    pub(super) fn parse(line: &str) -> Result<Self, Usage> {
        let trimmed = line.trim();
        if !line.starts_with('/') {
            return Ok(match trimmed {
                "" => Self::Nothing,
                question => Self::Question(question.to_owned()),
            });
        }
        let (name, rest) = trimmed.split_once(char::is_whitespace).unwrap_or((trimmed, ""));
        let rest = rest.trim();
        let given = (!rest.is_empty()).then_some(rest);
        let usage = || {
            let arguments = COMMANDS.iter().find(|command| command.0 == name).map_or("", |c| c.1);
            Usage::new(format!("{name} does not take {rest:?}"))
                .with_hint(format!("write {}", format!("{name} {arguments}").trim_end()))
        };
        let alone = |line: Self| if given.is_none() { Ok(line) } else { Err(usage()) };
        match name {
            "/help" | "/?" => alone(Self::Help),
            "/more" => alone(Self::More),
            "/quit" | "/exit" => alone(Self::Quit),
            "/explain" => match given {
                None => Ok(Self::Explain(None)),
                Some("on") => Ok(Self::Explain(Some(true))),
                Some("off") => Ok(Self::Explain(Some(false))),
                Some(_) => Err(usage()),
            },
            "/search" => given.map(|query| Self::Search(query.to_owned())).ok_or_else(|| {
                Usage::new("there is nothing to search for").with_hint("write /search QUERY")
            }),
            "/k" => match given {
                None => Ok(Self::K(None)),
                Some(number) => match number.parse() {
                    Ok(k @ 1..=10_000) => Ok(Self::K(Some(k))),
                    _ => Err(Usage::new(format!("/k {number:?} is not a number of hits"))
                        .with_hint("write a number from 1 to 10000")),
                },
            },
            "/mode" => match given {
                None => Ok(Self::Mode(None)),
                Some(mode) => Mode::from_str(mode, true)
                    .map(|mode| Self::Mode(Some(mode)))
                    .map_err(|_| usage()),
            },
            "/filter" => match given {
                None => Ok(Self::Filter(Change::Show)),
                Some("off") => Ok(Self::Filter(Change::Lift)),
                Some(conditions) => filters(conditions).map(|set| Self::Filter(Change::Set(set))),
            },
            "/collection" => match given {
                None => Ok(Self::Collection(None)),
                Some("all") => Ok(Self::Collection(Some(Vec::new()))),
                Some(names) => words(names).map(|names| Self::Collection(Some(names))),
            },
            "/open" => given
                .map(|number| number.trim_start_matches('[').trim_end_matches(']'))
                .and_then(|number| number.parse().ok())
                .map(Self::Open)
                .ok_or_else(|| {
                    Usage::new("which passage should be opened?")
                        .with_hint("write /open N, with the number of a citation")
                }),
            "/cache" => match given {
                None => Ok(Self::Cache(CacheWish::Show)),
                Some("clear") => Ok(Self::Cache(CacheWish::Clear)),
                Some(_) => Err(usage()),
            },
            "/persona" => Ok(Self::Persona(given.map(str::to_owned))),
            _ => Err(Self::unknown(name)),
        }
    }

    fn unknown(name: &str) -> Usage {
        let hint = did_you_mean(name, COMMANDS.iter().map(|command| command.0), 0.8)
            .unwrap_or_else(|| {
                "/help lists the commands; begin with a space to ask it as it is".to_owned()
            });
        Usage::new(format!("there is no command {name}")).with_hint(hint)
    }
}

/// `path='a b/**' type=md,pdf since=7d`.
fn filters(conditions: &str) -> Result<Filters, Usage> {
    let mut filters = Filters::default();
    for condition in words(conditions)? {
        let (name, value) = condition.split_once('=').unwrap_or((&condition, ""));
        if value.is_empty() {
            return Err(Usage::new(format!("/filter {condition:?} is not a condition"))
                .with_hint("write path=GLOB type=TYPE since=TIME until=TIME, or off"));
        }
        let value = value.to_owned();
        match name {
            "path" => filters.paths.push(value),
            "type" => filters.types.extend(value.split(',').map(str::to_owned)),
            "since" => filters.since = Some(value),
            "until" => filters.until = Some(value),
            _ => {
                return Err(Usage::new(format!("/filter has no {name:?}"))
                    .with_hint("it has path, type, since and until"));
            }
        }
    }
    Ok(filters)
}

/// Words between spaces; quotes keep spaces.
fn words(text: &str) -> Result<Vec<String>, Usage> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None if c.is_whitespace() => words.push(String::new()),
            _ => words.last_mut().into_iter().for_each(|word| word.push(c)),
        }
    }
    if quote.is_some() {
        return Err(Usage::new("a quote is not closed").with_hint("write path='two words/**'"));
    }
    words.retain(|word| !word.is_empty());
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_questions_or_commands() {
        let parse = |line: &str| Line::parse(line).unwrap();
        assert_eq!(parse("  "), Line::Nothing);
        assert_eq!(parse(" /k 3"), Line::Question("/k 3".into()));
        assert_eq!(parse("when?\n"), Line::Question("when?".into()));
        assert_eq!(parse("/k 3"), Line::K(Some(3)));
        assert_eq!(parse("/k"), Line::K(None));
        assert_eq!(parse("/mode Lexical"), Line::Mode(Some(Mode::Lexical)));
        assert_eq!(parse("/open [2]"), Line::Open(2));
        assert_eq!(parse("/search a  b"), Line::Search("a  b".into()));
        assert_eq!(parse("/explain"), Line::Explain(None));
        assert_eq!(parse("/explain off"), Line::Explain(Some(false)));
        assert_eq!(parse("/filter off"), Line::Filter(Change::Lift));
        let Line::Filter(Change::Set(set)) = parse("/filter path='a b/**' type=md,pdf since=7d")
        else {
            panic!()
        };
        assert_eq!(
            (set.paths, set.types),
            (vec!["a b/**".into()], vec!["md".into(), "pdf".into()])
        );
        assert_eq!((set.since, set.until), (Some("7d".into()), None));
    }

    #[test]
    fn what_is_not_understood_says_what_to_write() {
        for (line, hint) in [
            ("/serch x", "/search"),
            ("/bananas", "/help"),
            ("/k 0", "10000"),
            ("/k many", "10000"),
            ("/mode fast", "hybrid|vector|lexical"),
            ("/open", "/open N"),
            ("/explain maybe", "[on|off]"),
            ("/quit now", "write /quit"),
            ("/filter path=", "GLOB"),
            ("/filter colour=red", "since"),
            ("/filter path='a", "two words"),
            ("/search ", "QUERY"),
        ] {
            let error = Line::parse(line).unwrap_err();
            assert!(error.hint().unwrap().contains(hint), "{line}: {error:?}");
        }
    }
}
