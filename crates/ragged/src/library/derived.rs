//! Keeping the derived indexes level with the truth.
//!
//! A change is committed to the store first, then to the indexes, which carry the generation
//! they reflect. An index that is behind, because a process was killed in between, is caught up
//! from the text when the library is next opened by a process that may write.

use std::path::{Path, PathBuf};

use super::{BUILTIN_MODEL, Cancel, Library, lock::WriteLock, recompute::index_text_of};
use crate::{
    backend::{ChromaBackend, ExactBackend, LeannBackend, Reflected, VectorBackend, VectorChange},
    chunk::CHUNKER_VERSION,
    embedding::{Embedder, ModelKind},
    error::{Context, Error, ErrorKind, Result},
    id::{ChunkId, ChunkRange, Generation},
    lexical::{Analyser, Language, LexicalIndex, LexicalWriter, Terms},
    permission::private_dir,
    settings::{BackendKind, Settings},
    store::{DocumentChunks, Reader, Store},
};

/// The model that made this library's vectors: its name in the settings, its fingerprint, the
/// dimensions of its vectors.
pub(super) const KEY_MODEL: &str = "model";
pub(super) const KEY_FINGERPRINT: &str = "model_fingerprint";
pub(super) const KEY_DIMS: &str = "model_dims";
/// The tier of its codes.
const KEY_TIER: &str = "tier";
/// The model and tier that a `reindex` under way makes the indexes anew for.
pub(super) const KEY_REINDEXING: &str = "reindexing";
/// The version of what chunks are indexed by.
const KEY_CHUNKER: &str = "chunker";

/// Vectors held in memory until they become a segment. Larger segments merge less often.
const SEGMENT_BUFFER_BYTES: usize = 32 << 20;
/// The language of texts that are too short to tell.
const MAIN_LANGUAGE: Language = Language::English;
/// Memory of the lexical writer.
const LEXICAL_BUFFER_BYTES: usize = 48 << 20;
/// Chunks embedded at a time while catching up.
const CATCH_UP_CHUNKS: usize = 2048;
/// The same for a model that takes a tenth of a second a chunk.
const COSTLY_CATCH_UP_CHUNKS: usize = 16;
/// A costly model's vectors become durable after this many such batches.
const COSTLY_BATCHES: usize = 16;

pub(super) fn lexical_dir(dir: &Path) -> PathBuf {
    Library::index_dir(dir).join("lexical")
}

pub(super) fn vectors_root(dir: &Path) -> PathBuf {
    Library::index_dir(dir).join("vectors")
}

/// Vectors of different models or tiers live in different folders, so they cannot mix.
pub(super) fn vectors_dir(dir: &Path, settings: &Settings, embedder: &dyn Embedder) -> PathBuf {
    let fingerprint = &embedder.identity().fingerprint;
    let short = fingerprint.get(..16).unwrap_or(fingerprint);
    vectors_root(dir).join(format!("{short}-{}", settings.backend.tier.as_str()))
}

/// Opens the lexical index, or begins a new one where there is none that can be used.
pub(super) fn open_lexical(dir: &Path) -> Result<LexicalIndex> {
    let path = lexical_dir(dir);
    private_dir(&path)?;
    match LexicalIndex::open_or_create(&path, MAIN_LANGUAGE) {
        Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Incompatible) => {
            reset(dir, &path)?;
            LexicalIndex::open_or_create(&path, MAIN_LANGUAGE)
        }
        other => other,
    }
}

pub(super) fn open_vectors(
    dir: &Path,
    settings: &Settings,
    embedder: &dyn Embedder,
    store: &Store,
) -> Result<Box<dyn VectorBackend>> {
    match settings.backend.kind {
        BackendKind::Exact => Ok(Box::new(ExactBackend::new(embedder.identity().dims))),
        BackendKind::Chromadb => Ok(Box::new(ChromaBackend::open(
            &store.library_id()?,
            &CHUNKER_VERSION.to_string(),
            embedder.identity(),
            &settings.backend.chroma,
        )?)),
        BackendKind::Leann => {
            let path = vectors_dir(dir, settings, embedder);
            private_dir(&path)?;
            let open = || LeannBackend::open(&path, embedder.identity(), &settings.backend);
            match open() {
                Err(error)
                    if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Incompatible) =>
                {
                    reset(dir, &path)?;
                    Ok(Box::new(open()?))
                }
                other => Ok(Box::new(other?)),
            }
        }
    }
}

