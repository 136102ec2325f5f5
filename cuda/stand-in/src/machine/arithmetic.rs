//! Integer operations on 32 lanes at once, in loops that the compiler turns into vector instructions.

use super::LANES;
use crate::ptx::operation::{Binary, Comparison, Kind, Ternary, Unary};

type Words = [u32; LANES];
type Doubles = [u64; LANES];

#[inline(always)]
fn map<A: Copy, R>(a: &[A; LANES], f: impl Fn(A) -> R) -> [R; LANES] {
    std::array::from_fn(|lane| f(a[lane]))
}

#[inline(always)]
fn zip<A: Copy, B: Copy, R>(a: &[A; LANES], b: &[B; LANES], f: impl Fn(A, B) -> R) -> [R; LANES] {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

/// A narrow value in a 32-bit register, extended as its kind says.
#[inline(always)]
pub(super) fn extend(value: u32, kind: Kind) -> u32 {
    let unused = 32 - u32::from(kind.bits.min(32));
    if kind.signed {
        ((value << unused) as i32 >> unused) as u32
    } else {
        value << unused >> unused
    }
}

#[inline(always)]
fn truncate(value: u32, bits: u8) -> u32 {
    if bits >= 32 {
        value
    } else {
        value & ((1 << bits) - 1)
    }
}

/// Operations of one operand of at most 32 bits.
pub(super) fn unary_words(op: Unary, kind: Kind, a: &Words) -> Words {
    let bits = u32::from(kind.bits);
    match op {
        Unary::Move => *a,
        Unary::Not => map(a, |a| truncate(!a, kind.bits)),
        Unary::Negate => map(a, |a| truncate(a.wrapping_neg(), kind.bits)),
        Unary::Absolute => map(a, |a| {
            truncate((extend(a, kind) as i32).unsigned_abs(), kind.bits)
        }),
        Unary::ReverseBits => map(a, |a| a.reverse_bits() >> (32 - bits)),
        Unary::CountOnes => map(a, u32::count_ones),
        Unary::CountLeadingZeros => map(a, |a| a.leading_zeros() - (32 - bits)),
        Unary::FindLeadingOne => map(a, |a| {
            let a = if kind.signed && (a as i32) < 0 { !a } else { a };
            31u32.wrapping_sub(a.leading_zeros())
        }),
    }
}

/// Operations of one 64-bit operand with a result of 64 bits.
pub(super) fn unary_doubles(op: Unary, a: &Doubles) -> Doubles {
    match op {
        Unary::Not => map(a, |a| !a),
        Unary::Negate => map(a, u64::wrapping_neg),
        Unary::Absolute => map(a, |a| (a as i64).unsigned_abs()),
        Unary::ReverseBits => map(a, u64::reverse_bits),
        _ => *a,
    }
}

/// Operations of one 64-bit operand with a result of 32 bits.
pub(super) fn count_doubles(op: Unary, signed: bool, a: &Doubles) -> Words {
    match op {
        Unary::CountOnes => map(a, u64::count_ones),
        Unary::CountLeadingZeros => map(a, u64::leading_zeros),
        _ => map(a, |a| {
            let a = if signed && (a as i64) < 0 { !a } else { a };
            63u32.wrapping_sub(a.leading_zeros())
        }),
    }
}

/// The operations of two operands at one width. Division by zero gives all ones, the remainder the dividend.
macro_rules! binary_operations {
    ($name:ident, $array:ty, $unsigned:ty, $signed:ty, $wide:ty, $signed_wide:ty) => {
        fn $name(op: Binary, signed: bool, a: &$array, b: &$array) -> $array {
            const BITS: u32 = <$unsigned>::BITS;
            match op {
                Binary::Add => zip(a, b, |a, b| a.wrapping_add(b)),
                Binary::Subtract => zip(a, b, |a, b| a.wrapping_sub(b)),
                Binary::MultiplyLow => zip(a, b, |a, b| a.wrapping_mul(b)),
                Binary::MultiplyHigh if signed => zip(a, b, |a, b| {
                    ((<$signed_wide>::from(a as $signed) * <$signed_wide>::from(b as $signed))
                        >> BITS) as $unsigned
                }),
                Binary::MultiplyHigh => zip(a, b, |a, b| {
                    ((<$wide>::from(a) * <$wide>::from(b)) >> BITS) as $unsigned
                }),
                Binary::Divide if signed => zip(a, b, |a, b| match b {
                    0 => <$unsigned>::MAX,
                    b => (a as $signed).wrapping_div(b as $signed) as $unsigned,
                }),
                Binary::Divide => zip(a, b, |a, b| a.checked_div(b).unwrap_or(<$unsigned>::MAX)),
                Binary::Remainder if signed => zip(a, b, |a, b| match b {
                    0 => a,
                    b => (a as $signed).wrapping_rem(b as $signed) as $unsigned,
                }),
                Binary::Remainder => zip(a, b, |a, b| a.checked_rem(b).unwrap_or(a)),
                Binary::Minimum if signed => {
                    zip(a, b, |a, b| (a as $signed).min(b as $signed) as $unsigned)
                }
                Binary::Minimum => zip(a, b, |a, b| a.min(b)),
                Binary::Maximum if signed => {
                    zip(a, b, |a, b| (a as $signed).max(b as $signed) as $unsigned)
                }
                Binary::Maximum => zip(a, b, |a, b| a.max(b)),
                Binary::And => zip(a, b, |a, b| a & b),
                Binary::Or => zip(a, b, |a, b| a | b),
                Binary::Xor => zip(a, b, |a, b| a ^ b),
                Binary::ShiftLeft | Binary::ShiftRight => *a,
            }
        }
    };
}
binary_operations!(binary32, Words, u32, i32, u64, i64);
binary_operations!(binary64, Doubles, u64, i64, u128, i128);

/// Operations of two operands of at most 32 bits; a shift's amount is in `b`.
#[inline]
pub(super) fn binary_words(op: Binary, kind: Kind, a: &Words, b: &Words) -> Words {
    let (a, extended) = match kind.bits {
        32 => (a, None),
        _ => (
            a,
            Some((map(a, |a| extend(a, kind)), map(b, |b| extend(b, kind)))),
        ),
    };
    let shifted = extended.as_ref().map_or(a, |(a, _)| a);
    let result = match op {
        Binary::ShiftLeft => zip(shifted, b, |a, b| if b < 32 { a << b } else { 0 }),
        Binary::ShiftRight if kind.signed => zip(shifted, b, |a, b| (a as i32 >> b.min(31)) as u32),
        Binary::ShiftRight => zip(shifted, b, |a, b| if b < 32 { a >> b } else { 0 }),
        _ => match &extended {
            Some((a, b)) => binary32(op, kind.signed, a, b),
            None => return binary32(op, kind.signed, a, b),
        },
    };
    map(&result, |value| truncate(value, kind.bits))
}

/// Operations of two 64-bit operands other than shifts.
#[inline]
pub(super) fn binary_doubles(op: Binary, kind: Kind, a: &Doubles, b: &Doubles) -> Doubles {
    binary64(op, kind.signed, a, b)
}

/// Shifts of 64 bits by a 32-bit amount.
pub(super) fn shift_doubles(op: Binary, kind: Kind, a: &Doubles, b: &Words) -> Doubles {
    match op {
        Binary::ShiftLeft => zip(a, b, |a, b| if b < 64 { a << b } else { 0 }),
        _ if kind.signed => zip(a, b, |a, b| (a as i64 >> b.min(63)) as u64),
        _ => zip(a, b, |a, b| if b < 64 { a >> b } else { 0 }),
    }
}

/// Products of twice the width.
pub(super) fn multiply_wide(signed: bool, a: &Words, b: &Words) -> Doubles {
    if signed {
        zip(a, b, |a, b| {
            (i64::from(a as i32) * i64::from(b as i32)) as u64
        })
    } else {
        zip(a, b, |a, b| u64::from(a) * u64::from(b))
    }
}

/// Operations of three operands of at most 32 bits.
pub(super) fn ternary_words(op: Ternary, kind: Kind, a: &Words, b: &Words, c: &Words) -> Words {
    let lanes = |f: &dyn Fn(u32, u32, u32) -> u32| -> Words {
        std::array::from_fn(|l| f(a[l], b[l], c[l]))
    };
    match op {
        Ternary::MultiplyAddLow => {
            std::array::from_fn(|l| truncate(a[l].wrapping_mul(b[l]).wrapping_add(c[l]), kind.bits))
        }
        Ternary::MultiplyAddHigh => {
            let high = binary32(Binary::MultiplyHigh, kind.signed, a, b);
            zip(&high, c, u32::wrapping_add)
        }
        Ternary::FunnelLeft { clamp: false } => {
            std::array::from_fn(|l| (double(a[l], b[l]) << (c[l] & 31) >> 32) as u32)
        }
        Ternary::FunnelRight { clamp: false } => {
            std::array::from_fn(|l| (double(a[l], b[l]) >> (c[l] & 31)) as u32)
        }
        Ternary::FunnelLeft { clamp: true } => {
            lanes(&|a, b, c| (double(a, b) << c.min(32) >> 32) as u32)
        }
        Ternary::FunnelRight { clamp: true } => {
            lanes(&|a, b, c| (double(a, b) >> c.min(32)) as u32)
        }
        Ternary::Logic(table) => lanes(&|a, b, c| {
            let term = |bit: u8, value: u32, by: u8| if bit & by != 0 { value } else { !value };
            (0..8)
                .filter(|bit| table >> bit & 1 == 1)
                .fold(0, |sum, bit| {
                    sum | term(bit, a, 4) & term(bit, b, 2) & term(bit, c, 1)
                })
        }),
        Ternary::Permute => std::array::from_fn(|l| permute(a[l], b[l], c[l])),
    }
}

/// Multiply-add of 64 bits.
pub(super) fn multiply_add_doubles(a: &Doubles, b: &Doubles, c: &Doubles) -> Doubles {
    std::array::from_fn(|lane| a[lane].wrapping_mul(b[lane]).wrapping_add(c[lane]))
}

#[inline(always)]
fn double(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// Each nibble of the selector chooses a byte, or its sign spread over a byte.
#[inline(always)]
fn permute(a: u32, b: u32, selector: u32) -> u32 {
    let bytes = double(a, b);
    (0..4).fold(0, |result, position| {
        let nibble = selector >> (4 * position) & 15;
        let byte = (bytes >> (8 * (nibble & 7))) as u8;
        let byte = if nibble & 8 != 0 {
            (byte as i8 >> 7) as u8
        } else {
            byte
        };
        result | u32::from(byte) << (8 * position)
    })
}

/// Bits of a value from a position; those past its end are zero, or its sign.
pub(super) fn extract_field(a: u64, position: u32, length: u32, kind: Kind) -> u64 {
    let (position, length) = (position & 255, (length & 255).min(64));
    if length == 0 {
        return 0;
    }
    let unused = 64 - u32::from(kind.bits);
    if !kind.signed {
        return if position >= 64 {
            0
        } else {
            a >> position & (u64::MAX >> (64 - length))
        };
    }
    let extended = (a << unused) as i64 >> unused >> position.min(63);
    let field = (extended << (64 - length) >> (64 - length)) as u64;
    field & (u64::MAX >> unused)
}

/// `length` bits of `a` put into `b` at `position`.
pub(super) fn insert_field(a: u32, b: u32, position: u32, length: u32) -> u32 {
    let (position, length) = (position & 255, (length & 255).min(32));
    if position >= 32 || length == 0 {
        return b;
    }
    let mask = (u32::MAX >> (32 - length)) << position;
    b & !mask | a << position & mask
}

/// Sum or difference of `bits` bits with a carry; returns it and the carry it leaves.
pub(super) fn carry(subtract: bool, bits: u8, a: u64, b: u64, carry: bool) -> (u64, bool) {
    // As the hardware: a difference borrows.
    let (a, b, carry) = (u128::from(a), u128::from(b), u128::from(carry));
    let result = if subtract {
        a.wrapping_sub(b).wrapping_sub(carry)
    } else {
        a + b + carry
    };
    let value = result as u64 & (u64::MAX >> (64 - bits));
    (value, result >> bits & 1 == 1)
}

#[inline(always)]
fn mask<A: Copy>(a: &[A; LANES], b: &[A; LANES], f: impl Fn(A, A) -> bool) -> u32 {
    let mut result = 0;
    for lane in 0..LANES {
        result |= u32::from(f(a[lane], b[lane])) << lane;
    }
    result
}

macro_rules! comparisons {
    ($name:ident, $array:ty, $signed:ty) => {
        fn $name(op: Comparison, signed: bool, a: &$array, b: &$array) -> u32 {
            match (op, signed) {
                (Comparison::Equal, _) => mask(a, b, |a, b| a == b),
                (Comparison::NotEqual, _) => mask(a, b, |a, b| a != b),
                (Comparison::Less, false) => mask(a, b, |a, b| a < b),
                (Comparison::LessEqual, false) => mask(a, b, |a, b| a <= b),
                (Comparison::Greater, false) => mask(a, b, |a, b| a > b),
                (Comparison::GreaterEqual, false) => mask(a, b, |a, b| a >= b),
                (Comparison::Less, true) => mask(a, b, |a, b| (a as $signed) < b as $signed),
                (Comparison::LessEqual, true) => mask(a, b, |a, b| a as $signed <= b as $signed),
                (Comparison::Greater, true) => mask(a, b, |a, b| a as $signed > b as $signed),
                (Comparison::GreaterEqual, true) => mask(a, b, |a, b| a as $signed >= b as $signed),
            }
        }
    };
}
comparisons!(compare32, Words, i32);
comparisons!(compare64, Doubles, i64);

/// The lanes where a comparison of at most 32 bits holds.
pub(super) fn compare_words(op: Comparison, kind: Kind, a: &Words, b: &Words) -> u32 {
    if kind.bits == 32 {
        return compare32(op, kind.signed, a, b);
    }
    compare32(
        op,
        kind.signed,
        &map(a, |a| extend(a, kind)),
        &map(b, |b| extend(b, kind)),
    )
}

/// The lanes where a comparison of 64 bits holds.
pub(super) fn compare_doubles(op: Comparison, kind: Kind, a: &Doubles, b: &Doubles) -> u32 {
    compare64(op, kind.signed, a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One lane of a comparison at a width.
    fn holds(op: Comparison, bits: u8, signed: bool, a: u64, b: u64) -> bool {
        let kind = Kind { bits, signed };
        let mask = if bits == 64 {
            compare_doubles(op, kind, &[a; LANES], &[b; LANES])
        } else {
            compare_words(op, kind, &[a as u32; LANES], &[b as u32; LANES])
        };
        assert!(mask == 0 || mask == u32::MAX);
        mask != 0
    }

    #[test]
    fn comparisons_follow_the_order_of_their_kind() {
        let edges = [
            0u64,
            1,
            0x7f,
            0x80,
            0xff,
            0x7fff,
            0x8000,
            0xffff,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_ffff,
            1 << 63,
            u64::MAX,
        ];
        for bits in [16u8, 32, 64] {
            let unused = 64 - u32::from(bits);
            for (a, b) in edges.iter().flat_map(|a| {
                edges
                    .iter()
                    .map(move |b| (a << unused >> unused, b << unused >> unused))
            }) {
                for signed in [false, true] {
                    let order = if signed {
                        ((a << unused) as i64).cmp(&((b << unused) as i64))
                    } else {
                        a.cmp(&b)
                    };
                    let expected = [
                        order.is_eq(),
                        order.is_ne(),
                        order.is_lt(),
                        order.is_le(),
                        order.is_gt(),
                        order.is_ge(),
                    ];
                    let ops = [
                        Comparison::Equal,
                        Comparison::NotEqual,
                        Comparison::Less,
                        Comparison::LessEqual,
                        Comparison::Greater,
                        Comparison::GreaterEqual,
                    ];
                    assert_eq!(
                        ops.map(|op| holds(op, bits, signed, a, b)),
                        expected,
                        "{bits} {signed} {a:#x} {b:#x}"
                    );
                }
            }
        }
    }

    #[test]
    fn fields_end_where_the_value_ends() {
        let word = |signed| Kind { bits: 32, signed };
        assert_eq!(extract_field(0xf0, 4, 4, word(false)), 15);
        assert_eq!(extract_field(0xf0, 4, 4, word(true)), 0xffff_ffff);
        assert_eq!(extract_field(0x8000_0000, 28, 32, word(true)), 0xffff_fff8);
        assert_eq!(extract_field(0x8000_0000, 40, 3, word(false)), 0);
        assert_eq!(extract_field(7, 0, 0, word(true)), 0);
        assert_eq!(insert_field(0xff, 0, 28, 8), 0xf000_0000);
        assert_eq!(insert_field(0xff, 5, 32, 8), 5);
    }

    #[test]
    fn carries_and_borrows_leave_at_their_width() {
        assert_eq!(carry(false, 32, 0xffff_ffff, 0, true), (0, true));
        assert_eq!(carry(false, 64, u64::MAX, u64::MAX, true), (u64::MAX, true));
        assert_eq!(carry(true, 64, 0, 0, true), (u64::MAX, true));
        assert_eq!(carry(true, 32, 5, 4, true), (0, false));
    }
}
