use std::sync::OnceLock;

use proptest::prelude::*;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;

use super::*;
use crate::embedding::builtin;

const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// The reference tokenizer over `tokens`, folding as told.
fn reference(tokens: &[&str], folding: Folding, special: &[&str]) -> tokenizers::Tokenizer {
    let vocabulary: serde_json::Map<String, serde_json::Value> =
        tokens.iter().zip(0..).map(|(&token, id)| (token.to_owned(), id.into())).collect();
    let model = serde_json::json!({
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": vocabulary,
    });
    let model = WordPiece::from_bytes(model.to_string()).unwrap();
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    let folds = BertNormalizer::new(true, true, Some(folding.strip_accents), folding.lower_case);
    tokenizer.with_normalizer(Some(folds)).unwrap();
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    let added: Vec<_> =
        special.iter().map(|&token| tokenizers::AddedToken::from(token, true)).collect();
    tokenizer.add_special_tokens(added).unwrap();
    tokenizer
}

/// Ours and the reference over the built-in model's vocabulary.
fn both(folding: Folding) -> (Tokenizer, tokenizers::Tokenizer) {
    let model = builtin().unwrap();
    let vocabulary = model.tokenizer().vocabulary();
    let tokens: Vec<&str> = (0..vocabulary.len() as u32).map(|id| vocabulary.token(id)).collect();
    let ours = Tokenizer::new(vocabulary.clone(), folding, "[UNK]", 100, &SPECIAL).unwrap();
    (ours, reference(&tokens, folding, &SPECIAL))
}

const UNCASED: Folding = Folding { lower_case: true, strip_accents: true };

fn uncased() -> &'static (Tokenizer, tokenizers::Tokenizer) {
    static BOTH: OnceLock<(Tokenizer, tokenizers::Tokenizer)> = OnceLock::new();
    BOTH.get_or_init(|| both(UNCASED))
}

#[track_caller]
fn check_with((ours, reference): &(Tokenizer, tokenizers::Tokenizer), text: &str) {
    let expected = reference.encode_fast(text, false).unwrap();
    let mut ids = Vec::new();
    ours.encode(text, &mut ids);
    assert_eq!(ids, expected.get_ids(), "{text:?} → {:?}", expected.get_tokens());
}

#[track_caller]
fn check(text: &str) {
    check_with(uncased(), text);
}

#[test]
fn ids_are_those_of_the_reference() {
    for text in [
        "",
        " ",
        "The quick brown fox jumps over the lazy dog.",
        "unaffable embeddings, don't; e-mail@example.com 3.14159",
        "tabs\tand\nnewlines\r\nand\u{b}vertical\u{c}feeds\u{85}and\u{a0}no\u{2003}break",
        "İSTANBUL ÅNGSTRÖM naïve café CAFE\u{301} ΑΒΓ ς Σ ẞ ß ﬁ Ω",
        "한국어 토크나이저 日本語のテキスト 中文字符 \u{f900}\u{2f800}",
        "हिन्दी ไทย עִבְרִית العَرَبِيَّة",
        "emoji 👩‍👩‍👧‍👦 🏳️‍🌈 ❤️ 1️⃣",
        "\u{0}nul\u{fffd}replacement\u{200b}zero\u{feff}width\u{ad}soft",
        "[CLS] [MASK]ing [sep] [PAD [UNK]] [[SEP]]",
        "a\u{302e}\u{1d165}\u{302e} \u{302e}\u{301}\u{302e}",
        "≠ \u{37e} \u{387} \u{1fef} ¼ ² ™ … — “quoted” «this»",
        "\u{1112e}\u{c48}\u{f76}\u{344}",
    ] {
        check(text);
    }
}

#[test]
fn a_word_is_unknown_beyond_a_hundred_characters() {
    for n in [99, 100, 101, 300] {
        check(&"a".repeat(n));
        check(&"é".repeat(n));
        check(&format!("{} tail", "\u{ac00}".repeat(n / 3)));
        check(&"ab1".repeat(n));
    }
}

#[test]
fn every_character_alone_and_inside_a_word_is_as_in_the_reference() {
    let mut text = String::new();
    for c in (0..=0x10_ffff).filter_map(char::from_u32) {
        // Unassigned planes hold nothing of their own.
        if (0x3_3480..0xe_0000).contains(&(c as u32)) || c as u32 > 0xe_0200 {
            continue;
        }
        text.clear();
        text.extend([c, ' ', 'x', c, 'y', ' ', c, c]);
        check(&text);
    }
}

