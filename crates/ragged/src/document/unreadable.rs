//! Why a file did not become a document.

use std::fmt;

/// Why a file did not become a [`Document`](super::Document).
///
/// A reason is either a *rule* (the file is not something ragged reads: binary, hidden, too
/// large…) or a *failure* (it is of a format ragged reads, and could not be read);
/// [`Unreadable::is_failure`] tells which. `Display` is a phrase for people that fits behind the
/// path and a colon: `notes.zip: a ZIP archive, not a format ragged reads`.
///
/// # Examples
///
/// ```
/// use ragged::document::Unreadable;
///
/// assert!(!Unreadable::Binary.is_failure());
/// assert!(Unreadable::Encrypted.is_failure());
/// assert_eq!(Unreadable::Encrypted.code(), "encrypted");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreadable {
    /// By rule: the bytes are not text of any kind.
    Binary,
    /// By rule: the name begins with a dot.
    Hidden,
    /// By rule: a `.gitignore`, `.ignore` or `.raggedignore` names it.
    Ignored,
    /// By rule: a symbolic link met while walking a folder.
    Link,
    /// By rule: neither a file nor a folder (a socket, a device, a pipe).
    Special,
    /// By rule: larger than allowed.
    TooLarge {
        /// Its size.
        size_bytes: u64,
        /// The most that is read.
        limit_bytes: u64,
    },
    /// By rule: a format that is recognised but not read; the text names it.
    Unsupported(String),
    /// By rule: no text inside.
    Empty,
    /// Failure: opening it needs a password.
    Encrypted,
    /// Failure: not valid UTF-8, and no other encoding is declared.
    NotUtf8 {
        /// Offset of the first byte that is not.
        offset_bytes: u64,
    },
    /// Failure: truncated or otherwise not what its format promises; the text says what.
    Broken(String),
    /// Failure: one line is longer than allowed.
    LineTooLong {
        /// The length of the line.
        length_bytes: u64,
        /// The most that is read.
        limit_bytes: u64,
    },
    /// Failure: unpacks, or expands, to far more than a document; the text says how.
    Bomb(String),
    /// Failure: the parser crashed; the text says how.
    Crashed(String),
    /// Failure: the parser did not finish in time.
    TimedOut {
        /// The time it was given.
        limit_ms: u64,
    },
    /// Failure: the parser needed more memory than it may have.
    OutOfMemory {
        /// The memory it was given.
        limit_bytes: u64,
    },
    /// Failure: the operating system refused to read it; the text is its reason.
    Io(String),
}

impl Unreadable {
    /// Whether this is a failure to read a supported format, rather than a rule that leaves the
    /// file out.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Binary
            | Self::Hidden
            | Self::Ignored
            | Self::Link
            | Self::Special
            | Self::TooLarge { .. }
            | Self::Unsupported(_)
            | Self::Empty => false,
            Self::Encrypted
            | Self::NotUtf8 { .. }
            | Self::Broken(_)
            | Self::LineTooLong { .. }
            | Self::Bomb(_)
            | Self::Crashed(_)
            | Self::TimedOut { .. }
            | Self::OutOfMemory { .. }
            | Self::Io(_) => true,
        }
    }

    /// A stable lower-case word for machine-readable output and for counting.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Hidden => "hidden",
            Self::Ignored => "ignored",
            Self::Link => "link",
            Self::Special => "special",
            Self::TooLarge { .. } => "too-large",
            Self::Unsupported(_) => "unsupported",
            Self::Empty => "empty",
            Self::Encrypted => "encrypted",
            Self::NotUtf8 { .. } => "not-utf8",
            Self::Broken(_) => "broken",
            Self::LineTooLong { .. } => "line-too-long",
            Self::Bomb(_) => "bomb",
            Self::Crashed(_) => "crashed",
            Self::TimedOut { .. } => "timed-out",
            Self::OutOfMemory { .. } => "out-of-memory",
            Self::Io(_) => "io",
        }
    }

    /// A failure of the format `what`, because of `why`.
    #[cold]
    pub(super) fn broken(what: &str, why: impl fmt::Display) -> Self {
        Self::Broken(format!("{what}: {why}"))
    }

    /// What the operating system said.
    #[cold]
    pub(super) fn io(error: &std::io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binary => f.write_str("binary"),
            Self::Hidden => f.write_str("hidden"),
            Self::Ignored => f.write_str("ignored by an ignore file"),
            Self::Link => f.write_str("a symbolic link"),
            Self::Special => f.write_str("not a regular file"),
            Self::TooLarge { size_bytes, limit_bytes } => {
                write!(f, "{}, more than {}", Size(*size_bytes), Size(*limit_bytes))
            }
            Self::Unsupported(what) => write!(f, "{what}, not a format ragged reads"),
            Self::Empty => f.write_str("no text inside"),
            Self::Encrypted => f.write_str("encrypted"),
            Self::NotUtf8 { offset_bytes } => {
                write!(f, "not valid UTF-8 at byte {offset_bytes}")
            }
            Self::Broken(why) => write!(f, "broken or truncated: {why}"),
            Self::LineTooLong { length_bytes, limit_bytes } => {
                write!(f, "a line of {}, more than {}", Size(*length_bytes), Size(*limit_bytes))
            }
            Self::Bomb(how) => write!(f, "refused: {how}"),
            Self::Crashed(how) => write!(f, "the parser crashed ({how})"),
            Self::TimedOut { limit_ms } => match limit_ms % 1000 {
                0 => write!(f, "the parser ran longer than {} s", limit_ms / 1000),
                _ => write!(f, "the parser ran longer than {limit_ms} ms"),
            },
            Self::OutOfMemory { limit_bytes } => {
                write!(f, "the parser used more than {}", Size(*limit_bytes))
            }
            Self::Io(why) => write!(f, "cannot be read: {why}"),
        }
    }
}

/// A number of bytes, for people.
pub(super) struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        // Powers of two are printed as such, since limits on memory are set that way.
        let (unit, name) = match bytes {
            0..1_000 => return write!(f, "{bytes} bytes"),
            _ if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => (1 << 20, "MB"),
            1_000..1_000_000 => (1_000, "KB"),
            1_000_000..1_000_000_000 => (1_000_000, "MB"),
            _ => (1_000_000_000, "GB"),
        };
        if bytes.is_multiple_of(unit) || bytes / unit >= 10 {
            write!(f, "{} {name}", bytes / unit)
        } else {
            write!(f, "{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
        }
    }
}
