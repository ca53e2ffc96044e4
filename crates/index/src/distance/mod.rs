//! Inner products: of vectors, and of a query with the codes of many vectors at once.
//!
//! [`Kernels`] is the safe door: it checks lengths and calls the fastest instruction set that
//! this processor has, detected once per process. All instruction sets give the same bits, since
//! the order of additions is fixed by the scalar definitions: an index answers alike on
//! every machine. On processors other than x86-64 the scalar kernels are used, in a form that
//! compilers turn into vector instructions for the most part.

use std::sync::OnceLock;

mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests;

/// Vectors whose first plane is stored, and compared with a query, together.
pub(crate) const BLOCK: usize = 32;
/// Lanes of the inner product of two vectors of floats.
const DOT_LANES: usize = 32;
/// Lanes of the sum of chosen elements.
const SUM_LANES: usize = 16;
/// Axes of a frame after the first, along which vectors are known to one part in 127.
pub(crate) const FINE_AXES: usize = 3;
/// Bytes of the factors that follow the codes of a block: eight a vector.
pub(crate) const BLOCK_FACTOR_BYTES: usize = BLOCK * (5 + FINE_AXES);

/// What a query contributes to the bounds of every vector.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BlockTerms {
    /// The query's components along the frame's axes, those after the first over 127.
    pub(crate) along: [f32; 1 + FINE_AXES],
    /// What one unit of a table sum is worth, over the root of the dimensions.
    pub(crate) step: f32,
    /// What a table sum of zero is worth, over the root of the dimensions.
    pub(crate) offset: f32,
    /// Half the width of the bound of a rest of length 1 and tangent 1.
    pub(crate) slack: f32,
    /// Half the width of the bound of the components along the axes.
    pub(crate) rounding: f32,
}

/// A query as blocks are compared with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockQuery<'a> {
    /// See [`Kernels::bound_block`].
    pub(crate) tables: &'a [u8],
    pub(crate) terms: &'a BlockTerms,
}

/// The factors of the vectors of a block, as they are stored.
#[derive(Debug)]
pub(crate) struct BlockFactors<'a> {
    /// Lengths of the rests, halves.
    pub(crate) lengths: &'a [[u8; 2]; BLOCK],
    /// Components along the first axis, halves.
    pub(crate) alongs: &'a [[u8; 2]; BLOCK],
    /// Components along the other axes, in parts of 127.
    pub(crate) fine: &'a [[u8; BLOCK]; FINE_AXES],
    /// Secants of the angles between the rests and their signs.
    pub(crate) secants: &'a [u8; BLOCK],
}

impl<'a> BlockFactors<'a> {
    /// The codes of a block, and its factors; `None` if it is too short to have any.
    pub(crate) fn split(block: &'a [u8]) -> Option<(&'a [u8], Self)> {
        let (codes, factors) = block.split_last_chunk::<BLOCK_FACTOR_BYTES>()?;
        let (lengths, rest) = factors.split_first_chunk::<{ 2 * BLOCK }>()?;
        let (alongs, rest) = rest.split_first_chunk::<{ 2 * BLOCK }>()?;
        let (fine, secants) = rest.split_last_chunk::<BLOCK>()?;
        Some((
            codes,
            Self {
                lengths: lengths.as_chunks().0.try_into().ok()?,
                alongs: alongs.as_chunks().0.try_into().ok()?,
                fine: fine.as_chunks().0.try_into().ok()?,
                secants,
            },
        ))
    }
}

/// A secant beyond what a byte can say. Such a code tells nothing of its vector; only a vector
/// made to fit the seed of the rotation has one.
pub(crate) const SECANT_UNKNOWN: u8 = u8::MAX;
/// The tangent that stands for one that is not known: of the worst code there can be.
const TANGENT_UNKNOWN: f32 = 64.0;

/// The secant that a byte stands for: 1 to 3, in steps of 1/128.
#[inline(always)]
#[expect(clippy::inline_always, reason = "must be compiled anew inside each instruction set")]
pub(crate) fn secant_from_byte(byte: u8) -> f32 {
    1.0 + f32::from(byte) * (1.0 / 128.0)
}