/// Whether a document's chunks are missing from vectors that reflect `vectors_at`.
pub(super) fn needs_vectors(document: &DocumentChunks, vectors_at: Reflected) -> bool {
    document.generation > vectors_at.generation && document.chunks.first > vectors_at.last_chunk
}

/// Throws a derived index away.
fn reset(dir: &Path, path: &Path) -> Result<()> {
    let _lock = WriteLock::acquire(dir, super::LOCK_PATIENCE)?;
    std::fs::remove_dir_all(path)
        .context_with(|| format!("throwing away the damaged index {}", path.display()))?;
    private_dir(path)
}

/// Brings one change after another to all derived indexes.
pub(super) struct DerivedWriter<'a> {
    library: &'a Library,
    lexical: LexicalWriter,
    added: Vec<ChunkId>,
    vectors: Vec<f32>,
    removed: Vec<ChunkRange>,
    last_chunk: ChunkId,
    /// Whether the vectors are this library's own, and follow its changes.
    writes_vectors: bool,
}

impl<'a> DerivedWriter<'a> {
    /// The caller holds the write lock.
    pub(super) fn begin(library: &'a Library) -> Result<Self> {
        Self::begin_with(library, library.require_own_vectors().is_ok())
    }

    fn begin_with(library: &'a Library, writes_vectors: bool) -> Result<Self> {
        if writes_vectors {
            library.vectors.refresh()?;
        }
        Ok(Self {
            writes_vectors,
            library,
            lexical: library.lexical.writer(LEXICAL_BUFFER_BYTES, 1)?,
            added: Vec::new(),
            vectors: Vec::new(),
            removed: Vec::new(),
            last_chunk: library.vectors.reflected().last_chunk,
        })
    }

    /// Takes in a document's chunks: the words of each, and their vectors.
    pub(super) fn add(
        &mut self,
        chunks: ChunkRange,
        terms: &[Terms],
        vectors: &[f32],
    ) -> Result<()> {
        self.add_words(chunks, terms)?;
        self.add_vectors(chunks, vectors);
        Ok(())
    }

    fn add_words(&mut self, chunks: ChunkRange, terms: &[Terms]) -> Result<()> {
        for (id, terms) in chunks.ids().zip(terms) {
            self.lexical.add(id, terms)?;
        }
        Ok(())
    }

    fn add_vectors(&mut self, chunks: ChunkRange, vectors: &[f32]) {
        self.added.extend(chunks.ids().map(ChunkId));
        self.vectors.extend_from_slice(vectors);
        if let Some(last) = self.added.last() {
            self.last_chunk = *last;
        }
    }

    /// Takes out a document's chunks.
    pub(super) fn remove(&mut self, chunks: ChunkRange) -> Result<()> {
        self.lexical.delete(chunks.ids())?;
        self.remove_vectors(chunks);
        Ok(())
    }

    fn remove_vectors(&mut self, chunks: ChunkRange) {
        // What was added and removed within one change never reaches the index.
        let ids = chunks.ids();
        let (from, to) = (
            self.added.partition_point(|id| id.0 < ids.start),
            self.added.partition_point(|id| id.0 < ids.end),
        );
        let dims = self.library.embedder.identity().dims;
        self.added.drain(from..to);
        self.vectors.drain(from * dims..to * dims);
        self.removed.push(chunks);
    }

    /// Whether it is time to commit.
    pub(super) fn is_full(&self) -> bool {
        self.vectors.len() * size_of::<f32>() >= SEGMENT_BUFFER_BYTES
    }

    /// Makes everything taken in durable; the indexes then reflect `generation`.
    pub(super) fn commit(&mut self, generation: Generation) -> Result<()> {
        self.lexical.commit(generation.0).context_with(|| "committing the lexical index")?;
        // Earlier generations are over, and what was removed must not stay in memory.
        self.library.results.begin(generation);
        self.library.profiles.begin(generation);
        self.commit_vectors(generation)
    }

