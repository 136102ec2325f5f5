//! Operations that touch nothing but the registers of a warp.

use super::LANES;
use super::arithmetic::*;
use super::warp::Warp;
use crate::ptx::operation::*;

/// Runs one in the active lanes.
pub(super) fn compute(warp: &mut Warp, active: u32, operation: &Operation) {
    macro_rules! word {
        ($register:expr) => {
            &warp.words[usize::from(*$register)]
        };
    }
    macro_rules! double {
        ($register:expr) => {
            &warp.doubles[usize::from(*$register)]
        };
    }
    match operation {
        Operation::Binary {
            op,
            kind: Kind { bits: 64, signed },
            d,
            a,
            b,
        } => {
            let kind = Kind {
                bits: 64,
                signed: *signed,
            };
            let result = match op {
                Binary::ShiftLeft | Binary::ShiftRight => {
                    shift_doubles(*op, kind, double!(a), word!(b))
                }
                _ => binary_doubles(*op, kind, double!(a), double!(b)),
            };
            warp.set_double(*d, active, &result);
        }
        Operation::Binary { op, kind, d, a, b } => {
            let result = binary_words(*op, *kind, word!(a), word!(b));
            warp.set_word(*d, active, &result);
        }
        Operation::Unary {
            op,
            kind: Kind { bits: 64, signed },
            d,
            a,
        } => match op {
            Unary::CountOnes | Unary::CountLeadingZeros | Unary::FindLeadingOne => {
                let result = count_doubles(*op, *signed, double!(a));
                warp.set_word(*d, active, &result);
            }
            _ => {
                let result = unary_doubles(*op, double!(a));
                warp.set_double(*d, active, &result);
            }
        },
        Operation::Unary { op, kind, d, a } => {
            let result = unary_words(*op, *kind, word!(a));
            warp.set_word(*d, active, &result);
        }
        Operation::Ternary {
            kind: Kind { bits: 64, .. },
            d,
            a,
            b,
            c,
            ..
        } => {
            let result = multiply_add_doubles(double!(a), double!(b), double!(c));
            warp.set_double(*d, active, &result);
        }
        Operation::Ternary {
            op,
            kind,
            d,
            a,
            b,
            c,
        } => {
            let result = ternary_words(*op, *kind, word!(a), word!(b), word!(c));
            warp.set_word(*d, active, &result);
        }
        Operation::ExtractField {
            kind,
            d,
            a,
            position,
            length,
        } => {
            let (lanes, position, length) = (
                warp.lanes(*a, kind.bits == 64),
                word!(position),
                word!(length),
            );
            let result =
                std::array::from_fn(|l| extract_field(lanes[l], position[l], length[l], *kind));
            warp.set_lanes(*d, kind.bits == 64, active, &result);
        }
        Operation::InsertField {
            d,
            a,
            b,
            position,
            length,
        } => {
            let (a, b, position, length) = (word!(a), word!(b), word!(position), word!(length));
            let result = std::array::from_fn(|l| insert_field(a[l], b[l], position[l], length[l]));
            warp.set_word(*d, active, &result);
        }
        Operation::MultiplyWide { kind, d, a, b, c } if kind.bits == 32 => {
            let product = multiply_wide(kind.signed, word!(a), word!(b));
            let result = match c {
                Some(c) => binary_doubles(
                    Binary::Add,
                    Kind {
                        bits: 64,
                        signed: false,
                    },
                    &product,
                    double!(c),
                ),
                None => product,
            };
            warp.set_double(*d, active, &result);
        }
        Operation::MultiplyWide { kind, d, a, b, c } => {
            let product: [u32; LANES] = std::array::from_fn(|l| {
                extend(word!(a)[l], *kind).wrapping_mul(extend(word!(b)[l], *kind))
            });
            let result = match c {
                Some(c) => std::array::from_fn(|l| product[l].wrapping_add(word!(c)[l])),
                None => product,
            };
            warp.set_word(*d, active, &result);
        }
        Operation::Carry {
            subtract,
            bits,
            takes,
            leaves,
            d,
            a,
            b,
        } => {
            let (a, b) = (warp.lanes(*a, *bits == 64), warp.lanes(*b, *bits == 64));
            let before = if *takes { warp.carry } else { 0 };
            let mut after = 0;
            let result = std::array::from_fn(|lane| {
                let (value, left) =
                    carry(*subtract, *bits, a[lane], b[lane], before >> lane & 1 == 1);
                after |= u32::from(left) << lane;
                value
            });
            warp.set_lanes(*d, *bits == 64, active, &result);
            if *leaves {
                warp.carry = warp.carry & !active | after & active;
            }
        }
        Operation::Convert {
            to,
            from,
            wide,
            d,
            a,
        } => {
            let lanes = warp.lanes(*a, *wide);
            let result = lanes.map(|value| {
                let unused = 64 - u32::from(from.bits);
                let value = if from.signed {
                    ((value << unused) as i64 >> unused) as u64
                } else {
                    value << unused >> unused
                };
                value & (u64::MAX >> (64 - to.bits))
            });
            warp.set_lanes(*d, to.bits == 64, active, &result);
        }
        Operation::Compare {
            op,
            kind,
            d,
            a,
            b,
            with,
        } => {
            let mut result = if kind.bits == 64 {
                compare_doubles(*op, *kind, double!(a), double!(b))
            } else {
                compare_words(*op, *kind, word!(a), word!(b))
            };
            if let Some((logic, predicate)) = with {
                result = combine(*logic, result, warp.holds(*predicate));
            }
            warp.set_predicate(*d, active, result);
        }
        Operation::Select { bits, d, a, b, by } => {
            let by = warp.holds(*by);
            if *bits == 64 {
                let (a, b) = (double!(a), double!(b));
                let result = std::array::from_fn(|l| if by >> l & 1 == 1 { a[l] } else { b[l] });
                warp.set_double(*d, active, &result);
            } else {
                let (a, b) = (word!(a), word!(b));
                let result = std::array::from_fn(|l| if by >> l & 1 == 1 { a[l] } else { b[l] });
                warp.set_word(*d, active, &result);
            }
        }
        Operation::Predicates { op, d, a, b } => {
            let result = combine(*op, warp.holds(*a), warp.holds(*b));
            warp.set_predicate(*d, active, result);
        }
        Operation::Pack {
            bits: 64,
            d,
            low,
            high,
        } => {
            let (low, high) = (word!(low), word!(high));
            let result = std::array::from_fn(|l| u64::from(high[l]) << 32 | u64::from(low[l]));
            warp.set_double(*d, active, &result);
        }
        Operation::Pack { bits, d, low, high } => {
            let (low, high) = (word!(low), word!(high));
            let mask = (1 << (bits / 2)) - 1;
            let result = std::array::from_fn(|l| high[l] << (bits / 2) | low[l] & mask);
            warp.set_word(*d, active, &result);
        }
        Operation::Unpack { bits, low, high, a } => {
            let (half, lanes) = (bits / 2, warp.lanes(*a, *bits == 64));
            let mask = u32::MAX >> (32 - half);
            if let Some(low) = low {
                warp.set_word(*low, active, &lanes.map(|value| value as u32 & mask));
            }
            if let Some(high) = high {
                warp.set_word(
                    *high,
                    active,
                    &lanes.map(|value| (value >> half) as u32 & mask),
                );
            }
        }
        Operation::ActiveMask { d } => warp.set_word(*d, active, &[active; LANES]),
        // Memory is in order here: a fence has nothing to do. The others never come here.
        _ => {}
    }
}

