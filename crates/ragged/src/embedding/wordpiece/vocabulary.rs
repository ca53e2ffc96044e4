//! The tokens of a model and the hash table that finds them.

use std::borrow::Cow;
use std::fmt;

use crate::error::{Error, ErrorKind, Result};

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// Tokens with their ids, found by their bytes.
///
/// The parts are kept as bytes in the form of a static model's file, so that the vocabulary compiled
/// into the program is used where it lies: nothing is built or copied when a process starts.
#[derive(Clone)]
pub struct Vocabulary {
    /// `u32` little-endian each: 0 when empty, else `tag << 20 | (id + 1)`, the tag being the top 12
    /// bits of the token's hash. The number of slots is a power of two.
    slots: Cow<'static, [u8]>,
    /// `u32` little-endian each: where the token's text ends.
    ends: Cow<'static, [u8]>,
    text: Cow<'static, [u8]>,
    longest: usize,
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vocabulary").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// A hash of a prefix, extended byte by byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hash(u64);

impl Hash {
    pub(super) const WORD: Self = Self(FNV_OFFSET);
    /// The hash of a continuation's `##`.
    pub(super) const CONTINUATION: Self = Self::WORD.with(b'#').with(b'#');

    #[inline]
    pub(super) const fn with(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(FNV_PRIME))
    }

    fn of(bytes: &[u8]) -> Self {
        bytes.iter().fold(Self::WORD, |hash, &byte| hash.with(byte))
    }

    #[inline]
    fn slot(self) -> usize {
        (self.0 ^ (self.0 >> 32)) as usize
    }

    #[inline]
    fn tag(self) -> u32 {
        (self.0 >> 52) as u32
    }
}

#[inline]
fn read_u32(bytes: &[u8], idx: usize) -> u32 {
    match bytes.get(idx * 4..idx * 4 + 4) {
        Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
        _ => 0,
    }
}

impl Vocabulary {
    /// The largest number of tokens that ids in slots allow.
    pub const MAX_TOKENS: usize = (1 << 20) - 2;

    /// The vocabulary whose token number `i` is `tokens[i]`; of equal tokens the last is found.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for more than [`Vocabulary::MAX_TOKENS`] tokens.
    pub fn new<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut text = Vec::new();
        let mut ends: Vec<u8> = Vec::new();
        for token in tokens {
            text.extend_from_slice(token.as_bytes());
            ends.extend_from_slice(&(text.len() as u32).to_le_bytes());
        }
        let n_tokens = ends.len() / 4;
        if n_tokens > Self::MAX_TOKENS {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("a vocabulary of {n_tokens} tokens; at most {} fit", Self::MAX_TOKENS),
            ));
        }
        let n_slots = (2 * n_tokens).next_power_of_two().max(2);
        let mut vocabulary = Self {
            slots: Cow::Owned(vec![0; n_slots * 4]),
            ends: Cow::Owned(ends),
            text: Cow::Owned(text),
            longest: 0,
        };
        let mut slots = vec![0_u32; n_slots];
        for id in 0..n_tokens as u32 {
            let len = vocabulary.token_bytes(id).len();
            vocabulary.longest = vocabulary.longest.max(len);
            let token = vocabulary.token_bytes(id);
            let hash = Hash::of(token);
            let mut slot = hash.slot() & (n_slots - 1);
            while slots[slot] != 0 && vocabulary.token_bytes((slots[slot] & 0xf_ffff) - 1) != token
            {
                slot = (slot + 1) & (n_slots - 1);
            }
            slots[slot] = hash.tag() << 20 | (id + 1);
        }
        vocabulary.slots = Cow::Owned(slots.iter().flat_map(|slot| slot.to_le_bytes()).collect());
        Ok(vocabulary)
    }

    /// The vocabulary stored in the three sections of a static model's file.
    pub(in crate::embedding) fn from_sections(
        slots: Cow<'static, [u8]>,
        ends: Cow<'static, [u8]>,
        text: Cow<'static, [u8]>,
    ) -> Result<Self> {
        let n_slots = slots.len() / 4;
        let n_tokens = ends.len() / 4;
        if !n_slots.is_power_of_two() || n_slots <= n_tokens || n_tokens > Self::MAX_TOKENS {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("{n_tokens} tokens in {n_slots} slots"),
            ));
        }
        let mut longest = 0;
        let mut start = 0;
        for end in ends.chunks_exact(4).map(|end| read_u32(end, 0) as usize) {
            if end < start || end > text.len() {
                return Err(Error::new(ErrorKind::Corrupt, "tokens that overlap"));
            }
            longest = longest.max(end - start);
            start = end;
        }
        Ok(Self { slots, ends, text, longest })
    }

    /// Slots, ends and text, as [`Vocabulary::from_sections`] takes them.
    #[cfg(test)]
    pub(in crate::embedding) fn sections(&self) -> (&[u8], &[u8], &[u8]) {
        (&self.slots, &self.ends, &self.text)
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.ends.len() / 4
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text of token `id`; empty for an id beyond the vocabulary.
    pub fn token(&self, id: u32) -> &str {
        std::str::from_utf8(self.token_bytes(id)).unwrap_or_default()
    }

    /// The id of `token`.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.find(Hash::of(token.as_bytes()), b"", token.as_bytes())
    }

    /// Bytes of the longest token.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    #[inline]
    fn token_bytes(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let start = if id == 0 { 0 } else { read_u32(&self.ends, id - 1) };
        let end = read_u32(&self.ends, id);
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The id of the token that is `prefix` and then `rest`, whose hash is `hash`.
    #[inline]
    pub(super) fn find(&self, hash: Hash, prefix: &[u8], rest: &[u8]) -> Option<u32> {
        let mask = self.slots.len() / 4 - 1;
        let mut at = hash.slot() & mask;
        // A table without an empty slot, which only a damaged file has, is walked once.
        for _ in 0..=mask {
            let slot = read_u32(&self.slots, at);
            if slot == 0 {
                return None;
            }
            if slot >> 20 == hash.tag() {
                let id = (slot & 0xf_ffff).wrapping_sub(1);
                if self.token_bytes(id).strip_prefix(prefix) == Some(rest) {
                    return Some(id);
                }
            }
            at = (at + 1) & mask;
        }
        None
    }
}
