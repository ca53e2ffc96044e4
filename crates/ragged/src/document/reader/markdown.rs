//! Markdown: the text stays as it is, its structure comes from a `CommonMark` parser.

use pulldown_cmark::{Event, MetadataBlockKind, Options, Parser, Tag, TagEnd};

use super::super::limits::Limits;
use super::super::model::{BlockKind, Document, Format};
use super::super::outline::{Piece, verbatim};
use super::super::own_time::{Fields, OwnTimes};
use super::super::unreadable::Unreadable;

pub(super) fn markdown(text: String, limits: &Limits) -> Result<Document, Unreadable> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS;
    let mut pieces: Vec<Piece> = Vec::new();
    let mut heading: Option<(Piece, String)> = None;
    let mut first_heading = None;
    let mut front_matter = String::new();
    let mut in_front_matter = false;
    // How many list items are open, and whether the innermost one has its block yet.
    let mut n_items = 0_usize;
    for (event, range) in Parser::new_ext(&text, options).into_offset_iter() {
        let piece = |kind| Piece::new(kind, range.start, range.end);
        match event {
            Event::Start(tag) => match tag {
                Tag::Heading { level, .. } => {
                    heading = Some((piece(BlockKind::Heading).level(level as u8), String::new()));
                }
                Tag::Item => {
                    end_open_item(&mut pieces, range.start);
                    n_items += 1;
                    pieces.push(piece(BlockKind::ListItem));
                }
                // Its words are part of the item's block, which covers them already.
                Tag::Paragraph | Tag::HtmlBlock | Tag::FootnoteDefinition(_) if n_items > 0 => {}
                Tag::Paragraph | Tag::HtmlBlock => pieces.push(piece(BlockKind::Paragraph)),
                Tag::CodeBlock(_) => {
                    end_open_item(&mut pieces, range.start);
                    pieces.push(piece(BlockKind::Code));
                }
                Tag::TableHead | Tag::TableRow => {
                    end_open_item(&mut pieces, range.start);
                    pieces.push(piece(BlockKind::TableRow));
                }
                Tag::MetadataBlock(
                    MetadataBlockKind::YamlStyle | MetadataBlockKind::PlusesStyle,
                ) => {
                    in_front_matter = true;
                    pieces.push(piece(BlockKind::Code));
                }
                _ => {}
            },
            Event::End(TagEnd::Heading(_)) => {
                if let Some((piece, name)) = heading.take() {
                    end_open_item(&mut pieces, piece.start);
                    if first_heading.is_none() && !name.trim().is_empty() {
                        first_heading = Some(name.trim().to_owned());
                    }
                    pieces.push(if name.trim().is_empty() { piece } else { piece.named(name) });
                }
            }
            Event::End(TagEnd::Item) => n_items = n_items.saturating_sub(1),
            Event::End(TagEnd::MetadataBlock(_)) => in_front_matter = false,
            Event::Text(words) if in_front_matter => {
                front_matter.push_str(&words);
            }
            Event::Text(words) | Event::Code(words) => {
                if let Some((_, name)) = &mut heading {
                    name.push_str(&words);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some((_, name)) = &mut heading {
                    name.push(' ');
                }
            }
            _ => {}
        }
    }
    let mut document = verbatim(Format::Markdown, text, pieces, &BlockKind::Paragraph, limits)?;
    document.title = front_matter_title(&front_matter).or(first_heading);
    document.times = front_matter_times(&front_matter);
    Ok(document)
}

/// The item that is still open ends where a block inside it begins.
fn end_open_item(pieces: &mut [Piece], at: usize) {
    if let Some(last) = pieces.last_mut()
        && last.kind == BlockKind::ListItem
    {
        last.end = last.end.min(at);
    }
}

/// What the first level of a front matter says of times.
fn front_matter_times(front_matter: &str) -> OwnTimes {
    let mut fields = Fields::default();
    // Fields of others are indented in YAML and behind a table's name in TOML.
    let own = front_matter.lines().take_while(|line| !line.starts_with('['));
    own.filter(|line| !line.starts_with(char::is_whitespace))
        .for_each(|line| fields.note_line(line));
    fields.times()
}

/// The value of `title:` (or `title =`) in a front matter.
fn front_matter_title(front_matter: &str) -> Option<String> {
    front_matter.lines().find_map(|line| {
        let value = line.strip_prefix("title")?.trim_start();
        let value = value.strip_prefix([':', '='])?.trim().trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    })
}
