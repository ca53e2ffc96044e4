use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::codes::tests::random_unit;
use crate::codes::{SplitMix, Tier};
use crate::manifest::Config;
use crate::proximity::GraphConfig;
use crate::recompute::search;
use crate::vector_index::{Commit, VectorIndex};

const DIMS: usize = 64;

struct Fixture {
    _scratch: tempfile::TempDir,
    snapshot: Snapshot,
    vectors: Vec<Vec<f32>>,
    /// One id in so many has no vector any more.
    gone_every: u64,
}

/// Random unit vectors in two segments, some deleted, and a graph that lacks a tail of them.
fn fixture(n: usize, gone_every: u64) -> Fixture {
    let scratch = tempfile::tempdir().unwrap();
    let config = Config { dims: DIMS, tier: Tier::Balanced, seed: 3, fingerprint: [0; 16] };
    let mut index = VectorIndex::create(scratch.path(), config, 0).unwrap();
    let mut random = SplitMix(n as u64);
    let vectors: Vec<Vec<f32>> = (0..n).map(|_| random_unit(&mut random, DIMS)).collect();
    let ids: Vec<u64> = (0..n as u64).collect();
    let half = n.div_ceil(2);
    let delete = IdSet::new();
    for (ids, part) in ids.chunks(half).zip(vectors.chunks(half)) {
        let vectors = part.concat();
        index.commit(&Commit { delete: &delete, ids, vectors: &vectors, stamp: 1 }).unwrap();
        if ids.first() == Some(&0) {
            let progress = |_| ControlFlow::Continue(());
            index.extend_graph(&GraphConfig::default(), 1, progress).unwrap();
        }
    }
    let delete: IdSet = ids.iter().copied().filter(|id| id % 10 == 3).collect();
    index.commit(&Commit { delete: &delete, ids: &[], vectors: &[], stamp: 2 }).unwrap();
    Fixture { _scratch: scratch, snapshot: index.snapshot(), vectors, gone_every }
}

impl Fixture {
    fn make(&self, ids: &[u64], rows: &mut Vec<f32>) {
        for id in ids {
            if self.gone_every > 0 && id % self.gone_every != 0 {
                rows.extend([f32::NAN; DIMS]);
            } else {
                rows.extend_from_slice(&self.vectors[*id as usize]);
            }
        }
    }

    /// `n` queries around each of some vectors of the index, in turn.
    fn queries(&self, n_subjects: usize, n: usize, noise: f32) -> Vec<PreparedQuery> {
        let mut random = SplitMix(n as u64);
        (0..n * n_subjects)
            .map(|i| {
                let about = &self.vectors[i % n_subjects * 7];
                let off = random_unit(&mut random, DIMS);
                let query: Vec<f32> = about.iter().zip(&off).map(|(a, b)| a + noise * b).collect();
                self.snapshot.prepare(&query).unwrap()
            })
            .collect()
    }

    fn alone(&self, query: &BatchQuery<'_>, k: usize, policy: &Policy) -> Search {
        let Ok(found) = search(&self.snapshot, query.query, k, query.allow, policy, |ids, rows| {
            self.make(ids, rows);
            Ok::<(), Infallible>(())
        });
        found
    }

