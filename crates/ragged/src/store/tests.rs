use std::collections::BTreeMap;

use super::*;
use crate::{
    chunk::Chunk,
    collection::CollectionName,
    document::{Document, Format, OwnTimes, Span},
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
        times: OwnTimes::default(),
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
    let collection = CollectionName::default();
    transaction.set_file(path, added.0, &collection, text.len() as u64, 1).unwrap();
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

/// What [`Reader::indexed_text`] gives, from the rows that everything else reads.
fn indexed_slowly(reader: &Reader<'_>, chunk: ChunkId) -> Option<[String; 3]> {
    let place = reader.chunk(chunk).unwrap()?;
    let document = reader.document(place.document).unwrap()?;
    let text = reader.text(place.document, place.span).unwrap();
    Some([document.title.unwrap_or_default(), place.heading, text])
}

fn indexed(reader: &Reader<'_>, chunk: ChunkId) -> Option<[String; 3]> {
    reader
        .indexed_text(chunk, |title, heading, text| [title, heading, text].map(str::to_owned))
        .unwrap()
}

#[test]
fn a_chunk_that_is_gone_has_no_indexed_text() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let (_, chunks, _) = add(&store, "/a", &"some text ".repeat(4_000));
    let before = store.reader().unwrap();
    let [title, heading, text] = indexed(&before, ChunkId(chunks.first.0 + 1)).unwrap();
    assert_eq!((title.as_str(), heading.as_str(), text.len()), ("A title", "part 1", 100));
    let mut transaction = store.begin().unwrap();
    transaction.remove_file("/a").unwrap();
    transaction.commit().unwrap();
    assert_eq!(indexed(&store.reader().unwrap(), chunks.first), None);
    assert_eq!(indexed(&before, ChunkId(chunks.ids().end)), None);
    // The state that a reader began with stays what it was.
    assert!(chunks.ids().all(|chunk| indexed(&before, ChunkId(chunk)).is_some()));
}

#[test]
fn a_damaged_block_spoils_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let (bad, bad_chunks, _) = add(&store, "/bad", &"damaged ".repeat(3_000));
    let (_, good_chunks, _) = add(&store, "/good", &"in order ".repeat(3_000));
    let connection = Connection::open(store.path()).unwrap();
    for damage in [
        "UPDATE text_blocks SET data = zeroblob(40) WHERE id >> 20 = ?1",
        "UPDATE text_blocks SET data = substr(data, 1, length(data) - 1) WHERE id >> 20 = ?1",
        "DELETE FROM text_blocks WHERE id >> 20 = ?1",
    ] {
        connection.execute(damage, [integer(bad.0)]).unwrap();
        let reader = store.reader().unwrap();
        for (wrong, right) in bad_chunks.ids().zip(good_chunks.ids()) {
            let error = reader.indexed_text(ChunkId(wrong), |_, _, _| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:#}");
            assert!(indexed(&reader, ChunkId(right)).is_some());
            assert_eq!(indexed(&reader, ChunkId(right)), indexed_slowly(&reader, ChunkId(right)));
        }
    }
}

#[test]
fn a_session_leaves_no_text_to_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let (id, _, _) = add(&store, "/a", &"some text ".repeat(200_000));
    let reader = store.reader().unwrap();
    let row = reader.document(id).unwrap().unwrap();
    assert_eq!(reader.document_text(&row).unwrap().len(), 2_000_000);
    assert!(reader.blocks.borrow().n_blocks() > 100);
    drop(reader);
    assert_eq!(store.reader().unwrap().blocks.borrow().n_blocks(), 0);
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
        ("UPDATE files SET collection_id = 9", "1 files in a collection that does not exist"),
        ("INSERT INTO roots VALUES ('/a', 9)", "1 folders of a collection"),
        ("UPDATE collections SET name = 'x'", "collection `default` missing"),
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
        transaction.set_file(&format!("/{n}"), id, &CollectionName::default(), 1, 1).unwrap();
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
        for chunk in row.chunks.ids().map(ChunkId) {
            assert_eq!(indexed(&reader, chunk), indexed_slowly(&reader, chunk));
        }
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

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(48))]

    /// Texts that end near the borders of blocks, chunks that lie across them, and readers that
    /// take over what earlier ones left.
    #[test]
    fn indexed_text_is_what_the_rows_say(
        documents in proptest::collection::vec(
            (0..3_usize, -40..40_i32, 20..40_000_usize, proptest::bool::ANY),
            1..5,
        ),
        n_sessions in 1..4_usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let mut chunks = Vec::new();
        for (n, (n_blocks, off, size, wide)) in documents.into_iter().enumerate() {
            let bytes = (n_blocks * text::BLOCK_BYTES).saturating_add_signed(off as isize).max(1);
            let word = if wide { format!("愛{n} ") } else { format!("word {n} ") };
            let text = word.repeat(bytes.div_ceil(word.len()));
            let mut transaction = store.begin().unwrap();
            let (id, range, _) =
                transaction.add_document(&prepared(&store, &text, size), 7).unwrap();
            transaction
                .set_file(&format!("/{n}"), id, &CollectionName::default(), 1, 1)
                .unwrap();
            transaction.commit().unwrap();
            chunks.extend(range.ids().map(ChunkId));
        }
        for session in 0..n_sessions {
            let (fast, slow) = (store.reader().unwrap(), store.reader().unwrap());
            for chunk in chunks.iter().skip(session) {
                let found = indexed(&fast, *chunk);
                proptest::prop_assert!(found.is_some());
                proptest::prop_assert_eq!(found, indexed_slowly(&slow, *chunk));
            }
        }
    }
}

