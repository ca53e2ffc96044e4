use std::io::Write as _;

use serde_json::Value;

use crate::scene::Scene;

/// A PDF of one page that says when it was made.
fn pdf(text: &str, created: &str) -> Vec<u8> {
    use lopdf::{Dictionary, Document, Object, Stream, dictionary};
    let mut file = Document::with_version("1.5");
    let tree = file.new_object_id();
    let font = file.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica",
    });
    let content = format!("BT /F 12 Tf 72 700 Td ({text}) Tj ET");
    let content = file.add_object(Stream::new(Dictionary::new(), content.into_bytes()));
    let page = file.add_object(dictionary! {
        "Type" => "Page", "Parent" => tree, "Contents" => content,
        "Resources" => dictionary! { "Font" => dictionary! { "F" => font } },
        "MediaBox" => vec![0.into(), 0.into(), 600.into(), 800.into()],
    });
    let kids = vec![Object::from(page)];
    let pages = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => 1 };
    file.objects.insert(tree, pages.into());
    let catalog = file.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    file.trailer.set("Root", catalog);
    let information =
        file.add_object(dictionary! { "CreationDate" => Object::string_literal(created) });
    file.trailer.set("Info", information);
    let mut bytes = Vec::new();
    file.save_to(&mut bytes).unwrap();
    bytes
}

/// A Word document that says when it was made and changed.
fn docx(text: &str, created: &str, modified: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in [
        (
            "word/document.xml",
            format!(
                "<w:document><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>"
            ),
        ),
        (
            "docProps/core.xml",
            format!(
                "<cp:coreProperties><dcterms:created>{created}</dcterms:created>\
                 <dcterms:modified>{modified}</dcterms:modified></cp:coreProperties>"
            ),
        ),
    ] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// One file of each kind, from one month of 2021 each.
fn dated_files() -> Scene {
    let scene = Scene::new();
    scene.write(
        "mail.eml",
        "From: Ada <ada@a.example>\nTo: Bob <bob@b.example>\nSubject: Harbour\n\
         Date: Tue, 5 Jan 2021 23:30:00 -0500\nMessage-ID: <1@a.example>\n\n\
         The harbour master answered.\n",
    );
    scene.write(
        "note.md",
        "---\ntitle: Harbour note\ndate: 2021-02-05\n---\n\nThe harbour is shallow.\n",
    );
    scene.write("plan.pdf", pdf("The harbour plan", "D:20210305101500+01'00'"));
    scene.write(
        "report.docx",
        docx("The harbour report", "2021-01-01T00:00:00Z", "2021-04-05T08:00:00Z"),
    );
    scene.write("2021-05-05.md", "The harbour was closed.\n");
    scene.write("loose.txt", "A harbour without a date.\n");
    let added = scene.run(&["add", "files"]);
    assert_eq!(added.code, 0, "{}", added.stderr);
    scene
}

/// The names of the files that a search finds, sorted.
fn found(scene: &Scene, args: &[&str]) -> Vec<String> {
    let found = scene.json(&[&["search", "harbour"], args].concat());
    let mut names: Vec<String> = found["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| {
            let path = hit["document"]["path"].as_str().unwrap();
            path.rsplit(['/', '\\']).next().unwrap().to_owned()
        })
        .collect();
    names.sort();
    names
}

fn of_file<'a>(listed: &'a Value, name: &str) -> &'a Value {
    let files = listed.as_array().unwrap();
    files.iter().find(|file| file["path"].as_str().unwrap().ends_with(name)).unwrap()
}

const DATED: [(&str, &str, &str); 5] = [
    ("mail.eml", "2021-01-06T04:30:00Z", "email"),
    ("note.md", "2021-02-05", "front-matter"),
    ("plan.pdf", "2021-03-05T09:15:00Z", "pdf"),
    ("report.docx", "2021-04-05T08:00:00Z", "office"),
    ("2021-05-05.md", "2021-05-05", "file-name"),
];

