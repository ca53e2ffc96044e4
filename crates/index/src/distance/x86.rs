//! The kernels for x86-64 with AVX2, and with AVX-512 (F and BW).
//!
//! A value of [`Avx2`] or [`Avx512`] can only be had from `detect`, so holding one proves that
//! the processor has the instructions: that is the safety argument of every call below.
//! Instructions on values are safe inside functions compiled for them; only loads and stores
//! through pointers are not, and these go through four functions that take arrays.

#![expect(unsafe_code, reason = "calls into functions compiled for a detected instruction set")]
#![expect(clippy::unused_self, reason = "`self` is the proof that the call is sound")]

use std::arch::x86_64::{
    __m256, __m256i, __m512, __m512i, _CMP_GE_OQ, _mm256_add_epi8, _mm256_add_epi16, _mm256_add_ps,
    _mm256_and_ps, _mm256_and_si256, _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_cmpeq_epi32,
    _mm256_loadu_ps, _mm256_loadu_si256, _mm256_movemask_ps, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_setr_epi32, _mm256_setzero_ps, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_storeu_ps, _mm256_storeu_si256, _mm512_add_epi8,
    _mm512_add_epi16, _mm512_and_si512, _mm512_castsi512_si256, _mm512_cmp_ps_mask,
    _mm512_extracti64x4_epi64, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_add_ps,
    _mm512_set1_epi8, _mm512_set1_epi16, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512,
    _mm512_shuffle_epi8, _mm512_srli_epi16, _mm512_storeu_ps,
};

use super::scalar::BlockLanes;
use super::{BLOCK, BlockBounds, BlockFactors, BlockQuery, BlockTerms, SUM_LANES, scalar};

/// Proof that the processor has AVX2, and counts bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt")).then_some(Self(()))
    }

    pub(super) fn dot(self, a: &[f32], b: &[f32]) -> f32 {
        // SAFETY: `self` proves AVX2.
        unsafe { dot_avx2(a, b) }
    }

    pub(super) fn masked_sum(self, bits: &[u8], values: &[f32]) -> f32 {
        // SAFETY: `self` proves AVX2.
        unsafe { masked_sum_avx2(bits, values) }
    }

    pub(super) fn scaled_sum(self, rows: &[(f32, &[u8])], out: &mut [f32]) {
        // SAFETY: `self` proves AVX2.
        unsafe { scaled_sum_avx2(rows, out) }
    }

    pub(super) fn bound_block(
        self,
        codes: &[u8],
        factors: &BlockFactors<'_>,
        tables: &[u8],
        terms: &BlockTerms,
        out: &mut BlockBounds,
    ) {
        // SAFETY: `self` proves AVX2.
        unsafe { bound_block_avx2(codes, factors, tables, terms, out) }
    }

    pub(super) fn bound_block_each(
        self,
        codes: &[u8],
        factors: &BlockFactors<'_>,
        queries: &[BlockQuery<'_>],
        out: &mut [BlockBounds],
    ) {
        // SAFETY: `self` proves AVX2.
        unsafe { bound_block_each_avx2(codes, factors, queries, out) }
    }

    pub(super) fn at_least(self, values: &[f32; BLOCK], threshold: f32) -> u32 {
        // SAFETY: `self` proves AVX2.
        unsafe { at_least_avx2(values, threshold) }
    }
}

