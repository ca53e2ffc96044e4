//! Work that several threads share.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Cuts `0..len` into `n` ranges whose lengths differ by one at most.
pub(super) fn pieces(len: usize, n: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n).map(move |piece| len * piece / n..len * (piece + 1) / n)
}

/// The results of `work` for all items, in their order. Each of up to `threads` threads, the
/// calling one among them, takes the next item that nobody has taken.
pub(super) fn spread<T: Sync, R: Send>(
    threads: NonZeroUsize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let n_threads = threads.get().min(items.len());
    if n_threads <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(item)));
        }
    };
    let mut done = thread::scope(|scope| {
        // Where the system has no thread to give, those there are do the work.
        let others: Vec<_> = (1..n_threads)
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, take).ok())
            .collect();
        let mut done = take();
        for other in others {
            match other.join() {
                Ok(theirs) => done.extend(theirs),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}
