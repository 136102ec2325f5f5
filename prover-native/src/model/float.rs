//! The graph on floats, in plain loops: for calibration and for the accuracy report.

use ndarray::ArrayD;

use super::graph::{Activation, Graph, Op, flat_of, index_of, indices};

/// An input that does not fit the graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("input {input} has shape {got:?}, the model takes {expected:?}")]
pub struct InputShape {
    /// Number of the input (or of inputs, if their count is wrong).
    pub input: usize,
    /// The model's shape.
    pub expected: Vec<usize>,
    /// The given shape.
    pub got: Vec<usize>,
}

impl Activation {
    /// The function on reals, with the exponential of `libm`, which is the same everywhere.
    pub fn apply(self, x: f64) -> f64 {
        match self {
            Self::Relu => x.max(0.0),
            Self::LeakyRelu { alpha } => {
                if x < 0.0 {
                    x * f64::from(alpha)
                } else {
                    x
                }
            }
            Self::Clip { min, max } => x.max(min.into()).min(max.into()),
            Self::Sigmoid => 1.0 / (1.0 + libm::exp(-x)),
            Self::Tanh => libm::tanh(x),
        }
    }
}

impl Graph {
    /// Evaluates every value, in the order of [`Graph::values`].
    ///
    /// # Errors
    /// [`InputShape`].
    pub fn evaluate_float(&self, inputs: &[ArrayD<f32>]) -> Result<Vec<ArrayD<f32>>, InputShape> {
        if inputs.len() != self.inputs.len() {
            let (expected, got) = (vec![self.inputs.len()], vec![inputs.len()]);
            return Err(InputShape {
                input: inputs.len(),
                expected,
                got,
            });
        }
        let mut values = vec![ArrayD::zeros(vec![0]); self.values.len()];
        for (number, (id, input)) in self.inputs.iter().zip(inputs).enumerate() {
            if input.shape() != self.shape(*id) {
                let (expected, got) = (self.shape(*id).to_vec(), input.shape().to_vec());
                return Err(InputShape {
                    input: number,
                    expected,
                    got,
                });
            }
            values[*id] = input.as_standard_layout().into_owned();
        }
        for node in &self.nodes {
            let operands: Vec<&ArrayD<f32>> = node.inputs.iter().map(|i| &values[*i]).collect();
            let shape = self.shape(node.output);
            values[node.output] = evaluate(&node.op, &operands, shape);
        }
        Ok(values)
    }
}

/// The element of a broadcast operand at an index of the result.
pub(crate) fn broadcast_index(index: &[usize], shape: &[usize]) -> Vec<usize> {
    let skip = index.len() - shape.len();
    index[skip..]
        .iter()
        .zip(shape)
        .map(|(i, d)| if *d == 1 { 0 } else { *i })
        .collect()
}

