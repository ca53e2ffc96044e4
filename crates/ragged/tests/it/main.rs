//! The library as a whole, by risk.
#![expect(
    clippy::unwrap_used,
    reason = "functions of a test fail by panicking; clippy knows only those marked as tests"
)]

/// What every vector engine promises.
mod backend_contract;
/// What is kept in memory against a library that keeps nothing.
mod caches;
/// A library whose vectors are on a Chroma server.
mod chroma_library;
/// A real Chroma server, where there is one.
mod chroma_server;
/// Many readers beside a writer.
mod concurrency;
/// Parser processes: crashes, floods, hangs.
mod document_worker;
/// Libraries written by older versions.
mod format;
/// Modules only look down.
mod layering;
/// A library against a map from path to text, through random operations.
mod model;
/// What profiles and favoured times do to a search.
mod personal;
/// How long questions take.
mod profiling;
/// What the profiles of tuning do to a search.
mod tuning;
