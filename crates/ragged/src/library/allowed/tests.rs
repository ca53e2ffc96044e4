use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::{
    chunk::Chunk,
    document::{Document, Format, OwnTime, OwnTimes, Precision, Span, TimeSource},
    embedding,
    error::ErrorKind,
    settings::Settings,
    store::{NewDocument, Store, StoreConfig},
    temporal::FixedClock,
};

/// The slow twin: every file and every document, asked one by one.
fn asked_one_by_one(reader: &Reader<'_>, filter: &Filter) -> AllowedChunks {
    let documents: BTreeMap<_, _> =
        reader.documents().unwrap().into_iter().map(|document| (document.id, document)).collect();
    let admitted = reader.files().unwrap().into_iter().filter_map(|file| {
        let document = &documents[&file.document];
        filter.admits(document, &file).then_some(document.chunks)
    });
    AllowedChunks::from_documents(admitted.collect::<Vec<_>>())
}

const COLLECTIONS: [&str; 3] = ["default", "work", "Tax 2026"];
const PATHS: [&str; 10] = [
    "/home/a.md",
    "/home/notes/b.md",
    "/home/notes/deep/c.rs",
    "/home/work/d.rs",
    "/home/work/e.py",
    "/home/work/notes/f.txt",
    "/srv/g.txt",
    "/srv/notes",
    "/srv/notes/1970-01-02.md",
    "/srv/1970-01-03 plan.txt",
];

#[derive(Clone, Debug)]
struct File {
    path: usize,
    collection: usize,
    text: u8,
    kind: usize,
    modified_ns: i64,
    /// When it was made and changed, as the document says.
    own: [Option<i64>; 2],
}

/// What the times of the filters and the files are multiples of, in nanoseconds: days and parts
/// of them, so that dates, which stand at 10:00, lie between.
const STEP_NS: i64 = 6 * 3_600_000_000_000;

impl File {
    fn times(&self) -> OwnTimes {
        let time = |step: i64| OwnTime {
            ms: step * STEP_NS / 1_000_000,
            // Dates and moments.
            precision: if step % 4 == 0 { Precision::Day } else { Precision::Moment },
            source: TimeSource::FrontMatter,
        };
        let [created, modified] = self.own.map(|step| step.map(time));
        OwnTimes { created, modified }
    }
}

fn files() -> impl Strategy<Value = Vec<File>> {
    let file = (
        0..PATHS.len(),
        0..COLLECTIONS.len(),
        0..6_u8,
        0..4_usize,
        0..12_i64,
        [prop::option::of(-4..24_i64), prop::option::of(-4..24_i64)],
    )
        .prop_map(|(path, collection, text, kind, step, own)| File {
            path,
            collection,
            text,
            kind,
            modified_ns: step * STEP_NS,
            own,
        });
    prop::collection::vec(file, 0..12)
}

fn filters() -> impl Strategy<Value = Filter> {
    let some_of = |values: &'static [&'static str]| {
        prop_oneof![Just(Vec::new()), prop::collection::vec(prop::sample::select(values), 0..3)]
    };
    (
        some_of(&COLLECTIONS),
        some_of(&["*.md", "/home", "notes", "**/deep/*", "/srv/*", "nothing"]),
        some_of(&["md", "txt", "code", "rust", "python"]),
        prop::option::of((-4..24_i64).prop_map(|step| step * STEP_NS)),
        prop::option::of((-4..24_i64).prop_map(|step| step * STEP_NS)),
    )
        .prop_map(|(collections, paths, types, since, until)| {
            Filter::new()
                .with_collections(&collections)
                .and_then(|filter| filter.with_paths(&paths))
                .and_then(|filter| filter.with_types(&types))
                .unwrap()
                .with_period(since, until)
        })
}

