//! What is told apart: stages of a question, and the components that they belong to.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};

/// What profiling can be turned on for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    /// The steps of a question.
    Query,
    /// What a persona's memory adds to them.
    Memory,
    /// The parts of searching vectors and words.
    Backend,
    /// Adding files.
    Ingest,
}

impl Component {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Query, Self::Memory, Self::Backend, Self::Ingest];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Memory => "memory",
            Self::Backend => "backend",
            Self::Ingest => "ingest",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of components. Reads and writes `query,memory`, and `all`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Components(u8);

impl Components {
    /// Every component.
    pub const ALL: Self = Self(0b1111);
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether a component is among them.
    pub fn contains(self, component: Component) -> bool {
        self.0 & component.bit() != 0
    }

    /// The same set with one more.
    #[must_use]
    pub fn with(self, component: Component) -> Self {
        Self(self.0 | component.bit())
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, in a fixed order.
    pub fn iter(self) -> impl Iterator<Item = Component> {
        Component::ALL.into_iter().filter(move |component| self.contains(*component))
    }
}

impl fmt::Display for Components {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, component) in self.iter().enumerate() {
            write!(f, "{}{}", if idx > 0 { "," } else { "" }, component.as_str())?;
        }
        Ok(())
    }
}

impl std::str::FromStr for Components {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut components = Self::NONE;
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            if word == "all" {
                return Ok(Self::ALL);
            }
            let named = Component::ALL.into_iter().find(|component| component.as_str() == word);
            let Some(component) = named else {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!("there is no component {word:?} to profile"),
                )
                .with_hint("there are: query, memory, backend, ingest, all"));
            };
            components = components.with(component);
        }
        if components.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "no component to profile is named")
                .with_hint("there are: query, memory, backend, ingest, all"));
        }
        Ok(components)
    }
}

/// A stage of a question.
///
/// Those of [`Stage::TOP`] follow each other, but for [`Embed`](Self::Embed), which lies within
/// [`Retrieve`](Self::Retrieve) and is counted apart from it; the others lie within retrieving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Opening the library and the memory, where a process does so for one question.
    Open,
    /// What a persona and the time in the question make of it: filters, profile, facts.
    Enhance,
    /// Turning the question into a vector.
    Embed,
    /// Finding candidates and reading their text.
    Retrieve,
    /// Deciding which chunks the filters admit.
    Filter,
    /// Searching the vectors, recomputing included.
    Vector,
    /// Making vectors again from text.
    Recompute,
    /// Searching the words, beside the vectors.
    Lexical,
    /// Reading the text of hits.
    Read,
    /// Mixing the two lists, and what a profile and a favoured time add.
    Rerank,
    /// Wording the answer.
    Generate,
    /// Handing the interaction over to be recorded.
    Record,
}

impl Stage {
    /// All of them, in the order in which they begin.
    pub const ALL: [Self; 12] = [
        Self::Open,
        Self::Enhance,
        Self::Embed,
        Self::Retrieve,
        Self::Filter,
        Self::Vector,
        Self::Recompute,
        Self::Lexical,
        Self::Read,
        Self::Rerank,
        Self::Generate,
        Self::Record,
    ];

    /// Those whose times, with what lies between them, make up a question's.
    pub const TOP: [Self; 6] =
        [Self::Enhance, Self::Embed, Self::Retrieve, Self::Rerank, Self::Generate, Self::Record];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Enhance => "enhance",
            Self::Embed => "embed",
            Self::Retrieve => "retrieve",
            Self::Filter => "filter",
            Self::Vector => "vector",
            Self::Recompute => "recompute",
            Self::Lexical => "lexical",
            Self::Read => "read",
            Self::Rerank => "rerank",
            Self::Generate => "generate",
            Self::Record => "record",
        }
    }

    /// The component that it belongs to.
    pub fn component(self) -> Component {
        match self {
            Self::Enhance | Self::Record => Component::Memory,
            Self::Filter | Self::Vector | Self::Recompute | Self::Lexical | Self::Read => {
                Component::Backend
            }
            Self::Open | Self::Embed | Self::Retrieve | Self::Rerank | Self::Generate => {
                Component::Query
            }
        }
    }
}
