//! HTML: tokenised as the standard says, then read as a flow of blocks.
//!
//! No tree is built. What a reader of text needs from tree construction is which elements are
//! open, and that is a stack: an end tag closes everything down to its element, a table cell
//! shields what is outside it. A page of a hundred thousand nested elements costs a hundred
//! thousand small entries, never a recursion.

use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use super::super::encoding;
use super::super::limits::Limits;
use super::super::model::{BlockKind, Document, Format};
use super::super::outline::Draft;
use super::super::own_time::{Fields, OwnTimes, TimeSource};
use super::super::unreadable::Unreadable;

#[cfg(test)]
mod tests;

/// An item or cell that has grown to this many bytes ends at its next paragraph: then it is not
/// an item but a page laid out with a list or a table.
const MAX_ITEM_BYTES: usize = 2048;

/// How far an end tag looks for its element. Beyond, it is taken as stray, so that a hostile page
/// cannot make each of its tags search all the others.
const MAX_SEARCH: usize = 512;

pub(super) fn html(bytes: Vec<u8>, limits: &Limits) -> Result<Document, Unreadable> {
    let text = decode(bytes)?;
    let mut draft = Draft::new(limits);
    let mut facts = read_into(&mut draft, &text, Syntax::Html, Boilerplate::Dropped, 0)?;
    if draft.is_empty() {
        // A page that is all navigation is better read than lost.
        draft = Draft::new(limits);
        facts = read_into(&mut draft, &text, Syntax::Html, Boilerplate::Kept, 0)?;
    }
    let mut document = draft.finish(Format::Html, facts.title, None)?;
    document.times = facts.times;
    Ok(document)
}

/// What a page says of itself.
pub(super) struct Facts {
    pub(super) title: Option<String>,
    pub(super) times: OwnTimes,
}

/// Whether navigation, page headers and footers are left out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Boilerplate {
    Dropped,
    Kept,
}

/// Which rules a page is written by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Html,
    /// XHTML, as in books: `<title/>` is an empty title, not the start of one.
    Xml,
}

/// Appends the content of the page `text`, its headings `deeper` levels down; returns what
/// the page says of itself.
pub(super) fn read_into(
    draft: &mut Draft,
    text: &str,
    syntax: Syntax,
    boilerplate: Boilerplate,
    deeper: u8,
) -> Result<Facts, Unreadable> {
    let mut page = Page::new(draft, syntax, boilerplate, deeper);
    let mut emitter =
        CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
            page.event(&event);
            None
        });
    emitter.naively_switch_states(syntax == Syntax::Html);
    // No token is ever made, so the first call reads the whole page.
    let None = Tokenizer::new_with_emitter(text, emitter).next();
    page.finish()
}

/// The text of a page: by byte-order mark, by the encoding it declares, else UTF-8.
pub(super) fn decode(bytes: Vec<u8>) -> Result<String, Unreadable> {
    if !encoding::is_utf16(&bytes)
        && !bytes.starts_with(b"\xEF\xBB\xBF")
        && let Some(declared) = declared_encoding(&bytes)
        && let Some(encoding) = encoding_rs::Encoding::for_label(&declared)
        && encoding.output_encoding() != encoding_rs::UTF_8
    {
        let (text, _) = encoding.decode_without_bom_handling(&bytes);
        return Ok(encoding::normalise_line_ends(text.into_owned()));
    }
    encoding::decode(bytes)
}

/// The label after `charset=` or `encoding=` in the first kilobyte.
fn declared_encoding(bytes: &[u8]) -> Option<Vec<u8>> {
    let head = bytes[..bytes.len().min(1024)].to_ascii_lowercase();
    let after = [b"charset=".as_slice(), b"encoding="].iter().find_map(|key| {
        let at = head.windows(key.len()).position(|window| window == *key)?;
        Some(&head[at + key.len()..])
    })?;
    let after = after.strip_prefix(b"\"").or_else(|| after.strip_prefix(b"'")).unwrap_or(after);
    let end = after
        .iter()
        .position(|byte| {
            !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.'))
        })
        .unwrap_or(after.len());
    Some(after[..end].to_vec())
}

/// Elements that shape the text. All others are transparent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    /// `div`, `section` and their like: a block, no more.
    Block,
    /// `main`, `article`: what is inside is content, its `header` included.
    Content,
    /// `nav`, `footer`, `aside`…: boilerplate by name.
    Furniture,
    /// `header`: boilerplate unless inside content.
    Header,
    /// Never text for a reader: `script`, `style`, `template`, `svg`…
    Silent,
    Heading(u8),
    Paragraph,
    UnorderedList,
    OrderedList,
    Item,
    Term,
    Description,
    Preformatted,
    Table,
    Row,
    HeaderCell,
    Cell,
    Title,
    /// An inline element, of interest only if its attributes hide it.
    Inline,
}

