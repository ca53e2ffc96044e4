//! Codes: a few bits a dimension from which inner products can be estimated, with a bound.
//!
//! A vector is cut in two: its components along the few axes of the frame (the direction of the
//! mean, and the directions of the greatest variance), which are stored as numbers, and the
//! rest, which is rotated at random and rounded to a grid of 2, 4 or 16 levels a dimension
//! (extended RaBitQ). Removing the axes is centring taken further: what vectors have in common
//! is taken from the vector *and* from the query, and the error of an estimate is proportional
//! to the product of what remains of both.
//!
//! The grid's step is chosen for each vector so that the angle between the vector and its code
//! is the smallest. With `r` the rotated rest and `x` its code, `r` is estimated by
//! `F x`, `F = |r|² / <x, r>`; the estimate is unbiased over rotations, and `F x - r` is
//! orthogonal to `r`, so that
//!
//! ```text
//! <q, r> - F <q, x>  has deviation  |q without its part along r| · |r| · tan(x, r) / √(d - 1).
//! ```
//!
//! Levels are numbered from the lowest and stored as bit planes, highest bit first: plane 1
//! holds the signs, and is a code in its own right with its own `F`.

mod encoder;
mod frame;
mod rotation;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use encoder::{Encoded, Encoder, Factors, check_vectors};
pub(crate) use frame::{AXES, Frame};
pub(crate) use rotation::SplitMix;

use crate::distance::{BLOCK, BLOCK_FACTOR_BYTES};

/// How many bits a dimension are kept: size against vectors to recompute.
///
/// | tier | bits | bytes a vector at 256 dimensions | at 384 |
/// |---|---|---|---|
/// | `Small` | 1 | 40 | 56 |
/// | `Balanced` | 2 | 75 | 107 |
/// | `Fast` | 4 | 139 | 203 |
///
/// The bytes are those of a large index; its manifest adds eight a dimension in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// One bit: the least space; about four times as many vectors to recompute.
    Small,
    /// Two bits.
    #[default]
    Balanced,
    /// Four bits: estimates good enough to do without recomputing where some error is allowed.
    Fast,
}

impl Tier {
    /// Bits a dimension.
    pub fn bits(self) -> u32 {
        match self {
            Self::Small => 1,
            Self::Balanced => 2,
            Self::Fast => 4,
        }
    }

    pub(crate) fn from_bits(bits: u32) -> Option<Self> {
        [Self::Small, Self::Balanced, Self::Fast].into_iter().find(|tier| tier.bits() == bits)
    }
}

/// The sizes that follow from the dimensions and the tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) dims: usize,
    pub(crate) tier: Tier,
}

impl Shape {
    /// Dimensions of codes: those of vectors, padded to a multiple of 64.
    pub(crate) fn padded(self) -> usize {
        self.dims.next_multiple_of(64)
    }

    /// Bytes of one plane of a vector.
    pub(crate) fn plane_bytes(self) -> usize {
        self.padded() / 8
    }

    /// Bytes of a block: plane 1 and the factors of 32 vectors.
    pub(crate) fn block_bytes(self) -> usize {
        self.plane_bytes() * BLOCK + BLOCK_FACTOR_BYTES
    }

    /// Bytes of a row: the factors of the full code and its planes after the first.
    pub(crate) fn row_bytes(self) -> usize {
        match self.tier.bits() as usize {
            1 => 0,
            bits => ROW_FACTOR_BYTES + (bits - 1) * self.plane_bytes(),
        }
    }
}

/// Bytes of the factors at the head of a row: the scale, a half, and the tangent.
pub(crate) const ROW_FACTOR_BYTES: usize = 3;

/// A tangent in one byte, rounded up: `t / (1 + t)` in steps of 1/255.
pub(crate) fn tangent_to_byte(tangent: f32) -> u8 {
    (tangent / (1.0 + tangent) * 255.0).ceil().clamp(0.0, 254.0) as u8
}

/// The tangent that a byte stands for.
pub(crate) fn tangent_from_byte(byte: u8) -> f32 {
    let part = f32::from(byte.min(254)) / 255.0;
    part / (1.0 - part)
}
