//! Adding and deleting chunks.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tantivy::indexer::{IndexWriterOptions, LogMergePolicy, MergePolicy as _, NoMergePolicy};
use tantivy::query::{ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{
    DocId, DocSet, FutureResult, Index, IndexReader, IndexWriter, Score, SegmentMeta,
    SegmentReader, TERMINATED, TantivyDocument, TantivyError,
};

use crate::error::{Context as _, Error, ErrorKind, Result};

use super::analyser::Terms;
use super::failure::guard;
use super::index::{Fields, Payload};

/// The least memory tantivy accepts for a thread.
const BUDGET_MIN_BYTES: usize = 15_000_000;

/// How long the lock of a writer may be held by nobody: a process that is being started has all files
/// of this one open until it runs its own program, that of a writer which has ended among them.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);
/// Between two tries to take it.
const LOCK_RETRY: Duration = Duration::from_millis(2);

/// How often a full merge is tried.
const MERGE_ATTEMPTS: usize = 4;

/// Share of deleted chunks from which a segment is rewritten even if nothing calls for a merge.
const DELETED_SHARE: f32 = 0.25;

/// Adds and deletes chunks; nothing is seen by readers before [`commit`](Self::commit).
///
/// Dropped without a commit, it leaves the last commit as it was. After a failed operation it
/// refuses further ones.
pub struct LexicalWriter {
    dir: PathBuf,
    fields: Fields,
    /// The reader of the index this writer was opened from.
    reader: IndexReader,
    /// `None` after a failure.
    writer: Option<IndexWriter>,
    payload: Payload,
    /// Merges begun after a commit. They are our own doing, not tantivy's, so that there is a
    /// moment at which none runs.
    merging: Vec<FutureResult<Option<SegmentMeta>>>,
    /// Ranges of ids to delete, not yet handed on: one pass over a segment deletes them all.
    deleted: Vec<Range<u64>>,
    /// The greatest end in `deleted`.
    deleted_end: u64,
    /// Whether anything was added or deleted since the last commit.
    is_dirty: bool,
}

impl LexicalWriter {
    pub(super) fn open(
        dir: &Path,
        index: &Index,
        reader: &IndexReader,
        fields: Fields,
        payload: Payload,
        memory_budget_bytes: usize,
        threads: usize,
    ) -> Result<Self> {
        let threads = threads.clamp(1, 8);
        let options = IndexWriterOptions::builder()
            .num_worker_threads(threads)
            .memory_budget_per_thread((memory_budget_bytes / threads).max(BUDGET_MIN_BYTES))
            .num_merge_threads(1)
            .build();
        remove_unnamed_deletions(dir, index)?;
        let begun = Instant::now();
        let writer = loop {
            let open = || index.writer_with_options(options.clone());
            match guard(dir, "opening for writing", open) {
                Err(error)
                    if error.kind() == ErrorKind::Busy && begun.elapsed() < LOCK_PATIENCE =>
                {
                    thread::sleep(LOCK_RETRY);
                }
                opened => break opened?,
            }
        };
        writer.set_merge_policy(Box::new(NoMergePolicy));
        Ok(Self {
            dir: dir.to_owned(),
            fields,
            reader: reader.clone(),
            writer: Some(writer),
            payload,
            merging: Vec::new(),
            deleted: Vec::new(),
            deleted_end: 0,
            is_dirty: false,
        })
    }

    /// The stamp of the last commit.
    pub fn stamp(&self) -> u64 {
        self.payload.stamp
    }

    /// Adds a chunk. Ids need not ascend, but the index is smallest if they do. A chunk that is
    /// there already must be deleted first.
    ///
    /// Waits while the queue of the threads that build postings is full.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`], [`ErrorKind::Exhausted`] if postings could not be written.
    pub fn add(&mut self, chunk_id: u64, terms: &Terms) -> Result<()> {
        if chunk_id < self.deleted_end {
            // The deletions came first and must not reach this chunk.
            self.flush_deleted()?;
        }
        if let Some(language) = terms.language {
            self.payload.languages.insert(language);
        }
        self.is_dirty = true;
        let fields = self.fields;
        self.write("adding a chunk to", |writer| {
            let mut document = TantivyDocument::default();
            document.add_u64(fields.chunk, chunk_id);
            document.add_text(fields.content, &terms.content);
            if !terms.common.is_empty() {
                document.add_text(fields.common, &terms.common);
            }
            writer.add_document(document).map(drop)
        })
    }

    /// Deletes the chunks whose ids lie in `chunk_ids`; ids that are not there are ignored.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn delete(&mut self, chunk_ids: Range<u64>) -> Result<()> {
        if self.writer.is_none() {
            return Err(self.closed());
        }
        if !chunk_ids.is_empty() {
            self.is_dirty = true;
            self.deleted_end = self.deleted_end.max(chunk_ids.end);
            self.deleted.push(chunk_ids);
        }
        Ok(())
    }

    /// Deletes every chunk and every trace of them in the files, at the next commit.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn clear(&mut self) -> Result<()> {
        self.deleted.clear();
        self.deleted_end = 0;
        self.payload.languages = super::Languages::default();
        self.is_dirty = true;
        self.finish_merges()?;
        self.write("clearing", |writer| writer.delete_all_documents().map(drop))
    }

    /// Makes all that was added and deleted durable and visible at once, as the state `stamp` of
    /// the library.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). The index is then as it was at the commit before.
    pub fn commit(&mut self, stamp: u64) -> Result<()> {
        self.flush_deleted()?;
        self.finish_merges()?;
        let payload = Payload { stamp, ..self.payload };
        let mut merging = Vec::new();
        self.write("committing to", |writer| {
            let mut commit = writer.prepare_commit()?;
            commit.set_payload(&payload.to_string());
            commit.commit()?;
            let mut policy = LogMergePolicy::default();
            policy.set_del_docs_ratio_before_merge(DELETED_SHARE);
            let segments = writer.index().searchable_segment_metas()?;
            for candidate in policy.compute_merge_candidates(&segments) {
                merging.push(writer.merge(&candidate.0));
            }
            Ok(())
        })?;
        self.payload = payload;
        self.merging = merging;
        self.is_dirty = false;
        Ok(())
    }

    /// Rewrites the index as one segment, without what was deleted. Costs a pass over the whole
    /// index, and its size again on disk while it runs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] while something is not committed: tantivy lets deletions that are
    /// queued take effect in a merge, and what they deleted would be gone without a commit. As
    /// [`add`](Self::add) otherwise.
    pub fn merge_all(&mut self) -> Result<()> {
        if self.is_dirty {
            return Err(Error::new(
                ErrorKind::Conflict,
                "there are changes that are not committed",
            )
            .context(format!("compacting the lexical index {}", self.dir.display())));
        }
        self.finish_merges()?;
        self.write("compacting", |writer| {
            // A merge can come back without effect, where deletions reached a segment meanwhile.
            for _ in 0..MERGE_ATTEMPTS {
                let segments = writer.index().searchable_segment_metas()?;
                if segments.len() <= 1 && !segments.iter().any(SegmentMeta::has_deletes) {
                    break;
                }
                let ids: Vec<_> = segments.iter().map(SegmentMeta::id).collect();
                writer.merge(&ids).wait()?;
            }
            Ok(())
        })?;
        self.remove_old_files()
    }

    /// Waits for merges that run in the background, then closes the writer. Dropping it instead
    /// abandons them, which costs nothing but their work.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn close(mut self) -> Result<()> {
        self.finish_merges()?;
        self.remove_old_files()?;
        match self.writer.take() {
            Some(writer) => guard(&self.dir, "closing", || writer.wait_merging_threads()),
            None => Err(self.closed()),
        }
    }

    /// Deletes the files of segments that no snapshot needs.
    fn remove_old_files(&mut self) -> Result<()> {
        let reader = self.reader.clone();
        self.write("tidying", |writer| {
            // The state the reader last loaded would keep its files, though nobody looks at it.
            reader.reload()?;
            writer.garbage_collect_files().wait().map(drop)
        })
    }

    fn finish_merges(&mut self) -> Result<()> {
        let merging = std::mem::take(&mut self.merging);
        self.write("merging", |_| merging.into_iter().try_for_each(|merge| merge.wait().map(drop)))
    }

    fn flush_deleted(&mut self) -> Result<()> {
        if self.deleted.is_empty() {
            return Ok(());
        }
        // A merge that is under way would carry out these deletions before they are committed.
        self.finish_merges()?;
        let ranges = merged(std::mem::take(&mut self.deleted));
        self.deleted_end = 0;
        let query = ChunkRanges { ranges: ranges.into() };
        self.write("deleting from", |writer| writer.delete_query(Box::new(query)).map(drop))
    }

    fn write(
        &mut self,
        doing: &str,
        work: impl FnOnce(&mut IndexWriter) -> Result<(), TantivyError>,
    ) -> Result<()> {
        let Some(writer) = self.writer.as_mut() else { return Err(self.closed()) };
        let outcome = guard(&self.dir, doing, || work(writer));
        if outcome.is_err() {
            self.writer = None;
        }
        outcome
    }

    #[cold]
    fn closed(&self) -> Error {
        Error::new(ErrorKind::Conflict, "an operation before this one failed, and it is closed")
            .context(format!("writing to the lexical index {}", self.dir.display()))
            .with_hint("open a new writer; what was committed is unharmed")
    }
}

