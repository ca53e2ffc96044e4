//! The façade of a library, and the only module that knows the order of steps.
//!
//! `ingest` brings files in, `collection` keeps them apart, `search` and `answer` take answers out
//! (`allowed` says of which documents; `personal` what a profile makes of candidates, `hydrate` which
//! of them become hits; `batch` takes many at once, `results` gives them again),
//! `remember` says what is recorded of a question, `measure` what is kept of how long it took,
//! `explanation` why a persona has it so,
//! `derived` keeps the indexes level with the truth, `migration` changes the backend, `sync` follows
//! changes of files, `upkeep` checks, repairs, compacts and rebuilds.

mod allowed;
mod answer;
mod batch;
mod collection;
mod deferred;
mod derived;
mod explanation;
mod hydrate;
mod ingest;
mod lock;
mod measure;
mod migration;
mod model;
mod passages;
mod personal;
mod profile;
mod recompute;
mod remember;
mod results;
mod search;
mod sync;
mod upkeep;

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

pub use answer::{Answered, Citation, GenerationNote, style_of};
pub use batch::{BatchCounts, BatchResponse};
pub use explanation::{BothRankings, ExplainedHit, InterestShare};
pub use ingest::{
    AddOptions, AddProgress, AddReport, Cancel, FileOutcome, NoProgress, RemoveReport, Skip,
    VirtualDocument,
};
pub use measure::{CACHES, NamedCache, measured};
pub use migration::{
    BackendCondition, BackendHolding, BackendState, Backup, CleanedBackups, FULL_BELOW_DOCUMENTS,
    KEPT_BACKUPS, LEAST_OVERLAP, LEAST_SCORE, LastMigration, MigrateOptions, MigrateProgress,
    MigrationPlan, MigrationProgress, MigrationReport, MigrationStep, RollbackReport,
    UnfinishedMigration, Verification, VerifyOptions,
};
pub use model::{BUILTIN_MODEL, Knowledge, model_from_settings, models};
pub use personal::Unmoved;
pub use profile::for_ranking;
pub use remember::{Asked, recording};
pub use search::{
    Hit, HitFile, HitTaste, MatchedChunk, PersonalPlan, SearchRequest, SearchResponse,
};
pub use upkeep::{CheckReport, CompactReport, Keep, ReindexProgress, Status, StoreBytes};

use self::{allowed::RememberedFilters, personal::Profiles, results::Results};
use crate::{
    backend::VectorBackend,
    cache::CacheStats,
    embedding::Embedder,
    error::Result,
    lexical::LexicalIndex,
    permission::{ensure_private_file, private_dir},
    settings::Settings,
    store::Store,
    temporal::Clock,
};

/// How long a command waits for another process that changes the library.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// A person's library: their files' text, and the indexes over it, in one folder.
///
/// Made by [`Library::open`]; lives as long as the caller wants; may be shared between threads.
/// Reading never waits for writing, in this process or another.
pub struct Library {
    dir: PathBuf,
    settings: Settings,
    clock: Arc<dyn Clock>,
    store: Store,
    embedder: Arc<dyn Embedder>,
    lexical: LexicalIndex,
    vectors: Box<dyn VectorBackend>,
    results: Results,
    filters: RememberedFilters,
    profiles: Profiles,
    tastes: profile::Tastes,
}

/// What a library keeps in memory because it may be asked for again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caches {
    /// Answers.
    pub results: CacheStats,
    /// Vectors that were made again from text.
    pub vectors: CacheStats,
    /// Which chunks the interests of personas speak of.
    pub profiles: CacheStats,
    /// Profiles of personas that are hot.
    pub l1: CacheStats,
    /// Profiles of personas behind those.
    pub l2: CacheStats,
    /// Searches of personas, before the personal part.
    pub l3: CacheStats,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Library {
    /// Opens the library in `dir`, creating it if there is none, and brings derived indexes level
    /// with the truth if an earlier process ended before it could.
    ///
    /// # Errors
    ///
    /// `Incompatible` where the folder holds a newer format, or vectors of a model that is not
    /// the one given and that are costly to make again; `Corrupt` for damage that rebuilding
    /// cannot mend; `Io`, `Exhausted`.
    pub fn open(
        dir: &Path,
        settings: Settings,
        embedder: Arc<dyn Embedder>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        private_dir(dir)?;
        let path = Self::store_path(dir);
        // SQLite gives its log and shared memory the mode of the file.
        drop(ensure_private_file(&path)?);
        let store = Store::open(&path, settings.database)?;
        let lexical = derived::open_lexical(dir)?;
        let vectors = derived::open_vectors(dir, &settings, embedder.as_ref(), &store)?;
        let results = Results::new(&settings.backend, &settings.memory.cache);
        let dir = dir.to_path_buf();
        let filters = RememberedFilters::default();
        let profiles = Profiles::default();
        let tastes = profile::Tastes::new(&settings.memory.cache);
        let library = Self {
            dir,
            settings,
            clock,
            store,
            embedder,
            lexical,
            vectors,
            results,
            filters,
            profiles,
            tastes,
        };
        library.settle_model()?;
        library.settle_chunker()?;
        library.catch_up_if_free()?;
        Ok(library)
    }

    /// Whether there is a library in `dir`.
    pub fn exists(dir: &Path) -> bool {
        Self::store_path(dir).is_file()
    }

    fn store_path(dir: &Path) -> PathBuf {
        dir.join("library.db")
    }

    fn index_dir(dir: &Path) -> PathBuf {
        dir.join("index")
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The model that makes this library's vectors.
    pub fn embedder(&self) -> &dyn Embedder {
        self.embedder.as_ref()
    }

    /// The truth, for reading.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What is kept in memory of answers and of recomputed vectors.
    pub fn caches(&self) -> Caches {
        let (results, asked) = self.results.stats();
        let levels = self.tastes.stats();
        Caches {
            results,
            vectors: self.vectors.cache_stats(),
            profiles: self.profiles.stats(),
            l1: levels.l1,
            l2: levels.l2,
            l3: asked,
        }
    }

    /// Drops everything that is kept in memory of answers and of personas. Vectors that were made
    /// again are kept: they follow from the text.
    pub fn clear_caches(&self) {
        self.results.clear();
        self.profiles.clear();
        self.tastes.clear();
    }
}
