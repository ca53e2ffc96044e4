//! The LEANN engine: almost nothing is kept, and only what matters is recomputed.
//!
//! Bit codes of all vectors are scanned, or walked through a graph; the candidates that their error
//! bounds leave undecided are embedded anew from text, best bound first, until none that is left
//! can be among the best. Which way is cheapest is the [`planner`]'s to say. Codes, bounds, the
//! graph and the order of recomputation are the work of `ragged-index`; this module ties them to
//! the library's ids, generations and errors, and keeps vectors that were made again for the next
//! query.

mod planner;
mod probe;
#[cfg(test)]
mod tests;
mod vectors;

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock},
};

use ragged_index::{
    BatchQuery, Commit, Config, Error as IndexError, GraphConfig, IdSet, InputError, Policy,
    PreparedQuery, Search, Snapshot, Source, Tier as IndexTier, VectorIndex, exact_search,
    naive_search, search, search_batch,
};

use self::{
    planner::{STATIC_RECOMPUTE_NS, Situation, TRANSFORMER_RECOMPUTE_NS},
    vectors::{Remembered, VectorCache},
};
use super::{
    Probe, Recompute, Reflected, VectorBackend, VectorBatch, VectorChange, VectorHits,
    VectorRequest, VectorStats,
};
use crate::{
    cache::CacheStats,
    embedding::{ModelIdentity, ModelKind},
    error::{Context, Error, ErrorKind, Result},
    id::{ChunkId, Generation},
    ranking::Candidate,
    retrieval::{AllowedChunks, VectorCounts, VectorPlan},
    settings::{BackendKind, BackendSettings, GraphUse, Strategy, Tier, UnitCosts},
};

pub use planner::WorkModel;
pub use probe::WorkSample;

/// Seed of the rotation; any number, as long as it stays.
const ROTATION_SEED: u64 = 0x1EA2_2026;
/// Embeddings recomputed at once after the first `k`: fewer recompute fewer in all.
const RECOMPUTE_BATCH: usize = 4;
/// Candidates that a walk keeps for each node of its beam: codes put candidates in order only
/// roughly, and questions are not like what they ask for. With three, walks among 66,000 chunks
/// of documentation find .99 of the ten nearest to natural questions.
const POOL_PER_BEAM: usize = 3;
/// A graph is brought level when this part of its nodes is gone, or as many again wait to be
/// linked in.
const GRAPH_PART: u64 = 8;
/// …but not for fewer than this many: scanning them takes microseconds.
const GRAPH_AT_LEAST: u64 = 4_096;
/// [`GraphUse::Auto`] makes a graph where a scan is expected to take this long, in microseconds…
const GRAPH_SCAN_US: f64 = 2_000.0;
/// …and this many times as long as a walk.
const GRAPH_GAIN: f64 = 2.0;

