//! Runs a launch: block after block, warp after warp, 32 lanes at a time.
//!
//! Lanes of a warp that branch apart run in groups; the group at the lowest instruction runs first and
//! waits where another group stands, so that groups meet again as soon as they can. A block runs each
//! warp up to the next barrier.

mod access;
mod arithmetic;
mod compute;
mod exchange;
mod execute;
mod perform;
mod warp;
mod words;

use std::sync::Arc;

use crate::finding::{Finding, Status};
use crate::memory::Memory;
use crate::memory::allocation::{Allocation, Content};
use crate::memory::clocks::Issued;
use crate::memory::shadow::{self, Cell, Conflict, Order};
use crate::profile::Profile;
use crate::ptx::Kernel;
use crate::ptx::operation::{Instruction, Location, Operation};
use warp::{Wait, Warp};

/// Warps have 32 lanes.
const LANES: usize = 32;

/// What one launch needs.
#[derive(Debug)]
pub(crate) struct Launch<'l> {
    pub(crate) kernel: &'l Kernel,
    /// The parameter space, as the kernel's parameter list lays it out.
    pub(crate) parameters: &'l [u8],
    pub(crate) constants: &'l [u8],
    /// Addresses of the module's variables in global memory.
    pub(crate) globals: &'l [u64],
    pub(crate) memory: &'l Memory,
    /// Blocks of the grid and threads of a block, by axis.
    pub(crate) grid: [u32; 3],
    pub(crate) block: [u32; 3],
    /// Bytes of dynamic shared memory.
    pub(crate) dynamic_shared: usize,
    /// Runs the last block and the last warp first.
    pub(crate) reversed: bool,
    pub(crate) issued: &'l Issued,
    pub(crate) stream: u16,
}

/// A launch that runs.
#[derive(Debug)]
struct Machine<'l> {
    launch: &'l Launch<'l>,
    /// The block at hand: its index by axis and in the order of the grid.
    index: [u32; 3],
    number: u64,
    /// Barriers the block has passed.
    barriers: u32,
    shared: Content,
    shared_bytes: usize,
    shared_shadow: Vec<Cell>,
    /// The allocation each instruction touched last.
    cache: Vec<Option<Arc<Allocation>>>,
    /// Allocations in which this launch is noted.
    touched: Vec<u64>,
    /// Executions of each instruction: by warps, and by lanes.
    counts: Vec<(u64, u64)>,
    /// Words of global memory that the launch read before it wrote them, and that it wrote.
    first_read: u64,
    first_written: u64,
}

impl Launch<'_> {
    /// Runs all blocks; returns what was executed.
    ///
    /// # Errors
    /// The first thing that the kernel must not do.
    pub(crate) fn run(&self) -> Result<Profile, Finding> {
        let blocks = self
            .grid
            .iter()
            .map(|size| u64::from(*size))
            .product::<u64>();
        if blocks > shadow::BLOCKS {
            return Err(Finding::host(format!(
                "kernel {}: {blocks} blocks are more than the stand-in numbers ({})",
                self.kernel.name,
                shadow::BLOCKS
            )));
        }
        let shared_bytes = self.kernel.dynamic_shared + self.dynamic_shared;
        let mut machine = Machine {
            launch: self,
            index: [0; 3],
            number: 0,
            barriers: 0,
            shared: Content::new(shared_bytes),
            shared_bytes,
            shared_shadow: (0..shared_bytes.div_ceil(4))
                .map(|_| Cell::default())
                .collect(),
            cache: vec![None; self.kernel.code.len()],
            touched: Vec::new(),
            counts: vec![(0, 0); self.kernel.code.len()],
            first_read: 0,
            first_written: 0,
        };
        let threads = self.block.iter().product::<u32>();
        let mut warps: Vec<_> = (0..threads.div_ceil(32))
            .map(|number| Warp::new(self, number, threads))
            .collect();
        for block in 0..blocks {
            machine.run_block(
                if self.reversed {
                    blocks - 1 - block
                } else {
                    block
                },
                &mut warps,
            )?;
        }
        Ok(Profile {
            distinct_read: 4 * machine.first_read,
            distinct_written: 4 * machine.first_written,
            ..Profile::new(self.kernel, &machine.counts)
        })
    }
}

