//! Compilation: a float graph and calibration examples to a circuit.

use std::collections::HashMap;

use ndarray::ArrayD;
use stwo_ml_verifier::vk::{Port, TensorId, Vk};
use stwo_ml_verifier::wiring::for_each_entry;

use crate::circuit::{Circuit, Step};
use crate::components::{Compiler, Quantized};
use crate::model::float::InputShape;
use crate::model::graph::{Graph, ValueId};
use crate::model::reference::IntegerGraph;

/// Choices of a compilation. Equal choices, graphs and examples give equal circuits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileOptions {
    /// Base-two logarithm of the rows of the activation tables, 4 to 16.
    pub table_bits: u8,
    /// Activations are integers of at most this many bits and a sign, less than `table_bits`.
    pub activation_bits: u8,
    /// Binary digits dropped after a product with weights; more digits are finer weights.
    pub shift: u8,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self {
            table_bits: 14,
            activation_bits: 11,
            shift: 12,
        }
    }
}

/// Why a graph cannot be compiled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The options contradict each other or a limit.
    #[error("the compile options are out of range: {0}")]
    Options(&'static str),
    /// There are no calibration examples, or they do not fit the model.
    #[error("calibration: {0}")]
    Calibration(String),
    /// A calibration example has the wrong shape.
    #[error("calibration: {0}")]
    Shape(#[from] InputShape),
    /// The network computes something other than finite numbers on a calibration example.
    #[error("calibration: value `{value}` is not a finite number on example {example}")]
    NotFinite {
        /// The value.
        value: String,
        /// Index of the example.
        example: usize,
    },
    /// A node cannot be expressed.
    #[error("node `{node}` ({op}): {reason}")]
    Unsupported {
        /// Node.
        node: String,
        /// Operator.
        op: String,
        /// Why.
        reason: String,
    },
    /// A sum could reach the field's modulus.
    #[error(
        "node `{node}` ({op}): its accumulator could reach {bound}; integers must stay below {limit}"
    )]
    Accumulator {
        /// Node.
        node: String,
        /// Operator.
        op: String,
        /// Greatest magnitude over all admitted inputs.
        bound: i64,
        /// The limit.
        limit: i64,
    },
    /// A rounded sum could leave its table.
    #[error(
        "node `{node}` ({op}): its rounded sum could be anything from {lo} to {hi}; its table covers -{domain}..{domain}"
    )]
    TableDomain {
        /// Node.
        node: String,
        /// Operator.
        op: String,
        /// Least rounded sum.
        lo: i64,
        /// Greatest rounded sum.
        hi: i64,
        /// Half the table's domain.
        domain: i64,
    },
}

/// A float input that the integer network cannot take.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The number of inputs is wrong.
    #[error("{got} inputs were given, the model takes {expected}")]
    Count {
        /// The model's number of inputs.
        expected: usize,
        /// The given number.
        got: usize,
    },
    /// The number of elements is wrong.
    #[error("input `{input}` has shape {got:?}, the model takes {expected:?}")]
    Shape {
        /// The input.
        input: String,
        /// The model's shape.
        expected: Vec<usize>,
        /// The given shape.
        got: Vec<usize>,
    },
    /// An element is not a number in the calibrated range.
    #[error(
        "input `{input}`: element {index} is {value}; the model was calibrated for {lo}..={hi}"
    )]
    Range {
        /// The input.
        input: String,
        /// Row-major index.
        index: usize,
        /// The element.
        value: f32,
        /// Least admitted number.
        lo: f64,
        /// Greatest admitted number.
        hi: f64,
    },
}

/// A compiled circuit and the same network for the reference interpreter.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The circuit.
    pub circuit: Circuit,
    /// The integer network.
    pub integers: IntegerGraph,
    /// Where the circuit holds each value of the graph: the tensor and its axes.
    pub places: HashMap<ValueId, (TensorId, Vec<usize>)>,
}

impl Compiled {
    /// The integers of float inputs.
    ///
    /// # Errors
    /// [`InputError`].
    pub fn quantize_inputs(&self, inputs: &[ArrayD<f32>]) -> Result<Vec<Vec<i32>>, InputError> {
        let ranges = self.circuit.inputs.iter().map(|p| {
            let tensor = &self.circuit.tensors[p.tensor as usize];
            (p, tensor.lo, tensor.hi)
        });
        quantize_inputs(ranges, inputs)
    }
}

