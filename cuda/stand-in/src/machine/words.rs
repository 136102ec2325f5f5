//! The access that most instructions make: one 32-bit word a lane, all in one memory.
//!
//! The checks are those of `access`, of the whole warp at once. Where one fails, nothing has been moved and
//! `access` repeats them lane by lane to say which and why: recording an access twice changes nothing.

use super::warp::Warp;
use super::{LANES, Machine, SameLaunch};
use crate::memory::allocation::Content;
use crate::memory::same_window;
use crate::memory::shadow::{Access, Cell, Order};
use crate::ptx::operation::{Kind, Operation, Register, Space};

/// A load into or a store from one register.
#[derive(Clone, Copy)]
enum Move {
    Load(Register),
    Store(Register),
}

impl Machine<'_> {
    /// Makes the access if it is of this form and passes all checks; else does nothing and returns false.
    pub(super) fn access_words(
        &mut self,
        warp: &mut Warp,
        at: usize,
        active: u32,
        operation: &Operation,
        addresses: &[u64; LANES],
        tag: Access,
    ) -> bool {
        let Some((direction, space)) = form(operation) else {
            return false;
        };
        match space {
            Space::Shared => {
                let offsets = addresses.map(|address| address as u32 as usize);
                let inside = (0..LANES).all(|lane| {
                    active >> lane & 1 == 0 || aligned_inside(offsets[lane], self.shared_bytes)
                });
                inside
                    && check(
                        &self.shared,
                        &self.shared_shadow,
                        &offsets,
                        active,
                        direction,
                        tag,
                        &SameLaunch,
                    )
                    .is_some()
                    && transfer(warp, &self.shared, &offsets, active, direction)
            }
            // Generic addresses of other memories lie in no allocation's window.
            Space::Global | Space::Generic => {
                let Some(allocation) = self.cache[at].take() else {
                    return false;
                };
                let offsets =
                    addresses.map(|address| address.wrapping_sub(allocation.base()) as usize);
                let inside = (0..LANES).all(|lane| {
                    active >> lane & 1 == 0
                        || same_window(addresses[lane], allocation.base())
                            && aligned_inside(offsets[lane], allocation.bytes())
                });
                let (content, shadow) = (allocation.content(), allocation.shadow());
                let past = &self.launch.issued.past;
                let first = if inside {
                    check(content, shadow, &offsets, active, direction, tag, past)
                } else {
                    None
                };
                if let Some(words) = first {
                    transfer(warp, content, &offsets, active, direction);
                    match direction {
                        Move::Load(_) => self.first_read += words,
                        Move::Store(_) => self.first_written += words,
                    }
                }
                self.cache[at] = Some(allocation);
                first.is_some()
            }
            _ => false,
        }
    }
}

fn form(operation: &Operation) -> Option<(Move, Space)> {
    const WORD: u8 = 32;
    match operation {
        Operation::Load {
            kind: Kind { bits: WORD, .. },
            count: 1,
            wide: false,
            d,
            from,
            volatile: false,
        } => Some((Move::Load(d[0]), from.space)),
        Operation::Store {
            kind: Kind { bits: WORD, .. },
            count: 1,
            wide: false,
            a,
            to,
            volatile: false,
        } => Some((Move::Store(a[0]), to.space)),
        _ => None,
    }
}

#[inline(always)]
fn aligned_inside(offset: usize, bytes: usize) -> bool {
    offset < bytes && bytes - offset >= 4 && offset.is_multiple_of(4)
}

/// How many of the words the launch touches for the first time; none if an access is refused.
#[inline(always)]
fn check(
    content: &Content,
    shadow: &[Cell],
    offsets: &[usize; LANES],
    active: u32,
    direction: Move,
    tag: Access,
    order: &impl Order,
) -> Option<u64> {
    let mut lanes = (0..LANES).filter(|lane| active >> lane & 1 == 1);
    lanes.try_fold(0, |words, lane| {
        let (cell, tag) = (&shadow[offsets[lane] / 4], tag.lane(lane as u32));
        let first = match direction {
            Move::Load(_) if !content.is_written(offsets[lane], 4) => return None,
            Move::Load(_) => cell.read(tag, order),
            Move::Store(_) => cell.write(tag, order),
        };
        first.ok().map(|first| words + u64::from(first))
    })
}

/// Moves the words; returns true, for it cannot fail.
#[inline(always)]
fn transfer(
    warp: &mut Warp,
    content: &Content,
    offsets: &[usize; LANES],
    active: u32,
    direction: Move,
) -> bool {
    let lanes = (0..LANES).filter(|lane| active >> lane & 1 == 1);
    match direction {
        Move::Load(d) => {
            let register = &mut warp.words[usize::from(d)];
            lanes.for_each(|lane| register[lane] = content.load(offsets[lane], 4) as u32);
        }
        Move::Store(a) => {
            let register = &warp.words[usize::from(a)];
            lanes.for_each(|lane| {
                content.store(offsets[lane], 4, u64::from(register[lane]));
                content.mark(offsets[lane], 4);
            });
        }
    }
    true
}
