//! Extraction and citation, judged questions and properties.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::unit::{UnitKind, units, words};
use super::{Extraction, Language, Passage, Question, Quote, QuoteKind, cite, collapse, extract};
use crate::document::Format;
use crate::error::{Error, ErrorKind, Result};

const DIMS: usize = 256;

/// English enough for tests: a short stop list, a crude stemmer, weights from the passages at
/// hand, and vectors of hashed letter groups.
struct Plain {
    documents: f32,
    frequency: BTreeMap<String, f32>,
}

impl Plain {
    fn of(texts: &[&str]) -> Self {
        let mut frequency = BTreeMap::new();
        for text in texts {
            let mut terms = stems(text);
            terms.sort();
            terms.dedup();
            for term in terms {
                *frequency.entry(term).or_insert(0.0) += 1.0;
            }
        }
        Self { documents: texts.len() as f32, frequency }
    }

    fn vector(text: &str) -> Vec<f32> {
        let mut vector = vec![0.0_f32; DIMS];
        for stem in stems(text) {
            let padded: Vec<char> = format!("<{stem}>").chars().collect();
            for group in padded.windows(3) {
                let mut hash = 0xcbf2_9ce4_8422_2325_u64;
                for &c in group {
                    hash = (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0100_0000_01b3);
                }
                hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
                vector[(hash >> 40) as usize % DIMS] += 1.0 / padded.len() as f32;
            }
        }
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        vector.iter().map(|x| x / norm).collect()
    }
}

impl Language for Plain {
    fn terms(&self, text: &str) -> Vec<String> {
        stems(text)
    }

    fn term_weight(&self, term: &str) -> f32 {
        let holding = self.frequency.get(term).copied().unwrap_or(0.0);
        (1.0 + (self.documents - holding + 0.5) / (holding + 0.5)).ln()
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<f32>> {
        Ok(texts.iter().flat_map(|text| Self::vector(text)).collect())
    }
}

fn stems(text: &str) -> Vec<String> {
    const STOP: [&str; 73] = [
        "a", "about", "all", "an", "and", "are", "as", "at", "be", "but", "by", "can", "did", "do",
        "does", "for", "from", "had", "has", "have", "he", "her", "how", "i", "if", "in", "into",
        "is", "it", "its", "many", "may", "me", "much", "must", "my", "no", "not", "of", "on",
        "or", "our", "out", "she", "should", "so", "some", "such", "that", "the", "their", "them",
        "then", "there", "they", "this", "to", "under", "up", "was", "we", "were", "what", "when",
        "where", "which", "who", "why", "will", "with", "would", "you", "your",
    ];
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .filter(|word| STOP.binary_search(&word.as_str()).is_err())
        .map(|word| {
            let mut stem = word.as_str();
            for ending in ["ing", "ies", "ed", "es", "s", "e"] {
                if let Some(short) = stem.strip_suffix(ending)
                    && short.chars().count() >= 3
                {
                    stem = short;
                    break;
                }
            }
            stem.to_owned()
        })
        .collect()
}

fn passage(text: &str) -> Passage<'_> {
    Passage { text, heading: "", format: Format::Text, score: 1.0 }
}

fn ask(question: &str, passages: &[Passage<'_>], max_sentences: usize) -> Extraction {
    let texts: Vec<&str> = passages.iter().map(|passage| passage.text).collect();
    let vector = Plain::vector(question);
    let question = Question { text: question, vector: &vector };
    extract(&question, passages, &Plain::of(&texts), max_sentences).expect("extraction")
}

fn texts(extraction: &Extraction) -> Vec<&str> {
    extraction.quotes.iter().map(|quote| quote.text.as_str()).collect()
}

/// The judged set: passages, questions with their answers, questions without.
struct Judged {
    passages: Vec<(String, String, Format)>,
    questions: Vec<(String, Vec<String>)>,
    unanswerable: Vec<String>,
}

impl Judged {
    fn read() -> Self {
        let set: Value = serde_json::from_str(include_str!("../../testdata/answer/questions.json"))
            .expect("the set is JSON");
        let string = |value: &Value| value.as_str().expect("a string").to_owned();
        let list = |value: &Value| value.as_array().expect("a list").clone();
        Self {
            passages: list(&set["passages"])
                .iter()
                .map(|p| {
                    let format = string(&p["format"]).parse().expect("a format");
                    (string(&p["heading"]), string(&p["text"]), format)
                })
                .collect(),
            questions: list(&set["questions"])
                .iter()
                .map(|q| (string(&q["question"]), list(&q["answers"]).iter().map(string).collect()))
                .collect(),
            unanswerable: list(&set["unanswerable"]).iter().map(string).collect(),
        }
    }

    /// The six passages that share most with the question, as a search would give them.
    fn search(&self, question: &str, language: &Plain) -> Vec<Passage<'_>> {
        let mut asked = stems(question);
        asked.sort();
        asked.dedup();
        let mut ranked: Vec<(f32, &(String, String, Format))> = self
            .passages
            .iter()
            .map(|entry| {
                let terms = stems(&format!("{} {}", entry.0, entry.1));
                let shared = asked.iter().filter(|term| terms.contains(term));
                (shared.map(|term| language.term_weight(term)).sum(), entry)
            })
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let top = ranked[0].0.max(f32::MIN_POSITIVE);
        ranked
            .into_iter()
            .take(6)
            .map(|(score, (heading, text, format))| Passage {
                text,
                heading,
                format: *format,
                score: score / top,
            })
            .collect()
    }

    fn language(&self) -> Plain {
        let whole: Vec<&str> = self.passages.iter().map(|p| p.1.as_str()).collect();
        Plain::of(&whole)
    }
}