    fn commit_vectors(&mut self, generation: Generation) -> Result<()> {
        if !self.writes_vectors {
            return Ok(());
        }
        let change =
            VectorChange { added: &self.added, vectors: &self.vectors, removed: &self.removed };
        self.library
            .vectors
            .commit(change, Reflected { generation, last_chunk: self.last_chunk })
            .context_with(|| "committing the vectors")?;
        self.added.clear();
        self.vectors.clear();
        self.removed.clear();
        Ok(())
    }

    /// Brings the lexical segments into one.
    pub(super) fn merge_words(mut self) -> Result<()> {
        self.lexical.merge_all().context_with(|| "merging the lexical index")?;
        self.lexical.close()
    }

    /// Ends a change that came to nothing.
    pub(super) fn close(self) -> Result<()> {
        self.lexical.close()
    }

    /// Ends a long change: waits for merges, and rebuilds codes that no longer fit.
    pub(super) fn settle(self, cancel: &Cancel) -> Result<()> {
        let Self { library, lexical, writes_vectors, .. } = self;
        lexical.close()?;
        let identity = library.embedder.identity();
        let sample = (SEGMENT_BUFFER_BYTES / size_of::<f32>() / identity.dims.max(1)) as u64;
        // A costly model's vectors are not made anew for that.
        if writes_vectors
            && identity.kind == ModelKind::Static
            && library.vectors.wants_rebuild(sample)
        {
            library.vectors.clear()?;
            library.catch_up(&Cancel::new())?;
        }
        if writes_vectors && !cancel.is_cancelled() {
            // Everything is committed, and searches do without what this adds: what stands in its
            // way is met again the next time.
            drop(library.vectors.settle(&|| !cancel.is_cancelled()));
        }
        Ok(())
    }
}

impl Library {
    /// Decides whose vectors the library holds, where nothing stands against it: a new or empty
    /// library takes the model given, and a newer built-in model replaces an older one, since
    /// that costs seconds.
    pub(super) fn settle_model(&self) -> Result<()> {
        let identity = self.embedder.identity();
        let (recorded, is_empty) = {
            let reader = self.store.reader()?;
            let recorded = reader.value(KEY_FINGERPRINT)?;
            if recorded.as_deref() == Some(identity.fingerprint.as_str()) {
                // The tier is a choice for good, until `reindex`.
                if reader.value(KEY_TIER)?.is_some() || reader.counts()?.documents > 0 {
                    return Ok(());
                }
            }
            let is_builtin = reader.value(KEY_MODEL)?.as_deref() == Some(BUILTIN_MODEL)
                && self.settings.embedding.model == BUILTIN_MODEL;
            (recorded, is_builtin || reader.counts()?.documents == 0)
        };
        if (recorded.is_none() || is_empty)
            && let Some(_lock) = WriteLock::try_acquire(&self.dir)?
        {
            self.record_model()?;
        }
        Ok(())
    }

    /// Rebuilds the indexes of a library whose chunks are indexed by other strings than this
    /// program would make: recomputed vectors would not fit the codes.
    pub(super) fn settle_chunker(&self) -> Result<()> {
        let version = CHUNKER_VERSION.to_string();
        let recorded = self.store.reader()?.value(KEY_CHUNKER)?;
        if recorded.as_deref() == Some(version.as_str()) {
            return Ok(());
        }
        if let Some(_lock) = WriteLock::try_acquire(&self.dir)? {
            if recorded.is_some() {
                self.clear_words()?;
                // A collection on a server has the version in its name, and the server may be away.
                if self.vectors.kind() != BackendKind::Chromadb {
                    self.vectors.clear()?;
                }
                // Of other models, tiers and engines too.
                self.drop_stale_vectors()?;
            }
            self.store.set_value(KEY_CHUNKER, &version)?;
        }
        Ok(())
    }

    /// The generation that the lexical index reflects.
    pub(super) fn lexical_stamp(&self) -> Result<u64> {
        Ok(self.lexical.snapshot()?.stamp())
    }

