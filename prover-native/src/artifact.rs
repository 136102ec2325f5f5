//! A compiled model: the verifying key, the weights and the steps that solve the circuit.

use stwo_ml_verifier::codec::{Reader, Writer};
use stwo_ml_verifier::field::M31;
use stwo_ml_verifier::hash::{self, Digest};
use stwo_ml_verifier::security::Level;
use stwo_ml_verifier::shape::Shape;
use stwo_ml_verifier::vk::{Oracle, Vk};
use stwo_ml_verifier::{VerifyError, vk};

use crate::backend::{Backend, BackendError, Committed};
use crate::circuit::{Circuit, Remainder, Step};

/// First bytes of a model file.
pub const MODEL_MAGIC: &[u8; 8] = b"stwomlMD";
/// Version of the model file.
pub const MODEL_VERSION: u16 = 1;
/// Largest model file that is read, in bytes.
pub const MAX_MODEL_BYTES: usize = 2 << 30;

/// Fewest variables of a column.
const MIN_LOG_ROWS: u32 = 8;
/// Most variables of a column: that of the backends' FFT.
const MAX_LOG_ROWS: u32 = 16;
/// Columns of the larger oracle, base-two logarithm, where the limits above allow it: sixteen
/// words are one block of Blake2s, and wider rows make every query longer.
const LOG_COLUMNS: u32 = 4;
/// Most columns, base-two logarithm.
const MAX_LOG_COLUMNS: u32 = 10;

/// A compiled model, ready to prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The verifying key.
    pub vk: Vk,
    /// How to find the witness.
    pub steps: Vec<Step>,
    /// The cells of the weight oracle, trailing zeros left out.
    pub weights: Vec<i32>,
}

/// Why a circuit cannot become a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// The committed cells exceed what one oracle holds.
    #[error("the model needs 2^{log_cells} committed cells in one table; the limit is 2^{limit}")]
    TooLarge {
        /// Base-two logarithm of the cells needed.
        log_cells: u32,
        /// Base-two logarithm of the limit.
        limit: u32,
    },
    /// The key breaks one of its own rules.
    #[error("the compiled key is refused: {0}")]
    Key(VerifyError),
    /// The backend could not commit to the weights.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// Why a model file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The bytes are not a model file, or a damaged one.
    #[error("not a usable model file: {0}")]
    Decode(VerifyError),
    /// A step speaks of something that the key lacks.
    #[error("the model file's steps do not fit its key (step {step})")]
    Steps {
        /// Index of the step.
        step: usize,
    },
    /// The weights are not those of the key.
    #[error("the model file's weights do not have the commitment of its key")]
    Weights,
    /// The backend could not commit to the weights.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

impl From<VerifyError> for ModelError {
    fn from(error: VerifyError) -> Self {
        Self::Decode(error)
    }
}

/// Gives every tensor of an oracle its place, by falling size so that all are aligned. Returns
/// the cells used.
fn place(circuit: &mut Circuit, oracle: Oracle) -> u64 {
    let mut order: Vec<usize> = (0..circuit.tensors.len())
        .filter(|i| circuit.tensors[*i].oracle == oracle)
        .collect();
    order.sort_by_key(|i| std::cmp::Reverse(circuit.tensors[*i].log_size));
    let mut offset = 0u64;
    for i in order {
        circuit.tensors[i].offset = offset.min(u32::MAX.into()) as u32;
        offset += 1u64 << circuit.tensors[i].log_size;
    }
    offset
}

