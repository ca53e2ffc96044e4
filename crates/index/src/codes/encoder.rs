//! From a vector to its code.

use super::{Frame, Shape, Tier, tangent_to_byte};
use crate::distance::{FINE_AXES, Kernels, SECANT_UNKNOWN, half_from_f32};
use crate::error::InputError;

/// Vectors of a greater squared length are refused: components are kept as parts of 1. The
/// allowance is for rounding.
const LONGEST_SQUARED: f32 = 1.002;
/// A rest of less than this squared length is taken for zero, so that no factor is a quotient
/// of rounding errors. The bound of every estimate allows for it.
const SHORTEST_SQUARED: f32 = 1e-18;
/// Grid steps tried for a vector.
const STEPS: usize = 64;

/// Turns vectors into codes; keeps its buffers from one to the next.
#[derive(Debug)]
pub(crate) struct Encoder<'a> {
    frame: &'a Frame,
    shape: Shape,
    kernels: Kernels,
    rest: Vec<f32>,
    encoded: Encoded,
}

/// The code of one vector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Encoded {
    pub(crate) factors: Factors,
    /// Plane 1.
    pub(crate) signs: Vec<u8>,
    /// The scale of the full code as a half, its tangent as a byte, and its planes after the
    /// first; empty for codes of one bit.
    pub(crate) row: Vec<u8>,
}

/// The numbers that go with plane 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Factors {
    /// The length of the rest, a half.
    pub(crate) length: u16,
    /// The component along the first axis, a half.
    pub(crate) along: u16,
    /// The components along the other axes, in parts of 127.
    pub(crate) fine: [i8; FINE_AXES],
    /// The secant of the angle between the rest and its signs.
    pub(crate) secant: u8,
}

impl<'a> Encoder<'a> {
    pub(crate) fn new(frame: &'a Frame, shape: Shape) -> Self {
        let encoded = Encoded {
            factors: Factors::default(),
            signs: vec![0; shape.plane_bytes()],
            row: vec![0; shape.row_bytes()],
        };
        Self { frame, shape, kernels: Kernels::best(), rest: Vec::new(), encoded }
    }

    /// The code of `vector`, which has passed [`check_vectors`].
    pub(crate) fn encode(&mut self, vector: &[f32]) -> &Encoded {
        let along = self.frame.split(vector, &mut self.rest);
        let squared = self.kernels.dot(&self.rest, &self.rest);
        self.encoded.signs.fill(0);
        self.encoded.row.fill(0);
        let [first, fine @ ..] = along;
        self.encoded.factors = Factors {
            length: 0,
            along: half_from_f32(first),
            fine: fine.map(|component| (component * 127.0).round().clamp(-127.0, 127.0) as i8),
            secant: 0,
        };
        if squared < SHORTEST_SQUARED {
            return &self.encoded;
        }
        let mut taxicab = 0.0_f32;
        for (byte, values) in self.encoded.signs.iter_mut().zip(self.rest.as_chunks::<8>().0) {
            let mut eight = 0.0;
            for (bit, value) in values.iter().enumerate() {
                *byte |= u8::from(*value >= 0.0) << bit;
                eight += value.abs();
            }
            taxicab += eight;
        }
        let length = squared.sqrt();
        let secant = length * (self.rest.len() as f32).sqrt() / taxicab;
        self.encoded.factors.length = half_from_f32(length);
        self.encoded.factors.secant =
            ((secant - 1.0) * 128.0).round().clamp(0.0, f32::from(SECANT_UNKNOWN)) as u8;
        if self.shape.tier != Tier::Small {
            self.encode_row(squared);
        }
        &self.encoded
    }

