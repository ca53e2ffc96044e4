//! Two levels of values that expire, and one making of each.

use std::{
    collections::HashSet,
    hash::Hash,
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use super::{Cache, CacheStats, Footprint};

/// A value and the moment from which it is not given any more.
#[derive(Clone, Debug)]
pub struct Expiring<V> {
    value: V,
    /// Milliseconds on the caller's clock.
    expires_ms: i64,
}

impl<V> Expiring<V> {
    /// A value that lives for a time from a moment on, in milliseconds on the caller's clock.
    pub fn after(value: V, from_ms: i64, time_to_live: Duration) -> Self {
        let ms = i64::try_from(time_to_live.as_millis()).unwrap_or(i64::MAX);
        Self { value, expires_ms: from_ms.saturating_add(ms) }
    }

    /// The value, if it still lives.
    pub fn live(self, now_ms: i64) -> Option<V> {
        (now_ms < self.expires_ms).then_some(self.value)
    }
}

impl<V: Footprint> Footprint for Expiring<V> {
    fn footprint_bytes(&self) -> usize {
        self.value.footprint_bytes() + size_of::<i64>()
    }
}

/// A small cache of what is hot (L1) before a larger one (L2), both by last use, in which every
/// value has a time to live.
///
/// A value that L2 has and L1 has not is copied to L1 with the expiry that it has: no copy outlives
/// its source. Whatever else could make a value stale belongs into the key. Several threads that
/// want the same value wait for the one that makes it.
#[derive(Debug)]
pub struct Levels<K, V> {
    l1: Cache<K, Expiring<V>>,
    l2: Cache<K, Expiring<V>>,
    time_to_live: Duration,
    making: Making<K>,
}

/// What both levels hold and what became of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LevelStats {
    /// The hot level.
    pub l1: CacheStats,
    /// The level behind it; it is asked where the hot one has nothing.
    pub l2: CacheStats,
}

impl<K: Clone + Eq + Hash, V: Clone + Footprint> Levels<K, V> {
    /// Empty levels of so many entries and bytes each, in which a value lives for so long.
    pub fn new(
        l1_entries: usize,
        l2_entries: usize,
        max_bytes: usize,
        time_to_live: Duration,
    ) -> Self {
        Self {
            l1: Cache::new(l1_entries, max_bytes),
            l2: Cache::new(l2_entries, max_bytes),
            time_to_live,
            making: Making::default(),
        }
    }

    /// The value of a key, from L1, or from L2 and then hot.
    pub fn get(&self, key: &K, now_ms: i64) -> Option<V> {
        if let Some(kept) = self.l1.get(key) {
            // What has expired here has expired there too.
            return kept.live(now_ms);
        }
        let kept = self.l2.get(key)?;
        let value = kept.clone().live(now_ms)?;
        self.l1.insert(key.clone(), kept);
        Some(value)
    }

    /// The value of a key; where there is none it is made, once, whoever else wants it meanwhile.
    ///
    /// # Errors
    ///
    /// Those of `make`; then nothing is kept, and the next one that waits tries.
    pub fn get_or_make<E>(
        &self,
        key: &K,
        now_ms: i64,
        make: impl FnOnce() -> Result<V, E>,
    ) -> Result<V, E> {
        if let Some(value) = self.get(key, now_ms) {
            return Ok(value);
        }
        let _turn = self.making.turn(key);
        if let Some(value) = self.get(key, now_ms) {
            return Ok(value);
        }
        let value = make()?;
        self.insert(key.clone(), value.clone(), now_ms);
        Ok(value)
    }

    /// Keeps a value in both levels, in place of what the key had.
    pub fn insert(&self, key: K, value: V, now_ms: i64) {
        let kept = Expiring::after(value, now_ms, self.time_to_live);
        self.l2.insert(key.clone(), kept.clone());
        self.l1.insert(key, kept);
    }

    /// Drops the values whose keys do not pass, from both levels.
    pub fn retain(&self, mut keep: impl FnMut(&K) -> bool) {
        // L2 first: what it has could be copied to L1 meanwhile.
        self.l2.retain(&mut keep);
        self.l1.retain(&mut keep);
    }