/// A number not below the tangent that belongs to the secant of a byte.
///
/// The straight line that touches the curve `√(s² - 1)` where the codes of random directions
/// are, at a secant of √(π/2); there it is the tangent to half a percent, and nowhere below it.
#[inline(always)]
pub(crate) fn tangent_above(byte: u8) -> f32 {
    const SLOPE: f32 = 1.658_896;
    const AT_ZERO: f32 = -1.323_602;
    let tangent = AT_ZERO + SLOPE * secant_from_byte(byte);
    if byte == SECANT_UNKNOWN { TANGENT_UNKNOWN } else { tangent }
}

/// Estimates of the inner products of a query with the vectors of a block, and upper bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockBounds {
    pub(crate) upper: [f32; BLOCK],
    pub(crate) estimates: [f32; BLOCK],
}

impl BlockBounds {
    pub(crate) const EMPTY: Self = Self { upper: [0.0; BLOCK], estimates: [0.0; BLOCK] };
}

/// One implementation of the inner products; all give the same results to the last bit.
///
/// A small value to copy and share. [`Kernels::best`] is what everything uses unless told
/// otherwise; the others are for tests and measurements.
///
/// # Examples
///
/// ```
/// use ragged_index::Kernels;
///
/// for kernels in Kernels::available() {
///     assert_eq!(kernels.dot(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), 10.0);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernels(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(x86::Avx512),
}

impl Kernels {
    /// Plain Rust, on every processor.
    pub const SCALAR: Self = Self(Set::Scalar);

    /// The fastest that this processor has. Detected at the first call, then a load.
    pub fn best() -> Self {
        static BEST: OnceLock<Kernels> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().pop().unwrap_or(Self::SCALAR))
    }

    /// All that this processor has, slowest first; never empty.
    pub fn available() -> Vec<Self> {
        let mut available = vec![Self::SCALAR];
        #[cfg(target_arch = "x86_64")]
        {
            available.extend(x86::Avx2::detect().map(|set| Self(Set::Avx2(set))));
            available.extend(x86::Avx512::detect().map(|set| Self(Set::Avx512(set))));
        }
        available
    }

    /// The name of the instruction set: `scalar`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Set::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(_) => "avx512",
        }
    }

    /// The inner product of two vectors of one length; of the common part, if lengths differ.
    ///
    /// Not a number where an element is not; 0 for empty vectors. O(length), no allocation.
    pub fn dot(self, a: &[f32], b: &[f32]) -> f32 {
        let length = a.len().min(b.len());
        let (a, b) = (&a[..length], &b[..length]);
        match self.0 {
            Set::Scalar => scalar::dot(a, b),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(set) => set.dot(a, b),
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(set) => set.dot(a, b),
        }
    }

    /// Puts into `out` the sum of `rows`, each times its scale: how a text's vector is made from
    /// a table of token vectors in signed bytes. Rows are added in their order; rows are as long as
    /// `out`. O(rows · length), no allocation.
    ///
    /// # Examples
    ///
    /// ```
    /// use ragged_index::Kernels;
    ///
    /// let mut sum = [0.0; 2];
    /// Kernels::best().scaled_sum(&[(0.5, &[4, 255]), (2.0, &[1, 3])], &mut sum);
    /// assert_eq!(sum, [4.0, 5.5]);
    /// ```
    pub fn scaled_sum(self, rows: &[(f32, &[u8])], out: &mut [f32]) {
        debug_assert!(rows.iter().all(|(_, row)| row.len() == out.len()));
        match self.0 {
            Set::Scalar => scalar::scaled_sum::<32>(rows, out),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(set) => set.scaled_sum(rows, out),
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(set) => set.scaled_sum(rows, out),
        }
    }

    /// The sum of those `values` whose bit in `bits` is set. Bits are counted from the least
    /// significant of the first byte; `values` has a multiple of 16 elements.
    pub(crate) fn masked_sum(self, bits: &[u8], values: &[f32]) -> f32 {
        debug_assert_eq!(bits.len() * 8, values.len());
        match self.0 {
            Set::Scalar => scalar::masked_sum(bits, values),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(set) => set.masked_sum(bits, values),
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(set) => set.masked_sum(bits, values),
        }
    }

    /// Bounds of the inner products of a query, given as `tables` and `terms`, with the vectors
    /// of a block: byte `j` of the code of vector `v` is byte `32 j + v` of `codes`.
    ///
    /// `tables` holds 64 bytes for each byte of a code, in the order that two rows of a block
    /// take in one register: for an even and an odd row, the table of their low nibbles (each
    /// twice), then the table of their high ones (each twice).
    pub(crate) fn bound_block(
        self,
        codes: &[u8],
        factors: &BlockFactors<'_>,
        tables: &[u8],
        terms: &BlockTerms,
        out: &mut BlockBounds,
    ) {
        debug_assert_eq!(codes.len() * 2, tables.len());
        match self.0 {
            Set::Scalar => {
                let mut sums = [0; BLOCK];
                scalar::block_sums(codes, tables, &mut sums);
                scalar::bounds(&sums, factors, terms, out);
            }
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(set) => set.bound_block(codes, factors, tables, terms, out),
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(set) => set.bound_block(codes, factors, tables, terms, out),
        }
    }

    /// As [`Kernels::bound_block`] for each of several queries, with the same bits: the codes and
    /// the factors of the block are taken apart once for all of them. `out` is as long as
    /// `queries`.
    pub(crate) fn bound_block_each(
        self,
        codes: &[u8],
        factors: &BlockFactors<'_>,
        queries: &[BlockQuery<'_>],
        out: &mut [BlockBounds],
    ) {
        debug_assert_eq!(queries.len(), out.len());
        debug_assert!(queries.iter().all(|query| codes.len() * 2 == query.tables.len()));
        match self.0 {
            Set::Scalar => {
                let lanes = scalar::BlockLanes::of(factors);
                let mut sums = [0; BLOCK];
                for (query, out) in queries.iter().zip(out) {
                    scalar::block_sums(codes, query.tables, &mut sums);
                    lanes.bounds(&sums, query.terms, out);
                }
            }
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(set) => set.bound_block_each(codes, factors, queries, out),
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(set) => set.bound_block_each(codes, factors, queries, out),
        }
    }

    /// The set of lanes whose value is at least `threshold`, lane 0 in the lowest bit.
    pub(crate) fn at_least(self, values: &[f32; BLOCK], threshold: f32) -> u32 {
        match self.0 {
            Set::Scalar => scalar::at_least(values, threshold),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(set) => set.at_least(values, threshold),
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(set) => set.at_least(values, threshold),
        }
    }
}