#[test]
fn nine_in_ten_judged_questions_are_answered_by_a_quote() {
    let judged = Judged::read();
    let language = judged.language();
    for compared in [true, false] {
        let (mut answered, mut first) = (0, 0);
        let mut quoted = 0;
        for (text, answers) in &judged.questions {
            let passages = judged.search(text, &language);
            let vector = if compared { Plain::vector(text) } else { Vec::new() };
            let question = Question { text, vector: &vector };
            let found = extract(&question, &passages, &language, 4).expect("extraction");
            let holds = |found: &Extraction| {
                texts(found)
                    .iter()
                    .any(|t| answers.iter().any(|answer| t.contains(answer.as_str())))
            };
            quoted += found.quotes.len();
            let hit = holds(&found);
            answered += usize::from(hit);
            let single = extract(&question, &passages, &language, 1).expect("extraction");
            first += usize::from(holds(&single));
            if !hit {
                println!("missed: {text}\n  {:?} {}", texts(&found), found.confidence);
            }
        }
        let n = judged.questions.len();
        println!(
            "similarity {compared}: answered {answered} of {n}, by the best sentence {first}, \
             {quoted} quotes"
        );
        assert!(answered * 10 >= n * 9, "{answered} of {n} answered, similarity {compared}");
    }
}

#[test]
fn questions_the_passages_do_not_answer_find_nothing() {
    let judged = Judged::read();
    let language = judged.language();
    let mut silent = 0;
    for text in &judged.unanswerable {
        let passages = judged.search(text, &language);
        let vector = Plain::vector(text);
        let question = Question { text, vector: &vector };
        let found = extract(&question, &passages, &language, 4).expect("extraction");
        if found.quotes.is_empty() {
            assert!(found.confidence.abs() < f32::EPSILON);
            silent += 1;
        } else {
            println!("quoted for {text}: {:?} {}", texts(&found), found.confidence);
        }
    }
    let n = judged.unanswerable.len();
    println!("nothing relevant: {silent} of {n}");
    assert!(silent * 10 >= n * 8, "{silent} of {n}");
}

#[test]
fn nothing_to_quote_from_is_nothing_quoted() {
    assert_eq!(ask("Where is the key?", &[], 3), Extraction::default());
    assert_eq!(ask("Where is the key?", &[passage(" \n --- \n")], 3), Extraction::default());
    let passages = [passage("The key hangs behind the door.")];
    assert_eq!(ask("Where is the key?", &passages, 0), Extraction::default());
    assert_eq!(ask("", &passages, 3), Extraction::default());
    assert_eq!(ask("the of and", &passages, 3), Extraction::default());
}

#[test]
fn a_pronoun_brings_the_sentence_it_points_to() {
    let passages = [passage(
        "The old mill belongs to the parish. It grinds rye every Thursday in winter. Nobody lives \
         there.",
    )];
    let found = ask("Which day is rye grinded in winter?", &passages, 2);
    assert_eq!(
        texts(&found),
        ["The old mill belongs to the parish. It grinds rye every Thursday in winter."]
    );
    let alone = ask("Which day is rye grinded in winter?", &passages, 1);
    assert_eq!(texts(&alone), ["It grinds rye every Thursday in winter."]);
}

