#![expect(clippy::float_cmp, reason = "results are defined to the last bit")]

use super::*;
use crate::codes::SplitMix;

/// Numbers of all sizes, signs and kinds but NaN.
fn numbers(seed: u64, n: usize) -> Vec<f32> {
    const SPECIAL: [f32; 8] =
        [0.0, -0.0, 1.0e-40, -1.0e-45, f32::MIN_POSITIVE, 1.0e18, -3.5e-3, f32::EPSILON];
    let mut random = SplitMix(seed);
    (0..n)
        .map(|_| {
            let word = random.next();
            match word % 5 {
                0 => SPECIAL[(word >> 8) as usize % SPECIAL.len()],
                _ => (word >> 40) as f32 / 8_388_608.0 - 1.0,
            }
        })
        .collect()
}

fn bytes(seed: u64, n: usize) -> Vec<u8> {
    let mut random = SplitMix(seed);
    (0..n).map(|_| random.next() as u8).collect()
}

fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

#[test]
fn dot_gives_the_same_bits_at_every_length() {
    for length in 0..200 {
        let (a, b) = (numbers(length as u64, length), numbers(length as u64 + 999, length));
        let expected = scalar::dot(&a, &b);
        let precise: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        let size: f64 = a.iter().zip(&b).map(|(a, b)| (f64::from(*a) * f64::from(*b)).abs()).sum();
        assert!((f64::from(expected) - precise).abs() <= 1e-5 * size + 1e-37, "length {length}");
        for kernels in Kernels::available() {
            assert!(same(kernels.dot(&a, &b), expected), "{} at {length}", kernels.name());
        }
    }
}

#[test]
fn dot_of_unequal_lengths_is_of_the_common_part() {
    for kernels in Kernels::available() {
        assert_eq!(kernels.dot(&[2.0, 3.0], &[4.0]), 8.0);
        assert_eq!(kernels.dot(&[], &[4.0]), 0.0);
    }
}

#[test]
fn dot_passes_nan_and_infinity_on() {
    for kernels in Kernels::available() {
        for at in [0, 31, 32, 66] {
            let mut a = vec![1.0; 67];
            a[at] = f32::NAN;
            assert!(kernels.dot(&a, &[1.0; 67]).is_nan(), "{}", kernels.name());
            a[at] = f32::INFINITY;
            assert_eq!(kernels.dot(&a, &[1.0; 67]), f32::INFINITY, "{}", kernels.name());
        }
    }
}

#[test]
fn masked_sum_gives_the_same_bits() {
    for dims in (64..=1024).step_by(64) {
        let values = numbers(dims as u64, dims);
        for bits in [vec![0; dims / 8], vec![0xff; dims / 8], bytes(7, dims / 8)] {
            let expected = scalar::masked_sum(&bits, &values);
            let chosen = (0..dims).filter(|i| bits[i / 8] >> (i % 8) & 1 == 1);
            let precise: f64 = chosen.map(|i| f64::from(values[i])).sum();
            assert!((f64::from(expected) - precise).abs() <= 1e-5 * precise.abs().max(1e18 * 1e-2));
            for kernels in Kernels::available() {
                let found = kernels.masked_sum(&bits, &values);
                assert!(same(found, expected), "{} at {dims}", kernels.name());
            }
        }
    }
}

#[test]
fn scaled_sum_gives_the_same_bits_at_every_length() {
    for dims in [0, 1, 31, 32, 33, 63, 64, 65, 100, 256, 300] {
        for n_rows in [0, 1, 2, 77] {
            let cells: Vec<Vec<u8>> = (0..n_rows).map(|row| bytes(row + 5, dims)).collect();
            let scales = numbers(dims as u64, n_rows as usize);
            let rows: Vec<(f32, &[u8])> =
                scales.iter().zip(&cells).map(|(scale, row)| (*scale, row.as_slice())).collect();
            // One element after the other, as it is defined.
            let expected: Vec<f32> = (0..dims)
                .map(|i| {
                    rows.iter().fold(0.0, |sum, (scale, row)| {
                        sum + f32::from(row[i].cast_signed()) * scale
                    })
                })
                .collect();
            for kernels in Kernels::available() {
                let mut found = vec![f32::NAN; dims];
                kernels.scaled_sum(&rows, &mut found);
                for (found, expected) in found.iter().zip(&expected) {
                    assert!(same(*found, *expected), "{} at {dims}, {n_rows}", kernels.name());
                }
            }
        }
    }
}

