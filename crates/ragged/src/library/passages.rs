//! What is read for hits: chunks, documents, files and texts, each once for as many searches as
//! look at the same state.

use std::collections::{BTreeMap, btree_map::Entry};

use crate::{
    error::Result,
    id::{ChunkId, DocumentId},
    store::{ChunkPlace, DocumentRow, FileRow, Reader},
};

/// What one reader has read.
#[derive(Debug)]
pub(super) struct Passages<'r, 's> {
    reader: &'r Reader<'s>,
    places: BTreeMap<ChunkId, Option<ChunkPlace>>,
    texts: BTreeMap<ChunkId, String>,
    documents: BTreeMap<DocumentId, Option<DocumentRow>>,
    files: BTreeMap<DocumentId, Vec<FileRow>>,
}

impl<'r, 's> Passages<'r, 's> {
    pub(super) fn of(reader: &'r Reader<'s>) -> Self {
        Self {
            reader,
            places: BTreeMap::new(),
            texts: BTreeMap::new(),
            documents: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    pub(super) fn reader(&self) -> &'r Reader<'s> {
        self.reader
    }

    /// Where a chunk stands; `None` if the state does not have it.
    pub(super) fn place(&mut self, chunk: ChunkId) -> Result<Option<ChunkPlace>> {
        remembered(&mut self.places, chunk, || self.reader.chunk(chunk))
    }

    /// Reads the places of several chunks at once, and gives the hashes of their documents'
    /// contents with them.
    pub(super) fn places(&mut self, chunks: &[ChunkId]) -> Result<BTreeMap<ChunkId, [u8; 16]>> {
        let mut contents = BTreeMap::new();
        for (place, content) in self.reader.chunks_with_content(chunks)? {
            contents.insert(place.id, content);
            self.places.insert(place.id, Some(place));
        }
        Ok(contents)
    }

    pub(super) fn document(&mut self, document: DocumentId) -> Result<Option<DocumentRow>> {
        remembered(&mut self.documents, document, || self.reader.document(document))
    }

    pub(super) fn files(&mut self, document: DocumentId) -> Result<Vec<FileRow>> {
        remembered(&mut self.files, document, || self.reader.files_of(document))
    }

    pub(super) fn text(&mut self, place: &ChunkPlace) -> Result<String> {
        remembered(&mut self.texts, place.id, || self.reader.text(place.document, place.span))
    }
}

fn remembered<K: Ord, V: Clone>(
    known: &mut BTreeMap<K, V>,
    key: K,
    read: impl FnOnce() -> Result<V>,
) -> Result<V> {
    Ok(match known.entry(key) {
        Entry::Occupied(known) => known.get().clone(),
        Entry::Vacant(unknown) => unknown.insert(read()?).clone(),
    })
}
