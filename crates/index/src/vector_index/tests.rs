use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use super::*;
use crate::codes::tests::random_unit;
use crate::codes::{SplitMix, Tier};
use crate::directory::journal::{Crash, after_crash};
use crate::proximity::GraphConfig;
use crate::snapshot::GraphStats;

const DIMS: usize = 16;

fn config() -> Config {
    Config { dims: DIMS, tier: Tier::Balanced, seed: 1, fingerprint: *b"0123456789abcdef" }
}

fn vectors(seed: u64, n: usize) -> Vec<f32> {
    let mut random = SplitMix(seed);
    (0..n).flat_map(|_| random_unit(&mut random, DIMS)).collect()
}

fn append(index: &mut VectorIndex, ids: &[u64], stamp: u64) -> Result<()> {
    let vectors = vectors(stamp, ids.len());
    index.commit(&Commit { delete: &IdSet::new(), ids, vectors: &vectors, stamp })
}

fn delete(index: &mut VectorIndex, ids: &[u64], stamp: u64) -> Result<()> {
    let delete = ids.iter().copied().collect();
    index.commit(&Commit { delete: &delete, ids: &[], vectors: &[], stamp })
}

/// Everything that happens to an index, one step after the other.
fn life(index: &mut VectorIndex, mut after: impl FnMut(&VectorIndex)) -> Result<()> {
    append(index, &[1, 2, 3], 1)?;
    after(index);
    append(index, &[4, 5, 9], 2)?;
    after(index);
    delete(index, &[2, 4, 77], 3)?;
    after(index);
    index.merge_all()?;
    after(index);
    append(index, &[10], 4)?;
    after(index);
    delete(index, &[10], 5)?;
    after(index);
    delete(index, &[], 6)?;
    after(index);
    extend(index)?;
    after(index);
    append(index, &[20, 21], 7)?;
    after(index);
    delete(index, &[3, 20], 8)?;
    after(index);
    index.merge_all()?;
    after(index);
    extend(index)?;
    after(index);
    index.drop_graph()?;
    after(index);
    extend(index)?;
    after(index);
    index.clear(9)?;
    after(index);
    append(index, &[1, 30], 10)?;
    after(index);
    Ok(())
}

fn extend(index: &mut VectorIndex) -> Result<bool> {
    index.extend_graph(&GraphConfig::default(), 1, |_| ControlFlow::Continue(()))
}

type Seen = (u64, Vec<u64>, Option<GraphStats>);

fn seen(snapshot: &Snapshot) -> Seen {
    (snapshot.stamp(), snapshot.ids().iter().collect(), snapshot.graph_stats())
}

/// A walk finds every vector there is, as a scan does.
fn walks_over_all(snapshot: &Snapshot) {
    let query = snapshot.prepare(&vectors(1, 1)).unwrap();
    let n = snapshot.len() as usize + 1;
    let walked = snapshot.graph_candidates(&query, n, None, n);
    assert_eq!(walked.candidates, snapshot.candidates(&query, n, None).candidates);
}

fn files(path: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(path)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn a_crash_at_any_moment_leaves_the_state_before_or_after() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = Directory::new(scratch.path());
    let mut index = VectorIndex::create_in(directory.clone(), config(), 0).unwrap();
    let mut states = vec![(directory.journal.operations().len(), seen(&index.snapshot()))];
    life(&mut index, |index| {
        states.push((directory.journal.operations().len(), seen(&index.snapshot())));
    })
    .unwrap();
    let operations = directory.journal.operations();
    assert!(operations.len() > 50, "{}", operations.len());
    let first = states[0].0;
    for n_done in first..=operations.len() {
        let last_done = states.iter().rposition(|(end, _)| *end <= n_done).unwrap();
        let allowed: Vec<&Seen> =
            states[last_done..].iter().take(2).map(|(_, seen)| seen).collect();
        for crash in [Crash::Kill, Crash::PowerLosesNames, Crash::PowerLosesContents] {
            let scratch = tempfile::tempdir().unwrap();
            for (name, bytes) in after_crash(&operations[..n_done], crash) {
                fs::write(scratch.path().join(name), bytes).unwrap();
            }
            let snapshot = Snapshot::open(scratch.path()).unwrap();
            snapshot.check().unwrap();
            walks_over_all(&snapshot);
            assert!(allowed.contains(&&seen(&snapshot)), "{n_done} {crash:?}");
            // A writer goes on from there, and leaves no file that is not named.
            let mut index = VectorIndex::open(scratch.path()).unwrap();
            append(&mut index, &[1_000], 99).unwrap();
            assert_eq!(index.snapshot().stamp(), 99);
            let n_graphs = usize::from(index.snapshot().graph_stats().is_some());
            assert_eq!(files(scratch.path()).len(), 1 + n_graphs + index.snapshot().n_segments());
            walks_over_all(&index.snapshot());
            Snapshot::open(scratch.path()).unwrap().check().unwrap();
        }
    }
}

