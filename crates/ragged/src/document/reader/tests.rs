use std::io::Write;

use proptest::prelude::*;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::super::model::BlockKind;
use super::super::outline;
use super::*;

fn read(name: &str, bytes: impl Into<Vec<u8>>) -> Result<Document, Unreadable> {
    let outcome = read_bytes(Path::new(name), bytes.into(), &Limits::default());
    if let Ok(document) = &outcome {
        assert!(outline::is_sound(document), "{name}: {document:?}");
    }
    outcome
}

fn document(name: &str, bytes: impl Into<Vec<u8>>) -> Document {
    read(name, bytes).unwrap_or_else(|reason| panic!("{name}: {reason}"))
}

/// Kind, level, name and text of each block.
fn outline_of(document: &Document) -> Vec<String> {
    let line = |block: &super::super::model::Block| {
        let name = block.name.as_deref().map(|name| format!(" {name:?}")).unwrap_or_default();
        let text = block.span.of(&document.text).replace('\n', "⏎");
        format!("{:?} {}{name}: {text}", block.kind, block.level)
    };
    document.blocks.iter().map(line).collect()
}

fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn text_is_kept_and_cut_into_paragraphs() {
    let document = document("a.txt", "\u{feff}One\r\ntwo.\r\n\r\nThree.\rFour");
    assert_eq!(document.text, "One\ntwo.\n\nThree.\nFour");
    assert_eq!(outline_of(&document), ["Paragraph 0: One⏎two.", "Paragraph 0: Three.⏎Four"]);
}

#[test]
fn a_message_that_is_cut_off_costs_itself_not_the_mailbox() {
    let mailbox = "From ada Mon\nSubject: Whole\n\nThe whole message.\n\nFrom MAILER-DA";
    let found = document("a.mbox", mailbox);
    assert!(found.text.contains("The whole message."), "{}", found.text);
    assert!(matches!(
        read("a.mbox", "From ada Mon"),
        Err(Unreadable::Broken(_) | Unreadable::Empty)
    ));
}

#[test]
fn utf16_with_a_mark_is_text_and_other_bytes_are_not() {
    let bytes: Vec<u8> = "\u{feff}héllo".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(document("a.txt", bytes.clone()).text, "héllo");
    assert!(matches!(read("a.txt", &bytes[..5]), Err(Unreadable::Broken(_))));
    assert_eq!(read("a.txt", b"caf\xE9".to_vec()), Err(Unreadable::NotUtf8 { offset_bytes: 3 }));
    let late_zero = [b"text ".repeat(4000), b"\0".to_vec()].concat();
    assert_eq!(read("a.txt", late_zero), Err(Unreadable::Binary));
    assert_eq!(read("a.txt", " \n\t\n"), Err(Unreadable::Empty));
}

#[test]
fn a_manual_page_has_sections() {
    let page = ".\\\" comment\n.TH LS 1\n.SH NAME\nls \\- list\n.SH OPTIONS\n.TP\n-a\nall\n.TP\n-l\nlong\n";
    let document = document("ls.1", page);
    assert_eq!(document.title.as_deref(), Some("ls"));
    assert_eq!(
        outline_of(&document)[1..],
        [
            "Heading 1 \"NAME\": .SH NAME",
            "Paragraph 0: ls \\- list",
            "Heading 1 \"OPTIONS\": .SH OPTIONS",
            "Paragraph 0: .TP⏎-a⏎all",
            "Paragraph 0: .TP⏎-l⏎long",
        ]
    );
}

#[test]
fn markdown_keeps_its_text_and_shows_its_structure() {
    let text = "---\ntitle: Notes\n---\n# Bread *fast*\n\n> Flour,\n> water.\n\n- one\n  more\n  - inner\n- two\n\n\
        ```rust\nfn x() {}\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nSub\n---\nend\n";
    let document = document("a.md", text);
    assert_eq!(document.text, text);
    assert_eq!(document.title.as_deref(), Some("Notes"));
    assert_eq!(
        outline_of(&document),
        [
            "Code 0: ---⏎title: Notes⏎---",
            "Heading 1 \"Bread fast\": # Bread *fast*",
            "Paragraph 0: > Flour,⏎> water.",
            "ListItem 0: - one⏎  more",
            "ListItem 0:   - inner",
            "ListItem 0: - two",
            "Code 0: ```rust⏎fn x() {}⏎```",
            "TableRow 0: | a | b |⏎|---|---|",
            "TableRow 0: | 1 | 2 |",
            "Heading 2 \"Sub\": Sub⏎---",
            "Paragraph 0: end",
        ]
    );
}

#[test]
fn rst_and_org_have_sections_items_and_listings() {
    let rst = "=====\nTitle\n=====\n\nIntro::\n\n    code\n\n      more\n\nPart\n----\n\n- a\n  b\n- c\n\n.. code-block:: c\n\n   int x;\n\nend\n";
    assert_eq!(
        outline_of(&document("a.rst", rst)),
        [
            "Heading 1 \"Title\": =====⏎Title⏎=====",
            "Paragraph 0: Intro::",
            "Code 0:     code⏎⏎      more",
            "Heading 2 \"Part\": Part⏎----",
            "ListItem 0: - a⏎  b",
            "ListItem 0: - c",
            "Code 0: .. code-block:: c⏎⏎   int x;",
            "Paragraph 0: end",
        ]
    );
    let org = "#+TITLE: Log\n* One\ntext\nmore\n** Two\n- a\n- b\n#+BEGIN_SRC sh\nls\n#+END_SRC\n| x | y |\n";
    let document = document("a.org", org);
    assert_eq!(document.title.as_deref(), Some("Log"));
    assert_eq!(
        outline_of(&document),
        [
            "Paragraph 0: #+TITLE: Log",
            "Heading 1 \"One\": * One",
            "Paragraph 0: text⏎more",
            "Heading 2 \"Two\": ** Two",
            "ListItem 0: - a",
            "ListItem 0: - b",
            "Code 0: #+BEGIN_SRC sh⏎ls⏎#+END_SRC",
            "TableRow 0: | x | y |",
        ]
    );
}

