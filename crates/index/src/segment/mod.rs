//! Segments: immutable files that hold the codes and ids of some vectors.
//!
//! ```text
//! header   64 bytes, see `header`
//! blocks   for each 32 vectors: byte 0 of their 32 codes, byte 1 of them, … of plane 1;
//!          then, of the 32 vectors each: lengths of rests and components along the first axis
//!          (halves), components along three more axes and secants (bytes)
//! rows     for each vector, tiers of more than a bit only: scale (half), tangent (byte),
//!          planes 2, 3, …
//! ids      runs of consecutive ids, as variable-length numbers
//! ```
//!
//! The last block is filled up with zeros. Vectors are in the order of their ids.

mod builder;
pub(crate) mod header;
mod reader;

#[cfg(test)]
mod tests;

pub(crate) use builder::SegmentBuilder;
pub(crate) use reader::{SegmentReader, check_part};
