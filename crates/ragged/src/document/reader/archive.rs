//! Packed files, with bounds on what they unpack to.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::super::encoding;
use super::super::limits::Limits;
use super::super::unreadable::{Size, Unreadable};

/// A ZIP archive in memory.
///
/// Sizes written in the archive are claims of whoever made it: what counts against the limits is
/// what really comes out.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    unpacked_bytes: u64,
    limits: &'a Limits,
}

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8], limits: &'a Limits) -> Result<Self, Unreadable> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
        if zip.len() > limits.max_members {
            return Err(Unreadable::Bomb(format!(
                "an archive of {} members, more than {}",
                zip.len(),
                limits.max_members
            )));
        }
        Ok(Self { zip, unpacked_bytes: 0, limits })
    }

    /// Whether a member has this name.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// The bytes of the member called `name`.
    pub(super) fn bytes(&mut self, name: &str) -> Result<Vec<u8>, Unreadable> {
        let index = self
            .zip
            .index_for_name(name)
            .ok_or_else(|| Unreadable::broken("archive", format_args!("{name} is missing")))?;
        self.bytes_at(index)
    }

    /// The text of the member called `name`.
    pub(super) fn text(&mut self, name: &str) -> Result<String, Unreadable> {
        encoding::decode(self.bytes(name)?)
            .map_err(|error| Unreadable::broken("archive", format_args!("{name} is {error}")))
    }

    /// The text of the member called `name`, or nothing where there is none.
    pub(super) fn text_if_any(&mut self, name: &str) -> Result<Option<String>, Unreadable> {
        if self.contains(name) { self.text(name).map(Some) } else { Ok(None) }
    }

    /// Unpacks every member and drops it: for parsers that unpack by themselves, without limits.
    pub(super) fn try_unpacking_all(&mut self) -> Result<(), Unreadable> {
        (0..self.zip.len()).try_for_each(|index| self.bytes_at(index).map(drop))
    }

    fn bytes_at(&mut self, index: usize) -> Result<Vec<u8>, Unreadable> {
        let member = self.zip.by_index(index).map_err(unreadable)?;
        if member.encrypted() {
            return Err(Unreadable::Encrypted);
        }
        let packed_bytes = member.compressed_size();
        let bytes = unpack(member, packed_bytes, self.unpacked_bytes, self.limits)?;
        self.unpacked_bytes += bytes.len() as u64;
        Ok(bytes)
    }
}

/// What the gzip stream `bytes` unpacks to.
pub(super) fn gunzip(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, Unreadable> {
    let stream = flate2::bufread::MultiGzDecoder::new(bytes);
    unpack(stream, bytes.len() as u64, 0, limits)
}

/// Reads `stream` to its end, unless it is a bomb: `before_bytes` count against the same limit.
fn unpack(
    stream: impl Read,
    packed_bytes: u64,
    before_bytes: u64,
    limits: &Limits,
) -> Result<Vec<u8>, Unreadable> {
    let most = limits.max_unpacked_bytes.saturating_sub(before_bytes);
    let by_ratio =
        packed_bytes.saturating_mul(limits.max_unpacked_ratio).max(Limits::RATIO_FREE_BYTES);
    let limit = most.min(by_ratio);
    let mut bytes = Vec::new();
    let n_read = stream
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Unreadable::broken("compressed data", error))?;
    if n_read as u64 > limit {
        return Err(Unreadable::Bomb(if by_ratio < most {
            format!("unpacks to more than {} times its size", limits.max_unpacked_ratio)
        } else {
            format!("unpacks to more than {}", Size(limits.max_unpacked_bytes))
        }));
    }
    Ok(bytes)
}

fn unreadable(error: ZipError) -> Unreadable {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => Unreadable::Encrypted,
        error => Unreadable::broken("ZIP archive", error),
    }
}