#[test]
fn records_of_a_table_stand_under_its_titles() {
    let csv = "name;city\n\"Ann;\nB\";Rome\nBob;Oslo\n";
    assert_eq!(
        outline_of(&document("a.csv", csv)),
        [
            "Heading 1 \"name, city\": name;city",
            "TableRow 0: \"Ann;⏎B\";Rome",
            "TableRow 0: Bob;Oslo"
        ]
    );
    assert_eq!(
        outline_of(&document("a.tsv", "1\t2\n3\t4\n")),
        ["TableRow 0: 1⇥2", "TableRow 0: 3⇥4"].map(|s| s.replace('⇥', "\t"))
    );
    // A quote that nothing closes costs its own line only.
    let stray = format!("a,b\n1,\"x\n{}", "2,y\n".repeat(2000));
    assert_eq!(document("a.csv", stray).blocks.len(), 2002);
}

#[test]
fn json_is_cut_at_its_elements() {
    let json = r#"{"title": "x", "list": [1, 2], "text": "a } b \" ]"}"#;
    assert_eq!(
        outline_of(&document("a.json", json)),
        [
            r#"Code 0 "title": {"title": "x","#,
            r#"Code 0 "list": "list": [1, 2],"#,
            r#"Code 0 "text": "text": "a } b \" ]"}"#,
        ]
    );
    let rows: Vec<String> =
        (0..200).map(|n| format!(r#"{{"id": {n}, "text": "\ud800 half"}}"#)).collect();
    let large = format!(r#"{{"rows": [{}]}}"#, rows.join(",\n"));
    assert!(document("a.json", large).blocks.len() >= 200);
    let chat = "{\"role\": \"user\", \"content\": \"hi\"}\n{\"a\": 1}\n";
    assert_eq!(
        outline_of(&document("a.jsonl", chat)),
        [r#"Message 0 "user": {"role": "user", "content": "hi"}"#, r#"TableRow 0: {"a": 1}"#]
    );
}

#[test]
fn source_is_cut_into_definitions() {
    let rust = "//! Module.\nuse std::fmt;\n\n/// A point.\n#[derive(Debug)]\nstruct P { x: u8 }\n\nfn main() {\n    let a = 1;\n\n    let b = 2;\n}\n\nmod m { const X: u8 = 1; }\n";
    let document_ = document("a.rs", rust);
    assert_eq!(document_.code_language.as_deref(), Some("rust"));
    assert_eq!(
        outline_of(&document_),
        [
            "Code 1: //! Module.⏎use std::fmt;",
            "Definition 1 \"P\": /// A point.⏎#[derive(Debug)]⏎struct P { x: u8 }",
            "Definition 1 \"main\": fn main() {⏎    let a = 1;⏎⏎    let b = 2;⏎}",
            "Definition 1 \"m\": mod m { const X: u8 = 1; }",
        ]
    );
    let filler = "        # filler to make the class long enough\n".repeat(20);
    let python = format!(
        "import os\n\n@dec\nclass A(B):\n    '''Doc.'''\n\n    # about f\n    def f(self):\n{filler}        return 1\n\n    async def g(self):\n        pass\n\nx = A()\n"
    );
    let document_ = document("a.py", python.as_str());
    let heads: Vec<String> = document_
        .blocks
        .iter()
        .map(|b| format!("{:?} {} {}", b.kind, b.level, b.name.as_deref().unwrap_or("-")))
        .collect();
    assert_eq!(
        heads,
        ["Code 1 -", "Definition 1 A", "Definition 2 f", "Definition 2 g", "Code 1 -"]
    );
    assert!(document_.blocks[2].span.of(&python).starts_with("    # about f"));
}

#[test]
fn every_grammar_finds_its_definitions() {
    let cases = [
        ("a.js", "export const f = () => 1;\n// c\nclass K { m() {} }\nfunction g() {}\n", "f K g"),
        ("a.ts", "interface I { a: string }\ntype T = I;\nexport function g(): T {}\n", "I T g"),
        ("a.tsx", "export function App() { return <p/>; }\n", "App"),
        (
            "a.go",
            "package p\n\n// T is.\ntype T struct{}\n\nfunc (t T) M() {}\nfunc F() {}\n",
            "T M F",
        ),
        ("A.java", "class A { void m() {} }\ninterface B {}\n", "A B"),
        ("a.c", "struct s { int a; };\nstatic int *f(int a) { return 0; }\n", "s f"),
        (
            "a.cpp",
            "namespace n { class K { void m(); }; }\ntemplate <class T> T g(T t) { return t; }\n",
            "n g",
        ),
        ("a.rb", "module M\n  def a; end\nend\ndef b\nend\n", "M b"),
        ("a.sh", "f() {\n  echo\n}\nf\n", "f"),
    ];
    for (name, source, expected) in cases {
        let document = document(name, source);
        let names: Vec<&str> = document
            .blocks
            .iter()
            .filter(|block| block.kind == BlockKind::Definition)
            .filter_map(|block| block.name.as_deref())
            .collect();
        assert_eq!(names.join(" "), expected, "{name}");
    }
}

#[test]
fn source_without_a_grammar_is_cut_at_empty_lines() {
    let lua = "local x = 1\n\nfunction f()\n  a()\n\n  b()\nend\n\nf()\n";
    assert_eq!(
        outline_of(&document("a.lua", lua)),
        ["Code 0: local x = 1", "Code 0: function f()⏎  a()⏎⏎  b()⏎end", "Code 0: f()"]
    );
}

const EML: &str = "From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: =?utf-8?q?Caf=C3=A9?=\r\n\
    Date: Sat, 20 Nov 2021 14:22:01 -0800\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
    Hello B=F6b.\r\n\r\n> quoted\r\n> reply\r\n--b\r\nContent-Type: text/csv\r\n\
    Content-Disposition: attachment; filename=list.csv\r\n\r\na,b\r\n--b--\r\n";

#[test]
fn a_message_has_its_fields_its_paragraphs_and_the_names_of_what_is_attached() {
    let document = document("a.eml", EML);
    assert_eq!(document.title.as_deref(), Some("Café"));
    assert_eq!(
        outline_of(&document),
        [
            "Message 1 \"Café\": Subject: Café⏎From: Ann <ann@example.org>⏎To: bob@example.org⏎Date: 2021-11-20T14:22:01-08:00",
            "Paragraph 0: Hello Böb.",
            "Paragraph 0: > quoted⏎> reply",
            "Paragraph 0: Attachments: list.csv",
        ]
    );
}

#[test]
fn a_mailbox_has_its_messages() {
    let one = "From a@b Mon Jan  1 00:00:00 2024\nFrom: a@b\nTo: c@d\nSubject: One\n\nText\n>From here\n\n";
    let two = "From a@b Mon Jan  1 00:00:00 2024\nFrom: a@b\nTo: c@d\nSubject: Two\nContent-Type: text/html\n\n<h1>Big</h1><p>para\n";
    let document = document("inbox", format!("{one}{two}"));
    assert_eq!(document.format, Format::Mbox);
    let kinds: Vec<_> = document.blocks.iter().map(|b| (b.kind.clone(), b.level)).collect();
    assert_eq!(
        kinds,
        [
            (BlockKind::Message, 1),
            (BlockKind::Paragraph, 0),
            (BlockKind::Message, 1),
            (BlockKind::Heading, 2),
            (BlockKind::Paragraph, 0)
        ]
    );
    assert!(document.text.contains("\nFrom here"));
}

fn docx() -> Vec<u8> {
    let body = r#"<w:document xmlns:w="w"><w:body>
        <w:p><w:pPr><w:pStyle w:val="berschrift1"/></w:pPr><w:r><w:t>Chapter &amp; verse</w:t></w:r></w:p>
        <w:p><w:r><w:t xml:space="preserve">Some </w:t></w:r><w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:r><w:t>text</w:t><w:br/><w:t>here&#x21;</w:t></w:r></w:p>
        <w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>item</w:t></w:r></w:p>
        <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>
        </w:body></w:document>"#;
    let styles = r#"<w:styles xmlns:w="w"><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style></w:styles>"#;
    let core = r#"<cp:coreProperties xmlns:cp="c" xmlns:dc="d"><dc:title>The Title</dc:title></cp:coreProperties>"#;
    zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("word/document.xml", body.as_bytes()),
        ("word/styles.xml", styles.as_bytes()),
        ("docProps/core.xml", core.as_bytes()),
    ])
}

#[test]
fn a_word_document_has_headings_paragraphs_items_and_rows() {
    let document = document("a.docx", docx());
    assert_eq!(document.title.as_deref(), Some("The Title"));
    assert_eq!(
        outline_of(&document),
        [
            "Heading 1 \"Chapter & verse\": Chapter & verse",
            "Paragraph 0: Some text⏎here!",
            "ListItem 0: - item",
            "TableRow 0: a | b",
        ]
    );
}

fn pptx() -> Vec<u8> {
    let slide = |title: &str, text: &str| {
        format!(
            r#"<p:sld xmlns:p="p" xmlns:a="a"><p:sp><p:nvPr><p:ph type="title"/></p:nvPr><a:p><a:r><a:t>{title}</a:t></a:r></a:p></p:sp>
            <p:sp><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sp><p:sp><p:nvPr><p:ph type="sldNum"/></p:nvPr><a:p><a:t>7</a:t></a:p></p:sp></p:sld>"#
        )
    };
    // Slide 2 is shown before slide 1: the list decides, not the names.
    let presentation = r#"<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst><p:sldId id="256" r:id="rId2"/><p:sldId id="257" r:id="rId1"/></p:sldIdLst></p:presentation>"#;
    let links = r#"<Relationships><Relationship Id="rId1" Type="x/slide" Target="slides/slide1.xml"/><Relationship Id="rId2" Type="x/slide" Target="/ppt/slides/slide2.xml"/></Relationships>"#;
    let notes = r#"<Relationships><Relationship Id="n" Type="x/notesSlide" Target="../notesSlides/n1.xml"/></Relationships>"#;
    zip_of(&[
        ("ppt/presentation.xml", presentation.as_bytes()),
        ("ppt/_rels/presentation.xml.rels", links.as_bytes()),
        ("ppt/slides/slide1.xml", slide("Last", "end").as_bytes()),
        ("ppt/slides/slide2.xml", slide("First", "begin").as_bytes()),
        ("ppt/slides/_rels/slide1.xml.rels", notes.as_bytes()),
        ("ppt/notesSlides/n1.xml", slide("note", "say this").as_bytes()),
    ])
}

#[test]
fn a_slide_is_a_page() {
    let document = document("a.pptx", pptx());
    let found: Vec<_> =
        document.blocks.iter().map(|b| (b.page.unwrap(), b.span.of(&document.text))).collect();
    let expected =
        [(1, "First"), (1, "begin"), (2, "Last"), (2, "end"), (2, "note"), (2, "say this")];
    assert_eq!(found, expected);
    assert_eq!(document.pages, Some(2));
}

fn odt() -> Vec<u8> {
    let content = r#"<office:document-content xmlns:office="o" xmlns:text="t" xmlns:table="b"><office:text>
        <text:h text:outline-level="2">Head</text:h><text:p>One<text:s text:c="2"/>two<text:line-break/>three</text:p>
        <text:list><text:list-item><text:p>item</text:p></text:list-item></text:list>
        <table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>
        </office:text></office:document-content>"#;
    zip_of(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("content.xml", content.as_bytes()),
    ])
}

#[test]
fn an_opendocument_text_has_the_same_structure() {
    assert_eq!(
        outline_of(&document("a.odt", odt())),
        [
            "Heading 2 \"Head\": Head",
            "Paragraph 0: One  two⏎three",
            "ListItem 0: - item",
            "TableRow 0: a | b"
        ]
    );
}

fn xlsx() -> Vec<u8> {
    let sheet = r#"<worksheet><sheetData>
        <row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>
        <row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2"><v>3</v></c></row>
        <row r="1048576"><c r="XFD1048576"><v>1.5</v></c></row></sheetData></worksheet>"#;
    zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("_rels/.rels", br#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#),
        ("xl/workbook.xml", br#"<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Stock" sheetId="1" r:id="rId1"/></sheets></workbook>"#),
        ("xl/_rels/workbook.xml.rels", br#"<Relationships><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#),
        ("xl/sharedStrings.xml", b"<sst><si><t>Item</t></si><si><t>Count</t></si><si><t>Egg</t></si></sst>"),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

#[test]
fn a_sheet_is_a_page_and_its_cells_carry_their_titles() {
    let document = document("a.xlsx", xlsx());
    assert_eq!(
        outline_of(&document),
        [
            "Heading 1 \"Stock\": Stock",
            "TableRow 0: Item | Count",
            "TableRow 0: Item: Egg; Count: 3",
            "TableRow 0: 1.5"
        ]
    );
    assert_eq!(document.pages, Some(1));
}

fn ods() -> Vec<u8> {
    let content = r#"<office:document-content xmlns:office="o" xmlns:text="t" xmlns:table="b"><office:body><office:spreadsheet>
        <table:table table:name="Stock"><table:table-row><table:table-cell><text:p>Item</text:p></table:table-cell><table:table-cell><text:p>Count</text:p></table:table-cell></table:table-row>
        <table:table-row table:number-rows-repeated="1000000"><table:table-cell><text:p>Egg</text:p></table:table-cell><table:table-cell><text:p>3</text:p></table:table-cell><table:table-cell table:number-columns-repeated="16000"/></table:table-row></table:table>
        </office:spreadsheet></office:body></office:document-content>"#;
    zip_of(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", content.as_bytes()),
    ])
}

#[test]
fn repeated_rows_of_an_opendocument_sheet_are_not_unrolled() {
    assert_eq!(
        outline_of(&document("a.ods", ods())),
        [
            "Heading 1 \"Stock\": Stock",
            "TableRow 0: Item | Count",
            "TableRow 0: Item: Egg; Count: 3"
        ]
    );
}

fn epub() -> Vec<u8> {
    let package = r#"<package><metadata><dc:title xmlns:dc="d">Book</dc:title></metadata><manifest>
        <item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
        <item id="b" href="b.xhtml" media-type="application/xhtml+xml"/><item id="a" href="a%20a.xhtml" media-type="application/xhtml+xml"/>
        </manifest><spine><itemref idref="nav"/><itemref idref="a"/><itemref idref="b"/></spine></package>"#;
    zip_of(&[
        ("mimetype", b"application/epub+zip"),
        (
            "META-INF/container.xml",
            br#"<container><rootfiles><rootfile full-path="OEBPS/p.opf"/></rootfiles></container>"#,
        ),
        ("OEBPS/p.opf", package.as_bytes()),
        ("OEBPS/nav.xhtml", b"<p>contents</p>"),
        (
            "OEBPS/a a.xhtml",
            b"<html><head><title>Named</title></head><body><p>one</p></body></html>",
        ),
        ("OEBPS/b.xhtml", b"<html><head><title/></head><body><h2>Two</h2><p>two</p></body></html>"),
    ])
}

#[test]
fn a_book_is_read_in_order() {
    let document = document("a.epub", epub());
    assert_eq!(document.title.as_deref(), Some("Book"));
    assert_eq!(
        outline_of(&document),
        [
            "Heading 1 \"Named\": Named",
            "Paragraph 0: one",
            "Heading 2 \"Two\": Two",
            "Paragraph 0: two"
        ]
    );
}

/// A PDF with one font and the given content streams, a page each.
fn pdf_of(pages: &[&str], encrypt: bool) -> Vec<u8> {
    pdf_with(pages, encrypt, &[], None)
}

/// [`pdf_of`], with an information dictionary and an XMP packet.
fn pdf_with(
    pages: &[&str],
    encrypt: bool,
    information: &[(&str, &str)],
    packet: Option<&str>,
) -> Vec<u8> {
    use lopdf::{Dictionary, Document, Object, Stream, dictionary};
    let mut file = Document::with_version("1.5");
    let tree = file.new_object_id();
    let font = file.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica",
        "Encoding" => dictionary! { "Type" => "Encoding", "Differences" => vec![1.into(), Object::Name(b"fi".to_vec())] },
    });
    let kids: Vec<Object> = pages
        .iter()
        .map(|content| {
            let content =
                file.add_object(Stream::new(Dictionary::new(), content.as_bytes().to_vec()));
            let page = dictionary! {
                "Type" => "Page", "Parent" => tree, "Contents" => content,
                "Resources" => dictionary! { "Font" => dictionary! { "F" => font } },
                "MediaBox" => vec![0.into(), 0.into(), 600.into(), 800.into()],
            };
            file.add_object(page).into()
        })
        .collect();
    let n_pages = i64::try_from(kids.len()).unwrap();
    file.objects
        .insert(tree, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => n_pages }.into());
    let mut catalog = dictionary! { "Type" => "Catalog", "Pages" => tree };
    if let Some(packet) = packet {
        let kind = dictionary! { "Type" => "Metadata", "Subtype" => "XML" };
        let packet = file.add_object(Stream::new(kind, packet.as_bytes().to_vec()));
        catalog.set("Metadata", packet);
    }
    let catalog = file.add_object(catalog);
    file.trailer.set("Root", catalog);
    if !information.is_empty() {
        let mut fields = Dictionary::new();
        for (name, value) in information {
            fields.set(*name, Object::string_literal(*value));
        }
        let information = file.add_object(fields);
        file.trailer.set("Info", information);
    }
    if encrypt {
        let id = Object::string_literal("0123456789abcdef");
        file.trailer.set("ID", vec![id.clone(), id]);
        let version = lopdf::EncryptionVersion::V2 {
            document: &file,
            owner_password: "owner",
            user_password: "user",
            key_length: 128,
            permissions: lopdf::Permissions::all(),
        };
        let state = lopdf::EncryptionState::try_from(version).unwrap();
        file.encrypt(&state).unwrap();
    }
    let mut bytes = Vec::new();
    file.save_to(&mut bytes).unwrap();
    bytes
}

const PDF_PAGE: &str = "BT /F 24 Tf 72 700 Td (Bread) Tj /F 10 Tf 0 -40 Td (Flour, \\001ne wa-) Tj \
    0 -12 Td [(ter) -2000 (and) -300 (salt.)] TJ 0 -40 Td (Next.) Tj ET";

#[test]
fn a_pdf_has_lines_paragraphs_headings_and_pages() {
    let document =
        document("a.pdf", pdf_of(&[PDF_PAGE, "BT /F 10 Tf 72 700 Td (Second page.) Tj ET"], false));
    assert_eq!(
        outline_of(&document),
        [
            "Heading 1 \"Bread\": Bread",
            "Paragraph 0: Flour, fine water and salt.",
            "Paragraph 0: Next.",
            "Paragraph 0: Second page.",
        ]
    );
    assert_eq!(document.pages, Some(2));
    assert_eq!(document.blocks[3].page, Some(2));
}

#[test]
fn running_titles_and_page_numbers_of_a_pdf_are_left_out() {
    let pages: Vec<String> = (1..=9)
        .map(|n| format!("BT /F 10 Tf 72 760 Td (Annual Report {n}) Tj 0 -60 Td ({word} is what this page says.) Tj 0 -30 Td (More of {word}.) Tj 0 -30 Td (And {word}.) Tj 200 -560 Td ({n}) Tj ET", word = "abcdefghi".get(0..n).unwrap()))
        .collect();
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    let text = document("a.pdf", pdf_of(&pages, false)).text;
    assert!(
        !text.contains("Annual") && text.contains("abcdefghi is what this page says."),
        "{text}"
    );
}

#[test]
fn what_is_encrypted_says_so() {
    assert_eq!(read("a.pdf", pdf_of(&[PDF_PAGE], true)), Err(Unreadable::Encrypted));
    let manifest = b"<manifest><encryption-data/></manifest>";
    let locked = zip_of(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("META-INF/manifest.xml", manifest),
        ("content.xml", b"\x12\x34"),
    ]);
    assert_eq!(read("a.odt", locked), Err(Unreadable::Encrypted));
    // Bit 0 of the flags marks an encrypted member, in both of its headers.
    let mut zip = zip_of(&[("word/document.xml", b"<w:p/>")]);
    zip[6] |= 1;
    let central = zip.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    zip[central + 8] |= 1;
    assert_eq!(read("a.docx", zip), Err(Unreadable::Encrypted));
}

