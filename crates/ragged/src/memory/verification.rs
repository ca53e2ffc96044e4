//! Is it really gone? Looking for a text, or for any text that no row holds, in the files as they
//! are.
//!
//! The pages of every persona's file and of the registry are read without SQLite, free ones and
//! those of the log included, and decrypted; every other file of the data folder is read raw. Both
//! see what a query would not.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use super::{Memory, PersonaName, REGISTRY};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    vault::{DecryptedPages, PageOrigin},
};

/// What the library keeps of the documents themselves; not memory.
const DOCUMENTS: [&str; 5] =
    ["library.db", "library.db-wal", "library.db-shm", "library.db-journal", "index"];
/// Made by others and never changed by a question; not read.
const MODELS: &str = "models";
/// Bytes of a file that are looked through at once.
const CHUNK_BYTES: usize = 1 << 20;
/// Bytes by which two texts are told apart.
const GRAM: usize = 6;
/// So many grams in a row that no row holds are a text; fewer may be where two cells once met.
const FOREIGN_GRAMS: usize = 12;

/// Where a text was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemainsPlace {
    /// On a page of a persona's file or of the registry.
    Memory,
    /// In another file of the data folder.
    File,
    /// In the library's own text of the documents or the indexes over it: it is not memory, and
    /// goes with `ragged remove`.
    Documents,
}

impl RemainsPlace {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::File => "file",
            Self::Documents => "documents",
        }
    }
}

/// A place where a text still stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remains {
    /// Which kind of place.
    pub place: RemainsPlace,
    /// The file.
    pub file: PathBuf,
    /// Whose it is.
    pub persona: Option<PersonaName>,
    /// The page of the file, from 1.
    pub page: Option<u32>,
    /// Whether it is in the log of the file.
    pub in_log: bool,
    /// More about it.
    pub note: Option<&'static str>,
}

/// What was looked for and looked through, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErasureCheck {
    /// The forms of the text that were looked for, each whatever the case of its ASCII letters.
    pub forms: Vec<String>,
    /// Where it stands.
    pub found: Vec<Remains>,
    /// Pages that could not be opened, and so not looked through.
    pub unreadable: Vec<Remains>,
    /// Pages that were decrypted.
    pub n_pages: u64,
    /// Other files that were read.
    pub n_files: u64,
}

impl ErasureCheck {
    /// Whether nothing of it is in memory or in a file that is not the documents' own, and
    /// everything could be read.
    pub fn is_erased(&self) -> bool {
        self.unreadable.is_empty()
            && self.found.iter().all(|remains| remains.place == RemainsPlace::Documents)
    }
}

/// A text as bytes, in all forms in which ragged could have written it.
#[derive(Debug)]
struct Forms {
    shown: Vec<String>,
    /// ASCII letters in lower case.
    bytes: Vec<Vec<u8>>,
}

impl Forms {
    fn new(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "there is no text to look for")
                .with_hint("name a text, or give --all"));
        }
        let capitalised: String = text
            .split_inclusive(char::is_whitespace)
            .flat_map(|word| {
                let mut letters = word.chars();
                let first = letters.next().into_iter().flat_map(char::to_uppercase);
                first.chain(letters.flat_map(char::to_lowercase)).collect::<Vec<_>>()
            })
            .collect();
        let mut forms = Self { shown: Vec::new(), bytes: Vec::new() };
        for form in [text.to_owned(), text.to_lowercase(), text.to_uppercase(), capitalised] {
            forms.add(form.clone());
            // As it stands in a JSON file.
            if let Ok(quoted) = serde_json::to_string(&form) {
                forms.add(quoted.trim_matches('"').to_owned());
            }
        }
        Ok(forms)
    }

    fn add(&mut self, form: String) {
        let bytes = form.as_bytes().to_ascii_lowercase();
        if !self.bytes.contains(&bytes) {
            self.bytes.push(bytes);
            self.shown.push(form);
        }
    }

    fn longest(&self) -> usize {
        self.bytes.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// Whether any form stands in `bytes`.
    fn are_in(&self, bytes: &[u8]) -> bool {
        let bytes = bytes.to_ascii_lowercase();
        self.bytes.iter().any(|form| position(&bytes, form).is_some())
    }
}

