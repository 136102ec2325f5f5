//! Operators that move elements.

use stwo_ml_verifier::vk::Term;

use super::{Compiler, NONE, Quantized, axis_factor, quantize, shared};
use crate::circuit::axis_ranges;
use crate::compile::CompileError;
use crate::model::graph::Node;
use crate::model::reference::{Function, IntegerOp};

/// Pairs (position in the result, position in the operand) of one axis.
type Pairs = Vec<(usize, usize)>;

impl Compiler<'_> {
    /// A term that reads, for each axis, the given pairs.
    fn moved(&self, operand: &Quantized, dims: &[usize], pairs: &[Pairs]) -> Term {
        let (out, right) = (axis_ranges(dims), axis_ranges(&operand.dims));
        let factors = (0..dims.len()).map(|a| axis_factor(out[a], right[a], &pairs[a]));
        self.linear_term(1, operand, factors.collect())
    }

    fn place(&mut self, node: &Node, terms: Vec<Term>, dims: Vec<usize>, like: &Quantized) {
        let quantized = self.copy(terms, dims, like);
        self.record(
            node,
            node.output,
            quantized,
            IntegerOp::Move(node.op.clone()),
            1,
            Function::None,
        );
    }

    pub(super) fn concat(&mut self, node: &Node, axis: usize) -> Result<(), CompileError> {
        let dims = self.graph.shape(node.output).to_vec();
        let mut operands = (0..node.inputs.len())
            .map(|i| self.shaped(node, i))
            .collect::<Result<Vec<_>, _>>()?;
        let scale = operands.iter().map(|o| o.scale).min().expect("an operand");
        let mut terms = Vec::new();
        let mut start = 0;
        let scales: Vec<i32> = operands.iter().map(|o| o.scale).collect();
        for operand in &mut operands {
            if operand.scale > scale {
                if operand.scale - scale > 16 {
                    return Err(Self::refuse(node, "its operands have scales too far apart"));
                }
                *operand = self.rescale(operand, scale);
            }
            let pairs: Vec<Pairs> = (0..dims.len())
                .map(|a| {
                    let shift = if a == axis { start } else { 0 };
                    (0..operand.dims[a]).map(|i| (i + shift, i)).collect()
                })
                .collect();
            terms.push(self.moved(operand, &dims, &pairs));
            start += operand.dims[axis];
        }
        let mut like = operands[0].clone();
        like.lo = operands.iter().map(|o| o.lo).min().expect("an operand");
        like.hi = operands.iter().map(|o| o.hi).max().expect("an operand");
        let quantized = self.copy(terms, dims, &like);
        let limit = i64::from(self.limit());
        let shifts = scales.iter().map(|s| s - scale).collect();
        let op = IntegerOp::Concat {
            axis,
            shifts,
            limit,
        };
        self.record(node, node.output, quantized, op, 1, Function::None);
        Ok(())
    }

    pub(super) fn slice(
        &mut self,
        node: &Node,
        start: &[usize],
        step: &[isize],
    ) -> Result<(), CompileError> {
        let dims = self.graph.shape(node.output).to_vec();
        let operand = self.shaped(node, 0)?;
        let pairs: Vec<Pairs> = (0..dims.len())
            .map(|a| {
                let source = |i: usize| (start[a] as isize + i as isize * step[a]) as usize;
                (0..dims[a]).map(|i| (i, source(i))).collect()
            })
            .collect();
        let term = self.moved(&operand, &dims, &pairs);
        self.place(node, vec![term], dims, &operand);
        Ok(())
    }

    pub(super) fn pad(
        &mut self,
        node: &Node,
        before: &[usize],
        value: f32,
    ) -> Result<(), CompileError> {
        let dims = self.graph.shape(node.output).to_vec();
        let mut operand = self.shaped(node, 0)?;
        let pairs: Vec<Pairs> = (0..dims.len())
            .map(|a| (0..operand.dims[a]).map(|i| (i + before[a], i)).collect())
            .collect();
        let mut terms = vec![self.moved(&operand, &dims, &pairs)];
        let constant = quantize(value, operand.scale);
        if constant.abs() > self.half_domain() {
            return Err(Self::refuse(
                node,
                format!("its padding {value} is far outside the range of its input"),
            ));
        }
        if constant != 0 {
            // The constant everywhere, less the constant where the operand lies.
            let one = self.circuit.weight(vec![1]);
            let out = axis_ranges(&dims);
            let everywhere = (0..dims.len())
                .map(|a| shared(out[a], NONE, NONE, dims[a]))
                .collect();
            let inside = (0..dims.len()).map(|a| {
                let pairs: Pairs = pairs[a].iter().map(|(o, _)| (*o, 0)).collect();
                axis_factor(out[a], NONE, &pairs)
            });
            let term = |coefficient, factors| Term {
                coefficient,
                left: None,
                right: one,
                factors,
                lo: 0,
                hi: 1,
            };
            terms.push(term(constant as i32, everywhere));
            terms.push(term(-constant as i32, inside.collect()));
            operand.lo = operand.lo.min(constant as i32);
            operand.hi = operand.hi.max(constant as i32);
        }
        let quantized = self.copy(terms, dims, &operand);
        let op = IntegerOp::Pad {
            before: before.to_vec(),
            constant,
        };
        self.record(node, node.output, quantized, op, 1, Function::None);
        Ok(())
    }

    pub(super) fn transpose(&mut self, node: &Node, perm: &[usize]) -> Result<(), CompileError> {
        let dims = self.graph.shape(node.output).to_vec();
        let operand = self.shaped(node, 0)?;
        let (out, right) = (axis_ranges(&dims), axis_ranges(&operand.dims));
        let factors = (0..dims.len()).map(|a| shared(out[a], NONE, right[perm[a]], dims[a]));
        let term = self.linear_term(1, &operand, factors.collect());
        self.place(node, vec![term], dims, &operand);
        Ok(())
    }

    /// Free: the same tensor under another shape. A consumer that needs the axes lays them out.
    pub(super) fn reshape(&mut self, node: &Node) -> Result<(), CompileError> {
        let operand = self.operand(node, 0);
        self.record(
            node,
            node.output,
            operand,
            IntegerOp::Move(node.op.clone()),
            1,
            Function::None,
        );
        Ok(())
    }
}
