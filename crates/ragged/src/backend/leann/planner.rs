//! Which way of searching is cheapest: estimates of the work of each, priced.
//!
//! Pure: the same situation gives the same plan. What a step costs on this machine
//! ([`UnitCosts`]) is a setting, and how much work this library's vectors make ([`WorkModel`]) is
//! a fact kept with the library; `ragged tune probe` measures both. Nothing is measured here.

use super::probe::WorkSample;
use crate::{
    retrieval::{Estimate, VectorCounts, VectorPlan},
    settings::{Strategy, Tier, UnitCosts},
};

/// A walk is only worth its while if it finds this share of the truly nearest, or more.
pub(super) const RECALL_TARGET: f64 = 0.95;
/// Codes that a walk looks at in order for entry points, at most.
const MOST_SAMPLED: f64 = 65_536.0;
/// Taking a vector out of memory.
const CACHED_NS: f64 = 200.0;
/// Embedding with a model whose cost was never measured: reading the text and looking up its
/// tokens, or running a transformer, in nanoseconds.
pub(super) const STATIC_RECOMPUTE_NS: f64 = 40_000.0;
pub(super) const TRANSFORMER_RECOMPUTE_NS: f64 = 50_000_000.0;

/// How much work searches make among the vectors of one library, as laws fitted to counts.
///
/// Defaults are those of 66,000 chunks of documentation and 200 questions, and of a million made
/// vectors; a probe replaces them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkModel {
    /// Codes refined a scan: `n (1 + refine · ln(allowed / n))` for the best `n` of the allowed.
    pub refine: f64,
    /// Embeddings recomputed where allowed vectors abound: `recompute · k ^ recompute_power`…
    pub recompute: f64,
    /// See [`recompute`](Self::recompute).
    pub recompute_power: f64,
    /// …and among few, `√(allowed / (allowed + crowding · that))` of it.
    pub crowding: f64,
    /// Codes compared on a walk: `visit · width ^ visit_power · ln(nodes)`.
    pub visit: f64,
    /// See [`visit`](Self::visit).
    pub visit_power: f64,
    /// Share of the ten nearest that walks find.
    pub graph_recall: f64,
}

impl WorkModel {
    /// What to reckon with before a library was probed.
    pub fn of_tier(tier: Tier) -> Self {
        let (recompute, recompute_power, crowding) = match tier {
            Tier::Small => (19.9, 0.72, 12.0),
            Tier::Balanced => (3.64, 0.93, 9.0),
            Tier::Fast => (1.37, 0.99, 1.0),
        };
        Self {
            refine: 0.9,
            recompute,
            recompute_power,
            crowding,
            visit: 3.9,
            visit_power: 0.79,
            // With one bit walks go astray; nobody has measured how far.
            graph_recall: if tier == Tier::Small { 0.0 } else { 0.98 },
        }
    }

    /// Codes that a scan for the best `n` of `allowed` refines.
    pub(super) fn refined(&self, n: f64, allowed: f64) -> f64 {
        if allowed <= n {
            return allowed;
        }
        (n * (1.0 + self.refine * (allowed / n).ln())).min(allowed)
    }

    /// Embeddings that the best `k` of `allowed` need, at most `most`, `batch` at a time.
    pub(super) fn recomputed(&self, k: f64, allowed: f64, batch: f64, most: f64) -> f64 {
        let abundant = self.recompute * k.powf(self.recompute_power);
        let wanted = abundant * (allowed / (allowed + self.crowding * abundant)).sqrt();
        wanted.max(k + batch).min(allowed).min(most)
    }

    /// Codes that a walk compares.
    pub(super) fn visited(&self, width: f64, n_nodes: f64) -> f64 {
        (self.visit * width.powf(self.visit_power) * n_nodes.max(2.0).ln()).min(n_nodes)
    }
}

/// What a search is to find, and in what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Situation {
    /// Vectors that may be found.
    pub(super) n_allowed: u64,
    /// Vectors there are.
    pub(super) n_vectors: u64,
    /// Of those, vectors that the graph links; 0 without one.
    pub(super) n_nodes: u64,
    /// Hits that must be exact.
    pub(super) k: usize,
    /// Candidates that a scan collects.
    pub(super) n_candidates: usize,
    /// Pool of a walk, before a filter widens it.
    pub(super) width: usize,
    /// Embeddings recomputed at once.
    pub(super) batch: usize,
    /// The most embeddings recomputed.
    pub(super) max_recomputes: usize,
    /// Recomputed vectors in memory.
    pub(super) n_cached: u64,
}

