//! The manifest: which segments make up the index, and what holds for all of them.
//!
//! One small file, replaced as a whole by every commit; what it does not name does not exist.
//!
//! ```text
//! magic 8 · version 4 · dims 4 · bits 4 · seed 8 · fingerprint 16 · stamp 8 · next segment 8
//! frame present 4, and if it is: vectors sampled 8 · axes 8 a dimension
//! segments 4, and for each: number 8 · vectors 8 · deleted ids (runs)
//! in version 2: graph: number 8 · nodes 8 · dead ids (runs)
//! CRC-32 4
//! ```
//!
//! Version 2 is written where there is a graph; without one, version 1, so that what an older
//! program can read stays readable for it.

use std::path::Path;

use crate::codes::{AXES, Frame, Shape, Tier};
use crate::directory::Directory;
use crate::error::{Corruption, Error, InputError, Result};
use crate::ids::IdSet;
use crate::layout::Reader;
use crate::segment::header::{check_crc, check_version};

#[cfg(test)]
mod tests;

pub(crate) const MANIFEST: &str = "manifest";
const MAGIC: [u8; 8] = *b"RAGIXMAN";
/// The version of manifests without a graph.
const PLAIN_VERSION: u32 = 1;
/// The version of manifests with one.
const GRAPH_VERSION: u32 = 2;
/// The most dimensions that table sums of 16 bits can take.
const MOST_DIMS: usize = 4_096;

/// What an index is made with and keeps for its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Dimensions of vectors: 1 to 4,096. Codes are padded to a multiple of 64.
    pub dims: usize,
    /// Bits a dimension.
    pub tier: Tier,
    /// Seed of the random rotation. Any number; equal seeds and equal commits make equal files.
    pub seed: u64,
    /// What the caller knows the model of the vectors by. Kept, never looked at.
    pub fingerprint: [u8; 16],
}

impl Config {
    pub(crate) fn validate(&self) -> Result<(), InputError> {
        if (1..=MOST_DIMS).contains(&self.dims) {
            return Ok(());
        }
        Err(InputError::Dims { dims: self.dims })
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape { dims: self.dims, tier: self.tier }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) config: Config,
    pub(crate) stamp: u64,
    /// The number of the next segment or graph to be written.
    pub(crate) next_segment: u64,
    /// There is one from the first vectors on.
    pub(crate) frame: Option<Frame>,
    pub(crate) segments: Vec<SegmentEntry>,
    pub(crate) graph: Option<GraphEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GraphEntry {
    pub(crate) number: u64,
    pub(crate) n_nodes: u64,
    /// Ids of nodes whose vectors were deleted since the graph was made.
    pub(crate) dead: IdSet,
}

impl GraphEntry {
    pub(crate) fn file_name(&self) -> String {
        graph_file_name(self.number)
    }
}

pub(crate) fn graph_file_name(number: u64) -> String {
    format!("{number:016x}.graph")
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentEntry {
    pub(crate) number: u64,
    pub(crate) n_vectors: u64,
    /// Ids of this segment that are deleted.
    pub(crate) deleted: IdSet,
}

impl SegmentEntry {
    pub(crate) fn file_name(&self) -> String {
        segment_file_name(self.number)
    }

    pub(crate) fn n_live(&self) -> u64 {
        self.n_vectors.saturating_sub(self.deleted.len())
    }
}

fn segment_file_name(number: u64) -> String {
    format!("{number:016x}.segment")
}

/// Whether a file is of a kind that the manifest names.
pub(crate) fn is_named_file(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, kind)| kind == "segment" || kind == "graph")
}

impl Manifest {
    pub(crate) fn new(config: Config, stamp: u64) -> Self {
        Self { config, stamp, next_segment: 0, frame: None, segments: Vec::new(), graph: None }
    }

    /// The names of all files of the state.
    pub(crate) fn file_names(&self) -> Vec<String> {
        let segments = self.segments.iter().map(SegmentEntry::file_name);
        segments.chain(self.graph.iter().map(GraphEntry::file_name)).collect()
    }

