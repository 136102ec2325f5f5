//! Loads, stores and atomics: every access is checked for bounds, alignment, undefined content and races.

use std::sync::Arc;

use super::perform::{Target, perform, width};
use super::warp::Warp;
use super::{LANES, Machine, SameLaunch};
use crate::finding::{Finding, Status};
use crate::memory::allocation::{Allocation, Content};
use crate::memory::shadow::{Access, Cell, Conflict, Order};
use crate::memory::{resolve, same_window};
use crate::ptx::operation::{Address, Base, Operation, Space};

/// What an access does with its bytes.
#[derive(Clone, Copy, Debug)]
struct Effect {
    /// Bytes of the whole access.
    bytes: usize,
    reads: bool,
    writes: bool,
    /// Atomic or volatile: it races with plain accesses only.
    strong: bool,
}

/// Why an access is refused.
enum Refusal {
    Outside(String),
    Undefined(String),
    Race(&'static str, String, Conflict),
}

impl Machine<'_> {
    /// Runs a load, store or atomic in the active lanes, in the order of the launch.
    pub(super) fn access(
        &mut self,
        warp: &mut Warp,
        at: usize,
        active: u32,
        operation: &Operation,
    ) -> Result<(), Finding> {
        let (place, effect) = match operation {
            Operation::Load {
                kind,
                count,
                from,
                volatile,
                ..
            } => (
                from,
                Effect {
                    bytes: width(*kind, *count),
                    reads: true,
                    writes: false,
                    strong: *volatile,
                },
            ),
            Operation::Store {
                kind,
                count,
                to,
                volatile,
                ..
            } => (
                to,
                Effect {
                    bytes: width(*kind, *count),
                    reads: false,
                    writes: true,
                    strong: *volatile,
                },
            ),
            Operation::Atomic { kind, at, .. } => (
                at,
                Effect {
                    bytes: width(*kind, 1),
                    reads: true,
                    writes: true,
                    strong: true,
                },
            ),
            _ => return Ok(()),
        };
        let addresses = addresses(warp, place);
        let tag = Access::new(
            self.launch.issued.operation,
            self.number,
            warp.number * 32,
            self.barriers,
            warp.barriers,
        );
        let tag = if effect.strong { tag.atomic() } else { tag };
        if self.access_words(warp, at, active, operation, &addresses, tag) {
            return Ok(());
        }
        let mut allocation = self.cache[at].take();
        for step in 0..LANES {
            let lane = if self.launch.reversed {
                LANES - 1 - step
            } else {
                step
            };
            if active >> lane & 1 == 0 {
                continue;
            }
            let (space, address) = match place.space {
                Space::Generic => resolve(addresses[lane]),
                Space::Shared | Space::Local => {
                    (place.space, addresses[lane] & u64::from(u32::MAX))
                }
                space => (space, addresses[lane]),
            };
            if !address.is_multiple_of(effect.bytes as u64) {
                let what = format!(
                    "{} bytes at the unaligned address {address:#x}",
                    effect.bytes
                );
                return Err(self.finding(warp, at, 1 << lane, Status::MisalignedAddress, what));
            }
            let tag = tag.lane(lane as u32);
            let outcome = match space {
                Space::Shared => self.shared(address, effect, tag).map(|offset| {
                    perform(warp, lane, operation, Target::Shared(&self.shared), offset);
                }),
                Space::Local => self.local(warp, lane, address, effect).map(|offset| {
                    perform(warp, lane, operation, Target::Local, offset);
                }),
                Space::Constant => self
                    .read_only("constant", self.launch.constants, address, effect)
                    .map(|bytes| {
                        perform(warp, lane, operation, Target::Bytes(bytes), 0);
                    }),
                Space::Parameter => self
                    .read_only("parameter", self.launch.parameters, address, effect)
                    .map(|bytes| {
                        perform(warp, lane, operation, Target::Bytes(bytes), 0);
                    }),
                Space::Global | Space::Generic => {
                    if !allocation
                        .as_ref()
                        .is_some_and(|found| same_window(found.base(), address))
                    {
                        allocation = self.find(address);
                    }
                    self.global(allocation.as_deref(), address, effect, tag)
                        .map(|(content, offset, first)| {
                            if effect.writes {
                                self.first_written += first;
                            } else {
                                self.first_read += first;
                            }
                            perform(warp, lane, operation, Target::Shared(content), offset);
                        })
                }
            };
            outcome.map_err(|refusal| self.refused(warp, at, lane, effect, refusal))?;
        }
        self.cache[at] = allocation;
        Ok(())
    }

    /// The allocation of an address; the launch is noted as its user.
    fn find(&mut self, address: u64) -> Option<Arc<Allocation>> {
        let allocation = self.launch.memory.find(address)?;
        if !self.touched.contains(&allocation.base()) {
            self.touched.push(allocation.base());
            allocation.note_use(self.launch.stream, self.launch.issued.position);
        }
        Some(allocation)
    }

