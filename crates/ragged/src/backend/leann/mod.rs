//! The LEANN engine: almost nothing is kept, and only what matters is recomputed.
//!
//! Bit codes of all vectors are scanned; the candidates that their error bounds leave undecided
//! are embedded anew from text, best bound first, until none that is left can be among the best.
//! Codes, bounds and the order of recomputation are the work of `ragged-index`; this module ties
//! them to the library's ids, generations and errors.

use std::{
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use ragged_index::{
    Commit, Config, Error as IndexError, IdSet, InputError, Policy, Snapshot, Tier as IndexTier,
    VectorIndex, search,
};

use super::{
    Recompute, Reflected, VectorBackend, VectorChange, VectorHits, VectorRequest, VectorStats,
};
use crate::{
    embedding::ModelIdentity,
    error::{Context, Error, ErrorKind, Result},
    id::{ChunkId, Generation},
    ranking::Candidate,
    retrieval::{AllowedChunks, VectorCounts, VectorPlan},
    settings::{BackendKind, BackendSettings, Strategy, Tier},
};

/// Seed of the rotation; any number, as long as it stays.
const ROTATION_SEED: u64 = 0x1EA2_2026;
/// Embeddings recomputed at once after the first `k`: fewer recompute fewer in all.
const RECOMPUTE_BATCH: usize = 4;

/// The engine that scans codes and recomputes the few vectors that they leave undecided.
#[derive(Debug)]
pub struct LeannBackend {
    dir: PathBuf,
    config: Config,
    epsilon: f32,
    max_recomputes: usize,
    /// The last known state; `None` while nothing was ever written.
    state: RwLock<Option<Snapshot>>,
}

impl LeannBackend {
    /// Opens the index in `dir`, which may be empty.
    ///
    /// # Errors
    ///
    /// `Incompatible` for an index of another format, model or tier, `Corrupt` for a damaged one;
    /// both are mended by throwing the folder away.
    pub fn open(dir: &Path, model: &ModelIdentity, settings: &BackendSettings) -> Result<Self> {
        let config = Config {
            dims: model.dims,
            tier: match settings.tier {
                Tier::Small => IndexTier::Small,
                Tier::Balanced => IndexTier::Balanced,
                Tier::Fast => IndexTier::Fast,
            },
            seed: ROTATION_SEED,
            fingerprint: fingerprint(&model.fingerprint),
        };
        let backend = Self {
            dir: dir.to_path_buf(),
            config,
            epsilon: settings.epsilon,
            max_recomputes: settings.max_recomputes,
            state: RwLock::new(None),
        };
        backend.refresh()?;
        Ok(backend)
    }

    fn snapshot(&self) -> Option<Snapshot> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, snapshot: Snapshot) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Some(snapshot);
    }

    /// Opens the index for writing. The caller holds the library's write lock, and gives the
    /// handle up with it: another process may write in between.
    fn writer(&self) -> Result<VectorIndex> {
        match VectorIndex::open(&self.dir) {
            Err(IndexError::NotFound { .. }) => {
                crate::permission::private_dir(&self.dir)?;
                VectorIndex::create(&self.dir, self.config, 0).map_err(error)
            }
            other => other.map_err(error),
        }
        .context_with(|| format!("opening the vectors in {}", self.dir.display()))
    }
}