#[test]
fn a_failed_write_closes_the_handle_and_loses_nothing() {
    let mut n_failures = 0;
    for fuse in 0.. {
        let scratch = tempfile::tempdir().unwrap();
        let directory = Directory::new(scratch.path());
        let mut index = VectorIndex::create_in(directory.clone(), config(), 0).unwrap();
        directory.journal.set_fuse(fuse);
        let mut states = vec![seen(&index.snapshot())];
        let result = life(&mut index, |index| states.push(seen(&index.snapshot())));
        if result.is_ok() {
            break;
        }
        n_failures += 1;
        assert!(matches!(result, Err(Error::Io { .. })));
        assert_eq!(&seen(&index.snapshot()), states.last().unwrap());
        assert!(matches!(append(&mut index, &[500], 50), Err(Error::Closed)));
        assert!(matches!(index.merge(), Err(Error::Closed)));
        assert!(matches!(index.merge_all(), Err(Error::Closed)));
        assert!(matches!(index.clear(51), Err(Error::Closed)));
        assert!(matches!(extend(&mut index), Err(Error::Closed)));
        assert!(matches!(index.drop_graph(), Err(Error::Closed)));
        drop(index);
        let mut index = VectorIndex::open(scratch.path()).unwrap();
        let stamp = index.snapshot().stamp();
        assert!(stamp == states.last().unwrap().0 || stamp == states.last().unwrap().0 + 1);
        walks_over_all(&index.snapshot());
        append(&mut index, &[1_000], 99).unwrap();
    }
    assert!(n_failures > 40, "{n_failures}");
}

#[test]
fn a_snapshot_survives_commits_merges_and_the_index() {
    let scratch = tempfile::tempdir().unwrap();
    let mut index = VectorIndex::create(scratch.path(), config(), 0).unwrap();
    let ids: Vec<u64> = (0..200).collect();
    append(&mut index, &ids[..100], 1).unwrap();
    append(&mut index, &ids[100..], 2).unwrap();
    let snapshot = index.snapshot();
    let query = snapshot.prepare(&vectors(1, 1)).unwrap();
    let before = snapshot.candidates(&query, 20, None);
    assert_eq!(before.candidates.len(), 20);
    delete(&mut index, &ids[..150], 3).unwrap();
    index.merge_all().unwrap();
    drop(index);
    assert_eq!(snapshot.candidates(&query, 20, None), before);
    assert_eq!(seen(&snapshot), (2, ids.clone(), None));
    let opened = Snapshot::open(scratch.path()).unwrap();
    assert_eq!(seen(&opened), (3, ids[150..].to_vec(), None));
}

#[test]
fn merging_changes_nothing_that_is_found() {
    let scratch = tempfile::tempdir().unwrap();
    let mut index = VectorIndex::create(scratch.path(), config(), 0).unwrap();
    // Ids of later commits fall between those of earlier ones.
    for (stamp, start) in [(1, 0), (2, 1), (3, 2)] {
        let ids: Vec<u64> = (0..70).map(|i| start + 3 * i).collect();
        append(&mut index, &ids, stamp).unwrap();
    }
    delete(&mut index, &[0, 5, 6, 7, 100], 4).unwrap();
    let before = index.snapshot();
    assert!(index.merge_all().unwrap());
    assert!(!index.merge_all().unwrap());
    let after = index.snapshot();
    assert_eq!((before.n_segments(), after.n_segments()), (3, 1));
    assert_eq!(seen(&after), seen(&before));
    after.check().unwrap();
    assert!(after.bytes() < before.bytes());
    let query = before.prepare(&vectors(9, 1)).unwrap();
    let found = before.candidates(&query, 205, None).candidates;
    assert_eq!(found.len(), 205);
    assert_eq!(after.candidates(&query, 205, None).candidates, found);
}

#[test]
fn merging_keeps_segments_few_and_copies_little() {
    let scratch = tempfile::tempdir().unwrap();
    let mut index = VectorIndex::create(scratch.path(), config(), 0).unwrap();
    let mut merges = 0;
    for stamp in 0..300 {
        let ids: Vec<u64> = (stamp * 20..(stamp + 1) * 20).collect();
        append(&mut index, &ids, stamp).unwrap();
        while index.merge().unwrap() {
            merges += 1;
        }
        assert!(index.snapshot().n_segments() <= 16);
    }
    assert!((30..=80).contains(&merges), "{merges}");
    assert_eq!(index.snapshot().len(), 6_000);
    // A segment of which more than a quarter is gone is written anew.
    let gone: Vec<u64> = (0..3_000).collect();
    delete(&mut index, &gone, 400).unwrap();
    let before = index.snapshot().bytes();
    while index.merge().unwrap() {}
    assert!(index.snapshot().bytes() < before);
    assert_eq!(index.snapshot().len(), 3_000);
}

#[test]
fn a_segment_without_live_vectors_goes_at_once() {
    let scratch = tempfile::tempdir().unwrap();
    let mut index = VectorIndex::create(scratch.path(), config(), 0).unwrap();
    append(&mut index, &[1, 2], 1).unwrap();
    append(&mut index, &[3], 2).unwrap();
    delete(&mut index, &[1, 2], 3).unwrap();
    assert_eq!(index.snapshot().n_segments(), 1);
    assert_eq!(files(scratch.path()).len(), 2);
}

