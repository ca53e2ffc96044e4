//! What a sentence-transformers folder says about its model.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::embedding::wordpiece::{Folding, Tokenizer, Vocabulary};
use crate::error::{Context as _, Error, ErrorKind, Result};

/// The architecture that can be run, for error messages.
const SUPPORTED: &str = "supported are BERT encoders (model_type \"bert\": MiniLM, BGE, E5, GTE…) with a \
                         WordPiece vocabulary, mean or CLS pooling and model.safetensors";

/// The sizes of a BERT encoder.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Architecture {
    pub(super) hidden: usize,
    pub(super) inner: usize,
    pub(super) n_layers: usize,
    pub(super) n_heads: usize,
    pub(super) n_positions: usize,
    pub(super) n_tokens: usize,
    pub(super) norm_epsilon: f32,
}

/// How the outputs over a text's tokens become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pooling {
    Mean,
    Cls,
}

/// What is put before a text, so that the model knows what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Prefixes {
    pub(super) query: String,
    pub(super) passage: String,
}

/// Everything but the weights.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) architecture: Architecture,
    pub(super) pooling: Pooling,
    pub(super) prefixes: Prefixes,
    pub(super) tokenizer: Tokenizer,
    pub(super) folding: Folding,
    pub(super) cls: u32,
    pub(super) sep: u32,
    /// Longest input, [CLS] and [SEP] included.
    pub(super) max_tokens: usize,
}

impl Config {
    /// Reads the folder of the model called `name`.
    pub(super) fn read(folder: &Path, name: &str) -> Result<Self> {
        let config = read_json(&folder.join("config.json"))?;
        let architecture = architecture(&config)?;
        let pooling = pooling(folder)?;
        let prefixes = prefixes(folder, &config, name)?;
        let settings = optional_json(&folder.join("tokenizer_config.json"))?;
        let (tokenizer, folding) = match optional_json(&folder.join("tokenizer.json"))? {
            Value::Null => from_vocabulary(folder, &settings),
            json => from_tokenizer_json(&json)
                .context_with(|| format!("reading {}", folder.join("tokenizer.json").display())),
        }?;
        let id = |key: &str, default: &str| {
            let token = settings[key].as_str().unwrap_or(default);
            tokenizer
                .vocabulary()
                .id(token)
                .ok_or_else(|| incompatible(format!("the vocabulary has no token {token:?}")))
        };
        let sentence = optional_json(&folder.join("sentence_bert_config.json"))?;
        let max_tokens = [&sentence["max_seq_length"], &settings["model_max_length"]]
            .into_iter()
            .find_map(|limit| limit.as_u64().and_then(|limit| usize::try_from(limit).ok()))
            .unwrap_or(usize::MAX)
            .min(architecture.n_positions);
        if max_tokens < 3 {
            return Err(incompatible(format!("inputs of at most {max_tokens} tokens")));
        }
        let (cls, sep) = (id("cls_token", "[CLS]")?, id("sep_token", "[SEP]")?);
        Ok(Self { architecture, pooling, prefixes, tokenizer, folding, cls, sep, max_tokens })
    }
}

#[cold]
fn incompatible(message: String) -> Error {
    Error::new(ErrorKind::Incompatible, message).with_hint(SUPPORTED)
}

fn read_json(path: &Path) -> Result<Value> {
    let reading = || format!("reading {}", path.display());
    let text = std::fs::read(path).context_with(reading)?;
    serde_json::from_slice(&text)
        .map_err(|error| Error::from_source(ErrorKind::Invalid, error))
        .context_with(reading)
}

/// `Null` when there is no such file.
fn optional_json(path: &Path) -> Result<Value> {
    match read_json(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Value::Null),
        result => result,
    }
}

