//! Stack for code that descends into nested JSON.

/// Less than this is not enough for the deepest document that is read.
const ENOUGH: usize = 512 * 1024;
const NEW_STACK: usize = 2 * 1024 * 1024;

/// Runs this with enough stack, however little the calling thread has left: on Alpine a thread has
/// 128 KiB in all. Python must not run in it, as it knows the bounds of the thread's own stack only.
pub(crate) fn with_enough_stack<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(ENOUGH, NEW_STACK, work)
}
