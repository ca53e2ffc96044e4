use super::*;

fn name(typed: &str) -> CollectionName {
    typed.parse().unwrap()
}

#[test]
fn names_that_people_give() {
    for (typed, expected) in [
        ("work", "work"),
        ("  work ", "work"),
        ("Tax  2026", "Tax 2026"),
        ("v1.2_final-3", "v1.2_final-3"),
        ("_drafts", "_drafts"),
        ("Büro", "Büro"),
        ("Bu\u{308}ro", "Büro"),
        ("日本語 ノート", "日本語 ノート"),
        ("हिन्दी", "हिन्दी"),
        ("7", "7"),
    ] {
        assert_eq!(name(typed).as_str(), expected, "{typed:?}");
    }
    assert_ne!(name("Work"), name("work"));
    assert!(CollectionName::default().is_default() && name("default").is_default());
    assert_eq!(name(&"ü".repeat(64)).as_str().chars().count(), 64);
}

#[test]
fn names_that_would_harm_are_refused() {
    let long = "x".repeat(65);
    let longer = "x".repeat(1 << 20);
    for typed in [
        "",
        "   ",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "-x",
        "--collection",
        " - ",
        "a\0b",
        "a\nb",
        "a\tb",
        "a\u{1b}[31mb",
        "a\u{202e}b",
        "a\u{200b}b",
        "a\u{a0}b",
        "*",
        "%",
        "a'b",
        "a;b",
        "a\"b",
        "a,b",
        "a:b",
        "\u{301}a",
        "😀",
        &long,
        &longer,
    ] {
        let error = typed.parse::<CollectionName>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{typed:?}");
        assert!(error.hint().is_some_and(|hint| hint.contains("64")), "{typed:?}");
        assert!(error.to_string().len() < 1000);
    }
}

#[test]
fn an_unknown_name_is_told_the_nearest() {
    let known = [name("default"), name("taxes"), name("work")];
    for (typed, nearest) in [("wrok", Some("work")), ("Taxes", Some("taxes")), ("zebra", None)] {
        let error = name(typed).unknown(&known);
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let hint = error.hint().unwrap();
        assert!(hint.contains("default, taxes, work"), "{hint}");
        assert_eq!(hint.contains("did you mean"), nearest.is_some(), "{hint}");
        assert!(nearest.is_none_or(|nearest| hint.contains(&format!("{nearest:?}"))), "{hint}");
    }
    let many: Vec<CollectionName> = (0..300).map(|n| name(&format!("c{n}"))).collect();
    assert!(name("zebra").unknown(&many).hint().unwrap().len() < 200);
}
