use super::*;

fn format(name: &str, head: &[u8]) -> Format {
    match detect(Path::new(name), head) {
        Ok(Detected::Plain { format, .. }) => format,
        other => panic!("{name}: {other:?}"),
    }
}

fn language(name: &str, head: &[u8]) -> &'static str {
    match detect(Path::new(name), head) {
        Ok(Detected::Plain { language: Some(language), .. }) => language.name,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn content_decides_where_the_name_says_little() {
    assert_eq!(format("page", b"<!-- saved -->\n<!DOCTYPE HTML><title>x"), Format::Html);
    assert_eq!(format("page.txt", b"<html><body>x"), Format::Html);
    assert_eq!(format("data", b"{\"a\": 1}"), Format::Json);
    assert_eq!(format("data", b"{\"a\": 1}\n{\"a\": 2}\n"), Format::Jsonl);
    assert_eq!(format("inbox", b"From a@b Mon\nFrom: a@b\nTo: c\nDate: d\n\nhi"), Format::Mbox);
    assert_eq!(format("1234:2,S", b"Received: x\nFrom: a\nTo: b\nSubject: c\n\nhi"), Format::Eml);
    assert_eq!(format("odd.txt", b"%PDF-1.4\n"), Format::Pdf);
    assert_eq!(language("tool", b"#!/usr/bin/env -S python3 -u\nprint()"), "python");
    assert_eq!(language("tool", b"#!/bin/sh\necho"), "bash");
    assert_eq!(detect(Path::new("a.txt"), b"\x1f\x8b\x08"), Ok(Detected::Gzip));
    assert_eq!(detect(Path::new("a.txt"), b"PK\x03\x04"), Ok(Detected::Zip));
}

#[test]
fn a_telling_name_wins_over_the_shape_of_text() {
    assert_eq!(language("page.php", b"<!doctype html><?php ?>"), "php");
    assert_eq!(format("notes.md", b"<html>in markdown</html>"), Format::Markdown);
    assert_eq!(format("a.rst", b"From: x\nTo: y\nDate: z\n\n"), Format::Rst);
    assert_eq!(format("a.json", b"{\"a\":1}\n{\"a\":2}"), Format::Jsonl);
    assert_eq!(language("CMakeLists.txt", b"project(x)"), "cmake");
    assert_eq!(language("Makefile", b"all:\n"), "make");
}

#[test]
fn what_is_not_read_says_why() {
    let reason = |name: &str, head: &[u8]| detect(Path::new(name), head).unwrap_err();
    assert_eq!(reason("a", b""), Unreadable::Empty);
    assert_eq!(reason("a.bin", b"ab\0cd"), Unreadable::Binary);
    assert_eq!(reason("a.txt", b"ab\0cd"), Unreadable::Binary);
    assert_eq!(reason("a.unknown", b"caf\xE9 au lait"), Unreadable::Binary);
    assert!(matches!(reason("a.png", b"\x89PNG\r\n"), Unreadable::Unsupported(_)));
    assert!(matches!(reason("a.docx", b"not a zip"), Unreadable::Broken(_)));
    let mut ole = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
    assert!(matches!(reason("a.doc", &ole), Unreadable::Unsupported(_)));
    ole.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(reason("a.docx", &ole), Unreadable::Encrypted);
}

#[test]
fn no_extension_or_name_belongs_to_two_languages() {
    let mut seen = std::collections::HashSet::new();
    for language in language::LANGUAGES {
        for extension in language.extensions {
            assert!(seen.insert(extension), "{extension}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_recognised_without_panic(
        name in "[a-z]{0,3}\\.(txt|html|json|eml|py|docx|gz|x)",
        head in proptest::collection::vec(proptest::num::u8::ANY, 0..300),
    ) {
        let outcome = detect(Path::new(&name), &head);
        proptest::prop_assert_eq!(outcome.is_err() && head.is_empty(), head.is_empty());
    }
}
