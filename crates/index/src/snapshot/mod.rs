//! A snapshot: one committed state of an index, for reading.

use std::path::Path;
use std::sync::Arc;

use crate::codes::Frame;
use crate::directory::Directory;
use crate::distance::BLOCK;
use crate::error::{Corruption, Error, InputError, Result};
use crate::ids::IdSet;
use crate::manifest::{Config, Manifest, SegmentEntry};
use crate::proximity::{Graph, GraphReader, Walked};
use crate::scan::{PreparedQuery, Scan};
use crate::segment::SegmentReader;

/// How often a reader tries again when a writer replaces segments under it.
const TRIES: usize = 16;

/// One committed state of an index. It never changes: commits and merges make new ones.
///
/// Made by [`Snapshot::open`] in a process that only reads, or by
/// [`VectorIndex::snapshot`](crate::VectorIndex::snapshot) beside a writer. Cloning copies a
/// pointer; clones may be used from any number of threads. The files of a snapshot stay readable
/// after they are replaced: on unix they exist until the last snapshot is dropped; on Windows
/// their removal is refused meanwhile, and a later writer removes them.
#[derive(Clone, Debug)]
pub struct Snapshot(Arc<State>);

#[derive(Debug)]
struct State {
    config: Config,
    stamp: u64,
    frame: Option<Frame>,
    parts: Vec<Part>,
    graph: Option<Graph>,
    n_live: u64,
    bytes: u64,
}

/// A segment and which of its vectors are live.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) segment: Arc<SegmentReader>,
    deleted: IdSet,
    /// The live positions; `None` if all are.
    live: Option<Mask>,
}

/// From how many vectors the frame of an index was made, and how many there are now.
///
/// An index made from few vectors, or whose content has drifted, has an axis that is not the
/// mean direction any more: bounds are wider and searches recompute more, but stay right.
/// Making the index anew when `live` is several times `sampled` is a good rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameAge {
    /// Vectors of the first commit, of which the axis is the mean; 0 before it.
    pub sampled: u64,
    /// Vectors in the index now.
    pub live: u64,
}

/// The size of a graph, and how far the index has gone on since it was made.
///
/// A search scans the tail and walks through the dead: when either is more than a tenth of the
/// nodes, or the tail more than some ten thousand vectors, extending the graph is a good rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphStats {
    /// Vectors that the graph was made of.
    pub nodes: u64,
    /// Links between them.
    pub links: u64,
    /// Nodes whose vectors were deleted since.
    pub dead: u64,
    /// Vectors appended since.
    pub tail: u64,
    /// Bytes of the graph's file, all counted.
    pub bytes: u64,
}