/// Proof that the processor has the foundation of AVX-512 and its byte and word instructions,
/// and counts bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("popcnt"))
        .then_some(Self(()))
    }

    pub(super) fn dot(self, a: &[f32], b: &[f32]) -> f32 {
        // SAFETY: `self` proves AVX-512.
        unsafe { dot_avx512(a, b) }
    }

    pub(super) fn masked_sum(self, bits: &[u8], values: &[f32]) -> f32 {
        // SAFETY: `self` proves AVX-512.
        unsafe { masked_sum_avx512(bits, values) }
    }

    pub(super) fn scaled_sum(self, rows: &[(f32, &[u8])], out: &mut [f32]) {
        // SAFETY: `self` proves AVX-512.
        unsafe { scaled_sum_avx512(rows, out) }
    }

    pub(super) fn bound_block(
        self,
        codes: &[u8],
        factors: &BlockFactors<'_>,
        tables: &[u8],
        terms: &BlockTerms,
        out: &mut BlockBounds,
    ) {
        // SAFETY: `self` proves AVX-512.
        unsafe { bound_block_avx512(codes, factors, tables, terms, out) }
    }

    pub(super) fn bound_block_each(
        self,
        codes: &[u8],
        factors: &BlockFactors<'_>,
        queries: &[BlockQuery<'_>],
        out: &mut [BlockBounds],
    ) {
        // SAFETY: `self` proves AVX-512.
        unsafe { bound_block_each_avx512(codes, factors, queries, out) }
    }

    pub(super) fn at_least(self, values: &[f32; BLOCK], threshold: f32) -> u32 {
        // SAFETY: `self` proves AVX-512.
        unsafe { at_least_avx512(values, threshold) }
    }
}

#[target_feature(enable = "avx2")]
fn dot_avx2(a: &[f32], b: &[f32]) -> f32 {
    scalar::dot(a, b)
}

#[target_feature(enable = "avx512f,avx512bw")]
fn dot_avx512(a: &[f32], b: &[f32]) -> f32 {
    scalar::dot(a, b)
}

#[target_feature(enable = "avx2")]
fn scaled_sum_avx2(rows: &[(f32, &[u8])], out: &mut [f32]) {
    scalar::scaled_sum::<64>(rows, out);
}

#[target_feature(enable = "avx2")]
fn masked_sum_avx2(bits: &[u8], values: &[f32]) -> f32 {
    let one_bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    let mut low = _mm256_setzero_ps();
    let mut high = _mm256_setzero_ps();
    for (bits, values) in bits.as_chunks::<2>().0.iter().zip(values.as_chunks::<SUM_LANES>().0) {
        let [first, second] = values.as_chunks::<8>().0 else { continue };
        low = _mm256_add_ps(low, chosen_avx2(bits[0], first, one_bit));
        high = _mm256_add_ps(high, chosen_avx2(bits[1], second, one_bit));
    }
    let mut lanes = [0.0; 8];
    store_8(&mut lanes, _mm256_add_ps(low, high));
    scalar::tree(&mut lanes)
}

/// The elements whose bit is set, zero elsewhere.
#[target_feature(enable = "avx2")]
fn chosen_avx2(bits: u8, values: &[f32; 8], one_bit: __m256i) -> __m256 {
    let spread = _mm256_and_si256(_mm256_set1_epi32(i32::from(bits)), one_bit);
    let mask = _mm256_castsi256_ps(_mm256_cmpeq_epi32(spread, one_bit));
    _mm256_and_ps(mask, load_8(values))
}

#[target_feature(enable = "avx512f,avx512bw,avx2")]
fn scaled_sum_avx512(rows: &[(f32, &[u8])], out: &mut [f32]) {
    scalar::scaled_sum::<64>(rows, out);
}

#[target_feature(enable = "avx512f,avx512bw")]
fn masked_sum_avx512(bits: &[u8], values: &[f32]) -> f32 {
    let mut sum = _mm512_setzero_ps();
    for (bits, values) in bits.as_chunks::<2>().0.iter().zip(values.as_chunks::<SUM_LANES>().0) {
        sum = _mm512_mask_add_ps(sum, u16::from_le_bytes(*bits), sum, load_16(values));
    }
    let mut lanes = [0.0; SUM_LANES];
    store_16(&mut lanes, sum);
    scalar::tree(&mut lanes)
}

