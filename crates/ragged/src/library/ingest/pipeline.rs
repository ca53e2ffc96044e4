//! The threads that prepare documents, and the order and bounds they keep.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::Read as _,
    path::Path,
    sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc},
};

use super::{Cancel, FileOutcome, Library, Skip, VirtualDocument, is_gone};
use crate::{
    chunk::{index_text, split},
    document::{
        Block, BlockKind, Document, Format, HEAD_BYTES, Hints, OwnTimes, Readers, SourceFile, Span,
        Unreadable, detect,
    },
    error::{Context, Error, ErrorKind, Result},
    id::DocumentId,
    lexical::{Analyser, Terms, detect_language},
    store::{NewDocument, Reader},
};

/// One thing to prepare.
pub(super) enum Job {
    File(SourceFile),
    Virtual(VirtualDocument),
}

impl Job {
    fn bytes(&self) -> u64 {
        match self {
            Self::File(file) => file.size_bytes,
            Self::Virtual(document) => document.text.len() as u64,
        }
    }
}

/// A job's result, ready to be written.
pub(super) struct Prepared {
    pub(super) path: String,
    pub(super) size_bytes: u64,
    pub(super) modified_ns: i64,
    /// Whether the library already holds something at this path.
    pub(super) was_there: bool,
    pub(super) content: Content,
}

pub(super) enum Content {
    /// Same size and time of change as the last time.
    Unchanged,
    /// The same, of a document that was never asked when it is from, and was now.
    Asked { document: DocumentId, times: OwnTimes },
    /// A document that the library has: the same bytes here before, or elsewhere.
    Held { document: DocumentId, moved_from: Vec<String> },
    /// Text that may be new.
    New(Box<Ready>),
    /// No text came of it.
    Unreadable(Unreadable),
    /// Nor the last time, and it has not changed since.
    KnownUnreadable(String),
}

/// A document with everything done that takes time.
pub(super) struct Ready {
    pub(super) document: NewDocument,
    /// The words of each chunk.
    pub(super) terms: Vec<Terms>,
    /// One row for each chunk.
    pub(super) vectors: Vec<f32>,
    pub(super) text_bytes: u64,
}

impl Prepared {
    /// What writing it will come to, unless a twin was written earlier in the same run.
    pub(super) fn would_be(&self) -> FileOutcome {
        match &self.content {
            Content::Unchanged | Content::Asked { .. } => FileOutcome::Unchanged,
            Content::Held { .. } if self.was_there => FileOutcome::Unchanged,
            Content::Held { moved_from, .. } => match moved_from.first() {
                Some(from) => FileOutcome::Moved { from: from.clone() },
                None => FileOutcome::Duplicate,
            },
            Content::New(ready) => {
                let n_chunks = ready.terms.len() as u32;
                if self.was_there {
                    FileOutcome::Changed { n_chunks }
                } else {
                    FileOutcome::Added { n_chunks }
                }
            }
            Content::Unreadable(reason) => {
                let skip = Skip {
                    path: self.path.clone(),
                    code: reason.code(),
                    reason: reason.to_string(),
                };
                if reason.is_failure() {
                    FileOutcome::Failed(skip)
                } else {
                    FileOutcome::Skipped(skip)
                }
            }
            Content::KnownUnreadable(reason) => FileOutcome::Failed(Skip {
                path: self.path.clone(),
                code: "unchanged-unreadable",
                reason: reason.clone(),
            }),
        }
    }
}

/// Jobs not yet begun, and the bytes of those begun but not yet written.
///
/// A job takes its bytes before any later job does, and gives them back when it is written.
/// So the earliest job that is not written always has its bytes, and the writer, who waits for it,
/// never waits in vain.
pub(super) struct InFlight {
    state: Mutex<State>,
    freed: Condvar,
    capacity: u64,
}

struct State {
    jobs: VecDeque<Job>,
    next: u64,
    used: u64,
    stopped: bool,
}

