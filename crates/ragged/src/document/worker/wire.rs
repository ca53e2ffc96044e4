//! What goes over the pipes.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::limits::Limits;
use super::super::model::{Block, BlockKind, Document, Format, Span};
use super::super::outline;
use super::super::own_time::{OwnTime, OwnTimes, Precision, TimeSource};
use super::super::readers::Hints;
use super::super::unreadable::Unreadable;

/// No frame is longer: a document's text is far below, so a longer one is garbage.
const MAX_FRAME_BYTES: u32 = 1 << 30;

/// The first frame to a worker, once.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) memory_bytes: u64,
    max_file_bytes: u64,
    max_line_bytes: u64,
    max_text_bytes: u64,
    max_unpacked_bytes: u64,
    max_unpacked_ratio: u64,
    max_members: u64,
    max_pages: u64,
}

impl Hello {
    pub(super) fn new(memory_bytes: u64, limits: &Limits) -> Self {
        Self {
            memory_bytes,
            max_file_bytes: limits.max_file_bytes,
            max_line_bytes: limits.max_line_bytes as u64,
            max_text_bytes: limits.max_text_bytes as u64,
            max_unpacked_bytes: limits.max_unpacked_bytes,
            max_unpacked_ratio: limits.max_unpacked_ratio,
            max_members: limits.max_members as u64,
            max_pages: limits.max_pages as u64,
        }
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            max_file_bytes: self.max_file_bytes,
            max_line_bytes: self.max_line_bytes as usize,
            max_text_bytes: self.max_text_bytes as usize,
            max_unpacked_bytes: self.max_unpacked_bytes,
            max_unpacked_ratio: self.max_unpacked_ratio,
            max_members: self.max_members as usize,
            max_pages: self.max_pages as usize,
        }
    }
}

/// The answer to [`Hello`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ready {
    pub(super) memory_is_limited: bool,
}

/// One file to read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    path: WirePath,
    /// Index in [`Format::ALL`].
    format: Option<u8>,
}

/// A path as the system's own units.
#[derive(Debug, Serialize, Deserialize)]
struct WirePath(#[cfg(unix)] Vec<u8>, #[cfg(not(unix))] String);

impl Request {
    /// # Errors
    ///
    /// Where the path cannot be said (not Unicode, on Windows).
    #[cfg_attr(unix, expect(clippy::unnecessary_wraps, reason = "only Windows has such paths"))]
    pub(super) fn new(path: &Path, hints: Hints) -> Result<Self, Unreadable> {
        #[cfg(unix)]
        let path = {
            use std::os::unix::ffi::OsStrExt;
            WirePath(path.as_os_str().as_bytes().to_vec())
        };
        #[cfg(not(unix))]
        let path = WirePath(
            path.to_str()
                .ok_or_else(|| Unreadable::Io("its name is not valid Unicode".to_owned()))?
                .to_owned(),
        );
        Ok(Self { path, format: hints.format.and_then(format_code) })
    }

    pub(super) fn path(&self) -> PathBuf {
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            std::ffi::OsStr::from_bytes(&self.path.0).into()
        }
        #[cfg(not(unix))]
        {
            PathBuf::from(&self.path.0)
        }
    }

    pub(super) fn hints(&self) -> Hints {
        Hints { format: self.format.and_then(format_of) }
    }
}

fn format_code(format: Format) -> Option<u8> {
    Format::ALL.iter().position(|known| *known == format).map(|idx| idx as u8)
}

fn format_of(code: u8) -> Option<Format> {
    Format::ALL.get(usize::from(code)).copied()
}

