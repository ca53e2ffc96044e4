//! The file of a graph: which nodes each node links to, as bits.
//!
//! ```text
//! header   64 bytes
//! groups   for each 32 nodes: first bit of their links 8 · number of links of each node 1
//! links    of each node, see `packed`; then 8 zero bytes
//! entries  nodes to start from, 4 each
//! ids      runs: the id of each node, ascending
//! ```
//!
//! Header: magic 8 · version 4 · nodes 4 · links 8 · bytes of the links 8 · frame 8 · entries 4 ·
//! bytes of the ids 4 · CRC-32 of groups, of links, of entries and ids, of the 60 bytes before: 4 each.

use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::packed::{BitWriter, MOST_LINKS, PADDING_BYTES, Spelling};
use super::walker::Links;
use crate::directory::Directory;
use crate::error::{Corruption, Error, Result};
use crate::ids::{IdSet, Positions};
use crate::layout::Reader;
use crate::segment::check_part;
use crate::segment::header::{check_crc, check_version};

const MAGIC: [u8; 8] = *b"RAGIXGRA";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 64;
/// Nodes whose numbers of links stand together.
const GROUP: usize = 32;
const GROUP_BYTES: usize = 8 + GROUP;
/// Nodes keep this many links whatever it takes: fewer do not hold a graph together. Only graphs
/// of less than a hundred nodes take more than they should for it.
const FEWEST_LINKS: usize = 8;
/// More links than this make walks slower and find no more.
const ENOUGH_LINKS: usize = 32;

/// A graph on disk, mapped. Lengths, entries and ids were checked when it was opened; groups and
/// links may still hold any bytes, and reading them copes with that.
#[derive(Debug)]
pub(crate) struct GraphReader {
    path: PathBuf,
    map: Mmap,
    header: Header,
    groups: Range<usize>,
    links: Range<usize>,
    spelling: Spelling,
    entries: Vec<u32>,
    nodes: Positions,
}

#[derive(Clone, Copy, Debug)]
struct Header {
    n_nodes: u32,
    n_links: u64,
    links_bytes: u64,
    frame: u64,
    n_entries: u32,
    ids_bytes: u32,
    groups_crc: u32,
    links_crc: u32,
    ids_crc: u32,
}

impl Header {
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.n_nodes.to_le_bytes());
        bytes.extend(self.n_links.to_le_bytes());
        bytes.extend(self.links_bytes.to_le_bytes());
        bytes.extend(self.frame.to_le_bytes());
        bytes.extend(self.n_entries.to_le_bytes());
        bytes.extend(self.ids_bytes.to_le_bytes());
        bytes.extend(self.groups_crc.to_le_bytes());
        bytes.extend(self.links_crc.to_le_bytes());
        bytes.extend(self.ids_crc.to_le_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let Some((bytes, _)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            let (expected, found) = (HEADER_BYTES as u64, bytes.len() as u64);
            return Err(Error::corrupt(path, Corruption::Length { expected, found }));
        };
        check_version(bytes, MAGIC, VERSION, path)?;
        check_crc(bytes, path, "header")?;
        Self::fields(bytes)
            .ok_or_else(|| Error::corrupt(path, Corruption::Content { part: "header" }))
    }

    fn fields(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes.get(12..)?);
        Some(Self {
            n_nodes: reader.u32()?,
            n_links: reader.u64()?,
            links_bytes: reader.u64()?,
            frame: reader.u64()?,
            n_entries: reader.u32()?,
            ids_bytes: reader.u32()?,
            groups_crc: reader.u32()?,
            links_crc: reader.u32()?,
            ids_crc: reader.u32()?,
        })
    }

    /// Where groups, links and what comes after them are, after checking that they fill the file.
    fn parts(&self, file_bytes: usize, path: &Path) -> Result<[Range<usize>; 3]> {
        let n_groups = u128::from(self.n_nodes.div_ceil(GROUP as u32));
        let groups_end = HEADER_BYTES as u128 + n_groups * GROUP_BYTES as u128;
        let links_end = groups_end + u128::from(self.links_bytes);
        let end = links_end + 4 * u128::from(self.n_entries) + u128::from(self.ids_bytes);
        if end != file_bytes as u128 {
            let expected = u64::try_from(end).unwrap_or(u64::MAX);
            let found = file_bytes as u64;
            return Err(Error::corrupt(path, Corruption::Length { expected, found }));
        }
        let (groups_end, links_end) = (groups_end as usize, links_end as usize);
        Ok([HEADER_BYTES..groups_end, groups_end..links_end, links_end..file_bytes])
    }
}

impl GraphReader {
    /// Maps and validates a graph; reads its header, entries and ids, O(runs of ids).
    pub(crate) fn open(directory: &Directory, name: &str) -> Result<Self> {
        let path = directory.file(name);
        let Some(map) = directory.map(name)? else {
            return Err(Error::corrupt(&path, Corruption::Missing));
        };
        let header = Header::from_bytes(&map, &path)?;
        let [groups, links, rest] = header.parts(map.len(), &path)?;
        check_part(&path, "ids", rest.start, header.ids_crc, &map[rest.clone()])?;
        let (entries, nodes) = Self::content(&header, &map[rest])
            .ok_or_else(|| Error::corrupt(&path, Corruption::Content { part: "ids" }))?;
        let spelling = Spelling::new(header.n_nodes);
        Ok(Self { path, map, header, groups, links, spelling, entries, nodes })
    }

