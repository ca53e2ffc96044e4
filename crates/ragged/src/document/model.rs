//! What every reader produces: the text of a file and the structure found in it.

use std::fmt;

use super::own_time::OwnTimes;
use crate::error::{Error, ErrorKind, Result};

/// A half-open range of bytes in a document's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset just past the last byte.
    pub end: u32,
}

impl Span {
    /// The span from `start` to `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// Number of bytes.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether no byte is inside.
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// The piece of `text` inside the span.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// How the bytes of a file were understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Format {
    /// Plain text.
    Text,
    /// Markdown.
    Markdown,
    /// reStructuredText.
    Rst,
    /// Emacs Org.
    Org,
    /// HTML.
    Html,
    /// PDF.
    Pdf,
    /// Word (Office Open XML).
    Docx,
    /// EPUB book.
    Epub,
    /// PowerPoint (Office Open XML).
    Pptx,
    /// Spreadsheet (Office Open XML or OpenDocument).
    Xlsx,
    /// OpenDocument text.
    Odt,
    /// Values separated by commas, semicolons or tabs.
    Csv,
    /// One JSON value.
    Json,
    /// One JSON value a line.
    Jsonl,
    /// One e-mail message.
    Eml,
    /// A mailbox of messages.
    Mbox,
    /// Program source.
    Code,
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: [Self; 17] = [
        Self::Text,
        Self::Markdown,
        Self::Rst,
        Self::Org,
        Self::Html,
        Self::Pdf,
        Self::Docx,
        Self::Epub,
        Self::Pptx,
        Self::Xlsx,
        Self::Odt,
        Self::Csv,
        Self::Json,
        Self::Jsonl,
        Self::Eml,
        Self::Mbox,
        Self::Code,
    ];

    /// The format's short name, as used by `--type` and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Markdown => "md",
            Self::Rst => "rst",
            Self::Org => "org",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Epub => "epub",
            Self::Pptx => "pptx",
            Self::Xlsx => "xlsx",
            Self::Odt => "odt",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Eml => "eml",
            Self::Mbox => "mbox",
            Self::Code => "code",
        }
    }

    /// Whether files of this format can say when they are from, apart from their name.
    pub fn carries_times(self) -> bool {
        match self {
            Self::Markdown
            | Self::Rst
            | Self::Org
            | Self::Html
            | Self::Pdf
            | Self::Docx
            | Self::Epub
            | Self::Pptx
            | Self::Xlsx
            | Self::Odt
            | Self::Eml
            | Self::Mbox => true,
            Self::Text | Self::Csv | Self::Json | Self::Jsonl | Self::Code => false,
        }
    }

    /// Whether the document's text is the file's own text, so that its line numbers are the
    /// file's line numbers.
    pub fn keeps_source_lines(self) -> bool {
        matches!(
            self,
            Self::Text
                | Self::Markdown
                | Self::Rst
                | Self::Org
                | Self::Csv
                | Self::Jsonl
                | Self::Json
                | Self::Code
        )
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, format!("unknown file type {name:?}"))
                .with_hint(format!("one of {}", Self::ALL.map(Self::as_str).join(", ")))
        })
    }
}

/// What a [`Block`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockKind {
    /// The title of a section; `Block::level` is its depth, 1 the outermost.
    Heading,
    /// Running text.
    Paragraph,
    /// One item of a list, its continuation lines included.
    ListItem,
    /// Text kept in its own lines: a fenced block, a listing, source between definitions.
    Code,
    /// A function, class, method, type… of a program, its leading comments included;
    /// `Block::name` is its name and `Block::level` its depth.
    Definition,
    /// One row of a table or one record of a structured file.
    TableRow,
    /// One message of a mailbox or a conversation; `Block::name` is its subject or author.
    Message,
}

/// One piece of a document's structure.
///
/// Blocks are in the order of the text, do not overlap, and cover all of it that is not white
/// space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Where it stands in the document's text.
    pub span: Span,
    /// The page it begins on, from 1, where the format has pages (slides, sheets count as pages).
    pub page: Option<u32>,
    /// Depth in the outline. A heading or definition opens a section of this depth and closes
    /// all of the same depth or deeper. For other kinds 0 means "inside the section that is
    /// open" and `n` > 0 closes the sections of depth `n` and deeper.
    pub level: u8,
    /// The name shown in a heading path, where it is not the block's own text.
    pub name: Option<String>,
}

/// The text of a file and its structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// How the bytes were understood.
    pub format: Format,
    /// The programming language, for [`Format::Code`] (`rust`, `python`, …).
    pub code_language: Option<String>,
    /// The title found inside the file, if any.
    pub title: Option<String>,
    /// All text, valid UTF-8, line ends as `\n`. For formats that
    /// [keep source lines](Format::keeps_source_lines) this is the file's own text.
    pub text: String,
    /// The structure, in order; see [`Block`].
    pub blocks: Vec<Block>,
    /// Number of pages, where the format has pages.
    pub pages: Option<u32>,
    /// When it was made and changed, as it says itself.
    pub times: OwnTimes,
}
