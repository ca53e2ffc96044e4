//! Word and PowerPoint (Office Open XML), OpenDocument text.

use std::collections::HashMap;

use super::super::limits::Limits;
use super::super::model::{BlockKind, Document, Format};
use super::super::outline::Draft;
use super::super::own_time::{OwnTime, OwnTimes, TimeSource};
use super::super::unreadable::Unreadable;
use super::archive::Archive;
use super::xml::{Markup, Xml, text_of};

/// A paragraph or table row under construction.
#[derive(Default)]
struct Flow {
    text: String,
    /// Open table rows, innermost last: the cells read so far.
    rows: Vec<String>,
}

impl Flow {
    /// The paragraph ends: inside a table it is part of a cell, outside it is a block.
    fn end_paragraph(
        &mut self,
        draft: &mut Draft,
        kind: BlockKind,
        level: u8,
    ) -> Result<(), Unreadable> {
        let text = std::mem::take(&mut self.text);
        let Some(row) = self.rows.last_mut() else {
            return draft.push(kind, level, None, &text);
        };
        let text = text.trim();
        if !text.is_empty() {
            if !row.is_empty() && !row.ends_with(CELL_END) {
                row.push(' ');
            }
            row.push_str(text);
        }
        Ok(())
    }

    fn end_cell(&mut self) {
        if let Some(row) = self.rows.last_mut() {
            row.push_str(CELL_END);
        }
    }

    fn end_row(&mut self, draft: &mut Draft) -> Result<(), Unreadable> {
        let Some(row) = self.rows.pop() else { return Ok(()) };
        let row = row.trim_end_matches([' ', '|']).to_owned();
        match self.rows.last_mut() {
            // A table inside a cell reads on within the outer row.
            Some(outer) => {
                if !outer.is_empty() && !outer.ends_with(CELL_END) {
                    outer.push(' ');
                }
                outer.push_str(&row);
                Ok(())
            }
            None => draft.push(BlockKind::TableRow, 0, None, &row),
        }
    }
}

const CELL_END: &str = " | ";

/// What an office file says of itself.
#[derive(Default)]
pub(super) struct Properties {
    pub(super) title: Option<String>,
    pub(super) times: OwnTimes,
}

/// A member with properties, and the elements for the times of making and of the last change.
pub(super) type Member = (&'static str, [&'static str; 2]);

/// Of Office Open XML.
pub(super) const CORE_PROPERTIES: Member = ("docProps/core.xml", ["created", "modified"]);
/// Of OpenDocument.
pub(super) const OPENDOCUMENT_PROPERTIES: Member = ("meta.xml", ["creation-date", "date"]);

impl Properties {
    /// The properties, or none where there is no such member. One that is broken says nothing; it
    /// is no reason to lose the text.
    pub(super) fn read(
        archive: &mut Archive<'_>,
        (name, [created, modified]): Member,
    ) -> Result<Self, Unreadable> {
        let Some(xml) = archive.text_if_any(name)? else { return Ok(Self::default()) };
        let text = |name| text_of("document properties", &xml, name);
        let time = |name| text(name).and_then(|date| OwnTime::read(&date, TimeSource::Office));
        let times = OwnTimes { created: time(created), modified: time(modified) };
        Ok(Self { title: text("title"), times })
    }
}

/// What the styles of a Word document say about a paragraph.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Heading(u8),
    Title,
    ListItem,
    Code,
}

pub(super) fn docx(bytes: &[u8], limits: &Limits) -> Result<Document, Unreadable> {
    let mut archive = Archive::open(bytes, limits)?;
    let styles = match archive.text_if_any("word/styles.xml")? {
        Some(xml) => docx_styles(&xml)?,
        None => HashMap::new(),
    };
    let properties = Properties::read(&mut archive, CORE_PROPERTIES)?;
    let mut title = properties.title;
    let mut draft = Draft::new(limits);
    let body = archive.text("word/document.xml")?;
    docx_body(&body, &styles, &mut draft, &mut title)?;
    for notes in ["word/footnotes.xml", "word/endnotes.xml"] {
        if let Some(xml) = archive.text_if_any(notes)? {
            docx_body(&xml, &styles, &mut draft, &mut title)?;
        }
    }
    let mut document = draft.finish(Format::Docx, title, None)?;
    document.times = properties.times;
    Ok(document)
}

