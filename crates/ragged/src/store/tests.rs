use std::collections::BTreeMap;

use super::*;
use crate::{
    chunk::Chunk,
    document::{Document, Format, Span},
    id::ChunkId,
};

fn open(dir: &tempfile::TempDir) -> Store {
    Store::open(&dir.path().join("library.db"), StoreConfig::default()).unwrap()
}

fn document(text: &str) -> Document {
    Document {
        format: Format::Text,
        code_language: None,
        title: Some("A title".to_owned()),
        text: text.to_owned(),
        blocks: Vec::new(),
        pages: None,
    }
}

/// Cuts the text every `size` characters.
fn prepared(store: &Store, text: &str, size: usize) -> NewDocument {
    let mut chunks = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let mut end = (start + size).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        chunks.push(Chunk {
            ordinal: chunks.len() as u32,
            span: Span::new(start, end),
            lines: (1, 1),
            pages: None,
            heading: format!("part {}", chunks.len()),
            tokens: 1,
        });
        start = end;
    }
    let hash = hash(text);
    let reader = store.reader().unwrap();
    NewDocument::prepare(&reader, &document(text), hash, Some("en".to_owned()), chunks).unwrap()
}

fn hash(text: &str) -> [u8; 16] {
    blake3::hash(text.as_bytes()).as_bytes()[..16].try_into().unwrap()
}

fn add(store: &Store, path: &str, text: &str) -> (DocumentId, ChunkRange, bool) {
    let mut transaction = store.begin().unwrap();
    let added = transaction.add_document(&prepared(store, text, 100), 7).unwrap();
    transaction.set_file(path, added.0, text.len() as u64, 1).unwrap();
    transaction.commit().unwrap();
    added
}

#[test]
fn text_comes_back_across_block_borders() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    // Three bytes a character: block borders fall inside characters.
    let text: String = "愛".repeat(20_000);
    let (id, chunks, new) = add(&store, "/a", &text);
    assert!(new);
    assert_eq!(chunks.n_chunks, 589);
    let reader = store.reader().unwrap();
    let row = reader.document(id).unwrap().unwrap();
    assert_eq!(reader.document_text(&row).unwrap(), text);
    for place in reader.chunks(chunks).unwrap() {
        assert_eq!(reader.text(id, place.span).unwrap(), place.span.of(&text));
    }
    assert_eq!(reader.check().unwrap(), []);
}

#[test]
fn a_document_lives_as_long_as_a_file_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let (first, chunks, _) = add(&store, "/a", "the same text");
    let (second, _, new) = add(&store, "/b", "the same text");
    assert_eq!((first, new), (second, false));

    let mut transaction = store.begin().unwrap();
    assert!(transaction.remove_file("/a").unwrap());
    assert!(transaction.remove_file("/b").unwrap());
    assert!(!transaction.remove_file("/b").unwrap());
    let (generation, removed) = transaction.commit().unwrap();
    assert_eq!(removed, [chunks]);

    let reader = store.reader().unwrap();
    assert_eq!(reader.counts().unwrap(), Counts::default());
    assert_eq!(
        reader.removed_since(Generation(0)).unwrap(),
        [RemovedChunks { chunks, generation }]
    );
    assert_eq!(reader.check().unwrap(), []);
    drop(reader);

    // The ids of what is gone are not used again.
    let (_, later, _) = add(&store, "/c", "another text");
    assert!(later.first >= ChunkId(chunks.ids().end));
}

#[test]
fn a_reader_sees_one_state() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    add(&store, "/a", "one");
    let reader = store.reader().unwrap();
    let before = reader.counts().unwrap();
    add(&store, "/b", "two");
    assert_eq!(reader.counts().unwrap(), before);
    assert_eq!(store.reader().unwrap().counts().unwrap().documents, 2);
}

#[test]
fn a_dropped_transaction_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let generation = store.reader().unwrap().generation().unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.add_document(&prepared(&store, "lost", 10), 0).unwrap();
    drop(transaction);
    let reader = store.reader().unwrap();
    assert_eq!(reader.generation().unwrap(), generation);
    assert_eq!(reader.counts().unwrap(), Counts::default());
}