#[target_feature(enable = "avx2")]
fn bound_block_avx2(
    codes: &[u8],
    factors: &BlockFactors<'_>,
    tables: &[u8],
    terms: &BlockTerms,
    out: &mut BlockBounds,
) {
    let nibble = _mm256_set1_epi8(15);
    let low_byte = _mm256_set1_epi16(255);
    let mut even = _mm256_setzero_si256();
    let mut odd = _mm256_setzero_si256();
    for (pair, tables) in codes.as_chunks::<64>().0.iter().zip(tables.as_chunks::<128>().0) {
        let [low_0, low_1, high_0, high_1] = tables.as_chunks::<32>().0 else { continue };
        let [row_0, row_1] = pair.as_chunks::<32>().0 else { continue };
        for (row, low, high) in [(row_0, low_0, high_0), (row_1, low_1, high_1)] {
            let row = load_bytes_32(row);
            let low_nibbles = _mm256_and_si256(row, nibble);
            let high_nibbles = _mm256_and_si256(_mm256_srli_epi16::<4>(row), nibble);
            // Both entries are at most 127, so their sum stays within a byte.
            let entries = _mm256_add_epi8(
                _mm256_shuffle_epi8(load_bytes_32(low), low_nibbles),
                _mm256_shuffle_epi8(load_bytes_32(high), high_nibbles),
            );
            even = _mm256_add_epi16(even, _mm256_and_si256(entries, low_byte));
            odd = _mm256_add_epi16(odd, _mm256_srli_epi16::<8>(entries));
        }
    }
    scalar::bounds(&interleaved(even, odd), factors, terms, out);
}

#[target_feature(enable = "avx512f,avx512bw,avx2")]
fn bound_block_avx512(
    codes: &[u8],
    factors: &BlockFactors<'_>,
    tables: &[u8],
    terms: &BlockTerms,
    out: &mut BlockBounds,
) {
    let nibble = _mm512_set1_epi8(15);
    let low_byte = _mm512_set1_epi16(255);
    let mut even = _mm512_setzero_si512();
    let mut odd = _mm512_setzero_si512();
    for (pair, tables) in codes.as_chunks::<64>().0.iter().zip(tables.as_chunks::<128>().0) {
        let [low, high] = tables.as_chunks::<64>().0 else { continue };
        let rows = load_bytes_64(pair);
        let low_nibbles = _mm512_and_si512(rows, nibble);
        let high_nibbles = _mm512_and_si512(_mm512_srli_epi16::<4>(rows), nibble);
        // Both entries are at most 127, so their sum stays within a byte.
        let entries = _mm512_add_epi8(
            _mm512_shuffle_epi8(load_bytes_64(low), low_nibbles),
            _mm512_shuffle_epi8(load_bytes_64(high), high_nibbles),
        );
        even = _mm512_add_epi16(even, _mm512_and_si512(entries, low_byte));
        odd = _mm512_add_epi16(odd, _mm512_srli_epi16::<8>(entries));
    }
    let even = _mm256_add_epi16(_mm512_castsi512_si256(even), _mm512_extracti64x4_epi64::<1>(even));
    let odd = _mm256_add_epi16(_mm512_castsi512_si256(odd), _mm512_extracti64x4_epi64::<1>(odd));
    scalar::bounds(&interleaved(even, odd), factors, terms, out);
}