#[test]
fn wrong_input_changes_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let mut index = VectorIndex::create(scratch.path(), config(), 0).unwrap();
    append(&mut index, &[5, 6], 1).unwrap();
    let before = files(scratch.path());
    let none = IdSet::new();
    let six = [6].into_iter().collect();
    let good = vectors(1, 2);
    let mut nan = good.clone();
    nan[DIMS] = f32::NAN;
    let mut try_commit = |delete: &IdSet, ids: &[u64], vectors: &[f32]| match index
        .commit(&Commit { delete, ids, vectors, stamp: 2 })
    {
        Err(Error::Input(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        try_commit(&none, &[7, 8], &good[1..]),
        InputError::Length { expected: 32, found: 31 }
    );
    assert_eq!(try_commit(&none, &[8, 7], &good), InputError::NotAscending { position: 1 });
    assert_eq!(try_commit(&none, &[7, 7], &good), InputError::NotAscending { position: 1 });
    assert_eq!(try_commit(&none, &[7, 8], &nan), InputError::NotFinite { position: 1 });
    assert_eq!(try_commit(&six, &[5, 6], &good), InputError::Occupied { id: 5 });
    assert_eq!(files(scratch.path()), before);
    // Replacing is deleting and appending.
    index.commit(&Commit { delete: &six, ids: &[6, 7], vectors: &good, stamp: 2 }).unwrap();
    assert_eq!(seen(&index.snapshot()), (2, vec![5, 6, 7], None));
}

#[test]
fn indexes_are_found_and_not_overwritten() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("a").join("b");
    assert!(matches!(VectorIndex::open(&path), Err(Error::NotFound { .. })));
    assert!(matches!(Snapshot::open(&path), Err(Error::NotFound { .. })));
    let index = VectorIndex::create(&path, config(), 17).unwrap();
    assert_eq!(index.snapshot().config(), &config());
    assert!(index.snapshot().is_empty());
    let query = index.snapshot().prepare(&vectors(1, 1)).unwrap();
    assert!(index.snapshot().candidates(&query, 5, None).candidates.is_empty());
    drop(index);
    assert!(matches!(VectorIndex::create(&path, config(), 0), Err(Error::Exists { .. })));
    assert_eq!(VectorIndex::open(&path).unwrap().snapshot().stamp(), 17);
    let wrong = Config { dims: 0, ..config() };
    let other = scratch.path().join("c");
    assert!(matches!(VectorIndex::create(&other, wrong, 0), Err(Error::Input(_))));
    assert!(!other.exists());
}

#[test]
fn the_frame_is_of_the_first_vectors_until_all_are_cleared() {
    let scratch = tempfile::tempdir().unwrap();
    let mut index = VectorIndex::create(scratch.path(), config(), 0).unwrap();
    let age = |index: &VectorIndex| {
        let age = index.snapshot().frame_age();
        (age.sampled, age.live)
    };
    assert_eq!(age(&index), (0, 0));
    append(&mut index, &[1, 2, 3], 1).unwrap();
    append(&mut index, &[4, 5], 2).unwrap();
    assert_eq!(age(&index), (3, 5));
    index.merge_all().unwrap();
    assert_eq!(age(&index), (3, 5));
    index.clear(3).unwrap();
    assert_eq!(age(&index), (0, 0));
    append(&mut index, &[4, 5], 4).unwrap();
    assert_eq!(age(&index), (2, 2));
}

#[test]
fn the_same_commits_make_the_same_files() {
    let made = |_| {
        let scratch = tempfile::tempdir().unwrap();
        let mut index = VectorIndex::create(scratch.path(), config(), 0).unwrap();
        life(&mut index, |_| {}).unwrap();
        files(scratch.path())
    };
    let [one, two] = [1, 2].map(made);
    assert_eq!(one, two);
}

#[cfg(unix)]
#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("index");
    let mut index = VectorIndex::create(&path, config(), 0).unwrap();
    append(&mut index, &[1], 1).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for name in files(&path).keys() {
        assert_eq!(mode(&path.join(name)), 0o600, "{name}");
    }
}

#[test]
fn readers_open_whole_states_while_a_writer_merges() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path();
    let mut index = VectorIndex::create(path, config(), 0).unwrap();
    append(&mut index, &[0], 1).unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = 0;
            for _ in 0..400 {
                let snapshot = Snapshot::open(path).unwrap();
                let (stamp, ids, _) = seen(&snapshot);
                assert!(stamp >= last);
                assert_eq!(ids, (0..stamp).collect::<Vec<_>>());
                walks_over_all(&snapshot);
                last = stamp;
            }
        });
        for stamp in 2..=60 {
            append(&mut index, &[stamp - 1], stamp).unwrap();
            index.merge_all().unwrap();
            extend(&mut index).unwrap();
        }
        reader.join().unwrap();
    });
}