#[test]
fn a_colon_brings_the_list_it_announces() {
    let text = "## Packing\n\nFor the winter crossing pack these things:\n\n- two wool blankets\n\
                - a spare ski\n- matches in a tin\n\nThe dogs carry nothing.";
    let passages = [Passage { format: Format::Markdown, ..passage(text) }];
    let found = ask("What to pack for the winter crossing?", &passages, 4);
    assert_eq!(
        texts(&found),
        [
            "For the winter crossing pack these things:",
            "two wool blankets",
            "a spare ski",
            "matches in a tin"
        ]
    );
    assert_eq!(
        cite(&found, &passages).text,
        "For the winter crossing pack these things: [1]\n- two wool blankets [1]\n- a spare ski \
         [1]\n- matches in a tin [1]"
    );
    let short = ask("What to pack for the winter crossing?", &passages, 2);
    assert_eq!(short.quotes.len(), 2);
}

#[test]
fn the_answer_is_quoted_and_not_the_question_above_it() {
    let text = "# Can I bring a dog?\n\nOnly on the lower deck.\n\n# Can I bring a bicycle?\n\nYes. \
                It travels free of charge.";
    let passages = [Passage { format: Format::Markdown, ..passage(text) }];
    assert!(ask("Can I bring a dog?", &passages, 1).quotes[0].text.starts_with("Only on"));
    let found = ask("Can I bring a bicycle?", &passages, 3);
    assert!(texts(&found).contains(&"Yes. It travels free of charge."), "{found:?}");
}

#[test]
fn a_sentence_found_twice_is_quoted_once() {
    let shared = "The siren is tested at noon on the first Monday of the month.";
    let (first, second) = (format!("Noise. {shared}"), format!("{shared} Keep calm."));
    let passages = [passage(&first), Passage { score: 0.5, ..passage(&second) }];
    let found = ask("When is the siren tested?", &passages, 4);
    assert_eq!(texts(&found), [shared]);
    assert_eq!(found.quotes[0].passage, 0);
}

#[test]
fn quotes_stand_in_reading_order_and_neighbours_are_one() {
    let passages = [
        passage(
            "The lock of the canal opens at seven. Boats pay nothing at the lock. Ducks live \
                 here.\nThe lock keeper of the canal is called Oda.",
        ),
        passage("The canal lock was built from oak in 1801."),
    ];
    let found = ask("When does the canal lock open, and what do boats pay at it?", &passages, 4);
    for pair in found.quotes.windows(2) {
        assert!(pair[0].passage != pair[1].passage || pair[0].end <= pair[1].start, "{pair:?}");
    }
    assert!(
        texts(&found)
            .contains(&"The lock of the canal opens at seven. Boats pay nothing at the lock."),
        "{:?}",
        texts(&found)
    );
}

#[test]
fn passages_are_numbered_by_first_use_and_keep_their_number() {
    let quote = |passage, start| Quote {
        passage,
        start,
        end: start + 1,
        text: format!("Q{start}."),
        kind: QuoteKind::Prose,
    };
    let passages = [passage("aaaa"), passage("bbbb"), passage("cccc")];
    let extraction = Extraction {
        quotes: vec![quote(2, 0), quote(0, 1), quote(2, 2), quote(9, 3)],
        confidence: 0.5,
    };
    let answer = cite(&extraction, &passages);
    assert_eq!(answer.text, "Q0. [1] Q1. [2] Q2. [1]");
    let cited: Vec<_> = answer.citations.iter().map(|c| (c.n, c.passage, c.span)).collect();
    assert_eq!(cited, [(1, 2, (0, 1)), (2, 0, (1, 2)), (1, 2, (2, 3))]);
    assert_eq!(cite(&Extraction::default(), &passages), super::Answer::default());
}

/// Vectors of the wrong number, of no numbers, or none at all.
struct Faulty(Result<f32, ErrorKind>);

impl Language for Faulty {
    fn terms(&self, text: &str) -> Vec<String> {
        stems(text)
    }

