//! A plain stream of start tags, end tags and text over an XML member of an office file.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::super::unreadable::Unreadable;

/// One event. Names are without their namespace prefix: office formats use fixed ones.
pub(super) enum Markup<'a> {
    Open(Tag<'a>),
    Close(String),
    Text(String),
}

/// A start tag.
pub(super) struct Tag<'a>(BytesStart<'a>);

impl Tag<'_> {
    pub(super) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// The value of the attribute `name` (without prefix).
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        self.0
            .attributes()
            .with_checks(false)
            .flatten()
            .find(|attribute| attribute.key.local_name().into_inner() == name)
            .and_then(|attribute| {
                attribute.normalized_value(XmlVersion::Implicit1_0).ok().map(Into::into)
            })
    }

    /// The value of the attribute with this prefix and name (`r:id`).
    pub(super) fn qualified_attribute(&self, name: &str) -> Option<String> {
        self.0
            .attributes()
            .with_checks(false)
            .flatten()
            .find(|attribute| attribute.key.into_inner() == name)
            .and_then(|attribute| {
                attribute.normalized_value(XmlVersion::Implicit1_0).ok().map(Into::into)
            })
    }
}

/// Reads `text` as XML. `what` names it in errors.
pub(super) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    what: &'a str,
    /// The end of an empty element, which comes as one event.
    pending_close: Option<String>,
    /// How many elements are open; a document that ends inside one was cut off.
    depth: usize,
}

impl<'a> Xml<'a> {
    pub(super) fn new(what: &'a str, text: &'a str) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_end_names = false;
        reader.config_mut().allow_unmatched_ends = true;
        Self { reader, what, pending_close: None, depth: 0 }
    }

    /// The next event, or nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Markup<'a>>, Unreadable> {
        if let Some(name) = self.pending_close.take() {
            return Ok(Some(Markup::Close(name)));
        }
        loop {
            let event =
                self.reader.read_event().map_err(|error| Unreadable::broken(self.what, error))?;
            return Ok(Some(match event {
                Event::Start(tag) => {
                    self.depth += 1;
                    Markup::Open(Tag(tag))
                }
                Event::Empty(tag) => {
                    self.pending_close = Some(tag.local_name().into_inner().to_owned());
                    Markup::Open(Tag(tag))
                }
                Event::End(tag) => {
                    self.depth = self.depth.saturating_sub(1);
                    Markup::Close(tag.local_name().into_inner().to_owned())
                }
                Event::Text(text) => Markup::Text(text.into_inner().into_owned()),
                Event::CData(text) => Markup::Text(text.into_inner().into_owned()),
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref().ok().flatten();
                    let name = reference.into_inner();
                    let text = match (character, name.as_ref()) {
                        (Some(character), _) => character.to_string(),
                        (None, "lt") => "<".to_owned(),
                        (None, "gt") => ">".to_owned(),
                        (None, "amp") => "&".to_owned(),
                        (None, "quot") => "\"".to_owned(),
                        (None, "apos") => "'".to_owned(),
                        // Entities of a document's own are not expanded: they are how bombs work.
                        (None, _) => continue,
                    };
                    Markup::Text(text)
                }
                Event::Eof if self.depth > 0 => {
                    return Err(Unreadable::broken(self.what, "ends inside an element"));
                }
                Event::Eof => return Ok(None),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => continue,
            }));
        }
    }
}

/// The text of the first element called `name`.
pub(super) fn text_of(what: &str, xml: &str, name: &str) -> Option<String> {
    let mut events = Xml::new(what, xml);
    let mut inside = false;
    let mut text = String::new();
    while let Ok(Some(event)) = events.next() {
        match event {
            Markup::Open(tag) if tag.name() == name => inside = true,
            Markup::Close(closed) if inside && closed == name => break,
            Markup::Text(piece) if inside => text.push_str(&piece),
            _ => {}
        }
    }
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
