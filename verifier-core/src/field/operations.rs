//! Counters of base-field operations, for benchmarks.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Multiplications since the start of the process.
pub static MULTIPLICATIONS: AtomicU64 = AtomicU64::new(0);
/// Additions and subtractions since the start of the process.
pub static ADDITIONS: AtomicU64 = AtomicU64::new(0);

#[inline]
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
