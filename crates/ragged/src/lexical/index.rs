//! The index on disk and one state of it.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tantivy::directory::{Directory as _, MmapDirectory};
use tantivy::schema::{
    Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::store::Compressor;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer, TokenizerManager};
use tantivy::{Index, IndexReader, IndexSettings, ReloadPolicy, Searcher};

use crate::error::{Context as _, Error, Result};

use super::analyser::ANALYSER_VERSION;
use super::failure::{corrupt, guard, incompatible};
use super::language::{Language, Languages};
use super::writer::LexicalWriter;

/// Name under which the tokenizer of [`Terms`](super::Terms) is registered.
const TERMS: &str = "terms";
const META: &str = "meta.json";

/// The fields of a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    /// The chunk's id, as a column; not in the postings.
    pub(super) chunk: Field,
    /// Terms with frequencies and the chunk's length: what is ranked by.
    pub(super) content: Field,
    /// Stop words, present or not: a few bits each.
    pub(super) common: Field,
}

fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let text = |option, norms| {
        TextOptions::default().set_indexing_options(
            TextFieldIndexing::default()
                .set_tokenizer(TERMS)
                .set_index_option(option)
                .set_fieldnorms(norms),
        )
    };
    let fields = Fields {
        chunk: builder.add_u64_field("chunk", NumericOptions::default().set_fast()),
        content: builder.add_text_field("content", text(IndexRecordOption::WithFreqs, true)),
        common: builder.add_text_field("common", text(IndexRecordOption::Basic, false)),
    };
    (builder.build(), fields)
}

