//! A library against a map from path to text.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use proptest::prelude::*;
use ragged::{
    document::{Limits, Readers},
    embedding,
    library::{AddOptions, Cancel, Library, NoProgress, SearchRequest},
    settings::{BackendKind, SearchMode, Settings},
    temporal::FixedClock,
};

/// Words that occur in no other file, so that a search can name one.
const NAMES: [&str; 6] = ["quokka", "axolotl", "pangolin", "ocelot", "wombat", "tapir"];

#[derive(Clone, Debug)]
enum Op {
    Write { file: usize, version: u8 },
    Delete { file: usize },
    Rename { from: usize, to: usize },
    Add { prune: bool },
    Remove { file: usize },
    Reopen,
    Reindex,
    Compact,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let file = 0..NAMES.len();
    let op = prop_oneof![
        6 => (file.clone(), 0..4u8).prop_map(|(file, version)| Op::Write { file, version }),
        2 => file.clone().prop_map(|file| Op::Delete { file }),
        1 => (file.clone(), file.clone()).prop_map(|(from, to)| Op::Rename { from, to }),
        6 => any::<bool>().prop_map(|prune| Op::Add { prune }),
        2 => file.prop_map(|file| Op::Remove { file }),
        1 => Just(Op::Reopen),
        1 => Just(Op::Reindex),
        1 => Just(Op::Compact),
    ];
    proptest::collection::vec(op, 1..24)
}

fn text(file: usize, version: u8) -> String {
    let name = NAMES[file];
    let mut text =
        format!("# The {name}\n\nThe {name} is an animal, described in version {version}.\n");
    for part in 0..version {
        text.push_str(&format!("\n## Part {part}\n\n"));
        text.push_str(&format!("Part {part} says more of the {name} and its habits. ").repeat(40));
    }
    text
}

