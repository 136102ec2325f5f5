//! A warp: its registers, its lanes that still run, and the groups they run in.

use super::{LANES, Launch};
use crate::memory::allocation::Content;
use crate::ptx::operation::{Predicate, Register, Special};

/// What a group of lanes does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Runs,
    /// For the block's other threads.
    Barrier,
    /// For lanes of the warp.
    Lanes,
}

/// Lanes that stand at the same instruction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) next: usize,
    pub(super) mask: u32,
    pub(super) wait: Wait,
}

/// The state of 32 threads.
#[derive(Debug)]
pub(super) struct Warp {
    /// Its number in the block.
    pub(super) number: u32,
    pub(super) words: Vec<[u32; LANES]>,
    pub(super) doubles: Vec<[u64; LANES]>,
    /// A bit for each lane.
    pub(super) predicates: Vec<u32>,
    /// The carry flag of each lane.
    pub(super) carry: u32,
    /// Local memory, lane after lane.
    pub(super) local: Content,
    /// Bytes of a lane's local memory, padded so that every lane's is aligned.
    pub(super) local_stride: usize,
    /// Lanes that have not returned.
    pub(super) live: u32,
    pub(super) groups: Vec<Group>,
    /// Warp barriers passed since the last barrier.
    pub(super) barriers: u32,
    all: u32,
}

impl Warp {
    pub(super) fn new(launch: &Launch<'_>, number: u32, threads: u32) -> Self {
        let registers = &launch.kernel.registers;
        let local_stride = launch.kernel.local.next_multiple_of(16);
        let mut warp = Self {
            number,
            words: vec![[0; LANES]; registers.words],
            doubles: vec![[0; LANES]; registers.doubles],
            predicates: vec![0; registers.predicates],
            carry: 0,
            local: Content::new(local_stride * LANES),
            local_stride,
            live: 0,
            groups: Vec::new(),
            barriers: 0,
            all: match threads - number * 32 {
                1..32 => (1 << (threads - number * 32)) - 1,
                _ => u32::MAX,
            },
        };
        for (register, value) in &registers.constant_words {
            warp.words[usize::from(*register)] = [*value; LANES];
        }
        for (register, value) in &registers.constant_doubles {
            warp.doubles[usize::from(*register)] = [*value; LANES];
        }
        for (register, variable, offset) in &registers.global_addresses {
            let address = launch.globals[*variable].wrapping_add(*offset);
            warp.doubles[usize::from(*register)] = [address; LANES];
        }
        warp
    }

    /// Prepares for a block.
    pub(super) fn start(&mut self, launch: &Launch<'_>, index: [u32; 3]) {
        self.live = self.all;
        self.groups.clear();
        self.groups.push(Group {
            next: 0,
            mask: self.all,
            wait: Wait::Runs,
        });
        self.barriers = 0;
        self.local.clear();
        let [x, y, _] = launch.block;
        for (register, special) in &launch.kernel.registers.specials {
            let first = self.number * 32;
            self.words[usize::from(*register)] = match *special {
                Special::Thread(0) => std::array::from_fn(|lane| (first + lane as u32) % x),
                Special::Thread(1) => std::array::from_fn(|lane| (first + lane as u32) / x % y),
                Special::Thread(_) => std::array::from_fn(|lane| (first + lane as u32) / (x * y)),
                Special::Threads(axis) => [launch.block[usize::from(axis)]; LANES],
                Special::Block(axis) => [index[usize::from(axis)]; LANES],
                Special::Blocks(axis) => [launch.grid[usize::from(axis)]; LANES],
                Special::Lane => std::array::from_fn(|lane| lane as u32),
            };
        }
    }

    /// Drops empty groups and joins those that stand at the same instruction.
    pub(super) fn join_groups(&mut self) {
        self.groups.retain(|group| group.mask != 0);
        let mut first = 0;
        while first + 1 < self.groups.len() {
            let mut second = first + 1;
            while second < self.groups.len() {
                if self.groups[second].next == self.groups[first].next {
                    let joined = self.groups.swap_remove(second);
                    let group = &mut self.groups[first];
                    group.mask |= joined.mask;
                    // Whoever waits looks again, now that more lanes are here.
                    if group.wait != joined.wait || group.wait == Wait::Lanes {
                        group.wait = Wait::Runs;
                    }
                } else {
                    second += 1;
                }
            }
            first += 1;
        }
    }

    /// The running group at the lowest instruction.
    pub(super) fn lowest_running(&self) -> Option<usize> {
        let running = self
            .groups
            .iter()
            .enumerate()
            .filter(|(_, group)| group.wait == Wait::Runs);
        running
            .min_by_key(|(_, group)| group.next)
            .map(|(position, _)| position)
    }

    /// The next instruction above a group's where another group stands: there they may join.
    pub(super) fn limit(&self, of: usize) -> usize {
        let next = self.groups[of].next;
        self.groups
            .iter()
            .map(|group| group.next)
            .filter(|other| *other > next)
            .min()
            .unwrap_or(usize::MAX)
    }

    /// The lanes where a predicate holds.
    pub(super) fn holds(&self, predicate: Predicate) -> u32 {
        self.predicates[usize::from(predicate.register)]
            ^ if predicate.negated { u32::MAX } else { 0 }
    }

    pub(super) fn set_predicate(&mut self, register: Register, mask: u32, value: u32) {
        let predicate = &mut self.predicates[usize::from(register)];
        *predicate = *predicate & !mask | value & mask;
    }
}