#[test]
fn masked_sum_of_small_numbers_is_their_sum() {
    let values: Vec<f32> = (0..64).map(|i| i as f32).collect();
    for kernels in Kernels::available() {
        assert_eq!(kernels.masked_sum(&[0b101, 0, 0, 0, 0, 0, 0, 0x80], &values), 65.0);
    }
}

#[test]
fn blocks_are_bounded_with_the_same_bits() {
    for dims in [64, 128, 256, 384, 1024, 4096] {
        for seed in 0..8 {
            // Any bytes at all, as in a damaged file.
            let block = bytes(seed, dims / 8 * BLOCK + BLOCK_FACTOR_BYTES);
            // Entries as large as they may be, for sums that reach the end of 16 bits.
            let greatest = 127.min(65_535 / (dims / 4)) as u8;
            let mut tables = vec![0_u8; dims * 8];
            for (i, table) in tables.chunks_exact_mut(32).enumerate() {
                let entries = bytes(seed + i as u64, 16);
                for nibble in 0..16 {
                    let entry = if seed == 0 { greatest } else { entries[nibble] % (greatest + 1) };
                    table[nibble] = entry;
                    table[16 + nibble] = entry;
                }
            }
            let terms = BlockTerms {
                along: [0.7, 0.01, -0.02, 0.003],
                step: 1e-3,
                offset: -0.5,
                slack: 0.04,
                rounding: 1e-3,
            };
            let (codes, factors) = BlockFactors::split(&block).unwrap();
            let mut expected = BlockBounds::EMPTY;
            Kernels::SCALAR.bound_block(codes, &factors, &tables, &terms, &mut expected);
            assert!(expected.upper.iter().all(|bound| bound.is_finite()));
            assert!(expected.estimates.iter().all(|estimate| estimate.is_finite()));
            for kernels in Kernels::available() {
                let mut found = BlockBounds::EMPTY;
                kernels.bound_block(codes, &factors, &tables, &terms, &mut found);
                for v in 0..BLOCK {
                    let name = kernels.name();
                    assert!(same(found.upper[v], expected.upper[v]), "{name}, {dims}, {v}");
                    assert!(same(found.estimates[v], expected.estimates[v]), "{name}, {dims}, {v}");
                }
            }
        }
    }
}