fn architecture(config: &Value) -> Result<Architecture> {
    let kind = config["model_type"].as_str().unwrap_or("unknown");
    if kind != "bert" {
        return Err(incompatible(format!("a model of the kind {kind:?} cannot be run")));
    }
    let activation = config["hidden_act"].as_str().unwrap_or("gelu");
    if activation != "gelu" {
        return Err(incompatible(format!("the activation {activation:?} is not supported")));
    }
    let positions = config["position_embedding_type"].as_str().unwrap_or("absolute");
    if positions != "absolute" {
        return Err(incompatible(format!("{positions:?} positions are not supported")));
    }
    let size = |key: &str| {
        config[key]
            .as_u64()
            .and_then(|size| usize::try_from(size).ok())
            .filter(|&size| size > 0)
            .ok_or_else(|| incompatible(format!("config.json does not say {key:?}")))
    };
    let architecture = Architecture {
        hidden: size("hidden_size")?,
        inner: size("intermediate_size")?,
        n_layers: size("num_hidden_layers")?,
        n_heads: size("num_attention_heads")?,
        n_positions: size("max_position_embeddings")?,
        n_tokens: size("vocab_size")?,
        norm_epsilon: config["layer_norm_eps"].as_f64().unwrap_or(1e-12) as f32,
    };
    if !architecture.hidden.is_multiple_of(architecture.n_heads) {
        return Err(incompatible(format!(
            "{} dimensions do not divide among {} heads",
            architecture.hidden, architecture.n_heads
        )));
    }
    Ok(architecture)
}

/// The pooling of modules.json, or that of sentence-transformers when there is none: the mean.
fn pooling(folder: &Path) -> Result<Pooling> {
    let modules = optional_json(&folder.join("modules.json"))?;
    let mut pooling = Pooling::Mean;
    for module in modules.as_array().into_iter().flatten() {
        let kind = module["type"].as_str().unwrap_or_default();
        match kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" | "Normalize" => {}
            "Pooling" => {
                let place = module["path"].as_str().unwrap_or("1_Pooling");
                // A name of a folder inside the model's, not a way out of it.
                let place = Path::new(place).file_name().map_or_else(PathBuf::new, PathBuf::from);
                pooling = pooling_of(&read_json(&folder.join(place).join("config.json"))?)?;
            }
            _ => return Err(incompatible(format!("the module {kind:?} is not supported"))),
        }
    }
    Ok(pooling)
}

fn pooling_of(config: &Value) -> Result<Pooling> {
    let mut modes: Vec<&str> = config
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| value.as_bool() == Some(true))
        .filter_map(|(key, _)| key.strip_prefix("pooling_mode_"))
        .collect();
    modes.extend(config["pooling_mode"].as_str());
    match modes[..] {
        // The square root of the length is gone once the vector has unit length.
        ["mean_tokens" | "mean" | "mean_sqrt_len_tokens" | "mean_sqrt_len"] => Ok(Pooling::Mean),
        ["cls_token" | "cls"] => Ok(Pooling::Cls),
        _ => Err(incompatible(format!("the pooling {modes:?} is not supported"))),
    }
}

/// The prefixes the folder states, else those the model's family is known to need.
fn prefixes(folder: &Path, config: &Value, name: &str) -> Result<Prefixes> {
    let stated = optional_json(&folder.join("config_sentence_transformers.json"))?;
    let prompt = |keys: &[&str]| {
        keys.iter().find_map(|key| stated["prompts"][key].as_str()).map(str::to_owned)
    };
    let query = prompt(&["query", "s2p_query"]);
    let passage = prompt(&["passage", "document", "corpus"]);
    if query.as_deref().is_some_and(|prefix| !prefix.is_empty())
        || passage.as_deref().is_some_and(|prefix| !prefix.is_empty())
    {
        return Ok(Prefixes {
            query: query.unwrap_or_default(),
            passage: passage.unwrap_or_default(),
        });
    }
    let origin = config["_name_or_path"].as_str().unwrap_or_default();
    let is =
        |family: &str| [name, origin].iter().any(|name| name.to_ascii_lowercase().contains(family));
    let of = |query: &str, passage: &str| Prefixes {
        query: query.to_owned(),
        passage: passage.to_owned(),
    };
    Ok(if is("e5-small") || is("e5-base") || is("e5-large") {
        of("query: ", "passage: ")
    } else if is("bge-") && is("-zh") {
        of("为这个句子生成表示以用于检索相关文章：", "")
    } else if (is("bge-") && is("-en")) || is("mxbai-embed") || is("arctic-embed") {
        of("Represent this sentence for searching relevant passages: ", "")
    } else {
        Prefixes::default()
    })
}