impl Snapshot {
    /// Opens the last committed state of the index in `directory`, taking no lock.
    ///
    /// Reads the manifest and the ids and headers of all segments, maps the rest.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] without a manifest; [`Error::Incompatible`] and [`Error::Corrupt`] for
    /// files that are not what a writer left; [`Error::Io`].
    pub fn open(directory: &Path) -> Result<Self> {
        let directory = Directory::new(directory);
        let mut tries = TRIES;
        loop {
            let manifest = read_manifest(&directory)?;
            let opened = open_segments(&directory, &manifest)
                .and_then(|segments| Ok((segments, open_graph(&directory, &manifest)?)));
            match opened {
                Ok((segments, graph)) => return Ok(Self::new(&manifest, &segments, graph)),
                // A writer replaced and removed a file after the manifest was read.
                Err(Error::Corrupt { what: Corruption::Missing, .. }) if tries > 0 => tries -= 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The state that `manifest` describes; `segments` are those it names, in its order, and
    /// `graph` is the one it names.
    pub(crate) fn new(
        manifest: &Manifest,
        segments: &[Arc<SegmentReader>],
        graph: Option<Arc<GraphReader>>,
    ) -> Self {
        let parts: Vec<Part> = manifest
            .segments
            .iter()
            .zip(segments)
            .map(|(entry, segment)| Part::new(Arc::clone(segment), entry.deleted.clone()))
            .collect();
        let bytes = segments.iter().map(|segment| segment.file_bytes()).sum::<u64>()
            + graph.as_ref().map_or(0, |graph| graph.file_bytes())
            + manifest.to_bytes().len() as u64;
        let graph = graph.zip(manifest.graph.as_ref());
        let graph = graph.map(|(reader, entry)| Graph::new(reader, entry.dead.clone(), &parts));
        Self(Arc::new(State {
            config: manifest.config,
            stamp: manifest.stamp,
            frame: manifest.frame.clone(),
            n_live: manifest.segments.iter().map(SegmentEntry::n_live).sum(),
            parts,
            graph,
            bytes,
        }))
    }

    /// What the index was made with.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The stamp of the commit that made this state.
    pub fn stamp(&self) -> u64 {
        self.0.stamp
    }

    /// Number of vectors.
    pub fn len(&self) -> u64 {
        self.0.n_live
    }

    /// Whether there is no vector.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of vectors that are deleted and still take space; merging drops them. O(segments).
    pub fn n_deleted(&self) -> u64 {
        self.0.parts.iter().map(|part| part.deleted.len()).sum()
    }

    /// The ids of all vectors. O(runs of ids).
    pub fn ids(&self) -> IdSet {
        let parts = self.0.parts.iter();
        IdSet::from_ranges(parts.flat_map(|part| part.live_ids().runs().collect::<Vec<_>>()))
    }

    /// How many vectors have ids in `allow`. O(runs of ids).
    pub fn n_allowed(&self, allow: &IdSet) -> u64 {
        let parts = self.0.parts.iter();
        parts.map(|part| part.live_ids().intersection(allow).len()).sum()
    }

    /// Number of segments.
    pub fn n_segments(&self) -> usize {
        self.0.parts.len()
    }

    /// Bytes of all files of this state: segments with their headers and ids, the graph if there
    /// is one, and the manifest.
    pub fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// From how many vectors the frame was made, and how many there are now.
    pub fn frame_age(&self) -> FrameAge {
        let sampled = self.0.frame.as_ref().map_or(0, Frame::n_sampled);
        FrameAge { sampled, live: self.len() }
    }

    /// Verifies the checksums of all segments and of the graph. Reads every byte of them.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] naming the first file and part whose bytes are not those written.
    pub fn check(&self) -> Result<()> {
        self.0.parts.iter().try_for_each(|part| part.segment.check())?;
        self.0.graph.iter().try_for_each(|graph| graph.reader().check())
    }

    /// Makes a query ready to be compared with the vectors of this index.
    ///
    /// Costs a few microseconds. It can be used with any snapshot of any index of the same
    /// dimensions, but is fastest with those of this index.
    ///
    /// # Errors
    ///
    /// [`InputError`] if its length is not the dimensions of the index, or an element is NaN or
    /// infinite, or it is longer than 10,000. Length 1 makes scores cosines.
    pub fn prepare(&self, query: &[f32]) -> Result<PreparedQuery, InputError> {
        let dims = self.config().dims;
        if query.len() != dims {
            return Err(InputError::Length { expected: dims, found: query.len() });
        }
        PreparedQuery::new(query, self.0.frame.as_ref())
    }

    /// The `n` vectors whose inner product with the query may be the greatest, best upper bound
    /// first, equal ones by ascending id; with `allow`, only of the ids in it.
    ///
    /// Scans plane 1 of the codes of all allowed vectors, and refines those that this does not
    /// rule out with the other planes. Fewer than `n` only where there are fewer allowed
    /// vectors. O(vectors), one thread, no lock. A query of another length than the
    /// dimensions finds nothing.
    pub fn candidates(&self, query: &PreparedQuery, n: usize, allow: Option<&IdSet>) -> Scan {
        crate::scan::scan(self, query, n, allow)
    }

    /// The `n` vectors whose inner product with the query may be the greatest, as far as a walk
    /// over the graph finds them, in the order of [`Snapshot::candidates`]; with `allow`, only of
    /// the ids in it.
    ///
    /// Compares the query with a sample of the nodes, then follows links, the most promising node
    /// first, keeping the `width` best allowed nodes seen, and ends when no node is left whose links
    /// could lead to a better one than the worst of these. More width finds more of the truly best
    /// and costs more. Vectors that the graph does not cover are scanned; without a graph, these
    /// are all. Where few vectors are allowed a walk is long: it ends when it has cost as much as
    /// a scan, and says so in [`WalkCounts::cut_short`](crate::WalkCounts). One thread, no lock.
    pub fn graph_candidates(
        &self,
        query: &PreparedQuery,
        n: usize,
        allow: Option<&IdSet>,
        width: usize,
    ) -> Walked {
        crate::proximity::walk(self, query, n, allow, width)
    }

    /// The size of the graph; `None` if there is none.
    pub fn graph_stats(&self) -> Option<GraphStats> {
        self.0.graph.as_ref().map(|graph| GraphStats {
            nodes: graph.n_nodes(),
            links: graph.reader().n_links(),
            dead: graph.n_dead(),
            tail: graph.tail().len(),
            bytes: graph.reader().file_bytes(),
        })
    }

    pub(crate) fn graph(&self) -> Option<&Graph> {
        self.0.graph.as_ref()
    }

    pub(crate) fn frame(&self) -> Option<&Frame> {
        self.0.frame.as_ref()
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.0.parts
    }
}

impl Part {
    fn new(segment: Arc<SegmentReader>, deleted: IdSet) -> Self {
        let live = (!deleted.is_empty()).then(|| {
            let mut live = Mask::all(segment.n_vectors());
            segment.positions().visit_chosen(&deleted, |from, to| live.set(from, to, false));
            live
        });
        Self { segment, deleted, live }
    }

    /// The ids of the vectors that are live.
    pub(crate) fn live_ids(&self) -> IdSet {
        self.segment.positions().ids().difference(&self.deleted)
    }

    /// The ids of the vectors that are deleted.
    pub(crate) fn deleted(&self) -> &IdSet {
        &self.deleted
    }

    pub(crate) fn is_live(&self, position: u32) -> bool {
        self.live.as_ref().is_none_or(|live| live.contains(position))
    }

    /// The positions that are live and whose ids are allowed; `None` for all positions.
    pub(crate) fn mask(&self, allow: Option<&IdSet>) -> Option<Mask> {
        let Some(allow) = allow else { return self.live.clone() };
        let mut mask = Mask::none(self.segment.n_vectors());
        self.segment.positions().visit_chosen(allow, |from, to| mask.set(from, to, true));
        if let Some(live) = &self.live {
            mask.keep(live);
        }
        Some(mask)
    }

    /// Calls `visit` with the id and the position of each live vector, ascending.
    pub(crate) fn visit_live(&self, mut visit: impl FnMut(u64, u32)) {
        for position in 0..self.segment.n_vectors() {
            if self.is_live(position) {
                visit(self.segment.positions().id(position), position);
            }
        }
    }
}

/// A set of positions of a segment, one word for each block.
#[derive(Clone, Debug)]
pub(crate) struct Mask(Vec<u32>);

impl Mask {
    fn none(n_vectors: u32) -> Self {
        Self(vec![0; (n_vectors as usize).div_ceil(BLOCK)])
    }

    pub(crate) fn all(n_vectors: u32) -> Self {
        let mut mask = Self::none(n_vectors);
        mask.set(0, u64::from(n_vectors), true);
        mask
    }

    /// Puts the positions `from..to` into the set or takes them out.
    fn set(&mut self, from: u64, to: u64, value: bool) {
        let (from, to) = (from as usize, to as usize);
        let first_block = from / BLOCK;
        for (block, word) in self.0.iter_mut().enumerate().skip(first_block) {
            let start = block * BLOCK;
            if start >= to {
                break;
            }
            let low = from.saturating_sub(start);
            let high = (to - start).min(BLOCK);
            let lanes = (u32::MAX >> (BLOCK - (high - low))) << low;
            if value {
                *word |= lanes;
            } else {
                *word &= !lanes;
            }
        }
    }

    fn keep(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }

    pub(crate) fn contains(&self, position: u32) -> bool {
        self.block(position as usize / BLOCK) >> (position as usize % BLOCK) & 1 == 1
    }

    /// The positions of a block that are in the set, the first in the lowest bit.
    pub(crate) fn block(&self, block: usize) -> u32 {
        self.0.get(block).copied().unwrap_or(0)
    }
}

pub(crate) fn read_manifest(directory: &Directory) -> Result<Manifest> {
    Manifest::read(directory)?.ok_or_else(|| Error::NotFound { path: directory.path().to_owned() })
}

/// Opens the segments that a manifest names, and checks that they are those it means.
pub(crate) fn open_segments(
    directory: &Directory,
    manifest: &Manifest,
) -> Result<Vec<Arc<SegmentReader>>> {
    let frame = manifest.frame.as_ref().map_or(0, Frame::id);
    let shape = manifest.config.shape();
    let open = |entry: &SegmentEntry| {
        let segment = SegmentReader::open(directory, &entry.file_name())?;
        let found = segment.shape();
        for (what, expected, found) in [
            ("number of vectors", entry.n_vectors, u64::from(segment.n_vectors())),
            ("number of dimensions", shape.dims as u64, found.dims as u64),
            ("number of bits", u64::from(shape.tier.bits()), u64::from(found.tier.bits())),
            ("frame", frame, segment.frame()),
        ] {
            if expected != found {
                let what = Corruption::Foreign { what, expected, found };
                return Err(Error::corrupt(segment.path(), what));
            }
        }
        Ok(Arc::new(segment))
    };
    manifest.segments.iter().map(open).collect()
}

/// Opens the graph that a manifest names, if it does, and checks that it is the one it means.
pub(crate) fn open_graph(
    directory: &Directory,
    manifest: &Manifest,
) -> Result<Option<Arc<GraphReader>>> {
    let Some(entry) = &manifest.graph else { return Ok(None) };
    let graph = GraphReader::open(directory, &entry.file_name())?;
    let frame = manifest.frame.as_ref().map_or(0, Frame::id);
    for (what, expected, found) in [
        ("number of nodes", entry.n_nodes, graph.nodes().ids().len()),
        ("frame", frame, graph.frame()),
    ] {
        if expected != found {
            let what = Corruption::Foreign { what, expected, found };
            return Err(Error::corrupt(graph.path(), what));
        }
    }
    Ok(Some(Arc::new(graph)))
}
