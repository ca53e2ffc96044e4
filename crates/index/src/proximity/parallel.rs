//! The same work on many items, on threads that end with it.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Items a thread takes at a time.
const CHUNK: usize = 64;

/// What `work` makes of each item, in the order of the items, whatever the number of threads.
/// Each thread has a scratch space of its own.
pub(super) fn map<T: Sync, S, R: Send>(
    threads: usize,
    items: &[T],
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let threads = threads.min(items.len().div_ceil(CHUNK));
    if threads < 2 {
        let mut scratch = scratch();
        return items.iter().map(|item| work(&mut scratch, item)).collect();
    }
    let next = AtomicUsize::new(0);
    let run = || {
        let mut scratch = scratch();
        let mut chunks: Vec<(usize, Vec<R>)> = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(chunk) = items.chunks(CHUNK).nth(at) else { return chunks };
            chunks.push((at, chunk.iter().map(|item| work(&mut scratch, item)).collect()));
        }
    };
    let mut chunks = std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut chunks = run();
        for helper in helpers {
            match helper.join() {
                Ok(more) => chunks.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        chunks
    });
    chunks.sort_unstable_by_key(|(at, _)| *at);
    chunks.into_iter().flat_map(|(_, results)| results).collect()
}
