//! Reports of `ragged benchmark`, and the page in a real browser.

use std::{
    collections::HashMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use serde_json::{Value, json};

use crate::scene::{Ran, Scene, skipped, variable};

/// A run of two backends and two sizes, with something for every chart.
fn result() -> Value {
    let mut rows = Vec::new();
    for documents in [1_000_u32, 10_000] {
        for (backend, slow) in [("chromadb", 3.0), ("leann", 1.0)] {
            let mut add = |test: &str, metric: &str, unit: &str, better: &str, value: f64| {
                let kind = if metric.starts_with("recall") { "count" } else { "time" };
                let repeats = [1.0, 1.02, 0.99, 1.01, 0.98].map(|by| value * by);
                let n = if kind == "count" { 1 } else { repeats.len() };
                rows.push(json!({
                    "cell": {"documents": documents, "backend": backend, "configuration": "default"},
                    "test": test, "metric": metric, "unit": unit, "better": better, "kind": kind,
                    "repeats": &repeats[..n], "n": 100,
                }));
            };
            let time = slow * f64::from(documents).sqrt() / 20.0;
            for (percent, by) in [
                ("p5", 0.5),
                ("p25", 0.7),
                ("p50", 1.0),
                ("p75", 1.3),
                ("p90", 1.7),
                ("p95", 2.0),
                ("p99", 3.1),
                ("max", 5.0),
            ] {
                add("query", &format!("latency_{percent}"), "ms", "lower", by * time);
            }
            add("query", "recall_at_3", "", "higher", 0.99);
            add("query", "recall_at_10", "", "higher", if slow > 1.0 { 0.97 } else { 0.98 });
            add("ingest", "documents_per_second", "1/s", "higher", 900.0 / slow);
            add("memory", "peak", "MiB", "lower", 60.0 * slow);
            add("memory", "idle", "MiB", "lower", 20.0 * slow);
            add("storage", "total", "MB", "lower", 0.004 * slow * f64::from(documents));
            add("storage", "per_document", "KB", "lower", 4.0 * slow);
            add("overhead", "baseline_p95", "ms", "lower", 2.0 * time);
            add("overhead", "profiling", "ms", "lower", 0.03 * time);
            add("overhead", "personalisation", "ms", "lower", 0.2 * time);
            add("overhead", "temporal", "ms", "lower", -0.02 * time);
            for threads in [1_u32, 2, 4, 8, 16] {
                let rate = 600.0 / time * f64::from(threads.min(2));
                add("concurrent", &format!("queries_per_second_{threads}"), "1/s", "higher", rate);
            }
        }
    }
    json!({
        "schema": 1, "label": "planted", "version": "0.1.0", "created": "2026-01-01T00:00:00Z",
        "machine": {"processor": "a", "threads": 2, "memory_mib": 1024, "system": "linux"},
        "seed": 1, "corpus": "made-up documents", "rows": rows,
    })
}

struct Reports {
    scene: Scene,
}

impl Reports {
    fn new() -> Self {
        let scene = Scene::new();
        fs::write(scene.path("planted.json"), result().to_string()).unwrap();
        Self { scene }
    }

    fn run(&self, args: &[&str]) -> Ran {
        let args = [&["benchmark"], args, &["--results-dir", "results"]].concat();
        self.scene.run(&args)
    }

    fn file(&self, name: &str) -> String {
        self.scene.path(name).display().to_string()
    }
}

#[test]
fn a_result_is_written_in_every_format() {
    let reports = Reports::new();
    let planted = reports.file("planted.json");
    for (name, said) in [
        ("a.html", "<h3>Latency by corpus size</h3>"),
        (
            "a.md",
            "**Overall winner: leann (query speed + ingest speed + memory use + storage efficiency + recall@10)**",
        ),
        ("a.json", "\"label\": \"planted\""),
        ("a.xml", "<testsuite name=\"ragged benchmark planted\""),
    ] {
        let file = reports.file(name);
        let ran = reports.run(&["show", &planted, "--output", &file]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.stdout.contains("Overall winner: leann (query speed +"), "{ran:?}");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(said), "{name}: {text}");
    }
    let ran = reports.run(&["show", &planted, "--output", &reports.file("a.pdf")]);
    assert!(ran.code == 2 && ran.stderr.contains(".html, .md, .json or .xml"), "{ran:?}");

    let ran = reports.run(&["show", &planted, "--github", &reports.file("bench.json")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for (name, first) in [
        ("bench.smaller.json", "query latency_p5: chromadb, default, 1000 documents"),
        ("bench.bigger.json", "query recall_at_3: chromadb, default, 1000 documents"),
    ] {
        let text = fs::read_to_string(reports.file(name)).unwrap();
        let entries: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(entries[0]["name"], first);
        assert!(entries[0]["value"].is_f64() && entries[0]["unit"].is_string(), "{entries}");
    }
}

#[test]
fn a_missing_baseline_is_told_from_other_failures() {
    let reports = Reports::new();
    let planted = reports.file("planted.json");
    let compare = |baseline: &str, current: &str| {
        reports.run(&["compare", "--baseline", baseline, "--current", current])
    };
    let ran = compare("v9", &planted);
    assert!(ran.code == 4 && ran.stderr.contains("nothing to compare with"), "{ran:?}");
    assert_eq!(compare(&planted, "v9").code, 1);
    assert_eq!(compare(&planted, &planted).code, 0);
    // Several are taken as one: five repeats twice.
    let both = format!("{planted},{planted}");
    let changes =
        reports.scene.json(&["benchmark", "compare", "--baseline", &both, "--current", &both]);
    assert_eq!(changes["baseline"], "planted,planted");
    let chance = &changes["changes"][0];
    assert!(chance["detectable"].as_f64().unwrap() < 0.1, "{chance}");
    assert_eq!(reports.run(&["noise", "--tests", "qeury"]).code, 2);
}

/// A browser: named by the environment, or on the path.
fn browser() -> Option<PathBuf> {
    if let Some(named) = variable("RAGGED_BROWSER") {
        return Some(named.into());
    }
    let folders = variable("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    std::env::split_paths(&folders)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

/// Opens a page and takes its picture; what the console said, and the picture.
fn picture(
    browser: &Path,
    page: &Path,
    (width, height): (u32, u32),
    is_dark: bool,
) -> (String, Picture) {
    let own = tempfile::tempdir().unwrap();
    let shot = own.path().join("page.png");
    let mut child = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--enable-logging=stderr",
        ])
        .arg(format!("--user-data-dir={}", own.path().join("profile").display()))
        .arg(format!("--window-size={width},{height}"))
        // 0 is dark, 1 is light.
        .arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!is_dark)))
        .arg(format!("--screenshot={}", shot.display()))
        .arg(format!("file://{}", page.display()))
        .env("HOME", own.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let (sender, said) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        drop(stderr.read_to_end(&mut text));
        drop(sender.send(String::from_utf8_lossy(&text).into_owned()));
    });
    // A browser that hangs is ended.
    let said = said.recv_timeout(Duration::from_mins(2));
    drop(child.kill());
    child.wait().unwrap();
    let said = said.unwrap();
    let console: Vec<&str> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
    let bytes = fs::read(&shot).unwrap_or_else(|error| panic!("no picture: {error}\n{said}"));
    (console.join("\n"), Picture::read(&bytes))
}

