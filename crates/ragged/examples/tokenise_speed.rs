//! Prints how long tokenising and embedding a passage takes, beside the reference tokenizer.
//!
//! ```text
//! cargo run --release --example tokenise_speed [FILE]
//! ```
//!
//! Without a file, passages are made of the licence text beside the built-in model.

#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use std::time::Instant;

use ragged::embedding::{Embedder as _, builtin};

const TOKENS: usize = 256;
const ROUNDS: usize = 30;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let model = builtin()?;
    let tokenizer = model.tokenizer();
    let reference = reference(tokenizer)?;
    let text = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path)?,
        None => include_str!("../models/LICENSE-APACHE").to_owned(),
    };
    let passages = passages(&text, tokenizer);
    if passages.is_empty() {
        return Err(format!("the text is shorter than {TOKENS} tokens").into());
    }

    let mut n_tokens = 0;
    for passage in &passages {
        let mut ids = Vec::new();
        tokenizer.encode(passage, &mut ids);
        assert_eq!(ids, reference.encode_fast(passage.as_str(), false)?.get_ids());
        n_tokens += ids.len();
    }
    println!(
        "{} passages, {:.0} tokens and {:.0} bytes each on average; µs a passage, median and \
         quartiles of {ROUNDS} rounds, one thread",
        passages.len(),
        n_tokens as f64 / passages.len() as f64,
        passages.iter().map(String::len).sum::<usize>() as f64 / passages.len() as f64,
    );

    let mut ids = Vec::new();
    report("tokenise, ours", &passages, |passage| {
        ids.clear();
        tokenizer.encode(passage, &mut ids);
        ids.len()
    });
    report("tokenise, reference", &passages, |passage| {
        reference.encode_fast(passage, false).map_or(0, |encoding| encoding.len())
    });
    let mut row = Vec::new();
    report("tokenise and embed, ours", &passages, |passage| {
        row.clear();
        model.embed_passages(&[passage], &mut row).map_or(0, |()| row.len())
    });
    Ok(())
}

/// The reference tokenizer over the same vocabulary.
fn reference(
    ours: &ragged::embedding::wordpiece::Tokenizer,
) -> Result<tokenizers::Tokenizer, Box<dyn std::error::Error + Send + Sync>> {
    let vocabulary = ours.vocabulary();
    let tokens: serde_json::Map<String, serde_json::Value> = (0..vocabulary.len() as u32)
        .map(|id| (vocabulary.token(id).to_owned(), id.into()))
        .collect();
    let model = serde_json::json!({
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": tokens,
    });
    let model = tokenizers::models::wordpiece::WordPiece::from_bytes(model.to_string())?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer.with_normalizer(Some(tokenizers::normalizers::BertNormalizer::default()))?;
    tokenizer.with_pre_tokenizer(Some(tokenizers::pre_tokenizers::bert::BertPreTokenizer));
    Ok(tokenizer)
}

/// Pieces of `text` of about `TOKENS` tokens, cut between words.
fn passages(text: &str, tokenizer: &ragged::embedding::wordpiece::Tokenizer) -> Vec<String> {
    let mut passages = Vec::new();
    let mut passage = String::new();
    let mut ids = Vec::new();
    for word in text.split_inclusive(char::is_whitespace) {
        tokenizer.encode(word, &mut ids);
        passage.push_str(word);
        if ids.len() >= TOKENS {
            passages.push(std::mem::take(&mut passage));
            ids.clear();
            if passages.len() == 2000 {
                break;
            }
        }
    }
    passages
}

fn report(name: &str, passages: &[String], mut work: impl FnMut(&str) -> usize) {
    let mut micros: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for passage in passages {
                std::hint::black_box(work(passage));
            }
            start.elapsed().as_secs_f64() * 1e6 / passages.len() as f64
        })
        .collect();
    micros.sort_by(f64::total_cmp);
    println!(
        "{name:26} {:8.1}  ({:.1} … {:.1})",
        micros[ROUNDS / 2],
        micros[ROUNDS / 4],
        micros[ROUNDS * 3 / 4]
    );
}