    /// Reads the manifest of a directory; `None` if it has none.
    pub(crate) fn read(directory: &Directory) -> Result<Option<Self>> {
        let path = directory.file(MANIFEST);
        match directory.read(MANIFEST)? {
            Some(bytes) => Self::from_bytes(&bytes, &path).map(Some),
            None => Ok(None),
        }
    }

    /// Replaces the manifest of a directory: the moment of a commit.
    pub(crate) fn write(&self, directory: &Directory) -> Result<()> {
        directory.write(MANIFEST, &[&self.to_bytes()])
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(MAGIC);
        let version = if self.graph.is_some() { GRAPH_VERSION } else { PLAIN_VERSION };
        bytes.extend(version.to_le_bytes());
        bytes.extend((self.config.dims as u32).to_le_bytes());
        bytes.extend(self.config.tier.bits().to_le_bytes());
        bytes.extend(self.config.seed.to_le_bytes());
        bytes.extend(self.config.fingerprint);
        bytes.extend(self.stamp.to_le_bytes());
        bytes.extend(self.next_segment.to_le_bytes());
        bytes.extend(u32::from(self.frame.is_some()).to_le_bytes());
        if let Some(frame) = &self.frame {
            bytes.extend(frame.n_sampled().to_le_bytes());
            bytes.extend(frame.stored().iter().flat_map(|half| half.to_le_bytes()));
        }
        bytes.extend((self.segments.len() as u32).to_le_bytes());
        for segment in &self.segments {
            bytes.extend(segment.number.to_le_bytes());
            bytes.extend(segment.n_vectors.to_le_bytes());
            segment.deleted.encode(&mut bytes);
        }
        if let Some(graph) = &self.graph {
            bytes.extend(graph.number.to_le_bytes());
            bytes.extend(graph.n_nodes.to_le_bytes());
            graph.dead.encode(&mut bytes);
        }
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let version = check_version(bytes, MAGIC, GRAPH_VERSION, path)?;
        check_crc(bytes, path, "manifest")?;
        Self::fields(bytes, version)
            .ok_or_else(|| Error::corrupt(path, Corruption::Content { part: "manifest" }))
    }

    fn fields(bytes: &[u8], version: u32) -> Option<Self> {
        let (body, _) = bytes.split_last_chunk::<4>()?;
        let mut reader = Reader::new(body.get(12..)?);
        let config = Config {
            dims: reader.u32()? as usize,
            tier: Tier::from_bits(reader.u32()?)?,
            seed: reader.u64()?,
            fingerprint: reader.array()?,
        };
        config.validate().ok()?;
        let stamp = reader.u64()?;
        let next_segment = reader.u64()?;
        let frame = match reader.u32()? {
            0 => None,
            1 => {
                let n_sampled = reader.u64()?;
                let halves = reader.bytes(2 * AXES * config.dims)?.as_chunks().0;
                let stored = halves.iter().map(|half| u16::from_le_bytes(*half)).collect();
                Some(Frame::new(config.dims, stored, n_sampled, config.seed))
            }
            _ => return None,
        };
        let n_segments = reader.u32()?;
        let mut segments = Vec::new();
        for _ in 0..n_segments {
            let (number, n_vectors) = (reader.u64()?, reader.u64()?);
            segments.push(SegmentEntry { number, n_vectors, deleted: IdSet::decode(&mut reader)? });
        }
        let graph = match version {
            GRAPH_VERSION => Some(GraphEntry {
                number: reader.u64()?,
                n_nodes: reader.u64()?,
                dead: IdSet::decode(&mut reader)?,
            }),
            _ => None,
        };
        let in_a_frame = n_segments > 0 || graph.is_some();
        let consistent = reader.remaining_bytes() == 0 && (frame.is_some() || !in_a_frame);
        consistent.then_some(Self { config, stamp, next_segment, frame, segments, graph })
    }
}
