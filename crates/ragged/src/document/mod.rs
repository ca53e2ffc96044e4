//! A file → a [`Document`]: what it is, its text, its structure; and which files there are.
//!
//! - [`scan()`] walks folders and yields candidate files in a fixed order.
//! - [`detect()`] tells the format of a file, by content first, by name second.
//! - [`read_bytes`] turns bytes into a [`Document`]; pure, and in this process.
//! - [`worker`] does the same in kept processes with limits on memory and time, which is how
//!   files of unknown origin are read: most parsers of office formats were not written for
//!   hostile input.
//! - [`Readers`] puts the last two behind one face.
//!
//! A file that does not become a document has its reason, [`Unreadable`]. This module does not
//! know chunks, the store, or what was read before.

mod detect;
mod encoding;
mod limits;
mod model;
mod outline;
mod own_time;
mod reader;
mod readers;
mod scan;
mod unreadable;
pub mod worker;

pub use detect::language::{LANGUAGES, Language};
pub use detect::{Detected, HEAD_BYTES, detect};
pub use limits::Limits;
pub use model::{Block, BlockKind, Document, Format, Span};
pub use own_time::{OwnTime, OwnTimes, Precision, TimeSource, date_in_name};
pub use reader::read_bytes;
pub use readers::{Hints, Readers};
pub use scan::{
    Scan, ScanRules, Scope, SkippedFile, SourceFile, folders_within, scan, scan_within,
};
pub use unreadable::Unreadable;

/// Version of what is read and what is refused: files that could not be read are tried again when
/// it has grown.
pub const READER_VERSION: u32 = 1;