fn position(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|byte| *byte == first) {
        if bytes.get(from + at..)?.starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

impl Memory {
    /// Looks for a text in everything that is kept in `data_dir`, in the files as they are.
    ///
    /// # Errors
    ///
    /// `Invalid` for an empty text; those of reading.
    pub fn verify_erased(&self, data_dir: &Path, text: &str) -> Result<ErasureCheck> {
        let forms = Forms::new(text)?;
        let mut check = ErasureCheck { forms: forms.shown.clone(), ..ErasureCheck::default() };
        let owners = self.owners()?;
        for name in self.stored()? {
            let pages = self.vault.decrypted_pages(&name)?;
            let owner = owners.get(&name).cloned();
            check.take_unreadable(&pages, owner.as_ref());
            let mut hit = BTreeSet::new();
            for (idx, (_, bytes)) in pages.pages.iter().enumerate() {
                if forms.are_in(bytes) {
                    hit.insert(idx);
                }
            }
            hit.extend(straddling(&pages, &forms));
            check.found.extend(hit.into_iter().filter_map(|idx| {
                let (origin, _) = pages.pages.get(idx)?;
                Some(remains(origin, owner.as_ref(), None))
            }));
        }
        let mut files = Vec::new();
        walk(data_dir, &mut files).context_with(|| "listing the data folder")?;
        for (path, is_document) in files {
            check.n_files += 1;
            if file_holds(&path, &forms)? {
                check.found.push(Remains {
                    place: if is_document { RemainsPlace::Documents } else { RemainsPlace::File },
                    file: path,
                    persona: None,
                    page: None,
                    in_log: false,
                    note: None,
                });
            }
        }
        Ok(check)
    }

    /// Looks for any text that no row holds: in free pages, in the unused part of pages, and in
    /// files of no persona. Logs are moved into their files first.
    ///
    /// A stretch of text counts where 17 bytes of it or more stand nowhere among the rows.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn verify_all_erased(&self) -> Result<ErasureCheck> {
        let mut check = ErasureCheck::default();
        let owners = self.owners()?;
        for name in self.stored()? {
            let owner = owners.get(&name);
            let path = self.vault.database_path(&name);
            let fault = |note| Remains {
                place: RemainsPlace::Memory,
                file: path.clone(),
                persona: owner.cloned(),
                page: None,
                in_log: false,
                note: Some(note),
            };
            let settled = match owner {
                Some(owner) => self.of(owner)?.database().settle(false),
                None if name == REGISTRY => self.registry().settle(false),
                None => {
                    check.found.push(fault("it belongs to no persona"));
                    continue;
                }
            };
            match settled {
                Err(error) if error.kind() == ErrorKind::Busy => {
                    let busy = fault("somebody reads, so its log could not be emptied");
                    check.unreadable.push(busy);
                }
                settled => settled?,
            }
            let pages = self.vault.decrypted_pages(&name)?;
            check.take_unreadable(&pages, owner);
            for idx in foreign(&pages) {
                if let Some((origin, _)) = pages.pages.get(idx) {
                    check.found.push(remains(origin, owner, Some("text that no row holds")));
                }
            }
        }
        Ok(check)
    }

    fn owners(&self) -> Result<BTreeMap<String, PersonaName>> {
        let personas = self.personas()?;
        Ok(personas.into_iter().map(|persona| (persona.file_id, persona.name)).collect())
    }

    /// Names of the databases in the folder, whether a persona owns them or not.
    fn stored(&self) -> Result<BTreeSet<String>> {
        let what = || format!("listing {}", self.vault.dir().display());
        let mut names = BTreeSet::new();
        for entry in std::fs::read_dir(self.vault.dir()).context_with(what)? {
            let path = entry.context_with(what)?.path();
            if path.extension().is_some_and(|ending| ending == "db")
                && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
            {
                names.insert(stem.to_owned());
            }
        }
        Ok(names)
    }
}

impl ErasureCheck {
    fn take_unreadable(&mut self, pages: &DecryptedPages, owner: Option<&PersonaName>) {
        self.n_pages += pages.pages.len() as u64;
        let note = Some("its seal is broken");
        self.unreadable.extend(pages.broken.iter().map(|origin| remains(origin, owner, note)));
    }
}

fn remains(
    origin: &PageOrigin,
    owner: Option<&PersonaName>,
    note: Option<&'static str>,
) -> Remains {
    Remains {
        place: RemainsPlace::Memory,
        file: origin.file.clone(),
        persona: owner.cloned(),
        page: Some(origin.page),
        in_log: origin.in_log,
        note,
    }
}