    fn term_weight(&self, _: &str) -> f32 {
        f32::NAN
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<f32>> {
        match self.0 {
            Ok(value) if value.is_infinite() => Ok(vec![1.0; texts.len()]),
            Ok(value) => Ok(vec![value; texts.len() * 2]),
            Err(kind) => Err(Error::new(kind, "the model is gone")),
        }
    }
}

#[test]
fn a_faulty_embedder_is_an_error_or_ignored_but_no_panic() {
    let passages = [Passage { score: f32::NAN, ..passage("The bell rings at six.") }];
    let question = Question { text: "When does the bell ring?", vector: &[0.6, 0.8] };
    let run = |faulty: Faulty| extract(&question, &passages, &faulty, 3);

    let error = run(Faulty(Err(ErrorKind::Unavailable))).expect_err("the embedder failed");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(format!("{error:#}"), "comparing sentences with the question: the model is gone");
    let error = run(Faulty(Ok(f32::INFINITY))).expect_err("too few numbers");
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(run(Faulty(Ok(f32::NAN))).expect("no vector compares").quotes.is_empty());
    let alike = run(Faulty(Ok(0.7))).expect("close vectors");
    assert_eq!(texts(&alike), ["The bell rings at six."]);
}

#[test]
fn long_tables_are_embedded_in_part() {
    struct Counted(std::cell::Cell<usize>);
    impl Language for Counted {
        fn terms(&self, text: &str) -> Vec<String> {
            stems(text)
        }
        fn term_weight(&self, _: &str) -> f32 {
            1.0
        }
        fn embed(&self, texts: &[&str]) -> Result<Vec<f32>> {
            self.0.set(self.0.get() + texts.len());
            Ok(texts.iter().flat_map(|text| Plain::vector(text)).collect())
        }
    }
    let rows: Vec<String> = (0..5_000).map(|row| format!("gauge{row},{}", row * 7)).collect();
    let text = rows.join("\n");
    let passages = [Passage { format: Format::Csv, ..passage(&text) }];
    let vector = Plain::vector("gauge900");
    let question = Question { text: "What did gauge900 show?", vector: &vector };
    let counted = Counted(std::cell::Cell::new(0));
    let found = extract(&question, &passages, &counted, 2).expect("extraction");
    assert_eq!(counted.0.get(), 256);
    assert_eq!(found.quotes[0].text, "gauge900,6300");
    assert_eq!(found.quotes[0].kind, QuoteKind::Line);
}

fn shown(text: &str, format: Format) -> Vec<(UnitKind, &str)> {
    let found = units(text, format, 100);
    found.iter().map(|unit| (unit.kind, unit.shown_in(text))).collect()
}

#[test]
fn marks_are_not_shown_but_belong_to_the_unit() {
    use UnitKind::{Heading, Item, Line, Row, Sentence};
    let text = "# Rust\n\nIt *oxidises*. Slowly,\nin air.\n\n- one\n- two\n  goes on\n12. twelve\n\
                (b) bee\n\n| a | b |\n|---|---|\n\n```sh\nls -l\n```\n> quoted words here stay.\n";
    assert_eq!(
        shown(text, Format::Markdown),
        [
            (Heading, "Rust"),
            (Sentence, "It *oxidises*."),
            (Sentence, "Slowly,\nin air."),
            (Item, "one"),
            (Item, "two\n  goes on"),
            (Item, "twelve"),
            (Item, "bee"),
            (Row, "a | b |"),
            (Line, "ls -l"),
            (Sentence, "quoted words here stay."),
        ]
    );
    let heading = &units(text, Format::Markdown, 100)[0];
    assert_eq!((heading.start, heading.shown, heading.end), (0, 2, 6));
}

#[test]
fn titles_are_told_from_sentences() {
    use UnitKind::{Heading, Item, Sentence};
    let rst = "Tides\n=====\n\nThe moon pulls.\n\n- - -\n\nAlone on its line\n\nPaid in 1999\n";
    assert_eq!(
        shown(rst, Format::Rst),
        [
            (Heading, "Tides"),
            (Sentence, "The moon pulls."),
            (Heading, "Alone on its line"),
            (Sentence, "Paid in 1999"),
        ]
    );
    assert_eq!(shown("** Plan\n- walk\n", Format::Org), [(Heading, "Plan"), (Item, "walk")]);
    assert_eq!(shown("1999. A year.", Format::Text), [(Sentence, "1999."), (Sentence, "A year.")]);
}

#[test]
fn code_is_lines_and_its_comments_are_sentences() {
    use UnitKind::{Line, Sentence};
    let text =
        "/// Adds one. Never\n/// wraps.\n///\n/// Cheap.\nfn next(x: u8) -> u8 {\n    x + 1\n}\n";
    assert_eq!(
        shown(text, Format::Code),
        [
            (Sentence, "Adds one."),
            (Sentence, "Never\n/// wraps."),
            (Sentence, "Cheap."),
            (Line, "fn next(x: u8) -> u8 {"),
            (Line, "x + 1"),
        ]
    );
}

#[test]
fn long_text_without_capitals_or_full_stops_is_cut_all_the_same() {
    let verse = "the rain on the roof and the wind in the flue go on and on\n".repeat(8);
    let found = units(&verse, Format::Text, 100);
    assert_eq!(found.len(), 8);
    assert!(found.iter().all(|unit| unit.words == 15));
    assert_eq!(units(&verse, Format::Text, 3).len(), 3);

    let small = "the wing was tested . the flow was slow; it held . ".repeat(8);
    assert_eq!(units(&small, Format::Text, 100).len(), 24);
}

#[test]
fn words_are_counted_in_scripts_with_and_without_spaces() {
    assert_eq!(words("two words"), 2);
    assert_eq!(words("— * !"), 0);
    assert_eq!(words("月亮拉动大海"), 3);
}

/// Text of the pieces that make passages awkward.
fn awkward_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("The ferry leaves at nine. ".to_owned()),
        Just("It carries mail:\n".to_owned()),
        Just("- parcels\n".to_owned()),
        Just("  * letters, e.g. from Dr. Low\n".to_owned()),
        Just("## Ferry\n\n".to_owned()),
        Just("Why nine?\n\n".to_owned()),
        Just("```\nferry --at 9\n```\n".to_owned()),
        Just("| ferry\t| nine |\n".to_owned()),
        Just("// The ferry is late.\n// Nine is the rule.\n".to_owned()),
        Just("渡轮九点出发。邮件".to_owned()),
        Just("=====\n".to_owned()),
        Just("\r\n\u{a0}\n".to_owned()),
        "\\PC{0,12}".prop_map(|text| text),
        "[ -~\n]{0,20}".prop_map(|text| text),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

fn any_format() -> impl Strategy<Value = Format> {
    (0..Format::ALL.len()).prop_map(|at| Format::ALL[at])
}

proptest! {
    #[test]
    fn units_follow_each_other_inside_the_text(text in awkward_text(), format in any_format()) {
        let mut end = 0;
        for unit in units(&text, format, 1_000) {
            prop_assert!(end <= unit.start && unit.start <= unit.shown && unit.shown < unit.end);
            prop_assert!(text.is_char_boundary(unit.start) && text.is_char_boundary(unit.shown));
            prop_assert_eq!(unit.shown_in(&text).trim(), unit.shown_in(&text));
            prop_assert!(unit.shown_in(&text).contains(char::is_alphanumeric));
            end = unit.end;
        }
        prop_assert!(end <= text.len());
    }

    #[test]
    fn every_letter_of_a_text_is_in_a_unit(text in "[a-z.:\n -]{0,60}", format in any_format()) {
        let found = units(&text, format, 1_000);
        for (at, letter) in text.char_indices().filter(|(_, c)| c.is_alphanumeric()) {
            // The letter of a list mark such as `b)` aside, which this alphabet cannot write.
            prop_assert!(
                found.iter().any(|unit| (unit.start..unit.end).contains(&at)),
                "{letter} at {at} of {text:?} as {format}: {found:?}"
            );
        }
    }

    #[test]
    fn quotes_are_found_word_for_word_in_their_passage(
        all in proptest::collection::vec((awkward_text(), any_format(), 0.0_f32..=1.0), 0..5),
        max_sentences in 0_usize..6,
        asked in prop_oneof![
            Just("When does the ferry leave?"), Just("How is mail carried?"), Just("渡轮九点")
        ],
    ) {
        let passages: Vec<Passage<'_>> = all
            .iter()
            .map(|(text, format, score)| {
                Passage { text, heading: "Ferry", format: *format, score: *score }
            })
            .collect();
        let found = ask(asked, &passages, max_sentences);
        prop_assert!(found.quotes.len() <= max_sentences);
        prop_assert!((0.0..=1.0).contains(&found.confidence));
        prop_assert_eq!(&found, &ask(asked, &passages, max_sentences));
        let mut seen: Vec<(usize, usize)> = Vec::new();
        for quote in &found.quotes {
            let text = passages[quote.passage].text;
            prop_assert!(!quote.text.is_empty());
            prop_assert!(collapse(text).contains(&quote.text), "{:?} in {:?}", quote, text);
            let span = collapse(&text[quote.start..quote.end]);
            prop_assert!(span.ends_with(&quote.text), "{:?} ends {:?}", quote, span);
            // Passages come one after the other, each read from top to bottom.
            if let Some(&(passage, end)) = seen.last() {
                if passage == quote.passage {
                    prop_assert!(end <= quote.start);
                } else {
                    prop_assert!(seen.iter().all(|&(other, _)| other != quote.passage));
                }
            }
            seen.push((quote.passage, quote.end));
        }
        let answer = cite(&found, &passages);
        prop_assert_eq!(answer.citations.len(), found.quotes.len());
        for citation in &answer.citations {
            let shown = format!("{} [{}]", citation.quote, citation.n);
            prop_assert!(answer.text.contains(&shown));
        }
    }
}
