use std::convert::Infallible;

use super::*;
use crate::codes::SplitMix;
use crate::codes::Tier;
use crate::codes::tests::random_unit;
use crate::flat::exact_top_k;
use crate::manifest::Config;
use crate::proximity::GraphConfig;
use crate::vector_index::{Commit, VectorIndex};

const DIMS: usize = 64;
const N: usize = 2_000;

struct Fixture {
    scratch: tempfile::TempDir,
    snapshot: Snapshot,
    ids: Vec<u64>,
    vectors: Vec<f32>,
}

fn fixture() -> Fixture {
    let scratch = tempfile::tempdir().unwrap();
    let config = Config { dims: DIMS, tier: Tier::Balanced, seed: 3, fingerprint: [0; 16] };
    let mut index = VectorIndex::create(scratch.path(), config, 0).unwrap();
    let mut random = SplitMix(77);
    let vectors: Vec<f32> = (0..N).flat_map(|_| random_unit(&mut random, DIMS)).collect();
    let ids: Vec<u64> = (0..N as u64).collect();
    let delete = IdSet::new();
    index.commit(&Commit { delete: &delete, ids: &ids, vectors: &vectors, stamp: 0 }).unwrap();
    Fixture { scratch, snapshot: index.snapshot(), ids, vectors }
}

impl Fixture {
    fn search(&self, query: &[f32], k: usize, policy: &Policy) -> Search {
        let query = self.snapshot.prepare(query).unwrap();
        let Ok(found) = search(&self.snapshot, &query, k, None, policy, |ids, out| {
            assert!(out.is_empty());
            for id in ids {
                let at = *id as usize * DIMS;
                out.extend_from_slice(&self.vectors[at..at + DIMS]);
            }
            Ok::<(), Infallible>(())
        });
        found
    }
}

fn queries() -> impl Iterator<Item = Vec<f32>> {
    let mut random = SplitMix(5);
    (0..30).map(move |_| random_unit(&mut random, DIMS))
}

#[test]
fn wide_bounds_find_exactly_the_best() {
    let fixture = fixture();
    let policy = Policy { epsilon: 6.0, max_recomputes: usize::MAX, ..Policy::default() };
    for query in queries() {
        for k in [1, 10, 50] {
            let found = fixture.search(&query, k, &policy);
            let expected = exact_top_k(&query, &fixture.ids, &fixture.vectors, k);
            assert_eq!(found.hits[..k], expected);
            assert!(!found.counts.cut_short && found.counts.missing == 0);
            assert!(found.counts.recomputed < N as u64);
        }
    }
}

#[test]
fn narrower_bounds_recompute_fewer_and_find_most() {
    let fixture = fixture();
    let (mut right, mut narrow, mut wide) = (0, 0, 0);
    for query in queries() {
        let expected = exact_top_k(&query, &fixture.ids, &fixture.vectors, 10);
        let found = fixture.search(&query, 10, &Policy::default());
        right += found.hits[..10].iter().filter(|hit| expected.contains(hit)).count();
        narrow += found.counts.recomputed;
        wide += fixture
            .search(&query, 10, &Policy { epsilon: 3.0, ..Policy::default() })
            .counts
            .recomputed;
    }
    assert!(right >= 285, "{right} of 300");
    assert!(narrow < wide, "{narrow}, {wide}");
}

#[test]
fn hits_beyond_the_exact_ones_are_estimates_in_order() {
    let fixture = fixture();
    let query = queries().next().unwrap();
    let found = fixture.search(&query, 5, &Policy { n_candidates: 80, ..Policy::default() });
    assert_eq!(found.hits.len(), 80);
    assert!(found.hits[..5].iter().all(|hit| hit.exact));
    assert!(found.hits.is_sorted_by(|a, b| a.score >= b.score));
    let exact = found.hits.iter().filter(|hit| hit.exact).count() as u64;
    assert!(exact <= found.counts.recomputed && found.counts.recomputed < 80);
    assert!(found.counts.scan.scanned == N as u64);
}

