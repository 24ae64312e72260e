//! Identifies the process cheaply, because every call asks.

/// A number that is this process's alone among those it descends from; never 0.
///
/// It costs no system call where the platform can empty a page in a child.
pub(crate) fn process() -> u64 {
    page::number().unwrap_or_else(|| u64::from(std::process::id()))
}

#[cfg(target_os = "linux")]
mod page {
    use std::ptr::null_mut;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// The number of this process, on a page that the kernel empties in every child, whoever forks
    /// and whatever hooks run; `None` where it cannot.
    static NUMBER: OnceLock<Option<&'static AtomicU64>> = OnceLock::new();
    /// The last number that was given; a child inherits it.
    static LAST: AtomicU64 = AtomicU64::new(0);

    pub(super) fn number() -> Option<u64> {
        let number = (*NUMBER.get_or_init(make))?;
        let known = number.load(Ordering::Relaxed);
        if known != 0 {
            return Some(known);
        }
        let next = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        // Of several threads that come here at once, all get what the first one wrote.
        match number.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Some(next),
            Err(written) => Some(written),
        }
    }

    fn make() -> Option<&'static AtomicU64> {
        let length = size_of::<AtomicU64>();
        // SAFETY: a new private mapping, which overlaps nothing.
        let page = unsafe {
            libc::mmap(
                null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if page == libc::MAP_FAILED {
            return None;
        }
        // SAFETY: the mapping is ours, and whole pages are what it is made of.
        if unsafe { libc::madvise(page, length, libc::MADV_WIPEONFORK) } != 0 {
            // SAFETY: nothing refers to it.
            unsafe { libc::munmap(page, length) };
            return None;
        }
        // SAFETY: the mapping is aligned to a page, holds zeros, which are a number, and is never
        // unmapped.
        Some(unsafe { &*page.cast::<AtomicU64>() })
    }
}

#[cfg(not(target_os = "linux"))]
mod page {
    pub(super) const fn number() -> Option<u64> {
        None
    }
}
