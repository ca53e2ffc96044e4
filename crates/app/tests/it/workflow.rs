//! The workflow that benchmarks a commit, run as it is written: its scripts, by bash, with the real
//! program in the place of the two that it builds.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::scene::{skipped, variable};

fn workflow() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.github/workflows/benchmarks.yml");
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn step<'a>(workflow: &'a Value, name: &str) -> &'a Value {
    let steps = workflow["jobs"]["compare"]["steps"].as_array().unwrap();
    steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("no step {name:?}"))
}

/// A clone on a runner, where scripts of the workflow are run.
struct Runner {
    root: tempfile::TempDir,
    workflow: Value,
    base: String,
    head: String,
}

/// How a script ended.
#[derive(Debug)]
struct Ended {
    code: i32,
    said: String,
}

impl Runner {
    /// A repository of two commits, the first of which has benchmarks or not; `None` where there is no
    /// bash or git.
    fn new(base_has_benchmarks: bool) -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        let mut runner =
            Self { root, workflow: workflow(), base: String::new(), head: String::new() };
        for folder in ["clone", "runner"] {
            fs::create_dir(runner.path(folder)).unwrap();
        }
        if runner.bash("git init --quiet -b main .").code != 0 {
            skipped("there is no bash or no git here");
            return None;
        }
        let shipped =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benchmarks/thresholds.yaml");
        let limits = runner.path("clone").join("benchmarks/thresholds.yaml");
        fs::create_dir_all(limits.parent().unwrap()).unwrap();
        let mut commits = Vec::new();
        for has_benchmarks in [base_has_benchmarks, true] {
            if has_benchmarks {
                fs::copy(&shipped, &limits).unwrap();
            }
            let commit = runner.bash(
                "git add . && git -c user.name=a -c user.email=a@b.example commit --quiet --allow-empty -m a && git rev-parse HEAD",
            );
            assert_eq!(commit.code, 0, "{commit:?}");
            commits.push(commit.said.trim().to_owned());
        }
        (runner.base, runner.head) = (commits[0].clone(), commits[1].clone());
        Some(runner)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn bash(&self, script: &str) -> Ended {
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(self.path("clone"))
            .env_clear()
            .env("HOME", self.root.path())
            .env("RAGGED_DATA_DIR", self.path("data"))
            .env("RUNNER_TEMP", self.path("runner"))
            .env("GITHUB_OUTPUT", self.path("output"))
            .env("GITHUB_STEP_SUMMARY", self.path("summary.md"))
            .env("BASE", &self.base)
            .env("HEAD", &self.head);
        for name in ["PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "LLVM_PROFILE_FILE"] {
            if let Some(value) = variable(name) {
                command.env(name, value);
            }
        }
        let Ok(output) = command.output() else {
            return Ended { code: 127, said: String::new() };
        };
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        Ended { code: output.status.code().unwrap_or(-1), said }
    }

    fn run(&self, name: &str) -> Ended {
        self.bash(step(&self.workflow, name)["run"].as_str().unwrap())
    }

    /// Puts programs where the workflow builds them. What they are told goes to ragged, but `ci` only
    /// says what it would measure, and leaves a result of the base or of the head.
    fn build(&self, base: &Value, head: &Value) {
        for (name, result) in [("base", base), ("head", head)] {
            let planted = self.path("runner").join(format!("{name}.json"));
            fs::write(&planted, result.to_string()).unwrap();
            let script = format!(
                r#"#!/usr/bin/env bash
set -euo pipefail
if [[ $2 != ci ]]; then exec '{ragged}' "$@"; fi
'{ragged}' "$@" --dry-run
while [[ $1 != --label ]]; do shift; done
mkdir -p benchmarks/results
sed "s/LABEL/$2/" '{planted}' >"benchmarks/results/$2.json"
touch limits.md
"#,
                ragged = env!("CARGO_BIN_EXE_ragged"),
                planted = planted.display()
            );
            let program = self.path("runner").join(name);
            fs::write(&program, script).unwrap();
            let made = self.bash(&format!("chmod +x \"$RUNNER_TEMP/{name}\""));
            assert_eq!(made.code, 0, "{made:?}");
        }
    }
}