/// Pages on which a text begins that goes on on another: SQLite cuts long values into a chain of
/// pages, each of which begins with the number of the next; a row's own page has that number after
/// its part.
fn straddling(pages: &DecryptedPages, forms: &Forms) -> BTreeSet<usize> {
    let mut by_number: HashMap<u32, Vec<&[u8]>> = HashMap::new();
    for (origin, bytes) in &pages.pages {
        by_number.entry(origin.page).or_default().push(bytes.get(4..).unwrap_or_default());
    }
    let goes_on = |next: Option<u32>, rest: &[u8]| {
        let versions = next.and_then(|next| by_number.get(&next));
        versions.into_iter().flatten().any(|content| {
            content.get(..rest.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(rest))
        })
    };
    let begins = |bytes: &[u8]| {
        let lower = bytes.to_ascii_lowercase();
        forms.bytes.iter().any(|form| {
            let at_end = (1..form.len()).any(|cut| {
                let (begin, rest) = form.split_at(cut);
                lower.ends_with(begin) && goes_on(be32(bytes, 0), rest)
            });
            at_end
                || (0..lower.len()).any(|at| {
                    let here = lower.get(at..).unwrap_or_default();
                    let n_same = here.iter().zip(form).take_while(|(a, b)| a == b).count();
                    (1..=n_same.min(form.len() - 1)).any(|cut| {
                        form.get(cut..).is_some_and(|rest| goes_on(be32(bytes, at + cut), rest))
                    })
                })
        })
    };
    let hit = pages.pages.iter().enumerate().filter(|(_, (_, bytes))| begins(bytes));
    hit.map(|(idx, _)| idx).collect()
}

/// Every file to be read raw, and whether it is the documents' own.
fn walk(dir: &Path, files: &mut Vec<(PathBuf, bool)>) -> Result<()> {
    let mut waiting = vec![(dir.to_path_buf(), false)];
    while let Some((folder, is_document)) = waiting.pop() {
        let what = || format!("listing {}", folder.display());
        let mut entries = std::fs::read_dir(&folder)
            .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
            .context_with(what)?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let is_top = folder == dir;
            if is_top && name == MODELS {
                continue;
            }
            let is_document = is_document || (is_top && DOCUMENTS.iter().any(|own| name == *own));
            let kind = entry.file_type().context_with(what)?;
            if kind.is_dir() {
                waiting.push((entry.path(), is_document));
            } else if kind.is_file() {
                files.push((entry.path(), is_document));
            }
        }
    }
    files.sort();
    Ok(())
}

/// The files in a folder and below it that hold any of some texts, in any form in which
/// [`Memory::verify_erased`] looks for one. None where there is no such folder.
///
/// # Errors
///
/// `Invalid` for an empty text; those of reading.
pub fn files_with(dir: &Path, texts: &[&str]) -> Result<Vec<PathBuf>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let forms = texts.iter().map(|text| Forms::new(text)).collect::<Result<Vec<_>>>()?;
    let mut files = Vec::new();
    walk(dir, &mut files).context_with(|| format!("listing {}", dir.display()))?;
    let mut found = Vec::new();
    for (path, _) in files {
        for forms in &forms {
            if file_holds(&path, forms)? {
                found.push(path);
                break;
            }
        }
    }
    Ok(found)
}

fn file_holds(path: &Path, forms: &Forms) -> Result<bool> {
    let what = || format!("reading {}", path.display());
    let mut file = match File::open(path) {
        // It went while others were read.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        opened => opened.context_with(what)?,
    };
    let mut bytes = Vec::with_capacity(CHUNK_BYTES + forms.longest());
    loop {
        let kept = bytes.len();
        let limit = CHUNK_BYTES as u64;
        file.by_ref().take(limit).read_to_end(&mut bytes).context_with(what)?;
        if bytes.len() == kept {
            return Ok(false);
        }
        if forms.are_in(&bytes) {
            return Ok(true);
        }
        // A text may begin at the end of one piece and go on in the next.
        let kept = forms.longest().saturating_sub(1).min(bytes.len());
        bytes.drain(..bytes.len() - kept);
    }
}

/// What of a file's pages rows live in, and what is left over.
#[derive(Default)]
struct Parts<'a> {
    live: Vec<&'a [u8]>,
    left: Vec<(usize, &'a [u8])>,
}

/// Pages in whose unused parts a text stands that no used part holds.
fn foreign(pages: &DecryptedPages) -> BTreeSet<usize> {
    let parts = parts(pages);
    let mut grams: HashMap<&[u8], bool> = HashMap::new();
    let runs: Vec<(usize, &[u8])> = parts
        .left
        .iter()
        .flat_map(|(idx, bytes)| {
            text_runs(bytes)
                .filter(|run| run.len() >= GRAM + FOREIGN_GRAMS - 1)
                .map(|run| (*idx, run))
        })
        .collect();
    for (_, run) in &runs {
        grams.extend(run.windows(GRAM).map(|gram| (gram, false)));
    }
    if grams.is_empty() {
        return BTreeSet::new();
    }
    for bytes in &parts.live {
        for gram in bytes.windows(GRAM) {
            if let Some(is_live) = grams.get_mut(gram) {
                *is_live = true;
            }
        }
    }
    let is_foreign = |run: &[u8]| {
        let mut n = 0;
        run.windows(GRAM).any(|gram| {
            n = if grams.get(gram).copied().unwrap_or(true) { 0 } else { n + 1 };
            n >= FOREIGN_GRAMS
        })
    };
    runs.into_iter().filter(|(_, run)| is_foreign(run)).map(|(idx, _)| idx).collect()
}

