//! What all codes of an index are relative to.

use super::rotation::{Rotation, SplitMix, mixed};
use crate::distance::{FINE_AXES, Kernels, half_from_f32, half_to_f32};

/// Axes of a frame: the mean, and the directions of the greatest variance. Each costs a byte
/// or two a vector, and is worth it while it holds more than about a fortieth of the variance.
pub(crate) const AXES: usize = 1 + FINE_AXES;
/// A mean shorter than this has no direction worth removing.
const SHORTEST_MEAN: f64 = 1e-3;
/// A direction of which less than this is left by the axes before it is not one.
const SHORTEST_AXIS: f64 = 1e-6;
/// Vectors looked at to find the directions of the greatest variance.
const SAMPLE: usize = 2_048;
/// Rounds of the search for them. Any axes will do; better ones make tighter bounds, and those
/// of twelve rounds hold as much variance as the true ones to a hundredth.
const ROUNDS: usize = 12;

/// The axes and the rotation that all codes of an index share: codes can be copied from segment
/// to segment because their frame is the same.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    dims: usize,
    /// Orthogonal vectors of length 1, or 0 where there are fewer; one after the other.
    axes: Vec<f32>,
    /// The numbers the axes were made from, as they are stored.
    stored: Vec<u16>,
    /// Number of vectors the axes were made from.
    n_sampled: u64,
    id: u64,
    rotation: Rotation,
}

impl Frame {
    /// The frame of a sample of vectors of `dims` elements each, one after the other.
    pub(crate) fn of(sample: &[f32], dims: usize, seed: u64) -> Self {
        let n_sampled = sample.len() / dims.max(1);
        let mut axes = mean_direction(sample, dims);
        axes.extend(directions_of_variance(sample, &axes, seed));
        let stored = axes.iter().map(|value| half_from_f32(*value)).collect();
        Self::new(dims, stored, n_sampled as u64, seed)
    }

    /// The frame of the axes that [`Frame::stored`] gave: halves, made orthogonal anew.
    pub(crate) fn new(dims: usize, stored: Vec<u16>, n_sampled: u64, seed: u64) -> Self {
        let rotation = Rotation::new(dims.next_multiple_of(64), seed);
        let mut axes: Vec<f32> = stored.iter().map(|half| half_to_f32(*half)).collect();
        axes.resize(AXES * dims, 0.0);
        orthonormalise(&mut axes, dims);
        let id = stored.iter().fold(mixed(seed ^ dims as u64), |id, half| {
            mixed(id.rotate_left(5) ^ u64::from(*half))
        });
        Self { dims, axes, stored, n_sampled, id, rotation }
    }

    pub(crate) fn dims(&self) -> usize {
        self.dims
    }

    /// The axes, one after the other, as halves.
    pub(crate) fn stored(&self) -> &[u16] {
        &self.stored
    }

    pub(crate) fn n_sampled(&self) -> u64 {
        self.n_sampled
    }

    /// A digest of the axes and the seed: frames of one id make the same codes.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Writes the rest of `vector`, rotated and padded, to `rest`, and returns the components
    /// along the axes.
    pub(crate) fn split(&self, vector: &[f32], rest: &mut Vec<f32>) -> [f32; AXES] {
        let kernels = Kernels::best();
        rest.clear();
        rest.extend_from_slice(vector);
        let mut along = [0.0; AXES];
        for (along, axis) in along.iter_mut().zip(self.axes.chunks_exact(self.dims)) {
            *along = kernels.dot(vector, axis);
            for (rest, axis) in rest.iter_mut().zip(axis) {
                *rest -= *along * axis;
            }
        }
        rest.resize(self.dims.next_multiple_of(64), 0.0);
        self.rotation.apply(rest);
        along
    }
}

/// The direction of the mean; zero if there is none.
fn mean_direction(sample: &[f32], dims: usize) -> Vec<f32> {
    let mut sum = vec![0.0_f64; dims];
    for vector in sample.chunks_exact(dims) {
        for (sum, value) in sum.iter_mut().zip(vector) {
            *sum += f64::from(*value);
        }
    }
    let length = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
    let shortest = SHORTEST_MEAN * (sample.len() / dims.max(1)) as f64;
    let scale = if length > shortest { length.recip() } else { 0.0 };
    sum.iter().map(|value| (value * scale) as f32).collect()
}

/// Directions at right angles to `first` and to each other along which the sample varies most,
/// by orthogonal iteration.
fn directions_of_variance(sample: &[f32], first: &[f32], seed: u64) -> Vec<f32> {
    let dims = first.len();
    let kernels = Kernels::best();
    let n_vectors = sample.len() / dims;
    let stride = n_vectors.div_ceil(SAMPLE).max(1);
    let mut random = SplitMix(mixed(seed));
    let mut axes = first.to_vec();
    axes.extend((0..FINE_AXES * dims).map(|_| (random.next() >> 40) as f32 / 8_388_608.0 - 1.0));
    orthonormalise(&mut axes, dims);
    for _ in 0..ROUNDS {
        let mut next = vec![0.0_f32; FINE_AXES * dims];
        for vector in sample.chunks_exact(dims).step_by(stride) {
            let fine = axes[dims..].chunks_exact(dims);
            for (axis, next) in fine.zip(next.chunks_exact_mut(dims)) {
                let along = kernels.dot(vector, axis);
                for (next, value) in next.iter_mut().zip(vector) {
                    *next += along * value;
                }
            }
        }
        axes[dims..].copy_from_slice(&next);
        orthonormalise(&mut axes, dims);
    }
    axes.split_off(dims)
}

/// Takes from each axis what lies along those before it and gives it length 1 (Gram-Schmidt,
/// twice over, in double precision); an axis of which nothing is left becomes 0.
fn orthonormalise(axes: &mut [f32], dims: usize) {
    let mut done: Vec<Vec<f64>> = Vec::new();
    for axis in axes.chunks_exact_mut(dims) {
        let mut precise: Vec<f64> = axis.iter().map(|value| f64::from(*value)).collect();
        let before = length(&precise);
        for earlier in done.iter().chain(&done) {
            let along: f64 = precise.iter().zip(earlier).map(|(a, b)| a * b).sum();
            for (value, earlier) in precise.iter_mut().zip(earlier) {
                *value -= along * earlier;
            }
        }
        let left = length(&precise);
        let scale = if left > SHORTEST_AXIS * before { left.recip() } else { 0.0 };
        for (value, axis) in precise.iter_mut().zip(axis) {
            *value *= scale;
            *axis = *value as f32;
        }
        done.push(precise);
    }
}

fn length(vector: &[f64]) -> f64 {
    vector.iter().map(|value| value * value).sum::<f64>().sqrt()
}
