//! Tables of linear forms: what the verifier evaluates at one point, the prover writes out over
//! all cells of a tensor.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;
use stwo_ml_verifier::claims::{Claim, Form};
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::vk::{Bits, Factor, Oracle, Term, Vk, Wiring};
use stwo_ml_verifier::wiring::for_each_entry;

/// `eq(point, i)` for every index, the highest bit first in the point.
pub(crate) fn eq_table(point: &[QM31]) -> Vec<QM31> {
    let mut table = Vec::with_capacity(1 << point.len());
    table.push(QM31::ONE);
    for p in point.iter().rev() {
        let half = table.len();
        table.resize(2 * half, QM31::ZERO);
        let (low, high) = table.split_at_mut(half);
        let split = |(l, h): (&mut QM31, &mut QM31)| {
            *h = *l * *p;
            *l -= *h;
        };
        if half >= 4096 {
            low.par_iter_mut().zip(high.par_iter_mut()).for_each(split);
        } else {
            low.iter_mut().zip(high.iter_mut()).for_each(split);
        }
    }
    table
}

/// The coordinates of a run of bits; none for an absent operand.
fn slice(point: &[QM31], bits: Bits) -> &[QM31] {
    if point.is_empty() {
        return &[];
    }
    let end = point.len() - bits.shift as usize;
    &point[end - bits.count as usize..end]
}

/// Which operand of a factor is written out.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// The vector of one factor over one operand's bits, the other operands at points.
fn vector(factor: &Factor, side: Side, out: &[QM31], other: &[QM31]) -> Vec<QM31> {
    let (own, rest) = match side {
        Side::Left => (factor.left, factor.right),
        Side::Right => (factor.right, factor.left),
    };
    let (out, other) = (
        eq_table(slice(out, factor.out)),
        eq_table(slice(other, rest)),
    );
    let mut vector = vec![QM31::ZERO; 1 << own.count];
    let has = |bits: Bits, index: u32| if bits.count == 0 { 0 } else { index as usize };
    for_each_entry(&factor.wiring, |e| {
        let (own_index, other_index) = match side {
            Side::Left => (has(own, e.left), has(rest, e.right)),
            Side::Right => (has(own, e.right), has(rest, e.left)),
        };
        let weight = out[has(factor.out, e.out)] * other[other_index];
        vector[own_index] += if e.weight == 1 {
            weight
        } else {
            weight * M31::from_i64(e.weight.into())
        };
    });
    vector
}

/// The outer product of the factors' vectors over an operand's bits.
fn expand(factors: &[Factor], side: Side, out: &[QM31], other: &[QM31]) -> Vec<QM31> {
    let own = |f: &Factor| match side {
        Side::Left => f.left,
        Side::Right => f.right,
    };
    let mut factors: Vec<&Factor> = factors.iter().collect();
    factors.sort_by_key(|f| (own(f).shift, own(f).count));
    let mut table = vec![QM31::ONE];
    for factor in factors {
        let vector = vector(factor, side, out, other);
        table = match vector.len() {
            1 => table.into_iter().map(|t| t * vector[0]).collect(),
            _ => vector
                .iter()
                .flat_map(|v| table.iter().map(move |t| *t * *v))
                .collect(),
        };
    }
    table
}