impl Model {
    /// Lays the circuit out, commits to its weights and derives the key.
    ///
    /// # Errors
    /// [`AssembleError`].
    pub fn assemble(
        mut circuit: Circuit,
        level: Level,
        backend: &impl Backend,
    ) -> Result<Self, AssembleError> {
        let ceil = |cells: u64| cells.max(1).next_power_of_two().trailing_zeros();
        let used = [Oracle::Witness, Oracle::Weights].map(|o| place(&mut circuit, o));
        let logs = used.map(ceil);
        let largest = logs[0].max(logs[1]);
        if largest > MAX_LOG_ROWS + MAX_LOG_COLUMNS {
            let limit = MAX_LOG_ROWS + MAX_LOG_COLUMNS;
            return Err(AssembleError::TooLarge {
                log_cells: largest,
                limit,
            });
        }
        let log_rows = largest
            .saturating_sub(LOG_COLUMNS)
            .clamp(MIN_LOG_ROWS, MAX_LOG_ROWS);
        let [log_witness_columns, log_weight_columns] =
            logs.map(|log| log.saturating_sub(log_rows) as u8);
        let mut weights = vec![0i32; used[1] as usize];
        for (tensor, cells) in circuit.tensors.iter().zip(&circuit.weights) {
            if let Some(cells) = cells {
                weights[tensor.offset as usize..][..cells.len()].copy_from_slice(cells);
            }
        }
        let mut vk = Vk {
            name: circuit.name,
            level,
            log_rows: log_rows as u8,
            log_witness_columns,
            log_weight_columns,
            weights: Vec::new(),
            tensors: circuit.tensors,
            tables: circuit.tables,
            lookups: circuit.lookups,
            zeros: circuit.zeros,
            inputs: circuit.inputs,
            outputs: circuit.outputs,
        };
        let word = Shape::new(&vk).words[0];
        let cells = weight_cells(&vk, &weights);
        let committed = backend.commit(cells, log_rows, level.parameters())?;
        vk.weights = committed.cap(word.log_cap.into())?;
        vk.validate().map_err(AssembleError::Key)?;
        Ok(Self {
            vk,
            steps: circuit.steps,
            weights,
        })
    }

