//! Modules only look down: what each may use is written here, and nothing else passes.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// For each module the modules of this crate that it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("cache", &[]),
    ("error", &[]),
    ("id", &[]),
    ("permission", &["error"]),
    ("sqlite", &["error"]),
    ("temporal", &["error"]),
    ("telemetry", &["cache", "error", "http", "permission", "sqlite", "temporal"]),
    ("vault", &["error", "permission", "sqlite"]),
    ("knowledge", &["error"]),
    (
        "memory",
        &[
            "collection",
            "error",
            "id",
            "knowledge",
            "lexical",
            "permission",
            "sqlite",
            "temporal",
            "vault",
        ],
    ),
    ("http", &["error"]),
    ("document", &["error"]),
    ("chunk", &["document", "error"]),
    ("collection", &["error"]),
    ("settings", &["chunk", "store"]),
    ("store", &["chunk", "collection", "document", "error", "id", "sqlite"]),
    ("embedding", &["error", "http", "permission", "settings"]),
    ("lexical", &["error"]),
    ("ranking", &["id"]),
    ("retrieval", &["collection", "document", "error", "id", "settings", "store"]),
    (
        "backend",
        &[
            "cache",
            "embedding",
            "error",
            "http",
            "id",
            "permission",
            "ranking",
            "retrieval",
            "settings",
        ],
    ),
    ("answer", &["chunk", "document", "error", "http", "settings"]),
    (
        "library",
        &[
            "answer",
            "backend",
            "cache",
            "chunk",
            "collection",
            "document",
            "embedding",
            "error",
            "id",
            "lexical",
            "memory",
            "permission",
            "ranking",
            "retrieval",
            "settings",
            "store",
            "telemetry",
            "temporal",
        ],
    ),
    ("evaluation", &["collection", "error", "library", "memory", "retrieval", "settings"]),
];

fn source_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files_below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules of this crate that a source file names after `crate::`, comments left out.
fn used(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for rest in line.split("crate::").skip(1) {
            let name: String =
                rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            if !name.is_empty() {
                found.insert(name);
            }
        }
    }
    // `use crate::{ … }` over several lines: the first name of each part of the group.
    let code: String = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    for group in code.split("use crate::{").skip(1) {
        let mut depth = 0;
        let mut part = String::new();
        for c in group.chars() {
            let ends_part = depth == 0 && matches!(c, ',' | '}');
            if ends_part {
                let name: String = part
                    .trim()
                    .chars()
                    .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                    .collect();
                found.insert(name);
                part.clear();
            } else {
                part.push(c);
            }
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    found.remove("");
    found
}

#[test]
fn modules_only_look_down() {
    let known: BTreeSet<&str> = MAY_USE.iter().map(|(module, _)| *module).collect();
    let mut problems = Vec::new();
    for entry in fs::read_dir(source_dir()).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if module == "lib" {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            problems.push(format!("{module} is not in the table"));
            continue;
        };
        let mut files = Vec::new();
        if path.is_dir() {
            files_below(&path, &mut files);
        } else {
            files.push(path);
        }
        for file in files.iter().filter(|file| !file.ends_with("tests.rs")) {
            for target in used(&fs::read_to_string(file).unwrap()) {
                if target != module
                    && known.contains(target.as_str())
                    && !allowed.contains(&target.as_str())
                {
                    problems.push(format!("{module} uses {target}: {}", file.display()));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_reader_of_imports_sees_every_form() {
    let source = "use crate::store::Store;\n// crate::ranking\nuse crate::{\n    error::{Error, Result},\n    id::ChunkId,\n    lexical,\n};\nlet x = crate::chunk::split();";
    let found = used(source);
    for name in ["store", "error", "id", "chunk", "lexical"] {
        assert!(found.contains(name), "{name} in {found:?}");
    }
    assert!(!found.contains("ranking"), "{found:?}");
}