/// What a commit says about itself, kept in the index's own metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) stamp: u64,
    pub(super) main: Language,
    /// A superset of the languages of the chunks.
    pub(super) languages: Languages,
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "analyser={ANALYSER_VERSION} main={} stamp={} languages=",
            self.main, self.stamp
        )?;
        for (n, language) in self.languages.iter().enumerate() {
            write!(f, "{}{language}", if n > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl Payload {
    /// Reads what [`Payload`]'s `Display` wrote; `Err` is the analyser's version if it is another.
    fn parse(text: &str) -> Option<Result<Self, u32>> {
        let value = |name: &str| {
            text.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let analyser: u32 = value("analyser")?.parse().ok()?;
        if analyser != ANALYSER_VERSION {
            return Some(Err(analyser));
        }
        let mut languages = Languages::default();
        for code in value("languages")?.split(',').filter(|code| !code.is_empty()) {
            languages.insert(code.parse().ok()?);
        }
        let stamp = value("stamp")?.parse().ok()?;
        Some(Ok(Self { stamp, main: value("main")?.parse().ok()?, languages }))
    }
}

/// The terms of all chunks, in a directory of its own.
///
/// Shared between threads freely. Any number of processes may read while one writes; a
/// [`Snapshot`] sees the last commit at the moment it is taken.
pub struct LexicalIndex {
    dir: PathBuf,
    index: Index,
    fields: Fields,
    reader: IndexReader,
    main: Language,
    seen: Mutex<Seen>,
}

/// The state the reader has loaded.
struct Seen {
    /// The bytes of the metadata file.
    meta: Vec<u8>,
    payload: Payload,
}

/// What [`LexicalIndex::check`] found in a sound index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Files whose checksum was compared.
    pub files: u64,
    /// Bytes of all files in the directory.
    pub bytes: u64,
    /// Chunks that can be found.
    pub chunks: u64,
    /// Immutable parts the index is made of.
    pub segments: u64,
}

impl LexicalIndex {
    /// Opens the index in `dir`, creating the directory and an empty index with stamp 0 if there
    /// is none. Texts of unknown language are treated as `main`.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) if its metadata or one of its
    ///   files is missing or unreadable; contents are verified by [`check`](Self::check) only.
    /// - [`ErrorKind::Incompatible`](crate::error::ErrorKind::Incompatible) if it was made with
    ///   another analyser, main language or file format.
    ///
    /// The remedy for both is to delete `dir` and to add every chunk again.
    pub fn open_or_create(dir: &Path, main: Language) -> Result<Self> {
        fs::create_dir_all(dir)
            .context_with(|| format!("creating the lexical index {}", dir.display()))?;
        let (schema, fields) = schema();
        let tokenizers = TokenizerManager::new();
        tokenizers.register(TERMS, Spaced);
        // tantivy looks this one up for fields without text.
        tokenizers.register("default", Spaced);
        let (index, reader) = guard(dir, "opening", || {
            let settings = IndexSettings {
                docstore_compression: Compressor::None,
                docstore_compress_dedicated_thread: false,
                ..IndexSettings::default()
            };
            let mut index = Index::builder()
                .schema(schema)
                .settings(settings)
                .tokenizers(tokenizers.clone())
                .open_or_create(MmapDirectory::open(dir)?)?;
            index.set_tokenizers(tokenizers);
            let reader = index
                .reader_builder()
                .reload_policy(ReloadPolicy::Manual)
                .doc_store_cache_num_blocks(0)
                .try_into()?;
            Ok((index, reader))
        })?;
        let empty = Payload { stamp: 0, main, languages: Languages::default() };
        let seen = Mutex::new(Seen { meta: Vec::new(), payload: empty });
        let opened = Self { dir: dir.to_owned(), index, fields, reader, main, seen };
        opened.snapshot()?;
        Ok(opened)
    }

    /// The directory it is kept in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The language texts of unknown language are treated as.
    pub fn main_language(&self) -> Language {
        self.main
    }

    /// The last commit, of this or another process. Costs one read of a small file if nothing has
    /// changed.
    ///
    /// # Errors
    ///
    /// As [`open_or_create`](Self::open_or_create).
    pub fn snapshot(&self) -> Result<Snapshot> {
        // A panic while it was held left the state as it was before.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let meta = self.read_meta()?;
            if meta == seen.meta {
                break;
            }
            guard(&self.dir, "reading", || self.reader.reload())?;
            let payload = self.payload()?;
            // A commit in between: what was loaded and what the payload says may differ.
            if self.read_meta()? == meta {
                *seen = Seen { meta, payload };
                break;
            }
        }
        Ok(Snapshot {
            dir: self.dir.clone(),
            searcher: self.reader.searcher(),
            fields: self.fields,
            payload: seen.payload,
        })
    }

    /// Opens the index for writing. There is one writer at a time, over all processes.
    ///
    /// `memory_budget_bytes` is split between the `threads` that build postings, at least 15 MB
    /// each; chunks waiting for them (at most 10,000) come on top. One thread gives the smallest
    /// number of segments.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Busy`](crate::error::ErrorKind::Busy) if there is a writer.
    pub fn writer(&self, memory_budget_bytes: usize, threads: usize) -> Result<LexicalWriter> {
        let payload = self.snapshot()?.payload;
        LexicalWriter::open(
            &self.dir,
            &self.index,
            &self.reader,
            self.fields,
            payload,
            memory_budget_bytes,
            threads,
        )
    }

    /// Reads every file and compares its checksum, and compares what the segments say they hold
    /// with what they do.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt), naming what is damaged.
    pub fn check(&self) -> Result<Checked> {
        let damaged = guard(&self.dir, "checking", || self.index.validate_checksum())?;
        if !damaged.is_empty() {
            let files: BTreeSet<String> =
                damaged.iter().map(|path| path.display().to_string()).collect();
            let files: Vec<String> = files.into_iter().collect();
            return Err(corrupt(&self.dir, format!("wrong checksum: {}", files.join(", "))));
        }
        let snapshot = self.snapshot()?;
        let ids = snapshot.chunk_ids()?;
        if let Some([twice, ..]) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(corrupt(&self.dir, format!("chunk {twice} is in it twice")));
        }
        let files =
            guard(&self.dir, "checking", || Ok(self.index.directory().list_managed_files()))?;
        let mut bytes = 0;
        let entries = fs::read_dir(&self.dir);
        for entry in entries.context_with(|| format!("reading {}", self.dir.display()))? {
            let size = entry.and_then(|entry| entry.metadata()).map(|metadata| metadata.len());
            bytes += size.context_with(|| format!("reading {}", self.dir.display()))?;
        }
        Ok(Checked {
            files: files.len() as u64,
            bytes,
            chunks: ids.len() as u64,
            segments: snapshot.searcher.segment_readers().len() as u64,
        })
    }

    fn read_meta(&self) -> Result<Vec<u8>> {
        guard(&self.dir, "reading", || Ok(self.index.directory().atomic_read(Path::new(META))?))
    }

    fn payload(&self) -> Result<Payload> {
        let metas = guard(&self.dir, "reading", || self.index.load_metas())?;
        let Some(text) = metas.payload else {
            if metas.segments.is_empty() {
                return Ok(Payload { stamp: 0, main: self.main, languages: Languages::default() });
            }
            return Err(corrupt(&self.dir, "its last commit has no stamp"));
        };
        match Payload::parse(&text) {
            Some(Ok(payload)) if payload.main == self.main => Ok(payload),
            Some(Ok(payload)) => Err(incompatible(
                &self.dir,
                format!("it was made for {} as main language, not {}", payload.main, self.main),
            )),
            Some(Err(version)) => Err(incompatible(
                &self.dir,
                format!("it was made by analyser {version}; this is {ANALYSER_VERSION}"),
            )),
            None => Err(corrupt(&self.dir, format!("its stamp cannot be read: {text:?}"))),
        }
    }
}

