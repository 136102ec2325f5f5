//! The reference interpreter: the integer semantics in plain loops.
//!
//! It shares no code with the circuit: it sees row-major tensors, the operators' integer
//! parameters, the divisor and the function, and computes
//! `function(floor((sum + divisor / 2) / divisor))`.

use std::collections::HashMap;

use super::float::broadcast_index;
use super::graph::{Graph, Op, ValueId, Window, flat_of, index_of, indices};

/// What a table computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Function {
    /// The identity.
    None,
    /// Saturation.
    Clamp {
        /// Least result.
        lo: i32,
        /// Greatest result.
        hi: i32,
    },
    /// Result `outputs[x - base]`.
    Column {
        /// First argument.
        base: i32,
        /// Results.
        outputs: Vec<i32>,
    },
}

impl Function {
    fn apply(&self, x: i64) -> i64 {
        match self {
            Self::None => x,
            Self::Clamp { lo, hi } => x.clamp((*lo).into(), (*hi).into()),
            Self::Column { base, outputs } => outputs[(x - i64::from(*base)) as usize].into(),
        }
    }
}

/// An operator on integers.
#[derive(Clone, Debug)]
pub enum IntegerOp {
    /// Product with a constant matrix on the last axis; the weight is `[out, in]`.
    Linear {
        /// Row-major weight.
        weight: Vec<i64>,
        /// Bias; empty for none.
        bias: Vec<i64>,
    },
    /// Convolution.
    Conv {
        /// Row-major weight.
        weight: Vec<i64>,
        /// Bias; empty for none.
        bias: Vec<i64>,
        /// Shape of the weight.
        kernel: Vec<usize>,
        /// Where it slides.
        window: Window,
        /// Groups of channels.
        group: usize,
    },
    /// Greatest value of a window.
    MaxPool(Window),
    /// Mean of a window, rounded half up; the node's divisor is not used.
    AveragePool {
        /// Where it slides.
        window: Window,
        /// Whether explicit padding counts.
        include_pad: bool,
    },
    /// Sum of broadcast operands with coefficients, and of a constant of the result's shape.
    Sum {
        /// One per operand.
        coefficients: Vec<i64>,
        /// The constant.
        constant: Option<Vec<i64>>,
    },
    /// Product of two broadcast operands.
    Product,
    /// Product with a constant of the result's shape.
    Scale(Vec<i64>),
    /// Joins along an axis; each operand is first divided by `2^shift`, rounding half up, and
    /// clamped to plus or minus the limit.
    Concat {
        /// The axis.
        axis: usize,
        /// One per operand; zero leaves the operand as it is.
        shifts: Vec<i32>,
        /// The limit.
        limit: i64,
    },
    /// Surrounds with a constant.
    Pad {
        /// Positions before each axis.
        before: Vec<usize>,
        /// The constant.
        constant: i64,
    },
    /// Moves elements as the float operator does (slice, transpose, reshape).
    Move(Op),
}

/// One operator of the integer network.
#[derive(Clone, Debug)]
pub struct IntegerNode {
    /// Operands.
    pub inputs: Vec<ValueId>,
    /// Result.
    pub output: ValueId,
    /// The result's shape.
    pub shape: Vec<usize>,
    /// The result's scale.
    pub scale: i32,
    /// The operator.
    pub op: IntegerOp,
    /// Divisor of the sum.
    pub divisor: i64,
    /// Function of the quotient.
    pub function: Function,
}

/// The integer network.
#[derive(Clone, Debug)]
pub struct IntegerGraph {
    /// Inputs.
    pub inputs: Vec<ValueId>,
    /// Outputs.
    pub outputs: Vec<ValueId>,
    /// Shapes of all values of the float graph.
    pub shapes: Vec<Vec<usize>>,
    /// Operators, each after those that it needs. Values that were fused away have none.
    pub nodes: Vec<IntegerNode>,
}

impl IntegerGraph {
    /// An integer network over a float graph's values.
    pub fn new(graph: &Graph, nodes: Vec<IntegerNode>) -> Self {
        Self {
            inputs: graph.inputs.clone(),
            outputs: graph.outputs.clone(),
            shapes: graph.values.iter().map(|v| v.shape.clone()).collect(),
            nodes,
        }
    }

    /// Runs the network on row-major inputs; returns every value that exists.
    ///
    /// # Panics
    /// If the number of inputs or of their values is wrong.
    pub fn run(&self, inputs: &[Vec<i32>]) -> HashMap<ValueId, Vec<i64>> {
        assert_eq!(inputs.len(), self.inputs.len(), "one tensor per input");
        let mut values: HashMap<ValueId, Vec<i64>> = HashMap::new();
        for (id, input) in self.inputs.iter().zip(inputs) {
            assert_eq!(
                input.len(),
                self.shapes[*id].iter().product::<usize>(),
                "values per input"
            );
            values.insert(*id, input.iter().map(|v| i64::from(*v)).collect());
        }
        for node in &self.nodes {
            let operands: Vec<(&[i64], &[usize])> = node
                .inputs
                .iter()
                .map(|i| (&values[i][..], &self.shapes[*i][..]))
                .collect();
            let result = node.run(&operands);
            values.insert(node.output, result);
        }
        values
    }

    /// The outputs of a run.
    pub fn outputs(&self, values: &HashMap<ValueId, Vec<i64>>) -> Vec<Vec<i32>> {
        let narrow = |v: &i64| i32::try_from(*v).expect("a value below 2^31");
        self.outputs
            .iter()
            .map(|o| values[o].iter().map(narrow).collect())
            .collect()
    }
}