/// The coefficients of the right operand of a bilinear term, `sum_k left[k] factors(out, k, .)`.
///
/// The left operand's axes are contracted or replaced by the right operand's one by one, so the
/// cost is that of reading the left operand once, plus smaller tables.
pub(crate) fn right_form(term: &Term, left: &[M31], right_bits: u32, out: &[QM31]) -> Vec<QM31> {
    // 1. Axes that the right operand lacks are summed; the largest first, on base-field cells.
    let mut axes: Vec<&Factor> = term.factors.iter().filter(|f| f.left.count > 0).collect();
    axes.sort_by_key(|f| std::cmp::Reverse((f.right.count == 0, f.left.count)));
    // Bits still held by each axis, as (factor, shift, count), in the current table.
    let mut held: Vec<(&Factor, u32, u32)> = axes
        .iter()
        .map(|f| (*f, f.left.shift.into(), f.left.count.into()))
        .collect();
    let mut table: Option<Vec<QM31>> = None;
    for i in 0..held.len() {
        let (factor, shift, count) = held[i];
        let weights = eq_table(slice(out, factor.out));
        let new_count = u32::from(factor.right.count);
        table = Some(match table {
            None => replace_axis(left, factor, shift, new_count, &weights),
            Some(t) => replace_axis(&t, factor, shift, new_count, &weights),
        });
        held[i].2 = new_count;
        for other in &mut held {
            if other.1 > shift {
                other.1 = other.1 + new_count - count;
            }
        }
    }
    let table = table.unwrap_or_else(|| vec![QM31::from(left[0])]);
    // 2. Axes that the left operand lacks are spread; then everything takes the right's order.
    let spread: Vec<(&Factor, Vec<QM31>)> = term
        .factors
        .iter()
        .filter(|f| f.left.count == 0)
        .map(|f| (f, vector(f, Side::Right, out, &[])))
        .collect();
    let scalar: QM31 = spread
        .iter()
        .filter(|(f, _)| f.right.count == 0)
        .map(|(_, v)| v[0])
        .product();
    let digit = |index: usize, bits: Bits| (index >> bits.shift) & ((1 << bits.count) - 1);
    (0..1usize << right_bits)
        .into_par_iter()
        .with_min_len(1024)
        .map(|index| {
            let from: usize = held
                .iter()
                .map(|(f, shift, _)| digit(index, f.right) << shift)
                .sum();
            let spread = spread.iter().filter(|(f, _)| f.right.count > 0);
            spread.fold(table[from] * scalar, |v, (f, vector)| {
                v * vector[digit(index, f.right)]
            })
        })
        .collect()
}

/// `new[high, r, low] = sum over entries (o, l, r, w) of w weights[o] old[high, l, low]`.
fn replace_axis<T>(
    old: &[T],
    factor: &Factor,
    shift: u32,
    new_count: u32,
    weights: &[QM31],
) -> Vec<QM31>
where
    T: Copy + Sync,
    QM31: std::ops::Mul<T, Output = QM31> + std::ops::Mul<QM31, Output = QM31>,
{
    let low = 1usize << shift;
    let (old_block, new_block) = (low << factor.left.count, low << new_count);
    let mut new = vec![QM31::ZERO; old.len() / old_block * new_block];
    let mut entries = Vec::new();
    for_each_entry(&factor.wiring, |e| {
        let out = if factor.out.count == 0 {
            0
        } else {
            e.out as usize
        };
        let right = if new_count == 0 { 0 } else { e.right as usize };
        let weight = weights[out] * QM31::from(M31::from_i64(e.weight.into()));
        entries.push((e.left as usize, right, weight));
    });
    // Blocks are independent; within the only block of the highest axis, runs of cells are.
    let run = low.clamp(1, 256);
    new.par_chunks_mut(new_block)
        .zip(old.par_chunks(old_block))
        .for_each(|(new, old)| {
            let new = Cells(new.as_mut_ptr());
            (0..low / run).into_par_iter().for_each(|part| {
                let new = &new;
                let start = part * run;
                for &(l, r, weight) in &entries {
                    let source = &old[l * low + start..][..run];
                    // SAFETY: parts touch disjoint runs of every row of the block, all inside it.
                    let target =
                        unsafe { std::slice::from_raw_parts_mut(new.0.add(r * low + start), run) };
                    target
                        .iter_mut()
                        .zip(source)
                        .for_each(|(t, s)| *t += weight * *s);
                }
            });
        });
    new
}

/// A block that parallel tasks write in disjoint runs.
struct Cells(*mut QM31);
// SAFETY: `replace_axis` gives every task its own cells.
unsafe impl Sync for Cells {}

