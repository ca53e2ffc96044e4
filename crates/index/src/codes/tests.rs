#![expect(clippy::float_cmp, reason = "results are defined to the last bit")]

use super::rotation::Rotation;
use super::*;
use crate::distance::{half_from_f32, half_to_f32, secant_from_byte};
use crate::error::InputError;

/// A vector of independent, nearly normal elements, scaled to length 1.
pub(crate) fn random_unit(random: &mut SplitMix, dims: usize) -> Vec<f32> {
    let vector: Vec<f32> = (0..dims)
        .map(|_| (0..8).map(|_| (random.next() >> 40) as f32 / 16_777_216.0 - 0.5).sum())
        .collect();
    let length = dot(&vector, &vector).sqrt();
    vector.into_iter().map(|value| (f64::from(value) / length) as f32).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[test]
fn rotations_keep_inner_products() {
    for length in [64, 128, 192, 256, 320, 384, 768, 1024] {
        let rotation = Rotation::new(length, 3);
        let mut random = SplitMix(length as u64);
        let (a, b) = (random_unit(&mut random, length), random_unit(&mut random, length));
        let (mut rotated_a, mut rotated_b) = (a.clone(), b.clone());
        rotation.apply(&mut rotated_a);
        rotation.apply(&mut rotated_b);
        assert!((dot(&rotated_a, &rotated_a) - 1.0).abs() < 1e-5, "{length}");
        assert!((dot(&rotated_a, &rotated_b) - dot(&a, &b)).abs() < 1e-5, "{length}");
    }
}

#[test]
fn rotations_spread_a_single_element_over_all() {
    for length in [64, 192, 256, 384, 768] {
        for at in [0, length / 2, length - 1] {
            let mut vector = vec![0.0; length];
            vector[at] = 1.0;
            Rotation::new(length, 9).apply(&mut vector);
            let greatest = vector.iter().fold(0.0_f32, |greatest, value| greatest.max(value.abs()));
            assert!(greatest < 0.6, "{length}, {at}: {greatest}");
        }
    }
}

#[test]
fn rotations_depend_on_the_seed() {
    let (mut a, mut b) = (vec![1.0; 64], vec![1.0; 64]);
    Rotation::new(64, 1).apply(&mut a);
    Rotation::new(64, 2).apply(&mut b);
    assert_ne!(a, b);
}

#[test]
fn a_frame_has_orthonormal_axes_and_is_the_same_from_its_halves() {
    let mut random = SplitMix(1);
    for (dims, n) in [(64, 500), (100, 3), (2, 5), (1, 1), (384, 40)] {
        let sample: Vec<f32> = (0..n).flat_map(|_| random_unit(&mut random, dims)).collect();
        let frame = Frame::of(&sample, dims, 7);
        assert_eq!(frame.n_sampled(), n as u64);
        let again = Frame::new(dims, frame.stored().to_vec(), n as u64, 7);
        assert_eq!(again.id(), frame.id());
        let probe = random_unit(&mut random, dims);
        let (mut rest, mut rest_again) = (Vec::new(), Vec::new());
        let along = frame.split(&probe, &mut rest);
        assert_eq!(again.split(&probe, &mut rest_again), along);
        assert_eq!(rest, rest_again);
        // Pythagoras holds only if the axes are orthonormal.
        let squared: f64 = along.iter().map(|a| f64::from(*a).powi(2)).sum();
        assert!((squared + dot(&rest, &rest) - 1.0).abs() < 1e-4, "{dims}");
    }
}

#[test]
fn a_frame_finds_the_mean_and_the_directions_of_variance() {
    let mut random = SplitMix(2);
    let dims = 64;
    let sample: Vec<f32> = (0..1_000)
        .flat_map(|_| {
            let mut vector = random_unit(&mut random, dims);
            for value in &mut vector {
                *value *= 0.2;
            }
            vector[5] += 0.6;
            vector[9] += (random.next() % 3) as f32 * 0.3 - 0.3;
            vector
        })
        .collect();
    let frame = Frame::of(&sample, dims, 1);
    let mut unit = vec![0.0; dims];
    unit[5] = 1.0;
    let along = frame.split(&unit, &mut Vec::new());
    assert!(along[0] > 0.99, "{along:?}");
    unit[5] = 0.0;
    unit[9] = 1.0;
    let along = frame.split(&unit, &mut Vec::new());
    assert!(along[1].abs() > 0.99, "{along:?}");
}

#[test]
fn a_sample_without_a_direction_gives_a_frame_all_the_same() {
    for sample in [vec![0.0; 640], [vec![1.0, 0.0], vec![-1.0, 0.0]].concat()] {
        let dims = if sample.len() == 640 { 64 } else { 2 };
        let frame = Frame::of(&sample, dims, 1);
        let mut rest = Vec::new();
        let along = frame.split(&vec![1.0 / (dims as f32).sqrt(); dims], &mut rest);
        assert!(along.iter().chain(&rest).all(|value| value.is_finite()));
    }
}

/// The levels of a code, from its planes, as the grid points they stand for.
fn grid_points(encoded: &Encoded, shape: Shape) -> Vec<f32> {
    let bits = shape.tier.bits();
    let planes = encoded.row.get(ROW_FACTOR_BYTES..).unwrap_or(&[]);
    (0..shape.padded())
        .map(|i| {
            let bit = |bytes: &[u8]| u32::from(bytes[i / 8] >> (i % 8) & 1);
            let level = planes
                .chunks_exact(shape.plane_bytes())
                .fold(bit(&encoded.signs), |level, plane| 2 * level + bit(plane));
            level as f32 - ((1 << bits) - 1) as f32 / 2.0
        })
        .collect()
}

#[test]
fn codes_point_in_the_direction_of_the_rest() {
    // The tangents that the best grid common to all Gaussian vectors gives: a grid for each vector
    // is a little better, and cannot be much better.
    for (tier, expected) in [(Tier::Small, 0.756), (Tier::Balanced, 0.366), (Tier::Fast, 0.108)] {
        for dims in [256, 384] {
            let mut random = SplitMix(dims as u64);
            let frame = Frame::of(&random_unit(&mut random, dims), dims, 5);
            let shape = Shape { dims, tier };
            let mut encoder = Encoder::new(&frame, shape);
            let (mut sum, n) = (0.0, 200);
            for _ in 0..n {
                let vector = random_unit(&mut random, dims);
                let encoded = encoder.encode(&vector).clone();
                let mut rest = Vec::new();
                let along = frame.split(&vector, &mut rest);
                let x = grid_points(&encoded, shape);
                let (inner, squared) = (dot(&x, &rest), dot(&rest, &rest));
                let tangent = (dot(&x, &x) * squared / (inner * inner) - 1.0).sqrt();
                sum += tangent;
                let length = half_to_f32(encoded.factors.length);
                assert!((f64::from(length) - squared.sqrt()).abs() < 1e-3);
                assert!((half_to_f32(encoded.factors.along) - along[0]).abs() < 1e-3);
                for (fine, along) in encoded.factors.fine.iter().zip(&along[1..]) {
                    assert!((f32::from(*fine) / 127.0 - along).abs() <= 0.5001 / 127.0);
                }
                let secant = f64::from(secant_from_byte(encoded.factors.secant));
                let signs: f64 = rest.iter().map(|value| f64::from(value.abs())).sum();
                assert!((secant - (squared * dims as f64).sqrt() / signs).abs() <= 0.51 / 128.0);
                if tier != Tier::Small {
                    let scale = half_to_f32(u16::from_le_bytes([encoded.row[0], encoded.row[1]]));
                    assert!((f64::from(scale) * inner / squared - 1.0).abs() < 1e-3);
                    let stored = f64::from(tangent_from_byte(encoded.row[2]));
                    assert!(
                        stored >= tangent - 1e-5 && stored < tangent * 1.06,
                        "{stored} {tangent}"
                    );
                }
            }
            let mean = sum / f64::from(n);
            assert!((0.95..1.01).contains(&(mean / expected)), "{tier:?} at {dims}: {mean}");
        }
    }
}

/// The greatest cosine that any step of the grid gives, by trying all that make a difference.
fn best_cosine(rest: &[f32], top: u32) -> f64 {
    let mut steps: Vec<f32> = rest
        .iter()
        .flat_map(|value| (1..=top).map(move |level| value.abs() / level as f32 * 0.999_999))
        .filter(|step| *step > 0.0)
        .collect();
    steps.sort_by(f32::total_cmp);
    let length = dot(rest, rest).sqrt();
    steps
        .iter()
        .map(|step| {
            let (mut inner, mut squared) = (0.0, 0.0);
            for value in rest {
                let x = f64::from(((value.abs() / step) as u32).min(top)) + 0.5;
                inner += x * f64::from(value.abs());
                squared += x * x;
            }
            inner / (squared.sqrt() * length)
        })
        .fold(0.0, f64::max)
}

#[test]
fn the_step_of_the_grid_is_as_good_as_the_best() {
    let dims = 128;
    let mut random = SplitMix(8);
    let frame = Frame::of(&random_unit(&mut random, dims), dims, 5);
    for tier in [Tier::Balanced, Tier::Fast] {
        let shape = Shape { dims, tier };
        for _ in 0..10 {
            let vector = random_unit(&mut random, dims);
            let encoded = Encoder::new(&frame, shape).encode(&vector).clone();
            let mut rest = Vec::new();
            frame.split(&vector, &mut rest);
            let x = grid_points(&encoded, shape);
            let cosine = dot(&x, &rest) / (dot(&x, &x) * dot(&rest, &rest)).sqrt();
            let best = best_cosine(&rest, (1 << (tier.bits() - 1)) - 1);
            assert!(cosine > best - 5e-4, "{tier:?}: {cosine} of {best}");
        }
    }
}

#[test]
fn the_zero_vector_has_a_code_of_zeros() {
    let frame = Frame::of(&[1.0; 64], 64, 5);
    for tier in [Tier::Small, Tier::Balanced, Tier::Fast] {
        let shape = Shape { dims: 64, tier };
        let encoded = Encoder::new(&frame, shape).encode(&[0.0; 64]).clone();
        assert_eq!(encoded.factors, Factors::default());
        assert!(encoded.row.iter().all(|byte| *byte == 0));
    }
}

#[test]
fn vectors_without_a_code_are_refused() {
    let mut vectors = vec![0.1_f32; 3 * 64];
    assert_eq!(check_vectors(&vectors, 64), Ok(()));
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        vectors[130] = value;
        assert_eq!(check_vectors(&vectors, 64), Err(InputError::NotFinite { position: 2 }));
    }
    for value in [3.0, 1e30] {
        vectors[130] = value;
        assert_eq!(check_vectors(&vectors, 64), Err(InputError::TooLong { position: 2 }));
    }
}

#[test]
fn tangents_are_rounded_up() {
    for tangent in [0.0, 0.01, 0.1079, 0.366, 0.75, 3.0, 60.0] {
        let read = tangent_from_byte(tangent_to_byte(tangent));
        assert!(read >= tangent - 1e-6 && read <= tangent + 0.005 * (1.0 + tangent) * (1.0 + read));
    }
    assert!(tangent_from_byte(u8::MAX).is_finite());
    assert_eq!(half_to_f32(half_from_f32(0.5)), 0.5);
}
