//! E-mail messages and mailboxes.

use std::borrow::Cow;

use mail_parser::{Address, Message, MessageParser, MimeHeaders, PartType};

use super::super::encoding::normalise_line_ends;
use super::super::limits::Limits;
use super::super::model::{BlockKind, Document, Format};
use super::super::outline::Draft;
use super::super::own_time::{OwnTime, OwnTimes, TimeSource};
use super::super::unreadable::Unreadable;
use super::html::{self, Boilerplate, Syntax};

/// How many messages attached to messages are followed.
const MAX_NESTED_MESSAGES: usize = 4;

pub(super) fn eml(bytes: &[u8], limits: &Limits) -> Result<Document, Unreadable> {
    let mut draft = Draft::new(limits);
    let Head { subject, sent } = message(&mut draft, bytes)?;
    let mut document = draft.finish(Format::Eml, subject, None)?;
    document.times.created = sent;
    Ok(document)
}

pub(super) fn mbox(bytes: &[u8], limits: &Limits) -> Result<Document, Unreadable> {
    let mut draft = Draft::new(limits);
    let mut n_read = 0;
    let mut unread = None;
    let (mut first, mut last): (Option<OwnTime>, Option<OwnTime>) = (None, None);
    for raw in messages(bytes) {
        match message(&mut draft, raw) {
            Ok(Head { sent, .. }) => {
                n_read += 1;
                first = first.into_iter().chain(sent).min_by_key(|time| time.ms);
                last = last.into_iter().chain(sent).max_by_key(|time| time.ms);
            }
            // One message that is cut off costs itself, not the mailbox.
            Err(reason @ Unreadable::Broken(_)) => unread = Some(reason),
            Err(reason) => return Err(reason),
        }
    }
    match unread {
        Some(reason) if n_read == 0 => Err(reason),
        _ => {
            let mut document = draft.finish(Format::Mbox, None, None)?;
            // A mailbox is as old as its first message and was last changed with its last one.
            document.times = OwnTimes { created: first, modified: last };
            Ok(document)
        }
    }
}

/// The messages of a mailbox: each begins after a line `From …` that follows an empty line.
fn messages(bytes: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    let mut begun: Option<usize> = None;
    let mut at = 0;
    let mut after_blank = true;
    while at < bytes.len() {
        let end =
            bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |n| at + n);
        let line = &bytes[at..end];
        let next = (end + 1).min(bytes.len());
        if after_blank && line.starts_with(b"From ") {
            messages.extend(begun.map(|start| &bytes[start..at]));
            begun = Some(next);
        }
        after_blank = line.trim_ascii().is_empty();
        at = end + 1;
    }
    messages.extend(begun.map(|start| &bytes[start..]));
    if messages.is_empty() {
        messages.push(bytes);
    }
    messages
}

/// What the fields of a message say of it as a whole.
struct Head {
    subject: Option<String>,
    sent: Option<OwnTime>,
}

/// Adds one message.
fn message(draft: &mut Draft, raw: &[u8]) -> Result<Head, Unreadable> {
    let Some(parsed) = MessageParser::default().parse(raw) else {
        return Err(Unreadable::broken("e-mail", "no header fields"));
    };
    let subject = parsed.subject().map(str::to_owned);
    // The parser takes numbers as they come; the calendar is asked here.
    let sent = parsed.date().map(mail_parser::DateTime::to_rfc3339);
    let sent = sent.and_then(|date| OwnTime::read(&date, TimeSource::Email));
    add(draft, &parsed, 0)?;
    Ok(Head { subject, sent })
}

fn add(draft: &mut Draft, message: &Message<'_>, n_outer: usize) -> Result<(), Unreadable> {
    let mut head = String::new();
    let mut field = |name: &str, value: &str| {
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        if !value.is_empty() {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(&value);
            head.push('\n');
        }
    };
    field("Subject", message.subject().unwrap_or_default());
    field("From", &people(message.from()));
    field("To", &people(message.to()));
    field("Cc", &people(message.cc()));
    field("Date", &message.date().map(mail_parser::DateTime::to_rfc3339).unwrap_or_default());
    let level = (n_outer + 1) as u8;
    let name = message.subject().map_or_else(|| people(message.from()), str::to_owned);
    draft.push(BlockKind::Message, level, Some(&name), &head)?;
    let texts: Vec<&mail_parser::MessagePart<'_>> =
        message.text_body.iter().filter_map(|id| message.parts.get(*id as usize)).collect();
    for part in texts {
        match &part.body {
            PartType::Text(text) => paragraphs(draft, text)?,
            PartType::Html(page) => {
                html::read_into(draft, page, Syntax::Html, Boilerplate::Kept, level)?;
            }
            _ => {}
        }
    }
    let mut names = Vec::new();
    for attachment in message.attachments() {
        names.extend(attachment.attachment_name().map(str::to_owned));
        if let PartType::Message(inner) = &attachment.body
            && n_outer < MAX_NESTED_MESSAGES
        {
            add(draft, inner, n_outer + 1)?;
        }
    }
    if !names.is_empty() {
        draft.push(BlockKind::Paragraph, 0, None, &format!("Attachments: {}", names.join(", ")))?;
    }
    Ok(())
}

/// The body of a message: paragraphs between empty lines, quoted ones included.
fn paragraphs(draft: &mut Draft, text: &str) -> Result<(), Unreadable> {
    let text = normalise_line_ends(text.to_owned());
    let mut paragraph = String::new();
    for line in text.lines() {
        // `>From` is how mailboxes protect a line that begins with `From`.
        let line = line
            .strip_prefix(">From ")
            .map_or(Cow::Borrowed(line), |rest| Cow::Owned(format!("From {rest}")));
        let is_blank = line.trim_matches(|c: char| c.is_whitespace() || c == '>').is_empty();
        if is_blank {
            draft.push(BlockKind::Paragraph, 0, None, &paragraph)?;
            paragraph.clear();
        } else {
            paragraph.push_str(line.trim_end());
            paragraph.push('\n');
        }
    }
    draft.push(BlockKind::Paragraph, 0, None, &paragraph)
}

fn people(addresses: Option<&Address<'_>>) -> String {
    let Some(addresses) = addresses else { return String::new() };
    let one = |address: &mail_parser::Addr<'_>| match (&address.name, &address.address) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (Some(one), None) | (None, Some(one)) => one.to_string(),
        (None, None) => String::new(),
    };
    addresses.iter().map(one).collect::<Vec<_>>().join(", ")
}