fn evaluate(op: &Op, operands: &[&ArrayD<f32>], shape: &[usize]) -> ArrayD<f32> {
    let x = operands[0];
    let data = x.as_slice().expect("standard layout");
    let from = |f: &mut dyn FnMut(&[usize]) -> f64| {
        let values = indices(shape).map(|index| f(&index) as f32).collect();
        ArrayD::from_shape_vec(shape, values).expect("a value per index")
    };
    match op {
        Op::Linear { weight, bias } => {
            let (out, width) = (weight.shape()[0], weight.shape()[1]);
            let w = weight.as_slice().expect("standard layout");
            let rows = data.chunks(width).flat_map(|row| {
                (0..out).map(move |o| {
                    let dot: f64 = row
                        .iter()
                        .zip(&w[o * width..])
                        .map(|(a, b)| f64::from(*a) * f64::from(*b))
                        .sum();
                    (dot + f64::from(bias.as_ref().map_or(0.0, |b| b[o]))) as f32
                })
            });
            ArrayD::from_shape_vec(shape, rows.collect()).expect("a value per index")
        }
        Op::Conv {
            weight,
            bias,
            window,
            group,
        } => {
            let (outputs, inputs) = (weight.shape()[0] / group, weight.shape()[1]);
            let w = weight.as_slice().expect("standard layout");
            from(&mut |index| {
                let (o, space) = (index[1], &index[2..]);
                let mut sum = f64::from(bias.as_ref().map_or(0.0, |b| b[o]));
                let taps: Vec<Vec<(usize, usize)>> = (0..space.len())
                    .map(|a| window.taps(a, space[a], x.shape()[2 + a]))
                    .collect();
                let counts: Vec<usize> = taps.iter().map(Vec::len).collect();
                for choice in indices(&counts) {
                    let tap: Vec<usize> = choice.iter().zip(&taps).map(|(c, t)| t[*c].0).collect();
                    let place: Vec<usize> =
                        choice.iter().zip(&taps).map(|(c, t)| t[*c].1).collect();
                    let first = o / outputs * inputs;
                    let at = flat_of(&[&[index[0], first], &place[..]].concat(), x.shape());
                    let k = flat_of(&[&[o, 0], &tap[..]].concat(), weight.shape());
                    let channel: usize = x.shape()[2..].iter().product();
                    let kernel: usize = weight.shape()[2..].iter().product();
                    for c in 0..inputs {
                        sum += f64::from(data[at + c * channel]) * f64::from(w[k + c * kernel]);
                    }
                }
                sum
            })
        }
        Op::MaxPool(window) | Op::AveragePool { window, .. } => from(&mut |index| {
            let space = &index[2..];
            let axes = 0..space.len();
            let taps: Vec<Vec<(usize, usize)>> = axes
                .clone()
                .map(|a| window.taps(a, space[a], x.shape()[2 + a]))
                .collect();
            let counts: Vec<usize> = taps.iter().map(Vec::len).collect();
            let values = indices(&counts).map(|choice| {
                let place: Vec<usize> = choice.iter().zip(&taps).map(|(c, t)| t[*c].1).collect();
                f64::from(data[flat_of(&[&index[..2], &place].concat(), x.shape())])
            });
            match op {
                Op::AveragePool { include_pad, .. } => {
                    let count = |a| window.count(a, space[a], x.shape()[2 + a], *include_pad);
                    values.sum::<f64>() / axes.map(count).product::<usize>() as f64
                }
                _ => values.fold(f64::NEG_INFINITY, f64::max),
            }
        }),
        Op::Activation(f) => x.mapv(|v| f.apply(v.into()) as f32),
        Op::Add | Op::Sub | Op::Mul => from(&mut |index| {
            let [a, b] = [0, 1].map(|i| {
                let operand = operands[i];
                f64::from(operand[&broadcast_index(index, operand.shape())[..]])
            });
            match op {
                Op::Add => a + b,
                Op::Sub => a - b,
                _ => a * b,
            }
        }),
        Op::AddConst(c) => from(&mut |index| {
            f64::from(x[&broadcast_index(index, x.shape())[..]]) + f64::from(c[index])
        }),
        Op::MulConst(c) => from(&mut |index| {
            f64::from(x[&broadcast_index(index, x.shape())[..]]) * f64::from(c[index])
        }),
        _ => from(&mut |index| match source(op, operands, index, shape) {
            Some((operand, place)) => operands[operand][&place[..]].into(),
            None => match op {
                Op::Pad { value, .. } => (*value).into(),
                _ => unreachable!("only padding has no source"),
            },
        }),
    }
}

/// Where an operator that only moves elements takes the element of an index from: the operand
/// and its index; `None` for padding.
fn source(
    op: &Op,
    operands: &[&ArrayD<f32>],
    index: &[usize],
    shape: &[usize],
) -> Option<(usize, Vec<usize>)> {
    match op {
        Op::Concat { axis } => {
            let mut index = index.to_vec();
            for (number, operand) in operands.iter().enumerate() {
                let len = operand.shape()[*axis];
                if index[*axis] < len {
                    return Some((number, index));
                }
                index[*axis] -= len;
            }
            None
        }
        Op::Slice { start, step } => {
            let at =
                |(i, (s, d)): (&usize, (&usize, &isize))| (*s as isize + *i as isize * d) as usize;
            Some((
                0,
                index.iter().zip(start.iter().zip(step)).map(at).collect(),
            ))
        }
        Op::Pad { before, .. } => {
            let at = index
                .iter()
                .zip(before)
                .zip(operands[0].shape())
                .map(|((i, b), d)| i.checked_sub(*b).filter(|i| i < d));
            Some((0, at.collect::<Option<_>>()?))
        }
        Op::Transpose { perm } => {
            let mut place = vec![0; index.len()];
            perm.iter().zip(index).for_each(|(p, i)| place[*p] = *i);
            Some((0, place))
        }
        _ => Some((0, index_of(flat_of(index, shape), operands[0].shape()))),
    }
}