/// Pixels of red, green, blue.
struct Picture {
    width: usize,
    rows: Vec<Vec<[u8; 3]>>,
}

impl Picture {
    /// Reads a PNG of eight bits a channel that is not interlaced, as browsers write them.
    fn read(bytes: &[u8]) -> Self {
        assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let (mut at, mut packed) = (8, Vec::new());
        while at < bytes.len() {
            let (length, kind) = (number(at), &bytes[at + 4..at + 8]);
            if kind == b"IDAT" {
                packed.extend_from_slice(&bytes[at + 8..at + 8 + length]);
            }
            at += 12 + length;
        }
        let (width, height) = (number(16), number(20));
        let channels = match (bytes[24], bytes[25], bytes[28]) {
            (8, 2, 0) => 3,
            (8, 6, 0) => 4,
            other => panic!("another kind of PNG: {other:?}"),
        };
        let mut data = Vec::new();
        flate2::read::ZlibDecoder::new(&packed[..]).read_to_end(&mut data).unwrap();
        let stride = width * channels;
        let mut above = vec![0_u8; stride];
        let mut rows = Vec::with_capacity(height);
        for line in data.chunks(stride + 1) {
            let (filter, mut row) = (line[0], line[1..].to_vec());
            for at in 0..stride {
                let left = if at >= channels { row[at - channels] } else { 0 };
                let corner = if at >= channels { above[at - channels] } else { 0 };
                let guess = match filter {
                    0 => 0,
                    1 => left,
                    2 => above[at],
                    3 => u8::midpoint(left, above[at]),
                    _ => nearest(left, above[at], corner),
                };
                row[at] = row[at].wrapping_add(guess);
            }
            rows.push(row.chunks(channels).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect());
            above = row;
        }
        Self { width, rows }
    }

