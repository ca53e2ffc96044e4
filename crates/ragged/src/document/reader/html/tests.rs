use super::*;
use crate::document::model::Document;

fn read(page: &str) -> Document {
    html(page.as_bytes().to_vec(), &Limits::default()).unwrap()
}

fn blocks(page: &str) -> Vec<(BlockKind, String)> {
    let document = read(page);
    document.blocks.iter().map(|b| (b.kind.clone(), b.span.of(&document.text).to_owned())).collect()
}

#[test]
fn a_page_becomes_headings_paragraphs_items_rows_and_listings() {
    let page = "<!doctype html><html><head><title>A &amp; B</title><style>p{}</style></head><body>\
        <header><a href=/>Home</a></header><nav><ul><li>Menu</ul></nav>\
        <h1>Bread</h1><p>Flour,\n  <b>water</b>&nbsp;and salt.<p>Second<br>line\
        <ul><li>one<li><p>two</p><p>more</p></ul><ol><li>first<li>second</ol>\
        <table><tr><th>Name<th>Qty<tr><td>Egg<td>2</table>\
        <pre>  if x:\n    y\n</pre><script>alert('no')</script><footer>(c)</footer>";
    assert_eq!(read(page).title.as_deref(), Some("A & B"));
    let expected = [
        (BlockKind::Heading, "Bread"),
        (BlockKind::Paragraph, "Flour, water and salt."),
        (BlockKind::Paragraph, "Second\nline"),
        (BlockKind::ListItem, "- one"),
        (BlockKind::ListItem, "- two\nmore"),
        (BlockKind::ListItem, "1. first"),
        (BlockKind::ListItem, "2. second"),
        (BlockKind::TableRow, "Name | Qty"),
        (BlockKind::TableRow, "Egg | 2"),
        (BlockKind::Code, "  if x:\n    y"),
    ]
    .map(|(kind, text)| (kind, text.to_owned()));
    assert_eq!(blocks(page), expected);
}

#[test]
fn what_hides_ends_with_what_it_stands_in() {
    let page = "<div><nav>menu</div><p>text</p><svg><title>no</title></svg>\
        <p hidden>no<p>yes<a class=headerlink href=#x>¶</a>";
    let texts: Vec<String> = blocks(page).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["text", "yes"]);
}

#[test]
fn the_header_of_an_article_is_content() {
    let page = "<header>Site</header><article><header><h1>Title</h1></header><p>x</article>";
    let texts: Vec<String> = blocks(page).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["Title", "x"]);
}

#[test]
fn a_page_of_navigation_only_is_still_read() {
    assert_eq!(blocks("<nav><p>All there is</p></nav>").len(), 1);
}

#[test]
fn a_definition_and_its_description_are_one_item() {
    let page = "<dl><dt>f(x)<dd><p>Does it.</p><dt>g()<dd>Not.</dl>";
    let texts: Vec<String> = blocks(page).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["f(x)\nDoes it.", "g()\nNot."]);
}

#[test]
fn the_declared_encoding_is_used_and_no_other_is_guessed() {
    let mut page = b"<meta charset=iso-8859-1><p>caf\xE9".to_vec();
    let document = html(page.clone(), &Limits::default()).unwrap();
    assert_eq!(document.text, "café");
    page.drain(..25);
    assert!(matches!(html(page, &Limits::default()), Err(Unreadable::NotUtf8 { .. })));
}

#[test]
fn a_hundred_thousand_levels_are_read_in_no_time() {
    for (open, close) in
        [("<div>", "</div>"), ("<ul><li>", "</span></ul>"), ("<table><tr><td>", "</div>")]
    {
        let page = format!("{}deep{}", open.repeat(100_000), close.repeat(100_000));
        let document = read(&page);
        assert!(document.text.contains("deep"));
    }
}