/// The engine that compares codes and recomputes the few vectors that they leave undecided.
#[derive(Debug)]
pub struct LeannBackend {
    dir: PathBuf,
    config: Config,
    tier: Tier,
    epsilon: f32,
    max_recomputes: usize,
    beam_width: usize,
    graph: GraphUse,
    costs: UnitCosts,
    /// How much work searches make here; from the folder, where a probe has left it.
    work: RwLock<WorkModel>,
    /// The last known state; `None` while nothing was ever written.
    state: RwLock<Option<Snapshot>>,
    /// Held while a state is read from disk and made known, so that an older one never follows a
    /// newer one.
    publishing: Mutex<()>,
    vectors: VectorCache,
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
        let mut costs = settings.costs;
        if costs.recompute_ns <= 0.0 {
            costs.recompute_ns = match model.kind {
                ModelKind::Static => STATIC_RECOMPUTE_NS,
                ModelKind::Transformer | ModelKind::Remote => TRANSFORMER_RECOMPUTE_NS,
            };
        }
        let backend = Self {
            dir: dir.to_path_buf(),
            config,
            tier: settings.tier,
            epsilon: settings.epsilon,
            max_recomputes: settings.max_recomputes,
            beam_width: settings.beam_width,
            graph: settings.graph,
            costs,
            work: RwLock::new(probe::read(dir).unwrap_or(WorkModel::of_tier(settings.tier))),
            state: RwLock::new(None),
            publishing: Mutex::new(()),
            vectors: VectorCache::new(settings.vector_cache_bytes),
        };
        backend.refresh()?;
        Ok(backend)
    }

    fn snapshot(&self) -> Option<Snapshot> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, snapshot: Snapshot) {
        let _publishing = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        self.publish(snapshot);
    }

    /// Makes a state known; the caller holds `publishing`.
    fn publish(&self, snapshot: Snapshot) {
        let (ids, stamp) = (snapshot.ids(), snapshot.stamp());
        let before = self.state.write().unwrap_or_else(PoisonError::into_inner).replace(snapshot);
        if before.is_some_and(|before| before.stamp() > stamp) {
            // Of another past: its ids may name other chunks.
            self.vectors.clear();
        } else {
            // Of what was removed nothing stays in memory.
            self.vectors.keep_only(&ids);
        }
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

    fn work(&self) -> WorkModel {
        *self.work.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How to search for `k` hits in a state, and what that is expected to cost.
    fn plan(&self, snapshot: &Snapshot, request: &VectorRequest<'_>) -> VectorPlan {
        let n_vectors = snapshot.len();
        let most = usize::try_from(n_vectors).unwrap_or(usize::MAX);
        let situation = Situation {
            n_allowed: request.allowed.map_or(n_vectors, |allowed| allowed.count().min(n_vectors)),
            n_vectors,
            n_nodes: snapshot.graph_stats().map_or(0, |graph| graph.nodes),
            k: request.k,
            n_candidates: request.k.max(request.n_candidates).max(self.max_recomputes.min(most)),
            width: self.width(request.k),
            batch: RECOMPUTE_BATCH,
            max_recomputes: self.max_recomputes,
            n_cached: self.n_usable(snapshot, request.generation),
        };
        planner::plan(request.strategy, &situation, &self.work(), &self.costs)
    }

    /// The pool of a walk for `k` hits. The beam is three nodes a hit, no fewer than two thirds of
    /// its greatest width, since what is found among few is left to chance, and no more than that
    /// width; and the pool has room for [`POOL_PER_BEAM`] candidates for each node of the beam.
    fn width(&self, k: usize) -> usize {
        let beam = k.saturating_mul(3).max(self.beam_width * 2 / 3).min(self.beam_width);
        beam.saturating_mul(POOL_PER_BEAM).max(k)
    }

    fn policy(&self, request: &VectorRequest<'_>, strategy: Strategy) -> Policy {
        Policy {
            epsilon: self.epsilon,
            batch: RECOMPUTE_BATCH,
            max_recomputes: self.max_recomputes,
            n_candidates: request.n_candidates,
            source: match strategy {
                Strategy::Graph => Source::Graph { width: self.width(request.k) },
                _ => Source::Scan,
            },
        }
    }

    /// Fails where a walk is asked for and there is nothing to walk on.
    fn require_graph(snapshot: &Snapshot, strategy: Strategy) -> Result<()> {
        let needs_graph = matches!(strategy, Strategy::Graph | Strategy::Naive);
        if needs_graph && snapshot.graph_stats().is_none() && !snapshot.is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("the strategy {:?} needs a graph, and there is none", strategy.as_str()),
            )
            .with_hint("`ragged compact -o backend.graph=always` makes one"));
        }
        Ok(())
    }

    /// Brings the graph to where the settings want it, as far as it gets before `go_on` says no.
    fn settle_graph(&self, index: &mut VectorIndex, go_on: &dyn Fn() -> bool) -> Result<()> {
        let snapshot = index.snapshot();
        let (n_vectors, stats) = (snapshot.len(), snapshot.graph_stats());
        let is_wanted = match self.graph {
            GraphUse::Never => false,
            GraphUse::Always => n_vectors > 0,
            GraphUse::Auto => {
                let finds_enough = self.work().graph_recall >= planner::RECALL_TARGET;
                finds_enough && (stats.is_some() || self.graph_pays(n_vectors))
            }
        };
        if !is_wanted {
            if stats.is_some() {
                index.drop_graph().map_err(error)?;
            }
            return Ok(());
        }
        let is_behind = stats.is_none_or(|graph| {
            let part = (graph.nodes / GRAPH_PART).max(GRAPH_AT_LEAST);
            graph.tail > part || graph.dead > part
        });
        if is_behind {
            let threads = processors();
            index
                .extend_graph(&GraphConfig::default(), threads, |_| {
                    if go_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                })
                .map_err(error)
                .context_with(|| "making the graph")?;
        }
        Ok(())
    }

    /// Whether a walk is expected to be worth a graph of so many vectors.
    fn graph_pays(&self, n_vectors: u64) -> bool {
        let situation = Situation {
            n_allowed: n_vectors,
            n_vectors,
            n_nodes: n_vectors,
            k: 10,
            n_candidates: self.max_recomputes,
            width: self.width(10),
            batch: RECOMPUTE_BATCH,
            max_recomputes: self.max_recomputes,
            n_cached: 0,
        };
        // What is recomputed is the same for both.
        let costs = UnitCosts { recompute_ns: 0.0, ..self.costs };
        let plan = planner::plan(Strategy::Auto, &situation, &self.work(), &costs);
        let us = |strategy| {
            let of = plan.estimates.iter().find(|estimate| estimate.strategy == strategy);
            of.map_or(f64::INFINITY, |estimate| estimate.us)
        };
        let scan_us = us(Strategy::Scan);
        scan_us >= GRAPH_SCAN_US && scan_us >= GRAPH_GAIN * us(Strategy::Graph)
    }

    fn search_alone(
        &self,
        snapshot: &Snapshot,
        request: &VectorRequest<'_>,
        plan: VectorPlan,
        remembered: &Remembered<'_>,
    ) -> Result<VectorHits> {
        Self::require_graph(snapshot, plan.strategy)?;
        let query = prepare(snapshot, request.query)?;
        let allowed = request.allowed.map(id_set);
        let allowed = allowed.as_ref();
        let recompute = |ids: &[u64], rows: &mut Vec<f32>| remembered.recompute(ids, rows);
        let cached_before = remembered.n_cached();
        let found = match plan.strategy {
            Strategy::Exact => {
                exact_search(snapshot, &query, request.k, request.n_candidates, allowed, recompute)
            }
            Strategy::Naive => {
                let width = self.width(request.k);
                naive_search(snapshot, request.query, request.k, allowed, width, recompute)
            }
            strategy => {
                let policy = self.policy(request, strategy);
                search(snapshot, &query, request.k, allowed, &policy, recompute)
            }
        }?;
        Ok(hits(found, remembered.n_cached() - cached_before, plan))
    }
}

