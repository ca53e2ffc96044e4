//! EPUB books: the chapters in reading order.

use std::collections::HashMap;

use super::super::limits::Limits;
use super::super::model::{BlockKind, Document, Format};
use super::super::outline::Draft;
use super::super::own_time::{Fields, OwnTimes, TimeSource};
use super::super::unreadable::Unreadable;
use super::archive::Archive;
use super::html::{self, Boilerplate, Syntax};
use super::office::resolve;
use super::xml::{Markup, Xml, text_of};

pub(super) fn epub(bytes: &[u8], limits: &Limits) -> Result<Document, Unreadable> {
    let mut archive = Archive::open(bytes, limits)?;
    let package_name = package_name(&archive.text("META-INF/container.xml")?)?;
    let package = archive.text(&package_name)?;
    let folder = package_name.rsplit_once('/').map_or("", |(folder, _)| folder);
    // Encrypted chapters are listed here; obfuscated fonts are too, and are no reason to refuse.
    let encryption = archive.text_if_any("META-INF/encryption.xml")?.unwrap_or_default();
    let chapters = chapters(&package)?;
    if chapters.len() > limits.max_pages {
        return Err(Unreadable::Bomb(format!("a book of {} chapters", chapters.len())));
    }
    let mut draft = Draft::new(limits);
    for chapter in chapters {
        let name = resolve(&format!("{folder}/"), &chapter);
        if encryption.contains(&name) {
            return Err(Unreadable::Encrypted);
        }
        if !archive.contains(&name) {
            continue;
        }
        let page = html::decode(archive.bytes(&name)?)?;
        let mut content = Draft::new(limits);
        let html::Facts { title, .. } =
            html::read_into(&mut content, &page, Syntax::Xml, Boilerplate::Dropped, 0)?;
        // A chapter that does not name itself is named by its page.
        if let Some(title) = title
            && !content.is_empty()
            && !content.begins_with_heading()
        {
            draft.push(BlockKind::Heading, 1, None, &title)?;
        }
        draft.append(content)?;
    }
    let mut document = draft.finish(Format::Epub, text_of("book", &package, "title"), None)?;
    document.times = times(&package)?;
    Ok(document)
}

/// What the package says: `dc:date`, in older books with an `event` that says of what, and
/// `dcterms:modified`.
fn times(package: &str) -> Result<OwnTimes, Unreadable> {
    let mut fields = Fields::default();
    let mut events = Xml::new("EPUB package", package);
    // The field whose text is being read.
    let mut open: Option<(String, String)> = None;
    while let Some(event) = events.next()? {
        match event {
            Markup::Open(tag) => {
                let name = match tag.name() {
                    "date" => {
                        Some(tag.attribute("event").map_or_else(
                            || "date".to_owned(),
                            |event| {
                                // The event of a first edition or of a conversion is none of ours.
                                match event.as_str() {
                                    "creation" => "created".to_owned(),
                                    "modification" => "modified".to_owned(),
                                    "publication" => "published".to_owned(),
                                    event => event.to_owned(),
                                }
                            },
                        ))
                    }
                    "meta" => tag.attribute("property").filter(|name| name.starts_with("dcterms:")),
                    _ => None,
                };
                open = name.map(|name| (name, String::new()));
            }
            Markup::Text(piece) => {
                if let Some((_, text)) = &mut open {
                    text.push_str(&piece);
                }
            }
            Markup::Close(_) => {
                if let Some((name, text)) = open.take() {
                    fields.note(&name, &text, TimeSource::Book);
                }
            }
        }
    }
    Ok(fields.times())
}

/// The member that lists the parts of the book.
fn package_name(container: &str) -> Result<String, Unreadable> {
    let mut events = Xml::new("EPUB container", container);
    while let Some(event) = events.next()? {
        if let Markup::Open(tag) = event
            && tag.name() == "rootfile"
            && let Some(path) = tag.attribute("full-path")
        {
            return Ok(path);
        }
    }
    Err(Unreadable::broken("EPUB container", "names no book"))
}

/// The chapters' files, in reading order.
fn chapters(package: &str) -> Result<Vec<String>, Unreadable> {
    let mut files = HashMap::new();
    let mut order = Vec::new();
    let mut events = Xml::new("EPUB package", package);
    while let Some(event) = events.next()? {
        let Markup::Open(tag) = event else { continue };
        match tag.name() {
            "item" => {
                let is_page = tag.attribute("media-type").is_some_and(|kind| kind.contains("html"));
                let is_contents =
                    tag.attribute("properties").is_some_and(|list| list.contains("nav"));
                if let (Some(id), Some(href), true) =
                    (tag.attribute("id"), tag.attribute("href"), is_page && !is_contents)
                {
                    files.insert(id, percent_decoded(&href));
                }
            }
            "itemref" => order.extend(tag.attribute("idref")),
            _ => {}
        }
    }
    Ok(order.into_iter().filter_map(|id| files.remove(&id)).collect())
}

fn percent_decoded(href: &str) -> String {
    let bytes = href.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%')
            .then(|| href.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(hex.unwrap_or(bytes[at]));
        at += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}
