use std::path::Path;

use super::*;
use crate::error::Version;

fn manifest() -> Manifest {
    let config = Config { dims: 6, tier: Tier::Fast, seed: 11, fingerprint: *b"some model, v. 1" };
    let mut manifest = Manifest::new(config, 42);
    manifest.next_segment = 5;
    manifest.frame = Some(Frame::of(&[0.5; 12], 6, 11));
    for number in [1, 4] {
        let deleted = [3, 4, 5, 900 + number].into_iter().collect();
        manifest.segments.push(SegmentEntry { number, n_vectors: 77, deleted });
    }
    manifest
}

fn with_graph() -> Manifest {
    let dead = [7, 8, 4_000].into_iter().collect();
    Manifest { graph: Some(GraphEntry { number: 3, n_nodes: 150, dead }), ..manifest() }
}

fn read(bytes: &[u8]) -> Result<Manifest> {
    Manifest::from_bytes(bytes, Path::new("manifest"))
}

#[test]
fn a_manifest_survives_writing_and_reading() {
    for manifest in [manifest(), with_graph(), Manifest::new(manifest().config, 0)] {
        let again = read(&manifest.to_bytes()).unwrap();
        assert_eq!(again.config, manifest.config);
        assert_eq!(again.stamp, manifest.stamp);
        assert_eq!(again.next_segment, manifest.next_segment);
        assert_eq!(again.segments, manifest.segments);
        assert_eq!(again.graph, manifest.graph);
        let id = |manifest: &Manifest| manifest.frame.as_ref().map(Frame::id);
        assert_eq!(id(&again), id(&manifest));
        assert_eq!(again.to_bytes(), manifest.to_bytes());
    }
}

#[test]
fn truncated_and_changed_manifests_are_refused() {
    for bytes in [manifest().to_bytes(), with_graph().to_bytes()] {
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).unwrap_err().is_damage(), "{length}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(read(&changed).unwrap_err().is_damage(), "{at}");
        }
    }
}

#[test]
fn only_a_manifest_with_a_graph_has_the_version_that_knows_graphs() {
    assert_eq!(manifest().to_bytes()[8], 1);
    assert_eq!(with_graph().to_bytes()[8], 2);
    // The same content under the other version is not what a writer left.
    for (manifest, version) in [(manifest(), 2), (with_graph(), 1)] {
        let bytes = manifest.to_bytes();
        let mut changed = bytes[..bytes.len() - 4].to_vec();
        changed[8] = version;
        let crc = crc32fast::hash(&changed);
        changed.extend(crc.to_le_bytes());
        let error = read(&changed).unwrap_err();
        assert!(matches!(error, Error::Corrupt { what: Corruption::Content { .. }, .. }));
    }
}

#[test]
fn a_right_checksum_does_not_excuse_wrong_content() {
    let bytes = manifest().to_bytes();
    // Dimensions, bits, the flag of the frame, the number of segments.
    for (at, value) in [(12, 0), (12, 7), (13, 0x20), (16, 3), (60, 2), (60, 0), (120, 9)] {
        let mut changed = bytes[..bytes.len() - 4].to_vec();
        assert_ne!(changed[at], value);
        changed[at] = value;
        let crc = crc32fast::hash(&changed);
        changed.extend(crc.to_le_bytes());
        assert!(
            matches!(read(&changed), Err(Error::Corrupt { what: Corruption::Content { .. }, .. })),
            "{at}"
        );
    }
}

#[test]
fn a_newer_manifest_says_so() {
    let mut bytes = manifest().to_bytes();
    bytes[8] = 3;
    assert!(matches!(
        read(&bytes),
        Err(Error::Incompatible { found: Version::Other(3), supported: 2, .. })
    ));
}

#[test]
fn impossible_dimensions_are_refused() {
    for dims in [0, 4_097] {
        let config = Config { dims, ..manifest().config };
        assert_eq!(config.validate(), Err(InputError::Dims { dims }));
    }
}
