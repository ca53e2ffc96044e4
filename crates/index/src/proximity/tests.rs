use std::convert::Infallible;
use std::ops::ControlFlow;

use super::graph::Graph;
use super::packed::{BitWriter, MOST_LINKS, PADDING_BYTES, Spelling};
use super::points::Points;
use super::prune::{Near, prune};
use super::walker::{Links, Reach, Touch, Walk};
use super::*;
use crate::codes::tests::random_unit;
use crate::codes::{Encoder, Frame, Shape, SplitMix, Tier};
use crate::directory::Directory;
use crate::ids::IdSet;
use crate::manifest::Config;
use crate::scan::ScanCounts;
use crate::vector_index::{Commit, VectorIndex};

const DIMS: usize = 64;

pub(crate) fn on(_: GraphProgress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Vectors in clusters on planes of eight dimensions.
fn clustered(seed: u64, n: usize) -> Vec<f32> {
    let mut random = SplitMix(seed);
    let mut centres = SplitMix(99);
    let clusters: Vec<Vec<Vec<f32>>> = (0..n.div_ceil(200).max(3))
        .map(|_| (0..9).map(|_| random_unit(&mut centres, DIMS)).collect())
        .collect();
    let mut vectors = Vec::with_capacity(n * DIMS);
    for _ in 0..n {
        let cluster = &clusters[(random.next() % clusters.len() as u64) as usize];
        let mut vector = cluster[0].clone();
        for axis in &cluster[1..] {
            let along = (random.next() >> 40) as f32 / 8_388_608.0 - 1.0;
            for (value, axis) in vector.iter_mut().zip(axis) {
                *value += 0.6 * along * axis;
            }
        }
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        vectors.extend(vector.iter().map(|value| value / length));
    }
    vectors
}

struct Fixture {
    scratch: tempfile::TempDir,
    index: VectorIndex,
    vectors: Vec<f32>,
}

fn fixture(n: usize, tier: Tier) -> Fixture {
    fixture_of(clustered(5, n), tier)
}

/// An index of vectors whose ids are their places.
fn fixture_of(vectors: Vec<f32>, tier: Tier) -> Fixture {
    let n = vectors.len() / DIMS;
    let scratch = tempfile::tempdir().unwrap();
    let config = Config { dims: DIMS, tier, seed: 3, fingerprint: [0; 16] };
    let mut index = VectorIndex::create(scratch.path(), config, 0).unwrap();
    let ids: Vec<u64> = (0..n as u64).collect();
    let delete = IdSet::new();
    index.commit(&Commit { delete: &delete, ids: &ids, vectors: &vectors, stamp: 1 }).unwrap();
    Fixture { scratch, index, vectors }
}

impl Fixture {
    fn graph_file(&self) -> Vec<u8> {
        let mut files: Vec<_> = std::fs::read_dir(self.scratch.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|kind| kind == "graph"))
            .collect();
        assert_eq!(files.len(), 1);
        std::fs::read(files.pop().unwrap()).unwrap()
    }
}

fn links_of(graph: &Graph) -> Vec<Vec<u32>> {
    let reader = graph.reader();
    (0..reader.n_nodes() as u32)
        .map(|node| {
            let mut links = Vec::new();
            reader.append(node, &mut links);
            links
        })
        .collect()
}

#[test]
fn lists_of_links_are_read_as_they_were_written() {
    let mut random = SplitMix(8);
    for n_nodes in [1, 2, 3, 31, 64, 1_000, 70_000, u32::MAX] {
        let spelling = Spelling::new(n_nodes);
        let lists: Vec<Vec<u32>> = (0..200)
            .map(|at| {
                let n_links = if at == 0 { MOST_LINKS } else { (random.next() % 40) as usize };
                let mut links: Vec<u32> = (0..n_links)
                    .map(|_| (random.next() % u64::from(n_nodes)) as u32)
                    .chain([n_nodes - 1])
                    .collect();
                links.sort_unstable();
                links.dedup();
                links.truncate(MOST_LINKS);
                links
            })
            .collect();
        let mut bits = BitWriter::default();
        for links in &lists {
            spelling.push(links, &mut bits);
        }
        let packed = bits.finish();
        let mut start = 0;
        for links in &lists {
            let mut read = Vec::new();
            spelling.read(&packed, start, links.len() as u8, &mut read);
            assert_eq!(&read, links, "{n_nodes}");
            start += spelling.bits(links.len());
        }
        assert_eq!(packed.len() - PADDING_BYTES, (start as usize).div_ceil(8));
    }
    // Sixteen links among a million take 18 bits each, not 20.
    assert_eq!(Spelling::new(1_000_000).bits(16).div_ceil(16), 18);
}

