//! The kernels in plain Rust: the definition of every result, and the code of processors
//! without a faster one.
//!
//! Each fixes the order of its additions (so many lanes, then a tree), and none fuses a
//! multiplication with an addition, so that a vector instruction set can give the same bits.

use super::{
    BLOCK, BlockBounds, BlockFactors, BlockTerms, DOT_LANES, FINE_AXES, SUM_LANES, half_to_f32,
    secant_from_byte, tangent_above,
};

/// The inner product, in [`DOT_LANES`] lanes: element `i` is added to lane `i % DOT_LANES`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "must be compiled anew inside each instruction set")]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; DOT_LANES];
    let (a_chunks, a_rest) = a.as_chunks::<DOT_LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<DOT_LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..DOT_LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    for (lane, (a, b)) in lanes.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *lane += a * b;
    }
    tree(&mut lanes)
}

/// Adds the upper half of the lanes to the lower half until one is left.
#[inline(always)]
#[expect(clippy::inline_always, reason = "must be compiled anew inside each instruction set")]
pub(super) fn tree(lanes: &mut [f32]) -> f32 {
    let mut width = lanes.len();
    while width > 1 {
        width /= 2;
        let (low, high) = lanes.split_at_mut(width);
        for (low, high) in low.iter_mut().zip(high) {
            *low += *high;
        }
    }
    lanes[0]
}

/// Sums the elements of `values` whose bit is set, in [`SUM_LANES`] lanes.
pub(super) fn masked_sum(bits: &[u8], values: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; SUM_LANES];
    for (bits, values) in bits.as_chunks::<2>().0.iter().zip(values.as_chunks::<SUM_LANES>().0) {
        let mask = u16::from_le_bytes(*bits);
        for lane in 0..SUM_LANES {
            let keep = u32::from(mask & 1 << lane != 0).wrapping_neg();
            lanes[lane] += f32::from_bits(values[lane].to_bits() & keep);
        }
    }
    tree(&mut lanes)
}

/// Adds, for each vector of a block, the table entry of every nibble of its code.
pub(super) fn block_sums(codes: &[u8], tables: &[u8], sums: &mut [u16; BLOCK]) {
    *sums = [0; BLOCK];
    for (pair, tables) in
        codes.as_chunks::<{ 2 * BLOCK }>().0.iter().zip(tables.as_chunks::<128>().0)
    {
        for (row, codes) in pair.as_chunks::<BLOCK>().0.iter().enumerate() {
            let low = &tables[32 * row..32 * row + 16];
            let high = &tables[64 + 32 * row..64 + 32 * row + 16];
            for (sum, code) in sums.iter_mut().zip(codes) {
                let entry = u16::from(low[usize::from(code & 15)])
                    + u16::from(high[usize::from(code >> 4)]);
                *sum = sum.wrapping_add(entry);
            }
        }
    }
}

/// Turns the sums and factors of a block into bounds of the inner products.
#[inline(always)]
#[expect(clippy::inline_always, reason = "must be compiled anew inside each instruction set")]
pub(super) fn bounds(
    sums: &[u16; BLOCK],
    factors: &BlockFactors<'_>,
    terms: &BlockTerms,
    out: &mut BlockBounds,
) {
    let mut upper = [0.0_f32; BLOCK];
    let mut estimates = [0.0_f32; BLOCK];
    for v in 0..BLOCK {
        let length = half_to_f32(u16::from_le_bytes(factors.lengths[v]));
        let mut estimate = terms.along[0] * half_to_f32(u16::from_le_bytes(factors.alongs[v]));
        for axis in 0..FINE_AXES {
            estimate += terms.along[1 + axis] * f32::from(factors.fine[axis][v].cast_signed());
        }
        let secant = secant_from_byte(factors.secants[v]);
        let inner = f32::from(sums[v]) * terms.step + terms.offset;
        estimate += length * secant * inner;
        let slack = terms.slack * (length * tangent_above(factors.secants[v])) + terms.rounding;
        upper[v] = estimate + slack;
        estimates[v] = estimate;
    }
    out.upper = upper;
    out.estimates = estimates;
}

/// The set of lanes whose value is at least `threshold`; NaN never is.
pub(super) fn at_least(values: &[f32; BLOCK], threshold: f32) -> u32 {
    let mut mask = 0;
    for (lane, value) in values.iter().enumerate() {
        mask |= u32::from(*value >= threshold) << lane;
    }
    mask
}

/// The inner product of the levels of two codes, whose `BITS` planes stand one after the other,
/// the highest first.
#[inline(always)]
#[expect(clippy::inline_always, reason = "must be compiled anew inside each instruction set")]
pub(super) fn level_product<const BITS: usize>(a: &[u64], b: &[u64]) -> u32 {
    let plane = a.len() / BITS;
    let mut product = 0;
    for (p, a) in a.chunks_exact(plane.max(1)).take(BITS).enumerate() {
        for (q, b) in b.chunks_exact(plane.max(1)).take(BITS).enumerate() {
            let common: u32 = a.iter().zip(b).map(|(a, b)| (a & b).count_ones()).sum();
            product += common << (2 * (BITS - 1) - p - q);
        }
    }
    product
}