    fn content(header: &Header, bytes: &[u8]) -> Option<(Vec<u32>, Positions)> {
        let mut reader = Reader::new(bytes);
        let mut entries = Vec::new();
        for _ in 0..header.n_entries {
            entries.push(reader.u32().filter(|entry| *entry < header.n_nodes)?);
        }
        let ids = IdSet::decode(&mut reader)?;
        let complete = reader.remaining_bytes() == 0 && ids.len() == u64::from(header.n_nodes);
        complete.then(|| (entries, Positions::new(ids)))
    }

    /// Verifies the checksums of groups and links; reads the whole file.
    pub(crate) fn check(&self) -> Result<()> {
        for (part, range, crc) in [
            ("groups", &self.groups, self.header.groups_crc),
            ("links", &self.links, self.header.links_crc),
        ] {
            check_part(&self.path, part, range.start, crc, &self.map[range.clone()])?;
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn frame(&self) -> u64 {
        self.header.frame
    }

    pub(crate) fn n_links(&self) -> u64 {
        self.header.n_links
    }

    pub(crate) fn file_bytes(&self) -> u64 {
        self.map.len() as u64
    }

    /// The ids of the nodes.
    pub(crate) fn nodes(&self) -> &Positions {
        &self.nodes
    }

    /// Nodes to start from: a sample of all of them.
    pub(crate) fn entries(&self) -> &[u32] {
        &self.entries
    }

    /// Where the links of a node begin, in bits, and how many there are.
    fn span(&self, node: u32) -> Option<(u64, u8)> {
        let (group, lane) = (node as usize / GROUP, node as usize % GROUP);
        let start = self.groups.start + group * GROUP_BYTES;
        let group = self.map.get(start..start + GROUP_BYTES)?;
        let (first, counts) = group.split_first_chunk()?;
        let before = counts[..lane].iter().map(|n| self.spelling.bits(usize::from(*n)));
        Some((u64::from_le_bytes(*first).saturating_add(before.sum()), counts[lane]))
    }
}

impl Links for GraphReader {
    fn n_nodes(&self) -> usize {
        self.header.n_nodes as usize
    }

    fn append(&self, node: u32, links: &mut Vec<u32>) {
        if let Some((start, n_links)) = self.span(node) {
            self.spelling.read(&self.map[self.links.clone()], start, n_links, links);
        }
    }
}

/// How many links a node may keep, so that a graph of `nodes` takes no more than so many bytes a
/// node in all: a number for most nodes, of which the `n_hubs` hubs may keep twice as many.
pub(super) fn links_within(bytes_per_node: usize, nodes: &IdSet, n_hubs: u64) -> usize {
    let n_nodes = nodes.len();
    let spelling = Spelling::new(n_nodes.min(u64::from(u32::MAX)) as u32);
    let mut ids = Vec::new();
    nodes.encode(&mut ids);
    let others = HEADER_BYTES
        + PADDING_BYTES
        + ids.len()
        + 4 * super::n_entries(n_nodes as usize)
        + (n_nodes as usize).div_ceil(GROUP) * GROUP_BYTES;
    // What is kept back is for nodes that no other keeps a link to.
    let bytes = (n_nodes as usize * (4 * bytes_per_node - 1) / 4).saturating_sub(others) as u64;
    (FEWEST_LINKS..=MOST_LINKS / 2)
        .take_while(|n_links| {
            let bits = n_hubs * spelling.bits(2 * n_links)
                + n_nodes.saturating_sub(n_hubs) * spelling.bits(*n_links);
            bits <= 8 * bytes
        })
        .last()
        .unwrap_or(FEWEST_LINKS)
        .min(ENOUGH_LINKS)
}

/// A graph in memory, ready to be written.
#[derive(Debug)]
pub(crate) struct GraphImage {
    pub(super) frame: u64,
    /// The ids of the nodes.
    pub(super) nodes: Positions,
    /// The links of each node, ascending, at most [`MOST_LINKS`].
    pub(super) links: Vec<Vec<u32>>,
    pub(super) entries: Vec<u32>,
}

impl GraphImage {
    pub(crate) fn n_nodes(&self) -> u64 {
        self.links.len() as u64
    }

    pub(crate) fn write(&self, directory: &Directory, name: &str) -> Result<()> {
        let n_nodes = self.links.len() as u32;
        let spelling = Spelling::new(n_nodes);
        let mut groups = Vec::with_capacity(self.links.len().div_ceil(GROUP) * GROUP_BYTES);
        let (mut packed, mut first, mut n_links) = (BitWriter::default(), 0_u64, 0);
        for group in self.links.chunks(GROUP) {
            groups.extend(first.to_le_bytes());
            for links in group {
                let links = &links[..links.len().min(MOST_LINKS)];
                groups.push(links.len() as u8);
                spelling.push(links, &mut packed);
                first += spelling.bits(links.len());
                n_links += links.len() as u64;
            }
            groups.resize(groups.len().next_multiple_of(GROUP_BYTES), 0);
        }
        let packed = packed.finish();
        let mut rest: Vec<u8> = self.entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
        let entries_bytes = rest.len();
        self.nodes.ids().encode(&mut rest);
        let header = Header {
            n_nodes,
            n_links,
            links_bytes: packed.len() as u64,
            frame: self.frame,
            n_entries: self.entries.len() as u32,
            ids_bytes: (rest.len() - entries_bytes) as u32,
            groups_crc: crc32fast::hash(&groups),
            links_crc: crc32fast::hash(&packed),
            ids_crc: crc32fast::hash(&rest),
        };
        directory.write(name, &[&header.to_bytes(), &groups, &packed, &rest])
    }
}
