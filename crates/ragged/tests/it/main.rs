//! The library as a whole, by risk.

/// Modules only look down.
mod layering;
/// Parser processes: crashes, floods, hangs.
mod document_worker;
/// A library against a map from path to text, through random operations.
mod model;