fn docx_styles(xml: &str) -> Result<HashMap<String, Style>, Unreadable> {
    let mut events = Xml::new("styles of a Word document", xml);
    let mut styles = HashMap::new();
    let mut id = String::new();
    while let Some(event) = events.next()? {
        let Markup::Open(tag) = event else { continue };
        let value = || tag.attribute("val").unwrap_or_default();
        match tag.name() {
            "style" => id = tag.attribute("styleId").unwrap_or_default(),
            "name" => {
                let name = value().to_lowercase();
                let style = if let Some(level) = name.strip_prefix("heading ") {
                    level.parse().ok().filter(|level| (1..=9).contains(level)).map(Style::Heading)
                } else if name == "title" {
                    Some(Style::Title)
                } else if name.starts_with("list") {
                    Some(Style::ListItem)
                } else if name.contains("code") || name.contains("preformatted") {
                    Some(Style::Code)
                } else {
                    None
                };
                if let Some(style) = style {
                    styles.insert(id.clone(), style);
                }
            }
            "outlineLvl" => {
                if let Ok(level @ 0..=8) = value().parse::<u8>() {
                    styles.entry(id.clone()).or_insert(Style::Heading(level + 1));
                }
            }
            _ => {}
        }
    }
    Ok(styles)
}

fn docx_body(
    xml: &str,
    styles: &HashMap<String, Style>,
    draft: &mut Draft,
    title: &mut Option<String>,
) -> Result<(), Unreadable> {
    let mut events = Xml::new("Word document", xml);
    let mut flow = Flow::default();
    let mut style: Option<Style> = None;
    let mut in_text = false;
    // Text that was deleted under change tracking, and the copy of a drawing for old readers.
    let mut n_hidden = 0_usize;
    while let Some(event) = events.next()? {
        match event {
            Markup::Open(tag) => match tag.name() {
                "del" | "moveFrom" | "Fallback" | "instrText" => n_hidden += 1,
                _ if n_hidden > 0 => {}
                "p" => {
                    // A text box is a paragraph inside a paragraph: what came before it stands.
                    if !flow.text.trim().is_empty() {
                        flow.end_paragraph(draft, BlockKind::Paragraph, 0)?;
                    }
                    style = None;
                }
                "pStyle" => {
                    let named = tag.attribute("val").unwrap_or_default();
                    style = styles.get(&named).copied().or_else(|| docx_style_by_id(&named));
                }
                "outlineLvl" if style.is_none() => {
                    let level = tag.attribute("val").and_then(|value| value.parse::<u8>().ok());
                    style = level.filter(|level| *level < 9).map(|level| Style::Heading(level + 1));
                }
                "numPr" if style.is_none() => style = Some(Style::ListItem),
                "t" => in_text = true,
                "tab" => flow.text.push('\t'),
                "br" | "cr" => flow.text.push('\n'),
                "noBreakHyphen" => flow.text.push('-'),
                "tr" => flow.rows.push(String::new()),
                _ => {}
            },
            Markup::Close(name) => match name.as_str() {
                "del" | "moveFrom" | "Fallback" | "instrText" => {
                    n_hidden = n_hidden.saturating_sub(1);
                }
                _ if n_hidden > 0 => {}
                "t" => in_text = false,
                "p" => match style.take() {
                    Some(Style::Heading(level)) => {
                        flow.end_paragraph(draft, BlockKind::Heading, level)?;
                    }
                    Some(Style::Title) => {
                        title.get_or_insert_with(|| flow.text.trim().to_owned());
                        flow.end_paragraph(draft, BlockKind::Heading, 1)?;
                    }
                    Some(Style::ListItem) => {
                        if !flow.text.trim().is_empty() && flow.rows.is_empty() {
                            flow.text.insert_str(0, "- ");
                        }
                        flow.end_paragraph(draft, BlockKind::ListItem, 0)?;
                    }
                    Some(Style::Code) => flow.end_paragraph(draft, BlockKind::Code, 0)?,
                    None => flow.end_paragraph(draft, BlockKind::Paragraph, 0)?,
                },
                "tc" => flow.end_cell(),
                "tr" => flow.end_row(draft)?,
                _ => {}
            },
            Markup::Text(text) if in_text && n_hidden == 0 => flow.text.push_str(&text),
            Markup::Text(_) => {}
        }
    }
    Ok(())
}