#[test]
fn gzip_is_looked_into() {
    let inner = document("a.md.gz", gzip(b"# Title\n\ntext\n"));
    assert_eq!((inner.format, inner.blocks.len()), (Format::Markdown, 2));
    assert_eq!(document("a.docx.gz", gzip(&docx())).format, Format::Docx);
    assert_eq!(document("ls.1.gz", gzip(b".TH LS 1\n.SH NAME\nls\n")).title.as_deref(), Some("ls"));
    assert!(matches!(read("a.gz", gzip(&gzip(b"x"))), Err(Unreadable::Unsupported(_))));
    assert!(matches!(
        read("a.txt.gz", &gzip(&b"text ".repeat(999))[..40]),
        Err(Unreadable::Broken(_))
    ));
    assert_eq!(read("a.gz", gzip(b"a\0b")), Err(Unreadable::Binary));
}

#[test]
fn bombs_are_refused() {
    let zeros = vec![b' '; 40 << 20];
    assert!(matches!(read("a.txt.gz", gzip(&zeros)), Err(Unreadable::Bomb(_))));
    let bomb = zip_of(&[("word/document.xml", &zeros)]);
    assert!(matches!(read("a.docx", bomb), Err(Unreadable::Bomb(_))));
    let bomb = zip_of(&[("xl/workbook.xml", b"<workbook/>"), ("xl/media/x", &zeros)]);
    assert!(matches!(read("a.xlsx", bomb), Err(Unreadable::Bomb(_))));
    let names: Vec<String> = (0..300).map(|n| format!("m{n}")).collect();
    let members: Vec<(&str, &[u8])> =
        names.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    let limits = Limits { max_members: 100, ..Limits::default() };
    let refused = read_bytes(Path::new("a.docx"), zip_of(&members), &limits);
    assert!(matches!(refused, Err(Unreadable::Bomb(_))));
    let limits = Limits { max_pages: 1, ..Limits::default() };
    let refused = read_bytes(Path::new("a.pdf"), pdf_of(&["", ""], false), &limits);
    assert!(matches!(refused, Err(Unreadable::Bomb(_))));
}

