//! The loop over instructions of one group of lanes.

use super::compute::compute;
use super::warp::{Group, Wait, Warp};
use super::{LANES, Machine, gathers};
use crate::finding::{Finding, Status};
use crate::ptx::operation::*;

/// Instructions a group may run before it counts as endless.
const ENDLESS: u64 = 1 << 34;

impl Machine<'_> {
    /// Runs a group until it branches apart, waits, returns or reaches `limit`.
    pub(super) fn execute(
        &mut self,
        warp: &mut Warp,
        group: usize,
        limit: usize,
    ) -> Result<(), Finding> {
        let kernel = self.launch.kernel;
        let Group {
            mut next, mut mask, ..
        } = warp.groups[group];
        let mut steps = 0u64;
        while next < limit {
            let instruction = &kernel.code[next];
            let active = instruction
                .guard
                .map_or(mask, |guard| mask & warp.holds(guard));
            let count = &mut self.counts[next];
            count.0 += 1;
            count.1 += u64::from(active.count_ones());
            steps += 1;
            if steps > ENDLESS {
                return Err(self.finding(
                    warp,
                    next,
                    mask,
                    Status::LaunchFailed,
                    "runs without end".into(),
                ));
            }
            match &instruction.operation {
                Operation::Branch { target } => {
                    let target = *target as usize;
                    if active == mask {
                        let back = target <= next;
                        next = target;
                        // A loop must let groups behind it catch up.
                        if back && warp.groups.len() > 1 {
                            break;
                        }
                        continue;
                    }
                    if active != 0 {
                        warp.groups[group] = Group {
                            next: next + 1,
                            mask: mask & !active,
                            wait: Wait::Runs,
                        };
                        warp.groups.push(Group {
                            next: target,
                            mask: active,
                            wait: Wait::Runs,
                        });
                        return Ok(());
                    }
                }
                Operation::BranchIndexed { index, targets } if active != 0 => {
                    return self.branch_indexed(warp, group, next, mask, *index, targets);
                }
                Operation::Return => {
                    warp.live &= !active;
                    mask &= !active;
                    if mask == 0 {
                        warp.groups[group].mask = 0;
                        return Ok(());
                    }
                }
                Operation::Trap if active != 0 => {
                    return Err(self.finding(
                        warp,
                        next,
                        active,
                        Status::LaunchFailed,
                        "traps".into(),
                    ));
                }
                Operation::Barrier => {
                    if active != mask {
                        let what = "a barrier that some lanes skip".into();
                        return Err(self.finding(warp, next, active, Status::LaunchFailed, what));
                    }
                    warp.groups[group] = Group {
                        next,
                        mask,
                        wait: Wait::Barrier,
                    };
                    return Ok(());
                }
                operation if gathers(operation) && active != 0 => {
                    if self.waits_for_lanes(warp, next, active, operation)? {
                        if active != mask {
                            let what =
                                "a warp operation under a guard that some of its lanes do not pass"
                                    .into();
                            return Err(self.finding(
                                warp,
                                next,
                                active,
                                Status::LaunchFailed,
                                what,
                            ));
                        }
                        warp.groups[group] = Group {
                            next,
                            mask,
                            wait: Wait::Lanes,
                        };
                        return Ok(());
                    }
                    self.exchange(warp, next, active, operation)?;
                }
                Operation::Load { .. } | Operation::Store { .. } | Operation::Atomic { .. }
                    if active != 0 =>
                {
                    self.access(warp, next, active, &instruction.operation)?;
                }
                operation if active != 0 => compute(warp, active, operation),
                _ => {}
            }
            next += 1;
        }
        warp.groups[group].next = next;
        warp.groups[group].mask = mask;
        Ok(())
    }

    /// Splits a group by the entries of a jump table.
    fn branch_indexed(
        &self,
        warp: &mut Warp,
        group: usize,
        next: usize,
        mask: u32,
        index: Register,
        targets: &[u32],
    ) -> Result<(), Finding> {
        let indices = warp.words[usize::from(index)];
        warp.groups[group].mask = 0;
        for lane in (0..LANES).filter(|lane| mask >> lane & 1 == 1) {
            let Some(target) = targets.get(indices[lane] as usize) else {
                let what = format!(
                    "jumps to entry {} of a table of {}",
                    indices[lane],
                    targets.len()
                );
                return Err(self.finding(warp, next, 1 << lane, Status::LaunchFailed, what));
            };
            warp.groups.push(Group {
                next: *target as usize,
                mask: 1 << lane,
                wait: Wait::Runs,
            });
        }
        Ok(())
    }
}