/// The value of an IEEE half, with the codes of infinity and NaN read as large numbers, so that
/// no stored byte can make a bound that is not a number.
#[inline(always)]
pub(crate) fn half_to_f32(half: u16) -> f32 {
    // The exponent of a half counts from 2^-15, that of a float from 2^-127.
    const REBASE: f32 = f32::from_bits((127 + 112) << 23);
    let magnitude = f32::from_bits(u32::from(half & 0x7fff) << 13) * REBASE;
    f32::from_bits(magnitude.to_bits() | u32::from(half & 0x8000) << 16)
}

/// The half nearest to `value`, ties to even; the largest half where `value` exceeds it.
pub(crate) fn half_from_f32(value: f32) -> u16 {
    const LARGEST: f32 = 65_504.0;
    const SMALLEST_NORMAL: f32 = 6.103_515_6e-5;
    let sign = (value.to_bits() >> 16 & 0x8000) as u16;
    let magnitude = value.abs().min(LARGEST);
    if magnitude < SMALLEST_NORMAL {
        // A subnormal half is a multiple of 2^-24; adding 0.5 lets the float unit round to it.
        let rounded = (magnitude + 0.5).to_bits() - 0.5_f32.to_bits();
        return sign | rounded as u16;
    }
    let bits = magnitude.to_bits();
    let rounded = (bits + 0x0fff + (bits >> 13 & 1)) - (112 << 23);
    sign | (rounded >> 13) as u16
}

impl Kernels {
    /// The inner product of the levels of two codes of `bits` (1, 2 or 4) a dimension, given as
    /// their planes, the highest first, one after the other; 0 for other numbers of bits.
    pub(crate) fn level_product(self, a: &[u64], b: &[u64], bits: u32) -> u32 {
        let length = a.len().min(b.len());
        let (a, b) = (&a[..length], &b[..length]);
        match self.0 {
            Set::Scalar => match bits {
                1 => scalar::level_product::<1>(a, b),
                2 => scalar::level_product::<2>(a, b),
                4 => scalar::level_product::<4>(a, b),
                _ => 0,
            },
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(set) => set.level_product(a, b, bits),
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(set) => set.level_product(a, b, bits),
        }
    }
}
