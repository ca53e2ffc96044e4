//! Files and folders that only their owner may read.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::Path,
};

use crate::error::{Context, Result};

/// Creates a folder and what is missing above it, readable by its owner alone (mode 0700). An
/// existing folder is left as it is.
pub fn private_dir(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).context_with(|| format!("creating the folder {}", path.display()))
}

/// Opens a file for reading and writing, empty, readable by its owner alone (mode 0600).
pub fn private_file(path: &Path) -> Result<File> {
    open(path, true).context_with(|| format!("creating {}", path.display()))
}

/// Replaces a file so that at every moment it holds the old or the new bytes; readable by its owner
/// alone (mode 0600).
pub(crate) fn replace_private_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".tmp");
    let mut file = private_file(Path::new(&unfinished))?;
    io::Write::write_all(&mut file, bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&unfinished, path))
        .context_with(|| format!("writing {}", path.display()))
}

/// Makes sure that a file exists and that only its owner may read it, without touching what is in
/// it.
pub(crate) fn ensure_private_file(path: &Path) -> Result<File> {
    open(path, false).context_with(|| format!("opening {}", path.display()))
}

fn open(path: &Path, truncate: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(truncate);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The mode above holds for a new file only.
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(file)
}

/// Makes what was renamed or removed in a folder outlast a loss of power, where the system knows how.
pub(crate) fn sync_dir(path: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(path)
            .and_then(|dir| dir.sync_all())
            .context_with(|| format!("writing the folder {}", path.display()))?;
    }
    Ok(())
}

/// Bytes of all files below a folder; what vanishes meanwhile does not count.
pub(crate) fn folder_bytes(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
