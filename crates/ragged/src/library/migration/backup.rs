//! What the source keeps on disk, packed before the setting is changed.
//!
//! A backup holds derived data only: the truth, `library.db`, is newer than any backup of it and
//! is never put back.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    path::{Component, Path, PathBuf},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::{Value, json};

use super::checkpoint::kind;
use crate::{
    error::{Context, Error, ErrorKind, Result},
    id::Generation,
    permission::{private_dir, private_file},
    settings::BackendKind,
    temporal::file_stamp,
};

const FORMAT: u64 = 1;
const MANIFEST: &str = "backup.json";
const CONFIG: &str = "config.yaml";
/// Folder inside the archive that holds the files of the index.
const VECTORS: &str = "vectors";
const PREFIX: &str = "migration_backup_";
const SUFFIX: &str = ".tar.gz";
/// A manifest that is longer is none.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// A backup that a migration made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// When it was made, Unix time in milliseconds.
    pub created_ms: i64,
    /// The backend that was used until then.
    pub source: BackendKind,
    /// The backend that was to be used from then on.
    pub target: BackendKind,
    /// The library that it is of.
    pub(super) library: String,
    /// The generation that the source reflected.
    pub generation: Generation,
    /// The name of the index folder that is inside; `None` for a source that keeps nothing on this
    /// machine's disk.
    pub folder: Option<String>,
}

impl Backup {
    /// The file's name without its folder.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// What is packed.
#[derive(Debug)]
pub(super) struct Contents<'a> {
    pub(super) library: &'a str,
    pub(super) source: BackendKind,
    pub(super) target: BackendKind,
    pub(super) generation: Generation,
    /// The folder of the index, if it has one.
    pub(super) index: Option<&'a Path>,
    /// The configuration file, if there is one.
    pub(super) config: Option<&'a Path>,
}

pub(super) fn backups_dir(dir: &Path) -> PathBuf {
    dir.join("backups")
}

/// Packs. The file appears under its name when it is complete and on the disk.
pub(super) fn write(dir: &Path, contents: &Contents<'_>, now_ms: i64) -> Result<Backup> {
    let folder = backups_dir(dir);
    private_dir(&folder)?;
    remove_unfinished(&folder);
    let path = folder.join(free_name(&folder, &file_stamp(now_ms)));
    let unfinished = unfinished(&path);
    let what = || format!("writing the backup {}", path.display());
    pack(&unfinished, contents, now_ms).context_with(what)?;
    std::fs::rename(&unfinished, &path).context_with(what)?;
    read(&path)
}

/// A name that sorts behind those of the same second: after deletions, too, the newest is last.
fn free_name(folder: &Path, stamp: &str) -> String {
    let first = format!("{PREFIX}{stamp}");
    let last = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            match name.strip_prefix(&first)?.strip_suffix(SUFFIX)? {
                "" => Some(1),
                other => other.strip_prefix('_')?.parse::<u32>().ok(),
            }
        })
        .max();
    match last {
        None => format!("{first}{SUFFIX}"),
        Some(last) => format!("{first}_{:03}{SUFFIX}", last + 1),
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

/// What a killed process did not end.
fn remove_unfinished(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(PREFIX) && path.extension().is_some_and(|end| end == "tmp") {
            // It takes space and does no other harm.
            drop(std::fs::remove_file(&path));
        }
    }
}

fn pack(path: &Path, contents: &Contents<'_>, now_ms: i64) -> Result<()> {
    // Codes hardly compress, so the quickest level loses next to nothing.
    let file = GzEncoder::new(private_file(path)?, Compression::fast());
    let mut archive = tar::Builder::new(file);
    let folder = contents.index.filter(|index| index.is_dir());
    let manifest = json!({
        "format": FORMAT,
        "created_ms": now_ms,
        "library": contents.library,
        "source": contents.source.as_str(),
        "target": contents.target.as_str(),
        "generation": contents.generation.0,
        "folder": folder.and_then(Path::file_name).map(|name| name.to_string_lossy()),
    });
    let manifest = format!("{manifest:#}\n");
    let seconds = u64::try_from(now_ms / 1000).unwrap_or(0);
    append(&mut archive, MANIFEST, manifest.len() as u64, seconds, manifest.as_bytes())?;
    if let Some(config) = contents.config.filter(|config| config.is_file()) {
        append_file(&mut archive, CONFIG, config, seconds)?;
    }
    if let Some(folder) = folder {
        let mut files = Vec::new();
        files_below(folder, &mut files)?;
        files.sort();
        for file in files {
            let relative = file.strip_prefix(folder).unwrap_or(&file);
            let name = format!("{VECTORS}/{}", relative.to_string_lossy().replace('\\', "/"));
            append_file(&mut archive, &name, &file, seconds)?;
        }
    }
    let mut file = archive.into_inner().and_then(GzEncoder::finish).map_err(Error::io)?;
    file.flush().and_then(|()| file.sync_all()).map_err(Error::io)
}

