//! A library whose vectors are on a Chroma server, from end to end.

use std::{path::Path, sync::Arc};

use ragged::{
    embedding::{self},
    error::ErrorKind,
    library::{Cancel, Library, NoProgress, SearchRequest, VirtualDocument},
    settings::{BackendKind, BackendSettings, ChromaSettings, SearchMode, Settings},
    temporal::FixedClock,
};

use crate::chroma_server::chroma;

fn open(dir: &Path, kind: BackendKind, chroma: &ChromaSettings) -> Library {
    let settings = Settings {
        backend: BackendSettings { kind, chroma: chroma.clone(), ..BackendSettings::default() },
        ..Settings::default()
    };
    let model = Arc::new(embedding::builtin().unwrap());
    Library::open(dir, settings, model, Arc::new(FixedClock(0))).unwrap()
}

fn notes(n: std::ops::Range<usize>) -> Vec<VirtualDocument> {
    const THINGS: [&str; 6] = ["the tide", "a bakery", "rust code", "the moon", "a garden", "tax"];
    let note = |at: usize| VirtualDocument {
        path: format!("note-{at}"),
        title: format!("Note {at}"),
        text: format!("This is about {} on day {at}, and what was said of it.", THINGS[at % 6]),
    };
    n.map(note).collect()
}

fn found(library: &Library, query: &str, mode: SearchMode) -> Vec<(String, f32)> {
    let request = SearchRequest { mode, ..SearchRequest::new(query, &library.settings().search) };
    let response = library.search(&request).unwrap();
    assert!(response.is_level);
    response.hits.iter().map(|hit| (hit.path().to_owned(), hit.fused.score)).collect()
}

/// The same hits with the same scores as an exact search over the same library.
fn compare(dir: &Path, chroma: &ChromaSettings) {
    let remote = open(dir, BackendKind::Chromadb, chroma);
    let oracle = open(dir, BackendKind::Exact, chroma);
    for query in ["when does the tide come in", "bread", "what grows in the garden"] {
        for mode in [SearchMode::Vector, SearchMode::Hybrid] {
            let (remote, oracle) = (found(&remote, query, mode), found(&oracle, query, mode));
            assert_eq!(remote.len(), oracle.len());
            for (a, b) in remote.iter().zip(&oracle) {
                assert!((a.1 - b.1).abs() < 1e-4, "{query}: {a:?} {b:?}");
            }
            assert!(!remote.is_empty());
        }
    }
    let report = remote.check().unwrap();
    assert!(report.is_sound(), "{report:?}");
}

#[test]
fn a_library_on_a_server_finds_what_an_exact_one_finds() {
    let Some(chroma) = chroma() else { return };
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path(), BackendKind::Chromadb, &chroma);
    library.add_virtual(notes(0..60), &NoProgress, &Cancel::new()).unwrap();
    let status = library.status().unwrap();
    assert_eq!(status.vectors.vectors, status.counts.chunks);
    assert_eq!(status.backend, BackendKind::Chromadb);
    assert!(status.is_level);
    compare(dir.path(), &chroma);

    // More by another engine: the server is behind, and is brought level when it is next used.
    let local = open(dir.path(), BackendKind::Leann, &chroma);
    local.add_virtual(notes(60..90), &NoProgress, &Cancel::new()).unwrap();
    local.remove(&["note-3".to_owned()], false).unwrap();
    drop(local);
    compare(dir.path(), &chroma);

    // And where the removals that it has not seen are forgotten, it is made anew.
    let local = open(dir.path(), BackendKind::Leann, &chroma);
    local.remove(&["note-4".to_owned()], false).unwrap();
    local.compact().unwrap();
    drop(local);
    compare(dir.path(), &chroma);

    // The model's other collections go with `reindex`; what this engine holds is whole again.
    let library = open(dir.path(), BackendKind::Chromadb, &chroma);
    library.reindex(&Cancel::new(), &mut |_, _| {}).unwrap();
    library.compact().unwrap();
    compare(dir.path(), &chroma);
}

#[test]
fn a_library_whose_server_is_away_still_finds_words() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let away = ChromaSettings {
        url: format!("http://{}", listener.local_addr().unwrap()),
        ..ChromaSettings::default()
    };
    drop(listener);
    let dir = tempfile::tempdir().unwrap();
    let local = open(dir.path(), BackendKind::Leann, &away);
    local.add_virtual(notes(0..12), &NoProgress, &Cancel::new()).unwrap();
    drop(local);

    let library = open(dir.path(), BackendKind::Chromadb, &away);
    let search = |mode| {
        let settings = &library.settings().search;
        library.search(&SearchRequest { mode, ..SearchRequest::new("tide", settings) })
    };
    let words = search(SearchMode::Lexical).unwrap();
    assert!(!words.hits.is_empty());
    assert!(!words.is_level);
    for mode in [SearchMode::Hybrid, SearchMode::Vector] {
        let error = search(mode).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(format!("{error:#}").contains(&away.url), "{error:?}");
        let hint = error.hint().unwrap();
        for word in ["chroma run", "chroma.url", "--mode lexical"] {
            assert!(hint.contains(word), "{hint}");
        }
    }
    // Nothing is taken in that the vectors would lack.
    let error = library.add_virtual(notes(12..14), &NoProgress, &Cancel::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(library.status().unwrap().counts.documents, 12);
}
