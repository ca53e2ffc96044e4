use super::*;
use crate::codes::tests::random_unit;
use crate::codes::{Encoded, Encoder, Frame, Shape, SplitMix, Tier};
use crate::directory::Directory;
use crate::error::{Corruption, Error};
use crate::ids::IdSet;

const NAME: &str = "a.segment";

/// Writes a segment of `n` vectors with gaps in their ids and returns their codes.
fn written(directory: &Directory, shape: Shape, n: usize) -> (Vec<Encoded>, IdSet) {
    let mut random = SplitMix(4);
    let frame = Frame::of(&random_unit(&mut random, shape.dims), shape.dims, 6);
    let mut builder = SegmentBuilder::new(shape, frame.id(), n);
    let mut encoder = Encoder::new(&frame, shape);
    let mut codes = Vec::new();
    for _ in 0..n {
        let code = encoder.encode(&random_unit(&mut random, shape.dims)).clone();
        builder.push(&code);
        codes.push(code);
    }
    let ids: IdSet = (0..n as u64).map(|i| 100 + i + i / 7).collect();
    builder.write(directory, NAME, &ids).unwrap();
    (codes, ids)
}

fn shapes() -> impl Iterator<Item = Shape> {
    let tiers = [Tier::Small, Tier::Balanced, Tier::Fast];
    tiers.into_iter().flat_map(|tier| [8, 64, 100, 384].map(|dims| Shape { dims, tier }))
}

#[test]
fn a_segment_gives_back_what_was_pushed() {
    for shape in shapes() {
        for n in [1, 31, 32, 33, 100] {
            let scratch = tempfile::tempdir().unwrap();
            let directory = Directory::new(scratch.path());
            let (codes, ids) = written(&directory, shape, n);
            let segment = SegmentReader::open(&directory, NAME).unwrap();
            segment.check().unwrap();
            assert_eq!(segment.n_vectors() as usize, n);
            assert_eq!(segment.shape(), shape);
            assert_eq!(segment.positions().ids(), &ids);
            assert_eq!(segment.blocks().len(), n.div_ceil(32));
            let mut loaded = Encoded::default();
            for (position, code) in (0..).zip(&codes) {
                segment.load(position, &mut loaded);
                assert_eq!(&loaded, code);
            }
            let bytes = 64 + n.div_ceil(32) * shape.block_bytes() + n * shape.row_bytes();
            assert!(segment.file_bytes() as usize >= bytes);
            assert!(segment.file_bytes() as usize <= bytes + 2 + n.div_ceil(7) * 2);
        }
    }
}

#[test]
fn a_truncated_or_longer_segment_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = Directory::new(scratch.path());
    written(&directory, Shape { dims: 64, tier: Tier::Balanced }, 33);
    let path = directory.file(NAME);
    let whole = std::fs::read(&path).unwrap();
    for length in (0..whole.len()).chain([whole.len() + 1]) {
        let mut bytes = whole.clone();
        bytes.resize(length, 0);
        std::fs::write(&path, &bytes).unwrap();
        let error = SegmentReader::open(&directory, NAME).unwrap_err();
        let expected = if length < 64 { 64 } else { whole.len() as u64 };
        assert!(
            matches!(error, Error::Corrupt { what: Corruption::Length { expected: e, found }, .. }
                if e == expected && found == length as u64),
            "{length}: {error}"
        );
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = Directory::new(scratch.path());
    written(&directory, Shape { dims: 64, tier: Tier::Balanced }, 33);
    let path = directory.file(NAME);
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bytes).unwrap();
        let found = SegmentReader::open(&directory, NAME).and_then(|segment| segment.check());
        assert!(found.unwrap_err().is_damage(), "byte {at}");
    }
}

#[test]
fn a_missing_segment_and_another_version_are_told_apart() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = Directory::new(scratch.path());
    let missing = SegmentReader::open(&directory, NAME).unwrap_err();
    assert!(matches!(missing, Error::Corrupt { what: Corruption::Missing, .. }));
    written(&directory, Shape { dims: 64, tier: Tier::Small }, 5);
    let path = directory.file(NAME);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 9;
    std::fs::write(&path, &bytes).unwrap();
    let other = SegmentReader::open(&directory, NAME).unwrap_err().to_string();
    assert!(other.contains("format version 9, this program reads 1"), "{other}");
    std::fs::write(&path, [b'x'; 80]).unwrap();
    let foreign = SegmentReader::open(&directory, NAME).unwrap_err().to_string();
    assert!(foreign.contains("is not a file of a vector index"), "{foreign}");
}
