//! Looking after a library: what it holds, whether it is sound, and making it anew.

use std::path::Path;

use super::{
    Cancel, LOCK_PATIENCE, Library,
    derived::{DerivedWriter, KEY_REINDEXING, lexical_dir, vectors_dir, vectors_root},
    lock::WriteLock,
    recompute::FromText,
};
use crate::{
    backend::{Probe, VectorStats},
    error::{Context, Result},
    id::{ChunkId, Generation},
    permission::folder_bytes,
    retrieval::AllowedChunks,
    settings::BackendKind,
    store::{Counts, Damage, Reader},
};

/// Whether what was measured is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is.
    Yes,
    /// It is only told.
    No,
}

/// Questions that a probe asks.
const PROBE_QUERIES: usize = 64;
/// Words of a chunk that stand for a question.
const PROBE_WORDS: usize = 8;

/// What a library holds and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Documents, files, chunks, text.
    pub counts: Counts,
    /// Collections, `default` included.
    pub collections: u64,
    /// Bytes on disk.
    pub bytes: StoreBytes,
    /// The model whose vectors it holds.
    pub model: String,
    /// Numbers in one vector.
    pub dims: usize,
    /// The engine that searches vectors.
    pub backend: BackendKind,
    /// What that engine holds.
    pub vectors: VectorStats,
    /// Transactions so far.
    pub generation: Generation,
    /// Whether the derived indexes reflect all of them.
    pub is_level: bool,
}

/// Bytes on disk, by part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreBytes {
    /// Every file of the data folder, models included.
    pub total: u64,
    /// `library.db`, with its log.
    pub library: u64,
    /// The lexical index.
    pub lexical: u64,
    /// The vector index.
    pub vectors: u64,
}

/// What `check` found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Documents verified.
    pub documents: u64,
    /// Chunks verified.
    pub chunks: u64,
    /// Damage in the truth, with the paths concerned.
    pub damage: Vec<(Damage, Vec<String>)>,
    /// Damage in the derived indexes; rebuilding mends it.
    pub derived: Vec<String>,
    /// Documents that `--repair` took out because their text is lost; adding their files again
    /// brings them back.
    pub removed: Vec<String>,
    /// Whether the derived indexes were rebuilt.
    pub rebuilt: bool,
    /// What a repair could not mend.
    pub remaining: Vec<String>,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty() && self.derived.is_empty()
    }
}

/// What `compact` gained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactReport {
    /// Bytes on disk before.
    pub before: StoreBytes,
    /// Bytes on disk afterwards.
    pub after: StoreBytes,
}

/// Told chunks done and chunks to do.
pub type ReindexProgress<'a> = dyn FnMut(u64, u64) + 'a;

impl Library {
    /// What the library holds and what it costs.
    pub fn status(&self) -> Result<Status> {
        let reader = self.store.reader()?;
        let generation = reader.generation()?;
        Ok(Status {
            counts: reader.counts()?,
            collections: reader.collection_names()?.len() as u64,
            bytes: self.bytes(),
            model: self.recorded_model()?.unwrap_or_else(|| self.embedder.identity().name.clone()),
            dims: self.recorded_dims()?.unwrap_or(self.embedder.identity().dims),
            backend: self.vectors.kind(),
            vectors: self.vectors.stats(),
            generation,
            is_level: self.is_level(generation)?,
        })
    }

    /// Whether the derived indexes reflect a generation.
    pub(super) fn is_level(&self, generation: Generation) -> Result<bool> {
        Ok(self.lexical_stamp()? >= generation.0
            && (self.vectors.generation() >= generation || self.require_own_vectors().is_err()))
    }

    fn bytes(&self) -> StoreBytes {
        let file = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let database = self.store.path();
        let log = database.with_extension("db-wal");
        StoreBytes {
            total: folder_bytes(&self.dir),
            library: file(database) + file(&log),
            lexical: folder_bytes(&lexical_dir(&self.dir)),
            vectors: folder_bytes(&vectors_root(&self.dir)),
        }
    }