/// The bounds of a block for each query: four at a time, then two, then one, whose sums a kernel
/// of the same instructions takes at once.
macro_rules! bound_block_each {
    ($name:ident, $sums:ident, $features:literal) => {
        #[target_feature(enable = $features)]
        fn $name(
            codes: &[u8],
            factors: &BlockFactors<'_>,
            queries: &[BlockQuery<'_>],
            out: &mut [BlockBounds],
        ) {
            #[target_feature(enable = $features)]
            fn together<const N: usize>(
                codes: &[u8],
                lanes: &BlockLanes,
                queries: &[BlockQuery<'_>; N],
                out: &mut [BlockBounds; N],
            ) {
                let sums = $sums(codes, queries.map(|query| query.tables));
                for ((sums, query), out) in sums.iter().zip(queries).zip(out) {
                    lanes.bounds(sums, query.terms, out);
                }
            }
            let lanes = BlockLanes::of(factors);
            let (fours, queries) = queries.as_chunks::<4>();
            let (fours_out, out) = out.as_chunks_mut::<4>();
            for (queries, out) in fours.iter().zip(fours_out) {
                together(codes, &lanes, queries, out);
            }
            let (twos, queries) = queries.as_chunks::<2>();
            let (twos_out, out) = out.as_chunks_mut::<2>();
            for (queries, out) in twos.iter().zip(twos_out) {
                together(codes, &lanes, queries, out);
            }
            for (query, out) in queries.iter().zip(out) {
                together(codes, &lanes, &[*query], std::array::from_mut(out));
            }
        }
    };
}

bound_block_each!(bound_block_each_avx2, block_sums_avx2, "avx2");
bound_block_each!(bound_block_each_avx512, block_sums_avx512, "avx512f,avx512bw,avx2");

/// The table sums of `N` queries; their accumulators, two each, stay in registers for `N` up to 4.
#[target_feature(enable = "avx2")]
fn block_sums_avx2<const N: usize>(codes: &[u8], tables: [&[u8]; N]) -> [[u16; BLOCK]; N] {
    let nibble = _mm256_set1_epi8(15);
    let low_byte = _mm256_set1_epi16(255);
    let mut even = [_mm256_setzero_si256(); N];
    let mut odd = [_mm256_setzero_si256(); N];
    let tables = tables.map(|tables| tables.as_chunks::<128>().0);
    let n_pairs = tables.iter().map(|tables| tables.len()).fold(codes.len() / 64, usize::min);
    for (at, pair) in codes.as_chunks::<64>().0.iter().take(n_pairs).enumerate() {
        let [row_0, row_1] = pair.as_chunks::<32>().0 else { continue };
        for (half, row) in [row_0, row_1].into_iter().enumerate() {
            let row = load_bytes_32(row);
            let low_nibbles = _mm256_and_si256(row, nibble);
            let high_nibbles = _mm256_and_si256(_mm256_srli_epi16::<4>(row), nibble);
            for q in 0..N {
                let quarters = tables[q][at].as_chunks::<32>().0;
                // Both entries are at most 127, so their sum stays within a byte.
                let entries = _mm256_add_epi8(
                    _mm256_shuffle_epi8(load_bytes_32(&quarters[half]), low_nibbles),
                    _mm256_shuffle_epi8(load_bytes_32(&quarters[2 + half]), high_nibbles),
                );
                even[q] = _mm256_add_epi16(even[q], _mm256_and_si256(entries, low_byte));
                odd[q] = _mm256_add_epi16(odd[q], _mm256_srli_epi16::<8>(entries));
            }
        }
    }
    let mut sums = [[0; BLOCK]; N];
    for q in 0..N {
        sums[q] = interleaved(even[q], odd[q]);
    }
    sums
}

/// The table sums of `N` queries; their accumulators, two each, stay in registers for `N` up to 4.
#[target_feature(enable = "avx512f,avx512bw,avx2")]
fn block_sums_avx512<const N: usize>(codes: &[u8], tables: [&[u8]; N]) -> [[u16; BLOCK]; N] {
    let nibble = _mm512_set1_epi8(15);
    let low_byte = _mm512_set1_epi16(255);
    let mut even = [_mm512_setzero_si512(); N];
    let mut odd = [_mm512_setzero_si512(); N];
    let tables = tables.map(|tables| tables.as_chunks::<128>().0);
    let n_pairs = tables.iter().map(|tables| tables.len()).fold(codes.len() / 64, usize::min);
    for (at, pair) in codes.as_chunks::<64>().0.iter().take(n_pairs).enumerate() {
        let rows = load_bytes_64(pair);
        let low_nibbles = _mm512_and_si512(rows, nibble);
        let high_nibbles = _mm512_and_si512(_mm512_srli_epi16::<4>(rows), nibble);
        for q in 0..N {
            let [low, high] = tables[q][at].as_chunks::<64>().0 else { continue };
            // Both entries are at most 127, so their sum stays within a byte.
            let entries = _mm512_add_epi8(
                _mm512_shuffle_epi8(load_bytes_64(low), low_nibbles),
                _mm512_shuffle_epi8(load_bytes_64(high), high_nibbles),
            );
            even[q] = _mm512_add_epi16(even[q], _mm512_and_si512(entries, low_byte));
            odd[q] = _mm512_add_epi16(odd[q], _mm512_srli_epi16::<8>(entries));
        }
    }
    let mut sums = [[0; BLOCK]; N];
    for q in 0..N {
        sums[q] = interleaved(
            _mm256_add_epi16(
                _mm512_castsi512_si256(even[q]),
                _mm512_extracti64x4_epi64::<1>(even[q]),
            ),
            _mm256_add_epi16(
                _mm512_castsi512_si256(odd[q]),
                _mm512_extracti64x4_epi64::<1>(odd[q]),
            ),
        );
    }
    sums
}

/// The sums of vectors 0, 2, 4… and of vectors 1, 3, 5… in the order of the vectors.
#[target_feature(enable = "avx2")]
fn interleaved(even: __m256i, odd: __m256i) -> [u16; BLOCK] {
    let (mut evens, mut odds) = ([0; 16], [0; 16]);
    store_words_16(&mut evens, even);
    store_words_16(&mut odds, odd);
    let mut sums = [0; BLOCK];
    for (pair, (even, odd)) in sums.as_chunks_mut::<2>().0.iter_mut().zip(evens.iter().zip(odds)) {
        *pair = [*even, odd];
    }
    sums
}

#[target_feature(enable = "avx2")]
fn at_least_avx2(values: &[f32; BLOCK], threshold: f32) -> u32 {
    let threshold = _mm256_set1_ps(threshold);
    let mut mask = 0;
    for (group, values) in values.as_chunks::<8>().0.iter().enumerate() {
        let lanes = _mm256_cmp_ps::<_CMP_GE_OQ>(load_8(values), threshold);
        mask |= _mm256_movemask_ps(lanes).cast_unsigned() << (8 * group);
    }
    mask
}

#[target_feature(enable = "avx512f,avx512bw")]
fn at_least_avx512(values: &[f32; BLOCK], threshold: f32) -> u32 {
    let threshold = _mm512_set1_ps(threshold);
    let mut mask = 0;
    for (group, values) in values.as_chunks::<16>().0.iter().enumerate() {
        let lanes = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(load_16(values), threshold);
        mask |= u32::from(lanes) << (16 * group);
    }
    mask
}

#[target_feature(enable = "avx2")]
fn load_8(values: &[f32; 8]) -> __m256 {
    // SAFETY: the reference is valid for 32 bytes, and the load needs no alignment.
    unsafe { _mm256_loadu_ps(values.as_ptr()) }
}

#[target_feature(enable = "avx2")]
fn store_8(values: &mut [f32; 8], lanes: __m256) {
    // SAFETY: the reference is valid for 32 bytes, and the store needs no alignment.
    unsafe { _mm256_storeu_ps(values.as_mut_ptr(), lanes) }
}

#[target_feature(enable = "avx2")]
fn load_bytes_32(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: the reference is valid for 32 bytes, and the load needs no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
fn store_words_16(words: &mut [u16; 16], lanes: __m256i) {
    // SAFETY: the reference is valid for 32 bytes, and the store needs no alignment.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), lanes) }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn load_16(values: &[f32; 16]) -> __m512 {
    // SAFETY: the reference is valid for 64 bytes, and the load needs no alignment.
    unsafe { _mm512_loadu_ps(values.as_ptr()) }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn store_16(values: &mut [f32; 16], lanes: __m512) {
    // SAFETY: the reference is valid for 64 bytes, and the store needs no alignment.
    unsafe { _mm512_storeu_ps(values.as_mut_ptr(), lanes) }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn load_bytes_64(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: the reference is valid for 64 bytes, and the load needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

impl Avx2 {
    pub(super) fn level_product(self, a: &[u64], b: &[u64], bits: u32) -> u32 {
        // SAFETY: `self` proves that bits are counted.
        unsafe { level_product_popcnt(a, b, bits) }
    }
}

impl Avx512 {
    pub(super) fn level_product(self, a: &[u64], b: &[u64], bits: u32) -> u32 {
        // SAFETY: `self` proves that bits are counted.
        unsafe { level_product_popcnt(a, b, bits) }
    }
}

#[target_feature(enable = "popcnt")]
fn level_product_popcnt(a: &[u64], b: &[u64], bits: u32) -> u32 {
    match bits {
        1 => scalar::level_product::<1>(a, b),
        2 => scalar::level_product::<2>(a, b),
        4 => scalar::level_product::<4>(a, b),
        _ => 0,
    }
}
