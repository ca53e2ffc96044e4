//! 256 bits, and what they seal.

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::{Error, ErrorKind, Result};

pub(super) const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
/// Begins every sealed file; the digit is the version of the format.
const MAGIC: &[u8] = b"RGSEAL1\n";

/// A key of 256 bits. Its bytes leave memory with it.
pub struct Key([u8; KEY_BYTES]);

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Why sealed bytes do not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SealError {
    WrongKey,
    Malformed,
}

impl Key {
    /// A new key from the operating system's generator.
    ///
    /// # Errors
    ///
    /// `Unavailable` where the system has no random numbers to give.
    pub fn random() -> Result<Self> {
        let mut bytes = [0; KEY_BYTES];
        fill_random(&mut bytes)?;
        Ok(Self(bytes))
    }

    pub(super) fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Seals 32 bytes for a purpose: they open under the same key and the same name only.
    pub(super) fn seal(&self, name: &str, plain: &[u8; KEY_BYTES]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_BYTES];
        fill_random(&mut nonce)?;
        let payload = Payload { msg: plain, aad: name.as_bytes() };
        let sealed = self
            .cipher()
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| Error::new(ErrorKind::Internal, "a key could not be sealed"))?;
        Ok([MAGIC, &nonce, &sealed].concat())
    }

    /// Opens what [`seal`](Self::seal) sealed.
    pub(super) fn open(&self, name: &str, sealed: &[u8]) -> Result<[u8; KEY_BYTES], SealError> {
        let rest = sealed.strip_prefix(MAGIC).ok_or(SealError::Malformed)?;
        let (nonce, sealed) = rest.split_first_chunk().ok_or(SealError::Malformed)?;
        if sealed.len() != KEY_BYTES + 16 {
            return Err(SealError::Malformed);
        }
        let nonce: [u8; NONCE_BYTES] = *nonce;
        let payload = Payload { msg: sealed, aad: name.as_bytes() };
        let plain = self
            .cipher()
            .decrypt(&Nonce::from(nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealError::WrongKey)?;
        plain.as_slice().try_into().map_err(|_| SealError::Malformed)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&self.0.into())
    }
}

/// Bytes from the operating system's generator.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| {
        Error::new(
            ErrorKind::Unavailable,
            format!("the operating system has no random numbers: {error}"),
        )
    })
}

/// `bytes` in lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// The bytes of hexadecimal digits; `None` for anything else.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}
