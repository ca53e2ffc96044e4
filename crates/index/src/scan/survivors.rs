//! The vectors that may still be among the best, while the scan goes on.

/// A vector whose bounds do not rule it out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Survivor {
    pub(super) upper: f32,
    pub(super) estimate: f32,
    /// Which segment of the snapshot.
    pub(super) part: u32,
    pub(super) position: u32,
}

/// Keeps every vector whose upper bound reaches the `n`-th greatest estimate.
///
/// What is kept at the end depends only on the bounds, not on the order or on when the
/// threshold was raised: a vector above the last threshold was above all before it.
#[derive(Debug)]
pub(super) struct Survivors {
    n: usize,
    kept: Vec<Survivor>,
    threshold: f32,
    /// Raise the threshold once this many are kept.
    limit: usize,
    estimates: Vec<f32>,
}

/// Below this many, raising the threshold costs more than it saves.
const SMALLEST_LIMIT: usize = 1_024;

impl Survivors {
    pub(super) fn new(n: usize) -> Self {
        let limit = n.saturating_mul(2).max(SMALLEST_LIMIT);
        Self { n, kept: Vec::new(), threshold: f32::NEG_INFINITY, limit, estimates: Vec::new() }
    }

    /// Vectors with an upper bound below this need not be pushed.
    pub(super) fn threshold(&self) -> f32 {
        self.threshold
    }

    pub(super) fn push(&mut self, survivor: Survivor) {
        self.kept.push(survivor);
        if self.kept.len() >= self.limit {
            self.raise();
            self.limit = (2 * self.kept.len()).max(SMALLEST_LIMIT);
        }
    }

    fn raise(&mut self) {
        if self.kept.len() <= self.n {
            return;
        }
        self.estimates.clear();
        self.estimates.extend(self.kept.iter().map(|survivor| survivor.estimate));
        let (_, nth, _) = self.estimates.select_nth_unstable_by(self.n - 1, |a, b| b.total_cmp(a));
        self.threshold = *nth;
        let threshold = self.threshold;
        self.kept.retain(|survivor| survivor.upper >= threshold);
    }

    /// The survivors in the order of the scan; of more than `most`, those of the greatest upper
    /// bounds.
    pub(super) fn finish(mut self, most: usize) -> Vec<Survivor> {
        self.raise();
        if self.kept.len() > most {
            let place = |survivor: &Survivor| (survivor.part, survivor.position);
            self.kept.select_nth_unstable_by(most, |a, b| {
                b.upper.total_cmp(&a.upper).then(place(a).cmp(&place(b)))
            });
            self.kept.truncate(most);
            self.kept.sort_unstable_by_key(place);
        }
        self.kept
    }
}