/// What the built-in style names mean where a document comes without a style sheet.
fn docx_style_by_id(id: &str) -> Option<Style> {
    let id = id.to_lowercase();
    match id.strip_prefix("heading") {
        Some(level) => {
            level.parse().ok().filter(|level| (1..=9).contains(level)).map(Style::Heading)
        }
        None if id == "title" => Some(Style::Title),
        None if id.starts_with("list") => Some(Style::ListItem),
        None => None,
    }
}

pub(super) fn pptx(bytes: &[u8], limits: &Limits) -> Result<Document, Unreadable> {
    let mut archive = Archive::open(bytes, limits)?;
    let presentation = archive.text("ppt/presentation.xml")?;
    let links = match archive.text_if_any("ppt/_rels/presentation.xml.rels")? {
        Some(xml) => relationships(&xml, "ppt/")?,
        None => HashMap::new(),
    };
    let mut slides = Vec::new();
    let mut events = Xml::new("presentation", &presentation);
    while let Some(event) = events.next()? {
        if let Markup::Open(tag) = event
            && tag.name() == "sldId"
            && let Some(link) = tag.qualified_attribute("r:id").and_then(|id| links.get(&id))
        {
            slides.push(link.1.clone());
        }
    }
    if slides.len() > limits.max_pages {
        return Err(Unreadable::Bomb(format!("a presentation of {} slides", slides.len())));
    }
    let properties = Properties::read(&mut archive, CORE_PROPERTIES)?;
    let mut draft = Draft::new(limits);
    for (idx, slide) in slides.iter().enumerate() {
        draft.set_page(idx + 1);
        let xml = archive.text(slide)?;
        pptx_slide(&xml, &mut draft, true)?;
        let (folder, file) = slide.rsplit_once('/').unwrap_or(("", slide));
        let Some(xml) = archive.text_if_any(&format!("{folder}/_rels/{file}.rels"))? else {
            continue;
        };
        let links = relationships(&xml, &format!("{folder}/"))?;
        let notes = links.values().find(|(kind, _)| kind.ends_with("/notesSlide"));
        if let Some((_, notes)) = notes
            && let Some(xml) = archive.text_if_any(notes)?
        {
            pptx_slide(&xml, &mut draft, false)?;
        }
    }
    let mut document = draft.finish(Format::Pptx, properties.title, Some(slides.len()))?;
    document.times = properties.times;
    Ok(document)
}

/// The links of an Office part: id → (kind, target as a member name).
fn relationships(xml: &str, folder: &str) -> Result<HashMap<String, (String, String)>, Unreadable> {
    let mut links = HashMap::new();
    let mut events = Xml::new("relationships", xml);
    while let Some(event) = events.next()? {
        if let Markup::Open(tag) = event
            && tag.name() == "Relationship"
            && let (Some(id), Some(target)) = (tag.attribute("Id"), tag.attribute("Target"))
        {
            let kind = tag.attribute("Type").unwrap_or_default();
            links.insert(id, (kind, resolve(folder, &target)));
        }
    }
    Ok(links)
}

