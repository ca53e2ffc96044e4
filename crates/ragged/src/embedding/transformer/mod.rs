//! Transformers: BERT encoders (MiniLM, BGE, E5…) from a sentence-transformers folder.
//!
//! Matrix products are those of the rten project, whose kernels choose the processor's widest vectors
//! when they run; no model file but `model.safetensors` is needed. Other architectures are refused
//! with an [`ErrorKind::Incompatible`] error that names what is supported.

mod bert;
mod config;
mod safetensors;

#[cfg(test)]
pub(super) mod tests;

use std::fmt;
use std::path::Path;

use self::bert::Bert;
use self::config::{Config, Pooling};
use self::safetensors::Tensors;
use super::{Embedder, ModelIdentity, ModelKind, normalise};
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::Result;

/// Tokens computed at a time: enough for tall matrices, few enough that the activations (some
/// 20 KB a token for MiniLM) stay near the processor.
const BATCH_TOKENS: usize = 2048;

/// A sentence encoder run by this program.
///
/// Work is spread over the rayon pool in which a call is made ([`rayon::ThreadPool::install`]).
/// Text beyond the model's longest input is cut off, as the model's own library does.
///
/// Cost: about 2 × the number of weights in multiplications for each token; MiniLM takes some
/// milliseconds for a passage of 256 tokens. Memory: the weights as 32-bit floats.
pub struct Transformer {
    identity: ModelIdentity,
    config: Config,
    bert: Bert,
}

impl fmt::Debug for Transformer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transformer").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Transformer {
    /// The files of a model's folder that are read, and whether a model can do without each.
    pub const FILES: [(&'static str, Need); 9] = [
        ("config.json", Need::Always),
        ("model.safetensors", Need::Always),
        ("tokenizer.json", Need::Optional),
        ("tokenizer_config.json", Need::Optional),
        ("vocab.txt", Need::Optional),
        ("modules.json", Need::Optional),
        ("sentence_bert_config.json", Need::Optional),
        ("config_sentence_transformers.json", Need::Optional),
        ("1_Pooling/config.json", Need::Optional),
    ];

    /// The model in `folder`, known to people as `name`.
    ///
    /// The name also tells, where the folder does not, which prefixes the model's family wants before
    /// questions and passages.
    ///
    /// Cost: reads and hashes the weights once, 90 MB for MiniLM.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] and [`ErrorKind::Io`] from reading;
    /// [`ErrorKind::Incompatible`] for a model this program cannot run;
    /// [`ErrorKind::Corrupt`] and [`ErrorKind::Invalid`] for damaged files.
    pub fn open(folder: &Path, name: &str) -> Result<Self> {
        let opening = |error: crate::error::Error| {
            error.context(format!("opening the model {name} in {}", folder.display()))
        };
        Self::read(folder, name).map_err(opening)
    }

    fn read(folder: &Path, name: &str) -> Result<Self> {
        let config = Config::read(folder, name)?;
        let tensors = Tensors::read(&folder.join("model.safetensors"))?;
        let bert = Bert::read(&config.architecture, &tensors)?;
        let identity = ModelIdentity {
            name: name.to_owned(),
            fingerprint: fingerprint(&config, &tensors),
            dims: config.architecture.hidden,
            kind: ModelKind::Transformer,
        };
        Ok(Self { identity, config, bert })
    }

    /// Longest input in tokens, the two that every input has included.
    pub fn max_tokens(&self) -> usize {
        self.config.max_tokens
    }

    fn embed(&self, prefix: &str, texts: &[&str], out: &mut Vec<f32>) -> Result<()> {
        let dims = self.identity.dims;
        let inputs: Vec<Vec<u32>> = texts.iter().map(|text| self.input(prefix, text)).collect();
        // Texts of like length together: the work is spread evenly over threads.
        let mut order: Vec<usize> = (0..inputs.len()).collect();
        order.sort_by_key(|&idx| inputs[idx].len());
        let mut rows = vec![0.0; texts.len() * dims];
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let mut n_tokens = 0;
            let n_texts = rest
                .iter()
                .take_while(|&&idx| {
                    n_tokens += inputs[idx].len();
                    n_tokens <= BATCH_TOKENS
                })
                .count()
                .max(1);
            let (batch, after) = rest.split_at(n_texts);
            rest = after;
            let ids: Vec<u32> = batch.iter().flat_map(|&idx| inputs[idx].iter().copied()).collect();
            let lens: Vec<usize> = batch.iter().map(|&idx| inputs[idx].len()).collect();
            let mut pooled = Vec::with_capacity(batch.len() * dims);
            self.bert.encode(&ids, &lens, self.config.pooling, &mut pooled)?;
            for (&idx, vector) in batch.iter().zip(pooled.chunks_exact_mut(dims)) {
                // Two tokens around nothing: the model would make a vector of them, but it means nothing.
                if inputs[idx].len() > 2 {
                    normalise(vector);
                    rows[idx * dims..(idx + 1) * dims].copy_from_slice(vector);
                }
            }
        }
        out.append(&mut rows);
        Ok(())
    }

    /// The ids of `prefix` and `text` between the two tokens that every input has. White space alone
    /// gives no ids between them, prefix or not.
    fn input(&self, prefix: &str, text: &str) -> Vec<u32> {
        let mut ids = vec![self.config.cls];
        let tokenizer = &self.config.tokenizer;
        tokenizer.encode(text, &mut ids);
        if !prefix.is_empty() && ids.len() > 1 {
            ids.truncate(1);
            tokenizer.encode(&format!("{prefix}{text}"), &mut ids);
        }
        ids.truncate(self.config.max_tokens - 1);
        ids.push(self.config.sep);
        ids
    }
}

impl Embedder for Transformer {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>> {
        let mut out = Vec::new();
        self.embed(&self.config.prefixes.query, &[text], &mut out)?;
        Ok(out)
    }

    fn embed_queries(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let mut out = Vec::new();
        self.embed(&self.config.prefixes.query, texts, &mut out)?;
        Ok(out.chunks_exact(self.identity().dims.max(1)).map(<[f32]>::to_vec).collect())
    }

    fn embed_passages(&self, texts: &[&str], out: &mut Vec<f32>) -> Result<()> {
        self.embed(&self.config.prefixes.passage, texts, out)
    }
}

/// A hash of everything that decides a vector.
fn fingerprint(config: &Config, tensors: &Tensors) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    };
    add(b"transformer 1");
    add(tensors.bytes());
    add(format!("{:?}", config.architecture).as_bytes());
    add(match config.pooling {
        Pooling::Mean => b"mean",
        Pooling::Cls => b"cls",
    });
    add(config.prefixes.query.as_bytes());
    add(config.prefixes.passage.as_bytes());
    add(format!("{:?}", config.folding).as_bytes());
    let limits = [config.cls, config.sep, config.tokenizer.unknown(), config.max_tokens as u32];
    add(&limits.map(u32::to_le_bytes).concat());
    let vocabulary = config.tokenizer.vocabulary();
    for id in 0..vocabulary.len() as u32 {
        add(vocabulary.token(id).as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// Whether a model can do without a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It cannot.
    Always,
    /// It can; another file or a default takes its place.
    Optional,
}