#[test]
fn other_foldings_are_as_in_the_reference() {
    for (lower_case, strip_accents) in [(true, false), (false, false), (false, true)] {
        let pair = both(Folding { lower_case, strip_accents });
        for c in ('\u{20}'..'\u{3000}').chain('\u{a640}'..'\u{abff}') {
            check_with(&pair, &format!("{c} ab{c}c É{c}"));
        }
    }
}

/// Text of all kinds: words, punctuation, marks, other scripts, any character at all.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => "[a-zA-Z]{1,14}",
        2 => "[ \t\n.,;:!?()'\"#@-]{1,3}",
        1 => "[0-9]{1,6}",
        2 => "[\u{300}-\u{36f}\u{591}-\u{5c7}\u{302a}-\u{302f}\u{1d165}-\u{1d172}\u{34f}]{1,4}",
        1 => "[à-ÿÀ-Þ\u{100}-\u{24f}\u{1e00}-\u{1fff}]{1,8}",
        1 => "[\u{4e00}-\u{9fff}\u{3040}-\u{30ff}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}]{1,4}",
        1 => "[\u{400}-\u{52f}\u{600}-\u{6ff}\u{900}-\u{97f}]{1,8}",
        1 => "[\u{1f300}-\u{1f6ff}\u{200d}\u{fe0f}\u{2600}-\u{27bf}]{1,4}",
        1 => "[\u{0}-\u{1f}\u{7f}-\u{9f}\u{200b}-\u{200f}\u{feff}\u{fffd}]{1,3}",
        1 => proptest::sample::select(&["[CLS]", "[MASK]", "[SEP", "##ing", "[unused7]"][..]).prop_map(str::to_owned),
        1 => proptest::collection::vec(any::<char>(), 1..6).prop_map(String::from_iter),
        1 => ("[a-zé]", 90_usize..120).prop_map(|(c, n)| c.repeat(n)),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_text_gives_the_ids_of_the_reference(text in any_text()) {
        check(&text);
    }

    #[test]
    fn random_vocabularies_give_the_ids_of_the_reference(
        pieces in proptest::collection::vec("(##)?[abé]{1,4}", 1..40),
        text in "[abcé ]{0,40}",
    ) {
        let mut tokens = vec!["[UNK]"];
        tokens.extend(pieces.iter().map(String::as_str));
        // The reference's builder keeps the last of equal tokens, as ours does.
        let ours = Tokenizer::new(
            Vocabulary::new(tokens.iter().copied()).unwrap(),
            Folding { lower_case: true, strip_accents: false },
            "[UNK]", 100, &[],
        ).unwrap();
        let folding = Folding { lower_case: true, strip_accents: false };
        check_with(&(ours, reference(&tokens, folding, &[])), &text);
    }
}

#[test]
fn a_vocabulary_finds_every_token() {
    let built_in = builtin().unwrap();
    let stored = built_in.tokenizer().vocabulary();
    let tokens: Vec<&str> = (0..stored.len() as u32).map(|id| stored.token(id)).collect();
    let built = Vocabulary::new(tokens.iter().copied()).unwrap();
    for (id, token) in (0..).zip(&tokens) {
        assert_eq!(stored.id(token), Some(id));
        assert_eq!(built.id(token), Some(id));
    }
    assert_eq!(stored.id("no such token"), None);
    assert_eq!(stored.token(u32::MAX), "");
    assert!(!stored.is_empty());
}

#[test]
fn sections_that_contradict_each_other_are_refused() {
    let sections = |slots: &[u32], ends: &[u32], text: &'static str| {
        let bytes =
            |values: &[u32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        Vocabulary::from_sections(bytes(slots).into(), bytes(ends).into(), text.as_bytes().into())
    };
    assert!(sections(&[0, 0], &[1], "a").is_ok());
    for refused in [
        sections(&[0, 0, 0], &[1], "a"),
        sections(&[0], &[1], "a"),
        sections(&[0, 0], &[2], "a"),
        sections(&[0, 0, 0, 0], &[1, 0], "a"),
    ] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Corrupt);
    }
    // A table without an empty slot, and slots that point nowhere, end a search all the same.
    assert_eq!(sections(&[u32::MAX, u32::MAX], &[1], "a").unwrap().id("b"), None);
}

#[test]
fn tokens_a_tokenizer_needs_must_be_in_its_vocabulary() {
    let vocabulary = Vocabulary::new(["a"]).unwrap();
    let error = Tokenizer::new(vocabulary.clone(), UNCASED, "[UNK]", 100, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = Tokenizer::new(vocabulary, UNCASED, "a", 100, &["[CLS]"]).unwrap_err();
    assert!(error.to_string().contains("[CLS]"), "{error}");
}