    pub(super) fn clear_words(&self) -> Result<()> {
        let mut writer = self.lexical.writer(LEXICAL_BUFFER_BYTES, 1)?;
        writer.clear()?;
        writer.commit(0)?;
        writer.close()
    }

    pub(super) fn record_model(&self) -> Result<()> {
        let identity = self.embedder.identity();
        self.store.set_value(KEY_MODEL, &self.settings.embedding.model)?;
        self.store.set_value(KEY_DIMS, &identity.dims.to_string())?;
        self.store.set_value(KEY_TIER, self.settings.backend.tier.as_str())?;
        self.store.set_value(KEY_FINGERPRINT, &identity.fingerprint)
    }

    pub(super) fn reindexing_target(&self) -> String {
        format!("{} {}", self.embedder.identity().fingerprint, self.settings.backend.tier.as_str())
    }

    pub(super) fn recorded_dims(&self) -> Result<Option<usize>> {
        Ok(self.store.reader()?.value(KEY_DIMS)?.and_then(|dims| dims.parse().ok()))
    }

    /// The model whose vectors the library holds.
    pub fn recorded_model(&self) -> Result<Option<String>> {
        self.store.reader()?.value(KEY_MODEL)
    }

    /// Fails where the library's vectors are another model's.
    pub(super) fn require_own_vectors(&self) -> Result<()> {
        self.require_own_vectors_in(&self.store.reader()?)
    }

    /// The same in one state of the library.
    pub(super) fn require_own_vectors_in(&self, reader: &Reader<'_>) -> Result<()> {
        let recorded = reader.value(KEY_FINGERPRINT)?;
        let identity = self.embedder.identity();
        if recorded.as_deref().is_none_or(|recorded| recorded == identity.fingerprint) {
            return self.require_own_tier(reader);
        }
        let name = reader.value(KEY_MODEL)?.unwrap_or_default();
        Err(Error::new(
            ErrorKind::Incompatible,
            format!(
                "the library's vectors were made by the model {name:?}, the settings name {:?}",
                self.settings.embedding.model
            ),
        )
        .with_hint(format!(
            "`ragged reindex` makes them anew; `-o embedding.model={name}` uses the former model; \
             `--mode lexical` needs none"
        )))
    }

    fn require_own_tier(&self, reader: &Reader<'_>) -> Result<()> {
        let tier = self.settings.backend.tier.as_str();
        match reader.value(KEY_TIER)? {
            Some(recorded)
                if recorded != tier && self.settings.backend.kind == BackendKind::Leann =>
            {
                Err(Error::new(
                    ErrorKind::Incompatible,
                    format!(
                        "the library's codes have the tier {recorded:?}, the settings name {tier:?}"
                    ),
                )
                .with_hint(format!(
                    "`ragged reindex` makes them anew; `-o backend.tier={recorded}` uses those \
                     that are there"
                )))
            }
            _ => Ok(()),
        }
    }

    /// Brings indexes that are behind level with the truth, unless another process is at it.
    pub(super) fn catch_up_if_free(&self) -> Result<()> {
        let generation = self.store.reader()?.generation()?;
        let is_level = self.lexical_stamp()? == generation.0
            && (self.vectors.generation() == generation || self.require_own_vectors().is_err());
        if is_level {
            return Ok(());
        }
        if let Some(_lock) = WriteLock::try_acquire(&self.dir)? {
            let is_cheap = self.embedder.identity().kind == ModelKind::Static;
            // Words do not wait for a server that is away.
            let with_vectors =
                is_cheap && self.require_own_vectors().is_ok() && self.vectors.refresh().is_ok();
            // What stands in the way of this must not stand in the way of `check --repair`, or of
            // reading what is there; whoever writes next meets it again and is told.
            drop(self.catch_up_with(with_vectors, &Cancel::new(), &mut |_, _| {}));
        }
        Ok(())
    }

    /// Brings indexes that are behind level with the truth; the vectors only if they are the
    /// library's own. The caller holds the write lock.
    pub(super) fn catch_up(&self, cancel: &Cancel) -> Result<()> {
        let with_vectors = self.require_own_vectors().is_ok();
        self.catch_up_with(with_vectors, cancel, &mut |_, _| {})
    }

