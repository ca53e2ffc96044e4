//! The form of a static model's file, version 1.
//!
//! All integers are little-endian. In this order and without gaps:
//!
//! | part | content |
//! |---|---|
//! | header, 256 bytes | `RAGGEDSM`, then `u32` each: version, dimensions, tokens, slots, bytes of text, id of the unknown token, longest word in characters, number of special tokens, 16 ids of special tokens; name in 64 bytes; BLAKE3 digest in 32 bytes; zeros |
//! | slots | `u32` each: the vocabulary's hash table ([`Vocabulary`](super::Vocabulary)) |
//! | ends | `u32` for each token: where its text ends |
//! | text | the tokens' text, one after another |
//! | scales | `f32` for each token |
//! | rows | `i8` for each token and dimension; a token's vector is its scale times its row |
//!
//! The digest is that of the whole file with the digest's own bytes zero; it doubles as the model's
//! fingerprint. The vocabulary is case-folded and without accents.

use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};

const MAGIC: &[u8; 8] = b"RAGGEDSM";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 256;
const SPECIAL: usize = 40;
const MAX_SPECIAL: usize = 16;
const NAME: Range<usize> = 104..168;
const DIGEST: Range<usize> = 168..200;

/// Where everything is in a model file.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) dims: usize,
    pub(super) unknown: u32,
    pub(super) max_word_chars: usize,
    pub(super) special: Vec<u32>,
    pub(super) name: String,
    digest: [u8; 32],
    n_tokens: usize,
    n_slots: usize,
    text_bytes: usize,
}

impl Layout {
    pub(super) fn read(data: &[u8]) -> Result<Self> {
        if !data.starts_with(MAGIC) {
            return Err(Error::new(ErrorKind::Incompatible, "not a static model file"));
        }
        let header = data
            .first_chunk::<HEADER_BYTES>()
            .ok_or_else(|| Error::new(ErrorKind::Corrupt, "the header is cut short"))?;
        let field = |at: usize| match header.get(at..at + 4) {
            Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
            _ => 0,
        };
        let version = field(8);
        if version != VERSION {
            return Err(Error::new(
                ErrorKind::Incompatible,
                format!("a model file of version {version}; this program reads version {VERSION}"),
            )
            .with_hint("update the program, or make the model anew with tools/model"));
        }
        let n_special = field(36) as usize;
        if n_special > MAX_SPECIAL {
            return Err(Error::new(ErrorKind::Corrupt, format!("{n_special} special tokens")));
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(&header[DIGEST]);
        let name = String::from_utf8_lossy(&header[NAME]).trim_end_matches('\0').to_owned();
        let layout = Self {
            dims: field(12) as usize,
            unknown: field(28),
            max_word_chars: field(32) as usize,
            special: (0..n_special).map(|idx| field(SPECIAL + 4 * idx)).collect(),
            name,
            digest,
            n_tokens: field(16) as usize,
            n_slots: field(20) as usize,
            text_bytes: field(24) as usize,
        };
        let missing = layout
            .special
            .iter()
            .chain([&layout.unknown])
            .find(|&&id| id as usize >= layout.n_tokens)
            .copied();
        if let Some(id) = missing {
            return Err(Error::new(ErrorKind::Corrupt, format!("there is no token {id}")));
        }
        if layout.dims == 0 || layout.rows().end != data.len() {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "{} bytes where {} tokens of {} dimensions take {}",
                    data.len(),
                    layout.n_tokens,
                    layout.dims,
                    layout.rows().end
                ),
            ));
        }
        Ok(layout)
    }

    /// Compares the bytes with the digest in their header.
    pub(super) fn verify(&self, data: &[u8]) -> Result<()> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&data[..DIGEST.start]).update(&[0; 32]).update(&data[DIGEST.end..]);
        let found = hasher.finalize();
        if found == self.digest {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Corrupt,
            format!("checksum {} where {} was written", found.to_hex(), self.digest_hex()),
        )
        .with_hint("copy the model file anew"))
    }

    pub(super) fn digest_hex(&self) -> String {
        blake3::Hash::from_bytes(self.digest).to_hex().to_string()
    }

    pub(super) fn slots(&self) -> Range<usize> {
        HEADER_BYTES..HEADER_BYTES + self.n_slots * 4
    }

    pub(super) fn ends(&self) -> Range<usize> {
        after(&self.slots(), self.n_tokens * 4)
    }

    pub(super) fn text(&self) -> Range<usize> {
        after(&self.ends(), self.text_bytes)
    }

    pub(super) fn scales(&self) -> Range<usize> {
        after(&self.text(), self.n_tokens * 4)
    }

    pub(super) fn rows(&self) -> Range<usize> {
        // Sizes come from the file: a product beyond the address space must not pass for a small one.
        after(&self.scales(), self.n_tokens.saturating_mul(self.dims))
    }
}

fn after(range: &Range<usize>, len: usize) -> Range<usize> {
    range.end..range.end.saturating_add(len)
}
