//! The arithmetic of the witness: the products of a term, summed over a box.

use rayon::prelude::*;
use stwo_ml_verifier::vk::{Bits, Factor, Term};
use stwo_ml_verifier::wiring::for_each_entry;

/// Most products that are listed for the innermost loops.
const INNER: usize = 1 << 12;
/// Fewer products than this are not worth a second thread.
const PARALLEL: usize = 1 << 16;

/// One product: its cells in the box, the left and the right operand, and its weight.
#[derive(Clone, Copy)]
struct Path {
    cells: [usize; 3],
    weight: i64,
}

/// Products of one weight whose cells lie in equal steps.
struct Run {
    first: Path,
    step: [usize; 3],
    len: usize,
}

/// Adds `coefficient * term` to the box.
pub(super) fn add_term(term: &Term, left: Option<&[i32]>, right: &[i32], sum: &mut [i64]) {
    let (mut outer, inner) = multiply_out(term);
    let products = outer.len() * inner.len();
    let span = inner.iter().map(|p| p.cells[0] + 1).max().unwrap_or(0);
    let runs = runs(&inner);
    // The outer paths that begin at one cell of the box add to the same part of it.
    outer.sort_by_key(|path| path.cells[0]);
    let groups = outer.chunk_by(|a, b| a.cells[0] == b.cells[0]);
    let groups: Vec<_> = groups.map(|group| (group[0].cells[0], group)).collect();
    let add = |group: &[Path], part: &mut [i64]| {
        for path in group {
            for run in &runs {
                run.add(
                    [path.cells[1], path.cells[2]],
                    path.weight,
                    left,
                    right,
                    part,
                );
            }
        }
    };
    let disjoint = groups.windows(2).all(|pair| pair[1].0 - pair[0].0 >= span);
    if disjoint && products >= PARALLEL {
        let (mut parts, mut rest, mut at) = (Vec::with_capacity(groups.len()), sum, 0);
        for (start, group) in groups {
            let (part, after) = rest[start - at..].split_at_mut(span);
            parts.push((group, part));
            (rest, at) = (after, start + span);
        }
        let parts = parts.into_par_iter();
        parts.for_each(|(group, part)| add(group, part));
    } else {
        for (start, group) in groups {
            add(group, &mut sum[start..]);
        }
    }
}

/// The products of the factors' entries as those of two lists, of which the second is to run
/// innermost: it has the factors over the lowest bits of the operands.
fn multiply_out(term: &Term) -> (Vec<Path>, Vec<Path>) {
    let mut factors: Vec<&Factor> = term.factors.iter().collect();
    let lowest = |bits: Bits| if bits.count == 0 { u8::MAX } else { bits.shift };
    factors.sort_by_key(|f| (lowest(f.left).min(lowest(f.right)), lowest(f.out)));
    let one = |weight| {
        let cells = [0; 3];
        vec![Path { cells, weight }]
    };
    let (mut outer, mut inner) = (one(term.coefficient.into()), one(1));
    for factor in factors {
        let entries = entries(factor);
        // The first factor runs innermost however long it is: its runs are as long.
        if inner.len() == 1 || inner.len() * entries.len() <= INNER {
            inner = multiply(&entries, &inner);
        } else {
            outer = multiply(&outer, &entries);
        }
    }
    (outer, inner)
}

/// The entries of a factor, in that of three orders in which they make the fewest runs.
fn entries(factor: &Factor) -> Vec<Path> {
    let mut paths = Vec::new();
    for_each_entry(&factor.wiring, |entry| {
        let place = |bits: Bits, index: u32| match bits.count {
            0 => 0,
            _ => (index as usize) << bits.shift,
        };
        paths.push(Path {
            cells: [
                place(factor.out, entry.out),
                place(factor.left, entry.left),
                place(factor.right, entry.right),
            ],
            weight: entry.weight.into(),
        });
    });
    if runs(&paths).len() <= 1 {
        return paths;
    }
    let orders = [[1, 0, 2], [2, 0, 1]].map(|order| {
        let mut paths = paths.clone();
        paths.sort_by_key(|path| order.map(|i| path.cells[i]));
        paths
    });
    let orders = std::iter::once(paths).chain(orders);
    orders
        .min_by_key(|paths| runs(paths).len())
        .expect("orders")
}

