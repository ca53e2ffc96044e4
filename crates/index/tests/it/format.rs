use std::fmt::Write as _;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ragged_index::{Commit, Config, GraphConfig, IdSet, Kernels, Snapshot, Tier, VectorIndex};

use crate::vectors::made;

const DIMS: usize = 20;

/// What is kept of each version: an index, and what it answers.
fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/format/v{version}"))
}

/// Two segments, one with deleted ids and gaps.
fn write(directory: &Path, tier: Tier) {
    let config = Config { dims: DIMS, tier, seed: 5, fingerprint: *b"fixture of v1..." };
    let mut index = VectorIndex::create(directory, config, 0).unwrap();
    let ids: Vec<u64> = (0..40).map(|i| 1_000 + i + i / 9).collect();
    let vectors = made(1, ids.len(), DIMS);
    let none = IdSet::new();
    index.commit(&Commit { delete: &none, ids: &ids, vectors: &vectors, stamp: 1 }).unwrap();
    let (delete, vectors) = ([1_003, 1_004, 1_020].into_iter().collect(), made(2, 3, DIMS));
    let ids = [1_004, 70_000, u64::MAX];
    index.commit(&Commit { delete: &delete, ids: &ids, vectors: &vectors, stamp: 2 }).unwrap();
}

/// All there is to know of an index, with the bits of every estimate.
fn described(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    let config = snapshot.config();
    let runs: Vec<_> = snapshot.ids().runs().collect();
    writeln!(text, "{:?} stamp {} ids {runs:?}", config.tier, snapshot.stamp()).unwrap();
    for seed in 10..13 {
        let query = snapshot.prepare(&made(seed, 1, DIMS)).unwrap();
        for candidate in snapshot.candidates(&query, 12, None).candidates {
            let (estimate, error) = (candidate.estimate.to_bits(), candidate.error.to_bits());
            writeln!(text, "{seed} {} {estimate:08x} {error:08x}", candidate.id).unwrap();
        }
    }
    text
}

#[test]
fn indexes_of_version_1_are_read_and_give_the_same_answers() {
    for (tier, name) in [(Tier::Small, "small"), (Tier::Balanced, "balanced"), (Tier::Fast, "fast")]
    {
        let directory = fixture(1).join(name);
        let answers = fixture(1).join(format!("{name}.txt"));
        if !directory.exists() {
            write(&directory, tier);
            fs::write(&answers, described(&Snapshot::open(&directory).unwrap())).unwrap();
        }
        let snapshot = Snapshot::open(&directory).unwrap();
        snapshot.check().unwrap();
        assert_eq!(snapshot.config().fingerprint, *b"fixture of v1...");
        let expected = fs::read_to_string(&answers).unwrap();
        assert_eq!(described(&snapshot), expected, "{name}");
        assert_eq!(expected.lines().count(), 1 + 3 * 12);
    }
}

#[test]
fn this_version_writes_the_same_bytes() {
    for (tier, name) in [(Tier::Small, "small"), (Tier::Balanced, "balanced"), (Tier::Fast, "fast")]
    {
        let scratch = tempfile::tempdir().unwrap();
        write(scratch.path(), tier);
        for entry in fs::read_dir(scratch.path()).unwrap() {
            let name_of_file = entry.unwrap().file_name();
            let kept = fixture(1).join(name).join(&name_of_file);
            if !fixture(1).join(name).exists() {
                continue;
            }
            let written = fs::read(scratch.path().join(&name_of_file)).unwrap();
            assert!(fs::read(&kept).unwrap() == written, "{} differs", kept.display());
        }
    }
}

/// The index of version 1 with a graph over part of it, a dead node and a tail.
fn write_graph(directory: &Path) {
    let config = Config { dims: DIMS, tier: Tier::Balanced, seed: 5, fingerprint: [2; 16] };
    let mut index = VectorIndex::create(directory, config, 0).unwrap();
    let ids: Vec<u64> = (0..70).map(|i| 1_000 + i + i / 9).collect();
    let (none, vectors) = (IdSet::new(), made(1, ids.len(), DIMS));
    index.commit(&Commit { delete: &none, ids: &ids, vectors: &vectors, stamp: 1 }).unwrap();
    let config = GraphConfig { bytes_per_node: 12, ..GraphConfig::default() };
    index.extend_graph(&config, 1, |_| ControlFlow::Continue(())).unwrap();
    let (delete, vectors) = ([1_003, 1_020].into_iter().collect(), made(2, 2, DIMS));
    let ids = [1_003, 70_000];
    index.commit(&Commit { delete: &delete, ids: &ids, vectors: &vectors, stamp: 2 }).unwrap();
}

/// What a narrow walk finds, with its counts: all of it depends on every link.
fn walked(snapshot: &Snapshot) -> String {
    let mut text = format!("{:?}\n", snapshot.graph_stats());
    for seed in 10..13 {
        let query = snapshot.prepare(&made(seed, 1, DIMS)).unwrap();
        let walked = snapshot.graph_candidates(&query, 12, None, 12);
        let ids: Vec<u64> = walked.candidates.iter().map(|found| found.id).collect();
        writeln!(text, "{seed} {ids:?} {:?}", walked.counts).unwrap();
    }
    text
}

#[test]
fn an_index_with_a_graph_is_of_version_2_and_gives_the_same_answers() {
    let (directory, answers) = (fixture(2).join("graph"), fixture(2).join("graph.txt"));
    if !directory.exists() {
        write_graph(&directory);
        fs::write(&answers, walked(&Snapshot::open(&directory).unwrap())).unwrap();
    }
    assert_eq!(fs::read(directory.join("manifest")).unwrap()[8..12], [2, 0, 0, 0]);
    let snapshot = Snapshot::open(&directory).unwrap();
    snapshot.check().unwrap();
    let expected = fs::read_to_string(&answers).unwrap();
    assert!(expected.contains("nodes: 70") && expected.contains("dead: 2, tail: 2"));
    assert_eq!(walked(&snapshot), expected);
    // This version writes the same bytes.
    let scratch = tempfile::tempdir().unwrap();
    write_graph(scratch.path());
    for entry in fs::read_dir(scratch.path()).unwrap() {
        let name = entry.unwrap().file_name();
        let written = fs::read(scratch.path().join(&name)).unwrap();
        assert!(fs::read(directory.join(&name)).unwrap() == written, "{} differs", name.display());
    }
}

#[test]
fn every_set_of_kernels_gives_the_kept_answers() {
    let scratch = tempfile::tempdir().unwrap();
    write(scratch.path(), Tier::Balanced);
    let snapshot = Snapshot::open(scratch.path()).unwrap();
    for seed in 0..20 {
        let query = snapshot.prepare(&made(seed, 1, DIMS)).unwrap();
        let expected = snapshot.candidates(&query.clone().with_kernels(Kernels::SCALAR), 40, None);
        for kernels in Kernels::available() {
            let query = query.clone().with_kernels(kernels);
            assert_eq!(snapshot.candidates(&query, 40, None), expected, "{}", kernels.name());
        }
    }
}
