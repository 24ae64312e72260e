//! Memory that the process holds but does not use.

/// Gives back to the system what reading a large document took for a moment: several times its
/// size, which would stay with the process otherwise.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn give_back_memory_of(document: &[u8]) {
    const LARGE: usize = 1 << 20;
    if document.len() >= LARGE {
        // SAFETY: it may be called at any time, from any thread, and frees nothing that is in use.
        unsafe { libc::malloc_trim(0) };
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) const fn give_back_memory_of(_document: &[u8]) {}
