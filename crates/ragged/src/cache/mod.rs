//! What is kept in memory because it may be asked for again: bounded, counted, never stale.
//!
//! A [`Cache`] keeps the entries used last, within a number of entries and a number of bytes. It
//! knows nothing of what makes an entry stale: whoever uses it puts that into the key (a
//! generation, an id that is never used again), so that a stale entry cannot be asked for, and
//! clears it when something must not stay in memory.

mod levels;
#[cfg(test)]
mod tests;

use std::{
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hashlink::LinkedHashMap;

pub use self::levels::{Expiring, LevelStats, Levels, Making, Turn};

/// What an entry takes of a cache's budget.
pub trait Footprint {
    /// Bytes of memory, keys and bookkeeping apart. O(1), and the same for as long as it lives.
    fn footprint_bytes(&self) -> usize;
}

/// What a cache holds and what became of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Entries held.
    pub entries: u64,
    /// Bytes held, by [`Footprint`].
    pub bytes: u64,
    /// Requests that found an entry.
    pub hits: u64,
    /// Requests that did not.
    pub misses: u64,
    /// Entries that made room for others.
    pub evictions: u64,
}

/// The entries used last, within a number and within bytes. Shared between threads.
///
/// Values are handed out as clones: let them be cheap to clone. All operations are O(1) but
/// [`clear`](Self::clear) and [`retain`](Self::retain); none holds its lock for longer than that.
#[derive(Debug)]
pub struct Cache<K, V> {
    max_entries: usize,
    max_bytes: usize,
    state: Mutex<State<K, V>>,
}

#[derive(Debug)]
struct State<K, V> {
    /// The entry used last is at the back.
    entries: LinkedHashMap<K, V>,
    stats: CacheStats,
}

impl<K: Eq + Hash, V: Clone + Footprint> Cache<K, V> {
    /// An empty cache. With a bound of 0 it keeps nothing.
    pub fn new(max_entries: usize, max_bytes: usize) -> Self {
        let state = State { entries: LinkedHashMap::new(), stats: CacheStats::default() };
        Self { max_entries, max_bytes, state: Mutex::new(state) }
    }

    /// Whether anything can ever be kept.
    pub fn is_enabled(&self) -> bool {
        self.max_entries > 0 && self.max_bytes > 0
    }

    /// The entry of a key, which is then the one used last.
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if !self.is_enabled() {
            return None;
        }
        let mut state = self.lock();
        let found = state.entries.to_back(key).cloned();
        match &found {
            Some(_) => state.stats.hits += 1,
            None => state.stats.misses += 1,
        }
        found
    }

    /// Keeps an entry, in place of the one that its key had. One that is larger than the whole
    /// budget is not kept, and neither is the one it was to replace.
    pub fn insert(&self, key: K, value: V) {
        if !self.is_enabled() {
            return;
        }
        let bytes = value.footprint_bytes() as u64;
        let mut state = self.lock();
        if let Some(before) = state.entries.remove(&key) {
            state.stats.bytes -= before.footprint_bytes() as u64;
        }
        if bytes > self.max_bytes as u64 {
            return;
        }
        state.entries.insert(key, value);
        state.stats.bytes += bytes;
        while state.entries.len() > self.max_entries || state.stats.bytes > self.max_bytes as u64 {
            let Some((_, evicted)) = state.entries.pop_front() else { break };
            state.stats.bytes -= evicted.footprint_bytes() as u64;
            state.stats.evictions += 1;
        }
    }

    /// Drops the entries whose keys do not pass. O(entries).
    pub fn retain(&self, mut keep: impl FnMut(&K) -> bool) {
        let mut state = self.lock();
        let mut dropped = 0;
        state.entries.retain(|key, value| {
            let kept = keep(key);
            if !kept {
                dropped += value.footprint_bytes() as u64;
            }
            kept
        });
        state.stats.bytes -= dropped;
    }

    /// Drops all entries; the counts of requests stay. O(entries).
    pub fn clear(&self) {
        let mut state = self.lock();
        state.entries.clear();
        state.entries.shrink_to_fit();
        state.stats.bytes = 0;
    }

    /// What it holds and what became of requests.
    pub fn stats(&self) -> CacheStats {
        let state = self.lock();
        CacheStats { entries: state.entries.len() as u64, ..state.stats }
    }

    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
