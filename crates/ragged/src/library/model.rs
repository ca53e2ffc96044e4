//! Which model a library uses: from its name in the settings to an embedder.

use std::{path::Path, sync::Arc};

use super::{Library, deferred::Deferred, derived};
use crate::{
    embedding::{
        self, Embedder, ModelIdentity, ModelKind, Registry, Remote, RemoteSettings,
        remote::Protocol,
    },
    error::{Context, Error, ErrorKind, Result},
    settings::EmbeddingSettings,
    store::{Store, StoreConfig},
};

/// The name of the model that is compiled in.
pub const BUILTIN_MODEL: &str = "builtin";

const OLLAMA_URL: &str = "http://localhost:11434";
const OPENAI_URL: &str = "https://api.openai.com/v1";

/// Where what is known of a remote model comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// From the library, if its vectors are that model's: the server is asked when a text is to be
    /// embedded.
    Recorded,
    /// From the server, now: it may have another version of the model.
    Asked,
}

/// The models that were added to the library in `dir`.
pub fn models(dir: &Path) -> Registry {
    Registry::new(dir.join("models"))
}

/// The model that the settings name, for the library in `dir`.
///
/// An added model is loaded when its first text is embedded. A server is asked now only if the
/// library does not know its model yet.
///
/// # Errors
///
/// `NotFound` for a name that is not an added model, `Unavailable` where the server of a new
/// model is away.
pub fn model_from_settings(
    dir: &Path,
    settings: &EmbeddingSettings,
    knowledge: Knowledge,
) -> Result<Arc<dyn Embedder>> {
    let name = settings.model.as_str();
    let (protocol, model) = match name.split_once(':') {
        Some(("ollama", model)) => (Protocol::Ollama, model),
        Some(("openai", model)) => (Protocol::OpenAi, model),
        _ if name == BUILTIN_MODEL => return Ok(Arc::new(embedding::builtin()?)),
        _ => return added(dir, name),
    };
    let url = match (settings.url.as_str(), protocol) {
        ("", Protocol::Ollama) => OLLAMA_URL,
        ("", Protocol::OpenAi) => OPENAI_URL,
        (url, _) => url,
    };
    let mut remote = RemoteSettings::new(protocol, url, model);
    remote.api_key = (!settings.api_key.is_empty()).then(|| settings.api_key.clone());
    remote.patience.answer = settings.timeout;
    let recorded = match knowledge {
        Knowledge::Recorded => recorded(dir, name)?,
        Knowledge::Asked => None,
    };
    match recorded {
        Some(identity) => Ok(Arc::new(Deferred::new(identity, move || {
            Ok(Box::new(Remote::connect(remote.clone())?))
        }))),
        None => Ok(Arc::new(Remote::connect(remote)?)),
    }
}

fn added(dir: &Path, name: &str) -> Result<Arc<dyn Embedder>> {
    let registry = models(dir);
    let installed = registry.get(name).map_err(|error| {
        error
            .context(format!("finding the embedding model {name:?}"))
            .with_hint("`ragged model list` shows the models, `ragged model add` adds one")
    })?;
    let name = name.to_owned();
    Ok(Arc::new(Deferred::new(installed.identity, move || registry.open(&name))))
}

/// What the library in `dir` knows of a remote model, if its vectors are that model's.
fn recorded(dir: &Path, name: &str) -> Result<Option<ModelIdentity>> {
    if !Library::exists(dir) {
        return Ok(None);
    }
    let store = Store::open(&Library::store_path(dir), StoreConfig::default())?;
    let reader = store.reader()?;
    let value = |key| reader.value(key).context_with(|| "reading which model was used");
    if value(derived::KEY_MODEL)?.as_deref() != Some(name) {
        return Ok(None);
    }
    let (Some(fingerprint), Some(dims)) =
        (value(derived::KEY_FINGERPRINT)?, value(derived::KEY_DIMS)?)
    else {
        return Ok(None);
    };
    let dims = dims.parse().map_err(|_| {
        Error::new(
            ErrorKind::Corrupt,
            format!("the library says its vectors have {dims:?} dimensions"),
        )
        .with_hint("run `ragged reindex`")
    })?;
    Ok(Some(ModelIdentity { name: name.to_owned(), fingerprint, dims, kind: ModelKind::Remote }))
}
