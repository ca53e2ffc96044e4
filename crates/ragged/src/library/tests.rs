use std::sync::Arc;

use super::*;
use crate::{
    collection::CollectionName,
    document::{Limits, Readers},
    embedding,
    error::ErrorKind,
    retrieval::Filter,
    settings::SearchMode,
    temporal::FixedClock,
};

fn open(dir: &Path) -> Library {
    let model = Arc::new(embedding::builtin().unwrap());
    Library::open(dir, Settings::default(), model, Arc::new(FixedClock(0))).unwrap()
}

fn document(path: &str, text: &str) -> VirtualDocument {
    VirtualDocument { path: path.to_owned(), title: String::new(), text: text.to_owned() }
}

fn request(library: &Library, query: &str) -> SearchRequest {
    SearchRequest::new(query, &library.settings().search)
}

#[test]
fn parts_sum_to_the_score() {
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path());
    let documents = vec![
        document("sea", "The moon pulls the sea and makes the tides."),
        document("bread", "Bread is baked from flour, water and yeast."),
        document("ship", "A ship waits for the tides before it leaves."),
    ];
    library.add_virtual(documents, &NoProgress, &Cancel::new()).unwrap();
    let response = library.search(&request(&library, "what makes the tides?")).unwrap();
    assert_eq!(response.hits[0].path(), "sea");
    for hit in &response.hits {
        assert_eq!(hit.fused.score, hit.fused.vector_part + hit.fused.lexical_part);
        assert!(!hit.text.is_empty());
    }
    let marked = &response.hits[0].highlights;
    assert!(marked.iter().any(|range| &response.hits[0].text[range.clone()] == "tides"));
    assert!(response.counts.hydrated_chunks <= 3);
}

#[test]
fn what_is_asked_for_nothing_finds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path());
    assert!(library.search(&request(&library, "anything")).unwrap().hits.is_empty());
    library.add_virtual(vec![document("a", "some text")], &NoProgress, &Cancel::new()).unwrap();
    assert!(library.search(&request(&library, "   ")).unwrap().hits.is_empty());
    let none = SearchRequest { k: 0, ..request(&library, "text") };
    assert_eq!(library.search(&none).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn an_answer_quotes_and_cites() {
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path());
    let text = "The hut stands at 2,300 metres. The warden lights the stove at six every evening. \
                Dogs are welcome.";
    library.add_virtual(vec![document("hut", text)], &NoProgress, &Cancel::new()).unwrap();
    let question = request(&library, "When is the stove lit by the warden?");
    let answered = library.answer(&question, &mut |_| {}).unwrap();
    assert!(answered.text.contains("lights the stove at six"), "{}", answered.text);
    assert_eq!((answered.citations[0].n, answered.citations[0].path.as_str()), (1, "hut"));
    assert!(text.contains(&answered.citations[0].quote));
}

#[test]
fn a_second_writer_waits_or_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path());
    let held = lock::WriteLock::acquire(dir.path(), Duration::ZERO).unwrap();
    let error = lock::WriteLock::acquire(dir.path(), Duration::from_millis(30)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    // Reading goes on meanwhile.
    library.search(&request(&library, "anything")).unwrap();
    drop(held);
    lock::WriteLock::acquire(dir.path(), Duration::ZERO).unwrap();
}

#[test]
fn an_index_that_is_behind_or_gone_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path());
    let documents =
        (0..40).map(|n| document(&format!("d{n}"), &format!("text number {n} of many")));
    library.add_virtual(documents.collect(), &NoProgress, &Cancel::new()).unwrap();
    drop(library);
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    let library = open(dir.path());
    assert!(library.check().unwrap().is_sound());
    for mode in [SearchMode::Vector, SearchMode::Lexical] {
        let request = SearchRequest { mode, ..request(&library, "text number 7") };
        assert!(!library.search(&request).unwrap().hits.is_empty(), "{mode:?}");
    }
    drop(library);

    // Every file of the derived indexes may be cut short: opening mends it.
    let index = dir.path().join("index");
    let mut files = Vec::new();
    collect(&index, &mut files);
    assert!(files.len() > 3);
    for file in files {
        // Mending may have replaced it meanwhile.
        let bytes = std::fs::read(&file).unwrap_or_default();
        if bytes.is_empty() {
            continue;
        }
        std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        let library = open(dir.path());
        let report = library.check().unwrap();
        if !report.is_sound() {
            let repaired = library.repair(&Cancel::new(), &mut |_, _| {}).unwrap();
            assert!(repaired.rebuilt && repaired.removed.is_empty());
        }
        assert!(library.check().unwrap().is_sound(), "{}", file.display());
        drop(library);
    }
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