#[test]
fn any_bits_are_read_as_links_to_nodes_there_are() {
    let mut random = SplitMix(80);
    let packed: Vec<u8> = (0..64).map(|_| random.next() as u8).collect();
    for n_nodes in [1, 5, 1_000, 1 << 31] {
        let spelling = Spelling::new(n_nodes);
        for start in (0..600).chain([u64::MAX - 3, u64::MAX]) {
            for n_links in [0, 1, 7, 255] {
                let mut links = Vec::new();
                spelling.read(&packed, start, n_links, &mut links);
                assert!(links.len() <= usize::from(n_links));
                assert!(links.iter().all(|link| *link < n_nodes));
            }
        }
    }
}

#[test]
fn distances_of_codes_are_those_of_what_the_codes_say() {
    for tier in [Tier::Small, Tier::Balanced, Tier::Fast] {
        let shape = Shape { dims: 100, tier };
        let mut random = SplitMix(2);
        let vectors: Vec<Vec<f32>> = (0..40).map(|_| random_unit(&mut random, 100)).collect();
        let frame = Frame::of(&vectors.concat(), 100, 7);
        let mut encoder = Encoder::new(&frame, shape);
        let mut points = Points::new(shape, vectors.len());
        for (at, vector) in (0..).zip(&vectors) {
            points.set(at, encoder.encode(vector));
        }
        // Unbiased, and as far off as codes of so few bits are.
        let (mut sum, mut squares, mut n) = (0.0, 0.0, 0.0);
        for a in 0..40 {
            assert!(points.distance(a, a) >= 0.0);
            for b in 0..a {
                let apart = vectors[a as usize].iter().zip(&vectors[b as usize]);
                let exact: f32 = apart.map(|(a, b)| (a - b) * (a - b)).sum();
                let miss = points.distance(a, b) - exact;
                assert_eq!(points.distance(a, b), points.distance(b, a));
                sum += miss;
                squares += miss * miss;
                n += 1.0;
            }
        }
        let deviation = (squares / n).sqrt();
        let most = [0.25, 0.12, 0.03][tier.bits().ilog2() as usize];
        assert!(deviation < most, "{tier:?}: {deviation}");
        assert!((sum / n).abs() < deviation / 4.0, "{tier:?}: {}", sum / n);
    }
}

fn points_of_fixture(fixture: &Fixture) -> Points {
    let snapshot = fixture.index.snapshot();
    points_of(&snapshot, &Positions::new(snapshot.ids()))
}

#[test]
fn pruning_keeps_what_no_kept_one_stands_for() {
    let fixture = fixture(300, Tier::Fast);
    let points = points_of_fixture(&fixture);
    let near = |alpha: f32, most: usize| {
        let mut candidates: Vec<Near> = (0..300)
            .rev()
            .chain([5, 6])
            .map(|node| Near { distance: points.distance(7, node), node })
            .collect();
        let mut kept = Vec::new();
        prune(&points, 7, &mut candidates, alpha, most, &mut kept);
        kept
    };
    let strict = near(1.0, 300);
    assert!(!strict.contains(&7) && strict.len() > 2 && strict.len() < 100);
    // The rule, by its definition: nearest first, none kept nearer to it than the node is.
    let mut order: Vec<u32> = (0..300).filter(|node| *node != 7).collect();
    let to = |node: u32| points.distance(7, node);
    order.sort_by(|a, b| to(*a).total_cmp(&to(*b)).then(a.cmp(b)));
    let mut expected: Vec<u32> = Vec::new();
    for node in order {
        if expected.iter().all(|kept| points.distance(*kept, node) > to(node)) {
            expected.push(node);
        }
    }
    assert_eq!(strict, expected);
    // Where there is room, a wider rule adds to these, and `most` is kept to.
    let wide = near(1.3, 300);
    assert!(wide.len() > strict.len() && wide.starts_with(&strict));
    assert_eq!(near(1.3, 3), strict[..3]);
}

