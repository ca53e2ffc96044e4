//! The directory of an index: files that appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::error::{Error, Result};

#[cfg(test)]
pub(crate) mod journal;

/// Ends the names of files that are being written.
const UNFINISHED: &str = ".tmp";

/// One directory. All writing goes through it, and in tests leaves a journal of operations.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    #[cfg(test)]
    pub(crate) journal: journal::Journal,
}

impl Directory {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            #[cfg(test)]
            journal: journal::Journal::default(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes the directory and its parents, for its owner only.
    pub(crate) fn create(&self) -> Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt as _;
            builder.mode(0o700);
        }
        builder.create(&self.path).map_err(|error| Error::io("creating", &self.path, error))
    }

    /// Makes `name` hold the concatenation of `parts`. When this returns, the file has its new
    /// content after any crash; until then it has the old one, or none.
    pub(crate) fn write(&self, name: &str, parts: &[&[u8]]) -> Result<()> {
        let unfinished = format!("{name}{UNFINISHED}");
        let path = self.file(&unfinished);
        self.write_unfinished(&unfinished, parts)
            .map_err(|error| Error::io("writing", &path, error))?;
        #[cfg(test)]
        self.journal.rename(&unfinished, name)?;
        let target = self.file(name);
        fs::rename(&path, &target).map_err(|error| Error::io("renaming", &path, error))?;
        self.sync()
    }

    fn write_unfinished(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        #[cfg(test)]
        self.journal.write(name, parts)?;
        let mut file = options.open(self.file(name))?;
        for part in parts {
            file.write_all(part)?;
        }
        #[cfg(test)]
        self.journal.sync_file(name)?;
        file.sync_all()
    }

    /// Makes renames and removals so far survive a crash.
    fn sync(&self) -> Result<()> {
        #[cfg(test)]
        self.journal.sync_directory()?;
        // Elsewhere directories cannot be opened, and renames are kept by the file system.
        #[cfg(unix)]
        File::open(&self.path)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| Error::io("syncing", &self.path, error))?;
        Ok(())
    }

    /// The content of a file; `None` if there is none.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.file(name);
        let mut bytes = Vec::new();
        match File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes)) {
            Ok(_) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("reading", &path, error)),
        }
    }

    /// Maps a file into memory; `None` if there is none.
    pub(crate) fn map(&self, name: &str) -> Result<Option<Mmap>> {
        let path = self.file(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("opening", &path, error)),
        };
        map_file(&file).map(Some).map_err(|error| Error::io("mapping", &path, error))
    }

    /// Removes a file. Failure is no error: where other processes have the file mapped, some
    /// systems refuse, and the next writer removes it.
    pub(crate) fn remove(&self, name: &str) {
        #[cfg(test)]
        if self.journal.remove(name).is_err() {
            return;
        }
        drop(fs::remove_file(self.file(name)));
    }

    /// The names of all files.
    pub(crate) fn list(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let entries =
            fs::read_dir(&self.path).map_err(|error| Error::io("listing", &self.path, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| Error::io("listing", &self.path, error))?;
            names.extend(entry.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    /// Whether a file is the remains of a write that did not end.
    pub(crate) fn is_unfinished(name: &str) -> bool {
        name.ends_with(UNFINISHED)
    }
}

#[expect(unsafe_code, reason = "a mapping is as trustworthy as the file behind it")]
fn map_file(file: &File) -> io::Result<Mmap> {
    // SAFETY: files of an index are never changed once they have their name, only replaced and
    // removed, and on unix removal leaves the mapping intact. A program that truncates them in
    // place ends the processes that read them; nothing else can be done about it, and the
    // same holds for every mapped file. Lengths are checked against the mapping, not the file.
    unsafe { Mmap::map(file) }
}