/// What became of a file.
pub(super) type Answer = Result<WireDocument, WireUnreadable>;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireDocument {
    format: u8,
    code_language: Option<String>,
    title: Option<String>,
    text: String,
    blocks: Vec<WireBlock>,
    pages: Option<u32>,
    created: Option<WireTime>,
    modified: Option<WireTime>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WireTime {
    ms: i64,
    /// Index in [`Precision::ALL`].
    precision: u8,
    /// Index in [`TimeSource::ALL`].
    source: u8,
}

impl From<OwnTime> for WireTime {
    fn from(time: OwnTime) -> Self {
        let precision = Precision::ALL.iter().position(|known| *known == time.precision);
        let source = TimeSource::ALL.iter().position(|known| *known == time.source);
        Self {
            ms: time.ms,
            precision: precision.unwrap_or(0) as u8,
            source: source.unwrap_or(0) as u8,
        }
    }
}

impl WireTime {
    /// The time, if it is one that a reader gives.
    fn into_time(self) -> Option<OwnTime> {
        let precision = *Precision::ALL.get(usize::from(self.precision))?;
        let source = *TimeSource::ALL.get(usize::from(self.source))?;
        if matches!(source, TimeSource::FileName | TimeSource::File) {
            return None;
        }
        OwnTime { ms: self.ms, precision, source }.if_sound()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct WireBlock {
    kind: WireKind,
    start: u32,
    length: u32,
    page: Option<u32>,
    level: u8,
    name: Option<String>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum WireKind {
    Heading,
    Paragraph,
    ListItem,
    Code,
    Definition,
    TableRow,
    Message,
}

impl From<Document> for WireDocument {
    fn from(document: Document) -> Self {
        let kind = |kind| match kind {
            BlockKind::Heading => WireKind::Heading,
            BlockKind::Paragraph => WireKind::Paragraph,
            BlockKind::ListItem => WireKind::ListItem,
            BlockKind::Code => WireKind::Code,
            BlockKind::Definition => WireKind::Definition,
            BlockKind::TableRow => WireKind::TableRow,
            BlockKind::Message => WireKind::Message,
        };
        let block = |block: Block| WireBlock {
            kind: kind(block.kind),
            start: block.span.start,
            length: block.span.end - block.span.start,
            page: block.page,
            level: block.level,
            name: block.name,
        };
        Self {
            format: format_code(document.format).unwrap_or(0),
            code_language: document.code_language,
            title: document.title,
            text: document.text,
            blocks: document.blocks.into_iter().map(block).collect(),
            pages: document.pages,
            created: document.times.created.map(Into::into),
            modified: document.times.modified.map(Into::into),
        }
    }
}

impl WireDocument {
    /// The document, if it keeps the promises of one: a worker whose memory a parser has
    /// overwritten may say anything.
    pub(super) fn into_document(self) -> Option<Document> {
        let kind = |kind| match kind {
            WireKind::Heading => BlockKind::Heading,
            WireKind::Paragraph => BlockKind::Paragraph,
            WireKind::ListItem => BlockKind::ListItem,
            WireKind::Code => BlockKind::Code,
            WireKind::Definition => BlockKind::Definition,
            WireKind::TableRow => BlockKind::TableRow,
            WireKind::Message => BlockKind::Message,
        };
        let blocks = self
            .blocks
            .into_iter()
            .map(|block| {
                Some(Block {
                    kind: kind(block.kind),
                    span: Span { start: block.start, end: block.start.checked_add(block.length)? },
                    page: block.page,
                    level: block.level,
                    name: block.name,
                })
            })
            .collect::<Option<Vec<_>>>()?;
        let document = Document {
            format: format_of(self.format)?,
            code_language: self.code_language,
            title: self.title,
            text: self.text,
            blocks,
            pages: self.pages,
            times: OwnTimes {
                created: self.created.and_then(WireTime::into_time),
                modified: self.modified.and_then(WireTime::into_time),
            },
        };
        outline::is_sound(&document).then_some(document)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum WireUnreadable {
    Binary,
    Hidden,
    Ignored,
    Link,
    Special,
    TooLarge(u64, u64),
    Unsupported(String),
    Empty,
    Encrypted,
    NotUtf8(u64),
    Broken(String),
    LineTooLong(u64, u64),
    Bomb(String),
    Crashed(String),
    TimedOut(u64),
    OutOfMemory(u64),
    Io(String),
}

impl From<Unreadable> for WireUnreadable {
    fn from(reason: Unreadable) -> Self {
        match reason {
            Unreadable::Binary => Self::Binary,
            Unreadable::Hidden => Self::Hidden,
            Unreadable::Ignored => Self::Ignored,
            Unreadable::Link => Self::Link,
            Unreadable::Special => Self::Special,
            Unreadable::TooLarge { size_bytes, limit_bytes } => {
                Self::TooLarge(size_bytes, limit_bytes)
            }
            Unreadable::Unsupported(what) => Self::Unsupported(what),
            Unreadable::Empty => Self::Empty,
            Unreadable::Encrypted => Self::Encrypted,
            Unreadable::NotUtf8 { offset_bytes } => Self::NotUtf8(offset_bytes),
            Unreadable::Broken(why) => Self::Broken(why),
            Unreadable::LineTooLong { length_bytes, limit_bytes } => {
                Self::LineTooLong(length_bytes, limit_bytes)
            }
            Unreadable::Bomb(how) => Self::Bomb(how),
            Unreadable::Crashed(how) => Self::Crashed(how),
            Unreadable::TimedOut { limit_ms } => Self::TimedOut(limit_ms),
            Unreadable::OutOfMemory { limit_bytes } => Self::OutOfMemory(limit_bytes),
            Unreadable::Io(why) => Self::Io(why),
        }
    }
}

impl From<WireUnreadable> for Unreadable {
    fn from(reason: WireUnreadable) -> Self {
        match reason {
            WireUnreadable::Binary => Self::Binary,
            WireUnreadable::Hidden => Self::Hidden,
            WireUnreadable::Ignored => Self::Ignored,
            WireUnreadable::Link => Self::Link,
            WireUnreadable::Special => Self::Special,
            WireUnreadable::TooLarge(size_bytes, limit_bytes) => {
                Self::TooLarge { size_bytes, limit_bytes }
            }
            WireUnreadable::Unsupported(what) => Self::Unsupported(what),
            WireUnreadable::Empty => Self::Empty,
            WireUnreadable::Encrypted => Self::Encrypted,
            WireUnreadable::NotUtf8(offset_bytes) => Self::NotUtf8 { offset_bytes },
            WireUnreadable::Broken(why) => Self::Broken(why),
            WireUnreadable::LineTooLong(length_bytes, limit_bytes) => {
                Self::LineTooLong { length_bytes, limit_bytes }
            }
            WireUnreadable::Bomb(how) => Self::Bomb(how),
            WireUnreadable::Crashed(how) => Self::Crashed(how),
            WireUnreadable::TimedOut(limit_ms) => Self::TimedOut { limit_ms },
            WireUnreadable::OutOfMemory(limit_bytes) => Self::OutOfMemory { limit_bytes },
            WireUnreadable::Io(why) => Self::Io(why),
        }
    }
}

/// Writes one frame.
pub(super) fn send(pipe: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut frame = postcard::to_extend(message, vec![0; 4]).map_err(io::Error::other)?;
    let n_bytes = u32::try_from(frame.len() - 4)
        .ok()
        .filter(|n_bytes| *n_bytes <= MAX_FRAME_BYTES)
        .ok_or_else(|| io::Error::other("a message of more than 1 GiB"))?;
    frame[..4].copy_from_slice(&n_bytes.to_le_bytes());
    pipe.write_all(&frame)?;
    pipe.flush()
}

/// Reads the bytes of one frame; nothing where the pipe ends between frames.
pub(super) fn receive(pipe: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    let mut n_read = 0;
    while n_read < length.len() {
        match pipe.read(&mut length[n_read..]) {
            Ok(0) if n_read == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => n_read += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let n_bytes = u32::from_le_bytes(length);
    if n_bytes > MAX_FRAME_BYTES {
        return Err(io::Error::other("a frame of more than 1 GiB"));
    }
    let mut bytes = Vec::new();
    pipe.take(u64::from(n_bytes)).read_to_end(&mut bytes)?;
    if bytes.len() < n_bytes as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(bytes))
}

/// What a frame says.
pub(super) fn decode<T: DeserializeOwned>(frame: &[u8]) -> io::Result<T> {
    postcard::from_bytes(frame).map_err(io::Error::other)
}
