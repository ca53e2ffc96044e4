//! Default sizes, each with its reason.

/// About 1,050 bytes of English prose, two or three paragraphs. Over four collections of abstracts
/// BM25 ranked documents by their best chunk as well as by their whole text (mean nDCG@10 0.603
/// against 0.602); with 192 and 128 it lost 0.005.
pub(super) const TARGET_TOKENS: u32 = 256;

/// One and a half targets: with title and headings in front still below the 512 tokens a
/// transformer reads, and long enough to keep most functions and all but the longest paragraphs
/// whole.
pub(super) const MAX_TOKENS: u32 = 384;

/// A quarter of the target. Below it a chunk says too little to be embedded well, and its fixed
/// cost in the indexes outweighs its text.
pub(super) const MIN_TOKENS: u32 = 64;

/// None: 32 and 64 changed nDCG@10 of BM25 by less than 0.001 in the mean over four collections of
/// abstracts, and overlap is stored, embedded and searched twice.
pub(super) const OVERLAP_TOKENS: u32 = 0;

/// Rows say little by themselves, but a citation of more than this is a table, not a place.
pub(super) const MAX_ROWS: u32 = 16;

/// Below this a chunk is a sentence and the headings in front of it outweigh it.
pub(super) const TARGET_TOKENS_MIN: u32 = 16;

/// Above this a hit no longer says where to look.
pub(super) const TARGET_TOKENS_MAX: u32 = 8192;