/// Every column, index and reference of a database.
fn shape(connection: &Connection) -> Vec<String> {
    let mut shape = Vec::new();
    for query in [
        "SELECT m.name || ' ' || x.cid || ' ' || x.name || ' ' || x.type || ' ' || x.\"notnull\" \
         || ' ' || coalesce(x.dflt_value, '-') || ' ' || x.pk \
         FROM sqlite_schema m, pragma_table_info(m.name) x WHERE m.type = 'table'",
        "SELECT m.name || ' ' || i.name || ' ' || i.\"unique\" || ' ' || i.partial || ' ' \
         || x.seqno || ' ' || coalesce(x.name, '-') \
         FROM sqlite_schema m, pragma_index_list(m.name) i, pragma_index_info(i.name) x \
         WHERE m.type = 'table'",
        "SELECT m.name || ' ' || f.\"from\" || ' ' || f.\"table\" || ' ' || f.\"to\" \
         FROM sqlite_schema m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
        "SELECT name || ' ' || strict || ' ' || wr FROM pragma_table_list WHERE schema = 'main'",
    ] {
        let mut statement = connection.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        shape.extend(rows.map(Result::unwrap));
    }
    // Format 1 has none.
    if let Ok(mut statement) = connection.prepare("SELECT id || ' ' || name FROM collections") {
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        shape.extend(rows.map(Result::unwrap));
    }
    shape.sort();
    shape
}

/// A copy of the library that the first version with a format wrote.
fn copy_of_format(version: u32, dir: &tempfile::TempDir) -> PathBuf {
    let path = dir.path().join("library.db");
    let fixture = format!("{}/testdata/format/v{version}/library.db", env!("CARGO_MANIFEST_DIR"));
    std::fs::copy(fixture, &path).unwrap();
    path
}

#[test]
fn a_migrated_library_has_the_shape_of_a_new_one() {
    for from in OLDEST_SUPPORTED_FORMAT_VERSION..FORMAT_VERSION {
        let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = copy_of_format(from, &old);
        let before: Vec<String> = {
            let connection = Connection::open(&path).unwrap();
            let mut statement = connection.prepare("SELECT path FROM files ORDER BY path").unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        let migrated = Store::open(&path, StoreConfig::default()).unwrap();
        let shape_of = |store: &Store| shape(&Connection::open(store.path()).unwrap());
        let expected = open(&new);
        if from > 1 {
            // The library of the fixture has a collection of its own.
            let mut transaction = expected.begin().unwrap();
            transaction.create_collection(&"Büro 2026".parse().unwrap()).unwrap();
            transaction.commit().unwrap();
        }
        assert_eq!(shape_of(&migrated), shape_of(&expected), "from {from}");
        let reader = migrated.reader().unwrap();
        assert_eq!(reader.check().unwrap(), []);
        let files = reader.files().unwrap();
        let n_elsewhere = files.iter().filter(|file| !file.collection.is_default()).count();
        assert_eq!(n_elsewhere, usize::from(from > 1));
        assert_eq!(files.into_iter().map(|file| file.path).collect::<Vec<_>>(), before);
        drop(reader);
        // References are watched over again.
        let writer = migrated.writer.lock().unwrap();
        assert!(writer.execute("UPDATE files SET collection_id = 9", []).is_err());
        let version: u32 =
            writer.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, FORMAT_VERSION);
    }
}

