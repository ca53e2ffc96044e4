use std::{collections::BTreeMap, fs, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::{
    document::Limits,
    embedding,
    error::ErrorKind,
    library::{AddOptions, NoProgress},
    settings::Settings,
    temporal::FixedClock,
};

/// A folder of files, and two libraries over it: one that follows, one that adds everything anew.
struct Pair {
    root: tempfile::TempDir,
    follows: Library,
    adds: Library,
    _dirs: [tempfile::TempDir; 2],
}

fn open(dir: &Path) -> Library {
    let model = Arc::new(embedding::builtin().unwrap());
    Library::open(dir, Settings::default(), model, Arc::new(FixedClock(0))).unwrap()
}

fn readers() -> Readers {
    Readers::in_process(Limits::default())
}

fn contents(library: &Library) -> BTreeMap<String, String> {
    let reader = library.store().reader().unwrap();
    let files = reader.files().unwrap();
    files
        .into_iter()
        .map(|file| {
            let document = reader.document(file.document).unwrap().unwrap();
            (file.path, reader.document_text(&document).unwrap())
        })
        .collect()
}

impl Pair {
    fn new() -> Self {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        Self {
            root: tempfile::tempdir().unwrap(),
            follows: open(dirs[0].path()),
            adds: open(dirs[1].path()),
            _dirs: dirs,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.root.path()).unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            // Something else may be in the way; then nothing is written.
            drop(fs::create_dir_all(parent));
        }
        drop(fs::write(path, text));
    }

    fn sync(&self, names: &[&str]) -> AddReport {
        let scope = names.iter().map(|name| self.path(name)).collect();
        let roots = [self.path("")];
        self.follows.sync(&roots, &scope, &readers(), &NoProgress, &Cancel::new()).unwrap()
    }

    fn add(&self) -> AddReport {
        let options = AddOptions { prune: true, ..AddOptions::default() };
        let roots = [self.path("")];
        self.adds.add(&roots, options, &readers(), &NoProgress, &Cancel::new()).unwrap()
    }

    #[track_caller]
    fn assert_same(&self) {
        self.add();
        assert_eq!(contents(&self.follows), contents(&self.adds));
        assert!(self.follows.check().unwrap().is_sound());
    }
}

#[test]
fn only_what_lies_in_the_scope_is_brought_up_to_date() {
    let pair = Pair::new();
    for name in ["a/one.md", "a/two.md", "b/three.md"] {
        pair.write(name, &format!("the text of {name}"));
    }
    let report = pair.sync(&["a"]);
    assert_eq!((report.added, report.pruned), (2, 0));
    let report = pair.sync(&["b/three.md", "a/two.md", "c"]);
    assert_eq!((report.added, report.unchanged), (1, 1));
    pair.assert_same();

    fs::remove_file(pair.path("a/one.md")).unwrap();
    fs::remove_dir_all(pair.path("b")).unwrap();
    fs::rename(pair.path("a/two.md"), pair.path("a/due.md")).unwrap();
    let report = pair.sync(&["a/two.md", "a/due.md"]);
    assert_eq!((report.moved, report.pruned), (1, 0));
    let report = pair.sync(&["a/one.md"]);
    assert_eq!(report.pruned, 1);
    let report = pair.sync(&["b"]);
    assert_eq!((report.pruned, report.added), (1, 0));
    pair.assert_same();
}

#[test]
fn what_add_leaves_out_is_left_out() {
    let pair = Pair::new();
    pair.write(".gitignore", "build/\n*.log\n");
    pair.write("build/deep/out.md", "made by a machine");
    pair.write("a/x.log", "a log");
    pair.write(".hidden/y.md", "not seen");
    pair.write("a/z.md", "seen");
    let report = pair.sync(&["build/deep/out.md", "build", "a/x.log", ".hidden/y.md", "a/z.md"]);
    assert_eq!(report.added, 1, "{report:?}");
    let folders = pair.follows.folders(&[pair.path("")], &[pair.path("")].into_iter().collect());
    assert_eq!(folders, [pair.path(""), pair.path("a")]);
    pair.assert_same();
}

#[test]
fn a_file_that_is_no_longer_read_is_forgotten() {
    let pair = Pair::new();
    pair.write("a.md", "some text");
    pair.sync(&["a.md"]);
    pair.write("a.md", "");
    let report = pair.sync(&["a.md"]);
    assert_eq!((report.pruned, report.n_skipped()), (1, 1));
    pair.assert_same();
}

