//! Sums, products and functions, element by element, with broadcasting.

use ndarray::ArrayD;
use stwo_ml_verifier::vk::{Bits, Factor, Term};

use super::{Accumulator, Compiler, NONE, Quantized, narrow, quantize, shared};
use crate::circuit::{axis_ranges, embed};
use crate::compile::CompileError;
use crate::model::graph::{Activation, Node};
use crate::model::reference::IntegerOp;

/// The bits of a broadcast operand for every axis of the result: none where it is broadcast.
fn broadcast_ranges(dims: &[usize], rank: usize) -> Vec<Bits> {
    let mut ranges = vec![NONE; rank - dims.len()];
    ranges.extend(axis_ranges(dims));
    ranges
}

/// The factors that read a broadcast operand.
fn broadcast_factors(dims: &[usize], out: &[usize]) -> Vec<Factor> {
    let ranges = axis_ranges(out);
    let own = broadcast_ranges(dims, out.len());
    (0..out.len())
        .map(|a| shared(ranges[a], NONE, own[a], out[a]))
        .collect()
}

/// The smallest shape that broadcasts to the constant, with its elements.
fn compress(constant: &ArrayD<f32>) -> (Vec<usize>, Vec<f32>) {
    let mut array = constant.clone();
    for axis in 0..array.ndim() {
        let axis = ndarray::Axis(axis);
        let first = array.index_axis(axis, 0).insert_axis(axis).to_owned();
        let uniform = array
            .axis_iter(axis)
            .all(|s| s == first.index_axis(axis, 0));
        if uniform {
            array = first;
        }
    }
    (array.shape().to_vec(), array.iter().copied().collect())
}

/// Bits of precision that a sum with a constant keeps below its operand.
const EXTRA_BITS: i32 = 4;