    /// As [`catch_up`](Self::catch_up), telling chunks done and chunks to do. Cancelled, it keeps
    /// what it has and goes on there the next time.
    pub(super) fn catch_up_with(
        &self,
        with_vectors: bool,
        cancel: &Cancel,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        // Another process may have written while this one waited for the lock.
        if with_vectors {
            self.vectors.refresh()?;
        }
        let reader = self.store.reader()?;
        let generation = reader.generation()?;
        // An index from the future belongs to a store that was put back to an older state.
        if self.lexical_stamp()? > generation.0 {
            self.clear_words()?;
        }
        if with_vectors && self.vectors.reflected().generation > generation {
            self.vectors.clear()?;
        }
        let words_at = Generation(self.lexical_stamp()?);
        let vectors_at = if with_vectors {
            self.vectors.reflected()
        } else {
            // Nothing of them is behind that we could mend.
            Reflected { generation, last_chunk: ChunkId(u64::MAX) }
        };
        if words_at == generation && vectors_at.generation == generation {
            return Ok(());
        }

        let mut writer = DerivedWriter::begin_with(self, with_vectors)?;
        for removed in reader.removed_since(words_at)? {
            writer.lexical.delete(removed.chunks.ids())?;
        }
        for removed in reader.removed_since(vectors_at.generation)? {
            writer.remove_vectors(removed.chunks);
        }
        // An index that slept through removals that are forgotten since, as one that is not in use
        // does, drops all that is not there.
        let forgotten = reader.removals_forgotten_until()?;
        if words_at < forgotten {
            for gone in reader.gone_until(ChunkId(u64::MAX))? {
                writer.lexical.delete(gone.ids())?;
            }
        }
        if vectors_at.generation < forgotten {
            for gone in reader.gone_until(vectors_at.last_chunk)? {
                writer.remove_vectors(gone);
            }
        }
        let mut behind = reader.documents_since(words_at.min(vectors_at.generation))?;
        behind.retain(|document| {
            document.generation > words_at || needs_vectors(document, vectors_at)
        });
        let n_chunks = |document: &DocumentChunks| u64::from(document.chunks.n_chunks);
        let total = behind.iter().map(n_chunks).sum();
        let mut done = 0;
        let mut batch = Vec::new();
        let mut batch_chunks = 0;
        let batch_target = self.embedding_batch();
        let commit_target = self.commit_batch();
        let mut since_commit = 0;
        let mut documents = behind.into_iter().peekable();
        while let Some(document) = documents.next() {
            batch_chunks += document.chunks.n_chunks as usize;
            batch.push(document);
            if batch_chunks < batch_target && documents.peek().is_some() {
                continue;
            }
            let derived = self.derive(&reader, &batch, words_at, vectors_at, cancel, &mut writer);
            if let Err(error) = &derived
                && error.kind() != ErrorKind::Interrupted
            {
                // What was made before the failure is kept.
                writer.commit_vectors(vectors_at.generation)?;
            }
            let is_interrupted =
                matches!(&derived, Err(error) if error.kind() == ErrorKind::Interrupted);
            if !is_interrupted {
                derived?;
            }
            since_commit += batch_chunks;
            done += batch.iter().map(n_chunks).sum::<u64>();
            batch.clear();
            batch_chunks = 0;
            if writer.is_full() || since_commit >= commit_target {
                writer.commit_vectors(vectors_at.generation)?;
                since_commit = 0;
            }
            progress(done, total);
            if is_interrupted || cancel.is_cancelled() {
                writer.commit_vectors(vectors_at.generation)?;
                return Err(Error::new(ErrorKind::Interrupted, "interrupted while indexing")
                    .with_hint("the same command goes on where this one stopped"));
            }
        }
        writer.commit(generation)?;
        writer.lexical.close()?;
        if with_vectors
            && reader.value(KEY_REINDEXING)?.as_deref() == Some(self.reindexing_target().as_str())
        {
            self.store.set_value(KEY_REINDEXING, "")?;
        }
        Ok(())
    }