#[test]
fn a_migration_that_fails_leaves_the_old_format() {
    for (from, in_the_way) in [
        // In the way of the last step but one of the first migration.
        (1, "files_by_collection"),
        // In the way of the second.
        (1, "documents_with_times_unread"),
        (2, "documents_with_times_unread"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = copy_of_format(from, &dir);
        let connection = Connection::open(&path).unwrap();
        let before = shape(&connection);
        connection.execute_batch(&format!("CREATE INDEX {in_the_way} ON files (path)")).unwrap();
        drop(connection);
        let error = Store::open(&path, StoreConfig::default()).unwrap_err();
        assert!(format!("{error:#}").contains("bringing it to format 3"), "{error:#}");
        let connection = Connection::open(&path).unwrap();
        let version: u32 =
            connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, from);
        connection.execute_batch(&format!("DROP INDEX {in_the_way}")).unwrap();
        assert_eq!(shape(&connection), before);
        drop(connection);
        Store::open(&path, StoreConfig::default()).unwrap();
    }
}

#[test]
fn a_library_taken_back_has_the_shape_of_its_format() {
    let (new, old) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = open(&new).path().to_owned();
    back_to_2(&path).unwrap();
    let fixture = Connection::open(copy_of_format(2, &old)).unwrap();
    fixture.execute_batch("DELETE FROM files; DELETE FROM collections WHERE id > 1").unwrap();
    assert_eq!(shape(&Connection::open(path).unwrap()), shape(&fixture));
}

#[test]
fn a_file_that_is_misdated_is_found_and_mended() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    add(&store, "/2021-05-05.md", "a tide");
    add(&store, "/loose.md", "no tide");
    let connection = Connection::open(store.path()).unwrap();
    let dates = || -> Vec<i64> {
        let mut statement = connection.prepare("SELECT dated_ns FROM files ORDER BY path").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let before = dates();
    connection.execute("UPDATE files SET dated_ns = dated_ns + 1", []).unwrap();
    let damage = store.reader().unwrap().check().unwrap();
    assert_eq!(damage.len(), 1, "{damage:?}");
    assert!(damage[0].what.starts_with("2 files dated otherwise"), "{damage:?}");
    let mut transaction = store.begin().unwrap();
    transaction.mend_dates().unwrap();
    transaction.commit().unwrap();
    assert_eq!(store.reader().unwrap().check().unwrap(), []);
    assert_eq!(dates(), before);
}

#[test]
fn several_threads_migrate_one_library() {
    let dir = tempfile::tempdir().unwrap();
    let path = copy_of_format(1, &dir);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| Store::open(&path, StoreConfig::default()).unwrap());
        }
    });
    assert_eq!(open(&dir).reader().unwrap().check().unwrap(), []);
}

#[test]
fn roots_say_it_for_all_below_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let name = |name: &str| -> CollectionName { name.parse().unwrap() };
    let mut transaction = store.begin().unwrap();
    assert!(transaction.create_collection(&name("work")).unwrap());
    assert!(!transaction.create_collection(&name("work")).unwrap());
    assert!(transaction.set_root("/a/b%", "/a/b%/", &name("work")).unwrap());
    assert!(!transaction.set_root("/a/b%", "/a/b%/", &name("work")).unwrap());
    assert!(transaction.set_root("/a/bc", "/a/bc/", &name("work")).unwrap());
    assert!(transaction.set_root("/a/b%/c", "/a/b%/c/", &name("default")).unwrap());
    assert!(transaction.set_root("/a/b%", "/a/b%/", &name("default")).unwrap());
    let error = transaction.set_root("/x", "/x/", &name("none")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    transaction.commit().unwrap();
    let roots = store.reader().unwrap().roots().unwrap();
    assert_eq!(roots, [("/a/b%".to_owned(), name("default")), ("/a/bc".to_owned(), name("work"))]);
    let mut transaction = store.begin().unwrap();
    assert_eq!(transaction.remove_collection(&name("work")).unwrap(), 0);
    transaction.commit().unwrap();
    assert_eq!(store.reader().unwrap().roots().unwrap().len(), 1);
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
                    let collection = CollectionName::default();
                    transaction.set_file(&format!("/{path}"), added.0, &collection, 1, 1).unwrap();
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

#[test]
fn limits_are_those_that_were_asked_for_as_far_as_there_are_any() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("library.db");
    for asked in [
        StoreConfig { page_cache_bytes: 32 << 20, mmap_bytes: 128 << 20 },
        StoreConfig { page_cache_bytes: 1 << 20, mmap_bytes: 0 },
    ] {
        assert_eq!(Store::open(&path, asked).unwrap().limits().unwrap(), asked);
    }
    let huge = StoreConfig { mmap_bytes: 1 << 40, ..StoreConfig::default() };
    let limits = Store::open(&path, huge).unwrap().limits().unwrap();
    assert!(limits.mmap_bytes < 1 << 40, "SQLite maps 2 GiB and no more: {limits:?}");
}
