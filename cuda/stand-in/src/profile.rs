//! What a launch executed: instructions by class and bytes by kind of memory.

use std::fmt;

use crate::ptx::Kernel;
use crate::ptx::operation::{Binary, Operation, Space, Ternary};

/// Counts of one kernel, summed over its launches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) launches: u64,
    /// Instructions of warps.
    pub(crate) warp_instructions: u64,
    /// Instructions of lanes, by class.
    pub(crate) arithmetic: u64,
    pub(crate) multiplications: u64,
    pub(crate) memory: u64,
    pub(crate) control: u64,
    pub(crate) exchanges: u64,
    /// Bytes that lanes moved.
    pub(crate) global_read: u64,
    pub(crate) global_written: u64,
    pub(crate) shared_read: u64,
    pub(crate) shared_written: u64,
    pub(crate) atomics: u64,
    /// Bytes of the words of global memory that a launch needs from before it, and that it leaves: each
    /// counted once a launch, however many lanes touch it. What a launch moves if its caches hold nothing before
    /// it and never forget within it.
    pub(crate) distinct_read: u64,
    pub(crate) distinct_written: u64,
}

impl Profile {
    /// From the executions of each instruction, by warps and by lanes.
    pub(crate) fn new(kernel: &Kernel, counts: &[(u64, u64)]) -> Self {
        let mut profile = Self {
            launches: 1,
            ..Self::default()
        };
        for (instruction, (warps, lanes)) in kernel.code.iter().zip(counts) {
            profile.warp_instructions += warps;
            profile.count(&instruction.operation, *lanes);
        }
        profile
    }

    fn count(&mut self, operation: &Operation, lanes: u64) {
        let bytes = |bits: u8, count: u8| lanes * u64::from(bits.div_ceil(8)) * u64::from(count);
        match operation {
            Operation::Load {
                kind, count, from, ..
            } => {
                self.memory += lanes;
                match from.space {
                    Space::Global | Space::Generic => self.global_read += bytes(kind.bits, *count),
                    Space::Shared => self.shared_read += bytes(kind.bits, *count),
                    _ => {}
                }
            }
            Operation::Store {
                kind, count, to, ..
            } => {
                self.memory += lanes;
                match to.space {
                    Space::Global | Space::Generic => {
                        self.global_written += bytes(kind.bits, *count)
                    }
                    Space::Shared => self.shared_written += bytes(kind.bits, *count),
                    _ => {}
                }
            }
            Operation::Atomic { .. } => {
                self.memory += lanes;
                self.atomics += lanes;
            }
            Operation::MultiplyWide { .. }
            | Operation::Ternary {
                op: Ternary::MultiplyAddLow,
                ..
            }
            | Operation::Binary {
                op: Binary::MultiplyLow | Binary::MultiplyHigh,
                ..
            } => self.multiplications += lanes,
            Operation::Shuffle { .. } | Operation::Vote { .. } => self.exchanges += lanes,
            Operation::Branch { .. }
            | Operation::BranchIndexed { .. }
            | Operation::Barrier
            | Operation::WarpBarrier { .. }
            | Operation::Fence
            | Operation::Return
            | Operation::Trap => self.control += lanes,
            _ => self.arithmetic += lanes,
        }
    }

    /// Adds another launch.
    pub(crate) fn add(&mut self, other: &Self) {
        self.launches += other.launches;
        self.warp_instructions += other.warp_instructions;
        self.arithmetic += other.arithmetic;
        self.multiplications += other.multiplications;
        self.memory += other.memory;
        self.control += other.control;
        self.exchanges += other.exchanges;
        self.global_read += other.global_read;
        self.global_written += other.global_written;
        self.shared_read += other.shared_read;
        self.shared_written += other.shared_written;
        self.atomics += other.atomics;
        self.distinct_read += other.distinct_read;
        self.distinct_written += other.distinct_written;
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "launches={} warp_instructions={} arithmetic={} multiplications={} memory={} control={} exchanges={} \
             global_read={} global_written={} shared_read={} shared_written={} atomics={} \
             distinct_read={} distinct_written={}",
            self.launches,
            self.warp_instructions,
            self.arithmetic,
            self.multiplications,
            self.memory,
            self.control,
            self.exchanges,
            self.global_read,
            self.global_written,
            self.shared_read,
            self.shared_written,
            self.atomics,
            self.distinct_read,
            self.distinct_written
        )
    }
}