impl Machine<'_> {
    fn run_block(&mut self, number: u64, warps: &mut [Warp]) -> Result<(), Finding> {
        let [x, y, _] = self.launch.grid.map(u64::from);
        self.number = number;
        self.index = [number % x, number / x % y, number / (x * y)].map(|index| index as u32);
        self.barriers = 0;
        self.shared.clear();
        self.shared_shadow.iter().for_each(Cell::clear);
        warps
            .iter_mut()
            .for_each(|warp| warp.start(self.launch, self.index));
        loop {
            if self.launch.reversed {
                warps
                    .iter_mut()
                    .rev()
                    .try_for_each(|warp| self.run_warp(warp))?;
            } else {
                warps.iter_mut().try_for_each(|warp| self.run_warp(warp))?;
            }
            let mut waiting = warps.iter().filter(|warp| warp.live != 0);
            let Some(first) = waiting.next() else {
                return Ok(());
            };
            let at = first.groups[0].next;
            if let Some(other) = waiting.find(|warp| warp.groups[0].next != at) {
                let elsewhere = self.place(at);
                return Err(self.finding(
                    other,
                    other.groups[0].next,
                    other.live,
                    Status::LaunchFailed,
                    format!("waits at another barrier than the block's warp at {elsewhere}"),
                ));
            }
            self.barriers += 1;
            for warp in warps.iter_mut().filter(|warp| warp.live != 0) {
                warp.groups[0].next += 1;
                warp.groups[0].wait = Wait::Runs;
                warp.barriers = 0;
            }
        }
    }

    /// Runs a warp until all its lanes wait at one barrier or have returned.
    fn run_warp(&mut self, warp: &mut Warp) -> Result<(), Finding> {
        loop {
            warp.join_groups();
            let Some(best) = warp.lowest_running() else {
                break;
            };
            let limit = warp.limit(best);
            self.execute(warp, best, limit)?;
        }
        if let Some(group) = warp.groups.iter().find(|group| group.wait == Wait::Lanes) {
            let absent = warp.live & !group.mask;
            return Err(self.finding(warp, group.next, group.mask, Status::LaunchFailed, format!(
                "waits for lanes of its warp that never come (present {:08x}, elsewhere {absent:08x})",
                group.mask
            )));
        }
        if let [first, second, ..] = &warp.groups[..] {
            let elsewhere = self.place(first.next);
            return Err(self.finding(
                warp,
                second.next,
                second.mask,
                Status::LaunchFailed,
                format!("waits at another barrier than lanes of its own warp at {elsewhere}"),
            ));
        }
        Ok(())
    }

    fn instruction(&self, at: usize) -> &Instruction {
        &self.launch.kernel.code[at]
    }

    /// The source line of an instruction, for a sentence.
    fn place(&self, at: usize) -> String {
        let instruction = self.instruction(at);
        let name = |location: Location| {
            let file = self
                .launch
                .kernel
                .files
                .get(usize::from(location.file))
                .filter(|file| !file.is_empty());
            file.map(|file| format!("{file}:{}", location.line))
        };
        match (name(instruction.location), name(instruction.caller)) {
            (Some(inner), Some(caller)) if inner != caller => {
                format!("{inner}, called near {caller}")
            }
            (Some(inner), _) => inner,
            _ => format!("PTX line {}", instruction.line),
        }
    }

    /// A finding at an instruction, in the first lane of a mask.
    fn finding(&self, warp: &Warp, at: usize, mask: u32, status: Status, what: String) -> Finding {
        let thread = warp.number * 32 + mask.trailing_zeros().min(31);
        let [x, y, _] = self.launch.block;
        let thread = [thread % x, thread / x % y, thread / (x * y)];
        let text = format!(
            "kernel {}, block {:?}, thread {thread:?}, {}: {what}",
            self.launch.kernel.name,
            self.index,
            self.place(at)
        );
        Finding { status, text }
    }

    /// The sentence of a race.
    fn race(&self, memory: &str, at: String, conflict: Conflict) -> String {
        let verb = if conflict.earlier_writes {
            "write"
        } else {
            "read"
        };
        let Conflict { earlier, .. } = conflict;
        if earlier.operation() != self.launch.issued.operation {
            return format!(
                "race in {memory} memory, {at}: nothing orders this launch after a {verb} by an operation of another stream"
            );
        }
        format!(
            "race in {memory} memory, {at}: nothing orders it after a {verb} by block {} thread {}",
            earlier.block(),
            earlier.thread()
        )
    }
}

/// Orders accesses of one launch to its shared memory: there are no others.
#[derive(Debug)]
struct SameLaunch;

impl Order for SameLaunch {
    fn ordered(&self, _: u32) -> bool {
        true
    }
}

/// Whether an instruction needs all lanes of its mask at once.
fn gathers(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::Shuffle { .. } | Operation::Vote { .. } | Operation::WarpBarrier { .. }
    )
}
