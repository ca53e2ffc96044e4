//! Models on a server: Ollama, or anything that speaks OpenAI's embeddings protocol.

#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::{Value, json};

use super::{Embedder, ModelIdentity, ModelKind, normalise};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Http, Refusal};

pub use crate::http::Patience;

/// Most dimensions an answer may have.
const MAX_DIMS: usize = 65_536;

/// Which protocol a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// Ollama's own: `POST /api/embed`.
    Ollama,
    /// OpenAI's, which many servers speak: `POST /v1/embeddings`.
    OpenAi,
}

impl Protocol {
    /// A stable lower-case word for settings and machine-readable output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::OpenAi => "openai",
        }
    }

    fn embeddings_url(self, base: &str) -> String {
        let base = base.trim_end_matches('/');
        match self {
            Self::Ollama => format!("{base}/api/embed"),
            Self::OpenAi if base.ends_with("/v1") => format!("{base}/embeddings"),
            Self::OpenAi => format!("{base}/v1/embeddings"),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a remote model is and how it is asked.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteSettings {
    /// Which protocol the server speaks.
    pub protocol: Protocol,
    /// The server's address, such as `http://localhost:11434` or `https://api.openai.com/v1`.
    pub base_url: String,
    /// The model's name on the server.
    pub model: String,
    /// Sent as a bearer token, to this server only.
    pub api_key: Option<String>,
    /// Put before each question, where the model wants that.
    pub query_prefix: String,
    /// Put before each passage, where the model wants that.
    pub passage_prefix: String,
    /// Texts in one request, at least one. More make better use of a server with a fast processor;
    /// fewer keep a request within a slow one's time limit.
    pub batch_texts: usize,
    /// How often a request is made and how long it may take.
    pub patience: Patience,
}

impl RemoteSettings {
    /// Settings for `model` on the server at `base_url`: no key, no prefixes, 32 texts a request.
    pub fn new(protocol: Protocol, base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            protocol,
            base_url: base_url.into(),
            model: model.into(),
            api_key: None,
            query_prefix: String::new(),
            passage_prefix: String::new(),
            batch_texts: 32,
            patience: Patience::default(),
        }
    }
}

impl fmt::Debug for RemoteSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSettings")
            .field("protocol", &self.protocol)
            .field("base_url", &self.base_url)
            .field("model", &self.model)
            .field("api_key", &self.api_key.as_ref().map(|_| "…"))
            .finish_non_exhaustive()
    }
}

/// A model on a server.
///
/// Texts leave this machine for the server's. Texts without a character that is not white space are
/// not sent; their vector is zero.
#[derive(Debug)]
pub struct Remote {
    identity: ModelIdentity,
    settings: RemoteSettings,
    url: String,
    http: Http,
}

impl Remote {
    /// Asks the server for one vector, which tells the model's dimensions.
    ///
    /// With Ollama the model's fingerprint is that of its digest, so that another version pulled
    /// under the same name counts as another model; with others it is made of address and name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when the server does not answer, is too busy or fails;
    /// [`ErrorKind::NotFound`] when it has no such model;
    /// [`ErrorKind::Invalid`] when it refuses the request or the key;
    /// [`ErrorKind::Incompatible`] when its answer is not of the protocol.
    pub fn connect(settings: RemoteSettings) -> Result<Self> {
        let url = settings.protocol.embeddings_url(&settings.base_url);
        let key = settings.api_key.as_deref();
        let http = Http::new(&settings.base_url, key, settings.patience, Answer::Whole);
        let identity = ModelIdentity {
            name: settings.model.clone(),
            fingerprint: String::new(),
            dims: 0,
            kind: ModelKind::Remote,
        };
        let mut remote = Self { identity, settings, url, http };
        let first = remote.request(&["dimensions"])?;
        remote.identity.dims = first.first().map_or(0, Vec::len);
        remote.identity.fingerprint = remote.fingerprint()?;
        Ok(remote)
    }

