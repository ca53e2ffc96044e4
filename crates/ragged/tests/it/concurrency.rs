//! Readers never wait for writers, and what they see is one state.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use ragged::{
    embedding,
    library::{Cancel, Library, NoProgress, SearchRequest, VirtualDocument},
    settings::{SearchMode, Settings},
    temporal::FixedClock,
};

const READERS: u64 = 16;
const ROUNDS: u64 = 25;

fn open(dir: &Path) -> Library {
    let model = Arc::new(embedding::builtin().unwrap());
    Library::open(dir, Settings::default(), model, Arc::new(FixedClock(0))).unwrap()
}

/// The pair of documents of a round: a change removes the pair before it, so that a state holds
/// one whole pair.
fn pair(round: u64) -> Vec<VirtualDocument> {
    ["left", "right"]
        .map(|side| VirtualDocument {
            path: format!("{side}.txt"),
            title: String::new(),
            text: format!("The {side} half of the ferry timetable, edition number {round}."),
        })
        .to_vec()
}

#[test]
fn sixteen_threads_read_whole_states_while_one_writes() {
    let scratch = tempfile::tempdir().unwrap();
    let library = open(scratch.path());
    library.add_virtual(pair(0), &NoProgress, &Cancel::new()).unwrap();
    let is_over = AtomicBool::new(false);
    let n_searches = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for reader in 0..READERS {
            let (library, is_over, n_searches) = (&library, &is_over, &n_searches);
            scope.spawn(move || {
                let mode = [SearchMode::Hybrid, SearchMode::Lexical, SearchMode::Vector]
                    [(reader % 3) as usize];
                let mut newest = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let request = SearchRequest {
                        mode,
                        ..SearchRequest::new("ferry timetable", &library.settings().search)
                    };
                    let response = library.search(&request).unwrap();
                    // Both halves are of one edition, or the indexes are on their way between two.
                    let editions: Vec<u64> = response
                        .hits
                        .iter()
                        .filter_map(|hit| {
                            hit.text.trim_end_matches('.').rsplit(' ').next()?.parse().ok()
                        })
                        .collect();
                    assert!(editions.windows(2).all(|pair| pair[0] == pair[1]), "{editions:?}");
                    if response.is_level {
                        assert_eq!(editions.len(), 2, "{mode:?} {editions:?}");
                    }
                    if let Some(edition) = editions.first() {
                        assert!(*edition >= newest, "went back from {newest} to {edition}");
                        newest = *edition;
                    }
                    n_searches.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 1..=ROUNDS {
            library.add_virtual(pair(round), &NoProgress, &Cancel::new()).unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(n_searches.load(Ordering::Relaxed) >= READERS);
    assert_eq!(library.status().unwrap().counts.documents, 2);
    assert!(library.check().unwrap().is_sound());
}