/// Requests that one pass takes.
struct Alike {
    policy: Policy,
    k: usize,
    /// The places of the requests, and how each was planned.
    members: Vec<(usize, VectorPlan)>,
}

fn prepare(snapshot: &Snapshot, query: &[f32]) -> Result<PreparedQuery> {
    snapshot.prepare(query).map_err(|problem| error(problem.into()))
}

/// What a search found, of whose vectors `cached` were still in memory.
fn hits(found: Search, cached: u64, plan: VectorPlan) -> VectorHits {
    let counts = found.counts;
    VectorHits {
        candidates: found
            .hits
            .into_iter()
            .map(|hit| Candidate { chunk: ChunkId(hit.id), score: hit.score, exact: hit.exact })
            .collect(),
        counts: VectorCounts {
            scanned: counts.scan.scanned + counts.walk.tail.scanned + counts.walk.sampled,
            refined: counts.scan.refined + counts.walk.tail.refined,
            visited: counts.walk.evaluated,
            recomputed: counts.recomputed.saturating_sub(cached),
            cached,
        },
        plan,
    }
}

/// What is found in an index that was never written.
fn nothing() -> VectorHits {
    VectorHits { plan: VectorPlan::only(Strategy::Scan), ..VectorHits::default() }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
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
        let _publishing = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        match Snapshot::open(&self.dir) {
            Ok(snapshot) if *snapshot.config() == self.config => {
                self.publish(snapshot);
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
        let Some(snapshot) = self.snapshot() else { return Ok(nothing()) };
        let plan = self.plan(&snapshot, &request);
        let remembered = self.remembered(&snapshot, request.generation, recompute);
        self.search_alone(&snapshot, &request, plan, &remembered)
    }

    fn search_batch(
        &self,
        requests: &[VectorRequest<'_>],
        threads: usize,
        recompute: &dyn Recompute,
    ) -> Result<VectorBatch> {
        let mut batch =
            VectorBatch { hits: vec![nothing(); requests.len()], ..VectorBatch::default() };
        let Some(snapshot) = self.snapshot() else { return Ok(batch) };
        let threads = if threads == 0 { processors() } else { threads };
        // One pass takes requests that are planned alike; the rest have nothing to share.
        let mut alike: Vec<Alike> = Vec::new();
        for (idx, request) in requests.iter().enumerate() {
            let plan = self.plan(&snapshot, request);
            let remembered = self.remembered(&snapshot, request.generation, recompute);
            if matches!(plan.strategy, Strategy::Exact | Strategy::Naive) {
                let hits = self.search_alone(&snapshot, request, plan, &remembered)?;
                batch.recomputed += hits.counts.recomputed;
                batch.cached += hits.counts.cached;
                batch.n_groups += 1;
                batch.hits[idx] = hits;
                continue;
            }
            Self::require_graph(&snapshot, plan.strategy)?;
            let policy = self.policy(request, plan.strategy);
            match alike.iter_mut().find(|alike| alike.policy == policy && alike.k == request.k) {
                Some(alike) => alike.members.push((idx, plan)),
                None => alike.push(Alike { policy, k: request.k, members: vec![(idx, plan)] }),
            }
        }
        for Alike { policy, k, members } in alike {
            let asked = || members.iter().map(|(idx, _)| &requests[*idx]);
            let prepared: Vec<PreparedQuery> =
                asked().map(|request| prepare(&snapshot, request.query)).collect::<Result<_>>()?;
            let allowed: Vec<Option<IdSet>> =
                asked().map(|request| request.allowed.map(id_set)).collect();
            let queries: Vec<BatchQuery<'_>> = prepared
                .iter()
                .zip(&allowed)
                .map(|(query, allowed)| BatchQuery { query, allow: allowed.as_ref() })
                .collect();
            let generation = asked().map(|request| request.generation).max().unwrap_or_default();
            let remembered = self.remembered(&snapshot, generation, recompute);
            let found = search_batch(&snapshot, &queries, k, &policy, threads, &|ids, rows| {
                remembered.recompute(ids, rows)
            })?;
            batch.n_groups += usize::try_from(found.counts.groups).unwrap_or(usize::MAX);
            batch.recomputed += found.counts.recomputed.saturating_sub(remembered.n_cached());
            batch.cached += remembered.n_cached();
            for ((idx, plan), search) in members.into_iter().zip(found.searches) {
                batch.hits[idx] = hits(search, 0, plan);
            }
        }
        Ok(batch)
    }

    fn merge(&self) -> Result<()> {
        let mut index = self.writer()?;
        index.merge_all().map_err(error)?;
        self.set(index.snapshot());
        Ok(())
    }

    fn settle(&self, go_on: &dyn Fn() -> bool) -> Result<()> {
        let mut index = self.writer()?;
        self.settle_graph(&mut index, go_on)?;
        self.set(index.snapshot());
        Ok(())
    }

    fn cache_stats(&self) -> CacheStats {
        self.vectors.stats()
    }

    fn probe(&self, queries: &[Vec<f32>], recompute: &dyn Recompute) -> Result<Option<Probe>> {
        let Some(snapshot) = self.snapshot() else { return Ok(None) };
        probe::measure(self, &snapshot, queries, recompute)
    }

    fn reckon_with(&self, work: WorkModel) -> Result<()> {
        probe::write(&self.dir, &work)?;
        *self.work.write().unwrap_or_else(PoisonError::into_inner) = work;
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
        self.vectors.clear();
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