fn append_file(
    archive: &mut tar::Builder<impl std::io::Write>,
    name: &str,
    path: &Path,
    seconds: u64,
) -> Result<()> {
    let what = || format!("packing {}", path.display());
    let file = File::open(path).context_with(what)?;
    let bytes = file.metadata().context_with(what)?.len();
    append(archive, name, bytes, seconds, file.take(bytes)).context_with(what)
}

fn append(
    archive: &mut tar::Builder<impl std::io::Write>,
    name: &str,
    bytes: u64,
    seconds: u64,
    content: impl std::io::Read,
) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(seconds);
    archive.append_data(&mut header, name, content).map_err(Error::io)
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in
        std::fs::read_dir(folder).context_with(|| format!("reading {}", folder.display()))?
    {
        let path = entry.map_err(Error::io)?.path();
        if path.is_dir() { files_below(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// The backups of a data folder, the newest first; files that are none are left out.
pub(super) fn list(dir: &Path) -> Vec<Backup> {
    let Ok(entries) = std::fs::read_dir(backups_dir(dir)) else { return Vec::new() };
    let mut found: Vec<Backup> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with(PREFIX) && name.ends_with(SUFFIX)
        })
        .filter_map(|path| read(&path).ok())
        .collect();
    found.sort_by(|a, b| (b.created_ms, &b.path).cmp(&(a.created_ms, &a.path)));
    found
}

/// What is in a backup. Reads its beginning.
pub(super) fn read(path: &Path) -> Result<Backup> {
    let what = || format!("reading the backup {}", path.display());
    let file = File::open(path).context_with(what)?;
    let bytes = file.metadata().context_with(what)?.len();
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    let mut text = String::new();
    if let Some(Ok(entry)) = archive.entries().map_err(|_| not_ours()).context_with(what)?.next()
        && entry.path().is_ok_and(|path| *path == *Path::new(MANIFEST))
    {
        let read = entry.take(MAX_MANIFEST_BYTES).read_to_string(&mut text);
        read.map_err(|_| not_ours()).context_with(what)?;
    }
    parse(path, bytes, &text).ok_or_else(not_ours).context_with(what)
}

fn parse(path: &Path, bytes: u64, text: &str) -> Option<Backup> {
    let value: Value = serde_json::from_str(text).ok()?;
    if value["format"].as_u64()? != FORMAT {
        return None;
    }
    Some(Backup {
        path: path.to_path_buf(),
        bytes,
        created_ms: value["created_ms"].as_i64()?,
        source: kind(value["source"].as_str()?)?,
        target: kind(value["target"].as_str()?)?,
        library: value["library"].as_str()?.to_owned(),
        generation: Generation(value["generation"].as_u64()?),
        folder: value["folder"].as_str().map(str::to_owned),
    })
}

#[cold]
fn not_ours() -> Error {
    Error::new(ErrorKind::Corrupt, "it is damaged, or no backup of a migration")
        .with_hint("`ragged backend backups list` shows those that can be read")
}

/// Unpacks the files of the index into a new folder; reads the archive to its end, so that damage
/// anywhere is found.
pub(super) fn unpack(backup: &Backup, into: &Path) -> Result<()> {
    let what = || format!("unpacking {}", backup.path.display());
    let damaged = |_| Error::new(ErrorKind::Corrupt, "it is damaged").context(what());
    private_dir(into)?;
    let file = File::open(&backup.path).context_with(what)?;
    let mut decoder = GzDecoder::new(file);
    let mut archive = tar::Archive::new(&mut decoder);
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path().map_err(damaged)?.into_owned();
        let Ok(relative) = name.strip_prefix(VECTORS) else { continue };
        let is_plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || !entry.header().entry_type().is_file() {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("{} does not belong into a backup", name.display()),
            ))
            .context_with(what);
        }
        let path = into.join(relative);
        if let Some(parent) = path.parent() {
            private_dir(parent)?;
        }
        let mut file = private_file(&path)?;
        // What cannot be written is the disk's fault, what cannot be read the archive's.
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n = entry.read(&mut buffer).map_err(damaged)?;
            if n == 0 {
                break;
            }
            let part = buffer.get(..n).unwrap_or_default();
            file.write_all(part).context_with(|| format!("writing {}", path.display()))?;
        }
        file.sync_all().context_with(|| format!("writing {}", path.display()))?;
    }
    // The checksum of the compressed stream stands at its end.
    std::io::copy(&mut decoder, &mut std::io::sink()).map_err(damaged)?;
    Ok(())
}
