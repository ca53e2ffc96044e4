//! Personas: who asks, what they work on, and what they agreed to.

use std::fmt;

use crate::{
    collection::CollectionName,
    error::{Error, ErrorKind, Result},
};

/// The persona that always exists.
pub const DEFAULT_PERSONA: &str = "default";
const MAX_NAME_CHARS: usize = 64;

/// The name of a persona: 1 to 64 characters without control characters, not beginning with a
/// hyphen; compared without regard to ASCII case.
#[derive(Clone, Debug)]
pub struct PersonaName(String);

impl PersonaName {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the persona that always exists.
    pub fn is_default(&self) -> bool {
        self.0.eq_ignore_ascii_case(DEFAULT_PERSONA)
    }
}

impl Default for PersonaName {
    fn default() -> Self {
        Self(DEFAULT_PERSONA.to_owned())
    }
}

impl PartialEq for PersonaName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for PersonaName {}

impl fmt::Display for PersonaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for PersonaName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let name = text.trim();
        let invalid = |why: &str| {
            Err(Error::new(ErrorKind::Invalid, format!("the persona name {text:?} {why}"))
                .with_hint("a short word or two, such as researcher or \"tax adviser\""))
        };
        if name.is_empty() {
            return invalid("is empty");
        }
        if name.chars().count() > MAX_NAME_CHARS {
            return invalid("is longer than 64 characters");
        }
        if name.chars().any(char::is_control) {
            return invalid("has control characters");
        }
        if name.starts_with('-') {
            return invalid("begins with a hyphen");
        }
        Ok(Self(name.to_owned()))
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),* $(,)? } default $default:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word used on the command line, in JSON and in the registry.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl Default for $name {
            fn default() -> Self { Self::$default }
        }

        impl std::str::FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(Error::new(ErrorKind::Invalid, format!("there is no choice {text:?}"))
                        .with_hint(concat!("one of", $(" ", $word),*))),
                }
            }
        }
    };
}

words! {
    /// How answers are worded by a generator.
    ResponseStyle {
        /// Terms of the trade.
        Technical = "technical",
        /// Neither.
        Balanced = "balanced",
        /// Plain words.
        Simple = "simple",
    } default Balanced
}

words! {
    /// How long answers are.
    DetailLevel {
        /// As short as may be.
        Brief = "brief",
        /// Neither.
        Balanced = "balanced",
        /// With reasons.
        Detailed = "detailed",
    } default Balanced
}

words! {
    /// How sources are named in answers.
    CitationStyle {
        /// Numbers in the text and a list below it.
        Inline = "inline",
        /// The list alone.
        Footnote = "footnote",
        /// Neither.
        None = "none",
    } default Inline
}

words! {
    /// Whether a persona's questions are recorded.
    Recording {
        /// They are not, and never were agreed to or no longer are.
        Off = "off",
        /// They are.
        On = "on",
        /// They are not for the moment; what is known still ranks.
        Paused = "paused",
    } default Off
}

/// A persona as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persona {
    /// Its name.
    pub name: PersonaName,
    /// The name of its file, without ending: random.
    pub file_id: String,
    /// What its owner says of it.
    pub draft: PersonaDraft,
    /// Whether its questions are recorded.
    pub recording: Recording,
    /// Whether what is recorded from now on counts towards its interests.
    pub is_learning: bool,
    /// Whether its interests change the ranking.
    pub is_personalised: bool,
    /// Unix milliseconds.
    pub created_ms: i64,
    /// When it was last switched to or asked with; Unix milliseconds.
    pub last_used_ms: Option<i64>,
    /// How often.
    pub usage_count: u64,
    /// Whether commands use it unless told otherwise.
    pub is_active: bool,
}

/// What an owner says of a persona.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonaDraft {
    /// In a sentence.
    pub description: String,
    /// Subjects it cares about from the start.
    pub focus_areas: Vec<String>,
    /// What it works on.
    pub active_projects: Vec<String>,
    /// Its questions read only these collections; all where empty.
    pub collections: Vec<CollectionName>,
    /// How answers are worded.
    pub response_style: ResponseStyle,
    /// How long answers are.
    pub detail_level: DetailLevel,
    /// How sources are named.
    pub citation_style: CitationStyle,
}