    /// Verifies every checksum, count and cross-reference: the truth against itself, and the
    /// derived indexes against the truth. Reads everything.
    pub fn check(&self) -> Result<CheckReport> {
        // Taken before the truth, so that a commit in between cannot make them look newer.
        let words = self.lexical.snapshot()?;
        let vectors_at = self.vectors.generation();
        let reader = self.store.reader()?;
        let counts = reader.counts()?;
        let mut report = CheckReport {
            documents: counts.documents,
            chunks: counts.chunks,
            ..CheckReport::default()
        };
        for damage in reader.check()? {
            let mut paths = Vec::new();
            if let Some(document) = damage.document {
                paths.extend(reader.files_of(document)?.into_iter().map(|file| file.path));
            }
            report.damage.push((damage, paths));
        }
        if let Err(error) = self.lexical.check() {
            report.derived.push(format!("{error:#}"));
        }
        report.derived.extend(self.vectors.check()?);

        let generation = reader.generation()?;
        let chunks = AllowedChunks::from_documents(
            reader.documents()?.into_iter().map(|document| document.chunks),
        );
        let words_at = Generation(words.stamp());
        let mut compare = |what: &str, at: Generation, holds_exactly: bool, held: u64| {
            if at > generation {
                report.derived.push(format!(
                    "the {what} index reflects generation {at}, the library is at {generation}"
                ));
            } else if at == generation && !holds_exactly {
                report.derived.push(format!(
                    "the {what} index holds {held} chunks, not exactly the library's {}",
                    counts.chunks
                ));
            }
        };
        let held = words.chunk_ids()?;
        let same =
            held.len() as u64 == chunks.count() && held.iter().all(|chunk| chunks.contains(*chunk));
        compare("lexical", words_at, same, held.len() as u64);
        // A commit by another process since then makes the comparison void.
        if self.require_own_vectors().is_ok() && self.vectors.generation() == vectors_at {
            let same = self.vectors.holds_exactly(&chunks)?;
            compare("vector", vectors_at, same, self.vectors.stats().vectors);
        }
        Ok(report)
    }

    /// Verifies, then takes out documents whose text is lost and rebuilds the derived indexes if
    /// anything is wrong with them.
    pub fn repair(
        &self,
        cancel: &Cancel,
        progress: &mut ReindexProgress<'_>,
    ) -> Result<CheckReport> {
        let _lock = WriteLock::acquire(&self.dir, LOCK_PATIENCE)?;
        let mut report = self.check()?;
        if report.is_sound() {
            return Ok(report);
        }
        report.removed = {
            let mut transaction = self.store.begin()?;
            transaction.mend_collections()?;
            transaction.mend_dates()?;
            let mut removed = Vec::new();
            for (damage, paths) in &report.damage {
                if let Some(document) = damage.document {
                    transaction
                        .remove_document(document)
                        .context_with(|| format!("removing the damaged document {document}"))?;
                    removed.extend(paths.iter().cloned());
                }
            }
            removed.sort();
            removed.dedup();
            transaction.commit()?;
            removed
        };
        self.store.rebuild_indexes()?;
        self.clear_derived()?;
        let with_vectors = self.require_own_vectors().is_ok();
        self.catch_up_with(with_vectors, cancel, progress)?;
        report.rebuilt = true;
        let after = self.check()?;
        report.remaining = after.damage.into_iter().map(|(damage, _)| damage.what).collect();
        report.remaining.extend(after.derived);
        Ok(report)
    }

    fn clear_derived(&self) -> Result<()> {
        self.clear_words().context_with(|| "throwing away the lexical index")?;
        self.vectors.clear().context_with(|| "throwing away the vectors")
    }

    /// Makes the derived indexes anew from the stored text, with the model in use. Interrupted,
    /// it goes on there the next time.
    pub fn reindex(&self, cancel: &Cancel, progress: &mut ReindexProgress<'_>) -> Result<()> {
        let _lock = WriteLock::acquire(&self.dir, LOCK_PATIENCE)?;
        let target = self.reindexing_target();
        let is_resumed =
            self.store.reader()?.value(KEY_REINDEXING)?.as_deref() == Some(target.as_str());
        // A model that cannot be had must not cost the indexes that are there.
        self.embedder.embed_query("Is anybody there?").context_with(|| "asking the model")?;
        if !is_resumed {
            self.clear_derived()?;
            self.store.set_value(KEY_REINDEXING, &target)?;
            // Words are back in seconds, whatever the model takes.
            self.catch_up_with(false, cancel, &mut |_, _| {})?;
        }
        self.catch_up_with(true, cancel, progress)?;
        self.record_model()?;
        self.store.set_value(KEY_REINDEXING, "")?;
        self.vectors.settle(&|| !cancel.is_cancelled()).context_with(|| "settling the vectors")?;
        self.drop_other_vectors()
    }