impl fmt::Debug for LexicalIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LexicalIndex").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// One state of the index: a commit, unchanged by what is written after it.
///
/// Cheap to make and to clone; keeps the files of its state readable while it lives.
#[derive(Clone)]
pub struct Snapshot {
    pub(super) dir: PathBuf,
    pub(super) searcher: Searcher,
    pub(super) fields: Fields,
    pub(super) payload: Payload,
}

impl Snapshot {
    /// The caller's stamp of the commit; 0 before the first.
    pub fn stamp(&self) -> u64 {
        self.payload.stamp
    }

    /// Number of chunks that can be found.
    pub fn chunk_count(&self) -> u64 {
        self.searcher.num_docs()
    }

    /// The languages of the texts in it (and perhaps of texts deleted since).
    pub fn languages(&self) -> Languages {
        self.payload.languages
    }

    /// The ids of all chunks that can be found, ascending. Reads a column of a few bytes a chunk.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) if the column cannot be read.
    pub fn chunk_ids(&self) -> Result<Vec<u64>> {
        let mut ids = Vec::with_capacity(self.chunk_count() as usize);
        let missing: Option<Error> = guard(&self.dir, "reading", || {
            for segment in self.searcher.segment_readers() {
                let column = segment.fast_fields().u64("chunk")?;
                for doc in segment.doc_ids_alive() {
                    match column.first(doc) {
                        Some(id) => ids.push(id),
                        None => return Ok(Some(corrupt(&self.dir, "a chunk has no id"))),
                    }
                }
            }
            Ok(None)
        })?;
        if let Some(error) = missing {
            return Err(error);
        }
        ids.sort_unstable();
        Ok(ids)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("stamp", &self.stamp())
            .field("chunks", &self.chunk_count())
            .finish_non_exhaustive()
    }
}

/// Splits terms at single spaces: the analysis is done before.
#[derive(Clone, Default)]
struct Spaced;

struct SpacedStream<'a> {
    rest: &'a str,
    token: Token,
}

impl Tokenizer for Spaced {
    type TokenStream<'a> = SpacedStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        SpacedStream { rest: text, token: Token::default() }
    }
}

impl TokenStream for SpacedStream<'_> {
    fn advance(&mut self) -> bool {
        let Some((term, rest)) = self.rest.split_once(' ') else { return false };
        self.rest = rest;
        self.token.text.clear();
        self.token.text.push_str(term);
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