struct World {
    folder: tempfile::TempDir,
    data: tempfile::TempDir,
    library: Option<Library>,
    /// What is on disk.
    files: BTreeMap<usize, String>,
    /// What the library should hold.
    held: BTreeMap<usize, String>,
    clock: u64,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            folder: tempfile::tempdir().unwrap(),
            data: tempfile::tempdir().unwrap(),
            library: None,
            files: BTreeMap::new(),
            held: BTreeMap::new(),
            clock: 0,
        };
        world.open();
        world
    }

    fn open(&mut self) {
        self.library = None;
        let model = Arc::new(embedding::builtin().unwrap());
        let clock = Arc::new(FixedClock(0));
        let library = Library::open(self.data.path(), Settings::default(), model, clock).unwrap();
        self.library = Some(library);
    }

    fn library(&self) -> &Library {
        self.library.as_ref().unwrap()
    }

    fn path(&self, file: usize) -> PathBuf {
        std::fs::canonicalize(self.folder.path()).unwrap().join(format!("{}.md", NAMES[file]))
    }

    fn write(&mut self, file: usize, text: String) {
        std::fs::write(self.path(file), &text).unwrap();
        // Two writes within the clock's grain must still differ.
        self.clock += 1;
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 + self.clock);
        std::fs::File::options()
            .write(true)
            .open(self.path(file))
            .unwrap()
            .set_modified(time)
            .unwrap();
        self.files.insert(file, text);
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Write { file, version } => self.write(*file, text(*file, *version)),
            Op::Delete { file } => {
                if self.files.remove(file).is_some() {
                    std::fs::remove_file(self.path(*file)).unwrap();
                }
            }
            Op::Rename { from, to } => {
                if from != to
                    && let Some(text) = self.files.remove(from)
                {
                    std::fs::rename(self.path(*from), self.path(*to)).unwrap();
                    self.files.insert(*to, text);
                }
            }
            Op::Add { prune } => self.add(*prune),
            Op::Remove { file } => {
                let path = self.path(*file).display().to_string();
                let result = self.library().remove(&[path], false);
                assert_eq!(result.is_ok(), self.held.remove(file).is_some());
            }
            Op::Reopen => self.open(),
            Op::Reindex => {
                self.library().reindex(&Cancel::new(), &mut |_, _| {}).unwrap();
            }
            Op::Compact => {
                self.library().compact().unwrap();
            }
        }
    }

    fn add(&mut self, prune: bool) {
        let readers = Readers::in_process(Limits::default());
        let options = AddOptions { prune, ..AddOptions::default() };
        let folder = vec![self.folder.path().to_path_buf()];
        let report =
            self.library().add(&folder, options, &readers, &NoProgress, &Cancel::new()).unwrap();
        assert_eq!(report.failed, []);
        // A file that moved is known by its content: the path where it was is forgotten.
        let moved: Vec<usize> = self
            .held
            .iter()
            .filter(|(file, text)| {
                !self.files.contains_key(file)
                    && self
                        .files
                        .iter()
                        .any(|(other, now)| now == *text && self.held.get(other) != Some(now))
            })
            .map(|(file, _)| *file)
            .collect();
        for file in moved {
            self.held.remove(&file);
        }
        if prune {
            self.held.retain(|file, _| self.files.contains_key(file));
        }
        self.held.extend(self.files.iter().map(|(file, text)| (*file, text.clone())));
        let again =
            self.library().add(&folder, options, &readers, &NoProgress, &Cancel::new()).unwrap();
        assert_eq!(again.unchanged, self.files.len() as u64, "{again:?}");
    }

    fn verify(&self) {
        let library = self.library();
        let report = library.check().unwrap();
        assert!(report.is_sound(), "{report:?}");
        let reader = library.store().reader().unwrap();
        let found: BTreeMap<String, String> = reader
            .files()
            .unwrap()
            .into_iter()
            .map(|file| {
                let document = reader.document(file.document).unwrap().unwrap();
                (file.path, reader.document_text(&document).unwrap())
            })
            .collect();
        let expected: BTreeMap<String, String> = self
            .held
            .iter()
            .map(|(file, text)| (self.path(*file).display().to_string(), text.clone()))
            .collect();
        assert_eq!(found, expected);
        drop(reader);

        for (file, text) in &self.held {
            let name = NAMES[(0..NAMES.len()).find(|at| text.contains(NAMES[*at])).unwrap()];
            for mode in [SearchMode::Hybrid, SearchMode::Vector, SearchMode::Lexical] {
                let request = SearchRequest {
                    mode,
                    ..SearchRequest::new(format!("the {name}"), &library.settings().search)
                };
                let response = library.search(&request).unwrap();
                let path = self.path(*file).display().to_string();
                assert!(
                    response.hits.iter().any(|hit| hit.files.iter().any(|held| held.path == path)),
                    "{name} by {mode:?}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_library_is_what_its_files_say(ops in ops()) {
        let mut world = World::new();
        for op in &ops {
            world.apply(op);
        }
        world.verify();
    }
}

#[test]
fn leann_finds_what_exact_finds() {
    let mut world = World::new();
    for file in 0..NAMES.len() {
        world.write(file, text(file, 3));
    }
    world.add(false);
    let settings = Settings {
        backend: ragged::settings::BackendSettings {
            kind: BackendKind::Exact,
            ..ragged::settings::BackendSettings::default()
        },
        ..Settings::default()
    };
    let model = Arc::new(embedding::builtin().unwrap());
    let exact = Library::open(world.data.path(), settings, model, Arc::new(FixedClock(0))).unwrap();
    for name in NAMES {
        let request = SearchRequest {
            mode: SearchMode::Vector,
            k: 5,
            ..SearchRequest::new(format!("habits of the {name}"), &exact.settings().search)
        };
        let found = world.library().search(&request).unwrap();
        let wanted = exact.search(&request).unwrap();
        let scores = |response: &ragged::library::SearchResponse| -> Vec<f32> {
            response.hits.iter().map(|hit| hit.fused.vector.unwrap().score).collect()
        };
        let (found, wanted) = (scores(&found), scores(&wanted));
        assert_eq!(found.len(), wanted.len());
        // These files repeat each other almost word for word, which is the hardest case for
        // codes: one of a pair that differs in a digit may stand for the other.
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!((found - wanted).abs() < 0.005, "{name}: {found} against {wanted}");
        }
    }
}
