//! The prover: the verifier's steps (`stwo_ml_verifier::verify`) from the other side.

use std::time::Duration;

use stwo_ml_verifier::claims::{self, Claimed};
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::lookup::Fingerprint;
use stwo_ml_verifier::proof::{Proof, Reduction};
use stwo_ml_verifier::shape::Shape;
use stwo_ml_verifier::starknet::{Projection, StarknetError};
use stwo_ml_verifier::transcript::{Label, Transcript};
use stwo_ml_verifier::vk::{Oracle, Vk};
use stwo_ml_verifier::{Level, Statement, Verified, VerifyError, verify};

use crate::artifact::{Model, ModelError, weight_cells};
use crate::backend::{
    self, Backend, BackendError, Cells, Committed, Product, ProductSumcheck, Simd,
};

mod contraction;
mod forms;
mod lookup;
mod opening;
mod progress;
mod solve;
mod terms;

pub(crate) use forms::eq_table;
use progress::Clock;
pub use progress::{PHASES, Progress};
pub use solve::{SolveError, Witness, solve};

/// Why no proof was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The inputs do not fit the model.
    #[error(transparent)]
    Input(#[from] SolveError),
    /// The backend could not compute.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The proof that was made does not verify: a fault of the prover, never a valid result.
    #[error("the prover made a proof that does not verify ({0}); please report this")]
    SelfCheck(VerifyError),
}

/// A finished proof.
#[derive(Clone, Debug)]
pub struct Proven {
    /// Input and output.
    pub statement: Statement,
    /// The proof.
    pub proof: Proof,
    /// What the verifier said of it.
    pub verified: Verified,
    /// Wall-clock time by phase, in order.
    pub phases: Vec<(&'static str, Duration)>,
}

/// A model with its committed weights, which every proof reuses.
pub struct Prover<'a, B: Backend = Simd> {
    model: Model,
    shape: Shape,
    backend: &'a B,
    weights: B::Table,
    /// How the malicious prover of the tests cheats in the opening.
    #[cfg(feature = "test-levels")]
    pub corruption: Option<Corruption>,
}

/// A way to cheat in the opening.
#[cfg(feature = "test-levels")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corruption {
    /// Commit to another word than the fold of the first.
    FoldedWord,
    /// Send a clear polynomial with the right evaluation that is not the fold.
    ClearPolynomial,
}

impl<B: Backend> std::fmt::Debug for Prover<'_, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prover")
            .field("model", &self.model.vk.name)
            .finish_non_exhaustive()
    }
}

impl<'a, B: Backend> Prover<'a, B> {
    /// Commits to the weights and compares with the key.
    ///
    /// # Errors
    /// [`ModelError::Weights`] if the weights are not those of the key, or the backend's error.
    pub fn new(model: Model, backend: &'a B) -> Result<Self, ModelError> {
        let prover = Self::commit(model, backend)?;
        let log_cap = prover.shape.words[0].log_cap.into();
        if prover.weights.cap(log_cap)? != prover.model.vk.weights {
            return Err(ModelError::Weights);
        }
        Ok(prover)
    }

    /// As [`new`](Self::new), with whatever weights the model holds.
    ///
    /// # Errors
    /// The backend's error.
    #[cfg(feature = "test-levels")]
    pub fn new_unchecked(model: Model, backend: &'a B) -> Result<Self, ModelError> {
        Self::commit(model, backend)
    }

    fn commit(model: Model, backend: &'a B) -> Result<Self, ModelError> {
        let vk = &model.vk;
        let cells = weight_cells(vk, &model.weights);
        let weights = backend.commit(cells, vk.log_rows.into(), vk.level.parameters())?;
        Ok(Self {
            shape: Shape::new(vk),
            backend,
            weights,
            model,
            #[cfg(feature = "test-levels")]
            corruption: None,
        })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Runs the model on integer inputs (row-major, one per port), proves the run and verifies
    /// the proof. At the level `onchain128` the proof has a projection that the deployed contract
    /// takes ([`Projection`]), if its statement has a commitment at all.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove(&self, inputs: &[Vec<i32>], progress: Progress<'_>) -> Result<Proven, ProveError> {
        let vk = &self.model.vk;
        self.prove_admitted(inputs, progress, &|statement, proof| {
            vk.level != Level::Onchain128
                || !matches!(
                    Projection::new(vk, statement, proof),
                    Err(StarknetError::Zero { .. } | StarknetError::Point)
                )
        })
    }

