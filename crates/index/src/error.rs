//! What can go wrong, by family: input, stored files, the operating system.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on an index failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Ids, vectors or settings that an index cannot take. Nothing was changed.
    Input(InputError),
    /// There is no index in the directory.
    NotFound {
        /// The directory.
        path: PathBuf,
    },
    /// There is an index in the directory already.
    Exists {
        /// The directory.
        path: PathBuf,
    },
    /// A file is of a version that this program does not read, or not an index file at all.
    Incompatible {
        /// The file.
        path: PathBuf,
        /// What the file says it is.
        found: Version,
        /// The newest version this program reads.
        supported: u32,
    },
    /// The bytes of a file are not those that were written.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What does not hold.
        what: Corruption,
    },
    /// The operating system refused an operation on a file.
    Io {
        /// What was being done, as in "reading".
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// An earlier write through this handle failed, so what is on disk is not known to it.
    /// Opening the index anew finds the last complete state.
    Closed,
}

/// What a file said it was when its version was not the supported one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// A file of this kind, of another version.
    Other(u32),
    /// Not a file of this kind.
    Foreign,
}

/// What does not hold in a corrupt file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Corruption {
    /// The file has another length than it must have.
    Length {
        /// Bytes it must have.
        expected: u64,
        /// Bytes it has.
        found: u64,
    },
    /// The checksum of a part does not match.
    Checksum {
        /// The part.
        part: &'static str,
        /// Where the part begins, in bytes.
        offset: u64,
        /// The checksum stored.
        expected: u32,
        /// The checksum of the bytes.
        found: u32,
    },
    /// A part cannot be what the writer wrote, though its checksum matches.
    Content {
        /// The part.
        part: &'static str,
    },
    /// The file is not the one the manifest speaks of: a count, a shape or the frame differs.
    Foreign {
        /// What differs.
        what: &'static str,
        /// The value in the manifest.
        expected: u64,
        /// The value in the file.
        found: u64,
    },
    /// The manifest names the file and there is none.
    Missing,
}

/// What is wrong with a caller's ids, vectors or settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputError {
    /// The number of dimensions is not between 1 and 4,096.
    Dims {
        /// The number given.
        dims: usize,
    },
    /// The length of the vectors is not the number of ids times the dimensions.
    Length {
        /// Elements expected.
        expected: usize,
        /// Elements given.
        found: usize,
    },
    /// An element of a vector is NaN or infinite.
    NotFinite {
        /// Which vector, counted from 0 in the order given.
        position: usize,
    },
    /// A vector is longer than 1 (a query: than 10,000).
    TooLong {
        /// Which vector, counted from 0 in the order given.
        position: usize,
    },
    /// Ids are not strictly ascending.
    NotAscending {
        /// Position of the first id that is not above the one before it.
        position: usize,
    },
    /// An appended id is in the index already and is not deleted by the same commit.
    Occupied {
        /// The id.
        id: u64,
    },
    /// More vectors than a segment or a graph can hold (2^32 - 1).
    TooMany,
    /// Settings that no graph can be made with.
    Graph,
}

impl Error {
    #[cold]
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { doing, path: path.to_owned(), source }
    }

    #[cold]
    pub(crate) fn corrupt(path: &Path, what: Corruption) -> Self {
        Self::Corrupt { path: path.to_owned(), what }
    }

    /// Whether making the index anew from its source is what helps.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Incompatible { .. })
    }
}