#[test]
fn other_archives_are_not_ours() {
    assert!(matches!(read("a.zip", zip_of(&[("x.txt", b"x")])), Err(Unreadable::Unsupported(_))));
}

#[test]
fn a_million_columns_are_one_record() {
    let line = "v,".repeat(1_000_000);
    let document = document("a.csv", format!("{line}\n{line}\n"));
    assert_eq!(document.text.len(), 2 * line.len() + 2);
}

#[test]
fn a_hundred_thousand_brackets_are_text() {
    let deep = "[".repeat(100_000) + "1" + &"]".repeat(100_000);
    assert!(document("a.json", deep.as_str()).text.contains('1'));
    assert!(!document("a.js", deep.as_str()).blocks.is_empty());
    assert!(!document("a.py", "if x:\n".repeat(20_000)).blocks.is_empty());
    assert!(!document("a.md", "> ".repeat(20_000) + "x").blocks.is_empty());
}

/// One good file of each format.
fn good_files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a.docx", docx()),
        ("a.pptx", pptx()),
        ("a.odt", odt()),
        ("a.xlsx", xlsx()),
        ("a.ods", ods()),
        ("a.epub", epub()),
        ("a.pdf", pdf_of(&[PDF_PAGE], false)),
        ("a.eml", EML.as_bytes().to_vec()),
        ("a.html", b"<html><body><h1>x</h1><table><tr><td>a<td>b</table>".to_vec()),
        ("a.md", b"# a\n\n- b\n\n```\nc\n```\n".to_vec()),
        ("a.rs", b"/// d\nfn f() { g() }\n".to_vec()),
        ("a.txt.gz", gzip(b"some text to be cut off at many places")),
    ]
}

