//! Whether profiling is on: a file of one line in the data folder, so that it outlasts a process and
//! is seen by all of them.

use std::path::{Path, PathBuf};

use super::stage::Components;
use crate::{
    error::{Context, Error, Result},
    permission::{private_dir, replace_private_file},
};

/// The file that says so.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("telemetry.on")
}

/// What is profiled; nothing where the file is not there or holds something else.
pub fn enabled(data_dir: &Path) -> Components {
    std::fs::read_to_string(path(data_dir))
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or_default()
}

/// Has these components profiled from now on, and no others.
///
/// # Errors
///
/// `Io`, `Exhausted`.
pub fn enable(data_dir: &Path, components: Components) -> Result<()> {
    private_dir(data_dir)?;
    replace_private_file(&path(data_dir), format!("{components}\n").as_bytes())
}

/// Has nothing profiled from now on. What was recorded stays.
///
/// # Errors
///
/// `Io`.
pub fn disable(data_dir: &Path) -> Result<()> {
    let path = path(data_dir);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(error)).context_with(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}