impl fmt::Debug for LexicalWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LexicalWriter").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// Removes files of deletions that no commit names. A writer that was killed while it committed
/// leaves them, and the next commit may want their names.
fn remove_unnamed_deletions(dir: &Path, index: &Index) -> Result<()> {
    let what = || format!("tidying the lexical index {}", dir.display());
    let metas = guard(dir, "opening for writing", || index.searchable_segment_metas())?;
    let named: BTreeSet<String> = metas
        .iter()
        .filter_map(|meta| {
            Some(format!("{}.{}.del", meta.id().uuid_string(), meta.delete_opstamp()?))
        })
        .collect();
    for entry in std::fs::read_dir(dir).context_with(what)? {
        let path = entry.context_with(what)?.path();
        let is_deletions = path.extension().is_some_and(|extension| extension == "del");
        if is_deletions
            && !path
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| named.contains(name))
        {
            std::fs::remove_file(&path).context_with(what)?;
        }
    }
    Ok(())
}

/// The same ids in ranges that ascend and do not touch.
fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Matches the chunks whose ids lie in one of the ranges, by a pass over the column of ids: there
/// is nothing on disk for the sake of deletion.
#[derive(Clone, Debug)]
struct ChunkRanges {
    /// Ascending, apart.
    ranges: Arc<[Range<u64>]>,
}

impl ChunkRanges {
    fn contain(&self, id: u64) -> bool {
        let after = self.ranges.partition_point(|range| range.start <= id);
        after > 0 && id < self.ranges[after - 1].end
    }
}

impl Query for ChunkRanges {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for ChunkRanges {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let column = segment.fast_fields().u64("chunk")?;
        let (Some(first), Some(last)) = (self.ranges.first(), self.ranges.last()) else {
            return Ok(Box::new(EmptyScorer));
        };
        if column.max_value() < first.start || column.min_value() >= last.end {
            return Ok(Box::new(EmptyScorer));
        }
        let docs: Vec<DocId> = (0..segment.max_doc())
            .filter(|&doc| column.first(doc).is_some_and(|id| self.contain(id)))
            .collect();
        Ok(Box::new(ConstScorer::new(Listed { docs, at: 0 }, boost)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("chunk ranges", 1.0))
    }
}

/// Documents of a segment, ascending.
struct Listed {
    docs: Vec<DocId>,
    at: usize,
}

impl DocSet for Listed {
    fn advance(&mut self) -> DocId {
        self.at = (self.at + 1).min(self.docs.len());
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.docs.get(self.at).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        self.docs.len() as u32
    }
}
