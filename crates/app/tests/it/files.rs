use std::io::Write as _;

use crate::scene::Scene;

#[test]
fn a_second_add_adds_nothing_and_says_so() {
    let scene = Scene::with_notes();
    let again = scene.run(&["add", "files"]);
    insta::assert_snapshot!(again.shown(), @r"
    exit 0
    --- stdout
    Nothing new: 3 unchanged.
    --- stderr
    ");
}

#[test]
fn changes_moves_and_removals_are_noticed() {
    let scene = Scene::with_notes();
    scene.write("bread.txt", "Bake it for an hour instead.");
    std::fs::rename(scene.path("lease.md"), scene.path("flat.md")).unwrap();
    std::fs::remove_file(scene.path("greet.py")).unwrap();
    let report = scene.json(&["add", "files", "--prune"]);
    for (field, expected) in
        [("changed", 1), ("moved", 1), ("pruned", 1), ("added", 0), ("unchanged", 0)]
    {
        assert_eq!(report[field], expected, "{field} of {report}");
    }
    let listed = scene.json(&["list"]);
    let paths: Vec<&str> =
        listed.as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(paths.len(), 2, "{paths:?}");
    assert!(paths[0].ends_with("bread.txt") && paths[1].ends_with("flat.md"), "{paths:?}");
    let found = scene.json(&["search", "lease"]);
    assert!(found["hits"][0]["document"]["path"].as_str().unwrap().ends_with("flat.md"));
}

#[test]
fn one_bad_file_is_reported_and_the_rest_goes_on() {
    let scene = Scene::new();
    scene.write("good.md", "A good file.");
    scene.write("broken.docx", b"PK\x03\x04 this is no archive");
    scene.write("latin.txt", b"caf\xe9 au lait, tr\xe8s bon, for everybody in the house");
    scene.write("picture.bin", [0_u8; 64]);
    scene.write(".hidden.md", "not seen");
    let ran = scene.run(&["add", "files"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("broken.docx") && ran.stderr.contains("latin.txt"), "{ran:?}");
    assert!(ran.stdout.contains("1 added, 2 skipped (1 binary, 1 hidden), 2 failed"), "{ran:?}");
    assert!(!ran.stderr.contains("--retry"), "{ran:?}");
    let again = scene.run(&["add", "files", "--verbose"]);
    assert_eq!(again.stderr.matches("latin.txt").count(), 1, "named once: {again:?}");
    assert!(again.stderr.contains("--retry"), "{again:?}");

    let report = scene.json(&["add", "files"]);
    assert_eq!(report["failed"].as_array().unwrap().len(), 2, "{report}");
    assert_eq!(report["unchanged"], 1);
    let unreadable = scene.json(&["list", "--unreadable"]);
    assert_eq!(unreadable.as_array().unwrap().len(), 2, "{unreadable}");

    // What is mended is read.
    scene.write("latin.txt", "café au lait");
    std::fs::remove_file(scene.path("broken.docx")).unwrap();
    let ran = scene.run(&["add", "files", "--prune"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn ignore_files_are_honoured() {
    let scene = Scene::new();
    scene.write(".gitignore", "build/\n");
    scene.write(".raggedignore", "*.secret.md\n");
    scene.write("build/out.md", "generated");
    scene.write("a.secret.md", "secret");
    scene.write("a.md", "open");
    scene.run(&["add", "files"]);
    let listed = scene.json(&["list"]);
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
}

#[test]
fn dry_runs_print_and_change_nothing() {
    let scene = Scene::with_notes();
    scene.write("new.md", "something new");
    let ran = scene.run(&["add", "files", "--dry-run"]);
    assert!(ran.stdout.starts_with("Would do: 1 added, 3 unchanged"), "{ran:?}");
    let lease = scene.path("lease.md").display().to_string();
    let ran = scene.run(&["remove", &lease, "--dry-run"]);
    assert!(ran.stdout.contains("Would forget 1 file."), "{ran:?}");
    assert_eq!(scene.json(&["status"])["files"], 3);
}

#[test]
fn a_folder_that_is_gone_can_be_removed() {
    let scene = Scene::with_notes();
    std::fs::remove_dir_all(scene.path("")).unwrap();
    let ran = scene.run(&["add", "files", "--prune"]);
    assert!(ran.code == 1 && ran.stderr.contains("`ragged remove files`"), "{ran:?}");
    assert_eq!(scene.run(&["remove", "files"]).stdout, "Forgot 3 files.\n");
}

#[test]
fn a_list_that_nothing_matches_says_so() {
    let scene = Scene::with_notes();
    let ran = scene.run(&["list", "*.odt"]);
    assert_eq!(ran.stdout, "No file matches; the library holds 3 files.\n");
}

#[test]
fn remove_by_path_by_folder_and_by_id() {
    let scene = Scene::with_notes();
    let listed = scene.json(&["list"]);
    let id = listed[0]["document"].to_string();
    assert_eq!(scene.json(&["remove", &id])["removed"].as_array().unwrap().len(), 1);
    assert_eq!(scene.json(&["remove", "files"])["removed"].as_array().unwrap().len(), 2);
    let ran = scene.run(&["remove", "files"]);
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: [ROOT]/files is not in the library
    hint: `ragged list` shows what is
    ");
    assert!(scene.path("lease.md").exists(), "the file itself stays");
}

#[test]
fn show_a_document() {
    let scene = Scene::with_notes();
    let shown = scene.json(&["show", "files/lease.md", "--chunks"]);
    assert_eq!(shown["type"], "md");
    let chunks = shown["chunks"].as_array().unwrap();
    assert!(!chunks.is_empty());
    let text = scene.run(&["show", "files/lease.md", "--text"]).stdout;
    assert_eq!(text, std::fs::read_to_string(scene.path("lease.md")).unwrap());
    for chunk in chunks {
        let (start, end) = (chunk["start"].as_u64().unwrap(), chunk["end"].as_u64().unwrap());
        assert_eq!(chunk["text"], text[start as usize..end as usize]);
    }
    let ran = scene.run(&["show", "files/leese.md"]);
    assert!(ran.code == 1 && ran.stderr.contains("did you mean"), "{ran:?}");
}

#[test]
fn compressed_files_and_duplicates() {
    let scene = Scene::new();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(b"# Packed\n\nA note about zebras in a packed file.\n").unwrap();
    scene.write("note.md.gz", packed.finish().unwrap());
    scene.write("twin-a.txt", "the same words in both files");
    scene.write("twin-b.txt", "the same words in both files");
    let report = scene.json(&["add", "files"]);
    assert_eq!(
        (report["added"].as_u64(), report["duplicates"].as_u64()),
        (Some(2), Some(1)),
        "{report}"
    );
    let found = scene.json(&["search", "zebras"]);
    assert!(found["hits"][0]["document"]["path"].as_str().unwrap().ends_with("note.md.gz"));
    let twins = scene.json(&["search", "same words in both"]);
    assert_eq!(twins["hits"][0]["document"]["also_at"].as_array().unwrap().len(), 1, "{twins}");
}

#[test]
fn check_finds_damage_and_repair_mends_it() {
    let scene = Scene::with_notes();
    assert_eq!(scene.run(&["check"]).code, 0);
    let vectors = scene.data_dir().join("index").join("vectors");
    let segment = find(&vectors, |name| name != "manifest").expect("a segment");
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(&segment, bytes).unwrap();
    let ran = scene.run(&["check"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(scene.run(&["check", "--repair"]).code, 0);
    assert_eq!(scene.run(&["check"]).code, 0);
    assert!(!scene.json(&["search", "lease"])["hits"].as_array().unwrap().is_empty());
}

fn find(dir: &std::path::Path, wanted: impl Fn(&str) -> bool + Copy) -> Option<std::path::PathBuf> {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if let Some(found) = find(&path, wanted) {
                return Some(found);
            }
        } else if wanted(path.file_name().unwrap().to_str().unwrap()) {
            return Some(path);
        }
    }
    None
}
