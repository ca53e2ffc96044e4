/// `n` vectors of `dims` elements and length 1, from a seed, with something in common.
pub(crate) fn made(seed: u64, n: usize, dims: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / 16_777_216.0
    };
    (0..n)
        .flat_map(|_| {
            let vector: Vec<f32> =
                (0..dims).map(|i| uniform() + uniform() - 1.0 + 0.5 / (1.0 + i as f32)).collect();
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            vector.into_iter().map(move |value| value / length)
        })
        .collect()
}
