use super::*;
use crate::codes::SplitMix;
use crate::codes::tests::random_unit;
use crate::codes::{Encoded, Tier};
use crate::distance::Kernels;
use crate::error::InputError;
use crate::manifest::Config;
use crate::vector_index::{Commit, VectorIndex};

struct Fixture {
    _scratch: tempfile::TempDir,
    index: VectorIndex,
    vectors: Vec<Vec<f32>>,
}

/// Unit vectors with a common direction and some of greater variance, in three segments, a tenth
/// of them deleted. Ids start at 1.
fn fixture(dims: usize, n: usize, tier: Tier) -> Fixture {
    let scratch = tempfile::tempdir().unwrap();
    let config = Config { dims, tier, seed: 3, fingerprint: [0; 16] };
    let mut index = VectorIndex::create(scratch.path(), config, 0).unwrap();
    let mut random = SplitMix(n as u64);
    let common: Vec<Vec<f32>> = (0..6).map(|_| random_unit(&mut random, dims)).collect();
    let vectors: Vec<Vec<f32>> = (0..n)
        .map(|_| {
            let mut vector = random_unit(&mut random, dims);
            for (weight, common) in [0.8, 0.5, 0.3, 0.2, 0.2, 0.1].iter().zip(&common) {
                let weight = weight * ((random.next() >> 40) as f32 / 16_777_216.0);
                vector.iter_mut().zip(common).for_each(|(value, common)| *value += weight * common);
            }
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            vector.iter().map(|value| value / length).collect()
        })
        .collect();
    let ids: Vec<u64> = (1..=n as u64).collect();
    for (i, (ids, part)) in ids.chunks(n.div_ceil(3)).zip(vectors.chunks(n.div_ceil(3))).enumerate()
    {
        let (delete, vectors) = (IdSet::new(), part.concat());
        let commit = Commit { delete: &delete, ids, vectors: &vectors, stamp: i as u64 };
        index.commit(&commit).unwrap();
    }
    let delete: IdSet = ids.iter().copied().filter(|id| id % 10 == 3).collect();
    index.commit(&Commit { delete: &delete, ids: &[], vectors: &[], stamp: 9 }).unwrap();
    Fixture { _scratch: scratch, index, vectors }
}

/// The scan as it is defined: one vector after the other, nothing left out early.
fn plain_scan(
    snapshot: &Snapshot,
    query: &PreparedQuery,
    n: usize,
    allow: Option<&IdSet>,
) -> Vec<Candidate> {
    let live = snapshot.ids();
    let mut bounded = Vec::new();
    for part in snapshot.parts() {
        let segment = &part.segment;
        for position in 0..segment.n_vectors() {
            let id = segment.positions().id(position);
            if !live.contains(id) || allow.is_some_and(|allow| !allow.contains(id)) {
                continue;
            }
            let block = segment.blocks().nth(position as usize / BLOCK).unwrap();
            let (codes, factors) = BlockFactors::split(block).unwrap();
            let mut bounds = BlockBounds::EMPTY;
            let (tables, terms) = (query.tables(), query.terms());
            Kernels::SCALAR.bound_block(codes, &factors, tables, terms, &mut bounds);
            let lane = position as usize % BLOCK;
            let mut code = Encoded::default();
            segment.load(position, &mut code);
            let (estimate, error) = query.estimate(&code, snapshot.config().shape());
            let candidate = Candidate { id, estimate, error };
            bounded.push((bounds.estimates[lane], bounds.upper[lane], candidate));
        }
    }
    bounded.sort_by(|a, b| b.0.total_cmp(&a.0));
    let threshold = bounded.get(n - 1).map_or(f32::NEG_INFINITY, |(estimate, ..)| *estimate);
    bounded.retain(|(_, upper, _)| *upper >= threshold);
    let mut candidates: Vec<Candidate> = bounded.iter().map(|(.., candidate)| *candidate).collect();
    candidates.sort_by(|a, b| {
        b.upper(RANK_EPSILON).total_cmp(&a.upper(RANK_EPSILON)).then(a.id.cmp(&b.id))
    });
    candidates.truncate(n);
    candidates
}

#[test]
fn every_set_of_kernels_finds_what_the_plain_scan_finds() {
    for tier in [Tier::Small, Tier::Balanced, Tier::Fast] {
        for (dims, total) in [(64, 700), (100, 95), (256, 3_000), (384, 40)] {
            let fixture = fixture(dims, total, tier);
            let snapshot = fixture.index.snapshot();
            let allow: IdSet = (0..total as u64).filter(|id| id % 3 == 0).collect();
            for n in [1, 10, 200] {
                for allow in [None, Some(&allow)] {
                    let query = snapshot.prepare(&fixture.vectors[total / 2]).unwrap();
                    let expected = plain_scan(&snapshot, &query, n, allow);
                    for kernels in Kernels::available() {
                        let query = query.clone().with_kernels(kernels);
                        let scan = snapshot.candidates(&query, n, allow);
                        assert_eq!(scan.candidates, expected, "{} {tier:?}", kernels.name());
                        assert!(scan.counts.refined >= expected.len() as u64);
                    }
                }
            }
        }
    }
}