/// Nodes on a ring, each linked to the next.
struct Ring(u32);

impl Links for Ring {
    fn n_nodes(&self) -> usize {
        self.0 as usize
    }

    fn append(&self, node: u32, links: &mut Vec<u32>) {
        links.push((node + 1) % self.0);
    }
}

#[test]
fn a_walk_touches_each_node_once_and_ends() {
    let mut walk = Walk::default();
    let mut touched = Vec::new();
    let mut run = |starts: &[u32], width, most_touched, score: &dyn Fn(u32) -> f32, odd: bool| {
        touched.clear();
        let reach = Reach { width, most_touched };
        let Ok(steps) = walk.run(&Ring(50), starts, reach, |_, nodes, touches| {
            touched.extend_from_slice(nodes);
            touches.extend(nodes.iter().map(|node| Touch {
                score: score(*node),
                error: 0.0,
                findable: !odd || node % 2 == 1,
            }));
            Ok::<(), Infallible>(())
        });
        let mut pool: Vec<u32> = walk.pool().map(|found| found.node).collect();
        pool.sort_unstable();
        (steps.touched, steps.cut_short, pool, touched.clone())
    };
    // All alike: the whole ring, each node once, though there are two starts, one of them twice.
    let (n, cut, pool, mut touched) = run(&[3, 20, 3], 4, usize::MAX, &|_| 1.0, false);
    touched.sort_unstable();
    assert_eq!((n, cut, pool.len()), (50, false, 4));
    assert_eq!(touched, (0..50).collect::<Vec<_>>());
    // Ever worse: it ends when the pool is full.
    let (n, ..) = run(&[0], 4, usize::MAX, &|node| -(node as f32), false);
    assert_eq!(n, 5);
    // Nodes that may not be found lead on.
    let (n, _, pool, _) = run(&[0], 4, usize::MAX, &|node| -(node as f32), true);
    assert_eq!((n, pool), (9, vec![1, 3, 5, 7]));
    let (n, cut, pool, _) = run(&[0], 50, 10, &|_| 0.0, false);
    assert_eq!((n, cut, pool.len()), (10, true, 10));
    let (n, _, pool, _) = run(&[], 3, 10, &|_| 0.0, false);
    assert_eq!((n, pool.len()), (0, 0));
}

