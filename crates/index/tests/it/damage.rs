use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use ragged_index::{
    Commit, Config, Error, GraphConfig, IdSet, Result, Scan, Snapshot, Tier, VectorIndex, Walked,
};

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
    let config = GraphConfig::default();
    index.extend_graph(&config, 1, |_| ControlFlow::Continue(())).unwrap();
}

/// What a walk finds; without any limit but the graph itself.
fn walked(snapshot: &Snapshot) -> Walked {
    let query = snapshot.prepare(&made(3, 1, DIMS)).unwrap();
    snapshot.graph_candidates(&query, 10, None, 10)
}

fn scanned(snapshot: &Snapshot) -> Scan {
    let query = snapshot.prepare(&made(3, 1, DIMS)).unwrap();
    snapshot.candidates(&query, 10, None)
}

/// Opens, scans and checks: an error, or the very answer of the undamaged index.
fn examined(directory: &Path, expected: &Scan) -> Result<()> {
    let snapshot = Snapshot::open(directory)?;
    // Whatever the bytes, scanning and walking them ends.
    let found = scanned(&snapshot);
    assert!(walked(&snapshot).counts.evaluated <= 4);
    snapshot.check()?;
    assert_eq!(&found, expected);
    assert_eq!(walked(&snapshot).candidates, expected.candidates);
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
    assert_eq!(paths.len(), 3);
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

/// The graph file with other bytes in it, and every checksum made to fit.
fn forged(whole: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut forged = whole.to_vec();
    forged[at..at + bytes.len()].copy_from_slice(bytes);
    let number = |at: usize| u64::from_le_bytes(forged[at..at + 8].try_into().unwrap()) as usize;
    let n_nodes = number(8) >> 32;
    let groups_end = 64 + n_nodes.div_ceil(32) * 40;
    let links_end = groups_end + number(24);
    let parts = [(64, groups_end), (groups_end, links_end), (links_end, whole.len())];
    for (part, (from, to)) in parts.into_iter().enumerate() {
        if let Some(content) = forged.get(from..to) {
            let crc = crc32(content);
            forged[48 + 4 * part..52 + 4 * part].copy_from_slice(&crc.to_le_bytes());
        }
    }
    let crc = crc32(&forged[..60]);
    forged[60..64].copy_from_slice(&crc.to_le_bytes());
    forged
}

/// CRC-32 by its definition.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc: u32, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}

#[test]
fn a_graph_of_any_bytes_gives_an_error_or_an_answer() {
    let scratch = tempfile::tempdir().unwrap();
    let config = Config { dims: DIMS, tier: Tier::Balanced, seed: 5, fingerprint: [0; 16] };
    let mut index = VectorIndex::create(scratch.path(), config, 0).unwrap();
    let (delete, ids) = (IdSet::new(), (0..70).collect::<Vec<u64>>());
    let vectors = made(1, ids.len(), DIMS);
    index.commit(&Commit { delete: &delete, ids: &ids, vectors: &vectors, stamp: 1 }).unwrap();
    let config = GraphConfig::default();
    index.extend_graph(&config, 1, |_| ControlFlow::Continue(())).unwrap();
    let path = fs::read_dir(scratch.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|kind| kind == "graph"))
        .unwrap();
    let whole = fs::read(&path).unwrap();
    assert_eq!(forged(&whole, 0, &[]), whole);
    let query = index.snapshot().prepare(&made(3, 1, DIMS)).unwrap();
    let (mut answers, mut errors) = (0, 0);
    for at in 0..whole.len() {
        for bytes in [&[0][..], &[0x55], &[0xff], &[0xff; 8], &[0; 8]] {
            if at + bytes.len() > whole.len() {
                continue;
            }
            fs::write(&path, forged(&whole, at, bytes)).unwrap();
            match Snapshot::open(scratch.path()) {
                Ok(snapshot) => {
                    answers += 1;
                    let walked = snapshot.graph_candidates(&query, 10, None, 20);
                    assert!(walked.counts.evaluated <= 70 && walked.counts.visited <= 70);
                    assert!(walked.candidates.iter().all(|found| found.id < 70));
                    // A writer goes on from it, and mends it.
                    if at % 16 == 0 {
                        let mut index = VectorIndex::open(scratch.path()).unwrap();
                        let delete = [7].into_iter().collect();
                        let commit = Commit { delete: &delete, ids: &[], vectors: &[], stamp: 2 };
                        let manifest = fs::read(scratch.path().join("manifest")).unwrap();
                        index.commit(&commit).unwrap();
                        index.extend_graph(&config, 1, |_| ControlFlow::Continue(())).unwrap();
                        let snapshot = index.snapshot();
                        let walked = snapshot.graph_candidates(&query, 10, None, 69);
                        let scanned = snapshot.candidates(&query, 10, None);
                        assert_eq!(walked.candidates, scanned.candidates);
                        fs::write(scratch.path().join("manifest"), manifest).unwrap();
                    }
                }
                Err(error) => {
                    errors += 1;
                    assert!(error.is_damage(), "byte {at}: {error}");
                }
            }
        }
    }
    assert!(answers > 1_000 && errors > 100, "{answers} {errors}");
}
