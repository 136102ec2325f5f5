//! Race detection: each word remembers its last writes and reads, and a later access must be ordered after them.
//!
//! Inside a launch, barriers order the threads of a block, `bar.warp.sync` those of a warp, and nothing
//! orders blocks. Atomic accesses conflict with plain ones only. Between launches and copies, streams and
//! events order. Counts of barriers are kept modulo 128 (32 inside a warp): a word left alone for exactly so
//! many can raise a false alarm, never hide a race. Of reads by operations of several streams the last is kept.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The last accesses of one 32-bit word; 0 is none.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    write: AtomicU64,
    read: AtomicU64,
}

/// Who accessed a word and when, packed: operation 22 bits, block 17, thread 10, barriers passed 7, warp
/// barriers passed 5, and three flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access(u64);

/// Operations (launches and copies) are numbered below this; 0 is none.
pub(crate) const OPERATIONS: u32 = 1 << 22;
/// Blocks of one launch, at most.
pub(crate) const BLOCKS: u64 = 1 << 17;

const OPERATION_AT: u32 = 42;
const BLOCK_AT: u32 = 25;
const WARP_AT: u32 = 20;
const THREAD_AT: u32 = 15;
const BARRIER_AT: u32 = 8;
const WARP_BARRIER_AT: u32 = 3;
/// An atomic or volatile access.
const ATOMIC: u64 = 4;
/// Stands for accesses by several threads of the block since its last barrier.
const SEVERAL: u64 = 2;
/// Stands for accesses by several blocks.
const SEVERAL_BLOCKS: u64 = 1;

impl Access {
    /// An access of a kernel's thread.
    #[inline]
    pub(crate) fn new(
        operation: u32,
        block: u64,
        thread: u32,
        barriers: u32,
        warp_barriers: u32,
    ) -> Self {
        Self(
            u64::from(operation) << OPERATION_AT
                | block << BLOCK_AT
                | u64::from(thread) << THREAD_AT
                | u64::from(barriers & 127) << BARRIER_AT
                | u64::from(warp_barriers & 31) << WARP_BARRIER_AT,
        )
    }

    #[inline]
    pub(crate) fn atomic(self) -> Self {
        Self(self.0 | ATOMIC)
    }

    /// The same access by a thread `lanes` further.
    #[inline]
    pub(crate) fn lane(self, lanes: u32) -> Self {
        Self(self.0 + (u64::from(lanes) << THREAD_AT))
    }

    pub(crate) fn operation(self) -> u32 {
        (self.0 >> OPERATION_AT) as u32
    }

    pub(crate) fn block(self) -> u64 {
        self.0 >> BLOCK_AT & (BLOCKS - 1)
    }

    pub(crate) fn thread(self) -> u32 {
        (self.0 >> THREAD_AT & 1023) as u32
    }

    /// Whether another access of the same operation is ordered before this one.
    #[inline]
    fn follows(self, earlier: Self) -> bool {
        let difference = self.0 ^ earlier.0;
        if earlier.0 & self.0 & ATOMIC != 0 {
            return true;
        }
        if difference >> BLOCK_AT != 0 || earlier.0 & SEVERAL_BLOCKS != 0 {
            return false;
        }
        difference >> BARRIER_AT & 127 != 0
            || earlier.0 & SEVERAL == 0
                && (difference >> THREAD_AT == 0
                    || difference >> WARP_AT == 0 && difference >> WARP_BARRIER_AT & 31 != 0)
    }

    /// One access that stands for an earlier one of the same operation and this one, neither plain write.
    #[inline]
    fn joined(self, earlier: Self) -> Self {
        if earlier.0 == 0 || earlier.operation() != self.operation() {
            return self;
        }
        let both_atomic = earlier.0 & self.0 & ATOMIC;
        let plain_follows = Self(self.0 & !ATOMIC).follows(earlier);
        let kept = earlier.0 & SEVERAL_BLOCKS;
        let difference = earlier.0 ^ self.0;
        let flags = if difference >> BLOCK_AT != 0 || kept != 0 {
            SEVERAL_BLOCKS
        } else if plain_follows {
            0
        } else {
            SEVERAL
        };
        // Where one access replaces the other, its own kind counts.
        let atomic = if flags == 0 {
            self.0 & ATOMIC
        } else {
            both_atomic
        };
        Self(self.0 & !ATOMIC | atomic | flags)
    }
}

