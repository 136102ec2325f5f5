//! From the float graph to the integer circuit: one file per family of operators.
//!
//! Every operator becomes *accumulate, divide, look up*: an exact integer sum at some scale, a
//! division that rounds half up, and a table that saturates and applies the activation. Bounds
//! are computed from the weights over all admitted inputs, never from examples; examples
//! (calibration) only choose scales.

use std::collections::HashMap;

use stwo_ml_verifier::vk::{Bits, Entry, Factor, TensorId, Term, Wiring};

use crate::circuit::{Circuit, axis_bits, axis_ranges, box_bits};
use crate::compile::{CompileError, CompileOptions};
use crate::model::graph::{Activation, Graph, Node, Op, ValueId};
use crate::model::reference::{Function, IntegerNode, IntegerOp};

mod conv;
mod elementwise;
mod layout;
mod matmul;
mod pooling;
mod tables;

use tables::rounded;

/// Integers of accumulators lie strictly between plus and minus this.
const MAX_ACCUMULATOR: i64 = 1 << 30;

/// A value of the graph as a committed tensor.
#[derive(Clone, Debug)]
pub(crate) struct Quantized {
    /// The tensor.
    pub(crate) tensor: TensorId,
    /// Its axes. They may be cut otherwise than the value's shape, but list the same elements in
    /// the same order.
    pub(crate) dims: Vec<usize>,
    /// An integer `v` stands for `v 2^-scale`.
    pub(crate) scale: i32,
    /// Least and greatest integer.
    pub(crate) lo: i32,
    pub(crate) hi: i32,
    /// Whether padded cells are zero.
    pub(crate) zero_padded: bool,
}

impl Quantized {
    /// Bounds as real numbers.
    fn real_bounds(&self) -> (f64, f64) {
        let unit = libm::exp2(-f64::from(self.scale));
        (f64::from(self.lo) * unit, f64::from(self.hi) * unit)
    }
}

/// An accumulated sum over a box, before division and table.
struct Accumulator {
    dims: Vec<usize>,
    terms: Vec<Term>,
    /// Scale of the sum.
    scale: i32,
    /// Bounds of the sum.
    lo: i64,
    hi: i64,
}

/// The state of a compilation.
pub(crate) struct Compiler<'a> {
    pub(crate) circuit: Circuit,
    pub(crate) graph: &'a Graph,
    pub(crate) options: &'a CompileOptions,
    /// Greatest absolute value of each graph value over the calibration examples.
    pub(crate) magnitudes: &'a [f64],
    pub(crate) values: HashMap<ValueId, Quantized>,
    /// The same network for the reference interpreter.
    pub(crate) integers: Vec<IntegerNode>,
}

/// A row-major axis map as a factor from the right operand's bits to the box's.
fn axis_factor(out: Bits, right: Bits, pairs: &[(usize, usize)]) -> Factor {
    let plain = pairs.iter().enumerate().all(|(i, p)| *p == (i, i));
    let wiring = if plain && (out.count == right.count) {
        Wiring::Diagonal {
            len: pairs.len() as u32,
        }
    } else {
        let entry = |(o, r): &(usize, usize)| Entry {
            out: *o as u32,
            left: 0,
            right: *r as u32,
            weight: 1,
        };
        Wiring::Entries(pairs.iter().map(entry).collect())
    };
    Factor {
        out,
        left: Bits::default(),
        right,
        wiring,
    }
}

/// An axis that several operands share.
fn shared(out: Bits, left: Bits, right: Bits, len: usize) -> Factor {
    Factor {
        out,
        left,
        right,
        wiring: Wiring::Diagonal { len: len as u32 },
    }
}

const NONE: Bits = Bits { shift: 0, count: 0 };