impl Situation {
    /// Pool of a walk: a filter that admits a tenth of the vectors makes it ten times as wide,
    /// since what it leaves out is met all the same.
    fn filtered_width(&self) -> f64 {
        let share = self.n_allowed as f64 / self.n_vectors.max(1) as f64;
        self.width as f64 / share.max(f64::MIN_POSITIVE)
    }
}

/// Prices the ways of searching, and takes the cheapest, or the one that is asked for.
pub(super) fn plan(
    asked: Strategy,
    situation: &Situation,
    work: &WorkModel,
    costs: &UnitCosts,
) -> VectorPlan {
    let mut estimates = vec![exact(situation, costs), scan(situation, work, costs)];
    if situation.n_nodes > 0 {
        estimates.push(graph(situation, work, costs));
        estimates.push(naive(situation, work, costs));
    }
    estimates.sort_by(|a, b| a.us.total_cmp(&b.us).then(a.strategy.cmp(&b.strategy)));
    let is_eligible = |strategy: Strategy| match strategy {
        Strategy::Exact | Strategy::Scan => true,
        Strategy::Graph => work.graph_recall >= RECALL_TARGET,
        Strategy::Naive | Strategy::Auto => false,
    };
    let cheapest = || estimates.iter().map(|estimate| estimate.strategy).find(|s| is_eligible(*s));
    let strategy = match asked {
        Strategy::Auto => cheapest().unwrap_or(Strategy::Scan),
        asked => asked,
    };
    VectorPlan { strategy, estimates }
}

fn exact(situation: &Situation, costs: &UnitCosts) -> Estimate {
    let n = situation.n_allowed as f64;
    priced(Strategy::Exact, [0.0, 0.0, 0.0, n], situation, costs)
}

fn scan(situation: &Situation, work: &WorkModel, costs: &UnitCosts) -> Estimate {
    let allowed = situation.n_allowed as f64;
    let refined = work.refined(situation.n_candidates as f64, allowed);
    let recomputed = recomputed(situation, work);
    priced(Strategy::Scan, [allowed, refined, 0.0, recomputed], situation, costs)
}

fn graph(situation: &Situation, work: &WorkModel, costs: &UnitCosts) -> Estimate {
    let tail = situation.n_vectors.saturating_sub(situation.n_nodes) as f64;
    let sampled = (situation.n_nodes as f64 / 2.0).min(MOST_SAMPLED);
    let mut counts = [tail + sampled, 0.0, 0.0, recomputed(situation, work)];
    counts[2] = work.visited(situation.filtered_width(), situation.n_nodes as f64);
    // A walk that has become as long as a scan ends, and the scan follows.
    let longest = situation.n_nodes as f64 / 16.0 + 32.0 * situation.width as f64;
    if counts[2] > longest {
        let allowed = situation.n_allowed as f64;
        counts[2] = longest;
        counts[0] += allowed;
        counts[1] += work.refined(situation.n_candidates as f64, allowed);
    }
    priced(Strategy::Graph, counts, situation, costs)
}

fn naive(situation: &Situation, work: &WorkModel, costs: &UnitCosts) -> Estimate {
    let tail = situation.n_vectors.saturating_sub(situation.n_nodes) as f64;
    let visited = work.visited(situation.filtered_width(), situation.n_nodes as f64);
    priced(Strategy::Naive, [0.0, 0.0, 0.0, tail + visited], situation, costs)
}

fn recomputed(situation: &Situation, work: &WorkModel) -> f64 {
    work.recomputed(
        situation.k as f64,
        situation.n_allowed as f64,
        situation.batch as f64,
        situation.max_recomputes as f64,
    )
}

fn priced(
    strategy: Strategy,
    [scanned, refined, visited, wanted]: [f64; 4],
    situation: &Situation,
    costs: &UnitCosts,
) -> Estimate {
    // Any vector is as likely in memory as any other: the least that a cache can be worth.
    let cached_share =
        (situation.n_cached as f64 / situation.n_vectors.max(1) as f64).clamp(0.0, 1.0);
    let cached = wanted * cached_share;
    let ns = cached * CACHED_NS
        + scanned * costs.scan_ns
        + refined * costs.refine_ns
        + visited * costs.visit_ns
        + (wanted - cached) * costs.recompute_ns;
    let counts = VectorCounts {
        scanned: scanned.round() as u64,
        refined: refined.round() as u64,
        visited: visited.round() as u64,
        recomputed: (wanted - cached).round() as u64,
        cached: cached.round() as u64,
    };
    Estimate { strategy, counts, us: ns / 1000.0 }
}