    /// The planes after the first, on the grid whose step suits this vector best.
    fn encode_row(&mut self, squared: f32) {
        let bits = self.shape.tier.bits();
        // Levels of the magnitude: 0.5, 1.5 … `top` + 0.5.
        let top = (1_u32 << (bits - 1)) - 1;
        let per_step = best_step(&self.rest, squared, self.shape.tier).recip();
        let plane_bytes = self.shape.plane_bytes();
        let (head, planes) = self.encoded.row.split_at_mut(super::ROW_FACTOR_BYTES);
        let (mut inner, mut code_squared) = (0.0_f32, 0.0_f32);
        for (at, values) in self.rest.as_chunks::<8>().0.iter().enumerate() {
            for (bit, value) in values.iter().enumerate() {
                let magnitude = value.abs();
                let level = ((magnitude * per_step) as u32).min(top);
                let x = level as f32 + 0.5;
                inner += x * magnitude;
                code_squared += x * x;
                // Levels count from the lowest: the low bits of a negative one are complemented.
                let low = if *value >= 0.0 { level } else { top - level };
                for plane in 0..bits - 1 {
                    let set = (low >> (bits - 2 - plane) & 1) as u8;
                    planes[plane as usize * plane_bytes + at] |= set << bit;
                }
            }
        }
        let tangent = (code_squared * squared / (inner * inner) - 1.0).max(0.0).sqrt();
        head[..2].copy_from_slice(&half_from_f32(squared / inner).to_le_bytes());
        head[2] = tangent_to_byte(tangent);
    }
}

/// The grid step whose code has the smallest angle to `rest`.
///
/// Shrinking the step from infinity, element `i` climbs from level `j - 1` to level `j` as the
/// step falls below `|rest_i| / j`. Each such event is counted in one of [`STEPS`] bins of the
/// step, and one pass over the bins then has the inner product and the length of every code.
/// The objective is flat at its maximum: bins of 2 % lose nothing that could be measured.
fn best_step(rest: &[f32], squared: f32, tier: Tier) -> f32 {
    // The best step for a Gaussian of deviation 1, in the middle of the range searched.
    let (top, gaussian) = match tier {
        Tier::Small => return 1.0,
        Tier::Balanced => (1, 0.9957),
        Tier::Fast => (7, 0.3352),
    };
    let deviation = (squared / rest.len() as f32).sqrt();
    let smallest = 0.5 * gaussian * deviation;
    let width = 1.25 * gaussian * deviation / STEPS as f32;
    let per_width = width.recip();
    // The last bin is of steps beyond the range: these climbs happen in any case.
    let mut inner_gain = [0.0_f32; STEPS + 1];
    let mut squared_gain = [0.0_f32; STEPS + 1];
    let (mut inner, mut code_squared) = (0.0_f32, 0.25 * rest.len() as f32);
    for value in rest {
        let magnitude = value.abs();
        inner += 0.5 * magnitude;
        for level in 1..=top {
            let level = level as f32;
            let step = magnitude / level;
            if step < smallest {
                break;
            }
            let bin = (((step - smallest) * per_width) as usize).min(STEPS);
            inner_gain[bin] += magnitude;
            squared_gain[bin] += 2.0 * level;
        }
    }
    let (mut best, mut best_step) = (0.0_f32, smallest + width * STEPS as f32);
    for bin in (0..=STEPS).rev() {
        inner += inner_gain[bin];
        code_squared += squared_gain[bin];
        let cosine_squared = inner * inner / code_squared;
        if cosine_squared > best {
            best = cosine_squared;
            best_step = smallest + width * bin as f32;
        }
    }
    best_step
}

/// Refuses what has no code: elements that are not finite, and vectors longer than 1.
pub(crate) fn check_vectors(vectors: &[f32], dims: usize) -> Result<(), InputError> {
    let kernels = Kernels::best();
    for (position, vector) in vectors.chunks_exact(dims).enumerate() {
        let squared = kernels.dot(vector, vector);
        if squared <= LONGEST_SQUARED {
            continue;
        }
        return Err(if vector.iter().all(|value| value.is_finite()) {
            InputError::TooLong { position }
        } else {
            InputError::NotFinite { position }
        });
    }
    Ok(())
}
