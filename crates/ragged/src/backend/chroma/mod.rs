//! A Chroma server: vectors sent to it, nearest ids asked of it.
//!
//! Each library has a collection for each model, named after a number that the library drew once,
//! so that several libraries can share a server. Ids and vectors are all that is ever sent: no text,
//! no path, no title. The collection's metadata says what part of the truth it holds, and is
//! written after the records of a change; a change that was cut short is made again, by the same
//! ids.
//!
//! The server searches a graph, which finds nearly all and may miss records that its links do not
//! reach; where it comes back with fewer than there are, the rest is compared here.
//!
//! Making a backend connects to nothing, so that a library whose server is away still opens and
//! searches by words.

mod server;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    sync::{PoisonError, RwLock},
};

use serde_json::{Value, json};

use self::server::{Effort, Found, Server};
use super::{
    Recompute, Reflected, VectorBackend, VectorBatch, VectorChange, VectorHits, VectorRequest,
    VectorStats,
};
use crate::{
    embedding::ModelIdentity,
    error::{Context, Error, ErrorKind, Result},
    id::{ChunkId, Generation},
    ranking::Candidate,
    retrieval::{AllowedChunks, VectorCounts, VectorPlan},
    settings::{BackendKind, ChromaSettings, Strategy},
};

/// Allowed sets up to this size are fetched and compared here: as fast as the server's own search
/// among so few, and exact.
const FETCHED_MAX: u64 = 64;
/// Filters that leave one vector in so many, or more, are applied to a longer list of nearest;
/// others are sent as ids.
const DENSE_SHARE: u64 = 4;
/// Further results asked for, which tell whether the last one wanted has ties.
const SLACK: usize = 8;
/// Most results asked for to settle ties.
const TIES_MAX: usize = 4096;
/// Queries in one request.
const QUERIES_MAX: usize = 64;
/// Ids on a page, and vectors.
const PAGE_IDS: usize = 10_000;
const PAGE_VECTORS: usize = 1_000;

const KEY_GENERATION: &str = "ragged_generation";
const KEY_LAST_CHUNK: &str = "ragged_last_chunk";
const KEY_DIMS: &str = "ragged_dims";
const KEY_MODEL: &str = "ragged_model";

/// A collection of a Chroma server.
#[derive(Debug)]
pub struct ChromaBackend {
    server: Server,
    name: String,
    prefix: String,
    fingerprint: String,
    dims: usize,
    state: RwLock<State>,
}

/// What is known of the collection.
#[derive(Clone, Debug, Default)]
struct State {
    known: Option<Known>,
    /// The last request found no server.
    is_away: bool,
}

#[derive(Clone, Debug, Default)]
struct Known {
    /// The server's own id of the collection; none where there is no collection yet.
    id: Option<String>,
    reflected: Reflected,
    vectors: u64,
}

impl ChromaBackend {
    /// The collection that holds one library's vectors by one model, on the server of the settings.
    ///
    /// `library` is what the library is known by; `edition` names the version of what its chunks
    /// are indexed by. Both become part of the collection's name. Connects to nothing.
    ///
    /// # Errors
    ///
    /// `Invalid` for settings that name no server.
    pub fn open(
        library: &str,
        edition: &str,
        identity: &ModelIdentity,
        settings: &ChromaSettings,
    ) -> Result<Self> {
        let plain = |text: &str, most: usize| -> String {
            text.chars().filter(char::is_ascii_alphanumeric).take(most).collect()
        };
        let prefix = format!("ragged-{}-", plain(library, 24));
        Ok(Self {
            server: Server::new(settings)?,
            name: format!(
                "{prefix}{}-{}-{}",
                plain(&identity.fingerprint, 16),
                identity.dims,
                plain(edition, 4)
            ),
            prefix,
            fingerprint: identity.fingerprint.clone(),
            dims: identity.dims,
            state: RwLock::default(),
        })
    }

