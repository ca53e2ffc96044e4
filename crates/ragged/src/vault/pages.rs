//! The pages of an encrypted database, decrypted without SQLite.
//!
//! SQLite shows what its tables hold. What it does not show is what may still be in free pages,
//! in the unused rest of a page, and in frames of the write-ahead log that newer ones replaced.
//! This module reads the files as they are and opens every page by SQLCipher's published layout
//! (format 4, with SHA-256): `ciphertext | IV (16) | HMAC-SHA-256 (32)`, the first 16 bytes of the file being
//! the salt of the HMAC's key.

use std::path::{Path, PathBuf};

use aes::Aes256;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _, block_padding::NoPadding};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use super::key::Key;
use crate::error::{Context, Error, Result};

/// The default of SQLCipher, and what its databases are made with here.
const PAGE_BYTES: usize = 4096;
const IV_BYTES: usize = 16;
const HMAC_BYTES: usize = 32;
/// Bytes at the end of each page that are not content.
const RESERVED_BYTES: usize = IV_BYTES + HMAC_BYTES;
const SALT_BYTES: usize = 16;
/// SQLCipher derives the salt of the HMAC's key by this mask.
const HMAC_SALT_MASK: u8 = 0x3a;
const WAL_HEADER_BYTES: usize = 32;
const WAL_FRAME_HEADER_BYTES: usize = 24;

/// Where a page was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOrigin {
    /// The file.
    pub file: PathBuf,
    /// Number of the page, from 1.
    pub page: u32,
    /// Whether it is a frame of the write-ahead log.
    pub in_log: bool,
}

/// What was read of a database's files.
#[derive(Debug, Default)]
pub struct DecryptedPages {
    /// Each page that opened: the bytes in front of its seal.
    pub pages: Vec<(PageOrigin, Zeroizing<Vec<u8>>)>,
    /// Pages whose seal is broken.
    pub broken: Vec<PageOrigin>,
}

impl DecryptedPages {
    /// The pages in which any of `needles` stands.
    pub fn containing<'a>(&'a self, needles: &[&[u8]]) -> Vec<&'a PageOrigin> {
        let holds = |bytes: &[u8], needle: &[u8]| {
            !needle.is_empty() && bytes.windows(needle.len()).any(|window| window == needle)
        };
        self.pages
            .iter()
            .filter(|(_, bytes)| needles.iter().any(|needle| holds(bytes, needle)))
            .map(|(origin, _)| origin)
            .collect()
    }
}

pub(super) fn read(database: &Path, key: &Key) -> Result<DecryptedPages> {
    let mut found = DecryptedPages::default();
    let file = read_if_there(database)?;
    let mut log_path = database.as_os_str().to_owned();
    log_path.push("-wal");
    let log_path = PathBuf::from(log_path);
    let log = read_if_there(&log_path)?;

    // The first page, with the salt, is in the log alone until the first checkpoint.
    let first_page = file.get(..SALT_BYTES).or_else(|| {
        let content = WAL_HEADER_BYTES + WAL_FRAME_HEADER_BYTES;
        log.get(content..content + SALT_BYTES)
    });
    let Some(salt) = first_page.and_then(|bytes| bytes.first_chunk()) else {
        return Ok(found);
    };
    let opener = Opener::new(key, salt);
    for (idx, bytes) in file.chunks(PAGE_BYTES).enumerate() {
        let page = u32::try_from(idx + 1).unwrap_or(u32::MAX);
        let origin = PageOrigin { file: database.to_path_buf(), page, in_log: false };
        found.take(origin, opener.open(page, bytes), bytes);
    }
    let frames = log.get(WAL_HEADER_BYTES..).unwrap_or_default();
    for frame in frames.chunks(WAL_FRAME_HEADER_BYTES + PAGE_BYTES) {
        let Some((header, bytes)) = frame.split_at_checked(WAL_FRAME_HEADER_BYTES) else { break };
        let Some(page) = header.first_chunk().map(|bytes| u32::from_be_bytes(*bytes)) else {
            break;
        };
        let origin = PageOrigin { file: log_path.clone(), page, in_log: true };
        found.take(origin, opener.open(page, bytes), bytes);
    }
    Ok(found)
}

impl DecryptedPages {
    fn take(&mut self, origin: PageOrigin, opened: Option<Zeroizing<Vec<u8>>>, bytes: &[u8]) {
        match opened {
            Some(plain) => self.pages.push((origin, plain)),
            // Space that the file system gave and nobody wrote to.
            None if bytes.iter().all(|byte| *byte == 0) => {}
            None => self.broken.push(origin),
        }
    }
}

fn read_if_there(path: &Path) -> Result<Vec<u8>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::io(error)),
        Ok(bytes) => Ok(bytes),
    }
    .context_with(|| format!("reading {}", path.display()))
}

struct Opener<'a> {
    key: &'a Key,
    hmac_key: Zeroizing<[u8; 32]>,
}

impl<'a> Opener<'a> {
    fn new(key: &'a Key, salt: &[u8; SALT_BYTES]) -> Self {
        let salt = salt.map(|byte| byte ^ HMAC_SALT_MASK);
        Self { key, hmac_key: Zeroizing::new(derive_hmac_key(key, &salt)) }
    }

    /// The content of a page; `None` where its seal is broken.
    fn open(&self, page: u32, bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        if bytes.len() != PAGE_BYTES {
            return None;
        }
        let skipped = if page == 1 { SALT_BYTES } else { 0 };
        let (sealed, hmac) =
            bytes.get(skipped..)?.split_at_checked(PAGE_BYTES - skipped - HMAC_BYTES)?;
        let mut expected = Hmac::<Sha256>::new_from_slice(self.hmac_key.as_slice()).ok()?;
        expected.update(sealed);
        expected.update(&page.to_le_bytes());
        expected.verify_slice(hmac).ok()?;
        let (ciphertext, iv) = sealed.split_at_checked(sealed.len() - IV_BYTES)?;
        let mut plain = Zeroizing::new(ciphertext.to_vec());
        let iv: [u8; IV_BYTES] = iv.try_into().ok()?;
        cbc::Decryptor::<Aes256>::new(self.key.bytes().into(), &iv.into())
            .decrypt_padded::<NoPadding>(&mut plain)
            .ok()?;
        debug_assert_eq!(plain.len(), PAGE_BYTES - skipped - RESERVED_BYTES);
        Some(plain)
    }
}

/// PBKDF2 with HMAC-SHA-512, two rounds, one block (RFC 8018): how SQLCipher gets the HMAC's key.
fn derive_hmac_key(key: &Key, salt: &[u8; SALT_BYTES]) -> [u8; 32] {
    let round = |message: &[&[u8]]| -> [u8; 64] {
        let mut mac = <Hmac<Sha512> as hmac::KeyInit>::new_from_slice(key.bytes())
            .unwrap_or_else(|_| unreachable!("an HMAC takes a key of any length"));
        for part in message {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    };
    let first = round(&[salt, &1_u32.to_be_bytes()]);
    let second = round(&[&first]);
    let mut derived = [0; 32];
    for (out, (a, b)) in derived.iter_mut().zip(first.iter().zip(&second)) {
        *out = a ^ b;
    }
    derived
}