#[test]
fn one_pass_for_several_queries_finds_what_one_for_each_does() {
    for (dims, total) in [(64, 700), (256, 1_500)] {
        let fixture = fixture(dims, total, Tier::Balanced);
        let snapshot = fixture.index.snapshot();
        let thirds: IdSet = (0..total as u64).filter(|id| id % 3 == 0).collect();
        let few: IdSet = [4, 5, 600].into_iter().collect();
        let queries: Vec<PreparedQuery> =
            (0..9).map(|i| snapshot.prepare(&fixture.vectors[i * 11]).unwrap()).collect();
        for kernels in Kernels::available() {
            let queries: Vec<PreparedQuery> =
                queries.iter().map(|query| query.clone().with_kernels(kernels)).collect();
            let allows = [None, Some(&thirds), Some(&few), None];
            let tasks: Vec<Task<'_>> = queries
                .iter()
                .enumerate()
                .map(|(i, query)| Task { query, n: i * 40, allow: allows[i % 4] })
                .collect();
            let expected: Vec<Scan> = tasks
                .iter()
                .map(|task| snapshot.candidates(task.query, task.n, task.allow))
                .collect();
            let found = scan_each(&snapshot, &tasks);
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found.candidates, expected.candidates);
                assert_eq!(found.counts, expected.counts);
            }
            assert_eq!(found.len(), expected.len());
            assert!(scan_each(&snapshot, &[]).is_empty());
        }
    }
}

#[test]
fn inner_products_are_within_the_errors_as_often_as_documented() {
    for tier in [Tier::Small, Tier::Balanced, Tier::Fast] {
        for dims in [128, 192] {
            let fixture = fixture(dims, 2_000, tier);
            let snapshot = fixture.index.snapshot();
            let mut random = SplitMix(1);
            let (mut within, mut total) = ([0; 3], 0);
            for i in 0..40 {
                let noise = random_unit(&mut random, dims);
                let vector = &fixture.vectors[i * 7];
                let query: Vec<f32> =
                    vector.iter().zip(&noise).map(|(value, noise)| value + noise).collect();
                let query = snapshot.prepare(&query).unwrap();
                for candidate in snapshot.candidates(&query, 2_000, None).candidates {
                    let vector = &fixture.vectors[candidate.id as usize - 1];
                    let miss = (query.score(vector) - candidate.estimate).abs();
                    for (count, epsilon) in within.iter_mut().zip([1.0, 1.5, 2.0]) {
                        *count += i32::from(miss <= epsilon * candidate.error);
                    }
                    total += 1;
                }
            }
            let share = within.map(|count| f64::from(count) / f64::from(total));
            for (share, expected) in share.into_iter().zip([0.683, 0.866, 0.954]) {
                assert!((share - expected).abs() < 0.03, "{tier:?} {dims}: {share} of {expected}");
            }
        }
    }
}

#[test]
fn an_allowed_set_is_searched_through_to_the_last() {
    let fixture = fixture(64, 500, Tier::Balanced);
    let snapshot = fixture.index.snapshot();
    let query = snapshot.prepare(&fixture.vectors[0]).unwrap();
    // 3 and 13 are deleted, 900 never was.
    let allow: IdSet = [3, 4, 13, 99, 400, 900].into_iter().collect();
    let scan = snapshot.candidates(&query, 10, Some(&allow));
    let mut ids: Vec<u64> = scan.candidates.iter().map(|candidate| candidate.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [4, 99, 400]);
    assert_eq!(scan.counts, ScanCounts { scanned: 3, refined: 3 });
}

#[test]
fn an_index_of_zeros_and_a_query_of_zeros_have_estimates_of_zero() {
    let scratch = tempfile::tempdir().unwrap();
    let config = Config { dims: 64, tier: Tier::Balanced, seed: 3, fingerprint: [0; 16] };
    let mut index = VectorIndex::create(scratch.path(), config, 0).unwrap();
    let mut vectors = vec![0.0; 128];
    vectors[64] = 1.0;
    let delete = IdSet::new();
    index.commit(&Commit { delete: &delete, ids: &[1, 2], vectors: &vectors, stamp: 0 }).unwrap();
    let snapshot = index.snapshot();
    let query = snapshot.prepare(&vectors[64..]).unwrap();
    let scan = snapshot.candidates(&query, 2, None);
    let zero = scan.candidates.iter().find(|candidate| candidate.id == 1).unwrap();
    assert!(zero.estimate == 0.0 && zero.error < 1e-5);
    let query = snapshot.prepare(&[0.0; 64]).unwrap();
    for candidate in snapshot.candidates(&query, 2, None).candidates {
        assert!(candidate.estimate == 0.0 && candidate.error == 0.0);
    }
}

#[test]
fn queries_that_cannot_be_compared_are_refused() {
    let fixture = fixture(64, 10, Tier::Small);
    let snapshot = fixture.index.snapshot();
    let refused = |query: &[f32]| snapshot.prepare(query).unwrap_err();
    assert_eq!(refused(&[0.0; 63]), InputError::Length { expected: 64, found: 63 });
    assert_eq!(refused(&[f32::NAN; 64]), InputError::NotFinite { position: 0 });
    assert_eq!(refused(&[1e30; 64]), InputError::TooLong { position: 0 });
}

#[test]
fn a_query_prepared_elsewhere_finds_the_same() {
    let (here, there) = (fixture(64, 100, Tier::Balanced), fixture(64, 70, Tier::Fast));
    let vector = &here.vectors[5];
    let own = here.index.snapshot().prepare(vector).unwrap();
    let other = there.index.snapshot().prepare(vector).unwrap();
    let snapshot = here.index.snapshot();
    let expected = snapshot.candidates(&own, 20, None);
    assert_eq!(expected.candidates.len(), 20);
    assert_eq!(snapshot.candidates(&other, 20, None), expected);
    let narrow = fixture(65, 10, Tier::Balanced).index.snapshot();
    assert_eq!(narrow.candidates(&own, 20, None), Scan::default());
    assert_eq!(snapshot.candidates(&own, 0, None), Scan::default());
}
