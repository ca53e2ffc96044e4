//! Vectors in, ids and scores out.
//!
//! A vector index that keeps one to four bits a dimension, and can say how wrong that makes it.
//! [`VectorIndex`] appends and deletes in a directory of immutable, memory-mapped segments;
//! a [`Snapshot`] of it estimates the inner products of a query with all vectors, each with an
//! error; [`search`] has the few vectors recomputed that the errors leave undecided. Vectors
//! themselves are not kept. There is no text here, no SQL, no clock and no randomness but
//! a seed; the same input gives the same files and the same answers on every machine.
//!
//! ```
//! use ragged_index::{Commit, Config, IdSet, Policy, Tier, VectorIndex, search};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let scratch = tempfile::tempdir()?;
//! # let directory = scratch.path().join("vectors");
//! let config = Config { dims: 2, tier: Tier::Balanced, seed: 1, fingerprint: *b"a model of 2-d  " };
//! let mut index = VectorIndex::create(&directory, config, 0)?;
//! let vectors = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]];
//! index.commit(&Commit {
//!     delete: &IdSet::new(),
//!     ids: &[10, 11, 12],
//!     vectors: vectors.as_flattened(),
//!     stamp: 1,
//! })?;
//!
//! let snapshot = index.snapshot();
//! let query = snapshot.prepare(&[0.8, 0.6])?;
//! let found = search(&snapshot, &query, 1, None, &Policy::default(), |ids, out| {
//!     // Here the caller makes the vectors again, say by embedding the texts of these ids.
//!     for id in ids {
//!         out.extend(vectors[*id as usize - 10]);
//!     }
//!     Ok::<(), std::convert::Infallible>(())
//! })?;
//! assert_eq!((found.hits[0].id, found.hits[0].exact), (11, true));
//! # Ok(())
//! # }
//! ```
//!
//! Up to some hundred thousand vectors, scanning all codes is the best plan. For more,
//! [`VectorIndex::extend_graph`] makes a proximity graph over the same codes, and
//! [`Source::Graph`] has [`search`] walk it. [`exact_search`] and [`naive_search`] are what both
//! are measured against.

mod batch;
mod codes;
mod directory;
mod distance;
mod error;
mod flat;
mod ids;
mod layout;
mod manifest;
mod parallel;
mod proximity;
mod recompute;
mod scan;
mod segment;
mod snapshot;
mod vector_index;

pub use batch::{BatchCounts, BatchQuery, BatchSearch, search_batch};
pub use codes::Tier;
pub use distance::Kernels;
pub use error::{Corruption, Error, InputError, Result, Version};
pub use flat::exact_top_k;
pub use ids::IdSet;
pub use manifest::Config;
pub use proximity::{GraphConfig, GraphProgress, WalkCounts, Walked};
pub use recompute::{
    Hit, Policy, Search, SearchCounts, Source, exact_search, naive_search, search,
};
pub use scan::{Candidate, PreparedQuery, RANK_EPSILON, Scan, ScanCounts};
pub use snapshot::{FrameAge, GraphStats, Snapshot};
pub use vector_index::{Commit, VectorIndex};