#[test]
fn a_file_cut_off_anywhere_is_read_or_refused_never_a_crash() {
    for (name, bytes) in good_files() {
        let step = (bytes.len() / 60).max(1);
        for length in (0..bytes.len()).step_by(step) {
            if let Err(Unreadable::Crashed(how)) = read(name, &bytes[..length]) {
                panic!("{name} cut at {length}: {how}");
            }
        }
    }
}

#[test]
fn half_an_office_file_is_a_failure_not_a_rule() {
    for (name, bytes) in good_files().into_iter().take(6) {
        let reason = read(name, &bytes[..bytes.len() / 2]).unwrap_err();
        assert!(reason.is_failure(), "{name}: {reason}");
    }
}

const NAMES: [&str; 24] = [
    "a.txt", "a.1", "a.md", "a.rst", "a.org", "a.html", "a.csv", "a.json", "a.jsonl", "a.eml",
    "a.mbox", "a.rs", "a.py", "a.js", "a.ts", "a.go", "a.java", "a.c", "a.cpp", "a.rb", "a.sh",
    "a.lua", "a.pdf", "a",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_under_any_name_are_read_or_refused(
        name in prop::sample::select(NAMES.as_slice()),
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let outcome = read(name, bytes);
        prop_assert!(!matches!(outcome, Err(Unreadable::Crashed(_))), "{:?}", outcome);
    }

    #[test]
    fn any_markup_under_any_name_makes_a_sound_document(
        name in prop::sample::select(NAMES.as_slice()),
        text in "([ \n\t]|[a-cäé]|[#*>|`_=~.,:;-]|[(){}\\[\\]<>/\"'\\\\]|<[a-z]{1,4}>|</[a-z]{1,4}>|::\n|fn |def |From |\\.SH ){0,120}",
    ) {
        let outcome = read(name, text);
        prop_assert!(!matches!(outcome, Err(Unreadable::Crashed(_))), "{:?}", outcome);
    }

    #[test]
    fn good_files_with_changed_bytes_are_read_or_refused(
        which in 0..12_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let (name, mut bytes) = good_files().swap_remove(which);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let outcome = read(name, bytes);
        if let Err(Unreadable::Crashed(how)) = &outcome {
            // Libraries may panic on hostile bytes; what counts is that it is caught and told.
            prop_assert!(!how.is_empty());
        }
    }

    #[test]
    fn text_of_verbatim_formats_is_the_file_itself(
        name in prop::sample::select(["a.txt", "a.md", "a.rst", "a.org", "a.csv", "a.lua", "a.rs"].as_slice()),
        text in "[a-z #*|\n\\-]{1,100}",
    ) {
        if let Ok(document) = read(name, text.as_str()) {
            prop_assert_eq!(document.text, text);
        }
    }
}

