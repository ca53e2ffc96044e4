use std::fs;

use super::*;

fn names(scan: Scan, root: &Path) -> (Vec<String>, Vec<(String, &'static str)>) {
    let root = root.canonicalize().unwrap();
    let relative =
        |path: &Path| path.strip_prefix(&root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    let (mut files, mut skipped) = (Vec::new(), Vec::new());
    for item in scan {
        match item {
            Ok(file) => files.push(relative(&file.path)),
            Err(skip) => skipped.push((relative(&skip.path), skip.reason.code())),
        }
    }
    (files, skipped)
}

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn files_come_in_order_and_without_what_ignore_files_name() {
    let folder = tree(&[
        ("b.txt", "b"),
        ("a/z.txt", "z"),
        ("a/y.log", "y"),
        (".gitignore", "*.log\n"),
        ("c/.raggedignore", "secret*\n"),
        ("c/secret.txt", "s"),
        ("c/open.txt", "o"),
        (".hidden/x.txt", "x"),
        ("d/.ignore", "n.txt\n"),
        ("d/n.txt", "n"),
        ("empty.txt", ""),
    ]);
    let (files, skipped) =
        names(scan(&[folder.path()], &ScanRules::default()).unwrap(), folder.path());
    assert_eq!(files, ["a/z.txt", "b.txt", "c/open.txt"]);
    assert!(skipped.contains(&(".hidden".to_owned(), "hidden")), "{skipped:?}");
    assert!(skipped.contains(&("empty.txt".to_owned(), "empty")), "{skipped:?}");
    assert!(!skipped.iter().any(|(name, _)| name.contains("secret")), "{skipped:?}");
}

#[test]
fn a_file_given_by_name_is_taken_whatever_it_is_called() {
    let folder = tree(&[(".gitignore", "*\n"), (".note.txt", "x"), ("plain.txt", "y")]);
    let given = [folder.path().join(".note.txt"), folder.path().to_owned()];
    let (files, _) = names(scan(&given, &ScanRules::default()).unwrap(), folder.path());
    assert_eq!(files, [".note.txt"]);
}

#[test]
fn overlapping_paths_yield_each_file_once() {
    let folder = tree(&[("a/x.txt", "x"), ("b.txt", "b")]);
    let given = [folder.path().join("a"), folder.path().to_owned(), folder.path().join("b.txt")];
    let (files, _) = names(scan(&given, &ScanRules::default()).unwrap(), folder.path());
    assert_eq!(files, ["a/x.txt", "b.txt"]);
}

#[test]
fn the_data_folder_and_large_files_are_left_out() {
    let folder = tree(&[("data/library.db", "x"), ("big.txt", "12345678"), ("ok.txt", "ok")]);
    let rules = ScanRules { max_file_bytes: Some(4), excluded: vec![folder.path().join("data")] };
    let (files, skipped) = names(scan(&[folder.path()], &rules).unwrap(), folder.path());
    assert_eq!(files, ["ok.txt"]);
    assert!(skipped.contains(&("big.txt".to_owned(), "too-large")), "{skipped:?}");
    assert!(skipped.contains(&("data".to_owned(), "ignored")), "{skipped:?}");
    let inside = [folder.path().join("data/library.db")];
    let (files, skipped) = names(scan(&inside, &rules).unwrap(), folder.path());
    assert!(files.is_empty() && skipped.len() == 1, "{files:?} {skipped:?}");
}

#[cfg(unix)]
#[test]
fn links_are_never_followed() {
    let outside = tree(&[("secret.txt", "s")]);
    let folder = tree(&[("a.txt", "a")]);
    std::os::unix::fs::symlink(outside.path(), folder.path().join("out")).unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
    std::os::unix::fs::symlink("a.txt", folder.path().join("b.txt")).unwrap();
    let (files, skipped) =
        names(scan(&[folder.path()], &ScanRules::default()).unwrap(), folder.path());
    assert_eq!(files, ["a.txt"]);
    assert_eq!(skipped.iter().filter(|(_, code)| *code == "link").count(), 3);
}

#[test]
fn a_missing_path_is_named() {
    let error = scan(&["/no/such/folder"], &ScanRules::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("/no/such/folder"), "{error}");
}