#[test]
fn refuses_what_is_not_a_library() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("library.db");

    Connection::open(&path).unwrap().execute_batch("CREATE TABLE notes (x)").unwrap();
    let error = Store::open(&path, StoreConfig::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible, "{error:#}");

    std::fs::write(&path, vec![7; 20_000]).unwrap();
    let error = Store::open(&path, StoreConfig::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:#}");

    std::fs::remove_file(&path).unwrap();
    drop(Store::open(&path, StoreConfig::default()).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = Store::open(&path, StoreConfig::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible, "{error:#}");
    assert!(error.hint().is_some());
}

#[test]
fn check_finds_every_planted_damage() {
    for (damage, expected) in [
        ("UPDATE text_blocks SET data = zeroblob(40)", "text block 0"),
        ("DELETE FROM text_blocks", "0 text blocks"),
        ("DELETE FROM chunks WHERE id = 1", "0 chunks"),
        ("UPDATE chunks SET length = 5000", "stands at"),
        ("UPDATE chunks SET document_id = 77", "belongs elsewhere"),
        ("DELETE FROM files", "no file holds"),
        ("UPDATE documents SET text_bytes = 3", "text blocks with"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        add(&store, "/a", "some text that is damaged");
        let connection = Connection::open(store.path()).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        connection.execute_batch(damage).unwrap();
        let found = store.reader().unwrap().check().unwrap();
        assert!(
            found.iter().any(|damage| damage.what.contains(expected)),
            "{damage}: expected {expected:?} in {found:?}"
        );
    }
}

#[test]
fn a_dictionary_saves_space_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let text = |n: usize| {
        format!(
            "Document number {n}\n\nThe preamble that every document of this kind begins with, \
             and the terms and conditions that nobody reads.\n\nThen something of its own: {}.\n",
            blake3::hash(&n.to_le_bytes())
        )
    };
    let mut transaction = store.begin().unwrap();
    for n in 0..1500 {
        let (id, _, _) = transaction.add_document(&prepared(&store, &text(n), 100), 7).unwrap();
        transaction.set_file(&format!("/{n}"), id, 1, 1).unwrap();
    }
    transaction.commit().unwrap();
    let bytes = || -> i64 {
        Connection::open(store.path())
            .unwrap()
            .query_row("SELECT sum(length(data)) FROM text_blocks", [], |row| row.get(0))
            .unwrap()
    };
    let before = bytes();
    assert_eq!(store.compress_with_dictionary().unwrap(), 1500);
    assert_eq!(store.compress_with_dictionary().unwrap(), 0);
    let after = bytes();
    assert!(after * 4 < before * 3, "{before} → {after}");

    // Blocks written later use it, and another process reads them.
    add(&store, "/later", &text(9999));
    let store = open(&dir);
    let reader = store.reader().unwrap();
    assert_eq!(reader.check().unwrap(), []);
    for (path, n) in [("/0", 0), ("/1499", 1499), ("/later", 9999)] {
        let file = reader.file(path).unwrap().unwrap();
        let row = reader.document(file.document).unwrap().unwrap();
        assert_eq!(reader.document_text(&row).unwrap(), text(n));
    }
    assert_eq!(store.compress_with_dictionary().unwrap(), 0);
}

#[test]
fn what_is_gone_is_known_when_its_removal_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    // Of one to six chunks.
    let text = |n: usize| format!("text {n} ").repeat(n * 9 + 1);
    for n in 0..6 {
        add(&store, &format!("/{n}"), &text(n));
    }
    let gone_by_hand = |store: &Store| {
        let reader = store.reader().unwrap();
        let documents = reader.documents().unwrap();
        let is_live = |id| documents.iter().any(|row| row.chunks.ids().contains(&id));
        (1..required_value(reader.connection().unwrap(), KEY_NEXT_CHUNK).unwrap())
            .filter(|id| !is_live(*id))
            .collect::<Vec<u64>>()
    };
    let gone = |store: &Store, last: u64| {
        let ranges = store.reader().unwrap().gone_until(ChunkId(last)).unwrap();
        ranges.into_iter().flat_map(ChunkRange::ids).collect::<Vec<u64>>()
    };
    assert_eq!(gone(&store, u64::MAX), [0; 0]);
    for path in ["/0", "/3", "/5"] {
        let mut transaction = store.begin().unwrap();
        transaction.remove_file(path).unwrap();
        transaction.commit().unwrap();
        let expected = gone_by_hand(&store);
        assert!(!expected.is_empty());
        assert_eq!(gone(&store, u64::MAX), expected);
        for last in 0..20 {
            let below: Vec<u64> = expected.iter().copied().filter(|id| *id <= last).collect();
            assert_eq!(gone(&store, last), below, "until {last}");
        }
    }
    // Six additions, then removals 7 to 9; the last one is remembered.
    let forgotten = |store: &Store| store.reader().unwrap().removals_forgotten_until().unwrap();
    store.forget_removals_until(Generation(6)).unwrap();
    assert_eq!(forgotten(&store), Generation(0), "nothing was forgotten");
    store.forget_removals_until(Generation(8)).unwrap();
    assert_eq!(forgotten(&store), Generation(8));
    assert_eq!(store.reader().unwrap().removed_since(Generation(0)).unwrap().len(), 1);
    store.forget_removals_until(Generation(7)).unwrap();
    assert_eq!(forgotten(&store), Generation(8), "it never sinks");
    store.forget_removals_until(Generation(100)).unwrap();
    assert_eq!(forgotten(&store), Generation(9), "no more than there was");
}