fn half_up(sum: i64, divisor: i64) -> i64 {
    (2 * sum + divisor).div_euclid(2 * divisor)
}

impl IntegerNode {
    fn run(&self, operands: &[(&[i64], &[usize])]) -> Vec<i64> {
        let (x, x_shape) = operands[0];
        let finish = |sum: i64| {
            let quotient = (sum + self.divisor / 2).div_euclid(self.divisor);
            self.function.apply(quotient)
        };
        indices(&self.shape)
            .enumerate()
            .map(|(flat, index)| match &self.op {
                IntegerOp::Linear { weight, bias } => {
                    let width = *x_shape.last().expect("an axis");
                    let features = weight.len() / width;
                    let (row, o) = (flat / features, flat % features);
                    let mut sum = bias.get(o).copied().unwrap_or(0);
                    for k in 0..width {
                        sum += x[row * width + k] * weight[o * width + k];
                    }
                    finish(sum)
                }
                IntegerOp::Conv {
                    weight,
                    bias,
                    kernel,
                    window,
                    group,
                } => {
                    let o = index[1];
                    let mut sum = bias.get(o).copied().unwrap_or(0);
                    for k in indices(&kernel[2..]) {
                        let place: Option<Vec<usize>> = (0..k.len())
                            .map(|a| {
                                let i = window.position(a, index[2 + a], k[a]);
                                (0..x_shape[2 + a] as isize)
                                    .contains(&i)
                                    .then_some(i as usize)
                            })
                            .collect();
                        let Some(place) = place else { continue };
                        let first = o / (kernel[0] / group) * kernel[1];
                        let at = flat_of(&[&[index[0], first], &place[..]].concat(), x_shape);
                        let tap = flat_of(&[&[o, 0], &k[..]].concat(), kernel);
                        let channel: usize = x_shape[2..].iter().product();
                        let taps: usize = kernel[2..].iter().product();
                        for c in 0..kernel[1] {
                            sum += x[at + c * channel] * weight[tap + c * taps];
                        }
                    }
                    finish(sum)
                }
                IntegerOp::MaxPool(window) | IntegerOp::AveragePool { window, .. } => {
                    let axes = window.kernel.len();
                    let mut seen = Vec::new();
                    for k in indices(&window.kernel) {
                        let place: Option<Vec<usize>> = (0..axes)
                            .map(|a| {
                                let i = window.position(a, index[2 + a], k[a]);
                                (0..x_shape[2 + a] as isize)
                                    .contains(&i)
                                    .then_some(i as usize)
                            })
                            .collect();
                        if let Some(place) = place {
                            seen.push(x[flat_of(&[&index[..2], &place].concat(), x_shape)]);
                        }
                    }
                    match &self.op {
                        IntegerOp::AveragePool { include_pad, .. } => {
                            let count = |a: usize| {
                                window.count(a, index[2 + a], x_shape[2 + a], *include_pad) as i64
                            };
                            let count: i64 = (0..axes).map(count).product();
                            self.function.apply(half_up(seen.iter().sum(), count))
                        }
                        _ => *seen.iter().max().expect("a window reads something"),
                    }
                }
                IntegerOp::Sum {
                    coefficients,
                    constant,
                } => {
                    let mut sum = constant.as_ref().map_or(0, |c| c[flat]);
                    for ((values, shape), c) in operands.iter().zip(coefficients) {
                        sum += c * values[flat_of(&broadcast_index(&index, shape), shape)];
                    }
                    finish(sum)
                }
                IntegerOp::Product => {
                    let factor = |(values, shape): &(&[i64], &[usize])| {
                        values[flat_of(&broadcast_index(&index, shape), shape)]
                    };
                    finish(factor(&operands[0]) * factor(&operands[1]))
                }
                IntegerOp::Scale(weights) => {
                    finish(x[flat_of(&broadcast_index(&index, x_shape), x_shape)] * weights[flat])
                }
                IntegerOp::Concat {
                    axis,
                    shifts,
                    limit,
                } => {
                    let mut index = index.clone();
                    let mut number = 0;
                    while index[*axis] >= operands[number].1[*axis] {
                        index[*axis] -= operands[number].1[*axis];
                        number += 1;
                    }
                    let (values, shape) = operands[number];
                    let value = values[flat_of(&index, shape)];
                    match shifts[number] {
                        0 => value,
                        shift => half_up(value, 1 << shift).clamp(-limit, *limit),
                    }
                }
                IntegerOp::Pad { before, constant } => {
                    let place: Option<Vec<usize>> = index
                        .iter()
                        .zip(before)
                        .zip(x_shape)
                        .map(|((i, b), d)| i.checked_sub(*b).filter(|i| i < d))
                        .collect();
                    place.map_or(*constant, |p| x[flat_of(&p, x_shape)])
                }
                IntegerOp::Move(Op::Slice { start, step }) => {
                    let place: Vec<usize> = (0..index.len())
                        .map(|a| (start[a] as isize + index[a] as isize * step[a]) as usize)
                        .collect();
                    x[flat_of(&place, x_shape)]
                }
                IntegerOp::Move(Op::Transpose { perm }) => {
                    let mut place = vec![0; index.len()];
                    perm.iter().zip(&index).for_each(|(p, i)| place[*p] = *i);
                    x[flat_of(&place, x_shape)]
                }
                IntegerOp::Move(_) => x[flat_of(&index_of(flat, x_shape), x_shape)],
            })
            .collect()
    }
}