fn fill(store: &Store, files: &[File]) {
    let mut transaction = store.begin().unwrap();
    for name in COLLECTIONS {
        transaction.create_collection(&name.parse().unwrap()).unwrap();
    }
    for file in files {
        let (format, code_language) = [
            (Format::Markdown, None),
            (Format::Text, None),
            (Format::Code, Some("rust")),
            (Format::Code, Some("python")),
        ][file.kind];
        let text = format!("{} {}", file.text, file.kind);
        // Added in the middle of the days that are drawn: what lies a day after is not believed.
        let now_ms = 8 * STEP_NS / 1_000_000;
        let document = Document {
            format,
            code_language: code_language.map(str::to_owned),
            title: None,
            text: text.clone(),
            blocks: Vec::new(),
            pages: None,
            times: file.times(),
        };
        // Documents of one chunk, of several, and of none.
        let chunk = Chunk {
            ordinal: 0,
            span: Span::new(0, text.len()),
            lines: (1, 1),
            pages: None,
            heading: String::new(),
            tokens: 1,
        };
        let chunks = vec![chunk; usize::from(file.text % 3)];
        let hash = blake3::hash(text.as_bytes()).as_bytes()[..16].try_into().unwrap();
        let reader = store.reader().unwrap();
        let new = NewDocument::prepare(&reader, &document, hash, None, chunks).unwrap();
        let (id, ..) = transaction.add_document(&new, now_ms).unwrap();
        let path = PATHS[file.path];
        let collection = COLLECTIONS[file.collection].parse().unwrap();
        transaction.set_file(path, id, &collection, 1, file.modified_ns).unwrap();
        transaction.move_file(path, &collection).unwrap();
    }
    transaction.commit().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_sqlite_finds_is_what_asking_every_file_finds(
        files in files(),
        filters in prop::collection::vec(filters(), 1..12),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("library.db"), StoreConfig::default()).unwrap();
        fill(&store, &files);
        let reader = store.reader().unwrap();
        for filter in filters {
            prop_assert_eq!(
                work_out(&reader, &filter).unwrap(),
                asked_one_by_one(&reader, &filter),
                "{}", filter.key()
            );
        }
    }
}

fn range(first: u64) -> AllowedChunks {
    use crate::id::ChunkId;
    AllowedChunks::from_documents([ChunkRange { first: ChunkId(first), n_chunks: 1 }])
}

#[test]
fn a_filter_is_remembered_until_the_library_changes() {
    let remembered = RememberedFilters::default();
    let get = |key: &str, generation, first| {
        remembered.get(key, Generation(generation), || Ok(range(first))).unwrap()
    };
    let one = get("a", 1, 10);
    assert!(Arc::ptr_eq(&one, &get("a", 1, 11)));
    assert_eq!(*get("b", 1, 20), range(20));
    // A newer state forgets all; a reader of the older one gets its own, and takes nothing away.
    assert_eq!(*get("a", 2, 12), range(12));
    assert_eq!(*get("a", 1, 13), range(13));
    assert_eq!(*get("a", 2, 14), range(12));
    assert_eq!(*get("b", 2, 21), range(21));
}

#[test]
fn the_filter_that_was_longest_unused_is_forgotten() {
    let remembered = RememberedFilters::default();
    let get = |key: usize, first| {
        remembered.get(&key.to_string(), Generation(1), || Ok(range(first))).unwrap()
    };
    for key in 0..MAX_REMEMBERED {
        get(key, 1);
    }
    assert_eq!(*get(0, 2), range(1));
    get(MAX_REMEMBERED, 1);
    assert_eq!(*get(0, 2), range(1));
    assert_eq!(*get(1, 2), range(2), "the longest unused");
    let n = remembered.0.lock().unwrap().entries.len();
    assert_eq!(n, MAX_REMEMBERED);
}

#[test]
fn what_cannot_be_worked_out_is_not_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let model = Arc::new(embedding::builtin().unwrap());
    let library =
        Library::open(dir.path(), Settings::default(), model, Arc::new(FixedClock(0))).unwrap();
    let filter = Filter::new().with_collections(&["wrok"]).unwrap();
    let mut transaction = library.store.begin().unwrap();
    transaction.create_collection(&"work".parse().unwrap()).unwrap();
    transaction.commit().unwrap();
    for _ in 0..2 {
        let error = library.allowed(&library.store.reader().unwrap(), &filter).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.hint(), Some("did you mean \"work\"? There are: default, work"));
    }
    // Made later, it is found, and empty.
    let mut transaction = library.store.begin().unwrap();
    transaction.create_collection(&"wrok".parse().unwrap()).unwrap();
    transaction.commit().unwrap();
    let allowed = library.allowed(&library.store.reader().unwrap(), &filter).unwrap().unwrap();
    assert_eq!(allowed.count(), 0);
}