#[derive(Clone, Debug)]
enum Op {
    Set { path: u8, text: u8 },
    Remove { path: u8 },
    Unreadable { path: u8 },
    Reopen,
    Abandon { path: u8, text: u8 },
}

fn ops() -> impl proptest::strategy::Strategy<Value = Vec<Op>> {
    use proptest::prelude::*;
    let op = prop_oneof![
        4 => (0..6u8, 0..6u8).prop_map(|(path, text)| Op::Set { path, text }),
        2 => (0..6u8).prop_map(|path| Op::Remove { path }),
        1 => (0..6u8).prop_map(|path| Op::Unreadable { path }),
        1 => Just(Op::Reopen),
        1 => (0..6u8, 0..6u8).prop_map(|(path, text)| Op::Abandon { path, text }),
    ];
    proptest::collection::vec(op, 1..40)
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(48))]

    /// The library against a map from path to text.
    #[test]
    fn behaves_as_a_map_of_files(ops in ops()) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(&dir);
        let mut model: BTreeMap<String, String> = BTreeMap::new();
        let text_of = |n: u8| format!("text number {n} ").repeat(usize::from(n) * 700 + 1);
        for op in ops {
            match op {
                Op::Set { path, text } => {
                    let path = format!("/{path}");
                    add(&store, &path, &text_of(text));
                    model.insert(path, text_of(text));
                }
                Op::Abandon { path, text } => {
                    let mut transaction = store.begin().unwrap();
                    let added = transaction.add_document(&prepared(&store, &text_of(text), 100), 7).unwrap();
                    transaction.set_file(&format!("/{path}"), added.0, 1, 1).unwrap();
                }
                Op::Remove { path } => {
                    let path = format!("/{path}");
                    let mut transaction = store.begin().unwrap();
                    let was_there = transaction.remove_file(&path).unwrap();
                    transaction.commit().unwrap();
                    assert_eq!(was_there, model.remove(&path).is_some());
                }
                Op::Unreadable { path } => {
                    let path = format!("/{path}");
                    let mut transaction = store.begin().unwrap();
                    transaction.remove_file(&path).unwrap();
                    transaction.set_unreadable(&path, 1, 2, 3, "broken").unwrap();
                    transaction.commit().unwrap();
                    model.remove(&path);
                    let reader = store.reader().unwrap();
                    assert_eq!(reader.unreadable(&path, 1, 2, 3).unwrap().as_deref(), Some("broken"));
                    assert_eq!(reader.unreadable(&path, 1, 2, 4).unwrap(), None);
                }
                Op::Reopen => {
                    drop(store);
                    store = open(&dir);
                }
            }
        }
        let reader = store.reader().unwrap();
        assert_eq!(reader.check().unwrap(), []);
        let files = reader.files().unwrap();
        assert_eq!(
            files.iter().map(|file| file.path.clone()).collect::<Vec<_>>(),
            model.keys().cloned().collect::<Vec<_>>()
        );
        for file in files {
            let row = reader.document(file.document).unwrap().unwrap();
            assert_eq!(&reader.document_text(&row).unwrap(), &model[&file.path]);
        }
        let distinct: std::collections::BTreeSet<&String> = model.values().collect();
        assert_eq!(reader.counts().unwrap().documents, distinct.len() as u64);
    }
}