#[test]
fn below_a_root_that_is_gone_nothing_is_forgotten() {
    let pair = Pair::new();
    pair.write("disk/a.md", "on a disk");
    let root = [pair.path("disk")];
    let scope: Scope = root.iter().cloned().collect();
    let sync = || pair.follows.sync(&root, &scope, &readers(), &NoProgress, &Cancel::new());
    assert_eq!(sync().unwrap().added, 1);
    fs::rename(pair.path("disk"), pair.path("away")).unwrap();
    assert_eq!(sync().unwrap().pruned, 0);
    fs::rename(pair.path("away"), pair.path("disk")).unwrap();
    assert_eq!(sync().unwrap().unchanged, 1);
}

#[test]
fn another_writer_is_told_of_at_once() {
    let pair = Pair::new();
    pair.write("a.md", "some text");
    let held = WriteLock::acquire(pair.follows.dir(), Duration::ZERO).unwrap();
    let roots = [pair.path("")];
    let scope = roots.iter().cloned().collect();
    let error =
        pair.follows.sync(&roots, &scope, &readers(), &NoProgress, &Cancel::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    drop(held);
    assert_eq!(pair.sync(&[""]).added, 1);
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize, u8),
    Remove(usize),
    RemoveFolder(usize),
    Rename(usize, usize),
    RenameFolder(usize, usize),
    Sync,
}

const FILES: [&str; 6] = ["a/x.md", "a/b/y.md", "a/b/z.txt", "c/x.md", "c/.h.md", "top.md"];
const FOLDERS: [&str; 4] = ["a", "a/b", "c", "d"];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..FILES.len(), 0..6_u8).prop_map(|(file, text)| Step::Write(file, text)),
        2 => (0..FILES.len()).prop_map(Step::Remove),
        1 => (0..FOLDERS.len()).prop_map(Step::RemoveFolder),
        2 => (0..FILES.len(), 0..FILES.len()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => (0..FOLDERS.len(), 0..FOLDERS.len()).prop_map(|(a, b)| Step::RenameFolder(a, b)),
        3 => Just(Step::Sync),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Following what changed gives the library that adding everything gives.
    #[test]
    fn following_equals_adding(steps in prop::collection::vec(step(), 1..24)) {
        let pair = Pair::new();
        let mut changed: Vec<&str> = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            match *step {
                Step::Write(file, text) => {
                    // Of another length each time: times of change are coarse.
                    pair.write(FILES[file], &format!("text {text} {}", "long ".repeat(at)));
                    changed.push(FILES[file]);
                }
                Step::Remove(file) => {
                    drop(fs::remove_file(pair.path(FILES[file])));
                    changed.push(FILES[file]);
                }
                Step::RemoveFolder(folder) => {
                    drop(fs::remove_dir_all(pair.path(FOLDERS[folder])));
                    changed.push(FOLDERS[folder]);
                }
                Step::Rename(from, to) => {
                    drop(fs::rename(pair.path(FILES[from]), pair.path(FILES[to])));
                    changed.extend([FILES[from], FILES[to]]);
                }
                Step::RenameFolder(from, to) => {
                    drop(fs::rename(pair.path(FOLDERS[from]), pair.path(FOLDERS[to])));
                    changed.extend([FOLDERS[from], FOLDERS[to]]);
                }
                Step::Sync => {
                    pair.sync(&changed);
                    changed.clear();
                    pair.add();
                }
            }
        }
        pair.sync(&changed);
        pair.assert_same();
    }

    /// A scope says of every path what a plain list of paths says.
    #[test]
    fn a_scope_is_a_set_of_prefixes(
        inserted in prop::collection::vec("(/[ab]{1,2}){1,4}", 0..12),
        asked in "(/[ab]{1,2}){1,4}",
    ) {
        let scope: Scope = inserted.iter().map(PathBuf::from).collect();
        let asked = Path::new(&asked);
        prop_assert_eq!(scope.contains(asked), inserted.iter().any(|path| asked.starts_with(path)));
        if !scope.contains(asked) {
            let leads = inserted.iter().any(|path| Path::new(path).starts_with(asked));
            prop_assert_eq!(scope.leads_to(asked), leads);
        }
        let paths: Vec<&Path> = scope.paths().collect();
        prop_assert!(paths.iter().all(|a| paths.iter().all(|b| a == b || !a.starts_with(b))));
    }
}
