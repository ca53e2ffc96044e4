//! The commands of a tutorial, run as they stand there.

use std::{fs, path::Path, process::Command};

/// The blocks of shell commands of a page, in order.
fn commands(page: &str) -> String {
    let mut script = String::new();
    let mut is_inside = false;
    for line in page.lines() {
        match line {
            "```sh" => is_inside = true,
            "```" => is_inside = false,
            _ if is_inside => {
                script.push_str(line);
                script.push('\n');
            }
            _ => {}
        }
    }
    script
}

#[test]
fn every_command_of_the_tutorial_on_optimising_works() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tutorials/optimising.md");
    let script = commands(&fs::read_to_string(page).unwrap());
    assert!(script.lines().filter(|line| line.starts_with("ragged ")).count() > 20, "{script}");
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ragged"));
    let path = format!("{}:{}", program.parent().unwrap().display(), env!("PATH"));
    let ended = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("HOME", folder.path())
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    let noted = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}\n{noted}");
    for expected in ["retrieve", "Slowest queries", "low-memory", "before", "backend.cache_size"] {
        assert!(said.contains(expected), "{expected}: {said}\n{noted}");
    }
    assert!(fs::read_to_string(folder.path().join("question.svg")).unwrap().contains("<svg"));
    let trace = fs::read_to_string(folder.path().join("question.json")).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&trace).is_ok(), "{trace}");
}