impl InFlight {
    pub(super) fn new(jobs: Vec<Job>, capacity: u64) -> Self {
        let state = State { jobs: jobs.into(), next: 0, used: 0, stopped: false };
        Self { state: Mutex::new(state), freed: Condvar::new(), capacity: capacity.max(1) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a job counts: never more than there is, so that a single large file can pass.
    fn charge(&self, bytes: u64) -> u64 {
        // Text costs more than its bytes while it is chunked and embedded.
        bytes.saturating_add(4096).min(self.capacity)
    }

    fn take(&self) -> Option<(u64, Job)> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            let charge = self.charge(state.jobs.front()?.bytes());
            if state.used + charge <= self.capacity {
                let job = state.jobs.pop_front()?;
                state.used += charge;
                state.next += 1;
                return Some((state.next - 1, job));
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give_back(&self, bytes: u64) {
        self.lock().used -= self.charge(bytes);
        self.freed.notify_all();
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.freed.notify_all();
    }
}

/// What the preparing threads share.
pub(super) struct Preparation<'a> {
    pub(super) library: &'a Library,
    pub(super) readers: Option<&'a Readers>,
    pub(super) retry: bool,
    /// Decide what would be done, and do no more of it than that takes.
    pub(super) reads_only: bool,
    /// Documents to ask when they are from.
    pub(super) times_unread: BTreeSet<DocumentId>,
    pub(super) cancel: &'a Cancel,
}

/// Prepares all jobs on `threads` threads and hands the results to `write` on this one, in the
/// order of the jobs. Stops at the first error, and when cancelled.
pub(super) fn run(
    in_flight: &InFlight,
    preparation: &Preparation<'_>,
    threads: usize,
    mut write: impl FnMut(Prepared) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel::<(u64, u64, Result<Prepared>)>();
        for _ in 0..threads.max(1) {
            let sender = sender.clone();
            scope.spawn(move || {
                let mut analyser = Analyser::new(preparation.library.lexical.main_language());
                while !preparation.cancel.is_cancelled()
                    && let Some((order, job)) = in_flight.take()
                {
                    let bytes = job.bytes();
                    let prepared = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        preparation.prepare(job, &mut analyser)
                    }))
                    .unwrap_or_else(|_| {
                        Err(Error::new(
                            ErrorKind::Internal,
                            "a thread that prepares files panicked",
                        ))
                    });
                    let failed = prepared.is_err();
                    if sender.send((order, bytes, prepared)).is_err() || failed {
                        break;
                    }
                }
            });
        }
        drop(sender);

        let mut waiting: BTreeMap<u64, (u64, Prepared)> = BTreeMap::new();
        let mut next = 0;
        let mut outcome = Ok(());
        for (order, bytes, prepared) in receiver {
            match prepared {
                Ok(prepared) => {
                    waiting.insert(order, (bytes, prepared));
                }
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
            while let Some((bytes, prepared)) = waiting.remove(&next) {
                next += 1;
                if let Err(error) = write(prepared) {
                    outcome = Err(error);
                    break;
                }
                in_flight.give_back(bytes);
            }
            if outcome.is_err() {
                break;
            }
        }
        in_flight.stop();
        outcome
    })
}

