use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::Child,
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    scene::Scene,
    system::{ended, signal},
};

/// Much longer than anything takes; only a failure waits for so long.
const DEADLINE: Duration = Duration::from_mins(1);

/// A `watch` that is running, and the batches it tells of.
struct Watching {
    child: Child,
    batches: Receiver<Value>,
    notes: Receiver<String>,
}

/// Files that batches told of.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    added: u64,
    changed: u64,
    moved: u64,
    removed: u64,
}

fn sum(added: u64, changed: u64, moved: u64, removed: u64) -> Sum {
    Sum { added, changed, moved, removed }
}

impl Sum {
    fn take_in(&mut self, batch: &Value) {
        let count = |field: &str| batch[field].as_u64().unwrap();
        self.added += count("added") + count("duplicates");
        self.changed += count("changed");
        self.moved += count("moved");
        self.removed += count("removed");
    }
}

impl Watching {
    /// Starts it and waits until it has caught up.
    fn begin(scene: &Scene, args: &[&str]) -> (Self, Value) {
        let watching = Self::start(scene, args);
        let first = watching.next();
        assert_eq!(first["cause"], "start", "{first}");
        (watching, first)
    }

    fn start(scene: &Scene, args: &[&str]) -> Self {
        let fixed = ["watch", "--format", "json", "--debounce", "100ms"];
        let mut child = scene.start(&[&fixed[..], args].concat());
        let (sender, batches) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines() {
                drop(sender.send(serde_json::from_str(&line.unwrap()).unwrap()));
            }
        });
        let (sender, notes) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines() {
                drop(sender.send(line.unwrap()));
            }
        });
        Self { child, batches, notes }
    }

    fn next(&self) -> Value {
        self.batches.recv_timeout(DEADLINE).unwrap()
    }

    /// Waits until the batches add up to what is expected.
    #[track_caller]
    fn expect(&self, expected: &Sum) {
        let begun = Instant::now();
        let mut seen = Sum::default();
        while seen != *expected {
            match self.batches.recv_timeout(DEADLINE.saturating_sub(begun.elapsed())) {
                Ok(batch) => seen.take_in(&batch),
                Err(end) => panic!("{seen:?} instead of {expected:?}: {end}"),
            }
        }
    }

    #[track_caller]
    fn expect_note(&self, words: &str) {
        loop {
            let note = self.notes.recv_timeout(DEADLINE).unwrap();
            if note.contains(words) {
                return;
            }
        }
    }

    /// Ends it as the system does, and gives the notes that were not looked at.
    fn end(mut self) -> Vec<String> {
        signal(&self.child, rustix::process::Signal::TERM);
        assert_eq!(ended(&mut self.child).code(), Some(0));
        let left: Vec<Value> = self.batches.iter().collect();
        assert!(left.is_empty(), "batches that nobody expected: {left:?}");
        self.notes.iter().collect()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The files in the library, below the scene's own.
fn listed(scene: &Scene) -> Vec<String> {
    let listed = scene.json(&["list"]);
    let path = |file: &Value| {
        file["path"].as_str().unwrap().strip_prefix("[ROOT]/files/").unwrap().to_owned()
    };
    listed.as_array().unwrap().iter().map(path).collect()
}

#[test]
fn new_changed_moved_and_deleted_files_are_followed() {
    let scene = Scene::with_notes();
    let (watching, first) = Watching::begin(&scene, &["files"]);
    assert_eq!((&first["unchanged"], &first["added"]), (&3.into(), &0.into()));
    assert_eq!(first["watched_folders"], 1);

    scene.write("new.md", "A new note.");
    watching.expect(&sum(1, 0, 0, 0));
    scene.write("bread.txt", "Bake it for an hour instead.");
    watching.expect(&sum(0, 1, 0, 0));
    fs::rename(scene.path("lease.md"), scene.path("flat.md")).unwrap();
    watching.expect(&sum(0, 0, 1, 0));
    fs::remove_file(scene.path("new.md")).unwrap();
    watching.expect(&sum(0, 0, 0, 1));
    // Out of the tree and back into it.
    let outside = scene.data_dir().parent().unwrap().join("outside.md");
    fs::rename(scene.path("flat.md"), &outside).unwrap();
    watching.expect(&sum(0, 0, 0, 1));
    fs::rename(&outside, scene.path("lease.md")).unwrap();
    watching.expect(&sum(1, 0, 0, 0));
    assert_eq!(listed(&scene), ["bread.txt", "greet.py", "lease.md"]);
    watching.end();
    assert_eq!(scene.run(&["check"]).code, 0);
}

#[test]
fn a_restart_catches_up_with_what_happened_meanwhile() {
    let scene = Scene::new();
    scene.write("a/one.md", "The first note.");
    let (watching, first) = Watching::begin(&scene, &["files"]);
    assert_eq!(first["added"], 1, "{first}");
    watching.end();
    scene.write("a/two.md", "The second note.");
    fs::remove_file(scene.path("a/one.md")).unwrap();
    let (watching, first) = Watching::begin(&scene, &["files"]);
    assert_eq!((&first["added"], &first["removed"]), (&1.into(), &1.into()), "{first}");
    watching.end();
    assert_eq!(listed(&scene), ["a/two.md"]);
}

#[test]
fn once_ends_when_nothing_changes() {
    let scene = Scene::new();
    scene.write("a.md", "A note.");
    let ran = scene.run(&["watch", "files", "--once", "--debounce", "1ms"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
    assert!(ran.stderr.starts_with("+1  1 file in "), "{ran:?}");
    let ran = scene.run(&["watch", "files", "--once", "--debounce", "1ms"]);
    assert!(ran.stderr.starts_with("Nothing new in 1 file, "), "{ran:?}");
}

#[test]
fn folders_are_followed_wherever_they_come_from_and_go() {
    let scene = Scene::new();
    scene.write("top.md", "The top note.");
    let (watching, _) = Watching::begin(&scene, &["files"]);
    scene.write("a/b/c/deep.md", "A note far below.");
    watching.expect(&sum(1, 0, 0, 0));
    scene.write("a/b/c/deep.md", "A note far below, changed.");
    watching.expect(&sum(0, 1, 0, 0));
    // Renamed, it is followed under its new name, and a new folder under the old one.
    fs::rename(scene.path("a"), scene.path("z")).unwrap();
    watching.expect(&sum(0, 0, 1, 0));
    scene.write("z/b/c/deep.md", "A note far below, changed once more.");
    scene.write("a/b/c/other.md", "Another note.");
    watching.expect(&sum(1, 1, 0, 0));
    scene.write("a/b/c/other.md", "Another note, changed.");
    watching.expect(&sum(0, 1, 0, 0));
    // Away, changed there, and back.
    let outside = scene.data_dir().parent().unwrap().join("outside");
    fs::rename(scene.path("z"), &outside).unwrap();
    watching.expect(&sum(0, 0, 0, 1));
    fs::write(outside.join("b/c/deep.md"), "Changed where nobody looks.").unwrap();
    fs::rename(&outside, scene.path("z")).unwrap();
    watching.expect(&sum(1, 0, 0, 0));
    fs::remove_dir_all(scene.path("a")).unwrap();
    watching.expect(&sum(0, 0, 0, 1));
    // The same name again, at once: another folder.
    fs::remove_dir_all(scene.path("z")).unwrap();
    scene.write("z/b/c/again.md", "A new folder of an old name.");
    watching.expect(&sum(1, 0, 0, 1));
    scene.write("z/b/c/again.md", "A new folder of an old name, changed.");
    watching.expect(&sum(0, 1, 0, 0));
    watching.end();
    assert_eq!(listed(&scene), ["top.md", "z/b/c/again.md"]);
}

#[test]
fn a_followed_folder_may_vanish_and_come_back() {
    let scene = Scene::with_notes();
    let (watching, _) = Watching::begin(&scene, &["files"]);
    let away = scene.data_dir().parent().unwrap().join("away");
    fs::rename(scene.path(""), &away).unwrap();
    watching.expect_note("is gone; what the library holds of it stays");
    assert_eq!(scene.json(&["status"])["files"], 3);
    fs::write(away.join("more.md"), "Written elsewhere.").unwrap();
    fs::remove_file(away.join("greet.py")).unwrap();
    fs::rename(&away, scene.path("")).unwrap();
    watching.expect(&sum(1, 0, 0, 1));
    scene.write("more.md", "Written here.");
    watching.expect(&sum(0, 1, 0, 0));
    watching.end();
}

#[test]
fn the_folder_above_may_vanish_and_come_back() {
    let scene = Scene::new();
    scene.write("disk/notes/a.md", "A note on a disk.");
    let (watching, _) = Watching::begin(&scene, &["files/disk/notes"]);
    fs::rename(scene.path("disk"), scene.path("elsewhere")).unwrap();
    watching.expect_note("is gone");
    fs::rename(scene.path("elsewhere"), scene.path("disk")).unwrap();
    scene.write("disk/notes/b.md", "Another note on it.");
    watching.expect(&sum(1, 0, 0, 0));
    scene.write("disk/notes/b.md", "Another note on it, changed.");
    watching.expect(&sum(0, 1, 0, 0));
    watching.end();
    assert_eq!(listed(&scene).len(), 2);
}

#[test]
fn files_are_saved_in_many_ways() {
    let scene = Scene::with_notes();
    let alone = scene.path("lease.md").display().to_string();
    let (watching, _) = Watching::begin(&scene, &["files", &alone]);
    // Another file is put in its place.
    scene.write(".lease.md.swp", "half a note");
    scene.write(".lease.md.new", "The lease ends in May.");
    fs::rename(scene.path(".lease.md.new"), scene.path("lease.md")).unwrap();
    watching.expect(&sum(0, 1, 0, 0));
    // It is moved aside and written anew.
    fs::rename(scene.path("lease.md"), scene.path(".lease.md~")).unwrap();
    scene.write("lease.md", "The lease ends in June.");
    watching.expect(&sum(0, 1, 0, 0));
    // It is emptied, then filled.
    scene.write("lease.md", "");
    watching.expect(&sum(0, 0, 0, 1));
    scene.write("lease.md", "The lease ends in July.");
    watching.expect(&sum(1, 0, 0, 0));
    watching.end();
}

#[test]
fn a_single_file_is_followed_through_its_replacements() {
    let scene = Scene::with_notes();
    let (watching, first) = Watching::begin(&scene, &["files/lease.md"]);
    assert_eq!(first["unchanged"], 1);
    scene.write("bread.txt", "Nobody asked to follow this one.");
    for month in ["May", "June"] {
        scene.write(".new", format!("The lease ends in {month}."));
        fs::rename(scene.path(".new"), scene.path("lease.md")).unwrap();
        watching.expect(&sum(0, 1, 0, 0));
    }
    watching.end();
    assert!(scene.run(&["show", "files/bread.txt", "--text"]).stdout.starts_with("Bake the loaf"));
}

#[test]
fn what_add_leaves_out_is_not_followed() {
    let scene = Scene::new();
    scene.write(".gitignore", "build/\n");
    scene.write("build/out.md", "Made by a machine.");
    scene.write("note.md", "Written by a person.");
    let (watching, first) = Watching::begin(&scene, &["files"]);
    assert_eq!((&first["added"], &first["watched_folders"]), (&1.into(), &1.into()), "{first}");
    scene.write("build/more/out.md", "Made by a machine too.");
    scene.write(".git/objects/x.md", "Not a note.");
    std::os::unix::fs::symlink(scene.path("note.md"), scene.path("link.md")).unwrap();
    std::os::unix::fs::symlink(scene.path(""), scene.path("loop")).unwrap();
    scene.write("last.md", "What all of it is told by.");
    watching.expect(&sum(1, 0, 0, 0));
    assert_eq!(listed(&scene), ["last.md", "note.md"]);
    // The rules change.
    scene.write(".gitignore", "*.log\n");
    watching.expect(&sum(2, 0, 0, 0));
    scene.write("build/out.md", "Now it is a note.");
    watching.expect(&sum(0, 1, 0, 0));
    // A file that becomes a link is no longer read.
    fs::remove_file(scene.path("last.md")).unwrap();
    std::os::unix::fs::symlink(scene.path("note.md"), scene.path("last.md")).unwrap();
    watching.expect(&sum(0, 0, 0, 1));
    watching.end();
}

#[test]
fn files_that_cannot_be_read_are_told_once_and_the_rest_goes_on() {
    let scene = Scene::with_notes();
    let (watching, _) = Watching::begin(&scene, &["files"]);
    scene.write("broken.docx", b"PK\x03\x04 this is no archive");
    let batch = watching.next();
    assert_eq!(batch["failed"].as_array().unwrap().len(), 1, "{batch}");
    scene.write("more.md", "A good note.");
    watching.expect(&sum(1, 0, 0, 0));
    watching.end();
    assert_eq!(scene.json(&["list", "--unreadable"]).as_array().unwrap().len(), 1);
}

#[test]
fn ragged_does_not_follow_itself() {
    let scene = Scene::with_notes();
    let (watching, first) = Watching::begin(&scene, &["."]);
    assert_eq!(first["watched_folders"], 2, "the data folder is not among them: {first}");
    // Another process writes into the data folder.
    assert_eq!(scene.run(&["config", "set", "search.k", "3"]).code, 0);
    assert_eq!(scene.run(&["reindex"]).code, 0);
    scene.write("more.md", "A note.");
    watching.expect(&sum(1, 0, 0, 0));
    watching.end();
    let data = scene.data_dir().display().to_string();
    let ran = scene.run(&["watch", &data]);
    assert!(ran.code == 2 && ran.stderr.contains("data folder"), "{ran:?}");
}

#[test]
fn another_writer_is_waited_for_and_said_so_once() {
    let scene = Scene::with_notes();
    let lock = fs::File::options().write(true).open(scene.data_dir().join("library.lock")).unwrap();
    lock.lock().unwrap();
    scene.write("new.md", "A new note.");
    let watching = Watching::start(&scene, &["files"]);
    watching.expect_note("another ragged is changing the library");
    scene.write("newer.md", "A newer note, written while it waits.");
    drop(lock);
    let first = watching.next();
    assert_eq!((&first["cause"], &first["added"]), (&"start".into(), &2.into()), "{first}");
    let notes = watching.end();
    assert!(!notes.iter().any(|note| note.contains("another ragged")), "{notes:?}");
}

#[test]
fn a_burst_is_few_batches_and_nothing_is_lost() {
    const FILES: usize = 250;
    const ROUNDS: usize = 20;
    let scene = Scene::new();
    scene.write("0/0.md", "The first note.");
    let (watching, _) = Watching::begin(&scene, &["files"]);
    // At least two events a write: over 10,000.
    for round in 1..=ROUNDS {
        for file in 0..FILES {
            let text = format!("Note {file}, {}.", "again and ".repeat(round));
            scene.write(&format!("{}/{file}.md", file % 5), text);
        }
    }
    let begun = Instant::now();
    let mut n_batches = 0;
    loop {
        watching.next();
        n_batches += 1;
        let last = format!("Note {}, {}.", FILES - 1, "again and ".repeat(ROUNDS));
        let name = format!("files/{}/{}.md", (FILES - 1) % 5, FILES - 1);
        let ran = scene.run(&["show", &name, "--text"]);
        if ran.stdout.trim_end() == last {
            break;
        }
        assert!(begun.elapsed() < DEADLINE, "{ran:?}");
    }
    assert!(n_batches <= FILES, "{n_batches} batches");
    drop(watching);
    // Adding everything finds that nothing was left.
    let report = scene.json(&["add", "files", "--prune"]);
    assert_eq!(report["unchanged"], FILES as u64, "{report}");
}

#[test]
fn without_reports_of_the_system_everything_is_looked_at() {
    let scene = Scene::with_notes();
    let (watching, first) = Watching::begin(&scene, &["files", "--poll", "50ms"]);
    assert_eq!(first["watched_folders"], 0);
    scene.write("new.md", "A new note.");
    watching.expect(&sum(1, 0, 0, 0));
    fs::remove_file(scene.path("new.md")).unwrap();
    watching.expect(&sum(0, 0, 0, 1));
    watching.end();
}

#[test]
fn ctrl_c_ends_it_in_peace() {
    let scene = Scene::with_notes();
    let mut child = scene.start(&["watch", "files"]);
    let mut notes = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    notes.read_line(&mut line).unwrap();
    assert!(line.starts_with("Nothing new in 3 files"), "{line}");
    signal(&child, rustix::process::Signal::INT);
    assert_eq!(ended(&mut child).code(), Some(0));
    notes.read_to_string(&mut line).unwrap();
    assert!(line.contains("Watching 1 folder; Ctrl-C ends it."), "{line}");
}

#[test]
fn usage_errors_exit_with_2() {
    let scene = Scene::new();
    for args in [
        &["watch"][..],
        &["watch", "files", "--debounce", "soon"],
        &["watch", "files", "--poll", "0s"],
    ] {
        assert_eq!(scene.run(args).code, 2, "{args:?}");
    }
    let ran = scene.run(&["watch", "nowhere"]);
    assert!(ran.code == 1 && ran.stderr.contains("nowhere"), "{ran:?}");
}