/// A result of ten repeats around a latency.
fn result(latency: f64) -> Value {
    let repeats: Vec<f64> = (0..10).map(|at| latency * (1.0 + 0.002 * f64::from(at))).collect();
    serde_json::json!({
        "schema": 1, "label": "LABEL", "version": "0.1.0", "created": "2026-01-01T00:00:00Z",
        "machine": {"processor": "a", "threads": 2, "memory_mib": 1024, "system": "linux"},
        "seed": 1, "corpus": "made-up",
        "rows": [{
            "cell": {"documents": 1000, "backend": "leann", "configuration": "default"},
            "test": "query", "metric": "latency_p95", "unit": "ms", "better": "lower",
            "kind": "time", "repeats": repeats, "n": 100,
        }],
    })
}

#[test]
fn it_runs_on_push_and_pull_request_as_it_should() {
    let workflow = workflow();
    let events: BTreeMap<String, Value> = serde_json::from_value(workflow["on"].clone()).unwrap();
    assert_eq!(events.keys().collect::<Vec<_>>(), ["pull_request", "push"]);
    let base = workflow["env"]["BASE"].as_str().unwrap();
    assert_eq!(base, "${{ github.event.pull_request.base.sha || github.event.before }}");
    // Words of a branch or a title never reach a script but by a variable.
    for step in workflow["jobs"]["compare"]["steps"].as_array().unwrap() {
        let run = step["run"].as_str().unwrap_or_default();
        assert!(!run.contains("${{"), "{run}");
    }
    let compare = step(&workflow, "Compare")["run"].as_str().unwrap();
    assert!(compare.contains("--fail-on-regression 10%"), "{compare}");
    let measure = step(&workflow, "Measure, and hold against the limits")["run"].as_str().unwrap();
    let ci = "benchmark ci --corpus-size 1000 --threshold-file benchmarks/thresholds.yaml";
    assert!(measure.contains(ci), "{measure}");
}

#[test]
fn the_base_is_found_or_it_says_why_not() {
    let Some(mut runner) = Runner::new(true) else { return };
    let ended = runner.run("Find the base");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(runner.path("runner/base-tree/benchmarks/thresholds.yaml").is_file(), "{ended:?}");
    let first = "0".repeat(40);
    for (base, said) in [
        (first.as_str(), "first push"),
        ("", "first push"),
        ("0123456789012345678901234567890123456789", "no longer there"),
    ] {
        runner.base = base.to_owned();
        let ended = runner.run("Find the base");
        assert!(ended.code == 0 && ended.said.contains(said), "{base}: {ended:?}");
    }
    let Some(runner) = Runner::new(false) else { return };
    let ended = runner.run("Find the base");
    assert!(ended.code == 0 && ended.said.contains("no benchmark yet"), "{ended:?}");
    let output = fs::read_to_string(runner.path("output")).unwrap();
    assert_eq!(output, "found=false\n");
}

#[test]
fn what_became_worse_ends_it_with_three_and_nothing_else_does() {
    let Some(runner) = Runner::new(true) else { return };
    runner.run("Find the base");
    assert_eq!(fs::read_to_string(runner.path("output")).unwrap(), "found=true\n");
    for (head, code) in [(5.0, 0), (5.4, 0), (6.0, 3)] {
        runner.build(&result(5.0), &result(head));
        for name in
            ["Measure the base", "Measure, and hold against the limits", "Measure the base again"]
        {
            let ended = runner.run(name);
            assert!(ended.code == 0 && ended.said.contains("Nothing was measured"), "{ended:?}");
        }
        let ended = runner.run("Compare");
        assert_eq!(ended.code, code, "{head}: {ended:?}");
        let summary = fs::read_to_string(runner.path("summary.md")).unwrap();
        assert!(summary.contains(&format!("{}-1,{}-2 against", runner.head, runner.head)));
        for report in ["changes.html", "changes.md", "changes.xml"] {
            assert!(runner.path("clone").join(report).is_file(), "{report}");
        }
    }
    let xml = fs::read_to_string(runner.path("clone/changes.xml")).unwrap();
    assert!(xml.contains("failures=\"1\""), "{xml}");
}
