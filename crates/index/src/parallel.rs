//! The same work on many items, on threads that end with it.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// What `work` makes of each item, in the order of the items, whatever the number of threads.
/// Each of up to `threads` threads, the calling one among them, has a scratch space of its own and
/// takes the next `at_a_time` items that nobody has taken.
pub(crate) fn map<T: Sync, S, R: Send>(
    threads: usize,
    at_a_time: usize,
    items: &[T],
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let threads = threads.min(items.len().div_ceil(at_a_time));
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
            let Some(chunk) = items.chunks(at_a_time).nth(at) else { return chunks };
            chunks.push((at, chunk.iter().map(|item| work(&mut scratch, item)).collect()));
        }
    };
    let mut chunks = thread::scope(|scope| {
        // Where the system has no thread to give, those there are do the work.
        let others: Vec<_> = (1..threads)
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, run).ok())
            .collect();
        let mut chunks = run();
        for other in others {
            match other.join() {
                Ok(more) => chunks.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        chunks
    });
    chunks.sort_unstable_by_key(|(at, _)| *at);
    chunks.into_iter().flat_map(|(_, results)| results).collect()
}
