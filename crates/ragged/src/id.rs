//! The identifiers of the library's truth, each a type of its own.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A document: one content in one format, whatever the number of files that hold it. Never
    /// used again after the document is removed.
    DocumentId
);
id!(
    /// A chunk. The chunks of a document have consecutive ids, and an id is never used again, so
    /// that ids grow with time and a range of them names a document's chunks for good.
    ChunkId
);
id!(
    /// How many transactions the library has committed. A derived index carries the generation
    /// that it reflects.
    Generation
);

/// The consecutive chunk ids of one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkRange {
    /// The id of the document's first chunk.
    pub first: ChunkId,
    /// How many chunks the document has.
    pub n_chunks: u32,
}

impl ChunkRange {
    /// The ids as a half-open range of integers.
    pub fn ids(self) -> std::ops::Range<u64> {
        self.first.0..self.first.0 + u64::from(self.n_chunks)
    }
}