/// What a document says of its making and its last change, and who says it.
fn times_of(name: &str, bytes: impl Into<Vec<u8>>) -> [Option<String>; 2] {
    let times = document(name, bytes).times;
    [times.created, times.modified]
        .map(|time| time.map(|time| format!("{} {}", time.source, time.shown())))
}

#[track_caller]
fn assert_times(
    name: &str,
    bytes: impl Into<Vec<u8>>,
    created: Option<&str>,
    modified: Option<&str>,
) {
    let found = times_of(name, bytes);
    assert_eq!([found[0].as_deref(), found[1].as_deref()], [created, modified], "{name}");
}

#[test]
fn notes_say_when_they_are_from() {
    assert_times(
        "a.md",
        "---\ntitle: Tides\ndate: 2024-03-05 # written\nextra:\n  updated: 1999-01-01\nlastmod: \
         2024-04-01T10:00:00+02:00\n---\n\n# Tides\n\ndate: 1998-01-01\n",
        Some("front-matter 2024-03-05"),
        Some("front-matter 2024-04-01T08:00:00Z"),
    );
    assert_times(
        "a.md",
        "+++\ndate = 2024-03-05T10:00:00Z\n[extra]\nupdated = 1999-01-01\n+++\n\nText.\n",
        Some("front-matter 2024-03-05T10:00:00Z"),
        None,
    );
    assert_times(
        "a.org",
        "#+title: Tides\n#+DATE: <2024-03-05 Tue 10:15>\n:PROPERTIES:\n:LAST_MODIFIED: \
         [2024-04-01 Mon]\n:END:\n\n* Later\n#+created: <1999-01-01>\n",
        Some("front-matter 2024-03-05T10:15:00Z"),
        Some("front-matter 2024-04-01"),
    );
    assert_times(
        "a.rst",
        "Tides\n=====\n\n:Author: Ada\n:Date: 2024-03-05\n\n.. updated: 2024-04-01\n\nText.\n",
        Some("front-matter 2024-03-05"),
        Some("front-matter 2024-04-01"),
    );
    assert_times("a.txt", "date: 2024-03-05\n", None, None);
    assert_times("a.md", "---\ndate: 05/03/2024\n---\n\nText.\n", None, None);
}

