//! Merging: several segments become one, without their deleted vectors.
//!
//! Codes are copied, not made anew: all segments of an index share one frame.

use super::VectorIndex;
use crate::codes::{Encoded, Frame};
use crate::error::Result;
use crate::ids::IdSet;
use crate::segment::SegmentBuilder;

/// Segments of about one size that are merged into one: with eight, a vector is copied about
/// seven times on the way to a million, and a search sees some thirty segments at most.
const FAN_IN: usize = 8;
/// Segments below this many vectors count as one size.
const SMALLEST_LEVEL: u64 = 512;
/// A segment of which more than one in this many vectors is deleted is written anew.
const DELETED_PART: u64 = 4;

impl VectorIndex {
    /// Merges some segments, if any are worth it, and says whether it did.
    ///
    /// Eight segments of about one size become one, and a segment that lost a quarter of its
    /// vectors is written anew. Call it after commits until it returns `false`. The new segment
    /// is built in memory by copying codes, nothing is encoded anew. The stamp stays.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), after which the handle is closed;
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn merge(&mut self) -> Result<bool> {
        self.check_open()?;
        let chosen = self.worth_merging();
        if chosen.is_empty() {
            return Ok(false);
        }
        self.merge_segments(&chosen)?;
        Ok(true)
    }

    /// Merges all segments into one without deleted vectors, and says whether there was anything
    /// to do.
    ///
    /// # Errors
    ///
    /// As [`VectorIndex::merge`].
    pub fn merge_all(&mut self) -> Result<bool> {
        self.check_open()?;
        let segments = &self.manifest.segments;
        if segments.len() < 2 && segments.iter().all(|entry| entry.deleted.is_empty()) {
            return Ok(false);
        }
        let all: Vec<usize> = (0..segments.len()).collect();
        self.merge_segments(&all)?;
        Ok(true)
    }

    /// The places of the segments to merge next.
    fn worth_merging(&self) -> Vec<usize> {
        let segments = &self.manifest.segments;
        let mut levels: Vec<Vec<usize>> = Vec::new();
        for (at, entry) in segments.iter().enumerate() {
            let level = (entry.n_live() / SMALLEST_LEVEL).checked_ilog(FAN_IN as u64);
            let level = level.map_or(0, |level| level as usize + 1);
            levels.resize(levels.len().max(level + 1), Vec::new());
            levels[level].push(at);
        }
        let full = levels.into_iter().find(|level| level.len() >= FAN_IN);
        full.unwrap_or_else(|| {
            let hollow = |entry: &crate::manifest::SegmentEntry| {
                entry.deleted.len() > entry.n_vectors / DELETED_PART
            };
            segments.iter().position(hollow).into_iter().collect()
        })
    }

    fn merge_segments(&mut self, chosen: &[usize]) -> Result<()> {
        let snapshot = self.snapshot.clone();
        // Ids with where their codes are, in the order of ids.
        let mut live: Vec<(u64, u32, u32)> = Vec::new();
        for at in chosen {
            let part = &snapshot.parts()[*at];
            part.visit_live(|id, position| live.push((id, *at as u32, position)));
        }
        live.sort_unstable();
        let mut next = self.manifest.clone();
        let mut segments = self.segments.clone();
        for at in chosen.iter().rev() {
            next.segments.remove(*at);
            segments.remove(*at);
        }
        if !live.is_empty() {
            let frame = self.manifest.frame.as_ref().map_or(0, Frame::id);
            let mut builder = SegmentBuilder::new(self.manifest.config.shape(), frame, live.len());
            let mut code = Encoded::default();
            for (_, at, position) in &live {
                snapshot.parts()[*at as usize].segment.load(*position, &mut code);
                builder.push(&code);
            }
            let ids: IdSet = live.iter().map(|(id, _, _)| *id).collect();
            drop(live);
            let segment = self.write_segment(&mut next, builder, &ids)?;
            segments.push(segment);
        }
        self.switch(next, segments, self.graph.clone())
    }
}
