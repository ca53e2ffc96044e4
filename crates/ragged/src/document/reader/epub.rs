//! EPUB books: the chapters in reading order.

use std::collections::HashMap;

use super::super::limits::Limits;
use super::super::model::{BlockKind, Document, Format};
use super::super::outline::Draft;
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
        let title = html::read_into(&mut content, &page, Syntax::Xml, Boilerplate::Dropped, 0)?;
        // A chapter that does not name itself is named by its page.
        if let Some(title) = title
            && !content.is_empty()
            && !content.begins_with_heading()
        {
            draft.push(BlockKind::Heading, 1, None, &title)?;
        }
        draft.append(content)?;
    }
    draft.finish(Format::Epub, text_of("book", &package, "title"), None)
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
