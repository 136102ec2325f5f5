//! One lane's load, store or atomic, after all checks.

use super::warp::Warp;
use crate::memory::allocation::Content;
use crate::ptx::operation::{Atomic, Kind, Operation, Register};

/// Where the bytes of one lane's access are.
pub(super) enum Target<'a> {
    Shared(&'a Content),
    /// The warp's own local memory.
    Local,
    Bytes(&'a [u8]),
}

/// Moves the bytes.
#[inline]
pub(super) fn perform(
    warp: &mut Warp,
    lane: usize,
    operation: &Operation,
    target: Target<'_>,
    offset: usize,
) {
    match operation {
        Operation::Load {
            kind,
            count,
            wide,
            d,
            ..
        } => {
            let unit = width(*kind, 1);
            for (position, register) in d.iter().enumerate().take(usize::from(*count)) {
                let value = match target {
                    Target::Shared(content) => content.load(offset + position * unit, unit),
                    Target::Local => warp.local.load(offset + position * unit, unit),
                    Target::Bytes(bytes) => {
                        let mut value = [0; 8];
                        value[..unit].copy_from_slice(&bytes[position * unit..][..unit]);
                        u64::from_le_bytes(value)
                    }
                };
                let unused = 64 - 8 * unit as u32;
                let value = if kind.signed {
                    ((value << unused) as i64 >> unused) as u64
                } else {
                    value
                };
                set(warp, lane, *register, *wide, value);
            }
        }
        Operation::Store {
            kind,
            count,
            wide,
            a,
            ..
        } => {
            let unit = width(*kind, 1);
            let content = match target {
                Target::Shared(content) => content,
                _ => &warp.local,
            };
            for (position, register) in a.iter().enumerate().take(usize::from(*count)) {
                content.store(
                    offset + position * unit,
                    unit,
                    get(warp, lane, *register, *wide),
                );
            }
            content.mark(offset, unit * usize::from(*count));
        }
        Operation::Atomic {
            op, kind, d, a, b, ..
        } => {
            let wide = kind.bits == 64;
            let (operand, other) = (get(warp, lane, *a, wide), get(warp, lane, *b, wide));
            let content = match target {
                Target::Shared(content) => content,
                _ => &warp.local,
            };
            let old = content.update(offset, width(*kind, 1), |old| {
                modify(*op, *kind, old, operand, other)
            });
            if let Some(register) = d {
                set(warp, lane, *register, wide, old);
            }
        }
        _ => {}
    }
}

fn modify(op: Atomic, kind: Kind, old: u64, operand: u64, other: u64) -> u64 {
    let signed = |value: u64| {
        if kind.bits == 32 {
            i64::from(value as i32)
        } else {
            value as i64
        }
    };
    match op {
        Atomic::Add => old.wrapping_add(operand),
        Atomic::Minimum if kind.signed => {
            if signed(operand) < signed(old) {
                operand
            } else {
                old
            }
        }
        Atomic::Minimum => old.min(operand),
        Atomic::Maximum if kind.signed => {
            if signed(operand) > signed(old) {
                operand
            } else {
                old
            }
        }
        Atomic::Maximum => old.max(operand),
        Atomic::And => old & operand,
        Atomic::Or => old | operand,
        Atomic::Xor => old ^ operand,
        Atomic::Exchange => operand,
        Atomic::CompareAndSwap => {
            if old == operand {
                other
            } else {
                old
            }
        }
    }
}

#[inline]
fn get(warp: &Warp, lane: usize, register: Register, wide: bool) -> u64 {
    if wide {
        warp.doubles[usize::from(register)][lane]
    } else {
        u64::from(warp.words[usize::from(register)][lane])
    }
}

#[inline]
fn set(warp: &mut Warp, lane: usize, register: Register, wide: bool, value: u64) {
    if wide {
        warp.doubles[usize::from(register)][lane] = value;
    } else {
        warp.words[usize::from(register)][lane] = value as u32;
    }
}

#[inline]
pub(super) fn width(kind: Kind, count: u8) -> usize {
    usize::from(kind.bits.div_ceil(8)) * usize::from(count)
}