#[test]
fn no_more_is_recomputed_than_the_policy_allows() {
    let fixture = fixture();
    let query = queries().next().unwrap();
    for most in [0, 3, 10, 13] {
        let policy = Policy { epsilon: 4.0, max_recomputes: most, ..Policy::default() };
        let found = fixture.search(&query, 10, &policy);
        assert_eq!(found.counts.recomputed, most as u64);
        assert!(found.counts.cut_short);
        assert_eq!(found.hits.len(), 100);
    }
    let nothing = fixture.search(&query, 0, &Policy { n_candidates: 0, ..Policy::default() });
    assert_eq!((nothing.hits.len(), nothing.counts.recomputed), (0, 0));
}

#[test]
fn ids_that_cannot_be_made_are_passed_over() {
    let fixture = fixture();
    let query_vector = queries().next().unwrap();
    let query = fixture.snapshot.prepare(&query_vector).unwrap();
    let expected: Vec<u64> = exact_top_k(&query_vector, &fixture.ids, &fixture.vectors, N)
        .iter()
        .map(|hit| hit.id)
        .filter(|id| id % 100 == 0)
        .collect();
    // Only one in a hundred is left, and the policy did not ask for as many as that takes.
    let policy = Policy { epsilon: 6.0, n_candidates: 10, max_recomputes: N, ..Policy::default() };
    let Ok(found) = search(&fixture.snapshot, &query, 10, None, &policy, |ids, out| {
        for id in ids {
            if id % 100 == 0 {
                out.extend_from_slice(&fixture.vectors[*id as usize * DIMS..][..DIMS]);
            } else {
                out.extend([f32::NAN; DIMS]);
            }
        }
        Ok::<(), Infallible>(())
    });
    let ids: Vec<u64> = found.hits.iter().map(|hit| hit.id).collect();
    assert_eq!(ids, expected[..10]);
    assert!(found.counts.missing > 0);
}

#[test]
fn a_list_of_missing_ids_is_followed_by_a_longer_one() {
    let fixture = fixture();
    let vector = queries().next().unwrap();
    let query = fixture.snapshot.prepare(&vector).unwrap();
    let policy =
        Policy { epsilon: 1.0, n_candidates: 5, max_recomputes: 5, batch: 5, source: Source::Scan };
    let mut calls = 0;
    // The first five candidates are all there was room for, and none can be made.
    let Ok(found) = search(&fixture.snapshot, &query, 5, None, &policy, |_, _| {
        calls += 1;
        Ok::<(), Infallible>(())
    });
    assert_eq!((calls, found.counts.missing), (1, 5));
    assert_eq!(found.hits.len(), 5);
    assert!(found.hits.iter().all(|hit| !hit.exact));
}

#[test]
fn errors_of_the_caller_come_back() {
    let fixture = fixture();
    let query = fixture.snapshot.prepare(&vec![0.1; DIMS]).unwrap();
    let found =
        search(&fixture.snapshot, &query, 3, None, &Policy::default(), |_, _| Err("no model"));
    assert_eq!(found, Err("no model"));
}

#[test]
fn fewer_vectors_than_asked_for_are_all_found() {
    let fixture = fixture();
    let query = fixture.snapshot.prepare(&vec![0.1; DIMS]).unwrap();
    let allow: IdSet = [5, 6, 1_000_000].into_iter().collect();
    let policy = Policy::default();
    let Ok(found) = search(&fixture.snapshot, &query, 10, Some(&allow), &policy, |ids, out| {
        for id in ids {
            out.extend_from_slice(&fixture.vectors[*id as usize * DIMS..][..DIMS]);
        }
        Ok::<(), Infallible>(())
    });
    assert_eq!(found.hits.len(), 2);
    assert!(found.hits.iter().all(|hit| hit.exact));
}

fn extended() -> Fixture {
    let mut fixture = fixture();
    let mut index = VectorIndex::open(fixture.scratch.path()).unwrap();
    index
        .extend_graph(&GraphConfig::default(), 2, |_| std::ops::ControlFlow::Continue(()))
        .unwrap();
    fixture.snapshot = index.snapshot();
    fixture
}

