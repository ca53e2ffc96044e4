//! Tables for each kind of block, and properties over random documents.

use proptest::prelude::*;

use super::tokens::{Weight, estimate};
use super::*;
use crate::document::{Block, BlockKind, Format, OwnTimes};

/// A document from its blocks' kinds, levels and texts, with an empty line between blocks.
fn document(format: Format, blocks: &[(BlockKind, u8, &str)]) -> Document {
    let mut text = String::new();
    let mut made = Vec::new();
    for (kind, level, body) in blocks {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        let start = text.len();
        text.push_str(body);
        made.push(Block {
            kind: kind.clone(),
            span: Span::new(start, text.len()),
            page: None,
            level: *level,
            name: None,
        });
    }
    let times = OwnTimes::default();
    Document { format, code_language: None, title: None, text, blocks: made, pages: None, times }
}

fn config(target: u32) -> ChunkConfig {
    let config = ChunkConfig::with_target(target);
    config.validate().unwrap();
    config
}

/// The heading and the text of every chunk.
fn pieces(document: &Document, config: &ChunkConfig) -> Vec<(String, String)> {
    split(document, config)
        .into_iter()
        .map(|chunk| (chunk.heading, chunk.span.of(&document.text).to_owned()))
        .collect()
}

/// `n` words, each one token.
fn prose(n: usize) -> String {
    let words = ["moon", "pulls", "the", "sea", "and", "tide", "comes", "home"];
    words.iter().cycle().take(n).copied().collect::<Vec<_>>().join(" ")
}

/// `n` sentences of `words` tokens each, numbered so that each is unlike the others.
fn sentences_of(n: usize, words: usize) -> String {
    (0..n).map(|i| format!("S{i} {}.", prose(words - 3))).collect::<Vec<_>>().join(" ")
}

#[test]
fn nothing_but_white_space_has_no_chunks() {
    for text in ["", " ", "\n\n\t\u{a0}\n"] {
        let document = document(Format::Text, &[(BlockKind::Paragraph, 0, text)]);
        assert_eq!(split(&document, &ChunkConfig::default()), []);
    }
}

