//! The float graph: what the network computes, with every shape concrete.
//!
//! The operators are the normal forms to which an importer reduces a file's nodes. Batched
//! products of two activations, softmax, normalisation and gathers will be operators of their
//! own; nothing here assumes that an operator has one input.

use ndarray::ArrayD;

/// Index of a value in [`Graph::values`].
pub type ValueId = usize;

/// A network.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Name of the network.
    pub name: String,
    /// Inputs, in the file's order.
    pub inputs: Vec<ValueId>,
    /// Outputs, in the file's order.
    pub outputs: Vec<ValueId>,
    /// All values.
    pub values: Vec<Value>,
    /// All nodes, each after those that it needs.
    pub nodes: Vec<Node>,
}

/// A tensor that flows through the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Name in the file.
    pub name: String,
    /// Axes, outermost first.
    pub shape: Vec<usize>,
}

/// An operator applied to values.
#[derive(Clone, Debug)]
pub struct Node {
    /// Name in the file, or of its output.
    pub name: String,
    /// The file's operator, for messages.
    pub op_type: String,
    /// The normalised operator.
    pub op: Op,
    /// Operands.
    pub inputs: Vec<ValueId>,
    /// Result.
    pub output: ValueId,
}

/// The places of a sliding window, one entry per spatial axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Taps.
    pub kernel: Vec<usize>,
    /// Distance between windows.
    pub strides: Vec<usize>,
    /// Distance between taps.
    pub dilations: Vec<usize>,
    /// Padding before the first position.
    pub begin: Vec<usize>,
    /// Padding after the last position (what `ceil_mode` adds is not part of it).
    pub end: Vec<usize>,
}

impl Window {
    /// The input position that tap `k` of output position `y` reads on an axis; it may lie in the
    /// padding.
    pub fn position(&self, axis: usize, y: usize, k: usize) -> isize {
        (y * self.strides[axis] + k * self.dilations[axis]) as isize - self.begin[axis] as isize
    }

    /// The taps of output position `y` that read one of `len` real positions, as (tap, position).
    pub fn taps(&self, axis: usize, y: usize, len: usize) -> Vec<(usize, usize)> {
        (0..self.kernel[axis])
            .map(|k| (k, self.position(axis, y, k)))
            .filter(|(_, i)| (0..len as isize).contains(i))
            .map(|(k, i)| (k, i as usize))
            .collect()
    }

    /// How many elements an average over output position `y` counts: the real ones, or with
    /// `include_pad` also those of the explicit padding.
    pub fn count(&self, axis: usize, y: usize, len: usize, include_pad: bool) -> usize {
        let (begin, end) = match include_pad {
            true => (
                -(self.begin[axis] as isize),
                (len + self.end[axis]) as isize,
            ),
            false => (0, len as isize),
        };
        let inside = |k: &usize| (begin..end).contains(&self.position(axis, y, *k));
        (0..self.kernel[axis]).filter(inside).count()
    }
}

/// An elementwise function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// `max(0, x)`.
    Relu,
    /// `x` or `alpha x`.
    LeakyRelu {
        /// Slope for negative arguments.
        alpha: f32,
    },
    /// `min(max(x, min), max)`.
    Clip {
        /// Lower bound; may be minus infinity.
        min: f32,
        /// Upper bound; may be infinity.
        max: f32,
    },
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
}

/// A normalised operator.
#[derive(Clone, Debug)]
pub enum Op {
    /// `x W^T + b` on the last axis; the weight is `[out, in]`.
    Linear {
        /// The weight.
        weight: ArrayD<f32>,
        /// One value per output feature.
        bias: Option<Vec<f32>>,
    },
    /// Convolution of `[N, C, ...]` with `[O, C / group, ...]`.
    Conv {
        /// The kernel.
        weight: ArrayD<f32>,
        /// One value per output channel.
        bias: Option<Vec<f32>>,
        /// Where it slides.
        window: Window,
        /// Number of groups of channels.
        group: usize,
    },
    /// Greatest value of a window over `[N, C, ...]`; padding never wins.
    MaxPool(Window),
    /// Mean of a window over `[N, C, ...]`.
    AveragePool {
        /// Where it slides.
        window: Window,
        /// Whether the divisor counts the explicit padding.
        include_pad: bool,
    },
    /// An elementwise function.
    Activation(Activation),
    /// `a + b`, broadcasting.
    Add,
    /// `a - b`, broadcasting.
    Sub,
    /// `a b`, broadcasting.
    Mul,
    /// `x + constant`; the constant has the output's shape.
    AddConst(ArrayD<f32>),
    /// `x constant`; the constant has the output's shape.
    MulConst(ArrayD<f32>),
    /// Joins along an axis.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// Takes positions `start + i step` of every axis.
    Slice {
        /// First position of each axis.
        start: Vec<usize>,
        /// Step of each axis, not zero.
        step: Vec<isize>,
    },
    /// Surrounds with a constant.
    Pad {
        /// Positions before each axis.
        before: Vec<usize>,
        /// The constant.
        value: f32,
    },
    /// Permutes the axes: axis `i` of the output is axis `perm[i]` of the input.
    Transpose {
        /// The permutation.
        perm: Vec<usize>,
    },
    /// Same elements in row-major order, another shape.
    Reshape,
}

impl Graph {
    /// The shape of a value.
    pub fn shape(&self, value: ValueId) -> &[usize] {
        &self.values[value].shape
    }

    /// Adds a value.
    pub fn value(&mut self, name: impl Into<String>, shape: Vec<usize>) -> ValueId {
        self.values.push(Value {
            name: name.into(),
            shape,
        });
        self.values.len() - 1
    }

    /// How many nodes and outputs read a value.
    pub fn uses(&self, value: ValueId) -> usize {
        let nodes = self.nodes.iter().flat_map(|n| &n.inputs);
        nodes.chain(&self.outputs).filter(|v| **v == value).count()
    }
}

/// Every index of a shape, row-major.
pub(crate) fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<'_> {
    (0..shape.iter().product::<usize>()).map(move |flat| index_of(flat, shape))
}

/// The index of a row-major position.
pub(crate) fn index_of(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, d) in index.iter_mut().zip(shape).rev() {
        *i = flat % d;
        flat /= d;
    }
    index
}

/// The row-major position of an index.
pub(crate) fn flat_of(index: &[usize], shape: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |flat, (i, d)| flat * d + i)
}