    /// The batch, and how often each id was asked for.
    fn together(
        &self,
        queries: &[BatchQuery<'_>],
        k: usize,
        policy: &Policy,
        threads: usize,
        memo_bytes: usize,
    ) -> (BatchSearch, BTreeMap<u64, usize>) {
        let asked = Mutex::new(BTreeMap::new());
        let recompute = |ids: &[u64], rows: &mut Vec<f32>| {
            assert!(rows.is_empty() && ids.is_sorted_by(|a, b| a < b));
            let mut asked = asked.lock().unwrap();
            for id in ids {
                *asked.entry(*id).or_default() += 1;
            }
            self.make(ids, rows);
            Ok::<(), Infallible>(())
        };
        let threads = NonZeroUsize::new(threads).unwrap();
        let (snapshot, recompute) = (&self.snapshot, &recompute);
        let batch = Batch { snapshot, queries, k, policy, threads, recompute };
        let Ok(found) = batch.run(memo_bytes);
        (found, asked.into_inner().unwrap())
    }
}

fn all(queries: &[PreparedQuery]) -> Vec<BatchQuery<'_>> {
    queries.iter().map(|query| BatchQuery { query, allow: None }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_query_finds_what_it_finds_alone(
        n_vectors in prop_oneof![Just(40_usize), Just(700)],
        gone_every in prop_oneof![Just(0_u64), Just(7)],
        (n_subjects, n, noise) in (1..5_usize, 1..8_usize, 0.05..2.0_f32),
        (k, batch, max_recomputes, n_candidates) in
            (0..30_usize, 1..6_usize, prop_oneof![Just(0_usize), Just(12), Just(256)], 0..80_usize),
        source in prop_oneof![Just(Source::Scan), Just(Source::Graph { width: 20 })],
        threads in 1..5_usize,
        memo_bytes in prop_oneof![Just(0_usize), Just(3_000), Just(MEMO_BYTES)],
        filters in prop::collection::vec(prop_oneof![2 => Just(0), 1 => 1..4_u64], 40),
    ) {
        let fixture = fixture(n_vectors, gone_every);
        let policy = Policy { epsilon: 2.0, batch, max_recomputes, n_candidates, source };
        let prepared = fixture.queries(n_subjects, n, noise);
        let allow: Vec<IdSet> = (1..4)
            .map(|every| (0..n_vectors as u64).filter(|id| id % (every * every) == 0).collect())
            .collect();
        let queries: Vec<BatchQuery<'_>> = prepared
            .iter()
            .zip(&filters)
            .map(|(query, filter)| BatchQuery {
                query,
                allow: filter.checked_sub(1).map(|at| &allow[at as usize]),
            })
            .collect();
        let alone: Vec<Search> =
            queries.iter().map(|query| fixture.alone(query, k, &policy)).collect();
        let (found, asked) = fixture.together(&queries, k, &policy, threads, memo_bytes);
        prop_assert_eq!(&found.searches, &alone);
        let recomputed_alone = alone.iter().map(|search| search.counts.recomputed).sum::<u64>();
        prop_assert_eq!(found.counts.recomputed_alone, recomputed_alone);
        prop_assert_eq!(found.counts.recomputed, asked.values().sum::<usize>() as u64);
        prop_assert!(found.counts.recomputed <= recomputed_alone);
        if memo_bytes == MEMO_BYTES {
            prop_assert!(asked.values().all(|times| *times == 1));
        }
        let (single, _) = fixture.together(&queries, k, &policy, 1, memo_bytes);
        prop_assert_eq!(single, found);
    }
}

#[test]
fn similar_queries_share_what_they_recompute() {
    let fixture = fixture(3_000, 0);
    let policy = Policy::default();
    let similar = fixture.queries(1, 10, 0.2);
    let (found, _) = fixture.together(&all(&similar), 10, &policy, 2, MEMO_BYTES);
    assert_eq!(found.counts.groups, 1);
    let BatchCounts { recomputed, recomputed_alone, .. } = found.counts;
    assert!(recomputed * 3 < recomputed_alone, "{:?}", found.counts);

    let unlike = fixture.queries(10, 1, 0.2);
    let (found, _) = fixture.together(&all(&unlike), 10, &policy, 2, MEMO_BYTES);
    assert_eq!(found.counts.groups, 10);
    assert!(found.counts.recomputed * 3 > found.counts.recomputed_alone * 2, "{:?}", found.counts);
}

#[test]
fn queries_are_grouped_by_what_they_are_about_and_no_group_is_torn() {
    let fixture = fixture(200, 0);
    let queries = fixture.queries(3, 5, 0.1);
    let queries = all(&queries);
    let groups = group(&queries, 64);
    let expected: Vec<Vec<usize>> =
        (0..3).map(|subject| (0..5).map(|i| i * 3 + subject).collect()).collect();
    assert_eq!(groups, expected);
    let waves: Vec<&[Vec<usize>]> = Waves::new(&groups, 11).collect();
    assert_eq!(waves, [&groups[..2], &groups[2..]]);
    // A full group sends the next query elsewhere.
    let lengths: Vec<usize> = group(&queries, 2).iter().map(Vec::len).collect();
    assert_eq!(lengths.iter().sum::<usize>(), 15);
    assert!(lengths.iter().all(|length| *length <= 2));
    assert_eq!(Waves::new(&[], 3).count(), 0);
}

#[test]
fn queries_without_length_or_of_other_dimensions_find_what_they_find_alone() {
    let (here, policy) = (fixture(100, 0), Policy::default());
    let zero = here.snapshot.prepare(&[0.0; DIMS]).unwrap();
    let narrow = {
        let scratch = tempfile::tempdir().unwrap();
        let config = Config { dims: 2, tier: Tier::Small, seed: 1, fingerprint: [0; 16] };
        let index = VectorIndex::create(scratch.path(), config, 0).unwrap();
        index.snapshot().prepare(&[1.0, 0.0]).unwrap()
    };
    let queries = [&zero, &narrow, &zero].map(|query| BatchQuery { query, allow: None });
    let (found, _) = here.together(&queries, 5, &policy, 2, MEMO_BYTES);
    let alone: Vec<Search> = queries.iter().map(|query| here.alone(query, 5, &policy)).collect();
    assert_eq!(found.searches, alone);
    assert_eq!(found.searches[1], Search::default());
    assert!(!found.searches[2].hits.is_empty());
    let (nothing, asked) = here.together(&[], 5, &policy, 2, MEMO_BYTES);
    assert_eq!((nothing, asked.len()), (BatchSearch::default(), 0));
}

#[test]
fn errors_of_the_caller_come_back_from_any_thread() {
    let fixture = fixture(500, 0);
    let queries = fixture.queries(4, 2, 0.5);
    for threads in [0, 1, 3] {
        let found = search_batch(
            &fixture.snapshot,
            &all(&queries),
            10,
            &Policy::default(),
            threads,
            &|ids: &[u64], rows: &mut Vec<f32>| {
                if ids.iter().any(|id| *id > 400) {
                    return Err("no model");
                }
                fixture.make(ids, rows);
                Ok(())
            },
        );
        assert_eq!(found, Err("no model"));
    }
}

#[test]
fn work_comes_back_in_order_and_panics_are_passed_on() {
    let items: Vec<usize> = (0..100).collect();
    for threads in [1, 2, 7, 200] {
        let threads = NonZeroUsize::new(threads).unwrap();
        let results = spread(threads, &items, |item| item * 2);
        assert!(results.iter().copied().eq((0..100).map(|item| item * 2)));
        assert!(spread(threads, &[], |item: &usize| *item).is_empty());
        let panicked = std::panic::catch_unwind(|| {
            spread(threads, &items, |item| assert!(*item != 60));
        });
        assert!(panicked.is_err());
    }
    let lengths: Vec<usize> = pieces(11, 4).map(|range| range.len()).collect();
    assert_eq!(lengths, [2, 3, 3, 3]);
}