fn element(name: &[u8]) -> Element {
    match name {
        b"div" | b"section" | b"body" | b"blockquote" | b"figure" | b"figcaption" | b"details"
        | b"summary" | b"fieldset" | b"form" | b"address" | b"hgroup" | b"center" | b"dialog"
        | b"caption" | b"thead" | b"tbody" | b"tfoot" | b"html" | b"legend" => Element::Block,
        b"main" | b"article" => Element::Content,
        b"nav" | b"footer" | b"aside" | b"menu" => Element::Furniture,
        b"header" => Element::Header,
        b"script" | b"style" | b"template" | b"svg" | b"noscript" | b"iframe" | b"object"
        | b"select" | b"button" | b"textarea" | b"audio" | b"video" | b"canvas" | b"noframes"
        | b"datalist" | b"head" => Element::Silent,
        b"h1" => Element::Heading(1),
        b"h2" => Element::Heading(2),
        b"h3" => Element::Heading(3),
        b"h4" => Element::Heading(4),
        b"h5" => Element::Heading(5),
        b"h6" => Element::Heading(6),
        b"p" => Element::Paragraph,
        b"ul" | b"dir" | b"dl" => Element::UnorderedList,
        b"ol" => Element::OrderedList,
        b"li" => Element::Item,
        b"dt" => Element::Term,
        b"dd" => Element::Description,
        b"pre" | b"listing" | b"xmp" | b"plaintext" => Element::Preformatted,
        b"table" => Element::Table,
        b"tr" => Element::Row,
        b"th" => Element::HeaderCell,
        b"td" => Element::Cell,
        b"title" => Element::Title,
        _ => Element::Inline,
    }
}

/// Classes and ids by which the generators of documentation and blogs mark what is not content.
const FURNITURE_NAMES: [&[u8]; 26] = [
    b"nav",
    b"navbar",
    b"navigation",
    b"navheader",
    b"navfooter",
    b"sidebar",
    b"sphinxsidebar",
    b"related",
    b"breadcrumb",
    b"breadcrumbs",
    b"footer",
    b"headerlink",
    b"skip-link",
    b"skip-to-content",
    b"site-header",
    b"site-footer",
    b"page-footer",
    b"toolbar",
    b"menu",
    b"cookie-banner",
    b"share",
    b"social",
    b"anchorjs-link",
    b"mw-editsection",
    b"mw-jump-link",
    b"wy-nav-side",
];

/// An open element.
struct Open {
    element: Element,
    hides: bool,
    /// Whether it is written by its own name rather than one that means the same.
    name: Name,
}

/// The name of an element in the fewest bytes that tell most names apart: an end tag closes an
/// element of the same name, and every name of one class needs its own.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Name([u8; 11], u8);

impl Name {
    fn new(name: &[u8]) -> Self {
        let mut bytes = [0; 11];
        let n = name.len().min(bytes.len());
        bytes[..n].copy_from_slice(&name[..n]);
        Self(bytes, name.len().min(255) as u8)
    }
}

/// Reading in progress.
struct Page<'a> {
    draft: &'a mut Draft,
    syntax: Syntax,
    boilerplate: Boilerplate,
    deeper: u8,
    open: Vec<Open>,
    n_hiding: usize,
    n_content: usize,
    n_preformatted: usize,
    /// Numbers of the items of open lists; `None` for bullets.
    lists: Vec<Option<u32>>,
    title: String,
    in_title: bool,
    /// The block being written.
    kind: BlockKind,
    level: u8,
    text: String,
    /// Whether white space was seen since the last word.
    space: bool,
    /// The start tag being read.
    tag: Vec<u8>,
    tag_hides: bool,
    attribute: Vec<u8>,
    /// The values that matter of the `meta` or `time` element being read: its name, and the value
    /// that goes with it.
    fact: Option<(String, String)>,
    facts: Fields,
    failure: Option<Unreadable>,
}

impl<'a> Page<'a> {
    fn new(draft: &'a mut Draft, syntax: Syntax, boilerplate: Boilerplate, deeper: u8) -> Self {
        Self {
            draft,
            syntax,
            boilerplate,
            deeper,
            open: Vec::new(),
            n_hiding: 0,
            n_content: 0,
            n_preformatted: 0,
            lists: Vec::new(),
            title: String::new(),
            in_title: false,
            kind: BlockKind::Paragraph,
            level: 0,
            text: String::new(),
            space: false,
            tag: Vec::new(),
            tag_hides: false,
            attribute: Vec::new(),
            fact: None,
            facts: Fields::default(),
            failure: None,
        }
    }