    /// As [`prove`](Self::prove), but begins again with the next nonce of the first proof of work
    /// until the proof is admitted.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove_admitted(
        &self,
        inputs: &[Vec<i32>],
        progress: Progress<'_>,
        admits: &dyn Fn(&Statement, &Proof) -> bool,
    ) -> Result<Proven, ProveError> {
        let vk = &self.model.vk;
        let mut clock = Clock::new(progress);
        let witness = solve(vk, &self.model.steps, &self.model.weights, inputs)?;
        clock.finish_phase();
        let statement = self.statement(inputs, &witness);
        let mut refused = None;
        loop {
            let mut transcript = Transcript::new();
            let proof = self.argue(&statement, &witness, refused, &mut transcript, &mut clock)?;
            let verified = verify(vk, &statement, &proof).map_err(ProveError::SelfCheck)?;
            if admits(&statement, &proof) {
                clock.finish_phase();
                return Ok(Proven {
                    statement,
                    proof,
                    verified,
                    phases: clock.phases,
                });
            }
            refused = Some(proof.lookup_nonce);
            clock.return_to(1);
        }
    }

    /// Argues for any statement and witness, true or not, and checks nothing: the malicious
    /// prover of the tests.
    ///
    /// # Errors
    /// The backend's error.
    #[cfg(feature = "test-levels")]
    pub fn prove_unchecked(
        &self,
        statement: &Statement,
        witness: &Witness,
    ) -> Result<(Proof, Transcript), BackendError> {
        let mut transcript = Transcript::new();
        let clock = &mut Clock::new(&|_| ());
        let proof = self.argue(statement, witness, None, &mut transcript, clock)?;
        Ok((proof, transcript))
    }

    /// The public statement of a witness.
    pub fn statement(&self, inputs: &[Vec<i32>], witness: &Witness) -> Statement {
        let output = |port: &stwo_ml_verifier::vk::Port| {
            let dims: Vec<usize> = port.dims.iter().map(|d| *d as usize).collect();
            crate::circuit::extract(&witness.tensors[port.tensor as usize], &dims)
        };
        Statement {
            inputs: inputs.to_vec(),
            outputs: self.model.vk.outputs.iter().map(output).collect(),
        }
    }

    /// Plays the prover's part on any statement and witness, true or not. The first proof of work
    /// passes over the nonces up to `refused`.
    fn argue(
        &self,
        statement: &Statement,
        witness: &Witness,
        refused: Option<u64>,
        transcript: &mut Transcript,
        clock: &mut Clock<'_>,
    ) -> backend::Result<Proof> {
        let (vk, shape) = (&self.model.vk, &self.shape);
        let level = vk.level.parameters();

        // 1. Commit to the witness.
        let cells = witness_cells(vk, witness);
        let committed = self.backend.commit(cells, vk.log_rows.into(), level)?;
        let tables = [&committed, &self.weights];
        let cap = committed.cap(shape.words[0].log_cap.into())?;
        transcript.absorb(Label::VkDigest, &vk.digest().0);
        statement.absorb(transcript);
        transcript.absorb_digests(Label::WitnessCap, &cap);
        clock.finish_phase();

        // 2. Lookups.
        let bits = level.lookup_grind.into();
        let lookup_nonce = self.grind(transcript, Label::LookupNonce, bits, refused)?;
        let fingerprint = Fingerprint::draw(transcript);
        let blocks = lookup::blocks(vk, shape, witness);
        let tree = self
            .backend
            .fractions(tables, &blocks, shape.log_leaves, fingerprint)?;
        let (lookup, leaf) = lookup::prove(shape.log_leaves, tree, transcript)?;
        clock.finish_phase();

        // 3. and 4. Public tensors, vanishing expressions, bilinear terms.
        let cell = transcript.challenges(Label::CellPoint, shape.cell_rounds);
        let ports = statement.evaluate(vk, &cell);
        let (contraction, point) = self.contract(tables, [&leaf, &cell], transcript)?;
        clock.finish_phase();

        // 5. All claims, reduced to one point.
        let claimed = Claimed {
            leaf: &leaf,
            columns: &lookup.columns,
            cell: &cell,
            ports: &ports,
            bilinear: &contraction.values,
            contraction: &point,
            ends: &contraction.ends,
        };
        let claims = claims::collect(vk, claimed).expect("the key was validated");
        let batch = transcript.challenge(Label::ReductionBatch);
        let products = [Oracle::Witness, Oracle::Weights].map(|oracle| Product {
            base: Cells {
                oracle,
                offset: 0,
                log_size: u32::from(shape.log_rows) + u32::from(shape.log_columns_of(oracle)),
            },
            form: forms::batched(vk, &claims, batch, oracle),
        });
        let mut nonces = Vec::new();
        let variables = shape.reduction_rounds;
        let mut sumcheck = self.backend.products(tables, &products, variables)?;
        let (rounds, point) = run(
            &mut *sumcheck,
            variables,
            Label::ReductionRound,
            transcript,
            |transcript, round| {
                if round < usize::from(shape.log_columns()) {
                    self.proximity_grind(transcript, &mut nonces)?;
                }
                Ok(())
            },
        )?;
        let ends = sumcheck.ends()?;
        let values = [ends[0][0], ends[1][0]];
        transcript.absorb_elements(Label::ReductionEnd, &values);
        drop(sumcheck);
        clock.finish_phase();

        // 6. Open.
        let opening = self.open(tables, &point, transcript, &mut nonces)?;
        clock.finish_phase();
        let reduction = Reduction {
            rounds,
            nonces,
            values,
        };
        Ok(Proof {
            witness: cap,
            lookup_nonce,
            lookup,
            contraction,
            reduction,
            opening,
        })
    }

    /// Finds, checks in and returns a nonce, one past `refused` if that is given.
    fn grind(
        &self,
        transcript: &mut Transcript,
        label: Label,
        bits: u32,
        refused: Option<u64>,
    ) -> backend::Result<u64> {
        let seed = transcript.clone().grind_seed(label);
        let nonce = match refused {
            None => self.backend.grind(&seed, bits)?,
            Some(refused) => self.backend.grind_past(&seed, bits, refused),
        };
        assert!(
            transcript.grind(label, bits, nonce),
            "the backend's nonce is sufficient"
        );
        Ok(nonce)
    }

    /// Adds a nonce before a proximity challenge, if the level asks for one.
    fn proximity_grind(
        &self,
        transcript: &mut Transcript,
        nonces: &mut Vec<u64>,
    ) -> backend::Result<()> {
        let bits = self.model.vk.level.parameters().proximity_grind.into();
        if bits > 0 {
            nonces.push(self.grind(transcript, Label::ProximityNonce, bits, None)?);
        }
        Ok(())
    }
}

