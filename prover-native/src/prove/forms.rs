//! Linear forms of tensors: what the verifier evaluates at one point, the prover describes to the
//! backend, which writes it out over all cells.

use rayon::prelude::*;
use stwo_ml_verifier::claims::{Claim, Form};
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::vk::{Bits, Factor, Oracle, Term, Vk, Wiring};
use stwo_ml_verifier::wiring::for_each_entry;

use crate::backend::{self, Cells, Contracted, Part, Replacement};

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

/// Coordinates of which the table of `eq` is written out on the host.
const AXIS_BITS: usize = 8;

/// `eq(point, .)` as a product over runs of coordinates, the lowest bits first.
fn eq_axes(point: &[QM31]) -> Vec<Vec<QM31>> {
    point.rchunks(AXIS_BITS).map(eq_table).collect()
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

/// The form of one operand as a product over its digits, the lowest first.
fn axes(factors: &[Factor], side: Side, out: &[QM31], other: &[QM31]) -> Vec<Vec<QM31>> {
    let own = |f: &Factor| match side {
        Side::Left => (f.left, f.right),
        Side::Right => (f.right, f.left),
    };
    let mut factors: Vec<&Factor> = factors.iter().collect();
    factors.sort_by_key(|f| (own(f).0.shift, own(f).0.count));
    let axes = |factor: &Factor| {
        let (bits, rest) = own(factor);
        match factor.wiring {
            // A digit copied whole.
            Wiring::Diagonal { len }
                if len == 1 << bits.count && factor.out.count == bits.count && rest.count == 0 =>
            {
                eq_axes(slice(out, factor.out))
            }
            _ => vec![vector(factor, side, out, other)],
        }
    };
    factors.into_iter().flat_map(axes).collect()
}

/// The coefficients of the right operand of a bilinear term, `sum_k left[k] factors(out, k, .)`.
///
/// The left operand's axes are contracted or replaced by the right operand's one by one, so the
/// cost is that of reading the left operand once, plus smaller tables.
pub(super) fn contracted(term: &Term, left: Cells, right_bits: u32, out: &[QM31]) -> Contracted {
    // 1. Axes that the right operand lacks are summed, and first of all: the largest first.
    let mut axes: Vec<&Factor> = term.factors.iter().filter(|f| f.left.count > 0).collect();
    axes.sort_by_key(|f| std::cmp::Reverse((f.right.count == 0, f.left.count)));
    // Bits still held by each axis, as (shift, count), in the current table.
    let mut held: Vec<(u32, u32)> = axes
        .iter()
        .map(|f| (f.left.shift.into(), f.left.count.into()))
        .collect();
    let mut replacements = Vec::with_capacity(axes.len());
    for (i, factor) in axes.iter().enumerate() {
        let (shift, old) = held[i];
        let new = u32::from(factor.right.count);
        let weights = eq_table(slice(out, factor.out));
        let mut entries = Vec::new();
        for_each_entry(&factor.wiring, |e| {
            let out = if factor.out.count == 0 { 0 } else { e.out };
            let right = if new == 0 { 0 } else { e.right };
            let weight = weights[out as usize] * M31::from_i64(e.weight.into());
            entries.push((e.left, right, weight));
        });
        replacements.push(Replacement {
            shift,
            old,
            new,
            entries,
        });
        held[i].1 = new;
        for other in &mut held {
            if other.0 > shift {
                other.0 = other.0 + new - old;
            }
        }
    }
    let gather = axes
        .iter()
        .zip(held)
        .map(|(f, (shift, _))| (f.right, shift));
    // 2. Axes that the left operand lacks are spread; those that the right lacks too are numbers.
    let mut scale = QM31::ONE;
    let mut spread = Vec::new();
    for factor in term.factors.iter().filter(|f| f.left.count == 0) {
        let vector = vector(factor, Side::Right, out, &[]);
        match factor.right.count {
            0 => scale *= vector[0],
            _ => spread.push((factor.right, vector)),
        }
    }
    Contracted {
        left,
        replacements,
        log_size: right_bits,
        gather: gather.filter(|(bits, _)| bits.count > 0).collect(),
        spread,
        scale,
    }
}

/// `sum_k batch^k claim_k` as coefficients over all cells of an oracle.
pub(super) fn batched(vk: &Vk, claims: &[Claim<'_>], batch: QM31, oracle: Oracle) -> backend::Form {
    let mut parts = Vec::new();
    let mut power = QM31::ONE;
    for claim in claims {
        for part in &claim.parts {
            let tensor = &vk.tensors[part.tensor as usize];
            if tensor.oracle != oracle {
                continue;
            }
            let axes = match &part.form {
                Form::Point(point) => eq_axes(point),
                Form::Right { factors, out } => axes(factors, Side::Right, out, &[]),
                Form::Left {
                    factors,
                    out,
                    right,
                } => axes(factors, Side::Left, out, right),
            };
            parts.push(Part {
                offset: tensor.offset as usize,
                scale: power * part.coefficient,
                axes,
            });
        }
        power *= batch;
    }
    backend::Form::Sum(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Backend, Product, Scalar};
    use stwo_ml_verifier::Level;
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
        let expand = |axes: Vec<Vec<QM31>>| {
            axes.iter().fold(vec![QM31::ONE], |table, axis| {
                let entries = axis.iter();
                entries
                    .flat_map(|v| table.iter().map(move |t| *t * *v))
                    .collect()
            })
        };
        let by_left = expand(axes(&factors, Side::Left, &out, &right));
        assert_eq!(dot(&by_left, &eq_table(&left)), expected);
        assert_eq!(expand(eq_axes(&point(11, 4))), eq_table(&point(11, 4)));

        // The contracted form, through the reference backend, with the left operand committed.
        let cells: Vec<M31> = (0..32).map(|i| M31::reduce(i * i + 7)).collect();
        let term = Term {
            coefficient: 1,
            left: Some(0),
            right: 1,
            factors: factors.clone(),
            lo: 0,
            hi: 0,
        };
        let level = Level::Standard.parameters();
        let table = Scalar.commit(cells.clone(), 5, level).unwrap();
        let run = |log_size| Cells {
            oracle: Oracle::Weights,
            offset: 0,
            log_size,
        };
        let product = Product {
            base: run(4),
            form: backend::Form::Contracted(contracted(&term, run(5), 4, &out)),
        };
        let mut sumcheck = Scalar.products([&table; 2], &[product], 4).unwrap();
        for r in &right {
            sumcheck.bind(*r).unwrap();
        }
        let through_left: QM31 = by_left.iter().zip(&cells).map(|(f, c)| *f * *c).sum();
        assert_eq!(sumcheck.ends().unwrap()[0][1], through_left);
    }
}
