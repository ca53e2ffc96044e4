//! Collects codes into the image of a segment.

use super::header::Header;
use crate::codes::{Encoded, Factors, Shape};
use crate::directory::Directory;
use crate::distance::BLOCK;
use crate::error::Result;
use crate::ids::IdSet;

/// A segment in memory, as large as its file will be.
#[derive(Debug)]
pub(crate) struct SegmentBuilder {
    shape: Shape,
    frame: u64,
    blocks: Vec<u8>,
    rows: Vec<u8>,
    n_vectors: u32,
}

impl SegmentBuilder {
    pub(crate) fn new(shape: Shape, frame: u64, n_vectors: usize) -> Self {
        Self {
            shape,
            frame,
            blocks: Vec::with_capacity(n_vectors.div_ceil(BLOCK) * shape.block_bytes()),
            rows: Vec::with_capacity(n_vectors * shape.row_bytes()),
            n_vectors: 0,
        }
    }

    pub(crate) fn push(&mut self, code: &Encoded) {
        let lane = self.n_vectors as usize % BLOCK;
        if lane == 0 {
            self.blocks.resize(self.blocks.len() + self.shape.block_bytes(), 0);
        }
        let start = self.blocks.len() - self.shape.block_bytes();
        let (codes, factors) = self.blocks[start..].split_at_mut(self.shape.plane_bytes() * BLOCK);
        for (row, byte) in codes.chunks_exact_mut(BLOCK).zip(&code.signs) {
            row[lane] = *byte;
        }
        let Factors { length, along, fine, secant } = code.factors;
        let (halves, bytes) = factors.split_at_mut(4 * BLOCK);
        for (row, half) in halves.chunks_exact_mut(2 * BLOCK).zip([length, along]) {
            row[2 * lane..2 * lane + 2].copy_from_slice(&half.to_le_bytes());
        }
        let values = fine.into_iter().map(i8::cast_unsigned).chain([secant]);
        for (row, value) in bytes.chunks_exact_mut(BLOCK).zip(values) {
            row[lane] = value;
        }
        self.rows.extend_from_slice(&code.row);
        self.n_vectors += 1;
    }

    /// Writes the segment to `name`, with as many ids as codes were pushed, in their order.
    pub(crate) fn write(self, directory: &Directory, name: &str, ids: &IdSet) -> Result<()> {
        debug_assert_eq!(ids.len(), u64::from(self.n_vectors));
        let mut id_bytes = Vec::new();
        ids.encode(&mut id_bytes);
        let header = Header {
            shape: self.shape,
            n_vectors: self.n_vectors,
            frame: self.frame,
            ids_bytes: id_bytes.len() as u64,
            blocks_crc: crc32fast::hash(&self.blocks),
            rows_crc: crc32fast::hash(&self.rows),
            ids_crc: crc32fast::hash(&id_bytes),
        };
        directory.write(name, &[&header.to_bytes(), &self.blocks, &self.rows, &id_bytes])
    }
}
