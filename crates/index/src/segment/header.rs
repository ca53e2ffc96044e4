//! The first 64 bytes of a segment.
//!
//! | bytes | field |
//! |---|---|
//! | 0..8 | magic |
//! | 8..12 | format version |
//! | 12..16 | dimensions |
//! | 16..20 | bits a dimension |
//! | 20..24 | zero |
//! | 24..32 | vectors |
//! | 32..40 | frame |
//! | 40..48 | bytes of the ids |
//! | 48..52, 52..56, 56..60 | CRC-32 of the blocks, rows, ids |
//! | 60..64 | CRC-32 of the bytes before it |

use std::path::Path;

use crate::codes::{Shape, Tier};
use crate::error::{Corruption, Error, Result, Version};
use crate::layout::Reader;

/// The version of segments; no older one exists.
const FORMAT_VERSION: u32 = 1;
pub(crate) const HEADER_BYTES: usize = 64;
const MAGIC: [u8; 8] = *b"RAGIXSEG";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) shape: Shape,
    pub(crate) n_vectors: u32,
    pub(crate) frame: u64,
    pub(crate) ids_bytes: u64,
    pub(crate) blocks_crc: u32,
    pub(crate) rows_crc: u32,
    pub(crate) ids_crc: u32,
}

impl Header {
    pub(crate) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(FORMAT_VERSION.to_le_bytes());
        bytes.extend((self.shape.dims as u32).to_le_bytes());
        bytes.extend(self.shape.tier.bits().to_le_bytes());
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend(u64::from(self.n_vectors).to_le_bytes());
        bytes.extend(self.frame.to_le_bytes());
        bytes.extend(self.ids_bytes.to_le_bytes());
        bytes.extend(self.blocks_crc.to_le_bytes());
        bytes.extend(self.rows_crc.to_le_bytes());
        bytes.extend(self.ids_crc.to_le_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        let mut header = [0; HEADER_BYTES];
        header.copy_from_slice(&bytes);
        header
    }

    pub(crate) fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let corrupt = |what| Error::corrupt(path, what);
        let Some((bytes, _)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(corrupt(Corruption::Length {
                expected: HEADER_BYTES as u64,
                found: bytes.len() as u64,
            }));
        };
        check_version(bytes, MAGIC, FORMAT_VERSION, path)?;
        check_crc(bytes, path, "header")?;
        Self::fields(bytes).ok_or_else(|| corrupt(Corruption::Content { part: "header" }))
    }

    fn fields(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes.get(12..)?);
        let dims = reader.u32()? as usize;
        let tier = Tier::from_bits(reader.u32()?)?;
        reader.u32()?;
        Some(Self {
            shape: Shape { dims, tier },
            n_vectors: u32::try_from(reader.u64()?).ok()?,
            frame: reader.u64()?,
            ids_bytes: reader.u64()?,
            blocks_crc: reader.u32()?,
            rows_crc: reader.u32()?,
            ids_crc: reader.u32()?,
        })
    }
}

/// Checks the magic at the front of a file, and that its version is `newest` or, where older ones
/// are read, one of them; returns it.
pub(crate) fn check_version(bytes: &[u8], magic: [u8; 8], newest: u32, path: &Path) -> Result<u32> {
    let mut reader = Reader::new(bytes);
    let incompatible =
        |found| Err(Error::Incompatible { path: path.to_owned(), found, supported: newest });
    if reader.array() != Some(magic) {
        return incompatible(Version::Foreign);
    }
    match reader.u32() {
        Some(version) if (1..=newest).contains(&version) => Ok(version),
        Some(other) => incompatible(Version::Other(other)),
        None => incompatible(Version::Foreign),
    }
}

/// Checks that the last four bytes are the checksum of those before.
pub(crate) fn check_crc(bytes: &[u8], path: &Path, part: &'static str) -> Result<()> {
    let Some((body, crc)) = bytes.split_last_chunk() else {
        let found = bytes.len() as u64;
        return Err(Error::corrupt(path, Corruption::Length { expected: 4, found }));
    };
    let (expected, found) = (u32::from_le_bytes(*crc), crc32fast::hash(body));
    if expected == found {
        return Ok(());
    }
    Err(Error::corrupt(path, Corruption::Checksum { part, offset: 0, expected, found }))
}