    /// Drops all values.
    pub fn clear(&self) {
        self.l2.clear();
        self.l1.clear();
    }

    /// What both levels hold.
    pub fn stats(&self) -> LevelStats {
        LevelStats { l1: self.l1.stats(), l2: self.l2.stats() }
    }
}

/// Who makes what at this moment, so that nothing is made twice at once.
#[derive(Debug)]
pub struct Making<K> {
    keys: Mutex<HashSet<K>>,
    done: Condvar,
}

impl<K> Default for Making<K> {
    fn default() -> Self {
        Self { keys: Mutex::new(HashSet::new()), done: Condvar::new() }
    }
}

impl<K: Clone + Eq + Hash> Making<K> {
    /// Waits until nobody else makes the value of this key; until the turn is dropped, others wait.
    pub fn turn(&self, key: &K) -> Turn<'_, K> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        while keys.contains(key) {
            keys = self.done.wait(keys).unwrap_or_else(PoisonError::into_inner);
        }
        keys.insert(key.clone());
        Turn { making: self, key: key.clone() }
    }
}

/// The right to make the value of a key.
#[derive(Debug)]
pub struct Turn<'a, K: Eq + Hash> {
    making: &'a Making<K>,
    key: K,
}

impl<K: Eq + Hash> Drop for Turn<'_, K> {
    fn drop(&mut self) {
        self.making.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        self.making.done.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Value(u32);

    impl Footprint for Value {
        fn footprint_bytes(&self) -> usize {
            8
        }
    }

    #[test]
    fn a_copy_does_not_outlive_its_source() {
        let levels = Levels::new(1, 10, 1_000, Duration::from_millis(100));
        levels.insert('a', Value(1), 0);
        // It pushes the first out of L1.
        levels.insert('b', Value(2), 50);
        assert_eq!(levels.stats().l1.entries, 1);
        assert_eq!(levels.get(&'a', 99), Some(Value(1)), "from L2, and hot from now on");
        assert_eq!(levels.get(&'a', 99), Some(Value(1)), "from L1");
        assert_eq!(levels.get(&'a', 100), None, "with the expiry of L2, not a new one");
        assert_eq!(levels.get(&'b', 149), Some(Value(2)));
        levels.retain(|key| *key != 'b');
        assert_eq!(levels.get(&'b', 60), None);
        levels.clear();
        assert_eq!(levels.stats().l2.entries, 0);
    }

    #[test]
    fn one_makes_and_the_others_wait() {
        let levels = Levels::new(10, 10, 1_000, Duration::from_millis(100));
        let made = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let value = levels.get_or_make(&'a', 0, || {
                        made.fetch_add(1, Ordering::SeqCst);
                        std::thread::yield_now();
                        Ok::<_, ()>(Value(7))
                    });
                    assert_eq!(value, Ok(Value(7)));
                });
            }
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
        assert_eq!(levels.get_or_make(&'z', 0, || Err(3)), Err(3));
        assert_eq!(levels.get_or_make(&'z', 0, || Ok::<_, ()>(Value(1))), Ok(Value(1)));
    }

    proptest! {
        /// Against a map without bounds: what is given is what was put in last and still lives.
        #[test]
        fn nothing_stale_is_given(
            ops in proptest::collection::vec((0..6_u8, 0..4_u8, 0..30_i64), 1..60),
        ) {
            let levels = Levels::new(2, 3, 1_000, Duration::from_millis(50));
            let mut model: HashMap<u8, (u32, i64)> = HashMap::new();
            let mut now = 0;
            for (n, (key, what, step)) in (0_u32..).zip(ops) {
                now += step;
                match what {
                    0 => {
                        levels.insert(key, Value(n), now);
                        model.insert(key, (n, now + 50));
                    }
                    1 => {
                        levels.retain(|kept| *kept != key);
                        model.remove(&key);
                    }
                    _ => {
                        if let Some(Value(value)) = levels.get(&key, now) {
                            let (known, expires) = model[&key];
                            prop_assert_eq!(value, known);
                            prop_assert!(now < expires);
                        }
                    }
                }
                prop_assert!(levels.stats().l1.entries <= 2 && levels.stats().l2.entries <= 3);
            }
        }
    }
}