    /// Makes words and vectors of documents from their text.
    fn derive(
        &self,
        reader: &Reader<'_>,
        documents: &[DocumentChunks],
        words_at: Generation,
        vectors_at: Reflected,
        cancel: &Cancel,
        writer: &mut DerivedWriter<'_>,
    ) -> Result<()> {
        let needs_vectors = |document: &DocumentChunks| needs_vectors(document, vectors_at);
        let mut analyser = Analyser::new(self.lexical.main_language());
        let mut to_embed = Vec::new();
        let mut words = Vec::new();
        for document in documents {
            let mut texts = Vec::with_capacity(document.chunks.n_chunks as usize);
            for chunk in document.chunks.ids() {
                texts.push(index_text_of(reader, ChunkId(chunk))?.ok_or_else(|| {
                    Error::new(ErrorKind::Corrupt, format!("chunk {chunk} is missing"))
                        .with_hint("run `ragged check --repair`")
                })?);
            }
            if document.generation > words_at {
                let language: Option<Language> = reader
                    .document(document.id)?
                    .and_then(|document| document.language)
                    .and_then(|language| language.parse().ok());
                let terms: Vec<Terms> =
                    texts.iter().map(|text| analyser.analyse(language, text)).collect();
                words.push((document.chunks, terms));
            }
            if needs_vectors(document) {
                to_embed.append(&mut texts);
            }
        }
        let mut vectors = Vec::new();
        for part in to_embed.chunks(self.embedding_batch()) {
            if cancel.is_cancelled() {
                return Err(Error::new(ErrorKind::Interrupted, "interrupted while embedding"));
            }
            vectors.append(&mut self.embed_in_parallel(part)?);
        }
        // Only now that nothing can fail: a document is taken in whole or not at all.
        for (chunks, terms) in words {
            writer.add_words(chunks, &terms)?;
        }
        let dims = self.embedder.identity().dims;
        let mut rest = vectors.as_slice();
        for document in documents.iter().filter(|document| needs_vectors(document)) {
            let (own, others) = rest.split_at(document.chunks.n_chunks as usize * dims);
            writer.add_vectors(document.chunks, own);
            rest = others;
        }
        Ok(())
    }

    /// Chunks embedded at a time: little enough that an interrupt is obeyed within a second or two.
    pub(super) fn embedding_batch(&self) -> usize {
        match self.embedder.identity().kind {
            ModelKind::Static => CATCH_UP_CHUNKS,
            _ => COSTLY_CATCH_UP_CHUNKS,
        }
    }

    /// Chunks whose vectors become durable at once while catching up.
    fn commit_batch(&self) -> usize {
        let is_costly = self.embedder.identity().kind != ModelKind::Static;
        match self.vectors.kind() {
            // What a slow model has made is kept often, since making it again costs minutes.
            _ if is_costly => COSTLY_BATCHES * self.embedding_batch(),
            // Segments of any size are written in no time, and large ones merge less often.
            BackendKind::Leann => usize::MAX,
            // Nothing to merge, and sending is what takes the time.
            BackendKind::Exact | BackendKind::Chromadb => self.embedding_batch(),
        }
    }

    fn embed_in_parallel(&self, texts: &[String]) -> Result<Vec<f32>> {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let share = texts.len().div_ceil(threads).max(1);
        let parts: Vec<Result<Vec<f32>>> = std::thread::scope(|scope| {
            let handles: Vec<_> = texts
                .chunks(share)
                .map(|part| {
                    scope.spawn(move || {
                        let texts: Vec<&str> = part.iter().map(String::as_str).collect();
                        let mut vectors = Vec::new();
                        self.embedder.embed_passages(&texts, &mut vectors)?;
                        Ok(vectors)
                    })
                })
                .collect();
            let panicked = || Err(Error::new(ErrorKind::Internal, "an embedding thread panicked"));
            handles.into_iter().map(|handle| handle.join().unwrap_or_else(|_| panicked())).collect()
        });
        let mut vectors = Vec::new();
        for part in parts {
            vectors.append(&mut part?);
        }
        Ok(vectors)
    }
}