    /// A hash of what is known of the model.
    fn fingerprint(&self) -> Result<String> {
        let mut hasher = blake3::Hasher::new();
        let mut add = |part: &str| {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        };
        add("remote 1");
        add(self.settings.protocol.as_str());
        match self.digest()? {
            Some(digest) => add(&digest),
            None => add(&self.url),
        }
        add(&self.settings.model);
        add(&self.identity.dims.to_string());
        add(&self.settings.query_prefix);
        add(&self.settings.passage_prefix);
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// The digest by which Ollama knows the model's present version.
    fn digest(&self) -> Result<Option<String>> {
        if self.settings.protocol != Protocol::Ollama {
            return Ok(None);
        }
        let url = format!("{}/api/tags", self.settings.base_url.trim_end_matches('/'));
        let tags = match self.http.get(&url)? {
            Ok(tags) => tags,
            // A server that only speaks the part of the protocol we need.
            Err(refusal) if refusal.status == 404 => return Ok(None),
            Err(refusal) => return Err(self.refused(&refusal)),
        };
        let model = self.settings.model.as_str();
        let latest = format!("{model}:latest");
        let found = tags["models"].as_array().into_iter().flatten().find(|entry| {
            let name = entry["name"].as_str().unwrap_or_default();
            name == model || (!model.contains(':') && name == latest)
        });
        Ok(found.and_then(|entry| entry["digest"].as_str()).map(str::to_owned))
    }

    fn embed(&self, prefix: &str, texts: &[&str], out: &mut Vec<f32>) -> Result<()> {
        let dims = self.identity.dims;
        let mut rows = vec![0.0; texts.len() * dims];
        let told: Vec<usize> =
            (0..texts.len()).filter(|&idx| !texts[idx].trim().is_empty()).collect();
        for batch in told.chunks(self.settings.batch_texts.max(1)) {
            let prefixed: Vec<String> =
                batch.iter().map(|&idx| format!("{prefix}{}", texts[idx])).collect();
            let prefixed: Vec<&str> = prefixed.iter().map(String::as_str).collect();
            for (&idx, mut vector) in batch.iter().zip(self.request(&prefixed)?) {
                if vector.len() != dims {
                    return Err(Error::new(
                        ErrorKind::Incompatible,
                        format!(
                            "{} answered {} dimensions where it answered {dims} before",
                            self.url,
                            vector.len()
                        ),
                    )
                    .with_hint(
                        "the model on the server was replaced; index anew with the one it has now",
                    ));
                }
                normalise(&mut vector);
                rows[idx * dims..(idx + 1) * dims].copy_from_slice(&vector);
            }
        }
        out.append(&mut rows);
        Ok(())
    }

    /// One vector for each text, all of the same length.
    fn request(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let model = &self.settings.model;
        let body = match self.settings.protocol {
            Protocol::Ollama => json!({"model": model, "input": texts, "truncate": true}),
            Protocol::OpenAi => json!({"model": model, "input": texts, "encoding_format": "float"}),
        };
        let answer = self.http.post(&self.url, &body)?.map_err(|refusal| self.refused(&refusal))?;
        self.vectors(&answer, texts.len())
    }

    /// The vectors of an answer, in the order of the texts.
    fn vectors(&self, answer: &Value, n_texts: usize) -> Result<Vec<Vec<f32>>> {
        let vectors: Option<Vec<Vec<f32>>> = match self.settings.protocol {
            Protocol::Ollama => {
                answer["embeddings"].as_array().and_then(|rows| rows.iter().map(numbers).collect())
            }
            Protocol::OpenAi => answer["data"].as_array().and_then(|data| {
                let mut rows: Vec<Option<Vec<f32>>> = vec![None; data.len()];
                for (position, entry) in data.iter().enumerate() {
                    // Some servers leave the index out and keep the order.
                    let idx = entry["index"].as_u64().map_or(position, |idx| idx as usize);
                    *rows.get_mut(idx)? = numbers(&entry["embedding"]);
                }
                rows.into_iter().collect()
            }),
        };
        let n_dims = vectors.as_ref().and_then(|rows| rows.first()).map_or(0, Vec::len);
        vectors
            .filter(|rows| {
                rows.len() == n_texts
                    && (1..=MAX_DIMS).contains(&n_dims)
                    && rows.iter().all(|row| row.len() == n_dims)
            })
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Incompatible,
                    format!(
                        "{} did not answer {n_texts} vectors as the {} protocol has them",
                        self.url, self.settings.protocol
                    ),
                )
                .with_hint("check that the server speaks this protocol and that the model makes embeddings")
            })
    }

    #[cold]
    fn refused(&self, refusal: &Refusal) -> Error {
        let Refusal { status, message } = refusal;
        let model = &self.settings.model;
        let (kind, hint) = match status {
            401 | 403 => (ErrorKind::Invalid, "check the API key".to_owned()),
            404 if self.settings.protocol == Protocol::Ollama => {
                (ErrorKind::NotFound, format!("`ollama pull {model}` fetches the model"))
            }
            404 => (ErrorKind::NotFound, "check the address and the model's name".to_owned()),
            429 => {
                (ErrorKind::Unavailable, "the server limits requests; try again later".to_owned())
            }
            500.. => (ErrorKind::Unavailable, "the server's own log says more".to_owned()),
            _ => (ErrorKind::Invalid, "check the model's name and the settings".to_owned()),
        };
        let said = if message.is_empty() { String::new() } else { format!(": {message}") };
        Error::new(kind, format!("{} refused with status {status}{said}", self.url)).with_hint(hint)
    }
}

/// The numbers of a JSON array, unless there is anything else in it.
fn numbers(value: &Value) -> Option<Vec<f32>> {
    value.as_array()?.iter().map(|number| number.as_f64().map(|number| number as f32)).collect()
}

impl Embedder for Remote {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>> {
        let mut out = Vec::new();
        self.embed(&self.settings.query_prefix, &[text], &mut out)?;
        Ok(out)
    }

    fn embed_queries(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let mut out = Vec::new();
        self.embed(&self.settings.query_prefix, texts, &mut out)?;
        Ok(out.chunks_exact(self.identity().dims.max(1)).map(<[f32]>::to_vec).collect())
    }

    fn embed_passages(&self, texts: &[&str], out: &mut Vec<f32>) -> Result<()> {
        self.embed(&self.settings.passage_prefix, texts, out)
    }
}
