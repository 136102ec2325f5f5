//! The proof and its encoding.
//!
//! Every length follows from the key's [`Shape`], so the encoding has no length prefix and a
//! decoded proof has the right shape by construction.

use alloc::vec::Vec;

use crate::codec::{Reader, Writer};
use crate::error::VerifyError;
use crate::field::{M31, QM31};
use crate::hash::Digest;
use crate::lookup::{Layer, LookupProof};
use crate::shape::{Shape, Word, power};
use crate::sumcheck::Round;
use crate::vk::Vk;

/// A proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Merkle cap of the witness oracle.
    pub witness: Vec<Digest>,
    /// Nonce of the proof of work before the lookup challenges.
    pub lookup_nonce: u64,
    /// The lookup argument.
    pub lookup: LookupProof,
    /// The bilinear terms.
    pub contraction: Contraction,
    /// The claim reduction.
    pub reduction: Reduction,
    /// The opening of the oracles at one point.
    pub opening: Opening,
}

/// Reduction of the bilinear terms to claims on their operands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contraction {
    /// Values of the terms.
    pub values: Vec<QM31>,
    /// Sumcheck rounds.
    pub rounds: Vec<Round>,
    /// Per term: the right operand at the sumcheck's point, and the left operand's form.
    pub ends: Vec<[QM31; 2]>,
}

/// Reduction of all claims to one evaluation per oracle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reduction {
    /// Sumcheck rounds.
    pub rounds: Vec<Round>,
    /// Nonces of the proofs of work before proximity challenges: the column rounds, the join,
    /// the folding rounds. Empty unless the level asks for them.
    pub nonces: Vec<u64>,
    /// Evaluations of the witness oracle and of the weight oracle.
    pub values: [QM31; 2],
}

/// Opening of the joined oracles at a point, by folding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Per folded variable, the evaluations of the two halves at the rest of the point.
    pub rounds: Vec<[QM31; 2]>,
    /// Merkle caps of the folded words.
    pub caps: Vec<Vec<Digest>>,
    /// Values of the folded polynomial over the remaining cube.
    pub clear: Vec<QM31>,
    /// Nonce of the proof of work before the queries.
    pub nonce: u64,
    /// The queries.
    pub queries: Vec<Query>,
}

/// The openings of one query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Rows of the witness oracle.
    pub witness: Rows,
    /// Rows of the weight oracle.
    pub weights: Rows,
    /// Cosets of the folded words.
    pub layers: Vec<Coset>,
}

/// An aligned block of rows of an oracle's codewords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The rows, each one value per column.
    pub rows: Vec<Vec<M31>>,
    /// Siblings from the block to the cap.
    pub path: Vec<Digest>,
}

/// A coset of a folded word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coset {
    /// The values.
    pub values: Vec<QM31>,
    /// Siblings from the coset to the cap.
    pub path: Vec<Digest>,
}

fn round(r: &mut Reader<'_>) -> Result<Round, VerifyError> {
    Ok([r.qm31()?, r.qm31()?, r.qm31()?])
}

impl Rows {
    fn decode(r: &mut Reader<'_>, word: &Word, log_columns: u8) -> Result<Self, VerifyError> {
        let columns = power(log_columns.into());
        Ok(Self {
            rows: r.many(word.coset_length(), |r| r.many(columns, Reader::m31))?,
            path: r.many(word.path_length(), Reader::digest)?,
        })
    }

    fn encode(&self, w: &mut Writer) {
        self.rows.iter().flatten().for_each(|v| w.m31(v));
        self.path.iter().for_each(|d| w.digest(d));
    }
}