fn combine(op: Logic, a: u32, b: u32) -> u32 {
    match op {
        Logic::And => a & b,
        Logic::Or => a | b,
        Logic::Xor => a ^ b,
    }
}

#[inline]
fn set_lanes<T: Copy>(register: &mut [T; LANES], active: u32, value: &[T; LANES]) {
    if active == u32::MAX {
        *register = *value;
    } else {
        for lane in 0..LANES {
            register[lane] = if active >> lane & 1 == 1 {
                value[lane]
            } else {
                register[lane]
            };
        }
    }
}

impl Warp {
    #[inline]
    pub(super) fn set_word(&mut self, d: Register, active: u32, value: &[u32; LANES]) {
        set_lanes(&mut self.words[usize::from(d)], active, value);
    }

    #[inline]
    pub(super) fn set_double(&mut self, d: Register, active: u32, value: &[u64; LANES]) {
        set_lanes(&mut self.doubles[usize::from(d)], active, value);
    }

    /// The lanes of a register of either file, zero-extended.
    #[inline]
    pub(super) fn lanes(&self, a: Register, wide: bool) -> [u64; LANES] {
        if wide {
            self.doubles[usize::from(a)]
        } else {
            self.words[usize::from(a)].map(u64::from)
        }
    }

    #[inline]
    pub(super) fn set_lanes(&mut self, d: Register, wide: bool, active: u32, value: &[u64; LANES]) {
        if wide {
            self.set_double(d, active, value);
        } else {
            self.set_word(d, active, &value.map(|value| value as u32));
        }
    }
}