#[test]
fn mail_is_from_when_it_was_sent() {
    let message = |date: &str| format!("From: ada@a\nSubject: S\nDate: {date}\n\nText.\n");
    let sent = message("Tue, 5 Mar 2024 10:15:00 +0100");
    assert_times("a.eml", sent.clone(), Some("email 2024-03-05T09:15:00Z"), None);
    for date in ["never", "Tue, 99 Foo 99999 10:15:00", "Fri, 31 Feb 2024 10:15:00 +0000"] {
        assert_times("a.eml", message(date), None, None);
    }
    let later = message("Wed, 1 May 2024 08:00:00 GMT");
    let undated = message("-");
    assert_times(
        "a.mbox",
        format!("From a Mon\n{later}\nFrom a Mon\n{undated}\nFrom a Mon\n{sent}"),
        Some("email 2024-03-05T09:15:00Z"),
        Some("email 2024-05-01T08:00:00Z"),
    );
}

#[test]
fn pages_say_when_they_are_from() {
    let page = |head: &str, body: &str| {
        format!("<html><head>{head}</head><body><p>Text.</p>{body}</body></html>")
    };
    assert_times(
        "a.html",
        page(
            "<meta property='article:published_time' content='2024-03-05T10:15:00+01:00'>\
             <meta content=2024-04-01 name=Last-Modified>",
            "",
        ),
        Some("page 2024-03-05T09:15:00Z"),
        Some("page 2024-04-01"),
    );
    assert_times(
        "a.html",
        page(
            "<meta name=DC.date content='2024-03-05'><meta name=date content=nonsense>",
            "<time itemprop=dateModified datetime='2024-04-01'>yesterday</time>",
        ),
        Some("page 2024-03-05"),
        Some("page 2024-04-01"),
    );
    let body = "<time class='x dt-published' datetime=2024-03-05>5 March</time>";
    assert_times("a.html", page("", body), Some("page 2024-03-05"), None);
    let body = "<time pubdate datetime=2024-03-05>5 March</time>";
    assert_times("a.html", page("", body), Some("page 2024-03-05"), None);
    // The time of an event that the page speaks of is not the page's.
    let body = "<time datetime=2024-03-05>5 March</time><p itemprop=datePublished>2024-01-01</p>";
    assert_times("a.html", page("", body), None, None);
}