#[test]
fn several_queries_are_bounded_as_one_by_one() {
    for dims in [64, 128, 256, 1024] {
        let block = bytes(dims as u64, dims / 8 * BLOCK + BLOCK_FACTOR_BYTES);
        let (codes, factors) = BlockFactors::split(&block).unwrap();
        let greatest = 127.min(65_535 / (dims / 4)) as u8;
        let tables: Vec<Vec<u8>> = (0..11)
            .map(|query| {
                let entries = bytes(query, dims * 4);
                let table = |entries: &[u8]| [entries, entries].concat();
                entries.chunks_exact(16).flat_map(table).map(|entry| entry.min(greatest)).collect()
            })
            .collect();
        let terms: Vec<BlockTerms> = (0..11)
            .map(|query| BlockTerms {
                along: [0.7 - query as f32 / 9.0, 0.01, -0.02, 0.003],
                step: 1e-3 * query as f32,
                offset: -0.5,
                slack: 0.04,
                rounding: 1e-3,
            })
            .collect();
        let queries: Vec<BlockQuery<'_>> =
            tables.iter().zip(&terms).map(|(tables, terms)| BlockQuery { tables, terms }).collect();
        let expected: Vec<BlockBounds> = queries
            .iter()
            .map(|query| {
                let mut bounds = BlockBounds::EMPTY;
                let BlockQuery { tables, terms } = *query;
                Kernels::SCALAR.bound_block(codes, &factors, tables, terms, &mut bounds);
                bounds
            })
            .collect();
        for kernels in Kernels::available() {
            for n in 0..=queries.len() {
                let mut found = vec![BlockBounds::EMPTY; n];
                kernels.bound_block_each(codes, &factors, &queries[..n], &mut found);
                for (q, (found, expected)) in found.iter().zip(&expected).enumerate() {
                    for v in 0..BLOCK {
                        let name = kernels.name();
                        assert!(same(found.upper[v], expected.upper[v]), "{name}, {n}, {q}, {v}");
                        assert!(
                            same(found.estimates[v], expected.estimates[v]),
                            "{name}, {q}, {v}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_block_sum_counts_every_nibble_once() {
    // Each table holds the number of bits of the nibble: the sum is the number of bits set.
    let codes = bytes(3, 8 * BLOCK);
    let tables: Vec<u8> = (0..512).map(|i| (i % 16_u32).count_ones() as u8).collect();
    let mut sums = [0; BLOCK];
    scalar::block_sums(&codes, &tables, &mut sums);
    for v in 0..BLOCK {
        let bits: u32 = (0..8).map(|j| codes[j * BLOCK + v].count_ones()).sum();
        assert_eq!(u32::from(sums[v]), bits);
    }
}

#[test]
fn comparing_with_a_threshold_leaves_nan_out() {
    let mut values = [0.0; BLOCK];
    for (i, value) in values.iter_mut().enumerate() {
        *value = i as f32 - 10.0;
    }
    values[20] = f32::NAN;
    for kernels in Kernels::available() {
        assert_eq!(kernels.at_least(&values, 5.0), (u32::MAX << 15) & !(1 << 20));
        assert_eq!(kernels.at_least(&values, f32::NEG_INFINITY), !(1 << 20));
        assert_eq!(kernels.at_least(&values, f32::NAN), 0);
    }
}

#[test]
fn halves_are_read_and_rounded() {
    for half in 0..=u16::MAX {
        let value = half_to_f32(half);
        assert!(value.is_finite());
        if half & 0x7fff <= 0x7bff {
            assert_eq!(half_from_f32(value), half, "{value}");
        }
    }
    for (value, half) in [(1.0, 0x3c00), (-2.0, 0xc000), (65_504.0, 0x7bff), (1e9, 0x7bff)] {
        assert_eq!(half_from_f32(value), half);
    }
    let mut random = SplitMix(5);
    for _ in 0..100_000 {
        let exponent = (random.next() % 30) as i32 - 20;
        let value = (random.next() >> 40) as f32 / 16_777_216.0 * 2.0_f32.powi(exponent);
        let rounded = half_from_f32(value);
        let miss = (half_to_f32(rounded) - value).abs();
        for near in [rounded.wrapping_sub(1), rounded + 1] {
            if near & 0x8000 == 0 {
                assert!(miss <= (half_to_f32(near) - value).abs(), "{value}");
            }
        }
    }
}

#[test]
fn the_line_is_above_every_tangent() {
    for byte in 0..SECANT_UNKNOWN {
        let secant = secant_from_byte(byte);
        let tangent = (secant * secant - 1.0).sqrt();
        assert!(tangent_above(byte) >= tangent - 1e-5, "{secant}");
    }
    // Codes of random directions: a secant of 1.25, give or take 0.05.
    for byte in 26..=39 {
        let secant = secant_from_byte(byte);
        assert!(tangent_above(byte) <= (secant * secant - 1.0).sqrt() * 1.01);
    }
}

/// In CI, `RAGGED_REQUIRE_KERNELS=avx2,avx512` makes a machine that cannot test them a failure.
#[test]
#[expect(clippy::disallowed_methods, reason = "what a test machine must have is set from outside")]
fn required_kernels_are_available() {
    let available: Vec<&str> = Kernels::available().into_iter().map(Kernels::name).collect();
    let required = std::env::var("RAGGED_REQUIRE_KERNELS").unwrap_or_default();
    for name in required.split(',').filter(|name| !name.is_empty()) {
        assert!(available.contains(&name), "{name} is required, this processor has {available:?}");
    }
    assert_eq!(available[0], "scalar");
    assert_eq!(Kernels::best().name(), *available.last().unwrap());
}

#[test]
fn products_of_levels_are_those_of_their_definition() {
    let mut random = SplitMix(21);
    for bits in [1_u32, 2, 4] {
        for words in [0, 1, 3, 4, 6, 64] {
            let mut code =
                || -> Vec<u64> { (0..words * bits as usize).map(|_| random.next()).collect() };
            for (a, b) in [(code(), code()), (vec![u64::MAX; words * bits as usize], code())] {
                let level = |code: &[u64], dimension: usize| -> u64 {
                    let bit =
                        |plane: usize| code[plane * words + dimension / 64] >> (dimension % 64) & 1;
                    (0..bits as usize).fold(0, |level, plane| 2 * level + bit(plane))
                };
                let expected: u64 = (0..64 * words).map(|at| level(&a, at) * level(&b, at)).sum();
                for kernels in Kernels::available() {
                    let product = kernels.level_product(&a, &b, bits);
                    assert_eq!(u64::from(product), expected, "{} {bits} {words}", kernels.name());
                }
            }
        }
    }
}
