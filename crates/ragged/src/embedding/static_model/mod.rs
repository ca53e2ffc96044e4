//! A static model: one vector per token, a text's vector being the mean of its tokens'.

mod file;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use ragged_index::Kernels;

use self::file::Layout;
use super::wordpiece::{Folding, Tokenizer, Vocabulary};
use super::{Embedder, ModelIdentity, ModelKind, normalise};
use crate::error::{Context as _, Error, ErrorKind, Result};

/// A table of token vectors with the tokenizer that belongs to it, read from a model file (`.rgm`).
///
/// Embedding a passage of 256 tokens takes some tens of microseconds on one thread and allocates only
/// the ids; calls do not start threads, callers spread passages over theirs.
#[derive(Clone)]
pub struct StaticModel {
    identity: ModelIdentity,
    tokenizer: Tokenizer,
    data: Cow<'static, [u8]>,
    layout: Layout,
}

impl fmt::Debug for StaticModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticModel").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl StaticModel {
    /// The model in the file at `path`, its checksum verified.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] and [`ErrorKind::Io`] from reading;
    /// [`ErrorKind::Incompatible`] for another kind or version of file;
    /// [`ErrorKind::Corrupt`] when the checksum does not match.
    pub fn from_file(path: &Path) -> Result<Self> {
        let reading = || format!("reading the model {}", path.display());
        let data = std::fs::read(path).context_with(reading)?;
        Self::from_bytes(data).context_with(reading)
    }

    /// The model in the bytes of a model file, their checksum verified.
    ///
    /// # Errors
    ///
    /// As [`StaticModel::from_file`].
    pub fn from_bytes(data: impl Into<Cow<'static, [u8]>>) -> Result<Self> {
        let data = data.into();
        let layout = Layout::read(&data)?;
        layout.verify(&data)?;
        Self::open(data, layout)
    }

    /// The model in bytes that are part of the program, whose checksum the tests verify: hashing them
    /// at every start would cost more than all the rest.
    pub(super) fn from_program(data: &'static [u8]) -> Result<Self> {
        Self::open(Cow::Borrowed(data), Layout::read(data)?)
    }

    fn open(data: Cow<'static, [u8]>, layout: Layout) -> Result<Self> {
        let section = |range: std::ops::Range<usize>| -> Cow<'static, [u8]> {
            match &data {
                Cow::Borrowed(data) => Cow::Borrowed(data.get(range).unwrap_or_default()),
                Cow::Owned(data) => Cow::Owned(data.get(range).unwrap_or_default().to_vec()),
            }
        };
        let vocabulary = Vocabulary::from_sections(
            section(layout.slots()),
            section(layout.ends()),
            section(layout.text()),
        )?;
        let special: Vec<String> =
            layout.special.iter().map(|&id| vocabulary.token(id).to_owned()).collect();
        let special: Vec<&str> = special.iter().map(String::as_str).collect();
        let unknown = vocabulary.token(layout.unknown).to_owned();
        let folding = Folding { lower_case: true, strip_accents: true };
        let tokenizer =
            Tokenizer::new(vocabulary, folding, &unknown, layout.max_word_chars, &special)
                .map_err(|error| Error::new(ErrorKind::Corrupt, error.to_string()))?;
        let identity = ModelIdentity {
            name: layout.name.clone(),
            fingerprint: layout.digest_hex(),
            dims: layout.dims,
            kind: ModelKind::Static,
        };
        Ok(Self { identity, tokenizer, data, layout })
    }

    /// Gives the model the name it has in a registry.
    pub(super) fn rename(&mut self, name: &str) {
        name.clone_into(&mut self.identity.name);
    }

    /// The tokenizer whose ids are the rows of the table.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Writes the vector of the tokens `ids` to `out`, which has the model's dimensions.
    fn pool(&self, ids: &[u32], out: &mut [f32]) {
        let rows = self.data.get(self.layout.rows()).unwrap_or_default();
        let scales = self.data.get(self.layout.scales()).unwrap_or_default();
        let weighted: Vec<(f32, &[u8])> = ids
            .iter()
            .filter_map(|&id| {
                let id = id as usize;
                let row = rows.get(id * self.layout.dims..(id + 1) * self.layout.dims)?;
                match scales.get(id * 4..id * 4 + 4) {
                    Some(&[a, b, c, d]) => Some((f32::from_le_bytes([a, b, c, d]), row)),
                    _ => None,
                }
            })
            .filter(|&(scale, _)| scale != 0.0)
            .collect();
        Kernels::best().scaled_sum(&weighted, out);
        normalise(out);
    }
}

impl Embedder for StaticModel {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>> {
        let mut out = Vec::with_capacity(self.layout.dims);
        self.embed_passages(&[text], &mut out)?;
        Ok(out)
    }

    fn embed_passages(&self, texts: &[&str], out: &mut Vec<f32>) -> Result<()> {
        let mut ids = Vec::new();
        for text in texts {
            ids.clear();
            self.tokenizer.encode(text, &mut ids);
            let start = out.len();
            out.resize(start + self.layout.dims, 0.0);
            self.pool(&ids, &mut out[start..]);
        }
        Ok(())
    }
}