fn multiply(high: &[Path], low: &[Path]) -> Vec<Path> {
    let join = |a: &Path, b: &Path| Path {
        cells: std::array::from_fn(|i| a.cells[i] + b.cells[i]),
        weight: a.weight * b.weight,
    };
    high.iter()
        .flat_map(|a| low.iter().map(move |b| join(a, b)))
        .collect()
}

/// The paths as runs.
fn runs(mut paths: &[Path]) -> Vec<Run> {
    let mut runs = Vec::new();
    while let [first, rest @ ..] = paths {
        let step = |from: &Path, to: &Path| -> Option<[usize; 3]> {
            let [out, left, right] = [0, 1, 2].map(|i| to.cells[i].checked_sub(from.cells[i]));
            (from.weight == to.weight).then_some([out?, left?, right?])
        };
        let own = rest.first().and_then(|second| step(first, second));
        let len = match own {
            None => 1,
            Some(_) => {
                1 + paths
                    .windows(2)
                    .take_while(|p| step(&p[0], &p[1]) == own)
                    .count()
            }
        };
        runs.push(Run {
            first: *first,
            step: own.unwrap_or([0; 3]),
            len,
        });
        paths = &paths[len..];
    }
    runs
}

impl Run {
    /// Adds `weight` times the products of the run, moved to `at` in the operands.
    fn add(
        &self,
        at: [usize; 2],
        weight: i64,
        left: Option<&[i32]>,
        right: &[i32],
        sum: &mut [i64],
    ) {
        let [out, l, r] = self.first.cells;
        let ([l, r], weight) = ([at[0] + l, at[1] + r], weight * self.first.weight);
        let [out_step, left_step, right_step] = self.step;
        match (left, self.step) {
            // A row of the right operand, scaled.
            (_, [1, 0, 1]) => {
                let scale = weight * left.map_or(1, |left| i64::from(left[l]));
                let cells = sum[out..][..self.len].iter_mut();
                let values = right[r..][..self.len].iter();
                match i32::try_from(scale) {
                    // Products of 32-bit numbers are instructions of their own.
                    Ok(scale) => cells
                        .zip(values)
                        .for_each(|(s, v)| *s += i64::from(scale) * i64::from(*v)),
                    Err(_) => cells
                        .zip(values)
                        .for_each(|(s, v)| *s += scale * i64::from(*v)),
                }
            }
            // An inner product.
            (Some(left), [0, 1, 1]) => {
                let pairs = left[l..][..self.len].iter().zip(&right[r..][..self.len]);
                let products = pairs.map(|(a, b)| i64::from(*a) * i64::from(*b));
                sum[out] += weight * products.sum::<i64>();
            }
            _ => {
                for i in 0..self.len {
                    let value = left.map_or(1, |left| i64::from(left[l + i * left_step]));
                    let product = value * i64::from(right[r + i * right_step]);
                    sum[out + i * out_step] += weight * product;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use stwo_ml_verifier::vk::{Entry, Wiring};

    use super::*;

    const ABSENT: Bits = Bits { shift: 0, count: 0 };

    fn bits(shift: u8, count: u8) -> Bits {
        Bits { shift, count }
    }

    fn diagonal(len: u32, out: Bits, left: Bits, right: Bits) -> Factor {
        let wiring = Wiring::Diagonal { len };
        Factor {
            out,
            left,
            right,
            wiring,
        }
    }

    /// The definition: every choice of one entry per factor.
    fn literally(term: &Term, left: Option<&[i32]>, right: &[i32], sum: &mut [i64]) {
        fn choose(factors: &[Factor], path: Path, visit: &mut dyn FnMut(Path)) {
            let Some((factor, rest)) = factors.split_first() else {
                return visit(path);
            };
            for_each_entry(&factor.wiring, |entry| {
                let mut next = path;
                let indices = [entry.out, entry.left, entry.right];
                let ranges = [factor.out, factor.left, factor.right];
                for (cell, (index, range)) in
                    next.cells.iter_mut().zip(indices.into_iter().zip(ranges))
                {
                    if range.count > 0 {
                        *cell += (index as usize) << range.shift;
                    }
                }
                next.weight *= i64::from(entry.weight);
                choose(rest, next, visit);
            });
        }
        let start = Path {
            cells: [0; 3],
            weight: term.coefficient.into(),
        };
        choose(&term.factors, start, &mut |path| {
            let [o, l, r] = path.cells;
            let left = left.map_or(1, |left| i64::from(left[l]));
            sum[o] += path.weight * left * i64::from(right[r]);
        });
    }

    /// Values of either sign below 2^11.
    fn values(log_size: u8) -> Vec<i32> {
        let value = |i: u32| i.wrapping_mul(0x9e37_79b9).cast_signed() >> 20;
        (0..1 << log_size).map(value).collect()
    }

    /// Compares on operands of the sizes that the factors' bits make.
    fn check(coefficient: i32, bilinear: bool, factors: Vec<Factor>) {
        let size = |part: fn(&Factor) -> Bits| factors.iter().map(|f| part(f).count).sum();
        let (out, left, right): (u8, u8, u8) =
            (size(|f| f.out), size(|f| f.left), size(|f| f.right));
        let left = bilinear.then(|| values(left));
        let right = values(right);
        let term = Term {
            coefficient,
            left: bilinear.then_some(0),
            right: 1,
            factors,
            lo: 0,
            hi: 0,
        };
        let (mut sum, mut expected) = (vec![7; 1 << out], vec![7; 1 << out]);
        add_term(&term, left.as_deref(), &right, &mut sum);
        literally(&term, left.as_deref(), &right, &mut expected);
        assert!(sum == expected, "{term:?}");
    }

    #[test]
    fn products_of_matrices_in_every_layout() {
        // Left (m, k) or (k, m), right (k, n) or (n, k), box (m, n) or (n, m): 40 x 41 x 42.
        for layout in 0..8u8 {
            let place =
                |transposed: bool, high: bool| bits(if transposed == high { 0 } else { 6 }, 6);
            let [box_, left, right] = [1, 2, 4].map(|bit| layout & bit != 0);
            let factors = vec![
                diagonal(40, place(box_, true), place(left, true), ABSENT),
                diagonal(41, ABSENT, place(left, false), place(right, true)),
                diagonal(42, place(box_, false), ABSENT, place(right, false)),
            ];
            check(-3, true, factors);
        }
    }

    #[test]
    fn convolutions() {
        for (stride, dilation, padding) in [(1, 1, 0), (1, 1, 2), (2, 1, 1), (1, 2, 3)] {
            let window = |out: Bits, left: Bits, right: Bits| Factor {
                out,
                left,
                right,
                wiring: Wiring::Window {
                    out_len: 12,
                    taps: 3,
                    right_len: 14,
                    stride,
                    dilation,
                    padding,
                },
            };
            // Box (channel, y, x), kernel (out, in, y, x), input (in, y, x).
            let factors = vec![
                diagonal(5, bits(8, 3), bits(6, 3), ABSENT),
                diagonal(4, ABSENT, bits(4, 2), bits(8, 2)),
                window(bits(4, 4), bits(2, 2), bits(4, 4)),
                window(bits(0, 4), bits(0, 2), bits(0, 4)),
            ];
            check(1, true, factors);
        }
    }

    #[test]
    fn one_operand_weights_and_scales_beyond_32_bits() {
        check(5, false, vec![diagonal(30, bits(0, 5), ABSENT, bits(0, 5))]);
        let reshape = Wiring::Reshape {
            out_dims: vec![6, 10],
            right_dims: vec![4, 15],
        };
        let factor = |wiring| Factor {
            out: bits(0, 7),
            left: ABSENT,
            right: bits(0, 6),
            wiring,
        };
        check(1, false, vec![factor(reshape)]);
        let entry = |i: u32| Entry {
            out: i * 37 % 128,
            left: 0,
            right: i * 11 % 64,
            weight: i.cast_signed() - 20,
        };
        check(
            -9,
            false,
            vec![factor(Wiring::Entries((0..40).map(entry).collect()))],
        );
        check(1, false, vec![factor(Wiring::Entries(Vec::new()))]);
        // Every value times 2^30.
        check(
            1 << 30,
            true,
            vec![
                diagonal(20, bits(0, 5), ABSENT, bits(0, 5)),
                diagonal(3, bits(5, 2), bits(0, 2), ABSENT),
            ],
        );
    }
}
