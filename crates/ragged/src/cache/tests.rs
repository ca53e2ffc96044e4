use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug, PartialEq)]
struct Blob(u32, usize);

impl Footprint for Blob {
    fn footprint_bytes(&self) -> usize {
        self.1
    }
}

#[derive(Clone, Debug)]
enum Op {
    Get(u8),
    Insert(u8, usize),
    RetainEven,
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..12_u8).prop_map(Op::Get),
        6 => (0..12_u8, 0..40_usize).prop_map(|(key, bytes)| Op::Insert(key, bytes)),
        1 => Just(Op::RetainEven),
        1 => Just(Op::Clear),
    ]
}

/// The obvious cache: a list, the entry used last at the end.
#[derive(Default)]
struct Model {
    entries: Vec<(u8, Blob)>,
    hits: u64,
    misses: u64,
    evictions: u64,
}

impl Model {
    fn bytes(&self) -> usize {
        self.entries.iter().map(|(_, blob)| blob.1).sum()
    }
}

proptest! {
    #[test]
    fn keeps_what_the_model_keeps(
        ops in proptest::collection::vec(op(), 1..120),
        max_entries in 0..6_usize,
        max_bytes in 0..90_usize,
    ) {
        let cache = Cache::new(max_entries, max_bytes);
        let mut model = Model::default();
        let is_enabled = max_entries > 0 && max_bytes > 0;
        for (number, op) in ops.into_iter().enumerate() {
            match op {
                Op::Get(key) => {
                    let at = model.entries.iter().position(|(known, _)| *known == key);
                    let expected = at.map(|at| {
                        let entry = model.entries.remove(at);
                        model.entries.push(entry.clone());
                        entry.1
                    });
                    if is_enabled {
                        *(if at.is_some() { &mut model.hits } else { &mut model.misses }) += 1;
                    }
                    prop_assert_eq!(cache.get(&key), expected);
                }
                Op::Insert(key, bytes) => {
                    let blob = Blob(number as u32, bytes);
                    model.entries.retain(|(known, _)| *known != key);
                    if is_enabled && bytes <= max_bytes {
                        model.entries.push((key, blob.clone()));
                        while model.entries.len() > max_entries || model.bytes() > max_bytes {
                            model.entries.remove(0);
                            model.evictions += 1;
                        }
                    }
                    cache.insert(key, blob);
                }
                Op::RetainEven => {
                    model.entries.retain(|(key, _)| key % 2 == 0);
                    cache.retain(|key| key % 2 == 0);
                }
                Op::Clear => {
                    model.entries.clear();
                    cache.clear();
                }
            }
            prop_assert_eq!(cache.stats(), CacheStats {
                entries: model.entries.len() as u64,
                bytes: model.bytes() as u64,
                hits: model.hits,
                misses: model.misses,
                evictions: model.evictions,
            });
        }
    }
}

#[test]
fn an_entry_too_large_leaves_the_others_alone() {
    let cache = Cache::new(8, 100);
    cache.insert(1, Blob(1, 60));
    cache.insert(2, Blob(2, 101));
    assert_eq!((cache.get(&1), cache.get(&2)), (Some(Blob(1, 60)), None));
    // The older one of the same key is not served in its place.
    cache.insert(1, Blob(3, 101));
    assert_eq!(cache.get(&1), None);
    assert_eq!(cache.stats().bytes, 0);
}