impl Compiler<'_> {
    /// Half the width of the domain of the tables.
    fn half_domain(&self) -> i64 {
        1 << (self.options.table_bits - 1)
    }

    /// Greatest magnitude of an activation.
    fn limit(&self) -> i32 {
        1 << self.options.activation_bits
    }

    /// The largest scale at which `magnitude` stays within `limit`.
    fn scale_within(&self, magnitude: f64, limit: f64) -> i32 {
        if magnitude <= 0.0 {
            return i32::from(self.options.activation_bits);
        }
        let scale = libm::floor(libm::log2(limit / magnitude));
        (scale as i32).clamp(-30, 30)
    }

    /// The scale at which calibration wants a value.
    fn wanted_scale(&self, value: ValueId) -> i32 {
        self.scale_within(self.magnitudes[value], self.limit().into())
    }

    pub(crate) fn refuse(node: &Node, reason: impl Into<String>) -> CompileError {
        let (node, op) = (node.name.clone(), node.op_type.clone());
        CompileError::Unsupported {
            node,
            op,
            reason: reason.into(),
        }
    }

    fn operand(&self, node: &Node, i: usize) -> Quantized {
        self.values[&node.inputs[i]].clone()
    }

    /// The operand with its dims equal to its shape: axes of one position come and go for free,
    /// any other difference is a change of layout.
    fn shaped(&mut self, node: &Node, i: usize) -> Result<Quantized, CompileError> {
        let shape = self.graph.shape(node.inputs[i]).to_vec();
        let operand = self.operand(node, i);
        self.with_dims(operand, &shape)
    }

    /// The same elements with other axes.
    fn with_dims(&mut self, operand: Quantized, dims: &[usize]) -> Result<Quantized, CompileError> {
        let essential =
            |dims: &[usize]| -> Vec<usize> { dims.iter().copied().filter(|d| *d > 1).collect() };
        if essential(&operand.dims) == essential(dims) {
            return Ok(Quantized {
                dims: dims.to_vec(),
                ..operand
            });
        }
        let to_u32 = |dims: &[usize]| dims.iter().map(|d| *d as u32).collect();
        let factor = Factor {
            out: Bits {
                shift: 0,
                count: box_bits(dims) as u8,
            },
            left: NONE,
            right: Bits {
                shift: 0,
                count: box_bits(&operand.dims) as u8,
            },
            wiring: Wiring::Reshape {
                out_dims: to_u32(dims),
                right_dims: to_u32(&operand.dims),
            },
        };
        let term = self.linear_term(1, &operand, vec![factor]);
        Ok(self.copy(vec![term], dims.to_vec(), &operand))
    }

    /// A term that moves an operand's cells.
    fn linear_term(&self, coefficient: i32, operand: &Quantized, factors: Vec<Factor>) -> Term {
        let (lo, hi) = (operand.lo.into(), operand.hi.into());
        Term {
            coefficient,
            left: None,
            right: operand.tensor,
            factors,
            lo,
            hi,
        }
    }

    /// A tensor that is equal to the sum of terms, of the range and scale of `like`.
    fn copy(&mut self, terms: Vec<Term>, dims: Vec<usize>, like: &Quantized) -> Quantized {
        let (lo, hi) = (like.lo.min(0), like.hi.max(0));
        let tensor = self.circuit.equal(box_bits(&dims), terms, lo, hi);
        Quantized {
            tensor,
            dims,
            scale: like.scale,
            lo,
            hi,
            zero_padded: true,
        }
    }

    /// The activation that follows a node and can be fused with it, and the value it defines.
    fn fused(&self, node: &Node) -> (Option<Activation>, ValueId) {
        if self.graph.uses(node.output) == 1 {
            let follower = self.graph.nodes.iter().find(|n| n.inputs == [node.output]);
            if let Some(Node {
                op: Op::Activation(f),
                output,
                ..
            }) = follower
            {
                return (Some(*f), *output);
            }
        }
        (None, node.output)
    }

    /// Registers a value and its integer node.
    fn record(
        &mut self,
        node: &Node,
        value: ValueId,
        quantized: Quantized,
        op: IntegerOp,
        divisor: i64,
        function: Function,
    ) {
        self.integers.push(IntegerNode {
            inputs: node.inputs.clone(),
            output: value,
            shape: self.graph.shape(value).to_vec(),
            scale: quantized.scale,
            op,
            divisor,
            function,
        });
        self.values.insert(value, quantized);
    }

    /// Lowers one node, unless it was fused into the one before.
    pub(crate) fn node(&mut self, node: &Node) -> Result<(), CompileError> {
        if self.values.contains_key(&node.output) {
            return Ok(());
        }
        match &node.op {
            Op::Linear { weight, bias } => self.linear(node, weight, bias.as_deref()),
            Op::Conv {
                weight,
                bias,
                window,
                group,
            } => self.conv(node, weight, bias.as_deref(), window, *group),
            Op::MaxPool(window) => self.max_pool(node, window),
            Op::AveragePool {
                window,
                include_pad,
            } => self.average_pool(node, window, *include_pad),
            Op::Activation(f) => self.activation(node, *f),
            Op::Add => self.sum(node, [1, 1]),
            Op::Sub => self.sum(node, [1, -1]),
            Op::Mul => self.product(node),
            Op::AddConst(constant) => self.add_constant(node, constant),
            Op::MulConst(constant) => self.multiply_constant(node, constant),
            Op::Concat { axis } => self.concat(node, *axis),
            Op::Slice { start, step } => self.slice(node, start, step),
            Op::Pad { before, value } => self.pad(node, before, *value),
            Op::Transpose { perm } => self.transpose(node, perm),
            Op::Reshape => self.reshape(node),
        }
    }

    /// Makes a value a public output: real cells as the shape says, padded cells zero.
    pub(crate) fn output(&mut self, value: ValueId) -> Result<(), CompileError> {
        let shape = self.graph.shape(value).to_vec();
        let mut quantized = self.values[&value].clone();
        quantized = self.with_dims(quantized, &shape)?;
        if !quantized.zero_padded {
            let ranges = axis_ranges(&shape);
            let factors = ranges
                .iter()
                .zip(&shape)
                .map(|(bits, len)| shared(*bits, NONE, *bits, *len));
            let term = self.linear_term(1, &quantized, factors.collect());
            quantized = self.copy(vec![term], shape.clone(), &quantized);
        }
        let name = self.graph.values[value].name.clone();
        self.circuit
            .output(&name, &shape, quantized.scale as i8, quantized.tensor);
        Ok(())
    }
}

/// `round(x 2^scale)` as an integer.
fn quantize(x: f32, scale: i32) -> i64 {
    libm::round(f64::from(x) * libm::exp2(f64::from(scale))) as i64
}

/// Integers of a weight tensor.
fn narrow(node: &Node, values: Vec<i64>) -> Result<Vec<i32>, CompileError> {
    let fits = |v: &i64| {
        i32::try_from(*v)
            .ok()
            .filter(|v| i64::from(*v).abs() < MAX_ACCUMULATOR)
    };
    values
        .iter()
        .map(|v| {
            fits(v)
                .ok_or_else(|| Compiler::refuse(node, format!("a weight becomes {v}, beyond 2^30")))
        })
        .collect()
}

/// Bits of an axis, as a count.
fn count_bits(len: usize) -> u8 {
    axis_bits(len) as u8
}
