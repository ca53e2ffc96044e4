use proptest::prelude::*;

use super::*;

/// A model file of `tokens` with `dims` dimensions; `row` makes a token's scale and row.
fn file(tokens: &[&str], dims: usize, row: impl Fn(usize) -> (f32, Vec<i8>)) -> Vec<u8> {
    // Slots as the vocabulary itself lays them out.
    let vocabulary = Vocabulary::new(tokens.iter().copied()).unwrap();
    let (slots, ends, text) = vocabulary.sections();
    let mut body = [slots, ends, text].concat();
    let rows: Vec<(f32, Vec<i8>)> = (0..tokens.len()).map(row).collect();
    body.extend(rows.iter().flat_map(|(scale, _)| scale.to_le_bytes()));
    body.extend(rows.iter().flat_map(|(_, row)| row.iter().map(|&cell| cell.cast_unsigned())));
    let mut header = b"RAGGEDSM".to_vec();
    let fields = [1, dims, tokens.len(), slots.len() / 4, text.len(), 0, 100, 1];
    header.extend(fields.iter().flat_map(|&field| (field as u32).to_le_bytes()));
    header.resize(104, 0);
    header.extend_from_slice(b"test model");
    header.resize(256, 0);
    let digest = blake3::Hasher::new().update(&header).update(&body).finalize();
    header[168..200].copy_from_slice(digest.as_bytes());
    header.extend(body);
    header
}

fn small() -> Vec<u8> {
    file(&["[UNK]", "a", "b", "##b"], 3, |id| match id {
        0 => (0.0, vec![0, 0, 0]),
        1 => (0.5, vec![6, 0, 0]),
        2 => (1.0, vec![0, 4, 0]),
        _ => (0.25, vec![0, 0, -127]),
    })
}

#[test]
fn a_text_is_the_scaled_sum_of_its_tokens() {
    let model = StaticModel::from_bytes(small()).unwrap();
    assert_eq!(model.identity().name, "test model");
    assert_eq!(model.identity().dims, 3);
    assert_eq!(model.embed_query("a B?").unwrap(), [0.6, 0.8, 0.0]);
    let expected = -31.75 / (31.75_f32.powi(2) + 64.0).sqrt();
    assert!((model.embed_query("bb b").unwrap()[2] - expected).abs() < 1e-6);
    assert!(!format!("{model:?}").contains("[82"), "the table is not printed");
    assert_eq!(model.embed_query("zzz").unwrap(), [0.0; 3]);
}

#[test]
fn files_of_another_form_are_refused() {
    let kind = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut data = small();
        change(&mut data);
        StaticModel::from_bytes(data).unwrap_err().kind()
    };
    assert_eq!(kind(&|data| data[0] = b'x'), ErrorKind::Incompatible);
    assert_eq!(kind(&|data| data[8] = 2), ErrorKind::Incompatible);
    assert_eq!(kind(&|data| data.truncate(100)), ErrorKind::Corrupt);
    assert_eq!(kind(&|data| data.truncate(data.len() - 1)), ErrorKind::Corrupt);
    assert_eq!(kind(&|data| data.push(0)), ErrorKind::Corrupt);
    assert_eq!(kind(&|data| data[36] = 17), ErrorKind::Corrupt);
    assert_eq!(kind(&|data| data[12..16].fill(0)), ErrorKind::Corrupt);
    assert_eq!(kind(&|data| data[12..24].fill(0xff)), ErrorKind::Corrupt);
    assert_eq!(kind(&|data| *data.last_mut().unwrap() ^= 1), ErrorKind::Corrupt);
    assert_eq!(kind(&|data| data[110] ^= 1), ErrorKind::Corrupt);
    let error = StaticModel::from_file(Path::new("/no/such/file.rgm")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(format!("{error:#}").contains("file.rgm"));
}

/// A file whose checksum is right and whose content is not.
#[test]
fn a_checksum_does_not_make_a_model() {
    for (at, value) in [(28, 9_u32), (40, 9), (20, 0)] {
        let mut data = small();
        data[at..at + 4].copy_from_slice(&value.to_le_bytes());
        data[168..200].fill(0);
        let digest = blake3::hash(&data);
        data[168..200].copy_from_slice(digest.as_bytes());
        let error = StaticModel::from_bytes(data).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{at}: {error:#}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_number_of_dimensions_is_summed_as_written_out_plainly(
        dims in 1_usize..100,
        seed in any::<u8>(),
        text in "[ab ]{0,300}",
    ) {
        let cell =
            |id: usize, dim: usize| ((id * 37 + dim * 11 + usize::from(seed)) as u8).cast_signed();
        let scale = |id: usize| [0.0, 0.5, 2.0, 0.125][id];
        let data = file(&["[UNK]", "a", "b", "##b"], dims, |id| {
            (scale(id), (0..dims).map(|dim| cell(id, dim)).collect())
        });
        let model = StaticModel::from_bytes(data).unwrap();
        let mut ids = Vec::new();
        model.tokenizer().encode(&text, &mut ids);
        let sums: Vec<f64> = (0..dims)
            .map(|dim| {
                let cells = ids.iter().map(|&id| id as usize);
                cells.map(|id| f64::from(scale(id)) * f64::from(cell(id, dim))).sum()
            })
            .collect();
        let length = sums.iter().map(|x| x * x).sum::<f64>().sqrt();
        for (found, sum) in model.embed_query(&text).unwrap().iter().zip(&sums) {
            let expected = if length > 0.0 { sum / length } else { 0.0 };
            prop_assert!((f64::from(*found) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn damaged_bytes_never_panic(at in 0_usize..400, value in any::<u8>(), fix in any::<bool>()) {
        let mut data = small();
        let at = at % data.len();
        data[at] = value;
        if fix {
            data[168..200].fill(0);
            let digest = blake3::hash(&data);
            data[168..200].copy_from_slice(digest.as_bytes());
        }
        if let Ok(model) = StaticModel::from_bytes(data) {
            let vector = model.embed_query("a b bb c [UNK]").unwrap();
            prop_assert!(vector.iter().all(|x| x.is_finite()));
        }
    }
}
