//! A filter → the chunks that a search may find.

use std::sync::{Arc, Mutex, PoisonError};

use super::Library;
use crate::{
    collection::CollectionName,
    error::Result,
    id::{ChunkRange, Generation},
    retrieval::{AllowedChunks, Filter, Type},
    store::Reader,
};

/// Filters whose chunks are remembered.
const MAX_REMEMBERED: usize = 16;
/// All times.
const ALWAYS: (i64, i64) = (i64::MIN, i64::MAX);

/// What the last filters admitted, of one generation of the library: nothing that is remembered
/// can be stale, because each change of the library is a new generation.
#[derive(Debug, Default)]
pub(super) struct RememberedFilters(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    generation: Generation,
    /// The most recently used last.
    entries: Vec<(String, Arc<AllowedChunks>)>,
}

impl RememberedFilters {
    /// What a filter admits, worked out unless it is remembered.
    fn get(
        &self,
        key: &str,
        generation: Generation,
        work_out: impl FnOnce() -> Result<AllowedChunks>,
    ) -> Result<Arc<AllowedChunks>> {
        if let Some(chunks) = self.recall(key, generation) {
            return Ok(chunks);
        }
        // Without the lock: two threads may work out the same, but none waits for another.
        let chunks = Arc::new(work_out()?);
        self.remember(key, generation, &chunks);
        Ok(chunks)
    }

    fn recall(&self, key: &str, generation: Generation) -> Option<Arc<AllowedChunks>> {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.generation != generation {
            return None;
        }
        let at = remembered.entries.iter().position(|(known, _)| known == key)?;
        let entry = remembered.entries.remove(at);
        let chunks = Arc::clone(&entry.1);
        remembered.entries.push(entry);
        Some(chunks)
    }

    fn remember(&self, key: &str, generation: Generation, chunks: &Arc<AllowedChunks>) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.generation > generation {
            // A reader of an older state; the next ones will see a newer one.
            return;
        }
        if remembered.generation < generation {
            remembered.generation = generation;
            remembered.entries.clear();
        }
        remembered.entries.retain(|(known, _)| known != key);
        if remembered.entries.len() == MAX_REMEMBERED {
            remembered.entries.remove(0);
        }
        remembered.entries.push((key.to_owned(), Arc::clone(chunks)));
    }
}

impl Library {
    /// The chunks that a filter admits; `None` if it admits all. Microseconds for a filter that
    /// was asked before at this generation; otherwise O(files of its collections and period).
    ///
    /// # Errors
    ///
    /// `NotFound` for a collection that does not exist.
    pub(super) fn allowed(
        &self,
        reader: &Reader<'_>,
        filter: &Filter,
    ) -> Result<Option<Arc<AllowedChunks>>> {
        if filter.is_empty() {
            return Ok(None);
        }
        let work_out = || work_out(reader, filter);
        self.filters.get(&filter.key(), reader.generation()?, work_out).map(Some)
    }

    /// That the collections which a filter names exist.
    ///
    /// # Errors
    ///
    /// `NotFound` for the first that does not, with the nearest name and all there are.
    pub fn require_collections(&self, filter: &Filter) -> Result<()> {
        collections(&self.store.reader()?, filter).map(|_| ())
    }
}

fn work_out(reader: &Reader<'_>, filter: &Filter) -> Result<AllowedChunks> {
    let mut ranges: Vec<ChunkRange> = Vec::new();
    if filter.is_of_types_only() {
        for wanted in filter.types() {
            match wanted {
                Type::Format(format) => {
                    reader.chunks_of_format(*format, |chunks| ranges.push(chunks))?;
                }
                Type::Code(language) => {
                    reader.chunks_of_code(language, |chunks| ranges.push(chunks))?;
                }
            }
        }
        return Ok(AllowedChunks::from_documents(ranges));
    }
    let period = filter.period();
    let collections = collections(reader, filter)?;
    if filter.has_paths() {
        let mut documents = Vec::new();
        let mut each = |path: &str, document| {
            if filter.admits_path(path) {
                documents.push(document);
            }
            Ok(())
        };
        if filter.collections().is_empty() && period.is_none() {
            reader.paths(&mut each)?;
        } else {
            for collection in &collections {
                reader.paths_in(collection, period.unwrap_or(ALWAYS), &mut each)?;
            }
        }
        documents.sort_unstable();
        documents.dedup();
        for document in documents {
            if let Some(document) = reader.admitted_document(document)?
                && filter.admits_type(document.format, document.code_language.as_deref())
            {
                ranges.push(document.chunks);
            }
        }
    } else {
        for collection in &collections {
            reader.documents_in(collection, period.unwrap_or(ALWAYS), |document| {
                if filter.admits_type(document.format, document.code_language.as_deref()) {
                    ranges.push(document.chunks);
                }
            })?;
        }
    }
    Ok(AllowedChunks::from_documents(ranges))
}

/// The collections that a filter names, or all.
fn collections(reader: &Reader<'_>, filter: &Filter) -> Result<Vec<CollectionName>> {
    let known = reader.collection_names()?;
    if filter.collections().is_empty() {
        return Ok(known);
    }
    if let Some(unknown) = filter.collections().iter().find(|name| !known.contains(name)) {
        return Err(unknown.unknown(&known));
    }
    Ok(filter.collections().to_vec())
}

#[cfg(test)]
mod tests;