    fn finish(mut self) -> Result<Facts, Unreadable> {
        self.flush();
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(Facts {
                title: Some(self.title).filter(|title| !title.trim().is_empty()),
                times: self.facts.times(),
            }),
        }
    }

    fn event(&mut self, event: &CallbackEvent<'_>) {
        if self.failure.is_some() {
            return;
        }
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag.clear();
                self.tag.extend_from_slice(name);
                self.tag_hides = false;
                self.attribute.clear();
                self.fact = matches!(*name, b"meta" | b"time").then(Default::default);
            }
            CallbackEvent::AttributeName { name } => {
                self.attribute.clear();
                self.attribute.extend_from_slice(name);
                self.tag_hides |= *name == b"hidden";
                if *name == b"pubdate" {
                    self.note_attribute(b"published");
                }
            }
            CallbackEvent::AttributeValue { value } => {
                self.tag_hides |= self.boilerplate == Boilerplate::Dropped
                    && is_furniture(&self.attribute, value);
                self.note_attribute(value);
            }
            CallbackEvent::CloseStartTag { self_closing } => {
                if let Some((name, value)) = self.fact.take() {
                    self.facts.note(&name, &value, TimeSource::Page);
                }
                self.start_tag(*self_closing);
            }
            CallbackEvent::EndTag { name } => self.end_tag(name),
            CallbackEvent::String { value } => self.characters(value),
            CallbackEvent::Comment { .. }
            | CallbackEvent::Doctype { .. }
            | CallbackEvent::Error(_) => {}
        }
    }

    /// Takes note of an attribute of a `meta` element, or of a `time` element that says that it
    /// is about the page.
    fn note_attribute(&mut self, value: &[u8]) {
        let Some((name, fact)) = &mut self.fact else { return };
        let value = String::from_utf8_lossy(value);
        match (self.tag.as_slice(), self.attribute.as_slice()) {
            (b"meta", b"name" | b"property" | b"http-equiv") | (_, b"itemprop") => {
                *name = value.into_owned();
            }
            (b"meta", b"content") | (b"time", b"datetime") => *fact = value.into_owned(),
            // In HTML5 as it was drafted, and in microformats.
            (b"time", b"pubdate") => "published".clone_into(name),
            (b"time", b"class") => {
                for class in value.split_ascii_whitespace() {
                    match class {
                        "dt-published" => "published".clone_into(name),
                        "dt-updated" => "updated".clone_into(name),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn start_tag(&mut self, self_closing: bool) {
        let tag = std::mem::take(&mut self.tag);
        let element = element(&tag);
        match tag.as_slice() {
            b"br" => self.line_break(),
            b"hr" => self.block_ends(),
            _ => {}
        }
        self.close_implied(element);
        let hides = match element {
            Element::Silent => true,
            Element::Furniture => self.boilerplate == Boilerplate::Dropped,
            Element::Header => self.boilerplate == Boilerplate::Dropped && self.n_content == 0,
            // The body is never furniture as a whole, whatever its classes say.
            Element::Block if matches!(&*tag, b"body" | b"html") => false,
            _ => self.tag_hides && !is_void(&tag),
        };
        // In XML and foreign content (SVG, MathML) an element may close itself; in HTML the slash
        // means nothing. What hides must not hide the rest of the page for that difference.
        let is_closed = self_closing && (hides || self.syntax == Syntax::Xml);
        let kept = !is_void(&tag)
            && !is_closed
            && (hides || !matches!(element, Element::Inline | Element::Paragraph));
        if self.n_hiding == 0 && !hides {
            self.enter(element);
        }
        if kept {
            self.open.push(Open { element, hides, name: Name::new(&tag) });
            self.n_hiding += usize::from(hides);
            self.n_content += usize::from(element == Element::Content);
            self.n_preformatted += usize::from(element == Element::Preformatted && !hides);
        }
        if element == Element::Title {
            self.in_title = self.title.is_empty() && !is_closed;
        }
        self.tag = tag;
    }

    /// Begins the block that an element stands for.
    fn enter(&mut self, element: Element) {
        match element {
            Element::Block | Element::Content | Element::Furniture | Element::Header => {
                self.block_ends();
            }
            Element::Paragraph => self.block_ends(),
            Element::Heading(level) => {
                self.flush();
                self.kind = BlockKind::Heading;
                self.level = (level + self.deeper).min(9);
            }
            Element::UnorderedList | Element::OrderedList => {
                self.flush();
                self.lists.push((element == Element::OrderedList).then_some(0));
            }
            Element::Item => {
                self.flush();
                self.kind = BlockKind::ListItem;
                match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        self.text = format!("{number}. ");
                    }
                    _ => "- ".clone_into(&mut self.text),
                }
                self.space = false;
            }
            Element::Term => {
                self.flush();
                self.kind = BlockKind::ListItem;
            }
            Element::Description => {
                if self.kind == BlockKind::ListItem && !self.text.is_empty() {
                    self.line_break();
                } else {
                    self.flush();
                    self.kind = BlockKind::ListItem;
                }
            }
            Element::Preformatted => {
                self.flush();
                self.kind = BlockKind::Code;
            }
            Element::Table => self.flush(),
            Element::Row => {
                self.flush();
                self.kind = BlockKind::TableRow;
            }
            Element::HeaderCell | Element::Cell => {
                if self.kind == BlockKind::TableRow {
                    if !self.text.is_empty() {
                        self.text.push_str(" | ");
                    }
                } else {
                    self.flush();
                    self.kind = BlockKind::TableRow;
                }
                self.space = false;
            }
            Element::Silent | Element::Title | Element::Inline => {}
        }
    }

    fn end_tag(&mut self, name: &[u8]) {
        if name == b"br" {
            self.line_break();
        }
        let element = element(name);
        if element == Element::Title {
            self.in_title = false;
        }
        if element == Element::Paragraph && self.n_hiding == 0 {
            self.block_ends();
        }
        if let Element::Heading(_) = element
            && self.kind == BlockKind::Heading
        {
            self.flush();
        }
        let name = Name::new(name);
        let mut at = None;
        for (idx, open) in self.open.iter().enumerate().rev().take(MAX_SEARCH) {
            // Any heading's end closes any heading, as in browsers.
            let is_same = open.name == name
                || matches!((open.element, element), (Element::Heading(_), Element::Heading(_)));
            if is_same {
                at = Some(idx);
                break;
            }
            let shields =
                matches!(open.element, Element::Cell | Element::HeaderCell | Element::Table);
            let is_of_table = matches!(
                element,
                Element::Cell | Element::HeaderCell | Element::Row | Element::Table
            ) || matches!(&name.0[..5], b"tbody" | b"thead" | b"tfoot");
            if shields && !is_of_table {
                break;
            }
        }
        if let Some(at) = at {
            self.close_to(at);
        }
    }

    /// Closes what a start tag ends without an end tag of its own.
    fn close_implied(&mut self, element: Element) {
        let ends = |open: Element| match element {
            Element::Item => open == Element::Item,
            Element::Term | Element::Description => {
                matches!(open, Element::Term | Element::Description)
            }
            Element::Row => matches!(open, Element::Row | Element::Cell | Element::HeaderCell),
            Element::Cell | Element::HeaderCell => {
                matches!(open, Element::Cell | Element::HeaderCell)
            }
            Element::Heading(_) => matches!(open, Element::Heading(_)),
            _ => false,
        };
        let shields = |open: Element| match element {
            Element::Item | Element::Term | Element::Description => matches!(
                open,
                Element::UnorderedList
                    | Element::OrderedList
                    | Element::Cell
                    | Element::HeaderCell
                    | Element::Table
            ),
            Element::Row | Element::Cell | Element::HeaderCell => open == Element::Table,
            Element::Heading(_) => !matches!(open, Element::Heading(_)),
            _ => true,
        };
        // Content begins: a head or a hidden paragraph that nobody closed is over.
        let mut lowest = None;
        for (idx, open) in self.open.iter().enumerate().rev().take(MAX_SEARCH) {
            if ends(open.element) {
                lowest = Some(idx);
                if element != Element::Row {
                    break;
                }
            } else if shields(open.element) {
                break;
            }
        }
        if let Some(lowest) = lowest {
            self.close_to(lowest);
        }
        let block = !matches!(element, Element::Inline | Element::Title | Element::Silent);
        if let Some(last) = self.open.last()
            && block
            && (last.element == Element::Paragraph
                || (last.element == Element::Silent && last.name == Name::new(b"head")))
        {
            self.close_to(self.open.len() - 1);
        }
    }

    /// Closes the open elements from the innermost down to the one at `idx`.
    fn close_to(&mut self, idx: usize) {
        while self.open.len() > idx {
            let Some(open) = self.open.pop() else { return };
            self.n_hiding -= usize::from(open.hides);
            self.n_content -= usize::from(open.element == Element::Content);
            self.n_preformatted -=
                usize::from(open.element == Element::Preformatted && !open.hides);
            if open.hides || self.n_hiding > 0 {
                continue;
            }
            match open.element {
                Element::Block | Element::Content | Element::Furniture | Element::Header => {
                    self.block_ends();
                }
                Element::UnorderedList | Element::OrderedList => {
                    self.flush();
                    self.lists.pop();
                }
                Element::HeaderCell | Element::Cell => {
                    if self.kind != BlockKind::TableRow {
                        self.flush();
                    }
                }
                Element::Heading(_)
                | Element::Item
                | Element::Description
                | Element::Preformatted
                | Element::Row
                | Element::Table => self.flush(),
                // The description that follows a term is part of its block.
                Element::Term
                | Element::Silent
                | Element::Paragraph
                | Element::Title
                | Element::Inline => {}
            }
        }
    }

    fn characters(&mut self, value: &[u8]) {
        let value = String::from_utf8_lossy(value);
        if self.in_title {
            self.title.push_str(&value);
        }
        if self.n_hiding > 0 || self.in_title {
            return;
        }
        if self.n_preformatted > 0 && self.kind == BlockKind::Code {
            self.text.push_str(&value);
            return;
        }
        for (idx, word) in value.split(|c: char| c.is_whitespace() && c != '\u{a0}').enumerate() {
            self.space |= idx > 0;
            if word.is_empty() {
                continue;
            }
            if self.space && !self.text.is_empty() && !self.text.ends_with(['\n', ' ']) {
                self.text.push(' ');
            }
            self.space = false;
            self.text.extend(word.chars().map(|c| if c == '\u{a0}' { ' ' } else { c }));
        }
    }

    fn line_break(&mut self) {
        if self.n_hiding > 0 {
            return;
        }
        let newline = if self.kind == BlockKind::TableRow { ' ' } else { '\n' };
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push(newline);
        }
        self.space = false;
    }

    /// A paragraph or a mere box begins or ends: inside an item or a cell that is a line end.
    fn block_ends(&mut self) {
        let is_short = self.text.len() < MAX_ITEM_BYTES;
        match self.kind {
            BlockKind::ListItem | BlockKind::TableRow if is_short => {
                if !self.text.ends_with("- ") && !self.text.ends_with(". ") {
                    self.line_break();
                }
            }
            BlockKind::Heading => self.space = true,
            BlockKind::Code if self.n_preformatted > 0 => self.text.push('\n'),
            _ => self.flush(),
        }
    }

    fn flush(&mut self) {
        let mut text = std::mem::take(&mut self.text);
        let kind = std::mem::replace(&mut self.kind, BlockKind::Paragraph);
        let level = std::mem::take(&mut self.level);
        self.space = false;
        if self.n_preformatted > 0 {
            self.kind = BlockKind::Code;
        }
        let has_words = text.chars().any(char::is_alphanumeric);
        let is_bare =
            matches!(kind, BlockKind::ListItem | BlockKind::TableRow | BlockKind::Heading);
        if has_words || !is_bare {
            let outcome = match kind {
                BlockKind::TableRow => {
                    let row = text.trim_end_matches([' ', '|']);
                    self.draft.push(kind, level, None, row)
                }
                kind => self.draft.push(kind, level, None, &text),
            };
            if let Err(failure) = outcome {
                self.failure.get_or_insert(failure);
            }
        }
        text.clear();
        self.text = text;
    }
}

/// Whether this attribute marks an element as not part of the content.
fn is_furniture(attribute: &[u8], value: &[u8]) -> bool {
    match attribute {
        b"role" => matches!(
            value,
            b"navigation" | b"banner" | b"contentinfo" | b"search" | b"complementary" | b"menu"
        ),
        b"class" | b"id" => value
            .split(u8::is_ascii_whitespace)
            .any(|name| FURNITURE_NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))),
        b"style" => value.starts_with(b"display:none") || value.starts_with(b"display: none"),
        _ => false,
    }
}

/// Elements that have no content and no end tag.
fn is_void(name: &[u8]) -> bool {
    matches!(
        name,
        b"area"
            | b"base"
            | b"br"
            | b"col"
            | b"embed"
            | b"hr"
            | b"img"
            | b"input"
            | b"link"
            | b"meta"
            | b"param"
            | b"source"
            | b"track"
            | b"wbr"
            | b"frame"
            | b"basefont"
            | b"bgsound"
            | b"keygen"
    )
}
