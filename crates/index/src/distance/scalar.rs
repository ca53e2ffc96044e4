//! The kernels in plain Rust: the definition of every result, and the code of processors
//! without a faster one.
//!
//! Each fixes the order of its additions (so many lanes, then a tree), and none fuses a
//! multiplication with an addition, so that a vector instruction set can give the same bits.

use std::array;

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

/// Adds rows of signed bytes, each times its scale: for each element by itself, in the order of
/// the rows, so that the number of `LANES` taken at a time does not matter.
#[inline(always)]
#[expect(clippy::inline_always, reason = "must be compiled anew inside each instruction set")]
pub(super) fn scaled_sum<const LANES: usize>(rows: &[(f32, &[u8])], out: &mut [f32]) {
    let (blocks, rest) = out.as_chunks_mut::<LANES>();
    let start_of_rest = blocks.len() * LANES;
    for (at, block) in blocks.iter_mut().enumerate() {
        let mut lanes = [0.0_f32; LANES];
        for (scale, row) in rows {
            let Some(cells) = row.get(at * LANES..).and_then(<[u8]>::first_chunk::<LANES>) else {
                continue;
            };
            for (lane, cell) in lanes.iter_mut().zip(cells) {
                *lane += f32::from(cell.cast_signed()) * scale;
            }
        }
        *block = lanes;
    }
    rest.fill(0.0);
    for (scale, row) in rows {
        for (sum, cell) in rest.iter_mut().zip(row.get(start_of_rest..).unwrap_or_default()) {
            *sum += f32::from(cell.cast_signed()) * scale;
        }
    }
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

/// What the factors of a vector say, whatever the query.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaneFactors {
    /// The component along the first axis.
    along: f32,
    /// Those along the other axes, in parts of 127.
    fine: [f32; FINE_AXES],
    /// Length times secant.
    stretch: f32,
    /// Length times tangent.
    off: f32,
}

impl LaneFactors {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "must be compiled anew inside each instruction set")]
    fn of(factors: &BlockFactors<'_>, v: usize) -> Self {
        let length = half_to_f32(u16::from_le_bytes(factors.lengths[v]));
        Self {
            along: half_to_f32(u16::from_le_bytes(factors.alongs[v])),
            fine: array::from_fn(|axis| f32::from(factors.fine[axis][v].cast_signed())),
            stretch: length * secant_from_byte(factors.secants[v]),
            off: length * tangent_above(factors.secants[v]),
        }
    }

    /// The estimate and the upper bound for a query and a table sum.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "must be compiled anew inside each instruction set")]
    fn bound(self, sum: u16, terms: &BlockTerms) -> (f32, f32) {
        let mut estimate = terms.along[0] * self.along;
        for axis in 0..FINE_AXES {
            estimate += terms.along[1 + axis] * self.fine[axis];
        }
        let inner = f32::from(sum) * terms.step + terms.offset;
        estimate += self.stretch * inner;
        let slack = terms.slack * self.off + terms.rounding;
        (estimate, estimate + slack)
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
        (estimates[v], upper[v]) = LaneFactors::of(factors, v).bound(sums[v], terms);
    }
    out.upper = upper;
    out.estimates = estimates;
}

/// The factors of a block as numbers, for more than one query: one row a factor.
#[derive(Debug)]
pub(super) struct BlockLanes {
    alongs: [f32; BLOCK],
    fine: [[f32; BLOCK]; FINE_AXES],
    stretches: [f32; BLOCK],
    offs: [f32; BLOCK],
}

impl BlockLanes {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "must be compiled anew inside each instruction set")]
    pub(super) fn of(factors: &BlockFactors<'_>) -> Self {
        let mut lanes = Self {
            alongs: [0.0; BLOCK],
            fine: [[0.0; BLOCK]; FINE_AXES],
            stretches: [0.0; BLOCK],
            offs: [0.0; BLOCK],
        };
        for v in 0..BLOCK {
            let lane = LaneFactors::of(factors, v);
            lanes.alongs[v] = lane.along;
            for axis in 0..FINE_AXES {
                lanes.fine[axis][v] = lane.fine[axis];
            }
            lanes.stretches[v] = lane.stretch;
            lanes.offs[v] = lane.off;
        }
        lanes
    }

    /// As [`bounds`].
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "must be compiled anew inside each instruction set")]
    pub(super) fn bounds(&self, sums: &[u16; BLOCK], terms: &BlockTerms, out: &mut BlockBounds) {
        for (v, sum) in sums.iter().enumerate() {
            let lane = LaneFactors {
                along: self.alongs[v],
                fine: array::from_fn(|axis| self.fine[axis][v]),
                stretch: self.stretches[v],
                off: self.offs[v],
            };
            (out.estimates[v], out.upper[v]) = lane.bound(*sum, terms);
        }
    }
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
