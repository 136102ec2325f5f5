//! Pooling.

use stwo_ml_verifier::vk::{Entry, Factor, Term, Wiring};

use super::{Accumulator, Compiler, NONE, Quantized, axis_factor, shared};
use crate::circuit::{axis_ranges, box_bits};
use crate::compile::CompileError;
use crate::model::graph::{Node, Window};
use crate::model::reference::{Function, IntegerOp};

impl Compiler<'_> {
    /// The greatest value of every window, one spatial axis after the other, as a tree of maxima
    /// of two: each is proven by `m - a = max(0, b - a)`.
    pub(super) fn max_pool(&mut self, node: &Node, window: &Window) -> Result<(), CompileError> {
        let mut current = self.shaped(node, 0)?;
        let shape = self.graph.shape(node.output).to_vec();
        let width = i64::from(current.hi) - i64::from(current.lo);
        let half = self.half_domain();
        if width >= half {
            return Err(Self::refuse(
                node,
                format!("its input range of {width} exceeds the tables' domain {half}"),
            ));
        }
        // The ReLU table of the network serves if no difference is clamped by it.
        let top = if width <= self.limit().into() {
            self.limit()
        } else {
            (half - 1) as i32
        };
        let relu = self
            .circuit
            .clamp_table(-half as i32, 2 * half as u32, 0, top);
        for axis in (2..shape.len()).rev() {
            let space = axis - 2;
            let len = current.dims[axis];
            let mut dims = current.dims.clone();
            dims[axis] = shape[axis];
            // Tap k of every window; where it lies in the padding, the window's first real tap
            // stands in for it, which changes no maximum.
            let taps: Vec<Vec<usize>> = (0..dims[axis])
                .map(|y| {
                    window
                        .taps(space, y, len)
                        .into_iter()
                        .map(|(_, i)| i)
                        .collect()
                })
                .collect();
            let count = taps.iter().map(Vec::len).max().unwrap_or(1);
            let (out, right) = (axis_ranges(&dims), axis_ranges(&current.dims));
            let view = |k: usize, from: &Quantized| -> Term {
                let factors = (0..dims.len()).map(|a| {
                    if a != axis {
                        return shared(out[a], NONE, right[a], dims[a]);
                    }
                    let source = |t: &Vec<usize>| *t.get(k).unwrap_or(&t[0]);
                    let pairs: Vec<_> = taps.iter().map(source).enumerate().collect();
                    axis_factor(out[a], right[a], &pairs)
                });
                let (lo, hi) = (from.lo.into(), from.hi.into());
                Term {
                    coefficient: 1,
                    left: None,
                    right: from.tensor,
                    factors: factors.collect(),
                    lo,
                    hi,
                }
            };
            let mut level: Vec<Term> = (0..count).map(|k| view(k, &current)).collect();
            let log_size = box_bits(&dims);
            // Padded cells read nothing, so they are zero, which bounds must admit.
            let (lo, hi) = (current.lo.min(0), current.hi.max(0));
            while level.len() > 1 {
                let mut next = Vec::new();
                for pair in level.chunks(2) {
                    next.push(match pair {
                        [a, b] => {
                            let side = |t: &Term| (vec![t.clone()], lo, hi);
                            let m = self.circuit.maximum(log_size, side(a), side(b), relu);
                            self.circuit.read(1, m)
                        }
                        _ => pair[0].clone(),
                    });
                }
                level = next;
            }
            let result = level.pop().expect("a window has a tap");
            let scale = current.scale;
            current = if count == 1 {
                self.copy(vec![result], dims, &current)
            } else {
                Quantized {
                    tensor: result.right,
                    dims,
                    scale,
                    lo,
                    hi,
                    zero_padded: true,
                }
            };
        }
        let op = IntegerOp::MaxPool(window.clone());
        self.record(node, node.output, current, op, 1, Function::None);
        Ok(())
    }

    /// The mean of every window. Position `y` of an axis averages `count(y)` elements; with the
    /// least common multiple `L` of the counts, weights `L / count(y)` give every position the
    /// divisor `L`, and rounding is exact.
    pub(super) fn average_pool(
        &mut self,
        node: &Node,
        window: &Window,
        include_pad: bool,
    ) -> Result<(), CompileError> {
        let input = self.shaped(node, 0)?;
        let dims = self.graph.shape(node.output).to_vec();
        let (out, right) = (axis_ranges(&dims), axis_ranges(&input.dims));
        let mut factors: Vec<Factor> = (0..2)
            .map(|a| shared(out[a], NONE, right[a], dims[a]))
            .collect();
        let mut divisor = 1i64;
        // Greatest sum of weights of a window.
        let mut mass = 1i64;
        for a in 0..window.kernel.len() {
            let len = input.dims[2 + a];
            let counts: Vec<i64> = (0..dims[2 + a])
                .map(|y| window.count(a, y, len, include_pad) as i64)
                .collect();
            let multiple = counts.iter().fold(1i64, |l, c| l / gcd(l, *c) * c);
            if multiple > 1 << 16 {
                return Err(Self::refuse(
                    node,
                    "the numbers of elements that it averages have no small common multiple",
                ));
            }
            let mut entries = Vec::new();
            let mut widest = 0;
            for (y, count) in counts.iter().enumerate() {
                let taps = window.taps(a, y, len);
                widest = widest.max(taps.len() as i64 * (multiple / count));
                entries.extend(taps.iter().map(|(_, i)| Entry {
                    out: y as u32,
                    left: 0,
                    right: *i as u32,
                    weight: (multiple / count) as i32,
                }));
            }
            let wiring = Wiring::Entries(entries);
            factors.push(Factor {
                out: out[2 + a],
                left: NONE,
                right: right[2 + a],
                wiring,
            });
            divisor = divisor.saturating_mul(multiple);
            mass = mass.saturating_mul(widest);
        }
        // Half of an odd divisor is not an integer: double both sides.
        let double = if divisor > 1 && divisor % 2 == 1 {
            2
        } else {
            1
        };
        divisor *= double;
        if divisor > 1 << 16 && !(divisor as u64).is_power_of_two() {
            return Err(Self::refuse(
                node,
                format!("it divides by {divisor}, more than 2^16"),
            ));
        }
        let (lo, hi) = (i64::from(input.lo.min(0)), i64::from(input.hi.max(0)));
        let (lo, hi) = (lo.saturating_mul(mass), hi.saturating_mul(mass));
        let term = Term {
            coefficient: double as i32,
            left: None,
            right: input.tensor,
            factors,
            lo,
            hi,
        };
        let acc = Accumulator {
            dims,
            terms: vec![term],
            scale: input.scale,
            lo: lo.saturating_mul(double),
            hi: hi.saturating_mul(double),
        };
        let op = IntegerOp::AveragePool {
            window: window.clone(),
            include_pad,
        };
        let defines = self.fused(node);
        self.look_up(node, op, acc, input.scale, divisor, defines)
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
