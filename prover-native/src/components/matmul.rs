//! Products with a constant matrix.

use ndarray::ArrayD;
use stwo_ml_verifier::vk::{Bits, Term};

use super::{Accumulator, Compiler, NONE, Quantized, narrow, quantize, rounded, shared};
use crate::circuit::{axis_ranges, embed};
use crate::compile::CompileError;
use crate::model::graph::Node;
use crate::model::reference::IntegerOp;

/// A weight with rows (outputs), quantised so that the accumulator, divided by `2^shift`, meets
/// its table at `scale`.
pub(super) struct Rows {
    /// Integer weights, row by row.
    pub(super) weight: Vec<i64>,
    /// Integer bias at the accumulator's scale.
    pub(super) bias: Vec<i64>,
    /// Scale after the division.
    pub(super) scale: i32,
    /// Scale of the accumulator.
    pub(super) accumulator_scale: i32,
    /// Bounds of the products and of the whole sum over all admitted inputs.
    pub(super) products: (i64, i64),
    pub(super) sum: (i64, i64),
}

/// The least and greatest `sum w x` for `lo <= x <= hi`; each `x` may also be absent (zero).
fn row_bounds(row: &[i64], lo: i64, hi: i64) -> (i64, i64) {
    let ends = |w: &i64| {
        let (a, b) = (w.saturating_mul(lo), w.saturating_mul(hi));
        (a.min(b).min(0), a.max(b).max(0))
    };
    row.iter().map(ends).fold((0, 0), |a, b| {
        (a.0.saturating_add(b.0), a.1.saturating_add(b.1))
    })
}

impl Compiler<'_> {
    /// Chooses the scales of a linear operator.
    pub(super) fn rows(
        &self,
        node: &Node,
        weight: &[f32],
        bias: Option<&[f32]>,
        input: &Quantized,
        outputs: usize,
    ) -> Result<Rows, CompileError> {
        let width = weight.len() / outputs;
        let (lo, hi) = input.real_bounds();
        let bias_of = |o: usize| bias.map_or(0.0, |b| f64::from(b[o]));
        let mut bounds = (0.0f64, 0.0f64);
        for (o, row) in weight.chunks(width).enumerate() {
            let ends = row.iter().fold((0.0, 0.0), |(a, b), w| {
                let (p, q) = (f64::from(*w) * lo, f64::from(*w) * hi);
                (a + p.min(q).min(0.0), b + p.max(q).max(0.0))
            });
            bounds.0 = bounds.0.min(ends.0 + bias_of(o));
            bounds.1 = bounds.1.max(ends.1 + bias_of(o));
        }
        let (activation, value) = self.fused(node);
        let mut scale = self.table_scale(value, activation, node, bounds);
        let shift = i32::from(self.options.shift);
        // Rounding the weights can push the bounds past the domain: then one bit coarser fits.
        loop {
            let weight_scale = shift + scale - input.scale;
            let accumulator_scale = shift + scale;
            let weight: Vec<i64> = weight.iter().map(|w| quantize(*w, weight_scale)).collect();
            let bias: Vec<i64> = bias
                .unwrap_or_default()
                .iter()
                .map(|b| quantize(*b, accumulator_scale))
                .collect();
            let (mut products, mut sum) = ((0, 0), (0, 0));
            for (o, row) in weight.chunks(width).enumerate() {
                let (a, b) = row_bounds(row, input.lo.into(), input.hi.into());
                let shift = bias.get(o).copied().unwrap_or(0);
                products = (a.min(products.0), b.max(products.1));
                let (a, b) = (a.saturating_add(shift), b.saturating_add(shift));
                sum = (a.min(sum.0), b.max(sum.1));
            }
            let divisor = 1i64 << shift;
            let half = self.half_domain();
            if rounded(sum.0, divisor) >= -half && rounded(sum.1, divisor) < half {
                return Ok(Rows {
                    weight,
                    bias,
                    scale,
                    accumulator_scale,
                    products,
                    sum,
                });
            }
            scale -= 1;
            if scale < -30 {
                return Err(Self::refuse(
                    node,
                    "its weights are too large for any scale",
                ));
            }
        }
    }

    /// The term that adds a bias along one axis of the box, if there is one to add.
    pub(super) fn bias_term(
        &mut self,
        node: &Node,
        bias: &[i64],
        dims: &[usize],
        axis: usize,
    ) -> Result<Option<Term>, CompileError> {
        if bias.iter().all(|b| *b == 0) {
            return Ok(None);
        }
        let tensor = self
            .circuit
            .weight(embed(&narrow(node, bias.to_vec())?, &[bias.len()]));
        let own = axis_ranges(&[bias.len()])[0];
        let factors = axis_ranges(dims)
            .into_iter()
            .enumerate()
            .map(|(a, out)| shared(out, NONE, if a == axis { own } else { NONE }, dims[a]))
            .collect();
        let (lo, hi) = (
            *bias.iter().min().expect("a bias"),
            *bias.iter().max().expect("a bias"),
        );
        Ok(Some(Term {
            coefficient: 1,
            left: None,
            right: tensor,
            factors,
            lo,
            hi,
        }))
    }

    pub(super) fn linear(
        &mut self,
        node: &Node,
        weight: &ArrayD<f32>,
        bias: Option<&[f32]>,
    ) -> Result<(), CompileError> {
        let (features, width) = (weight.shape()[0], weight.shape()[1]);
        let shape = self.graph.shape(node.inputs[0]).to_vec();
        let mut input = self.operand(node, 0);
        // The contracted axis may be several axes of the tensor: those whose lengths multiply to
        // it. A flattening before the product is then free.
        let mut split = input.dims.len();
        let mut product = 1;
        while product < width && split > 0 {
            split -= 1;
            product *= input.dims[split];
        }
        if product != width {
            input = self.with_dims(input, &shape)?;
            split = shape.len() - 1;
        }
        let (outer, inner) = input.dims.split_at(split);
        let values = weight.as_slice().expect("standard layout");
        let rows = self.rows(node, values, bias, &input, features)?;
        let weight_dims = [&[features], inner].concat();
        let cells = embed(&narrow(node, rows.weight.clone())?, &weight_dims);
        let left = self.circuit.weight(cells);
        let dims = [outer, &[features]].concat();
        let (out, left_bits, right) = (
            axis_ranges(&dims),
            axis_ranges(&weight_dims),
            axis_ranges(&input.dims),
        );
        let mut factors: Vec<_> = (0..split)
            .map(|a| shared(out[a], NONE, right[a], outer[a]))
            .collect();
        factors.push(shared(out[split], left_bits[0], Bits::default(), features));
        factors.extend(
            inner
                .iter()
                .enumerate()
                .map(|(a, len)| shared(NONE, left_bits[1 + a], right[split + a], *len)),
        );
        let (lo, hi) = rows.products;
        let mut terms = vec![Term {
            coefficient: 1,
            left: Some(left),
            right: input.tensor,
            factors,
            lo,
            hi,
        }];
        terms.extend(self.bias_term(node, &rows.bias, &dims, split)?);
        let (lo, hi) = rows.sum;
        let acc = Accumulator {
            dims,
            terms,
            scale: rows.accumulator_scale,
            lo,
            hi,
        };
        let op = IntegerOp::Linear {
            weight: rows.weight,
            bias: rows.bias,
        };
        self.finish(node, op, acc, rows.scale)
    }
}
