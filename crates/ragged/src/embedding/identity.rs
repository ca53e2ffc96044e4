//! Which model made a vector.

use std::fmt;

/// What a model runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ModelKind {
    /// A table of token vectors.
    Static,
    /// A neural network run by this program.
    Transformer,
    /// A server.
    Remote,
}

impl ModelKind {
    /// A stable lower-case word for machine-readable output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Transformer => "transformer",
            Self::Remote => "remote",
        }
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which model made a vector: what the library records beside its codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelIdentity {
    /// The name people use.
    pub name: String,
    /// Hexadecimal hash of all that decides a vector: weights, vocabulary, pooling, prefixes. Of a
    /// remote model only its address and name can be hashed.
    pub fingerprint: String,
    /// Length of every vector.
    pub dims: usize,
    /// What the model runs on.
    pub kind: ModelKind,
}

impl fmt::Display for ModelIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = self.fingerprint.get(..12).unwrap_or(&self.fingerprint);
        write!(f, "{} ({} dimensions, {short})", self.name, self.dims)
    }
}