#[test]
fn office_files_say_when_they_are_from() {
    let core = "<cp:coreProperties xmlns:cp='c' xmlns:dcterms='t'><dcterms:created \
        xsi:type='W'>2024-03-05T10:15:00Z</dcterms:created><dcterms:modified>2024-04-01T08:00:00Z\
        </dcterms:modified></cp:coreProperties>";
    let body = b"<w:document><w:body><w:p><w:r><w:t>text</w:t></w:r></w:p></w:body></w:document>";
    let (created, modified) = (Some("office 2024-03-05T10:15:00Z"), "office 2024-04-01T08:00:00Z");
    let word =
        |core: &str| zip_of(&[("word/document.xml", body), ("docProps/core.xml", core.as_bytes())]);
    assert_times("a.docx", word(core), created, Some(modified));
    // Programs that know no time write this one.
    let unknown = core.replace("2024-03-05", "1601-01-01");
    assert_times("a.docx", word(&unknown), None, Some(modified));
    assert_times("a.docx", word("<broken"), None, None);

    let meta = "<office:document-meta xmlns:meta='m' xmlns:dc='d'><meta:creation-date>\
        2024-03-05T10:15:00.123456789</meta:creation-date><dc:date>2024-04-01T08:00:00</dc:date>\
        </office:document-meta>";
    let text = b"<office:text xmlns:text='t' xmlns:office='o'><text:p>text</text:p></office:text>";
    let open_document = zip_of(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("content.xml", text),
        ("meta.xml", meta.as_bytes()),
    ]);
    assert_times("a.odt", open_document, created, Some(modified));

    let with_core = |members: Vec<u8>, name: &str, bytes: &str| {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(members)).unwrap();
        let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for idx in 0..archive.len() {
            zip.raw_copy_file(archive.by_index_raw(idx).unwrap()).unwrap();
        }
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes.as_bytes()).unwrap();
        zip.finish().unwrap().into_inner()
    };
    let slides = with_core(pptx(), "docProps/core.xml", core);
    assert_times("a.pptx", slides, created, Some(modified));
    let sheets = with_core(xlsx(), "docProps/core.xml", core);
    assert_times("a.xlsx", sheets, created, Some(modified));
    assert_times("a.ods", with_core(ods(), "meta.xml", meta), created, Some(modified));
}

#[test]
fn books_say_when_they_are_from() {
    let book = |metadata: &str| {
        let package = format!(
            "<package><metadata>{metadata}</metadata><manifest><item id='a' href='a.xhtml' \
             media-type='application/xhtml+xml'/></manifest><spine><itemref idref='a'/></spine>\
             </package>"
        );
        zip_of(&[
            ("mimetype", b"application/epub+zip"),
            ("META-INF/container.xml", b"<c><rootfile full-path='p.opf'/></c>"),
            ("p.opf", package.as_bytes()),
            ("a.xhtml", b"<html><body><p>one</p></body></html>"),
        ])
    };
    assert_times(
        "a.epub",
        book(
            "<dc:date>2011-03</dc:date><meta property='dcterms:modified'>2024-04-01T08:00:00Z</meta>",
        ),
        Some("book 2011-03"),
        Some("book 2024-04-01T08:00:00Z"),
    );
    assert_times(
        "a.epub",
        book(
            "<dc:date opf:event='original-publication'>1865</dc:date><dc:date \
             opf:event='publication'>1998</dc:date><dc:date opf:event='modification'>2012-01-01\
             </dc:date>",
        ),
        Some("book 1998"),
        Some("book 2012-01-01"),
    );
    assert_times("a.epub", book("<dc:date/><meta name='date' content='2011'/>"), None, None);
}

#[test]
fn a_pdf_says_when_it_is_from() {
    let packet = "<?xpacket begin='\u{feff}'?><x:xmpmeta xmlns:x='x'><rdf:Description \
        xmp:CreateDate='2020-01-01'><xmp:ModifyDate>2024-04-01T10:00:00+02:00</xmp:ModifyDate>\
        </rdf:Description></x:xmpmeta><?xpacket end='w'?>";
    let information = [("CreationDate", "D:20240305101500+01'00'"), ("ModDate", "yesterday")];
    assert_times(
        "a.pdf",
        pdf_with(&[PDF_PAGE], false, &information, Some(packet)),
        Some("pdf 2024-03-05T09:15:00Z"),
        Some("pdf 2024-04-01T08:00:00Z"),
    );
    assert_times(
        "a.pdf",
        pdf_with(&[PDF_PAGE], false, &[], Some(packet)),
        Some("pdf 2020-01-01"),
        Some("pdf 2024-04-01T08:00:00Z"),
    );
    assert_times("a.pdf", pdf_with(&[PDF_PAGE], false, &[], Some("<x")), None, None);
    assert_times("a.pdf", pdf_of(&[PDF_PAGE], false), None, None);
}
