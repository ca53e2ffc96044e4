//! The codes of the nodes of a graph, side by side in memory, and the distances between them.

use crate::codes::{Encoded, ROW_FACTOR_BYTES, Shape, Tier};
use crate::distance::{FINE_AXES, Kernels, half_to_f32, secant_from_byte};

/// Codes in the order of nodes. A vector is taken for what its code says; the inner product of
/// two is a matter of counting bits, and the same to the last bit on every machine.
#[derive(Debug)]
pub(super) struct Points {
    shape: Shape,
    kernels: Kernels,
    /// All planes of each code, the highest first.
    words: Vec<u64>,
    terms: Vec<Terms>,
}

/// What of a code is not its planes.
#[derive(Clone, Copy, Debug, Default)]
struct Terms {
    /// What a level is worth.
    scale: f32,
    /// The sum of the levels.
    levels: f32,
    /// The components along the axes of the frame.
    along: [f32; 1 + FINE_AXES],
    /// The squared length of the vector.
    squared: f32,
}

impl Points {
    /// Room for so many codes; until they are set they are of vectors of length 0.
    pub(super) fn new(shape: Shape, n_points: usize) -> Self {
        Self {
            shape,
            kernels: Kernels::best(),
            words: vec![0; n_points * words(shape)],
            terms: vec![Terms::default(); n_points],
        }
    }

    pub(super) fn set(&mut self, point: u32, code: &Encoded) {
        let bits = self.shape.tier.bits();
        let length = half_to_f32(code.factors.length);
        let (scale, planes) = match code.row.split_at_checked(ROW_FACTOR_BYTES) {
            Some((factors, planes)) if self.shape.tier != Tier::Small => {
                (half_to_f32(u16::from_le_bytes([factors[0], factors[1]])), planes)
            }
            _ => {
                let per_root = (self.shape.padded() as f32).sqrt().recip();
                let secant = secant_from_byte(code.factors.secant);
                (2.0 * length * secant * per_root, &[][..])
            }
        };
        let mut levels = 0;
        let words = words(self.shape);
        let mut slots = self.words[point as usize * words..][..words].iter_mut();
        let plane_bytes = self.shape.plane_bytes();
        let planes = [code.signs.as_slice()].into_iter().chain(planes.chunks(plane_bytes));
        for (worth, plane) in (0..bits).rev().zip(planes) {
            // Words are the second side: `zip` takes from the first before the other has ended.
            for (eight, slot) in plane.as_chunks::<8>().0.iter().zip(slots.by_ref()) {
                *slot = u64::from_le_bytes(*eight);
                levels += slot.count_ones() << worth;
            }
        }
        let mut along = [half_to_f32(code.factors.along), 0.0, 0.0, 0.0];
        for (along, fine) in along[1..].iter_mut().zip(code.factors.fine) {
            *along = f32::from(fine) / 127.0;
        }
        let squared = length * length + along.iter().map(|along| along * along).sum::<f32>();
        self.terms[point as usize] = Terms { scale, levels: levels as f32, along, squared };
    }

    /// The squared distance of two vectors as far as their codes tell; without bias, and
    /// therefore 0 or more only after what noise makes negative is taken for 0.
    pub(super) fn distance(&self, a: u32, b: u32) -> f32 {
        let (x, y) = (&self.terms[a as usize], &self.terms[b as usize]);
        let bits = self.shape.tier.bits();
        let product = self.kernels.level_product(self.planes(a), self.planes(b), bits);
        // Levels count from the lowest; their middle is where the vector is zero.
        let middle = ((1_u32 << bits) - 1) as f32 / 2.0;
        let centred = product as f32 - middle * (x.levels + y.levels)
            + middle * middle * self.shape.padded() as f32;
        let mut inner = x.scale * y.scale * centred;
        for (x, y) in x.along.iter().zip(y.along) {
            inner += x * y;
        }
        (x.squared + y.squared - 2.0 * inner).max(0.0)
    }

    fn planes(&self, point: u32) -> &[u64] {
        let words = words(self.shape);
        &self.words[point as usize * words..][..words]
    }
}

/// Words of all planes of a code.
fn words(shape: Shape) -> usize {
    shape.tier.bits() as usize * shape.padded() / 64
}
