//! Text → vector.
//!
//! Every embedder is an [`Embedder`]: the static model compiled into the program ([`builtin`]), a
//! transformer from a folder ([`transformer`]), a server ([`remote`]). Vectors have unit length, so
//! that their dot product is the cosine; what made them is named by a [`ModelIdentity`], so that
//! vectors of two models are never mixed.
//!
//! This module does not cut text into chunks, keep vectors, or choose a model: callers hand it texts
//! and get vectors. The network is used by [`remote`] and by [`registry`]'s download, and only when
//! those are called.

mod identity;
pub mod registry;
pub mod remote;
mod static_model;
pub mod transformer;
pub mod wordpiece;

#[cfg(test)]
mod tests;

pub use identity::{ModelIdentity, ModelKind};
pub use registry::Registry;
pub use remote::{Remote, RemoteSettings};
pub use static_model::StaticModel;
pub use transformer::Transformer;

use crate::error::Result;

/// Something that turns text into vectors of unit length.
///
/// The same text gives the same vector, bit for bit, whatever else is embedded with it. Text in which
/// the model knows no token gives the zero vector, which is nearest to nothing.
pub trait Embedder: Send + Sync {
    /// Which model this is; vectors of models whose fingerprints differ must not be compared.
    fn identity(&self) -> &ModelIdentity;

    /// The vector of a question.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::error::ErrorKind::Unavailable) when a server does not answer;
    /// [`Incompatible`](crate::error::ErrorKind::Incompatible) when it answers vectors of other
    /// dimensions than before.
    fn embed_query(&self, text: &str) -> Result<Vec<f32>>;

    /// The vectors of several questions, in their order: each what
    /// [`embed_query`](Self::embed_query) gives for it.
    ///
    /// # Errors
    ///
    /// As [`Embedder::embed_query`].
    fn embed_queries(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        texts.iter().map(|text| self.embed_query(text)).collect()
    }

    /// Appends the vectors of `texts` to `out`, one row of [`ModelIdentity::dims`] after another.
    ///
    /// # Errors
    ///
    /// As [`Embedder::embed_query`]; then `out` is as it was.
    fn embed_passages(&self, texts: &[&str], out: &mut Vec<f32>) -> Result<()>;
}

/// The static model compiled into the program: 256 dimensions, no download, no server.
///
/// Cost: microseconds; the tables are used where they lie in the program.
///
/// # Errors
///
/// [`Corrupt`](crate::error::ErrorKind::Corrupt) when the program file is damaged.
///
/// # Examples
///
/// ```
/// use ragged::embedding::{Embedder, builtin};
///
/// let model = builtin()?;
/// let vector = model.embed_query("What keeps the index small?")?;
/// assert_eq!(vector.len(), model.identity().dims);
/// # Ok::<(), ragged::error::Error>(())
/// ```
pub fn builtin() -> Result<StaticModel> {
    static FILE: &[u8] = include_bytes!("../../models/static-minilm-256.rgm");
    StaticModel::from_program(FILE)
}

/// Scales `vector` to unit length; a vector without length becomes zero.
fn normalise(vector: &mut [f32]) {
    // In double precision and in order, so that every machine gets the same bits.
    let square: f64 = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    let scale = if square > 0.0 && square.is_finite() { 1.0 / square.sqrt() } else { 0.0 };
    for x in vector {
        *x = if scale > 0.0 { (f64::from(*x) * scale) as f32 } else { 0.0 };
    }
}