    /// Asks the server what it holds.
    fn load(&self, effort: Effort) -> Result<Known> {
        let asked = || -> Result<Known> {
            let Some(collection) = self.server.collection(&self.name, effort)? else {
                return Ok(Known::default());
            };
            let number = |key: &str| collection.metadata[key].as_u64().unwrap_or(0);
            let dims =
                collection.dims.or(collection.metadata[KEY_DIMS].as_u64().map(|n| n as usize));
            if dims.is_some_and(|dims| dims != self.dims) {
                return Err(Error::new(
                    ErrorKind::Incompatible,
                    format!(
                        "the collection {} has vectors of {} numbers, the model makes {}",
                        self.name,
                        dims.unwrap_or(0),
                        self.dims
                    ),
                )
                .with_hint("`ragged reindex` makes the collection anew"));
            }
            Ok(Known {
                vectors: self.server.count(&collection.id, effort)?,
                id: Some(collection.id),
                reflected: Reflected {
                    generation: Generation(number(KEY_GENERATION)),
                    last_chunk: ChunkId(number(KEY_LAST_CHUNK)),
                },
            })
        };
        let known = asked();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match &known {
            Ok(known) => *state = State { known: Some(known.clone()), is_away: false },
            Err(_) => state.is_away = true,
        }
        known.context_with(|| format!("asking for the collection {}", self.name))
    }

    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, known: Known) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) =
            State { known: Some(known), is_away: false };
    }

    /// What is known, or what the server says now.
    fn known(&self) -> Result<Known> {
        match self.state().known {
            Some(known) => Ok(known),
            None => self.load(Effort::Full),
        }
    }

    /// What is known; nothing where the server is away.
    fn known_if_there(&self) -> Known {
        let state = self.state();
        match state.known {
            Some(known) => known,
            None if state.is_away => Known::default(),
            None => self.load(Effort::Brief).unwrap_or_default(),
        }
    }

    /// Does what needs the collection, again with the new one if it was made anew meanwhile.
    fn with_collection<T: Default>(&self, act: impl Fn(&str, &Known) -> Result<T>) -> Result<T> {
        let known = self.known()?;
        let Some(id) = &known.id else { return Ok(T::default()) };
        match act(id, &known) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let known = self.load(Effort::Full)?;
                match &known.id {
                    Some(id) => act(id, &known),
                    None => Ok(T::default()),
                }
            }
            other => other,
        }
    }

    fn metadata(&self, reflected: Reflected) -> Value {
        json!({
            KEY_GENERATION: reflected.generation.0,
            // Larger numbers than the server has.
            KEY_LAST_CHUNK: i64::try_from(reflected.last_chunk.0).unwrap_or(i64::MAX),
            KEY_DIMS: self.dims,
            KEY_MODEL: self.fingerprint,
        })
    }

    /// Answers requests that want as many of the same chunks.
    fn find(
        &self,
        id: &str,
        known: &Known,
        requests: &[VectorRequest<'_>],
    ) -> Result<Vec<VectorHits>> {
        let Some(first) = requests.first() else { return Ok(Vec::new()) };
        let wanted = first.n_candidates.max(first.k);
        let n_allowed = first.allowed.map(AllowedChunks::count);
        if wanted == 0 || n_allowed == Some(0) {
            return Ok(vec![ranked(Found::new(), 0); requests.len()]);
        }
        let queries: Vec<&[f32]> = requests.iter().map(|request| request.query).collect();
        if let Some(allowed) = first.allowed
            && allowed.count() <= FETCHED_MAX.max(wanted as u64)
        {
            return self.compare(id, &ids_of(allowed), &queries, wanted);
        }
        let mut hits = Vec::with_capacity(requests.len());
        for queries in queries.chunks(QUERIES_MAX) {
            hits.extend(self.ask(id, known, queries, wanted, first.allowed)?);
        }
        Ok(hits)
    }

    /// Has the server search, until what it gives is known to be all that was wanted.
    fn ask(
        &self,
        id: &str,
        known: &Known,
        queries: &[&[f32]],
        wanted: usize,
        allowed: Option<&AllowedChunks>,
    ) -> Result<Vec<VectorHits>> {
        let mut hits = vec![VectorHits::default(); queries.len()];
        // The server's order among equals is its own, and all are equally near to nothing.
        let (mut open, zeros): (Vec<usize>, Vec<usize>) =
            (0..queries.len()).partition(|&at| queries[at].iter().any(|x| *x != 0.0));
        if !zeros.is_empty() {
            let first = self.first_ids(id, wanted, allowed)?;
            for at in zeros {
                hits[at] = ranked(first.iter().map(|id| (*id, 0.0)).collect(), wanted);
            }
        }
        let of = |open: &[usize]| open.iter().map(|&at| queries[at]).collect::<Vec<_>>();
        if let Some(allowed) = allowed
            && allowed.count().saturating_mul(DENSE_SHARE) >= known.vectors
            && !open.is_empty()
        {
            let share = known.vectors.max(1) as f64 / allowed.count() as f64;
            let n = (wanted as f64 * share.max(1.0) * 1.5) as usize + SLACK;
            let mut still_open = Vec::new();
            for (at, mut found) in open.iter().zip(self.server.query(id, &of(&open), n)?) {
                found.retain(|(chunk, _)| allowed.contains(*chunk));
                if is_settled(&found, wanted) {
                    hits[*at] = ranked(found, wanted);
                } else {
                    still_open.push(*at);
                }
            }
            open = still_open;
        }
        if open.is_empty() {
            return Ok(hits);
        }
        let mut ids = allowed.map(ids_of);
        let most = TIES_MAX.max(wanted + SLACK);
        let mut n = wanted + SLACK;
        while !open.is_empty() {
            let mut still_open = Vec::new();
            let answers = match &mut ids {
                None => self.server.query(id, &of(&open), n)?,
                Some(ids) => self.among(id, &of(&open), n, ids)?,
            };
            for (&at, found) in open.iter().zip(answers) {
                if found.len() < wanted {
                    hits[at] = self.complete(id, queries[at], found, wanted, ids.as_deref())?;
                } else if found.len() < n || n >= most || is_settled(&found, wanted) {
                    hits[at] = ranked(found, wanted);
                } else {
                    still_open.push(at);
                }
            }
            open = still_open;
            n = (n * 2).min(most);
        }
        Ok(hits)
    }

    /// The nearest among `ids`, of which those that are not there are taken out.
    fn among(
        &self,
        id: &str,
        queries: &[&[f32]],
        n: usize,
        ids: &mut Vec<u64>,
    ) -> Result<Vec<Found>> {
        for _ in 0..3 {
            if ids.is_empty() {
                return Ok(vec![Found::new(); queries.len()]);
            }
            if let Some(found) = self.server.query_among(id, queries, n, ids)? {
                return Ok(found);
            }
            *ids = self.present(id, ids)?;
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            format!("the collection {} changes faster than it can be asked", self.name),
        )
        .with_hint("try again when the other process is done"))
    }

    /// Adds to what the server found what its links did not reach, if there is any.
    fn complete(
        &self,
        id: &str,
        query: &[f32],
        mut found: Found,
        wanted: usize,
        ids: Option<&[u64]>,
    ) -> Result<VectorHits> {
        let there = match ids {
            Some(ids) => self.present(id, ids)?,
            None if self.server.count(id, Effort::Full)? <= found.len() as u64 => Vec::new(),
            None => self.all_ids(id)?,
        };
        let reached: BTreeSet<u64> = found.iter().map(|(id, _)| *id).collect();
        let missing: Vec<u64> = there.into_iter().filter(|id| !reached.contains(id)).collect();
        let mut scanned = 0;
        for page in missing.chunks(PAGE_VECTORS) {
            let vectors = self.server.vectors(id, page)?;
            scanned += vectors.len() as u64;
            found.extend(vectors.iter().map(|(id, vector)| (*id, dot(query, vector))));
        }
        let mut hits = ranked(found, wanted);
        hits.counts.scanned = scanned;
        Ok(hits)
    }

    /// Compares queries with the vectors of some chunks, here.
    fn compare(
        &self,
        id: &str,
        ids: &[u64],
        queries: &[&[f32]],
        wanted: usize,
    ) -> Result<Vec<VectorHits>> {
        let mut vectors = Vec::with_capacity(ids.len());
        for page in ids.chunks(PAGE_VECTORS) {
            vectors.extend(self.server.vectors(id, page)?);
        }
        let compared = queries.iter().map(|query| {
            let found = vectors.iter().map(|(id, vector)| (*id, dot(query, vector))).collect();
            let mut hits = ranked(found, wanted);
            hits.counts.scanned = vectors.len() as u64;
            hits.plan = VectorPlan::only(Strategy::Exact);
            hits
        });
        Ok(compared.collect())
    }

    /// The smallest allowed ids that are there.
    fn first_ids(
        &self,
        id: &str,
        wanted: usize,
        allowed: Option<&AllowedChunks>,
    ) -> Result<Vec<u64>> {
        let mut ids = match allowed {
            Some(allowed) => self.present(id, &ids_of(allowed))?,
            None => self.all_ids(id)?,
        };
        ids.sort_unstable();
        ids.truncate(wanted);
        Ok(ids)
    }

    fn present(&self, id: &str, ids: &[u64]) -> Result<Vec<u64>> {
        let mut present = Vec::new();
        for page in ids.chunks(PAGE_IDS) {
            present.extend(self.server.present(id, page)?);
        }
        Ok(present)
    }

    fn all_ids(&self, id: &str) -> Result<Vec<u64>> {
        let mut ids = Vec::new();
        loop {
            let page = self.server.page(id, PAGE_IDS, ids.len())?;
            let is_last = page.len() < PAGE_IDS;
            ids.extend(page);
            if is_last {
                return Ok(ids);
            }
        }
    }
}

