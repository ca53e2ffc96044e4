//! A segment opened for reading.

use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::header::{HEADER_BYTES, Header};
use crate::codes::{Encoded, Factors, Shape};
use crate::directory::Directory;
use crate::distance::{BLOCK, BlockFactors};
use crate::error::{Corruption, Error, Result};
use crate::ids::{IdSet, Positions};
use crate::layout::Reader;

/// A mapped segment. The lengths of its parts were checked against the file's when it was
/// opened; blocks and rows may still hold any bytes, and every reader of them copes with that.
#[derive(Debug)]
pub(crate) struct SegmentReader {
    path: PathBuf,
    map: Mmap,
    header: Header,
    blocks: Range<usize>,
    rows: Range<usize>,
    positions: Positions,
}

impl SegmentReader {
    /// Maps and validates a segment; reads its header and ids, O(runs of ids).
    pub(crate) fn open(directory: &Directory, name: &str) -> Result<Self> {
        let path = directory.file(name);
        let Some(map) = directory.map(name)? else {
            return Err(Error::corrupt(&path, Corruption::Missing));
        };
        let header = Header::from_bytes(&map, &path)?;
        let (blocks, rows, ids) = parts(&header, map.len(), &path)?;
        let id_bytes = &map[ids.clone()];
        check_part(&path, "ids", ids.start, header.ids_crc, id_bytes)?;
        let mut reader = Reader::new(id_bytes);
        let set = IdSet::decode(&mut reader)
            .filter(|set| set.len() == u64::from(header.n_vectors))
            .filter(|_| reader.remaining_bytes() == 0)
            .ok_or_else(|| Error::corrupt(&path, Corruption::Content { part: "ids" }))?;
        Ok(Self { path, map, header, blocks, rows, positions: Positions::new(set) })
    }

    /// Verifies the checksums of blocks and rows; reads the whole file.
    pub(crate) fn check(&self) -> Result<()> {
        let (header, blocks, rows) = (&self.header, &self.blocks, &self.rows);
        let part = |range: &Range<usize>| &self.map[range.clone()];
        check_part(&self.path, "blocks", blocks.start, header.blocks_crc, part(blocks))?;
        check_part(&self.path, "rows", rows.start, header.rows_crc, part(rows))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn shape(&self) -> Shape {
        self.header.shape
    }

    pub(crate) fn frame(&self) -> u64 {
        self.header.frame
    }

    pub(crate) fn n_vectors(&self) -> u32 {
        self.header.n_vectors
    }

    pub(crate) fn file_bytes(&self) -> u64 {
        self.map.len() as u64
    }

    pub(crate) fn positions(&self) -> &Positions {
        &self.positions
    }

    /// The blocks, of [`Shape::block_bytes`] each.
    pub(crate) fn blocks(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.map[self.blocks.clone()].chunks_exact(self.header.shape.block_bytes())
    }

    /// Copies the code of the vector at `position`, which must be below
    /// [`SegmentReader::n_vectors`], into `code`.
    pub(crate) fn load(&self, position: u32, code: &mut Encoded) {
        let shape = self.header.shape;
        let (block, lane) = (position as usize / BLOCK, position as usize % BLOCK);
        let start = self.blocks.start + block * shape.block_bytes();
        let block = &self.map[start..start + shape.block_bytes()];
        if let Some((codes, factors)) = BlockFactors::split(block) {
            code.signs.clear();
            code.signs.extend(codes.as_chunks::<BLOCK>().0.iter().map(|row| row[lane]));
            code.factors = Factors {
                length: u16::from_le_bytes(factors.lengths[lane]),
                along: u16::from_le_bytes(factors.alongs[lane]),
                fine: factors.fine.map(|row| row[lane].cast_signed()),
                secant: factors.secants[lane],
            };
        }
        code.row.clear();
        let start = self.rows.start + position as usize * shape.row_bytes();
        code.row.extend_from_slice(&self.map[start..start + shape.row_bytes()]);
    }
}

/// Where blocks, rows and ids are, after checking that they fill the file.
fn parts(
    header: &Header,
    file_bytes: usize,
    path: &Path,
) -> Result<(Range<usize>, Range<usize>, Range<usize>)> {
    let shape = header.shape;
    // Dimensions are below 2^32, vectors too: products fit a u128, and then they are compared.
    let n_blocks = u128::from(header.n_vectors.div_ceil(BLOCK as u32));
    let blocks_end = HEADER_BYTES as u128 + n_blocks * shape.block_bytes() as u128;
    let rows_end = blocks_end + u128::from(header.n_vectors) * shape.row_bytes() as u128;
    let ids_end = rows_end + u128::from(header.ids_bytes);
    if ids_end != file_bytes as u128 {
        let expected = u64::try_from(ids_end).unwrap_or(u64::MAX);
        let found = file_bytes as u64;
        return Err(Error::corrupt(path, Corruption::Length { expected, found }));
    }
    let (blocks_end, rows_end) = (blocks_end as usize, rows_end as usize);
    Ok((HEADER_BYTES..blocks_end, blocks_end..rows_end, rows_end..file_bytes))
}

pub(crate) fn check_part(
    path: &Path,
    part: &'static str,
    start: usize,
    expected: u32,
    bytes: &[u8],
) -> Result<()> {
    let found = crc32fast::hash(bytes);
    if found == expected {
        return Ok(());
    }
    let offset = start as u64;
    Err(Error::corrupt(path, Corruption::Checksum { part, offset, expected, found }))
}