/// An earlier access that nothing orders before the one at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) earlier: Access,
    pub(crate) earlier_writes: bool,
}

/// Decides whether an earlier operation is ordered before the one at hand.
pub(crate) trait Order {
    fn ordered(&self, operation: u32) -> bool;
}

impl Cell {
    pub(crate) fn clear(&self) {
        self.write.store(0, Relaxed);
        self.read.store(0, Relaxed);
    }

    /// Records a read; conflicts with an earlier write that it does not follow. Whether its operation
    /// touches the word for the first time.
    ///
    /// # Errors
    /// The write.
    #[inline]
    pub(crate) fn read(&self, access: Access, order: &impl Order) -> Result<bool, Conflict> {
        let write = self.after_write(access, order)?;
        let read = Access(self.read.load(Relaxed));
        self.read.store(access.joined(read).0, Relaxed);
        let operation = access.operation();
        Ok(read.operation() != operation && write.operation() != operation)
    }

    /// Records a write; conflicts with an earlier write or read that it does not follow. Whether its
    /// operation writes the word for the first time.
    ///
    /// # Errors
    /// The earlier access.
    #[inline]
    pub(crate) fn write(&self, access: Access, order: &impl Order) -> Result<bool, Conflict> {
        let write = self.after_write(access, order)?;
        let read = Access(self.read.load(Relaxed));
        if !precedes(read, access, order) {
            return Err(Conflict {
                earlier: read,
                earlier_writes: false,
            });
        }
        if access.0 & ATOMIC == 0 {
            // It follows everything so far: it stands for all of it.
            self.read.store(0, Relaxed);
            self.write.store(access.0, Relaxed);
        } else {
            self.write.store(access.joined(write).0, Relaxed);
        }
        Ok(write.operation() != access.operation())
    }

    #[inline]
    fn after_write(&self, access: Access, order: &impl Order) -> Result<Access, Conflict> {
        let write = Access(self.write.load(Relaxed));
        if precedes(write, access, order) {
            Ok(write)
        } else {
            Err(Conflict {
                earlier: write,
                earlier_writes: true,
            })
        }
    }
}