impl Compiler<'_> {
    /// A function that could not be fused.
    pub(super) fn activation(&mut self, node: &Node, f: Activation) -> Result<(), CompileError> {
        let input = self.operand(node, 0);
        let factors = axis_ranges(&input.dims)
            .into_iter()
            .zip(&input.dims)
            .map(|(bits, len)| shared(bits, NONE, bits, *len))
            .collect();
        let term = self.linear_term(1, &input, factors);
        let (lo, hi, scale) = (input.lo.into(), input.hi.into(), input.scale);
        let acc = Accumulator {
            dims: input.dims,
            terms: vec![term],
            scale,
            lo,
            hi,
        };
        let op = IntegerOp::Sum {
            coefficients: vec![1],
            constant: None,
        };
        self.look_up(node, op, acc, scale, 1, (Some(f), node.output))
    }

    /// The scale that an element-wise result takes: what calibration wants, as far as the
    /// accumulator and the table's domain allow.
    fn result_scale(&self, node: &Node, scale: i32, lo: i64, hi: i64) -> i32 {
        let unit = libm::exp2(-f64::from(scale));
        let (activation, value) = self.fused(node);
        let bounds = (lo as f64 * unit, hi as f64 * unit);
        self.table_scale(value, activation, node, bounds).min(scale)
    }

    pub(super) fn sum(&mut self, node: &Node, signs: [i64; 2]) -> Result<(), CompileError> {
        let dims = self.graph.shape(node.output).to_vec();
        let operands = [self.shaped(node, 0)?, self.shaped(node, 1)?];
        let scale = operands[0].scale.max(operands[1].scale);
        let (mut terms, mut coefficients) = (Vec::new(), Vec::new());
        let (mut lo, mut hi) = (0i64, 0i64);
        for (operand, sign) in operands.iter().zip(signs) {
            let shift = scale - operand.scale;
            if shift > 20 {
                return Err(Self::refuse(node, "its operands have scales too far apart"));
            }
            let coefficient = sign << shift;
            let ends = [
                i64::from(operand.lo) * coefficient,
                i64::from(operand.hi) * coefficient,
            ];
            lo += ends[0].min(ends[1]).min(0);
            hi += ends[0].max(ends[1]).max(0);
            let factors = broadcast_factors(&operand.dims, &dims);
            terms.push(self.linear_term(coefficient as i32, operand, factors));
            coefficients.push(coefficient);
        }
        let result = self.result_scale(node, scale, lo, hi);
        let op = IntegerOp::Sum {
            coefficients,
            constant: None,
        };
        self.finish(
            node,
            op,
            Accumulator {
                dims,
                terms,
                scale,
                lo,
                hi,
            },
            result,
        )
    }

    pub(super) fn product(&mut self, node: &Node) -> Result<(), CompileError> {
        let dims = self.graph.shape(node.output).to_vec();
        let [a, b] = [self.shaped(node, 0)?, self.shaped(node, 1)?];
        let ranges = axis_ranges(&dims);
        let own = [&a, &b].map(|x| broadcast_ranges(&x.dims, dims.len()));
        let factors = (0..dims.len())
            .map(|i| shared(ranges[i], own[0][i], own[1][i], dims[i]))
            .collect();
        let ends = [a.lo, a.hi].map(|x| [b.lo, b.hi].map(|y| i64::from(x) * i64::from(y)));
        let lo = ends.iter().flatten().fold(0, |m, v| m.min(*v));
        let hi = ends.iter().flatten().fold(0, |m, v| m.max(*v));
        let term = Term {
            coefficient: 1,
            left: Some(a.tensor),
            right: b.tensor,
            factors,
            lo,
            hi,
        };
        let scale = a.scale + b.scale;
        let result = self.result_scale(node, scale, lo, hi);
        let acc = Accumulator {
            dims,
            terms: vec![term],
            scale,
            lo,
            hi,
        };
        self.finish(node, IntegerOp::Product, acc, result)
    }

    pub(super) fn add_constant(
        &mut self,
        node: &Node,
        constant: &ArrayD<f32>,
    ) -> Result<(), CompileError> {
        let dims = self.graph.shape(node.output).to_vec();
        let input = self.shaped(node, 0)?;
        let scale = input.scale + EXTRA_BITS;
        let (shape, values) = compress(constant);
        let integers: Vec<i64> = values.iter().map(|v| quantize(*v, scale)).collect();
        let (least, greatest) = (
            *integers.iter().min().expect("one"),
            *integers.iter().max().expect("one"),
        );
        let tensor = self.circuit.weight(embed(&narrow(node, integers)?, &shape));
        let factors = broadcast_factors(&shape, &dims);
        let coefficient = 1i64 << EXTRA_BITS;
        let terms = vec![
            self.linear_term(
                coefficient as i32,
                &input,
                broadcast_factors(&input.dims, &dims),
            ),
            Term {
                coefficient: 1,
                left: None,
                right: tensor,
                factors,
                lo: least,
                hi: greatest,
            },
        ];
        let lo = i64::from(input.lo) * coefficient + least;
        let hi = i64::from(input.hi) * coefficient + greatest;
        let result = self.result_scale(node, scale, lo.min(0), hi.max(0));
        let integers = constant.iter().map(|v| quantize(*v, scale)).collect();
        let op = IntegerOp::Sum {
            coefficients: vec![coefficient],
            constant: Some(integers),
        };
        self.finish(
            node,
            op,
            Accumulator {
                dims,
                terms,
                scale,
                lo,
                hi,
            },
            result,
        )
    }

    pub(super) fn multiply_constant(
        &mut self,
        node: &Node,
        constant: &ArrayD<f32>,
    ) -> Result<(), CompileError> {
        let dims = self.graph.shape(node.output).to_vec();
        let input = self.shaped(node, 0)?;
        let (shape, values) = compress(constant);
        // One weight per output: the scales are those of a linear operator of width one.
        let rows = self.rows(node, &values, None, &input, values.len())?;
        let left = self
            .circuit
            .weight(embed(&narrow(node, rows.weight)?, &shape));
        let ranges = axis_ranges(&dims);
        let own = [&shape, &input.dims].map(|d| broadcast_ranges(d, dims.len()));
        let factors = (0..dims.len())
            .map(|i| shared(ranges[i], own[0][i], own[1][i], dims[i]))
            .collect();
        let (lo, hi) = rows.products;
        let term = Term {
            coefficient: 1,
            left: Some(left),
            right: input.tensor,
            factors,
            lo,
            hi,
        };
        let scale = rows.accumulator_scale;
        let weights = constant
            .iter()
            .map(|v| quantize(*v, scale - input.scale))
            .collect();
        let acc = Accumulator {
            dims,
            terms: vec![term],
            scale,
            lo,
            hi,
        };
        self.finish(node, IntegerOp::Scale(weights), acc, rows.scale)
    }

    /// A tensor at a coarser scale.
    pub(super) fn rescale(&mut self, input: &Quantized, scale: i32) -> Quantized {
        let divisor = 1u32 << (input.scale - scale);
        let factors = axis_ranges(&input.dims)
            .into_iter()
            .zip(&input.dims)
            .map(|(bits, len)| shared(bits, NONE, bits, *len))
            .collect();
        let term = self.linear_term(1, input, factors);
        let (half, limit) = (self.half_domain() as i32, self.limit());
        let table = self
            .circuit
            .clamp_table(-half, 2 * half as u32, -limit, limit);
        let log_size = crate::circuit::box_bits(&input.dims);
        let tensor =
            self.circuit
                .lookup(log_size, vec![term], (divisor / 2) as i32, divisor, table);
        let (lo, hi) = (-limit, limit);
        Quantized {
            tensor,
            dims: input.dims.clone(),
            scale,
            lo,
            hi,
            zero_padded: true,
        }
    }
}