/// The integers of float inputs under a key: `round(x 2^scale)`, halves away from zero. An input
/// may have any shape with the same number of elements, read row-major.
///
/// # Errors
/// [`InputError`].
pub fn quantize_for(vk: &Vk, inputs: &[ArrayD<f32>]) -> Result<Vec<Vec<i32>>, InputError> {
    let ranges = vk.inputs.iter().map(|p| {
        let tensor = &vk.tensors[p.tensor as usize];
        (p, tensor.lo, tensor.hi)
    });
    quantize_inputs(ranges, inputs)
}

fn quantize_inputs<'a>(
    ports: impl ExactSizeIterator<Item = (&'a Port, i32, i32)>,
    inputs: &[ArrayD<f32>],
) -> Result<Vec<Vec<i32>>, InputError> {
    if ports.len() != inputs.len() {
        return Err(InputError::Count {
            expected: ports.len(),
            got: inputs.len(),
        });
    }
    ports
        .zip(inputs)
        .map(|((port, lo, hi), input)| {
            let unit = libm::exp2(port.scale.into());
            if input.len() != port.count() {
                let expected = port.dims.iter().map(|d| *d as usize).collect();
                let (input_name, got) = (port.name.clone(), input.shape().to_vec());
                return Err(InputError::Shape {
                    input: input_name,
                    expected,
                    got,
                });
            }
            let quantize = |(index, x): (usize, &f32)| {
                let v = libm::round(f64::from(*x) * unit);
                match v >= f64::from(lo) && v <= f64::from(hi) {
                    true => Ok(v as i32),
                    false => Err(InputError::Range {
                        input: port.name.clone(),
                        index,
                        value: *x,
                        lo: f64::from(lo) / unit,
                        hi: f64::from(hi) / unit,
                    }),
                }
            };
            input.iter().enumerate().map(quantize).collect()
        })
        .collect()
}

/// Compiles a graph. Each example holds one array per input; an array may have any shape with
/// the input's number of elements.
///
/// # Errors
/// [`CompileError`].
pub fn compile(
    graph: &Graph,
    examples: &[Vec<ArrayD<f32>>],
    options: &CompileOptions,
) -> Result<Compiled, CompileError> {
    let CompileOptions {
        table_bits,
        activation_bits,
        shift,
    } = *options;
    if !(4..=16).contains(&table_bits) || activation_bits < 2 || activation_bits >= table_bits {
        return Err(CompileError::Options(
            "table_bits is 4 to 16, activation_bits 2 to table_bits - 1",
        ));
    }
    if shift > 16 || shift + table_bits > 28 {
        return Err(CompileError::Options(
            "shift is at most 16, shift + table_bits at most 28",
        ));
    }
    let (magnitudes, input_ranges) = calibrate(graph, examples)?;
    let mut compiler = Compiler {
        circuit: Circuit::new(graph.name.clone()),
        graph,
        options,
        magnitudes: &magnitudes,
        values: Default::default(),
        integers: Vec::new(),
    };
    for (id, (lo, hi)) in graph.inputs.iter().zip(input_ranges) {
        // The input takes the calibrated range, widened to a power of two on each side.
        let limit = 1i32 << activation_bits;
        let magnitude = lo.abs().max(hi.abs());
        let scale = match magnitude > 0.0 {
            true => (libm::floor(libm::log2(f64::from(limit) / magnitude)) as i32).clamp(-30, 30),
            false => i32::from(activation_bits),
        };
        let end = |x: f64| match libm::ceil(x * libm::exp2(scale.into())) as i64 {
            0 => 0,
            v => (v as u64).next_power_of_two().min(limit as u64) as i32,
        };
        let (lo, hi) = (-end(-lo.min(0.0)), end(hi.max(0.0)));
        let shape = graph.shape(*id).to_vec();
        let name = &graph.values[*id].name;
        let tensor = compiler.circuit.input(name, &shape, scale as i8, lo, hi);
        let quantized = Quantized {
            tensor,
            dims: shape,
            scale,
            lo,
            hi,
            zero_padded: true,
        };
        compiler.values.insert(*id, quantized);
    }
    for node in &graph.nodes {
        compiler.node(node)?;
    }
    for output in &graph.outputs {
        compiler.output(*output)?;
    }
    let integers = IntegerGraph::new(graph, compiler.integers);
    let place = |(id, q): (ValueId, Quantized)| (id, (q.tensor, q.dims));
    let places = compiler.values.into_iter().map(place).collect();
    Ok(Compiled {
        circuit: compiler.circuit,
        integers,
        places,
    })
}

