//! The binary as a user meets it: what it prints, where, and with which exit code.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "functions of a test fail by panicking; clippy knows only those marked as tests"
)]

/// Which engine searches vectors, and changing it.
mod backends;
/// What is measured, and held against limits and what was before.
mod benchmark;
/// What was measured, as reports and as a page in a browser.
mod benchmark_report;
/// Asking one question after another.
mod chat;
/// Named parts of a library.
mod collections;
/// When documents are from.
mod document_times;
/// Ways of searching, batches, probes, and several processes at once.
mod engine;
/// Taking along what is remembered.
mod export;
/// What is true when, and when it was known.
mod facts;
/// Adding, listing, removing.
mod files;
/// What a new user of memory meets.
#[cfg(unix)]
mod first_steps;
/// What a persona is linked to.
mod graph;
/// What a persona cares about, and its owner's word on it.
mod interests;
/// What one persona cannot see or change of another, nor caches keep.
mod isolation;
/// Settings of what is learned, and setting all back.
mod learning;
/// Help, usage errors, configuration, completions.
mod manners;
/// Why a persona has its ranking, and whether it is better.
mod personal_ranking;
/// Settings, style and collections of one persona, and memory in one file.
#[cfg(unix)]
mod personas;
/// What is remembered stays with its owner, and goes when it is told to.
#[cfg(unix)]
mod privacy;
/// How long questions take.
mod profile;
/// Searching and answering.
mod questions;
/// A command in a folder of its own.
mod scene;
/// Ctrl-C, and who may read what is kept.
#[cfg(unix)]
mod system;
/// A terminal, played by the test.
#[cfg(target_os = "linux")]
mod terminal;
/// When questions were asked.
mod timeline;
mod times;
/// Settings that fit the machine, the library and its use.
mod tune;
mod tutorials;
/// Following changes of files.
#[cfg(unix)]
mod watch;
/// The workflow that benchmarks a commit.
#[cfg(unix)]
mod workflow;