/// `sum_k batch^k claim_k` as coefficients over all cells of an oracle.
pub(crate) fn batched(
    vk: &Vk,
    claims: &[Claim<'_>],
    batch: QM31,
    oracle: Oracle,
    cells: usize,
) -> Vec<QM31> {
    let mut table = vec![QM31::ZERO; cells];
    let mut points: HashMap<&[QM31], Arc<Vec<QM31>>> = HashMap::new();
    let mut power = QM31::ONE;
    for claim in claims {
        for part in &claim.parts {
            let tensor = &vk.tensors[part.tensor as usize];
            if tensor.oracle != oracle {
                continue;
            }
            let form = match &part.form {
                Form::Point(point) => points
                    .entry(*point)
                    .or_insert_with(|| Arc::new(eq_table(point)))
                    .clone(),
                Form::Right { factors, out } => match whole(factors, tensor.log_size) {
                    true => points
                        .entry(*out)
                        .or_insert_with(|| Arc::new(eq_table(out)))
                        .clone(),
                    false => Arc::new(expand(factors, Side::Right, out, &[])),
                },
                Form::Left {
                    factors,
                    out,
                    right,
                } => Arc::new(expand(factors, Side::Left, out, right)),
            };
            let factor = power * part.coefficient;
            let target = &mut table[tensor.offset as usize..][..1 << tensor.log_size];
            target
                .par_iter_mut()
                .zip(form.par_iter())
                .with_min_len(1024)
                .for_each(|(t, f)| *t += factor * *f);
        }
        power *= batch;
    }
    table
}

/// Whether the wiring reads the tensor as it lies, padding included: then the form is `eq`.
fn whole(factors: &[Factor], log_size: u8) -> bool {
    matches!(factors, [Factor { out, right, wiring: Wiring::Diagonal { len }, .. }]
        if out == right && right.count == log_size && *len == 1 << log_size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stwo_ml_verifier::wiring::evaluate;

    fn element(seed: u64) -> QM31 {
        QM31::from_coordinates(std::array::from_fn(|k| {
            M31::reduce(
                (seed + 1)
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    .rotate_left(k as u32 * 13),
            )
        }))
    }

    fn point(count: usize, seed: u64) -> Vec<QM31> {
        (0..count as u64).map(|i| element(seed * 100 + i)).collect()
    }

    /// A convolution: box [o, y], left [o, c, k], right [c, i].
    fn factors() -> Vec<Factor> {
        let bits = |shift, count| Bits { shift, count };
        let none = Bits::default();
        vec![
            Factor {
                out: bits(2, 2),
                left: bits(3, 2),
                right: none,
                wiring: Wiring::Diagonal { len: 3 },
            },
            Factor {
                out: none,
                left: bits(2, 1),
                right: bits(3, 1),
                wiring: Wiring::Diagonal { len: 2 },
            },
            Factor {
                out: bits(0, 2),
                left: bits(0, 2),
                right: bits(0, 3),
                wiring: Wiring::Window {
                    out_len: 4,
                    taps: 3,
                    right_len: 7,
                    stride: 2,
                    dilation: 1,
                    padding: 1,
                },
            },
        ]
    }

    #[test]
    fn forms_agree_with_the_verifier() {
        let factors = factors();
        let (out, left, right) = (point(4, 1), point(5, 2), point(4, 3));
        let expected = evaluate(&factors, &out, &left, &right);
        let dot = |a: &[QM31], b: &[QM31]| -> QM31 { a.iter().zip(b).map(|(a, b)| *a * *b).sum() };
        let by_left = expand(&factors, Side::Left, &out, &right);
        assert_eq!(dot(&by_left, &eq_table(&left)), expected);
        let cells: Vec<M31> = (0..32).map(|i| M31::reduce(i * i + 7)).collect();
        let term = Term {
            coefficient: 1,
            left: Some(0),
            right: 1,
            factors: factors.clone(),
            lo: 0,
            hi: 0,
        };
        let form = right_form(&term, &cells, 4, &out);
        let through_left: QM31 = by_left.iter().zip(&cells).map(|(f, c)| *f * *c).sum();
        assert_eq!(dot(&form, &eq_table(&right)), through_left);
    }
}