impl VectorBackend for ChromaBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Chromadb
    }

    fn location(&self) -> String {
        format!("{}/{}", self.server.collections(), self.name)
    }

    fn generation(&self) -> Generation {
        self.reflected().generation
    }

    fn reflected(&self) -> Reflected {
        self.known_if_there().reflected
    }

    fn refresh(&self) -> Result<()> {
        // What was away a moment ago is not worth several attempts.
        let effort = if self.state().is_away { Effort::Brief } else { Effort::Full };
        self.load(effort).map(drop)
    }

    fn stats(&self) -> VectorStats {
        let known = self.known_if_there();
        VectorStats {
            vectors: known.vectors,
            segments: u64::from(known.id.is_some()),
            ..VectorStats::default()
        }
    }

    fn commit(&self, change: VectorChange<'_>, reflected: Reflected) -> Result<()> {
        let known = self.known()?;
        let id = match known.id {
            Some(id) => {
                let removed: Vec<u64> =
                    change.removed.iter().flat_map(|range| range.ids()).collect();
                self.server.remove(&id, &removed)?;
                id
            }
            // It reflects nothing until the change is in.
            None => self.server.create(&self.name, &self.metadata(Reflected::default()))?.id,
        };
        let added: Vec<u64> = change.added.iter().map(|chunk| chunk.0).collect();
        self.server.upsert(&id, &added, change.vectors, self.dims)?;
        self.server.set_metadata(&id, &self.metadata(reflected))?;
        let vectors = self.server.count(&id, Effort::Full)?;
        self.learn(Known { id: Some(id), reflected, vectors });
        Ok(())
    }

    fn search(&self, request: VectorRequest<'_>, _: &dyn Recompute) -> Result<VectorHits> {
        let hits = self.with_collection(|id, known| self.find(id, known, &[request]))?;
        Ok(hits.into_iter().next().unwrap_or_else(|| ranked(Found::new(), 0)))
    }

    fn search_batch(
        &self,
        requests: &[VectorRequest<'_>],
        _: usize,
        _: &dyn Recompute,
    ) -> Result<VectorBatch> {
        let wanted = |request: &VectorRequest<'_>| request.n_candidates.max(request.k);
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (at, request) in requests.iter().enumerate() {
            let same = groups.iter_mut().find(|group| {
                group.first().and_then(|&first| requests.get(first)).is_some_and(|first| {
                    wanted(first) == wanted(request)
                        && allowed_ranges(first) == allowed_ranges(request)
                })
            });
            match same {
                Some(group) => group.push(at),
                None => groups.push(vec![at]),
            }
        }
        let mut hits = vec![ranked(Found::new(), 0); requests.len()];
        for group in &groups {
            let alike: Vec<VectorRequest<'_>> = group.iter().map(|&at| requests[at]).collect();
            let found = self.with_collection(|id, known| self.find(id, known, &alike))?;
            for (&at, found) in group.iter().zip(found) {
                hits[at] = found;
            }
        }
        Ok(VectorBatch { hits, n_groups: groups.len(), ..VectorBatch::default() })
    }

    fn merge(&self) -> Result<()> {
        Ok(())
    }

    fn wants_rebuild(&self, _: u64) -> bool {
        false
    }

    fn holds_exactly(&self, chunks: &AllowedChunks) -> Result<bool> {
        let Some(id) = self.known()?.id else { return Ok(chunks.count() == 0) };
        let ids: BTreeSet<u64> = self.all_ids(&id)?.into_iter().collect();
        Ok(ids.len() as u64 == chunks.count() && ids.iter().all(|id| chunks.contains(*id)))
    }

    fn clear(&self) -> Result<()> {
        self.server.drop_collection(&self.name)?;
        self.learn(Known::default());
        Ok(())
    }

    fn drop_others(&self) -> Result<()> {
        for name in self.server.names(&self.prefix)? {
            if name != self.name {
                self.server.drop_collection(&name)?;
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        let Some(collection) = self.server.collection(&self.name, Effort::Full)? else {
            return Ok(problems);
        };
        if collection.space != "ip" {
            problems.push(format!(
                "the collection {} compares by {:?}, not by inner product",
                self.name, collection.space
            ));
        }
        if collection.metadata[KEY_MODEL].as_str() != Some(&self.fingerprint) {
            problems.push(format!("the collection {} is of another model", self.name));
        }
        let ids = self.all_ids(&collection.id)?;
        let distinct: BTreeSet<u64> = ids.iter().copied().collect();
        let count = self.server.count(&collection.id, Effort::Full)?;
        if distinct.len() != ids.len() || ids.len() as u64 != count {
            problems.push(format!(
                "the collection {} counts {count} vectors and lists {} of {} chunks",
                self.name,
                ids.len(),
                distinct.len()
            ));
        }
        Ok(problems)
    }
}

fn allowed_ranges<'a>(request: &VectorRequest<'a>) -> Option<&'a [std::ops::Range<u64>]> {
    request.allowed.map(AllowedChunks::ranges)
}

fn ids_of(allowed: &AllowedChunks) -> Vec<u64> {
    allowed.ranges().iter().cloned().flatten().collect()
}

/// Whether no other can be as near as the last one wanted.
fn is_settled(found: &Found, wanted: usize) -> bool {
    match (found.get(wanted.saturating_sub(1)), found.last()) {
        (Some(wanted), Some(last)) => wanted.1 > last.1,
        _ => false,
    }
}

/// The best of what was found, ties by id.
fn ranked(mut found: Found, wanted: usize) -> VectorHits {
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    found.truncate(wanted);
    let candidates = found
        .into_iter()
        .map(|(id, score)| Candidate { chunk: ChunkId(id), score, exact: true })
        .collect();
    VectorHits {
        candidates,
        counts: VectorCounts::default(),
        plan: VectorPlan::only(Strategy::Graph),
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
