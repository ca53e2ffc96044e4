//! A query in the form that codes are compared with.

use super::SCAN_EPSILON;
use crate::codes::{Encoded, Frame, ROW_FACTOR_BYTES, Shape, Tier, tangent_from_byte};
use crate::distance::{BlockTerms, Kernels, half_to_f32, secant_from_byte, tangent_above};
use crate::error::InputError;

/// Queries of a greater squared length are refused.
const LONGEST_SQUARED: f32 = 1e8;
/// The greatest table entry: two of them must fit a byte.
const GREATEST_ENTRY: usize = 127;
/// The rounding error of a factor kept as a half, in parts of it.
const HALF_ERROR: f32 = 1.0 / 4096.0;
/// The deviation of the rounding of a component kept in parts of 127: a step over √12.
const FINE_ERROR: f32 = 1.0 / (127.0 * 3.464_101_6);
/// What halves cannot express at all, in parts of the query's length.
const SMALLEST_ERROR: f32 = 1.0 / (1 << 20) as f32;
/// The part of the query's squared length that an estimate always leaves uncertain.
const SMALLEST_PART: f32 = 0.02;

/// A query ready to be compared with codes. Made by
/// [`Snapshot::prepare`](crate::Snapshot::prepare).
#[derive(Clone, Debug)]
pub struct PreparedQuery {
    vector: Vec<f32>,
    kernels: Kernels,
    /// The frame that the rest of the fields are for.
    frame: u64,
    /// Rotated, without the component along the axis.
    rest: Vec<f32>,
    /// The sum of its elements.
    rest_sum: f32,
    /// Its squared length.
    rest_squared: f32,
    /// The deviation of what the components along the axes contribute.
    rounding: f32,
    terms: BlockTerms,
    /// See [`Kernels::bound_block`].
    tables: Vec<u8>,
}

impl PreparedQuery {
    /// A query in a frame; without one, for an index without vectors.
    pub(crate) fn new(vector: &[f32], frame: Option<&Frame>) -> Result<Self, InputError> {
        check_query(vector)?;
        let mut query = Self {
            vector: vector.to_vec(),
            kernels: Kernels::best(),
            frame: 0,
            rest: Vec::new(),
            rest_sum: 0.0,
            rest_squared: 0.0,
            rounding: 0.0,
            terms: BlockTerms::default(),
            tables: Vec::new(),
        };
        if let Some(frame) = frame {
            query.enter(frame);
        }
        Ok(query)
    }

    fn enter(&mut self, frame: &Frame) {
        let kernels = Kernels::best();
        self.frame = frame.id();
        let mut along = frame.split(&self.vector, &mut self.rest);
        self.rest_squared = kernels.dot(&self.rest, &self.rest);
        self.rest_sum = kernels.masked_sum(&vec![0xff; self.rest.len() / 8], &self.rest);
        let fine_squared: f32 = along[1..].iter().map(|component| component * component).sum();
        self.rounding = FINE_ERROR * fine_squared.sqrt()
            + SMALLEST_ERROR * (self.rest_squared + along[0] * along[0] + fine_squared).sqrt();
        for component in &mut along[1..] {
            *component /= 127.0;
        }
        let dims = self.rest.len() as f32;
        let per_root = dims.sqrt().recip();
        let (tables, step, offset) = tables(&self.rest);
        self.tables = tables;
        self.terms = BlockTerms {
            along,
            step: step * per_root,
            offset: offset * per_root,
            slack: SCAN_EPSILON * (self.rest_squared / (dims - 1.0)).sqrt(),
            rounding: SCAN_EPSILON * self.rounding,
        };
    }

    /// The same query, compared by other kernels: with the same result, in another time.
    #[must_use]
    pub fn with_kernels(mut self, kernels: Kernels) -> Self {
        self.kernels = kernels;
        self
    }

    /// The query as it was given.
    pub fn vector(&self) -> &[f32] {
        &self.vector
    }

    /// The exact inner product with a vector.
    pub fn score(&self, vector: &[f32]) -> f32 {
        self.kernels.dot(&self.vector, vector)
    }

    pub(crate) fn kernels(&self) -> Kernels {
        self.kernels
    }

    pub(super) fn frame(&self) -> u64 {
        self.frame
    }

    pub(super) fn tables(&self) -> &[u8] {
        &self.tables
    }

    pub(super) fn terms(&self) -> &BlockTerms {
        &self.terms
    }

