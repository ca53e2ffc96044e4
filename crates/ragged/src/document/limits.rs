//! How much one file may cost.

/// Bounds on what reading one file may take; a file beyond one of them is left out with its
/// reason, never read in part.
///
/// The defaults suit a person's own files on a laptop. Raising one raises the memory a reader
/// may need, so raise [`WorkerLimits::memory_bytes`](super::worker::WorkerLimits) with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file read, in bytes as stored. Default 100 MB.
    pub max_file_bytes: u64,
    /// Longest single line of a text file, in bytes. Shorter ones are cut into blocks, longer
    /// ones are data, not text. Default 64 MiB.
    pub max_line_bytes: usize,
    /// Most text taken from one file, in bytes. Default 128 MiB.
    pub max_text_bytes: usize,
    /// Most bytes one compressed file may unpack to, all members together. Default 256 MiB.
    pub max_unpacked_bytes: u64,
    /// Most times larger than its compressed form a file may be, once it has unpacked to more
    /// than [`Limits::RATIO_FREE_BYTES`]. Default 200; office files stay below 50.
    pub max_unpacked_ratio: u64,
    /// Most members of an archive. Default 20,000.
    pub max_members: usize,
    /// Most pages, slides or sheets. Default 20,000.
    pub max_pages: usize,
}

impl Limits {
    /// Below this many unpacked bytes the ratio is not looked at: small files of spaces compress
    /// a thousandfold and hurt nobody.
    pub const RATIO_FREE_BYTES: u64 = 16 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_file_bytes: 100_000_000,
            max_line_bytes: 64 << 20,
            max_text_bytes: 128 << 20,
            max_unpacked_bytes: 256 << 20,
            max_unpacked_ratio: 200,
            max_members: 20_000,
            max_pages: 20_000,
        }
    }
}