#[test]
fn a_graph_finds_what_a_scan_finds_and_scans_nothing() {
    let fixture = extended();
    let (mut right, mut naive_right, mut fewer) = (0, 0, 0);
    for query in queries() {
        let expected = exact_top_k(&query, &fixture.ids, &fixture.vectors, 10);
        let policy = Policy { source: Source::Graph { width: 300 }, ..Policy::default() };
        let found = fixture.search(&query, 10, &policy);
        assert_eq!(found.counts.scan, ScanCounts::default());
        assert!(!found.counts.fell_back && found.counts.walk.evaluated <= N as u64);
        right += found.hits[..10].iter().filter(|hit| expected.contains(hit)).count();
        let Ok(naive) = naive_search(&fixture.snapshot, &query, 10, None, 300, |ids, out| {
            out.extend(ids.iter().flat_map(|id| &fixture.vectors[*id as usize * DIMS..][..DIMS]));
            Ok::<(), Infallible>(())
        });
        assert!(naive.hits.iter().all(|hit| hit.exact));
        assert_eq!(naive.counts.recomputed, naive.counts.walk.evaluated);
        naive_right += naive.hits.iter().filter(|hit| expected.contains(hit)).count();
        fewer += u64::from(10 * found.counts.recomputed < naive.counts.recomputed);
    }
    // Vectors without any structure: nothing is harder for a graph.
    assert!(right >= 280 && naive_right >= 280, "{right} and {naive_right} of 300");
    assert!(fewer >= 27, "{fewer} of 30 with a tenth of the recomputations");
}

#[test]
fn a_walk_that_finds_too_few_is_followed_by_a_scan() {
    let fixture = extended();
    let query_vector = queries().next().unwrap();
    let query = fixture.snapshot.prepare(&query_vector).unwrap();
    let allow: IdSet = (0..N as u64).filter(|id| id % 160 == 3).collect();
    let policy = Policy { source: Source::Graph { width: 10 }, ..Policy::default() };
    let Ok(found) = search(&fixture.snapshot, &query, 10, Some(&allow), &policy, |ids, out| {
        out.extend(ids.iter().flat_map(|id| &fixture.vectors[*id as usize * DIMS..][..DIMS]));
        Ok::<(), Infallible>(())
    });
    assert!(found.counts.walk.cut_short && found.counts.fell_back);
    assert_eq!(found.counts.scan.scanned, allow.len());
    assert_eq!(found.hits.len(), 13);
    assert!(found.hits.iter().all(|hit| allow.contains(hit.id)));
}

#[test]
fn exact_search_makes_all_allowed_vectors_and_keeps_the_best() {
    let fixture = fixture();
    let query_vector = queries().next().unwrap();
    let query = fixture.snapshot.prepare(&query_vector).unwrap();
    let allow = IdSet::from_ranges([100..=1_299]);
    let search = |k, n_candidates, allow: Option<&IdSet>| {
        let Ok(found) =
            exact_search(&fixture.snapshot, &query, k, n_candidates, allow, |ids, out| {
                for id in ids {
                    let vector = &fixture.vectors[*id as usize * DIMS..][..DIMS];
                    // One cannot be made.
                    out.extend(vector.iter().map(|x| if *id == 500 { f32::NAN } else { *x }));
                }
                Ok::<(), Infallible>(())
            });
        found
    };
    let mut expected = exact_top_k(&query_vector, &fixture.ids, &fixture.vectors, N);
    expected.retain(|hit| hit.id != 500);
    let found = search(5, 40, None);
    assert_eq!(found.hits, expected[..40]);
    assert_eq!(
        (found.counts.recomputed, found.counts.batches, found.counts.missing),
        (2_000, 2, 1)
    );
    expected.retain(|hit| allow.contains(hit.id));
    let found = search(7, 0, Some(&allow));
    assert_eq!(found.hits, expected[..7]);
    assert_eq!(found.counts.recomputed, 1_200);
    assert_eq!(search(0, 0, None).counts.recomputed, 0);
    assert!(search(5, 5, Some(&IdSet::new())).hits.is_empty());
}
