use std::collections::BTreeMap;
use std::convert::Infallible;

use proptest::prelude::*;
use ragged_index::{
    Commit, Config, IdSet, Policy, Snapshot, Tier, VectorIndex, exact_top_k, search,
};

use crate::vectors::made;

const DIMS: usize = 24;

#[derive(Clone, Debug)]
enum Op {
    /// Appends vectors with ids that go on from the greatest, after a gap.
    Append {
        n: usize,
        gap: u64,
    },
    /// Replaces the vectors of the ids in a range by new ones.
    Replace {
        first: u64,
        n: u64,
    },
    Delete {
        first: u64,
        n: u64,
    },
    Merge,
    MergeAll,
    Reopen,
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (1..70_usize, 0..3_u64).prop_map(|(n, gap)| Op::Append { n, gap }),
        2 => (0..300_u64, 1..20_u64).prop_map(|(first, n)| Op::Replace { first, n }),
        4 => (0..300_u64, 1..60_u64).prop_map(|(first, n)| Op::Delete { first, n }),
        2 => Just(Op::Merge),
        1 => Just(Op::MergeAll),
        2 => Just(Op::Reopen),
        1 => Just(Op::Clear),
    ]
}

type Model = BTreeMap<u64, Vec<f32>>;

/// An index and what it should hold.
struct Pair {
    scratch: tempfile::TempDir,
    index: VectorIndex,
    model: Model,
    stamp: u64,
    next_id: u64,
}

impl Pair {
    fn new(tier: Tier) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let config = Config { dims: DIMS, tier, seed: 9, fingerprint: [1; 16] };
        let index = VectorIndex::create(scratch.path(), config, 0).unwrap();
        Self { scratch, index, model: Model::new(), stamp: 0, next_id: 0 }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Append { n, gap } => {
                let start = self.next_id + gap;
                let ids: Vec<u64> = (start..start + *n as u64).collect();
                self.next_id = start + *n as u64;
                self.commit(&IdSet::new(), &ids);
            }
            Op::Replace { first, n } => {
                let ids: Vec<u64> =
                    self.model.range(*first..first + n).map(|(id, _)| *id).collect();
                self.commit(&IdSet::from_ranges([*first..=first + n - 1]), &ids);
            }
            Op::Delete { first, n } => {
                self.commit(&IdSet::from_ranges([*first..=first + n - 1]), &[]);
            }
            Op::Merge => {
                self.index.merge().unwrap();
            }
            Op::MergeAll => {
                self.index.merge_all().unwrap();
                assert!(self.index.snapshot().n_segments() <= 1);
            }
            Op::Reopen => self.index = VectorIndex::open(self.scratch.path()).unwrap(),
            Op::Clear => {
                self.stamp += 1;
                self.index.clear(self.stamp).unwrap();
                self.model.clear();
            }
        }
    }

    fn commit(&mut self, delete: &IdSet, ids: &[u64]) {
        self.stamp += 1;
        let vectors = made(self.stamp, ids.len(), DIMS);
        let commit = Commit { delete, ids, vectors: &vectors, stamp: self.stamp };
        self.index.commit(&commit).unwrap();
        self.model.retain(|id, _| !delete.contains(*id));
        self.model.extend(ids.iter().copied().zip(vectors.chunks(DIMS).map(<[f32]>::to_vec)));
    }

    fn check(&self) {
        let snapshot = self.index.snapshot();
        assert_eq!(snapshot.stamp(), self.stamp);
        check(&snapshot, &self.model, self.stamp);
    }
}

/// A snapshot holds what the model does, and finds what exact search finds.
fn check(snapshot: &Snapshot, model: &Model, seed: u64) {
    assert_eq!(snapshot.len(), model.len() as u64);
    assert!(snapshot.ids().iter().eq(model.keys().copied()));
    let query = made(seed + 1_000, 1, DIMS);
    let prepared = snapshot.prepare(&query).unwrap();
    let ids: Vec<u64> = model.keys().copied().collect();
    let vectors: Vec<f32> = model.values().flatten().copied().collect();
    let all = snapshot.candidates(&prepared, ids.len() + 1, None).candidates;
    assert_eq!(all.len(), ids.len());
    // Seven deviations: not once in all runs of this test.
    for candidate in &all {
        let miss = (prepared.score(&model[&candidate.id]) - candidate.estimate).abs();
        assert!(miss <= 7.0 * candidate.error, "{candidate:?} misses by {miss}");
    }
    let allow: IdSet = ids.iter().copied().filter(|id| id % 3 == 0).collect();
    let policy = Policy { epsilon: 7.0, max_recomputes: usize::MAX, ..Policy::default() };
    let Ok(found) = search(snapshot, &prepared, 7, Some(&allow), &policy, |ids, out| {
        out.extend(ids.iter().flat_map(|id| &model[id]));
        Ok::<(), Infallible>(())
    });
    let mut expected = exact_top_k(&query, &ids, &vectors, ids.len());
    expected.retain(|hit| allow.contains(hit.id));
    expected.truncate(7);
    assert_eq!(found.hits[..expected.len()], expected);
}

fn replay(tier: Tier, ops: &[Op]) {
    let mut pair = Pair::new(tier);
    let mut earlier: Vec<(Snapshot, Model, u64)> = Vec::new();
    for op in ops {
        pair.apply(op);
        pair.check();
        earlier.push((pair.index.snapshot(), pair.model.clone(), pair.stamp));
    }
    // Snapshots still hold what they held.
    for (snapshot, model, stamp) in &earlier {
        check(snapshot, model, *stamp);
    }
    pair.index.snapshot().check().unwrap();
    let opened = Snapshot::open(pair.scratch.path()).unwrap();
    check(&opened, &pair.model, 3);
    assert_eq!(opened.bytes(), pair.index.snapshot().bytes());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_index_holds_what_a_map_would(
        tier in prop_oneof![Just(Tier::Small), Just(Tier::Balanced), Just(Tier::Fast)],
        ops in prop::collection::vec(op(), 1..16),
    ) {
        replay(tier, &ops);
    }
}

#[test]
fn ids_that_come_back_after_a_deletion_are_found_once() {
    let ops = [
        Op::Append { n: 40, gap: 0 },
        Op::Replace { first: 10, n: 5 },
        Op::Replace { first: 12, n: 9 },
        Op::MergeAll,
        Op::Reopen,
    ];
    replay(Tier::Balanced, &ops);
}

#[test]
fn deleting_all_and_going_on() {
    let ops = [
        Op::Append { n: 3, gap: 1 },
        Op::Delete { first: 0, n: 50 },
        Op::MergeAll,
        Op::Append { n: 65, gap: 2 },
        Op::Clear,
        Op::Reopen,
        Op::Append { n: 1, gap: 0 },
    ];
    replay(Tier::Small, &ops);
}
