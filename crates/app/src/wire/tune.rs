//! What `ragged tune` prints for programs.

use serde::Serialize;

/// One setting that can be tuned.
#[derive(Debug, Serialize)]
pub(crate) struct TuneSetting {
    pub(crate) key: &'static str,
    pub(crate) value: String,
    pub(crate) origin: String,
    /// What a profile makes of it; `null` where it leaves it alone, absent where none was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) in_profile: Option<InProfile>,
    /// What values it takes.
    pub(crate) takes: &'static str,
}

/// What a profile makes of a setting.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum InProfile {
    Value(String),
    /// It leaves it alone: `null`.
    Left(()),
}

/// `tune show`.
#[derive(Debug, Serialize)]
pub(crate) struct TuneShow {
    /// The profile whose values are all in force; `null` where none is.
    pub(crate) profile: Option<&'static str>,
    pub(crate) settings: Vec<TuneSetting>,
    /// What SQLite says of the limits in force, where there is a library.
    pub(crate) library_db: Option<DatabaseLimits>,
    /// Of files of memory: encrypted pages cannot be mapped.
    pub(crate) memory_files: MemoryFileLimits,
}

/// What SQLite says that one connection may use.
#[derive(Debug, Serialize)]
pub(crate) struct DatabaseLimits {
    pub(crate) page_cache_bytes: u64,
    pub(crate) mmap_bytes: u64,
}

/// The same of encrypted files.
#[derive(Debug, Serialize)]
pub(crate) struct MemoryFileLimits {
    pub(crate) page_cache_bytes: u64,
    pub(crate) mmap: &'static str,
}

/// A profile.
#[derive(Debug, Serialize)]
pub(crate) struct TuneProfile {
    pub(crate) name: &'static str,
    pub(crate) purpose: &'static str,
    pub(crate) in_force: bool,
    /// Settings that it decides and that are otherwise now.
    pub(crate) differs_in: Vec<&'static str>,
}

/// A setting that was or would be changed.
#[derive(Debug, Serialize)]
pub(crate) struct TuneChange {
    pub(crate) key: &'static str,
    pub(crate) before: String,
    pub(crate) after: String,
    /// What stands above the file that `tune` writes and keeps the value from being used.
    pub(crate) hidden_by: Option<String>,
}

/// `tune apply`, `set` and `reset`.
#[derive(Debug, Serialize)]
pub(crate) struct TuneChanges {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<&'static str>,
    pub(crate) written: bool,
    pub(crate) file: String,
    pub(crate) changes: Vec<TuneChange>,
    /// What was left as it is, and why.
    pub(crate) skipped: Vec<TuneSkipped>,
}

/// A value that was not taken over.
#[derive(Debug, Serialize)]
pub(crate) struct TuneSkipped {
    pub(crate) key: &'static str,
    pub(crate) why: String,
    pub(crate) hint: Option<String>,
}

/// A figure of a profile or a candidate: the median of several runs, and how sure it is.
#[derive(Debug, Serialize)]
pub(crate) struct TuneFigure {
    pub(crate) median: f64,
    /// 95 % interval of the median.
    pub(crate) interval: Option<(f64, f64)>,
    pub(crate) runs: Vec<f64>,
}

/// A profile of `tune compare`.
#[derive(Debug, Serialize)]
pub(crate) struct TuneCompared {
    pub(crate) profile: &'static str,
    pub(crate) mean_ms: TuneFigure,
    pub(crate) p50_ms: TuneFigure,
    pub(crate) p95_ms: TuneFigure,
    /// Processor time of a question.
    pub(crate) processor_ms: Option<TuneFigure>,
    pub(crate) resident_mib: Option<TuneFigure>,
    /// Share of questions answered from memory.
    pub(crate) from_memory: f64,
}

/// Two profiles beside each other.
#[derive(Debug, Serialize)]
pub(crate) struct TuneOrder {
    pub(crate) metric: &'static str,
    pub(crate) better: &'static str,
    pub(crate) worse: &'static str,
    /// How many times as much the worse one takes.
    pub(crate) ratio: f64,
    /// How likely such a difference is by chance.
    pub(crate) p: f64,
    pub(crate) holds: bool,
}

/// `tune compare`.
#[derive(Debug, Serialize)]
pub(crate) struct TuneComparison {
    pub(crate) documents: u64,
    pub(crate) chunks: u64,
    pub(crate) questions: usize,
    pub(crate) asked: usize,
    pub(crate) repeats: usize,
    pub(crate) seed: u64,
    pub(crate) machine: String,
    pub(crate) profiles: Vec<TuneCompared>,
    pub(crate) order: Vec<TuneOrder>,
}

/// One thing that `tune auto` tried.
#[derive(Debug, Serialize)]
pub(crate) struct TuneCandidate {
    pub(crate) name: String,
    /// Why it was tried.
    pub(crate) why: String,
    pub(crate) values: Vec<TuneValue>,
    pub(crate) metric: &'static str,
    pub(crate) before: f64,
    pub(crate) after: f64,
    pub(crate) p: f64,
    /// Recall at 10 against exact search, before and after, where it was measured.
    pub(crate) recall: Option<(f64, f64)>,
    pub(crate) kept: bool,
    /// Why it was kept or not.
    pub(crate) verdict: String,
}

/// A key and its value.
#[derive(Debug, Serialize)]
pub(crate) struct TuneValue {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// `tune auto`.
#[derive(Debug, Serialize)]
pub(crate) struct TuneAuto {
    pub(crate) workload: &'static str,
    pub(crate) machine: String,
    pub(crate) documents: u64,
    pub(crate) chunks: u64,
    /// Where the questions are from.
    pub(crate) questions_from: String,
    pub(crate) questions: usize,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    pub(crate) candidates: Vec<TuneCandidate>,
    pub(crate) written: bool,
    pub(crate) changes: Vec<TuneValue>,
}