#[test]
fn paragraphs_are_packed_to_the_target_and_never_cut_if_they_fit() {
    let paragraph = prose(30);
    let blocks: Vec<_> = (0..8).map(|_| (BlockKind::Paragraph, 0, paragraph.as_str())).collect();
    let document = document(Format::Text, &blocks);
    let chunks = split(&document, &config(64));
    assert_eq!(chunks.len(), 4);
    for chunk in &chunks {
        assert_eq!(chunk.span.of(&document.text), format!("{paragraph}\n\n{paragraph}"));
    }
    assert_eq!(chunks[1].lines, (5, 7));
    assert_eq!(chunks.iter().map(|chunk| chunk.ordinal).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[test]
fn a_paragraph_up_to_the_maximum_stays_whole() {
    let long = prose(90);
    let document = document(
        Format::Text,
        &[(BlockKind::Paragraph, 0, &prose(20)), (BlockKind::Paragraph, 0, &long)],
    );
    let pieces = pieces(&document, &config(64));
    assert_eq!(pieces.last().unwrap().1, long);
}

#[test]
fn a_long_paragraph_is_cut_at_the_ends_of_sentences_into_even_pieces() {
    let text = sentences_of(20, 16);
    let document = document(Format::Text, &[(BlockKind::Paragraph, 0, &text)]);
    let chunks = split(&document, &config(64));
    assert_eq!(chunks.len(), 5);
    for chunk in &chunks {
        let piece = chunk.span.of(&text);
        assert!(piece.starts_with('S') && piece.ends_with('.'), "{piece:?}");
        assert!((48..=80).contains(&chunk.tokens), "{}", chunk.tokens);
    }
}

#[test]
fn overlap_repeats_whole_sentences_inside_one_block_only() {
    let text = sentences_of(24, 12);
    let document = document(
        Format::Text,
        &[(BlockKind::Paragraph, 0, &text), (BlockKind::Paragraph, 0, &sentences_of(5, 12))],
    );
    let overlapping = ChunkConfig { overlap_tokens: 20, ..config(64) };
    let chunks = split(&document, &overlapping);
    assert!(chunks.len() > 4);
    let mut n_overlaps = 0;
    for pair in chunks.windows(2) {
        assert!(pair[0].span.start < pair[1].span.start);
        assert!(pair[1].tokens <= overlapping.max_tokens);
        if pair[1].span.start < pair[0].span.end {
            let shared = Span { start: pair[1].span.start, end: pair[0].span.end };
            let shared = shared.of(&document.text);
            assert!(shared.starts_with('S') && shared.ends_with('.'), "{shared:?}");
            assert!(estimate(shared) <= 20);
            n_overlaps += 1;
        }
    }
    assert!(n_overlaps >= 3);
}

#[test]
fn long_code_is_cut_at_blank_lines_and_never_inside_a_line() {
    let function = "fn tide() {\n    let moon = sea();\n    moon.pull();\n}\n";
    let code = vec![function; 20].join("\n");
    let document = document(Format::Markdown, &[(BlockKind::Code, 0, &code)]);
    let pieces = pieces(&document, &config(64));
    assert!(pieces.len() > 3);
    for (_, piece) in &pieces {
        assert!(piece.starts_with("fn tide()") && piece.ends_with('}'), "{piece:?}");
    }
}

#[test]
fn code_without_blank_lines_is_cut_between_lines() {
    let code = vec!["let tide = moon.pull(sea);"; 60].join("\n");
    let document = document(Format::Code, &[(BlockKind::Definition, 1, &code)]);
    let pieces = pieces(&document, &config(64));
    assert!(pieces.len() > 3);
    for (_, piece) in &pieces {
        assert!(piece.lines().all(|line| line == "let tide = moon.pull(sea);"), "{piece:?}");
    }
}

#[test]
fn definitions_are_chunks_of_their_own_under_their_names() {
    let body = format!("{}\n", prose(40));
    let class = format!("class Sea\n{body}");
    let method = format!("fn tide\n{body}");
    let document = document(
        Format::Code,
        &[
            (BlockKind::Definition, 1, &class),
            (BlockKind::Definition, 2, &method),
            (BlockKind::Definition, 1, &class),
        ],
    );
    let headings: Vec<_> =
        pieces(&document, &config(64)).into_iter().map(|(heading, _)| heading).collect();
    assert_eq!(headings, ["class Sea", "class Sea › fn tide", "class Sea"]);
}

#[test]
fn sections_are_not_mixed_unless_they_are_tiny() {
    let long = prose(50);
    let document = document(
        Format::Markdown,
        &[
            (BlockKind::Heading, 1, "# Sea"),
            (BlockKind::Heading, 2, "## Tides"),
            (BlockKind::Paragraph, 0, &long),
            (BlockKind::Heading, 2, "## Salt"),
            (BlockKind::Paragraph, 0, &long),
            (BlockKind::Heading, 2, "## Foam"),
            (BlockKind::Paragraph, 0, "White."),
            (BlockKind::Heading, 2, "## Fish"),
            (BlockKind::Paragraph, 0, "Wet."),
        ],
    );
    let found = pieces(&document, &config(64));
    let headings: Vec<_> = found.iter().map(|(heading, _)| heading.as_str()).collect();
    assert_eq!(headings, ["Sea › Tides", "Sea"]);
    assert!(found[0].1.starts_with("# Sea\n\n## Tides"));
    assert!(found[1].1.starts_with("## Salt") && found[1].1.ends_with("Wet."));
    assert!(!found[1].1.contains("Tides"));
}

#[test]
fn a_heading_stays_with_what_follows() {
    let document = document(
        Format::Markdown,
        &[
            (BlockKind::Heading, 1, "# Sea"),
            (BlockKind::Paragraph, 0, &prose(94)),
            (BlockKind::Heading, 1, "# Moon"),
            (BlockKind::Paragraph, 0, &sentences_of(12, 16)),
        ],
    );
    for (_, piece) in pieces(&document, &config(64)) {
        assert!(estimate(&piece) > 16, "{piece:?} is a heading by itself");
    }
}

#[test]
fn the_path_leaves_out_the_title() {
    let mut document = document(
        Format::Markdown,
        &[
            (BlockKind::Heading, 1, "# The Sea"),
            (BlockKind::Heading, 2, "## Tides"),
            (BlockKind::Paragraph, 0, &prose(30)),
        ],
    );
    let config = config(64);
    assert_eq!(pieces(&document, &config)[0].0, "The Sea › Tides");
    document.title = Some("The Sea".to_owned());
    assert_eq!(pieces(&document, &config)[0].0, "Tides");
    document.title = Some("Tides".to_owned());
    assert_eq!(pieces(&document, &config)[0].0, "The Sea › Tides");
}

#[test]
fn rows_are_grouped_up_to_a_number_and_records_stand_alone() {
    let rows = vec![(BlockKind::TableRow, 0, "tide,moon"); 40];
    let table = document(Format::Csv, &rows);
    let chunks = split(&table, &config(256));
    let lengths: Vec<_> =
        chunks.iter().map(|chunk| chunk.span.of(&table.text).matches("tide").count()).collect();
    assert_eq!(lengths.iter().sum::<usize>(), 40);
    assert!(lengths.iter().all(|&rows| (8..=16).contains(&rows)), "{lengths:?}");

    let record = prose(20);
    let records = vec![(BlockKind::TableRow, 0, record.as_str()); 5];
    let pieces = pieces(&document(Format::Jsonl, &records), &config(64));
    assert_eq!(pieces, vec![(String::new(), record); 5]);
}

#[test]
fn letters_are_never_joined_and_their_heads_keep_their_bodies() {
    let mut mailbox = document(
        Format::Mbox,
        &[
            (BlockKind::Message, 1, "Subject: Tide"),
            (BlockKind::Paragraph, 0, "It is high."),
            (BlockKind::Message, 1, "Subject: Foam"),
            (BlockKind::Paragraph, 0, "It is white."),
        ],
    );
    mailbox.blocks[0].name = Some("Tide".to_owned());
    mailbox.blocks[2].name = Some("Foam".to_owned());
    assert_eq!(
        pieces(&mailbox, &config(64)),
        [
            ("Tide".to_owned(), "Subject: Tide\n\nIt is high.".to_owned()),
            ("Foam".to_owned(), "Subject: Foam\n\nIt is white.".to_owned()),
        ]
    );
}

#[test]
fn short_turns_of_a_conversation_share_a_chunk_and_long_ones_do_not() {
    let long = prose(40);
    let turns = [
        (BlockKind::Message, 0, "hi"),
        (BlockKind::Message, 0, "hello"),
        (BlockKind::Message, 0, long.as_str()),
        (BlockKind::Message, 0, long.as_str()),
    ];
    let found = pieces(&document(Format::Jsonl, &turns), &config(64));
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].1, format!("hi\n\nhello\n\n{long}"));
    assert_eq!(found[1].1, long);
}

