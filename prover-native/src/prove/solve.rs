//! The witness: the values of all tensors, found by running the circuit's steps on integers.

use stwo_ml_verifier::vk::{Expression, TableOutput, Vk};

use super::terms::add_term;
use crate::circuit::{MAX_TABLE_LOG, Step};

/// Why a witness cannot be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SolveError {
    /// The number of inputs or of their values is not the model's.
    #[error("input {input} has {got} values, the model takes {expected}")]
    InputShape {
        /// Number of the input.
        input: usize,
        /// Values expected (inputs expected, if `input` is past the last).
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// An input value is outside the range for which the model was compiled.
    #[error(
        "value {value} at index {index} of input {input} is outside {lo}..={hi}, the range for which the model was compiled"
    )]
    InputRange {
        /// Number of the input.
        input: usize,
        /// Row-major index.
        index: usize,
        /// The value.
        value: i32,
        /// Least admitted.
        lo: i32,
        /// Greatest admitted.
        hi: i32,
    },
    /// A value left its table: the bounds in the key are wrong.
    #[error("lookup {lookup} got the value {value} outside its table at cell {cell}")]
    OutsideTable {
        /// Index of the lookup.
        lookup: usize,
        /// Cell of its box.
        cell: usize,
        /// The value.
        value: i64,
    },
}

/// All values that the relations speak of.
#[derive(Clone, Debug)]
pub struct Witness {
    /// Every witness tensor's cells, padded; empty for weights.
    pub tensors: Vec<Vec<i32>>,
    /// Per lookup and cell, the input of the row that is looked up.
    pub lookup_inputs: Vec<Vec<i32>>,
    /// Likewise the output; empty for range checks.
    pub lookup_outputs: Vec<Vec<i32>>,
}

/// Finds the witness.
///
/// `inputs` are row-major, one per input port; `weights` gives the cells of the weight oracle.
///
/// # Errors
/// [`SolveError`].
pub fn solve(
    vk: &Vk,
    steps: &[Step],
    weights: &[i32],
    inputs: &[Vec<i32>],
) -> Result<Witness, SolveError> {
    if inputs.len() != vk.inputs.len() {
        let (expected, got) = (vk.inputs.len(), inputs.len());
        return Err(SolveError::InputShape {
            input: expected,
            expected,
            got,
        });
    }
    let mut solver = Solver {
        vk,
        weights,
        tensors: vec![Vec::new(); vk.tensors.len()],
        inputs: vec![Vec::new(); vk.lookups.len()],
        outputs: vec![Vec::new(); vk.lookups.len()],
    };
    for (number, (port, values)) in vk.inputs.iter().zip(inputs).enumerate() {
        let tensor = &vk.tensors[port.tensor as usize];
        if values.len() != port.count() {
            let (expected, got) = (port.count(), values.len());
            return Err(SolveError::InputShape {
                input: number,
                expected,
                got,
            });
        }
        let (lo, hi) = (tensor.lo, tensor.hi);
        if let Some(index) = values.iter().position(|v| *v < lo || *v > hi) {
            let value = values[index];
            return Err(SolveError::InputRange {
                input: number,
                index,
                value,
                lo,
                hi,
            });
        }
        let dims: Vec<usize> = port.dims.iter().map(|d| *d as usize).collect();
        solver.tensors[port.tensor as usize] = crate::circuit::embed(values, &dims);
    }
    for step in steps {
        solver.step(step)?;
    }
    solver.count_multiplicities();
    Ok(Witness {
        tensors: solver.tensors,
        lookup_inputs: solver.inputs,
        lookup_outputs: solver.outputs,
    })
}

struct Solver<'a> {
    vk: &'a Vk,
    weights: &'a [i32],
    tensors: Vec<Vec<i32>>,
    inputs: Vec<Vec<i32>>,
    outputs: Vec<Vec<i32>>,
}

