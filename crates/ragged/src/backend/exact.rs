//! The oracle: every vector kept at full precision in memory, every one compared.
//!
//! Nothing is written: it reflects generation 0 when opened, and the library fills it from text
//! as it would fill any index that lags behind. Costs `4 * dims` bytes a chunk of memory and one
//! embedding a chunk at opening; it is right by definition, and what `leann` is measured against.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use super::{
    Recompute, Reflected, VectorBackend, VectorChange, VectorHits, VectorRequest, VectorStats,
};
use crate::{
    error::Result,
    id::Generation,
    ranking::Candidate,
    retrieval::{AllowedChunks, VectorCounts, VectorPlan},
    settings::{BackendKind, Strategy},
};

/// The oracle: every vector at full precision in memory, every one compared.
#[derive(Debug)]
pub struct ExactBackend {
    dims: usize,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    vectors: BTreeMap<u64, Box<[f32]>>,
    reflected: Reflected,
}

impl ExactBackend {
    /// An empty backend for vectors of `dims` numbers.
    pub fn new(dims: usize) -> Self {
        Self { dims, state: RwLock::default() }
    }
}

impl VectorBackend for ExactBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Exact
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn generation(&self) -> Generation {
        self.reflected().generation
    }

    fn reflected(&self) -> Reflected {
        self.state.read().unwrap_or_else(PoisonError::into_inner).reflected
    }

    fn refresh(&self) -> Result<()> {
        Ok(())
    }

    fn stats(&self) -> VectorStats {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        VectorStats { vectors: state.vectors.len() as u64, ..VectorStats::default() }
    }

    fn commit(&self, change: VectorChange<'_>, reflected: Reflected) -> Result<()> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for (id, vector) in change.added.iter().zip(change.vectors.chunks_exact(self.dims)) {
            state.vectors.insert(id.0, vector.into());
        }
        for removed in change.removed {
            let ids: Vec<u64> = state.vectors.range(removed.ids()).map(|(id, _)| *id).collect();
            for id in ids {
                state.vectors.remove(&id);
            }
        }
        state.reflected = reflected;
        Ok(())
    }

    fn search(&self, request: VectorRequest<'_>, _: &dyn Recompute) -> Result<VectorHits> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let mut candidates: Vec<Candidate> = state
            .vectors
            .iter()
            .filter(|(id, _)| request.allowed.is_none_or(|allowed| allowed.contains(**id)))
            .map(|(id, vector)| Candidate {
                chunk: crate::id::ChunkId(*id),
                score: dot(request.query, vector),
                exact: true,
            })
            .collect();
        let scanned = candidates.len() as u64;
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
        candidates.truncate(request.n_candidates.max(request.k));
        Ok(VectorHits {
            candidates,
            counts: VectorCounts { scanned, ..VectorCounts::default() },
            plan: VectorPlan::only(Strategy::Exact),
        })
    }

    fn merge(&self) -> Result<()> {
        Ok(())
    }

    fn wants_rebuild(&self, _: u64) -> bool {
        false
    }

    fn holds_exactly(&self, chunks: &AllowedChunks) -> Result<bool> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Ok(state.vectors.len() as u64 == chunks.count()
            && state.vectors.keys().all(|id| chunks.contains(*id)))
    }

    fn clear(&self) -> Result<()> {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = State::default();
        Ok(())
    }

    fn check(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// The slow, obvious inner product.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
