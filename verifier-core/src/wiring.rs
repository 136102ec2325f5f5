//! Evaluation of the wiring of a term: the multilinear extension of its factors at a point of
//! the box, of the left and of the right operand.

use alloc::vec::Vec;

use crate::field::{M31, QM31};
use crate::multilinear::eq_table;
use crate::vk::{Bits, Entry, Factor, Wiring};

/// `prod_f factor_f(out, left, right)`. A point of an operand that does not take part is empty.
pub fn evaluate(factors: &[Factor], out: &[QM31], left: &[QM31], right: &[QM31]) -> QM31 {
    factors
        .iter()
        .map(|f| {
            factor(
                &f.wiring,
                bits(out, f.out),
                bits(left, f.left),
                bits(right, f.right),
            )
        })
        .product()
}

/// The coordinates of a run of bits. An absent operand (an empty point) has none.
fn bits(point: &[QM31], range: Bits) -> &[QM31] {
    let end = point.len().saturating_sub(range.shift.into());
    point
        .get(end.saturating_sub(range.count.into())..end)
        .unwrap_or_default()
}

fn factor(wiring: &Wiring, out: &[QM31], left: &[QM31], right: &[QM31]) -> QM31 {
    if let Wiring::Diagonal { len } = wiring {
        return diagonal(*len, [out, left, right]);
    }
    let (out, left, right) = (eq_table(out), eq_table(left), eq_table(right));
    let mut sum = QM31::ZERO;
    for_each_entry(wiring, |entry| {
        let [o, l, r] = [
            (&out, entry.out),
            (&left, entry.left),
            (&right, entry.right),
        ]
        .map(|(table, index)| at(table, index));
        let product = o * l * r;
        sum += if entry.weight == 1 {
            product
        } else {
            product * M31::from_i64(entry.weight.into())
        };
    });
    sum
}

fn at(table: &[QM31], index: u32) -> QM31 {
    usize::try_from(index)
        .ok()
        .and_then(|i| table.get(i))
        .copied()
        .unwrap_or(QM31::ZERO)
}

/// `sum_{j < len} prod_p eq(p, j)` over the points that have coordinates, in time linear in the
/// number of coordinates: index `j < len` agrees with `len` down to some bit where `len` has a
/// one and `j` a zero, and is free below.
fn diagonal(len: u32, points: [&[QM31]; 3]) -> QM31 {
    let width = points.iter().map(|p| p.len()).max().unwrap_or(0);
    // Per bit from the highest: the products of all p (bit one) and of all 1 - p (bit zero).
    let pairs: Vec<(QM31, QM31)> = (0..width)
        .map(|i| {
            let mut pair = (QM31::ONE, QM31::ONE);
            for p in points.iter().filter_map(|p| p.get(i)) {
                pair = (pair.0 * *p, pair.1 * (QM31::ONE - *p));
            }
            pair
        })
        .collect();
    if u32::try_from(width)
        .ok()
        .and_then(|w| 1u32.checked_shl(w))
        .is_some_and(|n| len >= n)
    {
        return pairs.iter().map(|(one, zero)| *one + *zero).product();
    }
    let (mut sum, mut below) = (QM31::ZERO, QM31::ONE);
    // From the lowest bit up: `sum` is the mass of indices below the low bits of `len`, `below`
    // that of all indices of these bits.
    for ((one, zero), bit) in pairs.iter().rev().zip(0u32..) {
        let set = len.checked_shr(bit).unwrap_or(0) & 1 == 1;
        sum = if set {
            *zero * below + *one * sum
        } else {
            *zero * sum
        };
        below *= *one + *zero;
    }
    sum
}

/// Calls `visit` with every triple of a wiring.
pub fn for_each_entry(wiring: &Wiring, mut visit: impl FnMut(Entry)) {
    match wiring {
        Wiring::Diagonal { len } => {
            (0..*len).for_each(|j| {
                visit(Entry {
                    out: j,
                    left: j,
                    right: j,
                    weight: 1,
                })
            });
        }
        Wiring::Window {
            out_len,
            taps,
            right_len,
            stride,
            dilation,
            padding,
        } => {
            for y in 0..*out_len {
                for k in 0..*taps {
                    let position = u64::from(y)
                        .saturating_mul((*stride).into())
                        .saturating_add(u64::from(k).saturating_mul((*dilation).into()))
                        .checked_sub((*padding).into())
                        .and_then(|i| u32::try_from(i).ok());
                    if let Some(right) = position.filter(|i| i < right_len) {
                        visit(Entry {
                            out: y,
                            left: k,
                            right,
                            weight: 1,
                        });
                    }
                }
            }
        }
        Wiring::Reshape {
            out_dims,
            right_dims,
        } => {
            let count: u32 = out_dims.iter().fold(1, |n, d| n.saturating_mul(*d));
            for flat in 0..count {
                visit(Entry {
                    out: padded_index(flat, out_dims),
                    left: 0,
                    right: padded_index(flat, right_dims),
                    weight: 1,
                });
            }
        }
        Wiring::Entries(entries) => entries.iter().for_each(|e| visit(*e)),
    }
}

/// Bits of an axis of `dim` positions.
pub fn axis_bits(dim: u32) -> u32 {
    crate::security::ceil_log2(dim.into())
}

/// Position of a row-major index in the box whose axes are padded to powers of two.
pub fn padded_index(flat: u32, dims: &[u32]) -> u32 {
    let (mut rest, mut index, mut shift) = (flat, 0u32, 0u32);
    for dim in dims.iter().rev() {
        let position = rest.checked_rem(*dim).unwrap_or(0);
        rest = rest.checked_div(*dim).unwrap_or(0);
        index |= position.checked_shl(shift).unwrap_or(0);
        shift = shift.saturating_add(axis_bits(*dim));
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multilinear::{clamped_ramp, evaluate as extension};

    fn point(count: u64, seed: u64) -> Vec<QM31> {
        let element = |i: u64| {
            QM31::from_coordinates(core::array::from_fn(|k| {
                M31::reduce((seed * 64 + i * 4 + k as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
            }))
        };
        (0..count).map(element).collect()
    }

    #[test]
    fn diagonal_equals_its_entries() {
        for width in 0..5u64 {
            for len in 1..=1u32 << width {
                for operands in 1..8u32 {
                    let at = |i: u32| match operands >> i & 1 {
                        1 => point(width, i.into()),
                        _ => Vec::new(),
                    };
                    if width == 0 && operands != 7 {
                        continue;
                    }
                    let points = [at(0), at(1), at(2)];
                    let tables = points.each_ref().map(|p| eq_table(p));
                    let expected: QM31 = (0..len as usize)
                        .map(|j| {
                            let own = tables.iter().zip(&points);
                            own.map(|(t, p)| if p.is_empty() { QM31::ONE } else { t[j] })
                                .product::<QM31>()
                        })
                        .sum();
                    assert_eq!(diagonal(len, points.each_ref().map(|p| &p[..])), expected);
                }
            }
        }
    }

    #[test]
    fn ramps_equal_their_tables() {
        let cases = [
            (-8, 15, 0, 5),
            (0, 9, -1, 100),
            (3, 15, 4, 4),
            (-8, 11, -3, 3),
            (-20, 15, 0, 9),
        ];
        for (base, last, lo, hi) in cases {
            let point = point(4, 9);
            let value = |i: i64| (base + i.min(last)).clamp(lo, hi);
            let table = (0..16).map(|i| QM31::from(M31::from_i64(value(i))));
            assert_eq!(
                clamped_ramp(&point, base, last, lo, hi),
                extension(table, &point)
            );
        }
    }
}