impl WorkModel {
    /// Fits the laws of scans to counts. Counts that say nothing leave a law as it is.
    pub(super) fn fit_scans(&mut self, samples: &[WorkSample], batch: usize, most: usize) {
        let (mut xy, mut xx) = (0.0, 0.0);
        for sample in samples {
            let (n, allowed) = (sample.n_candidates as f64, sample.n_allowed as f64);
            if allowed > n {
                let x = n * (allowed / n).ln();
                xy += x * (sample.refined - n);
                xx += x * x;
            }
        }
        if xx > 0.0 && xy > 0.0 {
            self.refine = xy / xx;
        }
        // Where the first batches are all there is, or the budget ends a search, or nearly all is
        // recomputed, counts show a bound and not the law.
        let telling: Vec<&WorkSample> = samples
            .iter()
            .filter(|sample| {
                sample.recomputed > (sample.k + batch) as f64 + 0.5
                    && sample.recomputed < 0.75 * most as f64
                    && sample.recomputed < 0.75 * sample.n_allowed as f64
            })
            .collect();
        let fits = CROWDINGS.iter().filter_map(|crowding| self.fit_recompute(*crowding, &telling));
        if let Some((_, fitted)) = fits.min_by(|a, b| a.0.total_cmp(&b.0)) {
            *self = fitted;
        }
    }

    /// The law of recomputations for one crowding, and its squared error in logarithms.
    fn fit_recompute(&self, crowding: f64, telling: &[&WorkSample]) -> Option<(f64, Self)> {
        let mut fitted = Self { crowding, ..*self };
        for _ in 0..FIT_ROUNDS {
            let points: Vec<(f64, f64)> = telling
                .iter()
                .map(|sample| {
                    let (k, allowed) = (sample.k as f64, sample.n_allowed as f64);
                    let abundant = fitted.recompute * k.powf(fitted.recompute_power);
                    let share = allowed / (allowed + crowding * abundant);
                    (k.ln(), sample.recomputed.ln() - 0.5 * share.ln())
                })
                .collect();
            let (intercept, slope) = line(&points)?;
            fitted.recompute = intercept.exp();
            fitted.recompute_power = slope.clamp(0.1, 1.5);
        }
        let error = telling
            .iter()
            .map(|sample| {
                let (k, allowed) = (sample.k as f64, sample.n_allowed as f64);
                let predicted = fitted.recomputed(k, allowed, 0.0, f64::INFINITY);
                (predicted.ln() - sample.recomputed.ln()).powi(2)
            })
            .sum();
        Some((error, fitted))
    }

    /// Fits the law of walks to pairs of width and codes compared, in a graph of `n_nodes`.
    pub(super) fn fit_walks(&mut self, counted: &[(f64, f64)], n_nodes: f64) {
        let points: Vec<(f64, f64)> = counted
            .iter()
            .filter(|(_, evaluated)| *evaluated < 0.75 * n_nodes)
            .map(|(width, evaluated)| (width.ln(), (evaluated / n_nodes.max(2.0).ln()).ln()))
            .collect();
        if let Some((intercept, slope)) = line(&points) {
            self.visit = intercept.exp();
            self.visit_power = slope.clamp(0.05, 2.0);
        }
    }
}

/// Crowdings tried.
const CROWDINGS: [f64; 9] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0];
/// Rounds of a fit whose correction depends on what is fitted; it settles in three or four.
const FIT_ROUNDS: usize = 8;

/// The least-squares line through points, as intercept and slope; `None` if they do not differ in
/// x.
fn line(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let n = points.len() as f64;
    let (sum_x, sum_y) = points.iter().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x, sum.1 + y));
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let (mut xy, mut xx) = (0.0, 0.0);
    for (x, y) in points {
        xy += (x - mean_x) * (y - mean_y);
        xx += (x - mean_x).powi(2);
    }
    (xx > 1e-9).then(|| (mean_y - xy / xx * mean_x, xy / xx))
}