/// Greatest magnitude of every value, and the range of every input, over the examples.
#[allow(clippy::type_complexity)]
fn calibrate(
    graph: &Graph,
    examples: &[Vec<ArrayD<f32>>],
) -> Result<(Vec<f64>, Vec<(f64, f64)>), CompileError> {
    if examples.is_empty() {
        return Err(CompileError::Calibration(
            "at least one example is needed".into(),
        ));
    }
    let mut magnitudes = vec![0f64; graph.values.len()];
    let mut ranges = vec![(0f64, 0f64); graph.inputs.len()];
    for (number, example) in examples.iter().enumerate() {
        let example = reshape_inputs(graph, example)?;
        for (range, array) in ranges.iter_mut().zip(&example) {
            let values = array.iter().map(|v| f64::from(*v));
            *range = values.fold(*range, |(lo, hi), v| (lo.min(v), hi.max(v)));
        }
        let values = graph.evaluate_float(&example)?;
        for ((magnitude, array), value) in magnitudes.iter_mut().zip(&values).zip(&graph.values) {
            if array.iter().any(|v| !v.is_finite()) {
                let value = value.name.clone();
                return Err(CompileError::NotFinite {
                    value,
                    example: number,
                });
            }
            *magnitude = array
                .iter()
                .fold(*magnitude, |m, v| m.max(f64::from(v.abs())));
        }
    }
    Ok((magnitudes, ranges))
}

/// Gives arrays the shapes of the graph's inputs, where they have as many elements.
///
/// # Errors
/// [`InputShape`].
pub fn reshape_inputs(
    graph: &Graph,
    inputs: &[ArrayD<f32>],
) -> Result<Vec<ArrayD<f32>>, InputShape> {
    if inputs.len() != graph.inputs.len() {
        let (expected, got) = (vec![graph.inputs.len()], vec![inputs.len()]);
        return Err(InputShape {
            input: inputs.len(),
            expected,
            got,
        });
    }
    let reshape = |(input, (id, array)): (usize, (&usize, &ArrayD<f32>))| {
        let shape = graph.shape(*id);
        let values = array.iter().copied().collect();
        ArrayD::from_shape_vec(shape, values).map_err(|_| InputShape {
            input,
            expected: shape.to_vec(),
            got: array.shape().to_vec(),
        })
    };
    graph
        .inputs
        .iter()
        .zip(inputs)
        .enumerate()
        .map(reshape)
        .collect()
}

/// Sizes of a circuit, for reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Multiply-accumulate operations of the bilinear terms: the rows of a trace that has one row
    /// for each.
    pub multiply_accumulates: u64,
    /// Cells that a proof commits to, padding of tensors included.
    pub witness_cells: u64,
    /// Cells committed once, with the model.
    pub weight_cells: u64,
    /// Tuples looked up, padding of boxes included.
    pub lookups: u64,
    /// Rows of all tables.
    pub table_rows: u64,
}

/// Counts what a key describes.
pub fn counts(vk: &Vk) -> Counts {
    use stwo_ml_verifier::vk::Oracle;
    let mut counts = Counts::default();
    for tensor in &vk.tensors {
        let cells = 1u64 << tensor.log_size;
        match tensor.oracle {
            Oracle::Witness => counts.witness_cells += cells,
            Oracle::Weights => counts.weight_cells += cells,
        }
    }
    counts.lookups = vk.lookups.iter().map(|l| 1u64 << l.log_size).sum();
    counts.table_rows = vk.tables.iter().map(|t| 1u64 << t.log_size).sum();
    for term in stwo_ml_verifier::shape::bilinear_terms(vk) {
        counts.multiply_accumulates += term
            .factors
            .iter()
            .map(|f| {
                let mut entries = 0u64;
                for_each_entry(&f.wiring, |_| entries += 1);
                entries
            })
            .product::<u64>();
    }
    counts
}

/// How many steps of a circuit look values up and how many copy them.
pub fn step_counts(steps: &[Step]) -> (usize, usize) {
    let lookups = steps
        .iter()
        .filter(|s| matches!(s, Step::Lookup { .. }))
        .count();
    (lookups, steps.len() - lookups)
}
