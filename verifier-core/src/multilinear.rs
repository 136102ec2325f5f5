//! Multilinear polynomials at points: `eq`, tables of `eq`, evaluation.
//!
//! A point lists the coordinate of the highest bit of an index first, because every sumcheck of
//! the protocol binds the highest remaining bit.

use alloc::vec;
use alloc::vec::Vec;

use crate::field::{M31, QM31};

/// `a + r (b - a)`: the line through `a` at 0 and `b` at 1.
pub fn lerp(a: QM31, b: QM31, r: QM31) -> QM31 {
    a + r * (b - a)
}

/// `eq(a, b)` of one coordinate: `(1 - a)(1 - b) + a b`.
pub fn eq1(a: QM31, b: QM31) -> QM31 {
    let product = a * b;
    QM31::ONE - a - b + product + product
}

/// `eq(a, b)` of points; missing coordinates of the shorter one are left out.
pub fn eq(a: &[QM31], b: &[QM31]) -> QM31 {
    a.iter().zip(b).map(|(a, b)| eq1(*a, *b)).product()
}

/// `eq(point, index)` for an index of `point.len()` bits.
pub fn eq_index(point: &[QM31], index: u32) -> QM31 {
    let bits = point.iter().rev().zip(0u32..);
    bits.map(|(p, bit)| {
        if index.checked_shr(bit).unwrap_or(0) & 1 == 1 {
            *p
        } else {
            QM31::ONE - *p
        }
    })
    .product()
}

/// `eq(point, i)` for every index `i` of `point.len()` bits.
pub fn eq_table(point: &[QM31]) -> Vec<QM31> {
    let mut table = vec![QM31::ONE];
    for p in point {
        table = table
            .into_iter()
            .flat_map(|e| {
                let high = e * *p;
                [e - high, high]
            })
            .collect();
    }
    table
}

/// The multilinear extension of `2^k` values at a point of `k` coordinates.
pub fn evaluate(values: impl IntoIterator<Item = QM31>, point: &[QM31]) -> QM31 {
    eq_table(point)
        .into_iter()
        .zip(values)
        .map(|(e, v)| e * v)
        .sum()
}

/// The coordinates of the lowest `count` bits.
pub fn low(point: &[QM31], count: usize) -> &[QM31] {
    point
        .get(point.len().saturating_sub(count)..)
        .unwrap_or_default()
}

/// The coordinates above the lowest `count` bits.
pub fn high(point: &[QM31], count: usize) -> &[QM31] {
    point
        .get(..point.len().saturating_sub(count))
        .unwrap_or_default()
}

/// `prod (1 - p)`: the indicator of index zero.
pub fn eq_zero(point: &[QM31]) -> QM31 {
    point.iter().map(|p| QM31::ONE - *p).product()
}

/// The multilinear extension of `i -> clamp(base + min(i, last), lo, hi)` at a point, in time
/// linear in the coordinates: a subtree on which the function is constant or `base + i` is
/// closed at once, and at most three thresholds cut a level.
pub fn clamped_ramp(point: &[QM31], base: i64, last: i64, lo: i64, hi: i64) -> QM31 {
    let value = |x: i64| QM31::from(M31::from_i64(x));
    let clamp = |i: i64| base.saturating_add(i.min(last)).max(lo).min(hi);
    // (coordinates left, first index of the subtree)
    fn walk(
        point: &[QM31],
        start: i64,
        clamp: &impl Fn(i64) -> i64,
        value: &impl Fn(i64) -> QM31,
    ) -> QM31 {
        let Some((p, rest)) = point.split_first() else {
            return value(clamp(start));
        };
        let half = 1i64
            .checked_shl(u32::try_from(rest.len()).unwrap_or(u32::MAX))
            .unwrap_or(0);
        let end = start.saturating_add(half.saturating_mul(2).saturating_sub(1));
        let (first, final_) = (clamp(start), clamp(end));
        if first == final_ {
            return value(first);
        }
        if final_.saturating_sub(first) == end.saturating_sub(start) {
            let weights = point.iter().rev().zip(0u32..);
            let ramp: QM31 = weights
                .map(|(p, bit)| *p * M31::reduce(1u64.checked_shl(bit).unwrap_or(0)))
                .sum();
            return value(first) + ramp;
        }
        let middle = start.saturating_add(half);
        lerp(
            walk(rest, start, clamp, value),
            walk(rest, middle, clamp, value),
            *p,
        )
    }
    walk(point, 0, &clamp, &value)
}