#[test]
fn repair_takes_out_what_is_lost_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path());
    let documents =
        vec![document("kept", "a text that stays"), document("lost", "a text that is hit")];
    library.add_virtual(documents, &NoProgress, &Cancel::new()).unwrap();
    let lost = library.store().reader().unwrap().file("lost").unwrap().unwrap().document;
    drop(library);
    let database = rusqlite::Connection::open(dir.path().join("library.db")).unwrap();
    database
        .execute(
            "UPDATE text_blocks SET data = zeroblob(9) WHERE id >> 20 = ?1",
            [lost.0.cast_signed()],
        )
        .unwrap();
    drop(database);
    let library = open(dir.path());
    assert!(!library.check().unwrap().is_sound());
    let report = library.repair(&Cancel::new(), &mut |_, _| {}).unwrap();
    assert_eq!(report.removed, ["lost"]);
    assert!(library.check().unwrap().is_sound());
    assert_eq!(library.store().reader().unwrap().files().unwrap().len(), 1);
}

#[test]
fn the_same_input_gives_the_same_library() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..30 {
        let text =
            format!("# File {number}\n\n{}", "A sentence to be indexed. ".repeat(number * 20));
        std::fs::write(folder.path().join(format!("{number}.md")), text).unwrap();
    }
    let readers = Readers::in_process(Limits::default());
    let states: Vec<_> = (0..2)
        .map(|_| {
            let dir = tempfile::tempdir().unwrap();
            let library = open(dir.path());
            let paths = [folder.path().to_path_buf()];
            library
                .add(&paths, AddOptions::default(), &readers, &NoProgress, &Cancel::new())
                .unwrap();
            let reader = library.store().reader().unwrap();
            let found = library.search(&request(&library, "a sentence of file 7")).unwrap();
            let hits: Vec<_> =
                found.hits.iter().map(|hit| (hit.chunk.clone(), hit.fused.score)).collect();
            (reader.documents().unwrap(), hits)
        })
        .collect();
    assert_eq!(states[0], states[1]);
}

#[test]
fn a_copy_of_a_file_that_changes_is_kept() {
    // As when a log is rotated: the old content is found at a new path, in the same run in which
    // its old path gets new content.
    let folder = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path());
    let readers = Readers::in_process(Limits::default());
    let paths = [folder.path().to_path_buf()];
    let add = || {
        let options = AddOptions::default();
        library.add(&paths, options, &readers, &NoProgress, &Cancel::new()).unwrap()
    };
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("app.log", "the old content of the log");
    add();
    write("app.log.1", "the old content of the log");
    write("app.log", "new content, longer than before, of the log");
    let report = add();
    assert_eq!((report.changed, report.failed.len()), (1, 0), "{report:?}");
    assert!(library.check().unwrap().is_sound());
    assert_eq!(library.status().unwrap().counts.documents, 2);
}

#[test]
fn another_tier_is_refused_until_reindexed() {
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path());
    library.add_virtual(vec![document("a", "some text")], &NoProgress, &Cancel::new()).unwrap();
    drop(library);
    let mut settings = Settings::default();
    settings.backend.tier = crate::settings::Tier::Fast;
    let model = Arc::new(embedding::builtin().unwrap());
    let library = Library::open(dir.path(), settings, model, Arc::new(FixedClock(0))).unwrap();
    let error = library.search(&request(&library, "text")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    // Work on the words goes on, and does not touch the vectors.
    library.compact().unwrap();
    library.reindex(&Cancel::new(), &mut |_, _| {}).unwrap();
    assert_eq!(library.search(&request(&library, "text")).unwrap().hits.len(), 1);
    assert!(library.check().unwrap().is_sound());
}

#[test]
fn dry_runs_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.md"), "text").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path());
    let readers = Readers::in_process(Limits::default());
    let paths = [folder.path().to_path_buf()];
    let options = AddOptions { dry_run: true, ..AddOptions::default() };
    let report = library.add(&paths, options, &readers, &NoProgress, &Cancel::new()).unwrap();
    assert_eq!(report.added, 1);
    assert_eq!(library.status().unwrap().counts.files, 0);
    let options = AddOptions::default();
    library.add(&paths, options, &readers, &NoProgress, &Cancel::new()).unwrap();
    let path = library.store().reader().unwrap().files().unwrap()[0].path.clone();
    assert_eq!(library.remove(&[path], true).unwrap().files.len(), 1);
    assert_eq!(library.status().unwrap().counts.files, 1);
}