impl Preparation<'_> {
    fn prepare(&self, job: Job, analyser: &mut Analyser) -> Result<Prepared> {
        match job {
            Job::File(file) => self.prepare_file(&file, analyser),
            Job::Virtual(document) => self.prepare_virtual(document, analyser),
        }
    }

    fn prepare_file(&self, file: &SourceFile, analyser: &mut Analyser) -> Result<Prepared> {
        let Some(path) = file.path.to_str() else {
            return Ok(Prepared {
                path: file.path.display().to_string(),
                size_bytes: file.size_bytes,
                modified_ns: file.modified_ns,
                was_there: false,
                content: Content::Unreadable(Unreadable::Unsupported(
                    "a path that is not valid Unicode".to_owned(),
                )),
            });
        };
        let reader = self.library.store.reader()?;
        let known = reader.file(path)?;
        let prepared = |content| Prepared {
            path: path.to_owned(),
            size_bytes: file.size_bytes,
            modified_ns: file.modified_ns,
            was_there: known.is_some(),
            content,
        };
        if let Some(known) = &known
            && known.size_bytes == file.size_bytes
            && known.modified_ns == file.modified_ns
        {
            let document = known.document;
            if self.reads_only || !self.times_unread.contains(&document) {
                return Ok(prepared(Content::Unchanged));
            }
            drop(reader);
            return Ok(prepared(Content::Asked { document, times: self.ask(&file.path) }));
        }
        if !self.retry
            && let Some(reason) = reader.unreadable(
                path,
                file.size_bytes,
                file.modified_ns,
                crate::document::READER_VERSION,
            )?
        {
            return Ok(prepared(Content::KnownUnreadable(reason)));
        }
        // What is left out by its first bytes need not be read to the end.
        match head(&file.path) {
            Ok(head) => {
                if let Err(reason) = detect(&file.path, &head)
                    && !reason.is_failure()
                {
                    return Ok(prepared(Content::Unreadable(reason)));
                }
            }
            Err(error) => {
                return Ok(prepared(Content::Unreadable(Unreadable::Io(error.to_string()))));
            }
        }
        let content_hash = match hash_file(&file.path) {
            Ok(hash) => hash,
            Err(error) => {
                return Ok(prepared(Content::Unreadable(Unreadable::Io(error.to_string()))));
            }
        };
        if let Some(held) = Self::held(&reader, path, content_hash)? {
            return Ok(prepared(held));
        }
        drop(reader);
        self.read(&file.path, content_hash, analyser).map(prepared)
    }

    /// When the document in a file is from, as it says. One that cannot be read any more says
    /// nothing: its text is as good as it was, and nothing is gained by asking each time.
    fn ask(&self, path: &Path) -> OwnTimes {
        let document = self.readers.and_then(|readers| readers.read(path, Hints::default()).ok());
        document.map(|document| document.times).unwrap_or_default()
    }

    /// The content of a file that is not held.
    fn read(
        &self,
        path: &Path,
        content_hash: [u8; 16],
        analyser: &mut Analyser,
    ) -> Result<Content> {
        let Some(readers) = self.readers else {
            return Err(Error::new(ErrorKind::Internal, "a file came without a way to read it"));
        };
        Ok(match readers.read(path, Hints::default()) {
            Ok(document) => Content::New(Box::new(
                self.ready(&document, content_hash, analyser)
                    .context_with(|| format!("preparing {}", path.display()))?,
            )),
            Err(reason) => Content::Unreadable(reason),
        })
    }

    /// As [`prepare`](Self::prepare), for a file whose content turned out not to be held after
    /// all.
    pub(super) fn prepare_anew(&self, prepared: &Prepared) -> Result<Prepared> {
        let path = Path::new(&prepared.path);
        let mut analyser = Analyser::new(self.library.lexical.main_language());
        let content = match hash_file(path) {
            Ok(content_hash) => self.read(path, content_hash, &mut analyser)?,
            Err(error) => Content::Unreadable(Unreadable::Io(error.to_string())),
        };
        Ok(Prepared { path: prepared.path.clone(), content, ..*prepared })
    }

    /// Whether the library has these bytes already, read the same way: at this path, at one that
    /// is gone (a move), or at another.
    fn held(reader: &Reader<'_>, path: &str, content_hash: [u8; 16]) -> Result<Option<Content>> {
        for document in reader.documents_with_content(content_hash)? {
            let holders = reader.files_of(document.id)?;
            // The extension has a say in how bytes are read.
            if !holders.iter().any(|holder| extension(&holder.path) == extension(path)) {
                continue;
            }
            let is_here = holders.iter().any(|holder| holder.path == path);
            let moved_from = holders
                .into_iter()
                .filter(|holder| !is_here && is_gone(Path::new(&holder.path)))
                .map(|holder| holder.path)
                .collect();
            return Ok(Some(Content::Held { document: document.id, moved_from }));
        }
        Ok(None)
    }

    fn prepare_virtual(
        &self,
        virtual_document: VirtualDocument,
        analyser: &mut Analyser,
    ) -> Result<Prepared> {
        let VirtualDocument { path, title, text } = virtual_document;
        let mut hasher = blake3::Hasher::new();
        hasher.update(title.as_bytes());
        hasher.update(&[0]);
        hasher.update(text.as_bytes());
        // Two rows of a set may have the same text and different judgements.
        hasher.update(&[0]);
        hasher.update(path.as_bytes());
        let size_bytes = text.len() as u64;
        let blocks = paragraphs(&text);
        let document = Document {
            format: Format::Text,
            code_language: None,
            title: (!title.is_empty()).then_some(title),
            text,
            blocks,
            pages: None,
            times: OwnTimes::default(),
        };
        let ready = self
            .ready(&document, truncated(&hasher.finalize()), analyser)
            .context_with(|| format!("preparing {path}"))?;
        let content = Content::New(Box::new(ready));
        Ok(Prepared { path, size_bytes, modified_ns: 0, was_there: false, content })
    }

    fn ready(
        &self,
        document: &Document,
        content_hash: [u8; 16],
        analyser: &mut Analyser,
    ) -> Result<Ready> {
        let library = self.library;
        let language = match document.format {
            Format::Code => None,
            _ => detect_language(&document.text),
        };
        let chunks = split(document, &library.settings.chunk);
        let title = document.title.as_deref().unwrap_or_default();
        let index_texts: Vec<String> = chunks
            .iter()
            .map(|chunk| index_text(title, &chunk.heading, chunk.span.of(&document.text)))
            .collect();
        let terms = index_texts.iter().map(|text| analyser.analyse(language, text)).collect();
        let mut vectors = Vec::new();
        if !self.reads_only {
            let texts: Vec<&str> = index_texts.iter().map(String::as_str).collect();
            library.embedder.embed_passages(&texts, &mut vectors)?;
        }
        Ok(Ready {
            document: NewDocument::prepare(
                &library.store.reader()?,
                document,
                content_hash,
                language.map(|language| language.as_str().to_owned()),
                chunks,
            )?,
            terms,
            vectors,
            text_bytes: document.text.len() as u64,
        })
    }
}

/// A text without marks is paragraphs between empty lines.
fn paragraphs(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut start = 0;
    for piece in text.split_inclusive("\n\n") {
        let end = start + piece.len();
        if !piece.trim().is_empty() {
            blocks.push(Block {
                kind: BlockKind::Paragraph,
                span: Span::new(start, end),
                page: None,
                level: 0,
                name: None,
            });
        }
        start = end;
    }
    blocks
}

fn extension(path: &str) -> Option<String> {
    Path::new(path).extension().and_then(|extension| extension.to_str()).map(str::to_lowercase)
}

fn head(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    std::fs::File::open(path)?.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn hash_file(path: &Path) -> std::io::Result<[u8; 16]> {
    let mut hasher = blake3::Hasher::new();
    let mut file = std::fs::File::open(path)?;
    std::io::copy(&mut file, &mut hasher)?;
    Ok(truncated(&hasher.finalize()))
}

fn truncated(hash: &blake3::Hash) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&hash.as_bytes()[..16]);
    short
}
