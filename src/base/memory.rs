//! What the allocators keep of what was freed.

/// Heaps that all threads share. With one for each thread, as glibc likes it, every heap keeps what its thread once
/// needed: 440 MiB instead of 330 in `make bench`.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const HEAPS: i32 = 2;

/// Bounds the number of heaps of the C library's allocator, where that is glibc's. Before any thread is started.
#[expect(unsafe_code, reason = "the allocator's settings are behind the C interface only")]
pub fn share_heaps() {
    // SAFETY: mallopt only stores the number; no thread of ours runs yet.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, HEAPS);
    }
}

/// Gives back to the system what this thread has freed: a start frees megabytes that are not needed again, and an allocator
/// that has nothing to do keeps them.
#[cfg_attr(
    feature = "mimalloc",
    expect(unsafe_code, reason = "the allocator is behind its C interface only")
)]
pub fn give_back() {
    // SAFETY: it may be called at any time from any thread; where another allocator is in use it finds nothing.
    #[cfg(feature = "mimalloc")]
    unsafe {
        libmimalloc_sys::mi_collect(true);
    }
}
