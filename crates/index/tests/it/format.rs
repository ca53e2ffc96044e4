use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ragged_index::{Commit, Config, IdSet, Kernels, Snapshot, Tier, VectorIndex};

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
