//! Parser processes: crashes, hangs, floods of memory, and the end of either side.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use ragged::document::worker::{WorkerCommand, WorkerLimits, WorkerPool, serve};
use ragged::document::{Format, Hints, OwnTime, Readers, Unreadable};
use ragged::error::ErrorKind;

/// Set in the environment of a child: then the "test" [`child`] is a worker.
const CHILD: &str = "RAGGED_TEST_WORKER";

/// A worker that misbehaves when it is asked for a file of a telling name, as a parser would.
struct Misbehaving(io::Stdin);

impl Read for Misbehaving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(buffer)?;
        let has = |name: &[u8]| buffer[..n].windows(name.len()).any(|window| window == name);
        if has(b"abort.html") {
            std::process::abort();
        }
        if has(b"hang.html") {
            std::thread::park();
        }
        if has(b"garbage.html") {
            frames_pipe()?.write_all(&[3, 0, 0, 0, 0xff, 0xff, 0xff])?;
        }
        Ok(n)
    }
}

/// The pipe for answers. It is not the standard output, on which the test harness writes.
fn frames_pipe() -> io::Result<File> {
    File::options().write(true).open("/dev/fd/3")
}

/// Not a test, but the program of the children of the tests below.
#[test]
fn child() {
    if std::env::vars_os().any(|(key, _)| key == CHILD) {
        serve(Misbehaving(io::stdin()), frames_pipe().unwrap()).unwrap();
    }
}

/// This test executable again, as a worker: its answers go to descriptor 3.
fn command() -> WorkerCommand {
    let this = std::env::current_exe().unwrap();
    let script = r#"exec "$0" "$@" 3>&1 >/dev/null"#;
    let mut args: Vec<OsString> = vec!["-c".into(), script.into(), this.into()];
    args.extend(["--exact", "document_worker::child", "--nocapture"].map(OsString::from));
    let env = vec![(CHILD.into(), "1".into())];
    WorkerCommand { program: "/bin/sh".into(), args, env }
}

fn pool(limits: WorkerLimits, n_workers: usize) -> WorkerPool {
    WorkerPool::new(command(), limits, n_workers).unwrap()
}

fn file(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn read(pool: &WorkerPool, path: &Path) -> Result<String, Unreadable> {
    pool.read(path, Hints::default()).map(|document| document.text)
}

const PAGE: &str = "<html><body><p>some text</p></body></html>";

#[test]
fn files_are_read_as_in_process() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        file(folder.path(), "a.html", PAGE),
        file(folder.path(), "b.md", "# Title\n\n- item\n"),
        file(
            folder.path(),
            "dated.md",
            "---\ndate: 2024-03\nupdated: 2024-03-05T10:00Z\n---\ntext\n",
        ),
        file(folder.path(), "c.rs", "/// Doc.\nfn f() {}\n"),
        file(folder.path(), "d.txt", "plain"),
        file(folder.path(), "é.csv", "a,b\n1,2\n"),
        file(folder.path(), "e.docx", "not a document"),
        file(folder.path(), "f.bin", "\0\0"),
        folder.path().join("missing.html"),
        folder.path().to_owned(),
    ];
    let workers = Readers::in_workers(pool(WorkerLimits::default(), 2));
    let here = Readers::in_process(WorkerLimits::default().files);
    for path in &files {
        let hints = Hints::default();
        assert_eq!(workers.read(path, hints), here.read(path, hints), "{}", path.display());
    }
    let dated = workers.read(&files[2], Hints::default()).unwrap().times;
    assert_eq!(dated.best().map(OwnTime::shown).as_deref(), Some("2024-03-05T10:00:00Z"));
    let hints = Hints { format: Some(Format::Html) };
    assert_eq!(workers.read(&files[4], hints).unwrap().format, Format::Html);
}

#[test]
fn a_crash_costs_its_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (bad, good) =
        (file(folder.path(), "abort.html", PAGE), file(folder.path(), "good.html", PAGE));
    let pool = pool(WorkerLimits::default(), 1);
    for _ in 0..3 {
        assert_eq!(read(&pool, &bad), Err(Unreadable::Crashed("signal 6".to_owned())));
        assert_eq!(read(&pool, &good).as_deref(), Ok("some text"));
    }
}

#[test]
fn a_hang_costs_its_time_limit() {
    let folder = tempfile::tempdir().unwrap();
    let (bad, good) =
        (file(folder.path(), "hang.html", PAGE), file(folder.path(), "good.html", PAGE));
    let time = Duration::from_secs(3);
    let pool = pool(WorkerLimits { time, ..WorkerLimits::default() }, 1);
    let reason = read(&pool, &bad).unwrap_err();
    assert_eq!(reason, Unreadable::TimedOut { limit_ms: 3000 });
    assert_eq!(reason.to_string(), "the parser ran longer than 3 s");
    assert_eq!(read(&pool, &good).as_deref(), Ok("some text"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_flood_of_memory_is_stopped_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let large = file(folder.path(), "large.html", format!("<p>{}", "word ".repeat(8 << 20)));
    let good = file(folder.path(), "good.html", PAGE);
    let pool = pool(WorkerLimits { memory_bytes: 32 << 20, ..WorkerLimits::default() }, 1);
    assert!(pool.memory_is_limited());
    assert_eq!(read(&pool, &good).as_deref(), Ok("some text"));
    let reason = read(&pool, &large).unwrap_err();
    assert_eq!(reason, Unreadable::OutOfMemory { limit_bytes: 32 << 20 });
    assert_eq!(reason.to_string(), "the parser used more than 32 MB");
    assert_eq!(read(&pool, &good).as_deref(), Ok("some text"));
}

#[test]
fn an_answer_that_makes_no_sense_is_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let (bad, good) =
        (file(folder.path(), "garbage.html", PAGE), file(folder.path(), "good.html", PAGE));
    let pool = pool(WorkerLimits::default(), 1);
    assert!(matches!(read(&pool, &bad), Err(Unreadable::Crashed(_))));
    assert_eq!(read(&pool, &good).as_deref(), Ok("some text"));
}

#[test]
fn threads_share_the_workers() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = (0..60)
        .map(|n| match n % 15 {
            7 => file(folder.path(), &format!("{n}-abort.html"), PAGE),
            _ => file(folder.path(), &format!("{n}.html"), format!("<p>page {n}")),
        })
        .collect();
    let pool = pool(WorkerLimits::default(), 2);
    std::thread::scope(|scope| {
        for part in files.chunks(15) {
            let pool = &pool;
            scope.spawn(move || {
                for path in part {
                    let name = path.file_name().unwrap().to_string_lossy();
                    match (name.strip_suffix(".html").unwrap().parse::<u32>(), read(pool, path)) {
                        (Ok(n), Ok(text)) => assert_eq!(text, format!("page {n}")),
                        (Err(_), Err(Unreadable::Crashed(_))) => {}
                        (_, other) => panic!("{name}: {other:?}"),
                    }
                }
            });
        }
    });
}

#[test]
fn a_worker_ends_with_its_parent() {
    let WorkerCommand { program, args, env } = command();
    let mut child = Command::new(program)
        .args(args)
        .envs(env)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_program_that_is_no_worker_is_refused_at_once() {
    for (program, args) in
        [("/no/such/program", vec![]), ("/bin/sh", vec!["-c".into(), "exit 3".into()])]
    {
        let command = WorkerCommand { program: program.into(), args, env: Vec::new() };
        let error = WorkerPool::new(command, WorkerLimits::default(), 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:#}");
        assert!(error.hint().is_some());
    }
}