/// A tokenizer from tokenizer.json, which must be BERT's.
fn from_tokenizer_json(json: &Value) -> Result<(Tokenizer, Folding)> {
    let model = &json["model"];
    let kind = model["type"].as_str().unwrap_or("unknown");
    // Files of old versions do not name the model's type; WordPiece is known by its longest word.
    if kind != "WordPiece"
        && !(model["type"].is_null() && model["max_input_chars_per_word"].is_u64())
    {
        return Err(incompatible(format!("a vocabulary of the kind {kind:?}")));
    }
    let normalizer = &json["normalizer"];
    if normalizer["type"].as_str() != Some("BertNormalizer")
        || normalizer["clean_text"].as_bool() != Some(true)
        || normalizer["handle_chinese_chars"].as_bool() != Some(true)
    {
        return Err(incompatible(format!("the normalizer {} is not BERT's", normalizer["type"])));
    }
    if json["pre_tokenizer"]["type"].as_str() != Some("BertPreTokenizer") {
        return Err(incompatible(format!(
            "the pre-tokenizer {} is not BERT's",
            json["pre_tokenizer"]["type"]
        )));
    }
    let continuation = model["continuing_subword_prefix"].as_str().unwrap_or("##");
    if continuation != "##" {
        return Err(incompatible(format!("continuations marked by {continuation:?}")));
    }
    let lower_case = normalizer["lowercase"].as_bool().unwrap_or(true);
    let strip_accents = normalizer["strip_accents"].as_bool().unwrap_or(lower_case);
    let folding = Folding { lower_case, strip_accents };

    let vocabulary = model["vocab"]
        .as_object()
        .ok_or_else(|| Error::new(ErrorKind::Invalid, "there is no vocabulary"))?;
    let added = json["added_tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
    let added_ids =
        added.iter().filter_map(|token| Some((token["content"].as_str()?, &token["id"])));
    let entries = vocabulary.iter().map(|(token, id)| (token.as_str(), id)).chain(added_ids);
    let mut tokens: Vec<Option<&str>> = Vec::new();
    for (token, id) in entries {
        let id = id
            .as_u64()
            .and_then(|id| usize::try_from(id).ok())
            .filter(|&id| id < Vocabulary::MAX_TOKENS)
            .ok_or_else(|| Error::new(ErrorKind::Invalid, format!("token {token:?} has no id")))?;
        if tokens.len() <= id {
            tokens.resize(id + 1, None);
        }
        tokens[id] = Some(token);
    }
    let special: Vec<&str> = added.iter().filter_map(|token| token["content"].as_str()).collect();
    // An id that nothing has is an empty token, which no text contains.
    let vocabulary = Vocabulary::new(tokens.into_iter().map(Option::unwrap_or_default))?;
    let unknown = model["unk_token"].as_str().unwrap_or("[UNK]");
    let max_word_chars = model["max_input_chars_per_word"].as_u64().unwrap_or(100);
    let max_word_chars = usize::try_from(max_word_chars).unwrap_or(usize::MAX);
    Ok((Tokenizer::new(vocabulary, folding, unknown, max_word_chars, &special)?, folding))
}

/// A tokenizer from vocab.txt and what `tokenizer_config.json` says of it.
fn from_vocabulary(folder: &Path, settings: &Value) -> Result<(Tokenizer, Folding)> {
    let path = folder.join("vocab.txt");
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(incompatible(format!(
                "{} has neither tokenizer.json nor vocab.txt",
                folder.display()
            )));
        }
        result => result.context_with(|| format!("reading {}", path.display()))?,
    };
    let vocabulary = Vocabulary::new(text.lines().map(str::trim_end))?;
    let lower_case = settings["do_lower_case"].as_bool().unwrap_or(true);
    let strip_accents = settings["strip_accents"].as_bool().unwrap_or(lower_case);
    let folding = Folding { lower_case, strip_accents };
    let unknown = settings["unk_token"].as_str().unwrap_or("[UNK]");
    let special: Vec<&str> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        .into_iter()
        .filter(|token| vocabulary.id(token).is_some())
        .collect();
    Ok((Tokenizer::new(vocabulary, folding, unknown, 100, &special)?, folding))
}