#[test]
fn the_same_graph_is_made_on_any_number_of_threads() {
    let mut files = Vec::new();
    for threads in [1, 2, 3, 64] {
        let mut fixture = fixture(900, Tier::Balanced);
        let delete: IdSet = (0..900).filter(|id| id % 7 == 0).collect();
        assert!(fixture.index.extend_graph(&GraphConfig::default(), threads, on).unwrap());
        let first = fixture.graph_file();
        let vectors = clustered(6, 300);
        let ids: Vec<u64> = (2_000..2_300).collect();
        let commit = Commit { delete: &delete, ids: &ids, vectors: &vectors, stamp: 2 };
        fixture.index.commit(&commit).unwrap();
        assert!(fixture.index.extend_graph(&GraphConfig::default(), threads, on).unwrap());
        files.push((first, fixture.graph_file()));
    }
    assert!(files.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn every_node_can_be_reached_and_none_links_to_itself() {
    for n in [1, 2, 17, 800] {
        let mut fixture = fixture(n, Tier::Balanced);
        fixture.index.extend_graph(&GraphConfig::default(), 1, on).unwrap();
        let snapshot = fixture.index.snapshot();
        let graph = snapshot.graph().unwrap();
        let links = links_of(graph);
        let mut reached = vec![false; n];
        let mut stack = graph.reader().entries().to_vec();
        while let Some(node) = stack.pop() {
            if !std::mem::replace(&mut reached[node as usize], true) {
                stack.extend(&links[node as usize]);
            }
        }
        assert!(reached.into_iter().all(|reached| reached), "{n}");
        for (node, links) in (0..).zip(&links) {
            assert!(links.is_sorted_by(|a, b| a < b) && !links.contains(&node));
        }
    }
}

#[test]
fn vectors_that_are_all_the_same_make_a_graph_that_finds_them() {
    let scratch = tempfile::tempdir().unwrap();
    let config = Config { dims: 8, tier: Tier::Small, seed: 3, fingerprint: [0; 16] };
    let mut index = VectorIndex::create(scratch.path(), config, 0).unwrap();
    let ids: Vec<u64> = (0..2_000).collect();
    for vector in [[0.25; 8], [0.0; 8]] {
        let delete = IdSet::from_ranges([0..=2_000]);
        let vectors = vector.repeat(ids.len());
        index.commit(&Commit { delete: &delete, ids: &ids, vectors: &vectors, stamp: 1 }).unwrap();
        assert!(index.extend_graph(&GraphConfig::default(), 2, on).unwrap());
        let snapshot = index.snapshot();
        let query = snapshot.prepare(&vector).unwrap();
        assert_eq!(snapshot.graph_candidates(&query, 60, None, 60).candidates.len(), 60);
        assert_eq!(snapshot.graph_stats().unwrap().nodes, 2_000);
    }
}

#[test]
fn hubs_keep_more_links_and_the_graph_keeps_to_its_bytes() {
    for bytes_per_node in [16, 24, 40] {
        let mut random = SplitMix(31);
        let vectors = (0..3_000).flat_map(|_| random_unit(&mut random, DIMS)).collect();
        let mut fixture = fixture_of(vectors, Tier::Balanced);
        let config = GraphConfig { bytes_per_node, hub_percent: 4, ..GraphConfig::default() };
        fixture.index.extend_graph(&config, 2, on).unwrap();
        let snapshot = fixture.index.snapshot();
        let stats = snapshot.graph_stats().unwrap();
        assert_eq!((stats.nodes, stats.tail, stats.dead), (3_000, 0, 0));
        assert_eq!(stats.bytes, fixture.graph_file().len() as u64);
        let each = stats.bytes as f64 / 3_000.0;
        assert!(each <= bytes_per_node as f64, "{each} of {bytes_per_node}");
        assert!(each > 0.7 * bytes_per_node as f64, "{each} of {bytes_per_node}");
        let mut lengths: Vec<usize> =
            links_of(snapshot.graph().unwrap()).iter().map(Vec::len).collect();
        lengths.sort_unstable();
        let (ordinary, most) = (lengths[1_500], lengths[2_990]);
        assert!(most > ordinary + ordinary / 3, "{ordinary} {most}");
    }
}

#[test]
fn the_budget_of_a_million_nodes_gives_17_links_and_more_to_fewer() {
    let links = |n: u64| links_within(40, &IdSet::from_ranges([1..=n]), n / 50);
    assert_eq!([links(1_000_000), links(66_000)], [17, 22]);
}

#[test]
fn settings_that_make_no_graph_are_refused() {
    let mut fixture = fixture(10, Tier::Balanced);
    let good = GraphConfig::default();
    for config in [
        GraphConfig { bytes_per_node: 7, ..good },
        GraphConfig { bytes_per_node: 1_025, ..good },
        GraphConfig { hub_percent: 51, ..good },
        GraphConfig { width: 15, ..good },
        GraphConfig { alpha: 0.99, ..good },
        GraphConfig { alpha: f32::NAN, ..good },
    ] {
        let refused = fixture.index.extend_graph(&config, 1, on);
        assert!(matches!(refused, Err(Error::Input(InputError::Graph))), "{config:?}");
    }
    assert_eq!(fixture.index.snapshot().graph_stats(), None);
}

#[test]
fn making_a_graph_can_be_given_up() {
    let mut fixture = fixture(500, Tier::Balanced);
    let mut seen = Vec::new();
    let made = fixture.index.extend_graph(&GraphConfig::default(), 1, |progress| {
        seen.push(progress);
        if progress.done < 100 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(!made.unwrap());
    assert!(seen.is_sorted_by(|a, b| a.done < b.done));
    assert!(seen.iter().all(|progress| progress.total == 500));
    assert_eq!(fixture.index.snapshot().graph_stats(), None);
    assert!(fixture.index.extend_graph(&GraphConfig::default(), 1, on).unwrap());
    assert!(!fixture.index.extend_graph(&GraphConfig::default(), 1, on).unwrap());
}

#[test]
fn a_graph_of_another_frame_or_size_is_refused() {
    let mut one = fixture(100, Tier::Balanced);
    one.index.extend_graph(&GraphConfig::default(), 1, on).unwrap();
    let name = |fixture: &Fixture| {
        let names = Directory::new(fixture.scratch.path()).list().unwrap();
        names.into_iter().find(|name| name.contains("graph")).unwrap()
    };
    let path = one.scratch.path().join(name(&one));
    for (n, tier, what) in [(101, Tier::Balanced, "nodes"), (100, Tier::Balanced, "frame")] {
        let scratch = tempfile::tempdir().unwrap();
        let seed = if what == "frame" { 4 } else { 3 };
        let config = Config { dims: DIMS, tier, seed, fingerprint: [0; 16] };
        let mut index = VectorIndex::create(scratch.path(), config, 0).unwrap();
        let (vectors, ids) = (clustered(5, n), (0..n as u64).collect::<Vec<_>>());
        let delete = IdSet::new();
        index.commit(&Commit { delete: &delete, ids: &ids, vectors: &vectors, stamp: 1 }).unwrap();
        index.extend_graph(&GraphConfig::default(), 1, on).unwrap();
        let other = Directory::new(scratch.path()).list().unwrap();
        let other = other.into_iter().find(|name| name.contains("graph")).unwrap();
        std::fs::copy(scratch.path().join(other), &path).unwrap();
        let error = Snapshot::open(one.scratch.path()).unwrap_err();
        assert!(error.is_damage() && error.to_string().contains(what), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
    let error = Snapshot::open(one.scratch.path()).unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
}

/// How many of the ten best by scan a walk finds, of a hundred.
fn found_by_walk(fixture: &Fixture, width: usize, allow: Option<&IdSet>) -> usize {
    let snapshot = fixture.index.snapshot();
    clustered(17, 10)
        .chunks_exact(DIMS)
        .map(|query| {
            let query = snapshot.prepare(query).unwrap();
            let expected = snapshot.candidates(&query, 10, allow).candidates;
            let walked = snapshot.graph_candidates(&query, 10, allow, width).candidates;
            walked.iter().filter(|found| expected.contains(found)).count()
        })
        .sum()
}

#[test]
fn a_walk_finds_what_a_scan_finds_with_less_work() {
    for tier in [Tier::Small, Tier::Balanced, Tier::Fast] {
        let mut fixture = fixture(4_000, tier);
        fixture.index.extend_graph(&GraphConfig::default(), 2, on).unwrap();
        let found = found_by_walk(&fixture, 100, None);
        assert!(found >= 97, "{tier:?}: {found} of 100");
        let snapshot = fixture.index.snapshot();
        let query = snapshot.prepare(&fixture.vectors[..DIMS]).unwrap();
        let counts = snapshot.graph_candidates(&query, 10, None, 50).counts;
        assert!(counts.evaluated < 2_000 && counts.visited < 200, "{counts:?}");
        // Its own √n, and as many of the sample as the pool holds.
        assert_eq!((counts.entries, counts.sampled), (63 + 50, 2_016));
        assert!(counts.tail == ScanCounts::default() && !counts.cut_short);
        // A wider walk costs more and finds no less.
        let wide = snapshot.graph_candidates(&query, 10, None, 200).counts;
        assert!(wide.visited > counts.visited);
    }
}

#[test]
fn an_index_that_grew_and_shrank_is_still_found_by_its_graph() {
    let mut fixture = fixture(2_000, Tier::Balanced);
    let config = GraphConfig::default();
    fixture.index.extend_graph(&config, 2, on).unwrap();
    for round in 0..4_u64 {
        // A sixth goes, a third comes; some ids get other vectors.
        let delete: IdSet =
            fixture.index.snapshot().ids().iter().skip(round as usize).step_by(6).collect();
        let first = 10_000 * (round + 1);
        let ids: Vec<u64> = delete.iter().take(50).chain(first..first + 600).collect();
        let vectors = clustered(30 + round, ids.len());
        let commit = Commit { delete: &delete, ids: &ids, vectors: &vectors, stamp: round };
        fixture.index.commit(&commit).unwrap();
        let before = fixture.index.snapshot().graph_stats().unwrap();
        assert_eq!(before.tail, 650);
        assert!(before.dead > 300);
        // Dead nodes lead on, the tail is scanned.
        let found = found_by_walk(&fixture, 100, None);
        assert!(found >= 96, "round {round}: {found} before extending");
        if round % 2 == 1 {
            // Their codes go, their links stay.
            fixture.index.merge_all().unwrap();
            let found = found_by_walk(&fixture, 100, None);
            assert!(found >= 96, "round {round}: {found} after merging");
        }
        assert!(fixture.index.extend_graph(&config, 2, on).unwrap());
        let snapshot = fixture.index.snapshot();
        let after = snapshot.graph_stats().unwrap();
        assert_eq!((after.tail, after.dead, after.nodes), (0, 0, snapshot.len()));
        assert!(after.bytes <= 40 * after.nodes);
        let found = found_by_walk(&fixture, 100, None);
        assert!(found >= 97, "round {round}: {found} after extending");
        snapshot.check().unwrap();
    }
}

#[test]
fn entries_that_die_are_replaced() {
    let mut fixture = fixture(1_000, Tier::Balanced);
    fixture.index.extend_graph(&GraphConfig::default(), 2, on).unwrap();
    let snapshot = fixture.index.snapshot();
    let reader = snapshot.graph().unwrap().reader();
    let delete: IdSet = reader.entries().iter().map(|entry| reader.nodes().id(*entry)).collect();
    assert_eq!(delete.len(), 31);
    // What comes finds its way among what was there.
    let (ids, vectors) = ((2_000..2_200).collect::<Vec<_>>(), clustered(9, 200));
    let commit = Commit { delete: &delete, ids: &ids, vectors: &vectors, stamp: 2 };
    fixture.index.commit(&commit).unwrap();
    assert!(fixture.index.extend_graph(&GraphConfig::default(), 2, on).unwrap());
    let snapshot = fixture.index.snapshot();
    let links = links_of(snapshot.graph().unwrap());
    let old_and_new =
        |(node, links): (usize, &Vec<u32>)| node >= 969 && links.iter().any(|to| *to < 969);
    assert!(links.iter().enumerate().filter(|pair| old_and_new(*pair)).count() > 150);
    let mut entries = snapshot.graph().unwrap().reader().entries().to_vec();
    entries.sort_unstable();
    entries.dedup();
    assert_eq!(entries.len(), 34);
    assert!(found_by_walk(&fixture, 100, None) >= 97);
}

#[test]
fn a_filter_leaves_only_what_it_allows_and_a_long_walk_says_so() {
    let mut fixture = fixture(4_000, Tier::Balanced);
    fixture.index.extend_graph(&GraphConfig::default(), 2, on).unwrap();
    let snapshot = fixture.index.snapshot();
    for part in [2, 10, 400] {
        let allow: IdSet = (0..4_000).filter(|id| id % part == 0).collect();
        let query = snapshot.prepare(&clustered(17, 1)).unwrap();
        let walked = snapshot.graph_candidates(&query, 20, Some(&allow), 50);
        assert!(walked.candidates.iter().all(|found| allow.contains(found.id)));
        if part == 400 {
            assert!(walked.counts.cut_short || walked.candidates.len() == 10, "{walked:?}");
        } else {
            assert_eq!(walked.candidates.len(), 20);
            let found = found_by_walk(&fixture, 60, Some(&allow));
            assert!(found >= 96, "one in {part}: {found}");
        }
    }
    let nothing = snapshot.prepare(&[0.1; DIMS]).unwrap();
    let walked = snapshot.graph_candidates(&nothing, 5, Some(&IdSet::new()), 50);
    assert!(walked.candidates.is_empty());
    assert!(snapshot.graph_candidates(&nothing, 0, None, 50).candidates.is_empty());
}