    /// Vectors of models that are no longer in use. What another engine keeps for the model in use
    /// stays: it may be gone back to.
    pub(super) fn drop_other_vectors(&self) -> Result<()> {
        // An oracle leaves everything as it is.
        if self.vectors.kind() == BackendKind::Exact {
            return Ok(());
        }
        let own = vectors_dir(&self.dir, &self.settings, self.embedder.as_ref());
        self.drop_local_vectors(Some(&own))?;
        self.vectors.drop_others()
    }

    /// Vectors in this library's folder that were made from other strings than are indexed now.
    pub(super) fn drop_stale_vectors(&self) -> Result<()> {
        // The index that is open was cleared, and must keep its folder.
        let own = vectors_dir(&self.dir, &self.settings, self.embedder.as_ref());
        let is_open = self.vectors.kind() == BackendKind::Leann;
        self.drop_local_vectors(is_open.then_some(own.as_path()))
    }

    fn drop_local_vectors(&self, but: Option<&Path>) -> Result<()> {
        let root = vectors_root(&self.dir);
        let Ok(entries) = std::fs::read_dir(&root) else { return Ok(()) };
        for entry in entries.flatten() {
            if Some(entry.path().as_path()) != but {
                std::fs::remove_dir_all(entry.path())
                    .context_with(|| format!("deleting {}", entry.path().display()))?;
            }
        }
        Ok(())
    }

    /// Measures what searches of this library cost on this machine. With [`Keep::Yes`] the planner
    /// goes by the work that was counted from now on; what steps cost is the caller's to keep in
    /// the settings.
    ///
    /// Asks with headings and first lines of chunks spread over the library, since what a person
    /// asks is not recorded here. Takes seconds with the built-in model. `None` where there is
    /// only one way of searching, or too little to measure on.
    ///
    /// # Errors
    ///
    /// `Busy` while another process changes the library; those of a search.
    pub fn probe(&self, keep: Keep) -> Result<Option<Probe>> {
        let _lock = WriteLock::acquire(&self.dir, LOCK_PATIENCE)?;
        self.require_own_vectors()?;
        self.catch_up(&Cancel::new())?;
        let reader = self.store.reader()?;
        let queries: Vec<Vec<f32>> = probe_texts(&reader)?
            .iter()
            .map(|text| self.embedder.embed_query(text))
            .collect::<Result<_>>()?;
        let from_text = FromText::lending(self, vec![reader]);
        let probe =
            self.vectors.probe(&queries, &from_text).context_with(|| "measuring searches")?;
        if let (Some(probe), Keep::Yes) = (&probe, keep) {
            self.vectors.reckon_with(probe.work)?;
        }
        Ok(probe)
    }

    /// Merges index segments, drops what is gone, and gives unused space back.
    pub fn compact(&self) -> Result<CompactReport> {
        let _lock = WriteLock::acquire(&self.dir, LOCK_PATIENCE)?;
        let before = self.bytes();
        self.catch_up(&Cancel::new())?;
        DerivedWriter::begin(self)?.merge_words()?;
        if self.require_own_vectors().is_ok() {
            self.vectors.merge().context_with(|| "merging the vectors")?;
            self.vectors.settle(&|| true).context_with(|| "settling the vectors")?;
            self.drop_other_vectors()?;
        }
        if self.vectors.kind() != BackendKind::Exact && self.require_own_vectors().is_ok() {
            let reflected = self.vectors.generation().min(Generation(self.lexical_stamp()?));
            self.store.forget_removals_until(reflected)?;
        }
        self.store.compress_with_dictionary()?;
        self.store.compact()?;
        Ok(CompactReport { before, after: self.bytes() })
    }
}

/// Texts to ask a library with: the headings of documents spread over it, or how they begin.
fn probe_texts(reader: &Reader<'_>) -> Result<Vec<String>> {
    let documents = reader.documents()?;
    let stride = (documents.len() / PROBE_QUERIES).max(1);
    let mut texts = Vec::new();
    for document in documents.iter().step_by(stride).take(PROBE_QUERIES) {
        // Any chunk of the document, but the same one every time.
        let middle = ChunkId(document.chunks.first.0 + u64::from(document.chunks.n_chunks) / 2);
        let Some(place) = reader.chunk(middle)? else { continue };
        let heading = place.heading.rsplit('\u{203a}').next().unwrap_or_default().trim();
        let text = if heading.is_empty() {
            let text = reader.text(document.id, place.span)?;
            text.split_whitespace().take(PROBE_WORDS).collect::<Vec<_>>().join(" ")
        } else {
            heading.to_owned()
        };
        if !text.is_empty() {
            texts.push(text);
        }
    }
    Ok(texts)
}