impl Query {
    fn decode(r: &mut Reader<'_>, shape: &Shape) -> Result<Self, VerifyError> {
        let (oracle, layers) = shape.words.split_first().ok_or(VerifyError::Shape)?;
        Ok(Self {
            witness: Rows::decode(r, oracle, shape.log_witness_columns)?,
            weights: Rows::decode(r, oracle, shape.log_weight_columns)?,
            layers: layers
                .iter()
                .map(|word| {
                    Ok(Coset {
                        values: r.many(word.coset_length(), Reader::qm31)?,
                        path: r.many(word.path_length(), Reader::digest)?,
                    })
                })
                .collect::<Result<_, VerifyError>>()?,
        })
    }
}

impl Proof {
    /// Reads a proof under a key.
    ///
    /// # Errors
    /// [`VerifyError::Truncated`] or [`VerifyError::NonCanonical`].
    pub fn read(r: &mut Reader<'_>, vk: &Vk) -> Result<Self, VerifyError> {
        let shape = &Shape::new(vk);
        let level = vk.level.parameters();
        let (oracle, folded) = shape.words.split_first().ok_or(VerifyError::Shape)?;
        let depth = usize::try_from(shape.log_leaves).map_err(|_| VerifyError::Shape)?;
        let folds = usize::from(shape.log_rows.saturating_sub(shape.log_clear));
        Ok(Self {
            witness: r.many(oracle.cap_length(), Reader::digest)?,
            lookup_nonce: r.u64()?,
            lookup: LookupProof {
                layers: (0..depth)
                    .map(|i| {
                        let rounds = r.many(i, round)?;
                        Ok(Layer {
                            rounds,
                            halves: [r.qm31()?, r.qm31()?, r.qm31()?, r.qm31()?],
                        })
                    })
                    .collect::<Result<_, VerifyError>>()?,
                columns: r.many(shape.columns, Reader::qm31)?,
            },
            contraction: Contraction {
                values: r.many(shape.bilinear, Reader::qm31)?,
                rounds: r.many(shape.contraction_rounds, round)?,
                ends: r.many(shape.bilinear, |r| Ok([r.qm31()?, r.qm31()?]))?,
            },
            reduction: Reduction {
                rounds: r.many(shape.reduction_rounds, round)?,
                nonces: r.many(shape.proximity_nonces, Reader::u64)?,
                values: [r.qm31()?, r.qm31()?],
            },
            opening: Opening {
                rounds: r.many(folds, |r| Ok([r.qm31()?, r.qm31()?]))?,
                caps: folded
                    .iter()
                    .map(|word| r.many(word.cap_length(), Reader::digest))
                    .collect::<Result<_, VerifyError>>()?,
                clear: r.many(power(shape.log_clear.into()), Reader::qm31)?,
                nonce: r.u64()?,
                queries: r.many(level.queries.into(), |r| Query::decode(r, shape))?,
            },
        })
    }

    /// Appends the encoding.
    pub fn write(&self, w: &mut Writer) {
        let elements = |w: &mut Writer, e: &[QM31]| e.iter().for_each(|e| w.qm31(e));
        self.witness.iter().for_each(|d| w.digest(d));
        w.u64(self.lookup_nonce);
        for layer in &self.lookup.layers {
            layer.rounds.iter().for_each(|r| elements(w, r));
            elements(w, &layer.halves);
        }
        elements(w, &self.lookup.columns);
        elements(w, &self.contraction.values);
        self.contraction.rounds.iter().for_each(|r| elements(w, r));
        self.contraction.ends.iter().for_each(|e| elements(w, e));
        self.reduction.rounds.iter().for_each(|r| elements(w, r));
        self.reduction.nonces.iter().for_each(|n| w.u64(*n));
        elements(w, &self.reduction.values);
        self.opening.rounds.iter().for_each(|r| elements(w, r));
        self.opening.caps.iter().flatten().for_each(|d| w.digest(d));
        elements(w, &self.opening.clear);
        w.u64(self.opening.nonce);
        for query in &self.opening.queries {
            query.witness.encode(w);
            query.weights.encode(w);
            for coset in &query.layers {
                elements(w, &coset.values);
                coset.path.iter().for_each(|d| w.digest(d));
            }
        }
    }
}