impl VectorBackend for LeannBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Leann
    }

    fn location(&self) -> String {
        self.dir.display().to_string()
    }

    fn generation(&self) -> Generation {
        self.snapshot().map_or(Generation(0), |snapshot| Generation(snapshot.stamp()))
    }

    fn reflected(&self) -> Reflected {
        self.snapshot().map_or_else(Reflected::default, |snapshot| Reflected {
            generation: Generation(snapshot.stamp()),
            last_chunk: ChunkId(snapshot.ids().runs().last().map_or(0, |run| *run.end())),
        })
    }

    fn refresh(&self) -> Result<()> {
        let what = || format!("opening the vectors in {}", self.dir.display());
        match Snapshot::open(&self.dir) {
            Ok(snapshot) if *snapshot.config() == self.config => {
                self.set(snapshot);
                Ok(())
            }
            Ok(_) => Err(Error::new(
                ErrorKind::Incompatible,
                "the vectors were made by another model or tier",
            ))
            .context_with(what),
            Err(IndexError::NotFound { .. }) => Ok(()),
            Err(other) => Err(error(other)).context_with(what),
        }
    }

    fn stats(&self) -> VectorStats {
        self.snapshot().map_or_else(VectorStats::default, |snapshot| VectorStats {
            vectors: snapshot.len(),
            tombstones: snapshot.n_deleted(),
            segments: snapshot.n_segments() as u64,
            disk_bytes: snapshot.bytes(),
        })
    }

    fn commit(&self, change: VectorChange<'_>, reflected: Reflected) -> Result<()> {
        let mut index = self.writer()?;
        let delete = IdSet::from_ranges(
            change
                .removed
                .iter()
                .map(|range| range.ids())
                .filter(|ids| !ids.is_empty())
                .map(|ids| ids.start..=ids.end - 1),
        );
        let ids: Vec<u64> = change.added.iter().map(|chunk| chunk.0).collect();
        index
            .commit(&Commit {
                delete: &delete,
                ids: &ids,
                vectors: change.vectors,
                stamp: reflected.generation.0,
            })
            .map_err(error)?;
        while index.merge().map_err(error)? {}
        self.set(index.snapshot());
        Ok(())
    }

    fn search(&self, request: VectorRequest<'_>, recompute: &dyn Recompute) -> Result<VectorHits> {
        let Some(snapshot) = self.snapshot() else { return Ok(VectorHits::default()) };
        let query = snapshot.prepare(request.query).map_err(|problem| error(problem.into()))?;
        let allowed = request.allowed.map(id_set);
        let policy = Policy {
            epsilon: self.epsilon,
            batch: RECOMPUTE_BATCH,
            max_recomputes: self.max_recomputes,
            n_candidates: request.n_candidates,
        };
        let mut chunks = Vec::new();
        let found =
            search(&snapshot, &query, request.k, allowed.as_ref(), &policy, |ids, rows| {
                chunks.clear();
                chunks.extend(ids.iter().map(|id| ChunkId(*id)));
                recompute.recompute(&chunks, rows)
            })?;
        Ok(VectorHits {
            candidates: found
                .hits
                .into_iter()
                .map(|hit| Candidate { chunk: ChunkId(hit.id), score: hit.score, exact: hit.exact })
                .collect(),
            counts: VectorCounts {
                scanned: found.counts.scan.scanned,
                refined: found.counts.scan.refined,
                recomputed: found.counts.recomputed,
                ..VectorCounts::default()
            },
            plan: VectorPlan::only(Strategy::Scan),
        })
    }

    fn merge(&self) -> Result<()> {
        let mut index = self.writer()?;
        index.merge_all().map_err(error)?;
        self.set(index.snapshot());
        Ok(())
    }

    fn wants_rebuild(&self, sample: u64) -> bool {
        self.snapshot().is_some_and(|snapshot| {
            let age = snapshot.frame_age();
            age.sampled > 0 && age.live.min(sample) >= age.sampled.saturating_mul(4)
        })
    }

    fn holds_exactly(&self, chunks: &AllowedChunks) -> Result<bool> {
        let wanted = id_set(chunks);
        let held = self.snapshot().map(|snapshot| snapshot.ids()).unwrap_or_default();
        Ok(held.difference(&wanted).is_empty() && wanted.difference(&held).is_empty())
    }

    fn clear(&self) -> Result<()> {
        let mut index = match self.writer() {
            // What cannot be read need not be kept to be thrown away.
            Err(problem)
                if matches!(problem.kind(), ErrorKind::Corrupt | ErrorKind::Incompatible) =>
            {
                std::fs::remove_dir_all(&self.dir)
                    .context_with(|| format!("deleting {}", self.dir.display()))?;
                self.writer()?
            }
            other => other?,
        };
        index.clear(0).map_err(error)?;
        self.set(index.snapshot());
        Ok(())
    }

    fn check(&self) -> Result<Vec<String>> {
        Ok(match self.snapshot().map(|snapshot| snapshot.check()) {
            Some(Err(problem)) => vec![problem.to_string()],
            Some(Ok(())) | None => Vec::new(),
        })
    }
}

fn id_set(allowed: &AllowedChunks) -> IdSet {
    IdSet::from_ranges(allowed.ranges().iter().map(|range| range.start..=range.end - 1))
}

/// 16 bytes of a model's hexadecimal fingerprint.
fn fingerprint(hexadecimal: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (byte, text) in bytes.iter_mut().zip(hexadecimal.as_bytes()) {
        *byte = *text;
    }
    bytes
}

#[cold]
fn error(problem: IndexError) -> Error {
    let kind = match &problem {
        IndexError::NotFound { .. } => ErrorKind::NotFound,
        IndexError::Exists { .. } => ErrorKind::Conflict,
        IndexError::Incompatible { .. } => ErrorKind::Incompatible,
        IndexError::Corrupt { .. } => ErrorKind::Corrupt,
        IndexError::Input(InputError::Length { .. } | InputError::Dims { .. }) => {
            ErrorKind::Incompatible
        }
        IndexError::Input(_) => ErrorKind::Invalid,
        IndexError::Io { source, .. } => return Error::io_from(source.kind(), problem),
        _ => ErrorKind::Internal,
    };
    Error::from_source(kind, problem)
}