#[test]
fn a_cancelled_add_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.md"), "text").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path());
    let readers = Readers::in_process(Limits::default());
    let paths = [folder.path().to_path_buf()];
    let cancel = Cancel::new();
    cancel.cancel();
    let options = AddOptions::default();
    let report = library.add(&paths, options.clone(), &readers, &NoProgress, &cancel).unwrap();
    assert!(report.interrupted);
    assert!(library.check().unwrap().is_sound());
    let report = library.add(&paths, options, &readers, &NoProgress, &Cancel::new()).unwrap();
    assert_eq!((report.added, report.interrupted), (1, false));
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let library = open(&data);
    library.add_virtual(vec![document("a", "some text")], &NoProgress, &Cancel::new()).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let mut files = Vec::new();
    collect(&data, &mut files);
    for file in files {
        let below_private = file.parent().is_some_and(|parent| mode(parent) == 0o700);
        assert!(
            mode(&file).is_multiple_of(0o100) || below_private,
            "{} {:o}",
            file.display(),
            mode(&file)
        );
    }
}

fn named(name: &str) -> CollectionName {
    name.parse().unwrap()
}

#[test]
fn folders_remember_the_collection_they_were_added_to() {
    let folder = tempfile::tempdir().unwrap();
    let root = std::fs::canonicalize(folder.path()).unwrap();
    let write = |name: &str| {
        std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        std::fs::write(root.join(name), format!("the text of {name}")).unwrap();
    };
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path());
    let readers = Readers::in_process(Limits::default());
    let add = |path: &str, collection: Option<&str>| {
        let options = AddOptions { collection: collection.map(named), ..AddOptions::default() };
        let paths = [root.join(path)];
        library.add(&paths, options, &readers, &NoProgress, &Cancel::new()).unwrap()
    };
    let collection_of = |name: &str| {
        let path = root.join(name).display().to_string();
        let file = library.store().reader().unwrap().file(&path).unwrap().unwrap();
        file.collection.to_string()
    };
    for name in ["a.md", "tax/b.md", "tax/old/c.md"] {
        write(name);
    }
    add("", None);
    assert_eq!(collection_of("tax/b.md"), "default");

    let generation = library.status().unwrap().generation;
    let report = add("tax", Some("tax"));
    assert_eq!((report.reassigned, report.unchanged, report.created_collection), (2, 2, true));
    assert_eq!(report.generation.0, generation.0 + 1, "one change");
    assert!(library.status().unwrap().is_level);
    let report = add("tax", Some("tax"));
    assert_eq!((report.reassigned, report.created_collection), (0, false));
    assert_eq!(report.generation.0, generation.0 + 1, "nothing changed");

    // What is new follows its folder, whichever path brings it in.
    write("tax/new.md");
    write("new.md");
    write("tax/old/new.md");
    add("", None);
    for (name, expected) in [
        ("a.md", "default"),
        ("new.md", "default"),
        ("tax/b.md", "tax"),
        ("tax/new.md", "tax"),
        ("tax/old/new.md", "tax"),
    ] {
        assert_eq!(collection_of(name), expected, "{name}");
    }

    // The folder above says it for all below, and is then the one that counts.
    let report = add("", Some("all"));
    assert_eq!(report.reassigned, 6);
    write("tax/newer.md");
    add("tax", None);
    assert_eq!(collection_of("tax/newer.md"), "all");

    // A dry run says what would move.
    let options =
        AddOptions { collection: Some(named("dry")), dry_run: true, ..AddOptions::default() };
    let paths = [root.join("tax")];
    let report = library.add(&paths, options, &readers, &NoProgress, &Cancel::new()).unwrap();
    assert_eq!((report.reassigned, report.created_collection), (5, true));
    assert_eq!(collection_of("tax/newer.md"), "all");

    // What is forgotten is forgotten with where it belonged.
    library.remove(&[root.display().to_string()], false).unwrap();
    add("", None);
    assert_eq!(collection_of("a.md"), "default");
    let rows = library.collections().unwrap();
    let held: Vec<(&str, u64)> = rows.iter().map(|row| (row.name.as_str(), row.files)).collect();
    assert_eq!(held, [("all", 0), ("default", 7), ("tax", 0)]);
}

