//! The index as its users see it, by risk.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

/// A damaged file is an error or harmless, never a panic.
mod damage;
/// Files written by older versions are read, and give the same answers.
mod format;
/// Random sequences of operations against a map.
mod model;
/// Vectors from a seed.
mod vectors;
