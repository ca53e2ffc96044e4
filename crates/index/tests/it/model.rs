use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::ControlFlow;

use proptest::prelude::*;
use ragged_index::{
    Commit, Config, GraphConfig, GraphStats, IdSet, Policy, PreparedQuery, Snapshot, Source, Tier,
    VectorIndex, exact_search, exact_top_k, naive_search, search,
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
    ExtendGraph,
    DropGraph,
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
        4 => Just(Op::ExtendGraph),
        1 => Just(Op::DropGraph),
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
            Op::ExtendGraph => {
                let config = GraphConfig { width: 24, ..GraphConfig::default() };
                let before = self.index.snapshot().graph_stats();
                let did =
                    self.index.extend_graph(&config, 2, |_| ControlFlow::Continue(())).unwrap();
                let after = self.index.snapshot().graph_stats();
                // Nothing to do, or all done.
                assert!(did || before == after);
                let n_nodes = self.model.len() as u64;
                let whole = |stats: GraphStats| (stats.nodes, stats.dead, stats.tail);
                assert!(after.is_none_or(|stats| whole(stats) == (n_nodes, 0, 0)), "{after:?}");
            }
            Op::DropGraph => {
                let had = self.index.snapshot().graph_stats().is_some();
                assert_eq!(self.index.drop_graph().unwrap(), had);
                assert_eq!(self.index.snapshot().graph_stats(), None);
            }
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
    walks(snapshot, &prepared, model, &allow);
}

/// A walk as wide as the graph finds all there is and no more, whatever was deleted, replaced,
/// merged or not linked in yet; and so do the searches that stand on it.
fn walks(snapshot: &Snapshot, query: &PreparedQuery, model: &Model, allow: &IdSet) {
    let n = model.len() + 1;
    for allow in [None, Some(allow)] {
        let walked = snapshot.graph_candidates(query, n, allow, 4 * n);
        assert!(!walked.counts.cut_short);
        assert_eq!(walked.candidates, snapshot.candidates(query, n, allow).candidates);
        let mut recompute = |ids: &[u64], out: &mut Vec<f32>| {
            out.extend(ids.iter().flat_map(|id| &model[id]));
            Ok::<(), Infallible>(())
        };
        let Ok(exact) = exact_search(snapshot, query, 9, 0, allow, &mut recompute);
        let Ok(naive) = naive_search(snapshot, query.vector(), 9, allow, 4 * n, &mut recompute);
        assert_eq!(naive.hits, exact.hits);
        let source = Source::Graph { width: 4 * n };
        let policy =
            Policy { epsilon: 7.0, max_recomputes: usize::MAX, source, ..Policy::default() };
        let Ok(found) = search(snapshot, query, 9, allow, &policy, &mut recompute);
        assert_eq!(found.hits[..exact.hits.len()], exact.hits);
        assert!(!found.counts.fell_back);
        // However narrow the walk, there are k hits where there are k.
        let policy = Policy { source: Source::Graph { width: 1 }, ..policy };
        let Ok(found) = search(snapshot, query, 9, allow, &policy, &mut recompute);
        assert!(found.hits.len() >= exact.hits.len());
        assert!(found.hits.iter().all(|hit| allow.is_none_or(|allow| allow.contains(hit.id))));
    }
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

#[test]
fn a_graph_through_all_that_happens_to_an_index() {
    let ops = [
        Op::Append { n: 60, gap: 0 },
        Op::ExtendGraph,
        Op::Replace { first: 10, n: 15 },
        Op::Append { n: 30, gap: 2 },
        Op::MergeAll,
        Op::Delete { first: 20, n: 30 },
        Op::Reopen,
        Op::ExtendGraph,
        Op::Delete { first: 0, n: 300 },
        Op::ExtendGraph,
        Op::Append { n: 20, gap: 1 },
        Op::ExtendGraph,
        Op::Clear,
        Op::Append { n: 3, gap: 0 },
        Op::ExtendGraph,
    ];
    replay(Tier::Balanced, &ops);
}