#[test]
fn documents_carry_their_own_times() {
    let scene = dated_files();
    let listed = scene.json(&["list"]);
    let hits = scene.json(&["search", "harbour"])["hits"].clone();
    assert_eq!(hits.as_array().unwrap().len(), 6, "{hits}");
    for (name, dated, by) in DATED {
        let file = of_file(&listed, name);
        assert_eq!((&file["dated"], &file["dated_by"]), (&dated.into(), &by.into()), "{name}");
        let shown = scene.json(&["show", scene.path(name).to_str().unwrap()]);
        assert_eq!((&shown["dated"], &shown["dated_by"]), (&dated.into(), &by.into()), "{name}");
        assert_ne!(shown["added"], shown["dated"], "kept apart from the import: {name}");
        let hit = hits
            .as_array()
            .unwrap()
            .iter()
            .find(|hit| hit["document"]["path"].as_str().unwrap().ends_with(name));
        let document = &hit.unwrap()["document"];
        assert_eq!((&document["dated"], &document["dated_by"]), (&dated.into(), &by.into()));
    }
    let report = scene.json(&["show", scene.path("report.docx").to_str().unwrap()]);
    assert_eq!(report["own_created"], "2021-01-01T00:00:00Z");
    assert_eq!(report["own_modified"], "2021-04-05T08:00:00Z");
    // What says nothing is from when its file was changed.
    let loose = of_file(&listed, "loose.txt");
    assert_eq!((&loose["dated"], &loose["dated_by"]), (&loose["modified"], &"file".into()));
    let loose = scene.json(&["show", scene.path("loose.txt").to_str().unwrap()]);
    assert_eq!((&loose["own_created"], &loose["own_modified"]), (&Value::Null, &Value::Null));
    let shown = scene.run(&["show", scene.path("note.md").to_str().unwrap()]).stdout;
    assert!(shown.contains("  dated     2021-02-05, by its front matter\n"), "{shown}");
}

#[test]
fn filters_ask_for_a_documents_own_time() {
    let scene = dated_files();
    for (args, expected) in [
        (&["--since", "2021-01", "--until", "2021-01"][..], &["mail.eml"][..]),
        (&["--since", "2021-02", "--until", "2021-02"], &["note.md"]),
        (&["--since", "2021-02-05", "--until", "2021-02-05"], &["note.md"]),
        (&["--since", "2021-03", "--until", "2021-04"], &["plan.pdf", "report.docx"]),
        (
            &["--until", "2021-05"],
            &["2021-05-05.md", "mail.eml", "note.md", "plan.pdf", "report.docx"],
        ),
        (&["--since", "2021-06"], &["loose.txt"]),
        (&["--until", "2020"], &[]),
        (&["--until", "2021", "--path", "*.pdf"], &["plan.pdf"]),
        (&["--since", "2022", "--path", "*.pdf"], &[]),
    ] {
        assert_eq!(found(&scene, args), expected, "{args:?}");
    }
    // A date is its day wherever one asks from.
    for zone in ["America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo", "Pacific/Auckland"] {
        let args = ["search", "harbour", "--since", "2021-02-05", "--until", "2021-02-05"];
        let ran = scene.run_with(&args, &[("TZ", zone)]);
        assert!(ran.stdout.contains("note.md"), "{zone}: {ran:?}");
    }
}

#[test]
fn a_file_that_is_renamed_takes_the_date_of_its_new_name() {
    let scene = dated_files();
    std::fs::rename(scene.path("2021-05-05.md"), scene.path("2021-06-06 closed.md")).unwrap();
    let report = scene.json(&["add", "files", "--prune"]);
    assert_eq!((&report["moved"], &report["chunks"]), (&1.into(), &0.into()), "{report}");
    assert_eq!(
        found(&scene, &["--since", "2021-06", "--until", "2021-06"]),
        ["2021-06-06 closed.md"]
    );
    assert_eq!(scene.run(&["check"]).code, 0);
}

#[test]
fn what_nobody_can_mean_is_left_out() {
    let scene = Scene::new();
    scene.write("future.md", "---\ndate: 2999-01-01\n---\n\nThe harbour of tomorrow.\n");
    scene.write("broken.md", "---\ndate: 2021-02-31\n---\n\nThe harbour of never.\n");
    scene.write("2999-01-01.md", "The harbour, planned.\n");
    assert_eq!(scene.run(&["add", "files"]).code, 0);
    for file in scene.json(&["list"]).as_array().unwrap() {
        assert_eq!(file["dated_by"], "file", "{file}");
    }
    assert_eq!(found(&scene, &["--since", "2990"]), [""; 0]);
}