    /// Encodes a model file: magic, version, key file, steps, weights, digest.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.bytes.extend_from_slice(MODEL_MAGIC);
        w.u16(MODEL_VERSION);
        let vk = self.vk.encode();
        w.list(&vk, |w, b| w.u8(*b));
        w.list(&self.steps, |w, step| match step {
            Step::Lookup {
                lookup,
                remainders,
                defines,
            } => {
                w.u8(0);
                w.u32(*lookup as u32);
                w.list(remainders, |w, r| {
                    w.u32(r.tensor);
                    w.u32(r.lookup as u32);
                });
                w.u8(defines.is_some().into());
                w.u32(defines.unwrap_or_default());
            }
            Step::Equal { zero, defines } => {
                w.u8(1);
                w.u32(*zero as u32);
                w.u32(*defines);
            }
        });
        w.list(&self.weights, |w, v| w.i32(*v));
        let digest = hash::blake2s(&[&w.bytes]);
        w.digest(&digest);
        w.bytes
    }

    /// Decodes a model file and validates its key and steps. The weights are compared with the
    /// key's commitment by the prover, which commits to them anyway.
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ModelError> {
        if bytes.len() > MAX_MODEL_BYTES {
            let (limit, got) = (MAX_MODEL_BYTES, bytes.len());
            return Err(VerifyError::TooLarge { limit, got }.into());
        }
        let mut head = Reader::new(bytes);
        if head.take(MODEL_MAGIC.len())? != MODEL_MAGIC {
            return Err(VerifyError::WrongMagic.into());
        }
        let version = head.u16()?;
        if version != MODEL_VERSION {
            return Err(VerifyError::UnsupportedVersion { got: version }.into());
        }
        let (content, digest) = bytes
            .split_last_chunk::<32>()
            .ok_or(VerifyError::Truncated)?;
        if hash::blake2s(&[content]) != Digest(*digest) {
            return Err(VerifyError::DigestMismatch.into());
        }
        let mut r = Reader::new(content);
        r.take(MODEL_MAGIC.len() + 2)?;
        let length = r.u32()? as usize;
        let vk = vk::Vk::decode(r.take(length)?)?;
        let steps = r.list(read_step)?;
        let weights = r.list(Reader::i32)?;
        r.end()?;
        if u32::from(vk.log_rows) > MAX_LOG_ROWS {
            return Err(VerifyError::InvalidKey { rule: "log_rows" }.into());
        }
        let model = Self { vk, steps, weights };
        model.check_steps()?;
        Ok(model)
    }

    /// Every index in the steps is that of something, and every value is defined before use.
    fn check_steps(&self) -> Result<(), ModelError> {
        let vk = &self.vk;
        let mut defined: Vec<bool> = vk
            .tensors
            .iter()
            .map(|t| t.oracle == Oracle::Weights)
            .collect();
        vk.inputs
            .iter()
            .for_each(|p| defined[p.tensor as usize] = true);
        let capacity = self.weights.len() as u64;
        let mut tensors = vk.tensors.iter().filter(|t| t.oracle == Oracle::Weights);
        if tensors.any(|t| u64::from(t.offset) + (1u64 << t.log_size) > capacity) {
            return Err(ModelError::Weights);
        }
        for (number, step) in self.steps.iter().enumerate() {
            let fault = ModelError::Steps { step: number };
            let witness = |id: u32| {
                vk.tensors
                    .get(id as usize)
                    .is_some_and(|t| t.oracle == Oracle::Witness)
            };
            let (expressions, own, log_size): (Vec<_>, Vec<u32>, u8) = match step {
                Step::Equal { zero, defines } => {
                    let zero = vk.zeros.get(*zero).ok_or(fault.clone())?;
                    (vec![&zero.expression], vec![*defines], zero.log_size)
                }
                Step::Lookup {
                    lookup,
                    remainders,
                    defines,
                } => {
                    let found = vk.lookups.get(*lookup).ok_or(fault.clone())?;
                    if remainders.iter().any(|r| r.lookup >= vk.lookups.len()) {
                        return Err(fault);
                    }
                    let own = remainders
                        .iter()
                        .map(|r| r.tensor)
                        .chain(*defines)
                        .collect();
                    let expressions = std::iter::once(&found.input).chain(&found.output);
                    (expressions.collect(), own, found.log_size)
                }
            };
            let fits = own
                .iter()
                .all(|id| witness(*id) && vk.tensors[*id as usize].log_size == log_size);
            let known = expressions
                .iter()
                .flat_map(|e| &e.terms)
                .flat_map(|t| t.left.into_iter().chain([t.right]))
                .all(|id| defined[id as usize] || own.contains(&id));
            if !fits || !known {
                return Err(fault);
            }
            own.iter().for_each(|id| defined[*id as usize] = true);
        }
        Ok(())
    }
}

fn read_step(r: &mut Reader<'_>) -> Result<Step, VerifyError> {
    match r.u8()? {
        0 => {
            let lookup = r.u32()? as usize;
            let remainders = r.list(|r| {
                Ok(Remainder {
                    tensor: r.u32()?,
                    lookup: r.u32()? as usize,
                })
            })?;
            let defines = match (r.u8()?, r.u32()?) {
                (0, _) => None,
                (1, id) => Some(id),
                _ => return Err(VerifyError::UndefinedValue),
            };
            Ok(Step::Lookup {
                lookup,
                remainders,
                defines,
            })
        }
        1 => Ok(Step::Equal {
            zero: r.u32()? as usize,
            defines: r.u32()?,
        }),
        _ => Err(VerifyError::UndefinedValue),
    }
}

/// The field elements of the weight oracle, padded to its size.
pub(crate) fn weight_cells(vk: &Vk, weights: &[i32]) -> Vec<M31> {
    let mut cells: Vec<M31> = weights.iter().map(|v| M31::from_i64((*v).into())).collect();
    cells.resize(1 << (vk.log_rows + vk.log_weight_columns), M31::ZERO);
    cells
}