#[test]
fn a_document_in_two_collections_is_kept_once_and_found_in_both() {
    let dir = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = std::fs::canonicalize(folder.path()).unwrap();
    let library = open(dir.path());
    let readers = Readers::in_process(Limits::default());
    for (folder, collection) in [("one", "home"), ("two", "work")] {
        std::fs::create_dir(root.join(folder)).unwrap();
        std::fs::write(root.join(folder).join("lease.md"), "the lease ends in March").unwrap();
        let options = AddOptions { collection: Some(named(collection)), ..AddOptions::default() };
        let paths = [root.join(folder)];
        library.add(&paths, options, &readers, &NoProgress, &Cancel::new()).unwrap();
    }
    assert_eq!(library.status().unwrap().counts.documents, 1);
    let find = |collections: &[&str]| {
        let filter = Filter::new().with_collections(collections).unwrap();
        let request = SearchRequest { filter, ..request(&library, "when does the lease end?") };
        library.search(&request)
    };
    for name in ["home", "work"] {
        let found = find(&[name]).unwrap();
        assert_eq!(found.hits.len(), 1);
        assert_eq!(found.hits[0].collection(), Some(&named(name)));
        assert_eq!(found.plan.allowed_chunks, Some(1));
    }
    assert!(find(&["default"]).unwrap().hits.is_empty());
    assert_eq!(find(&["home", "work"]).unwrap().hits.len(), 1);
    let error = find(&["home", "wrok"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.hint().unwrap().contains("did you mean \"work\"?"), "{error:#}");

    // Removing one leaves the document to the other.
    let planned = library.remove_collection(&named("home"), true).unwrap();
    assert_eq!((planned.files, planned.documents, planned.chunks), (1, 0, 0));
    assert_eq!(library.remove_collection(&named("home"), false).unwrap(), planned);
    assert_eq!(find(&["work"]).unwrap().hits.len(), 1);
    assert_eq!(find(&["home"]).unwrap_err().kind(), ErrorKind::NotFound);
    let planned = library.remove_collection(&named("work"), true).unwrap();
    assert_eq!((planned.files, planned.documents, planned.chunks), (1, 1, 1));
    assert_eq!(library.remove_collection(&named("work"), false).unwrap(), planned);
    assert!(library.check().unwrap().is_sound());
    assert_eq!(library.status().unwrap().counts, crate::store::Counts::default());
}

#[test]
fn a_collection_is_renamed_with_all_that_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path());
    let add = |name: &str, path: &str| {
        let documents = vec![document(path, &format!("some text of {path}"))];
        library.add_virtual_in(&named(name), documents, &NoProgress, &Cancel::new()).unwrap()
    };
    assert!(add("work", "a").created_collection);
    let generation = add("home", "b").generation;
    let find = |name: &str| {
        let filter = Filter::new().with_collections(&[name]).unwrap();
        let request = SearchRequest { filter, ..request(&library, "some text") };
        library.search(&request).map(|found| found.hits[0].path().to_owned())
    };
    // Asked before, so that what is remembered of it must give way.
    assert_eq!(find("work").unwrap(), "a");
    let renamed = library.rename_collection(&named("work"), &named("office")).unwrap();
    assert_eq!(renamed.0, generation.0 + 1);
    library.rename_collection(&named("home"), &named("work")).unwrap();
    assert_eq!((find("office").unwrap(), find("work").unwrap()), ("a".into(), "b".into()));
    assert!(library.status().unwrap().is_level);
    for (old, new, kind) in [
        ("nobody", "x", ErrorKind::NotFound),
        ("work", "office", ErrorKind::Conflict),
        ("work", "work", ErrorKind::Conflict),
        ("default", "x", ErrorKind::Conflict),
        ("work", "default", ErrorKind::Conflict),
    ] {
        let error = library.rename_collection(&named(old), &named(new)).unwrap_err();
        assert_eq!(error.kind(), kind, "{old} {new}");
        assert!(error.hint().is_some());
    }
    // A known document moves only when its collection is named.
    library.add_virtual(vec![document("a", "new text")], &NoProgress, &Cancel::new()).unwrap();
    assert_eq!(find("office").unwrap(), "a");
    assert_eq!(add("work", "a").reassigned, 1);
    assert_eq!(add("work", "a").reassigned, 0);
    assert_eq!(library.collections().unwrap()[1].files, 0);
}

