//! A library against a map from path to text and collection.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use proptest::prelude::*;
use ragged::{
    collection::CollectionName,
    document::{Limits, Readers},
    embedding,
    library::{AddOptions, AddReport, Cancel, Library, NoProgress, SearchRequest},
    retrieval::Filter,
    settings::{BackendKind, SearchMode, Settings},
    temporal::FixedClock,
};

/// Words that occur in no other file, so that a search can name one.
const NAMES: [&str; 6] = ["quokka", "axolotl", "pangolin", "ocelot", "wombat", "tapir"];

/// `default` first.
const COLLECTIONS: [&str; 4] = ["default", "work", "home", "Tax 2026"];

#[derive(Clone, Debug)]
enum Op {
    Write { file: usize, version: u8 },
    Delete { file: usize },
    Rename { from: usize, to: usize },
    Add { prune: bool, into: Option<usize> },
    AddOne { file: usize, into: Option<usize> },
    Remove { file: usize },
    RenameCollection { from: usize, to: usize },
    RemoveCollection { name: usize },
    Reopen,
    Reindex,
    Compact,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let file = 0..NAMES.len();
    let name = 0..COLLECTIONS.len();
    let into = proptest::option::weighted(0.4, name.clone());
    let op = prop_oneof![
        6 => (file.clone(), 0..4u8).prop_map(|(file, version)| Op::Write { file, version }),
        2 => file.clone().prop_map(|file| Op::Delete { file }),
        1 => (file.clone(), file.clone()).prop_map(|(from, to)| Op::Rename { from, to }),
        6 => (any::<bool>(), into.clone()).prop_map(|(prune, into)| Op::Add { prune, into }),
        3 => (file.clone(), into).prop_map(|(file, into)| Op::AddOne { file, into }),
        1 => (name.clone(), name.clone()).prop_map(|(from, to)| Op::RenameCollection { from, to }),
        1 => name.prop_map(|name| Op::RemoveCollection { name }),
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
    /// Which collection each of those is in.
    collection: BTreeMap<usize, &'static str>,
    /// The collections there are.
    names: BTreeSet<&'static str>,
    /// The collection that the folder was added to, and those that files were by themselves.
    folder_root: Option<&'static str>,
    file_roots: BTreeMap<usize, &'static str>,
    clock: u64,
}

fn named(name: &str) -> CollectionName {
    name.parse().unwrap()
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            folder: tempfile::tempdir().unwrap(),
            data: tempfile::tempdir().unwrap(),
            library: None,
            files: BTreeMap::new(),
            held: BTreeMap::new(),
            collection: BTreeMap::new(),
            names: BTreeSet::from([COLLECTIONS[0]]),
            folder_root: None,
            file_roots: BTreeMap::new(),
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
            Op::Add { prune, into } => self.add(*prune, into.map(|name| COLLECTIONS[name])),
            Op::AddOne { file, into } => self.add_one(*file, into.map(|name| COLLECTIONS[name])),
            Op::Remove { file } => {
                let path = self.path(*file).display().to_string();
                let result = self.library().remove(&[path], false);
                let was_known = self.forget(*file) | self.file_roots.remove(file).is_some();
                assert_eq!(result.is_ok(), was_known);
            }
            Op::RenameCollection { from, to } => {
                let (from, to) = (COLLECTIONS[*from], COLLECTIONS[*to]);
                let result = self.library().rename_collection(&named(from), &named(to));
                let is_fine =
                    from != "default" && self.names.contains(from) && !self.names.contains(to);
                assert_eq!(result.is_ok(), is_fine, "{from} → {to}: {result:?}");
                if is_fine {
                    self.names.remove(from);
                    self.names.insert(to);
                    let places = self.collection.values_mut().chain(self.file_roots.values_mut());
                    for name in places.chain(&mut self.folder_root).filter(|name| **name == from) {
                        *name = to;
                    }
                }
            }
            Op::RemoveCollection { name } => {
                let name = COLLECTIONS[*name];
                let planned = self.library().remove_collection(&named(name), true);
                let result = self.library().remove_collection(&named(name), false);
                assert_eq!(result.is_ok(), self.names.contains(name));
                let files: Vec<usize> = self.within(name).collect();
                for file in &files {
                    self.forget(*file);
                }
                if let Ok(removal) = result {
                    assert_eq!(removal.files, files.len() as u64);
                    assert_eq!(planned.unwrap(), removal);
                }
                self.file_roots.retain(|_, root| *root != name);
                self.folder_root = self.folder_root.filter(|root| *root != name);
                if name != "default" {
                    self.names.remove(name);
                }
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

    /// The files of a collection.
    fn within(&self, name: &str) -> impl Iterator<Item = usize> {
        self.collection.iter().filter(move |(_, of)| **of == name).map(|(file, _)| *file)
    }

    fn forget(&mut self, file: usize) -> bool {
        self.collection.remove(&file);
        self.held.remove(&file).is_some()
    }

    fn add(&mut self, prune: bool, into: Option<&'static str>) {
        let options = AddOptions { collection: into.map(named), prune, ..AddOptions::default() };
        let folder = vec![self.folder.path().to_path_buf()];
        let n_reassigned = match into {
            Some(name) => {
                self.names.insert(name);
                self.folder_root = Some(name);
                self.file_roots.clear();
                let others = self.collection.values_mut().filter(|of| **of != name);
                others.map(|of| *of = name).count()
            }
            None => 0,
        };
        self.add_and_compare(&folder, &options, n_reassigned, &|_| true);
        if prune {
            let gone: Vec<usize> =
                self.held.keys().filter(|file| !self.files.contains_key(file)).copied().collect();
            for file in gone {
                self.forget(file);
            }
        }
        let again = self.run_add(&folder, &options);
        assert_eq!(again.unchanged, self.files.len() as u64, "{again:?}");
    }

    /// Adds a file by its own path.
    fn add_one(&mut self, file: usize, into: Option<&'static str>) {
        if !self.files.contains_key(&file) {
            return;
        }
        let options = AddOptions { collection: into.map(named), ..AddOptions::default() };
        let mut n_reassigned = 0;
        if let Some(name) = into {
            self.names.insert(name);
            self.file_roots.insert(file, name);
            if let Some(of) = self.collection.get_mut(&file)
                && *of != name
            {
                *of = name;
                n_reassigned = 1;
            }
        }
        let path = vec![self.path(file)];
        self.add_and_compare(&path, &options, n_reassigned, &|other| other == file);
    }

    fn run_add(&self, paths: &[PathBuf], options: &AddOptions) -> AddReport {
        let readers = Readers::in_process(Limits::default());
        let cancel = Cancel::new();
        self.library().add(paths, options.clone(), &readers, &NoProgress, &cancel).unwrap()
    }

    /// Adds paths at which the files are that `is_among` names.
    fn add_and_compare(
        &mut self,
        paths: &[PathBuf],
        options: &AddOptions,
        n_reassigned: usize,
        is_among: &dyn Fn(usize) -> bool,
    ) {
        let report = self.run_add(paths, options);
        assert_eq!(report.failed, []);
        assert_eq!(report.reassigned, n_reassigned as u64, "{report:?}");
        let added: BTreeMap<usize, String> = self
            .files
            .iter()
            .filter(|(file, _)| is_among(**file))
            .map(|(file, text)| (*file, text.clone()))
            .collect();
        // A file that moved is known by its content: the path where it was is forgotten.
        let moved: Vec<usize> = self
            .held
            .iter()
            .filter(|(file, text)| {
                !self.files.contains_key(file)
                    && added
                        .iter()
                        .any(|(other, now)| now == *text && self.held.get(other) != Some(now))
            })
            .map(|(file, _)| *file)
            .collect();
        for file in moved {
            self.forget(file);
        }
        for (file, text) in added {
            if self.held.insert(file, text).is_none() {
                let root = self.file_roots.get(&file).copied().or(self.folder_root);
                self.collection.insert(file, root.unwrap_or("default"));
            }
        }
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
        for file in self.held.keys() {
            let path = self.path(*file).display().to_string();
            let found = reader.file(&path).unwrap().unwrap().collection;
            assert_eq!(found.as_str(), self.collection[file], "{path}");
        }
        drop(reader);
        self.verify_collections();

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

impl World {
    fn verify_collections(&self) {
        let library = self.library();
        let rows = library.collections().unwrap();
        let names: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, self.names);
        for row in &rows {
            let name = row.name.as_str();
            let texts: Vec<&String> = self.within(name).map(|file| &self.held[&file]).collect();
            let distinct: BTreeSet<&String> = texts.iter().copied().collect();
            let n_bytes: usize = distinct.iter().map(|text| text.len()).sum();
            assert_eq!(
                (row.files, row.documents, row.text_bytes),
                (texts.len() as u64, distinct.len() as u64, n_bytes as u64),
                "{name}"
            );
            let filter = Filter::new().with_collections(&[name]).unwrap();
            let request = SearchRequest {
                k: 100,
                filter,
                ..SearchRequest::new("the animal and its habits", &library.settings().search)
            };
            let response = library.search(&request).unwrap();
            assert_eq!(response.plan.allowed_chunks, Some(row.chunks));
            let found: BTreeSet<u64> = response.hits.iter().map(|hit| hit.document.id.0).collect();
            assert_eq!(found.len() as u64, row.documents, "{name}");
            assert!(response.hits.iter().all(|hit| hit.collection() == Some(&row.name)));
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
    world.add(false, None);
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