#[test]
fn list_items_stay_whole_and_with_their_introduction() {
    let item = format!("- {}", prose(14));
    let mut blocks = vec![(BlockKind::Paragraph, 0, "They say:")];
    blocks.extend((0..12).map(|_| (BlockKind::ListItem, 0, item.as_str())));
    let list = document(Format::Markdown, &blocks);
    let found = pieces(&list, &config(64));
    assert!(found.len() >= 3);
    assert!(found[0].1.starts_with("They say:\n\n- "));
    assert!(found[1..].iter().all(|(_, piece)| piece.starts_with("- moon")));
}

#[test]
fn pages_are_those_where_blocks_begin() {
    let long = prose(40);
    let mut pdf = document(Format::Pdf, &vec![(BlockKind::Paragraph, 0, long.as_str()); 4]);
    for (block, page) in pdf.blocks.iter_mut().zip([1, 1, 2, 5]) {
        block.page = Some(page);
    }
    let chunks = split(&pdf, &config(80));
    let pages: Vec<_> = chunks.iter().map(|chunk| chunk.pages).collect();
    assert_eq!(pages, [Some((1, 1)), Some((2, 2)), Some((5, 5))]);
}

#[test]
fn a_word_of_enormous_length_is_cut_between_characters() {
    for word in ["x".repeat(10_000), "漢".repeat(3_000), "é".repeat(5_000), "-".repeat(5_000)] {
        let document = document(Format::Text, &[(BlockKind::Paragraph, 0, &word)]);
        let chunks = split(&document, &config(64));
        assert!(chunks.len() > 3);
        assert!(chunks.iter().all(|chunk| chunk.tokens <= 96));
        check(&document, &config(64));
    }
}

