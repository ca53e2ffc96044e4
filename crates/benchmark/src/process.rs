//! What the system knows of a process: memory, processor time; and the pages it keeps of files.

use std::{fs, ops::AddAssign, path::Path};

/// Memory of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bytes resident now.
    pub resident: u64,
    /// The most that were.
    pub peak: u64,
    /// Those of `resident` that are no pages of files: what the allocator holds, and stacks.
    pub anonymous: u64,
}

impl AddAssign for Memory {
    fn add_assign(&mut self, other: Self) {
        self.resident += other.resident;
        self.peak += other.peak;
        self.anonymous += other.anonymous;
    }
}

/// Memory of a process and of those that it started, as the kernel counts it; `None` where the
/// system does not tell. Pages that two of them share count twice.
pub fn memory(process: u32) -> Option<Memory> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let bytes = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib * 1024)
    };
    let mut memory = Memory {
        resident: bytes("VmRSS:")?,
        peak: bytes("VmHWM:")?,
        anonymous: bytes("RssAnon:").unwrap_or(0),
    };
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        if let Some(of_child) = child.parse().ok().and_then(self::memory) {
            memory += of_child;
        }
    }
    Some(memory)
}

/// Processor seconds that this process and its ended children took; `None` where the system does not
/// tell.
pub fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name, in parentheses, may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    // User and system time, its own and those of its children (proc(5), fields 14 to 17).
    let ticks: f64 = (11..15).filter_map(|at| fields.get(at)?.parse::<f64>().ok()).sum();
    // Linux tells these in hundredths of a second to every program.
    Some(ticks / 100.0)
}

/// Files, sockets and the like that this process has open; `None` where the system does not tell.
pub fn open_files() -> Option<u64> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count() as u64)
}

/// Asks the system to forget the pages of all files below a folder, so that reading them is reading
/// the disk; whether it can be asked.
pub fn forget_pages(folder: &Path) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let Ok(entries) = fs::read_dir(folder) else { return false };
        let mut all = true;
        for entry in entries.flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                all &= forget_pages(&path);
            } else if let Ok(file) = fs::File::open(&path) {
                // What is not on disk yet stays.
                let written = file.sync_all().is_ok();
                let advice = rustix::fs::Advice::DontNeed;
                all &= written && rustix::fs::fadvise(&file, 0, None, advice).is_ok();
            }
        }
        all
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = folder;
        false
    }
}

/// Bytes of all files below a folder.
pub fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
