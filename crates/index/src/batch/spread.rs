//! Work that several threads share.

use std::{num::NonZeroUsize, ops::Range};

use crate::parallel;

/// Cuts `0..len` into `n` ranges whose lengths differ by one at most.
pub(super) fn pieces(len: usize, n: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n).map(move |piece| len * piece / n..len * (piece + 1) / n)
}

/// The results of `work` for all items, in their order, on up to `threads` threads that take one
/// item at a time.
pub(super) fn spread<T: Sync, R: Send>(
    threads: NonZeroUsize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    parallel::map(threads.get(), 1, items, || (), |(), item| work(item))
}
