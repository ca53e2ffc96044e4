use super::*;

fn blocks(text: &str, pieces: Vec<Piece>) -> Vec<(BlockKind, String)> {
    let document =
        verbatim(Format::Text, text.to_owned(), pieces, &BlockKind::Paragraph, &Limits::default())
            .unwrap();
    assert!(is_sound(&document), "{document:?}");
    document.blocks.iter().map(|b| (b.kind.clone(), b.span.of(&document.text).to_owned())).collect()
}

#[test]
fn uncovered_words_become_blocks_and_punctuation_joins_its_neighbours() {
    let text = "> quoted\n---\nloose words\n\nmore\n}\n";
    let found = blocks(text, vec![Piece::new(BlockKind::ListItem, 2, 8)]);
    assert_eq!(
        found,
        [
            (BlockKind::ListItem, "> quoted".to_owned()),
            (BlockKind::Paragraph, "---\nloose words".to_owned()),
            (BlockKind::Paragraph, "more\n}".to_owned()),
        ]
    );
}

#[test]
fn pieces_that_overlap_or_cut_characters_are_set_right() {
    let text = "äöü äöü äöü";
    let pieces = vec![
        Piece::new(BlockKind::Paragraph, 0, 9),
        Piece::new(BlockKind::Paragraph, 3, 1000),
        Piece::new(BlockKind::Paragraph, 500, 20),
    ];
    assert!(!blocks(text, pieces).is_empty());
}

#[test]
fn a_long_line_is_cut_at_white_space_and_keeps_its_kind() {
    let text = "word ".repeat(MAX_BLOCK_BYTES);
    let found = blocks(&text, vec![Piece::new(BlockKind::TableRow, 0, text.len())]);
    assert!(found.len() > 4);
    assert!(found.iter().all(|(kind, text)| *kind == BlockKind::TableRow
        && text.len() <= MAX_BLOCK_BYTES
        && text.starts_with("word")
        && text.ends_with("word")));
}

#[test]
fn a_long_line_without_white_space_is_cut_between_characters() {
    let text = "語".repeat(MAX_BLOCK_BYTES);
    let found = blocks(&text, Vec::new());
    assert_eq!(found.iter().map(|(_, text)| text.len()).sum::<usize>(), text.len());
}

#[test]
fn an_absurd_line_is_refused() {
    let limits = Limits { max_line_bytes: 1000, ..Limits::default() };
    let text = "x".repeat(1001);
    let refused = verbatim(Format::Text, text, Vec::new(), &BlockKind::Paragraph, &limits);
    let reason = Unreadable::LineTooLong { length_bytes: 1001, limit_bytes: 1000 };
    assert_eq!(refused, Err(reason));
}

#[test]
fn names_are_short_and_on_one_line() {
    assert_eq!(short_name("  a\n b\t c "), "a b c");
    let long = short_name(&"é".repeat(1000));
    assert_eq!(long.chars().count(), MAX_NAME_CHARS + 1);
    assert!(long.ends_with('…'));
}

#[test]
fn a_draft_refuses_more_text_than_allowed() {
    let mut draft = Draft::new(&Limits { max_text_bytes: 100, ..Limits::default() });
    let text = "x".repeat(60);
    assert_eq!(draft.push(BlockKind::Paragraph, 0, None, &text), Ok(()));
    let refused = draft.push(BlockKind::Paragraph, 0, None, &text).unwrap_err();
    assert!(matches!(refused, Unreadable::Bomb(_)), "{refused}");
}

proptest::proptest! {
    #[test]
    fn any_pieces_over_any_text_make_a_sound_document(
        text in "[a-z äé\n#{}]{1,200}",
        cuts in proptest::collection::vec((0_usize..250, 0_usize..250), 0..12),
    ) {
        let pieces = cuts.iter().map(|(a, b)| Piece::new(BlockKind::Code, *a, *b)).collect();
        let limits = Limits::default();
        match verbatim(Format::Text, text.clone(), pieces, &BlockKind::Paragraph, &limits) {
            Ok(document) => proptest::prop_assert!(is_sound(&document), "{:?}", document),
            Err(reason) => {
                proptest::prop_assert_eq!(reason, Unreadable::Empty);
                proptest::prop_assert!(text.trim().is_empty());
            }
        }
    }
}