#[test]
fn repair_finds_a_home_for_files_without_a_collection() {
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path());
    let documents = vec![document("a", "some text")];
    library.add_virtual_in(&named("work"), documents, &NoProgress, &Cancel::new()).unwrap();
    drop(library);
    let database = rusqlite::Connection::open(dir.path().join("library.db")).unwrap();
    database.pragma_update(None, "foreign_keys", false).unwrap();
    database.execute_batch("DELETE FROM collections").unwrap();
    drop(database);
    let library = open(dir.path());
    assert_eq!(library.check().unwrap().damage.len(), 2);
    let report = library.repair(&Cancel::new(), &mut |_, _| {}).unwrap();
    assert_eq!((report.removed, report.remaining), (vec![], vec![]));
    let rows = library.collections().unwrap();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].name.is_default() && rows[0].files == 1);
}

#[test]
fn a_library_of_an_older_format_learns_times_by_the_next_add() {
    let folder = tempfile::tempdir().unwrap();
    let root = std::fs::canonicalize(folder.path()).unwrap();
    for (name, text) in [
        ("note.md", "---\ndate: 2021-02-05\n---\n\nThe tide of the moon."),
        ("2021-05-05 tide.txt", "The tide was low."),
        ("broken.html", "<p>The tide comes in.</p>"),
        ("loose.md", "The tide of no day."),
    ] {
        std::fs::write(root.join(name), text).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let model = Arc::new(embedding::builtin().unwrap());
        let clock = Arc::new(FixedClock(1_700_000_000_000));
        Library::open(dir.path(), Settings::default(), model, clock).unwrap()
    };
    let readers = Readers::in_process(Limits::default());
    let add = |library: &Library, dry_run| {
        let options = AddOptions { dry_run, ..AddOptions::default() };
        let paths = std::slice::from_ref(&root);
        library.add(paths, options, &readers, &NoProgress, &Cancel::new()).unwrap()
    };
    let by = |library: &Library| -> Vec<String> {
        let reader = library.store().reader().unwrap();
        let files = reader.files().unwrap();
        let dated = files.iter().map(|file| {
            let document = reader.document(file.document).unwrap().unwrap();
            document.dated(&file.path, file.modified_ns).by.to_string()
        });
        dated.collect()
    };
    // 2021, in whatever zone.
    let filter =
        Filter::new().with_period(Some(1_609_459_200_000_000_000), Some(1_640_995_200_000_000_000));
    let found = |library: &Library| -> Vec<String> {
        let request = SearchRequest { filter: filter.clone(), ..request(library, "tide") };
        let hits = library.search(&request).unwrap().hits;
        let mut names: Vec<String> = hits
            .iter()
            .map(|hit| hit.path().rsplit(std::path::MAIN_SEPARATOR).next().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let library = open();
    assert_eq!(add(&library, false).added, 4);
    let expected = (by(&library), found(&library));
    assert_eq!(expected.0, ["file-name", "file", "file", "front-matter"]);
    assert_eq!(expected.1, ["2021-05-05 tide.txt", "note.md"]);
    let path = library.store().path().to_owned();
    drop(library);
    crate::store::back_to_2(&path).unwrap();

    let library = open();
    let unread = |library: &Library| {
        library.store().reader().unwrap().documents_with_times_unread().unwrap().len()
    };
    // Names are read at once, notes and pages by the next `add`.
    assert_eq!((unread(&library), found(&library)), (3, vec!["2021-05-05 tide.txt".to_owned()]));
    assert_eq!(library.check().unwrap().damage, []);
    assert_eq!(add(&library, true).unchanged, 4);
    assert_eq!(unread(&library), 3, "a dry run asks nothing");
    // One that has become unreadable without having changed is not asked for ever.
    let times = std::fs::metadata(root.join("broken.html")).unwrap().modified().unwrap();
    std::fs::write(root.join("broken.html"), [b'\xff'; 25]).unwrap();
    let file = std::fs::File::options().write(true).open(root.join("broken.html")).unwrap();
    file.set_modified(times).unwrap();
    let report = add(&library, false);
    assert_eq!((report.unchanged, report.chunks, report.failed.len()), (4, 0, 0));
    assert_eq!(unread(&library), 0);
    assert_eq!((by(&library), found(&library)), expected);
    let status = library.status().unwrap();
    assert!(status.is_level && library.check().unwrap().is_sound());
    assert_eq!(add(&library, false).generation, status.generation, "nothing is left to ask");
}