/// What may be text: UTF-8 without control characters. Numbers that a page no longer needs, such as
/// its former pointers to cells, whose higher bytes are below 16, are none.
fn text_runs(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.utf8_chunks().flat_map(|chunk| chunk.valid().split(char::is_control)).map(str::as_bytes)
}

/// Parts of pages by SQLite's published format of files. What does not follow it counts as used.
fn parts(pages: &DecryptedPages) -> Parts<'_> {
    let mut parts = Parts::default();
    let numbers: HashMap<u32, usize> = pages
        .pages
        .iter()
        .enumerate()
        .filter(|(_, (origin, _))| !origin.in_log)
        .map(|(idx, (origin, _))| (origin.page, idx))
        .collect();
    let page = |number: u32| -> Option<&[u8]> {
        pages.pages.get(*numbers.get(&number)?).map(|(_, bytes)| bytes.as_slice())
    };
    // The first 16 bytes of the file, where its salt is, are not among those of the first page.
    let mut free: HashMap<u32, usize> = HashMap::new();
    let mut trunk = page(1).and_then(|bytes| be32(bytes, 16)).unwrap_or(0);
    while trunk != 0 && !free.contains_key(&trunk) {
        let Some(bytes) = page(trunk) else { break };
        let n = be32(bytes, 4).unwrap_or(0).min(1024);
        free.insert(trunk, 8 + 4 * n as usize);
        for leaf in (0..n as usize).filter_map(|idx| be32(bytes, 8 + 4 * idx)) {
            free.insert(leaf, 0);
        }
        trunk = be32(bytes, 0).unwrap_or(0);
    }
    for (idx, (origin, bytes)) in pages.pages.iter().enumerate() {
        if origin.in_log {
            // Which frames are of the present state is not known.
            parts.left.push((idx, bytes));
        } else if let Some(from) = free.get(&origin.page) {
            parts.left.push((idx, bytes.get(*from..).unwrap_or_default()));
        } else {
            let skipped = if origin.page == 1 { 16 } else { 0 };
            tree_page(idx, bytes, skipped, &mut parts);
        }
    }
    parts
}

/// A page of a tree: header, pointers to cells, unused space, cells and freed ones. Anything else
/// is a page of a chain.
fn tree_page<'a>(idx: usize, bytes: &'a [u8], skipped: usize, parts: &mut Parts<'a>) {
    let header = if skipped > 0 { 100 - skipped } else { 0 };
    let header_bytes = match bytes.get(header) {
        Some(2 | 5) => 12,
        Some(10 | 13) => 8,
        _ => return parts.live.push(bytes),
    };
    let number = |at: usize| be16(bytes, at).map_or(0, usize::from);
    let pointers_end = header + header_bytes + 2 * number(header + 3);
    let cells = match number(header + 5) {
        0 => bytes.len(),
        at => at.saturating_sub(skipped),
    };
    let (Some(used), Some(unused)) = (bytes.get(..pointers_end), bytes.get(pointers_end..cells))
    else {
        return parts.live.push(bytes);
    };
    parts.live.push(used);
    parts.left.push((idx, unused));
    let mut from = cells;
    let mut block = number(header + 1);
    // They are in order of position.
    while block != 0 {
        let at = block.saturating_sub(skipped);
        let size = number(at + 2);
        let (Some(live), Some(freed)) = (bytes.get(from..at), bytes.get(at + 4..at + size)) else {
            break;
        };
        parts.live.push(live);
        parts.left.push((idx, freed));
        from = at + size;
        block = number(at);
    }
    parts.live.push(bytes.get(from..).unwrap_or_default());
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::text_runs;

    #[test]
    fn former_pointers_to_cells_are_no_text() {
        // Of a leaf of an index whose cells were moved to another page.
        let pointers: Vec<u8> = [
            0x09a2, 0x09a9, 0x09df, 0x0997, 0x09bb, 0x09cd, 0x0951, 0x0974, 0x0962, 0x093f, 0x092d,
            0x0a21, 0x0a28, 0x0a2f, 0x0a36, 0x0a3d, 0x0a44, 0x0a4b, 0x0a52, 0x0a59, 0x0a60, 0x0a67,
        ]
        .iter()
        .flat_map(|pointer: &u16| pointer.to_be_bytes())
        .collect();
        assert!(text_runs(&pointers).all(|run| run.len() < 3));
        let left: Vec<u8> =
            [b"\x03\x81\xfe", "who has the key to the flät?".as_bytes(), b"\xff"].concat();
        let longest = text_runs(&left).max_by_key(|run| run.len()).unwrap();
        assert_eq!(longest, "who has the key to the flät?".as_bytes());
    }
}