#[inline]
fn precedes(earlier: Access, access: Access, order: &impl Order) -> bool {
    if earlier.0 == 0 {
        return true;
    }
    if earlier.operation() != access.operation() {
        return order.ordered(earlier.operation());
    }
    access.follows(earlier)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Operations below a number are ordered.
    struct Before(u32);

    impl Order for Before {
        fn ordered(&self, operation: u32) -> bool {
            operation < self.0
        }
    }

    /// An access of operation 5: block, thread, barriers, warp barriers.
    fn at(block: u64, thread: u32, barriers: u32, warp_barriers: u32) -> Access {
        Access::new(5, block, thread, barriers, warp_barriers)
    }

    /// Whether a sequence of (access, writes) is free of conflicts.
    fn ordered(accesses: &[(Access, bool)]) -> bool {
        let cell = Cell::default();
        accesses.iter().all(|(access, writes)| {
            if *writes {
                cell.write(*access, &Before(5))
            } else {
                cell.read(*access, &Before(5))
            }
            .is_ok()
        })
    }

    const READ: bool = false;
    const WRITE: bool = true;

    #[test]
    fn an_operation_touches_a_word_once_for_the_first_time() {
        let (cell, before) = (Cell::default(), Before(9));
        let of = |operation, thread| Access::new(operation, 0, thread, 0, 0);
        let reads = |operation, thread| cell.read(of(operation, thread), &before).ok();
        let writes = |operation| cell.write(of(operation, 3), &before).ok();
        assert_eq!([reads(5, 3), reads(5, 3)], [Some(true), Some(false)]);
        // What it reads after its own write came from nowhere else.
        assert_eq!([writes(5), writes(5)], [Some(true), Some(false)]);
        assert_eq!(reads(5, 3), Some(false));
        assert_eq!([reads(6, 3), reads(6, 4)], [Some(true), Some(false)]);
        assert_eq!([writes(7), reads(7, 3)], [Some(true), Some(false)]);
    }

    #[test]
    fn a_thread_follows_itself() {
        assert!(ordered(&[
            (at(0, 3, 0, 0), WRITE),
            (at(0, 3, 0, 0), READ),
            (at(0, 3, 0, 0), WRITE)
        ]));
    }

    #[test]
    fn only_a_barrier_orders_threads() {
        assert!(!ordered(&[
            (at(0, 3, 0, 0), WRITE),
            (at(0, 40, 0, 0), READ)
        ]));
        assert!(!ordered(&[
            (at(0, 3, 0, 0), READ),
            (at(0, 40, 0, 0), WRITE)
        ]));
        assert!(!ordered(&[
            (at(0, 3, 0, 0), WRITE),
            (at(0, 40, 0, 0), WRITE)
        ]));
        assert!(ordered(&[
            (at(0, 3, 0, 0), WRITE),
            (at(0, 40, 1, 0), READ),
            (at(0, 3, 2, 0), WRITE)
        ]));
    }

    #[test]
    fn a_warp_barrier_orders_its_warp_only() {
        assert!(ordered(&[(at(0, 3, 0, 0), WRITE), (at(0, 31, 0, 1), READ)]));
        assert!(!ordered(&[
            (at(0, 3, 0, 0), WRITE),
            (at(0, 32, 0, 1), READ)
        ]));
        assert!(!ordered(&[
            (at(0, 3, 0, 0), WRITE),
            (at(0, 31, 0, 0), READ)
        ]));
    }

    #[test]
    fn nothing_orders_blocks() {
        assert!(!ordered(&[(at(0, 3, 0, 0), WRITE), (at(1, 3, 5, 3), READ)]));
        assert!(!ordered(&[
            (at(0, 3, 0, 0), READ),
            (at(1, 3, 0, 0), READ),
            (at(1, 3, 1, 0), WRITE)
        ]));
        assert!(!ordered(&[
            (at(1, 3, 0, 0), READ),
            (at(0, 3, 0, 0), READ),
            (at(1, 3, 9, 0), READ),
            (at(1, 3, 9, 0), WRITE)
        ]));
    }

    #[test]
    fn a_write_follows_all_reads_of_an_interval() {
        let readers = [(at(0, 3, 0, 0), READ), (at(0, 40, 0, 0), READ)];
        assert!(!ordered(&[
            readers[0],
            readers[1],
            (at(0, 40, 0, 0), WRITE)
        ]));
        assert!(!ordered(&[
            readers[0],
            readers[1],
            readers[1],
            (at(0, 40, 0, 0), WRITE)
        ]));
        assert!(ordered(&[readers[0], readers[1], (at(0, 40, 1, 0), WRITE)]));
    }

    #[test]
    fn atomics_conflict_with_plain_accesses_only() {
        let (a, b) = (at(0, 3, 0, 0), at(1, 3, 0, 0));
        assert!(ordered(&[
            (a.atomic(), WRITE),
            (b.atomic(), WRITE),
            (a.atomic(), READ)
        ]));
        assert!(!ordered(&[(a.atomic(), WRITE), (b, READ)]));
        assert!(!ordered(&[(a, READ), (b.atomic(), WRITE)]));
        // The last of several atomics is not the only one.
        assert!(!ordered(&[
            (a.atomic(), WRITE),
            (b.atomic(), WRITE),
            (b, READ)
        ]));
        let same_block = at(0, 50, 0, 0);
        assert!(!ordered(&[
            (a.atomic(), WRITE),
            (same_block.atomic(), WRITE),
            (same_block, READ)
        ]));
        assert!(ordered(&[
            (a.atomic(), WRITE),
            (same_block.atomic(), WRITE),
            (at(0, 50, 1, 0), READ)
        ]));
    }

    #[test]
    fn other_operations_are_ordered_by_their_streams() {
        let earlier = |operation| Access::new(operation, 7, 9, 0, 0);
        assert!(ordered(&[(earlier(4), WRITE), (at(0, 0, 0, 0), WRITE)]));
        assert!(!ordered(&[(earlier(6), WRITE), (at(0, 0, 0, 0), READ)]));
        assert!(!ordered(&[(earlier(6), READ), (at(0, 0, 0, 0), WRITE)]));
        assert!(ordered(&[(earlier(6), READ), (at(0, 0, 0, 0), READ)]));
    }
}