#[test]
fn blocks_that_overlap_or_leave_gaps_are_tolerated() {
    let mut odd = document(Format::Text, &[(BlockKind::Paragraph, 0, "Überall ist Wasser.")]);
    odd.blocks = vec![
        Block { span: Span::new(1, 9), ..odd.blocks[0].clone() },
        Block { span: Span::new(4, 6), ..odd.blocks[0].clone() },
        Block { span: Span::new(15, 400), ..odd.blocks[0].clone() },
    ];
    check(&odd, &config(64));
    odd.blocks.clear();
    check(&odd, &config(64));
    assert_eq!(split(&odd, &config(64)).len(), 1);
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let good = ChunkConfig::default();
    for bad in [
        ChunkConfig { target_tokens: 0, ..good.clone() },
        ChunkConfig { target_tokens: 100_000, max_tokens: 100_000, ..good.clone() },
        ChunkConfig { max_tokens: 255, ..good.clone() },
        ChunkConfig { min_tokens: 257, ..good.clone() },
        ChunkConfig { overlap_tokens: 129, ..good.clone() },
        ChunkConfig { max_rows: 0, ..good.clone() },
    ] {
        assert_eq!(bad.validate().unwrap_err().kind(), ErrorKind::Invalid, "{bad:?}");
    }
    good.validate().unwrap();
}

#[test]
fn index_text_is_title_heading_text() {
    for (title, heading, text, expected) in [
        ("", "", "x", "x"),
        ("T", "", "x", "T\nx"),
        ("T", "T", "x", "T\nx"),
        (" T ", "H › I", "x\ny", "T\nH › I\nx\ny"),
        ("", "H", "x", "H\nx"),
    ] {
        assert_eq!(index_text(title, heading, text), expected);
    }
}

#[test]
fn sentences_end_where_a_reader_says() {
    for (text, expected) in [
        ("One. Two! Three?", vec!["One. ", "Two! ", "Three?"]),
        (
            "See Fig. 3 of J. Smith et al. in vol. 2.",
            vec!["See Fig. 3 of J. Smith et al. in vol. 2."],
        ),
        ("Version 2.0 is out. get it", vec!["Version 2.0 is out. get it"]),
        ("He said \"No.\" She left.", vec!["He said \"No.\" ", "She left."]),
        ("日本語です。そうです！ はい。", vec!["日本語です。", "そうです！ ", "はい。"]),
        ("A title\n\nA text", vec!["A title\n\n", "A text"]),
        ("\n\nA text", vec!["\n\nA text"]),
        (
            "Er endet am 31. März 2027. Dann nicht.",
            vec!["Er endet am 31. März 2027. ", "Dann nicht."],
        ),
        ("There are 31. The rest is gone.", vec!["There are 31. ", "The rest is gone."]),
        ("Wait… what? Wait… What?", vec!["Wait… what? ", "Wait… ", "What?"]),
        ("", vec![]),
    ] {
        let found: Vec<_> = sentences(text).map(|range| &text[range]).collect();
        assert_eq!(found, expected);
    }
}

/// True counts by the tokenizer of BERT (uncased), without special tokens.
#[test]
fn estimates_are_near_the_true_counts() {
    for (text, truth) in [
        (
            "The quick brown fox jumps over the lazy dog, and nobody was surprised by it in the end.",
            19,
        ),
        (
            "Tidal forces arise because the gravitational field exerted on one body by another is not \
             constant across its parts: the nearest side is attracted more strongly than the farthest.",
            33,
        ),
        (
            "In 1969 the committee, whose members had met 12 times, decided to publish its findings; they \
             were received with scepticism, then with interest, and at last with approval.",
            37,
        ),
    ] {
        let estimated = f64::from(estimate(text));
        let off = (estimated - f64::from(truth)).abs() / f64::from(truth);
        assert!(off < 0.15, "{estimated} for {truth}: {text}");
    }
}

#[test]
fn weights_add_up_at_white_space() {
    let text = sentences_of(4, 16);
    let parts =
        sentences(&text).fold(Weight::default(), |sum, range| sum + Weight::of(&text[range]));
    assert_eq!(parts, Weight::of(&text));
}