/// Runs a sumcheck of products. `before_challenge` is called with the round's number.
fn run(
    sumcheck: &mut dyn ProductSumcheck,
    rounds: usize,
    label: Label,
    transcript: &mut Transcript,
    mut before_challenge: impl FnMut(&mut Transcript, usize) -> backend::Result<()>,
) -> backend::Result<(Vec<[QM31; 3]>, Vec<QM31>)> {
    let mut point = Vec::with_capacity(rounds);
    let mut messages = Vec::with_capacity(rounds);
    for i in 0..rounds {
        let message = sumcheck.round()?;
        transcript.absorb_elements(label, &message);
        before_challenge(transcript, i)?;
        let r = transcript.challenge(label);
        sumcheck.bind(r)?;
        point.push(r);
        messages.push(message);
    }
    Ok((messages, point))
}

/// The cells of the witness oracle.
fn witness_cells(vk: &Vk, witness: &Witness) -> Vec<M31> {
    let mut cells = vec![M31::ZERO; 1 << (vk.log_rows + vk.log_witness_columns)];
    for (tensor, values) in vk.tensors.iter().zip(&witness.tensors) {
        if tensor.oracle == Oracle::Witness {
            let target = &mut cells[tensor.offset as usize..][..values.len()];
            target
                .iter_mut()
                .zip(values)
                .for_each(|(t, v)| *t = M31::from_i64((*v).into()));
        }
    }
    cells
}