impl Solver<'_> {
    fn cells(&self, id: u32) -> &[i32] {
        let tensor = &self.vk.tensors[id as usize];
        match tensor.oracle {
            stwo_ml_verifier::vk::Oracle::Witness => &self.tensors[id as usize],
            stwo_ml_verifier::vk::Oracle::Weights => {
                &self.weights[tensor.offset as usize..][..1 << tensor.log_size]
            }
        }
    }

    /// `constant + sum of terms`, leaving out those whose right operand is in `skip`.
    fn sum(&self, expression: &Expression, log_size: u8, skip: &[u32]) -> Vec<i64> {
        let mut sum = vec![i64::from(expression.constant); 1 << log_size];
        for term in expression.terms.iter().filter(|t| !skip.contains(&t.right)) {
            let left = term.left.map(|id| self.cells(id));
            add_term(term, left, self.cells(term.right), &mut sum);
        }
        sum
    }

    fn step(&mut self, step: &Step) -> Result<(), SolveError> {
        match step {
            Step::Equal { zero, defines } => {
                let zero = &self.vk.zeros[*zero];
                let sum = self.sum(&zero.expression, zero.log_size, &[*defines]);
                self.tensors[*defines as usize] = sum.into_iter().map(narrow).collect();
            }
            Step::Lookup {
                lookup: number,
                remainders,
                defines,
            } => {
                let lookup = &self.vk.lookups[*number];
                let limbs: Vec<u32> = remainders.iter().map(|r| r.tensor).collect();
                let divisor = i64::from(lookup.input.divisor);
                let sum = self.sum(&lookup.input, lookup.log_size, &limbs);
                let table = &self.vk.tables[lookup.table as usize];
                let first = i64::from(table.base);
                let last = first + i64::from(table.len) - 1;
                let column = match table.output {
                    TableOutput::Column(id) => self.cells(id),
                    _ => &[],
                };
                let mut inputs = Vec::with_capacity(sum.len());
                let mut outputs = Vec::with_capacity(sum.len());
                for (cell, s) in sum.iter().enumerate() {
                    let value = s.div_euclid(divisor);
                    if value < first || value > last {
                        return Err(SolveError::OutsideTable {
                            lookup: *number,
                            cell,
                            value,
                        });
                    }
                    inputs.push(narrow(value));
                    match table.output {
                        TableOutput::None => {}
                        TableOutput::Clamp { lo, hi } => outputs.push(narrow(value).clamp(lo, hi)),
                        TableOutput::Column(_) => outputs.push(column[(value - first) as usize]),
                    }
                }
                for (i, limb) in remainders.iter().enumerate() {
                    let shift = MAX_TABLE_LOG * i as u32;
                    let last = i + 1 == remainders.len();
                    let values: Vec<i32> = sum
                        .iter()
                        .map(|s| {
                            let limb = s.rem_euclid(divisor) >> shift;
                            narrow(if last {
                                limb
                            } else {
                                limb & ((1 << MAX_TABLE_LOG) - 1)
                            })
                        })
                        .collect();
                    self.tensors[limb.tensor as usize] = values.clone();
                    self.inputs[limb.lookup] = values;
                }
                if let (Some(id), Some(expression)) = (defines, &lookup.output) {
                    let rest = self.sum(expression, lookup.log_size, &[*id]);
                    self.tensors[*id as usize] = outputs
                        .iter()
                        .zip(rest)
                        .map(|(o, rest)| narrow(i64::from(*o) - rest))
                        .collect();
                }
                self.inputs[*number] = inputs;
                self.outputs[*number] = outputs;
            }
        }
        Ok(())
    }

    fn count_multiplicities(&mut self) {
        for (id, table) in self.vk.tables.iter().enumerate() {
            let mut counts = vec![0i32; 1 << table.log_size];
            let own = self.vk.lookups.iter().zip(&self.inputs);
            for (_, inputs) in own.filter(|(l, _)| l.table as usize == id) {
                inputs
                    .iter()
                    .for_each(|v| counts[(v - table.base) as usize] += 1);
            }
            self.tensors[table.multiplicity as usize] = counts;
        }
    }
}

/// A value that the bounds of the key keep below `2^31`.
fn narrow(value: i64) -> i32 {
    i32::try_from(value).expect("bounds of the key")
}
