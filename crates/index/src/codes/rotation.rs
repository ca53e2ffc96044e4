//! A random rotation that takes O(d log d) and no storage but its seed.

/// A rotation of vectors of one length, a multiple of 64.
///
/// Rounds of random sign flips and Walsh-Hadamard transforms. Where the length is not a power
/// of two, each transform covers the largest power of two at the front or, in turn, at the
/// back, and is followed by a step that mixes the two halves (Kac's walk).
#[derive(Clone, Debug)]
pub(super) struct Rotation {
    length: usize,
    /// One sign a dimension a round.
    signs: Vec<f32>,
    /// What undoes the growth of the unscaled transforms of all rounds.
    scale: f32,
}

impl Rotation {
    pub(super) fn new(length: usize, seed: u64) -> Self {
        debug_assert_eq!(length % 64, 0);
        let n_rounds = if length.is_power_of_two() { 3 } else { 4 };
        let mut random = SplitMix(seed);
        let mut signs = Vec::with_capacity(n_rounds * length);
        while signs.len() < n_rounds * length {
            let word = random.next();
            signs.extend((0..64).map(|bit| if word >> bit & 1 == 1 { 1.0 } else { -1.0 }));
        }
        // A transform of n elements multiplies lengths by √n. The mixing step multiplies them
        // by √2, and where a transform covers only a part, that step cannot be scaled apart from
        // it: there the transform itself is scaled instead, see `apply`.
        let scale = if length.is_power_of_two() {
            1.0 / (length as f32 * (length as f32).sqrt())
        } else {
            0.25
        };
        Self { length, signs, scale }
    }

    pub(super) fn apply(&self, vector: &mut [f32]) {
        debug_assert_eq!(vector.len(), self.length);
        let covered = 1 << self.length.max(1).ilog2();
        for (round, signs) in self.signs.chunks_exact(self.length).enumerate() {
            for (value, sign) in vector.iter_mut().zip(signs) {
                *value *= sign;
            }
            if covered == self.length {
                transform(vector);
                continue;
            }
            let part = if round % 2 == 0 {
                &mut vector[..covered]
            } else {
                &mut vector[self.length - covered..]
            };
            transform(part);
            let scale = (covered as f32).sqrt().recip();
            for value in part {
                *value *= scale;
            }
            let (low, high) = vector.split_at_mut(self.length / 2);
            butterfly(low, high);
        }
        for value in vector {
            *value *= self.scale;
        }
    }
}

/// The Walsh-Hadamard transform, not scaled. The length is a power of two.
fn transform(values: &mut [f32]) {
    let mut half = 1;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            butterfly(low, high);
        }
        half *= 2;
    }
}

/// Replaces each pair by its sum and its difference.
fn butterfly(low: &mut [f32], high: &mut [f32]) {
    for (low, high) in low.iter_mut().zip(high) {
        (*low, *high) = (*low + *high, *low - *high);
    }
}

/// Steele, Lea and Flood's generator: small, and the same everywhere.
#[derive(Clone, Debug)]
pub(crate) struct SplitMix(pub(crate) u64);

impl SplitMix {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }
}

/// A number whose every bit depends on every bit of `word`.
pub(super) fn mixed(mut word: u64) -> u64 {
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}
