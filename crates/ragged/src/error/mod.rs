//! One opaque error for the whole library.
//!
//! An [`Error`] says what kind of failure it is ([`ErrorKind`], for programs), what was being done
//! to what when it happened (a chain of contexts, for people), and, where one exists, what to do
//! next (a hint). No error type of a dependency is part of this crate's interface: conversions are
//! made at the call that knows the path or the id, through [`Error::new`] and [`Context`].

use std::fmt;

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure an [`Error`] is; programs decide by it, people read the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Something named does not exist.
    NotFound,
    /// Input that cannot be accepted: an argument, a setting, a file of the wrong form.
    Invalid,
    /// The operation contradicts the present state.
    Conflict,
    /// Another process or thread holds what is needed; trying again may succeed.
    Busy,
    /// Stored bytes are not what was written.
    Corrupt,
    /// Bytes of another version or another model than this program can use.
    Incompatible,
    /// A server or a device outside the process does not answer.
    Unavailable,
    /// A limit was reached: memory, time, disk, size.
    Exhausted,
    /// The operating system refused an operation on a file.
    Io,
    /// The user interrupted the operation; what was committed stays.
    Interrupted,
    /// A defect of this library.
    Internal,
}

impl ErrorKind {
    /// A stable lower-case word for machine-readable output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Invalid => "invalid",
            Self::Conflict => "conflict",
            Self::Busy => "busy",
            Self::Corrupt => "corrupt",
            Self::Incompatible => "incompatible",
            Self::Unavailable => "unavailable",
            Self::Exhausted => "exhausted",
            Self::Io => "io",
            Self::Interrupted => "interrupted",
            Self::Internal => "internal",
        }
    }
}

/// What went wrong, during what, and what to do next. One pointer wide.
///
/// `Display` prints the outermost context; `{:#}` prints the whole chain, outermost first,
/// separated by `: `.
///
/// # Examples
///
/// ```
/// use ragged::error::{Context, Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::NotFound, "no such file")
///     .context("reading notes.md")
///     .with_hint("check the path");
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert_eq!(format!("{error:#}"), "reading notes.md: no such file");
/// assert_eq!(error.hint(), Some("check the path"));
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    /// Innermost first.
    messages: Vec<String>,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` whose innermost message is `message`.
    #[cold]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, messages: vec![message.into()], hint: None, source: None }))
    }

    /// An error of `kind` caused by `source`, whose own text becomes the innermost message.
    #[cold]
    pub fn from_source(
        kind: ErrorKind,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        let source = source.into();
        let message = source.to_string();
        Self(Box::new(Inner { kind, messages: vec![message], hint: None, source: Some(source) }))
    }

    /// An error of the operating system, of kind [`ErrorKind::NotFound`], [`ErrorKind::Exhausted`]
    /// (disk full, quota), or [`ErrorKind::Io`].
    #[cold]
    pub fn io(source: std::io::Error) -> Self {
        Self::io_from(source.kind(), source)
    }

    /// As [`io`](Self::io), for an error that wraps one of the operating system's.
    #[cold]
    pub fn io_from(
        kind: std::io::ErrorKind,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        let kind = match kind {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::StorageFull
            | std::io::ErrorKind::QuotaExceeded
            | std::io::ErrorKind::OutOfMemory => ErrorKind::Exhausted,
            _ => ErrorKind::Io,
        };
        Self::from_source(kind, source)
    }

    /// Adds what was being done, to what.
    #[cold]
    #[must_use]
    pub fn context(mut self, message: impl Into<String>) -> Self {
        self.0.messages.push(message.into());
        self
    }

    /// Sets what to do next, unless a more precise hint is already there.
    #[cold]
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        if self.0.hint.is_none() {
            self.0.hint = Some(hint.into());
        }
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What to do next, where the library knows.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut outermost_first = self.0.messages.iter().rev();
        if let Some(message) = outermost_first.next() {
            f.write_str(message)?;
        }
        if f.alternate() {
            for message in outermost_first {
                write!(f, ": {message}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self:#}", self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The source's own text is already the innermost message, so the chain goes on below it.
        self.0.source.as_ref().and_then(|source| source.source())
    }
}

/// Adds what was being done to a failed result.
pub trait Context<T> {
    /// Adds `message()` as the outermost context of the error, if there is one.
    fn context_with<M: Into<String>>(self, message: impl FnOnce() -> M) -> Result<T>;
}

impl<T> Context<T> for Result<T, Error> {
    fn context_with<M: Into<String>>(self, message: impl FnOnce() -> M) -> Result<T> {
        self.map_err(|error| error.context(message()))
    }
}

impl<T> Context<T> for Result<T, std::io::Error> {
    fn context_with<M: Into<String>>(self, message: impl FnOnce() -> M) -> Result<T> {
        self.map_err(|error| Error::io(error).context(message()))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn the_systems_errors_keep_their_kind_and_what_was_being_done() {
        for (system, kind) in [
            (io::ErrorKind::NotFound, ErrorKind::NotFound),
            (io::ErrorKind::StorageFull, ErrorKind::Exhausted),
            (io::ErrorKind::QuotaExceeded, ErrorKind::Exhausted),
            (io::ErrorKind::PermissionDenied, ErrorKind::Io),
        ] {
            let failed: Result<(), io::Error> = Err(system.into());
            let error = failed.context_with(|| "reading notes.md").unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(format!("{error:#}").starts_with("reading notes.md: "), "{error:#}");
            assert_eq!(error.to_string(), "reading notes.md", "the outermost alone");
        }
    }

    #[test]
    fn context_goes_outwards_and_the_first_hint_stays() {
        let inner: Result<()> = Err(Error::new(ErrorKind::Busy, "another one writes")
            .with_hint("wait for it")
            .with_hint("try again"));
        let error = inner.context_with(|| "adding notes").unwrap_err().context("syncing");
        assert_eq!(format!("{error:#}"), "syncing: adding notes: another one writes");
        assert_eq!(error.hint(), Some("wait for it"));
        assert_eq!(format!("{error:?}"), format!("Busy: {error:#}"));
        assert!(std::error::Error::source(&error).is_none());
    }

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let kinds = [
            ErrorKind::NotFound,
            ErrorKind::Invalid,
            ErrorKind::Conflict,
            ErrorKind::Busy,
            ErrorKind::Corrupt,
            ErrorKind::Incompatible,
            ErrorKind::Unavailable,
            ErrorKind::Exhausted,
            ErrorKind::Io,
            ErrorKind::Interrupted,
            ErrorKind::Internal,
        ];
        let words: std::collections::BTreeSet<&str> =
            kinds.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(words.len(), kinds.len(), "{words:?}");
    }
}