/// A run that began with a line of white space was once repeated whole, so that two chunks began
/// at one place.
#[test]
fn white_space_before_a_run_is_not_what_keeps_the_overlap_from_being_all_of_it() {
    let body = "\n漢é-é漢!aé漢漢!a\n-a!-a。--a-aaa-?。a!éa。-??-?-é-a--。?a!a。?-漢a-a!。a\ta漢。a-!漢漢-é漢。-!";
    let made = document(Format::Markdown, &[(BlockKind::Code, 0, body)]);
    check(&made, &ChunkConfig { overlap_tokens: 13, ..config(26) });
}

/// What holds for every document and every configuration.
fn check(document: &Document, config: &ChunkConfig) {
    let text = &document.text;
    let chunks = split(document, config);
    assert_eq!(chunks, split(document, config));
    let mut covered = 0;
    for (idx, chunk) in chunks.iter().enumerate() {
        assert_eq!(chunk.ordinal as usize, idx);
        let (start, end) = (chunk.span.start as usize, chunk.span.end as usize);
        let piece = text.get(start..end).expect("a span lies on character boundaries");
        assert!(!piece.is_empty());
        assert_eq!(piece, piece.trim());
        assert!(chunk.tokens <= config.max_tokens, "{} tokens: {piece:?}", chunk.tokens);
        assert!(chunk.tokens > 0);
        let line_of = |offset: usize| text[..offset].matches('\n').count() as u32 + 1;
        assert_eq!(chunk.lines, (line_of(start), line_of(end)));
        if idx > 0 {
            assert!(chunk.span.start > chunks[idx - 1].span.start);
            assert!(chunk.span.end > chunks[idx - 1].span.end);
        }
        if start > covered {
            assert!(text[covered..start].trim().is_empty(), "lost {:?}", &text[covered..start]);
        } else if config.overlap_tokens == 0 {
            assert!(start >= covered);
        }
        covered = end;
    }
    assert!(text[covered..].trim().is_empty(), "lost {:?}", &text[covered..]);
}

fn any_kind() -> impl Strategy<Value = BlockKind> {
    prop::sample::select(vec![
        BlockKind::Heading,
        BlockKind::Paragraph,
        BlockKind::ListItem,
        BlockKind::Code,
        BlockKind::Definition,
        BlockKind::TableRow,
        BlockKind::Message,
    ])
}

fn any_body() -> impl Strategy<Value = String> {
    prop_oneof![
        (1_usize..60, 4_usize..20).prop_map(|(n, words)| sentences_of(n, words)),
        (1_usize..40).prop_map(|n| vec!["    let tide = moon.pull(sea);\n"; n].join("\n")),
        "\\PC{0,80}",
        "[a-zé漢。.!? \n\t-]{0,300}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chunks_cover_the_text_and_keep_their_limits(
        blocks in prop::collection::vec((any_kind(), 0_u8..4, any_body(), 0_u32..4), 0..24),
        target in 16_u32..200,
        overlap in 0_u32..40,
    ) {
        let parts: Vec<_> =
            blocks.iter().map(|(kind, level, body, _)| (kind.clone(), *level, body.as_str())).collect();
        let mut made = document(Format::Markdown, &parts);
        for (block, (.., page)) in made.blocks.iter_mut().zip(&blocks) {
            block.page = (*page > 0).then_some(*page);
        }
        let config = ChunkConfig { overlap_tokens: overlap.min(target / 2), ..config(target) };
        check(&made, &config);
    }

    #[test]
    fn blocks_of_any_shape_are_tolerated(
        text in "[a-zé漢. \n]{0,200}",
        spans in prop::collection::vec((0_usize..400, 0_usize..400, any_kind()), 0..10),
    ) {
        let mut made = document(Format::Text, &[]);
        made.text = text;
        made.blocks = spans
            .into_iter()
            .map(|(start, end, kind)| Block { kind, span: Span::new(start, end), page: None, level: 1, name: None })
            .collect();
        check(&made, &config(16));
    }

    #[test]
    fn sentences_follow_each_other_without_a_gap(text in "[a-zA-Zé漢。.!?…'\")( \n]{0,200}") {
        let mut at = 0;
        for range in sentences(&text) {
            prop_assert_eq!(range.start, at);
            prop_assert!(range.end > range.start);
            prop_assert!(text.is_char_boundary(range.end));
            at = range.end;
        }
        prop_assert_eq!(at, text.len());
    }
}