    /// Each colour and how many pixels have it, most first.
    fn colours(&self) -> Vec<([u8; 3], usize)> {
        let mut counts: HashMap<[u8; 3], usize> = HashMap::new();
        for pixel in self.rows.iter().flatten() {
            *counts.entry(*pixel).or_default() += 1;
        }
        let mut counts: Vec<([u8; 3], usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(colour, n)| (usize::MAX - n, *colour));
        counts
    }

    /// How bright it is, from 0 to 255.
    fn brightness(&self) -> f64 {
        let sum: u64 =
            self.rows.iter().flatten().flatten().map(|channel| u64::from(*channel)).sum();
        sum as f64 / (3 * self.width * self.rows.len()) as f64
    }
}

/// The neighbour that left + above − corner is nearest to (the Paeth filter of PNG).
fn nearest(left: u8, above: u8, corner: u8) -> u8 {
    let guess = i16::from(left) + i16::from(above) - i16::from(corner);
    let distance = |value: u8| (guess - i16::from(value)).abs();
    [left, above, corner].into_iter().min_by_key(|value| distance(*value)).unwrap()
}

#[test]
fn the_page_is_seen_in_a_browser_light_and_dark_wide_and_narrow() {
    let Some(browser) = browser() else {
        skipped("there is no Chromium on the path or in RAGGED_BROWSER");
        return;
    };
    let reports = Reports::new();
    let planted = reports.file("planted.json");
    let (run, changes) = (reports.file("run.html"), reports.file("changes.html"));
    assert_eq!(reports.run(&["show", &planted, "--output", &run]).code, 0);
    let compare = ["compare", "--baseline", &planted, "--current", &planted, "--output", &changes];
    assert_eq!(reports.run(&compare).code, 0);
    for page in [&run, &changes] {
        for size in [(1280, 2000), (400, 2000)] {
            let of = |is_dark: bool| {
                let (console, picture) = picture(&browser, Path::new(page), size, is_dark);
                assert_eq!(console, "", "{page}");
                assert_eq!((picture.width, picture.rows.len()), (size.0 as usize, 2000));
                let colours = picture.colours();
                let (background, n) = colours[0];
                let share = n as f64 / (picture.width * picture.rows.len()) as f64;
                // Neither blank nor full of something.
                assert!((0.3..0.98).contains(&share), "{page} {size:?}: {share}");
                assert!(colours.len() > 60, "{page} {size:?}: {} colours", colours.len());
                // Nothing sticks out on the right: the edge has one colour from top to bottom.
                let edge: Vec<[u8; 3]> =
                    picture.rows.iter().flat_map(|row| row[row.len() - 6..].to_vec()).collect();
                assert!(edge.iter().all(|pixel| *pixel == edge[0]), "{page} {size:?}");
                (picture.brightness(), background)
            };
            let ((light, light_ground), (dark, dark_ground)) = (of(false), of(true));
            assert!(light > 200.0 && dark < 70.0, "{page} {size:?}: {light} {dark}");
            assert_ne!(light_ground, dark_ground);
        }
    }
    // A page whose script is refused is one that says so.
    let broken = reports.file("broken.html");
    let text = fs::read_to_string(&run).unwrap().replace("</body>", "<script>1</script></body>");
    fs::write(&broken, text).unwrap();
    let (console, _) = picture(&browser, Path::new(&broken), (400, 400), false);
    assert!(console.contains("Content Security Policy"), "{console}");
}