    /// The estimate of the inner product with the vector of a code, and its deviation.
    pub(crate) fn estimate(&self, code: &Encoded, shape: Shape) -> (f32, f32) {
        let length = half_to_f32(code.factors.length);
        let signs = self.kernels.masked_sum(&code.signs, &self.rest);
        let (inner, tangent) = match code.row.split_at_checked(ROW_FACTOR_BYTES) {
            Some((factors, planes)) if shape.tier != Tier::Small => {
                let bits = shape.tier.bits();
                let mut levels = signs * (1_u32 << (bits - 1)) as f32;
                for (plane, bytes) in (2..).zip(planes.chunks_exact(shape.plane_bytes())) {
                    let worth = (1_u32 << (bits - plane)) as f32;
                    levels += worth * self.kernels.masked_sum(bytes, &self.rest);
                }
                let middle = ((1_u32 << bits) - 1) as f32 / 2.0;
                let scale = half_to_f32(u16::from_le_bytes([factors[0], factors[1]]));
                (scale * (levels - middle * self.rest_sum), tangent_from_byte(factors[2]))
            }
            _ => {
                let secant = secant_from_byte(code.factors.secant);
                let scale = length * secant / (self.rest.len() as f32).sqrt();
                (scale * (2.0 * signs - self.rest_sum), tangent_above(code.factors.secant))
            }
        };
        let mut along = self.terms.along[0] * half_to_f32(code.factors.along);
        let along_error = HALF_ERROR * along;
        for (component, fine) in self.terms.along[1..].iter().zip(code.factors.fine) {
            along += component * f32::from(fine);
        }
        (along + inner, self.error(inner, along_error, length, tangent))
    }

    /// The deviation of an estimate whose part from the code is `inner`.
    fn error(&self, inner: f32, along_error: f32, length: f32, tangent: f32) -> f32 {
        // The part of the query that lies along the vector is not subject to the code's error.
        let aligned = inner / length.max(f32::MIN_POSITIVE);
        let apart_squared =
            (self.rest_squared - aligned * aligned).max(SMALLEST_PART * self.rest_squared);
        let off = length * tangent;
        let code_squared = apart_squared * off * off / (self.rest.len() as f32 - 1.0);
        let inner_error = HALF_ERROR * inner;
        let rounding_squared =
            along_error * along_error + inner_error * inner_error + self.rounding * self.rounding;
        (code_squared + rounding_squared).sqrt()
    }
}

/// For each nibble of a code of signs, what it adds to the inner product, as a whole number of
/// steps above the least it can add; the step; and the sum of the least.
fn tables(rest: &[f32]) -> (Vec<u8>, f32, f32) {
    let nibbles = rest.as_chunks::<4>().0;
    let taxicab = |values: &[f32; 4]| values.iter().map(|value| value.abs()).sum::<f32>();
    let widest = nibbles.iter().map(taxicab).fold(0.0, f32::max) * 2.0;
    // Sums of all entries are kept in 16 bits.
    let greatest = GREATEST_ENTRY.min(usize::from(u16::MAX) / nibbles.len().max(1)) as f32;
    let step = widest / greatest;
    let per_step = if step > 0.0 { step.recip() } else { 0.0 };
    let offset = -nibbles.iter().map(taxicab).sum::<f32>();
    let mut tables = vec![0; rest.len() * 8];
    for (at, values) in nibbles.iter().enumerate() {
        let (row, high) = (at / 2, at % 2);
        let start = row / 2 * 128 + high * 64 + row % 2 * 32;
        let least = -taxicab(values);
        for nibble in 0..16_usize {
            let signed =
                |bit: usize| if nibble >> bit & 1 == 1 { values[bit] } else { -values[bit] };
            let sum = (0..4).map(signed).sum::<f32>();
            let entry = ((sum - least) * per_step).round().min(greatest) as u8;
            tables[start + nibble] = entry;
            tables[start + 16 + nibble] = entry;
        }
    }
    (tables, step, offset)
}

/// Refuses queries with elements that are not finite, or so long that products would not be.
fn check_query(vector: &[f32]) -> Result<(), InputError> {
    if vector.iter().any(|value| !value.is_finite()) {
        return Err(InputError::NotFinite { position: 0 });
    }
    if Kernels::best().dot(vector, vector) > LONGEST_SQUARED {
        return Err(InputError::TooLong { position: 0 });
    }
    Ok(())
}
