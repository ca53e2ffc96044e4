use std::fs;
use std::path::Path;

use ragged_index::{Commit, Config, Error, IdSet, Result, Scan, Snapshot, Tier, VectorIndex};

use crate::vectors::made;

const DIMS: usize = 8;

fn write(directory: &Path) {
    let config = Config { dims: DIMS, tier: Tier::Balanced, seed: 5, fingerprint: [0; 16] };
    let mut index = VectorIndex::create(directory, config, 0).unwrap();
    let (delete, ids) = (IdSet::new(), [1, 2, 3, 5, 8]);
    let vectors = made(1, ids.len(), DIMS);
    index.commit(&Commit { delete: &delete, ids: &ids, vectors: &vectors, stamp: 1 }).unwrap();
    let delete = [2].into_iter().collect();
    index.commit(&Commit { delete: &delete, ids: &[], vectors: &[], stamp: 2 }).unwrap();
}

fn scanned(snapshot: &Snapshot) -> Scan {
    let query = snapshot.prepare(&made(3, 1, DIMS)).unwrap();
    snapshot.candidates(&query, 10, None)
}

/// Opens, scans and checks: an error, or the very answer of the undamaged index.
fn examined(directory: &Path, expected: &Scan) -> Result<()> {
    let snapshot = Snapshot::open(directory)?;
    // Whatever the bytes, scanning them ends.
    let found = scanned(&snapshot);
    snapshot.check()?;
    assert_eq!(&found, expected);
    Ok(())
}

/// Calls `visit` for each file of an index, with its path and content.
fn each_file(mut visit: impl FnMut(&Path, &Path, &[u8], &Scan)) {
    let scratch = tempfile::tempdir().unwrap();
    write(scratch.path());
    let expected = scanned(&Snapshot::open(scratch.path()).unwrap());
    assert_eq!(expected.candidates.len(), 4);
    let paths: Vec<_> =
        fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(paths.len(), 2);
    for path in paths {
        let whole = fs::read(&path).unwrap();
        visit(scratch.path(), &path, &whole, &expected);
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn files_cut_off_anywhere_are_refused() {
    each_file(|directory, path, whole, expected| {
        for length in 0..whole.len() {
            fs::write(path, &whole[..length]).unwrap();
            let error = examined(directory, expected).unwrap_err();
            assert!(error.is_damage(), "{length}: {error}");
            assert!(error.to_string().contains(path.to_str().unwrap()));
            assert!(VectorIndex::open(directory).is_err());
        }
    });
}

#[test]
fn changed_bytes_are_found_or_harmless() {
    each_file(|directory, path, whole, expected| {
        for at in 0..whole.len() {
            for change in [1, 0x80, 0xff] {
                let mut bytes = whole.to_vec();
                bytes[at] ^= change;
                fs::write(path, &bytes).unwrap();
                assert!(examined(directory, expected).unwrap_err().is_damage(), "byte {at}");
            }
        }
    });
}

#[test]
fn files_of_another_index_are_refused() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(one.path());
    let config = Config { dims: DIMS, tier: Tier::Balanced, seed: 6, fingerprint: [0; 16] };
    let mut index = VectorIndex::create(two.path(), config, 0).unwrap();
    let vectors = made(1, 5, DIMS);
    let delete = IdSet::new();
    let ids = [1, 2, 3, 5, 8];
    index.commit(&Commit { delete: &delete, ids: &ids, vectors: &vectors, stamp: 1 }).unwrap();
    let segment = |directory: &Path| {
        fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|extension| extension == "segment"))
            .unwrap()
    };
    fs::copy(segment(two.path()), segment(one.path())).unwrap();
    let error = Snapshot::open(one.path()).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }));
    assert!(error.to_string().contains("frame"), "{error}");
}
