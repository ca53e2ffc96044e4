use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    process::{Child, ExitStatus},
    time::{Duration, Instant},
};

use crate::scene::Scene;

/// Much less than any timeout of ragged.
const AT_ONCE: Duration = Duration::from_secs(20);

fn interrupt(child: &Child) {
    signal(child, rustix::process::Signal::INT);
}

pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).unwrap();
}

pub(crate) fn ended(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > AT_ONCE {
            child.kill().unwrap();
            panic!("the command did not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_command_that_waits_ends_at_once() {
    let scene = Scene::with_notes();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("answer.url=http://{}", server.local_addr().unwrap());
    let mut child = scene.start(&[
        "query",
        "when does the lease end?",
        "-o",
        "answer.generator=ollama:silent",
        "-o",
        &url,
    ]);
    // The question has arrived at a server that never answers.
    let (mut connection, _) = server.accept().unwrap();
    connection.read_exact(&mut [0; 4]).unwrap();
    interrupt(&child);
    assert_eq!(ended(&mut child).code(), Some(130));
}

#[test]
fn an_interrupted_try_leaves_nothing_behind() {
    let scene = Scene::new();
    scene.write("hut.md", "# Hut\n\nThe warden lights the stove at six every evening.\n");
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("answer.url=http://{}", server.local_addr().unwrap());
    let temporary = tempfile::tempdir().unwrap();
    let mut child = scene.start_with(
        &["try", "files", "when is the stove lit?", "-o", "answer.generator=ollama:x", "-o", &url],
        &[("TMPDIR", temporary.path().to_str().unwrap())],
    );
    let (mut connection, _) = server.accept().unwrap();
    connection.read_exact(&mut [0; 4]).unwrap();
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 1, "a temporary library");
    interrupt(&child);
    assert_eq!(ended(&mut child).code(), Some(130));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn an_interrupted_add_keeps_what_it_has_and_goes_on_later() {
    const FILES: usize = 2000;
    let scene = Scene::new();
    for number in 0..FILES {
        scene.write(
            &format!("a-folder-with-a-long-name/note-{number:04}.md"),
            format!("# Note {number}\n\nNumber {number} of many notes.\n"),
        );
    }
    // Its lines do not fit into the pipe, so it cannot be done before it is interrupted.
    let mut child = scene.start(&["add", "files", "--verbose"]);
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    assert!(first.starts_with("added"), "{first}");
    interrupt(&child);
    // The handler runs in a thread of its own.
    std::thread::sleep(Duration::from_millis(200));
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(ended(&mut child).code(), Some(130), "{rest}");
    assert!(rest.contains("Interrupted"), "{rest}");
    let report = scene.json(&["add", "files"]);
    let (added, unchanged) =
        (report["added"].as_u64().unwrap(), report["unchanged"].as_u64().unwrap());
    assert_eq!(added + unchanged, FILES as u64, "{report}");
    assert!(added > 0, "{report}");
    assert_eq!(scene.run(&["check"]).code, 0);
}

#[test]
fn only_the_owner_may_read_what_is_kept() {
    let scene = Scene::with_notes();
    assert_eq!(scene.run(&["init"]).code, 0);
    assert_eq!(scene.run(&["config", "set", "search.k", "3"]).code, 0);
    assert_eq!(scene.run(&["reindex"]).code, 0);
    let mut folders = vec![scene.data_dir()];
    let mut n_files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            let mode = metadata.permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} has {mode:o}", entry.path().display());
            if metadata.is_dir() {
                folders.push(entry.path());
            }
            n_files += usize::from(metadata.is_file());
        }
    }
    assert!(n_files > 5, "{n_files}");
}

#[test]
fn names_of_files_do_nothing_to_the_terminal() {
    let scene = Scene::new();
    scene.write("a\u{1b}]0;owned\u{7}\n.md", "# Heading \u{1b}[31m\n\nThe stove\u{9b}2J is lit.\n");
    scene.write("b\u{1b}[2J.docx", "PK\u{3}\u{4} this is no archive");
    for args in [
        &["add", "files"][..],
        &["add", "files", "--verbose"],
        &["list"],
        &["list", "--unreadable"],
        &["search", "stove"],
        &["query", "is the stove lit?"],
        &["show", "1"],
        &["show", "1", "--chunks"],
        &["try", "files", "is the stove lit?"],
        &["remove", "files", "--dry-run"],
    ] {
        let ran = scene.run(args);
        let is_raw = |c: char| c.is_control() && c != '\n';
        assert!(!ran.stdout.contains(is_raw) && !ran.stderr.contains(is_raw), "{args:?} {ran:?}");
    }
    let text = scene.run(&["show", "1", "--text"]).stdout;
    assert!(text.contains("stove\u{9b}2J"), "a program gets the text as it is: {text:?}");
    assert!(scene.run(&["list"]).stdout.contains(r"a\u{1b}]0;owned\u{7}\n.md"));
}