impl From<InputError> for Error {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(error) => error.fmt(f),
            Self::NotFound { path } => write!(f, "no vector index in {}", path.display()),
            Self::Exists { path } => {
                write!(f, "{} holds a vector index already: open it instead", path.display())
            }
            Self::Incompatible { path, found: Version::Other(found), supported } => write!(
                f,
                "{} has format version {found}, this program reads {supported}: rebuild the index",
                path.display()
            ),
            Self::Incompatible { path, found: Version::Foreign, .. } => {
                write!(f, "{} is not a file of a vector index", path.display())
            }
            Self::Corrupt { path, what } => {
                write!(f, "{} is damaged: {what}; rebuild the index", path.display())
            }
            Self::Io { doing, path, source } => {
                write!(f, "{doing} {}: {source}", path.display())
            }
            Self::Closed => {
                f.write_str("an earlier write to this index failed: open the index anew")
            }
        }
    }
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { expected, found } => {
                write!(f, "expected {expected} bytes, found {found}")
            }
            Self::Checksum { part, offset, expected, found } => write!(
                f,
                "the {part} at byte {offset} should have checksum {expected:08x}, has {found:08x}"
            ),
            Self::Content { part } => write!(f, "the {part} cannot be read"),
            Self::Foreign { what, expected, found } => {
                write!(f, "its {what} should be {expected}, is {found}")
            }
            Self::Missing => f.write_str("the file does not exist"),
        }
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dims { dims } => {
                write!(f, "vectors of {dims} dimensions: 1 to 4096 can be indexed")
            }
            Self::Length { expected, found } => {
                write!(f, "expected {expected} vector elements, got {found}")
            }
            Self::NotFinite { position } => {
                write!(f, "vector {position} has an element that is NaN or infinite")
            }
            Self::TooLong { position } => {
                write!(f, "vector {position} is too long: scale vectors to length 1 first")
            }
            Self::NotAscending { position } => {
                write!(f, "id {position} is not above the id before it: sort them first")
            }
            Self::Occupied { id } => {
                write!(f, "id {id} is in the index already: delete it in the same commit")
            }
            Self::TooMany => f.write_str("more than 4294967295 vectors at once: commit in parts"),
            Self::Graph => f.write_str(
                "a graph takes 8 to 1024 bytes a node, 0 to 50 hubs in a hundred, a width of 16 \
                 or more and an alpha of 1 or more",
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl std::error::Error for InputError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_names_the_file_and_what_does_not_hold() {
        let path = PathBuf::from("index/v.seg");
        let corrupt = |what| Error::corrupt(&path, what);
        let incompatible = |found| Error::Incompatible { path: path.clone(), found, supported: 2 };
        let input = |error: InputError| Error::from(error);
        let refused = io::Error::from(io::ErrorKind::PermissionDenied);
        for (error, said, is_damage) in [
            (Error::NotFound { path: path.clone() }, "no vector index in index/v.seg", false),
            (Error::Exists { path: path.clone() }, "open it instead", false),
            (incompatible(Version::Other(9)), "version 9, this program reads 2", true),
            (incompatible(Version::Foreign), "not a file of a vector index", true),
            (corrupt(Corruption::Length { expected: 8, found: 3 }), "expected 8 bytes", true),
            (
                corrupt(Corruption::Checksum { part: "rows", offset: 64, expected: 1, found: 255 }),
                "the rows at byte 64 should have checksum 00000001, has 000000ff",
                true,
            ),
            (corrupt(Corruption::Content { part: "head" }), "the head cannot be read", true),
            (
                corrupt(Corruption::Foreign { what: "count", expected: 2, found: 1 }),
                "its count should be 2, is 1",
                true,
            ),
            (corrupt(Corruption::Missing), "the file does not exist", true),
            (Error::io("reading", &path, refused), "reading index/v.seg: ", false),
            (Error::Closed, "open the index anew", false),
            (input(InputError::Dims { dims: 0 }), "vectors of 0 dimensions", false),
            (input(InputError::Length { expected: 4, found: 3 }), "expected 4", false),
            (input(InputError::NotFinite { position: 7 }), "vector 7 has", false),
            (input(InputError::TooLong { position: 7 }), "vector 7 is too long", false),
            (input(InputError::NotAscending { position: 7 }), "sort them first", false),
            (input(InputError::Occupied { id: 7 }), "id 7 is in the index already", false),
            (input(InputError::TooMany), "commit in parts", false),
            (input(InputError::Graph), "8 to 1024 bytes a node", false),
        ] {
            assert!(error.to_string().contains(said), "{error}");
            assert_eq!(error.is_damage(), is_damage, "{error}");
            let has_source = std::error::Error::source(&error).is_some();
            assert_eq!(has_source, matches!(error, Error::Io { .. }), "{error}");
        }
    }
}