    /// The content, the offset in it, and how many words the launch touches for the first time.
    fn global<'a>(
        &self,
        allocation: Option<&'a Allocation>,
        address: u64,
        effect: Effect,
        tag: Access,
    ) -> Result<(&'a Content, usize, u64), Refusal> {
        let Some(allocation) = allocation else {
            return Err(Refusal::Outside(format!(
                "address {address:#x}, where nothing is allocated"
            )));
        };
        let Some(offset) = allocation.offset(address, effect.bytes) else {
            let offset = address.wrapping_sub(allocation.base()) as i64;
            return Err(Refusal::Outside(format!(
                "byte {offset} of an allocation of {}",
                allocation.bytes()
            )));
        };
        if effect.reads && !allocation.content().is_written(offset, effect.bytes) {
            return Err(Refusal::Undefined(format!(
                "byte {offset} of an allocation of {}",
                allocation.bytes()
            )));
        }
        let first = check(
            allocation.shadow(),
            offset,
            effect,
            tag,
            &self.launch.issued.past,
        )
        .map_err(|conflict| {
            Refusal::Race(
                "global",
                format!("byte {offset} of {}", allocation.bytes()),
                conflict,
            )
        })?;
        Ok((allocation.content(), offset, first))
    }

    fn shared(&self, address: u64, effect: Effect, tag: Access) -> Result<usize, Refusal> {
        let offset = address as usize;
        if offset + effect.bytes > self.shared_bytes {
            return Err(Refusal::Outside(format!(
                "byte {offset} of {} of shared memory",
                self.shared_bytes
            )));
        }
        if effect.reads && !self.shared.is_written(offset, effect.bytes) {
            return Err(Refusal::Undefined(format!(
                "byte {offset} of shared memory"
            )));
        }
        check(&self.shared_shadow, offset, effect, tag, &SameLaunch)
            .map_err(|conflict| Refusal::Race("shared", format!("byte {offset}"), conflict))?;
        Ok(offset)
    }

    fn local(
        &self,
        warp: &Warp,
        lane: usize,
        address: u64,
        effect: Effect,
    ) -> Result<usize, Refusal> {
        let (offset, bytes) = (address as usize, self.launch.kernel.local);
        if offset + effect.bytes > bytes {
            return Err(Refusal::Outside(format!(
                "byte {offset} of {bytes} of local memory"
            )));
        }
        let offset = lane * warp.local_stride + offset;
        if effect.reads && !warp.local.is_written(offset, effect.bytes) {
            return Err(Refusal::Undefined(format!(
                "byte {address} of local memory"
            )));
        }
        Ok(offset)
    }

    fn read_only<'a>(
        &self,
        name: &str,
        memory: &'a [u8],
        address: u64,
        effect: Effect,
    ) -> Result<&'a [u8], Refusal> {
        let start = usize::try_from(address).unwrap_or(usize::MAX);
        let bytes = start
            .checked_add(effect.bytes)
            .and_then(|end| memory.get(start..end));
        match bytes {
            Some(bytes) if !effect.writes => Ok(bytes),
            _ => Err(Refusal::Outside(format!(
                "byte {address} of {} of {name} memory",
                memory.len()
            ))),
        }
    }

    fn refused(
        &self,
        warp: &Warp,
        at: usize,
        lane: usize,
        effect: Effect,
        refusal: Refusal,
    ) -> Finding {
        let verb = if effect.writes { "writes" } else { "reads" };
        let (status, what) = match refusal {
            Refusal::Outside(place) => (
                Status::IllegalAddress,
                format!("{verb} outside of memory: {place}"),
            ),
            Refusal::Undefined(place) => (
                Status::LaunchFailed,
                format!("{verb} what was never written (uninitialised): {place}"),
            ),
            Refusal::Race(memory, place, conflict) => (
                Status::LaunchFailed,
                self.race(memory, format!("{verb} {place}"), conflict),
            ),
        };
        self.finding(warp, at, 1 << lane, status, what)
    }
}

/// Records the access in every word it touches; returns how many its operation touches for the first time.
#[inline]
fn check(
    shadow: &[Cell],
    offset: usize,
    effect: Effect,
    tag: Access,
    order: &impl Order,
) -> Result<u64, Conflict> {
    let cells = &shadow[offset / 4..(offset + effect.bytes).div_ceil(4)];
    cells.iter().try_fold(0, |words, cell| {
        let first = if effect.writes {
            cell.write(tag, order)?
        } else {
            cell.read(tag, order)?
        };
        Ok(words + u64::from(first))
    })
}

/// The address of each lane.
fn addresses(warp: &Warp, address: &Address) -> [u64; LANES] {
    let offset = address.offset as u64;
    match address.base {
        Base::None => [offset; LANES],
        Base::Word(register) => {
            warp.words[usize::from(register)].map(|base| u64::from(base).wrapping_add(offset))
        }
        Base::Double(register) => {
            warp.doubles[usize::from(register)].map(|base| base.wrapping_add(offset))
        }
    }
}
