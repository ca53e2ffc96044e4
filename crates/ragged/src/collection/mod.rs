//! The name of a collection: a part of the library that a person named.

use std::{fmt, str::FromStr};

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::error::{Error, ErrorKind, Result};

/// The collection that every library has, and that files are in unless another is named.
const DEFAULT: &str = "default";
/// Longest name, in characters.
const MAX_CHARS: usize = 64;
/// Names that an error lists at most.
const LISTED_NAMES: usize = 20;
/// How alike two names are, at least, for one to be offered for the other.
const ALIKE: f64 = 0.8;

/// The name of a collection.
///
/// One to 64 letters and digits of any script, with `-`, `_`, `.` and single spaces between them;
/// it begins with a letter, a digit or `_`. Spaces around it are taken off, several inside count
/// as one, and accents are composed (NFC), so that what looks the same is the same. Capitals
/// differ from small letters. Ordered by its characters.
///
/// # Examples
///
/// ```
/// use ragged::collection::CollectionName;
///
/// let name: CollectionName = " Tax  2026 ".parse()?;
/// assert_eq!(name.as_str(), "Tax 2026");
/// assert!("../secrets".parse::<CollectionName>().is_err());
/// # Ok::<(), ragged::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CollectionName(String);

impl CollectionName {
    /// A name that was checked when it was written.
    pub(crate) fn stored(name: String) -> Self {
        Self(name)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the collection that every library has.
    pub fn is_default(&self) -> bool {
        self.0 == DEFAULT
    }

    /// The error of a name that is none of those there are: it offers the nearest and lists them.
    pub(crate) fn unknown(&self, known: &[Self]) -> Error {
        let wanted = self.0.to_lowercase();
        let nearest = known
            .iter()
            .map(|name| (strsim::jaro_winkler(&wanted, &name.0.to_lowercase()), name))
            .filter(|(alike, _)| *alike > ALIKE)
            // Of equals the first.
            .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
        let mut listed =
            known.iter().take(LISTED_NAMES).map(Self::as_str).collect::<Vec<_>>().join(", ");
        if known.len() > LISTED_NAMES {
            listed.push_str(", …");
        }
        let hint = match nearest {
            Some((_, name)) => format!("did you mean {name:?}? There are: {listed}", name = name.0),
            None => format!("there are: {listed}"),
        };
        Error::new(ErrorKind::NotFound, format!("there is no collection {:?}", self.0))
            .with_hint(hint)
    }
}

impl Default for CollectionName {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

impl fmt::Display for CollectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CollectionName {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid` for what is no name.
    fn from_str(typed: &str) -> Result<Self> {
        let refused = |why: String| {
            Err(Error::new(
                ErrorKind::Invalid,
                format!("{typed:?} cannot name a collection: {why}"),
            )
            .with_hint(format!(
                "use 1 to {MAX_CHARS} letters and digits, with - _ . or single spaces between \
                     them"
            )))
        };
        // What is long beyond doubt is not looked at.
        if typed.len() > 64 * MAX_CHARS {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("a name of {} bytes cannot name a collection", typed.len()),
            )
            .with_hint(format!("use at most {MAX_CHARS} characters")));
        }
        let words: Vec<&str> = typed.split(' ').filter(|word| !word.is_empty()).collect();
        let name: String = words.join(" ").nfc().collect();
        let Some(first) = name.chars().next() else {
            return refused("it is empty".to_owned());
        };
        let n_chars = name.chars().count();
        if n_chars > MAX_CHARS {
            return refused(format!("it has {n_chars} characters"));
        }
        if !(first.is_alphanumeric() || first == '_') {
            return refused(format!("it begins with {first:?}"));
        }
        let is_allowed = |c: char| {
            c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '-' | '_' | '.' | ' ')
        };
        if let Some(other) = name.chars().find(|c| !is_allowed(*c)) {
            return refused(format!("it holds {other:?}"));
        }
        Ok(Self(name))
    }
}

#[cfg(test)]
mod tests;
