//! Vectors made again from the text of the library.

use std::sync::{Mutex, PoisonError};

use super::Library;
use crate::{
    backend::Recompute,
    chunk::index_text,
    error::Result,
    id::ChunkId,
    store::Reader,
    telemetry::{Stage, Trace},
};

/// Embeds chunks from their text, which never changes: a chunk is there or gone.
pub(super) struct FromText<'a> {
    library: &'a Library,
    /// Readers that no thread is using.
    idle: Mutex<Vec<Reader<'a>>>,
    trace: Trace,
}

impl<'a> FromText<'a> {
    /// Reads the states that these readers see; more readers are begun where more threads ask.
    pub(super) fn lending(library: &'a Library, readers: Vec<Reader<'a>>) -> Self {
        Self { library, idle: Mutex::new(readers), trace: Trace::default() }
    }

    /// The same; how long it takes is taken down.
    pub(super) fn traced(self, trace: &Trace) -> Self {
        Self { trace: trace.clone(), ..self }
    }

    /// Gives the readers back.
    pub(super) fn into_readers(self) -> Vec<Reader<'a>> {
        self.idle.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Reader<'a>> {
        match self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            Some(reader) => Ok(reader),
            None => self.library.store.reader(),
        }
    }
}

impl Recompute for FromText<'_> {
    fn recompute(&self, chunks: &[ChunkId], rows: &mut Vec<f32>) -> Result<()> {
        self.trace.time(Stage::Recompute, || self.embed_anew(chunks, rows))
    }
}

impl FromText<'_> {
    fn embed_anew(&self, chunks: &[ChunkId], rows: &mut Vec<f32>) -> Result<()> {
        let reader = self.take()?;
        let texts: Result<Vec<Option<String>>> =
            chunks.iter().map(|chunk| index_text_of(&reader, *chunk)).collect();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        let texts = texts?;
        let dims = self.library.embedder.identity().dims;
        let present: Vec<&str> = texts.iter().flatten().map(String::as_str).collect();
        let mut vectors = Vec::with_capacity(present.len() * dims);
        self.library.embedder.embed_passages(&present, &mut vectors)?;
        let mut vectors = vectors.chunks_exact(dims);
        for text in &texts {
            match text.as_ref().and_then(|_| vectors.next()) {
                Some(vector) => rows.extend_from_slice(vector),
                None => rows.extend(std::iter::repeat_n(f32::NAN, dims)),
            }
        }
        Ok(())
    }
}

/// The string that was embedded and indexed for a chunk; `None` if the chunk is gone.
pub(super) fn index_text_of(reader: &Reader<'_>, chunk: ChunkId) -> Result<Option<String>> {
    reader.indexed_text(chunk, index_text)
}