/// The member that `target`, written in a member of `folder`, means.
pub(super) fn resolve(folder: &str, target: &str) -> String {
    let whole = match target.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => format!("{folder}{target}"),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn pptx_slide(xml: &str, draft: &mut Draft, is_slide: bool) -> Result<(), Unreadable> {
    let mut events = Xml::new("slide", xml);
    let mut flow = Flow::default();
    let mut in_text = false;
    // What the placeholder of the shape being read is for.
    let mut role = String::new();
    while let Some(event) = events.next()? {
        match event {
            Markup::Open(tag) => match tag.name() {
                "sp" => role.clear(),
                "ph" => role = tag.attribute("type").unwrap_or_default(),
                "t" => in_text = true,
                "br" => flow.text.push('\n'),
                "tr" => flow.rows.push(String::new()),
                _ => {}
            },
            Markup::Close(name) => match name.as_str() {
                "t" => in_text = false,
                "p" => {
                    let is_title = is_slide && matches!(role.as_str(), "title" | "ctrTitle");
                    let is_furniture = matches!(role.as_str(), "sldNum" | "dt" | "ftr" | "hdr");
                    if is_furniture {
                        flow.text.clear();
                    } else if is_title {
                        flow.end_paragraph(draft, BlockKind::Heading, 1)?;
                    } else {
                        flow.end_paragraph(draft, BlockKind::Paragraph, 0)?;
                    }
                }
                "tc" => flow.end_cell(),
                "tr" => flow.end_row(draft)?,
                _ => {}
            },
            Markup::Text(text) if in_text => flow.text.push_str(&text),
            Markup::Text(_) => {}
        }
    }
    Ok(())
}

pub(super) fn odt(bytes: &[u8], limits: &Limits) -> Result<Document, Unreadable> {
    let mut archive = Archive::open(bytes, limits)?;
    refuse_encrypted_opendocument(&mut archive)?;
    let properties = Properties::read(&mut archive, OPENDOCUMENT_PROPERTIES)?;
    let xml = archive.text("content.xml")?;
    let mut draft = Draft::new(limits);
    let mut events = Xml::new("OpenDocument text", &xml);
    let mut flow = Flow::default();
    let mut level = 0;
    let (mut n_paragraphs, mut n_lists, mut n_hidden) = (0_usize, 0_usize, 0_usize);
    let mut item_begins = false;
    while let Some(event) = events.next()? {
        match event {
            Markup::Open(tag) => match tag.name() {
                "annotation" | "tracked-changes" | "note-citation" => n_hidden += 1,
                _ if n_hidden > 0 => {}
                "p" | "h" => {
                    if n_paragraphs > 0 && !flow.text.trim().is_empty() {
                        flow.end_paragraph(&mut draft, BlockKind::Paragraph, 0)?;
                    }
                    n_paragraphs += 1;
                    level = tag
                        .attribute("outline-level")
                        .and_then(|level| level.parse().ok())
                        .unwrap_or(1);
                }
                "list" => n_lists += 1,
                "list-item" => item_begins = true,
                "s" => {
                    let n = tag.attribute("c").and_then(|n| n.parse().ok()).unwrap_or(1_usize);
                    flow.text.extend(std::iter::repeat_n(' ', n.min(256)));
                }
                "tab" => flow.text.push('\t'),
                "line-break" => flow.text.push('\n'),
                "table-row" => flow.rows.push(String::new()),
                _ => {}
            },
            Markup::Close(name) => match name.as_str() {
                "annotation" | "tracked-changes" | "note-citation" => {
                    n_hidden = n_hidden.saturating_sub(1);
                }
                _ if n_hidden > 0 => {}
                "h" => {
                    n_paragraphs = n_paragraphs.saturating_sub(1);
                    flow.end_paragraph(&mut draft, BlockKind::Heading, level)?;
                }
                "p" => {
                    n_paragraphs = n_paragraphs.saturating_sub(1);
                    if n_lists > 0 && item_begins && flow.rows.is_empty() {
                        if !flow.text.trim().is_empty() {
                            flow.text.insert_str(0, "- ");
                        }
                        flow.end_paragraph(&mut draft, BlockKind::ListItem, 0)?;
                    } else {
                        flow.end_paragraph(&mut draft, BlockKind::Paragraph, 0)?;
                    }
                    item_begins = false;
                }
                "list" => n_lists = n_lists.saturating_sub(1),
                "table-cell" => flow.end_cell(),
                "table-row" => flow.end_row(&mut draft)?,
                _ => {}
            },
            Markup::Text(text) if n_paragraphs > 0 && n_hidden == 0 => flow.text.push_str(&text),
            Markup::Text(_) => {}
        }
    }
    let mut document = draft.finish(Format::Odt, properties.title, None)?;
    document.times = properties.times;
    Ok(document)
}

/// OpenDocument encrypts members one by one and says so in its manifest.
pub(super) fn refuse_encrypted_opendocument(archive: &mut Archive<'_>) -> Result<(), Unreadable> {
    let manifest = archive.text_if_any("META-INF/manifest.xml")?;
    if manifest.is_some_and(|xml| xml.contains("encryption-data")) {
        return Err(Unreadable::Encrypted);
    }
    Ok(())
}
