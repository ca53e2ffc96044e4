use super::*;

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn the_built_in_model_is_the_committed_file_and_fits() {
    let file = include_bytes!("../../models/static-minilm-256.rgm");
    assert!(file.len() <= 9_000_000, "{} bytes", file.len());
    let verified = StaticModel::from_bytes(&file[..]).unwrap();
    let model = builtin().unwrap();
    assert_eq!(model.identity(), verified.identity());
    assert_eq!(model.identity().dims, 256);
    assert_eq!(model.identity().kind, ModelKind::Static);
    assert_eq!(model.tokenizer().vocabulary().len(), 32_000);
}

/// `tools/model/convert.py` made them: another tokenizer, another sum, another language.
#[test]
fn the_built_in_model_gives_the_vectors_that_its_makers_program_gives() {
    #[derive(serde::Deserialize)]
    struct Made {
        dims: usize,
        texts: Vec<String>,
    }
    let made: Made =
        serde_json::from_str(include_str!("../../testdata/embedding/static.json")).unwrap();
    let expected: Vec<f32> = include_bytes!("../../testdata/embedding/static.bin")
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    let model = builtin().unwrap();
    assert_eq!(expected.len(), made.texts.len() * made.dims);
    for (text, expected) in made.texts.iter().zip(expected.chunks(made.dims)) {
        let found = model.embed_query(text).unwrap();
        let furthest = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(furthest < 1e-5, "{text:?}: {furthest}");
    }
}

#[test]
fn the_built_in_model_ranks_the_text_that_answers_first() {
    let model = builtin().unwrap();
    let passages = [
        "Bake the loaf for forty minutes until the crust is brown.",
        "The patient was given penicillin against the infection.",
        "The aircraft's wing stalls when the angle of attack grows too large.",
        "A compiler turns source code into machine instructions.",
    ];
    let mut rows = Vec::new();
    model.embed_passages(&passages, &mut rows).unwrap();
    for (question, expected) in [
        ("how long does bread stay in the oven", 0),
        ("antibiotic treatment of a disease", 1),
        ("lift of an aeroplane in flight", 2),
        ("translating programs", 3),
    ] {
        let query = model.embed_query(question).unwrap();
        let best = (0..passages.len())
            .max_by(|&a, &b| {
                let of = |idx: usize| cosine(&query, &rows[idx * 256..(idx + 1) * 256]);
                of(a).total_cmp(&of(b))
            })
            .unwrap();
        assert_eq!(best, expected, "{question}");
    }
}

#[test]
fn vectors_have_unit_length_and_do_not_depend_on_the_batch() {
    let model = builtin().unwrap();
    let texts = ["one text", "", "another, longer text with İstanbul and 東京", "\u{0}\u{1}"];
    let mut together = Vec::new();
    model.embed_passages(&texts, &mut together).unwrap();
    for (idx, text) in texts.iter().enumerate() {
        let alone = model.embed_query(text).unwrap();
        assert_eq!(alone, together[idx * 256..(idx + 1) * 256]);
        let length = cosine(&alone, &alone);
        let known = idx != 1 && idx != 3;
        assert!((length - f32::from(u8::from(known))).abs() < 1e-5, "{text:?}: {length}");
    }
}

#[test]
fn normalising_never_makes_a_vector_that_is_not_a_number() {
    for vector in [[0.0, 0.0], [f32::NAN, 1.0], [f32::INFINITY, 1.0], [1e-30, 0.0], [3e38, 3e38]] {
        let mut scaled = vector;
        normalise(&mut scaled);
        assert!(scaled.iter().all(|x| x.is_finite()), "{vector:?} became {scaled:?}");
    }
    let mut vector = [3.0, 4.0];
    normalise(&mut vector);
    assert_eq!(vector.as_slice(), [0.6, 0.8]);
}

#[test]
fn an_identity_prints_its_name_dimensions_and_short_fingerprint() {
    let identity = ModelIdentity {
        name: "m".to_owned(),
        fingerprint: "0123456789abcdef".to_owned(),
        dims: 8,
        kind: ModelKind::Remote,
    };
    assert_eq!(identity.to_string(), "m (8 dimensions, 0123456789ab)");
    let kinds = [ModelKind::Static, ModelKind::Transformer, ModelKind::Remote];
    assert_eq!(kinds.map(|kind| kind.to_string()), ["static", "transformer", "remote"]);
}
