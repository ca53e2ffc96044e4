//! A model that is loaded, or connected to, when the first text is to be embedded.
//!
//! Most commands embed nothing: they must neither wait for ninety megabytes of weights nor fail
//! because a server is away.

use std::sync::OnceLock;

use crate::embedding::{Embedder, ModelIdentity};
use crate::error::{Error, ErrorKind, Result};

type Load = dyn Fn() -> Result<Box<dyn Embedder>> + Send + Sync;

/// See the [module](self).
pub(super) struct Deferred {
    /// What the model was when the library recorded it.
    identity: ModelIdentity,
    load: Box<Load>,
    loaded: OnceLock<Box<dyn Embedder>>,
}

impl Deferred {
    pub(super) fn new(
        identity: ModelIdentity,
        load: impl Fn() -> Result<Box<dyn Embedder>> + Send + Sync + 'static,
    ) -> Self {
        Self { identity, load: Box::new(load), loaded: OnceLock::new() }
    }

    fn model(&self) -> Result<&dyn Embedder> {
        if let Some(model) = self.loaded.get() {
            return Ok(model.as_ref());
        }
        let model = (self.load)()?;
        let found = model.identity();
        if found.fingerprint != self.identity.fingerprint || found.dims != self.identity.dims {
            return Err(Error::new(
                ErrorKind::Incompatible,
                format!(
                    "the model {:?} has changed since it made the library's vectors",
                    self.identity.name
                ),
            )
            .with_hint("`ragged reindex` makes the vectors anew; `--mode lexical` needs none"));
        }
        // Two threads may both have loaded it; one of the two is kept.
        Ok(self.loaded.get_or_init(|| model).as_ref())
    }
}

impl Embedder for Deferred {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>> {
        self.model()?.embed_query(text)
    }

    fn embed_queries(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        self.model()?.embed_queries(texts)
    }

    fn embed_passages(&self, texts: &[&str], out: &mut Vec<f32>) -> Result<()> {
        self.model()?.embed_passages(texts, out)
    }
}
