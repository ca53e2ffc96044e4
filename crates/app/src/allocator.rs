//! What the system's allocator keeps to itself.

/// Blocks of so many bytes are asked of the system one by one, and given back when they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_BYTES: libc::c_int = 1 << 20;

/// Has large blocks given back to the system as soon as they are freed.
///
/// Left alone, glibc raises the size from which it does so each time such a block is freed, up to
/// 32 MiB, and keeps what is smaller for each thread: a process that adds a document now and then, each
/// with some megabytes of postings in the making, held on to tens of megabytes, once more and once less.
/// Elsewhere this does nothing.
pub(crate) fn give_back_what_is_large() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "the standard library has no way to say it")]
    // SAFETY: any value is allowed, and no other thread runs yet. Where it is refused, all stays as it was.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES);
    }
}
