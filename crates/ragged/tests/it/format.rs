//! A library written by an older version opens, is sound, and holds what it held.
//!
//! `testdata/format/vN/library.db` was written by the first version with format N and is never
//! written again; where the present format has no such file yet, the test makes one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use ragged::{
    collection::CollectionName,
    embedding,
    library::{Cancel, Library, NoProgress, SearchRequest, VirtualDocument},
    retrieval::Filter,
    settings::Settings,
    store::{FORMAT_VERSION, OLDEST_SUPPORTED_FORMAT_VERSION},
    temporal::FixedClock,
};

fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/format/v{version}/library.db"))
}

fn open(dir: &Path) -> Library {
    let model = Arc::new(embedding::builtin().unwrap());
    Library::open(dir, Settings::default(), model, Arc::new(FixedClock(1_700_000_000_000))).unwrap()
}

fn documents() -> Vec<VirtualDocument> {
    [
        ("sea.txt", "Tides", "The moon pulls the sea towards it.\n\nThe sun helps a little."),
        ("bread.txt", "", "Bake the loaf for forty minutes, until the crust is brown."),
        ("長.txt", "長い文書", "月は海を引く。"),
    ]
    .map(|(path, title, text)| VirtualDocument {
        path: path.to_owned(),
        title: title.to_owned(),
        text: text.to_owned(),
    })
    .to_vec()
}

/// Collections came with format 2.
fn in_a_collection() -> (CollectionName, VirtualDocument) {
    let document = VirtualDocument {
        path: "lease.txt".to_owned(),
        title: "Lease".to_owned(),
        text: "The lease of the flat ends in March.".to_owned(),
    };
    ("Büro 2026".parse().unwrap(), document)
}

/// Times of their own, and dates in names, came with format 3.
fn of_a_day() -> VirtualDocument {
    VirtualDocument {
        path: "2021-05-05 tide.txt".to_owned(),
        title: String::new(),
        text: "The sea was calm, and the tide was low.".to_owned(),
    }
}

fn write_fixture(path: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path());
    library.add_virtual(documents(), &NoProgress, &Cancel::new()).unwrap();
    let (name, document) = in_a_collection();
    library.add_virtual_in(&name, vec![document], &NoProgress, &Cancel::new()).unwrap();
    library.add_virtual(vec![of_a_day()], &NoProgress, &Cancel::new()).unwrap();
    library.compact().unwrap();
    drop(library);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::copy(dir.path().join("library.db"), path).unwrap();
}

#[test]
fn libraries_of_every_supported_format_open() {
    for version in OLDEST_SUPPORTED_FORMAT_VERSION..=FORMAT_VERSION {
        let path = fixture(version);
        if version == FORMAT_VERSION && !path.exists() {
            write_fixture(&path);
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(&path, dir.path().join("library.db")).unwrap();
        // The indexes are not part of the fixture: they are made from the text.
        let library = open(dir.path());
        assert!(library.check().unwrap().is_sound(), "format {version}");
        let reader = library.store().reader().unwrap();
        for document in documents() {
            let file = reader.file(&document.path).unwrap().unwrap();
            let row = reader.document(file.document).unwrap().unwrap();
            assert_eq!(reader.document_text(&row).unwrap(), document.text);
            assert_eq!(row.title.unwrap_or_default(), document.title);
        }
        if version >= 2 {
            let (name, document) = in_a_collection();
            assert_eq!(reader.file(&document.path).unwrap().unwrap().collection, name);
            let filter = Filter::new().with_collections(&[name.as_str()]).unwrap();
            let search = &library.settings().search;
            let request = SearchRequest { filter, ..SearchRequest::new("the lease", search) };
            assert_eq!(library.search(&request).unwrap().hits[0].path(), document.path);
        }
        if version >= 3 {
            // May 2021.
            let (since_ns, until_ns) = (1_619_827_200_000_000_000, 1_622_505_600_000_000_000);
            let filter = Filter::new().with_period(Some(since_ns), Some(until_ns));
            let search = &library.settings().search;
            let request = SearchRequest { filter, ..SearchRequest::new("the sea", search) };
            let hits = library.search(&request).unwrap().hits;
            assert_eq!(hits.len(), 1);
            assert_eq!(
                (hits[0].path(), hits[0].dated().shown()),
                ("2021-05-05 tide.txt", "2021-05-05".to_owned())
            );
        }
        let request = SearchRequest::new("what pulls the sea?", &library.settings().search);
        assert_eq!(library.search(&request).unwrap().hits[0].path(), "sea.txt");
    }
}
