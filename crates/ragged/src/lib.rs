//! A private, fast memory over a person's own files: the library behind the program `ragged`.
//!
//! A [`Library`](library::Library) holds the text of files and answers questions about them:
//! files become [documents](document), documents are cut into [chunks](chunk), chunks are
//! [embedded](embedding) and written to the [store]; a question goes to the
//! [words](lexical) and to the [vectors](backend), their candidates are [ranked](ranking) as one
//! list, and the best become an [answer] with citations.
//!
//! Everything is synchronous and happens in this process and on this machine, unless a server is
//! named in the [settings].
//!
//! # Examples
//!
//! ```
//! use std::sync::Arc;
//!
//! use ragged::{
//!     embedding,
//!     library::{Cancel, Library, NoProgress, SearchRequest, VirtualDocument},
//!     settings::Settings,
//!     temporal::FixedClock,
//! };
//!
//! # fn main() -> ragged::error::Result<()> {
//! # let folder = tempfile::tempdir().map_err(ragged::error::Error::io)?;
//! # let folder = folder.path();
//! let model = Arc::new(embedding::builtin()?);
//! let library = Library::open(folder, Settings::default(), model, Arc::new(FixedClock(0)))?;
//! let documents = vec![VirtualDocument {
//!     path: "tides".into(),
//!     title: "Tides".into(),
//!     text: "The moon pulls the sea towards it, and the sea rises.".into(),
//! }];
//! library.add_virtual(documents, &NoProgress, &Cancel::new())?;
//! let request = SearchRequest::new("why does the sea rise?", &library.settings().search);
//! let found = library.search(&request)?;
//! assert_eq!(found.hits[0].path(), "tides");
//! # Ok(())
//! # }
//! ```

pub mod answer;
pub mod backend;
pub mod cache;
pub mod chunk;
pub mod collection;
pub mod document;
pub mod embedding;
pub mod error;
pub mod evaluation;
mod http;
pub mod id;
pub mod knowledge;
pub mod lexical;
pub mod library;
pub mod memory;
mod permission;
pub mod ranking;
pub mod retrieval;
pub mod settings;
mod sqlite;
pub mod store;
pub mod telemetry;
pub mod temporal;
pub mod vault;

pub use permission::{private_dir, private_file};
